/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decider_test.c - deciders of a stack: their order, what they may say while no module hears them, and
 * the end of the stack; and that modules are told before a pause and after a restart.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#include <lwf/verdict.h>

static struct rig rig;
static struct {
	uint32_t pauses, restarts, calls, holds;
	enum lwf_state at_pause;
	bool leave;
} told;

static lwf_status on_attach(struct lwf_module *module, const struct lwf_options *values)
{
	(void)values;
	lwf_module_set_context(module, &told);
	return LWF_STATUS_SUCCESS;
}

static void on_detach(struct lwf_module *module)
{
	lwf_module_set_context(module, NULL);
}

static lwf_status on_net_pnp(struct lwf_module *module, enum lwf_net_pnp event)
{
	if (event == LWF_NET_PNP_PAUSE) {
		told.pauses++;
		told.at_pause = lwf_module_state(module);
		told.holds = lwf_module_holds(module);
	}
	if (event == LWF_NET_PNP_RESTART)
		told.restarts++;
	return LWF_STATUS_SUCCESS;
}

static int on_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct lwf_decider_call *call = argument;

	(void)module;
	if (what != LWF_CONTROL_DECIDER)
		return -ENOTSUP;
	told.calls++;
	call->ok = call->count;
	call->result = LWF_TELL_OK;
	told.leave = call->leave;
	return 0;
}

static const struct lwf_filter_ops listener = {
	.name = "listener",
	.summary = "counts what it is told",
	.attach = on_attach,
	.detach = on_detach,
	.net_pnp = on_net_pnp,
	.control = on_control,
};

static const struct lwf_filter_ops *const filters[] = {&listener, NULL};

static uint32_t on_ask(struct lwf_decider *decider, const struct lwf_ask *asks, uint32_t count)
{
	(void)decider;
	(void)asks;
	return count;
}

static const struct lwf_decider_ops ops = {.ask = on_ask};

static void begin(const char *specs)
{
	memset(&told, 0, sizeof(told));
	rig_open(&rig, filters, specs);
}

static void test_order(void **state)
{
	struct lwf_decider it[4] = {{.ops = &ops, .priority = 5},
				    {.ops = &ops, .priority = 9},
				    {.ops = &ops, .priority = 5},
				    {.ops = &ops, .priority = 1}};
	struct lwf_decider wrong = {.ops = &ops, .timeout_ns = LWF_ASK_TIMEOUT_MAX_NS + 1};
	const struct lwf_decider *at;

	(void)state;
	begin("listener");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(lwf_decider_open(&it[i], rig.stack, "listener"), 0);
	assert_int_equal(lwf_decider_open(&wrong, rig.stack, NULL), -EINVAL);
	at = lwf_module_deciders(rig_module(&rig, "listener"));
	assert_ptr_equal(at, &it[1]);
	assert_ptr_equal(at->next, &it[0]); /* of equals, who came first */
	assert_ptr_equal(at->next->next, &it[2]);
	assert_ptr_equal(at->next->next->next, &it[3]);
	lwf_decider_close(&it[0]);
	assert_ptr_equal(it[1].next, &it[2]);
	assert_true(told.leave);
	lwf_decider_credit(&it[1], 5);
	lwf_decider_credit(&it[1], UINT32_MAX);
	assert_int_equal(it[1].credits, LWF_CREDITS_MAX);
	rig_close(&rig);
	lwf_decider_close(&it[1]); /* the stack went first */
	assert_null(it[3].stack);
}

/* PS-2 for deciders: what is told while there is no module is answered, and nothing of the past is touched. */
static void test_nobody_hears(void **state)
{
	struct lwf_decider decider = {.ops = &ops};
	const struct lwf_tell tell[2] = {{.ask = 1}, {.ask = 2}};
	const struct lwf_revoke all = {0};
	uint8_t results[2];

	(void)state;
	begin("listener;hold");
	assert_int_equal(lwf_decider_open(&decider, rig.stack, NULL), 0); /* "verdict" */
	assert_int_equal(lwf_decider_tell(&decider, tell, 2, results), 0);
	assert_int_equal(results[1], LWF_TELL_REMOVED);
	assert_int_equal(lwf_decider_update(&decider, 7, LWF_VERDICT_BLOCK, 0), LWF_TELL_REMOVED);
	assert_int_equal(lwf_decider_revoke(&decider, &all), LWF_TELL_REMOVED);
	assert_int_equal(decider.stats.told[LWF_TELL_REMOVED], 4);
	lwf_decider_close(&decider);
	assert_int_equal(lwf_decider_open(&decider, rig.stack, "hold"),
			 -ENOTSUP); /* it asks nobody */
	assert_null(lwf_module_deciders(rig_module(&rig, "hold")));
	assert_int_equal(lwf_decider_open(&decider, rig.stack, "listener"), 0);
	assert_int_equal(lwf_decider_tell(&decider, tell, 2, results), 2);
	rig_link_down(&rig);
	assert_int_equal(lwf_decider_tell(&decider, tell, 2, results), 0);
	assert_int_equal(results[0], LWF_TELL_REMOVED);
	rig_link_up(&rig);
	assert_int_equal(lwf_decider_tell(&decider, tell, 2, NULL), 2); /* it is the same decider */
	lwf_decider_close(&decider);
	rig_close(&rig);
}

static void test_told_of_a_pause(void **state)
{
	(void)state;
	begin("listener;hold:frames=1");
	assert_int_equal(told.restarts, 0); /* there was no pause */
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(told.pauses, 1); /* while the protocol still waits for its send */
	assert_int_equal(told.at_pause, LWF_STATE_RUNNING);
	assert_int_equal(told.holds, 1u << LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "listener"), LWF_STATE_RUNNING);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(told.restarts, 1); /* it was never paused after all */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_module_set(rig_module(&rig, "hold"), "release=on", NULL, 0), 0);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(told.pauses, 2);
	assert_int_equal(told.restarts, 2);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE); /* the end of the stack is no second one */
	rig_close(&rig);
	assert_int_equal(told.pauses, 3);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(lwf_ask_reason_name(LWF_ASK_REAUTH), "reauth");
	assert_string_equal(lwf_verdict_action_name(LWF_VERDICT_RESET), "reject");
	assert_string_equal(lwf_verdict_scope_name(LWF_SCOPE_FLOW_TTL), "flow-ttl");
	assert_string_equal(lwf_verdict_cause_name(LWF_CAUSE_EXIT), "exit");
	assert_string_equal(lwf_tell_result_name(LWF_TELL_LATE), "late");
	assert_string_equal(lwf_tell_result_name(LWF_TELL_RESULTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_nobody_hears),
		cmocka_unit_test(test_told_of_a_pause),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("decider", tests, NULL, NULL);
}
