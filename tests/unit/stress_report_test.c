/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_report_test.c - the page, KTAP and JUnit of a run, from records made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report.h"

#define MS 1000000ull

static struct stress_record record;
static char *text;
static size_t text_bytes;
static FILE *out;

static int setup(void **state)
{
	(void)state;
	stress_record_init(&record);
	snprintf(record.scenario, sizeof(record.scenario), "flap <&\">");
	snprintf(record.world, sizeof(record.world), "sim");
	snprintf(record.replay, sizeof(record.replay), "lwf-stress replay a.scn --seed 7");
	record.seed = 7;
	record.ran_ns = 100 * MS;
	text = NULL;
	out = open_memstream(&text, &text_bytes);
	return out ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (out)
		fclose(out);
	out = NULL;
	free(text);
	stress_record_fini(&record);
	return 0;
}

static const char *written(void)
{
	fclose(out);
	out = NULL;
	return text;
}

static void add_state(uint8_t lane, uint64_t at_ms, uint8_t before, uint8_t after)
{
	struct stress_event event = {
		.time_ns = at_ms * MS,
		.kind = STRESS_EVENT_STATE,
		.lane = lane,
		.before = before,
		.after = after,
	};

	stress_record_add(&record, &event);
}

static void add_fault(uint64_t at_ms, const char *what, bool begins)
{
	struct stress_event event = {
		.time_ns = at_ms * MS,
		.kind = STRESS_EVENT_FAULT,
		.lane = STRESS_NO_LANE,
		.text = stress_record_intern(&record, what),
		.flag = begins,
	};

	stress_record_add(&record, &event);
}

static void fail_it(void)
{
	record.verdict = STRESS_FAILED;
	record.failure = (struct stress_failure){.line = 3, .column = 9, .time_ns = 5 * MS};
	snprintf(record.failure.expected, sizeof(record.failure.expected),
		 "state(lan0) == detached");
	snprintf(record.failure.found, sizeof(record.failure.found), "#1 is <pausing>\n");
	snprintf(record.failure.file, sizeof(record.failure.file), "a.scn");
}

static void assert_has(const char *page, const char *what)
{
	if (!strstr(page, what))
		fail_msg("'%s' is missing in:\n%s", what, page);
}

static void assert_lacks(const char *page, const char *what)
{
	const char *at = strstr(page, what);

	if (at)
		fail_msg("'%s' is there: %.100s", what, at);
}

/* ---- the page ---- */

static void a_lane_is_drawn_in_true_shares(void **state)
{
	uint8_t lane = stress_record_lane(&record, "lan0", NULL);
	const char *page;

	(void)state;
	add_state(lane, 50, LWF_STATE_RUNNING, LWF_STATE_PAUSED);
	add_state(lane, 75, LWF_STATE_PAUSED, LWF_STATE_RUNNING);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "Running: 75.0 % of the time");
	assert_has(page, "Paused: 25.0 % of the time");
	assert_has(page, "Detached: 0.0 % of the time");
	assert_has(page,
		   "M500 0.0h250v20.0h-250z"); /* the pause: columns 500 to 750, full height */
}

static void many_transitions_in_one_column_are_a_pile(void **state)
{
	uint8_t lane = stress_record_lane(&record, "lan0", "inject");
	const char *page;

	(void)state;
	record.ran_ns = 100000 * MS; /* a column is 100 ms */
	for (unsigned i = 0; i < 20000; i++)
		add_state(lane, i * 5, i % 2 ? LWF_STATE_PAUSED : LWF_STATE_RUNNING,
			  i % 2 ? LWF_STATE_RUNNING : LWF_STATE_PAUSED);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "Paused: 50.0 % of the time");
	assert_has(page, "Running: 50.0 % of the time");
	assert_true(text_bytes < 200000);
}

