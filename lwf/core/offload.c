/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload.c - what a device with offloads would do to a frame: checksums, segments, VLAN tags.
 *
 * Captures, counters and devices without offloads need it. Headers are parsed from the bytes, each
 * length checked before it is used; nothing a frame says of itself (hdr_len) is believed. TCP over
 * IPv4 and IPv6 and UDP with UDP_L4 are cut, behind up to four VLAN tags, IPv4 options and IPv6
 * extension headers. LWF_GSO_UDP, which means IP fragments, is not: it counts as one frame and
 * lwf_frame_segment() refuses it. So are headers that a device does not cut either: IP fragments,
 * authentication headers, compressed routing headers.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <lwf/frame.h>

#define TPID_VLAN	  0x8100u
#define TPID_PROVIDER	  0x88a8u
#define TYPE_IPV4	  0x0800u
#define TYPE_IPV6	  0x86ddu
#define VLAN_TAGS_MAX	  4u
#define IPV6_HEADERS_MAX  8u
#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define TCP_HEADER_BYTES  20u
#define UDP_HEADER_BYTES  8u
#define UDP_CSUM_OFFSET	  6u
#define PROTO_HOP	  0u
#define PROTO_TCP	  6u
#define PROTO_UDP	  17u
#define PROTO_ROUTING	  43u
#define PROTO_OPTIONS	  60u
#define TCP_FIN		  0x01u
#define TCP_PSH		  0x08u
#define TCP_CWR		  0x80u

