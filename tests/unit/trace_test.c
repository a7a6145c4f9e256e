/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_test.c - the details of the trace: the story of a frame, who sees it, and what is lost.
 */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static struct rig rig;
static struct client client;

/** The next record that @cursor gives, where nothing may be lost. */
static const struct lwf_trace_record *next(struct lwf_trace_cursor *cursor)
{
	const struct lwf_trace_record *record;
	uint64_t lost;

	record = lwf_engine_trace_next(rig.engine, cursor, &lost);
	assert_int_equal(lost, 0);
	return record;
}

/** Appends "originate/inject" for each detail from @cursor on. */
static void tell(struct lwf_trace_cursor *cursor, char *story, size_t bytes)
{
	const struct lwf_trace_record *record;
	size_t used = 0;

	story[0] = '\0';
	while ((record = next(cursor)) && used < bytes) {
		if (record->kind != LWF_TRACE_FRAME && record->kind != LWF_TRACE_CALLBACK)
			continue;
		used += (size_t)snprintf(story + used, bytes - used, "%s%s/%s", used ? " " : "",
					 record->event,
					 record->side == LWF_TRACE_UPPER   ? "upper"
					 : record->side == LWF_TRACE_LOWER ? "lower"
									   : record->module_name);
	}
}

static void begin(struct lwf_trace_cursor *cursor, const char *specs)
{
	rig_open(&rig, NULL, specs);
	client_open(&rig, &client);
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	lwf_engine_trace_seek(rig.engine, UINT64_MAX, true, cursor);
}

static void end(void)
{
	client_close(&client);
	rig_close(&rig);
}

/** Off, which is the default: nothing of a frame is told. */
static void test_off(void **state)
{
	struct lwf_trace_cursor cursor;

	(void)state;
	rig_open(&rig, NULL, "inject;monitor");
	client_open(&rig, &client);
	lwf_engine_trace_seek(rig.engine, UINT64_MAX, true, &cursor);
	client_send(&client, 3);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	assert_null(next(&cursor));
	end();
}

/** One injected frame: each of its steps, in order, with the counts after it. */
static void test_story(void **state)
{
	struct lwf_trace_cursor cursor, again;
	const struct lwf_trace_record *record;
	char story[512];
	uint64_t seq = 0;

	(void)state;
	begin(&cursor, "inject;monitor");
	again = cursor;
	client_send(&client, 1);
	rig_run(&rig, 1);
	tell(&cursor, story, sizeof(story));
	assert_string_equal(story, "originate/inject enter/monitor forward/monitor transmit/lower "
				   "complete/lower home/inject");
	record = next(&again);
	assert_int_equal(record->sends_out, 1);
	assert_int_equal(record->nbl, 1);
	assert_int_equal(record->source, record->module);
	assert_int_equal(record->status, LWF_STATUS_PENDING);
	while ((record = next(&again))) {
		assert_int_equal(record->nbl, 1);
		assert_true(record->seq == seq + 1 || !seq); /* both rings share the numbers */
		seq = record->seq;
		if (strcmp(record->event, "home") == 0) {
			assert_int_equal(record->sends_out, 0);
			assert_int_equal(record->status, LWF_STATUS_SUCCESS);
		}
	}
	end();
}

/** A pause with a frame out: callbacks say what they answer and what they call. */
static void test_callbacks(void **state)
{
	struct lwf_trace_cursor cursor;
	char story[512];

	(void)state;
	begin(&cursor, "inject");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 1);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 1);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	tell(&cursor, story, sizeof(story));
	assert_string_equal(story, "originate/inject transmit/lower FilterPause/inject deny/inject "
				   "complete/lower home/inject NdisFPauseComplete/inject");
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	end();
}

/** A reader that is too slow is told how much it missed; states are not pushed out by frames. */
static void test_lost(void **state)
{
	struct lwf_trace_cursor cursor, plain;
	uint64_t lost, told = 0, read = 0;
	const struct lwf_trace_record *record;

	(void)state;
	begin(&cursor, ""); /* a frame of the host: input, transmit, complete, home */
	lwf_engine_trace_seek(rig.engine, 1, false, &plain);
	for (unsigned i = 0; i * 4u < LWF_TRACE_KEEP_DETAILS + 400u; i++) {
		rig_host_send(&rig, 60, i);
		rig_run(&rig, 1);
	}
	while ((record = lwf_engine_trace_next(rig.engine, &cursor, &lost))) {
		told += lost;
		read++;
	}
	assert_int_equal(told, 400);
	assert_int_equal(read, LWF_TRACE_KEEP_DETAILS);
	record = next(&plain);
	assert_non_null(record);
	assert_int_equal(record->seq, 1);
	end();
}

/** Details last as long as somebody wants them; a frame born without has no number. */
static void test_switch(void **state)
{
	struct lwf_trace_cursor cursor;
	const struct lwf_trace_record *record;

	(void)state;
	rig_open(&rig, NULL, "inject");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 1);
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	lwf_engine_trace_seek(rig.engine, UINT64_MAX, true, &cursor);
	lwf_engine_trace_details(rig.engine, false);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 1);
	record = next(&cursor);
	assert_string_equal(record->event, "complete");
	assert_int_equal(record->nbl, 0);
	while (next(&cursor))
		;
	lwf_engine_trace_details(rig.engine, false);
	client_send(&client, 1);
	rig_run(&rig, 1);
	assert_null(next(&cursor));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),	  cmocka_unit_test(test_story),
		cmocka_unit_test(test_callbacks), cmocka_unit_test(test_lost),
		cmocka_unit_test(test_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
