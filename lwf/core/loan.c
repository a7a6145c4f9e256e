/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loan.c - receives that are lent for the length of a call.
 *
 * NDIS counterpart: NdisFIndicateReceiveNetBufferLists with NDIS_RECEIVE_FLAGS_RESOURCES. The lender
 * has its frames back when the call returns; nobody returns them, so they never count as outstanding
 * and no pause waits for them. A borrower reads them and passes them on with lwf_next_receive(). It
 * may take the chain apart, but must have put it together again when its receive function returns
 * (O15), and must neither keep nor return a frame (P10). Where a module breaks that, the engine puts
 * the chain together: the lender and those in between never see it.
 *
 * The upper edge may be slow, so it is handed copies, from a pool of the stack's. They are the
 * upper edge's own business as far as pauses go; a stack that is closed waits for them.
 */
#include <assert.h>
#include <string.h>

#include "internal.h"
#include "judge.h"
#include "loan.h"
#include "pool.h"

/** How a chain was when it was lent. */
struct chain {
	struct lwf_frame *frame[LWF_BATCH_MAX_FRAMES];
	uint32_t count;
};

static void note(struct chain *chain, const struct lwf_batch *batch)
{
	chain->count = 0;
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		chain->frame[chain->count++] = frame;
}

static bool is_whole(const struct chain *chain, const struct lwf_batch *batch)
{
	const struct lwf_frame *at = batch->head;

	for (uint32_t i = 0; i < chain->count; i++, at = at->next)
		if (at != chain->frame[i] || at->holder == LWF_HOLDER_HOME || at->clones)
			return false;
	return !at && batch->count == chain->count;
}

static void make_whole(const struct chain *chain, struct lwf_batch *batch)
{
	lwf_batch_init(batch);
	for (uint32_t i = 0; i < chain->count; i++)
		lwf_batch_push(batch, chain->frame[i]);
}

/** The upper edge gets copies; what there is no room for is dropped there. */
static void lend_upper(struct lwf_stack *stack, const struct lwf_batch *lent)
{
	struct lwf_edge *upper = stack->upper;
	struct lwf_batch batch;

	if (!upper || !stack->upper_running) {
		if (upper)
			upper->counters.drops[LWF_REASON_NOT_RUNNING] += lent->count;
		else
			stack->lower->counters.drops[LWF_REASON_UPPER_GONE] += lent->count;
		return;
	}
	lwf_batch_init(&batch);
	for (const struct lwf_frame *frame = lent->head; frame; frame = frame->next) {
		struct lwf_frame *copy =
			lwf_pool_take(stack->copies, stack->copies_handle, LWF_DIRECTION_RECEIVE);

		if (!copy) {
			upper->counters.drops[LWF_REASON_NO_FRAME]++;
			continue;
		}
		memcpy(copy->data, frame->data, frame->len);
		copy->len = frame->len;
		copy->offload = frame->offload;
		copy->time_ns = frame->time_ns;
		copy->holder = stack->copies_handle;
		lwf_batch_push(&batch, copy);
	}
	stack->copies_out += batch.count;
	if (batch.head)
		upper->ops->transmit(upper, &batch);
}

void lwf_loan_take_copies(struct lwf_stack *stack, struct lwf_batch *batch)
{
	struct lwf_batch others;
	struct lwf_frame *frame;

	lwf_batch_init(&others);
	while ((frame = lwf_batch_pop(batch))) {
		if (frame->born != stack->copies_handle) {
			lwf_batch_push(&others, frame);
			continue;
		}
		frame->holder = 0;
		lwf_pool_give(stack->copies, frame);
		stack->copies_out--;
	}
	*batch = others;
	if (stack->closed && !stack->copies_out)
		lwf_stack_post(stack);
}

static void lend_to(struct lwf_stack *stack, struct lwf_module *to, struct lwf_batch *batch)
{
	struct chain chain;
	bool returned;

	if (!batch->head)
		return;
	if (!to) {
		lend_upper(stack, batch);
		return;
	}
	if (to->state != LWF_STATE_RUNNING && lwf_judge_goes_past(to, false)) {
		lend_to(stack, to->above_receive, batch);
		return;
	}
	if (to->state != LWF_STATE_RUNNING) { /* P10: the call returns, and that is all */
		to->dropped += batch->count;
		return;
	}
	note(&chain, batch);
	returned = to->returned_a_loan;
	to->returned_a_loan = false;
	to->ops->receive(to, batch);
	if (!is_whole(&chain, batch)) {
		if (!to->returned_a_loan)
			lwf_rule_broken(stack, to, LWF_RULE_O15, "a lent chain was not restored");
		make_whole(&chain, batch);
	}
	to->returned_a_loan = returned;
}

void lwf_loan_pass(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_stack *stack = module->stack;

	lwf_stack_enter(stack);
	lend_to(stack, module->above_receive, batch);
	lwf_stack_exit(stack);
}

void lwf_loan_returned(struct lwf_module *module)
{
	module->returned_a_loan = true;
	lwf_rule_broken(module->stack, module, LWF_RULE_P10, "lent receives were returned");
}

/** From here to end_loan() the frames are lent; own ones are born, as in any indication. */
static uint32_t begin_loan(struct lwf_batch *batch, lwf_handle lender)
{
	uint32_t own = 0;

	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		frame->lent = 1;
		if (frame->holder)
			continue;
		frame->born = frame->holder = lender;
		own++;
	}
	return own;
}

static void end_loan(struct lwf_batch *batch, lwf_handle lender)
{
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		frame->lent = 0;
		if (frame->born == lender)
			frame->holder = 0;
	}
}

void lwf_lend_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_frame *next;
	uint32_t own;

	assert(batch->count <= LWF_BATCH_MAX_FRAMES);
	if (batch->head && batch->head->lent) { /* borrowed itself: it only goes on */
		lwf_loan_pass(module, batch);
		return;
	}
	for (struct lwf_frame *frame = batch->head; frame; frame = next) {
		next = frame->next;
		if (frame->holder == 0 &&
		    (module->state != LWF_STATE_RUNNING || frame->origin != module->handle))
			lwf_judge_birth(module, batch, frame, false);
	}
	own = begin_loan(batch, module->handle);
	module->receives += own;
	lwf_loan_pass(module, batch);
	module->receive_answers[LWF_ANSWER_SUCCESS] += own;
	end_loan(batch, module->handle);
}

void lwf_edge_lend(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct lwf_stack *stack = edge->stack;

	assert(edge->side == LWF_SIDE_LOWER && batch->count <= LWF_BATCH_MAX_FRAMES);
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		lwf_count_wire(frame, &edge->counters.rx_frames, &edge->counters.rx_bytes);
	edge->counters.rx_units += batch->count;
	begin_loan(batch, edge->handle);
	lwf_stack_enter(stack);
	lend_to(stack, stack->bottom_receive, batch);
	lwf_stack_exit(stack);
	end_loan(batch, edge->handle);
}
