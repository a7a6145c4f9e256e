/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_template_make.c - makes frame n of a template: headers, lengths, checksums, payload.
 *
 * Everything is a function of the template and n, so that a run can be repeated, and any frame of it be
 * made again by somebody else.
 */
#include <arpa/inet.h>
#include <string.h>

#include "inject_template.h"

enum {
	SALT_FROM = 1,
	SALT_TO,
	SALT_FROM_PORT,
	SALT_TO_PORT,
	SALT_SIZE,
	SALT_PROTO,
	SALT_TTL,
	SALT_TOS,
	SALT_TYPE,
	SALT_PAYLOAD,
	SALT_VLAN
};

struct maker {
	const struct inject_template *template;
	uint64_t number;
	uint8_t *frame;
	uint32_t at; /* bytes that are written */
};

/* One step of splitmix64: well mixed, and nothing to keep. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15ull;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

static uint64_t draw(const struct maker *maker, unsigned salt)
{
	return mix(mix(maker->template->seed ^ (uint64_t)salt << 56) ^ maker->number);
}

/* The step of this frame in a circle of @count values. */
static uint64_t pick(const struct maker *maker, uint64_t count, unsigned salt)
{
	if (count < 2)
		return 0;
	return (maker->template->random ? draw(maker, salt) : maker->number) % count;
}

static uint64_t pick_range(const struct maker *maker, const struct inject_range *range,
			   unsigned salt)
{
	return range->low + pick(maker, range->high - range->low + 1, salt);
}

/* ---- writing ---- */

static void put(struct maker *maker, uint64_t value, unsigned bytes)
{
	while (bytes--)
		maker->frame[maker->at++] = (uint8_t)(value >> bytes * 8);
}

static void put_address(struct maker *maker, const struct inject_addresses *range, unsigned salt)
{
	unsigned bytes = maker->template->ipv6 ? 16 : 4;
	uint64_t carry = pick(maker, range->count, salt);
	uint8_t *to = maker->frame + maker->at;

	memcpy(to, range->low, bytes);
	for (unsigned i = bytes; carry && i-- > 0;) {
		carry += to[i];
		to[i] = (uint8_t)carry;
		carry >>= 8;
	}
	maker->at += bytes;
}

