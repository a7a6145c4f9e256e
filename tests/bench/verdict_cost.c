/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_cost.c - what filter verdict costs: a frame of a decided flow, with a decider that answers, one
 * that has stopped, and in a flood of new flows; a question and its answer, one at a time and 64 at a time.
 *
 * usage: verdict_cost [--rounds N] [--json FILE]
 *
 * A stack of verdict alone between simulated devices, in one thread, without sockets: what is measured is
 * the filter and the path. 1,000 flows are decided. The flood is 2,000,000 new flows, a million of them in
 * a second of the stack's clock; after each ten of them a frame of a decided flow passes. Medians over the
 * rounds; times are of the processor, for there is one thread and nothing waits; what is compared is taken in turn.
 *
 * Exit 1 when the flood took memory, more waited than may, a decided flow was asked about again, or books
 * do not balance.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/edges.h>
#include <lwf/hosts.h>
#include <lwf/stack.h>
#include <lwf/verdict.h>

#define KNOWN	   1000u
#define FRAMES	   400000u
#define ASKS	   99968u /* whole batches */
#define FLOOD	   2000000u
#define FLOOD_STEP 10u
#define FLOOD_TURN 1000u /* new flows in a millisecond of the stack */
#define ROUNDS_MAX 99u
#define BYTES	   60u

/** X(symbol, name, unit) */
#define FIGURE_LIST(X)                                                 \
	X(ANSWERED, "frame of a decided flow, decider answers", "ns")  \
	X(STOPPED, "the same, decider stopped", "ns")                  \
	X(RATIO, "throughput that is left with it stopped", "")        \
	X(FLOODED, "the same, in the flood", "ns")                     \
	X(NEW, "new flow in the flood, all told", "ns")                \
	X(WORST, "longest millisecond of the flood: work in it", "us") \
	X(ONE, "questions answered one at a time", "k/s")              \
	X(MANY, "questions answered 64 at a time", "k/s")

enum figure {
#define X(sym, name, unit) FIGURE_##sym,
	FIGURE_LIST(X)
#undef X
		FIGURES
};

static const struct {
	const char *name, *unit;
} figures[FIGURES] = {
#define X(sym, name, unit) {name, unit},
	FIGURE_LIST(X)
#undef X
};

static struct lwf_host *host;
static struct lwf_engine *engine;
static struct lwf_stack *stack;
static struct lwf_edge *upper, *lower;
static struct lwf_decider decider;
static bool stopped;
static uint64_t kept[LWF_ASK_BATCH_MAX];
static uint32_t kept_count, keep;
static uint64_t asked;
static uint32_t next_flow;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "verdict_cost: %s\n", what);
	exit(1);
}

/* ---- the decider ---- */

static void tell(uint32_t n)
{
	struct lwf_tell tells[LWF_ASK_BATCH_MAX];

	for (uint32_t i = 0; i < n; i++)
		tells[i] = (struct lwf_tell){
			.ask = kept[i], .action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	kept_count = 0;
	if (lwf_decider_tell(&decider, tells, n, NULL) != n)
		fail("an answer was not taken");
	lwf_decider_credit(&decider, n);
}

static uint32_t on_ask(struct lwf_decider *it, const struct lwf_ask *asks, uint32_t count)
{
	(void)it;
	asked += count;
	for (uint32_t i = 0; i < count && !stopped; i++) {
		kept[kept_count++] = asks[i].ask;
		if (kept_count == keep)
			tell(kept_count);
	}
	return count;
}

static const struct lwf_decider_ops ops = {.ask = on_ask};

/* ---- frames ---- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/** @back: from who was spoken to, so that the flow is one of both sides. */
static void give(struct lwf_edge *edge, uint32_t flow, bool back)
{
	uint8_t bytes[BYTES] = {0};

	put16(bytes + 12, 0x0800);
	bytes[14] = 0x45;
	put16(bytes + 16, BYTES - 14);
	bytes[22] = 64;
	bytes[23] = 17;
	put16(bytes + (back ? 30 : 26), 0x0a00 | (flow >> 24));
	put16(bytes + (back ? 32 : 28), flow >> 8 & 0xffff);
	put16(bytes + (back ? 26 : 30), 0x0b00);
	put16(bytes + (back ? 28 : 32), 1);
	put16(bytes + (back ? 36 : 34), 1024 + (flow & 0xff));
	put16(bytes + (back ? 34 : 36), 53);
	put16(bytes + 38, BYTES - 34);
	if (lwf_sim_edge_inject(edge, bytes, BYTES))
		fail("a device has no frame left");
}

static void inject(struct lwf_edge *edge, uint32_t flow)
{
	give(edge, flow, false);
}

static double decided_ns(uint32_t frames)
{
	uint64_t before = asked;
	double begin = now_s();

	for (uint32_t i = 0; i < frames; i++)
		inject(upper, i % KNOWN);
	if (asked != before)
		fail("a decided flow was asked about");
	return (now_s() - begin) * 1e9 / frames;
}

/* ---- what is measured ---- */

static void wait_ms(uint64_t ms)
{
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + ms * 1000000);
}

static double rate(uint32_t at_a_time)
{
	double begin;

	keep = at_a_time;
	begin = now_s();
	for (uint32_t i = 0; i < ASKS; i++)
		inject(lower, next_flow++);
	return (double)ASKS / (now_s() - begin) / 1e3;
}

