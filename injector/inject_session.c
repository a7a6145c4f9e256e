/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_session.c - a run through lwfd: keep the ring full of what is due, take the answers.
 *
 * One thread, one loop. It waits for three things at once: the daemon's ring on the handle's
 * descriptor, input on the source's, and the time of the next frame; never longer than STEP_NS, so
 * that a signal that came between a look and a wait is seen. The last NAP_NS before a frame is due are slept without looking at
 * the descriptors: the rings have room for far more than comes meanwhile. The very last are not slept, see inject_pace.h.
 *
 * Without gaps the ring is full most of the time. To ask for a bell then would cost the daemon a message for every
 * batch that it answers; so a full ring is left alone for ROOM_NAP_NS, and a bell is asked for only when
 * that has brought no answer.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <lwf/ring.h>

#include "cli.h"
#include "inject_run.h"

#define STEP_NS	      100000000ull
#define NAP_NS	      2000000ull
#define ROOM_NAP_NS   200000ull /* the fastest device empties a twentieth of a ring in it */
#define ANSWERS_SURE  (LWF_RING_SUBMIT_SLOTS + 1024u) /* of so many frames some are answered */
#define CANCEL_NUMBER 1u			      /* of all frames of a run */

static void answered(struct inject_run *run, const struct lwf_inject_event *event)
{
	const struct inject_answer answer = {
		.status = event->status,
		.reason = event->reason,
		.refused = event->refused,
		.error = event->error,
		.frames = event->frames,
		.bytes = event->bytes,
	};

	inject_run_answered(run, &answer);
}

/* Takes what is there. Returns how many answers, or -ENOTCONN when none are to come. */
static int take_answers(struct inject_run *run, struct lwf_inject *handle)
{
	struct lwf_inject_event events[INJECT_BATCH];
	int n, taken = 0;

	do { /* not once more than needed: a look that finds nothing asks for a bell */
		n = lwf_inject_poll(handle, events, INJECT_BATCH);
		for (int i = 0; i < n; i++)
			answered(run, &events[i]);
		if (n > 0)
			taken += n;
	} while (n == (int)INJECT_BATCH);
	return taken ? taken : n;
}

static bool is_answered_in_part(const struct lwf_inject *handle)
{
	return lwf_inject_outstanding(handle) > ANSWERS_SURE;
}

/* Hands over what is due. Returns as inject_run_due(); *full: the ring has no room. */
static enum inject_due submit_due(struct inject_run *run, struct lwf_inject *handle,
				  uint64_t *due_ns, bool *full)
{
	struct inject_record records[INJECT_BATCH];
	struct lwf_inject_frame frames[INJECT_BATCH];
	uint32_t count;
	enum inject_due due;
	int taken;

	*full = false;
	due = inject_run_due(run, inject_now_ns(), records, INJECT_BATCH, &count, due_ns);
	if (due != INJECT_DUE_NOW)
		return due;
	for (uint32_t i = 0; i < count; i++) {
		frames[i] = (struct lwf_inject_frame){
			.data = records[i].data,
			.len = records[i].captured,
			.flags = run->options->receive ? LWF_INJECT_RECEIVE : 0,
			.cancel_id = CANCEL_NUMBER,
		};
		if (inject_run_is_short(run, &records[i]))
			frames[i].flags |= LWF_INJECT_SHORT;
		else if (records[i].captured < records[i].length)
			frames[i].flags |= LWF_INJECT_TRUNCATED;
	}
	taken = lwf_inject_submit(handle, frames, count, NULL);
	*full = taken <= 0;
	if (taken > 0)
		inject_run_handed(run, records, (uint32_t)taken);
	return due;
}

/* Waits for the daemon, for input, or until @until_ns. */
static void wait_for(const struct inject_run *run, const struct lwf_inject *handle,
		     uint64_t until_ns, bool for_input)
{
	struct pollfd poll_fds[2] = {{.fd = lwf_inject_fd(handle), .events = POLLIN}};
	uint64_t now_ns = inject_now_ns(), left_ns;
	struct timespec wait = {0};
	nfds_t count = 1;

	if (until_ns <= now_ns)
		return;
	left_ns = until_ns - now_ns;
	if (left_ns > STEP_NS)
		left_ns = STEP_NS;
	wait.tv_nsec = (long)left_ns;
	if (for_input)
		poll_fds[count++] =
			(struct pollfd){.fd = inject_source_fd(run->source), .events = POLLIN};
	ppoll(poll_fds, count, &wait, NULL);
}

/* Until a frame is due, exactly; returns earlier when that is long. */
static void wait_until_due(struct inject_run *run, const struct lwf_inject *handle, uint64_t due_ns)
{
	uint64_t now_ns = inject_now_ns();
	uint64_t wake_ns = inject_pace_sleep_until(&run->pace, due_ns, now_ns);
	struct timespec wake = {.tv_sec = (time_t)(wake_ns / 1000000000u),
				.tv_nsec = (long)(wake_ns % 1000000000u)};

	if (wake_ns > now_ns + NAP_NS) {
		wait_for(run, handle, wake_ns - NAP_NS / 2, false);
		return;
	}
	if (wake_ns > now_ns) {
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
		inject_pace_woke(&run->pace, wake_ns, inject_now_ns());
	}
	if (run->pace.may_spin)
		inject_run_spin(due_ns, true);
}

