/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifecycle_corners_test.c - what lifecycle.c does besides going from state to state: whom it blames,
 * what it records, what it remembers from one life to the next, and completions at odd moments.
 *
 * Most cases drive one module of a stack that was never started, so that nothing but the test moves it.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "lifecycle.h"
#include "rulebed.h"

static struct lwf_module *subject;

/* A stack at rest with @specs; the events come from the test. */
static void prepare(const char *specs)
{
	rig_prepare(&rig, script_filters, specs);
	subject = rig_module(&rig, "script");
}

static void drive(enum lwf_event event, enum lwf_state expected)
{
	assert_true(lwf_lifecycle(subject, event, "test"));
	assert_int_equal(subject->state, expected);
}

/* All that was broken since the last call is @count times @id. */
static void expect_blame(const char *id, uint64_t count)
{
	assert_int_equal(rig_broken(&rig, id), count);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), count);
	memset(rig.engine->rules.broken, 0, sizeof(rig.engine->rules.broken));
}

static void finish(void)
{
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 0);
	if (subject->state == LWF_STATE_RUNNING)
		drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	if (subject->state == LWF_STATE_PAUSED)
		drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	rig_close(&rig);
}

/* ---- T01, T02: every pair of neighbours ---- */

static void with_neighbours(enum lwf_state above, enum lwf_state below, bool in_order)
{
	static const enum lwf_event events[] = {LWF_EVENT_ATTACH, LWF_EVENT_RESTART,
						LWF_EVENT_PAUSE, LWF_EVENT_DETACH};
	const char *id;
	bool broken;

	for (unsigned i = 0; i < 4; i++) {
		if (events[i] == LWF_EVENT_PAUSE)
			broken = above > LWF_STATE_PAUSED;
		else if (events[i] == LWF_EVENT_RESTART)
			broken = below != LWF_STATE_RUNNING;
		else if (events[i] == LWF_EVENT_DETACH)
			broken = in_order && above != LWF_STATE_DETACHED;
		else
			broken = in_order && below == LWF_STATE_DETACHED;
		id = events[i] == LWF_EVENT_PAUSE || events[i] == LWF_EVENT_RESTART ? "T01" : "T02";
		rig_module(&rig, "inject")->state = above;
		rig_module(&rig, "monitor")->state = below;
		rig.stack->attach_in_order = in_order;
		assert_true(lwf_lifecycle(subject, events[i], "test"));
		expect_blame(id, broken);
	}
}

static void test_order_of_neighbours(void **state)
{
	struct lwf_module *below;

	(void)state;
	prepare("inject;script;monitor");
	below = rig_module(&rig, "monitor");
	for (int above = 0; above < LWF_STATES; above++) {
		for (int b = 0; b < LWF_STATES; b++) {
			with_neighbours((enum lwf_state)above, (enum lwf_state)b, false);
			with_neighbours((enum lwf_state)above, (enum lwf_state)b, true);
		}
	}
	rig_module(&rig, "inject")->state = below->state = LWF_STATE_DETACHED;
	below->left_out = true; /* one that the stack does without has no say */
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	below->left_out = false;
	rig.stack->attach_in_order = false;
	finish();
}

/* ---- what is recorded ---- */

static char told[2048];

static void tell(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	char line[160];

	(void)observer;
	if (record->kind == LWF_TRACE_CALLBACK && strstr(record->event, "SetAttributes"))
		return; /* not the lifecycle's */
	if (record->kind == LWF_TRACE_CALLBACK) {
		assert_false(subject->callback.running && strncmp(record->event, "Filter", 6) == 0);
		if (strcmp(record->event, "FilterDetach") == 0)
			assert_true(subject->oid_closed); /* shut before, and until it is over */
		snprintf(line, sizeof(line), "  %s %x %s\n", record->event,
			 (unsigned)record->status, record->owed ? "owed" : "-");
	} else if (record->kind == LWF_TRACE_STATE) {
		assert_int_equal(subject->state, record->after);
		if (record->before != record->after)
			assert_int_equal(subject->since_ns, record->time_ns);
		snprintf(line, sizeof(line), "%s>%s %s %x %s %u ms: %s\n",
			 lwf_state_name((enum lwf_state)record->before),
			 lwf_state_name((enum lwf_state)record->after), record->event,
			 (unsigned)record->status, record->owed ? "owed" : "-",
			 (unsigned)(record->latency_ns / RIG_MS), record->text);
	} else {
		return;
	}
	assert_true(strlen(told) + strlen(line) < sizeof(told));
	strcat(told, line);
}

