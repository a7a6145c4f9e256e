/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_track.c - a frame comes by: its flow is found or made, followed and counted. The hot path of
 * the table: one hash, one cell and one entry for a frame of a flow that is known.
 */
#include <lwf/frame.h>

#include "flows.h"

#define PROTO_ICMP4 1u
#define PROTO_TCP   6u
#define PROTO_UDP   17u
#define PROTO_DCCP  33u
#define PROTO_ICMP6 58u
#define PROTO_SCTP  132u
#define PROTO_LITE  136u

static enum lwf_flow_class class_of(const struct lwf_flow *flow)
{
	switch (flow->key.protocol) {
	case PROTO_TCP:
		switch (flow->state) {
		case LWF_FLOW_STATE_ESTABLISHED:
			return LWF_FLOW_CLASS_ESTABLISHED;
		case LWF_FLOW_STATE_HALF_CLOSED:
			return LWF_FLOW_CLASS_HALF_CLOSED;
		case LWF_FLOW_STATE_FINISHED:
			return LWF_FLOW_CLASS_FINISHED;
		case LWF_FLOW_STATE_RESET:
			return LWF_FLOW_CLASS_RESET;
		default:
			return LWF_FLOW_CLASS_HANDSHAKE;
		}
	case PROTO_ICMP4:
	case PROTO_ICMP6:
		return LWF_FLOW_CLASS_ICMP;
	case PROTO_UDP:
	case PROTO_DCCP:
	case PROTO_SCTP:
	case PROTO_LITE:
		if (flow->flags & LWF_FLOW_GROUP)
			return LWF_FLOW_CLASS_GROUP;
		return flow->state == LWF_FLOW_STATE_BOTH_WAYS ? LWF_FLOW_CLASS_BOTH_WAYS
							       : LWF_FLOW_CLASS_ONE_WAY;
	default:
		return flow->flags & LWF_FLOW_GROUP ? LWF_FLOW_CLASS_GROUP : LWF_FLOW_CLASS_OTHER;
	}
}

static bool is_tcp(const struct lwf_parsed *parsed)
{
	return (parsed->flags & LWF_PARSED_TCP) != 0;
}

static uint64_t handle_of(const struct lwf_flow_table *table, const struct lwf_flow *flow)
{
	return lwf_flow_handle_of(table, (uint32_t)(flow - table->flows));
}

static void count(struct lwf_flow *flow, enum lwf_direction direction, uint64_t now_ns,
		  uint32_t frames, uint64_t bytes)
{
	flow->seen_ns = now_ns;
	flow->frames[direction] += frames;
	flow->bytes[direction] += bytes;
}

/** The first frame of a flow, as far as is seen; NULL when there is no room. */
static struct lwf_flow *begin(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
			      uint32_t tag, enum lwf_direction direction, uint64_t now_ns)
{
	struct lwf_flow *flow;

	if (table->destroying || lwf_flow_forced(table, LWF_SITE_TRACK) == LWF_FLOW_NOMEM ||
	    !lwf_flow_make_room(table, now_ns) || lwf_flow_lookup(table, &parsed->key, tag))
		return NULL;
	flow = lwf_flow_birth(table, &parsed->key, tag, now_ns);
	if (!flow)
		return NULL;
	flow->initiator = parsed->source;
	flow->local =
		direction == LWF_DIRECTION_SEND ? parsed->source : (uint8_t)(1 - parsed->source);
	if (parsed->flags & LWF_PARSED_GROUP)
		flow->flags |= LWF_FLOW_GROUP;
	if (is_tcp(parsed))
		lwf_flow_tcp_born(flow, parsed);
	else
		flow->state = LWF_FLOW_STATE_ONE_WAY;
	lwf_flow_set_class(table, flow, class_of(flow));
	lwf_flow_watch_level(table);
	if (table->config.owners) {
		lwf_flow_ask_owner(table, flow, now_ns);
		lwf_flow_learn_initiator(table, flow);
	}
	return flow;
}

static void go_on(struct lwf_flow_table *table, struct lwf_flow *flow,
		  const struct lwf_parsed *parsed, uint64_t now_ns)
{
	enum lwf_flow_class class;

	if (is_tcp(parsed)) {
		if (!lwf_flow_tcp_next(flow, parsed))
			table->stats.bad_resets++;
	} else if (parsed->source != flow->initiator) {
		flow->state = LWF_FLOW_STATE_BOTH_WAYS;
	}
	flow->again = true;
	class = class_of(flow);
	if (class != flow->class && !flow->doomed)
		lwf_flow_set_class(table, flow, class);
	if (now_ns >= flow->ask_at_ns)
		lwf_flow_ask_owner(table, flow, now_ns);
}

