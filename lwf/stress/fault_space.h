/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_space.h - network namespaces in which the devices of a running stack, and their peers, are.
 */
#ifndef LWF_STRESS_FAULT_SPACE_H
#define LWF_STRESS_FAULT_SPACE_H

#include <stdbool.h>
#include <sys/types.h>

#define FAULT_SPACES_MAX 512u /* that are looked at */

struct nl_sock;

/** A namespace, and a socket for requests inside of it. All of it goes with fault_space_close(). */
struct fault_space {
	int fd; /* -1: none */
	ino_t inode;
	struct nl_sock *net;
};

#define FAULT_SPACE_NONE    \
	{                   \
		-1, 0, NULL \
	}

/** That of the caller. 0 or -errno. */
int fault_space_here(struct fault_space *space);

/** That of a process. 0 or -errno. */
int fault_space_of(pid_t pid, struct fault_space *space);

/** A new one, in which nothing is. 0 or -errno. */
int fault_space_make(struct fault_space *space);

/** A socket of the caller's own, behind a fork(): answers to the other process stay its own. 0 or -errno. */
int fault_space_renew(struct fault_space *space);

/** Closes what is open; @space is none then. */
void fault_space_close(struct fault_space *space);

/** Runs fn(context) inside of @space; returns what that returned, or -errno when it cannot be entered. */
int fault_space_call(const struct fault_space *space, int (*fn)(void *context), void *context);

/**
 * Shows fn() one namespace after the other: the caller's, those of @daemon and its threads, those
 * with a name, those of any process. True: this one is it, *found has it, and the search ends.
 * 0, or -ENOENT.
 */
int fault_space_find(pid_t daemon, bool (*fn)(const struct fault_space *space, void *context),
		     void *context, struct fault_space *found);

#endif
