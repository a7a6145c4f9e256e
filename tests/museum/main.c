/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - the command lwf-museum: engines that pause as the historic ones did, and what breaks them.
 *
 * Usage is the text below. A run is decided by piece and seed alone.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "world.h"

#define CHECK_SEEDS 300u

static const char usage[] =
	"usage: lwf-museum [options]\n"
	"  --list          the pieces\n"
	"  --check         each piece passes ordinary traffic and breaks under some seed; its "
	"fixed\n"
	"                  twin passes that seed and all others (default)\n"
	"  --matrix        how many of the seeds break which rule of which piece, as a table\n"
	"  --piece NAME    one piece alone; with --seed and without --seeds: that run alone\n"
	"  --fixed         the run of the fixed twin\n"
	"  --seed N        the first seed (default 1)\n"
	"  --seeds N       how many (default 300)\n"
	"  --time SECONDS  fresh seeds: find a failure of each piece, at most so long for each\n"
	"  --trace         all that happened in the run; with --json nothing else, as JSON lines\n"
	"                  like those of lwfctl watch --frames --json\n"
	"  --json          one object as the last line\n"
	"Exit: 0 as it should be; 1 a rule was broken by the run, or the check failed; 2 usage.\n"
	"Examples:\n"
	"  lwf-museum --piece seed-literal --seeds 50\n"
	"  lwf-museum --piece seed-literal --seed 3 --trace\n"
	"  lwf-museum --piece seed-literal --seed 3 --fixed\n"
	"  lwf-museum --time 60\n";

static const struct {
	const struct mu_piece *piece, *fixed;
} pieces[] = {
#define X(symbol) {&mu_piece_##symbol, &mu_fixed_##symbol},
#include "pieces.def"
#undef X
};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

