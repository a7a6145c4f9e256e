/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge.c - deciders of the simulation, and the account of what they are asked; and the conversations
 * that all frames of a world belong to.
 *
 * A judge answers at once, passes on, keeps what it is asked until it is told to answer (or until it is
 * too late), lies about what it was never asked, answers twice, or revokes and updates all the time. No
 * number is asked twice of it, none that it has is cancelled twice, and what it made up is never OK.
 */
#include <string.h>

#include <lwf/flow.h>
#include <lwf/verdict.h>

#include "world.h"

#define SLOT(ask) ((uint32_t)((ask)&0xffff))

static struct sim_judge *judge_of(struct lwf_decider *decider)
{
	return (struct sim_judge *)decider;
}

static void had(struct sim_judge *judge, uint64_t ask)
{
	if (SLOT(ask) >= SIM_JUDGED || ask <= judge->last[SLOT(ask)])
		sim_fail("ask %llx was asked before", (unsigned long long)ask);
	judge->last[SLOT(ask)] = ask;
	judge->cancelled[SLOT(ask)] = false;
}

static enum lwf_tell_result say(struct sim_judge *judge, uint64_t ask, uint32_t action,
				uint32_t scope)
{
	const struct lwf_tell tell = {.ask = ask,
				      .action = (uint8_t)action,
				      .scope = (uint8_t)scope,
				      .ttl_ns = scope == LWF_SCOPE_FLOW_TTL ? 5 * SIM_MS : 0};
	uint8_t result = LWF_TELL_RESULTS;

	lwf_decider_tell(&judge->decider, &tell, 1, &result);
	if (result >= LWF_TELL_RESULTS)
		sim_fail("a tell was not answered");
	judge->slot->world->decided += result == LWF_TELL_OK;
	sim_digest(judge->slot->world, ask << 8 | result);
	return (enum lwf_tell_result)result;
}

/** What is never to be believed. */
static void say_wrong(struct sim_judge *judge, uint64_t ask, uint32_t action)
{
	if (say(judge, ask, action, LWF_SCOPE_FLOW) == LWF_TELL_OK)
		sim_fail("what a judge made up, or told twice, was believed");
}

static void answer(struct sim_judge *judge, const struct lwf_ask *ask)
{
	const struct lwf_revoke all = {0};
	enum lwf_tell_result result;

	switch (judge->mode) {
	case SIM_JUDGE_TELLS:
		say(judge, ask->ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW);
		break;
	case SIM_JUDGE_DENIES:
		say(judge, ask->ask, LWF_VERDICT_RESET, LWF_SCOPE_FLOW_TTL);
		break;
	case SIM_JUDGE_PASSES:
		say(judge, ask->ask, LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET);
		break;
	case SIM_JUDGE_LIES:
		say_wrong(judge, ask->ask + (1ull << 40), LWF_VERDICT_PERMIT);
		say_wrong(judge, ask->ask ^ 0x8000, LWF_VERDICT_PERMIT);
		say(judge, ask->ask, LWF_VERDICT_BLOCK, LWF_SCOPE_PACKET);
		break;
	case SIM_JUDGE_REPEATS:
		result = say(judge, ask->ask, LWF_VERDICT_PERMIT, LWF_SCOPE_PACKET);
		say_wrong(judge, ask->ask, LWF_VERDICT_BLOCK);
		(void)result;
		break;
	case SIM_JUDGE_FLOODS:
		lwf_decider_revoke(&judge->decider, &all);
		lwf_decider_update(&judge->decider, ask->info.flow, LWF_VERDICT_BLOCK, 3 * SIM_MS);
		say_wrong(judge, ask->ask, LWF_VERDICT_PERMIT); /* the update has settled it */
		break;
	default:
		return;
	}
	lwf_decider_credit(&judge->decider, 1);
}

