/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_answers.c - answers out of the ring, and waiting for them.
 *
 * Order of delivery: refusals of our own, the daemon's answers, UNKNOWN for what nobody will answer any more, the
 * stack's state. A poll that finds nothing asks to be woken and looks once more, so that the descriptor of the
 * handle becomes readable with the next answer.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "client_private.h"

void lwf_inject_free_slot(struct lwf_inject *handle, uint32_t slot)
{
	if (handle->slots[slot].heard)
		handle->heard--;
	handle->slots[slot] = (struct slot){0};
	handle->free_slots[handle->free_count++] = (uint16_t)slot;
	handle->in_flight--;
}

struct lwf_inject_event lwf_inject_read_answer(const struct lwf_ring_answer *answer,
					       uint64_t context)
{
	return (struct lwf_inject_event){
		.kind = LWF_INJECT_ANSWER,
		.status = answer->status,
		.reason = answer->reason < LWF_REASONS ? (enum lwf_reason)answer->reason
						       : LWF_REASON_NONE,
		.refused = answer->refused != 0,
		.error = answer->error,
		.frames = answer->frames,
		.bytes = answer->bytes,
		.id = answer->id,
		.context = context,
	};
}

struct lwf_inject_event lwf_inject_lost_answer(const struct slot *slot)
{
	return (struct lwf_inject_event){
		.kind = LWF_INJECT_ANSWER,
		.status = slot->untaken ? LWF_STATUS_PAUSED : LWF_STATUS_UNKNOWN,
		.reason = slot->untaken ? LWF_REASON_NOT_RUNNING : LWF_REASON_UNANSWERED,
		.refused = slot->untaken,
		.id = slot->id,
		.context = slot->context,
	};
}

/* Copies an answer out and believes it if it can be. */
static bool take_answer(struct lwf_inject *handle, struct lwf_inject_event *event)
{
	struct lwf_ring_answer answer = handle->answers[handle->answer_head & ANSWER_MASK];
	uint32_t slot = answer.id & ANSWER_MASK;

	if (answer.id == 0 || handle->slots[slot].id != answer.id || handle->slots[slot].heard) {
		handle->gone = "lwfd answered a frame that was not submitted";
		handle->answer_tail = handle->answer_head;
		return false;
	}
	*event = lwf_inject_read_answer(&answer, handle->slots[slot].context);
	lwf_inject_account(handle, event);
	lwf_inject_free_slot(handle, slot);
	handle->answer_head++;
	return true;
}

void lwf_inject_pass_heard(struct lwf_inject *handle)
{
	uint32_t before = handle->answer_head;

	while (handle->heard && handle->answer_head != handle->answer_tail) {
		/* what a call has heard is believed by its slot; the ring may say something else now */
		uint32_t slot = handle->answers[handle->answer_head & ANSWER_MASK].id & ANSWER_MASK;

		if (!handle->slots[slot].heard)
			break;
		lwf_inject_free_slot(handle, slot);
		handle->answer_head++;
	}
	if (handle->answer_head != before)
		atomic_store_explicit(&handle->control->answer_head, handle->answer_head,
				      memory_order_release);
}

static uint32_t take_answers(struct lwf_inject *handle, struct lwf_inject_event *events,
			     uint32_t max)
{
	uint32_t taken = 0;

	if (!handle->gone && handle->answer_tail == handle->answer_head)
		lwf_inject_look_at_answers(handle);
	while (taken < max && handle->answer_head != handle->answer_tail) {
		lwf_inject_pass_heard(handle);
		if (handle->answer_head == handle->answer_tail ||
		    !take_answer(handle, &events[taken]))
			break;
		taken++;
	}
	if (taken)
		atomic_store_explicit(&handle->control->answer_head, handle->answer_head,
				      memory_order_release);
	lwf_inject_pass_heard(handle);
	return taken;
}

static uint32_t take_local(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken = 0;

	while (taken < max && handle->local_head != handle->local_tail) {
		events[taken] = handle->local[handle->local_head++ % LOCAL_MAX];
		lwf_inject_account(handle, &events[taken++]);
	}
	return taken;
}

/* What nobody will answer any more: UNKNOWN, or PAUSED when it was never taken. Only once the daemon's own answers have all been taken. */
static uint32_t take_unknown(struct lwf_inject *handle, struct lwf_inject_event *events,
			     uint32_t max)
{
	uint32_t taken = 0;

	for (; taken < max && handle->unknown_next < LWF_RING_COMPLETE_SLOTS;
	     handle->unknown_next++) {
		struct slot *slot = &handle->slots[handle->unknown_next];

		if (slot->heard) /* answered already, by a call */
			lwf_inject_free_slot(handle, handle->unknown_next);
		if (slot->id == 0)
			continue;
		events[taken] = lwf_inject_lost_answer(slot);
		lwf_inject_account(handle, &events[taken++]);
		lwf_inject_free_slot(handle, handle->unknown_next);
	}
	return taken;
}

static bool has_state_event(const struct lwf_inject *handle)
{
	struct moment now;

	if (!handle->state_events)
		return false;
	now = lwf_inject_moment(handle);
	return now.state != handle->told_state || now.epoch != handle->told_epoch ||
	       now.changes != handle->told_changes;
}

