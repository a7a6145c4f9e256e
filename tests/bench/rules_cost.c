/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_cost.c - nanoseconds per frame of the engine's path, with the rules or without.
 *
 * usage: rules_cost [--two] [--time SECONDS]
 *
 * The same file is linked twice: with the engine as it is (rules_cost), and with one whose path asks
 * none of the rules' questions (rules_cost_none, built with LWF_NO_RULES for this measurement alone).
 * The host's sends go in batches of 64 through the default stack, inject and monitor, to a simulated
 * device that answers inline, and home again. With --two they go through two modules instead that are
 * handed every frame both on its way down and on its way home, the most that a filter can ask for.
 * Prints one number. scripts/bench.sh --rules runs the two programs in turn.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"

#define BATCH  LWF_BATCH_MAX_FRAMES
#define CHUNKS 256u

static void pass_send(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_next_send(module, batch);
}

static void pass_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_send_complete(module, batch);
}

static lwf_status attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	lwf_module_set_context(module, module);
	return LWF_STATUS_SUCCESS;
}

static void detach(struct lwf_module *module)
{
	lwf_module_set_context(module, NULL);
}

static const struct lwf_filter_ops looker = {
	.name = "looker",
	.summary = "is handed every send, and passes it on",
	.attach = attach,
	.detach = detach,
	.send = pass_send,
	.send_complete = pass_complete,
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double measure(struct lwf_edge *upper, double seconds)
{
	static const uint8_t bytes[60];
	double begin = now_s(), end;
	double frames = 0;

	do {
		for (unsigned i = 0; i < CHUNKS; i++)
			if (lwf_sim_edge_inject_many(upper, bytes, sizeof(bytes), BATCH))
				abort();
		frames += CHUNKS * (double)BATCH;
		end = now_s();
	} while (end - begin < seconds);
	return (end - begin) * 1e9 / frames;
}

int main(int argc, char **argv)
{
	bool two = argc > 1 && !strcmp(argv[1], "--two");
	int left = argc - two;
	double seconds = left == 3 && !strcmp(argv[1 + two], "--time") ? atof(argv[2 + two]) : 0.5;
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_engine *engine = host ? lwf_engine_create(host) : NULL;
	struct lwf_edge *upper, *lower;
	struct lwf_stack *stack;
	char error[128];

	if (left != 1 && (left != 3 || seconds <= 0)) {
		fputs("usage: rules_cost [--two] [--time SECONDS]\n", stderr);
		return 2;
	}
	if (!engine || lwf_engine_register(engine, &looker) ||
	    lwf_sim_edge_create(host, "host", &upper) ||
	    lwf_sim_edge_create(host, "eth1", &lower) ||
	    lwf_stack_create(engine, "eth1", upper, lower, &stack) ||
	    lwf_stack_insert(stack, two ? "looker" : "inject", 0, NULL, error, sizeof(error)) ||
	    lwf_stack_insert(stack, two ? "looker" : "monitor", 1, NULL, error, sizeof(error)))
		return 1;
	lwf_stack_start(stack);
	lwf_sim_host_run_until(host, 1000000);
	measure(upper, seconds / 10); /* warm */
	printf("%.3f\n", measure(upper, seconds));
	if (lwf_engine_rules_broken(engine))
		abort();
	lwf_stack_close(stack, NULL, NULL);
	lwf_sim_host_run_until(host, 2000000000);
	lwf_engine_destroy(engine);
	lwf_sim_host_destroy(host);
	return 0;
}
