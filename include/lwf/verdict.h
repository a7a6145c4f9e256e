/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.h - may this conversation pass? Between the filter `verdict` and those who decide.
 *
 * WFP counterpart: a callout that pends a classify and completes it later, and the inverted call that
 * asks a program. The filter copies nothing to wait for: a frame that has no verdict yet stays with
 * it, an ask goes to a decider, and the loop goes on. What was decided is remembered with the flow, so
 * that frames of a decided flow are not asked about, and wait for nobody.
 *
 *	frame > flow > remembered? > rules (lwf/policy.h) say ask > an ask, its frames wait
 *	      > told, or the deadline, or anything else of LWF_VERDICT_CAUSE_LIST > they go or are dropped
 *
 * An ask is settled exactly once; asks = sum of settled by cause + open, always. It is named by a
 * number that is never used twice.
 *
 * A decider belongs to a stack, like a session: it outlives modules and links, and knows its module by
 * name. Each ask takes a credit of it; nobody ever waits for one who gave none: then the overflow
 * default holds. Several are asked by priority, the highest first: CONTINUE passes on to the next,
 * BLOCK and RESET are final; PERMIT is, unless it is soft: then those below may still block.
 *
 * Threads: everything here is for the loop thread.
 */
#ifndef LWF_VERDICT_H
#define LWF_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/filter.h>
#include <lwf/flow.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_DECIDERS_MAX       64u    /* of one stack */
#define LWF_ASKS_MAX	       65536u /* open at a time, of one module */
#define LWF_ASK_BATCH_MAX      64u    /* asks of one call of ask() */
#define LWF_CREDITS_MAX	       1024u  /* of one decider */
#define LWF_ASK_COPY_MAX       65535u /* bytes of a frame that come with an ask */
#define LWF_ASK_TIMEOUT_MAX_NS 60000000000ull
#define LWF_ASK_TIMEOUT_NS     500000000ull   /* the default, for programs */
#define LWF_ASK_INTERACTIVE_NS 29000000000ull /* for people: below LWF_SEND_LIMIT_NS */

/** X(symbol, name): why is asked */
#define LWF_ASK_REASON_LIST(X)                                                             \
	X(NEW, "new")		  /* the first frame of a flow */                          \
	X(MIDSTREAM, "midstream") /* the first that is seen, of a flow that is older */    \
	X(REAUTH, "reauth")	  /* what was decided holds no more: rules, revoke, ttl */ \
	X(PACKET, "packet")	  /* the last verdict was for one frame only */

enum lwf_ask_reason {
#define X(sym, name) LWF_ASK_##sym,
	LWF_ASK_REASON_LIST(X)
#undef X
		LWF_ASK_REASONS
};

/** X(symbol, name): what is decided; also what is done when nobody decides */
#define LWF_VERDICT_ACTION_LIST(X)                                \
	X(CONTINUE, "continue") /* whoever is next by priority */ \
	X(PERMIT, "allow")                                        \
	X(BLOCK, "deny")   /* dropped without a word */           \
	X(RESET, "reject") /* dropped; its sender gets a RST, or an ICMP error */

enum lwf_verdict_action {
#define X(sym, name) LWF_VERDICT_##sym,
	LWF_VERDICT_ACTION_LIST(X)
#undef X
		LWF_VERDICT_ACTIONS
};

/** X(symbol, name): for what a verdict holds */
#define LWF_VERDICT_SCOPE_LIST(X)                                                       \
	X(PACKET, "packet")	/* the frames that wait; the next one is asked about */ \
	X(FLOW, "flow")		/* until the flow ends, or the epoch does */            \
	X(FLOW_TTL, "flow-ttl") /* likewise, but no longer than ttl_ns */

enum lwf_verdict_scope {
#define X(sym, name) LWF_SCOPE_##sym,
	LWF_VERDICT_SCOPE_LIST(X)
#undef X
		LWF_SCOPES
};

