/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - clients of the simulation, with their own account of every record.
 *
 * Each record gets one answer; each answer must be explained by a condition that held at some moment
 * between the record's being taken and its answer. Every frame carries the number of its record in
 * its bytes, so that a device sees a frame that is doubled, mixed up, or sent when it must not be.
 */
#include <string.h>

#include "world.h"

#define MARK_OFFSET SIM_HEADERS
#define MARK_BYTES  16u

static struct sim_client *client_of(struct lwf_session *session)
{
	return (struct sim_client *)session;
}

static void mark(const struct sim_client *client, uint32_t number, uint8_t *bytes)
{
	uint32_t words[4] = {client->slot->index, client->index, client->life, number};

	memcpy(bytes, words, sizeof(words));
}

static enum lwf_pull on_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct sim_client *client = client_of(session);
	struct sim_world *world = client->slot->world;
	struct sim_record *record = &client->records[client->pulled];

	if (!client->open || client->pulled == client->put)
		return LWF_PULL_NONE;
	if (client->closing)
		sim_fail("a record of a closed session was taken");
	record->pulled_at = ++world->seq;
	frame->id = ++client->pulled;
	frame->cancel_id = client->pulled;
	frame->direction = record->direction;
	if (record->bad) {
		lwf_frame_answer(frame, LWF_REASON_TRUNCATED);
		return LWF_PULL_REFUSE;
	}
	if (record->len > lwf_frame_room(frame))
		sim_fail("a frame of the path has room for %u bytes only", lwf_frame_room(frame));
	frame->len = record->len;
	memset(frame->data, 0, record->len);
	sim_flow_bytes(frame->data, record->len, client->pulled,
		       record->direction == LWF_DIRECTION_RECEIVE);
	if (record->len >= MARK_OFFSET + MARK_BYTES)
		mark(client, client->pulled, frame->data + MARK_OFFSET);
	return LWF_PULL_FRAME;
}

static bool on_ready(struct lwf_session *session)
{
	return client_of(session)->pulled < client_of(session)->put;
}

static bool since(const struct sim_client *client, const struct sim_record *record,
		  enum sim_condition condition)
{
	return client->slot->last[condition] >= record->pulled_at;
}

/* A device was told to answer so, at some moment since. */
static bool may_be_a_lie(const struct sim_client *client, const struct sim_record *record,
			 lwf_status status)
{
	return client->slot->lied[lwf_status_answer(status)] >= record->pulled_at;
}

/* Filter verdict copies what goes up: it may be handed over later, as a frame of its own, or never. */
static bool is_copied(const struct sim_client *client, const struct sim_record *record)
{
	return record->direction == LWF_DIRECTION_RECEIVE && record->handed == 0 &&
	       since(client, record, SIM_COPIER);
}

static bool is_plausible(const struct sim_client *client, const struct sim_record *record,
			 lwf_status status, bool refused)
{
	if (status != LWF_STATUS_SUCCESS && !refused && may_be_a_lie(client, record, status))
		return true;
	switch (status) {
	case LWF_STATUS_SUCCESS:
		return !refused && !record->too_odd &&
		       (record->handed == 1 || is_copied(client, record));
	case LWF_STATUS_PAUSED:
		return since(client, record, SIM_NOT_RUNNING);
	case LWF_STATUS_ADAPTER_REMOVED:
		return since(client, record, SIM_REMOVED);
	case LWF_STATUS_MEDIA_DISCONNECTED:
		return !refused && since(client, record, SIM_NO_CARRIER);
	case LWF_STATUS_INVALID_LENGTH:
		return record->too_odd;
	case LWF_STATUS_SEND_ABORTED:
		return client->cancelled_at >= record->pulled_at;
	case LWF_STATUS_RESOURCES:
		return !refused && since(client, record, SIM_QUEUE_FULL);
	case LWF_STATUS_FAILURE:
		return !refused && since(client, record, SIM_NO_UPPER);
	case LWF_STATUS_NOT_ACCEPTED:
		return !refused && since(client, record, SIM_DROPPER);
	default:
		return false;
	}
}

static struct lwf_module *by_handle(const struct sim_slot *slot, lwf_handle handle)
{
	struct lwf_module *module;

	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++)
		if (lwf_module_handle(module) == handle)
			return module;
	return NULL;
}

/* An admitted record is answered while its frame is still counted: nothing may end before (R5, R7). */
static void check_answered_inside(const struct sim_client *client, const struct lwf_frame *frame)
{
	struct lwf_module *module = by_handle(client->slot, frame->born);

	if (!module || (lwf_module_state(module) != LWF_STATE_RUNNING &&
			lwf_module_state(module) != LWF_STATE_PAUSING))
		sim_fail("an admitted record is answered after its module's pause");
	if (sim_gate_count(module) == 0)
		sim_fail("an admitted record is answered after its frame has left the gate");
}

