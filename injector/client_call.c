/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_call.c - calls that wait for the answers to their own frames: Npcap's PacketSendPacket,
 * PacketSetNumWrites and PacketSendPackets.
 *
 * The frames of a call go through the same ring as all others. Their slots are marked, and the call
 * reads the answer ring ahead of lwf_inject_poll(): an answer to a marked slot is its own, and is passed over
 * when the ring gets there; others stay where they are. So nothing is copied aside, and the order of
 * the other answers is as it was. A call that gives up takes the marks away: what is still in flight is then
 * answered by events.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "client_private.h"

#define ROOM_NS 1000000ull /* between two looks for room in the ring, which nobody rings for */

static void call_begin(struct call *call, struct lwf_inject *handle, uint64_t timeout_ns,
		       struct lwf_inject_result *result)
{
	memset(result, 0, sizeof(*result));
	*call = (struct call){
		.result = result,
		.scanned = handle->answer_head,
		.start_ns = lwf_inject_now_ns(),
		.timeout_ns = timeout_ns,
	};
}

/* One frame of the call has its answer. */
static void call_answered(struct lwf_inject *handle, const struct call *call,
			  struct lwf_inject_event *answer)
{
	struct lwf_inject_result *result = call->result;
	bool first_failure =
		answer->status != LWF_STATUS_SUCCESS && result->succeeded == result->answered;

	lwf_inject_account(handle, answer);
	result->answered++;
	if (answer->status == LWF_STATUS_SUCCESS) {
		result->succeeded++;
		result->frames += answer->frames;
		result->bytes += answer->bytes;
	}
	if (!first_failure)
		return;
	result->status = answer->status;
	result->reason = answer->reason;
	result->refused = answer->refused;
	result->error = answer->error;
	result->win32 = answer->win32;
}

/* Reads the ring ahead for own answers. What cannot be is left for the poll, which ends the session. */
static void call_scan(struct lwf_inject *handle, struct call *call)
{
	if (!handle->gone)
		lwf_inject_look_at_answers(handle);
	for (; call->scanned != handle->answer_tail; call->scanned++) {
		struct lwf_ring_answer answer = handle->answers[call->scanned & ANSWER_MASK];
		struct slot *slot = &handle->slots[answer.id & ANSWER_MASK];
		struct lwf_inject_event event;

		if (answer.id == 0 || slot->id != answer.id || !slot->called)
			continue;
		event = lwf_inject_read_answer(&answer, slot->context);
		call_answered(handle, call, &event);
		slot->called = false;
		slot->heard = true;
		handle->heard++;
	}
	lwf_inject_pass_heard(handle);
}

/* The daemon is gone and the ring is read: the rest is lost. */
static void call_lost(struct lwf_inject *handle, const struct call *call)
{
	for (uint32_t i = 0; i < LWF_RING_COMPLETE_SLOTS; i++) {
		struct lwf_inject_event event;

		if (!handle->slots[i].called)
			continue;
		event = lwf_inject_lost_answer(&handle->slots[i]);
		call_answered(handle, call, &event);
		lwf_inject_free_slot(handle, i);
	}
}

/* Takes what has come. */
static void call_hear(struct lwf_inject *handle, struct call *call)
{
	call_scan(handle, call);
	if (handle->gone && call->result->answered < call->result->submitted)
		call_lost(handle, call);
}

/* The call is over; what has no answer will be an event. */
static int call_end(struct lwf_inject *handle, const struct call *call, int err)
{
	if (call->result->answered == call->result->submitted)
		return err;
	for (uint32_t i = 0; i < LWF_RING_COMPLETE_SLOTS; i++)
		handle->slots[i].called = false;
	return err;
}

/* Hands over one frame, and waits for room if it must. */
static int call_submit(struct lwf_inject *handle, struct call *call,
		       const struct lwf_inject_frame *frame)
{
	bool answers_resources = handle->answer_resources;
	uint64_t id;
	int n;

	handle->answer_resources = false; /* here it waits instead */
	while ((n = lwf_inject_submit(handle, frame, 1, &id)) == -EAGAIN) {
		uint64_t now_ns = lwf_inject_now_ns();

		call_hear(handle, call);
		if (now_ns - call->start_ns >= call->timeout_ns)
			break;
		n = lwf_inject_sleep(handle, now_ns, ROOM_NS);
		if (n && n != -ETIMEDOUT)
			break;
	}
	handle->answer_resources = answers_resources;
	if (n != 1)
		return n == -EAGAIN ? -ETIMEDOUT : n;
	handle->slots[id & ANSWER_MASK].called = true;
	call->result->submitted++;
	return 0;
}

