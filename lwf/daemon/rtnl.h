/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl.h - rtnetlink requests and the reading of link messages, on libnl.
 *
 * Requests are answered by the kernel inside the call, so they may be made on the loop thread.
 * Errors are the kernel's own errno, not libnl's summary of it.
 */
#ifndef LWF_DAEMON_RTNL_H
#define LWF_DAEMON_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

struct nl_msg;
struct nl_sock;
struct nsnet;
struct link_facts;
struct link_info;

#define RTNL_DUMP_TRIES_MAX 8u /* of one dump that the kernel calls interrupted */

/** Opens a socket for requests inside @ns. Returns 0 or -errno. */
int rtnl_open(struct nsnet *ns, struct nl_sock **sock);

/** Opens a non-blocking socket that hears of links, with a receive buffer of @bytes. */
int rtnl_open_monitor(struct nsnet *ns, uint32_t bytes, struct nl_sock **sock);

/** Makes the receive buffer @bytes, beyond the system's limit where we may. */
int rtnl_set_receive_bytes(struct nl_sock *sock, uint32_t bytes);

/** Accepts NULL. */
void rtnl_close(struct nl_sock *sock);

/** A new request of @type with a fixed part of @bytes, or NULL. */
struct nl_msg *rtnl_message(uint16_t type, uint16_t flags, const void *header, size_t bytes);

/** What rtnl_dump() calls for every message; lent. */
typedef void (*rtnl_each)(const struct nlmsghdr *header, void *context);

/**
 * Asks for everything of @type (with the fixed part) and hands each answer to @each. -EAGAIN when
 * the kernel says that it changed meanwhile: forget what was heard and ask again.
 */
int rtnl_dump(struct nl_sock *sock, uint16_t type, const void *header, size_t bytes, rtnl_each each,
	      void *context);

/** What a link message says. */
struct rtnl_link {
	bool deleted;
	bool moved; /* deleted here because it lives on in another namespace */
	bool ethernet;
	bool up, carrier;
	bool has_permanent_mac;
	uint32_t ifindex, mtu_bytes;
	uint32_t master; /* the bridge, or bond, of which it is a port; 0: of none */
	uint8_t mac[6], permanent_mac[6];
	char name[16];
	char kind[16];
};

/** Reads RTM_NEWLINK or RTM_DELLINK. False for messages that say nothing about the link itself. */
bool rtnl_link_read(const struct nlmsghdr *header, struct rtnl_link *link);

/** Asks for one link by name or, when that is NULL, by index. -ENODEV. */
int rtnl_link_get(struct nl_sock *sock, const char *name, uint32_t ifindex, struct rtnl_link *link);

/** Speed of an interface in Mbit/s, 0 when it is not known. */
uint32_t rtnl_link_speed(struct nsnet *ns, const char *name);

#endif
