/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wobble.c - a filter that does whatever the rules allow, at random.
 *
 * It fails to attach, fails to restart, answers restarts and pauses PENDING without need, keeps
 * frames of others for a while, drops some, and originates its own in both directions by a timer.
 * While the world is calm it succeeds and keeps nothing.
 *
 * A pause that pends without need is one frame too many in the gate, which a timer takes out.
 */
#include <string.h>

#include <lwf/filter.h>
#include <lwf/gate.h>

#include "world.h"

#define FRAMES	     8u
#define PERIOD_NS    (2 * SIM_MS)
#define LATE_NS	     (5 * SIM_MS)
#define WOBBLE_MAGIC 0x5a5a5a5aull

struct wobble {
	struct lwf_module *module;
	struct lwf_gate gate;
	struct lwf_pool *pool;
	struct lwf_timer tick; /* originates: stopped before a pause ends */
	struct lwf_timer late; /* completes what pends */
	struct lwf_batch kept_sends, kept_receives;
	bool restarting, pausing;
	bool running; /* by its own account */
};

static void on_late(void *context);

static void let_go(struct wobble *me)
{
	struct lwf_batch sends = me->kept_sends, receives = me->kept_receives;

	lwf_batch_init(&me->kept_sends);
	lwf_batch_init(&me->kept_receives);
	if (sends.head)
		lwf_next_send(me->module, &sends);
	if (receives.head)
		lwf_next_receive(me->module, &receives);
}

static void originate(struct wobble *me, enum lwf_direction direction)
{
	uint32_t n = 1 + sim_below(sim_world, 3);
	struct lwf_batch batch;

	if (n > lwf_pool_free_frames(me->pool) || !lwf_gate_enter(&me->gate, n))
		return;
	lwf_batch_init(&batch);
	while (n-- > 0) {
		struct lwf_frame *frame =
			lwf_pool_take(me->pool, lwf_module_handle(me->module), direction);

		frame->len = 60;
		memset(frame->data, 0, 60);
		lwf_batch_push(&batch, frame);
	}
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(me->module, &batch);
	else
		lwf_next_receive(me->module, &batch);
}

static void on_tick(void *context)
{
	struct wobble *me = context;

	if (!me->running)
		sim_fail("a timer that originates runs while the module is not Running");
	lwf_timer_set(&me->tick, PERIOD_NS);
	let_go(me);
	if (!sim_world->calm)
		originate(me,
			  sim_once_in(sim_world, 2) ? LWF_DIRECTION_SEND : LWF_DIRECTION_RECEIVE);
}

static lwf_status wobble_attach(struct lwf_module *module, const struct lwf_options *options)
{
	struct lwf_host *host = lwf_module_host(module);
	struct wobble *me;

	(void)options;
	if (!sim_world->calm && sim_once_in(sim_world, 24))
		return LWF_STATUS_FAILURE;
	me = lwf_host_alloc(host, sizeof(*me));
	if (!me)
		return LWF_STATUS_RESOURCES;
	me->module = module;
	lwf_gate_init(&me->gate);
	me->pool = lwf_pool_create(host, FRAMES, 128);
	if (!me->pool)
		goto err_free;
	if (lwf_module_timer_init(module, &me->tick, on_tick, me))
		goto err_pool;
	if (lwf_timer_init(&me->late, host, on_late, me))
		goto err_tick;
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;

err_tick:
	lwf_module_timer_fini(module, &me->tick);
err_pool:
	lwf_pool_destroy(me->pool);
err_free:
	lwf_host_free(host, me);
	return LWF_STATUS_RESOURCES;
}

static void wobble_detach(struct lwf_module *module)
{
	struct wobble *me = lwf_module_context(module);

	lwf_module_timer_fini(module, &me->tick);
	lwf_timer_fini(&me->late);
	lwf_pool_destroy(me->pool);
	lwf_host_free(lwf_module_host(module), me);
	lwf_module_set_context(module, NULL);
}

static lwf_status run(struct wobble *me)
{
	me->restarting = false;
	if (!sim_world->calm && sim_once_in(sim_world, 24))
		return LWF_STATUS_FAILURE;
	me->running = true;
	lwf_timer_set(&me->tick, PERIOD_NS);
	lwf_gate_open(&me->gate);
	return LWF_STATUS_SUCCESS;
}

static lwf_status wobble_restart(struct lwf_module *module)
{
	struct wobble *me = lwf_module_context(module);

	if (sim_once_in(sim_world, 4)) {
		me->restarting = true;
		lwf_timer_set(&me->late, 1 + sim_below(sim_world, LATE_NS));
		return LWF_STATUS_PENDING;
	}
	if (sim_once_in(sim_world, 8)) { /* completed before PENDING is returned */
		lwf_status status = run(me);

		lwf_restart_complete(module, status);
		return LWF_STATUS_PENDING;
	}
	return run(me);
}

