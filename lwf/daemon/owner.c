/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c - the daemon's answer to "who owns this flow?"; see owner.h.
 *
 * Each open question has a slot, and passes through its states: LOOK, the kernel is still to be asked; AGAIN,
 * the kernel knows a connection that nobody has accepted yet, so it is asked again a little later; TELL, the socket is
 * known and the resolver is to be told; SENT, its answer is awaited. A slot is freed before its asker is called,
 * so that the asker may do anything.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lwf/flow.h>

#include "owner.h"
#include "owner_space.h"

#define TICK_NS	     10000000ull /* how finely deadlines are kept */
#define TICKS_HZ     ((uint64_t)sysconf(_SC_CLK_TCK))
#define NS_PER_S     1000000000ull
#define ID_INDEX(id) ((uint32_t)((id)&0xffffu))

enum slot_state {
	SLOT_FREE,
	SLOT_LOOK,
	SLOT_AGAIN, /* one list for each try, so that in each the oldest is due first */
	SLOT_TELL = SLOT_AGAIN + OWNER_TRIES_MAX,
	SLOT_SENT,
	SLOT_STATES
};

struct slot {
	struct slot *next, *prev; /* in the list of its state */
	enum slot_state state;
	uint32_t generation; /* of the slot; a part of its id */
	uint8_t tries;
	uint64_t due_ns; /* AGAIN: ask then; TELL, SENT: give up then */
	struct owner_ask ask;
	uint64_t flow; /* the asker's */
	void (*answer)(void *context, uint64_t flow, const struct lwf_owner *owner);
	void *context;
};

struct owner_service {
	struct lwf_owner_service face; /* first: the host sees only this */
	struct lwf_host *host;
	struct owner_resolver resolver;
	bool gone;
	struct lwf_watch watch;
	struct lwf_timer timer;
	struct lwf_task task;
	bool posted;
	uint32_t turn_gets; /* since the last turn */
	uint32_t turn_listens;
	uint32_t space_count;
	struct owner_space spaces[OWNER_SPACES_MAX];
	struct owner_trail trail;
	owner_found_fn found;
	owner_end_fn end;
	void *list_context;
	struct owner_counts counts;
	struct owner_pass pass;
	uint32_t free_count; /* in the list, or not used yet */
	uint32_t used; /* those behind have never been taken, and no page of them is touched */
	struct slot *first[SLOT_STATES], *last[SLOT_STATES]; /* the oldest is first */
	struct slot slots[OWNER_ASKS_MAX];
	struct owner_message in, out;
};

_Static_assert(OWNER_ASKS_MAX <= 0x10000, "owner.c: an id has 16 bits for the slot");

static uint64_t slot_id(const struct owner_service *service, const struct slot *slot)
{
	return (uint64_t)slot->generation << 16 | (uint64_t)(slot - service->slots);
}

static void leave_list(struct owner_service *service, struct slot *slot)
{
	*(slot->prev ? &slot->prev->next : &service->first[slot->state]) = slot->next;
	*(slot->next ? &slot->next->prev : &service->last[slot->state]) = slot->prev;
}

static void join_list(struct owner_service *service, struct slot *slot, enum slot_state state)
{
	slot->state = state;
	slot->next = NULL;
	slot->prev = service->last[state];
	*(slot->prev ? &slot->prev->next : &service->first[state]) = slot;
	service->last[state] = slot;
}

static void move(struct owner_service *service, struct slot *slot, enum slot_state state)
{
	leave_list(service, slot);
	join_list(service, slot, state);
}

/** Takes one; the caller has looked whether there is one. */
static struct slot *take_slot(struct owner_service *service)
{
	struct slot *slot = service->first[SLOT_FREE];

	if (slot) {
		move(service, slot, SLOT_LOOK);
	} else {
		slot = &service->slots[service->used++];
		join_list(service, slot, SLOT_LOOK);
	}
	service->free_count--;
	return slot;
}

static void free_slot(struct owner_service *service, struct slot *slot)
{
	move(service, slot, SLOT_FREE);
	slot->generation++;
	service->free_count++;
}

static void post(struct owner_service *service)
{
	if (service->posted)
		return;
	service->posted = true;
	lwf_host_post(service->host, &service->task);
}

static void need_tick(struct owner_service *service)
{
	if (!service->timer.armed)
		lwf_timer_set(&service->timer, TICK_NS);
}

/* ---- answers ---- */

