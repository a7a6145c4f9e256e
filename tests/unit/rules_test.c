/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_test.c - each rule is broken once, by a filter that is wrong on purpose, and is reported
 * under its id and no other; and each time the legal neighbour of the deed is not reported.
 *
 * Some rules bind the engine or an edge and not the filter, and nothing that a filter can call breaks
 * them: S02, S07, T01 and T02 are broken here through the engine's private header, as an engine with
 * that bug would; P16 by an edge that answers twice.
 */
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"
#include "lifecycle.h"
#include "rig.h"
#include "script.h"

static struct rig rig;
static struct client client;

static void begin(const char *specs)
{
	rig_open(&rig, script_filters, specs);
}

static int fresh(void **state)
{
	(void)state;
	script_reset();
	return 0;
}

static lwf_handle self(void)
{
	return lwf_module_handle(script.module);
}

static void user_pause(void)
{
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
}

static void user_restart(void)
{
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
}

/* The rule was broken, alone; all is put right again and taken down. */
static void end_broken(const char *id)
{
	rig_expect_broken(&rig, id);
	script.pause_is_fixed = false;
	rig_close(&rig);
}

static void end_clean(void)
{
	rig_close(&rig);
}

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
	end_broken("S01");
}

static void set_state_running(struct lwf_module *module)
{
	module->state = LWF_STATE_RUNNING;
}

static void test_S02(void **state)
{
	(void)state;
	begin("script");
	user_pause();
	assert_int_equal(script.seen_in_attach, LWF_STATE_ATTACHING);
	end_clean();

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
	begin("script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
	rig_run(&rig, 1000);
	assert_int_equal(script.restarts + script.pauses + script.detaches,
			 0); /* no later callback */
	script.attach_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	end_clean();

	script_reset();
	script.attach_status = LWF_STATUS_FAILURE;
	script.in_attach = leave_context;
	begin("script");
	end_broken("S03");
}

static void test_S04(void **state)
{
	(void)state;
	script.attach_status = LWF_STATUS_PENDING;
	begin("script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	end_broken("S04");
}

static void test_S05(void **state)
{
	(void)state;
	begin("script");
	user_pause();
	assert_int_equal(script.seen_in_pause, LWF_STATE_PAUSING);
	rig_expect_clean(&rig);
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	assert_int_equal(script.pauses, 1);
	end_broken("S05");
}

static void test_S06(void **state)
{
	(void)state;
	begin("script");
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_FAILURE;
	user_pause();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED); /* pause cannot fail */
	end_broken("S06");
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
	begin("script");
	user_pause(); /* the answer SUCCESS is the completion */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	user_restart();
	lwf_engine_observe(rig.engine, &observer);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_engine_unobserve(rig.engine, &observer);
	script.module->state = LWF_STATE_PAUSED;
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	end_broken("S07");
}

static void test_S08(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(3, LWF_DIRECTION_SEND));
	user_pause();
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
	end_broken("S08");
}

static void test_S09(void **state)
{
	(void)state;
	begin("script");
	lwf_pause_complete(script.module);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	end_broken("S09");

	script_reset();
	begin("script");
	script.in_pause = lwf_pause_complete; /* completes, and answers SUCCESS as well */
	user_pause();
	script.in_pause = NULL;
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	end_broken("S09");
}

static void test_S10(void **state)
{
	(void)state;
	begin("script");
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	user_pause();
	lwf_pause_complete(script.module);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	lwf_pause_complete(script.module);
	end_broken("S10");
}

static void test_S11(void **state)
{
	(void)state;
	begin("script");
	assert_int_equal(script.seen_in_restart, LWF_STATE_RESTARTING);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	assert_int_equal(script.restarts, 1);
	end_broken("S11");
}

static void test_S12(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_RESOURCES;
	begin("script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_PAUSE);
	assert_false(script_originate(1, LWF_DIRECTION_SEND)); /* the gate is shut */
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, self());
	rig_expect_broken(&rig, "S12");
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	end_broken("S12");
}

