/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_tell.c - what deciders say to filter verdict: tells, updates, revokes, and that they go.
 *
 * Nothing that is said is believed before it was held against what was asked: the number, who was asked,
 * and whether it is open. What is late, told twice, or made up changes no frame, and is counted; one
 * exception is a verdict that only its deadline was faster than: it is remembered with the flow
 * instead of the default, if the flow and the epoch are still those that were asked about (VD-4).
 */
#include "verdict_private.h"

static struct verdict_ask *slot_of(const struct verdict *me, uint64_t number)
{
	uint64_t slot = number & ((1u << VERDICT_SLOT_BITS) - 1);

	return slot < me->ask_room ? &me->asks[slot] : NULL;
}

static bool is_valid(const struct lwf_tell *tell)
{
	bool ttl = tell->scope == LWF_SCOPE_FLOW_TTL;

	if (tell->action >= LWF_VERDICT_ACTIONS || tell->scope >= LWF_SCOPES)
		return false;
	if (tell->soft > (tell->action == LWF_VERDICT_PERMIT))
		return false;
	return ttl ? tell->ttl_ns > 0 && tell->ttl_ns <= LWF_TELL_TTL_MAX_NS : tell->ttl_ns == 0;
}

static void remember(struct verdict *me, struct verdict_flow *flow,
		     const struct lwf_decider *decider, const struct lwf_tell *tell)
{
	lwf_verdict_remember(me, flow, (enum lwf_verdict_action)tell->action, VERDICT_BY_DECIDER,
			     tell->ttl_ns);
	flow->decider = decider->id;
	flow->mark = tell->mark;
}

/** An ask that is settled: its decider was only too slow. */
static void take_late(struct verdict *me, const struct verdict_ask *ask,
		      const struct lwf_decider *decider, const struct lwf_tell *tell)
{
	struct verdict_flow *flow = lwf_verdict_flow(me, ask->last_flow);

	if (!flow || flow->ask != VERDICT_NIL || flow->by != VERDICT_BY_DEFAULT ||
	    ask->last_cause != LWF_CAUSE_TIMEOUT || ask->last_decider != decider->id ||
	    flow->epoch != me->epoch || tell->scope == LWF_SCOPE_PACKET ||
	    tell->action == LWF_VERDICT_CONTINUE)
		return;
	remember(me, flow, decider, tell);
}

/** Why a number names no open ask. */
static enum lwf_tell_result why_not(struct verdict *me, const struct lwf_decider *decider,
				    const struct lwf_tell *tell)
{
	const struct verdict_ask *ask = slot_of(me, tell->ask);
	uint64_t generation = tell->ask >> VERDICT_SLOT_BITS;

	if (!ask || !generation || generation > ask->generation)
		return LWF_TELL_UNKNOWN; /* not in this life of the module */
	if (generation != ask->last_generation)
		return LWF_TELL_LATE; /* only of the last one is known what became of it */
	if (ask->last_cause == LWF_CAUSE_VERDICT && ask->last_decider == decider->id)
		return LWF_TELL_DUPLICATE;
	take_late(me, ask, decider, tell);
	return LWF_TELL_LATE;
}

static void verdict(struct verdict *me, struct verdict_ask *ask, struct lwf_decider *decider,
		    const struct lwf_tell *tell)
{
	struct verdict_flow *flow = &me->flows[ask->flow];

	if (tell->scope == LWF_SCOPE_PACKET) {
		flow->action = LWF_VERDICT_CONTINUE;
		flow->told = true;
	} else if (lwf_verdict_is_present(me, ask->epoch, flow->flow, decider->id)) {
		remember(me, flow, decider, tell);
	} /* else the flow is asked about again at its next frame */
	lwf_verdict_settle(me, ask, (enum lwf_verdict_action)tell->action, LWF_CAUSE_VERDICT);
}

