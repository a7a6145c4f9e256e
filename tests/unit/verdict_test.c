/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_test.c - filter verdict: what follows from each answer of a decider or from none, order,
 * bounds, and what is remembered. Who is asked is in verdict_who_test.c, what settles asks from outside
 * in verdict_settle_test.c.
 */
#include <stdio.h>
#include <string.h>

#include "verdict_bed.h"

static struct judge judge, low;

static int fresh(void **state)
{
	(void)state;
	memset(&judge, 0, sizeof(judge));
	memset(&low, 0, sizeof(low));
	return 0;
}

/** One flow whose first frame waits for @judge. */
static struct talk ask_one(const char *specs)
{
	struct talk talk = vbed_udp(7);

	vbed_begin(specs);
	judge_open(&judge, 100);
	vbed_send(&talk);
	rig_run(&rig, 1);
	assert_int_equal(judge.asked, 1);
	assert_int_equal(vbed.down_count, 0);
	return talk;
}

static void test_allow(void **state)
{
	struct talk talk = ask_one("flow:flows=64;verdict:flows=64"), back = talk_back(&talk);
	const struct lwf_ask *ask = &judge.ask[0];

	(void)state;
	assert_int_equal(ask->reason, LWF_ASK_NEW);
	assert_int_equal(ask->direction, LWF_DIRECTION_SEND);
	assert_int_equal(ask->fallback, LWF_VERDICT_BLOCK);
	assert_int_equal(ask->waiting, 1);
	assert_int_equal(ask->frame_bytes, 62);
	assert_int_equal(ask->info.key.port[ask->info.local], 7);
	assert_int_equal(judge_tell(&judge, ask->ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&talk);
	vbed_receive(&back);
	rig_run(&rig, 1);
	assert_int_equal(vbed.down_count, 2);
	assert_int_equal(vbed.up_count, 1);
	assert_int_equal(judge.asked, 1); /* a decided flow is asked about no more */
	assert_int_equal(vbed_stats().permitted, 2);
	judge_close(&judge);
	vbed_end();
}

static void test_deny(void **state)
{
	struct talk talk = ask_one("verdict:flows=64"), other = vbed_udp(8);

	(void)state;
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_BLOCK, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	vbed_send(&talk);
	vbed_send(&other);
	rig_run(&rig, 1);
	assert_int_equal(vbed.down_count, 0);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_NOT_ACCEPTED], 2);
	judge_close(&judge);
	vbed_end();
}

/* VD-1: a decider that has stopped holds up nobody but those who wait for it. */
static void test_stopped_decider(void **state)
{
	struct talk good = vbed_udp(7), back = talk_back(&good);
	uint32_t before;

	(void)state;
	vbed_begin("verdict:flows=1024,timeout=60s");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 50);
	vbed_send(&good);
	judge.mode = JUDGE_KEEPS;
	for (uint32_t i = 100; i < 400; i++) {
		struct talk talk = vbed_udp(i);

		vbed_send(&talk);
		before = vbed.down_count;
		vbed_send(&good);
		vbed_receive(&back);
		assert_int_equal(vbed.down_count, before + 1); /* inside the call */
	}
	assert_int_equal(vbed.up_count, 300);
	assert_int_equal(judge.asked, 51);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_OVERFLOW], 250);
	judge_close(&judge);
	vbed_end();
}

