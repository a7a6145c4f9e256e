/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_record_test.c - the record of a run: what is kept, and that it comes back from NDJSON whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record.h"

static struct stress_record record, again;

static int setup(void **state)
{
	(void)state;
	stress_record_init(&record);
	stress_record_init(&again);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stress_record_fini(&record);
	stress_record_fini(&again);
	return 0;
}

static void fill(void)
{
	struct stress_event event = {
		.time_ns = 12,
		.value = 34,
		.kind = STRESS_EVENT_STATE,
		.before = LWF_STATE_RUNNING,
		.after = LWF_STATE_PAUSING,
	};

	snprintf(record.scenario, sizeof(record.scenario), "a \"name\"");
	snprintf(record.file, sizeof(record.file), "a.scn");
	snprintf(record.world, sizeof(record.world), "sim");
	snprintf(record.command, sizeof(record.command), "lwf-stress run a.scn");
	record.seed = 42;
	record.digest = 0xfedcba9876543210ull;
	event.lane = stress_record_lane(&record, "lan0", "inject");
	stress_record_add(&record, &event);
	event.kind = STRESS_EVENT_EXPECT;
	event.lane = STRESS_NO_LANE;
	event.line = 7;
	event.flag = true;
	event.text = stress_record_intern(&record, "expect 1 == 1");
	stress_record_add(&record, &event);
	snprintf(record.account[0].name, sizeof(record.account[0].name), "c1");
	snprintf(record.account[0].kind, sizeof(record.account[0].kind), "client");
	record.account[0].ledger.submitted = 5;
	record.account[0].ledger.completed[LWF_ANSWER_SUCCESS] = 3;
	record.account[0].ledger.refused[LWF_ANSWER_PAUSED] = 2;
	record.account[0].ledger.sent = 3;
	record.account[0].ledger.indicated = 1;
	record.account[0].lost = 9;
	record.accounts = 1;
	snprintf(record.witness[0].name, sizeof(record.witness[0].name), "lan0.lower sent");
	record.witness[0].inside = 3;
	record.witness[0].outside = -1;
	record.witnesses = 1;
	stress_histogram_add(&record.pause, 1000);
	stress_histogram_add(&record.pause, 5000);
	record.verdict = STRESS_FAILED;
	snprintf(record.failure.expected, sizeof(record.failure.expected), "x");
	record.failure.line = 3;
	record.failure.column = 4;
	record.faults = 11;
	record.flaps = 12;
	record.rules_broken = 13;
	record.skipped = 14;
}

/* What is written is read again, to the byte. */
static void test_comes_back(void **state)
{
	struct stress_problem problem;
	char *text[2] = {NULL, NULL};
	size_t bytes[2];
	FILE *file;

	(void)state;
	fill();
	file = open_memstream(&text[0], &bytes[0]);
	assert_int_equal(stress_record_write(&record, file), 0);
	fclose(file);
	file = fmemopen(text[0], bytes[0], "r");
	assert_int_equal(stress_record_read(&again, file, &problem), 0);
	fclose(file);
	assert_int_equal(again.digest, record.digest);
	assert_int_equal(again.events, 2);
	assert_string_equal(stress_record_text(&again, again.event[1].text), "expect 1 == 1");
	assert_int_equal(again.pause.max_ns, 5000);
	file = open_memstream(&text[1], &bytes[1]);
	assert_int_equal(stress_record_write(&again, file), 0);
	fclose(file);
	assert_string_equal(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}

/* What is real does not come twice, so that nothing is to be compared. */
static void test_live_has_no_digest(void **state)
{
	char *text = NULL;
	size_t bytes;
	FILE *file;

	(void)state;
	fill();
	assert_true(stress_record_has_digest(&record));
	snprintf(record.world, sizeof(record.world), "live");
	assert_false(stress_record_has_digest(&record));
	file = open_memstream(&text, &bytes);
	assert_int_equal(stress_record_write(&record, file), 0);
	fclose(file);
	assert_null(strstr(text, "digest"));
	free(text);
}

/* Who was out when the daemon died has an answer, and the account is closed. */
static void test_ledger_of_the_dead(void **state)
{
	struct lwf_ledger ledger = {.submitted = 9};

	(void)state;
	ledger.completed[LWF_ANSWER_SUCCESS] = 4;
	ledger.completed[LWF_ANSWER_UNKNOWN] = 1;
	ledger.refused[LWF_ANSWER_PAUSED] = 2;
	stress_ledger_end(&ledger);
	assert_int_equal(ledger.completed[LWF_ANSWER_UNKNOWN], 3);
	assert_int_equal(lwf_ledger_outstanding(&ledger), 0);
	stress_ledger_end(&ledger);
	assert_int_equal(ledger.completed[LWF_ANSWER_UNKNOWN], 3);
}

/* A file that was cut short, and one that is something else. */
static void test_refuses(void **state)
{
	static const char stray[] =
		"{\"kind\":\"run\",\"schema\":1}\n{\"kind\":\"state\",\"lane\":3}\n"
		"{\"kind\":\"end\",\"verdict\":\"passed\"}\n";
	static const char pauses[] = /* that are in no bucket */
		"{\"kind\":\"run\",\"schema\":1}\n{\"kind\":\"pauses\",\"count\":3,\"buckets\":["
		"0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
		"0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n"
		"{\"kind\":\"end\",\"verdict\":\"passed\"}\n";
	static const char *const bad[] = {
		"",
		"hello\n",
		"{\"kind\":\"run\",\"schema\":1}\n",
		"{\"kind\":\"run\",\"schema\":2}\n{\"kind\":\"end\",\"verdict\":\"passed\"}\n",
		"{\"kind\":\"run\",\"schema\":1}\n{\"kind\":\"end\",\"verdict\":\"fine\"}\n",
		stray,
		pauses,
	};
	struct stress_problem problem;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *file = tmpfile();

		fputs(bad[i], file);
		rewind(file);
		assert_int_not_equal(stress_record_read(&again, file, &problem), 0);
		assert_true(strlen(problem.text) > 0);
		fclose(file);
		stress_record_fini(&again);
		stress_record_init(&again);
	}
}

