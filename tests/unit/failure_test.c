/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failure_test.c - modules whose attach or restart fails: newcomers, mandatory and optional ones.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rulebed.h"

static char error[128];

static int insert(const char *spec, uint32_t index, struct lwf_module **module)
{
	return lwf_stack_insert(rig.stack, spec, index, module, error, sizeof(error));
}

/* The text of the last record of this module event, or NULL. */
static const char *told(const char *event)
{
	for (uint32_t i = rig.record_count; i-- > 0;)
		if (rig.records[i].kind == LWF_TRACE_MODULE &&
		    strcmp(rig.records[i].event, event) == 0)
			return rig.records[i].text;
	return NULL;
}

static void expect_as_before(void)
{
	assert_null(lwf_stack_module(rig.stack, "script"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_holds(rig.stack), 0);
	assert_true(lwf_stack_settled(rig.stack));
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_RUNNING);
	client_open(&rig, &client);
	client_send(&client, 2);
	rig_run(&rig, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	client_close(&client);
}

/* ---- newcomers ---- */

static void test_newcomer_attach(void **state)
{
	struct lwf_module *module;

	(void)state;
	rule_begin("inject;monitor");
	script.attach_status = LWF_STATUS_RESOURCES;
	assert_int_equal(insert("script", 1, &module), 0);
	assert_string_equal(lwf_module_name(module), "script"); /* it lives until the loop turns */
	assert_false(lwf_stack_settled(rig.stack));
	rig_run(&rig, 1);
	assert_string_equal(told("taken-out"), "its attach failed with RESOURCES");
	assert_int_equal(script.attaches, 1); /* tried once */
	expect_as_before();
	script.attach_status = LWF_STATUS_SUCCESS; /* and it may come again */
	assert_int_equal(insert("script", 1, &module), 0);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_clean();
}

static void test_newcomer_restart(void **state)
{
	(void)state;
	for (int mandatory = 0; mandatory < 2; mandatory++) {
		for (int profile = 0; profile < LWF_PROFILES; profile++) {
			script_reset();
			rule_begin_as((enum lwf_profile)profile, "inject;monitor");
			script.restart_status = LWF_STATUS_FAILURE;
			assert_int_equal(
				insert(mandatory ? "script:mandatory=on" : "script", 1, NULL), 0);
			rig_run(&rig, 1);
			assert_string_equal(told("taken-out"), "its restart failed with FAILURE");
			assert_int_equal(script.restarts, 1);
			assert_int_equal(script.detaches, 1);
			expect_as_before();
			rule_end_clean();
		}
	}
}

static void test_newcomer_restart_late(void **state)
{
	(void)state;
	rule_begin("inject;monitor");
	script.restart_status = LWF_STATUS_PENDING;
	assert_int_equal(insert("script", 2, NULL), 0);
	rig_run(&rig, 20);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RESTARTING);
	assert_false(lwf_stack_settled(rig.stack));
	lwf_restart_complete(script.module, LWF_STATUS_RESOURCES);
	assert_false(lwf_stack_settled(rig.stack)); /* nobody may think that it stays */
	assert_non_null(lwf_stack_module(rig.stack, "script"));
	rig_run(&rig, 1);
	assert_string_equal(told("taken-out"), "its restart failed with RESOURCES");
	expect_as_before();
	rule_end_clean();
}

/* One that attached while the stack was held has arrived: what fails later is no newcomer's. */
static void test_newcomer_while_paused(void **state)
{
	(void)state;
	rule_begin("inject;monitor");
	rule_pause();
	script.attach_status = LWF_STATUS_FAILURE;
	assert_int_equal(insert("script", 1, NULL), 0);
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "script"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	script.attach_status = LWF_STATUS_SUCCESS;
	script.restart_status = LWF_STATUS_FAILURE;
	assert_int_equal(insert("script", 1, NULL), 0);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rule_restart();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED); /* left out */
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();
}