static void test_S13(void **state)
{
	(void)state;
	script.restart_status = LWF_STATUS_PENDING;
	begin("script");
	rig_run(&rig, 5);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RESTARTING);
	assert_false(script_originate(1, LWF_DIRECTION_SEND));
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rig_expect_clean(&rig);
	lwf_restart_complete(script.module, LWF_STATUS_SUCCESS);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	end_broken("S13");
}

static void test_S14(void **state)
{
	(void)state;
	begin("script");
	assert_false(lwf_lifecycle(script.module, LWF_EVENT_DETACH, "test"));
	assert_int_equal(script.detaches, 0);
	end_broken("S14");
}

static void test_S15(void **state)
{
	lwf_handle old;

	(void)state;
	begin("script");
	old = self();
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_true(self() != old);
	assert_int_equal(lwf_stack_epoch(rig.stack), 2);
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, old);
	end_broken("S15");
}

static void test_S16(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	user_pause();
	/* what the stack is asked for meanwhile waits its turn */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_expect_clean(&rig);
	assert_int_equal(script.detaches, 0);
	for (int event = LWF_EVENT_ATTACH; event <= LWF_EVENT_DETACH; event++)
		assert_false(lwf_lifecycle(script.module, (enum lwf_event)event, "test"));
	assert_int_equal(rig_broken(&rig, "S16"), 4);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	end_broken("S16");
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
	begin("script");
	script.in_pause = control_inside;
	user_pause();
	script.in_pause = NULL;
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	end_broken("S17");

	script_reset();
	begin("script");
	assert_int_equal(pthread_create(&thread, NULL, control_from_thread, script.module), 0);
	pthread_join(thread, NULL);
	rig_expect_broken(&rig, "S17");
	lwf_stack_hold(rig.stack,
		       LWF_HOLD_USER_PAUSE); /* from the old thread again: another change */
	end_broken("S17");
}

/* ---- P: pause ---- */

static void originate_send(struct lwf_module *module)
{
	assert_false(script_originate(1, LWF_DIRECTION_SEND)); /* the gate knows better */
	script_originate_wrongly(1, LWF_DIRECTION_SEND, lwf_module_handle(module));
}

static void originate_receive(struct lwf_module *module)
{
	script_originate_wrongly(1, LWF_DIRECTION_RECEIVE, lwf_module_handle(module));
}

static void test_P01(void **state)
{
	(void)state;
	begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_SEND, self()); /* Running: legal */
	rig_expect_clean(&rig);
	script.in_pause = originate_send;
	user_pause();
	script.in_pause = NULL;
	end_broken("P01");
}

static void test_P02(void **state)
{
	(void)state;
	begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_RECEIVE, self());
	rig_expect_clean(&rig);
	script.in_pause = originate_receive;
	user_pause();
	script.in_pause = NULL;
	end_broken("P02");
}

/* Pause answers SUCCESS while @direction is out. The engine keeps it Pausing until all is home. */
static void pause_too_early(const char *id, enum lwf_direction direction)
{
	struct lwf_edge *edge;

	begin("script");
	edge = direction == LWF_DIRECTION_SEND ? rig.lower : rig.upper;
	lwf_sim_edge_config(edge)->never = true;
	assert_true(script_originate(2, direction));
	user_pause();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_sim_edge_config(edge)->never = false;
	rig_run(&rig, 2);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig); /* the legal way */
	user_restart();

	lwf_sim_edge_config(edge)->never = true;
	script_originate_wrongly(2, direction, self());
	user_pause(); /* the gate counts none of them and says SUCCESS */
	rig_expect_broken(&rig, id);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_sim_edge_config(edge)->never = false;
	rig_run(&rig, 2);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	end_broken(id);
}

static void test_P03(void **state)
{
	(void)state;
	pause_too_early("P03", LWF_DIRECTION_SEND);
}

static void test_P04(void **state)
{
	(void)state;
	pause_too_early("P04", LWF_DIRECTION_RECEIVE);
}

