/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_link.c - the devices of a link, and what happens to them.
 *
 * The NIC is one end of a veth pair; the other end is in a namespace of its own, or is another link's
 * NIC. A pair dies together and is made again together: both ends are then as they were made first, but
 * for MTU and MAC, which they keep. The NIC is followed by what it is called now, and wherever it is. A
 * TAP is its daemon's: who deletes it, waits for the daemon to make another.
 *
 * What is asked for and is so already is done: a device that is gone can be deleted again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "live_world.h"

#define CANNOT	1		/* instead of an errno: there is no such fault */
#define GONE_NS 5000000000ull	/* the kernel clears a dead namespace away within */
#define LOOK	(5l * 1000000l) /* ns; meanwhile it is asked so often */

/* ---- where things are ---- */

void live_link_name(struct live_link *link)
{
	const uint8_t mac[LIVE_MAC_BYTES] = {0x02, 0x4c, 0x57, 0x46, (uint8_t)link->index, 0x01};

	snprintf(link->first, sizeof(link->first), "nic%u", link->index);
	snprintf(link->nic, sizeof(link->nic), "nic%u", link->index);
	snprintf(link->tap, sizeof(link->tap), "tap%u", link->index);
	snprintf(link->far, sizeof(link->far), "far%u", link->index);
	memcpy(link->mac, mac, sizeof(mac));
	memcpy(link->far_mac, mac, sizeof(mac));
	link->far_mac[LIVE_MAC_BYTES - 1] = 0x02;
	link->mtu_bytes = link->declared->mtu_bytes;
}

static void forget_away(struct live_link *link)
{
	live_net_close(link->away_net);
	if (link->away_ns >= 0)
		close(link->away_ns);
	link->away_net = NULL;
	link->away_ns = -1;
	link->away = false;
}

void live_link_close(struct live_link *link)
{
	forget_away(link);
	live_net_close(link->far_net);
	if (link->far_ns >= 0)
		close(link->far_ns);
	if (link->far_ends >= 0)
		close(link->far_ends);
}

static struct live_link *peer_of(const struct live_link *link)
{
	return &link->world->link[link->declared->peer];
}

/* Where requests about the NIC are made. */
static struct nl_sock *nic_net(const struct live_link *link)
{
	return link->away ? link->away_net : link->world->near_net;
}

/* The other end takes whatever the NIC sends. */
static uint32_t far_mtu(const struct live_link *link)
{
	uint32_t declared = link->declared->mtu_bytes;

	return link->mtu_bytes > declared ? link->mtu_bytes : declared;
}

/* ---- the wire ---- */

/* A NIC that was made is as the last one was. */
static int equip(struct live_link *link)
{
	int err = link->declared->offload_none ? live_net_take_offload(link->nic) : 0;

	return err ? err : live_queue_again(link);
}

static int lay(struct live_link *link)
{
	struct live_link *peer = peer_of(link);
	struct live_end near = {link->first, link->mac, link->mtu_bytes, -1};
	struct live_end far = {link->far, link->far_mac, far_mtu(link), link->far_ns};
	int err;

	if (!link->far_net)
		far = (struct live_end){peer->first, peer->mac, peer->mtu_bytes, -1};
	live_witness_hear(link->world); /* of the last one, by the name that it had */
	err = live_net_make_pair(link->world->near_net, &near, &far);
	if (err)
		return err;
	memcpy(link->nic, link->first, sizeof(link->nic));
	memcpy(peer->nic, peer->first, sizeof(peer->nic));
	link->away = peer->away = false;
	err = equip(link);
	if (!err && !link->far_net)
		err = equip(peer);
	if (err)
		return err;
	err = link->far_net ? live_net_set_up(link->far_net, link->far, true)
			    : live_net_set_up(link->world->near_net, peer->nic, true);
	return err ? err : live_net_set_up(link->world->near_net, link->nic, true);
}

int live_link_plug(struct live_link *link)
{
	return link->far_net || link->declared->peer > link->index ? lay(link) : 0;
}

static int create_nic(struct live_link *link)
{
	const struct timespec look = {.tv_nsec = LOOK};
	uint64_t until = live_clock_ns() + GONE_NS;
	struct live_device device;
	int err;

	if (live_net_look(nic_net(link), link->nic, &device) == 0)
		return 0;
	/* the other end of one that died with its namespace may still be there */
	while ((err = lay(link)) == -EEXIST && live_clock_ns() < until)
		nanosleep(&look, NULL);
	return err;
}

