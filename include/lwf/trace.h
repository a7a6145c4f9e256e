/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - what happened to the modules, as records that can be judged from outside.
 *
 * Every transition of a module's state is one record; so is every link event, hold and broken rule.
 * With details on (lwf_engine_trace_details()) so is every step of every frame, and every answer of
 * a control callback. `lwfctl watch --json` prints them; a checker that shares no code with the
 * engine can replay them. docs/trace.md describes each field.
 */
#ifndef LWF_TRACE_H
#define LWF_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_NAME_BYTES	       32u /* names of stacks, modules and edges, with the final 0 */
#define LWF_TRACE_TEXT_BYTES   96u
#define LWF_TRACE_KEEP_RECORDS 4096u  /* what the engine remembers */
#define LWF_TRACE_KEEP_DETAILS 16384u /* and of frames and callbacks, while details are on */

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
	X(CLIENT, "client")	/* a session came or went */                         \
	X(CALLBACK, "callback") /* detail: a control callback has answered */        \
	X(FRAME, "frame")	/* detail: one step of one frame */                  \
	X(OID, "oid")		/* a request was asked or answered, in text */       \
	X(STATUS, "status")	/* a module indicated a status, by name in event */

enum lwf_trace_kind {
#define X(sym, name) LWF_TRACE_##sym,
	LWF_TRACE_KIND_LIST(X)
#undef X
		LWF_TRACE_KINDS
};

const char *lwf_trace_kind_name(enum lwf_trace_kind kind);

/** X(symbol, printed name): the steps of a frame, in the order in which it meets them */
#define LWF_FRAME_EVENT_LIST(X)                                                              \
	X(DENY, "deny")		  /* what a client wants sent is answered at the door */     \
	X(ORIGINATE, "originate") /* a module hands on a frame of its own: its birth */      \
	X(INPUT, "input")	  /* an edge hands the stack a frame of its device: birth */ \
	X(REFUSE, "refuse")	  /* answered in place of a module (edge) that takes none */ \
	X(ENTER, "enter")	  /* a module is handed a frame of somebody else */          \
	X(FORWARD, "forward")	  /* and hands it on in its direction */                     \
	X(TRANSMIT, "transmit")	  /* an edge is handed a frame for its device */             \
	X(COMPLETE, "complete")	  /* an edge gives it back with the device's answer */       \
	X(BACK, "back")		  /* a module is handed a frame of others on its way home */ \
	X(ANSWER, "answer")	  /* and hands it on homewards, or drops it */               \
	X(HOME, "home")		  /* the frame is back with the one who made it */

enum lwf_frame_event {
#define X(sym, name) LWF_FRAME_##sym,
	LWF_FRAME_EVENT_LIST(X)
#undef X
		LWF_FRAME_EVENTS
};

const char *lwf_frame_event_name(enum lwf_frame_event event);

/** Where a record was made that concerns an edge. */
enum lwf_trace_side { LWF_TRACE_NO_SIDE, LWF_TRACE_UPPER, LWF_TRACE_LOWER };

struct lwf_trace_record {
	uint64_t seq;	       /* from 1; of all records, details included, without gaps */
	uint64_t time_ns;      /* host clock */
	uint64_t latency_ns;   /* STATE, STACK: time spent in before; 0 for the first */
	uint64_t epoch;	       /* of the module's life, or the stack's */
	lwf_handle module;     /* 0: the stack; FRAME at an edge: the edge */
	lwf_handle source;     /* FRAME: its origin (SourceHandle) as it is now */
	uint64_t request;      /* OID: its number */
	uint64_t nbl;	       /* FRAME: number of this frame's life; 0: born untraced */
	uint32_t sends_out;    /* originated sends not yet home */
	uint32_t receives_out; /* originated receives not yet home */
	uint32_t held;	       /* FRAME at a module: frames of others in it, this direction */
	uint32_t left;	       /* FRAME: records of the same batch that follow this one */
	uint32_t index;	       /* MODULE, placed: its place in the stack, 0 is the top */
	uint32_t traits;       /* MODULE, placed: LWF_FILTER_* of its filter */
	uint32_t thread;       /* who made the record; numbered from 1 as they come */
	lwf_status status;     /* what the callback, or the frame, was answered */
	uint16_t reason;       /* FRAME: enum lwf_reason that goes with status */
	uint8_t kind;	       /* enum lwf_trace_kind */
	uint8_t before, after; /* enum lwf_state */
	uint8_t direction;     /* FRAME: enum lwf_direction */
	uint8_t side;	       /* FRAME: enum lwf_trace_side */
	bool placed;	       /* MODULE: it was inserted or removed */
	uint8_t profile;       /* MODULE, placed: enum lwf_profile that holds */
	bool mandatory;	       /* MODULE, placed: the stack does not run without it */
	bool owed;	       /* a pause completion is owed after this record */
	char stack_name[LWF_NAME_BYTES];
	char module_name[LWF_NAME_BYTES]; /* empty: the stack */
	char event[LWF_NAME_BYTES];	  /* lifecycle event, hold or link event by name */
	char text[LWF_TRACE_TEXT_BYTES];  /* the reason in words */
};

/** A reader's place in the trace. */
struct lwf_trace_cursor {
	uint64_t record, detail; /* the next of each, counted from 0 since the engine began */
	bool details;		 /* the reader wants these too */
};

#ifdef __cplusplus
}
#endif

#endif
