/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_verdict.c - lwf_verdict_*: a decider's end of the control socket.
 *
 * One message of the daemon is held at a time, and its records are given out one by one; data of frames
 * points into it. Credit goes back as events are taken, half a window at a time, so that it costs no
 * message of its own for each ask. All that is sent is sent at once or not at all: a caller who hears
 * -EAGAIN has it still.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/decide.h>

#include "connection.h"

struct lwf_verdict {
	struct lwf_connection *connection;
	struct lwf_verdict_counts counts;
	struct lwf_error gone_error;
	bool gone;
	uint32_t decider;
	uint32_t window; /* credits that were asked for */
	uint32_t taken;	 /* asks since credit was last given */

	const void *body; /* the connection's; NULL: none */
	size_t bytes, at;
	union lwf_wire_any record; /* data of the last ask that was given out points into kept */
	unsigned char kept[LWF_VERDICT_RECORDS_MAX][LWF_VERDICT_COPY_MAX];
	struct lwf_wire_records out;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- opening ---- */

static int take_options(const struct lwf_verdict_options *given,
			struct lwf_verdict_options *options, struct lwf_error *error)
{
	const struct lwf_verdict_options defaults = LWF_VERDICT_OPTIONS_INIT;

	*options = defaults;
	if (given->size > sizeof(*options) ||
	    given->size < offsetof(struct lwf_verdict_options, interactive)) {
		lwf_error_set(error, LWF_EXIT_USAGE, "options", "use LWF_VERDICT_OPTIONS_INIT",
			      "their size is not known to this library");
		return -EINVAL;
	}
	memcpy(options, given, given->size);
	if (options->stack && options->credits)
		return 0;
	lwf_error_set(error, LWF_EXIT_USAGE, options->stack ? "credits" : "stack",
		      options->stack ? "give 1 at least" : "name a stack: see lwfctl show",
		      options->stack ? "without any nothing is asked" : "the name is missing");
	return -EINVAL;
}

static int subscribe(struct lwf_verdict *handle, const struct lwf_verdict_options *options,
		     struct lwf_error *error)
{
	json_t *reply = NULL;
	json_t *body =
		json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "stack", options->stack, "priority",
			  (json_int_t)options->priority, "credits", (json_int_t)options->credits,
			  "copy_bytes", (json_int_t)options->copy_bytes, "pid",
			  (json_int_t)options->pid, "timeout_ns", (json_int_t)options->ask_ns,
			  "interactive", (int)options->interactive);
	int err;

	if (!body || (options->module &&
		      json_object_set_new(body, "module", json_string(options->module)))) {
		json_decref(body);
		lwf_error_set(error, LWF_EXIT_USAGE, "stack", "name a stack: see lwfctl show",
			      "a name is not UTF-8");
		return -EINVAL;
	}
	err = lwf_connection_request(handle->connection, LWF_WIRE_SUBSCRIBE, body,
				     options->timeout_ns, &reply, NULL, error);
	if (err)
		return err;
	handle->decider = (uint32_t)json_integer_value(json_object_get(reply, "decider"));
	json_decref(reply);
	return 0;
}

int lwf_verdict_open(const struct lwf_verdict_options *given, struct lwf_verdict **handle,
		     struct lwf_error *error)
{
	struct lwf_verdict_options options;
	struct lwf_verdict *made;
	int err = take_options(given, &options, error);

	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (!made) {
		lwf_error_set(error, LWF_EXIT_FALSE, "handle", NULL, "out of memory");
		return -ENOMEM;
	}
	made->window = options.credits;
	err = lwf_connection_open(options.control, options.timeout_ns, &made->connection, error);
	if (!err)
		err = subscribe(made, &options, error);
	if (err) {
		lwf_verdict_close(made);
		return err;
	}
	*handle = made;
	return 0;
}

void lwf_verdict_close(struct lwf_verdict *handle)
{
	if (!handle)
		return;
	lwf_connection_close(handle->connection);
	free(handle);
}

/* ---- sending ---- */

static int flush(struct lwf_verdict *handle)
{
	int err;

	if (handle->gone)
		return -ENOTCONN;
	err = lwf_connection_send_records(handle->connection, LWF_WIRE_TELL, handle->out.body,
					  handle->out.bytes);
	/* what the daemon said before it went is still to be taken: next() says when it is gone */
	return err == -ECONNRESET ? -ENOTCONN : err;
}

static void begin(struct lwf_verdict *handle)
{
	handle->out.bytes = 0;
	handle->out.count = 0;
}

