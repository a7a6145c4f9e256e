/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_trail.h - which process sent the last datagram from one endpoint to another.
 *
 * A program that sends a datagram and closes its socket at once has gone before anybody can ask the
 * kernel whose it was. A BPF program at a cgroup sees each datagram while its sender is still inside
 * of the call that sends it, and notes the sender in a table of bounded size, the oldest of which give
 * way. It is there only when lwfd was told to (--owner-bpf), asks for Linux 6.10, and goes with the
 * descriptors that hold it: nothing is left when the daemon is killed.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_OWNER_TRAIL_H
#define LWF_DAEMON_OWNER_TRAIL_H

#include <stdint.h>

#include <lwf/flow.h>

#include "owner_diag.h"

#define OWNER_TRAIL_ENTRIES  16384u
#define OWNER_TRAIL_FRESH_NS 1000000000ull /* an older entry may be of another life of the port */

/** As the BPF program writes it. */
struct owner_sender {
	uint32_t pid, uid;
	uint64_t sent_ns; /* since boot */
	char comm[LWF_OWNER_COMM_BYTES];
};

struct owner_trail {
	int map_fd, program_fd, link_fd; /* -1: not there */
};

/** One that finds nothing. */
#define OWNER_TRAIL_NONE ((struct owner_trail){-1, -1, -1})

/**
 * Begins to note the senders in all of @cgroup, the path of a cgroup of version 2, or "auto": the first
 * place where such a tree is mounted. Asks for CAP_BPF and CAP_NET_ADMIN in the first user namespace.
 * Returns 0; -ENOENT: there is no such cgroup; -EPERM; -EOPNOTSUPP: the kernel is too old; or -errno.
 */
int owner_trail_open(struct owner_trail *trail, const char *cgroup);

/** Accepts one that is not there. */
void owner_trail_close(struct owner_trail *trail);

/**
 * Who sent from tuple->local to tuple->remote within the last second, in the network namespace with
 * this cookie. 1: *sender; 0: nobody. Below a microsecond; UDP only.
 */
int owner_trail_find(const struct owner_trail *trail, uint64_t netns_cookie,
		     const struct owner_tuple *tuple, struct owner_sender *sender);

#endif
