/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone.c - frames that share the bytes of another.
 *
 * NDIS counterpart: NdisAllocateCloneNetBufferList. A clone is a frame of the module's own, from a
 * pool of its own, whose data is that of its parent; the parent counts its clones (ChildRefCount).
 * As long as one is out, the parent's bytes must stay: it is neither completed nor freed (O11). Who
 * breaks that is reported, and the engine keeps the parent back until its last clone is freed.
 *
 * A clone needs no bytes of its own, so its buffer holds what is noted here.
 */
#include <assert.h>

#include "clone.h"
#include "internal.h"
#include "judge.h"
#include "pool.h"

#define CLONES_MAX UINT8_MAX /* of one frame */

struct note {
	struct lwf_module *module;
	struct lwf_frame *next; /* among the clones that the module has out */
	struct lwf_frame **at;	/* what points to this one */
};

_Static_assert(sizeof(struct note) <= LWF_FRAME_HEADROOM_BYTES, "every frame has room for it");

static struct note *note_of(const struct lwf_frame *clone)
{
	return (struct note *)(void *)clone->buffer;
}

struct lwf_frame *lwf_frame_clone(struct lwf_module *module, struct lwf_pool *pool,
				  struct lwf_frame *parent)
{
	struct lwf_frame *clone;
	struct note *note;

	if (parent->clones == CLONES_MAX)
		return NULL;
	clone = lwf_pool_take(pool, module->handle, (enum lwf_direction)parent->direction);
	if (!clone)
		return NULL;
	clone->parent = parent;
	clone->data = parent->data;
	clone->len = parent->len;
	clone->offload = parent->offload;
	clone->truncated = parent->truncated;
	clone->time_ns = parent->time_ns;
	parent->clones++;
	note = note_of(clone);
	note->module = module;
	note->next = module->clones;
	note->at = &module->clones;
	if (note->next)
		note_of(note->next)->at = &note->next;
	module->clones = clone;
	return clone;
}

void lwf_frame_free_clone(struct lwf_frame *clone)
{
	assert(clone->parent);
	lwf_pool_give(clone->pool, clone);
}

/** Sends home what lwf_clones_keep() kept back. */
static void send_on(struct lwf_module *module, struct lwf_frame *parent)
{
	bool send = parent->direction == LWF_DIRECTION_SEND;
	struct lwf_batch *kept = send ? &module->kept_sends : &module->kept_receives;
	struct lwf_batch rest, batch;
	struct lwf_frame *frame;

	lwf_batch_init(&rest);
	lwf_batch_init(&batch);
	while ((frame = lwf_batch_pop(kept)))
		lwf_batch_push(frame == parent ? &batch : &rest, frame);
	*kept = rest;
	if (!batch.head)
		return;
	if (send)
		lwf_send_complete(module, &batch);
	else
		lwf_receive_return(module, &batch);
}

/** Whether @module itself has clones of @frame out; those of others are no fault of its. */
static bool has_clones(const struct lwf_module *module, const struct lwf_frame *frame)
{
	for (const struct lwf_frame *clone = module->clones; clone; clone = note_of(clone)->next)
		if (clone->parent == frame)
			return true;
	return false;
}

void lwf_clone_ended(struct lwf_frame *clone)
{
	struct lwf_frame *parent = clone->parent;
	struct note *note = note_of(clone);
	struct lwf_module *module = note->module;

	*note->at = note->next;
	if (note->next)
		note_of(note->next)->at = note->at;
	clone->parent = NULL;
	parent->clones--;
	if (!parent->clones && parent->holder == LWF_HOLDER_WAITS) {
		parent->holder = 0;
		lwf_pool_give(parent->pool, parent);
	} else if ((module->kept_sends.head || module->kept_receives.head) &&
		   !has_clones(module, parent)) {
		send_on(module, parent);
	}
}

void lwf_clones_keep(struct lwf_module *module, struct lwf_batch *batch, bool send)
{
	struct lwf_batch *kept = send ? &module->kept_sends : &module->kept_receives;
	struct lwf_batch rest;
	struct lwf_frame *frame;

	lwf_batch_init(&rest);
	while ((frame = lwf_batch_pop(batch))) {
		if (!frame->clones || !has_clones(module, frame)) {
			lwf_batch_push(&rest, frame);
			continue;
		}
		lwf_rule_broken(module->stack, module, LWF_RULE_O11,
				"completed while a clone of it is out");
		lwf_batch_push(kept, frame);
	}
	*batch = rest;
}
