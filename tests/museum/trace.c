/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - what happened in a run: for people, as JSON lines, and as a digest to compare runs by.
 *
 * The lines are those of `lwfctl watch --frames --json`, so that the checker of tests/checker can
 * judge them. It knows one order of events; here processors run at the same time, and a call that
 * overlaps a callback takes its effect before or after it. Two kinds of records are put where they belong
 * then: a send that was let in before the pause shut the gate is born before the pause, and a
 * refusal stands where the module was not Running, if there was such a moment within the call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define STACK "museum"

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

static struct event *add(enum lwf_trace_kind kind, const char *name, lwf_status status)
{
	static struct event spare;
	const struct life *life = life_now();
	uint64_t now_ns = fibers_now_ns();
	int self = fibers_self();
	struct event *event = &spare;

	digest(name, strlen(name));
	digest(&now_ns, sizeof(now_ns));
	digest(&self, sizeof(self));
	digest(&status, sizeof(status));
	if (!run.quiet && run.n_events < EVENTS_MAX)
		event = &run.events[run.n_events];
	memset(event, 0, sizeof(*event));
	event->t_ns = now_ns;
	event->fiber = (int8_t)self;
	event->kind = (uint8_t)kind;
	event->name = name;
	event->status = status;
	event->place = run.n_events;
	if (event != &spare)
		run.n_events++;
	if (life) {
		event->handle = life->handle;
		event->before = event->after = (uint8_t)life->state;
	}
	return event;
}

void life_state(struct life *life, enum lwf_state state, const char *name)
{
	struct event *event = add(LWF_TRACE_STATE, name, LWF_STATUS_SUCCESS);

	life->state = state;
	event->after = (uint8_t)state;
	run.control++;
}

void trace_callback(const char *name, lwf_status status)
{
	add(LWF_TRACE_CALLBACK, name, status);
}

void trace_rule(unsigned rule, const char *text)
{
	struct event *event = add(LWF_TRACE_RULE, rule_id(rule), LWF_STATUS_SUCCESS);

	snprintf(event->text, sizeof(event->text), "%s", text);
}

static struct event *add_frame(const char *name, const struct mu_frame *frame, lwf_status status)
{
	struct event *event = add(LWF_TRACE_FRAME, name, status);

	event->frame = frame->id;
	event->birth = frame->birth;
	event->receive = frame->receive;
	digest(&frame->id, sizeof(frame->id));
	return event;
}

void trace_frame(const char *name, const struct mu_frame *frame, lwf_status status, uint32_t left)
{
	struct event *event = add_frame(name, frame, status);
	const struct life *life = life_of(frame->origin);

	event->source = frame->origin;
	event->left = left;
	/* Let in by a pause that had not answered yet: the pause takes effect after it. */
	if (status == LWF_STATUS_PENDING && life->state == LWF_STATE_PAUSING &&
	    !oracle_call_is_late())
		event->place = life->pause_event;
}

void trace_deny(const struct mu_frame *frame, const struct call *call, lwf_status status)
{
	struct event *event = add_frame("deny", frame, status);
	uint32_t i = call->event;

	if (run.quiet || call->control == run.control)
		return;
	while (call->state == LWF_STATE_RUNNING && i < event->place &&
	       run.events[i++].after == LWF_STATE_RUNNING)
		;
	event->place = i;
}

/* ---- printing ---- */

/* What a reader of the trace knows so far. */
struct walk {
	uint64_t seq, t_ns, since_ns;
	uint8_t state;
	lwf_handle handle;
	bool owed;
	uint32_t out[2];	      /* sends, receives */
	uint64_t nbl[EVENTS_MAX + 1]; /* by number of birth: born in the order of the records */
	uint64_t newest;
};

static void print_record(struct walk *walk, const struct event *event, const char *kind,
			 uint8_t before, uint64_t latency_ns)
{
	bool module = strcmp(kind, "stack") != 0;

	printf("{\"schema\":1,\"seq\":%" PRIu64 ",\"t_ns\":%" PRIu64
	       ",\"kind\":\"%s\",\"stack\":\"" STACK "\",\"module\":\"%s\",\"epoch\":%" PRIu64
	       ",\"before\":\"%s\",\"after\":\"%s\",\"event\":\"%s\",\"sends_out\":%" PRIu32
	       ",\"receives_out\":%" PRIu32 ",\"owed\":%s,\"status\":\"%s\",\"status_hex\":\"0x%08"
	       "X\",\"latency_ns\":%" PRIu64 ",\"text\":\"%s\",\"handle\":%" PRIu64
	       ",\"thread\":%d",
	       ++walk->seq, walk->t_ns, kind, module ? run.piece->name : "", walk->handle,
	       lwf_state_name((enum lwf_state)before), lwf_state_name((enum lwf_state)walk->state),
	       event->name, walk->out[0], walk->out[1], walk->owed ? "true" : "false",
	       lwf_status_name(event->status), event->status, latency_ns, event->text,
	       module ? walk->handle : 0, event->fiber + 1);
}

