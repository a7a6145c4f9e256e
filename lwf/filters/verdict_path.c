/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_path.c - frames on their way through filter verdict: in, waiting, out, and home again.
 *
 * A frame of a decided flow costs the look at its flow, and one comparison. All else happens once for
 * a flow, or while it waits: its frames queue behind the first, in each direction, so that none of
 * them overtakes another (VD-7). What goes on after a verdict goes to the next module, and so past
 * this one exactly once (VD-5).
 *
 * What cannot be asked about: frames that are not IP, later fragments whose first was not seen (they
 * are nothing without it, and it is judged), and ICMP errors about nothing known, pass. Malformed
 * frames, and flows that found no room in the table, get the overflow default.
 */
#include <assert.h>
#include <string.h>

#include <lwf/edge.h>

#include "verdict_private.h"

/** What becomes of one batch. */
struct work {
	struct verdict *me;
	enum lwf_direction direction;
	uint64_t now_ns;
	struct lwf_batch out, returns, drops[VERDICT_FATES];
};

enum lwf_reason lwf_verdict_reason(const struct verdict *me, enum verdict_fate fate)
{
	switch (fate) {
	case VERDICT_DROP_DEFAULT:
		return LWF_REASON_VERDICT_DEFAULT;
	case VERDICT_DROP_OVERFLOW:
		return LWF_REASON_VERDICT_OVERFLOW;
	case VERDICT_DROP_MERGED:
		return LWF_REASON_VERDICT_MERGED;
	case VERDICT_DROP_FLOW:
		return LWF_REASON_VERDICT_FLOW;
	case VERDICT_DROP_SHUT:
		return me->no_link != LWF_REASON_NONE ? me->no_link : LWF_REASON_NOT_RUNNING;
	default:
		return LWF_REASON_VERDICT_DENIED;
	}
}

/* ---- frames of our own ---- */

static struct lwf_frame *copy_of(struct verdict *me, const struct lwf_frame *frame)
{
	struct lwf_pool *pool = frame->len <= VERDICT_SMALL ? me->small : me->large;
	struct lwf_frame *copy = lwf_pool_take(pool, lwf_module_handle(me->module),
					       (enum lwf_direction)frame->direction);

	if (!copy)
		return NULL;
	memcpy(copy->data, frame->data, frame->len);
	copy->len = frame->len;
	copy->offload = frame->offload;
	copy->truncated = frame->truncated;
	copy->time_ns = frame->time_ns;
	copy->flow = frame->flow;
	return copy;
}

/** Tells the sender of @frame that it is not wanted. */
static void reject(struct verdict *me, const struct lwf_frame *frame, enum lwf_direction direction)
{
	enum lwf_direction back =
		direction == LWF_DIRECTION_SEND ? LWF_DIRECTION_RECEIVE : LWF_DIRECTION_SEND;
	struct lwf_frame *answer;
	struct lwf_batch batch;

	answer = lwf_pool_take(me->small, lwf_module_handle(me->module), back);
	if (!answer) {
		me->stats.rejects_lost++;
		return;
	}
	answer->time_ns = lwf_host_now_ns(me->host);
	if (!lwf_verdict_make_reject(frame, answer)) {
		lwf_pool_give(me->small, answer);
		return;
	}
	if (!lwf_gate_enter(&me->gate, 1)) {
		lwf_pool_give(me->small, answer);
		me->stats.rejects_lost++;
		return;
	}
	me->stats.rejects++;
	lwf_batch_init(&batch);
	lwf_batch_push(&batch, answer);
	if (back == LWF_DIRECTION_SEND)
		lwf_next_send(me->module, &batch);
	else
		lwf_next_receive(me->module, &batch);
}

/* ---- out ---- */

static void pass_copies(struct verdict *me, struct lwf_batch *copies)
{
	bool admitted = lwf_gate_enter(&me->gate, copies->count);

	assert(admitted); /* nothing is decided while the gate is shut: pause settles all */
	lwf_next_receive(me->module, copies);
}

