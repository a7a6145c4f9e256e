/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_context_test.c - contexts of flows: who owns one, when it is deleted, and that it is once.
 * FC-1 to FC-12 are the requirements that the crash at unload of a flow monitor and its kin taught.
 */
#include <stdlib.h>
#include <string.h>

#include "flowbed.h"

#define AUTH   LWF_LAYER_AUTH
#define PACKET LWF_LAYER_PACKET

static struct flowbed bed;
static struct books a, b;

static int fresh(void **state)
{
	(void)state;
	flowbed_open(&bed, 64, 0);
	books_open(&bed, &a, NULL);
	books_open(&bed, &b, NULL);
	return 0;
}

static void done(void)
{
	flowbed_close(&bed);
	books_free(&a);
	books_free(&b);
}

static enum lwf_flow_result attach(struct books *books, uint64_t flow, uint64_t context)
{
	return lwf_flow_associate(bed.table, flow, PACKET, books->handle, context, NULL);
}

/* FC-1: one context per flow, layer and callout; a second is an error that names the first. */
static void test_fc1_one_context(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1), first, second, other;

	(void)state;
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle, 1, &first), 0);
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle, 2, &second),
			 LWF_FLOW_EXISTS);
	assert_true(LWF_FLOW_EXISTS < 0);
	assert_true(first == second && first != 0);
	assert_int_equal(lwf_flow_context(bed.table, flow, PACKET, a.handle), 1);
	assert_int_equal(lwf_flow_associate(bed.table, flow, AUTH, a.handle, 3, &other), 0);
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, b.handle, 4, NULL), 0);
	assert_int_equal(flowbed_stats(&bed).contexts, 3);
	assert_int_equal(lwf_flow_remove_context(bed.table, second), LWF_FLOW_OK);
	assert_int_equal(a.last_context, 1); /* the handle of the second was that of the first */
	done();
	assert_int_equal(a.deletes, 2);
	assert_int_equal(b.deletes, 1);
}

static enum lwf_flow_result dice(void *context, enum lwf_flow_site site)
{
	static const enum lwf_flow_result forced[] = {LWF_FLOW_EXISTS, LWF_FLOW_NOMEM,
						      LWF_FLOW_FLOW_GONE, LWF_FLOW_CLOSING};
	uint64_t drawn = lwf_host_random(context);

	if (site != LWF_SITE_ASSOCIATE || (drawn & 1))
		return LWF_FLOW_OK;
	return forced[(drawn >> 1) % 4];
}

/* FC-2: what is not answered OK stays the caller's: a million associates, half of them refused. */
static void test_fc2_ownership_moves_on_ok(void **state)
{
	uint32_t taken = 0, kept = 0, removed = 0;

	(void)state;
	lwf_flow_set_fault(bed.table, dice, bed.host);
	for (uint32_t i = 0; i < 1000000; i++) {
		uint64_t context = i % (FLOWBED_CONTEXTS - 1) + 1, flow = flowbed_udp(&bed, i % 40);
		uint32_t before = a.deletes;

		if (attach(&a, flow, context) == LWF_FLOW_OK)
			taken++;
		else
			kept++;
		assert_int_equal(a.deletes, before); /* whoever is refused frees it himself */
		if (i % 3 == 0 && lwf_flow_remove(bed.table, flow, PACKET, a.handle) == LWF_FLOW_OK)
			removed++;
		if (i % 1000 == 0) {
			assert_int_equal(flowbed_stats(&bed).associates, taken);
			assert_int_equal(flowbed_stats(&bed).contexts, taken - removed);
		}
	}
	assert_true(taken > 100000 && kept > 400000);
	lwf_flow_set_fault(bed.table, NULL, NULL);
	done();
	assert_int_equal(a.deletes, taken);
}

