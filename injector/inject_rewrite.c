/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_rewrite.c - changes frames of a capture.
 *
 * The addresses of a packet are in its IP header's checksum (IPv4), and in that of its transport through the pseudo
 * header. The sum of the differences is made once and applied to both. Only the first fragment of a
 * packet has the transport's checksum, and that is over the whole packet, so the difference is right there as well.
 */
#include "inject_rewrite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ETHER_BYTES	 14u
#define TAG_BYTES	 4u
#define IPV4_BYTES	 20u
#define IPV6_BYTES	 40u
#define ARP_BYTES	 28u
#define EXTENSIONS_MAX	 16u /* headers of IPv6 that are walked */
#define IPPROTO_DCCP_	 33u
#define IPPROTO_UDPLITE_ 136u

bool inject_rewrite_is_empty(const struct inject_rewrite *rewrite)
{
	return !rewrite->sets_src && !rewrite->sets_dst && !rewrite->pops && !rewrite->pushes &&
	       rewrite->map_count == 0;
}

/* ---- reading ---- */

int inject_rewrite_mac(const char *text, uint8_t mac[6])
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (strlen(text) != 17)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++) {
		const char *at = text + (size_t)i * 3;

		if (strspn(at, hex) != 2 || (i < 5 && at[2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)strtoul(at, NULL, 16);
	}
	return 0;
}

/* "10.0.0.0/8"; without a length all bits count */
static int read_network(char *text, bool *ipv6, uint8_t *address, uint8_t *bits)
{
	char *slash = strchr(text, '/'), *end;
	unsigned long most, value;

	if (slash)
		*slash++ = '\0';
	*ipv6 = strchr(text, ':') != NULL;
	most = *ipv6 ? 128 : 32;
	if (inet_pton(*ipv6 ? AF_INET6 : AF_INET, text, address) != 1)
		return -EINVAL;
	*bits = (uint8_t)most;
	if (!slash)
		return 0;
	value = strtoul(slash, &end, 10);
	if (slash[0] < '0' || slash[0] > '9' || *end || value > most)
		return -EINVAL;
	*bits = (uint8_t)value;
	return 0;
}

int inject_rewrite_map(const char *text, struct inject_rewrite *rewrite)
{
	struct inject_ip_map map = {0};
	char copy[128], *to;
	bool to_ipv6;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, strlen(text) + 1);
	to = strchr(copy, '=');
	if (!to)
		return -EINVAL;
	*to++ = '\0';
	if (read_network(copy, &map.ipv6, map.from, &map.from_bits) ||
	    read_network(to, &to_ipv6, map.to, &map.to_bits) || to_ipv6 != map.ipv6)
		return -EINVAL;
	if (rewrite->map_count == INJECT_REWRITE_MAPS_MAX)
		return -ENOSPC;
	rewrite->maps[rewrite->map_count++] = map;
	return 0;
}

/* ---- checksums ---- */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* ~m + m' of RFC 1624, over an address */
static uint32_t difference(const uint8_t *before, const uint8_t *after, unsigned bytes)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < bytes; i += 2)
		sum += (uint16_t)~get16(before + i) + (uint32_t)get16(after + i);
	return fold(sum);
}

static void correct(uint8_t *at, uint32_t delta)
{
	put16(at, (uint16_t)~fold((uint16_t)~get16(at) + delta));
}

/* The checksum of a transport that covers the addresses; @left bytes of it are there. */
static void correct_transport(uint8_t protocol, uint8_t *at, uint32_t left, uint32_t delta)
{
	bool udp = protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE_;
	uint32_t where;

	if (protocol == IPPROTO_TCP)
		where = 16;
	else if (udp || protocol == IPPROTO_DCCP_)
		where = 6;
	else if (protocol == IPPROTO_ICMPV6)
		where = 2;
	else
		return; /* none, or none over addresses */
	if (left < where + 2 || (udp && get16(at + where) == 0))
		return; /* UDP: 0 means that there is none */
	correct(at + where, delta);
	if (udp && get16(at + where) == 0)
		put16(at + where, 0xffff);
}

/* ---- addresses ---- */

/* Whether the first @bits of both are the same. */
static bool is_in(const uint8_t *address, const uint8_t *network, unsigned bits)
{
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

	return memcmp(address, network, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((address[bits / 8] ^ network[bits / 8]) & mask) == 0);
}

/* Maps the address at @at. Returns the difference for checksums; 0: it is as it was. */
static uint32_t map_address(const struct inject_rewrite *rewrite, bool ipv6, uint8_t *at)
{
	unsigned bytes = ipv6 ? 16 : 4;
	uint8_t before[16];

	for (uint32_t i = 0; i < rewrite->map_count; i++) {
		const struct inject_ip_map *map = &rewrite->maps[i];

		if (map->ipv6 != ipv6 || !is_in(at, map->from, map->from_bits))
			continue;
		memcpy(before, at, bytes);
		for (unsigned bit = 0; bit < map->to_bits; bit++) {
			uint8_t one = (uint8_t)(0x80u >> bit % 8);

			at[bit / 8] = (uint8_t)((at[bit / 8] & ~one) | (map->to[bit / 8] & one));
		}
		return memcmp(before, at, bytes) ? difference(before, at, bytes) : 0;
	}
	return 0;
}

