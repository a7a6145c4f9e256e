/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide.h - lets a program decide what may pass: asks in, verdicts out.
 *
 * A handle is a decider of one stack, for the filter `verdict` there (lwf/verdict.h): each conversation that
 * its rules say "ask" about becomes an event; the program tells its verdict when it has one, or the deadline
 * applies the default. Frames wait in the daemon meanwhile, others pass; nobody waits for this program but
 * those. It outlives links, pauses and modules. When the program ends, or is killed, its asks are settled as
 * the filter is set up for that.
 *
 *	struct lwf_verdict_options options = LWF_VERDICT_OPTIONS_INIT;
 *	options.stack = "eth1";
 *	if (lwf_verdict_open(&options, &handle, &error)) ...
 *	while (lwf_verdict_wait(handle, UINT64_MAX) == 0)
 *		while ((n = lwf_verdict_next(handle, events, 64)) > 0)
 *			for (i = 0; i < n; i++)
 *				if (events[i].kind == LWF_HEARD_ASK)
 *					lwf_verdict_permit(handle, &events[i].ask);
 *	lwf_verdict_close(handle);
 *
 * Taking events gives the daemon credit for as many more asks; a program that takes none is asked no more
 * than `credits` times, and what would be asked beyond that is decided by the filter's overflow default.
 *
 * lwf-verdict(3) is the page; docs/examples/embed/decider.c a whole program.
 *
 * Threads: a handle is for one thread at a time. Nothing here blocks longer than the timeout it is given.
 */
#ifndef LWF_DECIDE_H
#define LWF_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/control.h>
#include <lwf/verdict.h>
#include <lwf/verdict_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_verdict;

struct lwf_verdict_options {
	size_t size; /* sizeof(struct lwf_verdict_options): set by LWF_VERDICT_OPTIONS_INIT */
	const char
		*control; /* the daemon's socket; NULL: LWF_CONTROL, else the runtime directory */
	const char *stack;
	const char *module;  /* which; NULL: "verdict". It need not exist yet */
	uint32_t priority;   /* the higher is asked first */
	uint32_t credits;    /* asks that may be on their way untaken, 1 to LWF_CREDITS_MAX */
	uint32_t copy_bytes; /* of the frame, with each ask; at most LWF_VERDICT_COPY_MAX */
	uint32_t pid;	     /* a process of the same user whose flows pass unasked; 0: this one */
	uint64_t ask_ns;     /* deadline of asks; 0: as the rule or the filter says */
	uint64_t timeout_ns; /* of open */
	bool interactive;    /* a person decides: see struct lwf_decider */
};

#define LWF_VERDICT_OPTIONS_INIT                                                                   \
	{                                                                                          \
		sizeof(struct lwf_verdict_options), NULL, NULL, NULL, 0, LWF_CREDITS_MAX, 0, 0, 0, \
			5000000000ull, false                                                       \
	}

enum lwf_verdict_heard {
	LWF_HEARD_ASK,	  /* ask: may this pass? */
	LWF_HEARD_CANCEL, /* ask.ask needs no answer any more; cause */
	LWF_HEARD_OWNER,  /* ask.ask, which came as PENDING: ask.info.owner */
	LWF_HEARD_ENDED,  /* the flow ask.info.flow has ended; end, ask.info.frames[0], .bytes[0] */
	LWF_HEARD_STALE,  /* what was told of ask.ask, or of flow ask.info.flow, changed nothing;
			     * result */
};

/** What a handle hears. What a kind does not mention is 0. */
struct lwf_verdict_event {
	enum lwf_verdict_heard kind;
	enum lwf_verdict_cause cause; /* CANCEL */
	enum lwf_flow_end end;	      /* ENDED */
	enum lwf_tell_result result;  /* STALE */
	/*
	 * ASK: as lwf/verdict.h says; data is lent until the next lwf_verdict_next(), deadline_ns is by
	 * CLOCK_MONOTONIC here, and info.frames[0] and .bytes[0] count both directions.
	 */
	struct lwf_ask ask;
};

/** Counters of a handle. */
struct lwf_verdict_counts {
	uint64_t asked;	    /* asks taken */
	uint64_t told;	    /* verdicts sent */
	uint64_t cancelled; /* CANCEL events taken */
	uint64_t stale;	    /* STALE events taken */
	uint64_t ended;	    /* ENDED events taken */
};

/**
 * Opens a handle. Returns 0, or -errno with @error filled (may be NULL): no daemon (error->exit 3), not
 * permitted: the role admin is needed (4), no such stack, or its module is there and asks nobody (5), refused
 * (6). The caller closes it.
 */
int lwf_verdict_open(const struct lwf_verdict_options *options, struct lwf_verdict **handle,
		     struct lwf_error *error);

/** Its open asks are settled as those of a decider that has gone. Accepts NULL. */
void lwf_verdict_close(struct lwf_verdict *handle);

/**
 * Takes up to @max events, and never waits. Returns how many; 0: none now, and the descriptor becomes
 * readable when there is one; -ENOTCONN when the daemon is gone and all have been taken.
 */
int lwf_verdict_next(struct lwf_verdict *handle, struct lwf_verdict_event *events, uint32_t max);

/**
 * Tells @count verdicts, and never waits. Returns how many were sent: fewer when the socket is full, -EAGAIN
 * when none could be, -EINVAL when @tells[0] is none, -ENOTCONN when the daemon is gone. Up to
 * LWF_VERDICT_RECORDS_MAX of them go in one message, so many at a time cost little more than one.
 */
int lwf_verdict_tell(struct lwf_verdict *handle, const struct lwf_tell *tells, uint32_t count);

/** Tells one: the flow of @ask may pass (deny: vanishes; reject: is refused), until it ends. 0, or as above. */
int lwf_verdict_permit(struct lwf_verdict *handle, const struct lwf_ask *ask);
int lwf_verdict_deny(struct lwf_verdict *handle, const struct lwf_ask *ask);
int lwf_verdict_reject(struct lwf_verdict *handle, const struct lwf_ask *ask);

/** Decides flow @flow anew, for @ttl_ns (0: until it ends). 0, -EAGAIN, -ENOTCONN. */
int lwf_verdict_update(struct lwf_verdict *handle, uint64_t flow, enum lwf_verdict_action action,
		       uint64_t ttl_ns);

/** What was decided of these flows holds no more: they are asked about again. 0, -EAGAIN, -ENOTCONN. */
int lwf_verdict_revoke(struct lwf_verdict *handle, const struct lwf_revoke *revoke);

/** To be watched for reading in an event loop. It stays the handle's. */
int lwf_verdict_fd(const struct lwf_verdict *handle);

/** Waits for an event. 0; -ETIMEDOUT; -EINTR after a signal; -ENOTCONN as above. */
int lwf_verdict_wait(struct lwf_verdict *handle, uint64_t timeout_ns);

/** True once the daemon is gone; *why (may be NULL) is the reason in words, the handle's. */
bool lwf_verdict_is_gone(const struct lwf_verdict *handle, const char **why);

/** What the handle has counted so far. */
void lwf_verdict_counts(const struct lwf_verdict *handle, struct lwf_verdict_counts *counts);

/** The decider's number in its stack, as `lwfctl verdict show` lists it. */
uint32_t lwf_verdict_decider(const struct lwf_verdict *handle);

#ifdef __cplusplus
}
#endif

#endif