/* VD-3: each cause and each reason has its default, and each ask its deadline. */
static void test_defaults(void **state)
{
	static const struct {
		const char *options;
		enum lwf_verdict_action timeout, no_decider, overflow;
	} cases[] = {
		{"default=deny", LWF_VERDICT_BLOCK, LWF_VERDICT_BLOCK, LWF_VERDICT_BLOCK},
		{"default=allow", LWF_VERDICT_PERMIT, LWF_VERDICT_PERMIT, LWF_VERDICT_PERMIT},
		{"default=deny,on-timeout=allow", LWF_VERDICT_PERMIT, LWF_VERDICT_BLOCK,
		 LWF_VERDICT_BLOCK},
		{"default=deny,no-decider=allow", LWF_VERDICT_BLOCK, LWF_VERDICT_PERMIT,
		 LWF_VERDICT_BLOCK},
		{"default=allow,overflow=deny", LWF_VERDICT_PERMIT, LWF_VERDICT_PERMIT,
		 LWF_VERDICT_BLOCK},
	};
	char specs[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = vbed_udp(1);
		uint32_t passed;

		fresh(NULL);
		snprintf(specs, sizeof(specs), "verdict:flows=64,timeout=20ms,%s",
			 cases[i].options);
		vbed_begin(specs);
		vbed_send(&talk); /* nobody is there */
		passed = cases[i].no_decider == LWF_VERDICT_PERMIT;
		assert_int_equal(vbed.down_count, passed);
		judge_open(&judge, 1);
		talk = vbed_udp(2);
		vbed_send(&talk);
		rig_run(&rig, 19);
		assert_int_equal(vbed.down_count, passed); /* it waits until then */
		rig_run(&rig, 2);
		passed += cases[i].timeout == LWF_VERDICT_PERMIT;
		assert_int_equal(vbed.down_count, passed);
		talk = vbed_udp(3);
		vbed_send(&talk); /* no credit is left */
		passed += cases[i].overflow == LWF_VERDICT_PERMIT;
		assert_int_equal(vbed.down_count, passed);
		assert_int_equal(judge.asked, 1);
		assert_int_equal(vbed_stats().settled[LWF_CAUSE_TIMEOUT], 1);
		assert_int_equal(vbed_stats().settled[LWF_CAUSE_NO_DECIDER], 1);
		assert_int_equal(vbed_stats().settled[LWF_CAUSE_OVERFLOW], 1);
		assert_int_equal(vbed_stats().settled[LWF_CAUSE_VERDICT], 0);
		judge_close(&judge);
		vbed_end();
	}
}

/* VD-3: by reason. What was decided is kept while it is asked about anew; a hold is told to hold. */
static void test_reasons(void **state)
{
	struct talk talk = {.protocol = 6,
			    .from = 1,
			    .to = 2,
			    .from_port = 9,
			    .to_port = 80,
			    .flags = TALK_ACK,
			    .seq = 5,
			    .window = 100};
	const struct lwf_revoke all = {0};

	(void)state;
	vbed_begin("verdict:flows=64,timeout=20ms,default=deny,midstream=allow");
	judge_open(&judge, 100);
	vbed_send(&talk);
	assert_int_equal(judge.ask[0].reason, LWF_ASK_MIDSTREAM);
	rig_run(&rig, 25);
	assert_int_equal(vbed.down_count, 1);
	rig_run(&rig, 1000);
	vbed_send(&talk); /* that default is over: asked again, while it holds */
	assert_int_equal(judge.ask[1].reason, LWF_ASK_REAUTH);
	assert_int_equal(judge.ask[1].frame_bytes, 0);
	assert_int_equal(vbed.down_count, 2);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_BLOCK, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 2);
	assert_int_equal(lwf_decider_revoke(&judge.decider, &all), LWF_TELL_OK);
	vbed_set("reauth=hold,midstream=default,default=reject", 0);
	vbed_send(&talk);
	assert_int_equal(judge.ask[2].reason, LWF_ASK_REAUTH);
	assert_int_equal(vbed_stats().waiting, 1);
	rig_run(&rig, 25);
	assert_int_equal(vbed_stats().rejects, 1);
	judge_close(&judge);
	vbed_end();
}

static void test_packet_scope(void **state)
{
	struct talk talk = ask_one("verdict:flows=64,packet=allow,timeout=20ms");

	(void)state;
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_PACKET),
		LWF_TELL_OK);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(judge.ask[1].reason, LWF_ASK_PACKET);
	assert_int_equal(vbed.down_count, 1);
	rig_run(&rig, 25);
	assert_int_equal(vbed.down_count, 2); /* the default of that reason */
	judge_close(&judge);
	vbed_end();
}

