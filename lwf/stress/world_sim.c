/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world_sim.c - the simulated world as a whole: its beginning and end, time, what always holds.
 *
 * Time passes from one timer to the next, and after each the world is judged: every ledger balances
 * and is what clients were told, sessions know what is out, no rule is broken. The digest stands for
 * all that could be seen from outside, in its order: trace records, what devices took, what clients
 * were told; no address is in it and no wall clock, so that the same seed and version give the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/filter.h>

#include "sim_world.h"

#define DIGEST_BASIS 0xcbf29ce484222325ull
#define DIGEST_PRIME 0x100000001b3ull
#define SETTLE_NS    5000000000ull /* at the end everything is home within */
#define START_NS     1000000000ull /* and at the beginning everything runs */

void sim_digest(struct sim_world *world, uint64_t number)
{
	/* FNV-1a over bytes, in fewer steps: a multiplication, and the high half mixed in */
	world->digest = (world->digest ^ number) * DIGEST_PRIME;
	world->digest ^= world->digest >> 29;
}

void sim_digest_text(struct sim_world *world, const char *text)
{
	for (; *text; text++)
		world->digest = (world->digest ^ (uint8_t)*text) * DIGEST_PRIME;
	sim_digest(world, 0x100); /* where it ends */
}

void sim_wrong(struct sim_world *world, const char *expected, const char *found, ...)
{
	struct stress_failure *failure = &world->failure;
	va_list args;

	if (failure->expected[0])
		return;
	snprintf(failure->expected, sizeof(failure->expected), "%s", expected);
	failure->time_ns = sim_now_ns(world);
	va_start(args, found);
	vsnprintf(failure->found, sizeof(failure->found), found, args);
	va_end(args);
}

int sim_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why, ...)
{
	va_list args;

	memset(error, 0, sizeof(*error));
	error->exit = code;
	snprintf(error->what, sizeof(error->what), "%s", what);
	va_start(args, why);
	vsnprintf(error->why, sizeof(error->why), why, args);
	va_end(args);
	return -EINVAL;
}

uint64_t sim_now_ns(const struct sim_world *world)
{
	return lwf_host_now_ns(world->host) - world->began_ns;
}

void sim_note(struct sim_world *world, struct stress_event event, const char *text)
{
	struct stress_record *record = world->base.options.record;

	event.time_ns = sim_now_ns(world);
	event.text = text[0] ? stress_record_intern(record, text) : 0;
	stress_record_add(record, &event);
}

/* ---- what holds always ---- */

static void check_client(struct sim_client *client)
{
	const struct lwf_ledger *theirs = &client->session.ledger, *ours = &client->session_ledger;

	if (!client->open || client->closing)
		return;
	if (client->pulled - client->answered != client->session.outstanding)
		sim_wrong(client->world, "a session knows what is out",
			  "%s waits for %" PRIu64 " answers, its session for %u",
			  client->declared->name, client->pulled - client->answered,
			  client->session.outstanding);
	if (theirs->submitted != ours->submitted ||
	    memcmp(theirs->completed, ours->completed, sizeof(ours->completed)) != 0 ||
	    memcmp(theirs->refused, ours->refused, sizeof(ours->refused)) != 0)
		sim_wrong(client->world, "the ledger is what the client was told",
			  "that of %s is not", client->declared->name);
}

struct gates {
	struct lwf_report report;
	uint64_t count;
	bool there;
};

static void on_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct gates *gates = (struct gates *)report;

	if (strcmp(name, "gate-count") != 0)
		return;
	gates->count = value;
	gates->there = true;
}

/* What modules let in by their gates, what the core counted, and what the ledger says is out. */
static void check_gates(struct sim_link *link, uint64_t out)
{
	struct lwf_module *module;
	uint64_t admitted = 0;

	for (uint32_t i = 0; (module = lwf_stack_module_at(link->stack, i)); i++) {
		struct gates gates = {.report.number = on_number};
		struct lwf_module_info info;

		lwf_module_info(module, &info);
		/* who originates nothing has no gate, and may have long reports, which cost after each step */
		if (!(info.filter->traits & LWF_FILTER_ORIGINATES) ||
		    lwf_module_control(module, LWF_CONTROL_REPORT, &gates.report) || !gates.there)
			continue;
		admitted += gates.count;
		if (gates.count != info.sends_out + info.receives_out)
			sim_wrong(link->world, "a gate counts what its module has out",
				  "%s/%s: %" PRIu64 " in the gate, %u out", link->declared->name,
				  info.name, gates.count, info.sends_out + info.receives_out);
	}
	if (admitted != out)
		sim_wrong(link->world, "what gates let in is what clients wait for",
			  "%s: %" PRIu64 " in gates, %" PRIu64 " not answered",
			  link->declared->name, admitted, out);
}

