/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_text.c - KTAP and JUnit; see report.h.
 *
 * A failed case says three things: what was expected (and what was found instead), the seed, and the
 * command that shows it again.
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

int stress_report_ktap_begin(uint32_t cases, FILE *out)
{
	fputs("KTAP version 1\n", out);
	if (cases)
		fprintf(out, "1..%" PRIu32 "\n", cases);
	return result(out);
}

int stress_report_ktap_end(uint32_t planned, uint32_t cases, FILE *out)
{
	if (!planned)
		fprintf(out, "1..%" PRIu32 "\n", cases);
	return result(out);
}

int stress_report_ktap_case(const struct stress_record *record, uint32_t number, FILE *out)
{
	const struct stress_failure *failure = &record->failure;

	if (record->verdict == STRESS_FAILED || record->verdict == STRESS_BROKEN) {
		fputs("# expected: ", out);
		put_line_text(failure->expected, out);
		fputs("; found: ", out);
		put_line_text(failure->found, out);
		if (failure->line)
			fprintf(out, " (%s:%" PRIu32 ":%" PRIu32 ")", failure->file, failure->line,
				failure->column);
		fprintf(out, "\n# seed: %" PRIu64 "\n# replay: ", record->seed);
		put_line_text(record->replay, out);
		fputc('\n', out);
	}
	fputs(record->verdict == STRESS_PASSED || record->verdict == STRESS_SKIPPED ? "ok"
										    : "not ok",
	      out);
	fprintf(out, " %" PRIu32 " ", number);
	put_line_text(record->scenario, out);
	fprintf(out, " %s seed %" PRIu64, record->world, record->seed);
	if (record->verdict == STRESS_SKIPPED) {
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

static void put_case(const struct stress_record *record, FILE *out)
{
	const struct stress_failure *failure = &record->failure;

	fputs("  <testcase", out);
	put_attribute("classname", record->scenario, out);
	fprintf(out, " name=\"%s seed %" PRIu64 "\" time=\"%.3f\"", record->world, record->seed,
		(double)record->took_ns / 1e9);
	if (record->verdict == STRESS_PASSED) {
		fputs("/>\n", out);
		return;
	}
	fputs(">\n    <", out);
	if (record->verdict == STRESS_SKIPPED) {
		fputs("skipped", out);
		put_attribute("message", failure->found, out);
		fputs("/>\n  </testcase>\n", out);
		return;
	}
	fputs(record->verdict == STRESS_FAILED ? "failure" : "error", out);
	put_attribute("message", failure->expected, out);
	fputc('>', out);
	if (failure->line) {
		stress_report_escape(failure->file, out);
		fprintf(out, ":%" PRIu32 ":%" PRIu32 ": ", failure->line, failure->column);
	}
	stress_report_escape(failure->found, out);
	fprintf(out, "\nseed %" PRIu64 "\nreplay: ", record->seed);
	stress_report_escape(record->replay, out);
	fprintf(out, "</%s>\n  </testcase>\n",
		record->verdict == STRESS_FAILED ? "failure" : "error");
}

int stress_report_junit(const struct stress_record *const *records, uint32_t count, FILE *out)
{
	uint32_t verdicts[4] = {0};
	double seconds = 0;

	for (uint32_t i = 0; i < count; i++) {
		verdicts[records[i]->verdict]++;
		seconds += (double)records[i]->took_ns / 1e9;
	}
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"lwf-stress\" "
		"tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"%" PRIu32
		"\" skipped=\"%" PRIu32 "\" time=\"%.3f\">\n",
		count, verdicts[STRESS_FAILED], verdicts[STRESS_BROKEN], verdicts[STRESS_SKIPPED],
		seconds);
	for (uint32_t i = 0; i < count; i++)
		put_case(records[i], out);
	fputs("</testsuite>\n", out);
	return result(out);
}
