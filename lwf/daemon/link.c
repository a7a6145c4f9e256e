/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.c - what changes of the interfaces do to a stack; see link.h.
 *
 * The policy is the table `policy` below, and docs/links.md says it in words. The rest of the file
 * finds out which events happened (the difference between the facts acted on and the facts heard, a
 * pure function) and carries out the actions of their rows, in order. An action that cannot be done
 * now ends its row; a timer tries again.
 *
 * Orders that matter. The link is set before the hold, so that what an edge still holds is answered
 * with the true reason: PAUSED when the adapter is only disabled, ADAPTER_REMOVED when it is gone.
 * Coming back, sockets are open, ingress is shut and the link is set before the last hold goes,
 * because that restarts the stack.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_private.h"
#include "nsnet.h"

#define LINK_BIT(event) (1u << LINK_##event)
#define DO(action)	LINK_DO_##action

_Static_assert(LINK_EVENTS <= 32, "link.h: events are a bit set");

static const struct link_row policy[LINK_EVENTS] = {
	{LINK_MOVED,
	 {DO(SET_GONE), DO(HOLD_REMOVED), DO(RELEASE_LINK), DO(FORGET)},
	 "another namespace has it: for this one it is deleted"},
	{LINK_DELETED,
	 {DO(SET_GONE), DO(HOLD_REMOVED), DO(RELEASE_LINK), DO(FORGET)},
	 "surprise removal; what is in flight answers ADAPTER_REMOVED"},
	{LINK_APPEARED,
	 {DO(RETURN), DO(SET_LINK), DO(MATCH_LINK), DO(RELEASE_REMOVED)},
	 "back by its configured name or permanent MAC: a new life of the stack"},
	{LINK_RENAMED, {DO(RENAME)}, "same interface: nothing but the shown name changes"},
	{LINK_MTU, {DO(SET_LINK)}, "mirrored; what is too long now answers INVALID_LENGTH"},
	{LINK_MAC, {DO(SET_LINK)}, "mirrored"},
	{LINK_SPEED, {DO(SET_LINK)}, "modules are told"},
	{LINK_CARRIER_LOST,
	 {DO(SET_NO_CARRIER)},
	 "the stack stays Running; sends answer MEDIA_DISCONNECTED"},
	{LINK_ADMIN_DOWN,
	 {DO(SET_DISABLED), DO(HOLD_LINK)},
	 "adapter disabled: pause, detach; sends answer PAUSED"},
	{LINK_ADMIN_UP, {DO(SET_LINK), DO(RELEASE_LINK)}, "adapter enabled: attach, restart"},
	{LINK_CARRIER_BACK, {DO(SET_LINK)}, "mirrored; sends go out again"},
	{LINK_UPPER_DELETED, {DO(REMAKE)}, "only the NIC drives the stack; ours is made again"},
	{LINK_UPPER_MOVED, {DO(NOTHING)}, "its descriptor works from any namespace"},
	{LINK_UPPER_APPEARED,
	 {DO(ADOPT), DO(SET_UPPER)},
	 "back from another namespace, or made again by its owner"},
	{LINK_UPPER_RENAMED, {DO(RENAME)}, "same interface: nothing but the shown name changes"},
	{LINK_UPPER_CHANGED, {DO(SET_UPPER), DO(WARN)}, "MTU and MAC are mirrored from the NIC"},
	{LINK_UPPER_DOWN, {DO(SET_UPPER)}, "receives are counted as upper-down"},
	{LINK_UPPER_UP, {DO(SET_UPPER)}, "receives reach the host again"},
	{LINK_OVERRUN, {DO(RESYNC)}, "messages were lost: what was missed is found by comparing"},
};

static const char *const event_names[LINK_EVENTS] = {
#define X(sym, name, side) name,
	LINK_EVENT_LIST(X)
#undef X
};

static const char *const action_names[LINK_ACTIONS] = {
#define X(sym, name) name,
	LINK_ACTION_LIST(X)
#undef X
};

const struct link_row *link_policy(enum link_event event)
{
	assert(event < LINK_EVENTS && policy[event].event == event);
	return &policy[event];
}

const char *link_event_name(enum link_event event)
{
	return event < LINK_EVENTS ? event_names[event] : "?";
}

