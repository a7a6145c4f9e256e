/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_who_test.c - whom filter verdict asks: several deciders by priority, people, batches, liars; and
 * about whom it does not: deciders themselves, and flows whose process is not known yet.
 */
#include <string.h>

#include "verdict_bed.h"

#define MS 1000000ull

static struct judge judge, low, middle;

static int fresh(void **state)
{
	(void)state;
	memset(&judge, 0, sizeof(judge));
	memset(&low, 0, sizeof(low));
	memset(&middle, 0, sizeof(middle));
	return 0;
}

static void set_owner(const struct talk *talk, uint32_t pid, uint64_t start, uint64_t delay_ns)
{
	struct lwf_owner owner = {.pid = pid, .start_time = start, .how = LWF_OWNER_EXACT};
	uint8_t bytes[TALK_MAX_BYTES];
	struct lwf_parsed parsed;

	lwf_parse(bytes, talk_build(talk, bytes), lwf_stack_link(rig.stack).ifindex, &parsed);
	assert_int_equal(lwf_sim_host_set_owner(rig.host, &parsed.key, &owner, delay_ns), 0);
}

/* VD-6: a decider is not asked about itself, whether its process is known at once or a little later;
 * another life of its pid is somebody else. */
static void test_self(void **state)
{
	struct talk now = vbed_udp(1), later = vbed_udp(2), other = vbed_udp(3);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,owner-wait=100ms");
	judge.decider.pid = 42;
	judge.decider.start_time = 1000;
	judge_open(&judge, 100);
	set_owner(&now, 42, 1000, 0);
	set_owner(&later, 42, 1000, 50 * MS);
	set_owner(&other, 42, 1001, 0);
	vbed_send(&now);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&later);
	assert_int_equal(vbed.down_count, 1);
	rig_run(&rig, 51);
	assert_int_equal(vbed.down_count, 2);
	assert_int_equal(judge.asked, 0);
	assert_int_equal(vbed_stats().by_self, 2);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_SELF], 1);
	vbed_send(&other);
	assert_int_equal(judge.asked, 1);
	judge_close(&judge);
	vbed_end();
}

/* An owner is waited for a while, and told later when it is later than that. */
static void test_owner_wait(void **state)
{
	struct talk soon = vbed_udp(1), late = vbed_udp(2), mine = vbed_udp(3);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,owner-wait=100ms");
	judge.decider.pid = 42;
	judge.decider.start_time = 1000;
	judge_open(&judge, 100);
	set_owner(&soon, 7, 1, 50 * MS);
	set_owner(&late, 8, 1, 200 * MS);
	set_owner(&mine, 42, 1000, 200 * MS);
	vbed_send(&soon);
	vbed_send(&late);
	vbed_send(&mine);
	assert_int_equal(judge.asked, 0);
	rig_run(&rig, 51);
	assert_int_equal(judge.asked, 1);
	assert_int_equal(judge.ask[0].info.owner.pid, 7);
	rig_run(&rig, 50);
	assert_int_equal(judge.asked, 3);
	assert_int_equal(judge.ask[1].info.owner.how, LWF_OWNER_PENDING);
	rig_run(&rig, 100);
	assert_int_equal(judge.owned, 1);
	assert_int_equal(judge.owner.pid, 8);
	assert_int_equal(judge.cause[0], LWF_CAUSE_SELF);
	assert_int_equal(vbed.down_count, 1);
	judge_close(&judge);
	vbed_end();
}

/* Case 28: several deciders. The highest priority is asked first; CONTINUE passes on, BLOCK is final. */
static void test_priorities(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s,default=allow");
	low.decider.priority = 1;
	judge.decider.priority = 9;
	middle.decider.priority = 5;
	judge_open(&low, 10);
	judge_open(&judge, 10);
	judge_open(&middle, 10);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 1);
	assert_int_equal(middle.asked + low.asked, 0);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET),
		LWF_TELL_OK);
	assert_int_equal(middle.asked, 1);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_PERMIT, LWF_SCOPE_FLOW),
		LWF_TELL_FOREIGN);
	assert_int_equal(
		judge_tell(&middle, judge_last(&middle, 0), LWF_VERDICT_BLOCK, LWF_SCOPE_FLOW),
		LWF_TELL_OK);
	assert_int_equal(low.asked, 0);
	assert_int_equal(vbed.down_count, 0);
	talk = vbed_udp(2);
	vbed_send(&talk); /* all say CONTINUE: nobody has decided */
	judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET);
	judge_tell(&middle, judge_last(&middle, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET);
	judge_tell(&low, judge_last(&low, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET);
	assert_int_equal(vbed.down_count, 1);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_NO_DECIDER], 1);
	judge_close(&middle);
	judge_close(&judge);
	judge_close(&low);
	vbed_end();
}

