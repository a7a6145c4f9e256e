/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_draw_test.c - what chance says in filter impair: exactly the same from a seed, and of the
 * distribution that is promised. Every run draws the same numbers, so no bound here can flicker.
 */
#include "rig.h"

#include <stdlib.h>

#include "impair.h"

#define DRAWS 100000u

static struct impair_settings settings;

static int fresh(void **state)
{
	(void)state;
	settings = (struct impair_settings){.burst = 1, .seed = 42, .jitter_ns = 1000000};
	return 0;
}

static bool loses(uint64_t n, bool *losing)
{
	return lwf_impair_loses(&settings, losing,
				lwf_impair_draw(settings.seed, LWF_DIRECTION_SEND, IMPAIR_LOSS, n));
}

/* The very frames: these numbers hold for every compiler and machine, as scenarios rely on. */
static void test_exact(void **state)
{
	static const uint64_t lost[] = {17,  60,  79,  98,  269, 276, 281,
					327, 395, 514, 693, 846, 880, 881};
	bool losing = false;
	uint32_t found = 0;

	(void)state;
	settings.loss = LWF_SHARE_WHOLE / 100;
	for (uint64_t n = 0; n < 1000; n++) {
		if (!loses(n, &losing))
			continue;
		assert_true(found < sizeof(lost) / sizeof(lost[0]));
		assert_int_equal(n, lost[found++]);
	}
	assert_int_equal(found, sizeof(lost) / sizeof(lost[0]));
	assert_int_equal(lwf_impair_draw(42, LWF_DIRECTION_SEND, IMPAIR_LOSS, 0),
			 0x6310bf04d8207f46ull);
}

static void test_streams_differ(void **state)
{
	uint32_t same = 0;

	(void)state;
	for (uint64_t n = 0; n < 1000; n++)
		for (unsigned effect = 1; effect < IMPAIR_EFFECTS; effect++) {
			uint64_t draw = lwf_impair_draw(42, LWF_DIRECTION_SEND, IMPAIR_LOSS, n);

			same += draw == lwf_impair_draw(42, LWF_DIRECTION_SEND,
							(enum impair_effect)effect, n);
			same += draw == lwf_impair_draw(42, LWF_DIRECTION_RECEIVE, IMPAIR_LOSS, n);
			same += draw == lwf_impair_draw(43, LWF_DIRECTION_SEND, IMPAIR_LOSS, n);
		}
	assert_int_equal(same, 0);
}

static uint32_t count_lost_of(uint64_t frames, uint32_t *runs)
{
	bool losing = false, before = false;
	uint32_t lost = 0;

	*runs = 0;
	for (uint64_t n = 0; n < frames; n++) {
		bool now = loses(n, &losing);

		lost += now;
		*runs += now && !before;
		before = now;
	}
	return lost;
}

static uint32_t count_lost(uint32_t *runs)
{
	return count_lost_of(DRAWS, runs);
}

static void test_share_is_kept(void **state)
{
	static const uint32_t percents[] = {0, 1, 10, 50, 90, 99, 100};
	uint32_t runs, lost;

	(void)state;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint32_t expected = percents[i] * (DRAWS / 100);

		settings.loss = percents[i] * (LWF_SHARE_WHOLE / 100);
		settings.burst = 1;
		lost = count_lost(&runs);
		assert_in_range(lost, expected - expected / 20, expected + expected / 20);
		settings.burst = 5;
		lost = count_lost(&runs);
		assert_in_range(lost, expected - expected / 10, expected + expected / 10);
	}
	settings.loss = 0;
	assert_int_equal(count_lost(&runs), 0);
	settings.loss = LWF_SHARE_WHOLE;
	assert_int_equal(count_lost(&runs), DRAWS);
}

