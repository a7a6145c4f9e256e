/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress.h - lwf-stress: its commands, their options, and what they share.
 *
 * A command is one row of STRESS_COMMAND_LIST and one function stress_cmd_NAME in cmd_*.c. Options
 * are one list, of which each command takes those in its row.
 */
#ifndef LWF_STRESS_STRESS_H
#define LWF_STRESS_STRESS_H

#include <stdio.h>

#include "runner.h"

#define STRESS_PROGRAM	       "lwf-stress"
#define STRESS_SETTINGS_MAX    32u
#define STRESS_FILES_MAX       256u
#define STRESS_FAULT_WORDS_MAX 4u /* behind the stack */

/** X(symbol, name, argument (NULL: none), help) */
#define STRESS_OPTION_LIST(X)                                                               \
	X(SEED, "seed", "N|random",                                                         \
	  "begin with this seed, or run: with a drawn one (default: the scenario's)")       \
	X(SIM, "sim", NULL, "virtual time (default)")                                       \
	X(LIVE, "live", NULL, "real devices in private namespaces, real time")              \
	X(COUNT, "count", "N", "so many runs, with seeds N, N+1, ...")                      \
	X(FOR, "for", "TIME",                                                               \
	  "runs, seed after seed, until this time is over; fault: it is undone then")       \
	X(JOBS, "jobs", "N", "so many runs at a time (default: 1)")                         \
	X(SET, "set", "NAME=VALUE", "another value for a variable (`let`) of the scenario") \
	X(FORMAT, "format", "FORM", "what is printed: text, json, ktap or junit")           \
	X(REPORT, "report", "FILE",                                                         \
	  "writes the run to FILE: a page (.html), or all of it (.ndjson)")                 \
	X(OUTPUT, "output", "FILE", "where to write the result")                            \
	X(TRACE, "trace", NULL, "every trace record to standard error")                     \
	X(ON, "on", "STACK", "live, on this stack of the running lwfd")                     \
	X(CONTROL, "control", "PATH", "the socket of the running lwfd")                     \
	X(I_KNOW, "i-know", NULL, "also where the default route goes through")              \
	X(JSON, "json", NULL, "as --format json")                                           \
	X(HELP, "help", NULL, "this text")                                                  \
	X(VERSION, "version", NULL, "the version")

enum stress_option {
#define X(sym, name, argument, help) STRESS_OPTION_##sym,
	STRESS_OPTION_LIST(X)
#undef X
		STRESS_OPTIONS
};

#define STRESS_TAKES(sym)   (1u << STRESS_OPTION_##sym)
#define STRESS_TAKES_ALWAYS (STRESS_TAKES(JSON) | STRESS_TAKES(HELP) | STRESS_TAKES(VERSION))
#define STRESS_TAKES_RUN                                                                         \
	(STRESS_TAKES(SEED) | STRESS_TAKES(SIM) | STRESS_TAKES(LIVE) | STRESS_TAKES(FORMAT) |    \
	 STRESS_TAKES(REPORT) | STRESS_TAKES(TRACE) | STRESS_TAKES(ON) | STRESS_TAKES(CONTROL) | \
	 STRESS_TAKES(I_KNOW) | STRESS_TAKES(SET))

