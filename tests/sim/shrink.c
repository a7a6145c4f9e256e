/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shrink.c - makes a failing script short: takes out what the failure does not need.
 *
 * Delta debugging: whole stacks first, then runs of actions of half the length, a quarter, ... down
 * to single ones, over again until no single action can go; then numbers become 0, 1 or half, options
 * of modules go one by one, and at last pairs of actions are tried. A change stays when the script still fails in the same kind.
 * Each trial is a process of its own, and what comes after the failing action is cut off.
 */
#include <string.h>

#include "world.h"

#define SIM_PAIRS_MAX 40u /* actions of a script in which all pairs are tried */

struct shrink {
	struct sim_world *world;
	struct sim_script *script;    /* the best so far */
	struct sim_script *candidate; /* what is tried */
	struct sim_outcome *outcome;  /* of the best */
	double until;
	uint32_t trials;
};

static void run_candidate(void *context)
{
	struct shrink *shrink = context;

	sim_trial_guard(shrink->world);
	sim_trial_script(shrink->world, shrink->candidate);
}

static bool in_time(const struct shrink *shrink)
{
	return sim_seconds() < shrink->until;
}

/* Keeps the candidate when it fails alike. */
static bool attempt(struct shrink *shrink)
{
	struct sim_outcome outcome;

	shrink->trials++;
	sim_trial(&outcome, run_candidate, shrink);
	if (!outcome.failed || strcmp(outcome.what, shrink->outcome->what) != 0)
		return false;
	if (outcome.done < shrink->candidate->count)
		shrink->candidate->count = (uint32_t)outcome.done;
	*shrink->outcome = outcome;
	sim_script_copy(shrink->script, shrink->candidate);
	return true;
}

static bool without_stack(struct shrink *shrink, unsigned stack)
{
	struct sim_script *to = shrink->candidate;

	to->world = shrink->script->world;
	to->count = 0;
	for (uint32_t i = 0; i < shrink->script->count; i++)
		if (shrink->script->action[i].stack != stack)
			to->action[to->count++] = shrink->script->action[i];
	return to->count < shrink->script->count && attempt(shrink);
}

static bool without_range(struct shrink *shrink, uint32_t from, uint32_t n)
{
	struct sim_script *to = shrink->candidate;

	sim_script_copy(to, shrink->script);
	if (n > to->count - from)
		n = to->count - from;
	memmove(&to->action[from], &to->action[from + n],
		(to->count - from - n) * sizeof(*to->action));
	to->count -= n;
	return attempt(shrink);
}

/* Runs of @n actions, from the end: what comes late explains less. True when any went. */
static bool drop_ranges(struct shrink *shrink, uint32_t n)
{
	bool any = false;

	for (uint32_t end = shrink->script->count; end > 0 && in_time(shrink);) {
		uint32_t from = end > n ? end - n : 0;

		if (without_range(shrink, from, end - from))
			any = true;
		end = from < shrink->script->count ? from : shrink->script->count;
	}
	return any;
}

/* Two that need each other go only together. True when any went. */
static bool drop_pairs(struct shrink *shrink)
{
	bool any = false;

	for (uint32_t i = 0; i + 1 < shrink->script->count; i++)
		for (uint32_t k = i + 1; k < shrink->script->count && in_time(shrink); k++) {
			struct sim_script *to = shrink->candidate;

			sim_script_copy(to, shrink->script);
			memmove(&to->action[k], &to->action[k + 1],
				(to->count - k - 1) * sizeof(*to->action));
			memmove(&to->action[i], &to->action[i + 1],
				(to->count - i - 2) * sizeof(*to->action));
			to->count -= 2;
			any |= attempt(shrink);
		}
	return any;
}

/* A world of the first profile, without details. */
static void simplify_world(struct shrink *shrink)
{
	static const enum sim_key keys[] = {SIM_KEY_PROFILE, SIM_KEY_DETAILS, SIM_KEY_DICE};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (shrink->script->world.value[keys[i]] == 0)
			continue;
		sim_script_copy(shrink->candidate, shrink->script);
		shrink->candidate->world.value[keys[i]] = 0;
		attempt(shrink);
	}
}

