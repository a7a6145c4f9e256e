/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.c - expressions of pcap-filter(7) compiled by libpcap, for both hosts.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "match.h"

#define SNAP_BYTES 262144 /* longer than any frame: programs return how much to keep */

static int take(const struct bpf_program *program, struct lwf_match *match, char *error,
		size_t error_bytes)
{
	if (program->bf_len > LWF_MATCH_INSNS_MAX) {
		snprintf(error, error_bytes, "its program has %u instructions, more than %u",
			 program->bf_len, LWF_MATCH_INSNS_MAX);
		return -EINVAL;
	}
	match->count = program->bf_len;
	for (uint32_t i = 0; i < match->count; i++) {
		const struct bpf_insn *insn = &program->bf_insns[i];

		match->insn[i] = (struct lwf_match_insn){insn->code, insn->jt, insn->jf, insn->k};
	}
	return 0;
}

int lwf_compile_match(struct lwf_host *host, const char *text, struct lwf_match *match, char *error,
		      size_t error_bytes)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAP_BYTES);
	struct bpf_program program;
	int ret;

	(void)host;
	if (!pcap) {
		snprintf(error, error_bytes, "out of memory");
		return -ENOMEM;
	}
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(error, error_bytes, "%s", pcap_geterr(pcap));
		pcap_close(pcap);
		return -EINVAL;
	}
	ret = take(&program, match, error, error_bytes);
	pcap_freecode(&program);
	pcap_close(pcap);
	return ret;
}
