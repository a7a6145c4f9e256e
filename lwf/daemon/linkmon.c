/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linkmon.c - listens to rtnetlink and keeps what was heard; see link_private.h.
 *
 * A turn reads every message that waits, then lets the policy act once on the difference: a burst
 * costs one transition, and the last state is always the kernel's. When the socket overran
 * (ENOBUFS, which libnl calls NLE_NOMEM), what still waits is read first, and then all links are
 * dumped: those that are not in the dump are gone, the rest is compared. Without memory (also NLE_NOMEM)
 * nothing can be read: the socket is left alone for a while, and then the same is done, since a message may
 * have been lost on its way.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "link_private.h"
#include "nsnet.h"

#define LINK_TURN_DATAGRAMS 1024u /* read in one turn at most */
#define LINK_BEHIND_TURNS   64u	  /* so long a dump waits until all is read */

/* ---- one interface ---- */

static bool is_ours(const struct link_side *side, const struct rtnl_link *link)
{
	if (!link->ethernet)
		return false;
	if (!strcmp(link->name, side->configured))
		return true;
	return side->has_permanent_mac && link->has_permanent_mac &&
	       !memcmp(link->permanent_mac, side->permanent_mac, 6);
}

static void take(struct link_side *side, const struct rtnl_link *link)
{
	struct link_facts *heard = &side->heard;

	heard->present = true;
	heard->admin_up = link->up;
	heard->carrier = link->carrier;
	heard->ifindex = link->ifindex;
	heard->mtu_bytes = link->mtu_bytes;
	heard->master = link->master;
	heard->speed_mbps = link->carrier ? rtnl_link_speed(side->source->ns, link->name) : 0;
	memcpy(heard->mac, link->mac, 6);
	heard->has_permanent_mac = link->has_permanent_mac;
	memcpy(heard->permanent_mac, link->permanent_mac, 6);
	snprintf(heard->name, sizeof(heard->name), "%s", link->name);
	if (link->has_permanent_mac) {
		side->has_permanent_mac = true;
		memcpy(side->permanent_mac, link->permanent_mac, 6);
	}
}

static void take_away(struct link_side *side, bool moved)
{
	side->heard.present = false;
	side->heard.moved = moved;
	side->heard.admin_up = false;
	side->heard.carrier = false;
	side->heard.master = 0;
	side->heard.removals++;
}

void link_side_hear(struct link_side *side, const struct rtnl_link *link)
{
	struct link_facts *heard = &side->heard;

	if (!heard->present) {
		if (!link->deleted && is_ours(side, link))
			take(side, link);
		return;
	}
	if (link->ifindex != heard->ifindex)
		return;
	if (link->deleted) {
		take_away(side, link->moved);
		return;
	}
	if (heard->admin_up && !link->up)
		heard->downs++;
	else if (heard->carrier && !link->carrier)
		heard->losses++;
	take(side, link);
}

int link_side_look(struct link_side *side)
{
	struct rtnl_link link;
	int error = rtnl_link_get(side->source->requests, side->configured, 0, &link);

	if (error == -ENODEV)
		return 0;
	if (!error)
		link_side_hear(side, &link);
	return error;
}

/* ---- one namespace ---- */

/** Calls @fn for every followed interface in @source. */
static void each_side(struct link_source *source,
		      void (*fn)(struct link_side *side, const void *argument),
		      const void *argument)
{
	for (struct link_follow *follow = source->monitor->follows; follow; follow = follow->next) {
		if (follow->nic.source == source)
			fn(&follow->nic, argument);
		if (follow->tap.source == source)
			fn(&follow->tap, argument);
	}
}

static void hear_side(struct link_side *side, const void *argument)
{
	const struct rtnl_link *link = argument;

	link_side_hear(side, link);
	if (side->heard.present && side->heard.ifindex == link->ifindex)
		side->seen = true;
}

static void hear(const struct nlmsghdr *header, void *context)
{
	struct rtnl_link link;

	if (rtnl_link_read(header, &link))
		each_side(context, hear_side, &link);
}

static int heard_event(struct nl_msg *message, void *context)
{
	hear(nlmsg_hdr(message), context);
	return NL_OK;
}

static void clear_seen(struct link_side *side, const void *argument)
{
	(void)argument;
	side->seen = false;
}

static void remove_unseen(struct link_side *side, const void *argument)
{
	(void)argument;
	if (side->heard.present && !side->seen)
		take_away(side, false);
}

static int dump(struct link_source *source)
{
	static const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
	int error = -EAGAIN;

	for (uint32_t tries = 0; error == -EAGAIN && tries < RTNL_DUMP_TRIES_MAX; tries++) {
		each_side(source, clear_seen, NULL);
		error = rtnl_dump(source->requests, RTM_GETLINK, &all, sizeof(all), hear, source);
	}
	return error;
}

/** Brings what was heard into line with the kernel after something was not heard. */
static void resync(struct link_source *source)
{
	int error = dump(source);

	if (!error) {
		each_side(source, remove_unseen, NULL);
		/* once more: an old index hid a new interface of the same name */
		error = dump(source);
	}
	source->overrun = error != 0;
	if (!error) {
		source->told = false;
		return;
	}
	if (!source->told)
		lwf_log(source->monitor->host, LWF_LOG_WARNING,
			"links: the dump after messages were lost failed (%s); trying again",
			strerror(-error));
	source->told = true;
	lwf_timer_set(&source->again, LINK_RETRY_NS);
}

