/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_private.h - what link.c (policy) and linkmon.c (listening) share.
 *
 * A source is one namespace's pair of netlink sockets. A side is one followed interface: `heard` is
 * what the last message said, `facts` is what the policy has acted on.
 */
#ifndef LWF_DAEMON_LINK_PRIVATE_H
#define LWF_DAEMON_LINK_PRIVATE_H

#include "link.h"
#include "rtnl.h"

struct link_source {
	struct link_source *next;
	struct link_monitor *monitor;
	struct nsnet *ns;
	struct nl_sock *events, *requests;
	struct lwf_watch watch;
	struct lwf_timer again; /* another try of a dump that was interrupted too often */
	unsigned references;
	bool overrun;	 /* heard less than there was: a dump is due */
	uint32_t behind; /* turns that the dump has been put off, since there is more to be read */
	bool deaf;	 /* no memory to hear with: not watched until `again` */
	bool told;	 /* that a dump failed: once until one succeeds */
};

struct link_side {
	struct link_source *source; /* NULL: not followed */
	char configured[LINK_NAME_BYTES];
	uint8_t permanent_mac[6];
	bool has_permanent_mac;
	bool seen; /* in the dump that is running */
	struct link_facts facts, heard;
};

struct link_follow {
	struct link_follow *next;
	struct link_monitor *monitor;
	struct lwf_stack *stack;
	const struct link_hooks *hooks;
	void *context;
	struct link_side nic, tap;
	bool nic_away;	  /* the stack does without it, even if it exists by now */
	bool nic_refused; /* it exists, but could not be taken back yet */
	bool tap_away;	  /* to be made again */
	bool tap_lost;	  /* gone, and not ours to make */
	bool warned;
	bool looped; /* both are ports of one bridge, which was told */
	struct lwf_timer retry;
	uint64_t counts[LINK_EVENTS];
};

struct link_monitor {
	struct lwf_host *host;
	struct link_source *sources;
	struct link_follow *follows;
	uint32_t receive_bytes;
	uint64_t overruns;
};

/* ---- linkmon.c ---- */

/** The source of namespace @name, with one reference. */
int link_source_get(struct link_monitor *monitor, const char *name, struct link_source **source);

/** Accepts NULL. */
void link_source_put(struct link_source *source);

/** Looks the interface of @side up by its configured name and takes it as heard. 0 or -errno. */
int link_side_look(struct link_side *side);

/** Takes one message, or one line of a dump, into side->heard if it is about that interface. */
void link_side_hear(struct link_side *side, const struct rtnl_link *link);

/* ---- link.c ---- */

/** Acts on what was heard for all stacks that have an interface in @source. */
void link_settle(struct link_source *source);

#endif
