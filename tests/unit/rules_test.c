/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_test.c - rules of the states and of the stack.
 *
 * Each rule is broken once, by a filter that is wrong on purpose, and is reported under its id and no
 * other; and each time the legal neighbour of the deed is not reported.
 *
 * Some rules bind the engine and not the filter, and nothing that a filter can call breaks them: S02,
 * S07, T01 and T02 are broken here through the engine's private header, as an engine with that bug would.
 * Rules of the pause are in rules_pause_test.c, those of frames and from the field in rules_frame_test.c.
 */
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"
#include "lifecycle.h"
#include "rulebed.h"

/* ---- S: states ---- */

static void test_S01(void **state)
{
	(void)state;
	rig_prepare(&rig, script_filters, "script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	rig_expect_clean(&rig);
	assert_false(lwf_lifecycle(rig_module(&rig, "script"), LWF_EVENT_RESTART, "test"));
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(script.restarts, 0);
	rig_expect_broken(&rig, "S01");
	lwf_stack_start(rig.stack); /* attach is what it accepts */
	assert_int_equal(script.attaches, 1);
	rule_end_broken("S01");
}

static void set_state_running(struct lwf_module *module)
{
	module->state = LWF_STATE_RUNNING;
}

static void test_S02(void **state)
{
	(void)state;
	rule_begin("script");
	rule_pause();
	assert_int_equal(script.seen_in_attach, LWF_STATE_ATTACHING);
	rule_end_clean();

	script_reset();
	script.in_attach = set_state_running;
	rig_prepare(&rig, script_filters, "script");
	lwf_lifecycle(rig_module(&rig, "script"), LWF_EVENT_ATTACH, "test");
	assert_true(rig_broken(&rig, "S02") > 0);
	rig.may_break_rules = true;
	script.in_attach = NULL;
	script.module->state = LWF_STATE_PAUSED; /* where it would be */
	rig_close(&rig);
}

static void leave_context(struct lwf_module *module)
{
	lwf_module_set_context(module, &script);
}

static void test_S03(void **state)
{
	(void)state;
	script.attach_status = LWF_STATUS_RESOURCES;
	rule_begin("script:mandatory=on");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
	rig_run(&rig, 1000);
	assert_int_equal(script.restarts + script.pauses + script.detaches,
			 0); /* no later callback */
	script.attach_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_clean();

	script_reset();
	script.attach_status = LWF_STATUS_FAILURE;
	script.in_attach = leave_context;
	rule_begin("script");
	rule_end_broken("S03");
}

static void test_S04(void **state)
{
	(void)state;
	script.attach_status = LWF_STATUS_PENDING;
	rule_begin("script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	rule_end_broken("S04");
}

static void test_S05(void **state)
{
	(void)state;
	rule_begin("script");
	rule_pause();
	assert_int_equal(script.seen_in_pause, LWF_STATE_PAUSING);
	rig_expect_clean(&rig);
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	assert_int_equal(script.pauses, 1);
	rule_end_broken("S05");
}

static void test_S06(void **state)
{
	(void)state;
	rule_begin("script");
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_FAILURE;
	rule_pause();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED); /* pause cannot fail */
	rule_end_broken("S06");
}

/* An engine that leaves the module where it was, although its pause is done. */
static void undo_pause(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (record->kind == LWF_TRACE_STATE && record->after == LWF_STATE_PAUSED)
		script.module->state = LWF_STATE_PAUSING;
}

static void test_S07(void **state)
{
	struct lwf_observer observer = {.record = undo_pause};

	(void)state;
	rule_begin("script");
	rule_pause(); /* the answer SUCCESS is the completion */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	rule_restart();
	lwf_engine_observe(rig.engine, &observer);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_engine_unobserve(rig.engine, &observer);
	script.module->state = LWF_STATE_PAUSED;
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	rule_end_broken("S07");
}

static void test_S08(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(3, LWF_DIRECTION_SEND));
	rule_pause();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE); /* a change of mind is none */
	rig_run(&rig, 10);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_sim_edge_release(rig.lower, 2);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	rig_expect_clean(&rig);
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_DONE, "test"));
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	rig_expect_broken(&rig, "S08");
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_broken("S08");
}

static void test_S09(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_pause_complete(script.module);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_broken("S09");

	script_reset();
	rule_begin("script");
	script.in_pause = lwf_pause_complete; /* completes, and answers SUCCESS as well */
	rule_pause();
	script.in_pause = NULL;
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rule_end_broken("S09");
}

static void test_S10(void **state)
{
	(void)state;
	rule_begin("script");
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	rule_pause();
	lwf_pause_complete(script.module);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	lwf_pause_complete(script.module);
	rule_end_broken("S10");
}