void lwf_verdict_release(struct verdict *me, enum lwf_direction direction, struct lwf_batch *frames,
			 enum lwf_verdict_action action, enum verdict_fate fate)
{
	if (!frames->head)
		return;
	if (action == LWF_VERDICT_PERMIT) {
		me->stats.frames_passed += frames->count;
		if (direction == LWF_DIRECTION_SEND)
			lwf_next_send(me->module, frames);
		else
			pass_copies(me, frames);
		return;
	}
	me->stats.frames_dropped += frames->count;
	if (action == LWF_VERDICT_RESET)
		reject(me, frames->head, direction);
	if (direction == LWF_DIRECTION_SEND)
		lwf_drop_sends(me->module, frames, lwf_verdict_reason(me, fate));
	else
		lwf_pool_give_batch(frames);
}

/* ---- waiting ---- */

bool lwf_verdict_has_room(const struct verdict *me, const struct verdict_ask *ask,
			  const struct lwf_frame *frame, enum lwf_direction direction)
{
	const struct verdict_settings *settings = &me->settings;
	uint64_t pool;

	if (me->stats.waiting >= settings->frames || me->stats.bytes + frame->len > settings->bytes)
		return false;
	if (ask && (ask->frames[0].count + ask->frames[1].count >= settings->flow_frames ||
		    (ask->bytes && ask->bytes + frame->len > VERDICT_FLOW_BYTES)))
		return false;
	if (direction == LWF_DIRECTION_RECEIVE)
		return lwf_pool_free_frames(frame->len <= VERDICT_SMALL ? me->small : me->large) >
		       0;
	pool = lwf_pool_frames(frame->pool); /* half of it stays for all others */
	return 2ull * lwf_pool_free_frames(frame->pool) >= pool;
}

static bool is_syn(const struct lwf_parsed *parsed)
{
	return (parsed->flags & LWF_PARSED_TCP) && (parsed->tcp_flags & LWF_TCP_SYN) &&
	       !(parsed->tcp_flags & (LWF_TCP_ACK | LWF_TCP_RST | LWF_TCP_FIN));
}

static void count_waiting(struct verdict *me, struct verdict_ask *ask, uint32_t bytes)
{
	struct lwf_verdict_stats *stats = &me->stats;

	ask->bytes += bytes;
	stats->frames++;
	stats->waiting++;
	stats->bytes += bytes;
	if (stats->waiting > stats->waiting_max)
		stats->waiting_max = stats->waiting;
	if (stats->bytes > stats->bytes_max)
		stats->bytes_max = stats->bytes;
}

/** Keeps @frame behind those of its flow that wait. */
static enum verdict_fate wait_for(struct work *work, struct verdict_ask *ask,
				  struct lwf_frame *frame, const struct lwf_parsed *parsed)
{
	struct verdict *me = work->me;
	uint8_t bit = (uint8_t)(1u << work->direction);

	if (is_syn(parsed) && (ask->has_syn & bit) &&
	    ask->syn[work->direction] == parsed->tcp_seq) {
		me->stats.merged++;
		return VERDICT_DROP_MERGED;
	}
	if (!lwf_verdict_has_room(me, ask, frame, work->direction))
		return VERDICT_DROP_OVERFLOW;
	if (work->direction == LWF_DIRECTION_RECEIVE) {
		struct lwf_frame *copy = copy_of(me, frame);

		assert(copy); /* there was room */
		if (!lwf_frame_is_lent(frame)) {
			lwf_frame_answer(frame, LWF_REASON_NONE);
			lwf_batch_push(&work->returns, frame);
		}
		frame = copy;
	}
	if (is_syn(parsed)) {
		ask->has_syn |= bit;
		ask->syn[work->direction] = parsed->tcp_seq;
	}
	lwf_batch_push(&ask->frames[work->direction], frame);
	count_waiting(me, ask, frame->len);
	return VERDICT_WAIT;
}

/* ---- what is done with a frame ---- */

static enum verdict_fate do_action(struct work *work, struct lwf_frame *frame,
				   enum lwf_verdict_action action, enum verdict_fate drop)
{
	struct verdict *me = work->me;

	if (action == LWF_VERDICT_PERMIT) {
		me->stats.permitted++;
		return VERDICT_GO;
	}
	me->stats.denied++;
	if (action == LWF_VERDICT_RESET)
		reject(me, frame, work->direction);
	return drop;
}

static enum verdict_fate overflow(struct work *work, struct lwf_frame *frame,
				  const struct verdict_ruling *ruling)
{
	const struct verdict_ask like = {.ruling = *ruling};

	work->me->stats.undecidable++;
	return do_action(work, frame, lwf_verdict_fallback(work->me, &like, LWF_CAUSE_OVERFLOW),
			 VERDICT_DROP_OVERFLOW);
}

