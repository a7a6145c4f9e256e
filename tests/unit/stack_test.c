/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stack_test.c - a stack as a whole: order, holds, links, modules that come and go while it runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/profile.h>

#include "rig.h"
#include "script.h"

static struct rig rig;
static struct client client;

static int fresh(void **state)
{
	(void)state;
	script_reset();
	return 0;
}

/* The modules that had @event since record @from, as "inject script monitor". */
static void order_of(const char *event, uint32_t from, char *text, size_t bytes)
{
	size_t used = 0;

	text[0] = 0;
	for (uint32_t i = from; i < rig.record_count; i++) {
		const struct lwf_trace_record *record = &rig.records[i];

		if (record->kind == LWF_TRACE_STATE && strcmp(record->event, event) == 0)
			used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " " : "",
						 record->module_name);
	}
}

static void expect_order(const char *event, uint32_t from, const char *expected)
{
	char text[256];

	order_of(event, from, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* T01, T02 as seen from the trace */
static void test_order(void **state)
{
	uint32_t from;

	(void)state;
	rig_open(&rig, script_filters, "inject;script;monitor");
	expect_order("attach", 0, "monitor script inject");
	expect_order("restart", 0, "monitor script inject");
	from = rig.record_count;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	expect_order("pause", from, "inject script monitor");
	expect_order("detach", from, "inject script monitor");
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	from = rig.record_count;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	expect_order("pause", from, "inject script monitor");
	expect_order("restart", from, "monitor script inject");
	rig_close(&rig);
}

/* The states of the stack as a whole, as "Running Pausing Paused", since record @from. */
static void expect_states(uint32_t from, const char *expected)
{
	char text[256] = "";
	size_t used = 0;

	for (uint32_t i = from; i < rig.record_count; i++)
		if (rig.records[i].kind == LWF_TRACE_STACK)
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "%s%s", used ? " " : "",
				lwf_state_name((enum lwf_state)rig.records[i].after));
	assert_string_equal(text, expected);
}

/* A way down never looks like a way up, nor the other way round. */
static void test_states_told(void **state)
{
	uint32_t from;

	(void)state;
	rig_open(&rig, script_filters, "inject;script");
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	for (int busy = 0; busy < 3; busy++) {
		from = rig.record_count;
		if (busy == 1)
			assert_int_equal(rig_host_send(&rig, 60, 1), 0);
		if (busy == 2)
			assert_true(script_originate(1, LWF_DIRECTION_SEND));
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 5);
		expect_states(from, busy ? "Pausing Paused" : "Paused");
		from = rig.record_count;
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
		rig_run(&rig, 5);
		expect_states(from, "Detached");
		from = rig.record_count;
		lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 5);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
		for (uint32_t i = from; i < rig.record_count; i++)
			assert_true(rig.records[i].kind != LWF_TRACE_STACK ||
				    rig.records[i].after != LWF_STATE_PAUSING);
	}
	rig_close(&rig);
}

/* A middle module that pends holds up those below it in a pause, those above it in a restart. */
static void test_pending_in_the_middle(void **state)
{
	(void)state;
	rig_open(&rig, script_filters, "inject;script;monitor");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 10);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSING);
	assert_false(lwf_stack_settled(rig.stack));
	script.restart_status = LWF_STATUS_PENDING;
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_true(lwf_stack_settled(rig.stack));
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RESTARTING);
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rig_close(&rig);
}

static void test_failed_restart(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_FAILURE;
	rig_prepare(&rig, script_filters, "inject;script;monitor");
	assert_int_equal(lwf_engine_set_profile(rig.engine, LWF_PROFILE_LENIENT), 0);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 10);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_PAUSE);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rig_close(&rig);
}

