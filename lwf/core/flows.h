/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flows.h - the flow table from inside: what its files share (flow_*.c).
 *
 *	flow_table.c	room, handles, birth and end of a flow
 *	flow_index.c	from a key to its flow: keyed hash, open addressing
 *	flow_track.c	a frame comes by
 *	flow_tcp.c	what its flags mean
 *	flow_time.c	timeouts, eviction, emergency
 *	flow_fragment.c	whose a later fragment is
 *	flow_callout.c	callouts, contexts, classify
 *	flow_owner.c	whose a flow is
 *	flow_names.c	names
 *
 * Everything is an index into arrays that are taken once; LWF_FLOW_NIL ends a list. A handle is an
 * index with the generation of what lives there; a generation begins at 1 and never comes again.
 */
#ifndef LWF_FLOWS_H
#define LWF_FLOWS_H

#include <assert.h>

#include <lwf/flow.h>
#include <lwf/host.h>

#define LWF_FLOW_NIL	     UINT32_MAX
#define LWF_FLOW_INDEX_BITS  20u
#define LWF_FLOW_WHEEL_SLOTS 8192u /* seconds; more than the longest timeout */
#define LWF_FLOW_SWEEP	     256u  /* entries looked at in one turn of the loop */
#define LWF_FLOW_NESTING     8u	   /* callbacks in callbacks; deeper deletes are deferred */
#define LWF_FLOW_SETS	     256u  /* of fragments */
#define LWF_FLOW_WAYS	     4u
#define LWF_FLOW_SECOND_NS   1000000000ull

/** X(symbol, seconds, seconds in an emergency, how eviction treats it): what a flow waits for */
#define LWF_FLOW_CLASS_LIST(X)           \
	X(RESET, 10, 5, CLOSED)          \
	X(FINISHED, 30, 10, CLOSED)      \
	X(HANDSHAKE, 60, 10, EMBRYONIC)  \
	X(ONE_WAY, 30, 10, EMBRYONIC)    \
	X(GROUP, 10, 5, EMBRYONIC)       \
	X(ICMP, 30, 10, EMBRYONIC)       \
	X(OTHER, 300, 30, EMBRYONIC)     \
	X(HALF_CLOSED, 120, 30, SETTLED) \
	X(BOTH_WAYS, 180, 30, SETTLED)   \
	X(ESTABLISHED, 7440, 300, SETTLED)

enum lwf_flow_class {
#define X(sym, normal, emergency, worth) LWF_FLOW_CLASS_##sym,
	LWF_FLOW_CLASS_LIST(X)
#undef X
		LWF_FLOW_CLASSES
};

struct lwf_flow {
	struct lwf_flow_key key;
	uint64_t generation;
	uint64_t born_ns, seen_ns;
	uint64_t frames[2], bytes[2]; /* [enum lwf_direction] */
	uint64_t owner_start, owner_cookie;
	uint64_t ask_at_ns; /* when its owner is asked for again; UINT64_MAX: never */
	uint32_t owner_pid, owner_uid, owner_ppid;
	uint32_t owner_also[LWF_OWNER_ALSO_MAX];
	uint32_t tag;		    /* of its key */
	uint32_t isn[2];	    /* [enum lwf_endpoint] */
	uint32_t ack[2], window[2]; /* last heard from that end; window scaled */
	uint32_t slot;		    /* of the wheel; NIL: in none */
	uint32_t wheel_prev, wheel_next;
	uint32_t class_prev, class_next; /* also: next free */
	uint32_t contexts;
	uint32_t epoch;
	uint32_t related;
	uint16_t program; /* LWF_FLOW_NO_PROGRAM: its path is not known */
	uint16_t pins;
	uint16_t owner_holders;
	uint8_t owner_how, owner_why, owner_asks;
	uint8_t state, class, flags, initiator, local;
	uint8_t scale[2], acked[2], fin[2]; /* [enum lwf_endpoint] */
	uint8_t verdict;
	bool live, doomed, again; /* again: seen since it was queued in its class */
};