/** X(name, operands, fewest, most, options, help) */
#define STRESS_COMMAND_LIST(X)                                                                \
	X(run, "FILE.scn", 1, 1,                                                              \
	  STRESS_TAKES_RUN | STRESS_TAKES(COUNT) | STRESS_TAKES(FOR) | STRESS_TAKES(JOBS),    \
	  "runs a scenario: exit 0 when all its expectations hold")                           \
	X(check, "FILE.scn...", 1, STRESS_FILES_MAX, STRESS_TAKES(SET),                       \
	  "reads scenarios, and says what is wrong")                                          \
	X(replay, "FILE.scn|RUN.ndjson", 1, 1, STRESS_TAKES_RUN,                              \
	  "the same run again, with its trace")                                               \
	X(shrink, "FILE.scn", 1, 1,                                                           \
	  STRESS_TAKES(SEED) | STRESS_TAKES(SIM) | STRESS_TAKES(OUTPUT) | STRESS_TAKES(FOR) | \
		  STRESS_TAKES(SET),                                                          \
	  "makes a scenario that fails shorter, as long as it fails alike")                   \
	X(fault, "STACK WORDS [PARAMETER]", 3, STRESS_FAULT_WORDS_MAX + 1,                    \
	  STRESS_TAKES(FOR) | STRESS_TAKES(CONTROL) | STRESS_TAKES(I_KNOW),                   \
	  "one fault on the stack of a running lwfd, undone at the end")                      \
	X(start, "lwfd ARGUMENT...", 1, STRESS_FILES_MAX, 0,                                  \
	  "becomes an lwfd whose sends, memory and clock `fault` can spoil")                  \
	X(merge, "RUN.ndjson...", 1, STRESS_FILES_MAX,                                        \
	  STRESS_TAKES(FORMAT) | STRESS_TAKES(REPORT), "joins the reports of several runs")

/** A command line that was understood. Texts are argv's. */
struct stress_line {
	const char *file[STRESS_FILES_MAX];
	size_t files;
	const char *value[STRESS_OPTIONS]; /* "" for options without an argument; NULL: not given */
	struct stress_setting setting[STRESS_SETTINGS_MAX];
	char setting_text[STRESS_SETTINGS_MAX][STRESS_NAME_BYTES];
	size_t settings;
	char command[STRESS_COMMAND_BYTES]; /* as it was typed */
};

#define X(name, operands, fewest, most, options, help) \
	int stress_cmd_##name(struct stress_line *line);
STRESS_COMMAND_LIST(X)
#undef X

/** Parses argv and runs the command. Returns the exit code. */
int stress_main(int argc, char **argv);

/**
 * Reads the scenario @file with the settings of @line. On a problem it is printed and *scenario is
 * NULL; returns the exit code.
 */
int stress_line_read(struct stress_line *line, const char *file, struct stress_scenario **scenario);

/** Whether there is a value for the variable @name. */
bool stress_line_sets(const struct stress_line *line, const char *name);

/** The plan that @line asks for, for @scenario. Returns the exit code; wrong values are printed. */
int stress_line_plan(const struct stress_line *line, const struct stress_scenario *scenario,
		     const char *file, struct stress_plan *plan);

/* ---- help.c ---- */

/** Prints the help of @command; NULL: of all. */
void stress_help(const char *command);

/* ---- cmd_fault.c ---- */

/** Whether `lwf-stress fault` makes what was before when it is over. */
bool stress_fault_is_undone(enum stress_fault fault);

/** True for those that give something back: they are done, and nobody waits, but for --for. */
bool stress_fault_gives(enum stress_fault fault);

/* ---- show.c ---- */

enum stress_format {
	STRESS_FORMAT_TEXT,
	STRESS_FORMAT_JSON,
	STRESS_FORMAT_KTAP,
	STRESS_FORMAT_JUNIT
};

/** The form that @line asks for. False, and it is printed, when there is no such. */
bool stress_line_format(const struct stress_line *line, enum stress_format *format);

/**
 * Prints @record to stdout in @format; when it failed, the three lines (what was expected, the seed,
 * the command to replay) to stderr. 0 or -errno.
 */
int stress_show(const struct stress_record *record, enum stress_format format);

/** Whether @path, which @option names, could be written, before hours are spent on what comes there. Returns the exit code; what is wrong is printed. */
int stress_check_output(const char *option, const char *path);

/** Writes @record to @path: as a page when it ends in .html, else as NDJSON. Returns the exit code; what is wrong is printed. */
int stress_write_report(const struct stress_record *record, const char *path);

/** Room for @bytes when they are quoted, whatever they are. */
#define STRESS_QUOTED_BYTES(bytes) (4 * (bytes) + 8)

/**
 * A text as a word of a shell command: as it is, in '...', or, where it holds control characters or is no
 * UTF-8, as $'...' (POSIX.1-2024). Cut when @bytes are too few. Returns @out.
 */
const char *stress_quote(const char *text, char *out, size_t bytes);

#endif
