/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - the command line of lwf-stress, by its two tables.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "fault_library.h"
#include "stress.h"
#include "text.h"
#include "units.h"

static const struct {
	const char *name, *operands;
	size_t fewest, most;
	uint32_t options;
	const char *help;
	int (*run)(struct stress_line *line);
} commands[] = {
#define X(name, operands, fewest, most, options, help) \
	{#name, operands, fewest, most, options, help, stress_cmd_##name},
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

#define SEED_RANDOM	 "random"
/* So many bits are drawn: also with the number of a run added it is exact in every reader of JSON. */
#define SEED_RANDOM_BITS 48

/* ---- reading argv ---- */

static int usage(const char *what, const char *why)
{
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, what, "see lwf-stress --help", "%s",
			    why);
}

static bool is_printable(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return stress_text_valid(text, length) == length;
}

const char *stress_quote(const char *text, char *out, size_t bytes)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./=:,%+@";
	size_t n = 0;
	bool octal;

	if (text[0] && strspn(text, plain) == strlen(text)) {
		snprintf(out, bytes, "%s", text);
		return out;
	}
	if (bytes < 8)
		return out;
	octal = !is_printable(text);
	if (octal)
		out[n++] = '$';
	out[n++] = '\'';
	for (; *text && n + 6 < bytes; text++) {
		unsigned char c = (unsigned char)*text;

		if (octal && (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\'))
			n += (size_t)snprintf(out + n, 5, "\\%03o", c);
		else if (c == '\'')
			n += (size_t)snprintf(out + n, 5, "'\\''");
		else
			out[n++] = *text;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

static void keep_command(struct stress_line *line, int argc, char **argv)
{
	char word[STRESS_COMMAND_BYTES];
	size_t n = 0;

	for (int i = 0; i < argc && n + 1 < sizeof(line->command); i++) {
		const char *slash = i == 0 ? strrchr(argv[i], '/') : NULL;

		stress_quote(slash ? slash + 1 : argv[i], word, sizeof(word));
		n += (size_t)snprintf(line->command + n, sizeof(line->command) - n, "%s%s",
				      n ? " " : "", word);
	}
}

bool stress_line_sets(const struct stress_line *line, const char *name)
{
	for (size_t i = 0; i < line->settings; i++)
		if (strcmp(line->setting[i].name, name) == 0)
			return true;
	return false;
}

static int take_setting(struct stress_line *line, const char *text)
{
	const char *equal = strchr(text, '=');
	char *name;

	if (line->settings == STRESS_SETTINGS_MAX)
		return usage("--set", "that many variables are not allowed");
	if (!equal || equal == text || equal - text >= (ptrdiff_t)STRESS_NAME_BYTES)
		return usage("--set", "it is written NAME=VALUE");
	name = line->setting_text[line->settings];
	snprintf(name, STRESS_NAME_BYTES, "%.*s", (int)(equal - text), text);
	if (stress_line_sets(line, name)) {
		char what[STRESS_NAME_BYTES + 8];

		snprintf(what, sizeof(what), "--set %s", name);
		return usage(what, "it is given twice");
	}
	line->setting[line->settings].name = name;
	line->setting[line->settings].value = equal + 1;
	line->settings++;
	return LWF_EXIT_OK;
}

static int take_option(struct stress_line *line, size_t command, unsigned option,
		       const char *argument)
{
	char what[40];

	snprintf(what, sizeof(what), "--%s", options[option].name);
	if (command < COMMANDS &&
	    !((commands[command].options | STRESS_TAKES_ALWAYS) & 1u << option))
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, what, "see lwf-stress --help",
				    "'%s' takes no such option", commands[command].name);
	if (option == STRESS_OPTION_SET)
		return take_setting(line, argument);
	if (option == STRESS_OPTION_SEED && strcmp(argument, SEED_RANDOM) == 0 &&
	    command < COMMANDS && commands[command].run != stress_cmd_run)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, "--seed random",
				    "give the seed of that run", "'%s' is about a run that was",
				    commands[command].name);
	if (line->value[option] && options[option].argument)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, what, NULL,
				    "it is given twice");
	line->value[option] = argument ? argument : "";
	return LWF_EXIT_OK;
}

static size_t find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return i;
	return COMMANDS;
}

static int read_options(struct stress_line *line, size_t command, int argc, char **argv)
{
	struct option table[STRESS_OPTIONS + 1] = {0};
	int got, code;

	for (unsigned i = 0; i < STRESS_OPTIONS; i++) {
		table[i].name = options[i].name;
		table[i].has_arg = options[i].argument ? required_argument : no_argument;
		table[i].val = 256 + (int)i;
	}
	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (got < 256)
			return lwf_cli_bad_option(STRESS_PROGRAM, got, argv);
		code = take_option(line, command, (unsigned)(got - 256), optarg);
		if (code)
			return code;
	}
	return LWF_EXIT_OK;
}

