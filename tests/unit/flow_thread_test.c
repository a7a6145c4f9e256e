/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_thread_test.c - other threads hold handles of flows and contexts, and have the loop thread use
 * them; flows end and places are used again meanwhile. For ThreadSanitizer as well.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "flowbed.h"

#define THREADS 4u
#define HANDLES 2000u

struct order {
	struct lwf_task task; /* first */
	uint64_t flow, context;
};

static struct lwf_host *host;
static struct lwf_flow_table *table;
static uint64_t callout;
static uint64_t made[HANDLES], attached[HANDLES]; /* written before the threads begin */
static uint32_t deletes, found, missed, done_orders;

static void flow_delete(void *user, enum lwf_flow_layer layer, uint64_t flow, uint64_t context,
			enum lwf_flow_end why)
{
	(void)user;
	(void)layer;
	(void)flow;
	(void)why;
	assert_true(context > 0 && context <= HANDLES);
	deletes++;
}

static const struct lwf_callout_ops ops = {
	.name = "threads", .layers = LAYER_BIT(LWF_LAYER_PACKET), .flow_delete = flow_delete};

static void obey(void *context)
{
	struct order *order = context;
	enum lwf_flow_result removed = lwf_flow_remove_context(table, order->context);
	enum lwf_flow_result ended = lwf_flow_abort(table, order->flow);

	if (ended == LWF_FLOW_OK)
		found++;
	else
		missed++;
	/* whose flow has ended has no context either */
	assert_true(removed == LWF_FLOW_OK || ended == LWF_FLOW_NOT_FOUND);
	free(order);
	if (++done_orders == THREADS * HANDLES)
		lwf_event_host_stop(host);
}

static void *give_orders(void *context)
{
	uint32_t begin = *(const uint32_t *)context;

	for (uint32_t i = 0; i < HANDLES; i++) {
		struct order *order = calloc(1, sizeof(*order));
		uint32_t which = (begin + i) % HANDLES;

		if (!order)
			abort();
		order->task.fn = obey;
		order->task.context = order;
		order->flow = made[which];
		order->context = attached[which];
		lwf_host_post(host, &order->task);
	}
	return NULL;
}

static void test_handles_in_other_threads(void **state)
{
	const struct lwf_flow_config config = {.flows = 4096};
	static const uint32_t begins[THREADS] = {0, 500, 1000, 1500};
	pthread_t threads[THREADS];

	(void)state;
	host = lwf_event_host_create(NULL);
	assert_non_null(host);
	table = lwf_flow_table_create(host, &config);
	assert_non_null(table);
	assert_int_equal(lwf_callout_register(table, &ops, NULL, &callout), LWF_FLOW_OK);
	for (uint32_t i = 0; i < HANDLES; i++) {
		struct flowbed bed = {.host = host, .table = table};

		made[i] = flowbed_udp(&bed, i);
		assert_int_equal(lwf_flow_associate(table, made[i], LWF_LAYER_PACKET, callout,
						    i + 1, &attached[i]),
				 LWF_FLOW_OK);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, give_orders,
						(void *)(uintptr_t)&begins[i]),
				 0);
	assert_int_equal(lwf_event_host_run(host), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(found, HANDLES); /* each handle was good once, for whoever came first */
	assert_int_equal(missed, (THREADS - 1) * HANDLES);
	assert_int_equal(deletes, HANDLES);
	lwf_flow_table_destroy(table);
	lwf_event_host_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_handles_in_other_threads)};

	return cmocka_run_group_tests_name("flow_thread", tests, NULL, NULL);
}
