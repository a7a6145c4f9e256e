/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edge_oid.h - OIDs at the lower edges: nic_oid.c answers for an interface, sim_oid.c for the
 * simulated device. Queries are answered from what is known of the link, by the core.
 */
#ifndef LWF_EDGES_EDGE_OID_H
#define LWF_EDGES_EDGE_OID_H

#include <stdbool.h>
#include <string.h>

#include <lwf/edge.h>
#include <lwf/oid.h>

#include "edges.h"

/** True when an adapter with @mac and this packet filter receives a frame to @to. */
static inline bool lwf_packet_filter_wants(uint32_t filter, const uint8_t to[6],
					   const uint8_t mac[6])
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (filter & LWF_PACKET_TYPE_PROMISCUOUS)
		return true;
	if (!memcmp(to, all, sizeof(all)))
		return filter & LWF_PACKET_TYPE_BROADCAST;
	if (to[0] & 1) /* the adapter keeps no list of groups: each of them is wanted */
		return filter & (LWF_PACKET_TYPE_MULTICAST | LWF_PACKET_TYPE_ALL_MULTICAST);
	return filter & LWF_PACKET_TYPE_DIRECTED && !memcmp(to, mac, 6);
}

/* ---- sim_oid.c ---- */

/** The OID half of the simulated device, embedded in it. */
struct lwf_sim_oid {
	struct lwf_edge *edge;
	const struct lwf_sim_edge_config *config;
	struct lwf_oid_request *request; /* not answered yet */
	struct lwf_timer timer;
	uint32_t packet_filter;
};

int lwf_sim_oid_init(struct lwf_sim_oid *oid, struct lwf_edge *edge,
		     const struct lwf_sim_edge_config *config);
void lwf_sim_oid_fini(struct lwf_sim_oid *oid);
lwf_status lwf_sim_oid_ask(struct lwf_sim_oid *oid, struct lwf_oid_request *request);
void lwf_sim_oid_cancel(struct lwf_sim_oid *oid, struct lwf_oid_request *request);

/** The device is gone: what it has not answered is ADAPTER_REMOVED. */
void lwf_sim_oid_link_changed(struct lwf_sim_oid *oid);

/** Answers what it has now. False when it has nothing. */
bool lwf_sim_oid_release(struct lwf_sim_oid *oid);

#endif
