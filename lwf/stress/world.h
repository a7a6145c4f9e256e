/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - what the interpreter asks of the place in which a scenario runs.
 *
 * There are two: the simulation (world_sim.c: the engine's own objects, virtual time, one seed) and
 * the live world (namespaces, veths, lwfd, clients as processes, the kernel's counters). The
 * interpreter is one. It alone knows statements, times and expectations; a world knows how to do
 * things and how to look. A world embeds struct stress_world as its first member.
 *
 * Time is the world's: nanoseconds since open() returned. Nothing but wait() lets time pass on
 * purpose; a live world's other calls take as long as they take.
 *
 * Errors. A call returns 0; or -errno with @error filled, when the thing cannot be done: the run is
 * then BROKEN, with error->exit as exit code (LWF_EXIT_SKIPPED: SKIPPED). What the *engine* does
 * wrong is no error of a call: check() tells it.
 */
#ifndef LWF_STRESS_WORLD_H
#define LWF_STRESS_WORLD_H

#include <lwf/control.h>

#include "record.h"
#include "scenario.h"

struct stress_world;

/** A fault with everything evaluated. */
struct stress_fault_call {
	enum stress_fault fault;
	struct stress_object object; /* kind NOTHING: of none */
	int64_t number;		     /* count, or ns */
	const char *word;	     /* "" without */
	uint32_t share;		     /* millionths of the sends that it concerns; 1000000: all */
	const char *text;	     /* as it is written */
};

/** A question: STRESS_QUANTITY_LIST says what may be asked of what. */
struct stress_question {
	enum stress_quantity quantity;
	struct stress_object object;
	int word;	  /* enum lwf_answer, lwf_reason or lwf_hold; -1: none */
	const char *text; /* lives as long as the scenario; NULL: none */
};

struct stress_world_ops {
	const char *name; /* "sim" */
	unsigned bit;	  /* STRESS_IN_* */
	bool is_virtual;  /* time passes in wait() alone, as fast as it can */

	/**
	 * Makes links, daemons and clients of world->scenario, all Running and connected; no traffic.
	 * On an error close() is called all the same.
	 */
	int (*open)(struct stress_world *world, struct lwf_error *error);

	/** Ends everything and gives the memory back, that of @world included. */
	void (*close)(struct stress_world *world);

	uint64_t (*now_ns)(struct stress_world *world);

	/**
	 * Lets time pass until something that expectations look at may have changed, at most until
	 * @until_ns. May return early without a cause. The live world looks at least every
	 * millisecond.
	 */
	int (*wait)(struct stress_world *world, uint64_t until_ns, struct lwf_error *error);

	/** Does it; the world remembers what undo() needs. Returns when it is done, not when the engine
	 * has followed. */
	int (*fault)(struct stress_world *world, const struct stress_fault_call *call,
		     struct lwf_error *error);

	/** Takes back what fault() did for the same call. Not asked of rows that are undone by NONE. */
	int (*undo)(struct stress_world *world, const struct stress_fault_call *call,
		    struct lwf_error *error);

	/** Starts or stops traffic number @index of the scenario. A repeat changes nothing. */
	int (*traffic)(struct stress_world *world, uint32_t index, bool on,
		       struct lwf_error *error);

	/** pause, restart, attach, detach; insert, remove, set with @text (a spec, options). */
	int (*order)(struct stress_world *world, enum stress_order order,
		     const struct stress_object *object, const char *text, struct lwf_error *error);

	/** The answer as of now. */
	int (*ask)(struct stress_world *world, const struct stress_question *question,
		   int64_t *value, struct lwf_error *error);

	/**
	 * What must hold always and of itself: no rule is broken, ledgers balance, no answer is doubled,
	 * nothing has crashed. Asked after every wait and every deed. True: all is well; false fills
	 * expected and found.
	 */
	bool (*check)(struct stress_world *world, struct stress_failure *failure);

	/** Before the end: notes ledgers and witnesses in the record. */
	void (*account)(struct stress_world *world);

	/** Of all that could be seen so far; NULL: there is none (live). */
	uint64_t (*digest)(struct stress_world *world);
};

/** What both worlds are made with. Everything is lent for the world's life. */
struct stress_world_options {
	const struct stress_scenario *scenario;
	struct stress_record *record;
	uint64_t seed;
	const char *on_stack; /* live, --on STACK; NULL: namespaces of its own */
	const char *control;  /* live, with --on: the daemon's socket, or NULL */
	bool i_know;	      /* live, with --on: faults on the default route's interface too */
	bool trace;	      /* every trace record to stderr, for people */
};

struct stress_world {
	const struct stress_world_ops *ops;
	struct stress_world_options options;
};

/** Makes a world that is not open. NULL without memory. */
struct stress_world *stress_sim_create(const struct stress_world_options *options);
struct stress_world *stress_live_create(const struct stress_world_options *options);

/** Likewise, on options->on_stack of a daemon that runs already. */
struct stress_world *stress_on_create(const struct stress_world_options *options);

/** Which simulation runs have, and what is typed to see one again. Set before the first run. */
struct stress_simulation {
	const char *command; /* "lwf-stress" */
	struct stress_world *(*create)(const struct stress_world_options *options);
};
extern struct stress_simulation
	stress_simulation; /* stress_sim_create, as long as nobody sets it */

#endif
