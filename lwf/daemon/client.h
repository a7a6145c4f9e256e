/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h - the engine's side of the rings that it shares with user programs.
 *
 * One struct lwf_client is one session with one ring; lwf/ring.h is the contract between its two
 * sides. All functions are for the loop thread.
 */
#ifndef LWF_DAEMON_CLIENT_H
#define LWF_DAEMON_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <lwf/host.h>
#include <lwf/ring.h>
#include <lwf/stack.h>

#include "client_deaf.h"
#include "client_wait.h"

#define LWF_COMM_BYTES 16u /* name of a process, with the final 0 (TASK_COMM_LEN) */

/** Who is at the other end, as the kernel told when it connected. */
struct lwf_client_peer {
	pid_t pid;
	uid_t uid;
	char comm[LWF_COMM_BYTES];
};

/** What the owner of the connection does for a client. */
struct lwf_client_ops {
	/** Answers, room or a new state wait in the ring: send RUNG. Must not block. */
	void (*ring)(void *context);
	/** The ring lies (text says how): tell it, and close it with lwf_client_close(). */
	void (*lied)(void *context, const char *text);
};

struct lwf_client_node {
	struct lwf_client_node *next, *prev;
};

/** All clients of the process, and whose turn it is. */
struct lwf_clients {
	struct lwf_host *host;
	struct lwf_client_node
		ready; /* those that have records to be pulled, by what they have had */
	struct lwf_client_node starved; /* those that found no free frame: any answer wakes them */
	struct lwf_task task;		/* one turn for each of them */
	bool posted;
	uint64_t least; /* what whoever had a turn last had had before it */
	uint32_t count; /* rings that are mapped, those that are only waiting for frames included */
};

/** What a client asks for when it opens its session. */
struct lwf_client_options {
	const char *module;    /* through which; NULL: inject */
	bool wait_when_paused; /* records wait while the stack is not Running */
	uint64_t wait_ns;      /* so long at most, then they are answered; 0: for ever */
};

struct lwf_client {
	struct lwf_session session; /* first: the stack knows the client by it */
	struct lwf_client_node node;
	struct lwf_clients *clients;
	const struct lwf_client_ops *ops;
	void *context;
	struct lwf_client_peer peer;

	/* the shared memory; nothing read from it is believed */
	uint8_t *map;
	struct lwf_ring_control *control;

	/* the engine's own copies; the shared ones are only written */
	uint32_t submit_head;
	uint32_t answer_tail;
	uint32_t state_changes; /* twice their number */
	/* these three when client_waits was last looked at */
	uint32_t shown_head, shown_answers, shown_changes;
	/* the client's indices as last seen and found possible */
	uint32_t submit_tail;
	uint32_t answer_head;

	struct lwf_client_wait wait; /* records that wait with a deadline */
	struct lwf_timer deadline;
	struct lwf_client_deaf deaf; /* since when it reads no answers */

	/* records that were answered where they waited, a bit each, and how many; pull passes them */
	uint8_t withdrawn[LWF_RING_SUBMIT_SLOTS / 8u];
	uint32_t withdrawn_count;
	uint32_t withdraw_at; /* index that the cancel under way looks at next */

	bool blocked;	     /* the stack does not take records now; it says when it does again */
	uint32_t pulls_left; /* records that may be pulled before the turn is over */
	bool ran_dry;	     /* this turn found the ring empty, or no place for an answer */
	uint64_t had;	     /* records that were pulled, and what it did not want meanwhile */
	const char *lie;
};

/** Prepares an empty set. */
void lwf_clients_init(struct lwf_clients *clients, struct lwf_host *host);

/**
 * The program ends: from now on no client of @stack waits for a restart, so that its records are
 * answered PAUSED.
 */
void lwf_clients_stop_waiting(struct lwf_stack *stack);

/** Cancels all that clients of @stack have under way and that somebody can still give back. */
void lwf_clients_cancel(struct lwf_stack *stack);

/** Pulls what waits in all rings, at most a full ring each; for the end of the program. */
void lwf_clients_drain(struct lwf_clients *clients);

/** Tells all clients of @stack that nothing is pulled any more; the process must end after it. */
void lwf_clients_goodbye(struct lwf_stack *stack);

/**
 * Makes a ring and a session on @stack. *memfd is the caller's to pass on and to close. Returns 0,
 * -ENOMEM, -ENOSPC, or what the kernel said.
 */
int lwf_client_open(struct lwf_clients *clients, struct lwf_stack *stack,
		    const struct lwf_client_options *options, const struct lwf_client_peer *peer,
		    const struct lwf_client_ops *ops, void *context, struct lwf_client **client,
		    int *memfd);

/**
 * Cancels what carries @cancel_id (0: everything): frames that are held, and records that wait in
 * the ring.
 */
void lwf_client_cancel(struct lwf_client *client, uint32_t cancel_id);

/** The client rang: look at its ring soon. */
void lwf_client_doorbell(struct lwf_client *client);

/** Gives up the client; it is freed when its last frame is home. No callback comes after this. */
void lwf_client_close(struct lwf_client *client);

/** The client behind a session of this process. */
const struct lwf_client *lwf_client_of(const struct lwf_session *session);

#endif
