/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * races_test.c - races R7 to R11 of NDIS's send and pause in the engine, each met for certain.
 *
 * One thread: what comes between two steps is put there, from inside a callback or at each record of
 * the trace in turn. R1 and R3 to R6 of the gate alone are in gate_weave_test.c, R2 to R5 of the path
 * in path_test.c.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "rig.h"
#include "script.h"

static struct rig rig;
static struct client client;

/* Calls @act at record @countdown of the trace from now on, or at all of them. */
static struct {
	struct lwf_observer observer;
	uint32_t countdown, seen;
	bool busy;
	void (*at_record)(const struct lwf_trace_record *record);
} watch;

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (watch.busy || (watch.countdown && ++watch.seen != watch.countdown))
		return;
	watch.busy = true; /* what it does may be told, too */
	watch.at_record(record);
	watch.busy = false;
}

static void watch_from(uint32_t countdown, void (*at_record)(const struct lwf_trace_record *record))
{
	memset(&watch, 0, sizeof(watch));
	watch.observer.record = on_record;
	watch.countdown = countdown;
	watch.at_record = at_record;
	lwf_engine_observe(rig.engine, &watch.observer);
}

static void watch_end(void)
{
	lwf_engine_unobserve(rig.engine, &watch.observer);
}

static int fresh(void **state)
{
	(void)state;
	script_reset();
	return 0;
}

/* ---- R7: the last frame is given back to the module's pool before the count lets the pause end ---- */

struct pool_report {
	struct lwf_report report;
	uint64_t free, count;
};

static void note_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct pool_report *its = (struct pool_report *)report;

	if (strcmp(name, "frames-free") == 0)
		its->free = value;
	if (strcmp(name, "gate-count") == 0)
		its->count = value;
}

static struct pool_report ask_inject(void)
{
	struct lwf_module *module = rig_module(&rig, "inject");
	struct pool_report its = {.report = {.number = note_number}, .count = UINT64_MAX};

	assert_int_equal(module->ops->control(module, LWF_CONTROL_REPORT, &its.report), 0);
	return its;
}

static uint64_t pool_frames;
static uint32_t pauses_seen, answers_due;

static void at_paused(const struct lwf_trace_record *record)
{
	struct pool_report its;

	if (record->kind != LWF_TRACE_STATE || strcmp(record->module_name, "inject") != 0 ||
	    record->before != LWF_STATE_PAUSING || record->after != LWF_STATE_PAUSED)
		return;
	its = ask_inject();
	assert_int_equal(its.free, pool_frames);
	assert_int_equal(its.count, 0);
	assert_int_equal(client.answers, answers_due);
	pauses_seen++;
}

static void test_R7_home_in_the_pool_before_out_of_the_gate(void **state)
{
	(void)state;
	rig_open(&rig, script_filters, "inject;monitor");
	client_open(&rig, &client);
	pool_frames = ask_inject().free;
	pauses_seen = answers_due = 0;
	watch_from(0, at_paused);
	for (uint32_t at_once = 1; at_once <= 3; at_once++) {
		lwf_sim_edge_config(rig.lower)->never = true;
		lwf_sim_edge_config(rig.upper)->never = true;
		client_send(&client, 3);
		client_put(&client, 2, LWF_DIRECTION_RECEIVE);
		client_pump(&client);
		answers_due += 5;
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		assert_int_equal(ask_inject().free, pool_frames - 5);
		lwf_sim_edge_release(rig.upper, 2);
		for (uint32_t home = 0; home < 3; home += at_once) {
			assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
			lwf_sim_edge_release(rig.lower, at_once);
		}
		assert_int_equal(pauses_seen, at_once);
		lwf_sim_edge_config(rig.lower)->never = false;
		lwf_sim_edge_config(rig.upper)->never = false;
		rig_run(&rig, 1);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 1);
	}
	watch_end();
	client_close(&client);
	rig_close(&rig);
}

/* ---- R8: frames are injected at every moment of a way down and up again ---- */

static uint32_t handed_while_shut;

