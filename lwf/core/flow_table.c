/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_table.c - room, handles, birth and end of a flow.
 *
 * A flow ends in this order: out of the index and its queues, so that nobody finds it; told to those
 * who want to know; its contexts deleted; and only then is its place free, with another generation.
 * Its handle stops to resolve with the first of these, so no callback can hold on to it.
 */
#include <string.h>

#include "flows.h"

struct lwf_flow *lwf_flow_resolve(const struct lwf_flow_table *table, uint64_t flow)
{
	uint32_t index = (uint32_t)(flow & ((1u << LWF_FLOW_INDEX_BITS) - 1));

	if (index >= table->config.flows || !table->flows[index].live ||
	    table->flows[index].generation != flow >> LWF_FLOW_INDEX_BITS)
		return NULL;
	return &table->flows[index];
}

static uint32_t index_of(const struct lwf_flow_table *table, const struct lwf_flow *flow)
{
	return (uint32_t)(flow - table->flows);
}

/** Cells for @flows at seven tenths. */
static uint32_t cells_for(uint32_t flows)
{
	uint32_t cells = 32;

	while (cells * 7ull / 10 < flows)
		cells *= 2;
	return cells;
}

static void chain_free(struct lwf_flow_table *table)
{
	for (uint32_t i = table->config.flows; i-- > 0;) {
		table->flows[i].generation = 1;
		table->flows[i].class_next = table->free_flow;
		table->free_flow = i;
	}
	for (uint32_t i = table->config.contexts; i-- > 0;) {
		table->contexts[i].generation = 1;
		table->contexts[i].flow_next = table->free_context;
		table->free_context = i;
	}
	for (uint32_t i = 0; i < LWF_CALLOUTS_MAX; i++)
		table->callouts[i].generation = 1;
}

static void release(struct lwf_flow_table *table)
{
	struct lwf_host *host = table->host;

	lwf_flow_time_fini(table);
	lwf_host_free(host, table->programs);
	lwf_host_free(host, table->fragments);
	lwf_host_free(host, table->contexts);
	lwf_host_free(host, table->cells);
	lwf_host_free(host, table->flows);
	lwf_host_free(host, table);
}

struct lwf_flow_table *lwf_flow_table_create(struct lwf_host *host,
					     const struct lwf_flow_config *config)
{
	uint32_t flows = config->flows ? config->flows : LWF_FLOWS_DEFAULT;
	uint32_t contexts = config->contexts ? config->contexts : flows;
	struct lwf_flow_table *table;

	if (flows < LWF_FLOWS_MIN || flows > LWF_FLOWS_MAX || contexts > LWF_FLOWS_MAX)
		return NULL;
	table = lwf_host_alloc(host, sizeof(*table));
	if (!table)
		return NULL;
	table->host = host;
	table->config = *config;
	table->config.flows = flows;
	table->config.contexts = contexts;
	table->mask = cells_for(flows) - 1;
	table->hash_key[0] = lwf_host_random(host);
	table->hash_key[1] = lwf_host_random(host);
	table->free_flow = table->free_context = LWF_FLOW_NIL;
	table->later_head = table->later_tail = LWF_FLOW_NIL;
	table->flows = lwf_host_alloc(host, flows * sizeof(*table->flows));
	table->cells = lwf_host_alloc(host, (table->mask + 1ull) * sizeof(*table->cells));
	table->contexts = lwf_host_alloc(host, contexts * sizeof(*table->contexts));
	table->fragments =
		lwf_host_alloc(host, LWF_FLOW_SETS * LWF_FLOW_WAYS * sizeof(*table->fragments));
	table->programs =
		config->owners ? lwf_host_alloc(host, LWF_FLOW_PROGRAMS * sizeof(*table->programs))
			       : NULL;
	if (!table->flows || !table->cells || !table->contexts || !table->fragments ||
	    (config->owners && !table->programs) || lwf_flow_time_init(table)) {
		release(table);
		return NULL;
	}
	chain_free(table);
	return table;
}

void lwf_flow_table_destroy(struct lwf_flow_table *table)
{
	if (!table)
		return;
	assert(table->nesting == 0); /* not from a callback */
	table->destroying = true;
	lwf_host_forget_owners(table->host, table);
	for (uint32_t i = 0; i < table->config.flows; i++)
		if (table->flows[i].live)
			lwf_flow_finish(table, &table->flows[i], LWF_FLOW_END_EXIT);
	lwf_flow_run_later(table);
	lwf_flow_close_callouts(table);
	assert(table->stats.flows == 0 && table->stats.contexts == 0);
	assert(table->stats.associates == table->stats.deletes);
	release(table);
}

struct lwf_flow *lwf_flow_birth(struct lwf_flow_table *table, const struct lwf_flow_key *key,
				uint32_t tag, uint64_t now_ns)
{
	uint32_t index = table->free_flow;
	uint64_t generation;
	struct lwf_flow *flow;

	if (index == LWF_FLOW_NIL)
		return NULL;
	flow = &table->flows[index];
	table->free_flow = flow->class_next;
	generation = flow->generation;
	memset(flow, 0, sizeof(*flow));
	flow->generation = generation;
	flow->key = *key;
	flow->tag = tag;
	flow->born_ns = flow->seen_ns = now_ns;
	flow->slot = flow->contexts = LWF_FLOW_NIL;
	flow->class = LWF_FLOW_CLASSES;
	flow->epoch = table->epoch;
	flow->program = LWF_FLOW_NO_PROGRAM;
	flow->owner_uid = LWF_OWNER_NO_UID;
	flow->owner_why = LWF_OWNER_WHY_NOT_ASKED;
	flow->ask_at_ns = UINT64_MAX;
	flow->live = true;
	lwf_flow_index_add(table, tag, index);
	table->stats.flows++;
	table->stats.created++;
	return flow;
}

