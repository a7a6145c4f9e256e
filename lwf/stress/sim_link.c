/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_link.c - simulated daemons and their stacks; what devices see, and what they tell.
 *
 * A device is what link->link says, whoever looks; the engine is told of a change at once, as
 * lwf/daemon/link.c would tell it. What befalls devices is in sim_fault.c. A daemon that is killed leaves its engine behind: nobody watches
 * that any more, its devices answer at once, and when all is home it is buried.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

/* ---- what devices see ---- */

static void on_lower(void *context, const struct lwf_frame *frame)
{
	struct sim_link *link = context;
	const struct stress_scenario *scenario = link->world->base.options.scenario;
	uint32_t peer = scenario->link[link->index].peer;
	struct sim_link *to = &link->world->link[peer];
	struct sim_wire_frame *slot;

	sim_digest(link->world, (uint64_t)link->index << 56 | frame->id << 16 | frame->len);
	if (frame->status != LWF_STATUS_SUCCESS)
		return;
	link->lower_took++;
	link->took_bytes[0] += frame->len;
	if (link->sight[0])
		sim_sight_see(link, false, frame);
	if (peer == link->index || to->wire_count == SIM_WIRE_FRAMES)
		return;
	slot = &to->wire[(to->wire_first + to->wire_count++) % SIM_WIRE_FRAMES];
	slot->len = frame->len;
	slot->offload = frame->offload;
	memcpy(slot->bytes, frame->data, frame->len);
	slot->due_ns = lwf_host_now_ns(link->world->host) + SIM_WIRE_NS;
	if (to->wire_count == 1)
		lwf_timer_set(&to->wire_timer, SIM_WIRE_NS);
}

static void on_upper(void *context, const struct lwf_frame *frame)
{
	struct sim_link *link = context;

	sim_digest(link->world, (uint64_t)link->index << 56 | 1ull << 55 | frame->len);
	if (frame->status != LWF_STATUS_SUCCESS)
		return;
	link->upper_took++;
	link->took_bytes[1] += frame->len;
	if (link->sight[1])
		sim_sight_see(link, true, frame);
}

int sim_give(struct lwf_edge *edge, const uint8_t *bytes, uint32_t len,
	     const struct lwf_offload *offload)
{
	if (len <= SIM_SHORT_BYTES && !offload->flags && !offload->gso_size)
		return lwf_sim_edge_inject(edge, bytes, len);
	return lwf_sim_edge_inject_offload(edge, bytes, len, offload);
}

static void on_wire(void *context)
{
	struct sim_link *link = context;
	uint64_t now = lwf_host_now_ns(link->world->host);

	while (link->wire_count) {
		struct sim_wire_frame *slot = &link->wire[link->wire_first];

		if (slot->due_ns > now) {
			lwf_timer_set(&link->wire_timer, slot->due_ns - now);
			return;
		}
		link->wire_first = (link->wire_first + 1) % SIM_WIRE_FRAMES;
		link->wire_count--;
		if (link->stack &&
		    sim_give(link->lower, slot->bytes, slot->len, &slot->offload) == 0)
			link->lower_gave++;
	}
}

/* ---- trace records ---- */

static struct sim_link *link_named(struct sim_world *world, const char *name)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->links; i++)
		if (strcmp(scenario->link[i].name, name) == 0)
			return &world->link[i];
	return NULL;
}

static void note_state(struct sim_world *world, struct sim_link *link,
		       const struct lwf_trace_record *record)
{
	struct stress_record *out = world->base.options.record;
	struct stress_event event = {
		.kind = STRESS_EVENT_STATE,
		.value = record->latency_ns,
		.before = record->before,
		.after = record->after,
		.lane = stress_record_lane(out, record->stack_name, record->module_name),
	};
	bool pauses = record->module_name[0] && record->before == LWF_STATE_PAUSING;

	if (record->before == record->after) { /* an answer alone */
		bool pends = pauses && strcmp(record->event, "pending") == 0;

		link->pended += pends;
		out->pended += pends;
		return;
	}
	out->transitions++;
	sim_note(world, event, "");
	if (!pauses || record->after != LWF_STATE_PAUSED)
		return;
	link->pauses++;
	out->pauses++;
	stress_histogram_add(&link->pause, record->latency_ns);
	stress_histogram_add(&out->pause, record->latency_ns);
	event.kind = STRESS_EVENT_PAUSE;
	event.flag = record->latency_ns > 0;
	sim_note(world, event, "");
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
	struct sim_daemon *daemon =
		(struct sim_daemon *)((char *)observer - offsetof(struct sim_daemon, observer));
	struct sim_world *world = daemon->world;
	struct sim_link *link = link_named(world, record->stack_name);
	struct stress_event event = {.lane = link ? link->lane : STRESS_NO_LANE};

	world->changes++;
	digest_record(world, record);
	if (world->base.options.trace)
		fprintf(stderr, "%12.6f %-6s %-10s %-8s %s %s>%s out %u/%u %s\n",
			(double)(record->time_ns - world->began_ns) / 1e9, record->stack_name,
			record->module_name, lwf_trace_kind_name((enum lwf_trace_kind)record->kind),
			record->event, lwf_state_name((enum lwf_state)record->before),
			lwf_state_name((enum lwf_state)record->after), record->sends_out,
			record->receives_out, record->text);
	if (!link)
		return;
	switch ((enum lwf_trace_kind)record->kind) {
	case LWF_TRACE_STATE:
	case LWF_TRACE_STACK:
		note_state(world, link, record);
		break;
	case LWF_TRACE_LINK:
		event.kind = STRESS_EVENT_LINK;
		sim_note(world, event, record->event);
		break;
	case LWF_TRACE_RULE:
		world->rules_broken++;
		world->base.options.record->rules_broken++;
		event.kind = STRESS_EVENT_RULE;
		sim_note(world, event, record->event);
		sim_wrong(world, "no rule is broken", "%s: rule %s: %s", record->stack_name,
			  record->event, record->text);
		break;
	default:
		break;
	}
}