static void inject_one(const struct lwf_trace_record *record)
{
	uint32_t handed = rig.lower_handed, answers = client.answers;
	struct lwf_module *module = lwf_stack_module(rig.stack, "inject");
	bool running = module && lwf_module_state(module) == LWF_STATE_RUNNING;

	if (record->after == LWF_STATE_PAUSING && strcmp(record->module_name, "inject") == 0 &&
	    record->before == LWF_STATE_RUNNING)
		return; /* told right before its pause function begins */
	client_send(&client, 1);
	if (running)
		return;
	handed_while_shut += rig.lower_handed - handed;
	assert_int_equal(client.answers, answers + 1);
	assert_true(client.answer[answers].refused); /* at once, and not as if it had been sent */
	assert_true(client.answer[answers].status != LWF_STATUS_SUCCESS);
}

static void go_down(int way)
{
	if (way == 2)
		rig_link_down(&rig);
	else
		lwf_stack_hold(rig.stack, way ? LWF_HOLD_USER_DETACH : LWF_HOLD_USER_PAUSE);
}

static void go_up(int way)
{
	if (way == 2)
		rig_link_up(&rig);
	else
		lwf_stack_release(rig.stack, way ? LWF_HOLD_USER_DETACH : LWF_HOLD_USER_PAUSE);
}

static void test_R8_injected_against_detach(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		for (uint32_t delay = 0; delay < 2; delay++) {
			script_reset();
			rig_open(&rig, script_filters, "script;inject;monitor");
			client_open(&rig, &client);
			lwf_sim_edge_config(rig.lower)->delay_ns = delay * RIG_MS;
			handed_while_shut = 0;
			watch_from(0, inject_one);
			client_send(&client, 4);
			go_down(way);
			rig_run(&rig, 10);
			assert_true(client_count(&client, LWF_STATUS_PAUSED) > 3);
			go_up(way);
			rig_run(&rig, 10);
			assert_int_equal(handed_while_shut, 0);
			client_send(&client, 1);
			rig_run(&rig, 10);
			watch_end();
			assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
			assert_int_equal(client.answers, client.pulled);
			client_close(&client);
			rig_close(&rig);
		}
	}
}

/* ---- R9: a client closes, and its memory goes, at every moment of a detach ---- */

static struct client *mine;
static uint32_t freed;

static void free_client(struct lwf_session *session)
{
	memset(session, 0xa5, sizeof(struct client));
	free(session);
	mine = NULL;
	freed++;
}

static void close_mine(const struct lwf_trace_record *record)
{
	(void)record;
	lwf_session_close(&mine->session, free_client);
}

static bool close_at(uint32_t countdown, bool cancelled)
{
	bool met;

	script_reset();
	freed = 0;
	rig_open(&rig, script_filters, "inject;script;monitor");
	mine = calloc(1, sizeof(*mine));
	assert_non_null(mine);
	client_open(&rig, mine);
	lwf_sim_edge_config(rig.lower)->delay_ns = 2 * RIG_MS;
	lwf_sim_edge_config(rig.upper)->delay_ns = 3 * RIG_MS;
	client_put(mine, 2, LWF_DIRECTION_RECEIVE); /* these cannot be cancelled */
	client_send(mine, 3);
	client_put(mine, 3, LWF_DIRECTION_SEND);
	watch_from(countdown, close_mine);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	if (cancelled && mine)
		lwf_session_cancel(&mine->session, 0);
	rig_run(&rig, 20);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 20);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	watch_end();
	met = watch.seen >= countdown;
	if (!met)
		lwf_session_close(&mine->session, free_client);
	rig_run(&rig, 20);
	assert_int_equal(freed, 1);
	assert_null(lwf_stack_sessions(rig.stack));
	assert_int_equal(lwf_ledger_outstanding(lwf_stack_client_ledger(rig.stack)), 0);
	rig_close(&rig);
	return met;
}

static void test_R9_close_against_detach(void **state)
{
	uint32_t moments[2] = {0, 0};

	(void)state;
	for (uint32_t cancelled = 0; cancelled < 2; cancelled++)
		while (close_at(moments[cancelled] + 1, cancelled))
			moments[cancelled]++;
	print_message("closed at %u and %u moments\n", moments[0], moments[1]);
	assert_true(moments[0] > 10 && moments[1] > 10);
}

