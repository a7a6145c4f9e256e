/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adapter.c - all that one stack does to the machine; see adapter.h.
 *
 * The watchdog child is told before a thing is done and told to forget after it is undone, so that there is
 * no moment in which a kill leaves something behind.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter.h"
#include "edges.h"
#include "guardian.h"
#include "ingress.h"
#include "nsnet.h"
#include "rtnl.h"
#include "takeover.h"

struct adapter {
	struct adapter_config config; /* its strings are ours */
	struct link_info nic;
	struct lwf_stack *stack;
	struct link_follow *follow;
	struct nsnet *nic_ns; /* NULL without a NIC */
	struct ingress ingress;
	struct takeover *takeover;
	int claim;
	bool ran;
	bool loaded; /* a user of the ingress program */
	char key[GUARDIAN_KEY_BYTES];
	char *strings[6];
};

__attribute__((format(printf, 3, 4))) static void say(char *text, size_t bytes, const char *format,
						      ...)
{
	size_t used = strnlen(text, bytes);
	va_list arguments;

	va_start(arguments, format);
	if (used < bytes)
		vsnprintf(text + used, bytes - used, format, arguments);
	va_end(arguments);
}

static void release(struct adapter *adapter)
{
	if (adapter->claim >= 0)
		close(adapter->claim);
	nsnet_put(adapter->nic_ns);
	for (size_t n = 0; n < sizeof(adapter->strings) / sizeof(adapter->strings[0]); n++)
		free(adapter->strings[n]);
	free(adapter);
}

static struct adapter *make(const struct adapter_config *config)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	const char **fields[6];

	if (!adapter)
		return NULL;
	adapter->config = *config;
	adapter->claim = -1;
	snprintf(adapter->key, sizeof(adapter->key), "ingress %s", config->stack_name);
	fields[0] = &adapter->config.stack_name;
	fields[1] = &adapter->config.nic_name;
	fields[2] = &adapter->config.nic_netns;
	fields[3] = &adapter->config.tap_name;
	fields[4] = &adapter->config.tap_netns;
	fields[5] = &adapter->config.runtime_dir;
	for (size_t n = 0; n < 6; n++) {
		if (!*fields[n])
			continue;
		adapter->strings[n] = strdup(*fields[n]);
		*fields[n] = adapter->strings[n];
		if (!adapter->strings[n]) {
			release(adapter);
			return NULL;
		}
	}
	return adapter;
}

static int claim(struct adapter *adapter, uint32_t ifindex, pid_t *owner)
{
	return lwf_nic_claim(adapter->config.nic_netns, ifindex, &adapter->claim, owner);
}

/* ---- opening ---- */

static int refuse_addresses(const struct adapter *adapter, char *error, size_t bytes)
{
	const struct adapter_config *config = &adapter->config;
	const struct link_info *nic = &adapter->nic;
	char more[32] = "";

	if (!nic->addresses || config->share || config->takeover)
		return 0;
	if (nic->addresses > 1)
		snprintf(more, sizeof(more), " and %u more", nic->addresses - 1);
	say(error, bytes,
	    "%s: it has addresses (%s%s); move them to %s with --takeover, or leave them there "
	    "with "
	    "--share",
	    config->nic_name, nic->address, more, config->tap_name ? config->tap_name : "the TAP");
	return -EADDRINUSE;
}

/** One namespace for both, when addresses shall move from one to the other. */
static int check_takeover(const struct adapter *adapter, char *error, size_t bytes)
{
	const struct adapter_config *config = &adapter->config;
	struct nsnet *tap_ns;
	bool same;

	if (!config->takeover)
		return 0;
	if (!config->tap_name) {
		say(error, bytes, "%s: --takeover needs a TAP; give one with --tap",
		    config->nic_name);
		return -EINVAL;
	}
	if (nsnet_get(config->tap_netns, &tap_ns))
		return 0; /* the TAP's own error will be told when it is made */
	same = tap_ns == adapter->nic_ns;
	nsnet_put(tap_ns);
	if (same)
		return 0;
	say(error, bytes, "%s: --takeover needs %s in the same network namespace", config->nic_name,
	    config->tap_name);
	return -EINVAL;
}

