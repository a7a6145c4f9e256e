/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.c - which rule decides about a conversation.
 *
 * Rules are looked at in order, and the conditions of each in theirs. A condition holds, or not; about
 * an owner that is still being looked for it may be open; about one that cannot be known nothing
 * holds, neither the condition nor its opposite. The first rule of which all hold decides; if one
 * before it is open, the decision has to wait for the owner. Cost: one pass over the rules, once for
 * each flow.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/host.h>

#include "policy_inside.h"

enum holds { NO, YES, OPEN };

const char *lwf_policy_action_name(enum lwf_policy_action action)
{
	static const char *const names[] = {
#define X(sym, name) name,
		LWF_POLICY_ACTION_LIST(X)
#undef X
	};

	return (unsigned)action < sizeof(names) / sizeof(names[0]) ? names[action] : "?";
}

/** Whom is decided about, with its addresses as numbers. */
struct asked {
	const struct lwf_policy_subject *subject;
	uint64_t high[2], low[2]; /* [enum lwf_endpoint] */
};

static bool in_net(const struct policy_value *value, const struct asked *asked, unsigned end)
{
	unsigned prefix = value->net.prefix;

	if (value->net.v6 != asked->subject->key->v6)
		return false;
	if (prefix <= 64)
		return !prefix || (asked->high[end] ^ value->net.high) >> (64u - prefix) == 0;
	return asked->high[end] == value->net.high &&
	       (asked->low[end] ^ value->net.low) >> (128u - prefix) == 0;
}

static bool in_ranges(const struct lwf_policy *policy, const struct policy_condition *condition,
		      uint32_t number)
{
	const struct policy_value *value = &policy->value[condition->first];

	for (unsigned i = 0; i < condition->count; i++)
		if (number >= value[i].range.low && number <= value[i].range.high)
			return true;
	return false;
}

static bool in_nets(const struct lwf_policy *policy, const struct policy_condition *condition,
		    const struct asked *asked, unsigned end)
{
	const struct policy_value *value = &policy->value[condition->first];

	for (unsigned i = 0; i < condition->count; i++)
		if (in_net(&value[i], asked, end))
			return true;
	return false;
}

/** @name is one of the words; one that ends with a '/' is a folder. */
static bool in_words(const struct lwf_policy *policy, const struct policy_condition *condition,
		     const char *name)
{
	const struct policy_value *value = &policy->value[condition->first];
	size_t length = strlen(name);

	for (unsigned i = 0; i < condition->count; i++) {
		const char *word = policy->text + value[i].word.at;
		uint32_t bytes = value[i].word.length;

		if (memcmp(word, name, bytes < length ? bytes : length) != 0)
			continue;
		if (length == bytes ||
		    (length > bytes && condition->kind == POLICY_PROGRAM && word[bytes - 1] == '/'))
			return true;
	}
	return false;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 ||
	       protocol == 136;
}

static enum holds said(bool holds, const struct policy_condition *condition)
{
	return holds != condition->negated ? YES : NO;
}

/** A condition about the process at this end. */
static enum holds owner_holds(const struct lwf_policy *policy,
			      const struct policy_condition *condition,
			      const struct lwf_owner *owner)
{
	bool known = owner && owner->how != LWF_OWNER_PENDING && owner->how != LWF_OWNER_UNKNOWN;

	if (condition->kind == POLICY_USER && owner && owner->uid != LWF_OWNER_NO_UID)
		return said(in_ranges(policy, condition, owner->uid), condition);
	if (!owner || owner->how == LWF_OWNER_PENDING)
		return OPEN;
	switch (condition->kind) {
	case POLICY_OWNER:
		return said(in_ranges(policy, condition, owner->how), condition);
	case POLICY_PID:
		return known && owner->pid
			       ? said(in_ranges(policy, condition, owner->pid), condition)
			       : NO;
	case POLICY_COMMAND:
		return known && owner->comm[0]
			       ? said(in_words(policy, condition, owner->comm), condition)
			       : NO;
	case POLICY_PROGRAM:
		return known && owner->exe[0]
			       ? said(in_words(policy, condition, owner->exe), condition)
			       : NO;
	default:
		return NO; /* a user that is not known */
	}
}

