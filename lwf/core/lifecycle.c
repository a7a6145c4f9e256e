/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifecycle.c - the one state machine of a module, as a table, and its only writer.
 *
 * A row says: in this state, this event runs this action, and the module enters the next state
 * before the action runs (a filter is Pausing inside its pause function). The action is a call of
 * the filter; it comes to done, pending or failed and never assigns a state: done and failed are
 * fed back as events, and pending waits for lwf_pause_complete() or lwf_restart_complete().
 *
 * States, what they allow, and what must hold in them:
 *	DETACHED    no handle, no context. Only attach.
 *	ATTACHING   inside attach. Nothing may be sent, received or indicated.
 *	PAUSED      sends_out == receives_out == 0, nothing held. Restart or detach may follow.
 *	RESTARTING  inside restart, or waiting for its completion. Gate shut.
 *	RUNNING     everything is allowed. Only pause may follow.
 *	PAUSING     nothing new is originated; what is out comes home. No event is accepted.
 *
 * A completion may come before the callback has returned PENDING, from inside it or from a frame
 * that it completed (races R3, R4); struct lwf_callback remembers it.
 */
#include <assert.h>
#include <stdio.h>

#include "conflicts.h"
#include "internal.h"
#include "lifecycle.h"

static enum lwf_outcome act_attach(struct lwf_module *module);
static enum lwf_outcome act_restart(struct lwf_module *module);
static enum lwf_outcome act_pause(struct lwf_module *module);
static enum lwf_outcome act_detach(struct lwf_module *module);
static enum lwf_outcome act_none(struct lwf_module *module);

#define S(state) LWF_STATE_##state
#define E(event) LWF_EVENT_##event

static const struct row {
	enum lwf_state state;
	enum lwf_event event;
	enum lwf_outcome (*action)(struct lwf_module *module);
	enum lwf_state next;
	const char *action_name;
} table[] = {
	/* state        event       action        next state */
	{S(DETACHED), E(ATTACH), act_attach, S(ATTACHING), "FilterAttach"},
	{S(ATTACHING), E(DONE), act_none, S(PAUSED), "-"},
	{S(ATTACHING), E(FAILED), act_none, S(DETACHED), "-"},
	{S(PAUSED), E(RESTART), act_restart, S(RESTARTING), "FilterRestart"},
	{S(RESTARTING), E(DONE), act_none, S(RUNNING), "-"},
	{S(RESTARTING), E(FAILED), act_none, S(PAUSED), "-"},
	{S(RUNNING), E(PAUSE), act_pause, S(PAUSING), "FilterPause"},
	{S(PAUSING), E(DONE), act_none, S(PAUSED), "-"},
	{S(PAUSED), E(DETACH), act_detach, S(DETACHED), "FilterDetach"},
};

#undef S
#undef E

#define ROWS (sizeof(table) / sizeof(table[0]))

static const char *const events[] = {
#define X(sym, name) name,
	LWF_EVENT_LIST(X)
#undef X
};

_Static_assert(sizeof(events) / sizeof(events[0]) == LWF_EVENTS, "one name an event");

const char *lwf_event_name(enum lwf_event event)
{
	return events[event];
}

bool lwf_lifecycle_row(unsigned index, enum lwf_state *state, enum lwf_event *event,
		       const char **action, enum lwf_state *next)
{
	if (index >= ROWS)
		return false;
	*state = table[index].state;
	*event = table[index].event;
	*action = table[index].action_name;
	*next = table[index].next;
	return true;
}

/** Names the rule that an event without a row breaks. */
static enum lwf_rule forbidden_by(const struct lwf_module *module, enum lwf_event event)
{
	if (module->state == LWF_STATE_DETACHED)
		return LWF_RULE_S01;
	if (module->state == LWF_STATE_PAUSING || module->state == LWF_STATE_RESTARTING)
		return LWF_RULE_S16;
	switch (event) {
	case LWF_EVENT_PAUSE:
		return LWF_RULE_S05;
	case LWF_EVENT_RESTART:
		return LWF_RULE_S11;
	case LWF_EVENT_DETACH:
		return LWF_RULE_S14;
	default:
		return LWF_RULE_S01;
	}
}

/** S18: each module that wants to set options has been asked before any of them is restarted. */
static void judge_options(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		const struct lwf_module *other = stack->modules[i];

		if (other->state == LWF_STATE_PAUSED && other->ops->set_module_options &&
		    !other->options_set)
			lwf_rule_broken(stack, other, LWF_RULE_S18,
					"a restart came before its options were set");
	}
}

