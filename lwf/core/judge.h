/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge.h - the rules of who owns a frame, judged out of the way of the path.
 *
 * path.c asks the question in a few instructions; what is here runs only when the answer is that
 * something is wrong, or for frames that are rare.
 */
#ifndef LWF_JUDGE_H
#define LWF_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/frame.h>

/**
 * A question of the rules on the path. A build with LWF_NO_RULES asks none of them: there is one for
 * the benchmark that tells what the rules cost, and nothing else is ever built so.
 */
#ifdef LWF_NO_RULES
#define LWF_ASK(question) (false && (question))
#else
#define LWF_ASK(question) (question)
#endif

struct lwf_module;

#define LWF_HOLDER_HOME UINT64_MAX /* holder of a frame that is in its pool */
#define LWF_HOLDER_WAITS \
	(UINT64_MAX - 1) /* freed, and kept until its last clone is (O11); nobody has it */

/** True, and P13 is reported, when @module is inside its attach: nothing may be done there. */
bool lwf_judge_attaching(struct lwf_module *module, const char *what);

/**
 * The first hand-over of an own frame by a module that is not plainly entitled to it: may it be
 * born now? False when it cannot go: it is back in its pool, and out of @batch.
 */
bool lwf_judge_birth(struct lwf_module *module, struct lwf_batch *batch, struct lwf_frame *frame,
		     bool send);

/**
 * A frame that @module passes on and that is not simply one of others: it is home (O08) or out
 * already (O06), and leaves @batch; or its origin was changed (O02), or its order (O07).
 */
void lwf_judge_passed(struct lwf_module *module, struct lwf_batch *batch, struct lwf_frame *frame,
		      bool send);

/** A frame of others was passed on that the module did not have (O04). */
void lwf_judge_below_zero(struct lwf_module *module, int64_t *held);

/**
 * Whether frames of others go past @module, which is not Running, or are answered there: what the
 * profile reads in C1 and C3 (sends), C2 and C3 (receives). Own frames never go by this.
 */
bool lwf_judge_goes_past(const struct lwf_module *module, bool send);

/** P08, P09: what was handed in is passed on by a module that is not Running. */
void lwf_judge_forward(struct lwf_module *module, bool send);

/** After a callback that left frames of others in @module: it must say that it holds (O04). */
void lwf_judge_kept(struct lwf_module *module);

/** O03, O05, O09: takes own frames out of a batch that a module sends home as if of others. */
void lwf_judge_own(struct lwf_module *module, struct lwf_batch *batch, bool send);

/**
 * P16: more own frames come home than are out: one was answered twice. Takes @surplus of them out
 * of @batch, unseen by the filter, which would count them a second time.
 */
void lwf_judge_surplus(struct lwf_module *module, struct lwf_batch *batch, uint32_t surplus);

#endif
