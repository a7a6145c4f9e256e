/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern.h - the frames of a traffic, which both worlds make in the same way.
 *
 * A traffic is STRESS_PATTERNS frames spread over the ranges of its template, again and again: frame n
 * of it is pattern n % STRESS_PATTERNS. What is cut has its frames end at
 * every place of the range, in turn; what has segments is put together of every number of them. Memory is the C library's.
 */
#ifndef LWF_STRESS_PATTERN_H
#define LWF_STRESS_PATTERN_H

#include <lwf/frame.h>

#include "scenario.h"

#define STRESS_PATTERNS 64u
#define STRESS_STRIDE	7919ull /* frame numbers between those, so that ranges are spread */

struct stress_patterns {
	uint8_t *bytes[STRESS_PATTERNS];
	uint32_t len[STRESS_PATTERNS];
	struct lwf_offload offload[STRESS_PATTERNS]; /* what is left to do about it */
	uint64_t gap_ns;	       /* between bursts, at the traffic's rate; at least 1 */
	bool numbered;		       /* each frame has room for its number (number.h) */
	uint16_t sum[STRESS_PATTERNS]; /* of the words in whose place it stands */
};

/** Makes those of @declared. 0, -EINVAL or -ENOMEM; free them in each case. */
int stress_patterns_make(struct stress_patterns *patterns, const struct stress_traffic *declared);

/** Of zeroed memory, too. */
void stress_patterns_free(struct stress_patterns *patterns);

#endif