static void test_ttl(void **state)
{
	struct talk talk = ask_one("verdict:flows=64");

	(void)state;
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW_TTL),
		LWF_TELL_OK);
	rig_run(&rig, 990);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 1);
	rig_run(&rig, 20);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(vbed.down_count, 3); /* and it goes on meanwhile */
	judge_close(&judge);
	vbed_end();
}

/* VD-4: what is told late, twice, of nothing, or of what was never given away changes nothing. */
static void test_wrong_tells(void **state)
{
	struct lwf_tell tell = {.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	struct talk talk = ask_one("verdict:flows=64,timeout=20ms,default-ttl=50ms,asks=1");
	uint64_t first = judge_last(&judge, 0), second;
	uint8_t result;

	(void)state;
	low.decider.priority = 0;
	judge_open(&low, 10);
	assert_int_equal(judge_tell(&low, first, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_FOREIGN);
	assert_int_equal(judge_tell(&judge, first + (1 << 16), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_UNKNOWN); /* its next life */
	assert_int_equal(judge_tell(&judge, first + 1, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_UNKNOWN);
	assert_int_equal(judge_tell(&judge, 0, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_UNKNOWN);
	assert_int_equal(judge_tell(&judge, first, LWF_VERDICT_ACTIONS, LWF_SCOPE_FLOW),
			 LWF_TELL_INVALID);
	assert_int_equal(judge_tell(&judge, first, LWF_VERDICT_BLOCK, LWF_SCOPES),
			 LWF_TELL_INVALID);
	tell.ask = first;
	tell.ttl_ns = 5;
	assert_int_equal(lwf_decider_tell(&judge.decider, &tell, 1, &result), 0);
	assert_int_equal(result, LWF_TELL_INVALID);
	assert_int_equal(vbed.down_count, 0);
	rig_run(&rig, 100); /* the default, and that is over */
	vbed_send(&talk);
	second = judge_last(&judge, 0);
	assert_int_not_equal(first, second);
	assert_int_equal(judge_tell(&judge, first, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_LATE);
	assert_int_equal(vbed.down_count, 0); /* a stale one does not answer the new ask */
	assert_int_equal(judge_tell(&judge, second, LWF_VERDICT_BLOCK, LWF_SCOPE_FLOW),
			 LWF_TELL_OK);
	assert_int_equal(judge_tell(&judge, second, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_DUPLICATE);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 0);
	assert_int_equal(vbed_stats().told[LWF_TELL_UNKNOWN], 3);
	assert_int_equal(vbed_stats().told[LWF_TELL_LATE], 1);
	assert_int_equal(vbed_stats().told[LWF_TELL_DUPLICATE], 1);
	judge_close(&low);
	judge_close(&judge);
	vbed_end();
}

/* VD-4: a verdict that only the deadline was faster than is remembered, unless the epoch is another. */
static void test_late_is_remembered(void **state)
{
	struct talk talk = ask_one("verdict:flows=64,timeout=20ms,default-ttl=10s"), other;
	const struct lwf_revoke all = {0};

	(void)state;
	rig_run(&rig, 30);
	judge_open(&low, 0);
	assert_int_equal(
		judge_tell(&low, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_LATE);
	vbed_send(&talk); /* it was asked of another */
	assert_int_equal(vbed.down_count, 0);
	judge_close(&low);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_LATE);
	assert_int_equal(vbed.down_count, 0); /* not the frame */
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 1);
	other = vbed_udp(8);
	vbed_send(&other);
	rig_run(&rig, 30);
	assert_int_equal(lwf_decider_revoke(&judge.decider, &all), LWF_TELL_OK);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_LATE);
	vbed_send(&other);
	assert_int_equal(vbed.down_count, 1);
	judge_close(&judge);
	vbed_end();
}

/* VD-4: the verdict of an older epoch answers its ask, and is not remembered. */
static void test_old_epoch(void **state)
{
	struct talk talk = ask_one("verdict:flows=64");
	const struct lwf_revoke all = {0};

	(void)state;
	assert_int_equal(lwf_decider_revoke(&judge.decider, &all), LWF_TELL_OK);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(judge.ask[1].epoch, judge.ask[0].epoch + 1);
	judge_close(&judge);
	vbed_end();
}

/* VD-5: what goes on after a verdict passes this module once: a million frames, no second question. */
static void test_no_loop(void **state)
{
	const uint32_t asks = 1000000 / 25;
	struct talk talk = vbed_udp(7), back = talk_back(&talk);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,default=deny;monitor");
	judge_open(&judge, LWF_CREDITS_MAX);
	for (uint32_t i = 0; i < asks; i++) {
		for (uint32_t k = 0; k < 25; k++) /* both ways, copies and originals */
			(k & 1 ? vbed_receive : vbed_send)(k & 1 ? &back : &talk);
		assert_int_equal(judge.asked, i + 1);
		assert_int_equal(judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT,
					    LWF_SCOPE_PACKET),
				 LWF_TELL_OK);
		lwf_decider_credit(&judge.decider, 1);
		rig.record_count = 0;
	}
	assert_int_equal(vbed.down_count + vbed.up_count, 1000000);
	assert_int_equal(vbed_stats().frames_passed, 1000000);
	assert_int_equal(vbed_stats().asks, asks);
	judge_close(&judge);
	vbed_end();
}

/* VD-7: while the first of a flow waits, those behind it do, each way; other flows pass. */
static void test_order(void **state)
{
	struct talk talk = ask_one("flow:flows=64;verdict:flows=64,timeout=60s");
	struct talk back = talk_back(&talk), other = vbed_udp(9);

	(void)state;
	for (uint32_t i = 1; i < 10; i++) {
		talk.payload_bytes = 20 + i;
		back.payload_bytes = 200 + i;
		vbed_send(&talk);
		vbed_receive(&back);
	}
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	vbed_send(&other);
	assert_int_equal(vbed.down_count, 1); /* not held up by the other flow */
	assert_int_equal(vbed_stats().waiting, 19);
	assert_int_equal(judge_tell(&judge, judge.ask[0].ask, LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
			 LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 11);
	assert_int_equal(vbed.up_count, 9);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(vbed.down[1 + i].len, 62 + i);
	for (uint32_t i = 1; i < 10; i++)
		assert_int_equal(vbed.up[i - 1].len, 242 + i);
	judge_close(&judge);
	vbed_end();
}

/* VD-8: frames, bytes, those of a flow, and asks are bounded; a device keeps half of its frames. */
static void test_bounds(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=1024,timeout=60s,frames=100,flow-frames=20,bytes=65536,asks=500");
	judge_open(&judge, LWF_CREDITS_MAX);
	for (uint32_t i = 0; i < 30; i++)
		vbed_send(&talk);
	assert_int_equal(vbed_stats().waiting, 20);
	for (uint32_t i = 2; i < 200; i++) {
		talk = vbed_udp(i);
		vbed_send(&talk);
	}
	assert_int_equal(vbed_stats().waiting, 64); /* of 128 that the device has */
	for (uint32_t i = 200; i < 300; i++) {
		talk = vbed_udp(i);
		vbed_receive(&talk);
		assert_int_equal(rig.lower->inputs_out, 0); /* copied and returned at once */
	}
	assert_int_equal(vbed_stats().waiting, 100);
	assert_int_equal(vbed_stats().waiting_max, 100);
	judge_close(&judge);
	vbed_end();
	fresh(NULL);
	vbed_begin("verdict:flows=1024,timeout=60s,bytes=65536,asks=500");
	judge_open(&judge, LWF_CREDITS_MAX);
	for (uint32_t i = 0; i < 100; i++) {
		talk = vbed_udp(i);
		talk.payload_bytes = 1400;
		vbed_receive(&talk);
	}
	assert_true(vbed_stats().bytes <= 65536);
	assert_int_equal(vbed_stats().waiting, 65536 / 1442);
	judge_close(&judge);
	vbed_end();
	fresh(NULL);
	vbed_begin("verdict:flows=1024,timeout=60s,asks=10");
	judge_open(&judge, LWF_CREDITS_MAX);
	for (uint32_t i = 0; i < 100; i++) {
		talk = vbed_udp(i);
		vbed_send(&talk);
	}
	assert_int_equal(vbed_stats().open, 10);
	assert_int_equal(vbed_stats().asks, 100);
	judge_close(&judge);
	vbed_end();
}

/* With overflow=oldest the oldest makes room, and is dropped, not let go. */
static void test_oldest_makes_room(void **state)
{
	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,asks=3,overflow=oldest,default=allow");
	judge_open(&judge, LWF_CREDITS_MAX);
	for (uint32_t i = 0; i < 5; i++) {
		struct talk talk = vbed_udp(i);

		vbed_send(&talk);
	}
	assert_int_equal(judge.asked, 5);
	assert_int_equal(judge.cancelled, 2);
	assert_true(judge.cancel[0] == judge.ask[0].ask);
	assert_int_equal(judge.cause[0], LWF_CAUSE_OVERFLOW);
	assert_int_equal(vbed.down_count, 0);
	judge_close(&judge);
	vbed_end();
}

/* What a decider did not take it does not have: nothing of that is cancelled, and all credits are back. */
static void test_not_taken_is_not_cancelled(void **state)
{
	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,default=allow");
	judge.takes = 1;
	judge_open(&judge, 10);
	judge.takes = 0;
	for (uint32_t i = 0; i < 5; i++) {
		struct talk talk = vbed_udp(i);

		vbed_send(&talk);
	}
	assert_int_equal(judge.calls, 5);
	assert_int_equal(judge.asked, 0);
	assert_int_equal(judge.cancelled, 0);
	assert_int_equal(judge.decider.credits, 10);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_OVERFLOW], 5);
	judge_close(&judge);
	vbed_end();
}

/* The same SYN joins the one that waits; one with another number is another. */
static void test_syn_merge(void **state)
{
	struct talk syn = vbed_syn(5), other = syn;

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s");
	judge_open(&judge, 10);
	for (uint32_t i = 0; i < 5; i++)
		vbed_send(&syn);
	assert_int_equal(judge.asked, 1);
	assert_int_equal(vbed_stats().waiting, 1);
	assert_int_equal(vbed_stats().merged, 4);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_NOT_ACCEPTED], 4);
	other.seq++;
	vbed_send(&other); /* another conversation between the same ends */
	assert_int_equal(judge.asked, 2);
	assert_int_equal(judge.cause[0], LWF_CAUSE_FLOW);
	assert_int_equal(vbed_stats().waiting, 1);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&other); /* and nothing is merged once it is decided */
	assert_int_equal(vbed.down_count, 2);
	judge_close(&judge);
	vbed_end();
}