static enum lwf_flow_seen known_as(const struct lwf_flow_table *table, struct lwf_flow *flow)
{
	if (flow->epoch == table->epoch)
		return LWF_FLOW_SEEN_KNOWN;
	flow->epoch = table->epoch;
	return LWF_FLOW_SEEN_REAUTH;
}

static enum lwf_flow_seen track_fragment(struct lwf_flow_table *table,
					 const struct lwf_parsed *parsed,
					 enum lwf_direction direction, uint64_t now_ns,
					 uint32_t frames, uint64_t bytes, uint64_t *handle)
{
	struct lwf_flow *flow =
		lwf_flow_resolve(table, lwf_flow_of_fragment(table, parsed, now_ns));

	if (!flow) {
		table->stats.strays++;
		return LWF_FLOW_SEEN_STRAY;
	}
	count(flow, direction, now_ns, frames, bytes);
	*handle = handle_of(table, flow);
	return known_as(table, flow);
}

static enum lwf_flow_seen track_error(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
				      uint64_t *handle)
{
	uint32_t tag = lwf_flow_tag(table, &parsed->key);
	struct lwf_flow *flow = lwf_flow_lookup(table, &parsed->key, tag);

	if (!flow)
		return LWF_FLOW_SEEN_NOTHING;
	flow->related++;
	table->stats.related++;
	*handle = handle_of(table, flow);
	return LWF_FLOW_SEEN_RELATED;
}

static enum lwf_flow_seen track_flow(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
				     enum lwf_direction direction, uint64_t now_ns, uint32_t frames,
				     uint64_t bytes, uint64_t *handle)
{
	uint32_t tag = lwf_flow_tag(table, &parsed->key);
	struct lwf_flow *flow = lwf_flow_lookup(table, &parsed->key, tag);
	enum lwf_flow_seen seen;

	if (flow && is_tcp(parsed) && table->nesting < LWF_FLOW_NESTING &&
	    lwf_flow_tcp_is_reuse(flow, parsed, now_ns)) {
		lwf_flow_finish(table, flow, LWF_FLOW_END_REUSED);
		flow = NULL;
	}
	if (flow) {
		go_on(table, flow, parsed, now_ns);
		seen = known_as(table, flow);
	} else {
		if (is_tcp(parsed) && (parsed->tcp_flags & LWF_TCP_RST))
			return LWF_FLOW_SEEN_NOTHING; /* the end of something is no beginning */
		flow = begin(table, parsed, tag, direction, now_ns);
		if (!flow) {
			table->stats.untracked++;
			return LWF_FLOW_SEEN_UNTRACKED;
		}
		seen = flow->flags & LWF_FLOW_MIDSTREAM ? LWF_FLOW_SEEN_MIDSTREAM
							: LWF_FLOW_SEEN_NEW;
	}
	count(flow, direction, now_ns, frames, bytes);
	*handle = handle_of(table, flow);
	if (parsed->flags & LWF_PARSED_FIRST_FRAGMENT)
		lwf_flow_note_fragment(table, parsed, *handle, now_ns);
	return seen;
}

enum lwf_flow_seen lwf_flow_track(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
				  enum lwf_direction direction, uint64_t now_ns, uint32_t frames,
				  uint64_t bytes, uint64_t *flow)
{
	*flow = 0;
	switch ((enum lwf_parsed_kind)parsed->kind) {
	case LWF_PARSED_FLOW:
		return track_flow(table, parsed, direction, now_ns, frames, bytes, flow);
	case LWF_PARSED_FRAGMENT:
		return track_fragment(table, parsed, direction, now_ns, frames, bytes, flow);
	case LWF_PARSED_ICMP_ERROR:
		return track_error(table, parsed, flow);
	case LWF_PARSED_MALFORMED:
		table->stats.malformed++;
		return LWF_FLOW_SEEN_MALFORMED;
	case LWF_PARSED_NONE:
		break;
	}
	return LWF_FLOW_SEEN_NOTHING;
}

enum lwf_flow_seen lwf_flow_observe(struct lwf_flow_table *table, struct lwf_frame *frame,
				    enum lwf_direction direction, uint64_t now_ns,
				    struct lwf_flow_sight *sight)
{
	lwf_parse(frame->data, frame->len, table->config.adapter, &sight->parsed);
	if (frame->flow && lwf_flow_resolve(table, frame->flow)) {
		sight->flow = frame->flow;
		sight->seen = sight->parsed.kind == LWF_PARSED_ICMP_ERROR ? LWF_FLOW_SEEN_RELATED
									  : LWF_FLOW_SEEN_KNOWN;
	} else {
		sight->seen = (uint8_t)lwf_flow_track(table, &sight->parsed, direction, now_ns,
						      lwf_frame_segments(frame),
						      lwf_frame_wire_bytes(frame), &sight->flow);
		frame->flow = sight->flow;
	}
	return (enum lwf_flow_seen)sight->seen;
}
