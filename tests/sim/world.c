/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - makes stacks, does one random thing to them at a time, and ends them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

struct sim_world *sim_world;

uint32_t sim_below(struct sim_world *world, uint32_t n)
{
	uint64_t z = (world->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

bool sim_once_in(struct sim_world *world, uint32_t n)
{
	return sim_below(world, n) == 0;
}

void sim_digest(struct sim_world *world, uint64_t number)
{
	world->digest = (world->digest ^ number) * 0x100000001b3ull;
}

void sim_run(struct sim_world *world, uint64_t ns)
{
	lwf_sim_host_run_until(world->host, lwf_host_now_ns(world->host) + ns);
}

/* ---- what is noted as it happens ---- */

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
	if (lwf_sim_edge_config(slot->lower)->fail_per_1024 ||
	    slot->lower->counters.drops[LWF_REASON_QUEUE_FULL] ||
	    (slot->upper && (lwf_sim_edge_config(slot->upper)->fail_per_1024 ||
			     slot->upper->counters.drops[LWF_REASON_QUEUE_FULL])))
		slot->last[SIM_FAILING] = now;
	if (!slot->upper) /* what clients send upwards fails */
		slot->last[SIM_FAILING] = now;
	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++)
		if (strncmp(lwf_module_name(module), "wobble", 6) == 0)
			slot->last[SIM_WOBBLE] = now;
}

static struct sim_slot *slot_by_name(struct sim_world *world, const char *name)
{
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack &&
		    strcmp(lwf_stack_name(world->slots[i].stack), name) == 0)
			return &world->slots[i];
	return NULL;
}

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	struct sim_world *world =
		(struct sim_world *)((char *)observer - offsetof(struct sim_world, observer));
	struct sim_slot *slot = slot_by_name(world, record->stack_name);

	sim_digest(world, record->time_ns);
	sim_digest(world,
		   (uint64_t)record->kind << 32 | (uint64_t)record->before << 16 | record->after);
	for (const char *at = record->event; *at; at++)
		sim_digest(world, (uint8_t)*at);
	if (world->trace)
		printf("%12.6f %-3s %-10s %-8s %s %s>%s out %u/%u %s\n",
		       (double)record->time_ns / 1e9, record->stack_name, record->module_name,
		       lwf_trace_kind_name((enum lwf_trace_kind)record->kind), record->event,
		       lwf_state_name((enum lwf_state)record->before),
		       lwf_state_name((enum lwf_state)record->after), record->sends_out,
		       record->receives_out, record->text);
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

static void insert(struct sim_slot *slot)
{
	struct sim_world *world = slot->world;
	uint32_t count = 0;
	char spec[64], error[128];
	int ret;

	while (lwf_stack_module_at(slot->stack, count))
		count++;
	if (count >= 4)
		return;
	if (!lwf_stack_module(slot->stack, "inject") && !sim_once_in(world, 4))
		snprintf(spec, sizeof(spec), "inject:frames=%u", 1 + sim_below(world, 12));
	else if (sim_once_in(world, 3))
		snprintf(spec, sizeof(spec), "hold:frames=%u", sim_below(world, 5));
	else
		snprintf(spec, sizeof(spec), "%s", sim_once_in(world, 3) ? "monitor" : "wobble");
	ret = lwf_stack_insert(slot->stack, spec, sim_below(world, count + 1), NULL, error,
			       sizeof(error));
	if (ret && ret != -ENOMEM && ret != -ENOSPC && ret != -EBUSY)
		sim_fail("insert %s: %s", spec, error);
}

static void open_slot(struct sim_slot *slot)
{
	struct sim_world *world = slot->world;
	char name[LWF_NAME_BYTES];

	slot->lower = NULL;
	slot->upper = NULL;
	snprintf(name, sizeof(name), "s%u", slot->index);
	if (lwf_sim_edge_create(world->host, "low", &slot->lower))
		return;
	if (!sim_once_in(world, 8) && lwf_sim_edge_create(world->host, "up", &slot->upper)) {
		slot->lower->ops->close(slot->lower);
		return;
	}
	if (lwf_stack_create(world->engine, name, slot->upper, slot->lower, &slot->stack)) {
		slot->stack = NULL;
		return;
	}
	slot->life++;
	slot->holds = 0;
	slot->forced = false;
	slot->closing = false;
	memset(slot->last, 0, sizeof(slot->last));
	lwf_sim_edge_on_hand_over(slot->lower, on_lower, slot);
	if (slot->upper)
		lwf_sim_edge_on_hand_over(slot->upper, on_upper, slot);
	sim_note(slot);
	for (uint32_t n = 1 + sim_below(world, 4); n > 0; n--)
		insert(slot);
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		sim_client_open(slot, i);
	lwf_stack_start(slot->stack);
}