/* ---- R10: a pause finds sends of the host in the stack, in a device or kept by a filter ---- */

static uint32_t home_at_pause;

static void note_first_pause(const struct lwf_trace_record *record)
{
	if (record->kind != LWF_TRACE_STATE || record->after != LWF_STATE_PAUSING)
		return;
	assert_int_equal(rig.upper->inputs_out, 0); /* the protocol's sends are home first */
	home_at_pause++;
}

static void test_R10_pause_against_queued_upper_sends(void **state)
{
	const struct lwf_ledger *ledger;

	(void)state;
	for (int kept = 0; kept < 2; kept++) {
		script_reset();
		rig_open(&rig, script_filters, "monitor;keeper");
		ledger = lwf_stack_host_ledger(rig.stack);
		lwf_sim_edge_config(rig.lower)->delay_ns = kept ? 0 : 5 * RIG_MS;
		script.keep_sends = kept;
		home_at_pause = 0;
		watch_from(0, note_first_pause);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(rig_host_send(&rig, 60, i), 0);
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 1);
		assert_int_equal(rig_state(&rig, "monitor"), LWF_STATE_RUNNING);
		assert_int_equal(rig_state(&rig, "keeper"), LWF_STATE_RUNNING);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSING);
		assert_int_equal(lwf_ledger_outstanding(ledger), 3);
		if (kept)
			script_let_go();
		rig_run(&rig, 10);
		watch_end();
		assert_int_equal(home_at_pause, 2);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
		assert_int_equal(ledger->completed[LWF_ANSWER_SUCCESS], 3);
		script.keep_sends = false;
		rig_close(&rig);
	}
}

/* ---- R11: a restart is wanted while frames of the life before are still out ---- */

static uint32_t counts_at_restart;

static void at_restart(struct lwf_module *module)
{
	struct lwf_module_info info;

	lwf_module_info(module, &info);
	assert_int_equal(info.sends_out, 0);
	assert_int_equal(info.receives_out, 0);
	assert_int_equal(lwf_gate_count(&script.gate), 0);
	counts_at_restart++;
}

static void test_R11_restart_against_late_completion(void **state)
{
	lwf_handle before;

	(void)state;
	for (int detached = 0; detached < 2; detached++) {
		enum lwf_hold hold = detached ? LWF_HOLD_USER_DETACH : LWF_HOLD_USER_PAUSE;

		script_reset();
		rig_open(&rig, script_filters, "script;monitor");
		before = lwf_module_handle(script.module);
		counts_at_restart = 0;
		script.in_restart = at_restart;
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_true(script_originate(3, LWF_DIRECTION_SEND));
		lwf_stack_hold(rig.stack, hold);
		lwf_stack_release(rig.stack, hold);
		lwf_stack_hold(rig.stack, hold);
		for (uint32_t home = 1; home <= 3;
		     home++) { /* no new life before the last is home */
			rig_run(&rig, 1);
			assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
			assert_false(script_originate(1, LWF_DIRECTION_SEND));
			lwf_sim_edge_release(rig.lower, 1);
			assert_int_equal(script.home, home);
			assert_int_equal(counts_at_restart, 0);
		}
		rig_run(&rig, 1);
		lwf_stack_release(rig.stack, hold);
		rig_run(&rig, 1);
		assert_int_equal(counts_at_restart, 1);
		assert_true((lwf_module_handle(script.module) != before) == detached);
		assert_true(script_originate(2, LWF_DIRECTION_SEND));
		assert_int_equal(lwf_gate_count(&script.gate), 2); /* of the new life alone */
		lwf_sim_edge_release(rig.lower, 2);
		assert_int_equal(lwf_gate_count(&script.gate), 0);
		rig_close(&rig);
	}
}

#define T(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(R7_home_in_the_pool_before_out_of_the_gate),
		T(R8_injected_against_detach),
		T(R9_close_against_detach),
		T(R10_pause_against_queued_upper_sends),
		T(R11_restart_against_late_completion),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
