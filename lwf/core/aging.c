/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aging.c - frames that are kept too long while the stack is Running.
 *
 * The limits are those that Driver Verifier publishes: a send is completed within 30 s, by filters
 * and by the device; a receive that a filter keeps is returned within 30 s (O10); and within 22 s a
 * device that has sends completes at least one of them.
 *
 * No frame is looked at for it. For each place that may keep frames two counts are known: what came
 * in so far, and what left. If what left since a mark 30 s ago is less than what had come in by then,
 * one of those frames is still there, whatever the order. A mark moves on as soon as as many have
 * left. So a frame is reported when it is 30 s old if nothing overtakes it, at 60 s otherwise; and
 * one that is always overtaken by others is not seen.
 *
 * A timer runs once a second as long as anything is kept, and not at all when nothing is.
 */
#include "internal.h"

enum look { LOOK_EMPTY, LOOK_YOUNG, LOOK_OVERDUE };

/** When as many have left as the mark says, it moves to @next. */
static enum look look(struct lwf_age *age, uint64_t in, uint64_t done, uint64_t next,
		      uint64_t now_ns, uint64_t limit_ns)
{
	if (in == done) {
		age->since_ns = 0;
		return LOOK_EMPTY;
	}
	if (!age->since_ns || done >= age->mark) {
		age->mark = next;
		age->since_ns = now_ns;
		age->reported = false;
	}
	return now_ns - age->since_ns >= limit_ns ? LOOK_OVERDUE : LOOK_YOUNG;
}

/** One report for one mark. */
static bool is_news(struct lwf_age *age)
{
	bool news = !age->reported;

	age->reported = true;
	return news;
}

static void report(struct lwf_stack *stack, struct lwf_module *module, bool send, const char *event)
{
	char text[LWF_TRACE_TEXT_BYTES];

	stack->overdue = true;
	lwf_stack_waiting(stack, text, sizeof(text));
	lwf_trace_text(stack, module, LWF_TRACE_WATCHDOG, event, "%s", text);
	lwf_log(stack->engine->host, LWF_LOG_WARNING, "%s: %s: %s", stack->name, event, text);
	if (module && !send)
		lwf_rule_broken(stack, module, LWF_RULE_O10, text);
}

static enum look look_module(struct lwf_module *module, bool send, uint64_t now_ns)
{
	struct lwf_age *age = send ? &module->age_sends : &module->age_receives;
	uint64_t done = send ? module->moved_sends : module->moved_receives;
	int64_t held = send ? module->held_sends : module->held_receives;
	uint64_t in = done + (uint64_t)(held > 0 ? held : 0);
	enum look seen = look(age, in, done, in, now_ns, LWF_SEND_LIMIT_NS);

	if (seen == LOOK_OVERDUE && is_news(age))
		report(module->stack, module, send, send ? "send-limit" : "receive-limit");
	return seen;
}

static enum look look_lower(struct lwf_stack *stack, uint64_t now_ns)
{
	uint64_t in = stack->lower_in, done = stack->lower_done;
	enum look sends = look(&stack->age_sends, in, done, in, now_ns, LWF_SEND_LIMIT_NS);
	enum look any =
		look(&stack->age_progress, in, done, done + 1, now_ns, LWF_PROGRESS_LIMIT_NS);

	if (any == LOOK_OVERDUE && is_news(&stack->age_progress))
		report(stack, NULL, true, "no-progress");
	if (sends == LOOK_OVERDUE && is_news(&stack->age_sends))
		report(stack, NULL, true, "send-limit");
	return sends > any ? sends : any;
}

static enum look older(enum look a, enum look b)
{
	return a > b ? a : b;
}

static void tick(void *context)
{
	struct lwf_stack *stack = context;
	uint64_t now_ns = lwf_host_now_ns(stack->engine->host);
	enum look oldest = look_lower(stack, now_ns);

	for (uint32_t i = 0; i < stack->module_count; i++) {
		oldest = older(oldest, look_module(stack->modules[i], true, now_ns));
		oldest = older(oldest, look_module(stack->modules[i], false, now_ns));
	}
	stack->overdue = oldest == LOOK_OVERDUE;
	stack->ages = oldest != LOOK_EMPTY;
	if (stack->ages)
		lwf_timer_set(&stack->aging, LWF_WATCHDOG_NS);
}

void lwf_aging_start(struct lwf_stack *stack)
{
	tick(stack);
}

int lwf_aging_init(struct lwf_stack *stack)
{
	return lwf_timer_init(&stack->aging, stack->engine->host, tick, stack);
}
