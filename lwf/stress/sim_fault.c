/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_fault.c - what happens to simulated links, devices and daemons, and how it is undone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim_world.h"

/* ---- devices ---- */

/* A new device of the name, with its cable in it. */
static void appear(struct sim_link *link, struct lwf_link *device, bool upper)
{
	device->present = device->admin_up = device->carrier = true;
	device->ifindex = ++link->ifindex;
	link->unplugged[upper] = false;
}

/* The device changes; false: that is no fault of links. */
static bool change_device(struct sim_link *link, bool upper, enum stress_fault fault)
{
	struct lwf_link *device = upper ? &link->upper_link : &link->link;

	switch (fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		device->admin_up = fault == STRESS_FAULT_LINK_UP && device->present;
		device->carrier = device->admin_up && !link->unplugged[upper];
		return true;
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		link->unplugged[upper] = fault == STRESS_FAULT_CARRIER_OFF;
		device->carrier = device->admin_up && !link->unplugged[upper];
		return true;
	case STRESS_FAULT_DELETE:
	case STRESS_FAULT_MOVE:
	case STRESS_FAULT_NAMESPACE:
		device->present = device->carrier = false;
		return true;
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_RETURN:
		if (!device->present)
			appear(link, device, upper);
		return true;
	default:
		return false;
	}
}

static int set_number(struct lwf_link *device, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	if (call->fault == STRESS_FAULT_MTU &&
	    (call->number < STRESS_MTU_LEAST_BYTES || call->number > STRESS_MTU_MOST_BYTES))
		return sim_refuse(error, LWF_EXIT_USAGE, call->text, "an MTU is 68 to 65535");
	if (call->fault == STRESS_FAULT_MTU)
		device->mtu_bytes = (uint32_t)call->number;
	else if (!stress_mac_parse(call->word, device->mac))
		return sim_refuse(error, LWF_EXIT_USAGE, call->text,
				  "a MAC is written 02:00:00:00:00:01");
	return 0;
}

/* ---- how the device answers ---- */