/* Any set of holds: the state is what the most demanding one wants, Running only without any. */
static void test_holds(void **state)
{
	static const enum lwf_hold kinds[] = {LWF_HOLD_USER_PAUSE, LWF_HOLD_FAULT_PAUSE,
					      LWF_HOLD_USER_DETACH, LWF_HOLD_REMOVED};

	(void)state;
	rig_open(&rig, NULL, "inject;monitor");
	for (uint32_t step = 1; step < 64; step++) {
		uint32_t gray = (step ^ step >> 1) & 15, set = 0;
		enum lwf_state want = LWF_STATE_RUNNING;

		for (uint32_t i = 0; i < 4; i++) {
			if (gray & 1u << i) {
				set |= 1u << kinds[i];
				lwf_stack_hold(rig.stack, kinds[i]);
				lwf_stack_hold(rig.stack, kinds[i]); /* a repeat changes nothing */
				if (want == LWF_STATE_RUNNING)
					want = LWF_STATE_PAUSED;
				if (lwf_hold_detaches(kinds[i]))
					want = LWF_STATE_DETACHED;
			} else {
				lwf_stack_release(rig.stack, kinds[i]);
				lwf_stack_release(rig.stack, kinds[i]);
			}
		}
		rig_run(&rig, 1);
		assert_int_equal(lwf_stack_holds(rig.stack), set);
		if (want == LWF_STATE_PAUSED && lwf_stack_state(rig.stack) == LWF_STATE_DETACHED)
			fail_msg("a pause does not keep a stack Detached");
		assert_int_equal(lwf_stack_state(rig.stack), want);
		assert_true(lwf_stack_settled(rig.stack));
	}
	rig_close(&rig);
}

/* A link flap does not undo a user's pause. */
static void test_flap_under_pause(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject;monitor");
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_link_down(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_epoch(rig.stack), 2);
	rig_close(&rig);
}

/* T03: the whole stack is paused for it, nothing is sent meanwhile, others keep their lives. */
static void test_insert_while_running(void **state)
{
	struct lwf_module *module;
	char error[128];
	uint32_t from, handed;
	lwf_handle inject;

	(void)state;
	rig_open(&rig, script_filters, "inject;monitor");
	client_open(&rig, &client);
	inject = lwf_module_handle(rig_module(&rig, "inject"));
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	from = rig.record_count;
	handed = rig.lower_handed;
	assert_int_equal(lwf_stack_insert(rig.stack, "script", 1, &module, error, sizeof(error)),
			 0);
	rig_run(&rig, 10);
	assert_int_equal(lwf_module_state(module), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSING);
	assert_true(lwf_stack_holds(rig.stack) == 1u << LWF_HOLD_MODIFY);
	client_send(&client, 2);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	assert_int_equal(rig.lower_handed, handed);
	assert_int_equal(rig.upper->intake, LWF_INTAKE_HOLD);
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 5);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_holds(rig.stack), 0);
	assert_ptr_equal(lwf_stack_module_at(rig.stack, 1), module);
	expect_order("pause", from, "inject monitor");
	expect_order("attach", from, "script");
	expect_order("detach", from, "");
	expect_order("restart", from, "monitor script inject");
	assert_true(lwf_module_handle(rig_module(&rig, "inject")) == inject);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);

	from = rig.record_count;
	assert_int_equal(lwf_stack_remove(rig.stack, module), 0);
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "script"));
	expect_order("detach", from, "script");
	assert_int_equal(script.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	client_close(&client);
	rig_close(&rig);
}