static bool with_value(struct shrink *shrink, uint32_t at, enum sim_key key, uint32_t value)
{
	if (shrink->script->action[at].value[key] == value)
		return false;
	sim_script_copy(shrink->candidate, shrink->script);
	shrink->candidate->action[at].value[key] = value;
	return attempt(shrink);
}

/* False when the action is gone because the failure comes before it now. */
static bool simplify_value(struct shrink *shrink, uint32_t at, enum sim_key key)
{
	bool any = false;

	if (with_value(shrink, at, key, 0))
		return true;
	if (sim_key_is_word(key) || with_value(shrink, at, key, 1))
		return !sim_key_is_word(key);
	while (at < shrink->script->count && in_time(shrink)) {
		uint32_t value = shrink->script->action[at].value[key];

		if (value < 4 || !with_value(shrink, at, key, value / 2))
			break;
		any = true;
	}
	return any;
}

/* Takes the option that begins at @from out of an action's text, with its comma. */
static bool without_option(struct shrink *shrink, uint32_t at, size_t from)
{
	char *text;
	size_t length;

	sim_script_copy(shrink->candidate, shrink->script);
	text = shrink->candidate->action[at].text;
	length = strcspn(text + from, ",");
	if (text[from + length] == ',')
		length++;
	memmove(text + from, text + from + length, strlen(text + from + length) + 1);
	from = strlen(text);
	if (from && strchr(",:", text[from - 1]))
		text[from - 1] = '\0';
	return attempt(shrink);
}

static bool simplify_text(struct shrink *shrink, uint32_t at)
{
	const char *text = shrink->script->action[at].text;
	size_t from = shrink->script->action[at].verb == SIM_VERB_SET ? 0 : strcspn(text, ":") + 1;
	bool any = false;

	while (at < shrink->script->count && from < strlen(text) && in_time(shrink)) {
		if (without_option(shrink, at, from)) {
			any = true;
			continue;
		}
		from += strcspn(text + from, ",");
		from += text[from] == ',';
	}
	return any;
}

static bool simplify(struct shrink *shrink)
{
	bool any = false;

	for (uint32_t i = 0; i < shrink->script->count && in_time(shrink); i++) {
		for (unsigned key = 0; key < SIM_KEYS && i < shrink->script->count; key++)
			if (sim_verb_has(shrink->script->action[i].verb, key) &&
			    shrink->script->action[i].value[key] && simplify_value(shrink, i, key))
				any = true;
		if (i < shrink->script->count &&
		    sim_verb_has_text(shrink->script->action[i].verb) && simplify_text(shrink, i))
			any = true;
	}
	return any;
}

uint32_t sim_shrink(struct sim_world *world, struct sim_script *script, struct sim_outcome *outcome,
		    double seconds)
{
	struct shrink shrink = {.world = world,
				.script = script,
				.candidate = sim_script_create(),
				.outcome = outcome,
				.until = sim_seconds() + seconds};
	bool trace = world->trace, any = true;

	if (!shrink.candidate)
		return 0;
	world->trace = false;
	world->record = NULL;
	if (outcome->done < script->count)
		script->count = (uint32_t)outcome->done;
	for (unsigned i = 0; i < SIM_STACKS; i++)
		without_stack(&shrink, i);
	while (any && in_time(&shrink)) {
		for (uint32_t n = (script->count + 1) / 2; n > 1 && in_time(&shrink);
		     n = (n + 1) / 2)
			drop_ranges(&shrink, n);
		while (drop_ranges(&shrink, 1))
			;
		any = simplify(&shrink);
		if (!any && script->count <= SIM_PAIRS_MAX)
			any = drop_pairs(&shrink);
	}
	simplify_world(&shrink);
	world->trace = trace;
	sim_script_destroy(shrink.candidate);
	return shrink.trials;
}
