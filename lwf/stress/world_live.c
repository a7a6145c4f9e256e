/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world_live.c - the live world as a whole: its beginning and end, time, what always holds.
 *
 * Each link is a veth pair whose near end an lwfd of its own has, with a TAP above it; the far end is in
 * another network namespace. Clients are processes. Between two looks the run sleeps until a daemon
 * tells something, at most a millisecond. After each look the world is judged: no process ended that
 * nobody ended, no answer came twice, no rule is broken; and from time to time every ledger is summed.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lwf/profile.h>

#include "live_world.h"

uint64_t live_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

uint64_t live_now_ns(const struct live_world *world)
{
	return live_clock_ns() - world->began_ns;
}

void live_wrong(struct live_world *world, const char *expected, const char *found, ...)
{
	struct stress_failure *failure = &world->failure;
	va_list args;

	if (failure->expected[0])
		return;
	snprintf(failure->expected, sizeof(failure->expected), "%s", expected);
	failure->time_ns = live_now_ns(world);
	va_start(args, found);
	vsnprintf(failure->found, sizeof(failure->found), found, args);
	va_end(args);
}

int live_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why, ...)
{
	va_list args;

	memset(error, 0, sizeof(*error));
	error->exit = code;
	snprintf(error->what, sizeof(error->what), "%.120s", what);
	va_start(args, why);
	vsnprintf(error->why, sizeof(error->why), why, args);
	va_end(args);
	return -EINVAL;
}

void live_sleep_ns(uint64_t ns)
{
	struct timespec left = {.tv_sec = (time_t)(ns / 1000000000ull),
				.tv_nsec = (long)(ns % 1000000000ull)};

	nanosleep(&left, NULL);
}

/* ---- beginning ---- */

/* What the scenario asks for, and a live run has not. */
static int refuse_early(const struct stress_world_options *options, struct lwf_error *error)
{
	const struct stress_scenario *scenario = options->scenario;

	return live_source_check(scenario, error);
}

