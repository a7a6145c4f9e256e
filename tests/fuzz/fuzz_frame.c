/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_frame.c - the parsers of offload.c on any bytes: nothing is read or written outside.
 *
 * Input: gso_type, flags, gso_size, csum_start, csum_offset, room of the segment, then the frame.
 * What must hold for any input: a segment is within its room and never longer than headers and
 * gso_size; the segments together are what lwf_frame_wire_bytes() says.
 */
#include <stdlib.h>
#include <string.h>

#include <lwf/frame.h>

#define HEADER_BYTES 10u

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A frame in memory of exactly its size, so that one byte too many is seen. */
static void place(struct lwf_frame *frame, const uint8_t *data, uint32_t headroom, uint32_t len,
		  uint32_t room)
{
	memset(frame, 0, sizeof(*frame));
	frame->buffer = malloc(headroom + room + 1);
	require(frame->buffer != NULL);
	frame->buffer_bytes = headroom + room;
	frame->data = frame->buffer + headroom;
	frame->len = len;
	if (len)
		memcpy(frame->data, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct lwf_frame frame, out;
	uint32_t count, headers;
	uint64_t total = 0;
	bool whole = true;

	if (bytes < HEADER_BYTES || bytes > LWF_FRAME_MAX_BYTES)
		return 0;
	place(&frame, data + HEADER_BYTES, LWF_VLAN_TAG_BYTES, (uint32_t)(bytes - HEADER_BYTES),
	      (uint32_t)(bytes - HEADER_BYTES));
	frame.offload.gso_type = data[0];
	frame.offload.flags = data[1];
	frame.offload.gso_size = word(data + 2);
	frame.offload.csum_start = word(data + 4);
	frame.offload.csum_offset = word(data + 6);
	place(&out, NULL, 0, 0, word(data + 8));

	headers = lwf_frame_header_bytes(&frame);
	count = lwf_frame_segments(&frame);
	require(headers <= frame.len && count >= 1);
	for (uint32_t i = 0; i < count; i++) {
		if (lwf_frame_segment(&frame, i, &out)) {
			whole = false;
			continue;
		}
		require(out.len <= out.buffer_bytes);
		require(out.len >= headers && out.len <= headers + frame.offload.gso_size);
		total += out.len;
	}
	require(lwf_frame_segment(&frame, count, &out) != 0);
	if (whole)
		require(total == lwf_frame_wire_bytes(&frame));
	lwf_frame_limit_bytes(&frame, 1500);
	lwf_frame_finish_csum(&frame);
	if (frame.len >= LWF_ETHER_HEADER_BYTES)
		lwf_frame_push_vlan(&frame, 0x8100, 1);
	free(frame.buffer);
	free(out.buffer);
	return 0;
}
