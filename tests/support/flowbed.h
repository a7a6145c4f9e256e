/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flowbed.h - a flow table on a simulated host, and a callout that keeps books of its own.
 */
#ifndef LWF_TEST_FLOWBED_H
#define LWF_TEST_FLOWBED_H

#include "rig.h"
#include "talk.h"

#include <lwf/flow.h>

#define FLOWBED_S	 1000000000ull
#define FLOWBED_CONTEXTS (1u << 20)
#define LAYER_BIT(layer) (1u << (layer))
#define BOTH_LAYERS	 (LAYER_BIT(LWF_LAYER_AUTH) | LAYER_BIT(LWF_LAYER_PACKET))

struct flowbed {
	struct lwf_host *host;
	struct lwf_flow_table *table;
};

/** One callout. Contexts are numbers below FLOWBED_CONTEXTS; what became of each is in @deleted. */
struct books {
	struct flowbed *bed;
	uint64_t handle;
	uint8_t *deleted; /* by context: how often */
	uint32_t deletes, classifies, closes, ends;
	uint64_t last_context, last_flow;
	enum lwf_flow_end last_why;
	struct lwf_flow_info last_ended;
	enum lwf_flow_action says;
	/* what a callback does besides; may be NULL */
	void (*on_classify)(struct books *books, const struct lwf_classify *in, uint64_t context);
	void (*on_delete)(struct books *books, uint64_t flow, uint64_t context);
	void (*on_ended)(struct books *books, uint64_t flow);
};

extern const struct lwf_callout_ops books_ops;

/** A table of @flows and @contexts; 0: the defaults. */
void flowbed_open(struct flowbed *bed, uint32_t flows, uint32_t contexts);
/** Destroys the table and the host: nothing may be left. */
void flowbed_close(struct flowbed *bed);
void flowbed_wait(struct flowbed *bed, uint64_t ns);

/** Registers @books with @ops (NULL: books_ops). */
void books_open(struct flowbed *bed, struct books *books, const struct lwf_callout_ops *ops);
void books_free(struct books *books);

/** Shows the table the frame of @talk as sent (or received); the flow is in *@flow if not NULL. */
enum lwf_flow_seen flowbed_send(struct flowbed *bed, const struct talk *talk, uint64_t *flow);
enum lwf_flow_seen flowbed_receive(struct flowbed *bed, const struct talk *talk, uint64_t *flow);

/** A flow of UDP from host 1 to host 2 of port @number; the same for the same number. */
uint64_t flowbed_udp(struct flowbed *bed, uint32_t number);

struct lwf_flow_stats flowbed_stats(const struct flowbed *bed);

/** What classify of @flow at @layer says. */
enum lwf_flow_action flowbed_classify(struct flowbed *bed, uint64_t flow,
				      enum lwf_flow_layer layer);

#endif
