/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - a run on standard output, and into the file of --report, whose name says in which form.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "report.h"
#include "stress.h"
#include "text.h"
#include "units.h"

static uint64_t sum_of(const struct stress_record *record, bool doubled)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < record->accounts; i++)
		sum += doubled ? record->account[i].doubled : record->account[i].lost;
	return sum;
}

static const char *seeds(const struct stress_record *record, char *text, size_t bytes)
{
	if (record->runs == 1)
		snprintf(text, bytes, "seed %" PRIu64, record->seed);
	else
		snprintf(text, bytes, "%u runs from seed %" PRIu64, record->runs,
			 stress_record_first_seed(record));
	return text;
}

/* ---- a failure ---- */

/* "file:line:column"; empty when it was at no line of the scenario */
static void show_place(const struct stress_failure *failure, char *text, size_t bytes)
{
	text[0] = '\0';
	if (failure->line)
		snprintf(text, bytes, "%s:%u:%u", failure->file, failure->line, failure->column);
}

/* Exactly three lines: what was expected, the seed, the command to replay. */
static void show_failure(const struct stress_record *record)
{
	const struct stress_failure *failure = &record->failure;
	char place[STRESS_PATH_BYTES + 32], at[32];

	show_place(failure, place, sizeof(place));
	lwf_units_show_duration(failure->time_ns, at, sizeof(at));
	fprintf(stderr, "expected: %s%s%s%s; found at %s: %s\n", failure->expected,
		place[0] ? " (" : "", place, place[0] ? ")" : "", at, failure->found);
	fprintf(stderr, "seed: %" PRIu64 "\n", record->seed);
	fprintf(stderr, "replay: %s\n", record->replay);
}

/* ---- text ---- */

static void show_columns(const uint64_t *column, const char *what)
{
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		if (column[i])
			printf(" + %" PRIu64 " %s%s", column[i], what,
			       lwf_status_name(lwf_answer_status((enum lwf_answer)i)));
}

static void show_text(const struct stress_record *record)
{
	char seed[64], p99[32], max[32], ran[32], took[32];

	printf("%s: %s (%s, %s", record->scenario, stress_verdict_name(record->verdict),
	       record->world, seeds(record, seed, sizeof(seed)));
	if (stress_record_has_digest(record))
		printf(", digest %016" PRIx64, record->digest);
	printf(")\n");
	printf("  %" PRIu64 " rounds, %" PRIu64 " faults (%" PRIu64 " flaps), %" PRIu64
	       " expectations, %" PRIu64 " transitions\n",
	       record->rounds, record->faults, record->flaps, record->expectations,
	       record->transitions);
	printf("  %" PRIu64 " pauses, %" PRIu64 " of them pending, p99 %s, longest %s; %" PRIu64
	       " rules broken\n",
	       record->pauses, record->pended,
	       lwf_units_show_duration(stress_histogram_at(&record->pause, 990), p99, sizeof(p99)),
	       lwf_units_show_duration(record->pause.max_ns, max, sizeof(max)),
	       record->rules_broken);
	for (uint32_t i = 0; i < record->accounts; i++) {
		const struct stress_account *account = &record->account[i];

		if (strcmp(account->kind, "client") != 0)
			continue;
		printf("  %s: %" PRIu64 " submitted =", account->name, account->ledger.submitted);
		printf(" %" PRIu64 " out", lwf_ledger_outstanding(&account->ledger));
		show_columns(account->ledger.completed, "");
		show_columns(account->ledger.refused, "refused ");
		printf("; %" PRIu64 " lost, %" PRIu64 " doubled\n", account->lost,
		       account->doubled);
	}
	for (uint32_t i = 0; i < record->witnesses; i++)
		printf("  %s: %" PRId64 ", outside %" PRId64 "\n", record->witness[i].name,
		       record->witness[i].inside, record->witness[i].outside);
	printf("  %s of its time in %s\n",
	       lwf_units_show_duration(record->ran_ns, ran, sizeof(ran)),
	       lwf_units_show_duration(record->took_ns, took, sizeof(took)));
}

/* ---- JSON ---- */

static json_t *json_columns(const uint64_t *column)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < LWF_ANSWERS; i++)
		if (column[i])
			json_object_set_new(object,
					    lwf_status_name(lwf_answer_status((enum lwf_answer)i)),
					    json_integer((json_int_t)column[i]));
	return object;
}

static json_t *json_accounts(const struct stress_record *record)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < record->accounts; i++) {
		const struct stress_account *account = &record->account[i];

		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:I,s:I}", "name",
						account->name, "of", account->kind, "submitted",
						(json_int_t)account->ledger.submitted, "completed",
						json_columns(account->ledger.completed), "refused",
						json_columns(account->ledger.refused), "sent",
						(json_int_t)account->ledger.sent, "indicated",
						(json_int_t)account->ledger.indicated, "lost",
						(json_int_t)account->lost, "doubled",
						(json_int_t)account->doubled));
	}
	return list;
}

