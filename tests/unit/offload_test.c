/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offload_test.c - segments, checksums and tags against frames that the test builds itself.
 *
 * A super-frame is built from a description, cut by the code under test, and each segment is
 * compared byte by byte with a frame built from the description of that segment.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lwf/frame.h>

#include "hosts.h"
#include "packet.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_CWR 0x80

static struct lwf_host *host;
static struct lwf_pool *pool;
static uint8_t expected[LWF_FRAME_MAX_BYTES + 128];

static int set_up(void **state)
{
	(void)state;
	host = lwf_sim_host_create(1);
	pool = lwf_pool_create(host, 4, LWF_FRAME_MAX_BYTES);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	lwf_pool_destroy(pool);
	lwf_sim_host_destroy(host);
	return 0;
}

static struct lwf_frame *take(void)
{
	struct lwf_frame *frame = lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);

	assert_non_null(frame);
	return frame;
}

static struct lwf_frame *build(struct packet *packet, uint8_t gso_type, uint16_t gso_size)
{
	struct lwf_frame *frame = take();

	frame->len = packet_build(packet, frame->data);
	assert_true(frame->len <= LWF_FRAME_MAX_BYTES);
	frame->offload.gso_type = gso_type;
	frame->offload.gso_size = gso_size;
	frame->offload.hdr_len = 9999; /* a lie: nobody may look at it */
	if (packet->csum_left) {
		frame->offload.flags = LWF_OFFLOAD_NEEDS_CSUM;
		frame->offload.csum_start = (uint16_t)packet->l4;
		frame->offload.csum_offset = packet->udp ? 6 : 16;
	}
	return frame;
}

static void check_segments(const struct packet *whole, struct lwf_frame *frame, uint32_t size)
{
	uint32_t count = (whole->payload_bytes + size - 1) / size;
	struct lwf_frame *out = take();
	uint64_t bytes = 0;

	assert_int_equal(lwf_frame_header_bytes(frame), whole->payload);
	assert_int_equal(lwf_frame_segments(frame), count);
	for (uint32_t i = 0; i < count; i++) {
		struct packet part = *whole;
		uint32_t left = whole->payload_bytes - i * size, len;

		part.csum_left = false;
		part.payload_from = i * size;
		part.payload_bytes = left < size ? left : size;
		part.seq = whole->seq + i * size;
		part.ip_id = (uint16_t)(whole->ip_id + i);
		if (i > 0)
			part.tcp_flags &= (uint8_t)~TCP_CWR;
		if (i + 1 < count)
			part.tcp_flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		len = packet_build(&part, expected);
		assert_int_equal(lwf_frame_segment(frame, i, out), 0);
		assert_int_equal(out->len, len);
		assert_memory_equal(out->data, expected, len);
		assert_int_equal(out->offload.flags, 0);
		assert_int_equal(out->offload.gso_type, LWF_GSO_NONE);
		bytes += len;
	}
	assert_int_equal(lwf_frame_segment(frame, count, out), -EINVAL);
	assert_true(lwf_frame_wire_bytes(frame) == bytes);
	lwf_pool_give(pool, out);
}

static void cut(struct packet packet, uint8_t type, uint16_t size)
{
	struct lwf_frame *frame = build(&packet, type, size);

	check_segments(&packet, frame, size);
	lwf_pool_give(pool, frame);
}

static const struct packet tcp4 = {.tcp_options_bytes = 12,
				   .tcp_flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR,
				   .seq = 0xffffff00u, /* wraps within the frame */
				   .ip_id = 0xfffe,    /* likewise */
				   .payload_bytes = 10000,
				   .csum_left = true,
				   .seed = 7};

static void test_tcp4(void **state)
{
	struct packet p = tcp4;

	(void)state;
	cut(p, LWF_GSO_TCP4, 1448);
	cut(p, LWF_GSO_TCP4 | LWF_GSO_ECN, 1448);
	for (p.tags = 1; p.tags <= 4; p.tags++)
		cut(p, LWF_GSO_TCP4, 1000);
	p.tags = 2;
	p.ip_options_bytes = 40;
	p.tcp_options_bytes = 40;
	cut(p, LWF_GSO_TCP4, 536);
	p.csum_left = false;
	cut(p, LWF_GSO_TCP4, 536);
	p = tcp4;
	p.payload_bytes = 65000;
	cut(p, LWF_GSO_TCP4, 1448);
	p.payload_bytes = 5;
	cut(p, LWF_GSO_TCP4, 1);
}

static void test_tcp6(void **state)
{
	struct packet p = tcp4;

	(void)state;
	p.v6 = true;
	for (p.ext = 0; p.ext < 8; p.ext++) {
		p.tags = p.ext % 3;
		cut(p, LWF_GSO_TCP6, 1428);
		cut(p, LWF_GSO_TCP6 | LWF_GSO_ECN, 999);
	}
}