static void on_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	struct sim_client *client = client_of(session);
	struct sim_world *world = client->slot->world;
	struct sim_record *record;

	if (!client->open || client->closing)
		sim_fail("an answer for a session that is closed");
	if (frame->id == 0 || frame->id > client->pulled)
		sim_fail("an answer for record %llu, which was never taken",
			 (unsigned long long)frame->id);
	record = &client->records[frame->id - 1];
	if (record->answered)
		sim_fail("record %llu was answered twice", (unsigned long long)frame->id);
	sim_note(client->slot);
	if (!is_plausible(client, record, frame->status, refused))
		sim_fail(
			"record %llu (%u bytes, handed over %u times) was %s %s (%s) without cause",
			(unsigned long long)frame->id, record->len, record->handed,
			refused ? "refused with" : "answered", lwf_status_name(frame->status),
			lwf_reason_name((enum lwf_reason)frame->reason));
	if (refused && lwf_stack_state(client->slot->stack) == LWF_STATE_DETACHED &&
	    (client->slot->holds & 1u << LWF_HOLD_REMOVED) &&
	    frame->status != LWF_STATUS_ADAPTER_REMOVED && !record->too_odd &&
	    frame->status != LWF_STATUS_SEND_ABORTED)
		sim_fail("record %llu was refused with %s while the device is gone",
			 (unsigned long long)frame->id, lwf_status_name(frame->status));
	if (refused && record->handed)
		sim_fail("record %llu was refused after it was sent",
			 (unsigned long long)frame->id);
	if (!refused)
		check_answered_inside(client, frame);
	record->answered = true;
	client->answered++;
	client->by_answer[refused][lwf_status_answer(frame->status)]++;
	world->records++;
	world->answers[lwf_status_answer(frame->status)]++;
	sim_digest(world, (uint64_t)client->slot->index << 8 | client->index);
	sim_digest(world, frame->id);
	sim_digest(world, (uint64_t)frame->status << 32 | (uint64_t)frame->reason << 1 | refused);
	sim_react(client, &client->on_answer);
}

static void on_state_changed(struct lwf_session *session)
{
	struct sim_client *client = client_of(session);

	if (!client->open || client->closing)
		sim_fail("a session that is closed is told of a state");
	if (client->eager)
		sim_client_pump(client, LWF_BATCH_MAX_FRAMES);
	if (client->open && !client->closing)
		sim_react(client, &client->on_state);
}

static const struct lwf_session_ops ops = {
	.pull = on_pull,
	.ready = on_ready,
	.answer = on_answer,
	.state_changed = on_state_changed,
};

void sim_client_open(struct sim_slot *slot, uint32_t index, bool wait, bool eager)
{
	struct sim_client *client = &slot->clients[index];
	uint32_t life = client->life + 1;

	memset(client, 0, sizeof(*client));
	client->slot = slot;
	client->index = index;
	client->life = life;
	client->session.ops = &ops;
	client->session.wait_when_paused = wait;
	client->eager = eager;
	client->open = lwf_session_open(&client->session, slot->stack, NULL) == 0;
}

static void on_closed(struct lwf_session *session)
{
	struct sim_client *client = client_of(session);

	if (lwf_ledger_outstanding(&session->ledger) || session->outstanding)
		sim_fail("a session ended with frames in flight");
	client->open = false;
	client->closing = false;
	memset(session, 0xdd, sizeof(*session)); /* the memory is ours again: nobody may look */
}

void sim_client_close(struct sim_client *client)
{
	client->closing = true;
	client->cancelled_at = ++client->slot->world->seq;
	lwf_session_close(&client->session, on_closed);
}

void sim_client_put(struct sim_client *client, uint32_t frames, uint32_t bytes, bool up, bool bad)
{
	for (; frames > 0 && client->put < SIM_RECORDS; frames--) {
		struct sim_record *record = &client->records[client->put++];

		memset(record, 0, sizeof(*record));
		record->len = bytes;
		record->bad = bad;
		record->too_odd = bad || bytes < LWF_ETHER_HEADER_BYTES || bytes > 1514;
		record->direction = up ? LWF_DIRECTION_RECEIVE : LWF_DIRECTION_SEND;
	}
}

void sim_client_pump(struct sim_client *client, uint32_t budget)
{
	for (int i = 0; i < 4 && budget && client->open && !client->closing; i++)
		if (lwf_session_pump(&client->session, budget) == 0)
			return;
}

void sim_client_cancel(struct sim_client *client, uint64_t id)
{
	bool inside = client->cancelled_at == UINT64_MAX;

	client->cancelled_at = UINT64_MAX; /* whatever is taken meanwhile, too */
	lwf_session_cancel(&client->session, id);
	if (!inside)
		client->cancelled_at = ++client->slot->world->seq;
}