/** An owner that is not known, but for what the kernel told of its socket. */
static void fill_unknown(const struct slot *slot, enum lwf_owner_why why, struct lwf_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	owner->how = LWF_OWNER_UNKNOWN;
	owner->why = (uint8_t)why;
	owner->uid = slot->ask.inode ? slot->ask.uid : LWF_OWNER_NO_UID;
	owner->cookie = slot->ask.cookie;
}

static void fill_pending(const struct slot *slot, struct lwf_owner *owner)
{
	fill_unknown(slot, LWF_OWNER_WHY_NONE, owner);
	owner->how = LWF_OWNER_PENDING;
}

static void answer(struct owner_service *service, struct slot *slot, const struct lwf_owner *owner)
{
	const struct slot copy = *slot;

	free_slot(service, slot);
	service->counts.answered++;
	copy.answer(copy.context, copy.flow, owner);
}

static void answer_unknown(struct owner_service *service, struct slot *slot, enum lwf_owner_why why)
{
	struct lwf_owner owner;

	fill_unknown(slot, why, &owner);
	answer(service, slot, &owner);
}

/* ---- the kernel is asked ---- */

static uint64_t ticks_of(uint64_t since_boot_ns)
{
	return since_boot_ns / (NS_PER_S / TICKS_HZ);
}

/** The best of what the namespaces have. In two equally good ones: the first. */
static enum owner_match get(struct owner_service *service, const struct owner_tuple *tuple,
			    struct owner_socket *best, uint32_t *space)
{
	enum owner_match match = OWNER_MATCH_NONE;

	for (uint32_t n = 0; n < service->space_count && match != OWNER_MATCH_EXACT; n++) {
		struct owner_socket socket;
		enum owner_match its = OWNER_MATCH_NONE;

		service->counts.gets++;
		if (owner_space_get(&service->spaces[n], tuple, &socket) == 1)
			its = owner_diag_match(tuple, &socket);
		if (its <= match)
			continue;
		match = its;
		*best = socket;
		*space = n;
	}
	return match;
}

static bool is_unaccepted(const struct owner_socket *socket)
{
	return socket->state == OWNER_STATE_ESTABLISHED || socket->state == OWNER_STATE_SYN_RECV ||
	       socket->state == OWNER_STATE_CLOSE_WAIT || socket->state == OWNER_STATE_NEW_SYN;
}

static void take_socket(struct slot *slot, const struct owner_socket *socket,
			enum owner_match match, uint32_t space)
{
	slot->ask.cookie = socket->cookie;
	slot->ask.inode = socket->inode;
	slot->ask.uid = socket->uid;
	slot->ask.match = (uint8_t)match;
	slot->ask.space = (uint8_t)space;
}

static bool to_resolver(struct owner_service *service, struct slot *slot)
{
	if (service->gone)
		return false;
	move(service, slot, SLOT_TELL);
	slot->due_ns = lwf_host_now_ns(service->host) + OWNER_DEADLINE_NS;
	post(service);
	need_tick(service);
	return true;
}

/* A connection on its way: asked for again, later each time. False: it was often enough. */
static bool again(struct owner_service *service, struct slot *slot)
{
	static const uint64_t delays_ns[OWNER_TRIES_MAX] = {20000000, 100000000, 400000000};

	if (slot->tries == OWNER_TRIES_MAX)
		return false;
	move(service, slot, (enum slot_state)(SLOT_AGAIN + slot->tries));
	slot->due_ns = lwf_host_now_ns(service->host) + delays_ns[slot->tries++];
	need_tick(service);
	return true;
}

/* Who was seen to send it is known, whatever has become of the socket. */
static bool saw_sender(struct owner_service *service, struct slot *slot)
{
	struct owner_sender sender;

	for (uint32_t n = 0; n < service->space_count; n++) {
		if (owner_trail_find(&service->trail, service->spaces[n].cookie, &slot->ask.tuple,
				     &sender) != 1)
			continue;
		service->counts.senders++;
		slot->ask.match = OWNER_MATCH_SENDER;
		slot->ask.space = (uint8_t)n;
		slot->ask.pid = sender.pid;
		slot->ask.uid = sender.uid;
		slot->ask.asked = ticks_of(sender.sent_ns);
		memcpy(slot->ask.comm, sender.comm, sizeof(slot->ask.comm));
		return true;
	}
	return false;
}

/** Asks the kernel for the slot's socket. NONE: the slot goes on; else why nobody will be found. */
static enum lwf_owner_why look(struct owner_service *service, struct slot *slot)
{
	struct owner_socket socket = {0};
	uint32_t space = 0;
	struct owner_tuple listener = slot->ask.tuple;
	enum owner_match match;

