/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poison.c - for tests: what a module originates is of no use to it while it is out (O06).
 *
 * In place of the frame a stand-in travels, with a copy of its bytes. The frame itself stays where
 * it is, overwritten: its data points nowhere, its length and status are nonsense, its bytes are
 * gone. Who reads it learns nothing true, or faults; who writes to it is reported when the stand-in
 * comes home, and everything is put back. Clones and their parents travel themselves, since what
 * they share is the very memory. So do frames for which there is no stand-in left.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "poison.h"
#include "pool.h"

#define POISON_BYTE 0xdd

int lwf_engine_poison(struct lwf_engine *engine, uint32_t frames)
{
	assert(!engine->stand_ins);
	engine->stand_ins = lwf_pool_create(engine->host, frames,
					    LWF_FRAME_MAX_BYTES + sizeof(struct lwf_frame));
	return engine->stand_ins ? 0 : -ENOMEM;
}

/** The frame as it was: at the end of the stand-in's memory, which is a multiple of a cache line. */
static struct lwf_frame *saved_in(const struct lwf_frame *stand_in)
{
	uint8_t *end = stand_in->buffer + stand_in->buffer_bytes;

	return (struct lwf_frame *)(void *)(end - sizeof(struct lwf_frame));
}

/** What the stack itself looks at stays true: whose it is, that it is out, and where it belongs. */
static void overwrite(struct lwf_frame *frame, const struct lwf_frame *saved)
{
	memset(frame, POISON_BYTE, sizeof(*frame));
	frame->origin = saved->origin;
	frame->born = saved->born;
	frame->holder = saved->holder;
	frame->parent = NULL;
	frame->clones = 0;
	frame->lent = 0;
	frame->pool = saved->pool;
	frame->buffer = saved->buffer;
	frame->buffer_bytes = saved->buffer_bytes;
}

static struct lwf_frame *stand_in_for(struct lwf_pool *pool, struct lwf_frame *frame)
{
	struct lwf_frame *stand_in, *saved;

	if (frame->parent || frame->clones || frame->len > LWF_FRAME_MAX_BYTES)
		return frame;
	stand_in = lwf_pool_take(pool, frame->origin, (enum lwf_direction)frame->direction);
	if (!stand_in)
		return frame;
	saved = saved_in(stand_in);
	*saved = *frame;
	memcpy(stand_in->data, frame->data, frame->len);
	stand_in->len = frame->len;
	stand_in->status = frame->status;
	stand_in->reason = frame->reason;
	stand_in->truncated = frame->truncated;
	stand_in->offload = frame->offload;
	stand_in->order = frame->order;
	stand_in->born = frame->born;
	stand_in->holder = frame->holder;
	stand_in->id = frame->id;
	stand_in->nbl = frame->nbl;
	stand_in->cancel_id = frame->cancel_id;
	stand_in->time_ns = frame->time_ns;
	stand_in->flow = frame->flow;
	stand_in->context = frame;
	memset(frame->data, POISON_BYTE, frame->len);
	overwrite(frame, saved);
	return stand_in;
}

void lwf_poison(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_pool *pool = module->stack->engine->stand_ins;
	struct lwf_batch out;
	struct lwf_frame *frame;

	lwf_batch_init(&out);
	while ((frame = lwf_batch_pop(batch)))
		lwf_batch_push(&out,
			       frame->born == module->handle ? stand_in_for(pool, frame) : frame);
	*batch = out;
}

static bool is_untouched(const struct lwf_frame *frame, const struct lwf_frame *saved)
{
	struct lwf_frame expected;

	overwrite(&expected, saved);
	if (memcmp(frame, &expected, sizeof(expected)) != 0)
		return false;
	for (uint32_t i = 0; i < saved->len; i++)
		if (saved->data[i] != POISON_BYTE)
			return false;
	return true;
}

/** Puts the frame back as it was sent, with the answer that its stand-in got. */
static struct lwf_frame *true_one(struct lwf_module *module, struct lwf_frame *stand_in)
{
	struct lwf_frame *frame = stand_in->context;
	const struct lwf_frame *saved = saved_in(stand_in);

	if (!is_untouched(frame, saved))
		lwf_rule_broken(module->stack, module, LWF_RULE_O06,
				"an own frame was written to before it came home");
	*frame = *saved;
	frame->status = stand_in->status;
	frame->reason = stand_in->reason;
	frame->error = stand_in->error;
	frame->spare = stand_in->spare;
	frame->nbl = stand_in->nbl;
	if (stand_in->len >= frame->len) /* what was put in front is taken off */
		memcpy(frame->data, stand_in->data + (stand_in->len - frame->len), frame->len);
	lwf_pool_put(stand_in);
	return frame;
}

void lwf_unpoison(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_pool *pool = module->stack->engine->stand_ins;
	struct lwf_batch home;
	struct lwf_frame *frame;

	lwf_batch_init(&home);
	while ((frame = lwf_batch_pop(batch)))
		lwf_batch_push(&home, frame->born == module->handle && frame->pool == pool
					      ? true_one(module, frame)
					      : frame);
	*batch = home;
}