static void a_fault_is_as_long_as_it_lasted(void **state)
{
	const char *page;

	(void)state;
	add_fault(10, "link lan0.lower down", true);
	add_fault(20, "client c1 kill", true);
	add_fault(30, "link lan0.lower down", false);
	add_fault(40, "client c1 kill", true);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page,
		   "<rect class=f x=\"100.00\" width=\"200.00\" height=\"20\"><title>10 ms: link");
	assert_has(
		page,
		"<rect class=f x=\"200.00\" width=\"3.00\" height=\"20\"><title>20 ms: client c1");
	assert_has(
		page,
		"<rect class=f x=\"400.00\" width=\"3.00\" height=\"20\"><title>40 ms: client c1");
}

static void a_fault_ends_with_what_undoes_it(void **state)
{
	const char *page;

	(void)state;
	add_fault(10, "link lan0.lower down", true);
	add_fault(15, "link lan1.lower up", true); /* of another link */
	add_fault(20, "link lan0.lower mtu 1400", true);
	add_fault(40, "link lan0.lower up", true);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page,
		   "<rect class=f x=\"100.00\" width=\"300.00\" height=\"20\"><title>10 ms: link");
	assert_has(page,
		   "<rect class=f x=\"200.00\" width=\"3.00\" height=\"20\"><title>20 ms: link");
	assert_lacks(page, "x=\"400.00\"");
}

static void frames_that_are_out_are_a_line(void **state)
{
	struct stress_event event = {
		.time_ns = 50 * MS, .value = 8, .kind = STRESS_EVENT_OUTSTANDING};
	const char *page;

	(void)state;
	event.lane = stress_record_lane(&record, "lan0", NULL);
	stress_record_add(&record, &event);
	event.time_ns = 60 * MS;
	event.value = 4;
	stress_record_add(&record, &event);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "frames out, at most 8");
	assert_has(page, "M500 1.0L600 30.0");
}

static void latencies_are_bars(void **state)
{
	const char *page;

	(void)state;
	for (int i = 0; i < 99; i++)
		stress_histogram_add(&record.pause, 1000);
	stress_histogram_add(&record.pause, 5 * MS);
	record.pended = 3;
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "100 pauses of modules, 3 answered PENDING");
	assert_has(page, "<b>99</b><i style=\"height:100.0px\">");
	assert_has(page, "<b>1</b><i style=\"height:1.0px\">");
	assert_has(page, "longest 5.0 ms");
	/* what lies between 1 us and 5 ms is one gap */
	assert_has(page, "&lt;1.0 us</span></div><div class=gap>&hellip;</div><div class=bar>");
	assert_lacks(page, "<b>0</b>");
}

static void latencies_that_are_nowhere_are_no_bars(void **state)
{
	const char *page;

	(void)state;
	record.pause.count = 3; /* and all buckets are empty */
	assert_int_equal(stress_report_latencies(&record, out), 0);
	page = written();
	assert_has(page, "3 pauses of modules");
	assert_lacks(page, "class=gap");
}

static void a_short_way_without_latencies_is_drawn(void **state)
{
	const char *page;

	(void)state;
	stress_histogram_add(&record.pause, 1000);
	stress_histogram_add(&record.pause, 4000);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_lacks(page, "<div class=gap>");
	assert_has(page, "<b>0</b>");
}

static void nothing_out_is_a_line_too(void **state)
{
	const char *page;

	(void)state;
	add_state(stress_record_lane(&record, "lan0", NULL), 10, LWF_STATE_DETACHED,
		  LWF_STATE_RUNNING);
	add_state(stress_record_lane(&record, "lan0", "inject"), 10, LWF_STATE_DETACHED,
		  LWF_STATE_RUNNING);
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "lan0 <small>frames out, none ever seen</small>");
	assert_has(page, "M0 19.0L999 19.0");
	assert_lacks(page, "inject <small>frames out");
}

