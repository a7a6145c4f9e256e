/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_text.c - KTAP and JUnit; see report.h.
 *
 * A failed case says three things: what was expected (and what was found instead), the seed, and the
 * command that shows it again. What is not ASCII passes: both forms are UTF-8.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>

static int result(FILE *out)
{
	return ferror(out) ? -EIO : 0;
}

void stress_report_escape(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
		}
	}
}

/* ---- KTAP ---- */

/* One line: '#' begins a directive, and a newline would end the case. */
static void put_line_text(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc(*text == '#' || (unsigned char)*text < 0x20 ? ' ' : *text, out);
}

static void put_seeds(const struct stress_record *record, FILE *out)
{
	if (record->runs > 1)
		fprintf(out, "%" PRIu32 " runs, %" PRIu32 " failed", record->runs,
			record->failed_runs);
	else
		fprintf(out, "seed %" PRIu64, record->seed);
}

/* Runs of which nothing is known but that they passed: there were too many to keep. */
static uint32_t more_runs(const struct stress_record *record)
{
	uint32_t told = stress_record_cases(record);

	return record->cases && record->runs > told ? record->runs - told : 0;
}

static void put_counts(const struct stress_record *record, FILE *out)
{
	if (stress_record_has_digest(record))
		fprintf(out, ", digest %016" PRIx64, record->digest);
	fprintf(out, ", %" PRIu64 " flaps, %" PRIu64 " pauses\n", record->flaps, record->pauses);
}

static void put_ktap_case(const struct stress_record *record, uint32_t index, FILE *out)
{
	struct stress_case one = stress_record_case(record, index);
	const struct stress_failure *failure = one.failure;
	bool bad = one.verdict == STRESS_FAILED || one.verdict == STRESS_BROKEN;

	if (bad) {
		fputs("# expected: ", out);
		put_line_text(failure->expected, out);
		if (failure->line)
			fprintf(out, " (%s:%" PRIu32 ":%" PRIu32 ")", failure->file, failure->line,
				failure->column);
		fputs("; found: ", out);
		put_line_text(failure->found, out);
		fprintf(out, "\n# seed: %" PRIu64 "\n# replay: ", one.seed);
		put_line_text(one.replay, out);
		fputc('\n', out);
	}
	if (!record->cases) {
		fprintf(out, "# %s, ", record->world);
		put_seeds(record, out);
		put_counts(record, out);
	}
	fprintf(out, "%s %" PRIu32 " ", bad ? "not ok" : "ok", index + 1);
	put_line_text(one.scenario, out);
	if (record->cases)
		fprintf(out, " seed %" PRIu64, one.seed);
	if (one.verdict == STRESS_SKIPPED) {
		fputs(" # SKIP ", out);
		put_line_text(failure->found, out);
	}
	fputc('\n', out);
}

int stress_report_ktap(const struct stress_record *record, FILE *out)
{
	uint32_t told = stress_record_cases(record), more = more_runs(record);

	fprintf(out, "KTAP version 1\n1..%" PRIu32 "\n", told + (more > 0));
	if (record->cases) {
		fprintf(out, "# %s, ", record->world);
		put_seeds(record, out);
		put_counts(record, out);
	}
	for (uint32_t i = 0; i < told; i++)
		put_ktap_case(record, i, out);
	if (more)
		fprintf(out, "ok %" PRIu32 " and %" PRIu32 " more runs\n", told + 1, more);
	return result(out);
}

/* ---- JUnit ---- */

static void put_attribute(const char *name, const char *value, FILE *out)
{
	fprintf(out, " %s=\"", name);
	stress_report_escape(value, out);
	fputc('"', out);
}

static void put_bad(const struct stress_case *one, const char *element, FILE *out)
{
	const struct stress_failure *failure = one->failure;

	fprintf(out, "<%s", element);
	put_attribute("message", failure->expected, out);
	fputc('>', out);
	if (failure->line) {
		stress_report_escape(failure->file, out);
		fprintf(out, ":%" PRIu32 ":%" PRIu32 ": ", failure->line, failure->column);
	}
	stress_report_escape(failure->found, out);
	fprintf(out, "\nseed %" PRIu64 "\nreplay: ", one->seed);
	stress_report_escape(one->replay, out);
	fprintf(out, "</%s>\n", element);
}

static void put_junit_case(const struct stress_record *record, uint32_t index, FILE *out)
{
	struct stress_case one = stress_record_case(record, index);
	char name[STRESS_TEXT_BYTES + 32];

	snprintf(name, sizeof(name), "%s", one.scenario);
	if (record->cases)
		snprintf(name, sizeof(name), "%s seed %" PRIu64, one.scenario, one.seed);
	fputs("<testcase", out);
	put_attribute("classname", one.file, out);
	put_attribute("name", name, out);
	fprintf(out, " time=\"%.3f\">\n<properties><property name=\"world\"",
		(double)one.took_ns / 1e9);
	put_attribute("value", one.world, out);
	if (record->cases) {
		fprintf(out, "/><property name=\"seed\" value=\"%" PRIu64, one.seed);
	} else {
		fputs("/><property name=\"runs\" value=\"", out);
		put_seeds(record, out);
	}
	fputs("\"/></properties>\n", out);
	if (one.verdict == STRESS_FAILED)
		put_bad(&one, "failure", out);
	if (one.verdict == STRESS_BROKEN)
		put_bad(&one, "error", out);
	if (one.verdict == STRESS_SKIPPED) {
		fputs("<skipped", out);
		put_attribute("message", one.failure->found, out);
		fputs("/>\n", out);
	}
	fputs("</testcase>\n", out);
}

int stress_report_junit(const struct stress_record *record, FILE *out)
{
	uint32_t told = stress_record_cases(record), more = more_runs(record);
	uint32_t with[STRESS_BROKEN + 1] = {0};

	for (uint32_t i = 0; i < told; i++)
		with[stress_record_case(record, i).verdict]++;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
		"name=\"lwf-stress\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32
		"\" errors=\"%" PRIu32 "\" skipped=\"%" PRIu32 "\" time=\"%.3f\">\n",
		told + (more > 0), with[STRESS_FAILED], with[STRESS_BROKEN], with[STRESS_SKIPPED],
		(double)record->took_ns / 1e9);
	for (uint32_t i = 0; i < told; i++)
		put_junit_case(record, i, out);
	if (more)
		fprintf(out,
			"<testcase classname=\"lwf-stress\" name=\"and %" PRIu32 " more runs\"/>\n",
			more);
	fputs("</testsuite>\n</testsuites>\n", out);
	return result(out);
}