static void map_ipv4(const struct inject_rewrite *rewrite, uint8_t *ip, uint32_t left)
{
	uint32_t header, delta;

	if (left < IPV4_BYTES || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 0xfu) * 4;
	delta = map_address(rewrite, false, ip + 12) + map_address(rewrite, false, ip + 16);
	if (!delta || header < IPV4_BYTES)
		return;
	correct(ip + 10, delta);
	if ((get16(ip + 6) & 0x1fff) == 0 && header <= left && ip[9] != IPPROTO_ICMPV6)
		correct_transport(ip[9], ip + header, left - header, delta);
}

/* Where the transport of an IPv6 packet begins; 0: it is not in this frame. */
static uint32_t find_transport(const uint8_t *ip, uint32_t left, uint8_t *protocol, bool *routed)
{
	uint32_t at = IPV6_BYTES;

	*protocol = ip[6];
	*routed = false;
	for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *header = ip + at;
		uint32_t bytes;

		if (left < at + 8)
			return at <= left ? at : 0;
		switch (*protocol) {
		case IPPROTO_ROUTING:
			*routed = *routed || header[3];
			bytes = (header[1] + 1u) * 8;
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_DSTOPTS:
			bytes = (header[1] + 1u) * 8;
			break;
		case IPPROTO_FRAGMENT:
			if (get16(header + 2) & 0xfff8)
				return 0;
			bytes = 8;
			break;
		case IPPROTO_AH:
			bytes = (header[1] + 2u) * 4;
			break;
		default:
			return at;
		}
		*protocol = header[0];
		at += bytes;
	}
	return 0;
}

static void map_ipv6(const struct inject_rewrite *rewrite, uint8_t *ip, uint32_t left)
{
	uint32_t source, destination, at;
	uint8_t protocol;
	bool routed;

	if (left < IPV6_BYTES || ip[0] >> 4 != 6)
		return;
	source = map_address(rewrite, true, ip + 8);
	destination = map_address(rewrite, true, ip + 24);
	at = find_transport(ip, left, &protocol, &routed);
	/* with a routing header that is not used up, the last stop is summed and not the next */
	if (routed)
		destination = 0;
	if (at && source + destination)
		correct_transport(protocol, ip + at, left - at, source + destination);
}

/* IPv4 over Ethernet; it has no checksum. */
static void map_arp(const struct inject_rewrite *rewrite, uint8_t *arp, uint32_t left)
{
	static const uint8_t form[6] = {0, 1, 8, 0, 6, 4};

	if (left < ARP_BYTES || memcmp(arp, form, sizeof(form)) != 0)
		return;
	map_address(rewrite, false, arp + 14);
	map_address(rewrite, false, arp + 24);
}

static bool is_tag(const uint8_t *type)
{
	return get16(type) == 0x8100 || get16(type) == 0x88a8 || get16(type) == 0x9100;
}

static void map_addresses(const struct inject_rewrite *rewrite, uint8_t *frame, uint32_t captured)
{
	uint32_t at = ETHER_BYTES;

	while (captured >= at + TAG_BYTES && is_tag(frame + at - 2))
		at += TAG_BYTES;
	switch (get16(frame + at - 2)) {
	case 0x0800:
		map_ipv4(rewrite, frame + at, captured - at);
		break;
	case 0x86dd:
		map_ipv6(rewrite, frame + at, captured - at);
		break;
	case 0x0806:
		map_arp(rewrite, frame + at, captured - at);
		break;
	default:
		break;
	}
}

/* ---- the whole ---- */

uint32_t inject_rewrite_frame(const struct inject_rewrite *rewrite, uint8_t *frame,
			      uint32_t captured)
{
	if (captured < ETHER_BYTES)
		return captured;
	if (rewrite->pops && captured >= ETHER_BYTES + TAG_BYTES && is_tag(frame + 12)) {
		memmove(frame + 12, frame + 16, captured - 16);
		captured -= TAG_BYTES;
	}
	if (rewrite->pushes) {
		memmove(frame + 16, frame + 12, captured - 12);
		put16(frame + 12, 0x8100);
		put16(frame + 14, rewrite->vlan);
		captured += TAG_BYTES;
	}
	if (rewrite->sets_dst)
		memcpy(frame, rewrite->dst_mac, 6);
	if (rewrite->sets_src)
		memcpy(frame + 6, rewrite->src_mac, 6);
	if (rewrite->map_count)
		map_addresses(rewrite, frame, captured);
	return captured;
}
