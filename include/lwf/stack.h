/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.h - engines, stacks and sessions, for programs that embed them (lwfd is one).
 *
 * An engine knows the filters, keeps the trace and judges the rules. A stack is an upper edge,
 * modules in order, and a lower edge. It is paused or detached for as long as somebody has a reason
 * (a hold); when the last reason goes it comes up again by itself. A session is what one client has
 * with one stack: it outlives modules and links, and every frame submitted through it is answered.
 *
 * Threads: one loop thread owns an engine and all its stacks.
 */
#ifndef LWF_STACK_H
#define LWF_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/edge.h>
#include <lwf/filter.h>
#include <lwf/frame.h>
#include <lwf/host.h>
#include <lwf/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_STACKS_MAX	       64u
#define LWF_STACK_MODULES_MAX  16u
#define LWF_STACK_SESSIONS_MAX 256u
#define LWF_WATCHDOG_NS	       1000000000ull  /* a pause that takes longer is reported */
#define LWF_UNLOAD_LIMIT_NS    5000000000ull  /* a frame out so long after it is leaked (T08) */
#define LWF_LOST_SESSION_NS    10000000000ull /* a session that nobody closes is given up (F06) */
#define LWF_PAUSE_LIMIT_NS     10000000000ull /* NDIS's own limit (rules P17, T06) */
#define LWF_PROGRESS_LIMIT_NS  22000000000ull /* a device with sends completes one (0x9200F) */
#define LWF_SEND_LIMIT_NS      30000000000ull /* a frame is completed (0x9200D, 0x92011, O10) */

struct lwf_engine;
struct lwf_stack;
struct lwf_session;

/* ---- engine ---- */

/** Hears of every trace record, on the loop thread, as it is made. */
struct lwf_observer {
	void (*record)(struct lwf_observer *observer, const struct lwf_trace_record *record);
	struct lwf_observer *next;
};

/** Makes an engine with the built-in filters. NULL when the host has no memory. */
struct lwf_engine *lwf_engine_create(struct lwf_host *host);

/** All stacks must be closed. Accepts NULL. */
void lwf_engine_destroy(struct lwf_engine *engine);

struct lwf_host *lwf_engine_host(const struct lwf_engine *engine);

/**
 * Adds a filter; @ops is lent for the engine's life. -EINVAL when its traits contradict its
 * functions (NDIS dependency rules), -EEXIST for a name twice, -ENOSPC.
 */
int lwf_engine_register(struct lwf_engine *engine, const struct lwf_filter_ops *ops);

/**
 * NdisFDeregisterFilterDriver: no module of the filter is made any more, those that are there are
 * removed from all stacks, and when the last is gone @done is called (NULL is allowed), maybe inside
 * this call, never for a closed engine; only then @ops may go. A frame of the filter that is not home
 * after LWF_UNLOAD_LIMIT_NS is reported as leaked (rule T08); the filter stays as long as it is out.
 * Returns 0; -ENOENT when it is not registered; -EALREADY.
 */
int lwf_engine_unregister(struct lwf_engine *engine, const struct lwf_filter_ops *ops,
			  void (*done)(void *context), void *context);

/** Filter by name, or NULL; not one that is being unregistered. */
const struct lwf_filter_ops *lwf_engine_filter(const struct lwf_engine *engine, const char *name);

/** Filter by number from 0, or NULL behind the last. */
const struct lwf_filter_ops *lwf_engine_filter_at(const struct lwf_engine *engine, uint32_t index);

struct lwf_stack *lwf_engine_stack(const struct lwf_engine *engine, const char *name);
struct lwf_stack *lwf_engine_stack_at(const struct lwf_engine *engine, uint32_t index);

void lwf_engine_observe(struct lwf_engine *engine, struct lwf_observer *observer);
void lwf_engine_unobserve(struct lwf_engine *engine, struct lwf_observer *observer);

/**
 * Asks for details in the trace (frames, callbacks), or takes one such request back; they are made
 * while there is one. The first takes memory for LWF_TRACE_KEEP_DETAILS records, which the engine
 * then keeps: -ENOMEM without it, else 0. Not from inside the path of a frame.
 */
