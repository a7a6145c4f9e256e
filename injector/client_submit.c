/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_submit.c - frames into the ring.
 *
 * The records of a batch are written first and made visible by one store of submit_tail, which is also when the
 * engine is woken if it sleeps: a batch costs one fence and at most one message.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "client_private.h"

static void look_at_submit_head(struct lwf_inject *handle)
{
	uint32_t head = atomic_load_explicit(&handle->control->submit_head, memory_order_acquire);
	uint32_t waiting = handle->submit_tail - handle->submit_head;

	if (head == handle->submit_head)
		return;
	if (head - handle->submit_head > waiting) {
		lwf_inject_went(handle, "lwfd took more frames than there were");
		return;
	}
	handle->submit_head = head;
	handle->data_head = handle->data_end[(head - 1) & SUBMIT_MASK];
}

/* Finds @len bytes in one piece. False: no room now. */
static bool find_room(struct lwf_inject *handle, uint32_t len, uint32_t *offset)
{
	uint32_t need = (len + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
	uint32_t at = (uint32_t)(handle->data_tail % LWF_RING_DATA_BYTES);
	uint32_t skip = at + need > LWF_RING_DATA_BYTES ? LWF_RING_DATA_BYTES - at : 0;

	if (handle->data_tail - handle->data_head + skip + need > LWF_RING_DATA_BYTES)
		return false;
	*offset = skip ? 0 : at;
	handle->data_tail += skip + need;
	return true;
}

static bool put_frame(struct lwf_inject *handle, const struct lwf_inject_frame *frame, uint64_t *id)
{
	uint32_t index = handle->submit_tail & SUBMIT_MASK;
	bool carried = frame->len <= LWF_FRAME_MAX_BYTES && !(frame->flags & LWF_INJECT_SHORT);
	struct lwf_ring_submit record = {
		.cancel_id = frame->cancel_id,
		.len = carried ? frame->len : LWF_RING_DATA_BYTES + 1,
		.flags = frame->flags,
	};
	uint16_t slot;

	if (handle->free_count == 0 ||
	    handle->submit_tail - handle->submit_head == LWF_RING_SUBMIT_SLOTS ||
	    !find_room(handle, carried ? frame->len : 0, &record.offset))
		return false;
	if (carried && frame->len)
		memcpy(handle->map + LWF_RING_DATA_OFFSET + record.offset, frame->data, frame->len);
	slot = handle->free_slots[--handle->free_count];
	handle->in_flight++;
	handle->stats.submitted++;
	record.id = ++handle->sequence << SLOT_BITS | slot;
	handle->slots[slot].id = record.id;
	handle->slots[slot].context = frame->context;
	handle->submits[index] = record;
	handle->data_end[index] = handle->data_tail;
	handle->submit_tail++;
	*id = record.id;
	return true;
}

/* A refusal of our own: the frame never reached the ring. */
static bool put_local(struct lwf_inject *handle, const struct lwf_inject_frame *frame, uint64_t *id)
{
	if (handle->local_tail - handle->local_head == LOCAL_MAX)
		return false;
	*id = ++handle->sequence << SLOT_BITS;
	handle->stats.submitted++;
	handle->stats.turned_away++;
	handle->local[handle->local_tail++ % LOCAL_MAX] = (struct lwf_inject_event){
		.kind = LWF_INJECT_ANSWER,
		.status = LWF_STATUS_RESOURCES,
		.reason = LWF_REASON_QUEUE_FULL,
		.refused = true,
		.id = *id,
		.context = frame->context,
	};
	return true;
}

/* Makes the records visible, and wakes the engine if it sleeps. */
static void publish(struct lwf_inject *handle)
{
	struct lwf_ring_control *control = handle->control;

	atomic_store_explicit(&control->submit_tail, handle->submit_tail, memory_order_release);
	/* the engine sets engine_sleeps, then looks at submit_tail; we do it the other way round */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&control->engine_sleeps, memory_order_relaxed) != 0 &&
	    lwf_connection_ring(handle->connection, LWF_WIRE_DOORBELL) == -ECONNRESET)
		lwf_inject_hear_socket(handle);
}

int lwf_inject_submit(struct lwf_inject *handle, const struct lwf_inject_frame *frames,
		      uint32_t count, uint64_t *ids)
{
	uint32_t before = handle->submit_tail, taken;
	uint64_t id;

	if (handle->gone)
		return -ENOTCONN;
	look_at_submit_head(handle);
	for (taken = 0; taken < count && !handle->gone; taken++) {
		const struct lwf_inject_frame *frame = &frames[taken];

		if (frame->flags & ~(LWF_INJECT_RECEIVE | LWF_INJECT_TRUNCATED | LWF_INJECT_SHORT))
			break;
		if (!put_frame(handle, frame, &id) &&
		    !(handle->answer_resources && put_local(handle, frame, &id)))
			break;
		if (ids)
			ids[taken] = id;
	}
	if (handle->submit_tail != before)
		publish(handle);
	if (taken)
		return (int)taken;
	if (handle->gone)
		return -ENOTCONN;
	if (count == 0)
		return 0;
	return frames[0].flags & ~(LWF_INJECT_RECEIVE | LWF_INJECT_TRUNCATED | LWF_INJECT_SHORT)
		       ? -EINVAL
		       : -EAGAIN;
}