/* FC-3: deleted exactly once, whatever ends first. */
static void test_fc3_each_end_deletes_once(void **state)
{
	const struct talk tcp = {.protocol = 6,
				 .from = 1,
				 .to = 2,
				 .from_port = 9,
				 .to_port = 80,
				 .flags = TALK_SYN,
				 .seq = 5};
	struct talk again = tcp;
	uint64_t flow = flowbed_udp(&bed, 1), other;

	(void)state;
	/* remove */
	assert_int_equal(attach(&a, flow, 1), 0);
	assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle), LWF_FLOW_OK);
	assert_int_equal(a.deletes, 1);
	assert_int_equal(a.last_why, LWF_FLOW_END_REMOVED);
	/* abort */
	assert_int_equal(attach(&a, flow, 2), 0);
	assert_int_equal(attach(&b, flow, 3), 0);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_OK);
	assert_int_equal(a.deletes, 2);
	assert_int_equal(b.deletes, 1);
	assert_int_equal(a.last_why, LWF_FLOW_END_ABORTED);
	/* the natural end */
	flow = flowbed_udp(&bed, 2);
	assert_int_equal(attach(&a, flow, 4), 0);
	flowbed_wait(&bed, 32 * FLOWBED_S);
	assert_int_equal(a.deletes, 3);
	assert_int_equal(a.last_why, LWF_FLOW_END_TIMEOUT);
	/* reuse of the ends */
	flowbed_send(&bed, &tcp, &flow);
	assert_int_equal(attach(&a, flow, 5), 0);
	again.seq = 6;
	flowbed_send(&bed, &again, &other);
	assert_true(other != flow);
	assert_int_equal(a.last_why, LWF_FLOW_END_REUSED);
	assert_int_equal(a.deletes, 4);
	/* eviction */
	flow = flowbed_udp(&bed, 3);
	assert_int_equal(attach(&a, flow, 6), 0);
	for (uint32_t i = 100; i < 300; i++)
		flowbed_udp(&bed, i);
	assert_int_equal(a.deletes, 5);
	assert_int_equal(a.last_why, LWF_FLOW_END_EVICTED);
	/* unregister */
	assert_int_equal(attach(&a, flowbed_udp(&bed, 299), 7), 0);
	assert_int_equal(lwf_callout_unregister(bed.table, a.handle), LWF_FLOW_OK);
	assert_int_equal(a.last_why, LWF_FLOW_END_CALLOUT);
	assert_int_equal(a.deletes, 6);
	/* exit */
	assert_int_equal(attach(&b, flowbed_udp(&bed, 299), 8), 0);
	done();
	assert_int_equal(b.deletes, 2);
	assert_int_equal(b.last_why, LWF_FLOW_END_EXIT);
}

/* FC-4: stale handles find nothing, also when the place was used 2^16 times since. */
static void test_fc4_stale_handles(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1), context, next;

	(void)state;
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle, 1, &context), 0);
	assert_int_equal(lwf_flow_remove_context(bed.table, context), LWF_FLOW_OK);
	assert_int_equal(lwf_flow_remove_context(bed.table, context), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_OK);
	for (uint32_t i = 0; i < 70000; i++) {
		uint64_t young = flowbed_udp(&bed, i);

		assert_true(young != flow);
		assert_int_equal(young & 0xfffff, flow & 0xfffff); /* the same place */
		assert_int_equal(
			lwf_flow_associate(bed.table, young, PACKET, a.handle, 2 + i, &next), 0);
		assert_int_equal(next & 0xfffff, context & 0xfffff);
		assert_int_equal(lwf_flow_remove_context(bed.table, context), LWF_FLOW_NOT_FOUND);
		assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_NOT_FOUND);
		assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle),
				 LWF_FLOW_NOT_FOUND);
		assert_int_equal(attach(&a, flow, 1), LWF_FLOW_FLOW_GONE);
		assert_int_equal(lwf_flow_context(bed.table, young, PACKET, a.handle), 2 + i);
		assert_int_equal(lwf_flow_abort(bed.table, young), LWF_FLOW_OK);
	}
	assert_int_equal(lwf_flow_abort(bed.table, 0), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_abort(bed.table, UINT64_MAX), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_remove_context(bed.table, UINT64_MAX), LWF_FLOW_NOT_FOUND);
	done();
}

