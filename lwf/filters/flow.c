/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.c - follows the conversations that pass, and changes nothing: who, how much, since when.
 *
 * The table does the work (lwf/flow.h); it is the stack's, so that other modules see the same flows.
 * `lwfctl flows` asks for them a page at a time, so that nobody waits for a long list.
 */
#include <errno.h>

#include <lwf/filter.h>
#include <lwf/flow.h>

enum { OPT_FLOWS };

static const struct lwf_option_spec options[] = {
	{"flows", LWF_OPTION_UINT, LWF_FLOWS_MIN, LWF_FLOWS_MAX, "65536", false,
	 "flows that are followed at once; more take the place of the least worth"},
	{0},
};

static lwf_status flow_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_flow_table *table =
		lwf_module_open_flows(module, (uint32_t)values->value[OPT_FLOWS].number);

	if (!table)
		return LWF_STATUS_RESOURCES;
	lwf_module_set_context(module, table);
	return LWF_STATUS_SUCCESS;
}

static void flow_detach(struct lwf_module *module)
{
	lwf_module_close_flows(module);
	lwf_module_set_context(module, NULL);
}

static void watch(struct lwf_module *module, const struct lwf_batch *batch,
		  enum lwf_direction direction)
{
	struct lwf_flow_table *table = lwf_module_context(module);
	uint64_t now_ns = lwf_host_now_ns(lwf_module_host(module));
	struct lwf_flow_sight sight;

	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		lwf_flow_observe(table, frame, direction, now_ns, &sight);
}

static void flow_send(struct lwf_module *module, struct lwf_batch *batch)
{
	watch(module, batch, LWF_DIRECTION_SEND);
	lwf_next_send(module, batch);
}

static void flow_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	watch(module, batch, LWF_DIRECTION_RECEIVE);
	lwf_next_receive(module, batch);
}

static void report(const struct lwf_flow_table *table, struct lwf_report *to)
{
	struct lwf_flow_stats stats;

	lwf_flow_stats(table, &stats);
	to->number(to, "flows", stats.flows);
	to->number(to, "created", stats.created);
	to->number(to, "timed-out", stats.ended[LWF_FLOW_END_TIMEOUT]);
	to->number(to, "evicted", stats.ended[LWF_FLOW_END_EVICTED]);
	to->number(to, "reused", stats.ended[LWF_FLOW_END_REUSED]);
	to->number(to, "emergency-ended", stats.ended[LWF_FLOW_END_EMERGENCY]);
	to->number(to, "emergencies", stats.emergencies);
	to->number(to, "untracked-frames", stats.untracked);
	to->number(to, "stray-fragments", stats.strays);
	to->number(to, "malformed", stats.malformed);
	to->number(to, "icmp-errors", stats.related);
	to->number(to, "bad-resets", stats.bad_resets);
}

static void tell(struct lwf_module *module, struct lwf_flow_page *page)
{
	const struct lwf_flow_table *table = lwf_module_context(module);
	struct lwf_flow_info info;

	page->now_ns = lwf_host_now_ns(lwf_module_host(module));
	while (page->flows && page->places && page->cursor != LWF_FLOW_WALKED) {
		uint32_t before = page->cursor;
		uint64_t flow = lwf_flow_next(table, &page->cursor, page->places);

		if (!flow)
			return;
		page->places -= page->cursor - before;
		page->flows--;
		if (lwf_flow_info(table, flow, &info) == LWF_FLOW_OK)
			page->flow(page, &info);
	}
}

static int flow_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	switch (what) {
	case LWF_CONTROL_REPORT:
		report(lwf_module_context(module), argument);
		return 0;
	case LWF_CONTROL_FLOWS:
		tell(module, argument);
		return 0;
	default:
		return -ENOTSUP;
	}
}

const struct lwf_filter_ops lwf_filter_flow = {
	.name = "flow",
	.summary = "follows the conversations that pass, for lwfctl flows",
	.traits = LWF_FILTER_SUPER_FRAMES | LWF_FILTER_MONITORS,
	.options = options,
	.attach = flow_attach,
	.detach = flow_detach,
	.send = flow_send,
	.receive = flow_receive,
	.control = flow_control,
};
