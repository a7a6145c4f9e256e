/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oid.h - OID requests: questions to, and settings of, an adapter, on their way down a stack.
 *
 * NDIS counterpart: NDIS_OID_REQUEST, FilterOidRequest and its relatives. A request comes from above
 * (lwf_stack_oid()), or from a module (lwf_next_oid()), and goes to the next module below that has
 * an oid function, and at last to the lower edge. Each of them is given one regular request at a
 * time; the next waits in a queue before it, at most LWF_OID_QUEUE_MAX (rule T07).
 *
 * A request is answered with a status at once, or with PENDING and a completion later, which may
 * come before PENDING is returned. Requests are accepted in Paused, Restarting, Running and
 * Pausing (P11), refused in Attaching (P13) and inside detach (C9).
 *
 * A module that hands a request on hands on a clone of it: lwf_oid_clone(), lwf_next_oid(), and
 * when the clone is complete lwf_oid_take_result(), lwf_oid_free_clone(), lwf_oid_complete().
 *
 * Ownership: memory of a request and its buffer are the asker's, and are lent from the call until
 * the completion (or an answer other than PENDING). Threads: the loop thread of the stack.
 */
#ifndef LWF_OID_H
#define LWF_OID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/filter.h>
#include <lwf/frame.h>
#include <lwf/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_module;
struct lwf_stack;
struct lwf_edge;
struct lwf_oid_hop;

#define LWF_OID_QUEUE_MAX   32u		   /* that wait before one module, or before the edge */
#define LWF_OID_LIMIT_NS    12000000000ull /* NDIS's own limit; what takes longer is reported */
#define LWF_OID_VALUE_BYTES 64u		   /* room for the longest value in the list */

/**
 * X(symbol, number, word for people, type of its value, may be set, what it is)
 * The printed name is OID_ and the symbol. Numbers and meanings are those of NDIS; that MTU and MAC can
 * be set through their OIDs is ours (there they are keywords of the driver's configuration).
 */
#define LWF_OID_LIST(X)                                                                           \
	X(GEN_MAXIMUM_FRAME_SIZE, 0x00010106u, "mtu", U32, true, "bytes of a frame, no header")   \
	X(GEN_LINK_SPEED, 0x00010107u, "link-speed", U32, false, "in units of 100 bit/s")         \
	X(GEN_CURRENT_PACKET_FILTER, 0x0001010Eu, "packet-filter", PACKET_FILTER, true,           \
	  "what is received: LWF_PACKET_TYPE_*")                                                  \
	X(GEN_MAXIMUM_TOTAL_SIZE, 0x00010111u, "total-size", U32, false, "bytes with the header") \
	X(GEN_MEDIA_CONNECT_STATUS, 0x00010114u, "media", MEDIA, false,                           \
	  "0: connected, 1: disconnected")                                                        \
	X(GEN_LINK_STATE, 0x00010207u, "link-state", LINK_STATE, false, "struct lwf_oid_link")    \
	X(GEN_XMIT_OK, 0x00020101u, "xmit-ok", U64, false, "frames sent")                         \
	X(GEN_RCV_OK, 0x00020102u, "rcv-ok", U64, false, "frames received")                       \
	X(GEN_STATISTICS, 0x00020106u, "statistics", STATISTICS, false,                           \
	  "struct lwf_oid_statistics")                                                            \
	X(802_3_PERMANENT_ADDRESS, 0x01010101u, "permanent-mac", MAC, false,                      \
	  "as the device was made")                                                               \
	X(802_3_CURRENT_ADDRESS, 0x01010102u, "mac", MAC, true, "as it has it now")

enum lwf_oid {
#define X(sym, number, word, type, settable, text) LWF_OID_##sym = (int)(number),
	LWF_OID_LIST(X)
#undef X
};

/** X(symbol, bytes): how a value looks in the buffer, in the machine's byte order */
#define LWF_OID_VALUE_LIST(X) \
	X(U32, 4)             \
	X(U64, 8)             \
	X(MAC, 6)             \
	X(MEDIA, 4)           \
	X(PACKET_FILTER, 4)   \
	X(LINK_STATE, 24)     \
	X(STATISTICS, 48)

