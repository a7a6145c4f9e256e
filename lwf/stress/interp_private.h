/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp_private.h - the interpreter's state, shared by interp.c (statements) and eval.c (values).
 */
#ifndef LWF_STRESS_INTERP_PRIVATE_H
#define LWF_STRESS_INTERP_PRIVATE_H

#include "interp.h"

#define STRESS_ALWAYS_MAX   64u
#define STRESS_IN_FORCE_MAX 64u

/** A fault that ends by itself. */
struct stress_in_force {
	struct stress_fault_call call;
	const struct stress_statement *statement;
	uint64_t until_ns;
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
	struct stress_in_force in_force[STRESS_IN_FORCE_MAX];
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

/** Ends the run: it cannot go on, for the reason in interp->error. */
void stress_give_up(struct stress_interp *interp, const struct stress_statement *statement);

#endif
