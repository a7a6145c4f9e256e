/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_oid.c - how the simulated device answers OIDs: at once, after oid_delay_ns, or never, as told.
 *
 * A query is answered from the link; a set changes the link, and the stack hears of it as it would
 * from the one who watches a real device. What it has when the device goes is ADAPTER_REMOVED.
 */
#include "edge_oid.h"

#include <lwf/stack.h>

static lwf_status carry_out_set(struct lwf_sim_oid *oid, struct lwf_oid_request *request)
{
	struct lwf_link link = oid->edge->link;
	lwf_status status = lwf_oid_check_set(request);

	if (status != LWF_STATUS_SUCCESS)
		return status;
	switch (request->oid) {
	case LWF_OID_GEN_CURRENT_PACKET_FILTER:
		memcpy(&oid->packet_filter, request->buffer, sizeof(oid->packet_filter));
		lwf_edge_indicate_status(oid->edge, LWF_INDICATION_PACKET_FILTER);
		return status;
	case LWF_OID_GEN_MAXIMUM_FRAME_SIZE:
		memcpy(&link.mtu_bytes, request->buffer, sizeof(link.mtu_bytes));
		lwf_stack_set_link(oid->edge->stack, &link, "mtu");
		return status;
	case LWF_OID_802_3_CURRENT_ADDRESS:
		memcpy(link.mac, request->buffer, sizeof(link.mac));
		lwf_stack_set_link(oid->edge->stack, &link, "mac");
		return status;
	default:
		return LWF_STATUS_NOT_SUPPORTED;
	}
}

static lwf_status answer(struct lwf_sim_oid *oid, struct lwf_oid_request *request)
{
	if (!oid->edge->link.present)
		return LWF_STATUS_ADAPTER_REMOVED;
	if (oid->config->oid_status != LWF_STATUS_SUCCESS)
		return oid->config->oid_status;
	if (request->kind == LWF_OID_SET)
		return carry_out_set(oid, request);
	return lwf_edge_oid_query(oid->edge, oid->packet_filter, request);
}

bool lwf_sim_oid_release(struct lwf_sim_oid *oid)
{
	struct lwf_oid_request *request = oid->request;

	if (!request)
		return false;
	oid->request = NULL;
	lwf_timer_cancel(&oid->timer);
	lwf_edge_oid_completed(oid->edge, request, answer(oid, request));
	return true;
}

static void on_timer(void *context)
{
	struct lwf_sim_oid *oid = context;

	if (oid->config->oid_never)
		lwf_timer_set(&oid->timer, LWF_EDGE_RETRY_NS); /* it may be changed at any time */
	else
		lwf_sim_oid_release(oid);
}

lwf_status lwf_sim_oid_ask(struct lwf_sim_oid *oid, struct lwf_oid_request *request)
{
	const struct lwf_sim_edge_config *config = oid->config;

	if (!config->oid_never && !config->oid_delay_ns)
		return answer(oid, request);
	oid->request = request;
	lwf_timer_set(&oid->timer, config->oid_never ? LWF_EDGE_RETRY_NS : config->oid_delay_ns);
	return LWF_STATUS_PENDING;
}

void lwf_sim_oid_cancel(struct lwf_sim_oid *oid, struct lwf_oid_request *request)
{
	if (oid->request != request)
		return;
	oid->request = NULL;
	lwf_timer_cancel(&oid->timer);
	lwf_edge_oid_completed(oid->edge, request, LWF_STATUS_REQUEST_ABORTED);
}

void lwf_sim_oid_link_changed(struct lwf_sim_oid *oid)
{
	if (!oid->edge->link.present)
		lwf_sim_oid_release(oid);
}

int lwf_sim_oid_init(struct lwf_sim_oid *oid, struct lwf_edge *edge,
		     const struct lwf_sim_edge_config *config)
{
	oid->edge = edge;
	oid->config = config;
	oid->packet_filter = LWF_PACKET_TYPES;
	return lwf_timer_init(&oid->timer, edge->host, on_timer, oid);
}

void lwf_sim_oid_fini(struct lwf_sim_oid *oid)
{
	lwf_timer_fini(&oid->timer);
}
