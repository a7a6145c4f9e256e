/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_settle_test.c - what filter impair keeps, settled: by pause, link-down, cancel, removal, and
 * by options that change while it runs.
 */
#include <errno.h>
#include <stdio.h>

#include "impair_bed.h"
#include "rulebed.h"

/* ---- pause ---- */

/* The pause of inject waits for what impair keeps, and loses none of it. */
static void test_pause_drains(void **state)
{
	char text[128];

	(void)state;
	bed_begin("inject;impair:delay=50ms");
	client_send(&client, 3);
	rig_run(&rig, 20);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
	assert_int_equal(rig_state(&rig, "impair"), LWF_STATE_RUNNING);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, "3 frames of inject at impair, oldest 20 ms");
	rig_run(&rig, 29);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSING);
	rig_run(&rig, 2);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 1);
	rig_run(&rig, 50);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 4);
	bed_end();
}

/* Likewise the host's own sends, which come home before any module is paused. */
static void test_pause_drains_the_hosts(void **state)
{
	char text[128];

	(void)state;
	bed_begin("impair:delay=50ms");
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSING);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, "1 frame of up0 at impair, oldest 0 ms");
	rig_run(&rig, 51);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_SUCCESS], 1);
	bed_end();
}

/* Received frames that wait are returned: nobody above could take them (P07). */
static void test_pause_returns_receives(void **state)
{
	(void)state;
	bed_begin("impair:delay=50ms,direction=receive");
	for (uint32_t i = 0; i < 70; i++) /* the last ones as copies */
		assert_int_equal(rig_receive(&rig, 60, i), 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_NOT_RUNNING], 64);
	assert_int_equal(bed_number("receive-settled"), 70);
	assert_int_equal(bed_number("copies-free"), 256);
	rig_run(&rig, 100);
	assert_int_equal(bed.up_count, 0);
	bed_end();
}

/* A duplicate that is at the device keeps the module Pausing until it is home (P03). */
static void test_pause_waits_for_copies(void **state)
{
	(void)state;
	bed_begin("impair:dup=100%");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(lwf_sim_edge_held(rig.lower), 2);
	lwf_sim_edge_release(rig.lower, 1);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "impair"), LWF_STATE_PAUSING);
	lwf_sim_edge_release(rig.lower, 1);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "impair"), LWF_STATE_PAUSED);
	bed_end();
}

/* A corrupted copy is at the device: its original is answered before the pause ends (P06). */
static void test_pause_waits_for_originals(void **state)
{
	(void)state;
	bed_begin("inject;impair:corrupt=100%");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 2);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 10);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
	lwf_sim_edge_release(rig.lower, 2);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 2);
	bed_end();
}

/* Where a module is paused alone (C7, lenient), it answers the sends that it keeps itself (P06). */
static void test_pause_alone_answers_sends(void **state)
{
	(void)state;
	bed_begin_as(LWF_PROFILE_LENIENT, "inject;impair:delay=50ms");
	client_send(&client, 3);
	assert_int_equal(lwf_restart_filter(rig_module(&rig, "impair")), LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 3);
	assert_int_equal(bed_number("send-settled"), 3);
	assert_int_equal(rig_state(&rig, "impair"), LWF_STATE_RUNNING);
	client_send(&client, 1);
	rig_run(&rig, 50);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1);
	bed_end();
}

static void test_removed_while_it_keeps(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=50ms,direction=both");
	client_send(&client, 3);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "impair")), 0);
	rig_run(&rig, 51);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_null(lwf_stack_module(rig.stack, "impair"));
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	bed_end();
}

/* ---- the link goes ---- */

/* What is kept cannot leave any more: it has its true answer at once, and so has what follows. */
static void test_carrier_lost(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=50ms,direction=both");
	client_send(&client, 3);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	rig_carrier(&rig, false);
	assert_int_equal(client_count(&client, LWF_STATUS_MEDIA_DISCONNECTED), 3);
	assert_int_equal(bed_number("send-let-go"), 3);
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_MEDIA_DISCONNECTED), 5);
	rig_run(&rig, 50);
	assert_int_equal(bed.up_count, 1); /* it was received before */
	rig_carrier(&rig, true);
	client_send(&client, 1);
	assert_int_equal(client.answers, 5);
	rig_run(&rig, 50);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1);
	bed_end();
}

