/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_life.c - accounts over the lives of a daemon.
 *
 * A daemon that ends takes its ledger along. What it counted of clients' frames is then what these
 * were told, answer by answer: their library hands over every answer that was given, and says UNKNOWN of
 * the rest. Where a client was not there to be told (it was killed in that life, or is stopped, or does
 * not listen), and for frames of the host, it is what the daemon said last, with what was out then as
 * UNKNOWN; frames of its very last moment are in no account.
 */
#include <inttypes.h>
#include <string.h>

#include "live_world.h"

#define TOLD_NS \
	2000000000ull /* the clients of a daemon that is gone have taken all answers within */

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static struct live_client *client_of(struct live_link *link, uint32_t index)
{
	struct live_client *client = &link->world->client[index];

	if (index >= link->world->base.options.scenario->clients ||
	    client->declared->link != link->index)
		return NULL;
	return client;
}

/* ---- ledgers ---- */

static void add_since(struct lwf_ledger *to, const struct lwf_ledger *now,
		      const struct lwf_ledger *before)
{
	to->submitted += now->submitted - before->submitted;
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		to->completed[i] += now->completed[i] - before->completed[i];
		to->refused[i] += now->refused[i] - before->refused[i];
	}
	to->sent += now->sent - before->sent;
	to->indicated += now->indicated - before->indicated;
	to->frames += now->frames - before->frames;
	to->bytes += now->bytes - before->bytes;
}

static void add_life(struct live_life *to, const struct live_life *from)
{
	lwf_ledger_add(&to->clients, &from->clients);
	lwf_ledger_add(&to->host, &from->host);
	to->epoch += from->epoch;
	to->upper_took += from->upper_took;
	for (int side = 0; side < LIVE_SIDES; side++) {
		to->wire[side].frames += from->wire[side].frames;
		to->wire[side].bytes += from->wire[side].bytes;
	}
	for (int side = 0; side < 2; side++)
		for (unsigned i = 0; i < LWF_REASONS; i++)
			to->drops[side][i] += from->drops[side][i];
}

static void read_drops(const json_t *edge, uint64_t *drops)
{
	const json_t *told = json_object_get(edge, "drops");

	for (unsigned i = 0; i < LWF_REASONS; i++)
		drops[i] = number(told, lwf_reason_name((enum lwf_reason)i));
}

/* ---- one life ---- */

void live_life_begin(struct live_link *link)
{
	memset(&link->life, 0, sizeof(link->life));
	for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++) {
		struct live_client *client = client_of(link, i);

		if (!client)
			continue;
		client->at_birth = live_client_ledger(client);
		/* one that has not heard of the last life yet will mix it with this one */
		client->told = lwf_ledger_outstanding(&client->at_birth) == 0;
	}
}

void live_life_keep(struct live_link *link)
{
	const json_t *stack = live_seen(link), *upper = json_object_get(stack, "upper");
	const json_t *lower = json_object_get(stack, "lower");

	if (!stack || !live_ledger(link))
		return;
	link->life.clients = live_ledger_of(link, "clients");
	link->life.host = live_ledger_of(link, "host");
	link->life.epoch = number(stack, "epoch");
	link->life.upper_took = number(json_object_get(upper, "tx"), "units");
	for (int side = 0; side < LIVE_SIDES; side++) {
		const json_t *tx = json_object_get(side == LIVE_UPPER ? upper : lower, "tx");

		link->life.wire[side].frames = number(tx, "frames");
		link->life.wire[side].bytes = number(tx, "bytes");
	}
	read_drops(lower, link->life.drops[0]);
	read_drops(upper, link->life.drops[1]);
}

/* Whether @client has taken all that its library had of the daemon that is gone. */
static bool was_told(const struct live_client *client, uint64_t until)
{
	struct lwf_ledger ledger;

	if (!client->told || client->pid <= 0)
		return client->told;
	if (client->stopped || client->page->deaf)
		return false;
	for (;; live_sleep_ns(LIVE_LOOK_NS / 4)) {
		ledger = live_client_ledger(client);
		if (!client->page->connected && lwf_ledger_outstanding(&ledger) == 0)
			return true;
		if (live_clock_ns() >= until)
			return false;
	}
}

static bool all_were_told(struct live_link *link)
{
	uint64_t until = live_clock_ns() + TOLD_NS;

	for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++) {
		const struct live_client *client = client_of(link, i);

		if (client && !was_told(client, until))
			return false;
	}
	return true;
}

void live_life_end(struct live_link *link)
{
	struct live_life *life = &link->life;

	live_watch_hear(link); /* to the end */
	live_watch_close(link);
	link->stopped = link->ending = false;
	if (!link->world->shared && all_were_told(link)) {
		memset(&life->clients, 0, sizeof(life->clients));
		for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++) {
			const struct live_client *client = client_of(link, i);
			struct lwf_ledger now;

			if (!client)
				continue;
			now = live_client_ledger(client);
			add_since(&life->clients, &now, &client->at_birth);
		}
	} else {
		link->uncertain = true;
	}
	stress_ledger_end(&life->clients);
	stress_ledger_end(&life->host);
	add_life(&link->past, life);
	memset(life, 0, sizeof(*life));
}

/* ---- all lives ---- */

struct live_life live_lives(struct live_link *link)
{
	struct live_life all = link->past;

	live_life_keep(link);
	add_life(&all, &link->life);
	return all;
}

static bool same(const struct lwf_ledger *a, const struct lwf_ledger *b)
{
	return a->submitted == b->submitted &&
	       memcmp(a->completed, b->completed, sizeof(a->completed)) == 0 &&
	       memcmp(a->refused, b->refused, sizeof(a->refused)) == 0;
}

void live_life_check(struct live_link *link)
{
	struct live_life all = live_lives(link);
	struct lwf_ledger sum = {0};
	bool comparable = !link->uncertain;

	if (link->world->shared)
		return; /* it has others' frames, too */

	for (uint32_t i = 0; i < STRESS_CLIENTS_MAX; i++) {
		const struct live_client *client = client_of(link, i);
		struct lwf_ledger ledger;

		if (!client)
			continue;
		ledger = live_client_ledger(client);
		comparable = comparable && !client->died && lwf_ledger_outstanding(&ledger) == 0;
		lwf_ledger_add(&sum, &ledger);
	}
	if (all.clients.submitted > sum.submitted || (comparable && !same(&all.clients, &sum)))
		live_wrong(link->world, "the ledger is what the clients were told",
			   "that of %s is not: %" PRIu64 " submitted, %" PRIu64
			   " SUCCESS; they: %" PRIu64 ", %" PRIu64,
			   link->declared->name, all.clients.submitted,
			   all.clients.completed[LWF_ANSWER_SUCCESS], sum.submitted,
			   sum.completed[LWF_ANSWER_SUCCESS]);
}