static void on_stack_closed(void *context)
{
	struct sim_slot *slot = context;

	slot->stack = NULL;
	slot->closing = false;
}

static void close_slot(struct sim_slot *slot)
{
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		if (slot->clients[i].open && !slot->clients[i].closing &&
		    sim_once_in(slot->world, 2))
			sim_client_close(&slot->clients[i]);
	slot->closing = true;
	lwf_stack_close(slot->stack, on_stack_closed, slot);
}

/* ---- actions ---- */

static void act_submit(struct sim_slot *slot)
{
	struct sim_client *client = &slot->clients[sim_below(slot->world, SIM_CLIENTS)];

	if (!client->open || client->closing)
		return;
	sim_client_put(client, 1 + sim_below(slot->world, 12));
	sim_client_pump(client);
}

static void act_pump(struct sim_slot *slot)
{
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		if (slot->clients[i].open && !slot->clients[i].closing)
			sim_client_pump(&slot->clients[i]);
}

static void act_client(struct sim_slot *slot)
{
	struct sim_client *client = &slot->clients[sim_below(slot->world, SIM_CLIENTS)];

	if (!client->open && !slot->closing)
		sim_client_open(slot, client->index);
	else if (client->open && !client->closing &&
		 (client->put == SIM_RECORDS || sim_once_in(slot->world, 4)))
		sim_client_close(client);
}

static void act_cancel(struct sim_slot *slot)
{
	struct sim_client *client = &slot->clients[sim_below(slot->world, SIM_CLIENTS)];

	if (!client->open || client->closing)
		return;
	client->cancelled_at = UINT64_MAX; /* whatever is taken meanwhile, too */
	lwf_session_cancel(&client->session, sim_once_in(slot->world, 3)
						     ? 0
						     : 1 + sim_below(slot->world, SIM_RECORDS));
	client->cancelled_at = ++slot->world->seq;
}

static void act_traffic(struct sim_slot *slot)
{
	uint8_t bytes[60] = {0};

	lwf_sim_edge_inject_many(slot->lower, bytes, sizeof(bytes), 1 + sim_below(slot->world, 5));
	if (slot->upper)
		lwf_sim_edge_inject_many(slot->upper, bytes, sizeof(bytes),
					 1 + sim_below(slot->world, 5));
}

static void set_hold(struct sim_slot *slot, enum lwf_hold hold, bool on)
{
	if (on) {
		slot->holds |= 1u << hold;
		lwf_stack_hold(slot->stack, hold);
	} else {
		slot->holds &= ~(1u << hold);
		lwf_stack_release(slot->stack, hold);
	}
}

void sim_toggle_pause(struct sim_slot *slot)
{
	if (!slot->closing)
		set_hold(slot, LWF_HOLD_USER_PAUSE, !(slot->holds & 1u << LWF_HOLD_USER_PAUSE));
}

static void act_user(struct sim_slot *slot)
{
	enum lwf_hold hold =
		sim_once_in(slot->world, 3) ? LWF_HOLD_USER_DETACH : LWF_HOLD_USER_PAUSE;

	if (slot->holds && !sim_once_in(slot->world, 4)) { /* more often up than down */
		set_hold(slot, LWF_HOLD_USER_PAUSE, false);
		set_hold(slot, LWF_HOLD_USER_DETACH, false);
		return;
	}
	set_hold(slot, hold, !(slot->holds & 1u << hold));
}

static void set_link(struct sim_slot *slot, const struct lwf_link *link, const char *event)
{
	bool removed = !link->present, down = link->present && !link->admin_up;

	slot->last[SIM_NOT_RUNNING] = ++slot->world->seq;
	if (removed)
		slot->last[SIM_REMOVED] = slot->world->seq;
	if (!removed && !down && !link->carrier)
		slot->last[SIM_NO_CARRIER] = slot->world->seq;
	lwf_stack_set_link(slot->stack, link, event);
	set_hold(slot, LWF_HOLD_REMOVED, removed);
	set_hold(slot, LWF_HOLD_LINK, down);
}

