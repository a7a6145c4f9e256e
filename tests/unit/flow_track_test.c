/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_track_test.c - what the table makes of frames: births, TCP, fragments, errors, timeouts, floods.
 */
#include <errno.h>
#include <string.h>

#include "flowbed.h"

static struct flowbed bed;
static struct books books;

static int fresh(void **state)
{
	(void)state;
	flowbed_open(&bed, 1024, 0);
	books_open(&bed, &books, NULL);
	return 0;
}

static void done(void)
{
	flowbed_close(&bed);
	books_free(&books);
}

static struct lwf_flow_info info_of(uint64_t flow)
{
	struct lwf_flow_info info;

	assert_int_equal(lwf_flow_info(bed.table, flow, &info), LWF_FLOW_OK);
	return info;
}

static const struct talk syn = {.protocol = 6,
				.from = 1,
				.to = 2,
				.from_port = 1000,
				.to_port = 80,
				.flags = TALK_SYN,
				.seq = 100,
				.window = 1000,
				.scale = 2};

static struct talk segment(uint8_t flags, uint32_t seq, uint32_t ack, bool back)
{
	struct talk talk = back ? talk_back(&syn) : syn;

	talk.flags = flags;
	talk.seq = seq;
	talk.ack = ack;
	return talk;
}

static uint64_t say(uint8_t flags, uint32_t seq, uint32_t ack, bool back)
{
	const struct talk talk = segment(flags, seq, ack, back);
	uint64_t flow;

	if (back)
		flowbed_receive(&bed, &talk, &flow);
	else
		flowbed_send(&bed, &talk, &flow);
	return flow;
}

static uint64_t handshake(void)
{
	uint64_t flow;

	assert_int_equal(flowbed_send(&bed, &syn, &flow), LWF_FLOW_SEEN_NEW);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_SYN_SENT);
	assert_true(say(TALK_SYN | TALK_ACK, 500, 101, true) == flow);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_SYN_RECEIVED);
	assert_true(say(TALK_ACK, 101, 501, false) == flow);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_ESTABLISHED);
	return flow;
}

static void test_life_of_a_connection(void **state)
{
	uint64_t flow = handshake();
	struct lwf_flow_info info;

	(void)state;
	say(TALK_FIN | TALK_ACK, 101, 501, false);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_HALF_CLOSED);
	say(TALK_ACK, 501, 102, true);
	say(TALK_FIN | TALK_ACK, 501, 102, true);
	info = info_of(flow);
	assert_int_equal(info.state, LWF_FLOW_STATE_FINISHED);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.frames[LWF_DIRECTION_SEND], 3);
	assert_int_equal(info.frames[LWF_DIRECTION_RECEIVE], 3);
	assert_int_equal(info.bytes[LWF_DIRECTION_SEND], 58 + 54 + 54);
	assert_int_equal(info.initiator, info.local);
	assert_int_equal(info.key.port[info.local], 1000);
	/* the same ends again: another flow */
	assert_true(say(TALK_SYN, 9000, 0, false) != flow);
	assert_int_equal(flowbed_stats(&bed).ended[LWF_FLOW_END_REUSED], 1);
	assert_int_equal(books.last_ended.frames[LWF_DIRECTION_SEND], 3);
	done();
}

/* Retransmissions of one SYN are one attempt; a SYN with another number is another. */
static void test_syn_again(void **state)
{
	uint64_t flow = say(TALK_SYN, 100, 0, false);

	(void)state;
	assert_true(say(TALK_SYN, 100, 0, false) == flow);
	assert_true(say(TALK_SYN, 101, 0, false) != flow);
	flow = say(TALK_SYN, 101, 0, false);
	assert_true(say(TALK_SYN, 700, 0, true) == flow); /* both open at once */
	done();
	flowbed_open(&bed, 1024, 0);
	books_open(&bed, &books, NULL);
	/* on a live connection it is an attack or a mistake, on a silent one it is a new one */
	flow = handshake();
	assert_true(say(TALK_SYN, 7777, 0, false) == flow);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_ESTABLISHED);
	flowbed_wait(&bed, 61 * FLOWBED_S);
	assert_true(say(TALK_SYN, 7778, 0, false) != flow);
	done();
}

