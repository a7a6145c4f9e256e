/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advance.c - the way of a stack from where it is to where its holds want it.
 *
 * The stack has no state machine of its own. lwf_stack_advance() compares each part with the goal
 * and takes the next step in NDIS's order, until the goal is reached or a step pends:
 *
 *	pause    modules are told > upper edge (its sends come home) > modules from the top down > lower edge
 *	detach   modules from the top down, each told before and when its OIDs are done > lower edge
 *	attach   lower edge > modules from the bottom up
 *	restart  lower edge > modules from the bottom up > upper edge
 *
 * So a link that goes down and up while a pause is under way needs no queue of events: the goal is
 * looked at again when the step is done. A step that was completed by a frame goes on from a posted
 * task, never from inside the path that the frame came home on: the caller there may still touch
 * its module (races R5, R7).
 */
#include <stdio.h>

#include "failure.h"
#include "handlers.h"
#include "internal.h"
#include "lifecycle.h"
#include "modify.h"
#include "unload.h"

enum lwf_state lwf_stack_goal(const struct lwf_stack *stack)
{
	enum lwf_state goal = LWF_STATE_RUNNING;

	if (!stack->started)
		return LWF_STATE_DETACHED;
	for (unsigned i = 0; i < LWF_HOLDS; i++) {
		if (!(stack->holds & 1u << i))
			continue;
		if (lwf_hold_detaches((enum lwf_hold)i))
			return LWF_STATE_DETACHED;
		goal = LWF_STATE_PAUSED;
	}
	return goal;
}

enum lwf_state lwf_stack_state(const struct lwf_stack *stack)
{
	enum lwf_state least = stack->attached ? LWF_STATE_RUNNING : LWF_STATE_DETACHED;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		enum lwf_state state = stack->modules[i]->state;

		if (stack->modules[i]->left_out)
			continue;
		if (state == LWF_STATE_PAUSING || state == LWF_STATE_RESTARTING ||
		    state == LWF_STATE_ATTACHING)
			return state;
		if (state < least)
			least = state;
	}
	if (stack->waiting && !stack->waits_for_oids)
		/* no module is in transition: frames of an edge are on their way home */
		return LWF_STATE_PAUSING;
	if (least == LWF_STATE_RUNNING && !stack->lower_running)
		return LWF_STATE_PAUSED;
	return least;
}

/** Any of them may close any other meanwhile: inside the path none of them ends. */
static void tell_sessions(struct lwf_stack *stack)
{
	lwf_stack_enter(stack);
	for (struct lwf_session *session = stack->sessions; session; session = session->next)
		if (session->ops->state_changed && !session->closing)
			session->ops->state_changed(session);
	lwf_stack_exit(stack);
}

/** Tells the world when the stack as a whole is in another state. */
static void tell_state(struct lwf_stack *stack)
{
	enum lwf_state now = lwf_stack_state(stack);
	uint64_t time = lwf_host_now_ns(stack->engine->host);
	struct lwf_trace_record *record;

	if (now == stack->state)
		return;
	if (now == LWF_STATE_RUNNING)
		lwf_failure_judge(stack);
	record = lwf_trace_begin(stack, NULL, LWF_TRACE_STACK, lwf_state_name(now));
	record->before = (uint8_t)stack->state;
	record->after = (uint8_t)now;
	record->latency_ns = time - stack->since_ns;
	stack->state = now;
	stack->since_ns = time;
	lwf_trace_end(stack->engine, record);
	tell_sessions(stack);
}

/* ---- intake ---- */

static void set_intake(struct lwf_edge *edge, enum lwf_intake intake)
{
	if (!edge || edge->intake == intake)
		return;
	edge->intake = intake;
	edge->ops->set_intake(edge, intake);
}

/** What each device's waiting frames are worth, in the state the stack is in. */
static void update_intake(struct lwf_stack *stack)
{
	bool modify = stack->holds == 1u << LWF_HOLD_MODIFY;
	enum lwf_intake idle = stack->attached ? LWF_INTAKE_HOLD : LWF_INTAKE_DISCARD;
	bool running = stack->state == LWF_STATE_RUNNING;

	if (running && stack->lower->room)
		set_intake(stack->upper, LWF_INTAKE_READ);
	else
		set_intake(stack->upper, running ? LWF_INTAKE_HOLD : idle);
	if (running && (!stack->upper || stack->upper->room))
		set_intake(stack->lower, LWF_INTAKE_READ);
	else
		set_intake(stack->lower, running || modify ? LWF_INTAKE_HOLD : LWF_INTAKE_DISCARD);
}

