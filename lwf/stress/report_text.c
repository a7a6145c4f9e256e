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

int stress_report_ktap(const struct stress_record *record, FILE *out)
{
	const struct stress_failure *failure = &record->failure;
	bool skipped = record->verdict == STRESS_SKIPPED;

	fputs("KTAP version 1\n1..1\n", out);
	if (record->verdict == STRESS_FAILED || record->verdict == STRESS_BROKEN) {
		fputs("# expected: ", out);
		put_line_text(failure->expected, out);
		if (failure->line)
			fprintf(out, " (%s:%" PRIu32 ":%" PRIu32 ")", failure->file, failure->line,
				failure->column);
		fputs("; found: ", out);
		put_line_text(failure->found, out);
		fprintf(out, "\n# seed: %" PRIu64 "\n# replay: ", record->seed);
		put_line_text(record->replay, out);
		fputc('\n', out);
	}
	fprintf(out, "# %s, ", record->world);
	put_seeds(record, out);
	fprintf(out, ", digest %016" PRIx64 ", %" PRIu64 " flaps, %" PRIu64 " pauses\n",
		record->digest, record->flaps, record->pauses);
	fputs(record->verdict == STRESS_PASSED || skipped ? "ok 1 " : "not ok 1 ", out);
	put_line_text(record->scenario, out);
	if (skipped) {
		fputs(" # SKIP ", out);
		put_line_text(failure->found, out);
	}
	fputc('\n', out);
	return result(out);
}

/* ---- JUnit ---- */

static void put_attribute(const char *name, const char *value, FILE *out)
{
	fprintf(out, " %s=\"", name);
	stress_report_escape(value, out);
	fputc('"', out);
}

static void put_bad(const struct stress_record *record, const char *element, FILE *out)
{
	const struct stress_failure *failure = &record->failure;

	fprintf(out, "<%s", element);
	put_attribute("message", failure->expected, out);
	fputc('>', out);
	if (failure->line) {
		stress_report_escape(failure->file, out);
		fprintf(out, ":%" PRIu32 ":%" PRIu32 ": ", failure->line, failure->column);
	}
	stress_report_escape(failure->found, out);
	fprintf(out, "\nseed %" PRIu64 "\nreplay: ", record->seed);
	stress_report_escape(record->replay, out);
	fprintf(out, "</%s>\n", element);
}

int stress_report_junit(const struct stress_record *record, FILE *out)
{
	bool failed = record->verdict == STRESS_FAILED, broken = record->verdict == STRESS_BROKEN,
	     skipped = record->verdict == STRESS_SKIPPED;
	double seconds = (double)record->took_ns / 1e9;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
		"name=\"lwf-stress\" tests=\"1\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" "
		"time=\"%.3f\">\n<testcase",
		failed, broken, skipped, seconds);
	put_attribute("classname", record->file, out);
	put_attribute("name", record->scenario, out);
	fprintf(out, " time=\"%.3f\">\n<properties><property name=\"world\"", seconds);
	put_attribute("value", record->world, out);
	fputs("/><property name=\"runs\" value=\"", out);
	put_seeds(record, out);
	fputs("\"/></properties>\n", out);
	if (failed)
		put_bad(record, "failure", out);
	if (broken)
		put_bad(record, "error", out);
	if (skipped) {
		fputs("<skipped", out);
		put_attribute("message", record->failure.found, out);
		fputs("/>\n", out);
	}
	fputs("</testcase>\n</testsuite>\n</testsuites>\n", out);
	return result(out);
}
