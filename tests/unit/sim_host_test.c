/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_host_test.c - the simulated host: time, order, repeatability, and failing on command.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hosts.h"

#define TIMERS 64u

static struct lwf_host *host;
static uint32_t order[1024];
static uint64_t times_ns[1024];
static uint32_t fired;

struct numbered {
	struct lwf_timer timer;
	struct lwf_task task;
	uint32_t number;
};

static void note(void *context)
{
	const struct numbered *numbered = context;

	order[fired] = numbered->number;
	times_ns[fired++] = lwf_host_now_ns(host);
}

static void test_deadline_order(void **state)
{
	struct numbered timers[TIMERS];
	uint64_t start_ns;

	(void)state;
	host = lwf_sim_host_create(5);
	start_ns = lwf_host_now_ns(host);
	fired = 0;
	for (uint32_t i = 0; i < TIMERS; i++) {
		timers[i].number = i;
		assert_int_equal(lwf_timer_init(&timers[i].timer, host, note, &timers[i]), 0);
		lwf_timer_set(&timers[i].timer, 1000 * (1 + (i * 37) % TIMERS));
	}
	lwf_timer_cancel(&timers[3].timer);
	lwf_timer_cancel(&timers[40].timer);
	lwf_timer_set(&timers[5].timer, 1000000); /* set again: the old deadline is gone */
	assert_false(timers[3].timer.armed);
	lwf_sim_host_run_until(host, start_ns + 500000);
	assert_int_equal(fired, TIMERS - 3);
	assert_true(lwf_host_now_ns(host) == start_ns + 500000);
	for (uint32_t i = 0; i < fired; i++) {
		assert_true(times_ns[i] == start_ns + 1000 * (1 + (order[i] * 37) % TIMERS));
		assert_true(i == 0 || times_ns[i] > times_ns[i - 1]);
		assert_false(timers[order[i]].timer.armed);
	}
	assert_true(lwf_sim_host_step(host));
	assert_int_equal(order[fired - 1], 5);
	assert_false(lwf_sim_host_step(host));
	for (uint32_t i = 0; i < TIMERS; i++)
		lwf_timer_fini(&timers[i].timer);
	lwf_sim_host_destroy(host);
}

/* Timers of one deadline: the order is the seed's, for ever, and not always the same. */
static void run_ties(uint64_t seed, uint32_t *result)
{
	struct numbered timers[TIMERS];

	host = lwf_sim_host_create(seed);
	fired = 0;
	for (uint32_t i = 0; i < TIMERS; i++) {
		timers[i].number = i;
		assert_int_equal(lwf_timer_init(&timers[i].timer, host, note, &timers[i]), 0);
		lwf_timer_set(&timers[i].timer, 10);
	}
	while (lwf_sim_host_step(host))
		;
	assert_int_equal(fired, TIMERS);
	memcpy(result, order, TIMERS * sizeof(*order));
	for (uint32_t i = 0; i < TIMERS; i++)
		lwf_timer_fini(&timers[i].timer);
	lwf_sim_host_destroy(host);
}

static void test_ties(void **state)
{
	uint32_t first[TIMERS], second[TIMERS], other[TIMERS];

	(void)state;
	run_ties(1, first);
	run_ties(1, second);
	run_ties(2, other);
	assert_memory_equal(first, second, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
}

static void test_random(void **state)
{
	struct lwf_host *a = lwf_sim_host_create(9), *b = lwf_sim_host_create(9);
	uint64_t ones = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t x = lwf_host_random(a);

		assert_true(x == lwf_host_random(b));
		ones += (uint64_t)__builtin_popcountll(x);
	}
	assert_in_range(ones, 31000, 33000);
	lwf_sim_host_destroy(a);
	lwf_sim_host_destroy(b);
}

static void repost(void *context)
{
	struct numbered *numbered = context;

	note(context);
	if (fired < 20)
		lwf_host_post(host, &numbered->task);
}

static void test_posts(void **state)
{
	struct numbered tasks[4];
	struct numbered timer = {.number = 99};

	(void)state;
	host = lwf_sim_host_create(1);
	fired = 0;
	assert_int_equal(lwf_timer_init(&timer.timer, host, note, &timer), 0);
	lwf_timer_set(&timer.timer, 0);
	for (uint32_t i = 0; i < 4; i++) {
		tasks[i].number = i;
		tasks[i].task = (struct lwf_task){i == 3 ? repost : note, &tasks[i], NULL};
		lwf_host_post(host, &tasks[i].task);
	}
	assert_int_equal(fired, 0); /* later, never inside */
	assert_true(lwf_sim_host_step(host));
	assert_int_equal(fired, 20);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(order[i], i);
	assert_true(lwf_sim_host_step(host));
	assert_int_equal(order[20], 99);
	assert_false(lwf_sim_host_step(host));
	lwf_timer_fini(&timer.timer);
	lwf_sim_host_destroy(host);
}

static void test_memory(void **state)
{
	uint8_t *memory[10];

	(void)state;
	host = lwf_sim_host_create(1);
	lwf_sim_host_fail_nth(host, 3);
	for (size_t i = 0; i < 10; i++) {
		memory[i] = lwf_host_alloc(host, 1 + i * 100);
		assert_true((memory[i] == NULL) == (i == 2));
		if (!memory[i])
			continue;
		assert_int_equal((uintptr_t)memory[i] % 64, 0);
		for (size_t j = 0; j < 1 + i * 100; j++)
			assert_int_equal(memory[i][j], 0);
		memset(memory[i], 0xff, 1 + i * 100);
	}
	assert_int_equal(lwf_sim_host_allocations(host), 9);
	for (size_t i = 0; i < 10; i++)
		lwf_host_free(host, memory[i]);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
}

static void ignore_events(void *context, unsigned events)
{
	(void)context;
	(void)events;
}

static void test_no_descriptors(void **state)
{
	struct lwf_watch watch;

	(void)state;
	host = lwf_sim_host_create(1);
	assert_int_equal(lwf_watch_init(&watch, host, 0, LWF_WATCH_READ, 1, ignore_events, NULL),
			 -ENOTSUP);
	lwf_watch_fini(&watch);
	lwf_sim_host_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline_order), cmocka_unit_test(test_ties),
		cmocka_unit_test(test_random),	       cmocka_unit_test(test_posts),
		cmocka_unit_test(test_memory),	       cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests_name("sim_host", tests, NULL, NULL);
}
