/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modify.h - changes to the modules of a stack, made while nothing moves in it.
 */
#ifndef LWF_MODIFY_H
#define LWF_MODIFY_H

struct lwf_stack;

/** Carries out the changes that wait and lifts the modify hold. The stack is Paused or Detached. */
void lwf_modify_apply(struct lwf_stack *stack);

#endif
