/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failure.c - what follows when the attach or the restart of a module fails.
 *
 * The lifecycle notes the failure in the module; the stack comes here before its next step, and
 * nothing is tried again before it is settled:
 *
 *	a newcomer   is taken out again; the stack is as it was before
 *	restart, C5  wide reading: the module stays Paused, and the stack with it
 *	mandatory    the stack is detached until somebody asks for it again (T04)
 *	optional     the module is left out, and the stack goes on without it (T04); the stack's next
 *	             life, or lwf_stack_retry(), begins with it again
 */
#include <stdio.h>

#include "conflicts.h"
#include "failure.h"
#include "modify.h"

static void say(struct lwf_stack *stack, struct lwf_module *module, const char *event,
		const char *what, const char *then)
{
	const char *status = lwf_status_name(module->callback.status);

	lwf_trace_text(stack, module, LWF_TRACE_MODULE, event, "its %s failed with %s", what,
		       status);
	lwf_log(stack->engine->host, LWF_LOG_ERROR, "%s/%s: its %s failed with %s; %s", stack->name,
		module->name, what, status, then);
}

static struct lwf_module *first_failed(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (stack->modules[i]->failed)
			return stack->modules[i];
	return NULL;
}

enum lwf_failure lwf_failure_settle(struct lwf_stack *stack)
{
	struct lwf_module *module = first_failed(stack);
	bool restart = module && module->state == LWF_STATE_PAUSED;
	const char *what = restart ? "restart" : "attach";

	if (!module)
		return LWF_FAILURE_NONE;
	if (stack->closed || module->doomed) { /* it goes anyway */
		module->failed = false;
	} else if (module->newcomer) {
		if (stack->inserting)
			return LWF_FAILURE_LATER;
		if (!lwf_modify_queue(stack, module, 0, LWF_CHANGE_REMOVE))
			return LWF_FAILURE_NONE; /* those that wait are made first */
		say(stack, module, "taken-out", what, "taken out again");
	} else if (restart && lwf_conflict_lenient(stack->engine, LWF_CONFLICT_C5)) {
		lwf_stack_fault(stack, LWF_HOLD_FAULT_PAUSE, "a module's restart failed");
	} else if (module->options.mandatory) {
		say(stack, module, "failed", what, "it is mandatory: the stack is detached");
		lwf_stack_fault(stack, LWF_HOLD_FAULT_DETACH, "a mandatory module failed");
	} else {
		if (!lwf_modify_queue(stack, module, 0, LWF_CHANGE_LEAVE_OUT))
			return LWF_FAILURE_NONE;
		say(stack, module, "failed", what, "the stack goes on without it");
	}
	module->failed = false;
	return LWF_FAILURE_SETTLED;
}

void lwf_failure_judge(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (stack->modules[i]->options.mandatory &&
		    stack->modules[i]->state != LWF_STATE_RUNNING)
			lwf_rule_broken(stack, stack->modules[i], LWF_RULE_T04,
					"the stack runs without it");
}

static bool is_being_changed(const struct lwf_stack *stack, const struct lwf_module *module)
{
	for (uint32_t i = 0; i < stack->change_count; i++)
		if (stack->changes[i].module == module)
			return true;
	return false;
}

void lwf_stack_retry(struct lwf_stack *stack)
{
	lwf_stack_enter(stack); /* one pause for all of them */
	for (uint32_t i = 0; i < stack->module_count && !stack->closed; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->left_out && !is_being_changed(stack, module))
			lwf_modify_queue(stack, module, 0, LWF_CHANGE_TAKE_IN);
	}
	lwf_stack_exit(stack);
}
