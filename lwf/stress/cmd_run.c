/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_run.c - lwf-stress run, replay, check, merge.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "stress.h"
#include "text.h"

static struct stress_record record;

/* What was run is shown; what could not be run is said. */
static int finish(const struct stress_line *line, enum stress_format format, int code,
		  const struct lwf_error *error)
{
	const char *report = line->value[STRESS_OPTION_REPORT];
	int err;

	if (record.verdict == STRESS_SKIPPED || record.verdict == STRESS_BROKEN)
		lwf_cli_error(STRESS_PROGRAM, error);
	err = stress_show(&record, format);
	if (err && code == LWF_EXIT_OK)
		code = LWF_EXIT_FALSE;
	if (report && (err = stress_write_report(&record, report)) && code == LWF_EXIT_OK)
		code = err;
	stress_record_fini(&record);
	return lwf_cli_finish(STRESS_PROGRAM, code);
}

static bool report_is_possible(const struct stress_line *line)
{
	const char *report = line->value[STRESS_OPTION_REPORT];

	return !report || stress_check_output("--report", report) == LWF_EXIT_OK;
}

static int run_plan(const struct stress_line *line, struct stress_plan *plan)
{
	struct lwf_error error;
	enum stress_format format;
	int code;

	if (!stress_line_format(line, &format) || !report_is_possible(line))
		return LWF_EXIT_USAGE;
	plan->keep_events = line->value[STRESS_OPTION_REPORT] != NULL;
	stress_record_init(&record);
	code = stress_run(plan, &record, &error);
	return finish(line, format, code, &error);
}

int stress_cmd_run(struct stress_line *line)
{
	struct stress_scenario *scenario;
	static struct stress_plan plan;
	int code = stress_line_read(line, line->file[0], &scenario);

	if (code)
		return code;
	code = stress_line_plan(line, scenario, line->file[0], &plan);
	if (!code)
		code = run_plan(line, &plan);
	stress_scenario_free(scenario);
	return code;
}

/* ---- replay ---- */

static bool is_record(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && strcmp(dot, ".ndjson") == 0;
}

static int read_record(const char *file, struct stress_record *to)
{
	struct stress_problem problem;
	FILE *in = fopen(file, "re");
	int err;

	if (!in)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, file, NULL, "%s",
				    strerror(errno));
	stress_record_init(to);
	err = stress_record_read(to, in, &problem);
	fclose(in);
	if (!err)
		return LWF_EXIT_OK;
	stress_record_fini(to);
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, file,
			    "give a file that run --report wrote", "%s", problem.text);
}

/* A word that stress_quote() wrote, unquoted in place. Returns what follows it. */
static char *unquote(char *word)
{
	char *from = word, *to = word;
	bool quoted = false;

	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '$' && !quoted && from[1] == '\'')
			continue; /* what stands there is no setting: it was no number */
		if (*from == '\'')
			quoted = !quoted;
		else if (*from == '\\' && !quoted && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	if (*from)
		from++;
	*to = '\0';
	return from;
}

/* The settings of a record's command to replay; it is taken apart. */
static void take_settings(struct stress_line *line, char *replay)
{
	char *next, *word = replay;

	for (; *word && line->settings < STRESS_SETTINGS_MAX; word = next) {
		char *equal;

		next = unquote(word);
		if (strcmp(word, "--set") != 0)
			continue;
		word = next;
		next = unquote(word);
		equal = strchr(word, '=');
		if (!equal)
			continue;
		*equal = '\0';
		if (stress_line_sets(line, word))
			continue; /* what is typed now is meant */
		line->setting[line->settings].name = word;
		line->setting[line->settings].value = equal + 1;
		line->settings++;
	}
}

/* A run that was replayed from a report came out otherwise. */
static void tell_difference(const char *file, const struct stress_record *before)
{
	const char *why = strcmp(before->version, record.version) == 0 ? "was the scenario changed?"
								       : "it was another version";

	if (stress_record_has_digest(before) && stress_record_has_digest(&record))
		lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, file, why,
			     "this run is another one: digest %016" PRIx64 ", and %016" PRIx64
			     " then",
			     record.digest, before->digest);
	else
		lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, file,
			     "live runs are as like as two runs can be, and no more",
			     "this run is another one: %s (%s), and %s (%s) then",
			     stress_verdict_name(record.verdict), record.world,
			     stress_verdict_name(before->verdict), before->world);
}

