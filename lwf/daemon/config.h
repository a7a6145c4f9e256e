/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h - what one lwfd was asked to do; made by the options, const once it runs.
 */
#ifndef LWF_DAEMON_CONFIG_H
#define LWF_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lwf/host.h>
#include <lwf/profile.h>
#include <lwf/stack.h>

#define LWF_INTERFACE_BYTES    16u  /* IFNAMSIZ */
#define LWF_NETNS_BYTES	       256u /* a name in /run/netns, or a path */
#define LWF_FILE_BYTES	       1024u
#define LWF_FILTER_SPEC_BYTES  512u
#define LWF_LOADS_MAX	       8u
#define LWF_OWNER_NETNS_MAX    7u   /* and the TAP's */
#define LWF_CONTROL_PATH_BYTES 108u /* sun_path */

enum lwf_edge_kind { LWF_EDGE_UNSET, LWF_EDGE_NONE, LWF_EDGE_NIC, LWF_EDGE_TAP, LWF_EDGE_PCAP };

/** One edge as it was asked for. */
struct lwf_edge_config {
	enum lwf_edge_kind kind;
	char name[LWF_INTERFACE_BYTES]; /* NIC, TAP */
	char netns[LWF_NETNS_BYTES];	/* NIC, TAP; empty: ours */
	bool qdisc_kernel;		/* NIC */
	char in[LWF_FILE_BYTES];	/* PCAP */
	char out[LWF_FILE_BYTES];	/* PCAP; may be empty */
};

struct lwf_config {
	char stack[LWF_NAME_BYTES];
	struct lwf_edge_config upper; /* kind NONE: a stack without a protocol side */
	struct lwf_edge_config lower;
	char filters[LWF_STACK_MODULES_MAX][LWF_FILTER_SPEC_BYTES]; /* top first */
	uint32_t filter_count;
	char load[LWF_LOADS_MAX][LWF_FILE_BYTES]; /* shared objects with filters */
	uint32_t load_count;
	char owner_netns[LWF_OWNER_NETNS_MAX][LWF_NETNS_BYTES]; /* names, or paths */
	uint32_t owner_netns_count;
	char owner_bpf[LWF_NETNS_BYTES]; /* path of a cgroup, or "auto"; "": no such program */
	bool takeover, share, wait_nic;
	bool no_default_filters;
	enum lwf_profile profile;
	bool json;
	char control[LWF_CONTROL_PATH_BYTES];
	bool has_group;
	char group_name[LWF_NAME_BYTES];
	gid_t group;
	enum lwf_log_level log_level;
};

/**
 * Parses "nic:NAME[,netns=N][,qdisc=kernel]", "tap:NAME[,netns=N]", "pcap:IN[:OUT]" or "none".
 * Returns 0 or -EINVAL, with reason and next step in @error.
 */
int lwf_edge_config_parse(const char *spec, struct lwf_edge_config *edge, char *error,
			  size_t error_bytes);

/** The edge as a user would write it. */
void lwf_edge_config_print(const struct lwf_edge_config *edge, char *text, size_t bytes);

/** True for what the kernel takes as the name of an interface. */
bool lwf_interface_name_is_valid(const char *name);

/** Adds a filter below those that are there. -ENOSPC, -EINVAL (too long, or empty), with @error. */
int lwf_config_add_filter(struct lwf_config *config, const char *spec, char *error,
			  size_t error_bytes);

/**
 * Puts the defaults where nothing was given (stack name, filters) and refuses what contradicts
 * itself. Returns 0 or -EINVAL with @error.
 */
int lwf_config_finish(struct lwf_config *config, char *error, size_t error_bytes);

#endif
