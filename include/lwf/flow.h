/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.h - conversations: a table of them, contexts that callouts attach, and whose each is.
 *
 * NDIS has no flows; these are WFP's (FwpsFlowAssociateContext and its kin), made for frames. A
 * table follows every conversation that it is shown frames of. All memory is taken when the table is
 * made; nothing is allocated later, and when it is full the least worth is ended. A flow is named by
 * a handle that is never used twice; no pointer into the table is ever given out.
 *
 * A callout may attach one context, a number of its own, to a flow at a layer. The table owns it from
 * the OK of lwf_flow_associate() until it calls the callout's flow_delete, which happens exactly once,
 * whatever ends first: the context, the flow, the callout or the table. Callouts keep no lists.
 *
 * Callbacks run without any lock and may call everything here but lwf_flow_table_destroy().
 *
 * The owner of a flow is asked of the host (lwf_host_ask_owner() in lwf/host.h): the engine itself
 * makes no system call, and never waits for the answer. How an owner is known is said beside it;
 * one that is not known has a reason.
 *
 * Threads: everything here is for the loop thread.
 */
#ifndef LWF_FLOW_H
#define LWF_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>
#include <lwf/parse.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_host;

/* ---- the process at this end ---- */

#define LWF_OWNER_COMM_BYTES 16u  /* as the kernel has it, with its end */
#define LWF_OWNER_EXE_BYTES  256u /* a longer path is cut at its end */
#define LWF_OWNER_ALSO_MAX   4u	  /* other holders that are named */
#define LWF_OWNER_NO_UID     UINT32_MAX

/** X(symbol, name, sentence): how sure an owner is */
#define LWF_OWNER_HOW_LIST(X)                                                             \
	X(UNKNOWN, "unknown", "nobody could be named; why says the reason")               \
	X(PENDING, "pending", "the socket is known, its process is being looked for")     \
	X(EXACT, "exact", "the only holder of the socket with these two ends")            \
	X(LISTENER, "listener", "who listens on that port; the connection has no holder") \
	X(INHERITED, "inherited", "the creator of a socket that its children hold too")   \
	X(AMBIGUOUS, "ambiguous", "several hold the socket; the oldest of its user")

enum lwf_owner_how {
#define X(sym, name, text) LWF_OWNER_##sym,
	LWF_OWNER_HOW_LIST(X)
#undef X
};

/** X(symbol, name, sentence): why an owner is not known */
#define LWF_OWNER_WHY_LIST(X)                                                          \
	X(NONE, "none", "it is known")                                                 \
	X(NOT_ASKED, "not-asked", "nobody has asked yet")                              \
	X(NO_RESOLVER, "no-resolver", "the host has nobody who could tell")            \
	X(NO_SOCKET, "no-socket", "there is no such socket, or it is closed already")  \
	X(NO_INODE, "no-inode", "the socket is in nobody's hands: not yet or no more") \
	X(NO_HOLDER, "no-holder", "no process was found that holds the socket")        \
	X(NO_PERMISSION, "no-permission", "its holders cannot be looked at")           \
	X(OTHER_NETNS, "other-netns", "the socket is in another network namespace")    \
	X(KERNEL, "kernel", "the socket is the kernel's own")                          \
	X(RAW, "raw", "frames of raw sockets have no owner that could be found")       \
	X(NOT_LOCAL, "not-local", "no end of the flow is on this machine")             \
	X(OVERLOAD, "overload", "too many questions at once")                          \
	X(RESOLVER_GONE, "resolver-gone", "the resolver process has ended")            \
	X(RESOLVER_SLOW, "resolver-slow", "the resolver process did not answer in time")

enum lwf_owner_why {
#define X(sym, name, text) LWF_OWNER_WHY_##sym,
	LWF_OWNER_WHY_LIST(X)
#undef X
		LWF_OWNER_WHY_COUNT
};

