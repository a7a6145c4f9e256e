/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - frames, batches and the pools that frames are born in.
 *
 * NDIS counterpart: a frame is a NET_BUFFER_LIST that holds one NET_BUFFER; a batch is a chain of
 * NET_BUFFER_LISTs; a pool is a NET_BUFFER_LIST pool; origin is SourceHandle.
 *
 * Ownership. Whoever is handed a frame owns it until he hands it on. A frame is born in a pool and
 * goes home to its origin exactly once, through completion (sends) or return (receives). To drop a
 * frame is to complete or return it with a status and a reason; nobody but the origin frees it.
 *
 * A frame is one Ethernet frame with its VLAN tags in place, or one super-frame (offload.gso_type
 * other than 0) that stands for several. Its checksum may be left to the device to finish
 * (LWF_OFFLOAD_NEEDS_CSUM), as the host's protocol stack hands it over.
 *
 * Threads: frames, batches and pools belong to the loop thread of their stack.
 */
#ifndef LWF_FRAME_H
#define LWF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/reasons.h>
#include <lwf/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_ETHER_HEADER_BYTES 14u
#define LWF_VLAN_TAG_BYTES     4u
#define LWF_FRAME_MAX_BYTES    65550u /* the longest super-frame: 64 KiB of packet and a header */
#define LWF_FRAME_HEADROOM_BYTES \
	64u /* free bytes before data in a new frame: a device header and tags */
#define LWF_BATCH_MAX_FRAMES 64u /* what one turn of the loop takes from one source */

/** Who made a frame: a module in one life, or an edge. 0 is nobody. Equal handles are the same
 * life. */
typedef uint64_t lwf_handle;

enum lwf_direction { LWF_DIRECTION_SEND, LWF_DIRECTION_RECEIVE };

#define LWF_OFFLOAD_NEEDS_CSUM 1u /* flags: sum from csum_start on is still to be finished */
#define LWF_OFFLOAD_DATA_VALID 2u /* flags: the sender's side vouches for the checksums */
#define LWF_GSO_NONE	       0u
#define LWF_GSO_TCP4	       1u
#define LWF_GSO_UDP	       3u
#define LWF_GSO_TCP6	       4u
#define LWF_GSO_UDP_L4	       5u
#define LWF_GSO_ECN	       0x80u /* or-ed to a TCP type */

