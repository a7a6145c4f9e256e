/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject.c - originates frames for user applications, and answers each when it is done.
 *
 * This is the filter that the story of the send/pause crash is about, done right: read pause,
 * restart, submit and come_home below beside gate.h and you have seen the whole protocol.
 *
 *	record of a session > frame of our pool > gate admits or PAUSED > next below (or above)
 *	... comes home > its session gets the answer > pool > and only then out of the gate
 *
 * The order of the last line is the cure of races R5 and R7: the gate's last leave may complete the
 * pause, after which the module may be detached; so it is the last thing that touches the module.
 */
#include <errno.h>

#include <lwf/edge.h>
#include <lwf/filter.h>
#include <lwf/gate.h>
#include <lwf/stack.h>

enum { OPT_FRAMES };

static const struct lwf_option_spec options[] = {
	{"frames", LWF_OPTION_UINT, 1, 4096, "512", false, "frames that may be in flight at once"},
	{0},
};

struct inject {
	struct lwf_gate gate;
	struct lwf_pool *pool;
	uint64_t refused; /* frames that the gate turned away */
};

static lwf_status inject_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_host *host = lwf_module_host(module);
	struct inject *me = lwf_host_alloc(host, sizeof(*me));

	if (!me)
		return LWF_STATUS_RESOURCES;
	me->pool = lwf_pool_create(host, (uint32_t)values->value[OPT_FRAMES].number,
				   LWF_FRAME_MAX_BYTES);
	if (!me->pool) {
		lwf_host_free(host, me);
		return LWF_STATUS_RESOURCES;
	}
	lwf_gate_init(&me->gate);
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;
}

static void inject_detach(struct lwf_module *module)
{
	struct inject *me = lwf_module_context(module);

	lwf_pool_destroy(me->pool);
	lwf_host_free(lwf_module_host(module), me);
	lwf_module_set_context(module, NULL);
}

static lwf_status inject_pause(struct lwf_module *module)
{
	struct inject *me = lwf_module_context(module);

	return lwf_gate_close(&me->gate) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static lwf_status inject_restart(struct lwf_module *module)
{
	struct inject *me = lwf_module_context(module);

	lwf_gate_open(&me->gate);
	return LWF_STATUS_SUCCESS;
}

/** Own frames are home: answer, give back, leave, in this order. Touches nothing after leaving. */
static void come_home(struct lwf_module *module, struct lwf_batch *own)
{
	struct inject *me = lwf_module_context(module);
	uint32_t n = own->count;
	struct lwf_session *session = NULL;
	struct lwf_frame *frame;

	if (!n)
		return;
	while ((frame = lwf_batch_pop(own))) {
		struct lwf_session *its = frame->context;

		if (session && session != its)
			lwf_session_flush(session);
		session = its->closing ? NULL : its;
		lwf_session_answer(its, frame);
		lwf_pool_give(me->pool, frame);
	}
	if (session)
		lwf_session_flush(session);
	if (lwf_gate_leave(&me->gate, n))
		lwf_pause_complete(module);
}

static void inject_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	come_home(module, &own);
}

static void inject_receive_return(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_receive_return(module, batch);
	come_home(module, &own);
}

/** Refuses a frame at the door and takes it home. */
static void refuse(struct inject *me, struct lwf_session *session, struct lwf_frame *frame,
		   enum lwf_reason reason)
{
	lwf_frame_answer(frame, reason);
	lwf_session_refuse(session, frame);
	lwf_pool_give(me->pool, frame);
}

/** A run of frames of one direction: all are admitted, or all are answered PAUSED. */
static void originate(struct lwf_module *module, struct lwf_session *session,
		      struct lwf_batch *batch)
{
	struct inject *me = lwf_module_context(module);
	struct lwf_frame *frame;

	if (!batch->head)
		return;
	if (!lwf_gate_enter(&me->gate, batch->count)) {
		me->refused += batch->count;
		while ((frame = lwf_batch_pop(batch)))
			refuse(me, session, frame, LWF_REASON_NOT_RUNNING);
		return;
	}
	if (batch->head->direction == LWF_DIRECTION_SEND)
		lwf_next_send(module, batch);
	else
		lwf_next_receive(module, batch);
	lwf_batch_init(batch);
}

static enum lwf_reason check_length(const struct lwf_module *module, const struct lwf_frame *frame)
{
	if (frame->len < LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_TOO_SHORT;
	if (!lwf_frame_is_super(frame) &&
	    frame->len > lwf_frame_limit_bytes(frame, lwf_module_link(module)->mtu_bytes))
		return LWF_REASON_TOO_LONG;
	return LWF_REASON_NONE;
}

static int submit(struct lwf_module *module, struct lwf_submit *work)
{
	struct inject *me = lwf_module_context(module);
	lwf_handle self = lwf_module_handle(module);
	uint64_t now_ns = lwf_host_now_ns(lwf_module_host(module));
	uint32_t budget = work->budget < LWF_BATCH_MAX_FRAMES ? work->budget : LWF_BATCH_MAX_FRAMES;
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	for (work->taken = 0; work->taken < budget;) {
		struct lwf_frame *frame = lwf_pool_take(me->pool, self, LWF_DIRECTION_SEND);
		enum lwf_reason reason;
		enum lwf_pull pull;

		if (!frame)
			break; /* the ring keeps the record until a frame is home */
		pull = lwf_session_pull(work->session, frame);
		if (pull != LWF_PULL_FRAME) {
			lwf_pool_give(me->pool, frame);
			if (pull == LWF_PULL_NONE)
				break;
			work->taken++;
			continue;
		}
		work->taken++;
		frame->time_ns = now_ns;
		reason = check_length(module, frame);
		if (reason != LWF_REASON_NONE) {
			refuse(me, work->session, frame, reason);
			continue;
		}
		if (batch.head && batch.head->direction != frame->direction)
			originate(module, work->session, &batch);
		lwf_batch_push(&batch, frame);
	}
	originate(module, work->session, &batch);
	return 0;
}

static int inject_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct inject *me = lwf_module_context(module);
	struct lwf_report *report = argument;

	switch (what) {
	case LWF_CONTROL_SUBMIT:
		return submit(module, argument);
	case LWF_CONTROL_REPORT:
		report->number(report, "gate-count", lwf_gate_count(&me->gate));
		report->number(report, "gate-open", lwf_gate_is_open(&me->gate));
		report->number(report, "gate-owed", lwf_gate_is_owed(&me->gate));
		report->number(report, "refused", me->refused);
		report->number(report, "frames-free", lwf_pool_free_frames(me->pool));
		return 0;
	default:
		return -ENOTSUP;
	}
}

const struct lwf_filter_ops lwf_filter_inject = {
	.name = "inject",
	.summary = "originates frames for user applications, down or up",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_SUPER_FRAMES,
	.options = options,
	.attach = inject_attach,
	.detach = inject_detach,
	.pause = inject_pause,
	.restart = inject_restart,
	.send_complete = inject_send_complete,
	.receive_return = inject_receive_return,
	.control = inject_control,
};
