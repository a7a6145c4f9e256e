/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_net.c - links of the live world, by rtnetlink on libnl.
 *
 * A socket speaks to the namespace in which it was opened, wherever its user is now. What each request
 * gets is the kernel's own errno (fault_talk.h).
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fault_talk.h"
#include "live_world.h"

static void on_device(const struct nlmsghdr *header, void *context)
{
	struct live_device *device = context;
	const struct ifinfomsg *info = nlmsg_data(header);
	const struct nlattr *attribute;
	struct rtnl_link_stats64 counts;
	int left;

	if (header->nlmsg_type != RTM_NEWLINK)
		return;
	device->up = info->ifi_flags & IFF_UP;
	device->ifindex = info->ifi_index;
	nlmsg_for_each_attr(attribute, header, sizeof(*info), left)
	{
		switch (nla_type(attribute)) {
		case IFLA_MTU:
			device->mtu_bytes = nla_get_u32(attribute);
			break;
		case IFLA_ADDRESS:
			if (nla_len(attribute) == LIVE_MAC_BYTES)
				memcpy(device->mac, nla_data(attribute), LIVE_MAC_BYTES);
			break;
		case IFLA_STATS64:
			if (nla_len(attribute) < (int)sizeof(counts))
				break;
			memcpy(&counts, nla_data(attribute), sizeof(counts));
			device->tx_packets = counts.tx_packets;
			device->rx_packets = counts.rx_packets;
			device->tx_bytes = counts.tx_bytes;
			device->rx_bytes = counts.rx_bytes;
			break;
		default:
			break;
		}
	}
}

/* A request about the device @name, or about a new one of that name; NULL without memory. */
static struct nl_msg *request(int type, int flags, const char *name, unsigned set, unsigned mask)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_flags = set, .ifi_change = mask};
	struct nl_msg *message = fault_talk_message(type, flags, &info, sizeof(info));

	if (!message || !nla_put_string(message, IFLA_IFNAME, name))
		return message;
	nlmsg_free(message);
	return NULL;
}

/* Takes @message, which @filled says is whole. */
static int ask_for(struct nl_sock *net, struct nl_msg *message, bool filled)
{
	if (message && filled)
		return fault_talk(net, message, NULL, NULL);
	nlmsg_free(message);
	return -ENOMEM;
}

int live_net_set_queue(struct nl_sock *net, const char *name, uint32_t frames)
{
	struct nl_msg *message = request(RTM_NEWLINK, NLM_F_ACK, name, 0, 0);

	return ask_for(net, message, message && !nla_put_u32(message, IFLA_TXQLEN, frames));
}

int live_net_open(struct nl_sock **net)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock)
		return -ENOMEM;
	if (nl_connect(sock, NETLINK_ROUTE)) {
		nl_socket_free(sock);
		return -EIO;
	}
	nl_socket_disable_auto_ack(sock); /* each request says itself what answers it */
	*net = sock;
	return 0;
}

void live_net_close(struct nl_sock *net)
{
	if (net)
		nl_socket_free(net);
}

static bool put_end(struct nl_msg *message, const struct live_end *end)
{
	return !nla_put_u32(message, IFLA_MTU, end->mtu_bytes) &&
	       !nla_put(message, IFLA_ADDRESS, LIVE_MAC_BYTES, end->mac) &&
	       (end->ns < 0 || !nla_put_u32(message, IFLA_NET_NS_FD, (uint32_t)end->ns));
}

static bool put_peer(struct nl_msg *message, const struct live_end *peer)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	return !nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO) &&
	       !nla_put_string(message, IFLA_IFNAME, peer->name) && put_end(message, peer);
}

int live_net_make_pair(struct nl_sock *net, const struct live_end *near,
		       const struct live_end *peer)
{
	struct nl_msg *message =
		request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, near->name, 0, 0);
	struct nlattr *info, *data, *end;

	if (!message || !put_end(message, near) ||
	    !(info = nla_nest_start(message, IFLA_LINKINFO)) ||
	    nla_put_string(message, IFLA_INFO_KIND, "veth") ||
	    !(data = nla_nest_start(message, IFLA_INFO_DATA)) ||
	    !(end = nla_nest_start(message, VETH_INFO_PEER)) || !put_peer(message, peer)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	nla_nest_end(message, end);
	nla_nest_end(message, data);
	nla_nest_end(message, info);
	return fault_talk(net, message, NULL, NULL);
}

int live_net_set_up(struct nl_sock *net, const char *name, bool up)
{
	return fault_talk(net, request(RTM_NEWLINK, NLM_F_ACK, name, up ? IFF_UP : 0, IFF_UP), NULL,
			  NULL);
}

int live_net_set_carrier(struct nl_sock *net, const char *name, bool on)
{
	struct nl_msg *message = request(RTM_NEWLINK, NLM_F_ACK, name, 0, 0);

	return ask_for(net, message, message && !nla_put_u8(message, IFLA_CARRIER, on));
}

int live_net_set_mtu(struct nl_sock *net, const char *name, uint32_t mtu_bytes)
{
	struct nl_msg *message = request(RTM_NEWLINK, NLM_F_ACK, name, 0, 0);

	return ask_for(net, message, message && !nla_put_u32(message, IFLA_MTU, mtu_bytes));
}

int live_net_set_mac(struct nl_sock *net, const char *name, const uint8_t *mac)
{
	struct nl_msg *message = request(RTM_NEWLINK, NLM_F_ACK, name, 0, 0);

	return ask_for(net, message,
		       message && !nla_put(message, IFLA_ADDRESS, LIVE_MAC_BYTES, mac));
}

int live_net_move(struct nl_sock *net, const char *name, int ns)
{
	struct nl_msg *message = request(RTM_NEWLINK, NLM_F_ACK, name, 0, 0);

	return ask_for(net, message,
		       message && !nla_put_u32(message, IFLA_NET_NS_FD, (uint32_t)ns));
}

static int rename_index(struct nl_sock *net, int ifindex, const char *name)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct nl_msg *message = fault_talk_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));

	return ask_for(net, message, message && !nla_put_string(message, IFLA_IFNAME, name));
}

int live_net_rename(struct nl_sock *net, const char *name, const char *to)
{
	struct live_device device;
	int err = live_net_look(net, name, &device);

	if (!err)
		err = rename_index(net, device.ifindex, to);
	if (err != -EBUSY)
		return err;
	/* kernels before 6.2 rename only what is down */
	err = live_net_set_up(net, name, false);
	if (!err)
		err = rename_index(net, device.ifindex, to);
	return err ? err : live_net_set_up(net, to, device.up);
}

int live_net_delete(struct nl_sock *net, const char *name)
{
	return fault_talk(net, request(RTM_DELLINK, NLM_F_ACK, name, 0, 0), NULL, NULL);
}

int live_net_look(struct nl_sock *net, const char *name, struct live_device *device)
{
	memset(device, 0, sizeof(*device));
	return fault_talk(net, request(RTM_GETLINK, 0, name, 0, 0), on_device, device);
}
