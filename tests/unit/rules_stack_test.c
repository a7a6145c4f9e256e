/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_stack_test.c - rules of a stack that is changed, and of what changes between two lives.
 *
 * T03, T04 and S18 bind the engine: they are broken here through its private header, as an engine with
 * that bug would. See rules_test.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
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

/* ---- S18, S19: two filters that are asked before each restart ---- */

static char order[256]; /* of what they were called for: "oa" options of a, "ra" restart of a */
static struct lwf_module *module_a;
static uint32_t sends_seen;
static const struct lwf_handlers *wish;
static lwf_status wish_answer;
static bool wish_from_thread;

static void note(const char *what, const struct lwf_module *module)
{
	size_t used = strlen(order);

	snprintf(order + used, sizeof(order) - used, "%s%s%s", used ? " " : "", what,
		 lwf_module_name(module));
}

static void *wish_elsewhere(void *context)
{
	wish_answer = lwf_set_optional_handlers(context, wish);
	return NULL;
}

static lwf_status on_options(struct lwf_module *module)
{
	pthread_t thread;

	note("o", module);
	assert_int_equal(lwf_module_state(module), LWF_STATE_PAUSED);
	if (!wish || module != module_a)
		return LWF_STATUS_SUCCESS;
	if (!wish_from_thread) {
		wish_answer = lwf_set_optional_handlers(module, wish);
		return wish_answer;
	}
	assert_int_equal(pthread_create(&thread, NULL, wish_elsewhere, module), 0);
	pthread_join(thread, NULL);
	return LWF_STATUS_SUCCESS;
}

static lwf_status on_attach_a(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	module_a = module;
	return LWF_STATUS_SUCCESS;
}

static bool b_fails;

static lwf_status on_restart(struct lwf_module *module)
{
	note("r", module);
	return b_fails && module != module_a ? (lwf_status)LWF_STATUS_FAILURE
					     : (lwf_status)LWF_STATUS_SUCCESS;
}

static void on_send(struct lwf_module *module, struct lwf_batch *batch)
{
	sends_seen += batch->count;
	lwf_next_send(module, batch);
}

static void no_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	(void)module;
	(void)cancel_id;
}

static lwf_status no_pause(struct lwf_module *module)
{
	(void)module;
	return LWF_STATUS_SUCCESS;
}

static const struct lwf_filter_ops filter_a = {.name = "a",
					       .traits = LWF_FILTER_HOLDS,
					       .attach = on_attach_a,
					       .pause = no_pause,
					       .restart = on_restart,
					       .send = on_send,
					       .cancel = no_cancel,
					       .set_module_options = on_options};
static const struct lwf_filter_ops filter_b = {
	.name = "b", .restart = on_restart, .set_module_options = on_options};
static const struct lwf_filter_ops *const optioners[] = {&filter_a, &filter_b, NULL};

static const struct lwf_handlers with_send = {.send = on_send, .cancel = no_cancel};
static const struct lwf_handlers without = {0};
static const struct lwf_handlers uncancelled = {.send = on_send};

static void open_optioners(enum lwf_profile profile)
{
	order[0] = 0;
	sends_seen = 0;
	wish = NULL;
	wish_from_thread = false;
	wish_answer = LWF_STATUS_FAILURE;
	rig_prepare(&rig, optioners, "inject;a;monitor;b");
	assert_int_equal(lwf_engine_set_profile(rig.engine, profile), 0);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
}

static void test_S18(void **state)
{
	(void)state;
	open_optioners(LWF_PROFILE_STRICT);
	assert_string_equal(order, "oa ob rb ra");
	order[0] = 0;
	rule_pause();
	rule_restart();
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_string_equal(order, "oa ob rb ra oa ob rb ra");
	rule_end_clean();

	open_optioners(LWF_PROFILE_LENIENT); /* a restart that comes halfway is none */
	order[0] = 0;
	b_fails = true;
	rule_pause();
	rule_restart();
	assert_string_equal(order, "oa ob rb");
	b_fails = false;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	assert_string_equal(order, "oa ob rb oa ob rb ra");
	rule_pause();
	rig_expect_clean(&rig);
	assert_true(lwf_lifecycle(rig_module(&rig, "b"), LWF_EVENT_RESTART, "test")); /* at once */
	rule_restart();
	rule_end_broken("S18");
}

