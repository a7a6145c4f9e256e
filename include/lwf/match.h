/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.h - which frames are meant: an expression of pcap-filter(7), compiled once, run on frames.
 *
 * NDIS counterpart: none in NDIS; Npcap's BIOCSETF takes the same kind of program. A host compiles
 * the text, since that may allocate and look things up; the program is plain data, and running it
 * needs nothing but the frame. It sees the frame as it is on the wire: Ethernet header first, VLAN
 * tags in place (the keyword `vlan` works), super-frames as one long frame.
 *
 * Threads: a program that nobody changes may be run by any thread.
 */
#ifndef LWF_MATCH_H
#define LWF_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_MATCH_INSNS_MAX 512u /* of one program; the longest that people type have some dozens */

struct lwf_host;
struct lwf_frame;

/** One instruction of classic BPF, in the layout and with the numbers of <linux/filter.h>. */
struct lwf_match_insn {
	uint16_t code;
	uint8_t jt, jf; /* instructions to skip */
	uint32_t k;
};

/** A program; all zero is the empty one, which every frame matches. */
struct lwf_match {
	uint32_t count;
	struct lwf_match_insn insn[LWF_MATCH_INSNS_MAX];
};

/**
 * Whether every run of @match comes to an end and stays inside its own memory: known instructions,
 * jumps inside the program, a return at its end, no division by a constant 0. 0 or -EINVAL.
 */
int lwf_match_check(const struct lwf_match *match);

/**
 * Whether @frame is meant. @match has passed lwf_match_check(). Loads behind the end of the frame
 * mean no. No allocation; at most LWF_MATCH_INSNS_MAX steps.
 */
bool lwf_match_frame(const struct lwf_match *match, const struct lwf_frame *frame);

/**
 * Compiles and checks @text; an empty one gives the empty program. Never on the data path: it takes
 * memory, and a name of a host in @text is looked up there and then. 0; -EINVAL for what is no
 * expression, or gives too long a program; -ENOTSUP when the host compiles none; with one line of
 * words in @error. Unless it returns 0, @match is as it was.
 */
int lwf_host_compile_match(struct lwf_host *host, const char *text, struct lwf_match *match,
			   char *error, size_t error_bytes);

#ifdef __cplusplus
}
#endif

#endif
