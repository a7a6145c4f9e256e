/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c - what a stack is waiting for, in words, and what it means when that takes too long.
 *
 * It speaks after 1 s of waiting and every second from then on, naming the frames, whose they are,
 * who keeps them and for how long. At 10 s, NDIS's own limit, it reports P17; or T06, when no module
 * could be asked to pause yet because one keeps what the host sends. A pause that pends
 * although every frame is home has lost its completion (P05, or F03 when the last frame came home
 * inside the pause callback).
 */
#include <inttypes.h>
#include <stdio.h>

#include "internal.h"
#include "unload.h"

struct waiting_text {
	char *text;
	size_t bytes, used;
	uint64_t now;
};

static void say(struct waiting_text *out, uint32_t frames, const char *whose, const char *where,
		uint64_t oldest_ns)
{
	if (!frames || out->used >= out->bytes)
		return;
	out->used += (size_t)snprintf(out->text + out->used, out->bytes - out->used,
				      "%s%" PRIu32 " frame%s of %s at %s, oldest %" PRIu64 " ms",
				      out->used ? "; " : "", frames, frames == 1 ? "" : "s", whose,
				      where, (out->now - oldest_ns) / 1000000);
}

/** Says who holds frames of @origin; false when nobody admits to it. */
static bool say_holders(const struct lwf_stack *stack, struct waiting_text *out, lwf_handle origin,
			const char *whose)
{
	size_t before = out->used;
	uint64_t oldest;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		uint32_t frames;

		if (!module->ops->holds || module->state < LWF_STATE_PAUSED)
			continue;
		oldest = out->now;
		frames = module->ops->holds(module, origin, &oldest);
		say(out, frames, whose, module->name, oldest);
	}
	if (stack->lower->ops->holds) {
		uint32_t frames;

		oldest = out->now;
		frames = stack->lower->ops->holds(stack->lower, origin, &oldest);
		say(out, frames, whose, stack->lower->name, oldest);
	}
	return out->used > before;
}

/** What is kept beyond its limit, of whomever. */
static void say_overdue(const struct lwf_stack *stack, struct waiting_text *out)
{
	if (stack->upper)
		say_holders(stack, out, stack->upper->handle, stack->upper->name);
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (stack->modules[i]->handle)
			say_holders(stack, out, stack->modules[i]->handle, stack->modules[i]->name);
	say_holders(stack, out, stack->lower->handle, stack->lower->name);
	for (uint32_t i = 0; i < stack->module_count && !out->used; i++) {
		const struct lwf_module *module = stack->modules[i];

		if (module->held_sends > 0)
			say(out, (uint32_t)module->held_sends, "others", module->name,
			    module->age_sends.since_ns);
		if (module->held_receives > 0)
			say(out, (uint32_t)module->held_receives, "others", module->name,
			    module->age_receives.since_ns);
	}
	if (!out->used)
		say(out, (uint32_t)(stack->lower_in - stack->lower_done), "others",
		    stack->lower->name, stack->age_sends.since_ns);
}

/** It pauses, or is to be detached: its frames are waited for. */
static bool is_waited_for(const struct lwf_module *module)
{
	return module->state == LWF_STATE_PAUSING ||
	       (module->pre_detached && !lwf_module_quiet(module));
}

static void say_waiting(const struct lwf_stack *stack, struct waiting_text *out)
{
	if (stack->upper && !stack->upper_running && stack->upper->inputs_out &&
	    !say_holders(stack, out, stack->upper->handle, stack->upper->name))
		say(out, stack->upper->inputs_out, stack->upper->name, "an unknown place",
		    stack->waiting_since_ns);
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (!is_waited_for(module))
			continue;
		if (!say_holders(stack, out, module->handle, module->name))
			say(out, module->sends_out + module->receives_out, module->name,
			    "an unknown place", module->since_ns);
	}
	if (!out->used && stack->lower->inputs_out &&
	    !say_holders(stack, out, stack->lower->handle, stack->lower->name))
		say(out, stack->lower->inputs_out, stack->lower->name, "an unknown place",
		    stack->waiting_since_ns);
	if (!out->used && stack->waits_for_oids)
		out->used = lwf_oid_say(stack, out->text, out->bytes);
	if (!out->used)
		snprintf(out->text, out->bytes, "%s",
			 "a module that has not completed its callback");
}

void lwf_stack_waiting(const struct lwf_stack *stack, char *text, size_t bytes)
{
	struct waiting_text out = {text, bytes, 0, lwf_host_now_ns(stack->engine->host)};

	text[0] = 0;
	if (stack->waiting)
		say_waiting(stack, &out);
	else if (stack->overdue)
		say_overdue(stack, &out);
}

/** T06: the host's own sends do not come home because modules keep them; false when none does. */
static bool judge_held_sends(struct lwf_stack *stack, const char *text)
{
	bool found = false;

	if (!stack->upper || stack->upper_running || !stack->upper->inputs_out)
		return false;
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];
		uint64_t oldest = 0;

		if (module->held_sends <= 0 || module->state != LWF_STATE_RUNNING)
			continue;
		if (module->ops->holds &&
		    !module->ops->holds(module, stack->upper->handle, &oldest))
			continue;
		lwf_rule_broken(stack, module, LWF_RULE_T06, text);
		found = true;
	}
	return found;
}

/** P05, F03: a pause pends although all its frames are home. */
static void judge_lost_completion(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_PAUSING || !module->callback.pending ||
		    !lwf_module_quiet(module) || module->sends + module->receives == 0)
			continue;
		lwf_rule_broken(stack, module, module->drained_inside ? LWF_RULE_F03 : LWF_RULE_P05,
				"all frames are home and the pause is not completed");
	}
}

void lwf_watchdog(void *context)
{
	struct lwf_stack *stack = context;
	uint64_t waited = lwf_host_now_ns(stack->engine->host) - stack->waiting_since_ns;
	char text[LWF_TRACE_TEXT_BYTES];

	if (!stack->waiting) {
		lwf_sessions_give_up(stack);
		return;
	}
	lwf_stack_waiting(stack, text, sizeof(text));
	lwf_trace_text(stack, NULL, LWF_TRACE_WATCHDOG, "waiting", "%s", text);
	lwf_log(stack->engine->host, LWF_LOG_WARNING, "%s: waiting %" PRIu64 " ms for %s",
		stack->name, waited / 1000000, text);
	if (waited >= LWF_PAUSE_LIMIT_NS && !stack->limit_reported && !stack->waits_for_oids) {
		stack->limit_reported = true;
		if (!judge_held_sends(stack, text))
			lwf_rule_broken(stack, NULL, LWF_RULE_P17, text);
	}
	lwf_unload_judge(stack, waited);
	if (waited < 2 * LWF_WATCHDOG_NS)
		judge_lost_completion(stack);
	lwf_timer_set(&stack->watchdog, LWF_WATCHDOG_NS);
}
