/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_pace.c - when the frames of a traffic are due; whoever sends them.
 *
 * Bursts are due at fixed distances; what a sender did not manage within LIVE_BEHIND_NS it does not make
 * up for.
 */
#include "live_world.h"

#define LIVE_BEHIND_NS 20000000ull /* who is later than that gives up what was due */

int live_pace_init(struct live_pace *pace, const struct stress_traffic *declared, uint32_t index)
{
	pace->declared = declared;
	pace->index = index;
	return stress_patterns_make(&pace->patterns, declared);
}

uint64_t live_pace_due(struct live_pace *pace, bool on, uint64_t made, uint64_t now)
{
	const struct stress_traffic *declared = pace->declared;
	uint64_t bursts, due;

	if (!on || (declared->count && made >= declared->count)) {
		pace->on = false;
		pace->next_ns = UINT64_MAX;
		return 0;
	}
	if (!pace->on || (now > pace->next_ns && now - pace->next_ns > LIVE_BEHIND_NS))
		pace->next_ns = now;
	pace->on = true;
	if (pace->next_ns > now)
		return 0;
	bursts = (now - pace->next_ns) / pace->patterns.gap_ns + 1;
	pace->next_ns += bursts * pace->patterns.gap_ns;
	due = bursts * declared->burst;
	return declared->count && due > declared->count - made ? declared->count - made : due;
}
