/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_offload.c - the simulated device's half of what offload.c does for real ones.
 *
 * A device that takes offloads is handed a super-frame, and that is all. For one that takes none the
 * edge cuts and finishes as nic_tx.c does, and hands it wire frames, one after the other.
 */
#include <assert.h>
#include <errno.h>

#include "edges.h"
#include "plain.h"
#include "sim_offload.h"

int lwf_sim_offload_prepare(struct lwf_sim_offload *offload, struct lwf_host *host)
{
	if (!offload->pool)
		offload->pool = lwf_pool_create(host, LWF_EDGE_POOL_FRAMES, LWF_FRAME_MAX_BYTES);
	if (!offload->scratch)
		offload->scratch = lwf_pool_create(host, 1, LWF_FRAME_MAX_BYTES);
	return offload->pool && offload->scratch ? 0 : -ENOMEM;
}

void lwf_sim_offload_fini(struct lwf_sim_offload *offload)
{
	if (offload->pool)
		lwf_pool_destroy(offload->pool);
	if (offload->scratch)
		lwf_pool_destroy(offload->scratch);
}

bool lwf_sim_offload_is_too_long(const struct lwf_frame *frame, uint32_t mtu)
{
	uint32_t header, longest = frame->len;

	if (lwf_frame_is_super(frame)) {
		header = lwf_frame_header_bytes(frame);
		if (!header)
			return false;
		if (longest > header + frame->offload.gso_size)
			longest = header + frame->offload.gso_size;
	}
	return longest > lwf_frame_limit_bytes(frame, mtu);
}

bool lwf_sim_offload_is_asked(const struct lwf_frame *frame)
{
	return lwf_frame_is_super(frame) || (frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM);
}

/* Makes wire frame @index in a copy, which goes back to the pool. */
static struct lwf_frame *take_plain(struct lwf_sim_offload *offload, const struct lwf_frame *frame,
				    uint32_t index)
{
	struct lwf_frame *copy = lwf_pool_take(offload->scratch, 0, LWF_DIRECTION_SEND);

	assert(copy);
	if (lwf_vnet_plain(frame, index, copy) == 0) {
		copy->id = frame->id;
		return copy;
	}
	lwf_pool_give(offload->scratch, copy);
	return NULL;
}

bool lwf_sim_offload_can(struct lwf_sim_offload *offload, const struct lwf_frame *frame)
{
	struct lwf_frame *copy = offload->scratch ? take_plain(offload, frame, 0) : NULL;

	if (copy)
		lwf_pool_give(offload->scratch, copy);
	return copy != NULL;
}

void lwf_sim_offload_each(struct lwf_sim_offload *offload, const struct lwf_frame *frame,
			  void (*fn)(void *context, const struct lwf_frame *frame), void *context)
{
	const uint32_t parts = lwf_frame_segments(frame);

	for (uint32_t i = 0; i < parts; i++) {
		struct lwf_frame *copy = take_plain(offload, frame, i);

		assert(copy); /* the first could be made, and so can the others */
		fn(context, copy);
		lwf_pool_give(offload->scratch, copy);
	}
}
