/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oid_values.c - OIDs by name and number, and their values: as people write them, and as an edge
 * answers them from what is known of its link.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lwf/oid.h>

#include "internal.h"

#define PREFIX		     "OID_"
#define SPEED_UNITS_PER_MBPS 10000u /* OID_GEN_LINK_SPEED is in units of 100 bit/s */
#define SPEED_MOST_MBPS	     (UINT32_MAX / SPEED_UNITS_PER_MBPS)
#define MEGA		     1000000ull
#define MTU_LEAST_BYTES	     68u /* below that there is no IPv4 */
#define MTU_MOST_BYTES	     65535u

#define X(sym, bytes) _Static_assert((bytes) <= LWF_OID_VALUE_BYTES, "room for a value");
LWF_OID_VALUE_LIST(X)
#undef X
_Static_assert(sizeof(struct lwf_oid_link) == 24, "as in LWF_OID_VALUE_LIST");
_Static_assert(sizeof(struct lwf_oid_statistics) == 48, "as in LWF_OID_VALUE_LIST");

enum {
#define X(sym, bytes) BYTES_##sym = (bytes),
	LWF_OID_VALUE_LIST(X)
#undef X
};

static const struct lwf_oid_info oids[] = {
#define X(sym, number, word, type, settable, text) \
	{number, PREFIX #sym, word, LWF_OID_VALUE_##type, BYTES_##type, settable, text},
	LWF_OID_LIST(X)
#undef X
};

#define OIDS (sizeof(oids) / sizeof(oids[0]))

/* ---- names ---- */

const struct lwf_oid_info *lwf_oid_at(uint32_t index)
{
	return index < OIDS ? &oids[index] : NULL;
}

const struct lwf_oid_info *lwf_oid_info(uint32_t number)
{
	for (uint32_t i = 0; i < OIDS; i++)
		if (oids[i].number == number)
			return &oids[i];
	return NULL;
}

const struct lwf_oid_info *lwf_oid_find(const char *name)
{
	for (uint32_t i = 0; i < OIDS; i++)
		if (!strcasecmp(name, oids[i].name) || !strcasecmp(name, oids[i].word) ||
		    !strcasecmp(name, oids[i].name + strlen(PREFIX)))
			return &oids[i];
	return NULL;
}

const char *lwf_oid_name(uint32_t number)
{
	const struct lwf_oid_info *info = lwf_oid_info(number);

	return info ? info->name : "OID";
}

/* ---- values as people write them ---- */

static const struct {
	uint32_t bit;
	const char *name;
} packet_types[] = {
#define X(sym, bit, name) {bit, name},
	LWF_PACKET_TYPE_LIST(X)
#undef X
};

/* NDIS_PACKET_TYPE_ALL_LOCAL: what a host receives that is not promiscuous */
#define ALL_LOCAL (LWF_PACKET_TYPE_DIRECTED | LWF_PACKET_TYPE_MULTICAST | LWF_PACKET_TYPE_BROADCAST)

#define PACKET_TYPES (sizeof(packet_types) / sizeof(packet_types[0]))

static void print_packet_filter(uint32_t filter, char *text, size_t bytes)
{
	size_t used = 0;

	snprintf(text, bytes, "none");
	for (unsigned i = 0; i < PACKET_TYPES && used < bytes; i++)
		if (filter & packet_types[i].bit)
			used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? "," : "",
						 packet_types[i].name);
}

static void print_link(const void *value, char *text, size_t bytes)
{
	struct lwf_oid_link link;
	const char *state;

	memcpy(&link, value, sizeof(link));
	state = link.connect_state == 1 ? "connected" : "disconnected";
	if (link.xmit_bps == UINT64_MAX)
		snprintf(text, bytes, "%s, speed unknown", state);
	else
		snprintf(text, bytes, "%s, %" PRIu64 " bit/s", state, link.xmit_bps);
}

static void print_statistics(const void *value, char *text, size_t bytes)
{
	struct lwf_oid_statistics s;

	memcpy(&s, value, sizeof(s));
	snprintf(text, bytes,
		 "in %" PRIu64 " frames, %" PRIu64 " octets; out %" PRIu64 " frames, %" PRIu64
		 " octets, %" PRIu64 " errors; %" PRIu64 " discards",
		 s.in_frames, s.in_octets, s.out_frames, s.out_octets, s.out_errors, s.discards);
}

