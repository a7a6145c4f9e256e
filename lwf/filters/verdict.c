/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.c - lets conversations pass or not: by rules, or by asking a program, without ever waiting
 * for it. Here: options, life, and what people see; verdict_private.h says what is where.
 *
 * What is kept is settled before a pause begins, not while it waits: the stack pauses from the top, and
 * the sends that are kept here belong to those above (LWF_NET_PNP_PAUSE). From then on frames of
 * undecided flows are answered PAUSED, while those of decided ones go on until the module is paused.
 * Without a link nothing is kept either. What is remembered of flows outlasts a pause, and goes with
 * the flows at detach.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/edge.h>
#include <lwf/stack.h>

#include "filters.h"
#include "verdict_private.h"

#define DEFAULTS "default|allow|deny|reject"

enum {
	OPT_DEFAULT,
	OPT_TIMEOUT,
	OPT_ON_TIMEOUT,
	OPT_NO_DECIDER,
	OPT_OVERFLOW,
	OPT_MIDSTREAM,
	OPT_PACKET,
	OPT_REAUTH,
	OPT_DEFAULT_TTL,
	OPT_OWNER_WAIT,
	OPT_ASKS,
	OPT_FRAMES,
	OPT_BYTES,
	OPT_FLOW_FRAMES,
	OPT_FLOWS,
	OPT_RULES,
};

static const struct lwf_option_spec options[] = {
	{"default", LWF_OPTION_CHOICE, 0, 0, "deny|allow|reject", true,
	 "what is done when nobody decides"},
	{"timeout", LWF_OPTION_DURATION, 1000000, LWF_ASK_TIMEOUT_MAX_NS, "500ms", true,
	 "how long a decider may take"},
	{"on-timeout", LWF_OPTION_CHOICE, 0, 0, DEFAULTS, true,
	 "what is done when it takes longer"},
	{"no-decider", LWF_OPTION_CHOICE, 0, 0, DEFAULTS, true,
	 "what is done when there is none, or it goes"},
	{"overflow", LWF_OPTION_CHOICE, 0, 0, DEFAULTS "|oldest", true,
	 "what is done without room to wait; oldest: the oldest makes room"},
	{"midstream", LWF_OPTION_CHOICE, 0, 0, DEFAULTS, true,
	 "the default of flows that are older than this module"},
	{"packet", LWF_OPTION_CHOICE, 0, 0, DEFAULTS, true,
	 "the default of flows that are decided frame by frame"},
	{"reauth", LWF_OPTION_CHOICE, 0, 0, "keep|hold", true,
	 "while a flow is decided anew: keep to what was decided, or hold its frames"},
	{"default-ttl", LWF_OPTION_DURATION, 0, 3600 * VERDICT_NS, "1s", true,
	 "for how long a default holds before there is another ask"},
	{"owner-wait", LWF_OPTION_DURATION, 0, LWF_ASK_TIMEOUT_MAX_NS, "100ms", true,
	 "how long to wait for the process of a flow before asking"},
	{"asks", LWF_OPTION_UINT, 1, LWF_ASKS_MAX, "1024", false, "asks that may be open"},
	{"frames", LWF_OPTION_UINT, 1, 65536, "4096", false, "frames that may wait"},
	{"bytes", LWF_OPTION_UINT, 65536, 64u << 20, "8388608", false, "bytes that may wait"},
	{"flow-frames", LWF_OPTION_UINT, 1, 4096, "32", true, "frames of one flow that may wait"},
	{"flows", LWF_OPTION_UINT, LWF_FLOWS_MIN, LWF_FLOWS_MAX, "65536", false,
	 "flows that are followed at once"},
	{"rules", LWF_OPTION_POLICY, 0, LWF_OPTION_TEXT_BYTES - 1, "", true,
	 "file of rules, lwf-rules(5); without it every flow is asked about"},
	{0},
};

_Static_assert(sizeof(options) / sizeof(options[0]) - 1 <= LWF_OPTIONS_MAX, "all are read");

/* ---- options ---- */

/** The choices of DEFAULTS are the actions, with the default in the place of CONTINUE. */
static uint8_t action_of(const struct lwf_option_value *value)
{
	return value->number < LWF_VERDICT_ACTIONS ? (uint8_t)value->number : LWF_VERDICT_CONTINUE;
}

