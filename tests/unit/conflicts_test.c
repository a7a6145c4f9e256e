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
#include "lifecycle.h"
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

/* ---- C1, C2, C3: frames of others at a module that is not Running ---- */

static const enum lwf_profile all_profiles[] = {LWF_PROFILE_STRICT, LWF_PROFILE_LENIENT,
						LWF_PROFILE_NPCAP};

/* The keeper alone is taken to @state; its edges go on, as ones that do not know of it. */
static void begin_in(enum lwf_profile profile, enum lwf_state state)
{
	script_reset();
	rule_begin_as(profile, "keeper");
	if (state == LWF_STATE_PAUSING) {
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_true(script_originate(1, LWF_DIRECTION_SEND));
	}
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	if (state == LWF_STATE_RESTARTING) {
		script.restart_status = LWF_STATUS_PENDING;
		assert_true(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	}
	assert_int_equal(rig_state(&rig, "keeper"), state);
	rig.lower_handed = rig.upper_handed = 0;
	script.keep_sends = script.keep_receives = true; /* would show that it was handed them */
}

static void end_in(enum lwf_state state)
{
	assert_int_equal(script.kept_sends.count + script.kept_receives.count, 0);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
	if (state == LWF_STATE_RESTARTING)
		script_restart_complete(LWF_STATUS_SUCCESS);
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_post(rig.stack);
	rig_run(&rig, 5);
	rule_end_clean();
}

/* How many of one send (receive) of others reach the other edge. */
static uint32_t send_through(enum lwf_profile profile, enum lwf_state state)
{
	uint32_t passed;

	begin_in(profile, state);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	passed = rig.lower_handed;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED],
			 1 - passed);
	end_in(state);
	return passed;
}

static uint32_t receive_through(enum lwf_profile profile, enum lwf_state state)
{
	uint32_t passed;

	begin_in(profile, state);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	passed = rig.upper_handed;
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_NOT_RUNNING], 1 - passed);
	assert_int_equal(rig.lower->inputs_out, 0);
	lwf_sim_edge_config(rig.lower)->lend = true; /* a lent one, likewise */
	assert_int_equal(rig_receive(&rig, 60, 2), 0);
	assert_int_equal(rig.upper_handed, 2 * passed);
	lwf_sim_edge_config(rig.lower)->lend = false;
	end_in(state);
	return passed;
}

static void test_C1_narrow(void **state)
{
	(void)state;
	assert_int_equal(send_through(LWF_PROFILE_STRICT, LWF_STATE_PAUSING), 0);
	for (int i = 0; i < 3; i++) /* no page lets a send pass one that is Paused */
		assert_int_equal(send_through(all_profiles[i], LWF_STATE_PAUSED), 0);
}

static void test_C1_wide(void **state)
{
	(void)state;
	assert_int_equal(send_through(LWF_PROFILE_LENIENT, LWF_STATE_PAUSING), 1);
	assert_int_equal(send_through(LWF_PROFILE_NPCAP, LWF_STATE_PAUSING), 1);
}

static void test_C2_narrow(void **state)
{
	(void)state;
	assert_int_equal(receive_through(LWF_PROFILE_STRICT, LWF_STATE_PAUSING), 0);
	assert_int_equal(receive_through(LWF_PROFILE_STRICT, LWF_STATE_PAUSED), 0);
}

static void test_C2_wide(void **state)
{
	(void)state;
	for (int i = 1; i < 3; i++) {
		assert_int_equal(receive_through(all_profiles[i], LWF_STATE_PAUSING), 1);
		assert_int_equal(receive_through(all_profiles[i], LWF_STATE_PAUSED), 1);
	}
}

static void let_go_in_pause(struct lwf_module *module)
{
	(void)module;
	script_let_go();
}

/* What a filter keeps when it is paused it may pass up then, in the wide reading; P09 otherwise. */
static void keep_and_forward(enum lwf_profile profile)
{
	script_reset();
	rule_begin_as(profile, "keeper");
	script.keep_receives = true;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	script.in_pause = let_go_in_pause;
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	script.in_pause = NULL;
	assert_int_equal(rig.upper_handed, 1);
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
}

