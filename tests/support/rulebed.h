/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rulebed.h - what the tests of the rules share: one stack with the scripted filter, and one client.
 */
#ifndef LWF_TEST_RULEBED_H
#define LWF_TEST_RULEBED_H

#include <lwf/profile.h>

#include "rig.h"
#include "script.h"

extern struct rig rig;
extern struct client client;

/** Setup of each test: the scripted filter behaves. */
int rule_fresh(void **state);

/** Opens the stack with the modules of @specs, see rig_open(). */
void rule_begin(const char *specs);

/** The same under another profile than strict. */
void rule_begin_as(enum lwf_profile profile, const char *specs);

/** Handle of the scripted module in its present life. */
lwf_handle rule_self(void);

/** The user's pause, and its end; 1 ms passes. */
void rule_pause(void);
void rule_restart(void);

/** Rule @id was broken, alone; all is put right again and taken down. */
void rule_end_broken(const char *id);

/** No rule was broken; taken down. */
void rule_end_clean(void);

#endif