static void check_link(struct sim_link *link)
{
	const struct lwf_ledger *ledger;
	struct stress_event event = {.kind = STRESS_EVENT_OUTSTANDING, .lane = link->lane};
	uint64_t out = 0, modules;

	if (!link->stack)
		return;
	ledger = lwf_stack_client_ledger(link->stack);
	for (const struct lwf_session *session = lwf_stack_sessions(link->stack); session;
	     session = session->next)
		out += session->outstanding;
	if (lwf_ledger_outstanding(ledger) != out)
		sim_wrong(link->world, "the stack's ledger balances",
			  "%s: %" PRIu64 " submitted and not answered, %" PRIu64 " out",
			  link->declared->name, lwf_ledger_outstanding(ledger), out);
	check_gates(link, out);
	if (ledger->sent != ledger->completed[LWF_ANSWER_SUCCESS])
		sim_wrong(link->world, "sent is what was completed with SUCCESS",
			  "%s: %" PRIu64 " and %" PRIu64, link->declared->name, ledger->sent,
			  ledger->completed[LWF_ANSWER_SUCCESS]);
	modules = sim_out(link);
	if (modules && lwf_stack_state(link->stack) <= LWF_STATE_PAUSED)
		sim_wrong(link->world, "nothing is out of a stack that is not Running",
			  "%s: %" PRIu64 " frames", link->declared->name, modules);
	if (modules == link->out)
		return;
	link->out = modules;
	event.value = modules;
	sim_note(link->world, event, "");
}

static bool sim_check(struct stress_world *base, struct stress_failure *failure)
{
	struct sim_world *world = sim_of(base);
	const struct stress_scenario *scenario = base->options.scenario;

	if (world->graves)
		sim_bury(world);
	if (!world->over) {
		for (uint32_t i = 0; i < scenario->clients; i++)
			check_client(&world->client[i]);
		for (uint32_t i = 0; i < scenario->links; i++)
			check_link(&world->link[i]);
	}
	if (!world->failure.expected[0])
		return true;
	*failure = world->failure;
	return false;
}

/* ---- time ---- */

static void on_alarm(void *context)
{
	(void)context; /* it stops a step at its time */
}

static uint64_t now_ns(struct stress_world *base)
{
	return sim_now_ns(sim_of(base));
}

static int sim_wait(struct stress_world *base, uint64_t until_ns, struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);
	uint64_t until = world->began_ns + until_ns, changes = world->changes;
	uint64_t now = lwf_host_now_ns(world->host);

	(void)error;
	if (until <= now) {
		lwf_sim_host_run_until(world->host, now);
		return 0;
	}
	lwf_timer_set(&world->alarm, until - now);
	while (world->changes == changes && lwf_host_now_ns(world->host) < until)
		lwf_sim_host_step(world->host);
	lwf_timer_cancel(&world->alarm);
	return 0;
}

/* ---- beginning ---- */

static int prepare(struct sim_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err = lwf_timer_init(&world->alarm, world->host, on_alarm, NULL);

	for (uint32_t i = 0; !err && i < scenario->daemons; i++) {
		world->daemon[i].world = world;
		world->daemon[i].index = i;
	}
	for (uint32_t i = 0; !err && i < scenario->links; i++)
		err = sim_link_init(world, i);
	for (uint32_t i = 0; !err && i < scenario->clients; i++) {
		struct sim_client *client = &world->client[i];

		client->world = world;
		client->index = i;
		client->declared = &scenario->client[i];
		client->alive = true;
		err = lwf_timer_init(&client->flood, world->host, sim_client_on_flood, client);
	}
	for (uint32_t i = 0; !err && i < scenario->traffics; i++) {
		struct sim_traffic *traffic = &world->traffic[i];

		traffic->world = world;
		traffic->declared = &scenario->traffic[i];
		err = lwf_timer_init(&traffic->timer, world->host, sim_traffic_on_timer, traffic);
		if (!err && stress_patterns_make(&traffic->patterns, traffic->declared))
			err = -ENOMEM;
	}
	return err ? err : sim_sight_open(world);
}

static bool all_run(const struct sim_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->links; i++)
		if (lwf_stack_state(world->link[i].stack) != LWF_STATE_RUNNING)
			return false;
	return true;
}

