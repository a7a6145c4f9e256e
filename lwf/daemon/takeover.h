/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * takeover.h - moves addresses and routes of a NIC to its TAP, and back.
 *
 * Each address and route exists on at least one of the two interfaces at any time, so connections
 * of the machine live on. What was moved is written to a journal file before the first step; the
 * journal is locked while the daemon lives, and `lwfctl cleanup` restores from one that nobody has
 * locked. The watchdog child is told the same.
 *
 * Moved are IPv4 and IPv6 addresses, except link-local ones that the kernel makes itself, and
 * routes of the main table through the NIC that the kernel does not make itself. Routes through
 * nexthop objects stay.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_TAKEOVER_H
#define LWF_DAEMON_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guardian;
struct nsnet;
struct takeover;

struct takeover_config {
	struct nsnet *ns; /* both interfaces must be in it */
	const char *stack_name;
	const char *runtime_dir; /* for the journal */
	const char *nic_name;
	const char *tap_name;
	uint32_t nic_ifindex;
	uint32_t tap_ifindex;	   /* the TAP must be up */
	struct guardian *guardian; /* may be NULL */
};

/**
 * Plays the journal that a killed daemon left for @stack_name, if there is one that nobody has locked: the NIC
 * has its addresses and routes again. True when it did.
 */
bool takeover_recover(struct nsnet *ns, const char *runtime_dir, const char *stack_name);

/**
 * Moves everything to the TAP. On failure everything is back on the NIC, and @error names the step.
 * Returns 0 or -errno.
 */
int takeover_begin(const struct takeover_config *config, struct takeover **takeover, char *error,
		   size_t error_bytes);

/** "2 addresses, 1 route" that were moved. */
void takeover_describe(const struct takeover *takeover, char *text, size_t bytes);

/** The NIC came back as @ifindex (0: it is gone): what is restored at the end goes there. */
void takeover_nic_changed(struct takeover *takeover, uint32_t ifindex);

/** The TAP was made again as @ifindex and is up: gives it the addresses and routes again. */
int takeover_tap_changed(struct takeover *takeover, uint32_t ifindex);

/** Moves everything back, removes the journal, frees. Before the TAP goes. Accepts NULL. */
void takeover_end(struct takeover *takeover);

#endif