/* FC-5: the engine has the list: everything of a callout goes in one call, and nothing else. */
static void test_fc5_remove_all(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 20; i++) {
		uint64_t flow = flowbed_udp(&bed, i);

		assert_int_equal(attach(&a, flow, i), 0);
		assert_int_equal(attach(&b, flow, i), 0);
		assert_int_equal(lwf_flow_associate(bed.table, flow, AUTH, a.handle, 100 + i, NULL),
				 0);
	}
	assert_int_equal(lwf_flow_remove_all(bed.table, a.handle), LWF_FLOW_OK);
	assert_int_equal(a.deletes, 40);
	assert_int_equal(b.deletes, 0);
	assert_int_equal(flowbed_stats(&bed).contexts, 20);
	assert_int_equal(lwf_flow_remove_all(bed.table, a.handle), LWF_FLOW_OK);
	assert_int_equal(attach(&a, flowbed_udp(&bed, 1), 999), 0); /* it goes on */
	assert_int_equal(lwf_callout_unregister(bed.table, a.handle), LWF_FLOW_OK);
	assert_int_equal(lwf_flow_remove_all(bed.table, a.handle), LWF_FLOW_NOT_FOUND);
	done();
	assert_int_equal(a.deletes, 41);
}

static void unregister_inside(struct books *books, const struct lwf_classify *in, uint64_t context)
{
	assert_int_equal(context, 1);
	assert_int_equal(lwf_callout_unregister(in->table, books->handle), LWF_FLOW_BUSY);
	assert_int_equal(lwf_callout_unregister(in->table, books->handle), LWF_FLOW_BUSY);
	assert_int_equal(books->closes, 0);
	assert_int_equal(books->deleted[1], 0); /* it is in use */
	assert_int_equal(books->deleted[2], 1);
	assert_int_equal(lwf_flow_associate(in->table, in->flow, AUTH, books->handle, 9, NULL),
			 LWF_FLOW_CLOSING);
}

/* FC-6: unregister under traffic: no new contexts, the classify ends, contexts drain, one event. */
static void test_fc6_unregister_under_traffic(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);
	uint32_t classifies;

	(void)state;
	assert_int_equal(attach(&a, flow, 1), 0);
	assert_int_equal(attach(&a, flowbed_udp(&bed, 2), 2), 0);
	a.on_classify = unregister_inside;
	flowbed_classify(&bed, flow, PACKET);
	assert_int_equal(a.closes, 1);
	assert_int_equal(a.deletes, 2);
	classifies = a.classifies;
	flowbed_classify(&bed, flow, PACKET);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_OK);
	assert_int_equal(a.classifies, classifies);
	assert_int_equal(a.ends, 0);
	assert_int_equal(lwf_callout_unregister(bed.table, a.handle), LWF_FLOW_NOT_FOUND);
	done();
}

static void look_while_it_ends(struct books *books, uint64_t flow)
{
	struct lwf_flow_info info;

	/* from the first moment at which anybody hears of it, nobody finds it */
	assert_int_equal(lwf_flow_info(books->bed->table, flow, &info), LWF_FLOW_NOT_FOUND);
	assert_int_equal(attach(books, flow, 77), LWF_FLOW_FLOW_GONE);
	assert_int_equal(lwf_flow_context(books->bed->table, flow, PACKET, books->handle), 0);
}

static void look_while_deleted(struct books *books, uint64_t flow, uint64_t context)
{
	(void)context;
	look_while_it_ends(books, flow);
}