static void test_midstream(void **state)
{
	const struct talk data = segment(TALK_ACK, 5, 6, false);
	const struct talk late = segment(TALK_RST, 5, 6, false);
	uint64_t flow;

	(void)state;
	assert_int_equal(flowbed_send(&bed, &late, &flow), LWF_FLOW_SEEN_NOTHING);
	assert_int_equal(flowbed_stats(&bed).flows, 0);
	assert_int_equal(flowbed_send(&bed, &data, &flow), LWF_FLOW_SEEN_MIDSTREAM);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_ESTABLISHED);
	assert_int_equal(info_of(flow).flags, LWF_FLOW_MIDSTREAM);
	assert_int_equal(flowbed_send(&bed, &data, &flow), LWF_FLOW_SEEN_KNOWN);
	done();
	flowbed_open(&bed, 1024, 0);
	books_open(&bed, &books, NULL);
	flow = say(TALK_SYN | TALK_ACK, 500, 101, true); /* the answer alone */
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_SYN_RECEIVED);
	assert_int_equal(info_of(flow).key.port[info_of(flow).initiator], 1000);
	done();
}

/* A reset counts when it is in the window; a guessed one does not end the flow. */
static void test_resets(void **state)
{
	uint64_t flow = handshake();

	(void)state;
	say(TALK_RST, 501 + 0x1000000, 0, true);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_ESTABLISHED);
	assert_int_equal(flowbed_stats(&bed).bad_resets, 1);
	say(TALK_RST, 501, 0, true);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_RESET);
	flowbed_wait(&bed, 12 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).flows, 0);
	done();
	flowbed_open(&bed, 1024, 0);
	books_open(&bed, &books, NULL);
	flow = say(TALK_SYN, 100, 0, false);
	say(TALK_RST | TALK_ACK, 0, 0x900000, true); /* answers another SYN */
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_SYN_SENT);
	say(TALK_RST | TALK_ACK, 0, 101, true); /* refused */
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_RESET);
	done();
}

static void test_other_protocols(void **state)
{
	const struct talk udp = {.protocol = 17, .from = 1, .to = 2, .from_port = 5, .to_port = 53};
	const struct talk answer = talk_back(&udp);
	const struct talk esp = {.v6 = true, .protocol = 50, .from = 1, .to = 2};
	struct talk tagged = udp;
	uint64_t flow, other;

	(void)state;
	flowbed_receive(&bed, &udp, &flow);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_ONE_WAY);
	assert_true(info_of(flow).local != info_of(flow).initiator);
	flowbed_send(&bed, &answer, &other);
	assert_true(flow == other);
	assert_int_equal(info_of(flow).state, LWF_FLOW_STATE_BOTH_WAYS);
	tagged.tags = 1;
	tagged.vlan[0] = 9;
	assert_int_equal(flowbed_receive(&bed, &tagged, &other), LWF_FLOW_SEEN_NEW);
	assert_int_equal(flowbed_send(&bed, &esp, &other), LWF_FLOW_SEEN_NEW);
	assert_int_equal(flowbed_stats(&bed).flows, 3);
	done();
}

