/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_rules.c - the rules of filter verdict: a policy (lwf/policy.h) that the host reads, what it
 * says of a flow, and what follows when it is read again. Without one every flow is asked about.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/edge.h>

#include "verdict_private.h"

static enum lwf_verdict_action action_of(uint8_t said)
{
	switch ((enum lwf_policy_action)said) {
	case LWF_POLICY_ALLOW:
		return LWF_VERDICT_PERMIT;
	case LWF_POLICY_DENY:
		return LWF_VERDICT_BLOCK;
	case LWF_POLICY_REJECT:
		return LWF_VERDICT_RESET;
	case LWF_POLICY_ASK:
	case LWF_POLICY_UNSAID:
		break;
	}
	return LWF_VERDICT_CONTINUE;
}

static uint8_t word_of(enum lwf_verdict_action action)
{
	static const uint8_t words[LWF_VERDICT_ACTIONS] = {
		[LWF_VERDICT_CONTINUE] = LWF_POLICY_UNSAID,
		[LWF_VERDICT_PERMIT] = LWF_POLICY_ALLOW,
		[LWF_VERDICT_BLOCK] = LWF_POLICY_DENY,
		[LWF_VERDICT_RESET] = LWF_POLICY_REJECT,
	};

	return words[action];
}

void lwf_verdict_rule(const struct verdict *me, const struct lwf_flow_info *info, bool last,
		      struct verdict_ruling *ruling)
{
	struct lwf_owner owner = info->owner;
	const struct lwf_policy_subject subject = {
		.key = &info->key,
		.local = info->local,
		.direction = info->initiator == info->local ? LWF_POLICY_OUT : LWF_POLICY_IN,
		.owner = &owner,
	};
	struct lwf_policy_decision decision;

	*ruling = (struct verdict_ruling){.action = LWF_VERDICT_CONTINUE};
	if (!me->policy)
		return;
	if (last && owner.how == LWF_OWNER_PENDING) {
		owner.how = LWF_OWNER_UNKNOWN;
		owner.why = LWF_OWNER_WHY_RESOLVER_SLOW;
	}
	lwf_policy_decide(me->policy, &subject, &decision);
	ruling->waits = decision.waits;
	ruling->line = lwf_policy_line(me->policy, decision.rule);
	if (decision.waits)
		return;
	ruling->action = (uint8_t)action_of(decision.action);
	ruling->fallback = (uint8_t)action_of(decision.fallback);
	ruling->priority = decision.priority;
	ruling->timeout_ns = decision.timeout_ns;
}

void lwf_verdict_rule_again(struct verdict *me, struct verdict_flow *flow)
{
	struct verdict_ruling ruling;
	struct lwf_flow_info info;

	if (flow->by != VERDICT_BY_RULE || flow->action == LWF_VERDICT_CONTINUE ||
	    lwf_flow_info(me->table, flow->flow, &info) != LWF_FLOW_OK)
		return;
	lwf_verdict_rule(me, &info, false, &ruling);
	if (ruling.waits || ruling.line == flow->rule)
		return;
	if (ruling.action == LWF_VERDICT_CONTINUE) {
		flow->action = LWF_VERDICT_CONTINUE; /* its next frame is asked about */
		return;
	}
	flow->rule = ruling.line;
	me->stats.by_rule++;
	lwf_verdict_remember(me, flow, (enum lwf_verdict_action)ruling.action, VERDICT_BY_RULE, 0);
}

/** Puts @policy in the place of the old one: every flow is decided anew, and those that are asked about
 * are looked at now. */
static void take_policy(struct verdict *me, struct lwf_policy *policy)
{
	lwf_host_free(me->host, me->policy);
	me->policy = policy;
	lwf_verdict_new_epoch(me, NULL, 0);
	if (me->closing || lwf_module_state(me->module) != LWF_STATE_RUNNING)
		return;
	for (uint32_t i = 0; me->stats.open && i < me->ask_room; i++)
		if (me->asks[i].state != VERDICT_ASK_FREE)
			lwf_verdict_look_again(me, &me->asks[i]);
	lwf_verdict_flush(me);
}

static int load(struct verdict *me, const char *file, enum lwf_policy_age age, char *error,
		size_t error_bytes)
{
	struct lwf_policy *policy = NULL;
	int ret = 0;

	if (*file)
		ret = lwf_host_load_policy(me->host, file, age, &policy, error, error_bytes);
	if (ret)
		return ret;
	snprintf(me->file, sizeof(me->file), "%s", file);
	take_policy(me, policy);
	return 0;
}

int lwf_verdict_set_rules(struct verdict *me, const char *file)
{
	char error[LWF_OPTION_TEXT_BYTES];

	return load(me, file, LWF_POLICY_KEPT, error, sizeof(error));
}

int lwf_verdict_reload(struct verdict *me, struct lwf_policy_reload *out)
{
	char file[LWF_OPTION_TEXT_BYTES];
	int ret;

	snprintf(file, sizeof(file), "%s", me->file);
	snprintf(out->file, sizeof(out->file), "%s", me->file);
	if (!*file)
		return 0;
	ret = load(me, file, LWF_POLICY_FRESH, out->error, sizeof(out->error));
	out->rules = me->policy ? lwf_policy_rules(me->policy) : 0;
	out->epoch = me->epoch;
	return ret;
}

static const char *by_name(const struct verdict_flow *flow)
{
	static const char *const names[] = {"", "rule", "decider", "default", "self"};

	return names[flow->by];
}

int lwf_verdict_explain(struct verdict *me, struct lwf_policy_explain *out)
{
	struct lwf_policy_subject subject = *out->subject;
	struct lwf_flow_key key = *subject.key;
	struct verdict_flow *flow;
	uint64_t handle;

	key.adapter = lwf_module_link(me->module)->ifindex;
	subject.key = &key;
	handle = lwf_flow_find(me->table, &key);
	if (handle && lwf_flow_info(me->table, handle, &out->info) == LWF_FLOW_OK) {
		if (!subject.owner || subject.owner->how == LWF_OWNER_PENDING)
			subject.owner = &out->info.owner; /* else it is assumed to be another's */
		subject.local = out->info.local;
		subject.direction =
			out->info.initiator == out->info.local ? LWF_POLICY_OUT : LWF_POLICY_IN;
	}
	snprintf(out->file, sizeof(out->file), "%s", me->file);
	out->epoch = me->epoch;
	out->decision.action = LWF_POLICY_ASK;
	out->decision.fallback = LWF_POLICY_UNSAID;
	if (me->policy) {
		lwf_policy_decide(me->policy, &subject, &out->decision);
		out->line = lwf_policy_line(me->policy, out->decision.rule);
		lwf_policy_text(me->policy, out->decision.rule, out->text, sizeof(out->text));
	}
	flow = handle ? lwf_verdict_flow(me, handle) : NULL;
	out->cached = LWF_POLICY_UNSAID;
	if (!flow)
		return 0;
	out->pended = flow->ask != VERDICT_NIL;
	if (!lwf_verdict_holds(me, flow, lwf_host_now_ns(me->host)))
		return 0;
	out->cached = word_of((enum lwf_verdict_action)flow->action);
	snprintf(out->by, sizeof(out->by), "%s", by_name(flow));
	return 0;
}
