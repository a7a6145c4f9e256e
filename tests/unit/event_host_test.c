/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event_host_test.c - the real host: its clock and timers, descriptors, posts from other threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hosts.h"
#include "starve.h"

#define MS	    1000000ull
#define POSTERS	    4u
#define POSTS_EACH  2000u
#define LINES_BYTES 256u

static struct lwf_host *host;
static char line[LINES_BYTES];
static enum lwf_log_level line_level;

static void sink(enum lwf_log_level level, const char *text)
{
	line_level = level;
	strncpy(line, text, sizeof(line) - 1);
}

static int open_host(void **state)
{
	(void)state;
	host = lwf_event_host_create(sink);
	return host ? 0 : -1;
}

static int close_host(void **state)
{
	(void)state;
	lwf_event_host_destroy(host);
	return 0;
}

/* ---- timers ---- */

struct probe {
	struct lwf_timer timer;
	uint64_t due_ns, fired_ns;
	uint32_t fired, last;
};

static uint32_t fired_in_all;

static void on_probe(void *context)
{
	struct probe *probe = context;

	assert_false(probe->timer.armed);
	probe->fired++;
	probe->fired_ns = lwf_host_now_ns(host);
	fired_in_all++;
	if (probe->last)
		lwf_event_host_stop(host);
}

static void arm(struct probe *probe, uint64_t delay_ns)
{
	probe->due_ns = lwf_host_now_ns(host) + delay_ns;
	lwf_timer_set(&probe->timer, delay_ns);
	assert_true(probe->timer.armed);
}

static void test_timers(void **state)
{
	struct probe probe[4] = {0};

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(lwf_timer_init(&probe[i].timer, host, on_probe, &probe[i]), 0);
	probe[3].last = 1;
	arm(&probe[3], 12 * MS);
	arm(&probe[0], 5 * MS);
	arm(&probe[1], 300 * MS);
	arm(&probe[1], 2 * MS + 345); /* armed anew: only the new time counts */
	arm(&probe[2], 1 * MS);
	lwf_timer_cancel(&probe[2].timer);
	assert_false(probe[2].timer.armed);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(probe[0].fired, 1);
	assert_int_equal(probe[1].fired, 1);
	assert_int_equal(probe[2].fired, 0);
	assert_int_equal(probe[3].fired, 1);
	assert_true(probe[1].fired_ns <= probe[0].fired_ns);
	assert_true(probe[0].fired_ns <= probe[3].fired_ns);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(!probe[i].fired || probe[i].fired_ns >= probe[i].due_ns);
		lwf_timer_fini(&probe[i].timer);
	}
}

/* A turn that takes long does not make the timers it arms fire early. */
static void on_slow_turn(void *context)
{
	usleep(20000);
	arm(context, 5 * MS);
}

static void test_timer_after_a_slow_turn(void **state)
{
	struct lwf_task task = {.fn = on_slow_turn};
	struct probe probe = {.last = 1};

	(void)state;
	assert_int_equal(lwf_timer_init(&probe.timer, host, on_probe, &probe), 0);
	task.context = &probe;
	lwf_host_post(host, &task);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_true(probe.fired_ns >= probe.due_ns);
	lwf_timer_fini(&probe.timer);
}

/* A timer that arms itself with no delay leaves the descriptors their turn. */
static void on_again(void *context)
{
	lwf_timer_set(context, 0);
}

static void on_readable_stop(void *context, unsigned events)
{
	(*(uint32_t *)context)++;
	assert_int_equal(events, LWF_WATCH_READ);
	lwf_event_host_stop(host);
}

