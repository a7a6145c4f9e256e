/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_rate.c - how many verdicts a second one decider gives, over the control socket.
 *
 * usage: verdict_rate [--rounds N] [--seconds S] [--json FILE]
 *
 * This process runs lwfd's loop and control server, with a stack whose module asks as much as there is credit for and
 * takes each verdict; a child is the decider, by lwf_verdict_*. Once it tells each verdict in a message of its own, once all
 * of those that it has, up to 64 in one. Asks name a process and carry no data. What a verdict does to a frame is not part
 * of it. Counted are verdicts that the module took. Each round measures both, S seconds (default 2) each; the medians
 * are printed. Exit 1: an ask was settled twice, or not by a verdict.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lwf/decide.h>
#include <lwf/edges.h>
#include <lwf/hosts.h>
#include <lwf/stack.h>

#include "control.h"
#include "socket.h"

#define ROUNDS_MAX 99u
#define KINDS	   2u
#define WARM_NS	   300000000ull

static const char *const kinds[KINDS] = {"one verdict a message", "up to 64 a message"};

static struct {
	struct lwf_host *host;
	struct lwf_module *module;
	struct lwf_timer end;
	struct lwf_task turn;
	uint64_t next, told, wrong, begun_ns, told_before;
	uint64_t seconds;
	bool warm;
	double rate;
} world;

/* ---- the module ---- */

static lwf_status attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	world.module = module;
	return LWF_STATUS_SUCCESS;
}

static int control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct lwf_decider_call *call = argument;

	(void)module;
	if (what != LWF_CONTROL_DECIDER)
		return -ENOTSUP;
	for (uint32_t i = 0; i < call->count; i++) {
		/* one decider answers in the order in which it was asked: each exactly once */
		world.wrong += call->tells[i].ask != world.told + 1 ||
			       call->tells[i].action != LWF_VERDICT_PERMIT;
		world.told++;
		call->results[i] = LWF_TELL_OK;
	}
	return 0;
}

static const struct lwf_filter_ops asker = {.name = "asker", .attach = attach, .control = control};

static struct lwf_ask asks[LWF_ASK_BATCH_MAX];

static void fill_asks(void)
{
	for (uint32_t i = 0; i < LWF_ASK_BATCH_MAX; i++) {
		struct lwf_flow_info *info = &asks[i].info;

		asks[i].fallback = LWF_VERDICT_BLOCK;
		asks[i].frame_bytes = 74;
		info->key.protocol = 6;
		info->key.port[1] = 443;
		info->owner = (struct lwf_owner){.pid = 4711, .uid = 1000, .how = LWF_OWNER_EXACT};
		snprintf(info->owner.comm, sizeof(info->owner.comm), "firefox");
		snprintf(info->owner.exe, sizeof(info->owner.exe), "/usr/lib/firefox/firefox");
	}
}

/* As much as there is credit for, each turn of the loop. */
static void ask(void *context)
{
	struct lwf_decider *decider = lwf_module_deciders(world.module);
	uint64_t now_ns = lwf_host_now_ns(world.host);

	(void)context;
	while (decider && decider->credits) {
		uint32_t count =
			decider->credits < LWF_ASK_BATCH_MAX ? decider->credits : LWF_ASK_BATCH_MAX;
		uint32_t taken;

		for (uint32_t i = 0; i < count; i++) {
			asks[i].ask = world.next + i + 1;
			asks[i].info.flow = world.next + i + 1;
			asks[i].deadline_ns = now_ns + 1000000000u;
		}
		taken = decider->ops->ask(decider, asks, count);
		decider->credits -= taken;
		world.next += taken;
		if (taken < count)
			break;
	}
	lwf_host_post(world.host, &world.turn);
}

static void at_end(void *context)
{
	uint64_t now_ns = lwf_host_now_ns(world.host);

	(void)context;
	if (!world.warm) {
		world.warm = true;
		world.begun_ns = now_ns;
		world.told_before = world.told;
		lwf_timer_set(&world.end, world.seconds * 1000000000u);
		return;
	}
	world.rate =
		(double)(world.told - world.told_before) * 1e9 / (double)(now_ns - world.begun_ns);
	lwf_event_host_stop(world.host);
}

/* ---- the decider, in a process of its own ---- */

static void tell(struct lwf_verdict *handle, const struct lwf_tell *tells, uint32_t count)
{
	struct pollfd room = {.fd = lwf_verdict_fd(handle), .events = POLLOUT};

	for (uint32_t sent = 0; sent < count;) {
		int n = lwf_verdict_tell(handle, tells + sent, count - sent);

		if (n == -EAGAIN && poll(&room, 1, -1) < 0)
			_exit(1);
		if (n < 0 && n != -EAGAIN)
			_exit(0);
		sent += n > 0 ? (uint32_t)n : 0;
	}
}