static bool somebody_lends(const struct sim_slot *slot)
{
	struct lwf_module *module;

	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++)
		if (strncmp(lwf_module_name(module), "wobble", 6) == 0)
			return true;
	return lwf_sim_edge_config(slot->lower)->lend;
}

/* A corrupted copy: the frame that waits for it, from which it differs by one bit. */
static const struct lwf_frame *stands_for(const struct lwf_frame *copy)
{
	const struct lwf_frame *original = copy->context;
	uint32_t bits = 0;

	if (copy->len != original->len || copy->id != original->id ||
	    copy->direction != original->direction)
		sim_fail("a corrupted frame is another one");
	for (uint32_t i = 0; i < copy->len; i++)
		bits += (uint32_t)__builtin_popcount(copy->data[i] ^ original->data[i]);
	if (bits != 1)
		sim_fail("a corrupted frame has %u bits turned over", bits);
	return original;
}

/* A clone stands for the frame that is returned. */
static const struct lwf_frame *parent_of(struct sim_slot *slot, const struct lwf_edge *edge,
					 const struct lwf_frame *frame)
{
	const struct lwf_frame *clone = frame;

	if (!frame->parent)
		return frame;
	if (!by_handle(slot, clone->born))
		sim_fail("a clone of nobody who lives reached %s", edge->name);
	while (frame->parent)
		frame = frame->parent;
	if (clone->len != frame->len || clone->data != frame->data)
		sim_fail("a clone is not what its parent is");
	return frame;
}

/* What an impair sends may stand for another's frame. NULL: for the device's own, or for none. */
static struct lwf_module *behind_impair(struct sim_slot *slot, struct lwf_module *module,
					const struct lwf_frame **frame)
{
	while (module && strncmp(lwf_module_name(module), "impair", 6) == 0) {
		if (!(*frame)->context)
			return NULL;
		*frame = stands_for(*frame);
		while ((*frame)->parent)
			*frame = (*frame)->parent;
		module = by_handle(slot, (*frame)->born);
	}
	return module;
}

static void check_record(struct sim_slot *slot, const struct lwf_edge *edge,
			 const struct lwf_module *module, const struct lwf_frame *frame)
{
	struct sim_client *client = client_of(frame->context);
	struct sim_world *world = slot->world;
	uint8_t expected[MARK_BYTES];
	struct sim_record *record;

	if (frame->id == 0 || frame->id > client->pulled)
		sim_fail("a frame of no record reached %s", edge->name);
	record = &client->records[frame->id - 1];
	if (lwf_module_state(module) == LWF_STATE_PAUSING &&
	    record->pulled_at > world->pausing_at[frame->born % SIM_PAUSE_SLOTS])
		sim_fail("record %llu was originated after %s began to pause",
			 (unsigned long long)frame->id, lwf_module_name(module));
	if (record->handed++ || record->answered)
		sim_fail("record %llu was sent twice, or after its answer",
			 (unsigned long long)frame->id);
	if (frame->len != record->len || record->direction != frame->direction)
		sim_fail("record %llu is another frame now", (unsigned long long)frame->id);
	mark(client, (uint32_t)frame->id, expected);
	if (frame->len >= MARK_OFFSET + MARK_BYTES &&
	    memcmp(frame->data + MARK_OFFSET, expected, MARK_BYTES) != 0)
		sim_fail("record %llu has other bytes now", (unsigned long long)frame->id);
}

/* A device is handed a frame: may that be? */
void sim_witness(struct sim_slot *slot, struct lwf_edge *edge, const struct lwf_frame *frame)
{
	const struct lwf_edge *from = edge == slot->lower ? slot->upper : slot->lower;
	struct sim_world *world = slot->world;
	struct lwf_module *module;
	enum lwf_state state;

	world->frames++;
	sim_digest(world, (uint64_t)slot->index << 8 | (edge == slot->lower));
	sim_digest(world, frame->id << 16 | frame->len);
	if (edge == slot->lower && (slot->forced || !edge->link.present))
		sim_fail("%s was handed a frame without %s", edge->name,
			 slot->forced ? "carrier" : "being there");
	frame = parent_of(slot, edge, frame);
	if (from && frame->born == from->handle)
		return;
	module = by_handle(slot, frame->born);
	if (!module && edge == slot->upper && somebody_lends(slot))
		return; /* the upper edge gets copies of what is lent, which are the stack's */
	if (!module)
		sim_fail("a frame of nobody who lives reached %s", edge->name);
	state = lwf_module_state(module);
	if (state != LWF_STATE_RUNNING && state != LWF_STATE_PAUSING)
		sim_fail("a frame of %s reached %s while it is %s", lwf_module_name(module),
			 edge->name, lwf_state_name(state));
	module = behind_impair(slot, module, &frame);
	if (module && strncmp(lwf_module_name(module), "inject", 6) == 0)
		check_record(slot, edge, module, frame);
}
