/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - the engine's memory of what happened: a ring of records, and whoever observes them.
 *
 * Records are made on control events only, never for a frame.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"

int lwf_trace_init(struct lwf_engine *engine)
{
	engine->trace.ring =
		lwf_host_alloc(engine->host, LWF_TRACE_KEEP_RECORDS * sizeof(*engine->trace.ring));
	engine->trace.next_seq = 1;
	return engine->trace.ring ? 0 : -1;
}

void lwf_trace_fini(struct lwf_engine *engine)
{
	lwf_host_free(engine->host, engine->trace.ring);
	engine->trace.ring = NULL;
}

struct lwf_trace_record *lwf_trace_begin(struct lwf_stack *stack, const struct lwf_module *module,
					 enum lwf_trace_kind kind, const char *event)
{
	struct lwf_engine *engine = stack->engine;
	struct lwf_trace_record *record;

	record = &engine->trace.ring[engine->trace.next_seq % LWF_TRACE_KEEP_RECORDS];
	memset(record, 0, sizeof(*record));
	record->seq = engine->trace.next_seq++;
	record->time_ns = lwf_host_now_ns(engine->host);
	record->kind = (uint8_t)kind;
	record->epoch = stack->epoch;
	record->before = record->after = (uint8_t)stack->state;
	snprintf(record->stack_name, sizeof(record->stack_name), "%s", stack->name);
	snprintf(record->event, sizeof(record->event), "%s", event);
	if (module) {
		record->epoch = module->epoch;
		record->module = module->handle;
		record->sends_out = module->sends_out;
		record->receives_out = module->receives_out;
		record->before = record->after = (uint8_t)module->state;
		snprintf(record->module_name, sizeof(record->module_name), "%s", module->name);
	}
	return record;
}

void lwf_trace_end(struct lwf_engine *engine, struct lwf_trace_record *record)
{
	struct lwf_trace_record copy = *record; /* an observer may cause the next record */
	struct lwf_observer *next;

	for (struct lwf_observer *observer = engine->observers; observer; observer = next) {
		next = observer->next;
		observer->record(observer, &copy);
	}
}

void lwf_trace_text(struct lwf_stack *stack, const struct lwf_module *module,
		    enum lwf_trace_kind kind, const char *event, const char *format, ...)
{
	struct lwf_trace_record *record = lwf_trace_begin(stack, module, kind, event);
	va_list args;

	va_start(args, format);
	vsnprintf(record->text, sizeof(record->text), format, args);
	va_end(args);
	lwf_trace_end(stack->engine, record);
}

const struct lwf_trace_record *lwf_engine_record(const struct lwf_engine *engine, uint64_t seq)
{
	uint64_t next = engine->trace.next_seq;
	uint64_t oldest = next > LWF_TRACE_KEEP_RECORDS ? next - LWF_TRACE_KEEP_RECORDS : 1;

	if (seq < oldest)
		seq = oldest;
	return seq < next ? &engine->trace.ring[seq % LWF_TRACE_KEEP_RECORDS] : NULL;
}

void lwf_engine_observe(struct lwf_engine *engine, struct lwf_observer *observer)
{
	observer->next = engine->observers;
	engine->observers = observer;
}

void lwf_engine_unobserve(struct lwf_engine *engine, struct lwf_observer *observer)
{
	for (struct lwf_observer **at = &engine->observers; *at; at = &(*at)->next) {
		if (*at == observer) {
			*at = observer->next;
			return;
		}
	}
}
