/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic.h - what the parts of the lower edge share: nic.c (life and link), nic_rx.c (receive),
 * nic_tx.c (send, and what waits to be sent), nic_burst.c (many frames with one call), nic_flight.c
 * (what is in the kernel, with qdisc=kernel).
 */
#ifndef LWF_EDGES_NIC_H
#define LWF_EDGES_NIC_H

#include "edges.h"
#include "helper.h"
#include "open.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#define LWF_NIC_NETNS_BYTES 256u
#define LWF_NIC_FLIGHT_MAX  2048u /* frames in the kernel at most; a power of two */
#define LWF_NIC_INTAKE_FRAMES \
	16u /* taken from the kernel with one call; should all be super-frames, 1 MiB */

/* The outer VLAN tag. */
union lwf_nic_beside {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

/* A frame that waits for room in the device. frame->spare tells how far it is: see nic_tx.c. */
struct lwf_nic_held {
	struct lwf_frame *frame;
	uint64_t since_ns;
};

/* A frame on the wire, or a part of one, that the kernel has and has not told of. */
struct lwf_nic_flight {
	struct lwf_frame *frame; /* NULL: answered, or never was */
	uint64_t since_ns;
	bool doubtful; /* a send that failed; it may have used up the number */
};

/* What sendmmsg() reads: one message of one piece for each frame of a burst. */
struct lwf_nic_burst {
	struct mmsghdr messages[LWF_BATCH_MAX_FRAMES];
	struct iovec pieces[LWF_BATCH_MAX_FRAMES];
};

/* What recvmmsg() fills: one message of one piece, with what the kernel tells beside it. */
struct lwf_nic_intake {
	struct mmsghdr messages[LWF_NIC_INTAKE_FRAMES];
	struct iovec pieces[LWF_NIC_INTAKE_FRAMES];
	union lwf_nic_beside beside[LWF_NIC_INTAKE_FRAMES];
	struct lwf_frame *frames[LWF_NIC_INTAKE_FRAMES];
	uint32_t ask; /* for so many next time, at least 1 */
};

/* A set on its way through the helper thread. */
struct lwf_nic_oid {
	struct lwf_job job;   /* first */
	struct lwf_task task; /* brings it back */
	struct lwf_host *host;
	struct lwf_oid_request *request; /* NULL: none is on its way */
	uint32_t oid, number, before;
	uint8_t mac[6];
	uint32_t ifindex;
	int fd, error;
};

struct lwf_nic {
	struct lwf_edge edge; /* first */
	char netns[LWF_NIC_NETNS_BYTES];
	bool qdisc_kernel, send_only;
	bool notices; /* qdisc=kernel, and the device tells when it took a frame */
	bool starved; /* not receiving because every frame is out */
	int control_fd, send_fd;
	struct lwf_nic_receive receive;
	struct lwf_nic_intake intake;
	struct lwf_watch receive_watch, send_watch;
	uint64_t missed;	/* frames that the kernel had no room to keep for us */
	uint32_t packet_filter; /* LWF_PACKET_TYPE_*: what is received */
	struct lwf_nic_oid oid;
	struct lwf_pool *pool;	  /* of received frames; NULL with send_only */
	struct lwf_pool *scratch; /* one frame, to cut and finish in */

	/* nic_tx.c: a ring of LWF_EDGE_QUEUE_FRAMES */
	struct lwf_nic_held *held;
	uint32_t held_first, held_count;
	uint64_t held_bytes;
	uint64_t progress_ns; /* when the device took a frame out of it last */
	struct lwf_timer retry;
	bool wants_write;   /* the socket's buffer is full */
	uint32_t cut_types; /* bit set by gso_type: the device refuses them whole */
	uint64_t cut_until_ns;
	uint64_t carrier_asked_ns;
	bool carrier; /* as it answered then */

	struct lwf_nic_burst burst; /* nic_burst.c */

