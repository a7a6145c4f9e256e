/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - the command lwf-sim: runs worlds from seeds or scripts, and makes a bad one short.
 *
 *	lwf-sim --seed 7 --steps 3000           one world
 *	lwf-sim --seed 7 --trace                with every record and action of it
 *	lwf-sim --seed 1 --seeds 40             forty worlds; of some, a second run and the run of
 *	                                        the recorded script must come to the same digest
 *	lwf-sim --time 60                       fresh seeds for a minute; prints the first
 *	lwf-sim --seed 7 --trace-json FILE      with its trace in a file, for tests/checker/check.py
 *	lwf-sim --seed 7 --record FILE          writes its actions as a script
 *	lwf-sim --script FILE [--trace]         does what a script says
 *	lwf-sim --script FILE --shrink          makes a script that fails short
 *	lwf-sim --cycles 100000                 how fast a stack is paused and restarted
 *
 * A failing seed is printed with the command that shows it again, is run again (the digest must be
 * the same), and is shrunk; the short script is printed and written to --out (lwf-sim-SEED.script).
 * The environment may give --time its first seed: LWF_SIM_SEED.
 *
 * Ends with 0; 1 when something failed; 2 for wrong use.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define SIM_SHRINK_S 60.0
#define SIM_TWICE    5u /* worlds of a run that are run again */

/* What is asked for. */
struct wish {
	uint64_t seed, seeds, steps, cycles;
	double time_s, shrink_s;
	bool seed_given, trace, shrink;
	const char *script, *record, *out, *trace_json;
};

/* What a run of many worlds has come to; in memory that its process shares. */
struct progress {
	uint64_t seed; /* the one that runs */
	uint64_t worlds, actions, cycles, pended, records, frames, asked, decided;
	uint64_t answers[LWF_ANSWERS];
};

static struct sim_world world;
static struct sim_script *script; /* of the world that runs, or ran last */
static struct progress *progress;

static uint64_t run_seed(uint64_t seed, uint64_t steps)
{
	struct sim_action action;
	uint64_t random = sim_dice_open(seed, &action);

	world.record = script;
	sim_world_open(&world, &action);
	world.random = random;
	while (world.done < steps) {
		sim_dice_next(&world, &action);
		sim_world_do(&world, &action);
	}
	sim_world_close(&world);
	return world.digest;
}

static void add_world(void)
{
	progress->worlds++;
	progress->actions += world.done;
	progress->cycles += world.cycles;
	progress->pended += world.pended;
	progress->records += world.records;
	progress->asked += world.asked;
	progress->decided += world.decided;
	progress->frames += world.frames;
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		progress->answers[i] += world.answers[i];
}

/* The same seed once more, and what it recorded as a script: both must give the same run. */
static void run_again(uint64_t seed, uint64_t steps, uint64_t digest)
{
	if (run_seed(seed, steps) != digest)
		sim_fail("the same seed gave another run");
	world.record = NULL;
	sim_trial_script(&world, script);
	if (world.digest != digest)
		sim_fail("the recorded script gave another run than its seed");
}

/* In a child: all worlds, until one fails. */
static void run_seeds(void *context)
{
	const struct wish *wish = context;
	double until = sim_seconds() + wish->time_s;

	sim_trial_guard(&world);
	while (wish->time_s > 0 ? sim_seconds() < until : progress->worlds < wish->seeds) {
		uint64_t digest;

		progress->seed = wish->seed + progress->worlds;
		digest = run_seed(progress->seed, wish->steps);
		add_world();
		if (progress->worlds <= SIM_TWICE)
			run_again(progress->seed, wish->steps, digest);
	}
}

static void run_one_seed(void *context)
{
	const struct wish *wish = context;

	sim_trial_guard(&world);
	run_seed(progress->seed, wish->steps);
}

static void run_script(void *context)
{
	(void)context;
	sim_trial_guard(&world);
	world.record = NULL;
	sim_trial_script(&world, script);
}

/* ---- after a failure ---- */

static void tell(const struct sim_outcome *outcome)
{
	fprintf(stderr, "action %" PRIu64 " (%s): %s\ndigest %016" PRIx64 "\n", outcome->done,
		outcome->where, outcome->story, outcome->digest);
}

static bool write_script(const char *path, const char *comment)
{
	FILE *out = fopen(path, "w");

	if (!out) {
		perror(path);
		return false;
	}
	sim_script_write(script, out, comment);
	return fclose(out) == 0;
}

