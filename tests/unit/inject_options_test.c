/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_options_test.c - the command line of lwf-inject: options before and after operands, what is
 * refused with exit code 2, and the account that a run keeps.
 */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "inject_run.h"

/* Reads "a b c" as a command line. Returns the exit code, or -1 to go on. */
static int read_line(const char *line, struct inject_options *options)
{
	static char text[512];
	char *argv[32] = {(char *)(uintptr_t) "lwf-inject"};
	int argc = 1, code = -1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0; /* begin anew */
	return inject_options_read(argc, argv, options, &code) ? -1 : code;
}

static void good_lines(void **state)
{
	struct inject_options options;

	(void)state;
	assert_int_equal(read_line("eth1 a.pcap", &options), -1);
	assert_string_equal(options.stack, "eth1");
	assert_string_equal(options.file, "a.pcap");
	assert_int_equal(options.loops, 1);
	assert_true(options.limit == UINT64_MAX);
	assert_int_equal(options.pace.kind, INJECT_PACE_GAPS);
	assert_false(options.receive || options.json || options.wait_when_paused);

	assert_int_equal(read_line("--json eth1 --loop 0 - --limit 10k --direction receive "
				   "--when-paused wait --rate 20kpps --send-truncated",
				   &options),
			 -1);
	assert_string_equal(options.file, "-");
	assert_true(options.receive && options.json && options.wait_when_paused);
	assert_true(options.send_truncated);
	assert_int_equal(options.loops, 0);
	assert_int_equal(options.limit, 10000);
	assert_int_equal(options.pace.kind, INJECT_PACE_RATE);

	assert_int_equal(read_line("a.pcap --nic eth1 --topspeed", &options), -1);
	assert_string_equal(options.nic, "eth1");
	assert_null(options.stack);
	assert_int_equal(options.pace.kind, INJECT_PACE_TOPSPEED);

	assert_int_equal(read_line("eth1 a.pcap --speed 10x --control /x", &options), -1);
	assert_true(options.pace.speed > 9.99 && options.pace.speed < 10.01);
	assert_string_equal(options.control, "/x");

	assert_int_equal(read_line("eth1 a.pcap --src-mac 02:00:00:00:00:01 --push-vlan 7 "
				   "--map-ip 10.0.0.0/8=11.0.0.0/8 --map-ip ::1=::2",
				   &options),
			 -1);
	assert_true(options.rewrite.sets_src && options.rewrite.vlan == 7 &&
		    options.rewrite.pushes);
	assert_true(!options.rewrite.pops && !options.rewrite.sets_dst);
	assert_int_equal(options.rewrite.map_count, 2);

	assert_int_equal(read_line("eth1 a.pcap --timing npcap", &options), -1);
	assert_int_equal(options.pace.kind, INJECT_PACE_NPCAP);
	assert_int_equal(read_line("eth1 a.pcap --timing npcap-nosync", &options), -1);
	assert_int_equal(options.pace.kind, INJECT_PACE_NPCAP_NOSYNC);

	assert_int_equal(read_line("eth1 a.pcap --max-gap 2s --speed 2 --duration 10s", &options),
			 -1);
	assert_true(options.pace.max_gap_ns == 2000000000 && options.duration_ns == 10000000000);

	assert_int_equal(read_line("eth1 --template eth", &options), -1);
	assert_int_equal(options.pace.kind, INJECT_PACE_TOPSPEED);
	assert_int_equal(read_line("eth1 --template eth --rate 1pps", &options), -1);
	assert_int_equal(options.pace.kind, INJECT_PACE_RATE);

	assert_int_equal(read_line("--verify eth0", &options), -1);
	assert_string_equal(options.verify, "eth0");
	assert_true(!options.has_seed && !options.for_ns && !options.idle_ns);
	assert_int_equal(read_line("--seed 7 --for 10s --idle 200ms --limit 5 --json --verify eth0",
				   &options),
			 -1);
	assert_true(options.has_seed && options.seed == 7 && options.limit == 5);
	assert_true(options.for_ns == 10000000000 && options.idle_ns == 200000000);
}

