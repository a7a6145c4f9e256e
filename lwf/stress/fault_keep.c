/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_keep.c - addresses, routes and neighbours of an interface, kept to be given back; default routes.
 *
 * An interface that goes down loses its routes and its IPv6 addresses, one that is deleted all. A
 * message of a dump is nearly the request that made what it tells, as with `ip route save`: so the
 * messages are kept as requests. What the kernel makes by itself, or hears from a router, is left
 * out. VLANs upon the interface go down with it, and what they lose is kept, too. What could not be given
 * back makes the whole an error: then nothing is taken away.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fault_net.h"
#include "fault_talk.h"
#include "leftovers.h"

#define MESSAGE_BYTES 8192u /* that lwf_netlink_play() takes */
#define TAKES	      8u    /* of dumps that are interrupted */

/* The fixed part and its attributes; @head is its size. */
static struct nlattr *find(const struct nlmsghdr *header, size_t head, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header, (int)head, type);
}

/* RTNH_OK() alone reads behind the last one. */
static bool is_hop(const struct rtnexthop *hop, int left)
{
	return left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
}

/* ---- keeping ---- */

static struct nlmsghdr *append(struct fault_keep *keep, const struct nlmsghdr *header)
{
	size_t need = keep->used + NLMSG_ALIGN(header->nlmsg_len);
	struct nlmsghdr *kept;
	uint8_t *grown;

