/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_test.c - from frames to the keys of flows: both directions, tags, fragments, errors, chains;
 * and every frame cut short at every byte.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "talk.h"

#include <lwf/parse.h>

#define ADAPTER 7u

static struct lwf_parsed parsed;

/* In memory of exactly the frame's size: a sanitizer sees one byte too many. */
static enum lwf_parsed_kind parse_bytes(const uint8_t *bytes, uint32_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum lwf_parsed_kind kind;

	assert_non_null(exact);
	if (len)
		memcpy(exact, bytes, len);
	kind = lwf_parse(exact, len, ADAPTER, &parsed);
	assert_int_equal(kind, parsed.kind);
	free(exact);
	return kind;
}

static enum lwf_parsed_kind parse(const struct talk *talk)
{
	uint8_t bytes[TALK_MAX_BYTES];

	return parse_bytes(bytes, talk_build(talk, bytes));
}

static void check_ends(bool v6)
{
	const struct talk there = {.v6 = v6,
				   .protocol = 6,
				   .from = 9,
				   .to = 3,
				   .from_port = 80,
				   .to_port = 4000,
				   .flags = TALK_SYN,
				   .seq = 0x12345678,
				   .window = 99,
				   .scale = 7,
				   .padding_bytes = 5};
	const struct talk back = talk_back(&there);
	struct lwf_flow_key key;

	assert_int_equal(parse(&there), LWF_PARSED_FLOW);
	assert_int_equal(parsed.source, LWF_ENDPOINT_HIGH);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_LOW][15], 3);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_HIGH][15], 9);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_LOW][11], v6 ? 0 : 0xff);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_LOW], 4000);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 80);
	assert_int_equal(parsed.key.protocol, 6);
	assert_int_equal(parsed.key.v6, v6);
	assert_int_equal(parsed.key.adapter, ADAPTER);
	assert_int_equal(parsed.flags, LWF_PARSED_TCP);
	assert_int_equal(parsed.tcp_seq, 0x12345678);
	assert_int_equal(parsed.tcp_flags, TALK_SYN);
	assert_int_equal(parsed.tcp_window, 99);
	assert_int_equal(parsed.tcp_scale, 7);
	assert_int_equal(parsed.payload_bytes, 0);
	key = parsed.key;
	assert_int_equal(parse(&back), LWF_PARSED_FLOW);
	assert_int_equal(parsed.source, LWF_ENDPOINT_LOW);
	assert_memory_equal(&parsed.key, &key, sizeof(key));
}

static void test_both_directions_have_one_key(void **state)
{
	(void)state;
	check_ends(false);
	check_ends(true);
}

/* The same address at both ends: ports decide; the same port too: it is one endpoint. */
static void test_equal_addresses(void **state)
{
	struct talk talk = {.protocol = 17, .from = 3, .to = 3, .from_port = 9, .to_port = 8};

	(void)state;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.source, LWF_ENDPOINT_HIGH);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_LOW], 8);
	talk.to_port = 9;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.source, LWF_ENDPOINT_LOW);
}

static void test_tags(void **state)
{
	struct talk talk = {.protocol = 17,
			    .from = 1,
			    .to = 2,
			    .from_port = 1,
			    .to_port = 2,
			    .tags = 2,
			    .vlan = {0xe064, 5}};

	(void)state;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.vlan[0], 100);
	assert_int_equal(parsed.key.vlan[1], 5);
	assert_int_equal(parsed.l3, 22);
	talk.vlan[0] = 0xe000; /* a priority is no VLAN */
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.vlan[0], 5);
	assert_int_equal(parsed.key.vlan[1], 0);
	talk.tags = 4;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	talk.tags = 5;
	assert_int_equal(parse(&talk), LWF_PARSED_NONE);
}

static void test_icmp_is_a_conversation(void **state)
{
	struct talk talk = {.protocol = 1, .type = 8, .from = 1, .to = 2, .from_port = 77};
	struct talk back;
	struct lwf_flow_key key;

	(void)state;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_LOW], 77);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 8);
	assert_true(parsed.flags & LWF_PARSED_ICMP);
	key = parsed.key;
	back = talk_back(&talk);
	back.type = 0;
	assert_int_equal(parse(&back), LWF_PARSED_FLOW);
	assert_memory_equal(&parsed.key, &key, sizeof(key));
	talk = (struct talk){
		.v6 = true, .protocol = 58, .type = 128, .from = 1, .to = 2, .from_port = 78};
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	key = parsed.key;
	back = talk_back(&talk);
	back.type = 129;
	assert_int_equal(parse(&back), LWF_PARSED_FLOW);
	assert_memory_equal(&parsed.key, &key, sizeof(key));
	talk.protocol = 1; /* ICMP of the other family is nothing special */
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 0);
}

