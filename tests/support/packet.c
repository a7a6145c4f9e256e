/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c - frames for tests, built byte by byte from a description.
 *
 * It shares no code with lwf/core/offload.c: what that computes is compared with what this builds.
 */
#include <string.h>

#include "packet.h"

static void w16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)(value & 0xff);
}

static uint8_t stream_byte(uint32_t seed, uint32_t at)
{
	uint32_t x = seed * 2654435761u + at * 40503u + 12345u;

	x ^= x >> 13;
	x *= 0x5bd1e995u;
	return (uint8_t)(x >> 15);
}

uint16_t packet_sum(const uint8_t *bytes, uint32_t len, uint32_t start)
{
	uint32_t sum = start;

	for (uint32_t i = 0; i < len; i++) {
		sum += (i & 1) ? bytes[i] : (uint32_t)bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static uint32_t build_ethernet(const struct packet *packet, uint8_t *out)
{
	uint32_t at = 12;

	for (uint32_t i = 0; i < 12; i++)
		out[i] = (uint8_t)(2 + i);
	for (uint32_t i = 0; i < packet->tags; i++, at += 4) {
		w16(out + at, i == 0 && packet->tags > 1 ? 0x88a8 : 0x8100);
		w16(out + at + 2, 100 + i);
	}
	w16(out + at, packet->v6 ? 0x86dd : 0x0800);
	return at + 2;
}

static uint32_t build_ipv4(const struct packet *packet, uint8_t *ip, uint32_t l4_bytes)
{
	uint32_t bytes = 20 + packet->ip_options_bytes;

	memset(ip, 0, bytes);
	ip[0] = (uint8_t)(0x40 | bytes / 4);
	w16(ip + 2, bytes + l4_bytes);
	w16(ip + 4, packet->ip_id);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = packet->udp ? 17 : 6;
	for (uint32_t i = 0; i < 8; i++)
		ip[12 + i] = stream_byte(packet->seed + 1, i);
	memset(ip + 20, 1, packet->ip_options_bytes);
	w16(ip + 10, (uint16_t)~packet_sum(ip, bytes, 0));
	return bytes;
}

/* Writes one extension header; its own "next" is set by the one behind it. */
static uint32_t build_ext(const struct packet *packet, uint32_t kind, uint8_t *out)
{
	uint32_t bytes = kind == PACKET_EXT_HOP ? 8 : kind == PACKET_EXT_OPTIONS ? 16 : 40;

	memset(out, 0, bytes);
	out[1] = (uint8_t)(bytes / 8 - 1);
	if (kind != PACKET_EXT_ROUTING) {
		out[2] = 1; /* PadN */
		out[3] = (uint8_t)(bytes - 4);
		return bytes;
	}
	out[2] = 4;
	out[3] = 1;
	for (uint32_t i = 0; i < 32; i++)
		out[8 + i] = stream_byte(packet->seed + 2, i);
	return bytes;
}

/* Returns the length; *final gets the address that the checksum covers. */
static uint32_t build_ipv6(const struct packet *packet, uint8_t *ip, uint32_t l4_bytes,
			   const uint8_t **final)
{
	static const struct {
		uint32_t kind;
		uint8_t number;
	} exts[] = {{PACKET_EXT_HOP, 0}, {PACKET_EXT_ROUTING, 43}, {PACKET_EXT_OPTIONS, 60}};
	uint8_t *next = ip + 6;
	uint32_t bytes = 40;

	memset(ip, 0, bytes);
	ip[0] = 0x60;
	ip[7] = 64;
	for (uint32_t i = 0; i < 32; i++)
		ip[8 + i] = stream_byte(packet->seed + 1, i);
	*final = ip + 24;
	for (uint32_t i = 0; i < 3; i++) {
		if (!(packet->ext & exts[i].kind))
			continue;
		*next = exts[i].number;
		next = ip + bytes;
		if (exts[i].kind == PACKET_EXT_ROUTING)
			*final = ip + bytes + 8;
		bytes += build_ext(packet, exts[i].kind, ip + bytes);
	}
	*next = packet->udp ? 17 : 6;
	w16(ip + 4, bytes - 40 + l4_bytes);
	return bytes;
}

static void build_l4(const struct packet *packet, uint8_t *l4, uint32_t l4_bytes)
{
	w16(l4, 1024 + packet->seed % 1000);
	w16(l4 + 2, 5001);
	if (packet->udp) {
		w16(l4 + 4, l4_bytes);
		w16(l4 + 6, 0);
		return;
	}
	w16(l4 + 4, packet->seq >> 16);
	w16(l4 + 6, packet->seq & 0xffff);
	w16(l4 + 8, 0x1234);
	w16(l4 + 10, 0x5678);
	l4[12] = (uint8_t)((20 + packet->tcp_options_bytes) / 4 << 4);
	l4[13] = packet->tcp_flags;
	w16(l4 + 14, 512);
	w16(l4 + 16, 0);
	w16(l4 + 18, 0);
	memset(l4 + 20, 1, packet->tcp_options_bytes);
}

uint32_t packet_build(struct packet *packet, uint8_t *out)
{
	uint32_t header_bytes = packet->udp ? 8 : 20 + packet->tcp_options_bytes;
	uint32_t l4_bytes = header_bytes + packet->payload_bytes;
	uint8_t *place;
	const uint8_t *final = NULL;
	uint16_t sum;

	packet->l3 = build_ethernet(packet, out);
	packet->l4 =
		packet->l3 + (packet->v6 ? build_ipv6(packet, out + packet->l3, l4_bytes, &final)
					 : build_ipv4(packet, out + packet->l3, l4_bytes));
	packet->payload = packet->l4 + header_bytes;
	build_l4(packet, out + packet->l4, l4_bytes);
	for (uint32_t i = 0; i < packet->payload_bytes; i++)
		out[packet->payload + i] = stream_byte(packet->seed, packet->payload_from + i);

	sum = (uint16_t)(packet->udp ? 17 : 6);
	sum = packet_sum((const uint8_t[]){0, (uint8_t)(l4_bytes >> 16), (uint8_t)(l4_bytes >> 8),
					   (uint8_t)l4_bytes},
			 4, sum);
	if (packet->v6) {
		sum = packet_sum(out + packet->l3 + 8, 16, sum);
		sum = packet_sum(final, 16, sum);
	} else {
		sum = packet_sum(out + packet->l3 + 12, 8, sum);
	}
	place = out + packet->l4 + (packet->udp ? 6 : 16);
	if (!packet->csum_left) {
		sum = (uint16_t)~packet_sum(out + packet->l4, l4_bytes, sum);
		if (packet->udp && sum == 0)
			sum = 0xffff;
	}
	w16(place, sum);
	return packet->payload + packet->payload_bytes;
}

void packet_plain(uint8_t *out, uint32_t len, uint32_t seed)
{
	memset(out, 0xff, 6);
	for (uint32_t i = 6; i < len; i++)
		out[i] = stream_byte(seed, i);
	out[6] = 2;
	w16(out + 12, 0x88b5);
}