int live_prepare(struct live_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->links; i++) {
		struct live_link *link = &world->link[i];

		link->declared = &scenario->link[i];
		link->index = i;
		live_link_name(link);
		snprintf(link->control, sizeof(link->control), LIVE_DIR "/link%u", i);
		snprintf(link->log, sizeof(link->log), LIVE_DIR "/link%u.log", i);
		link->lane =
			stress_record_lane(world->base.options.record, link->declared->name, NULL);
	}
	for (uint32_t i = 0; i < scenario->clients; i++) {
		struct live_client *client = &world->client[i];

		client->declared = &scenario->client[i];
		client->index = i;
		client->page = mmap(NULL, sizeof(*client->page), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (client->page == MAP_FAILED) {
			client->page = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

int live_start_clients(struct live_world *world, struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err = 0;

	for (uint32_t i = 0; !err && i < scenario->clients; i++)
		if (live_client_start(&world->client[i]))
			err = live_refuse(error, LWF_EXIT_FALSE, world->client[i].declared->name,
					  "no process can be started");
	for (uint32_t i = 0; !err && i < scenario->clients; i++)
		err = live_client_wait(&world->client[i], error);
	return err;
}

static int start_all(struct live_world *world, struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err = 0;

	for (uint32_t i = 0; !err && i < scenario->links; i++)
		err = live_link_plug(&world->link[i]);
	for (uint32_t i = 0; !err && i < scenario->links; i++) {
		live_life_begin(&world->link[i]);
		err = live_daemon_start(&world->link[i]);
	}
	if (err)
		return live_refuse(error, LWF_EXIT_FALSE, scenario->name,
				   "its links cannot be made: %s", strerror(-err));
	for (uint32_t i = 0; !err && i < scenario->links; i++)
		err = live_daemon_wait(&world->link[i], error);
	if (!err)
		err = live_start_clients(world, error);
	if (!err && live_source_start(world))
		err = live_refuse(error, LWF_EXIT_FALSE, scenario->name,
				  "no process can be started for its hosts and networks");
	return err;
}

static int live_open(struct stress_world *base, struct lwf_error *error)
{
	struct live_world *world = live_of(base);
	int err = refuse_early(&base->options, error);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	live_daemon_find(world);
	if (live_prepare(world))
		return live_refuse(error, LWF_EXIT_FALSE, "memory", "there is none");
	err = live_shim_prepare(world, error);
	if (!err)
		err = live_space_enter(world, error);
	if (!err)
		err = live_sight_start(world, error);
	if (!err)
		err = start_all(world, error);
	world->began_ns = live_clock_ns();
	return err;
}

/* ---- time ---- */

static uint64_t now_ns(struct stress_world *base)
{
	return live_now_ns(live_of(base));
}

static int live_wait(struct stress_world *base, uint64_t until_ns, struct lwf_error *error)
{
	struct live_world *world = live_of(base);
	struct pollfd at[STRESS_LINKS_MAX];
	uint32_t links = base->options.scenario->links;
	uint64_t now = live_now_ns(world), left;
	struct timespec time;

	(void)error;
	for (uint32_t i = 0; i < links; i++) {
		live_forget(&world->link[i]);
		at[i] = (struct pollfd){.fd = -1, .events = POLLIN};
		if (world->link[i].watches)
			at[i].fd = lwf_connection_fd(world->link[i].watches);
	}
	left = until_ns > now ? until_ns - now : 0;
	time = (struct timespec){.tv_nsec = (long)(left < LIVE_LOOK_NS ? left : LIVE_LOOK_NS)};
	ppoll(at, links, &time, NULL);
	for (uint32_t i = 0; i < links; i++)
		live_watch_hear(&world->link[i]);
	live_witness_hear(world);
	return 0;
}

/* ---- what holds always ---- */

static void check_client(struct live_client *client)
{
	struct live_world *world = client->world;
	uint64_t doubled = client->page->doubled;
	int status;

	if (doubled)
		live_wrong(world, "exactly one answer to each frame",
			   "%s was told of %" PRIu64 " frames again", client->declared->name,
			   doubled);
	if (client->pid <= 0 || waitpid(client->pid, &status, WNOHANG) != client->pid)
		return;
	client->pid = 0;
	live_wrong(world, "no process ends by itself", "the process of %s ended with %s %d",
		   client->declared->name, WIFSIGNALED(status) ? "signal" : "exit code",
		   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void check_ledger(struct live_link *link, const char *group)
{
	struct lwf_ledger ledger = live_ledger_of(link, group);
	const json_t *told = json_object_get(live_ledger(link), group);
	uint64_t out = (uint64_t)json_integer_value(json_object_get(told, "outstanding"));

	if (told && lwf_ledger_outstanding(&ledger) != out)
		live_wrong(link->world, "the stack's ledger balances",
			   "%s, %s: %" PRIu64 " submitted and not answered, %" PRIu64 " out",
			   link->declared->name, group, lwf_ledger_outstanding(&ledger), out);
}

/* What modules let in by their gates, what the core counted, and what sessions wait for. */
static void check_gates(struct live_link *link)
{
	const json_t *stack = live_seen(link), *row;
	json_int_t waited = 0, admitted = 0;
	size_t i;

	json_array_foreach(json_object_get(stack, "sessions"), i, row) waited +=
		json_integer_value(json_object_get(row, "outstanding"));
	json_array_foreach(json_object_get(stack, "modules"), i, row)
	{
		const json_t *gate = json_object_get(json_object_get(row, "report"), "gate-count");
		json_int_t out = json_integer_value(json_object_get(row, "sends_out")) +
				 json_integer_value(json_object_get(row, "receives_out"));

		if (gate && json_integer_value(gate) != out)
			live_wrong(link->world, "a gate counts what its module has out",
				   "%s/%s: %lld in the gate, %lld out", link->declared->name,
				   json_string_value(json_object_get(row, "name")),
				   (long long)json_integer_value(gate), (long long)out);
		admitted += json_integer_value(gate);
	}
	if (admitted != waited)
		live_wrong(link->world, "what gates let in is what clients wait for",
			   "%s: %lld in gates, %lld not answered", link->declared->name,
			   (long long)admitted, (long long)waited);
}

static void check_rules(struct live_link *link)
{
	json_int_t broken = json_integer_value(json_object_get(link->seen, "rules_broken"));

	if (broken > (json_int_t)link->world->rules_before)
		live_wrong(link->world, "no rule is broken", "%s: %lld were", link->declared->name,
			   (long long)broken);
}

static void judge_link(struct live_link *link)
{
	struct stress_event event = {.kind = STRESS_EVENT_OUTSTANDING, .lane = link->lane};
	uint64_t out;

	if (!live_ledger(link))
		return;
	check_ledger(link, "clients");
	check_ledger(link, "host");
	if (!json_is_true(json_object_get(live_ledger(link), "balanced")))
		live_wrong(link->world, "every ledger balances", "one of %s does not",
			   link->declared->name);
	check_gates(link);
	check_rules(link);
	live_life_keep(link);
	out = live_out(link);
	if (out == link->out)
		return;
	link->out = event.value = out;
	event.time_ns = live_now_ns(link->world);
	stress_record_add(link->world->base.options.record, &event);
}

static void check_all(struct live_world *world, bool thoroughly)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->clients; i++)
		check_client(&world->client[i]);
	for (uint32_t i = 0; i < scenario->links; i++) {
		live_daemon_check(&world->link[i]);
		live_source_judge(&world->link[i]);
		live_sight_judge(&world->link[i]);
		if (thoroughly)
			judge_link(&world->link[i]);
	}
}

static bool live_check(struct stress_world *base, struct stress_failure *failure)
{
	struct live_world *world = live_of(base);
	uint64_t now = live_now_ns(world);
	bool thoroughly = now - world->judged_ns >= LIVE_JUDGE_NS;

	check_all(world, thoroughly);
	if (thoroughly)
		world->judged_ns = now;
	if (!world->failure.expected[0])
		return true;
	*failure = world->failure;
	return false;
}

static int live_traffic(struct stress_world *base, uint32_t index, bool on, struct lwf_error *error)
{
	const struct stress_traffic *traffic = &base->options.scenario->traffic[index];
	_Atomic uint32_t *is_on = live_source_switch(live_of(base), &traffic->from);

	(void)error;
	if (on)
		*is_on |= 1u << index;
	else
		*is_on &= ~(1u << index);
	return 0;
}

/* ---- end ---- */

static struct stress_account *add_account(struct stress_record *record, const char *name,
					  const char *kind, struct lwf_ledger ledger)
{
	struct stress_account *account = &record->account[record->accounts++];

	snprintf(account->name, sizeof(account->name), "%s", name);
	snprintf(account->kind, sizeof(account->kind), "%s", kind);
	account->ledger = ledger;
	return account;
}

static void note_link(struct stress_record *record, struct live_link *link)
{
	struct stress_witness *witness = &record->witness[record->witnesses++];
	struct live_life all = live_lives(link);
	uint64_t unknown =
		all.clients.completed[LWF_ANSWER_UNKNOWN] + all.host.completed[LWF_ANSWER_UNKNOWN];

	add_account(record, link->declared->name, "clients", all.clients);
	add_account(record, link->declared->name, "host", all.host);
	stress_witness_sent(witness, link->declared, &all.clients, &all.host,
			    live_witness(link, false, LIVE_TX));
	/* of frames that nobody could be told of any more, the device took any number */
	if (unknown && witness->outside > witness->inside) {
		uint64_t more = (uint64_t)(witness->outside - witness->inside);

		snprintf(witness->name, sizeof(witness->name), "%.12s.lower sent+UNKNOWN",
			 link->declared->name);
		witness->inside += (int64_t)(more < unknown ? more : unknown);
	}
}

static void live_account(struct stress_world *base)
{
	struct live_world *world = live_of(base);
	struct stress_record *record = base->options.record;

	for (uint32_t i = 0; i < base->options.scenario->links; i++) {
		live_watch_hear(&world->link[i]);
		live_forget(&world->link[i]);
	}
	check_all(world, true);
	for (uint32_t i = 0; i < base->options.scenario->clients; i++) {
		struct live_client *client = &world->client[i];
		struct lwf_ledger ledger = live_client_ledger(client);
		struct stress_account *account =
			add_account(record, client->declared->name, "client", ledger);

		account->lost = lwf_ledger_outstanding(&ledger);
		account->doubled = client->page->doubled;
		record->frames += ledger.submitted;
	}
	for (uint32_t i = 0; i < base->options.scenario->links; i++)
		note_link(record, &world->link[i]);
	for (uint32_t i = 0; i < base->options.scenario->links; i++)
		live_life_check(&world->link[i]);
	for (uint32_t i = 0; i < base->options.scenario->links; i++)
		live_shim_account(&world->link[i]);
}

static void live_close(struct stress_world *base)
{
	struct live_world *world = live_of(base);

	for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++) {
		live_end_child(&world->client[i].pid, SIGKILL);
		if (world->client[i].page)
			munmap(world->client[i].page, sizeof(struct live_page));
	}
	for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++) {
		struct live_link *link = &world->link[i];

		live_watch_close(link);
		live_source_stop(link);
		live_sight_stop(link);
		live_end_child(&link->pid, SIGKILL);
		live_shim_end(link);
		live_link_close(link);
	}
	live_space_leave(world);
	live_net_close(world->near_net);
	if (world->near_ns >= 0)
		close(world->near_ns);
	if (world->proc_fd >= 0)
		close(world->proc_fd);
	if (world->near_ends >= 0)
		close(world->near_ends);
	free(world);
}

const struct stress_world_ops live_ops = {
	.name = "live",
	.bit = STRESS_IN_LIVE,
	.open = live_open,
	.close = live_close,
	.now_ns = now_ns,
	.wait = live_wait,
	.fault = live_fault,
	.undo = live_undo,
	.traffic = live_traffic,
	.order = live_order,
	.ask = live_ask,
	.check = live_check,
	.account = live_account,
};

struct stress_world *stress_live_create(const struct stress_world_options *options)
{
	struct live_world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	live_init(world, options);
	return &world->base;
}

void live_init(struct live_world *world, const struct stress_world_options *options)
{
	world->base.ops = &live_ops;
	world->base.options = *options;
	world->near_ns = world->near_ends = world->proc_fd = -1;
	for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++) {
		world->link[i].world = world;
		world->link[i].far_ns = world->link[i].far_ends = world->link[i].away_ns = -1;
	}
	for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++)
		world->client[i].world = world;
}
