/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_template.h - frames that are described by one line of text instead of a capture.
 *
 *	udp 10.0.0.1:1000-2000 > 10.0.0.2:53 size 60..1514 count 1M
 *	tcp [fd00::1]:1000 > [fd00::2]:80 flags SA vlan 100
 *	icmp 10.0.0.1 > 10.0.0.0/24 random seed 7
 *	arp 10.0.0.1 > 10.0.0.2
 *	eth type 0x88b5 mac 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff
 *	hex ffffffffffff 020000000001 88b5 68656c6c6f count 10
 *
 * A value is a number or address, a range (1000-2000, 60..1514), or a network (10.0.0.0/24). The
 * ranges of a template step all together from frame to frame, each in its own circle; with `random`
 * they are drawn, from `seed` and the frame's number alone, so that frame n is always the same frame.
 *
 * Lengths and checksums are right. With `stamp` the payload begins with a mark, the seed, the frame's
 * number and the time (struct inject_stamp), which tells a receiver of loss, order and delay.
 */
#ifndef INJECT_TEMPLATE_H
#define INJECT_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/control.h>

#define INJECT_TEMPLATE_FRAME_MAX_BYTES 65535u
#define INJECT_TEMPLATE_VLANS_MAX	2u
#define INJECT_TEMPLATE_HEX_MAX_BYTES	9216u

/** Numbers from @low to @high. */
struct inject_range {
	uint64_t low, high;
};

/** Addresses from @low on, @count of them; IPv4 uses the first four bytes. */
struct inject_addresses {
	uint8_t low[16];
	uint64_t count;
};

enum inject_template_kind {
	INJECT_TEMPLATE_ETH,
	INJECT_TEMPLATE_ARP,
	INJECT_TEMPLATE_IP,
	INJECT_TEMPLATE_ICMP,
	INJECT_TEMPLATE_UDP,
	INJECT_TEMPLATE_TCP,
	INJECT_TEMPLATE_HEX,
};

enum inject_payload { INJECT_PAYLOAD_ZERO, INJECT_PAYLOAD_RANDOM, INJECT_PAYLOAD_ASCII };

struct inject_template {
	enum inject_template_kind kind;
	bool ipv6;
	struct inject_range from_mac, to_mac;
	struct inject_range vlans[INJECT_TEMPLATE_VLANS_MAX]; /* outermost first */
	uint32_t vlan_count;
	bool qinq;		  /* the outer tag has EtherType 0x88a8 */
	struct inject_range type; /* EtherType of ETH */
	struct inject_addresses from, to;
	struct inject_range from_port, to_port;
	struct inject_range proto, ttl, tos;
	uint8_t tcp_flags;
	struct inject_range size; /* bytes of the frame without FCS */
	uint64_t count;		  /* 0: without end */
	bool random;
	uint64_t seed;
	enum inject_payload payload;
	bool stamp;
	uint8_t hex[INJECT_TEMPLATE_HEX_MAX_BYTES]; /* the frame of HEX */
	uint32_t hex_bytes;
};

/** What `stamp` puts first into the payload, in network byte order. */
struct inject_stamp {
	uint64_t mark; /* INJECT_STAMP_MARK */
	uint64_t seed;
	uint64_t number;  /* of the frame, from 0 */
	uint64_t sent_ns; /* CLOCK_REALTIME when the frame was made */
};

#define INJECT_STAMP_MARK 0x6c77662d73746d70ull /* "lwf-stmp" */

/**
 * Reads @text. Returns 0, or -EINVAL with the column, the reason and the next step in @error (exit 2).
 */
int inject_template_parse(const char *text, struct inject_template *template,
			  struct lwf_error *error);

/** Bytes that the headers of @template take, with those of VLAN tags and a stamp. */
uint32_t inject_template_header_bytes(const struct inject_template *template);

/**
 * Writes frame @number to @frame, which has INJECT_TEMPLATE_FRAME_MAX_BYTES. Returns its length.
 * @now_ns is used with `stamp` only: all else depends on the template and @number alone.
 */
uint32_t inject_template_make(const struct inject_template *template, uint64_t number,
			      uint64_t now_ns, uint8_t *frame);

#endif
