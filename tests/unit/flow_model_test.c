/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_model_test.c - random operations on a flow table, beside a model that is too simple to be wrong.
 *
 * The model has an array of flows and one number for each (flow, layer, callout): 0 or the context. It
 * knows no handles, lists, generations or queues. Callbacks do random operations as well, to any depth
 * the dice allow. After each operation results, contexts and counts are compared; at the end each context
 * was deleted once. Eviction and timeouts are the table's choice: the model hears of them by the end event,
 * and checks that the flow was one that could go.
 *
 *	LWF_FLOW_SEED=N runs that seed alone; LWF_FLOW_SEEDS=N so many of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowbed.h"

#define KEYS	  48u /* more than there is room for */
#define ROOM	  32u
#define CALLOUTS  3u
#define STEPS	  3000u
#define DEPTH_MAX 4u

struct model_flow {
	uint64_t handle; /* 0: none */
	uint64_t context[LWF_LAYERS][CALLOUTS];
	uint64_t context_handle[LWF_LAYERS][CALLOUTS];
	uint32_t pins;
};

static struct flowbed bed;
static struct books books[CALLOUTS];
static bool open[CALLOUTS];
static struct model_flow flows[KEYS];
static uint64_t stale_flow, stale_context; /* some that are over */
static uint64_t next_context;
static uint64_t live_contexts; /* associated and not yet deleted */
static uint32_t depth;
static bool over;

static uint32_t draw(uint32_t below)
{
	return (uint32_t)(lwf_host_random(bed.host) % below);
}

static struct model_flow *find(uint64_t handle)
{
	for (uint32_t i = 0; i < KEYS; i++)
		if (flows[i].handle == handle && handle)
			return &flows[i];
	return NULL;
}

static void step(void);

static void maybe_step(void)
{
	if (over || depth >= DEPTH_MAX || draw(4))
		return;
	depth++;
	step();
	depth--;
}

static uint32_t index_of(const struct books *it)
{
	return (uint32_t)(it - books);
}

static void on_classify(struct books *it, const struct lwf_classify *in, uint64_t context)
{
	struct model_flow *flow = find(in->flow);

	assert_non_null(flow);
	assert_true(open[index_of(it)]);
	assert_int_equal(context, flow->context[in->layer][index_of(it)]);
	if (context)
		assert_int_equal(it->deleted[context], 0);
	maybe_step();
	if (context)
		assert_int_equal(it->deleted[context], 0); /* whatever was done: it is in use */
}

static void on_delete(struct books *it, uint64_t flow, uint64_t context)
{
	struct model_flow *its = find(flow);

	if (its) /* nobody can find it any more */
		for (uint32_t layer = 0; layer < LWF_LAYERS; layer++)
			assert_true(lwf_flow_context(bed.table, flow, (enum lwf_flow_layer)layer,
						     it->handle) != context);
	live_contexts--;
	maybe_step();
}

static void on_ended(struct books *it, uint64_t flow)
{
	struct model_flow *its = find(flow);

	if (!its)
		return; /* another callout has told already, or this is an abort */
	if (it->last_why != LWF_FLOW_END_ABORTED && it->last_why != LWF_FLOW_END_EXIT)
		assert_int_equal(its->pins, 0);
	stale_flow = flow;
	for (uint32_t layer = 0; layer < LWF_LAYERS; layer++)
		for (uint32_t c = 0; c < CALLOUTS; c++)
			if (its->context_handle[layer][c])
				stale_context = its->context_handle[layer][c];
	memset(its, 0, sizeof(*its));
	maybe_step();
}

static void do_track(void)
{
	uint32_t key = draw(KEYS);
	uint64_t had = flows[key].handle, flow = flowbed_udp(&bed, key);

	if (had && flows[key].handle == had)
		assert_true(flow == had);
	else if (flow && !find(flow) && !flows[key].handle)
		flows[key].handle = flow;
}

/** Half of the time a flow that lives, else one that is over. */
static uint64_t pick_flow(struct model_flow **its)
{
	struct model_flow *it = &flows[draw(KEYS)];

	*its = it->handle ? it : NULL;
	return it->handle ? it->handle : stale_flow;
}

