/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_pause.c - the command lwf-one-pause: one pause with three frames in flight, step by step.
 *
 * The first page for a driver developer. A filter of its own (`sender`, all of it is here) sits in a real
 * stack between two simulated edges. It originates three frames that the device keeps; then the
 * stack is paused, the frames come home one by one, and the last one completes the pause. After each step
 * the gate's word is printed, taken apart, with the ids of the rules that the step is about
 * (docs/rules.md). The engine judges all its rules meanwhile; the end is 0 only if none was broken and
 * every value is the one that the protocol demands.
 *
 *	lwf-one-pause           all steps
 *	lwf-one-pause --step    waits for Enter after each
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwf/gate.h>
#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"

/* ---- the filter: what a driver that originates sends has to do for pause and restart ---- */

static struct sender {
	struct lwf_gate gate;
	struct lwf_pool *pool;
	struct lwf_module *module;
	uint32_t answered, refused;
	bool completed_pause; /* the frame that came home last had to complete a pause */
} sender;

static lwf_status sender_attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	sender.pool = lwf_pool_create(lwf_module_host(module), 8, 128);
	if (!sender.pool)
		return LWF_STATUS_RESOURCES;
	lwf_gate_init(&sender.gate);
	sender.module = module;
	lwf_module_set_context(module, &sender);
	return LWF_STATUS_SUCCESS;
}

static void sender_detach(struct lwf_module *module)
{
	lwf_pool_destroy(sender.pool);
	lwf_module_set_context(module, NULL);
}

static lwf_status sender_pause(struct lwf_module *module)
{
	(void)module;
	return lwf_gate_close(&sender.gate) ? LWF_STATUS_SUCCESS : LWF_STATUS_PENDING;
}

static lwf_status sender_restart(struct lwf_module *module)
{
	(void)module;
	lwf_gate_open(&sender.gate); /* the last act */
	return LWF_STATUS_SUCCESS;
}

static void sender_send_complete(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	if (batch->head)
		lwf_send_complete(module, batch); /* frames of others go on up */
	if (!own.head)
		return;

	const uint32_t n = own.count;

	sender.answered += n;
	lwf_pool_give_batch(&own); /* first home to the pool, only then out of the gate */
	sender.completed_pause = lwf_gate_leave(&sender.gate, n);
	if (sender.completed_pause)
		lwf_pause_complete(module); /* and nothing of the module is touched after it */
}

/* Originates @n frames, or answers PAUSED to all of them. */
static bool sender_originate(uint32_t n)
{
	struct lwf_batch batch;

	if (!lwf_gate_enter(&sender.gate, n)) {
		sender.refused += n;
		return false;
	}
	lwf_batch_init(&batch);
	for (uint32_t i = 0; i < n; i++) {
		struct lwf_frame *frame = lwf_pool_take(
			sender.pool, lwf_module_handle(sender.module), LWF_DIRECTION_SEND);

		if (!frame)
			abort(); /* the pool is larger than what this program originates */
		frame->len = 60;
		memset(frame->data, 0, frame->len);
		lwf_batch_push(&batch, frame);
	}
	lwf_next_send(sender.module, &batch);
	return true;
}

static const struct lwf_filter_ops sender_ops = {
	.name = "sender",
	.summary = "originates frames when it is told to",
	.traits = LWF_FILTER_ORIGINATES,
	.attach = sender_attach,
	.detach = sender_detach,
	.pause = sender_pause,
	.restart = sender_restart,
	.send_complete = sender_send_complete,
};

/* ---- the world around it ---- */

static struct lwf_host *host;
static struct lwf_engine *engine;
static struct lwf_edge *upper, *lower;
static struct lwf_stack *stack;
static struct lwf_observer observer;
static bool stepping;
static unsigned number, wrong;

static void on_record(struct lwf_observer *self, const struct lwf_trace_record *record)
{
	(void)self;
	if (record->kind == LWF_TRACE_STATE && record->module_name[0] &&
	    record->before != record->after)
		printf("      %s: %s > %s\n", record->module_name,
		       lwf_state_name((enum lwf_state)record->before),
		       lwf_state_name((enum lwf_state)record->after));
	else if (record->kind == LWF_TRACE_RULE)
		printf("      rule broken: %s\n", record->text);
}

static void settle(void)
{
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1);
}

static void title(const char *text)
{
	printf("\n%2u. %s\n", ++number, text);
}

/* Prints the gate, and compares it and the module's state with what the protocol demands. */
static void gate(uint64_t expected, enum lwf_state state, const char *rules)
{
	uint64_t word;
	enum lwf_state is;

	settle();
	word = atomic_load(&sender.gate.word);
	is = lwf_module_state(sender.module);
	printf("      gate 0x%02" PRIx64 ": %-6s %-8s %" PRIu64 " in flight   %-8s  [%s]\n", word,
	       word & LWF_GATE_CLOSED ? "closed" : "open",
	       word & LWF_GATE_OWED ? "owed" : "not owed", word / LWF_GATE_ONE, lwf_state_name(is),
	       rules);
	if (word != expected || is != state) {
		wrong++;
		printf("      WRONG: expected gate 0x%02" PRIx64 " and %s\n", expected,
		       lwf_state_name(state));
	}
	if (stepping) {
		printf("      (Enter) ");
		fflush(stdout);
		for (int c = getchar(); c != '\n' && c != EOF;)
			c = getchar();
	}
}

