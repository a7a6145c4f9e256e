/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unload.c - taking a filter out of the engine. NDIS counterpart: NdisFDeregisterFilterDriver.
 *
 * NDIS detaches what is left of the filter inside that call. Nothing waits here: each stack removes
 * the modules of the filter as it removes any module, and whoever asked is told when the last is
 * gone. Their frames must come home for that; one that does not is a leak (rule T08).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "modify.h"
#include "unload.h"

static void nobody_asks(void *context)
{
	(void)context;
}

static bool is_leaving(const struct lwf_engine *engine, const struct lwf_filter_ops *filter)
{
	for (uint32_t i = 0; engine->unload_count && i < engine->filter_count; i++)
		if (engine->filters[i] == filter)
			return engine->unloads[i].done != NULL;
	return false;
}

/** True while a module of @filter is in a stack, or on its way into one. */
static bool is_used(const struct lwf_engine *engine, const struct lwf_filter_ops *filter)
{
	for (uint32_t s = 0; s < LWF_STACKS_MAX; s++) {
		const struct lwf_stack *stack = engine->stacks[s];

		for (uint32_t i = 0; stack && i < stack->module_count; i++)
			if (stack->modules[i]->filter == filter)
				return true;
		for (uint32_t i = 0; stack && i < stack->change_count; i++)
			if (stack->changes[i].module->filter == filter)
				return true;
	}
	return false;
}

int lwf_engine_unregister(struct lwf_engine *engine, const struct lwf_filter_ops *ops,
			  void (*done)(void *context), void *context)
{
	uint32_t index = 0;

	while (index < engine->filter_count && engine->filters[index] != ops)
		index++;
	if (index == engine->filter_count)
		return -ENOENT;
	if (engine->unloads[index].done)
		return -EALREADY;
	engine->unloads[index] = (struct lwf_unload){done ? done : nobody_asks, context};
	engine->unload_count++;
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (engine->stacks[i])
			lwf_stack_post(engine->stacks[i]);
	lwf_unload_look(engine);
	return 0;
}

bool lwf_unload_step(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count && !stack->closed; i++) {
		struct lwf_module *module = stack->modules[i];

		if (!module->doomed && is_leaving(stack->engine, module->filter))
			return lwf_modify_queue(stack, module, 0, LWF_CHANGE_REMOVE);
	}
	return false;
}

static void forget(struct lwf_engine *engine, uint32_t index)
{
	struct lwf_unload unload = engine->unloads[index];

	engine->filter_count--;
	engine->unload_count--;
	for (uint32_t i = index; i < engine->filter_count; i++) {
		engine->filters[i] = engine->filters[i + 1];
		engine->unloads[i] = engine->unloads[i + 1];
	}
	engine->unloads[engine->filter_count] = (struct lwf_unload){0};
	unload.done(unload.context);
}

void lwf_unload_look(struct lwf_engine *engine)
{
	uint32_t i = 0;

	engine->unload_look = false;
	while (engine->unload_count && i < engine->filter_count) {
		if (engine->unloads[i].done && !is_used(engine, engine->filters[i])) {
			forget(engine, i);
			i = 0; /* who was told may have asked for more */
		} else {
			i++;
		}
	}
}

void lwf_unload_judge(struct lwf_stack *stack, uint64_t waited_ns)
{
	char text[64];

	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (waited_ns < LWF_UNLOAD_LIMIT_NS || lwf_module_quiet(module) ||
		    module->leak_reported || !is_leaving(stack->engine, module->filter))
			continue;
		module->leak_reported = true;
		snprintf(text, sizeof(text),
			 "%" PRIu32 " sends, %" PRIu32 " receives are out and %" PRId64 " held",
			 module->sends_out, module->receives_out,
			 module->held_sends + module->held_receives);
		lwf_rule_broken(stack, module, LWF_RULE_T08, text);
	}
}
