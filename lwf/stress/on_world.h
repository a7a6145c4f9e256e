/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * on_world.h - a live run on the stack of a daemon that runs already (--on).
 *
 * It is the live world without its making: time, clients, questions and judgement are the same, of one
 * link, which is somebody's real one. Counts are those since the run began. Faults are those of fault.h,
 * so what they changed is as it was when the run ends, however that is.
 */
#ifndef LWF_STRESS_ON_WORLD_H
#define LWF_STRESS_ON_WORLD_H

#include "fault.h"
#include "live_world.h"

struct on_world {
	struct live_world live; /* first */
	struct fault_target target;
	struct fault_guard guard;
	struct stress_link declared; /* by the name of the stack */
	struct stress_world_ops ops;
};

static inline struct on_world *on_of(struct stress_world *world)
{
	return (struct on_world *)world;
}

/* ---- on_world.c ---- */

/** -EINVAL, with @error for what makes fault.h's functions fail with @code; 0 for 0. */
int on_told(struct lwf_error *error, int code);

/* ---- on_fault.c ---- */

/** Looks at all faults and orders of the scenario before anything is done. 0; or -errno with @error. */
int on_check_faults(struct on_world *world, struct lwf_error *error);
int on_fault(struct stress_world *base, const struct stress_fault_call *call,
	     struct lwf_error *error);
int on_undo(struct stress_world *base, const struct stress_fault_call *call,
	    struct lwf_error *error);
int on_order(struct stress_world *base, enum stress_order order, const struct stress_object *object,
	     const char *text, struct lwf_error *error);

#endif
