/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_tx.c - send half of the lower edge: every frame gets the device's own answer.
 *
 * The socket sends past the qdisc, so that a send that succeeds was taken by the driver, and one
 * that was not says so. What the errors mean:
 *
 *	ENETDOWN	disabled
 *	ENXIO, ENODEV	removed
 *	EMSGSIZE	longer than the MTU allows
 *	EAGAIN		the socket's buffer is full: wait until it is writable
 *	ENOBUFS		anything. The flags tell "down" and "no carrier"; a super-frame may be of a
 *			kind that the device cannot cut: it is cut here; else there is no room now
 *	EINVAL		an offload that the kernel does not understand: cut, or finished, here
 *	others		an error of the device
 *
 * A frame without room waits in a ring with all that come after it, so that order is kept; a timer
 * tries again. A frame that is cut counts its parts in frame->spare (low half: sent, high half: in
 * the kernel and not yet told of) and is answered once, when all have gone, or the first did not.
 *
 * A turn gathers answers and gives them all at its very end, when the edge's own state is in order
 * again: the one who is answered may send at once.
 */
#include "nic.h"
#include "vnet.h"

#include <assert.h>
#include <errno.h>

#define CUT_KEEP_NS   1000000000ull /* then the device is asked again whether it cuts itself */
#define WRITE_WAIT_NS 10000000ull   /* between looks at the clock while the socket is full */
#define RETRY_SOON_NS (LWF_EDGE_RETRY_NS / 10) /* the device has just taken some */
#define HELD_LIMIT_NS 1000000000ull	       /* that the slowest device makes a frame wait */
#define ROOM_FRAMES   128u		       /* more than that wait: no room */
#define ROOM_BYTES    (1u << 20)
#define HELD_MASK     (LWF_EDGE_QUEUE_FRAMES - 1)

_Static_assert((LWF_EDGE_QUEUE_FRAMES & HELD_MASK) == 0, "nic_tx.c: ring");

enum outcome { SENT, ANSWERED, BUSY };

/* ---- answers ---- */

void lwf_nic_turn_begin(struct lwf_nic_turn *turn)
{
	lwf_batch_init(&turn->done);
	turn->dead = LWF_REASON_NONE;
	turn->busy = false;
}

void lwf_nic_answer(struct lwf_nic_turn *turn, struct lwf_frame *frame, enum lwf_reason reason,
		    int error)
{
	lwf_frame_answer(frame, reason);
	if (frame->status == LWF_STATUS_FAILURE)
		frame->error = (uint32_t)error;
	lwf_batch_push(&turn->done, frame);
}

/* Answers a frame that did not go, or not as a whole. */
static enum outcome refuse(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame,
			   enum lwf_reason reason, int error)
{
	if (lwf_nic_parts_out(frame))
		lwf_nic_flight_forget(nic, frame);
	lwf_nic_answer(turn, frame, reason, error);
	return ANSWERED;
}

static enum outcome dead(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame,
			 enum lwf_reason reason)
{
	turn->dead = reason; /* no need to ask again for the rest of this turn */
	return refuse(nic, turn, frame, reason, 0);
}

static enum outcome no_room(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame)
{
	enum lwf_reason reason = lwf_nic_ask_dead_reason(nic);

	if (reason != LWF_REASON_NONE)
		return dead(nic, turn, frame, reason);
	turn->busy = true;
	return BUSY;
}

static enum outcome failed(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame,
			   int error)
{
	switch (error) {
	case ENETDOWN:
		return dead(nic, turn, frame, LWF_REASON_DISABLED);
	case ENXIO:
	case ENODEV:
		return dead(nic, turn, frame, LWF_REASON_REMOVED);
	case EMSGSIZE:
		return refuse(nic, turn, frame, LWF_REASON_TOO_LONG, error);
	case EAGAIN:
		nic->wants_write = true;
		turn->busy = true;
		return BUSY;
	case ENOBUFS:
	case ENOMEM:
		return no_room(nic, turn, frame);
	default:
		return refuse(nic, turn, frame, LWF_REASON_DEVICE, error);
	}
}

/* ---- one frame ---- */

