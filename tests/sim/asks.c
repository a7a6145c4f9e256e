/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asks.c - OID requests from above the stacks, each with its account.
 *
 * A request gets one answer: the one that the call returns, or one completion after PENDING. It is
 * aborted only if somebody asked for that, or if the stack was not Running meanwhile.
 */
#include <string.h>

#include <lwf/oid.h>

#include "world.h"

static const uint32_t oids[] = {
	LWF_OID_GEN_MAXIMUM_FRAME_SIZE, LWF_OID_GEN_LINK_SPEED, LWF_OID_GEN_CURRENT_PACKET_FILTER,
	LWF_OID_802_3_CURRENT_ADDRESS,	LWF_OID_GEN_LINK_STATE, LWF_OID_GEN_STATISTICS,
};

static bool is_plausible(const struct sim_ask *ask, lwf_status status)
{
	const struct sim_slot *slot = ask->slot;

	switch (status) {
	case LWF_STATUS_SUCCESS:
	case LWF_STATUS_NOT_SUPPORTED:
	case LWF_STATUS_FAILURE:   /* as the device was told */
	case LWF_STATUS_RESOURCES: /* too many, or no memory for a clone */
	case LWF_STATUS_BUFFER_TOO_SHORT:
		return true;
	case LWF_STATUS_INVALID_DATA:
		return ask->request.kind == LWF_OID_SET;
	case LWF_STATUS_REQUEST_ABORTED:
		return ask->may_abort || slot->last[SIM_NOT_RUNNING] >= ask->asked_at;
	case LWF_STATUS_ADAPTER_REMOVED:
		return slot->last[SIM_REMOVED] >= ask->asked_at;
	case LWF_STATUS_ADAPTER_NOT_READY:
		return slot->last[SIM_NOT_RUNNING] >= ask->asked_at;
	default:
		return false;
	}
}

static void answered(struct sim_ask *ask, lwf_status status)
{
	struct sim_world *world = ask->slot->world;

	if (!ask->out)
		sim_fail("a request was answered that nobody asked");
	ask->out = false;
	sim_note(ask->slot);
	if (status != ask->request.status)
		sim_fail("a request was answered %s and carries %s", lwf_status_name(status),
			 lwf_status_name(ask->request.status));
	if (!is_plausible(ask, status))
		sim_fail("a request was answered %s without cause", lwf_status_name(status));
	if (ask->request.bytes_done > ask->request.buffer_bytes)
		sim_fail("a request was answered with more than its buffer holds");
	world->asks++;
	sim_digest(world, (uint64_t)ask->slot->index << 32 | ask->request.oid);
	sim_digest(world, (uint64_t)status << 32 | ask->request.bytes_done);
	for (uint32_t i = 0; status == LWF_STATUS_SUCCESS && i < ask->request.bytes_done; i++)
		sim_digest(world, ask->value[i]);
}

static void on_completed(struct lwf_oid_request *request)
{
	answered(request->context, request->status);
}

void sim_ask(struct sim_slot *slot, const struct sim_action *action)
{
	uint32_t index = action->value[SIM_KEY_ID] % SIM_ASKS;
	struct sim_ask *ask = &slot->asks[index];
	struct lwf_oid_request *request = &ask->request;
	lwf_status status;

	if (ask->out)
		return;
	memset(ask, 0, sizeof(*ask));
	ask->slot = slot;
	ask->out = true;
	ask->asked_at = ++slot->world->seq;
	ask->may_abort = action->value[SIM_KEY_TIMEOUT];
	request->kind = action->value[SIM_KEY_SET] ? LWF_OID_SET : LWF_OID_QUERY;
	request->oid = oids[action->value[SIM_KEY_OID]];
	request->buffer = ask->value;
	request->buffer_bytes = lwf_oid_info(request->oid)->bytes;
	if (request->kind == LWF_OID_SET && request->oid == LWF_OID_GEN_MAXIMUM_FRAME_SIZE)
		request->kind = LWF_OID_QUERY; /* the account of lengths relies on 1500 */
	if (request->kind == LWF_OID_SET)
		memset(ask->value, (int)action->value[SIM_KEY_SET], 1);
	else if (action->value[SIM_KEY_BAD])
		request->buffer_bytes--;
	request->request_id = index + 1;
	request->timeout_ns = action->value[SIM_KEY_TIMEOUT] * 1000ull;
	request->context = ask;
	request->completed = on_completed;
	status = lwf_stack_oid(slot->stack, request);
	if (status != LWF_STATUS_PENDING)
		answered(ask, status);
}

void sim_cancel_ask(struct sim_slot *slot, const struct sim_action *action)
{
	struct sim_ask *ask = &slot->asks[action->value[SIM_KEY_ID] % SIM_ASKS];

	if (!ask->out)
		return;
	ask->may_abort = true;
	lwf_stack_cancel_oid(slot->stack, ask->request.request_id);
}

uint32_t sim_asks_out(const struct sim_slot *slot)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < SIM_ASKS; i++)
		out += slot->asks[i].out;
	return out;
}
