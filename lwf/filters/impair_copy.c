/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_copy.c - frames of filter impair's own, and what is done to a frame when it leaves.
 *
 * A duplicate is a frame of this module's. So is each corrupted frame: nobody's bytes are changed
 * but our own. The original waits here until its copy is home, and gets the copy's answer. A
 * super-frame is one unit, as it is for the kernel's netem; only to be corrupted it is cut, since
 * the device would finish the checksums of its segments after us and hide what was done.
 */
#include <assert.h>
#include <string.h>

#include "impair.h"

struct lwf_frame *lwf_impair_copy(struct lwf_module *module, const struct lwf_frame *frame)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_frame *copy = lwf_pool_take(me->copies, lwf_module_handle(module),
					       (enum lwf_direction)frame->direction);

	if (!copy)
		return NULL;
	if (frame->len > lwf_frame_room(copy)) {
		lwf_pool_give(me->copies, copy);
		return NULL;
	}
	memcpy(copy->data, frame->data, frame->len);
	copy->len = frame->len;
	copy->offload = frame->offload;
	copy->truncated = frame->truncated;
	copy->time_ns = frame->time_ns;
	return copy;
}

/** An own frame is about to be passed on. */
static void push_own(struct impair *me, struct lwf_frame *frame, struct lwf_batch *out)
{
	bool admitted = lwf_gate_enter(&me->gate, 1);

	assert(admitted); /* no frame is handled, and no timer armed, while the gate is shut */
	lwf_batch_push(out, frame);
}

static void turn_bit(struct lwf_frame *frame, uint64_t draw)
{
	uint64_t bit = (draw >> 32) * frame->len * 8 >> 32;

	if (frame->len)
		frame->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/** Corrupts an own frame. A checksum that the device would finish after us is finished before. */
static void corrupt(struct lwf_frame *own, uint64_t draw)
{
	(void)lwf_frame_finish_csum(own); /* -EINVAL: it cannot be finished by anybody */
	own->offload.flags &= (uint8_t)~LWF_OFFLOAD_DATA_VALID;
	turn_bit(own, draw);
}

/** Cuts @frame into own frames; false, and none, when it cannot be cut or too few are left. */
static bool cut(struct lwf_module *module, const struct lwf_frame *frame, struct lwf_batch *pieces)
{
	struct impair *me = lwf_module_context(module);
	uint32_t n = lwf_frame_segments(frame);

	if (n > lwf_pool_free_frames(me->copies))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct lwf_frame *piece = lwf_pool_take(me->copies, lwf_module_handle(module),
							(enum lwf_direction)frame->direction);

		lwf_batch_push(pieces, piece);
		if (lwf_frame_segment(frame, i, piece)) {
			lwf_pool_give_batch(pieces);
			return false;
		}
		piece->time_ns = frame->time_ns;
	}
	return true;
}

/** The corrupted frame or frames that go in place of @entry's; false: there is no room for them. */
static bool make_corrupted(struct lwf_module *module, const struct impair_entry *entry,
			   struct lwf_batch *pieces)
{
	struct impair *me = lwf_module_context(module);
	enum lwf_direction direction = (enum lwf_direction)entry->frame->direction;
	uint64_t place =
		lwf_impair_draw(me->settings.seed, direction, IMPAIR_CORRUPT_PLACE, entry->number);
	uint64_t which =
		lwf_impair_draw(me->settings.seed, direction, IMPAIR_SEGMENT, entry->number);
	struct lwf_frame *piece;

	lwf_batch_init(pieces);
	if (!lwf_frame_is_super(entry->frame)) {
		piece = lwf_impair_copy(module, entry->frame);
		if (!piece)
			return false;
		lwf_batch_push(pieces, piece);
	} else if (!cut(module, entry->frame, pieces)) {
		return false;
	}
	which = (which >> 32) * pieces->count >> 32;
	for (piece = pieces->head; which > 0 && piece; which--)
		piece = piece->next;
	assert(piece); /* one of them was chosen */
	corrupt(piece, place);
	return true;
}

