/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_flight.c - frames that the kernel has, with qdisc=kernel.
 *
 * There a send that succeeds says nothing: the qdisc may hold the frame for long, drop it, or throw
 * it away when the link goes. But each frame that reached the driver comes back as a notice in the
 * socket's error queue (its software transmit timestamp), with the number that the socket gave it:
 * 0, 1, 2, ... in the order of the sends. A ring indexed by that number says whose it is.
 *
 * A send that fails late uses up a number too. Such a number gets an entry without a frame, marked
 * as doubtful: should a notice come for it after all, then the number was not used up, and all
 * entries behind move up by one. A driver may give the notice and then drop the frame within the call
 * (veth, when the other end is down): that notice is there when the send returns, and leaves no doubt.
 *
 * Super-frames are cut before they get here, since the kernel, when it cuts one, gives the notice
 * to any one of the segments (UDP: the first; TCP: by a sequence number that is not ours, or to
 * none).
 *
 * A frame without a notice is lost when nothing of this socket is in the kernel any more (SIOCOUTQ
 * is 0): the link tells why, or else the qdisc had no room. A timer looks for that.
 */
#include "nic.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define FLIGHT_MASK   (LWF_NIC_FLIGHT_MAX - 1)
#define CHECK_NS      20000000ull   /* between looks for lost frames */
#define CHECK_LOST_NS 4000000ull    /* the same after the link went */
#define LINK_LOST_NS  80000000ull   /* by then all is answered */
#define OVERTAKEN_NS  1000000000ull /* later frames went long ago: find out what became of it */

_Static_assert((LWF_NIC_FLIGHT_MAX & FLIGHT_MASK) == 0, "nic_flight.c: ring");

static struct lwf_nic_flight *entry(const struct lwf_nic *nic, uint32_t number)
{
	return &nic->flight[number & FLIGHT_MASK];
}

bool lwf_nic_flight_full(const struct lwf_nic *nic)
{
	return nic->draining || nic->flight_next - nic->flight_oldest == LWF_NIC_FLIGHT_MAX;
}

/* Doubts are kept until a notice settles them, but not so long that they fill the ring. */
static void advance(struct lwf_nic *nic)
{
	while (nic->flight_oldest != nic->flight_next) {
		const struct lwf_nic_flight *oldest = entry(nic, nic->flight_oldest);

		if (oldest->frame || (oldest->doubtful && nic->flight_next - nic->flight_oldest <
								  LWF_NIC_FLIGHT_MAX / 2))
			return;
		nic->flight_oldest++;
	}
}

static void append(struct lwf_nic *nic, struct lwf_nic_flight flight)
{
	assert(nic->flight_next - nic->flight_oldest < LWF_NIC_FLIGHT_MAX);
	*entry(nic, nic->flight_next) = flight;
	nic->flight_next++;
}

void lwf_nic_flight_add(struct lwf_nic *nic, struct lwf_frame *frame, uint64_t since_ns)
{
	append(nic, (struct lwf_nic_flight){frame, since_ns, false});
	nic->flight_count++;
	frame->spare += LWF_NIC_PARTS_MAX + 1;
	if (!nic->flight_check.armed)
		lwf_timer_set(&nic->flight_check, CHECK_NS);
}

void lwf_nic_flight_forget(struct lwf_nic *nic, const struct lwf_frame *frame)
{
	for (uint32_t i = nic->flight_oldest; i != nic->flight_next; i++) {
		if (entry(nic, i)->frame == frame) {
			entry(nic, i)->frame = NULL;
			nic->flight_count--;
		}
	}
	advance(nic);
}

/* Number @number was not used up by the send that failed: all behind it are one less. */
static void close_gap(struct lwf_nic *nic, uint32_t number)
{
	for (uint32_t i = number; i + 1 != nic->flight_next; i++)
		*entry(nic, i) = *entry(nic, i + 1);
	nic->flight_next--;
}

static void noticed(struct lwf_nic *nic, struct lwf_nic_turn *turn, uint32_t number)
{
	struct lwf_frame *frame;

	/* Of a frame that was answered long ago, or of the send that fails just now. */
	if (number - nic->flight_oldest >= nic->flight_next - nic->flight_oldest) {
		nic->flight_ahead |= number == nic->flight_next;
		return;
	}
	if (!entry(nic, number)->frame && entry(nic, number)->doubtful)
		close_gap(nic, number);
	if (number == nic->flight_next) {
		nic->flight_ahead = true;
		return;
	}
	nic->flight_noticed = number + 1;
	frame = entry(nic, number)->frame;
	if (!frame)
		return;
	entry(nic, number)->frame = NULL;
	nic->flight_count--;
	frame->spare -= LWF_NIC_PARTS_MAX + 1;
	if (lwf_nic_parts_done(frame))
		lwf_nic_answer(turn, frame, LWF_REASON_NONE, 0);
	advance(nic);
}

/* True when @message is a notice; *number is the frame's then. */
static bool parse_notice(struct msghdr *message, uint32_t *number)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg;
	     cmsg = CMSG_NXTHDR(message, cmsg)) {
		struct sock_extended_err error;

		if (cmsg->cmsg_level != SOL_PACKET || cmsg->cmsg_type != PACKET_TX_TIMESTAMP ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(error)))
			continue;
		memcpy(&error, CMSG_DATA(cmsg), sizeof(error));
		if (error.ee_origin != SO_EE_ORIGIN_TIMESTAMPING || error.ee_info != SCM_TSTAMP_SND)
			continue;
		*number = error.ee_data;
		return true;
	}
	return false;
}