static void test_nobody_starves(void **state)
{
	struct lwf_timer timer;
	struct lwf_watch watch;
	uint32_t heard = 0;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(lwf_timer_init(&timer, host, on_again, &timer), 0);
	lwf_timer_set(&timer, 0);
	assert_int_equal(
		lwf_watch_init(&watch, host, pipes[0], LWF_WATCH_READ, 1, on_readable_stop, &heard),
		0);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(heard, 1);
	lwf_timer_fini(&timer);
	lwf_watch_fini(&watch);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- a post from a callback whose descriptor stays readable until the post is run ---- */

struct busy {
	struct lwf_task task;
	uint32_t heard, run;
	bool posted;
};

static void on_drain(void *context)
{
	struct busy *busy = context;

	busy->posted = false;
	if (++busy->run == 3)
		lwf_event_host_stop(host);
}

static void on_readable_post(void *context, unsigned events)
{
	struct busy *busy = context;

	assert_int_equal(events, LWF_WATCH_READ);
	if (!busy->posted)
		lwf_host_post(host, &busy->task);
	busy->posted = true;
	if (++busy->heard == 1000)
		lwf_event_host_stop(host); /* in vain */
}

static void test_posts_are_run_beside_a_busy_descriptor(void **state)
{
	struct busy busy = {.task = {.fn = on_drain, .context = &busy}};
	struct lwf_watch watch;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(
		lwf_watch_init(&watch, host, pipes[0], LWF_WATCH_READ, 1, on_readable_post, &busy),
		0);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(busy.run, 3);
	assert_in_range(busy.heard, 3, 10);
	lwf_watch_fini(&watch);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- watches ---- */

static char order[8];

static void note(char who)
{
	size_t length = strlen(order);

	assert_true(length + 1 < sizeof(order));
	order[length] = who;
}

static void on_data(void *context, unsigned events)
{
	(void)events;
	note('d');
	lwf_watch_set(context, 0);
}

static void on_link(void *context, unsigned events)
{
	(void)events;
	note('l');
	lwf_watch_set(context, 0);
}

static void on_stop(void *context)
{
	(void)context;
	lwf_event_host_stop(host);
}

static void test_priorities_and_interest(void **state)
{
	struct lwf_watch data, link_watch;
	struct lwf_timer timer;
	int pipes[2];

	(void)state;
	memset(order, 0, sizeof(order));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	/* The data watch is older, the link watch comes first all the same. */
	assert_int_equal(lwf_watch_init(&data, host, pipes[0], LWF_WATCH_READ, 1, on_data, &data),
			 0);
	assert_int_equal(lwf_watch_init(&link_watch, host, pipes[0], LWF_WATCH_READ, 0, on_link,
					&link_watch),
			 0);
	assert_int_equal(lwf_timer_init(&timer, host, on_stop, NULL), 0);
	lwf_timer_set(&timer, 20 * MS);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_string_equal(order, "ld"); /* and with no interest nothing more is heard */
	lwf_watch_set(&data, LWF_WATCH_READ);
	lwf_timer_set(&timer, 20 * MS);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_string_equal(order, "ldd");
	lwf_watch_fini(&data);
	lwf_watch_fini(&link_watch);
	lwf_watch_fini(&data); /* once more does nothing */
	lwf_timer_fini(&timer);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- posts ---- */

struct poster {
	pthread_t thread;
	struct lwf_task task[POSTS_EACH];
	uint32_t ran;
};

static uint32_t posts_run;

static void on_post(void *context)
{
	struct poster *poster = context;

	poster->ran++;
	if (++posts_run == POSTERS * POSTS_EACH)
		lwf_event_host_stop(host);
}

static void *post_all(void *context)
{
	struct poster *poster = context;

	for (uint32_t i = 0; i < POSTS_EACH; i++) {
		poster->task[i] = (struct lwf_task){.fn = on_post, .context = poster};
		lwf_host_post(host, &poster->task[i]);
	}
	return NULL;
}

static void test_posts_from_threads(void **state)
{
	static struct poster poster[POSTERS];

	(void)state;
	for (uint32_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&poster[i].thread, NULL, post_all, &poster[i]), 0);
	assert_int_equal(lwf_event_host_run(host), 0);
	for (uint32_t i = 0; i < POSTERS; i++) {
		pthread_join(poster[i].thread, NULL);
		assert_int_equal(poster[i].ran, POSTS_EACH);
	}
}

static struct lwf_task again;
static uint32_t agains;

static void on_again_post(void *context)
{
	(void)context;
	note((char)('a' + agains));
	if (++agains < 3)
		lwf_host_post(host, &again);
	else
		lwf_event_host_stop(host);
}

static void on_other(void *context)
{
	(void)context;
	note('o');
}

/* In the order of posting; a task may post itself again from inside. */
static void test_post_order(void **state)
{
	struct lwf_task other = {.fn = on_other};

	(void)state;
	memset(order, 0, sizeof(order));
	again.fn = on_again_post;
	lwf_host_post(host, &again);
	lwf_host_post(host, &other);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_string_equal(order, "aobc");
}

/* ---- the rest ---- */

static void test_memory(void **state)
{
	static const size_t sizes[] = {1, 64, 1000, 300000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *memory = lwf_host_alloc(host, sizes[i]);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % 64, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(memory[k], 0);
		memset(memory, 0xff, sizes[i]);
		lwf_host_free(host, memory);
	}
	lwf_host_free(host, NULL);
	assert_null(lwf_host_alloc(host, SIZE_MAX));
}

static void test_random_and_clock(void **state)
{
	uint64_t a = lwf_host_random(host), b = lwf_host_random(host);
	uint64_t before_ns = lwf_host_now_ns(host);

	(void)state;
	assert_true(a != b);
	usleep(1000);
	assert_true(lwf_host_now_ns(host) >= before_ns + MS);
}

static void test_log(void **state)
{
	(void)state;
	lwf_log(host, LWF_LOG_WARNING, "eth1/inject: %d frames\n", 7);
	assert_string_equal(line, "eth1/inject: 7 frames");
	assert_int_equal(line_level, LWF_LOG_WARNING);
}

static uint32_t signals;

static void on_signal(void *context)
{
	(void)context;
	signals++;
	lwf_event_host_stop(host);
}

static void test_signal(void **state)
{
	(void)state;
	assert_int_equal(lwf_event_host_signal(host, SIGUSR1, on_signal, NULL), 0);
	raise(SIGUSR1);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(signals, 1);
}

/* A stop that came before the run is not forgotten, and counts once. */
static void test_stop_before_run(void **state)
{
	struct probe probe = {.last = 1};

	(void)state;
	lwf_event_host_stop(host);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(lwf_timer_init(&probe.timer, host, on_probe, &probe), 0);
	arm(&probe, 1 * MS);
	assert_int_equal(lwf_event_host_run(host), 0);
	assert_int_equal(probe.fired, 1);
	lwf_timer_fini(&probe.timer);
}

/* ---- without memory ---- */

#define MANY_TIMERS 500u

static void test_timers_need_no_memory(void **state)
{
	static struct probe probe[MANY_TIMERS];

	(void)state;
	fired_in_all = 0;
	for (uint32_t i = 0; i < MANY_TIMERS; i++)
		assert_int_equal(lwf_timer_init(&probe[i].timer, host, on_probe, &probe[i]), 0);
	probe[MANY_TIMERS - 1].last = 1;
	starve.all = true;
	for (uint32_t i = 0; i < MANY_TIMERS; i++)
		lwf_timer_set(&probe[i].timer, i == MANY_TIMERS - 1 ? 20 * MS : MS);
	lwf_event_host_run(host);
	starve.all = false;
	assert_int_equal(fired_in_all, MANY_TIMERS);
	for (uint32_t i = 0; i < MANY_TIMERS; i++)
		lwf_timer_fini(&probe[i].timer);
}

static void on_late_interest(void *context, unsigned events)
{
	unsigned *seen = context;

	*seen = events;
	lwf_event_host_stop(host);
}

static void test_interest_needs_no_memory(void **state)
{
	struct probe end = {.last = 1};
	struct lwf_watch watch;
	unsigned seen = 0;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(lwf_timer_init(&end.timer, host, on_probe, &end), 0);
	assert_int_equal(lwf_watch_init(&watch, host, ends[0], 0, 1, on_late_interest, &seen), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	starve.all = true;
	lwf_watch_set(&watch, LWF_WATCH_READ);
	lwf_timer_set(&end.timer, 200 * MS);
	lwf_event_host_run(host);
	starve.all = false;
	assert_int_equal(seen, LWF_WATCH_READ);
	lwf_watch_fini(&watch);
	lwf_timer_fini(&end.timer);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timers, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_timer_after_a_slow_turn, open_host,
						close_host),
		cmocka_unit_test_setup_teardown(test_nobody_starves, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_posts_are_run_beside_a_busy_descriptor,
						open_host, close_host),
		cmocka_unit_test_setup_teardown(test_priorities_and_interest, open_host,
						close_host),
		cmocka_unit_test_setup_teardown(test_posts_from_threads, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_post_order, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_memory, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_random_and_clock, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_log, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_signal, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_stop_before_run, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_timers_need_no_memory, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_interest_needs_no_memory, open_host,
						close_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