static void wait_ms(uint64_t ms)
{
	rig.stack->advancing = true; /* else a stack that was not started takes the module down */
	rig_run(&rig, ms);
	rig.stack->advancing = false;
}

static void test_records_of_a_life(void **state)
{
	static const char *const life =
		"Detached>Attaching attach 0 - 1 ms: test\n"
		"  FilterAttach 0 -\n"
		"Attaching>Paused done 0 - 0 ms: test\n"
		"Paused>Restarting restart 0 - 2 ms: test\n"
		"  FilterRestart 103 -\n"
		"Restarting>Restarting pending 103 owed 0 ms: test\n"
		"  NdisFRestartComplete 0 owed\n"
		"Restarting>Running done 0 - 3 ms: completed later\n"
		"Running>Pausing pause 0 - 4 ms: test\n"
		"  FilterPause 103 -\n"
		"Pausing>Pausing pending 103 owed 0 ms: test\n"
		"  NdisFPauseComplete 0 owed\n"
		"Pausing>Paused done 0 - 5 ms: completed by the last frame\n"
		"Paused>Restarting restart 0 - 6 ms: test\n"
		"  FilterRestart c000009a -\n"
		"Restarting>Paused failed c000009a - 0 ms: test\n"
		"Paused>Detached detach 0 - 7 ms: test\n"
		"  FilterDetach 0 -\n"
		"Detached>Attaching attach 0 - 0 ms: test\n"
		"  FilterAttach c0000001 -\n"
		"Attaching>Detached failed c0000001 - 0 ms: test\n";
	struct lwf_observer observer = {.record = tell};

	(void)state;
	told[0] = 0;
	prepare("script");
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	lwf_engine_observe(rig.engine, &observer);
	wait_ms(1);
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	wait_ms(2);
	script.restart_status = LWF_STATUS_PENDING;
	drive(LWF_EVENT_RESTART, LWF_STATE_RESTARTING);
	wait_ms(3);
	lwf_gate_open(&script.gate);
	lwf_restart_complete(subject, LWF_STATUS_SUCCESS);
	wait_ms(4);
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSING);
	wait_ms(5);
	lwf_pause_complete(subject);
	wait_ms(6);
	script.restart_status = LWF_STATUS_RESOURCES;
	drive(LWF_EVENT_RESTART, LWF_STATE_PAUSED);
	wait_ms(7);
	subject->oid_closed = true;
	drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	script.attach_status = LWF_STATUS_FAILURE;
	drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
	lwf_engine_unobserve(rig.engine, &observer);
	assert_int_equal(lwf_engine_trace_details(rig.engine, false), 0);
	assert_string_equal(told, life);
	finish();
}

/* ---- what is remembered from one life to the next ---- */

static lwf_handle handle_inside;

static void note_handle(struct lwf_module *module)
{
	handle_inside = lwf_module_handle(module);
}

static void blame_for_send(const char *id, lwf_handle origin)
{
	script_originate_wrongly(1, LWF_DIRECTION_SEND, origin);
	expect_blame(id, 1);
}

static void test_lives(void **state)
{
	struct lwf_module_info info;

	(void)state;
	prepare("script");
	for (uint64_t life = 1; life <= 3; life++) {
		assert_int_equal(lwf_module_handle(subject), 0);
		drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
		lwf_module_info(subject, &info);
		assert_int_equal(info.epoch, life);
		assert_true(lwf_module_handle(subject) != 0);
		blame_for_send("P01", lwf_module_handle(subject)); /* nothing of the life before */
		drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
		drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
		blame_for_send("F01", lwf_module_handle(subject));
		script.restart_status = LWF_STATUS_FAILURE;
		drive(LWF_EVENT_RESTART, LWF_STATE_PAUSED);
		script.restart_status = LWF_STATUS_SUCCESS;
		blame_for_send("S12", lwf_module_handle(subject));
		drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	}
	finish();
}