enum lwf_oid_value {
#define X(sym, bytes) LWF_OID_VALUE_##sym,
	LWF_OID_VALUE_LIST(X)
#undef X
};

/** X(symbol, bit, printed name): NDIS_PACKET_TYPE_* */
#define LWF_PACKET_TYPE_LIST(X)                 \
	X(DIRECTED, 0x1u, "directed")           \
	X(MULTICAST, 0x2u, "multicast")         \
	X(ALL_MULTICAST, 0x4u, "all-multicast") \
	X(BROADCAST, 0x8u, "broadcast")         \
	X(PROMISCUOUS, 0x20u, "promiscuous")

enum lwf_packet_type {
#define X(sym, bit, name) LWF_PACKET_TYPE_##sym = (int)(bit),
	LWF_PACKET_TYPE_LIST(X)
#undef X
		LWF_PACKET_TYPES = 0x2f, /* all of them */
};

/** Value of GEN_LINK_STATE: NDIS_LINK_STATE without its header. */
struct lwf_oid_link {
	uint32_t connect_state; /* NET_IF_MEDIA_CONNECT_STATE: 1 connected, 2 disconnected */
	uint32_t duplex_state;	/* 0: unknown */
	uint64_t xmit_bps;	/* all bits set: unknown */
	uint64_t receive_bps;
};

/** Value of GEN_STATISTICS: of NDIS_STATISTICS_INFO, what an edge knows. */
struct lwf_oid_statistics {
	uint64_t in_frames, in_octets;	 /* taken from the device */
	uint64_t out_frames, out_octets; /* that the device took */
	uint64_t discards;		 /* of both directions; NDIS has one number for each */
	uint64_t out_errors;
};

struct lwf_oid_info {
	uint32_t number;
	const char *name; /* "OID_GEN_MAXIMUM_FRAME_SIZE" */
	const char *word; /* "mtu" */
	enum lwf_oid_value value;
	uint32_t bytes;
	bool settable;
	const char *text;
};

/** OID by index from 0, or NULL behind the last. */
const struct lwf_oid_info *lwf_oid_at(uint32_t index);

/** By number, or NULL. */
const struct lwf_oid_info *lwf_oid_info(uint32_t number);

/** By NDIS name with or without OID_, or by word; in any case. NULL when there is none. */
const struct lwf_oid_info *lwf_oid_find(const char *name);

/** NDIS name, or "OID" for a number that is not in the list. */
const char *lwf_oid_name(uint32_t number);

/** Prints a value: "1500", "02:00:00:00:00:01", "directed,broadcast". */
void lwf_oid_print(const struct lwf_oid_info *info, const void *value, char *text, size_t bytes);

/**
 * Reads one that may be set, as it is printed, into @value (LWF_OID_VALUE_BYTES). 0; -EINVAL when it
 * is none; -EPERM when this OID cannot be set.
 */
int lwf_oid_parse(const struct lwf_oid_info *info, const char *text, void *value);

enum lwf_oid_kind { LWF_OID_QUERY, LWF_OID_SET };

/** NDIS_OID_REQUEST. All zero but for what the asker fills in. */
struct lwf_oid_request {
	/* the asker's */
	enum lwf_oid_kind kind;
	uint32_t oid;
	void *buffer; /* lent; query: filled, set: read */
	uint32_t buffer_bytes;
	/* cancels it; unique among what the asker has out, below 1 << 63; 0: the engine gives one */
	uint64_t request_id;
	uint64_t timeout_ns; /* then it is cancelled; 0: never */
	void *context;
	/** Requests from above: it was PENDING and is complete now. */
	void (*completed)(struct lwf_oid_request *request);

	/* the answer */
	lwf_status status;
	uint32_t bytes_done;   /* BytesWritten of a query, BytesRead of a set */
	uint32_t bytes_needed; /* of the buffer, when it was too short */