static uint32_t sum(const uint8_t *bytes, uint32_t count, uint32_t before)
{
	uint64_t total = before;

	for (uint32_t i = 0; i + 1 < count; i += 2)
		total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	if (count % 2)
		total += (uint32_t)(bytes[count - 1] << 8);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

static void store_sum(uint8_t *at, uint32_t total, bool zero_is_none)
{
	uint16_t value = (uint16_t)~total;

	if (!value && zero_is_none)
		value = 0xffff;
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* ---- headers ---- */

static void make_ethernet(struct maker *maker, uint16_t type)
{
	const struct inject_template *t = maker->template;

	put(maker, t->to_mac.low, 6);
	put(maker, t->from_mac.low, 6);
	for (uint32_t i = 0; i < t->vlan_count; i++) {
		put(maker, t->qinq && i == 0 ? 0x88a8 : 0x8100, 2);
		put(maker, pick_range(maker, &t->vlans[i], SALT_VLAN + i), 2);
	}
	put(maker, type, 2);
}

static void make_arp(struct maker *maker)
{
	put(maker, 0x000108000604, 6); /* Ethernet, IPv4, and their lengths */
	put(maker, 1, 2);	       /* who has */
	put(maker, maker->template->from_mac.low, 6);
	put_address(maker, &maker->template->from, SALT_FROM);
	put(maker, 0, 6);
	put_address(maker, &maker->template->to, SALT_TO);
}

static void make_ipv4(struct maker *maker, uint8_t proto, uint32_t length)
{
	const struct inject_template *t = maker->template;
	uint8_t *header = maker->frame + maker->at;

	put(maker, 0x45, 1);
	put(maker, pick_range(maker, &t->tos, SALT_TOS), 1);
	put(maker, length, 2);
	put(maker, maker->number & 0xffff, 2);
	put(maker, 0x4000, 2); /* do not fragment */
	put(maker, pick_range(maker, &t->ttl, SALT_TTL), 1);
	put(maker, proto, 1);
	put(maker, 0, 2);
	put_address(maker, &t->from, SALT_FROM);
	put_address(maker, &t->to, SALT_TO);
	store_sum(header + 10, sum(header, 20, 0), false);
}

static void make_ipv6(struct maker *maker, uint8_t proto, uint32_t length)
{
	const struct inject_template *t = maker->template;

	put(maker, 6ull << 28 | pick_range(maker, &t->tos, SALT_TOS) << 20, 4);
	put(maker, length - 40, 2);
	put(maker, proto, 1);
	put(maker, pick_range(maker, &t->ttl, SALT_TTL), 1);
	put_address(maker, &t->from, SALT_FROM);
	put_address(maker, &t->to, SALT_TO);
}

static uint8_t protocol(const struct maker *maker)
{
	switch (maker->template->kind) {
	case INJECT_TEMPLATE_UDP:
		return 17;
	case INJECT_TEMPLATE_TCP:
		return 6;
	case INJECT_TEMPLATE_ICMP:
		return maker->template->ipv6 ? 58 : 1;
	default:
		return (uint8_t)pick_range(maker, &maker->template->proto, SALT_PROTO);
	}
}

/* Headers above IP; returns where their checksum stands in the frame, 0: they have none. */
static uint32_t make_transport(struct maker *maker, uint32_t end)
{
	const struct inject_template *t = maker->template;
	uint32_t begin = maker->at;

	if (t->kind == INJECT_TEMPLATE_UDP || t->kind == INJECT_TEMPLATE_TCP) {
		put(maker, pick_range(maker, &t->from_port, SALT_FROM_PORT), 2);
		put(maker, pick_range(maker, &t->to_port, SALT_TO_PORT), 2);
	}
	if (t->kind == INJECT_TEMPLATE_UDP) {
		put(maker, end - begin, 2);
		put(maker, 0, 2);
		return begin + 6;
	}
	if (t->kind == INJECT_TEMPLATE_TCP) {
		put(maker, maker->number & 0xffffffff, 4);
		put(maker, 0, 4);
		put(maker, 5u << 12 | t->tcp_flags, 2);
		put(maker, 65535, 2);
		put(maker, 0, 4);
		return begin + 16;
	}
	if (t->kind == INJECT_TEMPLATE_ICMP) {
		put(maker, t->ipv6 ? 128 : 8, 1); /* echo request */
		put(maker, 0, 3);
		put(maker, t->seed & 0xffff, 2);
		put(maker, maker->number & 0xffff, 2);
		return begin + 2;
	}
	return 0;
}

static void make_payload(struct maker *maker, uint32_t end, uint64_t now_ns)
{
	const struct inject_template *t = maker->template;

	if (t->stamp) {
		put(maker, INJECT_STAMP_MARK, 8);
		put(maker, t->seed, 8);
		put(maker, maker->number, 8);
		put(maker, now_ns, 8);
	}
	for (uint32_t i = 0; maker->at < end; i++) {
		switch (t->payload) {
		case INJECT_PAYLOAD_ZERO:
			maker->frame[maker->at++] = 0;
			break;
		case INJECT_PAYLOAD_RANDOM:
			maker->frame[maker->at++] =
				(uint8_t)(mix(draw(maker, SALT_PAYLOAD) + i / 8) >> i % 8 * 8);
			break;
		case INJECT_PAYLOAD_ASCII:
			maker->frame[maker->at++] = (uint8_t)('a' + i % 26);
			break;
		}
	}
}

static void finish_sum(struct maker *maker, uint32_t ip, uint32_t transport, uint32_t where,
		       uint8_t proto)
{
	const struct inject_template *t = maker->template;
	uint32_t length = maker->at - transport, total = 0;

	if (!where)
		return;
	if (t->kind != INJECT_TEMPLATE_ICMP || t->ipv6) { /* with the pseudo header */
		total = sum(maker->frame + ip + (t->ipv6 ? 8 : 12), t->ipv6 ? 32 : 8, 0);
		total += proto + length;
	}
	total = sum(maker->frame + transport, length, total);
	store_sum(maker->frame + where, total, t->kind == INJECT_TEMPLATE_UDP);
}

uint32_t inject_template_header_bytes(const struct inject_template *template)
{
	static const uint32_t above[] = {
		[INJECT_TEMPLATE_ETH] = 0,  [INJECT_TEMPLATE_ARP] = 28, [INJECT_TEMPLATE_IP] = 0,
		[INJECT_TEMPLATE_ICMP] = 8, [INJECT_TEMPLATE_UDP] = 8,	[INJECT_TEMPLATE_TCP] = 20,
		[INJECT_TEMPLATE_HEX] = 0,
	};
	uint32_t bytes = 14 + 4 * template->vlan_count + above[template->kind];

	if (template->kind == INJECT_TEMPLATE_HEX)
		bytes = template->hex_bytes;
	else if (template->kind >= INJECT_TEMPLATE_IP)
		bytes += template->ipv6 ? 40 : 20;
	return bytes + (template->stamp ? (uint32_t)sizeof(struct inject_stamp) : 0);
}

uint32_t inject_template_make(const struct inject_template *template, uint64_t number,
			      uint64_t now_ns, uint8_t *frame)
{
	struct maker maker = {.template = template, .number = number, .frame = frame};
	uint32_t end = (uint32_t)pick_range(&maker, &template->size, SALT_SIZE), ip, transport,
		 where;
	uint8_t proto;

	switch (template->kind) {
	case INJECT_TEMPLATE_ETH:
		make_ethernet(&maker, (uint16_t)pick_range(&maker, &template->type, SALT_TYPE));
		make_payload(&maker, end, now_ns);
		return maker.at;
	case INJECT_TEMPLATE_ARP:
		make_ethernet(&maker, 0x0806);
		make_arp(&maker);
		make_payload(&maker, end, now_ns);
		return maker.at;
	case INJECT_TEMPLATE_HEX:
		memcpy(frame, template->hex, template->hex_bytes);
		maker.at = template->hex_bytes;
		make_payload(&maker, end, now_ns);
		return maker.at;
	default:
		break;
	}
	proto = protocol(&maker);
	make_ethernet(&maker, template->ipv6 ? 0x86dd : 0x0800);
	ip = maker.at;
	if (template->ipv6)
		make_ipv6(&maker, proto, end - ip);
	else
		make_ipv4(&maker, proto, end - ip);
	transport = maker.at;
	where = make_transport(&maker, end);
	make_payload(&maker, end, now_ns);
	finish_sum(&maker, ip, transport, where, proto);
	return maker.at;
}