static void test_P05(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.lower)->delay_ns = 10 * RIG_MS;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	user_pause();
	rig_run(&rig, 20);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	user_restart();
	script.forget_completion = true;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	user_pause();
	rig_run(&rig, 1500);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	rig_expect_broken(&rig, "P05");
	lwf_pause_complete(script.module);
	end_broken("P05");
}

static void keep_at_pause(bool sends)
{
	begin("inject;keeper");
	client_open(&rig, &client);
	script.keep_sends = sends;
	script.keep_receives = !sends;
	for (int wrong = 0; wrong < 2; wrong++) {
		if (sends)
			client_send(&client, 3);
		else
			assert_int_equal(rig_receive(&rig, 60, 1), 0);
		script.pause_is_fixed = wrong;
		script.pause_status = LWF_STATUS_SUCCESS;
		/* the module itself: the stack would wait for inject's sends first */
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		if (sends && !wrong) {
			script_let_go();
			rig_run(&rig, 1);
		} else if (sends) {
			assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
		}
		rig_run(&rig, 1);
		if (!wrong) {
			rig_expect_clean(&rig);
			user_restart();
		}
	}
}

static void test_P06(void **state)
{
	(void)state;
	keep_at_pause(true);
	assert_true(rig_broken(&rig, "P06") > 0);
	rig.may_break_rules = true; /* and T01: the keeper was paused out of order to get there */
	assert_true(rig_broken(&rig, "P06") + rig_broken(&rig, "T01") ==
		    lwf_engine_rules_broken(rig.engine));
	assert_int_equal(rig_state(&rig, "keeper"), LWF_STATE_PAUSING);
	script.pause_is_fixed = false;
	lwf_drop_sends(script.module, &script.kept_sends, LWF_REASON_NOT_RUNNING);
	lwf_batch_init(&script.kept_sends);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "keeper"), LWF_STATE_PAUSED);
	client_close(&client);
	rig_close(&rig);
}

static void test_P07(void **state)
{
	(void)state;
	keep_at_pause(false);
	rig_expect_broken(&rig, "P07");
	assert_int_equal(rig_state(&rig, "keeper"), LWF_STATE_PAUSING);
	script.pause_is_fixed = false;
	lwf_drop_receives(script.module, &script.kept_receives, LWF_REASON_NOT_RUNNING);
	lwf_batch_init(&script.kept_receives);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "keeper"), LWF_STATE_PAUSED);
	client_close(&client);
	end_broken("P07");
}

static void forward_kept(struct lwf_module *module)
{
	(void)module;
	script_let_go();
}

static void test_P08(void **state)
{
	struct lwf_batch batch;
	uint8_t bytes[60] = {0};

	(void)state;
	begin("keeper");
	/* a send from above while it is not Running: answered PAUSED, the filter never sees it */
	user_pause();
	script.keep_sends = true;
	rig.stack->upper_running = true; /* an upper edge that does not know of the pause */
	rig.upper->intake = LWF_INTAKE_READ;
	assert_int_equal(lwf_sim_edge_inject(rig.upper, bytes, sizeof(bytes)), 0);
	rig.stack->upper_running = false;
	assert_int_equal(script.kept_sends.count, 0);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED], 1);
	rig_expect_clean(&rig);
	user_restart();
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(script.kept_sends.count, 1);
	script.in_pause = forward_kept; /* wrong: forwards what it should complete */
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	script.in_pause = NULL;
	lwf_batch_init(&batch);
	rig_expect_broken(&rig, "P08");
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	end_broken("P08");
}

static void swap_context(struct lwf_module *module)
{
	static int other;

	lwf_module_set_context(module, &other);
}

static void test_P14(void **state)
{
	(void)state;
	begin("script");
	user_pause();
	rig_expect_clean(&rig);
	user_restart();
	script.in_pause = swap_context;
	user_pause();
	script.in_pause = NULL;
	end_broken("P14");
}

static struct lwf_timer timer;

static void on_timer(void *context)
{
	(void)context;
}

