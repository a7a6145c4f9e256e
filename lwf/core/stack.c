/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack.c - a stack as a whole: its birth and end, its holds, its link.
 *
 * A stack is Running unless somebody has a reason against it. Each reason is one bit of holds, so
 * that a link flap does not undo a user's pause; advance.c takes the stack wherever the holds let
 * it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "loan.h"
#include "unload.h"

/* ---- birth and end ---- */

static void destroy(struct lwf_stack *stack)
{
	struct lwf_engine *engine = stack->engine;
	struct lwf_host *host = engine->host;
	void (*closed)(void *) = stack->closed;
	void *context = stack->closed_context;

	lwf_deciders_give_up(stack);
	for (uint32_t i = 0; i < stack->module_count; i++)
		lwf_host_free(host, stack->modules[i]);
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (stack->engine->stacks[i] == stack)
			stack->engine->stacks[i] = NULL;
	lwf_timer_fini(&stack->watchdog);
	lwf_timer_fini(&stack->oid_timer);
	lwf_timer_fini(&stack->aging);
	if (stack->upper)
		stack->upper->ops->close(stack->upper);
	stack->lower->ops->close(stack->lower);
	lwf_pool_destroy(stack->copies);
	lwf_pool_destroy(stack->scratch);
	lwf_host_free(host, stack);
	lwf_unload_look(engine);
	closed(context);
}

static void posted(void *context)
{
	struct lwf_stack *stack = context;

	lwf_sessions_end(stack); /* still marked: what these ends post, is done below */
	stack->posted = false;
	if (lwf_stack_may_end(stack)) {
		destroy(stack);
		return;
	}
	lwf_stack_advance(stack);
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
	stack->details = engine->trace.details_wanted > 0;
	snprintf(stack->name, sizeof(stack->name), "%s", name);
	stack->task.fn = posted;
	stack->task.context = stack;
	stack->since_ns = lwf_host_now_ns(engine->host);
	stack->scratch = lwf_pool_create(engine->host, 1, LWF_FRAME_MAX_BYTES);
	stack->copies = lwf_pool_create(engine->host, LWF_LOAN_COPIES, LWF_FRAME_MAX_BYTES);
	stack->copies_handle = ++engine->last_handle;
	ret = stack->scratch && stack->copies
		      ? lwf_timer_init(&stack->watchdog, engine->host, lwf_watchdog, stack)
		      : -ENOMEM;
	if (!ret)
		ret = lwf_timer_init(&stack->oid_timer, engine->host, lwf_oid_timer, stack);
	if (!ret)
		ret = lwf_aging_init(stack);
	if (ret) {
		lwf_timer_fini(&stack->watchdog);
		lwf_timer_fini(&stack->oid_timer);
		lwf_pool_destroy(stack->copies);
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
	struct lwf_stack *stack = NULL;
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
	lwf_stack_advance(stack);
}

void lwf_stack_close(struct lwf_stack *stack, void (*closed)(void *context), void *context)
{
	stack->closed = closed ? closed : no_one_to_tell;
	stack->closed_context = context;
	stack->holds |= 1u << LWF_HOLD_CLOSE;
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(LWF_HOLD_CLOSE), "+");
	lwf_stack_advance(stack);
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
	lwf_stack_advance(stack);
}

void lwf_stack_release(struct lwf_stack *stack, enum lwf_hold hold)
{
	if (!(stack->holds & 1u << hold))
		return;
	stack->holds &= ~(1u << hold);
	lwf_trace_text(stack, NULL, LWF_TRACE_HOLD, lwf_hold_name(hold), "-");
	lwf_stack_advance(stack);
}

bool lwf_stack_settled(const struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (stack->modules[i]->restart_asked)
			return false;
	return !stack->waiting && stack->change_count == 0 &&
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
	lwf_indicate_up(stack, stack->module_count, LWF_INDICATION_LINK_STATE, &link);
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

/**
 * What the lower edge still holds is answered as when the carrier goes. The device has it, so the
 * edge is told so right after, and waits on for what the device has taken already.
 */
static void settle_lower(struct lwf_edge *lower)
{
	if (!lower->ops->link_changed || !lower->link.carrier)
		return;
	lower->link.carrier = false;
	lower->ops->link_changed(lower);
	lower->link.carrier = true;
	lower->ops->link_changed(lower);
}

void lwf_stack_force_no_carrier(struct lwf_stack *stack, bool no_carrier)
{
	if (stack->no_carrier_forced == no_carrier)
		return;
	stack->no_carrier_forced = no_carrier;
	if (no_carrier)
		settle_lower(stack->lower);
	announce_link(stack, no_carrier ? "carrier-forced-off" : "carrier-forced-on");
}

bool lwf_stack_is_no_carrier_forced(const struct lwf_stack *stack)
{
	return stack->no_carrier_forced;
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
