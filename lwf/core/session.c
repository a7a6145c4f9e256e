/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.c - what one client has with one stack: its records, its ledger, its answers.
 *
 * A session outlives modules and links. It knows its module by name, and by the handle of the
 * module's present life (rule F05): while no module lives, the session answers by itself, with the
 * reason that the stack's holds give. Every record is counted as submitted when it is taken from
 * its ring, and gets one answer: refused at the door, or completed when its frame comes home.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define CANCEL_MAX_RECORDS 65536u /* that one request to cancel answers */

uint64_t lwf_ledger_outstanding(const struct lwf_ledger *ledger)
{
	uint64_t answered = 0;

	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		answered += ledger->completed[i] + ledger->refused[i];
	return ledger->submitted - answered;
}

void lwf_ledger_add(struct lwf_ledger *to, const struct lwf_ledger *from)
{
	to->submitted += from->submitted;
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		to->completed[i] += from->completed[i];
		to->refused[i] += from->refused[i];
	}
	to->sent += from->sent;
	to->indicated += from->indicated;
	to->frames += from->frames;
	to->bytes += from->bytes;
}

int lwf_session_open(struct lwf_session *session, struct lwf_stack *stack, const char *module_name)
{
	if (stack->session_count == LWF_STACK_SESSIONS_MAX)
		return -ENOSPC;
	if (stack->closed)
		return -EBUSY;
	session->closing = false;
	session->stack = stack;
	session->target = 0;
	session->id = ++stack->engine->last_session;
	session->outstanding = 0;
	session->calls = 0;
	session->closed = NULL;
	memset(&session->ledger, 0, sizeof(session->ledger));
	snprintf(session->target_name, sizeof(session->target_name), "%s",
		 module_name ? module_name : "inject");
	session->next = stack->sessions;
	stack->sessions = session;
	stack->session_count++;
	lwf_trace_text(stack, NULL, LWF_TRACE_CLIENT, "opened", "session %u", session->id);
	return 0;
}

/** The module in its present life, or NULL: an old handle is never followed (S15). */
static struct lwf_module *target_of(struct lwf_session *session)
{
	struct lwf_module *module = lwf_stack_by_handle(session->stack, session->target);

	if (!module) {
		module = lwf_stack_module(session->stack, session->target_name);
		session->target = module ? module->handle : 0;
	}
	return module && module->handle ? module : NULL;
}

static bool is_removed(const struct lwf_stack *stack)
{
	return stack->holds & 1u << LWF_HOLD_REMOVED;
}

/** Why a stack without a living module refuses: the true reason, and the one that outweighs. */
static enum lwf_reason door_reason(const struct lwf_stack *stack)
{
	if (is_removed(stack))
		return LWF_REASON_REMOVED;
	if (stack->holds & 1u << LWF_HOLD_LINK)
		return LWF_REASON_DISABLED;
	return stack->attached ? LWF_REASON_NOT_RUNNING : LWF_REASON_DETACHED;
}

static bool waits(const struct lwf_session *session, const struct lwf_module *module)
{
	const struct lwf_stack *stack = session->stack;

	if (module && module->state == LWF_STATE_RUNNING && stack->state == LWF_STATE_RUNNING)
		return !stack->lower->room || (stack->upper && !stack->upper->room);
	return session->wait_when_paused;
}

bool lwf_session_blocked(const struct lwf_session *session)
{
	const struct lwf_module *module;

	if (!session->stack)
		return false;
	module = lwf_stack_by_handle(session->stack, session->target);
	if (!module)
		module = lwf_stack_module(session->stack, session->target_name);
	return waits(session, module);
}

/** Answers up to @budget waiting records at the door with @reason. */
static uint32_t refuse_waiting(struct lwf_session *session, enum lwf_reason reason, uint32_t budget)
{
	struct lwf_frame *frame = lwf_pool_take(session->stack->scratch, 0, LWF_DIRECTION_SEND);
	uint32_t taken = 0;

	if (!frame)
		return 0; /* an answer called back into the pump */
	while (taken < budget) {
		enum lwf_pull pull;

		frame->data = frame->buffer + LWF_FRAME_HEADROOM_BYTES;
		pull = lwf_session_pull(session, frame);
		if (pull == LWF_PULL_NONE)
			break;
		taken++;
		if (pull == LWF_PULL_REFUSE)
			continue;
		lwf_frame_answer(frame, reason);
		lwf_session_refuse(session, frame);
	}
	lwf_pool_give(session->stack->scratch, frame);
	return taken;
}

static bool is_done(const struct lwf_session *session)
{
	return session->closing && session->outstanding == 0 && session->calls == 0;
}

