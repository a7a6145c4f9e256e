/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.h - a decider that is a program at the other end of the control socket.
 *
 * verdict.c turns asks of the filter into records and records of the peer into calls of the filter
 * (lwf/verdict.h); verdict_show.c tells about all of it. For the loop thread; nothing waits for a peer.
 */
#ifndef LWF_DAEMON_VERDICT_H
#define LWF_DAEMON_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/verdict.h>

#include "control.h"
#include "records.h"

/** What SUBSCRIBE says. */
struct verdict_options {
	const char *module; /* NULL: "verdict" */
	uint64_t priority, timeout_ns, credits, copy_bytes, pid;
	bool interactive;
};

/** One decider of one connection. */
struct verdict_peer {
	struct lwf_decider decider; /* first: the filter knows it by this */
	struct lwf_peer *peer;
	uint64_t lost;		 /* notices that found no room: cancels, owners, ends, stales */
	uint64_t messages;	 /* sent */
	bool full;		 /* the socket takes no more at present */
	size_t room, first, end; /* whole records at queue + first, up to end */
	size_t unsent_max;
	unsigned char queue[];
};

/**
 * Makes a decider of @peer on @stack. 0; -EINVAL with @what naming the option that is wrong; what
 * lwf_decider_open() says; -ENOMEM; -EPERM: the process whose flows are to pass is not the peer's user's.
 */
int verdict_open(struct lwf_peer *peer, struct lwf_stack *stack,
		 const struct verdict_options *options, const char **what);

/** A TELL: its records, judged here. NULL, or what is wrong with it (static text). */
const char *verdict_hear(struct verdict_peer *verdict, const void *body, size_t bytes);

/** Sends what is queued, as far as the socket takes it. 0, or -errno: the peer is gone. */
int verdict_flush(struct verdict_peer *verdict);

/** Bytes that are queued. */
size_t verdict_unsent(const struct verdict_peer *verdict);

/** Settles its asks and frees it. Accepts NULL. */
void verdict_close(struct verdict_peer *verdict);

/** The decider's connection, or NULL when it is not one of these. */
const struct verdict_peer *verdict_of(const struct lwf_decider *decider);

/* ---- verdict_commands.c, verdict_show.c ---- */

enum lwf_outcome verdict_do_subscribe(struct lwf_request *request);
enum lwf_outcome verdict_do_tell(struct lwf_request *request);
enum lwf_outcome verdict_do_verdicts(struct lwf_request *request);

/** Answers VERDICTS: modules that ask, of @stack (NULL: all). */
enum lwf_outcome verdict_show(struct lwf_request *request, const struct lwf_stack *stack);

#endif
