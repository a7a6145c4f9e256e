/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_wire.h - the records between lwfd and a decider, on the control socket.
 *
 * After SUBSCRIBE (lwf/control.h) two messages have bodies of records instead of JSON: TELL, from the
 * decider, and ASKED, from the daemon. A body is 1 to LWF_VERDICT_RECORDS_MAX records one behind the
 * other, each with its kind and its length in front, in the machine's byte order. A body is judged whole
 * before a record of it is used. Most programs want lwf/decide.h, lwf-verdict(3), instead of this page.
 *
 * It is the inverted call: the decider grants credits, each ask takes one, and without any the daemon
 * asks nobody but applies the overflow default. Neither side ever waits for the other.
 */
#ifndef LWF_VERDICT_WIRE_H
#define LWF_VERDICT_WIRE_H

#include <assert.h>
#include <stdint.h>

#include <lwf/flow.h>
#include <lwf/frame.h>
#include <lwf/parse.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_VERDICT_RECORDS_MAX 64u   /* in one message */
#define LWF_VERDICT_COPY_MAX	2048u /* bytes of a frame that an ask may carry */

/** X(symbol, number, from the daemon, name). Numbers are for ever. */
#define LWF_VERDICT_RECORD_LIST(X)                                      \
	X(ASK, 1, true, "ask")	       /* struct lwf_wire_ask */        \
	X(CANCEL, 2, true, "cancel")   /* struct lwf_wire_cancel */     \
	X(EVENT, 3, true, "event")     /* struct lwf_wire_flow_event */ \
	X(OWNER, 4, true, "owner")     /* struct lwf_wire_flow_owner */ \
	X(STALE, 5, true, "stale")     /* struct lwf_wire_stale */      \
	X(TELL, 16, false, "tell")     /* struct lwf_wire_tell */       \
	X(CREDIT, 17, false, "credit") /* struct lwf_wire_credit */     \
	X(UPDATE, 18, false, "update") /* struct lwf_wire_update */     \
	X(REVOKE, 19, false, "revoke") /* struct lwf_wire_revoke */

enum lwf_verdict_record {
#define X(sym, number, daemon, name) LWF_RECORD_##sym = (number),
	LWF_VERDICT_RECORD_LIST(X)
#undef X
};

/** In front of each record. */
struct lwf_wire_record {
	uint16_t kind; /* enum lwf_verdict_record */
	uint16_t
		bytes; /* of the whole record: that of its struct (ASK: and of its path, see there) */
	uint32_t zero;
};

/** The process at this end; the path of its program stands behind the ask. */
struct lwf_wire_process {
	uint64_t start_time;
	uint64_t cookie;
	uint32_t pid, uid, ppid;
	uint16_t holders;
	uint8_t how, why; /* enum lwf_owner_how, lwf_owner_why */
	char comm[LWF_OWNER_COMM_BYTES];
};

/**
 * May this pass? Behind it first the path of the program, exe_bytes of it (a multiple of 8, the last one
 * zero; 0: unknown), then data_bytes of the frame, and zeros up to a multiple of 8.
 */
struct lwf_wire_ask {
	struct lwf_wire_record head;
	uint64_t ask; /* what TELL answers; never used twice */
	uint64_t flow;
	uint64_t epoch;		/* of what is remembered */
	uint64_t left_ns;	/* until the fallback is done, from when it was put on its way */
	uint64_t frames, bytes; /* of the flow so far, both directions */
	struct lwf_flow_key key;
	struct lwf_wire_process process;
	uint32_t frame_bytes; /* of the frame that it is about */
	uint32_t rule;	      /* line of the rule that asks; 0: no file */
	uint32_t waiting;     /* frames that wait for it */
	uint16_t exe_bytes, data_bytes;
	uint8_t reason;	   /* enum lwf_ask_reason */
	uint8_t direction; /* of that frame: enum lwf_direction */
	uint8_t initiator; /* of the flow: enum lwf_endpoint */
	uint8_t local;	   /* enum lwf_endpoint: this machine's */
	uint8_t fallback;  /* enum lwf_verdict_action: what the deadline will do */
	uint8_t soft;	   /* 1: it is permitted already, unless this answer is deny or reject */
	uint8_t state;	   /* of the flow: enum lwf_flow_state */
	uint8_t flags;	   /* of the flow: LWF_FLOW_* */
	struct lwf_offload offload;
	uint8_t zero[6];
};

/** An ask that needs no answer any more. */
struct lwf_wire_cancel {
	struct lwf_wire_record head;
	uint64_t ask;
	uint8_t cause; /* enum lwf_verdict_cause */
	uint8_t zero[7];
};

/** A flow has ended of which this decider decided last. */
struct lwf_wire_flow_event {
	struct lwf_wire_record head;
	uint64_t flow;
	uint64_t frames, bytes;
	uint8_t end; /* enum lwf_flow_end */
	uint8_t zero[7];
};

/** Whose an ask that was sent as PENDING is; the path fills the record behind it. */
struct lwf_wire_flow_owner {
	struct lwf_wire_record head;
	uint64_t ask;
	struct lwf_wire_process process;
};

/** A TELL, UPDATE or REVOKE that changed nothing: it came too late, twice, or is none. */
struct lwf_wire_stale {
	struct lwf_wire_record head;
	uint64_t id;  /* ask, or flow */
	uint8_t what; /* enum lwf_verdict_record: TELL, UPDATE, REVOKE */
	uint8_t why;  /* enum lwf_tell_result */
	uint8_t zero[6];
};

/** The answer to an ask. */
struct lwf_wire_tell {
	struct lwf_wire_record head;
	uint64_t ask;
	uint64_t ttl_ns; /* scope FLOW_TTL: for how long; else 0 */
	uint8_t action;	 /* enum lwf_verdict_action */
	uint8_t scope;	 /* enum lwf_verdict_scope */
	uint8_t soft;	 /* 1, with PERMIT alone: those of lower priority are asked as well */
	uint8_t zero;
	uint32_t mark; /* kept with the flow */
};

/** So many asks more may be sent. */
struct lwf_wire_credit {
	struct lwf_wire_record head;
	uint32_t credits;
	uint32_t zero;
};

/** Decides a flow that is there anew. */
struct lwf_wire_update {
	struct lwf_wire_record head;
	uint64_t flow;
	uint64_t ttl_ns; /* 0: until it ends */
	uint8_t action;
	uint8_t zero[7];
};

/**
 * What was decided holds no more, for all flows of which every field that is not 0 is equal: they are
 * asked about again.
 */
struct lwf_wire_revoke {
	struct lwf_wire_record head;
	uint64_t flow;
	uint32_t pid;	  /* of its owner */
	uint16_t port;	  /* of either end */
	uint8_t protocol; /* as in the IP header */
	uint8_t mine;	  /* 1: only what this decider decided */
};

static_assert(sizeof(struct lwf_wire_record) == 8, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_process) == 48, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_ask) == 192, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_cancel) == 24, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_flow_event) == 40, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_flow_owner) == 64, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_stale) == 24, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_tell) == 32, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_credit) == 16, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_update) == 32, "verdict_wire.h: layout");
static_assert(sizeof(struct lwf_wire_revoke) == 24, "verdict_wire.h: layout");

#ifdef __cplusplus
}
#endif

#endif