/** A process by what stays its own: a pid alone may be another's a moment later. */
struct lwf_owner {
	uint32_t pid;	     /* 0: unknown */
	uint32_t uid;	     /* of the socket; LWF_OWNER_NO_UID: unknown */
	uint64_t start_time; /* ticks since boot, as field 22 of /proc/PID/stat; 0: unknown */
	uint64_t cookie;     /* the kernel's number of the socket, or 0 */
	uint16_t holders;    /* processes that hold the socket; 0: unknown */
	uint8_t how;	     /* enum lwf_owner_how */
	uint8_t why;	     /* enum lwf_owner_why: with UNKNOWN, else NONE */
	uint32_t ppid;	     /* its parent when it was looked at; 0: unknown */
	uint32_t also[LWF_OWNER_ALSO_MAX]; /* pids of other holders, the oldest first; then 0 */
	char comm[LWF_OWNER_COMM_BYTES];
	char exe[LWF_OWNER_EXE_BYTES]; /* "" when unknown */
};

/**
 * Who holds the socket of this flow? The host copies it. @answer comes on the loop thread, never
 * inside the asking, at most once unless the first was PENDING: then a second follows.
 */
struct lwf_owner_question {
	struct lwf_flow_key key;
	enum lwf_endpoint local; /* the endpoint on this machine's side */
	uint64_t flow;		 /* the asker's own number for it: comes back with the answer */
	void (*answer)(void *context, uint64_t flow, const struct lwf_owner *owner);
	void *context; /* the asker: see lwf_host_forget_owners() */
};

/** Printed name and sentence; "?" for what is not in the list. */
const char *lwf_owner_how_name(enum lwf_owner_how how);
const char *lwf_owner_why_name(enum lwf_owner_why why);
const char *lwf_owner_why_text(enum lwf_owner_why why);

/* ---- results ---- */

/** X(symbol, value, name): 0 is the only success; DEFERRED is neither, and must be looked at */
#define LWF_FLOW_RESULT_LIST(X)                                                        \
	X(OK, 0, "ok")                                                                 \
	X(DEFERRED, 1, "deferred")    /* it will happen, after what runs at present */ \
	X(EXISTS, -1, "exists")	      /* and stays; nothing was taken over */          \
	X(NOT_FOUND, -2, "not-found") /* nothing was there, nothing was changed */     \
	X(FLOW_GONE, -3, "flow-gone") /* the handle is of a flow that has ended */     \
	X(CLOSING, -4, "closing")     /* the callout is being unregistered */          \
	X(INVALID, -5, "invalid")     /* a wrong use */                                \
	X(NOMEM, -6, "nomem")	      /* no room in the table */                       \
	X(BUSY, -7, "busy")	      /* closed() will tell when it is done */

enum lwf_flow_result {
#define X(sym, value, name) LWF_FLOW_##sym = (value),
	LWF_FLOW_RESULT_LIST(X)
#undef X
};

#define LWF_FLOW_MUST_CHECK __attribute__((warn_unused_result))

/* ---- what is said of a flow ---- */

/** X(symbol, name): as far as frames tell */
#define LWF_FLOW_STATE_LIST(X)                                       \
	X(ONE_WAY, "one-way")	  /* not TCP; one side has spoken */ \
	X(BOTH_WAYS, "both-ways") /* not TCP; both have */           \
	X(SYN_SENT, "syn-sent")                                      \
	X(SYN_RECEIVED, "syn-received")                              \
	X(ESTABLISHED, "established")                                \
	X(HALF_CLOSED, "half-closed") /* one side has ended */       \
	X(FINISHED, "finished")	      /* both have */                \
	X(RESET, "reset")

enum lwf_flow_state {
#define X(sym, name) LWF_FLOW_STATE_##sym,
	LWF_FLOW_STATE_LIST(X)
#undef X
};

