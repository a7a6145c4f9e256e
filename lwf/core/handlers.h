/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handlers.h - what may change in a module between its pause and its restart.
 */
#ifndef LWF_HANDLERS_H
#define LWF_HANDLERS_H

#include <stdbool.h>

struct lwf_stack;

/**
 * Asks each Paused module that was not asked yet to set its options, and links the stack anew. True
 * when there was one.
 */
bool lwf_handlers_round(struct lwf_stack *stack);

/** The stack goes down: each module will be asked again. */
void lwf_handlers_forget(struct lwf_stack *stack);

/**
 * Takes the first step for a module that asked to be restarted; @up tells that the stack is wanted
 * Running. True when there was one.
 */
bool lwf_handlers_step(struct lwf_stack *stack, bool up);

#endif
