/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_callout.c - callouts, the contexts they attach, and how a frame is classified.
 *
 * A context is FREE, LIVE, or on its way out: DYING when somebody in particular will delete it, CONDEMNED
 * when that is whoever removes all of its callout. It leaves its flow at once when anything ends it, so that nobody
 * finds it any more, and keeps its place until flow_delete was called: now, or when the last classify
 * that uses it returns, or from the queue of those that were nested too deep. There is one function that
 * calls flow_delete, and it is reached once for each context, since the place is given free before the
 * call and its generation ends there. Nothing here is touched across a callback but by index and
 * generation, or while a busy count holds it.
 */
#include "flows.h"

#define INDEX(handle)	   ((uint32_t)((handle) & ((1u << LWF_FLOW_INDEX_BITS) - 1)))
#define GENERATION(handle) ((handle) >> LWF_FLOW_INDEX_BITS)

static struct lwf_callout *resolve_callout(struct lwf_flow_table *table, uint64_t handle)
{
	uint32_t index = INDEX(handle);

	if (index >= LWF_CALLOUTS_MAX || !table->callouts[index].ops ||
	    table->callouts[index].generation != GENERATION(handle))
		return NULL;
	return &table->callouts[index];
}

static uint64_t context_handle(const struct lwf_flow_table *table, uint32_t index)
{
	return table->contexts[index].generation << LWF_FLOW_INDEX_BITS | index;
}

/** Its closed() is the last call that a callout gets, and nothing of it is touched after. */
static bool close_if_done(struct lwf_flow_table *table, struct lwf_callout *callout)
{
	struct lwf_callout gone = *callout;

	if (!gone.ops || !gone.closing || gone.count || gone.busy || gone.stalled)
		return false;
	callout->ops = NULL;
	callout->generation++;
	table->callouts_changed++;
	if (gone.ops->closed)
		gone.ops->closed(gone.user);
	return true;
}

/* ---- contexts ---- */

static void callout_list_remove(struct lwf_flow_table *table, struct lwf_context *context)
{
	struct lwf_callout *callout = &table->callouts[context->callout];

	if (context->prev == LWF_FLOW_NIL)
		callout->head = context->next;
	else
		table->contexts[context->prev].next = context->next;
	if (context->next == LWF_FLOW_NIL)
		callout->tail = context->prev;
	else
		table->contexts[context->next].prev = context->prev;
}

static void callout_list_append(struct lwf_flow_table *table, struct lwf_context *context)
{
	struct lwf_callout *callout = &table->callouts[context->callout];
	uint32_t index = (uint32_t)(context - table->contexts);

	context->next = LWF_FLOW_NIL;
	context->prev = callout->tail;
	if (callout->tail == LWF_FLOW_NIL)
		callout->head = index;
	else
		table->contexts[callout->tail].next = index;
	callout->tail = index;
}

static uint32_t find_context(const struct lwf_flow_table *table, const struct lwf_flow *flow,
			     enum lwf_flow_layer layer, uint32_t callout)
{
	uint32_t index = flow->contexts;

	while (index != LWF_FLOW_NIL &&
	       (table->contexts[index].layer != layer || table->contexts[index].callout != callout))
		index = table->contexts[index].flow_next;
	return index;
}

static void leave_flow(struct lwf_flow_table *table, uint32_t index)
{
	struct lwf_flow *flow = lwf_flow_resolve(table, table->contexts[index].flow);
	uint32_t *link;

	if (!flow)
		return;
	for (link = &flow->contexts; *link != index; link = &table->contexts[*link].flow_next)
		assert(*link != LWF_FLOW_NIL);
	*link = table->contexts[index].flow_next;
}

/** The only caller of flow_delete. */
static void delete_now(struct lwf_flow_table *table, struct lwf_context *context)
{
	struct lwf_callout *callout = &table->callouts[context->callout];
	const struct lwf_context was = *context;

	assert(was.state == LWF_CONTEXT_DYING && !was.busy);
	callout_list_remove(table, context);
	context->state = LWF_CONTEXT_FREE;
	context->generation++;
	context->flow_next = table->free_context;
	table->free_context = (uint32_t)(context - table->contexts);
	table->stats.contexts--;
	table->stats.deletes++;
	callout->busy++;
	table->nesting++;
	callout->ops->flow_delete(callout->user, (enum lwf_flow_layer)was.layer, was.flow,
				  was.value, (enum lwf_flow_end)was.why);
	table->nesting--;
	callout->busy--;
	callout->count--;
	close_if_done(table, callout);
}