/** X(symbol, name): why a flow, or a context, has ended */
#define LWF_FLOW_END_LIST(X)                                                             \
	X(NONE, "none")                                                                  \
	X(REMOVED, "removed")	  /* the context alone: lwf_flow_remove() and its kin */ \
	X(TIMEOUT, "timeout")	  /* silent for the time of its class */                 \
	X(EMERGENCY, "emergency") /* silent for the shorter time of a full table */      \
	X(EVICTED, "evicted")	  /* made room for a new one */                          \
	X(REUSED, "reused")	  /* its ends began a new conversation */                \
	X(ABORTED, "aborted")	  /* lwf_flow_abort() */                                 \
	X(CALLOUT, "callout")	  /* the context alone: its callout was unregistered */  \
	X(EXIT, "exit")		  /* the table was destroyed */

enum lwf_flow_end {
#define X(sym, name) LWF_FLOW_END_##sym,
	LWF_FLOW_END_LIST(X)
#undef X
		LWF_FLOW_ENDS
};

/** X(symbol, name): what a frame was to the table */
#define LWF_FLOW_SEEN_LIST(X)                                                               \
	X(NOTHING, "nothing") /* no flow: not IP, or an error about nothing known */        \
	X(MALFORMED, "malformed")                                                           \
	X(NEW, "new")		  /* the first of a flow */                                 \
	X(MIDSTREAM, "midstream") /* the first that is seen, of a TCP flow that is older */ \
	X(KNOWN, "known")                                                                   \
	X(REAUTH, "reauth")	  /* the first since lwf_flow_bump_epoch() */               \
	X(RELATED, "related")	  /* an ICMP error about the flow */                        \
	X(STRAY, "stray")	  /* a fragment whose first was not seen */                 \
	X(UNTRACKED, "untracked") /* the table is full, and nothing in it is worth less */

enum lwf_flow_seen {
#define X(sym, name) LWF_FLOW_SEEN_##sym,
	LWF_FLOW_SEEN_LIST(X)
#undef X
};

#define LWF_FLOW_MIDSTREAM 0x1u /* flags: picked up in its middle */
#define LWF_FLOW_GROUP	   0x2u /* flags: to a multicast or broadcast address */

/** A copy of what the table knows of a flow. */
struct lwf_flow_info {
	uint64_t flow;
	struct lwf_flow_key key;
	uint8_t state;		   /* enum lwf_flow_state */
	uint8_t flags;		   /* LWF_FLOW_* */
	uint8_t initiator;	   /* enum lwf_endpoint: who spoke first, as far as was seen */
	uint8_t local;		   /* enum lwf_endpoint: the one on the side of this host's TAP */
	uint8_t verdict;	   /* enum lwf_flow_action: NONE until somebody has decided */
	uint64_t born_ns, seen_ns; /* host clock */
	uint64_t frames[2], bytes[2]; /* [enum lwf_direction], on the wire */
	uint64_t related;	      /* ICMP errors about it */
	struct lwf_owner owner;
};

/* ---- the table ---- */

#define LWF_FLOWS_DEFAULT 65536u
#define LWF_FLOWS_MIN	  16u
#define LWF_FLOWS_MAX	  (1u << 20)
#define LWF_CALLOUTS_MAX  16u
#define LWF_FLOW_PROGRAMS 4096u /* different programs whose paths are remembered at once */

struct lwf_flow_table;

struct lwf_flow_config {
	uint32_t flows;	   /* room; 0: LWF_FLOWS_DEFAULT */
	uint32_t contexts; /* room; 0: as many as flows */
	uint32_t adapter;  /* goes into the keys */
	bool owners;	   /* ask the host whose a TCP or UDP flow is */
};

/** X(name): what a table counts; all only grow but flows and contexts */
#define LWF_FLOW_STAT_LIST(X)                                                        \
	X(flows)      /* at present */                                               \
	X(contexts)   /* at present */                                               \
	X(created)    /* flows in all */                                             \
	X(associates) /* contexts in all; = deletes + contexts, always */            \
	X(deletes)                                                                   \
	X(untracked) /* frames of flows that found no room */                        \
	X(malformed)                                                                 \
	X(strays)                                                                    \
	X(related)                                                                   \
	X(bad_resets)	      /* RST outside of the window: counted, not believed */ \
	X(classify_no_action) /* a callout returned without an action: CONTINUE */   \
	X(emergencies)	      /* how often the table got nine tenths full */

