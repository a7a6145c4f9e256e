/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnl.c - rtnetlink requests and the reading of link messages; see rtnl.h.
 *
 * libnl carries the sockets, sequence numbers and attribute walks. Link messages are read here and
 * not by libnl-route, because its link objects know neither the permanent address nor the sign that
 * a deleted interface was moved.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "nsnet.h"
#include "rtnl.h"

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1u << 16) /* net/if.h does not know it, linux/if.h does not go beside it */
#endif

#define RTNL_LEFT_MAX	65536u			       /* datagrams of a dump */
#define RTNL_READ_BYTES 65536u			       /* for one datagram of the kernel */
#define RTNL_MASK_BYTES (3u * 127u * sizeof(uint32_t)) /* of link modes, at most */

static int connect_inside(void *argument)
{
	int error = nl_connect(argument, NETLINK_ROUTE);

	if (!error)
		return 0;
	return error == -NLE_NOMEM ? -ENOMEM : error == -NLE_PERM ? -EPERM : -EIO;
}

static int open_socket(struct nsnet *ns, struct nl_sock **result)
{
	struct nl_sock *sock = nl_socket_alloc();
	int error;

	if (!sock)
		return -ENOMEM;
	error = nsnet_call(ns, connect_inside, sock);
	if (error) {
		nl_socket_free(sock);
		return error;
	}
	nl_socket_set_msg_buf_size(sock, RTNL_READ_BYTES);
	*result = sock;
	return 0;
}

int rtnl_open(struct nsnet *ns, struct nl_sock **sock)
{
	return open_socket(ns, sock);
}

int rtnl_set_receive_bytes(struct nl_sock *sock, uint32_t bytes)
{
	int value = (int)bytes, fd = nl_socket_get_fd(sock);

	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)))
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)) < 0 ? -errno : 0;
}

int rtnl_open_monitor(struct nsnet *ns, uint32_t bytes, struct nl_sock **result)
{
	struct nl_sock *sock;
	int error = open_socket(ns, &sock);

	if (error)
		return error;
	nl_socket_disable_seq_check(sock);
	error = rtnl_set_receive_bytes(sock, bytes);
	if (error)
		goto close;
	if (nl_socket_set_nonblocking(sock) ||
	    nl_socket_add_memberships(sock, RTNLGRP_LINK, RTNLGRP_NONE)) {
		error = -EIO;
		goto close;
	}
	*result = sock;
	return 0;
close:
	nl_socket_free(sock);
	return error;
}

void rtnl_close(struct nl_sock *sock)
{
	if (sock)
		nl_socket_free(sock);
}

/* ---- requests ---- */

struct rtnl_answer {
	rtnl_each each;
	void *context;
	uint32_t sequence;
	int error; /* the kernel's, as -errno */
	bool done, interrupted;
};

/* What is left of an exchange that found no memory is not taken for the answer to another. */
static int is_for_us(struct nl_msg *message, void *argument)
{
	const struct rtnl_answer *answer = argument;

	return nlmsg_hdr(message)->nlmsg_seq == answer->sequence ? NL_OK : NL_SKIP;
}

static int heard_message(struct nl_msg *message, void *argument)
{
	struct rtnl_answer *answer = argument;
	const struct nlmsghdr *header = nlmsg_hdr(message);

	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;
	if (answer->each)
		answer->each(header, answer->context);
	return NL_OK;
}

static int heard_interrupted(struct nl_msg *message, void *argument)
{
	struct rtnl_answer *answer = argument;

	(void)message;
	answer->interrupted = true;
	return NL_OK;
}

static int heard_end(struct nl_msg *message, void *argument)
{
	struct rtnl_answer *answer = argument;

	(void)message;
	answer->done = true;
	return NL_STOP;
}

static int heard_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *argument)
{
	struct rtnl_answer *answer = argument;

	(void)from;
	answer->error = error->error;
	answer->done = true;
	return NL_STOP;
}

/** Throws away what is left of an answer: while a dump is not read to its end the kernel begins no other. */
static void pass_over(struct nl_sock *sock)
{
	char byte;

	for (uint32_t n = 0; n < RTNL_LEFT_MAX; n++)
		if (recv(nl_socket_get_fd(sock), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) < 0)
			return;
}

/** Sends, and reads until the answer is whole. */
static int exchange(struct nl_sock *sock, struct nl_msg *message, struct rtnl_answer *answer)
{
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	int error = -ENOMEM;

	if (!callbacks)
		return error;
	nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, is_for_us, answer);
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, heard_message, answer);
	nl_cb_set(callbacks, NL_CB_DUMP_INTR, NL_CB_CUSTOM, heard_interrupted, answer);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, heard_end, answer);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, heard_end, answer);
	nl_cb_err(callbacks, NL_CB_CUSTOM, heard_error, answer);
	if (nl_send_auto(sock, message) < 0) {
		error = -EIO;
		goto put;
	}
	answer->sequence = nlmsg_hdr(message)->nlmsg_seq;
	error = 0;
	while (!answer->done && !error)
		if (nl_recvmsgs(sock, callbacks) < 0 && !answer->done)
			error = -EIO;
	if (error)
		pass_over(sock);
	if (!error)
		error = answer->error;
	if (!error && answer->interrupted)
		error = -EAGAIN;