static void check_error(const struct talk *about, uint8_t type)
{
	uint8_t bytes[TALK_MAX_BYTES];
	struct lwf_flow_key key;
	uint8_t source;

	assert_int_equal(parse(about), LWF_PARSED_FLOW);
	key = parsed.key;
	source = parsed.source;
	assert_int_equal(parse_bytes(bytes, talk_error(about, 99, type, 8, bytes)),
			 LWF_PARSED_ICMP_ERROR);
	assert_memory_equal(&parsed.key, &key, sizeof(key));
	assert_int_equal(parsed.source, source);
	assert_int_equal(parse_bytes(bytes, talk_error(about, 99, type, 3, bytes)),
			 LWF_PARSED_NONE);
}

static void test_errors_are_about_the_inner_flow(void **state)
{
	struct talk talk = {.protocol = 17,
			    .from = 5,
			    .to = 2,
			    .from_port = 53,
			    .to_port = 999,
			    .payload_bytes = 100,
			    .tags = 1,
			    .vlan = {7}};
	uint8_t bytes[TALK_MAX_BYTES];

	(void)state;
	check_error(&talk, 3);
	check_error(&talk, 11);
	talk.protocol = 6;
	check_error(&talk, 3);
	talk = (struct talk){.protocol = 1, .type = 8, .from = 1, .to = 2, .from_port = 4};
	check_error(&talk, 11);
	talk = (struct talk){.v6 = true,
			     .protocol = 17,
			     .from = 1,
			     .to = 2,
			     .from_port = 4,
			     .to_port = 5,
			     .ext = {60, 43},
			     .exts = 2};
	check_error(&talk, 1);
	/* an error about an error, or about a later fragment, is about nothing */
	talk = (struct talk){.protocol = 1, .type = 3, .from = 1, .to = 2, .payload_bytes = 40};
	assert_int_equal(parse_bytes(bytes, talk_error(&talk, 9, 3, 8, bytes)), LWF_PARSED_NONE);
	talk = (struct talk){.protocol = 17, .offset = 3, .from = 1, .to = 2, .payload_bytes = 40};
	assert_int_equal(parse_bytes(bytes, talk_error(&talk, 9, 3, 8, bytes)), LWF_PARSED_NONE);
}

static void check_fragments(bool v6)
{
	struct talk talk = {.v6 = v6,
			    .protocol = 17,
			    .from = 2,
			    .to = 1,
			    .from_port = 4,
			    .to_port = 5,
			    .payload_bytes = 64,
			    .more = true,
			    .fragment_id = 0x4567};

	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.flags, LWF_PARSED_FIRST_FRAGMENT);
	assert_int_equal(parsed.fragment_id, 0x4567);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 4);
	talk.offset = 9;
	talk.more = false;
	assert_int_equal(parse(&talk), LWF_PARSED_FRAGMENT);
	assert_int_equal(parsed.fragment_id, 0x4567);
	assert_int_equal(parsed.source, LWF_ENDPOINT_HIGH);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 0);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_HIGH][15], 2);
	talk.offset = 0; /* whole, although it says that it is a fragment */
	talk.atomic = true;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.flags, 0);
}

static void test_fragments(void **state)
{
	(void)state;
	check_fragments(false);
	check_fragments(true);
}

static void test_chains(void **state)
{
	struct talk talk = {.v6 = true,
			    .protocol = 17,
			    .from = 2,
			    .to = 1,
			    .from_port = 4,
			    .to_port = 5,
			    .ext = {0, 60, 43, 60, 60, 60, 60, 60, 60, 60}};

	(void)state;
	talk.exts = LWF_PARSE_HEADERS_MAX;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.protocol, 17);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 4);
	talk.exts++; /* one more, and it is a flow of whatever that header is */
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.protocol, 60);
	assert_int_equal(parsed.key.port[LWF_ENDPOINT_HIGH], 0);
	talk.exts = 1;
	talk.protocol = 50; /* ESP: a flow of the two ends */
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.protocol, 50);
}