static void make_timer(struct lwf_module *module)
{
	assert_int_equal(lwf_module_timer_init(module, &timer, on_timer, NULL), 0);
}

static void drop_timer(struct lwf_module *module)
{
	lwf_module_timer_fini(module, &timer);
}

static void stop_timer(struct lwf_module *module)
{
	(void)module;
	lwf_timer_cancel(&timer);
}

static void test_P15(void **state)
{
	(void)state;
	script.in_attach = make_timer;
	script.in_detach = drop_timer;
	begin("script");
	lwf_timer_set(&timer, 3600 * 1000 * RIG_MS);
	script.in_pause = stop_timer;
	user_pause();
	rig_expect_clean(&rig);
	user_restart();
	lwf_timer_set(&timer, 3600 * 1000 * RIG_MS);
	script.in_pause = NULL;
	user_pause();
	lwf_timer_cancel(&timer);
	end_broken("P15");
}

/* An edge that answers inside the send call, and then answers a frame that it has answered already. */
static void answer_again(struct lwf_pool *pool, lwf_handle born)
{
	struct lwf_frame *copy = lwf_pool_take(pool, born, LWF_DIRECTION_SEND);
	struct lwf_batch batch;

	copy->holder = born;
	copy->len = 60;
	lwf_batch_init(&batch);
	lwf_batch_push(&batch, copy);
	lwf_edge_completed(rig.lower, &batch);
}

static void test_P16(void **state)
{
	struct lwf_pool *pool;
	struct lwf_module_info info;

	(void)state;
	begin("script");
	assert_true(script_originate(SCRIPT_FRAMES, LWF_DIRECTION_SEND)); /* inline device */
	assert_int_equal(script.home, SCRIPT_FRAMES);
	assert_int_equal(lwf_gate_count(&script.gate), 0);
	rig_expect_clean(&rig);
	pool = lwf_pool_create(rig.host, 1, 64);
	answer_again(pool, self());
	lwf_module_info(script.module, &info);
	assert_int_equal(info.sends, SCRIPT_FRAMES); /* and nothing was counted twice */
	assert_int_equal(info.send_answers[LWF_ANSWER_SUCCESS], SCRIPT_FRAMES);
	assert_int_equal(info.sends_out, 0);
	assert_int_equal(script.home, SCRIPT_FRAMES);
	assert_int_equal(lwf_gate_count(&script.gate), 0);
	lwf_pool_destroy(pool);
	end_broken("P16");
}

static void test_P17(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(3, LWF_DIRECTION_SEND));
	user_pause();
	rig_run(&rig, 9000);
	rig_expect_clean(&rig); /* long, but within NDIS's limit: the watchdog alone speaks */
	assert_true(rig_told(&rig, LWF_TRACE_WATCHDOG, "waiting"));
	rig_run(&rig, 2000);
	assert_int_equal(rig_broken(&rig, "P17"), 1);
	rig_run(&rig, 20000);
	assert_int_equal(rig_broken(&rig, "P17"), 1); /* once for one pause */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	end_broken("P17");
}

/* ---- F: from the field, as scenarios ---- */

static void test_F01(void **state)
{
	(void)state;
	begin("inject;script");
	client_open(&rig, &client);
	client_send(&client, 4);
	user_pause(); /* with nothing outstanding */
	client_send(&client, 4);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 4);
	assert_int_equal(rig.lower_handed, 4);
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, self());
	assert_int_equal(rig.lower_handed, 4);
	client_close(&client);
	end_broken("F01");
}

/* A refusal that is a lie: Running, and still "not running" (the flag nobody took back). */
static void test_F02(void **state)
{
	struct lwf_frame frame = {0};

	(void)state;
	begin("inject");
	client_open(&rig, &client);
	user_pause();
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	user_restart();
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	rig_expect_clean(&rig);
	client_put(&client, 1, LWF_DIRECTION_SEND);
	frame.data = frame.buffer = (uint8_t[2048]){0};
	frame.buffer_bytes = 2048;
	assert_int_equal(lwf_session_pull(&client.session, &frame), LWF_PULL_FRAME);
	lwf_frame_answer(&frame, LWF_REASON_NOT_RUNNING);
	lwf_session_refuse(&client.session, &frame);
	client_close(&client);
	end_broken("F02");
}

