/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_html.c - the page of a run; see report.h.
 *
 * In the order of a reader's questions: did it pass, and if not, what was expected, what was found,
 * how do I see it again; what happened when (the picture); how long did pauses take; where did the
 * frames go, and does a witness outside agree; and last, what was run where.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "units.h"

#define ROWS_MAX 200u /* events told in words: the last ones before the failure, or the end */

/* Colours tell the states apart for the colour-blind too: they differ in lightness. */
static const char style[] =
	":root{color-scheme:light "
	"dark;--bg:#fff;--fg:#1b1f24;--dim:#667;--box:#f3f5f7;--edge:#d5dae0}"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e9ec;--dim:#9aa3ad;--box:#"
	"1f2429;"
	"--edge:#3a424a}}"
	"body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:1em;max-width:75em;"
	"background:var(--bg);color:var(--fg)}"
	"h1{font-size:1.4em;margin:.2em 0}h2{font-size:1.1em;margin:1.6em 0 .4em}"
	"code,pre{font:13px/1.4 ui-monospace,monospace}pre{background:var(--box);padding:.7em;"
	"border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4em 0}"
	".verdict{display:inline-block;padding:.1em "
	".7em;border-radius:1em;color:#fff;font-weight:600}"
	".passed{background:#1a7f37}.failed,.broken{background:#c6262e}.skipped{background:#6e7781}"
	".failure{border:2px solid #c6262e;border-radius:8px;padding:.2em 1em;margin:1em 0}"
	".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px}"
	"th,td{text-align:left;padding:.25em .8em .25em 0;border-bottom:1px solid var(--edge);"
	"vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
	".facts td:first-child{color:var(--dim);white-space:nowrap}.facts "
	"td{overflow-wrap:anywhere}"
	".row{display:grid;grid-template-columns:9em 1fr;gap:.6em;align-items:center;margin:2px 0}"
	".name{overflow-wrap:anywhere;font-size:13px}.name small{color:var(--dim)}"
	".row svg rect,.row svg path{shape-rendering:crispEdges}.row svg "
	"path.line{shape-rendering:auto}"
	".row svg{display:block;width:100%;background:var(--box)}"
	".ticks{display:flex;justify-content:space-between;font-size:12px;color:var(--dim)}"
	"@media(max-width:40em){.row{grid-template-columns:1fr;gap:0;margin:6px 0}}"
	".s0,.k0{fill:#8c959f;background:#8c959f}.s1,.k1{fill:#54aeff;background:#54aeff}"
	".s2,.k2{fill:#f2cc60;background:#f2cc60}.s3,.k3{fill:#0a58a8;background:#0a58a8}"
	".s4,.k4{fill:#bc4c00;background:#bc4c00}.s5,.k5{fill:#2da44e;background:#2da44e}"
	".f,.kf{fill:#8250df;background:#8250df}.bad,.kb{fill:#e5121c;background:#e5121c}"
	".o,.ko{fill:var(--fg);background:var(--fg)}"
	".line{fill:none;stroke:#0a58a8;stroke-width:1.5;vector-effect:non-scaling-stroke}"
	".legend span{white-space:nowrap;margin-right:.8em;font-size:13px}"
	".legend i{display:inline-block;width:.9em;height:.9em;border-radius:3px;margin-right:.3em;"
	"vertical-align:-.1em}"
	".bars{display:flex;align-items:flex-end;gap:3px;overflow-x:auto;padding-top:.5em}"
	".bar{flex:1 1 3.4em;min-width:3.4em;text-align:center;font-size:11px}"
	".bar i{display:block;background:#0a58a8;border-radius:2px 2px 0 0;min-height:1px}"
	".gap{align-self:center;color:var(--dim)}.bar b{font-weight:400}.bar span{color:var(--dim)}"
	".no{color:#e5121c;font-weight:600}";

static void put(const char *text, FILE *out)
{
	stress_report_escape(text, out);
}

static void put_head(const struct stress_record *record, FILE *out)
{
	fputs("<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>",
	      out);
	put(record->scenario, out);
	fprintf(out, " seed %" PRIu64 ": %s</title>\n<style>%s</style></head>\n<body>\n",
		record->seed, stress_verdict_name(record->verdict), style);
	fputs("<h1>", out);
	put(record->scenario, out);
	fprintf(out, " <span class=\"verdict %s\" id=verdict>%s</span></h1>\n",
		stress_verdict_name(record->verdict), stress_verdict_name(record->verdict));
}