static enum holds condition_holds(const struct lwf_policy *policy,
				  const struct policy_condition *condition,
				  const struct asked *asked)
{
	const struct lwf_policy_subject *subject = asked->subject;
	const struct lwf_flow_key *key = subject->key;
	unsigned local = subject->local & 1u, remote = 1u - local;

	switch (condition->kind) {
	case POLICY_DIRECTION:
		return said(in_ranges(policy, condition, subject->direction), condition);
	case POLICY_PROTOCOL:
		return said(in_ranges(policy, condition, key->protocol), condition);
	case POLICY_LOCAL:
		return said(in_nets(policy, condition, asked, local), condition);
	case POLICY_REMOTE:
		return said(in_nets(policy, condition, asked, remote), condition);
	case POLICY_LOCAL_PORT:
		return has_ports(key->protocol)
			       ? said(in_ranges(policy, condition, key->port[local]), condition)
			       : NO;
	case POLICY_REMOTE_PORT:
		return has_ports(key->protocol)
			       ? said(in_ranges(policy, condition, key->port[remote]), condition)
			       : NO;
	case POLICY_VLAN:
		return said(in_ranges(policy, condition, key->vlan[0]), condition);
	default:
		return owner_holds(policy, condition, subject->owner);
	}
}

static enum holds rule_holds(const struct lwf_policy *policy, const struct policy_rule *rule,
			     const struct asked *asked)
{
	enum holds all = YES;

	for (unsigned i = 0; i < rule->conditions; i++) {
		enum holds one =
			condition_holds(policy, &policy->condition[rule->first + i], asked);

		if (one == NO)
			return NO;
		if (one == OPEN)
			all = OPEN;
	}
	return all;
}

enum lwf_policy_action lwf_policy_decide(const struct lwf_policy *policy,
					 const struct lwf_policy_subject *subject,
					 struct lwf_policy_decision *out)
{
	struct asked asked = {.subject = subject};
	enum holds holds = NO;
	uint32_t at = 0;

	for (unsigned end = 0; end < 2; end++) {
		asked.high[end] = policy_half(subject->key->address[end]);
		asked.low[end] = policy_half(subject->key->address[end] + 8);
	}

	memset(out, 0, sizeof(*out));
	while (at < policy->rules && (holds = rule_holds(policy, &policy->rule[at], &asked)) == NO)
		at++;
	out->rule = at;
	out->action = out->fallback = LWF_POLICY_UNSAID;
	out->waits = holds == OPEN;
	if (holds == YES) {
		const struct policy_rule *rule = &policy->rule[at];

		out->action = rule->action;
		out->fallback = rule->fallback;
		out->priority = rule->priority;
		out->timeout_ns = rule->timeout_ns;
	}
	return (enum lwf_policy_action)out->action;
}

uint32_t lwf_policy_rules(const struct lwf_policy *policy)
{
	return policy->rules;
}

uint32_t lwf_policy_line(const struct lwf_policy *policy, uint32_t rule)
{
	return rule < policy->rules ? policy->rule[rule].line : 0;
}

void lwf_policy_text(const struct lwf_policy *policy, uint32_t rule, char *text, size_t bytes)
{
	size_t used = 0;
	bool blank = false, quoted = false;

	for (uint32_t i = 0; rule < policy->rules && i < policy->rule[rule].length; i++) {
		char c = policy->text[policy->rule[rule].at + i];

		bool joins = c == '\\' && policy->text[policy->rule[rule].at + i + 1] == '\n';

		if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || joins)) {
			blank = true;
			continue;
		}
		if (blank && used + 1 < bytes)
			text[used++] = ' ';
		blank = false;
		quoted ^= c == '"';
		if (used + 1 < bytes)
			text[used++] =
				(unsigned char)c < 0x20 || (unsigned char)c >= 0x7f ? '?' : c;
	}
	if (bytes)
		text[used] = 0;
}

size_t lwf_policy_bytes(const struct lwf_policy *policy)
{
	return policy->bytes;
}

struct lwf_policy *lwf_policy_copy(void *memory, const struct lwf_policy *policy)
{
	struct lwf_policy *copy = memory;
	char *base = memory;

	memcpy(memory, policy, policy->bytes);
	copy->rule = (struct policy_rule *)(void *)(base + ((const char *)policy->rule -
							    (const char *)policy));
	copy->condition =
		(struct policy_condition *)(void *)(base + ((const char *)policy->condition -
							    (const char *)policy));
	copy->value = (struct policy_value *)(void *)(base + ((const char *)policy->value -
							      (const char *)policy));
	copy->text = base + (policy->text - (const char *)policy);
	return copy;
}

int lwf_host_load_policy(struct lwf_host *host, const char *file, enum lwf_policy_age age,
			 struct lwf_policy **policy, char *error, size_t error_bytes)
{
	if (!host->ops->load_policy) {
		snprintf(error, error_bytes, "%s: nobody here reads rules", file);
		return -ENOTSUP;
	}
	return host->ops->load_policy(host, file, age == LWF_POLICY_FRESH, policy, error,
				      error_bytes);
}
