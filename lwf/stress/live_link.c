/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_link.c - the devices of a link, and what happens to them.
 */
#include <errno.h>
#include <string.h>

#include "live_world.h"

static int told(struct lwf_error *error, int err, const struct stress_fault_call *call)
{
	return err ? live_refuse(error, LWF_EXIT_FALSE, call->text, "the kernel refuses it: %s",
				 strerror(-err))
		   : 0;
}

int live_link_plug(struct live_link *link)
{
	struct live_world *world = link->world;
	const struct live_link *peer = &world->link[link->declared->peer];
	uint32_t mtu = link->declared->mtu_bytes;
	int err = 0;

	if (link->far_net)
		err = live_net_make_pair(world->near_net, link->nic, link->far, link->far_ns, mtu);
	else if (peer->index > link->index)
		err = live_net_make_pair(world->near_net, link->nic, peer->nic, -1, mtu);
	if (!err && link->far_net)
		err = live_net_set_up(link->far_net, link->far, true);
	return err ? err : live_net_set_up(world->near_net, link->nic, true);
}

/* The far end goes down or up: then the near one has no carrier, or has. */
static int set_carrier(struct live_link *link, bool on)
{
	if (link->far_net)
		return live_net_set_up(link->far_net, link->far, on);
	return live_net_set_up(link->world->near_net, link->world->link[link->declared->peer].nic,
			       on);
}

static int force_carrier(struct live_link *link, bool on, struct lwf_error *error)
{
	return live_request(
		link, LWF_WIRE_CARRIER,
		json_pack("{s:s,s:b}", "stack", link->declared->name, "carrier", (int)on), error);
}

int live_link_fault(struct live_link *link, const struct stress_fault_call *call,
		    struct lwf_error *error)
{
	bool upper = call->object.kind == STRESS_UPPER;
	const char *device = upper ? link->tap : link->nic;

	switch (call->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		return told(error,
			    live_net_set_up(link->world->near_net, device,
					    call->fault == STRESS_FAULT_LINK_UP),
			    call);
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		if (upper)
			break;
		return told(error, set_carrier(link, call->fault == STRESS_FAULT_CARRIER_ON), call);
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_FORCE_ON:
		return force_carrier(link, call->fault == STRESS_FAULT_FORCE_ON, error);
	default:
		break;
	}
	return live_cannot(call, error);
}
