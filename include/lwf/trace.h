/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - what happened to the modules, as records that can be judged from outside.
 *
 * Every transition of a module's state is one record; so is every link event, hold and broken rule.
 * `lwfctl watch --json` prints them; a checker that shares no code with the engine can replay them.
 */
#ifndef LWF_TRACE_H
#define LWF_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>

#define LWF_NAME_BYTES	       32u /* names of stacks, modules and edges, with the final 0 */
#define LWF_TRACE_TEXT_BYTES   96u
#define LWF_TRACE_KEEP_RECORDS 4096u /* what the engine remembers */

/** X(symbol, printed name): the states of NDIS, least advanced first (DESIGN section 4) */
#define LWF_STATE_LIST(X)           \
	X(DETACHED, "Detached")     \
	X(ATTACHING, "Attaching")   \
	X(PAUSED, "Paused")         \
	X(RESTARTING, "Restarting") \
	X(PAUSING, "Pausing")       \
	X(RUNNING, "Running")

enum lwf_state {
#define X(sym, name) LWF_STATE_##sym,
	LWF_STATE_LIST(X)
#undef X
		LWF_STATES
};

const char *lwf_state_name(enum lwf_state state);

/** Finds a state by name in any case. Returns false when there is none. */
bool lwf_state_parse(const char *name, enum lwf_state *state);

/** X(symbol, printed name): what a record tells */
#define LWF_TRACE_KIND_LIST(X)                                                       \
	X(STATE, "state")	/* a module went from before to after */             \
	X(STACK, "stack")	/* the stack as a whole did */                       \
	X(HOLD, "hold")		/* a reason to be paused or detached came or went */ \
	X(LINK, "link")		/* a link event, by name in text */                  \
	X(RULE, "rule")		/* a rule was broken: id and story in text */        \
	X(WATCHDOG, "watchdog") /* what a pause is waiting for, in text */           \
	X(MODULE, "module")	/* inserted or removed */                            \
	X(CLIENT, "client")	/* a session came or went */

enum lwf_trace_kind {
#define X(sym, name) LWF_TRACE_##sym,
	LWF_TRACE_KIND_LIST(X)
#undef X
		LWF_TRACE_KINDS
};

const char *lwf_trace_kind_name(enum lwf_trace_kind kind);

struct lwf_trace_record {
	uint64_t seq;	       /* from 1, without gaps */
	uint64_t time_ns;      /* host clock */
	uint64_t latency_ns;   /* STATE, STACK: time spent in before; 0 for the first */
	uint64_t epoch;	       /* of the module's life, or the stack's */
	lwf_handle module;     /* 0: the stack */
	uint32_t sends_out;    /* originated sends not yet home */
	uint32_t receives_out; /* originated receives not yet home */
	lwf_status status;     /* what the callback answered, where one ran */
	uint8_t kind;	       /* enum lwf_trace_kind */
	uint8_t before, after; /* enum lwf_state */
	bool owed;	       /* a pause completion is owed after this record */
	char stack_name[LWF_NAME_BYTES];
	char module_name[LWF_NAME_BYTES]; /* empty: the stack */
	char event[LWF_NAME_BYTES];	  /* lifecycle event, hold or link event by name */
	char text[LWF_TRACE_TEXT_BYTES];  /* the reason in words */
};

#endif