static void act_link(struct sim_slot *slot)
{
	struct lwf_link link = slot->lower->link;

	if (!link.carrier && !sim_once_in(slot->world, 4)) {
		link.present = link.admin_up = link.carrier = true;
		set_link(slot, &link, "restored");
		return;
	}
	switch (sim_below(slot->world, 5)) {
	case 0:
		link.admin_up = !link.admin_up;
		link.carrier = link.present && link.admin_up;
		set_link(slot, &link, link.admin_up ? "up" : "down");
		break;
	case 1:
		link.present = !link.present;
		link.carrier = link.present && link.admin_up;
		set_link(slot, &link, link.present ? "returned" : "removed");
		break;
	case 2:
		slot->forced = !slot->forced;
		sim_note(slot);
		lwf_stack_force_no_carrier(slot->stack, slot->forced);
		break;
	default:
		if (!link.present || !link.admin_up)
			break;
		link.carrier = !link.carrier;
		set_link(slot, &link, link.carrier ? "carrier-on" : "carrier-off");
	}
}

void sim_remove_module(struct sim_slot *slot)
{
	struct lwf_module *module = lwf_stack_module_at(slot->stack, sim_below(slot->world, 4));

	if (module)
		lwf_stack_remove(slot->stack, module);
}

static void act_modules(struct sim_slot *slot)
{
	if (sim_once_in(slot->world, 2))
		insert(slot);
	else
		sim_remove_module(slot);
}

static void act_options(struct sim_slot *slot)
{
	struct lwf_module *module = lwf_stack_module(slot->stack, "hold");
	char text[32], error[128];

	if (!module)
		return;
	snprintf(text, sizeof(text), sim_once_in(slot->world, 2) ? "release=on" : "frames=%u",
		 sim_below(slot->world, 5));
	lwf_module_set(module, text, error, sizeof(error));
}

static void set_device(struct sim_world *world, struct lwf_edge *edge)
{
	static const enum lwf_reason reasons[] = {LWF_REASON_DEVICE, LWF_REASON_QUEUE_TIMEOUT,
						  LWF_REASON_QUEUE_FULL};
	struct lwf_sim_edge_config *config = lwf_sim_edge_config(edge);

	config->delay_ns = sim_once_in(world, 2) ? 0 : sim_below(world, 3 * SIM_MS);
	config->jitter_ns = sim_once_in(world, 2) ? 0 : sim_below(world, 3 * SIM_MS);
	config->reorder = sim_once_in(world, 3);
	config->merge = sim_once_in(world, 3);
	config->split = sim_once_in(world, 3);
	config->never = sim_once_in(world, 10);
	config->fail_per_1024 = sim_once_in(world, 3) ? sim_below(world, 1025) : 0;
	config->fail_reason = reasons[sim_below(world, 3)];
	config->room_frames = sim_once_in(world, 3) ? 1 + sim_below(world, 20) : 0;
	config->attach_error = sim_once_in(world, 30) ? ENODEV : 0;
}

static void act_device(struct sim_slot *slot)
{
	sim_note(slot); /* what was handed over under the old settings is explained by them */
	set_device(slot->world, slot->lower);
	if (slot->upper)
		set_device(slot->world, slot->upper);
}

static void act_release(struct sim_slot *slot)
{
	lwf_sim_edge_release(slot->lower, 1 + sim_below(slot->world, 8));
	if (slot->stack && slot->upper)
		lwf_sim_edge_release(slot->upper, 1 + sim_below(slot->world, 8));
}

static void act_repair(struct sim_slot *slot)
{
	lwf_stack_release(slot->stack, LWF_HOLD_FAULT_PAUSE);
	lwf_stack_release(slot->stack, LWF_HOLD_FAULT_DETACH);
}

static void act_replace(struct sim_slot *slot)
{
	if (sim_once_in(slot->world, 10))
		close_slot(slot);
}

static const struct {
	const char *name;
	uint32_t weight;
	void (*act)(struct sim_slot *slot);
	bool also_closing;
} actions[] = {
	{"submit", 40, act_submit, true},   {"pump", 8, act_pump, true},
	{"client", 6, act_client, true},    {"cancel", 4, act_cancel, true},
	{"traffic", 20, act_traffic, true}, {"user", 16, act_user, false},
	{"link", 12, act_link, false},	    {"modules", 6, act_modules, false},
	{"options", 4, act_options, true},  {"device", 6, act_device, true},
	{"release", 6, act_release, true},  {"repair", 24, act_repair, false},
	{"replace", 1, act_replace, false},
};