static uint32_t take_state(struct lwf_inject *handle, struct lwf_inject_event *event, uint32_t max)
{
	struct moment now;

	if (max == 0 || !has_state_event(handle))
		return 0;
	now = lwf_inject_moment(handle);
	*event = (struct lwf_inject_event){
		.kind = LWF_INJECT_STATE,
		.state = now.state,
		.epoch = now.epoch,
		.changes = now.changes,
	};
	handle->told_state = now.state;
	handle->told_epoch = now.epoch;
	handle->told_changes = now.changes;
	return 1;
}

static uint32_t take_all(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken = take_local(handle, events, max);

	taken += take_answers(handle, events + taken, max - taken);
	if (handle->gone && handle->answer_head == handle->answer_tail)
		taken += take_unknown(handle, events + taken, max - taken);
	return taken + take_state(handle, events + taken, max - taken);
}

void lwf_inject_set_waits(struct lwf_inject *handle, bool waits)
{
	if (handle->waits == waits)
		return;
	handle->waits = waits;
	atomic_store_explicit(&handle->control->client_waits, waits, memory_order_relaxed);
	/* the engine writes an answer, then looks at client_waits; we do it the other way round */
	if (waits)
		atomic_thread_fence(memory_order_seq_cst);
}

int lwf_inject_poll(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken;

	if (max == 0)
		return 0;
	taken = take_all(handle, events, max);
	if (taken == 0) {
		/* nothing: hear what the socket has, ask to be woken, and look once more */
		lwf_inject_hear_socket(handle);
		lwf_inject_set_waits(handle, true);
		taken = take_all(handle, events, max);
	}
	if (taken)
		lwf_inject_set_waits(handle, false);
	if (taken == 0 && handle->gone)
		return -ENOTCONN;
	return (int)taken;
}

int lwf_inject_fd(const struct lwf_inject *handle)
{
	return lwf_connection_fd(handle->connection);
}

/* ---- waiting ---- */

uint64_t lwf_inject_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int lwf_inject_sleep(struct lwf_inject *handle, uint64_t start_ns, uint64_t timeout_ns)
{
	struct pollfd poll_fd = {.fd = lwf_connection_fd(handle->connection), .events = POLLIN};
	uint64_t passed_ns = lwf_inject_now_ns() - start_ns;
	uint64_t left_ns = passed_ns < timeout_ns ? timeout_ns - passed_ns : 0;
	struct timespec left = {
		.tv_sec = (time_t)(left_ns / 1000000000u),
		.tv_nsec = (long)(left_ns % 1000000000u),
	};
	int n = ppoll(&poll_fd, 1, &left, NULL);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ETIMEDOUT;
	lwf_inject_hear_socket(handle);
	return 0;
}

static bool has_event(struct lwf_inject *handle)
{
	if (!handle->gone)
		lwf_inject_look_at_answers(handle);
	if (handle->local_head != handle->local_tail || handle->answer_head != handle->answer_tail)
		return true;
	return (handle->gone && handle->in_flight) || has_state_event(handle);
}

/*
 * An answer that is under way takes lwfd a few microseconds, and being woken takes 25 to 40 on a virtual machine;
 * so it is looked for a while without sleeping, and without asking for a bell. Yields between looks: lwfd may
 * need this very processor.
 */
static void look_awake(struct lwf_inject *handle, uint64_t start_ns, uint64_t timeout_ns)
{
	uint64_t look_ns = timeout_ns < LWF_AWAKE_NS ? timeout_ns : LWF_AWAKE_NS;

	if (!handle->in_flight || !handle->may_spin)
		return;
	lwf_inject_set_waits(handle, false);
	while (!has_event(handle) && lwf_inject_now_ns() - start_ns < look_ns)
		sched_yield();
}

int lwf_inject_wait(struct lwf_inject *handle, uint64_t timeout_ns)
{
	uint64_t start_ns = lwf_inject_now_ns();
	int err = 0;

	if (!has_event(handle))
		look_awake(handle, start_ns, timeout_ns);
	while (!has_event(handle)) {
		if (handle->gone)
			return -ENOTCONN;
		lwf_inject_set_waits(handle, true);
		if (has_event(handle))
			break;
		err = lwf_inject_sleep(handle, start_ns, timeout_ns);
		if (err)
			break;
	}
	lwf_inject_set_waits(handle, false);
	if (err && has_event(handle))
		err = 0;
	return err;
}

/* True when no answer is to come any more; they may be there and not yet taken. */
static bool all_answered(struct lwf_inject *handle)
{
	uint32_t tail;

	if (handle->gone)
		return true;
	tail = atomic_load_explicit(&handle->control->answer_tail, memory_order_acquire);
	return tail - handle->answer_head >= handle->in_flight;
}

int lwf_inject_flush(struct lwf_inject *handle, uint64_t timeout_ns)
{
	uint64_t start_ns = lwf_inject_now_ns();
	int err = 0;

	while (!all_answered(handle)) {
		lwf_inject_set_waits(handle, true);
		if (all_answered(handle))
			break;
		err = lwf_inject_sleep(handle, start_ns, timeout_ns);
		if (err)
			break;
	}
	lwf_inject_set_waits(handle, false);
	return err && all_answered(handle) ? 0 : err;
}
