/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - makes a world, its stacks and their end; notes what happens, and keeps the digest.
 *
 * The digest stands for all that could be seen from outside, in its order: every trace record (time,
 * kind, epoch, states, counts, status, names and words, but no handle and no latency), every frame
 * that a device is handed (which device, id, length), every answer that a client is given (who, id,
 * status, reason), and the ledgers of each stack at its end. It is made of numbers and text alone,
 * never of addresses or of memory as it lies, so that each compiler and machine finds the same.
 */
#include <stddef.h>
#include <string.h>

#include "ndjson.h"
#include "world.h"

#define SIM_DIGEST_BASIS 0xcbf29ce484222325ull /* FNV-1a */
#define SIM_DIGEST_PRIME 0x100000001b3ull
#define SIM_SLICE_NS	 (SIM_MS / 2)
#define SIM_SLICES	 16u

struct sim_world *sim_world;

void sim_digest(struct sim_world *world, uint64_t number)
{
	for (unsigned i = 0; i < 64; i += 8)
		world->digest = (world->digest ^ (number >> i & 0xff)) * SIM_DIGEST_PRIME;
}

void sim_digest_text(struct sim_world *world, const char *text)
{
	for (; *text; text++)
		world->digest = (world->digest ^ (uint8_t)*text) * SIM_DIGEST_PRIME;
	world->digest *= SIM_DIGEST_PRIME; /* where it ends */
}

/* In slices, so that what is wrong for a while only is seen, too. */
void sim_run(struct sim_world *world, uint64_t ns)
{
	uint64_t until = lwf_host_now_ns(world->host) + ns, now;
	uint64_t slice = ns / SIM_SLICES > SIM_SLICE_NS ? ns / SIM_SLICES : SIM_SLICE_NS;

	do {
		now = lwf_host_now_ns(world->host);
		lwf_sim_host_run_until(world->host, now + slice < until ? now + slice : until);
		sim_check(world);
	} while (now + slice < until);
}

/* ---- what is noted as it happens ---- */

static void note_device(struct sim_slot *slot, struct lwf_edge *edge)
{
	const struct lwf_sim_edge_config *config = lwf_sim_edge_config(edge);

	if (config->fail_per_1024)
		slot->lied[lwf_status_answer(lwf_reason_status(config->fail_reason))] =
			slot->world->seq;
	if (edge->counters.drops[LWF_REASON_QUEUE_FULL])
		slot->last[SIM_QUEUE_FULL] = slot->world->seq;
}

void sim_note(struct sim_slot *slot)
{
	const struct lwf_link *link = &slot->lower->link;
	const struct lwf_module *inject = lwf_stack_module(slot->stack, "inject");
	uint64_t now = ++slot->world->seq;
	struct lwf_module *module;

	if (lwf_stack_state(slot->stack) != LWF_STATE_RUNNING || !link->admin_up || !inject ||
	    lwf_module_state(inject) != LWF_STATE_RUNNING)
		slot->last[SIM_NOT_RUNNING] = now;
	if (!link->present)
		slot->last[SIM_REMOVED] = now;
	if (link->present && link->admin_up && (!link->carrier || slot->forced))
		slot->last[SIM_NO_CARRIER] = now;
	note_device(slot, slot->lower);
	if (slot->upper)
		note_device(slot, slot->upper);
	else
		slot->last[SIM_NO_UPPER] = now;
	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++) {
		bool verdict = strncmp(lwf_module_name(module), "verdict", 7) == 0;

		if (verdict || strncmp(lwf_module_name(module), "wobble", 6) == 0 ||
		    strncmp(lwf_module_name(module), "impair", 6) == 0)
			slot->last[SIM_DROPPER] = now;
		if (verdict)
			slot->last[SIM_COPIER] = now;
		if (verdict && lwf_stack_holds(slot->stack)) /* it settles before the pause */
			slot->last[SIM_NOT_RUNNING] = now;
	}
}

static struct sim_slot *slot_by_name(struct sim_world *world, const char *name)
{
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack &&
		    strcmp(lwf_stack_name(world->slots[i].stack), name) == 0)
			return &world->slots[i];
	return NULL;
}