static int look(struct adapter *adapter, char *error, size_t bytes)
{
	const struct adapter_config *config = &adapter->config;
	const char *name = config->nic_name;
	int result = nsnet_get(config->nic_netns, &adapter->nic_ns);

	if (result == -EPERM || result == -EACCES) {
		say(error, bytes, "%s: may not enter network namespace %s; run as root", name,
		    config->nic_netns);
		return -EPERM;
	}
	if (result && !config->nic_netns) {
		say(error, bytes, "%s: cannot look into its network namespace (%s); try again",
		    name, strerror(-result));
		return result;
	}
	if (result) {
		say(error, bytes, "%s: no network namespace %s (%s); see `ip netns`", name,
		    config->nic_netns, strerror(-result));
		return result;
	}
	if (config->runtime_dir)
		(void)takeover_recover(adapter->nic_ns, config->runtime_dir, config->stack_name);
	result = link_query(config->nic_netns, name, &adapter->nic);
	if (result) {
		say(error, bytes, "%s: cannot look at it (%s); %s", name, strerror(-result),
		    result == -ENOMEM || result == -EIO ? "try again"
							: "give the name of an interface");
		return result;
	}
	if (!adapter->nic.facts.present && !config->wait_nic) {
		say(error, bytes,
		    "%s: no such interface; see `ip link`, or wait for it with "
		    "--wait-nic",
		    name);
		return -ENODEV;
	}
	if (adapter->nic.facts.present && !adapter->nic.ethernet) {
		say(error, bytes, "%s: not an Ethernet interface; choose another", name);
		return -EINVAL;
	}
	return 0;
}

static int claim_first(struct adapter *adapter, char *error, size_t bytes)
{
	const char *name = adapter->config.nic_name;
	pid_t owner = 0;
	int result;

	if (!adapter->nic.facts.present)
		return 0;
	result = claim(adapter, adapter->nic.facts.ifindex, &owner);
	if (result == -EBUSY)
		say(error, bytes, "%s: in use by process %d; stop that one first", name,
		    (int)owner);
	else if (result)
		say(error, bytes, "%s: cannot claim it (%s)", name, strerror(-result));
	return result;
}

/**
 * A TAP that is there already is adopted: lwfd changes its MTU, MAC and state, and gives them back
 * when it ends. The watchdog child is told what they were, for the end that lwfd does not see. A
 * goodbye after the edge gave them back makes it forget; doing it twice does no harm.
 */
static void remember_tap(struct adapter *adapter)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_change = IFF_UP};
	struct nl_sock *sock = NULL;
	struct nl_msg *message = NULL;
	struct nsnet *ns = NULL;
	struct rtnl_link tap;
	char key[GUARDIAN_KEY_BYTES];

	if (nsnet_get(adapter->config.tap_netns, &ns))
		return;
	if (rtnl_open(ns, &sock) || rtnl_link_get(sock, adapter->config.tap_name, 0, &tap))
		goto out; /* not there: it is made, and goes with the process */
	header.ifi_index = (int)tap.ifindex;
	header.ifi_flags = tap.up ? IFF_UP : 0;
	message = rtnl_message(RTM_NEWLINK, NLM_F_ACK, &header, sizeof(header));
	if (!message || nla_put_u32(message, IFLA_MTU, tap.mtu_bytes) ||
	    nla_put(message, IFLA_ADDRESS, sizeof(tap.mac), tap.mac))
		goto out;
	snprintf(key, sizeof(key), "tap %s", adapter->config.stack_name);
	(void)guardian_requests(adapter->config.guardian, key, ns, nlmsg_hdr(message),
				nlmsg_hdr(message)->nlmsg_len);
out:
	nlmsg_free(message);
	rtnl_close(sock);
	nsnet_put(ns);
}