static void test_S11(void **state)
{
	(void)state;
	rule_begin("script");
	assert_int_equal(script.seen_in_restart, LWF_STATE_RESTARTING);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	assert_int_equal(script.restarts, 1);
	rule_end_broken("S11");
}

static void test_S12(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_RESOURCES;
	rule_begin_as(LWF_PROFILE_LENIENT, "script"); /* where it stays Paused (C5) */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_PAUSE);
	assert_false(script_originate(1, LWF_DIRECTION_SEND)); /* the gate is shut */
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self());
	rig_expect_broken(&rig, "S12");
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_broken("S12");
}

static void test_S13(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_PENDING;
	rule_begin("script");
	rig_run(&rig, 5);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RESTARTING);
	assert_false(script_originate(1, LWF_DIRECTION_SEND));
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rig_expect_clean(&rig);
	lwf_restart_complete(script.module, LWF_STATUS_SUCCESS);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_broken("S13");
}

static void test_S14(void **state)
{
	(void)state;
	rule_begin("script");
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_DETACH, "test"));
	assert_int_equal(script.detaches, 0);
	rule_end_broken("S14");
}

static void test_S15(void **state)
{
	lwf_handle old;

	(void)state;
	rule_begin("script");
	old = rule_self();
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_true(rule_self() != old);
	assert_int_equal(lwf_stack_epoch(rig.stack), 2);
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, old);
	rule_end_broken("S15");
}

static void test_S16(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	rule_pause();
	/* what the stack is asked for meanwhile waits its turn */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_expect_clean(&rig);
	assert_int_equal(script.detaches, 0);
	for (int event = LWF_EVENT_ATTACH; event <= LWF_EVENT_DETACH; event++)
		assert_false(lwf_lifecycle(script.module, (enum lwf_event)event, "test"));
	assert_int_equal(rig_broken(&rig, "S16"), 4);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rule_end_broken("S16");
}

static void control_inside(struct lwf_module *module)
{
	assert_false(lwf_lifecycle(module, LWF_EVENT_DONE, "test"));
}

static void *control_from_thread(void *context)
{
	return lwf_lifecycle(context, LWF_EVENT_PAUSE, "test") ? context : NULL;
}

static void test_S17(void **state)
{
	pthread_t thread;

	(void)state;
	rule_begin("script");
	script.in_pause = control_inside;
	rule_pause();
	script.in_pause = NULL;
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rule_end_broken("S17");

	script_reset();
	rule_begin("script");
	assert_int_equal(pthread_create(&thread, NULL, control_from_thread, script.module), 0);
	pthread_join(thread, NULL);
	rig_expect_broken(&rig, "S17");
	lwf_stack_hold(rig.stack,
		       LWF_HOLD_USER_PAUSE); /* from the old thread again: another change */
	rule_end_broken("S17");
}

/* ---- T: the stack ---- */

static void test_T01(void **state)
{
	(void)state;
	rule_begin("inject;script;monitor");
	rule_pause();
	rule_restart();
	rig_expect_clean(&rig);
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test")); /* inject is Running */
	rig_expect_broken(&rig, "T01");
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	rule_end_broken("T01");
}

static void test_T02(void **state)
{
	(void)state;
	rule_begin("inject;script;monitor");
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rule_pause();
	rig_expect_clean(&rig);
	rig.stack->attach_in_order = true; /* not a removal: the stack as a whole goes down */
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_DETACH, "test"));
	rig.stack->attach_in_order = false;
	rig_expect_broken(&rig, "T02");
	assert_true(lwf_lifecycle(rig_module(&rig, "script"), LWF_EVENT_ATTACH, "test"));
	rule_restart();
	rule_end_broken("T02");
}

static void test_T05(void **state)
{
	(void)state;
	rule_begin("inject;script");
	client_open(&rig, &client);
	rig_carrier(&rig, false);
	rig_run(&rig, 100);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(script.pauses, 0);
	assert_int_equal(script.statuses, 1);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_MEDIA_DISCONNECTED);
	rig_expect_clean(&rig);
	lwf_stack_hold(rig.stack, LWF_HOLD_LINK); /* wrong: the adapter is enabled */
	rig_run(&rig, 1);
	rig_expect_broken(&rig, "T05");
	lwf_stack_release(rig.stack, LWF_HOLD_LINK);
	client_close(&client);
	rule_end_broken("T05");
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(S01), RULE_TEST(S02), RULE_TEST(S03), RULE_TEST(S04), RULE_TEST(S05),
		RULE_TEST(S06), RULE_TEST(S07), RULE_TEST(S08), RULE_TEST(S09), RULE_TEST(S10),
		RULE_TEST(S11), RULE_TEST(S12), RULE_TEST(S13), RULE_TEST(S14), RULE_TEST(S15),
		RULE_TEST(S16), RULE_TEST(S17), RULE_TEST(T01), RULE_TEST(T02), RULE_TEST(T05),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
