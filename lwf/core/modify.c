/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modify.c - modules: making, inserting, removing and changing them, and linking each to its next.
 *
 * NDIS counterpart: modifying a running driver stack. A change to a stack that is Running sets the
 * modify hold, waits until all of the stack is Paused, is applied, and lifts the hold (rule T03);
 * only the module that comes or goes is attached or detached.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lwf/profile.h>

#include "internal.h"
#include "lifecycle.h"
#include "modify.h"

/** Works out, for each direction, who is the next that has a function for it. */
void lwf_modify_relink(struct lwf_stack *stack)
{
	struct lwf_module *send = NULL, *complete = NULL, *receive = NULL, *back = NULL;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		module->above_complete = complete;
		module->above_receive = receive;
		if (module->left_out)
			continue;
		if (module->ops->send_complete)
			complete = module;
		if (module->ops->receive)
			receive = module;
	}
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		module->below_send = send;
		module->below_return = back;
		if (module->left_out)
			continue;
		if (module->ops->send)
			send = module;
		if (module->ops->receive_return)
			back = module;
	}
	stack->top_send = send;
	stack->top_return = back;
	stack->bottom_complete = complete;
	stack->bottom_receive = receive;
}

static bool name_is_taken(const struct lwf_stack *stack, const char *name)
{
	for (uint32_t i = 0; i < stack->change_count; i++)
		if (strcmp(stack->changes[i].module->name, name) == 0)
			return true;
	return lwf_stack_module(stack, name) != NULL;
}

/** "inject", then "inject-2". */
static void name_module(const struct lwf_stack *stack, struct lwf_module *module)
{
	snprintf(module->name, sizeof(module->name), "%s", module->ops->name);
	for (unsigned n = 2; name_is_taken(stack, module->name); n++)
		snprintf(module->name, sizeof(module->name), "%.27s-%u", module->ops->name,
			 n % 1000);
}

static int make_module(struct lwf_stack *stack, const char *spec, struct lwf_module **out,
		       char *error, size_t error_bytes)
{
	const char *colon = strchr(spec, ':');
	size_t length = colon ? (size_t)(colon - spec) : strlen(spec);
	const struct lwf_filter_ops *ops;
	struct lwf_module *module;
	char name[LWF_NAME_BYTES];
	int ret;

	snprintf(name, sizeof(name), "%.*s", length < sizeof(name) ? (int)length : 0, spec);
	ops = lwf_engine_filter(stack->engine, name);
	if (!ops) {
		snprintf(error, error_bytes, "there is no filter '%.*s'", (int)length, spec);
		return -ENOENT;
	}
	module = lwf_host_alloc(stack->engine->host, sizeof(*module));
	if (!module) {
		snprintf(error, error_bytes, "out of memory");
		return -ENOMEM;
	}
	module->filter = module->ops = ops;
	module->stack = stack;
	module->since_ns = lwf_host_now_ns(stack->engine->host);
	ret = lwf_options_default(stack->engine->host, ops, &module->options, error, error_bytes);
	if (!ret && colon)
		ret = lwf_options_parse(stack->engine->host, ops, colon + 1, false,
					&module->options, error, error_bytes);
	if (ret) {
		lwf_host_free(stack->engine->host, module);
		return ret;
	}
	name_module(stack, module);
	*out = module;
	return 0;
}

static void tell_module(struct lwf_stack *stack, const struct lwf_module *module, const char *event,
			uint32_t index)
{
	struct lwf_trace_record *record = lwf_trace_begin(stack, module, LWF_TRACE_MODULE, event);

	record->placed = true;
	record->index = index;
	record->traits = module->ops->traits;
	record->mandatory = module->options.mandatory;
	record->profile = (uint8_t)lwf_engine_profile(stack->engine);
	snprintf(record->text, sizeof(record->text), "at %" PRIu32 " from the top", index);
	lwf_trace_end(stack->engine, record);
}

static void apply_insert(struct lwf_stack *stack, const struct lwf_change *change)
{
	uint32_t index = change->index < stack->module_count ? change->index : stack->module_count;

	memmove(&stack->modules[index + 1], &stack->modules[index],
		(stack->module_count - index) * sizeof(stack->modules[0]));
	stack->modules[index] = change->module;
	stack->module_count++;
	tell_module(stack, change->module, "inserted", index);
}

static void apply_remove(struct lwf_stack *stack, const struct lwf_change *change)
{
	struct lwf_module *module = change->module;
	uint32_t index = 0;

	if (module->state == LWF_STATE_PAUSED)
		lwf_lifecycle(module, LWF_EVENT_DETACH, "removed");
	while (stack->modules[index] != module)
		index++;
	stack->module_count--;
	memmove(&stack->modules[index], &stack->modules[index + 1],
		(stack->module_count - index) * sizeof(stack->modules[0]));
	stack->modules[stack->module_count] = NULL;
	tell_module(stack, module, "removed", index);
	lwf_host_free(stack->engine->host, module);
	stack->engine->unload_look = true;
}

