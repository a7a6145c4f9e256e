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
	uint16_t vlan[2]; /* outer and inner VLAN id + 1; 0: no such tag */
	uint32_t adapter; /* whose address space: two stacks may have equal addresses */
	uint8_t protocol; /* as in the IP header; the last of an IPv6 chain */
	uint8_t v6;	  /* 1: IPv6 */
	uint8_t zero[2];
};

#ifdef __cplusplus
}
#endif

#endif
