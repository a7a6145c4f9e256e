/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_owner.c - the process at this end of a flow: asked of the host when the flow is born, and again a
 * few times when nobody was found, since a socket may be in nobody's hands for a moment.
 *
 * What names a process (pid and start time) is in the flow; its command and path stand once for all its
 * flows, in a small table that is found by pid and start time. When that has no room for it, a flow goes
 * without its path.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "flows.h"

#define PROTO_TCP    6u
#define PROTO_UDP    17u
#define PROTO_LITE   136u
#define PROGRAM_WAYS 8u
#define ASKS_MAX     4u

/** After the first, the second and the third answer that names nobody. */
static const uint64_t ask_again_ns[ASKS_MAX - 1] = {LWF_FLOW_SECOND_NS / 5, LWF_FLOW_SECOND_NS,
						    5 * LWF_FLOW_SECOND_NS};

void lwf_flow_forget_program(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	if (flow->program == LWF_FLOW_NO_PROGRAM)
		return;
	table->programs[flow->program].uses--;
	flow->program = LWF_FLOW_NO_PROGRAM;
}

static void note_program(struct lwf_flow_table *table, struct lwf_flow *flow,
			 const struct lwf_owner *owner)
{
	uint64_t mixed =
		(owner->start_time * 0x9e3779b97f4a7c15ull ^ owner->pid) * 0x9e3779b97f4a7c15ull;
	struct lwf_program *place = NULL;

	lwf_flow_forget_program(table, flow);
	if (!owner->pid)
		return;
	for (uint32_t i = 0; i < PROGRAM_WAYS; i++) {
		struct lwf_program *it = &table->programs[((mixed >> 40) + i) % LWF_FLOW_PROGRAMS];

		if (it->uses && it->pid == owner->pid && it->start_time == owner->start_time) {
			place = it;
			break;
		}
		if (!it->uses && !place)
			place = it;
	}
	if (!place)
		return;
	place->pid = owner->pid;
	place->start_time = owner->start_time;
	memcpy(place->comm, owner->comm, sizeof(place->comm)); /* a program may exec another */
	memcpy(place->exe, owner->exe, sizeof(place->exe));
	place->uses++;
	flow->program = (uint16_t)(place - table->programs);
}

static void note_owner(struct lwf_flow_table *table, struct lwf_flow *flow,
		       const struct lwf_owner *owner)
{
	flow->owner_pid = owner->pid;
	flow->owner_ppid = owner->ppid;
	flow->owner_uid = owner->uid;
	flow->owner_start = owner->start_time;
	flow->owner_cookie = owner->cookie;
	flow->owner_holders = owner->holders;
	flow->owner_how = owner->how;
	flow->owner_why = owner->why;
	memcpy(flow->owner_also, owner->also, sizeof(flow->owner_also));
	note_program(table, flow, owner);
}

static bool may_change(const struct lwf_flow *flow)
{
	switch ((enum lwf_owner_how)flow->owner_how) {
	case LWF_OWNER_LISTENER:
		return true; /* somebody may accept it */
	case LWF_OWNER_UNKNOWN:
		break;
	default:
		return false;
	}
	switch ((enum lwf_owner_why)flow->owner_why) {
	case LWF_OWNER_WHY_NO_SOCKET:
	case LWF_OWNER_WHY_NO_INODE:
	case LWF_OWNER_WHY_NO_HOLDER:
	case LWF_OWNER_WHY_OVERLOAD:
	case LWF_OWNER_WHY_RESOLVER_SLOW:
		return true;
	default:
		return false;
	}
}

static void plan(struct lwf_flow *flow, uint64_t now_ns)
{
	flow->ask_at_ns = UINT64_MAX;
	if (flow->owner_asks < ASKS_MAX && may_change(flow))
		flow->ask_at_ns = now_ns + ask_again_ns[flow->owner_asks - 1];
}

/** An answer that was waited for. That of a flow that has ended means nobody. */
static void answered(void *context, uint64_t handle, const struct lwf_owner *owner)
{
	struct lwf_flow_table *table = context;
	struct lwf_flow *flow = lwf_flow_resolve(table, handle);

	if (!flow)
		return;
	note_owner(table, flow, owner);
	plan(flow, lwf_host_now_ns(table->host));
	if (owner->how != LWF_OWNER_PENDING)
		lwf_flow_tell_owned(table, handle);
}

void lwf_flow_ask_owner(struct lwf_flow_table *table, struct lwf_flow *flow, uint64_t now_ns)
{
	struct lwf_owner_question question = {
		.key = flow->key,
		.local = (enum lwf_endpoint)flow->local,
		.flow = lwf_flow_handle_of(table, (uint32_t)(flow - table->flows)),
		.answer = answered,
		.context = table,
	};
	struct lwf_owner owner;

	flow->ask_at_ns = UINT64_MAX;
	flow->owner_why = LWF_OWNER_WHY_RAW;
	if (flow->key.protocol != PROTO_TCP && flow->key.protocol != PROTO_UDP &&
	    flow->key.protocol != PROTO_LITE)
		return;
	flow->owner_asks++;
	if (lwf_host_ask_owner(table->host, &question, &owner) == -EINPROGRESS) {
		note_owner(table, flow, &owner);
		return;
	}
	note_owner(table, flow, &owner);
	plan(flow, now_ns);
}

/**
 * Who began a connection that was picked up in its middle: whoever spoke first since says nothing. If
 * somebody listens on this end it was the other side, else this one, where there is a socket at all.
 */
void lwf_flow_learn_initiator(struct lwf_flow_table *table, struct lwf_flow *flow)
{
	const struct lwf_owner_question question = {
		.key = flow->key,
		.local = (enum lwf_endpoint)flow->local,
	};
	int listens;

	if (flow->key.protocol != PROTO_TCP || !(flow->flags & LWF_FLOW_MIDSTREAM))
		return;
	listens = lwf_host_listens(table->host, &question);
	if (listens == 1)
		flow->initiator = (uint8_t)(1 - flow->local);
	else if (listens == 0 && flow->owner_cookie)
		flow->initiator = flow->local;
}

void lwf_flow_fill_owner(const struct lwf_flow_table *table, const struct lwf_flow *flow,
			 struct lwf_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	owner->pid = flow->owner_pid;
	owner->ppid = flow->owner_ppid;
	owner->uid = flow->owner_uid;
	owner->start_time = flow->owner_start;
	owner->cookie = flow->owner_cookie;
	owner->holders = flow->owner_holders;
	owner->how = flow->owner_how;
	owner->why = flow->owner_why;
	memcpy(owner->also, flow->owner_also, sizeof(owner->also));
	if (flow->program == LWF_FLOW_NO_PROGRAM)
		return;
	memcpy(owner->comm, table->programs[flow->program].comm, sizeof(owner->comm));
	memcpy(owner->exe, table->programs[flow->program].exe, sizeof(owner->exe));
}