void lwf_flow_finish(struct lwf_flow_table *table, struct lwf_flow *flow, enum lwf_flow_end why)
{
	assert(flow->live);
	flow->live = false;
	lwf_flow_index_remove(table, flow->tag, index_of(table, flow));
	lwf_flow_leave_class(table, flow);
	table->stats.ended[why]++;
	lwf_flow_condemn_contexts(table, flow);
	lwf_flow_tell_end(table, flow, why);
	lwf_flow_forget_program(table, flow);
	lwf_flow_drop_contexts(table, flow, why);
	flow->generation++;
	flow->class_next = table->free_flow;
	table->free_flow = index_of(table, flow);
	table->stats.flows--;
	lwf_flow_watch_level(table);
}

uint64_t lwf_flow_latest(const struct lwf_flow_table *table)
{
	uint64_t latest = 0;

	for (uint32_t i = 0; i < table->config.flows; i++)
		if (table->flows[i].generation > latest)
			latest = table->flows[i].generation;
	return latest;
}

void lwf_flow_begin_behind(struct lwf_flow_table *table, uint64_t generation)
{
	for (uint32_t i = 0; i < table->config.flows; i++)
		table->flows[i].generation = generation + 1;
}

void lwf_flow_fill_info(const struct lwf_flow_table *table, const struct lwf_flow *flow,
			struct lwf_flow_info *info)
{
	info->flow = lwf_flow_handle_of(table, index_of(table, flow));
	info->key = flow->key;
	info->state = flow->state;
	info->flags = flow->flags;
	info->initiator = flow->initiator;
	info->local = flow->local;
	info->verdict = flow->verdict;
	info->born_ns = flow->born_ns;
	info->seen_ns = flow->seen_ns;
	memcpy(info->frames, flow->frames, sizeof(info->frames));
	memcpy(info->bytes, flow->bytes, sizeof(info->bytes));
	info->related = flow->related;
	lwf_flow_fill_owner(table, flow, &info->owner);
}

enum lwf_flow_result lwf_flow_info(const struct lwf_flow_table *table, uint64_t flow,
				   struct lwf_flow_info *info)
{
	const struct lwf_flow *found = lwf_flow_resolve(table, flow);

	if (!found)
		return LWF_FLOW_NOT_FOUND;
	lwf_flow_fill_info(table, found, info);
	return LWF_FLOW_OK;
}

uint64_t lwf_flow_next(const struct lwf_flow_table *table, uint32_t *cursor, uint32_t places)
{
	for (; *cursor < table->config.flows && places; places--) {
		uint32_t index = (*cursor)++;

		if (table->flows[index].live)
			return lwf_flow_handle_of(table, index);
	}
	if (*cursor >= table->config.flows)
		*cursor = LWF_FLOW_WALKED;
	return 0;
}

uint64_t lwf_flow_find(const struct lwf_flow_table *table, const struct lwf_flow_key *key)
{
	const struct lwf_flow *flow = lwf_flow_lookup(table, key, lwf_flow_tag(table, key));

	return flow ? lwf_flow_handle_of(table, index_of(table, flow)) : 0;
}

enum lwf_flow_result lwf_flow_abort(struct lwf_flow_table *table, uint64_t flow)
{
	enum lwf_flow_result forced = lwf_flow_forced(table, LWF_SITE_ABORT);
	struct lwf_flow *found = lwf_flow_resolve(table, flow);

	if (forced == LWF_FLOW_NOT_FOUND || !found)
		return LWF_FLOW_NOT_FOUND;
	if (table->nesting >= LWF_FLOW_NESTING) {
		found->doomed = true;
		lwf_flow_set_class(table, found, LWF_FLOW_CLASS_RESET);
		return LWF_FLOW_DEFERRED;
	}
	lwf_flow_finish(table, found, LWF_FLOW_END_ABORTED);
	return LWF_FLOW_OK;
}

enum lwf_flow_result lwf_flow_pin(struct lwf_flow_table *table, uint64_t flow)
{
	struct lwf_flow *found = lwf_flow_resolve(table, flow);

	if (!found)
		return LWF_FLOW_NOT_FOUND;
	if (found->pins == UINT16_MAX)
		return LWF_FLOW_NOMEM;
	found->pins++;
	return LWF_FLOW_OK;
}

enum lwf_flow_result lwf_flow_unpin(struct lwf_flow_table *table, uint64_t flow)
{
	struct lwf_flow *found = lwf_flow_resolve(table, flow);

	if (!found)
		return LWF_FLOW_NOT_FOUND;
	if (!found->pins)
		return LWF_FLOW_INVALID;
	found->pins--;
	return LWF_FLOW_OK;
}

void lwf_flow_bump_epoch(struct lwf_flow_table *table)
{
	table->epoch++;
}

enum lwf_flow_result lwf_flow_set_verdict(struct lwf_flow_table *table, uint64_t flow,
					  enum lwf_flow_action action)
{
	struct lwf_flow *found = lwf_flow_resolve(table, flow);

	if (!found)
		return LWF_FLOW_NOT_FOUND;
	found->verdict = (uint8_t)action;
	return LWF_FLOW_OK;
}

void lwf_flow_stats(const struct lwf_flow_table *table, struct lwf_flow_stats *stats)
{
	*stats = table->stats;
}

void lwf_flow_set_fault(struct lwf_flow_table *table,
			enum lwf_flow_result (*fault)(void *context, enum lwf_flow_site site),
			void *context)
{
	table->fault = fault;
	table->fault_context = context;
}
