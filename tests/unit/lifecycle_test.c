/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifecycle_test.c - every state times every event, against a table of the test's own; the same
 * table in docs/lifecycle.md; and what must hold in each state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lwf/profile.h>

#include "internal.h"
#include "lifecycle.h"
#include "rig.h"
#include "script.h"

/* What the state is after the event and all that follows at once; -1: refused. */
static int expected_after(enum lwf_state state, enum lwf_event event)
{
	switch (state) {
	case LWF_STATE_DETACHED:
		return event == LWF_EVENT_ATTACH ? LWF_STATE_PAUSED : -1;
	case LWF_STATE_ATTACHING:
		return -1; /* seen from inside attach: nothing is accepted there */
	case LWF_STATE_PAUSED:
		if (event == LWF_EVENT_RESTART)
			return LWF_STATE_RUNNING;
		return event == LWF_EVENT_DETACH ? LWF_STATE_DETACHED : -1;
	case LWF_STATE_RUNNING:
		return event == LWF_EVENT_PAUSE ? LWF_STATE_PAUSED : -1;
	default:
		return -1; /* Restarting, Pausing: only the completion that is owed leads out */
	}
}

/* The rule that a refused event breaks. */
static const char *expected_rule(enum lwf_state state, enum lwf_event event)
{
	switch (state) {
	case LWF_STATE_DETACHED:
		return "S01";
	case LWF_STATE_RESTARTING: /* what pends ends by its completion alone */
		return event == LWF_EVENT_DONE || event == LWF_EVENT_FAILED ? "S13" : "S16";
	case LWF_STATE_PAUSING:
		return event == LWF_EVENT_DONE ? "S08" : "S16";
	default:
		break;
	}
	if (event == LWF_EVENT_PAUSE)
		return "S05";
	if (event == LWF_EVENT_RESTART)
		return "S11";
	return event == LWF_EVENT_DETACH ? "S14" : "S01";
}

static struct rig rig;

/* Opens the rig with its one module in @state. */
static void reach(enum lwf_state state)
{
	script_reset();
	if (state == LWF_STATE_RESTARTING)
		script.restart_status = LWF_STATUS_PENDING;
	rig_prepare(&rig, script_filters, "script");
	lwf_engine_set_profile(rig.engine, LWF_PROFILE_LENIENT); /* a failed restart stays (C5) */
	if (state == LWF_STATE_DETACHED)
		return;
	if (state == LWF_STATE_PAUSED)
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_start(rig.stack);
	if (state == LWF_STATE_PAUSING) {
		script.pause_is_fixed = true;
		script.pause_status = LWF_STATUS_PENDING;
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	}
	assert_int_equal(rig_state(&rig, "script"), state);
	rig_expect_clean(&rig);
}

/* Ends the program's account of it without asking the rules: the test has bent them. */
static void tear_down(void)
{
	struct lwf_module *module = rig_module(&rig, "script");

	rig.may_break_rules = true;
	script.pause_is_fixed = false;
	script.restart_status = LWF_STATUS_SUCCESS;
	if (module->state == LWF_STATE_PAUSING)
		lwf_pause_complete(module);
	if (module->state == LWF_STATE_RESTARTING)
		lwf_restart_complete(module, LWF_STATUS_FAILURE);
	if (module->state == LWF_STATE_RUNNING && !lwf_gate_is_open(&script.gate))
		lwf_gate_open(&script.gate);
	rig_close(&rig);
}

static void test_every_pair(void **state)
{
	(void)state;
	for (int s = 0; s < LWF_STATES; s++) {
		for (int e = 0; e < LWF_EVENTS && s != LWF_STATE_ATTACHING; e++) {
			int after = expected_after((enum lwf_state)s, (enum lwf_event)e);
			struct lwf_module *module;
			bool accepted;

			reach((enum lwf_state)s);
			module = rig_module(&rig, "script");
			accepted = lwf_lifecycle(module, (enum lwf_event)e, "test");
			assert_true(accepted == (after >= 0));
			assert_int_equal(module->state, accepted ? after : s);
			assert_int_equal(lwf_engine_rules_broken(rig.engine), accepted ? 0 : 1);
			if (!accepted)
				rig_expect_broken(
					&rig, expected_rule((enum lwf_state)s, (enum lwf_event)e));
			tear_down();
		}
	}
}

static void all_events_inside(struct lwf_module *module)
{
	for (int e = 0; e < LWF_EVENTS; e++) {
		enum lwf_state before = module->state;

		assert_false(lwf_lifecycle(module, (enum lwf_event)e, "test"));
		assert_int_equal(module->state, before);
	}
}

static void test_nothing_inside_callbacks(void **state)
{
	(void)state;
	script_reset();
	script.in_attach = all_events_inside;
	script.in_restart = all_events_inside;
	script.in_pause = all_events_inside;
	rig_open(&rig, script_filters, "script");
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_DETACHED);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 3 * LWF_EVENTS);
	rig.may_break_rules = true;
	rig_close(&rig);
}