static void test_insert_errors(void **state)
{
	struct lwf_module *module;
	char error[128];

	(void)state;
	rig_open(&rig, script_filters, "inject");
	assert_int_equal(lwf_stack_insert(rig.stack, "nosuch", 0, NULL, error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, "nosuch"));
	assert_int_equal(
		lwf_stack_insert(rig.stack, "inject:frames=0", 0, NULL, error, sizeof(error)),
		-EINVAL);
	assert_int_equal(
		lwf_stack_insert(rig.stack, "inject:what=1", 0, NULL, error, sizeof(error)),
		-EINVAL);
	assert_int_equal(lwf_stack_insert(rig.stack, "monitor:", 0, NULL, error, sizeof(error)), 0);
	for (uint32_t i = 2; i < LWF_STACK_MODULES_MAX; i++)
		assert_int_equal(
			lwf_stack_insert(rig.stack, "monitor", 99, &module, error, sizeof(error)),
			0);
	assert_string_equal(lwf_module_name(module), "monitor-15");
	assert_int_equal(lwf_stack_insert(rig.stack, "monitor", 0, NULL, error, sizeof(error)),
			 -ENOSPC);
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(lwf_stack_remove(rig.stack, module), 0);
	assert_int_equal(lwf_stack_remove(rig.stack, module), -EBUSY);
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 5);
	assert_null(lwf_stack_module(rig.stack, "monitor-15"));
	rig_close(&rig);
}

/* Each allocation of an insertion fails once: the stack is as before, and Running. */
static void test_insert_no_memory(void **state)
{
	uint32_t refused = 0, taken_out = 0;
	char error[128];
	bool done = false;

	(void)state;
	rig_open(&rig, NULL, "monitor");
	for (uint64_t nth = 1; !done; nth++) {
		int ret;

		lwf_sim_host_fail_nth(rig.host, nth);
		ret = lwf_stack_insert(rig.stack, "inject:frames=4", 0, NULL, error, sizeof(error));
		rig_run(&rig, 5);
		lwf_sim_host_fail_nth(rig.host, 0);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
		assert_int_equal(lwf_stack_holds(rig.stack), 0);
		done = lwf_stack_module(rig.stack, "inject") != NULL;
		if (ret) {
			assert_int_equal(ret, -ENOMEM);
			assert_false(done);
			refused++;
		} else if (!done) {
			assert_true(rig_told(&rig, LWF_TRACE_MODULE, "taken-out"));
			taken_out++;
		}
	}
	assert_true(refused > 0 && taken_out > 0);
	rig_close(&rig);
}

/* The same for a stack, its edges, its engine. */
static void test_create_no_memory(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	bool done = false;

	(void)state;
	for (uint64_t nth = 1; !done; nth++) {
		struct lwf_engine *engine;
		struct lwf_edge *edge = NULL;
		struct lwf_stack *stack = NULL;

		lwf_sim_host_fail_nth(host, nth);
		engine = lwf_engine_create(host);
		if (engine && !lwf_sim_edge_create(host, "e", &edge)) {
			int ret = lwf_stack_create(engine, "s", NULL, edge, &stack);

			assert_true(ret == 0 || ret == -ENOMEM);
		}
		lwf_sim_host_fail_nth(host, 0);
		done = stack != NULL;
		if (stack) {
			lwf_stack_close(stack, NULL, NULL);
			while (lwf_sim_host_step(host))
				;
		}
		lwf_engine_destroy(engine);
		assert_int_equal(lwf_sim_host_allocations(host), 0);
	}
	lwf_sim_host_destroy(host);
}

static void test_create_errors(void **state)
{
	struct lwf_edge *edge;
	struct lwf_stack *stack;

	(void)state;
	rig_open(&rig, NULL, "inject");
	assert_int_equal(lwf_sim_edge_create(rig.host, "e", &edge), 0);
	assert_int_equal(lwf_stack_create(rig.engine, "s0", NULL, edge, &stack), -EEXIST);
	assert_int_equal(lwf_sim_edge_create(rig.host, "e", &edge), 0);
	assert_int_equal(lwf_stack_create(rig.engine, "a/b", NULL, edge, &stack), -EINVAL);
	assert_int_equal(lwf_sim_edge_create(rig.host, "e", &edge), 0);
	assert_int_equal(lwf_stack_create(rig.engine, "", NULL, edge, &stack), -EINVAL);
	rig_close(&rig);
}

/* A stack whose device is not there waits for it, and answers meanwhile. */
static void test_born_without_device(void **state)
{
	(void)state;
	rig_prepare(&rig, NULL, "inject");
	client_open(&rig, &client);
	rig_remove(&rig);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_ADAPTER_REMOVED);
	rig_return(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	client_close(&client);
	rig_close(&rig);
}

