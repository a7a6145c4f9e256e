/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtconf.c - addresses and routes of an interface as requests; see rtconf.h.
 *
 * A line of a dump is nearly the request that made it. What the kernel only reports (times since
 * creation, states of next hops) is left out, the rest is copied attribute by attribute.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "guardian.h"
#include "rtconf.h"
#include "rtnl.h"

#define MESSAGE_BYTES 4096u /* one request */
#define REQUESTS_MAX  4096u
#define IFA_FLAGS_KEPT                                                                  \
	(IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | \
	 IFA_F_MCAUTOJOIN)

struct collect {
	struct rtconf *conf;
	uint32_t ifindex;
	bool gateways; /* routes: those with a gateway, else those without */
};

struct seen {
	bool through; /* the interface asked for */
	bool gateway, nexthop_object;
};

int rtconf_append(struct rtconf *conf, const void *requests, size_t bytes)
{
	size_t need = conf->used + NLMSG_ALIGN(bytes);

	if (need > GUARDIAN_REQUESTS_MAX_BYTES / 4)
		return -EMSGSIZE;
	if (need > conf->size) {
		size_t size = need * 2;
		uint8_t *grown = realloc(conf->bytes, size);

		if (!grown)
			return -ENOMEM;
		memset(grown + conf->size, 0, size - conf->size);
		conf->bytes = grown;
		conf->size = size;
	}
	memcpy(conf->bytes + conf->used, requests, bytes);
	conf->used = need;
	return 0;
}

static void append_request(struct rtconf *conf, const struct nlmsghdr *header)
{
	int error = conf->error ? conf->error : rtconf_append(conf, header, header->nlmsg_len);

	if (error)
		conf->error = error;
	else
		conf->count++;
}

void rtconf_free(struct rtconf *conf)
{
	free(conf->bytes);
	memset(conf, 0, sizeof(*conf));
}

/* ---- copying one message ---- */

union message {
	struct nlmsghdr header;
	uint8_t bytes[MESSAGE_BYTES];
};

/** Starts a request of @type with the fixed part of @from. */
static void *copy_head(union message *to, const struct nlmsghdr *from, uint16_t flags, size_t bytes)
{
	memset(to, 0, NLMSG_LENGTH(bytes));
	to->header.nlmsg_type = from->nlmsg_type;
	to->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	to->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(bytes);
	return memcpy(NLMSG_DATA(&to->header), NLMSG_DATA(from), bytes);
}

static struct rtattr *copy_attribute(union message *to, uint16_t type, const void *data,
				     size_t bytes)
{
	size_t at = NLMSG_ALIGN(to->header.nlmsg_len);
	struct rtattr *attribute = (void *)(to->bytes + at);

	if (at + RTA_SPACE(bytes) > sizeof(to->bytes))
		return NULL;
	memset(attribute, 0, RTA_SPACE(bytes));
	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
	memcpy(RTA_DATA(attribute), data, bytes);
	to->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(bytes));
	return attribute;
}

/* ---- addresses ---- */

static bool is_kernels(const struct ifaddrmsg *address, uint32_t flags)
{
	return address->ifa_family == AF_INET6 &&
	       (address->ifa_scope == RT_SCOPE_LINK || (flags & IFA_F_TEMPORARY));
}

static uint32_t address_flags(const struct nlmsghdr *header)
{
	const struct ifaddrmsg *address = NLMSG_DATA(header);
	const struct rtattr *attribute = IFA_RTA(address);
	size_t bytes = IFA_PAYLOAD(header);
	uint32_t flags = address->ifa_flags;

	for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes))
		if (attribute->rta_type == IFA_FLAGS && RTA_PAYLOAD(attribute) >= sizeof(flags))
			memcpy(&flags, RTA_DATA(attribute), sizeof(flags));
	return flags;
}

static void collect_address(const struct nlmsghdr *header, void *context)
{
	const struct ifaddrmsg *address = NLMSG_DATA(header);
	const struct rtattr *attribute = IFA_RTA(address);
	struct collect *collect = context;
	struct ifaddrmsg *copied;
	union message request;
	uint32_t flags;
	size_t bytes;

	if (header->nlmsg_type != RTM_NEWADDR || header->nlmsg_len < NLMSG_LENGTH(sizeof(*address)))
		return;
	flags = address_flags(header);
	if (address->ifa_index != collect->ifindex || is_kernels(address, flags))
		return;
	copied = copy_head(&request, header, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*address));
	copied->ifa_flags = 0;
	flags &= IFA_FLAGS_KEPT;
	if (address->ifa_family == AF_INET6)
		flags |= IFA_F_NODAD; /* it is ours already */
	(void)copy_attribute(&request, IFA_FLAGS, &flags, sizeof(flags));
	bytes = IFA_PAYLOAD(header);
	for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes)) {
		switch (attribute->rta_type) {
		case IFA_ADDRESS:
		case IFA_LOCAL:
		case IFA_BROADCAST:
		case IFA_CACHEINFO:
		case IFA_RT_PRIORITY:
			(void)copy_attribute(&request, attribute->rta_type, RTA_DATA(attribute),
					     RTA_PAYLOAD(attribute));
		}
	}
	append_request(collect->conf, &request.header);
}

/** One dump, again when the kernel says that it changed meanwhile. */
static int dump(struct nl_sock *sock, uint16_t type, const void *head, size_t bytes, rtnl_each each,
		struct collect *collect)
{
	struct rtconf before = *collect->conf;
	int error = -EAGAIN;

	for (uint32_t tries = 0; error == -EAGAIN && tries < RTNL_DUMP_TRIES_MAX; tries++) {
		struct rtconf *conf = collect->conf;

		conf->used = before.used;
		conf->count = before.count;
		conf->skipped = before.skipped;
		error = rtnl_dump(sock, type, head, bytes, each, collect);
		if (!error)
			error = conf->error;
	}
	return error;
}

