/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_units_test.c - quantities on command lines: what is understood, what is refused, how they are shown.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "units.h"

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"0s", 0},
		{"20ms", 20000000},
		{"2s", 2000000000},
		{"1.5s", 1500000000},
		{"10m", 600000000000},
		{"1h", 3600000000000},
		{"300us", 300000},
		{"5ns", 5},
		{"0.5ms", 500000},
	};
	static const char *const bad[] = {"",	 "5",	"s",	"-1s",	  "+1s",  "1 s",  " 1s",
					  "1s ", "1S",	"1M",	"0x1s",	  "1e3s", "infs", "nans",
					  ".s",	 "1.s", "1..s", "1.2.3s", "1,5s", "1min", "1sec"};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(lwf_units_duration(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (lwf_units_duration(bad[i], &ns) != -EINVAL)
			fail_msg("'%s' was not refused", bad[i]);
	}
	assert_int_equal(lwf_units_duration("999999999999999h", &ns), -ERANGE);
	assert_int_equal(lwf_units_duration("1234567890123456s", &ns), -ERANGE);
}

static void rates(void **state)
{
	static const struct {
		const char *text;
		enum lwf_rate_kind kind;
		double per_second;
	} good[] = {
		{"500pps", LWF_RATE_FRAMES, 500},    {"20kpps", LWF_RATE_FRAMES, 20e3},
		{"1Mpps", LWF_RATE_FRAMES, 1e6},     {"0.5pps", LWF_RATE_FRAMES, 0.5},
		{"100Mbps", LWF_RATE_BITS, 100e6},   {"64kbps", LWF_RATE_BITS, 64e3},
		{"1.25Gbps", LWF_RATE_BITS, 1.25e9},
	};
	static const char *const bad[] = {"",	   "5",	    "pps",   "0",     "5Kpps", "5mpps",
					  "5 pps", "-5pps", "5MBps", "5Mbit", "5ppss"};
	struct lwf_rate rate;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(lwf_units_rate(good[i].text, &rate), 0);
		assert_int_equal(rate.kind, good[i].kind);
		assert_true(fabs(rate.per_second - good[i].per_second) < 1e-6);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (lwf_units_rate(bad[i], &rate) == 0)
			fail_msg("'%s' was not refused", bad[i]);
	}
	assert_int_equal(lwf_units_rate("0pps", &rate), -ERANGE);
	assert_int_equal(lwf_units_rate("99999999999Gbps", &rate), -ERANGE);
}

static void speeds_and_counts(void **state)
{
	double factor;
	uint64_t count;

	(void)state;
	assert_int_equal(lwf_units_speed("2x", &factor), 0);
	assert_true(fabs(factor - 2.0) < 1e-9);
	assert_int_equal(lwf_units_speed("0.25", &factor), 0);
	assert_true(fabs(factor - 0.25) < 1e-9);
	assert_int_equal(lwf_units_speed("0", &factor), -ERANGE);
	assert_int_equal(lwf_units_speed("x", &factor), -EINVAL);
	assert_int_equal(lwf_units_speed("2X", &factor), -EINVAL);
	assert_int_equal(lwf_units_speed("-1", &factor), -EINVAL);

	assert_int_equal(lwf_units_count("0", &count), 0);
	assert_true(count == 0);
	assert_int_equal(lwf_units_count("10k", &count), 0);
	assert_true(count == 10000);
	assert_int_equal(lwf_units_count("3M", &count), 0);
	assert_true(count == 3000000);
	assert_int_equal(lwf_units_count("1000000000000000000", &count), 0);
	assert_int_equal(lwf_units_count("10000000000000000000", &count), -ERANGE);
	assert_int_equal(lwf_units_count("99999999999999999999999", &count), -ERANGE);
	assert_int_equal(lwf_units_count("1000000000000G", &count), -ERANGE);
	assert_int_equal(lwf_units_count("", &count), -EINVAL);
	assert_int_equal(lwf_units_count("k", &count), -EINVAL);
	assert_int_equal(lwf_units_count("-1", &count), -EINVAL);
	assert_int_equal(lwf_units_count("1.5k", &count), -EINVAL);
}

static void showing(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(lwf_units_show_duration(0, text, sizeof(text)), "0 ns");
	assert_string_equal(lwf_units_show_duration(812000000, text, sizeof(text)), "812 ms");
	assert_string_equal(lwf_units_show_duration(2000000000, text, sizeof(text)), "2.0 s");
	assert_string_equal(lwf_units_show_duration(180000000000, text, sizeof(text)), "3.0 min");
	assert_string_equal(lwf_units_show_scaled(1480000.0, text, sizeof(text)), "1.48 M");
	assert_string_equal(lwf_units_show_scaled(20000.0, text, sizeof(text)), "20.0 k");
	assert_string_equal(lwf_units_show_scaled(0.5, text, sizeof(text)), "0.5 ");
	assert_string_equal(lwf_units_show_scaled(500.0, text, sizeof(text)), "500 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(rates),
		cmocka_unit_test(speeds_and_counts),
		cmocka_unit_test(showing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