int adapter_open(const struct adapter_config *config, struct adapter **result, char *error,
		 size_t error_bytes)
{
	struct adapter *adapter = make(config);
	int code = 0;

	*error = '\0';
	if (!adapter) {
		say(error, error_bytes, "%s: out of memory; try again", config->stack_name);
		return -ENOMEM;
	}
	if (config->nic_name) {
		code = look(adapter, error, error_bytes);
		if (!code)
			code = refuse_addresses(adapter, error, error_bytes);
		if (!code)
			code = check_takeover(adapter, error, error_bytes);
		if (!code)
			code = claim_first(adapter, error, error_bytes);
	}
	if (code) {
		release(adapter);
		return code;
	}
	if (config->tap_name)
		remember_tap(adapter);
	*result = adapter;
	return 0;
}

const struct link_info *adapter_nic(const struct adapter *adapter)
{
	return &adapter->nic;
}

/* ---- ingress ---- */

static int shut(struct adapter *adapter, uint32_t ifindex)
{
	int error;

	if (adapter->config.share)
		return 0;
	(void)guardian_ingress(adapter->config.guardian, adapter->key, adapter->nic_ns, ifindex);
	error = ingress_shut(&adapter->ingress, adapter->nic_ns, ifindex);
	/* a tcx link goes with the process */
	if (error || adapter->ingress.kind == INGRESS_TCX)
		(void)guardian_ingress(adapter->config.guardian, adapter->key, adapter->nic_ns, 0);
	return error;
}

static void unshut(struct adapter *adapter)
{
	bool told = adapter->ingress.kind == INGRESS_CLSACT;

	ingress_open(&adapter->ingress);
	if (told)
		(void)guardian_ingress(adapter->config.guardian, adapter->key, adapter->nic_ns, 0);
}

/* ---- hooks of the link monitor ---- */

static int nic_returned(void *context, const struct link_facts *nic)
{
	struct adapter *adapter = context;
	pid_t owner;
	int error = adapter->claim >= 0 ? 0 : claim(adapter, nic->ifindex, &owner);

	if (error)
		return error;
	error = shut(adapter, nic->ifindex);
	if (!error)
		error = lwf_nic_reopen(lwf_stack_lower(adapter->stack), nic->ifindex);
	if (error) {
		unshut(adapter);
		close(adapter->claim);
		adapter->claim = -1;
		return error;
	}
	if (adapter->takeover)
		takeover_nic_changed(adapter->takeover, nic->ifindex);
	return 0;
}

static void nic_gone(void *context)
{
	struct adapter *adapter = context;

	unshut(adapter);
	if (adapter->claim >= 0)
		close(adapter->claim);
	adapter->claim = -1;
	if (adapter->takeover)
		takeover_nic_changed(adapter->takeover, 0);
}

static int tap_gone(void *context, const struct link_facts *tap)
{
	struct adapter *adapter = context;
	struct lwf_edge *upper = lwf_stack_upper(adapter->stack);

	return tap->present || lwf_tap_is_ours(upper) ? lwf_tap_recreate(upper) : -ENOTSUP;
}

static void tap_returned(void *context, const struct link_facts *tap)
{
	struct adapter *adapter = context;

	if (adapter->takeover)
		(void)takeover_tap_changed(adapter->takeover, tap->ifindex);
}

static const struct link_hooks hooks = {
	.nic_returned = nic_returned,
	.nic_gone = nic_gone,
	.tap_gone = tap_gone,
	.tap_returned = tap_returned,
};

/* ---- life ---- */

