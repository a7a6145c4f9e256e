/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - reporting a broken rule. The sentences and sources are in rules.def.
 */
#ifndef LWF_RULES_H
#define LWF_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct lwf_engine;
struct lwf_module;
struct lwf_stack;

enum lwf_rule {
#define X(id, sentence, source) LWF_RULE_##id,
#include "rules.def"
#undef X
	LWF_RULES
};

struct lwf_rules {
	uint64_t broken[LWF_RULES];
	bool abort;
};

/**
 * Counts the violation, writes it to the trace with the module's name, and ends the program where
 * that was asked for. @module may be NULL when the stack as a whole is meant.
 */
void lwf_rule_broken(struct lwf_stack *stack, const struct lwf_module *module, enum lwf_rule rule,
		     const char *what);

/** The same for a filter that is refused at registration: there is no stack to trace it in. */
void lwf_rule_refused(struct lwf_engine *engine, const char *filter, enum lwf_rule rule,
		      const char *what);

/** Id as text, "S01". */
const char *lwf_rule_id(enum lwf_rule rule);

#endif
