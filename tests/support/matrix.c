/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matrix.c - a module that has every function there is, and each operation on it, see matrix.h.
 *
 * The operations are tried past the module's own good manners: frames are originated without asking
 * the gate, completions come uncalled for. So a cell shows what the engine makes of a filter that
 * does it, not what a good filter would do.
 */
#include <stdio.h>
#include <string.h>

#include <lwf/gate.h>

#include "internal.h"
#include "lifecycle.h"
#include "matrix.h"
#include "oids.h"
#include "packet.h"
#include "rig.h"

static struct rig rig;

static struct {
	struct lwf_module *module;
	struct lwf_gate gate;
	struct lwf_pool *pool;	 /* the test's: it outlives the module */
	lwf_handle handle;	 /* of the last life */
	bool owes, pends, keeps; /* pause is PENDING, restart is PENDING, frames of others stay */
	struct lwf_batch kept;
	uint32_t sends, receives, own, others, statuses, oids, cancels, events, restarts;
	lwf_status answer; /* of the last own frame that came home */
	const struct matrix_op *in_attach;
	const char *word; /* what that one came to */
} me;

/* ---- the module ---- */

static lwf_status on_attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	me.module = module;
	me.handle = lwf_module_handle(module);
	lwf_gate_init(&me.gate);
	lwf_module_set_context(module, &me);
	if (me.in_attach)
		me.word = me.in_attach->run();
	me.in_attach = NULL;
	return LWF_STATUS_SUCCESS;
}

static void on_detach(struct lwf_module *module)
{
	lwf_module_set_context(module, NULL);
}

static lwf_status on_pause(struct lwf_module *module)
{
	bool empty = lwf_gate_close(&me.gate);

	(void)module;
	return empty && !me.owes ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static lwf_status on_restart(struct lwf_module *module)
{
	(void)module;
	me.restarts++;
	if (me.pends)
		return LWF_STATUS_PENDING;
	lwf_gate_open(&me.gate);
	return LWF_STATUS_SUCCESS;
}

static void on_send(struct lwf_module *module, struct lwf_batch *batch)
{
	me.sends += batch->count;
	if (me.keeps)
		lwf_batch_append(&me.kept, batch);
	else
		lwf_next_send(module, batch);
}

static void on_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	me.receives += batch->count;
	if (me.keeps)
		lwf_batch_append(&me.kept, batch);
	else
		lwf_next_receive(module, batch);
}

static void come_home(struct lwf_module *module, struct lwf_batch *own)
{
	uint32_t gated = 0;
	struct lwf_frame *frame;

	while ((frame = lwf_batch_pop(own))) {
		me.own++;
		me.answer = frame->status;
		gated += frame->context == &me;
		lwf_pool_give(frame->pool, frame);
	}
	if (gated && lwf_gate_leave(&me.gate, gated))
		lwf_pause_complete(module);
}

static void on_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	me.others += batch->count;
	lwf_send_complete(module, batch);
	come_home(module, &own);
}

static void on_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	me.others += batch->count;
	lwf_receive_return(module, batch);
	come_home(module, &own);
}

static void on_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	me.cancels++;
	lwf_next_cancel(module, cancel_id);
}

static void on_status(struct lwf_module *module, enum lwf_indication what,
		      const struct lwf_link *link)
{
	(void)module;
	(void)what;
	(void)link;
	me.statuses++;
}

static lwf_status on_oid(struct lwf_module *module, struct lwf_oid_request *request)
{
	uint32_t value = 1500;

	(void)module;
	me.oids++;
	return lwf_oid_reply(request, &value, sizeof(value));
}

static void on_oid_complete(struct lwf_module *module, struct lwf_oid_request *request,
			    lwf_status status)
{
	(void)module;
	(void)request;
	(void)status;
}

static lwf_status on_net_pnp(struct lwf_module *module, enum lwf_net_pnp event)
{
	(void)module;
	me.events += event == LWF_NET_PNP_PRE_DETACH;
	return LWF_STATUS_SUCCESS;
}

static const struct lwf_filter_ops every_ops = {
	.name = "every",
	.summary = "has every function there is",
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
	.oid = on_oid,
	.oid_complete = on_oid_complete,
	.net_pnp = on_net_pnp,
};

static const struct lwf_filter_ops *const filters[] = {&every_ops, NULL};

/* ---- frames ---- */

static void make(struct lwf_batch *batch, lwf_handle origin, enum lwf_direction direction)
{
	struct lwf_frame *frame = lwf_pool_take(me.pool, origin, direction);

	frame->len = 60;
	packet_plain(frame->data, 60, 1);
	lwf_batch_init(batch);
	lwf_batch_push(batch, frame);
}