static void test_forced_carrier(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=50ms");
	client_send(&client, 1);
	lwf_stack_force_no_carrier(rig.stack, true);
	assert_int_equal(client_count(&client, LWF_STATUS_MEDIA_DISCONNECTED), 1);
	lwf_stack_force_no_carrier(rig.stack, false);
	client_send(&client, 1);
	assert_int_equal(client.answers, 1);
	rig_run(&rig, 50);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1);
	bed_end();
}

/* No wait for 5 s of delay: the adapter is disabled, and the stack is Detached. */
static void test_disabled(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=5s,direction=both");
	client_send(&client, 3);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	rig_link_down(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 3);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	bed_end();
}

static void test_surprise_removal(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=5s");
	client_send(&client, 3);
	rig_remove(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(client_count(&client, LWF_STATUS_ADAPTER_REMOVED), 3);
	bed_end();
}

/* ---- cancel ---- */

static void test_cancel(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=50ms");
	client_send(&client, 8);
	lwf_session_cancel(&client.session, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 1);
	assert_int_equal(client.answer[0].id, 3);
	assert_int_equal(client.answer[0].reason, LWF_REASON_CANCELLED);
	rig_run(&rig, 50);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 7);
	for (uint32_t i = 1; i < client.answers; i++) /* the others are in order as before */
		assert_true(client.answer[i].id > (i == 1 ? 0 : client.answer[i - 1].id));
	client_send(&client, 3);
	lwf_session_cancel(&client.session, 0);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 4);
	assert_int_equal(bed_number("send-cancelled"), 4);
	bed_end();
}

/* Those that are left leave when they are due, whichever were taken from among them. */
static void cancel_many(const char *specs)
{
	bed_begin(specs);
	for (uint32_t i = 0; i < 15; i++) {
		client_send(&client, 2);
		rig_run(&rig, 1);
	}
	for (uint64_t id = 1; id <= 30; id += 3)
		lwf_session_cancel(&client.session, id);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 10);
	rig_run(&rig, 60);
	assert_int_equal(bed.down_count, 20);
	for (uint32_t i = 0; i < 20; i++) {
		uint64_t sent_ns = bed.start_ns + (bed.down[i].id - 1) / 2 * RIG_MS;
		uint64_t took_ns = bed.down[i].at_ns - sent_ns;

		assert_true(took_ns == 20 * RIG_MS || took_ns == 50 * RIG_MS);
	}
	bed_end();
}

static void test_cancel_many(void **state)
{
	char specs[96];

	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		snprintf(specs, sizeof(specs),
			 "inject;impair:delay=20ms,reorder=50%%,reorder-by=30ms,seed=%u", seed);
		cancel_many(specs);
	}
}

/* The id goes on to the device, which has a copy that bears it. */
static void test_cancel_at_the_device(void **state)
{
	(void)state;
	bed_begin("inject;impair:corrupt=100%");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 2);
	lwf_session_cancel(&client.session, 1);
	assert_int_equal(client.answers, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SEND_ABORTED);
	lwf_sim_edge_release(rig.lower, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	bed_end();
}

/* ---- options, live ---- */

static void test_less_delay(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=1s");
	client_send(&client, 3);
	rig_run(&rig, 5);
	bed_set("delay=20ms", 0);
	client_send(&client, 1);
	rig_run(&rig, 19);
	assert_int_equal(bed.down_count, 0);
	rig_run(&rig, 1);
	assert_int_equal(bed.down_count, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(bed.down[i].id, i + 1);
	client_send(&client, 2);
	bed_set("delay=0", 0);
	client_send(&client, 1);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 7);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(bed.down[i].id, i + 1);
	bed_end();
}

