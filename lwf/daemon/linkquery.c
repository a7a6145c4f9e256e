/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linkquery.c - questions about one interface, before it is followed; see link.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "link.h"
#include "nsnet.h"
#include "rtconf.h"
#include "rtnl.h"

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < LINK_NAME_BYTES && strcmp(name, ".") && strcmp(name, "..") &&
	       !strpbrk(name, "/: \t\n");
}

static int query(struct nl_sock *sock, struct nsnet *ns, const char *name, struct link_info *info)
{
	struct rtconf addresses = {0};
	struct rtnl_link link;
	int error = rtnl_link_get(sock, name, 0, &link);

	if (error)
		return error == -ENODEV ? 0 : error;
	info->facts.present = true;
	info->facts.admin_up = link.up;
	info->facts.carrier = link.carrier;
	info->facts.ifindex = link.ifindex;
	info->facts.mtu_bytes = link.mtu_bytes;
	info->facts.speed_mbps = link.carrier ? rtnl_link_speed(ns, name) : 0;
	info->facts.has_permanent_mac = link.has_permanent_mac;
	memcpy(info->facts.mac, link.mac, sizeof(info->facts.mac));
	memcpy(info->facts.permanent_mac, link.permanent_mac, sizeof(info->facts.permanent_mac));
	snprintf(info->facts.name, sizeof(info->facts.name), "%s", link.name);
	info->ethernet = link.ethernet;
	snprintf(info->kind, sizeof(info->kind), "%s", link.kind);
	error = rtconf_addresses(sock, link.ifindex, &addresses);
	info->addresses = addresses.count;
	rtconf_print_first(&addresses, info->address, sizeof(info->address));
	rtconf_free(&addresses);
	return error;
}

int link_query(const char *netns, const char *name, struct link_info *info)
{
	struct nl_sock *sock;
	struct nsnet *ns;
	int error;

	memset(info, 0, sizeof(*info));
	if (!is_name(name))
		return -EINVAL;
	error = nsnet_get(netns, &ns);
	if (error)
		return error;
	error = rtnl_open(ns, &sock);
	if (!error) {
		error = query(sock, ns, name, info);
		rtnl_close(sock);
	}
	nsnet_put(ns);
	return error;
}
