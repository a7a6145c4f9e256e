/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * actions.c - what each verb of a script does to the world. What does not fit now, does nothing.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

/* ---- stacks and modules ---- */

static void act_open(struct sim_slot *slot, const struct sim_action *action)
{
	if (!slot->stack)
		sim_open_slot(slot, action->value[SIM_KEY_UPPER]);
}

static void act_start(struct sim_slot *slot, const struct sim_action *action)
{
	(void)action;
	if (slot->started)
		return;
	slot->started = true;
	lwf_stack_start(slot->stack);
}

static void act_close(struct sim_slot *slot, const struct sim_action *action)
{
	(void)action;
	sim_close_slot(slot);
}

static void act_insert(struct sim_slot *slot, const struct sim_action *action)
{
	uint32_t count = 0;
	char error[128];
	int ret;

	while (lwf_stack_module_at(slot->stack, count))
		count++;
	if (count >= SIM_MODULES)
		return;
	ret = lwf_stack_insert(slot->stack, action->text, action->value[SIM_KEY_AT], NULL, error,
			       sizeof(error));
	if (ret == -ENOENT && slot->world->unloading)
		return;
	if (ret && ret != -ENOMEM && ret != -ENOSPC && ret != -EBUSY)
		sim_fail("insert %s: %s", action->text, error);
}

static struct lwf_module *module_of(struct sim_slot *slot, const struct sim_action *action)
{
	return lwf_stack_module_at(slot->stack, action->value[SIM_KEY_AT]);
}

static void act_remove(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_module *module = module_of(slot, action);

	if (module)
		lwf_stack_remove(slot->stack, module);
}

static void act_restart_filter(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_module *module = module_of(slot, action);

	if (module)
		lwf_restart_filter(module);
}

/* The wobbling filter is gone: it comes back at once. */
static void on_unloaded(void *context)
{
	struct sim_world *world = context;

	world->unloading = false;
	if (lwf_engine_register(world->engine, &sim_wobble_ops))
		sim_fail("a filter that was unregistered cannot be registered again");
}

static void unload(struct sim_world *world)
{
	if (world->unloading)
		return;
	world->unloading = true;
	if (lwf_engine_unregister(world->engine, &sim_wobble_ops, on_unloaded, world))
		sim_fail("a filter cannot be unregistered");
}

/* Options of another filter than the one that stands there are refused by the engine. */
static void act_set(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_module *module = module_of(slot, action);
	char error[128];

	if (module)
		lwf_module_set(module, action->text, error, sizeof(error));
}

/* ---- clients ---- */

/* The client that @action means, when it is there. */
static struct sim_client *client_of(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = &slot->clients[action->value[SIM_KEY_CLIENT] % SIM_CLIENTS];

	return client->open && !client->closing ? client : NULL;
}

static void act_connect(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = &slot->clients[action->value[SIM_KEY_CLIENT] % SIM_CLIENTS];

	if (!client->open)
		sim_client_open(slot, client->index, action->value[SIM_KEY_WAIT],
				action->value[SIM_KEY_EAGER]);
}

static void act_disconnect(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (client)
		sim_client_close(client);
}

static void act_submit(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (!client)
		return;
	sim_client_put(client, action->value[SIM_KEY_FRAMES], action->value[SIM_KEY_BYTES],
		       action->value[SIM_KEY_UP], action->value[SIM_KEY_BAD]);
	sim_client_pump(client, action->value[SIM_KEY_BUDGET]);
}

static void act_pump(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (client)
		sim_client_pump(client, action->value[SIM_KEY_BUDGET]);
}

static void act_cancel(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (client)
		sim_client_cancel(client, action->value[SIM_KEY_ID]);
}

static void set_reaction(struct sim_reaction *reaction, const struct sim_action *action)
{
	reaction->what = (enum sim_do)action->value[SIM_KEY_DO];
	reaction->after = action->value[SIM_KEY_AFTER];
}

static void act_on_answer(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (client)
		set_reaction(&client->on_answer, action);
}

