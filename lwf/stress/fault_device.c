/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_device.c - faults on the devices of a target, and making them as they were.
 *
 * A device is found by its index, else by its name, at home or where it was moved to. What goes down
 * loses routes, what is deleted also addresses: both are given back with the device.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "fault.h"
#include "open.h"

#define REMADE_LOOKS   100 /* for a TAP that its daemon makes again, each so long: */
#define REMADE_LOOK_NS 20000000l

void fault_mark(struct fault_target *target, enum fault_which side, uint32_t aspects)
{
	atomic_fetch_or(&target->marks->changed[side], aspects);
}

/* Where the device is now. */
static int locate(const struct fault_target *target, enum fault_which which,
		  const struct fault_space **where, struct fault_device *now)
{
	const struct fault_side *side = &target->side[which];
	const struct fault_space *places[] = {&side->space, &target->away};
	uint32_t ifindex = target->marks->ifindex[which];

	for (unsigned i = 0; i < 2; i++) {
		*where = places[i];
		if (places[i]->net && fault_net_look(places[i]->net, NULL, ifindex, now) == 0 &&
		    strcmp(now->kind, side->was.kind) == 0)
			return 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		*where = places[i];
		if (places[i]->net && fault_net_look(places[i]->net, side->was.name, 0, now) == 0)
			return 0;
	}
	return -ENODEV;
}

/* Some drivers, and older kernels, take a name or a MAC only while the interface is down. */
static int set_quiet(const struct fault_space *space, const struct fault_device *now,
		     const char *name, const uint8_t *mac)
{
	int err = name ? fault_net_set_name(space->net, now->ifindex, name)
		       : fault_net_set_mac(space->net, now->ifindex, mac);

	if (err != -EBUSY || !now->up)
		return err;
	err = fault_net_set_up(space->net, now->ifindex, false);
	if (err)
		return err;
	err = name ? fault_net_set_name(space->net, now->ifindex, name)
		   : fault_net_set_mac(space->net, now->ifindex, mac);
	(void)fault_net_set_up(space->net, now->ifindex, true);
	return err;
}

/* ---- as it was ---- */

static int first(int err, int other)
{
	return err ? err : other;
}

/* A fault is over that changed @aspects. Others may last. */
static void forget(struct fault_side *side, uint32_t aspects)
{
	if (aspects & FAULT_NAME)
		memcpy(side->is.name, side->was.name, sizeof(side->is.name));
	if (aspects & FAULT_MTU)
		side->is.mtu_bytes = side->was.mtu_bytes;
	if (aspects & FAULT_MAC)
		memcpy(side->is.mac, side->was.mac, sizeof(side->is.mac));
	if (aspects & FAULT_UP)
		side->is.up = side->was.up;
	if (aspects & FAULT_CARRIER)
		side->is.carrier = side->was.carrier;
}

/* The device is at home: its @aspects become those that it had, or has by a fault that lasts. */
static int settle(struct fault_target *target, enum fault_which which, uint32_t aspects)
{
	struct fault_side *side = &target->side[which];
	const struct fault_device *is = &side->is;
	struct nl_sock *net = side->space.net;
	const struct fault_space *where;
	struct fault_device now;
	int err = locate(target, which, &where, &now), other;

	if (err)
		return err;
	target->marks->ifindex[which] = now.ifindex;
	if (aspects & FAULT_NAME && strcmp(now.name, is->name) != 0) {
		err = first(err, set_quiet(where, &now, is->name, NULL));
		aspects |= FAULT_UP;
	}
	if (aspects & FAULT_MTU && now.mtu_bytes != is->mtu_bytes)
		err = first(err, fault_net_set_mtu(where->net, now.ifindex, is->mtu_bytes));
	if (aspects & FAULT_MAC && memcmp(now.mac, is->mac, sizeof(now.mac)) != 0)
		err = first(err, set_quiet(where, &now, NULL, is->mac));
	if (where != &side->space)
		return err; /* it is away, and comes home by a fault of its own */
	if (aspects & FAULT_PRESENT && now.master != is->master)
		err = first(err, fault_net_set_master(net, now.ifindex, is->master));
	if (aspects & FAULT_PRESENT && strcmp(now.alias, is->alias) != 0)
		err = first(err, fault_net_set_alias(net, now.ifindex, is->alias));
	if (aspects & FAULT_CARRIER && now.up)
		err = first(err, fault_net_set_carrier(net, now.ifindex, is->carrier));
	if (aspects & (FAULT_UP | FAULT_PRESENT | FAULT_NAME | FAULT_MAC)) {
		if (now.up != is->up)
			err = first(err, fault_net_set_up(net, now.ifindex, is->up));
	} else if (!(aspects & FAULT_CARRIER) && now.mtu_bytes >= FAULT_MTU_IPV6) {
		return err;
	}
	other = fault_keep_give(net, now.ifindex, &side->keep);
	/* while it is down by a fault it takes no routes; they come with the end of that */
	return err || !is->up ? err : other;
}