/* A pause that comes while its restart pends does not hide the failure. */
static void test_newcomer_and_pause(void **state)
{
	(void)state;
	rule_begin("inject;monitor");
	script.restart_status = LWF_STATUS_PENDING;
	assert_int_equal(insert("script", 1, NULL), 0);
	rule_pause();
	lwf_restart_complete(script.module, LWF_STATUS_RESOURCES);
	assert_false(lwf_stack_settled(rig.stack));
	rig_run(&rig, 1);
	assert_non_null(told("taken-out"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	rule_restart();
	expect_as_before();
	rule_end_clean();
}

/* Several at once, good and bad, and more than the stack notes at a time. */
static void test_many_newcomers(void **state)
{
	(void)state;
	rule_begin("inject");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_open(&rig, &client);
	client_send(&client, 1);
	script.attach_status = LWF_STATUS_FAILURE;
	for (int i = 0; i < 8; i++)
		assert_int_equal(insert(i % 2 ? "script" : "monitor", 0, NULL), 0);
	assert_int_equal(insert("monitor", 0, NULL), -ENOSPC);
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 10);
	assert_int_equal(script.attaches, 4);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_non_null(lwf_stack_module(rig.stack, "monitor-4"));
	assert_null(lwf_stack_module_at(rig.stack, 5));
	client_close(&client);
	rule_end_clean();
}

static void test_newcomer_and_close(void **state)
{
	(void)state;
	rule_begin("inject;monitor");
	script.attach_status = LWF_STATUS_FAILURE;
	assert_int_equal(insert("script", 1, NULL), 0);
	rule_end_clean(); /* before the loop has turned */
}

/* What it sent in its restart is still at the device when that fails: its memory stays until then. */
static void send_one(struct lwf_module *module)
{
	script_originate_wrongly(1, LWF_DIRECTION_SEND, lwf_module_handle(module));
}

static void test_newcomer_restart_with_a_frame_out(void **state)
{
	char text[160];

	(void)state;
	rule_begin_as(LWF_PROFILE_LENIENT, "inject;monitor"); /* C3: it may send as soon as that */
	lwf_sim_edge_config(rig.lower)->never = true;
	script.in_restart = send_one;
	script.restart_status = LWF_STATUS_FAILURE;
	assert_int_equal(insert("script", 1, NULL), 0);
	rig_run(&rig, 20);
	assert_int_equal(script.detaches, 0);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_non_null(strstr(text, "1 frame of script at low0"));
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(script.home, 1);
	assert_int_equal(script.detaches, 1);
	expect_as_before();
	rule_end_clean();
}

/* The same when the whole stack is detached (C5: it stayed Paused, and somebody has had enough). */
static void test_detach_with_a_frame_out(void **state)
{
	(void)state;
	rule_begin_as(LWF_PROFILE_LENIENT, "inject;script;monitor");
	rule_pause();
	lwf_sim_edge_config(rig.lower)->never = true;
	script.in_restart = send_one;
	script.restart_status = LWF_STATUS_FAILURE;
	rule_restart();
	assert_true(lwf_stack_holds(rig.stack) & 1u << LWF_HOLD_FAULT_PAUSE);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 20);
	assert_int_equal(script.detaches, 0);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(script.home, 1);
	assert_int_equal(script.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	rule_end_clean();
}

/* A newcomer that brings another from inside its attach, and fails: it lives until the loop turns. */
static void bring_another(struct lwf_module *module)
{
	(void)module;
	script.in_attach = NULL;
	assert_int_equal(insert("monitor", 0, NULL), 0);
}

static void test_newcomer_brings_another(void **state)
{
	struct lwf_module *module;

	(void)state;
	rule_begin("inject");
	script.in_attach = bring_another;
	script.attach_status = LWF_STATUS_RESOURCES;
	assert_int_equal(insert("script", 1, &module), 0);
	assert_string_equal(lwf_module_name(module), "script");
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING);
	expect_as_before();
	rule_end_clean();
}

/* ---- later failures ---- */

/* A link flap tries again with what was left out; so does somebody who asks. */
static void test_left_out_and_back(void **state)
{
	struct lwf_module_info info;

	(void)state;
	rule_begin("inject;script;monitor");
	script.attach_status = LWF_STATUS_RESOURCES;
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(script.attaches, 2);
	lwf_module_info(rig_module(&rig, "script"), &info);
	assert_true(info.left_out);
	assert_int_equal(info.state, LWF_STATE_DETACHED);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0); /* frames go past it */
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	rig_run(&rig, 1);
	assert_int_equal(rig.lower_handed, 1);
	assert_int_equal(rig.upper_handed, 1);
	rig_run(&rig, 1000);
	assert_int_equal(script.attaches, 2); /* not by itself */
	lwf_stack_retry(rig.stack);
	rig_run(&rig, 1);
	assert_int_equal(script.attaches, 3);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	script.attach_status = LWF_STATUS_SUCCESS;
	lwf_stack_retry(rig.stack);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	lwf_module_info(rig_module(&rig, "script"), &info);
	assert_false(info.left_out);
	script.attach_status = LWF_STATUS_RESOURCES;
	rig_link_down(&rig);
	rig_link_up(&rig);
	script.attach_status = LWF_STATUS_SUCCESS;
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_clean();
}