/** T01, T02: what the neighbours must be when a module gets this event. */
static void judge_order(struct lwf_module *module, enum lwf_event event)
{
	struct lwf_stack *stack = module->stack;
	bool above = true; /* the neighbour looked at is above this module */

	for (uint32_t i = 0; i < stack->module_count; i++) {
		enum lwf_state state = stack->modules[i]->state;

		if (stack->modules[i] == module) {
			above = false;
			continue;
		}
		if (stack->modules[i]->left_out)
			continue;
		if (event == LWF_EVENT_PAUSE && above && state > LWF_STATE_PAUSED &&
		    !stack->pausing_one)
			lwf_rule_broken(stack, module, LWF_RULE_T01, "paused before one above it");
		if (event == LWF_EVENT_RESTART && !above && state != LWF_STATE_RUNNING)
			lwf_rule_broken(stack, module, LWF_RULE_T01,
					"restarted before one below it");
		if (event == LWF_EVENT_DETACH && stack->attach_in_order && above &&
		    state != LWF_STATE_DETACHED)
			lwf_rule_broken(stack, module, LWF_RULE_T02,
					"detached before one above it");
		if (event == LWF_EVENT_ATTACH && stack->attach_in_order && !above &&
		    state == LWF_STATE_DETACHED)
			lwf_rule_broken(stack, module, LWF_RULE_T02,
					"attached before one below it");
	}
}

static void enter(struct lwf_module *module, enum lwf_state next, enum lwf_event event,
		  const char *reason)
{
	struct lwf_engine *engine = module->stack->engine;
	uint64_t now = lwf_host_now_ns(engine->host);
	struct lwf_trace_record *record;

	record = lwf_trace_begin(module->stack, module, LWF_TRACE_STATE, lwf_event_name(event));
	record->after = (uint8_t)next;
	record->latency_ns = now - module->since_ns;
	record->status = module->callback.status;
	snprintf(record->text, sizeof(record->text), "%s", reason);
	module->state = next;
	module->since_ns = now;
	lwf_trace_end(engine, record);
}

static _Thread_local char marker; /* its address names the thread */

bool lwf_on_control_thread(const struct lwf_engine *engine)
{
	return engine->thread_marker == &marker;
}

/** S16, S17 and the table: may @event run its row? */
static bool may_run(struct lwf_module *module, enum lwf_event event, const struct row *row)
{
	struct lwf_stack *stack = module->stack;

	if (!lwf_on_control_thread(stack->engine)) {
		if (stack->engine->thread_marker)
			lwf_rule_broken(stack, module, LWF_RULE_S17,
					"control event on another thread");
		stack->engine->thread_marker = &marker;
	}
	if (!row) {
		lwf_rule_broken(stack, module, forbidden_by(module, event), events[event]);
		return false;
	}
	if (module->callback.running) {
		lwf_rule_broken(stack, module, LWF_RULE_S17, "control event inside a callback");
		return false;
	}
	if (module->callback.pending) { /* only its completion may end what pends */
		lwf_rule_broken(stack, module,
				module->state == LWF_STATE_PAUSING ? LWF_RULE_S08 : LWF_RULE_S13,
				"ended without its completion");
		return false;
	}
	return true;
}

/**
 * C10: by the narrow reading a module is Detached from the moment in which its detach is entered,
 * by the wide one when it has returned. The trace has both edges: the change of state, and with
 * details the answer of the callback, or before it the record "detaching".
 */
static void run_detach(struct lwf_module *module, const struct row *row, const char *reason)
{
	struct lwf_stack *stack = module->stack;
	bool wide = lwf_conflict_lenient(stack->engine, LWF_CONFLICT_C10);

	if (wide)
		lwf_trace_text(stack, module, LWF_TRACE_MODULE, "detaching", "%s", reason);
	else
		enter(module, row->next, row->event, reason);
	module->detaching = true;
	row->action(module);
	module->detaching = false;
	if (wide)
		enter(module, row->next, row->event, reason);
	module->old_handle = module->handle;
	module->handle = 0;
	module->ops = module->filter;
}

/** What the module is in when the action of its event begins. */
static void begin(struct lwf_module *module, enum lwf_event event)
{
	if (event <= LWF_EVENT_DETACH) {
		judge_order(module, event);
		if (event == LWF_EVENT_RESTART)
			judge_options(module);
		module->callback = (struct lwf_callback){0};
	}
	if (event == LWF_EVENT_ATTACH) {
		module->handle = ++module->stack->engine->last_handle;
		module->epoch++;
	}
	if (event == LWF_EVENT_PAUSE)
		module->restart_asked = false;
	if (event == LWF_EVENT_FAILED || event <= LWF_EVENT_RESTART)
		module->failed = event == LWF_EVENT_FAILED;
	if (event == LWF_EVENT_RESTART || event == LWF_EVENT_ATTACH)
		module->options_set = false;
}