static void check(bool holds, const char *what)
{
	printf("      %s%s\n", holds ? "" : "WRONG: not ", what);
	wrong += !holds;
}

static int open_world(void)
{
	char error[128];

	host = lwf_sim_host_create(1);
	engine = host ? lwf_engine_create(host) : NULL;
	if (!engine || lwf_engine_register(engine, &sender_ops) ||
	    lwf_sim_edge_create(host, "host", &upper) ||
	    lwf_sim_edge_create(host, "eth1", &lower) ||
	    lwf_stack_create(engine, "eth1", upper, lower, &stack) ||
	    lwf_stack_insert(stack, "sender", 0, NULL, error, sizeof(error)))
		return -1;
	observer.record = on_record;
	lwf_engine_observe(engine, &observer);
	lwf_sim_edge_config(lower)->never = true; /* it answers when it is told to */
	return 0;
}

static void close_world(void)
{
	lwf_engine_unobserve(engine, &observer);
	lwf_stack_close(stack, NULL, NULL);
	settle();
	lwf_engine_destroy(engine);
	lwf_sim_host_destroy(host);
}

/* ---- the steps ---- */

static void up_and_send(void)
{
	title("Attach, then restart. A module is born closed; opening the gate is the last act of "
	      "restart.");
	lwf_stack_start(stack);
	settle();
	gate(0, LWF_STATE_RUNNING, "S02 S11");

	title("Three frames are originated: lwf_gate_enter(3) tests and counts in one step.");
	check(sender_originate(3), "admitted");
	check(lwf_sim_edge_held(lower) == 3, "three frames are with the device");
	gate(3 * LWF_GATE_ONE, LWF_STATE_RUNNING, "O01 O12");
}

static void pause_and_drain(void)
{
	title("FilterPause: lwf_gate_close() sets closed and owed in one step; the answer is "
	      "PENDING.");
	lwf_stack_hold(stack, LWF_HOLD_USER_PAUSE);
	gate(3 * LWF_GATE_ONE | LWF_GATE_OWED | LWF_GATE_CLOSED, LWF_STATE_PAUSING, "S05 S08 P03");

	title("A fourth frame is refused with PAUSED. A refused caller does not change the word.");
	check(!sender_originate(1), "refused");
	gate(3 * LWF_GATE_ONE | LWF_GATE_OWED | LWF_GATE_CLOSED, LWF_STATE_PAUSING, "P01 R1");

	title("The device is done with the first: lwf_gate_leave(1) says that others are still "
	      "out.");
	lwf_sim_edge_release(lower, 1);
	check(!sender.completed_pause, "nobody has completed the pause");
	gate(2 * LWF_GATE_ONE | LWF_GATE_OWED | LWF_GATE_CLOSED, LWF_STATE_PAUSING, "P03 O05");

	title("And with the second.");
	lwf_sim_edge_release(lower, 1);
	check(!sender.completed_pause, "nobody has completed the pause");
	gate(1 * LWF_GATE_ONE | LWF_GATE_OWED | LWF_GATE_CLOSED, LWF_STATE_PAUSING, "P03 S08");

	title("The third: leave() brings the count to 0, takes owed back in the same step, and "
	      "says \"you\".\n"
	      "    This caller calls NdisFPauseComplete (lwf_pause_complete) and touches nothing "
	      "after it.");
	lwf_sim_edge_release(lower, 1);
	check(sender.completed_pause, "the last frame has completed the pause");
	gate(LWF_GATE_CLOSED, LWF_STATE_PAUSED, "P05 S10 F03 R3 R5");
}

static void and_again(void)
{
	title("Paused: still refused, though nothing is owed any more (the hole in the posted "
	      "cure).");
	check(!sender_originate(1), "refused");
	gate(LWF_GATE_CLOSED, LWF_STATE_PAUSED, "F01");

	title("Restart: the gate is open again, and a send passes.");
	lwf_sim_edge_config(lower)->never = false;
	lwf_stack_release(stack, LWF_HOLD_USER_PAUSE);
	settle();
	check(sender_originate(1), "admitted, and answered inside the send call");
	gate(0, LWF_STATE_RUNNING, "F02 P16 R2");

	title("Pause with nothing in flight: SUCCESS at once, nothing is owed, and nobody "
	      "completes it later.");
	lwf_stack_hold(stack, LWF_HOLD_USER_PAUSE);
	gate(LWF_GATE_CLOSED, LWF_STATE_PAUSED, "S07 S09 F01");
}

int main(int argc, char **argv)
{
	uint64_t broken;

	stepping = argc == 2 && strcmp(argv[1], "--step") == 0;
	if (argc > 2 || (argc == 2 && !stepping)) {
		fprintf(stderr, "usage: lwf-one-pause [--step]\n");
		return 2;
	}
	if (open_world()) {
		fprintf(stderr, "lwf-one-pause: the stack cannot be made; is there memory?\n");
		return 1;
	}
	puts("host --- [ sender ] --- eth1       a simulated device that answers when it is told "
	     "to");
	up_and_send();
	pause_and_drain();
	and_again();
	broken = lwf_engine_rules_broken(engine);
	printf("\n%u frames answered, %u refused, %" PRIu64 " rules broken, %u values wrong\n",
	       sender.answered, sender.refused, broken, wrong);
	close_world();
	return broken || wrong || sender.answered != 4 || sender.refused != 2;
}
