/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h - all that the author of a filter needs.
 *
 * NDIS counterpart: NDIS_FILTER_DRIVER_CHARACTERISTICS and the NdisF* calls. A filter is code; a
 * module is one filter attached to one stack. A filter sets only the functions it wants: NULL is
 * pass-through and costs nothing, since the stack skips the module in that direction.
 *
 * States. A module is born Detached. attach makes it Paused, restart makes it Running, pause makes
 * it Paused again, detach ends its life and its handle. Pause and restart may answer PENDING and
 * be completed later; attach and detach may not; pause and detach cannot fail. While a module is
 * not Running it originates nothing (rules P01, P02) and is handed nothing (P08).
 *
 * Frames. send and receive are handed batches and own every frame until they pass it on with
 * lwf_next_send() or lwf_next_receive(), or give it an answer with lwf_send_complete() or
 * lwf_receive_return(). send_complete and receive_return see frames on the way home, mixed: the
 * module's own (origin == lwf_module_handle()) end here, all others must be passed on, each once.
 *
 * Threads: every function is called on the loop thread of the stack, and only there may these
 * functions be called, unless one says otherwise. Control functions are never run two at a time.
 */
#ifndef LWF_FILTER_H
#define LWF_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>
#include <lwf/host.h>
#include <lwf/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_module;
struct lwf_link;
struct lwf_oid_request;

/* What a filter says of itself at registration; contradictions are refused there. */
#define LWF_FILTER_MODIFIES 0x1u /* changes bytes or lengths of frames that pass */
#define LWF_FILTER_ORIGINATES \
	0x2u		      /* makes frames of its own: needs send_complete or receive_return */
#define LWF_FILTER_HOLDS 0x4u /* keeps frames beyond the call: needs cancel if it holds sends */
#define LWF_FILTER_SUPER_FRAMES \
	0x8u /* understands frames that stand for several (which all are handed) */
#define LWF_FILTER_REORDERS \
	0x10u /* may pass on sends of others in another order than they came in (O07) */
#define LWF_FILTER_MONITORS \
	0x20u /* NDIS's monitoring filter: looks on; neither modifies nor originates */

#define LWF_OPTION_TEXT_BYTES 256u
#define LWF_OPTIONS_MAX	      16u

#define LWF_SHARE_WHOLE 1000000000u /* 100% as an option of type SHARE */

enum lwf_option_type {
	LWF_OPTION_UINT,
	LWF_OPTION_BOOL,
	LWF_OPTION_DURATION,
	LWF_OPTION_TEXT,
	LWF_OPTION_SHARE,   /* "0.5%": a probability */
	LWF_OPTION_BITRATE, /* "10Mbps" */
	LWF_OPTION_CHOICE, /* one of the words of default_value, "first|second", first by default */
	LWF_OPTION_MATCH,  /* an expression of pcap-filter(7), for lwf_host_compile_match() */
	LWF_OPTION_POLICY, /* a file of rules, for lwf_host_load_policy(); "": none */
};

/** One key that a filter understands; a table of these ends with a NULL name. */
struct lwf_option_spec {
	const char *name;
	enum lwf_option_type type;
	uint64_t min, max; /* UINT: value; DURATION: nanoseconds; TEXT, MATCH, POLICY: bytes;
			      BITRATE: bits a second; SHARE: of LWF_SHARE_WHOLE; CHOICE: not
			      looked at */
	const char *default_value; /* as a user would write it */
	bool live;		   /* may be changed by `lwfctl filter set` while Running */
	const char *help;	   /* one line */
};

/** One value, at the index of its spec. */
struct lwf_option_value {
	uint64_t number;		  /* UINT, BOOL (0 or 1), DURATION (nanoseconds), SHARE (of
			    LWF_SHARE_WHOLE), BITRATE (bits a second), CHOICE (0: the first word) */
	char text[LWF_OPTION_TEXT_BYTES]; /* TEXT, CHOICE, MATCH, which compiles, and POLICY, which
					     was read without error */
	bool given;			  /* set by the user; in set_options: by this very call */
};

