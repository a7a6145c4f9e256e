/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_private.h - a handle of liblwf-client, and what its parts share: client.c (opening, the
 * daemon's end, questions), client_submit.c (frames in), client_answers.c (answers out, waiting),
 * client_ledger.c (what is counted), client_words.c (answers as errors of systems).
 */
#ifndef LWF_CLIENT_PRIVATE_H
#define LWF_CLIENT_PRIVATE_H

#include <lwf/inject.h>
#include <lwf/ring.h>

#include "connection.h"

#define SUBMIT_MASK  (LWF_RING_SUBMIT_SLOTS - 1u)
#define ANSWER_MASK  (LWF_RING_COMPLETE_SLOTS - 1u)
#define SLOT_BITS    13u
#define DATA_ALIGN   64u
#define LWF_AWAKE_NS 50000u /* of looking for an answer before sleeping */
#define LOCAL_MAX    1024u  /* answers of our own (RESOURCES) that wait to be polled */

_Static_assert(1u << SLOT_BITS == LWF_RING_COMPLETE_SLOTS, "client.c: an id holds a slot");
_Static_assert(LWF_INJECT_RECEIVE == LWF_RING_FLAG_RECEIVE, "client.c: flags");
_Static_assert(LWF_INJECT_TRUNCATED == LWF_RING_FLAG_TRUNCATED, "client.c: flags");
_Static_assert(LWF_INJECT_SHORT == LWF_RING_FLAG_SHORT, "client.c: flags");

/* A frame in flight; id 0: the slot is free. */
struct slot {
	uint64_t id;
	uint64_t context;
	bool untaken; /* once the daemon is gone: it never took the record out of the ring */
	bool called;  /* of the call that is under way: its answer is no event */
	bool heard;   /* that call has its answer; the ring still has it, too */
};

/* A call that waits for its own frames: lwf_inject_send() and its relatives. */
struct call {
	struct lwf_inject_result *result;
	uint32_t scanned; /* answers before this index have been looked at */
	uint64_t start_ns, timeout_ns;
};

struct lwf_inject {
	struct lwf_connection *connection;
	uint64_t timeout_ns;
	bool state_events, answer_resources;
	enum lwf_when_paused when_paused;
	struct lwf_inject_stats stats; /* in_flight is counted below */
	uint32_t session;
	char stack[LWF_NAME_BYTES];
	const char *gone; /* why the daemon is gone; NULL: it is there */

	/* the shared memory */
	uint8_t *map;
	struct lwf_ring_control *control;
	struct lwf_ring_submit *submits;
	const struct lwf_ring_answer *answers;

	/* our own copies: indices we write, and theirs as last seen and found possible */
	uint32_t submit_tail, answer_head;
	uint32_t submit_head, answer_tail;
	uint64_t data_tail, data_head; /* count up for ever; in the area modulo its size */
	uint64_t data_end[LWF_RING_SUBMIT_SLOTS]; /* data_tail behind each record in the ring */

	uint64_t sequence; /* of the last id */
	uint32_t free_count, in_flight;
	uint16_t free_slots[LWF_RING_COMPLETE_SLOTS];
	struct slot slots[LWF_RING_COMPLETE_SLOTS];
	uint32_t unknown_next; /* slot to look at next once the daemon is gone */

	uint32_t local_head, local_tail; /* answers of our own, and slots for them */
	struct lwf_inject_event local[LOCAL_MAX];

	bool may_spin; /* there is a processor for lwfd, too */
	bool waits;    /* client_waits is set */
	uint32_t told_state, told_epoch, told_changes;
	uint32_t heard; /* answers that calls have heard and that are still in the ring */
};

/** What the engine says of the stack's state, all of one moment. */
struct moment {
	enum lwf_state state;
	uint32_t epoch, changes;
};

struct moment lwf_inject_moment(const struct lwf_inject *handle);

/** Puts an answer into the ledger, and what depends on the handle into the answer. */
void lwf_inject_account(struct lwf_inject *handle, struct lwf_inject_event *answer);

/** An answer of the ring for a slot that is taken; not accounted for yet. */
struct lwf_inject_event lwf_inject_read_answer(const struct lwf_ring_answer *answer,
					       uint64_t context);

/** The answer to a frame that nobody will answer any more. */
struct lwf_inject_event lwf_inject_lost_answer(const struct slot *slot);

/** The slot is free again; its frame has been answered. */
void lwf_inject_free_slot(struct lwf_inject *handle, uint32_t slot);

/** Answers at the head that calls have heard leave the ring. */
void lwf_inject_pass_heard(struct lwf_inject *handle);

/** Asks to be rung for, or not any more. */
void lwf_inject_set_waits(struct lwf_inject *handle, bool waits);

/** Sleeps until the daemon rings. 0, -ETIMEDOUT, -EINTR. */
int lwf_inject_sleep(struct lwf_inject *handle, uint64_t start_ns, uint64_t timeout_ns);

uint64_t lwf_inject_now_ns(void);

/** Takes a look at answer_tail. One that cannot be makes the daemon gone. */
void lwf_inject_look_at_answers(struct lwf_inject *handle);

/** The daemon is gone, for this reason (static text); what it left in the ring is still delivered. */
void lwf_inject_went(struct lwf_inject *handle, const char *why);

/**
 * lwf_connection_request() for a handle that may be gone, or is gone thereby. 0; -ETIMEDOUT; -ENOTCONN;
 * what else that function returns. Takes @body.
 */
int lwf_inject_ask(struct lwf_inject *handle, enum lwf_wire_type type, json_t *body,
		   uint64_t timeout_ns, json_t **reply, struct lwf_error *error);

/** Reads what the socket has; its end makes the daemon gone. */
void lwf_inject_hear_socket(struct lwf_inject *handle);

#endif