static lwf_status wobble_pause(struct lwf_module *module)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch sends = me->kept_sends, receives = me->kept_receives;
	bool late = sim_once_in(sim_world, 4);

	me->running = false;
	lwf_timer_cancel(&me->tick);
	if (late) {
		if (!lwf_gate_enter(&me->gate, 1))
			sim_fail("the gate of a Running module is closed");
		me->pausing = true;
		lwf_timer_set(&me->late, 1 + sim_below(sim_world, LATE_NS));
	}
	lwf_batch_init(&me->kept_sends);
	lwf_batch_init(&me->kept_receives);
	if (sends.head)
		lwf_drop_sends(module, &sends, LWF_REASON_NOT_RUNNING);
	if (receives.head)
		lwf_drop_receives(module, &receives, LWF_REASON_NOT_RUNNING);
	return lwf_gate_close(&me->gate) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static void on_late(void *context)
{
	struct wobble *me = context;
	struct lwf_module *module = me->module;

	if (me->restarting) {
		lwf_status status = run(me);

		lwf_restart_complete(module, status);
		if (status != LWF_STATUS_SUCCESS)
			sim_check_fault(sim_world, module);
		return;
	}
	if (!me->pausing)
		return;
	me->pausing = false;
	if (lwf_gate_leave(&me->gate, 1))
		lwf_pause_complete(module);
}

/* Moves some of @batch to @kept, drops some, and leaves the rest. */
static void wobble_some(struct lwf_batch *batch, struct lwf_batch *kept, struct lwf_batch *dropped)
{
	struct lwf_batch rest;
	struct lwf_frame *frame;

	lwf_batch_init(&rest);
	lwf_batch_init(dropped);
	while ((frame = lwf_batch_pop(batch))) {
		if (!sim_world->calm && sim_once_in(sim_world, 8))
			lwf_batch_push(kept, frame);
		else if (!sim_world->calm && sim_once_in(sim_world, 16))
			lwf_batch_push(dropped, frame);
		else
			lwf_batch_push(&rest, frame);
	}
	*batch = rest;
}

static void wobble_send(struct lwf_module *module, struct lwf_batch *batch)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch dropped;

	if (!me->running)
		sim_fail("%s was handed a send while not Running", lwf_module_name(module));
	wobble_some(batch, &me->kept_sends, &dropped);
	if (dropped.head)
		lwf_drop_sends(module, &dropped, LWF_REASON_FILTER);
	if (batch->head)
		lwf_next_send(module, batch);
}

static void wobble_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch dropped;

	if (!me->running)
		sim_fail("%s was handed a receive while not Running", lwf_module_name(module));
	wobble_some(batch, &me->kept_receives, &dropped);
	if (dropped.head)
		lwf_drop_receives(module, &dropped, LWF_REASON_FILTER);
	if (batch->head)
		lwf_next_receive(module, batch);
}

static void come_home(struct wobble *me, struct lwf_batch *own)
{
	struct lwf_module *module = me->module;
	uint32_t n = own->count;

	if (n == 0)
		return;
	lwf_pool_give_batch(own);
	if (lwf_gate_leave(&me->gate, n))
		lwf_pause_complete(module);
}

static void wobble_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	come_home(lwf_module_context(module), &own);
}

static void wobble_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_receive_return(module, batch);
	come_home(lwf_module_context(module), &own);
}

static void wobble_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch kept = me->kept_sends, cancelled;
	struct lwf_frame *frame;

	lwf_batch_init(&me->kept_sends);
	lwf_batch_init(&cancelled);
	while ((frame = lwf_batch_pop(&kept)))
		lwf_batch_push(lwf_cancel_matches(frame, cancel_id) ? &cancelled : &me->kept_sends,
			       frame);
	if (cancelled.head)
		lwf_drop_sends(module, &cancelled, LWF_REASON_CANCELLED);
}

static uint32_t wobble_holds(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct wobble *me = lwf_module_context(module);
	uint32_t n = 0;

	for (const struct lwf_frame *frame = me->kept_sends.head; frame; frame = frame->next) {
		if (origin && frame->born != origin)
			continue;
		if (n++ == 0 || frame->time_ns < *oldest_ns)
			*oldest_ns = frame->time_ns;
	}
	return n;
}

const struct lwf_filter_ops sim_wobble_ops = {
	.name = "wobble",
	.summary = "does at random whatever the rules allow",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_HOLDS,
	.attach = wobble_attach,
	.detach = wobble_detach,
	.pause = wobble_pause,
	.restart = wobble_restart,
	.send = wobble_send,
	.send_complete = wobble_send_complete,
	.receive = wobble_receive,
	.receive_return = wobble_receive_return,
	.cancel = wobble_cancel,
	.holds = wobble_holds,
};