/* ---- stacks ---- */

static int add_filters(struct sim_link *link, struct lwf_error *error)
{
	const struct stress_link *declared = link->declared;
	char why[256];

	for (uint32_t i = 0; i < declared->filters + 2; i++) {
		const char *spec = i == 0 ? "inject" : i == 1 ? "monitor" : declared->filter[i - 2];

		if (lwf_stack_insert(link->stack, spec, i, NULL, why, sizeof(why)) == 0)
			continue;
		return sim_refuse(error, LWF_EXIT_USAGE, spec, "%s", why);
	}
	return 0;
}

struct lwf_sim_edge_config sim_device(const struct sim_link *link, bool upper)
{
	struct lwf_sim_edge_config config = {0};

	if (upper)
		return config;
	config.delay_ns = config.jitter_ns = link->declared->qdisc_kernel ? SIM_QDISC_NS : 0;
	config.plain = stress_link_is_plain(link->declared);
	return config;
}

static void match_holds(struct sim_link *link)
{
	bool removed = !link->link.present, down = !removed && !link->link.admin_up;

	if (removed)
		lwf_stack_hold(link->stack, LWF_HOLD_REMOVED);
	if (down)
		lwf_stack_hold(link->stack, LWF_HOLD_LINK);
	else
		lwf_stack_release(link->stack, LWF_HOLD_LINK);
	if (!removed)
		lwf_stack_release(link->stack, LWF_HOLD_REMOVED);
}

/* Whether its devices give jumbo frames, or some that hosts left something of to be done later. */
static bool gives_more(const struct sim_link *link)
{
	const struct stress_scenario *scenario = link->world->base.options.scenario;
	uint32_t peer = link->declared->peer;
	bool more = link->declared->mtu_bytes + LWF_ETHER_HEADER_BYTES > SIM_SHORT_BYTES ||
		    scenario->link[peer].mtu_bytes + LWF_ETHER_HEADER_BYTES > SIM_SHORT_BYTES;

	for (uint32_t i = 0; i < scenario->traffics; i++)
		more |= scenario->traffic[i].segments.most &&
			(scenario->traffic[i].from.index == link->index ||
			 scenario->traffic[i].from.index == peer);
	return more;
}

static int make_edges(struct sim_link *link)
{
	struct lwf_host *host = link->world->host;
	bool more = gives_more(link);
	int err;

	link->lower = link->upper = NULL;
	err = lwf_sim_edge_create(host, SIM_LOWER_NAME, &link->lower);
	if (!err && more)
		err = lwf_sim_edge_prepare_offload(link->lower);
	if (!err && link->declared->has_upper)
		err = lwf_sim_edge_create(host, "upper", &link->upper);
	if (!err && more && link->upper)
		err = lwf_sim_edge_prepare_offload(link->upper);
	return err;
}

static int open_stack(struct sim_link *link, struct lwf_engine *engine, struct lwf_error *error)
{
	int err = make_edges(link);

	if (err) {
		if (link->lower)
			link->lower->ops->close(link->lower);
		if (link->upper)
			link->upper->ops->close(link->upper);
		return sim_refuse(error, LWF_EXIT_FALSE, link->declared->name, "%s",
				  strerror(-err));
	}
	link->lower->link = link->link;
	if (link->upper)
		link->upper->link = link->upper_link;
	lwf_sim_edge_on_transmit(link->lower, on_lower, link);
	if (link->upper)
		lwf_sim_edge_on_transmit(link->upper, on_upper, link);
	/* what befalls sends befell the device, whoever has it */
	*lwf_sim_edge_config(link->lower) = link->device[0];
	if (link->upper)
		*lwf_sim_edge_config(link->upper) = link->device[1];
	err = lwf_stack_create(engine, link->declared->name, link->upper, link->lower,
			       &link->stack);
	if (err) {
		link->stack = NULL;
		return sim_refuse(error, LWF_EXIT_FALSE, link->declared->name, "%s",
				  strerror(-err));
	}
	err = add_filters(link, error);
	lwf_stack_start(link->stack);
	return err;
}