int lwf_engine_trace_details(struct lwf_engine *engine, bool on);

/** Puts @cursor before the oldest record kept with seq >= @seq; with or without details. */
void lwf_engine_trace_seek(const struct lwf_engine *engine, uint64_t seq, bool details,
			   struct lwf_trace_cursor *cursor);

/**
 * The record at @cursor, and moves on; NULL behind the newest. *lost gets how many were forgotten
 * before it since the last call. The record is lent until the next one is made.
 */
const struct lwf_trace_record *lwf_engine_trace_next(const struct lwf_engine *engine,
						     struct lwf_trace_cursor *cursor,
						     uint64_t *lost);

/**
 * For tests: what modules originate is unreadable to them while it is out, and a write to it is
 * reported (O06). Takes memory for @frames frames that are out at a time; further ones travel
 * unprotected. Once, before any traffic. 0 or -ENOMEM.
 */
int lwf_engine_poison(struct lwf_engine *engine, uint32_t frames);

/** Ends the program at the first broken rule (tests); default: count and report. */
void lwf_engine_abort_on_rule(struct lwf_engine *engine, bool abort_on_rule);

/** How often rule number @index was broken; *id gets its id; false behind the last rule. */
bool lwf_engine_rule(const struct lwf_engine *engine, uint32_t index, const char **id,
		     const char **sentence, uint64_t *broken);

/** Sum over all rules. */
uint64_t lwf_engine_rules_broken(const struct lwf_engine *engine);

/* ---- stack ---- */

/** X(symbol, printed name, detaches): the reasons for a stack not to be Running */
#define LWF_HOLD_LIST(X)                                                                    \
	X(USER_PAUSE, "user", false)	    /* lwfctl pause */                              \
	X(MODIFY, "modify", false)	    /* modules are being changed */                 \
	X(FAULT_PAUSE, "fault", false)	    /* a module's restart failed */                 \
	X(USER_DETACH, "user-detach", true) /* lwfctl detach */                             \
	X(LINK, "link", true)		    /* the adapter is disabled */                   \
	X(REMOVED, "removed", true) /* the adapter is deleted, moved, or was never there */ \
	X(FAULT_DETACH, "fault-detach", true) /* an attach failed */                        \
	X(CLOSE, "close", true)		      /* the stack is being closed */

enum lwf_hold {
#define X(sym, name, detaches) LWF_HOLD_##sym,
	LWF_HOLD_LIST(X)
#undef X
		LWF_HOLDS
};

const char *lwf_hold_name(enum lwf_hold hold);
bool lwf_hold_detaches(enum lwf_hold hold);

/** Account of frames: submitted == sum of completed + sum of refused + outstanding, always. */
struct lwf_ledger {
	uint64_t submitted;
	uint64_t completed[LWF_ANSWERS]; /* answered after they were admitted */
	uint64_t refused[LWF_ANSWERS];	 /* answered at the door */
	uint64_t sent;			 /* units answered SUCCESS by the edge that took them */
	uint64_t indicated;		 /* of these, towards the host: taken by the upper edge */
	uint64_t frames;		 /* the same as frames on the wire */
	uint64_t bytes;			 /* the same in bytes on the wire, without FCS */
};

/** submitted - completed - refused. */
uint64_t lwf_ledger_outstanding(const struct lwf_ledger *ledger);

/** Adds @from to @to, column by column. */
void lwf_ledger_add(struct lwf_ledger *to, const struct lwf_ledger *from);

/**
 * Makes a stack of no modules, Detached, with no hold but LWF_HOLD_REMOVED when the lower edge's
 * link is not present (or LWF_HOLD_LINK when it is not up). Takes both edges, also on failure (it
 * closes them). -EEXIST for the name, -EINVAL for its form, -ENOMEM, -ENOSPC. @upper may be NULL: a
 * stack without a protocol side (receives are dropped).
 */
