/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - a stack as a whole: its holds, and the way from where it is to where they want it.
 *
 * The stack has no state machine of its own. advance() compares each part with the goal and takes
 * the next step in NDIS's order, until the goal is reached or a step pends:
 *
 *	pause    upper edge (its sends come home) > modules from the top down > lower edge
 *	detach   modules from the top down > lower edge
 *	attach   lower edge > modules from the bottom up
 *	restart  lower edge > modules from the bottom up > upper edge
 *
 * So a link that goes down and up while a pause is under way needs no queue of events: the goal is
 * looked at again when the step is done. A step that was completed by a frame goes on from a posted
 *task, never from inside the path that the frame came home on: the caller there may still touch its
 *module (races R5, R7).
 *
 * The watchdog names what the stack waits for after 1 s and every second from then on, and reports
 *P17 at 10 s.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "lifecycle.h"
#include "modify.h"

static void advance(struct lwf_stack *stack);

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
	bool pausing = stack->attached && stack->upper && !stack->upper_running &&
		       stack->upper->inputs_out > 0;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		enum lwf_state state = stack->modules[i]->state;

		if (state == LWF_STATE_PAUSING || state == LWF_STATE_RESTARTING ||
		    state == LWF_STATE_ATTACHING)
			return state;
		if (state < least)
			least = state;
	}
	if (pausing && least > LWF_STATE_DETACHED)
		return LWF_STATE_PAUSING;
	if (least == LWF_STATE_RUNNING && !stack->lower_running)
		return LWF_STATE_PAUSED;
	if (least == LWF_STATE_RUNNING && stack->upper && !stack->upper_running)
		return LWF_STATE_RESTARTING;
	return least;
}

/** Tells the world when the stack as a whole is in another state. */
static void tell_state(struct lwf_stack *stack)
{
	enum lwf_state now = lwf_stack_state(stack);
	uint64_t time = lwf_host_now_ns(stack->engine->host);
	struct lwf_trace_record *record;
	struct lwf_session *next;

	if (now == stack->state)
		return;
	record = lwf_trace_begin(stack, NULL, LWF_TRACE_STACK, lwf_state_name(now));
	record->before = (uint8_t)stack->state;
	record->after = (uint8_t)now;
	record->latency_ns = time - stack->since_ns;
	stack->state = now;
	stack->since_ns = time;
	lwf_trace_end(stack->engine, record);
	for (struct lwf_session *session = stack->sessions; session; session = next) {
		next = session->next;
		if (session->ops->state_changed && !session->closing)
			session->ops->state_changed(session);
	}
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
	struct lwf_session *next;

	if (edge->room == room)
		return;
	edge->room = room;
	if (!stack)
		return;
	update_intake(stack);
	for (struct lwf_session *session = stack->sessions; room && session; session = next) {
		next = session->next;
		if (session->ops->state_changed && !session->closing)
			session->ops->state_changed(session);
	}
}

/* ---- the way ---- */

enum step { STEP_TAKEN, STEP_WAIT, STEP_ARRIVED };

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

/** One step of: upper edge, modules from the top down, lower edge. */
static enum step step_pause(struct lwf_stack *stack, const char *reason)
{
	struct lwf_edge *upper = stack->upper;

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

static enum step step_detach(struct lwf_stack *stack, const char *reason)
{
	for (uint32_t i = 0; i < stack->module_count; i++) {
		if (stack->modules[i]->state == LWF_STATE_PAUSED) {
			stack->attach_in_order = true;
			lwf_lifecycle(stack->modules[i], LWF_EVENT_DETACH, reason);
			stack->attach_in_order = false;
			return STEP_TAKEN;
		}
	}
	if (!stack->attached)
		return STEP_ARRIVED;
	stack->attached = false;
	if (stack->lower->ops->detach)
		stack->lower->ops->detach(stack->lower);
	return STEP_TAKEN;
}

static void fault(struct lwf_stack *stack, enum lwf_hold hold, const char *what)
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
			fault(stack, LWF_HOLD_FAULT_DETACH, "the lower edge cannot attach");
			return STEP_TAKEN;
		}
		stack->attached = true;
		stack->epoch++;
		return STEP_TAKEN;
	}
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_DETACHED)
			continue;
		stack->attach_in_order = stack->change_count == 0;
		lwf_lifecycle(module, LWF_EVENT_ATTACH, reason);
		stack->attach_in_order = false;
		if (module->state == LWF_STATE_DETACHED)
			fault(stack, LWF_HOLD_FAULT_DETACH, "a module's attach failed");
		return STEP_TAKEN;
	}
	return STEP_ARRIVED;
}