struct wish {
	uint64_t seed, seeds;
	double time_s;
	const char *piece;
	bool seed_given, seeds_given, list, matrix, fixed, trace, json;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool wanted(const struct wish *wish, unsigned i)
{
	return !wish->piece || !strcmp(wish->piece, pieces[i].piece->name);
}

/* ---- one run ---- */

static void print_rules(const char *separator, const char *quote)
{
	bool more = false;

	for (unsigned rule = 0; rule < RULES; rule++) {
		if (run.broken[rule]) {
			printf("%s%s%s%s", more ? separator : "", quote, rule_id(rule), quote);
			more = true;
		}
	}
}

static int one_run(const struct wish *wish, unsigned i)
{
	int rule = world_run(wish->fixed ? pieces[i].fixed : pieces[i].piece, wish->seed, false);
	const char *name = pieces[i].piece->name, *fixed = wish->fixed ? "true" : "false";

	if (wish->trace && wish->json) {
		trace_print_json();
		return rule >= 0;
	}
	if (wish->trace)
		trace_print(stdout);
	if (wish->json) {
		printf("{\"schema\":1,\"piece\":\"%s\",\"fixed\":%s,\"seed\":%" PRIu64
		       ",\"rules\":[",
		       name, fixed, wish->seed);
		print_rules(",", "\"");
		printf("],\"finding\":\"%s\",\"accepted\":%" PRIu32 ",\"refused\":%" PRIu32
		       ",\"home\":%" PRIu32 ",\"pauses\":%" PRIu32 ",\"pended\":%" PRIu32
		       ",\"digest\":\"%016" PRIx64 "\"}\n",
		       run.finding, run.accepted, run.refused, run.home, run.pauses, run.pended,
		       run.digest);
		return rule >= 0;
	}
	printf("%s%s, seed %" PRIu64 ": %" PRIu32 " accepted, %" PRIu32 " refused, %" PRIu32
	       " home, %" PRIu32 " pauses (%" PRIu32 " pended), digest %016" PRIx64 "\n",
	       name, wish->fixed ? " (fixed)" : "", wish->seed, run.accepted, run.refused, run.home,
	       run.pauses, run.pended, run.digest);
	if (rule < 0)
		return 0;
	printf("broken: %s (%s)\n  %s\nall broken in this run: ", rule_id((unsigned)rule),
	       rule_sentence((unsigned)rule), run.finding);
	print_rules(" ", "");
	printf("\n");
	return 1;
}

/* ---- the check ---- */

/* Seeds of one piece, and of its twin. */
struct score {
	uint64_t seeds, failing, first;
	int rule;
	uint32_t by_rule[RULES];
	char finding[EVENT_TEXT_BYTES];
	const char *fault; /* what is not as it should be */
	uint64_t pended;   /* pauses of the twin */
	double found_s;
};

/* "F01 P01" contains "P01" as a word. */
static bool listed(const char *breaks, const char *id)
{
	size_t bytes = strlen(id);

	for (const char *at = breaks; (at = strstr(at, id)); at += bytes)
		if ((at == breaks || at[-1] == ' ') && (at[bytes] == ' ' || !at[bytes]))
			return true;
	return false;
}

static void add_run(struct score *score, uint64_t seed)
{
	score->seeds++;
	if (run.rule < 0)
		return;
	if (!score->failing++) {
		score->first = seed;
		score->rule = run.rule;
		memcpy(score->finding, run.finding, sizeof(score->finding));
	}
	for (unsigned rule = 0; rule < RULES; rule++)
		score->by_rule[rule] += run.broken[rule];
}

/* A rule that @piece is known to break, and no seed did. */
static bool misses(const struct mu_piece *piece, const struct score *score)
{
	for (unsigned rule = 0; rule < RULES; rule++)
		if (!score->by_rule[rule] && listed(piece->breaks, rule_id(rule)))
			return true;
	return false;
}

/* The finding is the same when the seed is played again, to the last event. */
static bool replays(const struct mu_piece *piece, const struct score *score)
{
	uint64_t first_digest;

	world_run(piece, score->first, true);
	first_digest = run.digest;
	world_run(piece, score->first, false);
	return run.digest == first_digest && run.rule == score->rule &&
	       !strcmp(run.finding, score->finding);
}

static void check(const struct wish *wish, unsigned i, struct score *score)
{
	const struct mu_piece *piece = pieces[i].piece, *fixed = pieces[i].fixed;

	memset(score, 0, sizeof(*score));
	for (uint64_t seed = wish->seed; seed < wish->seed + wish->seeds; seed++) {
		world_run(piece, seed, true);
		add_run(score, seed);
	}
	for (uint64_t seed = wish->seed; seed < wish->seed + wish->seeds; seed++) {
		if (world_run(fixed, seed, true) >= 0) {
			score->fault = "the fixed twin fails";
			score->first = seed;
			memcpy(score->finding, run.finding, sizeof(score->finding));
			return;
		}
		score->pended += run.pended;
	}
	if (world_ordinary(piece) >= 0 || world_ordinary(fixed) >= 0)
		score->fault = "ordinary traffic fails";
	else if (!score->failing)
		score->fault = "no seed finds what is wrong with it";
	else if (wish->seeds >= CHECK_SEEDS && misses(piece, score))
		score->fault = "a rule that it breaks was not found broken";
	else if (wish->seeds >= CHECK_SEEDS && score->failing == score->seeds)
		score->fault = "every seed fails, so no schedule is to blame";
	else if (!replays(piece, score))
		score->fault = "the seed gives another run when it is played again";
}

static int check_all(const struct wish *wish)
{
	struct score score;
	unsigned faults = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		if (!wanted(wish, i))
			continue;
		check(wish, i, &score);
		faults += score.fault != NULL;
		if (wish->json)
			continue;
		printf("%-19s %4" PRIu64 " of %" PRIu64 " seeds fail; seed %" PRIu64 ": %s, %s\n",
		       pieces[i].piece->name, score.failing, score.seeds, score.first,
		       score.failing ? rule_id((unsigned)score.rule) : "-", score.finding);
		if (score.fault)
			printf("%-19s FAULT: %s\n", "", score.fault);
		else
			printf("%-19s to see it: lwf-museum --piece %s --seed %" PRIu64
			       " --trace\n",
			       "", pieces[i].piece->name, score.first);
	}
	if (wish->json)
		printf("{\"schema\":1,\"pieces\":%zu,\"seeds\":%" PRIu64 ",\"faults\":%u}\n",
		       PIECES, wish->seeds, faults);
	return faults != 0;
}

/* Fresh seeds until each piece has failed. */
static int find_all(const struct wish *wish)
{
	uint64_t first = wish->seed_given ? wish->seed
					  : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	unsigned missed = 0;
	double longest_s = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		double begin_s = seconds(), took_s;
		uint64_t seed = first;

		if (!wanted(wish, i))
			continue;
		while (world_run(pieces[i].piece, seed, true) < 0 &&
		       seconds() - begin_s < wish->time_s)
			seed++;
		took_s = seconds() - begin_s;
		longest_s = took_s > longest_s ? took_s : longest_s;
		missed += run.rule < 0;
		if (!wish->json)
			printf("%-19s %s after %" PRIu64 " seeds, %.3f s (--seed %" PRIu64 ")\n",
			       pieces[i].piece->name,
			       run.rule < 0 ? "not found" : rule_id((unsigned)run.rule),
			       seed - first + 1, took_s, seed);
	}
	if (wish->json)
		printf("{\"schema\":1,\"first\":%" PRIu64 ",\"missed\":%u,\"longest_s\":%.3f}\n",
		       first, missed, longest_s);
	return missed != 0;
}

/* ---- the matrix ---- */

