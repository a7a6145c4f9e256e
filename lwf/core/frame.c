/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.c - pools: the only place where frames are born and where they end.
 *
 * A pool is one array of frames and one block of bytes, both taken at start. Free frames are a
 * stack: the last one given back is the first one taken, because its bytes are still in the cache.
 */
#include <assert.h>

#include <lwf/frame.h>
#include <lwf/host.h>

#define BUFFER_ALIGN 64u /* a cache line */

struct lwf_pool {
	struct lwf_host *host;
	struct lwf_frame *frames;
	uint8_t *bytes;
	struct lwf_frame *free;
	uint32_t count;
	uint32_t free_count;
};

static const lwf_handle at_home = UINT64_MAX; /* holder of a frame that is in its pool */

struct lwf_pool *lwf_pool_create(struct lwf_host *host, uint32_t frames, uint32_t data_bytes)
{
	size_t each = (LWF_FRAME_HEADROOM_BYTES + (size_t)data_bytes + BUFFER_ALIGN - 1) /
		      BUFFER_ALIGN * BUFFER_ALIGN;
	struct lwf_pool *pool = lwf_host_alloc(host, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->host = host;
	pool->count = frames;
	pool->frames = lwf_host_alloc(host, frames * sizeof(*pool->frames));
	pool->bytes = lwf_host_alloc(host, frames * each);
	if (!pool->frames || !pool->bytes)
		goto err_free;
	for (uint32_t i = frames; i-- > 0;) {
		struct lwf_frame *frame = &pool->frames[i];

		frame->pool = pool;
		frame->buffer = pool->bytes + i * each;
		frame->buffer_bytes = (uint32_t)each;
		frame->holder = at_home;
		frame->next = pool->free;
		pool->free = frame;
	}
	pool->free_count = frames;
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
	struct lwf_frame *frame = pool->free;

	if (!frame)
		return NULL;
	pool->free = frame->next;
	pool->free_count--;
	assert(frame->holder == at_home);
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
	frame->spare = 0;
	return frame;
}

void lwf_pool_give(struct lwf_pool *pool, struct lwf_frame *frame)
{
	assert(frame->pool == pool && frame->holder != at_home); /* once, and to its own pool */
	frame->holder = at_home;
	frame->next = pool->free;
	pool->free = frame;
	pool->free_count++;
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