static void the_page_stands_alone(void **state)
{
	const char *page;

	(void)state;
	fail_it();
	stress_record_lane(&record, "<script>", "x");
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_lacks(page, "<script");
	assert_lacks(page, "http");
	assert_lacks(page, "url(");
	assert_lacks(page, "src=");
	assert_lacks(page, "<link");
	assert_has(page, "flap &lt;&amp;&quot;&gt;");
	assert_has(page, "state(lan0) == detached");
	assert_has(page, "#1 is &lt;pausing&gt;");
	assert_has(page, "a.scn:3:9");
	assert_has(page, "lwf-stress replay a.scn --seed 7");
}

static void a_ledger_and_its_witness(void **state)
{
	const char *page;

	(void)state;
	record.accounts = 1;
	snprintf(record.account[0].name, sizeof(record.account[0].name), "c1");
	record.account[0].ledger.submitted = 12;
	record.account[0].ledger.completed[LWF_ANSWER_SUCCESS] = 7;
	record.account[0].ledger.refused[LWF_ANSWER_PAUSED] = 4;
	record.account[0].doubled = 9;
	record.witnesses = 2;
	record.witness[0] = (struct stress_witness){"lan0.lower sent", 7, 7};
	record.witness[1] = (struct stress_witness){"lan1.lower sent", 7, 6};
	assert_int_equal(stress_report_html(&record, out), 0);
	page = written();
	assert_has(page, "SUCCESS 7");
	assert_has(page, "PAUSED 4");
	assert_has(page, "<td class=\"n\">1</td>"); /* 12 - 7 - 4 are open */
	assert_has(page, "<td class=\"n no\">9</td>");
	assert_has(page, "<td class=n>7</td><td>agree");
	assert_has(page, "<td class=n>6</td><td class=no>differ");
}

/* ---- KTAP and JUnit ---- */

static void a_run_that_passed_as_ktap(void **state)
{
	(void)state;
	record.digest = 0x1f;
	record.flaps = 3;
	assert_int_equal(stress_report_ktap(&record, out), 0);
	assert_string_equal(written(), "KTAP version 1\n1..1\n"
				       "# sim, seed 7, digest 000000000000001f, 3 flaps, 0 pauses\n"
				       "ok 1 flap <&\">\n");
}

static void a_run_that_failed_as_ktap(void **state)
{
	(void)state;
	fail_it();
	record.runs = 5;
	record.failed_runs = 2;
	assert_int_equal(stress_report_ktap(&record, out), 0);
	assert_string_equal(
		written(),
		"KTAP version 1\n1..1\n"
		"# expected: state(lan0) == detached (a.scn:3:9); found:  1 is <pausing> \n"
		"# seed: 7\n"
		"# replay: lwf-stress replay a.scn --seed 7\n"
		"# sim, 5 runs, 2 failed, digest 0000000000000000, 0 flaps, 0 pauses\n"
		"not ok 1 flap <&\">\n");
}

static void a_run_that_was_skipped_as_ktap(void **state)
{
	const char *page;

	(void)state;
	fail_it();
	record.verdict = STRESS_SKIPPED;
	assert_int_equal(stress_report_ktap(&record, out), 0);
	page = written();
	assert_has(page, "\nok 1 flap <&\"> # SKIP  1 is <pausing> \n");
	assert_lacks(page, "expected");
}

static void junit_tells_each_verdict(void **state)
{
	const char *page;

	(void)state;
	record.took_ns = 1500 * MS;
	assert_int_equal(stress_report_junit(&record, out), 0);
	fail_it();
	assert_int_equal(stress_report_junit(&record, out), 0);
	record.verdict = STRESS_BROKEN;
	assert_int_equal(stress_report_junit(&record, out), 0);
	record.verdict = STRESS_SKIPPED;
	assert_int_equal(stress_report_junit(&record, out), 0);
	page = written();
	assert_has(page, "failures=\"0\" errors=\"0\" skipped=\"0\" time=\"1.500\"");
	assert_has(page, "failures=\"1\" errors=\"0\" skipped=\"0\"");
	assert_has(page, "failures=\"0\" errors=\"1\" skipped=\"0\"");
	assert_has(page, "failures=\"0\" errors=\"0\" skipped=\"1\"");
	assert_has(page, "name=\"flap &lt;&amp;&quot;&gt;\" time=\"1.500\"");
	assert_has(page,
		   "<failure message=\"state(lan0) == detached\">a.scn:3:9: #1 is &lt;pausing&gt;");
	assert_has(page, "seed 7\nreplay: lwf-stress replay a.scn --seed 7</failure>");
	assert_has(page, "<skipped message=\"#1 is &lt;pausing&gt; \"/>");
}

