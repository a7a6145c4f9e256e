/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_page.h - what a live run and the faults library inside of an lwfd share: one page of a file.
 *
 * The run writes what shall go wrong, at any time; the library reads it at each call, and counts what
 * it did. Without the library in it a daemon knows nothing of this.
 */
#ifndef LWF_STRESS_FAULT_PAGE_H
#define LWF_STRESS_FAULT_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define FAULT_PAGE_VARIABLE "LWF_STRESS_FAULTS" /* environment: the file */
#define FAULT_PAGE_MAGIC    0x4c574631u
#define FAULT_PAGE_ALL	    1000000u /* share: every send */
#define FAULT_PAGE_RING	    16u	     /* frames that a slow device has room for */

/** What the library says of itself once it is there. */
#define FAULT_PAGE_LOADED 0x1u
#define FAULT_PAGE_MEMORY 0x2u /* it has a hand in allocations, too: not beside a sanitizer */

enum fault_page_side { FAULT_PAGE_LOWER, FAULT_PAGE_UPPER, FAULT_PAGE_SIDES };

/** What befalls sends of one side. */
struct fault_send {
	_Atomic int error;	/* errno; 0: none */
	_Atomic uint32_t share; /* millionths of the calls; FAULT_PAGE_ALL: all */
	_Atomic uint64_t
		lap_ns; /* a ring of FAULT_PAGE_RING frames needs so long to go round; 0: none */
};

struct fault_page {
	uint32_t magic;
	uint32_t seed;
	_Atomic uint32_t loaded;
	_Atomic uint32_t send_changes; /* how often send[] was written */
	_Atomic uint32_t send_on;      /* a bit for each side of send[] in which something stands */
	struct fault_send send[FAULT_PAGE_SIDES];
	_Atomic int64_t allocations; /* the one after so many, counted down, fails; <= 0: none */
	_Atomic uint32_t no_memory, no_descriptors;
	_Atomic int64_t wall_ns; /* by which wall-clock time is ahead */
	/* what was done */
	_Atomic uint64_t failed_sends, failed_allocations, failed_descriptors, wall_asked;
};

#endif
