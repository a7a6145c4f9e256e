/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge.c - broken rules of who owns a frame: what is said, and how the stack goes on.
 *
 * To go on means that every frame still comes home once. A frame that may not be where it is passed
 * on is taken out of its batch; what was counted wrongly is set right.
 */
#include <assert.h>

#include "conflicts.h"
#include "internal.h"
#include "judge.h"
#include "pool.h"

bool lwf_judge_attaching(struct lwf_module *module, const char *what)
{
	if (module->state != LWF_STATE_ATTACHING)
		return false;
	lwf_rule_broken(module->stack, module, LWF_RULE_P13, what);
	return true;
}

static bool judge_state(struct lwf_module *module, bool send)
{
	struct lwf_stack *stack = module->stack;

	if (module->state == LWF_STATE_RUNNING ||
	    (module->state == LWF_STATE_RESTARTING &&
	     lwf_conflict_lenient(stack->engine, LWF_CONFLICT_C3)))
		return true;
	if (lwf_judge_attaching(module, send ? "originated a send" : "originated a receive"))
		return false;
	if (module->state == LWF_STATE_PAUSED && module->restart_failed)
		lwf_rule_broken(stack, module, LWF_RULE_S12, "originated after a failed restart");
	else if (module->state == LWF_STATE_PAUSED && module->pause_was_immediate && send)
		lwf_rule_broken(stack, module, LWF_RULE_F01, "originated after a pause");
	else
		lwf_rule_broken(stack, module, send ? LWF_RULE_P01 : LWF_RULE_P02,
				"originated while not Running");
	return true;
}

/** Takes @gone out of @batch. */
static void take_out(struct lwf_batch *batch, const struct lwf_frame *gone)
{
	struct lwf_batch rest;
	struct lwf_frame *frame;

	lwf_batch_init(&rest);
	while ((frame = lwf_batch_pop(batch)))
		if (frame != gone)
			lwf_batch_push(&rest, frame);
	*batch = rest;
}

bool lwf_judge_birth(struct lwf_module *module, struct lwf_batch *batch, struct lwf_frame *frame,
		     bool send)
{
	struct lwf_stack *stack = module->stack;

	if (frame->origin != module->handle) {
		bool stale = frame->origin && frame->origin == module->old_handle;

		lwf_rule_broken(stack, module, stale ? LWF_RULE_S15 : LWF_RULE_O01,
				"a frame with another origin");
		frame->origin = module->handle;
	}
	if (send ? !module->ops->send_complete : !module->ops->receive_return)
		lwf_rule_broken(stack, module, LWF_RULE_O12,
				send ? "sends without send_complete"
				     : "originates receives without receive_return");
	else if (judge_state(module, send))
		return true;
	take_out(batch, frame);
	lwf_pool_put(frame);
	return false;
}

void lwf_judge_passed(struct lwf_module *module, struct lwf_batch *batch, struct lwf_frame *frame,
		      bool send)
{
	struct lwf_stack *stack = module->stack;

	if (frame->holder == LWF_HOLDER_HOME) {
		lwf_rule_broken(stack, module, LWF_RULE_O08, "a frame was used after it was freed");
		take_out(batch, frame);
		return;
	}
	if (frame->born == module->handle) {
		lwf_rule_broken(stack, module, LWF_RULE_O06,
				"an own frame was sent again before it came home");
		take_out(batch, frame);
		return;
	}
	if (frame->origin != frame->born) {
		lwf_rule_broken(stack, module, LWF_RULE_O02, "origin changed");
		frame->origin = frame->born;
	}
	if (send && (int32_t)(frame->order - module->last_in) >= 0)
		module->last_in = frame->order;
	else if (send && !(module->ops->traits & LWF_FILTER_REORDERS))
		lwf_rule_broken(stack, module, LWF_RULE_O07,
				"a send was passed on after one that came later");
	frame->holder = module->handle;
}

void lwf_judge_below_zero(struct lwf_module *module, int64_t *held)
{
	lwf_rule_broken(module->stack, module, LWF_RULE_O04, "a frame was passed on twice");
	*held = 0;
}

bool lwf_judge_goes_past(const struct lwf_module *module, bool send)
{
	const struct lwf_engine *engine = module->stack->engine;

	switch (module->state) {
	case LWF_STATE_RESTARTING:
		return lwf_conflict_lenient(engine, LWF_CONFLICT_C3);
	case LWF_STATE_PAUSING:
		return lwf_conflict_lenient(engine, send ? LWF_CONFLICT_C1 : LWF_CONFLICT_C2);
	case LWF_STATE_PAUSED:
		return !send && lwf_conflict_lenient(engine, LWF_CONFLICT_C2);
	default:
		return false;
	}
}

void lwf_judge_forward(struct lwf_module *module, bool send)
{
	if (lwf_judge_goes_past(module, send))
		return;
	lwf_rule_broken(module->stack, module, send ? LWF_RULE_P08 : LWF_RULE_P09,
			"forwarded while not Running");
}

void lwf_judge_kept(struct lwf_module *module)
{
	if (!(module->ops->traits & LWF_FILTER_HOLDS))
		lwf_rule_broken(module->stack, module, LWF_RULE_O04, "a frame was kept or lost");
	if (!module->stack->ages)
		lwf_aging_start(module->stack);
}

void lwf_judge_own(struct lwf_module *module, struct lwf_batch *batch, bool send)
{
	enum lwf_rule rule = send ? LWF_RULE_O03 : LWF_RULE_O09;
	struct lwf_batch others;
	struct lwf_frame *frame;

	lwf_rule_broken(module->stack, module, module->mixed ? LWF_RULE_O05 : rule,
			"own frames were completed as those of others");
	lwf_batch_init(&others);
	while ((frame = lwf_batch_pop(batch))) {
		if (frame->born == module->handle)
			lwf_pool_put(frame);
		else
			lwf_batch_push(&others, frame);
	}
	*batch = others;
}

void lwf_judge_surplus(struct lwf_module *module, struct lwf_batch *batch, uint32_t surplus)
{
	struct lwf_batch rest;
	struct lwf_frame *frame;

	lwf_rule_broken(module->stack, module, LWF_RULE_P16, "an own frame came home twice");
	lwf_batch_init(&rest);
	while ((frame = lwf_batch_pop(batch))) {
		if (surplus && frame->born == module->handle) {
			surplus--;
			lwf_pool_put(frame);
		} else {
			lwf_batch_push(&rest, frame);
		}
	}
	*batch = rest;
}

/* ---- pools ---- */

void lwf_judge_given(struct lwf_host *host, const struct lwf_frame *frame)
{
	bool again = frame->holder >= LWF_HOLDER_WAITS;
	struct lwf_module *module = NULL;
	struct lwf_stack *stack;

	for (uint32_t i = 0; !module && (stack = lwf_engine_stack_at(host->engine, i)); i++)
		module = lwf_stack_by_handle(stack, frame->born);
	if (!module)
		stack = lwf_engine_stack_at(host->engine, 0);
	assert(stack); /* nobody else hears of it */
	if (!frame->holder) {
		lwf_rule_broken(stack, module, LWF_RULE_O11, "freed while a clone of it is out");
		return;
	}
	lwf_rule_broken(stack, module, again ? LWF_RULE_O08 : LWF_RULE_O06,
			again ? "a frame was freed twice"
			      : "a frame was freed before it came home");
}
