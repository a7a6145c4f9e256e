/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - keeps sends until it is told to let them go: a debugging aid.
 *
 * On a device that answers at once nothing is ever outstanding, and the interesting half of the
 * pause protocol cannot be seen. This filter makes it visible on any device: below inject it keeps
 * the next `frames` sends, so that a pause of inject is truly answered PENDING, and is completed by
 * the last of them when `release` lets them go (or when their sender cancels them).
 *
 *	lwfctl filter insert eth1 hold:frames=3
 *	lwfctl filter set eth1/hold release=on
 *
 * Its own pause completes what it still keeps with PAUSED. But the stack pauses from the top: it
 * waits for frames of the host and of modules above before that, until they are released.
 */
#include <errno.h>

#include <lwf/filter.h>

enum { OPT_FRAMES, OPT_RELEASE };

static const struct lwf_option_spec options[] = {
	{"frames", LWF_OPTION_UINT, 0, 4096, "1", true, "keep this many sends from now on"},
	{"release", LWF_OPTION_BOOL, 0, 1, "off", true, "on: let go what is kept, now"},
	{0},
};

struct hold {
	struct lwf_batch kept;
	uint64_t to_keep;
	uint64_t kept_so_far;
};

static lwf_status hold_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct hold *me = lwf_host_alloc(lwf_module_host(module), sizeof(*me));

	if (!me)
		return LWF_STATUS_RESOURCES;
	me->to_keep = values->value[OPT_FRAMES].number;
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;
}

static void hold_detach(struct lwf_module *module)
{
	lwf_host_free(lwf_module_host(module), lwf_module_context(module));
	lwf_module_set_context(module, NULL);
}

static lwf_status hold_pause(struct lwf_module *module)
{
	struct hold *me = lwf_module_context(module);
	struct lwf_batch kept = me->kept;

	lwf_batch_init(&me->kept);
	if (kept.head)
		lwf_drop_sends(module, &kept, LWF_REASON_NOT_RUNNING);
	return LWF_STATUS_SUCCESS;
}

static void hold_send(struct lwf_module *module, struct lwf_batch *batch)
{
	struct hold *me = lwf_module_context(module);
	struct lwf_frame *frame;

	/* order is not kept: those that come after the last one to keep pass it (REORDERS) */
	while (me->to_keep && (frame = lwf_batch_pop(batch))) {
		lwf_batch_push(&me->kept, frame);
		me->to_keep--;
		me->kept_so_far++;
	}
	if (batch->head)
		lwf_next_send(module, batch);
}

static void hold_cancel(struct lwf_module *module, uint64_t cancel_id)
{
	struct hold *me = lwf_module_context(module);
	struct lwf_batch kept = me->kept;
	struct lwf_batch cancelled;
	struct lwf_frame *frame;

	lwf_batch_init(&me->kept);
	lwf_batch_init(&cancelled);
	while ((frame = lwf_batch_pop(&kept)))
		lwf_batch_push(lwf_cancel_matches(frame, cancel_id) ? &cancelled : &me->kept,
			       frame);
	if (cancelled.head)
		lwf_drop_sends(module, &cancelled, LWF_REASON_CANCELLED);
	lwf_next_cancel(module, cancel_id);
}

static int hold_set_options(struct lwf_module *module, const struct lwf_options *values)
{
	struct hold *me = lwf_module_context(module);
	struct lwf_batch kept = me->kept;

	if (values->value[OPT_RELEASE].given && values->value[OPT_RELEASE].number) {
		me->to_keep = 0;
		lwf_batch_init(&me->kept);
		if (kept.head)
			lwf_next_send(module, &kept);
	}
	if (values->value[OPT_FRAMES].given)
		me->to_keep = values->value[OPT_FRAMES].number;
	return 0;
}

static uint32_t hold_holds(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct hold *me = lwf_module_context(module);
	uint32_t n = 0;

	for (const struct lwf_frame *frame = me->kept.head; frame; frame = frame->next) {
		if (origin && frame->born != origin)
			continue;
		if (n++ == 0 || frame->time_ns < *oldest_ns)
			*oldest_ns = frame->time_ns;
	}
	return n;
}

static int hold_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	const struct hold *me = lwf_module_context(module);
	struct lwf_report *report = argument;

	if (what != LWF_CONTROL_REPORT)
		return -ENOTSUP;
	report->number(report, "kept", me->kept.count);
	report->number(report, "kept-so-far", me->kept_so_far);
	report->number(report, "to-keep", me->to_keep);
	return 0;
}

const struct lwf_filter_ops lwf_filter_hold = {
	.name = "hold",
	.summary = "keeps sends until released (a debugging aid)",
	.traits = LWF_FILTER_HOLDS | LWF_FILTER_SUPER_FRAMES | LWF_FILTER_REORDERS,
	.options = options,
	.attach = hold_attach,
	.detach = hold_detach,
	.pause = hold_pause,
	.send = hold_send,
	.cancel = hold_cancel,
	.control = hold_control,
	.set_options = hold_set_options,
	.holds = hold_holds,
};
