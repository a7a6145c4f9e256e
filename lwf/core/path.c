/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path.c - the way of a frame: send, complete, receive, return. Nothing here allocates, logs (but
 * for a broken rule), locks or makes a system call; every loop is bounded by its batch.
 *
 * The file is in the order in which a frame meets it:
 *	send      upper edge or originating module > modules downwards > lower edge
 *	complete  lower edge > modules upwards > the one who made the frame
 *	receive   lower edge or originating module > modules upwards > upper edge
 *	return    upper edge > modules downwards > the one who made the frame
 *
 * Accounts. For each module the path counts what it originated and is not home (sends_out,
 * receives_out), and what of others was handed in and not passed on (held_*). Both are independent
 * of any filter's own gate, and the rules are judged by them: a pause that ends while one of them is
 * not 0 is broken (P03 to P07), a count below 0 is a frame passed on twice (O04).
 *
 * The holder of a frame is 0 while its origin has it. When the origin hands it on, it is born as far
 * as the path is concerned: the moment at which P01, P02, P13, O01, O12 and F01 are judged. What is
 * said when a rule is broken, and how the stack goes on, is in judge.c.
 */
#include <assert.h>

#include "cancel.h"
#include "clone.h"
#include "internal.h"
#include "judge.h"
#include "lifecycle.h"
#include "loan.h"
#include "poison.h"

#define ALWAYS_INLINE inline __attribute__((always_inline)) /* the direction is a constant there */

static void complete_from(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch);
static void return_from(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch);

#ifdef LWF_BREAK_GATE /* held open: the engine's own second line must not hide it from the tests */
#define IS_SHUT(running) ((void)(running), false)
#else
#define IS_SHUT(running) (!(running))
#endif

static void answer_all(struct lwf_batch *batch, enum lwf_reason reason)
{
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		lwf_frame_answer(frame, reason);
}

/** Own frames at the front of what is left go out: how many, and the first that is not one. */
static inline uint32_t bear(struct lwf_module *module, struct lwf_batch *batch,
			    struct lwf_frame **frame, bool send, bool entitled)
{
	const lwf_handle self = module->handle;
	uint32_t own = 0;
	struct lwf_frame *next;

	for (; *frame && (*frame)->holder == 0; *frame = next) {
		next = (*frame)->next;
		if (LWF_ASK(!entitled || (*frame)->origin != self) &&
		    !lwf_judge_birth(module, batch, *frame, send))
			continue;
		(*frame)->born = (*frame)->holder = self;
		own++;
	}
	return own;
}

/**
 * Frames of others that simply go on, which nearly all do: stamps them, and returns the first one
 * that is anything else. Everything it needs is in registers.
 */
static inline struct lwf_frame *pass_plain(struct lwf_module *module, struct lwf_frame *frame,
					   bool send)
{
	const lwf_handle self = module->handle;
	uint32_t last = module->last_in;

	for (; frame && frame->holder - 1 < LWF_HOLDER_HOME - 1; frame = frame->next) {
		if (LWF_ASK(frame->born == self || frame->origin != frame->born))
			break;
		if (LWF_ASK(send && (int32_t)(frame->order - last) < 0))
			break;
		if (LWF_ASK(true)) {
			last = frame->order;
			frame->holder = self;
		}
	}
	if (send)
		module->last_in = last;
	return frame;
}

/** Judges a batch that @module passes on in the send (or receive) direction, and counts it. */
static ALWAYS_INLINE void passed_on(struct lwf_module *module, struct lwf_batch *batch, bool send)
{
	int64_t *held = send ? &module->held_sends : &module->held_receives;
	bool running = module->state == LWF_STATE_RUNNING;
	bool entitled =
		running && (send ? module->ops->send_complete : module->ops->receive_return);
	struct lwf_frame *frame = batch->head, *next;
	uint32_t own = 0;

	lwf_trace_frames(module->stack, module, NULL, LWF_FRAME_FORWARD, batch, send);
	while ((frame = pass_plain(module, frame, send))) {
		if (frame->holder == 0) {
			own += bear(module, batch, &frame, send, entitled);
		} else {
			next = frame->next;
			lwf_judge_passed(module, batch, frame, send);
			frame = next;
		}
	}
	if (LWF_ASK(send && module->cancel.watched))
		lwf_judge_forwarded(module, batch);
	if (LWF_ASK(!running && batch->count > own))
		lwf_judge_forward(module, send);
	if (send) {
		module->sends += own;
		module->sends_out += own;
	} else {
		module->receives += own;
		module->receives_out += own;
	}
	*held -= batch->count - own;
	*(send ? &module->moved_sends : &module->moved_receives) += batch->count - own;
	if (LWF_ASK(*held < 0))
		lwf_judge_below_zero(module, held);
	if (own && module->stack->engine->stand_ins)
		lwf_poison(module, batch);
	if (module->late)
		lwf_lifecycle_quiet(module);
}

