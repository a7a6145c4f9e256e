/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_settle_test.c - what filter verdict keeps, settled from outside: by pause, detach, a link that
 * goes, cancel, a decider that goes, a flow that ends, and the end of the stack; each frame has its
 * answer, each decider is told, and nothing is settled twice.
 */
#include <string.h>

#include "verdict_bed.h"

static struct judge judge;

static int fresh(void **state)
{
	(void)state;
	memset(&judge, 0, sizeof(judge));
	return 0;
}

/** Three sends of a client and one of the host wait, each of its own flow, and two receives. */
static void keep_some(const char *specs)
{
	struct talk talk = vbed_udp(1);

	vbed_begin(specs);
	judge_open(&judge, 100);
	vbed_send(&talk);
	for (uint32_t i = 2; i < 4; i++) {
		talk = vbed_udp(i);
		vbed_receive(&talk);
	}
	assert_int_equal(judge.asked, 3);
	assert_int_equal(vbed_stats().waiting, 3);
}

static void expect_settled(enum lwf_verdict_cause cause, uint32_t n)
{
	struct lwf_verdict_stats stats = vbed_stats();

	assert_int_equal(stats.settled[cause], n);
	assert_int_equal(stats.asks, n); /* and by nothing else: once */
	assert_int_equal(judge.cancelled, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(judge.cause[i], cause);
	assert_int_equal(stats.waiting, 0);
}

/* PS-1, PS-3: the pause is over at once: what waits is settled, not awaited. What is remembered stays. */
static void test_pause(void **state)
{
	struct talk known = vbed_udp(9), waits = vbed_udp(1);
	uint64_t ask;

	(void)state;
	keep_some("flow:flows=64;verdict:flows=64,timeout=60s");
	assert_int_equal(
		lwf_decider_update(&judge.decider, vbed_flow(&waits), LWF_VERDICT_PERMIT, 0),
		LWF_TELL_OK);
	judge.asked = judge.cancelled = 0;
	vbed_send(&known);
	ask = judge_last(&judge, 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_PAUSE], 3);
	assert_int_equal(judge.cause[0], LWF_CAUSE_PAUSE);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED], 1);
	assert_int_equal(judge_tell(&judge, ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_PAUSED);
	rig_run(&rig, 1000);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(judge_tell(&judge, ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_LATE);
	vbed_send(&waits); /* decided before */
	assert_int_equal(vbed.down_count, 2);
	vbed_send(&known); /* undecided: asked again */
	assert_int_equal(judge.asked, 2);
	assert_int_equal(vbed.down_count, 2);
	judge_close(&judge);
	vbed_end();
}

/* What is not IP has no flow, and passes. */
static void test_not_ip(void **state)
{
	(void)state;
	vbed_begin("inject;verdict:flows=64,timeout=60s,default=deny");
	judge_open(&judge, 100);
	client_send(&client, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	judge_close(&judge);
	vbed_end();
}

/* A frame of an undecided flow that comes after the pause has begun is answered so; a decided one goes. */
static void test_while_pausing(void **state)
{
	struct talk known = vbed_udp(1), fresh_one = vbed_udp(2);

	(void)state;
	vbed_begin("flow:flows=64;verdict:flows=64,timeout=60s;hold:frames=0");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 100);
	vbed_send(&known);
	assert_int_equal(lwf_module_set(rig_module(&rig, "hold"), "frames=1", NULL, 0), 0);
	vbed_send(&known); /* the pause waits for this one */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "verdict"), LWF_STATE_RUNNING);
	vbed_receive(&known);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_VERDICT], 1);
	vbed_receive(&fresh_one);
	assert_int_equal(judge.asked, 1); /* nobody is asked any more */
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	vbed_receive(&fresh_one);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(lwf_module_set(rig_module(&rig, "hold"), "release=on", NULL, 0), 0);
	judge_close(&judge);
	vbed_end();
}

