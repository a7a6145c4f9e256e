/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_cost.c - what it costs to know who owns a flow: the question on the loop, and the answer that comes later.
 *
 * usage: owner_cost [--rounds N] [--sockets N] [--json FILE]
 *
 * Child processes hold connections over loopback, N sockets in all (default 20000). Each round asks 20,000
 * times for one of them at random, once while the resolver process sleeps and once while it looks through all
 * descriptors again and again, until it has answered 8 times, in turns of the loop of 16 questions each; and measures
 * each question by itself. "answer" is the time from a question to its process. The medians of the rounds are printed.
 * Needs a network namespace of its own (scripts/netns.sh).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lwf/flow.h>
#include <lwf/hosts.h>

#include "owner.h"

#define CHILDREN   16u
#define QUESTIONS  20000u
#define ANSWERS	   8u /* of the resolver, in one round */
#define ROUNDS_MAX 99u
#define KINDS	   4u

enum kind { ASLEEP, SCANNING, MISS, ANSWER };

static const char *const names[KINDS] = {
	"question, resolver asleep", "question, resolver looks through all descriptors",
	"question, no such socket", "answer: the process is known"};

struct pair {
	uint16_t client, server;
};

struct series {
	uint32_t count; /* may be more than there is room for: then the last ones are here */
	uint32_t ns[QUESTIONS];
};

static struct {
	struct lwf_host *host;
	struct owner_service *service;
	struct lwf_task turn;
	struct pair *pairs;
	uint32_t pair_count;
	enum kind kind;
	struct series series[KINDS];
	uint64_t seed, asked_ns; /* of the question whose answer is awaited; 0: none is */
	int awaited, others;	 /* two askers: their addresses are the contexts */
	double p50[KINDS][ROUNDS_MAX], p99[KINDS][ROUNDS_MAX];
} bench;

static void die(const char *what)
{
	fprintf(stderr, "owner_cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(void)
{
	bench.seed ^= bench.seed << 13;
	bench.seed ^= bench.seed >> 7;
	bench.seed ^= bench.seed << 17;
	return bench.seed;
}

/* ---- the sockets ---- */

static uint16_t port_of(int fd)
{
	struct sockaddr_in address = {0};
	socklen_t bytes = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &bytes))
		die("getsockname");
	return ntohs(address.sin_port);
}

/* A child: makes @count connections, tells their ports, and waits. */
static _Noreturn void hold(int pipe_fd, uint32_t count)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, bytes) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&address, &bytes))
		die("listener");
	for (uint32_t n = 0; n < count; n++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);
		struct pair pair;

		if (client < 0 || connect(client, (struct sockaddr *)&address, bytes) ||
		    accept(listener, NULL, NULL) < 0)
			die("connection (see ulimit -n)");
		pair = (struct pair){port_of(client), ntohs(address.sin_port)};
		if (write(pipe_fd, &pair, sizeof(pair)) != sizeof(pair))
			die("pipe");
	}
	close(pipe_fd);
	for (;;)
		pause();
}

static void make_sockets(uint32_t sockets)
{
	uint32_t each = sockets / 2 / CHILDREN;

	bench.pairs = calloc((size_t)each * CHILDREN, sizeof(*bench.pairs));
	for (uint32_t n = 0; n < CHILDREN; n++) {
		int pipe_fds[2];
		pid_t pid;

		if (!bench.pairs || pipe(pipe_fds))
			die("pipe");
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			hold(pipe_fds[1], each);
		close(pipe_fds[1]);
		while (read(pipe_fds[0], &bench.pairs[bench.pair_count], sizeof(*bench.pairs)) ==
		       (ssize_t)sizeof(*bench.pairs))
			bench.pair_count++;
		close(pipe_fds[0]);
	}
	if (bench.pair_count != each * CHILDREN)
		die("a child has not made its connections");
}

/* ---- the questions ---- */

static void add(struct series *series, uint64_t ns)
{
	series->ns[series->count++ % QUESTIONS] = (uint32_t)ns;
}

static bool is_enough(void)
{
	return bench.series[bench.kind].count >= QUESTIONS &&
	       (bench.kind != SCANNING || bench.series[ANSWER].count >= ANSWERS);
}

static void on_answer(void *context, uint64_t flow, const struct lwf_owner *owner)
{
	struct series *series = &bench.series[ANSWER];

	(void)flow;
	if (context != &bench.awaited)
		return;
	if (owner->how != LWF_OWNER_EXACT) {
		fprintf(stderr, "owner_cost: an owner is %s (%s)\n", lwf_owner_how_name(owner->how),
			lwf_owner_why_name(owner->why));
		exit(1);
	}
	add(series, now_ns() - bench.asked_ns);
	bench.asked_ns = 0;
}

static void make_question(struct lwf_owner_question *question, void *context)
{
	const struct pair *pair = &bench.pairs[next_random() % bench.pair_count];
	uint32_t home = htonl(INADDR_LOOPBACK);

	*question = (struct lwf_owner_question){.answer = on_answer, .context = context};
	question->key.protocol = IPPROTO_TCP;
	for (int n = 0; n < 2; n++) {
		memset(question->key.address[n] + 10, 0xff, 2);
		memcpy(question->key.address[n] + 12, &home, 4);
	}
	question->key.port[LWF_ENDPOINT_LOW] = pair->client;
	question->key.port[LWF_ENDPOINT_HIGH] = pair->server;
	question->local = next_random() & 1 ? LWF_ENDPOINT_LOW : LWF_ENDPOINT_HIGH;
	if (bench.kind == MISS && context == &bench.others) {
		question->local = LWF_ENDPOINT_LOW;
		question->key.port[LWF_ENDPOINT_LOW] = 1;
	}
}

