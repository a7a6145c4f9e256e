/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_cost.c - what the flow table costs: a lookup, a frame, a new flow; and what a flood does to it.
 *
 * usage: flow_cost [--rounds N] [--json FILE]
 *
 * Known flows are established connections, met in random order: 1,000,000 of them (a table of 2^20)
 * and 30,000 (the default table). The flood is 3,000,000 new flows of one datagram each, a million of them
 * in a second of the table's clock, on a default table that has the 30,000; after each ten of them one frame of an
 * established connection passes. Medians over the rounds; times are this machine's.
 *
 * Exit 1 when the flood took more room than the table has, took memory, or cost one of the connections.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/flow.h>
#include <lwf/hosts.h>

#define LOOKUPS	   2000000u
#define MANY	   1000000u
#define FEW	   30000u
#define FLOOD	   3000000u
#define FLOOD_STEP 10u	 /* new flows for one frame that is known */
#define FLOOD_TURN 1000u /* new flows in a turn of the loop: a millisecond */
#define ROUNDS_MAX 99u

/** X(symbol, name, unit) */
#define FIGURE_LIST(X)                                                      \
	X(FIND_MANY, "lookup among 1,000,000", "ns")                        \
	X(FRAME_MANY, "frame of one of 1,000,000", "ns")                    \
	X(FIND_FEW, "lookup among 30,000", "ns")                            \
	X(FRAME_FEW, "frame of one of 30,000", "ns")                        \
	X(PARSE, "headers of a frame", "ns")                                \
	X(NEW, "new flow in the flood, all told", "ns")                     \
	X(FRAME_FLOOD, "frame of one of 30,000 in the flood", "ns")         \
	X(WORST_TURN, "longest millisecond of the flood: work in it", "us") \
	X(MOST, "flows at most in the flood", "flows")

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

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/** Flow @number: 16 bits of an address, 16 of a port. */
static void headers(struct lwf_parsed *parsed, uint32_t number, bool tcp)
{
	memset(parsed, 0, sizeof(*parsed));
	parsed->kind = LWF_PARSED_FLOW;
	parsed->key.address[0][10] = parsed->key.address[0][11] = 0xff;
	parsed->key.address[1][10] = parsed->key.address[1][11] = 0xff;
	parsed->key.address[0][12] = 10;
	parsed->key.address[1][12] = 11;
	parsed->key.address[0][13] = (uint8_t)(number >> 24);
	parsed->key.address[0][14] = (uint8_t)(number >> 16);
	parsed->key.port[0] = (uint16_t)number;
	parsed->key.port[1] = 443;
	parsed->key.protocol = tcp ? 6 : 17;
	if (tcp) {
		parsed->flags = LWF_PARSED_TCP;
		parsed->tcp_flags = LWF_TCP_ACK;
	}
}

static struct lwf_flow_table *make(uint32_t room, uint32_t known)
{
	const struct lwf_flow_config config = {.flows = room, .contexts = 16};
	struct lwf_flow_table *table = lwf_flow_table_create(host, &config);
	struct lwf_parsed parsed;
	uint64_t flow;

	if (!table) {
		fputs("flow_cost: no memory\n", stderr);
		exit(1);
	}
	for (uint32_t i = 0; i < known; i++) {
		headers(&parsed, i, true);
		lwf_flow_track(table, &parsed, LWF_DIRECTION_SEND, lwf_host_now_ns(host), 1, 60,
			       &flow);
	}
	return table;
}

static double time_finds(const struct lwf_flow_table *table, uint32_t known)
{
	struct lwf_parsed parsed;
	uint64_t begin = clock_ns(), found = 0;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		headers(&parsed, mix(i) % known, true);
		found += lwf_flow_find(table, &parsed.key) != 0;
	}
	if (found != LOOKUPS)
		abort(); /* they are all there */
	return (double)(clock_ns() - begin) / LOOKUPS;
}

static double time_frames(struct lwf_flow_table *table, uint32_t known)
{
	struct lwf_parsed parsed;
	uint64_t begin = clock_ns(), flow;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		headers(&parsed, mix(i) % known, true);
		if (lwf_flow_track(table, &parsed, LWF_DIRECTION_SEND, 1000, 1, 60, &flow) !=
		    LWF_FLOW_SEEN_KNOWN)
			abort();
	}
	return (double)(clock_ns() - begin) / LOOKUPS;
}

static double time_parse(void)
{
	uint8_t frame[54] = {[12] = 8, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [46] = 0x50};
	struct lwf_parsed parsed;
	uint64_t begin = clock_ns(), sum = 0;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		frame[29] = (uint8_t)i;
		sum += (uint64_t)lwf_parse(frame, sizeof(frame), 0, &parsed) + parsed.source;
	}
	if (sum < LOOKUPS)
		abort();
	return (double)(clock_ns() - begin) / LOOKUPS;
}