static uint32_t on_ask(struct lwf_decider *decider, const struct lwf_ask *asks, uint32_t count)
{
	struct sim_judge *judge = judge_of(decider);
	struct sim_world *world = judge->slot->world;
	struct lwf_ask copies[LWF_ASK_BATCH_MAX];
	uint32_t taken = 0;

	if (!judge->open || count == 0 || count > LWF_ASK_BATCH_MAX)
		sim_fail("a judge who is not there was asked %u times", count);
	for (; taken < count; taken++) {
		if (judge->mode == SIM_JUDGE_KEEPS && judge->kept_count == SIM_KEPT)
			break; /* it takes no more */
		had(judge, asks[taken].ask);
		world->asked++;
		copies[taken] = asks[taken];
		sim_digest(world, asks[taken].ask);
		sim_digest(world, (uint64_t)asks[taken].reason << 8 | asks[taken].direction);
		if (judge->mode == SIM_JUDGE_KEEPS)
			judge->kept[judge->kept_count++] = asks[taken].ask;
	}
	for (uint32_t i = 0; i < taken; i++)
		answer(judge, &copies[i]);
	return taken;
}

static void on_cancel(struct lwf_decider *decider, uint64_t ask, enum lwf_verdict_cause cause)
{
	struct sim_judge *judge = judge_of(decider);

	if (!judge->open || judge->last[SLOT(ask)] != ask || judge->cancelled[SLOT(ask)])
		sim_fail("ask %llx is cancelled (%s) that the judge has not",
			 (unsigned long long)ask, lwf_verdict_cause_name(cause));
	judge->cancelled[SLOT(ask)] = true;
	sim_digest(judge->slot->world, ask << 8 | (uint64_t)cause);
}

static const struct lwf_decider_ops ops = {.ask = on_ask, .cancel = on_cancel};

static void leave(struct sim_judge *judge)
{
	judge->open = false;
	lwf_decider_close(&judge->decider);
	sim_check_judge(judge);
}

/** One that is there takes another manner, one that is not comes. */
void sim_judge(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_judge *judge = &slot->judges[action->value[SIM_KEY_CLIENT] % SIM_JUDGES];
	enum sim_manner mode = (enum sim_manner)(action->value[SIM_KEY_MANNER] % SIM_MANNERS);

	if (mode == SIM_JUDGE_GONE) {
		if (judge->open)
			leave(judge);
		return;
	}
	if (!judge->open) {
		memset(judge, 0, sizeof(*judge));
		judge->slot = slot;
		judge->decider.ops = &ops;
		judge->decider.priority = action->value[SIM_KEY_AFTER];
		judge->decider.copy_bytes = 64;
		judge->open = lwf_decider_open(&judge->decider, slot->stack, NULL) == 0;
	}
	judge->mode = mode;
	if (judge->open)
		lwf_decider_credit(&judge->decider, action->value[SIM_KEY_BUDGET]);
}

/** Answers what is kept, from one end or the other: the last first is out of order. */
void sim_tell(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_judge *judge = &slot->judges[action->value[SIM_KEY_CLIENT] % SIM_JUDGES];

	for (uint32_t n = action->value[SIM_KEY_FRAMES]; n && judge->open && judge->kept_count;
	     n--) {
		uint32_t at = action->value[SIM_KEY_BAD] ? judge->kept_count - 1 : 0;
		uint64_t ask = judge->kept[at];

		judge->kept_count--;
		memmove(&judge->kept[at], &judge->kept[at + 1],
			(judge->kept_count - at) * sizeof(judge->kept[0]));
		say(judge, ask, action->value[SIM_KEY_ID] % LWF_VERDICT_ACTIONS,
		    action->value[SIM_KEY_SET] % LWF_SCOPES);
		if (judge->open)
			lwf_decider_credit(&judge->decider, 1);
	}
}

void sim_judges_end(struct sim_slot *slot)
{
	for (uint32_t i = 0; i < SIM_JUDGES; i++)
		if (slot->judges[i].open)
			leave(&slot->judges[i]);
}

/* ---- the account ---- */

