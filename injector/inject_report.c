/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_report.c - how a run is told: progress on a terminal, the ledger at the end.
 *
 * The ledger goes to stdout, as a table or as one line of JSON; everything else goes to stderr.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "inject_run.h"

#define PROGRESS_NS 500000000ull

static double seconds_of(uint64_t ns)
{
	return (double)ns / 1e9;
}

static uint64_t run_ns(const struct inject_run *run)
{
	return run->end_ns > run->start_ns && run->start_ns ? run->end_ns - run->start_ns : 0;
}

/* ---- progress ---- */

/* Frames that this run will come to; 0: not known. */
static uint64_t expected(const struct inject_run *run)
{
	uint64_t total = inject_source_total(run->source);

	if (run->options->limit == UINT64_MAX)
		return total;
	return total && total < run->options->limit ? total : run->options->limit;
}

void inject_run_progress(struct inject_run *run, uint64_t now_ns)
{
	uint64_t total, passed_ns;
	char rate_text[32], left_text[32];
	double rate;

	if (!run->progress || run->start_ns == 0 || now_ns - run->progress_ns < PROGRESS_NS)
		return;
	run->progress_ns = now_ns;
	passed_ns = now_ns - run->start_ns;
	if (passed_ns < PROGRESS_NS)
		return;
	total = expected(run);
	rate = (double)run->handed / seconds_of(passed_ns);
	lwf_units_show_scaled(rate, rate_text, sizeof(rate_text));
	if (total == 0 || rate < 1e-3) {
		fprintf(stderr, "\r\033[K%" PRIu64 " frames, %spps", run->handed, rate_text);
		return;
	}
	lwf_units_show_duration((uint64_t)((double)(total - run->handed) / rate * 1e9), left_text,
				sizeof(left_text));
	fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " frames, %spps, %s left", run->handed,
		total, rate_text, left_text);
}

static void end_progress(const struct inject_run *run)
{
	if (run->progress && run->progress_ns)
		fputs("\r\033[K", stderr);
}

/* ---- JSON ---- */

/* SUCCESS and PAUSED are always there, so that scripts can rely on them; others when they occur. */
static json_t *json_answers(const uint64_t *answers, enum lwf_answer always)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < LWF_ANSWERS; i++) {
		lwf_status status = lwf_answer_status((enum lwf_answer)i);

		if (answers[i] || i == (unsigned)always)
			json_object_set_new(object, lwf_status_name(status),
					    json_integer((json_int_t)answers[i]));
	}
	return object;
}

static double us_of(uint64_t ns)
{
	return (double)ns / 1e3;
}

/* NULL without a schedule: nothing of it is told then. */
static json_t *json_pacing(const struct inject_run *run)
{
	const struct inject_histogram *late = &run->lateness;

	if (!inject_pace_is_paced(&run->pace))
		return NULL;
	return json_pack(
		"{s:f,s:f,s:f,s:f,s:o*}", "p50_us", us_of(inject_histogram_quantile_ns(late, 500)),
		"p99_us", us_of(inject_histogram_quantile_ns(late, 990)), "max_us",
		us_of(late->max_ns), "slipped_ms", (double)run->pace.slipped_ns / 1e6, "splits",
		run->pace.config.kind == INJECT_PACE_NPCAP
			? json_integer((json_int_t)run->pace.splits)
			: NULL);
}

static int print_json(const struct inject_run *run)
{
	const struct lwf_ledger *ledger = &run->ledger;

	return lwf_cli_json(json_pack(
		"{s:I,s:o,s:o,s:I,s:I,s:I,s:f,s:o*}", "submitted", (json_int_t)ledger->submitted,
		"completed", json_answers(ledger->completed, LWF_ANSWER_SUCCESS), "refused",
		json_answers(ledger->refused, LWF_ANSWER_PAUSED), "sent", (json_int_t)ledger->sent,
		"frames", (json_int_t)ledger->frames, "bytes", (json_int_t)ledger->bytes, "seconds",
		seconds_of(run_ns(run)), "pacing", json_pacing(run)));
}

/* ---- the table ---- */

static void print_group(const char *title, const uint64_t *answers, uint32_t last_error)
{
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		enum lwf_answer answer = (enum lwf_answer)i;

		if (answers[i] == 0)
			continue;
		printf("%-10s %-19s %12" PRIu64 "   %s", title,
		       lwf_status_name(lwf_answer_status(answer)), answers[i],
		       lwf_answer_text(answer));
		if (answer == LWF_ANSWER_FAILURE && last_error)
			printf(": %s", strerror((int)last_error));
		putchar('\n');
		title = "";
	}
}