/* FC-7: whoever can see a context at all sees it whole: on its flow, in its callout's books, counted. */
static void test_fc7_no_window(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1), handle;

	(void)state;
	a.on_ended = b.on_ended = look_while_it_ends;
	a.on_delete = b.on_delete = look_while_deleted;
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle, 1, &handle), 0);
	assert_int_equal(lwf_flow_context(bed.table, flow, PACKET, a.handle), 1);
	assert_int_equal(flowbed_stats(&bed).contexts, 1);
	assert_int_equal(attach(&b, flow, 2), 0);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_OK);
	assert_int_equal(a.deletes + b.deletes, 2);
	assert_int_equal(a.ends + b.ends, 2);
	done();
}

static enum lwf_flow_site fault_site;
static enum lwf_flow_result fault_result;

static enum lwf_flow_result one_fault(void *context, enum lwf_flow_site site)
{
	(void)context;
	return site == fault_site ? fault_result : LWF_FLOW_OK;
}

static void fault(enum lwf_flow_site site, enum lwf_flow_result result)
{
	fault_site = site;
	fault_result = result;
	lwf_flow_set_fault(bed.table, one_fault, NULL);
}

/* FC-8: each call site can be made to answer each status, and keeps what that status promises. */
static void test_fc8_faults(void **state)
{
	const struct talk talk = {.protocol = 17, .from = 1, .to = 2};
	uint64_t flow = flowbed_udp(&bed, 1), handle = 1;

	(void)state;
	fault(LWF_SITE_TRACK, LWF_FLOW_NOMEM);
	assert_int_equal(flowbed_send(&bed, &talk, &handle), LWF_FLOW_SEEN_UNTRACKED);
	assert_true(handle == 0);
	fault(LWF_SITE_REGISTER, LWF_FLOW_NOMEM);
	assert_int_equal(lwf_callout_register(bed.table, &books_ops, &a, &handle), LWF_FLOW_NOMEM);
	for (enum lwf_flow_result result = LWF_FLOW_EXISTS; result >= LWF_FLOW_NOMEM; result--) {
		fault(LWF_SITE_ASSOCIATE, result);
		assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle, 1, &handle),
				 result);
		assert_true(handle == 0);
		assert_int_equal(flowbed_stats(&bed).associates, 0);
	}
	lwf_flow_set_fault(bed.table, NULL, NULL);
	assert_int_equal(attach(&a, flow, 1), 0);
	fault(LWF_SITE_REMOVE, LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_context(bed.table, flow, PACKET, a.handle), 1);
	fault(LWF_SITE_REMOVE, LWF_FLOW_DEFERRED);
	assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle), LWF_FLOW_DEFERRED);
	assert_int_equal(a.deletes, 0);
	assert_int_equal(lwf_flow_context(bed.table, flow, PACKET, a.handle), 0);
	assert_int_equal(attach(&a, flow, 2), 0); /* the place is free at once */
	flowbed_wait(&bed, 1);
	assert_int_equal(a.deletes, 1);
	fault(LWF_SITE_ABORT, LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_NOT_FOUND);
	fault(LWF_SITE_UNREGISTER, LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_callout_unregister(bed.table, a.handle), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_flow_context(bed.table, flow, PACKET, a.handle), 2);
	fault(LWF_SITE_UNREGISTER, LWF_FLOW_BUSY);
	assert_int_equal(lwf_callout_unregister(bed.table, a.handle), LWF_FLOW_BUSY);
	assert_int_equal(a.closes, 0);
	flowbed_wait(&bed, 1);
	assert_int_equal(a.closes, 1);
	lwf_flow_set_fault(bed.table, NULL, NULL);
	done();
}

/* FC-9: eviction is the table's, ends in the delete callback, and names its reason; room is bounded. */
static void test_fc9_eviction(void **state)
{
	struct lwf_flow_stats stats;

	(void)state;
	for (uint32_t i = 1; i <= 5000; i++)
		assert_int_equal(attach(&a, flowbed_udp(&bed, i), i), 0);
	stats = flowbed_stats(&bed);
	assert_true(stats.flows <= 64 && stats.contexts == stats.flows);
	assert_int_equal(a.deletes, 5000 - stats.contexts);
	assert_int_equal(stats.ended[LWF_FLOW_END_EVICTED], a.deletes);
	assert_int_equal(a.last_why, LWF_FLOW_END_EVICTED);
	assert_int_equal(a.deleted[5000], 0); /* the oldest go, not the newest */
	assert_int_equal(a.deleted[1], 1);
	done();
}