static void apply_leave_out(struct lwf_stack *stack, struct lwf_module *module)
{
	if (module->state == LWF_STATE_PAUSED)
		lwf_lifecycle(module, LWF_EVENT_DETACH, "left out");
	module->left_out = true;
	lwf_trace_text(stack, module, LWF_TRACE_MODULE, "left-out", "-");
}

static void apply(struct lwf_stack *stack, const struct lwf_change *change)
{
	switch (change->kind) {
	case LWF_CHANGE_INSERT:
		apply_insert(stack, change);
		return;
	case LWF_CHANGE_REMOVE:
		apply_remove(stack, change);
		return;
	case LWF_CHANGE_LEAVE_OUT:
		apply_leave_out(stack, change->module);
		return;
	case LWF_CHANGE_TAKE_IN:
		change->module->left_out = false;
		lwf_trace_text(stack, change->module, LWF_TRACE_MODULE, "taken-in", "+");
		return;
	case LWF_CHANGE_RESTART:
		return;
	}
}

/** T03: nothing runs while the stack is changed. */
static void judge_stillness(struct lwf_stack *stack)
{
	bool still = !stack->lower_running && !stack->upper_running;

	for (uint32_t i = 0; i < stack->module_count; i++)
		still = still && (stack->modules[i]->state == LWF_STATE_DETACHED ||
				  stack->modules[i]->state == LWF_STATE_PAUSED);
	if (!still)
		lwf_rule_broken(stack, NULL, LWF_RULE_T03, "changed while a part of it ran");
}

bool lwf_modify_may_apply(struct lwf_stack *stack)
{
	bool may = true;

	for (uint32_t i = 0; i < stack->change_count; i++) {
		struct lwf_module *module = stack->changes[i].module;
		enum lwf_change_kind kind = stack->changes[i].kind;

		if ((kind == LWF_CHANGE_REMOVE || kind == LWF_CHANGE_LEAVE_OUT) &&
		    module->state == LWF_STATE_PAUSED && !lwf_pre_detach(module))
			may = false;
	}
	return may;
}

void lwf_modify_apply(struct lwf_stack *stack)
{
	uint32_t count = stack->change_count;

	judge_stillness(stack);
	for (uint32_t i = 0; i < count; i++) {
		apply(stack, &stack->changes[i]);
		lwf_modify_relink(stack);
	}
	/* what a module or an observer asked for meanwhile: who goes was not told of it yet */
	stack->change_count -= count;
	memmove(stack->changes, stack->changes + count,
		stack->change_count * sizeof(stack->changes[0]));
	if (stack->change_count)
		return;
	if (stack->holds & 1u << LWF_HOLD_MODIFY) {
		stack->holds &= ~(1u << LWF_HOLD_MODIFY);
		lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(LWF_HOLD_MODIFY), "-");
	}
}

void lwf_modify_settled(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		stack->modules[i]->newcomer = false;
}

void lwf_modify_next_life(struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		stack->modules[i]->left_out = false;
}

/** Modules that the stack will have when all changes that wait are made. */
static uint32_t modules_to_be(const struct lwf_stack *stack)
{
	uint32_t count = stack->module_count;

	for (uint32_t i = 0; i < stack->change_count; i++) {
		if (stack->changes[i].kind == LWF_CHANGE_INSERT)
			count++;
		if (stack->changes[i].kind == LWF_CHANGE_REMOVE)
			count--;
	}
	return count;
}

bool lwf_modify_queue(struct lwf_stack *stack, struct lwf_module *module, uint32_t index,
		      enum lwf_change_kind kind)
{
	if (stack->change_count == LWF_CHANGES_MAX)
		return false;
	if (kind == LWF_CHANGE_REMOVE)
		module->doomed = true;
	stack->changes[stack->change_count++] = (struct lwf_change){module, index, kind};
	if (stack->started)
		lwf_stack_hold(stack, LWF_HOLD_MODIFY);
	else if (stack->change_count == 1) /* else it was asked for inside such a change */
		while (stack->change_count)
			lwf_modify_apply(stack);
	return true;
}

int lwf_stack_insert(struct lwf_stack *stack, const char *spec, uint32_t index,
		     struct lwf_module **module, char *error, size_t error_bytes)
{
	bool inserting = stack->inserting; /* this may be inside the attach of another newcomer */
	struct lwf_module *made;
	int ret;

	if (stack->closed) {
		snprintf(error, error_bytes, "the stack is being closed");
		return -EBUSY;
	}
	if (stack->change_count == LWF_CHANGES_MAX ||
	    modules_to_be(stack) >= LWF_STACK_MODULES_MAX) {
		snprintf(error, error_bytes, "the stack is full (%u modules)",
			 LWF_STACK_MODULES_MAX);
		return -ENOSPC;
	}
	ret = make_module(stack, spec, &made, error, error_bytes);
	if (ret)
		return ret;
	made->newcomer = stack->started;
	stack->inserting = true;
	lwf_modify_queue(stack, made, index, LWF_CHANGE_INSERT);
	stack->inserting = inserting;
	if (module)
		*module = made;
	return 0;
}

