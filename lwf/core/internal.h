/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h - the engine's own objects, seen by lwf/core alone: engine, stack, module.
 *
 * All fields belong to the loop thread. A field's last word says who writes it where that is not
 * the file that its object is named after.
 */
#ifndef LWF_INTERNAL_H
#define LWF_INTERNAL_H

#include <lwf/profile.h>
#include <lwf/stack.h>

#include "oids.h"
#include "rules.h"

#define LWF_FILTERS_MAX 32u

/** Records that are kept: the newest @size of them. */
struct lwf_trace_ring {
	struct lwf_trace_record *record;
	uint32_t size;
	uint64_t count; /* ever made; number n is at n % size */
};

struct lwf_trace {
	struct lwf_trace_ring records;
	struct lwf_trace_ring details; /* no memory before they are first asked for */
	uint64_t next_seq;	       /* of both rings together */
	uint64_t frames;	       /* lives of frames that were numbered */
	uint64_t oids;		       /* requests that were asked */
	uint32_t details_wanted;       /* by so many */
};

/** A filter on its way out of the engine. */
struct lwf_unload {
	void (*done)(void *context); /* NULL: it stays */
	void *context;
};

struct lwf_engine {
	struct lwf_host *host;
	const struct lwf_filter_ops *filters[LWF_FILTERS_MAX];
	uint32_t filter_count;
	struct lwf_unload unloads[LWF_FILTERS_MAX]; /* by the index of the filter; unload.c */
	uint32_t unload_count;			    /* of these that are under way */
	bool unload_look;			    /* a module of one may have been the last */
	struct lwf_stack *stacks[LWF_STACKS_MAX];
	struct lwf_observer *observers;
	struct lwf_trace trace;
	struct lwf_rules rules;
	enum lwf_profile profile;   /* profile.c */
	uint32_t wide_readings;	    /* bit set (1 << enum lwf_conflict); profile.c */
	uint64_t last_handle;	    /* handles are never used twice */
	uint32_t last_session;	    /* ids of sessions likewise, and of modules that cancel */
	struct lwf_pool *stand_ins; /* for frames that are out, in tests; poison.c */
	const void *thread_marker;  /* names the loop thread (S17) */
};

/** How far a control callback has come. */
struct lwf_callback {
	bool running;	/* the filter is inside it */
	bool pending;	/* it answered PENDING */
	bool completed; /* its completion was called, maybe before it returned */
	lwf_status status;
};

/** Frames that may be kept too long; aging.c. */
struct lwf_age {
	uint64_t mark;	   /* so many had come in ... */
	uint64_t since_ns; /* ... by then; 0: nothing is kept */
	bool reported;
};

/** A cancel id on its way through a module; cancel.c. */
struct lwf_cancel {
	bool active;	  /* inside the cancel function */
	bool passed;	  /* the id went on */
	bool watched;	  /* it kept sends after it: are any of them forwarded that match? */
	uint64_t id;	  /* the last one */
	uint32_t depth;	  /* of the stack when the function was called */
	uint32_t arrived; /* sends that had been handed in by then */
};