static void test_C2_forwarding_filter(void **state)
{
	(void)state;
	keep_and_forward(LWF_PROFILE_LENIENT);
	rule_end_clean();
	keep_and_forward(LWF_PROFILE_NPCAP);
	rule_end_clean();
	keep_and_forward(LWF_PROFILE_STRICT);
	rule_end_broken("P09");
}

static enum lwf_direction early_direction;

static void originate_early(struct lwf_module *module)
{
	(void)module;
	script_originate_wrongly(1, early_direction, rule_self());
}

/* Own frames from inside restart: legal where it is read so, P01 and P02 otherwise. */
static void originate_in_restart(enum lwf_profile profile, const char *id)
{
	for (int direction = 0; direction < 2; direction++) {
		script_reset();
		rule_begin_as(profile, "script");
		rule_pause();
		early_direction = (enum lwf_direction)direction;
		script.in_restart = originate_early;
		rule_restart();
		script.in_restart = NULL;
		assert_int_equal(script.home, 1);
		if (id)
			rule_end_broken(direction ? "P02" : id);
		else
			rule_end_clean();
	}
}

static void test_C3_narrow(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(send_through(all_profiles[i], LWF_STATE_RESTARTING), 0);
		assert_int_equal(receive_through(all_profiles[i], LWF_STATE_RESTARTING), 0);
		originate_in_restart(all_profiles[i], "P01");
	}
}

static void test_C3_wide(void **state)
{
	(void)state;
	assert_int_equal(send_through(LWF_PROFILE_LENIENT, LWF_STATE_RESTARTING), 1);
	assert_int_equal(receive_through(LWF_PROFILE_LENIENT, LWF_STATE_RESTARTING), 1);
	originate_in_restart(LWF_PROFILE_LENIENT, NULL);
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

/* ---- C7: what NdisFRestartFilter pauses ---- */

/* How often @module went from Running to Pausing. */
static uint32_t pauses_of(const char *module)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < rig.record_count; i++)
		count += rig.records[i].kind == LWF_TRACE_STATE &&
			 rig.records[i].after == LWF_STATE_PAUSING &&
			 rig.records[i].before == LWF_STATE_RUNNING &&
			 strcmp(rig.records[i].module_name, module) == 0;
	return count;
}

static void ask_for_restart(enum lwf_profile profile)
{
	script_reset();
	rule_begin_as(profile, "inject;script;monitor");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(1, LWF_DIRECTION_SEND)); /* the pause is to pend */
	assert_int_equal(lwf_restart_filter(script.module), LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
}

static void end_of_restart(void)
{
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(script.restarts, 2);
	assert_int_equal(pauses_of("script"), 1);
	client_send(&client, 1);
	rig_run(&rig, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	client_close(&client);
	rule_end_clean();
}

static void test_C7_narrow(void **state)
{
	static const enum lwf_profile profiles[] = {LWF_PROFILE_STRICT, LWF_PROFILE_NPCAP};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		ask_for_restart(profiles[i]);
		assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
		assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING); /* it is next */
		client_send(&client, 1);
		assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
		rig_expect_clean(&rig);
		lwf_sim_edge_release(rig.lower, 1);
		rig_run(&rig, 1);
		assert_int_equal(pauses_of("inject"), 1);
		assert_int_equal(pauses_of("monitor"), 1);
		end_of_restart();
	}
}

static void test_C7_wide(void **state)
{
	(void)state;
	ask_for_restart(LWF_PROFILE_LENIENT);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_RUNNING);
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING);
	rig_expect_clean(&rig);
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(pauses_of("inject"), 0);
	assert_int_equal(pauses_of("monitor"), 0);
	end_of_restart();

	ask_for_restart(LWF_PROFILE_LENIENT); /* and the stack may want to go down meanwhile */
	rule_pause();
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	rule_restart();
	end_of_restart();
}

/* ---- C8: who may originate sends ---- */

