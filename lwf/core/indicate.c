/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * indicate.c - status indications on their way up, and when a module may speak at all.
 *
 * An indication goes from its source to every module above it that may hear it (in Paused,
 * Restarting, Running and Pausing: P12), then to the upper edge and the trace. Filters do not pass
 * it on themselves, so none can be lost by one of them.
 */
#include <lwf/oid.h>

#include "conflicts.h"
#include "internal.h"
#include "judge.h"

static const struct {
	enum lwf_indication what;
	const char *name;
} names[] = {
#define X(sym, value, name) {LWF_INDICATION_##sym, name},
	LWF_INDICATION_LIST(X)
#undef X
};

const char *lwf_indication_name(enum lwf_indication what)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].what == what)
			return names[i].name;
	return "status";
}

static bool reads_wide(const struct lwf_module *module, enum lwf_conflict conflict)
{
	return lwf_conflict_lenient(module->stack->engine, conflict);
}

/** P13; C4, where a status may be indicated once the attributes (here: the context) are set. */
static bool may_speak_in_attach(struct lwf_module *module, enum lwf_speech what)
{
	if (what == LWF_SPEECH_STATUS && module->context && reads_wide(module, LWF_CONFLICT_C4))
		return true;
	lwf_judge_attaching(module,
			    what == LWF_SPEECH_OID ? "asked by an OID" : "indicated a status");
	return false;
}

/** P11, P12: the module is Detached. Inside its detach function C9 and C10 may allow it. */
static bool may_speak_detached(struct lwf_module *module, enum lwf_speech what)
{
	bool oid = what == LWF_SPEECH_OID;

	if (module->callback.running &&
	    reads_wide(module, oid ? LWF_CONFLICT_C9 : LWF_CONFLICT_C10))
		return true;
	lwf_rule_broken(module->stack, module, oid ? LWF_RULE_P11 : LWF_RULE_P12,
			oid ? "an OID while Detached (C9)" : "a status while Detached (C10)");
	return false;
}

bool lwf_may_speak(struct lwf_module *module, enum lwf_speech what)
{
	if (module->state == LWF_STATE_ATTACHING)
		return may_speak_in_attach(module, what);
	if (module->state == LWF_STATE_DETACHED || module->detaching)
		return may_speak_detached(module, what);
	return what == LWF_SPEECH_STATUS || !module->oid_closed;
}

void lwf_indicate_up(struct lwf_stack *stack, uint32_t below, enum lwf_indication what,
		     const struct lwf_link *link)
{
	uint64_t number = ++stack->indications;

	lwf_stack_enter(stack);
	for (uint32_t i = below; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state < LWF_STATE_PAUSED)
			continue;
		module->heard = number;
		if (!module->ops->status)
			continue;
		lwf_trace_call(module, "FilterStatus");
		module->ops->status(module, what, link);
	}
	for (uint32_t i = below; i-- > 0;) {
		struct lwf_module *module = stack->modules[i];

		if (module->state >= LWF_STATE_PAUSED && module->heard < number)
			lwf_rule_broken(stack, module, LWF_RULE_P12,
					"an indication did not reach it");
	}
	lwf_stack_exit(stack);
}

void lwf_indicate_status(struct lwf_module *module, enum lwf_indication what,
			 const struct lwf_link *link)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_link now = lwf_stack_link(stack);
	uint32_t index = 0;

	if (!lwf_may_speak(module, LWF_SPEECH_STATUS))
		return;
	if (!link)
		link = &now;
	while (stack->modules[index] != module)
		index++;
	lwf_trace_text(stack, module, LWF_TRACE_STATUS, lwf_indication_name(what),
		       what == LWF_INDICATION_LINK_STATE ? "carrier %s" : "%s",
		       what != LWF_INDICATION_LINK_STATE ? ""
		       : link->carrier			 ? "on"
							 : "off");
	lwf_indicate_up(stack, index, what, link);
	if (what == LWF_INDICATION_LINK_STATE && stack->upper && stack->upper->ops->mirror)
		stack->upper->ops->mirror(stack->upper, link);
}

void lwf_edge_indicate_status(struct lwf_edge *edge, enum lwf_indication what)
{
	struct lwf_stack *stack = edge->stack;
	struct lwf_link link = lwf_stack_link(stack);

	lwf_trace_text(stack, NULL, LWF_TRACE_STATUS, lwf_indication_name(what), "of %s",
		       edge->name);
	lwf_indicate_up(stack, stack->module_count, what, &link);
}
