/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.h - what the daemon tells of itself, as JSON of a fixed shape.
 *
 * The shape does not depend on how much there is to tell: lists are always arrays, a part that does
 * not exist is null, and keys are added but never renamed. All functions return a new object that
 * the caller owns, or NULL when there is no memory. For the loop thread.
 */
#ifndef LWF_DAEMON_SHOW_H
#define LWF_DAEMON_SHOW_H

#include <jansson.h>

#include <lwf/stack.h>

#define LWF_SCHEMA	1
#define LWF_FACTS_BYTES 512u

/** Facts that the daemon adds to a stack: writes "key=value key=value" into @text. */
struct lwf_show_facts {
	void (*lower)(void *context, const struct lwf_stack *stack, char *text, size_t bytes);
	void *context;
};

/** `lwfctl show --json`: all stacks, or only @only. @facts may be NULL. */
json_t *lwf_show(const struct lwf_engine *engine, const struct lwf_stack *only,
		 const struct lwf_show_facts *facts);

/** `lwfctl ledger --json`: all stacks, or only @only. */
json_t *lwf_show_ledgers(const struct lwf_engine *engine, const struct lwf_stack *only);

/** One account, as in the ledger of a stack or a session. */
json_t *lwf_show_ledger(const struct lwf_ledger *ledger);

/** One line of `lwfctl watch --json`. */
json_t *lwf_show_record(const struct lwf_trace_record *record);

/** Names of the holds in bit set @holds, as an array. */
json_t *lwf_show_holds(uint32_t holds);

/** "key=value key=value" as an object of strings. */
json_t *lwf_show_pairs(const char *text);

#endif