static int delete_nic(struct live_link *link)
{
	struct live_device device;
	int err;

	/* nobody listens there, and nobody sends */
	if (link->away && live_net_look(link->away_net, link->nic, &device) == 0)
		live_witness_add(link, &device);
	err = live_net_delete(nic_net(link), link->nic);
	link->away = false;
	return err == -ENODEV ? 0 : err;
}

static int set_carrier(struct live_link *link, bool on)
{
	if (link->far_net)
		return live_net_set_up(link->far_net, link->far, on);
	return live_net_set_up(nic_net(peer_of(link)), peer_of(link)->nic, on);
}

/* ---- another place ---- */

static int move_away(struct live_link *link)
{
	int err = 0;

	if (link->away)
		return 0;
	if (!link->away_net)
		err = live_space_make_net(link->world, &link->away_ns, &link->away_net);
	if (!err)
		err = live_net_move(link->world->near_net, link->nic, link->away_ns);
	link->away = !err;
	return err == -ENODEV ? 0 : err;
}

static int move_back(struct live_link *link)
{
	int err;

	if (!link->away)
		return 0;
	err = live_net_move(link->away_net, link->nic, link->world->near_ns);
	link->away = false;
	if (!err)
		err = live_queue_again(link);
	return err ? err : live_net_set_up(link->world->near_net, link->nic, true);
}

/* It moves to a namespace that nothing holds, and dies with it. */
static int delete_namespace(struct live_link *link)
{
	struct live_device device;
	struct nl_sock *net;
	int ns, err = live_space_make_net(link->world, &ns, &net);

	if (err)
		return err;
	err = live_net_move(nic_net(link), link->nic, ns);
	if (!err)
		err = live_net_look(net, link->nic, &device);
	if (!err)
		live_witness_add(link, &device);
	live_net_close(net);
	close(ns);
	link->away = false;
	return err == -ENODEV ? 0 : err;
}

/* ---- other properties ---- */

static int set_mtu(struct live_link *link, bool upper, uint32_t mtu_bytes)
{
	int err = 0;

	if (upper)
		return live_net_set_mtu(link->world->near_net, link->tap, mtu_bytes);
	link->mtu_bytes = mtu_bytes;
	if (link->far_net)
		err = live_net_set_mtu(link->far_net, link->far, far_mtu(link));
	return err ? err : live_net_set_mtu(nic_net(link), link->nic, mtu_bytes);
}

static int set_mac(struct live_link *link, const uint8_t *mac)
{
	memcpy(link->mac, mac, sizeof(link->mac));
	return live_net_set_mac(nic_net(link), link->nic, mac);
}

static int set_name(struct live_link *link, const char *name)
{
	int err;

	if (strcmp(link->nic, name) == 0)
		return 0;
	live_witness_hear(link->world); /* likewise */
	err = live_net_rename(nic_net(link), link->nic, name);
	if (!err)
		snprintf(link->nic, sizeof(link->nic), "%s", name);
	return err;
}

/* What undo() needs of what @fault changes: as it was before any such fault. */
static int remember(struct live_link *link, bool upper, enum stress_fault fault)
{
	struct live_was *was = &link->was[upper ? LIVE_UPPER : LIVE_LOWER];
	struct live_device device;
	int err = upper ? live_net_look(link->world->near_net, link->tap, &device)
			: live_net_look(nic_net(link), link->nic, &device);

	if (err)
		return err;
	if (fault == STRESS_FAULT_MTU && !was->mtu_bytes)
		was->mtu_bytes = device.mtu_bytes;
	if (fault == STRESS_FAULT_MAC && !was->has_mac)
		memcpy(was->mac, device.mac, sizeof(was->mac));
	was->has_mac |= fault == STRESS_FAULT_MAC;
	if (fault == STRESS_FAULT_RENAME && !was->name[0])
		memcpy(was->name, link->nic, sizeof(was->name));
	return 0;
}

/* ---- faults ---- */

static int upper_fault(struct live_link *link, const struct stress_fault_call *call)
{
	struct nl_sock *net = link->world->near_net;
	int err;

	switch (call->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		return live_net_set_up(net, link->tap, call->fault == STRESS_FAULT_LINK_UP);
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		return live_net_set_carrier(net, link->tap, call->fault == STRESS_FAULT_CARRIER_ON);
	case STRESS_FAULT_MTU:
		return set_mtu(link, true, (uint32_t)call->number);
	case STRESS_FAULT_DELETE:
		err = live_net_delete(net, link->tap);
		return err == -ENODEV ? 0 : err;
	case STRESS_FAULT_CREATE:
		return 0; /* its daemon does it, without being told */
	default:
		return CANNOT;
	}
}