static void do_action(struct sim_slot *slot)
{
	struct sim_world *world = slot->world;
	uint32_t sum = 0, pick;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(actions) / sizeof(actions[0]); k++)
		sum += actions[k].weight;
	pick = sim_below(world, sum);
	while (pick >= actions[i].weight)
		pick -= actions[i++].weight;
	if (slot->closing && !actions[i].also_closing)
		return;
	world->action = actions[i].name;
	if (world->trace)
		printf("%12.6f s%u step %llu: %s\n", (double)lwf_host_now_ns(world->host) / 1e9,
		       slot->index, (unsigned long long)world->step, world->action);
	sim_note(slot);
	actions[i].act(slot);
	if (slot->stack)
		sim_note(slot);
}

/* Takes every obstacle away, waits, and looks whether all is well. */
static void calm_down(struct sim_world *world)
{
	char error[128];

	world->action = "calm";
	world->calm = true;
	lwf_sim_host_fail_nth(world->host, 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SIM_STACKS; i++) {
			struct sim_slot *slot = &world->slots[i];
			struct lwf_module *module;

			if (!slot->stack)
				continue;
			sim_note(slot);
			*lwf_sim_edge_config(slot->lower) = (struct lwf_sim_edge_config){0};
			if (slot->upper)
				*lwf_sim_edge_config(slot->upper) = (struct lwf_sim_edge_config){0};
			for (uint32_t k = 0; (module = lwf_stack_module_at(slot->stack, k)); k++)
				if (strncmp(lwf_module_name(module), "hold", 4) == 0)
					lwf_module_set(module, "release=on,frames=0", error,
						       sizeof(error));
			for (uint32_t k = 0; slot->closing && k < SIM_CLIENTS; k++)
				if (slot->clients[k].open && !slot->clients[k].closing)
					sim_client_close(&slot->clients[k]);
			act_repair(slot);
		}
		sim_run(world, 100 * SIM_MS);
	}
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			sim_note(&world->slots[i]);
	sim_check_calm(world);
	world->calm = false;
}

void sim_world_step(struct sim_world *world)
{
	struct sim_slot *slot = &world->slots[sim_below(world, SIM_STACKS)];

	world->step++;
	if (sim_once_in(world, 40))
		lwf_sim_host_fail_nth(world->host, 1 + sim_below(world, 12));
	if (!slot->stack) {
		world->action = "open";
		open_slot(slot);
	} else {
		do_action(slot);
	}
	if (sim_once_in(world, 2)) {
		world->action = "time";
		sim_run(world, sim_below(world, 4 * SIM_MS));
	}
	sim_check(world);
	if (sim_once_in(world, 200))
		calm_down(world);
}

void sim_world_open(struct sim_world *world, uint64_t seed, uint64_t steps)
{
	bool trace = world->trace;

	memset(world, 0, sizeof(*world));
	world->trace = trace;
	world->seed = seed;
	world->steps = steps;
	world->random = seed * 0x2545f4914f6cdd1dull + 1;
	world->digest = 0xcbf29ce484222325ull;
	sim_world = world;
	world->host = lwf_sim_host_create(seed);
	if (!world->host)
		sim_fail("no memory");
	world->engine = lwf_engine_create(world->host);
	if (!world->engine || lwf_engine_register(world->engine, &sim_wobble_ops))
		sim_fail("the engine cannot be made");
	world->observer.record = on_record;
	lwf_engine_observe(world->engine, &world->observer);
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
	calm_down(world);
	world->action = "close";
	world->calm = true;
	for (uint32_t i = 0; i < SIM_STACKS; i++) {
		struct sim_slot *slot = &world->slots[i];

		for (uint32_t k = 0; slot->stack && k < SIM_CLIENTS; k++)
			if (slot->clients[k].open && !slot->clients[k].closing)
				sim_client_close(&slot->clients[k]);
		if (slot->stack && !slot->closing)
			close_slot(slot);
	}
	sim_run(world, 1000 * SIM_MS);
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			sim_fail("s%u does not end", i);
	sim_check(world);
	lwf_engine_unobserve(world->engine, &world->observer);
	lwf_engine_destroy(world->engine);
	if (lwf_sim_host_allocations(world->host))
		sim_fail("%llu allocations are left",
			 (unsigned long long)lwf_sim_host_allocations(world->host));
	lwf_sim_host_destroy(world->host);
}
