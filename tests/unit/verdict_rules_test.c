/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_rules_test.c - filter verdict with a file of rules: what they decide needs no decider, what they
 * say of an ask holds for it, and reading them again reaches flows that are decided or wait.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "verdict_bed.h"

#include <lwf/hosts.h>
#include <lwf/policy.h>

#define MS 1000000ull

static struct judge judge, low;

static int fresh(void **state)
{
	(void)state;
	memset(&judge, 0, sizeof(judge));
	memset(&low, 0, sizeof(low));
	return 0;
}

static void set_rules(const char *text)
{
	assert_int_equal(lwf_sim_host_set_policy(rig.host, "r.rules", text), 0);
}

/** A stack of flow and verdict with @rules. */
static void begin(const char *rules, const char *more)
{
	char spec[256], error[256] = "";

	vbed_begin("flow:flows=64");
	set_rules(rules);
	snprintf(spec, sizeof(spec), "verdict:flows=64,timeout=60s,rules=r.rules%s", more);
	if (lwf_stack_insert(rig.stack, spec, 1, NULL, error, sizeof(error)))
		fail_msg("%s", error);
	rig_run(&rig, 1);
}

static int reload(struct lwf_policy_reload *out)
{
	memset(out, 0, sizeof(*out));
	return lwf_module_control(rig_module(&rig, "verdict"), LWF_CONTROL_RELOAD, out);
}

static void test_rules_decide(void **state)
{
	struct talk udp = vbed_udp(1), tcp = vbed_syn(2),
		    other = {.protocol = 132, .from = 1, .to = 2};

	(void)state;
	begin("allow out protocol udp\nreject protocol tcp\ndefault deny\n", "");
	vbed_send(&udp);
	vbed_send(&udp);
	assert_int_equal(vbed.down_count, 2);
	vbed_send(&tcp);
	assert_int_equal(vbed.up_count, 1); /* the RST */
	vbed_send(&other);
	assert_int_equal(vbed.down_count, 2);
	assert_int_equal(vbed_stats().by_rule, 3);
	assert_int_equal(vbed_stats().asks, 0);
	udp = vbed_udp(9);
	vbed_receive(&udp); /* in, not out */
	assert_int_equal(vbed.up_count, 1);
	vbed_end();
}

/* VD-3: a rule may say what its asks wait for, whom they go to, and what follows without an answer. */
static void test_ask_rules(void **state)
{
	struct talk udp = vbed_udp(1), tcp = vbed_syn(2);

	(void)state;
	begin("ask protocol udp timeout 30ms default allow\nask protocol tcp priority 5\n"
	      "default deny\n",
	      ",default=deny");
	judge.decider.priority = 9;
	low.decider.priority = 4;
	judge_open(&judge, 10);
	judge_open(&low, 10);
	vbed_send(&udp);
	assert_int_equal(judge.ask[0].rule, 1);
	assert_int_equal(judge.ask[0].fallback, LWF_VERDICT_PERMIT);
	rig_run(&rig, 29);
	assert_int_equal(vbed.down_count, 0);
	rig_run(&rig, 2);
	assert_int_equal(vbed.down_count, 1);
	vbed_send(&tcp);
	assert_int_equal(judge.asked, 2);
	assert_int_equal(
		judge_tell(&judge, judge_last(&judge, 0), LWF_VERDICT_CONTINUE, LWF_SCOPE_PACKET),
		LWF_TELL_OK);
	assert_int_equal(low.asked, 0); /* its priority is less than the rule wants */
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_NO_DECIDER], 1);
	judge_close(&judge);
	judge_close(&low);
	vbed_end();
}

/* Rules that depend on an owner who is not known yet are waited for, a while. */
static void test_rules_wait(void **state)
{
	struct talk soon = vbed_udp(1), never = vbed_udp(2);
	struct lwf_owner owner = {.pid = 7, .uid = 0, .start_time = 3, .how = LWF_OWNER_EXACT};
	struct lwf_parsed parsed;
	uint8_t bytes[TALK_MAX_BYTES];

	(void)state;
	begin("allow user 0\ndefault deny\n", ",owner-wait=100ms");
	lwf_parse(bytes, talk_build(&soon, bytes), lwf_stack_link(rig.stack).ifindex, &parsed);
	assert_int_equal(lwf_sim_host_set_owner(rig.host, &parsed.key, &owner, 50 * MS), 0);
	lwf_parse(bytes, talk_build(&never, bytes), lwf_stack_link(rig.stack).ifindex, &parsed);
	assert_int_equal(lwf_sim_host_set_owner(rig.host, &parsed.key, NULL, 0), 0);
	vbed_send(&soon);
	vbed_send(&never);
	assert_int_equal(vbed_stats().waiting, 2);
	rig_run(&rig, 51);
	assert_int_equal(vbed.down_count, 1);
	rig_run(&rig, 50);
	assert_int_equal(vbed_stats().waiting, 0);
	assert_int_equal(vbed.down_count, 1);
	assert_int_equal(vbed_stats().settled[LWF_CAUSE_RULES], 2);
	vbed_end();
}

/* Other rules reach decided flows at their next frame, and those that wait at once; rules with an error
 * change nothing. */