/* The first word that is no option, without reading the options. */
static size_t command_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-' && find_command(argv[i]) < COMMANDS)
			return find_command(argv[i]);
	return COMMANDS;
}

int stress_main(int argc, char **argv)
{
	static struct stress_line line;
	size_t command = command_of(argc, argv);
	int code;

	lwf_cli_begin(argc, argv);
	if (argc > 2 && strcmp(argv[1], "start") == 0 && argv[2][0] != '-')
		return stress_become(argv + 2); /* all options are that program's */
	memset(&line, 0, sizeof(line));
	keep_command(&line, argc, argv);
	code = read_options(&line, command, argc, argv);
	if (code)
		return code;
	if (line.value[STRESS_OPTION_HELP]) {
		stress_help(command < COMMANDS ? commands[command].name : NULL);
		return lwf_cli_finish(STRESS_PROGRAM, LWF_EXIT_OK);
	}
	if (line.value[STRESS_OPTION_VERSION])
		return lwf_cli_version(STRESS_PROGRAM, line.value[STRESS_OPTION_JSON] != NULL);
	if (optind == argc)
		return usage("command", "none is given");
	command = find_command(argv[optind]);
	if (command == COMMANDS)
		return usage(argv[optind], "there is no such command");
	for (int i = optind + 1; i < argc; i++) {
		if (line.files == commands[command].most)
			return usage(argv[i], "that is one operand too many");
		line.file[line.files++] = argv[i];
	}
	if (line.files < commands[command].fewest)
		return usage(commands[command].name,
			     line.files || commands[command].fewest > 1
				     ? "it is written: fault STACK WORDS [PARAMETER]"
				     : "the file is missing");
	return commands[command].run(&line);
}

/* ---- what several commands want of a line ---- */

int stress_line_read(struct stress_line *line, const char *file, struct stress_scenario **scenario)
{
	struct stress_problem problem;

	if (stress_scenario_read(&stress_disk, file, line->setting, line->settings, scenario,
				 &problem) == 0)
		return LWF_EXIT_OK;
	if (line->value[STRESS_OPTION_JSON] ||
	    (line->value[STRESS_OPTION_FORMAT] &&
	     strcmp(line->value[STRESS_OPTION_FORMAT], "json") == 0))
		lwf_cli_json(json_pack("{s:s,s:{s:i,s:o}}", "verdict", "unreadable", "error",
				       "exit", (int)LWF_EXIT_USAGE, "why",
				       stress_text_json(problem.text)));
	fprintf(stderr, "%s\n", problem.text);
	return LWF_EXIT_USAGE;
}

static int bad_value(unsigned option, const char *value, const char *form)
{
	char what[80];

	snprintf(what, sizeof(what), "--%s %.40s", options[option].name, value);
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, what, NULL, "it is %s", form);
}

static bool read_count(const char *text, uint64_t most, uint64_t *count)
{
	return lwf_units_count(text, count) == 0 && *count <= most;
}

static int plan_runs(const struct stress_line *line, struct stress_plan *plan)
{
	const char *const *value = line->value;
	uint64_t jobs = 1;

	if (value[STRESS_OPTION_COUNT] && value[STRESS_OPTION_FOR])
		return usage("--count", "--for is given, too");
	if (value[STRESS_OPTION_COUNT] &&
	    (!read_count(value[STRESS_OPTION_COUNT], INT64_MAX, &plan->count) || plan->count == 0))
		return bad_value(STRESS_OPTION_COUNT, value[STRESS_OPTION_COUNT],
				 "1 or more (1000, 10k, 1M)");
	if (value[STRESS_OPTION_FOR]) {
		plan->count = 0;
		if (lwf_units_duration(value[STRESS_OPTION_FOR], &plan->for_ns) ||
		    plan->for_ns == 0)
			return bad_value(STRESS_OPTION_FOR, value[STRESS_OPTION_FOR],
					 "a time with a unit (30s, 10m)");
	}
	if (value[STRESS_OPTION_JOBS] &&
	    (!read_count(value[STRESS_OPTION_JOBS], STRESS_JOBS_MAX, &jobs) || jobs == 0))
		return bad_value(STRESS_OPTION_JOBS, value[STRESS_OPTION_JOBS], "1 to 256");
	if (plan->on_stack && jobs > 1)
		return usage("--jobs", "there is one stack, so --on runs one at a time");
	plan->jobs = (uint32_t)jobs;
	return LWF_EXIT_OK;
}

/* In which world, and on what. */
static int plan_place(const struct stress_line *line, struct stress_plan *plan)
{
	plan->on_stack = line->value[STRESS_OPTION_ON];
	plan->control = line->value[STRESS_OPTION_CONTROL];
	plan->i_know = line->value[STRESS_OPTION_I_KNOW] != NULL;
	plan->live = line->value[STRESS_OPTION_LIVE] != NULL || plan->on_stack;
	if (plan->live && line->value[STRESS_OPTION_SIM])
		return usage(plan->on_stack ? "--on" : "--live", "--sim is given, too");
	if (!plan->on_stack && (plan->control || plan->i_know))
		return usage(plan->control ? "--control" : "--i-know",
			     "it means something with --on STACK alone");
	return LWF_EXIT_OK;
}

