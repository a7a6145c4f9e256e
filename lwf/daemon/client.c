/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - rings: frames from user programs in, one answer for each of them out.
 *
 * The memory is shared with a program that may do anything to it at any time. So: every index the
 * engine writes has a private copy that is the truth; every index the client writes is read once,
 * checked against the private ones, and kept; a record is copied out word by word and then looked
 * at; the bytes of a frame are copied out before anybody looks at them. An index that cannot be
 * ends the session, a record that cannot be is refused.
 *
 * Turns. A client with records is in the ready list; each loop turn every client in it may hand
 * over LWF_BATCH_MAX_FRAMES, and link events, the TAP and the NIC get their turn before the next.
 * Frames and room may run out before the last of them; so who has had the fewest comes first
 * (lwf_client.had), and a ring that was empty counts as if it had kept up with the others.
 * A client whose ring is empty sleeps (engine_sleeps, doorbell); one that the stack does not serve
 * now is blocked until an answer or a new state says otherwise. Nothing here allocates but open.
 *
 * Deadlines. A session that waits while its stack is paused may set a limit to it. client_wait.c knows
 * since when each record waits; while the client is blocked a timer looks, and what is overdue is
 * answered as a session that does not wait is answered at once. client_deaf.c notices one that does not read
 * its answers.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define SUBMIT_MASK  (LWF_RING_SUBMIT_SLOTS - 1u)
#define ANSWER_MASK  (LWF_RING_COMPLETE_SLOTS - 1u)
#define SUBMIT_FLAGS (LWF_RING_FLAG_RECEIVE | LWF_RING_FLAG_TRUNCATED | LWF_RING_FLAG_SHORT)

_Static_assert((LWF_RING_SUBMIT_SLOTS & SUBMIT_MASK) == 0, "a power of two");
_Static_assert((LWF_RING_COMPLETE_SLOTS & ANSWER_MASK) == 0, "a power of two");
_Static_assert(offsetof(struct lwf_client, session) == 0, "the stack knows the client by it");

static struct lwf_client *client_of(struct lwf_session *session)
{
	return (struct lwf_client *)session;
}

const struct lwf_client *lwf_client_of(const struct lwf_session *session)
{
	return (const struct lwf_client *)session;
}

/* ---- the list of those whose turn it is ---- */

static void node_init(struct lwf_client_node *node)
{
	node->next = node;
	node->prev = node;
}

static bool node_is_alone(const struct lwf_client_node *node)
{
	return node->next == node;
}

static void node_remove(struct lwf_client_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node_init(node);
}

static void node_append(struct lwf_client_node *list, struct lwf_client_node *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}

static struct lwf_client *client_of_node(struct lwf_client_node *node)
{
	return (struct lwf_client *)((char *)node - offsetof(struct lwf_client, node));
}

/* Behind all that have had no more. */
static void node_insert(struct lwf_client_node *list, struct lwf_client_node *node)
{
	const uint64_t had = client_of_node(node)->had;
	struct lwf_client_node *after = list;

	while (after->prev != list && client_of_node(after->prev)->had > had)
		after = after->prev;
	node_append(after, node);
}

/* Moves all of @from to the empty list @to. */
static void node_move_all(struct lwf_client_node *to, struct lwf_client_node *from)
{
	node_init(to);
	if (node_is_alone(from))
		return;
	to->next = from->next;
	to->prev = from->prev;
	to->next->prev = to;
	to->prev->next = to;
	node_init(from);
}

static void clients_post(struct lwf_clients *clients)
{
	if (clients->posted || node_is_alone(&clients->ready))
		return;
	clients->posted = true;
	lwf_host_post(clients->host, &clients->task);
}

static void client_wake(struct lwf_client *client)
{
	client->blocked = false;
	if (!node_is_alone(&client->node))
		return;
	atomic_store_explicit(&client->control->engine_sleeps, 0, memory_order_relaxed);
	if (client->had < client->clients->least)
		client->had = client->clients->least; /* nothing is saved up */
	node_insert(&client->clients->ready, &client->node);
	clients_post(client->clients);
}

/* A frame came home somewhere: those that found none may try again. */
static void clients_feed(struct lwf_clients *clients)
{
	while (!node_is_alone(&clients->starved)) {
		struct lwf_client *client = client_of_node(clients->starved.next);

		node_remove(&client->node);
		client_wake(client);
	}
}

/* ---- the ring ---- */

static bool is_withdrawn(const struct lwf_client *client, uint32_t index)
{
	uint32_t slot = index & SUBMIT_MASK;

	return client->withdrawn[slot / 8] & 1u << slot % 8;
}