static void test_detach(void **state)
{
	struct talk talk = vbed_udp(1);
	uint64_t old;

	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	old = judge_last(&judge, 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(judge.cancelled, 3);
	assert_int_equal(judge.cause[0], LWF_CAUSE_DETACH);
	/* PS-2: after a detach there is nothing that could answer, and no pointer to what was */
	assert_int_equal(judge_tell(&judge, old, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_REMOVED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	vbed_send(&talk); /* the decider is still there, for another life of the module */
	assert_int_equal(judge.asked, 4);
	assert_int_equal(vbed_stats().asks, 1);
	judge_close(&judge);
	vbed_end();
}

/* PS-2: numbers of a life that is over name nothing in the next one, neither asks nor flows. */
static void test_numbers_of_another_life(void **state)
{
	struct talk talk = vbed_udp(1);
	uint64_t old[8], flow[8];

	(void)state;
	vbed_begin("flow:flows=64;verdict:flows=64,timeout=60s,asks=2");
	judge_open(&judge, 100);
	for (uint32_t life = 0; life < 8; life++) {
		vbed_send(&talk);
		assert_int_equal(vbed_stats().waiting, 1);
		old[life] = judge_last(&judge, 0);
		flow[life] = vbed_flow(&talk);
		for (uint32_t i = 0; i < life; i++) {
			assert_int_not_equal(
				judge_tell(&judge, old[i], LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
				LWF_TELL_OK);
			assert_int_equal(
				lwf_decider_update(&judge.decider, flow[i], LWF_VERDICT_PERMIT, 0),
				LWF_TELL_UNKNOWN);
		}
		assert_int_equal(vbed_stats().waiting, 1);
		rig_link_down(&rig);
		rig_link_up(&rig);
		rig_run(&rig, 1);
	}
	assert_int_equal(vbed.down_count, 0);
	judge_close(&judge);
	vbed_end();
}

static void test_removed_from_the_stack(void **state)
{
	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "verdict")), 0);
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "verdict"));
	assert_int_equal(judge.cancelled, 3);
	judge_close(&judge);
	rig_close(&rig);
}

static void test_carrier(void **state)
{
	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	rig_carrier(&rig, false);
	expect_settled(LWF_CAUSE_LINK, 3);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_MEDIA_DISCONNECTED],
			 1);
	judge_close(&judge);
	vbed_end();
}

static void test_disabled(void **state)
{
	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	rig_link_down(&rig);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(judge.cancelled, 3);
	assert_int_equal(judge.cause[0], LWF_CAUSE_LINK);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED], 1);
	judge_close(&judge);
	rig_link_up(&rig);
	vbed_end();
}

static void test_address_changes(void **state)
{
	struct lwf_link link;

	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	link = rig.lower->link;
	link.mtu_bytes++;
	lwf_stack_set_link(rig.stack, &link, "mtu");
	assert_int_equal(vbed_stats().waiting, 3);
	link.mac[5]++;
	lwf_stack_set_link(rig.stack, &link, "mac");
	expect_settled(LWF_CAUSE_LINK, 3);
	/* the stack is Running: nobody is told that it is paused */
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED], 0);
	assert_true(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_NOT_ACCEPTED] > 0);
	judge_close(&judge);
	vbed_end();
}

static void test_exit(void **state)
{
	(void)state;
	keep_some("verdict:flows=64,timeout=60s");
	rig_close(&rig);
	assert_int_equal(judge.cancelled, 3);
	assert_int_equal(judge.cause[0], LWF_CAUSE_EXIT);
	lwf_decider_close(&judge.decider);
}

/* Case 27: a decider dies. What it had is settled with the default of that cause, at once. */
static void test_decider_gone(void **state)
{
	(void)state;
	keep_some("verdict:flows=64,timeout=60s,default=deny,no-decider=allow");
	judge_close(&judge);
	assert_int_equal(vbed.down_count, 1);
	assert_int_equal(vbed.up_count, 2);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_DISCONNECT], 3);
	assert_int_equal(judge.cancelled, 0); /* nobody is there to be told */
	vbed_end();
}