/** X(symbol, name): what settled an ask */
#define LWF_VERDICT_CAUSE_LIST(X)                                                           \
	X(VERDICT, "verdict")	    /* it was told */                                       \
	X(TIMEOUT, "timeout")	    /* nobody told in time */                               \
	X(NO_DECIDER, "no-decider") /* there is none, or all said CONTINUE */               \
	X(OVERFLOW, "overflow")	    /* no credit, or no room for what would wait */         \
	X(DISCONNECT, "disconnect") /* its decider went */                                  \
	X(CANCEL, "cancel")	    /* the senders of all that waited cancelled it */       \
	X(PAUSE, "pause")                                                                   \
	X(DETACH, "detach")                                                                 \
	X(LINK, "link")	    /* no carrier, disabled, removed */                             \
	X(FLOW, "flow")	    /* the flow ended: evicted, aborted, reused */                  \
	X(RULES, "rules")   /* other rules decided it, or its owner, known now, let them */ \
	X(SELF, "self")	    /* its owner is a decider */                                    \
	X(REVOKE, "revoke") /* updated or revoked meanwhile */                              \
	X(EXIT, "exit")	    /* the stack is being closed */

enum lwf_verdict_cause {
#define X(sym, name) LWF_CAUSE_##sym,
	LWF_VERDICT_CAUSE_LIST(X)
#undef X
		LWF_CAUSES
};

/**
 * X(symbol, name): what became of a tell, update or revoke. All but OK changed nothing for any frame; one
 * that was LATE still decides what comes of its flow, if nothing else has since (VD-4).
 */
#define LWF_TELL_RESULT_LIST(X)                                                          \
	X(OK, "ok")                                                                      \
	X(LATE, "late")		  /* it was settled before, by anything but a verdict */ \
	X(DUPLICATE, "duplicate") /* it was told before */                               \
	X(UNKNOWN, "unknown")	  /* there never was such an ask, or flow */             \
	X(FOREIGN, "foreign")	  /* it was asked of another decider */                  \
	X(INVALID, "invalid")	  /* an action, scope or ttl that is none */             \
	X(PAUSED, "paused")	  /* the module is not Running */                        \
	X(REMOVED, "removed")	  /* there is no such module at present */

enum lwf_tell_result {
#define X(sym, name) LWF_TELL_##sym,
	LWF_TELL_RESULT_LIST(X)
#undef X
		LWF_TELL_RESULTS
};

/** May this pass? Lent for the call of ask(). */
struct lwf_ask {
	uint64_t ask;	/* its number */
	uint64_t epoch; /* of what is remembered; +1 with each change of rules and each revoke */
	uint64_t deadline_ns; /* host clock; then the default is applied */
	uint8_t reason;	      /* enum lwf_ask_reason */
	uint8_t direction;    /* enum lwf_direction, of the frame that it is about */
	uint8_t fallback;     /* enum lwf_verdict_action: what the deadline will do */
	uint8_t soft;	      /* 1: one of higher priority permits it, unless this one blocks */
	uint32_t rule;	      /* line of the rule that asks; 0: no file */
	uint32_t waiting;     /* frames that wait for it */
	uint32_t frame_bytes; /* of the frame, as it is */
	uint32_t data_bytes;  /* of it at data: no more than the decider's copy_bytes; 0 for REAUTH
			       * while what was decided before still holds */
	const uint8_t *data;
	struct lwf_offload offload; /* checksum not ready, segments to come */
	struct lwf_flow_info info;  /* flow, key, owner (maybe PENDING) and counters */
};

/** The answer to an ask. */
struct lwf_tell {
	uint64_t ask;
	uint64_t ttl_ns; /* FLOW_TTL: 1 to LWF_TELL_TTL_MAX_NS; else 0 */
	uint8_t action;	 /* enum lwf_verdict_action */
	uint8_t scope;	 /* enum lwf_verdict_scope */
	uint8_t soft;	 /* 1, with PERMIT alone: those of lower priority are asked as well */
	uint8_t zero;
	uint32_t mark; /* kept with the flow, for whoever lists it */
};

#define LWF_TELL_TTL_MAX_NS (7ull * 24 * 3600 * 1000000000ull)