int lwf_stack_create(struct lwf_engine *engine, const char *name, struct lwf_edge *upper,
		     struct lwf_edge *lower, struct lwf_stack **stack);

/** Starts it: from now on the stack goes wherever its holds let it. */
void lwf_stack_start(struct lwf_stack *stack);

/**
 * Detaches the stack, closes its edges and frees it, as soon as the last frame is home; @closed is
 * called after that (may be NULL). Sessions must be closed by their owners before or meanwhile; one
 * that is not within LWF_LOST_SESSION_NS of all the rest is reported (rule F06) and given up: it has
 * no stack from then on, pumping it does nothing, and it may still be closed.
 */
void lwf_stack_close(struct lwf_stack *stack, void (*closed)(void *context), void *context);

const char *lwf_stack_name(const struct lwf_stack *stack);
struct lwf_engine *lwf_stack_engine(const struct lwf_stack *stack);
struct lwf_edge *lwf_stack_upper(const struct lwf_stack *stack); /* may be NULL */
struct lwf_edge *lwf_stack_lower(const struct lwf_stack *stack);

/** A transitional state if any part is in one, else that of the least advanced part. */
enum lwf_state lwf_stack_state(const struct lwf_stack *stack);

/** Lives of the stack so far: +1 at each attach. */
uint64_t lwf_stack_epoch(const struct lwf_stack *stack);

/** Bit set (1 << enum lwf_hold). */
uint32_t lwf_stack_holds(const struct lwf_stack *stack);

/** The same of the stack of @module. For filters: what will become of what they keep. */
uint32_t lwf_module_holds(const struct lwf_module *module);

/** Sets or lifts one reason; a repeat changes nothing. The stack follows, maybe at once, maybe
 * later. */
void lwf_stack_hold(struct lwf_stack *stack, enum lwf_hold hold);
void lwf_stack_release(struct lwf_stack *stack, enum lwf_hold hold);

/** True when the stack has arrived where its holds want it, and no module change waits. */
bool lwf_stack_settled(const struct lwf_stack *stack);

/** Filters of a stack, from the top (0) to the bottom; NULL behind the last. */
struct lwf_module *lwf_stack_module_at(const struct lwf_stack *stack, uint32_t index);
struct lwf_module *lwf_stack_module(const struct lwf_stack *stack, const char *name);

/**
 * Parses "NAME[:key=value,...]" and puts a module of that filter at @index (0 is the top; the count
 * is the bottom). A stack that is Running is paused for it and restarted after (rule T03). Returns
 * 0, or -ENOENT (no such filter), -EINVAL (bad option), -ENOSPC, -EBUSY (closing), -ENOMEM, with
 * the reason in @error. *module is the new one: Detached as long as the stack has to pause for it,
 * and gone already when a session's owner, told of a state inside this call, has removed it.
 *
 * If its attach or its first restart fails it is taken out again, not inside this call, and the
 * stack goes on as before; a record of LWF_TRACE_MODULE "taken-out" names it and says why.
 *
 * The option mandatory=on, known to every filter, says that the stack must not run without the
 * module: when it fails later, the stack is detached. Any other module is left out then (rule T04).
 */
int lwf_stack_insert(struct lwf_stack *stack, const char *spec, uint32_t index,
		     struct lwf_module **module, char *error, size_t error_bytes);

/** Takes @module out, likewise. Returns 0, or -EBUSY when it is already going. */
int lwf_stack_remove(struct lwf_stack *stack, struct lwf_module *module);

/**
 * Tries once more with the modules that were left out since their attach or restart failed. The
 * stack is paused for it like for an insertion; nothing happens when none was left out.
 */
void lwf_stack_retry(struct lwf_stack *stack);

/** Changes live options from "key=value,...". Returns 0, -EINVAL or -EPERM (not live), with @error.
 */
int lwf_module_set(struct lwf_module *module, const char *text, char *error, size_t error_bytes);