static void put_failure(const struct stress_record *record, FILE *out)
{
	const struct stress_failure *failure = &record->failure;
	char text[32];

	if (record->verdict == STRESS_PASSED)
		return;
	fputs("<div class=failure><p>", out);
	if (failure->expected[0]) {
		fputs("Expected <code>", out);
		put(failure->expected, out);
		fputs("</code><br>", out);
	}
	fputs("Found <code>", out);
	put(failure->found, out);
	fputs("</code>", out);
	if (failure->line) {
		fputs("<br>at <code>", out);
		put(failure->file, out);
		fprintf(out, ":%" PRIu32 ":%" PRIu32 "</code>", failure->line, failure->column);
	}
	fprintf(out, ", %s after the start</p><p>To see it again:</p><pre>",
		lwf_units_show_duration(failure->time_ns, text, sizeof(text)));
	put(record->replay, out);
	fputs("</pre></div>\n", out);
}

/* ---- tables ---- */

static void put_fact(const char *name, const char *value, FILE *out)
{
	if (!value[0])
		return;
	fprintf(out, "<tr><td>%s</td><td>", name);
	put(value, out);
	fputs("</td></tr>\n", out);
}

static void put_number(const char *name, uint64_t value, FILE *out)
{
	fprintf(out, "<tr><td>%s</td><td>%" PRIu64 "</td></tr>\n", name, value);
}

static void put_facts(const struct stress_record *record, FILE *out)
{
	char text[64];
	time_t began = (time_t)(record->began_ns / 1000000000u);
	struct tm parts;

	fputs("<h2>The run</h2>\n<table class=facts>\n", out);
	put_fact("command", record->command, out);
	put_fact("replay", record->replay, out);
	put_number("seed", record->seed, out);
	put_fact("clock", record->world, out);
	put_fact("version", record->version, out);
	put_fact("file", record->file, out);
	if (stress_record_has_digest(record)) {
		snprintf(text, sizeof(text), "%016" PRIx64, record->digest);
		put_fact("digest", text, out);
	}
	if (record->began_ns && gmtime_r(&began, &parts) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts))
		put_fact("began", text, out);
	put_fact("ran", lwf_units_show_duration(record->ran_ns, text, sizeof(text)), out);
	put_fact("took", lwf_units_show_duration(record->took_ns, text, sizeof(text)), out);
	if (record->runs > 1) {
		put_number("runs", record->runs, out);
		put_number("failed runs", record->failed_runs, out);
	}
	put_number("faults", record->faults, out);
	put_number("link flaps", record->flaps, out);
	put_number("transitions", record->transitions, out);
	put_number("pauses", record->pauses, out);
	put_number("expectations", record->expectations, out);
	put_number("rounds", record->rounds, out);
	put_number("frames", record->frames, out);
	put_number("broken rules", record->rules_broken, out);
	fputs("</table>\n", out);
}

static void put_answers(const uint64_t *column, FILE *out)
{
	bool any = false;

	fputs("<td>", out);
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		if (!column[i])
			continue;
		fprintf(out, "%s%s %" PRIu64, any ? "<br>" : "",
			lwf_status_name(lwf_answer_status((enum lwf_answer)i)), column[i]);
		any = true;
	}
	fputs(any ? "</td>" : "-</td>", out);
}

static void put_count(uint64_t value, bool wrong, FILE *out)
{
	fprintf(out, "<td class=\"n%s\">%" PRIu64 "</td>", wrong ? " no" : "", value);
}