/* ---- send ---- */

static void hand_lower(struct lwf_stack *stack, struct lwf_batch *batch)
{
	struct lwf_edge *lower = stack->lower;

	stack->lower_in += batch->count;
	if (IS_SHUT(stack->lower_running)) {
		answer_all(batch, LWF_REASON_NOT_RUNNING);
	} else if (!lower->link.present) {
		answer_all(batch, LWF_REASON_REMOVED);
	} else if (!lower->link.admin_up) {
		answer_all(batch, LWF_REASON_DISABLED);
	} else if (!lower->link.carrier || stack->no_carrier_forced) {
		answer_all(batch, LWF_REASON_NO_CARRIER);
	} else {
		lwf_trace_frames(stack, NULL, lower, LWF_FRAME_TRANSMIT, batch, true);
		lower->ops->transmit(lower, batch);
		if (stack->lower_in != stack->lower_done && !stack->ages)
			lwf_aging_start(stack);
		return;
	}
	lwf_trace_frames(stack, NULL, lower, LWF_FRAME_REFUSE, batch, true);
	lwf_edge_completed(lower, batch);
}

static void send_to(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch)
{
	uint32_t order, last_in;
	int64_t before;
	bool nested;

	if (!batch->head)
		return;
	if (!to) {
		hand_lower(stack, batch);
		return;
	}
	if (IS_SHUT(to->state == LWF_STATE_RUNNING)) { /* P08: never handed in */
		if (lwf_judge_goes_past(to, true)) {
			send_to(stack, to->below_send, batch);
			return;
		}
		answer_all(batch, LWF_REASON_NOT_RUNNING);
		to->dropped += batch->count;
		lwf_trace_frames(stack, to, NULL, LWF_FRAME_REFUSE, batch, true);
		complete_from(stack, to->above_complete, batch);
		return;
	}
	lwf_trace_frames(stack, to, NULL, LWF_FRAME_ENTER, batch, true);
	order = to->arrived; /* its own count: others stand elsewhere */
	for (struct lwf_frame *frame = batch->head; LWF_ASK(frame); frame = frame->next)
		frame->order = ++order;
	to->arrived = order;
	before = to->held_sends;
	to->held_sends += batch->count;
	nested = to->sending;
	last_in = to->last_in;
	to->sending = true;
	to->ops->send(to, batch);
	if (nested)
		to->last_in =
			last_in; /* what came meanwhile is not what the outer call passes on */
	to->sending = nested;
	if (LWF_ASK(to->held_sends > before))
		lwf_judge_kept(to);
}

void lwf_next_send(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_stack *stack = module->stack;

	lwf_stack_enter(stack);
	passed_on(module, batch, true);
	send_to(stack, module->below_send, batch);
	lwf_stack_exit(stack);
}

/* ---- complete ---- */

/** A frame is home at the upper edge: the host's own send has its answer. */
static void home_upper(struct lwf_stack *stack, struct lwf_batch *batch)
{
	struct lwf_edge *upper = stack->upper;
	struct lwf_ledger *ledger = &stack->host_ledger;

	lwf_trace_frames(stack, NULL, upper, LWF_FRAME_HOME, batch, true);
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		assert(upper &&
		       frame->born == upper->handle); /* nobody else is left up here (O04) */
		frame->holder = 0;
		ledger->completed[lwf_status_answer(frame->status)]++;
		if (frame->status == LWF_STATUS_SUCCESS) {
			ledger->sent++;
			lwf_count_wire(frame, &ledger->frames, &ledger->bytes);
		}
	}
	upper->inputs_out -= batch->count;
	upper->ops->reclaim(upper, batch);
	lwf_stack_came_home(stack);
}