static enum verdict_fate as_remembered(struct work *work, struct lwf_frame *frame,
				       const struct verdict_flow *flow)
{
	return do_action(work, frame, (enum lwf_verdict_action)flow->action,
			 flow->by == VERDICT_BY_DEFAULT ? VERDICT_DROP_DEFAULT
							: VERDICT_DROP_DENIED);
}

/** Nobody has decided about @flow yet, or not in this epoch. */
static enum verdict_fate decide(struct work *work, struct verdict_flow *flow,
				struct lwf_frame *frame, const struct lwf_parsed *parsed)
{
	struct verdict *me = work->me;
	struct lwf_flow_info info;
	struct verdict_question question = {.flow = flow,
					    .info = &info,
					    .frame = frame,
					    .direction = work->direction,
					    .now_ns = work->now_ns};
	struct verdict_ruling *ruling = &question.ruling;
	struct verdict_ask *ask;

	if (me->closing || me->no_link != LWF_REASON_NONE)
		return VERDICT_DROP_SHUT;
	if (lwf_flow_info(me->table, flow->flow, &info) != LWF_FLOW_OK)
		return VERDICT_DROP_FLOW;
	lwf_verdict_rule(me, &info, false, ruling);
	if (!ruling->waits && ruling->action != LWF_VERDICT_CONTINUE) {
		me->stats.by_rule++;
		flow->rule = ruling->line;
		lwf_verdict_remember(me, flow, (enum lwf_verdict_action)ruling->action,
				     VERDICT_BY_RULE, 0);
		return as_remembered(work, frame, flow);
	}
	if (lwf_verdict_is_self(me, &info.owner)) {
		me->stats.by_self++;
		lwf_verdict_remember(me, flow, LWF_VERDICT_PERMIT, VERDICT_BY_SELF, 0);
		return as_remembered(work, frame, flow);
	}
	ask = lwf_verdict_begin(me, &question);
	if (!ask)
		return do_action(work, frame, question.action,
				 question.cause == LWF_CAUSE_OVERFLOW ? VERDICT_DROP_OVERFLOW
								      : VERDICT_DROP_DEFAULT);
	if (ask->background)
		return as_remembered(work, frame, flow);
	return wait_for(work, ask, frame, parsed);
}

/** A frame that belongs to no flow that could be remembered: rules decide, nobody is asked. */
static enum verdict_fate without_flow(struct work *work, struct lwf_frame *frame,
				      const struct lwf_flow_sight *sight)
{
	struct verdict *me = work->me;
	struct verdict_ruling ruling = {.action = LWF_VERDICT_CONTINUE};
	struct lwf_flow_info info;

	if (me->closing)
		return VERDICT_DROP_SHUT;
	if (sight->seen != LWF_FLOW_SEEN_MALFORMED) {
		memset(&info, 0, sizeof(info));
		info.key = sight->parsed.key;
		info.initiator = sight->parsed.source;
		info.local = work->direction == LWF_DIRECTION_SEND
				     ? sight->parsed.source
				     : (uint8_t)(1 - sight->parsed.source);
		info.owner.how = LWF_OWNER_UNKNOWN;
		info.owner.uid = LWF_OWNER_NO_UID;
		lwf_verdict_rule(me, &info, true, &ruling);
	}
	if (ruling.action != LWF_VERDICT_CONTINUE)
		return do_action(work, frame, (enum lwf_verdict_action)ruling.action,
				 VERDICT_DROP_DENIED);
	return overflow(work, frame, &ruling);
}

static enum verdict_fate judge(struct work *work, struct lwf_frame *frame)
{
	struct verdict *me = work->me;
	struct lwf_flow_sight sight;
	struct verdict_flow *flow;

	switch (lwf_flow_observe(me->table, frame, work->direction, work->now_ns, &sight)) {
	case LWF_FLOW_SEEN_NOTHING:
	case LWF_FLOW_SEEN_STRAY:
		return VERDICT_GO;
	case LWF_FLOW_SEEN_MALFORMED:
	case LWF_FLOW_SEEN_UNTRACKED:
		return without_flow(work, frame, &sight);
	default:
		break;
	}
	flow = lwf_verdict_flow(me, sight.flow);
	if (!flow)
		flow = lwf_verdict_flow_take(me, sight.flow);
	if (!flow)
		return without_flow(work, frame, &sight);
	if (flow->ask != VERDICT_NIL && !me->asks[flow->ask].background)
		return wait_for(work, &me->asks[flow->ask], frame, &sight.parsed);
	if (flow->ask != VERDICT_NIL || lwf_verdict_holds(me, flow, work->now_ns))
		return as_remembered(work, frame, flow);
	return decide(work, flow, frame, &sight.parsed);
}