void lwf_oid_print(const struct lwf_oid_info *info, const void *value, char *text, size_t bytes)
{
	const uint8_t *byte = value;
	uint32_t u32 = 0;
	uint64_t u64;

	if (info->bytes == sizeof(u32))
		memcpy(&u32, value, sizeof(u32));
	switch (info->value) {
	case LWF_OID_VALUE_U32:
		snprintf(text, bytes, "%" PRIu32, u32);
		return;
	case LWF_OID_VALUE_U64:
		memcpy(&u64, value, sizeof(u64));
		snprintf(text, bytes, "%" PRIu64, u64);
		return;
	case LWF_OID_VALUE_MAC:
		snprintf(text, bytes, "%02x:%02x:%02x:%02x:%02x:%02x", byte[0], byte[1], byte[2],
			 byte[3], byte[4], byte[5]);
		return;
	case LWF_OID_VALUE_MEDIA:
		snprintf(text, bytes, "%s", u32 ? "disconnected" : "connected");
		return;
	case LWF_OID_VALUE_PACKET_FILTER:
		print_packet_filter(u32, text, bytes);
		return;
	case LWF_OID_VALUE_LINK_STATE:
		print_link(value, text, bytes);
		return;
	case LWF_OID_VALUE_STATISTICS:
		print_statistics(value, text, bytes);
		return;
	}
}

static int parse_u32(const char *text, uint32_t *value)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (*end || errno || number > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)number;
	return 0;
}

/** "directed,broadcast", "none", or a number. */
/* The bits of the word that @text begins with; 0: it is none. */
static uint32_t packet_type(const char *text, size_t length)
{
	static const char all_local[] = "all-local";

	for (unsigned i = 0; i < PACKET_TYPES; i++)
		if (strlen(packet_types[i].name) == length &&
		    !strncasecmp(packet_types[i].name, text, length))
			return packet_types[i].bit;
	return strlen(all_local) == length && !strncasecmp(all_local, text, length) ? ALL_LOCAL : 0;
}

static int parse_packet_filter(const char *text, uint32_t *value)
{
	if (!parse_u32(text, value))
		return 0;
	*value = 0;
	if (!strcasecmp(text, "none"))
		return 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		uint32_t bits = packet_type(text, length);

		if (!bits)
			return -EINVAL;
		*value |= bits;
		if (!text[length])
			return 0;
		text += length + 1;
	}
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 12; i++) {
		const char *at;
		char c = *text++;

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		at = c ? strchr(digits, c) : NULL;
		if (!at)
			return -EINVAL;
		mac[i / 2] = (uint8_t)(mac[i / 2] << 4 | (at - digits));
		if (i % 2 && i < 11 && *text++ != ':')
			return -EINVAL;
	}
	return *text ? -EINVAL : 0;
}

int lwf_oid_parse(const struct lwf_oid_info *info, const char *text, void *value)
{
	uint8_t mac[6] = {0};
	uint32_t u32 = 0;
	int ret;

	if (!info->settable)
		return -EPERM;
	if (info->value == LWF_OID_VALUE_MAC) {
		ret = parse_mac(text, mac);
		memcpy(value, mac, sizeof(mac));
		return ret;
	}
	ret = info->value == LWF_OID_VALUE_PACKET_FILTER ? parse_packet_filter(text, &u32)
							 : parse_u32(text, &u32);
	memcpy(value, &u32, sizeof(u32));
	return ret;
}

/* ---- answers ---- */

lwf_status lwf_oid_reply(struct lwf_oid_request *request, const void *value, uint32_t bytes)
{
	request->bytes_needed = bytes;
	if (request->buffer_bytes < bytes)
		return LWF_STATUS_BUFFER_TOO_SHORT;
	memcpy(request->buffer, value, bytes);
	request->bytes_done = bytes;
	return LWF_STATUS_SUCCESS;
}

