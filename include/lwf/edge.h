/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edge.h - contract of a device end of a stack.
 *
 * NDIS counterpart: the upper edge is the protocol binding, the lower edge is the miniport adapter.
 * A TAP, a packet socket, a pcap file and the simulated device are peers behind this contract.
 *
 * Life cycle. A constructor of its own (lwf_tap_create() ...) makes an edge; lwf_stack_create() takes
 * it; the stack closes it through ops->close, which frees it. All calls are on the loop thread, and
 * any of them may be made from inside any other (a completion may come before transmit returns).
 *
 * Frames. A frame that the device gives is taken from the edge's own pool, stamped with the edge's
 * handle, and handed to lwf_edge_input(). It comes home through ops->reclaim exactly once, with its
 * answer in status and reason. A frame for the device comes in ops->transmit, and goes back through
 * lwf_edge_completed() exactly once, when the device is truly done with it. "Later" is the rule,
 * "at once" is allowed. Order is kept: while one frame is held, all later ones queue behind it.
 *
 * Bounds. An edge that queues says so with lwf_edge_set_room(edge, false) before its queue is full,
 * and the stack stops reading the other edge and the clients until room is true again.
 */
#ifndef LWF_EDGE_H
#define LWF_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>
#include <lwf/host.h>
#include <lwf/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_edge;
struct lwf_stack;
struct lwf_oid_request;

enum lwf_side { LWF_SIDE_UPPER, LWF_SIDE_LOWER };

/** What the stack wants done with frames that wait in the device. */
enum lwf_intake {
	LWF_INTAKE_HOLD,    /* leave them there, unread (a modify pause: the kernel queues) */
	LWF_INTAKE_DISCARD, /* read and drop them as not-running (link down: no stale burst after)
			     */
	LWF_INTAKE_READ,    /* read and hand to lwf_edge_input() */
};

/** What is known of the device. The edge fills it in; lwf_stack_set_link() announces changes. */
struct lwf_link {
	bool present;  /* false: deleted, or moved away */
	bool admin_up; /* false: disabled ("ip link set down") */
	bool carrier;
	uint32_t mtu_bytes;
	uint32_t ifindex;    /* 0 where the device is no network interface */
	uint32_t speed_mbps; /* 0: not known */
	uint8_t mac[6];
	uint8_t permanent_mac[6]; /* all zero: it has none */
};

/** Offloads a device takes whole; the other edge is told so that it asks for no more. */
struct lwf_edge_offloads {
	bool csum; /* finishes checksums */
	bool tso4, tso6, uso;
};

struct lwf_edge_ops {
	const char *kind; /* "tap", "nic", "pcap", "sim" */

	/** Takes @batch for the device; each frame comes back through lwf_edge_completed(). */
	void (*transmit)(struct lwf_edge *edge, struct lwf_batch *batch);

	/** Takes home @batch of frames that this edge gave to lwf_edge_input(). */
	void (*reclaim)(struct lwf_edge *edge, struct lwf_batch *batch);

	/** From now on deal so with frames that wait in the device. */
	void (*set_intake)(struct lwf_edge *edge, enum lwf_intake intake);

	/**
	 * The stack attaches (the device may be opened again) or detaches. Descriptors of a device
	 * that is only disabled stay open. Attach returns 0 or -errno. May be NULL.
	 */
	int (*attach)(struct lwf_edge *edge);
	void (*detach)(struct lwf_edge *edge);

	/**
	 * The device's state in @edge->link has changed, told by whoever watches it. Frames held
	 * that can no longer leave must be completed with their reason within 100 ms. May be NULL.
	 */
	void (*link_changed)(struct lwf_edge *edge);

	/** The other edge's link, to be mirrored (carrier, MTU, MAC). Upper edges only; may be
	 * NULL. */
	void (*mirror)(struct lwf_edge *edge, const struct lwf_link *link);

	/** Completes held frames with this cancel id (0: all that can be) as cancelled. May be
	 * NULL. */
	void (*cancel)(struct lwf_edge *edge, uint64_t cancel_id);

	/**
	 * MiniportOidRequest: an answer, or PENDING and lwf_edge_oid_completed() later, maybe before
	 * this returns. One at a time. Lower edges only; NULL: NOT_SUPPORTED.
	 */
	lwf_status (*oid)(struct lwf_edge *edge, struct lwf_oid_request *request);

	/** MiniportCancelOidRequest: complete @request as REQUEST_ABORTED if that can be. May be
	 * NULL. */
	void (*cancel_oid)(struct lwf_edge *edge, struct lwf_oid_request *request);

	/** Frames of @origin (0: of anybody) that the edge holds, and since when the oldest. May be
	 * NULL. */
	uint32_t (*holds)(struct lwf_edge *edge, lwf_handle origin, uint64_t *oldest_ns);

	/** Writes facts for `lwfctl show` as "key=value key=value" (what was probed). May be NULL.
	 */
	void (*describe)(struct lwf_edge *edge, char *text, size_t bytes);

	/** Gives the device back, undoes what was done to it, frees the edge. All frames are home.
	 */
	void (*close)(struct lwf_edge *edge);
};

/** What crossed the edge; written by the loop thread alone. */
struct lwf_edge_counters {
	uint64_t tx_units, tx_frames, tx_bytes; /* handed to the device with SUCCESS */
	uint64_t rx_units, rx_frames, rx_bytes; /* taken from the device */
	uint64_t drops[LWF_REASONS]; /* by reason: not taken by, or not taken from, the device */
	uint64_t errors;	     /* completions with FAILURE */
	uint32_t last_error;	     /* errno of the last of them */
};

/** An edge embeds this as its first member. Fields without a note are the stack's. */
struct lwf_edge {
	const struct lwf_edge_ops *ops; /* const, the edge's */
	struct lwf_host *host;		/* const, the edge's */
	char name[LWF_NAME_BYTES];	/* const, the edge's: "eth1"; the daemon renames it with the
					   device */
	struct lwf_link link; /* the edge's at first, then of whoever watches the device */
	struct lwf_edge_offloads offloads; /* the edge's; valid after attach */
	struct lwf_edge_counters
		counters; /* stack's, but drops of frames never handed over are the edge's */
	struct lwf_stack *stack;
	lwf_handle handle;
	enum lwf_side side;
	enum lwf_intake intake;
	bool room;
	uint32_t inputs_out; /* frames given to lwf_edge_input() and not yet home */
};

/** Hands frames that the device gave to the stack. Takes @batch. The path counts them. */
void lwf_edge_input(struct lwf_edge *edge, struct lwf_batch *batch);

/**
 * A lower edge that is short of frames lends @batch for the length of the call instead: see
 * lwf_lend_receive(). The frames are the edge's again when it returns; they are not reclaimed.
 */
void lwf_edge_lend(struct lwf_edge *edge, struct lwf_batch *batch);

/** Answers frames that came in transmit, each with status and reason set. Takes @batch. */
void lwf_edge_completed(struct lwf_edge *edge, struct lwf_batch *batch);

/** Says whether the edge can take more frames. */
void lwf_edge_set_room(struct lwf_edge *edge, bool room);

/** Counts @n frames that the device gave, or nearly gave, and that nobody was handed. */
void lwf_edge_drop(struct lwf_edge *edge, enum lwf_reason reason, uint32_t n);

#ifdef __cplusplus
}
#endif

#endif