	/* nic_flight.c: a ring, by the kernel's numbers */
	struct lwf_nic_flight *flight;
	uint32_t flight_oldest, flight_next;
	uint32_t flight_count;	     /* of entries with a frame */
	uint32_t flight_noticed;     /* highest number told of, +1 */
	bool flight_ahead;	     /* a notice came for the send that fails just now */
	uint64_t flight_deadline_ns; /* the link went: answer the rest by then; 0: it is there */
	struct lwf_timer flight_check;
	bool draining; /* send nothing until the kernel has nothing */
};

/* What one turn of sending has found out. */
struct lwf_nic_turn {
	struct lwf_batch done; /* answered frames */
	enum lwf_reason dead;  /* why no frame can leave now; NONE: it can */
	bool busy;	       /* the device had no room */
};

static inline struct lwf_nic *lwf_nic_of(struct lwf_edge *edge)
{
	return (struct lwf_nic *)(void *)edge;
}

/* ---- nic.c ---- */

/** Why nothing can leave, by what is known of the link: NONE, REMOVED, DISABLED or NO_CARRIER. */
enum lwf_reason lwf_nic_dead_reason(const struct lwf_nic *nic);

/** The same, by asking the kernel now. */
enum lwf_reason lwf_nic_ask_dead_reason(struct lwf_nic *nic);

/* ---- nic_rx.c ---- */

/** Adds what the kernel counted since the last call to nic->missed. */
void lwf_nic_count_missed(struct lwf_nic *nic);

void lwf_nic_receive_init(struct lwf_nic *nic);
void lwf_nic_readable(void *context, unsigned events);
void lwf_nic_watch_receive(struct lwf_nic *nic);
void lwf_nic_set_intake(struct lwf_edge *edge, enum lwf_intake intake);
void lwf_nic_reclaim(struct lwf_edge *edge, struct lwf_batch *batch);

/* ---- nic_oid.c ---- */

lwf_status lwf_nic_oid(struct lwf_edge *edge, struct lwf_oid_request *request);

/** Tells the device of receive socket @fd what to receive. Any thread. 0 or -errno. */
int lwf_nic_set_membership(int fd, uint32_t ifindex, uint32_t before, uint32_t now);

/** It receives so now. */
void lwf_nic_filter_is(struct lwf_nic *nic, uint32_t filter);

/* ---- nic_burst.c ---- */

void lwf_nic_burst_init(struct lwf_nic *nic);

/**
 * Sends the first frames of @batch with one call, as far as they can go so and the device takes them, and
 * answers these. What is left in the batch is to be sent frame by frame, at least its first. Nothing may be held.
 */
void lwf_nic_burst(struct lwf_nic *nic, struct lwf_nic_turn *turn, struct lwf_batch *batch);

/* ---- nic_tx.c ---- */

void lwf_nic_transmit(struct lwf_edge *edge, struct lwf_batch *batch);
void lwf_nic_cancel(struct lwf_edge *edge, uint64_t cancel_id);
void lwf_nic_retry(void *context);
void lwf_nic_send_event(void *context, unsigned events);

void lwf_nic_turn_begin(struct lwf_nic_turn *turn);

/** Sends what is held as far as the device takes it, then answers all of @turn. Ends the turn. */
void lwf_nic_turn_end(struct lwf_nic *nic, struct lwf_nic_turn *turn);

/** Puts an answer on @frame and it into @turn. */
void lwf_nic_answer(struct lwf_nic_turn *turn, struct lwf_frame *frame, enum lwf_reason reason,
		    int error);

/** True when @frame is the first of those that wait. */
bool lwf_nic_is_first_held(const struct lwf_nic *nic, const struct lwf_frame *frame);

/** Takes the first of those that wait out. */
struct lwf_nic_held lwf_nic_pop_held(struct lwf_nic *nic);

/* ---- nic_flight.c ---- */

/** True when no more frames may be given to the kernel. */
bool lwf_nic_flight_full(const struct lwf_nic *nic);

/** A send of a part of @frame succeeded. */
void lwf_nic_flight_add(struct lwf_nic *nic, struct lwf_frame *frame, uint64_t since_ns);

/** A send failed after the kernel may have given it a number. */
void lwf_nic_flight_doubt(struct lwf_nic *nic, struct lwf_nic_turn *turn);

/** @frame is answered now whatever becomes of its parts: forget them. */
void lwf_nic_flight_forget(struct lwf_nic *nic, const struct lwf_frame *frame);

/** Reads what the kernel tells; frames that it is done with go into @turn. */
void lwf_nic_flight_read(struct lwf_nic *nic, struct lwf_nic_turn *turn);

/** Answers all that is in the kernel with @reason. */
void lwf_nic_flight_settle(struct lwf_nic *nic, struct lwf_nic_turn *turn, enum lwf_reason reason);

/** The link went: reads what is told, and sees to it that the rest is answered in time. */
void lwf_nic_flight_link_lost(struct lwf_nic *nic, struct lwf_nic_turn *turn);

/** A new socket counts from 0. */
void lwf_nic_flight_reset(struct lwf_nic *nic);

void lwf_nic_flight_check(void *context);

/** Adds the frames of @origin in the kernel to what the edge holds. */
uint32_t lwf_nic_flight_holds(const struct lwf_nic *nic, lwf_handle origin, uint64_t *oldest_ns);

/* frame->spare while the edge has the frame: parts already sent, and parts in the kernel. */
#define LWF_NIC_PARTS_MAX 0xffffu

static inline uint32_t lwf_nic_parts_sent(const struct lwf_frame *frame)
{
	return frame->spare & LWF_NIC_PARTS_MAX;
}

static inline uint32_t lwf_nic_parts_out(const struct lwf_frame *frame)
{
	return frame->spare >> 16;
}

/** True when every part of @frame was sent and told of. */
static inline bool lwf_nic_parts_done(const struct lwf_frame *frame)
{
	return lwf_nic_parts_out(frame) == 0 &&
	       lwf_nic_parts_sent(frame) == lwf_frame_segments(frame);
}

#endif
