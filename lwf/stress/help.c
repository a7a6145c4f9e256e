/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * help.c - what --help prints: of all commands, or of the one that is named with it.
 *
 * All of it comes from the tables of stress.h and vocabulary.h, so that a word that is there is told.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "stress.h"

#define LEFT_BYTES 48

static const struct {
	const char *name, *operands;
	uint32_t options;
	const char *help;
} commands[] = {
#define X(name, operands, fewest, most, options, help) {#name, operands, options, help},
	STRESS_COMMAND_LIST(X)
#undef X
};

static const struct {
	const char *name, *argument, *help;
} options[] = {
#define X(sym, name, argument, help) {name, argument, help},
	STRESS_OPTION_LIST(X)
#undef X
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct {
	const char *command, *line;
} examples[] = {
	{"check", "check scripts/scenarios/*.scn"},
	{"run", "run scripts/scenarios/linkdown-storm.scn --seed 42"},
	{"run", "run my.scn --seed random --for 10m --jobs 4 --json"},
	{"run", "run my.scn --live --report run.html"},
	{"run", "run my.scn --on eth1"},
	{"replay", "replay my.scn --seed 1234 --trace 2> trace.txt"},
	{"replay", "replay run.ndjson"},
	{"shrink", "shrink my.scn --seed 1234 --output small.scn"},
	{"fault", "fault eth1 link down --for 2s"},
	{"fault", "fault eth1.upper device delete --for 500ms"},
	{"fault", "fault eth1 client lwf-inject stop --for 1s"},
	{"fault", "fault eth1 daemon restart"},
	{"fault", "fault eth1 send error ENOBUFS --for 2s"},
	{"start", "start lwfd ..."},
	{"merge", "merge monday.ndjson tuesday.ndjson --report both.html"},
};

static void print_options(uint32_t taken)
{
	for (unsigned i = 0; i < STRESS_OPTIONS; i++) {
		char left[LEFT_BYTES];

		if (!(taken & 1u << i))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", options[i].name,
			 options[i].argument ? " " : "",
			 options[i].argument ? options[i].argument : "");
		printf("  %-22s %s\n", left, options[i].help);
	}
}

static void print_examples(const char *command)
{
	printf("\nexamples:\n");
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (!command || strcmp(examples[i].command, command) == 0)
			printf("  %s %s\n", STRESS_PROGRAM, examples[i].line);
}

/* ---- where the language is told ---- */

static void print_language(void)
{
	static const char *const places[] = {LWF_STRESS_PAGES "/scenarios.md",
					     "../../../docs/scenarios.md"};
	char path[PATH_MAX], found[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) / 2);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	snprintf(found, sizeof(found), "docs/scenarios.md");
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(slash + 1, sizeof(path) / 2, "%s", places[i]);
		if (realpath(path, found))
			break;
		snprintf(found, sizeof(found), "docs/scenarios.md of the source");
	}
	printf("\nthe language of scenarios: %s\n", found);
}

/* ---- faults ---- */

static const char *parameter_of(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_MAC:
		return " MAC";
	case STRESS_FAULT_SEND_ERROR:
		return " ERRNO";
	case STRESS_FAULT_CLIENT_KILL:
	case STRESS_FAULT_CLIENT_STOP:
	case STRESS_FAULT_CLIENT_CONTINUE:
		return " [CLIENT]";
	default:
		break;
	}
	switch (stress_fault_row(fault)->parameter) {
	case STRESS_TAKES_COUNT:
		return " N";
	case STRESS_TAKES_DURATION:
		return " TIME";
	case STRESS_TAKES_SIGNED_DURATION:
		return " [+|-]TIME";
	case STRESS_TAKES_WORD:
		return " NAME";
	default:
		return "";
	}
}

static const char *undone_by(enum stress_fault fault, char *text, size_t bytes)
{
	enum stress_fault undo = stress_fault_row(fault)->undo;

	if (!stress_fault_is_undone(fault))
		return fault == STRESS_FAULT_CLIENT_KILL ? "by nothing" : "-";
	if (undo == fault || undo == STRESS_FAULT_NONE || fault_is_of_runs(undo))
		return "all is as it was";
	snprintf(text, bytes, "%s%s", stress_fault_gives(fault) ? "--for: " : "",
		 stress_fault_row(undo)->words);
	return text;
}

static void print_fault(const char *words, const char *parameter, const char *undone,
			const char *what, bool lie)
{
	char left[LEFT_BYTES];

	snprintf(left, sizeof(left), "%s%s%s", words, parameter, lie ? " *" : "");
	printf("  %-25s %-23s %s\n", left, undone, what);
}

static void print_faults(void)
{
	char text[LEFT_BYTES];

	printf("\nSTACK is a stack of a running lwfd, or STACK.upper for its TAP. WORDS are:\n\n");
	print_fault("WORDS [PARAMETER]", "", "undone", "what happens", false);
	for (unsigned i = 0; i < STRESS_FAULT_NONE; i++) {
		enum stress_fault fault = (enum stress_fault)i;

		if (!fault_is_of_runs(fault))
			print_fault(stress_fault_row(fault)->words, parameter_of(fault),
				    undone_by(fault, text, sizeof(text)),
				    stress_fault_row(fault)->text, fault_is_lie(fault));
	}
	print_fault("daemon restart", "", "-", "SIGTERM, and it is started again", false);
	printf("\nA fault that takes something away is undone after --for TIME, at ^C, and when %s "
	       "is\n"
	       "killed; what could not be undone is refused before anything is done.\n"
	       "*: done by a library, to a daemon that '%s start lwfd ...' has started.\n",
	       STRESS_PROGRAM, STRESS_PROGRAM);
}

/* ---- all ---- */

static void print_all(void)
{
	uint32_t taken = STRESS_TAKES_ALWAYS;

	printf("usage: %s COMMAND [options] FILE\n"
	       "       %s fault [options] STACK WORDS [PARAMETER]\n"
	       "       %s start lwfd ARGUMENT...\n\n",
	       STRESS_PROGRAM, STRESS_PROGRAM, STRESS_PROGRAM);
	for (size_t i = 0; i < COMMANDS; i++) {
		printf("  %-7s %-24s %s\n", commands[i].name, commands[i].operands,
		       commands[i].help);
		taken |= commands[i].options;
	}
	printf("\n'%s COMMAND --help' has the options of each; of 'fault' also all faults.\n"
	       "\noptions (each for the commands that it means something to):\n",
	       STRESS_PROGRAM);
	print_options(taken);
	print_language();
	print_examples(NULL);
}

void stress_help(const char *command)
{
	size_t i = 0;

	while (command && i < COMMANDS && strcmp(commands[i].name, command) != 0)
		i++;
	if (!command || i == COMMANDS) {
		print_all();
		return;
	}
	printf("usage: %s %s [options] %s\n\n  %s\n\noptions:\n", STRESS_PROGRAM, command,
	       commands[i].operands, commands[i].help);
	print_options(commands[i].options | STRESS_TAKES_ALWAYS);
	if (strcmp(command, "fault") == 0)
		print_faults();
	if (strcmp(command, "run") == 0 || strcmp(command, "check") == 0)
		print_language();
	print_examples(command);
}