/* A packet on a source route is for the last address in it. */
static void test_source_route(void **state)
{
	struct talk talk = {.v6 = true,
			    .protocol = 17,
			    .from = 2,
			    .to = 1,
			    .from_port = 4,
			    .to_port = 5,
			    .ext = {43},
			    .exts = 1};
	uint8_t bytes[TALK_MAX_BYTES], longer[TALK_MAX_BYTES + 16];
	uint32_t len = talk_build(&talk, bytes);

	(void)state;
	memcpy(longer, bytes, 14 + 48);
	memset(longer + 62, 0xab, 16);
	memcpy(longer + 78, bytes + 62, len - 62);
	longer[14 + 5] = (uint8_t)(longer[14 + 5] + 16);
	longer[14 + 40 + 1] = 2; /* 24 bytes */
	longer[14 + 40 + 2] = 4; /* segment routing */
	assert_int_equal(parse_bytes(longer, len + 16), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_LOW][15], 1);
	longer[14 + 40 + 3] = 1; /* one segment left */
	assert_int_equal(parse_bytes(longer, len + 16), LWF_PARSED_FLOW);
	assert_int_equal(parsed.key.address[LWF_ENDPOINT_LOW][15], 0xab);
}

static void test_what_has_no_flow(void **state)
{
	struct talk talk = {.protocol = 17, .from = 2, .to = 1};
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_build(&talk, bytes);

	(void)state;
	bytes[13] = 0x06; /* ARP */
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_NONE);
	bytes[13] = 0x00;
	bytes[14] = 0x65;
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_MALFORMED);
	bytes[14] = 0x44; /* a header of 16 bytes */
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_MALFORMED);
	bytes[14] = 0x45;
	bytes[16] = 1; /* longer than the frame */
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_MALFORMED);
	assert_string_equal(lwf_parsed_name(parsed.kind), "malformed");
	assert_string_equal(lwf_parsed_name((enum lwf_parsed_kind)9), "?");
	talk.protocol = 6;
	len = talk_build(&talk, bytes);
	bytes[14 + 20 + 12] = 0x40; /* a TCP header of 16 bytes */
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_MALFORMED);
	bytes[14 + 20 + 12] = 0x60; /* and one of 24, which is not there */
	assert_int_equal(parse_bytes(bytes, len), LWF_PARSED_MALFORMED);
}

static void test_groups(void **state)
{
	struct talk talk = {.protocol = 17, .from = 2, .to = TALK_GROUP};

	(void)state;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.flags, LWF_PARSED_GROUP);
	talk.v6 = true;
	assert_int_equal(parse(&talk), LWF_PARSED_FLOW);
	assert_int_equal(parsed.flags, LWF_PARSED_GROUP);
}

/* Cut at every byte: nothing is read behind the end, and the offsets are inside. */
static void test_cut_at_every_byte(void **state)
{
	static const uint8_t protocols[] = {6, 17, 1, 58, 132, 50};
	uint8_t bytes[TALK_MAX_BYTES];

	(void)state;
	for (uint32_t i = 0; i < 4 * sizeof(protocols); i++) {
		struct talk talk = {.v6 = i & 1,
				    .protocol = protocols[i / 4],
				    .from = 2,
				    .to = 1,
				    .flags = TALK_SYN,
				    .scale = 3,
				    .tags = 2,
				    .vlan = {3, 4},
				    .ext = {0, 43, 51},
				    .exts = 3,
				    .payload_bytes = 9};
		uint32_t len = i & 2 ? talk_error(&talk, 9, talk.v6 ? 1 : 3, 20, bytes)
				     : talk_build(&talk, bytes);

		for (uint32_t cut = 0; cut <= len; cut++) {
			enum lwf_parsed_kind kind = parse_bytes(bytes, cut);

			assert_true(parsed.payload + parsed.payload_bytes <= cut || cut == 0);
			if (cut < len)
				assert_true(kind == LWF_PARSED_NONE ||
					    kind == LWF_PARSED_MALFORMED);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions_have_one_key),
		cmocka_unit_test(test_equal_addresses),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_icmp_is_a_conversation),
		cmocka_unit_test(test_errors_are_about_the_inner_flow),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_source_route),
		cmocka_unit_test(test_what_has_no_flow),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_cut_at_every_byte),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
