/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_net.c - links by rtnetlink; see fault_net.h. fault_keep.c has addresses and routes.
 *
 * The kernel answers inside of the call, so nothing here waits. A dump that the kernel calls
 * interrupted is taken as it is: what it was for is looked at again when it is used.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fault_net.h"
#include "fault_talk.h"

struct answer {
	fault_talk_heard *heard;
	void *context;
	int error;
	bool done;
};

static int on_message(struct nl_msg *message, void *context)
{
	struct answer *answer = context;

	if (answer->heard)
		answer->heard(nlmsg_hdr(message), answer->context);
	if (!(nlmsg_hdr(message)->nlmsg_flags & NLM_F_MULTI))
		answer->done = true;
	return NL_OK;
}

static int on_end(struct nl_msg *message, void *context)
{
	(void)message;
	((struct answer *)context)->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *context)
{
	struct answer *answer = context;

	(void)from;
	answer->error = error->error;
	answer->done = true;
	return NL_STOP;
}

int fault_talk(struct nl_sock *net, struct nl_msg *message, fault_talk_heard *heard, void *context)
{
	struct answer answer = {.heard = heard, .context = context};
	struct nl_cb *callbacks = message ? nl_cb_alloc(NL_CB_DEFAULT) : NULL;

	if (!callbacks) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_message, &answer);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, &answer);
	if (nl_send_auto(net, message) < 0)
		answer.error = -EIO;
	while (!answer.done && !answer.error)
		if (nl_recvmsgs(net, callbacks) < 0 && !answer.done)
			answer.error = -EIO;
	nl_cb_put(callbacks);
	nlmsg_free(message);
	return answer.error;
}

struct nl_msg *fault_talk_message(int type, int flags, const void *head, size_t bytes)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (message && !nlmsg_append(message, (void *)(uintptr_t)head, bytes, NLMSG_ALIGNTO))
		return message;
	nlmsg_free(message);
	return NULL;
}

/* ---- looking ---- */

static uint32_t number(const struct nlattr *attribute)
{
	return attribute && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : 0;
}

static void read_tap(const struct nlattr *data, struct fault_device *device)
{
	const struct nlattr *attribute = nla_find(nla_data(data), nla_len(data), IFLA_TUN_PERSIST);

	device->tap_persists = attribute && nla_len(attribute) >= 1 && nla_get_u8(attribute) != 0;
	attribute = nla_find(nla_data(data), nla_len(data), IFLA_TUN_OWNER);
	if (attribute)
		device->tap_owner = number(attribute);
	attribute = nla_find(nla_data(data), nla_len(data), IFLA_TUN_GROUP);
	if (attribute)
		device->tap_group = number(attribute);
}

static void read_kind(const struct nlattr *info, struct fault_device *device)
{
	const struct nlattr *kind = nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND);
	const struct nlattr *data = nla_find(nla_data(info), nla_len(info), IFLA_INFO_DATA);

	if (kind)
		nla_strlcpy(device->kind, kind, sizeof(device->kind));
	if (data && strcmp(device->kind, "tun") == 0)
		read_tap(data, device);
}

static void on_link(const struct nlmsghdr *header, void *context)
{
	struct fault_device *device = context;
	const struct ifinfomsg *info = nlmsg_data(header);
	const struct nlattr *attribute;
	int left;

	if (header->nlmsg_type != RTM_NEWLINK)
		return;
	device->ifindex = (uint32_t)info->ifi_index;
	device->up = info->ifi_flags & IFF_UP;
	nlmsg_for_each_attr(attribute, header, sizeof(*info), left)
	{
		switch (nla_type(attribute)) {
		case IFLA_IFNAME:
			nla_strlcpy(device->name, attribute, sizeof(device->name));
			break;
		case IFLA_IFALIAS:
			nla_strlcpy(device->alias, attribute, sizeof(device->alias));
			break;
		case IFLA_MTU:
			device->mtu_bytes = number(attribute);
			break;
		case IFLA_MIN_MTU:
			device->least_mtu_bytes = number(attribute);
			break;
		case IFLA_MAX_MTU:
			device->most_mtu_bytes = number(attribute);
			break;
		case IFLA_TXQLEN:
			device->queue_frames = number(attribute);
			break;
		case IFLA_MASTER:
			device->master = number(attribute);
			break;
		case IFLA_LINK:
			device->link = number(attribute);
			break;
		case IFLA_LINK_NETNSID:
			device->link_nsid = (int)number(attribute);
			break;
		case IFLA_CARRIER:
			device->carrier = nla_len(attribute) >= 1 && nla_get_u8(attribute) != 0;
			break;
		case IFLA_ADDRESS:
			if (nla_len(attribute) == sizeof(device->mac))
				memcpy(device->mac, nla_data(attribute), sizeof(device->mac));
			break;
		case IFLA_LINKINFO:
			read_kind(attribute, device);
			break;
		default:
			break;
		}
	}
}

static void begin(struct fault_device *device)
{
	memset(device, 0, sizeof(*device));
	device->link_nsid = -1;
	device->tap_owner = device->tap_group = UINT32_MAX;
}

int fault_net_look(struct nl_sock *net, const char *name, uint32_t ifindex,
		   struct fault_device *device)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				       .ifi_index = name ? 0 : (int)ifindex};
	struct nl_msg *message = fault_talk_message(RTM_GETLINK, 0, &info, sizeof(info));

	begin(device);
	if (message && name && nla_put_string(message, IFLA_IFNAME, name)) {
		nlmsg_free(message);
		message = NULL;
	}
	return fault_talk(net, message, on_link, device);
}

