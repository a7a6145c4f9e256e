/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wobble.c - a filter that does whatever the rules allow, as its options tell it.
 *
 * It fails to attach, fails to restart, answers restarts and pauses PENDING without need, completes
 * them before that answer is returned, keeps frames of others for a while, drops some, originates
 * its own in both directions by a timer, and lets the device answer from inside its pause. While
 * the world is calm it succeeds and keeps nothing.
 *
 * A pause that pends without need is one frame too many in the gate, which a timer takes out.
 */
#include <errno.h>
#include <string.h>

#include <lwf/filter.h>
#include <lwf/gate.h>

#include "wobble.h"
#include "world.h"

#define FRAMES 8u

enum {
	OPT_ATTACH,
	OPT_RESTART,
	OPT_PAUSE,
	OPT_LATE,
	OPT_PERIOD,
	OPT_KEEP,
	OPT_DROP,
	OPT_SENDS,
	OPT_RECEIVES,
	OPT_SETTLE,
	OPT_OID,
	OPT_ASK,
	OPT_CLONE,
	OPT_LEND,
	OPT_CANCEL,
	OPT_BYPASS
};

/* How a control function answers. */
enum { ANSWER_OK, ANSWER_FAILS, ANSWER_INLINE, ANSWER_LATE, ANSWER_LATE_FAILS, ANSWERS };

static const struct lwf_option_spec options[] = {
	{"attach", LWF_OPTION_UINT, 0, ANSWER_FAILS, "0", true, "1: fails"},
	{"restart", LWF_OPTION_UINT, 0, ANSWERS - 1, "0", true,
	 "1: fails, 2: completes before it answers PENDING, 3: later, 4: fails later"},
	{"pause", LWF_OPTION_UINT, 0, ANSWER_LATE, "0", true,
	 "2: completes before it answers PENDING, 3: later"},
	{"late", LWF_OPTION_DURATION, 1000, 1000000000, "1ms", true, "how much later"},
	{"period", LWF_OPTION_DURATION, 100000, 1000000000, "2ms", true,
	 "when it originates, and lets go what it keeps"},
	{"keep", LWF_OPTION_UINT, 0, 1000, "0", true, "keep each n-th frame of others for a while"},
	{"drop", LWF_OPTION_UINT, 0, 1000, "0", true, "drop each n-th frame of others"},
	{"sends", LWF_OPTION_UINT, 0, FRAMES, "0", true, "originate so many at once"},
	{"receives", LWF_OPTION_UINT, 0, FRAMES, "0", true, "originate so many at once"},
	{"settle", LWF_OPTION_UINT, 0, 64, "0", true,
	 "the device answers so many frames inside the pause"},
	{"oid", LWF_OPTION_UINT, 0, 3, "0", true,
	 "0: hands on OIDs, 1: answers, 2: hands on later, 3: completes before it answers PENDING"},
	{"ask", LWF_OPTION_UINT, 0, 1, "0", true, "asks OIDs and indicates statuses of its own"},
	{"clone", LWF_OPTION_UINT, 0, 1, "0", true,
	 "passes on clones of sends, and answers the sends when these are home"},
	{"lend", LWF_OPTION_UINT, 0, FRAMES, "0", true, "lend so many receives at once"},
	{"cancel", LWF_OPTION_UINT, 0, 1, "0", true, "cancels what it has sent of its own"},
	{"bypass", LWF_OPTION_UINT, 0, 3, "0", true,
	 "from the next restart frames of others go past it: 1: sends, 2: receives, 3: both"},
	{0},
};