/* A life that failed at once had a handle, too: it is an old one. */
static void test_handle_of_a_failed_attach(void **state)
{
	(void)state;
	prepare("script");
	script.attach_status = LWF_STATUS_RESOURCES;
	script.in_attach = note_handle;
	drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
	assert_true(handle_inside != 0);
	assert_int_equal(lwf_module_handle(subject), 0);
	script.attach_status = LWF_STATUS_SUCCESS;
	script.in_attach = NULL;
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	blame_for_send("S15", handle_inside);
	finish();
}

static void set_context(struct lwf_module *module)
{
	lwf_module_set_context(module, &script);
}

/* What a filter leaves in its context is not there in the next life (P14 would blame the new one). */
static void test_context_ends_with_the_life(void **state)
{
	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	script.in_detach = NULL;
	script.keeps_context = true;
	drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	script.keeps_context = false;
	assert_null(lwf_module_context(subject));
	assert_null(subject->attach_context);
	script.attach_status = LWF_STATUS_FAILURE;
	drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 0);
	script.in_attach = set_context;
	drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
	expect_blame("S03", 1);
	subject->context = NULL;
	finish();
}

/* failed: until the next attach or restart begins, and through a detach. */
static void test_failed_lasts(void **state)
{
	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	assert_false(subject->failed);
	script.restart_status = LWF_STATUS_FAILURE;
	drive(LWF_EVENT_RESTART, LWF_STATE_PAUSED);
	assert_true(subject->failed);
	script.restart_status = LWF_STATUS_SUCCESS;
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	assert_false(subject->failed);
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	script.restart_status = LWF_STATUS_FAILURE;
	drive(LWF_EVENT_RESTART, LWF_STATE_PAUSED);
	drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	assert_true(subject->failed);
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	assert_false(subject->failed);
	finish();
}

/* Answers that were asked for one step last until that step, and no longer. */
static void test_marks(void **state)
{
	(void)state;
	prepare("script");
	subject->restart_asked = subject->options_set = true;
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	assert_true(subject->restart_asked);
	assert_false(subject->options_set); /* those of the life before */
	subject->options_set = true;
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	assert_true(subject->restart_asked); /* a restart is wanted of one that runs */
	assert_false(subject->options_set);
	subject->options_set = true;
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	assert_false(subject->restart_asked); /* on its way */
	assert_true(subject->options_set);
	subject->restart_asked = true;
	drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
	assert_true(subject->restart_asked && subject->options_set);
	subject->restart_asked = false;
	finish();
}

static lwf_status no_options(struct lwf_module *module)
{
	(void)module;
	return LWF_STATUS_SUCCESS;
}

/* S18: also of the module at the very top. */
static void test_options_of_the_top(void **state)
{
	static const struct lwf_filter_ops asker = {.name = "asker",
						    .set_module_options = no_options};
	static const struct lwf_filter_ops *const filters[] = {&asker, &script_ops, NULL};

	(void)state;
	rig_prepare(&rig, filters, "asker;script");
	subject = rig_module(&rig, "script");
	assert_true(lwf_lifecycle(rig_module(&rig, "asker"), LWF_EVENT_ATTACH, "test"));
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	expect_blame("S18", 1);
	rig_module(&rig, "asker")->options_set = true;
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	assert_true(lwf_lifecycle(rig_module(&rig, "asker"), LWF_EVENT_DETACH, "test"));
	finish();
}

/* ---- timers ---- */

static struct lwf_timer timers[2];

static void on_timer(void *context)
{
	(void)context;
}

