/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vnet.h - frames to and from descriptors that speak with a virtio_net_hdr in front of each.
 *
 * No copy but the 10 bytes of the header, which lie in the headroom just before the frame while the
 * call runs. A TAP takes one frame a call; nic_burst.c gives a packet socket many.
 */
#ifndef LWF_EDGES_VNET_H
#define LWF_EDGES_VNET_H

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <lwf/frame.h>

#include "open.h"
#include "plain.h"

_Static_assert(sizeof(struct lwf_offload) == LWF_VNET_HEADER_BYTES, "vnet.h: layout");
_Static_assert(LWF_FRAME_HEADROOM_BYTES >= LWF_VNET_HEADER_BYTES, "vnet.h: headroom");

/* A turn of the loop hands on what it has when it holds so much, while the bytes are in the cache.
 */
#define LWF_VNET_FLUSH_BYTES 65536u

/** Where the header of a frame is read to, and how much may be read there. */
static inline uint8_t *lwf_vnet_buffer(struct lwf_frame *frame)
{
	return frame->data - LWF_VNET_HEADER_BYTES;
}

static inline size_t lwf_vnet_buffer_bytes(const struct lwf_frame *frame)
{
	return lwf_frame_room(frame) + LWF_VNET_HEADER_BYTES;
}

/** Takes the header that was read to lwf_vnet_buffer() into the frame. @bytes: read in all. */
static inline void lwf_vnet_taken(struct lwf_frame *frame, size_t bytes)
{
	memcpy(&frame->offload, frame->data - LWF_VNET_HEADER_BYTES, LWF_VNET_HEADER_BYTES);
	frame->len = (uint32_t)(bytes - LWF_VNET_HEADER_BYTES);
}

/** Writes one frame with its header. Returns what write() does, the header counted in. */
static inline ssize_t lwf_vnet_write(int fd, struct lwf_frame *frame)
{
	struct lwf_offload header = frame->offload;
	struct iovec parts[2];

	/* The kernel keeps the first hdr_len bytes together; without a value it would keep all 64
	 * KiB so. */
	if (header.gso_type != LWF_GSO_NONE && header.hdr_len == 0)
		header.hdr_len = (uint16_t)lwf_frame_header_bytes(frame);
	if (frame->data - frame->buffer >= (ptrdiff_t)LWF_VNET_HEADER_BYTES) {
		uint8_t *start = lwf_vnet_buffer(frame);

		memcpy(start, &header, LWF_VNET_HEADER_BYTES);
		return write(fd, start, frame->len + LWF_VNET_HEADER_BYTES);
	}
	parts[0] = (struct iovec){&header, LWF_VNET_HEADER_BYTES};
	parts[1] = (struct iovec){frame->data, frame->len};
	return writev(fd, parts, 2);
}

#endif