/* Takes records out of the ring that have been answered already. */
static void client_skip(struct lwf_client *client)
{
	uint32_t before = client->submit_head;

	while (client->withdrawn_count && is_withdrawn(client, client->submit_head)) {
		uint32_t slot = client->submit_head++ & SUBMIT_MASK;

		client->withdrawn[slot / 8] &= (uint8_t) ~(1u << slot % 8);
		client->withdrawn_count--;
	}
	if (client->submit_head != before)
		atomic_store_explicit(&client->control->submit_head, client->submit_head,
				      memory_order_release);
}

static void client_lies(struct lwf_client *client, const char *lie)
{
	if (!client->lie)
		client->lie = lie;
}

/* Reads the client's two indices. False when they cannot be. */
static bool client_look(struct lwf_client *client)
{
	uint32_t tail, head;

	if (client->lie)
		return false;
	tail = atomic_load_explicit(&client->control->submit_tail, memory_order_acquire);
	if (tail - client->submit_head > LWF_RING_SUBMIT_SLOTS) {
		client_lies(client, "submit_tail is ahead of the ring");
		return false;
	}
	client->submit_tail = tail;
	head = atomic_load_explicit(&client->control->answer_head, memory_order_acquire);
	if (head - client->answer_head > client->answer_tail - client->answer_head) {
		client_lies(client, "answer_head is ahead of the answers");
		return false;
	}
	client->answer_head = head;
	return true;
}

static bool client_has_place(const struct lwf_client *client)
{
	/* every record taken has its answer given or to come, so this counts both */
	return client->submit_head + client->withdrawn_count - client->answer_head <
	       LWF_RING_COMPLETE_SLOTS;
}

static bool client_ready(struct lwf_session *session)
{
	struct lwf_client *client = client_of(session);

	if (session->closing)
		return false;
	return client_look(client) && client->submit_tail != client->submit_head &&
	       client_has_place(client);
}

/* Copies the record at @index out, each word once. */
static struct lwf_ring_submit client_record(const struct lwf_client *client, uint32_t index)
{
	uint32_t slot = index & SUBMIT_MASK;
	const uint64_t *shared =
		(const uint64_t *)(const void *)(client->map + LWF_RING_SUBMIT_OFFSET) +
		(size_t)slot * (sizeof(struct lwf_ring_submit) / 8u);
	struct lwf_ring_submit record;
	uint64_t words[sizeof(record) / 8u] = {0};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = __atomic_load_n(&shared[i], __ATOMIC_RELAXED);
	memcpy(&record, words, sizeof(record));
	return record;
}

/* What is wrong with a record; NONE when it can be a frame. */
static enum lwf_reason record_fault(const struct lwf_ring_submit *record, uint32_t room)
{
	if (record->flags & ~SUBMIT_FLAGS || record->reserved != 0)
		return LWF_REASON_UNSUPPORTED;
	if (record->flags & LWF_RING_FLAG_SHORT)
		return LWF_REASON_TRUNCATED;
	if (record->len < LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_TOO_SHORT;
	if (record->len > room || record->len > LWF_RING_DATA_BYTES)
		return LWF_REASON_TOO_LONG;
	if (record->offset > LWF_RING_DATA_BYTES - record->len)
		return LWF_REASON_TOO_LONG;
	return LWF_REASON_NONE;
}

/* What is known of a frame before its bytes are. */
static void client_head(const struct lwf_ring_submit *record, struct lwf_frame *frame)
{
	frame->id = record->id;
	frame->cancel_id = record->cancel_id;
	frame->truncated = (record->flags & LWF_RING_FLAG_TRUNCATED) != 0;
	frame->direction =
		record->flags & LWF_RING_FLAG_RECEIVE ? LWF_DIRECTION_RECEIVE : LWF_DIRECTION_SEND;
	memset(&frame->offload, 0, sizeof(frame->offload));
}

static enum lwf_pull client_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct lwf_client *client = client_of(session);
	struct lwf_ring_submit record;
	enum lwf_reason fault;

