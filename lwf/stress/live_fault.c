/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_fault.c - faults and orders of the live world: what is done to links, and asked of daemons.
 *
 * A fault that a live run cannot do is said so, with the exit code of what was skipped; it is never
 * passed over.
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

static int request(struct live_link *link, enum lwf_wire_type type, json_t *body,
		   struct lwf_error *error)
{
	if (!link->asks) {
		json_decref(body);
		return live_refuse(error, LWF_EXIT_UNREACHABLE, link->declared->name,
				   "its daemon is not there");
	}
	return lwf_connection_request(link->asks, type, body, LIVE_REQUEST_NS, NULL, NULL, error);
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
	return request(link, LWF_WIRE_CARRIER,
		       json_pack("{s:s,s:b}", "stack", link->declared->name, "carrier", (int)on),
		       error);
}

int live_fault(struct stress_world *base, const struct stress_fault_call *call,
	       struct lwf_error *error)
{
	struct live_world *world = live_of(base);
	struct live_link *link = &world->link[call->object.index % STRESS_LINKS_MAX];
	bool upper = call->object.kind == STRESS_UPPER;
	const char *device = upper ? link->tap : link->nic;

	for (uint32_t i = 0; i < base->options.scenario->links; i++)
		live_forget(&world->link[i]);
	switch (call->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		return told(error,
			    live_net_set_up(world->near_net, device,
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
	return live_refuse(error, LWF_EXIT_SKIPPED, call->text,
			   "a live run cannot do this fault yet; run it simulated (--sim)");
}

int live_undo(struct stress_world *base, const struct stress_fault_call *call,
	      struct lwf_error *error)
{
	struct stress_fault_call undo = *call;

	undo.fault = stress_fault_row(call->fault)->undo;
	return live_fault(base, &undo, error);
}

int live_order(struct stress_world *base, enum stress_order order,
	       const struct stress_object *object, const char *text, struct lwf_error *error)
{
	static const enum lwf_wire_type types[STRESS_ORDERS] = {
		[STRESS_ORDER_PAUSE] = LWF_WIRE_PAUSE,
		[STRESS_ORDER_RESTART] = LWF_WIRE_RESTART,
		[STRESS_ORDER_ATTACH] = LWF_WIRE_ATTACH,
		[STRESS_ORDER_DETACH] = LWF_WIRE_DETACH,
		[STRESS_ORDER_INSERT] = LWF_WIRE_FILTER_INSERT,
		[STRESS_ORDER_REMOVE] = LWF_WIRE_FILTER_REMOVE,
		[STRESS_ORDER_SET] = LWF_WIRE_FILTER_SET,
	};
	struct live_link *link = &live_of(base)->link[object->index];
	json_t *body = json_pack("{s:s}", "stack", link->declared->name);

	live_forget(link);
	if (order == STRESS_ORDER_INSERT)
		json_object_set_new(body, "spec", json_string(text));
	if (order == STRESS_ORDER_REMOVE || order == STRESS_ORDER_SET)
		json_object_set_new(body, "module", json_string(object->module));
	if (order == STRESS_ORDER_SET)
		json_object_set_new(body, "options", json_string(text));
	/* stacks follow in their own time, which expectations look at: a pause may pend for long */
	if (order <= STRESS_ORDER_DETACH && link->asks) {
		lwf_connection_post(link->asks, types[order], body);
		return 0;
	}
	return request(link, types[order], body, error);
}