bool lwf_lifecycle(struct lwf_module *module, enum lwf_event event, const char *reason)
{
	struct lwf_stack *stack = module->stack;
	const struct row *row = NULL;
	enum lwf_outcome outcome;

	for (unsigned i = 0; i < ROWS && !row; i++)
		if (table[i].state == module->state && table[i].event == event)
			row = &table[i];
	if (!may_run(module, event, row))
		return false;
	begin(module, event);
	if (event == LWF_EVENT_DETACH) {
		run_detach(module, row, reason);
		return true;
	}
	enter(module, row->next, event, reason);
	outcome = row->action(module);
	if (row->action != act_none && module->state != row->next)
		lwf_rule_broken(stack, module, LWF_RULE_S02, "state changed inside a callback");
	if (row->action == act_none)
		return true;
	if (outcome == LWF_OUTCOME_PENDING) {
		struct lwf_trace_record *record =
			lwf_trace_begin(stack, module, LWF_TRACE_STATE, "pending");

		record->owed = true;
		record->status = LWF_STATUS_PENDING;
		snprintf(record->text, sizeof(record->text), "%s", reason);
		lwf_trace_end(stack->engine, record);
		return true;
	}
	lwf_lifecycle(module, outcome == LWF_OUTCOME_DONE ? LWF_EVENT_DONE : LWF_EVENT_FAILED,
		      reason);
	if (event == LWF_EVENT_PAUSE && module->state != LWF_STATE_PAUSED)
		lwf_rule_broken(stack, module, LWF_RULE_S07, "done, and not Paused");
	return true;
}

static enum lwf_outcome act_none(struct lwf_module *module)
{
	if (module->state == LWF_STATE_DETACHED) { /* a failed attach ends the life it began */
		module->old_handle = module->handle;
		module->handle = 0;
	}
	return LWF_OUTCOME_DONE;
}

static bool has_timers(const struct lwf_module *module)
{
	for (unsigned i = 0; i < sizeof(module->timers) / sizeof(module->timers[0]); i++)
		if (module->timers[i])
			return true;
	return false;
}

static enum lwf_outcome act_attach(struct lwf_module *module)
{
	struct lwf_callback *callback = &module->callback;

	module->pause_was_immediate = false;
	module->restart_failed = false;
	module->pre_detached = module->oid_closed = false;
	callback->running = true;
	callback->status = module->ops->attach ? module->ops->attach(module, &module->options)
					       : (lwf_status)LWF_STATUS_SUCCESS;
	callback->running = false;
	lwf_trace_callback(module, "FilterAttach", callback->status);
	module->attach_context = module->context;
	if (callback->status == LWF_STATUS_SUCCESS)
		return LWF_OUTCOME_DONE;
	if (callback->status == LWF_STATUS_PENDING)
		lwf_rule_broken(module->stack, module, LWF_RULE_S04, "attach answered PENDING");
	if (module->context || has_timers(module))
		lwf_rule_broken(module->stack, module, LWF_RULE_S03,
				"a failed attach left something");
	return LWF_OUTCOME_FAILED;
}

static enum lwf_outcome act_detach(struct lwf_module *module)
{
	module->callback.running = true;
	if (module->ops->detach)
		module->ops->detach(module);
	module->callback.running = false;
	lwf_trace_callback(module, "FilterDetach", LWF_STATUS_SUCCESS);
	module->pre_detached = module->oid_closed = false;
	module->context = NULL;
	module->attach_context = NULL;
	return LWF_OUTCOME_DONE;
}

static enum lwf_outcome act_restart(struct lwf_module *module)
{
	struct lwf_callback *callback = &module->callback;

	module->restart_failed = false;
	callback->running = true;
	callback->status = module->ops->restart ? module->ops->restart(module)
						: (lwf_status)LWF_STATUS_SUCCESS;
	callback->running = false;
	lwf_trace_callback(module, "FilterRestart", callback->status);
	if (callback->status == LWF_STATUS_PENDING) {
		if (!callback->completed) {
			callback->pending = true;
			return LWF_OUTCOME_PENDING;
		}
		callback->status = LWF_STATUS_SUCCESS; /* unless it was completed with a failure */
	} else if (callback->completed) {
		lwf_rule_broken(module->stack, module, LWF_RULE_S13,
				"completed and answered as well");
	}
	if (module->restart_failed)
		callback->status = LWF_STATUS_FAILURE;
	module->restart_failed = callback->status != LWF_STATUS_SUCCESS;
	return module->restart_failed ? LWF_OUTCOME_FAILED : LWF_OUTCOME_DONE;
}

/**
 * P03, P04, P06, P07, P14, P15: what must hold when a pause ends. False when frames are still out:
 * the module then stays Pausing until they are home, for its memory must outlive them.
 */