static enum step step_restart(struct lwf_stack *stack, const char *reason)
{
	if (!stack->lower_running) {
		stack->lower_running = true;
		return STEP_TAKEN;
	}
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_PAUSED)
			continue;
		lwf_lifecycle(module, LWF_EVENT_RESTART, reason);
		if (module->state == LWF_STATE_PAUSED)
			fault(stack, LWF_HOLD_FAULT_PAUSE, "a module's restart failed");
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
	if (in_transition(stack))
		return STEP_WAIT;
	if (goal < LWF_STATE_RUNNING || stack->change_count) {
		taken = step_pause(stack, reason);
		if (taken != STEP_ARRIVED)
			return taken;
	}
	if (stack->change_count) {
		lwf_modify_apply(stack);
		return STEP_TAKEN;
	}
	if (goal == LWF_STATE_DETACHED)
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

static bool may_end(const struct lwf_stack *stack)
{
	return stack->closed && lwf_stack_goal(stack) == LWF_STATE_DETACHED && !stack->sessions &&
	       lwf_stack_state(stack) == LWF_STATE_DETACHED && !stack->waiting &&
	       stack->lower->inputs_out == 0 && (!stack->upper || stack->upper->inputs_out == 0);
}

static void advance(struct lwf_stack *stack)
{
	enum step taken;

	if (stack->advancing) {
		stack->again = true;
		return;
	}
	stack->advancing = true;
	do {
		stack->again = false;
		taken = step(stack);
		tell_state(stack);
	} while (taken == STEP_TAKEN || stack->again);
	stack->advancing = false;
	set_waiting(stack, taken == STEP_WAIT);
	update_intake(stack);
	if (may_end(stack))
		lwf_stack_post(stack);
}

/* ---- birth and end ---- */

static void destroy(struct lwf_stack *stack)
{
	struct lwf_host *host = stack->engine->host;
	void (*closed)(void *) = stack->closed;
	void *context = stack->closed_context;

	for (uint32_t i = 0; i < stack->module_count; i++)
		lwf_host_free(host, stack->modules[i]);
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (stack->engine->stacks[i] == stack)
			stack->engine->stacks[i] = NULL;
	lwf_timer_fini(&stack->watchdog);
	if (stack->upper)
		stack->upper->ops->close(stack->upper);
	stack->lower->ops->close(stack->lower);
	lwf_pool_destroy(stack->scratch);
	lwf_host_free(host, stack);
	closed(context);
}

static void posted(void *context)
{
	struct lwf_stack *stack = context;

	stack->posted = false;
	if (may_end(stack)) {
		destroy(stack);
		return;
	}
	advance(stack);
}

void lwf_stack_post(struct lwf_stack *stack)
{
	if (stack->posted)
		return;
	stack->posted = true;
	lwf_host_post(stack->engine->host, &stack->task);
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= LWF_NAME_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] == '/' || name[i] == 0x7f)
			return false;
	return true;
}

static void no_one_to_tell(void *context)
{
	(void)context;
}

static void adopt_edge(struct lwf_stack *stack, struct lwf_edge *edge, enum lwf_side side)
{
	edge->stack = stack;
	edge->side = side;
	edge->handle = ++stack->engine->last_handle;
	edge->room = true;
	edge->intake = LWF_INTAKE_HOLD;
	edge->inputs_out = 0;
}

static void bark(void *context);

static int build(struct lwf_engine *engine, const char *name, struct lwf_stack **out)
{
	struct lwf_stack *stack;
	uint32_t slot = 0;
	int ret;

	if (!is_name(name))
		return -EINVAL;
	if (lwf_engine_stack(engine, name))
		return -EEXIST;
	while (slot < LWF_STACKS_MAX && engine->stacks[slot])
		slot++;
	if (slot == LWF_STACKS_MAX)
		return -ENOSPC;
	stack = lwf_host_alloc(engine->host, sizeof(*stack));
	if (!stack)
		return -ENOMEM;
	stack->engine = engine;
	snprintf(stack->name, sizeof(stack->name), "%s", name);
	stack->task.fn = posted;
	stack->task.context = stack;
	stack->since_ns = lwf_host_now_ns(engine->host);
	stack->scratch = lwf_pool_create(engine->host, 1, LWF_FRAME_MAX_BYTES);
	ret = stack->scratch ? lwf_timer_init(&stack->watchdog, engine->host, bark, stack)
			     : -ENOMEM;
	if (ret) {
		lwf_pool_destroy(stack->scratch);
		lwf_host_free(engine->host, stack);
		return ret;
	}
	engine->stacks[slot] = stack;
	*out = stack;
	return 0;
}