struct lwf_flow_stats {
#define X(name) uint64_t name;
	LWF_FLOW_STAT_LIST(X)
#undef X
	uint64_t ended[LWF_FLOW_ENDS]; /* by enum lwf_flow_end */
	bool emergency;		       /* at present; ends at seven tenths */
};

/** Takes all memory. NULL when the host has none, or @config asks for less or more than there may be. */
struct lwf_flow_table *lwf_flow_table_create(struct lwf_host *host,
					     const struct lwf_flow_config *config);

/** Ends all flows, closes all callouts, and frees. Not from a callback. Accepts NULL. */
void lwf_flow_table_destroy(struct lwf_flow_table *table);

void lwf_flow_stats(const struct lwf_flow_table *table, struct lwf_flow_stats *stats);

/** What lwf_flow_observe() says of one frame. */
struct lwf_flow_sight {
	uint64_t flow; /* 0: none */
	uint8_t seen;  /* enum lwf_flow_seen */
	struct lwf_parsed parsed;
};

/**
 * Shows the table a frame that passes in @direction at @now_ns: finds its flow or makes it, follows TCP,
 * counts. A frame that was shown already, by another module of the stack, is found but not counted
 * again. Never allocates; may end another flow to make room.
 */
enum lwf_flow_seen lwf_flow_observe(struct lwf_flow_table *table, struct lwf_frame *frame,
				    enum lwf_direction direction, uint64_t now_ns,
				    struct lwf_flow_sight *sight);

/** The same for headers that were parsed already; counts @frames and @bytes. */
enum lwf_flow_seen lwf_flow_track(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
				  enum lwf_direction direction, uint64_t now_ns, uint32_t frames,
				  uint64_t bytes, uint64_t *flow);

/** The flow of a key, or 0. Changes nothing. */
uint64_t lwf_flow_find(const struct lwf_flow_table *table, const struct lwf_flow_key *key);

/** Copies what is known of @flow: OK, or NOT_FOUND. */
enum lwf_flow_result lwf_flow_info(const struct lwf_flow_table *table, uint64_t flow,
				   struct lwf_flow_info *info) LWF_FLOW_MUST_CHECK;

#define LWF_FLOW_WALKED UINT32_MAX

/**
 * Walks the table: the first flow at or behind @cursor (0 at first), which moves behind it. Looks at no
 * more than @places of the table; 0 when there is none in them. At the end of the table the cursor is
 * LWF_FLOW_WALKED. Flows that come or go meanwhile may be missed or met; none is met twice.
 */
uint64_t lwf_flow_next(const struct lwf_flow_table *table, uint32_t *cursor, uint32_t places);

/** FwpsFlowAbort0: ends a flow. OK or NOT_FOUND. Its contexts are deleted, now or when their
 * classify ends. */
enum lwf_flow_result lwf_flow_abort(struct lwf_flow_table *table,
				    uint64_t flow) LWF_FLOW_MUST_CHECK;

/** A pinned flow is not evicted and does not time out: somebody keeps frames of it. Counted.
 * OK, NOT_FOUND, or INVALID for an unpin too much. */
enum lwf_flow_result lwf_flow_pin(struct lwf_flow_table *table, uint64_t flow) LWF_FLOW_MUST_CHECK;
enum lwf_flow_result lwf_flow_unpin(struct lwf_flow_table *table, uint64_t flow);

/** The policy has changed: the next frame of each flow is REAUTH, once. */
void lwf_flow_bump_epoch(struct lwf_flow_table *table);

/* ---- callouts and their contexts ---- */

enum lwf_flow_layer {
	LWF_LAYER_AUTH,	  /* the first frame of a flow, and the first after a change of policy */
	LWF_LAYER_PACKET, /* every frame of a flow */
	LWF_LAYERS
};

/** X(symbol, name): what a classify says; a lower one is overruled by a higher one */
#define LWF_FLOW_ACTION_LIST(X) \
	X(NONE, "none")         \
	X(CONTINUE, "continue") \
	X(PERMIT, "permit")     \
	X(BLOCK, "block")

