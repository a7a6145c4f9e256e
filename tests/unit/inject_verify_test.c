/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_verify_test.c - the far end's account: lost, duplicated, reordered, late, and the latencies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inject_verify.h"

static struct inject_verify verify;

static void put64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* A frame with its stamp at byte @at. */
static bool see_at(uint32_t at, uint32_t captured, uint64_t seed, uint64_t number,
		   int64_t latency_ns)
{
	uint8_t frame[256] = {0};

	put64(frame + at, INJECT_STAMP_MARK);
	put64(frame + at + 8, seed);
	put64(frame + at + 16, number);
	put64(frame + at + 24, 5000000000);
	return inject_verify_see(&verify, frame, captured, 5000000000 + (uint64_t)latency_ns);
}

static void see(uint64_t number)
{
	assert_true(see_at(42, 128, 1, number, 1000));
}

static void expect(uint64_t received, uint64_t lost, uint64_t duplicated, uint64_t reordered,
		   uint64_t late)
{
	const struct inject_verify_stream *stream = &verify.streams[0];

	assert_int_equal(verify.stream_count, 1);
	assert_int_equal(stream->received, received);
	assert_int_equal(inject_verify_lost(stream), lost);
	assert_int_equal(stream->duplicated, duplicated);
	assert_int_equal(stream->reordered, reordered);
	assert_int_equal(stream->late, late);
	assert_int_equal(inject_verify_is_good(&verify), !lost && !duplicated && !reordered);
}

static int begin(void **state)
{
	(void)state;
	return inject_verify_init(&verify, NULL);
}

static int end(void **state)
{
	(void)state;
	inject_verify_fini(&verify);
	return 0;
}

static void nothing_is_not_good(void **state)
{
	uint8_t frame[64] = {0};

	(void)state;
	assert_false(inject_verify_is_good(&verify));
	assert_false(inject_verify_see(&verify, frame, sizeof(frame), 0));
	assert_int_equal(verify.frames, 1);
	assert_false(inject_verify_is_good(&verify));
	see(0);
	assert_true(inject_verify_is_good(&verify));
}

static void in_order_is_good(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 3 * INJECT_VERIFY_WINDOW; n++)
		see(n);
	expect(3ull * INJECT_VERIFY_WINDOW, 0, 0, 0, 0);
}

static void lost_are_gaps_up_to_the_highest(void **state)
{
	(void)state;
	see(3); /* the first three are lost, too */
	expect(1, 3, 0, 0, 0);
	see(4);
	see(70);
	expect(3, 3 + 65, 0, 0, 0);
	see(5);
	expect(4, 3 + 64, 0, 1, 0);
}

static void duplicates_are_not_reordered(void **state)
{
	(void)state;
	see(0);
	see(0); /* the highest again */
	expect(2, 0, 1, 0, 0);
	see(1);
	see(2);
	see(1);
	see(1);
	expect(6, 0, 3, 0, 0);
	see(4);
	see(3);
	see(3); /* was reordered when it came first; now it is a duplicate */
	expect(9, 0, 4, 1, 0);
}

static void each_overtaken_frame_is_reordered(void **state)
{
	(void)state;
	see(0);
	see(4); /* overtakes three, and is in order itself */
	see(1);
	see(2);
	see(3);
	expect(5, 0, 0, 3, 0);
	see(5);
	expect(6, 0, 0, 3, 0);
}

static void the_window_ends_where_it_says(void **state)
{
	const uint64_t top = 2 * INJECT_VERIFY_WINDOW + 77;

	(void)state;
	see(0);
	see(77);
	see(top);
	expect(3, top - 2, 0, 0, 0);
	see(top - INJECT_VERIFY_WINDOW + 1); /* the last that is inside */
	expect(4, top - 3, 0, 1, 0);
	see(top - INJECT_VERIFY_WINDOW + 1);
	expect(5, top - 3, 1, 1, 0);
	see(top - INJECT_VERIFY_WINDOW); /* outside: seen before or not, it is late */
	expect(6, top - 3, 1, 2, 1);
	see(77);
	expect(7, top - 3, 1, 3, 2);
}

static void the_oldest_is_kept(void **state)
{
	uint64_t highest = INJECT_VERIFY_WINDOW - 1;

	(void)state;
	for (uint64_t n = 0; n <= highest; n++)
		see(n);
	for (unsigned step = 1; step <= 300; step++) {
		highest += step;
		see(highest);
		see(highest - INJECT_VERIFY_WINDOW + 1);
		assert_int_equal(verify.streams[0].duplicated, step);
	}
}

static void the_longest_step_keeps_one(void **state)
{
	(void)state;
	see(0);
	see(INJECT_VERIFY_WINDOW - 1);
	see(0);
	expect(3, INJECT_VERIFY_WINDOW - 2, 1, 0, 0);
	see(2 * INJECT_VERIFY_WINDOW - 1);
	see(INJECT_VERIFY_WINDOW);
	expect(5, 2 * INJECT_VERIFY_WINDOW - 4, 1, 1, 0);
}

