/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_burst.c - many frames to the device with one system call.
 *
 * sendmmsg() stops at the first frame that was not taken, and says how many were: those have their
 * answer. What the error was it does not say, so the frame at which it stopped is sent again by
 * itself in nic_tx.c; it was not taken the first time, and gets the error, or goes, the second time. No frame is
 * sent twice, and the order is kept.
 *
 * Frames that may need more than one send go by themselves: super-frames, since the device may not cut
 * them, and those that share their bytes with others, since the offload header is written into the
 * headroom and all headers of a burst are read at once. With notices each send needs its own number
 * in any case, so there are no bursts.
 */
#include "nic.h"
#include "vnet.h"

static bool fits(const struct lwf_frame *frame)
{
	return !lwf_frame_is_super(frame) && frame->len >= LWF_ETHER_HEADER_BYTES &&
	       !frame->parent && !frame->clones &&
	       frame->data - frame->buffer >= (ptrdiff_t)LWF_VNET_HEADER_BYTES;
}

void lwf_nic_burst_init(struct lwf_nic *nic)
{
	struct lwf_nic_burst *burst = &nic->burst;

	for (uint32_t i = 0; i < LWF_BATCH_MAX_FRAMES; i++) {
		burst->messages[i].msg_hdr.msg_iov = &burst->pieces[i];
		burst->messages[i].msg_hdr.msg_iovlen = 1;
	}
}

void lwf_nic_burst(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_batch *batch)
{
	struct lwf_nic_burst *burst = &nic->burst;
	struct lwf_frame *frame = batch->head;
	uint32_t count = 0;
	int taken;

	for (; frame && count < LWF_BATCH_MAX_FRAMES && fits(frame); frame = frame->next) {
		uint8_t *start = lwf_vnet_buffer(frame);

		memcpy(start, &frame->offload, LWF_VNET_HEADER_BYTES);
		burst->pieces[count].iov_base = start;
		burst->pieces[count].iov_len = frame->len + LWF_VNET_HEADER_BYTES;
		count++;
	}
	if (count < 2)
		return; /* a plain write is cheaper */
	taken = sendmmsg(nic->send_fd, burst->messages, count, 0);
	for (; taken > 0; taken--)
		lwf_nic_answer(turn, lwf_batch_pop(batch), LWF_REASON_NONE, 0);
}
