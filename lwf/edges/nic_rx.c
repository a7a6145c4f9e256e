/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_rx.c - receive half of the lower edge.
 *
 * recvmmsg() and not read(): the kernel takes a frame's outer VLAN tag away and tells it beside the
 * frame; it is put back here. What the sender's side left to a device (checksum, segments) is told
 * in the header before the frame and goes on with it. How many frames it asks for with one call
 * follows what came: 1 on a quiet line, and with super-frames, whose copies are all their cost; more
 * each time that as many were there.
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

void lwf_nic_receive_init(struct lwf_nic *nic)
{
	struct lwf_nic_intake *intake = &nic->intake;

	intake->ask = 1;
	for (uint32_t i = 0; i < LWF_NIC_INTAKE_FRAMES; i++) {
		intake->messages[i].msg_hdr.msg_iov = &intake->pieces[i];
		intake->messages[i].msg_hdr.msg_iovlen = 1;
		intake->messages[i].msg_hdr.msg_control = &intake->beside[i];
	}
}

/* Frames to receive into, at most @want. */
static uint32_t prepare(struct lwf_nic *nic, uint32_t want)
{
	struct lwf_nic_intake *intake = &nic->intake;
	uint32_t n;

	assert(want <= LWF_NIC_INTAKE_FRAMES);
	for (n = 0; n < want; n++) {
		struct lwf_frame *frame =
			lwf_pool_take(nic->pool, nic->edge.handle, LWF_DIRECTION_RECEIVE);

		if (!frame)
			break;
		intake->frames[n] = frame;
		intake->pieces[n].iov_base = lwf_vnet_buffer(frame);
		intake->pieces[n].iov_len = lwf_vnet_buffer_bytes(frame);
		intake->messages[n].msg_hdr.msg_controllen = sizeof(intake->beside[n]);
	}
	return n;
}

/* The error of a call that brought nothing. False: there is nothing more to have. */
static bool goes_on(struct lwf_nic *nic)
{
	switch (errno) {
	case EAGAIN:
		return false;
	case EINTR:
	case ENETDOWN:
	case ENETUNREACH:
		return true;
	default:
		/* A super-frame of a kind that the header cannot tell; the kernel has dropped it. */
		lwf_edge_drop(&nic->edge, LWF_REASON_DEVICE, 1);
		return true;
	}
}

/* Why a received frame is not handed on; NONE: it is. */
static enum lwf_reason judge(struct lwf_nic *nic, struct lwf_frame *frame, struct mmsghdr *message)
{
	if (message->msg_len < LWF_VNET_HEADER_BYTES + LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_RUNT;
	if (message->msg_hdr.msg_flags & MSG_TRUNC)
		return LWF_REASON_TOO_LONG;
	lwf_vnet_taken(frame, message->msg_len);
	restore_vlan(frame, &message->msg_hdr);
	if (!lwf_packet_filter_wants(nic->packet_filter, frame->data, nic->edge.link.mac))
		return LWF_REASON_PACKET_FILTER;
	return LWF_REASON_NONE;
}

/* Asks for more next time when all that was asked for was there, and for one super-frame at a time. */
static void adapt(struct lwf_nic_intake *intake, uint32_t asked, uint32_t got, uint32_t longest)
{
	if (longest > LWF_VNET_FLUSH_BYTES / LWF_NIC_INTAKE_FRAMES)
		intake->ask = 1;
	else if (got < asked)
		intake->ask = got ? got : 1;
	else
		intake->ask = 2 * asked < LWF_NIC_INTAKE_FRAMES ? 2 * asked : LWF_NIC_INTAKE_FRAMES;
}

/* One call for at most @want frames, onto @batch. Returns how many came, or -1 with errno. */
static int receive_some(struct lwf_nic *nic, uint32_t want, struct lwf_batch *batch,
			uint64_t now_ns)
{
	struct lwf_nic_intake *intake = &nic->intake;
	int got = recvmmsg(nic->receive.fd, intake->messages, want, 0, NULL);
	uint32_t came = got > 0 ? (uint32_t)got : 0, longest = 0;

	for (uint32_t i = want; i-- > came;)
		lwf_pool_give(nic->pool, intake->frames[i]);
	for (uint32_t i = 0; i < came; i++) {
		struct lwf_frame *frame = intake->frames[i];
		enum lwf_reason reason = judge(nic, frame, &intake->messages[i]);

		if (reason) {
			lwf_edge_drop(&nic->edge, reason, 1);
			lwf_pool_give(nic->pool, frame);
			continue;
		}
		frame->time_ns = now_ns;
		longest = frame->len > longest ? frame->len : longest;
		lwf_batch_push(batch, frame);
	}
	adapt(intake, want, came, longest);
	return got;
}

static bool hand_on(struct lwf_nic *nic, struct lwf_batch *batch)
{
	if (batch->head)
		lwf_edge_input(&nic->edge, batch);
	lwf_batch_init(batch);
	/* What was handed on may have filled the other edge, or paused the stack. */
	return nic->edge.intake == LWF_INTAKE_READ && nic->receive.fd >= 0;
}

static void receive_frames(struct lwf_nic *nic)
{
	uint64_t now_ns = lwf_host_now_ns(nic->edge.host);
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	for (uint32_t n = 0; n < LWF_BATCH_MAX_FRAMES;) {
		uint32_t left = LWF_BATCH_MAX_FRAMES - n;
		uint32_t want = prepare(nic, nic->intake.ask < left ? nic->intake.ask : left);
		int got;

		if (!want) {
			nic->starved = true;
			lwf_nic_watch_receive(nic);
			break;
		}
		got = receive_some(nic, want, &batch, now_ns);
		if (got < 0 ? !goes_on(nic) : (uint32_t)got < want)
			break;
		n += got > 0 ? (uint32_t)got : 1;
		if (nic->intake.ask == 1 && !hand_on(nic, &batch))
			return;
	}
	hand_on(nic, &batch);
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
