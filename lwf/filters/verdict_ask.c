/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_ask.c - open asks of filter verdict: their places, deadlines and deciders, and their end.
 *
 *	OWNER > READY > OPEN > settled, from any of them, by lwf_verdict_settle() alone
 *
 * An ask waits for the owner of its flow first, a short while; is then given to the decider of the
 * highest priority, at the end of the call that asked, together with the others; and to the next one
 * after each CONTINUE. It has one deadline at a time, in a heap that knows where each stands.
 */
#include <assert.h>
#include <string.h>

#include "verdict_private.h"

/* ---- places ---- */

void lwf_verdict_asks_init(struct verdict *me)
{
	me->free_ask = me->oldest = me->youngest = VERDICT_NIL;
	me->ready_head = me->ready_tail = VERDICT_NIL;
	for (uint32_t i = me->ask_room; i-- > 0;) {
		me->asks[i].younger = me->free_ask;
		me->free_ask = i;
	}
}

static uint32_t slot_of(const struct verdict *me, const struct verdict_ask *ask)
{
	return (uint32_t)(ask - me->asks);
}

static struct verdict_ask *take_place(struct verdict *me)
{
	struct verdict_ask *ask = &me->asks[me->free_ask];
	uint32_t slot = me->free_ask;

	me->free_ask = ask->younger;
	*ask = (struct verdict_ask){
		.generation = lwf_module_next_ask(me->module),
		.last_generation = ask->last_generation,
		.last_flow = ask->last_flow,
		.last_decider = ask->last_decider,
		.last_cause = ask->last_cause,
		.heap_at = VERDICT_NIL,
		.ready = VERDICT_NIL,
		.older = me->youngest,
		.younger = VERDICT_NIL,
	};
	if (me->youngest == VERDICT_NIL)
		me->oldest = slot;
	else
		me->asks[me->youngest].younger = slot;
	me->youngest = slot;
	me->stats.open++;
	return ask;
}

static void give_place(struct verdict *me, struct verdict_ask *ask)
{
	if (ask->older == VERDICT_NIL)
		me->oldest = ask->younger;
	else
		me->asks[ask->older].younger = ask->younger;
	if (ask->younger == VERDICT_NIL)
		me->youngest = ask->older;
	else
		me->asks[ask->younger].older = ask->older;
	ask->last_generation = ask->generation;
	ask->state = VERDICT_ASK_FREE;
	ask->younger = me->free_ask;
	me->free_ask = slot_of(me, ask);
	me->stats.open--;
}

/* ---- deadlines ---- */

static void heap_put(struct verdict *me, uint32_t at, uint32_t slot)
{
	me->heap[at] = slot;
	me->asks[slot].heap_at = at;
}

static bool sooner(const struct verdict *me, uint32_t a, uint32_t b)
{
	return me->asks[a].deadline_ns < me->asks[b].deadline_ns;
}

/** Puts @slot where it belongs, starting from the free place @at. */
static void heap_settle(struct verdict *me, uint32_t at, uint32_t slot)
{
	for (; at > 0 && sooner(me, slot, me->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_put(me, at, me->heap[(at - 1) / 2]);
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= me->heap_count)
			break;
		if (child + 1 < me->heap_count && sooner(me, me->heap[child + 1], me->heap[child]))
			child++;
		if (!sooner(me, me->heap[child], slot))
			break;
		heap_put(me, at, me->heap[child]);
		at = child;
	}
	heap_put(me, at, slot);
}

static void set_deadline(struct verdict *me, struct verdict_ask *ask, uint64_t at_ns)
{
	ask->deadline_ns = at_ns;
	if (ask->heap_at == VERDICT_NIL)
		heap_settle(me, me->heap_count++, slot_of(me, ask));
	else
		heap_settle(me, ask->heap_at, slot_of(me, ask));
}

static void leave_heap(struct verdict *me, struct verdict_ask *ask)
{
	uint32_t at = ask->heap_at, last;

	if (at == VERDICT_NIL)
		return;
	ask->heap_at = VERDICT_NIL;
	last = me->heap[--me->heap_count];
	if (at < me->heap_count)
		heap_settle(me, at, last);
}

static void set_timer(struct verdict *me)
{
	uint64_t now_ns, due_ns;

	if (!me->heap_count) {
		lwf_timer_cancel(&me->timer);
		return;
	}
	due_ns = me->asks[me->heap[0]].deadline_ns;
	if (me->timer.armed && me->timer.deadline_ns == due_ns)
		return;
	now_ns = lwf_host_now_ns(me->host);
	lwf_timer_set(&me->timer, due_ns > now_ns ? due_ns - now_ns : 0);
}