static void keep_scanning(void)
{
	struct lwf_owner_question question;
	struct lwf_owner owner;

	make_question(&question, &bench.awaited);
	bench.asked_ns = now_ns();
	if (lwf_host_ask_owner(bench.host, &question, &owner) != -EINPROGRESS)
		die("a question was answered at once");
}

/* One turn of the loop: as many questions as one turn may ask. */
static void on_turn(void *context)
{
	struct series *series = &bench.series[bench.kind];
	uint32_t room = OWNER_TURN_GETS;

	(void)context;
	if (bench.kind == SCANNING && !bench.asked_ns && !is_enough()) {
		keep_scanning();
		room--;
	}
	for (; room && !is_enough(); room--) {
		struct lwf_owner_question question;
		struct lwf_owner owner;
		uint64_t before, after;

		make_question(&question, &bench.others);
		before = now_ns();
		(void)lwf_host_ask_owner(bench.host, &question, &owner);
		after = now_ns();
		if (owner.why == LWF_OWNER_WHY_OVERLOAD ||
		    (owner.why == LWF_OWNER_WHY_NO_SOCKET) != (bench.kind == MISS)) {
			errno = EPROTO;
			die(lwf_owner_why_name(owner.why));
		}
		add(series, after - before);
	}
	lwf_host_forget_owners(bench.host, &bench.others); /* the resolver is not told of these */
	if (is_enough() && !bench.asked_ns)
		lwf_event_host_stop(bench.host);
	else
		lwf_host_post(bench.host, &bench.turn);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void settle(enum kind kind, uint32_t round)
{
	struct series *series = &bench.series[kind];
	uint32_t count = series->count < QUESTIONS ? series->count : QUESTIONS;
	uint32_t half = count / 2, most = count * 99 / 100;

	qsort(series->ns, count, sizeof(series->ns[0]), by_size);
	bench.p50[kind][round] = series->ns[half] / 1e3;
	bench.p99[kind][round] = series->ns[most] / 1e3;
}

static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void log_line(enum lwf_log_level level, const char *text)
{
	(void)level;
	fprintf(stderr, "owner_cost: %s\n", text);
}

static void start_service(void)
{
	struct owner_resolver resolver;
	struct nsnet *ns = NULL;

	if (owner_resolver_start(&resolver))
		die("resolver process");
	bench.host = lwf_event_host_create(log_line);
	if (!bench.host || owner_service_create(bench.host, &resolver, &bench.service) ||
	    nsnet_get(NULL, &ns) || owner_service_add(bench.service, ns, NULL))
		die("owner service");
	nsnet_put(ns);
	bench.turn.fn = on_turn;
	lwf_event_host_set_owners(bench.host, owner_service_face(bench.service));
}

static void report(uint32_t rounds, const char *json)
{
	const struct owner_pass *pass = owner_service_pass(bench.service);
	FILE *file = json ? fopen(json, "we") : NULL;

	if (json && !file)
		die(json);
	printf("| us, medians of %u rounds, %u sockets | p50 | p99 |\n|---|---|---|\n", rounds,
	       2 * bench.pair_count);
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		double p50 = median(bench.p50[kind], rounds), p99 = median(bench.p99[kind], rounds);

		printf("| %s | %.1f | %.1f |\n", names[kind], p50, p99);
		if (file)
			fprintf(file, "%s{\"name\":\"%s\",\"p50_us\":%.1f,\"p99_us\":%.1f}",
				kind ? "," : "{\"schema\":1,\"owner\":[", names[kind], p50, p99);
	}
	printf("\nthe last pass: %u descriptors of %u processes in %.1f ms, %u slices\n",
	       pass->links, pass->processes, (double)pass->nanoseconds / 1e6, pass->slices);
	if (file) {
		fprintf(file, "],\"links\":%u,\"pass_ns\":%" PRIu64 "}\n", pass->links,
			pass->nanoseconds);
		fclose(file);
	}
}

static uint32_t number(const char *text, uint32_t most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !value || value > most) {
		fprintf(stderr, "owner_cost: '%s': no number from 1 to %u; see its first lines\n",
			text, most);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
						{"sockets", required_argument, NULL, 's'},
						{"json", required_argument, NULL, 'j'},
						{NULL, 0, NULL, 0}};
	uint32_t rounds = 5, sockets = 20000;
	const char *json = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'r')
			rounds = number(optarg, ROUNDS_MAX);
		else if (option == 's')
			sockets = number(optarg, 50000);
		else if (option == 'j')
			json = optarg;
		else
			return 2;
	}
	bench.seed = 0x9e3779b97f4a7c15ull;
	start_service(); /* before the children: they must not hold its sockets */
	make_sockets(sockets);
	for (uint32_t round = 0; round < rounds; round++) {
		bench.series[ANSWER].count = 0;
		for (bench.kind = ASLEEP; bench.kind <= MISS; bench.kind++) {
			bench.series[bench.kind].count = 0;
			lwf_host_post(bench.host, &bench.turn);
			if (lwf_event_host_run(bench.host))
				die("loop");
			settle(bench.kind, round);
		}
		settle(ANSWER, round);
	}
	report(rounds, json);
	owner_service_destroy(bench.service);
	lwf_event_host_destroy(bench.host);
	free(bench.pairs);
	return 0;
}
