/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_parse.c - the parser of flow keys on any bytes: nothing is read outside.
 *
 * What must hold for any input: offsets are inside the frame; a key has its ends in order, no bit
 * set that its kind does not have, and is the same for the same bytes; parsing twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include <lwf/parse.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct lwf_parsed parsed, again;
	uint32_t len = (uint32_t)bytes;
	enum lwf_parsed_kind kind;
	bool has_key;

	if (bytes > 65550)
		return 0;
	memset(&parsed, 0xaa, sizeof(parsed));
	memset(&again, 0x55, sizeof(again));
	kind = lwf_parse(data, len, 3, &parsed);
	lwf_parse(data, len, 3, &again);
	require(memcmp(&parsed, &again, sizeof(parsed)) == 0);
	require(kind == parsed.kind && strcmp(lwf_parsed_name(kind), "?") != 0);
	require(parsed.l3 <= len && parsed.l4 <= len && parsed.payload <= len);
	require(parsed.payload_bytes <= len - parsed.payload);
	require(!parsed.l4 || (parsed.l3 < parsed.l4 && parsed.l4 <= parsed.payload));
	require(parsed.l4 || !parsed.payload);
	has_key = kind == LWF_PARSED_FLOW || kind == LWF_PARSED_FRAGMENT ||
		  kind == LWF_PARSED_ICMP_ERROR;
	if (!has_key)
		return 0;
	require(memcmp(parsed.key.address[LWF_ENDPOINT_LOW], parsed.key.address[LWF_ENDPOINT_HIGH],
		       LWF_FLOW_ADDRESS_BYTES) <= 0);
	require(parsed.key.adapter == 3 && parsed.source <= LWF_ENDPOINT_HIGH);
	require(parsed.key.vlan[0] < 4096 && parsed.key.vlan[1] < 4096);
	require(!parsed.key.zero[0] && !parsed.key.zero[1]);
	if (kind == LWF_PARSED_FRAGMENT)
		require(!parsed.key.port[LWF_ENDPOINT_LOW] && !parsed.key.port[LWF_ENDPOINT_HIGH]);
	if (parsed.flags & LWF_PARSED_TCP)
		require(parsed.key.protocol == 6 && parsed.payload - parsed.l4 >= 20);
	return 0;
}
