/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adapter.h - all that one stack does to the machine, in the right order, and its undoing.
 *
 * Ties together claim, ingress, link monitor, takeover and watchdog child for one stack. Use:
 *
 *	adapter_open()		before the edges are made: looks, refuses, claims
 *	lwf_nic_create() ... lwf_stack_create()
 *	adapter_follow()	shuts ingress, follows the links, sets the holds
 *	lwf_stack_start()
 *	adapter_running()	once Running for the first time: TAP up, takeover
 *	adapter_close()		before lwf_stack_close(): everything back
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_ADAPTER_H
#define LWF_DAEMON_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/stack.h>

#include "link.h"

struct adapter;
struct guardian;

struct adapter_config {
	const char *stack_name;
	const char *nic_name;  /* NULL: the lower edge is no interface */
	const char *nic_netns; /* NULL: ours */
	const char *tap_name;  /* NULL: the upper edge is no interface */
	const char *tap_netns;
	bool takeover;
	bool share;
	bool wait_nic;
	const char *runtime_dir; /* for the takeover journal */
	struct link_monitor *monitor;
	struct guardian *guardian; /* may be NULL */
};

/**
 * Looks at the NIC and claims it. Strings are copied. Returns 0, or with a whole message in @error
 * ("eth1: ...: next step"): -ENODEV (no such NIC and no wait_nic; exit 5), -ENOENT (no such
 * namespace; 5), -EADDRINUSE (it has addresses and neither takeover nor share; 6), -EBUSY (another
 * daemon has it; names its pid; 6), -EPERM (4), -EINVAL (2: not Ethernet), -ENOMEM.
 */
int adapter_open(const struct adapter_config *config, struct adapter **adapter, char *error,
		 size_t error_bytes);

/** What adapter_open() found; lent. facts.ifindex is 0 when the NIC is waited for. */
const struct link_info *adapter_nic(const struct adapter *adapter);

/** See above. Returns 0 or -errno with @error. */
int adapter_follow(struct adapter *adapter, struct lwf_stack *stack, char *error,
		   size_t error_bytes);

/**
 * Sets the TAP up and takes the addresses over, once. Appends what it did to @did ("lwf0 is up; 2
 * addresses and 1 route moved to lwf0"). Returns 0 or -errno with @error.
 */
int adapter_running(struct adapter *adapter, char *did, size_t did_bytes, char *error,
		    size_t error_bytes);

/** Undoes everything, releases the claim, frees. Accepts NULL. */
void adapter_close(struct adapter *adapter);

/** Facts for `lwfctl show` as "key=value key=value": ingress, takeover, share, flaps. */
void adapter_describe(const struct adapter *adapter, char *text, size_t bytes);

/** NULL before adapter_follow(). */
const struct link_follow *adapter_link(const struct adapter *adapter);

#endif