static void take_settings(struct verdict_settings *settings, const struct lwf_options *values)
{
	static const uint8_t otherwise[] = {LWF_VERDICT_BLOCK, LWF_VERDICT_PERMIT,
					    LWF_VERDICT_RESET};
	const struct lwf_option_value *value = values->value;

	settings->otherwise = otherwise[value[OPT_DEFAULT].number];
	settings->timeout_ns = value[OPT_TIMEOUT].number;
	settings->by_cause[LWF_CAUSE_TIMEOUT] = action_of(&value[OPT_ON_TIMEOUT]);
	settings->by_cause[LWF_CAUSE_NO_DECIDER] = action_of(&value[OPT_NO_DECIDER]);
	settings->by_cause[LWF_CAUSE_DISCONNECT] = action_of(&value[OPT_NO_DECIDER]);
	settings->by_cause[LWF_CAUSE_OVERFLOW] = action_of(&value[OPT_OVERFLOW]);
	settings->drop_oldest = value[OPT_OVERFLOW].number == LWF_VERDICT_ACTIONS;
	settings->by_reason[LWF_ASK_MIDSTREAM] = action_of(&value[OPT_MIDSTREAM]);
	settings->by_reason[LWF_ASK_PACKET] = action_of(&value[OPT_PACKET]);
	settings->hold_reauth = value[OPT_REAUTH].number == 1;
	settings->default_ttl_ns = value[OPT_DEFAULT_TTL].number;
	settings->owner_wait_ns = value[OPT_OWNER_WAIT].number;
	settings->frames = (uint32_t)value[OPT_FRAMES].number;
	settings->bytes = value[OPT_BYTES].number;
	settings->flow_frames = (uint32_t)value[OPT_FLOW_FRAMES].number;
}

static int verdict_set_options(struct lwf_module *module, const struct lwf_options *values)
{
	struct verdict *me = lwf_module_context(module);
	const struct lwf_option_value *rules = &values->value[OPT_RULES];
	int ret = rules->given ? lwf_verdict_set_rules(me, rules->text) : 0;

	if (!ret)
		take_settings(&me->settings, values);
	return ret;
}

/* ---- states ---- */

static enum lwf_reason no_link(const struct lwf_link *link)
{
	if (!link->present)
		return LWF_REASON_REMOVED;
	if (!link->admin_up)
		return LWF_REASON_DISABLED;
	return link->carrier ? LWF_REASON_NONE : LWF_REASON_NO_CARRIER;
}

/** What a pause is for. */
static enum lwf_verdict_cause cause_of(const struct lwf_module *module)
{
	uint32_t holds = lwf_module_holds(module);

	if (holds & 1u << LWF_HOLD_CLOSE)
		return LWF_CAUSE_EXIT;
	if (holds & (1u << LWF_HOLD_LINK | 1u << LWF_HOLD_REMOVED))
		return LWF_CAUSE_LINK;
	if (holds & (1u << LWF_HOLD_USER_DETACH | 1u << LWF_HOLD_FAULT_DETACH))
		return LWF_CAUSE_DETACH;
	return LWF_CAUSE_PAUSE;
}

static lwf_status verdict_net_pnp(struct lwf_module *module, enum lwf_net_pnp event)
{
	struct verdict *me = lwf_module_context(module);

	if (event == LWF_NET_PNP_RESTART)
		me->closing = false;
	if (event != LWF_NET_PNP_PAUSE)
		return LWF_STATUS_SUCCESS;
	me->closing = true;
	lwf_verdict_settle_all(me, cause_of(module));
	return LWF_STATUS_SUCCESS;
}

