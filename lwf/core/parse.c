/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.c - from the bytes of a frame to the key of its flow.
 *
 * A cursor knows where the packet ends; whoever wants bytes asks it first. Both directions give one
 * key: endpoints are sorted, a reply of ICMP counts as its request. Fragments other than the first
 * have no ports and are found by address and id. An ICMP error is looked into once, never twice. A
 * packet on a source route is for the last address of it, as checksums and sockets have it.
 */
#include <string.h>

#include <lwf/frame.h>
#include <lwf/parse.h>

#define TYPE_IPV4	  0x0800u
#define TYPE_IPV6	  0x86ddu
#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u
#define IPV4_MORE	  0x2000u
#define IPV4_OFFSET	  0x1fffu
#define PROTO_HOP	  0u
#define PROTO_ICMP4	  1u
#define PROTO_TCP	  6u
#define PROTO_UDP	  17u
#define PROTO_DCCP	  33u
#define PROTO_ROUTING	  43u
#define PROTO_FRAGMENT	  44u
#define PROTO_AUTH	  51u
#define PROTO_ICMP6	  58u
#define PROTO_OPTIONS	  60u
#define PROTO_SCTP	  132u
#define PROTO_MOBILITY	  135u
#define PROTO_UDPLITE	  136u
#define TCP_HEADER_BYTES  20u
#define TCP_OPTION_SCALE  3u
#define EMBEDDED_BYTES	  8u /* of the packet it is about an ICMP error has at least these */

_Static_assert(sizeof(struct lwf_flow_key) == 48, "no padding: keys are compared as bytes");

/** One IP packet; @end is behind its last byte, inside the frame. */
struct packet {
	const uint8_t *data;
	uint32_t end;
	uint32_t at; /* next header to be read */
	uint8_t source[LWF_FLOW_ADDRESS_BYTES], target[LWF_FLOW_ADDRESS_BYTES];
	uint8_t protocol;
	bool v6;
	bool embedded; /* in an ICMP error: cut short */
	bool first, later;
	uint32_t fragment_id;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static bool has(const struct packet *packet, uint32_t bytes)
{
	return packet->end - packet->at >= bytes;
}

static void mapped(uint8_t *to, const uint8_t *ipv4)
{
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, ipv4, 4);
}

static bool read_ipv4(struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->at;
	uint32_t header_bytes, total, fragment;

	if (!has(packet, IPV4_HEADER_BYTES) || ip[0] >> 4 != 4)
		return false;
	header_bytes = (ip[0] & 0xfu) * 4;
	total = get16(ip + 2);
	if (header_bytes < IPV4_HEADER_BYTES || !has(packet, header_bytes))
		return false;
	if (total) { /* 0: longer than the field can say, as super-frames may be */
		if (total < header_bytes)
			return false;
		if (has(packet, total))
			packet->end = packet->at + total;
		else if (!packet->embedded)
			return false;
	}
	fragment = get16(ip + 6);
	packet->first = (fragment & IPV4_MORE) && !(fragment & IPV4_OFFSET);
	packet->later = (fragment & IPV4_OFFSET) != 0;
	packet->fragment_id = get16(ip + 4);
	packet->protocol = ip[9];
	mapped(packet->source, ip + 12);
	mapped(packet->target, ip + 16);
	packet->at += header_bytes;
	return true;
}

/** A source route that is not at its end: the packet is for the last address in it. */
static void read_route(struct packet *packet, uint32_t bytes)
{
	const uint8_t *header = packet->data + packet->at;
	uint32_t addresses = (bytes - 8) / LWF_FLOW_ADDRESS_BYTES;

	if (header[3] == 0 || addresses == 0)
		return;
	if (header[2] == 0 || header[2] == 2)
		memcpy(packet->target, header + 8 + LWF_FLOW_ADDRESS_BYTES * (addresses - 1),
		       LWF_FLOW_ADDRESS_BYTES);
	else if (header[2] == 4) /* segment routing lists them last first */
		memcpy(packet->target, header + 8, LWF_FLOW_ADDRESS_BYTES);
}

