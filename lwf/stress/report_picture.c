/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_picture.c - the drawings of a report: lanes by state, faults, frames that are out, latencies.
 *
 * Every row is a drawing of COLUMNS by a few units that is stretched to the width of the page, with
 * its name beside it (above it on a phone) as ordinary text. A run may have more transitions than
 * a page has columns: a lane is first added up into columns, how long it was in which state in each,
 * and a column of several states is drawn as a pile of them. So the size of the drawing is bounded,
 * and what is drawn is true at any width.
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define COLUMNS	    1000u
#define LANE_UNITS  20u	  /* height of a lane */
#define LINE_UNITS  60u	  /* height of a drawing of numbers */
#define MARK_UNITS  3.0	  /* width of a moment: seen on a phone too */
#define STATES	    6u	  /* of enum lwf_state */
#define MARKS_MAX   2000u /* with a text of their own; more are drawn without */
#define OPEN_MAX    64u	  /* faults at the same time */
#define GAP_BUCKETS 3u	  /* of latencies that nothing had: drawn as one */

struct picture {
	const struct stress_record *record;
	FILE *out;
	uint64_t end_ns;       /* of what is drawn; more than 0 */
	double (*mix)[STATES]; /* COLUMNS: share of each state in the column */
	double *peak;	       /* COLUMNS: most frames out; -1: not known there */
};

static double column_of(const struct picture *picture, uint64_t time_ns)
{
	double column = (double)time_ns * COLUMNS / (double)picture->end_ns;

	return column < COLUMNS ? column : COLUMNS;
}

static void begin_row(const struct picture *picture, const char *name, const char *detail,
		      unsigned units)
{
	fputs("<div class=row><div class=name>", picture->out);
	stress_report_escape(name, picture->out);
	if (detail[0]) {
		fputs(" <small>", picture->out);
		stress_report_escape(detail, picture->out);
		fputs("</small>", picture->out);
	}
	fprintf(picture->out,
		"</div><svg viewBox=\"0 0 %u %u\" style=\"height:%upx\" preserveAspectRatio=none "
		"role=img>",
		COLUMNS, units, units);
}

static void end_row(const struct picture *picture)
{
	fputs("</svg></div>\n", picture->out);
}

static const char *duration(uint64_t ns, char text[32])
{
	return lwf_units_show_duration(ns, text, 32);
}

/* ---- lanes ---- */

/* From @begin_ns on, until @end_ns, the lane was in @state. */
static void add_state(struct picture *picture, unsigned state, uint64_t begin_ns, uint64_t end_ns)
{
	double begin = column_of(picture, begin_ns), end = column_of(picture, end_ns);

	if (state >= STATES)
		return;
	for (unsigned column = (unsigned)begin; column < COLUMNS && column < end; column++) {
		double from = begin > column ? begin : column;
		double to = end < column + 1 ? end : column + 1;

		picture->mix[column][state] += to - from;
	}
}

/* False: nothing is known of this lane. */
static bool add_lane(struct picture *picture, uint32_t lane)
{
	const struct stress_record *record = picture->record;
	uint64_t since_ns = 0;
	int state = -1;

	memset(picture->mix, 0, COLUMNS * sizeof(picture->mix[0]));
	for (uint32_t i = 0; i < record->events; i++) {
		const struct stress_event *event = &record->event[i];

		if (event->kind != STRESS_EVENT_STATE || event->lane != lane)
			continue;
		add_state(picture, event->before, since_ns, event->time_ns);
		since_ns = event->time_ns;
		state = event->after;
	}
	if (state >= 0)
		add_state(picture, (unsigned)state, since_ns, picture->end_ns);
	return state >= 0;
}

/* The part of the pile that is @state's, all columns in one path; equal neighbours are one piece. */
static void draw_state(const struct picture *picture, unsigned state)
{
	unsigned run = 0;
	double run_top = 0, run_height = 0, sum = 0;

	for (unsigned column = 0; column <= COLUMNS; column++) {
		double top = 0, height = 0;

		if (column < COLUMNS) {
			for (unsigned other = 0; other < state; other++)
				top += picture->mix[column][other] * LANE_UNITS;
			height = picture->mix[column][state] * LANE_UNITS;
			sum += picture->mix[column][state];
		}
		if (run && (height != run_height || top != run_top)) {
			if (run_height > 0.05)
				fprintf(picture->out, "M%u %.1fh%uv%.1fh-%uz", column - run,
					run_top, run, run_height, run);
			run = 0;
		}
		run_top = top;
		run_height = height;
		run++;
	}
	fprintf(picture->out, "\"><title>%s: %.1f %% of the time</title></path>",
		lwf_state_name((enum lwf_state)state), 100 * sum / COLUMNS);
}

