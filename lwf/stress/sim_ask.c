/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_ask.c - what expectations ask of the simulated world.
 *
 * Of a client, numbers are those of its own account; of a link, those of the stack's ledger, over
 * all lives of its daemon.
 */
#include <string.h>

#include "sim_world.h"

struct lwf_ledger sim_clients_ledger(const struct sim_link *link)
{
	struct lwf_ledger ledger = link->clients_before;

	if (link->stack)
		lwf_ledger_add(&ledger, lwf_stack_client_ledger(link->stack));
	return ledger;
}

struct lwf_ledger sim_host_ledger(const struct sim_link *link)
{
	struct lwf_ledger ledger = link->host_before;

	if (link->stack)
		lwf_ledger_add(&ledger, lwf_stack_host_ledger(link->stack));
	return ledger;
}

uint64_t sim_out(const struct sim_link *link)
{
	struct lwf_module_info info;
	struct lwf_module *module;
	uint64_t out = 0;

	for (uint32_t i = 0; link->stack && (module = lwf_stack_module_at(link->stack, i)); i++) {
		lwf_module_info(module, &info);
		out += info.sends_out + info.receives_out;
	}
	return out;
}

static uint64_t column(const uint64_t *columns, int word)
{
	uint64_t sum = 0;

	if (word >= 0)
		return columns[word];
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		sum += columns[i];
	return sum;
}

static uint64_t ask_ledger(const struct lwf_ledger *ledger, enum stress_quantity quantity, int word)
{
	switch (quantity) {
	case STRESS_QUANTITY_SUBMITTED:
		return ledger->submitted;
	case STRESS_QUANTITY_COMPLETED:
		return column(ledger->completed, word);
	default:
		return column(ledger->refused, word);
	}
}

static uint64_t ask_client(const struct sim_client *client, const struct stress_question *question)
{
	switch (question->quantity) {
	case STRESS_QUANTITY_OUTSTANDING:
		return lwf_ledger_outstanding(&client->ledger);
	case STRESS_QUANTITY_LOST:
		return client->lost + lwf_ledger_outstanding(&client->ledger);
	case STRESS_QUANTITY_DOUBLED:
		return client->doubled;
	case STRESS_QUANTITY_ALIVE:
		return client->alive;
	case STRESS_QUANTITY_REJECTED:
		return client->rejected;
	case STRESS_QUANTITY_HUNG_UP:
		return client->hung_up;
	default:
		return ask_ledger(&client->ledger, question->quantity, question->word);
	}
}

/* Sum over the clients of @link. */
static uint64_t ask_clients(struct sim_world *world, uint32_t link,
			    const struct stress_question *question)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < scenario->clients; i++)
		if (scenario->client[i].link == link)
			sum += ask_client(&world->client[i], question);
	return sum;
}

static uint64_t ask_drops(const struct sim_link *link, const struct stress_question *question)
{
	uint64_t sum = 0;

	for (int side = 0; side < 2; side++) {
		const struct lwf_edge *edge = side ? link->upper : link->lower;

		if (question->object.kind == (side ? STRESS_LOWER : STRESS_UPPER))
			continue;
		for (int i = 0; i < (int)LWF_REASONS; i++)
			if (question->word < 0 || question->word == i)
				sum += link->drops_before[side][i] +
				       (link->stack && edge ? edge->counters.drops[i] : 0);
	}
	return sum;
}

static uint64_t ask_device(const struct sim_link *link, const struct stress_question *question)
{
	bool upper = question->object.kind == STRESS_UPPER;
	const struct lwf_edge *edge = upper ? link->upper : link->lower;
	struct lwf_link state = upper ? link->upper_link : link->link;
	struct lwf_ledger clients, host;

	if (link->stack && edge)
		state = upper ? edge->link : lwf_stack_link(link->stack);
	switch (question->quantity) {
	case STRESS_QUANTITY_KERNEL_TX:
		return upper ? link->upper_took : link->lower_took;
	case STRESS_QUANTITY_KERNEL_TX_BYTES:
		return link->took_bytes[upper];
	case STRESS_QUANTITY_KERNEL_RX:
		return upper ? link->upper_gave : link->lower_gave;
	case STRESS_QUANTITY_PRESENT:
		return state.present;
	case STRESS_QUANTITY_UP:
		return state.present && state.admin_up;
	case STRESS_QUANTITY_CARRIER:
		return state.present && state.admin_up && state.carrier;
	case STRESS_QUANTITY_MTU_OF:
		return state.mtu_bytes;
	case STRESS_QUANTITY_DROPPED:
		return ask_drops(link, question);
	case STRESS_QUANTITY_WIRE_FRAMES:
		return link->wire_before[upper].frames +
		       (link->stack && edge ? edge->counters.tx_frames : 0);
	case STRESS_QUANTITY_WIRE_BYTES:
		return link->wire_before[upper].bytes +
		       (link->stack && edge ? edge->counters.tx_bytes : 0);
	default: /* SENT */
		if (upper)
			return link->upper_sent_before +
			       (link->stack && edge ? edge->counters.tx_units : 0);
		clients = sim_clients_ledger(link);
		host = sim_host_ledger(link);
		return stress_ledger_sent(&clients, &host);
	}
}