void sim_check_judge(const struct sim_judge *judge)
{
	const struct lwf_decider_stats *stats = &judge->decider.stats;
	uint64_t settled = 0;

	for (unsigned i = 0; i < LWF_CAUSES; i++)
		settled += stats->settled[i];
	if (stats->asked != settled + judge->decider.open)
		sim_fail("a judge was asked %llu times: %llu settled, %u open",
			 (unsigned long long)stats->asked, (unsigned long long)settled,
			 judge->decider.open);
}

void sim_check_verdict(const struct sim_slot *slot, struct lwf_module *module)
{
	struct lwf_verdict_page page = {0};
	const struct lwf_verdict_stats *stats = &page.stats;
	uint64_t settled = 0, open = 0;
	struct lwf_module_info info;

	if (lwf_module_control(module, LWF_CONTROL_VERDICTS, &page))
		return;
	for (unsigned i = 0; i < LWF_CAUSES; i++)
		settled += stats->settled[i];
	if (stats->asks != settled + stats->open)
		sim_fail("%s: its asks do not balance", lwf_module_name(module));
	if (stats->frames != stats->frames_passed + stats->frames_dropped + stats->waiting)
		sim_fail("%s: its frames do not balance", lwf_module_name(module));
	lwf_module_info(module, &info);
	for (uint32_t i = 0; i < info.options->count; i++) {
		const char *name = info.filter->options[i].name;

		if ((strcmp(name, "frames") == 0 &&
		     stats->waiting_max > info.options->value[i].number) ||
		    (strcmp(name, "bytes") == 0 &&
		     stats->bytes_max > info.options->value[i].number))
			sim_fail("%s: more waits than may", lwf_module_name(module));
	}
	if (info.state == LWF_STATE_PAUSED && (stats->open || stats->waiting))
		sim_fail("%s is Paused, and %llu frames wait in it", info.name,
			 (unsigned long long)stats->waiting);
	for (uint32_t i = 0; i < SIM_JUDGES; i++)
		if (slot->judges[i].open)
			open += slot->judges[i].decider.open;
	if (strcmp(info.name, "verdict") == 0 && open > stats->open)
		sim_fail("%s: judges have more asks than are open", info.name);
}

/* ---- conversations ---- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void sim_flow_bytes(uint8_t *bytes, uint32_t len, uint32_t flow, bool up)
{
	bool tcp = flow % SIM_FLOWS >= SIM_FLOWS - 2 && len >= 54;
	uint32_t number = flow % SIM_FLOWS;

	if (len < SIM_HEADERS)
		return;
	put16(bytes + 12, 0x0800);
	bytes[14] = 0x45;
	put16(bytes + 16, len - 14);
	bytes[22] = 64;
	bytes[23] = tcp ? 6 : 17;
	bytes[26] = bytes[30] = 10;
	bytes[up ? 33 : 29] = 1;
	bytes[up ? 29 : 33] = 2;
	put16(bytes + (up ? 36 : 34), 1000 + number);
	put16(bytes + (up ? 34 : 36), 53);
	put16(bytes + 38, len - 34);
	if (!tcp)
		return;
	put16(bytes + 40, flow / SIM_FLOWS % 2); /* two numbers: the same once more, or another */
	bytes[46] = 5 << 4;
	bytes[47] = LWF_TCP_SYN;
}

/** Of some conversations the owner is known at once, of some later, of one never. */
void sim_set_owners(struct sim_slot *slot)
{
	struct lwf_owner owner = {.pid = 7, .start_time = 1, .how = LWF_OWNER_EXACT};
	uint8_t bytes[SIM_HEADERS] = {0};
	struct lwf_parsed parsed;

	for (uint32_t i = 0; i < 3; i++) {
		sim_flow_bytes(bytes, sizeof(bytes), i, false);
		lwf_parse(bytes, sizeof(bytes), lwf_stack_link(slot->stack).ifindex, &parsed);
		(void)lwf_sim_host_set_owner(slot->world->host, &parsed.key, i < 2 ? &owner : NULL,
					     i * SIM_MS);
	}
}
