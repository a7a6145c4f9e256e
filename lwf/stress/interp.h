/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp.h - runs a scenario in a world, by either clock.
 */
#ifndef LWF_STRESS_INTERP_H
#define LWF_STRESS_INTERP_H

#include "world.h"

/** How far a run is; another process may look at it. Written without locks, read for people. */
struct stress_progress {
	volatile uint64_t runs, rounds, flaps, time_ns;
	volatile uint64_t seed; /* of the run that goes on */
};

/**
 * Runs world->options.scenario in @world, which is not open yet, to its end, and closes it. The
 * verdict, and what was expected, is in the world's record then. Returns the exit code that goes
 * with it: LWF_EXIT_OK, LWF_EXIT_FALSE, LWF_EXIT_SKIPPED, or that of what could not be done, which is in @error then.
 * @progress may be NULL.
 */
int stress_interpret(struct stress_world *world, struct stress_progress *progress,
		     struct lwf_error *error);

#endif
