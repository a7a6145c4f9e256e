/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - the interfaces under the stacks: what they are, and what their changes do.
 *
 * A monitor listens to rtnetlink in every namespace that a stack has an interface in. What it
 * hears becomes facts about the followed interfaces; the difference of two sets of facts is a set
 * of events; the table LINK_POLICY says what each event does. Everything happens on the loop
 * thread, link messages before all else of a turn.
 */
#ifndef LWF_DAEMON_LINK_H
#define LWF_DAEMON_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/host.h>
#include <lwf/stack.h>

#define LINK_NAME_BYTES	   16u		/* IFNAMSIZ */
#define LINK_RECEIVE_BYTES (4u << 20)	/* receive buffer of a monitor's socket */
#define LINK_RETRY_NS	   100000000ull /* between tries to take an interface back */

struct link_monitor;
struct link_follow;

/** What is known of one interface. */
struct link_facts {
	bool present;
	bool moved; /* when it went away last, it went to another namespace */
	bool admin_up;
	bool carrier;
	bool has_permanent_mac;
	uint32_t ifindex;
	uint32_t mtu_bytes;
	uint32_t master;     /* the bridge of which it is a port; 0: of none */
	uint32_t speed_mbps; /* 0: not known */
	uint32_t removals;   /* how often it went away since it is followed */
	uint32_t downs;	     /* how often it was disabled */
	uint32_t losses;     /* how often carrier was lost while enabled */
	uint8_t mac[6];
	uint8_t permanent_mac[6];
	char name[LINK_NAME_BYTES];
};

/** The answer to link_query(). */
struct link_info {
	struct link_facts facts; /* present false: no such interface */
	bool ethernet;		 /* frames with an Ethernet header (ARPHRD_ETHER) */
	uint32_t addresses;	 /* IPv4 and IPv6, without link-local ones made by the kernel */
	char address[64];	 /* the first of them, printed, for messages */
	char kind[16];		 /* "veth", "tun", "bridge"; empty for a real device */
};

/**
 * Asks the kernel for the interface @name in namespace @netns (NULL: ours). An interface that does
 * not exist is no error: facts.present is false. Returns 0, or what nsnet_get() says, -EINVAL for a
 * name that is none.
 */
int link_query(const char *netns, const char *name, struct link_info *info);

/** X(symbol, printed name, side): everything that may happen to a followed interface, in the order
 * it is served */
#define LINK_EVENT_LIST(X)                         \
	X(MOVED, "moved", "nic")                   \
	X(DELETED, "deleted", "nic")               \
	X(APPEARED, "appeared", "nic")             \
	X(RENAMED, "renamed", "nic")               \
	X(MTU, "mtu", "nic")                       \
	X(MAC, "mac", "nic")                       \
	X(SPEED, "speed", "nic")                   \
	X(CARRIER_LOST, "carrier-lost", "nic")     \
	X(ADMIN_DOWN, "admin-down", "nic")         \
	X(ADMIN_UP, "admin-up", "nic")             \
	X(CARRIER_BACK, "carrier-back", "nic")     \
	X(UPPER_DELETED, "upper-deleted", "tap")   \
	X(UPPER_MOVED, "upper-moved", "tap")       \
	X(UPPER_APPEARED, "upper-appeared", "tap") \
	X(UPPER_RENAMED, "upper-renamed", "tap")   \
	X(UPPER_CHANGED, "upper-changed", "tap")   \
	X(UPPER_DOWN, "upper-down", "tap")         \
	X(UPPER_UP, "upper-up", "tap")             \
	X(OVERRUN, "overrun", "both")

enum link_event {
#define X(sym, name, side) LINK_##sym,
	LINK_EVENT_LIST(X)
#undef X
		LINK_EVENTS
};

