/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handlers.c - what may change in a module between its pause and its restart: its optional handlers.
 *
 * NDIS counterparts: FilterSetModuleOptions, NdisSetOptionalHandlers, NdisFRestartFilter. Before the
 * first module of a stack is restarted, each is asked (rule S18) and may choose the five functions
 * of the data path anew (rule S19); then the stack links the next in each direction, so that one
 * that chose none is passed by. A module that wants to choose again asks for a restart, which by
 * the narrow reading of C7 is one of the whole stack, by the wide one of that module alone.
 */
#include <stdio.h>

#include "conflicts.h"
#include "handlers.h"
#include "lifecycle.h"
#include "modify.h"

static void ask(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;
	lwf_status status;

	lwf_trace_call(module, "FilterSetModuleOptions");
	module->callback.running = module->setting_options = true;
	status = module->ops->set_module_options(module);
	module->callback.running = module->setting_options = false;
	lwf_trace_callback(module, "FilterSetModuleOptions", status);
	if (status != LWF_STATUS_SUCCESS)
		lwf_log(stack->engine->host, LWF_LOG_WARNING,
			"%s/%s: its options could not be set (%s); it goes on with what it has",
			stack->name, module->name, lwf_status_name(status));
}

bool lwf_handlers_round(struct lwf_stack *stack)
{
	bool asked = false;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_PAUSED || module->options_set)
			continue;
		module->options_set = true;
		asked = true;
		if (module->ops->set_module_options)
			ask(module);
	}
	if (asked)
		lwf_modify_relink(stack);
	return asked;
}

void lwf_handlers_forget(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		stack->modules[i]->options_set = false;
}

lwf_status lwf_set_optional_handlers(struct lwf_module *module, const struct lwf_handlers *handlers)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_filter_ops changed;

	lwf_trace_call(module, "NdisSetOptionalHandlers");
	if (!lwf_on_control_thread(stack->engine) || !module->setting_options) {
		lwf_rule_broken(stack, module, LWF_RULE_S19, "set outside of set_module_options");
		return LWF_STATUS_INVALID_STATE;
	}
	changed = *module->filter;
	changed.send = handlers->send;
	changed.send_complete = handlers->send_complete;
	changed.receive = handlers->receive;
	changed.receive_return = handlers->receive_return;
	changed.cancel = handlers->cancel;
	if (!lwf_filter_is_consistent(stack->engine, &changed))
		return LWF_STATUS_BAD_CHARACTERISTICS;
	module->own_ops = changed;
	module->ops = &module->own_ops;
	return LWF_STATUS_SUCCESS;
}

lwf_status lwf_restart_filter(struct lwf_module *module)
{
	if (module->state != LWF_STATE_RUNNING || module->doomed)
		return LWF_STATUS_INVALID_STATE;
	module->restart_asked = true;
	lwf_stack_post(module->stack); /* never inside a function of the module */
	return LWF_STATUS_SUCCESS;
}

/** C7, wide reading: those above and below go on meanwhile, and what they hand it is refused. */
static bool pause_alone(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;

	lwf_trace_text(stack, module, LWF_TRACE_MODULE, "alone", "it asked for a restart");
	stack->pausing_one = true;
	lwf_lifecycle(module, LWF_EVENT_PAUSE, "it asked for a restart");
	stack->pausing_one = false;
	return true;
}

bool lwf_handlers_step(struct lwf_stack *stack, bool up)
{
	bool alone = lwf_conflict_lenient(stack->engine, LWF_CONFLICT_C7);

	if (!up || stack->change_count) /* it is paused and restarted anyway */
		return false;
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->restart_asked && module->state == LWF_STATE_RUNNING)
			return alone ? pause_alone(module)
				     : lwf_modify_queue(stack, module, 0, LWF_CHANGE_RESTART);
	}
	return false;
}
