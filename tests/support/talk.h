/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.h - frames of conversations for tests, built from a description and not by the code under
 * test. Hosts are small numbers: 10.0.x.y in IPv4, fd00::x:y in IPv6; 0xffff stands for a group.
 */
#ifndef LWF_TEST_TALK_H
#define LWF_TEST_TALK_H

#include <stdbool.h>
#include <stdint.h>

#define TALK_MAX_BYTES	2048u
#define TALK_GROUP	0xffffu
#define TALK_FRAGMENT	44u
#define TALK_EXTENSIONS 12u

#define TALK_FIN 0x01u
#define TALK_SYN 0x02u
#define TALK_RST 0x04u
#define TALK_PSH 0x08u
#define TALK_ACK 0x10u

struct talk {
	bool v6;
	uint8_t protocol; /* 6, 17, 1, 58, ... */
	uint32_t from, to;
	uint16_t from_port, to_port; /* ICMP: from_port is the id of an echo */
	uint8_t flags;		     /* TCP */
	uint32_t seq, ack;
	uint16_t window;
	uint8_t scale; /* TCP: with SYN, a window scale option when not 0 */
	uint8_t type;  /* ICMP */
	uint16_t vlan[5];
	uint32_t tags;
	uint32_t payload_bytes;
	bool more;	 /* a fragment: more follow */
	uint16_t offset; /* a fragment: in units of 8 bytes; its L4 header is left out when not 0 */
	uint32_t fragment_id;
	bool atomic;		      /* IPv6: a fragment header although it is whole */
	uint8_t ext[TALK_EXTENSIONS]; /* IPv6: extension headers of 8 bytes, of these numbers */
	uint32_t exts;
	uint32_t padding_bytes; /* behind the packet */
};

/** Writes the frame to @out (TALK_MAX_BYTES). Returns its length. */
uint32_t talk_build(const struct talk *talk, uint8_t *out);

/** The frame that goes the other way: ends swapped, sequence numbers too. */
struct talk talk_back(const struct talk *talk);

/** An ICMP error of @type from router @from about @about, with @bytes of its L4. */
uint32_t talk_error(const struct talk *about, uint32_t from, uint8_t type, uint32_t bytes,
		    uint8_t *out);

#endif
