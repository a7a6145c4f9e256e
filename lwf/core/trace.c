/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - the engine's memory of what happened: two rings of records, and whoever observes them.
 *
 * One ring has what changes states: it is short, always kept, and a frame never writes to it. The
 * other has the details (frames, callbacks) while somebody asks for them; a flood of frames cannot
 * push a state out of memory. Both share the sequence numbers, so that a reader of both sees one
 * story. A ring that is full forgets its oldest record: nobody ever waits for a reader.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static int ring_init(struct lwf_host *host, struct lwf_trace_ring *ring, uint32_t size)
{
	ring->record = lwf_host_alloc(host, size * sizeof(*ring->record));
	ring->size = size;
	return ring->record ? 0 : -ENOMEM;
}

int lwf_trace_init(struct lwf_engine *engine)
{
	engine->trace.next_seq = 1;
	return ring_init(engine->host, &engine->trace.records, LWF_TRACE_KEEP_RECORDS);
}

void lwf_trace_fini(struct lwf_engine *engine)
{
	lwf_host_free(engine->host, engine->trace.records.record);
	lwf_host_free(engine->host, engine->trace.details.record);
	engine->trace.records.record = NULL;
	engine->trace.details.record = NULL;
}

int lwf_engine_trace_details(struct lwf_engine *engine, bool on)
{
	struct lwf_trace *trace = &engine->trace;

	if (on && !trace->details.record) {
		int ret = ring_init(engine->host, &trace->details, LWF_TRACE_KEEP_DETAILS);

		if (ret)
			return ret;
	}
	trace->details_wanted += on ? 1u : UINT32_MAX; /* modulo: minus one */
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (engine->stacks[i])
			engine->stacks[i]->details = trace->details_wanted > 0;
	return 0;
}

/** A small number for the calling thread, the same as long as it lives. */
static uint32_t thread_number(void)
{
	static _Thread_local uint32_t mine;
	static atomic_uint threads;

	if (!mine)
		mine = atomic_fetch_add(&threads, 1u) + 1u;
	return mine;
}

struct lwf_trace_record *lwf_trace_begin(struct lwf_stack *stack, const struct lwf_module *module,
					 enum lwf_trace_kind kind, const char *event)
{
	struct lwf_trace *trace = &stack->engine->trace;
	bool detail = kind == LWF_TRACE_CALLBACK || kind == LWF_TRACE_FRAME;
	struct lwf_trace_ring *ring = detail ? &trace->details : &trace->records;
	struct lwf_trace_record *record = &ring->record[ring->count++ % ring->size];

	memset(record, 0, sizeof(*record));
	record->seq = trace->next_seq++;
	record->time_ns = lwf_host_now_ns(stack->engine->host);
	record->kind = (uint8_t)kind;
	record->thread = thread_number();
	record->epoch = stack->epoch;
	record->before = record->after = (uint8_t)stack->state;
	memcpy(record->stack_name, stack->name, sizeof(record->stack_name));
	snprintf(record->event, sizeof(record->event), "%s", event);
	if (module) {
		record->epoch = module->epoch;
		record->module = module->handle;
		record->sends_out = module->sends_out;
		record->receives_out = module->receives_out;
		record->before = record->after = (uint8_t)module->state;
		memcpy(record->module_name, module->name, sizeof(record->module_name));
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

/* ---- details ---- */

void lwf_trace_callback(struct lwf_module *module, const char *name, lwf_status status)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_trace_record *record;

	if (!stack->details)
		return;
	record = lwf_trace_begin(stack, module, LWF_TRACE_CALLBACK, name);
	record->status = status;
	record->owed = module->callback.pending;
	lwf_trace_end(stack->engine, record);
}

void lwf_trace_call(struct lwf_module *module, const char *name)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_trace_record *record;

	if (!stack->details)
		return;
	record = lwf_trace_begin(stack, module, LWF_TRACE_CALLBACK, name);
	record->status = LWF_STATUS_PENDING;
	lwf_trace_end(stack->engine, record);
}

/** What a step changes in the accounts of a module: what is out, and what of others is in it. */
static void step_counts(enum lwf_frame_event event, uint32_t *out, int64_t *held)
{
	switch (event) {
	case LWF_FRAME_ORIGINATE:
		++*out;
		break;
	case LWF_FRAME_HOME:
		*out -= *out > 0;
		break;
	case LWF_FRAME_ENTER:
	case LWF_FRAME_BACK:
		++*held;
		break;
	case LWF_FRAME_FORWARD:
	case LWF_FRAME_ANSWER:
		--*held;
		break;
	default:
		break;
	}
}

