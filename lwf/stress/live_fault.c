/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_fault.c - faults and orders of the live world: who does them, and what is asked of daemons.
 *
 * A fault that a live run cannot do is said so, with the exit code of what was skipped; it is never
 * passed over.
 */
#include <errno.h>
#include <string.h>

#include "live_world.h"

int live_request(struct live_link *link, enum lwf_wire_type type, json_t *body,
		 struct lwf_error *error)
{
	if (!link->asks && !live_watch_again(link)) {
		json_decref(body);
		return live_refuse(error, LWF_EXIT_UNREACHABLE, link->declared->name,
				   "its daemon is not there");
	}
	if (link->stopped) {
		json_decref(body);
		return live_refuse(error, LWF_EXIT_TIMEOUT, link->declared->name,
				   "its daemon is stopped, and answers nobody");
	}
	return lwf_connection_request(link->asks, type, body, LIVE_REQUEST_NS, NULL, NULL, error);
}

int live_cannot(const struct stress_fault_call *call, struct lwf_error *error)
{
	return live_refuse(error, LWF_EXIT_SKIPPED, call->text,
			   "a live run cannot do this fault yet; run it simulated (--sim)");
}

int live_fault(struct stress_world *base, const struct stress_fault_call *call,
	       struct lwf_error *error)
{
	struct live_world *world = live_of(base);

	for (uint32_t i = 0; i < base->options.scenario->links; i++)
		live_forget(&world->link[i]);
	switch (call->fault) {
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
	case STRESS_FAULT_SEND_OK:
		return live_shim_send(&world->link[call->object.index], call, error);
	case STRESS_FAULT_OVERRUN:
	case STRESS_FAULT_MEMORY:
	case STRESS_FAULT_MEMORY_OUT:
	case STRESS_FAULT_MEMORY_OK:
	case STRESS_FAULT_DESCRIPTORS:
	case STRESS_FAULT_DESCRIPTORS_DENY:
	case STRESS_FAULT_DESCRIPTORS_OK:
	case STRESS_FAULT_CLOCK:
		return live_starve(world, call, error);
	default:
		break;
	}
	switch (call->object.kind) {
	case STRESS_LOWER:
	case STRESS_UPPER:
		return live_link_fault(&world->link[call->object.index], call, error);
	case STRESS_CLIENT:
		return live_client_fault(&world->client[call->object.index], call, error);
	case STRESS_DAEMON:
		return live_daemon_fault(world, call, error);
	default:
		return live_cannot(call, error);
	}
}

/* Of its sends, another file undoes it. */
static bool is_of_device(const struct stress_fault_call *call)
{
	return call->object.kind & STRESS_SIDES &&
	       stress_fault_row(call->fault)->undo != STRESS_FAULT_SEND_OK;
}

int live_undo(struct stress_world *base, const struct stress_fault_call *call,
	      struct lwf_error *error)
{
	struct live_link *link = &live_of(base)->link[call->object.index % STRESS_LINKS_MAX];
	struct stress_fault_call undo = *call;

	if (is_of_device(call)) {
		live_forget(link);
		return live_link_undo(link, call, error);
	}
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
	uint64_t failed = live_shim_failed(link);
	int err;

	live_forget(link);
	if (live_shim_starves(link) && !link->asks) {
		json_decref(body);
		return 0; /* it can but refuse */
	}
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
	err = live_request(link, types[order], body, error);
	if (err && error->exit == LWF_EXIT_UNREACHABLE && link->asks) {
		lwf_connection_close(link->asks);
		link->asks = NULL;
	}
	/* refused for lack of memory: that is an outcome, and no mistake of the scenario */
	return live_shim_failed(link) == failed ? err : 0;
}