	service->turn_gets++;
	if (saw_sender(service, slot))
		return to_resolver(service, slot) ? LWF_OWNER_WHY_NONE
						  : LWF_OWNER_WHY_RESOLVER_GONE;
	match = get(service, &slot->ask.tuple, &socket, &space);
	if (match == OWNER_MATCH_NONE)
		return LWF_OWNER_WHY_NO_SOCKET;
	take_socket(slot, &socket, match, space);
	if (match == OWNER_MATCH_EXACT && !socket.inode) {
		if (!is_unaccepted(&socket))
			return LWF_OWNER_WHY_NO_INODE;
		if (again(service, slot))
			return LWF_OWNER_WHY_NONE;
		/* nobody has accepted it: whoever listens could */
		listener.remote_port = 0;
		match = get(service, &listener, &socket, &space);
		if (match != OWNER_MATCH_LISTENER || !socket.inode)
			return LWF_OWNER_WHY_NO_INODE;
		take_socket(slot, &socket, match, space);
	} else if (match == OWNER_MATCH_LISTENER && again(service, slot)) {
		return LWF_OWNER_WHY_NONE;
	}
	if (!socket.inode)
		return LWF_OWNER_WHY_KERNEL;
	return to_resolver(service, slot) ? LWF_OWNER_WHY_NONE : LWF_OWNER_WHY_RESOLVER_GONE;
}

static void look_later(struct owner_service *service, struct slot *slot)
{
	enum lwf_owner_why why = look(service, slot);

	if (why != LWF_OWNER_WHY_NONE)
		answer_unknown(service, slot, why);
}

/* ---- a question ---- */

