/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_run_test.c - what a run hands over, and when: it waits for the answers that the timing asks for, and for no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "inject_run.h"

#define MS 1000000ull

static char path[] = "/tmp/lwf-run-test-XXXXXX";
static struct inject_options options;
static struct inject_source *source;
static struct inject_run run;

/* A capture with a frame at each of these times. */
static void make_run(enum inject_pace_kind kind, uint64_t loops, const uint64_t *stamps_ns,
		     uint32_t count)
{
	pcap_t *dead =
		pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *out = pcap_dump_open(dead, path);
	const u_char frame[60] = {2};
	struct lwf_error error;

	assert_non_null(out);
	for (uint32_t i = 0; i < count; i++) {
		const struct pcap_pkthdr header = {
			.ts = {(time_t)(stamps_ns[i] / 1000000000),
			       (suseconds_t)(stamps_ns[i] % 1000000000)},
			.caplen = sizeof(frame),
			.len = sizeof(frame),
		};

		pcap_dump((u_char *)out, &header, frame);
	}
	pcap_dump_close(out);
	pcap_close(dead);
	options = (struct inject_options){
		.file = path, .limit = UINT64_MAX, .pace = {.kind = kind, .speed = 1.0}};
	assert_int_equal(inject_source_open(path, NULL, loops, NULL, &source, &error), 0);
	inject_run_init(&run, &options, source);
}

static int end_run(void **state)
{
	(void)state;
	inject_source_close(source);
	source = NULL;
	return unlink(path);
}

static int begin_run(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/lwf-run-test-XXXXXX");
	return close(mkstemp(path));
}

/* Asks what is due and hands it over. */
static enum inject_due hand_over(uint64_t now_ns, uint32_t *count, uint64_t *due_ns)
{
	struct inject_record records[8];
	enum inject_due due = inject_run_due(&run, now_ns, records, 8, count, due_ns);

	if (*count)
		inject_run_handed(&run, records, *count);
	return due;
}

static bool answer(void)
{
	const struct inject_answer success = {LWF_STATUS_SUCCESS, LWF_REASON_NONE, false, 0, 1, 60};

	return inject_run_answered(&run, &success);
}

static void the_second_waits_for_the_first_ones_answer(void **state)
{
	const uint64_t stamps_ns[] = {0, 0, 0};
	uint64_t due_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_GAPS, 1, stamps_ns, 3);
	assert_int_equal(hand_over(inject_now_ns(), &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 1);
	assert_int_equal(hand_over(inject_now_ns(), &count, &due_ns), INJECT_DUE_ANSWERS);
	assert_int_equal(count, 0);
	assert_true(due_ns > inject_now_ns());
	assert_true(answer());
	assert_int_equal(hand_over(inject_now_ns(), &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 2);
	assert_false(answer());
	assert_int_equal(run.lateness.count, 2);
}

static void topspeed_waits_for_nobody(void **state)
{
	const uint64_t stamps_ns[] = {0, 5000 * MS, 0};
	uint64_t due_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_TOPSPEED, 2, stamps_ns, 3);
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 6);
	assert_false(answer());
	assert_int_equal(run.lateness.count, 0);
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_NEVER);
}

static void a_duration_ends_it(void **state)
{
	const uint64_t stamps_ns[] = {0, 3000 * MS};
	uint64_t due_ns, end_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_GAPS, 0, stamps_ns, 2);
	options.duration_ns = 4000 * MS;
	hand_over(inject_now_ns(), &count, &due_ns);
	answer();
	end_ns = run.start_ns + 4000 * MS;
	assert_int_equal(hand_over(inject_now_ns(), &count, &due_ns), INJECT_DUE_LATER);
	assert_true(due_ns < end_ns);
	assert_int_equal(hand_over(due_ns, &count, &due_ns), INJECT_DUE_NOW);
	/* the next one would be due in the seventh second: woken at the end, and no sooner over */
	assert_int_equal(hand_over(end_ns - 1, &count, &due_ns), INJECT_DUE_LATER);
	assert_int_equal(due_ns, end_ns);
	assert_int_equal(hand_over(end_ns, &count, &due_ns), INJECT_DUE_NEVER);
	assert_int_equal(run.handed, 2);
}

static void a_queue_ends_with_all_its_answers(void **state)
{
	const uint64_t stamps_ns[] = {7 * MS, 5000 * MS, 6 * MS};
	uint64_t due_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_NPCAP_NOSYNC, 2, stamps_ns, 3);
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 3); /* of the first pass only */
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_ANSWERS);
	assert_false(answer());
	assert_false(answer());
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_ANSWERS);
	assert_true(answer());
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 3);
	assert_int_equal(hand_over(1, &count, &due_ns), INJECT_DUE_NEVER);
	assert_int_equal(run.lateness.count, 0); /* nothing had a time */
}

static void a_long_gap_waits_for_answers_and_goes_on(void **state)
{
	const uint64_t stamps_ns[] = {0, 3000 * MS};
	uint64_t due_ns, start_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_NPCAP, 1, stamps_ns, 2);
	start_ns = inject_now_ns();
	hand_over(start_ns, &count, &due_ns);
	assert_int_equal(count, 1);
	/* five seconds later the answer is still not there */
	assert_int_equal(hand_over(start_ns + 5000 * MS, &count, &due_ns), INJECT_DUE_ANSWERS);
	assert_int_equal(due_ns, INJECT_FOREVER_NS);
	assert_true(answer());
	assert_int_equal(hand_over(start_ns + 1 * MS, &count, &due_ns), INJECT_DUE_LATER);
	assert_true(due_ns >= start_ns + 3000 * MS);
	assert_int_equal(run.pace.splits, 1);
	assert_int_equal(hand_over(due_ns, &count, &due_ns), INJECT_DUE_NOW);
	assert_int_equal(count, 1);
	assert_int_equal(run.fault.exit, LWF_EXIT_OK);
}

static void a_time_that_runs_back_ends_it(void **state)
{
	const uint64_t stamps_ns[] = {10 * MS, 10 * MS, 8 * MS, 20 * MS};
	uint64_t due_ns;
	uint32_t count;

	(void)state;
	make_run(INJECT_PACE_NPCAP, 1, stamps_ns, 4);
	hand_over(inject_now_ns(), &count, &due_ns);
	answer();
	hand_over(inject_now_ns(), &count, &due_ns);
	assert_int_equal(count, 1);
	assert_int_equal(hand_over(inject_now_ns(), &count, &due_ns), INJECT_DUE_NEVER);
	assert_int_equal(run.handed, 2);
	assert_int_equal(run.fault.exit, LWF_EXIT_USAGE);
	assert_non_null(strstr(run.fault.why, "record 3"));
	assert_non_null(strstr(run.fault.why, "2000 us"));
	assert_non_null(strstr(run.fault.why, "ERROR_INVALID_TIME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_second_waits_for_the_first_ones_answer,
						begin_run, end_run),
		cmocka_unit_test_setup_teardown(topspeed_waits_for_nobody, begin_run, end_run),
		cmocka_unit_test_setup_teardown(a_duration_ends_it, begin_run, end_run),
		cmocka_unit_test_setup_teardown(a_queue_ends_with_all_its_answers, begin_run,
						end_run),
		cmocka_unit_test_setup_teardown(a_long_gap_waits_for_answers_and_goes_on, begin_run,
						end_run),
		cmocka_unit_test_setup_teardown(a_time_that_runs_back_ends_it, begin_run, end_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
