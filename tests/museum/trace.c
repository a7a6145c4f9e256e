/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - what happened in a run: for people, as JSON lines, and as a digest to compare runs by.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

void trace_begin(void)
{
	run.n_events = 0;
	run.digest = 0xcbf29ce484222325ull; /* FNV-1a */
}

static void digest(const void *data, size_t bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < bytes; i++)
		run.digest = (run.digest ^ at[i]) * 0x100000001b3ull;
}

static struct event *add(const struct life *life, const char *name)
{
	static struct event spare;
	uint64_t now_ns = fibers_now_ns();
	int self = fibers_self();
	struct event *event =
		run.quiet || run.n_events >= EVENTS_MAX ? &spare : &run.events[run.n_events++];

	digest(name, strlen(name));
	digest(&now_ns, sizeof(now_ns));
	digest(&self, sizeof(self));
	memset(event, 0, sizeof(*event));
	event->t_ns = now_ns;
	event->fiber = (int8_t)self;
	snprintf(event->name, sizeof(event->name), "%s", name);
	if (life) {
		event->handle = life->handle;
		event->before = event->after = (uint8_t)life->state;
		event->sends_out = life->sends_out;
		event->receives_out = life->receives_out;
		event->owed =
			life->state == LWF_STATE_PAUSING && life->answered && !life->immediate;
	}
	return event;
}

void trace(struct life *life, const char *name, const struct mu_frame *frame, lwf_status status,
	   const char *text)
{
	struct event *event = add(life, name);

	event->frame = frame ? frame->id : 0;
	event->status = status;
	snprintf(event->text, sizeof(event->text), "%s", text);
}

void life_state(struct life *life, enum lwf_state state, const char *name)
{
	struct event *event = add(life, name);

	life->state = state;
	life->since_ns = fibers_now_ns();
	event->after = (uint8_t)state;
	run.control++;
}

void trace_print(void)
{
	for (uint32_t i = 0; i < run.n_events; i++) {
		const struct event *event = &run.events[i];
		char what[EVENT_TEXT_BYTES + 64];

		if (event->before != event->after)
			snprintf(what, sizeof(what), "%s: %s > %s", event->name,
				 lwf_state_name((enum lwf_state)event->before),
				 lwf_state_name((enum lwf_state)event->after));
		else if (event->frame)
			snprintf(what, sizeof(what), "%s frame %" PRIu32 " %s%s", event->name,
				 event->frame, event->status ? lwf_status_name(event->status) : "",
				 event->text);
		else
			snprintf(what, sizeof(what), "%s %s", event->name, event->text);
		printf("%11.3f ms  %-12s life %" PRIu64 " %-10s out %" PRIu32 "+%" PRIu32 "  %s\n",
		       (double)(event->t_ns - 1000000000ull) / 1e6, fibers_name(event->fiber),
		       event->handle, lwf_state_name((enum lwf_state)event->after),
		       event->sends_out, event->receives_out, what);
	}
}