const char *link_action_name(enum link_action action)
{
	return action < LINK_ACTIONS ? action_names[action] : "?";
}

/* ---- differences ---- */

/** Going and coming; true when the rest of the facts cannot be compared. */
static bool diff_presence(const struct link_facts *before, const struct link_facts *now,
			  uint32_t gone, uint32_t moved, uint32_t appeared, uint32_t *events)
{
	if (before->present && before->removals != now->removals)
		*events |= now->moved ? moved : gone;
	if (now->present && (!before->present || before->removals != now->removals))
		*events |= appeared;
	return *events || !now->present;
}

uint32_t link_diff_nic(const struct link_facts *before, const struct link_facts *now)
{
	uint32_t events = 0;

	if (diff_presence(before, now, LINK_BIT(DELETED), LINK_BIT(MOVED), LINK_BIT(APPEARED),
			  &events))
		return events;
	if (strcmp(before->name, now->name))
		events |= LINK_BIT(RENAMED);
	if (before->mtu_bytes != now->mtu_bytes)
		events |= LINK_BIT(MTU);
	if (memcmp(before->mac, now->mac, 6))
		events |= LINK_BIT(MAC);
	if (before->speed_mbps != now->speed_mbps && before->carrier && now->carrier)
		events |= LINK_BIT(SPEED);
	if (before->admin_up && (!now->admin_up || before->downs != now->downs))
		events |= LINK_BIT(ADMIN_DOWN);
	if (now->admin_up && (!before->admin_up || before->downs != now->downs))
		events |= LINK_BIT(ADMIN_UP);
	if (events & (LINK_BIT(ADMIN_DOWN) | LINK_BIT(ADMIN_UP)))
		return events; /* carrier comes and goes with these */
	if (before->carrier && (!now->carrier || before->losses != now->losses))
		events |= LINK_BIT(CARRIER_LOST);
	if (now->carrier && (!before->carrier || before->losses != now->losses))
		events |= LINK_BIT(CARRIER_BACK);
	return events;
}

uint32_t link_diff_tap(const struct link_facts *before, const struct link_facts *now)
{
	uint32_t events = 0;

	if (diff_presence(before, now, LINK_BIT(UPPER_DELETED), LINK_BIT(UPPER_MOVED),
			  LINK_BIT(UPPER_APPEARED), &events))
		return events;
	if (strcmp(before->name, now->name))
		events |= LINK_BIT(UPPER_RENAMED);
	if (before->mtu_bytes != now->mtu_bytes || memcmp(before->mac, now->mac, 6))
		events |= LINK_BIT(UPPER_CHANGED);
	if (before->admin_up && (!now->admin_up || before->downs != now->downs))
		events |= LINK_BIT(UPPER_DOWN);
	if (now->admin_up && (!before->admin_up || before->downs != now->downs))
		events |= LINK_BIT(UPPER_UP);
	return events;
}

/* ---- actions ---- */

static struct lwf_link to_link(const struct link_facts *facts)
{
	struct lwf_link link = {
		.present = facts->present,
		.admin_up = facts->admin_up,
		.carrier = facts->carrier,
		.mtu_bytes = facts->mtu_bytes,
		.ifindex = facts->ifindex,
		.speed_mbps = facts->speed_mbps,
	};

	memcpy(link.mac, facts->mac, sizeof(link.mac));
	if (facts->has_permanent_mac)
		memcpy(link.permanent_mac, facts->permanent_mac, sizeof(link.permanent_mac));
	return link;
}

static void set_link(struct link_follow *follow, enum link_action action, enum link_event event)
{
	struct lwf_link link = to_link(&follow->nic.facts);

	if (action == DO(SET_GONE)) {
		link.present = false;
		link.ifindex = 0;
	}
	if (action == DO(SET_GONE) || action == DO(SET_DISABLED))
		link.admin_up = false;
	if (action != DO(SET_LINK))
		link.carrier = false;
	lwf_stack_set_link(follow->stack, &link, link_event_name(event));
}

static void set_upper(struct link_follow *follow)
{
	struct lwf_edge *upper = lwf_stack_upper(follow->stack);

	if (!upper)
		return;
	if (follow->tap_away || follow->tap_lost) {
		/* MAC and MTU stay: with them it is made again */
		upper->link.present = upper->link.admin_up = upper->link.carrier = false;
	} else {
		upper->link = to_link(&follow->tap.facts);
	}
	if (upper->ops->link_changed)
		upper->ops->link_changed(upper);
}