void lwf_nic_flight_read(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;

	if (!nic->notices || nic->send_fd < 0)
		return;
	for (uint32_t n = 0; n < 2 * LWF_NIC_FLIGHT_MAX; n++) {
		struct msghdr message = {
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		uint32_t number;

		if (recvmsg(nic->send_fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (parse_notice(&message, &number))
			noticed(nic, turn, number);
	}
}

void lwf_nic_flight_doubt(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	nic->flight_ahead = false;
	lwf_nic_flight_read(nic, turn);
	append(nic, (struct lwf_nic_flight){NULL, 0, !nic->flight_ahead});
	advance(nic);
}

void lwf_nic_flight_settle(struct lwf_nic *nic, struct lwf_nic_turn *turn, enum lwf_reason reason)
{
	for (uint32_t i = nic->flight_oldest; i != nic->flight_next; i++) {
		struct lwf_frame *frame = entry(nic, i)->frame;

		if (!frame)
			continue;
		if (lwf_nic_is_first_held(nic, frame))
			lwf_nic_pop_held(nic); /* the rest of it need not go */
		/* All its parts, which stand close together from here on. */
		for (uint32_t j = i; j != nic->flight_next; j++) {
			if (entry(nic, j)->frame == frame) {
				entry(nic, j)->frame = NULL;
				nic->flight_count--;
			}
		}
		lwf_nic_answer(turn, frame, reason, 0);
	}
	assert(nic->flight_count == 0);
	advance(nic);
}

static bool kernel_has_none(const struct lwf_nic *nic)
{
	int bytes = 0;

	return ioctl(nic->send_fd, SIOCOUTQ, &bytes) == 0 && bytes == 0;
}

static enum lwf_reason lost_reason(struct lwf_nic *nic)
{
	enum lwf_reason reason = lwf_nic_dead_reason(nic);

	if (reason == LWF_REASON_NONE)
		reason = lwf_nic_ask_dead_reason(nic);
	return reason == LWF_REASON_NONE ? LWF_REASON_QUEUE_FULL : reason;
}

static bool is_overtaken(const struct lwf_nic *nic, uint64_t now_ns)
{
	const struct lwf_nic_flight *oldest = entry(nic, nic->flight_oldest);

	return nic->flight_count && oldest->frame &&
	       (int32_t)(nic->flight_noticed - nic->flight_oldest) > 1 &&
	       now_ns > oldest->since_ns + OVERTAKEN_NS;
}

/* Reads what is told; true when the kernel has nothing of ours any more, so that nothing will
 * follow. */
static bool read_to_end(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	/* In this order: a notice is queued before the frame's memory is given back. */
	bool none = kernel_has_none(nic);

	lwf_nic_flight_read(nic, turn);
	return none;
}

void lwf_nic_flight_link_lost(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	if (!nic->flight_count)
		return;
	if (read_to_end(nic, turn)) {
		lwf_nic_flight_settle(nic, turn, lost_reason(nic));
		return;
	}
	nic->flight_deadline_ns = lwf_host_now_ns(nic->edge.host) + LINK_LOST_NS;
	lwf_timer_set(&nic->flight_check, CHECK_LOST_NS);
}

void lwf_nic_flight_check(void *context)
{
	struct lwf_nic *nic = context;
	uint64_t now_ns = lwf_host_now_ns(nic->edge.host);
	struct lwf_nic_turn turn;
	bool none;

	if (nic->send_fd < 0)
		return;
	lwf_nic_turn_begin(&turn);
	none = read_to_end(nic, &turn);
	if (none || (nic->flight_deadline_ns && now_ns >= nic->flight_deadline_ns)) {
		lwf_nic_flight_settle(nic, &turn, lost_reason(nic));
		nic->draining = false;
	} else if (is_overtaken(nic, now_ns)) {
		nic->draining = true;
	}
	if (nic->flight_count)
		lwf_timer_set(&nic->flight_check,
			      nic->flight_deadline_ns ? CHECK_LOST_NS : CHECK_NS);
	else
		nic->draining = false;
	lwf_nic_turn_end(nic, &turn);
}

void lwf_nic_flight_reset(struct lwf_nic *nic)
{
	assert(nic->flight_count == 0);
	nic->flight_oldest = 0;
	nic->flight_next = 0;
	nic->flight_noticed = 0;
	nic->flight_deadline_ns = 0;
	nic->draining = false;
}

uint32_t lwf_nic_flight_holds(const struct lwf_nic *nic, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct lwf_frame *last = NULL;
	uint32_t count = 0;

	for (uint32_t i = nic->flight_oldest; i != nic->flight_next; i++) {
		const struct lwf_nic_flight *flight = entry(nic, i);

		/* Parts of one frame follow each other; one not sent to its end is counted as
		 * waiting. */
		if (!flight->frame || flight->frame == last)
			continue;
		last = flight->frame;
		if ((origin && last->origin != origin) || lwf_nic_is_first_held(nic, last))
			continue;
		if (!count++ && flight->since_ns < *oldest_ns)
			*oldest_ns = flight->since_ns;
	}
	return count;
}