static void bad_lines(void **state)
{
	static const char *const lines[] = {
		"",
		"eth1",
		"eth1 a.pcap more",
		"--nic eth1",
		"--nic eth1 stack a.pcap",
		"--nic eth1 a.pcap --direction receive",
		"eth1 a.pcap --direction up",
		"eth1 a.pcap --when-paused maybe",
		"eth1 a.pcap --rate 20",
		"eth1 a.pcap --rate 0pps",
		"eth1 a.pcap --rate",
		"eth1 a.pcap --speed 0",
		"eth1 a.pcap --speed fast",
		"eth1 a.pcap --rate 1pps --topspeed",
		"eth1 a.pcap --speed 2 --rate 1pps",
		"eth1 a.pcap --timing winpcap",
		"eth1 a.pcap --timing npcap --rate 1pps",
		"eth1 --template eth --timing npcap",
		"--verify eth0 --timing npcap",
		"eth1 a.pcap --max-gap 2s --topspeed",
		"eth1 a.pcap --rate 1pps --max-gap 2s",
		"eth1 a.pcap --max-gap 0",
		"eth1 a.pcap --duration 10",
		"--verify eth0 --duration 10s",
		"eth1 a.pcap --loop -1",
		"eth1 a.pcap --loop many",
		"eth1 a.pcap --limit 0",
		"eth1 a.pcap --limit 1.5",
		"eth1 a.pcap --src-mac 02:00",
		"eth1 a.pcap --dst-mac x",
		"eth1 a.pcap --push-vlan 4096",
		"eth1 a.pcap --map-ip 10.0.0.0/8",
		"eth1 --template eth --pop-vlan",
		"--verify eth0 --pop-vlan",
		"eth1 a.pcap --seed 1",
		"eth1 a.pcap --for 1s",
		"eth1 a.pcap --idle 1s",
		"--verify",
		"--verify eth0 a.pcap",
		"--verify eth0 --topspeed",
		"--verify eth0 --nic eth1",
		"--verify eth0 --template eth",
		"--verify eth0 --seed x",
		"--verify eth0 --seed -1",
		"--verify eth0 --for 10",
		"--verify eth0 --idle 0",
		"eth1 a.pcap --frobnicate",
		"eth1 a.pcap -x",
		"eth1 a.pcap --json=yes",
	};
	struct inject_options options;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (read_line(lines[i], &options) != LWF_EXIT_USAGE)
			fail_msg("'%s' was not refused", lines[i]);
	}
}

static void answers_are_counted_once(void **state)
{
	static const struct inject_answer answers[] = {
		{LWF_STATUS_SUCCESS, LWF_REASON_NONE, false, 0, 44, 64000},
		{LWF_STATUS_SUCCESS, LWF_REASON_NONE, false, 0, 1, 60},
		{LWF_STATUS_PAUSED, LWF_REASON_NOT_RUNNING, true, 0, 0, 0},
		{LWF_STATUS_PAUSED, LWF_REASON_DISABLED, false, 0, 0, 0},
		{LWF_STATUS_FAILURE, LWF_REASON_DEVICE, false, 5, 0, 0},
		{0x12345678, LWF_REASON_NONE, false, 0, 9, 9}, /* no answer we know */
	};
	struct inject_options options;
	struct inject_run run;

	(void)state;
	assert_int_equal(read_line("eth1 a.pcap", &options), -1);
	inject_run_init(&run, &options, NULL);
	run.ledger.submitted = 6;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		inject_run_answered(&run, &answers[i]);
	assert_int_equal(lwf_ledger_outstanding(&run.ledger), 0);
	assert_int_equal(run.ledger.sent, 2);
	assert_int_equal(run.ledger.frames, 45);
	assert_int_equal(run.ledger.bytes, 64060);
	assert_int_equal(run.ledger.refused[LWF_ANSWER_PAUSED], 1);
	assert_int_equal(run.ledger.completed[LWF_ANSWER_PAUSED], 1);
	assert_int_equal(run.ledger.completed[LWF_ANSWER_FAILURE], 2);
	assert_int_equal(run.last_error, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(answers_are_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