static void draw_lane(struct picture *picture, uint32_t lane)
{
	const struct stress_lane *what = &picture->record->lane[lane];
	bool is_module = what->module[0] != '\0';

	if (!add_lane(picture, lane)) {
		begin_row(picture, is_module ? what->module : what->stack, "no transition", 4);
		end_row(picture);
		return;
	}
	begin_row(picture, is_module ? what->module : what->stack,
		  is_module ? what->stack : "stack", LANE_UNITS);
	for (unsigned state = 0; state < STATES; state++) {
		fprintf(picture->out, "<path class=s%u d=\"M0 0", state);
		draw_state(picture, state);
	}
	end_row(picture);
}

/* ---- marks ---- */

struct mark {
	uint32_t text;
	enum stress_fault fault;
	char object[STRESS_NAME_BYTES * 2];
	uint64_t begin_ns;
};

static void draw_mark(const struct picture *picture, const char *class, uint64_t begin_ns,
		      uint64_t end_ns, const char *text, bool with_title)
{
	char at[32];
	double x = column_of(picture, begin_ns), width = column_of(picture, end_ns) - x;

	fprintf(picture->out, "<rect class=%s x=\"%.2f\" width=\"%.2f\" height=\"%u\"", class, x,
		width > MARK_UNITS ? width : MARK_UNITS, LANE_UNITS);
	if (!with_title) {
		fputs("/>", picture->out);
		return;
	}
	fprintf(picture->out, "><title>%s: ", duration(begin_ns, at));
	stress_report_escape(text, picture->out);
	fputs("</title></rect>", picture->out);
}

/* "link lan0.lower down", "fault lan0.lower link down": which fault, and of what. */
static struct mark read_fault(const struct stress_record *record, const struct stress_event *event)
{
	struct mark mark = {event->text, STRESS_FAULT_NONE, "", event->time_ns};
	char first[STRESS_NAME_BYTES], third[STRESS_NAME_BYTES], fourth[STRESS_NAME_BYTES] = "";
	char words[2 * STRESS_NAME_BYTES];

	/* the widths are those of the arrays, less their final 0 */
	_Static_assert(STRESS_NAME_BYTES >= 16, "words of a fault");
	if (sscanf(stress_record_text(record, event->text), "%15s %31s %15s %15s", first,
		   mark.object, third, fourth) < 2)
		return mark;
	snprintf(words, sizeof(words), "%s %s", first, third);
	mark.fault = stress_fault_find(words);
	if (mark.fault == STRESS_FAULT_NONE) {
		snprintf(words, sizeof(words), "%s %s", third, fourth);
		mark.fault = stress_fault_find(words);
	}
	return mark;
}

/* True when @mark ends @open: it is the same one that is undone, or what undoes it. */
static bool ends(const struct mark *open, const struct mark *mark)
{
	return open->text == mark->text ||
	       (open->fault != STRESS_FAULT_NONE && strcmp(open->object, mark->object) == 0 &&
		stress_fault_row(open->fault)->undo == mark->fault);
}

static void draw_fault(const struct picture *picture, const struct mark *mark, uint64_t end_ns,
		       uint32_t *drawn)
{
	++*drawn;
	draw_mark(picture, "f", mark->begin_ns, end_ns,
		  stress_record_text(picture->record, mark->text), *drawn <= MARKS_MAX);
}

