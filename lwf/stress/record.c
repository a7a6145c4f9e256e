/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - the account of a run while it is in memory: events, lanes, texts, latencies.
 *
 * A record must never be the reason that a run fails: without memory, or beyond its bounds, an event
 * is counted as skipped, and the run goes on. Events of a few, telling kinds have room after those
 * that come in masses have used up theirs, so that the failure at the end of a long run is in it.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_AT_FIRST 1024u
#define STRINGS_BYTES	65536u

static const char *const kind_names[] = {
#define X(sym, name) name,
	STRESS_EVENT_LIST(X)
#undef X
};

static const char *const verdict_names[] = {"passed", "failed", "skipped", "broken"};

const char *stress_event_kind_name(enum stress_event_kind kind)
{
	return kind < STRESS_EVENT_KINDS ? kind_names[kind] : "?";
}

const char *stress_verdict_name(enum stress_verdict verdict)
{
	return (unsigned)verdict < 4 ? verdict_names[verdict] : "?";
}

void stress_record_init(struct stress_record *record)
{
	memset(record, 0, sizeof(*record));
	record->runs = 1;
}

void stress_record_fini(struct stress_record *record)
{
	free(record->event);
	free(record->strings);
	stress_record_free_cases(record);
	memset(record, 0, sizeof(*record));
}

uint8_t stress_record_lane(struct stress_record *record, const char *stack, const char *module)
{
	struct stress_lane *lane;

	if (!module)
		module = "";
	for (uint32_t i = 0; i < record->lanes; i++)
		if (strcmp(record->lane[i].stack, stack) == 0 &&
		    strcmp(record->lane[i].module, module) == 0)
			return (uint8_t)i;
	if (record->lanes == STRESS_LANES_MAX)
		return STRESS_NO_LANE;
	lane = &record->lane[record->lanes++];
	snprintf(lane->stack, sizeof(lane->stack), "%s", stack);
	snprintf(lane->module, sizeof(lane->module), "%s", module);
	return (uint8_t)(record->lanes - 1);
}

/* ---- texts: one after the other, each with its final 0; the first is the empty one ---- */

uint32_t stress_record_intern(struct stress_record *record, const char *text)
{
	uint32_t bytes = (uint32_t)strlen(text) + 1, at = 1;

	if (bytes == 1)
		return 0;
	if (!record->strings) {
		record->strings = calloc(1, STRINGS_BYTES);
		if (!record->strings)
			return 0;
		record->string_room = STRINGS_BYTES;
		record->string_bytes = 1;
	}
	for (; at < record->string_bytes; at += (uint32_t)strlen(record->strings + at) + 1)
		if (strcmp(record->strings + at, text) == 0)
			return at;
	if (bytes > record->string_room - record->string_bytes)
		return 0;
	memcpy(record->strings + at, text, bytes);
	record->string_bytes += bytes;
	return at;
}

const char *stress_record_text(const struct stress_record *record, uint32_t number)
{
	return number < record->string_bytes ? record->strings + number : "";
}

bool stress_record_has_digest(const struct stress_record *record)
{
	return strcmp(record->world, "sim") == 0;
}

void stress_ledger_end(struct lwf_ledger *ledger)
{
	ledger->completed[LWF_ANSWER_UNKNOWN] += lwf_ledger_outstanding(ledger);
}

uint64_t stress_ledger_sent(const struct lwf_ledger *clients, const struct lwf_ledger *host)
{
	return clients->sent - clients->indicated + host->sent;
}

void stress_witness_sent(struct stress_witness *witness, const struct stress_link *link,
			 const struct lwf_ledger *clients, const struct lwf_ledger *host,
			 uint64_t outside)
{
	uint64_t frames = clients->frames - clients->indicated + host->frames;

	if (stress_link_is_plain(link)) {
		snprintf(witness->name, sizeof(witness->name), "%.18s.lower frames", link->name);
		witness->inside = (int64_t)frames;
	} else {
		snprintf(witness->name, sizeof(witness->name), "%.20s.lower sent", link->name);
		witness->inside = (int64_t)stress_ledger_sent(clients, host);
	}
	witness->outside = (int64_t)outside;
}

/* ---- events ---- */

/* How many events there may be before one of this kind is not kept any more. */
static uint32_t limit_of(const struct stress_event *event)
{
	switch ((enum stress_event_kind)event->kind) {
	case STRESS_EVENT_EXPECT:
		return event->flag ? STRESS_EVENTS_MAX : 4 * STRESS_EVENTS_MAX;
	case STRESS_EVENT_RULE:
		return 4 * STRESS_EVENTS_MAX;
	case STRESS_EVENT_FAULT:
	case STRESS_EVENT_ORDER:
	case STRESS_EVENT_NOTE:
		return 2 * STRESS_EVENTS_MAX;
	default:
		return STRESS_EVENTS_MAX;
	}
}

static bool grow(struct stress_record *record)
{
	uint32_t room = record->event_room ? 2 * record->event_room : EVENTS_AT_FIRST;
	struct stress_event *event = realloc(record->event, room * sizeof(*event));

	if (!event)
		return false;
	record->event = event;
	record->event_room = room;
	return true;
}

void stress_record_add(struct stress_record *record, const struct stress_event *event)
{
	if (record->events >= limit_of(event) ||
	    (record->events == record->event_room && !grow(record))) {
		record->skipped++;
		return;
	}
	record->event[record->events++] = *event;
}

/* ---- latencies ---- */

/* The number of bits that @ns needs: 2^(i-1) <= ns < 2^i. */
static uint32_t bucket_of(uint64_t ns)
{
	uint32_t i = ns ? 64 - (uint32_t)__builtin_clzll(ns) : 0;

	return i < STRESS_BUCKETS ? i : STRESS_BUCKETS - 1;
}

void stress_histogram_add(struct stress_histogram *histogram, uint64_t ns)
{
	if (histogram->count == 0 || ns < histogram->min_ns)
		histogram->min_ns = ns;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
	histogram->count++;
	histogram->sum_ns += ns;
	histogram->bucket[bucket_of(ns)]++;
}

void stress_histogram_merge(struct stress_histogram *to, const struct stress_histogram *from)
{
	if (from->count == 0)
		return;
	if (to->count == 0 || from->min_ns < to->min_ns)
		to->min_ns = from->min_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	to->count += from->count;
	to->sum_ns += from->sum_ns;
	for (uint32_t i = 0; i < STRESS_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t stress_histogram_at(const struct stress_histogram *histogram, uint32_t per_mille)
{
	uint64_t seen = 0, wanted = (histogram->count * per_mille + 999) / 1000;

	for (uint32_t i = 0; wanted && i < STRESS_BUCKETS; i++) {
		uint64_t end = i ? (1ull << i) - 1 : 0;

		seen += histogram->bucket[i];
		if (seen >= wanted)
			return end < histogram->max_ns ? end : histogram->max_ns;
	}
	return histogram->max_ns;
}