struct lwf_module_info {
	const char *name;
	const struct lwf_filter_ops *filter;
	enum lwf_state state;
	bool mandatory; /* the stack does not run without it */
	bool left_out;	/* its attach or restart failed; the stack runs without it */
	uint64_t epoch;
	lwf_handle handle;
	uint32_t sends_out, receives_out;	   /* originated and not yet home */
	uint64_t sends, send_answers[LWF_ANSWERS]; /* originated sends, and their answers */
	uint64_t receives, receive_answers[LWF_ANSWERS];
	uint64_t dropped; /* frames of others answered here with anything but SUCCESS */
	const struct lwf_options *options;
};

void lwf_module_info(const struct lwf_module *module, struct lwf_module_info *info);

/** Calls the filter's control function. -ENOTSUP without one, -ENODEV while Detached. */
int lwf_module_control(struct lwf_module *module, enum lwf_control what, void *argument);

/** Sends of the upper edge (the host's own traffic): what became of them. */
const struct lwf_ledger *lwf_stack_host_ledger(const struct lwf_stack *stack);

/** What clients submitted, those that are gone included. */
const struct lwf_ledger *lwf_stack_client_ledger(const struct lwf_stack *stack);

/**
 * Writes what a pause waits for, or what has been kept beyond its limit while Running: "3 frames of
 * inject at eth1, oldest 812 ms"; empty when nothing.
 */
void lwf_stack_waiting(const struct lwf_stack *stack, char *text, size_t bytes);

/** Frames of one that another keeps. */
struct lwf_kept {
	char origin[LWF_NAME_BYTES]; /* the module or edge that they are of */
	char holder[LWF_NAME_BYTES];
	uint32_t frames;
	uint64_t age_ns; /* how long the holder has had the oldest */
};

/**
 * Row @index from 0 of the frames that modules and edges say they keep, waited for or not; false behind
 * the last. What is inside a filter that does not say so is in sends_out of its origin alone.
 */
bool lwf_stack_kept(const struct lwf_stack *stack, uint32_t index, struct lwf_kept *kept);

/** NdisCancelSendNetBufferLists: every holder completes matching sends as SEND_ABORTED. */
void lwf_stack_cancel(struct lwf_stack *stack, uint64_t cancel_id);

/* ---- links ---- */

/**
 * The lower edge's link is now so. Announces it to the modules (LINK_STATE indication), mirrors it
 * to the upper edge, and lets the lower edge settle what cannot leave. Holds are the caller's
 * business: see lwf/daemon/link.c.
 * @event names it in the trace.
 */
void lwf_stack_set_link(struct lwf_stack *stack, const struct lwf_link *link, const char *event);

/** Acts as if the lower edge had no carrier (lwfctl link STACK carrier off); the device is not
 * touched. */
void lwf_stack_force_no_carrier(struct lwf_stack *stack, bool no_carrier);
bool lwf_stack_is_no_carrier_forced(const struct lwf_stack *stack);

/** The link as the stack acts on it: the device's, with a forced loss of carrier taken in. */
struct lwf_link lwf_stack_link(const struct lwf_stack *stack);

/* ---- sessions ---- */

/** What lwf_session_ops.pull found. */
enum lwf_pull {
	LWF_PULL_NONE,	/* nothing waits */
	LWF_PULL_FRAME, /* the frame is filled */
	LWF_PULL_REFUSE /* the record cannot be a frame: id and reason are filled; it is answered so
			 */
};

/** The owner's side of a session: where frames come from, and where answers go. */
struct lwf_session_ops {
	/**
	 * Copies the next record into @frame: bytes at data (set len), id, cancel_id, direction,
	 * truncated, offload. The room is lwf_frame_room(). Everything is checked before it is
	 * believed.
	 */
	enum lwf_pull (*pull)(struct lwf_session *session, struct lwf_frame *frame);
	/** True when a record waits and its answer has a place. */
	bool (*ready)(struct lwf_session *session);
	/** The one answer to record @id. @refused: it was never admitted. */
	void (*answer)(struct lwf_session *session, const struct lwf_frame *frame, bool refused);
	/** Answers of this turn are all given; wake the client. May be NULL. */
	void (*flush)(struct lwf_session *session);
	/** The stack or the module is in another state; tell the client. May be NULL. */
	void (*state_changed)(struct lwf_session *session);
	/**
	 * Takes a record that carries @cancel_id out of its place among those that wait; pull passes it
	 * over then. Fills id, cancel_id and direction of @frame; false when there is none, or no place
	 * for its answer. May be NULL: waiting records are cancelled all at once only.
	 */
	bool (*withdraw)(struct lwf_session *session, struct lwf_frame *frame, uint32_t cancel_id);
};

