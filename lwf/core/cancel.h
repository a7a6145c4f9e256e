/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel.h - what the path tells cancel.c of the frames of a module that was asked to cancel (O13).
 */
#ifndef LWF_CANCEL_H
#define LWF_CANCEL_H

#include <lwf/frame.h>

struct lwf_module;

/** Sends of others are answered while the module's cancel function runs. */
void lwf_judge_aborted(struct lwf_module *module, const struct lwf_batch *batch);

/** Sends are passed on by a module that still kept some after its last cancel. */
void lwf_judge_forwarded(struct lwf_module *module, const struct lwf_batch *batch);

#endif
