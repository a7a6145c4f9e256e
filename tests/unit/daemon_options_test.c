/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon_options_test.c - the command line of lwfd: what is understood, what is refused, and that
 * the table, --help and the manual page tell the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

#define WORDS_MAX 24

static struct lwf_config config;

/* Reads a command line of words. Returns what lwf_daemon_options_read() does. */
static int read_line(const char *line)
{
	char copy[512];
	char *argv[WORDS_MAX + 1], *rest = copy, *word;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")) && argc < WORDS_MAX)
		argv[argc++] = word;
	argv[argc] = NULL;
	return lwf_daemon_options_read(argc, argv, &config);
}

static void test_short_form(void **state)
{
	(void)state;
	assert_int_equal(read_line("lwfd --nic eth1 --tap lwf0"), -1);
	assert_int_equal(config.lower.kind, LWF_EDGE_NIC);
	assert_string_equal(config.lower.name, "eth1");
	assert_int_equal(config.upper.kind, LWF_EDGE_TAP);
	assert_string_equal(config.upper.name, "lwf0");
	assert_string_equal(config.stack, "eth1");
	assert_int_equal(config.filter_count, 2);
	assert_string_equal(config.filters[0], "inject");
	assert_string_equal(config.filters[1], "monitor");
	assert_int_equal(config.log_level, LWF_LOG_INFO);
	assert_int_equal(config.profile, LWF_PROFILE_STRICT);
	assert_false(config.takeover || config.share || config.wait_nic || config.json);
}

static void test_long_form(void **state)
{
	(void)state;
	assert_int_equal(read_line("lwfd --upper tap:lwf0,netns=lab --lower "
				   "nic:eth1,qdisc=kernel,netns=lab --stack one --takeover "
				   "--wait-nic --json --control x/y --log-level Debug "
				   "--profile npcap"),
			 -1);
	assert_true(config.lower.qdisc_kernel);
	assert_string_equal(config.lower.netns, "lab");
	assert_string_equal(config.upper.netns, "lab");
	assert_string_equal(config.stack, "one");
	assert_true(config.takeover && config.wait_nic && config.json);
	assert_int_equal(config.control[0], '/');
	assert_non_null(strstr(config.control, "/x/y"));
	assert_int_equal(config.log_level, LWF_LOG_DEBUG);
	assert_int_equal(config.profile, LWF_PROFILE_NPCAP);
}

static void test_pcap_and_none(void **state)
{
	(void)state;
	assert_int_equal(read_line("lwfd --lower pcap:in.pcap:out.pcap --upper tap:lwf0"), -1);
	assert_string_equal(config.lower.in, "in.pcap");
	assert_string_equal(config.lower.out, "out.pcap");
	assert_string_equal(config.stack, "lwf0");
	assert_int_equal(read_line("lwfd --lower pcap:in.pcap --upper none --stack x"), -1);
	assert_string_equal(config.lower.out, "");
	assert_int_equal(config.upper.kind, LWF_EDGE_NONE);
}

static void test_filters_stand_below(void **state)
{
	(void)state;
	assert_int_equal(read_line("lwfd --nic e --tap t --filter hold:frames=3 --filter monitor"),
			 -1);
	assert_int_equal(config.filter_count, 4);
	assert_string_equal(config.filters[2], "hold:frames=3");
	assert_string_equal(config.filters[3], "monitor");
	assert_int_equal(read_line("lwfd --nic e --tap t --filter hold --no-default-filters"), -1);
	assert_int_equal(config.filter_count, 1);
	assert_string_equal(config.filters[0], "hold");
}