/* A TAP that stays without a process; inside of its namespace. */
static int make_tap(void *context)
{
	const struct fault_device *was = context;
	struct lwf_tap_device device;
	int err = lwf_open_tap(NULL, was->name, &device);

	if (err)
		return err;
	if ((was->tap_owner != UINT32_MAX && ioctl(device.fd, TUNSETOWNER, was->tap_owner)) ||
	    (was->tap_group != UINT32_MAX && ioctl(device.fd, TUNSETGROUP, was->tap_group)) ||
	    ioctl(device.fd, TUNSETPERSIST, 1))
		err = -errno;
	close(device.fd);
	return err;
}

/* The TAP of a daemon, which makes it again itself. */
static int wait_for_tap(const struct fault_side *side)
{
	const struct timespec moment = {.tv_nsec = REMADE_LOOK_NS};
	struct fault_device now;
	int err = -ENODEV;

	for (unsigned i = 0; err && i < REMADE_LOOKS; i++) {
		err = fault_net_look(side->space.net, side->was.name, 0, &now);
		if (err)
			nanosleep(&moment, NULL);
	}
	return err;
}

static int make(struct fault_target *target, enum fault_which which)
{
	struct fault_side *side = &target->side[which];
	struct fault_side *peer = &target->side[FAULT_PEER];
	int err;

	if (strcmp(side->was.kind, "tun") == 0)
		return side->was.tap_persists ? fault_space_call(&side->space, make_tap, &side->was)
					      : wait_for_tap(side);
	if (strcmp(side->was.kind, "veth") != 0)
		return fault_net_make(side->space.net, &side->was, NULL, -1);
	err = fault_net_make(side->space.net, &side->was, &peer->was, peer->space.fd);
	forget(peer, FAULT_UP);
	return err ? err : settle(target, FAULT_PEER, FAULT_DEVICE_ASPECTS);
}

static int bring_back(struct fault_target *target, enum fault_which which)
{
	struct fault_side *side = &target->side[which];
	const struct fault_space *where;
	struct fault_device now;
	int err = locate(target, which, &where, &now);

	if (err)
		return make(target, which);
	if (where == &side->space)
		return 0;
	return fault_net_move(where->net, now.ifindex, side->space.fd);
}

/* The other end of the pair had no carrier meanwhile, by which it lost neighbours that it answers for. */
static int settle_other(struct fault_target *target, enum fault_which which)
{
	enum fault_which other = which == FAULT_LOWER ? FAULT_PEER : FAULT_LOWER;
	struct fault_side *side = &target->side[other];

	if (which == FAULT_UPPER || target->side[FAULT_PEER].space.fd < 0 ||
	    target->marks->changed[other] & FAULT_DEVICE_ASPECTS)
		return 0;
	return fault_keep_give(side->space.net, target->marks->ifindex[other], &side->keep);
}

int fault_mend_device(struct fault_target *target, enum fault_which which, uint32_t aspects)
{
	uint32_t changed = target->marks->changed[which] & aspects & FAULT_DEVICE_ASPECTS;
	int err = 0;

	if (!changed)
		return 0;
	/* what comes back is up, whatever it was; an MTU, a MAC and a name that it has by a fault it keeps */
	if (changed & FAULT_PRESENT)
		changed |= FAULT_UP;
	forget(&target->side[which], changed);
	if (changed & FAULT_PRESENT) {
		err = bring_back(target, which);
		changed |= FAULT_DEVICE_ASPECTS & ~FAULT_CARRIER;
	}
	if (!err)
		err = settle(target, which, changed);
	if (!err && changed & (FAULT_UP | FAULT_PRESENT))
		err = settle_other(target, which);
	/* one that is gone by another fault has nothing to be mended, and comes back as it is to be */
	if (err == -ENODEV && target->marks->changed[which] & ~aspects & FAULT_PRESENT)
		err = 0;
	if (!err)
		atomic_fetch_and(&target->marks->changed[which], ~(aspects & FAULT_DEVICE_ASPECTS));
	return err;
}

/* ---- other than it was ---- */

