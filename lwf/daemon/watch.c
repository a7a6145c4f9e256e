/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - streams the trace to those who watch.
 *
 * A watcher has a place in the engine's rings of records and no queue of its own: what its socket
 * does not take stays there. A watcher that falls behind by more than a ring holds is told how many
 * records it missed, in a record of kind "resync". Details are made while one who wants them is
 * connected; others do not see them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

/* A record in shape; "lost" tells how many are missing before the next one. */
static json_t *resync(uint64_t seq, uint64_t time_ns, uint64_t lost)
{
	struct lwf_trace_record record = {.seq = seq, .time_ns = time_ns};
	json_t *object;

	snprintf(record.event, sizeof(record.event), "resync");
	snprintf(record.text, sizeof(record.text),
		 "%" PRIu64 " records were lost: the reader is too slow", lost);
	object = lwf_show_record(&record);
	if (object && (json_object_set_new(object, "kind", json_string("resync")) ||
		       json_object_set_new(object, "lost", json_integer((json_int_t)lost)))) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

static void peer_event_out(struct lwf_peer *peer, json_t *object)
{
	lwf_peer_send(peer, LWF_WIRE_EVENT, peer->watch_sequence, object, -1);
}

void lwf_peer_stream(struct lwf_peer *peer)
{
	struct lwf_server *server = peer->server;
	const struct lwf_trace_record *record;
	struct lwf_trace_cursor at;
	uint64_t lost;

	for (unsigned i = 0; i < LWF_PEER_TURN_EVENTS; i++) {
		if (peer->first || peer->dead)
			return; /* comes again when it is writable */
		at = peer->watch_at;
		record = lwf_engine_trace_next(server->engine, &at, &lost);
		if (!record)
			return;
		if (lost) {
			peer_event_out(peer, resync(peer->watch_seq, record->time_ns, lost));
			lwf_engine_trace_seek(server->engine, record->seq, at.details,
					      &peer->watch_at);
			peer->watch_seq = record->seq;
			continue;
		}
		peer->watch_at = at;
		peer->watch_seq = record->seq + 1;
		if (!peer->watch_stack[0] || !strcmp(peer->watch_stack, record->stack_name))
			peer_event_out(peer, lwf_show_record(record));
	}
	lwf_server_post(server); /* the others get their turn first */
}