static bool is_unicast(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

lwf_status lwf_oid_check_set(struct lwf_oid_request *request)
{
	const struct lwf_oid_info *info = lwf_oid_info(request->oid);
	uint32_t u32 = 0;

	if (!info || !info->settable)
		return LWF_STATUS_NOT_SUPPORTED;
	request->bytes_needed = info->bytes;
	if (request->buffer_bytes != info->bytes)
		return LWF_STATUS_INVALID_LENGTH;
	if (info->bytes == sizeof(u32))
		memcpy(&u32, request->buffer, sizeof(u32));
	switch (info->value) {
	case LWF_OID_VALUE_MAC:
		if (!is_unicast(request->buffer))
			return LWF_STATUS_INVALID_DATA;
		break;
	case LWF_OID_VALUE_PACKET_FILTER:
		if (u32 & ~(uint32_t)LWF_PACKET_TYPES)
			return LWF_STATUS_NOT_SUPPORTED;
		break;
	default:
		if (u32 < MTU_LEAST_BYTES || u32 > MTU_MOST_BYTES)
			return LWF_STATUS_INVALID_DATA;
		break;
	}
	request->bytes_done = info->bytes;
	return LWF_STATUS_SUCCESS;
}

static lwf_status reply_u32(struct lwf_oid_request *request, uint32_t value)
{
	return lwf_oid_reply(request, &value, sizeof(value));
}

static uint64_t sum_drops(const struct lwf_edge *edge)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LWF_REASONS; i++)
		sum += edge->counters.drops[i];
	return sum;
}

static lwf_status reply_statistics(const struct lwf_edge *edge, struct lwf_oid_request *request)
{
	const struct lwf_edge_counters *c = &edge->counters;
	const struct lwf_oid_statistics s = {
		.in_frames = c->rx_frames,
		.in_octets = c->rx_bytes,
		.out_frames = c->tx_frames,
		.out_octets = c->tx_bytes,
		.discards = sum_drops(edge) - c->errors,
		.out_errors = c->errors,
	};

	return lwf_oid_reply(request, &s, sizeof(s));
}

static lwf_status reply_link(const struct lwf_edge *edge, struct lwf_oid_request *request)
{
	const struct lwf_link *link = &edge->link;
	uint64_t bps = link->speed_mbps ? link->speed_mbps * MEGA : UINT64_MAX;
	const struct lwf_oid_link state = {link->carrier ? 1 : 2, 0, bps, bps};

	return lwf_oid_reply(request, &state, sizeof(state));
}

lwf_status lwf_edge_oid_query(const struct lwf_edge *edge, uint32_t packet_filter,
			      struct lwf_oid_request *request)
{
	static const uint8_t none[6];
	const struct lwf_link *link = &edge->link;

	switch (request->oid) {
	case LWF_OID_GEN_MAXIMUM_FRAME_SIZE:
		return reply_u32(request, link->mtu_bytes);
	case LWF_OID_GEN_MAXIMUM_TOTAL_SIZE:
		return reply_u32(request, link->mtu_bytes + LWF_ETHER_HEADER_BYTES);
	case LWF_OID_GEN_LINK_SPEED:
		if (!link->speed_mbps)
			return LWF_STATUS_NOT_SUPPORTED;
		return reply_u32(request, link->speed_mbps > SPEED_MOST_MBPS
						  ? UINT32_MAX
						  : link->speed_mbps * SPEED_UNITS_PER_MBPS);
	case LWF_OID_GEN_CURRENT_PACKET_FILTER:
		return reply_u32(request, packet_filter);
	case LWF_OID_GEN_MEDIA_CONNECT_STATUS:
		return reply_u32(request, !link->carrier);
	case LWF_OID_GEN_LINK_STATE:
		return reply_link(edge, request);
	case LWF_OID_GEN_XMIT_OK:
		return lwf_oid_reply(request, &edge->counters.tx_frames, sizeof(uint64_t));
	case LWF_OID_GEN_RCV_OK:
		return lwf_oid_reply(request, &edge->counters.rx_frames, sizeof(uint64_t));
	case LWF_OID_GEN_STATISTICS:
		return reply_statistics(edge, request);
	case LWF_OID_802_3_PERMANENT_ADDRESS:
		if (!memcmp(link->permanent_mac, none, sizeof(none)))
			return LWF_STATUS_NOT_SUPPORTED;
		return lwf_oid_reply(request, link->permanent_mac, sizeof(link->permanent_mac));
	case LWF_OID_802_3_CURRENT_ADDRESS:
		return lwf_oid_reply(request, link->mac, sizeof(link->mac));
	default:
		return LWF_STATUS_NOT_SUPPORTED;
	}
}
