/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_reject.c - how the sender of a frame is told that it is not wanted.
 *
 * TCP gets a RST as RFC 9293 3.10.7.1 has it: with the number that was acknowledged, or, where nothing
 * was, with an acknowledgement of what came. Everything else gets an ICMP error: port unreachable for
 * UDP, administratively prohibited for the rest, with as much of the packet as fits in 576 bytes (IPv6:
 * 1280). It comes from the address that was sent to, and goes back the way the frame came: addresses
 * of both layers change sides, VLAN tags stay. RFC 1122 3.2.2 and RFC 4443 2.4 say what gets none.
 */
#include <string.h>

#include <lwf/parse.h>

#include "verdict_private.h"

#define PROTO_ICMP4 1u
#define PROTO_TCP   6u
#define PROTO_UDP   17u
#define PROTO_ICMP6 58u
#define PROTO_LITE  136u
#define TTL	    64u
#define IP4_BYTES   20u
#define IP6_BYTES   40u
#define TCP_BYTES   20u
#define ICMP_BYTES  8u
#define ICMP4_MAX   576u  /* of the whole packet */
#define ICMP6_MAX   1280u /* likewise */

struct reject {
	const struct lwf_frame *frame;
	const struct lwf_parsed *parsed;
	uint8_t *l3, *l4;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t sum(const uint8_t *at, uint32_t bytes, uint32_t start)
{
	uint32_t total = start;

	for (uint32_t i = 0; i + 1 < bytes; i += 2)
		total += (uint32_t)at[i] << 8 | at[i + 1];
	if (bytes & 1)
		total += (uint32_t)at[bytes - 1] << 8;
	return total;
}

static uint32_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

/** Sum of the pseudo header: the addresses at @at, behind each other. */
static uint32_t pseudo(const uint8_t *at, uint32_t bytes, uint32_t protocol, uint32_t length)
{
	return sum(at, bytes, protocol + length);
}

/* ---- what gets none ---- */

static bool is_group(const struct reject *reject)
{
	const uint8_t *l3 = reject->frame->data + reject->parsed->l3;

	if (reject->parsed->flags & LWF_PARSED_GROUP)
		return true;
	if (reject->parsed->key.v6) /* from nobody, or from a group */
		return l3[8] == 0xff || sum(l3 + 8, LWF_FLOW_ADDRESS_BYTES, 0) == 0;
	return l3[12] >= 224 || l3[12] == 0;
}

static bool is_icmp_error(const struct lwf_parsed *parsed)
{
	if (parsed->kind == LWF_PARSED_ICMP_ERROR)
		return true;
	if (!(parsed->flags & LWF_PARSED_ICMP))
		return false;
	if (parsed->key.protocol == PROTO_ICMP6)
		return parsed->icmp_type < 128;
	return parsed->icmp_type != 8 && parsed->icmp_type != 0; /* nor about what is no echo */
}

/** Length of the headers in front of L4, as they are in the packet that is rejected. */
static bool may_answer(const struct reject *reject)
{
	const struct lwf_parsed *parsed = reject->parsed;

	if (parsed->kind != LWF_PARSED_FLOW || !parsed->l4)
		return false;
	return !is_group(reject) && !is_icmp_error(parsed) &&
	       !(parsed->flags & LWF_PARSED_TCP && parsed->tcp_flags & LWF_TCP_RST);
}

/* ---- headers ---- */

/** Ethernet and tags as in the frame, with the sides changed. Returns where IP begins. */
static uint8_t *put_ethernet(const struct reject *reject, struct lwf_frame *out)
{
	const uint8_t *data = reject->frame->data;

	memcpy(out->data, data, reject->parsed->l3);
	memcpy(out->data, data + 6, 6);
	memcpy(out->data + 6, data, 6);
	return out->data + reject->parsed->l3;
}

static uint8_t *put_ip4(const struct reject *reject, uint8_t *to, uint32_t protocol, uint32_t bytes)
{
	const uint8_t *from = reject->frame->data + reject->parsed->l3;

	memset(to, 0, IP4_BYTES);
	to[0] = 0x45;
	put16(to + 2, IP4_BYTES + bytes);
	put16(to + 6, 0x4000); /* do not fragment: its id is 0 */
	to[8] = TTL;
	to[9] = (uint8_t)protocol;
	memcpy(to + 12, from + 16, 4);
	memcpy(to + 16, from + 12, 4);
	put16(to + 10, fold(sum(to, IP4_BYTES, 0)));
	return to + IP4_BYTES;
}

static uint8_t *put_ip6(const struct reject *reject, uint8_t *to, uint32_t protocol, uint32_t bytes)
{
	const uint8_t *from = reject->frame->data + reject->parsed->l3;

	memset(to, 0, IP6_BYTES);
	to[0] = 0x60;
	put16(to + 4, bytes);
	to[6] = (uint8_t)protocol;
	to[7] = TTL;
	memcpy(to + 8, from + 24, 16);
	memcpy(to + 24, from + 8, 16);
	return to + IP6_BYTES;
}

static void put_checksum(const struct reject *reject, uint8_t *l4, uint32_t bytes,
			 uint32_t protocol, uint32_t at)
{
	const uint8_t *l3 = reject->l3;
	uint32_t start = 0;

	if (reject->parsed->key.v6)
		start = pseudo(l3 + 8, 32, protocol, bytes);
	else if (protocol != PROTO_ICMP4)
		start = pseudo(l3 + 12, 8, protocol, bytes);
	put16(l4 + at, fold(sum(l4, bytes, start)));
}

static uint8_t *put_ip(struct reject *reject, uint32_t protocol, uint32_t bytes)
{
	return reject->parsed->key.v6 ? put_ip6(reject, reject->l3, protocol, bytes)
				      : put_ip4(reject, reject->l3, protocol, bytes);
}

static uint8_t *put_reset(struct reject *reject)
{
	const struct lwf_parsed *parsed = reject->parsed;
	const uint8_t *tcp = reject->frame->data + parsed->l4;
	uint8_t *to = put_ip(reject, PROTO_TCP, TCP_BYTES);
	uint32_t length = parsed->payload_bytes;

	memset(to, 0, TCP_BYTES);
	memcpy(to, tcp + 2, 2);
	memcpy(to + 2, tcp, 2);
	to[12] = 5 << 4;
	if (parsed->tcp_flags & LWF_TCP_ACK) {
		put32(to + 4, parsed->tcp_ack);
		to[13] = LWF_TCP_RST;
	} else {
		length += (parsed->tcp_flags & LWF_TCP_SYN) != 0;
		length += (parsed->tcp_flags & LWF_TCP_FIN) != 0;
		put32(to + 8, parsed->tcp_seq + length);
		to[13] = LWF_TCP_RST | LWF_TCP_ACK;
	}
	put_checksum(reject, to, TCP_BYTES, PROTO_TCP, 16);
	return to + TCP_BYTES;
}

/** The bytes of the packet that come along: what is behind its end, is not of it. */
static uint32_t quote_bytes(const struct reject *reject)
{
	const struct lwf_parsed *parsed = reject->parsed;
	uint32_t packet = parsed->payload + parsed->payload_bytes - parsed->l3;
	uint32_t max = parsed->key.v6 ? ICMP6_MAX - IP6_BYTES : ICMP4_MAX - IP4_BYTES;

	max -= ICMP_BYTES;
	return packet < max ? packet : max;
}

static uint8_t *put_error(struct reject *reject)
{
	const struct lwf_parsed *parsed = reject->parsed;
	uint32_t protocol = parsed->key.v6 ? PROTO_ICMP6 : PROTO_ICMP4;
	uint32_t quoted = quote_bytes(reject);
	bool port = parsed->key.protocol == PROTO_UDP || parsed->key.protocol == PROTO_LITE;
	uint8_t *to = put_ip(reject, protocol, ICMP_BYTES + quoted);

	memset(to, 0, ICMP_BYTES);
	to[0] = parsed->key.v6 ? 1 : 3; /* destination unreachable */
	if (parsed->key.v6)
		to[1] = port ? 4 : 1;
	else
		to[1] = port ? 3 : 13;
	memcpy(to + ICMP_BYTES, reject->frame->data + parsed->l3, quoted);
	put_checksum(reject, to, ICMP_BYTES + quoted, protocol, 2);
	return to + ICMP_BYTES + quoted;
}

bool lwf_verdict_make_reject(const struct lwf_frame *frame, struct lwf_frame *out)
{
	struct lwf_parsed parsed;
	struct reject reject = {.frame = frame, .parsed = &parsed};
	const uint8_t *end;

	lwf_parse(frame->data, frame->len, 0, &parsed);
	if (!may_answer(&reject))
		return false;
	reject.l3 = put_ethernet(&reject, out);
	end = parsed.key.protocol == PROTO_TCP ? put_reset(&reject) : put_error(&reject);
	out->len = (uint32_t)(end - out->data);
	return true;
}