enum lwf_flow_action {
#define X(sym, name) LWF_ACTION_##sym,
	LWF_FLOW_ACTION_LIST(X)
#undef X
};

/** What a classify may know; each has a bit in present. */
enum lwf_flow_field { LWF_FIELD_FRAME, LWF_FIELD_PARSED, LWF_FIELD_DIRECTION, LWF_FIELD_SEEN };

/** What is classified. Optional data are read with lwf_classify_get(), which knows the bits. */
struct lwf_classify {
	struct lwf_flow_table *table;
	uint64_t flow;
	uint8_t layer;	   /* enum lwf_flow_layer */
	uint8_t direction; /* enum lwf_direction */
	uint8_t seen;	   /* enum lwf_flow_seen */
	uint32_t present;  /* 1u << enum lwf_flow_field */
	const struct lwf_frame *frame;
	const struct lwf_parsed *parsed;
};

#define LWF_CALLOUT_CONDITIONAL_ON_FLOW 0x1u /* classify only flows that have a context here */

struct lwf_callout_ops {
	const char *name;
	uint32_t layers; /* 1u << enum lwf_flow_layer */
	uint32_t flags;	 /* LWF_CALLOUT_* */
	uint32_t weight; /* the heavier is asked first; equal ones in order of registration */
	/** classifyFn. @context is 0 when there is none. @action is NONE at first. NULL: never asked. */
	void (*classify)(void *user, const struct lwf_classify *in, uint64_t context,
			 enum lwf_flow_action *action);
	/** flowDeleteFn: the only place where what the context stands for is freed. */
	void (*flow_delete)(void *user, enum lwf_flow_layer layer, uint64_t flow, uint64_t context,
			    enum lwf_flow_end why);
	/** A flow has ended, before its contexts are deleted. May be NULL. */
	void (*ended)(void *user, const struct lwf_flow_info *info, enum lwf_flow_end why);
	/** Whose a flow is has come, later than the flow; also when nobody could be named. May be NULL. */
	void (*owned)(void *user, uint64_t flow);
	/** Unregistered: the last call that this callout gets. May be NULL. */
	void (*closed)(void *user);
};

/** FwpsCalloutRegister. Keeps @ops and @user until closed(). OK, INVALID or NOMEM. */
enum lwf_flow_result lwf_callout_register(struct lwf_flow_table *table,
					  const struct lwf_callout_ops *ops, void *user,
					  uint64_t *callout) LWF_FLOW_MUST_CHECK;

/**
 * FwpsCalloutUnregisterById. From now on nothing can be associated (CLOSING); its contexts are deleted;
 * when none is left and no classify of it runs, closed() is called, once. OK: that has happened
 * inside the call. BUSY: it will happen; the same answer until then. NOT_FOUND after.
 */
enum lwf_flow_result lwf_callout_unregister(struct lwf_flow_table *table,
					    uint64_t callout) LWF_FLOW_MUST_CHECK;

/**
 * FwpsFlowAssociateContext0. Attaches @context, not 0, to @flow. OK takes it over; *@handle (may be NULL)
 * names it. EXISTS: there is one, whose handle is in *@handle. FLOW_GONE, CLOSING, NOMEM, or INVALID
 * (context 0, no flow_delete, not a layer of the callout). Unless OK the caller keeps it.
 */
enum lwf_flow_result lwf_flow_associate(struct lwf_flow_table *table, uint64_t flow,
					enum lwf_flow_layer layer, uint64_t callout,
					uint64_t context, uint64_t *handle) LWF_FLOW_MUST_CHECK;

/**
 * FwpsFlowRemoveContext0. OK: flow_delete has run inside the call. DEFERRED: it runs when the classify
 * that uses the context ends (or the callbacks that are nested too deep). NOT_FOUND otherwise.
 */
enum lwf_flow_result lwf_flow_remove(struct lwf_flow_table *table, uint64_t flow,
				     enum lwf_flow_layer layer,
				     uint64_t callout) LWF_FLOW_MUST_CHECK;

