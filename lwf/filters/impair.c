/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.c - makes a link bad, as told: delay, jitter, loss, duplicates, reordering, corruption,
 * and a rate, by direction and match, from a seed. Here: options, life, and what people see.
 *
 * Who gets which answer. A send that is kept stays its sender's: it is answered when it has left,
 * with the device's own answer, and one that is lost is answered NOT_ACCEPTED, impaired-loss. So a
 * ledger stays true under impairment, and a pause waits for what is kept, since the stack pauses
 * from the top: first the host's sends come home, then those of each module above. None is kept
 * for more than IMPAIR_HELD_MAX. This module's own pause then settles what is left, and waits for
 * the copies of its own that are out.
 */
#include <errno.h>
#include <stdio.h>

#include <lwf/edge.h>

#include "filters.h"
#include "impair.h"

enum {
	OPT_DELAY,
	OPT_JITTER,
	OPT_DIST,
	OPT_LOSS,
	OPT_BURST,
	OPT_DUP,
	OPT_REORDER,
	OPT_REORDER_BY,
	OPT_CORRUPT,
	OPT_RATE,
	OPT_LIMIT,
	OPT_COPIES,
	OPT_DIRECTION,
	OPT_MATCH,
	OPT_SEED
};

static const struct lwf_option_spec options[] = {
	{"delay", LWF_OPTION_DURATION, 0, IMPAIR_DELAY_MAX, "0", true, "keep each frame so long"},
	{"jitter", LWF_OPTION_DURATION, 0, IMPAIR_JITTER_MAX, "0", true,
	 "the delay varies by this much"},
	{"dist", LWF_OPTION_CHOICE, 0, 0, "uniform|normal|pareto|paretonormal", true,
	 "how jitter is distributed"},
	{"loss", LWF_OPTION_SHARE, 0, LWF_SHARE_WHOLE, "0", true, "lose this share of the frames"},
	{"burst", LWF_OPTION_UINT, 1, 10000, "1", true, "in runs of so many on average"},
	{"dup", LWF_OPTION_SHARE, 0, LWF_SHARE_WHOLE, "0", true, "send this share twice"},
	{"reorder", LWF_OPTION_SHARE, 0, LWF_SHARE_WHOLE, "0", true,
	 "let this share be overtaken by others"},
	{"reorder-by", LWF_OPTION_DURATION, 1000, IMPAIR_JITTER_MAX, "10ms", true,
	 "how much longer such a frame is kept"},
	{"corrupt", LWF_OPTION_SHARE, 0, LWF_SHARE_WHOLE, "0", true,
	 "turn one bit over in this share"},
	{"rate", LWF_OPTION_BITRATE, 0, 1000 * IMPAIR_NS, "0", true, "bits a second; 0: no limit"},
	{"limit", LWF_OPTION_UINT, 1, 100000, "1000", false, "frames kept in each direction"},
	{"copies", LWF_OPTION_UINT, 1, 4096, "256", false,
	 "frames for duplicates and the like, out or kept at once"},
	{"direction", LWF_OPTION_CHOICE, 0, 0, "send|receive|both", true, "which way"},
	{"match", LWF_OPTION_MATCH, 0, LWF_OPTION_TEXT_BYTES - 1, "", true,
	 "only frames that this expression means (pcap-filter)"},
	{"seed", LWF_OPTION_UINT, 0, UINT32_MAX, "0", true, "of all chances; 0: draw one"},
	{0},
};

_Static_assert(sizeof(options) / sizeof(options[0]) - 1 <= LWF_OPTIONS_MAX, "all are read");

/* ---- options ---- */

static void take_seed(struct impair *me, struct lwf_host *host, uint64_t seed)
{
	me->settings.seed = seed ? seed : (lwf_host_random(host) & UINT32_MAX) | 1;
	lwf_impair_lane_restart(&me->lane[LWF_DIRECTION_SEND]);
	lwf_impair_lane_restart(&me->lane[LWF_DIRECTION_RECEIVE]);
}

static void take_numbers(struct impair_settings *settings, const struct lwf_options *values)
{
	const struct lwf_option_value *value = values->value;

	settings->delay_ns = value[OPT_DELAY].number;
	settings->jitter_ns = value[OPT_JITTER].number;
	settings->dist = (enum impair_dist)value[OPT_DIST].number;
	settings->loss = (uint32_t)value[OPT_LOSS].number;
	settings->burst = (uint32_t)value[OPT_BURST].number;
	settings->duplicate = (uint32_t)value[OPT_DUP].number;
	settings->reorder = (uint32_t)value[OPT_REORDER].number;
	settings->reorder_by_ns = value[OPT_REORDER_BY].number;
	settings->corrupt = (uint32_t)value[OPT_CORRUPT].number;
	settings->rate_bps = value[OPT_RATE].number;
}