/** Offload state in the layout of the kernel's virtio_net_hdr, in the machine's byte order. */
struct lwf_offload {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len; /* a hint only: parse the headers */
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

struct lwf_pool;

struct lwf_frame {
	struct lwf_frame *next; /* in a batch or queue of whoever owns the frame now */
	uint8_t *data;		/* first byte of the Ethernet header */
	uint32_t len;		/* bytes at data */
	uint32_t error;		/* errno of the device when status is FAILURE, else 0 */
	lwf_status status;	/* the answer; set before completing or returning */
	uint16_t reason;	/* enum lwf_reason that goes with status */
	uint8_t direction;	/* enum lwf_direction; set with origin */
	uint8_t truncated;	/* the record was cut short and its owner asked to send it so */
	struct lwf_offload offload;
	uint8_t lent;	    /* for the call only: see lwf_frame_is_lent() */
	uint8_t clones;	    /* of it that are out (ChildRefCount): it must stay (O11) */
	uint32_t order;	    /* the stack's: when its present holder was handed it (O07) */
	lwf_handle origin;  /* set once at birth, never changed (rules O01, O02) */
	lwf_handle born;    /* the stack's copy of origin, by which it finds the way home */
	lwf_handle holder;  /* who passed the frame on last; 0: its origin has it */
	uint64_t id;	    /* the origin's own number for it */
	uint64_t nbl;	    /* the trace's number for this life; 0: born while it had no details */
	uint64_t cancel_id; /* see lwf_cancel_matches(); 0: cannot be cancelled */
	uint64_t time_ns;   /* host clock when it was born */
	void *context;	    /* the origin's own */
	struct lwf_frame *parent; /* ParentNetBufferList of a clone, else NULL */
	struct lwf_pool *pool;	  /* const: where it goes home */
	uint8_t *buffer;	  /* const: its memory */
	uint32_t buffer_bytes;	  /* const */
	uint32_t spare;		  /* for the present holder's use, e.g. a device's number */
	uint64_t flow; /* the stack's table has counted it as of this flow (lwf/flow.h), or 0 */
};

/** Frames handed over together, in order. Whoever is given a batch takes every frame in it. */
struct lwf_batch {
	struct lwf_frame *head;
	struct lwf_frame *tail;
	uint32_t count;
};

static inline void lwf_batch_init(struct lwf_batch *batch)
{
	batch->head = NULL;
	batch->tail = NULL;
	batch->count = 0;
}

static inline void lwf_batch_push(struct lwf_batch *batch, struct lwf_frame *frame)
{
	frame->next = NULL;
	if (batch->tail)
		batch->tail->next = frame;
	else
		batch->head = frame;
	batch->tail = frame;
	batch->count++;
}

/** Takes the first frame, or returns NULL. */
static inline struct lwf_frame *lwf_batch_pop(struct lwf_batch *batch)
{
	struct lwf_frame *frame = batch->head;

	if (!frame)
		return NULL;
	batch->head = frame->next;
	if (!batch->head)
		batch->tail = NULL;
	batch->count--;
	frame->next = NULL;
	return frame;
}

/** Moves all of @from to the end of @to; @from is empty after. */
static inline void lwf_batch_append(struct lwf_batch *to, struct lwf_batch *from)
{
	if (!from->head)
		return;
	if (to->tail)
		to->tail->next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	to->count += from->count;
	lwf_batch_init(from);
}

/** Sets status, reason and no errno: the usual way to answer a frame. */
static inline void lwf_frame_answer(struct lwf_frame *frame, enum lwf_reason reason)
{
	frame->reason = (uint16_t)reason;
	frame->status = lwf_reason_status(reason);
	frame->error = 0;
}

/**
 * Whether a request to cancel @cancel_id means this frame. The high 32 bits of an id name who
 * sends, the low 32 bits are the sender's own. A request with low bits 0 means all of that sender,
 * and request 0 means every frame that can be cancelled.
 */
static inline bool lwf_cancel_matches(const struct lwf_frame *frame, uint64_t cancel_id)
{
	if (frame->cancel_id == 0)
		return false;
	if (cancel_id == 0)
		return true;
	if ((uint32_t)cancel_id == 0)
		return frame->cancel_id >> 32 == cancel_id >> 32;
	return frame->cancel_id == cancel_id;
}

static inline bool lwf_frame_is_super(const struct lwf_frame *frame)
{
	return frame->offload.gso_type != LWF_GSO_NONE;
}

/**
 * True for a receive that is lent for the call (NDIS_RECEIVE_FLAGS_RESOURCES); all of a batch are, or
 * none. It is read and passed on, never kept or returned, and is not the borrower's to change; a
 * filter that wants to keep what is in it copies it.
 */
static inline bool lwf_frame_is_lent(const struct lwf_frame *frame)
{
	return frame->lent;
}

struct lwf_host;

/**
 * Makes a pool of @frames frames that can each hold @data_bytes after the headroom. All memory is
 * taken here. Returns NULL when the host has none. The caller owns the pool.
 */
struct lwf_pool *lwf_pool_create(struct lwf_host *host, uint32_t frames, uint32_t data_bytes);

/** Frees the pool. Every frame must be home: a frame that is out is a bug and ends the program. */
void lwf_pool_destroy(struct lwf_pool *pool);

/**
 * Takes a frame for @origin, with data at the headroom, len 0, no offload and status SUCCESS. NULL
 * when none is left. O(1), no allocation; the last frame given back is the first taken (it is warm
 * in the cache).
 */
struct lwf_frame *lwf_pool_take(struct lwf_pool *pool, lwf_handle origin,
				enum lwf_direction direction);

/** Gives a frame home: once (O08), and not while it is out (O06). Only its origin may. */
void lwf_pool_give(struct lwf_pool *pool, struct lwf_frame *frame);

/** Gives every frame of @batch home to its own pool. */
void lwf_pool_give_batch(struct lwf_batch *batch);

uint32_t lwf_pool_free_frames(const struct lwf_pool *pool);
uint32_t lwf_pool_frames(const struct lwf_pool *pool);

/** Bytes that data may grow to in this frame. */
static inline uint32_t lwf_frame_room(const struct lwf_frame *frame)
{
	if (frame->parent)
		return frame->len; /* the bytes are the parent's */
	return (uint32_t)(frame->buffer + frame->buffer_bytes - frame->data);
}

/* ---- offload.c: what captures, counters and devices without offload need ---- */

/**
 * Length of all headers up to the payload that is cut (Ethernet, VLAN, IP, TCP or UDP), parsed from
 * the bytes, never from hdr_len. 0 when the frame does not hold what gso_type claims.
 */
uint32_t lwf_frame_header_bytes(const struct lwf_frame *frame);

/** Frames this is on the wire: 1, or the segments of a super-frame. A malformed one counts 1. */
uint32_t lwf_frame_segments(const struct lwf_frame *frame);

/** Bytes this is on the wire, headers of each segment included, without FCS. */
uint64_t lwf_frame_wire_bytes(const struct lwf_frame *frame);

/**
 * Finishes a checksum left to the device, in place, and clears the mark. Returns 0, or -EINVAL when
 * csum_start or csum_offset point outside the frame (the frame is left as it was).
 */
int lwf_frame_finish_csum(struct lwf_frame *frame);

/**
 * Writes segment @index (from 0) of super-frame @frame into @out as a complete wire frame with all
 * its lengths, ids, sequence numbers and checksums. @out is from any pool, its data is overwritten.
 * Returns 0, -EINVAL for a malformed super-frame, -ENOSPC when @out is too small.
 */
int lwf_frame_segment(const struct lwf_frame *frame, uint32_t index, struct lwf_frame *out);

/** Puts a VLAN tag behind the addresses, moving csum_start along. Needs 4 bytes of headroom. */
void lwf_frame_push_vlan(struct lwf_frame *frame, uint16_t tpid, uint16_t tci);

/** Longest frame that a device of @mtu takes with this EtherType (bytes, without FCS). */
uint32_t lwf_frame_limit_bytes(const struct lwf_frame *frame, uint32_t mtu);

#ifdef __cplusplus
}
#endif

#endif