static void test_more_delay(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=10ms");
	client_send(&client, 1);
	bed_set("delay=100ms", 0);
	client_send(&client, 1);
	rig_run(&rig, 10); /* it was promised so */
	assert_int_equal(bed.down_count, 1);
	rig_run(&rig, 89);
	assert_int_equal(bed.down_count, 1);
	rig_run(&rig, 1);
	assert_int_equal(bed.down_count, 2);
	bed_end();
}

static void test_more_rate(void **state)
{
	(void)state;
	bed_begin("inject;impair:rate=48kbps");
	client_send(&client, 200); /* 10 ms each but for the first 25 */
	rig_run(&rig, 100);
	assert_in_range(bed.down_count, 34, 36);
	bed_set("loss=0", 0); /* which is no reason for a burst */
	rig_run(&rig, 10);
	assert_in_range(bed.down_count, 35, 37);
	bed_set("rate=480kbps", 0); /* 1 ms each, after a bucket of 25 */
	rig_run(&rig, 100);
	assert_in_range(bed.down_count, 155, 165);
	bed_set("rate=0", 0);
	rig_run(&rig, 1);
	assert_int_equal(bed.down_count, 200);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(bed.down[i].id, i + 1);
	bed_end();
}

/* What waits for a rate that was high goes soon; it is not what a low one is to wait for. */
static void test_less_rate(void **state)
{
	(void)state;
	bed_begin("inject;impair:rate=480kbps");
	client_send(&client, 125);  /* 100 ms */
	bed_set("rate=4800bps", 0); /* 10 s for all of them */
	rig_run(&rig, 101);
	assert_int_equal(bed.down_count, 125);
	client_send(&client, 1);
	rig_run(&rig, 200);
	assert_int_equal(bed.down_count, 126);
	bed_end();
}

static void test_not_live(void **state)
{
	(void)state;
	bed_begin("impair");
	bed_set("limit=5", -EPERM);
	bed_set("copies=5", -EPERM);
	bed_set("loss=200%", -EINVAL);
	bed_end();
}

/* ---- room and memory ---- */

/* A device that says it has no room is not flooded by what was kept. */
static void test_waits_for_room(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=10ms");
	lwf_sim_edge_config(rig.lower)->never = true;
	lwf_sim_edge_config(rig.lower)->room_frames = 2;
	client_send(&client, 2);
	rig_run(&rig, 5);
	client_send(&client, 20);
	rig_run(&rig, 100);
	assert_int_equal(lwf_sim_edge_held(rig.lower), 2);
	assert_int_equal(bed_number("send-held"), 20);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 2);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 22);
	bed_end();
}

/* Whichever allocation fails: the insert does, and nothing is left behind. */
static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth < 12; nth++) {
		char error[128];

		bed_begin("monitor");
		lwf_sim_host_fail_nth(rig.host, nth);
		(void)lwf_stack_insert(rig.stack, "impair:match=udp", 1, NULL, error,
				       sizeof(error));
		rig_run(&rig, 10);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
		if (lwf_sim_host_fail_nth(rig.host, 0) == 0)
			assert_null(lwf_stack_module(rig.stack, "impair"));
		else
			assert_true(nth > 5);
		bed_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause_drains),
		cmocka_unit_test(test_pause_drains_the_hosts),
		cmocka_unit_test(test_pause_returns_receives),
		cmocka_unit_test(test_pause_waits_for_copies),
		cmocka_unit_test(test_pause_waits_for_originals),
		cmocka_unit_test(test_pause_alone_answers_sends),
		cmocka_unit_test(test_removed_while_it_keeps),
		cmocka_unit_test(test_carrier_lost),
		cmocka_unit_test(test_forced_carrier),
		cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_surprise_removal),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_many),
		cmocka_unit_test(test_cancel_at_the_device),
		cmocka_unit_test(test_less_delay),
		cmocka_unit_test(test_more_delay),
		cmocka_unit_test(test_more_rate),
		cmocka_unit_test(test_less_rate),
		cmocka_unit_test(test_not_live),
		cmocka_unit_test(test_waits_for_room),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("impair_settle", tests, NULL, NULL);
}