_Static_assert(sizeof(struct lwf_flow) <= 256, "what was promised");

enum lwf_context_state {
	LWF_CONTEXT_FREE,
	LWF_CONTEXT_LIVE,
	LWF_CONTEXT_CONDEMNED,
	LWF_CONTEXT_DYING
};

struct lwf_context {
	uint64_t generation;
	uint64_t value;
	uint64_t flow;	     /* its handle */
	uint32_t flow_next;  /* while LIVE; also: next free */
	uint32_t prev, next; /* of its callout */
	uint32_t later;	     /* next in the queue of those to be deleted */
	uint16_t busy;	     /* classifies that use it */
	uint8_t state, layer, callout, why;
};

struct lwf_callout {
	const struct lwf_callout_ops *ops; /* NULL: free */
	void *user;
	uint64_t generation;
	uint64_t order;
	uint32_t head, tail; /* contexts */
	uint32_t count;	     /* of them */
	uint32_t busy;	     /* callbacks that run */
	bool closing;
	bool stalled; /* BUSY on command, until the next turn */
};

struct lwf_flow_list {
	uint32_t head, tail, count;
};

struct lwf_flow_cell {
	uint32_t tag; /* 0: empty */
	uint32_t index;
};

struct lwf_flow_fragment {
	struct lwf_flow_key key;
	uint32_t id;
	uint32_t source;
	uint64_t until_ns;
	uint64_t flow;
};

struct lwf_program {
	uint32_t uses; /* flows of it; 0: free */
	uint32_t pid;
	uint64_t start_time;
	char comm[LWF_OWNER_COMM_BYTES];
	char exe[LWF_OWNER_EXE_BYTES];
};

#define LWF_FLOW_NO_PROGRAM UINT16_MAX

struct lwf_flow_table {
	struct lwf_host *host;
	struct lwf_flow_config config;
	struct lwf_flow_stats stats;
	uint64_t hash_key[2];

	struct lwf_flow *flows;
	uint32_t free_flow;
	struct lwf_flow_cell *cells;
	uint32_t mask;

	struct lwf_timer timer;
	uint32_t *wheel;  /* heads */
	uint64_t wheel_s; /* seconds that are done */
	struct lwf_flow_list classes[LWF_FLOW_CLASSES];
	uint32_t sweep; /* emergency: next to be looked at; NIL: done */

	struct lwf_flow_fragment *fragments;

	struct lwf_context *contexts;
	uint32_t free_context;
	uint32_t later_head, later_tail;
	uint32_t nesting;
	struct lwf_callout callouts[LWF_CALLOUTS_MAX];
	uint64_t callouts_registered;
	uint32_t callouts_changed;

	struct lwf_program *programs;

	uint32_t epoch;
	enum lwf_flow_result (*fault)(void *context, enum lwf_flow_site site);
	void *fault_context;
	bool destroying;
};

static inline uint64_t lwf_flow_handle_of(const struct lwf_flow_table *table, uint32_t index)
{
	return table->flows[index].generation << LWF_FLOW_INDEX_BITS | index;
}

static inline enum lwf_flow_result lwf_flow_forced(struct lwf_flow_table *table,
						   enum lwf_flow_site site)
{
	return table->fault ? table->fault(table->fault_context, site) : LWF_FLOW_OK;
}

/* flow_table.c */
struct lwf_flow *lwf_flow_resolve(const struct lwf_flow_table *table, uint64_t flow);
/** A live flow for @key, in the index but in no class; NULL when there is no room. */
struct lwf_flow *lwf_flow_birth(struct lwf_flow_table *table, const struct lwf_flow_key *key,
				uint32_t tag, uint64_t now_ns);