/* ---- leaving ---- */

/** The original stays here until all that stands for it is home; what is done with it otherwise. */
static void stand_for(struct impair *me, struct lwf_frame *original, struct lwf_batch *pieces,
		      struct lwf_batch *out)
{
	struct lwf_frame *piece;

	lwf_frame_answer(original, LWF_REASON_NONE);
	original->spare = pieces->count;
	lwf_batch_push(&me->lane[original->direction].waiting, original);
	while ((piece = lwf_batch_pop(pieces))) {
		piece->context = original;
		piece->id = original->id;
		piece->cancel_id = original->cancel_id;
		push_own(me, piece, out);
	}
}

/** Corrupts @entry's frame; false: it goes as it is. */
static bool leave_corrupted(struct lwf_module *module, const struct impair_entry *entry,
			    struct lwf_batch *out)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_frame *frame = entry->frame, *piece;
	struct lwf_batch pieces;

	if (!make_corrupted(module, entry, &pieces)) {
		me->lane[frame->direction].counters[IMPAIR_COUNT_NO_COPY]++;
		return false;
	}
	me->lane[frame->direction].counters[IMPAIR_COUNT_CORRUPTED]++;
	if (lwf_frame_is_lent(frame)) { /* dropped by not passing it on */
		while ((piece = lwf_batch_pop(&pieces)))
			push_own(me, piece, out);
		return true;
	}
	if (frame->holder != 0) {
		stand_for(me, frame, &pieces, out);
		return true;
	}
	lwf_pool_give(me->copies, frame);
	while ((piece = lwf_batch_pop(&pieces)))
		push_own(me, piece, out);
	return true;
}

bool lwf_impair_leave(struct lwf_module *module, const struct impair_entry *entry,
		      struct lwf_batch *out)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_frame *frame = entry->frame, *copy = NULL;
	uint64_t *counters = me->lane[frame->direction].counters;
	bool corrupted;

	if (entry->what & IMPAIR_DO_DUPLICATE) { /* of what came, not of what is corrupted */
		copy = lwf_impair_copy(module, frame);
		counters[copy ? IMPAIR_COUNT_DUPLICATED : IMPAIR_COUNT_NO_COPY]++;
	}
	corrupted = entry->what & IMPAIR_DO_CORRUPT && leave_corrupted(module, entry, out);
	if (!corrupted && frame->holder == 0)
		push_own(me, frame, out);
	else if (!corrupted && !lwf_frame_is_lent(frame))
		lwf_batch_push(out, frame);
	if (copy)
		push_own(me, copy, out);
	return corrupted;
}

/* ---- home again ---- */

static void take_out(struct lwf_batch *batch, const struct lwf_frame *frame)
{
	struct lwf_frame *before = NULL;

	for (struct lwf_frame *at = batch->head; at != frame; at = at->next)
		before = at;
	if (before)
		before->next = frame->next;
	else
		batch->head = frame->next;
	if (batch->tail == frame)
		batch->tail = before;
	batch->count--;
}

void lwf_impair_come_home(struct lwf_module *module, struct lwf_batch *own, bool send)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_batch originals;
	uint32_t n = own->count;
	struct lwf_frame *frame;

	if (!n)
		return;
	lwf_batch_init(&originals);
	while ((frame = lwf_batch_pop(own))) {
		struct lwf_frame *original = frame->context;

		if (original && original->status == LWF_STATUS_SUCCESS) {
			original->status = frame->status;
			original->reason = frame->reason;
			original->error = frame->error;
		}
		if (original && --original->spare == 0) {
			take_out(&me->lane[original->direction].waiting, original);
			lwf_batch_push(&originals, original);
		}
		lwf_pool_give(me->copies, frame);
	}
	if (originals.head && send)
		lwf_send_complete(module, &originals);
	else if (originals.head)
		lwf_receive_return(module, &originals);
	if (lwf_gate_leave(&me->gate, n))
		lwf_pause_complete(module);
}