static uint32_t depth, deepest;

static void reenter(struct books *books, uint64_t flow, uint64_t context)
{
	struct lwf_flow_table *table = books->bed->table;
	uint64_t other;

	(void)flow;
	/* its own: gone; on another flow: welcome; and whole flows may be ended from here */
	assert_int_equal(lwf_flow_remove(table, flow, PACKET, books->handle), LWF_FLOW_NOT_FOUND);
	if (context >= 500)
		return;
	depth++;
	deepest = depth > deepest ? depth : deepest;
	other = flowbed_udp(books->bed, (uint32_t)context + 1000);
	assert_int_equal(attach(books, other, context + 1), 0);
	assert_true(lwf_flow_abort(table, other) >= 0); /* and that deletes, in which ... */
	depth--;
}

/* FC-10: callbacks may call anything, as deep as they like; the stack does not grow with it. */
static void test_fc10_reentry(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	a.on_delete = reenter;
	assert_int_equal(attach(&a, flow, 1), 0);
	assert_int_equal(lwf_flow_remove(bed.table, flow, PACKET, a.handle), LWF_FLOW_OK);
	for (uint32_t i = 0; i < 200; i++)
		flowbed_wait(&bed, FLOWBED_S);
	assert_int_equal(a.deletes, 500);
	assert_true(deepest > 1 && deepest <= 16);
	a.on_delete = NULL;
	done();
}

static void remove_next(struct books *books, uint64_t flow, uint64_t context)
{
	enum lwf_flow_result result;

	(void)flow;
	if (context == 50)
		return;
	depth++;
	deepest = depth > deepest ? depth : deepest;
	result = lwf_flow_remove(books->bed->table, flowbed_udp(books->bed, (uint32_t)context + 1),
				 PACKET, books->handle);
	assert_true(result == LWF_FLOW_OK || result == LWF_FLOW_DEFERRED);
	depth--;
}

/* FC-10: the same when each deletion removes the context of another flow. */
static void test_fc10_removal_in_removal(void **state)
{
	(void)state;
	depth = deepest = 0;
	a.on_delete = remove_next;
	for (uint32_t i = 1; i <= 50; i++)
		assert_int_equal(attach(&a, flowbed_udp(&bed, i), i), 0);
	assert_int_equal(lwf_flow_remove(bed.table, flowbed_udp(&bed, 1), PACKET, a.handle),
			 LWF_FLOW_OK);
	flowbed_wait(&bed, FLOWBED_S);
	assert_int_equal(a.deletes, 50);
	assert_true(deepest > 1 && deepest <= 16);
	done();
}

static uint64_t chain[50];

static void abort_next(struct books *books, uint64_t flow)
{
	uint32_t i = 0;

	while (chain[i] != flow)
		i++;
	if (++i == 50)
		return;
	depth++;
	deepest = depth > deepest ? depth : deepest;
	assert_true(lwf_flow_abort(books->bed->table, chain[i]) >= 0);
	depth--;
}

/* FC-10: and when the end of each flow aborts another. Those too deep end a moment later. */
static void test_fc10_abort_in_end(void **state)
{
	(void)state;
	depth = deepest = 0;
	for (uint32_t i = 0; i < 50; i++)
		chain[i] = flowbed_udp(&bed, i);
	a.on_ended = abort_next;
	assert_int_equal(lwf_flow_abort(bed.table, chain[0]), LWF_FLOW_OK);
	flowbed_wait(&bed, 10 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).ended[LWF_FLOW_END_ABORTED], 50);
	assert_true(deepest > 1 && deepest <= 16);
	a.on_ended = NULL;
	done();
}