/* Returns 0 or the errno of the send. */
static int write_wire(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame)
{
	ssize_t wrote;
	int error;

	do {
		wrote = lwf_vnet_write(nic->send_fd, frame);
	} while (wrote < 0 && errno == EINTR);
	if (wrote >= 0) {
		assert((size_t)wrote == frame->len + LWF_VNET_HEADER_BYTES);
		return 0;
	}
	error = errno;
	/* These come before the kernel gives the frame a number; the others after. */
	if (nic->notices && error != EAGAIN && error != ENETDOWN && error != ENXIO &&
	    error != ENODEV)
		lwf_nic_flight_doubt(nic, turn);
	return error;
}

/* Sends what is left of a frame that the device does not take whole. */
static enum outcome send_parts(struct lwf_nic *nic, struct lwf_nic_turn *turn,
			       struct lwf_frame *frame, uint64_t since_ns)
{
	const uint32_t parts = lwf_frame_segments(frame);
	struct lwf_frame *copy;
	int error = 0;

	if (parts > LWF_NIC_PARTS_MAX)
		return refuse(nic, turn, frame, LWF_REASON_OFFLOAD, 0);
	copy = lwf_pool_take(nic->scratch, 0, LWF_DIRECTION_SEND);
	assert(copy);
	while (!error && lwf_nic_parts_sent(frame) < parts) {
		if (nic->notices && lwf_nic_flight_full(nic)) {
			lwf_pool_give(nic->scratch, copy);
			turn->busy = true;
			return BUSY;
		}
		if (lwf_vnet_plain(frame, lwf_nic_parts_sent(frame), copy)) {
			lwf_pool_give(nic->scratch, copy);
			return refuse(nic, turn, frame, LWF_REASON_OFFLOAD, 0);
		}
		error = write_wire(nic, turn, copy);
		if (error)
			break;
		frame->spare++;
		if (nic->notices)
			lwf_nic_flight_add(nic, frame, since_ns);
	}
	lwf_pool_give(nic->scratch, copy);
	if (error)
		return failed(nic, turn, frame, error);
	if (nic->notices)
		return SENT;
	lwf_nic_answer(turn, frame, LWF_REASON_NONE, 0);
	return ANSWERED;
}

static uint32_t type_bit(const struct lwf_frame *frame)
{
	return 1u << (frame->offload.gso_type & 0x1f);
}

static bool must_cut(struct lwf_nic *nic, const struct lwf_frame *frame)
{
	/* With notices each wire frame needs its own: the kernel keeps none, or one, when it cuts.
	 */
	if (nic->qdisc_kernel || lwf_nic_parts_sent(frame))
		return true;
	if (!(nic->cut_types & type_bit(frame)))
		return false;
	if (lwf_host_now_ns(nic->edge.host) < nic->cut_until_ns)
		return true;
	nic->cut_types = 0;
	return false;
}

/* The kernel checks the length of plain frames only; of a super-frame each segment must fit. */
static bool is_super_too_long(struct lwf_nic *nic, const struct lwf_frame *frame)
{
	uint32_t header = lwf_frame_header_bytes(frame);
	uint32_t longest = header + frame->offload.gso_size;

	if (longest > frame->len)
		longest = frame->len;
	return header && longest > lwf_frame_limit_bytes(frame, nic->edge.link.mtu_bytes);
}

/* The device refused @frame whole with ENOBUFS, or the kernel its header with EINVAL. */
static enum outcome send_otherwise(struct lwf_nic *nic, struct lwf_nic_turn *turn,
				   struct lwf_frame *frame, uint64_t since_ns, int error)
{
	enum outcome outcome;

	if (error == ENOBUFS) {
		outcome = no_room(nic, turn, frame);
		if (outcome != BUSY)
			return outcome;
		turn->busy = false;
	}
	outcome = send_parts(nic, turn, frame, since_ns);
	if (lwf_frame_is_super(frame) && lwf_nic_parts_sent(frame)) {
		nic->cut_types |= type_bit(frame);
		nic->cut_until_ns = lwf_host_now_ns(nic->edge.host) + CUT_KEEP_NS;
	}
	return outcome;
}

