/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ifctl.h - questions to, and settings of, an interface by its index, through a control socket.
 *
 * The socket (lwf_open_control()) decides the namespace. Names are asked for just before use, since
 * interfaces are renamed while they work. Any thread. Errors: -ENODEV when the index is gone.
 */
#ifndef LWF_EDGES_IFCTL_H
#define LWF_EDGES_IFCTL_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/edge.h>

/** Index of @name, or -errno. */
int lwf_ifctl_index(int control_fd, const char *name, uint32_t *ifindex);

/** Everything about the link. -EMEDIUMTYPE for an interface that is not Ethernet. */
int lwf_ifctl_link(int control_fd, uint32_t ifindex, struct lwf_link *link);

/** What a failed send wants to know, cheaply: two system calls without a lock. */
int lwf_ifctl_flags(int control_fd, uint32_t ifindex, bool *admin_up, bool *running);

/**
 * The carrier as the driver has it; IFF_RUNNING may lag a second behind. Takes the kernel's network
 * lock. -EOPNOTSUPP when the driver does not say.
 */
int lwf_ifctl_carrier(int control_fd, uint32_t ifindex, bool *carrier);

/** True when the driver stamps frames that it sends (SOF_TIMESTAMPING_TX_SOFTWARE). */
bool lwf_ifctl_stamps_sends(int control_fd, uint32_t ifindex);

int lwf_ifctl_set_mtu(int control_fd, uint32_t ifindex, uint32_t mtu_bytes);
int lwf_ifctl_set_mac(int control_fd, uint32_t ifindex, const uint8_t mac[6]);
int lwf_ifctl_set_up(int control_fd, uint32_t ifindex, bool up);

#endif