static int reason_of(const char *name)
{
	static const struct {
		const char *name;
		enum lwf_reason reason;
	} rows[] = {
		{"ENOBUFS", LWF_REASON_QUEUE_TIMEOUT}, {"EAGAIN", LWF_REASON_QUEUE_TIMEOUT},
		{"ENETDOWN", LWF_REASON_DISABLED},     {"ENXIO", LWF_REASON_REMOVED},
		{"ENODEV", LWF_REASON_REMOVED},	       {"EIO", LWF_REASON_DEVICE},
		{"EINVAL", LWF_REASON_DEVICE},	       {"EPERM", LWF_REASON_DEVICE},
		{"EMSGSIZE", LWF_REASON_TOO_LONG},     {"SHORT", LWF_REASON_DEVICE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return (int)rows[i].reason;
	return -1;
}

static int send_fault(struct sim_link *link, bool upper, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	struct lwf_edge *edge = upper ? link->upper : link->lower;
	struct lwf_sim_edge_config *config = &link->device[upper];
	int reason;

	switch (call->fault) {
	case STRESS_FAULT_SEND_ERROR:
		reason = reason_of(call->word);
		if (reason < 0)
			return sim_refuse(error, LWF_EXIT_USAGE, call->text,
					  "'%s' is no errno that a send is known to give",
					  call->word);
		config->fail_reason = (enum lwf_reason)reason;
		config->fail_per_1024 = (uint32_t)((uint64_t)call->share * 1024 / 1000000);
		if (config->fail_per_1024 == 0)
			config->fail_per_1024 = call->share != 0;
		break;
	case STRESS_FAULT_SEND_SLOW:
		config->delay_ns = (uint64_t)call->number;
		break;
	case STRESS_FAULT_SEND_STUCK:
		config->never = true;
		config->delay_ns = config->delay_ns ? config->delay_ns : SIM_QDISC_NS;
		break;
	default:
		*config = sim_device(link, upper);
	}
	if (edge)
		*lwf_sim_edge_config(edge) = *config;
	link->world->changes++;
	return 0;
}

/* ---- faults ---- */

static void name_device(struct sim_link *link, const char *name)
{
	if (link->lower)
		snprintf(link->lower->name, sizeof(link->lower->name), "%s", name);
}

static int link_fault(struct sim_link *link, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	bool upper = call->object.kind == STRESS_UPPER;
	struct lwf_link *device = upper ? &link->upper_link : &link->link;
	int err = 0;

	switch (call->fault) {
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_FORCE_ON:
		if (link->stack)
			lwf_stack_force_no_carrier(link->stack,
						   call->fault == STRESS_FAULT_FORCE_OFF);
		link->world->changes++;
		return 0;
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
	case STRESS_FAULT_SEND_OK:
		return send_fault(link, upper, call, error);
	case STRESS_FAULT_RENAME:
		name_device(link, call->word);
		break;
	case STRESS_FAULT_MTU:
	case STRESS_FAULT_MAC:
		err = set_number(device, call, error);
		break;
	default:
		if (!change_device(link, upper, call->fault))
			return sim_refuse(error, LWF_EXIT_SKIPPED, call->text,
					  "the simulation has no such fault");
	}
	if (err)
		return err;
	if (upper)
		sim_tell_upper(link);
	else
		sim_tell(link, stress_fault_row(call->fault)->words);
	return 0;
}

static int world_fault(struct sim_world *world, const struct stress_fault_call *call,
		       struct lwf_error *error)
{
	uint32_t index = call->object.index;

	world->changes++;
	switch (call->fault) {
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		sim_daemon_end(world, index, call->fault == STRESS_FAULT_DAEMON_KILL);
		return 0;
	case STRESS_FAULT_DAEMON_START:
		return sim_daemon_start(world, index, error);
	case STRESS_FAULT_MEMORY:
		lwf_sim_host_fail_nth(world->host, (uint64_t)call->number);
		return 0;
	case STRESS_FAULT_MEMORY_OUT:
	case STRESS_FAULT_MEMORY_OK:
		lwf_sim_host_fail_nth(world->host,
				      call->fault == STRESS_FAULT_MEMORY_OUT ? UINT64_MAX : 0);
		return 0;
	case STRESS_FAULT_STALE:
	case STRESS_FAULT_FRESH:
		sim_stale(world, call->fault == STRESS_FAULT_STALE);
		return 0;
	default:
		return sim_refuse(error, LWF_EXIT_SKIPPED, call->text,
				  "the simulation has no such fault");
	}
}

int sim_fault(struct stress_world *base, const struct stress_fault_call *call,
	      struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);

	switch (call->object.kind) {
	case STRESS_LOWER:
	case STRESS_UPPER:
		return link_fault(&world->link[call->object.index], call, error);
	case STRESS_CLIENT:
		return sim_client_fault(&world->client[call->object.index], call->fault,
					call->number, error);
	default:
		return world_fault(world, call, error);
	}
}

int sim_undo(struct stress_world *base, const struct stress_fault_call *call,
	     struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);
	struct stress_fault_call back = *call;
	struct sim_link *link = &world->link[call->object.index];
	bool upper = call->object.kind == STRESS_UPPER;

	back.fault = stress_fault_row(call->fault)->undo;
	if (call->fault == STRESS_FAULT_MTU) {
		back.number = link->declared->mtu_bytes;
	} else if (call->fault == STRESS_FAULT_MAC) {
		sim_first_mac(link, upper ? &link->upper_link : &link->link);
		if (upper)
			sim_tell_upper(link);
		else
			sim_tell(link, "mac back");
		return 0;
	} else if (call->fault == STRESS_FAULT_RENAME) {
		back.word = SIM_LOWER_NAME;
	}
	return sim_fault(base, &back, error);
}