/** Which flows a revoke means: all for which every field that is not 0 is equal. */
struct lwf_revoke {
	uint64_t flow;	  /* one flow */
	uint32_t pid;	  /* of its owner */
	uint16_t port;	  /* of either end */
	uint8_t protocol; /* as in the IP header */
	uint8_t mine;	  /* 1: only what this decider decided */
};

struct lwf_decider;

/** The owner's side of a decider. Anything here may be called from inside, but lwf_decider_close(). */
struct lwf_decider_ops {
	/**
	 * @count asks, 1 to LWF_ASK_BATCH_MAX, each of which took a credit. Returns how many, from the
	 * first, were taken; the others are settled as overflow and their credits given back.
	 */
	uint32_t (*ask)(struct lwf_decider *decider, const struct lwf_ask *asks, uint32_t count);
	/** It needs no answer any more; its credit is not given back by itself. May be NULL. */
	void (*cancel)(struct lwf_decider *decider, uint64_t ask, enum lwf_verdict_cause cause);
	/** Whose it is, of an ask that was PENDING. May be NULL. */
	void (*owner)(struct lwf_decider *decider, uint64_t ask, const struct lwf_flow_info *info);
	/** A flow has ended of which this one decided last. May be NULL. */
	void (*ended)(struct lwf_decider *decider, const struct lwf_flow_info *info,
		      enum lwf_flow_end why);
};

/** Counters of a decider: asked = sum of settled + open. */
struct lwf_decider_stats {
	uint64_t asked;
	uint64_t settled[LWF_CAUSES];
	uint64_t told[LWF_TELL_RESULTS];     /* by result, updates and revokes included */
	uint64_t no_credit;		     /* what could not be asked: counted as overflow */
	uint64_t latency_ns, latency_max_ns; /* of those that were told: sum, longest */
};

/**
 * Embedded in what its owner keeps for it, who fills the first part before lwf_decider_open(). The
 * second part is the stack's, for reading.
 */
struct lwf_decider {
	const struct lwf_decider_ops *ops;
	uint32_t priority;   /* the higher is asked first; equal ones in order of opening */
	uint32_t copy_bytes; /* of the frame, with each ask */
	uint64_t timeout_ns; /* 0: as the rule or the filter says */
	bool interactive;    /* a person: LWF_ASK_INTERACTIVE_NS, for new flows alone */
	uint32_t pid; /* its process, by SO_PEERCRED, and when that was started: its own flows */
	uint64_t start_time; /* are permitted and never asked about. 0: not known */

	struct lwf_stack *stack;
	char module[LWF_NAME_BYTES];
	uint32_t id; /* unique in the stack */
	uint32_t credits;
	uint32_t open; /* asks that it has */
	struct lwf_decider_stats stats;
	struct lwf_decider *next; /* by priority */
};

/**
 * Opens @decider on @stack for the module of this name (NULL: "verdict"), which need not exist now. It
 * has no credits. -EINVAL without ops; -ENOSPC beyond LWF_DECIDERS_MAX; -EBUSY when the stack is
 * being closed; -ENOTSUP when there is one of this name, and its filter asks nobody.
 */
int lwf_decider_open(struct lwf_decider *decider, struct lwf_stack *stack, const char *module);

/** Gives credits: so many asks more. Never more than LWF_CREDITS_MAX at a time. */
void lwf_decider_credit(struct lwf_decider *decider, uint32_t credits);

/**
 * Answers @count asks. @results (may be NULL) gets an enum lwf_tell_result for each. Returns how many
 * were OK. Frames go on inside the call.
 */
uint32_t lwf_decider_tell(struct lwf_decider *decider, const struct lwf_tell *tells, uint32_t count,
			  uint8_t *results);

/** Decides a flow anew that is there, whoever decided it before: PERMIT, BLOCK or RESET; for @ttl_ns
 * (0: until it ends). An ask of it that is open is settled by it. */