static void decide(const char *path, bool batched)
{
	static struct lwf_verdict_event events[LWF_VERDICT_RECORDS_MAX];
	struct lwf_verdict_options options = LWF_VERDICT_OPTIONS_INIT;
	struct lwf_tell tells[LWF_VERDICT_RECORDS_MAX];
	struct lwf_verdict *handle;
	struct lwf_error error;
	int n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	options.control = path;
	options.stack = "s0";
	options.module = "asker";
	if (lwf_verdict_open(&options, &handle, &error)) {
		fprintf(stderr, "verdict_rate: %s: %s\n", error.what, error.why);
		_exit(1);
	}
	while (n >= 0 && lwf_verdict_wait(handle, UINT64_MAX) == 0) {
		while ((n = lwf_verdict_next(handle, events, LWF_VERDICT_RECORDS_MAX)) > 0) {
			for (int i = 0; i < n; i++) {
				tells[i] = (struct lwf_tell){.ask = events[i].ask.ask,
							     .action = LWF_VERDICT_PERMIT,
							     .scope = LWF_SCOPE_FLOW};
				if (!batched)
					tell(handle, &tells[i], 1);
			}
			if (batched)
				tell(handle, tells, (uint32_t)n);
		}
	}
	_exit(0);
}

/* ---- one measurement ---- */

static void silent(enum lwf_log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static void closed(void *context)
{
	(void)context;
	lwf_event_host_stop(world.host);
}

static void give_up(const char *what)
{
	fprintf(stderr, "verdict_rate: %s: it could not be made\n", what);
	exit(1);
}

static double measure(bool batched, uint64_t seconds)
{
	static struct lwf_server server;
	static struct lwf_config config;
	char dir[] = "/tmp/lwf-verdict-rate-XXXXXX", path[64], why[128];
	struct lwf_edge *upper, *lower;
	struct lwf_engine *engine;
	struct lwf_stack *stack = NULL;
	struct lwf_error error;
	struct lwf_socket sock = {.fd = -1, .lock_fd = -1};
	pid_t child;

	memset(&world, 0, sizeof(world));
	world.seconds = seconds;
	world.turn.fn = ask;
	world.host = lwf_event_host_create(silent);
	engine = world.host ? lwf_engine_create(world.host) : NULL;
	if (!engine || !mkdtemp(dir) || lwf_engine_register(engine, &asker) ||
	    lwf_sim_edge_create(world.host, "up", &upper) ||
	    lwf_sim_edge_create(world.host, "down", &lower) ||
	    lwf_stack_create(engine, "s0", upper, lower, &stack) ||
	    lwf_stack_insert(stack, "asker", 0, NULL, why, sizeof(why)))
		give_up("the stack");
	lwf_stack_start(stack);
	snprintf(path, sizeof(path), "%s/control", dir);
	if (lwf_server_init(&server, engine, &config, NULL) ||
	    lwf_socket_claim(&sock, path, &error) || lwf_socket_make(&sock, false, 0, &error) ||
	    lwf_server_listen(&server, sock.fd) || lwf_socket_show(&sock, &error))
		give_up(path);
	child = fork();
	if (child == 0)
		decide(path, batched);
	lwf_timer_init(&world.end, world.host, at_end, NULL);
	lwf_timer_set(&world.end, WARM_NS);
	lwf_host_post(world.host, &world.turn);
	lwf_event_host_run(world.host);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	world.turn.fn = closed; /* it is posted still; this turn is its last */
	lwf_event_host_run(world.host);
	lwf_timer_fini(&world.end);
	lwf_server_stop_accepting(&server);
	lwf_server_close_peers(&server);
	lwf_stack_close(stack, closed, NULL);
	lwf_event_host_run(world.host);
	lwf_server_fini(&server);
	lwf_engine_destroy(engine);
	lwf_event_host_destroy(world.host);
	lwf_socket_close(&sock);
	rmdir(dir);
	return world.rate;
}

/* ---- all of them ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int write_json(const char *path, double rates[KINDS][ROUNDS_MAX], unsigned rounds)
{
	FILE *file = fopen(path, "we");

	if (!file) {
		fprintf(stderr, "verdict_rate: %s: %s\n", path, strerror(errno));
		return 2;
	}
	fprintf(file, "{\"schema\":1,\"rounds\":%u", rounds);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		fprintf(file, ",\"%s\":[", kind ? "batched" : "single");
		for (unsigned i = 0; i < rounds; i++)
			fprintf(file, "%s%.0f", i ? "," : "", rates[kind][i]);
		fprintf(file, "]");
	}
	fprintf(file, "}\n");
	return fclose(file) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"rounds", required_argument, NULL, 'r'},
					      {"seconds", required_argument, NULL, 's'},
					      {"json", required_argument, NULL, 'j'},
					      {0}};
	static double rates[KINDS][ROUNDS_MAX];
	unsigned rounds = 5, seconds = 2;
	const char *json = NULL;
	uint64_t wrong = 0;
	int got;

	while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (got == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (got == 's')
			seconds = (unsigned)strtoul(optarg, NULL, 10);
		else if (got == 'j')
			json = optarg;
		else
			return 2;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || seconds < 1 || seconds > 99) {
		fprintf(stderr, "verdict_rate: give 1 to 99 rounds, and 1 to 99 seconds\n");
		return 2;
	}
	fill_asks();
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned kind = 0; kind < KINDS; kind++) {
			rates[kind][round] = measure(kind == 1, seconds);
			wrong += world.wrong;
		}
	}
	got = json ? write_json(json, rates, rounds) : 0;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		qsort(rates[kind], rounds, sizeof(rates[kind][0]), ascending);
		printf("%-24s %9.0f verdicts a second (least %.0f)\n", kinds[kind],
		       rates[kind][rounds / 2], rates[kind][0]);
	}
	if (wrong)
		fprintf(stderr, "verdict_rate: %llu verdicts were not the next one\n",
			(unsigned long long)wrong);
	return wrong ? 1 : got;
}