/* However often it is asked for while a pause is pending, it is taken in once. */
static void test_left_out_and_many_retries(void **state)
{
	(void)state;
	rule_begin("inject;script;monitor");
	script.attach_status = LWF_STATUS_RESOURCES;
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	script.attach_status = LWF_STATUS_SUCCESS;
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	for (int i = 0; i < 20; i++)
		lwf_stack_retry(rig.stack);
	assert_int_equal(insert("monitor", 1, NULL), 0); /* there is room for other changes */
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(script.attaches, 3);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	rule_end_clean();
}

/* A client of a module that is left out is told so, on the same handle that works again later. */
static void test_left_out_client(void **state)
{
	(void)state;
	rule_begin("script;inject:frames=4;monitor");
	client_open(&rig, &client);
	rig_link_down(&rig);
	lwf_sim_host_fail_nth(rig.host, 2); /* monitor's, then inject's */
	rig_link_up(&rig);
	rig_run(&rig, 1);
	lwf_sim_host_fail_nth(rig.host, 0);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_DETACHED);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	lwf_stack_retry(rig.stack);
	rig_run(&rig, 1);
	client_send(&client, 1);
	rig_run(&rig, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	client_close(&client);
	rule_end_clean();
}

static void test_left_out_is_removed(void **state)
{
	(void)state;
	script.attach_status = LWF_STATUS_FAILURE;
	rule_begin("inject;script;monitor");
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "script")), 0);
	lwf_stack_retry(rig.stack); /* it is going */
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "script"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();
}

static void test_mandatory_option(void **state)
{
	struct lwf_module_info info;

	(void)state;
	rule_begin("inject:mandatory=on,frames=3;monitor:mandatory=off");
	lwf_module_info(rig_module(&rig, "inject"), &info);
	assert_true(info.mandatory);
	lwf_module_info(rig_module(&rig, "monitor"), &info);
	assert_false(info.mandatory);
	assert_int_equal(insert("monitor:mandatory=perhaps", 0, NULL), -EINVAL);
	assert_non_null(strstr(error, "mandatory"));
	assert_int_equal(
		lwf_module_set(rig_module(&rig, "inject"), "mandatory=off", error, sizeof(error)),
		-EPERM);
	lwf_module_info(rig_module(&rig, "inject"), &info);
	assert_true(info.mandatory);
	rule_end_clean();
}

/* A monitoring filter neither modifies nor originates. */
static void test_monitoring(void **state)
{
	static const uint32_t bad[] = {LWF_FILTER_MODIFIES, LWF_FILTER_ORIGINATES,
				       LWF_FILTER_MODIFIES | LWF_FILTER_ORIGINATES};
	static struct lwf_filter_ops ops;

	(void)state;
	rule_begin("inject");
	ops = script_ops;
	ops.name = "looker";
	for (unsigned i = 0; i < 3; i++) {
		ops.traits = LWF_FILTER_MONITORS | bad[i];
		assert_int_equal(lwf_engine_register(rig.engine, &ops), -EINVAL);
	}
	ops.traits = LWF_FILTER_MONITORS;
	assert_int_equal(lwf_engine_register(rig.engine, &ops), 0);
	assert_true(lwf_engine_filter(rig.engine, "monitor")->traits & LWF_FILTER_MONITORS);
	rule_end_clean();
}

#define T(name) cmocka_unit_test_setup(test_##name, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(newcomer_attach),
		T(newcomer_restart),
		T(newcomer_restart_late),
		T(newcomer_while_paused),
		T(newcomer_and_pause),
		T(many_newcomers),
		T(newcomer_restart_with_a_frame_out),
		T(detach_with_a_frame_out),
		T(newcomer_brings_another),
		T(newcomer_and_close),
		T(left_out_and_back),
		T(left_out_and_many_retries),
		T(left_out_and_many_retries),
		T(left_out_client),
		T(left_out_is_removed),
		T(mandatory_option),
		T(monitoring),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
