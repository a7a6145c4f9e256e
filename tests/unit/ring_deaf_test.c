/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_deaf_test.c - a client that does not read its answers is told of once, after 5 s, and again only after
 * it has read. Time is virtual; the test is the client. (ecosystem case 24)
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"
#include "rig.h"

static struct rig rig;
static struct lwf_clients clients;

struct side {
	struct lwf_client *client;
	uint8_t *map;
	struct lwf_ring_control *control;
	const char *lie;
};

static void on_ring(void *context)
{
	(void)context;
}

static void on_lie(void *context, const char *text)
{
	struct side *side = context;

	side->lie = text;
	lwf_client_close(side->client);
	side->client = NULL;
}

static void open_side(struct side *side)
{
	static const struct lwf_client_ops ops = {on_ring, on_lie};
	const struct lwf_client_options options = {.wait_when_paused = false};
	const struct lwf_client_peer peer = {.pid = 4711, .uid = 7, .comm = "test"};
	int memfd;

	memset(side, 0, sizeof(*side));
	assert_int_equal(lwf_client_open(&clients, rig.stack, &options, &peer, &ops, side,
					 &side->client, &memfd),
			 0);
	side->map = mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_ptr_not_equal(side->map, MAP_FAILED);
	close(memfd);
	side->control = (struct lwf_ring_control *)(void *)side->map;
}

static void finish(struct side *side)
{
	if (side->client)
		lwf_client_close(side->client);
	munmap(side->map, LWF_RING_BYTES);
	rig_run(&rig, 10);
	assert_int_equal(clients.count, 0);
	rig_close(&rig);
}

/* @n records; whatever room there is, is used. */
static void submit_towards(struct side *side, uint32_t n, uint32_t flags)
{
	struct lwf_ring_submit *ring = (void *)(side->map + LWF_RING_SUBMIT_OFFSET);
	uint32_t tail = side->control->submit_tail;

	for (; n-- && tail - side->control->submit_head < LWF_RING_SUBMIT_SLOTS; tail++)
		ring[tail % LWF_RING_SUBMIT_SLOTS] =
			(struct lwf_ring_submit){.id = tail + 1, .len = 60, .flags = flags};
	side->control->submit_tail = tail;
}

static void submit(struct side *side, uint32_t n)
{
	submit_towards(side, n, 0);
}

static void run(struct side *side)
{
	if (side->client)
		lwf_client_doorbell(side->client);
	rig_run(&rig, 1);
}

static uint32_t warnings, deafs, hears;
static char warning[512];

static void on_log(enum lwf_log_level level, const char *text)
{
	if (level != LWF_LOG_WARNING)
		return;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", text);
}

static void count_notes(void)
{
	deafs = hears = 0;
	for (uint32_t i = 0; i < rig.record_count; i++) {
		const struct lwf_trace_record *record = &rig.records[i];

		if (record->kind != LWF_TRACE_CLIENT)
			continue;
		deafs += strcmp(record->event, "deaf") == 0;
		hears += strcmp(record->event, "hears") == 0;
	}
}

static void setup(struct side *side)
{
	rig_open(&rig, NULL, "inject;monitor");
	lwf_clients_init(&clients, rig.host);
	warnings = 0;
	lwf_sim_host_log_to(rig.host, on_log);
	open_side(side);
}

static void expect_told(uint32_t times)
{
	count_notes();
	assert_int_equal(warnings, times);
	assert_int_equal(deafs, times);
}