/* An answer takes a few microseconds, a wake-up many: looks for it without sleeping at first. */
static void look_awake(struct lwf_inject *handle, struct call *call)
{
	uint64_t start_ns = lwf_inject_now_ns();
	uint64_t look_ns = call->timeout_ns < LWF_AWAKE_NS ? call->timeout_ns : LWF_AWAKE_NS;

	while (handle->may_spin && call->result->answered != call->result->submitted &&
	       lwf_inject_now_ns() - start_ns < look_ns) {
		sched_yield();
		call_hear(handle, call);
	}
}

/* Waits for the answers. A call that fails for another reason waits too: its frames are under way. */
static int call_wait(struct lwf_inject *handle, struct call *call)
{
	int err = 0;

	lwf_inject_set_waits(handle, false);
	call_hear(handle, call);
	look_awake(handle, call);
	for (;;) {
		call_hear(handle, call);
		if (call->result->answered == call->result->submitted || err)
			break;
		lwf_inject_set_waits(handle, true);
		call_hear(handle, call);
		if (call->result->answered == call->result->submitted)
			break;
		err = lwf_inject_sleep(handle, call->start_ns, call->timeout_ns);
	}
	lwf_inject_set_waits(handle, false);
	return call->result->answered == call->result->submitted ? 0 : err;
}

static int call_finish(struct lwf_inject *handle, struct call *call, int err)
{
	int waited = call_wait(handle, call);

	return call_end(handle, call, err ? err : waited);
}

int lwf_inject_send(struct lwf_inject *handle, const struct lwf_inject_frame *frame,
		    uint32_t repeat, uint64_t timeout_ns, struct lwf_inject_result *result)
{
	struct call call;
	int err = 0;

	call_begin(&call, handle, timeout_ns, result);
	if (repeat == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < repeat && !err; i++)
		err = call_submit(handle, &call, frame);
	return call_finish(handle, &call, err);
}

/* ---- queues ---- */

static int sleep_until(uint64_t due_ns)
{
	const struct timespec due = {
		.tv_sec = (time_t)(due_ns / 1000000000u),
		.tv_nsec = (long)(due_ns % 1000000000u),
	};

	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/* Until it is time for a frame. Answers that come meanwhile wait in the ring, which has room for them. */
static int wait_for_time(struct lwf_inject *handle, struct call *call, uint64_t due_ns)
{
	uint64_t end_ns = call->timeout_ns < UINT64_MAX - call->start_ns
				  ? call->start_ns + call->timeout_ns
				  : UINT64_MAX;
	uint64_t now_ns = lwf_inject_now_ns();
	bool sleeps = due_ns > now_ns && due_ns - now_ns >= LWF_INJECT_QUEUE_SLEEP_NS;
	int err = 0;

	for (; now_ns < due_ns && !err; now_ns = lwf_inject_now_ns()) {
		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		if (!sleeps)
			continue;
		call_hear(handle, call);
		err = sleep_until(due_ns < end_ns ? due_ns : end_ns);
	}
	return err;
}

/* The stamp of frame @i against the one before it. */
enum gap { GAP_HERE, GAP_CALLER, GAP_BACK };

static enum gap judge_gap(const struct lwf_inject_queued *queue, uint32_t i, uint64_t *gap_ns)
{
	uint64_t at_ns = queue[i].time_ns, before_ns = i ? queue[i - 1].time_ns : at_ns;

	*gap_ns = at_ns > before_ns ? at_ns - before_ns : 0;
	if (before_ns > at_ns && before_ns - at_ns > LWF_INJECT_QUEUE_BACK_NS)
		return GAP_BACK;
	return *gap_ns > LWF_INJECT_QUEUE_GAP_NS ? GAP_CALLER : GAP_HERE;
}

static int send_in_time(struct lwf_inject *handle, struct call *call,
			const struct lwf_inject_queued *queue, uint32_t count)
{
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		uint64_t first_ns = queue[0].time_ns, at_ns = queue[i].time_ns, gap_ns;
		enum gap gap = judge_gap(queue, i, &gap_ns);

		if (gap == GAP_CALLER) {
			call->result->gap_ns = gap_ns;
			return 0;
		}
		if (gap == GAP_BACK)
			return -ERANGE;
		/* from the first one: a frame that leaves late does not make the others late */
		err = wait_for_time(handle, call,
				    call->start_ns + (at_ns > first_ns ? at_ns - first_ns : 0));
		if (!err)
			err = call_submit(handle, call, &queue[i].frame);
	}
	return err;
}

int lwf_inject_send_queue(struct lwf_inject *handle, const struct lwf_inject_queued *queue,
			  uint32_t count, bool sync, uint64_t timeout_ns,
			  struct lwf_inject_result *result)
{
	struct call call;
	int err = 0;

	call_begin(&call, handle, timeout_ns, result);
	if (sync)
		err = send_in_time(handle, &call, queue, count);
	for (uint32_t i = 0; i < count && !sync && !err; i++)
		err = call_submit(handle, &call, &queue[i].frame);
	return call_finish(handle, &call, err);
}