static void delete_later(struct lwf_flow_table *table, struct lwf_context *context)
{
	uint32_t index = (uint32_t)(context - table->contexts);

	context->later = LWF_FLOW_NIL;
	if (table->later_tail == LWF_FLOW_NIL)
		table->later_head = index;
	else
		table->contexts[table->later_tail].later = index;
	table->later_tail = index;
	lwf_flow_soon(table);
}

void lwf_flow_run_later(struct lwf_flow_table *table)
{
	while (table->later_head != LWF_FLOW_NIL) {
		struct lwf_context *context = &table->contexts[table->later_head];

		table->later_head = context->later;
		if (table->later_head == LWF_FLOW_NIL)
			table->later_tail = LWF_FLOW_NIL;
		delete_now(table, context);
	}
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++) {
		table->callouts[i].stalled = false;
		close_if_done(table, &table->callouts[i]);
	}
}

/** A context that was LIVE and has left its flow. */
static enum lwf_flow_result kill(struct lwf_flow_table *table, struct lwf_context *context,
				 enum lwf_flow_end why, bool later)
{
	context->state = LWF_CONTEXT_DYING;
	context->why = (uint8_t)why;
	if (context->busy)
		return LWF_FLOW_DEFERRED; /* the classify that uses it does the rest */
	if (later || table->nesting >= LWF_FLOW_NESTING) {
		delete_later(table, context);
		return LWF_FLOW_DEFERRED;
	}
	delete_now(table, context);
	return LWF_FLOW_OK;
}

/* All at once, before the first callback: none can be removed any more by its handle. */
void lwf_flow_condemn_contexts(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	for (uint32_t i = flow->contexts; i != LWF_FLOW_NIL; i = table->contexts[i].flow_next)
		table->contexts[i].state = LWF_CONTEXT_DYING;
}

void lwf_flow_drop_contexts(struct lwf_flow_table *table, struct lwf_flow *flow,
			    enum lwf_flow_end why)
{
	while (flow->contexts != LWF_FLOW_NIL) {
		struct lwf_context *context = &table->contexts[flow->contexts];

		flow->contexts = context->flow_next;
		kill(table, context, why, false);
	}
}

enum lwf_flow_result lwf_flow_associate(struct lwf_flow_table *table, uint64_t flow,
					enum lwf_flow_layer layer, uint64_t callout, uint64_t value,
					uint64_t *handle)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_ASSOCIATE);
	struct lwf_callout *its = resolve_callout(table, callout);
	struct lwf_flow *to = lwf_flow_resolve(table, flow);
	struct lwf_context *context;
	uint32_t index;

	if (handle)
		*handle = 0;
	if (forced != LWF_FLOW_OK)
		return forced;
	if (!its || !value || !its->ops->flow_delete || (unsigned)layer >= LWF_LAYERS ||
	    !(its->ops->layers & 1u << layer))
		return LWF_FLOW_INVALID;
	if (its->closing)
		return LWF_FLOW_CLOSING;
	if (!to)
		return LWF_FLOW_FLOW_GONE;
	index = find_context(table, to, layer, INDEX(callout));
	if (index != LWF_FLOW_NIL) {
		if (handle)
			*handle = context_handle(table, index);
		return LWF_FLOW_EXISTS;
	}
	index = table->free_context;
	if (index == LWF_FLOW_NIL)
		return LWF_FLOW_NOMEM;
	context = &table->contexts[index];
	table->free_context = context->flow_next;
	context->state = LWF_CONTEXT_LIVE;
	context->value = value;
	context->flow = flow;
	context->layer = (uint8_t)layer;
	context->callout = (uint8_t)INDEX(callout);
	context->busy = 0;
	context->flow_next = to->contexts;
	to->contexts = index;
	callout_list_append(table, context);
	its->count++;
	table->stats.contexts++;
	table->stats.associates++;
	if (handle)
		*handle = context_handle(table, index);
	return LWF_FLOW_OK;
}

static enum lwf_flow_result remove_index(struct lwf_flow_table *table, uint32_t index)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_REMOVE);

	if (index == LWF_FLOW_NIL || forced == LWF_FLOW_NOT_FOUND)
		return LWF_FLOW_NOT_FOUND;
	leave_flow(table, index);
	return kill(table, &table->contexts[index], LWF_FLOW_END_REMOVED,
		    forced == LWF_FLOW_DEFERRED);
}

enum lwf_flow_result lwf_flow_remove(struct lwf_flow_table *table, uint64_t flow,
				     enum lwf_flow_layer layer, uint64_t callout)
{
	struct lwf_flow *from = lwf_flow_resolve(table, flow);
	bool there = from && resolve_callout(table, callout);

	return remove_index(table, there ? find_context(table, from, layer, INDEX(callout))
					 : LWF_FLOW_NIL);
}

