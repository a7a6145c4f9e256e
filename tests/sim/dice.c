/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dice.c - chooses the next action from the seed, and from what there is to act upon.
 *
 * Each choice is written out with all its parameters, so that it can be done again without the
 * dice. Every draw stands in a statement of its own: C leaves the order of two in one open, and
 * compilers differ.
 */
#include <string.h>

#include "world.h"

static uint32_t below(struct sim_world *world, uint32_t n)
{
	uint64_t z = (world->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

static bool once_in(struct sim_world *world, uint32_t n)
{
	return below(world, n) == 0;
}

uint64_t sim_dice_open(uint64_t seed, struct sim_action *first)
{
	struct sim_world dice = {.random = seed * 0x2545f4914f6cdd1dull + 1};

	memset(first, 0, sizeof(*first));
	first->verb = SIM_VERB_WORLD;
	first->stack = SIM_NOBODY_STACK;
	first->value[SIM_KEY_DICE] = below(&dice, UINT32_MAX);
	first->value[SIM_KEY_PROFILE] = once_in(&dice, 2) ? below(&dice, LWF_PROFILES) : 0;
	first->value[SIM_KEY_DETAILS] = once_in(&dice, 8);
	return dice.random;
}

/* ---- modules ---- */

static void append(char *text, const char *name, uint32_t value, const char *unit)
{
	size_t at = strlen(text);

	snprintf(text + at, SIM_TEXT_BYTES - at, "%s%s=%u%s", at && text[at - 1] != ':' ? "," : "",
		 name, value, unit);
}

/* A few options of a wobbling filter. */
static void wobble_options(struct sim_world *world, char *text)
{
	static const char *const counts[] = {"keep", "drop", "sends", "receives", "settle"};
	static const uint32_t restarts[] = {0, 0, 1, 2, 2, 3, 3, 4}; /* failing less than half */
	uint32_t n = 1 + below(world, 3);

	while (n-- > 0) {
		uint32_t which = below(world, 14), value;

		switch (which) {
		case 0:
			value = once_in(world, 6);
			append(text, "attach", value, "");
			break;
		case 1:
			value = restarts[below(world, 8)];
			append(text, "restart", value, "");
			break;
		case 2:
			value = below(world, 4);
			append(text, "pause", value, "");
			break;
		case 3:
			value = 100 + below(world, 5000);
			append(text, once_in(world, 2) ? "late" : "period", value, "us");
			break;
		case 9:
			value = below(world, 4);
			append(text, "oid", value, "");
			break;
		case 10:
			value = once_in(world, 2);
			append(text, once_in(world, 2) ? "ask" : "cancel", value, "");
			break;
		case 11:
			value = below(world, 4);
			append(text, "lend", value, "");
			break;
		case 13:
			value = below(world, 4);
			append(text, "bypass", value, "");
			break;
		case 12:
			value = once_in(world, 2);
			append(text, "clone", value, "");
			break;
		default:
			value = below(world, 8);
			append(text, counts[which - 4], value, "");
			break;
		}
	}
}

static void append_word(struct sim_world *world, char *text, const char *name,
			const char *const *words, uint32_t count)
{
	size_t at = strlen(text);
	uint32_t which = below(world, count);

	snprintf(text + at, SIM_TEXT_BYTES - at, "%s%s=%s", at && text[at - 1] != ':' ? "," : "",
		 name, words[which]);
}

/* A few options of a link that is made bad; all of it over within a calm. */
static void impair_options(struct sim_world *world, char *text)
{
	static const char *const shares[] = {"loss", "dup", "reorder", "corrupt"};
	static const char *const ways[] = {"send", "receive", "both"};
	static const char *const dists[] = {"uniform", "normal", "pareto", "paretonormal"};
	static const char *const matches[] = {"", "len > 100", "len < 100", "ether[35] & 1 = 0"};
	uint32_t n = 1 + below(world, 3);

	while (n-- > 0) {
		uint32_t which = below(world, 11), value;

		switch (which) {
		case 0:
		case 1:
			value = below(world, 3000);
			append(text, "delay", value, "us");
			break;
		case 2:
			value = below(world, 2000);
			append(text, "jitter", value, "us");
			break;
		case 3:
			value = 1 + below(world, 20);
			append(text, "rate", value, "Mbps");
			break;
		case 4:
			append_word(world, text, "direction", ways, 3);
			break;
		case 5:
			append_word(world, text, "dist", dists, 4);
			break;
		case 6:
			append_word(world, text, "match", matches, 4);
			break;
		default:
			value = once_in(world, 8) ? 100 : below(world, 60);
			append(text, shares[which - 7], value, "%");
			break;
		}
	}
}

static void impair_spec(struct sim_world *world, char *text)
{
	uint32_t limit = 1 + below(world, 8), copies = 1 + below(world, 6);

	snprintf(text, SIM_TEXT_BYTES, "impair:reorder-by=700us");
	append(text, "limit", limit, "");
	append(text, "copies", copies, "");
	impair_options(world, text);
}

/* A few options of what decides about conversations; all of it over within a calm. */
static void verdict_options(struct sim_world *world, char *text)
{
	static const char *const defaults[] = {"default", "allow", "deny", "reject"};
	static const char *const causes[] = {"on-timeout", "no-decider", "overflow", "packet"};
	static const char *const ways[] = {"keep", "hold"};
	uint32_t n = 1 + below(world, 3);

	while (n-- > 0) {
		uint32_t which = below(world, 6), value;

		switch (which) {
		case 0:
			append_word(world, text, "default", defaults + 1, 3);
			break;
		case 1:
			value = below(world, 4);
			append_word(world, text, causes[value], defaults, 4);
			break;
		case 2:
			append_word(world, text, "reauth", ways, 2);
			break;
		case 3:
			value = below(world, 4000);
			append(text, "default-ttl", value, "us");
			break;
		case 4:
			value = below(world, 3000);
			append(text, "owner-wait", value, "us");
			break;
		default:
			value = 1 + below(world, 6);
			append(text, "flow-frames", value, "");
			break;
		}
	}
}

static void verdict_spec(struct sim_world *world, char *text)
{
	uint32_t timeout = 1000 + below(world, 4000), asks = 1 + below(world, 6);
	uint32_t frames = 1 + below(world, 16);
	bool oldest = once_in(world, 6);

	snprintf(text, SIM_TEXT_BYTES, "verdict:flows=16,bytes=65536");
	append(text, "timeout", timeout, "us");
	append(text, "asks", asks, "");
	append(text, "frames", frames, "");
	if (oldest)
		snprintf(text + strlen(text), SIM_TEXT_BYTES - strlen(text), ",overflow=oldest");
	else
		verdict_options(world, text);
}

/* A module, as for --filter. */
static void choose_spec(struct sim_world *world, bool inject, char *text)
{
	uint32_t kind = below(world, 14);

	if (inject) {
		snprintf(text, SIM_TEXT_BYTES, "inject:");
		append(text, "frames", 1 + below(world, 12), "");
	} else if (kind < 3) {
		snprintf(text, SIM_TEXT_BYTES, "hold:");
		append(text, "frames", below(world, 5), "");
	} else if (kind < 5) {
		snprintf(text, SIM_TEXT_BYTES, "monitor:mandatory=0");
	} else if (kind < 7) {
		impair_spec(world, text);
	} else if (kind < 9) {
		verdict_spec(world, text);
	} else if (kind == 9) {
		snprintf(text, SIM_TEXT_BYTES, "flow:flows=16");
	} else {
		snprintf(text, SIM_TEXT_BYTES, "wobble:");
		wobble_options(world, text);
	}
	if (once_in(world, 6))
		append(text, "mandatory", 1, "");
}

static uint32_t modules_of(const struct sim_slot *slot)
{
	uint32_t count = 0;

	while (slot->stack && lwf_stack_module_at(slot->stack, count))
		count++;
	return count;
}

static void choose_change(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;
	uint32_t count = modules_of(slot);

	if (once_in(world, 6)) {
		action->verb = SIM_VERB_RESTART_FILTER;
		action->value[SIM_KEY_AT] = below(world, SIM_MODULES);
		return;
	}
	if (once_in(world, 2)) {
		bool inject = !lwf_stack_module(slot->stack, "inject") && !once_in(world, 4);

		action->verb = SIM_VERB_INSERT;
		action->value[SIM_KEY_AT] = below(world, count + 1);
		choose_spec(world, inject, action->text);
		return;
	}
	action->verb = SIM_VERB_REMOVE;
	action->value[SIM_KEY_AT] = below(world, SIM_MODULES);
}

static void choose_set(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;
	uint32_t at = below(world, SIM_MODULES);
	struct lwf_module *module = lwf_stack_module_at(slot->stack, at);
	const char *name = module ? lwf_module_name(module) : "";

	action->verb = SIM_VERB_SET;
	action->value[SIM_KEY_AT] = at;
	if (strncmp(name, "impair", 6) == 0)
		impair_options(world, action->text);
	else if (strncmp(name, "verdict", 7) == 0)
		verdict_options(world, action->text);
	else if (strncmp(name, "hold", 4) != 0)
		wobble_options(world, action->text);
	else if (once_in(world, 2))
		strcpy(action->text, "release=on");
	else
		append(action->text, "frames", below(world, 5), "");
}

/* ---- clients ---- */

static void choose_submit(struct sim_slot *slot, struct sim_action *action)
{
	static const uint32_t lengths[] = {60, 60, 60, 200, 1514, 14, 13, 1515, 0, 9000};
	struct sim_world *world = slot->world;
	uint32_t kinds = once_in(world, 4) ? 10 : 4;

	action->verb = SIM_VERB_SUBMIT;
	action->value[SIM_KEY_CLIENT] = below(world, SIM_CLIENTS);
	action->value[SIM_KEY_FRAMES] = 1 + below(world, 12);
	action->value[SIM_KEY_BYTES] = lengths[below(world, kinds)];
	action->value[SIM_KEY_UP] = once_in(world, 4);
	action->value[SIM_KEY_BAD] = once_in(world, 40);
	/* without a budget these wait for the next, so that kinds meet in one batch */
	action->value[SIM_KEY_BUDGET] =
		once_in(world, 3) ? 0 : 1 + below(world, LWF_BATCH_MAX_FRAMES);
}

static void choose_pump(struct sim_slot *slot, struct sim_action *action)
{
	action->verb = SIM_VERB_PUMP;
	action->value[SIM_KEY_CLIENT] = below(slot->world, SIM_CLIENTS);
	action->value[SIM_KEY_BUDGET] = 1 + below(slot->world, LWF_BATCH_MAX_FRAMES);
}

static void connect(struct sim_world *world, uint32_t client, struct sim_action *action)
{
	action->verb = SIM_VERB_CONNECT;
	action->value[SIM_KEY_CLIENT] = client;
	action->value[SIM_KEY_WAIT] = once_in(world, 4);
	action->value[SIM_KEY_EAGER] = once_in(world, 3);
}

static void choose_client(struct sim_slot *slot, struct sim_action *action)
{
	uint32_t index = below(slot->world, SIM_CLIENTS);
	const struct sim_client *client = &slot->clients[index];
	bool leave = once_in(slot->world, 4);

	if (client->open && !leave && client->put < SIM_RECORDS) {
		choose_pump(slot, action);
		return;
	}
	if (client->open) {
		action->verb = SIM_VERB_DISCONNECT;
		action->value[SIM_KEY_CLIENT] = index;
		return;
	}
	connect(slot->world, index, action);
}

static void choose_cancel(struct sim_slot *slot, struct sim_action *action)
{
	bool all = once_in(slot->world, 3);

	action->verb = SIM_VERB_CANCEL;
	action->value[SIM_KEY_CLIENT] = below(slot->world, SIM_CLIENTS);
	action->value[SIM_KEY_ID] = all ? 0 : 1 + below(slot->world, SIM_RECORDS);
}

static void choose_reaction(struct sim_slot *slot, struct sim_action *action)
{
	action->verb = once_in(slot->world, 3) ? SIM_VERB_ON_STATE : SIM_VERB_ON_ANSWER;
	action->value[SIM_KEY_CLIENT] = below(slot->world, SIM_CLIENTS);
	action->value[SIM_KEY_AFTER] = 1 + below(slot->world, 6);
	action->value[SIM_KEY_DO] = 1 + below(slot->world, SIM_DOS - 1);
}

/* ---- devices, links, holds ---- */

static void choose_traffic(struct sim_slot *slot, struct sim_action *action)
{
	action->verb = SIM_VERB_TRAFFIC;
	action->value[SIM_KEY_SIDE] = once_in(slot->world, 2);
	action->value[SIM_KEY_FRAMES] = 1 + below(slot->world, 5);
	action->value[SIM_KEY_BYTES] = 60;
	action->value[SIM_KEY_FLOW] = below(slot->world, 2 * SIM_FLOWS);
}

static void choose_judge(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;

	action->verb = SIM_VERB_JUDGE;
	action->value[SIM_KEY_CLIENT] = below(world, SIM_JUDGES);
	action->value[SIM_KEY_MANNER] = below(world, SIM_MANNERS);
	action->value[SIM_KEY_BUDGET] = below(world, 12);
	action->value[SIM_KEY_AFTER] = below(world, 3);
}

static void choose_tell(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;

	action->verb = SIM_VERB_TELL;
	action->value[SIM_KEY_CLIENT] = below(world, SIM_JUDGES);
	action->value[SIM_KEY_FRAMES] = 1 + below(world, SIM_KEPT);
	action->value[SIM_KEY_BAD] = once_in(world, 2);
	action->value[SIM_KEY_ID] = below(world, LWF_VERDICT_ACTIONS);
	action->value[SIM_KEY_SET] = below(world, LWF_SCOPES);
}

static void choose_hold(struct sim_slot *slot, struct sim_action *action)
{
	uint32_t user = 1u << LWF_HOLD_USER_PAUSE, detach = 1u << LWF_HOLD_USER_DETACH;
	bool up = !once_in(slot->world, 6), other = once_in(slot->world, 3);

	if ((slot->holds & (user | detach)) && up) { /* more often up than down */
		action->verb = SIM_VERB_RELEASE;
		action->value[SIM_KEY_BY] = !(slot->holds & user);
		return;
	}
	action->verb = SIM_VERB_HOLD;
	action->value[SIM_KEY_BY] = other;
}

static void choose_link(struct sim_slot *slot, struct sim_action *action)
{
	const struct lwf_link *link = &slot->lower->link;
	uint32_t event = below(slot->world, SIM_EVENTS);
	bool stay = once_in(slot->world, 6);

	action->verb = SIM_VERB_LINK;
	if (!link->carrier && !stay)
		event = SIM_EVENT_RESTORE;
	else if (slot->forced && !stay)
		event = SIM_EVENT_FORCE_ON;
	action->value[SIM_KEY_EVENT] = event;
}

static void choose_device(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;
	uint32_t *value = action->value;

	action->verb = SIM_VERB_DEVICE;
	value[SIM_KEY_SIDE] = once_in(world, 2);
	if (!once_in(world, 3))
		value[SIM_KEY_DELAY] = below(world, 3000);
	if (!once_in(world, 2))
		value[SIM_KEY_JITTER] = below(world, 3000);
	value[SIM_KEY_REORDER] = once_in(world, 3);
	value[SIM_KEY_MERGE] = once_in(world, 3);
	value[SIM_KEY_SPLIT] = once_in(world, 3);
	value[SIM_KEY_NEVER] = once_in(world, 10);
	if (once_in(world, 3))
		value[SIM_KEY_FAIL] = below(world, 1025);
	value[SIM_KEY_REASON] = below(world, 7);
	if (once_in(world, 3))
		value[SIM_KEY_ROOM] = 1 + below(world, 20);
	value[SIM_KEY_ATTACH_FAILS] = once_in(world, 30);
	value[SIM_KEY_LEND] = once_in(world, 4);
	if (once_in(world, 2))
		value[SIM_KEY_OID_DELAY] = below(world, 5000);
	value[SIM_KEY_OID_NEVER] = once_in(world, 10);
	value[SIM_KEY_OID_FAILS] = once_in(world, 12);
}

static void choose_answer(struct sim_slot *slot, struct sim_action *action)
{
	action->verb = SIM_VERB_ANSWER;
	action->value[SIM_KEY_SIDE] = once_in(slot->world, 3);
	action->value[SIM_KEY_FRAMES] = below(slot->world, 8);
}

static void choose_ask(struct sim_slot *slot, struct sim_action *action)
{
	struct sim_world *world = slot->world;
	bool cancel = once_in(world, 5);

	action->verb = cancel ? SIM_VERB_CANCEL_ASK : SIM_VERB_ASK;
	action->value[SIM_KEY_ID] = below(world, SIM_ASKS);
	if (cancel)
		return;
	action->value[SIM_KEY_OID] = below(world, 6);
	action->value[SIM_KEY_SET] = once_in(world, 4) ? 1 + below(world, 47) : 0;
	action->value[SIM_KEY_BAD] = once_in(world, 20);
	action->value[SIM_KEY_TIMEOUT] = once_in(world, 4) ? 1 + below(world, 4000) : 0;
}

static void choose_repair(struct sim_slot *slot, struct sim_action *action)
{
	(void)slot;
	action->verb = SIM_VERB_REPAIR;
}

static void choose_close(struct sim_slot *slot, struct sim_action *action)
{
	if (once_in(slot->world, 10))
		action->verb = SIM_VERB_CLOSE;
	else
		choose_traffic(slot, action);
}

/* ---- what comes next ---- */

static struct sim_action *plan(struct sim_slot *slot, enum sim_verb verb)
{
	struct sim_action *action = &slot->world->plan[slot->world->planned++];

	memset(action, 0, sizeof(*action));
	action->verb = (uint8_t)verb;
	action->stack = (uint8_t)slot->index;
	return action;
}

/* A stack from its edges to its clients. It may fail to open: then the rest does nothing. */
static void plan_stack(struct sim_slot *slot)
{
	struct sim_world *world = slot->world;
	bool with_inject = !once_in(world, 4);
	uint32_t modules = 1 + below(world, SIM_MODULES);

	world->planned = world->plan_at = 0;
	plan(slot, SIM_VERB_OPEN)->value[SIM_KEY_UPPER] = !once_in(world, 8);
	for (uint32_t i = 0; i < modules; i++) {
		struct sim_action *action = plan(slot, SIM_VERB_INSERT);

		action->value[SIM_KEY_AT] = below(world, i + 1);
		choose_spec(world, i == 0 && with_inject, action->text);
	}
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		connect(world, i, plan(slot, SIM_VERB_CONNECT));
	plan(slot, SIM_VERB_START);
}

static const struct {
	uint32_t weight;
	void (*choose)(struct sim_slot *slot, struct sim_action *action);
} choices[] = {
	{40, choose_submit},  {8, choose_client},  {4, choose_cancel}, {6, choose_reaction},
	{20, choose_traffic}, {24, choose_hold},   {10, choose_link},  {6, choose_change},
	{6, choose_set},      {12, choose_device}, {6, choose_answer}, {24, choose_repair},
	{10, choose_ask},     {1, choose_close},   {10, choose_judge}, {10, choose_tell},
};

static void choose(struct sim_slot *slot, struct sim_action *action)
{
	uint32_t sum = 0, pick;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(choices) / sizeof(choices[0]); k++)
		sum += choices[k].weight;
	pick = below(slot->world, sum);
	while (pick >= choices[i].weight)
		pick -= choices[i++].weight;
	choices[i].choose(slot, action);
}

void sim_dice_next(struct sim_world *world, struct sim_action *action)
{
	uint32_t kind = below(world, 1200);
	struct sim_slot *slot = &world->slots[below(world, SIM_STACKS)];

	memset(action, 0, sizeof(*action));
	action->stack = SIM_NOBODY_STACK;
	if (kind < 4) {
		action->verb = SIM_VERB_CALM;
	} else if (kind == 4 && once_in(world, 4)) {
		action->verb = SIM_VERB_UNLOAD;
	} else if (kind < 28) {
		action->verb = SIM_VERB_FAIL_ALLOC;
		action->value[SIM_KEY_NTH] = 1 + below(world, 12);
	} else if (world->plan_at < world->planned) {
		*action = world->plan[world->plan_at++];
	} else if (!slot->stack) {
		plan_stack(slot);
		*action = world->plan[world->plan_at++];
	} else if (kind < 480) {
		action->verb = SIM_VERB_RUN;
		action->value[SIM_KEY_US] = below(world, once_in(world, 1500) ? 13000000 : 4000);
	} else {
		action->stack = (uint8_t)slot->index;
		choose(slot, action);
	}
}