static void print_inserted(struct walk *walk)
{
	struct event event = {.name = "inserted"};

	print_record(walk, &event, "module", LWF_STATE_DETACHED, 0);
	printf(",\"index\":0,\"traits\":[\"originates\"],\"mandatory\":false}\n");
}

static void print_state(struct walk *walk, const struct event *event)
{
	uint8_t before = event->before;
	uint64_t latency_ns = walk->t_ns - walk->since_ns;

	if (event->after == LWF_STATE_ATTACHING)
		before = LWF_STATE_DETACHED;
	walk->state = event->after;
	walk->handle = event->handle;
	walk->since_ns = walk->t_ns;
	walk->owed = walk->owed && event->after == LWF_STATE_PAUSING;
	print_record(walk, event, "state", before, latency_ns);
	printf("}\n");
	print_record(walk, event, "stack", before, latency_ns);
	printf("}\n");
}

static void print_frame(struct walk *walk, const struct event *event)
{
	uint64_t nbl = 0;

	if (!strcmp(event->name, "originate")) {
		walk->out[event->receive]++;
		walk->nbl[event->birth] = ++walk->newest;
	} else if (!strcmp(event->name, "home")) {
		walk->out[event->receive]--;
	}
	if (strcmp(event->name, "deny") != 0)
		nbl = walk->nbl[event->birth];
	print_record(walk, event, "frame", walk->state, 0);
	printf(",\"nbl\":%" PRIu64 ",\"source\":%" PRIu64
	       ",\"edge\":\"\",\"direction\":\"%s\",\"reason\":\"%s\",\"held\":0,\"left\":%" PRIu32
	       "}\n",
	       nbl, event->source, event->receive ? "receive" : "send",
	       event->status == LWF_STATUS_PAUSED ? "not-running" : "none", event->left);
}

static void print_event(struct walk *walk, const struct event *event)
{
	if (event->kind == LWF_TRACE_STATE) {
		print_state(walk, event);
	} else if (event->kind == LWF_TRACE_FRAME) {
		print_frame(walk, event);
	} else {
		if (event->kind == LWF_TRACE_CALLBACK)
			walk->owed = event->status == LWF_STATUS_PENDING;
		print_record(walk, event, lwf_trace_kind_name((enum lwf_trace_kind)event->kind),
			     walk->state, 0);
		printf("}\n");
	}
}

void trace_print_json(void)
{
	static struct walk walk; /* too large for the stack */

	memset(&walk, 0, sizeof(walk));
	walk.t_ns = walk.since_ns = run.n_events ? run.events[0].t_ns : 0;
	print_inserted(&walk);
	for (uint32_t place = 0; place < run.n_events; place++) {
		walk.t_ns = run.events[place].t_ns;
		for (uint32_t i = place + 1; i < run.n_events; i++) /* those moved to here */
			if (run.events[i].place == place)
				print_event(&walk, &run.events[i]);
		if (run.events[place].place == place)
			print_event(&walk, &run.events[place]);
	}
}

void trace_print(FILE *stream)
{
	uint32_t out[2] = {0, 0};

	for (uint32_t i = 0; i < run.n_events; i++) {
		const struct event *event = &run.events[i];
		char what[2 * EVENT_TEXT_BYTES];

		if (event->kind == LWF_TRACE_FRAME) {
			out[event->receive] += !strcmp(event->name, "originate");
			out[event->receive] -= !strcmp(event->name, "home");
			snprintf(what, sizeof(what), "frame %" PRIu32 " %s%s", event->frame,
				 event->status == LWF_STATUS_PENDING
					 ? ""
					 : lwf_status_name(event->status),
				 event->left ? ", with the next" : "");
		} else if (event->kind == LWF_TRACE_STATE) {
			snprintf(what, sizeof(what), "> %s",
				 lwf_state_name((enum lwf_state)event->after));
		} else if (event->kind == LWF_TRACE_CALLBACK) {
			snprintf(what, sizeof(what), "%s", lwf_status_name(event->status));
		} else {
			snprintf(what, sizeof(what), "%s", event->text);
		}
		fprintf(stream,
			"%11.3f ms  %-11s  life %" PRIu64 " %-10s  out %" PRIu32 "+%" PRIu32
			"  %-18s %s\n",
			(double)(event->t_ns - FIBER_BEGIN_NS) / 1e6, fibers_name(event->fiber),
			event->handle, lwf_state_name((enum lwf_state)event->before), out[0],
			out[1], event->name, what);
	}
}