static int take_match(struct impair *me, struct lwf_host *host, const char *text)
{
	char why[128];

	return lwf_host_compile_match(host, text, &me->match, why, sizeof(why));
}

static int impair_set_options(struct lwf_module *module, const struct lwf_options *values)
{
	struct impair *me = lwf_module_context(module);
	struct lwf_host *host = lwf_module_host(module);
	const struct lwf_option_value *value = values->value;
	uint64_t now_ns = lwf_host_now_ns(host);
	int ret;

	if (value[OPT_MATCH].given) {
		ret = take_match(me, host, value[OPT_MATCH].text);
		if (ret)
			return ret;
	}
	take_numbers(&me->settings, values);
	me->direction = (uint32_t)value[OPT_DIRECTION].number;
	if (value[OPT_SEED].given)
		take_seed(me, host, value[OPT_SEED].number);
	if (lwf_module_state(module) != LWF_STATE_RUNNING ||
	    !(value[OPT_DELAY].given || value[OPT_JITTER].given || value[OPT_RATE].given))
		return 0;
	lwf_impair_reschedule(&me->lane[LWF_DIRECTION_SEND], &me->settings, now_ns);
	lwf_impair_reschedule(&me->lane[LWF_DIRECTION_RECEIVE], &me->settings, now_ns);
	lwf_impair_arm(me, now_ns);
	return 0;
}

/* ---- states ---- */

/** What is kept of others is answered, what is kept of our own was never out. */
static void settle(struct lwf_module *module, enum lwf_direction direction)
{
	struct impair *me = lwf_module_context(module);
	struct impair_lane *lane = &me->lane[direction];
	struct impair_entry entry;
	struct lwf_batch others;

	lwf_batch_init(&others);
	lane->counters[IMPAIR_COUNT_SETTLED] += lane->count;
	while (lwf_impair_take_due(lane, UINT64_MAX, &entry)) {
		if (entry.frame->holder == 0)
			lwf_pool_give(me->copies, entry.frame);
		else
			lwf_batch_push(&others, entry.frame);
	}
	if (!others.head)
		return;
	if (direction == LWF_DIRECTION_SEND)
		lwf_drop_sends(module, &others, LWF_REASON_NOT_RUNNING);
	else
		lwf_drop_receives(module, &others, LWF_REASON_NOT_RUNNING);
}

