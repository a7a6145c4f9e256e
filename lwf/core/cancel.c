/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel.c - the way of a cancel id: from whoever cancels down to the lower edge, module by module.
 *
 * NDIS counterpart: NdisCancelSendNetBufferLists. A module that may keep sends answers those that
 * match as SEND_ABORTED, leaves the others alone, and passes the id on (O13). It is a hint: a send
 * that the device has is completed as usual.
 *
 * What can be seen of O13: whether the id went on, once; what the module answered inside its cancel
 * function; and, of what it still keeps after it, whether it forwards what it should have answered.
 */
#include "cancel.h"
#include "internal.h"

static uint32_t index_of(const struct lwf_module *module)
{
	uint32_t index = 0;

	while (module->stack->modules[index] != module)
		index++;
	return index;
}

static void cancel_from(struct lwf_stack *stack, uint32_t index, uint64_t cancel_id);

static void broken(struct lwf_module *module, const char *what)
{
	lwf_rule_broken(module->stack, module, LWF_RULE_O13, what);
}

static void cancel_in(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_cancel outer = module->cancel; /* an answer may make its owner cancel more */
	uint32_t arrived = module->arrived;
	bool passed;

	module->cancel =
		(struct lwf_cancel){.active = true, .id = cancel_id, .depth = stack->depth};
	module->ops->cancel(module, cancel_id);
	passed = module->cancel.passed;
	module->cancel = outer;
	/* what it has in its hands, not in its queue, may go on: it cannot find it */
	if (!outer.active && !module->sending && module->held_sends > 0)
		module->cancel =
			(struct lwf_cancel){.watched = true, .id = cancel_id, .arrived = arrived};
	if (passed)
		return;
	broken(module, "the id was not forwarded");
	cancel_from(stack, index_of(module) + 1, cancel_id);
}

/** Where nothing can be kept the id goes on by itself. */
static void cancel_from(struct lwf_stack *stack, uint32_t index, uint64_t cancel_id)
{
	for (; index < stack->module_count; index++) {
		struct lwf_module *module = stack->modules[index];

		if (!module->ops->cancel ||
		    (module->state != LWF_STATE_RUNNING && module->state != LWF_STATE_PAUSING))
			continue;
		cancel_in(module, cancel_id);
		return;
	}
	if (stack->lower->ops->cancel)
		stack->lower->ops->cancel(stack->lower, cancel_id);
}

void lwf_stack_cancel(struct lwf_stack *stack, uint64_t cancel_id)
{
	lwf_stack_enter(stack);
	cancel_from(stack, 0, cancel_id);
	lwf_stack_exit(stack);
}

void lwf_next_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_stack *stack = module->stack;

	if (module->cancel.active && module->cancel.id == cancel_id) {
		if (module->cancel.passed) {
			broken(module, "the id was forwarded twice");
			return;
		}
		module->cancel.passed = true;
	}
	lwf_stack_enter(stack);
	cancel_from(stack, index_of(module) + 1, cancel_id);
	lwf_stack_exit(stack);
}

uint64_t lwf_generate_partial_cancel_id(struct lwf_module *module)
{
	return (uint64_t)++module->stack->engine->last_session << 32;
}

void lwf_judge_aborted(struct lwf_module *module, const struct lwf_batch *batch)
{
	if (module->stack->depth != module->cancel.depth + 1)
		return; /* not the cancel function itself, but somebody whom it called */
	for (const struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		if (!lwf_cancel_matches(frame, module->cancel.id))
			broken(module, "a send that was not meant was answered");
		else if (frame->status != LWF_STATUS_SEND_ABORTED)
			broken(module, "a cancelled send was not answered SEND_ABORTED");
	}
}

void lwf_judge_forwarded(struct lwf_module *module, const struct lwf_batch *batch)
{
	for (const struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		if (frame->born != module->handle &&
		    (int32_t)(frame->order - module->cancel.arrived) <= 0 &&
		    lwf_cancel_matches(frame, module->cancel.id))
			broken(module, "a send was forwarded that was cancelled here");
	if (module->held_sends <= batch->count)
		module->cancel.watched = false;
}
