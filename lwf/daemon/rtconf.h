/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtconf.h - addresses and routes of an interface, as requests that would make them.
 *
 * What the kernel would make by itself is left out: IPv6 link-local and temporary addresses, routes
 * of protocol "kernel", everything outside the main table. Routes through nexthop objects are
 * counted, not collected.
 */
#ifndef LWF_DAEMON_RTCONF_H
#define LWF_DAEMON_RTCONF_H

#include <stddef.h>
#include <stdint.h>

struct nl_sock;

/** Netlink requests, one after the other, each aligned. All zero: empty. */
struct rtconf {
	uint8_t *bytes;
	size_t used, size;
	uint32_t count;
	uint32_t skipped; /* of what cannot be moved */
	int error;	  /* -ENOMEM, -EMSGSIZE: not complete */
};

/** Appends a request for every address of @ifindex. 0 or -errno. */
int rtconf_addresses(struct nl_sock *sock, uint32_t ifindex, struct rtconf *conf);

/** Appends a request for every route of the main table through @ifindex. 0 or -errno. */
int rtconf_routes(struct nl_sock *sock, uint32_t ifindex, struct rtconf *conf);

/** Appends @bytes of requests. 0 or -ENOMEM. */
int rtconf_append(struct rtconf *conf, const void *requests, size_t bytes);

/** Makes the requests undo what they did: RTM_NEW... becomes RTM_DEL..., last first. 0 or -ENOMEM.
 */
int rtconf_append_inverse(struct rtconf *conf, const struct rtconf *other);

/** Prints the address of the first request; empty without one. */
void rtconf_print_first(const struct rtconf *conf, char *text, size_t bytes);

void rtconf_free(struct rtconf *conf);

#endif
