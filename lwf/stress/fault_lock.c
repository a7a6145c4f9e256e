/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_lock.c - one program at a time changes a stack.
 *
 * Two would each take what the other has done for what was there before, and the one that ends last
 * would leave it so for good. The lock is a listening socket with an abstract name in the network namespace of
 * the daemon: no file stays behind, and the guardian, which has inherited it, holds it until all is undone,
 * however its parent ends. Whoever finds it taken connects, and the kernel tells who listens.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "open.h"
#include "runner.h"

#define LOOK_MS 10

static uint64_t add_text(uint64_t hash, const char *text)
{
	do /* FNV-1a, with the end of the text */
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

/* By the path of its socket, which another daemon in its place has, too. @stack NULL: the daemon itself. */
static void name_of(const struct fault_target *target, const char *stack, char *name, size_t bytes)
{
	char *path = realpath(target->control, NULL);
	uint64_t hash = add_text(0xcbf29ce484222325ull, path ? path : target->control);

	free(path);
	if (stack)
		hash = add_text(hash, stack);
	snprintf(name, bytes, "lwf/fault/%016" PRIx64, hash);
}

struct claim {
	char name[64];
	int fd;	   /* of who has it now */
	pid_t pid; /* who had it before; 0: it is dead, and what it did is being undone */
};

static void ask_holder(struct claim *claim)
{
	struct ucred credentials = {0};
	socklen_t bytes = sizeof(credentials);
	int fd, pidfd;

	claim->pid = 0;
	if (lwf_open_connection(NULL, claim->name, &fd))
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes))
		credentials.pid = 0;
	close(fd);
	pidfd = credentials.pid > 0 ? fault_pidfd(credentials.pid) : -1;
	if (pidfd < 0)
		return;
	if (fault_is_alive(pidfd))
		claim->pid = credentials.pid;
	close(pidfd);
}

/* Inside of the namespace. */
static int try(void *context)
{
	struct claim *claim = context;
	int err = lwf_open_listener(NULL, claim->name, &claim->fd);

	if (err == -EADDRINUSE)
		ask_holder(claim);
	return err;
}

/* Waits for a guardian, which is quick, and for nobody else. */
static int take(const struct fault_space *space, const char *what, struct claim *claim,
		struct lwf_error *error)
{
	uint64_t until = stress_clock_ns() + FAULT_WAIT_NS;
	int err;

	for (;;) {
		err = fault_space_call(space, try, claim);
		if (err != -EADDRINUSE || claim->pid || stress_clock_ns() >= until)
			break;
		poll(NULL, 0, LOOK_MS);
	}
	if (err != -EADDRINUSE)
		return fault_told("the lock on the stack", err, error);
	if (claim->pid)
		lwf_error_set(error, LWF_EXIT_REFUSED, what,
			      "wait for its end, or do both in one scenario (lwf-stress run --on)",
			      "process %d does a fault to it now", (int)claim->pid);
	else
		lwf_error_set(error, LWF_EXIT_REFUSED, what, "try again later",
			      "an earlier fault is still being undone");
	return LWF_EXIT_REFUSED;
}

int fault_lock(struct fault_target *target, enum fault_lock lock, struct lwf_error *error)
{
	struct fault_space space;
	int code = LWF_EXIT_OK;

	/* one that may not be entered: then all who may as little meet in their own */
	if (fault_space_of(target->daemon.pid, &space) && fault_space_here(&space))
		return fault_told("the lock on the stack", -EACCES, error);
	for (int i = 0; !code && i < (int)lock; i++) {
		struct claim claim = {.fd = -1};

		name_of(target, i ? NULL : target->stack, claim.name, sizeof(claim.name));
		code = take(&space, i ? target->control : target->stack, &claim, error);
		target->lock[i] = claim.fd;
	}
	fault_space_close(&space);
	return code;
}
