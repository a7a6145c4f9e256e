/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vlantag.c - a VLAN for kernels that were built without one: vlantag DEV VID
 *
 * Attaches two small BPF programs to DEV: what it sends gets a tag, what it receives loses it, so
 * that the host behind DEV talks TCP with offloads inside the VLAN, just as with an 802.1Q device.
 * They stay while this program runs. Prints "attached"; 77 when the kernel or our rights say no.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "witness.h"

#ifndef BPF_TCX_INGRESS
#define BPF_TCX_INGRESS 46
#define BPF_TCX_EGRESS	47
#endif
#define TCX_NEXT -1

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *code, uint32_t count)
{
	union bpf_attr attr = {0};

	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = count;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int program, uint32_t ifindex, uint32_t where)
{
	union bpf_attr attr = {0};

	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = where;
	return bpf(BPF_LINK_CREATE, &attr);
}

static int refused(const char *what)
{
	fprintf(stderr, "vlantag: %s: %s\n", what, strerror(errno));
	return 77;
}

int main(int argc, char **argv)
{
	uint32_t ifindex;
	int vid, push, pop;

	if (argc != 3)
		wit_die("usage: vlantag DEV VID");
	ifindex = if_nametoindex(argv[1]);
	vid = (int)wit_number(argv[2], 4094, "VID");
	if (!ifindex)
		wit_die("%s: %s", argv[1], strerror(errno));

	const struct bpf_insn push_code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = 2,
		 .imm = 0x0081}, /* 8100, network order */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = vid},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TCX_NEXT},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const struct bpf_insn pop_code[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_pop},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TCX_NEXT},
		{.code = BPF_JMP | BPF_EXIT},
	};

	push = load(push_code, sizeof(push_code) / sizeof(push_code[0]));
	pop = load(pop_code, sizeof(pop_code) / sizeof(pop_code[0]));
	if (push < 0 || pop < 0)
		return refused("the kernel takes no BPF program from us");
	if (attach(push, ifindex, BPF_TCX_EGRESS) < 0 || attach(pop, ifindex, BPF_TCX_INGRESS) < 0)
		return refused("no tcx link");
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
