/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * museum.h - what an engine of the museum sees: its world, and the functions it offers to it.
 *
 * An engine is one file of pieces/, the smallest driver that pauses in one of the historic ways. It
 * is compiled twice: as it was, and with MUSEUM_FIXED, which changes one hunk of it. It may call
 * what is declared here and nothing else, and must use these locks, events and sleeps, since at
 * each of these calls another of the simulated processors may go on. Between two such calls a
 * piece runs alone; what stands there is atomic. mu_seam() names further such places.
 *
 * mu_ stands for what NDIS and the kernel give to a driver. A piece keeps what belongs to the
 * driver in static memory, zeroed by its load(), and what belongs to a module in memory of
 * mu_alloc(): touching that after mu_free() is found, as it would be on the machines it crashed.
 */
#ifndef LWF_MUSEUM_H
#define LWF_MUSEUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/frame.h>
#include <lwf/status.h>

/** A frame (NET_BUFFER_LIST) that a client hands over. It is the client's until the piece accepts it. */
struct mu_frame {
	uint32_t id;
	void *open; /* for the piece: whose it is; set by the world to what piece->open() gave */
	lwf_handle origin; /* for the world: who sent it */
	uint32_t birth;	   /* for the world: number of its journey */
	bool receive;	   /* for the world: it went up */
	bool away;	   /* for the world: accepted and not yet home */
	bool stuck;	   /* for the world: comes home by a reset only */
	uint64_t due_ns;   /* for the world */
};

struct mu_lock {
	int owner; /* 0: free, else 1 + processor */
};

struct mu_event {
	bool set;
};

/**
 * A processor may be taken away here. @place names the seam in the trace: "gate test", "count",
 * "completion" and so on. Locks, events, sleeps, mu_send() and mu_pause_complete() are seams of
 * their own.
 */
void mu_seam(const char *place);

/** Spin locks: not recursive. One that is taken twice by one processor stops it for good. */
void mu_lock(struct mu_lock *lock);
void mu_unlock(struct mu_lock *lock);

/** Events that stay set until they are reset (notification events). */
void mu_event_set(struct mu_event *event);
void mu_event_reset(struct mu_event *event);
void mu_event_wait(struct mu_event *event);

/** Gives the processor away for @ms of simulated time. */
void mu_sleep_ms(uint32_t ms);

/** Zeroed memory; at most a page. Touching it after mu_free() is found. */
void *mu_alloc(size_t bytes);
void mu_free(void *memory);

/**
 * NdisFSendNetBufferLists with one frame. May complete it before it returns.
 * @origin is the handle that attach was given.
 */
void mu_send(lwf_handle origin, struct mu_frame *frame);

/** NdisFIndicateReceiveNetBufferLists with one frame, without the RESOURCES flag. */
void mu_indicate(lwf_handle origin, struct mu_frame *frame);

#define MU_FLOWS 4u

/**
 * FwpsFlowAssociateContext: false when the flow has a context already; then @context is not taken.
 * From true on the engine calls the piece's flow_delete() for it, once.
 */
bool mu_associate(uint32_t flow, void *context);
bool mu_has_context(uint32_t flow);

/** A flow ends, or its context is removed (FwpsFlowRemoveContext): detached, then deleted. */
void mu_end_flow(uint32_t flow);

/** Some deletion has not returned yet: unregistering answers DEVICE_BUSY. */
bool mu_flows_busy(void);

/** NdisFPauseComplete. */
void mu_pause_complete(lwf_handle origin);

/** What a piece wants of the device below it, besides completing whatever it is given. */
enum mu_device {
	MU_DEVICE_ANSWERS, /* every frame comes home within milliseconds */
	MU_DEVICE_STICKS,  /* now and then frames come home only by a reset on the control thread */
	MU_DEVICE_MERGES,  /* completions of several sends come as one chain */
};

struct mu_piece {
	const char *name;  /* of the file */
	const char *when;  /* in history */
	const char *title; /* what it does wrong, in one line */
	const char *
		breaks; /* ids of the rules that 300 seeds must find broken; others may follow from them */
	enum mu_device device;

	void (*load)(void);
	/** FilterAttach: takes @handle, returns the module. */
	void *(*attach)(lwf_handle handle);
	lwf_status (*restart)(void *module);
	lwf_status (*pause)(void *module);
	void (*detach)(void *module);
	/** A client's handle, valid until close; outlives modules. */
	void *(*open)(void);
	void (*close)(void *open);
	/** SUCCESS: the frame is taken and comes home by (*send_complete)(). Anything else: it is not. */
	lwf_status (*send)(void *open, struct mu_frame *frame);
	/** The same for originated receives; NULL when the engine has none. */
	lwf_status (*receive)(void *open, struct mu_frame *frame);
	void (*send_complete)(void *module, struct mu_frame *const *frames, unsigned n);
	void (*receive_return)(void *module, struct mu_frame *frame);
	/** For contexts of flows; NULL when the engine has none. */
	void (*flow_delete)(void *context);
};

/* MUSEUM_PIECE(late_signal) is the name of the object in pieces/late-signal.c */
#ifdef MUSEUM_FIXED
#define MUSEUM_PIECE(name) mu_fixed_##name
#else
#define MUSEUM_PIECE(name) mu_piece_##name
#endif

#define X(symbol) extern const struct mu_piece mu_piece_##symbol, mu_fixed_##symbol;
#include "pieces.def"
#undef X

#endif