/* One own frame, admitted by the gate or not asked for at all. */
static void originate(enum lwf_direction direction, bool gated)
{
	struct lwf_batch batch;

	make(&batch, me.handle, direction);
	if (gated)
		assert_true(lwf_gate_enter(&me.gate, 1));
	batch.head->context = gated ? &me : NULL;
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(me.module, &batch);
	else
		lwf_next_receive(me.module, &batch);
}

/* One frame of an edge, as if the edge had just read it. */
static void input(struct lwf_edge *edge, enum lwf_direction direction)
{
	struct lwf_batch batch;

	make(&batch, edge->handle, direction);
	lwf_edge_input(edge, &batch);
}

static const char *yes_if(bool done)
{
	return done ? "yes" : "no";
}

/* ---- the operations ---- */

/* Both edges are made to take and give what the stack would not let them; the module is asked. */
static bool open_edges(bool upper, bool lower)
{
	bool was = rig.stack->upper_running;

	rig.stack->upper_running = upper;
	rig.stack->lower_running = lower;
	return was;
}

static const char *originate_now(enum lwf_direction direction)
{
	bool lower = rig.stack->lower_running, upper = open_edges(true, true);
	uint32_t before = me.own;

	originate(direction, false);
	open_edges(upper, lower);
	if (me.own == before)
		return "no";
	return me.answer == LWF_STATUS_SUCCESS ? "yes" : lwf_status_name(me.answer);
}

static const char *originate_send(void)
{
	return originate_now(LWF_DIRECTION_SEND);
}

static const char *originate_receive(void)
{
	return originate_now(LWF_DIRECTION_RECEIVE);
}

static void send_own(void)
{
	lwf_sim_edge_config(rig.lower)->never = true;
	originate(LWF_DIRECTION_SEND, true);
}

static void receive_own(void)
{
	lwf_sim_edge_config(rig.upper)->never = true;
	originate(LWF_DIRECTION_RECEIVE, true);
}

/* The own frame that is out comes home; or, with none out, one that nobody waits for. */
static const char *own_home(struct lwf_edge *edge, enum lwf_direction direction)
{
	bool pausing = me.module->state == LWF_STATE_PAUSING;
	uint32_t before = me.own;
	struct lwf_batch batch;

	if (!lwf_sim_edge_release(edge, 1)) {
		make(&batch, me.handle, direction);
		batch.head->holder = me.handle;
		lwf_edge_completed(edge, &batch);
	}
	if (pausing && me.module->state == LWF_STATE_PAUSED)
		return "ends it";
	return yes_if(me.own == before + 1);
}

static const char *own_send_home(void)
{
	return own_home(rig.lower, LWF_DIRECTION_SEND);
}

static const char *own_receive_home(void)
{
	return own_home(rig.upper, LWF_DIRECTION_RECEIVE);
}

static const char *send_from_above(void)
{
	bool lower = rig.stack->lower_running, upper = open_edges(true, true);
	uint32_t before = me.sends, passed = rig.lower_handed;

	input(rig.upper, LWF_DIRECTION_SEND);
	open_edges(upper, lower);
	if (me.sends > before)
		return "yes";
	return rig.lower_handed > passed ? "passes" : "PAUSED";
}

static void keep_send(void)
{
	me.keeps = true;
	input(rig.upper, LWF_DIRECTION_SEND);
	assert_int_equal(me.kept.count, 1);
}

static void keep_receive(void)
{
	me.keeps = true;
	input(rig.lower, LWF_DIRECTION_RECEIVE);
	assert_int_equal(me.kept.count, 1);
}

static const char *complete_kept(void)
{
	struct lwf_batch batch = me.kept;

	lwf_batch_init(&me.kept);
	me.keeps = false;
	lwf_drop_sends(me.module, &batch, LWF_REASON_NOT_RUNNING);
	return yes_if(rig.upper->inputs_out == 0);
}

static const char *return_kept(void)
{
	struct lwf_batch batch = me.kept;

	lwf_batch_init(&me.kept);
	me.keeps = false;
	lwf_drop_receives(me.module, &batch, LWF_REASON_NOT_RUNNING);
	return yes_if(rig.lower->inputs_out == 0);
}

static void send_of_others(void)
{
	lwf_sim_edge_config(rig.lower)->never = true;
	input(rig.upper, LWF_DIRECTION_SEND);
}

