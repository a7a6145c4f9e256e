/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowcmd.c - `lwfctl flows`: the flows that filters follow, a page at a time.
 *
 * A page is at most FLOWS_ROOM flows, found in at most FLOWS_PLACES places of a table, so that a full
 * table is told in many short turns of the loop and no frame waits for it. The number "after" says where
 * the next page begins: which module of which stack, and where in its table. A stack that goes or comes
 * meanwhile shifts that; a list of what changes all the time is never more than that.
 */
#include <string.h>

#include <lwf/flow.h>

#include "control.h"
#include "flowjson.h"

#define FLOWS_ROOM   100u
#define FLOWS_PLACES 4096u
#define NEXT_MODULE  (1ull << 32) /* "after": stack, module and place */
#define NEXT_STACK   (1ull << 40)

struct page {
	struct lwf_flow_page page; /* first: the filter is given this */
	json_t *flows;		   /* NULL: out of memory */
	const char *stack;
};

static json_t *counts(const struct lwf_flow_info *info, enum lwf_direction direction)
{
	return json_pack("{s:I,s:I}", "frames", (json_int_t)info->frames[direction], "bytes",
			 (json_int_t)info->bytes[direction]);
}

static void add_flow(struct lwf_flow_page *to, const struct lwf_flow_info *info)
{
	struct page *page = (struct page *)to;
	json_t *flow = json_pack(
		"{s:s,s:I,s:s,s:b,s:o,s:o,s:I,s:I,s:I,s:s}", "stack", page->stack, "id",
		(json_int_t)info->flow, "state",
		lwf_flow_state_name((enum lwf_flow_state)info->state), "midstream",
		(info->flags & LWF_FLOW_MIDSTREAM) != 0, "sent", counts(info, LWF_DIRECTION_SEND),
		"received", counts(info, LWF_DIRECTION_RECEIVE), "icmp_errors",
		(json_int_t)info->related, "age_ns", (json_int_t)(to->now_ns - info->born_ns),
		"idle_ns", (json_int_t)(to->now_ns - info->seen_ns), "verdict",
		lwf_flow_action_name((enum lwf_flow_action)info->verdict));
	json_t *ends = lwf_flow_ends_json(info), *owner = lwf_flow_owner_json(&info->owner);

	if (!flow || !ends || !owner || json_object_update(flow, ends) ||
	    json_object_update(flow, owner) || !page->flows ||
	    json_array_append(page->flows, flow)) {
		json_decref(page->flows);
		page->flows = NULL;
	}
	json_decref(flow);
	json_decref(ends);
	json_decref(owner);
}

/** Has a filter of @stack, from module @index on, fill the page. False: none has flows. */
static bool fill(struct page *page, const struct lwf_stack *stack, uint32_t *index)
{
	struct lwf_module *module;

	page->stack = lwf_stack_name(stack);
	for (; (module = lwf_stack_module_at(stack, *index)); (*index)++) {
		if (lwf_module_control(module, LWF_CONTROL_FLOWS, &page->page) == 0)
			return true;
		page->page.cursor = 0;
	}
	*index = 0;
	return false;
}

static enum lwf_outcome none(struct lwf_request *request, const struct lwf_stack *stack)
{
	const struct lwf_stack *first =
		stack ? stack : lwf_engine_stack_at(request->server->engine, 0);
	char next[128];

	if (stack && lwf_stack_state(stack) == LWF_STATE_DETACHED) {
		lwf_error_set(&request->error, LWF_EXIT_REFUSED, lwf_stack_name(stack),
			      "see its holds in lwfctl show", "it is Detached and has no flows");
		return LWF_OUTCOME_ERROR;
	}
	snprintf(next, sizeof(next), "lwfctl filter insert %s flow",
		 first ? lwf_stack_name(first) : "STACK");
	lwf_error_set(&request->error, LWF_EXIT_NO_OBJECT, first ? lwf_stack_name(first) : "stack",
		      next, "no filter follows flows here");
	return LWF_OUTCOME_ERROR;
}

enum lwf_outcome lwf_flow_command(struct lwf_request *request, const struct lwf_stack *stack,
				  uint64_t after)
{
	struct lwf_engine *engine = request->server->engine;
	uint32_t at = (uint32_t)(after / NEXT_STACK);
	uint32_t index = (uint32_t)(after % NEXT_STACK / NEXT_MODULE);
	struct page page = {
		.page = {.cursor = (uint32_t)after,
			 .flows = FLOWS_ROOM,
			 .places = FLOWS_PLACES,
			 .flow = add_flow},
		.flows = json_array(),
	};
	const struct lwf_stack *it = stack ? stack : lwf_engine_stack_at(engine, at);
	bool filled = false;
	uint64_t next = 0;

	while (it && !(filled = fill(&page, it, &index)))
		it = stack ? NULL : lwf_engine_stack_at(engine, ++at);
	if (!filled && !after) {
		json_decref(page.flows);
		return none(request, stack);
	}
	if (filled) {
		next = at * NEXT_STACK + index * NEXT_MODULE;
		next += page.page.cursor == LWF_FLOW_WALKED ? NEXT_MODULE : page.page.cursor;
	}
	request->reply = json_pack("{s:i,s:o,s:I}", "schema", LWF_SCHEMA, "flows", page.flows,
				   "after", (json_int_t)next);
	return LWF_OUTCOME_REPLY;
}
