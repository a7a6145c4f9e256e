/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_net.h - what faults on real devices ask of the kernel: rtnetlink requests by interface index.
 *
 * A socket speaks to the namespace in which it was opened, wherever its user is now. All functions
 * return 0 or -errno, the kernel's own, and are for one thread at a time.
 */
#ifndef LWF_STRESS_FAULT_NET_H
#define LWF_STRESS_FAULT_NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_KIND_BYTES  16u
#define FAULT_ALIAS_BYTES 256u
#define FAULT_KEEP_BYTES  (1u << 20) /* of addresses, routes and neighbours of one interface */
#define FAULT_KEEP_LINKS  64u	     /* an interface, and VLANs upon it */
#define FAULT_ROUTES_MAX  32u

struct nl_sock;

/** An interface as a link message tells it. */
struct fault_device {
	char name[IFNAMSIZ];
	char kind[FAULT_KIND_BYTES]; /* "veth", "dummy", "tun" ...; empty: hardware */
	char alias[FAULT_ALIAS_BYTES];
	uint32_t ifindex; /* 0: there is none */
	uint32_t mtu_bytes;
	uint32_t least_mtu_bytes, most_mtu_bytes; /* that its driver takes; 0: no limit */
	uint32_t queue_frames;			  /* longest that waits to be sent */
	uint32_t master;			  /* 0: none */
	uint32_t link;				  /* what it stands on, or its peer; 0: nothing */
	int link_nsid; /* the namespace of that, as this one numbers it; -1: this one */
	bool up, carrier;
	uint8_t mac[6];
	bool tap_persists;	       /* of kind "tun": it stays without a process */
	uint32_t tap_owner, tap_group; /* UINT32_MAX: none */
};

/** Finds an interface by name or, when that is NULL, by index. -ENODEV. */
int fault_net_look(struct nl_sock *net, const char *name, uint32_t ifindex,
		   struct fault_device *device);

/** Shows fn() each interface of the namespace; true: that was enough. */
int fault_net_each(struct nl_sock *net,
		   bool (*fn)(const struct fault_device *device, void *context), void *context);

int fault_net_set_up(struct nl_sock *net, uint32_t ifindex, bool up);
int fault_net_set_mtu(struct nl_sock *net, uint32_t ifindex, uint32_t mtu_bytes);
int fault_net_set_mac(struct nl_sock *net, uint32_t ifindex, const uint8_t mac[6]);
int fault_net_set_name(struct nl_sock *net, uint32_t ifindex, const char *name);
int fault_net_set_alias(struct nl_sock *net, uint32_t ifindex, const char *alias);
int fault_net_set_master(struct nl_sock *net, uint32_t ifindex, uint32_t master);

/** The carrier as the driver has it; -EOPNOTSUPP when the driver takes no such order. */
int fault_net_set_carrier(struct nl_sock *net, uint32_t ifindex, bool on);

/** To another namespace, under the same name. */
int fault_net_move(struct nl_sock *net, uint32_t ifindex, int ns);
int fault_net_delete(struct nl_sock *net, uint32_t ifindex);

/** A new interface like @device, down; for a veth its @peer in namespace @peer_ns. */
int fault_net_make(struct nl_sock *net, const struct fault_device *device,
		   const struct fault_device *peer, int peer_ns);

/** The number that the namespace of @net has for @ns; -1 without one. */
int fault_net_nsid(struct nl_sock *net, int ns, int *nsid);

/** Interfaces of default routes, of both families; *count at most FAULT_ROUTES_MAX. */
int fault_net_default_routes(struct nl_sock *net, uint32_t *ifindex, uint32_t *count);

/** Addresses, routes and neighbours of an interface and of VLANs upon it, as the requests that would make them. */
struct fault_keep {
	uint8_t *bytes; /* NULL: none */
	size_t used;
	uint32_t ifindex; /* that the interface has in them */
	uint32_t of[FAULT_KEEP_LINKS], count;
	int error; /* not all is here; -errno */
};

/** What there is now. fault_keep_free() takes it. After an error it is empty, but for the error. */
int fault_keep_take(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep);

/** Why not all could be given back; NULL when it could. */
const char *fault_keep_problem(const struct fault_keep *keep);

/** Makes what is missing of it at @ifindex. -errno, the first, when not all could be made. */
int fault_keep_give(struct nl_sock *net, uint32_t ifindex, struct fault_keep *keep);
void fault_keep_free(struct fault_keep *keep);

#endif
