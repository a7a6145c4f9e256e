/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_upon.c - what depends on a device and would not come back with it, looked for before it is taken away.
 *
 * Addresses, routes and neighbours are kept (fault_keep.c); interfaces that stand upon a device that is
 * deleted, in any namespace, are not, nor are the queueing disciplines that somebody gave it.
 */
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "fault.h"
#include "fault_talk.h"
#include "stress.h"

static int refuse(struct lwf_error *error, const char *what, const char *next, const char *name,
		  const char *why)
{
	lwf_error_set(error, LWF_EXIT_REFUSED, what, next, "%s%s", name, why);
	return LWF_EXIT_REFUSED;
}

/* ---- interfaces ---- */

struct upon {
	const struct fault_side *side;
	uint32_t ifindex;
	int nsid; /* of its namespace, as the one that is looked at numbers it; -1: this one */
	char name[IFNAMSIZ];
};

static bool stands_upon(const struct fault_device *device, void *context)
{
	struct upon *upon = context;

	if (device->link != upon->ifindex || device->link_nsid != upon->nsid ||
	    strcmp(device->kind, "veth") == 0)
		return false;
	memcpy(upon->name, device->name, sizeof(upon->name));
	return true;
}

static bool has_one(const struct fault_space *space, void *context)
{
	struct upon *upon = context;

	upon->nsid = -1;
	if (space->inode != upon->side->space.inode &&
	    (fault_net_nsid(space->net, upon->side->space.fd, &upon->nsid) || upon->nsid < 0))
		return false;
	return fault_net_each(space->net, stands_upon, upon) == 0 && upon->name[0];
}

static int check_links(const struct fault_target *target, enum fault_which which,
		       struct lwf_error *error)
{
	const struct fault_side *side = &target->side[which];
	struct upon upon = {.side = side, .ifindex = target->marks->ifindex[which]};
	struct fault_space found;

	if (fault_space_find(target->daemon.pid, has_one, &upon, &found))
		return LWF_EXIT_OK;
	fault_space_close(&found);
	return refuse(error, side->was.name, "use link down, or device move", upon.name,
		      " stands upon it, and could not be made again");
}

/* ---- queueing disciplines ---- */

struct qdiscs {
	uint32_t ifindex;
	bool ours; /* lwfd has one for what comes in */
	char kind[FAULT_KIND_BYTES];
};

/* Those that the kernel makes by itself have no handle. */
static void on_qdisc(const struct nlmsghdr *header, void *context)
{
	const struct tcmsg *qdisc = nlmsg_data(header);
	const struct nlattr *kind =
		nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)header, sizeof(*qdisc), TCA_KIND);
	struct qdiscs *qdiscs = context;

	if (header->nlmsg_type != RTM_NEWQDISC || (uint32_t)qdisc->tcm_ifindex != qdiscs->ifindex ||
	    !qdisc->tcm_handle || !kind ||
	    (qdiscs->ours && qdisc->tcm_handle == TC_H_MAKE(TC_H_CLSACT, 0)))
		return;
	nla_strlcpy(qdiscs->kind, kind, sizeof(qdiscs->kind));
}

static int check_qdiscs(const struct fault_target *target, enum fault_which which,
			struct lwf_error *error)
{
	const struct tcmsg head = {.tcm_family = AF_UNSPEC};
	const struct fault_side *side = &target->side[which];
	struct qdiscs qdiscs = {.ifindex = target->marks->ifindex[which],
				.ours = which != FAULT_PEER};

	(void)fault_talk(side->space.net,
			 fault_talk_message(RTM_GETQDISC, NLM_F_DUMP, &head, sizeof(head)),
			 on_qdisc, &qdiscs);
	if (!qdiscs.kind[0])
		return LWF_EXIT_OK;
	return refuse(error, side->was.name, "use link down, or take it away: tc qdisc del",
		      qdiscs.kind, " is its queueing discipline, which would be lost");
}

/* ---- all ---- */

static int check_side(struct fault_target *target, enum fault_which which, bool deleted,
		      struct lwf_error *error)
{
	const struct fault_side *side = &target->side[which];
	const char *problem = fault_keep_problem(&side->keep);
	int code = LWF_EXIT_OK;

	if (side->space.fd < 0)
		return code;
	if (problem)
		return refuse(error, side->was.name, "use link force-off", "", problem);
	if (deleted)
		code = check_links(target, which, error);
	return code;
}

int fault_check_upon(struct fault_target *target, const struct fault_deed *deed,
		     struct lwf_error *error)
{
	bool deleted = deed->fault == STRESS_FAULT_DELETE;
	enum fault_which which;
	uint32_t aspects = fault_aspects(target, deed, &which);
	int code;

	if (!(aspects & FAULT_LOSES) || stress_fault_gives(deed->fault) ||
	    (deed->fault == STRESS_FAULT_MTU && deed->number >= FAULT_MTU_IPV6))
		return LWF_EXIT_OK;
	code = check_side(target, which, deleted, error);
	if (!code && deleted && strcmp(target->side[which].was.kind, "veth") == 0)
		code = check_side(target, FAULT_PEER, deleted, error);
	if (!code && aspects & FAULT_PRESENT)
		code = check_qdiscs(target, which, error);
	if (!code && deleted && target->side[FAULT_PEER].space.fd >= 0 && which == FAULT_LOWER)
		code = check_qdiscs(target, FAULT_PEER, error);
	return code;
}
