/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog_test.c - frames that are kept too long: what is said, when, and under which rule. The pause's
 * own limits are in rules_pause_test.c.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lifecycle.h"
#include "rulebed.h"

/* The last record of this kind and event, or NULL. */
static const char *told(enum lwf_trace_kind kind, const char *event)
{
	for (uint32_t i = rig.record_count; i-- > 0;)
		if (rig.records[i].kind == kind && strcmp(rig.records[i].event, event) == 0)
			return rig.records[i].text;
	return NULL;
}

static void expect_waiting(const char *expected)
{
	char text[LWF_TRACE_TEXT_BYTES];

	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* ---- the device ---- */

static void test_no_progress(void **state)
{
	(void)state;
	rule_begin("inject");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	rig_run(&rig, 21000);
	lwf_sim_edge_release(rig.lower, 1); /* it moves: not hung */
	rig_run(&rig, 21000);
	assert_null(told(LWF_TRACE_WATCHDOG, "no-progress"));
	expect_waiting("2 frames of inject at low0, oldest 42000 ms"); /* but 30 s old */
	rig_run(&rig, 2000);
	assert_string_equal(told(LWF_TRACE_WATCHDOG, "no-progress"),
			    "2 frames of inject at low0, oldest 44000 ms");
	rig_run(&rig, 20000);
	lwf_sim_edge_release(rig.lower, 2);
	rig_run(&rig, 2000);
	expect_waiting("");
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	client_close(&client);
	rule_end_clean(); /* it is the device's limit, not a rule of filters */
}

static void test_send_limit(void **state)
{
	(void)state;
	rule_begin("inject");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 2);
	rig_run(&rig, 29000);
	assert_null(told(LWF_TRACE_WATCHDOG, "send-limit"));
	rig_run(&rig, 2000);
	assert_string_equal(told(LWF_TRACE_WATCHDOG, "send-limit"),
			    "2 frames of inject at low0, oldest 30000 ms");
	lwf_sim_edge_release(rig.lower, 2);
	client_close(&client);
	rule_end_clean();
}

/* A device that answers at once, or soon, costs no timer and no word. */
static void test_silent(void **state)
{
	(void)state;
	rule_begin("inject;keeper");
	client_open(&rig, &client);
	for (int i = 0; i < 100; i++) {
		client_send(&client, 5);
		rig_run(&rig, 1000);
		assert_false(rig.stack->ages);
	}
	lwf_sim_edge_config(rig.lower)->delay_ns = 5 * RIG_MS;
	for (int i = 0; i < 100; i++) {
		client_send(&client, 5);
		rig_run(&rig, 1000);
	}
	rig_run(&rig, 2000);
	assert_false(rig.stack->ages);
	assert_false(rig_told(&rig, LWF_TRACE_WATCHDOG, NULL));
	client_close(&client);
	rule_end_clean();
}

/* ---- O10, and sends: filters ---- */

static void test_O10(void **state)
{
	(void)state;
	rule_begin("keeper;monitor");
	script.keep_receives = true;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_receive(&rig, 60, i), 0);
		rig_run(&rig, 25000); /* long, and let go in time */
		script_let_go();
	}
	rig_run(&rig, 2000);
	assert_int_equal(rig.upper_handed, 3);
	rig_expect_clean(&rig);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	rig_run(&rig, 29000);
	rig_expect_clean(&rig);
	rig_run(&rig, 2000);
	assert_string_equal(told(LWF_TRACE_RULE, "O10"),
			    "1 frame of low0 at keeper, oldest 30000 ms");
	rig_run(&rig, 100000);
	assert_int_equal(rig_broken(&rig, "O10"), 1); /* once for one frame */
	expect_waiting("1 frame of low0 at keeper, oldest 131000 ms");
	script_let_go();
	rule_end_broken("O10");
}

/* What is overtaken by none but followed by many is seen all the same. */
static void test_O10_under_traffic(void **state)
{
	(void)state;
	rule_begin("keeper");
	script.keep_receives = true;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	for (uint32_t i = 0; i < 35; i++) {
		rig_run(&rig, 1000);
		assert_int_equal(rig_receive(&rig, 60, i), 0);
	}
	rig_expect_broken(&rig, "O10");
	script_let_go();
	rule_end_broken("O10");
}

static void test_kept_sends(void **state)
{
	(void)state;
	rule_begin("inject;keeper");
	client_open(&rig, &client);
	script.keep_sends = true;
	client_send(&client, 2);
	rig_run(&rig, 29000);
	script_let_go();
	assert_null(told(LWF_TRACE_WATCHDOG, "send-limit"));
	client_send(&client, 2);
	rig_run(&rig, 32000);
	assert_string_equal(told(LWF_TRACE_WATCHDOG, "send-limit"),
			    "2 frames of inject at keeper, oldest 31000 ms");
	script_let_go();
	client_close(&client);
	rule_end_clean(); /* every one was passed on in the end */
}

/* ---- T06 ---- */

static void test_T06(void **state)
{
	(void)state;
	rule_begin("monitor;keeper");
	script.keep_sends = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rule_pause();
	rig_run(&rig, 5000);
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING); /* not even asked yet */
	assert_string_equal(told(LWF_TRACE_WATCHDOG, "waiting"),
			    "1 frame of up0 at keeper, oldest 5000 ms");
	script_let_go(); /* late, but in time */
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	rule_restart();
	rig_expect_clean(&rig);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rule_pause();
	rig_run(&rig, 11000);
	assert_int_equal(rig_broken(&rig, "T06"), 1);
	for (uint32_t i = 0; i < rig.record_count; i++)
		if (rig.records[i].kind == LWF_TRACE_RULE)
			assert_string_equal(rig.records[i].module_name, "keeper");
	script_let_go();
	rig_run(&rig, 1);
	rule_end_broken("T06");
}

/* When the device keeps what the host sent, no filter is accused; nor one that keeps other sends. */
static void test_T06_device(void **state)
{
	(void)state;
	rule_begin("inject;keeper");
	client_open(&rig, &client);
	script.keep_sends = true;
	client_send(&client, 1);
	script.keep_sends = false;
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rule_pause();
	rig_run(&rig, 11000);
	rig_expect_broken(&rig, "P17");
	lwf_drop_sends(script.module, &script.kept_sends, LWF_REASON_FILTER);
	lwf_batch_init(&script.kept_sends);
	lwf_sim_edge_release(rig.lower, 1);
	client_close(&client);
	rule_end_broken("P17");
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(no_progress), RULE_TEST(send_limit),	      RULE_TEST(silent),
		RULE_TEST(O10),		RULE_TEST(O10_under_traffic), RULE_TEST(kept_sends),
		RULE_TEST(T06),		RULE_TEST(T06_device),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