static void check_fragments(bool v6)
{
	struct talk first = {.v6 = v6,
			     .protocol = 17,
			     .from = 1,
			     .to = 2,
			     .from_port = 5,
			     .to_port = 53,
			     .more = true,
			     .fragment_id = 9,
			     .payload_bytes = 40};
	struct talk later = first;
	uint64_t flow, other;

	later.offset = 6;
	assert_int_equal(flowbed_send(&bed, &later, &other), LWF_FLOW_SEEN_STRAY);
	assert_true(other == 0);
	assert_int_equal(flowbed_send(&bed, &first, &flow), LWF_FLOW_SEEN_NEW);
	assert_int_equal(flowbed_send(&bed, &later, &other), LWF_FLOW_SEEN_KNOWN);
	assert_true(other == flow);
	assert_int_equal(info_of(flow).frames[LWF_DIRECTION_SEND], 2);
	later.fragment_id = 10;
	assert_int_equal(flowbed_send(&bed, &later, &other), LWF_FLOW_SEEN_STRAY);
	later = talk_back(&later); /* the other side counts its packets by itself */
	later.fragment_id = 9;
	assert_int_equal(flowbed_receive(&bed, &later, &other), LWF_FLOW_SEEN_STRAY);
	later = first;
	later.offset = 6;
	for (uint32_t i = 0; i < 4; i++) { /* the flow lives on, the map forgets */
		flowbed_wait(&bed, 10 * FLOWBED_S);
		first.fragment_id = 100;
		flowbed_send(&bed, &first, &other);
		assert_true(other == flow);
	}
	assert_int_equal(flowbed_send(&bed, &later, &other), LWF_FLOW_SEEN_STRAY);
}

static void test_fragments(void **state)
{
	(void)state;
	check_fragments(false);
	check_fragments(true);
	assert_int_equal(flowbed_stats(&bed).created, 2); /* never one of port 0 */
	done();
}

static void test_fragment_storm(void **state)
{
	struct talk first = {.protocol = 17,
			     .from = 1,
			     .to = 2,
			     .from_port = 5,
			     .to_port = 53,
			     .more = true,
			     .payload_bytes = 40};
	uint32_t known = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		struct talk later = first;

		first.fragment_id = later.fragment_id = i & 0xffff;
		later.offset = 6;
		flowbed_send(&bed, &first, NULL);
		known += flowbed_send(&bed, &later, NULL) == LWF_FLOW_SEEN_KNOWN;
	}
	assert_int_equal(known, 20000); /* a full map forgets the oldest, not the newest */
	done();
}

static void test_icmp_errors(void **state)
{
	const struct talk udp = {.protocol = 17, .from = 1, .to = 2, .from_port = 5, .to_port = 53};
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_error(&udp, 77, 3, 8, bytes);
	struct lwf_parsed parsed;
	uint64_t flow, other;

	(void)state;
	lwf_parse(bytes, len, 0, &parsed);
	assert_int_equal(
		lwf_flow_track(bed.table, &parsed, LWF_DIRECTION_RECEIVE, 0, 1, len, &other),
		LWF_FLOW_SEEN_NOTHING);
	assert_int_equal(flowbed_stats(&bed).flows, 0); /* an error makes no flow */
	flowbed_send(&bed, &udp, &flow);
	assert_int_equal(
		lwf_flow_track(bed.table, &parsed, LWF_DIRECTION_RECEIVE, 0, 1, len, &other),
		LWF_FLOW_SEEN_RELATED);
	assert_true(other == flow);
	assert_int_equal(info_of(flow).related, 1);
	assert_int_equal(info_of(flow).frames[LWF_DIRECTION_RECEIVE], 0);
	done();
}

/* Every class ends in its time, to the second, counted from the last frame. */
static void test_timeouts(void **state)
{
	static const struct {
		struct talk talk;
		uint32_t seconds;
	} rows[] = {
		{{.protocol = 17, .from = 1, .to = 2}, 30},
		{{.protocol = 17, .from = 1, .to = TALK_GROUP}, 10},
		{{.protocol = 1, .type = 8, .from = 1, .to = 2}, 30},
		{{.protocol = 47, .from = 1, .to = 2}, 300},
		{{.protocol = 6, .from = 1, .to = 2, .flags = TALK_SYN}, 60},
		{{.protocol = 6, .from = 1, .to = 2, .flags = TALK_ACK}, 7440},
		{{.protocol = 6, .from = 1, .to = 2, .flags = TALK_ACK | TALK_FIN}, 120},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		flowbed_send(&bed, &rows[i].talk, NULL);
		flowbed_wait(&bed, (rows[i].seconds - 1) * FLOWBED_S);
		flowbed_send(&bed, &rows[i].talk, NULL); /* once more: it begins anew */
		flowbed_wait(&bed, rows[i].seconds * FLOWBED_S - 1);
		assert_int_equal(flowbed_stats(&bed).flows, 1);
		flowbed_wait(&bed, 2 * FLOWBED_S + 1);
		assert_int_equal(flowbed_stats(&bed).flows, 0);
		assert_int_equal(books.last_why, LWF_FLOW_END_TIMEOUT);
	}
	done();
}

