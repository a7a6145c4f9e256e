/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.c - the filter that tests command. Its correct half is what a filter author would write.
 */
#include <string.h>

#include "packet.h"
#include "script.h"

struct script script;

#define GATED ((void *)1) /* frame->context: went through the gate */

void script_reset(void)
{
	memset(&script, 0, sizeof(script));
}

static lwf_status on_attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	script.attaches++;
	script.module = module;
	script.seen_in_attach = lwf_module_state(module);
	lwf_gate_init(&script.gate);
	if (script.in_attach)
		script.in_attach(module);
	if (script.attach_status != LWF_STATUS_SUCCESS)
		return script.attach_status;
	script.pool = lwf_pool_create(lwf_module_host(module), SCRIPT_FRAMES, 256);
	if (!script.pool)
		return LWF_STATUS_RESOURCES;
	lwf_module_set_context(module, &script);
	return LWF_STATUS_SUCCESS;
}

static void on_detach(struct lwf_module *module)
{
	script.detaches++;
	if (script.in_detach)
		script.in_detach(module);
	lwf_pool_destroy(script.pool);
	script.pool = NULL;
	if (!script.keeps_context)
		lwf_module_set_context(module, NULL);
}

static lwf_status on_pause(struct lwf_module *module)
{
	struct lwf_batch sends, receives;
	bool empty;

	script.pauses++;
	script.seen_in_pause = lwf_module_state(module);
	empty = lwf_gate_close(&script.gate);
	if (script.in_pause)
		script.in_pause(module);
	if (script.pause_is_fixed)
		return script.pause_status;
	sends = script.kept_sends;
	receives = script.kept_receives;
	lwf_batch_init(&script.kept_sends);
	lwf_batch_init(&script.kept_receives);
	if (sends.head)
		lwf_drop_sends(module, &sends, LWF_REASON_NOT_RUNNING);
	if (receives.head)
		lwf_drop_receives(module, &receives, LWF_REASON_NOT_RUNNING);
	return empty ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static lwf_status on_restart(struct lwf_module *module)
{
	script.restarts++;
	script.seen_in_restart = lwf_module_state(module);
	if (script.in_restart)
		script.in_restart(module);
	if (script.restart_status == LWF_STATUS_SUCCESS)
		lwf_gate_open(&script.gate);
	return script.restart_status;
}

static void on_send(struct lwf_module *module, struct lwf_batch *batch)
{
	if (script.send)
		script.send(module, batch);
	else if (script.keep_sends)
		lwf_batch_append(&script.kept_sends, batch);
	else
		lwf_next_send(module, batch);
}

static void on_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	if (script.receive)
		script.receive(module, batch);
	else if (script.keep_receives)
		lwf_batch_append(&script.kept_receives, batch);
	else
		lwf_next_receive(module, batch);
}

static void come_home(struct lwf_module *module, struct lwf_batch *own)
{
	struct lwf_frame *frame;
	uint32_t gated = 0;

	while ((frame = lwf_batch_pop(own))) {
		gated += frame->context == GATED;
		script.home++;
		script.by_answer[lwf_status_answer(frame->status)]++;
		lwf_pool_give(frame->pool, frame);
	}
	if (gated && lwf_gate_leave(&script.gate, gated) && !script.forget_completion)
		lwf_pause_complete(module);
}

static void on_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	if (script.send_complete) {
		script.send_complete(module, batch);
		return;
	}
	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	come_home(module, &own);
}

static void on_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	if (script.receive_return) {
		script.receive_return(module, batch);
		return;
	}
	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_receive_return(module, batch);
	come_home(module, &own);
}

static void on_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_batch kept = script.kept_sends, cancelled;
	struct lwf_frame *frame;

	if (script.cancel) {
		script.cancel(module, cancel_id);
		return;
	}
	lwf_batch_init(&script.kept_sends);
	lwf_batch_init(&cancelled);
	while ((frame = lwf_batch_pop(&kept)))
		lwf_batch_push(lwf_cancel_matches(frame, cancel_id) ? &cancelled
								    : &script.kept_sends,
			       frame);
	if (cancelled.head)
		lwf_drop_sends(module, &cancelled, LWF_REASON_CANCELLED);
	lwf_next_cancel(module, cancel_id);
}

static void on_status(struct lwf_module *module, enum lwf_indication what,
		      const struct lwf_link *link)
{
	(void)what;
	(void)link;
	script.statuses++;
	if (script.in_status)
		script.in_status(module);
}

static uint32_t on_holds(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct lwf_batch *const kept[] = {&script.kept_sends, &script.kept_receives};
	uint32_t count = 0;

	(void)module;
	for (int i = 0; i < 2; i++) {
		for (const struct lwf_frame *frame = kept[i]->head; frame; frame = frame->next) {
			if (origin && frame->born != origin)
				continue;
			if (count++ == 0 || frame->time_ns < *oldest_ns)
				*oldest_ns = frame->time_ns;
		}
	}
	return count;
}

const struct lwf_filter_ops script_ops = {
	.name = "script",
	.summary = "does what a test tells it",
	.traits = LWF_FILTER_ORIGINATES,
	.attach = on_attach,
	.detach = on_detach,
	.pause = on_pause,
	.restart = on_restart,
	.send = on_send,
	.send_complete = on_send_complete,
	.receive = on_receive,
	.receive_return = on_receive_return,
	.status = on_status,
};

const struct lwf_filter_ops keeper_ops = {
	.name = "keeper",
	.summary = "does what a test tells it, and may hold frames",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_HOLDS,
	.attach = on_attach,
	.detach = on_detach,
	.pause = on_pause,
	.restart = on_restart,
	.send = on_send,
	.send_complete = on_send_complete,
	.receive = on_receive,
	.receive_return = on_receive_return,
	.cancel = on_cancel,
	.status = on_status,
	.holds = on_holds,
};

const struct lwf_filter_ops *const script_filters[] = {&script_ops, &keeper_ops, NULL};

static void originate(uint32_t n, enum lwf_direction direction, lwf_handle origin, void *context)
{
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	for (uint32_t i = 0; i < n; i++) {
		struct lwf_frame *frame = lwf_pool_take(script.pool, origin, direction);

		frame->context = context;
		frame->len = 60;
		packet_plain(frame->data, 60, i);
		lwf_batch_push(&batch, frame);
	}
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(script.module, &batch);
	else
		lwf_next_receive(script.module, &batch);
}

bool script_originate(uint32_t n, enum lwf_direction direction)
{
	if (!lwf_gate_enter(&script.gate, n))
		return false;
	originate(n, direction, lwf_module_handle(script.module), GATED);
	return true;
}

void script_originate_wrongly(uint32_t n, enum lwf_direction direction, lwf_handle origin)
{
	originate(n, direction, origin, NULL);
}

void script_let_go(void)
{
	struct lwf_batch sends = script.kept_sends, receives = script.kept_receives;

	lwf_batch_init(&script.kept_sends);
	lwf_batch_init(&script.kept_receives);
	if (sends.head)
		lwf_next_send(script.module, &sends);
	if (receives.head)
		lwf_next_receive(script.module, &receives);
}

void script_restart_complete(lwf_status status)
{
	if (status == LWF_STATUS_SUCCESS)
		lwf_gate_open(&script.gate);
	lwf_restart_complete(script.module, status);
}