static void read_optional(struct books *books, const struct lwf_classify *in, uint64_t context)
{
	uint64_t value = 1;

	(void)books;
	(void)context;
	assert_int_equal(lwf_classify_get(in, LWF_FIELD_FRAME, &value), LWF_FLOW_NOT_FOUND);
	assert_true(value == 0);
	assert_int_equal(lwf_classify_get(in, LWF_FIELD_SEEN, &value), LWF_FLOW_OK);
	assert_int_equal(value, LWF_FLOW_SEEN_REAUTH);
	assert_int_equal(lwf_classify_get(in, (enum lwf_flow_field)31, &value), LWF_FLOW_NOT_FOUND);
	assert_int_equal(lwf_classify_get(in, (enum lwf_flow_field)99, &value), LWF_FLOW_NOT_FOUND);
}

/* FC-11: what is absent has no bit, and reading it is an error, not a number. */
static void test_fc11_presence(void **state)
{
	const struct lwf_classify in = {.table = bed.table,
					.flow = flowbed_udp(&bed, 1),
					.layer = PACKET,
					.seen = LWF_FLOW_SEEN_REAUTH,
					.direction = LWF_DIRECTION_RECEIVE,
					.present = 1u << LWF_FIELD_SEEN | 1u << 31};

	(void)state;
	a.on_classify = read_optional;
	lwf_flow_classify(&in);
	assert_int_equal(a.classifies, 1);
	done();
}

/* FC-12: no action is CONTINUE, and is counted. */
static void test_fc12_no_action(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	a.says = LWF_ACTION_NONE;
	b.says = LWF_ACTION_PERMIT;
	assert_int_equal(flowbed_classify(&bed, flow, PACKET), LWF_ACTION_PERMIT);
	assert_int_equal(flowbed_stats(&bed).classify_no_action, 1);
	b.says = LWF_ACTION_NONE;
	assert_int_equal(flowbed_classify(&bed, flow, PACKET), LWF_ACTION_CONTINUE);
	assert_int_equal(flowbed_stats(&bed).classify_no_action, 3);
	done();
}

static void remove_inside(struct books *books, const struct lwf_classify *in, uint64_t context)
{
	assert_int_equal(context, 1);
	assert_int_equal(lwf_flow_remove(in->table, in->flow, PACKET, books->handle),
			 LWF_FLOW_DEFERRED);
	assert_int_equal(books->deletes, 0);
	assert_int_equal(lwf_flow_remove(in->table, in->flow, PACKET, books->handle),
			 LWF_FLOW_NOT_FOUND);
	assert_int_equal(attach(books, in->flow, 2), LWF_FLOW_OK);
	books->on_classify = NULL;
	flowbed_classify(books->bed, in->flow, PACKET);
	assert_int_equal(books->last_context, 2);
	assert_int_equal(books->deletes, 0); /* the outer one still has the first */
}

/* A context that is removed while it is used is deleted when that use ends, and not before. */
static void test_removal_during_classify_is_deferred(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	assert_int_equal(attach(&a, flow, 1), 0);
	a.on_classify = remove_inside;
	flowbed_classify(&bed, flow, PACKET);
	assert_int_equal(a.deletes, 1);
	assert_int_equal(a.deleted[1], 1);
	done();
}

static void abort_inside(struct books *books, const struct lwf_classify *in, uint64_t context)
{
	(void)context;
	assert_int_equal(lwf_flow_abort(in->table, in->flow), LWF_FLOW_OK);
	assert_int_equal(books->deletes, 0);
}

/* A flow that is aborted in its own classify is asked of no further callout. */
static void test_abort_during_classify(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	assert_int_equal(attach(&a, flow, 1), 0);
	assert_int_equal(attach(&b, flow, 1), 0);
	a.on_classify = abort_inside;
	flowbed_classify(&bed, flow, PACKET);
	assert_int_equal(a.deletes, 1);
	assert_int_equal(b.deletes, 1);
	assert_int_equal(b.classifies, 0);
	done();
}