void lwf_edge_set_room(struct lwf_edge *edge, bool room)
{
	struct lwf_stack *stack = edge->stack;

	if (edge->room == room)
		return;
	edge->room = room;
	if (!stack)
		return;
	update_intake(stack);
	if (room)
		tell_sessions(stack);
}

/* ---- the way ---- */

enum step { STEP_TAKEN, STEP_WAIT, STEP_ARRIVED, STEP_LATER };

static bool in_transition(const struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++) {
		enum lwf_state state = stack->modules[i]->state;

		if (state != LWF_STATE_DETACHED && state != LWF_STATE_PAUSED &&
		    state != LWF_STATE_RUNNING)
			return true;
	}
	return false;
}

/** Tells the Running modules, from the top down. */
static void tell_modules(struct lwf_stack *stack, enum lwf_net_pnp event)
{
	lwf_stack_enter(stack);
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->state == LWF_STATE_RUNNING && module->ops->net_pnp)
			module->ops->net_pnp(module, event);
	}
	lwf_stack_exit(stack);
}

/** One step of: upper edge, modules from the top down, lower edge. */
static enum step step_pause(struct lwf_stack *stack, const char *reason)
{
	struct lwf_edge *upper = stack->upper;

	if (stack->lower_running && !stack->pause_told) {
		stack->pause_told = true;
		tell_modules(stack, LWF_NET_PNP_PAUSE);
		return STEP_TAKEN;
	}
	if (stack->upper_running) {
		stack->upper_running = false;
		return STEP_TAKEN;
	}
	if (upper && upper->inputs_out > 0)
		return STEP_WAIT; /* the protocol waits for its sends before any filter is paused */
	for (uint32_t i = 0; i < stack->module_count; i++) {
		if (stack->modules[i]->state == LWF_STATE_RUNNING) {
			lwf_lifecycle(stack->modules[i], LWF_EVENT_PAUSE, reason);
			return STEP_TAKEN;
		}
	}
	if (stack->lower->inputs_out > 0)
		return STEP_WAIT;
	if (stack->lower_running) {
		stack->lower_running = false;
		return STEP_TAKEN;
	}
	return STEP_ARRIVED;
}

/** The device and the modules are still Paused, and their memory is in use (race R12). */
static enum step wait_for_oids(struct lwf_stack *stack)
{
	stack->waits_for_oids = true;
	return STEP_WAIT;
}

static enum step step_detach(struct lwf_stack *stack, const char *reason)
{
	for (uint32_t i = 0; i < stack->module_count; i++) {
		if (stack->modules[i]->state == LWF_STATE_PAUSED) {
			if (!lwf_pre_detach(stack->modules[i]))
				return wait_for_oids(stack);
			stack->attach_in_order = true;
			lwf_lifecycle(stack->modules[i], LWF_EVENT_DETACH, reason);
			stack->attach_in_order = false;
			return STEP_TAKEN;
		}
	}
	if (!stack->attached)
		return STEP_ARRIVED;
	if (stack->oids)
		return wait_for_oids(stack);
	stack->attached = false;
	lwf_modify_next_life(stack);
	if (stack->lower->ops->detach)
		stack->lower->ops->detach(stack->lower);
	return STEP_TAKEN;
}

void lwf_stack_fault(struct lwf_stack *stack, enum lwf_hold hold, const char *what)
{
	stack->holds |= 1u << hold;
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(hold), "+ %s", what);
	lwf_log(stack->engine->host, LWF_LOG_ERROR, "%s: %s", stack->name, what);
}

static enum step step_attach(struct lwf_stack *stack, const char *reason)
{
	struct lwf_edge *lower = stack->lower;

	if (!stack->attached) {
		if (lower->ops->attach && lower->ops->attach(lower)) {
			lwf_stack_fault(stack, LWF_HOLD_FAULT_DETACH,
					"the lower edge cannot attach");
			return STEP_TAKEN;
		}
		stack->attached = true;
		stack->epoch++;
		return STEP_TAKEN;
	}
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_DETACHED || module->left_out)
			continue;
		stack->attach_in_order = stack->change_count == 0;
		lwf_lifecycle(module, LWF_EVENT_ATTACH, reason);
		stack->attach_in_order = false;
		return STEP_TAKEN;
	}
	return STEP_ARRIVED;
}