int rtconf_addresses(struct nl_sock *sock, uint32_t ifindex, struct rtconf *conf)
{
	static const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
	struct collect collect = {.conf = conf, .ifindex = ifindex};

	return dump(sock, RTM_GETADDR, &all, sizeof(all), collect_address, &collect);
}

/* ---- routes ---- */

/** True when one of the next hops is @ifindex; clears what the kernel only reports of them. */
static bool clean_hops(struct rtattr *multipath, uint32_t ifindex)
{
	struct rtnexthop *hop = RTA_DATA(multipath);
	size_t left = RTA_PAYLOAD(multipath);
	bool through = false;

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		size_t step = RTNH_ALIGN(hop->rtnh_len);

		through |= (uint32_t)hop->rtnh_ifindex == ifindex;
		hop->rtnh_flags &= RTNH_F_ONLINK;
		if (step >= left)
			break;
		left -= step;
		hop = (void *)((uint8_t *)hop + step);
	}
	return through;
}

/** Copies the attributes of a route. False when it does not fit. */
static bool copy_route(union message *request, const struct nlmsghdr *header, uint32_t ifindex,
		       struct seen *seen)
{
	const struct rtmsg *route = NLMSG_DATA(header);
	const struct rtattr *attribute = RTM_RTA(route);
	size_t bytes = RTM_PAYLOAD(header);

	for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes)) {
		uint16_t type = (uint16_t)(attribute->rta_type & NLA_TYPE_MASK);
		struct rtattr *copied;

		if (type == RTA_CACHEINFO || type == RTA_MFC_STATS)
			continue;
		copied = copy_attribute(request, attribute->rta_type, RTA_DATA(attribute),
					RTA_PAYLOAD(attribute));
		if (!copied)
			return false;
		seen->nexthop_object |= type == RTA_NH_ID;
		seen->gateway |= type == RTA_GATEWAY || type == RTA_VIA || type == RTA_MULTIPATH;
		if (type == RTA_MULTIPATH)
			seen->through |= clean_hops(copied, ifindex);
		else if (type == RTA_OIF && RTA_PAYLOAD(attribute) == sizeof(ifindex))
			seen->through |= !memcmp(RTA_DATA(attribute), &ifindex, sizeof(ifindex));
	}
	return true;
}

static void collect_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = NLMSG_DATA(header);
	struct collect *collect = context;
	struct seen seen = {0};
	struct rtmsg *copied;
	union message request;
	bool whole;

	if (header->nlmsg_type != RTM_NEWROUTE || header->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return;
	if (route->rtm_table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST ||
	    route->rtm_protocol == RTPROT_KERNEL || (route->rtm_flags & RTM_F_CLONED))
		return;
	copied = copy_head(&request, header, NLM_F_CREATE, sizeof(*route));
	copied->rtm_flags &= RTNH_F_ONLINK;
	whole = copy_route(&request, header, collect->ifindex, &seen);
	if (!seen.through || seen.gateway != collect->gateways)
		return;
	if (seen.nexthop_object || !whole)
		collect->conf->skipped++;
	else
		append_request(collect->conf, &request.header);
}

int rtconf_routes(struct nl_sock *sock, uint32_t ifindex, struct rtconf *conf)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct collect collect = {.conf = conf, .ifindex = ifindex};
	int error = 0;

	/* a gateway must be reachable when its route is made: routes without one come first */
	for (int pass = 0; pass < 2; pass++) {
		collect.gateways = pass == 1;
		for (size_t n = 0; !error && n < sizeof(families); n++) {
			const struct rtmsg all = {.rtm_family = families[n]};

			error = dump(sock, RTM_GETROUTE, &all, sizeof(all), collect_route,
				     &collect);
		}
	}
	return error;
}

/* ---- the other way ---- */

int rtconf_append_inverse(struct rtconf *conf, const struct rtconf *other)
{
	const struct nlmsghdr **list;
	const struct nlmsghdr *header = (const void *)other->bytes;
	size_t left = other->used;
	uint32_t count = 0;
	int error = 0;

	if (!other->count)
		return 0;
	list = calloc(other->count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (; count < other->count && NLMSG_OK(header, left); header = NLMSG_NEXT(header, left))
		list[count++] = header;
	while (!error && count--) {
		size_t at = conf->used;
		struct nlmsghdr *inverse;

		error = rtconf_append(conf, list[count], list[count]->nlmsg_len);
		if (error)
			break;
		inverse = (void *)(conf->bytes + at);
		inverse->nlmsg_type++; /* RTM_NEW... and 1 is RTM_DEL... */
		inverse->nlmsg_flags = NLM_F_REQUEST;
		conf->count++;
	}
	free(list);
	return error;
}

void rtconf_print_first(const struct rtconf *conf, char *text, size_t bytes)
{
	const struct nlmsghdr *header = (const void *)conf->bytes;
	const struct ifaddrmsg *address;
	const struct rtattr *attribute;
	size_t left;

	snprintf(text, bytes, "%s", "");
	if (!conf->count || header->nlmsg_type != RTM_NEWADDR)
		return;
	address = NLMSG_DATA(header);
	attribute = IFA_RTA(address);
	left = IFA_PAYLOAD(header);
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		bool local = attribute->rta_type == IFA_LOCAL;
		size_t prefix;

		if (!local && (attribute->rta_type != IFA_ADDRESS || *text))
			continue;
		if (!inet_ntop(address->ifa_family, RTA_DATA(attribute), text, (socklen_t)bytes))
			continue;
		prefix = strlen(text);
		snprintf(text + prefix, bytes - prefix, "/%u", address->ifa_prefixlen);
	}
}
