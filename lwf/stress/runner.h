/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.h - runs of a scenario, each in a process of its own.
 *
 * A run that crashes the engine ends its process, not the program; several run at a time. The
 * scenario is read once and inherited; what a run was comes back as its record.
 */
#ifndef LWF_STRESS_RUNNER_H
#define LWF_STRESS_RUNNER_H

#include <sys/types.h>

#include "interp.h"

#define STRESS_JOBS_MAX 256u

/** What is to be run. Everything is lent. */
struct stress_plan {
	const struct stress_scenario *scenario;
	const char *file;    /* as it was named */
	const char *command; /* as it was typed */
	char settings
		[STRESS_COMMAND_BYTES]; /* " --set a=1": for the command to replay, which has all of
						it or is refused */
	bool live, trace;
	const char *on_stack, *control; /* live: --on, --control; or NULL */
	bool i_know;
	bool keep_events; /* also of runs that pass */
	uint64_t seed;	  /* of the first run */
	uint64_t count;	  /* runs; 0: until for_ns is over */
	uint64_t for_ns;
	uint32_t jobs;
	bool show_progress;
};

/**
 * Runs @plan; @record (initialised) is all its runs: one run's own record for one, else merged.
 * Ends early after the first run, in the order of seeds, that fails or cannot be done; later ones do not count. Returns the exit code; *error says
 * what could not be done.
 */
int stress_run(const struct stress_plan *plan, struct stress_record *record,
	       struct lwf_error *error);

/**
 * The same for one run with @seed, silent: what it prints is lost. Used to try things. One that goes on at
 * @until_ns (stress_clock_ns()) is killed: -ETIMEDOUT, and no @record.
 */
int stress_try(const struct stress_plan *plan, uint64_t seed, uint64_t until_ns,
	       struct stress_record *record);

/**
 * The command that runs @seed of @plan again, for a shell. False when it has no room, and is cut; where the
 * plan was made that has been looked at.
 */
bool stress_replay_command(const struct stress_plan *plan, uint64_t seed, char *text, size_t bytes);

/** CLOCK_MONOTONIC in ns. */
uint64_t stress_clock_ns(void);

#endif