/* Steps of all sizes, beside a list of everything that came. */
static void the_ring_forgets_nothing_else(void **state)
{
	enum { NUMBERS = 6 << 20 };
	uint8_t *seen = calloc(NUMBERS, 1);
	uint64_t duplicated = 0, distinct = 0, highest = 0, random = 1;

	(void)state;
	assert_non_null(seen);
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t number;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		if (random >> 63 && highest)
			number = highest - (random >> 33) % (highest < 1000 ? highest : 1000);
		else
			number = highest + (random >> 33) % (i % 500 == 7 ? 1 << 15 : 130);
		if (number >= NUMBERS)
			break;
		highest = number > highest ? number : highest;
		duplicated += seen[number];
		distinct += !seen[number];
		seen[number] = 1;
		see(number);
	}
	assert_true(highest > 2 * INJECT_VERIFY_WINDOW); /* it went round */
	assert_int_equal(verify.streams[0].duplicated, duplicated);
	assert_int_equal(inject_verify_lost(&verify.streams[0]), highest + 1 - distinct);
	assert_int_equal(verify.streams[0].late, 0);
	free(seen);
}

static void latencies_are_close(void **state)
{
	const struct inject_verify_stream *stream = &verify.streams[0];

	(void)state;
	for (int64_t n = 1; n <= 1000; n++)
		see_at(42, 128, 1, (uint64_t)n - 1, n * 1000);
	assert_int_equal(stream->min_ns, 1000);
	assert_int_equal(stream->max_ns, 1000000);
	assert_in_range(inject_verify_quantile_ns(stream, 500), 500000, 500000 + 500000 / 64);
	assert_in_range(inject_verify_quantile_ns(stream, 990), 990000, 1000000);
	assert_int_equal(inject_verify_quantile_ns(stream, 1000), 1000000);
	assert_int_equal(stream->negative, 0);
	see_at(42, 128, 1, 1000, -7000); /* the clocks differ */
	assert_int_equal(stream->min_ns, -7000);
	assert_int_equal(stream->negative, 1);
	see_at(42, 128, 1, 1001, INT64_MAX);
	assert_int_equal(inject_verify_quantile_ns(stream, 1000), INT64_MAX);
}

static void single_values_are_exact(void **state)
{
	static const int64_t values[] = {0, 1, 63, 64, 65, 127, 128, 1 << 20, (1 << 20) + 1};

	(void)state;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		see_at(42, 128, i, 0, values[i]);
		assert_int_equal(inject_verify_quantile_ns(&verify.streams[i], 500), values[i]);
	}
}

static void marks_are_found_where_they_may_be(void **state)
{
	(void)state;
	assert_true(see_at(14, 46, 1, 0, 0));
	assert_true(see_at(INJECT_VERIFY_MARK_BYTES - 8, 256, 1, 1, 0));
	assert_false(see_at(INJECT_VERIFY_MARK_BYTES - 7, 256, 1, 2, 0));
	assert_int_equal(verify.damaged, 0);
	assert_false(see_at(14, 45, 1, 2, 0)); /* cut off */
	assert_int_equal(verify.damaged, 1);
	assert_false(see_at(14, 46, 1, UINT64_MAX, 0));
	assert_int_equal(verify.damaged, 2);
	assert_false(inject_verify_is_good(&verify));
}

static void streams_are_apart(void **state)
{
	const uint64_t seed = 7;

	(void)state;
	for (uint64_t n = 0; n < INJECT_VERIFY_STREAMS_MAX; n++)
		assert_true(see_at(42, 128, n, 0, 0));
	assert_true(inject_verify_is_good(&verify));
	assert_false(see_at(42, 128, 1000, 0, 0));
	assert_int_equal(verify.crowded, 1);
	assert_false(inject_verify_is_good(&verify));
	inject_verify_fini(&verify);

	assert_int_equal(inject_verify_init(&verify, &seed), 0);
	assert_false(see_at(42, 128, 6, 5, 0));
	assert_true(see_at(42, 128, 7, 0, 0));
	assert_int_equal(verify.frames, 2);
	assert_int_equal(verify.stamped, 1);
	assert_true(inject_verify_is_good(&verify));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_not_good),
		TEST(in_order_is_good),
		TEST(lost_are_gaps_up_to_the_highest),
		TEST(duplicates_are_not_reordered),
		TEST(each_overtaken_frame_is_reordered),
		TEST(the_window_ends_where_it_says),
		TEST(the_oldest_is_kept),
		TEST(the_longest_step_keeps_one),
		TEST(the_ring_forgets_nothing_else),
		TEST(latencies_are_close),
		TEST(single_values_are_exact),
		TEST(marks_are_found_where_they_may_be),
		TEST(streams_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