static void match_link(struct link_follow *follow)
{
	if (follow->nic.facts.admin_up)
		lwf_stack_release(follow->stack, LWF_HOLD_LINK);
	else
		lwf_stack_hold(follow->stack, LWF_HOLD_LINK);
}

static void forget_nic(struct link_follow *follow)
{
	follow->nic_away = true;
	follow->nic_refused = false;
	lwf_log(follow->monitor->host, LWF_LOG_INFO, "%s: %s is gone (%s)",
		lwf_stack_name(follow->stack), follow->nic.facts.name,
		follow->nic.heard.moved ? "moved to another namespace" : "deleted");
	if (follow->hooks && follow->hooks->nic_gone)
		follow->hooks->nic_gone(follow->context);
}

/** The edge is called what its interface is called. */
static void rename_edge(struct link_follow *follow, bool upper)
{
	struct lwf_edge *edge =
		upper ? lwf_stack_upper(follow->stack) : lwf_stack_lower(follow->stack);
	const char *name = upper ? follow->tap.facts.name : follow->nic.facts.name;

	if (!edge || !strcmp(edge->name, name))
		return;
	lwf_log(follow->monitor->host, LWF_LOG_INFO, "%s: %s is now called %s",
		lwf_stack_name(follow->stack), edge->name, name);
	snprintf(edge->name, sizeof(edge->name), "%s", name);
}

/** The NIC exists again: everything that hangs on its index is made anew. False: later. */
static bool take_back(struct link_follow *follow)
{
	const struct link_facts *nic = &follow->nic.facts;
	bool told;
	int error = 0;

	if (follow->hooks && follow->hooks->nic_returned)
		error = follow->hooks->nic_returned(follow->context, nic);
	follow->nic_away = error != 0;
	told = follow->nic_refused;
	follow->nic_refused = error != 0;
	if (!error) {
		lwf_log(follow->monitor->host, LWF_LOG_INFO, "%s: %s is back (index %u)",
			lwf_stack_name(follow->stack), nic->name, nic->ifindex);
		/* it was found by its permanent MAC, or had another name before */
		rename_edge(follow, false);
		return true;
	}
	if (!told)
		lwf_log(follow->monitor->host, LWF_LOG_WARNING,
			"%s: %s is back, but cannot be opened (%s); trying again",
			lwf_stack_name(follow->stack), nic->name, strerror(-error));
	lwf_timer_set(&follow->retry, LINK_RETRY_NS);
	return false;
}

/** Makes the TAP again, or takes the one that has its name now. */
static void remake_tap(struct link_follow *follow)
{
	struct link_side *tap = &follow->tap;
	const char *stack = lwf_stack_name(follow->stack);
	struct lwf_host *host = follow->monitor->host;
	bool told = follow->tap_away;
	int error = -ENOTSUP;

	if (follow->hooks && follow->hooks->tap_gone)
		error = follow->hooks->tap_gone(follow->context, &tap->facts);
	follow->tap_away = error && error != -ENOTSUP;
	follow->tap_lost = error == -ENOTSUP;
	if (!error) {
		(void)link_side_look(tap);
		tap->facts = tap->heard;
		set_upper(follow);
		lwf_log(host, LWF_LOG_INFO, "%s: %s was deleted and is there again", stack,
			tap->configured);
		if (follow->hooks->tap_returned)
			follow->hooks->tap_returned(follow->context, &tap->facts);
		return;
	}
	set_upper(follow);
	if (follow->tap_lost) {
		lwf_log(host, LWF_LOG_WARNING,
			"%s: %s was deleted; it was not made by lwfd, so its owner must make it "
			"again",
			stack, tap->configured);
		return;
	}
	if (!told)
		lwf_log(host, LWF_LOG_WARNING,
			"%s: %s was deleted and cannot be made again (%s); trying on", stack,
			tap->configured, strerror(-error));
	lwf_timer_set(&follow->retry, LINK_RETRY_NS);
}

