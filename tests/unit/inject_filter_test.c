/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_filter_test.c - the filter that originates for clients: its gate, its pool, its account.
 */
#include <string.h>

#include "rig.h"

static struct rig rig;
static struct client client;

struct numbers {
	struct lwf_report report;
	const char *wanted;
	uint64_t value;
};

static void on_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct numbers *numbers = (struct numbers *)report;

	if (strcmp(name, numbers->wanted) == 0)
		numbers->value = value;
}

static uint64_t number(const char *name)
{
	struct numbers numbers = {.report.number = on_number, .wanted = name, .value = UINT64_MAX};

	assert_int_equal(
		lwf_module_control(rig_module(&rig, "inject"), LWF_CONTROL_REPORT, &numbers.report),
		0);
	assert_true(numbers.value != UINT64_MAX);
	return numbers.value;
}

/* The values of the gate through one pause with 3 frames out: the driver developer's first page. */
static void test_one_pause(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject:frames=8");
	client_open(&rig, &client);
	assert_int_equal(number("gate-open"), 1);
	assert_int_equal(number("frames-free"), 8);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	assert_int_equal(number("gate-count"), 3);
	assert_int_equal(number("gate-owed"), 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(number("gate-open"), 0);
	assert_int_equal(number("gate-count"), 3);
	assert_int_equal(number("gate-owed"), 1);
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 2);
	assert_int_equal(number("refused"), 2);
	assert_int_equal(number("gate-count"), 3);
	for (uint32_t left = 3; left-- > 0;) {
		lwf_sim_edge_release(rig.lower, 1);
		assert_int_equal(number("gate-count"), left);
		assert_int_equal(number("gate-owed"), left > 0);
		assert_int_equal(rig_state(&rig, "inject"),
				 left ? LWF_STATE_PAUSING : LWF_STATE_PAUSED);
	}
	assert_int_equal(number("frames-free"), 8);
	rig_run(&rig, 1);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(number("gate-open"), 1);
	client_close(&client);
	rig_close(&rig);
}

/* Born closed: between attach and restart nothing passes. */
static void test_born_closed(void **state)
{
	(void)state;
	rig_prepare(&rig, NULL, "inject");
	client_open(&rig, &client);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_start(rig.stack);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	assert_int_equal(number("gate-open"), 0);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	assert_int_equal(rig.lower_handed, 0);
	client_close(&client);
	rig_close(&rig);
}

/* Own frames end here: nobody above sees their completion, and foreign ones are passed on. */
static void test_mixed_completion(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "monitor;inject");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	lwf_sim_edge_config(rig.lower)->merge = true;
	lwf_sim_edge_config(rig.lower)->reorder = true;
	for (uint32_t i = 0; i < 20; i++) {
		client_send(&client, 1);
		assert_int_equal(rig_host_send(&rig, 60, i), 0);
	}
	rig_run(&rig, 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 20);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 20);
	client_close(&client);
	rig_close(&rig);
}

/* Every allocation of its attach fails once: nothing is left, and the stack says so. */
static void test_no_memory(void **state)
{
	bool done = false;

	(void)state;
	rig_open(&rig, NULL, "inject:frames=4,mandatory=on");
	for (uint64_t nth = 1; !done; nth++) {
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
		rig_run(&rig, 1);
		lwf_sim_host_fail_nth(rig.host, nth);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
		rig_run(&rig, 1);
		lwf_sim_host_fail_nth(rig.host, 0);
		done = lwf_stack_state(rig.stack) == LWF_STATE_RUNNING;
		if (!done)
			assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
		lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
		rig_run(&rig, 1);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	}
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_pause),
		cmocka_unit_test(test_born_closed),
		cmocka_unit_test(test_mixed_completion),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("inject_filter", tests, NULL, NULL);
}
