/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.c - frames of conversations, byte by byte. Shares no code with lwf/core/parse.c.
 */
#include <string.h>

#include "talk.h"

static void w16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)(value & 0xff);
}

static void w32(uint8_t *p, uint32_t value)
{
	w16(p, value >> 16);
	w16(p + 2, value & 0xffff);
}

static uint32_t ethernet(const struct talk *talk, uint8_t *out)
{
	uint32_t at = 12;

	for (uint32_t i = 0; i < 12; i++)
		out[i] = (uint8_t)(2 * i);
	if (talk->to == TALK_GROUP)
		out[0] = talk->v6 ? 0x33 : 0x01;
	for (uint32_t i = 0; i < talk->tags; i++, at += 4) {
		w16(out + at, i + 1 < talk->tags ? 0x88a8 : 0x8100);
		w16(out + at + 2, talk->vlan[i]);
	}
	w16(out + at, talk->v6 ? 0x86dd : 0x0800);
	return at + 2;
}

static uint32_t transport(const struct talk *talk, uint8_t *out)
{
	uint32_t bytes = 8;

	memset(out, 0, 64);
	switch (talk->protocol) {
	case 6:
		bytes = talk->scale && (talk->flags & TALK_SYN) ? 24 : 20;
		w16(out, talk->from_port);
		w16(out + 2, talk->to_port);
		w32(out + 4, talk->seq);
		w32(out + 8, talk->ack);
		out[12] = (uint8_t)(bytes / 4 << 4);
		out[13] = talk->flags;
		w16(out + 14, talk->window);
		if (bytes == 24) {
			out[20] = 1; /* no operation */
			out[21] = 3;
			out[22] = 3;
			out[23] = talk->scale;
		}
		return bytes;
	case 17:
		w16(out, talk->from_port);
		w16(out + 2, talk->to_port);
		w16(out + 4, 8 + talk->payload_bytes);
		return bytes;
	case 1:
	case 58:
		out[0] = talk->type;
		w16(out + 4, talk->from_port);
		return bytes;
	case 33:
	case 132:
	case 136:
		w16(out, talk->from_port);
		w16(out + 2, talk->to_port);
		return 12;
	default:
		return 0;
	}
}

static void ipv4(const struct talk *talk, uint8_t *ip, uint32_t l4_bytes)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	w16(ip + 2, 20 + l4_bytes);
	w16(ip + 4, talk->fragment_id);
	w16(ip + 6, (talk->more ? 0x2000u : 0u) | talk->offset);
	ip[8] = 64;
	ip[9] = talk->protocol;
	w32(ip + 12, 0x0a000000u | talk->from);
	w32(ip + 16, talk->to == TALK_GROUP ? 0xe0000001u : 0x0a000000u | talk->to);
}

static uint32_t ipv6(const struct talk *talk, uint8_t *ip, uint32_t l4_bytes)
{
	bool fragment = talk->more || talk->offset || talk->atomic;
	uint32_t at = 40, chain = talk->exts + (fragment ? 1 : 0);
	uint8_t *next = ip + 6;

	memset(ip, 0, 40 + 8 * chain);
	ip[0] = 0x60;
	w16(ip + 4, 8 * chain + l4_bytes);
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	w32(ip + 20, talk->from);
	w32(ip + 36, talk->to);
	if (talk->to == TALK_GROUP)
		ip[24] = 0xff;
	for (uint32_t i = 0; i < talk->exts; i++, at += 8) {
		*next = talk->ext[i];
		next = ip + at;
	}
	if (fragment) {
		*next = TALK_FRAGMENT;
		next = ip + at;
		w16(ip + at + 2, (uint32_t)talk->offset << 3 | (talk->more ? 1u : 0u));
		w32(ip + at + 4, talk->fragment_id);
		at += 8;
	}
	*next = talk->protocol;
	return at;
}

uint32_t talk_build(const struct talk *talk, uint8_t *out)
{
	uint8_t l4[64];
	uint32_t l4_bytes = talk->offset ? 0 : transport(talk, l4);
	uint32_t at = ethernet(talk, out);

	if (talk->v6) {
		at += ipv6(talk, out + at, l4_bytes + talk->payload_bytes);
	} else {
		ipv4(talk, out + at, l4_bytes + talk->payload_bytes);
		at += 20;
	}
	memcpy(out + at, l4, l4_bytes);
	at += l4_bytes;
	memset(out + at, 0x5a, talk->payload_bytes + talk->padding_bytes);
	return at + talk->payload_bytes + talk->padding_bytes;
}

struct talk talk_back(const struct talk *talk)
{
	struct talk back = *talk;

	back.from = talk->to;
	back.to = talk->from;
	if (talk->protocol != 1 && talk->protocol != 58) {
		back.from_port = talk->to_port;
		back.to_port = talk->from_port;
	}
	back.seq = talk->ack;
	back.ack = talk->seq;
	return back;
}

uint32_t talk_error(const struct talk *about, uint32_t from, uint8_t type, uint32_t bytes,
		    uint8_t *out)
{
	uint8_t inner[TALK_MAX_BYTES];
	struct talk bare = *about, error = {.v6 = about->v6, .from = from, .to = about->from};
	uint32_t inner_bytes, keep, at;

	bare.tags = 0;
	inner_bytes = talk_build(&bare, inner) - 14;
	keep = (about->v6 ? 40 + 8 * (about->exts + (about->atomic ? 1u : 0u)) : 20) + bytes;
	if (keep > inner_bytes)
		keep = inner_bytes;
	error.protocol = about->v6 ? 58 : 1;
	error.type = type;
	error.tags = about->tags;
	memcpy(error.vlan, about->vlan, sizeof(error.vlan));
	error.payload_bytes = keep;
	at = talk_build(&error, out) - keep;
	memcpy(out + at, inner + 14, keep);
	return at + keep;
}
