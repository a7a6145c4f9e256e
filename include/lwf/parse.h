/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h - whose conversation a frame belongs to: the key of a flow.
 *
 * A key has the two endpoints sorted, so that both directions of a conversation have the same one;
 * who sent a frame is beside it. Addresses and ports are as on the wire (network byte order) but
 * for ports, which are numbers of the machine. Unused bytes are zero: keys are compared whole.
 */
#ifndef LWF_PARSE_H
#define LWF_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_FLOW_ADDRESS_BYTES 16u

/** Which of the two endpoints of a key. */
enum lwf_endpoint { LWF_ENDPOINT_LOW, LWF_ENDPOINT_HIGH };

/**
 * What frames of one conversation have in common. IPv4 addresses stand as ::ffff:a.b.c.d. Ports are
 * those of TCP, UDP, UDP-Lite, SCTP and DCCP; for ICMP port[LOW] is the identifier of an echo (else
 * 0) and port[HIGH] the type, a reply counting as its request; for all else they are 0.
 */
struct lwf_flow_key {
	uint8_t address[2][LWF_FLOW_ADDRESS_BYTES]; /* [enum lwf_endpoint]; the lower is first */
	uint16_t port[2];			    /* [enum lwf_endpoint] */
	uint16_t vlan[2]; /* outer, inner id; 0: none, or a tag that has a priority alone */
	uint32_t adapter; /* whose address space: two stacks may have equal addresses */
	uint8_t protocol; /* as in the IP header; the last of an IPv6 chain */
	uint8_t v6;	  /* 1: IPv6 */
	uint8_t zero[2];
};

/** X(symbol, name): what a frame is, as far as flows are concerned */
#define LWF_PARSED_LIST(X)                                                                       \
	X(NONE, "none")		    /* no IP, or an ICMP error about nothing that is known */    \
	X(FLOW, "flow")		    /* key says which; also the first of several fragments */    \
	X(FRAGMENT, "fragment")	    /* a later one: no ports; belongs to where its first does */ \
	X(ICMP_ERROR, "icmp-error") /* key is that of the packet it is about */                  \
	X(MALFORMED, "malformed")   /* headers that contradict each other or the length */

enum lwf_parsed_kind {
#define X(sym, name) LWF_PARSED_##sym,
	LWF_PARSED_LIST(X)
#undef X
};

#define LWF_PARSED_FIRST_FRAGMENT 0x1u /* flags: more of this packet follow */
#define LWF_PARSED_GROUP	  0x2u /* flags: to a multicast or broadcast address */
#define LWF_PARSED_TCP		  0x4u /* flags: seq, ack, window and tcp_flags are there */
#define LWF_PARSED_ICMP		  0x8u /* flags: icmp_type and icmp_code are there (FLOW) */

#define LWF_TCP_FIN 0x01u
#define LWF_TCP_SYN 0x02u
#define LWF_TCP_RST 0x04u
#define LWF_TCP_ACK 0x10u

#define LWF_PARSE_TAGS_MAX    4u /* more VLAN tags than that: NONE */
#define LWF_PARSE_HEADERS_MAX 8u /* IPv6 extension headers; the next counts as the protocol */
#define LWF_TCP_NO_SCALE      0xffu

/** What lwf_parse() found. All offsets are inside the frame. */
struct lwf_parsed {
	struct lwf_flow_key key; /* FLOW, FRAGMENT (ports 0), ICMP_ERROR */
	uint8_t kind;		 /* enum lwf_parsed_kind */
	uint8_t source;		 /* enum lwf_endpoint: who sent it (ICMP_ERROR: the packet in it) */
	uint8_t flags;		 /* LWF_PARSED_* */
	uint8_t tcp_flags;	 /* LWF_TCP_* and the rest of that byte */
	uint8_t tcp_scale;	 /* window scale of a SYN, or LWF_TCP_NO_SCALE */
	uint8_t icmp_type, icmp_code;
	uint8_t zero;
	uint16_t ether_type; /* behind the tags */
	uint16_t tcp_window;
	uint32_t tcp_seq, tcp_ack;
	uint32_t fragment_id;	/* with FRAGMENT and LWF_PARSED_FIRST_FRAGMENT */
	uint32_t l3, l4;	/* offsets of the IP header and of what it carries; 0: none */
	uint32_t payload;	/* offset behind the TCP or UDP header (else l4) */
	uint32_t payload_bytes; /* from there to the end of the packet, without padding */
};

/**
 * Reads the headers of one Ethernet frame of @len bytes at @data, nothing behind it; no byte is
 * believed before its length was checked. @adapter goes into the key. Returns @out->kind; all of @out
 * is written. Pure: no state, any thread.
 */
enum lwf_parsed_kind lwf_parse(const uint8_t *data, uint32_t len, uint32_t adapter,
			       struct lwf_parsed *out);

/** Printed name, "?" for what is not in the list. */
const char *lwf_parsed_name(enum lwf_parsed_kind kind);

#ifdef __cplusplus
}
#endif

#endif
