/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * garble.c - messages that are cut, lie about their length, or hold what no message may.
 *
 * Each begins as the right request for a pause, and then one thing is made wrong. A daemon owes
 * each an error, whatever state it is in, and does nothing of what is asked.
 */
#include "garble.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

enum kind {
	CUT_HEADER,
	CUT_BODY,
	LONGER_THAN_IT_SAYS,
	NO_MAGIC,
	OTHER_VERSION,
	UNKNOWN_TYPE,
	ANSWER_OF_A_DAEMON,
	IN_PIECES,
	RESERVED_SET,
	NO_JSON,
	NO_OBJECT,
	NOT_A_NUMBER,
	TWICE_THE_SAME,
	MORE_BEHIND,
	NO_TEXT,
	NOISE,
	KINDS
};

static const char *const hows[KINDS] = {
	[CUT_HEADER] = "its header is cut",
	[CUT_BODY] = "its body is cut",
	[LONGER_THAN_IT_SAYS] = "it is longer than it says",
	[NO_MAGIC] = "it has no magic",
	[OTHER_VERSION] = "it is of another version",
	[UNKNOWN_TYPE] = "its type is unknown",
	[ANSWER_OF_A_DAEMON] = "only daemons say that",
	[IN_PIECES] = "a request comes in one piece",
	[RESERVED_SET] = "reserved bytes are set",
	[NO_JSON] = "its body is no JSON",
	[NO_OBJECT] = "its body is no object",
	[NOT_A_NUMBER] = "a time is not a number",
	[TWICE_THE_SAME] = "a member is there twice",
	[MORE_BEHIND] = "something follows its object",
	[NO_TEXT] = "it is no UTF-8",
	[NOISE] = "it is noise",
};

static const char *const bodies[KINDS] = {
	[NO_JSON] = "{\"stack\":",
	[NO_OBJECT] = "[1,2,3]",
	[NOT_A_NUMBER] = "{\"stack\":\"a\",\"timeout_ns\":NaN}",
	[TWICE_THE_SAME] = "{\"stack\":\"a\",\"stack\":\"b\"}",
	[MORE_BEHIND] = "{\"stack\":\"a\"}{}",
	[NO_TEXT] = "{\"stack\":\"\xc3\x28\"}",
};

static uint64_t next(uint64_t *random)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Makes the header of @packet wrong. Returns how long the packet is then. */
static size_t spoil(uint8_t *packet, size_t bytes, enum kind kind, uint64_t random)
{
	struct lwf_wire_header header;

	memcpy(&header, packet, sizeof(header));
	switch (kind) {
	case CUT_HEADER:
		return 1 + random % (LWF_WIRE_HEADER_BYTES - 1);
	case CUT_BODY:
		return LWF_WIRE_HEADER_BYTES + random % (bytes - LWF_WIRE_HEADER_BYTES);
	case LONGER_THAN_IT_SAYS:
		return bytes + 1 + random % (STRESS_GARBLE_BYTES - bytes);
	case NO_MAGIC:
		header.magic = (uint16_t)(LWF_WIRE_MAGIC + 1 + random % 1000);
		break;
	case OTHER_VERSION:
		header.version = (uint8_t)(LWF_WIRE_VERSION + 1 + random % 100);
		break;
	case UNKNOWN_TYPE:
		header.type = (uint16_t)(0x8000 + random % 0x1000);
		break;
	case ANSWER_OF_A_DAEMON:
		header.type = LWF_WIRE_REPLY;
		break;
	case IN_PIECES:
		header.flags = LWF_WIRE_FLAG_MORE;
		break;
	case RESERVED_SET:
		header.reserved = (uint16_t)(1 + random % 1000);
		break;
	default:
		break;
	}
	memcpy(packet, &header, sizeof(header));
	return bytes;
}

size_t stress_garble(uint8_t *packet, uint64_t number, const char **how)
{
	enum kind kind = (enum kind)(number % KINDS);
	uint64_t random = number;
	const char *body = bodies[kind] ? bodies[kind] : "{\"stack\":\"a\"}";
	size_t bytes;

	memset(packet, 0, STRESS_GARBLE_BYTES);
	*how = hows[kind];
	if (kind == NOISE) {
		bytes = 1 + next(&random) % (STRESS_GARBLE_BYTES - 1);
		for (size_t i = 0; i < bytes; i++)
			packet[i] = (uint8_t)next(&random);
		packet[0] ^= packet[0] == (LWF_WIRE_MAGIC & 0xff); /* whatever else it may be */
		return bytes;
	}
	bytes = lwf_wire_encode(packet, STRESS_GARBLE_BYTES, LWF_WIRE_PAUSE, 0, (uint32_t)number,
				body, strlen(body));
	return spoil(packet, bytes, kind, next(&random));
}