/* What pends ends by its completion, in either way. */
static void test_completions(void **state)
{
	(void)state;
	reach(LWF_STATE_RESTARTING);
	script_restart_complete(LWF_STATUS_SUCCESS);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_RUNNING);
	script.restart_status = LWF_STATUS_SUCCESS;
	rig_close(&rig);
	reach(LWF_STATE_RESTARTING);
	script_restart_complete(LWF_STATUS_FAILURE);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_PAUSE);
	rig_close(&rig);
	reach(LWF_STATE_PAUSING);
	lwf_pause_complete(rig_module(&rig, "script"));
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	script.pause_is_fixed = false;
	rig_close(&rig);
}

/* No pair has two rows, and each row from a state at rest is one that the test knows. */
static void test_table(void **state)
{
	enum lwf_state from, next;
	enum lwf_event event;
	const char *action;
	unsigned rows = 0;

	(void)state;
	for (; lwf_lifecycle_row(rows, &from, &event, &action, &next); rows++) {
		enum lwf_state other_from, other_next;
		enum lwf_event other_event;
		const char *other_action;

		for (unsigned i = 0; i < rows; i++) { /* no pair twice */
			assert_true(lwf_lifecycle_row(i, &other_from, &other_event, &other_action,
						      &other_next));
			assert_false(other_from == from && other_event == event);
		}
		assert_true(event >= LWF_EVENT_DONE || expected_after(from, event) >= 0);
	}
	assert_int_equal(rows, 9);
}

/* Takes the next cell of a Markdown row. */
static bool next_cell(char **at, char *cell, size_t bytes)
{
	char *end, *begin = *at;
	size_t length;

	if (*begin != '|')
		return false;
	end = strchr(++begin, '|');
	if (!end)
		return false;
	*at = end;
	while (*begin == ' ' || *begin == '`')
		begin++;
	while (end > begin && (end[-1] == ' ' || end[-1] == '`'))
		end--;
	length = (size_t)(end - begin);
	assert_true(length < bytes);
	memcpy(cell, begin, length);
	cell[length] = 0;
	return true;
}

static void test_document(void **state)
{
	FILE *file = fopen(LWF_SOURCE_DIR "/docs/lifecycle.md", "r");
	char line[1024], cells[4][128];
	bool inside = false;
	unsigned rows = 0;
	enum lwf_state from, next;
	enum lwf_event event;
	const char *action;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *at = line;

		if (!inside) {
			inside = strncmp(line, "<!-- lifecycle-table", 20) == 0;
			continue;
		}
		if (strncmp(line, "<!-- end", 8) == 0)
			break;
		for (int i = 0; i < 4; i++)
			if (!next_cell(&at, cells[i], sizeof(cells[i])))
				fail_msg("docs/lifecycle.md: not a row of four cells: %s", line);
		if (strcasecmp(cells[0], "state") == 0 || cells[0][0] == '-' || cells[0][0] == ':')
			continue;
		if (!lwf_lifecycle_row(rows++, &from, &event, &action, &next))
			fail_msg("docs/lifecycle.md: a row too many: %s", line);
		assert_string_equal(cells[0], lwf_state_name(from));
		assert_string_equal(cells[1], lwf_event_name(event));
		assert_string_equal(cells[2], action);
		assert_string_equal(cells[3], lwf_state_name(next));
	}
	fclose(file);
	assert_true(rows > 0);
	assert_false(lwf_lifecycle_row(rows, &from, &event, &action, &next)); /* none is missing */
}

static void test_names(void **state)
{
	enum lwf_state parsed;

	(void)state;
	for (int s = 0; s < LWF_STATES; s++) {
		assert_true(lwf_state_parse(lwf_state_name((enum lwf_state)s), &parsed));
		assert_int_equal(parsed, s);
	}
	assert_true(lwf_state_parse("rUNNing", &parsed));
	assert_int_equal(parsed, LWF_STATE_RUNNING);
	assert_false(lwf_state_parse("", &parsed));
	assert_false(lwf_state_parse("run", &parsed));
}

/* Every transition is told, in order, with its latency; before and after join without a gap. */
static void test_records(void **state)
{
	int last = LWF_STATE_DETACHED;
	uint64_t seq = 0;

	(void)state;
	script_reset();
	rig_open(&rig, script_filters, "script");
	lwf_sim_edge_config(rig.lower)->delay_ns = 20 * RIG_MS;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 100);
	for (uint32_t i = 0; i < rig.record_count; i++) {
		const struct lwf_trace_record *record = &rig.records[i];

		assert_true(record->seq == seq + 1 || seq == 0);
		seq = record->seq;
		if (record->kind != LWF_TRACE_STATE)
			continue;
		assert_int_equal(record->before, last);
		last = record->after;
		if (strcmp(record->event, "pending") == 0) {
			assert_true(record->owed);
			assert_int_equal(record->sends_out, 2);
		}
		if (record->before == LWF_STATE_PAUSING && record->after == LWF_STATE_PAUSED) {
			assert_true(record->latency_ns == 20 * RIG_MS);
			assert_int_equal(record->sends_out, 0);
		}
	}
	assert_int_equal(last, LWF_STATE_DETACHED);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair),  cmocka_unit_test(test_nothing_inside_callbacks),
		cmocka_unit_test(test_completions), cmocka_unit_test(test_table),
		cmocka_unit_test(test_document),    cmocka_unit_test(test_names),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
