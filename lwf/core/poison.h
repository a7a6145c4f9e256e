/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poison.h - what the path does, when told to, as own frames of a module leave it and come home.
 */
#ifndef LWF_POISON_H
#define LWF_POISON_H

#include <lwf/frame.h>

struct lwf_module;

/** Puts stand-ins in the place of own frames that have just been born. */
void lwf_poison(struct lwf_module *module, struct lwf_batch *batch);

/** Puts the own frames in the place of their stand-ins, which have their answers. */
void lwf_unpoison(struct lwf_module *module, struct lwf_batch *batch);

#endif
