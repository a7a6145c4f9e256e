/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_reject_test.c - the RSTs and ICMP errors of filter verdict: what is in them, checksums by a
 * sum of this file's own, which way they go, and what gets none.
 */
#include <string.h>

#include "verdict_bed.h"

static struct judge judge;

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static uint32_t add(uint32_t to, const uint8_t *at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to += (uint32_t)at[i] << (i & 1 ? 0 : 8);
	return to;
}

static uint32_t folded(uint32_t total)
{
	return (total & 0xffff) + (total >> 16) > 0xffff ? (total & 0xffff) + (total >> 16) - 0xffff
							 : (total & 0xffff) + (total >> 16);
}

/** Lengths and checksums of an IPv4 or IPv6 packet with TCP or ICMP right behind its header. */
static void check_packet(const struct vbed_frame *frame)
{
	const uint8_t *ip = frame->bytes + frame->parsed.l3;
	uint32_t bytes = frame->len - frame->parsed.l3, header = 20, sum = 0;
	uint32_t protocol = ip[9];

	if (frame->parsed.key.v6) {
		header = 40;
		protocol = ip[6];
		assert_int_equal(be16(ip + 4), bytes - 40);
		sum = add(0, ip + 8, 32);
	} else {
		assert_int_equal(be16(ip + 2), bytes);
		assert_int_equal(folded(add(0, ip, 20)), 0xffff);
		sum = protocol == 1 ? 0 : add(0, ip + 12, 8);
	}
	if (protocol != 1)
		sum += protocol + bytes - header;
	assert_int_equal(folded(add(sum, ip + header, bytes - header)), 0xffff);
}

/** Opens a stack that rejects all, and gives it @talk one way. Returns what came back, or NULL. */
static const struct vbed_frame *reject(const struct talk *talk, bool send)
{
	const struct vbed_frame *frame;
	uint32_t back;

	memset(&judge, 0, sizeof(judge));
	vbed_begin("verdict:flows=64");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_RESET, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 10);
	(send ? vbed_send : vbed_receive)(talk);
	assert_int_equal(send ? vbed.down_count : vbed.up_count, 0);
	back = send ? vbed.up_count : vbed.down_count;
	assert_int_equal(vbed_stats().rejects, back);
	assert_true(back <= 1);
	frame = back ? (send ? &vbed.up[0] : &vbed.down[0]) : NULL;
	judge_close(&judge);
	vbed_end();
	if (!frame)
		return NULL;
	for (unsigned i = 0; i < 6; i++) { /* talk_build() numbers the bytes of both addresses */
		assert_int_equal(frame->bytes[i], 2 * (i + 6));
		assert_int_equal(frame->bytes[6 + i], 2 * i);
	}
	check_packet(frame);
	return frame;
}

static void test_reset_of_a_syn(void **state)
{
	struct talk syn = vbed_syn(5);
	const struct vbed_frame *frame;
	const uint8_t *tcp;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		syn.v6 = i & 1;
		syn.tags = i >> 1;
		syn.vlan[0] = 77;
		syn.payload_bytes = 3;
		frame = reject(&syn, i != 2); /* both ways */
		assert_non_null(frame);
		tcp = frame->bytes + frame->parsed.l4;
		assert_int_equal(be16(tcp), 80);
		assert_int_equal(be16(tcp + 2), 5);
		assert_int_equal(be32(tcp + 4), 0);
		assert_int_equal(be32(tcp + 8), 5000 + 1 + 3);
		assert_int_equal(tcp[13], TALK_RST | TALK_ACK);
		assert_int_equal(frame->parsed.key.vlan[0], i >> 1 ? 77 : 0);
	}
}

static void test_reset_in_the_middle(void **state)
{
	struct talk data = vbed_syn(5);
	const struct vbed_frame *frame;
	const uint8_t *tcp;

	(void)state;
	data.flags = TALK_ACK | TALK_PSH;
	data.ack = 4711;
	data.payload_bytes = 100;
	frame = reject(&data, true);
	assert_non_null(frame);
	tcp = frame->bytes + frame->parsed.l4;
	assert_int_equal(be32(tcp + 4), 4711);
	assert_int_equal(tcp[13], TALK_RST);
}

