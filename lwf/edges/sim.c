/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - the simulated device: answers at once, late, in any order, wrongly, or never, as told.
 *
 * It serves as either edge. What it was handed waits in a list in the order it came, each entry
 * with the time at which it is answered; without `reorder` no entry's time is before that of the
 * one in front, so that the list is also the order of the answers. A timer stands at the earliest
 * time. `never` is looked at again every LWF_EDGE_RETRY_NS, since it may be changed at any time.
 *
 * The status of an answer is decided when it is given: by the link first (a device that is gone or
 * down takes nothing), then by the configured share of failures. When the link goes, everything
 * held is answered at once, `never` or not, as the contract of edges demands.
 *
 * Every call out may come back in: answers make the stack transmit, cancel, or close this edge. So
 * frames are taken out of the list before they are answered, and the memory outlives the last call
 * that is still under way (`depth`).
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge_oid.h"
#include "edges.h"
#include "sim_offload.h"

#define SIM_DATA_BYTES	2048u /* longest frame that lwf_sim_edge_inject() takes */
#define SIM_ROOM_MARGIN (4 * LWF_BATCH_MAX_FRAMES)
#define SIM_MTU_BYTES	1500u
#define SIM_SPEED_MBPS	10000u

struct sim_entry {
	struct lwf_frame *frame;
	uint64_t due_ns;
	uint64_t since_ns;
	uint32_t transmit; /* number of the transmit it came in */
};

struct sim_edge {
	struct lwf_edge edge;
	struct lwf_sim_edge_config config;
	struct lwf_pool *pool;
	struct lwf_timer timer;
	struct sim_entry *held; /* LWF_EDGE_QUEUE_FRAMES */
	uint32_t held_count;
	uint32_t transmits;
	uint32_t depth; /* calls of ours that are under way */
	bool attached, closing;
	struct lwf_sim_oid oid;
	struct lwf_sim_offload offload;
	void (*answered)(void *context, const struct lwf_frame *frame);
	void *answered_context;
	void (*handed)(void *context, const struct lwf_frame *frame);
	void *handed_context;
};

static struct sim_edge *sim_of(struct lwf_edge *edge)
{
	return (struct sim_edge *)edge;
}

static void sim_free(struct sim_edge *sim)
{
	struct lwf_host *host = sim->edge.host;

	lwf_timer_fini(&sim->timer);
	lwf_sim_oid_fini(&sim->oid);
	lwf_sim_offload_fini(&sim->offload);
	if (sim->pool)
		lwf_pool_destroy(sim->pool);
	lwf_host_free(host, sim->held);
	lwf_host_free(host, sim);
}

static void sim_enter(struct sim_edge *sim)
{
	sim->depth++;
}

/* Touch nothing of the edge after it. */
static void sim_leave(struct sim_edge *sim)
{
	if (--sim->depth == 0 && sim->closing)
		sim_free(sim);
}

/* ---- answers ---- */

/* NONE while the device works. */
static enum lwf_reason dead_reason(const struct sim_edge *sim)
{
	const struct lwf_link *link = &sim->edge.link;

	if (sim->edge.side == LWF_SIDE_UPPER) {
		if (!link->present)
			return LWF_REASON_UPPER_GONE;
		return link->admin_up ? LWF_REASON_NONE : LWF_REASON_UPPER_DOWN;
	}
	if (!link->present)
		return LWF_REASON_REMOVED;
	if (!link->admin_up)
		return LWF_REASON_DISABLED;
	if (!sim->attached)
		return LWF_REASON_DETACHED;
	return link->carrier ? LWF_REASON_NONE : LWF_REASON_NO_CARRIER;
}

/* Whether the device itself does not take what is left to do about @frame. */
static bool is_made_plain(const struct sim_edge *sim, const struct lwf_frame *frame)
{
	return sim->config.plain && lwf_sim_offload_is_asked(frame);
}

static void decide(struct sim_edge *sim, struct lwf_frame *frame)
{
	enum lwf_reason reason = dead_reason(sim);

	if (reason == LWF_REASON_NONE && frame->len < LWF_ETHER_HEADER_BYTES)
		reason = LWF_REASON_TOO_SHORT;
	if (reason == LWF_REASON_NONE &&
	    lwf_sim_offload_is_too_long(frame, sim->edge.link.mtu_bytes))
		reason = LWF_REASON_TOO_LONG;
	if (reason == LWF_REASON_NONE && is_made_plain(sim, frame) &&
	    !lwf_sim_offload_can(&sim->offload, frame))
		reason = LWF_REASON_OFFLOAD;
	if (reason == LWF_REASON_NONE && sim->config.fail_per_1024 &&
	    lwf_host_random(sim->edge.host) % 1024 < sim->config.fail_per_1024)
		reason = sim->config.fail_reason;
	lwf_frame_answer(frame, reason);
	if (frame->status == LWF_STATUS_FAILURE)
		frame->error = EIO;
}

