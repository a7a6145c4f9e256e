/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_time.c - when a flow has been silent for too long, and which one goes when room is short.
 *
 * A flow stands in one slot of a wheel of seconds, that of its deadline as it was when it came there.
 * A frame only writes down when it was seen; when the slot comes up, a flow that is not due moves on to
 * its new deadline. So a frame costs nothing, and a flow ends within a second after it is due.
 *
 * It also stands in the queue of its class, oldest first, for eviction: what is over goes first, then
 * what was never answered, from the class that has most of it, then what is settled but has been silent
 * for long. A settled flow that speaks is never evicted: then new ones are refused. Eviction begins
 * before the table is full, and is a bounded number of looks for each flow that is born, so that a flood
 * of new flows pays for itself. At nine tenths all timeouts are the short ones, until seven tenths.
 */
#include "flows.h"

#define EVICT_LOOKS 8u /* in one class */

enum worth { WORTH_CLOSED, WORTH_EMBRYONIC, WORTH_SETTLED };

static const struct {
	uint16_t timeout_s[2]; /* normal, emergency */
	uint8_t worth;
} classes[LWF_FLOW_CLASSES] = {
#define X(sym, normal, emergency, is_worth) {{(normal), (emergency)}, WORTH_##is_worth},
	LWF_FLOW_CLASS_LIST(X)
#undef X
};

static uint64_t deadline_ns(const struct lwf_flow_table *table, const struct lwf_flow *flow)
{
	return flow->seen_ns +
	       classes[flow->class].timeout_s[table->stats.emergency] * LWF_FLOW_SECOND_NS;
}

static void leave_wheel(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	if (flow->slot == LWF_FLOW_NIL)
		return;
	if (flow->wheel_prev == LWF_FLOW_NIL)
		table->wheel[flow->slot] = flow->wheel_next;
	else
		table->flows[flow->wheel_prev].wheel_next = flow->wheel_next;
	if (flow->wheel_next != LWF_FLOW_NIL)
		table->flows[flow->wheel_next].wheel_prev = flow->wheel_prev;
	flow->slot = LWF_FLOW_NIL;
}

/** Into the slot of the second that ends after @at_ns, and at least the next one to come. */
static void enter_wheel(struct lwf_flow_table *table, struct lwf_flow *flow, uint64_t at_ns)
{
	uint32_t index = (uint32_t)(flow - table->flows);
	uint64_t second = at_ns / LWF_FLOW_SECOND_NS + 1;

	leave_wheel(table, flow);
	if (second <= table->wheel_s)
		second = table->wheel_s + 1;
	flow->slot = (uint32_t)(second % LWF_FLOW_WHEEL_SLOTS);
	flow->wheel_prev = LWF_FLOW_NIL;
	flow->wheel_next = table->wheel[flow->slot];
	if (flow->wheel_next != LWF_FLOW_NIL)
		table->flows[flow->wheel_next].wheel_prev = index;
	table->wheel[flow->slot] = index;
}

static void leave_queue(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	struct lwf_flow_list *list = &table->classes[flow->class];

	if (flow->class_prev == LWF_FLOW_NIL)
		list->head = flow->class_next;
	else
		table->flows[flow->class_prev].class_next = flow->class_next;
	if (flow->class_next == LWF_FLOW_NIL)
		list->tail = flow->class_prev;
	else
		table->flows[flow->class_next].class_prev = flow->class_prev;
	list->count--;
}

static void enter_queue(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	struct lwf_flow_list *list = &table->classes[flow->class];
	uint32_t index = (uint32_t)(flow - table->flows);

	flow->again = false;
	flow->class_next = LWF_FLOW_NIL;
	flow->class_prev = list->tail;
	if (list->tail == LWF_FLOW_NIL)
		list->head = index;
	else
		table->flows[list->tail].class_next = index;
	list->tail = index;
	list->count++;
}

void lwf_flow_leave_class(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	if (flow->class == LWF_FLOW_CLASSES)
		return;
	leave_queue(table, flow);
	leave_wheel(table, flow);
	flow->class = LWF_FLOW_CLASSES;
}

void lwf_flow_set_class(struct lwf_flow_table *table, struct lwf_flow *flow,
			enum lwf_flow_class class)
{
	lwf_flow_leave_class(table, flow);
	flow->class = (uint8_t) class;
	if (!table->timer.armed) { /* nothing was in the wheel */
		uint64_t now_s = lwf_host_now_ns(table->host) / LWF_FLOW_SECOND_NS;

		if (table->stats.flows <= 1)
			table->wheel_s = now_s;
		lwf_timer_set(&table->timer, LWF_FLOW_SECOND_NS);
	}
	enter_queue(table, flow);
	enter_wheel(table, flow, flow->doomed ? 0 : deadline_ns(table, flow));
}

/* ---- eviction ---- */

static bool may_go(const struct lwf_flow *flow, enum worth worth, uint64_t now_ns)
{
	if (flow->pins)
		return false;
	if (worth == WORTH_EMBRYONIC)
		return !flow->again;
	if (worth == WORTH_SETTLED)
		return now_ns - flow->seen_ns >=
		       classes[flow->class].timeout_s[1] * LWF_FLOW_SECOND_NS;
	return true;
}

static bool evict_from(struct lwf_flow_table *table, unsigned class, uint64_t now_ns)
{
	struct lwf_flow_list *list = &table->classes[class];

	for (uint32_t i = 0; i < EVICT_LOOKS && i < list->count; i++) {
		struct lwf_flow *flow = &table->flows[list->head];

		if (may_go(flow, classes[class].worth, now_ns)) {
			lwf_flow_finish(table, flow, LWF_FLOW_END_EVICTED);
			return true;
		}
		leave_queue(table, flow);
		enter_queue(table, flow);
	}
	return false;
}

