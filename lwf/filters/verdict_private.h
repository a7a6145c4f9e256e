/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_private.h - the pieces of filter verdict (the contract with deciders is lwf/verdict.h):
 *
 *	verdict.c	 options, life, and what people see
 *	verdict_path.c	 frames: in, waiting, out, and home again
 *	verdict_flow.c	 what is remembered of each flow, and for how long it holds
 *	verdict_rules.c	 what the file of rules says
 *	verdict_ask.c	 open asks: their places, deadlines and deciders, and how each is settled
 *	verdict_tell.c	 what deciders say
 *	verdict_reject.c RSTs and ICMP errors
 *
 * All memory is taken in attach. Everything is an index into arrays; VERDICT_NIL is none. A place of the
 * array of flows is a context of the flow table (lwf/flow.h), so it goes with its flow, whatever ends
 * it. An ask holds a pin of its flow, so that a flow that somebody waits for is not evicted.
 *
 * Sends that wait stay their senders': they have their one answer when they have left, or were dropped.
 * They are never more than half of the pool that they are from, or the device that owns it would go
 * deaf for all others. Receives are copied at once, and returned.
 */
#ifndef LWF_FILTERS_VERDICT_PRIVATE_H
#define LWF_FILTERS_VERDICT_PRIVATE_H

#include <lwf/filter.h>
#include <lwf/gate.h>
#include <lwf/policy.h>
#include <lwf/verdict.h>

#define VERDICT_NIL	   UINT32_MAX
#define VERDICT_NS	   1000000000ull
#define VERDICT_SLOT_BITS  16u	  /* of an ask's number; the rest is its generation */
#define VERDICT_REVOKES	   16u	  /* that are remembered one by one */
#define VERDICT_FLOW_BYTES 65536u /* that wait of one flow; its first frame may be longer */
#define VERDICT_SMALL	   2048u  /* bytes of most copies */
#define VERDICT_DUE_MAX	   256u	  /* deadlines of one turn */

/** Whose word is remembered. */
enum verdict_by {
	VERDICT_BY_NOBODY,
	VERDICT_BY_RULE,
	VERDICT_BY_DECIDER,
	VERDICT_BY_DEFAULT,
	VERDICT_BY_SELF
};

struct verdict_flow {
	uint64_t flow;	   /* its handle */
	uint64_t epoch;	   /* in which it was decided */
	uint64_t until_ns; /* UINT64_MAX: as long as the epoch */
	uint32_t ask;	   /* that is open of it */
	uint32_t decider;  /* id of who decided last; 0: none */
	uint32_t rule;	   /* line of the rule that did */
	uint32_t mark;
	uint32_t next;	/* free ones */
	uint8_t action; /* enum lwf_verdict_action; CONTINUE: nothing is decided */
	uint8_t by;	/* enum verdict_by */
	bool told;	/* a verdict for one frame alone was the last */
};

/** What rules say of a flow. */
struct verdict_ruling {
	uint8_t action;	   /* enum lwf_verdict_action; CONTINUE: ask */
	uint8_t fallback;  /* likewise, when nobody decides; CONTINUE: as the options have it */
	bool waits;	   /* they depend on an owner who is not known yet */
	uint32_t priority; /* deciders of less are not asked */
	uint32_t line;
	uint64_t timeout_ns; /* 0: as the options have it */
};

enum verdict_ask_state {
	VERDICT_ASK_FREE,
	VERDICT_ASK_OWNER, /* waits until the owner of its flow is known */
	VERDICT_ASK_READY, /* goes to its decider at the end of this call */
	VERDICT_ASK_OPEN,  /* its decider has it */
};

struct verdict_ask {
	uint64_t generation; /* of the ask that is open, or was the last; 0: none was */
	uint64_t deadline_ns, born_ns, asked_ns;
	uint64_t epoch;
	struct lwf_decider *decider;
	struct verdict_ruling ruling;
	struct lwf_tell permit;	    /* soft: what one of higher priority said */
	struct lwf_batch frames[2]; /* [enum lwf_direction] */
	uint64_t last_generation;   /* that was settled, and of which flow: for what is told late */
	uint64_t last_flow;
	uint32_t last_decider;
	uint32_t flow; /* place of its flow */
	uint32_t bytes;
	uint32_t heap_at;
	uint32_t older, younger;	   /* all that are open; younger also: free ones */
	uint32_t ready;			   /* next one to be given away */
	uint32_t after_priority, after_id; /* the decider that said CONTINUE last */
	uint32_t syn[2];		   /* [enum lwf_direction]: the ISN of a SYN that waits */
	uint8_t has_syn;		   /* bit by direction */
	uint8_t state, reason, direction, last_cause;
	bool soft;	    /* permit holds */
	bool background;    /* nothing waits: what was decided before holds until it is told */
	bool owner_pending; /* when it was given away */
	bool passed_on;	    /* somebody said CONTINUE */
	bool refused;	    /* its decider took it not: it does not have it */
	bool emptied;	    /* its frames were cancelled just now */
};