static void answer_batch(struct sim_edge *sim, struct lwf_batch *batch)
{
	for (const struct lwf_frame *frame = batch->head; sim->answered && frame;
	     frame = frame->next) {
		if (frame->status == LWF_STATUS_SUCCESS && is_made_plain(sim, frame))
			lwf_sim_offload_each(&sim->offload, frame, sim->answered,
					     sim->answered_context);
		else
			sim->answered(sim->answered_context, frame);
	}
	lwf_edge_completed(&sim->edge, batch);
}

/* Answers @frames, whose status is set; frame->spare is the number of their transmit. */
static void answer(struct sim_edge *sim, struct lwf_batch *frames)
{
	struct lwf_batch batch;
	struct lwf_frame *frame;

	lwf_batch_init(&batch);
	while ((frame = lwf_batch_pop(frames))) {
		uint32_t transmit = frame->spare;

		lwf_batch_push(&batch, frame);
		if (frames->head && !sim->config.split &&
		    (sim->config.merge || frames->head->spare == transmit))
			continue;
		answer_batch(sim, &batch);
		lwf_batch_init(&batch);
	}
}

/* ---- what is held ---- */

static void update_room(struct sim_edge *sim)
{
	uint32_t limit = sim->config.room_frames;
	bool room;

	if (limit == 0 || limit > LWF_EDGE_QUEUE_FRAMES - SIM_ROOM_MARGIN)
		limit = LWF_EDGE_QUEUE_FRAMES - SIM_ROOM_MARGIN;
	room = sim->held_count < limit;
	if (room != sim->edge.room && !sim->closing)
		lwf_edge_set_room(&sim->edge, room);
}

/* Sets the timer to the earliest due time. */
static void update_timer(struct sim_edge *sim)
{
	uint64_t now_ns = lwf_host_now_ns(sim->edge.host), due_ns = UINT64_MAX;

	if (sim->held_count == 0) {
		lwf_timer_cancel(&sim->timer);
		return;
	}
	if (sim->config.never) {
		lwf_timer_set(&sim->timer, LWF_EDGE_RETRY_NS);
		return;
	}
	for (uint32_t i = 0; i < sim->held_count; i++)
		if (sim->held[i].due_ns < due_ns)
			due_ns = sim->held[i].due_ns;
	lwf_timer_set(&sim->timer, due_ns > now_ns ? due_ns - now_ns : 0);
}

/* Moves entry @i to @out; order of the rest is kept. */
static void take_entry(struct sim_edge *sim, uint32_t i, struct lwf_batch *out)
{
	struct sim_entry *entry = &sim->held[i];

	entry->frame->spare = entry->transmit;
	lwf_batch_push(out, entry->frame);
	sim->held_count--;
	memmove(entry, entry + 1, (sim->held_count - i) * sizeof(*entry));
}

static void swap_entries(struct sim_entry *a, struct sim_entry *b)
{
	struct sim_entry t = *a;

	*a = *b;
	*b = t;
}

/* Takes the first @n that are due at @now_ns, in order, or at random when told to reorder. */
static void take_due(struct sim_edge *sim, uint64_t now_ns, uint32_t n, struct lwf_batch *out)
{
	uint32_t due = 0, kept = 0;
	struct sim_entry entry;

	/* the due ones to the front, both parts in order */
	for (uint32_t i = 0; i < sim->held_count; i++) {
		if (sim->held[i].due_ns > now_ns || due == n)
			continue;
		entry = sim->held[i];
		memmove(&sim->held[due + 1], &sim->held[due], (i - due) * sizeof(entry));
		sim->held[due++] = entry;
	}
	if (sim->config.reorder)
		for (uint32_t i = due; i > 1; i--)
			swap_entries(&sim->held[i - 1],
				     &sim->held[lwf_host_random(sim->edge.host) % i]);
	for (uint32_t i = 0; i < due; i++) {
		sim->held[i].frame->spare = sim->held[i].transmit;
		lwf_batch_push(out, sim->held[i].frame);
	}
	for (uint32_t i = due; i < sim->held_count; i++)
		sim->held[kept++] = sim->held[i];
	sim->held_count = kept;
}

