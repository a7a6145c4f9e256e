/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_tables_test.c - the command line of lwfctl, and that tables and manual page tell the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl.h"

#define WORDS_MAX 16

static char words[512];

static int read_line(const char *text, struct ctl_line *line)
{
	char *argv[WORDS_MAX + 1], *rest = words, *word;
	int argc = 0;

	snprintf(words, sizeof(words), "%s", text);
	while ((word = strsep(&rest, " ")) && argc < WORDS_MAX)
		argv[argc++] = word;
	argv[argc] = NULL;
	return ctl_parse(argc, argv, line);
}

static void test_commands(void **state)
{
	struct ctl_line line;

	(void)state;
	assert_int_equal(read_line("lwfctl show", &line), -1);
	assert_int_equal(line.command, CTL_COMMAND_SHOW);
	assert_int_equal(line.operands, 0);
	assert_int_equal(read_line("lwfctl --json show eth1", &line), -1);
	assert_true(line.json);
	assert_string_equal(line.operand[0], "eth1");
	assert_int_equal(
		read_line("lwfctl filter insert eth1 hold:frames=3 --above monitor", &line), -1);
	assert_int_equal(line.command, CTL_COMMAND_INSERT);
	assert_string_equal(line.operand[1], "hold:frames=3");
	assert_string_equal(line.value[CTL_OPTION_ABOVE], "monitor");
	assert_int_equal(read_line("lwfctl wait eth1/inject --state PAUSED --timeout 2s", &line),
			 -1);
	assert_int_equal(read_line("lwfctl link eth1 carrier off --for 2s", &line), -1);
	assert_int_equal(line.operands, 3);
}

static void test_wrong_use(void **state)
{
	static const char *const lines[] = {
		"lwfctl",
		"lwfctl frobnicate",
		"lwfctl pause",
		"lwfctl pause eth1 extra",
		"lwfctl filter",
		"lwfctl filter frobnicate eth1",
		"lwfctl filter remove",
		"lwfctl show --nonsense",
		"lwfctl wait eth1 --state",
		"lwfctl pause eth1 --timeout 1s",
		"lwfctl link eth1 carrier",
		"lwfctl cleanup eth1",
	};
	struct ctl_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i]);
		assert_int_equal(read_line(lines[i], &line), 2);
	}
}

/* Words that are judged before the daemon is asked. */
static void test_wrong_words(void **state)
{
	static const char *const lines[] = {
		"lwfctl wait eth1 --state running --control /nowhere",
		"lwfctl wait eth1 --timeout 1s --control /nowhere",
		"lwfctl wait eth1 --state happy --timeout 1s --control /nowhere",
		"lwfctl wait eth1 --state running --timeout 5 --control /nowhere",
		"lwfctl wait eth1 --state running --timeout -1s --control /nowhere",
		"lwfctl filter remove eth1 --control /nowhere",
		"lwfctl filter set /x a=b --control /nowhere",
		"lwfctl filter insert eth1 x --above a --below b --control /nowhere",
		"lwfctl link eth1 colour off --control /nowhere",
		"lwfctl link eth1 carrier sideways --control /nowhere",
		"lwfctl link eth1 carrier on --for 1s --control /nowhere",
		"lwfctl link eth1 carrier off --for 3 --control /nowhere",
		"lwfctl watch --since soon --control /nowhere",
	};
	struct ctl_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		print_message("%s\n", lines[i]);
		assert_int_equal(read_line(lines[i], &line), -1);
		assert_int_equal(ctl_run(&line), 2);
	}
	assert_int_equal(read_line("lwfctl show --control /nowhere", &line), -1);
	assert_int_equal(ctl_run(&line), 3);
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

static void test_man_page(void **state)
{
	char *page = read_file(LWF_SOURCE_DIR "/docs/man/lwfctl.1.scd");
	char head[128];

	(void)state;
	for (unsigned i = 0; i < CTL_COMMANDS; i++) {
		const char *operands = ctl_commands[i].operands;

		snprintf(head, sizeof(head), "\n*%s*%s", ctl_commands[i].words,
			 operands[0] ? " " : "\n");
		if (!strstr(page, head))
			fail_msg("docs/man/lwfctl.1.scd has no paragraph%s", head);
	}
	for (unsigned i = 0; i < CTL_OPTIONS; i++) {
		const struct ctl_option *o = &ctl_options[i];

		snprintf(head, sizeof(head), o->argument ? "\n*--%s* _%s_\n" : "\n*--%s*\n",
			 o->name, o->argument);
		if (!strstr(page, head))
			fail_msg("docs/man/lwfctl.1.scd has no paragraph%s", head);
	}
	free(page);
}

static void test_help(void **state)
{
	char text[8192] = "";
	FILE *out = fmemopen(text, sizeof(text) - 1, "w");

	(void)state;
	ctl_help(out);
	fclose(out);
	for (unsigned i = 0; i < CTL_COMMANDS; i++)
		assert_non_null(strstr(text, ctl_commands[i].words));
	for (unsigned i = 0; i < CTL_OPTIONS; i++)
		assert_non_null(strstr(text, ctl_options[i].name));
	assert_non_null(strstr(text, "examples:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),    cmocka_unit_test(test_wrong_use),
		cmocka_unit_test(test_wrong_words), cmocka_unit_test(test_man_page),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
