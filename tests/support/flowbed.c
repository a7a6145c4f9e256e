/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowbed.c - a flow table on a simulated host, and a callout that keeps books of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "flowbed.h"

static void books_classify(void *user, const struct lwf_classify *in, uint64_t context,
			   enum lwf_flow_action *action)
{
	struct books *books = user;

	books->classifies++;
	books->last_context = context;
	*action = books->says;
	if (books->on_classify)
		books->on_classify(books, in, context);
}

static void books_delete(void *user, enum lwf_flow_layer layer, uint64_t flow, uint64_t context,
			 enum lwf_flow_end why)
{
	struct books *books = user;

	(void)layer;
	assert_int_equal(books->closes, 0); /* FC-6: nothing after closed() */
	assert_true(context && context < FLOWBED_CONTEXTS);
	assert_int_equal(books->deleted[context], 0); /* FC-3: once */
	books->deleted[context]++;
	books->deletes++;
	books->last_flow = flow;
	books->last_context = context;
	books->last_why = why;
	if (books->on_delete)
		books->on_delete(books, flow, context);
}

static void books_ended(void *user, const struct lwf_flow_info *info, enum lwf_flow_end why)
{
	struct books *books = user;

	books->ends++;
	books->last_ended = *info;
	books->last_why = why;
	if (books->on_ended)
		books->on_ended(books, info->flow);
}

static void books_closed(void *user)
{
	struct books *books = user;

	assert_int_equal(books->closes, 0);
	books->closes++;
}

const struct lwf_callout_ops books_ops = {
	.name = "books",
	.layers = BOTH_LAYERS,
	.weight = 100,
	.classify = books_classify,
	.flow_delete = books_delete,
	.ended = books_ended,
	.closed = books_closed,
};

void flowbed_open(struct flowbed *bed, uint32_t flows, uint32_t contexts)
{
	const struct lwf_flow_config config = {.flows = flows, .contexts = contexts};

	bed->host = lwf_sim_host_create(1);
	assert_non_null(bed->host);
	bed->table = lwf_flow_table_create(bed->host, &config);
	assert_non_null(bed->table);
}

void flowbed_close(struct flowbed *bed)
{
	lwf_flow_table_destroy(bed->table);
	assert_int_equal(lwf_sim_host_allocations(bed->host), 0);
	lwf_sim_host_destroy(bed->host);
}

void flowbed_wait(struct flowbed *bed, uint64_t ns)
{
	lwf_sim_host_run_until(bed->host, lwf_host_now_ns(bed->host) + ns);
}

void books_open(struct flowbed *bed, struct books *books, const struct lwf_callout_ops *ops)
{
	memset(books, 0, sizeof(*books));
	books->bed = bed;
	books->says = LWF_ACTION_CONTINUE;
	books->deleted = calloc(FLOWBED_CONTEXTS, 1);
	assert_non_null(books->deleted);
	assert_int_equal(
		lwf_callout_register(bed->table, ops ? ops : &books_ops, books, &books->handle),
		LWF_FLOW_OK);
}

void books_free(struct books *books)
{
	assert_int_equal(books->closes, 1);
	free(books->deleted);
}

static enum lwf_flow_seen show(struct flowbed *bed, const struct talk *talk,
			       enum lwf_direction direction, uint64_t *flow)
{
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_build(talk, bytes);
	struct lwf_parsed parsed;
	uint64_t found;
	enum lwf_flow_seen seen;

	lwf_parse(bytes, len, 0, &parsed);
	seen = lwf_flow_track(bed->table, &parsed, direction, lwf_host_now_ns(bed->host), 1, len,
			      &found);
	if (flow)
		*flow = found;
	return seen;
}

enum lwf_flow_seen flowbed_send(struct flowbed *bed, const struct talk *talk, uint64_t *flow)
{
	return show(bed, talk, LWF_DIRECTION_SEND, flow);
}

enum lwf_flow_seen flowbed_receive(struct flowbed *bed, const struct talk *talk, uint64_t *flow)
{
	return show(bed, talk, LWF_DIRECTION_RECEIVE, flow);
}

uint64_t flowbed_udp(struct flowbed *bed, uint32_t number)
{
	const struct talk talk = {.protocol = 17,
				  .from = 1 + (number >> 16),
				  .to = 0xf000,
				  .from_port = (uint16_t)number,
				  .to_port = 53};
	uint64_t flow;

	flowbed_send(bed, &talk, &flow);
	return flow;
}

struct lwf_flow_stats flowbed_stats(const struct flowbed *bed)
{
	struct lwf_flow_stats stats;

	lwf_flow_stats(bed->table, &stats);
	assert_int_equal(stats.associates, stats.deletes + stats.contexts);
	return stats;
}

enum lwf_flow_action flowbed_classify(struct flowbed *bed, uint64_t flow, enum lwf_flow_layer layer)
{
	const struct lwf_classify in = {.table = bed->table, .flow = flow, .layer = (uint8_t)layer};

	return lwf_flow_classify(&in);
}