	/* a client that submits as fast as it is answered must not hold the loop */
	if (client->pulls_left == 0)
		return LWF_PULL_NONE;
	/* what was seen before still holds; look again only when it is used up */
	if ((client->submit_tail == client->submit_head || !client_has_place(client)) &&
	    !client_ready(session)) {
		client->ran_dry = true;
		return LWF_PULL_NONE;
	}
	client->pulls_left--;
	record = client_record(client, client->submit_head);
	client_head(&record, frame);
	fault = record_fault(&record, lwf_frame_room(frame));
	if (fault == LWF_REASON_NONE) {
		memcpy(frame->data, client->map + LWF_RING_DATA_OFFSET + record.offset, record.len);
		frame->len = record.len;
	}
	client->submit_head++;
	atomic_store_explicit(&client->control->submit_head, client->submit_head,
			      memory_order_release);
	client_skip(client);
	if (fault == LWF_REASON_NONE)
		return LWF_PULL_FRAME;
	lwf_frame_answer(frame, fault);
	return LWF_PULL_REFUSE;
}

static bool client_withdraw(struct lwf_session *session, struct lwf_frame *frame,
			    uint32_t cancel_id)
{
	struct lwf_client *client = client_of(session);

	for (; client->withdraw_at != client->submit_tail; client->withdraw_at++) {
		struct lwf_ring_submit record;
		uint32_t slot = client->withdraw_at & SUBMIT_MASK;

		if (is_withdrawn(client, client->withdraw_at))
			continue;
		record = client_record(client, client->withdraw_at);
		if ((uint32_t)record.cancel_id != cancel_id)
			continue;
		if (!client_has_place(client))
			return false;
		client_head(&record, frame);
		client->withdrawn[slot / 8] |= (uint8_t)(1u << slot % 8);
		client->withdrawn_count++;
		client->withdraw_at++;
		return true;
	}
	return false;
}

static void client_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	struct lwf_client *client = client_of(session);
	uint32_t slot = client->answer_tail & ANSWER_MASK;
	struct lwf_ring_answer *shared =
		(struct lwf_ring_answer *)(void *)(client->map + LWF_RING_COMPLETE_OFFSET) + slot;
	struct lwf_ring_answer answer = {
		.id = frame->id,
		.status = frame->status,
		.reason = frame->reason,
		.refused = refused,
		.error = frame->error,
	};

	/* more answers than records taken would be the engine's own bug */
	assert(client->answer_tail != client->submit_head + client->withdrawn_count);
	if (frame->status == LWF_STATUS_SUCCESS) {
		answer.frames = lwf_frame_segments(frame);
		answer.bytes = (uint32_t)lwf_frame_wire_bytes(frame);
	}
	memcpy(shared, &answer, sizeof(answer));
	client->answer_tail++;
	atomic_store_explicit(&client->control->answer_tail, client->answer_tail,
			      memory_order_release);
}

/* Each change is looked at once: a client that sets client_waits after that look sees the change itself. */
static void client_ring(struct lwf_client *client)
{
	if (client->shown_answers == client->answer_tail &&
	    client->shown_head == client->submit_head &&
	    client->shown_changes == client->state_changes)
		return;
	client->shown_answers = client->answer_tail;
	client->shown_head = client->submit_head;
	client->shown_changes = client->state_changes;
	/* the fence orders what was written before with this look: see ring.h, doorbells */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&client->control->client_waits, memory_order_relaxed) != 0 &&
	    client->context)
		client->ops->ring(client->context);
}

static void client_flush(struct lwf_session *session)
{
	struct lwf_client *client = client_of(session);

	lwf_client_deaf_answered(client);
	client_ring(client);
	if (client->blocked && !session->closing)
		client_wake(client);
	clients_feed(client->clients);
}

static void client_write_state(struct lwf_client *client)
{
	struct lwf_ring_control *control = client->control;
	const struct lwf_stack *stack = client->session.stack;

	/* odd while it is written: the client wants a state and the epoch that goes with it */
	atomic_store_explicit(&control->state_changes, client->state_changes + 1,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&control->epoch, (uint32_t)lwf_stack_epoch(stack),
			      memory_order_relaxed);
	atomic_store_explicit(&control->state, (uint32_t)lwf_stack_state(stack),
			      memory_order_release);
	client->state_changes += 2;
	atomic_store_explicit(&control->state_changes, client->state_changes, memory_order_release);
}

static void client_state_changed(struct lwf_session *session)
{
	client_write_state(client_of(session));
	client_flush(session);
}

static const struct lwf_session_ops client_session_ops = {
	.pull = client_pull,
	.ready = client_ready,
	.answer = client_answer,
	.flush = client_flush,
	.state_changed = client_state_changed,
	.withdraw = client_withdraw,
};

/* ---- deadlines ---- */

static void client_watch_deadline(struct lwf_client *client)
{
	uint64_t now_ns;

	if (!client->wait.limit_ns)
		return;
	now_ns = lwf_host_now_ns(client->clients->host);
	lwf_client_wait_note(&client->wait, client->submit_head, client->submit_tail, now_ns);
	lwf_timer_set(&client->deadline, lwf_client_wait_next_ns(&client->wait, now_ns));
}