int lwf_stack_create(struct lwf_engine *engine, const char *name, struct lwf_edge *upper,
		     struct lwf_edge *lower, struct lwf_stack **out)
{
	struct lwf_stack *stack;
	int ret = build(engine, name, &stack);

	if (ret) {
		if (upper)
			upper->ops->close(upper);
		lower->ops->close(lower);
		return ret;
	}
	stack->lower = lower;
	stack->upper = upper;
	adopt_edge(stack, lower, LWF_SIDE_LOWER);
	if (upper)
		adopt_edge(stack, upper, LWF_SIDE_UPPER);
	if (!lower->link.present)
		stack->holds |= 1u << LWF_HOLD_REMOVED;
	else if (!lower->link.admin_up)
		stack->holds |= 1u << LWF_HOLD_LINK;
	*out = stack;
	return 0;
}

void lwf_stack_start(struct lwf_stack *stack)
{
	struct lwf_link link = lwf_stack_link(stack);

	stack->started = true;
	if (stack->upper && stack->upper->ops->mirror)
		stack->upper->ops->mirror(stack->upper, &link);
	advance(stack);
}

void lwf_stack_close(struct lwf_stack *stack, void (*closed)(void *context), void *context)
{
	stack->closed = closed ? closed : no_one_to_tell;
	stack->closed_context = context;
	stack->holds |= 1u << LWF_HOLD_CLOSE;
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(LWF_HOLD_CLOSE), "+");
	advance(stack);
}

/* ---- holds ---- */

void lwf_stack_hold(struct lwf_stack *stack, enum lwf_hold hold)
{
	if (stack->holds & 1u << hold)
		return;
	if (hold == LWF_HOLD_LINK && stack->lower->link.present && stack->lower->link.admin_up)
		lwf_rule_broken(stack, NULL, LWF_RULE_T05, "held although the adapter is enabled");
	stack->holds |= 1u << hold;
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(hold), "+");
	advance(stack);
}

void lwf_stack_release(struct lwf_stack *stack, enum lwf_hold hold)
{
	if (!(stack->holds & 1u << hold))
		return;
	stack->holds &= ~(1u << hold);
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(hold), "-");
	advance(stack);
}

bool lwf_stack_settled(const struct lwf_stack *stack)
{
	return !stack->waiting && !stack->posted && stack->change_count == 0 &&
	       lwf_stack_state(stack) == lwf_stack_goal(stack);
}

/* ---- links ---- */

struct lwf_link lwf_stack_link(const struct lwf_stack *stack)
{
	struct lwf_link link = stack->lower->link;

	link.carrier = link.carrier && link.present && link.admin_up && !stack->no_carrier_forced;
	return link;
}

/** The modules hear of the link from the bottom up; the upper edge mirrors it. */
static void announce_link(struct lwf_stack *stack, const char *event)
{
	struct lwf_link link = lwf_stack_link(stack);

	lwf_trace_text(stack, NULL, LWF_TRACE_LINK, event, "%s, %s, carrier %s, mtu %" PRIu32,
		       link.present ? "present" : "removed", link.admin_up ? "up" : "down",
		       link.carrier ? "on" : "off", link.mtu_bytes);
	for (uint32_t i = stack->module_count; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->ops->status && module->state >= LWF_STATE_PAUSED)
			module->ops->status(module, LWF_INDICATION_LINK_STATE, &link);
	}
	if (stack->upper && stack->upper->ops->mirror)
		stack->upper->ops->mirror(stack->upper, &link);
}

void lwf_stack_set_link(struct lwf_stack *stack, const struct lwf_link *link, const char *event)
{
	stack->lower->link = *link;
	if (stack->lower->ops->link_changed)
		stack->lower->ops->link_changed(stack->lower);
	announce_link(stack, event);
}