/** The owner embeds this as its first member. Fields are the stack's but for ops and
 * wait_when_paused. */
struct lwf_session {
	const struct lwf_session_ops *ops;
	bool wait_when_paused; /* records stay in their ring while the stack is not Running */
	bool closing;
	struct lwf_stack *stack; /* NULL: it was given up */
	lwf_handle target;	 /* the module it originates through, in its present life */
	char target_name[LWF_NAME_BYTES];
	uint32_t id; /* unique in the engine */
	uint32_t outstanding;
	uint32_t calls; /* into it that are under way: it does not end inside them */
	struct lwf_ledger ledger;
	void (*closed)(struct lwf_session *session);
	struct lwf_session *next;
};

/** What LWF_CONTROL_SUBMIT carries. */
struct lwf_submit {
	struct lwf_session *session;
	uint32_t budget; /* frames at most */
	uint32_t taken;	 /* out: records answered or admitted */
};

/**
 * Opens @session on @stack, through the module @module_name ("inject" by default when NULL). It
 * need not exist now. ops must be set. -ENOSPC when the stack has LWF_STACK_SESSIONS_MAX.
 */
int lwf_session_open(struct lwf_session *session, struct lwf_stack *stack, const char *module_name);

/**
 * Takes up to @budget records and sees to it that each gets its answer: at once when the stack is
 * not Running, through the module otherwise. Returns how many were taken; call again next turn
 * while ops->ready says so and this returned more than 0. lwf_session_blocked() tells why not.
 */
uint32_t lwf_session_pump(struct lwf_session *session, uint32_t budget);

/**
 * Answers up to @count records that wait for the stack to run again, as they would have been answered
 * without wait_when_paused: their owner has waited long enough. Returns how many; 0 while it runs.
 */
uint32_t lwf_session_expire(struct lwf_session *session, uint32_t count);

/** True when records wait because of the stack (paused with wait_when_paused, or no room). */
bool lwf_session_blocked(const struct lwf_session *session);

/**
 * Closes: nothing more is pulled, held frames are cancelled, answers to what is in flight are
 * counted and not given to ops->answer. @closed runs when the last frame is home, maybe inside this
 * call; the memory is the owner's again then.
 */
void lwf_session_close(struct lwf_session *session, void (*closed)(struct lwf_session *session));

/** Answers waiting records and held frames with @cancel_id (0: all there are) as SEND_ABORTED. */
void lwf_session_cancel(struct lwf_session *session, uint64_t cancel_id);

/** First session of a stack; follow next. */
struct lwf_session *lwf_stack_sessions(const struct lwf_stack *stack);

/* for filters that originate for sessions (inject): */

/** Answers an admitted frame of a session and settles the ledgers; the frame stays the caller's. */
void lwf_session_answer(struct lwf_session *session, const struct lwf_frame *frame);

/** Answers a frame that was not admitted, with frame->reason. */
void lwf_session_refuse(struct lwf_session *session, const struct lwf_frame *frame);

/** ops->pull, with the record counted as submitted when one came; REFUSE is answered inside. */
enum lwf_pull lwf_session_pull(struct lwf_session *session, struct lwf_frame *frame);

/** Called once after a batch of lwf_session_answer() or lwf_session_refuse(). */
void lwf_session_flush(struct lwf_session *session);

/**
 * Its owner has noticed something: a record of kind "client" in the trace, @event by name. Both texts are
 * copied, and cut to what a record holds.
 */
void lwf_session_note(struct lwf_session *session, const char *event, const char *text);

#ifdef __cplusplus
}
#endif

#endif