static uint32_t release_due(struct sim_edge *sim, uint64_t now_ns, uint32_t n)
{
	struct lwf_batch batch;
	uint32_t count;

	lwf_batch_init(&batch);
	take_due(sim, now_ns, n, &batch);
	update_timer(sim);
	count = batch.count;
	for (struct lwf_frame *frame = batch.head; frame; frame = frame->next)
		decide(sim, frame);
	sim_enter(sim);
	answer(sim, &batch);
	update_room(sim);
	sim_leave(sim);
	return count;
}

static void on_timer(void *context)
{
	struct sim_edge *sim = context;

	if (sim->config.never) {
		update_timer(sim);
		return;
	}
	release_due(sim, lwf_host_now_ns(sim->edge.host), UINT32_MAX);
}

static uint64_t due_ns(struct sim_edge *sim, uint64_t now_ns)
{
	uint64_t due = now_ns + sim->config.delay_ns;

	if (sim->config.jitter_ns)
		due += lwf_host_random(sim->edge.host) % sim->config.jitter_ns;
	if (!sim->config.reorder && sim->held_count > 0 &&
	    due < sim->held[sim->held_count - 1].due_ns)
		due = sim->held[sim->held_count - 1].due_ns;
	return due;
}

static void sim_transmit(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct sim_edge *sim = sim_of(edge);
	uint64_t now_ns = lwf_host_now_ns(edge->host);
	struct lwf_batch refused;
	struct lwf_frame *frame;
	uint32_t transmit = sim->transmits++;

	lwf_batch_init(&refused);
	while ((frame = lwf_batch_pop(batch))) {
		if (sim->handed)
			sim->handed(sim->handed_context, frame);
		if (sim->held_count == LWF_EDGE_QUEUE_FRAMES) {
			frame->spare = transmit;
			lwf_frame_answer(frame, LWF_REASON_QUEUE_FULL);
			lwf_batch_push(&refused, frame);
			continue;
		}
		sim->held[sim->held_count] =
			(struct sim_entry){frame, due_ns(sim, now_ns), now_ns, transmit};
		sim->held_count++;
	}
	sim_enter(sim);
	answer(sim, &refused);
	if (sim->config.never || sim->config.delay_ns || sim->config.jitter_ns)
		update_timer(sim);
	else
		release_due(sim, now_ns, UINT32_MAX);
	update_room(sim);
	sim_leave(sim);
}

/* ---- the rest of the contract ---- */

static void sim_reclaim(struct lwf_edge *edge, struct lwf_batch *batch)
{
	(void)edge;
	lwf_pool_give_batch(batch);
}

static void sim_set_intake(struct lwf_edge *edge, enum lwf_intake intake)
{
	/* nothing waits in this device: lwf_sim_edge_inject() looks at it */
	edge->intake = intake;
}

static int sim_attach(struct lwf_edge *edge)
{
	struct sim_edge *sim = sim_of(edge);

	if (sim->config.attach_error)
		return -sim->config.attach_error;
	if (!edge->link.present)
		return -ENODEV;
	sim->attached = true;
	return 0;
}

static void settle_all(struct sim_edge *sim)
{
	release_due(sim, UINT64_MAX, UINT32_MAX);
}

static void sim_detach(struct lwf_edge *edge)
{
	struct sim_edge *sim = sim_of(edge);

	sim->attached = false;
	settle_all(sim);
}

static void sim_link_changed(struct lwf_edge *edge)
{
	struct sim_edge *sim = sim_of(edge);

	if (dead_reason(sim) != LWF_REASON_NONE)
		settle_all(sim);
	lwf_sim_oid_link_changed(&sim->oid);
}

static lwf_status sim_oid(struct lwf_edge *edge, struct lwf_oid_request *request)
{
	return lwf_sim_oid_ask(&sim_of(edge)->oid, request);
}

static void sim_cancel_oid(struct lwf_edge *edge, struct lwf_oid_request *request)
{
	lwf_sim_oid_cancel(&sim_of(edge)->oid, request);
}

bool lwf_sim_edge_release_oid(struct lwf_edge *edge)
{
	return lwf_sim_oid_release(&sim_of(edge)->oid);
}