static uint32_t count_own(const struct lwf_module *module, const struct lwf_batch *batch)
{
	uint32_t own = 0;

	for (const struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		own += frame->born == module->handle;
	return own;
}

/** Hands a completion to @module, its own frames and those of others as they come (O05). */
static void deliver_home(struct lwf_module *module, struct lwf_batch *batch, bool send)
{
	uint32_t *out = send ? &module->sends_out : &module->receives_out;
	uint64_t *answers = send ? module->send_answers : module->receive_answers;
	int64_t *held = send ? &module->held_sends : &module->held_receives;
	int64_t before = *held;
	uint32_t own;

	if (module->stack->engine->stand_ins)
		lwf_unpoison(module, batch);
	own = count_own(module, batch);
	lwf_trace_frames(module->stack, module, NULL, LWF_FRAME_BACK, batch, send);
	if (LWF_ASK(own > *out)) {
		lwf_judge_surplus(module, batch, own - *out);
		own = *out;
	}
	for (struct lwf_frame *frame = batch->head; own && frame; frame = frame->next) {
		if (frame->born != module->handle)
			continue;
		frame->holder = 0;
		answers[lwf_status_answer(frame->status)]++;
	}
	*out -= own;
	*held += batch->count - own;
	module->mixed = own && own < batch->count;
	if (!batch->head)
		return;
	if (send)
		module->ops->send_complete(module, batch);
	else
		module->ops->receive_return(module, batch);
	/* the module may be Detached by now only if it held no frame: see lwf_stack_post() */
	module->mixed = false;
	if (LWF_ASK(*held > before))
		lwf_judge_kept(module);
	if (module->callback.running)
		module->drained_inside = true;
	if (module->late)
		lwf_lifecycle_quiet(module);
	lwf_stack_came_home(module->stack);
}

static void complete_from(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch)
{
	if (!batch->head)
		return;
	if (to)
		deliver_home(to, batch, true);
	else
		home_upper(stack, batch);
}

/** Counts a batch that @module sends homewards: frames of others, all of them. */
static void sent_home(struct lwf_module *module, struct lwf_batch *batch, bool send)
{
	int64_t *held = send ? &module->held_sends : &module->held_receives;

	lwf_trace_frames(module->stack, module, NULL, LWF_FRAME_ANSWER, batch, send);
	if (LWF_ASK(count_own(module, batch)))
		lwf_judge_own(module, batch, send);
	if (module->clones)
		lwf_clones_keep(module, batch, send);
	if (LWF_ASK(send && module->cancel.active))
		lwf_judge_aborted(module, batch);
	*held -= batch->count;
	*(send ? &module->moved_sends : &module->moved_receives) += batch->count;
	if (LWF_ASK(*held < 0))
		lwf_judge_below_zero(module, held);
	if (module->late)
		lwf_lifecycle_quiet(module);
}

void lwf_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_stack *stack = module->stack;

	lwf_stack_enter(stack);
	sent_home(module, batch, true);
	complete_from(stack, module->above_complete, batch);
	lwf_stack_exit(stack);
}

/* ---- receive ---- */

static void hand_upper(struct lwf_stack *stack, struct lwf_batch *batch)
{
	if (!stack->upper || !stack->upper_running) {
		answer_all(batch, stack->upper ? LWF_REASON_NOT_RUNNING : LWF_REASON_UPPER_GONE);
		lwf_trace_frames(stack, NULL, stack->upper, LWF_FRAME_REFUSE, batch, false);
		return_from(stack, stack->top_return, batch);
		return;
	}
	lwf_trace_frames(stack, NULL, stack->upper, LWF_FRAME_TRANSMIT, batch, false);
	stack->upper->ops->transmit(stack->upper, batch);
}

static void receive_to(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch)
{
	int64_t before;

	if (!batch->head)
		return;
	if (!to) {
		hand_upper(stack, batch);
		return;
	}
	if (to->state != LWF_STATE_RUNNING) { /* P09: never handed in */
		if (lwf_judge_goes_past(to, false)) {
			receive_to(stack, to->above_receive, batch);
			return;
		}
		answer_all(batch, LWF_REASON_NOT_RUNNING);
		to->dropped += batch->count;
		lwf_trace_frames(stack, to, NULL, LWF_FRAME_REFUSE, batch, false);
		return_from(stack, to->below_return, batch);
		return;
	}
	lwf_trace_frames(stack, to, NULL, LWF_FRAME_ENTER, batch, false);
	before = to->held_receives;
	to->held_receives += batch->count;
	to->ops->receive(to, batch);
	if (LWF_ASK(to->held_receives > before))
		lwf_judge_kept(to);
}