static lwf_status verdict_pause(struct lwf_module *module)
{
	struct verdict *me = lwf_module_context(module);

	me->closing = true;
	lwf_verdict_settle_all(me, cause_of(module)); /* it may be paused alone (C7) */
	lwf_timer_cancel(&me->timer);
	return lwf_gate_close(&me->gate) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static lwf_status verdict_restart(struct lwf_module *module)
{
	struct verdict *me = lwf_module_context(module);
	const struct lwf_link *link = lwf_module_link(module);

	me->closing = false;
	me->no_link = no_link(link);
	memcpy(me->mac, link->mac, sizeof(me->mac));
	lwf_gate_open(&me->gate);
	return LWF_STATUS_SUCCESS;
}

/** Without a link, or with another address, what waits has nowhere to go. */
static void verdict_status(struct lwf_module *module, enum lwf_indication what,
			   const struct lwf_link *link)
{
	struct verdict *me = lwf_module_context(module);
	bool moved;

	if (what != LWF_INDICATION_LINK_STATE || lwf_module_state(module) != LWF_STATE_RUNNING)
		return;
	moved = memcmp(me->mac, link->mac, sizeof(me->mac)) != 0;
	memcpy(me->mac, link->mac, sizeof(me->mac));
	me->no_link = no_link(link);
	if (me->no_link != LWF_REASON_NONE || moved)
		lwf_verdict_settle_all(me, LWF_CAUSE_LINK);
}

/* ---- life ---- */

static void destroy(struct lwf_module *module, struct verdict *me)
{
	struct lwf_host *host = lwf_module_host(module);

	lwf_module_timer_fini(module, &me->timer);
	if (me->callout) {
		enum lwf_flow_result gone = lwf_callout_unregister(me->table, me->callout);

		assert(gone == LWF_FLOW_OK); /* nothing of a callout runs in a detach */
	}
	if (me->table)
		lwf_module_close_flows(module);
	lwf_pool_destroy(me->small);
	lwf_pool_destroy(me->large);
	lwf_host_free(host, me->policy);
	lwf_host_free(host, me->batch_generations);
	lwf_host_free(host, me->batch_slots);
	lwf_host_free(host, me->batch);
	lwf_host_free(host, me->heap);
	lwf_host_free(host, me->asks);
	lwf_host_free(host, me->flows);
	lwf_host_free(host, me);
}

static bool take_memory(struct verdict *me, struct lwf_host *host)
{
	uint32_t large = me->settings.frames / 256;

	me->flows = lwf_host_alloc(host, me->flow_room * sizeof(*me->flows));
	me->asks = lwf_host_alloc(host, me->ask_room * sizeof(*me->asks));
	me->heap = lwf_host_alloc(host, me->ask_room * sizeof(*me->heap));
	me->batch = lwf_host_alloc(host, LWF_ASK_BATCH_MAX * sizeof(*me->batch));
	me->batch_slots = lwf_host_alloc(host, LWF_ASK_BATCH_MAX * sizeof(*me->batch_slots));
	me->batch_generations =
		lwf_host_alloc(host, LWF_ASK_BATCH_MAX * sizeof(*me->batch_generations));
	me->small = lwf_pool_create(host, me->settings.frames, VERDICT_SMALL);
	me->large = lwf_pool_create(host, large > 4 ? large : 4, LWF_FRAME_MAX_BYTES);
	return me->flows && me->asks && me->heap && me->batch && me->batch_slots &&
	       me->batch_generations && me->small && me->large;
}

static void fill_places(struct verdict *me)
{
	me->free_flow = VERDICT_NIL;
	for (uint32_t i = me->flow_room; i-- > 0;) {
		me->flows[i].next = me->free_flow;
		me->free_flow = i;
	}
	lwf_verdict_asks_init(me);
	me->epoch = me->stats.epoch = 1;
}

static lwf_status verdict_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_host *host = lwf_module_host(module);
	struct verdict *me = lwf_host_alloc(host, sizeof(*me));

	if (!me)
		return LWF_STATUS_RESOURCES;
	me->module = module;
	me->host = host;
	me->flow_room = (uint32_t)values->value[OPT_FLOWS].number;
	me->ask_room = (uint32_t)values->value[OPT_ASKS].number;
	take_settings(&me->settings, values);
	me->table = lwf_module_open_flows(module, me->flow_room);
	if (!me->table || !take_memory(me, host) ||
	    lwf_module_timer_init(module, &me->timer, lwf_verdict_on_due, me) ||
	    lwf_callout_register(me->table, &lwf_verdict_callout, me, &me->callout) !=
		    LWF_FLOW_OK) {
		destroy(module, me);
		return LWF_STATUS_RESOURCES;
	}
	fill_places(me);
	if (lwf_verdict_set_rules(me, values->value[OPT_RULES].text)) {
		destroy(module, me);
		return LWF_STATUS_FAILURE;
	}
	lwf_gate_init(&me->gate);
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;
}