/* As long as they lasted. One that is never undone (a client is killed) is a moment. */
static void draw_faults(const struct picture *picture)
{
	const struct stress_record *record = picture->record;
	struct mark open[OPEN_MAX];
	uint32_t opened = 0, drawn = 0;

	for (uint32_t i = 0; i < record->events && drawn < 10 * MARKS_MAX; i++) {
		const struct stress_event *event = &record->event[i];
		struct mark mark;
		bool again = false, ended = false;

		if (event->kind != STRESS_EVENT_FAULT)
			continue;
		mark = read_fault(record, event);
		for (uint32_t n = 0; n < opened && !ended; n++) {
			if (!ends(&open[n], &mark))
				continue;
			again = event->flag && open[n].text == mark.text;
			draw_fault(picture, &open[n], again ? open[n].begin_ns : event->time_ns,
				   &drawn);
			open[n] = open[--opened];
			ended = true;
		}
		if (event->flag && (!ended || again) && opened < OPEN_MAX)
			open[opened++] = mark;
	}
	for (uint32_t n = 0; n < opened; n++)
		draw_fault(picture, &open[n], open[n].begin_ns, &drawn);
}

/* What failed, what the user ordered, notes. */
static void draw_others(const struct picture *picture)
{
	const struct stress_record *record = picture->record;
	uint32_t drawn = 0;

	for (uint32_t i = 0; i < record->events && drawn < MARKS_MAX; i++) {
		const struct stress_event *event = &record->event[i];
		const char *class = NULL;

		if ((event->kind == STRESS_EVENT_EXPECT && !event->flag) ||
		    event->kind == STRESS_EVENT_RULE)
			class = "bad";
		else if (event->kind == STRESS_EVENT_ORDER || event->kind == STRESS_EVENT_NOTE)
			class = "o";
		if (!class)
			continue;
		drawn++;
		draw_mark(picture, class, event->time_ns, event->time_ns,
			  stress_record_text(record, event->text), true);
	}
}

/* ---- frames that are out ---- */

static uint64_t find_peaks(struct picture *picture, uint32_t lane)
{
	const struct stress_record *record = picture->record;
	uint64_t most = 0;
	bool any = false;

	for (unsigned column = 0; column < COLUMNS; column++)
		picture->peak[column] = -1;
	for (uint32_t i = 0; i < record->events; i++) {
		const struct stress_event *event = &record->event[i];
		unsigned column;

		if (event->kind != STRESS_EVENT_OUTSTANDING || event->lane != lane)
			continue;
		any = true;
		column = (unsigned)column_of(picture, event->time_ns);
		if (column == COLUMNS)
			column--;
		if ((double)event->value > picture->peak[column])
			picture->peak[column] = (double)event->value;
		if (event->value > most)
			most = event->value;
	}
	return any ? most : UINT64_MAX;
}

static void draw_outstanding(struct picture *picture, uint32_t lane)
{
	const struct stress_lane *of = &picture->record->lane[lane];
	uint64_t most = find_peaks(picture, lane);
	char detail[64] = "frames out, none ever seen";
	unsigned units;
	double scale;
	bool first = true;

	if (most == UINT64_MAX) {
		/* what stays 0 is never told; that it did is worth a line all the same */
		if (of->module[0] || !add_lane(picture, lane))
			return;
		picture->peak[0] = picture->peak[COLUMNS - 1] = 0;
		most = 0;
	} else {
		snprintf(detail, sizeof(detail), "frames out, at most %" PRIu64, most);
	}
	units = most ? LINE_UNITS : LANE_UNITS;
	begin_row(picture, of->stack, detail, units);
	scale = (units - 2) / (double)(most ? most : 1);
	fputs("<path class=line d=\"", picture->out);
	for (unsigned column = 0; column < COLUMNS; column++) {
		if (picture->peak[column] < 0)
			continue;
		fprintf(picture->out, "%c%u %.1f", first ? 'M' : 'L', column,
			units - 1 - picture->peak[column] * scale);
		first = false;
	}
	fputs("\"/>", picture->out);
	end_row(picture);
}

static void draw_axis(const struct picture *picture)
{
	char text[32];

	fputs("<div class=\"row axis\"><div class=name></div><div class=ticks>", picture->out);
	for (unsigned i = 0; i <= 4; i++)
		fprintf(picture->out, "<span>%s</span>",
			i ? duration(picture->end_ns / 4 * i, text) : "0");
	fputs("</div></div>\n", picture->out);
}

