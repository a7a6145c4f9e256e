/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibers.h - simulated processors: one runs at a time, and a seed decides which.
 */
#ifndef LWF_MUSEUM_FIBERS_H
#define LWF_MUSEUM_FIBERS_H

#include <stdbool.h>
#include <stdint.h>

#define FIBERS_MAX	10
#define FIBER_STEPS_MAX 400000u /* of one run; the longest legal ones need a tenth */
#define FIBER_NO_NUMBER (-1)
#define FIBER_BEGIN_NS	1000000000ull
#define FIBER_STEP_NS	1000u /* that time goes on between two seams */

/** Draws of the run's one seed. */
uint64_t fibers_random(void);

/** 0 to @limit - 1. */
uint32_t fibers_below(uint32_t limit);

/** True @parts times of @whole. */
bool fibers_chance(uint32_t parts, uint32_t whole);

/** Forgets the last run. All that follows is decided by @seed. */
void fibers_begin(uint64_t seed);

/** A processor that runs @body(@context); it does so from fibers_run() on. */
void fibers_add(const char *name, void (*body)(void *context), void *context);

/** How a run ended. */
enum fibers_end {
	FIBERS_DONE,	/* every body has returned */
	FIBERS_STOPPED, /* fibers_stop() was called */
	FIBERS_HANG,	/* nobody can go on, ever */
	FIBERS_ENDLESS, /* FIBER_STEPS_MAX were not enough; not in fibers_run_until(), which ends by time */
	FIBERS_HALTED, /* the time to run until has come; it can go on */
};
enum fibers_end fibers_run(void);

/**
 * Runs until the simulated time is @now_ns, or the run ends sooner. What happens between two such calls
 * happens beside the processors: it may wake them, and must not call what gives the processor away.
 */
enum fibers_end fibers_run_until(uint64_t now_ns);

/** Lets whoever has not ended yet return; the run is over. Part of fibers_run(). */
void fibers_finish(void);

/** Ends the run at the next seam. */
void fibers_stop(void);
bool fibers_stopped(void);

/** Another processor may go on here. */
void fibers_yield(void);
void fibers_sleep_ns(uint64_t ns);

/** Waits until fibers_wake() is called with @what. */
void fibers_wait(const void *what);
void fibers_wake(const void *what);

/** The one that runs, from 0 in the order of fibers_add(); FIBER_NO_NUMBER outside of a run. */
int fibers_self(void);
const char *fibers_name(int fiber);

/** What @fiber waits for in fibers_wait(); NULL when it does not. */
const void *fibers_waits_for(int fiber);

uint64_t fibers_now_ns(void);

#endif
