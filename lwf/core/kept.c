/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept.c - the frames that are under way, by whose they are and who keeps them: `!ndiskd.pendingnbls`.
 *
 * Nothing is counted for it: the modules and the edges that keep frames are asked (ops.holds), each for the
 * frames of each that may have made them.
 */
#include <stdio.h>

#include "internal.h"

/** Whose frames: 0 is the upper edge, then the modules from the top, then the lower edge. */
static const char *origin_at(const struct lwf_stack *stack, uint32_t index, lwf_handle *handle)
{
	const struct lwf_edge *edge = index == 0 ? stack->upper : stack->lower;

	if (index > 0 && index <= stack->module_count) {
		*handle = stack->modules[index - 1]->handle;
		return stack->modules[index - 1]->name;
	}
	*handle = edge ? edge->handle : 0;
	return edge ? edge->name : "";
}

/** Who keeps them: the same places. */
static uint32_t held_at(const struct lwf_stack *stack, uint32_t index, lwf_handle origin,
			uint64_t *oldest_ns, const char **name)
{
	struct lwf_edge *edge = index == 0 ? stack->upper : stack->lower;

	if (index > 0 && index <= stack->module_count) {
		struct lwf_module *module = stack->modules[index - 1];

		*name = module->name;
		return module->ops->holds && module->state >= LWF_STATE_PAUSED
			       ? module->ops->holds(module, origin, oldest_ns)
			       : 0;
	}
	*name = edge ? edge->name : "";
	return edge && edge->ops->holds ? edge->ops->holds(edge, origin, oldest_ns) : 0;
}

bool lwf_stack_kept(const struct lwf_stack *stack, uint32_t index, struct lwf_kept *kept)
{
	uint64_t now_ns = lwf_host_now_ns(stack->engine->host);
	uint32_t places = stack->module_count + 2;

	for (uint32_t i = 0; i < places * places; i++) {
		uint64_t oldest_ns = now_ns;
		const char *origin, *holder;
		lwf_handle handle;

		origin = origin_at(stack, i / places, &handle);
		if (!handle) /* 0 would ask for everybody's */
			continue;
		kept->frames = held_at(stack, i % places, handle, &oldest_ns, &holder);
		if (!kept->frames || index--)
			continue;
		snprintf(kept->origin, sizeof(kept->origin), "%s", origin);
		snprintf(kept->holder, sizeof(kept->holder), "%s", holder);
		kept->age_ns = now_ns > oldest_ns ? now_ns - oldest_ns : 0;
		return true;
	}
	return false;
}
