/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_space.h - one network namespace whose sockets can be asked for.
 *
 * A netlink socket sees the namespace it was made in. Each namespace has two: one for the loop
 * thread, whose questions are answered inside the call in microseconds, and one for the resolver process, whose
 * lists take longer.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_OWNER_SPACE_H
#define LWF_DAEMON_OWNER_SPACE_H

#include <net/if.h>
#include <stdint.h>

#include "nsnet.h"
#include "owner_diag.h"

struct owner_space {
	struct nsnet *ns;
	int fd, list_fd; /* list_fd is for the resolver; -1 once it has it */
	uint32_t sequence;
	uint64_t cookie;	  /* of the namespace; 0: the kernel does not tell */
	char device[IF_NAMESIZE]; /* by which flows come and go there; "": any */
	_Alignas(8) uint8_t answer[OWNER_ANSWER_BYTES];
};

/** Opens both sockets in @ns (takes a reference). @device may be NULL. 0 or -errno. */
int owner_space_open(struct owner_space *space, struct nsnet *ns, const char *device);

/** Accepts one that was not opened, if its ns is NULL. */
void owner_space_close(struct owner_space *space);

/** The socket that the kernel names for @tuple. 1: *socket; 0: there is none; or -errno. A few microseconds. */
int owner_space_get(struct owner_space *space, const struct owner_tuple *tuple,
		    struct owner_socket *socket);

#endif