static void test_uso(void **state)
{
	struct packet p = {.udp = true, .payload_bytes = 9999, .csum_left = true, .seed = 3};

	(void)state;
	cut(p, LWF_GSO_UDP_L4, 1472);
	p.tags = 1;
	p.ip_options_bytes = 4;
	cut(p, LWF_GSO_UDP_L4, 333);
	p.v6 = true;
	for (p.ext = 0; p.ext < 8; p.ext++)
		cut(p, LWF_GSO_UDP_L4, 1452);
}

/* Among this many datagrams some sum up to 0, which UDP writes as ffff. */
static void test_uso_zero_sum(void **state)
{
	struct packet p = {.udp = true, .payload_bytes = 65000, .csum_left = true};
	bool met = false;

	(void)state;
	for (p.seed = 1; p.seed < 20; p.seed++) {
		struct lwf_frame *frame = build(&p, LWF_GSO_UDP_L4, 16), *out = take();
		uint32_t count = lwf_frame_segments(frame);

		check_segments(&p, frame, 16);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(lwf_frame_segment(frame, i, out), 0);
			assert_false(out->data[p.l4 + 6] == 0 && out->data[p.l4 + 7] == 0);
			met |= out->data[p.l4 + 6] == 0xff && out->data[p.l4 + 7] == 0xff;
		}
		lwf_pool_give(pool, frame);
		lwf_pool_give(pool, out);
	}
	assert_true(met);
}

static void refused(struct lwf_frame *frame)
{
	struct lwf_frame *out = take();

	assert_int_equal(lwf_frame_segment(frame, 0, out), -EINVAL);
	assert_int_equal(lwf_frame_segments(frame), 1);
	assert_true(lwf_frame_wire_bytes(frame) == frame->len);
	lwf_pool_give(pool, out);
}

static void test_malformed(void **state)
{
	struct packet p = tcp4;
	struct lwf_frame *frame = build(&p, LWF_GSO_TCP4, 1448), *out = take();
	uint32_t len = frame->len;

	(void)state;
	for (frame->len = 0; frame->len < p.payload; frame->len++) {
		refused(frame);
		assert_int_equal(lwf_frame_header_bytes(frame), 0);
	}
	frame->len = p.payload; /* headers and nothing to cut */
	assert_int_equal(lwf_frame_segments(frame), 1);
	frame->len = len;
	frame->offload.gso_size = 0;
	refused(frame);
	frame->offload.gso_size = 1448;
	for (unsigned type = 1; type < 256; type++) {
		if (type == LWF_GSO_TCP4 || type == (LWF_GSO_TCP4 | LWF_GSO_ECN))
			continue;
		frame->offload.gso_type = (uint8_t)type;
		refused(frame); /* among them LWF_GSO_UDP: fragments are not made */
	}
	frame->offload.gso_type = LWF_GSO_TCP4;
	frame->data[p.l3] = 0x44; /* a header of 16 bytes */
	refused(frame);
	frame->data[p.l3] = 0x45;
	frame->data[p.l4 + 12] = 0x40; /* a TCP header of 16 bytes */
	refused(frame);
	frame->data[p.l4 + 12] = 0x80;
	assert_int_equal(lwf_frame_segment(frame, 0, out), 0);
	frame->data[p.l3 + 6] = 0x20; /* more fragments */
	refused(frame);
	frame->data[p.l3 + 6] = 0x40;
	frame->data[p.l3] = 0x65;
	refused(frame);
	lwf_pool_give(pool, frame);
	lwf_pool_give(pool, out);
}

static void test_no_space(void **state)
{
	struct packet p = tcp4;
	struct lwf_frame *frame = build(&p, LWF_GSO_TCP4, 1448);
	struct lwf_pool *small = lwf_pool_create(host, 1, 2048);
	struct lwf_frame *out = lwf_pool_take(small, 1, LWF_DIRECTION_SEND);

	(void)state;
	out->data += lwf_frame_room(out) - (p.payload + 1447);
	assert_int_equal(lwf_frame_segment(frame, 0, out), -ENOSPC);
	out->data--;
	assert_int_equal(lwf_frame_segment(frame, 0, out), 0);
	lwf_pool_give(small, out);
	lwf_pool_give(pool, frame);
	lwf_pool_destroy(small);
}

