/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loan.h - what the path leaves to loan.c: batches of lent frames.
 */
#ifndef LWF_LOAN_H
#define LWF_LOAN_H

#include <lwf/frame.h>

#define LWF_LOAN_COPIES 64u /* that the upper edge may have at once */

struct lwf_module;
struct lwf_stack;

/** A borrower passes lent frames on; they are its again, as they were, when this returns. */
void lwf_loan_pass(struct lwf_module *module, struct lwf_batch *batch);

/** P10: a borrower returns lent frames. They stay where they are. */
void lwf_loan_returned(struct lwf_module *module);

/** Takes the copies of lent frames out of what the upper edge has done. */
void lwf_loan_take_copies(struct lwf_stack *stack, struct lwf_batch *batch);

#endif