static void count_overrun(struct link_source *source)
{
	struct link_monitor *monitor = source->monitor;

	source->overrun = true;
	monitor->overruns++;
	for (struct link_follow *follow = monitor->follows; follow; follow = follow->next)
		if (follow->nic.source == source || follow->tap.source == source)
			follow->counts[LINK_OVERRUN]++;
}

/* Something was not heard, and @error says why. */
static void miss(struct link_source *source, int error)
{
	if (error != ENOMEM) {
		count_overrun(source);
		return;
	}
	source->overrun = true;
	source->deaf = true;
}

/* A dump is newer than all that waits: that is read before, or it would be believed afterwards. */
static void resync_when_read(struct link_source *source, bool is_empty)
{
	if (!is_empty && ++source->behind < LINK_BEHIND_TURNS)
		return;
	source->behind = 0;
	resync(source);
	if (!is_empty)
		source->overrun = true; /* there is no end of it: once more when there is */
}

static void hear_all(struct link_source *source)
{
	int error = 0;

	for (uint32_t n = 0; n < LINK_TURN_DATAGRAMS && error != -NLE_AGAIN && !source->deaf; n++) {
		errno = 0;
		error = nl_recvmsgs_default(source->events);
		/* all errors but "nothing waits" mean that a message may be lost */
		if (error < 0 && error != -NLE_AGAIN && error != -NLE_INTR)
			miss(source, errno);
	}
	if (source->deaf) {
		lwf_watch_set(&source->watch, 0);
		lwf_timer_set(&source->again, LINK_RETRY_NS);
	} else if (source->overrun) {
		resync_when_read(source, error == -NLE_AGAIN);
	}
	link_settle(source);
}

static void readable(void *context, unsigned events)
{
	(void)events;
	hear_all(context);
}

static void hear_again(void *context)
{
	struct link_source *source = context;

	if (source->deaf) {
		source->deaf = false;
		lwf_watch_set(&source->watch, LWF_WATCH_READ);
	}
	hear_all(source);
}

static int source_open(struct link_source *source)
{
	struct link_monitor *monitor = source->monitor;
	int error = rtnl_open(source->ns, &source->requests);

	if (error)
		return error;
	error = rtnl_open_monitor(source->ns, monitor->receive_bytes, &source->events);
	if (error)
		goto close_requests;
	if (nl_socket_modify_cb(source->events, NL_CB_VALID, NL_CB_CUSTOM, heard_event, source)) {
		error = -EIO;
		goto close_events;
	}
	error = lwf_timer_init(&source->again, monitor->host, hear_again, source);
	if (error)
		goto close_events;
	error = lwf_watch_init(&source->watch, monitor->host, nl_socket_get_fd(source->events),
			       LWF_WATCH_READ, 0, readable, source);
	if (!error)
		return 0;
	lwf_timer_fini(&source->again);
close_events:
	rtnl_close(source->events);
close_requests:
	rtnl_close(source->requests);
	return error;
}

int link_source_get(struct link_monitor *monitor, const char *name, struct link_source **result)
{
	struct link_source *source;
	struct nsnet *ns;
	int error = nsnet_get(name, &ns);

	if (error)
		return error;
	for (source = monitor->sources; source; source = source->next) {
		if (source->ns == ns) {
			nsnet_put(ns);
			source->references++;
			*result = source;
			return 0;
		}
	}
	source = calloc(1, sizeof(*source));
	if (!source) {
		nsnet_put(ns);
		return -ENOMEM;
	}
	source->monitor = monitor;
	source->ns = ns;
	source->references = 1;
	error = source_open(source);
	if (error) {
		nsnet_put(ns);
		free(source);
		return error;
	}
	source->next = monitor->sources;
	monitor->sources = source;
	*result = source;
	return 0;
}

void link_source_put(struct link_source *source)
{
	struct link_source **link;

	if (!source)
		return;
	assert(source->references);
	if (--source->references)
		return;
	link = &source->monitor->sources;
	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	lwf_watch_fini(&source->watch);
	lwf_timer_fini(&source->again);
	rtnl_close(source->events);
	rtnl_close(source->requests);
	nsnet_put(source->ns);
	free(source);
}

/* ---- the monitor ---- */

int link_open(struct lwf_host *host, struct link_monitor **result)
{
	struct link_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return -ENOMEM;
	monitor->host = host;
	monitor->receive_bytes = LINK_RECEIVE_BYTES;
	*result = monitor;
	return 0;
}

void link_close(struct link_monitor *monitor)
{
	if (!monitor)
		return;
	assert(!monitor->follows && !monitor->sources);
	free(monitor);
}

uint64_t link_overruns(const struct link_monitor *monitor)
{
	return monitor->overruns;
}

void link_set_receive_bytes(struct link_monitor *monitor, uint32_t bytes)
{
	monitor->receive_bytes = bytes;
	for (struct link_source *source = monitor->sources; source; source = source->next)
		(void)rtnl_set_receive_bytes(source->events, bytes);
}