/* Adds " OPTION[NAME=]VALUE" to what a replay needs. False when that has no room. */
static bool add_setting(struct stress_plan *plan, const char *option, const char *name,
			const char *value)
{
	size_t used = strlen(plan->settings), room = sizeof(plan->settings) - used;
	char word[STRESS_QUOTED_BYTES(STRESS_COMMAND_BYTES)];
	int length;

	if (strlen(value) >= STRESS_COMMAND_BYTES)
		return false;
	stress_quote(value, word, sizeof(word));
	length = snprintf(plan->settings + used, room, " %s%s%s%s", option, name,
			  name[0] ? "=" : "", value[0] || name[0] ? word : "");
	return length > 0 && (size_t)length < room;
}

/* What a failure tells has to do it again: what there is no room for is refused before it is run. */
static int plan_replay(const struct stress_line *line, struct stress_plan *plan)
{
	char command[STRESS_COMMAND_BYTES];
	bool fits = true;

	if (strlen(plan->file) >= STRESS_PATH_BYTES)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, "FILE",
				    "run it from its folder",
				    "its name has %zu bytes; at most %u are allowed",
				    strlen(plan->file), STRESS_PATH_BYTES - 1);
	if (plan->on_stack)
		fits = add_setting(plan, "--on ", "", plan->on_stack);
	if (plan->control)
		fits = fits && add_setting(plan, "--control ", "", plan->control);
	if (plan->i_know)
		fits = fits && add_setting(plan, "--i-know", "", "");
	for (size_t i = 0; i < line->settings; i++)
		fits = fits &&
		       add_setting(plan, "--set ", line->setting[i].name, line->setting[i].value);
	if (fits && stress_replay_command(plan, UINT64_MAX, command, sizeof(command)))
		return LWF_EXIT_OK;
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, plan->file,
			    "give it shorter names, or write what is --set into the file",
			    "the command to replay it would have more than %u bytes",
			    STRESS_COMMAND_BYTES - 1);
}

/* It is told before the first run: also of one that nobody hears of any more it is known then. */
static int draw_seed(const char *file, uint64_t *seed)
{
	if (getrandom(seed, sizeof(*seed), 0) != (ssize_t)sizeof(*seed))
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, "--seed random",
				    "give a number", "the kernel has no random bytes: %s",
				    strerror(errno));
	*seed >>= 64 - SEED_RANDOM_BITS;
	lwf_cli_note(STRESS_PROGRAM, "%s: seed %" PRIu64, file, *seed);
	return LWF_EXIT_OK;
}

static int plan_seed(const struct stress_line *line, struct stress_plan *plan)
{
	const char *seed = line->value[STRESS_OPTION_SEED];

	if (!seed)
		return LWF_EXIT_OK;
	if (strcmp(seed, SEED_RANDOM) == 0)
		return draw_seed(plan->file, &plan->seed);
	if (read_count(seed, INT64_MAX, &plan->seed))
		return LWF_EXIT_OK;
	return bad_value(STRESS_OPTION_SEED, seed,
			 "a number from 0 to 1000000000000000000, or 'random'");
}

int stress_line_plan(const struct stress_line *line, const struct stress_scenario *scenario,
		     const char *file, struct stress_plan *plan)
{
	int code;

	memset(plan, 0, sizeof(*plan));
	plan->scenario = scenario;
	plan->file = file;
	plan->command = line->command;
	plan->seed = scenario->seed;
	plan->count = 1;
	plan->trace = line->value[STRESS_OPTION_TRACE] != NULL;
	if (plan_place(line, plan) || plan_replay(line, plan))
		return LWF_EXIT_USAGE;
	plan->show_progress = isatty(STDERR_FILENO) && !plan->trace;
	code = plan_runs(line, plan);
	return code ? code : plan_seed(line, plan);
}

bool stress_line_format(const struct stress_line *line, enum stress_format *format)
{
	static const char *const names[] = {"text", "json", "ktap", "junit"};
	const char *value = line->value[STRESS_OPTION_FORMAT];

	*format = line->value[STRESS_OPTION_JSON] ? STRESS_FORMAT_JSON : STRESS_FORMAT_TEXT;
	if (!value)
		return true;
	if (line->value[STRESS_OPTION_JSON] && strcmp(value, "json") != 0) {
		usage("--json", "another --format is given, too");
		return false;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		*format = (enum stress_format)i;
		return true;
	}
	bad_value(STRESS_OPTION_FORMAT, value, "text, json, ktap or junit");
	return false;
}