/** Takes @flow out of everything, tells, deletes its contexts and frees its place. */
void lwf_flow_finish(struct lwf_flow_table *table, struct lwf_flow *flow, enum lwf_flow_end why);
void lwf_flow_fill_info(const struct lwf_flow_table *table, const struct lwf_flow *flow,
			struct lwf_flow_info *info);

/** The latest generation that was used, and where those of a new table begin: behind it. */
uint64_t lwf_flow_latest(const struct lwf_flow_table *table);
void lwf_flow_begin_behind(struct lwf_flow_table *table, uint64_t generation);

/* flow_index.c */
uint64_t lwf_flow_hash(const struct lwf_flow_table *table, const struct lwf_flow_key *key,
		       uint64_t more);
uint32_t lwf_flow_tag(const struct lwf_flow_table *table, const struct lwf_flow_key *key);
struct lwf_flow *lwf_flow_lookup(const struct lwf_flow_table *table, const struct lwf_flow_key *key,
				 uint32_t tag);
void lwf_flow_index_add(struct lwf_flow_table *table, uint32_t tag, uint32_t index);
void lwf_flow_index_remove(struct lwf_flow_table *table, uint32_t tag, uint32_t index);

/* flow_tcp.c */
/** True when this SYN begins another conversation between the ends of @flow. */
bool lwf_flow_tcp_is_reuse(const struct lwf_flow *flow, const struct lwf_parsed *parsed,
			   uint64_t now_ns);
void lwf_flow_tcp_born(struct lwf_flow *flow, const struct lwf_parsed *parsed);
/** Follows one segment. False when it is a reset that is not believed. */
bool lwf_flow_tcp_next(struct lwf_flow *flow, const struct lwf_parsed *parsed);

/* flow_time.c */
int lwf_flow_time_init(struct lwf_flow_table *table);
void lwf_flow_time_fini(struct lwf_flow_table *table);
void lwf_flow_set_class(struct lwf_flow_table *table, struct lwf_flow *flow,
			enum lwf_flow_class class);
void lwf_flow_leave_class(struct lwf_flow_table *table, struct lwf_flow *flow);
/** Before a flow is born: ends another when room is short. False: there is none. */
bool lwf_flow_make_room(struct lwf_flow_table *table, uint64_t now_ns);
/** After one was born or has ended. */
void lwf_flow_watch_level(struct lwf_flow_table *table);
/** Has the timer run in this turn of the loop, or the next. */
void lwf_flow_soon(struct lwf_flow_table *table);

/* flow_fragment.c */
void lwf_flow_note_fragment(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
			    uint64_t flow, uint64_t now_ns);
uint64_t lwf_flow_of_fragment(const struct lwf_flow_table *table, const struct lwf_parsed *parsed,
			      uint64_t now_ns);

/* flow_callout.c */
void lwf_flow_tell_end(struct lwf_flow_table *table, const struct lwf_flow *flow,
		       enum lwf_flow_end why);
void lwf_flow_tell_owned(struct lwf_flow_table *table, uint64_t flow);
void lwf_flow_condemn_contexts(struct lwf_flow_table *table, struct lwf_flow *flow);
void lwf_flow_drop_contexts(struct lwf_flow_table *table, struct lwf_flow *flow,
			    enum lwf_flow_end why);
/** What was deferred for want of depth or on command. */
void lwf_flow_run_later(struct lwf_flow_table *table);
void lwf_flow_close_callouts(struct lwf_flow_table *table);

/* flow_owner.c */
void lwf_flow_ask_owner(struct lwf_flow_table *table, struct lwf_flow *flow, uint64_t now_ns);
void lwf_flow_learn_initiator(struct lwf_flow_table *table, struct lwf_flow *flow);
void lwf_flow_fill_owner(const struct lwf_flow_table *table, const struct lwf_flow *flow,
			 struct lwf_owner *owner);
void lwf_flow_forget_program(struct lwf_flow_table *table, struct lwf_flow *flow);

#endif