static lwf_status impair_pause(struct lwf_module *module)
{
	struct impair *me = lwf_module_context(module);

	lwf_timer_cancel(&me->timer);
	settle(module, LWF_DIRECTION_SEND);
	settle(module, LWF_DIRECTION_RECEIVE);
	return lwf_gate_close(&me->gate) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static bool is_down(const struct lwf_link *link)
{
	return !link->present || !link->admin_up || !link->carrier;
}

static lwf_status impair_restart(struct lwf_module *module)
{
	struct impair *me = lwf_module_context(module);

	me->link_down = is_down(lwf_module_link(module));
	lwf_gate_open(&me->gate);
	return LWF_STATUS_SUCCESS;
}

/** Without a link, sends are let go at once, as they are: the device gives them its answer. */
static void impair_status(struct lwf_module *module, enum lwf_indication what,
			  const struct lwf_link *link)
{
	struct impair *me = lwf_module_context(module);
	struct impair_lane *lane = &me->lane[LWF_DIRECTION_SEND];
	struct impair_entry entry;
	struct lwf_batch batch;

	if (what != LWF_INDICATION_LINK_STATE)
		return;
	me->link_down = is_down(link);
	if (!me->link_down || lwf_module_state(module) != LWF_STATE_RUNNING)
		return;
	while (lane->count) {
		lwf_batch_init(&batch);
		while (batch.count < LWF_BATCH_MAX_FRAMES &&
		       lwf_impair_take_due(lane, UINT64_MAX, &entry))
			lwf_batch_push(&batch, entry.frame);
		lane->counters[IMPAIR_COUNT_LET_GO] += batch.count;
		lwf_next_send(module, &batch);
	}
	lane->last_due_ns = 0;
	lane->full_ns = 0;
	lwf_impair_arm(me, lwf_host_now_ns(lwf_module_host(module)));
}

static void destroy(struct lwf_module *module, struct impair *me)
{
	struct lwf_host *host = lwf_module_host(module);

	lwf_module_timer_fini(module, &me->timer);
	lwf_pool_destroy(me->copies);
	lwf_host_free(host, me->lane[LWF_DIRECTION_RECEIVE].heap);
	lwf_host_free(host, me->lane[LWF_DIRECTION_SEND].heap);
	lwf_host_free(host, me);
}

static lwf_status impair_attach(struct lwf_module *module, const struct lwf_options *values)
{
	struct lwf_host *host = lwf_module_host(module);
	struct impair *me = lwf_host_alloc(host, sizeof(*me));
	const struct lwf_option_value *value = values->value;
	bool built = true;

	if (!me)
		return LWF_STATUS_RESOURCES;
	for (unsigned i = 0; i < 2; i++) {
		struct impair_lane *lane = &me->lane[i];

		lane->direction = (enum lwf_direction)i;
		lane->limit = (uint32_t)value[OPT_LIMIT].number;
		lane->heap = lwf_host_alloc(host, lane->limit * sizeof(*lane->heap));
		built = built && lane->heap;
	}
	me->copies = lwf_pool_create(host, (uint32_t)value[OPT_COPIES].number, LWF_FRAME_MAX_BYTES);
	if (!built || !me->copies ||
	    lwf_module_timer_init(module, &me->timer, lwf_impair_on_due, module) ||
	    take_match(me, host, value[OPT_MATCH].text)) {
		destroy(module, me);
		return LWF_STATUS_RESOURCES;
	}
	take_numbers(&me->settings, values);
	me->direction = (uint32_t)value[OPT_DIRECTION].number;
	take_seed(me, host, value[OPT_SEED].number);
	lwf_gate_init(&me->gate);
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;
}

static void impair_detach(struct lwf_module *module)
{
	destroy(module, lwf_module_context(module));
	lwf_module_set_context(module, NULL);
}

/* ---- for people ---- */

static uint32_t impair_holds(struct lwf_module *module, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct impair *me = lwf_module_context(module);
	uint32_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct impair_lane *lane = &me->lane[i];
		const struct lwf_frame *frame = lane->waiting.head;

		for (uint32_t k = 0; k < lane->count || frame; k++) {
			const struct lwf_frame *at = k < lane->count ? lane->heap[k].frame : frame;

			if (k >= lane->count)
				frame = frame->next;
			if (at->holder == 0 || (origin && at->born != origin))
				continue;
			if (n++ == 0 || at->time_ns < *oldest_ns)
				*oldest_ns = at->time_ns;
		}
	}
	return n;
}

static void report_lane(const struct impair_lane *lane, struct lwf_report *report)
{
	static const char *const names[] = {
#define X(sym, name) name,
		IMPAIR_COUNTER_LIST(X)
#undef X
	};
	const char *prefix = lane->direction == LWF_DIRECTION_SEND ? "send" : "receive";
	char name[LWF_NAME_BYTES];

	snprintf(name, sizeof(name), "%s-held", prefix);
	report->number(report, name, lane->count + lane->waiting.count);
	for (unsigned i = 0; i < IMPAIR_COUNTERS; i++) {
		snprintf(name, sizeof(name), "%s-%s", prefix, names[i]);
		report->number(report, name, lane->counters[i]);
	}
}

static int impair_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	const struct impair *me = lwf_module_context(module);
	struct lwf_report *report = argument;

	if (what != LWF_CONTROL_REPORT)
		return -ENOTSUP;
	report->number(report, "seed", me->settings.seed);
	report_lane(&me->lane[LWF_DIRECTION_SEND], report);
	report_lane(&me->lane[LWF_DIRECTION_RECEIVE], report);
	report->number(report, "copies-free", lwf_pool_free_frames(me->copies));
	return 0;
}

const struct lwf_filter_ops lwf_filter_impair = {
	.name = "impair",
	.summary = "makes a link bad: delay, loss, duplicates, reordering, corruption, rate",
	.traits = LWF_FILTER_MODIFIES | LWF_FILTER_ORIGINATES | LWF_FILTER_HOLDS |
		  LWF_FILTER_REORDERS | LWF_FILTER_SUPER_FRAMES,
	.options = options,
	.attach = impair_attach,
	.detach = impair_detach,
	.pause = impair_pause,
	.restart = impair_restart,
	.send = lwf_impair_send,
	.send_complete = lwf_impair_send_complete,
	.receive = lwf_impair_receive,
	.receive_return = lwf_impair_receive_return,
	.cancel = lwf_impair_cancel,
	.status = impair_status,
	.control = impair_control,
	.set_options = impair_set_options,
	.holds = impair_holds,
};