/* ---- daemons ---- */

int sim_daemon_start(struct sim_world *world, uint32_t index, struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	struct sim_daemon *daemon = &world->daemon[index];
	int err = 0;

	if (daemon->engine)
		return 0;
	daemon->engine = lwf_engine_create(world->host);
	if (!daemon->engine)
		return sim_refuse(error, LWF_EXIT_FALSE, scenario->daemon[index],
				  "there is no memory");
	lwf_engine_set_profile(daemon->engine, scenario->profile);
	daemon->observer.record = on_record;
	lwf_engine_observe(daemon->engine, &daemon->observer);
	for (uint32_t i = 0; !err && i < scenario->links; i++)
		if (scenario->link[i].daemon == index)
			err = open_stack(&world->link[i], daemon->engine, error);
	for (uint32_t i = 0; !err && i < scenario->clients; i++)
		if (scenario->link[scenario->client[i].link].daemon == index)
			sim_client_open(&world->client[i]);
	world->changes++;
	return err;
}

static void on_grave(void *context)
{
	struct sim_grave *grave = context;

	grave->stacks--;
}

void sim_bury(struct sim_world *world)
{
	struct sim_grave **at = &world->graves;

	while (*at) {
		struct sim_grave *grave = *at;

		if (grave->stacks) {
			at = &grave->next;
			continue;
		}
		*at = grave->next;
		lwf_engine_destroy(grave->engine);
		free(grave);
	}
}

static void keep_accounts(struct sim_link *link)
{
	link->epochs += lwf_stack_epoch(link->stack);
	lwf_ledger_add(&link->clients_before, lwf_stack_client_ledger(link->stack));
	lwf_ledger_add(&link->host_before, lwf_stack_host_ledger(link->stack));
	stress_ledger_end(&link->clients_before);
	stress_ledger_end(&link->host_before);
	link->upper_sent_before += link->upper ? link->upper->counters.tx_units : 0;
	for (int side = 0; side < 2; side++) {
		const struct lwf_edge *edge = side ? link->upper : link->lower;

		for (int i = 0; edge && i < (int)LWF_REASONS; i++)
			link->drops_before[side][i] += edge->counters.drops[i];
		link->wire_before[side].frames += edge ? edge->counters.tx_frames : 0;
		link->wire_before[side].bytes += edge ? edge->counters.tx_bytes : 0;
	}
}

static void end_stack(struct sim_link *link, struct sim_grave *grave)
{
	struct lwf_stack *stack = link->stack;

	*lwf_sim_edge_config(link->lower) = (struct lwf_sim_edge_config){0};
	if (link->upper)
		*lwf_sim_edge_config(link->upper) = (struct lwf_sim_edge_config){0};
	lwf_sim_edge_on_transmit(link->lower, NULL, NULL);
	if (link->upper)
		lwf_sim_edge_on_transmit(link->upper, NULL, NULL);
	link->stack = NULL; /* the edges are the stack's, and go with it */
	link->lower = link->upper = NULL;
	grave->stacks++;
	lwf_stack_close(stack, on_grave, grave);
}

void sim_daemon_end(struct sim_world *world, uint32_t index, bool killed)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	struct sim_daemon *daemon = &world->daemon[index];
	struct sim_grave *grave;

	if (!daemon->engine)
		return;
	grave = calloc(1, sizeof(*grave));
	if (!grave)
		abort();
	if (killed)
		lwf_engine_unobserve(daemon->engine, &daemon->observer);
	/* before its clients go: what is out now, nobody is told of any more */
	for (uint32_t i = 0; i < scenario->links; i++)
		if (scenario->link[i].daemon == index && world->link[i].stack)
			keep_accounts(&world->link[i]);
	for (uint32_t i = 0; i < scenario->clients; i++)
		if (scenario->link[scenario->client[i].link].daemon == index)
			sim_client_lose(&world->client[i], LWF_ANSWER_UNKNOWN,
					killed ? LWF_ANSWER_UNKNOWN : LWF_ANSWER_PAUSED);
	grave->engine = daemon->engine;
	grave->next = world->graves;
	world->graves = grave;
	for (uint32_t i = 0; i < scenario->links; i++)
		if (scenario->link[i].daemon == index && world->link[i].stack)
			end_stack(&world->link[i], grave);
	if (!killed)
		lwf_engine_unobserve(daemon->engine, &daemon->observer);
	daemon->engine = NULL;
	world->changes++;
}