static uint64_t ticks_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return ticks_of((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
}

static void set_tuple(struct owner_tuple *tuple, const struct lwf_owner_question *question)
{
	const struct lwf_flow_key *key = &question->key;
	enum lwf_endpoint local = question->local;
	enum lwf_endpoint remote = local == LWF_ENDPOINT_LOW ? LWF_ENDPOINT_HIGH : LWF_ENDPOINT_LOW;

	memset(tuple, 0, sizeof(*tuple));
	memcpy(tuple->local, key->address[local], sizeof(tuple->local));
	memcpy(tuple->remote, key->address[remote], sizeof(tuple->remote));
	tuple->local_port = key->port[local];
	tuple->remote_port = key->port[remote];
	tuple->protocol = key->protocol;
	tuple->v6 = key->v6 != 0;
}

static bool has_sockets(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

static int refuse(struct owner_service *service, enum lwf_owner_why why, struct lwf_owner *owner)
{
	owner->why = (uint8_t)why; /* the rest says UNKNOWN already */
	service->counts.at_once++;
	return 0;
}

/** The kernel is asked for the same local end without a peer: it names whoever listens there. */
static int owner_listens(struct lwf_owner_service *face, const struct lwf_owner_question *question)
{
	struct owner_service *service = (struct owner_service *)(void *)face;
	struct owner_socket socket;
	struct owner_tuple tuple;
	uint32_t space;

	if (service->turn_listens == OWNER_TURN_LISTENS)
		return -EAGAIN;
	service->turn_listens++;
	post(service);
	set_tuple(&tuple, question);
	tuple.remote_port = 0;
	return get(service, &tuple, &socket, &space) == OWNER_MATCH_LISTENER;
}

static int owner_ask(struct lwf_owner_service *face, const struct lwf_owner_question *question,
		     struct lwf_owner *owner)
{
	struct owner_service *service = (struct owner_service *)(void *)face;
	enum lwf_owner_why why = LWF_OWNER_WHY_NONE;
	struct slot *slot;

	service->counts.asked++;
	if (!has_sockets(question->key.protocol))
		return refuse(service, LWF_OWNER_WHY_RAW, owner);
	if (!service->free_count)
		return refuse(service, LWF_OWNER_WHY_OVERLOAD, owner);
	slot = take_slot(service);
	slot->tries = 0;
	slot->flow = question->flow;
	slot->answer = question->answer;
	slot->context = question->context;
	memset(&slot->ask, 0, sizeof(slot->ask));
	set_tuple(&slot->ask.tuple, question);
	slot->ask.id = slot_id(service, slot);
	slot->ask.asked = ticks_since_boot();
	post(service);
	if (service->turn_gets < OWNER_TURN_GETS)
		why = look(service, slot);
	if (why == LWF_OWNER_WHY_NONE) {
		fill_pending(slot, owner);
		return -EINPROGRESS;
	}
	fill_unknown(slot, why, owner);
	free_slot(service, slot);
	service->counts.at_once++;
	return 0;
}

static void owner_forget(struct lwf_owner_service *face, void *context)
{
	struct owner_service *service = (struct owner_service *)(void *)face;

	for (uint32_t n = 0; n < service->used; n++) {
		struct slot *slot = &service->slots[n];

		if (slot->state == SLOT_FREE || slot->context != context)
			continue;
		free_slot(service, slot);
		service->counts.forgotten++;
	}
}

/* ---- the resolver ---- */

static void end_list(struct owner_service *service, int error, uint32_t found, uint32_t missed)
{
	owner_end_fn end = service->end;

	service->end = NULL;
	if (end)
		end(service->list_context, error, found, missed);
}

static void resolver_gone(struct owner_service *service, const char *why)
{
	if (service->gone)
		return;
	lwf_log(service->host, LWF_LOG_ERROR,
		"resolver process: %s; owners of flows stay unknown until lwfd is started again",
		why);
	service->gone = true;
	lwf_watch_fini(&service->watch);
	owner_resolver_finish(&service->resolver);
	while (service->first[SLOT_SENT])
		answer_unknown(service, service->first[SLOT_SENT], LWF_OWNER_WHY_RESOLVER_GONE);
	while (service->first[SLOT_TELL])
		answer_unknown(service, service->first[SLOT_TELL], LWF_OWNER_WHY_RESOLVER_GONE);
	end_list(service, -EPIPE, 0, 0);
}

/** Sends what is to be told. One that does not read is told at the next tick. */
static void tell(struct owner_service *service)
{
	while (service->first[SLOT_TELL]) {
		uint32_t count = 0;
		int ret;

		for (struct slot *slot = service->first[SLOT_TELL];
		     slot && count < OWNER_RECORDS_MAX; slot = slot->next)
			service->out.ask[count++] = slot->ask;
		service->out.head = (struct owner_head){
			.magic = OWNER_MAGIC, .kind = OWNER_KIND_ASK, .count = (uint16_t)count};
		ret = owner_resolver_send(&service->resolver, &service->out, -1);
		if (ret == -EAGAIN)
			return;
		if (ret) {
			resolver_gone(service, strerror(-ret));
			return;
		}
		while (count--)
			move(service, service->first[SLOT_TELL], SLOT_SENT);
	}
}

static void take_answer(struct owner_service *service, const struct owner_answer *one)
{
	uint32_t index = ID_INDEX(one->id);
	struct slot *slot = index < OWNER_ASKS_MAX ? &service->slots[index] : NULL;

	if (!slot || slot->state != SLOT_SENT || slot->ask.id != one->id) {
		service->counts.late++;
		return;
	}
	answer(service, slot, &one->owner);
}

static void take_message(struct owner_service *service)
{
	const struct owner_message *message = &service->in;

	switch ((enum owner_kind)message->head.kind) {
	case OWNER_KIND_ANSWER:
		for (uint32_t n = 0; n < message->head.count; n++)
			take_answer(service, &message->answer[n]);
		break;
	case OWNER_KIND_FOUND:
		for (uint32_t n = 0; n < message->head.count && service->end; n++)
			service->found(service->list_context, &message->found[n].tuple,
				       &message->found[n].owner);
		break;
	case OWNER_KIND_END:
		end_list(service, message->end.error, message->end.found, message->end.missed);
		break;
	case OWNER_KIND_PASS:
		service->pass = message->pass;
		break;
	case OWNER_KIND_SPACE:
	case OWNER_KIND_ASK:
	case OWNER_KIND_LIST:
		break;
	}
}

static void on_resolver(void *context, unsigned events)
{
	struct owner_service *service = context;
	int ret = 1;

	(void)events;
	for (uint32_t n = 0; n < OWNER_RECORDS_MAX && !service->gone; n++) {
		ret = owner_resolver_receive(&service->resolver, &service->in);
		if (ret <= 0)
			break;
		take_message(service);
	}
	if (ret < 0)
		resolver_gone(service, ret == -EPIPE ? "it has ended" : "it sends nonsense");
}

/* ---- turns ---- */

static void on_turn(void *context)
{
	struct owner_service *service = context;

	service->posted = false;
	service->turn_gets = service->turn_listens = 0;
	while (service->first[SLOT_LOOK]) {
		if (service->turn_gets == OWNER_TURN_GETS) {
			post(service); /* frames first */
			break;
		}
		look_later(service, service->first[SLOT_LOOK]);
	}
	tell(service);
}

/* The resolver has had its time; the oldest are first. */
static void give_up(struct owner_service *service, enum slot_state state, uint64_t now)
{
	while (service->first[state] && service->first[state]->due_ns <= now) {
		service->counts.timeouts++;
		answer_unknown(service, service->first[state], LWF_OWNER_WHY_RESOLVER_SLOW);
	}
}

static void on_tick(void *context)
{
	struct owner_service *service = context;
	uint64_t now = lwf_host_now_ns(service->host);

	tell(service);
	for (unsigned state = SLOT_AGAIN; state < SLOT_TELL; state++) {
		while (service->first[state] && service->first[state]->due_ns <= now) {
			move(service, service->first[state], SLOT_LOOK);
			post(service);
		}
	}
	give_up(service, SLOT_TELL, now);
	give_up(service, SLOT_SENT, now);
	if (service->free_count < OWNER_ASKS_MAX)
		need_tick(service);
}

/* ---- birth and end ---- */

int owner_service_create(struct lwf_host *host, struct owner_resolver *resolver,
			 struct owner_service **result)
{
	struct owner_service *service = calloc(1, sizeof(*service));
	int ret = service ? 0 : -ENOMEM;

	if (!service) {
		owner_resolver_finish(resolver);
		return ret;
	}
	service->face = (struct lwf_owner_service){owner_ask, owner_forget, owner_listens};
	service->host = host;
	service->trail = OWNER_TRAIL_NONE;
	service->resolver = *resolver;
	*resolver = (struct owner_resolver){.fd = -1};
	service->task.fn = on_turn;
	service->task.context = service;
	service->free_count = OWNER_ASKS_MAX;
	ret = lwf_timer_init(&service->timer, host, on_tick, service);
	if (!ret)
		ret = lwf_watch_init(&service->watch, host, service->resolver.fd, LWF_WATCH_READ, 1,
				     on_resolver, service);
	if (ret) {
		owner_service_destroy(service);
		return ret;
	}
	*result = service;
	return 0;
}

void owner_service_destroy(struct owner_service *service)
{
	if (!service)
		return;
	lwf_timer_fini(&service->timer);
	lwf_watch_fini(&service->watch);
	owner_resolver_finish(&service->resolver);
	owner_trail_close(&service->trail);
	for (uint32_t n = 0; n < service->space_count; n++)
		owner_space_close(&service->spaces[n]);
	free(service);
}

int owner_service_add(struct owner_service *service, struct nsnet *ns, const char *device)
{
	struct owner_space *space = &service->spaces[service->space_count];
	int ret;

	if (service->space_count == OWNER_SPACES_MAX)
		return -ENOSPC;
	ret = owner_space_open(space, ns, device);
	if (ret)
		return ret;
	service->out.head = (struct owner_head){
		.magic = OWNER_MAGIC, .kind = OWNER_KIND_SPACE, .space = service->space_count};
	service->space_count++;
	if (!service->gone)
		ret = owner_resolver_send(&service->resolver, &service->out, space->list_fd);
	close(space->list_fd);
	space->list_fd = -1;
	if (ret == -EPIPE)
		resolver_gone(service, "it has ended");
	return ret == -EPIPE ? 0 : ret;
}

void owner_service_follow(struct owner_service *service, struct owner_trail *trail)
{
	service->trail = *trail;
	*trail = OWNER_TRAIL_NONE;
}

struct lwf_owner_service *owner_service_face(struct owner_service *service)
{
	return &service->face;
}

int owner_service_list(struct owner_service *service, uint32_t space, owner_found_fn found,
		       owner_end_fn end, void *context)
{
	int ret;

	if (space >= service->space_count)
		return -EINVAL;
	if (service->end)
		return -EBUSY;
	if (service->gone)
		return -EPIPE;
	service->out.head =
		(struct owner_head){.magic = OWNER_MAGIC, .kind = OWNER_KIND_LIST, .space = space};
	ret = owner_resolver_send(&service->resolver, &service->out, -1);
	if (ret)
		return ret;
	service->found = found;
	service->end = end;
	service->list_context = context;
	return 0;
}

void owner_service_describe(const struct owner_service *service, char *text, size_t bytes)
{
	char pid[16] = "gone";

	if (!service->gone)
		snprintf(pid, sizeof(pid), "%d", (int)service->resolver.pid);
	snprintf(text, bytes, " resolver=%s owners=%" PRIu64 "/%u", pid, service->counts.asked,
		 OWNER_ASKS_MAX - service->free_count);
}

void owner_service_counts(const struct owner_service *service, struct owner_counts *counts)
{
	*counts = service->counts;
	counts->open = OWNER_ASKS_MAX - service->free_count;
	counts->resolver_gone = service->gone;
}

const struct owner_pass *owner_service_pass(const struct owner_service *service)
{
	return &service->pass;
}
