/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prompts_test.c - what a person is asked and says: answers read, programs remembered, rules written.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lwf/policy.h>

#include "prompts.h"

#define MINUTE_NS 60000000000ull

static struct prompts prompts;
static struct lwf_tell tells[PROMPTS_MAX];

static struct lwf_ask an_ask(uint64_t number, const char *exe)
{
	struct lwf_ask ask = {.ask = number, .deadline_ns = number * 1000, .data_bytes = 3};
	struct lwf_flow_key *key = &ask.info.key;

	memset(key->address[0] + 10, 0xff, 2);
	memset(key->address[1] + 10, 0xff, 2);
	memcpy(key->address[0] + 12, "\x0a\x09\x00\x01", 4);
	memcpy(key->address[1] + 12, "\x0a\x09\x00\x02", 4);
	key->port[0] = (uint16_t)(40000 + number);
	key->port[1] = 443;
	key->protocol = 6;
	ask.info.initiator = LWF_ENDPOINT_LOW;
	ask.info.local = LWF_ENDPOINT_LOW;
	ask.info.owner = (struct lwf_owner){.pid = 77, .uid = 1000, .how = LWF_OWNER_EXACT};
	snprintf(ask.info.owner.comm, sizeof(ask.info.owner.comm), "curl");
	snprintf(ask.info.owner.exe, sizeof(ask.info.owner.exe), "%s", exe);
	return ask;
}

static void add(uint64_t number, const char *exe)
{
	struct lwf_ask ask = an_ask(number, exe);

	assert_non_null(prompts_add(&prompts, &ask));
}

static uint32_t say(const char *line, uint64_t now_ns)
{
	struct prompt_answer answer;
	char why[128];

	if (prompts_read(line, &answer, why, sizeof(why)))
		fail_msg("'%s': %s", line, why);
	return prompts_answer(&prompts, &answer, now_ns, tells);
}

static int clear(void **state)
{
	(void)state;
	memset(&prompts, 0, sizeof(prompts));
	return 0;
}

static void answers_are_read(void **state)
{
	static const struct {
		const char *line;
		uint32_t number;
		enum lwf_verdict_action action;
		enum prompt_for what;
		uint64_t time_ns;
	} right[] = {
		{"a", 0, LWF_VERDICT_PERMIT, PROMPT_FLOW, PROMPTS_PROGRAM_NS},
		{"3 deny", 3, LWF_VERDICT_BLOCK, PROMPT_FLOW, PROMPTS_PROGRAM_NS},
		{" 12  r o ", 12, LWF_VERDICT_RESET, PROMPT_ONCE, PROMPTS_PROGRAM_NS},
		{"reject once", 0, LWF_VERDICT_RESET, PROMPT_ONCE, PROMPTS_PROGRAM_NS},
		{"a program", 0, LWF_VERDICT_PERMIT, PROMPT_PROGRAM, PROMPTS_PROGRAM_NS},
		{"7 a p 5m", 7, LWF_VERDICT_PERMIT, PROMPT_PROGRAM, 5 * MINUTE_NS},
		{"allow always", 0, LWF_VERDICT_PERMIT, PROMPT_ALWAYS, PROMPTS_PROGRAM_NS},
		{"d w", 0, LWF_VERDICT_BLOCK, PROMPT_ALWAYS, PROMPTS_PROGRAM_NS},
	};
	static const char *const wrong[] = {
		"",	    "3",     "3x a",	 "maybe", "a maybe",	   "a o 5m", "a p 5",
		"a p 169h", "a p 0", "a p 5m x", "a f x", "99999999999 a", "al",     "a p -1s"};
	struct prompt_answer answer;
	char why[128];

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		print_message("%s\n", right[i].line);
		assert_int_equal(prompts_read(right[i].line, &answer, why, sizeof(why)), 0);
		assert_int_equal(answer.number, right[i].number);
		assert_int_equal(answer.action, right[i].action);
		assert_int_equal(answer.what, right[i].what);
		assert_int_equal(answer.time_ns, right[i].time_ns);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		print_message("%s\n", wrong[i]);
		why[0] = '\0';
		assert_int_equal(prompts_read(wrong[i], &answer, why, sizeof(why)), -EINVAL);
		assert_true(why[0]);
	}
}