static bool evict(struct lwf_flow_table *table, uint64_t now_ns)
{
	unsigned fullest = LWF_FLOW_CLASSES;

	for (unsigned i = 0; i < LWF_FLOW_CLASSES; i++) {
		if (classes[i].worth == WORTH_CLOSED && evict_from(table, i, now_ns))
			return true;
		if (classes[i].worth == WORTH_EMBRYONIC &&
		    (fullest == LWF_FLOW_CLASSES ||
		     table->classes[i].count > table->classes[fullest].count))
			fullest = i;
	}
	if (evict_from(table, fullest, now_ns))
		return true;
	for (unsigned i = 0; i < LWF_FLOW_CLASSES; i++)
		if (classes[i].worth != WORTH_CLOSED && i != fullest &&
		    evict_from(table, i, now_ns))
			return true;
	return false;
}

bool lwf_flow_make_room(struct lwf_flow_table *table, uint64_t now_ns)
{
	uint32_t margin = table->config.flows / 16;

	if (table->stats.flows < table->config.flows - margin)
		return true;
	if (table->nesting < LWF_FLOW_NESTING && evict(table, now_ns))
		return true;
	return table->stats.flows < table->config.flows;
}

void lwf_flow_watch_level(struct lwf_flow_table *table)
{
	uint64_t used = table->stats.flows * 10, room = table->config.flows;

	if (!table->stats.emergency && used >= room * 9) {
		table->stats.emergency = true;
		table->stats.emergencies++;
		table->sweep = 0;
		lwf_flow_soon(table);
	} else if (table->stats.emergency && used <= room * 7) {
		table->stats.emergency = false;
		table->sweep = LWF_FLOW_NIL;
	}
}

/* ---- the timer ---- */

/** Ends @flow if it is due, else moves it to its deadline. @why: if it is. */
static void look_at(struct lwf_flow_table *table, struct lwf_flow *flow, uint64_t now_ns)
{
	uint64_t due_ns = deadline_ns(table, flow);

	if (flow->doomed)
		lwf_flow_finish(table, flow, LWF_FLOW_END_ABORTED);
	else if (due_ns <= now_ns && !flow->pins)
		lwf_flow_finish(table, flow,
				table->stats.emergency ? LWF_FLOW_END_EMERGENCY
						       : LWF_FLOW_END_TIMEOUT);
	else
		enter_wheel(table, flow, due_ns > now_ns ? due_ns : now_ns);
}

static bool turn_wheel(struct lwf_flow_table *table, uint64_t now_ns)
{
	uint64_t now_s = now_ns / LWF_FLOW_SECOND_NS;
	uint32_t looks = 0;

	if (now_s > LWF_FLOW_WHEEL_SLOTS && table->wheel_s < now_s - LWF_FLOW_WHEEL_SLOTS)
		table->wheel_s = now_s - LWF_FLOW_WHEEL_SLOTS;
	while (table->wheel_s < now_s) {
		uint32_t slot = (uint32_t)((table->wheel_s + 1) % LWF_FLOW_WHEEL_SLOTS);

		while (table->wheel[slot] != LWF_FLOW_NIL) {
			if (looks++ == LWF_FLOW_SWEEP)
				return false;
			look_at(table, &table->flows[table->wheel[slot]], now_ns);
		}
		table->wheel_s++;
	}
	return true;
}

/** An emergency has begun: everything is held against the short timeouts once. */
static bool sweep_all(struct lwf_flow_table *table, uint64_t now_ns)
{
	for (uint32_t i = 0; i < LWF_FLOW_SWEEP; i++) {
		if (table->sweep >= table->config.flows) {
			table->sweep = LWF_FLOW_NIL;
			return true;
		}
		if (table->flows[table->sweep].live)
			look_at(table, &table->flows[table->sweep], now_ns);
		if (table->sweep != LWF_FLOW_NIL) /* the emergency may be over now */
			table->sweep++;
	}
	return false;
}

static void tick(void *context)
{
	struct lwf_flow_table *table = context;
	uint64_t now_ns = lwf_host_now_ns(table->host);
	bool done;

	lwf_flow_run_later(table);
	done = turn_wheel(table, now_ns);
	if (!sweep_all(table, now_ns))
		done = false;
	if (!done)
		lwf_timer_set(&table->timer, LWF_FLOW_SECOND_NS / 1000);
	else if (table->stats.flows && !table->timer.armed)
		lwf_timer_set(&table->timer, LWF_FLOW_SECOND_NS);
}

void lwf_flow_soon(struct lwf_flow_table *table)
{
	lwf_timer_set(&table->timer, 0);
}

int lwf_flow_time_init(struct lwf_flow_table *table)
{
	table->sweep = LWF_FLOW_NIL;
	for (unsigned i = 0; i < LWF_FLOW_CLASSES; i++)
		table->classes[i].head = table->classes[i].tail = LWF_FLOW_NIL;
	table->wheel = lwf_host_alloc(table->host, LWF_FLOW_WHEEL_SLOTS * sizeof(*table->wheel));
	if (!table->wheel)
		return -1;
	for (uint32_t i = 0; i < LWF_FLOW_WHEEL_SLOTS; i++)
		table->wheel[i] = LWF_FLOW_NIL;
	return lwf_timer_init(&table->timer, table->host, tick, table);
}

void lwf_flow_time_fini(struct lwf_flow_table *table)
{
	lwf_timer_fini(&table->timer);
	lwf_host_free(table->host, table->wheel);
}