struct lwf_module {
	const struct lwf_filter_ops *filter; /* as registered */
	const struct lwf_filter_ops *ops;    /* what is called: filter, or own_ops; handlers.c */
	struct lwf_filter_ops own_ops;	     /* with the functions that it chose itself */
	struct lwf_stack *stack;
	char name[LWF_NAME_BYTES];
	struct lwf_options options;
	void *context;
	void *attach_context;	      /* what attach left there (P14) */
	enum lwf_state state;	      /* lifecycle.c alone writes it */
	uint64_t since_ns;	      /* when it came into this state; lifecycle.c */
	uint64_t epoch;		      /* lives so far; lifecycle.c */
	lwf_handle handle;	      /* of this life, 0 while Detached; lifecycle.c */
	lwf_handle old_handle;	      /* of the life before (S15); lifecycle.c */
	struct lwf_callback callback; /* lifecycle.c */
	bool pause_was_immediate;     /* the last pause answered SUCCESS (F01); lifecycle.c */
	bool restart_failed;	      /* S12; lifecycle.c */
	bool failed;	      /* an attach or restart did, and failure.c has not settled it */
	bool newcomer;	      /* the stack has not settled since it came; modify.c */
	bool options_set;     /* asked since the stack last went down (S18); handlers.c */
	bool setting_options; /* inside set_module_options (S19); handlers.c */
	bool restart_asked;   /* lwf_restart_filter() was called; handlers.c */
	bool detaching; /* inside detach, whatever its state is called there (C10); lifecycle.c */
	bool leak_reported;	     /* T08; watchdog.c */
	bool left_out;		     /* Detached, and the stack goes on without it; modify.c */
	bool late;		     /* completed too early; waits until it is quiet; lifecycle.c */
	bool drained_inside;	     /* a frame came home inside the pause callback (F03); path.c */
	bool doomed;		     /* on its way out of the stack; modify.c */
	struct lwf_timer *timers[4]; /* those that originate (P15) */
	struct lwf_oid_hop oid_hop;  /* OIDs it was given, or will be; oid.c */
	uint32_t oids_out;	     /* own and cloned ones below it; oid.c */
	bool pre_detached;	     /* it was told that its detach comes; oid.c */
	bool oid_closed;	     /* and no OID goes to or from it any more; oid.c */
	uint64_t heard;		     /* number of the last indication (P12); indicate.c */

	/* the next in each direction; NULL is the edge; modify.c links them */
	struct lwf_module *below_send, *above_complete, *above_receive, *below_return;

	/* path.c writes these */
	uint32_t sends_out, receives_out;
	int64_t held_sends,
		held_receives; /* frames of others that were handed in and not passed on */
	uint32_t arrived;      /* sends of others handed to it so far, modulo 2^32 */
	uint32_t last_in;      /* order of the last send of others that was passed on (O07) */
	uint64_t moved_sends, moved_receives; /* of others that left again */
	struct lwf_age age_sends, age_receives;
	struct lwf_frame *clones;		    /* that it has out; clone.c */
	struct lwf_batch kept_sends, kept_receives; /* parents kept back (O11); clone.c */
	struct lwf_cancel cancel;		    /* cancel.c */
	bool returned_a_loan; /* inside the receive function that it is in (P10); loan.c */
	bool sending;	      /* inside the send function */
	bool mixed;	      /* the completion it is in holds own and foreign frames (O05) */
	uint64_t sends, send_answers[LWF_ANSWERS];
	uint64_t receives, receive_answers[LWF_ANSWERS];
	uint64_t dropped;
};

enum lwf_change_kind {
	LWF_CHANGE_INSERT,
	LWF_CHANGE_REMOVE,
	LWF_CHANGE_LEAVE_OUT, /* detach it, and go on without it */
	LWF_CHANGE_TAKE_IN,   /* try again with one that was left out */
	LWF_CHANGE_RESTART,   /* nothing: the pause and the restart are all */
};

struct lwf_change {
	struct lwf_module *module;
	uint32_t index; /* INSERT */
	enum lwf_change_kind kind;
};

#define LWF_CHANGES_MAX 8u

