/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingress.c - keeps the NIC's own network stack away from received frames; see ingress.h.
 *
 * The BPF program is two instructions, loaded once while the right to load is there. Attaching it
 * asks for no right beyond holding its descriptor, so an interface that comes back can be shut
 * again by a daemon that has dropped its rights. The kernel looks the interface up in the namespace
 * of the calling thread, hence nsnet_call().
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "ingress.h"
#include "leftovers.h"
#include "nsnet.h"

#define ATTACH_TCX_INGRESS 46u /* BPF_TCX_INGRESS; linux/bpf.h has it from 6.6 on */
#define ATTACH_FIRST	   8u  /* BPF_F_BEFORE nobody: ahead of programs that are there */

static int program_fd = -1;
static unsigned program_users;

static int bpf(int command, union bpf_attr *attributes, size_t bytes)
{
	long result = syscall(SYS_bpf, command, attributes, bytes);

	return result < 0 ? -errno : (int)result;
}

bool ingress_load(void)
{
	static const struct bpf_insn drop[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const char license[] = "BSD";
	union bpf_attr attributes;

	if (program_users++)
		return program_fd >= 0;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attributes.insns = (uintptr_t)drop;
	attributes.insn_cnt = sizeof(drop) / sizeof(drop[0]);
	attributes.license = (uintptr_t)license;
	memcpy(attributes.prog_name, "lwfd_ingress", sizeof("lwfd_ingress"));
	program_fd = bpf(BPF_PROG_LOAD, &attributes, sizeof(attributes));
	return program_fd >= 0;
}

void ingress_unload(void)
{
	if (!program_users || --program_users)
		return;
	if (program_fd >= 0)
		close(program_fd);
	program_fd = -1;
}

static int attach_tcx(void *argument)
{
	struct ingress *ingress = argument;
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (uint32_t)program_fd;
	attributes.link_create.target_ifindex = ingress->ifindex;
	attributes.link_create.attach_type = ATTACH_TCX_INGRESS;
	attributes.link_create.flags = ATTACH_FIRST;
	ingress->fd = bpf(BPF_LINK_CREATE, &attributes, sizeof(attributes));
	return ingress->fd < 0 ? ingress->fd : 0;
}

static int open_netlink(void *argument)
{
	struct ingress *ingress = argument;

	return lwf_netlink_open(&ingress->fd);
}

static int shut_clsact(struct ingress *ingress, struct nsnet *ns)
{
	int error = nsnet_call(ns, open_netlink, ingress);

	if (error)
		return error;
	error = lwf_clsact_shut(ingress->fd, ingress->ifindex);
	if (error)
		close(ingress->fd);
	return error;
}

/** A filter of a daemon that was killed would outlive ours. */
static void remove_stale(struct ingress *ingress, struct nsnet *ns)
{
	if (nsnet_call(ns, open_netlink, ingress))
		return;
	(void)lwf_clsact_open(ingress->fd, ingress->ifindex);
	close(ingress->fd);
}

int ingress_shut(struct ingress *ingress, struct nsnet *ns, uint32_t ifindex)
{
	int error = -EOPNOTSUPP;

	ingress_open(ingress);
	ingress->ifindex = ifindex;
	remove_stale(ingress, ns);
	if (program_fd >= 0)
		error = nsnet_call(ns, attach_tcx, ingress);
	if (!error) {
		ingress->kind = INGRESS_TCX;
	} else {
		error = shut_clsact(ingress, ns);
		if (error)
			return error;
		ingress->kind = INGRESS_CLSACT;
	}
	ingress->ns = nsnet_ref(ns);
	return 0;
}

void ingress_open(struct ingress *ingress)
{
	if (ingress->kind == INGRESS_OPEN)
		return;
	if (ingress->kind == INGRESS_CLSACT)
		(void)lwf_clsact_open(ingress->fd, ingress->ifindex);
	close(ingress->fd);
	nsnet_put(ingress->ns);
	memset(ingress, 0, sizeof(*ingress));
}

const char *ingress_kind_name(enum ingress_kind kind)
{
	static const char *const names[] = {"open", "tcx", "clsact"};

	return names[kind];
}