	/* the engine's, while it has the request */
	struct lwf_module *from;	    /* who asked; NULL: from above */
	struct lwf_oid_hop *hop;	    /* who has it, or before whom it waits; NULL: nobody */
	struct lwf_oid_request *next;	    /* in the queue of the hop */
	struct lwf_oid_request *later;	    /* list of all of the stack */
	struct lwf_oid_request *clones;	    /* of this one */
	struct lwf_oid_request *next_clone; /* of the same parent */
	struct lwf_oid_request *parent;	    /* of a clone, until that is complete */
	uint64_t since_ns;		    /* when it was asked */
	uint64_t number;		    /* the trace's, for this asking; never used twice */
	bool given, cancelled, reported;
};

/* ---- for modules ---- */

/**
 * NdisFOidRequest: asks the next below, by an own request or a clone. Returns its answer; after
 * PENDING ops.oid_complete is called. RESOURCES when LWF_OID_QUEUE_MAX wait already;
 * INVALID_STATE where it may not be asked (P13; C9; after the pre-detach event).
 */
lwf_status lwf_next_oid(struct lwf_module *module, struct lwf_oid_request *request);

/**
 * NdisFOidRequestComplete: the answer to a request that this module's oid function answered (or
 * will answer) with PENDING. Exactly once, and after its clones are freed (T07).
 */
void lwf_oid_complete(struct lwf_module *module, struct lwf_oid_request *request,
		      lwf_status status);

/** NdisFCancelOidRequest: cancels what this module has out below under @request_id. */
void lwf_next_cancel_oid(struct lwf_module *module, uint64_t request_id);

/**
 * NdisAllocateCloneOidRequest: a request like @request, with its buffer and its id, that the module
 * may hand on. NULL without memory. To be freed by the module before @request is completed.
 */
struct lwf_oid_request *lwf_oid_clone(struct lwf_module *module, struct lwf_oid_request *request);

/** NdisFreeCloneOidRequest. The clone must be complete. */
void lwf_oid_free_clone(struct lwf_module *module, struct lwf_oid_request *clone);

/** Copies the byte counts of @clone to @request. */
void lwf_oid_take_result(struct lwf_oid_request *request, const struct lwf_oid_request *clone);

/* ---- for embedders: the protocols above ---- */

/**
 * Asks the stack from its top. Returns the answer; after PENDING, request->completed is called.
 * ADAPTER_REMOVED without a device, ADAPTER_NOT_READY while the stack is not attached (or on its way
 * there), RESOURCES when too many wait.
 */
lwf_status lwf_stack_oid(struct lwf_stack *stack, struct lwf_oid_request *request);

/** Cancels a request from above; it is completed as REQUEST_ABORTED where that still can be. */
void lwf_stack_cancel_oid(struct lwf_stack *stack, uint64_t request_id);

/* ---- for edges ---- */

/** NdisMOidRequestComplete: the answer to what ops.oid answered with PENDING. */
void lwf_edge_oid_completed(struct lwf_edge *edge, struct lwf_oid_request *request,
			    lwf_status status);

/** NdisMIndicateStatusEx: tells all modules and the trace. Links go by lwf_stack_set_link(). */
void lwf_edge_indicate_status(struct lwf_edge *edge, enum lwf_indication what);

/**
 * Answers a query by what is known of @edge: its link and its counters. The packet filter is the
 * edge's own. NOT_SUPPORTED for others, BUFFER_TOO_SHORT with bytes_needed for a short buffer.
 */
lwf_status lwf_edge_oid_query(const struct lwf_edge *edge, uint32_t packet_filter,
			      struct lwf_oid_request *request);

/**
 * Checks a set: INVALID_LENGTH for another size than that of the value, NOT_SUPPORTED for what
 * cannot be set, INVALID_DATA for a value that cannot be; else SUCCESS, with bytes_done set.
 */
lwf_status lwf_oid_check_set(struct lwf_oid_request *request);

/** Puts @value (@bytes) into the buffer of a query, or says how much room it needs. */
lwf_status lwf_oid_reply(struct lwf_oid_request *request, const void *value, uint32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
