/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifecycle.h - the states of a module and the events that move it. The table is in lifecycle.c.
 */
#ifndef LWF_LIFECYCLE_H
#define LWF_LIFECYCLE_H

#include <stdbool.h>

#include <lwf/trace.h>

struct lwf_engine;
struct lwf_module;

/** X(symbol, name): the first four come from the stack, the last two from the callback's answer */
#define LWF_EVENT_LIST(X)     \
	X(ATTACH, "attach")   \
	X(RESTART, "restart") \
	X(PAUSE, "pause")     \
	X(DETACH, "detach")   \
	X(DONE, "done")       \
	X(FAILED, "failed")

enum lwf_event {
#define X(sym, name) LWF_EVENT_##sym,
	LWF_EVENT_LIST(X)
#undef X
		LWF_EVENTS
};

/** What a callback came to. */
enum lwf_outcome { LWF_OUTCOME_DONE, LWF_OUTCOME_PENDING, LWF_OUTCOME_FAILED };

const char *lwf_event_name(enum lwf_event event);

/**
 * Runs one event. False when the table has no such row; the rule that forbids it is reported and
 * nothing has changed. @reason goes to the trace.
 */
bool lwf_lifecycle(struct lwf_module *module, enum lwf_event event, const char *reason);

/** Row by number, for documents and tests: false behind the last. next is the state entered at
 * once. */
bool lwf_lifecycle_row(unsigned index, enum lwf_state *state, enum lwf_event *event,
		       const char **action, enum lwf_state *next);

/** True on the thread that runs the control callbacks (S17). */
bool lwf_on_control_thread(const struct lwf_engine *engine);

/** The module has become quiet: ends a pause that was completed while frames were still out. */
void lwf_lifecycle_quiet(struct lwf_module *module);

#endif
