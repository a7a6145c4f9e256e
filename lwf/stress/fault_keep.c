/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_keep.c - addresses and routes of an interface, kept to be given back; default routes.
 *
 * An interface that goes down loses its routes and its IPv6 addresses, one that is deleted all. A
 * message of a dump is nearly the request that made what it tells, as with `ip route save`: so the
 * messages are kept as requests. What the kernel makes by itself, or hears from a router, is left
 * out.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fault_net.h"
#include "fault_talk.h"
#include "leftovers.h"

/* The fixed part and its attributes; @head is its size. */
static struct nlattr *find(const struct nlmsghdr *header, size_t head, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header, (int)head, type);
}

static bool is(const struct nlattr *attribute, uint32_t value)
{
	return attribute && nla_len(attribute) >= 4 && nla_get_u32(attribute) == value;
}

/* ---- keeping ---- */

static struct nlmsghdr *append(struct fault_keep *keep, const struct nlmsghdr *header)
{
	size_t need = keep->used + NLMSG_ALIGN(header->nlmsg_len);
	struct nlmsghdr *kept;
	uint8_t *grown;

	if (need > FAULT_KEEP_BYTES) {
		keep->error = -EMSGSIZE;
		return NULL;
	}
	grown = realloc(keep->bytes, need);
	if (!grown) {
		keep->error = -ENOMEM;
		return NULL;
	}
	keep->bytes = grown;
	memset(grown + keep->used, 0, need - keep->used);
	kept = (void *)(grown + keep->used);
	memcpy(kept, header, header->nlmsg_len);
	kept->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	kept->nlmsg_seq = kept->nlmsg_pid = 0;
	keep->used = need;
	return kept;
}

static void on_address(const struct nlmsghdr *header, void *context)
{
	const struct ifaddrmsg *address = nlmsg_data(header);
	struct fault_keep *keep = context;
	bool made = address->ifa_family == AF_INET6 &&
		    (address->ifa_scope == RT_SCOPE_LINK || (address->ifa_flags & IFA_F_TEMPORARY));

	if (header->nlmsg_type == RTM_NEWADDR && address->ifa_index == keep->ifindex && !made)
		append(keep, header);
}

struct routes {
	struct fault_keep *keep;
	bool gateways; /* those with a gateway, else those without: it must be reachable first */
};

static void on_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct routes *routes = context;
	struct rtmsg *kept;
	struct nlmsghdr *request;
	bool gateway =
		find(header, sizeof(*route), RTA_GATEWAY) || find(header, sizeof(*route), RTA_VIA);

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST ||
	    route->rtm_table == RT_TABLE_LOCAL || (route->rtm_flags & RTM_F_CLONED) ||
	    route->rtm_protocol == RTPROT_KERNEL || route->rtm_protocol == RTPROT_RA ||
	    gateway != routes->gateways ||
	    !is(find(header, sizeof(*route), RTA_OIF), routes->keep->ifindex))
		return;
	request = append(routes->keep, header);
	if (!request)
		return;
	kept = nlmsg_data(request);
	kept->rtm_flags &= RTNH_F_ONLINK; /* the others are reports, and refused in a request */
}

static int dump_routes(struct nl_sock *net, fault_talk_heard *heard, void *context)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int err = 0;

	for (unsigned i = 0; !err && i < 2; i++) {
		const struct rtmsg head = {.rtm_family = families[i]};

		err = fault_talk(net,
				 fault_talk_message(RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head)),
				 heard, context);
	}
	return err;
}

int fault_keep_take(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep)
{
	const struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
	int err;

	memset(keep, 0, sizeof(*keep));
	keep->ifindex = ifindex;
	err = fault_talk(net, fault_talk_message(RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head)),
			 on_address, keep);
	for (int pass = 0; !err && pass < 2; pass++) {
		struct routes routes = {keep, pass == 1};

		err = dump_routes(net, on_route, &routes);
	}
	err = err ? err : keep->error;
	if (err)
		fault_keep_free(keep);
	return err;
}

void fault_keep_free(struct fault_keep *keep)
{
	free(keep->bytes);
	memset(keep, 0, sizeof(*keep));
}

/* ---- giving back ---- */

static void retarget(struct nlmsghdr *header, uint32_t ifindex)
{
	struct nlattr *oif;

	if (header->nlmsg_type == RTM_NEWADDR) {
		((struct ifaddrmsg *)nlmsg_data(header))->ifa_index = ifindex;
		return;
	}
	oif = find(header, sizeof(struct rtmsg), RTA_OIF);
	if (oif)
		memcpy(nla_data(oif), &ifindex, sizeof(ifindex));
}

void fault_keep_give(struct nl_sock *net, uint32_t ifindex, const struct fault_keep *keep)
{
	size_t left = keep->used;

	for (struct nlmsghdr *header = (void *)keep->bytes; left && NLMSG_OK(header, left);
	     header = NLMSG_NEXT(header, left))
		retarget(header, ifindex);
	if (keep->used)
		lwf_netlink_play(nl_socket_get_fd(net), keep->bytes, keep->used, NULL);
}

/* ---- default routes ---- */

struct defaults {
	uint32_t *ifindex, *count;
};

static void add_default(struct defaults *defaults, uint32_t ifindex)
{
	if (ifindex && *defaults->count < FAULT_ROUTES_MAX)
		defaults->ifindex[(*defaults->count)++] = ifindex;
}

static void on_default(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = nlmsg_data(header);
	const struct nlattr *oif = find(header, sizeof(*route), RTA_OIF);
	const struct nlattr *hops = find(header, sizeof(*route), RTA_MULTIPATH);
	struct defaults *defaults = context;

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 ||
	    route->rtm_type != RTN_UNICAST || route->rtm_table == RT_TABLE_LOCAL)
		return;
	if (oif && nla_len(oif) >= 4)
		add_default(defaults, nla_get_u32(oif));
	if (hops) {
		const struct rtnexthop *hop = nla_data(hops);
		int left = nla_len(hops);

		for (; RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
			add_default(defaults, (uint32_t)hop->rtnh_ifindex);
			left -= (int)RTNH_ALIGN(hop->rtnh_len);
		}
	}
}

int fault_net_default_routes(struct nl_sock *net, uint32_t *ifindex, uint32_t *count)
{
	struct defaults defaults = {ifindex, count};

	*count = 0;
	return dump_routes(net, on_default, &defaults);
}
