/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_bed.c - see server_bed.h.
 */
#include "server_bed.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "edges.h"
#include "hosts.h"

struct lwf_host *host;
struct lwf_engine *engine;
struct lwf_stack *stack;
struct lwf_server server;
struct lwf_socket sock;
struct lwf_edge *upper, *lower;

static struct lwf_config config;
static char dir[64];
static sem_t is_open, is_told, is_done;
static void (*to_do)(void);

int server_bed_begin(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/lwf-server-bed-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

int server_bed_end(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void silent(enum lwf_log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static void stop_loop(void *context)
{
	(void)context;
	lwf_event_host_stop(host);
}

static struct lwf_task stop_task = {.fn = stop_loop};

static void open_all(const struct server_bed *bed)
{
	struct lwf_error error;
	char path[80], why[128];

	host = lwf_event_host_create(silent);
	assert_non_null(host);
	engine = lwf_engine_create(host);
	assert_non_null(engine);
	for (unsigned i = 0; bed->filters[i]; i++)
		assert_int_equal(lwf_engine_register(engine, bed->filters[i]), 0);
	assert_int_equal(lwf_server_init(&server, engine, &config, NULL), 0);
	assert_int_equal(lwf_sim_edge_create(host, "up", &upper), 0);
	assert_int_equal(lwf_sim_edge_create(host, "down", &lower), 0);
	assert_int_equal(lwf_stack_create(engine, "s0", upper, lower, &stack), 0);
	for (unsigned i = 0; bed->modules[i]; i++)
		assert_int_equal(
			lwf_stack_insert(stack, bed->modules[i], i, NULL, why, sizeof(why)), 0);
	lwf_stack_start(stack);
	snprintf(path, sizeof(path), "%s/control", dir);
	sock.fd = sock.lock_fd = -1;
	assert_int_equal(lwf_socket_claim(&sock, path, &error), 0);
	assert_int_equal(lwf_socket_make(&sock, false, 0, &error), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(lwf_server_listen(&server, sock.fd), 0);
	assert_int_equal(lwf_socket_show(&sock, &error), 0);
}

static void close_all(const struct server_bed *bed)
{
	lwf_server_stop_accepting(&server);
	lwf_server_close_peers(&server);
	if (bed->closing)
		bed->closing();
	lwf_stack_close(stack, stop_loop, NULL);
	assert_int_equal(lwf_event_host_run(host), 0);
	lwf_server_fini(&server);
	assert_int_equal(lwf_engine_rules_broken(engine), 0);
	lwf_engine_destroy(engine);
	lwf_event_host_destroy(host);
	lwf_socket_close(&sock);
	assert_int_not_equal(access(sock.path, F_OK), 0);
	assert_int_not_equal(access(sock.lock_path, F_OK), 0);
}

static void *loop_thread(void *context)
{
	open_all(context);
	sem_post(&is_open);
	assert_int_equal(lwf_event_host_run(host), 0);
	sem_wait(&is_told); /* whoever posts must be out of the host before it goes */
	close_all(context);
	return NULL;
}

void server_bed_play(const struct server_bed *bed, void (*script)(void))
{
	struct server_bed copy = *bed;
	pthread_t thread;

	assert_int_equal(sem_init(&is_open, 0, 0), 0);
	assert_int_equal(sem_init(&is_told, 0, 0), 0);
	assert_int_equal(sem_init(&is_done, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, loop_thread, &copy), 0);
	sem_wait(&is_open);
	script();
	lwf_host_post(host, &stop_task);
	sem_post(&is_told);
	pthread_join(thread, NULL);
	sem_destroy(&is_open);
	sem_destroy(&is_told);
	sem_destroy(&is_done);
}

static void run_it(void *context)
{
	(void)context;
	to_do();
	sem_post(&is_done);
}

void server_bed_on_loop(void (*fn)(void))
{
	static struct lwf_task task;

	to_do = fn;
	task = (struct lwf_task){.fn = run_it};
	lwf_host_post(host, &task);
	sem_wait(&is_done);
}