static void test_update(void **state)
{
	struct talk talk = ask_one("flow:flows=64;verdict:flows=64,timeout=60s");
	uint64_t flow = vbed_flow(&talk);

	(void)state;
	assert_int_equal(lwf_decider_update(&judge.decider, flow, LWF_VERDICT_PERMIT, 0),
			 LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 1); /* the ask that was open is settled by it */
	assert_int_equal(judge.cause[0], LWF_CAUSE_REVOKE);
	assert_int_equal(lwf_decider_update(&judge.decider, flow, LWF_VERDICT_BLOCK, 0),
			 LWF_TELL_OK);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 1); /* a live flow is cut */
	assert_int_equal(lwf_decider_update(&judge.decider, flow + 1, LWF_VERDICT_BLOCK, 0),
			 LWF_TELL_UNKNOWN);
	assert_int_equal(lwf_decider_update(&judge.decider, flow, LWF_VERDICT_CONTINUE, 0),
			 LWF_TELL_INVALID);
	judge_close(&judge);
	vbed_end();
}

/* A revoke means what it says, and what it does not mean holds on; more of them than are remembered
 * one by one mean all. */
static void test_revoke(void **state)
{
	struct talk a = vbed_udp(1), b = vbed_udp(2);
	struct lwf_revoke what = {.port = 1};

	(void)state;
	vbed_begin("flow:flows=64;verdict:flows=64,timeout=60s");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 100);
	vbed_send(&a);
	vbed_send(&b);
	assert_int_equal(lwf_decider_revoke(&judge.decider, &what), LWF_TELL_OK);
	vbed_send(&b);
	assert_int_equal(judge.asked, 2);
	vbed_send(&a);
	assert_int_equal(judge.asked, 3);
	what = (struct lwf_revoke){.flow = vbed_flow(&b)};
	assert_int_equal(lwf_decider_revoke(&judge.decider, &what), LWF_TELL_OK);
	vbed_send(&a);
	assert_int_equal(judge.asked, 3);
	vbed_send(&b);
	assert_int_equal(judge.asked, 4);
	what = (struct lwf_revoke){.protocol = 6};
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(lwf_decider_revoke(&judge.decider, &what), LWF_TELL_OK);
	vbed_send(&a);
	assert_int_equal(judge.asked, 4);
	for (uint32_t i = 0; i < 17; i++)
		assert_int_equal(lwf_decider_revoke(&judge.decider, &what), LWF_TELL_OK);
	vbed_send(&a);
	assert_int_equal(judge.asked, 5);
	what = (struct lwf_revoke){.flow = 12345};
	assert_int_equal(lwf_decider_revoke(&judge.decider, &what), LWF_TELL_UNKNOWN);
	judge_close(&judge);
	vbed_end();
}