/**
 * One call into the session is over. If it was the last thing in its way the session ends, but from
 * the loop: whoever is above on the call stack may still look at it.
 */
static void leave(struct lwf_session *session)
{
	session->calls--;
	if (is_done(session))
		lwf_stack_post(session->stack);
}

/** The memory is its owner's again after it. */
static void end(struct lwf_session *session)
{
	struct lwf_stack *stack = session->stack;
	void (*closed)(struct lwf_session *) = session->closed;

	for (struct lwf_session **at = &stack->sessions; *at; at = &(*at)->next) {
		if (*at == session) {
			*at = session->next;
			break;
		}
	}
	stack->session_count--;
	lwf_trace_text(stack, NULL, LWF_TRACE_CLIENT, "closed", "session %u", session->id);
	if (stack->closed)
		lwf_stack_post(stack);
	if (closed)
		closed(session);
}

void lwf_sessions_end(struct lwf_stack *stack)
{
	struct lwf_session *session = stack->sessions;

	while (session) {
		if (is_done(session)) {
			end(session);
			session = stack->sessions; /* its owner may have closed others */
		} else {
			session = session->next;
		}
	}
}

void lwf_sessions_give_up(struct lwf_stack *stack)
{
	struct lwf_session *session = stack->sessions;

	if (!stack->closed || stack->depth)
		return;
	while (session) {
		struct lwf_session *next = session->next;

		if (session->outstanding == 0) {
			bool closing = session->closing;

			lwf_rule_broken(stack, NULL, LWF_RULE_F06,
					closing ? "a call into a session is lost"
						: "a session that nobody closes");
			end(session);
			if (!closing)
				session->stack = NULL; /* its owner may still close it */
			next = stack->sessions;
		}
		session = next;
	}
}

uint32_t lwf_session_pump(struct lwf_session *session, uint32_t budget)
{
	struct lwf_submit submit = {.session = session, .budget = budget};
	struct lwf_module *module = session->stack ? target_of(session) : NULL;

	if (!session->stack || session->closing || waits(session, module))
		return 0;
	if (is_removed(session->stack) || session->stack->state == LWF_STATE_DETACHED)
		module = NULL; /* it may live on for a while: a detach waits for OIDs */
	session->calls++;
	lwf_stack_enter(session->stack);
	if (!module || lwf_module_control(module, LWF_CONTROL_SUBMIT, &submit)) {
		if (module && module->state == LWF_STATE_RUNNING)
			submit.taken = refuse_waiting(session, LWF_REASON_UNSUPPORTED, budget);
		else
			submit.taken = refuse_waiting(session, door_reason(session->stack), budget);
	}
	if (submit.taken)
		lwf_session_flush(session);
	lwf_stack_exit(session->stack);
	leave(session);
	return submit.taken;
}

uint32_t lwf_session_expire(struct lwf_session *session, uint32_t count)
{
	struct lwf_stack *stack = session->stack;
	const struct lwf_module *module = stack ? target_of(session) : NULL;
	uint32_t taken;

	if (!stack || session->closing)
		return 0;
	if (module && module->state == LWF_STATE_RUNNING && stack->state == LWF_STATE_RUNNING)
		return 0; /* it is room that they wait for */
	session->calls++;
	lwf_stack_enter(stack);
	taken = refuse_waiting(session, door_reason(stack), count);
	if (taken)
		lwf_session_flush(session);
	lwf_stack_exit(stack);
	leave(session);
	return taken;
}

/** A record is the engine's from now on: it counts, and is owed its answer. */
static void take_in(struct lwf_session *session, struct lwf_frame *frame)
{
	session->ledger.submitted++;
	session->stack->client_ledger.submitted++;
	session->outstanding++;
	frame->context = session;
	frame->cancel_id = (uint64_t)session->id << 32 | (uint32_t)frame->cancel_id;
}

enum lwf_pull lwf_session_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	enum lwf_pull pull = session->closing ? LWF_PULL_NONE : session->ops->pull(session, frame);

	if (pull == LWF_PULL_NONE)
		return pull;
	take_in(session, frame);
	if (pull == LWF_PULL_REFUSE)
		lwf_session_refuse(session, frame);
	return pull;
}

static void count(struct lwf_ledger *ledger, const struct lwf_frame *frame, bool refused)
{
	enum lwf_answer answer = lwf_status_answer(frame->status);

	if (refused) {
		ledger->refused[answer]++;
		return;
	}
	ledger->completed[answer]++;
	if (answer == LWF_ANSWER_SUCCESS) {
		ledger->sent++;
		ledger->indicated += frame->direction == LWF_DIRECTION_RECEIVE;
		lwf_count_wire(frame, &ledger->frames, &ledger->bytes);
	}
}