/** Somebody else set what is mirrored. Our own mirroring comes here too, and is quiet. */
static void warn_changed(struct link_follow *follow, const struct link_facts *before)
{
	const struct link_facts *nic = &follow->nic.facts, *tap = &follow->tap.facts;
	bool mtu = tap->mtu_bytes != before->mtu_bytes && tap->mtu_bytes != nic->mtu_bytes;
	bool mac = memcmp(tap->mac, before->mac, 6) && memcmp(tap->mac, nic->mac, 6) &&
		   !memcmp(before->mac, nic->mac, 6);

	if (follow->warned || !nic->present || !(mtu || mac))
		return;
	follow->warned = true;
	lwf_log(follow->monitor->host, LWF_LOG_WARNING,
		"%s: another program set the %s of %s; tell it to leave that interface alone "
		"(NetworkManager: nmcli device set %s managed no; systemd-networkd: "
		"Unmanaged=yes in a .network file)",
		lwf_stack_name(follow->stack), mtu ? "MTU" : "MAC", tap->name, tap->name);
}

/** Carries out one action. False ends the row. */
static bool act(struct link_follow *follow, enum link_action action, enum link_event event,
		const struct link_facts *before)
{
	struct lwf_stack *stack = follow->stack;

	switch (action) {
	case DO(SET_LINK):
	case DO(SET_GONE):
	case DO(SET_DISABLED):
	case DO(SET_NO_CARRIER):
		set_link(follow, action, event);
		return true;
	case DO(HOLD_LINK):
		lwf_stack_hold(stack, LWF_HOLD_LINK);
		return true;
	case DO(RELEASE_LINK):
		lwf_stack_release(stack, LWF_HOLD_LINK);
		return true;
	case DO(MATCH_LINK):
		match_link(follow);
		return true;
	case DO(HOLD_REMOVED):
		lwf_stack_hold(stack, LWF_HOLD_REMOVED);
		return true;
	case DO(RELEASE_REMOVED):
		lwf_stack_release(stack, LWF_HOLD_REMOVED);
		return true;
	case DO(FORGET):
		forget_nic(follow);
		return true;
	case DO(RETURN):
		return take_back(follow);
	case DO(RENAME):
		rename_edge(follow, event == LINK_UPPER_RENAMED);
		return true;
	case DO(SET_UPPER):
		set_upper(follow);
		return true;
	case DO(REMAKE):
		remake_tap(follow);
		return true;
	case DO(ADOPT):
		if (follow->tap_lost)
			remake_tap(follow);
		return true;
	case DO(WARN):
		warn_changed(follow, before);
		return true;
	case DO(RESYNC): /* linkmon.c has done it when it comes to this */
	case DO(NOTHING):
	case LINK_ACTIONS:
		break;
	}
	return false;
}

/** Carries out the row of @event. */
static void serve(struct link_follow *follow, enum link_event event,
		  const struct link_facts *before)
{
	const struct link_row *row = link_policy(event);

	for (uint32_t n = 0; n < LINK_ROW_ACTIONS_MAX; n++)
		if (!act(follow, row->actions[n], event, before))
			return;
}

/** What is served while the stack does without its NIC: only its return, or that it went again. */
#define LINK_AWAY (LINK_BIT(DELETED) | LINK_BIT(MOVED) | LINK_BIT(APPEARED))

static void settle_side(struct link_follow *follow, struct link_side *side,
			uint32_t (*diff)(const struct link_facts *, const struct link_facts *))
{
	struct link_facts before = side->facts;
	uint32_t events = diff(&before, &side->heard);

	side->facts = side->heard; /* first: an action may come back here */
	for (uint32_t event = 0; event < LINK_EVENTS; event++) {
		if (!(events & (1u << event)))
			continue;
		if (side == &follow->nic && follow->nic_away && !(LINK_AWAY & (1u << event)))
			continue;
		follow->counts[event]++;
		serve(follow, event, &before);
	}
}

/*
 * Own frames never come back through a stack, but what comes in at the NIC goes out there again when somebody has
 * made both of its devices ports of one bridge. Cutting that is the bridge's (STP); saying so is ours.
 */
static void tell_loop(struct link_follow *follow)
{
	const struct link_facts *nic = &follow->nic.heard, *tap = &follow->tap.heard;
	bool looped = nic->present && tap->present && nic->master && nic->master == tap->master &&
		      follow->nic.source == follow->tap.source;

	if (looped && !follow->looped)
		lwf_log(follow->monitor->host, LWF_LOG_WARNING,
			"%s: %s and %s are ports of the same bridge: what comes in goes out again; "
			"take one out",
			lwf_stack_name(follow->stack), nic->name, tap->name);
	follow->looped = looped;
}