enum lwf_flow_result lwf_flow_remove_context(struct lwf_flow_table *table, uint64_t handle)
{
	uint32_t index = INDEX(handle);
	bool there = index < table->config.contexts &&
		     table->contexts[index].state == LWF_CONTEXT_LIVE &&
		     table->contexts[index].generation == GENERATION(handle);

	return remove_index(table, there ? index : LWF_FLOW_NIL);
}

/**
 * First all leave their flows, so that no callback meets one that is about to go; then they are deleted.
 * What others have to delete moves to the end of the list, and new ones come behind it.
 */
static enum lwf_flow_result remove_all(struct lwf_flow_table *table, struct lwf_callout *callout,
				       enum lwf_flow_end why)
{
	enum lwf_flow_result result = LWF_FLOW_OK;
	uint32_t length = 0;

	for (uint32_t i = callout->head; i != LWF_FLOW_NIL; i = table->contexts[i].next, length++) {
		if (table->contexts[i].state != LWF_CONTEXT_LIVE)
			continue;
		leave_flow(table, i);
		table->contexts[i].state = LWF_CONTEXT_CONDEMNED;
	}
	callout->busy++;
	for (; length && callout->head != LWF_FLOW_NIL; length--) {
		struct lwf_context *context = &table->contexts[callout->head];

		callout_list_remove(table, context);
		callout_list_append(table, context);
		if (context->state == LWF_CONTEXT_DYING ||
		    (context->state == LWF_CONTEXT_CONDEMNED &&
		     kill(table, context, why, false) == LWF_FLOW_DEFERRED))
			result = LWF_FLOW_DEFERRED;
	}
	callout->busy--;
	return result;
}

enum lwf_flow_result lwf_flow_remove_all(struct lwf_flow_table *table, uint64_t callout)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_REMOVE), result;
	struct lwf_callout *its = resolve_callout(table, callout);

	if (!its || forced == LWF_FLOW_NOT_FOUND)
		return LWF_FLOW_NOT_FOUND;
	result = remove_all(table, its, LWF_FLOW_END_REMOVED);
	close_if_done(table, its);
	return result;
}

uint64_t lwf_flow_context(const struct lwf_flow_table *table, uint64_t flow,
			  enum lwf_flow_layer layer, uint64_t callout)
{
	const struct lwf_flow *its = lwf_flow_resolve(table, flow);
	uint32_t index = INDEX(callout);

	if (!its || index >= LWF_CALLOUTS_MAX ||
	    table->callouts[index].generation != GENERATION(callout))
		return 0;
	index = find_context(table, its, layer, index);
	return index == LWF_FLOW_NIL ? 0 : table->contexts[index].value;
}

/* ---- callouts ---- */

enum lwf_flow_result lwf_callout_register(struct lwf_flow_table *table,
					  const struct lwf_callout_ops *ops, void *user,
					  uint64_t *handle)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_REGISTER);

	*handle = 0;
	if (!ops->name || !ops->layers || ops->layers >> LWF_LAYERS || table->destroying)
		return LWF_FLOW_INVALID;
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX && forced == LWF_FLOW_OK; i++) {
		struct lwf_callout *callout = &table->callouts[i];
		uint64_t generation = callout->generation;

		if (callout->ops)
			continue;
		*callout = (struct lwf_callout){.ops = ops,
						.user = user,
						.generation = generation,
						.order = ++table->callouts_registered,
						.head = LWF_FLOW_NIL,
						.tail = LWF_FLOW_NIL};
		table->callouts_changed++;
		*handle = generation << LWF_FLOW_INDEX_BITS | i;
		return LWF_FLOW_OK;
	}
	return LWF_FLOW_NOMEM;
}

enum lwf_flow_result lwf_callout_unregister(struct lwf_flow_table *table, uint64_t handle)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_UNREGISTER);
	struct lwf_callout *callout = resolve_callout(table, handle);

	if (!callout || forced == LWF_FLOW_NOT_FOUND)
		return LWF_FLOW_NOT_FOUND;
	callout->closing = true;
	if (forced == LWF_FLOW_BUSY) {
		callout->stalled = true;
		lwf_flow_soon(table);
	}
	/* a second call, or one from inside, finds the rest on its way already */
	remove_all(table, callout, LWF_FLOW_END_CALLOUT);
	return close_if_done(table, callout) ? LWF_FLOW_OK : LWF_FLOW_BUSY;
}

void lwf_flow_close_callouts(struct lwf_flow_table *table)
{
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++) {
		struct lwf_callout *callout = &table->callouts[i];

		if (!callout->ops)
			continue;
		assert(!callout->busy); /* the table is destroyed from a callback */
		callout->closing = true;
		callout->stalled = false;
		close_if_done(table, callout);
	}
}

