/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * number.c - writes and reads the numbers of frames.
 *
 * Sums are one's complement sums of words, as checksums are: there 0 and 0xffff are the same.
 */
#include "number.h"

#include <string.h>

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The three words of a number; @sum is what they add up to. */
static void make(uint32_t sum, uint32_t traffic, uint64_t number, uint8_t *at)
{
	uint32_t first = (traffic & 0xff) << 8 | (uint32_t)(number >> 16 & 0xff);
	uint32_t second = (uint32_t)(number & 0xffff);

	put16(at, first);
	put16(at + 2, second);
	put16(at + 4, fold(sum + (first ^ 0xffff) + (second ^ 0xffff)));
}

void stress_number_prepare(struct stress_patterns *patterns, uint32_t header_bytes)
{
	patterns->numbered = true;
	for (uint32_t i = 0; i < STRESS_PATTERNS; i++) {
		uint32_t len = patterns->len[i];
		const uint8_t *at;

		if (len < STRESS_NUMBER_BYTES || stress_number_at(len) < header_bytes) {
			patterns->numbered = false;
			return;
		}
		at = patterns->bytes[i] + stress_number_at(len);
		patterns->sum[i] = (uint16_t)fold(get16(at) + get16(at + 2) + get16(at + 4));
	}
}

void stress_number_put(const struct stress_patterns *patterns, uint32_t traffic, uint64_t number,
		       uint8_t *data)
{
	uint32_t pattern = (uint32_t)(number % STRESS_PATTERNS);

	if (patterns->numbered)
		make(patterns->sum[pattern], traffic, number,
		     data + stress_number_at(patterns->len[pattern]));
}

bool stress_number_read(const uint8_t *data, uint32_t len, uint32_t *traffic, uint32_t *number)
{
	const uint8_t *at;

	if (len < STRESS_NUMBER_BYTES)
		return false;
	at = data + stress_number_at(len);
	*traffic = at[0];
	*number = (uint32_t)at[1] << 16 | get16(at + 2);
	return true;
}

bool stress_number_is(const struct stress_patterns *patterns, uint32_t traffic, uint32_t number,
		      const uint8_t *data, uint32_t len)
{
	uint32_t i = number % STRESS_PATTERNS, place;
	uint8_t words[STRESS_NUMBER_BYTES];

	if (!patterns->numbered || patterns->len[i] != len)
		return false;
	place = stress_number_at(len);
	make(patterns->sum[i], traffic, number, words);
	return memcmp(data + place, words, sizeof(words)) == 0 &&
	       memcmp(data, patterns->bytes[i], place) == 0 &&
	       memcmp(data + place + sizeof(words), patterns->bytes[i] + place + sizeof(words),
		      len - place - sizeof(words)) == 0;
}