static void test_bursts_have_their_length(void **state)
{
	uint32_t runs, lost;

	(void)state;
	settings.loss = LWF_SHARE_WHOLE / 20;
	lost = count_lost_of(20 * DRAWS, &runs);
	assert_in_range(lost * 100 / runs, 103, 108); /* by chance: 1 / 0.95 */
	settings.burst = 10;
	lost = count_lost_of(20 * DRAWS, &runs);
	assert_in_range(lost * 100 / runs, 970, 1030);
	settings.burst = 2;
	settings.loss = LWF_SHARE_WHOLE / 10 * 9; /* the share wins: runs of 9, and 1 between */
	lost = count_lost_of(20 * DRAWS, &runs);
	assert_in_range(lost * 100 / runs, 873, 927);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, in microseconds / 1000 of the jitter of 1 ms: nanoseconds. */
static void draw_all(enum impair_dist dist, int64_t *out)
{
	settings.dist = dist;
	for (uint64_t n = 0; n < DRAWS; n++)
		out[n] = lwf_impair_jitter(&settings, LWF_DIRECTION_RECEIVE, n);
	qsort(out, DRAWS, sizeof(*out), by_size);
}

static int64_t mean_of(const int64_t *values)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < DRAWS; i++)
		sum += values[i];
	return sum / (int64_t)DRAWS;
}

static void near(int64_t value, int64_t expected, int64_t within)
{
	if (value < expected - within || value > expected + within)
		fail_msg("%lld is not %lld within %lld", (long long)value, (long long)expected,
			 (long long)within);
}

static int64_t values[DRAWS];

/* Quantiles: 10, 25, 50, 75, 90, 99 of 100. */
static void quantiles(enum impair_dist dist, const int64_t expected[6], int64_t within)
{
	static const uint32_t at[] = {10, 25, 50, 75, 90, 99};

	draw_all(dist, values);
	for (unsigned i = 0; i < 6; i++)
		near(values[at[i] * (DRAWS / 100)], expected[i], i == 5 ? 4 * within : within);
	near(mean_of(values), 0, 15000);
}

static void test_uniform(void **state)
{
	static const int64_t expected[] = {-800000, -500000, 0, 500000, 800000, 980000};

	(void)state;
	quantiles(IMPAIR_DIST_UNIFORM, expected, 10000);
	assert_in_range(values[0] + 1000000, 0, 100);
	assert_in_range(1000000 - values[DRAWS - 1], 0, 100);
}

static void test_normal(void **state)
{
	static const int64_t expected[] = {-1281552, -674490, 0, 674490, 1281552, 2326348};

	(void)state;
	quantiles(IMPAIR_DIST_NORMAL, expected, 25000);
}

/* (u^(-1/3) - 3/2) / sqrt(3/4) with u from 90 of 100 down to 1 of 100. */
static void test_pareto(void **state)
{
	static const int64_t expected[] = {-536066, -461061, -277222, 100891, 755637, 3627593};

	(void)state;
	quantiles(IMPAIR_DIST_PARETO, expected, 40000);
	assert_true(values[0] > -580000); /* it has an end there */
}

static void test_pareto_normal(void **state)
{
	(void)state;
	draw_all(IMPAIR_DIST_PARETO_NORMAL, values);
	near(mean_of(values), 0, 15000);
	assert_true(values[DRAWS / 2] < -100000); /* as skewed as its greater part */
	assert_true(values[DRAWS - 1] > 6000000);
}

static void test_no_jitter(void **state)
{
	(void)state;
	settings.jitter_ns = 0;
	assert_int_equal(lwf_impair_jitter(&settings, LWF_DIRECTION_SEND, 7), 0);
}

/* One turn of a Gilbert state, at its corners. */
static void test_chance(void **state)
{
	(void)state;
	assert_false(lwf_impair_chance(0, 0));
	assert_true(lwf_impair_chance(0, 1));
	assert_true(lwf_impair_chance(UINT64_MAX, LWF_SHARE_WHOLE));
	assert_false(lwf_impair_chance(UINT64_MAX, LWF_SHARE_WHOLE - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exact, fresh),
		cmocka_unit_test_setup(test_streams_differ, fresh),
		cmocka_unit_test_setup(test_share_is_kept, fresh),
		cmocka_unit_test_setup(test_bursts_have_their_length, fresh),
		cmocka_unit_test_setup(test_uniform, fresh),
		cmocka_unit_test_setup(test_normal, fresh),
		cmocka_unit_test_setup(test_pareto, fresh),
		cmocka_unit_test_setup(test_pareto_normal, fresh),
		cmocka_unit_test_setup(test_no_jitter, fresh),
		cmocka_unit_test_setup(test_chance, fresh),
	};

	return cmocka_run_group_tests_name("impair_draw", tests, NULL, NULL);
}