/** Where things are in a frame; all within it. */
struct layers {
	uint32_t l3, l4, payload; /* offsets */
	uint32_t final_address;	  /* IPv6: offset of the destination that checksums cover */
	uint8_t proto;		  /* PROTO_TCP or PROTO_UDP */
	bool v6;
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* ---- checksums: one's complement sums of big-endian words ---- */

static uint64_t sum_bytes(const uint8_t *p, uint32_t bytes, uint64_t sum)
{
	for (; bytes >= 4; p += 4, bytes -= 4)
		sum += get32(p);
	if (bytes >= 2) {
		sum += get16(p);
		p += 2;
		bytes -= 2;
	}
	if (bytes)
		sum += (uint64_t)p[0] << 8;
	return sum;
}

static uint32_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* ---- headers ---- */

static bool parse_ipv4(const struct lwf_frame *frame, struct layers *at)
{
	const uint8_t *ip = frame->data + at->l3;
	uint32_t header_bytes;

	if (frame->len - at->l3 < IPV4_HEADER_BYTES || ip[0] >> 4 != 4)
		return false;
	header_bytes = (ip[0] & 0xfu) * 4;
	if (header_bytes < IPV4_HEADER_BYTES || header_bytes > frame->len - at->l3)
		return false;
	if (get16(ip + 6) & 0x3fff) /* a fragment: more to come, or not the first */
		return false;
	at->proto = ip[9];
	at->l4 = at->l3 + header_bytes;
	return true;
}

/* A source route not yet at its end: checksums cover the last address in it. */
static bool parse_routing(const uint8_t *header, uint32_t bytes, uint32_t offset, struct layers *at)
{
	uint32_t addresses = (bytes - 8) / 16;

	if (header[3] == 0)
		return true;
	if (addresses == 0)
		return false;
	switch (header[2]) {
	case 0:
	case 2:
		at->final_address = offset + 8 + 16 * (addresses - 1);
		return true;
	case 4: /* segment routing lists them last first */
		at->final_address = offset + 8;
		return true;
	default:
		return false;
	}
}

static bool parse_ipv6(const struct lwf_frame *frame, struct layers *at)
{
	const uint8_t *ip = frame->data + at->l3;
	uint32_t offset = at->l3 + IPV6_HEADER_BYTES;
	uint8_t next;

	if (frame->len - at->l3 < IPV6_HEADER_BYTES || ip[0] >> 4 != 6)
		return false;
	next = ip[6];
	at->final_address = at->l3 + 24;
	for (uint32_t i = 0; i < IPV6_HEADERS_MAX; i++) {
		const uint8_t *header = frame->data + offset;
		uint32_t bytes;

		if (next != PROTO_HOP && next != PROTO_ROUTING && next != PROTO_OPTIONS)
			break;
		if (frame->len - offset < 8)
			return false;
		bytes = (header[1] + 1u) * 8;
		if (bytes > frame->len - offset)
			return false;
		if (next == PROTO_ROUTING && !parse_routing(header, bytes, offset, at))
			return false;
		next = header[0];
		offset += bytes;
	}
	at->proto = next;
	at->l4 = offset;
	return true;
}

/* Finds TCP or UDP in a frame. */
static bool parse(const struct lwf_frame *frame, struct layers *at)
{
	uint32_t type, left;

	if (frame->len < LWF_ETHER_HEADER_BYTES)
		return false;
	at->l3 = LWF_ETHER_HEADER_BYTES;
	type = get16(frame->data + 12);
	for (uint32_t i = 0; type == TPID_VLAN || type == TPID_PROVIDER; i++) {
		if (i == VLAN_TAGS_MAX || frame->len - at->l3 < LWF_VLAN_TAG_BYTES)
			return false;
		type = get16(frame->data + at->l3 + 2);
		at->l3 += LWF_VLAN_TAG_BYTES;
	}
	at->v6 = type == TYPE_IPV6;
	if (at->v6 ? !parse_ipv6(frame, at) : type != TYPE_IPV4 || !parse_ipv4(frame, at))
		return false;
	left = frame->len - at->l4;
	if (at->proto == PROTO_UDP) {
		at->payload = at->l4 + UDP_HEADER_BYTES;
		return left >= UDP_HEADER_BYTES;
	}
	if (at->proto != PROTO_TCP || left < TCP_HEADER_BYTES)
		return false;
	at->payload = at->l4 + (frame->data[at->l4 + 12] >> 4) * 4u;
	return at->payload >= at->l4 + TCP_HEADER_BYTES && at->payload <= frame->len;
}

/* Finds the headers, which must be those that gso_type names. */
static bool parse_claimed(const struct lwf_frame *frame, struct layers *at)
{
	if (!parse(frame, at))
		return false;
	switch (frame->offload.gso_type & ~LWF_GSO_ECN) {
	case LWF_GSO_NONE:
		return true;
	case LWF_GSO_TCP4:
		return at->proto == PROTO_TCP && !at->v6;
	case LWF_GSO_TCP6:
		return at->proto == PROTO_TCP && at->v6;
	case LWF_GSO_UDP_L4:
		return at->proto == PROTO_UDP && frame->offload.gso_type == LWF_GSO_UDP_L4;
	default:
		return false;
	}
}

/* True when the frame can be cut; *count gets the number of segments. */
static bool parse_super(const struct lwf_frame *frame, struct layers *at, uint32_t *count)
{
	uint32_t size = frame->offload.gso_size;

	if (!lwf_frame_is_super(frame) || frame->offload.gso_type == LWF_GSO_ECN || size == 0 ||
	    !parse_claimed(frame, at))
		return false;
	*count = (frame->len - at->payload + size - 1) / size;
	if (*count == 0)
		*count = 1;
	return true;
}

uint32_t lwf_frame_header_bytes(const struct lwf_frame *frame)
{
	struct layers at;

	return parse_claimed(frame, &at) ? at.payload : 0;
}

uint32_t lwf_frame_segments(const struct lwf_frame *frame)
{
	struct layers at;
	uint32_t count;

	if (!lwf_frame_is_super(frame)) /* the usual case, and cheap */
		return 1;
	return parse_super(frame, &at, &count) ? count : 1;
}

uint64_t lwf_frame_wire_bytes(const struct lwf_frame *frame)
{
	struct layers at;
	uint32_t count;

	if (!lwf_frame_is_super(frame) || !parse_super(frame, &at, &count))
		return frame->len;
	return frame->len + (uint64_t)(count - 1) * at.payload;
}

int lwf_frame_finish_csum(struct lwf_frame *frame)
{
	uint32_t start = frame->offload.csum_start, place = start + frame->offload.csum_offset;
	uint32_t sum;

	if (!(frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM))
		return 0;
	if (place + 2 > frame->len)
		return -EINVAL;
	/* the place holds the sum of the pseudo header already */
	sum = ~sum_fold(sum_bytes(frame->data + start, frame->len - start, 0)) & 0xffff;
	if (sum == 0 && frame->offload.csum_offset == UDP_CSUM_OFFSET)
		sum = 0xffff; /* 0 would say that there is none */
	put16(frame->data + place, sum);
	frame->offload.flags &= (uint8_t)~LWF_OFFLOAD_NEEDS_CSUM;
	frame->offload.csum_start = 0;
	frame->offload.csum_offset = 0;
	return 0;
}

/* ---- segments ---- */

static void finish_ip(uint8_t *data, uint32_t len, const struct layers *at, uint32_t index)
{
	uint8_t *ip = data + at->l3;
	uint32_t header_bytes;

	if (at->v6) {
		put16(ip + 4, len - at->l3 - IPV6_HEADER_BYTES);
		return;
	}
	header_bytes = at->l4 - at->l3;
	put16(ip + 2, len - at->l3);
	put16(ip + 4, get16(ip + 4) + index);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_fold(sum_bytes(ip, header_bytes, 0)));
}