struct lwf_options {
	bool mandatory; /* the common option mandatory=on, of every filter */
	uint32_t count;
	struct lwf_option_value value[LWF_OPTIONS_MAX];
};

/** Requests of lwf_filter_ops.control; @argument is what the sentence says. */
enum lwf_control {
	/** struct lwf_submit *: take frames of a session and originate them (filter inject). */
	LWF_CONTROL_SUBMIT,
	/** struct lwf_report *: add lines for `lwfctl show`. */
	LWF_CONTROL_REPORT,
	/** struct lwf_flow_page *: tell of flows, some at a time, for `lwfctl flows` (lwf/flow.h). */
	LWF_CONTROL_FLOWS,
	/** struct lwf_decider_call *: what a decider says (lwf/verdict.h). */
	LWF_CONTROL_DECIDER,
	/** struct lwf_verdict_page *: counters and open asks (lwf/verdict.h). */
	LWF_CONTROL_VERDICTS,
	/** struct lwf_policy_reload *: read the file of rules again (lwf/policy.h). */
	LWF_CONTROL_RELOAD,
	/** struct lwf_policy_explain *: which rule would decide, for `lwfctl explain` (lwf/policy.h). */
	LWF_CONTROL_EXPLAIN,
};

/** A list of named numbers that a filter tells of itself. */
struct lwf_report {
	void (*number)(struct lwf_report *report, const char *name, uint64_t value);
};

/** X(symbol, value, printed name): status indications, NDIS_STATUS_* of the same name and value */
#define LWF_INDICATION_LIST(X)                                              \
	X(LINK_STATE, 0x40010017u, "link-state")                            \
	X(PACKET_FILTER, 0x40010024u, "packet-filter") /* it was changed */ \
	X(MEDIA_SPECIFIC_INDICATION, 0x40010012u, "media-specific")

enum lwf_indication {
#define X(sym, value, name) LWF_INDICATION_##sym = (int)(value),
	LWF_INDICATION_LIST(X)
#undef X
};

/** Printed name, "status" for what is not in the list. */
const char *lwf_indication_name(enum lwf_indication what);

/** NET_PNP_EVENT: what a module is told of beside its control functions. */
enum lwf_net_pnp {
	/** NetEventFilterPreDetach: detach is next; the last chance to use OIDs and indications. */
	LWF_NET_PNP_PRE_DETACH,
	/** NetEventPause: the stack is about to be paused. The protocol's own sends come home before
	 * any module is paused: who keeps some for long answers them now, and keeps no more. */
	LWF_NET_PNP_PAUSE,
	/** NetEventRestart: it is Running again, or was never paused after all. */
	LWF_NET_PNP_RESTART,
};

struct lwf_filter_ops {
	const char *name;		       /* as in --filter NAME */
	const char *summary;		       /* one line for people */
	uint32_t traits;		       /* LWF_FILTER_* */
	const struct lwf_option_spec *options; /* NULL: it has none */

	/** Builds the module: SUCCESS, RESOURCES or FAILURE. PENDING is an error (S04). */
	lwf_status (*attach)(struct lwf_module *module, const struct lwf_options *options);
	/** Frees all; cannot fail or pend (S14). Nothing of the module is out there any more. */
	void (*detach)(struct lwf_module *module);
	/** Closes the gate, settles what is held: SUCCESS or PENDING (S06). NULL: SUCCESS. */
	lwf_status (*pause)(struct lwf_module *module);
	/** SUCCESS, RESOURCES, FAILURE or PENDING. Opening the gate is the last act. NULL: SUCCESS.
	 */
	lwf_status (*restart)(struct lwf_module *module);