struct wobble {
	struct wobble_oids oids; /* first */
	struct lwf_module *module;
	struct lwf_gate gate;
	struct lwf_pool *pool, *clones;
	uint64_t cancel_ids;   /* the high half */
	struct lwf_timer tick; /* originates: stopped before a pause ends */
	struct lwf_timer late; /* completes what pends */
	struct lwf_batch kept_sends, kept_receives;
	uint64_t option[LWF_OPTIONS_MAX];
	uint64_t passed; /* frames of others */
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

static void originate(struct wobble *me, uint64_t frames, enum lwf_direction direction)
{
	uint32_t n = (uint32_t)frames;
	struct lwf_batch batch;

	if (n == 0 || n > lwf_pool_free_frames(me->pool) || !lwf_gate_enter(&me->gate, n))
		return;
	lwf_batch_init(&batch);
	while (n-- > 0) {
		struct lwf_frame *frame =
			lwf_pool_take(me->pool, lwf_module_handle(me->module), direction);

		frame->len = 60;
		memset(frame->data, 0, 60);
		frame->cancel_id = me->cancel_ids | 1;
		lwf_batch_push(&batch, frame);
	}
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(me->module, &batch);
	else
		lwf_next_receive(me->module, &batch);
}

/* Lent frames are nobody's concern when the call is over: they go past the gate. */
static void lend(struct wobble *me)
{
	uint32_t n = (uint32_t)me->option[OPT_LEND];
	struct lwf_batch batch;

	if (n == 0 || n > lwf_pool_free_frames(me->pool))
		return;
	lwf_batch_init(&batch);
	while (n-- > 0) {
		struct lwf_frame *frame = lwf_pool_take(me->pool, lwf_module_handle(me->module),
							LWF_DIRECTION_RECEIVE);

		frame->len = 60;
		memset(frame->data, 0, 60);
		lwf_batch_push(&batch, frame);
	}
	n = batch.count;
	lwf_lend_receive(me->module, &batch);
	if (batch.count != n)
		sim_fail("%s has not got back what it lent", lwf_module_name(me->module));
	lwf_pool_give_batch(&batch);
}

static void on_tick(void *context)
{
	struct wobble *me = context;

	if (!me->running)
		sim_fail("a timer that originates runs while the module is not Running");
	lwf_timer_set(&me->tick, me->option[OPT_PERIOD]);
	let_go(me);
	if (sim_world->calm)
		return;
	originate(me, me->option[OPT_SENDS], LWF_DIRECTION_SEND);
	if (me->option[OPT_CANCEL])
		lwf_next_cancel(me->module, me->cancel_ids | 1);
	if (me->running)
		lend(me);
	if (me->running) /* an answer may have paused it */
		originate(me, me->option[OPT_RECEIVES], LWF_DIRECTION_RECEIVE);
	if (me->option[OPT_ASK])
		wobble_ask(&me->oids);
}

static void take_options(struct wobble *me, const struct lwf_options *values)
{
	for (uint32_t i = 0; i < values->count; i++)
		me->option[i] = values->value[i].number;
	me->oids.how = me->option[OPT_OID];
	me->oids.late_ns = me->option[OPT_LATE];
}

static int wobble_set_options(struct lwf_module *module, const struct lwf_options *values)
{
	take_options(lwf_module_context(module), values);
	return 0;
}

static lwf_status wobble_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_host *host = lwf_module_host(module);
	struct wobble *me;

	if (!sim_world->calm && values->value[OPT_ATTACH].number == ANSWER_FAILS)
		return LWF_STATUS_FAILURE;
	me = lwf_host_alloc(host, sizeof(*me));
	if (!me)
		return LWF_STATUS_RESOURCES;
	me->module = module;
	take_options(me, values);
	lwf_gate_init(&me->gate);
	me->pool = lwf_pool_create(host, FRAMES, 128);
	if (!me->pool)
		goto err_free;
	me->clones = lwf_pool_create(host, FRAMES, 64);
	if (!me->clones)
		goto err_pool;
	me->cancel_ids = lwf_generate_partial_cancel_id(module);
	if (lwf_module_timer_init(module, &me->tick, on_tick, me))
		goto err_clones;
	if (lwf_timer_init(&me->late, host, on_late, me))
		goto err_tick;
	if (wobble_oids_init(&me->oids, module))
		goto err_late;
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;

err_late:
	lwf_timer_fini(&me->late);
err_tick:
	lwf_module_timer_fini(module, &me->tick);
err_clones:
	lwf_pool_destroy(me->clones);
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
	wobble_oids_fini(&me->oids);
	lwf_pool_destroy(me->clones);
	lwf_pool_destroy(me->pool);
	lwf_host_free(lwf_module_host(module), me);
	lwf_module_set_context(module, NULL);
}

static lwf_status run(struct wobble *me, bool fail)
{
	me->restarting = false;
	if (fail && !sim_world->calm)
		return LWF_STATUS_FAILURE;
	me->running = true;
	lwf_timer_set(&me->tick, me->option[OPT_PERIOD]);
	lwf_gate_open(&me->gate);
	return LWF_STATUS_SUCCESS;
}

