/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain.h - frames for a device that takes no offload: cut, or finished, in software.
 */
#ifndef LWF_EDGES_PLAIN_H
#define LWF_EDGES_PLAIN_H

#include <errno.h>
#include <string.h>

#include <lwf/frame.h>

/**
 * Makes wire frame @index of @frame in @copy, for a device that does not take it whole: a segment
 * of a super-frame, or (index 0) the frame itself with its checksum finished. Returns 0, or EINVAL
 * when it is not what its offload says, or has none.
 */
static inline int lwf_vnet_plain(const struct lwf_frame *frame, uint32_t index,
				 struct lwf_frame *copy)
{
	copy->data = copy->buffer + LWF_FRAME_HEADROOM_BYTES;
	if (lwf_frame_is_super(frame))
		return lwf_frame_segment(frame, index, copy) ? EINVAL : 0;
	if (!(frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM) || frame->len > lwf_frame_room(copy))
		return EINVAL;
	memcpy(copy->data, frame->data, frame->len);
	copy->len = frame->len;
	copy->offload = frame->offload;
	return lwf_frame_finish_csum(copy) ? EINVAL : 0;
}

#endif