	void (*send)(struct lwf_module *module, struct lwf_batch *batch);
	void (*send_complete)(struct lwf_module *module, struct lwf_batch *batch);
	void (*receive)(struct lwf_module *module, struct lwf_batch *batch);
	void (*receive_return)(struct lwf_module *module, struct lwf_batch *batch);

	/**
	 * FilterCancelSendNetBufferLists. Answers the sends kept here that match (lwf_cancel_matches())
	 * as SEND_ABORTED, leaves all others, and passes the id on with lwf_next_cancel(), once (rule
	 * O13). A filter that keeps sends must have it (O14). Called while Running or Pausing. NULL:
	 * the id goes on by itself.
	 */
	void (*cancel)(struct lwf_module *module, uint64_t cancel_id);
	/** An indication from below; it goes on to the modules above by itself. */
	void (*status)(struct lwf_module *module, enum lwf_indication what,
		       const struct lwf_link *link);
	/**
	 * FilterOidRequest: an answer, or PENDING and lwf_oid_complete() later; see lwf/oid.h. It
	 * hands on clones only. NULL passes by. Needs oid_complete, and that needs this.
	 */
	lwf_status (*oid)(struct lwf_module *module, struct lwf_oid_request *request);
	/** FilterOidRequestComplete: an own or cloned request that was PENDING is complete. */
	void (*oid_complete)(struct lwf_module *module, struct lwf_oid_request *request,
			     lwf_status status);
	/** FilterCancelOidRequest: the request it was given under this id is to end, now or soon:
	 * lwf_next_cancel_oid(), or lwf_oid_complete() with REQUEST_ABORTED (C6). NULL passes by. */
	void (*cancel_oid)(struct lwf_module *module, uint64_t request_id);
	/** FilterNetPnPEvent. SUCCESS; it cannot object to a detach. */
	lwf_status (*net_pnp)(struct lwf_module *module, enum lwf_net_pnp event);
	/** Returns 0 or -errno; -ENOTSUP for what it does not know. */
	int (*control)(struct lwf_module *module, enum lwf_control what, void *argument);
	/** Takes new values of live options. Returns 0 or -errno, and then nothing has changed. */
	int (*set_options)(struct lwf_module *module, const struct lwf_options *options);
	/**
	 * FilterSetModuleOptions: the stack is Paused and is about to be restarted; all modules are
	 * asked before any of them is. The only place for lwf_set_optional_handlers(). SUCCESS, or
	 * why not, which is logged; the module is restarted with what it has then.
	 */
	lwf_status (*set_module_options)(struct lwf_module *module);
	/** Frames of @origin (0: of anybody) held here, and since when. Only with LWF_FILTER_HOLDS.
	 */
	uint32_t (*holds)(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns);
};

/** Version of the filter interface: of lwf_filter_ops and of all that filters call. */
#define LWF_FILTER_ABI 1u

/**
 * What a shared object of filters exports as `lwf_filter_object`; `lwfd --load` reads it. NDIS
 * counterpart: DriverEntry and the version fields of NDIS_FILTER_DRIVER_CHARACTERISTICS.
 */
struct lwf_filter_object {
	uint32_t abi;				     /* LWF_FILTER_ABI */
	uint32_t ops_bytes;			     /* sizeof(struct lwf_filter_ops) */
	const struct lwf_filter_ops *const *filters; /* ends with NULL */
};

/** Makes the object export the filters whose addresses are given: LWF_FILTER_OBJECT(&my_filter); */
#define LWF_FILTER_OBJECT(...)                                                             \
	static const struct lwf_filter_ops *const lwf_filter_list[] = {__VA_ARGS__, NULL}; \
	extern const struct lwf_filter_object lwf_filter_object;                           \
	__attribute__((visibility("default")))                                             \
	const struct lwf_filter_object lwf_filter_object = {                               \
		LWF_FILTER_ABI, sizeof(struct lwf_filter_ops), lwf_filter_list}