/* @since_ns: since when the edge has the frame; for those that stay in the kernel. */
static enum outcome try_send(struct lwf_nic *nic, struct lwf_nic_turn *turn,
			     struct lwf_frame *frame, uint64_t since_ns)
{
	int error;

	if (turn->dead != LWF_REASON_NONE)
		return refuse(nic, turn, frame, turn->dead, 0);
	if (nic->notices && lwf_nic_flight_full(nic)) {
		turn->busy = true;
		return BUSY;
	}
	if (frame->len < LWF_ETHER_HEADER_BYTES)
		return refuse(nic, turn, frame, LWF_REASON_TOO_SHORT, 0);
	if (lwf_frame_is_super(frame)) {
		if (is_super_too_long(nic, frame))
			return refuse(nic, turn, frame, LWF_REASON_TOO_LONG, 0);
		if (must_cut(nic, frame))
			return send_parts(nic, turn, frame, since_ns);
	}
	error = write_wire(nic, turn, frame);
	if (!error) {
		if (nic->notices) {
			frame->spare = 1;
			lwf_nic_flight_add(nic, frame, since_ns);
			return SENT;
		}
		lwf_nic_answer(turn, frame, LWF_REASON_NONE, 0);
		return ANSWERED;
	}
	if ((error == ENOBUFS || error == EINVAL) &&
	    (lwf_frame_is_super(frame) || (frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM)))
		return send_otherwise(nic, turn, frame, since_ns, error);
	return failed(nic, turn, frame, error);
}

/* ---- what waits ---- */

bool lwf_nic_is_first_held(const struct lwf_nic *nic, const struct lwf_frame *frame)
{
	return nic->held_count && nic->held[nic->held_first].frame == frame;
}

struct lwf_nic_held lwf_nic_pop_held(struct lwf_nic *nic)
{
	struct lwf_nic_held held = nic->held[nic->held_first];

	assert(nic->held_count > 0);
	nic->held_first = (nic->held_first + 1) & HELD_MASK;
	nic->held_count--;
	nic->held_bytes -= held.frame->len;
	return held;
}

static void hold(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_frame *frame,
		 uint64_t now_ns)
{
	if (nic->held_count == LWF_EDGE_QUEUE_FRAMES ||
	    nic->held_bytes + frame->len > LWF_EDGE_QUEUE_BYTES) {
		refuse(nic, turn, frame, LWF_REASON_QUEUE_FULL, 0);
		return;
	}
	nic->held[(nic->held_first + nic->held_count) & HELD_MASK] =
		(struct lwf_nic_held){frame, now_ns};
	nic->held_count++;
	nic->held_bytes += frame->len;
}

/*
 * Late is what waits for a device that has taken nothing for LWF_EDGE_HOLD_NS. One that is only slow is
 * given longer, so that a sender at full speed gets through it; a qdisc that shapes as long as it moves.
 */
static bool is_late(const struct lwf_nic *nic, const struct lwf_nic_held *held, uint64_t now_ns)
{
	uint64_t since_ns = held->since_ns;

	if (nic->progress_ns > since_ns)
		since_ns = nic->progress_ns;
	return now_ns >= since_ns + LWF_EDGE_HOLD_NS ||
	       (!nic->qdisc_kernel && now_ns >= held->since_ns + HELD_LIMIT_NS);
}

static void send_held(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	uint64_t now_ns = lwf_host_now_ns(nic->edge.host);

	while (nic->held_count) {
		struct lwf_nic_held held = nic->held[nic->held_first];

		if (!turn->busy) {
			enum outcome outcome = try_send(nic, turn, held.frame, held.since_ns);

			if (outcome != BUSY) {
				lwf_nic_pop_held(nic);
				nic->progress_ns = now_ns;
				continue;
			}
		}
		if (!is_late(nic, &held, now_ns))
			break;
		lwf_nic_pop_held(nic);
		refuse(nic, turn, held.frame, LWF_REASON_QUEUE_TIMEOUT, 0);
	}
}