static void digest_record(struct sim_world *world, const struct lwf_trace_record *record)
{
	sim_digest(world, record->time_ns);
	sim_digest(world, record->epoch);
	sim_digest(world, (uint64_t)record->kind << 32 | (uint64_t)record->before << 16 |
				  (uint64_t)record->after << 8 | record->owed);
	sim_digest(world, (uint64_t)record->sends_out << 32 | record->receives_out);
	sim_digest(world, record->status);
	sim_digest_text(world, record->stack_name);
	sim_digest_text(world, record->module_name);
	sim_digest_text(world, record->event);
	sim_digest_text(world, record->text);
}

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	struct sim_world *world =
		(struct sim_world *)((char *)observer - offsetof(struct sim_world, observer));
	struct sim_slot *slot = slot_by_name(world, record->stack_name);

	if (world->json && !ndjson_put(world->json, record))
		sim_fail("%s cannot be written", world->json_path);
	if (!world->details &&
	    (record->kind == LWF_TRACE_FRAME || record->kind == LWF_TRACE_CALLBACK))
		return; /* made for the file alone: they change nothing */
	digest_record(world, record);
	if (world->trace)
		printf("%12.6f %-3s %-10s %-8s %s %s>%s out %u/%u %s\n",
		       (double)record->time_ns / 1e9, record->stack_name, record->module_name,
		       lwf_trace_kind_name((enum lwf_trace_kind)record->kind), record->event,
		       lwf_state_name((enum lwf_state)record->before),
		       lwf_state_name((enum lwf_state)record->after), record->sends_out,
		       record->receives_out, record->text);
	if (record->kind == LWF_TRACE_RULE && !sim_is_excused(slot, record->event))
		sim_fail_rule(record->event, record->text);
	if (record->kind != LWF_TRACE_STATE)
		return;
	if (slot && record->after != LWF_STATE_RUNNING)
		slot->last[SIM_NOT_RUNNING] = ++world->seq;
	if (record->before == LWF_STATE_RUNNING && record->after == LWF_STATE_PAUSING)
		world->pausing_at[record->module % SIM_PAUSE_SLOTS] = ++world->seq;
	if (record->before == LWF_STATE_PAUSING && record->after == LWF_STATE_PAUSED)
		world->cycles++;
	if (record->before == LWF_STATE_PAUSING && strcmp(record->event, "pending") == 0)
		world->pended++;
}

static void on_lower(void *context, const struct lwf_frame *frame)
{
	struct sim_slot *slot = context;

	sim_witness(slot, slot->lower, frame);
}

static void on_upper(void *context, const struct lwf_frame *frame)
{
	struct sim_slot *slot = context;

	sim_witness(slot, slot->upper, frame);
}

/* ---- birth and end ---- */

void sim_open_slot(struct sim_slot *slot, bool with_upper)
{
	struct sim_world *world = slot->world;
	char name[LWF_NAME_BYTES];

	slot->lower = NULL;
	slot->upper = NULL;
	snprintf(name, sizeof(name), "s%u", slot->index);
	if (lwf_sim_edge_create(world->host, "low", &slot->lower))
		return;
	if (with_upper && lwf_sim_edge_create(world->host, "up", &slot->upper)) {
		slot->lower->ops->close(slot->lower);
		return;
	}
	if (lwf_stack_create(world->engine, name, slot->upper, slot->lower, &slot->stack)) {
		slot->stack = NULL;
		return;
	}
	slot->life++;
	slot->holds = 0;
	slot->started = false;
	slot->forced = false;
	slot->closing = false;
	memset(slot->last, 0, sizeof(slot->last));
	memset(slot->lied, 0, sizeof(slot->lied));
	lwf_sim_edge_on_hand_over(slot->lower, on_lower, slot);
	if (slot->upper)
		lwf_sim_edge_on_hand_over(slot->upper, on_upper, slot);
	sim_set_owners(slot);
	sim_note(slot);
}

static void digest_ledger(struct sim_world *world, const struct lwf_ledger *ledger)
{
	sim_digest(world, ledger->submitted);
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		sim_digest(world, ledger->completed[i]);
		sim_digest(world, ledger->refused[i]);
	}
	sim_digest(world, ledger->frames);
	sim_digest(world, ledger->bytes);
}

