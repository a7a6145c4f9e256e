/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_check.c - what cannot be done to a running stack, said before anything is done.
 *
 * A fault that could not be undone is refused, and so is one that would need more than a running
 * daemon gives: the library that `lwf-stress run` preloads into daemons of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

#define CHAIN_MAX 4u /* bridges, bonds, VLANs upon each other */

static int refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *next,
		  const char *why)
{
	lwf_error_set(error, code, what, next, "%s", why);
	return (int)code;
}

int fault_told(const char *what, int err, struct lwf_error *error)
{
	switch (-err) {
	case 0:
		return LWF_EXIT_OK;
	case EPERM:
	case EACCES:
		return refuse(error, LWF_EXIT_PERMISSION, what,
			      "run it as root, where lwfd and the interface are",
			      "the kernel does not permit that");
	case ENODEV:
	case ESRCH:
		return refuse(error, LWF_EXIT_NO_OBJECT, what, "look with lwfctl show",
			      "it is not there now");
	case EOPNOTSUPP:
		return refuse(error, LWF_EXIT_REFUSED, what, NULL, "its driver cannot do that");
	default:
		return refuse(error, LWF_EXIT_REFUSED, what, NULL, strerror(-err));
	}
}

bool fault_is_of_runs(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_CREATE: /* a running stack has what these three bring */
	case STRESS_FAULT_RETURN:
	case STRESS_FAULT_DAEMON_START:
	case STRESS_FAULT_NAMESPACE: /* and would lose all that is in its own */
	case STRESS_FAULT_CLIENT_START:
	case STRESS_FAULT_CLIENT_CALM:
	case STRESS_FAULT_CLIENT_HEARS:
	case STRESS_FAULT_CLIENT_CANCEL:
	case STRESS_FAULT_CLIENT_GARBLE:
		return true;
	default:
		return !(stress_fault_row(fault)->worlds & STRESS_IN_LIVE);
	}
}

/* ---- the default route ---- */

bool fault_cuts(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_MTU:
	case STRESS_FAULT_MAC:
	case STRESS_FAULT_RENAME:
	case STRESS_FAULT_DELETE:
	case STRESS_FAULT_MOVE:
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
	case STRESS_FAULT_OVERRUN:
	case STRESS_FAULT_MEMORY:
	case STRESS_FAULT_MEMORY_OUT:
	case STRESS_FAULT_DESCRIPTORS:
	case STRESS_FAULT_DESCRIPTORS_DENY:
	case STRESS_FAULT_CLIENT_FLOOD:
	case STRESS_FAULT_CLIENT_DEAF:
		return true;
	default:
		return false;
	}
}

/* Does what goes through @from go through @side: is it that, its master, or something upon it? */
static bool leads_to(const struct fault_side *side, uint32_t from)
{
	struct fault_device device;
	uint32_t master = side->was.ifindex;

	for (unsigned up = 0; master && up < CHAIN_MAX; up++) {
		uint32_t at = from;

		for (unsigned down = 0; at && down < CHAIN_MAX; down++) {
			if (at == master)
				return true;
			if (fault_net_look(side->space.net, NULL, at, &device) ||
			    device.link_nsid >= 0 || strcmp(device.kind, "veth") == 0)
				break;
			at = device.link;
		}
		if (fault_net_look(side->space.net, NULL, master, &device))
			break;
		master = device.master;
	}
	return false;
}

bool fault_is_default_route(const struct fault_target *target, char name[IFNAMSIZ])
{
	uint32_t through[FAULT_ROUTES_MAX], count = 0;

	for (unsigned i = FAULT_LOWER; i <= FAULT_UPPER; i++) {
		const struct fault_side *side = &target->side[i];
		struct fault_device device;

		if (side->space.fd < 0)
			continue;
		(void)fault_net_default_routes(side->space.net, through, &count);
		for (uint32_t k = 0; k < count; k++) {
			if (!leads_to(side, through[k]))
				continue;
			if (fault_net_look(side->space.net, NULL, through[k], &device))
				device = side->was;
			memcpy(name, device.name, IFNAMSIZ);
			return true;
		}
	}
	return false;
}

/* ---- devices ---- */

static int check_delete(const struct fault_target *target, const struct fault_side *side,
			enum fault_which which, struct lwf_error *error)
{
	const struct fault_device *was = &side->was;
	char why[160];

	if (strcmp(was->kind, "dummy") == 0)
		return 0;
	if (strcmp(was->kind, "veth") == 0) {
		if (target->side[FAULT_PEER].space.fd >= 0)
			return 0;
		return refuse(error, LWF_EXIT_REFUSED, was->name,
			      "run it as root, where the other end of its pair can be reached",
			      "the pair could not be made again: its other end is not to be seen "
			      "from here");
	}
	if (strcmp(was->kind, "tun") == 0 && (was->tap_persists || which == FAULT_UPPER))
		return 0;
	snprintf(why, sizeof(why), "a device of kind '%s' could not be made again",
		 was->kind[0] ? was->kind : "hardware");
	return refuse(error, LWF_EXIT_REFUSED, was->name, "use device move, or link down", why);
}

static int check_carrier(const struct fault_target *target, const struct fault_side *side,
			 enum fault_which which, struct lwf_error *error)
{
	int err;