void lwf_flow_tell_end(struct lwf_flow_table *table, const struct lwf_flow *flow,
		       enum lwf_flow_end why)
{
	struct lwf_flow_info info;
	bool filled = false;

	table->nesting++;
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++) {
		struct lwf_callout *callout = &table->callouts[i];

		if (!callout->ops || !callout->ops->ended || callout->closing)
			continue;
		if (!filled) /* nobody may want to know, as in a flood */
			lwf_flow_fill_info(table, flow, &info);
		filled = true;
		callout->busy++;
		callout->ops->ended(callout->user, &info, why);
		callout->busy--;
		close_if_done(table, callout);
	}
	table->nesting--;
}

void lwf_flow_tell_owned(struct lwf_flow_table *table, uint64_t flow)
{
	table->nesting++;
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++) {
		struct lwf_callout *callout = &table->callouts[i];

		if (!callout->ops || !callout->ops->owned || callout->closing)
			continue;
		callout->busy++;
		callout->ops->owned(callout->user, flow);
		callout->busy--;
		close_if_done(table, callout);
	}
	table->nesting--;
}

/* ---- classify ---- */

/** The first callout behind (@weight, @order), the heaviest first; NULL at the end. */
static struct lwf_callout *next_callout(struct lwf_flow_table *table, uint64_t weight,
					uint64_t order)
{
	struct lwf_callout *best = NULL;

	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++) {
		struct lwf_callout *it = &table->callouts[i];

		if (!it->ops || it->closing || !it->ops->classify)
			continue;
		if (it->ops->weight > weight || (it->ops->weight == weight && it->order <= order))
			continue;
		if (!best || it->ops->weight > best->ops->weight ||
		    (it->ops->weight == best->ops->weight && it->order < best->order))
			best = it;
	}
	return best;
}

static enum lwf_flow_action ask(const struct lwf_classify *in, struct lwf_callout *callout)
{
	struct lwf_flow_table *table = in->table;
	const struct lwf_flow *flow = lwf_flow_resolve(table, in->flow);
	uint32_t index = find_context(table, flow, (enum lwf_flow_layer)in->layer,
				      (uint32_t)(callout - table->callouts));
	struct lwf_context *context = index == LWF_FLOW_NIL ? NULL : &table->contexts[index];
	enum lwf_flow_action action = LWF_ACTION_NONE;

	if (!context && (callout->ops->flags & LWF_CALLOUT_CONDITIONAL_ON_FLOW))
		return LWF_ACTION_CONTINUE;
	callout->busy++;
	if (context)
		context->busy++;
	callout->ops->classify(callout->user, in, context ? context->value : 0, &action);
	if (context && --context->busy == 0 && context->state == LWF_CONTEXT_DYING) {
		if (table->nesting >= LWF_FLOW_NESTING)
			delete_later(table, context);
		else
			delete_now(table, context);
	}
	callout->busy--;
	close_if_done(table, callout);
	if (action == LWF_ACTION_NONE) {
		table->stats.classify_no_action++;
		action = LWF_ACTION_CONTINUE;
	}
	return action;
}

enum lwf_flow_action lwf_flow_classify(const struct lwf_classify *in)
{
	struct lwf_flow_table *table = in->table;
	enum lwf_flow_action result = LWF_ACTION_CONTINUE;
	uint64_t weight = UINT64_MAX, order = 0;

	while (lwf_flow_resolve(table, in->flow)) {
		struct lwf_callout *callout = next_callout(table, weight, order);
		enum lwf_flow_action action;

		if (!callout)
			break;
		weight = callout->ops->weight;
		order = callout->order;
		if (!(callout->ops->layers & 1u << in->layer))
			continue;
		action = ask(in, callout);
		if (action > result)
			result = action;
		if (result == LWF_ACTION_BLOCK)
			break;
	}
	return result;
}

enum lwf_flow_result lwf_classify_get(const struct lwf_classify *in, enum lwf_flow_field field,
				      uint64_t *value)
{
	*value = 0;
	if ((unsigned)field >= 32 || !(in->present & 1u << field))
		return LWF_FLOW_NOT_FOUND;
	switch (field) {
	case LWF_FIELD_FRAME:
		*value = (uint64_t)(uintptr_t)in->frame;
		break;
	case LWF_FIELD_PARSED:
		*value = (uint64_t)(uintptr_t)in->parsed;
		break;
	case LWF_FIELD_DIRECTION:
		*value = in->direction;
		break;
	case LWF_FIELD_SEEN:
		*value = in->seen;
		break;
	default:
		return LWF_FLOW_NOT_FOUND;
	}
	return LWF_FLOW_OK;
}