static struct lwf_filter_ops sender(const char *name)
{
	struct lwf_filter_ops ops = script_ops;

	ops.name = name;
	ops.send = NULL;
	return ops;
}

static void test_C8_narrow(void **state)
{
	static struct lwf_filter_ops none, both;

	(void)state;
	none = sender("none");
	both = script_ops;
	both.name = "both";
	rig_prepare(&rig, NULL, "monitor");
	lwf_conflict_read(rig.engine, LWF_CONFLICT_C8, false); /* which no profile does */
	assert_int_equal(lwf_engine_register(rig.engine, &none), -EINVAL);
	assert_int_equal(lwf_engine_register(rig.engine, &both), 0);
	rig_close(&rig);
}

static void test_C8_wide(void **state)
{
	static struct lwf_filter_ops none;
	char error[128];

	(void)state;
	none = sender("none");
	for (unsigned p = 0; p < LWF_PROFILES; p++) {
		script_reset();
		rule_begin_as((enum lwf_profile)p, "monitor");
		assert_int_equal(lwf_engine_register(rig.engine, &none), 0);
		assert_int_equal(lwf_stack_insert(rig.stack, "none", 0, NULL, error, sizeof(error)),
				 0);
		rig_run(&rig, 1);
		assert_true(script_originate(2, LWF_DIRECTION_SEND));
		rig_run(&rig, 1);
		assert_int_equal(script.by_answer[LWF_ANSWER_SUCCESS], 2);
		rule_end_clean();
	}
}

/* ---- C10: when a module is Detached ---- */

static enum lwf_state seen_in_detach;
static uint64_t told_in_detach; /* the last record before the module's own function */

static void look_in_detach(struct lwf_module *module)
{
	seen_in_detach = lwf_module_state(module);
	told_in_detach = rig.records[rig.record_count - 1].seq;
	assert_true(lwf_module_handle(module) != 0); /* what it may need to undo things by */
}

/* Number of the record of this kind and event of module script; 0: there is none. */
static uint64_t seq_of(enum lwf_trace_kind kind, const char *event)
{
	for (uint32_t i = 0; i < rig.record_count; i++)
		if (rig.records[i].kind == kind && strcmp(rig.records[i].event, event) == 0 &&
		    strcmp(rig.records[i].module_name, "script") == 0)
			return rig.records[i].seq;
	return 0;
}

static void detach_once(enum lwf_profile profile)
{
	script_reset();
	script.in_detach = look_in_detach;
	rule_begin_as(profile, "inject;script;monitor");
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_module_handle(rig_module(&rig, "script")), 0);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
}

static void test_C10_narrow(void **state)
{
	(void)state;
	detach_once(LWF_PROFILE_STRICT);
	assert_int_equal(seen_in_detach, LWF_STATE_DETACHED);
	assert_true(seq_of(LWF_TRACE_STATE, "detach") <= told_in_detach);
	assert_true(seq_of(LWF_TRACE_CALLBACK, "FilterDetach") > told_in_detach);
	rule_end_clean();
}

static void test_C10_wide(void **state)
{
	static const enum lwf_profile profiles[] = {LWF_PROFILE_LENIENT, LWF_PROFILE_NPCAP};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		detach_once(profiles[i]);
		assert_int_equal(seen_in_detach, LWF_STATE_PAUSED);
		assert_int_equal(seq_of(LWF_TRACE_MODULE, "detaching"), told_in_detach);
		assert_true(seq_of(LWF_TRACE_STATE, "detach") > told_in_detach);
		rule_end_clean();
	}
}

#define T(name) cmocka_unit_test_setup(test_##name, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(names),
		T(register),
		T(C1_narrow),
		T(C1_wide),
		T(C2_narrow),
		T(C2_wide),
		T(C2_forwarding_filter),
		T(C3_narrow),
		T(C3_wide),
		T(C5_narrow),
		T(C5_wide),
		T(C7_narrow),
		T(C7_wide),
		T(C8_narrow),
		T(C8_wide),
		T(C10_narrow),
		T(C10_wide),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("conflicts", tests, NULL, NULL);
}
