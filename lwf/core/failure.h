/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failure.h - what follows when the attach or the restart of a module fails.
 */
#ifndef LWF_FAILURE_H
#define LWF_FAILURE_H

struct lwf_stack;

enum lwf_failure {
	LWF_FAILURE_NONE,    /* there is none to settle */
	LWF_FAILURE_SETTLED, /* a hold was set, or a change was queued */
	LWF_FAILURE_LATER,   /* not inside the call that brought the module */
};

/** Decides what follows from one failure. No module is in transition. */
enum lwf_failure lwf_failure_settle(struct lwf_stack *stack);

/** T04: the stack is about to be called Running. */
void lwf_failure_judge(struct lwf_stack *stack);

#endif