static void test_flow_ends(void **state)
{
	struct talk talk = vbed_syn(1), other;

	(void)state;
	vbed_begin("verdict:flows=16,timeout=60s");
	judge_open(&judge, 100);
	vbed_send(&talk);
	for (uint32_t i = 2; i < 200; i++) { /* a flood does not evict what somebody waits for */
		other = vbed_udp(i);
		vbed_receive(&other);
	}
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_FLOW], 0);
	talk.seq++; /* another conversation: the one that waited is over */
	vbed_send(&talk);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_FLOW], 1);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_NOT_ACCEPTED], 1);
	judge_close(&judge);
	vbed_end();
}

/* The decider that let a flow pass hears of its end. */
static void test_end_is_told(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=16,timeout=60s");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 100);
	vbed_send(&talk);
	rig_run(&rig, 40000);
	assert_int_equal(judge.ended, 1);
	assert_int_equal(judge.end, LWF_FLOW_END_TIMEOUT);
	judge_close(&judge);
	vbed_end();
}

/* ---- cancel ---- */

static uint32_t put_udp(uint32_t number, uint8_t *bytes)
{
	struct talk talk = vbed_udp(number);

	return talk_build(&talk, bytes);
}

/** A client whose records are frames of flows. */
static struct {
	struct lwf_session session;
	uint32_t next, last, answers, aborted, ok;
} sender;

static enum lwf_pull on_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	(void)session;
	if (sender.next == sender.last)
		return LWF_PULL_NONE;
	frame->id = ++sender.next;
	frame->len = put_udp(sender.next, frame->data);
	frame->direction = LWF_DIRECTION_SEND;
	frame->cancel_id = (uint64_t)sender.session.id << 32 | sender.next;
	return LWF_PULL_FRAME;
}

static bool on_ready(struct lwf_session *session)
{
	(void)session;
	return sender.next < sender.last;
}

static void on_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	(void)session;
	(void)refused;
	sender.answers++;
	sender.aborted += frame->status == LWF_STATUS_SEND_ABORTED;
	sender.ok += frame->status == LWF_STATUS_SUCCESS;
}

static const struct lwf_session_ops sender_ops = {
	.pull = on_pull, .ready = on_ready, .answer = on_answer};

static void on_closed(struct lwf_session *session)
{
	(void)session;
}

static void sender_open(const char *modules)
{
	memset(&sender, 0, sizeof(sender));
	rig_open(&rig, NULL, modules);
	judge_open(&judge, 100);
	sender.session.ops = &sender_ops;
	assert_int_equal(lwf_session_open(&sender.session, rig.stack, NULL), 0);
}

static void sender_close(void)
{
	lwf_session_close(&sender.session, on_closed);
	judge_close(&judge);
	rig_close(&rig);
}

/* The frames of flows up to @last, as far as they were not sent before. */
static void send_up_to(uint32_t last)
{
	sender.last = last;
	while (lwf_session_pump(&sender.session, 64))
		;
}

/* PS-4: a cancel id settles the sends that it means, once, and no other; others waiting for the same
 * ask go on waiting. */
static void test_cancel(void **state)
{
	(void)state;
	sender_open("inject;verdict:flows=64,timeout=60s");
	send_up_to(6);
	assert_int_equal(judge.asked, 6);
	lwf_session_cancel(&sender.session, 3);
	assert_int_equal(sender.aborted, 1);
	assert_int_equal(judge.cancelled, 1);
	assert_int_equal(judge.cause[0], LWF_CAUSE_CANCEL);
	lwf_session_cancel(&sender.session, 3);
	assert_int_equal(sender.answers, 1);
	assert_int_equal(judge_tell(&judge, judge.ask[2].ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_LATE);
	assert_int_equal(judge_tell(&judge, judge.ask[0].ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_OK);
	assert_int_equal(sender.ok, 1);
	lwf_session_close(&sender.session, on_closed); /* and all at once */
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_CANCEL], 5);
	assert_int_equal(vbed_stats().waiting, 0);
	judge_close(&judge);
	rig_close(&rig);
}

