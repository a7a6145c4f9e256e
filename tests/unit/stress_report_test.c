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
		"<rect class=f x=\"200.00\" width=\"1.00\" height=\"20\"><title>20 ms: client c1");
	assert_has(
		page,
		"<rect class=f x=\"400.00\" width=\"1.00\" height=\"20\"><title>40 ms: client c1");
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

static void ktap_of_three(void **state)
{
	(void)state;
	stress_report_ktap_begin(3, out);
	stress_report_ktap_case(&record, 1, out);
	fail_it();
	stress_report_ktap_case(&record, 2, out);
	record.verdict = STRESS_SKIPPED;
	stress_report_ktap_case(&record, 3, out);
	assert_int_equal(stress_report_ktap_end(3, 3, out), 0);
	assert_string_equal(
		written(),
		"KTAP version 1\n1..3\n"
		"ok 1 flap <&\"> sim seed 7\n"
		"# expected: state(lan0) == detached; found:  1 is <pausing>  (a.scn:3:9)\n"
		"# seed: 7\n"
		"# replay: lwf-stress replay a.scn --seed 7\n"
		"not ok 2 flap <&\"> sim seed 7\n"
		"ok 3 flap <&\"> sim seed 7 # SKIP  1 is <pausing> \n");
}

static void ktap_tells_an_unknown_count_last(void **state)
{
	(void)state;
	stress_report_ktap_begin(0, out);
	stress_report_ktap_case(&record, 1, out);
	stress_report_ktap_end(0, 1, out);
	assert_string_equal(written(), "KTAP version 1\nok 1 flap <&\"> sim seed 7\n1..1\n");
}

static void junit_of_three(void **state)
{
	static struct stress_record failed, broken;
	const struct stress_record *all[] = {&record, &failed, &broken};
	const char *page;

	(void)state;
	record.took_ns = 1500 * MS;
	fail_it();
	failed = record;
	record.verdict = STRESS_BROKEN;
	broken = record;
	record.verdict = STRESS_PASSED;
	assert_int_equal(stress_report_junit(all, 3, out), 0);
	page = written();
	assert_has(page, "tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\" time=\"4.500\"");
	assert_has(page, "<testcase classname=\"flap &lt;&amp;&quot;&gt;\" name=\"sim seed 7\" "
			 "time=\"1.500\"/>");
	assert_has(page,
		   "<failure message=\"state(lan0) == detached\">a.scn:3:9: #1 is &lt;pausing&gt;");
	assert_has(page, "seed 7\nreplay: lwf-stress replay a.scn --seed 7</failure>");
	assert_has(page, "</error>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_lane_is_drawn_in_true_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(many_transitions_in_one_column_are_a_pile, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_fault_is_as_long_as_it_lasted, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_that_are_out_are_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(latencies_are_bars, setup, teardown),
		cmocka_unit_test_setup_teardown(the_page_stands_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ledger_and_its_witness, setup, teardown),
		cmocka_unit_test_setup_teardown(ktap_of_three, setup, teardown),
		cmocka_unit_test_setup_teardown(ktap_tells_an_unknown_count_last, setup, teardown),
		cmocka_unit_test_setup_teardown(junit_of_three, setup, teardown),
	};

	return cmocka_run_group_tests_name("stress_report", tests, NULL, NULL);
}
