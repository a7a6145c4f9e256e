/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_client.c - simulated clients and traffic.
 *
 * A client keeps an account of its own: every record it wrote, every answer it was told. Its record
 * for id n stands in slot n % SIM_RING until it is answered, so that an answer that comes twice, or
 * to nothing, is seen. Its ledger goes on over sessions and daemons, as that of a real program does.
 */
#include <errno.h>
#include <string.h>

#include "number.h"
#include "sim_world.h"

static struct sim_client *client_of(struct lwf_session *session)
{
	return (struct sim_client *)session;
}

static const struct sim_link *link_of(const struct sim_client *client)
{
	return &client->world->link[client->declared->link];
}

/* ---- the session's side ---- */

static uint32_t index_of(const struct sim_traffic *traffic)
{
	return (uint32_t)(traffic - traffic->world->traffic);
}

static void fill_frame(const struct sim_traffic *traffic, uint32_t number, struct lwf_frame *frame)
{
	uint32_t pattern = number % STRESS_PATTERNS;

	frame->len = traffic->patterns.len[pattern];
	frame->direction = traffic->declared->receive ? LWF_DIRECTION_RECEIVE : LWF_DIRECTION_SEND;
	memcpy(frame->data, traffic->patterns.bytes[pattern], frame->len);
	stress_number_put(&traffic->patterns, index_of(traffic), number, frame->data);
}

static bool on_ready(struct lwf_session *session)
{
	const struct sim_client *client = client_of(session);

	return client->pulled < client->put;
}

static enum lwf_pull on_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct sim_client *client = client_of(session);
	const struct sim_record *record;
	const struct sim_traffic *traffic;

	if (client->closing || !on_ready(session))
		return LWF_PULL_NONE;
	record = &client->record[++client->pulled % SIM_RING];
	traffic = &client->world->traffic[record->traffic];
	frame->id = record->id;
	frame->cancel_id = record->id;
	client->session_ledger.submitted++;
	if (traffic->patterns.len[record->number % STRESS_PATTERNS] > lwf_frame_room(frame)) {
		lwf_frame_answer(frame, LWF_REASON_TOO_LONG);
		return LWF_PULL_REFUSE;
	}
	fill_frame(traffic, record->number, frame);
	return LWF_PULL_FRAME;
}

static void on_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	struct sim_client *client = client_of(session);
	struct sim_world *world = client->world;
	struct sim_record *record = &client->record[frame->id % SIM_RING];
	enum lwf_answer answer = lwf_status_answer(frame->status);

	world->changes++;
	if (record->id != frame->id || frame->id == 0) {
		client->doubled++;
		sim_wrong(world, "exactly one answer to each frame",
			  "%s was told %s of frame %llu again", client->declared->name,
			  lwf_status_name(frame->status), (unsigned long long)frame->id);
		return;
	}
	record->id = 0;
	client->answered++;
	if (client->stopped || client->deaf)
		client->unread++;
	(refused ? client->session_ledger.refused : client->session_ledger.completed)[answer]++;
	(refused ? client->ledger.refused : client->ledger.completed)[answer]++;
	if (answer == LWF_ANSWER_SUCCESS) {
		client->ledger.sent++;
		client->ledger.indicated += frame->direction == LWF_DIRECTION_RECEIVE;
		client->ledger.frames++;
		client->ledger.bytes += frame->len;
	}
	sim_digest(world, (uint64_t)client->index << 48 | frame->id);
	sim_digest(world, (uint64_t)frame->status << 32 | (uint64_t)frame->reason << 1 | refused);
}

static void pump(struct sim_client *client)
{
	while (client->open && !client->closing && on_ready(&client->session))
		if (lwf_session_pump(&client->session, LWF_BATCH_MAX_FRAMES) == 0)
			return;
}

/* The stack may run again: what waited in the ring goes on. */
static void on_state_changed(struct lwf_session *session)
{
	pump(client_of(session));
}

static const struct lwf_session_ops session_ops = {
	.pull = on_pull,
	.ready = on_ready,
	.answer = on_answer,
	.state_changed = on_state_changed,
};

/* ---- its life ---- */

