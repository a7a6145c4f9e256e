/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_wait.h - since when the records of a ring have been waiting.
 *
 * A record carries no time of ours, and the client's own time is not to be believed. So the daemon
 * remembers, each time it looks at a ring that waits, how far the ring was filled then. Times are
 * rounded up to a 32nd of the limit (1 ms at least), which bounds the marks: a record is overdue
 * never too early, and late by one such step for the look and one for the rounding at most.
 *
 * Pure: the caller tells the time and the indices.
 */
#ifndef LWF_DAEMON_CLIENT_WAIT_H
#define LWF_DAEMON_CLIENT_WAIT_H

#include <stdint.h>

#define LWF_CLIENT_WAIT_STEPS	32u
#define LWF_CLIENT_WAIT_STEP_NS 1000000ull
#define LWF_CLIENT_WAIT_MARKS	(LWF_CLIENT_WAIT_STEPS + 8u)

struct lwf_client_wait {
	uint64_t limit_ns; /* 0: they wait for ever, and nothing else here is used */
	uint64_t step_ns;
	uint32_t count;
	struct {
		uint32_t tail;		/* records before it were there ... */
		uint64_t seen_ns;	/* ... by then */
	} marks[LWF_CLIENT_WAIT_MARKS]; /* oldest first */
};

/** @limit_ns: how long a record may wait, more than 0. */
void lwf_client_wait_init(struct lwf_client_wait *wait, uint64_t limit_ns);

/** Now the ring holds the records from @head to @tail. */
void lwf_client_wait_note(struct lwf_client_wait *wait, uint32_t head, uint32_t tail,
			  uint64_t now_ns);

/** How many records from @head on have waited for the limit, or longer. */
uint32_t lwf_client_wait_overdue(struct lwf_client_wait *wait, uint32_t head, uint64_t now_ns);

/** When to look again, from now. */
uint64_t lwf_client_wait_next_ns(const struct lwf_client_wait *wait, uint64_t now_ns);

#endif