/* Three runs of five are kept: two that passed, and one that failed. */
static void keep_cases(void)
{
	struct stress_case one = {.scenario = "flap", .file = "a.scn", .world = "sim", .seed = 9};

	fail_it();
	record.runs = 5;
	record.failed_runs = 1;
	stress_record_add_case(&record, &one);
	one = (struct stress_case){.scenario = "flap",
				   .file = "a.scn",
				   .world = "sim",
				   .seed = 7,
				   .verdict = STRESS_FAILED,
				   .failure = &record.failure,
				   .replay = record.replay};
	stress_record_add_case(&record, &one);
	one = (struct stress_case){
		.scenario = "storm", .file = "b.scn", .world = "live", .seed = 8};
	stress_record_add_case(&record, &one);
	stress_record_sort_cases(&record);
}

static void many_runs_are_many_cases(void **state)
{
	const char *page;

	(void)state;
	keep_cases();
	assert_int_equal(stress_report_ktap(&record, out), 0);
	assert_int_equal(stress_report_junit(&record, out), 0);
	page = written();
	assert_has(page, "KTAP version 1\n1..4\n# sim, 5 runs, 1 failed");
	assert_has(page, "# replay: lwf-stress replay a.scn --seed 7\nnot ok 1 flap seed 7\n"
			 "ok 2 flap seed 9\nok 3 storm seed 8\nok 4 and 2 more runs\n");
	assert_has(page, "tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"0\"");
	assert_has(page, "<testcase classname=\"b.scn\" name=\"storm seed 8\"");
}

static void cases_come_back_from_ndjson_and_are_joined(void **state)
{
	static struct stress_record back;
	struct stress_problem problem;
	struct stress_case one;
	FILE *in;

	(void)state;
	keep_cases();
	assert_int_equal(stress_record_write(&record, out), 0);
	written();
	in = fmemopen(text, text_bytes, "r");
	assert_non_null(in);
	stress_record_init(&back);
	assert_int_equal(stress_record_read(&back, in, &problem), 0);
	fclose(in);
	assert_int_equal(stress_record_cases(&back), 3);
	stress_record_merge(&back, &record);
	assert_int_equal(stress_record_cases(&back), 6);
	one = stress_record_case(&back, 0);
	assert_int_equal(one.seed, 7);
	assert_int_equal(one.verdict, STRESS_FAILED);
	assert_string_equal(one.failure->expected, record.failure.expected);
	assert_string_equal(one.replay, record.replay);
	one = stress_record_case(&back, 5);
	assert_string_equal(one.scenario, "storm");
	assert_string_equal(one.world, "live");
	assert_null(one.failure);
	stress_record_fini(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_lane_is_drawn_in_true_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(many_transitions_in_one_column_are_a_pile, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_fault_is_as_long_as_it_lasted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fault_ends_with_what_undoes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_that_are_out_are_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(latencies_are_bars, setup, teardown),
		cmocka_unit_test_setup_teardown(latencies_that_are_nowhere_are_no_bars, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_short_way_without_latencies_is_drawn, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_out_is_a_line_too, setup, teardown),
		cmocka_unit_test_setup_teardown(the_page_stands_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ledger_and_its_witness, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_passed_as_ktap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_failed_as_ktap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_was_skipped_as_ktap, setup, teardown),
		cmocka_unit_test_setup_teardown(junit_tells_each_verdict, setup, teardown),
		cmocka_unit_test_setup_teardown(many_runs_are_many_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(cases_come_back_from_ndjson_and_are_joined, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("stress_report", tests, NULL, NULL);
}
