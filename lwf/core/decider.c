/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decider.c - those who decide for a stack: its list of them, and the way from each to its module.
 *
 * Like a session a decider outlives modules, and knows its module by name: while none of that name
 * lives, what it tells is answered REMOVED. The module finds the deciders in the stack's list and
 * keeps no pointer to one beyond its close, which it is told of first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/verdict.h>

#include "internal.h"

/* Whether module @name asks deciders; one that is not there, or is Detached, may when it comes. */
static bool may_ask(const struct lwf_stack *stack, struct lwf_decider *decider, const char *name)
{
	struct lwf_decider_call nothing = {.decider = decider};
	struct lwf_module *module = lwf_stack_module(stack, name);

	return !module || (module->ops->control &&
			   lwf_module_control(module, LWF_CONTROL_DECIDER, &nothing) != -ENOTSUP);
}

int lwf_decider_open(struct lwf_decider *decider, struct lwf_stack *stack, const char *module)
{
	struct lwf_decider **at = &stack->deciders;

	if (!decider->ops || !decider->ops->ask || decider->timeout_ns > LWF_ASK_TIMEOUT_MAX_NS ||
	    decider->copy_bytes > LWF_ASK_COPY_MAX)
		return -EINVAL;
	if (stack->closed)
		return -EBUSY;
	if (stack->decider_count == LWF_DECIDERS_MAX)
		return -ENOSPC;
	snprintf(decider->module, sizeof(decider->module), "%s", module ? module : "verdict");
	if (!may_ask(stack, decider, decider->module))
		return -ENOTSUP;
	decider->stack = stack;
	decider->id = ++stack->last_decider;
	decider->credits = 0;
	decider->open = 0;
	memset(&decider->stats, 0, sizeof(decider->stats));
	while (*at && (*at)->priority >= decider->priority)
		at = &(*at)->next;
	decider->next = *at;
	*at = decider;
	stack->decider_count++;
	lwf_trace_text(stack, NULL, LWF_TRACE_CLIENT, "opened", "decider %u, priority %u",
		       decider->id, decider->priority);
	return 0;
}

void lwf_decider_credit(struct lwf_decider *decider, uint32_t credits)
{
	uint32_t room = LWF_CREDITS_MAX - decider->credits;

	decider->credits += credits < room ? credits : room;
}

/** False when there is no module that could answer. */
static bool call_module(struct lwf_decider *decider, struct lwf_decider_call *call)
{
	struct lwf_stack *stack = decider->stack;
	struct lwf_module *module = stack ? lwf_stack_module(stack, decider->module) : NULL;
	bool answered;

	if (!module)
		return false;
	call->decider = decider;
	lwf_stack_enter(stack);
	answered = lwf_module_control(module, LWF_CONTROL_DECIDER, call) == 0;
	lwf_stack_exit(stack);
	return answered;
}

uint32_t lwf_decider_tell(struct lwf_decider *decider, const struct lwf_tell *tells, uint32_t count,
			  uint8_t *results)
{
	struct lwf_decider_call call = {.tells = tells, .count = count, .results = results};

	if (call_module(decider, &call))
		return call.ok;
	decider->stats.told[LWF_TELL_REMOVED] += count;
	if (results)
		memset(results, LWF_TELL_REMOVED, count);
	return 0;
}

enum lwf_tell_result lwf_decider_update(struct lwf_decider *decider, uint64_t flow,
					enum lwf_verdict_action action, uint64_t ttl_ns)
{
	const struct lwf_tell update = {
		.ask = flow,
		.action = (uint8_t)action,
		.scope = ttl_ns ? LWF_SCOPE_FLOW_TTL : LWF_SCOPE_FLOW,
		.ttl_ns = ttl_ns,
	};
	struct lwf_decider_call call = {.update = &update};

	if (call_module(decider, &call))
		return call.result;
	decider->stats.told[LWF_TELL_REMOVED]++;
	return LWF_TELL_REMOVED;
}

enum lwf_tell_result lwf_decider_revoke(struct lwf_decider *decider,
					const struct lwf_revoke *revoke)
{
	struct lwf_decider_call call = {.revoke = revoke};

	if (call_module(decider, &call))
		return call.result;
	decider->stats.told[LWF_TELL_REMOVED]++;
	return LWF_TELL_REMOVED;
}

void lwf_decider_close(struct lwf_decider *decider)
{
	struct lwf_decider_call call = {.leave = true};
	struct lwf_stack *stack = decider->stack;
	struct lwf_decider **at;

	if (!stack)
		return; /* the stack went first */
	for (at = &stack->deciders; *at != decider; at = &(*at)->next)
		;
	*at = decider->next; /* before it is settled: it is not asked again */
	stack->decider_count--;
	(void)call_module(decider, &call);
	decider->stack = NULL;
	lwf_trace_text(stack, NULL, LWF_TRACE_CLIENT, "closed", "decider %u", decider->id);
}

void lwf_deciders_give_up(struct lwf_stack *stack)
{
	for (struct lwf_decider *it = stack->deciders; it; it = it->next)
		it->stack = NULL;
	stack->deciders = NULL;
}

struct lwf_decider *lwf_module_deciders(const struct lwf_module *module)
{
	return module->stack->deciders;
}

uint64_t lwf_module_next_ask(struct lwf_module *module)
{
	return ++module->stack->last_ask;
}

uint32_t lwf_module_holds(const struct lwf_module *module)
{
	return module->stack->holds;
}
