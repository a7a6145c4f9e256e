/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drop.c - what filters build on: telling own frames from those of others, and dropping.
 *
 * To drop is to answer and send home (a lent frame is dropped by not passing it on).
 */
#include "internal.h"

static void answer_all(struct lwf_batch *batch, enum lwf_reason reason)
{
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		lwf_frame_answer(frame, reason);
}

void lwf_batch_split_own(const struct lwf_module *module, struct lwf_batch *batch,
			 struct lwf_batch *own)
{
	struct lwf_batch others;
	struct lwf_frame *frame;

	lwf_batch_init(&others);
	while ((frame = lwf_batch_pop(batch)))
		lwf_batch_push(frame->born == module->handle ? own : &others, frame);
	*batch = others;
}

void lwf_drop_sends(struct lwf_module *module, struct lwf_batch *batch, enum lwf_reason reason)
{
	answer_all(batch, reason);
	module->dropped += batch->count;
	lwf_send_complete(module, batch);
}

void lwf_drop_receives(struct lwf_module *module, struct lwf_batch *batch, enum lwf_reason reason)
{
	module->dropped += batch->count;
	if (batch->head && batch->head->lent)
		return; /* what is lent is dropped by not passing it on */
	answer_all(batch, reason);
	lwf_receive_return(module, batch);
}