/* What was queued at a detach is dropped, what was queued at a modify pause is kept. */
static void test_intake(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject");
	assert_int_equal(rig.upper->intake, LWF_INTAKE_READ);
	rig_link_down(&rig);
	rig_run(&rig, 1);
	assert_int_equal(rig.upper->intake, LWF_INTAKE_DISCARD);
	assert_int_equal(rig.lower->intake, LWF_INTAKE_DISCARD);
	assert_false(rig.upper->link.carrier);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_int_equal(rig.upper->intake, LWF_INTAKE_READ);
	assert_true(rig.upper->link.carrier);
	rig_close(&rig);
}

static void test_waiting_text(void **state)
{
	char text[128];

	(void)state;
	rig_open(&rig, NULL, "inject");
	client_open(&rig, &client);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, "");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	rig_run(&rig, 800);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 12);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, "3 frames of inject at low0, oldest 812 ms");
	assert_false(rig_told(&rig, LWF_TRACE_WATCHDOG, NULL));
	rig_run(&rig, 1100);
	assert_true(rig_told(&rig, LWF_TRACE_WATCHDOG, "waiting"));
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 5);
	client_close(&client);
	rig_close(&rig);
}

static void test_forced_carrier(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject");
	client_open(&rig, &client);
	lwf_stack_force_no_carrier(rig.stack, true);
	assert_false(rig.upper->link.carrier);
	assert_true(rig.lower->link.carrier); /* the device is not touched */
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_MEDIA_DISCONNECTED), 2);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	lwf_stack_force_no_carrier(rig.stack, false);
	assert_true(rig.upper->link.carrier);
	client_send(&client, 2);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	client_close(&client);
	rig_close(&rig);
}

/* What the device has not taken yet is answered as if the carrier were gone. */
static void test_forced_carrier_settles(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	assert_int_equal(lwf_sim_edge_held(rig.lower), 3);
	lwf_stack_force_no_carrier(rig.stack, true);
	assert_int_equal(lwf_sim_edge_held(rig.lower), 0);
	assert_int_equal(client_count(&client, LWF_STATUS_MEDIA_DISCONNECTED), 3);
	assert_true(rig.lower->link.carrier);
	client_close(&client);
	rig_close(&rig);
}

/* NDIS's dependency rules at registration. */
static void test_register(void **state)
{
	static struct lwf_filter_ops ops;

	(void)state;
	rig_open(&rig, NULL, "inject");
	ops = script_ops;
	ops.send_complete = NULL;
	ops.receive_return = NULL;
	assert_int_equal(lwf_engine_register(rig.engine, &ops), -EINVAL);
	ops = script_ops;
	ops.pause = NULL;
	assert_int_equal(lwf_engine_register(rig.engine, &ops), -EINVAL);
	ops = keeper_ops;
	ops.cancel = NULL;
	assert_int_equal(lwf_engine_register(rig.engine, &ops), -EINVAL);
	ops = script_ops;
	ops.name = "inject";
	assert_int_equal(lwf_engine_register(rig.engine, &ops), -EEXIST);
	ops = script_ops;
	assert_int_equal(lwf_engine_register(rig.engine, &ops), 0);
	assert_ptr_equal(lwf_engine_filter(rig.engine, "script"), &ops);
	assert_int_equal(rig_broken(&rig, "O14"), 1); /* the one without cancel */
	rig.may_break_rules = true;
	rig_close(&rig);
}

#define T(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(order),
		T(states_told),
		T(pending_in_the_middle),
		T(failed_restart),
		T(holds),
		T(flap_under_pause),
		T(insert_while_running),
		T(insert_errors),
		T(insert_no_memory),
		T(create_no_memory),
		T(create_errors),
		T(born_without_device),
		T(intake),
		T(waiting_text),
		T(forced_carrier),
		T(forced_carrier_settles),
		T(register),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
