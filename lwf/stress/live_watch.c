/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_watch.c - what a daemon tells of itself, as events of the record.
 *
 * A connection of its own carries the daemon's trace records; times are the daemon's, by the same
 * monotonic clock as the run's.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live_world.h"

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void note(struct live_link *link, const json_t *record, struct stress_event event,
		 const char *what)
{
	struct stress_record *out = link->world->base.options.record;
	uint64_t time_ns = number(record, "t_ns"), began_ns = link->world->began_ns;

	event.time_ns = time_ns > began_ns ? time_ns - began_ns : 0;
	event.text = what[0] ? stress_record_intern(out, what) : 0;
	stress_record_add(out, &event);
}

static void note_state(struct live_link *link, const json_t *record)
{
	struct stress_record *out = link->world->base.options.record;
	const char *module = text(record, "module");
	uint64_t latency_ns = number(record, "latency_ns");
	struct stress_event event = {
		.kind = STRESS_EVENT_STATE,
		.value = latency_ns,
		.before = (uint8_t)live_state_named(text(record, "before")),
		.after = (uint8_t)live_state_named(text(record, "after")),
		.lane = stress_record_lane(out, link->declared->name, module),
	};
	bool pauses = module[0] && event.before == LWF_STATE_PAUSING;

	if (event.before == event.after) { /* an answer alone */
		bool pends = pauses && strcmp(text(record, "event"), "pending") == 0;

		link->pended += pends;
		out->pended += pends;
		return;
	}
	out->transitions++;
	note(link, record, event, "");
	if (!pauses || event.after != LWF_STATE_PAUSED)
		return;
	link->pauses++;
	out->pauses++;
	stress_histogram_add(&link->pause, latency_ns);
	stress_histogram_add(&out->pause, latency_ns);
	event.kind = STRESS_EVENT_PAUSE;
	event.flag = latency_ns > 0;
	note(link, record, event, "");
}

static void take(struct live_link *link, const json_t *record)
{
	struct live_world *world = link->world;
	struct stress_event event = {.lane = link->lane};
	const char *kind = text(record, "kind");

	link->heard = number(record, "seq");
	if (world->base.options.trace) {
		char *line = json_dumps(record, JSON_COMPACT);

		fprintf(stderr, "%s\n", line ? line : "");
		free(line);
	}
	if (strcmp(kind, lwf_trace_kind_name(LWF_TRACE_STATE)) == 0 ||
	    strcmp(kind, lwf_trace_kind_name(LWF_TRACE_STACK)) == 0) {
		note_state(link, record);
	} else if (strcmp(kind, lwf_trace_kind_name(LWF_TRACE_LINK)) == 0) {
		event.kind = STRESS_EVENT_LINK;
		note(link, record, event, text(record, "event"));
	} else if (strcmp(kind, lwf_trace_kind_name(LWF_TRACE_RULE)) == 0) {
		world->rules_broken++;
		world->base.options.record->rules_broken++;
		event.kind = STRESS_EVENT_RULE;
		note(link, record, event, text(record, "event"));
		live_wrong(world, "no rule is broken", "%s: rule %s: %s", link->declared->name,
			   text(record, "event"), text(record, "text"));
	}
}

/* Follows the daemon from behind the last record that was heard. */
static int watch(struct live_link *link, struct lwf_error *error)
{
	int err = lwf_connection_open(link->control, LIVE_REQUEST_NS, &link->watches, error);
	json_t *body = err ? NULL : json_pack("{s:s}", "stack", link->declared->name);

	/* what was before a run that came later is no concern of it */
	if (body && (!link->world->shared || link->world->began_ns))
		json_object_set_new(body, "since", json_integer((json_int_t)link->heard + 1));
	if (!err)
		err = lwf_connection_request(link->watches, LWF_WIRE_WATCH, body, LIVE_REQUEST_NS,
					     NULL, NULL, error);
	return err;
}

int live_watch_open(struct live_link *link, struct lwf_error *error)
{
	int err = lwf_connection_open(link->control, LIVE_REQUEST_NS, &link->asks, error);

	link->heard = 0;
	return err ? err : watch(link, error);
}

bool live_watch_again(struct live_link *link)
{
	uint64_t now = live_clock_ns();
	struct lwf_error error;

	if (link->asks && link->watches)
		return true;
	if (link->pid <= 0 || live_shim_starves(link) || now < link->again_ns)
		return false;
	link->again_ns = now + LIVE_LOOK_NS;
	if (!link->asks && lwf_connection_open(link->control, LIVE_REQUEST_NS, &link->asks, &error))
		link->asks = NULL;
	if (!link->watches && watch(link, &error)) {
		lwf_connection_close(link->watches);
		link->watches = NULL;
	}
	return link->asks && link->watches;
}

void live_watch_close(struct live_link *link)
{
	lwf_connection_close(link->asks);
	lwf_connection_close(link->watches);
	link->asks = link->watches = NULL;
	live_forget(link);
}

void live_watch_hear(struct live_link *link)
{
	struct lwf_error error;
	json_t *record;

	if (link->asks && !link->watches) /* it had no memory for us */
		(void)live_watch_again(link);
	while (link->watches) {
		struct pollfd at = {.fd = lwf_connection_fd(link->watches), .events = POLLIN};
		int err;

		if (poll(&at, 1, 0) <= 0)
			return;
		err = lwf_connection_event(link->watches, LIVE_REQUEST_NS, &record, &error);
		if (err) {
			lwf_connection_close(link->watches);
			link->watches = NULL; /* check() says what became of the daemon */
			return;
		}
		take(link, record);
		json_decref(record);
	}
}