put:
	nl_cb_put(callbacks);
	return error;
}

struct nl_msg *rtnl_message(uint16_t type, uint16_t flags, const void *header, size_t bytes)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (message && nlmsg_append(message, (void *)(uintptr_t)header, bytes, NLMSG_ALIGNTO)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

int rtnl_dump(struct nl_sock *sock, uint16_t type, const void *header, size_t bytes, rtnl_each each,
	      void *context)
{
	struct rtnl_answer answer = {.each = each, .context = context};
	struct nl_msg *message = rtnl_message(type, NLM_F_DUMP, header, bytes);
	int error;

	if (!message)
		return -ENOMEM;
	error = exchange(sock, message, &answer);
	nlmsg_free(message);
	return error;
}

/* ---- links ---- */

static void copy_text(char *to, size_t bytes, struct nlattr *attribute)
{
	nla_strlcpy(to, attribute, bytes);
}

static bool copy_mac(uint8_t mac[6], struct nlattr *attribute)
{
	static const uint8_t zero[6];

	if (!attribute || nla_len(attribute) != 6)
		return false;
	memcpy(mac, nla_data(attribute), 6);
	return memcmp(mac, zero, 6) != 0;
}

bool rtnl_link_read(const struct nlmsghdr *header, struct rtnl_link *link)
{
	struct nlattr *attributes[IFLA_MAX + 1], *nested[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *info;

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return false;
	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), attributes, IFLA_MAX,
			NULL))
		return false;
	info = nlmsg_data(header);
	/* a bridge tells of its ports in the same words, a wireless driver of its events */
	if (info->ifi_family != AF_UNSPEC || !attributes[IFLA_IFNAME] || attributes[IFLA_WIRELESS])
		return false;
	memset(link, 0, sizeof(*link));
	link->deleted = header->nlmsg_type == RTM_DELLINK;
	link->moved =
		link->deleted && (attributes[IFLA_NEW_NETNSID] || attributes[IFLA_NEW_IFINDEX]);
	link->ethernet = info->ifi_type == ARPHRD_ETHER;
	link->up = info->ifi_flags & IFF_UP;
	link->carrier = link->up && (info->ifi_flags & IFF_LOWER_UP);
	link->ifindex = (uint32_t)info->ifi_index;
	copy_text(link->name, sizeof(link->name), attributes[IFLA_IFNAME]);
	if (attributes[IFLA_MTU])
		link->mtu_bytes = nla_get_u32(attributes[IFLA_MTU]);
	if (attributes[IFLA_MASTER])
		link->master = nla_get_u32(attributes[IFLA_MASTER]);
	copy_mac(link->mac, attributes[IFLA_ADDRESS]);
	link->has_permanent_mac = copy_mac(link->permanent_mac, attributes[IFLA_PERM_ADDRESS]);
	if (attributes[IFLA_LINKINFO] &&
	    !nla_parse_nested(nested, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], NULL) &&
	    nested[IFLA_INFO_KIND])
		copy_text(link->kind, sizeof(link->kind), nested[IFLA_INFO_KIND]);
	return true;
}

static void read_one(const struct nlmsghdr *header, void *context)
{
	(void)rtnl_link_read(header, context);
}

int rtnl_link_get(struct nl_sock *sock, const char *name, uint32_t ifindex, struct rtnl_link *link)
{
	struct ifinfomsg info = {.ifi_index = (int)ifindex};
	struct rtnl_answer answer = {.each = read_one, .context = link};
	struct nl_msg *message = rtnl_message(RTM_GETLINK, NLM_F_ACK, &info, sizeof(info));
	int error = -ENOMEM;

	if (!message)
		return error;
	memset(link, 0, sizeof(*link));
	if (!name || !nla_put_string(message, IFLA_IFNAME, name))
		error = exchange(sock, message, &answer);
	nlmsg_free(message);
	if (!error && !link->ifindex)
		error = -ENODEV;
	return error;
}

uint32_t rtnl_link_speed(struct nsnet *ns, const char *name)
{
	_Alignas(struct ethtool_link_settings)
		uint8_t memory[sizeof(struct ethtool_link_settings) + RTNL_MASK_BYTES] = {0};
	struct ethtool_link_settings *settings = (void *)memory;
	struct ifreq request = {.ifr_data = (char *)memory};

	settings->cmd = ETHTOOL_GLINKSETTINGS;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	/* the first call only says how many words the masks have, as a negative number */
	if (ioctl(nsnet_ioctl_fd(ns), SIOCETHTOOL, &request) < 0 ||
	    settings->link_mode_masks_nwords >= 0)
		return 0;
	settings->link_mode_masks_nwords = (int8_t)-settings->link_mode_masks_nwords;
	settings->cmd = ETHTOOL_GLINKSETTINGS;
	if (ioctl(nsnet_ioctl_fd(ns), SIOCETHTOOL, &request) < 0)
		return 0;
	return settings->speed == (uint32_t)SPEED_UNKNOWN ? 0 : settings->speed;
}