static void verdict_detach(struct lwf_module *module)
{
	destroy(module, lwf_module_context(module));
	lwf_module_set_context(module, NULL);
}

/* ---- for people ---- */

static uint32_t verdict_holds(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct verdict *me = lwf_module_context(module);
	uint32_t n = 0;

	for (uint32_t slot = me->oldest; slot != VERDICT_NIL; slot = me->asks[slot].younger) {
		const struct lwf_frame *at = me->asks[slot].frames[LWF_DIRECTION_SEND].head;

		for (; at; at = at->next) {
			if (origin && at->born != origin)
				continue;
			if (n++ == 0 || at->time_ns < *oldest_ns)
				*oldest_ns = at->time_ns;
		}
	}
	return n;
}

/** Dashes, as all that is shown has them. */
static void number(struct lwf_report *to, const char *field, uint64_t value)
{
	char name[LWF_NAME_BYTES];

	snprintf(name, sizeof(name), "%s", field);
	for (char *at = name; *at; at++)
		if (*at == '_')
			*at = '-';
	to->number(to, name, value);
}

static void report(const struct verdict *me, struct lwf_report *to)
{
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {
#define X(field) {#field, offsetof(struct lwf_verdict_stats, field)},
		LWF_VERDICT_STAT_LIST(X)
#undef X
	};
	char name[LWF_NAME_BYTES];

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		number(to, fields[i].name,
		       *(const uint64_t *)((const char *)&me->stats + fields[i].at));
	for (unsigned i = 0; i < LWF_CAUSES; i++) {
		snprintf(name, sizeof(name), "settled-%s",
			 lwf_verdict_cause_name((enum lwf_verdict_cause)i));
		to->number(to, name, me->stats.settled[i]);
	}
	for (unsigned i = 0; i < LWF_TELL_RESULTS; i++) {
		snprintf(name, sizeof(name), "told-%s",
			 lwf_tell_result_name((enum lwf_tell_result)i));
		to->number(to, name, me->stats.told[i]);
	}
}

/** The cursor is the place of an ask: asks come and go, and none is told twice. */
static void tell(const struct verdict *me, struct lwf_verdict_page *page)
{
	struct lwf_ask ask;

	page->stats = me->stats;
	page->now_ns = lwf_host_now_ns(me->host);
	for (; page->ask && page->asks && page->cursor < me->ask_room; page->cursor++) {
		const struct verdict_ask *it = &me->asks[page->cursor];

		if (it->state == VERDICT_ASK_FREE || !lwf_verdict_describe(me, it, &ask))
			continue;
		page->asks--;
		page->ask(page, &ask, it->decider ? it->decider->id : 0);
	}
	if (!page->ask || page->cursor >= me->ask_room)
		page->cursor = LWF_FLOW_WALKED;
}

static int verdict_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct verdict *me = lwf_module_context(module);

	switch (what) {
	case LWF_CONTROL_REPORT:
		report(me, argument);
		return 0;
	case LWF_CONTROL_VERDICTS:
		tell(me, argument);
		return 0;
	case LWF_CONTROL_DECIDER:
		return lwf_verdict_call(me, argument);
	case LWF_CONTROL_RELOAD:
		return lwf_verdict_reload(me, argument);
	case LWF_CONTROL_EXPLAIN:
		return lwf_verdict_explain(me, argument);
	default:
		return -ENOTSUP;
	}
}

const struct lwf_filter_ops lwf_filter_verdict = {
	.name = "verdict",
	.summary = "lets conversations pass or not, by rules or as a program decides",
	.traits = LWF_FILTER_ORIGINATES | LWF_FILTER_HOLDS | LWF_FILTER_REORDERS |
		  LWF_FILTER_SUPER_FRAMES,
	.options = options,
	.attach = verdict_attach,
	.detach = verdict_detach,
	.pause = verdict_pause,
	.restart = verdict_restart,
	.send = lwf_verdict_send,
	.send_complete = lwf_verdict_send_complete,
	.receive = lwf_verdict_receive,
	.receive_return = lwf_verdict_receive_return,
	.cancel = lwf_verdict_cancel,
	.status = verdict_status,
	.net_pnp = verdict_net_pnp,
	.control = verdict_control,
	.set_options = verdict_set_options,
	.holds = verdict_holds,
};
