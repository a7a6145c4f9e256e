/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rulebed.c - what the tests of the rules share.
 */
#include "rulebed.h"

struct rig rig;
struct client client;

int rule_fresh(void **state)
{
	(void)state;
	script_reset();
	return 0;
}

void rule_begin(const char *specs)
{
	rig_open(&rig, script_filters, specs);
}

void rule_begin_as(enum lwf_profile profile, const char *specs)
{
	rig_prepare(&rig, script_filters, specs);
	assert_int_equal(lwf_engine_set_profile(rig.engine, profile), 0);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
}

lwf_handle rule_self(void)
{
	return lwf_module_handle(script.module);
}

void rule_pause(void)
{
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
}

void rule_restart(void)
{
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
}

void rule_end_broken(const char *id)
{
	rig_expect_broken(&rig, id);
	script.pause_is_fixed = false;
	rig_close(&rig);
}

void rule_end_clean(void)
{
	rig_close(&rig);
}