static enum lwf_tell_result tell_one(struct verdict *me, struct lwf_decider *decider,
				     const struct lwf_tell *tell)
{
	struct verdict_ask *ask = slot_of(me, tell->ask);
	uint64_t waited_ns;

	if (!is_valid(tell))
		return LWF_TELL_INVALID;
	if (!ask || ask->state == VERDICT_ASK_FREE ||
	    ask->generation != tell->ask >> VERDICT_SLOT_BITS)
		return why_not(me, decider, tell);
	if (ask->state != VERDICT_ASK_OPEN)
		return LWF_TELL_UNKNOWN; /* nobody was told its number yet */
	if (ask->decider != decider)
		return LWF_TELL_FOREIGN;
	waited_ns = lwf_host_now_ns(me->host) - ask->asked_ns;
	decider->stats.latency_ns += waited_ns;
	if (waited_ns > decider->stats.latency_max_ns)
		decider->stats.latency_max_ns = waited_ns;
	if (tell->action != LWF_VERDICT_CONTINUE && !tell->soft) {
		verdict(me, ask, decider, tell);
		return LWF_TELL_OK;
	}
	if (tell->soft) {
		ask->soft = true;
		ask->permit = *tell;
	}
	decider->open--;
	decider->stats.settled[LWF_CAUSE_VERDICT]++;
	ask->passed_on = true;
	ask->after_priority = decider->priority;
	ask->after_id = decider->id;
	ask->decider = NULL;
	ask->state = VERDICT_ASK_OWNER;
	lwf_verdict_pass_on(me, ask);
	return LWF_TELL_OK;
}

static void tell_all(struct verdict *me, struct lwf_decider_call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		enum lwf_tell_result result = LWF_TELL_PAUSED;

		if (lwf_module_state(me->module) == LWF_STATE_RUNNING && !me->closing)
			result = tell_one(me, call->decider, &call->tells[i]);
		call->decider->stats.told[result]++;
		me->stats.told[result]++;
		call->ok += result == LWF_TELL_OK;
		if (call->results)
			call->results[i] = (uint8_t)result;
	}
}

static enum lwf_tell_result update(struct verdict *me, struct lwf_decider *decider,
				   const struct lwf_tell *update)
{
	struct lwf_flow_info info;
	struct verdict_flow *flow;
	uint32_t ask;

	if (!is_valid(update) || update->action == LWF_VERDICT_CONTINUE)
		return LWF_TELL_INVALID;
	if (lwf_module_state(me->module) != LWF_STATE_RUNNING || me->closing)
		return LWF_TELL_PAUSED;
	if (lwf_flow_info(me->table, update->ask, &info) != LWF_FLOW_OK)
		return LWF_TELL_UNKNOWN;
	flow = lwf_verdict_flow_take(me, update->ask);
	if (!flow)
		return LWF_TELL_UNKNOWN; /* nothing of it can be remembered */
	ask = flow->ask;
	remember(me, flow, decider, update);
	if (ask != VERDICT_NIL)
		lwf_verdict_settle(me, &me->asks[ask], (enum lwf_verdict_action)update->action,
				   LWF_CAUSE_REVOKE);
	return LWF_TELL_OK;
}

static enum lwf_tell_result revoke(struct verdict *me, const struct lwf_decider *decider,
				   const struct lwf_revoke *what)
{
	bool all = !what->flow && !what->pid && !what->port && !what->protocol && !what->mine;

	if (what->flow && !lwf_verdict_flow(me, what->flow))
		return LWF_TELL_UNKNOWN;
	lwf_verdict_new_epoch(me, all ? NULL : what, decider->id);
	return LWF_TELL_OK;
}

static void leave(struct verdict *me, struct lwf_decider *decider)
{
	for (uint32_t i = 0; decider->open && i < me->ask_room; i++) {
		struct verdict_ask *ask = &me->asks[i];

		if (ask->state != VERDICT_ASK_FREE && ask->decider == decider)
			lwf_verdict_settle_default(me, ask, LWF_CAUSE_DISCONNECT);
	}
}

int lwf_verdict_call(struct verdict *me, struct lwf_decider_call *call)
{
	enum lwf_tell_result result;

	if (call->leave)
		leave(me, call->decider);
	if (call->tells)
		tell_all(me, call);
	if (call->update || call->revoke) {
		result = call->update ? update(me, call->decider, call->update)
				      : revoke(me, call->decider, call->revoke);
		call->result = result;
		call->decider->stats.told[result]++;
		me->stats.told[result]++;
	}
	lwf_verdict_flush(me);
	return 0;
}