struct lwf_stack {
	struct lwf_engine *engine;
	char name[LWF_NAME_BYTES];
	struct lwf_edge *upper, *lower;
	struct lwf_module *modules[LWF_STACK_MODULES_MAX]; /* top first */
	uint32_t module_count;
	struct lwf_change changes[LWF_CHANGES_MAX];
	uint32_t change_count;
	uint32_t holds;
	uint64_t epoch;
	bool started;
	bool attached;	    /* the lower edge is */
	bool lower_running; /* the lower edge takes sends */
	bool upper_running; /* the upper edge originates */
	bool advancing, again;
	bool pausing_one; /* a module by itself, not the stack: T01 is not judged (C7) */
	bool inserting;	  /* a newcomer that fails now is taken out after the call */
	uint32_t depth;	  /* calls into the path, modules and sessions that are under way */
	bool waiting; /* the stack is on its way; path.c posts it on when something comes home */
	bool posted;
	bool attach_in_order; /* T02 is judged: all modules, not the one that is inserted */
	bool no_carrier_forced;
	bool details;	      /* the trace wants frames and callbacks; trace.c */
	enum lwf_state state; /* as last told to the world */
	uint64_t since_ns;
	uint64_t waiting_since_ns;
	bool limit_reported; /* P17 for this wait */
	struct lwf_task task;
	struct lwf_timer watchdog;
	struct lwf_oid_request *oids;	 /* that pend, the oldest first; oid.c */
	uint64_t last_oid_id;		 /* given to requests without one; oid.c */
	struct lwf_oid_hop lower_oids;	 /* oid.c */
	struct lwf_timer oid_timer;	 /* oid.c */
	struct lwf_oid_request late_oid; /* of a module inside its detach (C9); oid.c */
	uint8_t late_value[LWF_OID_VALUE_BYTES];
	bool waits_for_oids;  /* a detach does; advance.c */
	bool pause_told;      /* modules know that a pause has begun; advance.c */
	uint64_t indications; /* so far; indicate.c */
	struct lwf_timer aging;
	bool ages;		       /* the timer is armed */
	bool overdue;		       /* something is kept beyond its limit */
	uint64_t lower_in, lower_done; /* sends handed to the lower edge, and answered; path.c */
	struct lwf_age age_sends, age_progress;
	struct lwf_pool *copies;  /* of lent frames, for the upper edge; loan.c */
	lwf_handle copies_handle; /* their origin */
	uint32_t copies_out;
	struct lwf_flow_table *flows; /* flow_share.c */
	uint32_t flow_users;
	uint64_t flow_generation; /* the latest of the tables before this one */
	struct lwf_pool *scratch; /* one frame, for records that are refused at the door */

	/* entry points of the path; NULL is the edge */
	struct lwf_module *top_send, *bottom_complete, *bottom_receive, *top_return;

	struct lwf_session *sessions;
	uint32_t session_count;
	struct lwf_decider *deciders; /* the highest priority first; decider.c */
	uint32_t decider_count, last_decider;
	uint64_t last_ask;
	struct lwf_ledger host_ledger;	 /* path.c */
	struct lwf_ledger client_ledger; /* session.c */

	void (*closed)(void *context);
	void *closed_context;
};

/* trace.c */
int lwf_trace_init(struct lwf_engine *engine);
void lwf_trace_fini(struct lwf_engine *engine);

/** Starts a record that is filled with what is known of stack and module; @text is printf-like. */
struct lwf_trace_record *lwf_trace_begin(struct lwf_stack *stack, const struct lwf_module *module,
					 enum lwf_trace_kind kind, const char *event);
void lwf_trace_end(struct lwf_engine *engine, struct lwf_trace_record *record);