/* Shortens what is in script, which failed with @outcome, and writes it to @path. */
static void shrink_to(const struct wish *wish, struct sim_outcome *outcome, const char *path)
{
	char comment[SIM_STORY_BYTES + 64];
	double begin = sim_seconds();
	uint32_t before = script->count;
	uint32_t trials = sim_shrink(&world, script, outcome, wish->shrink_s);

	fprintf(stderr, "shrunk from %u to %u actions by %u trials in %.1f s:\n", before,
		script->count, trials, sim_seconds() - begin);
	snprintf(comment, sizeof(comment), "%s\ndigest %016" PRIx64, outcome->story,
		 outcome->digest);
	sim_script_write(script, stderr, comment);
	if (write_script(path, comment))
		fprintf(stderr, "to see it again: lwf-sim --script %s --trace\n", path);
}

static int after_failure(const struct wish *wish, struct sim_outcome *outcome)
{
	struct sim_outcome again;
	char path[64];

	fprintf(stderr, "seed %" PRIu64 ", ", progress->seed);
	tell(outcome);
	fprintf(stderr, "to see it again: lwf-sim --seed %" PRIu64 " --steps %" PRIu64 " --trace\n",
		progress->seed, wish->steps);
	sim_trial(&again, run_one_seed, (void *)wish);
	if (!again.failed || strcmp(again.what, outcome->what) != 0 ||
	    again.digest != outcome->digest) {
		fprintf(stderr, "run again, it ended otherwise: %s, digest %016" PRIx64 "\n",
			again.failed ? again.story : "well", again.digest);
		return 1;
	}
	fprintf(stderr, "run again: the same failure, the same digest\n");
	snprintf(path, sizeof(path), "lwf-sim-%" PRIu64 ".script", progress->seed);
	shrink_to(wish, outcome, wish->out ? wish->out : path);
	return 1;
}

/* ---- what was asked for ---- */

static void print_totals(double took_s)
{
	printf("%" PRIu64 " worlds, %" PRIu64 " actions, %" PRIu64 " pauses of modules (%" PRIu64
	       " pended), %" PRIu64 " frames at devices, %" PRIu64 " asks of deciders (%" PRIu64
	       " decided), %" PRIu64 " records answered:",
	       progress->worlds, progress->actions, progress->cycles, progress->pended,
	       progress->frames, progress->asked, progress->decided, progress->records);
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		if (progress->answers[i])
			printf(" %s %" PRIu64,
			       lwf_status_name(lwf_answer_status((enum lwf_answer)i)),
			       progress->answers[i]);
	printf("\n%.1f s: %.0f actions/s, %.0f pauses/s\n", took_s,
	       (double)progress->actions / took_s, (double)progress->cycles / took_s);
}

static int many(struct wish *wish)
{
	double begin = sim_seconds();
	struct sim_outcome outcome;

	printf("seeds from %" PRIu64 ", %" PRIu64 " actions each\n", wish->seed, wish->steps);
	sim_trial(&outcome, run_seeds, wish);
	print_totals(sim_seconds() - begin);
	fflush(stdout);
	return outcome.failed ? after_failure(wish, &outcome) : 0;
}

/* One world in this very process, where a debugger finds it. */
static int one(struct wish *wish)
{
	progress->seed = wish->seed;
	world.trace = wish->trace;
	world.json_path = wish->trace_json;
	if (wish->script)
		run_script(NULL);
	else
		run_one_seed(wish);
	printf("digest %016" PRIx64 "\n", world.digest);
	return 0;
}

static int record(struct wish *wish)
{
	struct sim_outcome outcome;

	progress->seed = wish->seed;
	sim_trial(&outcome, run_one_seed, wish);
	if (outcome.failed)
		tell(&outcome);
	else
		printf("digest %016" PRIx64 "\n", outcome.digest);
	return write_script(wish->record, "") && !outcome.failed ? 0 : 1;
}

static int shrink(struct wish *wish)
{
	struct sim_outcome outcome;

	sim_trial(&outcome, run_script, NULL);
	if (!outcome.failed) {
		fprintf(stderr, "lwf-sim: %s does not fail\n", wish->script);
		return 0;
	}
	tell(&outcome);
	shrink_to(wish, &outcome, wish->out ? wish->out : "lwf-sim.script");
	return 1;
}