/* More may be due at once than a turn of the loop looks at; all of them go, in several turns. */
static void test_many_due_at_once(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 900; i++)
		flowbed_udp(&bed, i);
	flowbed_wait(&bed, 29 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).flows, 900);
	flowbed_wait(&bed, 3 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).flows, 0);
	done();
}

static void test_pinned(void **state)
{
	uint64_t flow = flowbed_udp(&bed, 1);

	(void)state;
	assert_int_equal(lwf_flow_pin(bed.table, flow), 0);
	for (uint32_t i = 100; i < 5000; i++)
		flowbed_udp(&bed, i);
	flowbed_wait(&bed, 100 * FLOWBED_S);
	assert_int_equal(info_of(flow).frames[LWF_DIRECTION_SEND], 1);
	assert_int_equal(flowbed_stats(&bed).flows, 1);
	assert_int_equal(lwf_flow_unpin(bed.table, flow), 0);
	flowbed_wait(&bed, 2 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).flows, 0);
	assert_int_equal(lwf_flow_unpin(bed.table, flow), LWF_FLOW_NOT_FOUND);
	done();
}

static void establish(uint32_t number)
{
	struct talk talk = {.protocol = 6, .from = 900, .to = 2, .to_port = 80, .flags = TALK_ACK};

	talk.from_port = (uint16_t)number;
	flowbed_send(&bed, &talk, NULL);
}

/* A flood of new flows: bounded, and not one that is established has to go for it. */
static void test_flood_leaves_established(void **state)
{
	struct lwf_flow_stats stats;

	(void)state;
	for (uint32_t i = 0; i < 800; i++)
		establish(i);
	for (uint32_t i = 0; i < 200000; i++) {
		flowbed_udp(&bed, i);
		if (i % 5000 == 0) {
			assert_true(flowbed_stats(&bed).flows <= 1024);
			flowbed_wait(&bed, FLOWBED_S / 200);
		}
	}
	stats = flowbed_stats(&bed);
	assert_true(stats.emergency);
	assert_int_equal(stats.emergencies, 1);
	assert_true(stats.ended[LWF_FLOW_END_EVICTED] > 190000);
	assert_int_equal(stats.untracked, 0);
	stats.created = 0;
	for (uint32_t i = 0; i < 800; i++)
		establish(i); /* all are known still */
	assert_int_equal(flowbed_stats(&bed).created, 800 + 200000);
	/* the flood is over: the short timeouts clear it, and then they are the long ones again */
	flowbed_wait(&bed, 13 * FLOWBED_S);
	assert_int_equal(flowbed_stats(&bed).flows, 800);
	flowbed_wait(&bed, 310 * FLOWBED_S);
	assert_false(flowbed_stats(&bed).emergency);
	assert_true(flowbed_stats(&bed).ended[LWF_FLOW_END_EMERGENCY] > 0);
	done();
}

/* Nothing is worth less: the newcomer is not tracked, and that is counted. */
static void test_full_of_established(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1200; i++)
		establish(i);
	assert_int_equal(flowbed_stats(&bed).flows, 1024);
	assert_int_equal(flowbed_stats(&bed).untracked, 1200 - 1024);
	assert_true(flowbed_udp(&bed, 1) == 0);
	flowbed_wait(&bed, 301 * FLOWBED_S); /* silent for long: now they may go */
	assert_true(flowbed_udp(&bed, 1) != 0);
	done();
}