/** Only on its way home a frame has an answer. */
static bool is_answered(enum lwf_frame_event event)
{
	return event == LWF_FRAME_REFUSE || event >= LWF_FRAME_COMPLETE;
}

static struct lwf_trace_record *frame_begin(struct lwf_stack *stack,
					    const struct lwf_module *module,
					    const struct lwf_edge *edge, enum lwf_frame_event event,
					    const struct lwf_frame *frame)
{
	struct lwf_trace_record *record =
		lwf_trace_begin(stack, module, LWF_TRACE_FRAME, lwf_frame_event_name(event));

	record->nbl = frame->nbl;
	record->source = frame->origin;
	record->status = is_answered(event) ? frame->status : (lwf_status)LWF_STATUS_PENDING;
	record->reason = is_answered(event) ? frame->reason : LWF_REASON_NONE;
	record->owed = module && module->callback.pending;
	if (edge) {
		record->module = edge->handle;
		record->side = edge->side == LWF_SIDE_UPPER ? LWF_TRACE_UPPER : LWF_TRACE_LOWER;
	}
	return record;
}

void lwf_trace_steps(struct lwf_stack *stack, const struct lwf_module *module,
		     const struct lwf_edge *edge, enum lwf_frame_event event,
		     const struct lwf_batch *batch, bool send)
{
	int64_t held = !module ? 0 : send ? module->held_sends : module->held_receives;
	uint32_t out = !module ? 0 : send ? module->sends_out : module->receives_out;
	uint32_t left = batch->count;

	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		enum lwf_frame_event its = event;
		struct lwf_trace_record *record;

		if (event == LWF_FRAME_FORWARD && frame->holder == 0)
			its = LWF_FRAME_ORIGINATE;
		else if (event == LWF_FRAME_BACK && module && frame->born == module->handle)
			its = LWF_FRAME_HOME;
		if (its == LWF_FRAME_ORIGINATE || its == LWF_FRAME_INPUT)
			frame->nbl = ++stack->engine->trace.frames;
		record = frame_begin(stack, module, edge, its, frame);
		step_counts(its, &out, &held);
		record->direction = send ? LWF_DIRECTION_SEND : LWF_DIRECTION_RECEIVE;
		record->held = held > 0 ? (uint32_t)held : 0;
		record->left = --left;
		if (module && send)
			record->sends_out = out;
		else if (module)
			record->receives_out = out;
		lwf_trace_end(stack->engine, record);
	}
}

void lwf_trace_denied(struct lwf_stack *stack, const struct lwf_module *module,
		      const struct lwf_frame *frame)
{
	struct lwf_trace_record *record;

	if (!stack->details)
		return;
	record = frame_begin(stack, module, NULL, LWF_FRAME_DENY, frame);
	record->nbl = 0; /* it was never born */
	record->status = frame->status;
	record->reason = frame->reason;
	record->direction = frame->direction;
	lwf_trace_end(stack->engine, record);
}

/* ---- reading ---- */

/** Number of the oldest record kept. */
static uint64_t ring_oldest(const struct lwf_trace_ring *ring)
{
	return ring->count > ring->size ? ring->count - ring->size : 0;
}

/** Number of the oldest record kept with seq >= @seq. */
static uint64_t ring_find(const struct lwf_trace_ring *ring, uint64_t seq)
{
	uint64_t low = ring_oldest(ring), high = ring->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (ring->record[middle % ring->size].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** The record at *at, which is moved on to the oldest one first if that is newer; or NULL. */
static const struct lwf_trace_record *ring_at(const struct lwf_trace_ring *ring, uint64_t *at,
					      uint64_t *lost)
{
	uint64_t oldest = ring_oldest(ring);

	if (*at < oldest) {
		*lost += oldest - *at;
		*at = oldest;
	}
	return *at < ring->count ? &ring->record[*at % ring->size] : NULL;
}

void lwf_engine_trace_seek(const struct lwf_engine *engine, uint64_t seq, bool details,
			   struct lwf_trace_cursor *cursor)
{
	cursor->details = details;
	cursor->record = ring_find(&engine->trace.records, seq);
	cursor->detail = ring_find(&engine->trace.details, seq);
}

const struct lwf_trace_record *lwf_engine_trace_next(const struct lwf_engine *engine,
						     struct lwf_trace_cursor *cursor,
						     uint64_t *lost)
{
	const struct lwf_trace_record *record, *detail = NULL;

	*lost = 0;
	record = ring_at(&engine->trace.records, &cursor->record, lost);
	if (cursor->details)
		detail = ring_at(&engine->trace.details, &cursor->detail, lost);
	if (detail && (!record || detail->seq < record->seq)) {
		cursor->detail++;
		return detail;
	}
	cursor->record += record != NULL;
	return record;
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
