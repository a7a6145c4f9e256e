/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_wait_test.c - deadlines of records that wait in a ring: never too early, late by two steps at
 * most, in bounded memory, against a plain list of when each record came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client_wait.h"

#define MS	1000000ull
#define RECORDS 20000u

static uint64_t came_ns[RECORDS];

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Random arrivals; looks when the module says, and at other times, as states come and go. */
static void check_against_list(uint64_t limit_ns, uint32_t seed)
{
	const uint32_t start = UINT32_MAX - 5000; /* indices wrap on the way */
	struct lwf_client_wait wait;
	uint64_t now_ns = 77 * MS + seed, late_ns = 0;
	uint32_t head = 0, tail = 0;

	lwf_client_wait_init(&wait, limit_ns);
	while (head < RECORDS) {
		uint32_t burst = next_random(&seed) % 4 == 0 ? next_random(&seed) % 50 : 0;
		uint32_t overdue;

		while (burst-- && tail < RECORDS)
			came_ns[tail++] = now_ns;
		overdue = lwf_client_wait_overdue(&wait, start + head, now_ns);
		for (uint32_t i = 0; i < overdue; i++)
			assert_true(now_ns - came_ns[head + i] >= limit_ns);
		head += overdue;
		if (head < tail && now_ns - came_ns[head] > late_ns)
			late_ns = now_ns - came_ns[head];
		lwf_client_wait_note(&wait, start + head, start + tail, now_ns);
		assert_true(wait.count <= LWF_CLIENT_WAIT_MARKS);
		if (next_random(&seed) % 3)
			now_ns += lwf_client_wait_next_ns(&wait, now_ns);
		else
			now_ns += next_random(&seed) % (wait.step_ns / 2 + 1);
	}
	/* one step until it is seen, one for the rounding, and it was looked at once more then */
	assert_true(late_ns <= limit_ns + 2 * wait.step_ns);
}

static void never_early_and_little_late(void **state)
{
	const uint64_t limits[] = {1, MS, 31 * MS, 320 * MS, 333333333, 86400000 * MS};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (uint32_t seed = 1; seed <= 5; seed++)
			check_against_list(limits[i], seed);
}

/* Records that the stack has taken are forgotten: those behind them have their own time. */
static void taken_ones_are_forgotten(void **state)
{
	struct lwf_client_wait wait;

	(void)state;
	lwf_client_wait_init(&wait, 320 * MS);
	lwf_client_wait_note(&wait, 0, 5, 1000 * MS);
	lwf_client_wait_note(&wait, 5, 5, 1100 * MS); /* all taken */
	lwf_client_wait_note(&wait, 5, 8, 1200 * MS);
	assert_int_equal(lwf_client_wait_overdue(&wait, 5, 1500 * MS), 0);
	lwf_client_wait_note(&wait, 6, 9, 1500 * MS);
	assert_int_equal(lwf_client_wait_overdue(&wait, 6, 1540 * MS), 2);
	assert_int_equal(lwf_client_wait_overdue(&wait, 6, 1840 * MS), 3);
	assert_int_equal(lwf_client_wait_overdue(&wait, 9, 1840 * MS), 0);
	lwf_client_wait_note(&wait, 10, 15, 2000 * MS);
	assert_int_equal(lwf_client_wait_overdue(&wait, 20, 2400 * MS),
			 0); /* those and more taken */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_early_and_little_late),
		cmocka_unit_test(taken_ones_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