static void make_timers(struct lwf_module *module)
{
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(lwf_module_timer_init(module, &timers[i], on_timer, NULL), 0);
}

static void drop_timers(struct lwf_module *module)
{
	for (unsigned i = 0; i < 2; i++)
		lwf_module_timer_fini(module, &timers[i]);
}

/* S03, P15: each of several timers counts. */
static void test_timers(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		script_reset();
		prepare("script");
		script.in_attach = make_timers;
		script.in_detach = drop_timers;
		drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
		drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
		lwf_timer_set(&timers[which], 3600 * 1000 * RIG_MS);
		drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
		expect_blame("P15", 1);
		lwf_timer_cancel(&timers[which]);
		drive(LWF_EVENT_DETACH, LWF_STATE_DETACHED);
		script.attach_status = LWF_STATUS_FAILURE;
		script.in_detach = NULL;
		drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
		expect_blame("S03", 1);
		lwf_module_timer_fini(subject, &timers[1 - which]);
		script.in_attach = NULL;
		drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
		expect_blame("S03", 1);
		lwf_module_timer_fini(subject, &timers[which]);
		drive(LWF_EVENT_ATTACH, LWF_STATE_DETACHED);
		finish();
	}
}

/* ---- restart: its completion at odd moments ---- */

static lwf_status completed_with;
static uint32_t completions;

static void complete_restart(struct lwf_module *module)
{
	for (uint32_t i = 0; i < completions; i++)
		lwf_restart_complete(module, completed_with);
}

static void restart_completed_inside(lwf_status answer, lwf_status with, uint32_t times,
				     enum lwf_state expected)
{
	script.restart_status = answer;
	script.in_restart = complete_restart;
	completed_with = with;
	completions = times;
	drive(LWF_EVENT_RESTART, expected);
	script.in_restart = NULL;
	assert_true(subject->failed == (expected == LWF_STATE_PAUSED));
	assert_true(subject->restart_failed == (expected == LWF_STATE_PAUSED));
	if (expected == LWF_STATE_RUNNING && !lwf_gate_is_open(&script.gate))
		lwf_gate_open(&script.gate);
	if (expected == LWF_STATE_RUNNING)
		assert_true(lwf_lifecycle(subject, LWF_EVENT_PAUSE, "test"));
}

static void test_restart_completed_inside(void **state)
{
	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	restart_completed_inside(LWF_STATUS_PENDING, LWF_STATUS_SUCCESS, 1, LWF_STATE_RUNNING);
	restart_completed_inside(LWF_STATUS_PENDING, LWF_STATUS_FAILURE, 1, LWF_STATE_PAUSED);
	restart_completed_inside(LWF_STATUS_PENDING, LWF_STATUS_SUCCESS, 1, LWF_STATE_RUNNING);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 0);
	restart_completed_inside(LWF_STATUS_PENDING, LWF_STATUS_SUCCESS, 2, LWF_STATE_RUNNING);
	expect_blame("S13", 1); /* twice */
	restart_completed_inside(LWF_STATUS_SUCCESS, LWF_STATUS_SUCCESS, 1, LWF_STATE_RUNNING);
	expect_blame("S13", 1); /* and answered as well */
	restart_completed_inside(LWF_STATUS_SUCCESS, LWF_STATUS_FAILURE, 1, LWF_STATE_PAUSED);
	expect_blame("S13", 1);
	finish();
}

static void test_restart_completed_elsewhere(void **state)
{
	(void)state;
	prepare("script");
	lwf_restart_complete(subject, LWF_STATUS_SUCCESS);
	expect_blame("S13", 1);
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	lwf_restart_complete(subject, LWF_STATUS_SUCCESS);
	expect_blame("S13", 1);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSING);
	lwf_restart_complete(subject, LWF_STATUS_SUCCESS); /* what pends is a pause */
	expect_blame("S13", 1);
	assert_int_equal(subject->state, LWF_STATE_PAUSING);
	lwf_pause_complete(subject);
	assert_int_equal(subject->state, LWF_STATE_PAUSED);
	finish();
}