static const char *others_home(void)
{
	uint32_t before = me.others;

	assert_int_equal(lwf_sim_edge_release(rig.lower, 1), 1);
	return yes_if(me.others == before + 1 && rig.upper->inputs_out == 0);
}

static const char *receive_from_below(void)
{
	bool lower = rig.stack->lower_running, upper = open_edges(true, true);
	uint32_t before = me.receives, passed = rig.upper_handed;

	input(rig.lower, LWF_DIRECTION_RECEIVE);
	open_edges(upper, lower);
	if (me.receives > before)
		return "yes";
	return rig.upper_handed > passed ? "passes" : "PAUSED";
}

static const char *lent_receive(void)
{
	bool lower = rig.stack->lower_running, upper = open_edges(true, true);
	uint32_t before = me.receives, passed = rig.upper_handed;
	struct lwf_batch batch;

	make(&batch, rig.lower->handle, LWF_DIRECTION_RECEIVE);
	lwf_edge_lend(rig.lower, &batch);
	open_edges(upper, lower);
	lwf_pool_give(me.pool, lwf_batch_pop(&batch));
	if (me.receives > before)
		return "yes";
	return rig.upper_handed > passed ? "passes" : "back";
}

static const char *oid_from_above(void)
{
	static struct lwf_oid_request request;
	static uint32_t value;
	uint32_t before = me.oids;

	request = (struct lwf_oid_request){.kind = LWF_OID_QUERY,
					   .oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE,
					   .buffer = &value,
					   .buffer_bytes = sizeof(value)};
	return yes_if(lwf_stack_oid(rig.stack, &request) == LWF_STATUS_SUCCESS &&
		      me.oids == before + 1);
}

static const char *own_oid(void)
{
	static struct lwf_oid_request request;
	static uint32_t value;

	request = (struct lwf_oid_request){.kind = LWF_OID_QUERY,
					   .oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE,
					   .buffer = &value,
					   .buffer_bytes = sizeof(value)};
	return yes_if(lwf_next_oid(me.module, &request) == LWF_STATUS_SUCCESS && value == 1500);
}

static const char *status_from_below(void)
{
	uint32_t before = me.statuses;

	rig_carrier(&rig, false);
	rig_carrier(&rig, true);
	return me.statuses == before + 2 ? "yes" : "passes";
}