void lwf_next_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_stack *stack = module->stack;

	if (batch->head && batch->head->lent) {
		lwf_loan_pass(module, batch);
		return;
	}
	lwf_stack_enter(stack);
	passed_on(module, batch, false);
	receive_to(stack, module->above_receive, batch);
	lwf_stack_exit(stack);
}

/* ---- return ---- */

static void home_lower(struct lwf_stack *stack, struct lwf_batch *batch)
{
	struct lwf_edge *lower = stack->lower;

	lwf_trace_frames(stack, NULL, lower, LWF_FRAME_HOME, batch, false);
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		assert(frame->born == lower->handle);
		frame->holder = 0;
		if (frame->status != LWF_STATUS_SUCCESS)
			lower->counters.drops[frame->reason]++;
	}
	lower->inputs_out -= batch->count;
	lower->ops->reclaim(lower, batch);
	lwf_stack_came_home(stack);
}

static void return_from(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch)
{
	if (!batch->head)
		return;
	if (to)
		deliver_home(to, batch, false);
	else
		home_lower(stack, batch);
}

void lwf_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_stack *stack = module->stack;

	if (batch->head && batch->head->lent) {
		lwf_loan_returned(module);
		return;
	}
	lwf_stack_enter(stack);
	sent_home(module, batch, false);
	return_from(stack, module->below_return, batch);
	lwf_stack_exit(stack);
}

/* ---- edges ---- */

void lwf_edge_input(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct lwf_stack *stack = edge->stack;
	bool upper = edge->side == LWF_SIDE_UPPER;

	lwf_trace_frames(stack, NULL, edge, LWF_FRAME_INPUT, batch, upper);
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		assert(frame->born == edge->handle && frame->holder == 0);
		frame->holder = edge->handle;
		lwf_count_wire(frame, &edge->counters.rx_frames, &edge->counters.rx_bytes);
	}
	edge->counters.rx_units += batch->count;
	edge->inputs_out += batch->count;
	lwf_stack_enter(stack);
	if (upper) {
		stack->host_ledger.submitted += batch->count;
		if (stack->upper_running) {
			send_to(stack, stack->top_send, batch);
		} else {
			answer_all(batch, LWF_REASON_NOT_RUNNING);
			home_upper(stack, batch);
		}
	} else {
		receive_to(stack, stack->bottom_receive, batch);
	}
	lwf_stack_exit(stack);
}

void lwf_edge_completed(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct lwf_edge_counters *counters = &edge->counters;
	struct lwf_stack *stack = edge->stack;

	lwf_trace_frames(stack, NULL, edge, LWF_FRAME_COMPLETE, batch,
			 edge->side == LWF_SIDE_LOWER);
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		if (frame->status == LWF_STATUS_SUCCESS) {
			counters->tx_units++;
			lwf_count_wire(frame, &counters->tx_frames, &counters->tx_bytes);
			continue;
		}
		counters->drops[frame->reason]++;
		if (frame->status == LWF_STATUS_FAILURE) {
			counters->errors++;
			counters->last_error = frame->error;
		}
	}
	lwf_stack_enter(stack);
	if (edge->side == LWF_SIDE_LOWER) {
		stack->lower_done += batch->count;
		complete_from(stack, stack->bottom_complete, batch);
	} else {
		if (stack->copies_out)
			lwf_loan_take_copies(stack, batch);
		return_from(stack, stack->top_return, batch);
	}
	lwf_stack_exit(stack);
}

void lwf_edge_drop(struct lwf_edge *edge, enum lwf_reason reason, uint32_t n)
{
	edge->counters.drops[reason] += n;
	if (edge->side == LWF_SIDE_UPPER && edge->stack) {
		struct lwf_ledger *ledger = &edge->stack->host_ledger;

		ledger->submitted += n;
		ledger->refused[lwf_status_answer(lwf_reason_status(reason))] += n;
	}
}