struct verdict_revoke {
	struct lwf_revoke what;
	uint32_t decider; /* of what.mine */
	bool all;
};

/** What is done with a frame. */
enum verdict_fate {
	VERDICT_GO,
	VERDICT_WAIT, /* it was kept, or copied */
	VERDICT_DROP, /* the reasons: */
	VERDICT_DROP_DENIED = VERDICT_DROP,
	VERDICT_DROP_DEFAULT,
	VERDICT_DROP_OVERFLOW,
	VERDICT_DROP_MERGED,
	VERDICT_DROP_FLOW,
	VERDICT_DROP_SHUT, /* not Running, or no link */
	VERDICT_FATES,
};

struct verdict_settings {
	uint64_t timeout_ns, default_ttl_ns, owner_wait_ns;
	uint8_t otherwise;	      /* enum lwf_verdict_action, when nothing below says more */
	uint8_t by_cause[LWF_CAUSES]; /* CONTINUE: not set */
	uint8_t by_reason[LWF_ASK_REASONS]; /* CONTINUE: not set */
	bool hold_reauth, drop_oldest;
	uint32_t frames, flow_frames;
	uint64_t bytes;
};

struct verdict {
	struct lwf_gate gate;
	struct lwf_module *module;
	struct lwf_host *host;
	struct lwf_flow_table *table;
	uint64_t callout;
	struct lwf_pool *small, *large; /* copies of receives, and what is made */
	struct lwf_timer timer;
	struct verdict_settings settings;
	struct lwf_policy *policy; /* NULL: every flow is asked about */
	char file[LWF_OPTION_TEXT_BYTES];

	struct verdict_flow *flows;
	uint32_t flow_room, free_flow;
	struct verdict_ask *asks;
	uint32_t ask_room, free_ask;
	uint32_t *heap; /* of asks, the soonest deadline first */
	uint32_t heap_count;
	uint32_t oldest, youngest; /* of the open asks */
	uint32_t ready_head, ready_tail;
	struct lwf_ask *batch; /* LWF_ASK_BATCH_MAX, for one call of a decider */
	uint32_t *batch_slots;
	uint64_t *batch_generations;

	uint64_t epoch;
	struct verdict_revoke revokes[VERDICT_REVOKES]; /* by epoch that they began */
	struct lwf_verdict_stats stats;
	struct lwf_flow_info ended; /* the flow that ends at present */
	uint8_t mac[6];
	bool flushing;
	bool closing;		 /* a pause has begun */
	enum lwf_reason no_link; /* NONE: there is one */
};

/* ---- verdict_flow.c ---- */

extern const struct lwf_callout_ops lwf_verdict_callout;

/** What is remembered of @flow; NULL when nothing is. */
struct verdict_flow *lwf_verdict_flow(const struct verdict *me, uint64_t flow);

/** The same, and makes it. NULL when there is no room. */
struct verdict_flow *lwf_verdict_flow_take(struct verdict *me, uint64_t flow);

/** Whether what is remembered still holds. */
bool lwf_verdict_holds(const struct verdict *me, struct verdict_flow *flow, uint64_t now_ns);

/** Whether what was asked or decided of a flow in @epoch is of the present one. @decider: who did. */
bool lwf_verdict_is_present(const struct verdict *me, uint64_t epoch, uint64_t flow,
			    uint32_t decider);

/** Remembers an action for @ttl_ns (0: no end), and tells the table. */
void lwf_verdict_remember(struct verdict *me, struct verdict_flow *flow,
			  enum lwf_verdict_action action, enum verdict_by by, uint64_t ttl_ns);

/** A new epoch: for all (NULL), or for what is revoked. */
void lwf_verdict_new_epoch(struct verdict *me, const struct lwf_revoke *what, uint32_t decider);

/** True when the owner of the flow is a decider: it is not asked about itself. */
bool lwf_verdict_is_self(const struct verdict *me, const struct lwf_owner *owner);

/* ---- verdict_rules.c ---- */

/** What rules say. @last: an owner that is not known yet is not waited for any more. */
void lwf_verdict_rule(const struct verdict *me, const struct lwf_flow_info *info, bool last,
		      struct verdict_ruling *ruling);

/** Reads the rules of @file, "" for none. Returns 0 or -errno, and then nothing has changed. */
int lwf_verdict_set_rules(struct verdict *me, const char *file);

