/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unload.h - filters on their way out of the engine.
 */
#ifndef LWF_UNLOAD_H
#define LWF_UNLOAD_H

#include <stdbool.h>
#include <stdint.h>

struct lwf_engine;
struct lwf_module;
struct lwf_stack;

/** Queues the removal of a module whose filter is leaving. True when there was one to queue. */
bool lwf_unload_step(struct lwf_stack *stack);

/** A module is gone: ends the unloading of each filter that has none left. */
void lwf_unload_look(struct lwf_engine *engine);

/** T08: the stack has waited @waited_ns; what is still out of a leaving filter is leaked. */
void lwf_unload_judge(struct lwf_stack *stack, uint64_t waited_ns);

#endif
