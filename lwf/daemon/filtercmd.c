/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filtercmd.c - `lwfctl filter`: modules come, go, and get other options.
 *
 * A module that comes or goes stops its stack for a moment; pending.c answers when that has settled.
 */
#include <errno.h>
#include <string.h>

#include "control.h"

static uint32_t count_modules(const struct lwf_stack *stack)
{
	uint32_t n = 0;

	while (lwf_stack_module_at(stack, n))
		n++;
	return n;
}

static uint32_t index_of(const struct lwf_stack *stack, const struct lwf_module *module)
{
	uint32_t n = 0;

	while (lwf_stack_module_at(stack, n) != module)
		n++;
	return n;
}

static enum lwf_outcome do_insert(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], spec[LWF_FILTER_SPEC_BYTES], above[LWF_NAME_BYTES],
		below[LWF_NAME_BYTES], why[256] = "";
	bool above_given, below_given;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"spec", LWF_FIELD_TEXT, true, spec, sizeof(spec), NULL},
		{"above", LWF_FIELD_TEXT, false, above, sizeof(above), &above_given},
		{"below", LWF_FIELD_TEXT, false, below, sizeof(below), &below_given},
	};
	struct lwf_module *module, *place = NULL;
	struct lwf_stack *stack;
	uint32_t index;
	int ret;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (above_given && below_given)
		return lwf_command_fail(request, LWF_EXIT_USAGE, "--above and --below",
					"give one of the two", "a module has one place");
	stack = lwf_command_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	if ((above_given || below_given) &&
	    !(place = lwf_command_module(request, stack, above_given ? above : below)))
		return LWF_OUTCOME_ERROR;
	index = place ? index_of(stack, place) + (below_given ? 1u : 0u) : count_modules(stack);
	ret = lwf_stack_insert(stack, spec, index, &module, why, sizeof(why));
	if (ret)
		return lwf_command_fail(
			request,
			ret == -ENOENT || ret == -EINVAL ? LWF_EXIT_USAGE : LWF_EXIT_REFUSED, spec,
			ret == -ENOENT || ret == -EINVAL ? "see man lwfd, FILTERS"
							 : LWF_LIST_STACKS,
			why[0] ? why : strerror(-ret));
	return lwf_pending_follow(request, stack, lwf_module_name(module));
}

static enum lwf_outcome do_remove(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], module_name[LWF_NAME_BYTES];
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, true, module_name, sizeof(module_name), NULL},
	};
	struct lwf_module *module;
	struct lwf_stack *stack;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = lwf_command_stack(request, name);
	module = stack ? lwf_command_module(request, stack, module_name) : NULL;
	if (!module)
		return LWF_OUTCOME_ERROR;
	if (lwf_stack_remove(stack, module))
		return lwf_command_fail(
			request, LWF_EXIT_REFUSED, module_name, "try again in a moment",
			"it is being removed already, or the stack is being changed");
	return lwf_pending_follow(request, stack, module_name);
}

static enum lwf_outcome do_set(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], module_name[LWF_NAME_BYTES], options[LWF_FILTER_SPEC_BYTES],
		why[384] = "";
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, true, module_name, sizeof(module_name), NULL},
		{"options", LWF_FIELD_TEXT, true, options, sizeof(options), NULL},
	};
	struct lwf_module *module;
	struct lwf_stack *stack;
	int ret;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = lwf_command_stack(request, name);
	module = stack ? lwf_command_module(request, stack, module_name) : NULL;
	if (!module)
		return LWF_OUTCOME_ERROR;
	ret = lwf_module_set(module, options, why, sizeof(why));
	if (ret)
		return lwf_command_fail(
			request, ret == -EINVAL ? LWF_EXIT_USAGE : LWF_EXIT_REFUSED, options,
			ret == -EPERM ? "remove the module and insert it with the new value"
				      : "see man lwfd, FILTERS",
			why[0] ? why : strerror(-ret));
	return lwf_command_reply(request, lwf_command_state(stack));
}

enum lwf_outcome lwf_filter_command(struct lwf_request *request)
{
	switch (request->type) {
	case LWF_WIRE_FILTER_INSERT:
		return do_insert(request);
	case LWF_WIRE_FILTER_REMOVE:
		return do_remove(request);
	default:
		return do_set(request);
	}
}
