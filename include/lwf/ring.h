/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - the memory that a client and the engine share.
 *
 * The daemon creates it (memfd), prefaults it, seals its size, and passes the descriptor in the
 * answer to LWF_WIRE_OPEN. The client writes frames into the data area and a descriptor for each
 * into the submission ring; the engine copies a frame out before it looks at it, and writes one
 * answer for it into the completion ring.
 *
 *	+---------+-------------------+-------------------+----------------------+
 *	| control | submission ring   | completion ring   | data area            |
 *	| 4 KiB   | 4096 x 32 bytes   | 8192 x 32 bytes   | 4 MiB                |
 *	+---------+-------------------+-------------------+----------------------+
 *
 * Each index counts up for ever and is masked on use; it has one writer. The engine keeps its own
 * copy of every index it writes and trusts nothing it reads: an index that runs ahead by more than
 * the ring, a descriptor that points outside the data area, or a length out of range ends the
 * session (index) or refuses the record (descriptor).
 *
 * A submission reserves the place of its answer: the client library submits only while
 * submitted - answers taken < LWF_RING_COMPLETE_SLOTS, and answers RESOURCES itself otherwise. The
 * engine checks the same and leaves the record in the ring until there is a place.
 *
 * The end. A daemon that ends in order answers what is in the ring, and then sets goodbye: from there on
 * it takes nothing out. What lies behind submit_head was never a frame of its, and the client library
 * answers it PAUSED; without a goodbye nobody can tell, and everything unanswered is UNKNOWN.
 *
 * States. state_changes counts by two: it is odd while state and epoch are being written, and goes on
 * at each change of the stack's state, so that a pause and a restart between two looks are seen as
 * two changes. Whoever reads state and epoch between two equal even values has a true pair.
 *
 * Doorbells. Before it sleeps the engine sets engine_sleeps; a client that submits and sees it set
 * sends one LWF_WIRE_DOORBELL on its socket. client_waits is the same the other way round. Both are
 * hints: a side that never rings harms itself alone, since the engine looks at every ring it was
 * once rung for.
 */
#ifndef LWF_RING_H
#define LWF_RING_H

#include <stdatomic.h>
#include <stdint.h>

#define LWF_RING_MAGIC		 0x4c574652u /* "LWFR" */
#define LWF_RING_VERSION	 1u
#define LWF_RING_CONTROL_BYTES	 4096u
#define LWF_RING_SUBMIT_SLOTS	 4096u
#define LWF_RING_COMPLETE_SLOTS	 8192u
#define LWF_RING_DATA_BYTES	 (4u << 20)
#define LWF_RING_SUBMIT_OFFSET	 LWF_RING_CONTROL_BYTES
#define LWF_RING_COMPLETE_OFFSET (LWF_RING_SUBMIT_OFFSET + LWF_RING_SUBMIT_SLOTS * 32u)
#define LWF_RING_DATA_OFFSET	 (LWF_RING_COMPLETE_OFFSET + LWF_RING_COMPLETE_SLOTS * 32u)
#define LWF_RING_BYTES		 (LWF_RING_DATA_OFFSET + LWF_RING_DATA_BYTES)

#define LWF_RING_FLAG_RECEIVE 0x1u /* towards the host; without it: towards the NIC */
#define LWF_RING_FLAG_TRUNCATED \
	0x2u			 /* the capture cut the record; send what is there all the same */
#define LWF_RING_FLAG_SHORT 0x4u /* the capture cut the record; refuse it with INVALID_LENGTH */

struct lwf_ring_submit {
	uint64_t id;	    /* the client's; comes back in the answer */
	uint64_t cancel_id; /* 0: cannot be cancelled */
	uint32_t offset;    /* in the data area */
	uint32_t len;	    /* bytes; the frame lies in one piece */
	uint32_t flags;	    /* LWF_RING_FLAG_* */
	uint32_t reserved;  /* 0 */
};

struct lwf_ring_answer {
	uint64_t id;
	uint32_t status;  /* lwf_status */
	uint16_t reason;  /* enum lwf_reason */
	uint16_t refused; /* 1: it was never admitted */
	uint32_t error;	  /* errno with FAILURE */
	uint32_t frames;  /* on the wire, with SUCCESS */
	uint32_t bytes;	  /* on the wire, with SUCCESS */
	uint32_t reserved;
};

_Static_assert(sizeof(struct lwf_ring_submit) == 32, "ring.h: layout");
_Static_assert(sizeof(struct lwf_ring_answer) == 32, "ring.h: layout");

/** The first page. Every index is on a cache line of its own. */
struct lwf_ring_control {
	uint32_t magic, version;
	uint32_t submit_slots, complete_slots, data_bytes, reserved;
	_Alignas(64) _Atomic uint32_t submit_tail;   /* client writes: records submitted */
	_Alignas(64) _Atomic uint32_t submit_head;   /* engine writes: records copied out */
	_Alignas(64) _Atomic uint32_t answer_tail;   /* engine writes: answers given */
	_Alignas(64) _Atomic uint32_t answer_head;   /* client writes: answers taken */
	_Alignas(64) _Atomic uint32_t engine_sleeps; /* engine writes; 1: ring the doorbell */
	_Alignas(64) _Atomic uint32_t client_waits;  /* client writes; 1: ring back */
	_Alignas(64) _Atomic uint32_t state; /* engine writes: enum lwf_state of the stack */
	_Atomic uint32_t epoch;		     /* engine writes: low bits of the stack's epoch */
	_Atomic uint32_t goodbye;	     /* engine writes; 1: submit_head stands for ever */
	_Atomic uint32_t
		state_changes; /* engine writes: twice how often state changed, see above */
};

_Static_assert(sizeof(struct lwf_ring_control) <= LWF_RING_CONTROL_BYTES, "ring.h: layout");

#endif