void sim_client_open(struct sim_client *client)
{
	const struct sim_link *link = link_of(client);

	if (client->open) {
		client->reopen = client->closing;
		return;
	}
	if (!link->stack || !client->alive)
		return;
	memset(&client->session, 0, sizeof(client->session));
	client->session.ops = &session_ops;
	client->session.wait_when_paused = client->declared->wait_when_paused;
	memset(&client->session_ledger, 0, sizeof(client->session_ledger));
	memset(client->record, 0, sizeof(client->record));
	client->put = client->pulled = client->answered = client->unread = 0;
	client->closing = false;
	client->open = lwf_session_open(&client->session, link->stack, NULL) == 0;
}

static void on_closed(struct lwf_session *session)
{
	struct sim_client *client = client_of(session);

	if (session->outstanding)
		sim_wrong(client->world, "a session ends when its last frame is home",
			  "%s: %u frames are out", client->declared->name, session->outstanding);
	client->open = false;
	client->closing = false;
	if (!client->reopen)
		return;
	client->reopen = false;
	sim_client_open(client);
}

void sim_client_lose(struct sim_client *client, enum lwf_answer out, enum lwf_answer waiting)
{
	if (!client->open || client->closing)
		return;
	client->ledger.completed[out] += client->pulled - client->answered;
	client->ledger.completed[waiting] += client->put - client->pulled;
	client->closing = true;
	client->world->changes++;
	lwf_session_close(&client->session, on_closed);
}

void sim_client_close(struct sim_client *client)
{
	if (client->open && !client->closing)
		sim_client_lose(client, LWF_ANSWER_SEND_ABORTED, LWF_ANSWER_SEND_ABORTED);
}

/* Writes one record, if there is room for it and for its answer. */
static bool put(struct sim_client *client, uint32_t traffic, uint32_t number)
{
	struct sim_record *record;

	if (!client->open || client->closing ||
	    client->put - client->answered + client->unread >= SIM_RING)
		return false;
	record = &client->record[(client->put + 1) % SIM_RING];
	if (record->id) /* answers come in any order, and an old one is still out */
		return false;
	record->id = ++client->put;
	record->traffic = traffic;
	record->number = number;
	client->ledger.submitted++;
	return true;
}

void sim_client_on_flood(void *context)
{
	struct sim_client *client = context;
	struct sim_traffic *traffic = &client->world->traffic[client->flood_traffic];

	if (!client->flooding)
		return;
	lwf_timer_set(&client->flood, SIM_FLOOD_NS);
	if (!client->alive || client->stopped)
		return;
	for (uint32_t i = 0; i < SIM_FLOOD_FRAMES; i++)
		if (!put(client, client->flood_traffic, (uint32_t)traffic->made++))
			break;
	pump(client);
}

/* Opens and drops sessions, as fast as that goes. */
static void crowd(struct sim_client *client, int64_t number)
{
	struct lwf_session session;

	for (int64_t i = 0; i < number && link_of(client)->stack; i++) {
		memset(&session, 0, sizeof(session));
		session.ops = &session_ops;
		if (lwf_session_open(&session, link_of(client)->stack, NULL))
			return;
		lwf_session_close(&session, NULL);
	}
}

static int flood(struct sim_client *client, struct lwf_error *error)
{
	struct sim_world *world = client->world;

	for (uint32_t i = 0; i < world->base.options.scenario->traffics; i++) {
		const struct stress_object *from = &world->traffic[i].declared->from;

		if (from->kind != STRESS_CLIENT || from->index != client->index)
			continue;
		client->flood_traffic = i;
		client->flooding = true;
		lwf_timer_set(&client->flood, 0);
		return 0;
	}
	return sim_refuse(error, LWF_EXIT_USAGE, client->declared->name,
			  "it has no traffic whose frames it could flood with");
}

