/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - the command lwf-sim: runs random worlds from seeds, and says how to see a bad one again.
 *
 *	lwf-sim --seed 7 --steps 2000           one world
 *	lwf-sim --seed 1 --seeds 40             forty worlds, each run twice: the digests must agree
 *	lwf-sim --time 10                       fresh seeds for ten seconds; prints the first
 *	lwf-sim --seed 7 --trace                every record and action of it
 *	lwf-sim --cycles 100000                 how fast a stack is paused and restarted
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

static struct sim_world world;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sim_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 " (%s): ", world.seed, world.step,
		world.action ? world.action : "-");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr,
		"\nto see it again: lwf-sim --seed %" PRIu64 " --steps %" PRIu64 " --trace\n",
		world.seed, world.steps);
	_exit(1);
}

/* An assertion of the engine failed, or worse. */
static void on_signal(int number)
{
	signal(number, SIG_DFL);
	fflush(stdout);
	fprintf(stderr,
		"seed %" PRIu64 ", step %" PRIu64 " (%s): signal %d\nto see it again: lwf-sim "
		"--seed %" PRIu64 " --steps %" PRIu64 " --trace\n",
		world.seed, world.step, world.action ? world.action : "-", number, world.seed,
		world.steps);
	raise(number);
}

/* Every 15 s: a step that has lasted since the last time will not end. */
static void on_alarm(int number)
{
	static uint64_t last_seed, last_step;

	(void)number;
	if (world.seed == last_seed && world.step == last_step)
		sim_fail("the step does not end");
	last_seed = world.seed;
	last_step = world.step;
	alarm(15);
}

static uint64_t run_world(uint64_t seed, uint64_t steps)
{
	sim_world_open(&world, seed, steps);
	while (world.step < steps)
		sim_world_step(&world);
	sim_world_close(&world);
	return world.digest;
}

/* How fast one stack of inject and monitor is paused and restarted, with a frame in each cycle. */
static int run_cycles(uint64_t cycles)
{
	double begin;
	struct sim_slot *slot = &world.slots[0];
	char error[128];

	sim_world_open(&world, 1, 0);
	world.calm = true;
	if (lwf_sim_edge_create(world.host, "low", &slot->lower) ||
	    lwf_sim_edge_create(world.host, "up", &slot->upper) ||
	    lwf_stack_create(world.engine, "s0", slot->upper, slot->lower, &slot->stack) ||
	    lwf_stack_insert(slot->stack, "inject:frames=8", 0, NULL, error, sizeof(error)) ||
	    lwf_stack_insert(slot->stack, "monitor", 1, NULL, error, sizeof(error)))
		sim_fail("the stack cannot be made");
	lwf_stack_start(slot->stack);
	begin = seconds();
	for (uint64_t i = 0; i < cycles; i++) {
		uint8_t bytes[60] = {0};

		lwf_sim_edge_inject(slot->upper, bytes, sizeof(bytes));
		lwf_stack_hold(slot->stack, LWF_HOLD_USER_PAUSE);
		lwf_stack_release(slot->stack, LWF_HOLD_USER_PAUSE);
		if (lwf_stack_state(slot->stack) != LWF_STATE_RUNNING)
			sim_fail("the stack does not follow");
	}
	printf("%" PRIu64
	       " pause/restart cycles of a stack of 2 modules in %.2f s: %.0f a minute\n",
	       cycles, seconds() - begin, (double)cycles * 60 / (seconds() - begin));
	sim_world_close(&world);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: lwf-sim [--seed N] [--seeds N] [--steps N] [--time SECONDS] "
			"[--trace] [--cycles N]\n");
	return 2;
}

struct wish {
	uint64_t seed, seeds, steps, cycles;
	double time_s;
	bool seed_given;
};

static int parse(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"seeds", required_argument, NULL, 'n'},
						{"steps", required_argument, NULL, 'k'},
						{"time", required_argument, NULL, 't'},
						{"cycles", required_argument, NULL, 'c'},
						{"trace", no_argument, NULL, 'v'},
						{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			wish->seed = strtoull(optarg, NULL, 0);
			wish->seed_given = true;
			break;
		case 'n':
			wish->seeds = strtoull(optarg, NULL, 0);
			break;
		case 'k':
			wish->steps = strtoull(optarg, NULL, 0);
			break;
		case 't':
			wish->time_s = strtod(optarg, NULL);
			break;
		case 'c':
			wish->cycles = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			world.trace = true;
			break;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/* Sums over all worlds. */
static struct {
	uint64_t worlds, steps, cycles, pended, records, frames;
	uint64_t answers[LWF_ANSWERS];
} total;

static void add_world(void)
{
	total.worlds++;
	total.steps += world.step;
	total.cycles += world.cycles;
	total.pended += world.pended;
	total.records += world.records;
	total.frames += world.frames;
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		total.answers[i] += world.answers[i];
}

static void print_total(double took_s)
{
	printf("%" PRIu64 " worlds, %" PRIu64 " steps, %" PRIu64 " pauses of modules (%" PRIu64
	       " pended), %" PRIu64 " frames at devices, %" PRIu64 " records answered:",
	       total.worlds, total.steps, total.cycles, total.pended, total.frames, total.records);
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		if (total.answers[i])
			printf(" %s %" PRIu64,
			       lwf_status_name(lwf_answer_status((enum lwf_answer)i)),
			       total.answers[i]);
	printf("\n%.1f s: %.0f steps/s, %.0f pauses/s\n", took_s, (double)total.steps / took_s,
	       (double)total.cycles / took_s);
}

int main(int argc, char **argv)
{
	struct wish wish = {.seed = 1, .seeds = 1, .steps = 2000};
	double begin = seconds();

	if (parse(argc, argv, &wish))
		return usage();
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	signal(SIGALRM, on_alarm);
	alarm(15);
	if (wish.cycles)
		return run_cycles(wish.cycles);
	if (wish.time_s > 0 && !wish.seed_given)
		wish.seed = (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	printf("seeds from %" PRIu64 ", %" PRIu64 " steps each\n", wish.seed, wish.steps);
	fflush(stdout);
	while (wish.time_s > 0 ? seconds() - begin < wish.time_s : total.worlds < wish.seeds) {
		uint64_t seed = wish.seed + total.worlds;
		uint64_t digest = run_world(seed, wish.steps);

		add_world();
		if (wish.seeds == 1 && wish.time_s <= 0)
			printf("digest %016" PRIx64 "\n", digest);
		else if (total.worlds <= 5 && digest != run_world(seed, wish.steps))
			sim_fail("the same seed gave another run");
	}
	print_total(seconds() - begin);
	return 0;
}