	if (need > FAULT_KEEP_BYTES || header->nlmsg_len > MESSAGE_BYTES) {
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

static bool is_kept(const struct fault_keep *keep, uint32_t ifindex)
{
	for (uint32_t i = 0; i < keep->count; i++)
		if (keep->of[i] == ifindex)
			return true;
	return false;
}

static void look(const struct nlmsghdr *header, struct fault_keep *keep)
{
	if (header->nlmsg_flags & NLM_F_DUMP_INTR && !keep->error)
		keep->error = -EAGAIN;
}

static void on_address(const struct nlmsghdr *header, void *context)
{
	const struct ifaddrmsg *address = nlmsg_data(header);
	struct fault_keep *keep = context;
	bool made = address->ifa_family == AF_INET6 &&
		    (address->ifa_scope == RT_SCOPE_LINK || (address->ifa_flags & IFA_F_TEMPORARY));

	look(header, keep);
	if (header->nlmsg_type == RTM_NEWADDR && is_kept(keep, address->ifa_index) && !made)
		append(keep, header);
}

/* Those that somebody has set; the others are found out again. */
static void on_neighbour(const struct nlmsghdr *header, void *context)
{
	const struct ndmsg *neighbour = nlmsg_data(header);
	struct fault_keep *keep = context;
	struct nlmsghdr *request;

	look(header, keep);
	if (header->nlmsg_type != RTM_NEWNEIGH ||
	    !is_kept(keep, (uint32_t)neighbour->ndm_ifindex) ||
	    !(neighbour->ndm_state & NUD_PERMANENT || neighbour->ndm_flags & NTF_PROXY))
		return;
	request = append(keep, header);
	if (request) /* one may have been found out meanwhile */
		request->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
}

static void on_nexthop(const struct nlmsghdr *header, void *context)
{
	struct fault_keep *keep = context;
	const struct nlattr *oif = find(header, sizeof(struct nhmsg), NHA_OIF);

	if (header->nlmsg_type == RTM_NEWNEXTHOP && oif && nla_len(oif) >= 4 &&
	    is_kept(keep, nla_get_u32(oif)))
		keep->error = -EXDEV;
}

struct routes {
	struct fault_keep *keep;
	bool gateways; /* those with a gateway, else those without: it must be reachable first */
};

/* Does one of @hops go through what is kept? As requests take them, when @clean. */
static bool read_hops(struct nlattr *hops, const struct fault_keep *keep, bool clean)
{
	struct rtnexthop *hop = nla_data(hops);
	bool ours = false;

	for (int left = nla_len(hops); is_hop(hop, left); hop = RTNH_NEXT(hop)) {
		ours |= is_kept(keep, (uint32_t)hop->rtnh_ifindex);
		if (clean)
			hop->rtnh_flags &= RTNH_F_ONLINK;
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
	}
	return ours;
}

static void on_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct routes *routes = context;
	struct rtmsg *kept;
	struct nlmsghdr *request;
	struct nlattr *hops = find(header, sizeof(*route), RTA_MULTIPATH);
	const struct nlattr *oif = find(header, sizeof(*route), RTA_OIF);
	bool gateway = hops || find(header, sizeof(*route), RTA_GATEWAY) ||
		       find(header, sizeof(*route), RTA_VIA);

	look(header, routes->keep);
	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST ||
	    route->rtm_table == RT_TABLE_LOCAL || (route->rtm_flags & RTM_F_CLONED) ||
	    route->rtm_protocol == RTPROT_KERNEL || route->rtm_protocol == RTPROT_RA ||
	    gateway != routes->gateways ||
	    !(hops ? read_hops(hops, routes->keep, false)
		   : oif && nla_len(oif) >= 4 && is_kept(routes->keep, nla_get_u32(oif))))
		return;
	request = append(routes->keep, header);
	if (!request)
		return;
	if (hops) {
		/* some of its hops may be left */
		request->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
		(void)read_hops(find(request, sizeof(*kept), RTA_MULTIPATH), routes->keep, true);
	}
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

struct vlans {
	struct fault_keep *keep;
	bool more;
};

static bool on_vlan(const struct fault_device *device, void *context)
{
	struct vlans *vlans = context;
	struct fault_keep *keep = vlans->keep;

	if (strcmp(device->kind, "vlan") != 0 || device->link_nsid >= 0 ||
	    !is_kept(keep, device->link) || is_kept(keep, device->ifindex))
		return false;
	if (keep->count == FAULT_KEEP_LINKS) {
		keep->error = -EMSGSIZE;
		return true;
	}
	keep->of[keep->count++] = device->ifindex;
	vlans->more = true;
	return false;
}

/* The interface, and VLANs upon it, and upon them. */
static int find_links(struct nl_sock *net, struct fault_keep *keep)
{
	struct vlans vlans = {keep, true};
	int err = 0;

	while (!err && !keep->error && vlans.more) {
		vlans.more = false;
		err = fault_net_each(net, on_vlan, &vlans);
	}
	return err;
}

static int dump(struct nl_sock *net, int type, const void *head, size_t bytes,
		fault_talk_heard *heard, struct fault_keep *keep)
{
	return fault_talk(net, fault_talk_message(type, NLM_F_DUMP, head, bytes), heard, keep);
}

static int take(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep)
{
	const struct ifaddrmsg address = {.ifa_family = AF_UNSPEC};
	const struct nhmsg nexthop = {.nh_family = AF_UNSPEC};
	const struct ndmsg neighbour[] = {{.ndm_family = AF_UNSPEC},
					  {.ndm_family = AF_UNSPEC, .ndm_flags = NTF_PROXY}};
	int err;

	*keep = (struct fault_keep){.ifindex = ifindex, .of = {ifindex}, .count = 1};
	err = find_links(net, keep);
	if (!err)
		err = dump(net, RTM_GETADDR, &address, sizeof(address), on_address, keep);
	for (int i = 0; !err && i < 2; i++)
		err = dump(net, RTM_GETNEIGH, &neighbour[i], sizeof(neighbour[i]), on_neighbour,
			   keep);
	if (!err) /* kernels without them have none */
		(void)dump(net, RTM_GETNEXTHOP, &nexthop, sizeof(nexthop), on_nexthop, keep);
	for (int pass = 0; !err && pass < 2; pass++) {
		struct routes routes = {keep, pass == 1};

		err = dump_routes(net, on_route, &routes);
	}
	return err ? err : keep->error;
}

int fault_keep_take(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep)
{
	int err = take(net, ifindex, keep);

	for (unsigned i = 1; err == -EAGAIN && i < TAKES; i++) {
		fault_keep_free(keep);
		err = take(net, ifindex, keep);
	}
	if (err)
		fault_keep_free(keep);
	keep->error = err;
	return err;
}

const char *fault_keep_problem(const struct fault_keep *keep)
{
	switch (keep->error) {
	case 0:
		return NULL;
	case -EMSGSIZE:
		return "it has more addresses, routes and VLANs than could be given back (1 MiB)";
	case -EXDEV:
		return "it is in a nexthop object, which could not be given back";
	default:
		return "its addresses and routes, which would be lost, cannot be read";
	}
}

void fault_keep_free(struct fault_keep *keep)
{
	free(keep->bytes);
	memset(keep, 0, sizeof(*keep));
}

/* ---- giving back ---- */

static void retarget_hops(struct nlattr *hops, uint32_t from, uint32_t to)
{
	struct rtnexthop *hop = nla_data(hops);

	for (int left = nla_len(hops); is_hop(hop, left); hop = RTNH_NEXT(hop)) {
		if ((uint32_t)hop->rtnh_ifindex == from)
			hop->rtnh_ifindex = (int)to;
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
	}
}

static void retarget(struct nlmsghdr *header, uint32_t from, uint32_t to)
{
	struct ifaddrmsg *address = nlmsg_data(header);
	struct ndmsg *neighbour = nlmsg_data(header);
	struct nlattr *oif, *hops;

	if (header->nlmsg_type == RTM_NEWADDR) {
		address->ifa_index = address->ifa_index == from ? to : address->ifa_index;
		return;
	}
	if (header->nlmsg_type == RTM_NEWNEIGH) {
		if ((uint32_t)neighbour->ndm_ifindex == from)
			neighbour->ndm_ifindex = (int)to;
		return;
	}
	oif = find(header, sizeof(struct rtmsg), RTA_OIF);
	hops = find(header, sizeof(struct rtmsg), RTA_MULTIPATH);
	if (oif && nla_get_u32(oif) == from)
		memcpy(nla_data(oif), &to, sizeof(to));
	if (hops)
		retarget_hops(hops, from, to);
}

int fault_keep_give(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep)
{
	size_t left = keep->used;
	int err = 0;

	for (struct nlmsghdr *header = (void *)keep->bytes; left && NLMSG_OK(header, left);
	     header = NLMSG_NEXT(header, left))
		retarget(header, keep->ifindex, ifindex);
	keep->ifindex = ifindex;
	if (keep->used)
		lwf_netlink_play(nl_socket_get_fd(net), keep->bytes, keep->used, &err);
	return err;
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

		for (; is_hop(hop, left); hop = RTNH_NEXT(hop)) {
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
