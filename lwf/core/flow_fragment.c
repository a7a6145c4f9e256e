/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_fragment.c - whose a later fragment is.
 *
 * The first fragment of a packet has the ports; those behind it have addresses and an id. A small map
 * in sets of four ways remembers the flow of each first fragment for 30 s; a full set forgets the oldest.
 * It holds handles, so a flow that has ended is simply not found.
 */
#include <string.h>

#include "flows.h"

#define REMEMBERED_NS (30 * LWF_FLOW_SECOND_NS)

/* In IPv6 later fragments say what follows first, which need not be the protocol. */
static struct lwf_flow_key key_of(const struct lwf_parsed *parsed)
{
	struct lwf_flow_key key = parsed->key;

	key.port[LWF_ENDPOINT_LOW] = key.port[LWF_ENDPOINT_HIGH] = 0;
	if (key.v6)
		key.protocol = 0;
	return key;
}

static struct lwf_flow_fragment *set_of(const struct lwf_flow_table *table,
					const struct lwf_flow_key *key,
					const struct lwf_parsed *parsed)
{
	uint64_t hash = lwf_flow_hash(table, key, parsed->fragment_id | (uint64_t)1 << 32);

	return &table->fragments[hash % LWF_FLOW_SETS * LWF_FLOW_WAYS];
}

/** Who sent it: between equal addresses ports made the order, and later ones do not have them. */
static uint32_t source_of(const struct lwf_parsed *parsed)
{
	if (memcmp(parsed->key.address[0], parsed->key.address[1], LWF_FLOW_ADDRESS_BYTES) == 0)
		return 0;
	return parsed->source;
}

static bool is_it(const struct lwf_flow_fragment *it, const struct lwf_flow_key *key,
		  const struct lwf_parsed *parsed)
{
	return it->flow && it->id == parsed->fragment_id && it->source == source_of(parsed) &&
	       memcmp(&it->key, key, sizeof(*key)) == 0;
}

void lwf_flow_note_fragment(struct lwf_flow_table *table, const struct lwf_parsed *parsed,
			    uint64_t flow, uint64_t now_ns)
{
	struct lwf_flow_key key = key_of(parsed);
	struct lwf_flow_fragment *set = set_of(table, &key, parsed), *place = set;

	for (uint32_t i = 0; i < LWF_FLOW_WAYS; i++) {
		if (is_it(&set[i], &key, parsed)) {
			place = &set[i];
			break;
		}
		if (set[i].until_ns < place->until_ns)
			place = &set[i];
	}
	*place = (struct lwf_flow_fragment){.key = key,
					    .id = parsed->fragment_id,
					    .source = source_of(parsed),
					    .until_ns = now_ns + REMEMBERED_NS,
					    .flow = flow};
}

uint64_t lwf_flow_of_fragment(const struct lwf_flow_table *table, const struct lwf_parsed *parsed,
			      uint64_t now_ns)
{
	struct lwf_flow_key key = key_of(parsed);
	const struct lwf_flow_fragment *set = set_of(table, &key, parsed);

	for (uint32_t i = 0; i < LWF_FLOW_WAYS; i++)
		if (is_it(&set[i], &key, parsed))
			return set[i].until_ns > now_ns ? set[i].flow : 0;
	return 0;
}