static uint64_t ask_state(const struct sim_link *link, const struct stress_object *object)
{
	struct lwf_module *module;

	if (!link->stack)
		return LWF_STATE_DETACHED;
	if (object->kind == STRESS_LINK)
		return lwf_stack_state(link->stack);
	module = lwf_stack_module(link->stack, object->module);
	return module ? lwf_module_state(module) : LWF_STATE_DETACHED;
}

static uint64_t ask_module_out(const struct sim_link *link, const char *name)
{
	struct lwf_module *module = link->stack ? lwf_stack_module(link->stack, name) : NULL;
	struct lwf_module_info info;

	if (!module)
		return 0;
	lwf_module_info(module, &info);
	return info.sends_out + info.receives_out;
}

static uint64_t ask_link(struct sim_world *world, const struct stress_question *question)
{
	const struct stress_object *object = &question->object;
	const struct sim_link *link = &world->link[object->index];
	struct lwf_ledger ledger;

	switch (question->quantity) {
	case STRESS_QUANTITY_STATE:
		return ask_state(link, object);
	case STRESS_QUANTITY_OUTSTANDING:
		return object->kind == STRESS_MODULE ? ask_module_out(link, object->module)
						     : sim_out(link);
	case STRESS_QUANTITY_SUBMITTED:
	case STRESS_QUANTITY_COMPLETED:
	case STRESS_QUANTITY_REFUSED:
		ledger = sim_clients_ledger(link);
		return ask_ledger(&ledger, question->quantity, question->word);
	case STRESS_QUANTITY_LOST:
	case STRESS_QUANTITY_DOUBLED:
		return ask_clients(world, object->index, question);
	case STRESS_QUANTITY_EPOCH:
		return link->epochs + (link->stack ? lwf_stack_epoch(link->stack) : 0);
	case STRESS_QUANTITY_HELD:
		return link->stack && (lwf_stack_holds(link->stack) & 1u << question->word);
	case STRESS_QUANTITY_PAUSES:
		return link->pauses;
	case STRESS_QUANTITY_PENDED:
		return link->pended;
	case STRESS_QUANTITY_PAUSE_MAX:
		return link->pause.max_ns;
	case STRESS_QUANTITY_PAUSE_P99:
		return stress_histogram_at(&link->pause, 990);
	default:
		return ask_device(link, question);
	}
}

int sim_ask(struct stress_world *base, const struct stress_question *question, int64_t *value,
	    struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);

	if (!(stress_quantity_row(question->quantity)->worlds & STRESS_IN_SIM))
		return sim_refuse(error, LWF_EXIT_SKIPPED,
				  stress_quantity_row(question->quantity)->name,
				  "the simulation knows no such quantity");
	if (stress_sight_answers(question->quantity))
		return sim_sight_ask(world, question, value, error);
	switch (question->object.kind) {
	case STRESS_CLIENT:
		*value = (int64_t)ask_client(&world->client[question->object.index], question);
		return 0;
	case STRESS_DAEMON:
		*value = question->quantity == STRESS_QUANTITY_ALIVE
				 ? world->daemon[question->object.index].engine != NULL
				 : (int64_t)lwf_sim_host_allocations(world->host);
		return 0;
	case STRESS_NOTHING:
		*value = (int64_t)world->rules_broken;
		return 0;
	default:
		*value = (int64_t)ask_link(world, question);
		return 0;
	}
}