static void test_wrong_use(void **state)
{
	static const char *const lines[] = {
		"lwfd",
		"lwfd --nic eth1",
		"lwfd --tap lwf0",
		"lwfd --nic eth1 --tap lwf0 extra",
		"lwfd --nic eth1 --tap lwf0 --nonsense",
		"lwfd --nic eth1 --tap",
		"lwfd --nic eth1 --tap eth1",
		"lwfd --nic eth1 --tap lwf0 --takeover --share",
		"lwfd --nic eth1 --upper none --takeover",
		"lwfd --lower pcap:a --upper tap:t --takeover",
		"lwfd --lower pcap:a --upper tap:t --wait-nic",
		"lwfd --lower pcap:a --upper none",
		"lwfd --lower nic:e,netns=a --upper tap:t --takeover",
		"lwfd --lower tap:e --upper tap:t",
		"lwfd --lower nic:e --upper nic:t",
		"lwfd --lower wire:e --upper tap:t",
		"lwfd --lower nic: --upper tap:t",
		"lwfd --lower nic:e,colour=red --upper tap:t",
		"lwfd --lower nic:e,qdisc=fast --upper tap:t",
		"lwfd --lower nic:e --upper tap:t,qdisc=kernel",
		"lwfd --lower nic:e,netns= --upper tap:t",
		"lwfd --lower pcap: --upper tap:t",
		"lwfd --lower pcap::out --upper tap:t",
		"lwfd --lower pcap:in: --upper tap:t",
		"lwfd --nic a-name-much-too-long --tap t",
		"lwfd --nic e/f --tap t",
		"lwfd --nic .. --tap t",
		"lwfd --nic e --nic f --tap t",
		"lwfd --nic e,netns=x --tap t",
		"lwfd --nic e --tap t --log-level loud",
		"lwfd --nic e --tap t --profile loose",
		"lwfd --nic e --tap t --group no-such-group-here",
		"lwfd --nic e --tap t --stack a-name-of-a-stack-that-is-too-long-for-one",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i]);
		assert_int_equal(read_line(lines[i]), 2);
	}
}

static void test_too_many_filters(void **state)
{
	char line[512] = "lwfd --nic e --tap t";

	(void)state;
	for (unsigned i = 0; i < LWF_STACK_MODULES_MAX - 1; i++)
		strcat(line, " --filter x");
	assert_int_equal(read_line(line), 2);
}

static void test_edges_print_as_they_are_read(void **state)
{
	static const char *const specs[] = {"nic:eth1",	     "nic:eth1,netns=a,qdisc=kernel",
					    "tap:t,netns=a", "pcap:a:b",
					    "pcap:a",	     "none"};
	struct lwf_edge_config edge;
	char error[256], text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(lwf_edge_config_parse(specs[i], &edge, error, sizeof(error)), 0);
		lwf_edge_config_print(&edge, text, sizeof(text));
		assert_string_equal(text, specs[i]);
	}
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* Each option stands in the page as the head of a paragraph, with its argument or without one. */
static void test_man_page(void **state)
{
	char *page = read_file(LWF_SOURCE_DIR "/docs/man/lwfd.8.scd");
	char head[128];

	(void)state;
	for (const struct lwf_daemon_option *o = lwf_daemon_options; o->name; o++) {
		snprintf(head, sizeof(head), o->argument ? "\n*--%s* _%s_\n" : "\n*--%s*\n",
			 o->name, o->argument);
		if (!strstr(page, head))
			fail_msg("docs/man/lwfd.8.scd has no paragraph%s", head);
	}
	free(page);
}

static void test_help(void **state)
{
	char text[8192] = "";
	FILE *out = fmemopen(text, sizeof(text) - 1, "w");

	(void)state;
	lwf_daemon_help(out);
	fclose(out);
	for (const struct lwf_daemon_option *o = lwf_daemon_options; o->name; o++) {
		assert_non_null(strstr(text, o->name));
		assert_true(strlen(o->help) <= 80);
	}
	assert_non_null(strstr(text, "examples:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_form),
		cmocka_unit_test(test_long_form),
		cmocka_unit_test(test_pcap_and_none),
		cmocka_unit_test(test_filters_stand_below),
		cmocka_unit_test(test_wrong_use),
		cmocka_unit_test(test_too_many_filters),
		cmocka_unit_test(test_edges_print_as_they_are_read),
		cmocka_unit_test(test_man_page),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
