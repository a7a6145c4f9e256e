/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_share.c - the flow table of a stack: one for all its modules, made by the first that wants it. Its
 * handles begin where those of the one before it ended: who kept one of those finds nothing by it.
 */
#include <assert.h>

#include <lwf/flow.h>

#include "flows.h"
#include "internal.h"

struct lwf_flow_table *lwf_module_open_flows(struct lwf_module *module, uint32_t flows)
{
	struct lwf_stack *stack = module->stack;
	const struct lwf_flow_config config = {
		.flows = flows, .adapter = lwf_module_link(module)->ifindex, .owners = true};

	if (!stack->flows) {
		stack->flows = lwf_flow_table_create(stack->engine->host, &config);
		if (stack->flows)
			lwf_flow_begin_behind(stack->flows, stack->flow_generation);
	}
	if (stack->flows)
		stack->flow_users++;
	return stack->flows;
}

void lwf_module_close_flows(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;

	assert(stack->flow_users > 0);
	if (--stack->flow_users > 0)
		return;
	stack->flow_generation = lwf_flow_latest(stack->flows);
	lwf_flow_table_destroy(stack->flows);
	stack->flows = NULL;
}
