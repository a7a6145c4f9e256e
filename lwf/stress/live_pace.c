/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_pace.c - the frames of a traffic, and when they are due; whoever sends them.
 *
 * A traffic is LIVE_PATTERNS frames spread over the ranges of its template, again and again. Bursts are
 * due at fixed distances; what a sender did not manage within LIVE_BEHIND_NS it does not make up for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inject_template.h"
#include "live_world.h"

#define LIVE_BEHIND_NS 20000000ull /* who is later than that gives up what was due */

int live_pace_init(struct live_pace *pace, const struct stress_traffic *declared, uint32_t index)
{
	static uint8_t frame[INJECT_TEMPLATE_FRAME_MAX_BYTES];
	static struct inject_template template;
	struct lwf_error error;
	double bytes = 0.0, each_ns;

	pace->declared = declared;
	pace->index = index;
	if (inject_template_parse(declared->pattern, &template, &error))
		return -EINVAL;
	for (uint32_t i = 0; i < LIVE_PATTERNS; i++) {
		uint32_t len = inject_template_make(&template, i * LIVE_STRIDE, 0, frame);

		pace->bytes[i] = malloc(len);
		if (!pace->bytes[i])
			return -ENOMEM;
		memcpy(pace->bytes[i], frame, len);
		pace->len[i] = len;
		bytes += len;
	}
	each_ns = declared->frames_per_second > 0.0
			  ? 1e9 / declared->frames_per_second
			  : 8e9 * (bytes / LIVE_PATTERNS) / declared->bits_per_second;
	pace->gap_ns = (uint64_t)(each_ns * declared->burst);
	if (pace->gap_ns == 0)
		pace->gap_ns = 1;
	return 0;
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
	bursts = (now - pace->next_ns) / pace->gap_ns + 1;
	pace->next_ns += bursts * pace->gap_ns;
	due = bursts * declared->burst;
	return declared->count && due > declared->count - made ? declared->count - made : due;
}
