/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_client.h - clients that misbehave, made by `lwf-stress fault` itself.
 */
#ifndef LWF_STRESS_FAULT_CLIENT_H
#define LWF_STRESS_FAULT_CLIENT_H

#include "fault.h"

/** What a client of ours did. */
struct fault_tally {
	uint64_t submitted, answered, succeeded;
};

/**
 * Submits to the target whenever there is room (its answers unread when @deaf) until over(context) is true, which is
 * asked about at least each millisecond. Frames are addressed to the NIC that sends them, so that no switch
 * passes them on. 0 or an exit code with @error.
 */
int fault_flood(const struct fault_target *target, bool deaf, bool (*over)(void *context),
		void *context, struct fault_tally *tally, struct lwf_error *error);

/** Opens and drops @count connections. 0 or an exit code with @error. */
int fault_crowd(const struct fault_target *target, int64_t count, struct lwf_error *error);

#endif