/** The same by the handle that lwf_flow_associate() gave. */
enum lwf_flow_result lwf_flow_remove_context(struct lwf_flow_table *table,
					     uint64_t handle) LWF_FLOW_MUST_CHECK;

/** Removes every context of @callout: OK, DEFERRED when some are in use, or NOT_FOUND. */
enum lwf_flow_result lwf_flow_remove_all(struct lwf_flow_table *table,
					 uint64_t callout) LWF_FLOW_MUST_CHECK;

/** The context, or 0. */
uint64_t lwf_flow_context(const struct lwf_flow_table *table, uint64_t flow,
			  enum lwf_flow_layer layer, uint64_t callout);

/**
 * Asks the callouts of @in->layer, the heaviest first. BLOCK is final; else PERMIT if one said so; else
 * CONTINUE. The flow may be gone when it returns.
 */
enum lwf_flow_action lwf_flow_classify(const struct lwf_classify *in);

/** Reads an optional datum into *@value (a pointer or a number). NOT_FOUND, and *@value 0, when it
 * is not there. */
enum lwf_flow_result lwf_classify_get(const struct lwf_classify *in, enum lwf_flow_field field,
				      uint64_t *value) LWF_FLOW_MUST_CHECK;

/** Remembers what was decided of a flow, for lwf_flow_info(): OK or NOT_FOUND. */
enum lwf_flow_result lwf_flow_set_verdict(struct lwf_flow_table *table, uint64_t flow,
					  enum lwf_flow_action action);

/* ---- the table of a stack ---- */

struct lwf_module;

/**
 * The table that the modules of a stack share, made for the first who asks, with room for @flows (0: the
 * default); @flows of later ones is not looked at. Its adapter is the index of the lower interface. For
 * attach; NULL when the host has no memory.
 */
struct lwf_flow_table *lwf_module_open_flows(struct lwf_module *module, uint32_t flows);

/** For detach: the last one destroys it, with all flows. Callouts of @module must be closed. */
void lwf_module_close_flows(struct lwf_module *module);

/** LWF_CONTROL_FLOWS: a filter that has flows tells some of them. */
struct lwf_flow_page {
	uint32_t cursor; /* see lwf_flow_next() */
	uint32_t flows;	 /* tell at most so many */
	uint32_t places; /* look at no more than so many places of the table */
	uint64_t now_ns; /* out: the host's clock, to which ages are taken */
	void (*flow)(struct lwf_flow_page *page, const struct lwf_flow_info *info);
};

/* ---- for tests: results on command ---- */

enum lwf_flow_site {
	LWF_SITE_TRACK,	     /* NOMEM */
	LWF_SITE_REGISTER,   /* NOMEM */
	LWF_SITE_UNREGISTER, /* BUSY, NOT_FOUND */
	LWF_SITE_ASSOCIATE,  /* EXISTS (handle 0), FLOW_GONE, CLOSING, NOMEM */
	LWF_SITE_REMOVE,     /* DEFERRED, NOT_FOUND */
	LWF_SITE_ABORT,	     /* NOT_FOUND */
	LWF_SITES
};

/**
 * Asks @fault at each site what to answer: OK lets the call do its work. What a refused call would have
 * changed stays; DEFERRED and BUSY are kept as promised, a turn of the loop later. NULL ends it.
 */
void lwf_flow_set_fault(struct lwf_flow_table *table,
			enum lwf_flow_result (*fault)(void *context, enum lwf_flow_site site),
			void *context);

/* ---- names; "?" for what is not in a list ---- */

const char *lwf_flow_result_name(enum lwf_flow_result result);
const char *lwf_flow_state_name(enum lwf_flow_state state);
const char *lwf_flow_end_name(enum lwf_flow_end why);
const char *lwf_flow_seen_name(enum lwf_flow_seen seen);
const char *lwf_flow_action_name(enum lwf_flow_action action);

#ifdef __cplusplus
}
#endif

#endif
