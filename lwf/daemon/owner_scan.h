/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_scan.h - who holds these sockets: one look through the descriptors of all processes.
 *
 * The kernel tells which file a descriptor is, not who has a file; so all descriptors are read, for
 * all sockets that are asked for at once. It is done in slices of OWNER_SLICE_LINKS, between which
 * the caller may do other things. All memory is taken when it is made.
 */
#ifndef LWF_DAEMON_OWNER_SCAN_H
#define LWF_DAEMON_OWNER_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "owner_judge.h"

#define OWNER_SLICE_LINKS   256u
#define OWNER_WANTED_MAX    131072u /* inodes in one pass */
#define OWNER_PROCESSES_MAX 8192u   /* that hold one of them */
#define OWNER_PIDS_MAX	    131072u

struct owner_scan;

/** Looks below @procfs, a descriptor of /proc, which is lent. NULL without memory. */
struct owner_scan *owner_scan_create(int procfs);
void owner_scan_destroy(struct owner_scan *scan);

/** Forgets everything, for a new pass. */
void owner_scan_clear(struct owner_scan *scan);

/** Will look for the holders of @inode too; before the first slice. False: there is no room. */
bool owner_scan_want(struct owner_scan *scan, uint32_t inode);

/** Reads at most OWNER_SLICE_LINKS descriptors. True when it has seen all. */
bool owner_scan_slice(struct owner_scan *scan);

/** Adds the holders of @inode. What they point to lasts until owner_scan_clear(). */
void owner_scan_holders(const struct owner_scan *scan, uint32_t inode,
			struct owner_holders *holders);

/** What the pass has taken so far; number, nanoseconds and asks are the caller's. */
const struct owner_pass *owner_scan_pass(const struct owner_scan *scan);

#endif
