/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_pace.c - when the next frame is due.
 *
 * Rates count from the start (frames so far / rate), so that nothing adds up to a drift. Gaps of a
 * capture are added up as they come; a time stamp that goes back counts as no gap. Those of a send queue
 * are taken from its first stamp.
 */
#include "inject_pace.h"

#include <string.h>

#include <lwf/inject.h>

void inject_pace_init(struct inject_pace *pace, const struct inject_pace_config *config)
{
	memset(pace, 0, sizeof(*pace));
	pace->config = *config;
	pace->early_ns = INJECT_SPIN_NS_START;
}

static double gap_ns(const struct inject_pace *pace, uint64_t stamp_ns)
{
	double most_ns = (double)pace->config.max_gap_ns, ns;

	if (stamp_ns <= pace->last_stamp_ns)
		return 0.0;
	ns = (double)(stamp_ns - pace->last_stamp_ns) / pace->config.speed;
	return pace->config.max_gap_ns && ns > most_ns ? most_ns : ns;
}

/* How long after start_ns a record is due. */
static double ahead_ns_of(const struct inject_pace *pace, uint64_t stamp_ns)
{
	switch (pace->config.kind) {
	case INJECT_PACE_GAPS:
		return pace->ahead_ns + gap_ns(pace, stamp_ns);
	case INJECT_PACE_NPCAP:
		return stamp_ns > pace->first_stamp_ns ? (double)(stamp_ns - pace->first_stamp_ns)
						       : 0.0;
	default:
		return pace->ahead_ns;
	}
}

uint64_t inject_pace_due_ns(struct inject_pace *pace, uint64_t stamp_ns, uint64_t now_ns)
{
	double ahead_ns;
	uint64_t due_ns;

	if (!inject_pace_is_paced(pace))
		return 0;
	if (!pace->started)
		return now_ns > pace->not_before_ns ? now_ns : pace->not_before_ns;
	if (!pace->begun && now_ns >= pace->start_ns + INJECT_FIRST_ANSWER_NS)
		inject_pace_left(pace, now_ns);
	ahead_ns = ahead_ns_of(pace, stamp_ns);
	if (ahead_ns > 9e18) /* a lying time stamp: for ever is long enough */
		return UINT64_MAX;
	due_ns = pace->start_ns + (uint64_t)ahead_ns;
	if (!pace->begun && due_ns < pace->start_ns + INJECT_FIRST_ANSWER_NS)
		due_ns = pace->start_ns + INJECT_FIRST_ANSWER_NS;
	if (pace->config.kind != INJECT_PACE_NPCAP && now_ns > due_ns &&
	    now_ns - due_ns > INJECT_CATCH_UP_NS) {
		uint64_t slip_ns = now_ns - due_ns - INJECT_CATCH_UP_NS;

		pace->slipped_ns += slip_ns;
		pace->start_ns += slip_ns;
		due_ns += slip_ns;
	}
	return due_ns;
}

void inject_pace_left(struct inject_pace *pace, uint64_t now_ns)
{
	if (!inject_pace_waits(pace))
		return;
	pace->begun = true;
	pace->start_ns = now_ns;
}

uint64_t inject_pace_went(struct inject_pace *pace, uint64_t stamp_ns, uint32_t bytes,
			  uint64_t now_ns)
{
	bool first = !pace->started;
	double due_ns;

	if (first) {
		pace->started = true;
		pace->start_ns = now_ns;
		pace->first_stamp_ns = stamp_ns;
		pace->last_stamp_ns = stamp_ns;
	}
	if (!inject_pace_is_paced(pace))
		return 0;
	due_ns = ahead_ns_of(pace, stamp_ns);
	pace->last_stamp_ns = stamp_ns;
	if (pace->config.kind == INJECT_PACE_GAPS) {
		pace->ahead_ns = due_ns;
	} else if (pace->config.kind == INJECT_PACE_RATE) {
		pace->units += pace->config.rate.kind == LWF_RATE_BITS ? (uint64_t)bytes * 8 : 1;
		pace->ahead_ns = (double)pace->units / pace->config.rate.per_second * 1e9;
	}
	if (first || due_ns > (double)(now_ns - pace->start_ns))
		return 0;
	return now_ns - pace->start_ns - (uint64_t)due_ns;
}

/* ---- Npcap's send queues ---- */

enum inject_pace_look inject_pace_look(const struct inject_pace *pace, uint64_t stamp_ns,
				       bool begins_pass)
{
	bool synced = pace->config.kind == INJECT_PACE_NPCAP;

	if (!pace->started || (!synced && pace->config.kind != INJECT_PACE_NPCAP_NOSYNC))
		return INJECT_PACE_GOES;
	if (begins_pass)
		return INJECT_PACE_BUFFER_ENDS;
	if (synced && stamp_ns + LWF_INJECT_QUEUE_BACK_NS < pace->last_stamp_ns)
		return INJECT_PACE_TIME_INVALID;
	if (synced && stamp_ns > pace->last_stamp_ns + LWF_INJECT_QUEUE_GAP_NS)
		return INJECT_PACE_BUFFER_ENDS;
	return INJECT_PACE_GOES;
}

void inject_pace_next_buffer(struct inject_pace *pace, uint64_t stamp_ns, bool begins_pass)
{
	pace->not_before_ns = 0;
	if (!begins_pass) { /* only a gap ends a buffer within a pass */
		pace->not_before_ns = pace->start_ns + (uint64_t)ahead_ns_of(pace, stamp_ns);
		pace->splits++;
	}
	pace->started = false;
	pace->begun = false;
}

/* ---- waiting ---- */

#define MARGIN_NS 5000u
#define FORGET	  256u /* of what is too much, so much is forgotten with each sleep */

uint64_t inject_pace_sleep_until(struct inject_pace *pace, uint64_t due_ns, uint64_t now_ns)
{
	uint64_t early_ns = pace->may_spin ? pace->early_ns : 0;
	uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;

	if (pace->config.kind == INJECT_PACE_NPCAP)
		return left_ns >= LWF_INJECT_QUEUE_SLEEP_NS ? due_ns : now_ns;
	if (left_ns > early_ns)
		return due_ns - early_ns;
	/* one that never sleeps never learns: try again some time */
	pace->early_ns -= pace->early_ns / (FORGET * 16);
	return now_ns;
}

void inject_pace_woke(struct inject_pace *pace, uint64_t asked_ns, uint64_t now_ns)
{
	uint64_t early_ns = MARGIN_NS + (now_ns > asked_ns ? now_ns - asked_ns : 0);

	if (early_ns > INJECT_SPIN_NS_MAX)
		early_ns = INJECT_SPIN_NS_MAX;
	if (early_ns > pace->early_ns)
		pace->early_ns = early_ns;
	else
		pace->early_ns -= (pace->early_ns - early_ns) / FORGET;
}