static lwf_status wobble_restart(struct lwf_module *module)
{
	struct wobble *me = lwf_module_context(module);

	switch (me->option[OPT_RESTART]) {
	case ANSWER_LATE:
	case ANSWER_LATE_FAILS:
		me->restarting = true;
		lwf_timer_set(&me->late, me->option[OPT_LATE]);
		return LWF_STATUS_PENDING;
	case ANSWER_INLINE:
		lwf_restart_complete(module, run(me, false));
		return LWF_STATUS_PENDING;
	default:
		return run(me, me->option[OPT_RESTART] == ANSWER_FAILS);
	}
}

static void let_out(struct wobble *me)
{
	struct lwf_module *module = me->module;

	if (lwf_gate_leave(&me->gate, 1))
		lwf_pause_complete(module);
}

static void drop_kept(struct wobble *me)
{
	struct lwf_batch sends = me->kept_sends, receives = me->kept_receives;

	lwf_batch_init(&me->kept_sends);
	lwf_batch_init(&me->kept_receives);
	if (sends.head)
		lwf_drop_sends(me->module, &sends, LWF_REASON_NOT_RUNNING);
	if (receives.head)
		lwf_drop_receives(me->module, &receives, LWF_REASON_NOT_RUNNING);
}

/* The lower device answers frames, from inside our pause. */
static void settle(const struct wobble *me)
{
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		for (uint32_t k = 0; sim_world->slots[i].stack && k < LWF_STACK_MODULES_MAX; k++)
			if (lwf_stack_module_at(sim_world->slots[i].stack, k) == me->module) {
				lwf_sim_edge_release(sim_world->slots[i].lower,
						     (uint32_t)me->option[OPT_SETTLE]);
				return;
			}
}

static lwf_status wobble_pause(struct lwf_module *module)
{
	struct wobble *me = lwf_module_context(module);
	uint64_t how = me->option[OPT_PAUSE];
	bool done;

	me->running = false;
	lwf_timer_cancel(&me->tick);
	if ((how == ANSWER_LATE || how == ANSWER_INLINE) && !lwf_gate_enter(&me->gate, 1))
		sim_fail("the gate of a Running module is closed");
	drop_kept(me);
	done = lwf_gate_close(&me->gate);
	if (me->option[OPT_SETTLE]) /* the last of our own may come home right here */
		settle(me);
	if (how == ANSWER_LATE) {
		me->pausing = true;
		lwf_timer_set(&me->late, me->option[OPT_LATE]);
	} else if (how == ANSWER_INLINE) {
		let_out(me);
	}
	return done ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static void on_late(void *context)
{
	struct wobble *me = context;
	struct lwf_module *module = me->module;

	if (me->restarting) {
		lwf_status status = run(me, me->option[OPT_RESTART] == ANSWER_LATE_FAILS);

		lwf_restart_complete(module, status);
		if (status != LWF_STATUS_SUCCESS)
			sim_check_fault(sim_world, module);
		return;
	}
	if (!me->pausing)
		return;
	me->pausing = false;
	let_out(me);
}

static void wobble_send(struct lwf_module *module, struct lwf_batch *batch);
static void wobble_send_complete(struct lwf_module *module, struct lwf_batch *batch);
static void wobble_receive(struct lwf_module *module, struct lwf_batch *batch);
static void wobble_receive_return(struct lwf_module *module, struct lwf_batch *batch);
static void wobble_cancel(struct lwf_module *module, uint64_t cancel_id);

static lwf_status wobble_set_module_options(struct lwf_module *module)
{
	const struct wobble *me = lwf_module_context(module);
	struct lwf_handlers handlers = {
		.send = me->option[OPT_BYPASS] & 1 ? NULL : wobble_send,
		.send_complete = wobble_send_complete,
		.receive = me->option[OPT_BYPASS] & 2 ? NULL : wobble_receive,
		.receive_return = wobble_receive_return,
		.cancel = wobble_cancel,
	};
	lwf_status status;

	if (lwf_module_state(module) != LWF_STATE_PAUSED || me->running)
		sim_fail("%s is asked for options while it is %s", lwf_module_name(module),
			 lwf_state_name(lwf_module_state(module)));
	status = lwf_set_optional_handlers(module, &handlers);
	if (status != LWF_STATUS_SUCCESS)
		sim_fail("%s may not change its functions: %s", lwf_module_name(module),
			 lwf_status_name(status));
	return status;
}

static bool nth(const struct wobble *me, uint64_t n)
{
	return !sim_world->calm && n && me->passed % n == 0;
}

/* Moves some of @batch to @kept, drops some, and leaves the rest. */
static void wobble_some(struct wobble *me, struct lwf_batch *batch, struct lwf_batch *kept,
			struct lwf_batch *dropped)
{
	struct lwf_batch rest;
	struct lwf_frame *frame;

	lwf_batch_init(&rest);
	lwf_batch_init(dropped);
	while ((frame = lwf_batch_pop(batch))) {
		me->passed++;
		if (nth(me, me->option[OPT_KEEP]))
			lwf_batch_push(kept, frame);
		else if (nth(me, me->option[OPT_DROP]))
			lwf_batch_push(dropped, frame);
		else
			lwf_batch_push(&rest, frame);
	}
	*batch = rest;
}

/* Sends a clone in the place of each frame that it can, and moves that to @rest otherwise. */
static void send_clones(struct wobble *me, struct lwf_batch *batch, struct lwf_batch *rest)
{
	struct lwf_batch clones;
	struct lwf_frame *frame, *clone;

	lwf_batch_init(rest);
	lwf_batch_init(&clones);
	while ((frame = lwf_batch_pop(batch))) {
		clone = lwf_frame_clone(me->module, me->clones, frame);
		if (clone && !lwf_gate_enter(&me->gate, 1))
			sim_fail("the gate of a Running module is closed");
		if (!clone) {
			lwf_batch_push(rest, frame);
			continue;
		}
		clone->context = frame;
		lwf_batch_push(&clones, clone);
	}
	if (clones.head)
		lwf_next_send(me->module, &clones);
}

static void wobble_send(struct lwf_module *module, struct lwf_batch *batch)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch dropped, rest;

	if (!me->running)
		sim_fail("%s was handed a send while not Running", lwf_module_name(module));
	wobble_some(me, batch, &me->kept_sends, &dropped);
	if (dropped.head)
		lwf_drop_sends(module, &dropped, LWF_REASON_FILTER);
	if (me->option[OPT_CLONE] && me->running)
		send_clones(me, batch, &rest);
	else
		rest = *batch;
	*batch = rest;
	if (batch->head)
		lwf_next_send(module, batch);
}

