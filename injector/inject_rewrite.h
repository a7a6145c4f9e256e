/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_rewrite.h - what is changed in the frames of a capture on their way: MAC addresses, VLAN tags, IP addresses.
 *
 * In this order: a tag is popped, one is pushed, MAC addresses are set, IP addresses are mapped. Checksums are corrected
 * by the difference (RFC 1624), so that a frame that was cut short stays right, and one that was
 * wrong stays wrong.
 */
#ifndef INJECT_REWRITE_H
#define INJECT_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#define INJECT_REWRITE_MAPS_MAX	   16u
#define INJECT_REWRITE_FRAME_BYTES 65535u /* longer frames pass as they are */
#define INJECT_REWRITE_ROOM_BYTES  4u	  /* by which a frame may grow */

/** 10.0.0.0/8=192.168.0.0/16: addresses of the first network get the prefix of the second and keep all bits behind it. */
struct inject_ip_map {
	bool ipv6;
	uint8_t from[16], to[16];
	uint8_t from_bits, to_bits;
};

struct inject_rewrite {
	bool sets_src, sets_dst, pops, pushes;
	uint8_t src_mac[6], dst_mac[6];
	uint16_t vlan;
	struct inject_ip_map maps[INJECT_REWRITE_MAPS_MAX]; /* the first that fits is used */
	uint32_t map_count;
};

/** True when there is nothing to change. */
bool inject_rewrite_is_empty(const struct inject_rewrite *rewrite);

/** "02:00:00:00:00:01". 0 or -EINVAL. */
int inject_rewrite_mac(const char *text, uint8_t mac[6]);

/** Adds one map. 0; -EINVAL for a form that is not understood; -ENOSPC for one too many. */
int inject_rewrite_map(const char *text, struct inject_rewrite *rewrite);

/**
 * Changes the @captured bytes of @frame, which has room for INJECT_REWRITE_ROOM_BYTES more. Returns how many there are now.
 * Frames without a whole Ethernet header are left alone.
 *
 * IP addresses are those of the IPv4 or IPv6 header behind VLAN tags, and of ARP. What lies deeper is not looked for:
 * tunnels, the packet quoted in an ICMP error, addresses in a neighbour solicitation, a routing header, or a payload.
 */
uint32_t inject_rewrite_frame(const struct inject_rewrite *rewrite, uint8_t *frame,
			      uint32_t captured);

#endif
