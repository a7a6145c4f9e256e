/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_show.c - `lwfctl verdict show`: what was asked, what settled it, who decides, what is open.
 *
 * Of the open asks the first ASKS_ROOM are told; how many there are is among the counters.
 */
#include <stdio.h>
#include <string.h>

#include "flowjson.h"
#include "verdict.h"

#define ASKS_ROOM 200u

/* {name: n} of what is not 0. */
static json_t *nonzero(const uint64_t *counts, unsigned count, const char *(*name)(unsigned))
{
	json_t *object = json_object();

	for (unsigned i = 0; i < count; i++) {
		if (counts[i])
			json_object_set_new(object, name(i), json_integer((json_int_t)counts[i]));
	}
	return object;
}

static const char *cause_name(unsigned cause)
{
	return lwf_verdict_cause_name((enum lwf_verdict_cause)cause);
}

static const char *result_name(unsigned result)
{
	return lwf_tell_result_name((enum lwf_tell_result)result);
}

/* ---- deciders ---- */

static json_t *decider(const struct lwf_decider *it)
{
	const struct verdict_peer *verdict = verdict_of(it);
	const struct lwf_decider_stats *stats = &it->stats;
	char comm[LWF_COMM_BYTES] = "";

	if (verdict)
		snprintf(comm, sizeof(comm), "%s", verdict->peer->who.comm);
	for (unsigned char *p = (unsigned char *)comm; *p; p++)
		if (*p < 0x20 || *p >= 0x7f)
			*p = '?'; /* a process names itself as it likes */
	return json_pack(
		"{s:I,s:I,s:I,s:s,s:I,s:b,s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
		"decider", (json_int_t)it->id, "priority", (json_int_t)it->priority, "pid",
		verdict ? (json_int_t)verdict->peer->who.pid : (json_int_t)it->pid, "comm", comm,
		"own_pid", (json_int_t)it->pid, "interactive", it->interactive, "timeout_ns",
		(json_int_t)it->timeout_ns, "credits", (json_int_t)it->credits, "asked",
		(json_int_t)stats->asked, "open", (json_int_t)it->open, "settled",
		nonzero(stats->settled, LWF_CAUSES, cause_name), "told",
		nonzero(stats->told, LWF_TELL_RESULTS, result_name), "no_credit",
		(json_int_t)stats->no_credit, "latency_ns", (json_int_t)stats->latency_ns,
		"latency_max_ns", (json_int_t)stats->latency_max_ns, "messages",
		(json_int_t)(verdict ? verdict->messages : 0), "unsent_bytes",
		(json_int_t)(verdict ? verdict_unsent(verdict) : 0), "unsent_bytes_max",
		(json_int_t)(verdict ? verdict->unsent_max : 0), "lost_notices",
		(json_int_t)(verdict ? verdict->lost : 0));
}

static json_t *deciders(const struct lwf_module *module)
{
	json_t *list = json_array();

	for (struct lwf_decider *it = lwf_module_deciders(module); it; it = it->next)
		if (!strcmp(it->module, lwf_module_name(module)))
			json_array_append_new(list, decider(it));
	return list;
}

/* ---- asks ---- */

struct page {
	struct lwf_verdict_page page; /* first: the filter is given this */
	json_t *asks;
};

static void add_ask(struct lwf_verdict_page *to, const struct lwf_ask *ask, uint32_t given)
{
	struct page *page = (struct page *)to;
	uint64_t left_ns = ask->deadline_ns > to->now_ns ? ask->deadline_ns - to->now_ns : 0;
	json_t *ends = lwf_flow_ends_json(&ask->info);
	json_t *owner = lwf_flow_owner_json(&ask->info.owner);
	char number[24];
	json_t *object;

	snprintf(number, sizeof(number), "%llx", (unsigned long long)ask->ask);
	object = json_pack("{s:s,s:I,s:I,s:s,s:I,s:s,s:I,s:I}", "ask", number, "decider",
			   (json_int_t)given, "flow", (json_int_t)ask->info.flow, "reason",
			   lwf_ask_reason_name((enum lwf_ask_reason)ask->reason), "left_ns",
			   (json_int_t)left_ns, "fallback",
			   lwf_verdict_action_name((enum lwf_verdict_action)ask->fallback), "rule",
			   (json_int_t)ask->rule, "waiting", (json_int_t)ask->waiting);
	if (object && ends && owner && !json_object_update(object, ends) &&
	    !json_object_update(object, owner))
		json_array_append(page->asks, object);
	json_decref(object);
	json_decref(ends);
	json_decref(owner);
}

/* ---- modules ---- */

static void put_stats(json_t *object, const struct lwf_verdict_stats *stats)
{
#define X(name) json_object_set_new(object, #name, json_integer((json_int_t)stats->name));
	LWF_VERDICT_STAT_LIST(X)
#undef X
	json_object_set_new(object, "settled", nonzero(stats->settled, LWF_CAUSES, cause_name));
	json_object_set_new(object, "told", nonzero(stats->told, LWF_TELL_RESULTS, result_name));
}

static json_t *module_of(const struct lwf_stack *stack, struct lwf_module *module)
{
	struct page page = {.page = {.asks = ASKS_ROOM, .ask = add_ask}, .asks = json_array()};
	json_t *object;

	if (lwf_module_control(module, LWF_CONTROL_VERDICTS, &page.page)) {
		json_decref(page.asks);
		return NULL;
	}
	object = json_pack("{s:s,s:s}", "stack", lwf_stack_name(stack), "module",
			   lwf_module_name(module));
	put_stats(object, &page.page.stats);
	json_object_set_new(object, "deciders", deciders(module));
	json_object_set_new(object, "open_asks", page.asks);
	return object;
}

static void add_modules(json_t *list, const struct lwf_stack *stack)
{
	struct lwf_module *module;

	for (uint32_t i = 0; (module = lwf_stack_module_at(stack, i)); i++) {
		json_t *object = module_of(stack, module);

		if (object)
			json_array_append_new(list, object);
	}
}

enum lwf_outcome verdict_show(struct lwf_request *request, const struct lwf_stack *stack)
{
	const struct lwf_stack *first =
		stack ? stack : lwf_engine_stack_at(request->server->engine, 0);
	json_t *list = json_array();
	const struct lwf_stack *it;
	char next[128];

	for (uint32_t i = 0; (it = lwf_engine_stack_at(request->server->engine, i)); i++)
		if (!stack || it == stack)
			add_modules(list, it);
	if (json_array_size(list)) {
		request->reply = json_pack("{s:i,s:o}", "schema", LWF_SCHEMA, "verdicts", list);
		return LWF_OUTCOME_REPLY;
	}
	json_decref(list);
	if (!stack && !lwf_engine_stack_at(request->server->engine, 1))
		stack = first; /* the only one is meant */
	if (stack && lwf_stack_state(stack) == LWF_STATE_DETACHED)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, lwf_stack_name(stack),
					"see its holds in lwfctl show",
					"it is Detached and decides nothing");
	snprintf(next, sizeof(next), "lwfctl filter insert %s verdict",
		 first ? lwf_stack_name(first) : "STACK");
	return lwf_command_fail(request, LWF_EXIT_NO_OBJECT,
				first ? lwf_stack_name(first) : "stack", next,
				"no filter asks for verdicts here");
}