static void draw_legend(FILE *out)
{
	fputs("<p class=legend>", out);
	for (unsigned state = 0; state < STATES; state++)
		fprintf(out, "<span><i class=k%u></i>%s</span> ", state,
			lwf_state_name((enum lwf_state)state));
	fputs("<span><i class=kf></i>fault</span> <span><i class=kb></i>broken expectation or "
	      "rule</span>"
	      " <span><i class=ko></i>order, note</span></p>\n",
	      out);
}

static uint64_t end_of(const struct stress_record *record)
{
	uint64_t last_ns = record->events ? record->event[record->events - 1].time_ns : 0;

	if (record->skipped && last_ns)
		return last_ns; /* further on nothing is known */
	if (record->ran_ns > last_ns)
		last_ns = record->ran_ns;
	return last_ns ? last_ns : 1;
}

int stress_report_picture(const struct stress_record *record, FILE *out)
{
	struct picture picture = {.record = record, .out = out, .end_ns = end_of(record)};
	int err = 0;

	picture.mix = calloc(COLUMNS, sizeof(picture.mix[0]));
	picture.peak = calloc(COLUMNS, sizeof(picture.peak[0]));
	if (!picture.mix || !picture.peak) {
		err = -ENOMEM;
		goto out_free;
	}
	draw_legend(out);
	fputs("<div class=picture>\n", out);
	begin_row(&picture, "faults", "", LANE_UNITS);
	draw_faults(&picture);
	draw_others(&picture);
	end_row(&picture);
	for (uint32_t lane = 0; lane < record->lanes; lane++)
		draw_lane(&picture, lane);
	for (uint32_t lane = 0; lane < record->lanes; lane++)
		draw_outstanding(&picture, lane);
	draw_axis(&picture);
	fputs("</div>\n", out);
	if (record->skipped)
		fprintf(out,
			"<p>%" PRIu64 " further events were counted and not kept: the picture ends "
			"where the kept ones do.</p>\n",
			record->skipped);
	err = ferror(out) ? -EIO : 0;
out_free:
	free(picture.mix);
	free(picture.peak);
	return err;
}

/* ---- latencies ---- */

/* From bucket @i on, before @last, the last that has any: a long way without one is a gap in the row. */
static unsigned skip_empty(const struct stress_histogram *pause, unsigned i, unsigned last,
			   FILE *out)
{
	unsigned next = i;

	while (next < last && !pause->bucket[next])
		next++;
	if (next - i < GAP_BUCKETS)
		return i;
	fputs("<div class=gap>&hellip;</div>", out);
	return next;
}

int stress_report_latencies(const struct stress_record *record, FILE *out)
{
	const struct stress_histogram *pause = &record->pause;
	unsigned first = 0, last = STRESS_BUCKETS - 1;
	uint64_t most = 1;
	char text[4][32];

	if (!pause->count) {
		fputs("<p>No module paused.</p>\n", out);
		return ferror(out) ? -EIO : 0;
	}
	while (first < last && !pause->bucket[first])
		first++;
	while (last > first && !pause->bucket[last])
		last--;
	for (unsigned i = first; i <= last; i++)
		if (pause->bucket[i] > most)
			most = pause->bucket[i];
	fprintf(out,
		"<p>%" PRIu64 " pauses of modules, %" PRIu64
		" answered PENDING. p50 %s, p99 %s, p99.9 %s, longest %s (upper ends of the "
		"bars).</p>\n"
		"<div class=bars>",
		pause->count, record->pended, duration(stress_histogram_at(pause, 500), text[0]),
		duration(stress_histogram_at(pause, 990), text[1]),
		duration(stress_histogram_at(pause, 999), text[2]),
		duration(pause->max_ns, text[3]));
	for (unsigned i = first; i <= last; i++) {
		i = skip_empty(pause, i, last, out);
		fprintf(out,
			"<div class=bar><b>%" PRIu64 "</b><i style=\"height:%.1fpx\"></i>"
			"<span>%s%s</span></div>",
			pause->bucket[i], 100.0 * (double)pause->bucket[i] / (double)most,
			i ? "&lt;" : "", i ? duration(1ull << (i < 63 ? i : 63), text[0]) : "0");
	}
	fputs("</div>\n", out);
	return ferror(out) ? -EIO : 0;
}
