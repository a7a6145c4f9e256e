/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_offload.h - what the simulated device has to do with offloads: memory for super-frames, their
 * lengths, and wire frames made of them for a device that takes none.
 */
#ifndef LWF_EDGES_SIM_OFFLOAD_H
#define LWF_EDGES_SIM_OFFLOAD_H

#include <lwf/frame.h>
#include <lwf/host.h>

/** Embedded in the device; no memory until it is prepared. */
struct lwf_sim_offload {
	struct lwf_pool *pool;	  /* of super-frames that it gives */
	struct lwf_pool *scratch; /* one wire frame */
};

/** 0, also when that was done before; or -ENOMEM. */
int lwf_sim_offload_prepare(struct lwf_sim_offload *offload, struct lwf_host *host);
void lwf_sim_offload_fini(struct lwf_sim_offload *offload);

/** True when a frame of the wire, or one of a super-frame, is longer than a device of @mtu takes. */
bool lwf_sim_offload_is_too_long(const struct lwf_frame *frame, uint32_t mtu);

/** True when somebody behind has something left to do about @frame. */
bool lwf_sim_offload_is_asked(const struct lwf_frame *frame);

/** True when @frame is what its offload says, so that it can be made plain; without memory it cannot. */
bool lwf_sim_offload_can(struct lwf_sim_offload *offload, const struct lwf_frame *frame);

/** Calls fn(context, ...) with each frame that @frame is on the wire; lent for the call. */
void lwf_sim_offload_each(struct lwf_sim_offload *offload, const struct lwf_frame *frame,
			  void (*fn)(void *context, const struct lwf_frame *frame), void *context);

#endif
