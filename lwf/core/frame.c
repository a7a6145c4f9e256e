/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.c - pools: the only place where frames are born and where they end.
 *
 * A pool is one array of frames and one block of bytes, both taken at start. Free frames are a
 * stack: the last one given back is the first one taken, because its bytes are still in the cache.
 * The stack is an array behind the frames: whoever still uses a frame that he freed does not damage it.
 */
#include <assert.h>

#include <lwf/frame.h>
#include <lwf/host.h>

#include "clone.h"
#include "judge.h"
#include "pool.h"

#define BUFFER_ALIGN 64u /* a cache line */

struct lwf_pool {
	struct lwf_host *host;
	struct lwf_frame *frames;
	uint8_t *bytes;
	struct lwf_frame **free;
	uint32_t count;
	uint32_t free_count;
};

struct lwf_pool *lwf_pool_create(struct lwf_host *host, uint32_t frames, uint32_t data_bytes)
{
	size_t each = (LWF_FRAME_HEADROOM_BYTES + (size_t)data_bytes + BUFFER_ALIGN - 1) /
		      BUFFER_ALIGN * BUFFER_ALIGN;
	struct lwf_pool *pool = lwf_host_alloc(host, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->host = host;
	pool->count = frames;
	pool->frames = lwf_host_alloc(host, frames * (sizeof(*pool->frames) + sizeof(*pool->free)));
	pool->bytes = lwf_host_alloc(host, frames * each);
	if (!pool->frames || !pool->bytes)
		goto err_free;
	pool->free = (struct lwf_frame **)(pool->frames + frames);
	for (uint32_t i = frames; i-- > 0;) {
		struct lwf_frame *frame = &pool->frames[i];

		frame->pool = pool;
		frame->buffer = pool->bytes + i * each;
		frame->buffer_bytes = (uint32_t)each;
		frame->holder = LWF_HOLDER_HOME;
		pool->free[pool->free_count++] = frame;
	}
	return pool;

err_free:
	lwf_host_free(host, pool->bytes);
	lwf_host_free(host, pool->frames);
	lwf_host_free(host, pool);
	return NULL;
}

void lwf_pool_destroy(struct lwf_pool *pool)
{
	struct lwf_host *host;

	if (!pool)
		return;
	assert(pool->free_count == pool->count);
	host = pool->host;
	lwf_host_free(host, pool->bytes);
	lwf_host_free(host, pool->frames);
	lwf_host_free(host, pool);
}

struct lwf_frame *lwf_pool_take(struct lwf_pool *pool, lwf_handle origin,
				enum lwf_direction direction)
{
	struct lwf_frame *frame;

	if (!pool->free_count)
		return NULL;
	frame = pool->free[--pool->free_count];
	assert(frame->holder == LWF_HOLDER_HOME);
	frame->next = NULL;
	frame->data = frame->buffer + LWF_FRAME_HEADROOM_BYTES;
	frame->len = 0;
	frame->error = 0;
	frame->status = LWF_STATUS_SUCCESS;
	frame->reason = LWF_REASON_NONE;
	frame->direction = (uint8_t)direction;
	frame->truncated = 0;
	frame->offload = (struct lwf_offload){0};
	frame->origin = origin;
	frame->born = origin;
	frame->holder = 0;
	frame->nbl = 0;
	frame->cancel_id = 0;
	frame->context = NULL;
	frame->parent = NULL;
	frame->spare = 0;
	frame->flow = 0;
	return frame;
}

void lwf_pool_give(struct lwf_pool *pool, struct lwf_frame *frame)
{
	assert(frame->pool == pool);
	if (LWF_ASK(frame->holder)) {
		assert(pool->host->engine);
		lwf_judge_given(pool->host, frame);
		return;
	}
	if (frame->clones) {
		lwf_judge_given(pool->host, frame);
		frame->holder = LWF_HOLDER_WAITS;
		return;
	}
	frame->holder = LWF_HOLDER_HOME;
	pool->free[pool->free_count++] = frame;
	if (frame->parent)
		lwf_clone_ended(frame); /* last: it may end the pause that the pool lived for */
}

void lwf_pool_put(struct lwf_frame *frame)
{
	if (frame->holder == LWF_HOLDER_HOME)
		return;
	frame->holder = 0;
	lwf_pool_give(frame->pool, frame);
}

void lwf_pool_give_batch(struct lwf_batch *batch)
{
	struct lwf_frame *frame;

	while ((frame = lwf_batch_pop(batch)))
		lwf_pool_give(frame->pool, frame);
}

uint32_t lwf_pool_free_frames(const struct lwf_pool *pool)
{
	return pool->free_count;
}

uint32_t lwf_pool_frames(const struct lwf_pool *pool)
{
	return pool->count;
}