static int matrix(const struct wish *wish)
{
	static struct score scores[PIECES];
	bool column[RULES] = {false};
	unsigned faults = 0;

	for (unsigned i = 0; i < PIECES; i++) {
		check(wish, i, &scores[i]);
		faults += scores[i].fault != NULL;
		for (unsigned rule = 0; rule < RULES; rule++)
			column[rule] |= scores[i].by_rule[rule] != 0;
	}
	printf("| engine |");
	for (unsigned rule = 0; rule < RULES; rule++)
		if (column[rule])
			printf(" %s |", rule_id(rule));
	printf(" seeds that fail | fixed twin |\n|---|");
	for (unsigned rule = 0; rule < RULES; rule++)
		if (column[rule])
			printf("---|");
	printf("---|---|\n");
	for (unsigned i = 0; i < PIECES; i++) {
		printf("| %s |", pieces[i].piece->name);
		for (unsigned rule = 0; rule < RULES; rule++) {
			if (column[rule] && scores[i].by_rule[rule])
				printf(" %" PRIu32 " |", scores[i].by_rule[rule]);
			else if (column[rule])
				printf(" |");
		}
		printf(" %" PRIu64 " of %" PRIu64 " | %s |\n", scores[i].failing, scores[i].seeds,
		       scores[i].fault ? scores[i].fault : "0");
	}
	return faults != 0;
}

static int list(const struct wish *wish)
{
	for (unsigned i = 0; i < PIECES; i++) {
		const struct mu_piece *piece = pieces[i].piece;

		if (!wish->json)
			printf("%-19s %-32s %s\n", piece->name, piece->when, piece->title);
		else
			printf("%s{\"name\":\"%s\",\"when\":\"%s\",\"title\":\"%s\",\"breaks\":\"%"
			       "s\"}%s",
			       i ? "," : "{\"schema\":1,\"pieces\":[", piece->name, piece->when,
			       piece->title, piece->breaks, i + 1 == PIECES ? "]}\n" : "");
	}
	return 0;
}

/* ---- the command line ---- */

enum option_key { LIST = 1, CHECK, MATRIX, PIECE, FIXED, SEED, SEEDS, TIME, TRACE, JSON, HELP };

static const struct option options[] = {
	{"list", no_argument, NULL, LIST},	   {"check", no_argument, NULL, CHECK},
	{"matrix", no_argument, NULL, MATRIX},	   {"piece", required_argument, NULL, PIECE},
	{"fixed", no_argument, NULL, FIXED},	   {"seed", required_argument, NULL, SEED},
	{"seeds", required_argument, NULL, SEEDS}, {"time", required_argument, NULL, TIME},
	{"trace", no_argument, NULL, TRACE},	   {"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, HELP},	   {0}};

static bool number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text && !*end && *text != '-';
}

/* 0, or the exit code plus 1. */
static int parse(int argc, char **argv, struct wish *wish)
{
	int option;
	char *end;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool good = true;

		switch (option) {
		case LIST:
			wish->list = true;
			break;
		case CHECK:
			break;
		case MATRIX:
			wish->matrix = true;
			break;
		case PIECE:
			wish->piece = optarg;
			break;
		case FIXED:
			wish->fixed = true;
			break;
		case SEED:
			good = number(optarg, &wish->seed);
			wish->seed_given = true;
			break;
		case SEEDS:
			good = number(optarg, &wish->seeds) && wish->seeds;
			wish->seeds_given = true;
			break;
		case TIME:
			wish->time_s = strtod(optarg, &end);
			good = !*end && wish->time_s > 0;
			break;
		case TRACE:
			wish->trace = true;
			break;
		case JSON:
			wish->json = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return 1;
		default:
			good = false;
		}
		if (!good)
			return 3;
	}
	return optind == argc ? 0 : 3;
}

int main(int argc, char **argv)
{
	struct wish wish = {.seed = 1, .seeds = CHECK_SEEDS};
	int end = parse(argc, argv, &wish);
	unsigned at = 0;

	if (end) {
		if (end > 1)
			fprintf(stderr, "lwf-museum: wrong use; see lwf-museum --help\n");
		return end - 1;
	}
	memory_open(oracle_touched);
	while (at < PIECES && (!wish.piece || !wanted(&wish, at)))
		at++;
	if (wish.piece && at == PIECES) {
		fprintf(stderr, "lwf-museum: %s: no such piece; see lwf-museum --list\n",
			wish.piece);
		return 2;
	}
	if (wish.list)
		return list(&wish);
	if (wish.matrix)
		return matrix(&wish);
	if (wish.time_s > 0)
		return find_all(&wish);
	if (wish.piece && wish.seed_given && !wish.seeds_given)
		return one_run(&wish, at);
	return check_all(&wish);
}
