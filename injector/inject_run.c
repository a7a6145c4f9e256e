/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_run.c - what is due, and what became of it.
 *
 * A record counts as submitted when it is handed over, and its answer is counted in the column that the
 * answer names; nothing here is derived from anything else.
 */
#include "inject_run.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "inject_verify.h"

#define SLICE_NS 100000u /* the shortest there is */
#define YIELD_NS 10000u	 /* nearer than that the processor is kept */

atomic_int inject_signals;

static void on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&inject_signals, 1);
}

void inject_run_signals(void)
{
	const int caught[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, NULL); /* no SA_RESTART: waits end */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

/* As the kernel lays it out; C libraries have it since 2025. */
struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

void inject_run_be_prompt(const struct inject_run *run)
{
	struct scheduling mine = {.size = sizeof(mine)};

	prctl(PR_SET_TIMERSLACK, 1ul); /* not up to 50 us late */
	/* A short slice (Linux 6.12) goes before a long one: else who wakes on a busy processor waits for
	 * the end of another's, 3 ms. */
	if (!inject_pace_is_paced(&run->pace) ||
	    syscall(SYS_sched_getattr, 0, &mine, sizeof(mine), 0) != 0 ||
	    mine.policy != SCHED_OTHER)
		return;
	mine.runtime_ns = SLICE_NS;
	syscall(SYS_sched_setattr, 0, &mine, 0);
}

uint64_t inject_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void inject_run_init(struct inject_run *run, const struct inject_options *options,
		     struct inject_source *source)
{
	memset(run, 0, sizeof(*run));
	run->options = options;
	run->source = source;
	run->progress = isatty(STDERR_FILENO) == 1;
	inject_pace_init(&run->pace, &options->pace);
	/* alone on a processor, who looks at the clock is in the way of those that take the frames */
	run->pace.may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

uint64_t inject_run_spin(uint64_t due_ns, bool yields)
{
	uint64_t now_ns = inject_now_ns();

	while (now_ns < due_ns && !atomic_load_explicit(&inject_signals, memory_order_relaxed)) {
		if (yields && due_ns - now_ns > YIELD_NS)
			sched_yield();
		now_ns = inject_now_ns();
	}
	return now_ns;
}

static uint64_t left_of_limit(const struct inject_run *run)
{
	return run->options->limit - run->handed;
}

/* When nothing more goes; for ever, or not known before the first frame. */
static uint64_t end_ns(const struct inject_run *run)
{
	if (!run->options->duration_ns || !run->start_ns)
		return INJECT_FOREVER_NS;
	return run->start_ns + run->options->duration_ns;
}

/* Between buffers of a send queue. True: nothing goes now, *due says what is to be waited for. */
static bool is_at_buffers_end(struct inject_run *run, const struct inject_record *record,
			      enum inject_due *due)
{
	switch (inject_pace_look(&run->pace, record->stamp_ns, record->begins_pass)) {
	case INJECT_PACE_GOES:
		return false;
	case INJECT_PACE_TIME_INVALID:
		lwf_error_set(&run->fault, LWF_EXIT_USAGE, run->options->file,
			      "sort it (reordercap), or inject it without --timing npcap",
			      "the time stamp of record %" PRIu64 " lies %" PRIu64
			      " us before that of its neighbour (ERROR_INVALID_TIME)",
			      run->handed + 1, (run->pace.last_stamp_ns - record->stamp_ns) / 1000);
		*due = INJECT_DUE_NEVER;
		return true;
	case INJECT_PACE_BUFFER_ENDS:
		break;
	}
	run->awaits_all = lwf_ledger_outstanding(&run->ledger) != 0;
	if (run->awaits_all) {
		*due = INJECT_DUE_ANSWERS;
		return true;
	}
	inject_pace_next_buffer(&run->pace, record->stamp_ns, record->begins_pass);
	return false;
}

enum inject_due inject_run_due(struct inject_run *run, uint64_t now_ns,
			       struct inject_record *records, uint32_t max, uint32_t *count,
			       uint64_t *due_ns)
{
	struct inject_pace pace;
	enum inject_due other;
	uint32_t found, due = 0;

	*count = 0;
	*due_ns = end_ns(run);
	if (now_ns >= *due_ns)
		return INJECT_DUE_NEVER;
	if (left_of_limit(run) < max)
		max = (uint32_t)left_of_limit(run);
	if (max == 0)
		return INJECT_DUE_NEVER;
	switch (inject_source_peek(run->source, records, max, &found)) {
	case INJECT_SOURCE_END:
		return INJECT_DUE_NEVER;
	case INJECT_SOURCE_WAIT:
		return INJECT_DUE_INPUT;
	case INJECT_SOURCE_MORE:
		break;
	}
	if (is_at_buffers_end(run, &records[0], &other))
		return other;
	*due_ns = inject_pace_due_ns(&run->pace, records[0].stamp_ns, now_ns);
	if (*due_ns > end_ns(run))
		*due_ns = end_ns(run);
	if (*due_ns > now_ns)
		return inject_pace_waits(&run->pace) ? INJECT_DUE_ANSWERS : INJECT_DUE_LATER;
	pace = run->pace; /* a copy: they count only when they are handed over */
	while (due < found &&
	       inject_pace_look(&pace, records[due].stamp_ns, records[due].begins_pass) ==
		       INJECT_PACE_GOES &&
	       inject_pace_due_ns(&pace, records[due].stamp_ns, now_ns) <= now_ns) {
		inject_pace_went(&pace, records[due].stamp_ns, records[due].captured, now_ns);
		due++;
	}
	*count = due;
	return INJECT_DUE_NOW;
}

void inject_run_handed(struct inject_run *run, const struct inject_record *records, uint32_t count)
{
	bool stamped = run->options->pace.kind != INJECT_PACE_TOPSPEED;
	uint64_t now_ns = stamped || run->start_ns == 0 ? inject_now_ns() : 0;

	if (count && run->start_ns == 0)
		run->start_ns = now_ns;
	for (uint32_t i = 0; stamped && i < count; i++) {
		bool first = !run->pace.started; /* the schedule's begin */
		uint64_t late_ns = inject_pace_went(&run->pace, records[i].stamp_ns,
						    records[i].captured, now_ns);

		if (!first && inject_pace_is_paced(&run->pace))
			inject_histogram_add(&run->lateness, late_ns);
	}
	run->handed += count;
	run->ledger.submitted += count;
	inject_source_pass(run->source, count);
}

bool inject_run_is_short(const struct inject_run *run, const struct inject_record *record)
{
	return record->captured < record->length && !run->options->send_truncated;
}

bool inject_run_answered(struct inject_run *run, const struct inject_answer *answer)
{
	enum lwf_answer column = lwf_status_answer(answer->status);
	bool waits = inject_pace_waits(&run->pace);

	if (waits)
		inject_pace_left(&run->pace, inject_now_ns());

	if (answer->refused)
		run->ledger.refused[column]++;
	else
		run->ledger.completed[column]++;
	run->reasons[answer->reason]++;
	if (column == LWF_ANSWER_FAILURE && answer->error)
		run->last_error = answer->error;
	if (column == LWF_ANSWER_SUCCESS && !answer->refused) {
		run->ledger.sent++;
		run->ledger.frames += answer->frames;
		run->ledger.bytes += answer->bytes;
	}
	if (run->awaits_all && lwf_ledger_outstanding(&run->ledger) == 0) {
		run->awaits_all = false;
		waits = true;
	}
	return waits;
}

/* ---- the program ---- */

static void warn_of_length(const struct inject_options *options, const struct inject_source *source)
{
	char text[32];
	double span_ns = (double)inject_source_span_ns(source) / options->pace.speed;

	if (options->pace.kind != INJECT_PACE_GAPS || span_ns < 600e9)
		return;
	lwf_units_show_duration(span_ns > 1e19 ? UINT64_MAX : (uint64_t)span_ns, text,
				sizeof(text));
	lwf_cli_note(INJECT_PROGRAM,
		     "%s lasts %s at this speed; --topspeed, --rate or --speed make it shorter",
		     options->file, text);
}

int inject_command(int argc, char **argv)
{
	struct inject_options options;
	struct inject_source *source;
	struct inject_run run;
	struct lwf_error error;
	int code;

	if (!inject_options_read(argc, argv, &options, &code))
		return code;
	inject_run_signals();
	if (options.verify)
		return inject_listen(&options);
	code = options.has_template
		       ? inject_source_open_template(&options.template, options.loops, &source,
						     &error)
		       : inject_source_open(options.file, &options.rewrite, options.loops,
					    &inject_signals, &source, &error);
	if (code == -EINTR) { /* before anything was sent; the ledger says so */
		inject_run_init(&run, &options, NULL);
		return inject_run_report(&run);
	}
	if (code)
		return lwf_cli_error(INJECT_PROGRAM, &error);
	warn_of_length(&options, source);
	inject_run_init(&run, &options, source);
	code = options.nic ? inject_nic(&run) : inject_session(&run);
	if (code == LWF_EXIT_OK)
		code = inject_run_report(&run);
	inject_source_close(source);
	return code;
}