static void read_fragment(struct packet *packet)
{
	const uint8_t *header = packet->data + packet->at;
	uint16_t offset = get16(header + 2);

	packet->later = (offset & 0xfff8u) != 0;
	packet->first = !packet->later && (offset & 1u);
	packet->fragment_id = get32(header + 4);
}

/** Goes over extension headers; what is not one, or one too many, is the protocol. */
static bool read_chain(struct packet *packet)
{
	for (uint32_t i = 0; i < LWF_PARSE_HEADERS_MAX; i++) {
		const uint8_t *header = packet->data + packet->at;
		uint32_t bytes;

		switch (packet->protocol) {
		case PROTO_HOP:
		case PROTO_ROUTING:
		case PROTO_OPTIONS:
		case PROTO_MOBILITY:
			if (!has(packet, 8))
				return false;
			bytes = (header[1] + 1u) * 8;
			break;
		case PROTO_AUTH:
			if (!has(packet, 8))
				return false;
			bytes = (header[1] + 2u) * 4;
			break;
		case PROTO_FRAGMENT:
			bytes = 8;
			break;
		default:
			return true;
		}
		if (!has(packet, bytes))
			return false;
		if (packet->protocol == PROTO_ROUTING)
			read_route(packet, bytes);
		if (packet->protocol == PROTO_FRAGMENT)
			read_fragment(packet);
		packet->protocol = header[0];
		packet->at += bytes;
		if (packet->later)
			return true; /* what follows is a piece of something */
	}
	return true;
}

static bool read_ipv6(struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->at;
	uint32_t payload;

	if (!has(packet, IPV6_HEADER_BYTES) || ip[0] >> 4 != 6)
		return false;
	payload = get16(ip + 4);
	if (payload) { /* 0: longer than the field can say */
		if (has(packet, IPV6_HEADER_BYTES + payload))
			packet->end = packet->at + IPV6_HEADER_BYTES + payload;
		else if (!packet->embedded)
			return false;
	}
	packet->v6 = true;
	packet->protocol = ip[6];
	memcpy(packet->source, ip + 8, LWF_FLOW_ADDRESS_BYTES);
	memcpy(packet->target, ip + 24, LWF_FLOW_ADDRESS_BYTES);
	packet->at += IPV6_HEADER_BYTES;
	return read_chain(packet);
}

static bool read_ip(struct packet *packet, bool v6)
{
	return v6 ? read_ipv6(packet) : read_ipv4(packet);
}

/** Ports beside the addresses, sorted: the same for both directions. */
static void make_key(const struct packet *packet, uint16_t from, uint16_t to,
		     struct lwf_parsed *out)
{
	struct lwf_flow_key *key = &out->key;
	int order = memcmp(packet->source, packet->target, LWF_FLOW_ADDRESS_BYTES);

	if (order == 0)
		order = (int)from - (int)to;
	out->source = order <= 0 ? LWF_ENDPOINT_LOW : LWF_ENDPOINT_HIGH;
	memcpy(key->address[out->source], packet->source, LWF_FLOW_ADDRESS_BYTES);
	memcpy(key->address[1 - out->source], packet->target, LWF_FLOW_ADDRESS_BYTES);
	key->port[out->source] = from;
	key->port[1 - out->source] = to;
	key->protocol = packet->protocol;
	key->v6 = packet->v6;
}

/** The type that requests and replies share. */
static uint8_t icmp_class(uint8_t type, bool v6)
{
	if (v6)
		switch (type) {
		case 129: /* echo reply */
		case 134: /* router advertisement */
		case 136: /* neighbour advertisement */
		case 140: /* node information response */
			return (uint8_t)(type - 1);
		case 131: /* listener report, done */
		case 132:
			return 130;
		default:
			return type;
		}
	switch (type) {
	case 0: /* echo reply */
		return 8;
	case 9: /* router advertisement */
		return 10;
	case 14: /* timestamp, information, mask */
	case 16:
	case 18:
		return (uint8_t)(type - 1);
	default:
		return type;
	}
}