static int sim_open(struct stress_world *base, struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);
	int err = 0;

	world->host = lwf_sim_host_create(base->options.seed);
	if (!world->host)
		return sim_refuse(error, LWF_EXIT_FALSE, "simulation", "there is no memory");
	world->began_ns = lwf_host_now_ns(world->host);
	world->digest = DIGEST_BASIS;
	sim_digest(world, base->options.seed);
	if (prepare(world))
		return sim_refuse(error, LWF_EXIT_FALSE, "simulation", "there is no memory");
	for (uint32_t i = 0; !err && i < base->options.scenario->daemons; i++)
		err = sim_daemon_start(world, i, error);
	if (err)
		return err;
	for (uint64_t at = 0; !all_run(world) && at < START_NS; at += START_NS / 100)
		lwf_sim_host_run_until(world->host, world->began_ns + at);
	if (!all_run(world))
		return sim_refuse(error, LWF_EXIT_FALSE, "simulation",
				  "a stack does not become Running");
	return 0;
}

/* ---- end ---- */

static void note_accounts(struct sim_world *world)
{
	struct stress_record *record = world->base.options.record;
	const struct stress_scenario *scenario = world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->clients; i++) {
		struct stress_account *account = &record->account[record->accounts++];
		const struct sim_client *client = &world->client[i];

		snprintf(account->name, sizeof(account->name), "%s", client->declared->name);
		snprintf(account->kind, sizeof(account->kind), "client");
		account->ledger = client->ledger;
		account->lost = client->lost + lwf_ledger_outstanding(&client->ledger);
		account->doubled = client->doubled;
		record->frames += client->ledger.submitted;
	}
	for (uint32_t i = 0; i < scenario->links; i++) {
		const struct sim_link *link = &world->link[i];
		struct stress_account *clients = &record->account[record->accounts++];
		struct stress_account *host = &record->account[record->accounts++];
		struct stress_witness *witness = &record->witness[record->witnesses++];

		snprintf(clients->name, sizeof(clients->name), "%s", link->declared->name);
		snprintf(clients->kind, sizeof(clients->kind), "clients");
		clients->ledger = sim_clients_ledger(link);
		snprintf(host->name, sizeof(host->name), "%s", link->declared->name);
		snprintf(host->kind, sizeof(host->kind), "host");
		host->ledger = sim_host_ledger(link);
		stress_witness_sent(witness, link->declared, &clients->ledger, &host->ledger,
				    link->lower_took);
	}
}

/* Takes every obstacle away and closes all. What is not home then, is lost. */
static void tear_down(struct sim_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	lwf_sim_host_fail_nth(world->host, 0);
	for (uint32_t i = 0; i < scenario->traffics; i++)
		lwf_timer_fini(&world->traffic[i].timer);
	for (uint32_t i = 0; i < scenario->clients; i++) {
		world->client[i].reopen = false;
		world->client[i].alive = false;
		lwf_timer_fini(&world->client[i].flood);
		sim_client_close(&world->client[i]);
	}
	for (uint32_t i = 0; i < scenario->links; i++)
		if (world->link[i].wire)
			lwf_timer_fini(&world->link[i].wire_timer);
	lwf_timer_fini(&world->alarm);
	for (uint32_t i = 0; i < scenario->daemons; i++)
		sim_daemon_end(world, i, false);
	lwf_sim_host_run_until(world->host, lwf_host_now_ns(world->host) + SETTLE_NS);
	sim_bury(world);
	world->over = true;
}

static void sim_account(struct stress_world *base)
{
	struct sim_world *world = sim_of(base);

	if (world->over)
		return;
	note_accounts(world);
	tear_down(world);
	if (world->graves)
		sim_wrong(world, "everything comes to its end within 5 s",
			  "a stack does not: something never came home");
	else if (lwf_sim_host_allocations(world->host))
		sim_wrong(world, "all memory is given back", "%" PRIu64 " allocations are left",
			  lwf_sim_host_allocations(world->host));
}

static void sim_close(struct stress_world *base)
{
	struct sim_world *world = sim_of(base);

	if (world->host && !world->over)
		tear_down(world);
	if (world->host && !world->graves)
		lwf_sim_host_destroy(world->host);
	for (uint32_t i = 0; i < STRESS_TRAFFICS_MAX; i++)
		stress_patterns_free(&world->traffic[i].patterns);
	for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++)
		free(world->link[i].wire);
	sim_sight_close(world);
	free(world);
}

static uint64_t sim_digest_now(struct stress_world *base)
{
	return sim_of(base)->digest;
}

static const struct stress_world_ops ops = {
	.name = "sim",
	.bit = STRESS_IN_SIM,
	.is_virtual = true,
	.open = sim_open,
	.close = sim_close,
	.now_ns = now_ns,
	.wait = sim_wait,
	.fault = sim_fault,
	.undo = sim_undo,
	.traffic = sim_traffic,
	.order = sim_order,
	.ask = sim_ask,
	.check = sim_check,
	.account = sim_account,
	.digest = sim_digest_now,
};

struct stress_world *stress_sim_create(const struct stress_world_options *options)
{
	struct sim_world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	world->base.ops = &ops;
	world->base.options = *options;
	return &world->base;
}