struct watch {
	uint64_t heard_ns; /* when an answer came last, or when we were last told that it lives */
};

/* Long silence with frames in flight: is there anybody? */
static void look_for_life(struct watch *watch, struct lwf_inject *handle)
{
	uint64_t now_ns = inject_now_ns();

	if (lwf_inject_outstanding(handle) == 0)
		watch->heard_ns = now_ns;
	if (now_ns - watch->heard_ns < INJECT_SILENCE_NS)
		return;
	if (lwf_inject_ping(handle, INJECT_SILENCE_NS) == -ETIMEDOUT &&
	    atomic_load(&inject_signals) < 2)
		lwf_inject_abandon(handle);
	watch->heard_ns = inject_now_ns();
}

/* Until all is handed over, a signal comes, or the daemon goes. */
static void hand_over(struct inject_run *run, struct lwf_inject *handle)
{
	const struct timespec nap = {.tv_nsec = ROOM_NAP_NS};
	struct watch watch = {inject_now_ns()};
	enum inject_due due = INJECT_DUE_NOW;
	uint64_t due_ns;
	bool full = false;

	while (due != INJECT_DUE_NEVER && !atomic_load(&inject_signals)) {
		bool idle = due != INJECT_DUE_NOW || full;
		int taken = 0;

		if (full && !is_answered_in_part(handle))
			clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		if (idle || is_answered_in_part(handle))
			taken = take_answers(run, handle);
		if (taken < 0)
			break;
		if (taken > 0)
			watch.heard_ns = inject_now_ns();
		else if (due == INJECT_DUE_LATER)
			wait_until_due(run, handle, due_ns);
		else if (due == INJECT_DUE_ANSWERS)
			wait_for(run, handle, due_ns, false);
		else if (idle)
			wait_for(run, handle, INJECT_FOREVER_NS, due == INJECT_DUE_INPUT);
		if (idle && taken == 0)
			look_for_life(&watch, handle);
		if (lwf_inject_is_gone(handle, NULL))
			break;
		due_ns = INJECT_FOREVER_NS;
		due = submit_due(run, handle, &due_ns, &full);
		inject_run_progress(run, inject_now_ns());
	}
}

/*
 * Until every frame has its answer. After a signal what was handed over may leave for
 * INJECT_LINGER_NS, then it is cancelled; INJECT_DRAIN_NS or a second signal end the waiting.
 */
static void drain(struct inject_run *run, struct lwf_inject *handle)
{
	struct watch watch = {inject_now_ns()};
	uint64_t deadline_ns = INJECT_FOREVER_NS, cancel_ns = INJECT_FOREVER_NS;
	bool stopping = false, cancelled = false;

	while (lwf_inject_outstanding(handle)) {
		int signals = atomic_load(&inject_signals);
		int taken;

		if (signals && !stopping) {
			stopping = true;
			cancel_ns = inject_now_ns() + INJECT_LINGER_NS;
			deadline_ns = inject_now_ns() + INJECT_DRAIN_NS;
		}
		if (!cancelled && inject_now_ns() >= cancel_ns) {
			cancelled = true;
			lwf_inject_cancel(handle, 0);
		}
		if (signals > 1 || inject_now_ns() >= deadline_ns)
			lwf_inject_abandon(handle);
		taken = take_answers(run, handle);
		if (taken < 0)
			break;
		if (taken > 0) {
			watch.heard_ns = inject_now_ns();
			continue;
		}
		wait_for(run, handle, cancelled ? deadline_ns : cancel_ns, false);
		if (!stopping)
			look_for_life(&watch, handle);
		inject_run_progress(run, inject_now_ns());
	}
}

int inject_session(struct inject_run *run)
{
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct lwf_inject *handle;
	struct lwf_error error;

	options.control = run->options->control;
	options.stack = run->options->stack;
	if (run->options->wait_when_paused)
		options.when_paused = LWF_WHEN_PAUSED_WAIT;
	options.timeout_ns = 2000000000u;
	if (lwf_inject_open(&options, &handle, &error))
		return lwf_cli_error(INJECT_PROGRAM, &error);
	inject_run_be_prompt(run);
	hand_over(run, handle);
	drain(run, handle);
	run->end_ns = inject_now_ns();
	if (!lwf_inject_is_gone(handle, &run->gone))
		run->gone = NULL;
	else if (atomic_load(&inject_signals) > 1)
		run->gone = "stopped at once by a second signal";
	lwf_inject_close(handle);
	return LWF_EXIT_OK;
}