/* PS-3: a pause while sends of inject are kept below it is done at once. */
static void test_pause_of_inject(void **state)
{
	(void)state;
	sender_open("inject;verdict:flows=64,timeout=60s");
	send_up_to(6);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(sender.answers, 6);
	assert_int_equal(sender.ok, 0);
	sender_close();
}

/* What makes room in the very call in which it was asked was never given away: no credit is gone. */
static void test_oldest_in_one_batch(void **state)
{
	(void)state;
	sender_open("inject;verdict:flows=64,timeout=60s,asks=2,overflow=oldest");
	send_up_to(6);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(judge.calls, 1);
	assert_int_equal(judge.cancelled, 0);
	assert_int_equal(judge.decider.credits, 98);
	assert_int_equal(judge.decider.open, 2);
	assert_int_equal(sender.answers, 4);
	sender_close();
}

/* Nothing waits for a link that is not there; once it is back, it is asked about. */
static void test_without_carrier(void **state)
{
	(void)state;
	sender_open("inject;verdict:flows=64,timeout=60s");
	rig_carrier(&rig, false);
	send_up_to(2);
	assert_int_equal(sender.answers, 2);
	assert_int_equal(judge.asked, 0);
	rig_carrier(&rig, true);
	send_up_to(4);
	assert_int_equal(sender.answers, 2);
	assert_int_equal(judge.asked, 2);
	sender_close();
}

/* PS-3: an own frame that is at a device keeps the pause pending, and its return ends it, once. */
static void test_pause_waits_for_copies(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s");
	lwf_sim_edge_config(rig.upper)->never = true;
	judge_open(&judge, 100);
	vbed_receive(&talk);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "verdict"), LWF_STATE_PAUSING);
	lwf_sim_edge_release(rig.upper, 1);
	rig_run(&rig, 1);
	assert_int_equal(rig_state(&rig, "verdict"), LWF_STATE_PAUSED);
	judge_close(&judge);
	vbed_end();
}

static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth < 24; nth++) {
		char error[128];

		rig_open(&rig, NULL, "monitor");
		lwf_sim_host_fail_nth(rig.host, nth);
		lwf_stack_insert(rig.stack, "verdict:flows=64", 0, NULL, error, sizeof(error));
		rig_run(&rig, 100);
		lwf_sim_host_fail_nth(rig.host, 0);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pause, fresh),
		cmocka_unit_test_setup(test_not_ip, fresh),
		cmocka_unit_test_setup(test_while_pausing, fresh),
		cmocka_unit_test_setup(test_detach, fresh),
		cmocka_unit_test_setup(test_numbers_of_another_life, fresh),
		cmocka_unit_test_setup(test_removed_from_the_stack, fresh),
		cmocka_unit_test_setup(test_carrier, fresh),
		cmocka_unit_test_setup(test_disabled, fresh),
		cmocka_unit_test_setup(test_address_changes, fresh),
		cmocka_unit_test_setup(test_exit, fresh),
		cmocka_unit_test_setup(test_decider_gone, fresh),
		cmocka_unit_test_setup(test_flow_ends, fresh),
		cmocka_unit_test_setup(test_end_is_told, fresh),
		cmocka_unit_test_setup(test_cancel, fresh),
		cmocka_unit_test_setup(test_pause_of_inject, fresh),
		cmocka_unit_test_setup(test_oldest_in_one_batch, fresh),
		cmocka_unit_test_setup(test_without_carrier, fresh),
		cmocka_unit_test_setup(test_pause_waits_for_copies, fresh),
		cmocka_unit_test_setup(test_no_memory, fresh),
	};

	return cmocka_run_group_tests_name("verdict_settle", tests, NULL, NULL);
}
