/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_tcp.c - what the flags of TCP segments say of a flow.
 *
 * Not an end of the connection but a witness: it may miss segments, and may have come in the middle. So
 * states only go forward, by what either side says, but for a SYN with another sequence number on a
 * flow that is over or silent, which is a new conversation. A reset ends the flow when its sequence
 * number is in the window that the other side has offered; who guesses from outside misses.
 */
#include "flows.h"

#define SCALE_UNKNOWN 14u      /* the largest that there is, for those picked up in the middle */
#define WINDOW_SLACK  0x10000u /* the other side's news may not have come by here yet */
#define SILENT_NS     (60 * LWF_FLOW_SECOND_NS)

static bool is_syn(const struct lwf_parsed *parsed)
{
	return (parsed->tcp_flags & (LWF_TCP_SYN | LWF_TCP_ACK | LWF_TCP_RST)) == LWF_TCP_SYN;
}

bool lwf_flow_tcp_is_reuse(const struct lwf_flow *flow, const struct lwf_parsed *parsed,
			   uint64_t now_ns)
{
	if (!is_syn(parsed))
		return false;
	switch (flow->state) {
	case LWF_FLOW_STATE_RESET:
	case LWF_FLOW_STATE_FINISHED:
		return true;
	case LWF_FLOW_STATE_SYN_SENT:
		/* not the same SYN once more, nor the other half of a simultaneous open */
		return parsed->source == flow->initiator &&
		       parsed->tcp_seq != flow->isn[flow->initiator];
	default:
		return now_ns - flow->seen_ns >= SILENT_NS &&
		       (parsed->source != flow->initiator ||
			parsed->tcp_seq != flow->isn[flow->initiator]);
	}
}

static void note(struct lwf_flow *flow, const struct lwf_parsed *parsed)
{
	unsigned end = parsed->source;
	unsigned scale = flow->scale[end];

	if (parsed->tcp_flags & LWF_TCP_SYN) {
		flow->isn[end] = parsed->tcp_seq;
		flow->scale[end] = parsed->tcp_scale == LWF_TCP_NO_SCALE ? 0 : parsed->tcp_scale;
		scale = 0; /* the window of a SYN is never scaled */
	}
	if (parsed->tcp_flags & LWF_TCP_ACK) {
		flow->ack[end] = parsed->tcp_ack;
		flow->acked[end] = 1;
	}
	flow->window[end] = (uint32_t)parsed->tcp_window << scale;
}

void lwf_flow_tcp_born(struct lwf_flow *flow, const struct lwf_parsed *parsed)
{
	flow->scale[0] = flow->scale[1] = SCALE_UNKNOWN;
	if (is_syn(parsed)) {
		flow->state = LWF_FLOW_STATE_SYN_SENT;
	} else if (parsed->tcp_flags & LWF_TCP_SYN) {
		/* the answer alone was seen: who is answered has begun */
		flow->state = LWF_FLOW_STATE_SYN_RECEIVED;
		flow->initiator = (uint8_t)(1 - parsed->source);
		flow->flags |= LWF_FLOW_MIDSTREAM;
	} else {
		flow->state = LWF_FLOW_STATE_ESTABLISHED;
		flow->flags |= LWF_FLOW_MIDSTREAM;
	}
	note(flow, parsed);
	if (parsed->tcp_flags & LWF_TCP_FIN)
		lwf_flow_tcp_next(flow, parsed);
}

/** Is the sequence number one that the other side would take? */
static bool reset_is_good(const struct lwf_flow *flow, const struct lwf_parsed *parsed)
{
	unsigned other = 1u - parsed->source;
	uint32_t low;

	if (flow->state == LWF_FLOW_STATE_SYN_SENT && parsed->source != flow->initiator)
		return (parsed->tcp_flags & LWF_TCP_ACK) &&
		       parsed->tcp_ack - flow->isn[flow->initiator] - 1 <= WINDOW_SLACK;
	if (!flow->acked[other])
		return true; /* nothing is known to hold it against */
	low = flow->ack[other] - WINDOW_SLACK;
	return parsed->tcp_seq - low <= WINDOW_SLACK + flow->window[other] + WINDOW_SLACK;
}

bool lwf_flow_tcp_next(struct lwf_flow *flow, const struct lwf_parsed *parsed)
{
	uint8_t flags = parsed->tcp_flags;

	if (flags & LWF_TCP_RST) {
		if (!reset_is_good(flow, parsed))
			return false;
		flow->state = LWF_FLOW_STATE_RESET;
		return true;
	}
	if (flow->state == LWF_FLOW_STATE_RESET || flow->state == LWF_FLOW_STATE_FINISHED)
		return true;
	note(flow, parsed);
	if ((flags & LWF_TCP_SYN) && parsed->source != flow->initiator &&
	    flow->state == LWF_FLOW_STATE_SYN_SENT)
		flow->state = LWF_FLOW_STATE_SYN_RECEIVED;
	else if (!(flags & LWF_TCP_SYN) && (flags & LWF_TCP_ACK) &&
		 ((flow->state == LWF_FLOW_STATE_SYN_RECEIVED &&
		   parsed->source == flow->initiator) ||
		  (flow->state == LWF_FLOW_STATE_SYN_SENT && parsed->source != flow->initiator)))
		flow->state = LWF_FLOW_STATE_ESTABLISHED;
	if (flags & LWF_TCP_FIN) {
		flow->fin[parsed->source] = 1;
		flow->state = flow->fin[0] && flow->fin[1] ? LWF_FLOW_STATE_FINISHED
							   : LWF_FLOW_STATE_HALF_CLOSED;
	}
	return true;
}