static int lower_fault(struct live_link *link, const struct stress_fault_call *call,
		       const uint8_t *mac)
{
	switch (call->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		return live_net_set_up(nic_net(link), link->nic,
				       call->fault == STRESS_FAULT_LINK_UP);
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		return set_carrier(link, call->fault == STRESS_FAULT_CARRIER_ON);
	case STRESS_FAULT_MTU:
		return set_mtu(link, false, (uint32_t)call->number);
	case STRESS_FAULT_MAC:
		return set_mac(link, mac);
	case STRESS_FAULT_DELETE:
		return delete_nic(link);
	case STRESS_FAULT_CREATE:
		return create_nic(link);
	case STRESS_FAULT_RENAME:
		return set_name(link, call->word);
	case STRESS_FAULT_MOVE:
		return move_away(link);
	case STRESS_FAULT_RETURN:
		return move_back(link);
	case STRESS_FAULT_NAMESPACE:
		return delete_namespace(link);
	default:
		return CANNOT;
	}
}

static int force_carrier(struct live_link *link, bool on, struct lwf_error *error)
{
	json_t *body = json_pack("{s:s,s:b}", "stack", link->declared->name, "carrier", (int)on);

	return live_request(link, LWF_WIRE_CARRIER, body, error);
}

static int check_parameter(const struct stress_fault_call *call, uint8_t *mac,
			   struct lwf_error *error)
{
	if (call->fault == STRESS_FAULT_MTU &&
	    (call->number < STRESS_MTU_LEAST_BYTES || call->number > STRESS_MTU_MOST_BYTES))
		return live_refuse(error, LWF_EXIT_USAGE, call->text, "an MTU is 68 to 65535");
	if (call->fault == STRESS_FAULT_MAC && !stress_mac_parse(call->word, mac))
		return live_refuse(error, LWF_EXIT_USAGE, call->text,
				   "a MAC is written 02:00:00:00:00:01");
	if (call->fault == STRESS_FAULT_RENAME && strlen(call->word) >= IFNAMSIZ)
		return live_refuse(error, LWF_EXIT_USAGE, call->text,
				   "a name of an interface has at most 15 letters");
	return 0;
}

int live_link_fault(struct live_link *link, const struct stress_fault_call *call,
		    struct lwf_error *error)
{
	bool upper = call->object.kind == STRESS_UPPER;
	uint8_t mac[LIVE_MAC_BYTES];
	int err = check_parameter(call, mac, error);

	if (err)
		return err;
	if (call->fault == STRESS_FAULT_FORCE_OFF || call->fault == STRESS_FAULT_FORCE_ON)
		return force_carrier(link, call->fault == STRESS_FAULT_FORCE_ON, error);
	if (call->fault == STRESS_FAULT_MTU || call->fault == STRESS_FAULT_MAC ||
	    call->fault == STRESS_FAULT_RENAME)
		err = remember(link, upper, call->fault);
	if (!err)
		err = upper ? upper_fault(link, call) : lower_fault(link, call, mac);
	if (err == CANNOT)
		return live_cannot(call, error);
	return err ? live_refuse(error, LWF_EXIT_FALSE, call->text, "the kernel refuses it: %s",
				 strerror(-err))
		   : 0;
}

int live_link_undo(struct live_link *link, const struct stress_fault_call *call,
		   struct lwf_error *error)
{
	bool upper = call->object.kind == STRESS_UPPER;
	const struct live_was *was = &link->was[upper ? LIVE_UPPER : LIVE_LOWER];
	struct stress_fault_call back = *call;
	int err;

	back.fault = stress_fault_row(call->fault)->undo;
	back.number = was->mtu_bytes;
	back.word = was->name;
	if (back.fault == STRESS_FAULT_FORCE_OFF || back.fault == STRESS_FAULT_FORCE_ON)
		return live_link_fault(link, &back, error);
	err = upper ? upper_fault(link, &back) : lower_fault(link, &back, was->mac);
	if (err == CANNOT)
		return live_cannot(call, error);
	/* one that went meanwhile is made again as it was */
	return err && err != -ENODEV
		       ? live_refuse(error, LWF_EXIT_FALSE, call->text,
				     "the kernel does not take it back: %s", strerror(-err))
		       : 0;
}