int sim_client_fault(struct sim_client *client, enum stress_fault fault, int64_t number,
		     struct lwf_error *error)
{
	switch (fault) {
	case STRESS_FAULT_CLIENT_KILL:
		client->alive = client->stopped = client->deaf = client->flooding = false;
		sim_client_lose(client, LWF_ANSWER_SEND_ABORTED, LWF_ANSWER_SEND_ABORTED);
		break;
	case STRESS_FAULT_CLIENT_START:
		client->alive = true;
		sim_client_open(client);
		break;
	case STRESS_FAULT_CLIENT_STOP:
		client->stopped = true;
		break;
	case STRESS_FAULT_CLIENT_DEAF:
		client->deaf = true;
		break;
	case STRESS_FAULT_CLIENT_CONTINUE:
	case STRESS_FAULT_CLIENT_HEARS:
		client->stopped &= fault != STRESS_FAULT_CLIENT_CONTINUE;
		client->deaf &= fault != STRESS_FAULT_CLIENT_HEARS;
		if (!client->stopped && !client->deaf)
			client->unread = 0;
		break;
	case STRESS_FAULT_CLIENT_FLOOD:
		return flood(client, error);
	case STRESS_FAULT_CLIENT_CALM:
		client->flooding = false;
		break;
	case STRESS_FAULT_CLIENT_CANCEL:
		if (client->open && !client->closing)
			lwf_session_cancel(&client->session, 0);
		break;
	case STRESS_FAULT_CLIENT_CROWD:
		crowd(client, number);
		break;
	case STRESS_FAULT_CLIENT_GARBLE:
		sim_client_garble(client, number);
		break;
	default:
		return sim_refuse(error, LWF_EXIT_SKIPPED, stress_fault_row(fault)->words,
				  "the simulation has no such fault");
	}
	client->world->changes++;
	return 0;
}

/* ---- traffic ---- */

static void send_of_side(struct sim_traffic *traffic)
{
	const struct stress_object *from = &traffic->declared->from;
	struct sim_link *link = &traffic->world->link[from->index];
	bool upper = from->kind == STRESS_UPPER;
	struct lwf_edge *edge = upper ? link->upper : link->lower;
	uint64_t number = traffic->made++;
	uint32_t pattern = (uint32_t)(number % STRESS_PATTERNS);
	uint32_t len = traffic->patterns.len[pattern];
	int err;

	if (!link->stack || !edge)
		return;
	stress_number_put(&traffic->patterns, index_of(traffic), number,
			  traffic->patterns.bytes[pattern]);
	err = sim_give(edge, traffic->patterns.bytes[pattern], len,
		       &traffic->patterns.offload[pattern]);
	if (err == 0 || err == -EINVAL) { /* a runt: the device gave it, and the edge counts it */
		if (upper)
			link->upper_gave++;
		else
			link->lower_gave++;
	}
	traffic->world->changes++;
}

/* One burst. */
static void send_of_client(struct sim_traffic *traffic, struct sim_client *client)
{
	const struct stress_traffic *declared = traffic->declared;

	if (!client->alive || client->stopped)
		return;
	for (uint32_t i = 0; i < declared->burst; i++) {
		if (declared->count && traffic->made >= declared->count)
			break;
		if (!put(client, index_of(traffic), (uint32_t)traffic->made))
			break;
		traffic->made++;
	}
	client->world->changes++;
	pump(client);
}

void sim_traffic_on_timer(void *context)
{
	struct sim_traffic *traffic = context;
	const struct stress_traffic *declared = traffic->declared;
	struct sim_world *world = traffic->world;
	uint64_t now = lwf_host_now_ns(world->host);

	if (!traffic->on)
		return;
	if (declared->from.kind == STRESS_CLIENT)
		send_of_client(traffic, &world->client[declared->from.index]);
	for (uint32_t i = 0; declared->from.kind != STRESS_CLIENT && i < declared->burst; i++)
		if (!declared->count || traffic->made < declared->count)
			send_of_side(traffic);
	if (declared->count && traffic->made >= declared->count) {
		traffic->on = false;
		return;
	}
	traffic->next_ns += traffic->patterns.gap_ns;
	if (traffic->next_ns <= now)
		traffic->next_ns = now + traffic->patterns.gap_ns;
	lwf_timer_set(&traffic->timer, traffic->next_ns - now);
}

int sim_traffic(struct stress_world *base, uint32_t index, bool on, struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);
	struct sim_traffic *traffic = &world->traffic[index];

	(void)error;
	if (traffic->on == on)
		return 0;
	traffic->on = on;
	traffic->next_ns = lwf_host_now_ns(world->host);
	if (on)
		lwf_timer_set(&traffic->timer, 0);
	else
		lwf_timer_cancel(&traffic->timer);
	return 0;
}
