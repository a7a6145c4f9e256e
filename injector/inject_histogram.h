/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_histogram.h - how times are spread, in memory that does not grow: latencies, errors of the pacing.
 *
 * A bucket is as wide as 1/64 of its value, so that a nanosecond and an hour cost the same 30 KiB; below 64 ns a bucket is
 * one nanosecond. All zero is an empty one.
 *
 * Threads: all functions are for one thread, the caller's.
 */
#ifndef INJECT_HISTOGRAM_H
#define INJECT_HISTOGRAM_H

#include <stdint.h>

#define INJECT_HISTOGRAM_BUCKETS 3776u /* 64 to each doubling, of all uint64_t */

struct inject_histogram {
	uint64_t count, max_ns;
	uint64_t buckets[INJECT_HISTOGRAM_BUCKETS];
};

void inject_histogram_add(struct inject_histogram *histogram, uint64_t ns);

/** The time that @thousandths of all did not exceed, too long by less than 1/64 of it; 0 when empty. */
uint64_t inject_histogram_quantile_ns(const struct inject_histogram *histogram,
				      unsigned thousandths);

#endif