/* Of the next @count records those that were not withdrawn. */
static uint32_t client_still_there(const struct lwf_client *client, uint32_t count)
{
	uint32_t there = count;

	for (uint32_t i = 0; i < count && client->withdrawn_count; i++)
		there -= is_withdrawn(client, client->submit_head + i);
	return there;
}

/* Records have waited too long, or it is time to see which have come since. */
static void client_deadline(void *context)
{
	struct lwf_client *client = context;
	uint32_t overdue;

	if (!client->blocked || client->session.closing)
		return; /* its turn begins anew */
	if (!client_look(client)) {
		client_wake(client); /* its turn tells the owner */
		return;
	}
	overdue = client_still_there(
		client, lwf_client_wait_overdue(&client->wait, client->submit_head,
						lwf_host_now_ns(client->clients->host)));
	client->pulls_left = overdue;
	if (overdue)
		lwf_session_expire(&client->session, overdue);
	if (client->blocked)
		client_watch_deadline(client);
}

/* ---- turns ---- */

/* Nothing to pull: ask for a doorbell, and look once more, since one may just have been missed. */
static void client_sleep(struct lwf_client *client)
{
	atomic_store_explicit(&client->control->engine_sleeps, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (client_ready(&client->session))
		client_wake(client);
}

static void client_block(struct lwf_client *client)
{
	client->blocked = true;
	client_watch_deadline(client);
}

static void client_had(struct lwf_client *client, uint32_t pulled)
{
	if (pulled && client->clients->least < client->had)
		client->clients->least = client->had;
	client->had += pulled;
}

static void client_turn(struct lwf_client *client)
{
	struct lwf_session *session = &client->session;
	uint32_t taken;
	bool ready;

	client->pulls_left = LWF_BATCH_MAX_FRAMES;
	client->ran_dry = false;
	taken = lwf_session_pump(session, LWF_BATCH_MAX_FRAMES);
	client_had(client, LWF_BATCH_MAX_FRAMES - client->pulls_left);
	ready = client_ready(session);
	if (client->lie) {
		client->ops->lied(client->context, client->lie);
		return;
	}
	if (!node_is_alone(&client->node))
		return; /* woken by an answer meanwhile */
	if (!ready)
		client_sleep(client);
	else if (lwf_session_blocked(session))
		client_block(client);
	else if (taken == 0 && !client->ran_dry)
		node_append(&client->clients->starved, &client->node);
	else
		client_wake(client);
	if (client->lie)
		client->ops->lied(client->context, client->lie);
}

/* One turn for each client that was ready when it began. */
static void clients_turn(void *context)
{
	struct lwf_clients *clients = context;
	struct lwf_client_node round;

	clients->posted = false;
	node_move_all(&round, &clients->ready);
	while (!node_is_alone(&round)) {
		struct lwf_client *client = client_of_node(round.next);

		node_remove(&client->node);
		client_turn(client);
	}
	clients_post(clients);
}

void lwf_clients_init(struct lwf_clients *clients, struct lwf_host *host)
{
	memset(clients, 0, sizeof(*clients));
	clients->host = host;
	clients->task.fn = clients_turn;
	clients->task.context = clients;
	node_init(&clients->ready);
	node_init(&clients->starved);
}

void lwf_clients_stop_waiting(struct lwf_stack *stack)
{
	for (struct lwf_session *s = lwf_stack_sessions(stack); s; s = s->next) {
		struct lwf_client *client = client_of(s);

		s->wait_when_paused = false;
		if (!s->closing)
			client_wake(client);
	}
}

void lwf_clients_drain(struct lwf_clients *clients)
{
	const uint32_t rounds = LWF_RING_SUBMIT_SLOTS / LWF_BATCH_MAX_FRAMES;

	for (uint32_t i = 0; i < rounds && !node_is_alone(&clients->ready); i++) {
		struct lwf_client_node round;

		node_move_all(&round, &clients->ready);
		while (!node_is_alone(&round)) {
			struct lwf_client *client = client_of_node(round.next);

			node_remove(&client->node);
			client_turn(client);
		}
	}
}

void lwf_clients_cancel(struct lwf_stack *stack)
{
	struct lwf_session *next;

	for (struct lwf_session *s = lwf_stack_sessions(stack); s; s = next) {
		next = s->next;
		if (!s->closing)
			lwf_client_cancel(client_of(s), 0);
	}
}

/* Nothing is pulled out of its ring any more; said before the connection is closed. */
static void client_goodbye(struct lwf_client *client)
{
	atomic_store_explicit(&client->control->goodbye, 1, memory_order_release);
}

void lwf_clients_goodbye(struct lwf_stack *stack)
{
	for (struct lwf_session *s = lwf_stack_sessions(stack); s; s = s->next)
		client_goodbye(client_of(s));
}

/* ---- birth and death ---- */

/* Makes the memory: all of it there, and of a size that nobody can change. */
static int client_map(struct lwf_client *client, int *memfd)
{
	int fd, ret;

	fd = memfd_create("lwf-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, LWF_RING_BYTES) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		ret = -errno;
		goto err_close;
	}
	client->map = mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   fd, 0);
	if (client->map == MAP_FAILED) {
		ret = -errno;
		client->map = NULL;
		goto err_close;
	}
	client->control = (struct lwf_ring_control *)(void *)client->map;
	*memfd = fd;
	return 0;

err_close:
	close(fd);
	return ret;
}