static int send_one(struct lwf_verdict *handle, const void *record, size_t bytes)
{
	begin(handle);
	lwf_wire_records_add(&handle->out, record, bytes);
	return flush(handle);
}

/* Credit that could not be sent is sent with the next. */
static void give_credit(struct lwf_verdict *handle)
{
	const struct lwf_wire_credit record = {
		.head = LWF_RECORD_HEAD(CREDIT, lwf_wire_credit),
		.credits = handle->taken,
	};

	if (handle->taken < (handle->window + 1) / 2 || handle->gone)
		return;
	if (!send_one(handle, &record, sizeof(record)))
		handle->taken = 0;
}

static bool is_tell(const struct lwf_tell *tell)
{
	return tell->action < LWF_VERDICT_ACTIONS && tell->scope < LWF_SCOPES;
}

int lwf_verdict_tell(struct lwf_verdict *handle, const struct lwf_tell *tells, uint32_t count)
{
	uint32_t sent = 0;
	int err = 0;

	if (count && !is_tell(&tells[0]))
		return -EINVAL;
	while (sent < count && !err) {
		begin(handle);
		for (uint32_t i = sent;
		     i < count && handle->out.count < LWF_VERDICT_RECORDS_MAX && is_tell(&tells[i]);
		     i++) {
			const struct lwf_wire_tell record = {
				.head = LWF_RECORD_HEAD(TELL, lwf_wire_tell),
				.ask = tells[i].ask,
				.ttl_ns = tells[i].ttl_ns,
				.action = tells[i].action,
				.scope = tells[i].scope,
				.soft = tells[i].soft,
				.mark = tells[i].mark,
			};

			lwf_wire_records_add(&handle->out, &record, sizeof(record));
		}
		if (!handle->out.count)
			break;
		err = flush(handle);
		if (!err)
			sent += handle->out.count;
	}
	handle->counts.told += sent;
	return sent || !err ? (int)sent : err;
}

static int tell_flow(struct lwf_verdict *handle, const struct lwf_ask *ask,
		     enum lwf_verdict_action action)
{
	const struct lwf_tell tell = {
		.ask = ask->ask,
		.action = (uint8_t)action,
		.scope = LWF_SCOPE_FLOW,
	};
	int n = lwf_verdict_tell(handle, &tell, 1);

	return n < 0 ? n : 0;
}

int lwf_verdict_permit(struct lwf_verdict *handle, const struct lwf_ask *ask)
{
	return tell_flow(handle, ask, LWF_VERDICT_PERMIT);
}

int lwf_verdict_deny(struct lwf_verdict *handle, const struct lwf_ask *ask)
{
	return tell_flow(handle, ask, LWF_VERDICT_BLOCK);
}

int lwf_verdict_reject(struct lwf_verdict *handle, const struct lwf_ask *ask)
{
	return tell_flow(handle, ask, LWF_VERDICT_RESET);
}

int lwf_verdict_update(struct lwf_verdict *handle, uint64_t flow, enum lwf_verdict_action action,
		       uint64_t ttl_ns)
{
	const struct lwf_wire_update record = {
		.head = LWF_RECORD_HEAD(UPDATE, lwf_wire_update),
		.flow = flow,
		.ttl_ns = ttl_ns,
		.action = (uint8_t)action,
	};

	return send_one(handle, &record, sizeof(record));
}

int lwf_verdict_revoke(struct lwf_verdict *handle, const struct lwf_revoke *revoke)
{
	const struct lwf_wire_revoke record = {
		.head = LWF_RECORD_HEAD(REVOKE, lwf_wire_revoke),
		.flow = revoke->flow,
		.pid = revoke->pid,
		.port = revoke->port,
		.protocol = revoke->protocol,
		.mine = revoke->mine,
	};

	return send_one(handle, &record, sizeof(record));
}

/* ---- receiving ---- */

static void read_ask(struct lwf_verdict *handle, uint32_t index, struct lwf_ask *ask)
{
	const struct lwf_wire_ask *record = &handle->record.ask.fixed;
	const unsigned char *tail = handle->record.ask.tail;

	*ask = (struct lwf_ask){
		.ask = record->ask,
		.epoch = record->epoch,
		.deadline_ns = now_ns() + record->left_ns,
		.reason = record->reason,
		.direction = record->direction,
		.fallback = record->fallback,
		.soft = record->soft,
		.rule = record->rule,
		.waiting = record->waiting,
		.frame_bytes = record->frame_bytes,
		.data_bytes = record->data_bytes,
		.data = handle->kept[index],
		.offload = record->offload,
	};
	ask->info.flow = record->flow;
	ask->info.key = record->key;
	ask->info.state = record->state;
	ask->info.flags = record->flags;
	ask->info.initiator = record->initiator & 1;
	ask->info.local = record->local & 1;
	ask->info.frames[0] = record->frames;
	ask->info.bytes[0] = record->bytes;
	lwf_wire_process_get(&record->process, record->exe_bytes ? (const char *)tail : "",
			     &ask->info.owner);
	memcpy(handle->kept[index], tail + record->exe_bytes, record->data_bytes);
	handle->counts.asked++;
	handle->taken++;
}