uint32_t fault_aspects(const struct fault_target *target, const struct fault_deed *deed,
		       enum fault_which *side)
{
	*side = deed->side;
	switch (deed->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		return FAULT_UP;
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		if (deed->side != FAULT_LOWER || target->side[FAULT_PEER].space.fd < 0)
			return FAULT_CARRIER;
		*side = FAULT_PEER;
		return FAULT_UP;
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_FORCE_ON:
		return FAULT_FORCED;
	case STRESS_FAULT_MTU:
		return FAULT_MTU;
	case STRESS_FAULT_MAC:
		return FAULT_MAC;
	case STRESS_FAULT_RENAME:
		return FAULT_NAME;
	case STRESS_FAULT_DELETE:
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_MOVE:
	case STRESS_FAULT_RETURN:
		return FAULT_PRESENT;
	case STRESS_FAULT_OVERRUN:
		return FAULT_STOPPED | FAULT_QUEUE;
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		return FAULT_DEAD;
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_DAEMON_CONTINUE:
		return FAULT_STOPPED;
	case STRESS_FAULT_DESCRIPTORS:
	case STRESS_FAULT_DESCRIPTORS_OK:
		return FAULT_LIMITED;
	case STRESS_FAULT_CLIENT_STOP:
	case STRESS_FAULT_CLIENT_CONTINUE:
		return FAULT_CLIENT;
	default:
		*side = FAULT_LOWER; /* where those of the daemon are marked */
		return fault_lie_aspect(deed);
	}
}

static int set_flag(struct fault_target *target, enum fault_which which, struct nl_sock *net,
		    uint32_t ifindex, bool up)
{
	int err = fault_net_set_up(net, ifindex, up);

	if (!err && up)
		err = fault_keep_give(net, ifindex, &target->side[which].keep);
	return err;
}

/* What the device is from now on, until the fault is over: another one's end does not change it. */
static void remember(struct fault_device *is, const struct fault_deed *deed, uint32_t aspects)
{
	bool on = deed->fault == STRESS_FAULT_LINK_UP || deed->fault == STRESS_FAULT_CARRIER_ON;

	if (aspects & FAULT_UP)
		is->up = on;
	if (aspects & FAULT_CARRIER)
		is->carrier = on;
	if (aspects & FAULT_MTU)
		is->mtu_bytes = (uint32_t)deed->number;
	if (aspects & FAULT_MAC)
		(void)stress_mac_parse(deed->word, is->mac);
	if (aspects & FAULT_NAME)
		snprintf(is->name, sizeof(is->name), "%s", deed->word);
}

int fault_do_device(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error)
{
	enum fault_which which;
	uint32_t aspects = fault_aspects(target, deed, &which);
	const char *name = target->side[which].was.name;
	const struct fault_space *where = NULL;
	struct fault_device now;
	uint8_t mac[6];
	int err;

	if (deed->fault == STRESS_FAULT_CREATE || deed->fault == STRESS_FAULT_RETURN)
		return fault_told(name, fault_mend_device(target, which, FAULT_PRESENT), error);
	err = locate(target, which, &where, &now);
	if (err)
		return fault_told(name, err, error);
	fault_mark(target, which, aspects);
	switch (deed->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		err = set_flag(target, which, where->net, now.ifindex,
			       deed->fault == STRESS_FAULT_LINK_UP);
		break;
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		if (aspects & FAULT_UP)
			err = set_flag(target, which, where->net, now.ifindex,
				       deed->fault == STRESS_FAULT_CARRIER_ON);
		else
			err = fault_net_set_carrier(where->net, now.ifindex,
						    deed->fault == STRESS_FAULT_CARRIER_ON);
		break;
	case STRESS_FAULT_MTU:
		err = fault_net_set_mtu(where->net, now.ifindex, (uint32_t)deed->number);
		break;
	case STRESS_FAULT_MAC:
		err = stress_mac_parse(deed->word, mac) ? set_quiet(where, &now, NULL, mac)
							: -EINVAL;
		break;
	case STRESS_FAULT_RENAME:
		err = set_quiet(where, &now, deed->word, NULL);
		break;
	case STRESS_FAULT_DELETE:
		err = fault_net_delete(where->net, now.ifindex);
		break;
	default: /* MOVE */
		err = where == &target->away
			      ? 0
			      : fault_net_move(where->net, now.ifindex, target->away.fd);
		break;
	}
	if (!err)
		remember(&target->side[which].is, deed, aspects);
	return fault_told(name, err, error);
}