static void test_icmp_error(void **state)
{
	struct talk udp = vbed_udp(9),
		    other = {.protocol = 132, .from = 1, .to = 2, .payload_bytes = 40};
	const struct vbed_frame *frame;
	const uint8_t *icmp;
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len;

	(void)state;
	udp.payload_bytes = 1400;
	talk_build(&udp, bytes);
	frame = reject(&udp, true);
	assert_non_null(frame);
	assert_int_equal(frame->parsed.kind, LWF_PARSED_ICMP_ERROR);
	assert_int_equal(frame->parsed.key.port[0] + frame->parsed.key.port[1], 9 + 53);
	icmp = frame->bytes + frame->parsed.l3 + 20;
	assert_int_equal(icmp[0], 3);
	assert_int_equal(icmp[1], 3);
	assert_int_equal(frame->len - frame->parsed.l3, 576);
	assert_memory_equal(icmp + 8, bytes + 14, 576 - 28);
	udp.v6 = true;
	udp.payload_bytes = 11;
	len = talk_build(&udp, bytes);
	frame = reject(&udp, false);
	assert_non_null(frame);
	icmp = frame->bytes + frame->parsed.l3 + 40;
	assert_int_equal(icmp[0], 1);
	assert_int_equal(icmp[1], 4);
	assert_int_equal(frame->len, 14 + 40 + 8 + len - 14);
	frame = reject(&other, true);
	assert_non_null(frame);
	icmp = frame->bytes + frame->parsed.l3 + 20;
	assert_int_equal(icmp[1], 13);
}

static void test_gets_none(void **state)
{
	struct talk group = vbed_udp(9), rst = vbed_syn(5), unreachable = vbed_udp(3);
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len;

	(void)state;
	group.to = TALK_GROUP;
	assert_null(reject(&group, true));
	group.v6 = true;
	assert_null(reject(&group, true));
	unreachable.protocol = 1;
	unreachable.type = 13; /* a query that is no echo */
	assert_null(reject(&unreachable, true));
	/* to all on the link, but to one address */
	memset(&judge, 0, sizeof(judge));
	vbed_begin("verdict:flows=64,no-decider=reject");
	group = vbed_udp(4);
	len = talk_build(&group, bytes);
	bytes[0] |= 1;
	assert_int_equal(lwf_sim_edge_inject(rig.upper, bytes, len), 0);
	assert_int_equal(vbed.up_count + vbed.down_count, 0);
	vbed_end();
	/* a reset on a flow that is cut is not answered by another */
	memset(&judge, 0, sizeof(judge));
	vbed_begin("verdict:flows=64");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_RESET, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 10);
	vbed_send(&rst);
	assert_int_equal(vbed.up_count, 1);
	rst.flags = TALK_RST;
	vbed_send(&rst);
	assert_int_equal(vbed.up_count, 1);
	assert_int_equal(vbed.down_count, 0);
	judge_close(&judge);
	vbed_end();
}

/* Each side of a flow that is cut is told at its next frame. */
static void test_both_sides(void **state)
{
	struct talk syn = vbed_syn(5), data, back;
	const struct lwf_revoke nothing = {.protocol = 99};

	(void)state;
	memset(&judge, 0, sizeof(judge));
	vbed_begin("flow:flows=64;verdict:flows=64");
	judge.mode = JUDGE_TELLS;
	judge.says = (struct lwf_tell){.action = LWF_VERDICT_PERMIT, .scope = LWF_SCOPE_FLOW};
	judge_open(&judge, 10);
	vbed_send(&syn);
	assert_int_equal(lwf_decider_revoke(&judge.decider, &nothing), LWF_TELL_OK);
	assert_int_equal(lwf_decider_update(&judge.decider, vbed_flow(&syn), LWF_VERDICT_RESET, 0),
			 LWF_TELL_OK);
	data = syn;
	data.flags = TALK_ACK;
	back = talk_back(&data);
	vbed_send(&data);
	assert_int_equal(vbed.up_count, 1);
	vbed_receive(&back);
	assert_int_equal(vbed.down_count, 2); /* the SYN, and the RST for the other side */
	assert_int_equal(vbed.down[1].parsed.tcp_flags & TALK_RST, TALK_RST);
	judge_close(&judge);
	vbed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset_of_a_syn), cmocka_unit_test(test_reset_in_the_middle),
		cmocka_unit_test(test_icmp_error),     cmocka_unit_test(test_gets_none),
		cmocka_unit_test(test_both_sides),
	};

	return cmocka_run_group_tests_name("verdict_reject", tests, NULL, NULL);
}
