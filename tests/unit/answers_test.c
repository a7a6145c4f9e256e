/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answers_test.c - the lines of lwfctl verdict serve: events written, answers read, all else refused; and
 * where a rule that somebody said goes in its file.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answers.h"
#include "remember.h"

static struct answer answer;

static void read_right(const char *line)
{
	char why[160];

	if (answers_read(line, strlen(line), &answer, why, sizeof(why)))
		fail_msg("%s: %s", line, why);
}

static void tells_are_read(void **state)
{
	(void)state;
	read_right("{\"ask\":\"1f03\",\"verdict\":\"allow\"}");
	assert_int_equal(answer.kind, ANSWER_TELL);
	assert_int_equal(answer.tell.ask, 0x1f03);
	assert_int_equal(answer.tell.action, LWF_VERDICT_PERMIT);
	assert_int_equal(answer.tell.scope, LWF_SCOPE_FLOW);
	read_right("{\"ask\":\"ffffffffffffffff\",\"verdict\":\"deny\",\"scope\":\"packet\"}");
	assert_true(answer.tell.ask == UINT64_MAX);
	assert_int_equal(answer.tell.scope, LWF_SCOPE_PACKET);
	read_right("{\"ask\":\"1\",\"verdict\":\"reject\",\"for\":\"10m\",\"mark\":7}");
	assert_int_equal(answer.tell.scope, LWF_SCOPE_FLOW_TTL);
	assert_true(answer.tell.ttl_ns == 600000000000ull);
	assert_int_equal(answer.tell.mark, 7);
	read_right(" {\"ask\":\"1\",\"verdict\":\"continue\"} ");
	assert_int_equal(answer.tell.action, LWF_VERDICT_CONTINUE);
	read_right("{\"ask\":\"1\",\"verdict\":\"allow\",\"soft\":true}");
	assert_int_equal(answer.tell.soft, 1);
}

static void updates_and_revokes_are_read(void **state)
{
	(void)state;
	read_right("{\"update\":1234567890123,\"verdict\":\"deny\",\"for\":\"1s\"}");
	assert_int_equal(answer.kind, ANSWER_UPDATE);
	assert_true(answer.tell.ask == 1234567890123ull);
	assert_true(answer.tell.ttl_ns == 1000000000ull);
	read_right("{\"revoke\":{}}");
	assert_int_equal(answer.kind, ANSWER_REVOKE);
	assert_int_equal(answer.revoke.flow + answer.revoke.pid + answer.revoke.port, 0);
	read_right("{\"revoke\":{\"flow\":9,\"pid\":12,\"port\":80,\"protocol\":6,\"mine\":true}}");
	assert_int_equal(answer.revoke.flow, 9);
	assert_int_equal(answer.revoke.pid, 12);
	assert_int_equal(answer.revoke.port, 80);
	assert_int_equal(answer.revoke.protocol, 6);
	assert_int_equal(answer.revoke.mine, 1);
}

static void nonsense_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"allow",
		"[]",
		"{}",
		"{\"ask\":\"1\"}",
		"{\"verdict\":\"allow\"}",
		"{\"ask\":1,\"verdict\":\"allow\"}",
		"{\"ask\":\"\",\"verdict\":\"allow\"}",
		"{\"ask\":\"0x1\",\"verdict\":\"allow\"}",
		"{\"ask\":\"1F\",\"verdict\":\"allow\"}",
		"{\"ask\":\"10000000000000000\",\"verdict\":\"allow\"}",
		"{\"ask\":\"1\",\"verdict\":\"maybe\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"scope\":\"world\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"for\":\"5\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"for\":\"0s\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"for\":\"169h\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"scope\":\"packet\",\"for\":\"5s\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"mark\":4294967296}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"ask\":\"2\"}",
		"{\"ask\":\"1\",\"verdict\":\"allow\",\"why\":\"so\"}",
		"{\"ask\":\"1\",\"update\":2,\"verdict\":\"allow\"}",
		"{\"update\":2,\"verdict\":\"continue\"}",
		"{\"update\":-2,\"verdict\":\"deny\"}",
		"{\"revoke\":{\"port\":65536}}",
		"{\"revoke\":{\"user\":\"bob\"}}",
		"{\"revoke\":[]}",
		"{\"revoke\":{},\"ask\":\"1\",\"verdict\":\"deny\"}",
	};
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i]);
		why[0] = '\0';
		assert_int_equal(
			answers_read(lines[i], strlen(lines[i]), &answer, why, sizeof(why)),
			-EINVAL);
		assert_true(why[0]);
	}
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (!value || strcmp(value, text) != 0)
		fail_msg("%s: expected %s, got %s", key, text, value ? value : "no text");
}

static void asks_are_written(void **state)
{
	static const uint8_t data[] = {0x00, 0xff, 0x10};
	struct lwf_verdict_event event = {
		.kind = LWF_HEARD_ASK,
		.ask = {.ask = 0xabc,
			.deadline_ns = 2500000,
			.fallback = LWF_VERDICT_BLOCK,
			.data = data,
			.data_bytes = sizeof(data),
			.info = {.flow = 5, .key = {.protocol = 17}, .owner = {.comm = "d\x1bg"}}}};
	json_t *object = answers_event(&event, 1000000);

	(void)state;
	expect_text(object, "type", "ask");
	expect_text(object, "ask", "abc");
	expect_text(object, "fallback", "deny");
	expect_text(object, "reason", "new");
	expect_text(object, "protocol", "udp");
	expect_text(object, "comm", "d?g");
	expect_text(object, "data", "00ff10");
	assert_int_equal(json_integer_value(json_object_get(object, "flow")), 5);
	assert_true(json_real_value(json_object_get(object, "left_ms")) == 1.5);
	json_decref(object);
	event.kind = LWF_HEARD_CANCEL;
	event.cause = LWF_CAUSE_LINK;
	object = answers_event(&event, 0);
	expect_text(object, "cause", "link");
	json_decref(object);
	event.kind = LWF_HEARD_STALE;
	event.result = LWF_TELL_LATE;
	object = answers_event(&event, 0);
	expect_text(object, "type", "stale");
	expect_text(object, "why", "late");
	json_decref(object);
	event.kind = LWF_HEARD_ENDED;
	object = answers_event(&event, 0);
	expect_text(object, "type", "end");
	json_decref(object);
}

static void expect_file(const char *before, uint32_t line, const char *after)
{
	size_t made = 0;
	char *text = remember_insert(before, strlen(before), line, "deny udp", &made);

	assert_non_null(text);
	assert_int_equal(made, strlen(after));
	assert_memory_equal(text, after, made);
	free(text);
}

#define SAID "# said at lwfctl verdict ask\ndeny udp\n"

static void rules_are_put_before_the_one_that_asked(void **state)
{
	(void)state;
	expect_file("a\nb\nc\n", 2, "a\n" SAID "b\nc\n");
	expect_file("a\nb\nc\n", 1, SAID "a\nb\nc\n");
	expect_file("a\nb\nc\n", 0, SAID "a\nb\nc\n");
	expect_file("a\nb", 2, "a\n" SAID "b");
	expect_file("a\nb", 9, SAID "a\nb"); /* it is not there any more */
	expect_file("", 1, SAID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_are_read),
		cmocka_unit_test(updates_and_revokes_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(asks_are_written),
		cmocka_unit_test(rules_are_put_before_the_one_that_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