/* ---- ready ---- */

static void enter_ready(struct verdict *me, struct verdict_ask *ask)
{
	uint32_t slot = slot_of(me, ask);

	ask->ready = VERDICT_NIL;
	if (me->ready_tail == VERDICT_NIL)
		me->ready_head = slot;
	else
		me->asks[me->ready_tail].ready = slot;
	me->ready_tail = slot;
}

static void leave_ready(struct verdict *me, struct verdict_ask *ask)
{
	uint32_t slot = slot_of(me, ask), before = VERDICT_NIL;

	for (uint32_t at = me->ready_head; at != slot; at = me->asks[at].ready)
		before = at;
	if (before == VERDICT_NIL)
		me->ready_head = ask->ready;
	else
		me->asks[before].ready = ask->ready;
	if (me->ready_tail == slot)
		me->ready_tail = before;
}

/* ---- the end ---- */

static enum verdict_fate fate_of(const struct verdict *me, enum lwf_verdict_cause cause)
{
	switch (cause) {
	case LWF_CAUSE_TIMEOUT:
	case LWF_CAUSE_NO_DECIDER:
	case LWF_CAUSE_DISCONNECT:
		return VERDICT_DROP_DEFAULT;
	case LWF_CAUSE_OVERFLOW:
		return VERDICT_DROP_OVERFLOW;
	case LWF_CAUSE_FLOW:
		return VERDICT_DROP_FLOW;
	case LWF_CAUSE_PAUSE:
	case LWF_CAUSE_DETACH:
	case LWF_CAUSE_EXIT:
		return VERDICT_DROP_SHUT;
	case LWF_CAUSE_LINK: /* it is there, with another address: what began with the old one is over */
		return me->no_link == LWF_REASON_NONE ? VERDICT_DROP_FLOW : VERDICT_DROP_SHUT;
	default:
		return VERDICT_DROP_DENIED;
	}
}

/** Takes @ask back from its decider; who is to be told that it needs no answer, or NULL. */
static struct lwf_decider *take_back(struct verdict *me, struct verdict_ask *ask,
				     enum lwf_verdict_cause cause)
{
	struct lwf_decider *decider = ask->decider;

	if (ask->state == VERDICT_ASK_READY) {
		leave_ready(me, ask);
		decider->open--;
		lwf_decider_credit(decider, 1); /* it never saw it */
		return NULL;
	}
	if (ask->state != VERDICT_ASK_OPEN)
		return NULL;
	decider->open--;
	decider->stats.settled[cause]++;
	if (ask->refused || cause == LWF_CAUSE_VERDICT || cause == LWF_CAUSE_TIMEOUT ||
	    cause == LWF_CAUSE_DISCONNECT)
		return NULL; /* it knows, or can tell by the deadline */
	return decider->ops->cancel ? decider : NULL;
}

void lwf_verdict_settle(struct verdict *me, struct verdict_ask *ask, enum lwf_verdict_action action,
			enum lwf_verdict_cause cause)
{
	struct verdict_flow *flow = ask->flow == VERDICT_NIL ? NULL : &me->flows[ask->flow];
	struct lwf_batch sends = ask->frames[LWF_DIRECTION_SEND];
	struct lwf_batch receives = ask->frames[LWF_DIRECTION_RECEIVE];
	uint64_t number = lwf_verdict_number(me, ask);
	struct lwf_decider *told;

	assert(ask->state != VERDICT_ASK_FREE);
	told = take_back(me, ask, cause);
	leave_heap(me, ask);
	ask->last_decider = ask->decider ? ask->decider->id : 0;
	ask->last_cause = (uint8_t)cause;
	ask->last_flow = flow ? flow->flow : 0;
	if (flow) {
		flow->ask = VERDICT_NIL;
		(void)lwf_flow_unpin(me->table, flow->flow);
	}
	me->stats.settled[cause]++;
	me->stats.waiting -= sends.count + receives.count;
	me->stats.bytes -= ask->bytes;
	give_place(me, ask);
	/* all is in order before others are called: they may ask for anything */
	if (told)
		told->ops->cancel(told, number, cause);
	lwf_verdict_release(me, LWF_DIRECTION_SEND, &sends, action, fate_of(me, cause));
	lwf_verdict_release(me, LWF_DIRECTION_RECEIVE, &receives, action, fate_of(me, cause));
}