/* Told after 5 s, once; again only after it has read. */
static void test_deaf_is_told_once(void **state)
{
	struct side side;

	(void)state;
	setup(&side);
	submit(&side, 2);
	run(&side);
	assert_int_equal(side.control->answer_tail, 2);
	rig_run(&rig, 4990);
	expect_told(0);
	assert_false(lwf_client_is_deaf(side.client));
	rig_run(&rig, 600);
	expect_told(1);
	assert_true(lwf_client_is_deaf(side.client));
	assert_int_equal(lwf_client_unread(side.client), 2);
	if (!strstr(warning, "session 1 of pid 4711 (test) on stack s0") ||
	    !strstr(warning, "2 are unread; when there is no more room, nothing is taken"))
		fail_msg("'%s'", warning);
	submit(&side, 1); /* answered, and still nothing is read */
	run(&side);
	rig_run(&rig, 20000);
	expect_told(1);
	side.control->answer_head = 3;
	assert_false(lwf_client_is_deaf(side.client));
	rig_run(&rig, 20000);
	expect_told(1);
	submit(&side, 1);
	run(&side);
	assert_int_equal(hears, 0);
	count_notes();
	assert_int_equal(hears, 1);
	rig_run(&rig, 5600);
	expect_told(2);
	finish(&side);
}

/* As long as it reads one of many in 5 s, it is slow, and not deaf. */
static void test_slow_is_not_deaf(void **state)
{
	struct side side;

	(void)state;
	setup(&side);
	submit(&side, 20);
	run(&side);
	for (uint32_t i = 1; i <= 10; i++) {
		rig_run(&rig, 4900);
		side.control->answer_head = i;
	}
	expect_told(0);
	side.control->answer_head = 20;
	rig_run(&rig, 60000);
	expect_told(0); /* and whoever has read all may rest */
	finish(&side);
}

/* With its ring full nothing more is taken, and that is what is told. */
static void test_deaf_and_full(void **state)
{
	struct side side;
	uint32_t id = 0;

	(void)state;
	setup(&side);
	while (id < LWF_RING_COMPLETE_SLOTS + 100) {
		submit(&side, 64);
		id += 64;
		run(&side);
	}
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS);
	rig_run(&rig, 5600);
	expect_told(1);
	if (!strstr(warning, "8192 are unread; its ring is full"))
		fail_msg("'%s'", warning);
	side.control->answer_head = 1; /* one: then one is taken, and it is deaf again */
	run(&side);
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS + 1);
	rig_run(&rig, 5600);
	expect_told(2);
	finish(&side);
}

/* Nothing of ours wakes a daemon that has told, or has nothing to tell; nobody is told of one that left. */
static void test_deaf_has_no_timer(void **state)
{
	struct side side;

	(void)state;
	setup(&side);
	submit(&side, 1);
	run(&side);
	assert_true(side.client->deaf.timer.armed);
	rig_run(&rig, 5600);
	expect_told(1);
	assert_false(side.client->deaf.timer.armed);
	side.control->answer_head = 1;
	submit(&side, 1);
	run(&side);
	side.control->answer_head = 2;
	rig_run(&rig, 600);
	assert_false(side.client->deaf.timer.armed);
	submit(&side, 1);
	run(&side);
	assert_true(side.client->deaf.timer.armed);
	/* it goes, and a frame of it is out for longer than it could have been deaf */
	lwf_sim_edge_config(rig.upper)->delay_ns = 12000 * RIG_MS;
	submit_towards(&side, 1, LWF_RING_FLAG_RECEIVE);
	run(&side);
	lwf_client_close(side.client);
	side.client = NULL;
	rig_run(&rig, 10000);
	assert_int_equal(clients.count, 1);
	expect_told(1);
	rig_run(&rig, 5000);
	finish(&side);
}

/* An index that cannot be says nothing, and ends the session at its turn. */
static void test_deaf_and_lies(void **state)
{
	struct side side;

	(void)state;
	setup(&side);
	submit(&side, 1);
	run(&side);
	side.control->answer_head = 5;
	assert_true(lwf_client_unread(side.client) <= LWF_RING_COMPLETE_SLOTS);
	rig_run(&rig, 100);
	run(&side);
	assert_non_null(side.lie);
	finish(&side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaf_is_told_once), cmocka_unit_test(test_slow_is_not_deaf),
		cmocka_unit_test(test_deaf_and_full),	  cmocka_unit_test(test_deaf_has_no_timer),
		cmocka_unit_test(test_deaf_and_lies),
	};

	return cmocka_run_group_tests_name("ring_deaf", tests, NULL, NULL);
}