static void act_on_state(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_client *client = client_of(slot, action);

	if (client)
		set_reaction(&client->on_state, action);
}

void sim_react(struct sim_client *client, struct sim_reaction *reaction)
{
	struct sim_slot *slot = client->slot;
	struct lwf_module *top = lwf_stack_module_at(slot->stack, 0);

	if (reaction->after == 0 || --reaction->after)
		return;
	switch (reaction->what) {
	case SIM_DO_DISCONNECT:
		sim_client_close(client);
		break;
	case SIM_DO_PAUSE:
	case SIM_DO_RESUME:
		if (!slot->closing)
			sim_set_hold(slot, LWF_HOLD_USER_PAUSE, reaction->what == SIM_DO_PAUSE);
		break;
	case SIM_DO_REMOVE:
		if (top)
			lwf_stack_remove(slot->stack, top);
		break;
	case SIM_DO_ANSWER:
		lwf_sim_edge_release(slot->lower, 2);
		break;
	case SIM_DO_PUMP:
		sim_client_pump(client, LWF_BATCH_MAX_FRAMES);
		break;
	case SIM_DO_CANCEL:
		sim_client_cancel(client, 0);
		break;
	case SIM_DO_DISCONNECT_NEXT:
		client = &slot->clients[(client->index + 1) % SIM_CLIENTS];
		if (client->open && !client->closing)
			sim_client_close(client);
		break;
	case SIM_DO_NOTHING:
	case SIM_DOS:
		break;
	}
}

/* ---- devices, links, holds ---- */

static struct lwf_edge *edge_of(struct sim_slot *slot, const struct sim_action *action)
{
	return action->value[SIM_KEY_SIDE] ? slot->upper : slot->lower;
}

static void act_traffic(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_edge *edge = edge_of(slot, action);
	uint8_t bytes[2048] = {0};

	if (action->value[SIM_KEY_BYTES] <= sizeof(bytes))
		sim_flow_bytes(bytes, action->value[SIM_KEY_BYTES], action->value[SIM_KEY_FLOW],
			       !action->value[SIM_KEY_SIDE]);
	if (edge && action->value[SIM_KEY_FRAMES])
		lwf_sim_edge_inject_many(edge, bytes, action->value[SIM_KEY_BYTES],
					 action->value[SIM_KEY_FRAMES]);
}

void sim_set_hold(struct sim_slot *slot, enum lwf_hold hold, bool on)
{
	if (on) {
		slot->holds |= 1u << hold;
		lwf_stack_hold(slot->stack, hold);
	} else {
		slot->holds &= ~(1u << hold);
		lwf_stack_release(slot->stack, hold);
	}
}

static enum lwf_hold hold_of(const struct sim_action *action)
{
	return action->value[SIM_KEY_BY] ? LWF_HOLD_USER_DETACH : LWF_HOLD_USER_PAUSE;
}

static void act_hold(struct sim_slot *slot, const struct sim_action *action)
{
	sim_set_hold(slot, hold_of(action), true);
}

static void act_release(struct sim_slot *slot, const struct sim_action *action)
{
	sim_set_hold(slot, hold_of(action), false);
}

static void act_repair(struct sim_slot *slot, const struct sim_action *action)
{
	(void)action;
	lwf_stack_release(slot->stack, LWF_HOLD_FAULT_PAUSE);
	lwf_stack_release(slot->stack, LWF_HOLD_FAULT_DETACH);
	lwf_stack_retry(slot->stack);
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
	sim_set_hold(slot, LWF_HOLD_REMOVED, removed);
	sim_set_hold(slot, LWF_HOLD_LINK, down);
}