/* The last frame comes home between the zero test and the return of PENDING. */
static void release_inside(struct lwf_module *module)
{
	(void)module;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
}

static void test_F03(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		script_reset();
		begin("script");
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_true(script_originate(2, LWF_DIRECTION_SEND));
		script.in_pause = release_inside;
		script.forget_completion = wrong; /* as with "owed" set too late */
		user_pause();
		script.in_pause = NULL;
		if (!wrong) {
			assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
			end_clean();
			continue;
		}
		assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
		rig_run(&rig, 1500);
		rig_expect_broken(&rig, "F03");
		lwf_pause_complete(script.module);
		end_broken("F03");
	}
}

static void test_F04(void **state)
{
	struct lwf_frame frame = {0};

	(void)state;
	begin("inject");
	client_open(&rig, &client);
	user_pause();
	client_send(&client, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 3);
	user_restart();
	client_send(&client, 3); /* the same handle */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	user_pause();
	rig_expect_clean(&rig);
	/* another error than the documented one, as in npcap#627 */
	client_put(&client, 1, LWF_DIRECTION_SEND);
	frame.data = frame.buffer = (uint8_t[2048]){0};
	frame.buffer_bytes = 2048;
	assert_int_equal(lwf_session_pull(&client.session, &frame), LWF_PULL_FRAME);
	lwf_frame_answer(&frame, LWF_REASON_REMOVED);
	lwf_session_refuse(&client.session, &frame);
	client_close(&client);
	end_broken("F04");
}

static void test_F05(void **state)
{
	(void)state;
	begin("inject");
	client_open(&rig, &client);
	client_send(&client, 1);
	for (int i = 0; i < 3; i++) {
		uint64_t epoch = lwf_stack_epoch(rig.stack);

		rig_remove(&rig);
		rig_run(&rig, 1);
		client_send(&client, 1);
		assert_int_equal(client_last(&client), LWF_STATUS_ADAPTER_REMOVED);
		rig_return(&rig);
		rig_run(&rig, 1);
		assert_true(lwf_stack_epoch(rig.stack) == epoch + 1);
		client_send(&client, 1);
		assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	}
	client_close(&client);
	end_clean();
}

/* ---- O: ownership ---- */

static void test_O01(void **state)
{
	(void)state;
	begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_SEND, self());
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, 0);
	assert_int_equal(script.home, 2); /* it came home all the same */
	end_broken("O01");
}

static void steal(struct lwf_module *module, struct lwf_batch *batch)
{
	batch->head->origin = lwf_module_handle(module);
	lwf_next_send(module, batch);
}

static void test_O02(void **state)
{
	(void)state;
	begin("inject;script");
	client_open(&rig, &client);
	client_send(&client, 2);
	rig_expect_clean(&rig);
	script.send = steal;
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS),
			 4); /* back to its true origin */
	client_close(&client);
	end_broken("O02");
}

static void complete_all(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_send_complete(module, batch);
}

static void test_O03(void **state)
{
	(void)state;
	begin("script");
	script.send_complete = complete_all;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0); /* foreign frames: legal */
	rig_expect_clean(&rig);
	script_originate_wrongly(2, LWF_DIRECTION_SEND, self());
	end_broken("O03");
}

static struct lwf_batch lost;

static void lose(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	lwf_batch_append(&lost, batch);
}

static void find_and_pass(struct lwf_module *module)
{
	struct lwf_batch batch = lost;

	lwf_batch_init(&lost);
	lwf_next_send(module, &batch);
}

static struct lwf_pool *forged_pool;