static void print_reasons(const struct inject_run *run)
{
	bool title = false;

	for (unsigned i = LWF_REASON_NONE + 1; i < LWF_REASONS; i++) {
		if (run->reasons[i] == 0)
			continue;
		printf("%-10s %-19s %12" PRIu64 "   %s\n", title ? "" : "reasons",
		       lwf_reason_name((enum lwf_reason)i), run->reasons[i],
		       lwf_reason_text((enum lwf_reason)i));
		title = true;
	}
}

static void print_rate(const struct inject_run *run)
{
	const struct inject_pace_config *pace = &run->options->pace;
	double seconds = seconds_of(run_ns(run));
	char text[32];

	printf("%-10s %.3f s", "time", seconds);
	if (seconds > 0.0) {
		lwf_units_show_scaled((double)run->ledger.submitted / seconds, text, sizeof(text));
		printf(", %spps submitted", text);
		lwf_units_show_scaled((double)run->ledger.bytes * 8.0 / seconds, text,
				      sizeof(text));
		printf(", %sbps sent", text);
	}
	if (pace->kind == INJECT_PACE_RATE) {
		lwf_units_show_scaled(pace->rate.per_second, text, sizeof(text));
		printf(" (asked for %s%s)", text, pace->rate.kind == LWF_RATE_BITS ? "bps" : "pps");
	}
	if (run->pace.slipped_ns) {
		lwf_units_show_duration(run->pace.slipped_ns, text, sizeof(text));
		printf("; %s behind the schedule were not caught up", text);
	}
	putchar('\n');
}

static void print_pacing(const struct inject_run *run)
{
	const struct inject_histogram *late = &run->lateness;

	if (!late->count)
		return;
	printf("%-10s late by %.1f us (p50), %.1f us (p99), %.1f us (most)", "pacing",
	       us_of(inject_histogram_quantile_ns(late, 500)),
	       us_of(inject_histogram_quantile_ns(late, 990)), us_of(late->max_ns));
	if (run->pace.splits)
		printf("; %" PRIu64 " gaps of more than 1 s, each of which split the queue",
		       run->pace.splits);
	putchar('\n');
}

static void print_table(const struct inject_run *run)
{
	const struct lwf_ledger *ledger = &run->ledger;
	const struct inject_options *options = run->options;

	printf("%s > %s, %s\n", options->file, options->nic ? options->nic : options->stack,
	       options->receive ? "receive" : "send");
	printf("%-10s %-19s %12" PRIu64 "\n", "submitted", "", ledger->submitted);
	print_group("completed", ledger->completed, run->last_error);
	print_group("refused", ledger->refused, run->last_error);
	print_reasons(run);
	printf("%-10s %-19s %12" PRIu64 "   %" PRIu64 " frames, %" PRIu64 " bytes on the wire\n",
	       "sent", "", ledger->sent, ledger->frames, ledger->bytes);
	print_rate(run);
	print_pacing(run);
}

/* ---- the end ---- */

static int exit_code(const struct inject_run *run)
{
	const struct lwf_ledger *ledger = &run->ledger;
	const struct lwf_error *fault = run->source ? inject_source_fault(run->source) : NULL;

	if (run->gone)
		lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE,
			     run->options->stack ? run->options->stack : run->options->nic,
			     ledger->completed[LWF_ANSWER_UNKNOWN]
				     ? "what was in flight is counted as UNKNOWN"
				     : "start it again, and inject the rest",
			     "%s", run->gone);
	if (lwf_ledger_outstanding(ledger) != 0)
		lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, "ledger", "please report this",
			     "%" PRId64 " frames have no answer, or more than one",
			     (int64_t)lwf_ledger_outstanding(ledger));
	if (!fault && run->fault.exit != LWF_EXIT_OK)
		fault = &run->fault;
	if (fault)
		return lwf_cli_error(INJECT_PROGRAM, fault);
	if (atomic_load(&inject_signals) || run->gone)
		return LWF_EXIT_FALSE;
	return ledger->completed[LWF_ANSWER_SUCCESS] == ledger->submitted ? LWF_EXIT_OK
									  : LWF_EXIT_FALSE;
}

int inject_run_report(struct inject_run *run)
{
	int code, err = 0;

	end_progress(run);
	if (run->options->json)
		err = print_json(run);
	else
		print_table(run);
	code = exit_code(run);
	if (err && code == LWF_EXIT_OK)
		code = LWF_EXIT_FALSE;
	return lwf_cli_finish(INJECT_PROGRAM, code);
}