/* Sends one frame of the host through, and tells whether filter a saw it. */
static bool is_seen(void)
{
	uint32_t before = sends_seen, handed = rig.lower_handed;

	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rig_run(&rig, 1);
	assert_int_equal(rig.lower_handed, handed + 1);
	return sends_seen > before;
}

static void restart_with(const struct lwf_handlers *handlers)
{
	wish = handlers;
	assert_int_equal(lwf_restart_filter(module_a), LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
}

static void test_S19(void **state)
{
	(void)state;
	open_optioners(LWF_PROFILE_STRICT);
	assert_true(is_seen());
	restart_with(&without);
	assert_int_equal(wish_answer, LWF_STATUS_SUCCESS);
	assert_false(is_seen()); /* the stack goes past it */
	restart_with(&with_send);
	assert_true(is_seen());
	restart_with(&without);
	wish = NULL;
	rule_pause();
	rule_restart();
	assert_false(is_seen()); /* until it is set again */
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_true(is_seen()); /* a new life begins with those of the filter */
	rig_expect_clean(&rig);

	assert_int_equal(lwf_set_optional_handlers(module_a, &without), LWF_STATUS_INVALID_STATE);
	assert_int_equal(rig_broken(&rig, "S19"), 1);
	assert_true(is_seen());
	rule_pause();
	assert_int_equal(lwf_set_optional_handlers(module_a, &without), LWF_STATUS_INVALID_STATE);
	assert_int_equal(rig_broken(&rig, "S19"), 2);
	rule_restart();
	assert_true(is_seen());
	wish_from_thread = true;
	restart_with(&without);
	assert_int_equal(wish_answer, LWF_STATUS_INVALID_STATE);
	assert_int_equal(rig_broken(&rig, "S19"), 3);
	assert_true(is_seen());
	rule_end_broken("S19");
}

/* By the wide reading of C7 it is asked when it is restarted alone. */
static void test_asked_alone(void **state)
{
	(void)state;
	open_optioners(LWF_PROFILE_LENIENT);
	order[0] = 0;
	restart_with(&without);
	assert_false(is_seen());
	restart_with(&with_send);
	assert_true(is_seen());
	assert_string_equal(order, "oa ra oa ra");
	rule_end_clean();
}

/* Handlers that contradict the traits: the module keeps what it has. */
static void test_bad_handlers(void **state)
{
	(void)state;
	open_optioners(LWF_PROFILE_STRICT);
	restart_with(&uncancelled);
	assert_int_equal(wish_answer, LWF_STATUS_BAD_CHARACTERISTICS);
	assert_true(is_seen());
	assert_int_equal(rig_broken(&rig, "O14"), 1);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 1);
	rig.may_break_rules = true;
	rig_close(&rig);
}

static void ask_for_restart(struct lwf_module *module)
{
	assert_int_equal(lwf_restart_filter(module), LWF_STATUS_INVALID_STATE);
}

/* A restart that is asked for where it cannot be had, and one that is asked for twice. */
static void test_restart_filter(void **state)
{
	(void)state;
	script.in_attach = script.in_restart = script.in_pause = ask_for_restart;
	rule_begin("inject;script;monitor");
	rule_pause();
	ask_for_restart(script.module);
	rule_restart();
	assert_int_equal(script.restarts, 2);
	script.in_restart = script.in_pause = NULL;
	assert_int_equal(lwf_restart_filter(script.module), LWF_STATUS_SUCCESS);
	assert_int_equal(lwf_restart_filter(script.module), LWF_STATUS_SUCCESS);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING); /* not inside the call */
	assert_false(lwf_stack_settled(rig.stack));
	rig_run(&rig, 10);
	assert_int_equal(script.restarts, 3);
	assert_true(lwf_stack_settled(rig.stack));
	assert_int_equal(lwf_restart_filter(script.module), LWF_STATUS_SUCCESS);
	rule_pause(); /* which is a pause, and a restart when it ends */
	rule_restart();
	rig_run(&rig, 10);
	assert_int_equal(script.restarts, 4);
	rule_end_clean();
}

/* ---- S20 ---- */

static void test_S20(void **state)
{
	static int other;

	(void)state;
	rule_begin("script");
	rule_pause();
	rule_restart();
	rig_expect_clean(&rig); /* attach is where it was set */
	lwf_module_set_context(script.module, &other);
	assert_ptr_equal(lwf_module_context(script.module), &script);
	assert_int_equal(rig_broken(&rig, "S20"), 1);
	rule_pause();
	lwf_module_set_context(script.module, NULL);
	assert_ptr_equal(lwf_module_context(script.module), &script);
	assert_int_equal(rig_broken(&rig, "S20"), 2);
	rule_restart();
	rule_end_broken("S20");
}