/* ---- pause: its completion at odd moments ---- */

static void test_pause_completed_by_nobody_asked(void **state)
{
	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	lwf_pause_complete(subject); /* Paused, but there was no pause */
	expect_blame("S09", 1);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	lwf_pause_complete(subject);
	lwf_pause_complete(subject); /* nothing is remembered of the first */
	expect_blame("S09", 2);
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	lwf_pause_complete(subject); /* answered SUCCESS: it was never owed */
	expect_blame("S09", 1);
	script.restart_status = LWF_STATUS_PENDING;
	drive(LWF_EVENT_RESTART, LWF_STATE_RESTARTING);
	lwf_gate_open(&script.gate);
	lwf_restart_complete(subject, LWF_STATUS_SUCCESS);
	lwf_pause_complete(subject); /* what was completed here is a restart */
	expect_blame("S09", 1);
	script.restart_status = LWF_STATUS_SUCCESS;
	finish();
}

/* Completed while frames are out: it stays Pausing until they are home, and ends once. */
static void test_pause_completed_too_early(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		script_reset();
		rule_begin("script");
		subject = script.module;
		lwf_sim_edge_config(rig.lower)->never = true;
		script_originate_wrongly(2, LWF_DIRECTION_SEND, rule_self());
		script.pause_is_fixed = true;
		script.pause_status = answered ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
		rule_pause();
		if (!answered)
			lwf_pause_complete(subject);
		expect_blame("P03", 1);
		assert_int_equal(subject->state, LWF_STATE_PAUSING);
		lwf_pause_complete(subject);
		expect_blame(answered ? "S09" : "S10", 1);
		assert_int_equal(subject->state, LWF_STATE_PAUSING);
		lwf_sim_edge_release(rig.lower, 1);
		assert_int_equal(subject->state, LWF_STATE_PAUSING);
		lwf_sim_edge_release(rig.lower, 1);
		assert_int_equal(subject->state, LWF_STATE_PAUSED);
		rig_run(&rig, 1);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
		lwf_sim_edge_config(rig.lower)->never = false;
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 1);
		script.pause_is_fixed = false;
		rig_close(&rig);
	}
}

static void complete_at_once(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (record->kind == LWF_TRACE_STATE && record->after == LWF_STATE_PAUSING &&
	    record->before == LWF_STATE_RUNNING)
		lwf_pause_complete(subject);
}

/* Before the pause function has begun nobody has a pause to complete. */
static void test_pause_completed_before_it_begins(void **state)
{
	struct lwf_observer observer = {.record = complete_at_once};

	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	lwf_engine_observe(rig.engine, &observer);
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	lwf_engine_unobserve(rig.engine, &observer);
	expect_blame("S09", 1);
	finish();
}

/* The end of a late pause is an event like any other: it is taken or refused. */
static void test_done_is_taken(void **state)
{
	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	subject->held_sends = 1; /* somebody's frame is in it */
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSING);
	expect_blame("P06", 1);
	subject->held_sends = 0;
	subject->late = false;
	drive(LWF_EVENT_DONE, LWF_STATE_PAUSED);
	finish();
}

/* The stack goes on by itself after a completion that no frame brought. */
static void test_stack_goes_on(void **state)
{
	(void)state;
	rule_begin("script;monitor");
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_PENDING;
	rule_pause();
	lwf_pause_complete(script.module);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	script.pause_is_fixed = false;
	script.restart_status = LWF_STATUS_PENDING;
	rule_restart();
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rule_end_clean();
}

static void quiet_again(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (record->kind == LWF_TRACE_STATE && record->after == LWF_STATE_PAUSED)
		lwf_lifecycle_quiet(subject);
}

