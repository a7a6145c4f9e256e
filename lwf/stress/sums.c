/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sums.c - whether the checksums of a frame are right.
 *
 * Judged are the header of IPv4, and TCP and UDP directly behind IPv4 or IPv6, behind up to four tags. What
 * does not fit into its frame, or is shorter than its header, has a wrong one. A fragment has only that
 * of its IPv4 header; UDP over IPv4 may have none (0).
 *
 * A sum that somebody behind is to complete is right when it is that of the pseudo header, and when that
 * one is told to put it where TCP or UDP has it. A super-frame whose sum is not to be completed was put
 * together by whom it was received from, and each of its frames had a sum of its own, that nobody sees.
 */
#include "sight.h"

#define TAGS_MAX   4u
#define PROTO_TCP  6u
#define PROTO_UDP  17u
#define PLACE_TCP  16u
#define PLACE_UDP  6u
#define LEAST_TCP  20u
#define LEAST_UDP  8u
#define FRAGMENTED 0x3fffu /* more to come, or not the first */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint64_t add(const uint8_t *at, uint32_t bytes, uint64_t sum)
{
	for (; bytes > 1; at += 2, bytes -= 2)
		sum += get16(at);
	return bytes ? sum + ((uint64_t)at[0] << 8) : sum;
}

/* 0 to 0xfffe: 0xffff is 0, too. */
static uint32_t value_of(uint64_t sum)
{
	return (uint32_t)(sum % 0xffff);
}

/* @bytes of @proto are at @l4; @pseudo is the sum of the addresses. */
static bool transport_is_right(const struct stress_frame *frame, uint32_t l4, uint32_t bytes,
			       uint8_t proto, bool v6, uint64_t pseudo)
{
	const uint8_t *data = frame->data + l4;
	uint32_t place = proto == PROTO_TCP ? PLACE_TCP : PLACE_UDP;

	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return true;
	if (bytes < (proto == PROTO_TCP ? LEAST_TCP : LEAST_UDP))
		return false;
	pseudo += proto + bytes;
	if (frame->needs_csum)
		return frame->csum_start == l4 && frame->csum_offset == place &&
		       value_of(pseudo) == value_of(get16(data + place));
	if (frame->is_super)
		return true;
	if (proto == PROTO_UDP && get16(data + place) == 0)
		return !v6;
	return value_of(add(data, bytes, pseudo)) == 0;
}

static bool ipv4_is_right(const struct stress_frame *frame, uint32_t at)
{
	const uint8_t *ip = frame->data + at;
	uint32_t left = frame->len - at, header, bytes;

	if (left < 20)
		return false;
	header = (ip[0] & 0xfu) * 4;
	bytes = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || header > bytes || bytes > left ||
	    value_of(add(ip, header, 0)) != 0)
		return false;
	if (get16(ip + 6) & FRAGMENTED)
		return true;
	return transport_is_right(frame, at + header, bytes - header, ip[9], false,
				  add(ip + 12, 8, 0));
}

static bool ipv6_is_right(const struct stress_frame *frame, uint32_t at)
{
	const uint8_t *ip = frame->data + at;
	uint32_t left = frame->len - at;

	if (left < 40 || ip[0] >> 4 != 6 || get16(ip + 4) > left - 40)
		return false;
	return transport_is_right(frame, at + 40, get16(ip + 4), ip[6], true, add(ip + 8, 32, 0));
}

bool stress_sums_are_right(const struct stress_frame *frame)
{
	uint32_t at = 14, type;

	if (frame->len < at)
		return false;
	type = get16(frame->data + 12);
	for (uint32_t tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == TAGS_MAX || frame->len - at < 4)
			return true; /* nothing that could be read */
		type = get16(frame->data + at + 2);
		at += 4;
	}
	if (type == 0x0800)
		return ipv4_is_right(frame, at);
	return type != 0x86dd || ipv6_is_right(frame, at);
}