/** The filters that come with the engine, ending with NULL; the list is lwf/filters/filters.h. */
extern const struct lwf_filter_ops *const lwf_built_in_filters[];

/* ---- what a module may ask ---- */

/** The module's handle in this life: SourceHandle of what it originates. */
lwf_handle lwf_module_handle(const struct lwf_module *module);

/** "inject", or "flow-2" for the second of its kind. */
const char *lwf_module_name(const struct lwf_module *module);

struct lwf_host *lwf_module_host(const struct lwf_module *module);

/** The module's own memory: set in attach, NULL before. */
void *lwf_module_context(const struct lwf_module *module);

/**
 * NdisFSetAttributes: only inside attach, after what may fail (rule S20); NULL again only where that
 * life ends, in a failing attach or in detach. Anywhere else it changes nothing.
 */
void lwf_module_set_context(struct lwf_module *module, void *context);

enum lwf_state lwf_module_state(const struct lwf_module *module);

/** Link at the lower edge: MTU, carrier, MAC. Valid in every state but Detached. */
const struct lwf_link *lwf_module_link(const struct lwf_module *module);

/** False while the edge on the other side has no room; originate later, in resume order. */
bool lwf_module_has_room(const struct lwf_module *module, enum lwf_direction direction);

/* ---- passing frames on: all take the whole batch ---- */

/** NdisFSendNetBufferLists: towards the NIC. Own frames count as originated here. */
void lwf_next_send(struct lwf_module *module, struct lwf_batch *batch);

/** NdisFSendNetBufferListsComplete: homewards, each frame with its answer. Never own frames (O03).
 */
void lwf_send_complete(struct lwf_module *module, struct lwf_batch *batch);

/** NdisFIndicateReceiveNetBufferLists: towards the host. */
void lwf_next_receive(struct lwf_module *module, struct lwf_batch *batch);

/**
 * NdisFIndicateReceiveNetBufferLists with NDIS_RECEIVE_FLAGS_RESOURCES: lends @batch, own frames or
 * ones that the module keeps, to those above for the length of the call. When it returns the batch
 * is as it was and the module's again; it is never outstanding, nobody returns it, and no pause
 * waits for it (O09). At most LWF_BATCH_MAX_FRAMES.
 *
 * A receive function that is handed such frames (lwf_frame_is_lent()) borrows them: it passes them
 * on with lwf_next_receive(), all or some, or does nothing, which drops them. It may take the chain
 * apart, but has put it together when it returns (O15); it does not return it (P10), and keeps none.
 */
void lwf_lend_receive(struct lwf_module *module, struct lwf_batch *batch);

/** NdisFReturnNetBufferLists: homewards, each frame with its answer. Never own frames (O09). */
void lwf_receive_return(struct lwf_module *module, struct lwf_batch *batch);

/* ---- clones ---- */

/**
 * NdisAllocateCloneNetBufferList: a frame of the module's own, from its @pool (whose frames need no
 * bytes), that shares the bytes of @parent, which the module has at present. Neither may be changed
 * while the clone lives. Not taken over: cancel id, context, id. NULL when the pool is empty, or
 * @parent has 255. No allocation.
 *
 * @parent must not be completed, returned or freed before its last clone is freed (O11); it may be
 * passed on, and is then kept by the module when it comes back. Clones of a lent frame are freed
 * before the call ends (O15).
 */
struct lwf_frame *lwf_frame_clone(struct lwf_module *module, struct lwf_pool *pool,
				  struct lwf_frame *parent);

/** NdisFreeCloneNetBufferList: gives a clone that is home back to its pool, as lwf_pool_give(). */
void lwf_frame_free_clone(struct lwf_frame *clone);

/* ---- cancel ids ---- */

/**
 * NdisGeneratePartialCancelId: the high half of the cancel ids of one who sends, unlike that of
 * anybody else in this engine. The low half, not 0, is the module's own: set frame->cancel_id (the
 * counterpart of NDIS_SET_NET_BUFFER_LIST_CANCEL_ID) before lwf_next_send(). A pool clears it.
 */