static enum step step_restart(struct lwf_stack *stack, const char *reason)
{
	if (lwf_handlers_round(stack))
		return STEP_TAKEN;
	if (!stack->lower_running) {
		stack->lower_running = true;
		return STEP_TAKEN;
	}
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_PAUSED)
			continue;
		lwf_lifecycle(module, LWF_EVENT_RESTART, reason);
		return STEP_TAKEN;
	}
	if (stack->pause_told) {
		stack->pause_told = false;
		tell_modules(stack, LWF_NET_PNP_RESTART);
		return STEP_TAKEN;
	}
	if (stack->upper && !stack->upper_running) {
		stack->upper_running = true;
		return STEP_TAKEN;
	}
	return STEP_ARRIVED;
}

/** What the trace says of a step that the present holds cause. */
static void name_reason(const struct lwf_stack *stack, char *text, size_t bytes)
{
	size_t used = 0;

	snprintf(text, bytes, "no hold");
	for (unsigned i = 0; i < LWF_HOLDS && used < bytes; i++)
		if (stack->holds & 1u << i)
			used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? "," : "",
						 lwf_hold_name((enum lwf_hold)i));
}

static enum step step(struct lwf_stack *stack)
{
	enum lwf_state goal = lwf_stack_goal(stack);
	char reason[LWF_TRACE_TEXT_BYTES];
	enum step taken;

	name_reason(stack, reason, sizeof(reason));
	stack->waits_for_oids = false;
	if (in_transition(stack))
		return STEP_WAIT;
	switch (lwf_failure_settle(stack)) {
	case LWF_FAILURE_NONE:
		break;
	case LWF_FAILURE_SETTLED:
		return STEP_TAKEN;
	case LWF_FAILURE_LATER:
		lwf_stack_post(stack);
		return STEP_LATER;
	}
	if (lwf_unload_step(stack) || lwf_handlers_step(stack, goal == LWF_STATE_RUNNING))
		return STEP_TAKEN;
	if (goal < LWF_STATE_RUNNING || stack->change_count) {
		lwf_handlers_forget(stack);
		taken = step_pause(stack, reason);
		if (taken != STEP_ARRIVED)
			return taken;
	}
	if (stack->change_count) {
		if (!lwf_modify_may_apply(stack))
			return wait_for_oids(stack);
		lwf_modify_apply(stack);
		return STEP_TAKEN;
	}
	if (goal == LWF_STATE_DETACHED || lwf_pre_detach_begun(stack))
		return step_detach(stack, reason);
	taken = step_attach(stack, reason);
	if (taken != STEP_ARRIVED || goal == LWF_STATE_PAUSED)
		return taken;
	return step_restart(stack, reason);
}

static void set_waiting(struct lwf_stack *stack, bool waiting)
{
	if (waiting == stack->waiting)
		return;
	stack->waiting = waiting;
	stack->limit_reported = false;
	if (waiting) {
		stack->waiting_since_ns = lwf_host_now_ns(stack->engine->host);
		lwf_timer_set(&stack->watchdog, LWF_WATCHDOG_NS);
	} else {
		lwf_timer_cancel(&stack->watchdog);
	}
}

bool lwf_stack_may_end(const struct lwf_stack *stack)
{
	return stack->closed && lwf_stack_goal(stack) == LWF_STATE_DETACHED && !stack->sessions &&
	       lwf_stack_state(stack) == LWF_STATE_DETACHED && !stack->waiting && !stack->oids &&
	       stack->copies_out == 0 && stack->lower->inputs_out == 0 &&
	       (!stack->upper || stack->upper->inputs_out == 0);
}

void lwf_stack_advance(struct lwf_stack *stack)
{
	enum step taken;

	if (stack->advancing) {
		stack->again = true;
		return;
	}
	if (stack->depth) {
		lwf_stack_post(stack);
		return;
	}
	stack->advancing = true;
	do {
		stack->again = false;
		do {
			taken = step(stack);
		} while (taken == STEP_TAKEN);
		set_waiting(stack, taken == STEP_WAIT);
		tell_state(stack);
		update_intake(stack);
	} while (stack->again);
	stack->advancing = false;
	if (lwf_stack_settled(stack))
		lwf_modify_settled(stack);
	if (stack->engine->unload_look)
		lwf_unload_look(stack->engine);
	if (lwf_stack_may_end(stack))
		lwf_stack_post(stack);
	else if (stack->closed && !stack->waiting && !stack->watchdog.armed)
		lwf_timer_set(&stack->watchdog, LWF_LOST_SESSION_NS);
}
