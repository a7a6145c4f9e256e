/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_stack_test.c - rules of a stack that is changed: T03, T04 and what goes with them.
 *
 * T03 and T04 bind the engine: they are broken here through its private header, as an engine with
 * that bug would. See rules_test.c.
 */
#include <string.h>

#include "internal.h"
#include "lifecycle.h"
#include "modify.h"
#include "rulebed.h"

static char error[128];

/* ---- T03 ---- */

static void try_to_send(struct lwf_module *module)
{
	(void)module;
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_ATTACHING);
	client_send(&client, 1);
	rig_host_send(&rig, 60, 7);
}

static void change_at_once(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (record->kind == LWF_TRACE_HOLD && strcmp(record->event, "modify") == 0 &&
	    strcmp(record->text, "+") == 0)
		lwf_modify_apply(rig.stack);
}

static void test_T03(void **state)
{
	struct lwf_observer observer = {.record = change_at_once};
	uint32_t pausings = 0;

	(void)state;
	rule_begin("inject;monitor");
	client_open(&rig, &client);
	script.in_attach = try_to_send; /* in the midst of the change */
	assert_int_equal(lwf_stack_insert(rig.stack, "script", 1, NULL, error, sizeof(error)), 0);
	script.in_attach = NULL;
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	for (uint32_t i = 0; i < rig.record_count; i++)
		pausings += rig.records[i].kind == LWF_TRACE_STATE &&
			    rig.records[i].after == LWF_STATE_PAUSING &&
			    rig.records[i].before == LWF_STATE_RUNNING;
	assert_int_equal(pausings, 2); /* inject and monitor */
	rig_run(&rig, 1);
	assert_int_equal(rig.lower_handed, 0);
	assert_int_equal(rig_host_send(&rig, 60, 7), 0);
	assert_int_equal(rig.lower_handed, 1);
	rig_expect_clean(&rig);
	lwf_engine_observe(rig.engine, &observer);
	assert_int_equal(lwf_stack_insert(rig.stack, "monitor", 0, NULL, error, sizeof(error)), 0);
	lwf_engine_unobserve(rig.engine, &observer);
	rig_run(&rig, 1);
	client_close(&client);
	rule_end_broken("T03");
}

/* ---- T04 ---- */

static void forget_mandatory(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (record->kind == LWF_TRACE_STATE && strcmp(record->event, "failed") == 0)
		rig_module(&rig, "script")->options.mandatory = false;
	if (record->kind == LWF_TRACE_MODULE && strcmp(record->event, "left-out") == 0)
		rig_module(&rig, "script")->options.mandatory = true;
}

static void test_T04(void **state)
{
	struct lwf_observer observer = {.record = forget_mandatory};

	(void)state;
	script.attach_status = LWF_STATUS_FAILURE;
	rule_begin("inject;script:mandatory=on;monitor");
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED); /* torn down */
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
	rule_end_clean();

	rule_begin("inject;script;monitor");
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING); /* left out */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_RUNNING);
	rule_end_clean();

	rig_prepare(&rig, script_filters, "inject;script:mandatory=on;monitor");
	lwf_engine_observe(rig.engine, &observer);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
	lwf_engine_unobserve(rig.engine, &observer);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_broken("T04");
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(T03),
		RULE_TEST(T04),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_stack", tests, NULL, NULL);
}
