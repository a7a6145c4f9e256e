/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp_private.h - the interpreter's state, shared by interp.c (statements), eval.c (values) and in_force.c
 * (faults that last).
 */
#ifndef LWF_STRESS_INTERP_PRIVATE_H
#define LWF_STRESS_INTERP_PRIVATE_H

#include "interp.h"

#define STRESS_ALWAYS_MAX   64u
#define STRESS_IN_FORCE_MAX 1024u

/** A fault that lasts. */
struct stress_in_force {
	struct stress_fault_call call;
	const struct stress_statement *statement;
	uint64_t until_ns; /* UINT64_MAX: until it is taken back */
};

struct stress_interp {
	struct stress_world *world;
	const struct stress_scenario *scenario;
	struct stress_record *record;
	struct stress_progress *progress;
	struct lwf_error *error;
	uint64_t random;
	const struct stress_statement *always[STRESS_ALWAYS_MAX];
	uint32_t always_count;
	struct stress_in_force in_force[STRESS_IN_FORCE_MAX]; /* the newest last */
	uint32_t in_force_count;
	int64_t counter[STRESS_REPEATS_MAX];
	uint32_t depth; /* repeats that go on */
	bool over;	/* the verdict is there */
};

/** Evaluates @expr. False: the run is over, since the world cannot say. */
bool stress_eval(struct stress_interp *interp, const struct stress_expr *expr, int64_t *value);

/** What the quantities in @expr are now: "state(lan0) is pausing, ...". */
void stress_eval_found(struct stress_interp *interp, const struct stress_expr *expr, char *text,
		       size_t bytes);

/** Does @call, which lasts for *@for_ns (NULL: until it is taken back). False: the run is over. */
bool stress_force_begin(struct stress_interp *interp, const struct stress_statement *statement,
			const struct stress_fault_call *call, const uint64_t *for_ns);

/** The fault whose time is over first; in_force_count: none ends by itself. */
uint32_t stress_force_first(const struct stress_interp *interp);

/** The newest of those that have to end before all can come home; in_force_count: none. */
uint32_t stress_force_last(const struct stress_interp *interp);

/** Ends in_force[@index]: what lies below it is seen again. False: the run is over. */
bool stress_force_end(struct stress_interp *interp, uint32_t index);

/** Ends the run: it cannot go on, for the reason in interp->error. */
void stress_give_up(struct stress_interp *interp, const struct stress_statement *statement);

#endif