static void sim_mirror(struct lwf_edge *edge, const struct lwf_link *link)
{
	edge->link.carrier = link->carrier;
	edge->link.mtu_bytes = link->mtu_bytes;
	memcpy(edge->link.mac, link->mac, sizeof(edge->link.mac));
}

static void sim_cancel(struct lwf_edge *edge, uint64_t cancel_id)
{
	struct sim_edge *sim = sim_of(edge);
	struct lwf_batch batch;
	uint32_t i = 0;

	lwf_batch_init(&batch);
	while (i < sim->held_count) {
		if (lwf_cancel_matches(sim->held[i].frame, cancel_id))
			take_entry(sim, i, &batch);
		else
			i++;
	}
	for (struct lwf_frame *frame = batch.head; frame; frame = frame->next)
		lwf_frame_answer(frame, LWF_REASON_CANCELLED);
	update_timer(sim);
	sim_enter(sim);
	answer(sim, &batch);
	update_room(sim);
	sim_leave(sim);
}

static uint32_t sim_holds(struct lwf_edge *edge, lwf_handle origin, uint64_t *oldest_ns)
{
	struct sim_edge *sim = sim_of(edge);
	uint32_t count = 0;

	for (uint32_t i = 0; i < sim->held_count; i++) {
		if (origin && sim->held[i].frame->born != origin)
			continue;
		if (oldest_ns && (count == 0 || sim->held[i].since_ns < *oldest_ns))
			*oldest_ns = sim->held[i].since_ns;
		count++;
	}
	return count;
}

static void sim_describe(struct lwf_edge *edge, char *text, size_t bytes)
{
	const struct sim_edge *sim = sim_of(edge);

	snprintf(text, bytes, "held=%u delay_ns=%llu never=%d", sim->held_count,
		 (unsigned long long)sim->config.delay_ns, sim->config.never);
}

static void sim_close(struct lwf_edge *edge)
{
	struct sim_edge *sim = sim_of(edge);

	assert(sim->held_count == 0);
	sim->closing = true;
	sim_enter(sim);
	sim_leave(sim);
}

static const struct lwf_edge_ops sim_ops = {
	.kind = "sim",
	.transmit = sim_transmit,
	.reclaim = sim_reclaim,
	.set_intake = sim_set_intake,
	.attach = sim_attach,
	.detach = sim_detach,
	.link_changed = sim_link_changed,
	.mirror = sim_mirror,
	.cancel = sim_cancel,
	.oid = sim_oid,
	.cancel_oid = sim_cancel_oid,
	.holds = sim_holds,
	.describe = sim_describe,
	.close = sim_close,
};

/* ---- for those who drive it ---- */

int lwf_sim_edge_create(struct lwf_host *host, const char *name, struct lwf_edge **edge)
{
	static const uint8_t mac[6] = {0x02, 0x4c, 0x57, 0x46, 0x00, 0x01};
	struct sim_edge *sim = lwf_host_alloc(host, sizeof(*sim));
	int error = -ENOMEM;

	if (!sim)
		return -ENOMEM;
	sim->edge.ops = &sim_ops;
	sim->edge.host = host;
	sim->edge.room = true;
	snprintf(sim->edge.name, sizeof(sim->edge.name), "%s", name);
	sim->edge.link = (struct lwf_link){.present = true,
					   .admin_up = true,
					   .carrier = true,
					   .mtu_bytes = SIM_MTU_BYTES,
					   .speed_mbps = SIM_SPEED_MBPS};
	memcpy(sim->edge.link.mac, mac, sizeof(mac));
	memcpy(sim->edge.link.permanent_mac, mac, sizeof(mac));
	sim->edge.offloads = (struct lwf_edge_offloads){true, true, true, true};
	sim->held = lwf_host_alloc(host, LWF_EDGE_QUEUE_FRAMES * sizeof(*sim->held));
	sim->pool = lwf_pool_create(host, LWF_EDGE_POOL_FRAMES, SIM_DATA_BYTES);
	if (!sim->held || !sim->pool)
		goto fail;
	error = lwf_timer_init(&sim->timer, host, on_timer, sim);
	if (!error)
		error = lwf_sim_oid_init(&sim->oid, &sim->edge, &sim->config);
	if (error)
		goto fail;
	*edge = &sim->edge;
	return 0;
fail:
	sim_free(sim);
	return error;
}

struct lwf_sim_edge_config *lwf_sim_edge_config(struct lwf_edge *edge)
{
	return &sim_of(edge)->config;
}

