/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ingress.h - keeps the NIC's own network stack away from the frames that the TAP takes.
 *
 * Without it the kernel would take every received frame twice. A drop at ingress is behind the
 * packet sockets, so these still see everything. First choice is a BPF link at the tcx hook, which
 * the kernel removes with the last descriptor, so that it goes with the process however that ends.
 * Where BPF programs may not be loaded (a user namespace) or the kernel has no tcx (before 6.6): a
 * classic BPF filter at a clsact qdisc, with a handle that leftovers.h describes, so that the
 * watchdog child or `lwfctl cleanup` can take it away. A clsact qdisc and filters that were there
 * before stay untouched.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_INGRESS_H
#define LWF_DAEMON_INGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct nsnet;

enum ingress_kind { INGRESS_OPEN, INGRESS_TCX, INGRESS_CLSACT };

/** One interface whose ingress may be shut. All zero: open. */
struct ingress {
	enum ingress_kind kind;
	struct nsnet *ns; /* with a reference while shut */
	uint32_t ifindex;
	int fd; /* tcx: of the link; clsact: of a netlink socket in ns */
};

/**
 * Loads the program while rights are there, or counts one more user of it. False: only clsact will be used;
 * that is no error.
 */
bool ingress_load(void);

/** The last user's call closes the program. */
void ingress_unload(void);

/**
 * Shuts the ingress of @ifindex in @ns. One that is shut on another interface is forgotten first.
 * Returns 0, -EPERM, -ENODEV, or another -errno.
 */
int ingress_shut(struct ingress *ingress, struct nsnet *ns, uint32_t ifindex);

/** Opens it again. An interface that is gone is no error. Accepts one that is open. */
void ingress_open(struct ingress *ingress);

/** "open", "tcx", "clsact". */
const char *ingress_kind_name(enum ingress_kind kind);

#endif