/* The heavier is asked first; BLOCK is final; conditional callouts see flows with a context alone. */
static void test_arbitration(void **state)
{
	struct lwf_callout_ops heavy = books_ops, picky = books_ops;
	struct books c, d;
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	heavy.weight = 200;
	heavy.layers = LAYER_BIT(PACKET);
	picky.flags = LWF_CALLOUT_CONDITIONAL_ON_FLOW;
	books_open(&bed, &c, &heavy);
	books_open(&bed, &d, &picky);
	a.says = LWF_ACTION_PERMIT;
	c.says = LWF_ACTION_BLOCK;
	assert_int_equal(flowbed_classify(&bed, flow, PACKET), LWF_ACTION_BLOCK);
	assert_int_equal(a.classifies, 0);
	assert_int_equal(flowbed_classify(&bed, flow, AUTH), LWF_ACTION_PERMIT);
	assert_int_equal(c.classifies, 1);
	assert_int_equal(d.classifies, 0);
	assert_int_equal(attach(&d, flow, 1), 0);
	c.says = LWF_ACTION_PERMIT;
	d.says = LWF_ACTION_BLOCK; /* a veto over an earlier permit */
	assert_int_equal(flowbed_classify(&bed, flow, PACKET), LWF_ACTION_BLOCK);
	assert_int_equal(d.classifies, 1);
	done();
	books_free(&c);
	books_free(&d);
}

static void test_wrong_uses(void **state)
{
	struct lwf_callout_ops bare = books_ops;
	uint64_t flow = flowbed_udp(&bed, 1), handle;

	(void)state;
	assert_int_equal(attach(&a, flow, 0), LWF_FLOW_INVALID);
	assert_int_equal(lwf_flow_associate(bed.table, flow, LWF_LAYERS, a.handle, 1, NULL),
			 LWF_FLOW_INVALID);
	assert_int_equal(lwf_flow_associate(bed.table, flow, PACKET, a.handle + 9, 1, NULL),
			 LWF_FLOW_INVALID);
	bare.layers = 0;
	assert_int_equal(lwf_callout_register(bed.table, &bare, NULL, &handle), LWF_FLOW_INVALID);
	bare.layers = LAYER_BIT(AUTH);
	bare.flow_delete = NULL;
	bare.closed = NULL;
	bare.ended = NULL;
	for (uint32_t i = 2; i < LWF_CALLOUTS_MAX; i++) {
		assert_int_equal(lwf_callout_register(bed.table, &bare, NULL, &handle), 0);
		assert_int_equal(lwf_flow_associate(bed.table, flow, AUTH, handle, 1, NULL),
				 LWF_FLOW_INVALID);
	}
	assert_int_equal(lwf_callout_register(bed.table, &books_ops, NULL, &handle),
			 LWF_FLOW_NOMEM);
	assert_int_equal(lwf_flow_unpin(bed.table, flow), LWF_FLOW_INVALID);
	assert_string_equal(lwf_flow_result_name(LWF_FLOW_FLOW_GONE), "flow-gone");
	assert_string_equal(lwf_flow_result_name((enum lwf_flow_result) - 99), "?");
	done();
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fc1_one_context),
		TEST(test_fc2_ownership_moves_on_ok),
		TEST(test_fc3_each_end_deletes_once),
		TEST(test_fc4_stale_handles),
		TEST(test_fc5_remove_all),
		TEST(test_fc6_unregister_under_traffic),
		TEST(test_fc7_no_window),
		TEST(test_fc8_faults),
		TEST(test_fc9_eviction),
		TEST(test_fc10_reentry),
		TEST(test_fc10_removal_in_removal),
		TEST(test_fc10_abort_in_end),
		TEST(test_fc11_presence),
		TEST(test_fc12_no_action),
		TEST(test_removal_during_classify_is_deferred),
		TEST(test_abort_during_classify),
		TEST(test_arbitration),
		TEST(test_wrong_uses),
	};

	return cmocka_run_group_tests_name("flow_context", tests, NULL, NULL);
}