/* 1 when frames may be given to the stack; else what inject answers. */
static int may_inject(struct sim_edge *sim, const struct lwf_pool *pool, const uint8_t *bytes,
		      uint32_t len, uint32_t n)
{
	struct lwf_edge *edge = &sim->edge;
	const struct lwf_link *link = &edge->link;

	if (len > (pool == sim->pool ? SIM_DATA_BYTES : LWF_FRAME_MAX_BYTES))
		return -EMSGSIZE;
	if (!edge->stack || !link->present || !link->admin_up || !link->carrier)
		return -ENETDOWN;
	if (edge->intake == LWF_INTAKE_HOLD)
		return -EAGAIN;
	if (edge->intake == LWF_INTAKE_DISCARD) {
		lwf_edge_drop(edge, LWF_REASON_NOT_RUNNING, n);
		return 0;
	}
	if (len < LWF_ETHER_HEADER_BYTES) {
		lwf_edge_drop(edge, LWF_REASON_RUNT, n);
		return -EINVAL;
	}
	if (edge->side == LWF_SIDE_LOWER &&
	    !lwf_packet_filter_wants(sim->oid.packet_filter, bytes, link->mac)) {
		lwf_edge_drop(edge, LWF_REASON_PACKET_FILTER, n);
		return 0;
	}
	if (!pool || lwf_pool_free_frames(pool) < n) {
		lwf_edge_drop(edge, LWF_REASON_NO_FRAME, n);
		return -ENOBUFS;
	}
	return 1;
}

static int inject(struct sim_edge *sim, struct lwf_pool *pool, const void *bytes, uint32_t len,
		  const struct lwf_offload *offload, uint32_t n)
{
	struct lwf_edge *edge = &sim->edge;
	enum lwf_direction direction =
		edge->side == LWF_SIDE_UPPER ? LWF_DIRECTION_SEND : LWF_DIRECTION_RECEIVE;
	int may = may_inject(sim, pool, bytes, len, n);
	struct lwf_batch batch;

	if (may <= 0)
		return may;
	lwf_batch_init(&batch);
	while (n-- > 0) {
		struct lwf_frame *frame = lwf_pool_take(pool, edge->handle, direction);

		memcpy(frame->data, bytes, len);
		frame->len = len;
		if (offload)
			frame->offload = *offload;
		frame->time_ns = lwf_host_now_ns(edge->host);
		lwf_batch_push(&batch, frame);
	}
	sim_enter(sim);
	if (sim->config.lend && edge->side == LWF_SIDE_LOWER) {
		lwf_edge_lend(edge, &batch);
		lwf_pool_give_batch(&batch);
	} else {
		lwf_edge_input(edge, &batch);
	}
	sim_leave(sim);
	return 0;
}

int lwf_sim_edge_inject_many(struct lwf_edge *edge, const void *bytes, uint32_t len, uint32_t n)
{
	struct sim_edge *sim = sim_of(edge);

	return inject(sim, sim->pool, bytes, len, NULL, n);
}

int lwf_sim_edge_inject(struct lwf_edge *edge, const void *bytes, uint32_t len)
{
	return lwf_sim_edge_inject_many(edge, bytes, len, 1);
}

int lwf_sim_edge_prepare_offload(struct lwf_edge *edge)
{
	return lwf_sim_offload_prepare(&sim_of(edge)->offload, edge->host);
}

int lwf_sim_edge_inject_offload(struct lwf_edge *edge, const void *bytes, uint32_t len,
				const struct lwf_offload *offload)
{
	struct sim_edge *sim = sim_of(edge);

	return inject(sim, sim->offload.pool, bytes, len, offload, 1);
}

uint32_t lwf_sim_edge_held(const struct lwf_edge *edge)
{
	return ((const struct sim_edge *)edge)->held_count;
}

uint32_t lwf_sim_edge_release(struct lwf_edge *edge, uint32_t n)
{
	return release_due(sim_of(edge), UINT64_MAX, n);
}

void lwf_sim_edge_on_transmit(struct lwf_edge *edge,
			      void (*fn)(void *context, const struct lwf_frame *frame),
			      void *context)
{
	sim_of(edge)->answered = fn;
	sim_of(edge)->answered_context = context;
}

void lwf_sim_edge_on_hand_over(struct lwf_edge *edge,
			       void (*fn)(void *context, const struct lwf_frame *frame),
			       void *context)
{
	sim_of(edge)->handed = fn;
	sim_of(edge)->handed_context = context;
}