enum lwf_tell_result lwf_decider_update(struct lwf_decider *decider, uint64_t flow,
					enum lwf_verdict_action action, uint64_t ttl_ns);

/** What was decided of these flows holds no more: a new epoch, and REAUTH at their next frame. O(1). */
enum lwf_tell_result lwf_decider_revoke(struct lwf_decider *decider,
					const struct lwf_revoke *revoke);

/** It goes: its open asks are settled as disconnect, and no function of it is called after. Its memory
 * is the owner's again. Not from inside its own functions. */
void lwf_decider_close(struct lwf_decider *decider);

/* ---- of the module: requests of lwf_filter_ops.control ---- */

/** LWF_CONTROL_DECIDER: one of the calls above, handed to the module; of lwf_decider_open() with nothing
 * in it, before @decider is one: 0 says that this module asks. */
struct lwf_decider_call {
	struct lwf_decider *decider;
	const struct lwf_tell *tells; /* @count of them, with @results */
	uint32_t count;
	uint8_t *results;
	const struct lwf_tell *update; /* ask is the flow */
	const struct lwf_revoke *revoke;
	bool leave; /* it goes */
	uint32_t ok;
	enum lwf_tell_result result; /* of update and revoke */
};

/** Deciders of the stack of @module, those with the highest priority first. For filters. */
struct lwf_decider *lwf_module_deciders(const struct lwf_module *module);

/** A number for an ask, 1 to 2^48 - 1: no other module or life of this stack is given it again. For
 * filters. */
uint64_t lwf_module_next_ask(struct lwf_module *module);

/** X(name): what a module counts beside causes; all only grow but those "at present" */
#define LWF_VERDICT_STAT_LIST(X)                                                           \
	X(asks)	  /* = sum of settled + open */                                            \
	X(open)	  /* at present */                                                         \
	X(frames) /* that waited = passed + dropped of them + waiting */                   \
	X(frames_passed)                                                                   \
	X(frames_dropped)                                                                  \
	X(waiting)     /* frames, at present */                                            \
	X(bytes)       /* of these */                                                      \
	X(waiting_max) /* so far */                                                        \
	X(bytes_max)                                                                       \
	X(merged)	/* retransmitted SYNs that were dropped since one waits already */ \
	X(permitted)	/* frames of decided flows: passed */                              \
	X(denied)	/* dropped */                                                      \
	X(by_rule)	/* flows that rules decided */                                     \
	X(by_self)	/* flows of deciders, permitted */                                 \
	X(undecidable)	/* frames without a flow that could be asked about */              \
	X(rejects)	/* RSTs and ICMP errors that were made */                          \
	X(rejects_lost) /* that could not be: no frame left */                             \
	X(epoch)	/* at present */

struct lwf_verdict_stats {
#define X(name) uint64_t name;
	LWF_VERDICT_STAT_LIST(X)
#undef X
	uint64_t settled[LWF_CAUSES];
	uint64_t told[LWF_TELL_RESULTS]; /* tells, updates and revokes */
};

/** LWF_CONTROL_VERDICTS: counters, and the open asks, some at a time. */
struct lwf_verdict_page {
	struct lwf_verdict_stats stats; /* out */
	uint32_t cursor;		/* 0 at first; LWF_FLOW_WALKED behind the last */
	uint32_t asks;			/* tell at most so many */
	uint64_t now_ns;		/* out */
	/** @decider is 0 while the ask is given to nobody yet: its owner is looked for. NULL: none are
	 * told. data is not there. */
	void (*ask)(struct lwf_verdict_page *page, const struct lwf_ask *ask, uint32_t decider);
};

/* ---- names; "?" for what is not in a list ---- */

const char *lwf_ask_reason_name(enum lwf_ask_reason reason);
const char *lwf_verdict_action_name(enum lwf_verdict_action action);
const char *lwf_verdict_scope_name(enum lwf_verdict_scope scope);
const char *lwf_verdict_cause_name(enum lwf_verdict_cause cause);
const char *lwf_tell_result_name(enum lwf_tell_result result);

#ifdef __cplusplus
}
#endif

#endif
