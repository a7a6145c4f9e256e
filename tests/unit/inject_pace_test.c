/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_pace_test.c - the schedule of lwf-inject: begins with the first frame that left, exact on average, gaps kept,
 * catching up bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inject_pace.h"

#define MS 1000000ull

static struct inject_pace make(enum inject_pace_kind kind, double speed, const char *rate)
{
	struct inject_pace_config config = {.kind = kind, .speed = speed};
	struct inject_pace pace;

	if (rate)
		assert_int_equal(lwf_units_rate(rate, &config.rate), 0);
	inject_pace_init(&pace, &config);
	return pace;
}

/* The first frame is handed over and leaves at the same time. */
static void first_goes(struct inject_pace *pace, uint64_t stamp_ns, uint32_t bytes, uint64_t now_ns)
{
	inject_pace_went(pace, stamp_ns, bytes, now_ns);
	inject_pace_left(pace, now_ns);
}

static void rate_does_not_drift(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "3pps");
	uint64_t now_ns = 1000 * MS, due_ns = 0;

	(void)state;
	for (uint64_t i = 0; i < 3000000; i++) {
		due_ns = inject_pace_due_ns(&pace, 0, now_ns);
		now_ns = due_ns > now_ns ? due_ns : now_ns;
		inject_pace_went(&pace, 0, 60, now_ns);
		if (i == 0)
			inject_pace_left(&pace, now_ns);
	}
	/* frame 2,999,999 of three a second */
	assert_in_range(due_ns, 1000 * MS + 999999666666000ull, 1000 * MS + 999999666667000ull);
	assert_int_equal(pace.slipped_ns, 0);
}

static void late_frames_do_not_delay_others(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "1kpps");

	(void)state;
	assert_int_equal(inject_pace_due_ns(&pace, 0, 500 * MS), 500 * MS);
	first_goes(&pace, 0, 60, 500 * MS);
	/* 30 ms late: the next ones are due at once, and the schedule stands */
	assert_int_equal(inject_pace_due_ns(&pace, 0, 531 * MS), 501 * MS);
	assert_int_equal(pace.slipped_ns, 0);
	/* ten seconds late: only INJECT_CATCH_UP_NS is made up for */
	assert_int_equal(inject_pace_due_ns(&pace, 0, 10501 * MS), 10501 * MS - INJECT_CATCH_UP_NS);
	assert_int_equal(pace.slipped_ns, 10000 * MS - INJECT_CATCH_UP_NS);
}

static void begins_when_the_first_has_left(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "100pps");

	(void)state;
	/* due at 1000, handed over 20 ms late, and on its way for 33 ms */
	assert_int_equal(inject_pace_due_ns(&pace, 0, 1000 * MS), 1000 * MS);
	inject_pace_went(&pace, 0, 60, 1020 * MS);
	assert_true(inject_pace_waits(&pace));
	assert_true(inject_pace_due_ns(&pace, 0, 1031 * MS) > 1053 * MS);
	inject_pace_left(&pace, 1053 * MS);
	assert_false(inject_pace_waits(&pace));
	assert_int_equal(inject_pace_due_ns(&pace, 0, 1053 * MS), 1063 * MS);
	/* later frames say nothing any more */
	inject_pace_left(&pace, 1060 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 0, 1063 * MS), 1063 * MS);
	inject_pace_went(&pace, 0, 60, 1063 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 0, 1063 * MS), 1073 * MS);
	assert_int_equal(pace.slipped_ns, 0);
}

/* One that is held somewhere holds the others up for so long, and not for ever. */
static void does_not_wait_for_ever_for_the_first(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_GAPS, 1.0, NULL);
	uint64_t due_ns;

	(void)state;
	assert_int_equal(inject_pace_due_ns(&pace, 7 * MS, 10 * MS), 10 * MS);
	inject_pace_went(&pace, 7 * MS, 60, 10 * MS);
	due_ns = inject_pace_due_ns(&pace, 17 * MS, 11 * MS);
	assert_int_equal(due_ns, 10 * MS + INJECT_FIRST_ANSWER_NS);
	assert_int_equal(inject_pace_due_ns(&pace, 17 * MS, due_ns), due_ns + 10 * MS);
	assert_false(inject_pace_waits(&pace));
	/* a gap that is longer than the wait is kept */
	pace = make(INJECT_PACE_GAPS, 1.0, NULL);
	inject_pace_went(&pace, 0, 60, 0);
	assert_int_equal(inject_pace_due_ns(&pace, 2000 * MS, 1 * MS), 2000 * MS);
}

static void bits_count_bytes(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "8Mbps");

	(void)state;
	inject_pace_due_ns(&pace, 0, 0);
	first_goes(&pace, 0, 1000, 0); /* 8000 bits: 1 ms */
	assert_int_equal(inject_pace_due_ns(&pace, 0, 0), 1 * MS);
	inject_pace_went(&pace, 0, 500, 0);
	assert_int_equal(inject_pace_due_ns(&pace, 0, 0), MS + MS / 2);
}

