/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conflicts_test.c - the register of contradictions: what each profile takes, and what each reading
 * does. A test here is named after its row and its reading: test_C5_narrow, test_C5_wide.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conflicts.h"
#include "internal.h"
#include "rulebed.h"

/* ---- the register ---- */

static void test_names(void **state)
{
	enum lwf_profile profile = LWF_PROFILE_NPCAP;

	(void)state;
	assert_true(lwf_profile_parse("strict", &profile));
	assert_int_equal(profile, LWF_PROFILE_STRICT);
	assert_true(lwf_profile_parse("Lenient", &profile));
	assert_int_equal(profile, LWF_PROFILE_LENIENT);
	assert_true(lwf_profile_parse("npcap", &profile));
	assert_int_equal(profile, LWF_PROFILE_NPCAP);
	assert_false(lwf_profile_parse("", &profile));
	assert_false(lwf_profile_parse("stric", &profile));
	assert_int_equal(profile, LWF_PROFILE_NPCAP);
	for (unsigned i = 0; i < LWF_PROFILES; i++)
		assert_true(lwf_profile_parse(lwf_profile_name((enum lwf_profile)i), &profile) &&
			    profile == (enum lwf_profile)i);
	assert_string_equal(lwf_profile_name(LWF_PROFILES), "invalid");
}

static void test_register(void **state)
{
	struct lwf_conflict_info info;
	uint32_t rows = 0;
	char id[8];

	(void)state;
	rig_prepare(&rig, NULL, "monitor");
	assert_int_equal(lwf_engine_profile(rig.engine), LWF_PROFILE_STRICT);
	for (unsigned p = 0; p < LWF_PROFILES; p++) {
		assert_int_equal(lwf_engine_set_profile(rig.engine, (enum lwf_profile)p), 0);
		assert_int_equal(lwf_engine_profile(rig.engine), p);
		for (rows = 0; lwf_engine_conflict(rig.engine, rows, &info); rows++) {
			snprintf(id, sizeof(id), "C%u", rows + 1);
			assert_string_equal(info.id, id);
			assert_true(info.wide_now == info.takes_wide[p]);
			assert_true(info.wide_now ==
				    lwf_conflict_lenient(rig.engine, (enum lwf_conflict)rows));
			assert_true(*info.topic && *info.narrow && *info.narrow_source &&
				    *info.wide && *info.wide_source);
			assert_true(strcmp(info.narrow, info.wide) != 0);
		}
	}
	assert_int_equal(rows, 10);
	assert_int_equal(lwf_engine_set_profile(rig.engine, LWF_PROFILES), -EINVAL);
	assert_int_equal(lwf_engine_set_profile(rig.engine, LWF_PROFILE_STRICT), 0);
	lwf_stack_start(rig.stack); /* nothing changes under a stack's feet */
	assert_int_equal(lwf_engine_set_profile(rig.engine, LWF_PROFILE_LENIENT), -EBUSY);
	assert_int_equal(lwf_engine_profile(rig.engine), LWF_PROFILE_STRICT);
	rig_close(&rig);
}

/* ---- C5: a module whose restart failed ---- */

static void test_C5_narrow(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_FAILURE;
	rule_begin_as(LWF_PROFILE_STRICT, "inject;script:mandatory=on;monitor");
	assert_true(rig_told(&rig, LWF_TRACE_STATE, "failed")); /* Paused first */
	assert_int_equal(script.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();

	script_reset(); /* an optional one goes alone */
	script.restart_status = LWF_STATUS_FAILURE;
	rule_begin_as(LWF_PROFILE_STRICT, "inject;script;monitor");
	assert_int_equal(script.detaches, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();
}

static void stays_paused(enum lwf_profile profile)
{
	script_reset();
	script.restart_status = LWF_STATUS_FAILURE;
	rule_begin_as(profile, "inject;script;monitor");
	assert_int_equal(script.detaches, 0);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_PAUSE);
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();
}

static void test_C5_wide(void **state)
{
	(void)state;
	stays_paused(LWF_PROFILE_LENIENT);
	stays_paused(LWF_PROFILE_NPCAP);
}

#define T(name) cmocka_unit_test_setup(test_##name, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(names),
		T(register),
		T(C5_narrow),
		T(C5_wide),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("conflicts", tests, NULL, NULL);
}