static int replay_record(struct stress_line *line)
{
	static struct stress_record before;
	static struct stress_plan plan;
	struct stress_scenario *scenario;
	enum stress_format format;
	struct lwf_error error;
	static char replay[STRESS_COMMAND_BYTES];
	int code;

	code = read_record(line->file[0], &before);
	if (code)
		return code;
	if (before.runs > 1) {
		stress_record_fini(&before);
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, line->file[0],
				    "give the scenario and --seed",
				    "it is the report of many runs");
	}
	snprintf(replay, sizeof(replay), "%s", before.replay);
	take_settings(line, replay);
	if (!stress_line_format(line, &format) || !report_is_possible(line)) {
		stress_record_fini(&before);
		return LWF_EXIT_USAGE;
	}
	code = stress_line_read(line, before.file, &scenario);
	if (code)
		return code;
	code = stress_line_plan(line, scenario, before.file, &plan);
	if (code)
		goto out;
	plan.seed = before.seed;
	if (!line->value[STRESS_OPTION_SIM])
		plan.live = plan.live || strcmp(before.world, "live") == 0;
	plan.keep_events = true;
	stress_record_init(&record);
	code = stress_run(&plan, &record, &error);
	if (before.digest != record.digest || before.verdict != record.verdict) {
		tell_difference(line->file[0], &before);
		code = code ? code : LWF_EXIT_FALSE;
	}
	code = finish(line, format, code, &error);
out:
	stress_scenario_free(scenario);
	stress_record_fini(&before);
	return code;
}

int stress_cmd_replay(struct stress_line *line)
{
	return is_record(line->file[0]) ? replay_record(line) : stress_cmd_run(line);
}

/* ---- check ---- */

int stress_cmd_check(struct stress_line *line)
{
	struct stress_scenario *scenario;
	json_t *list = json_array();
	bool json = line->value[STRESS_OPTION_JSON] != NULL;
	int code = LWF_EXIT_OK;

	for (size_t i = 0; i < line->files; i++) {
		struct stress_problem problem;
		int err;

		for (size_t k = 0; k < line->settings; k++)
			line->setting[k].used = false;
		err = stress_scenario_read(&stress_disk, line->file[i], line->setting,
					   line->settings, &scenario, &problem);
		if (err) {
			code = LWF_EXIT_USAGE;
			fprintf(stderr, "%s\n", problem.text);
		} else if (!json) {
			printf("%s: ok\n", line->file[i]);
		}
		json_array_append_new(list, json_pack("{s:o,s:b,s:o}", "file",
						      stress_text_json(line->file[i]), "ok",
						      err == 0, "problem",
						      stress_text_json(err ? problem.text : "")));
		stress_scenario_free(err ? NULL : scenario);
	}
	if (json)
		lwf_cli_json(json_pack("{s:o}", "files", list));
	else
		json_decref(list);
	return lwf_cli_finish(STRESS_PROGRAM, code);
}

/* ---- merge ---- */

int stress_cmd_merge(struct stress_line *line)
{
	static struct stress_record one;
	struct lwf_error error = {0};
	enum stress_format format;
	int code = LWF_EXIT_OK;

	if (!stress_line_format(line, &format))
		return LWF_EXIT_USAGE;
	stress_record_init(&record);
	record.runs = 0;
	for (size_t i = 0; !code && i < line->files; i++) {
		code = read_record(line->file[i], &one);
		if (code)
			break;
		stress_record_merge(&record, &one);
		stress_record_fini(&one);
	}
	if (code) {
		stress_record_fini(&record);
		return code;
	}
	snprintf(error.what, sizeof(error.what), "merge");
	snprintf(error.why, sizeof(error.why), "%.300s", record.failure.found);
	return finish(line, format,
		      record.verdict == STRESS_PASSED	 ? LWF_EXIT_OK
		      : record.verdict == STRESS_SKIPPED ? LWF_EXIT_SKIPPED
							 : LWF_EXIT_FALSE,
		      &error);
}
