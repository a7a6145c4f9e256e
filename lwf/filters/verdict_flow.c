/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_flow.c - what filter verdict remembers of each flow, and for how long it holds.
 *
 * What is remembered is a place of an array; its index is a context of the flow. Nothing walks the
 * flows: a change of rules, or a revoke, begins a new epoch and says in a short ring what it means. A
 * flow that was decided in an older one is held against those between, at its next frame.
 */
#include <assert.h>

#include "verdict_private.h"

static uint64_t context_of(const struct verdict *me, const struct verdict_flow *flow)
{
	return (uint64_t)(flow - me->flows) + 1;
}

struct verdict_flow *lwf_verdict_flow(const struct verdict *me, uint64_t flow)
{
	uint64_t context = lwf_flow_context(me->table, flow, LWF_LAYER_PACKET, me->callout);

	return context ? &me->flows[context - 1] : NULL;
}

static void give(struct verdict *me, struct verdict_flow *flow)
{
	*flow = (struct verdict_flow){.next = me->free_flow};
	me->free_flow = (uint32_t)(flow - me->flows);
}

struct verdict_flow *lwf_verdict_flow_take(struct verdict *me, uint64_t flow)
{
	uint64_t context = lwf_flow_context(me->table, flow, LWF_LAYER_PACKET, me->callout);
	struct verdict_flow *place;

	assert(me->flows);
	if (context)
		return &me->flows[context - 1];
	if (me->free_flow == VERDICT_NIL)
		return NULL;
	place = &me->flows[me->free_flow];
	me->free_flow = place->next;
	*place = (struct verdict_flow){.flow = flow, .ask = VERDICT_NIL, .next = VERDICT_NIL};
	if (lwf_flow_associate(me->table, flow, LWF_LAYER_PACKET, me->callout,
			       context_of(me, place), NULL) == LWF_FLOW_OK)
		return place;
	give(me, place);
	return NULL;
}

/* ---- epochs ---- */

static bool is_meant(const struct verdict_revoke *revoke, const struct lwf_flow_info *info,
		     uint32_t decider)
{
	const struct lwf_revoke *what = &revoke->what;

	if (revoke->all)
		return true;
	if (what->flow && what->flow != info->flow)
		return false;
	if (what->pid && what->pid != info->owner.pid)
		return false;
	if (what->port && what->port != info->key.port[0] && what->port != info->key.port[1])
		return false;
	if (what->protocol && what->protocol != info->key.protocol)
		return false;
	return !what->mine || decider == revoke->decider;
}

bool lwf_verdict_is_present(const struct verdict *me, uint64_t epoch, uint64_t flow,
			    uint32_t decider)
{
	struct lwf_flow_info info;

	if (epoch == me->epoch)
		return true;
	if (me->epoch - epoch > VERDICT_REVOKES ||
	    lwf_flow_info(me->table, flow, &info) != LWF_FLOW_OK)
		return false;
	while (epoch++ < me->epoch)
		if (is_meant(&me->revokes[epoch % VERDICT_REVOKES], &info, decider))
			return false;
	return true;
}

bool lwf_verdict_holds(const struct verdict *me, struct verdict_flow *flow, uint64_t now_ns)
{
	if (flow->action == LWF_VERDICT_CONTINUE || now_ns >= flow->until_ns)
		return false;
	if (flow->epoch == me->epoch)
		return true;
	if (!lwf_verdict_is_present(me, flow->epoch, flow->flow, flow->decider))
		return false;
	flow->epoch = me->epoch;
	return true;
}

void lwf_verdict_new_epoch(struct verdict *me, const struct lwf_revoke *what, uint32_t decider)
{
	struct verdict_revoke *revoke = &me->revokes[++me->epoch % VERDICT_REVOKES];

	*revoke = (struct verdict_revoke){.all = !what, .decider = decider};
	if (what)
		revoke->what = *what;
	me->stats.epoch = me->epoch;
}

void lwf_verdict_remember(struct verdict *me, struct verdict_flow *flow,
			  enum lwf_verdict_action action, enum verdict_by by, uint64_t ttl_ns)
{
	uint64_t now_ns = lwf_host_now_ns(me->host);

	flow->action = (uint8_t)action;
	flow->by = (uint8_t)by;
	flow->epoch = me->epoch;
	flow->until_ns = ttl_ns ? now_ns + ttl_ns : UINT64_MAX;
	flow->told = false;
	if (by != VERDICT_BY_DECIDER) {
		flow->decider = 0;
		flow->mark = 0;
	}
	if (by != VERDICT_BY_RULE)
		flow->rule = 0;
	lwf_flow_set_verdict(me->table, flow->flow,
			     action == LWF_VERDICT_PERMIT ? LWF_ACTION_PERMIT : LWF_ACTION_BLOCK);
}

bool lwf_verdict_is_self(const struct verdict *me, const struct lwf_owner *owner)
{
	if (!owner->pid || !owner->start_time)
		return false;
	for (const struct lwf_decider *it = lwf_module_deciders(me->module); it; it = it->next)
		if (it->pid == owner->pid && it->start_time == owner->start_time)
			return true;
	return false;
}

/* ---- what the table tells ---- */

static struct lwf_decider *find_decider(const struct verdict *me, uint32_t id)
{
	struct lwf_decider *it = lwf_module_deciders(me->module);

	while (it && it->id != id)
		it = it->next;
	return it;
}

static void on_ended(void *user, const struct lwf_flow_info *info, enum lwf_flow_end why)
{
	struct verdict *me = user;

	(void)why;
	if (lwf_module_deciders(me->module)) /* nobody else wants to know */
		me->ended = *info;
}

/** The flow has ended, whatever did it: the one place where what is remembered of it is freed. */
static void on_delete(void *user, enum lwf_flow_layer layer, uint64_t flow, uint64_t context,
		      enum lwf_flow_end why)
{
	struct verdict *me = user;
	struct verdict_flow *place = &me->flows[context - 1];
	struct lwf_decider *decider = place->decider ? find_decider(me, place->decider) : NULL;
	uint32_t ask = place->ask;

	(void)layer;
	give(me, place);
	if (ask != VERDICT_NIL) {
		me->asks[ask].flow = VERDICT_NIL;
		lwf_verdict_settle(me, &me->asks[ask], LWF_VERDICT_BLOCK, LWF_CAUSE_FLOW);
	}
	if (decider && decider->ops->ended && me->ended.flow == flow)
		decider->ops->ended(decider, &me->ended, why);
}

static void on_owned(void *user, uint64_t flow)
{
	struct verdict *me = user;
	struct verdict_flow *place = lwf_verdict_flow(me, flow);

	if (!place || me->closing)
		return;
	if (place->ask == VERDICT_NIL) {
		lwf_verdict_rule_again(me, place);
		return;
	}
	lwf_verdict_look_again(me, &me->asks[place->ask]);
	lwf_verdict_flush(me);
}

const struct lwf_callout_ops lwf_verdict_callout = {
	.name = "verdict",
	.layers = 1u << LWF_LAYER_PACKET,
	.flow_delete = on_delete,
	.ended = on_ended,
	.owned = on_owned,
};