/* Masses of events do not push out the failure at the end. */
static void test_keeps_what_failed(void **state)
{
	struct stress_event event = {.kind = STRESS_EVENT_OUTSTANDING};

	(void)state;
	for (uint32_t i = 0; i < STRESS_EVENTS_MAX + 10; i++)
		stress_record_add(&record, &event);
	assert_int_equal(record.events, STRESS_EVENTS_MAX);
	assert_int_equal(record.skipped, 10);
	event.kind = STRESS_EVENT_EXPECT;
	event.flag = true;
	stress_record_add(&record, &event);
	assert_int_equal(record.skipped, 11);
	event.flag = false;
	stress_record_add(&record, &event);
	assert_int_equal(record.skipped, 11);
	assert_int_equal(record.event[record.events - 1].kind, STRESS_EVENT_EXPECT);
}

/* Of runs that are joined the worst verdict is theirs, in whatever order they come. */
static void test_worst_verdict(void **state)
{
	static const enum stress_verdict better_first[] = {STRESS_PASSED, STRESS_SKIPPED,
							   STRESS_BROKEN, STRESS_FAILED};
	struct stress_record one, both;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		unsigned first = i / 4, second = i % 4, worst = first > second ? first : second;

		stress_record_init(&both);
		for (unsigned k = 0; k < 2; k++) {
			stress_record_init(&one);
			one.runs = 1;
			one.verdict = better_first[k ? second : first];
			stress_record_merge(&both, &one);
			stress_record_fini(&one);
		}
		assert_int_equal(both.verdict, better_first[worst]);
		stress_record_fini(&both);
	}
}

static void test_histogram(void **state)
{
	struct stress_histogram a = {0}, b = {0};

	(void)state;
	assert_int_equal(stress_histogram_at(&a, 990), 0);
	for (int i = 0; i < 99; i++)
		stress_histogram_add(&a, 1000); /* less than 1024 */
	stress_histogram_add(&b, 1000000);
	stress_histogram_merge(&a, &b);
	assert_int_equal(a.count, 100);
	assert_int_equal(stress_histogram_at(&a, 990), 1023);
	assert_int_equal(stress_histogram_at(&a, 1000), 1000000);
	assert_int_equal(a.min_ns, 1000);
}

static void test_texts(void **state)
{
	uint32_t one;

	(void)state;
	assert_string_equal(stress_record_text(&record, 0), "");
	one = stress_record_intern(&record, "one");
	assert_int_not_equal(stress_record_intern(&record, "two"), one);
	assert_int_equal(stress_record_intern(&record, "one"), one);
	assert_int_equal(stress_record_intern(&record, ""), 0);
	assert_string_equal(stress_record_text(&record, one), "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_what_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test(test_worst_verdict),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test_setup_teardown(test_live_has_no_digest, setup, teardown),
		cmocka_unit_test(test_ledger_of_the_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