/* ---- T08 ---- */

static uint32_t unloads;

static void on_unloaded(void *context)
{
	assert_ptr_equal(context, &unloads);
	assert_null(lwf_stack_module(rig.stack, "script"));
	unloads++;
}

static int unload(const struct lwf_filter_ops *ops)
{
	return lwf_engine_unregister(rig.engine, ops, on_unloaded, &unloads);
}

static void test_T08(void **state)
{
	(void)state;
	unloads = 0;
	rule_begin("inject;script;monitor");
	assert_true(script_originate(3, LWF_DIRECTION_SEND));
	rig_run(&rig, 1);
	assert_int_equal(unload(&script_ops), 0);
	assert_int_equal(unload(&script_ops), -EALREADY);
	assert_int_equal(unloads, 0); /* it is in use */
	assert_int_equal(lwf_stack_insert(rig.stack, "script", 0, NULL, error, sizeof(error)),
			 -ENOENT);
	assert_int_equal(lwf_engine_register(rig.engine, &script_ops), -EEXIST);
	rig_run(&rig, 1);
	assert_int_equal(unloads, 1);
	assert_int_equal(script.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(unload(&script_ops), -ENOENT);
	assert_int_equal(unload(&keeper_ops), 0); /* one that nobody uses goes at once */
	assert_int_equal(unloads, 2);
	assert_int_equal(lwf_engine_register(rig.engine, &script_ops), 0); /* and may come back */
	rule_end_clean();

	script_reset();
	unloads = 0;
	rule_begin("inject;script;monitor");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	assert_int_equal(unload(&script_ops), 0);
	rig_run(&rig, 4000);
	rig_expect_clean(&rig); /* it may still come home */
	rig_run(&rig, 4000);
	rig_expect_broken(&rig, "T08");
	assert_int_equal(rig_broken(&rig, "T08"), 1);
	assert_int_equal(unloads, 0);
	lwf_sim_edge_release(rig.lower, 2);
	rig_run(&rig, 1);
	assert_int_equal(unloads, 1);
	rule_end_broken("T08");
}

static void count_unload(void *context)
{
	(void)context;
	unloads++;
}

/* One that is slow to restart has leaked nothing. */
static void test_unload_while_restarting(void **state)
{
	(void)state;
	unloads = 0;
	script.restart_status = LWF_STATUS_PENDING;
	rule_begin("inject;script;monitor");
	assert_int_equal(unload(&script_ops), 0);
	rig_run(&rig, 8000);
	assert_int_equal(unloads, 0);
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(unloads, 1);
	rule_end_clean();
}

/* The stack is closed while a filter is on its way out. */
static void test_unload_and_close(void **state)
{
	(void)state;
	unloads = 0;
	rule_begin("inject;script;monitor");
	assert_int_equal(lwf_engine_unregister(rig.engine, &script_ops, count_unload, NULL), 0);
	assert_int_equal(lwf_engine_unregister(rig.engine, lwf_engine_filter(rig.engine, "inject"),
					       NULL, NULL),
			 0);
	rule_end_clean();
	assert_int_equal(unloads, 1);
}

/* ---- F06 ---- */

static bool is_closed;

static void on_session_closed(struct lwf_session *session)
{
	(void)session;
	is_closed = true;
}

static void on_stack_closed(void *context)
{
	((struct rig *)context)->closed = true;
}

/* Ends what rule_begin() opened when the stack is closed already. */
static void end_rig(void)
{
	lwf_engine_unobserve(rig.engine, &rig.observer);
	lwf_engine_destroy(rig.engine);
	assert_int_equal(lwf_sim_host_allocations(rig.host), 0);
	lwf_sim_host_destroy(rig.host);
}

static void test_F06(void **state)
{
	(void)state;
	is_closed = false; /* an owner that takes its time, but closes */
	rule_begin("inject;monitor");
	client_open(&rig, &client);
	client_send(&client, 3);
	lwf_stack_close(rig.stack, on_stack_closed, &rig);
	rig_run(&rig, 9000);
	assert_false(rig.closed);
	lwf_session_close(&client.session, on_session_closed);
	rig_run(&rig, 1);
	assert_true(is_closed && rig.closed);
	rig_expect_clean(&rig);
	end_rig();

	is_closed = false; /* one that forgets it, until all is over */
	rule_begin("inject;monitor");
	client_open(&rig, &client);
	client_send(&client, 3);
	lwf_stack_close(rig.stack, on_stack_closed, &rig);
	rig_run(&rig, 11000);
	assert_true(rig.closed);
	rig_expect_broken(&rig, "F06");
	client_put(&client, 1, LWF_DIRECTION_SEND);
	assert_int_equal(client_pump(&client), 0);
	assert_false(lwf_session_blocked(&client.session));
	lwf_session_cancel(&client.session, 0);
	lwf_session_close(&client.session, on_session_closed);
	assert_true(is_closed);
	end_rig();

	is_closed = false; /* an error path that lost its way out of a call */
	rule_begin("inject;monitor");
	client_open(&rig, &client);
	client.session.calls++;
	lwf_session_close(&client.session, on_session_closed);
	lwf_stack_close(rig.stack, on_stack_closed, &rig);
	rig_run(&rig, 9000);
	assert_false(is_closed || rig.closed);
	rig_run(&rig, 2000);
	assert_true(is_closed && rig.closed);
	rig_expect_broken(&rig, "F06");
	end_rig();
}

/* One life with all that it may bring, in which the @nth allocation fails. True: none was left. */
static bool live(uint64_t nth)
{
	struct lwf_edge *upper = NULL, *lower = NULL;
	struct lwf_stack *stack = NULL;
	struct lwf_engine *engine;
	bool spent;

	memset(&rig, 0, sizeof(rig));
	rig.host = lwf_sim_host_create(1);
	lwf_sim_host_fail_nth(rig.host, nth);
	engine = rig.engine = lwf_engine_create(rig.host);
	if (!engine)
		goto end;
	if (lwf_engine_register(engine, &script_ops) ||
	    lwf_sim_edge_create(rig.host, "low0", &lower))
		goto end;
	if (lwf_sim_edge_create(rig.host, "up0", &upper)) {
		lower->ops->close(lower);
		goto end;
	}
	if (lwf_stack_create(engine, "s0", upper, lower, &stack))
		goto end;
	rig.stack = stack;
	rig.lower = lower;
	lwf_stack_insert(stack, "inject:frames=4", 0, NULL, error, sizeof(error));
	lwf_stack_insert(stack, "hold:frames=2", 1, NULL, error, sizeof(error));
	lwf_stack_insert(stack, "monitor:mandatory=on", 2, NULL, error, sizeof(error));
	lwf_stack_start(stack);
	client_open(&rig, &client);
	client_send(&client, 3);
	rig_run(&rig, 1);
	lwf_stack_hold(stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_insert(stack, "script", 1, NULL, error, sizeof(error));
	lwf_session_cancel(&client.session, 0);
	rig_run(&rig, 1);
	lwf_stack_release(stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	client_send(&client, 2);
	lwf_stack_retry(stack);
	lwf_engine_unregister(engine, &script_ops, NULL, NULL);
	rig_run(&rig, 1);
	lwf_session_cancel(&client.session, 0);
	client_close(&client);
	lwf_stack_close(stack, on_stack_closed, &rig);
	rig_run(&rig, 100); /* at once, not when something gives up on it */
	assert_true(rig.closed);
	assert_int_equal(lwf_engine_rules_broken(engine), 0);
end:
	lwf_engine_destroy(engine);
	spent = lwf_sim_host_fail_nth(rig.host, 0) == 0;
	assert_int_equal(lwf_sim_host_allocations(rig.host), 0);
	lwf_sim_host_destroy(rig.host);
	return !spent;
}

/* Every allocation of that life fails once: all comes to its end, and nothing is left behind. */
static void test_no_memory_anywhere(void **state)
{
	uint64_t nth = 1;

	(void)state;
	while (!live(nth)) {
		script_reset();
		nth++;
		assert_true(nth < 1000);
	}
	assert_true(nth > 30); /* so many places were tried */
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(T03),
		RULE_TEST(T04),
		RULE_TEST(S18),
		RULE_TEST(S19),
		RULE_TEST(bad_handlers),
		RULE_TEST(asked_alone),
		RULE_TEST(restart_filter),
		RULE_TEST(S20),
		RULE_TEST(T08),
		RULE_TEST(unload_and_close),
		RULE_TEST(unload_while_restarting),
		RULE_TEST(F06),
		RULE_TEST(no_memory_anywhere),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_stack", tests, NULL, NULL);
}