uint64_t lwf_generate_partial_cancel_id(struct lwf_module *module);

/**
 * NdisFCancelSendNetBufferLists: asks those below to answer sends with this id as SEND_ABORTED. From
 * inside the cancel function it passes on what came from above; elsewhere it cancels the module's
 * own sends. A hint: what the device has is completed as usual. Answers may come inside the call.
 */
void lwf_next_cancel(struct lwf_module *module, uint64_t cancel_id);

/** Moves the module's own frames from @batch to the end of @own, an initialised batch, keeping the
 * order of both (rule O05). */
void lwf_batch_split_own(const struct lwf_module *module, struct lwf_batch *batch,
			 struct lwf_batch *own);

/** Answers every frame of a passing batch with @reason and sends it home: how to drop. */
void lwf_drop_sends(struct lwf_module *module, struct lwf_batch *batch, enum lwf_reason reason);
void lwf_drop_receives(struct lwf_module *module, struct lwf_batch *batch, enum lwf_reason reason);

/**
 * NdisFIndicateStatus: tells the modules above, the upper edge and the trace. @link is what goes with
 * LINK_STATE (lent; NULL: as it is). Not in Attaching (P13, C4), nor inside detach (C10).
 */
void lwf_indicate_status(struct lwf_module *module, enum lwf_indication what,
			 const struct lwf_link *link);

/* ---- completing what was answered PENDING ---- */

/**
 * NdisFPauseComplete. Exactly once for a pause that answers PENDING; it may come before that answer
 * is returned. The caller touches nothing of the module after it.
 */
void lwf_pause_complete(struct lwf_module *module);

/** NdisFRestartComplete, likewise; @status is SUCCESS, RESOURCES or FAILURE. */
void lwf_restart_complete(struct lwf_module *module, lwf_status status);

/* ---- what may change between pause and restart ---- */

/**
 * NDIS_FILTER_PARTIAL_CHARACTERISTICS: the functions that a module may choose anew before each
 * restart. NULL is pass-through: the stack goes past the module in that direction.
 */
struct lwf_handlers {
	void (*send)(struct lwf_module *module, struct lwf_batch *batch);
	void (*send_complete)(struct lwf_module *module, struct lwf_batch *batch);
	void (*receive)(struct lwf_module *module, struct lwf_batch *batch);
	void (*receive_return)(struct lwf_module *module, struct lwf_batch *batch);
	void (*cancel)(struct lwf_module *module, uint64_t cancel_id);
};

/**
 * NdisSetOptionalHandlers: these five from the coming restart until they are set again, or until
 * detach, when those of the filter hold again. Copies @handlers. SUCCESS; INVALID_STATE, and rule
 * S19 is broken, anywhere but inside set_module_options on its own thread; BAD_CHARACTERISTICS when
 * the filter's traits contradict them. Unless it answers SUCCESS nothing has changed.
 */
lwf_status lwf_set_optional_handlers(struct lwf_module *module,
				     const struct lwf_handlers *handlers);

/**
 * NdisFRestartFilter: has the stack paused, options set and the stack restarted, later, from the
 * loop; with the profile lenient this module alone (C7). SUCCESS: it will be, also when it was asked
 * for before; INVALID_STATE while the module is not Running.
 */
lwf_status lwf_restart_filter(struct lwf_module *module);

/* ---- timers of a module ---- */

/**
 * lwf_timer_init() for a timer whose function originates frames: the engine sees to it that a pause
 * is not complete while it is armed (rule P15). The timer must be finished in detach.
 */
int lwf_module_timer_init(struct lwf_module *module, struct lwf_timer *timer, void (*fn)(void *),
			  void *context);
void lwf_module_timer_fini(struct lwf_module *module, struct lwf_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
