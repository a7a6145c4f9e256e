/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flows.c - the filter engine beside the pieces: flows, each with at most one context of the driver.
 *
 * As WFP has it: whoever ends a flow or removes its context detaches it first and then calls the driver's
 * deletion function, on the processor where it happens.
 */
#include <assert.h>
#include <string.h>

#include "world.h"

static struct {
	void (*flow_delete)(void *context);
	struct mu_lock lock;
	void *context[MU_FLOWS];
	uint32_t running; /* deletion functions */
} engine;

void flows_begin(void (*flow_delete)(void *context))
{
	memset(&engine, 0, sizeof(engine));
	engine.flow_delete = flow_delete;
}

bool mu_associate(uint32_t flow, void *context)
{
	bool exists;

	assert(flow < MU_FLOWS && context && engine.flow_delete);
	mu_lock(&engine.lock);
	exists = engine.context[flow] != NULL;
	if (!exists)
		engine.context[flow] = context;
	mu_unlock(&engine.lock);
	return !exists;
}

bool mu_has_context(uint32_t flow)
{
	return engine.context[flow] != NULL;
}

void mu_end_flow(uint32_t flow)
{
	void *context;

	mu_lock(&engine.lock);
	context = engine.context[flow];
	engine.context[flow] = NULL;
	engine.running += context != NULL;
	mu_unlock(&engine.lock);
	if (!context)
		return;
	engine.flow_delete(context);
	engine.running--;
}

bool mu_flows_busy(void)
{
	return engine.running > 0;
}
