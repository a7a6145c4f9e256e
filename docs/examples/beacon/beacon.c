/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beacon.c - a filter of one's own: it sends a frame every so often, and can drop an EtherType.
 *
 * docs/writing-a-filter.md goes through it line by line. It does everything that a filter has to
 * do which originates sends from a timer: a pool and a gate taken at attach, the gate opened as the
 * last act of restart, the timer stopped and the gate closed in pause, own completions told from those of
 * others, and the pause completed by the last frame that comes home.
 *
 *	lwfd --load ./beacon.so --nic eth1 --tap lwf0 --filter beacon:every=100ms,drop=34525
 */
#include <errno.h>
#include <string.h>

#include <lwf/edge.h>
#include <lwf/filter.h>
#include <lwf/gate.h>

#define POOL_FRAMES 64u /* in flight at most; a beacon that finds none free is skipped */
#define FRAME_BYTES 60u

enum { OPT_EVERY, OPT_DROP };

static const struct lwf_option_spec options[] = {
	{"every", LWF_OPTION_DURATION, 1000000, 3600000000000, "1s", true, "time between beacons"},
	{"drop", LWF_OPTION_UINT, 0, 65535, "0", true, "EtherType of frames to drop; 0: none"},
	{0},
};

struct beacon {
	struct lwf_module *module;
	struct lwf_pool *pool;
	struct lwf_gate gate;
	struct lwf_timer timer;
	uint64_t every_ns;
	uint16_t drop;
	uint64_t made, skipped, delivered;
};

/* ---- originating ---- */

static void on_timer(void *context)
{
	struct beacon *me = context;
	struct lwf_batch batch;
	struct lwf_frame *frame;

	lwf_timer_set(&me->timer, me->every_ns);
	frame = lwf_pool_take(me->pool, lwf_module_handle(me->module), LWF_DIRECTION_SEND);
	if (!frame) {
		me->skipped++;
		return;
	}
	if (!lwf_gate_enter(&me->gate, 1)) { /* cannot be: pause stops the timer. But see it */
		lwf_pool_give(me->pool, frame);
		return;
	}
	frame->len = FRAME_BYTES;
	memset(frame->data, 0, FRAME_BYTES);
	memset(frame->data, 0xff, 6); /* to everybody */
	memcpy(frame->data + 6, lwf_module_link(me->module)->mac, 6);
	frame->data[12] = 0x88; /* EtherType 0x88b5: for experiments */
	frame->data[13] = 0xb5;
	frame->time_ns = lwf_host_now_ns(lwf_module_host(me->module));
	me->made++;
	lwf_batch_init(&batch);
	lwf_batch_push(&batch, frame);
	lwf_next_send(me->module, &batch);
}

static void beacon_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct beacon *me = lwf_module_context(module);
	struct lwf_batch own;
	uint32_t n;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	if (batch->head)
		lwf_send_complete(module, batch); /* not ours: on, upwards */
	n = own.count;
	if (!n)
		return;
	for (const struct lwf_frame *frame = own.head; frame; frame = frame->next)
		me->delivered += frame->status == LWF_STATUS_SUCCESS;
	lwf_pool_give_batch(&own); /* home first ... */
	if (lwf_gate_leave(&me->gate, n))
		lwf_pause_complete(module); /* ... then out of the gate. @me may be gone now */
}

/* ---- passing frames on ---- */

static void beacon_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	struct beacon *me = lwf_module_context(module);
	struct lwf_batch pass, drop;
	struct lwf_frame *frame;

	lwf_batch_init(&pass);
	lwf_batch_init(&drop);
	while ((frame = lwf_batch_pop(batch))) {
		uint16_t type = (uint16_t)(frame->data[12] << 8 | frame->data[13]);

		lwf_batch_push(me->drop && type == me->drop ? &drop : &pass, frame);
	}
	if (drop.head)
		lwf_drop_receives(module, &drop,
				  LWF_REASON_FILTER); /* an answer, with its reason */
	if (pass.head)
		lwf_next_receive(module, &pass);
}

/* ---- the life of a module ---- */

static lwf_status beacon_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_host *host = lwf_module_host(module);
	struct beacon *me = lwf_host_alloc(host, sizeof(*me));

	if (!me)
		return LWF_STATUS_RESOURCES;
	me->module = module;
	me->every_ns = values->value[OPT_EVERY].number;
	me->drop = (uint16_t)values->value[OPT_DROP].number;
	lwf_gate_init(&me->gate); /* closed: a module is born Paused */
	me->pool = lwf_pool_create(host, POOL_FRAMES, FRAME_BYTES);
	if (!me->pool)
		goto err_free;
	if (lwf_module_timer_init(module, &me->timer, on_timer, me))
		goto err_pool;
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;

err_pool:
	lwf_pool_destroy(me->pool);
err_free:
	lwf_host_free(host, me);
	return LWF_STATUS_RESOURCES;
}

static lwf_status beacon_restart(struct lwf_module *module)
{
	struct beacon *me = lwf_module_context(module);

	lwf_timer_set(&me->timer, me->every_ns);
	lwf_gate_open(&me->gate); /* the last act */
	return LWF_STATUS_SUCCESS;
}

static lwf_status beacon_pause(struct lwf_module *module)
{
	struct beacon *me = lwf_module_context(module);

	lwf_timer_cancel(&me->timer); /* nothing new is made (P15) ... */
	return lwf_gate_close(&me->gate) ? LWF_STATUS_SUCCESS
					 : LWF_STATUS_PENDING; /* ... or sent */
}

static void beacon_detach(struct lwf_module *module)
{
	struct beacon *me = lwf_module_context(module);

	lwf_module_timer_fini(module, &me->timer);
	lwf_pool_destroy(me->pool);
	lwf_host_free(lwf_module_host(module), me);
	lwf_module_set_context(module, NULL);
}

/* ---- for people ---- */

static int beacon_set_options(struct lwf_module *module, const struct lwf_options *values)
{
	struct beacon *me = lwf_module_context(module);

	if (values->value[OPT_EVERY].given)
		me->every_ns = values->value[OPT_EVERY].number; /* from the next beacon on */
	if (values->value[OPT_DROP].given)
		me->drop = (uint16_t)values->value[OPT_DROP].number;
	return 0;
}

static int beacon_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	const struct beacon *me = lwf_module_context(module);
	struct lwf_report *report = argument;

	if (what != LWF_CONTROL_REPORT)
		return -ENOTSUP;
	report->number(report, "made", me->made);
	report->number(report, "delivered", me->delivered);
	report->number(report, "skipped", me->skipped);
	return 0;
}

static const struct lwf_filter_ops beacon_ops = {
	.name = "beacon",
	.summary = "sends a frame every so often, and can drop an EtherType",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_SUPER_FRAMES,
	.options = options,
	.attach = beacon_attach,
	.detach = beacon_detach,
	.pause = beacon_pause,
	.restart = beacon_restart,
	.send_complete = beacon_send_complete,
	.receive = beacon_receive,
	.control = beacon_control,
	.set_options = beacon_set_options,
};

LWF_FILTER_OBJECT(&beacon_ops);