static bool judge_pause_end(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;

	if (module->sends_out)
		lwf_rule_broken(stack, module, LWF_RULE_P03, "own sends are outstanding");
	if (module->receives_out)
		lwf_rule_broken(stack, module, LWF_RULE_P04, "own receives are outstanding");
	if (module->held_sends > 0)
		lwf_rule_broken(stack, module, LWF_RULE_P06, "sends of others are held");
	if (module->held_receives > 0)
		lwf_rule_broken(stack, module, LWF_RULE_P07, "receives of others are held");
	if (module->context != module->attach_context)
		lwf_rule_broken(stack, module, LWF_RULE_P14, "the context changed since attach");
	for (unsigned i = 0; i < sizeof(module->timers) / sizeof(module->timers[0]); i++)
		if (module->timers[i] && module->timers[i]->armed)
			lwf_rule_broken(stack, module, LWF_RULE_P15, "a timer is still armed");
	return lwf_module_quiet(module);
}

static enum lwf_outcome act_pause(struct lwf_module *module)
{
	struct lwf_callback *callback = &module->callback;
	struct lwf_stack *stack = module->stack;

	module->drained_inside = false;
	callback->running = true;
	callback->status =
		module->ops->pause ? module->ops->pause(module) : (lwf_status)LWF_STATUS_SUCCESS;
	callback->running = false;
	lwf_trace_callback(module, "FilterPause", callback->status);
	if (callback->status != LWF_STATUS_SUCCESS && callback->status != LWF_STATUS_PENDING) {
		lwf_rule_broken(stack, module, LWF_RULE_S06, "pause answered something else");
		callback->status = LWF_STATUS_SUCCESS;
	}
	if (callback->status == LWF_STATUS_SUCCESS && callback->completed)
		lwf_rule_broken(stack, module, LWF_RULE_S09,
				"completed a pause that answered SUCCESS");
	module->pause_was_immediate = callback->status == LWF_STATUS_SUCCESS;
	if (callback->status == LWF_STATUS_PENDING && !callback->completed) {
		callback->pending = true;
		return LWF_OUTCOME_PENDING;
	}
	if (judge_pause_end(module))
		return LWF_OUTCOME_DONE;
	module->late = true;
	return LWF_OUTCOME_PENDING;
}

void lwf_lifecycle_quiet(struct lwf_module *module)
{
	if (!module->late || !lwf_module_quiet(module))
		return;
	module->late = false;
	lwf_lifecycle(module, LWF_EVENT_DONE, "the last frame came home late");
	lwf_stack_post(module->stack);
}

void lwf_pause_complete(struct lwf_module *module)
{
	struct lwf_callback *callback = &module->callback;
	struct lwf_stack *stack = module->stack;

	lwf_trace_callback(module, "NdisFPauseComplete", LWF_STATUS_SUCCESS);
	if (module->state != LWF_STATE_PAUSING) {
		bool again = module->state == LWF_STATE_PAUSED && callback->completed;

		lwf_rule_broken(stack, module, again ? LWF_RULE_S10 : LWF_RULE_S09,
				"a pause was completed that nobody waits for");
		return;
	}
	if (callback->completed) {
		lwf_rule_broken(stack, module, LWF_RULE_S10, "a pause was completed twice");
		return;
	}
	callback->completed = true;
	if (callback->running)
		return; /* act_pause() goes on with it */
	if (!callback->pending) {
		lwf_rule_broken(stack, module, LWF_RULE_S09,
				"completed a pause that answered SUCCESS");
		return;
	}
	callback->pending = false;
	callback->status = LWF_STATUS_SUCCESS;
	if (judge_pause_end(module))
		lwf_lifecycle(module, LWF_EVENT_DONE, "completed by the last frame");
	else
		module->late = true;
	lwf_stack_post(stack);
}

void lwf_restart_complete(struct lwf_module *module, lwf_status status)
{
	struct lwf_callback *callback = &module->callback;

	lwf_trace_callback(module, "NdisFRestartComplete", status);
	if (module->state != LWF_STATE_RESTARTING || callback->completed ||
	    (!callback->running && !callback->pending)) {
		lwf_rule_broken(module->stack, module, LWF_RULE_S13,
				"a restart was completed that nobody waits for");
		return;
	}
	callback->completed = true;
	module->restart_failed = status != LWF_STATUS_SUCCESS;
	if (callback->running)
		return; /* act_restart() goes on with it */
	callback->pending = false;
	callback->status = status;
	lwf_lifecycle(module, module->restart_failed ? LWF_EVENT_FAILED : LWF_EVENT_DONE,
		      "completed later");
	lwf_stack_post(module->stack);
}