static void on_stack_closed(void *context)
{
	struct sim_slot *slot = context;

	if (sim_asks_out(slot))
		sim_fail("s%u ended with requests that were not answered", slot->index);
	slot->stack = NULL;
	slot->closing = false;
	sim_judges_end(slot); /* the stack went first */
}

void sim_close_slot(struct sim_slot *slot)
{
	digest_ledger(slot->world, lwf_stack_client_ledger(slot->stack));
	digest_ledger(slot->world, lwf_stack_host_ledger(slot->stack));
	slot->closing = true;
	lwf_stack_close(slot->stack, on_stack_closed, slot);
}

void sim_world_do(struct sim_world *world, const struct sim_action *action)
{
	char line[SIM_LINE_BYTES];

	world->action = *action;
	world->done++;
	sim_trial_progress(world);
	if (world->trace) {
		sim_action_print(action, line, sizeof(line));
		printf("%12.6f %s\n", (double)lwf_host_now_ns(world->host) / 1e9, line);
	}
	if (world->record && world->record->count < SIM_ACTIONS_MAX)
		world->record->action[world->record->count++] = *action;
	sim_act(world, &world->action);
	sim_check(world);
}

/* Line by line, so that the file is whole wherever a failure ends the world. */
static void open_json(struct sim_world *world)
{
	if (!world->json_path)
		return;
	world->json = fopen(world->json_path, "w");
	if (!world->json || setvbuf(world->json, NULL, _IOLBF, 0) ||
	    lwf_engine_trace_details(world->engine, true))
		sim_fail("%s cannot be written", world->json_path);
}

void sim_world_open(struct sim_world *world, const struct sim_action *first)
{
	struct sim_script *record = world->record;
	const char *json_path = world->json_path;
	bool trace = world->trace;

	memset(world, 0, sizeof(*world));
	world->trace = trace;
	world->json_path = json_path;
	world->record = record;
	world->digest = SIM_DIGEST_BASIS;
	sim_world = world;
	if (record) {
		record->count = 0;
		record->world = *first;
	}
	world->host = lwf_sim_host_create(first->value[SIM_KEY_DICE]);
	if (!world->host)
		sim_fail("no memory");
	world->engine = lwf_engine_create(world->host);
	if (!world->engine || lwf_engine_register(world->engine, &sim_wobble_ops))
		sim_fail("the engine cannot be made");
	lwf_engine_set_profile(world->engine, (enum lwf_profile)first->value[SIM_KEY_PROFILE]);
	world->details = first->value[SIM_KEY_DETAILS] != 0;
	if (world->details)
		lwf_engine_trace_details(world->engine, true);
	world->observer.record = on_record;
	lwf_engine_observe(world->engine, &world->observer);
	open_json(world);
	for (uint32_t i = 0; i < SIM_STACKS; i++) {
		world->slots[i].world = world;
		world->slots[i].index = i;
		for (uint32_t k = 0; k < SIM_CLIENTS; k++) {
			world->slots[i].clients[k].slot = &world->slots[i];
			world->slots[i].clients[k].index = k;
		}
	}
}

void sim_world_close(struct sim_world *world)
{
	world->phase = "end";
	sim_calm_down(world);
	world->calm = true;
	for (uint32_t i = 0; i < SIM_STACKS; i++) {
		struct sim_slot *slot = &world->slots[i];

		for (uint32_t k = 0; slot->stack && k < SIM_CLIENTS; k++)
			if (slot->clients[k].open && !slot->clients[k].closing)
				sim_client_close(&slot->clients[k]);
		if (slot->stack && !slot->closing)
			sim_close_slot(slot);
	}
	sim_run(world, 1000 * SIM_MS);
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			sim_fail("s%u does not end", i);
	sim_check(world);
	lwf_engine_unobserve(world->engine, &world->observer);
	if (world->json && fclose(world->json))
		sim_fail("%s cannot be written", world->json_path);
	lwf_engine_destroy(world->engine);
	if (lwf_sim_host_allocations(world->host))
		sim_fail("%llu allocations are left",
			 (unsigned long long)lwf_sim_host_allocations(world->host));
	lwf_sim_host_destroy(world->host);
}