int lwf_stack_remove(struct lwf_stack *stack, struct lwf_module *module)
{
	if (module->doomed || stack->closed ||
	    !lwf_modify_queue(stack, module, 0, LWF_CHANGE_REMOVE))
		return -EBUSY;
	return 0;
}

int lwf_module_set(struct lwf_module *module, const char *text, char *error, size_t error_bytes)
{
	struct lwf_options options = module->options;
	struct lwf_stack *stack = module->stack;
	int ret;

	for (uint32_t i = 0; i < options.count; i++)
		options.value[i].given = false; /* the filter sees what is set by this call */
	ret = lwf_options_parse(stack->engine->host, module->ops, text, true, &options, error,
				error_bytes);
	if (ret)
		return ret;
	lwf_stack_enter(stack); /* what it removes or holds in there moves afterwards */
	if (module->ops->set_options && module->state != LWF_STATE_DETACHED)
		ret = module->ops->set_options(module, &options);
	if (ret)
		snprintf(error, error_bytes, "the filter refused the values: %s", strerror(-ret));
	else
		module->options = options;
	lwf_stack_exit(stack);
	return ret;
}

/* ---- modules as others see them ---- */

struct lwf_module *lwf_stack_module_at(const struct lwf_stack *stack, uint32_t index)
{
	return index < stack->module_count ? stack->modules[index] : NULL;
}

struct lwf_module *lwf_stack_module(const struct lwf_stack *stack, const char *name)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (strcmp(stack->modules[i]->name, name) == 0)
			return stack->modules[i];
	return NULL;
}

struct lwf_module *lwf_stack_by_handle(const struct lwf_stack *stack, lwf_handle handle)
{
	for (uint32_t i = 0; handle && i < stack->module_count; i++)
		if (stack->modules[i]->handle == handle)
			return stack->modules[i];
	return NULL;
}

void lwf_module_info(const struct lwf_module *module, struct lwf_module_info *info)
{
	info->name = module->name;
	info->filter = module->filter;
	info->state = module->state;
	info->mandatory = module->options.mandatory;
	info->left_out = module->left_out;
	info->epoch = module->epoch;
	info->handle = module->handle;
	info->sends_out = module->sends_out;
	info->receives_out = module->receives_out;
	info->sends = module->sends;
	info->receives = module->receives;
	memcpy(info->send_answers, module->send_answers, sizeof(info->send_answers));
	memcpy(info->receive_answers, module->receive_answers, sizeof(info->receive_answers));
	info->dropped = module->dropped;
	info->options = &module->options;
}

int lwf_module_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct lwf_stack *stack = module->stack;
	int ret;

	if (module->state == LWF_STATE_DETACHED || module->state == LWF_STATE_ATTACHING)
		return -ENODEV;
	if (!module->ops->control)
		return -ENOTSUP;
	lwf_stack_enter(stack);
	ret = module->ops->control(module, what, argument);
	lwf_stack_exit(stack);
	return ret;
}

lwf_handle lwf_module_handle(const struct lwf_module *module)
{
	return module->handle;
}

const char *lwf_module_name(const struct lwf_module *module)
{
	return module->name;
}

struct lwf_host *lwf_module_host(const struct lwf_module *module)
{
	return module->stack->engine->host;
}

void *lwf_module_context(const struct lwf_module *module)
{
	return module->context;
}

void lwf_module_set_context(struct lwf_module *module, void *context)
{
	bool inside = module->callback.running;
	bool detaching = module->state == LWF_STATE_DETACHED || module->state == LWF_STATE_PAUSED;

	if (context)
		lwf_trace_call(module, "NdisFSetAttributes");
	/* there is no undo but the end: detach, or attach itself when it fails, may clear it */
	if (!inside || (module->state != LWF_STATE_ATTACHING && !(detaching && !context))) {
		lwf_rule_broken(module->stack, module, LWF_RULE_S20, "set outside of attach");
		return;
	}
	module->context = context;
}

enum lwf_state lwf_module_state(const struct lwf_module *module)
{
	return module->state;
}

const struct lwf_link *lwf_module_link(const struct lwf_module *module)
{
	return &module->stack->lower->link;
}

bool lwf_module_has_room(const struct lwf_module *module, enum lwf_direction direction)
{
	const struct lwf_stack *stack = module->stack;

	if (direction == LWF_DIRECTION_SEND)
		return stack->lower->room;
	return !stack->upper || stack->upper->room;
}

int lwf_module_timer_init(struct lwf_module *module, struct lwf_timer *timer, void (*fn)(void *),
			  void *context)
{
	for (unsigned i = 0; i < sizeof(module->timers) / sizeof(module->timers[0]); i++) {
		if (!module->timers[i]) {
			int ret = lwf_timer_init(timer, lwf_module_host(module), fn, context);

			if (!ret)
				module->timers[i] = timer;
			return ret;
		}
	}
	return -ENOSPC;
}

void lwf_module_timer_fini(struct lwf_module *module, struct lwf_timer *timer)
{
	for (unsigned i = 0; i < sizeof(module->timers) / sizeof(module->timers[0]); i++)
		if (module->timers[i] == timer)
			module->timers[i] = NULL;
	lwf_timer_fini(timer);
}
