/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.h - numbers in the frames of a traffic, by which a witness tells which frame it sees.
 *
 * The last six bytes of a frame that begin at an even place are three words of the network: the traffic and
 * bits 23 to 16 of the frame's number; bits 15 to 0; and what keeps the sum of the three as it was in the
 * pattern. So no checksum changes, whether it covers them or not, is there already or not. The stamp of
 * lwf-inject (32 bytes) has no room in a short frame, and six bytes have some in TCP's shortest.
 *
 * Frame n is pattern n % STRESS_PATTERNS, and numbers are told apart within half of their range, 8 million.
 */
#ifndef LWF_STRESS_NUMBER_H
#define LWF_STRESS_NUMBER_H

#include "pattern.h"

#define STRESS_NUMBER_BYTES 6u
#define STRESS_NUMBER_MASK  0xffffffu

/** Where the number of a frame of @len bytes begins, if there is room for it. */
static inline uint32_t stress_number_at(uint32_t len)
{
	return (len - STRESS_NUMBER_BYTES) & ~1u;
}

/**
 * Finds out whether all frames of @patterns, of which the first @header_bytes are taken, have room for a
 * number, and keeps the sums that have to stay.
 */
void stress_number_prepare(struct stress_patterns *patterns, uint32_t header_bytes);

/**
 * Writes @number into @data, which is pattern @number % STRESS_PATTERNS of traffic @traffic, or a copy of it.
 * Nothing where there is no room.
 */
void stress_number_put(const struct stress_patterns *patterns, uint32_t traffic, uint64_t number,
		       uint8_t *data);

/** What stands where a number would; false: the frame is too short for one. */
bool stress_number_read(const uint8_t *data, uint32_t len, uint32_t *traffic, uint32_t *number);

/** Whether the @len bytes at @data are frame @number of @patterns, byte for byte. */
bool stress_number_is(const struct stress_patterns *patterns, uint32_t traffic, uint32_t number,
		      const uint8_t *data, uint32_t len);

#endif