/** It is known now whose @flow is, which rules have decided without that: they are asked once more. */
void lwf_verdict_rule_again(struct verdict *me, struct verdict_flow *flow);

int lwf_verdict_reload(struct verdict *me, struct lwf_policy_reload *out);
int lwf_verdict_explain(struct verdict *me, struct lwf_policy_explain *out);

/* ---- verdict_ask.c ---- */

/** Puts the asks' places in order; once. */
void lwf_verdict_asks_init(struct verdict *me);

static inline uint64_t lwf_verdict_number(const struct verdict *me, const struct verdict_ask *ask)
{
	return ask->generation << VERDICT_SLOT_BITS | (uint64_t)(ask - me->asks);
}

/** What an ask begins with. */
struct verdict_question {
	struct verdict_flow *flow; /* has no open ask */
	const struct lwf_flow_info *info;
	struct verdict_ruling ruling;
	const struct lwf_frame *frame; /* that it is about; it is not kept yet */
	enum lwf_direction direction;
	uint64_t now_ns;
	enum lwf_verdict_action action; /* out: what follows when there is no ask */
	enum lwf_verdict_cause cause;	/* out: likewise */
};

/** Begins an ask. NULL: it was settled at once. */
struct verdict_ask *lwf_verdict_begin(struct verdict *me, struct verdict_question *question);

/** What is done when nobody decides: see docs/verdicts.md. */
enum lwf_verdict_action lwf_verdict_fallback(const struct verdict *me,
					     const struct verdict_ask *ask,
					     enum lwf_verdict_cause cause);

/** Settles with the fallback, which is remembered for a while. */
enum lwf_verdict_action lwf_verdict_settle_default(struct verdict *me, struct verdict_ask *ask,
						   enum lwf_verdict_cause cause);

/** Settles @ask: it is gone, and then its frames go or are dropped. */
void lwf_verdict_settle(struct verdict *me, struct verdict_ask *ask, enum lwf_verdict_action action,
			enum lwf_verdict_cause cause);

/** Settles all that are open. */
void lwf_verdict_settle_all(struct verdict *me, enum lwf_verdict_cause cause);

/** Gives @ask to the next decider, or settles it. */
void lwf_verdict_pass_on(struct verdict *me, struct verdict_ask *ask);

/** Gives what is ready to its deciders, and sets the timer. At the end of whatever may have asked. */
void lwf_verdict_flush(struct verdict *me);

/** The rules, or what is known of the owner, are others: what they decide now is settled. */
void lwf_verdict_look_again(struct verdict *me, struct verdict_ask *ask);

/** Fills what an ask says, but for data. False when its flow is gone. */
bool lwf_verdict_describe(const struct verdict *me, const struct verdict_ask *ask,
			  struct lwf_ask *out);

/** The timer's function; its context is the struct verdict. */
void lwf_verdict_on_due(void *context);

/** Takes sends that @cancel_id means, and pushes them to @cancelled. */
void lwf_verdict_take_cancelled(struct verdict *me, uint64_t cancel_id,
				struct lwf_batch *cancelled);

/* ---- verdict_tell.c ---- */

int lwf_verdict_call(struct verdict *me, struct lwf_decider_call *call);

/* ---- verdict_path.c ---- */

void lwf_verdict_send(struct lwf_module *module, struct lwf_batch *batch);
void lwf_verdict_send_complete(struct lwf_module *module, struct lwf_batch *batch);
void lwf_verdict_receive(struct lwf_module *module, struct lwf_batch *batch);
void lwf_verdict_receive_return(struct lwf_module *module, struct lwf_batch *batch);
void lwf_verdict_cancel(struct lwf_module *module, uint64_t cancel_id);

/** Frames that waited go on, or are dropped for @fate. */
void lwf_verdict_release(struct verdict *me, enum lwf_direction direction, struct lwf_batch *frames,
			 enum lwf_verdict_action action, enum verdict_fate fate);

/** True when a frame of this flow and direction may be kept. @ask: NULL when it would be the first. */
bool lwf_verdict_has_room(const struct verdict *me, const struct verdict_ask *ask,
			  const struct lwf_frame *frame, enum lwf_direction direction);

/** The reason that frames are told of @fate. */
enum lwf_reason lwf_verdict_reason(const struct verdict *me, enum verdict_fate fate);

/* ---- verdict_reject.c ---- */

/**
 * Fills @out, whose room is VERDICT_SMALL at least, with what the sender of @frame is told: a RST for
 * TCP, an ICMP error for the rest. False when there is nothing to say: to a RST, an ICMP error, a
 * group, a later fragment, or what is not IP.
 */
bool lwf_verdict_make_reject(const struct lwf_frame *frame, struct lwf_frame *out);

#endif