void lwf_session_answer(struct lwf_session *session, const struct lwf_frame *frame)
{
	assert(session->outstanding);
	session->calls++;
	session->outstanding--;
	count(&session->ledger, frame, false);
	count(&session->stack->client_ledger, frame, false);
	if (!session->closing)
		session->ops->answer(session, frame, false);
	leave(session);
}

/** F02, F04, F05: a refusal must be the true one for the state the stack is in. */
static void judge_refusal(struct lwf_session *session, const struct lwf_frame *frame)
{
	struct lwf_stack *stack = session->stack;
	struct lwf_module *module = target_of(session);

	if (frame->reason == LWF_REASON_NOT_RUNNING && stack->state == LWF_STATE_RUNNING &&
	    module && module->state == LWF_STATE_RUNNING)
		lwf_rule_broken(stack, module, LWF_RULE_F02, "refused although Running");
	if (stack->state == LWF_STATE_PAUSED &&
	    ((frame->status == LWF_STATUS_ADAPTER_REMOVED && !is_removed(stack)) ||
	     frame->status == LWF_STATUS_MEDIA_DISCONNECTED))
		lwf_rule_broken(stack, module, LWF_RULE_F04, lwf_status_name(frame->status));
	if (stack->state == LWF_STATE_RUNNING && stack->holds == 0 &&
	    (frame->reason == LWF_REASON_REMOVED || frame->reason == LWF_REASON_DETACHED))
		lwf_rule_broken(stack, module, LWF_RULE_F05,
				"the adapter is back, not its session");
}

void lwf_session_refuse(struct lwf_session *session, const struct lwf_frame *frame)
{
	assert(session->outstanding);
	lwf_trace_denied(session->stack, target_of(session), frame);
	judge_refusal(session, frame);
	session->calls++;
	session->outstanding--;
	count(&session->ledger, frame, true);
	count(&session->stack->client_ledger, frame, true);
	if (!session->closing)
		session->ops->answer(session, frame, true);
	leave(session);
}

void lwf_session_flush(struct lwf_session *session)
{
	if (!session->closing && session->ops->flush)
		session->ops->flush(session);
}

void lwf_session_note(struct lwf_session *session, const char *event, const char *text)
{
	if (session->stack)
		lwf_trace_text(session->stack, NULL, LWF_TRACE_CLIENT, event, "%s", text);
}

/** Answers the waiting records that carry @cancel_id, and leaves the others where they are. */
static void withdraw_waiting(struct lwf_session *session, uint32_t cancel_id)
{
	struct lwf_frame *frame = lwf_pool_take(session->stack->scratch, 0, LWF_DIRECTION_SEND);

	if (!frame)
		return;
	for (uint32_t i = 0; i < CANCEL_MAX_RECORDS; i++) {
		frame->data = frame->buffer + LWF_FRAME_HEADROOM_BYTES;
		frame->len = 0;
		if (session->closing || !session->ops->withdraw(session, frame, cancel_id))
			break;
		take_in(session, frame);
		lwf_frame_answer(frame, LWF_REASON_CANCELLED);
		lwf_session_refuse(session, frame);
	}
	lwf_pool_give(session->stack->scratch, frame);
}

void lwf_session_cancel(struct lwf_session *session, uint64_t cancel_id)
{
	uint32_t low = (uint32_t)cancel_id;

	if (!session->stack)
		return;
	session->calls++;
	lwf_stack_cancel(session->stack, (uint64_t)session->id << 32 | low);
	/* bounded: a client that submits as fast as it is refused must not hold the loop */
	if (low == 0 && !session->closing)
		refuse_waiting(session, LWF_REASON_CANCELLED, CANCEL_MAX_RECORDS);
	else if (session->ops->withdraw)
		withdraw_waiting(session, low);
	lwf_session_flush(session);
	leave(session);
}

void lwf_session_close(struct lwf_session *session, void (*closed)(struct lwf_session *session))
{
	if (session->closing)
		return;
	session->closing = true;
	session->closed = closed;
	if (!session->stack) { /* the stack did not wait for it */
		if (closed)
			closed(session);
		return;
	}
	session->calls++; /* no answer to a cancelled frame ends it inside this call */
	lwf_stack_cancel(session->stack, (uint64_t)session->id << 32);
	session->calls--;
	if (!is_done(session))
		return;
	if (session->stack->depth)
		lwf_stack_post(session->stack); /* others on the way may be about to look at it */
	else
		end(session);
}