static bool icmp_has_id(uint8_t class, bool v6)
{
	return v6 ? class == 128 : class == 8 || class == 13 || class == 15 || class == 17;
}

static bool icmp_is_error(uint8_t type, bool v6)
{
	if (v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static enum lwf_parsed_kind read_transport(struct packet *packet, struct lwf_parsed *out);

/** The packet that an error is about. One that cannot be told is about nothing. */
static enum lwf_parsed_kind read_inner(const struct packet *outer, struct lwf_parsed *out)
{
	struct packet inner = {.data = outer->data, .end = outer->end, .at = outer->at + 8};

	inner.embedded = true;
	if (outer->end - outer->at < 8 || !read_ip(&inner, outer->v6))
		return LWF_PARSED_NONE;
	if (inner.later || read_transport(&inner, out) != LWF_PARSED_FLOW)
		return LWF_PARSED_NONE;
	return LWF_PARSED_ICMP_ERROR;
}

static enum lwf_parsed_kind read_icmp(struct packet *packet, struct lwf_parsed *out)
{
	const uint8_t *icmp = packet->data + packet->at;
	uint16_t id = 0;
	uint8_t class;

	if (!has(packet, 4))
		return LWF_PARSED_MALFORMED;
	if (icmp_is_error(icmp[0], packet->v6))
		return packet->embedded ? LWF_PARSED_NONE : read_inner(packet, out);
	class = icmp_class(icmp[0], packet->v6);
	if (icmp_has_id(class, packet->v6)) {
		if (!has(packet, 8))
			return LWF_PARSED_MALFORMED;
		id = get16(icmp + 4);
	}
	make_key(packet, 0, 0, out);
	out->key.port[LWF_ENDPOINT_LOW] = id;
	out->key.port[LWF_ENDPOINT_HIGH] = class;
	if (!packet->embedded) {
		out->flags |= LWF_PARSED_ICMP;
		out->icmp_type = icmp[0];
		out->icmp_code = icmp[1];
	}
	return LWF_PARSED_FLOW;
}

static uint8_t read_scale(const uint8_t *option, uint32_t bytes)
{
	while (bytes > 0 && option[0] != 0) {
		uint32_t length = option[0] == 1 ? 1 : bytes > 1 ? option[1] : 0;

		if (length == 0 || length > bytes || (option[0] != 1 && length < 2))
			break;
		if (option[0] == TCP_OPTION_SCALE && length == 3)
			return option[2] > 14 ? 14 : option[2];
		option += length;
		bytes -= length;
	}
	return LWF_TCP_NO_SCALE;
}

static enum lwf_parsed_kind read_tcp(struct packet *packet, struct lwf_parsed *out)
{
	const uint8_t *tcp = packet->data + packet->at;
	uint32_t header_bytes;

	if (!has(packet, packet->embedded ? EMBEDDED_BYTES : TCP_HEADER_BYTES))
		return LWF_PARSED_MALFORMED;
	make_key(packet, get16(tcp), get16(tcp + 2), out);
	out->tcp_seq = get32(tcp + 4);
	if (packet->embedded)
		return LWF_PARSED_FLOW;
	header_bytes = (tcp[12] >> 4) * 4u;
	if (header_bytes < TCP_HEADER_BYTES || !has(packet, header_bytes))
		return LWF_PARSED_MALFORMED;
	out->flags |= LWF_PARSED_TCP;
	out->tcp_flags = tcp[13];
	out->tcp_ack = get32(tcp + 8);
	out->tcp_window = get16(tcp + 14);
	if (out->tcp_flags & LWF_TCP_SYN)
		out->tcp_scale =
			read_scale(tcp + TCP_HEADER_BYTES, header_bytes - TCP_HEADER_BYTES);
	packet->at += header_bytes;
	return LWF_PARSED_FLOW;
}

static enum lwf_parsed_kind read_transport(struct packet *packet, struct lwf_parsed *out)
{
	const uint8_t *header = packet->data + packet->at;

	switch (packet->protocol) {
	case PROTO_ICMP4:
	case PROTO_ICMP6:
		if (packet->v6 == (packet->protocol == PROTO_ICMP6))
			return read_icmp(packet, out);
		break;
	case PROTO_TCP:
		return read_tcp(packet, out);
	case PROTO_UDP:
	case PROTO_UDPLITE:
	case PROTO_SCTP:
	case PROTO_DCCP:
		if (!has(packet, 8))
			return LWF_PARSED_MALFORMED;
		make_key(packet, get16(header), get16(header + 2), out);
		if (packet->protocol == PROTO_UDP || packet->protocol == PROTO_UDPLITE)
			packet->at += 8;
		return LWF_PARSED_FLOW;
	default:
		break;
	}
	make_key(packet, 0, 0, out);
	return LWF_PARSED_FLOW;
}

static bool is_group(const struct packet *packet)
{
	static const uint8_t everybody[4] = {255, 255, 255, 255};

	if (packet->v6)
		return packet->target[0] == 0xff;
	return (packet->target[12] & 0xf0) == 0xe0 ||
	       memcmp(packet->target + 12, everybody, 4) == 0;
}

static enum lwf_parsed_kind read_packet(struct packet *packet, struct lwf_parsed *out)
{
	enum lwf_parsed_kind kind;

	out->l3 = packet->at;
	if (!read_ip(packet, out->ether_type == TYPE_IPV6))
		return LWF_PARSED_MALFORMED;
	out->l4 = out->payload = packet->at;
	out->payload_bytes = packet->end - packet->at;
	if (is_group(packet) || (packet->data[0] & 1))
		out->flags |= LWF_PARSED_GROUP;
	if (packet->later || packet->first)
		out->fragment_id = packet->fragment_id;
	if (packet->later) {
		make_key(packet, 0, 0, out);
		return LWF_PARSED_FRAGMENT;
	}
	kind = read_transport(packet, out);
	if (kind != LWF_PARSED_FLOW)
		return kind;
	if (packet->first)
		out->flags |= LWF_PARSED_FIRST_FRAGMENT;
	out->payload = packet->at;
	out->payload_bytes = packet->end - packet->at;
	return kind;
}

/** Walks the tags; false when there are too many, or the frame ends in them. */
static bool read_tags(const uint8_t *data, uint32_t len, uint32_t *at, struct lwf_parsed *out)
{
	uint32_t ids = 0;

	*at = LWF_ETHER_HEADER_BYTES;
	out->ether_type = get16(data + 12);
	for (uint32_t tags = 0;
	     out->ether_type == 0x8100 || out->ether_type == 0x88a8 || out->ether_type == 0x9100;
	     tags++) {
		uint16_t id;

		if (tags == LWF_PARSE_TAGS_MAX || len - *at < LWF_VLAN_TAG_BYTES)
			return false;
		id = get16(data + *at) & 0xfff;
		if (id && ids < 2)
			out->key.vlan[ids++] = id;
		out->ether_type = get16(data + *at + 2);
		*at += LWF_VLAN_TAG_BYTES;
	}
	return true;
}

enum lwf_parsed_kind lwf_parse(const uint8_t *data, uint32_t len, uint32_t adapter,
			       struct lwf_parsed *out)
{
	struct packet packet = {.data = data, .end = len};
	enum lwf_parsed_kind kind = LWF_PARSED_NONE;

	memset(out, 0, sizeof(*out));
	out->key.adapter = adapter;
	out->tcp_scale = LWF_TCP_NO_SCALE;
	if (len < LWF_ETHER_HEADER_BYTES)
		kind = LWF_PARSED_MALFORMED;
	else if (read_tags(data, len, &packet.at, out) &&
		 (out->ether_type == TYPE_IPV4 || out->ether_type == TYPE_IPV6))
		kind = read_packet(&packet, out);
	out->kind = (uint8_t)kind;
	return kind;
}

const char *lwf_parsed_name(enum lwf_parsed_kind kind)
{
	static const char *const names[] = {
#define X(sym, name) name,
		LWF_PARSED_LIST(X)
#undef X
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}
