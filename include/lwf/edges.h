/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edges.h - constructors of the four kinds of edge, for programs that embed an engine. The contract
 * they fulfil is lwf/edge.h; lwf_stack_create() takes what they make.
 *
 * Threads: the loop thread of the host.
 */
#ifndef LWF_EDGES_H
#define LWF_EDGES_H

#include <lwf/edge.h>
#include <lwf/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_EDGE_QUEUE_FRAMES 1024u /* what may wait in an edge at most */

/** tap:NAME[,netns=N] */
struct lwf_tap_config {
	const char *name;
	const char *netns;  /* NULL: this process's */
	uint8_t mac[6];	    /* all zero: leave it */
	uint32_t mtu_bytes; /* 0: leave it */
	bool mirror_mac;    /* take the lower device's MAC when mirrored */
};

/**
 * Creates or adopts a TAP. -EBUSY when another process has it, -EPERM, -EINVAL for a name that is
 * none or a device of another kind. The edge is made with no carrier and down; a device that is new
 * (lwf_tap_is_ours()) goes when the edge is closed.
 */
int lwf_tap_create(struct lwf_host *host, const struct lwf_tap_config *config,
		   struct lwf_edge **edge);

/** True when the device did not exist before. */
bool lwf_tap_is_ours(const struct lwf_edge *edge);

/** The device is gone and is ours: make it again under its name, with its MAC, MTU. 0 or -errno. */
int lwf_tap_recreate(struct lwf_edge *edge);

/** "ip link set NAME up" (or down), at once. A recreated TAP is set so again. 0 or -errno. */
int lwf_tap_set_up(struct lwf_edge *edge, bool up);

/** nic:NAME[,netns=N][,qdisc=kernel] */
struct lwf_nic_config {
	const char *name;
	const char *netns; /* NULL: this process's */
	uint32_t ifindex;  /* 0: not there now; the edge is made with link.present false */
	bool qdisc_kernel; /* send through the qdisc; complete on the TX_SOFTWARE timestamp */
	bool send_only;	   /* no receive socket, no promiscuous mode (lwf-inject --nic) */
};

/** Opens the packet sockets on an interface, or waits for one. -EPERM, -ENODEV (name without
 * index). */
int lwf_nic_create(struct lwf_host *host, const struct lwf_nic_config *config,
		   struct lwf_edge **edge);

/** The interface is there (again), maybe with another index: (re)open the sockets. 0 or -errno. */
int lwf_nic_reopen(struct lwf_edge *edge, uint32_t ifindex);

/**
 * Finds interface @name in @netns (NULL: this process's; else a name in /run/netns, or a path).
 * *ifindex may be given alone: with @name NULL it is looked up by *ifindex. @link is filled in (may
 * be NULL). 0, -ENODEV, -ENOENT (no such namespace), -EPERM.
 */
int lwf_nic_lookup(const char *netns, const char *name, uint32_t *ifindex, struct lwf_link *link);

/**
 * One process per NIC: claims @ifindex of @netns until *fd is closed (or the process ends). 0;
 * -EBUSY when another one has it, and *owner is its pid (0: not known); or another -errno.
 */
int lwf_nic_claim(const char *netns, uint32_t ifindex, int *fd, int *owner);

/** Waits until all that was handed to helper threads is done (before exit; in tests). */
void lwf_close_flush(void);

/** pcap:IN[:OUT]: frames of IN are its receives, as fast as they are taken; sends go to OUT. */
int lwf_pcapfile_create(struct lwf_host *host, const char *in, const char *out,
			struct lwf_edge **edge, char *error, size_t error_bytes);

/** How the simulated device answers; every field may be changed at any time. */
struct lwf_sim_edge_config {
	uint64_t delay_ns;	/* 0: inline, before transmit returns */
	uint64_t jitter_ns;	/* added at random */
	bool reorder;		/* answers in random order; else in order */
	bool merge;		/* answers of several transmits in one batch */
	bool split;		/* answers of one transmit in single batches */
	bool never;		/* keep them until it is false again */
	uint32_t fail_per_1024; /* this many of 1024 answers carry fail_reason */
	enum lwf_reason fail_reason;
	bool lend;	       /* lends what lwf_sim_edge_inject() gives (a lower edge only) */
	bool plain;	       /* takes no offload: it is handed wire frames, cut and finished */
	uint32_t room_frames;  /* says no room from here on; 0: LWF_EDGE_QUEUE_FRAMES */
	int attach_error;      /* errno that attach answers; 0: it succeeds */
	uint64_t oid_delay_ns; /* 0: OIDs are answered inside the call */
	bool oid_never;	       /* keep an OID until it is false again */
	lwf_status oid_status; /* not SUCCESS: what every OID is answered */
};

/** A device without a kernel. Starts present, up, with carrier, MTU 1500. */
int lwf_sim_edge_create(struct lwf_host *host, const char *name, struct lwf_edge **edge);
struct lwf_sim_edge_config *lwf_sim_edge_config(struct lwf_edge *edge);

/**
 * As if the wire (or the host) gave it @bytes. -ENOBUFS without a free frame, -EAGAIN when the
 * intake holds, -ENETDOWN when the device is down, gone or without carrier, -EINVAL for a runt,
 * -EMSGSIZE over 2048 bytes. 0 also when the intake discards (counted as not-running).
 */
int lwf_sim_edge_inject(struct lwf_edge *edge, const void *bytes, uint32_t len);

/** @n such frames in one batch, all or none. */
int lwf_sim_edge_inject_many(struct lwf_edge *edge, const void *bytes, uint32_t len, uint32_t n);

/** Takes memory for offloads: super-frames that it gives, wire frames if it is plain. 0, -ENOMEM. */
int lwf_sim_edge_prepare_offload(struct lwf_edge *edge);

/**
 * A frame of which something is left to do, as the host's protocols hand it over: cutting it, finishing its
 * checksum. What lwf_sim_edge_inject() returns; -EMSGSIZE over LWF_FRAME_MAX_BYTES; -ENOBUFS also
 * when nothing was prepared.
 */
int lwf_sim_edge_inject_offload(struct lwf_edge *edge, const void *bytes, uint32_t len,
				const struct lwf_offload *offload);

/** Frames it holds unanswered. */
uint32_t lwf_sim_edge_held(const struct lwf_edge *edge);

/** Answers up to @n held frames now, whatever the configuration says. Returns how many. */
uint32_t lwf_sim_edge_release(struct lwf_edge *edge, uint32_t n);

/** Answers the OID that it has now. False when it has none. */
bool lwf_sim_edge_release_oid(struct lwf_edge *edge);

/** Hears of every frame at the moment the device is handed it; lent for the call. */
void lwf_sim_edge_on_hand_over(struct lwf_edge *edge,
			       void (*fn)(void *context, const struct lwf_frame *frame),
			       void *context);

/**
 * Hears of every frame that the device was handed, when it is answered; lent for the call. A plain device
 * was handed the wire frames of what it took.
 */
void lwf_sim_edge_on_transmit(struct lwf_edge *edge,
			      void (*fn)(void *context, const struct lwf_frame *frame),
			      void *context);

#ifdef __cplusplus
}
#endif

#endif
