/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segments.c - puts several frames of a template together to one, and takes its checksum away.
 *
 * What a protocol stack does for a device with offloads: one header, the payload of all, the lengths of
 * the whole, and in the place of the checksum the sum of the pseudo header. Every second one ends with a
 * shorter frame than the others are. The checksum of IPv4 is that of the whole.
 */
#include <string.h>

#include "segments.h"

#define UDP_SEGMENTS_MAX 64u	/* of the kernel */
#define IP_MAX_BYTES	 65535u /* from the IP header on */
#define TCP_BYTES	 20u
#define UDP_BYTES	 8u

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Sum of an even number of bytes, folded. */
static uint32_t sum(const uint8_t *at, uint32_t bytes, uint32_t total)
{
	for (uint32_t i = 0; i < bytes; i += 2)
		total += get16(at + i);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

bool stress_segments_can(const struct inject_template *template)
{
	return (template->kind == INJECT_TEMPLATE_TCP || template->kind == INJECT_TEMPLATE_UDP) &&
	       template->size.low > inject_template_header_bytes(template) &&
	       template->size.high <= LWF_FRAME_MAX_BYTES;
}

/* Lengths, and the sums of what is in front of the payload. */
static void finish(const struct inject_template *template, uint8_t *frame, uint32_t len,
		   uint32_t l4, struct lwf_offload *offload)
{
	const bool udp = template->kind == INJECT_TEMPLATE_UDP;
	uint32_t l3 = l4 - (template->ipv6 ? 40 : 20), total = (udp ? 17 : 6) + len - l4;
	uint8_t *ip = frame + l3;

	if (udp)
		put16(frame + l4 + 4, len - l4);
	if (template->ipv6) {
		put16(ip + 4, len - l4);
		total = sum(ip + 8, 32, total);
	} else {
		put16(ip + 2, len - l3);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(ip, 20, 0));
		total = sum(ip + 12, 8, total);
	}
	offload->flags = LWF_OFFLOAD_NEEDS_CSUM;
	offload->csum_start = (uint16_t)l4;
	offload->csum_offset = udp ? 6 : 16;
	put16(frame + l4 + offload->csum_offset, total);
}

uint32_t stress_segments_make(const struct inject_template *template, uint32_t number,
			      uint32_t count, uint8_t *frame, uint32_t len,
			      struct lwf_offload *offload)
{
	const bool udp = template->kind == INJECT_TEMPLATE_UDP;
	uint32_t l4_bytes = udp ? UDP_BYTES : TCP_BYTES, ip_bytes = template->ipv6 ? 40 : 20;
	uint32_t l4 = 14 + 4 * template->vlan_count + ip_bytes, header = l4 + l4_bytes;
	uint32_t size = len - header, most = IP_MAX_BYTES - ip_bytes - l4_bytes, bytes = size;

	if (most > LWF_FRAME_MAX_BYTES - header)
		most = LWF_FRAME_MAX_BYTES - header;
	if (udp && count > UDP_SEGMENTS_MAX)
		count = UDP_SEGMENTS_MAX;
	memset(offload, 0, sizeof(*offload));
	if (count > most / size)
		count = most / size;
	if (count > 1) {
		bytes = count * size - (number % 2 ? number % size : 0);
		for (uint32_t i = size; i < bytes; i++)
			frame[header + i] = (uint8_t)(i * 31 + number);
		offload->hdr_len = (uint16_t)header;
		offload->gso_size = (uint16_t)size;
		offload->gso_type = udp		     ? LWF_GSO_UDP_L4
				    : template->ipv6 ? LWF_GSO_TCP6
						     : LWF_GSO_TCP4;
	}
	finish(template, frame, header + bytes, l4, offload);
	return header + bytes;
}
