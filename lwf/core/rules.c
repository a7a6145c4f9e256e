/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.c - what happens when a rule of rules.def is broken: it is counted under its id, told to
 * the trace and the log with the module's name, and in tests it ends the program.
 */
#include <stdlib.h>

#include "internal.h"

static const struct {
	const char *id;
	const char *sentence;
} rules[] = {
#define X(id, sentence, source) {#id, sentence},
#include "rules.def"
#undef X
};

const char *lwf_rule_id(enum lwf_rule rule)
{
	return rules[rule].id;
}

void lwf_rule_broken(struct lwf_stack *stack, const struct lwf_module *module, enum lwf_rule rule,
		     const char *what)
{
	struct lwf_engine *engine = stack->engine;

	engine->rules.broken[rule]++;
	lwf_trace_text(stack, module, LWF_TRACE_RULE, rules[rule].id, "%s", what);
	lwf_log(engine->host, LWF_LOG_ERROR, "%s/%s: rule %s broken: %s (%s)", stack->name,
		module ? module->name : "-", rules[rule].id, what, rules[rule].sentence);
	if (engine->rules.abort)
		abort();
}

void lwf_rule_refused(struct lwf_engine *engine, const char *filter, enum lwf_rule rule,
		      const char *what)
{
	engine->rules.broken[rule]++;
	lwf_log(engine->host, LWF_LOG_ERROR, "filter %s: rule %s broken: %s (%s)", filter,
		rules[rule].id, what, rules[rule].sentence);
	if (engine->rules.abort)
		abort();
}

void lwf_engine_abort_on_rule(struct lwf_engine *engine, bool abort_on_rule)
{
	engine->rules.abort = abort_on_rule;
}

bool lwf_engine_rule(const struct lwf_engine *engine, uint32_t index, const char **id,
		     const char **sentence, uint64_t *broken)
{
	if (index >= LWF_RULES)
		return false;
	*id = rules[index].id;
	*sentence = rules[index].sentence;
	*broken = engine->rules.broken[index];
	return true;
}

uint64_t lwf_engine_rules_broken(const struct lwf_engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LWF_RULES; i++)
		sum += engine->rules.broken[i];
	return sum;
}