static void update_room(struct lwf_nic *nic)
{
	bool room = nic->edge.room;

	if (nic->qdisc_kernel)
		room = nic->held_count == 0; /* the kernel has a queue of its own */
	else if (nic->held_count >= ROOM_FRAMES || nic->held_bytes >= ROOM_BYTES)
		room = false;
	else if (nic->held_count < ROOM_FRAMES / 4 && nic->held_bytes < ROOM_BYTES / 4)
		room = true;
	if (room != nic->edge.room)
		lwf_edge_set_room(&nic->edge, room);
}

/* How long to wait before the next try; a socket whose buffer is full is watched as well. */
static uint64_t retry_ns(const struct lwf_nic *nic, uint64_t progress_before_ns)
{
	if (nic->wants_write)
		return WRITE_WAIT_NS;
	return nic->progress_ns != progress_before_ns ? RETRY_SOON_NS : LWF_EDGE_RETRY_NS;
}

static void watch_send(struct lwf_nic *nic, uint64_t progress_before_ns)
{
	unsigned events = nic->notices ? LWF_WATCH_READ : 0;

	if (nic->wants_write && nic->held_count)
		events |= LWF_WATCH_WRITE;
	lwf_watch_set(&nic->send_watch, events);
	if (nic->held_count && !nic->retry.armed)
		lwf_timer_set(&nic->retry, retry_ns(nic, progress_before_ns));
}

void lwf_nic_turn_end(struct lwf_nic *nic, struct lwf_nic_turn *turn)
{
	const uint64_t progress_before_ns = nic->progress_ns;
	struct lwf_edge *edge = &nic->edge;

	if (nic->held_count)
		send_held(nic, turn);
	if (nic->held_count || nic->send_watch.events)
		watch_send(nic, progress_before_ns);
	update_room(nic);
	/* The last act: whoever is answered may do anything to this edge. */
	if (turn->done.head)
		lwf_edge_completed(edge, &turn->done);
}

/* ---- what others call ---- */

void lwf_nic_transmit(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_nic_turn turn;
	struct lwf_frame *frame;
	uint64_t now_ns = 0;

	lwf_nic_turn_begin(&turn);
	if (nic->send_fd < 0)
		turn.dead = LWF_REASON_REMOVED;
	if (nic->notices || nic->held_count)
		now_ns = lwf_host_now_ns(edge->host);
	for (;;) {
		if (!nic->held_count && !nic->notices && turn.dead == LWF_REASON_NONE)
			lwf_nic_burst(nic, &turn, batch);
		frame = lwf_batch_pop(batch);
		if (!frame)
			break;
		frame->spare = 0;
		if (!nic->held_count && try_send(nic, &turn, frame, now_ns) != BUSY)
			continue;
		if (!now_ns)
			now_ns = lwf_host_now_ns(edge->host);
		hold(nic, &turn, frame, now_ns);
	}
	lwf_nic_turn_end(nic, &turn);
}

void lwf_nic_cancel(struct lwf_edge *edge, uint64_t cancel_id)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	uint32_t count = nic->held_count;
	struct lwf_nic_turn turn;

	lwf_nic_turn_begin(&turn);
	/* Once round: those that stay go to the end of the ring in their order. */
	while (count--) {
		struct lwf_nic_held held = lwf_nic_pop_held(nic);

		/* A part of it is on the wire: that cannot be taken back. */
		if (!lwf_nic_parts_sent(held.frame) && lwf_cancel_matches(held.frame, cancel_id))
			lwf_nic_answer(&turn, held.frame, LWF_REASON_CANCELLED, 0);
		else
			hold(nic, &turn, held.frame, held.since_ns);
	}
	lwf_nic_turn_end(nic, &turn);
}

void lwf_nic_retry(void *context)
{
	struct lwf_nic_turn turn;

	lwf_nic_turn_begin(&turn);
	lwf_nic_turn_end(context, &turn);
}

void lwf_nic_send_event(void *context, unsigned events)
{
	struct lwf_nic *nic = context;
	struct lwf_nic_turn turn;

	lwf_nic_turn_begin(&turn);
	if (events & LWF_WATCH_WRITE)
		nic->wants_write = false;
	if (nic->notices)
		lwf_nic_flight_read(nic, &turn);
	lwf_nic_turn_end(nic, &turn);
}
