/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - frames for tests, built from a description and not by the code under test.
 */
#ifndef LWF_TEST_PACKET_H
#define LWF_TEST_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define PACKET_EXT_HOP	   0x1u /* IPv6: hop-by-hop options, 8 bytes */
#define PACKET_EXT_OPTIONS 0x2u /* IPv6: destination options, 16 bytes */
#define PACKET_EXT_ROUTING 0x4u /* IPv6: segment routing with 2 addresses, 1 left */

struct packet {
	uint32_t tags;		    /* VLAN tags: 0 to 4; the outer of several is 88a8 */
	bool v6;		    /* IPv6, else IPv4 */
	uint32_t ip_options_bytes;  /* IPv4: multiple of 4, at most 40 */
	uint32_t ext;		    /* IPv6: PACKET_EXT_* */
	bool udp;		    /* UDP, else TCP */
	uint32_t tcp_options_bytes; /* multiple of 4, at most 40 */
	uint8_t tcp_flags;
	uint32_t seq;
	uint16_t ip_id;
	uint32_t payload_from; /* the payload is a piece of an endless stream: from here */
	uint32_t payload_bytes;
	uint32_t seed;	/* of the stream and of what does not matter */
	bool csum_left; /* the TCP or UDP checksum is only that of the pseudo header */
	/* filled in by packet_build() */
	uint32_t l3, l4, payload;
};

/** Writes the frame to @out, which holds enough. Returns its length. */
uint32_t packet_build(struct packet *packet, uint8_t *out);

/** Sum of 16-bit words as RFC 1071 has it, folded, not inverted. */
uint16_t packet_sum(const uint8_t *bytes, uint32_t len, uint32_t start);

/** A plain frame of @len bytes (at least 14): broadcast, EtherType 0x88b5, @seed in its bytes. */
void packet_plain(uint8_t *out, uint32_t len, uint32_t seed);

#endif