/** X(symbol, printed name): everything that may be done about it */
#define LINK_ACTION_LIST(X)                                                                      \
	X(NOTHING, "nothing")		    /* ends a row */                                     \
	X(SET_LINK, "set-link")		    /* lwf_stack_set_link() with the facts of now */     \
	X(SET_GONE, "set-gone")		    /* the same with present false */                    \
	X(SET_DISABLED, "set-disabled")	    /* the same with admin_up and carrier false */       \
	X(SET_NO_CARRIER, "set-no-carrier") /* the same with carrier false */                    \
	X(HOLD_LINK, "hold-link")	    /* pause, then detach */                             \
	X(RELEASE_LINK, "release-link")                                                          \
	X(MATCH_LINK, "match-link")	/* hold-link when it is disabled, else release-link */   \
	X(HOLD_REMOVED, "hold-removed") /* pause, then detach: surprise removal */               \
	X(RELEASE_REMOVED, "release-removed")                                                    \
	X(FORGET, "forget") /* claim and ingress filter went with the interface */               \
	X(RETURN, "return") /* claim, reopen, shut ingress; failing, the row is tried again */   \
	X(RENAME, "rename") /* the edge takes the interface's new name */                        \
	X(SET_UPPER, "set-upper") /* the upper edge's link becomes the facts of now */           \
	X(REMAKE, "remake")	  /* a TAP that we made is made again, and up if it was */       \
	X(ADOPT, "adopt")   /* a lost TAP that was not ours and is there again is taken again */ \
	X(WARN, "warn")	    /* says once that somebody else changes our TAP */                   \
	X(RESYNC, "resync") /* full dump, difference, synthetic events */

enum link_action {
#define X(sym, name) LINK_DO_##sym,
	LINK_ACTION_LIST(X)
#undef X
		LINK_ACTIONS
};

#define LINK_ROW_ACTIONS_MAX 4u

/** One row of the policy: what @event does, in order. */
struct link_row {
	enum link_event event;
	enum link_action actions[LINK_ROW_ACTIONS_MAX];
	const char *why;
};

/** The row of @event. Every event has one. */
const struct link_row *link_policy(enum link_event event);

const char *link_event_name(enum link_event event);
const char *link_action_name(enum link_action action);

/** Events between two sets of facts, as a bit set (1u << enum link_event). Pure. */
uint32_t link_diff_nic(const struct link_facts *before, const struct link_facts *now);
uint32_t link_diff_tap(const struct link_facts *before, const struct link_facts *now);

/** What the follower's owner does; each may be NULL. Called on the loop thread. */
struct link_hooks {
	/** The interface is there again: claim it, reopen the edge, shut ingress. 0, or -errno:
	 * tried again. */
	int (*nic_returned)(void *context, const struct link_facts *nic);
	/** The interface is gone; nothing of it can be undone any more. */
	void (*nic_gone)(void *context);
	/**
	 * The TAP is gone, or (present) another one has its name now. 0 when it was made or taken again;
	 * -ENOTSUP: not ours to make; another -errno: tried again.
	 */
	int (*tap_gone)(void *context, const struct link_facts *tap);
	/** The TAP exists again as @tap. */
	void (*tap_returned)(void *context, const struct link_facts *tap);
};

struct link_config {
	const char *nic_name;  /* configured name; NULL when the lower edge is no interface */
	const char *nic_netns; /* NULL: ours */
	const char *tap_name;  /* NULL when the upper edge is no interface */
	const char *tap_netns;
	const struct link_hooks *hooks; /* lent for as long as it is followed; may be NULL */
	void *context;
};

/** Makes a monitor. Returns 0 or -errno. */
int link_open(struct lwf_host *host, struct link_monitor **monitor);

/** Everything must be unfollowed. Accepts NULL. */
void link_close(struct link_monitor *monitor);

/**
 * Follows the interfaces of @stack: looks at them now, sets the stack's link and holds accordingly,
 * and from now on applies the policy. Strings are copied. Namespaces are entered inside, so call it
 * before rights are dropped. Returns 0, -ENOMEM, or what nsnet_get() says.
 */
int link_follow(struct link_monitor *monitor, struct lwf_stack *stack,
		const struct link_config *config, struct link_follow **follow);

/** Before the stack is closed. Accepts NULL. */
void link_unfollow(struct link_follow *follow);

/** What is known now of both interfaces of a followed stack; lent. */
const struct link_facts *link_nic(const struct link_follow *follow);
const struct link_facts *link_tap(const struct link_follow *follow);

/** How often @event was served for this stack. */
uint64_t link_event_count(const struct link_follow *follow, enum link_event event);

/** Overruns of the monitor's sockets so far, each of them followed by a full dump. */
uint64_t link_overruns(const struct link_monitor *monitor);

/** Sets the receive buffer of all sockets, present and future, in bytes (tests make it tiny). */
void link_set_receive_bytes(struct link_monitor *monitor, uint32_t bytes);

#endif
