/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_merge.c - several runs as one record.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

/* Sums commute, so the digest of many runs is that of their set, however they were spread. */
static uint64_t mix(uint64_t seed, uint64_t digest)
{
	uint64_t z = digest ^ (seed * 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void merge_accounts(struct stress_record *to, const struct stress_record *from)
{
	for (uint32_t i = 0; i < from->accounts; i++) {
		const struct stress_account *theirs = &from->account[i];
		struct stress_account *ours = NULL;

		for (uint32_t k = 0; k < to->accounts; k++)
			if (strcmp(to->account[k].name, theirs->name) == 0 &&
			    strcmp(to->account[k].kind, theirs->kind) == 0)
				ours = &to->account[k];
		if (!ours && to->accounts == STRESS_LEDGERS_MAX)
			continue;
		if (!ours) {
			to->account[to->accounts++] = *theirs;
			continue;
		}
		lwf_ledger_add(&ours->ledger, &theirs->ledger);
		ours->lost += theirs->lost;
		ours->doubled += theirs->doubled;
	}
}

static void merge_witnesses(struct stress_record *to, const struct stress_record *from)
{
	for (uint32_t i = 0; i < from->witnesses; i++) {
		struct stress_witness *ours = NULL;

		for (uint32_t k = 0; k < to->witnesses; k++)
			if (strcmp(to->witness[k].name, from->witness[i].name) == 0)
				ours = &to->witness[k];
		if (!ours && to->witnesses == STRESS_WITNESSES_MAX)
			continue;
		if (!ours) {
			to->witness[to->witnesses++] = from->witness[i];
			continue;
		}
		ours->inside += from->witness[i].inside;
		ours->outside += from->witness[i].outside;
	}
}

/* Lanes, events and words of @from in place of those of @to. */
static void take_story(struct stress_record *to, const struct stress_record *from)
{
	to->events = to->lanes = 0;
	to->string_bytes = to->string_bytes ? 1 : 0;
	to->skipped = from->skipped;
	memcpy(to->lane, from->lane, sizeof(to->lane));
	to->lanes = from->lanes;
	for (uint32_t i = 0; i < from->events; i++) {
		struct stress_event event = from->event[i];

		event.text = stress_record_intern(to, stress_record_text(from, event.text));
		stress_record_add(to, &event);
	}
	memcpy(to->file, from->file, sizeof(to->file));
	memcpy(to->replay, from->replay, sizeof(to->replay));
	to->seed = from->seed;
	to->verdict = from->verdict;
	to->failure = from->failure;
}

/* How much a verdict says of many runs: the worst of them is theirs. */
static int weight(enum stress_verdict verdict)
{
	switch (verdict) {
	case STRESS_PASSED:
		return 0;
	case STRESS_SKIPPED:
		return 1;
	case STRESS_BROKEN:
		return 2;
	case STRESS_FAILED:
		return 3;
	}
	return 0;
}

/* A report of many runs that does not say which they were has none to add. */
static void add_cases(struct stress_record *to, const struct stress_record *from)
{
	for (uint32_t i = 0; (from->cases || from->runs == 1) && i < stress_record_cases(from);
	     i++) {
		struct stress_case one = stress_record_case(from, i);

		stress_record_add_case(to, &one);
	}
}

void stress_record_merge(struct stress_record *to, const struct stress_record *from)
{
	bool first = to->scenario[0] == '\0' && to->runs == 0;
	uint64_t digest = first ? 0 : to->digest;

	if (first) {
		memcpy(to->scenario, from->scenario, sizeof(to->scenario));
		memcpy(to->world, from->world, sizeof(to->world));
		memcpy(to->version, from->version, sizeof(to->version));
		memcpy(to->command, from->command, sizeof(to->command));
		to->began_ns = from->began_ns;
	}
	if (first || weight(from->verdict) > weight(to->verdict))
		take_story(to, from);
	if (strcmp(to->world, from->world) != 0)
		snprintf(to->world, sizeof(to->world), "both");
	if (from->began_ns < to->began_ns)
		to->began_ns = from->began_ns;
	to->digest = digest + (from->runs == 1 ? mix(from->seed, from->digest) : from->digest);
	to->runs += from->runs;
	to->failed_runs += from->runs == 1 ? from->verdict == STRESS_FAILED : from->failed_runs;
	to->ran_ns += from->ran_ns;
	to->took_ns += from->took_ns;
	to->faults += from->faults;
	to->flaps += from->flaps;
	to->expectations += from->expectations;
	to->rounds += from->rounds;
	to->transitions += from->transitions;
	to->pauses += from->pauses;
	to->pended += from->pended;
	to->frames += from->frames;
	to->rules_broken += from->rules_broken;
	stress_histogram_merge(&to->pause, &from->pause);
	merge_accounts(to, from);
	merge_witnesses(to, from);
	add_cases(to, from);
}