static void settle(struct link_follow *follow)
{
	settle_side(follow, &follow->nic, link_diff_nic);
	settle_side(follow, &follow->tap, link_diff_tap);
	tell_loop(follow);
}

void link_settle(struct link_source *source)
{
	struct link_follow *next;

	for (struct link_follow *follow = source->monitor->follows; follow; follow = next) {
		next = follow->next;
		if (follow->nic.source == source || follow->tap.source == source)
			settle(follow);
	}
}

static void retry(void *context)
{
	struct link_follow *follow = context;

	settle(follow);
	if (follow->nic_away && follow->nic.facts.present)
		serve(follow, LINK_APPEARED, &follow->nic.facts);
	if (follow->tap_away)
		serve(follow, LINK_UPPER_DELETED, &follow->tap.facts);
}

/* ---- following ---- */

static int follow_side(struct link_monitor *monitor, struct link_side *side, const char *name,
		       const char *netns)
{
	int error;

	if (!name)
		return 0;
	if (strlen(name) >= sizeof(side->configured))
		return -EINVAL;
	snprintf(side->configured, sizeof(side->configured), "%s", name);
	error = link_source_get(monitor, netns, &side->source);
	if (!error)
		error = link_side_look(side);
	return error;
}

/** The first look: the stack is brought to where the interfaces are now. */
static void begin(struct link_follow *follow)
{
	const struct lwf_edge *lower = lwf_stack_lower(follow->stack);

	follow->nic.facts = follow->nic.heard;
	follow->tap.facts = follow->tap.heard;
	if (follow->nic.source) {
		if (!follow->nic.facts.present) {
			set_link(follow, DO(SET_GONE), LINK_DELETED);
			lwf_stack_hold(follow->stack, LWF_HOLD_REMOVED);
			follow->nic_away = true;
		} else if (lower->link.present &&
			   lower->link.ifindex == follow->nic.facts.ifindex) {
			set_link(follow, DO(SET_LINK), LINK_APPEARED);
			match_link(follow);
			lwf_stack_release(follow->stack, LWF_HOLD_REMOVED);
		} else {
			follow->nic_away = true;
			serve(follow, LINK_APPEARED, &follow->nic.facts);
		}
	}
	if (follow->tap.source && follow->tap.facts.present)
		set_upper(follow);
	tell_loop(follow);
}

static void release(struct link_follow *follow)
{
	lwf_timer_fini(&follow->retry);
	link_source_put(follow->nic.source);
	link_source_put(follow->tap.source);
	free(follow);
}

int link_follow(struct link_monitor *monitor, struct lwf_stack *stack,
		const struct link_config *config, struct link_follow **result)
{
	struct link_follow *follow = calloc(1, sizeof(*follow));
	int error;

	if (!follow)
		return -ENOMEM;
	follow->monitor = monitor;
	follow->stack = stack;
	follow->hooks = config->hooks;
	follow->context = config->context;
	error = lwf_timer_init(&follow->retry, monitor->host, retry, follow);
	if (!error)
		error = follow_side(monitor, &follow->nic, config->nic_name, config->nic_netns);
	if (!error)
		error = follow_side(monitor, &follow->tap, config->tap_name, config->tap_netns);
	if (error) {
		release(follow);
		return error;
	}
	follow->next = monitor->follows;
	monitor->follows = follow;
	*result = follow;
	begin(follow);
	return 0;
}

void link_unfollow(struct link_follow *follow)
{
	struct link_follow **link;

	if (!follow)
		return;
	link = &follow->monitor->follows;
	while (*link != follow)
		link = &(*link)->next;
	*link = follow->next;
	release(follow);
}

const struct link_facts *link_nic(const struct link_follow *follow)
{
	return &follow->nic.facts;
}

const struct link_facts *link_tap(const struct link_follow *follow)
{
	return &follow->tap.facts;
}

uint64_t link_event_count(const struct link_follow *follow, enum link_event event)
{
	return event < LINK_EVENTS ? follow->counts[event] : 0;
}
