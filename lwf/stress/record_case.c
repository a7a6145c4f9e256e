/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_case.c - the runs of a merged record, one by one: seed, digest, verdict.
 *
 * A run that passed costs 40 bytes; names are kept once, and what went wrong only where it did. A
 * record of one run is a case itself, and keeps none.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define ROOM_AT_FIRST 64u

struct title {
	char scenario[STRESS_TEXT_BYTES], file[STRESS_PATH_BYTES], world[16];
};

struct bad {
	struct stress_failure failure;
	char replay[STRESS_COMMAND_BYTES];
};

struct kept {
	uint64_t seed, digest, took_ns;
	uint32_t title;
	enum stress_verdict verdict;
	struct bad *bad; /* NULL: it passed */
};

struct stress_cases {
	struct kept *kept;
	uint32_t count, room;
	struct title *title;
	uint32_t titles;
};

uint32_t stress_record_cases(const struct stress_record *record)
{
	return record->cases ? record->cases->count : 1;
}

struct stress_case stress_record_case(const struct stress_record *record, uint32_t index)
{
	const struct stress_cases *cases = record->cases;
	const struct kept *kept = cases ? &cases->kept[index] : NULL;
	const struct title *title = cases ? &cases->title[kept->title] : NULL;

	if (!cases)
		return (struct stress_case){
			.scenario = record->scenario,
			.file = record->file,
			.world = record->world,
			.seed = record->seed,
			.digest = record->digest,
			.took_ns = record->took_ns,
			.verdict = record->verdict,
			.failure = record->verdict == STRESS_PASSED ? NULL : &record->failure,
			.replay = record->verdict == STRESS_PASSED ? NULL : record->replay,
		};
	return (struct stress_case){
		.scenario = title->scenario,
		.file = title->file,
		.world = title->world,
		.seed = kept->seed,
		.digest = kept->digest,
		.took_ns = kept->took_ns,
		.verdict = kept->verdict,
		.failure = kept->bad ? &kept->bad->failure : NULL,
		.replay = kept->bad ? kept->bad->replay : NULL,
	};
}

uint64_t stress_record_first_seed(const struct stress_record *record)
{
	uint64_t least = record->seed;

	for (uint32_t i = 0; record->cases && i < record->cases->count; i++)
		if (record->cases->kept[i].seed < least)
			least = record->cases->kept[i].seed;
	return least;
}

/* Number of the title of @one, newest first, since runs of one scenario come together; -1: no memory. */
static int64_t title_of(struct stress_cases *cases, const struct stress_case *one)
{
	struct title *grown;

	for (uint32_t i = cases->titles; i-- > 0;)
		if (strcmp(cases->title[i].scenario, one->scenario) == 0 &&
		    strcmp(cases->title[i].file, one->file) == 0 &&
		    strcmp(cases->title[i].world, one->world) == 0)
			return i;
	grown = realloc(cases->title, (cases->titles + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	cases->title = grown;
	grown += cases->titles;
	snprintf(grown->scenario, sizeof(grown->scenario), "%s", one->scenario);
	snprintf(grown->file, sizeof(grown->file), "%s", one->file);
	snprintf(grown->world, sizeof(grown->world), "%s", one->world);
	return cases->titles++;
}

static bool make_room(struct stress_cases *cases)
{
	uint32_t room = cases->room ? 2 * cases->room : ROOM_AT_FIRST;
	struct kept *grown;

	if (cases->count < cases->room)
		return true;
	grown = realloc(cases->kept, room * sizeof(*grown));
	if (!grown)
		return false;
	cases->kept = grown;
	cases->room = room;
	return true;
}

void stress_record_add_case(struct stress_record *record, const struct stress_case *one)
{
	struct stress_cases *cases = record->cases;
	struct bad *bad = NULL;
	int64_t title;

	if (!cases)
		cases = record->cases = calloc(1, sizeof(*cases));
	if (!cases || (cases->count >= STRESS_CASES_MAX && !one->failure) || !make_room(cases))
		return;
	title = title_of(cases, one);
	if (one->failure)
		bad = calloc(1, sizeof(*bad));
	if (title < 0 || (one->failure && !bad)) {
		free(bad);
		return;
	}
	if (bad) {
		bad->failure = *one->failure;
		snprintf(bad->replay, sizeof(bad->replay), "%s", one->replay);
	}
	cases->kept[cases->count++] = (struct kept){.seed = one->seed,
						    .digest = one->digest,
						    .took_ns = one->took_ns,
						    .title = (uint32_t)title,
						    .verdict = one->verdict,
						    .bad = bad};
}

static int by_seed(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;

	if (a->title != b->title)
		return a->title < b->title ? -1 : 1;
	return a->seed < b->seed ? -1 : a->seed > b->seed;
}

void stress_record_sort_cases(struct stress_record *record)
{
	if (record->cases)
		qsort(record->cases->kept, record->cases->count, sizeof(*record->cases->kept),
		      by_seed);
}

void stress_record_free_cases(struct stress_record *record)
{
	struct stress_cases *cases = record->cases;

	record->cases = NULL;
	if (!cases)
		return;
	for (uint32_t i = 0; i < cases->count; i++)
		free(cases->kept[i].bad);
	free(cases->kept);
	free(cases->title);
	free(cases);
}