static void flood(double *figure)
{
	double all = now_s(), known = 0, worst = 0, turn = now_s();
	uint64_t memory = lwf_sim_host_allocations(host), before = asked;

	for (uint32_t i = 0; i < FLOOD; i++) {
		inject(lower, next_flow++);
		if (i % FLOOD_STEP == 0)
			inject(upper, i / FLOOD_STEP % KNOWN);
		if (i % FLOOD_TURN != FLOOD_TURN - 1)
			continue;
		wait_ms(1);
		if (now_s() - turn > worst)
			worst = now_s() - turn;
		turn = now_s();
	}
	all = now_s() - all;
	known = decided_ns(FRAMES / 10); /* among what the flood left */
	if (lwf_sim_host_allocations(host) != memory)
		fail("the flood took memory");
	if (asked == before)
		fail("nobody was asked about the flood");
	figure[FIGURE_FLOODED] = known;
	figure[FIGURE_NEW] = all * 1e9 / FLOOD;
	figure[FIGURE_WORST] = worst * 1e6;
}

static void check(void)
{
	struct lwf_verdict_page page = {0};
	uint64_t settled = 0;

	if (lwf_module_control(lwf_stack_module(stack, "verdict"), LWF_CONTROL_VERDICTS, &page))
		fail("the module says nothing");
	for (unsigned i = 0; i < LWF_CAUSES; i++)
		settled += page.stats.settled[i];
	if (page.stats.asks != settled + page.stats.open ||
	    page.stats.frames !=
		    page.stats.frames_passed + page.stats.frames_dropped + page.stats.waiting)
		fail("books do not balance");
	if (page.stats.waiting_max > 4096 || page.stats.bytes_max > 8388608)
		fail("more waited than may");
}

static void open_all(void)
{
	char error[128];

	host = lwf_sim_host_create(1);
	engine = host ? lwf_engine_create(host) : NULL;
	if (!engine || lwf_sim_edge_create(host, "host", &upper) ||
	    lwf_sim_edge_create(host, "eth1", &lower) ||
	    lwf_stack_create(engine, "eth1", upper, lower, &stack) ||
	    lwf_stack_insert(stack, "verdict:timeout=10s", 0, NULL, error, sizeof(error)))
		fail("there is no stack");
	lwf_stack_start(stack);
	wait_ms(1);
	decider = (struct lwf_decider){.ops = &ops};
	if (lwf_decider_open(&decider, stack, NULL))
		fail("there is no decider");
	lwf_decider_credit(&decider, LWF_CREDITS_MAX);
	stopped = false;
	keep = 1;
	next_flow = 1 << 20;
	for (uint32_t i = 0; i < KNOWN; i++) {
		inject(upper, i);
		give(lower, i, true);
	}
}

static void run(double *figure)
{
	double answered = 0, still = 0;

	open_all();
	figure[FIGURE_ONE] = rate(1);
	figure[FIGURE_MANY] = rate(64);
	decided_ns(FRAMES / 10); /* warm */
	for (unsigned i = 0; i < 4; i++) {
		stopped = false;
		answered += decided_ns(FRAMES / 4) / 4;
		stopped = true;
		for (uint32_t k = 0; k < 1024; k++) /* and all its credits are used up */
			inject(lower, next_flow++);
		still += decided_ns(FRAMES / 4) / 4;
	}
	figure[FIGURE_ANSWERED] = answered;
	figure[FIGURE_STOPPED] = still;
	figure[FIGURE_RATIO] = answered / still;
	wait_ms(11000); /* deadlines */
	for (uint32_t i = 0; i < KNOWN; i++)
		inject(upper, i);
	lwf_decider_credit(&decider, LWF_CREDITS_MAX);
	flood(figure);
	check();
	lwf_decider_close(&decider);
	lwf_stack_close(stack, NULL, NULL);
	wait_ms(2000);
	lwf_engine_destroy(engine);
	lwf_sim_host_destroy(host);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void write_json(const char *path, const double *median)
{
	FILE *out = fopen(path, "w");

	if (!out)
		fail("the file cannot be written");
	fputs("{\"schema\":1,\"figures\":[", out);
	for (unsigned i = 0; i < FIGURES; i++)
		fprintf(out, "%s{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}", i ? "," : "",
			figures[i].name, median[i], figures[i].unit);
	fputs("]}\n", out);
	if (fclose(out))
		fail("the file cannot be written");
}

int main(int argc, char **argv)
{
	static double rounds_of[FIGURES][ROUNDS_MAX];
	double median[FIGURES], figure[FIGURES];
	const char *json = NULL;
	uint32_t rounds = 3;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && !strcmp(argv[i], "--rounds"))
			rounds = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (i + 1 < argc && !strcmp(argv[i], "--json"))
			json = argv[i + 1];
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fputs("usage: verdict_cost [--rounds N] [--json FILE]\n", stderr);
		return 2;
	}
	for (uint32_t r = 0; r < rounds; r++) {
		run(figure);
		for (unsigned i = 0; i < FIGURES; i++)
			rounds_of[i][r] = figure[i];
	}
	for (unsigned i = 0; i < FIGURES; i++) {
		qsort(rounds_of[i], rounds, sizeof(double), by_size);
		median[i] = rounds_of[i][rounds / 2];
		printf("%-46s %10.2f %s\n", figures[i].name, median[i], figures[i].unit);
	}
	if (json)
		write_json(json, median);
	return 0;
}