/* The record that was read last, as an event. */
static void read_event(struct lwf_verdict *handle, uint32_t index, struct lwf_verdict_event *event)
{
	const union lwf_wire_any *record = &handle->record;

	memset(event, 0, sizeof(*event));
	switch (record->head.kind) {
	case LWF_RECORD_ASK:
		event->kind = LWF_HEARD_ASK;
		read_ask(handle, index, &event->ask);
		return;
	case LWF_RECORD_CANCEL:
		event->kind = LWF_HEARD_CANCEL;
		event->ask.ask = record->cancel.ask;
		event->cause = (enum lwf_verdict_cause)record->cancel.cause;
		handle->counts.cancelled++;
		return;
	case LWF_RECORD_OWNER:
		event->kind = LWF_HEARD_OWNER;
		event->ask.ask = record->owner.fixed.ask;
		lwf_wire_process_get(&record->owner.fixed.process, record->owner.exe,
				     &event->ask.info.owner);
		return;
	case LWF_RECORD_EVENT:
		event->kind = LWF_HEARD_ENDED;
		event->ask.info.flow = record->event.flow;
		event->ask.info.frames[0] = record->event.frames;
		event->ask.info.bytes[0] = record->event.bytes;
		event->end = (enum lwf_flow_end)record->event.end;
		handle->counts.ended++;
		return;
	default: /* STALE: the connection lets nothing else through */
		event->kind = LWF_HEARD_STALE;
		if (record->stale.what == LWF_RECORD_TELL)
			event->ask.ask = record->stale.id;
		else
			event->ask.info.flow = record->stale.id;
		event->result = (enum lwf_tell_result)record->stale.why;
		handle->counts.stale++;
		return;
	}
}

/* Has a message, or gets one. 0, -EAGAIN, -ENOTCONN. */
static int fill(struct lwf_verdict *handle)
{
	int err;

	if (handle->body && handle->at < handle->bytes)
		return 0;
	handle->body = NULL;
	if (handle->gone)
		return -ENOTCONN;
	err = lwf_connection_records(handle->connection, 0, &handle->body, &handle->bytes,
				     &handle->gone_error);
	handle->at = 0;
	if (!err)
		return 0;
	handle->body = NULL;
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	handle->gone = true;
	return -ENOTCONN;
}

int lwf_verdict_next(struct lwf_verdict *handle, struct lwf_verdict_event *events, uint32_t max)
{
	uint32_t count = 0;
	int err = fill(handle);

	if (err)
		return err == -EAGAIN ? 0 : err;
	while (count < max && count < LWF_VERDICT_RECORDS_MAX &&
	       lwf_wire_records_next(handle->body, handle->bytes, &handle->at, &handle->record))
		read_event(handle, count, &events[count]), count++;
	give_credit(handle);
	return (int)count;
}

/* ---- waiting, and questions ---- */

int lwf_verdict_fd(const struct lwf_verdict *handle)
{
	return lwf_connection_fd(handle->connection);
}

int lwf_verdict_wait(struct lwf_verdict *handle, uint64_t timeout_ns)
{
	struct pollfd poll_fd = {.fd = lwf_verdict_fd(handle), .events = POLLIN};
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};
	int n;

	if (handle->body && handle->at < handle->bytes)
		return 0;
	if (handle->gone)
		return -ENOTCONN;
	n = ppoll(&poll_fd, 1, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
	if (n > 0)
		return 0;
	return n == 0 ? -ETIMEDOUT : -EINTR;
}

bool lwf_verdict_is_gone(const struct lwf_verdict *handle, const char **why)
{
	if (why)
		*why = handle->gone ? handle->gone_error.why : "";
	return handle->gone;
}

void lwf_verdict_counts(const struct lwf_verdict *handle, struct lwf_verdict_counts *counts)
{
	*counts = handle->counts;
}

uint32_t lwf_verdict_decider(const struct lwf_verdict *handle)
{
	return handle->decider;
}
