/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - what the engine itself may do with a pool, beside what everybody may (lwf/frame.h).
 */
#ifndef LWF_POOL_H
#define LWF_POOL_H

#include <lwf/frame.h>

struct lwf_host;

/** Puts a frame back for whoever lost it by breaking a rule. Nothing if it is in its pool. */
void lwf_pool_put(struct lwf_frame *frame);

/** Reports a frame that was given back wrongly: twice (O08), while it is out (O06), or while
 * a clone of it is (O11). judge.c */
void lwf_judge_given(struct lwf_host *host, const struct lwf_frame *frame);

#endif