struct each {
	bool (*fn)(const struct fault_device *device, void *context);
	void *context;
	bool enough;
};

static void on_each(const struct nlmsghdr *header, void *context)
{
	struct each *each = context;
	struct fault_device device;

	if (header->nlmsg_type != RTM_NEWLINK || each->enough)
		return;
	begin(&device);
	on_link(header, &device);
	each->enough = each->fn(&device, each->context);
}

int fault_net_each(struct nl_sock *net,
		   bool (*fn)(const struct fault_device *device, void *context), void *context)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct each each = {fn, context, false};

	return fault_talk(net, fault_talk_message(RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info)),
			  on_each, &each);
}

/* ---- setting ---- */

/* An order to the interface @ifindex, with one attribute. */
static int set(struct nl_sock *net, uint32_t ifindex, int attribute, const void *data, size_t bytes)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct nl_msg *message = fault_talk_message(RTM_SETLINK, NLM_F_ACK, &info, sizeof(info));

	if (message && nla_put(message, attribute, (int)bytes, data)) {
		nlmsg_free(message);
		message = NULL;
	}
	return fault_talk(net, message, NULL, NULL);
}

int fault_net_set_up(struct nl_sock *net, uint32_t ifindex, bool up)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				       .ifi_index = (int)ifindex,
				       .ifi_flags = up ? IFF_UP : 0,
				       .ifi_change = IFF_UP};

	return fault_talk(net, fault_talk_message(RTM_SETLINK, NLM_F_ACK, &info, sizeof(info)),
			  NULL, NULL);
}

int fault_net_set_mtu(struct nl_sock *net, uint32_t ifindex, uint32_t mtu_bytes)
{
	return set(net, ifindex, IFLA_MTU, &mtu_bytes, sizeof(mtu_bytes));
}

int fault_net_set_mac(struct nl_sock *net, uint32_t ifindex, const uint8_t mac[6])
{
	return set(net, ifindex, IFLA_ADDRESS, mac, 6);
}

int fault_net_set_name(struct nl_sock *net, uint32_t ifindex, const char *name)
{
	return set(net, ifindex, IFLA_IFNAME, name, strlen(name) + 1);
}

int fault_net_set_alias(struct nl_sock *net, uint32_t ifindex, const char *alias)
{
	return set(net, ifindex, IFLA_IFALIAS, alias, strlen(alias) + 1);
}

int fault_net_set_master(struct nl_sock *net, uint32_t ifindex, uint32_t master)
{
	return set(net, ifindex, IFLA_MASTER, &master, sizeof(master));
}

int fault_net_set_carrier(struct nl_sock *net, uint32_t ifindex, bool on)
{
	uint8_t carrier = on;

	return set(net, ifindex, IFLA_CARRIER, &carrier, sizeof(carrier));
}

int fault_net_move(struct nl_sock *net, uint32_t ifindex, int ns)
{
	uint32_t fd = (uint32_t)ns;

	return set(net, ifindex, IFLA_NET_NS_FD, &fd, sizeof(fd));
}

int fault_net_delete(struct nl_sock *net, uint32_t ifindex)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};

	return fault_talk(net, fault_talk_message(RTM_DELLINK, NLM_F_ACK, &info, sizeof(info)),
			  NULL, NULL);
}

/* ---- making ---- */

static bool put_device(struct nl_msg *message, const struct fault_device *device)
{
	return !nla_put_string(message, IFLA_IFNAME, device->name) &&
	       !nla_put_u32(message, IFLA_MTU, device->mtu_bytes) &&
	       !nla_put(message, IFLA_ADDRESS, sizeof(device->mac), device->mac);
}

static bool put_peer(struct nl_msg *message, const struct fault_device *peer, int peer_ns)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nlattr *data = nla_nest_start(message, IFLA_INFO_DATA);
	struct nlattr *end = data ? nla_nest_start(message, VETH_INFO_PEER) : NULL;

	if (!end || nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO) ||
	    !put_device(message, peer) || nla_put_u32(message, IFLA_NET_NS_FD, (uint32_t)peer_ns))
		return false;
	nla_nest_end(message, end);
	nla_nest_end(message, data);
	return true;
}

int fault_net_make(struct nl_sock *net, const struct fault_device *device,
		   const struct fault_device *peer, int peer_ns)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
	struct nl_msg *message = fault_talk_message(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &head, sizeof(head));
	struct nlattr *info;

	if (!message)
		return -ENOMEM;
	if (!put_device(message, device) || !(info = nla_nest_start(message, IFLA_LINKINFO)) ||
	    nla_put_string(message, IFLA_INFO_KIND, device->kind) ||
	    (peer && !put_peer(message, peer, peer_ns))) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	nla_nest_end(message, info);
	return fault_talk(net, message, NULL, NULL);
}

/* ---- namespaces ---- */

static void on_nsid(const struct nlmsghdr *header, void *context)
{
	const struct nlattr *attribute = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header,
							 sizeof(struct rtgenmsg), NETNSA_NSID);

	if (header->nlmsg_type == RTM_NEWNSID && attribute && nla_len(attribute) >= 4)
		*(int *)context = nla_get_s32(attribute);
}

int fault_net_nsid(struct nl_sock *net, int ns, int *nsid)
{
	const struct rtgenmsg head = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *message = fault_talk_message(RTM_GETNSID, 0, &head, sizeof(head));

	*nsid = -1;
	if (message && nla_put_u32(message, NETNSA_FD, (uint32_t)ns)) {
		nlmsg_free(message);
		message = NULL;
	}
	return fault_talk(net, message, on_nsid, nsid);
}
