/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_resolver.h - the resolver process: finds out which processes hold a socket.
 *
 * That takes the right to look into every process and up to a second, so it is a process of its own. It
 * is forked before the daemon gives up rights, is the only one that keeps CAP_SYS_PTRACE and
 * CAP_DAC_READ_SEARCH, and can then do little more than read /proc. It holds no state that anybody
 * would miss: when it is gone, owners are unknown, and all else goes on.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_OWNER_RESOLVER_H
#define LWF_DAEMON_OWNER_RESOLVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "owner_wire.h"

#define OWNER_ASKS_MAX 16384u /* that wait at the resolver, and at the daemon */
#define OWNER_LIST_MAX 65536u /* sockets in one list */

struct owner_resolver {
	pid_t pid; /* 0: reaped */
	int fd;	   /* non-blocking; the owner watches it. -1: closed */
};

/**
 * Forks it. After guardian_start(), before any thread or device. Returns 0 or -errno. The child never
 * returns from here.
 */
int owner_resolver_start(struct owner_resolver *resolver);

/**
 * Sends a message, with descriptor @fd (lent; -1: none). Never blocks. Returns 0, -EAGAIN (it does
 * not read), -EPIPE (it has gone) or -errno.
 */
int owner_resolver_send(const struct owner_resolver *resolver, const struct owner_message *message,
			int fd);

/**
 * Takes the next message. Never blocks. Returns 1; 0: there is none; -EPIPE: it has gone; -EPROTO: what it sent
 * is no message of it.
 */
int owner_resolver_receive(const struct owner_resolver *resolver, struct owner_message *message);

/** Closes the socket and ends the process, also one that is stopped. Accepts one that is all zero. */
void owner_resolver_finish(struct owner_resolver *resolver);

#endif