/* P06, P07: one frame is enough; and the end of a late pause comes once. */
static void test_held_frame_ends_late(void **state)
{
	struct lwf_observer observer = {.record = quiet_again};

	(void)state;
	rule_begin("keeper");
	subject = script.module;
	lwf_lifecycle_quiet(subject); /* Running: nothing is late */
	assert_int_equal(subject->state, LWF_STATE_RUNNING);
	rig_expect_clean(&rig);
	for (int sends = 0; sends < 2; sends++) {
		script.keep_sends = sends;
		script.keep_receives = !sends;
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_int_equal(sends ? rig_host_send(&rig, 60, 1) : rig_receive(&rig, 60, 1), 0);
		script.pause_is_fixed = true;
		script.pause_status = LWF_STATUS_SUCCESS;
		assert_true(lwf_lifecycle(subject, LWF_EVENT_PAUSE, "test"));
		expect_blame(sends ? "P06" : "P07", 1);
		assert_int_equal(subject->state, LWF_STATE_PAUSING);
		lwf_lifecycle_quiet(subject); /* the frame is still in it */
		assert_int_equal(subject->state, LWF_STATE_PAUSING);
		lwf_engine_observe(rig.engine, &observer);
		assert_false(rig.stack->posted);
		rig.stack->waiting = false; /* nobody but the module's end posts the stack */
		if (sends)
			lwf_drop_sends(subject, &script.kept_sends, LWF_REASON_NOT_RUNNING);
		else
			lwf_drop_receives(subject, &script.kept_receives, LWF_REASON_NOT_RUNNING);
		lwf_engine_unobserve(rig.engine, &observer);
		assert_true(rig.stack->posted);
		lwf_batch_init(&script.kept_sends);
		lwf_batch_init(&script.kept_receives);
		assert_int_equal(subject->state, LWF_STATE_PAUSED);
		assert_int_equal(lwf_engine_rules_broken(rig.engine), 0);
		script.pause_is_fixed = false;
		rig_run(&rig, 1); /* nothing holds the stack: it restarts the module */
		assert_int_equal(subject->state, LWF_STATE_RUNNING);
	}
	script.keep_sends = false;
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_close(&rig);
}

static void release_all(struct lwf_module *module)
{
	(void)module;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
}

/* F03 or P05: what came home inside an earlier pause says nothing of this one. */
static void test_drained_inside_is_of_this_pause(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	script.in_pause = release_all;
	rule_pause();
	script.in_pause = NULL;
	rule_restart();
	rig_expect_clean(&rig);
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	script.forget_completion = true;
	rule_pause();
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1500);
	rig_expect_broken(&rig, "P05");
	lwf_pause_complete(script.module);
	rule_end_broken("P05");
}

/* S06: the answer that is none counts as SUCCESS, from then on and in the record. */
static void test_pause_answers_something_else(void **state)
{
	struct lwf_observer observer = {.record = tell};

	(void)state;
	prepare("script");
	drive(LWF_EVENT_ATTACH, LWF_STATE_PAUSED);
	drive(LWF_EVENT_RESTART, LWF_STATE_RUNNING);
	script.pause_is_fixed = true;
	script.pause_status = LWF_STATUS_RESOURCES;
	told[0] = 0;
	lwf_engine_observe(rig.engine, &observer);
	drive(LWF_EVENT_PAUSE, LWF_STATE_PAUSED);
	lwf_engine_unobserve(rig.engine, &observer);
	expect_blame("S06", 1);
	assert_non_null(strstr(told, "Pausing>Paused done 0 - 0 ms"));
	blame_for_send("F01", lwf_module_handle(subject));
	finish();
}

#define T(name) cmocka_unit_test_setup(test_##name, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(order_of_neighbours),
		T(records_of_a_life),
		T(lives),
		T(handle_of_a_failed_attach),
		T(context_ends_with_the_life),
		T(failed_lasts),
		T(marks),
		T(options_of_the_top),
		T(timers),
		T(restart_completed_inside),
		T(restart_completed_elsewhere),
		T(pause_completed_by_nobody_asked),
		T(pause_completed_too_early),
		T(pause_completed_before_it_begins),
		T(done_is_taken),
		T(stack_goes_on),
		T(held_frame_ends_late),
		T(drained_inside_is_of_this_pause),
		T(pause_answers_something_else),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("lifecycle_corners", tests, NULL, NULL);
}