void lwf_verdict_settle_all(struct verdict *me, enum lwf_verdict_cause cause)
{
	while (me->oldest != VERDICT_NIL)
		lwf_verdict_settle(me, &me->asks[me->oldest], LWF_VERDICT_BLOCK, cause);
	set_timer(me);
}

enum lwf_verdict_action lwf_verdict_fallback(const struct verdict *me,
					     const struct verdict_ask *ask,
					     enum lwf_verdict_cause cause)
{
	const struct verdict_settings *settings = &me->settings;
	enum lwf_verdict_action action = LWF_VERDICT_CONTINUE;

	if (ask->background)
		return (enum lwf_verdict_action)me->flows[ask->flow].action;
	if (ask->soft)
		return LWF_VERDICT_PERMIT; /* nobody blocked it after all */
	if (ask->ruling.fallback != LWF_VERDICT_CONTINUE)
		return (enum lwf_verdict_action)ask->ruling.fallback;
	action = (enum lwf_verdict_action)settings->by_cause[cause];
	if (action == LWF_VERDICT_CONTINUE)
		action = (enum lwf_verdict_action)settings->by_reason[ask->reason];
	return action == LWF_VERDICT_CONTINUE ? (enum lwf_verdict_action)settings->otherwise
					      : action;
}

/** What nobody decided holds for a while, so that the next frame is not another ask. */
static void remember_default(struct verdict *me, const struct verdict_ask *ask,
			     enum lwf_verdict_action action)
{
	struct verdict_flow *flow = &me->flows[ask->flow];
	uint64_t ttl_ns = me->settings.default_ttl_ns;

	if (ask->background) { /* and what somebody decided before holds on */
		flow->epoch = me->epoch;
		flow->until_ns = lwf_host_now_ns(me->host) + (ttl_ns ? ttl_ns : 1);
	} else if (ttl_ns) {
		lwf_verdict_remember(me, flow, action, VERDICT_BY_DEFAULT, ttl_ns);
	} else {
		flow->action = LWF_VERDICT_CONTINUE;
	}
}

enum lwf_verdict_action lwf_verdict_settle_default(struct verdict *me, struct verdict_ask *ask,
						   enum lwf_verdict_cause cause)
{
	enum lwf_verdict_action action = lwf_verdict_fallback(me, ask, cause);

	remember_default(me, ask, action);
	lwf_verdict_settle(me, ask, action, cause);
	return action;
}

/* ---- who is asked ---- */

/** The first behind the one that said CONTINUE. */
static struct lwf_decider *next_decider(const struct verdict *me, const struct verdict_ask *ask)
{
	struct lwf_decider *it = lwf_module_deciders(me->module);

	for (; it && it->priority >= ask->ruling.priority; it = it->next) {
		if (strcmp(it->module, lwf_module_name(me->module)) != 0)
			continue;
		if (!ask->passed_on || it->priority < ask->after_priority ||
		    (it->priority == ask->after_priority && it->id > ask->after_id))
			return it;
	}
	return NULL;
}

static uint64_t timeout_of(const struct verdict *me, const struct verdict_ask *ask,
			   const struct lwf_decider *decider)
{
	if (ask->ruling.timeout_ns)
		return ask->ruling.timeout_ns;
	if (decider->interactive && ask->reason != LWF_ASK_NEW)
		return me->settings.timeout_ns; /* a person is asked about beginnings alone */
	if (decider->timeout_ns)
		return decider->timeout_ns;
	return decider->interactive ? LWF_ASK_INTERACTIVE_NS : me->settings.timeout_ns;
}

/** False when nobody can be asked: @cause says why. */
static bool find_decider(struct verdict *me, struct verdict_ask *ask, enum lwf_verdict_cause *cause)
{
	struct lwf_decider *decider = next_decider(me, ask);
	uint64_t now_ns = lwf_host_now_ns(me->host), due_ns, last_ns;

	*cause = decider ? LWF_CAUSE_OVERFLOW : LWF_CAUSE_NO_DECIDER;
	if (!decider)
		return false;
	if (!decider->credits) {
		decider->stats.no_credit++;
		return false;
	}
	decider->credits--;
	decider->open++;
	ask->decider = decider;
	ask->state = VERDICT_ASK_READY;
	ask->asked_ns = now_ns;
	due_ns = now_ns + timeout_of(me, ask, decider);
	last_ns = ask->born_ns + LWF_ASK_TIMEOUT_MAX_NS;
	set_deadline(me, ask, due_ns < last_ns ? due_ns : last_ns);
	enter_ready(me, ask);
	return true;
}

