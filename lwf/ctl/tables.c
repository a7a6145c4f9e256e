/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.c - lwfctl's command line, by the tables of commands.def.h.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ctl.h"

#define SEE_HELP "see lwfctl --help"

const struct ctl_command ctl_commands[CTL_COMMANDS] = {
#define COMMAND(symbol, words, operands, fewest, most, options, help) \
	[CTL_COMMAND_##symbol] = {words, operands, fewest, most, (options) | CTL_OF_ALL, help},
#include "commands.def.h"
#undef COMMAND
};

const struct ctl_option ctl_options[CTL_OPTIONS] = {
#define OPTION(symbol, name, argument, help) {name, argument, help},
#include "commands.def.h"
#undef OPTION
};

static const char *const examples[][2] = {
	{"lwfctl show", "everything at a glance"},
	{"lwfctl pause eth1 && lwfctl restart eth1", "nothing is sent in between"},
	{"lwfctl wait eth1 --state running --timeout 5s", "124 when it takes longer"},
	{"lwfctl link eth1 carrier off --for 2s", "a loss of carrier that heals by itself"},
	{"lwfctl filter insert eth1 monitor --above monitor", "one more module"},
	{"lwfctl flows --only protocol=tcp --sort age", "connections, the youngest first"},
	{"lwfctl verdict check home.rules && lwfctl verdict reload", "other rules from now on"},
	{"lwfctl explain \"tcp 10.0.0.5:1 -> 192.0.2.1:443\"", "which rule would decide, and why"},
	{"lwfctl verdict ask", "decide yourself about what the rules leave open"},
	{"lwfctl verdict serve -- python3 decide.py", "or let a program decide"},
	{"lwfctl watch --json | jq .text", "for programs"},
};

void ctl_help(FILE *out)
{
	char left[64];

	fprintf(out, "usage: lwfctl COMMAND [operand...] [option...]\n"
		     "\nSteers and shows the stacks of lwfd.\n\ncommands:\n");
	for (unsigned i = 0; i < CTL_COMMANDS; i++) {
		const struct ctl_command *c = &ctl_commands[i];

		snprintf(left, sizeof(left), "%s %s", c->words, c->operands);
		fprintf(out, "  %s\n      %s\n", left, c->help);
	}
	fprintf(out, "\noptions:\n");
	for (unsigned i = 0; i < CTL_OPTIONS; i++) {
		const struct ctl_option *o = &ctl_options[i];

		snprintf(left, sizeof(left), "--%s %s", o->name, o->argument ? o->argument : "");
		fprintf(out, "  %-18s %s\n", left, o->help);
	}
	fprintf(out, "\nexamples:\n");
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		fprintf(out, "  %-52s %s\n", examples[i][0], examples[i][1]);
	fprintf(out, "\nexit codes: 0 ok, 2 usage, 3 no daemon, 4 not permitted, 5 no such object, "
		     "6 refused by its state, 124 timed out\n");
}

static int usage(const char *what, const char *why)
{
	return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, what, SEE_HELP, "%s", why);
}

/* How many words of @argv are the words of @command; 0 when they are not. */
static int match(const struct ctl_command *command, int argc, char **argv)
{
	const char *space = strchr(command->words, ' ');
	size_t len = space ? (size_t)(space - command->words) : strlen(command->words);

	if (argc < 1 || strlen(argv[0]) != len || strncmp(argv[0], command->words, len) != 0)
		return 0;
	if (!space)
		return 1;
	return argc > 1 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

/* Finds the command; on failure says what is wrong and returns -1. */
static int find_command(int argc, char **argv, struct ctl_line *line)
{
	if (argc == 0) {
		usage("command", "it is missing");
		return -1;
	}
	for (unsigned i = 0; i < CTL_COMMANDS; i++) {
		int words = match(&ctl_commands[i], argc, argv);

		if (words) {
			line->command = (enum ctl_command_id)i;
			return words;
		}
	}
	if (!strcmp(argv[0], "filter"))
		usage(argc > 1 ? argv[1] : "filter",
		      "use filter insert, filter remove or filter set");
	else if (!strcmp(argv[0], "verdict"))
		usage(argc > 1 ? argv[1] : "verdict",
		      "use verdict show, serve, ask, check or reload");
	else
		usage(argv[0], "there is no such command");
	return -1;
}

static int take_operands(int argc, char **argv, struct ctl_line *line)
{
	const struct ctl_command *command = &ctl_commands[line->command];
	char option[32];

	if (command->most == CTL_ANY) {
		line->rest = argv;
		line->operands = (unsigned)argc;
		argc = 0;
	}
	for (int i = 0; i < argc; i++) {
		if (line->operands == command->most)
			return usage(argv[i], "one operand too many");
		if (!argv[i][0])
			return usage(command->words, "an operand is empty");
		line->operand[line->operands++] = argv[i];
	}
	if (line->operands < command->fewest)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, command->words, SEE_HELP,
				    "an operand is missing: %s %s", command->words,
				    command->operands);
	for (unsigned i = 0; i < CTL_OPTIONS; i++) {
		if (!line->value[i] || command->options & 1u << i)
			continue;
		snprintf(option, sizeof(option), "--%s", ctl_options[i].name);
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, option, SEE_HELP,
				    "it does not go with %s", command->words);
	}
	return -1;
}

int ctl_parse(int argc, char **argv, struct ctl_line *line)
{
	struct option longs[CTL_OPTIONS + 1];
	int got, words;

	memset(line, 0, sizeof(*line));
	memset(longs, 0, sizeof(longs));
	for (int i = 0; i < CTL_OPTIONS; i++) {
		longs[i].name = ctl_options[i].name;
		longs[i].has_arg = ctl_options[i].argument ? required_argument : no_argument;
		longs[i].val = i + 256;
	}
	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (got == '?' || got == ':')
			return lwf_cli_bad_option(CTL_PROGRAM, got, argv);
		line->value[got - 256] = optarg ? optarg : "";
	}
	line->json = line->value[CTL_OPTION_JSON] != NULL;
	if (line->value[CTL_OPTION_HELP]) {
		ctl_help(stdout);
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	}
	if (line->value[CTL_OPTION_VERSION])
		return lwf_cli_version(CTL_PROGRAM, line->json);
	words = find_command(argc - optind, argv + optind, line);
	if (words < 0)
		return LWF_EXIT_USAGE;
	return take_operands(argc - optind - words, argv + optind + words, line);
}
