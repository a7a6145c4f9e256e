/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modify.h - changes to the modules of a stack, made while nothing moves in it.
 */
#ifndef LWF_MODIFY_H
#define LWF_MODIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "internal.h"

/**
 * Notes a change and has the stack pause for it; one that was not started is changed at once. False
 * when LWF_CHANGES_MAX wait already, and then nothing has changed.
 */
bool lwf_modify_queue(struct lwf_stack *stack, struct lwf_module *module, uint32_t index,
		      enum lwf_change_kind kind);

/** Tells the modules that go; false while OIDs of theirs are out. The stack is Paused or Detached. */
bool lwf_modify_may_apply(struct lwf_stack *stack);

/** Carries out the changes that wait and lifts the modify hold. The stack is Paused or Detached. */
void lwf_modify_apply(struct lwf_stack *stack);

/** The stack has settled: who came last belongs to it from now on. */
void lwf_modify_settled(struct lwf_stack *stack);

/** The stack is Detached: its next life begins with all of its modules. The restart links them. */
void lwf_modify_next_life(struct lwf_stack *stack);

/** Works out, for each direction, who is the next that has a function for it. */
void lwf_modify_relink(struct lwf_stack *stack);

#endif
