/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone.h - what path and pools leave to clone.c: the ends of clones, and early ends of parents.
 */
#ifndef LWF_CLONE_H
#define LWF_CLONE_H

#include <stdbool.h>

#include <lwf/frame.h>

struct lwf_module;

/** A clone is back in its pool. Its parent goes home if it waited for that. */
void lwf_clone_ended(struct lwf_frame *clone);

/** O11: keeps back what @module sends home although it has clones of it out. */
void lwf_clones_keep(struct lwf_module *module, struct lwf_batch *batch, bool send);

#endif