static void one_answer_is_for_one_prompt(void **state)
{
	struct prompt gone;

	(void)state;
	add(1, "/usr/bin/curl");
	add(2, "/usr/bin/curl");
	add(3, "/usr/bin/wget");
	assert_int_equal(say("9 a", 0), 0);
	assert_int_equal(say("2 d once", 0), 1);
	assert_int_equal(tells[0].ask, 2);
	assert_int_equal(tells[0].action, LWF_VERDICT_BLOCK);
	assert_int_equal(tells[0].scope, LWF_SCOPE_FLOW_TTL);
	assert_true(tells[0].ttl_ns == PROMPTS_ONCE_NS);
	assert_int_equal(say("2 d once", 0), 0);
	assert_int_equal(say("a", 0), 1); /* the oldest */
	assert_int_equal(tells[0].ask, 1);
	assert_int_equal(tells[0].scope, LWF_SCOPE_FLOW);
	assert_int_equal(prompts.count, 1);
	assert_false(prompts_expire(&prompts, 2999, &gone));
	assert_true(prompts_expire(&prompts, 3000, &gone));
	assert_int_equal(gone.ask.ask, 3);
	assert_int_equal(prompts.count, 0);
}

static void a_program_is_remembered_for_its_time(void **state)
{
	struct lwf_ask later = an_ask(9, "/usr/bin/curl"), other = an_ask(10, "/usr/bin/wget");
	struct lwf_ask foreign = an_ask(11, "/usr/bin/curl"), unsure = an_ask(12, "/usr/bin/curl");
	struct lwf_tell tell;

	(void)state;
	foreign.info.owner.uid = 0;
	unsure.info.owner.how = LWF_OWNER_AMBIGUOUS;
	for (uint64_t i = 1; i <= 5; i++)
		add(i, i % 2 ? "/usr/bin/curl" : "/usr/bin/wget");
	assert_int_equal(say("3 a program 2m", 1000), 3); /* and the other two of curl */
	assert_int_equal(tells[0].ask, 3);
	assert_int_equal(tells[1].ask, 1);
	assert_int_equal(tells[2].ask, 5);
	assert_int_equal(tells[1].scope, LWF_SCOPE_FLOW_TTL);
	assert_int_equal(tells[1].ttl_ns, 2 * MINUTE_NS);
	assert_int_equal(prompts.count, 2);
	assert_true(prompts_remembered(&prompts, &later, 1000 + MINUTE_NS, &tell));
	assert_int_equal(tell.ask, 9);
	assert_int_equal(tell.action, LWF_VERDICT_PERMIT);
	assert_int_equal(tell.ttl_ns, MINUTE_NS);
	assert_false(prompts_remembered(&prompts, &later, 1000 + 2 * MINUTE_NS, &tell));
	assert_false(prompts_remembered(&prompts, &other, 1000, &tell));
	assert_false(prompts_remembered(&prompts, &foreign, 1000, &tell));
	assert_false(prompts_remembered(&prompts, &unsure, 1000, &tell));
	/* what was said last counts */
	add(20, "/usr/bin/curl");
	assert_int_equal(say("6 d always", 2000), 1);
	assert_int_equal(tells[0].scope, LWF_SCOPE_FLOW);
	assert_true(prompts_remembered(&prompts, &later, 3000, &tell));
	assert_int_equal(tell.action, LWF_VERDICT_BLOCK);
}

static void there_is_room_for_so_many(void **state)
{
	struct lwf_ask ask = an_ask(1, "");

	(void)state;
	for (uint64_t i = 1; i <= PROMPTS_MAX; i++)
		add(i, "/bin/true");
	assert_null(prompts_add(&prompts, &ask));
	assert_int_equal(prompts.unshown, 1);
	assert_int_equal(say("5 a program", 0), PROMPTS_MAX);
	assert_int_equal(prompts.count, 0);
	for (uint64_t i = 0; i < PROMPTS_REMEMBERED + 10; i++) {
		char exe[32];

		snprintf(exe, sizeof(exe), "/bin/%u", (unsigned)i);
		add(i, exe);
		assert_int_equal(say("a program", 0), 1);
	}
	assert_int_equal(prompts.memories, PROMPTS_REMEMBERED);
}

static void texts_are_printable(void **state)
{
	struct lwf_ask ask = an_ask(1, "/tmp/\x1b[2Jx");
	struct prompt prompt = {.number = 1};
	char text[PROMPT_TEXT_BYTES];

	(void)state;
	strcpy(ask.info.owner.comm, "a\x1b]0;b\n");
	prompt.ask = ask;
	prompts_describe(&prompt, text, sizeof(text));
	assert_string_equal(text, "tcp 10.9.0.1:40001 > 10.9.0.2:443 a?]0;b? (pid 77, uid 1000, "
				  "/tmp/?[2Jx)");
	prompt.ask.info.initiator = LWF_ENDPOINT_HIGH;
	prompt.ask.info.owner.how = LWF_OWNER_PENDING;
	prompts_describe(&prompt, text, sizeof(text));
	assert_string_equal(text, "tcp 10.9.0.1:40001 < 10.9.0.2:443 (looking for the program)");
	prompt.ask.info.owner = (struct lwf_owner){.how = LWF_OWNER_UNKNOWN};
	prompt.ask.info.key.protocol = 1;
	prompts_describe(&prompt, text, sizeof(text));
	assert_string_equal(text, "icmp 10.9.0.1 < 10.9.0.2 (nobody known)");
}

