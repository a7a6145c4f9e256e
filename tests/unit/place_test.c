/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place_test.c - where the loop goes when it shares its processor: what /proc/stat says, the choice,
 * and that the thread's set of processors is the same afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <string.h>

#include "place.h"

static struct place_idle before, after;

static const char text[] = "cpu  10 0 10 700 0 0 0 0 0 0\n"
			   "cpu0 5 0 5 300 1 0 0 0 0 0\n"
			   "cpu2 5 0 5 4294967300 1 0 0 0 0 0\n"
			   "cpu9999 5 0 5 400 1 0 0 0 0 0\n"
			   "intr 1 2 3\n";

static bool all(const void *context, unsigned cpu)
{
	(void)context;
	(void)cpu;
	return true;
}

static bool but(const void *context, unsigned cpu)
{
	return cpu != *(const unsigned *)context;
}

static int fresh(void **state)
{
	(void)state;
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	for (unsigned cpu = 0; cpu < 3; cpu++)
		before.online[cpu] = after.online[cpu] = true;
	return 0;
}

static void reads_idle_ticks(void **state)
{
	(void)state;
	lwf_place_read_idle(text, strlen(text), &after);
	assert_true(after.online[0]);
	assert_int_equal(after.ticks[0], 300);
	assert_false(after.online[1]);
	assert_true(after.online[2]);
	assert_int_equal(after.ticks[2], 4); /* it counts modulo 2^32 */
}

static void a_cut_line_does_not_count(void **state)
{
	const char *second = strstr(text, "cpu2");

	(void)state;
	for (const char *end = text; end <= strchr(second, '\n'); end++) {
		lwf_place_read_idle(text, (size_t)(end - text), &after);
		assert_false(after.online[2]);
	}
	lwf_place_read_idle(text, (size_t)(strchr(second, '\n') + 1 - text), &after);
	assert_true(after.online[2]);
}

static void goes_where_it_is_idlest(void **state)
{
	(void)state;
	after.ticks[0] = 1;
	after.ticks[1] = 6;
	after.ticks[2] = 7;
	assert_int_equal(lwf_place_choose(&before, &after, 0, 10, all, NULL), 2);
	assert_int_equal(lwf_place_choose(&before, &after, 2, 10, all, NULL), -1);
}

static void stays_when_nothing_is_idle_enough(void **state)
{
	(void)state;
	after.ticks[1] = 2;
	assert_int_equal(lwf_place_choose(&before, &after, 0, 8, all, NULL), -1);
	after.ticks[1] = 3;
	assert_int_equal(lwf_place_choose(&before, &after, 0, 8, all, NULL), 1);
}

static void stays_within_its_set(void **state)
{
	const unsigned forbidden = 2;

	(void)state;
	after.ticks[1] = 6;
	after.ticks[2] = 9;
	assert_int_equal(lwf_place_choose(&before, &after, 0, 10, but, &forbidden), 1);
}

static void one_that_came_or_went_does_not_count(void **state)
{
	(void)state;
	before.online[1] = false; /* switched on in between: its ticks are since boot */
	after.ticks[1] = 9;
	after.online[2] = false;
	before.ticks[2] = 9; /* switched off: it counts backwards */
	assert_int_equal(lwf_place_choose(&before, &after, 0, 10, all, NULL), -1);
	before.online[1] = after.online[2] = true;
	assert_int_equal(lwf_place_choose(&before, &after, 0, 10, all, NULL), 1);
}

/* As if it had waited for ever, and processor 0 or 1 had idled all the time. */
static bool look_as_if(struct place *place, uint64_t now_ns, unsigned idle_cpu)
{
	place->since_ns = now_ns - 60000000u;
	place->next_ns = 0;
	place->waited_ns = 0;
	place->contended = true;
	lwf_place_read_idle("", 0, &place->before);
	place->before.online[idle_cpu] = true;
	return lwf_place_look(place, now_ns);
}