static void act_link(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_link link = slot->lower->link;
	enum sim_event event = (enum sim_event)action->value[SIM_KEY_EVENT];

	switch (event) {
	case SIM_EVENT_DOWN:
	case SIM_EVENT_UP:
		link.admin_up = event == SIM_EVENT_UP;
		link.carrier = link.present && link.admin_up;
		set_link(slot, &link, event == SIM_EVENT_UP ? "up" : "down");
		break;
	case SIM_EVENT_REMOVE:
	case SIM_EVENT_RETURN:
		link.present = event == SIM_EVENT_RETURN;
		link.carrier = link.present && link.admin_up;
		set_link(slot, &link, link.present ? "returned" : "removed");
		break;
	case SIM_EVENT_CARRIER_OFF:
	case SIM_EVENT_CARRIER_ON:
		if (!link.present || !link.admin_up)
			break;
		link.carrier = event == SIM_EVENT_CARRIER_ON;
		set_link(slot, &link, link.carrier ? "carrier-on" : "carrier-off");
		break;
	case SIM_EVENT_FORCE_OFF:
	case SIM_EVENT_FORCE_ON:
		slot->forced = event == SIM_EVENT_FORCE_OFF;
		sim_note(slot);
		lwf_stack_force_no_carrier(slot->stack, slot->forced);
		break;
	case SIM_EVENT_RESTORE:
		link.present = link.admin_up = link.carrier = true;
		set_link(slot, &link, "restored");
		break;
	case SIM_EVENTS:
		break;
	}
}

static void act_device(struct sim_slot *slot, const struct sim_action *action)
{
	static const enum lwf_reason reasons[] = {
		LWF_REASON_DEVICE,     LWF_REASON_QUEUE_TIMEOUT, LWF_REASON_QUEUE_FULL,
		LWF_REASON_CANCELLED,  LWF_REASON_NOT_RUNNING,	 LWF_REASON_REMOVED,
		LWF_REASON_NO_CARRIER,
	};
	const uint32_t *value = action->value;
	struct lwf_edge *edge = edge_of(slot, action);

	if (!edge)
		return;
	*lwf_sim_edge_config(edge) = (struct lwf_sim_edge_config){
		.delay_ns = value[SIM_KEY_DELAY] * 1000ull,
		.jitter_ns = value[SIM_KEY_JITTER] * 1000ull,
		.reorder = value[SIM_KEY_REORDER],
		.merge = value[SIM_KEY_MERGE],
		.split = value[SIM_KEY_SPLIT],
		.never = value[SIM_KEY_NEVER],
		.fail_per_1024 = value[SIM_KEY_FAIL],
		.fail_reason = reasons[value[SIM_KEY_REASON]],
		.room_frames = value[SIM_KEY_ROOM],
		.attach_error = value[SIM_KEY_ATTACH_FAILS] ? ENODEV : 0,
		.lend = value[SIM_KEY_LEND],
		.oid_delay_ns = value[SIM_KEY_OID_DELAY] * 1000ull,
		.oid_never = value[SIM_KEY_OID_NEVER],
		.oid_status = value[SIM_KEY_OID_FAILS] ? LWF_STATUS_FAILURE : LWF_STATUS_SUCCESS,
	};
}

static void act_answer(struct sim_slot *slot, const struct sim_action *action)
{
	struct lwf_edge *edge = edge_of(slot, action);

	if (!edge)
		return;
	if (action->value[SIM_KEY_FRAMES])
		lwf_sim_edge_release(edge, action->value[SIM_KEY_FRAMES]);
	else if (edge == slot->lower)
		lwf_sim_edge_release_oid(edge);
}

/* ---- the whole world ---- */

static void calm_slot(struct sim_slot *slot)
{
	struct lwf_module *module;
	char error[128];

	sim_note(slot);
	*lwf_sim_edge_config(slot->lower) = (struct lwf_sim_edge_config){0};
	if (slot->upper)
		*lwf_sim_edge_config(slot->upper) = (struct lwf_sim_edge_config){0};
	for (uint32_t k = 0; (module = lwf_stack_module_at(slot->stack, k)); k++)
		if (strncmp(lwf_module_name(module), "hold", 4) == 0)
			lwf_module_set(module, "release=on,frames=0", error, sizeof(error));
	for (uint32_t k = 0; slot->closing && k < SIM_CLIENTS; k++)
		if (slot->clients[k].open && !slot->clients[k].closing)
			sim_client_close(&slot->clients[k]);
	act_repair(slot, NULL);
}