static void client_free(struct lwf_client *client)
{
	struct lwf_clients *clients = client->clients;

	if (client->wait.limit_ns)
		lwf_timer_fini(&client->deadline);
	lwf_client_deaf_fini(client);
	if (client->map)
		munmap(client->map, LWF_RING_BYTES);
	clients->count--;
	lwf_host_free(clients->host, client);
}

static void client_closed(struct lwf_session *session)
{
	struct lwf_clients *clients = client_of(session)->clients;

	client_free(client_of(session));
	clients_feed(clients);
}

static void client_fill_control(struct lwf_client *client)
{
	struct lwf_ring_control *control = client->control;

	control->magic = LWF_RING_MAGIC;
	control->version = LWF_RING_VERSION;
	control->submit_slots = LWF_RING_SUBMIT_SLOTS;
	control->complete_slots = LWF_RING_COMPLETE_SLOTS;
	control->data_bytes = LWF_RING_DATA_BYTES;
	atomic_store(&control->engine_sleeps, 1);
}

static int client_make_deadline(struct lwf_client *client, uint64_t wait_ns)
{
	int ret;

	if (!wait_ns)
		return 0;
	ret = lwf_timer_init(&client->deadline, client->clients->host, client_deadline, client);
	if (!ret)
		lwf_client_wait_init(&client->wait, wait_ns);
	return ret;
}

int lwf_client_open(struct lwf_clients *clients, struct lwf_stack *stack,
		    const struct lwf_client_options *options, const struct lwf_client_peer *peer,
		    const struct lwf_client_ops *ops, void *context, struct lwf_client **client,
		    int *memfd)
{
	struct lwf_client *made = lwf_host_alloc(clients->host, sizeof(*made));
	int ret;

	if (!made)
		return -ENOMEM;
	clients->count++;
	made->clients = clients;
	made->ops = ops;
	made->context = context;
	made->peer = *peer;
	node_init(&made->node);
	ret = client_make_deadline(made, options->wait_when_paused ? options->wait_ns : 0);
	if (ret)
		goto err_free;
	ret = lwf_client_deaf_init(made);
	if (ret)
		goto err_free;
	ret = client_map(made, memfd);
	if (ret)
		goto err_free;
	client_fill_control(made);
	made->session.ops = &client_session_ops;
	made->session.wait_when_paused = options->wait_when_paused;
	ret = lwf_session_open(&made->session, stack, options->module);
	if (ret)
		goto err_close;
	client_write_state(made);
	*client = made;
	return 0;

err_close:
	close(*memfd);
err_free:
	client_free(made);
	return ret;
}

void lwf_client_cancel(struct lwf_client *client, uint32_t cancel_id)
{
	client->pulls_left = LWF_RING_SUBMIT_SLOTS;
	client->withdraw_at = client->submit_head;
	(void)client_look(client); /* of a ring that lies nothing is withdrawn: see submit_tail */
	lwf_session_cancel(&client->session, cancel_id);
	client_skip(client);
	if (client->lie)
		client_wake(client); /* its turn tells the owner */
}

void lwf_client_doorbell(struct lwf_client *client)
{
	/* blocked and starved ones are woken by the stack alone: ringing cannot make them spin */
	if (!client->blocked)
		client_wake(client);
}

void lwf_client_close(struct lwf_client *client)
{
	client->context = NULL;
	client->blocked = false;
	lwf_client_deaf_cancel(client);
	node_remove(&client->node);
	client_goodbye(client);
	lwf_session_close(&client->session, client_closed);
}
