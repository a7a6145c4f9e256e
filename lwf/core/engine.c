/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - the engine: its filters (checked against NDIS's dependency rules), its stacks by name.
 */
#include <errno.h>
#include <string.h>

#include "conflicts.h"
#include "internal.h"
#include "unload.h"

struct lwf_engine *lwf_engine_create(struct lwf_host *host)
{
	struct lwf_engine *engine = lwf_host_alloc(host, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->host = host;
	host->engine = engine;
	if (lwf_trace_init(engine))
		goto err_free;
	lwf_engine_set_profile(engine, LWF_PROFILE_STRICT);
	for (const struct lwf_filter_ops *const *ops = lwf_built_in_filters; *ops; ops++)
		if (lwf_engine_register(engine, *ops))
			goto err_free;
	return engine;

err_free:
	host->engine = NULL;
	lwf_trace_fini(engine);
	lwf_host_free(host, engine);
	return NULL;
}

void lwf_engine_destroy(struct lwf_engine *engine)
{
	struct lwf_host *host;

	if (!engine)
		return;
	host = engine->host;
	host->engine = NULL;
	lwf_pool_destroy(engine->stand_ins);
	lwf_trace_fini(engine);
	lwf_host_free(host, engine);
}

struct lwf_host *lwf_engine_host(const struct lwf_engine *engine)
{
	return engine->host;
}

/** The dependency rules of NDIS (1.1 of its filter pages) as far as their functions exist here. */
bool lwf_filter_is_consistent(struct lwf_engine *engine, const struct lwf_filter_ops *ops)
{
	bool originates = ops->traits & LWF_FILTER_ORIGINATES;
	bool holds = ops->traits & LWF_FILTER_HOLDS;

	if (ops->traits & LWF_FILTER_MONITORS && (originates || ops->traits & LWF_FILTER_MODIFIES))
		return false;
	if (originates && ops->send_complete && !ops->send &&
	    !lwf_conflict_lenient(engine, LWF_CONFLICT_C8))
		return false;
	if (originates && !ops->send_complete && !ops->receive_return)
		return false; /* its frames would never come home */
	if (originates && !ops->pause)
		return false; /* nothing would wait for them */
	if (holds && !ops->pause)
		return false;
	if (!ops->oid != !ops->oid_complete || (ops->cancel_oid && !ops->oid))
		return false; /* who asks must hear the answer; who has none is not asked */
	if (!ops->name || !*ops->name || strlen(ops->name) >= LWF_NAME_BYTES - 4)
		return false;
	if (holds && ops->send && !ops->cancel) {
		lwf_rule_refused(engine, ops->name, LWF_RULE_O14, "it keeps sends without cancel");
		return false;
	}
	return true;
}

int lwf_engine_register(struct lwf_engine *engine, const struct lwf_filter_ops *ops)
{
	if (!lwf_filter_is_consistent(engine, ops))
		return -EINVAL;
	for (uint32_t i = 0; i < engine->filter_count; i++) /* one that is leaving has its name */
		if (strcmp(engine->filters[i]->name, ops->name) == 0)
			return -EEXIST;
	if (engine->filter_count == LWF_FILTERS_MAX)
		return -ENOSPC;
	engine->filters[engine->filter_count++] = ops;
	return 0;
}

const struct lwf_filter_ops *lwf_engine_filter(const struct lwf_engine *engine, const char *name)
{
	for (uint32_t i = 0; i < engine->filter_count; i++)
		if (strcmp(engine->filters[i]->name, name) == 0 && !engine->unloads[i].done)
			return engine->filters[i];
	return NULL;
}

const struct lwf_filter_ops *lwf_engine_filter_at(const struct lwf_engine *engine, uint32_t index)
{
	return index < engine->filter_count ? engine->filters[index] : NULL;
}

struct lwf_stack *lwf_engine_stack(const struct lwf_engine *engine, const char *name)
{
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (engine->stacks[i] && strcmp(engine->stacks[i]->name, name) == 0)
			return engine->stacks[i];
	return NULL;
}

struct lwf_stack *lwf_engine_stack_at(const struct lwf_engine *engine, uint32_t index)
{
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (engine->stacks[i] && index-- == 0)
			return engine->stacks[i];
	return NULL;
}