static void gaps_are_kept_and_scaled(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_GAPS, 2.0, NULL);

	(void)state;
	assert_int_equal(inject_pace_due_ns(&pace, 70 * MS, 5 * MS), 5 * MS);
	first_goes(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 80 * MS, 5 * MS), 10 * MS);
	inject_pace_went(&pace, 80 * MS, 60, 10 * MS);
	/* a time stamp that goes back is no gap, and the next gap counts from it */
	assert_int_equal(inject_pace_due_ns(&pace, 40 * MS, 10 * MS), 10 * MS);
	inject_pace_went(&pace, 40 * MS, 60, 10 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 44 * MS, 10 * MS), 12 * MS);
}

static void long_gaps_are_shortened(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_GAPS, 2.0, NULL);

	(void)state;
	pace.config.max_gap_ns = 20 * MS;
	first_goes(&pace, 0, 60, 0);
	assert_int_equal(inject_pace_due_ns(&pace, 30 * MS, 0), 15 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 90000 * MS, 0), 20 * MS);
	inject_pace_went(&pace, 90000 * MS, 60, 20 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 90010 * MS, 20 * MS), 25 * MS);
}

static void lying_stamps_are_survived(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_GAPS, 1e-6, NULL);

	(void)state;
	inject_pace_due_ns(&pace, 0, 0);
	first_goes(&pace, 0, 60, 0);
	assert_true(inject_pace_due_ns(&pace, 4294967295u * 1000000000ull, 0) == UINT64_MAX);
}

static void tells_how_late_each_one_went(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "1kpps");

	(void)state;
	/* the first one is the schedule's begin, however late it was */
	inject_pace_due_ns(&pace, 0, 10 * MS);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 17 * MS), 0);
	inject_pace_left(&pace, 20 * MS);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 21 * MS), 0);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 22 * MS + 300), 300);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 26 * MS), 3 * MS);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 26 * MS), 2 * MS);
	/* against the schedule as a slip has moved it */
	inject_pace_due_ns(&pace, 0, 2000 * MS);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 2000 * MS), INJECT_CATCH_UP_NS);

	pace = make(INJECT_PACE_GAPS, 2.0, NULL);
	first_goes(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_went(&pace, 80 * MS, 60, 12 * MS), 2 * MS);

	pace = make(INJECT_PACE_TOPSPEED, 1.0, NULL);
	inject_pace_went(&pace, 0, 60, 0);
	assert_int_equal(inject_pace_went(&pace, 0, 60, 100 * MS), 0);
}

/* Sleeps end early by what sleepers are woken late, and no more is spent on looking at the clock. */
static void learns_how_early_to_wake(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "1kpps");
	uint64_t wake_ns;

	(void)state;
	/* alone on a processor: never */
	assert_int_equal(inject_pace_sleep_until(&pace, 10 * MS, 0), 10 * MS);
	pace.may_spin = true;
	wake_ns = inject_pace_sleep_until(&pace, 10 * MS, 0);
	assert_int_equal(wake_ns, 10 * MS - INJECT_SPIN_NS_START);
	/* woken late by more than that: at once; by far more: only up to the bound */
	inject_pace_woke(&pace, wake_ns, wake_ns + 60000);
	assert_in_range(10 * MS - inject_pace_sleep_until(&pace, 10 * MS, 0), 60000, 70000);
	inject_pace_woke(&pace, wake_ns, wake_ns + 4 * MS);
	assert_int_equal(inject_pace_sleep_until(&pace, 10 * MS, 0), 10 * MS - INJECT_SPIN_NS_MAX);
	/* woken in time, again and again */
	for (unsigned i = 0; i < 1000; i++)
		inject_pace_woke(&pace, wake_ns, wake_ns + 1000);
	assert_in_range(10 * MS - inject_pace_sleep_until(&pace, 10 * MS, 0), 1000, 10000);
	/* nearer than that: no sleep */
	assert_int_equal(inject_pace_sleep_until(&pace, 10 * MS, 10 * MS - 1000), 10 * MS - 1000);
	assert_int_equal(inject_pace_sleep_until(&pace, 10 * MS, 11 * MS), 11 * MS);
}

/* At gaps as short as the spinning there is never a sleep to learn from: it is tried again some time. */
static void does_not_spin_for_ever(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_RATE, 1.0, "1kpps");
	unsigned spins = 0;

	(void)state;
	pace.may_spin = true;
	pace.early_ns = INJECT_SPIN_NS_MAX;
	while (inject_pace_sleep_until(&pace, INJECT_SPIN_NS_MAX - 20000, 0) == 0)
		assert_true(++spins < 10000);
	assert_true(spins > 100);
}

/* ---- Npcap's send queues ---- */

