/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_index.c - from a key to its flow.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein) with a key that the host draws, so that nobody
 * outside can choose addresses that collide. Cells are probed one after the other; a cell has 32 bits
 * of the hash, the lowest of which are its home. Taking one out moves those behind it back, so that no
 * gravestones remain and nothing is ever rehashed. At most seven tenths of the cells are used.
 */
#include <string.h>

#include "flows.h"

static inline uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t lwf_flow_hash(const struct lwf_flow_table *table, const struct lwf_flow_key *key,
		       uint64_t more)
{
	uint64_t v[4] = {table->hash_key[0] ^ 0x736f6d6570736575ull,
			 table->hash_key[1] ^ 0x646f72616e646f6dull,
			 table->hash_key[0] ^ 0x6c7967656e657261ull,
			 table->hash_key[1] ^ 0x7465646279746573ull};
	uint64_t words[sizeof(*key) / 8];

	memcpy(words, key, sizeof(*key));
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sip_word(v, words[i]);
	sip_word(v, more);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t lwf_flow_tag(const struct lwf_flow_table *table, const struct lwf_flow_key *key)
{
	uint64_t hash = lwf_flow_hash(table, key, 0);
	uint32_t tag = (uint32_t)(hash ^ hash >> 32);

	return tag ? tag : 1;
}

struct lwf_flow *lwf_flow_lookup(const struct lwf_flow_table *table, const struct lwf_flow_key *key,
				 uint32_t tag)
{
	for (uint32_t at = tag & table->mask; table->cells[at].tag; at = (at + 1) & table->mask) {
		struct lwf_flow *flow;

		if (table->cells[at].tag != tag)
			continue;
		flow = &table->flows[table->cells[at].index];
		if (memcmp(&flow->key, key, sizeof(*key)) == 0)
			return flow;
	}
	return NULL;
}

void lwf_flow_index_add(struct lwf_flow_table *table, uint32_t tag, uint32_t index)
{
	uint32_t at = tag & table->mask;

	while (table->cells[at].tag)
		at = (at + 1) & table->mask;
	table->cells[at] = (struct lwf_flow_cell){.tag = tag, .index = index};
}

void lwf_flow_index_remove(struct lwf_flow_table *table, uint32_t tag, uint32_t index)
{
	uint32_t hole = tag & table->mask, at;

	while (table->cells[hole].tag != tag || table->cells[hole].index != index) {
		assert(table->cells[hole].tag);
		hole = (hole + 1) & table->mask;
	}
	for (at = (hole + 1) & table->mask; table->cells[at].tag; at = (at + 1) & table->mask) {
		uint32_t home = table->cells[at].tag & table->mask;

		/* it may move back unless its home is behind the hole */
		if (((at - home) & table->mask) < ((at - hole) & table->mask))
			continue;
		table->cells[hole] = table->cells[at];
		hole = at;
	}
	table->cells[hole] = (struct lwf_flow_cell){0};
}