void lwf_stack_force_no_carrier(struct lwf_stack *stack, bool no_carrier)
{
	if (stack->no_carrier_forced == no_carrier)
		return;
	stack->no_carrier_forced = no_carrier;
	announce_link(stack, no_carrier ? "carrier-forced-off" : "carrier-forced-on");
}

bool lwf_stack_is_no_carrier_forced(const struct lwf_stack *stack)
{
	return stack->no_carrier_forced;
}

void lwf_stack_cancel(struct lwf_stack *stack, uint64_t cancel_id)
{
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->ops->cancel && module->state >= LWF_STATE_PAUSED)
			module->ops->cancel(module, cancel_id);
	}
	if (stack->lower->ops->cancel)
		stack->lower->ops->cancel(stack->lower, cancel_id);
}

/* ---- watchdog ---- */

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

		oldest = out->now;
		if (module->ops->holds && module->state >= LWF_STATE_PAUSED)
			say(out, module->ops->holds(module, origin, &oldest), whose, module->name,
			    oldest);
	}
	oldest = out->now;
	if (stack->lower->ops->holds)
		say(out, stack->lower->ops->holds(stack->lower, origin, &oldest), whose,
		    stack->lower->name, oldest);
	return out->used > before;
}

void lwf_stack_waiting(const struct lwf_stack *stack, char *text, size_t bytes)
{
	struct waiting_text out = {text, bytes, 0, lwf_host_now_ns(stack->engine->host)};

	text[0] = 0;
	if (!stack->waiting)
		return;
	if (stack->upper && !stack->upper_running && stack->upper->inputs_out &&
	    !say_holders(stack, &out, stack->upper->handle, stack->upper->name))
		say(&out, stack->upper->inputs_out, stack->upper->name, "an unknown place",
		    stack->waiting_since_ns);
	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (module->state != LWF_STATE_PAUSING)
			continue;
		if (!say_holders(stack, &out, module->handle, module->name))
			say(&out, module->sends_out + module->receives_out, module->name,
			    "an unknown place", module->since_ns);
	}
	if (!out.used)
		snprintf(text, bytes, "%s", "a module that has not completed its callback");
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

static void bark(void *context)
{
	struct lwf_stack *stack = context;
	uint64_t waited = lwf_host_now_ns(stack->engine->host) - stack->waiting_since_ns;
	char text[LWF_TRACE_TEXT_BYTES];

	if (!stack->waiting)
		return;
	lwf_stack_waiting(stack, text, sizeof(text));
	lwf_trace_text(stack, NULL, LWF_TRACE_WATCHDOG, "waiting", "%s", text);
	lwf_log(stack->engine->host, LWF_LOG_WARNING, "%s: waiting %" PRIu64 " ms for %s",
		stack->name, waited / 1000000, text);
	if (waited >= LWF_PAUSE_LIMIT_NS && !stack->limit_reported) {
		stack->limit_reported = true;
		lwf_rule_broken(stack, NULL, LWF_RULE_P17, text);
	}
	if (waited < 2 * LWF_WATCHDOG_NS)
		judge_lost_completion(stack);
	lwf_timer_set(&stack->watchdog, LWF_WATCHDOG_NS);
}

/* ---- what others may know ---- */

const char *lwf_stack_name(const struct lwf_stack *stack)
{
	return stack->name;
}

struct lwf_engine *lwf_stack_engine(const struct lwf_stack *stack)
{
	return stack->engine;
}

struct lwf_edge *lwf_stack_upper(const struct lwf_stack *stack)
{
	return stack->upper;
}

struct lwf_edge *lwf_stack_lower(const struct lwf_stack *stack)
{
	return stack->lower;
}

uint64_t lwf_stack_epoch(const struct lwf_stack *stack)
{
	return stack->epoch;
}

uint32_t lwf_stack_holds(const struct lwf_stack *stack)
{
	return stack->holds;
}

const struct lwf_ledger *lwf_stack_host_ledger(const struct lwf_stack *stack)
{
	return &stack->host_ledger;
}

const struct lwf_ledger *lwf_stack_client_ledger(const struct lwf_stack *stack)
{
	return &stack->client_ledger;
}

struct lwf_session *lwf_stack_sessions(const struct lwf_stack *stack)
{
	return stack->sessions;
}