/* Passes the frame on, and a copy that claims the same birth: two for one. */
static void pass_twice(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_frame *frame = batch->head;
	struct lwf_frame *copy = lwf_pool_take(forged_pool, frame->origin, LWF_DIRECTION_SEND);
	struct lwf_batch second;

	copy->born = frame->born;
	copy->holder = frame->holder;
	copy->len = 60;
	lwf_next_send(module, batch);
	lwf_batch_init(&second);
	lwf_batch_push(&second, copy);
	script.send_complete = complete_all;
	lwf_drop_sends(module, &second, LWF_REASON_FILTER);
}

static void test_O04(void **state)
{
	(void)state;
	begin("script");
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rig_expect_clean(&rig);
	script.send = lose;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	script.send = NULL;
	rig_expect_broken(&rig, "O04");
	find_and_pass(script.module);
	end_broken("O04");

	script_reset();
	begin("script");
	forged_pool = lwf_pool_create(rig.host, 1, 64);
	script.send = pass_twice;
	rig.upper->inputs_out++; /* the copy will be counted home as well */
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	script.send = NULL;
	rig_expect_broken(&rig, "O04");
	lwf_pool_destroy(forged_pool);
	end_broken("O04");
}

static void test_O05(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct lwf_sim_edge_config *config;

		script_reset();
		begin("script");
		config = lwf_sim_edge_config(rig.lower);
		config->delay_ns = RIG_MS;
		config->merge = true;
		config->reorder = true;
		if (wrong)
			script.send_complete = complete_all; /* does not look whose they are */
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(rig_host_send(&rig, 60, i), 0);
			if (wrong)
				script_originate_wrongly(1, LWF_DIRECTION_SEND, self());
			else
				assert_true(script_originate(1, LWF_DIRECTION_SEND));
		}
		rig_run(&rig, 5);
		assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 4);
		if (wrong) {
			end_broken("O05");
			continue;
		}
		assert_int_equal(script.home, 4);
		end_clean();
	}
}

/* ---- T: the stack ---- */

static void test_T01(void **state)
{
	(void)state;
	begin("inject;script;monitor");
	user_pause();
	user_restart();
	rig_expect_clean(&rig);
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test")); /* inject is Running */
	rig_expect_broken(&rig, "T01");
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	end_broken("T01");
}

static void test_T02(void **state)
{
	(void)state;
	begin("inject;script;monitor");
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	user_pause();
	rig_expect_clean(&rig);
	rig.stack->attach_in_order = true; /* not a removal: the stack as a whole goes down */
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_DETACH, "test"));
	rig.stack->attach_in_order = false;
	rig_expect_broken(&rig, "T02");
	assert_true(lwf_lifecycle(rig_module(&rig, "script"), LWF_EVENT_ATTACH, "test"));
	user_restart();
	end_broken("T02");
}

static void test_T05(void **state)
{
	(void)state;
	begin("inject;script");
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
	end_broken("T05");
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(S01), RULE_TEST(S02), RULE_TEST(S03), RULE_TEST(S04), RULE_TEST(S05),
		RULE_TEST(S06), RULE_TEST(S07), RULE_TEST(S08), RULE_TEST(S09), RULE_TEST(S10),
		RULE_TEST(S11), RULE_TEST(S12), RULE_TEST(S13), RULE_TEST(S14), RULE_TEST(S15),
		RULE_TEST(S16), RULE_TEST(S17), RULE_TEST(P01), RULE_TEST(P02), RULE_TEST(P03),
		RULE_TEST(P04), RULE_TEST(P05), RULE_TEST(P06), RULE_TEST(P07), RULE_TEST(P08),
		RULE_TEST(P14), RULE_TEST(P15), RULE_TEST(P16), RULE_TEST(P17), RULE_TEST(F01),
		RULE_TEST(F02), RULE_TEST(F03), RULE_TEST(F04), RULE_TEST(F05), RULE_TEST(O01),
		RULE_TEST(O02), RULE_TEST(O03), RULE_TEST(O04), RULE_TEST(O05), RULE_TEST(T01),
		RULE_TEST(T02), RULE_TEST(T05),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
