/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_histogram.c - how times are spread: log-linear buckets, the six bits behind the highest one tell them apart.
 */
#include "inject_histogram.h"

#define STEPS	  64u /* buckets to each doubling */
#define STEP_BITS 6u

static unsigned bucket_of(uint64_t ns)
{
	unsigned top;

	if (ns < STEPS)
		return (unsigned)ns;
	top = 63u - (unsigned)__builtin_clzll(ns);
	return (top - STEP_BITS + 1) * STEPS + (unsigned)(ns >> (top - STEP_BITS) & (STEPS - 1));
}

/* The highest value of a bucket. */
static uint64_t end_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < STEPS)
		return bucket;
	shift = bucket / STEPS - 1;
	return ((uint64_t)(STEPS + bucket % STEPS) << shift) + ((1ull << shift) - 1);
}

void inject_histogram_add(struct inject_histogram *histogram, uint64_t ns)
{
	histogram->count++;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->buckets[bucket_of(ns)]++;
}

uint64_t inject_histogram_quantile_ns(const struct inject_histogram *histogram,
				      unsigned thousandths)
{
	/* the rank, from 1 on, rounded up; in two parts, so that it does not overflow */
	uint64_t rank = histogram->count / 1000 * thousandths +
			(histogram->count % 1000 * thousandths + 999) / 1000;
	uint64_t sum = 0;

	for (unsigned i = 0; i < INJECT_HISTOGRAM_BUCKETS; i++) {
		sum += histogram->buckets[i];
		if (histogram->buckets[i] && sum >= rank) {
			uint64_t ns = end_of(i);

			return ns < histogram->max_ns ? ns : histogram->max_ns;
		}
	}
	return 0;
}