static void test_finish_csum(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct packet p = {.udp = i & 1,
				   .v6 = i & 2,
				   .tags = i >> 2 & 3,
				   .ext = i >> 3 & 7,
				   .payload_bytes = 17 * i,
				   .seed = i,
				   .csum_left = true};
		struct lwf_frame *frame = build(&p, LWF_GSO_NONE, 0);
		uint32_t len;

		assert_int_equal(lwf_frame_finish_csum(frame), 0);
		assert_int_equal(frame->offload.flags, 0);
		p.csum_left = false;
		len = packet_build(&p, expected);
		assert_int_equal(len, frame->len);
		assert_memory_equal(frame->data, expected, len);
		assert_int_equal(lwf_frame_finish_csum(frame), 0); /* nothing left to do */
		assert_memory_equal(frame->data, expected, len);
		lwf_pool_give(pool, frame);
	}
}

static void test_finish_csum_outside(void **state)
{
	struct packet p = {.udp = true, .payload_bytes = 10, .csum_left = true};
	struct lwf_frame *frame = build(&p, LWF_GSO_NONE, 0);
	static const uint16_t bad[][2] = {{65535, 0}, {0, 65535}, {65535, 65535}, {52, 0},
					  {34, 18},   {51, 0},	  {50, 1}};

	(void)state;
	assert_int_equal(frame->len, 52);
	memcpy(expected, frame->data, frame->len);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		frame->offload.csum_start = bad[i][0];
		frame->offload.csum_offset = bad[i][1];
		assert_int_equal(lwf_frame_finish_csum(frame), -EINVAL);
		assert_int_equal(frame->offload.flags, LWF_OFFLOAD_NEEDS_CSUM);
		assert_memory_equal(frame->data, expected, frame->len);
	}
	frame->offload.csum_start = 50;
	frame->offload.csum_offset = 0;
	assert_int_equal(lwf_frame_finish_csum(frame), 0);
	lwf_pool_give(pool, frame);
}

/* A sum of 0 says "no checksum" in UDP alone, so only there it is written as 0xffff. */
static void test_finish_csum_zero(void **state)
{
	static const struct {
		uint16_t csum_offset;
		uint8_t written;
	} cases[] = {{6, 0xff}, {16, 0x00}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lwf_frame *frame = lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);
		const uint32_t place = 34u + cases[i].csum_offset;

		memset(frame->data, 0, 64);
		frame->len = 64;
		frame->data[34] = 0xff; /* the rest adds up to 0xffff */
		frame->data[35] = 0xff;
		frame->offload.flags = LWF_OFFLOAD_NEEDS_CSUM;
		frame->offload.csum_start = 34;
		frame->offload.csum_offset = cases[i].csum_offset;
		assert_int_equal(lwf_frame_finish_csum(frame), 0);
		assert_int_equal(frame->data[place], cases[i].written);
		assert_int_equal(frame->data[place + 1], cases[i].written);
		lwf_pool_give(pool, frame);
	}
}

static void test_push_vlan(void **state)
{
	struct packet p = {.udp = true, .payload_bytes = 100, .csum_left = true, .seed = 9};
	struct lwf_frame *frame = build(&p, LWF_GSO_NONE, 0);
	uint32_t len;

	(void)state;
	lwf_frame_push_vlan(frame, 0x8100, 101);
	lwf_frame_push_vlan(frame, 0x88a8, 100);
	p.tags = 2;
	len = packet_build(&p, expected);
	assert_int_equal(frame->len, len);
	assert_memory_equal(frame->data, expected, len);
	assert_int_equal(frame->offload.csum_start, p.l4);
	assert_int_equal(lwf_frame_finish_csum(frame), 0);
	p.csum_left = false;
	packet_build(&p, expected);
	assert_memory_equal(frame->data, expected, len);
	lwf_pool_give(pool, frame);
}

static void test_limit(void **state)
{
	struct lwf_frame *frame = take();

	(void)state;
	packet_plain(frame->data, 60, 1);
	frame->len = 60;
	assert_int_equal(lwf_frame_limit_bytes(frame, 1500), 1514);
	frame->data[12] = 0x81;
	frame->data[13] = 0x00;
	assert_int_equal(lwf_frame_limit_bytes(frame, 1500), 1518);
	frame->data[12] = 0x88;
	frame->data[13] = 0xa8;
	assert_int_equal(lwf_frame_limit_bytes(frame, 1500), 1514);
	frame->data[12] = 0x81;
	frame->data[13] = 0x00;
	frame->len = 13;
	assert_int_equal(lwf_frame_limit_bytes(frame, 1500), 1514);
	lwf_pool_give(pool, frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp4),
		cmocka_unit_test(test_tcp6),
		cmocka_unit_test(test_uso),
		cmocka_unit_test(test_uso_zero_sum),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_finish_csum),
		cmocka_unit_test(test_finish_csum_outside),
		cmocka_unit_test(test_finish_csum_zero),
		cmocka_unit_test(test_push_vlan),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("offload", tests, set_up, tear_down);
}