static void do_associate(void)
{
	struct model_flow *its;
	uint64_t flow = pick_flow(&its), context = ++next_context, handle;
	uint32_t layer = draw(LWF_LAYERS), c = draw(CALLOUTS);
	enum lwf_flow_result result = lwf_flow_associate(
		bed.table, flow, (enum lwf_flow_layer)layer, books[c].handle, context, &handle);

	assert_true(context < FLOWBED_CONTEXTS);
	if (!open[c]) {
		assert_true(result == LWF_FLOW_CLOSING || result == LWF_FLOW_INVALID);
	} else if (!its) {
		assert_int_equal(result, LWF_FLOW_FLOW_GONE);
	} else if (its->context[layer][c]) {
		assert_int_equal(result, LWF_FLOW_EXISTS);
		assert_true(handle == its->context_handle[layer][c]);
	} else if (result != LWF_FLOW_NOMEM) {
		assert_int_equal(result, LWF_FLOW_OK);
		its->context[layer][c] = context;
		its->context_handle[layer][c] = handle;
		live_contexts++;
	} else {
		assert_true(live_contexts >= ROOM);
	}
}

static void do_remove(void)
{
	struct model_flow *its;
	uint64_t flow = pick_flow(&its), context;
	uint32_t layer = draw(LWF_LAYERS), c = draw(CALLOUTS), before;
	enum lwf_flow_result result;

	context = its ? its->context[layer][c] : 0;
	before = context ? books[c].deleted[context] : 0;
	if (context) {
		stale_context = its->context_handle[layer][c];
		its->context[layer][c] = its->context_handle[layer][c] = 0;
	}
	result = context && draw(2) ? lwf_flow_remove_context(bed.table, stale_context)
				    : lwf_flow_remove(bed.table, flow, (enum lwf_flow_layer)layer,
						      books[c].handle);
	if (!context) {
		assert_int_equal(result, LWF_FLOW_NOT_FOUND);
		return;
	}
	assert_int_equal(before, 0);
	assert_true(result == LWF_FLOW_OK || result == LWF_FLOW_DEFERRED);
	if (result == LWF_FLOW_OK)
		assert_int_equal(books[c].deleted[context], 1);
}

static void do_abort(void)
{
	struct model_flow *its;
	uint64_t flow = pick_flow(&its);
	enum lwf_flow_result result;

	result = lwf_flow_abort(bed.table, flow);
	if (!its) {
		assert_int_equal(result, LWF_FLOW_NOT_FOUND);
		return;
	}
	assert_true(result == LWF_FLOW_OK || result == LWF_FLOW_DEFERRED);
	if (result == LWF_FLOW_OK && its->handle == flow) /* nobody listened */
		memset(its, 0, sizeof(*its));
}

static void do_pin(void)
{
	struct model_flow *its;
	uint64_t flow = pick_flow(&its);

	if (draw(2) && its && its->pins < 2) {
		assert_int_equal(lwf_flow_pin(bed.table, flow), LWF_FLOW_OK);
		its->pins++;
		return;
	}
	assert_int_equal(lwf_flow_unpin(bed.table, flow), !its	      ? LWF_FLOW_NOT_FOUND
							  : its->pins ? LWF_FLOW_OK
								      : LWF_FLOW_INVALID);
	if (its && its->pins)
		its->pins--;
}

static void do_classify(void)
{
	struct model_flow *its;
	uint64_t flow = pick_flow(&its);
	uint32_t before = 0, after = 0;

	for (uint32_t c = 0; c < CALLOUTS; c++)
		before += books[c].classifies;
	flowbed_classify(&bed, flow, (enum lwf_flow_layer)draw(LWF_LAYERS));
	for (uint32_t c = 0; c < CALLOUTS; c++)
		after += books[c].classifies;
	if (!its)
		assert_int_equal(after, before);
}

static void forget_contexts_of(uint32_t c)
{
	for (uint32_t i = 0; i < KEYS; i++)
		for (uint32_t layer = 0; layer < LWF_LAYERS; layer++)
			flows[i].context[layer][c] = flows[i].context_handle[layer][c] = 0;
}

