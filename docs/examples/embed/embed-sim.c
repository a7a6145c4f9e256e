/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * embed-sim.c - an engine in your own program, without a kernel: one frame from one simulated device
 * through filter monitor to another, in virtual time. It needs no rights.
 *
 *	up0 > [ monitor ] > low0
 */
#include <stdio.h>

#include <lwf/edges.h>
#include <lwf/hosts.h>
#include <lwf/stack.h>

static void left(void *context, const struct lwf_frame *frame)
{
	printf("low0 was handed %u bytes, answer %s\n", frame->len, lwf_status_name(frame->status));
	*(unsigned *)context += 1;
}

int main(void)
{
	unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_engine *engine = host ? lwf_engine_create(host) : NULL;
	struct lwf_edge *upper, *lower;
	struct lwf_module *module;
	struct lwf_stack *stack;
	unsigned frames = 0;
	char error[128];

	if (!engine || lwf_sim_edge_create(host, "up0", &upper) ||
	    lwf_sim_edge_create(host, "low0", &lower) ||
	    lwf_stack_create(engine, "s0", upper, lower, &stack) ||
	    lwf_stack_insert(stack, "monitor", 0, &module, error, sizeof(error)))
		return 1;
	lwf_sim_edge_on_transmit(lower, left, &frames);
	lwf_stack_start(stack);
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1000000);
	printf("the stack is %s\n", lwf_state_name(lwf_stack_state(stack)));
	if (lwf_sim_edge_inject(upper, bytes, sizeof(bytes)))
		return 1;
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1000000);
	lwf_stack_close(stack, NULL, NULL); /* and both edges with it */
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1000000);
	printf("rules broken: %llu\n", (unsigned long long)lwf_engine_rules_broken(engine));
	lwf_engine_destroy(engine);
	lwf_sim_host_destroy(host);
	return frames == 1 ? 0 : 1;
}