/** The whole of it for records that need no more than a text. */
void lwf_trace_text(struct lwf_stack *stack, const struct lwf_module *module,
		    enum lwf_trace_kind kind, const char *event, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/** See lwf_trace_frames(); called while details are on. */
void lwf_trace_steps(struct lwf_stack *stack, const struct lwf_module *module,
		     const struct lwf_edge *edge, enum lwf_frame_event event,
		     const struct lwf_batch *batch, bool send);

/**
 * One record for each frame of @batch, before the path counts it: what happens to it at @module, or
 * at @edge. FORWARD becomes ORIGINATE and BACK becomes HOME for frames of the module's own.
 */
static inline void lwf_trace_frames(struct lwf_stack *stack, const struct lwf_module *module,
				    const struct lwf_edge *edge, enum lwf_frame_event event,
				    const struct lwf_batch *batch, bool send)
{
	if (__builtin_expect(stack->details, false))
		lwf_trace_steps(stack, module, edge, event, batch, send);
}

/** What a client wanted sent through @module (may be NULL) is answered at the door. */
void lwf_trace_denied(struct lwf_stack *stack, const struct lwf_module *module,
		      const struct lwf_frame *frame);

/** Callback @name (NDIS's name), which has no answer, is about to be called. */
void lwf_trace_call(struct lwf_module *module, const char *name);

/** Callback @name (NDIS's name) of @module has answered @status, or is what it calls itself. */
void lwf_trace_callback(struct lwf_module *module, const char *name, lwf_status status);

/* options.c */
int lwf_options_default(struct lwf_host *host, const struct lwf_filter_ops *ops,
			struct lwf_options *options, char *error, size_t error_bytes);
int lwf_options_parse(struct lwf_host *host, const struct lwf_filter_ops *ops, const char *text,
		      bool live_only, struct lwf_options *options, char *error, size_t error_bytes);

/* engine.c */

/** The dependency rules of NDIS (O14 among them), for a filter as it is or with other handlers. */
bool lwf_filter_is_consistent(struct lwf_engine *engine, const struct lwf_filter_ops *ops);

/* advance.c */

/** Where the stack's holds want it. */
enum lwf_state lwf_stack_goal(const struct lwf_stack *stack);

/** Goes as far as the holds let the stack go. Not from inside the path of a frame. */
void lwf_stack_advance(struct lwf_stack *stack);

/** True when a closed stack is Detached, and nothing and nobody is left in it. */
bool lwf_stack_may_end(const struct lwf_stack *stack);

/* session.c */

/** Ends the sessions that were closed and whose frames are home. From the loop only. */
void lwf_sessions_end(struct lwf_stack *stack);

/** F06: a closed stack is Detached and nothing is out, and yet sessions remain: they are let go. */
void lwf_sessions_give_up(struct lwf_stack *stack);

/* decider.c */

/** The stack ends: deciders that are open yet have none from now on. */
void lwf_deciders_give_up(struct lwf_stack *stack);

/* stack.c */

/** Goes on with the way of the stack, later, from the loop. Safe from anywhere. */
void lwf_stack_post(struct lwf_stack *stack);

/** Sets a hold because something failed, and says so; the stack does not try again by itself. */
void lwf_stack_fault(struct lwf_stack *stack, enum lwf_hold hold, const char *what);

/** Module with this handle in its present life, or NULL. */
struct lwf_module *lwf_stack_by_handle(const struct lwf_stack *stack, lwf_handle handle);

/* indicate.c */

enum lwf_speech { LWF_SPEECH_OID, LWF_SPEECH_STATUS };

/**
 * False, with the rule reported, where a module may not ask by an OID or indicate a status: inside
 * attach (P13, C4) and while Detached (P11, P12, C9, C10). False, too, for an OID after the event
 * before a detach.
 */
bool lwf_may_speak(struct lwf_module *module, enum lwf_speech what);

/** Tells an indication to the modules above @below (module_count: to all). */
void lwf_indicate_up(struct lwf_stack *stack, uint32_t below, enum lwf_indication what,
		     const struct lwf_link *link);

/* aging.c */
int lwf_aging_init(struct lwf_stack *stack);

/** Something is kept beyond a call; called when the timer is not armed. */
void lwf_aging_start(struct lwf_stack *stack);

/* watchdog.c */

/** Timer function of a stack that waits. */
void lwf_watchdog(void *stack);

/**
 * Around all that may call back to an embedder: a hold that is set meanwhile moves the stack only
 * when the path is left, since those on the way still touch their modules.
 */
static inline void lwf_stack_enter(struct lwf_stack *stack)
{
	stack->depth++;
}

static inline void lwf_stack_exit(struct lwf_stack *stack)
{
	stack->depth--;
}

/** Something came home while the stack waits for it. */
static inline void lwf_stack_came_home(struct lwf_stack *stack)
{
	if (stack->waiting && !stack->posted)
		lwf_stack_post(stack);
}

/** Adds what @frame is on the wire; nearly all are one frame, and cost no call. */
static inline void lwf_count_wire(const struct lwf_frame *frame, uint64_t *frames, uint64_t *bytes)
{
	if (!lwf_frame_is_super(frame)) {
		*frames += 1;
		*bytes += frame->len;
		return;
	}
	*frames += lwf_frame_segments(frame);
	*bytes += lwf_frame_wire_bytes(frame);
}

/** True when nothing of the module is out there and nothing of others is in it. */
static inline bool lwf_module_quiet(const struct lwf_module *module)
{
	return module->sends_out == 0 && module->receives_out == 0 && module->held_sends <= 0 &&
	       module->held_receives <= 0;
}

#endif
