/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_path.c - frames on their way through filter impair: in, kept, out, and home again.
 *
 * Receives that were lent are copied when they have to wait. So are others, once KEEP_RECEIVES are
 * kept: their device has only so many frames, and goes deaf without them.
 */
#include <lwf/edge.h>

#include "impair.h"

#define KEEP_RECEIVES 64u
#define NO_ROOM_NS    (IMPAIR_NS / 1000) /* until we look again whether the device has room */

void lwf_impair_arm(struct impair *me, uint64_t now_ns)
{
	uint64_t due_ns = UINT64_MAX;

	for (unsigned i = 0; i < 2; i++)
		if (me->lane[i].count && me->lane[i].heap[0].due_ns < due_ns)
			due_ns = me->lane[i].heap[0].due_ns;
	if (due_ns == UINT64_MAX)
		lwf_timer_cancel(&me->timer);
	else if (!me->timer.armed || me->timer.deadline_ns != due_ns)
		lwf_timer_set(&me->timer, due_ns > now_ns ? due_ns - now_ns : 0);
}

static void pass_on(struct lwf_module *module, enum lwf_direction direction,
		    struct lwf_batch *batch)
{
	if (!batch->head)
		return;
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(module, batch);
	else
		lwf_next_receive(module, batch);
}

/** Takes what is due; true when the device has no room for it. */
static bool take_due(struct lwf_module *module, enum lwf_direction direction, uint64_t now_ns,
		     struct lwf_batch *out)
{
	struct impair *me = lwf_module_context(module);
	struct impair_entry entry;

	lwf_batch_init(out);
	if (me->lane[direction].count && !lwf_module_has_room(module, direction))
		return true;
	while (out->count < LWF_BATCH_MAX_FRAMES &&
	       lwf_impair_take_due(&me->lane[direction], now_ns, &entry))
		(void)lwf_impair_leave(module, &entry, out);
	return false;
}

void lwf_impair_on_due(void *context)
{
	struct lwf_module *module = context;
	struct impair *me = lwf_module_context(module);
	uint64_t now_ns = lwf_host_now_ns(lwf_module_host(module));
	struct lwf_batch sends, receives;
	bool full;

	full = take_due(module, LWF_DIRECTION_SEND, now_ns, &sends);
	full |= take_due(module, LWF_DIRECTION_RECEIVE, now_ns, &receives);
	if (full)
		lwf_timer_set(&me->timer, NO_ROOM_NS);
	else
		lwf_impair_arm(me, now_ns);
	/* all is in order before others are called: they may ask for anything */
	pass_on(module, LWF_DIRECTION_SEND, &sends);
	pass_on(module, LWF_DIRECTION_RECEIVE, &receives);
}

/* ---- coming ---- */

static bool is_meant(const struct impair *me, const struct lwf_frame *frame,
		     enum lwf_direction direction)
{
	if (me->direction != IMPAIR_BOTH && me->direction != (uint32_t)direction)
		return false;
	if (direction == LWF_DIRECTION_SEND && me->link_down)
		return false;
	return lwf_match_frame(&me->match, frame);
}

/** Keeps @entry, as a copy where its device needs the frame back; that one is put into @returns. */
static void keep(struct lwf_module *module, struct impair_entry *entry, struct lwf_batch *returns)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_frame *frame = entry->frame;
	struct impair_lane *lane = &me->lane[frame->direction];
	struct lwf_frame *copy = NULL;

	if (lane->direction == LWF_DIRECTION_RECEIVE && lane->foreign >= KEEP_RECEIVES)
		copy = lwf_impair_copy(module, frame);
	if (copy) {
		lwf_frame_answer(frame, LWF_REASON_NONE);
		lwf_batch_push(returns, frame);
		entry->frame = copy;
	}
	lwf_impair_keep(lane, entry, !copy);
}