int adapter_follow(struct adapter *adapter, struct lwf_stack *stack, char *error,
		   size_t error_bytes)
{
	const struct adapter_config *config = &adapter->config;
	const struct link_config links = {
		.nic_name = config->nic_name,
		.nic_netns = config->nic_netns,
		.tap_name = config->tap_name,
		.tap_netns = config->tap_netns,
		.hooks = &hooks,
		.context = adapter,
	};
	int code = 0;

	*error = '\0';
	adapter->stack = stack;
	if (config->nic_name && !config->share) {
		(void)ingress_load(); /* for later too, when the right to load is gone */
		adapter->loaded = true;
	}
	if (adapter->nic.facts.present)
		code = shut(adapter, adapter->nic.facts.ifindex);
	if (code) {
		say(error, error_bytes,
		    "%s: cannot keep this machine's own stack off it (%s); try --share",
		    config->nic_name, strerror(-code));
		return code;
	}
	code = link_follow(config->monitor, stack, &links, &adapter->follow);
	if (code) {
		say(error, error_bytes, "%s: cannot follow its links (%s); try again",
		    config->stack_name, strerror(-code));
		unshut(adapter);
	}
	return code;
}

static int take_over(struct adapter *adapter, char *did, size_t did_bytes, char *error,
		     size_t error_bytes)
{
	const struct link_facts *nic = link_nic(adapter->follow), *tap = link_tap(adapter->follow);
	const struct takeover_config config = {
		.ns = adapter->nic_ns,
		.stack_name = adapter->config.stack_name,
		.runtime_dir = adapter->config.runtime_dir,
		.nic_name = nic->name,
		.tap_name = tap->name,
		.nic_ifindex = nic->ifindex,
		.tap_ifindex = tap->ifindex,
		.guardian = adapter->config.guardian,
	};
	char moved[96];
	int code;

	if (!adapter->config.takeover || adapter->takeover)
		return 0;
	code = takeover_begin(&config, &adapter->takeover, error, error_bytes);
	if (code)
		return code;
	takeover_describe(adapter->takeover, moved, sizeof(moved));
	say(did, did_bytes, "%s%s moved from %s to %s", *did ? "; " : "", moved, nic->name,
	    tap->name);
	return 0;
}

int adapter_running(struct adapter *adapter, char *did, size_t did_bytes, char *error,
		    size_t error_bytes)
{
	struct lwf_edge *upper = lwf_stack_upper(adapter->stack);
	int code;

	*error = '\0';
	if (adapter->ran)
		return 0;
	if (adapter->ingress.kind != INGRESS_OPEN)
		say(did, did_bytes, "%s%s is shut to this machine's own stack (%s)",
		    *did ? "; " : "", adapter->config.nic_name,
		    ingress_kind_name(adapter->ingress.kind));
	if (adapter->config.tap_name) {
		code = lwf_tap_set_up(upper, true);
		if (code) {
			say(error, error_bytes, "%s: cannot be set up (%s)", upper->name,
			    strerror(-code));
			return code;
		}
		say(did, did_bytes, "%s%s is up", *did ? "; " : "", upper->name);
		code = take_over(adapter, did, did_bytes, error, error_bytes);
		if (code)
			return code;
	}
	adapter->ran = true;
	return 0;
}

void adapter_close(struct adapter *adapter)
{
	if (!adapter)
		return;
	takeover_end(adapter->takeover);
	link_unfollow(adapter->follow);
	unshut(adapter);
	if (adapter->loaded)
		ingress_unload();
	release(adapter);
}

void adapter_describe(const struct adapter *adapter, char *text, size_t bytes)
{
	const struct link_follow *follow = adapter->follow;
	static const enum link_event shown[] = {LINK_ADMIN_DOWN,    LINK_CARRIER_LOST, LINK_DELETED,
						LINK_MOVED,	    LINK_APPEARED,     LINK_RENAMED,
						LINK_UPPER_DELETED, LINK_OVERRUN};

	*text = '\0';
	if (adapter->config.nic_name)
		say(text, bytes, "ingress=%s share=%s takeover=%s",
		    ingress_kind_name(adapter->ingress.kind), adapter->config.share ? "yes" : "no",
		    adapter->takeover ? "yes" : "no");
	for (size_t n = 0; follow && n < sizeof(shown) / sizeof(shown[0]); n++)
		say(text, bytes, "%s%s=%llu", *text ? " " : "", link_event_name(shown[n]),
		    (unsigned long long)link_event_count(follow, shown[n]));
}

const struct link_follow *adapter_link(const struct adapter *adapter)
{
	return adapter->follow;
}