static void test_reload(void **state)
{
	struct talk decided = vbed_udp(1), waits = vbed_syn(2);
	struct lwf_policy_reload out;

	(void)state;
	begin("allow protocol udp\ndefault ask\n", "");
	judge_open(&judge, 10);
	vbed_send(&decided);
	vbed_send(&waits);
	assert_int_equal(vbed.down_count, 1);
	set_rules("allow protocol udq\n");
	assert_int_equal(reload(&out), -EINVAL);
	assert_true(strncmp(out.error, "r.rules:1:", 10) == 0);
	vbed_send(&decided);
	assert_int_equal(vbed.down_count, 2);
	set_rules("deny protocol udp\nallow protocol tcp\ndefault ask\n");
	assert_int_equal(reload(&out), 0);
	assert_int_equal(out.rules, 3);
	assert_int_equal(vbed.down_count, 3); /* what waited is let go now */
	assert_int_equal(judge.cause[0], LWF_CAUSE_RULES);
	vbed_send(&decided);
	assert_int_equal(vbed.down_count, 3);
	assert_int_equal(vbed_stats().epoch, out.epoch);
	judge_close(&judge);
	vbed_end();
}

static void test_set_and_unset(void **state)
{
	struct talk talk = vbed_udp(1), other = vbed_udp(2);

	(void)state;
	begin("default deny\n", "");
	judge_open(&judge, 10);
	vbed_send(&talk);
	assert_int_equal(judge.asked, 0);
	assert_int_equal(lwf_sim_host_set_policy(rig.host, "s.rules", "default allow\n"), 0);
	vbed_set("rules=s.rules", 0);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 1);
	vbed_set("rules=", 0);
	vbed_send(&other);
	assert_int_equal(judge.asked, 1);
	judge_close(&judge);
	vbed_end();
}

/* Rules that were not let wait any longer are asked once more when it is known whose the flow is. */
static void test_owner_comes_late(void **state)
{
	struct talk denied = vbed_udp(1), asked = vbed_udp(2);
	struct lwf_owner owner = {.pid = 7, .uid = 0, .start_time = 3, .how = LWF_OWNER_EXACT};
	struct lwf_parsed parsed;
	uint8_t bytes[TALK_MAX_BYTES];

	(void)state;
	begin("deny user 0\nask user 1\ndefault allow\n", ",owner-wait=100ms");
	judge_open(&judge, 10);
	lwf_parse(bytes, talk_build(&denied, bytes), lwf_stack_link(rig.stack).ifindex, &parsed);
	assert_int_equal(lwf_sim_host_set_owner(rig.host, &parsed.key, &owner, 300 * MS), 0);
	owner.uid = 1;
	lwf_parse(bytes, talk_build(&asked, bytes), lwf_stack_link(rig.stack).ifindex, &parsed);
	assert_int_equal(lwf_sim_host_set_owner(rig.host, &parsed.key, &owner, 300 * MS), 0);
	vbed_send(&denied);
	vbed_send(&asked);
	rig_run(&rig, 150);
	assert_int_equal(vbed.down_count, 2); /* of nobody who is known: the default */
	vbed_send(&denied);
	assert_int_equal(vbed.down_count, 3);
	rig_run(&rig, 200);
	vbed_send(&denied);
	vbed_send(&asked);
	assert_int_equal(vbed.down_count, 3);
	assert_int_equal(judge.asked, 1);
	assert_int_equal(judge.ask[0].rule, 2);
	judge_close(&judge);
	vbed_end();
}

static void test_explain(void **state)
{
	struct talk talk = vbed_udp(1);
	struct lwf_parsed parsed;
	uint8_t bytes[TALK_MAX_BYTES];
	struct lwf_policy_subject subject = {.key = &parsed.key, .direction = LWF_POLICY_OUT};
	struct lwf_policy_explain said = {.subject = &subject};
	struct lwf_module *module;

	(void)state;
	begin("# a file\nallow protocol udp\ndefault ask\n", "");
	module = rig_module(&rig, "verdict");
	lwf_parse(bytes, talk_build(&talk, bytes), 0, &parsed);
	assert_int_equal(lwf_module_control(module, LWF_CONTROL_EXPLAIN, &said), 0);
	assert_int_equal(said.info.flow, 0);
	assert_int_equal(said.decision.action, LWF_POLICY_ALLOW);
	assert_int_equal(said.line, 2);
	assert_string_equal(said.text, "allow protocol udp");
	assert_int_equal(said.cached, LWF_POLICY_UNSAID);
	vbed_send(&talk);
	assert_int_equal(lwf_module_control(module, LWF_CONTROL_EXPLAIN, &said), 0);
	assert_int_equal(said.cached, LWF_POLICY_ALLOW);
	assert_string_equal(said.by, "rule");
	assert_true(said.info.flow != 0);
	assert_int_equal(vbed_stats().by_rule, 1); /* it counts nothing */
	judge_open(&judge, 10);
	talk = vbed_syn(3);
	vbed_send(&talk);
	lwf_parse(bytes, talk_build(&talk, bytes), 0, &parsed);
	said.by[0] = 0;
	assert_int_equal(lwf_module_control(module, LWF_CONTROL_EXPLAIN, &said), 0);
	assert_true(said.pended);
	assert_string_equal(said.by, "");
	judge_close(&judge);
	vbed_end();
}

/* A link that flaps does not change the rules, whatever is in the file by then. */
static void test_kept_over_a_flap(void **state)
{
	struct talk talk = vbed_udp(1);

	(void)state;
	begin("default deny\n", "");
	set_rules("default allow\n");
	rig_link_down(&rig);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	vbed_send(&talk);
	assert_int_equal(vbed.down_count, 0);
	vbed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rules_decide, fresh),
		cmocka_unit_test_setup(test_ask_rules, fresh),
		cmocka_unit_test_setup(test_rules_wait, fresh),
		cmocka_unit_test_setup(test_reload, fresh),
		cmocka_unit_test_setup(test_set_and_unset, fresh),
		cmocka_unit_test_setup(test_owner_comes_late, fresh),
		cmocka_unit_test_setup(test_explain, fresh),
		cmocka_unit_test_setup(test_kept_over_a_flap, fresh),
	};

	return cmocka_run_group_tests_name("verdict_rules", tests, NULL, NULL);
}
