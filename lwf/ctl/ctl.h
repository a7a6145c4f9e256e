/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.h - lwfctl: tables of commands and options, the parsed command line, and what runs it.
 *
 * tables.c parses by the tables, run.c talks to the daemon, human.c prints for people;
 * flows.c does both for flows, explain.c for rules, verdict.c, serve.c and ask.c for deciding.
 */
#ifndef LWF_CTL_CTL_H
#define LWF_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "connection.h"

#define CTL_PROGRAM	 "lwfctl"
#define CTL_OPERANDS_MAX 6u
#define CTL_ANY		 0xffffu /* operands: a command of its own, in rest */
#define CTL_NAME_BYTES	 64u

enum ctl_option_id {
#define OPTION(symbol, name, argument, help) CTL_OPTION_##symbol,
#include "commands.def.h"
#undef OPTION
	CTL_OPTIONS
};

/* Options that only some commands take, as bits. */
enum {
	CTL_STATE = 1u << CTL_OPTION_STATE,
	CTL_TIMEOUT = 1u << CTL_OPTION_TIMEOUT,
	CTL_ABOVE = 1u << CTL_OPTION_ABOVE,
	CTL_BELOW = 1u << CTL_OPTION_BELOW,
	CTL_FOR = 1u << CTL_OPTION_FOR,
	CTL_SINCE = 1u << CTL_OPTION_SINCE,
	CTL_FRAMES = 1u << CTL_OPTION_FRAMES,
	CTL_ONLY = 1u << CTL_OPTION_ONLY,
	CTL_SORT = 1u << CTL_OPTION_SORT,
	CTL_LIMIT = 1u << CTL_OPTION_LIMIT,
	CTL_FOLLOW = 1u << CTL_OPTION_FOLLOW,
	CTL_WIDE = 1u << CTL_OPTION_WIDE,
	CTL_STACK = 1u << CTL_OPTION_STACK,
	CTL_RULES = 1u << CTL_OPTION_RULES,
	CTL_AS = 1u << CTL_OPTION_AS,
	CTL_PRIORITY = 1u << CTL_OPTION_PRIORITY,
	CTL_COPY = 1u << CTL_OPTION_COPY,
	CTL_OF_ALL = 1u << CTL_OPTION_CONTROL | 1u << CTL_OPTION_JSON | 1u << CTL_OPTION_HELP |
		     1u << CTL_OPTION_VERSION,
};

enum ctl_command_id {
#define COMMAND(symbol, words, operands, fewest, most, options, help) CTL_COMMAND_##symbol,
#include "commands.def.h"
#undef COMMAND
	CTL_COMMANDS
};

struct ctl_command {
	const char *words; /* one or two, with a space between */
	const char *operands;
	unsigned fewest, most;
	uint32_t options;
	const char *help;
};

struct ctl_option {
	const char *name;
	const char *argument; /* NULL: it takes none */
	const char *help;
};

extern const struct ctl_command ctl_commands[CTL_COMMANDS];
extern const struct ctl_option ctl_options[CTL_OPTIONS];

/** A command line that was understood. Texts are argv's. */
struct ctl_line {
	enum ctl_command_id command;
	const char *operand[CTL_OPERANDS_MAX];
	unsigned operands;
	char **rest;			/* CTL_ANY: the operands, ending with NULL */
	const char *value[CTL_OPTIONS]; /* "" for options without an argument; NULL: not given */
	bool json;
};

/** -1: run @line. Otherwise the exit code; help, version or one line of error were printed. */
int ctl_parse(int argc, char **argv, struct ctl_line *line);

void ctl_help(FILE *out);

/** Runs it; returns the exit code. */
int ctl_run(const struct ctl_line *line);

/** lwfctl flows (flows.c); returns the exit code. */
int ctl_flows(const struct ctl_line *line);

/** lwfctl explain, verdict check, verdict reload (explain.c); likewise. */
int ctl_explain(const struct ctl_line *line);
int ctl_verdict_check(const struct ctl_line *line);
int ctl_verdict_reload(const struct ctl_line *line);
/** lwfctl verdict show (verdict.c), serve (serve.c), ask (ask.c); likewise. */
int ctl_verdict_show(const struct ctl_line *line);
int ctl_verdict_serve(const struct ctl_line *line);
int ctl_verdict_ask(const struct ctl_line *line);

/* ---- human.c: answers of the daemon as tables; borrowed objects ---- */

void ctl_print_show(const json_t *reply);
void ctl_print_ledger(const json_t *reply);
void ctl_print_state(const json_t *reply);
void ctl_print_oids(const json_t *reply);
void ctl_print_event(const json_t *event);

#endif
