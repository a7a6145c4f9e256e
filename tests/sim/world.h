/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - the random simulation: stacks on simulated edges, clients, and an account of its own.
 *
 * world.c makes and ends things and does one random action at a time; check.c judges after each;
 * wobble.c is a filter that uses all the freedom the rules leave it; sim.c is the command.
 */
#ifndef LWF_SIM_WORLD_H
#define LWF_SIM_WORLD_H

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"

#define SIM_STACKS	3u
#define SIM_CLIENTS	3u
#define SIM_RECORDS	512u
#define SIM_MS		1000000ull
#define SIM_PAUSE_SLOTS 4096u

/** What the client knows of one record. */
struct sim_record {
	uint32_t len;
	uint8_t direction;
	bool too_odd; /* its length is refused, or its owner refuses it */
	bool answered;
	uint8_t handed;	    /* to a device, so many times */
	uint64_t pulled_at; /* world->seq */
};

struct sim_slot;

struct sim_client {
	struct lwf_session session;
	struct sim_slot *slot;
	uint32_t index, life;
	struct sim_record records[SIM_RECORDS];
	uint32_t put, pulled, answered;
	uint64_t by_answer[2][LWF_ANSWERS]; /* [refused] */
	uint64_t cancelled_at;
	bool open, closing;
};

/** Conditions that explain an answer, each with the last moment at which it held. */
enum sim_condition {
	SIM_NOT_RUNNING,
	SIM_REMOVED,
	SIM_NO_CARRIER,
	SIM_FAILING,
	SIM_WOBBLE,
	SIM_CONDITIONS
};

struct sim_slot {
	struct sim_world *world;
	struct lwf_stack *stack;	/* NULL: none at present */
	struct lwf_edge *lower, *upper; /* upper may be NULL */
	uint32_t index, life;
	uint32_t holds; /* those that we set */
	bool forced;
	bool closing;
	uint64_t last[SIM_CONDITIONS];
	struct sim_client clients[SIM_CLIENTS];
};

struct sim_world {
	uint64_t seed, steps, step;
	uint64_t random;
	uint64_t seq; /* of everything that is noted */
	uint64_t digest;
	bool trace;
	bool calm; /* wobbling filters behave, so that everything comes home */
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_observer observer;
	struct sim_slot slots[SIM_STACKS];
	uint64_t pausing_at[SIM_PAUSE_SLOTS]; /* by handle: when its last pause began */
	uint64_t cycles;		      /* module pauses that came to an end */
	uint64_t records, frames;
	uint64_t answers[LWF_ANSWERS]; /* of all clients */
	uint64_t pended;	       /* pauses that were answered PENDING */
	const char *action;
};

extern struct sim_world *sim_world; /* the one that runs */
extern const struct lwf_filter_ops sim_wobble_ops;

/** A number below @n. */
uint32_t sim_below(struct sim_world *world, uint32_t n);

/** True once in @n times. */
bool sim_once_in(struct sim_world *world, uint32_t n);

/** Ends the program with the seed and how to see it again. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void sim_digest(struct sim_world *world, uint64_t number);

/** Notes which conditions hold at this moment. */
void sim_note(struct sim_slot *slot);

/* world.c */
void sim_world_open(struct sim_world *world, uint64_t seed, uint64_t steps);
void sim_world_step(struct sim_world *world);
void sim_world_close(struct sim_world *world);
void sim_run(struct sim_world *world, uint64_t ns);
void sim_toggle_pause(struct sim_slot *slot);
void sim_remove_module(struct sim_slot *slot);

/* client.c */
void sim_client_open(struct sim_slot *slot, uint32_t index);
void sim_client_close(struct sim_client *client);
void sim_client_put(struct sim_client *client, uint32_t n);
void sim_client_pump(struct sim_client *client);
void sim_witness(struct sim_slot *slot, struct lwf_edge *edge, const struct lwf_frame *frame);

/* check.c */
void sim_check(struct sim_world *world);

/** @module has failed: its stack must not try again by itself. */
void sim_check_fault(struct sim_world *world, const struct lwf_module *module);

/** When nothing is in the way any more: all frames are home and the stacks are where they should be. */
void sim_check_calm(struct sim_world *world);

#endif
