/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight.h - what a witness makes of the frames that come out at a side of a link.
 *
 * It looks at whole frames: whether a traffic of the scenario made this one, byte for byte; whether it
 * comes before others of its traffic; whether it belongs there; whether its checksums are right. It is
 * one code for both worlds, and shares none with the engine. In the simulation it is handed what a device
 * took; live a process of its own hands it what it captures (live_sight.c).
 *
 * A side is looked at when the scenario asks for that anywhere, and from the beginning of the run on.
 */
#ifndef LWF_STRESS_SIGHT_H
#define LWF_STRESS_SIGHT_H

#include <lwf/control.h>

#include "number.h"

/** A frame as it came out. */
struct stress_frame {
	const uint8_t *data;
	uint32_t len;
	bool is_super;	 /* to be cut by somebody behind */
	bool needs_csum; /* to be completed there, from csum_start on, at csum_offset behind that */
	uint32_t csum_start, csum_offset;
};

/** What was seen at one side. Plain numbers, which may be in shared memory. */
struct stress_sight {
	uint64_t seen;
	uint64_t altered;    /* no traffic made it so */
	uint64_t disordered; /* behind a later frame of its traffic */
	uint64_t echoed;     /* of a traffic that does not go there */
	uint64_t bad_sums;
	uint32_t last[STRESS_TRAFFICS_MAX]; /* the highest number + 1; 0: none yet */
};

/** What there is to be seen. Lent for as long as it looks. */
struct stress_known {
	const struct stress_scenario *scenario;
	const struct stress_patterns *patterns[STRESS_TRAFFICS_MAX];
};

/** Whether the checksums of IPv4, TCP and UDP are right, or will be when they are completed as asked. */
bool stress_sums_are_right(const struct stress_frame *frame);

/** The side @at (STRESS_LOWER or STRESS_UPPER of a link) has seen @frame. */
void stress_sight_see(struct stress_sight *sight, const struct stress_known *known,
		      const struct stress_object *at, const struct stress_frame *frame);

/** The answer to @quantity; false: it is none for a witness. */
bool stress_sight_answer(const struct stress_sight *sight, enum stress_quantity quantity,
			 int64_t *value);
bool stress_sight_answers(enum stress_quantity quantity);

/** Whether @scenario, run in @world (STRESS_IN_*), asks what is seen at @side of link @link. */
bool stress_sight_is_asked(const struct stress_scenario *scenario, unsigned world,
			   enum stress_object_kind side, uint32_t link);

/**
 * Of frames without room for numbers nobody can tell the order. When none that goes to @at has room: a
 * traffic that does; NULL: the order can be asked for there.
 */
const struct stress_traffic *stress_sight_unordered(const struct stress_known *known,
						    const struct stress_object *at);
#define STRESS_SIGHT_NO_NUMBERS                                                                   \
	"its frames have no room for numbers, so nobody can tell their order; give them 6 bytes " \
	"behind their headers"

#endif