static void settle_permit(struct verdict *me, struct verdict_ask *ask)
{
	const struct lwf_tell *permit = &ask->permit;
	struct verdict_flow *flow = &me->flows[ask->flow];

	if (permit->scope != LWF_SCOPE_PACKET &&
	    lwf_verdict_is_present(me, ask->epoch, flow->flow, flow->decider)) {
		lwf_verdict_remember(me, flow, LWF_VERDICT_PERMIT, VERDICT_BY_DECIDER,
				     permit->ttl_ns);
		flow->mark = permit->mark;
	}
	lwf_verdict_settle(me, ask, LWF_VERDICT_PERMIT, LWF_CAUSE_VERDICT);
}

void lwf_verdict_pass_on(struct verdict *me, struct verdict_ask *ask)
{
	enum lwf_verdict_cause cause;

	if (find_decider(me, ask, &cause))
		return;
	if (ask->soft)
		settle_permit(me, ask);
	else
		lwf_verdict_settle_default(me, ask, cause);
}

/* ---- the beginning ---- */

static enum lwf_ask_reason reason_of(const struct verdict_flow *flow,
				     const struct lwf_flow_info *info)
{
	if (flow->action != LWF_VERDICT_CONTINUE &&
	    (flow->by != VERDICT_BY_DEFAULT || flow->action == LWF_VERDICT_PERMIT))
		return LWF_ASK_REAUTH;
	if (flow->told)
		return LWF_ASK_PACKET;
	return info->flags & LWF_FLOW_MIDSTREAM ? LWF_ASK_MIDSTREAM : LWF_ASK_NEW;
}

/** No place, or no room for its frame: settled before it is an ask of anybody's. */
static struct verdict_ask *refuse(struct verdict *me, struct verdict_question *question,
				  const struct verdict_ask *like)
{
	me->stats.asks++;
	me->stats.settled[LWF_CAUSE_OVERFLOW]++;
	question->cause = LWF_CAUSE_OVERFLOW;
	question->action = lwf_verdict_fallback(me, like, LWF_CAUSE_OVERFLOW);
	remember_default(me, like, question->action);
	return NULL;
}

static bool has_room(const struct verdict *me, const struct verdict_question *question,
		     const struct verdict_ask *like)
{
	if (me->free_ask == VERDICT_NIL)
		return false;
	return like->background ||
	       lwf_verdict_has_room(me, NULL, question->frame, question->direction);
}

struct verdict_ask *lwf_verdict_begin(struct verdict *me, struct verdict_question *question)
{
	struct verdict_flow *flow = question->flow;
	struct verdict_ask like = {
		.flow = (uint32_t)(flow - me->flows),
		.ruling = question->ruling,
		.reason = (uint8_t)reason_of(flow, question->info),
		.direction = (uint8_t)question->direction,
		.born_ns = question->now_ns,
		.epoch = me->epoch,
	};
	struct verdict_ask *ask;
	enum lwf_flow_result pinned;

	like.background = like.reason == LWF_ASK_REAUTH && !me->settings.hold_reauth;
	if (!has_room(me, question, &like) && me->settings.drop_oldest && me->oldest != VERDICT_NIL)
		lwf_verdict_settle(me, &me->asks[me->oldest], LWF_VERDICT_BLOCK,
				   LWF_CAUSE_OVERFLOW);
	if (!has_room(me, question, &like) || flow->flow != question->info->flow)
		return refuse(me, question, &like);
	ask = take_place(me);
	me->stats.asks++;
	ask->flow = like.flow;
	ask->ruling = like.ruling;
	ask->reason = like.reason;
	ask->direction = like.direction;
	ask->born_ns = like.born_ns;
	ask->epoch = like.epoch;
	ask->background = like.background;
	flow->ask = slot_of(me, ask);
	pinned = lwf_flow_pin(me->table, flow->flow);
	assert(pinned == LWF_FLOW_OK); /* the flow is there, and has no pin of ours */
	if (question->info->owner.how == LWF_OWNER_PENDING) {
		ask->state = VERDICT_ASK_OWNER;
		set_deadline(me, ask, question->now_ns + me->settings.owner_wait_ns);
		return ask;
	}
	ask->state = VERDICT_ASK_OWNER; /* until it is given to somebody */
	if (find_decider(me, ask, &question->cause))
		return ask;
	question->action = lwf_verdict_settle_default(me, ask, question->cause);
	return NULL;
}