	if (which == FAULT_LOWER && target->side[FAULT_PEER].space.fd >= 0)
		return 0;
	if (!side->was.carrier)
		return refuse(error, LWF_EXIT_REFUSED, side->was.name,
			      "use link force-off, or plug the cable in", "it has no carrier now");
	/* what is so already: only to hear whether the driver takes such an order */
	err = fault_net_set_carrier(side->space.net, side->was.ifindex, side->was.carrier);
	if (!err)
		return 0;
	if (err == -EPERM &&
	    strcmp(side->was.kind, "tun") != 0) /* a TAP that nobody holds says so */
		return fault_told(side->was.name, err, error);
	return refuse(error, LWF_EXIT_REFUSED, side->was.name,
		      "use link force-off, or pull the cable",
		      "its far end is not known here, and its driver takes no order to have no "
		      "carrier");
}

static int check_mtu(const struct fault_device *was, int64_t mtu_bytes, struct lwf_error *error)
{
	int64_t most = was->most_mtu_bytes ? was->most_mtu_bytes : STRESS_MTU_MOST_BYTES;
	char why[80];

	if (mtu_bytes < STRESS_MTU_LEAST_BYTES || mtu_bytes > STRESS_MTU_MOST_BYTES)
		return refuse(error, LWF_EXIT_USAGE, "link mtu", NULL, "an MTU is 68 to 65535");
	if (mtu_bytes >= was->least_mtu_bytes && mtu_bytes <= most)
		return 0;
	snprintf(why, sizeof(why), "its driver takes an MTU of %" PRIu32 " to %" PRId64,
		 was->least_mtu_bytes, most);
	return refuse(error, LWF_EXIT_REFUSED, was->name, NULL, why);
}

static int check_name(const struct fault_side *side, const char *name, struct lwf_error *error)
{
	struct fault_device other;

	if (!name[0] || strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t%") ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return refuse(error, LWF_EXIT_USAGE, name, NULL, "no interface can be called so");
	if (fault_net_look(side->space.net, name, 0, &other) == 0)
		return refuse(error, LWF_EXIT_REFUSED, name, NULL,
			      "an interface is called so already");
	return 0;
}

static int check_away(struct fault_target *target, struct lwf_error *error)
{
	int err = target->away.fd < 0 ? fault_space_make(&target->away) : 0;

	return fault_told("a network namespace to move it to", err, error);
}

static int check_device(struct fault_target *target, const struct fault_deed *deed,
			struct lwf_error *error)
{
	const struct fault_side *side = &target->side[deed->side];
	uint8_t mac[6];

	if (side->space.fd < 0)
		return refuse(error, LWF_EXIT_NO_OBJECT, target->stack,
			      "look with lwfctl show, and run it as root, where lwfd is",
			      deed->side == FAULT_UPPER
				      ? "it has no TAP that can be reached from here"
				      : "it has no interface now that can be reached from here");
	switch (deed->fault) {
	case STRESS_FAULT_DELETE:
		return check_delete(target, side, deed->side, error);
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_RETURN:
		if (target->marks->changed[deed->side] & FAULT_PRESENT)
			return 0;
		return refuse(error, LWF_EXIT_REFUSED, side->was.name,
			      "use device delete --for, or device move --for", "it is there");
	case STRESS_FAULT_CARRIER_OFF:
	case STRESS_FAULT_CARRIER_ON:
		return check_carrier(target, side, deed->side, error);
	case STRESS_FAULT_MTU:
		return check_mtu(&side->was, deed->number, error);
	case STRESS_FAULT_MAC:
		return stress_mac_parse(deed->word, mac) && !(mac[0] & 1)
			       ? 0
			       : refuse(error, LWF_EXIT_USAGE, deed->word,
					"write it like 02:00:00:00:00:01",
					"it is no MAC of an interface");
	case STRESS_FAULT_RENAME:
		return check_name(side, deed->word, error);
	case STRESS_FAULT_MOVE:
		return check_away(target, error);
	default:
		return 0;
	}
}

/* ---- all ---- */

int fault_check(struct fault_target *target, const struct fault_deed *deed, struct lwf_error *error)
{
	const char *words = stress_fault_row(deed->fault)->words;
	int code;

	if (fault_is_lie(deed->fault))
		return fault_check_lie(target, deed, error);
	switch (deed->fault) {
	case STRESS_FAULT_NAMESPACE:
		return refuse(error, LWF_EXIT_REFUSED, words, "use device move, or lwf-stress run",
			      "all that is in the namespace would be lost, and could not be made "
			      "again");
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_FORCE_ON:
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_DAEMON_CONTINUE:
	case STRESS_FAULT_DESCRIPTORS:
	case STRESS_FAULT_DESCRIPTORS_OK:
		return 0;
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		return fault_start_learn(target, error);
	case STRESS_FAULT_DAEMON_START:
		return refuse(error, LWF_EXIT_REFUSED, words, "use daemon kill --for",
			      "a daemon answers already");
	default:
		break;
	}
	if (!(stress_fault_row(deed->fault)->objects & STRESS_SIDES) &&
	    deed->fault != STRESS_FAULT_OVERRUN)
		return 0;
	code = check_device(target, deed, error);
	return code ? code : fault_check_upon(target, deed, error);
}