static void tell_soft(struct judge *by)
{
	const struct lwf_tell soft = {.ask = judge_last(by, 0),
				      .action = LWF_VERDICT_PERMIT,
				      .scope = LWF_SCOPE_FLOW,
				      .soft = 1};

	assert_int_equal(lwf_decider_tell(&by->decider, &soft, 1, NULL), 1);
}

/* A soft permit may be vetoed by those below; where nobody does in time, it holds. */
static void test_soft_permit(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=20ms,default=deny");
	judge.decider.priority = 9;
	judge_open(&judge, 10);
	judge_open(&low, 10);
	vbed_send(&talk);
	tell_soft(&judge);
	assert_int_equal(low.asked, 1);
	assert_int_equal(low.ask[0].soft, 1);
	assert_int_equal(judge_tell(&low, judge_last(&low, 0), LWF_VERDICT_BLOCK, LWF_SCOPE_FLOW),
			 LWF_TELL_OK);
	assert_int_equal(vbed.down_count, 0);
	talk = vbed_udp(2);
	vbed_send(&talk);
	tell_soft(&judge);
	judge_tell(&low, judge_last(&low, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 2); /* and is remembered */
	talk = vbed_udp(3);
	vbed_send(&talk);
	tell_soft(&judge);
	rig_run(&rig, 30);
	assert_int_equal(vbed.down_count, 3);
	judge_close(&judge);
	judge_close(&low);
	vbed_end();
}

static void test_interactive(void **state)
{
	struct talk talk = vbed_udp(1), old = vbed_syn(2);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=20ms");
	judge.decider.interactive = true;
	judge_open(&judge, 10);
	vbed_send(&talk);
	old.flags = TALK_ACK;
	vbed_send(&old);
	rig_run(&rig, 28000);
	assert_int_equal(vbed_stats().waiting, 1); /* a person has time, for new flows alone */
	rig_run(&rig, 1100);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_TIMEOUT], 2);
	judge_close(&judge);
	vbed_end();
}

/* Asks of one call come together, 64 at most, and what is not taken is settled and credited back. */
static void test_batches(void **state)
{
	struct talk talk = vbed_udp(1);
	uint8_t bytes[TALK_MAX_BYTES];

	(void)state;
	vbed_begin("verdict:flows=1024,timeout=60s,default=allow");
	judge.takes = 1;
	judge.decider.copy_bytes = 40;
	judge_open(&judge, 10);
	vbed_send(&talk);
	assert_int_equal(judge.ask[0].data_bytes, 40);
	assert_int_equal(judge.first_byte[0], bytes[0] = 0);
	talk = vbed_udp(2);
	judge.takes = 0;
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 1); /* settled by the overflow default */
	assert_int_equal(judge.decider.credits, 9);
	assert_int_equal(judge.decider.open, 1);
	assert_int_equal(judge.decider.stats.settled[LWF_CAUSE_OVERFLOW], 1);
	judge_close(&judge);
	vbed_end();
}

/* A decider that lies, and one whose credits are gone. */
static void test_liar(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	vbed_begin("verdict:flows=64,timeout=60s");
	judge.mode = JUDGE_LIES;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_BLOCK, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 1);
	for (uint32_t i = 0; i < 50; i++) {
		talk = vbed_udp(i);
		vbed_send(&talk);
	}
	assert_int_equal(vbed_stats().told[LWF_TELL_UNKNOWN], 50);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_VERDICT], 50);
	assert_int_equal(vbed.down_count, 0);
	judge_close(&judge);
	vbed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_self, fresh),
		cmocka_unit_test_setup(test_owner_wait, fresh),
		cmocka_unit_test_setup(test_priorities, fresh),
		cmocka_unit_test_setup(test_soft_permit, fresh),
		cmocka_unit_test_setup(test_interactive, fresh),
		cmocka_unit_test_setup(test_batches, fresh),
		cmocka_unit_test_setup(test_liar, fresh),
	};

	return cmocka_run_group_tests_name("verdict_who", tests, NULL, NULL);
}