/* Receives that are lent are copied to wait, like all others. */
static void test_lent(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s");
	lwf_sim_edge_config(rig.lower)->lend = true;
	judge_open(&judge, 100);
	vbed_receive(&talk);
	vbed_receive(&talk);
	assert_int_equal(vbed_stats().waiting, 2);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	assert_int_equal(vbed.up_count, 2);
	vbed_receive(&talk);
	assert_int_equal(vbed.up_count, 3);
	judge_close(&judge);
	vbed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_allow, fresh),
		cmocka_unit_test_setup(test_deny, fresh),
		cmocka_unit_test_setup(test_stopped_decider, fresh),
		cmocka_unit_test_setup(test_defaults, fresh),
		cmocka_unit_test_setup(test_reasons, fresh),
		cmocka_unit_test_setup(test_packet_scope, fresh),
		cmocka_unit_test_setup(test_ttl, fresh),
		cmocka_unit_test_setup(test_wrong_tells, fresh),
		cmocka_unit_test_setup(test_late_is_remembered, fresh),
		cmocka_unit_test_setup(test_old_epoch, fresh),
		cmocka_unit_test_setup(test_no_loop, fresh),
		cmocka_unit_test_setup(test_order, fresh),
		cmocka_unit_test_setup(test_bounds, fresh),
		cmocka_unit_test_setup(test_oldest_makes_room, fresh),
		cmocka_unit_test_setup(test_not_taken_is_not_cancelled, fresh),
		cmocka_unit_test_setup(test_syn_merge, fresh),
		cmocka_unit_test_setup(test_update, fresh),
		cmocka_unit_test_setup(test_revoke, fresh),
		cmocka_unit_test_setup(test_lent, fresh),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