/** Returns how many connections it cost. */
static uint32_t flood(double *result)
{
	struct lwf_flow_table *table = make(0, FEW);
	uint64_t allocations = lwf_sim_host_allocations(host), spent = 0, known_ns = 0, worst = 0;
	uint64_t at_ns = lwf_host_now_ns(host), most = 0, flow;
	struct lwf_flow_stats stats;
	struct lwf_parsed parsed;
	uint32_t lost = 0, known = 0;

	for (uint32_t i = 0; i < FLOOD; i += FLOOD_TURN) {
		uint64_t begin = clock_ns(), turn, now_ns = lwf_host_now_ns(host);

		for (uint32_t j = 0; j < FLOOD_TURN; j++) {
			headers(&parsed, i + j, false);
			lwf_flow_track(table, &parsed, LWF_DIRECTION_RECEIVE, now_ns, 1, 60, &flow);
		}
		spent += clock_ns() - begin;
		turn = clock_ns();
		for (uint32_t j = 0; j < FLOOD_TURN / FLOOD_STEP; j++, known++) {
			headers(&parsed, mix(known) % FEW, true);
			lost += lwf_flow_track(table, &parsed, LWF_DIRECTION_SEND, now_ns, 1, 60,
					       &flow) != LWF_FLOW_SEEN_KNOWN;
		}
		known_ns += clock_ns() - turn;
		lwf_flow_stats(table, &stats);
		most = stats.flows > most ? stats.flows : most;
		turn = clock_ns();
		at_ns += 1000000;
		lwf_sim_host_run_until(host, at_ns);
		spent += clock_ns() - turn;
		worst = clock_ns() - begin > worst ? clock_ns() - begin : worst;
	}
	result[FIGURE_NEW] = (double)spent / FLOOD;
	result[FIGURE_FRAME_FLOOD] = (double)known_ns / known;
	result[FIGURE_WORST_TURN] = (double)worst / 1000;
	result[FIGURE_MOST] = (double)most;
	if (lwf_sim_host_allocations(host) != allocations || most > LWF_FLOWS_DEFAULT)
		lost += FEW;
	lwf_flow_table_destroy(table);
	return lost;
}

static uint32_t run_round(double *result)
{
	struct lwf_flow_table *table = make(LWF_FLOWS_MAX, MANY);

	result[FIGURE_FIND_MANY] = time_finds(table, MANY);
	result[FIGURE_FRAME_MANY] = time_frames(table, MANY);
	lwf_flow_table_destroy(table);
	table = make(0, FEW);
	result[FIGURE_FIND_FEW] = time_finds(table, FEW);
	result[FIGURE_FRAME_FEW] = time_frames(table, FEW);
	lwf_flow_table_destroy(table);
	result[FIGURE_PARSE] = time_parse();
	return flood(result);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int save(const char *path, const double *medians, unsigned rounds)
{
	FILE *file = fopen(path, "w");

	if (!file) {
		perror(path);
		return 1;
	}
	fprintf(file, "{\"schema\":1,\"rounds\":%u,\"figures\":[", rounds);
	for (unsigned i = 0; i < FIGURES; i++)
		fprintf(file, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.1f}", i ? "," : "",
			figures[i].name, figures[i].unit, medians[i]);
	fputs("]}\n", file);
	return fclose(file) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
						{"json", required_argument, NULL, 'j'},
						{0}};
	static double samples[FIGURES][ROUNDS_MAX];
	double medians[FIGURES], result[FIGURES];
	const char *path = NULL;
	unsigned rounds = 5;
	uint32_t lost = 0;
	int got;

	while ((got = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (got == 'j')
			path = optarg;
		else if (got == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	host = lwf_sim_host_create(1);
	if (!host)
		return 1;
	for (unsigned r = 0; r < rounds; r++) {
		lost += run_round(result);
		for (unsigned i = 0; i < FIGURES; i++)
			samples[i][r] = result[i];
	}
	lwf_sim_host_destroy(host);
	printf("| median of %u rounds | |\n|---|---|\n", rounds);
	for (unsigned i = 0; i < FIGURES; i++) {
		qsort(samples[i], rounds, sizeof(double), compare);
		medians[i] = samples[i][rounds / 2];
		printf("| %s | %.0f %s |\n", figures[i].name, medians[i], figures[i].unit);
	}
	printf("| connections that the floods cost | %u |\n", lost);
	if (path && save(path, medians, rounds))
		return 1;
	return lost ? 1 : 0;
}