static void add_number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static int show_json(const struct stress_record *record)
{
	json_t *object;
	char digest[24], place[STRESS_PATH_BYTES + 32];

	snprintf(digest, sizeof(digest), "%016" PRIx64, record->digest);
	object = json_pack(
		"{s:o,s:o,s:s,s:s,s:s*,s:I}", "scenario", stress_text_json(record->scenario),
		"file", stress_text_json(record->file), "world", record->world, "verdict",
		stress_verdict_name(record->verdict), "digest",
		stress_record_has_digest(record) ? digest : NULL, "seed", (json_int_t)record->seed);
	if (!object)
		return -ENOMEM;
	add_number(object, "first_seed", stress_record_first_seed(record));
	add_number(object, "runs", record->runs);
	add_number(object, "failed", record->failed_runs);
	add_number(object, "rounds", record->rounds);
	add_number(object, "faults", record->faults);
	add_number(object, "flaps", record->flaps);
	add_number(object, "expectations", record->expectations);
	add_number(object, "transitions", record->transitions);
	add_number(object, "pauses", record->pauses);
	add_number(object, "pended", record->pended);
	add_number(object, "pause_p50_ns", stress_histogram_at(&record->pause, 500));
	add_number(object, "pause_p99_ns", stress_histogram_at(&record->pause, 990));
	add_number(object, "pause_max_ns", record->pause.max_ns);
	add_number(object, "frames", record->frames);
	add_number(object, "lost", sum_of(record, false));
	add_number(object, "doubled", sum_of(record, true));
	add_number(object, "rules_broken", record->rules_broken);
	json_object_set_new(object, "ran_seconds", json_real((double)record->ran_ns / 1e9));
	json_object_set_new(object, "took_seconds", json_real((double)record->took_ns / 1e9));
	json_object_set_new(object, "ledger", json_accounts(record));
	json_object_set_new(object, "replay", stress_text_json(record->replay));
	if (record->verdict != STRESS_PASSED) {
		show_place(&record->failure, place, sizeof(place));
		json_object_set_new(object, "expected", stress_text_json(record->failure.expected));
		json_object_set_new(object, "found", stress_text_json(record->failure.found));
		json_object_set_new(object, "at", stress_text_json(place));
	}
	return lwf_cli_json(object);
}

/* ---- all ---- */

int stress_show(const struct stress_record *record, enum stress_format format)
{
	int err = 0;

	if (record->verdict == STRESS_FAILED)
		show_failure(record);
	switch (format) {
	case STRESS_FORMAT_TEXT:
		show_text(record);
		break;
	case STRESS_FORMAT_JSON:
		err = show_json(record);
		break;
	case STRESS_FORMAT_KTAP:
		err = stress_report_ktap(record, stdout);
		break;
	case STRESS_FORMAT_JUNIT:
		err = stress_report_junit(record, stdout);
		break;
	}
	return err;
}

static const struct {
	const char *ending;
	int (*write)(const struct stress_record *record, FILE *out);
} forms[] = {
	{".ndjson", stress_record_write}, {".jsonl", stress_record_write},
	{".json", stress_record_write},	  {".xml", stress_report_junit},
	{".ktap", stress_report_ktap},	  {".tap", stress_report_ktap},
	{"", stress_report_html}, /* all others */
};

/* Not by opening it: a run that is killed leaves the report of an earlier one as it was. */
int stress_check_output(const char *option, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	struct stat st;
	int err = 0;

	if (!path[0] || strcmp(path, "-") == 0)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, option,
				    "name one; standard output gets what is asked for by --format",
				    "'%s' is no file", path);
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash == path ? 1 : slash - path),
			 path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		err = EISDIR;
	else if (access(access(path, F_OK) ? folder : path, W_OK))
		err = errno;
	if (err) {
		char next[80];

		snprintf(next, sizeof(next), "nothing was run; give %s another FILE", option);
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, path, next, "%s",
				    strerror(err));
	}
	return LWF_EXIT_OK;
}

int stress_write_report(const struct stress_record *record, const char *path)
{
	size_t length = strlen(path), form = 0, ending;
	FILE *out = fopen(path, "we");
	int err;

	if (!out)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, path, NULL, "%s",
				    strerror(errno));
	while ((ending = strlen(forms[form].ending)) > length ||
	       strcmp(path + length - ending, forms[form].ending) != 0)
		form++;
	errno = 0;
	err = forms[form].write(record, out);
	if (err == -EIO && errno)
		err = -errno; /* the stream knows that it failed, this knows why */
	if (fclose(out) && !err)
		err = errno ? -errno : -EIO;
	if (err)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, path, NULL,
				    "it cannot be written: %s", strerror(-err));
	return LWF_EXIT_OK;
}
