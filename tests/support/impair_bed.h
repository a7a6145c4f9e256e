/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_bed.h - what the tests of filter impair share: a stack with it, one client if there is an
 * inject, and all that the two devices were handed, with its moment.
 */
#ifndef LWF_TEST_IMPAIR_BED_H
#define LWF_TEST_IMPAIR_BED_H

#include <lwf/profile.h>

#include "rig.h"

#define BED_FRAMES 512u

struct bed_frame {
	uint64_t at_ns, id;
	uint32_t len;
	uint8_t flags, gso_type;
	uint8_t bytes[2048]; /* the first of them */
};

struct bed {
	uint64_t start_ns;
	uint32_t down_count, up_count; /* may be more than BED_FRAMES, which are kept */
	struct bed_frame down[BED_FRAMES], up[BED_FRAMES];
	bool has_client;
};

extern struct rig rig;
extern struct client client;
extern struct bed bed;

/** Opens the stack with the modules of @specs, see rig_open(), and a client when one is "inject". */
void bed_begin(const char *specs);

/** The same under another profile than strict. */
void bed_begin_as(enum lwf_profile profile, const char *specs);

/** Closes all; no rule was broken. */
void bed_end(void);

/** A number that impair reports. */
uint64_t bed_number(const char *name);

/** lwf_module_set() on impair, with its answer. */
void bed_set(const char *text, int expected);

#endif