static void handle(struct lwf_module *module, enum lwf_direction direction, struct lwf_batch *batch)
{
	struct impair *me = lwf_module_context(module);
	uint64_t now_ns = lwf_host_now_ns(lwf_module_host(module));
	struct lwf_batch out, lost, full, returns;
	struct impair_entry entry;
	struct lwf_frame *frame;
	bool send = direction == LWF_DIRECTION_SEND;

	lwf_batch_init(&out);
	lwf_batch_init(&lost);
	lwf_batch_init(&full);
	lwf_batch_init(&returns);
	while ((frame = lwf_batch_pop(batch))) {
		if (!is_meant(me, frame, direction)) {
			lwf_batch_push(&out, frame);
			continue;
		}
		switch (lwf_impair_decide(&me->lane[direction], &me->settings, frame, now_ns,
					  &entry)) {
		case IMPAIR_FATE_GO:
			(void)lwf_impair_leave(module, &entry, &out);
			break;
		case IMPAIR_FATE_KEEP:
			keep(module, &entry, &returns);
			break;
		case IMPAIR_FATE_LOST:
			lwf_batch_push(&lost, frame);
			break;
		case IMPAIR_FATE_QUEUE_FULL:
			lwf_batch_push(&full, frame);
			break;
		}
	}
	lwf_impair_arm(me, now_ns);
	if (lost.head)
		(send ? lwf_drop_sends : lwf_drop_receives)(module, &lost,
							    LWF_REASON_IMPAIRED_LOSS);
	if (full.head)
		(send ? lwf_drop_sends : lwf_drop_receives)(module, &full,
							    LWF_REASON_IMPAIRED_QUEUE);
	if (returns.head)
		lwf_receive_return(module, &returns);
	pass_on(module, direction, &out);
}

void lwf_impair_send(struct lwf_module *module, struct lwf_batch *batch)
{
	handle(module, LWF_DIRECTION_SEND, batch);
}

/** One lent frame, alone in @batch; it is in there again afterwards. */
static void borrow(struct lwf_module *module, struct lwf_batch *batch, uint64_t now_ns)
{
	struct impair *me = lwf_module_context(module);
	struct impair_lane *lane = &me->lane[LWF_DIRECTION_RECEIVE];
	struct lwf_frame *frame = batch->head;
	struct impair_entry entry = {.frame = frame};
	enum impair_fate fate = IMPAIR_FATE_GO;
	struct lwf_batch out;

	if (is_meant(me, frame, LWF_DIRECTION_RECEIVE))
		fate = lwf_impair_decide(lane, &me->settings, frame, now_ns, &entry);
	if (fate == IMPAIR_FATE_KEEP) {
		entry.frame = lwf_impair_copy(module, frame);
		if (entry.frame)
			lwf_impair_keep(lane, &entry, false);
		else
			lwf_drop_receives(module, batch, LWF_REASON_NO_FRAME);
		return;
	}
	if (fate != IMPAIR_FATE_GO) {
		lwf_drop_receives(module, batch,
				  fate == IMPAIR_FATE_LOST ? LWF_REASON_IMPAIRED_LOSS
							   : LWF_REASON_IMPAIRED_QUEUE);
		return;
	}
	lwf_batch_init(&out);
	if (!lwf_impair_leave(module, &entry, &out))
		lwf_next_receive(module, batch);
	pass_on(module, LWF_DIRECTION_RECEIVE, &out);
}

void lwf_impair_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	uint64_t now_ns = lwf_host_now_ns(lwf_module_host(module));
	struct lwf_batch whole, one;
	struct lwf_frame *frame;

	if (!batch->head || !lwf_frame_is_lent(batch->head)) {
		handle(module, LWF_DIRECTION_RECEIVE, batch);
		return;
	}
	lwf_batch_init(&whole);
	while ((frame = lwf_batch_pop(batch))) {
		lwf_batch_init(&one);
		lwf_batch_push(&one, frame);
		borrow(module, &one, now_ns);
		lwf_batch_push(&whole, frame);
	}
	*batch = whole;
	lwf_impair_arm(lwf_module_context(module), now_ns);
}

/* ---- home again ---- */

void lwf_impair_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	lwf_impair_come_home(module, &own, true);
}

void lwf_impair_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_receive_return(module, batch);
	lwf_impair_come_home(module, &own, false);
}

void lwf_impair_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_batch cancelled;

	lwf_batch_init(&cancelled);
	lwf_impair_take_cancelled(&me->lane[LWF_DIRECTION_SEND], cancel_id, &cancelled);
	if (cancelled.head)
		lwf_drop_sends(module, &cancelled, LWF_REASON_CANCELLED);
	lwf_next_cancel(module, cancel_id);
}