static void put_ledger(const struct stress_record *record, FILE *out)
{
	if (!record->accounts)
		return;
	fputs("<h2>Ledger</h2>\n<div class=scroll><table id=ledger><tr><th>account</th>"
	      "<th class=n>submitted</th><th>completed</th><th>refused</th><th class=n>open</th>"
	      "<th class=n>sent</th><th class=n>of these up</th><th class=n>frames</th><th "
	      "class=n>bytes</th>"
	      "<th class=n>lost</th><th class=n>doubled</th></tr>\n",
	      out);
	for (uint32_t i = 0; i < record->accounts; i++) {
		const struct stress_account *account = &record->account[i];
		const struct lwf_ledger *ledger = &account->ledger;

		fputs("<tr><td>", out);
		put(account->name, out);
		fputs(" <small>", out);
		put(account->kind, out);
		fputs("</small></td>", out);
		put_count(ledger->submitted, false, out);
		put_answers(ledger->completed, out);
		put_answers(ledger->refused, out);
		put_count(lwf_ledger_outstanding(ledger), false, out);
		put_count(ledger->sent, false, out);
		put_count(ledger->indicated, false, out);
		put_count(ledger->frames, false, out);
		put_count(ledger->bytes, false, out);
		put_count(account->lost, account->lost != 0, out);
		put_count(account->doubled, account->doubled != 0, out);
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_witnesses(const struct stress_record *record, FILE *out)
{
	if (!record->witnesses)
		return;
	fputs("<h2>Witnesses</h2>\n<div class=scroll><table><tr><th></th><th class=n>ledger</th>"
	      "<th class=n>outside</th><th></th></tr>\n",
	      out);
	for (uint32_t i = 0; i < record->witnesses; i++) {
		const struct stress_witness *witness = &record->witness[i];
		bool agree = witness->inside == witness->outside;

		fputs("<tr><td>", out);
		put(witness->name, out);
		fprintf(out,
			"</td><td class=n>%" PRId64 "</td><td class=n>%" PRId64
			"</td><td%s</td></tr>\n",
			witness->inside, witness->outside, agree ? ">agree" : " class=no>differ");
	}
	fputs("</table></div>\n", out);
}

static void put_event(const struct stress_record *record, const struct stress_event *event,
		      FILE *out)
{
	const struct stress_lane *lane =
		event->lane < record->lanes ? &record->lane[event->lane] : NULL;
	char text[32];

	fprintf(out, "<tr><td class=n>%s</td><td>",
		lwf_units_show_duration(event->time_ns, text, sizeof(text)));
	if (lane) {
		put(lane->stack, out);
		if (lane->module[0])
			fputc('/', out);
		put(lane->module, out);
	}
	fprintf(out, "</td><td>%s</td><td>",
		stress_event_kind_name((enum stress_event_kind)event->kind));
	if (event->kind == STRESS_EVENT_STATE)
		fprintf(out, "%s &rarr; %s", lwf_state_name((enum lwf_state)event->before),
			lwf_state_name((enum lwf_state)event->after));
	else if (event->kind == STRESS_EVENT_PAUSE)
		fprintf(out, "after %s%s",
			lwf_units_show_duration(event->value, text, sizeof(text)),
			event->flag ? ", was PENDING" : "");
	else if (event->text)
		put(stress_record_text(record, event->text), out);
	else
		fprintf(out, "%" PRIu64, event->value);
	if (event->kind == STRESS_EVENT_FAULT)
		fputs(event->flag ? " (begins)" : " (undone)", out);
	else if (event->kind == STRESS_EVENT_EXPECT)
		fputs(event->flag ? " held" : " <span class=no>did not hold</span>", out);
	fputs("</td></tr>\n", out);
}

static void put_events(const struct stress_record *record, FILE *out)
{
	uint32_t told = 0, first = record->events;

	while (first > 0 && told < ROWS_MAX) {
		first--;
		told += record->event[first].kind != STRESS_EVENT_OUTSTANDING;
	}
	if (!told)
		return;
	fprintf(out,
		"<h2>Last events</h2>\n<details%s><summary>%" PRIu32 " of %" PRIu64
		"</summary><div class=scroll><table>\n",
		record->verdict == STRESS_FAILED ? " open" : "", told,
		(uint64_t)record->events + record->skipped);
	for (uint32_t i = first; i < record->events; i++)
		if (record->event[i].kind != STRESS_EVENT_OUTSTANDING)
			put_event(record, &record->event[i], out);
	fputs("</table></div></details>\n", out);
}

int stress_report_html(const struct stress_record *record, FILE *out)
{
	int err;

	put_head(record, out);
	put_failure(record, out);
	fputs("<h2>What happened</h2>\n", out);
	err = stress_report_picture(record, out);
	fputs("<h2>How long pauses took</h2>\n", out);
	if (!err)
		err = stress_report_latencies(record, out);
	put_ledger(record, out);
	put_witnesses(record, out);
	put_events(record, out);
	put_facts(record, out);
	fputs("</body></html>\n", out);
	return err ? err : ferror(out) ? -EIO : 0;
}
