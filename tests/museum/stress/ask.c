/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.c - what expectations may ask of a play in the museum, and what its record holds at the end.
 *
 * Numbers of frames are the world's own count, not the piece's: a piece that forgets a frame does
 * not make the question forget it.
 */
#include <string.h>

#include "theatre.h"

static uint64_t sum(const uint64_t *column, int word)
{
	uint64_t all = 0;

	for (int i = 0; i < (int)LWF_ANSWERS; i++)
		if (word < 0 || word == i)
			all += column[i];
	return all;
}

static struct lwf_ledger all_clients(const struct theatre *theatre)
{
	struct lwf_ledger ledger = {0}, one;

	for (uint32_t i = 0; i < theatre->base.options.scenario->clients; i++) {
		one = seats_ledger(&theatre->seat[i]);
		lwf_ledger_add(&ledger, &one);
	}
	return ledger;
}

static uint64_t out(void)
{
	const struct life *life = life_now();

	return life ? life->sends_out + life->receives_out : 0;
}

static int64_t ask_ledger(const struct lwf_ledger *ledger, const struct stress_question *question)
{
	switch (question->quantity) {
	case STRESS_QUANTITY_SUBMITTED:
		return (int64_t)ledger->submitted;
	case STRESS_QUANTITY_COMPLETED:
		return (int64_t)sum(ledger->completed, question->word);
	case STRESS_QUANTITY_REFUSED:
		return (int64_t)sum(ledger->refused, question->word);
	default: /* OUTSTANDING; LOST means the same when all should be home */
		return (int64_t)lwf_ledger_outstanding(ledger);
	}
}

static int64_t ask_link(const struct theatre *theatre, const struct stress_question *question)
{
	const struct life *life = life_now();

	switch (question->quantity) {
	case STRESS_QUANTITY_STATE:
		return life ? (int64_t)life->state : LWF_STATE_DETACHED;
	case STRESS_QUANTITY_OUTSTANDING:
		return (int64_t)out();
	case STRESS_QUANTITY_EPOCH:
		return run.n_lives;
	case STRESS_QUANTITY_PAUSES:
		return run.pauses;
	case STRESS_QUANTITY_PENDED:
		return run.pended;
	case STRESS_QUANTITY_PRESENT:
		return !theatre->gone;
	case STRESS_QUANTITY_UP:
		return !theatre->gone && !theatre->down;
	default:
		return -1;
	}
}

int theatre_ask(struct stress_world *world, const struct stress_question *question, int64_t *value,
		struct lwf_error *error)
{
	struct theatre *theatre = theatre_of(world);
	enum stress_quantity quantity = question->quantity;
	struct lwf_ledger ledger;

	if (question->object.kind == STRESS_NOTHING) {
		*value = run.rule >= 0;
		return 0;
	}
	if (question->object.kind == STRESS_CLIENT && quantity == STRESS_QUANTITY_ALIVE) {
		*value = theatre->seat[question->object.index].alive;
		return 0;
	}
	if (quantity == STRESS_QUANTITY_SUBMITTED || quantity == STRESS_QUANTITY_COMPLETED ||
	    quantity == STRESS_QUANTITY_REFUSED || quantity == STRESS_QUANTITY_LOST ||
	    question->object.kind == STRESS_CLIENT) {
		if (quantity == STRESS_QUANTITY_DOUBLED)
			goto unknown;
		ledger = question->object.kind == STRESS_CLIENT
				 ? seats_ledger(&theatre->seat[question->object.index])
				 : all_clients(theatre);
		*value = ask_ledger(&ledger, question);
		return 0;
	}
	*value = question->object.kind == STRESS_MODULE ? -1 : ask_link(theatre, question);
	if (*value >= 0)
		return 0;
unknown:
	return theatre_refuse(error, LWF_EXIT_SKIPPED, stress_quantity_row(quantity)->name,
			      "the museum knows no such quantity");
}

/* ---- the record ---- */

static void note_state(struct stress_record *record, const struct event *event, uint64_t *since_ns,
		       uint8_t lane)
{
	uint64_t t_ns = event->t_ns - FIBER_BEGIN_NS, for_ns = t_ns - *since_ns;
	struct stress_event state = {
		.time_ns = t_ns,
		.value = for_ns,
		.kind = STRESS_EVENT_STATE,
		.lane = lane,
		.before = event->before,
		.after = event->after,
	};

	*since_ns = t_ns;
	if (event->after == LWF_STATE_ATTACHING)
		state.before = LWF_STATE_DETACHED;
	stress_record_add(record, &state);
	if (state.before != LWF_STATE_PAUSING)
		return;
	state.kind = STRESS_EVENT_PAUSE;
	state.flag = for_ns > 0;
	stress_record_add(record, &state);
	stress_histogram_add(&record->pause, for_ns);
}

void theatre_note(struct theatre *theatre)
{
	const struct stress_scenario *scenario = theatre->base.options.scenario;
	struct stress_record *record = theatre->base.options.record;
	uint8_t lane = stress_record_lane(record, scenario->link[0].name, NULL);
	uint64_t since_ns = 0;

	for (uint32_t i = 0; i < run.n_events; i++)
		if (run.events[i].kind == LWF_TRACE_STATE)
			note_state(record, &run.events[i], &since_ns, lane);
	record->transitions =
		run.control; /* the trace may be full before the end, and this is whole */
	record->pauses = run.pauses;
	record->pended = run.pended;
	for (uint32_t i = 0; i < scenario->clients; i++) {
		struct stress_account *account = &record->account[record->accounts++];

		snprintf(account->name, sizeof(account->name), "%s", scenario->client[i].name);
		snprintf(account->kind, sizeof(account->kind), "client");
		account->ledger = seats_ledger(&theatre->seat[i]);
		account->lost = lwf_ledger_outstanding(&account->ledger);
		record->frames += account->ledger.submitted;
	}
	for (unsigned rule = 0; rule < RULES; rule++)
		record->rules_broken += run.broken[rule];
}