static const char *own_status(void)
{
	uint32_t count = rig.record_count;

	lwf_indicate_status(me.module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
	for (; count < rig.record_count; count++)
		if (rig.records[count].kind == LWF_TRACE_STATUS)
			return "yes";
	return "no";
}

static const char *cancel(void)
{
	uint32_t before = me.cancels;

	lwf_stack_cancel(rig.stack, (uint64_t)7 << 32 | 7);
	return me.cancels == before + 1 ? "yes" : "passes";
}

static const char *pre_detach(void)
{
	return yes_if(lwf_pre_detach(me.module) && me.events == 1);
}

static const char *make_pool(void)
{
	struct lwf_pool *pool = lwf_pool_create(lwf_module_host(me.module), 1, 64);

	lwf_pool_destroy(pool);
	return yes_if(pool != NULL);
}

static const char *set_attributes(void)
{
	static char other;
	bool done;

	lwf_module_set_context(me.module, &other);
	done = lwf_module_context(me.module) == &other;
	if (done)
		lwf_module_set_context(me.module, &me);
	return yes_if(done);
}

static const char *restart_filter(void)
{
	uint64_t before = me.restarts;

	if (lwf_restart_filter(me.module) != LWF_STATUS_SUCCESS)
		return "no";
	rig_run(&rig, 1);
	return yes_if(me.restarts == before + 1 && me.module->state == LWF_STATE_RUNNING);
}

static const char *set_handlers(void)
{
	struct lwf_handlers handlers = {0};

	return yes_if(lwf_set_optional_handlers(me.module, &handlers) == LWF_STATUS_SUCCESS);
}

static const char *pause_complete(void)
{
	lwf_pause_complete(me.module);
	return me.module->state == LWF_STATE_PAUSED ? "ends it" : "no";
}

static const char *restart_complete(void)
{
	bool restarting = me.module->state == LWF_STATE_RESTARTING;

	if (restarting)
		lwf_gate_open(&me.gate);
	lwf_restart_complete(me.module, LWF_STATUS_SUCCESS);
	return restarting && me.module->state == LWF_STATE_RUNNING ? "ends it" : "no";
}

#define IN(state) (1u << LWF_STATE_##state)
#define ALL	  ((1u << LWF_STATES) - 1u)
#define BORN	  (ALL & ~IN(DETACHED))

const struct matrix_op matrix_ops[] = {
	{"originate a send", ALL, NULL, originate_send},
	{"own send comes home", BORN, send_own, own_send_home},
	{"send from above", ALL, NULL, send_from_above},
	{"complete a kept send", IN(RUNNING) | IN(PAUSING), keep_send, complete_kept},
	{"send of others comes home", IN(RUNNING) | IN(PAUSING), send_of_others, others_home},
	{"originate a receive", ALL, NULL, originate_receive},
	{"own receive comes home", BORN, receive_own, own_receive_home},
	{"receive from below", ALL, NULL, receive_from_below},
	{"return a kept receive", IN(RUNNING) | IN(PAUSING), keep_receive, return_kept},
	{"lent receive from below", ALL, NULL, lent_receive},
	{"OID from above", ALL, NULL, oid_from_above},
	{"own OID", ALL, NULL, own_oid},
	{"status from below", ALL, NULL, status_from_below},
	{"own status", ALL, NULL, own_status},
	{"cancel id from above", ALL, NULL, cancel},
	{"event before a detach", IN(PAUSED), NULL, pre_detach},
	{"NdisFSetAttributes", ALL, NULL, set_attributes},
	{"NdisFRestartFilter", ALL, NULL, restart_filter},
	{"NdisSetOptionalHandlers", ALL, NULL, set_handlers},
	{"make a pool", BORN, NULL, make_pool},
	{"NdisFPauseComplete", ALL, NULL, pause_complete},
	{"NdisFRestartComplete", ALL, NULL, restart_complete},
	{0},
};

/* ---- one cell ---- */

static void reach(const struct matrix_op *op, enum lwf_state state, enum lwf_profile profile)
{
	memset(&me, 0, sizeof(me));
	me.in_attach = state == LWF_STATE_ATTACHING ? op : NULL;
	me.pends = state == LWF_STATE_RESTARTING;
	rig_prepare(&rig, filters, "every");
	assert_int_equal(lwf_engine_set_profile(rig.engine, profile), 0);
	me.pool = lwf_pool_create(rig.host, 4, 256);
	lwf_stack_start(rig.stack);
	if (op->prepare && (state == LWF_STATE_RUNNING || state == LWF_STATE_PAUSING))
		op->prepare();
	switch (state) {
	case LWF_STATE_ATTACHING: /* was there */
		return;
	case LWF_STATE_DETACHED: /* after a life */
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
		break;
	case LWF_STATE_PAUSED:
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		break;
	case LWF_STATE_PAUSING: /* by itself: the stack would first wait for the upper edge */
		me.owes = lwf_gate_count(&me.gate) == 0;
		lwf_lifecycle(me.module, LWF_EVENT_PAUSE, "test");
		break;
	default:
		break;
	}
	rig_expect_clean(&rig);
	assert_int_equal(lwf_module_state(me.module), state);
}

static void tear_down(void)
{
	rig.may_break_rules = true;
	me.owes = me.pends = me.keeps = false;
	lwf_sim_edge_config(rig.lower)->never = lwf_sim_edge_config(rig.upper)->never = false;
	rig_run(&rig, 1);
	if (me.module->state == LWF_STATE_PAUSING)
		lwf_pause_complete(me.module);
	if (me.module->state == LWF_STATE_RESTARTING)
		lwf_restart_complete(me.module, LWF_STATUS_FAILURE);
	if (me.module->state == LWF_STATE_RUNNING && !lwf_gate_is_open(&me.gate))
		lwf_gate_open(&me.gate);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 10);
	lwf_pool_destroy(me.pool);
	rig_close(&rig);
}

void matrix_try(const struct matrix_op *op, enum lwf_state state, enum lwf_profile profile,
		char word[MATRIX_WORD_BYTES])
{
	const char *id, *sentence;
	uint64_t broken;
	size_t used = 0;

	snprintf(word, MATRIX_WORD_BYTES, "-");
	if (!(op->states & 1u << state))
		return;
	reach(op, state, profile);
	snprintf(word, MATRIX_WORD_BYTES, "%s", state == LWF_STATE_ATTACHING ? me.word : op->run());
	for (uint32_t i = 0; lwf_engine_rule(rig.engine, i, &id, &sentence, &broken); i++)
		if (broken && used < MATRIX_WORD_BYTES)
			used += (size_t)snprintf(word + used, MATRIX_WORD_BYTES - used, "%s%s",
						 used ? " " : "", id);
	tear_down();
}