/* ---- link events ---- */

void sim_tell(struct sim_link *link, const char *event)
{
	link->world->changes++;
	if (link->world->stale)
		sim_missed(link);
	if (!link->stack || link->world->stale)
		return;
	lwf_stack_set_link(link->stack, &link->link, event);
	match_holds(link);
}

void sim_tell_upper(struct sim_link *link)
{
	link->world->changes++;
	if (!link->upper)
		return;
	link->upper->link = link->upper_link;
	if (link->upper->ops->link_changed)
		link->upper->ops->link_changed(link->upper);
}

/* ---- orders of a user ---- */

static int change_filter(struct sim_link *link, enum stress_order order, const char *name,
			 const char *text, struct lwf_error *error)
{
	struct lwf_module *module = NULL;
	uint32_t count = 0;
	char why[256] = "";
	int err;

	if (order == STRESS_ORDER_INSERT) {
		while (lwf_stack_module_at(link->stack, count))
			count++;
		err = lwf_stack_insert(link->stack, text, count, NULL, why, sizeof(why));
		if (err && !why[0])
			snprintf(why, sizeof(why), "%s", strerror(-err));
		/* without memory the stack stays as it was: that is an outcome, and no mistake */
		return err && err != -ENOMEM ? sim_refuse(error, LWF_EXIT_USAGE, text, "%s", why)
					     : 0;
	}
	module = lwf_stack_module(link->stack, name);
	if (!module)
		return sim_refuse(error, LWF_EXIT_NO_OBJECT, name, "%s has no such module",
				  link->declared->name);
	if (order == STRESS_ORDER_REMOVE)
		return lwf_stack_remove(link->stack, module) == 0
			       ? 0
			       : sim_refuse(error, LWF_EXIT_REFUSED, name, "it is going already");
	return lwf_module_set(module, text, why, sizeof(why)) == 0
		       ? 0
		       : sim_refuse(error, LWF_EXIT_USAGE, text, "%s", why);
}

int sim_order(struct stress_world *base, enum stress_order order,
	      const struct stress_object *object, const char *text, struct lwf_error *error)
{
	struct sim_world *world = sim_of(base);
	struct sim_link *link = &world->link[object->index];

	world->changes++;
	if (!link->stack)
		return sim_refuse(error, LWF_EXIT_UNREACHABLE, link->declared->name,
				  "its daemon is not there");
	switch (order) {
	case STRESS_ORDER_PAUSE:
		lwf_stack_hold(link->stack, LWF_HOLD_USER_PAUSE);
		return 0;
	case STRESS_ORDER_RESTART: /* both as lwfd does */
		lwf_stack_release(link->stack, LWF_HOLD_FAULT_PAUSE);
		lwf_stack_release(link->stack, LWF_HOLD_USER_PAUSE);
		lwf_stack_retry(link->stack);
		return 0;
	case STRESS_ORDER_DETACH:
		lwf_stack_hold(link->stack, LWF_HOLD_USER_DETACH);
		return 0;
	case STRESS_ORDER_ATTACH:
		lwf_stack_release(link->stack, LWF_HOLD_FAULT_DETACH);
		lwf_stack_release(link->stack, LWF_HOLD_USER_DETACH);
		lwf_stack_retry(link->stack);
		return 0;
	default:
		return change_filter(link, order, object->module, text, error);
	}
}

/* ---- at the beginning ---- */

void sim_first_mac(const struct sim_link *link, struct lwf_link *device)
{
	static const uint8_t mac[6] = {0x02, 0x4c, 0x57, 0x46, 0x00, 0x01};

	memcpy(device->mac, mac, sizeof(mac));
	device->mac[4] = (uint8_t)link->index;
}

int sim_link_init(struct sim_world *world, uint32_t index)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	struct sim_link *link = &world->link[index];

	link->world = world;
	link->index = index;
	link->declared = &scenario->link[index];
	link->ifindex = 2 * index + 2;
	link->link = (struct lwf_link){.present = true,
				       .admin_up = true,
				       .carrier = true,
				       .mtu_bytes = link->declared->mtu_bytes,
				       .ifindex = link->ifindex,
				       .speed_mbps = 10000};
	sim_first_mac(link, &link->link);
	memcpy(link->link.permanent_mac, link->link.mac, sizeof(link->link.mac));
	link->upper_link = link->link;
	link->device[0] = sim_device(link, false);
	link->lane = stress_record_lane(world->base.options.record, link->declared->name, NULL);
	if (link->declared->peer == index)
		return 0;
	link->wire = calloc(SIM_WIRE_FRAMES, sizeof(*link->wire));
	return link->wire ? lwf_timer_init(&link->wire_timer, world->host, on_wire, link) : -ENOMEM;
}
