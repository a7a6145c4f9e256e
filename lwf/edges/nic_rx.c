/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_rx.c - receive half of the lower edge.
 *
 * recvmsg() and not recv(): the kernel takes a frame's outer VLAN tag away and tells it beside the
 * frame; it is put back here. What the sender's side left to a device (checksum, segments) is told
 * in the header before the frame and goes on with it.
 *
 * A socket whose device went down says ENETDOWN once and works again by itself when it is up.
 */
#include "edge_oid.h"
#include "nic.h"
#include "vnet.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#define DISCARD_BYTES 64u

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

enum taken { TAKEN_FRAME, TAKEN_DROPPED, TAKEN_NOTHING };

void lwf_nic_watch_receive(struct lwf_nic *nic)
{
	bool read = nic->edge.intake != LWF_INTAKE_HOLD && !nic->starved;

	lwf_watch_set(&nic->receive_watch, read ? LWF_WATCH_READ : 0);
}

void lwf_nic_count_missed(struct lwf_nic *nic)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	/* Reading sets the kernel's count back to 0. */
	if (nic->receive.fd >= 0 &&
	    getsockopt(nic->receive.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		nic->missed += stats.tp_drops;
}

static void restore_vlan(struct lwf_frame *frame, struct msghdr *message)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);
	struct tpacket_auxdata aux;

	if (!cmsg || cmsg->cmsg_level != SOL_PACKET || cmsg->cmsg_type != PACKET_AUXDATA ||
	    cmsg->cmsg_len < CMSG_LEN(sizeof(aux)))
		return;
	memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return;
	lwf_frame_push_vlan(frame,
			    aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid
								      : ETHERTYPE_VLAN,
			    aux.tp_vlan_tci);
}

static enum taken receive_failed(struct lwf_nic *nic)
{
	switch (errno) {
	case EAGAIN:
		return TAKEN_NOTHING;
	case EINTR:
	case ENETDOWN:
	case ENETUNREACH:
		return TAKEN_DROPPED;
	default:
		/* A super-frame of a kind that the header cannot tell; the kernel has dropped it.
		 */
		lwf_edge_drop(&nic->edge, LWF_REASON_DEVICE, 1);
		return TAKEN_DROPPED;
	}
}

static enum taken receive_frame(struct lwf_nic *nic, struct lwf_frame *frame, uint64_t now_ns)
{
	struct iovec part = {lwf_vnet_buffer(frame), lwf_vnet_buffer_bytes(frame)};
	union control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(nic->receive.fd, &message, 0);

	if (got < 0)
		return receive_failed(nic);
	if ((size_t)got < LWF_VNET_HEADER_BYTES + LWF_ETHER_HEADER_BYTES) {
		lwf_edge_drop(&nic->edge, LWF_REASON_RUNT, 1);
		return TAKEN_DROPPED;
	}
	if (message.msg_flags & MSG_TRUNC) {
		lwf_edge_drop(&nic->edge, LWF_REASON_TOO_LONG, 1);
		return TAKEN_DROPPED;
	}
	lwf_vnet_taken(frame, (size_t)got);
	restore_vlan(frame, &message);
	if (!lwf_packet_filter_wants(nic->packet_filter, frame->data, nic->edge.link.mac)) {
		lwf_edge_drop(&nic->edge, LWF_REASON_PACKET_FILTER, 1);
		return TAKEN_DROPPED;
	}
	frame->time_ns = now_ns;
	return TAKEN_FRAME;
}

static void receive_frames(struct lwf_nic *nic)
{
	uint64_t now_ns = lwf_host_now_ns(nic->edge.host);
	struct lwf_batch batch;
	uint32_t bytes = 0;

	lwf_batch_init(&batch);
	for (uint32_t n = 0; n < LWF_BATCH_MAX_FRAMES; n++) {
		struct lwf_frame *frame =
			lwf_pool_take(nic->pool, nic->edge.handle, LWF_DIRECTION_RECEIVE);
		enum taken taken;

		if (!frame) {
			nic->starved = true;
			lwf_nic_watch_receive(nic);
			break;
		}
		taken = receive_frame(nic, frame, now_ns);
		if (taken != TAKEN_FRAME) {
			lwf_pool_give(nic->pool, frame);
			if (taken == TAKEN_NOTHING)
				break;
			continue;
		}
		lwf_batch_push(&batch, frame);
		bytes += frame->len;
		if (bytes < LWF_VNET_FLUSH_BYTES)
			continue;
		lwf_edge_input(&nic->edge, &batch);
		lwf_batch_init(&batch);
		bytes = 0;
		/* What was handed on may have filled the other edge, or paused the stack. */
		if (nic->edge.intake != LWF_INTAKE_READ || nic->receive.fd < 0)
			return;
	}
	if (batch.head)
		lwf_edge_input(&nic->edge, &batch);
}

static void discard_frames(struct lwf_nic *nic)
{
	uint8_t bytes[DISCARD_BYTES]; /* the kernel throws away what does not fit */
	uint32_t n = 0, tries;

	for (tries = 0; tries < LWF_BATCH_MAX_FRAMES; tries++) {
		if (recv(nic->receive.fd, bytes, sizeof(bytes), 0) >= 0)
			n++;
		else if (errno == EAGAIN)
			break;
	}
	if (n)
		lwf_edge_drop(&nic->edge, LWF_REASON_NOT_RUNNING, n);
}

void lwf_nic_readable(void *context, unsigned events)
{
	struct lwf_nic *nic = context;

	(void)events;
	if (nic->edge.intake == LWF_INTAKE_READ)
		receive_frames(nic);
	else
		discard_frames(nic);
}

void lwf_nic_set_intake(struct lwf_edge *edge, enum lwf_intake intake)
{
	edge->intake = intake;
	lwf_nic_watch_receive(lwf_nic_of(edge));
}

void lwf_nic_reclaim(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct lwf_nic *nic = lwf_nic_of(edge);

	lwf_pool_give_batch(batch);
	if (nic->starved && lwf_pool_free_frames(nic->pool) >= LWF_EDGE_POOL_FRAMES / 4) {
		nic->starved = false;
		lwf_nic_watch_receive(nic);
	}
}