/* How fast one stack of inject and monitor is paused and restarted, with a frame in each cycle. */
static int run_cycles(uint64_t cycles)
{
	struct sim_slot *slot = &world.slots[0];
	char error[128];
	double took;

	sim_world_open(&world, &(struct sim_action){.value[SIM_KEY_DICE] = 1});
	sim_open_slot(slot, true);
	if (!slot->stack ||
	    lwf_stack_insert(slot->stack, "inject:frames=8", 0, NULL, error, sizeof(error)) ||
	    lwf_stack_insert(slot->stack, "monitor", 1, NULL, error, sizeof(error)))
		sim_fail("the stack cannot be made");
	lwf_stack_start(slot->stack);
	slot->started = true;
	took = sim_seconds();
	for (uint64_t i = 0; i < cycles; i++) {
		uint8_t bytes[60] = {0};

		lwf_sim_edge_inject(slot->upper, bytes, sizeof(bytes));
		lwf_stack_hold(slot->stack, LWF_HOLD_USER_PAUSE);
		lwf_stack_release(slot->stack, LWF_HOLD_USER_PAUSE);
		if (lwf_stack_state(slot->stack) != LWF_STATE_RUNNING)
			sim_fail("the stack does not follow");
	}
	took = sim_seconds() - took;
	printf("%" PRIu64
	       " pause/restart cycles of a stack of 2 modules in %.2f s: %.0f a minute\n",
	       cycles, took, (double)cycles * 60 / took);
	sim_world_close(&world);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: lwf-sim [--seed N] [--steps N] [--trace | --trace-json FILE | "
			"--record FILE]\n"
			"       lwf-sim [--seed N] --seeds N | --time SECONDS [--steps N] [--out "
			"FILE] [--shrink-time SECONDS]\n"
			"       lwf-sim --script FILE [--trace | --trace-json FILE | --shrink "
			"[--out FILE]]\n"
			"       lwf-sim --cycles N\n");
	return 2;
}

static int parse(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"seeds", required_argument, NULL, 'n'},
						{"steps", required_argument, NULL, 'k'},
						{"time", required_argument, NULL, 't'},
						{"cycles", required_argument, NULL, 'c'},
						{"trace", no_argument, NULL, 'v'},
						{"trace-json", required_argument, NULL, 'j'},
						{"script", required_argument, NULL, 'f'},
						{"record", required_argument, NULL, 'r'},
						{"out", required_argument, NULL, 'o'},
						{"shrink", no_argument, NULL, 'x'},
						{"shrink-time", required_argument, NULL, 'X'},
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
			wish->trace = true;
			break;
		case 'j':
			wish->trace_json = optarg;
			break;
		case 'f':
			wish->script = optarg;
			break;
		case 'r':
			wish->record = optarg;
			break;
		case 'o':
			wish->out = optarg;
			break;
		case 'x':
			wish->shrink = true;
			break;
		case 'X':
			wish->shrink_s = strtod(optarg, NULL);
			break;
		default:
			return -1;
		}
	}
	if (wish->shrink && !wish->script) { /* a seed is shrunk when it fails */
		wish->seeds = 1;
		wish->shrink = false;
	}
	if (wish->trace_json &&
	    (wish->time_s > 0 || wish->seeds || wish->cycles || wish->shrink || wish->record))
		return -1; /* the trace of one world */
	return optind == argc && wish->steps <= SIM_ACTIONS_MAX ? 0 : -1;
}

/* A first seed that nobody has seen: of the environment, or of the clock. */
static uint64_t fresh_seed(void)
{
	const char *given = getenv("LWF_SIM_SEED");

	if (given && *given)
		return strtoull(given, NULL, 0);
	return (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
}

int main(int argc, char **argv)
{
	struct wish wish = {.seed = 1, .steps = 3000, .shrink_s = SIM_SHRINK_S};

	if (parse(argc, argv, &wish))
		return usage();
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (progress == MAP_FAILED || !(script = sim_script_create())) {
		perror("lwf-sim");
		return 1;
	}
	if (wish.cycles)
		return run_cycles(wish.cycles);
	if (wish.script && !sim_script_load(script, wish.script))
		return 2;
	if (wish.script)
		return wish.shrink ? shrink(&wish) : one(&wish);
	if (wish.time_s > 0 && !wish.seed_given)
		wish.seed = fresh_seed();
	if (wish.record)
		return record(&wish);
	return wish.time_s > 0 || wish.seeds ? many(&wish) : one(&wish);
}
