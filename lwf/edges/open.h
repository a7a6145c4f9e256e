/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.h - descriptors of devices: the only way for the edges to get one.
 *
 * Every function takes the namespace as edges.h describes it and hands over descriptors that do not
 * block and are closed on exec. Returns 0 or -errno; on failure nothing is open.
 */
#ifndef LWF_EDGES_OPEN_H
#define LWF_EDGES_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#define LWF_VNET_HEADER_BYTES 10u /* struct virtio_net_hdr in front of each frame, both ways */

struct lwf_tap_device {
	int fd;
	uint32_t ifindex;
	bool created;  /* it did not exist before, and goes with the descriptor */
	bool uso;      /* takes and gives UDP super-frames */
	char name[16]; /* as the kernel has it */
};

/**
 * Creates TAP @name, or adopts it. Its carrier is off. -EBUSY when somebody has it; -EINVAL for a
 * name that is none, or that of another kind of device; -EPERM; -ENXIO without /dev/net/tun.
 */
int lwf_open_tap(const char *netns, const char *name, struct lwf_tap_device *device);

/** A socket for ifctl.h. */
int lwf_open_control(const char *netns, int *fd);

/**
 * A socket that sends on @ifindex and receives nothing. @qdisc_kernel: through the qdisc, with a
 * notice in the error queue for each frame that reached the driver; else past it. -ENODEV, -EPERM.
 */
int lwf_open_nic_send(const char *netns, uint32_t ifindex, bool qdisc_kernel, int *fd);

/**
 * A socket of no interface: sendto() names one for each frame, which stands without a header in front. It
 * receives nothing. -EPERM.
 */
int lwf_open_sender(const char *netns, int *fd);

struct lwf_nic_receive {
	int fd;
	bool ignores_outgoing; /* what we send does not come back */
	bool promiscuous;
};

/** A socket that receives all that arrives on @ifindex. -ENODEV, -EPERM. */
int lwf_open_nic_receive(const char *netns, uint32_t ifindex, struct lwf_nic_receive *receive);

/** A bound and listening abstract socket, for the claim on a NIC; -EADDRINUSE when it is taken. */
int lwf_open_listener(const char *netns, const char *abstract_name, int *fd);

/** A connection to such a socket. */
int lwf_open_connection(const char *netns, const char *abstract_name, int *fd);

#endif