/* The complete TCP or UDP checksum, with the pseudo header, into its place. */
static void finish_l4(uint8_t *data, uint32_t len, const struct layers *at)
{
	uint8_t *place = data + at->l4 + (at->proto == PROTO_TCP ? 16 : UDP_CSUM_OFFSET);
	uint64_t sum = at->proto + (uint64_t)(len - at->l4);
	uint32_t folded;

	if (at->v6) {
		sum = sum_bytes(data + at->l3 + 8, 16, sum);
		sum = sum_bytes(data + at->final_address, 16, sum);
	} else {
		sum = sum_bytes(data + at->l3 + 12, 8, sum);
	}
	put16(place, 0);
	folded = ~sum_fold(sum_bytes(data + at->l4, len - at->l4, sum)) & 0xffff;
	if (folded == 0 && at->proto == PROTO_UDP)
		folded = 0xffff; /* 0 would say that there is none */
	put16(place, folded);
}

int lwf_frame_segment(const struct lwf_frame *frame, uint32_t index, struct lwf_frame *out)
{
	struct layers at;
	uint32_t count, skipped, bytes, len;
	uint8_t *l4;

	if (!parse_super(frame, &at, &count) || index >= count)
		return -EINVAL;
	skipped = index * frame->offload.gso_size;
	bytes = frame->len - at.payload - skipped;
	if (bytes > frame->offload.gso_size)
		bytes = frame->offload.gso_size;
	len = at.payload + bytes;
	if (len - at.l3 > UINT16_MAX)
		return -EINVAL;
	if (len > lwf_frame_room(out))
		return -ENOSPC;
	memcpy(out->data, frame->data, at.payload);
	memcpy(out->data + at.payload, frame->data + at.payload + skipped, bytes);
	out->len = len;
	memset(&out->offload, 0, sizeof(out->offload));
	l4 = out->data + at.l4;
	if (at.proto == PROTO_TCP) {
		put32(l4 + 4, get32(l4 + 4) + skipped);
		if (index > 0)
			l4[13] &= (uint8_t)~TCP_CWR;
		if (index + 1 < count)
			l4[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	} else {
		put16(l4 + 4, len - at.l4);
	}
	finish_ip(out->data, len, &at, index);
	finish_l4(out->data, len, &at);
	return 0;
}

/* ---- tags and limits ---- */

void lwf_frame_push_vlan(struct lwf_frame *frame, uint16_t tpid, uint16_t tci)
{
	assert(!frame->parent && frame->data - frame->buffer >= (ptrdiff_t)LWF_VLAN_TAG_BYTES);
	assert(frame->len >= LWF_ETHER_HEADER_BYTES);
	memmove(frame->data - LWF_VLAN_TAG_BYTES, frame->data, 12);
	frame->data -= LWF_VLAN_TAG_BYTES;
	frame->len += LWF_VLAN_TAG_BYTES;
	put16(frame->data + 12, tpid);
	put16(frame->data + 14, tci);
	if (frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM)
		frame->offload.csum_start =
			(uint16_t)(frame->offload.csum_start + LWF_VLAN_TAG_BYTES);
	if (frame->offload.hdr_len)
		frame->offload.hdr_len = (uint16_t)(frame->offload.hdr_len + LWF_VLAN_TAG_BYTES);
}

uint32_t lwf_frame_limit_bytes(const struct lwf_frame *frame, uint32_t mtu)
{
	uint32_t limit = mtu + LWF_ETHER_HEADER_BYTES;

	/* what packet sockets allow: one tag with this EtherType, and no other, may come on top */
	if (frame->len >= LWF_ETHER_HEADER_BYTES && get16(frame->data + 12) == TPID_VLAN)
		limit += LWF_VLAN_TAG_BYTES;
	return limit;
}