static void the_set_is_the_same_afterwards(void **state)
{
	static struct place place;
	cpu_set_t was, is;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	lwf_place_open(&place);
	for (uint64_t now_ns = 1000000000u; now_ns < 4000000000u; now_ns += 60000000u) {
		if (look_as_if(&place, now_ns, (unsigned)(now_ns / 60000000u % 2))) {
			assert_int_equal(sched_getaffinity(0, sizeof(is), &is), 0);
			assert_int_equal(CPU_COUNT(&is), 1);
		}
	}
	lwf_place_release(&place);
	assert_int_equal(sched_getaffinity(0, sizeof(is), &is), 0);
	assert_true(CPU_EQUAL(&was, &is));
	lwf_place_close(&place);
	assert_false(look_as_if(&place, 5000000000u, 1)); /* without accounts: nothing */
}

static void holding_gives_back_on_close(void **state)
{
	static struct place place;
	cpu_set_t was, is;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	lwf_place_open(&place);
	place.held = true;
	place.allowed = was;
	place.cpu = sched_getcpu();
	CPU_ZERO(&is);
	CPU_SET((unsigned)place.cpu, &is);
	assert_int_equal(sched_setaffinity(0, sizeof(is), &is), 0);
	lwf_place_close(&place);
	assert_int_equal(sched_getaffinity(0, sizeof(is), &is), 0);
	assert_true(CPU_EQUAL(&was, &is));
}

/* What the user sets meanwhile (taskset -p) stays. */
static void anothers_set_is_left_alone(void **state)
{
	static struct place place;
	cpu_set_t was, is;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	lwf_place_open(&place);
	place.held = true;
	CPU_ZERO(&place.allowed);
	CPU_SET(0, &place.allowed);
	place.cpu = CPU_SETSIZE - 1; /* it was there, and somebody moved it */
	lwf_place_release(&place);
	assert_int_equal(sched_getaffinity(0, sizeof(is), &is), 0);
	assert_true(CPU_EQUAL(&was, &is));
	lwf_place_close(&place);
}

/* Who holds on while the loop is busy has to see when that ends. */
static void is_busy_while_looks_come(void **state)
{
	static struct place place;
	uint64_t now_ns = 1000000000u;

	(void)state;
	lwf_place_open(&place);
	for (int i = 0; i < 10; i++, now_ns += 60000000u) {
		(void)lwf_place_look(&place, now_ns);
		assert_true(lwf_place_is_busy(&place, now_ns + 59000000u));
	}
	assert_false(lwf_place_is_busy(&place, now_ns + 200000000u));
	lwf_place_close(&place);
	assert_false(
		lwf_place_is_busy(&place, now_ns)); /* nothing is known: nothing to hold on to */
}

/* Others had a slice: it has as much. They had a moment: it yields again. */
static void takes_back_what_it_gave(void **state)
{
	static struct place place;
	const uint64_t ms = 1000000u;

	(void)state;
	assert_true(lwf_place_may_yield(&place, 10 * ms));
	lwf_place_yielded(&place, 10 * ms, 10 * ms + 900000u);
	assert_true(lwf_place_may_yield(&place, 11 * ms));
	lwf_place_yielded(&place, 20 * ms, 23 * ms);
	assert_false(lwf_place_may_yield(&place, 26 * ms - 1));
	assert_true(lwf_place_may_yield(&place, 26 * ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_idle_ticks, fresh),
		cmocka_unit_test_setup(a_cut_line_does_not_count, fresh),
		cmocka_unit_test_setup(goes_where_it_is_idlest, fresh),
		cmocka_unit_test_setup(stays_when_nothing_is_idle_enough, fresh),
		cmocka_unit_test_setup(stays_within_its_set, fresh),
		cmocka_unit_test_setup(one_that_came_or_went_does_not_count, fresh),
		cmocka_unit_test_setup(the_set_is_the_same_afterwards, fresh),
		cmocka_unit_test_setup(holding_gives_back_on_close, fresh),
		cmocka_unit_test_setup(anothers_set_is_left_alone, fresh),
		cmocka_unit_test_setup(is_busy_while_looks_come, fresh),
		cmocka_unit_test(takes_back_what_it_gave),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