/* ---- given away ---- */

bool lwf_verdict_describe(const struct verdict *me, const struct verdict_ask *ask,
			  struct lwf_ask *out)
{
	const struct lwf_frame *frame = ask->frames[ask->direction].head;

	memset(out, 0, offsetof(struct lwf_ask, info));
	if (ask->flow == VERDICT_NIL ||
	    lwf_flow_info(me->table, me->flows[ask->flow].flow, &out->info) != LWF_FLOW_OK)
		return false;
	out->ask = lwf_verdict_number(me, ask);
	out->epoch = ask->epoch;
	out->deadline_ns = ask->deadline_ns;
	out->reason = ask->reason;
	out->direction = ask->direction;
	out->fallback = (uint8_t)lwf_verdict_fallback(me, ask, LWF_CAUSE_TIMEOUT);
	out->soft = ask->soft;
	out->rule = ask->ruling.line;
	out->waiting = ask->frames[0].count + ask->frames[1].count;
	if (frame) {
		out->frame_bytes = frame->len;
		out->offload = frame->offload;
	}
	return true;
}

static void add_data(const struct verdict_ask *ask, struct lwf_ask *out)
{
	const struct lwf_frame *frame = ask->frames[ask->direction].head;

	if (!frame || !ask->decider->copy_bytes)
		return;
	out->data = frame->data;
	out->data_bytes =
		frame->len < ask->decider->copy_bytes ? frame->len : ask->decider->copy_bytes;
}

/** Takes the next asks of one decider off the list, and fills the batch with them. */
static uint32_t fill_batch(struct verdict *me, struct lwf_decider **decider)
{
	uint32_t n = 0;

	*decider = me->asks[me->ready_head].decider;
	while (n < LWF_ASK_BATCH_MAX && me->ready_head != VERDICT_NIL &&
	       me->asks[me->ready_head].decider == *decider) {
		uint32_t slot = me->ready_head;
		struct verdict_ask *ask = &me->asks[slot];

		leave_ready(me, ask);
		ask->state = VERDICT_ASK_OPEN;
		if (!lwf_verdict_describe(me, ask, &me->batch[n]))
			continue; /* its flow is ending: that settles it */
		add_data(ask, &me->batch[n]);
		ask->owner_pending = me->batch[n].info.owner.how == LWF_OWNER_PENDING;
		me->batch_slots[n] = slot;
		me->batch_generations[n++] = ask->generation;
	}
	return n;
}

/** The ask at place @i of the batch, if it still is the one that was given away. */
static struct verdict_ask *given(const struct verdict *me, uint32_t i,
				 const struct lwf_decider *decider)
{
	struct verdict_ask *ask = &me->asks[me->batch_slots[i]];

	return ask->generation == me->batch_generations[i] && ask->decider == decider &&
			       ask->state == VERDICT_ASK_OPEN
		       ? ask
		       : NULL;
}

static void give_away(struct verdict *me)
{
	struct lwf_decider *decider;
	uint32_t n = fill_batch(me, &decider), taken;
	struct verdict_ask *ask;

	if (!n)
		return;
	decider->stats.asked += n;
	taken = decider->ops->ask(decider, me->batch, n);
	/* all are marked first: what settles one may settle others, and nobody has these */
	for (uint32_t i = taken; i < n; i++) {
		ask = given(me, i, decider);
		if (!ask)
			continue;
		ask->refused = true;
		lwf_decider_credit(decider, 1);
	}
	for (uint32_t i = taken; i < n; i++) {
		ask = given(me, i, decider);
		if (ask)
			lwf_verdict_settle_default(me, ask, LWF_CAUSE_OVERFLOW);
	}
}

void lwf_verdict_flush(struct verdict *me)
{
	if (me->flushing)
		return; /* the one who does goes on until nothing is left */
	me->flushing = true;
	while (me->ready_head != VERDICT_NIL)
		give_away(me);
	me->flushing = false;
	set_timer(me);
}

/* ---- what comes later ---- */

static void settle_by_rule(struct verdict *me, struct verdict_ask *ask,
			   const struct verdict_ruling *ruling)
{
	struct verdict_flow *flow = &me->flows[ask->flow];

	flow->rule = ruling->line;
	me->stats.by_rule++;
	lwf_verdict_remember(me, flow, (enum lwf_verdict_action)ruling->action, VERDICT_BY_RULE, 0);
	lwf_verdict_settle(me, ask, (enum lwf_verdict_action)ruling->action, LWF_CAUSE_RULES);
}