/* What is over goes before what is not, what was answered after what was not. */
static void test_order_of_eviction(void **state)
{
	uint64_t flow;

	(void)state;
	for (uint32_t i = 0; i < 900; i++)
		flowbed_udp(&bed, i);
	flow = handshake();
	say(TALK_RST, 501, 501, true);
	for (uint32_t i = 1000; i < 1060; i++)
		flowbed_udp(&bed, i);
	assert_int_equal(books.ends, 1); /* eviction begins at fifteen sixteenths */
	assert_int_equal(books.last_why, LWF_FLOW_END_EVICTED);
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_NOT_FOUND);
	done();
}

static void test_epoch(void **state)
{
	const struct talk udp = {.protocol = 17, .from = 1, .to = 2};

	(void)state;
	assert_int_equal(flowbed_send(&bed, &udp, NULL), LWF_FLOW_SEEN_NEW);
	lwf_flow_bump_epoch(bed.table);
	assert_int_equal(flowbed_send(&bed, &udp, NULL), LWF_FLOW_SEEN_REAUTH);
	assert_int_equal(flowbed_send(&bed, &udp, NULL), LWF_FLOW_SEEN_KNOWN);
	done();
}

static void test_walk(void **state)
{
	struct lwf_flow_key key;
	uint32_t cursor = 0, n = 0;
	uint64_t flow;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		flowbed_udp(&bed, i);
	while (cursor != LWF_FLOW_WALKED) {
		flow = lwf_flow_next(bed.table, &cursor, 7);
		if (!flow)
			continue;
		key = info_of(flow).key;
		assert_true(lwf_flow_find(bed.table, &key) == flow);
		assert_int_equal(lwf_flow_set_verdict(bed.table, flow, LWF_ACTION_BLOCK), 0);
		assert_int_equal(info_of(flow).verdict, LWF_ACTION_BLOCK);
		n++;
	}
	assert_int_equal(n, 10);
	key.adapter = 99;
	assert_true(lwf_flow_find(bed.table, &key) == 0);
	assert_string_equal(lwf_flow_state_name(LWF_FLOW_STATE_ONE_WAY), "one-way");
	assert_string_equal(lwf_flow_end_name(LWF_FLOW_END_REUSED), "reused");
	assert_string_equal(lwf_flow_seen_name(LWF_FLOW_SEEN_STRAY), "stray");
	assert_string_equal(lwf_flow_action_name(LWF_ACTION_BLOCK), "block");
	assert_string_equal(lwf_flow_action_name((enum lwf_flow_action)9), "?");
	done();
}

/* The table takes its memory at the start and never again, and all of it or none. */
static void test_memory(void **state)
{
	const struct lwf_flow_config few = {.flows = 15}, many = {.flows = LWF_FLOWS_MAX + 1},
				     owners = {.flows = 100, .owners = true};
	uint64_t before = lwf_sim_host_allocations(bed.host);

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		flowbed_udp(&bed, i);
	assert_int_equal(lwf_sim_host_allocations(bed.host), before);
	assert_null(lwf_flow_table_create(bed.host, &few));
	assert_null(lwf_flow_table_create(bed.host, &many));
	for (uint64_t nth = 1; nth <= 7; nth++) {
		lwf_sim_host_fail_nth(bed.host, nth);
		assert_null(lwf_flow_table_create(bed.host, &owners));
		assert_int_equal(lwf_sim_host_allocations(bed.host), before);
	}
	done();
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life_of_a_connection),
		TEST(test_syn_again),
		TEST(test_midstream),
		TEST(test_resets),
		TEST(test_other_protocols),
		TEST(test_fragments),
		TEST(test_fragment_storm),
		TEST(test_icmp_errors),
		TEST(test_timeouts),
		TEST(test_many_due_at_once),
		TEST(test_pinned),
		TEST(test_flood_leaves_established),
		TEST(test_full_of_established),
		TEST(test_order_of_eviction),
		TEST(test_epoch),
		TEST(test_walk),
		TEST(test_memory),
	};

	return cmocka_run_group_tests_name("flow_track", tests, NULL, NULL);
}
