/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate.h - admission and count of the frames that one module originated.
 *
 * NDIS counterpart: PausePending, NumberOfOriginatedSendPackets and the lock around both, as every
 * filter driver that originates must write them for itself. Here all of it is one atomic word:
 *
 *	bit 0   closed   nothing is admitted (a module is born closed: it is not Running)
 *	bit 1   owed     a pause was answered PENDING; whoever brings the count to 0 completes it
 *	bits 2+ count    frames admitted and not yet home
 *
 * Any thread may call any function, as long as the gate is there. The gate itself keeps the module
 * alive only through frames that it admitted: a pause does not end while one is out, and without the
 * end of the pause there is no detach. A refusal keeps nothing, nor does an enter of 0 frames; so who
 * enters from a thread other than the one that detaches must find the module by its handle under a
 * lookup that excludes the detach until enter has answered. No function touches the gate after the
 * one compare-exchange that succeeds: the next instant somebody else's last leave may free it.
 *
 * How to use it, in full:
 *
 *	originate: if (!lwf_gate_enter(&g, n)) answer PAUSED to all n; else lwf_next_send()
 *	complete:  settle the frames, give them back to their pool, and only then
 *	           if (lwf_gate_leave(&g, n)) lwf_pause_complete(module);   // touch nothing after
 *	pause:     return lwf_gate_close(&g) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
 *	restart:   lwf_gate_open(&g), as the last act
 */
#ifndef LWF_GATE_H
#define LWF_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LWF_GATE_CLOSED	   ((uint64_t)1)
#define LWF_GATE_OWED	   ((uint64_t)2)
#define LWF_GATE_ONE	   ((uint64_t)4)
#define LWF_GATE_COUNT_MAX ((uint64_t)1 << 32) /* frames in flight; far above any pool */

struct lwf_gate {
	_Atomic uint64_t word;
};

/** Makes the gate closed and empty, as in a module that was just attached (rules S02, F01). */
void lwf_gate_init(struct lwf_gate *gate);

/**
 * Admits @n frames, or none. False means closed: answer PAUSED; the count was not touched, so a
 * refused caller can never be the one that a pause waits for (race R1).
 */
bool lwf_gate_enter(struct lwf_gate *gate, uint32_t n);

/**
 * Takes @n frames out. True for exactly one caller after a pending close: this caller must now
 * complete the pause, and may touch nothing of the module after that (rule P05, races R3 to R5).
 */
bool lwf_gate_leave(struct lwf_gate *gate, uint32_t n);

/**
 * Closes the gate. True: nothing was in flight, the pause is done (answer SUCCESS). False: the
 * completion is owed by the last lwf_gate_leave() (answer PENDING). The gate must be open.
 */
bool lwf_gate_close(struct lwf_gate *gate);

/** Opens a closed, empty gate that owes nothing; anything else is a bug and ends the program. */
void lwf_gate_open(struct lwf_gate *gate);

/** Frames in flight; for display, it may change at once. */
uint64_t lwf_gate_count(const struct lwf_gate *gate);

/** For display. */
bool lwf_gate_is_open(const struct lwf_gate *gate);

/** For display: a pause was answered PENDING and is not yet completed. */
bool lwf_gate_is_owed(const struct lwf_gate *gate);

#endif