static void begin(struct work *work, struct lwf_module *module, enum lwf_direction direction)
{
	memset(work, 0, sizeof(*work)); /* batches of nothing */
	work->me = lwf_module_context(module);
	work->direction = direction;
	work->now_ns = lwf_host_now_ns(work->me->host);
}

/** All is in order before others are called: they may ask for anything. */
static void finish(struct work *work)
{
	struct lwf_module *module = work->me->module;
	bool send = work->direction == LWF_DIRECTION_SEND;

	for (unsigned fate = VERDICT_DROP; fate < VERDICT_FATES; fate++)
		if (work->drops[fate].head)
			(send ? lwf_drop_sends : lwf_drop_receives)(
				module, &work->drops[fate],
				lwf_verdict_reason(work->me, (enum verdict_fate)fate));
	if (work->returns.head)
		lwf_receive_return(module, &work->returns);
	if (work->out.head)
		(send ? lwf_next_send : lwf_next_receive)(module, &work->out);
	lwf_verdict_flush(work->me);
}

static void handle(struct lwf_module *module, enum lwf_direction direction, struct lwf_batch *batch)
{
	struct lwf_frame *frame;
	struct work work;

	begin(&work, module, direction);
	while ((frame = lwf_batch_pop(batch))) {
		enum verdict_fate fate = judge(&work, frame);

		if (fate == VERDICT_GO)
			lwf_batch_push(&work.out, frame);
		else if (fate != VERDICT_WAIT)
			lwf_batch_push(&work.drops[fate], frame);
	}
	finish(&work);
}

void lwf_verdict_send(struct lwf_module *module, struct lwf_batch *batch)
{
	handle(module, LWF_DIRECTION_SEND, batch);
}

/** One lent frame, alone in @batch; it is in there again afterwards. */
static void borrow(struct work *work, struct lwf_batch *batch)
{
	struct lwf_module *module = work->me->module;
	enum verdict_fate fate = judge(work, batch->head);

	if (fate == VERDICT_GO)
		lwf_next_receive(module, batch);
	else if (fate != VERDICT_WAIT)
		lwf_drop_receives(module, batch, lwf_verdict_reason(work->me, fate));
}

void lwf_verdict_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch whole, one;
	struct lwf_frame *frame;
	struct work work;

	if (!batch->head || !lwf_frame_is_lent(batch->head)) {
		handle(module, LWF_DIRECTION_RECEIVE, batch);
		return;
	}
	begin(&work, module, LWF_DIRECTION_RECEIVE);
	lwf_batch_init(&whole);
	while ((frame = lwf_batch_pop(batch))) {
		lwf_batch_init(&one);
		lwf_batch_push(&one, frame);
		borrow(&work, &one);
		lwf_batch_push(&whole, frame);
	}
	*batch = whole;
	finish(&work);
}

/* ---- home again ---- */

/** Own frames are home: given back, and last they leave the gate. */
static void come_home(struct lwf_module *module, struct lwf_batch *own)
{
	struct verdict *me = lwf_module_context(module);
	uint32_t n = own->count;

	if (!n)
		return;
	lwf_pool_give_batch(own);
	if (lwf_gate_leave(&me->gate, n))
		lwf_pause_complete(module);
}

void lwf_verdict_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	come_home(module, &own);
}

void lwf_verdict_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_receive_return(module, batch);
	come_home(module, &own);
}

void lwf_verdict_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct verdict *me = lwf_module_context(module);
	struct lwf_batch cancelled;

	lwf_batch_init(&cancelled);
	lwf_verdict_take_cancelled(me, cancel_id, &cancelled);
	me->stats.frames_dropped += cancelled.count;
	if (cancelled.head)
		lwf_drop_sends(module, &cancelled, LWF_REASON_CANCELLED);
	lwf_verdict_flush(me);
	lwf_next_cancel(module, cancel_id);
}