/* The rule is one of the language, and decides about the ask that it was made for. */
static void expect_rule(const struct lwf_ask *ask, enum lwf_verdict_action action,
			const char *expected, enum lwf_policy_action decided)
{
	static _Alignas(16) unsigned char memory[1 << 16];
	const struct lwf_policy_subject subject = {
		.key = &ask->info.key,
		.local = ask->info.local,
		.direction =
			ask->info.initiator == ask->info.local ? LWF_POLICY_OUT : LWF_POLICY_IN,
		.owner = &ask->info.owner,
	};
	struct lwf_policy_decision decision;
	struct lwf_policy_error error;
	struct lwf_policy *policy;
	char rule[PROMPT_TEXT_BYTES], text[PROMPT_TEXT_BYTES + 32];

	assert_true(prompts_rule(ask, action, rule, sizeof(rule)));
	assert_string_equal(rule, expected);
	snprintf(text, sizeof(text), "%s\ndefault ask\n", rule);
	if (lwf_policy_parse(memory, sizeof(memory), text, strlen(text), NULL, &policy, &error))
		fail_msg("%s: %s", rule, error.why);
	assert_int_equal(lwf_policy_decide(policy, &subject, &decision), decided);
}

static void rules_say_what_was_said(void **state)
{
	struct lwf_ask ask = an_ask(1, "/usr/lib/fire fox/x");

	(void)state;
	expect_rule(&ask, LWF_VERDICT_PERMIT, "allow out user 1000 program \"/usr/lib/fire fox/x\"",
		    LWF_POLICY_ALLOW);
	ask = an_ask(1, "/tmp/a\"b");
	expect_rule(&ask, LWF_VERDICT_BLOCK, "deny out tcp remote 10.9.0.2 remote-port 443",
		    LWF_POLICY_DENY);
	ask.info.initiator = LWF_ENDPOINT_HIGH;
	expect_rule(&ask, LWF_VERDICT_RESET, "reject in tcp remote 10.9.0.2 local-port 40001",
		    LWF_POLICY_REJECT);
	ask.info.key.protocol = 47;
	expect_rule(&ask, LWF_VERDICT_BLOCK, "deny in protocol 47 remote 10.9.0.2",
		    LWF_POLICY_DENY);
}

/* What was said of one program, whose path no rule can have, is never a rule for all of them. */
static void an_allow_is_not_for_everybody(void **state)
{
	static char cut[LWF_OWNER_EXE_BYTES];
	struct lwf_ask ask = an_ask(1, "/tmp/a\"b");
	char rule[PROMPT_TEXT_BYTES];

	(void)state;
	assert_false(prompts_rule(&ask, LWF_VERDICT_PERMIT, rule, sizeof(rule)));
	assert_true(prompts_rule(&ask, LWF_VERDICT_RESET, rule, sizeof(rule)));
	memset(cut, 'a', sizeof(cut) - 1);
	cut[0] = '/';
	ask = an_ask(1, cut);
	assert_false(prompts_rule(&ask, LWF_VERDICT_PERMIT, rule, sizeof(rule)));
	ask = an_ask(1, ""); /* its command is known alone */
	assert_false(prompts_rule(&ask, LWF_VERDICT_PERMIT, rule, sizeof(rule)));
	ask.info.owner = (struct lwf_owner){.how = LWF_OWNER_UNKNOWN};
	expect_rule(&ask, LWF_VERDICT_PERMIT, "allow out tcp remote 10.9.0.2 remote-port 443",
		    LWF_POLICY_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(answers_are_read, clear),
		cmocka_unit_test_setup(one_answer_is_for_one_prompt, clear),
		cmocka_unit_test_setup(a_program_is_remembered_for_its_time, clear),
		cmocka_unit_test_setup(there_is_room_for_so_many, clear),
		cmocka_unit_test_setup(texts_are_printable, clear),
		cmocka_unit_test_setup(rules_say_what_was_said, clear),
		cmocka_unit_test_setup(an_allow_is_not_for_everybody, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