static void do_callout(void)
{
	uint32_t c = draw(CALLOUTS);

	if (draw(2)) {
		bool was_open = open[c];
		enum lwf_flow_result result;

		if (was_open)
			forget_contexts_of(c);
		result = lwf_flow_remove_all(bed.table, books[c].handle);
		if (!was_open && books[c].closes)
			assert_int_equal(result, LWF_FLOW_NOT_FOUND);
		return;
	}
	if (open[c] && draw(3) == 0) {
		open[c] = false;
		forget_contexts_of(c);
		if (lwf_callout_unregister(bed.table, books[c].handle) == LWF_FLOW_OK)
			assert_int_equal(books[c].closes, 1);
	} else if (!open[c] && books[c].closes == 1) {
		uint64_t old = books[c].handle;

		books[c].closes = 0;
		assert_int_equal(
			lwf_callout_register(bed.table, &books_ops, &books[c], &books[c].handle),
			LWF_FLOW_OK);
		assert_true(books[c].handle != old);
		assert_int_equal(lwf_callout_unregister(bed.table, old), LWF_FLOW_NOT_FOUND);
		open[c] = true;
	}
}

static void do_stale(void)
{
	struct lwf_flow_info info;

	if (stale_context)
		assert_int_equal(lwf_flow_remove_context(bed.table, stale_context),
				 LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_info(bed.table, stale_flow, &info), LWF_FLOW_NOT_FOUND);
	if (depth == 0)
		flowbed_wait(&bed, draw(4) * FLOWBED_S);
}

static void step(void)
{
	switch (draw(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		do_track();
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		do_associate();
		break;
	case 8:
	case 9:
		do_remove();
		break;
	case 10:
		do_abort();
		break;
	case 11:
		do_pin();
		break;
	case 12:
	case 13:
		do_classify();
		break;
	case 14:
		do_callout();
		break;
	default:
		do_stale();
	}
}

/** What the table says is what the model says. */
static void compare(void)
{
	uint32_t lives = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		if (!flows[i].handle)
			continue;
		lives++;
		for (uint32_t layer = 0; layer < LWF_LAYERS; layer++)
			for (uint32_t c = 0; c < CALLOUTS; c++)
				assert_int_equal(lwf_flow_context(bed.table, flows[i].handle,
								  (enum lwf_flow_layer)layer,
								  books[c].handle),
						 flows[i].context[layer][c]);
	}
	assert_int_equal(flowbed_stats(&bed).flows, lives);
	assert_int_equal(flowbed_stats(&bed).contexts, live_contexts);
}

static void run(uint64_t seed)
{
	const struct lwf_flow_config config = {.flows = ROOM, .contexts = ROOM};

	memset(flows, 0, sizeof(flows));
	stale_flow = stale_context = next_context = live_contexts = 0;
	depth = 0;
	over = false;
	bed.host = lwf_sim_host_create(seed);
	bed.table = lwf_flow_table_create(bed.host, &config);
	assert_non_null(bed.table);
	for (uint32_t c = 0; c < CALLOUTS; c++) {
		books_open(&bed, &books[c], NULL);
		books[c].on_classify = on_classify;
		books[c].on_delete = on_delete;
		books[c].on_ended = on_ended;
		open[c] = true;
	}
	for (uint32_t i = 0; i < STEPS; i++) {
		step();
		/* somebody has to listen for ends, or the model does not hear of them */
		if (!open[0] && !open[1] && !open[2])
			break;
		compare();
	}
	over = true;
	flowbed_close(&bed);
	assert_int_equal(live_contexts, 0);
	for (uint32_t c = 0; c < CALLOUTS; c++)
		books_free(&books[c]);
}

static void test_random_operations(void **state)
{
	const char *one = getenv("LWF_FLOW_SEED"), *many = getenv("LWF_FLOW_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	uint64_t seeds = one ? 1 : many ? strtoull(many, NULL, 0) : 300;

	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		print_message("LWF_FLOW_SEED=%llu\n", (unsigned long long)seed);
		run(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_operations)};

	return cmocka_run_group_tests_name("flow_model", tests, NULL, NULL);
}