void sim_calm_down(struct sim_world *world)
{
	world->calm = true;
	lwf_sim_host_fail_nth(world->host, 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SIM_STACKS; i++)
			if (world->slots[i].stack)
				calm_slot(&world->slots[i]);
		sim_run(world, 100 * SIM_MS);
	}
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			sim_note(&world->slots[i]);
	sim_check_calm(world);
	world->calm = false;
}

static const struct {
	void (*act)(struct sim_slot *slot, const struct sim_action *action);
	bool also_closing; /* and to a stack that is being closed */
} acts[SIM_VERBS] = {
	[SIM_VERB_START] = {act_start, false},
	[SIM_VERB_CLOSE] = {act_close, false},
	[SIM_VERB_INSERT] = {act_insert, false},
	[SIM_VERB_REMOVE] = {act_remove, false},
	[SIM_VERB_RESTART_FILTER] = {act_restart_filter, false},
	[SIM_VERB_SET] = {act_set, true},
	[SIM_VERB_CONNECT] = {act_connect, false},
	[SIM_VERB_DISCONNECT] = {act_disconnect, true},
	[SIM_VERB_SUBMIT] = {act_submit, true},
	[SIM_VERB_PUMP] = {act_pump, true},
	[SIM_VERB_CANCEL] = {act_cancel, true},
	[SIM_VERB_ON_ANSWER] = {act_on_answer, true},
	[SIM_VERB_ON_STATE] = {act_on_state, true},
	[SIM_VERB_ASK] = {sim_ask, false},
	[SIM_VERB_CANCEL_ASK] = {sim_cancel_ask, true},
	[SIM_VERB_TRAFFIC] = {act_traffic, true},
	[SIM_VERB_JUDGE] = {sim_judge, false},
	[SIM_VERB_TELL] = {sim_tell, true},
	[SIM_VERB_HOLD] = {act_hold, false},
	[SIM_VERB_RELEASE] = {act_release, false},
	[SIM_VERB_REPAIR] = {act_repair, false},
	[SIM_VERB_LINK] = {act_link, false},
	[SIM_VERB_DEVICE] = {act_device, true},
	[SIM_VERB_ANSWER] = {act_answer, true},
};

/* No owner leaves its session open that long when the stack is being closed (F06). */
static void close_sessions(struct sim_world *world)
{
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		for (uint32_t k = 0; world->slots[i].closing && k < SIM_CLIENTS; k++)
			if (world->slots[i].clients[k].open && !world->slots[i].clients[k].closing)
				sim_client_close(&world->slots[i].clients[k]);
}

void sim_act(struct sim_world *world, const struct sim_action *action)
{
	struct sim_slot *slot;

	switch (action->verb) {
	case SIM_VERB_FAIL_ALLOC:
		lwf_sim_host_fail_nth(world->host, action->value[SIM_KEY_NTH]);
		return;
	case SIM_VERB_RUN:
		if (action->value[SIM_KEY_US] * 1000ull > LWF_LOST_SESSION_NS / 10)
			close_sessions(world);
		sim_run(world, action->value[SIM_KEY_US] * 1000ull);
		return;
	case SIM_VERB_UNLOAD:
		unload(world);
		return;
	case SIM_VERB_CALM:
		sim_calm_down(world);
		return;
	default:
		break;
	}
	if (action->stack >= SIM_STACKS)
		return;
	slot = &world->slots[action->stack];
	if (action->verb == SIM_VERB_OPEN) {
		act_open(slot, action);
		return;
	}
	if (!slot->stack || (slot->closing && !acts[action->verb].also_closing))
		return;
	sim_note(slot); /* what was handed over under the old settings is explained by them */
	acts[action->verb].act(slot, action);
	if (slot->stack)
		sim_note(slot);
}
