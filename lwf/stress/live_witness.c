/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_witness.c - what devices took and gave, by the kernel's counters, over all their lives.
 *
 * When a device ends, the kernel tells the listeners of its namespace, and the message has its last
 * counters: those of a device that takes frames no more. They are added up here, so that deleting a
 * device under traffic loses none. What a veth gave is what the other end took, since its own count
 * of that has ended by then. A move to another namespace sounds like an end, and is none.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "live_world.h"

#define MESSAGE_BYTES 16384u

int live_witness_listen(void)
{
	/* ends alone: a storm of other changes must not crowd them out */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap16(RTM_DELLINK), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int err;

	if (fd < 0)
		return -errno;
	if (htons(1) == 1) /* the filter reads in the order of the network */
		code[1].k = RTM_DELLINK;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The device @name has ended; its last counters are those of @device. */
static void bury(struct live_world *world, const char *name, const struct live_device *device)
{
	for (uint32_t i = 0; i < world->base.options.scenario->links; i++) {
		struct live_link *link = &world->link[i];

		if (strcmp(name, link->nic) == 0) {
			link->gone[LIVE_LOWER][LIVE_TX] += device->tx_packets;
			link->gone[LIVE_LOWER][LIVE_TX_BYTES] += device->tx_bytes;
			if (!link->far_net)
				world->link[link->declared->peer].gone[LIVE_LOWER][LIVE_RX] +=
					device->tx_packets;
		} else if (strcmp(name, link->tap) == 0) {
			/* what it takes, the host gets */
			link->gone[LIVE_UPPER][LIVE_TX] += device->rx_packets;
			link->gone[LIVE_UPPER][LIVE_TX_BYTES] += device->rx_bytes;
			link->gone[LIVE_UPPER][LIVE_RX] += device->tx_packets;
		}
	}
}

/* Reads one end from @fd. @of: the link whose far end it is; NULL: of this namespace. */
static bool hear_one(struct live_world *world, int fd, struct live_link *of)
{
	static union {
		struct nlmsghdr header;
		uint8_t bytes[MESSAGE_BYTES];
	} in;
	ssize_t n = recv(fd, &in, sizeof(in), MSG_DONTWAIT);
	const struct nlattr *name, *stats;
	struct rtnl_link_stats64 counts;
	struct live_device device;

	if (n < 0)
		return false;
	if (!nlmsg_ok(&in.header, (int)n) || in.header.nlmsg_type != RTM_DELLINK ||
	    nlmsg_find_attr(&in.header, sizeof(struct ifinfomsg), IFLA_NEW_NETNSID))
		return true;
	name = nlmsg_find_attr(&in.header, sizeof(struct ifinfomsg), IFLA_IFNAME);
	stats = nlmsg_find_attr(&in.header, sizeof(struct ifinfomsg), IFLA_STATS64);
	if (!name || !stats || nla_len(stats) < (int)sizeof(counts))
		return true;
	memcpy(&counts, nla_data(stats), sizeof(counts));
	device = (struct live_device){.tx_packets = counts.tx_packets,
				      .rx_packets = counts.rx_packets,
				      .tx_bytes = counts.tx_bytes,
				      .rx_bytes = counts.rx_bytes};
	if (of)
		of->gone[LIVE_LOWER][LIVE_RX] += counts.tx_packets;
	else
		bury(world, nla_data(name), &device);
	return true;
}

/* Whether anything ended. */
static bool hear(struct live_world *world)
{
	bool heard = false;

	while (hear_one(world, world->near_ends, NULL))
		heard = true;
	for (uint32_t i = 0; i < world->base.options.scenario->links; i++)
		while (world->link[i].far_ends >= 0 &&
		       hear_one(world, world->link[i].far_ends, &world->link[i]))
			heard = true;
	return heard;
}

void live_witness_hear(struct live_world *world)
{
	(void)hear(world);
}

void live_witness_add(struct live_link *link, const struct live_device *device)
{
	bury(link->world, link->nic, device);
}

/* What a TAP takes, its host gets: the kernel counts from the host's side. */
static uint64_t count_of(const struct live_device *device, bool upper, enum live_count count)
{
	switch (count) {
	case LIVE_TX_BYTES:
		return upper ? device->rx_bytes : device->tx_bytes;
	case LIVE_TX:
		return upper ? device->rx_packets : device->tx_packets;
	default:
		return upper ? device->tx_packets : device->rx_packets;
	}
}

uint64_t live_witness(struct live_link *link, bool upper, enum live_count count)
{
	struct nl_sock *net = !upper && link->away ? link->away_net : link->world->near_net;
	struct live_device device;
	int err;

	/* one that ends while it is looked at counts among the dead, and its heir is looked at */
	do {
		err = live_net_look(net, upper ? link->tap : link->nic, &device);
	} while (hear(link->world));
	if (err)
		memset(&device, 0, sizeof(device));
	return link->gone[upper ? LIVE_UPPER : LIVE_LOWER][count] + count_of(&device, upper, count);
}