static void wobble_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct wobble *me = lwf_module_context(module);
	struct lwf_batch dropped;

	if (!me->running)
		sim_fail("%s was handed a receive while not Running", lwf_module_name(module));
	if (lwf_frame_is_lent(batch->head)) { /* borrowed: passed on as it is, or dropped */
		me->passed++;
		if (!nth(me, me->option[OPT_DROP]))
			lwf_next_receive(module, batch);
		return;
	}
	wobble_some(me, batch, &me->kept_receives, &dropped);
	if (dropped.head)
		lwf_drop_receives(module, &dropped, LWF_REASON_FILTER);
	if (batch->head)
		lwf_next_receive(module, batch);
}

/* A clone answers its parent with what it was answered itself. */
static void take_home(struct wobble *me, struct lwf_frame *frame)
{
	struct lwf_batch answered;

	if (!frame->parent) {
		lwf_pool_give(me->pool, frame);
		return;
	}
	lwf_batch_init(&answered);
	lwf_batch_push(&answered, frame->context);
	answered.head->status = frame->status;
	answered.head->reason = frame->reason;
	answered.head->error = frame->error;
	lwf_frame_free_clone(frame);
	lwf_send_complete(me->module, &answered);
}

static void come_home(struct wobble *me, struct lwf_batch *own)
{
	struct lwf_module *module = me->module;
	uint32_t n = own->count;
	struct lwf_frame *frame;

	if (n == 0)
		return;
	while ((frame = lwf_batch_pop(own)))
		take_home(me, frame);
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
	lwf_next_cancel(module, cancel_id);
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
	.summary = "does whatever the rules allow, as it is told",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_HOLDS | LWF_FILTER_REORDERS,
	.options = options,
	.attach = wobble_attach,
	.detach = wobble_detach,
	.pause = wobble_pause,
	.restart = wobble_restart,
	.send = wobble_send,
	.send_complete = wobble_send_complete,
	.receive = wobble_receive,
	.receive_return = wobble_receive_return,
	.cancel = wobble_cancel,
	.set_options = wobble_set_options,
	.set_module_options = wobble_set_module_options,
	.oid = wobble_oid,
	.oid_complete = wobble_oid_complete,
	.cancel_oid = wobble_cancel_oid,
	.net_pnp = wobble_net_pnp,
	.status = wobble_status,
	.holds = wobble_holds,
};