static void settle_self(struct verdict *me, struct verdict_ask *ask)
{
	me->stats.by_self++;
	lwf_verdict_remember(me, &me->flows[ask->flow], LWF_VERDICT_PERMIT, VERDICT_BY_SELF, 0);
	lwf_verdict_settle(me, ask, LWF_VERDICT_PERMIT, LWF_CAUSE_SELF);
}

static void look(struct verdict *me, struct verdict_ask *ask, bool last)
{
	struct verdict_ruling ruling;
	struct lwf_flow_info info;

	if (ask->flow == VERDICT_NIL ||
	    lwf_flow_info(me->table, me->flows[ask->flow].flow, &info) != LWF_FLOW_OK)
		return;
	lwf_verdict_rule(me, &info, last, &ruling);
	if (ruling.waits)
		return; /* it stays what it was */
	if (ruling.action != LWF_VERDICT_CONTINUE) {
		settle_by_rule(me, ask, &ruling);
	} else if (lwf_verdict_is_self(me, &info.owner)) {
		settle_self(me, ask);
	} else if (ask->state == VERDICT_ASK_OWNER) {
		ask->ruling = ruling;
		if (last || info.owner.how != LWF_OWNER_PENDING)
			lwf_verdict_pass_on(me, ask);
	} else if (ask->state == VERDICT_ASK_OPEN && ask->owner_pending &&
		   info.owner.how != LWF_OWNER_PENDING) {
		ask->owner_pending = false;
		if (ask->decider->ops->owner)
			ask->decider->ops->owner(ask->decider, lwf_verdict_number(me, ask), &info);
	}
}

void lwf_verdict_look_again(struct verdict *me, struct verdict_ask *ask)
{
	look(me, ask, false);
}

void lwf_verdict_on_due(void *context)
{
	struct verdict *me = context;
	uint64_t now_ns = lwf_host_now_ns(me->host);

	for (uint32_t n = 0; me->heap_count && n < VERDICT_DUE_MAX; n++) {
		struct verdict_ask *ask = &me->asks[me->heap[0]];

		if (ask->deadline_ns > now_ns)
			break;
		if (ask->state == VERDICT_ASK_OWNER)
			look(me, ask, true);
		else
			lwf_verdict_settle_default(me, ask, LWF_CAUSE_TIMEOUT);
	}
	lwf_verdict_flush(me);
}

/** Takes the sends of one ask; true when it has no frame left. */
static bool take_cancelled(struct verdict *me, struct verdict_ask *ask, uint64_t cancel_id,
			   struct lwf_batch *cancelled)
{
	struct lwf_batch *sends = &ask->frames[LWF_DIRECTION_SEND], all = *sends;
	uint32_t before = cancelled->count;
	struct lwf_frame *frame;

	lwf_batch_init(sends);
	while ((frame = lwf_batch_pop(&all))) {
		if (!lwf_cancel_matches(frame, cancel_id)) {
			lwf_batch_push(sends, frame);
			continue;
		}
		me->stats.bytes -= frame->len;
		ask->bytes -= frame->len;
		lwf_batch_push(cancelled, frame);
	}
	me->stats.waiting -= cancelled->count - before;
	if (!sends->head)
		ask->has_syn &= (uint8_t) ~(1u << LWF_DIRECTION_SEND);
	return cancelled->count > before && !sends->head &&
	       !ask->frames[LWF_DIRECTION_RECEIVE].head;
}

void lwf_verdict_take_cancelled(struct verdict *me, uint64_t cancel_id, struct lwf_batch *cancelled)
{
	uint32_t emptied = 0;

	for (uint32_t slot = me->oldest; slot != VERDICT_NIL; slot = me->asks[slot].younger) {
		me->asks[slot].emptied = take_cancelled(me, &me->asks[slot], cancel_id, cancelled);
		emptied += me->asks[slot].emptied;
	}
	for (uint32_t i = 0; emptied && i < me->ask_room; i++) {
		struct verdict_ask *ask = &me->asks[i];

		if (ask->state == VERDICT_ASK_FREE || !ask->emptied)
			continue;
		emptied--;
		lwf_verdict_settle(me, ask, LWF_VERDICT_BLOCK, LWF_CAUSE_CANCEL);
	}
}