static void a_queue_keeps_its_own_time(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_NPCAP, 1.0, NULL);

	(void)state;
	assert_int_equal(inject_pace_due_ns(&pace, 70 * MS, 5 * MS), 5 * MS);
	first_goes(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 80 * MS, 5 * MS), 15 * MS);
	assert_int_equal(inject_pace_went(&pace, 80 * MS, 60, 16 * MS), 1 * MS);
	/* a stamp that goes back by 1 ms is due at once; the next one counts from the first, not from it */
	assert_int_equal(inject_pace_look(&pace, 79 * MS, false), INJECT_PACE_GOES);
	assert_int_equal(inject_pace_due_ns(&pace, 79 * MS, 16 * MS), 14 * MS);
	inject_pace_went(&pace, 79 * MS, 60, 16 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 84 * MS, 16 * MS), 19 * MS);
	/* no limit to catching up */
	assert_int_equal(inject_pace_due_ns(&pace, 84 * MS, 5019 * MS), 19 * MS);
	assert_int_equal(pace.slipped_ns, 0);
}

static void a_queue_refuses_times_that_run_back(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_NPCAP, 1.0, NULL);

	(void)state;
	assert_int_equal(inject_pace_look(&pace, 7, false), INJECT_PACE_GOES);
	first_goes(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_look(&pace, 69 * MS, false), INJECT_PACE_GOES);
	assert_int_equal(inject_pace_look(&pace, 69 * MS - 1, false), INJECT_PACE_TIME_INVALID);
	/* the neighbour counts, not the highest */
	inject_pace_went(&pace, 69 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_look(&pace, 68 * MS, false), INJECT_PACE_GOES);
	/* another pass is another queue */
	assert_int_equal(inject_pace_look(&pace, 0, true), INJECT_PACE_BUFFER_ENDS);

	pace = make(INJECT_PACE_NPCAP_NOSYNC, 1.0, NULL);
	inject_pace_went(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_look(&pace, 0, false), INJECT_PACE_GOES);
	assert_int_equal(inject_pace_due_ns(&pace, 5000 * MS, 7), 0);
	assert_int_equal(inject_pace_look(&pace, 70 * MS, true), INJECT_PACE_BUFFER_ENDS);
	assert_false(inject_pace_waits(&pace));
}

static void a_long_gap_splits_a_queue(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_NPCAP, 1.0, NULL);

	(void)state;
	first_goes(&pace, 70 * MS, 60, 5 * MS);
	assert_int_equal(inject_pace_look(&pace, 1070 * MS, false), INJECT_PACE_GOES);
	assert_int_equal(inject_pace_look(&pace, 1070 * MS + 1, false), INJECT_PACE_BUFFER_ENDS);
	/* the rest begins at its time, and has a schedule of its own from when that really was */
	inject_pace_next_buffer(&pace, 2070 * MS, false);
	assert_int_equal(pace.splits, 1);
	assert_int_equal(inject_pace_due_ns(&pace, 2070 * MS, 6 * MS), 2005 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 2070 * MS, 2009 * MS), 2009 * MS);
	first_goes(&pace, 2070 * MS, 60, 2009 * MS);
	assert_int_equal(inject_pace_due_ns(&pace, 2080 * MS, 2009 * MS), 2019 * MS);
	/* another pass does not wait for anything */
	inject_pace_next_buffer(&pace, 9000 * MS, true);
	assert_int_equal(pace.splits, 1);
	assert_int_equal(inject_pace_due_ns(&pace, 9000 * MS, 2020 * MS), 2020 * MS);
}

static void a_queue_sleeps_50_us_and_more(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_NPCAP, 1.0, NULL);

	(void)state;
	pace.may_spin = true;
	assert_int_equal(inject_pace_sleep_until(&pace, 150000, 100000), 150000);
	assert_int_equal(inject_pace_sleep_until(&pace, 149999, 100000), 100000);
}

static void topspeed_is_always_due(void **state)
{
	struct inject_pace pace = make(INJECT_PACE_TOPSPEED, 1.0, NULL);

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(inject_pace_due_ns(&pace, UINT64_MAX, 7), 0);
		inject_pace_went(&pace, UINT64_MAX, 60, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_does_not_drift),
		cmocka_unit_test(late_frames_do_not_delay_others),
		cmocka_unit_test(begins_when_the_first_has_left),
		cmocka_unit_test(does_not_wait_for_ever_for_the_first),
		cmocka_unit_test(bits_count_bytes),
		cmocka_unit_test(gaps_are_kept_and_scaled),
		cmocka_unit_test(long_gaps_are_shortened),
		cmocka_unit_test(lying_stamps_are_survived),
		cmocka_unit_test(tells_how_late_each_one_went),
		cmocka_unit_test(learns_how_early_to_wake),
		cmocka_unit_test(does_not_spin_for_ever),
		cmocka_unit_test(a_queue_keeps_its_own_time),
		cmocka_unit_test(a_queue_refuses_times_that_run_back),
		cmocka_unit_test(a_long_gap_splits_a_queue),
		cmocka_unit_test(a_queue_sleeps_50_us_and_more),
		cmocka_unit_test(topspeed_is_always_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
