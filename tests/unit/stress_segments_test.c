/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_segments_test.c - frames that scenarios put together are what the template's frames would be,
 * once they are cut and their checksums finished.
 *
 * The engine's own segmentation cuts them; each segment has to be, byte for byte, a frame that the
 * template's maker could have made, so its checksum is judged by a sum that is not the engine's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hosts.h"
#include "packet.h"
#include "segments.h"

static struct lwf_host *host;
static struct lwf_pool *pool;

static int set_up(void **state)
{
	(void)state;
	host = lwf_sim_host_create(1);
	pool = lwf_pool_create(host, 2, LWF_FRAME_MAX_BYTES);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	lwf_pool_destroy(pool);
	lwf_sim_host_destroy(host);
	return 0;
}

struct row {
	const char *text;
	uint32_t l3, l4, payload; /* where they are */
	uint32_t proto;
	uint8_t gso_type;
	uint32_t most; /* segments of which it is put together at most */
};

static const struct row rows[] = {
	{"tcp 10.0.0.1:1 > 10.0.0.2:2 flags A size 1514", 14, 34, 54, 6, LWF_GSO_TCP4, 44},
	{"tcp 10.0.0.1:1 > 10.0.0.2:2 vlan 7 size 100", 18, 38, 58, 6, LWF_GSO_TCP4, 1000},
	{"tcp [fd00::1]:1 > [fd00::2]:2 size 1000", 14, 54, 74, 6, LWF_GSO_TCP6, 70},
	{"udp 10.0.0.1:1 > 10.0.0.2:2 size 60", 14, 34, 42, 17, LWF_GSO_UDP_L4, 64},
	{"udp [fd00::1]:1 > [fd00::2]:2 qinq 3 vlan 7 size 1200", 22, 62, 70, 17, LWF_GSO_UDP_L4,
	 57},
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* Lengths and checksums of a frame of the wire. */
static void judge(const struct row *row, const struct lwf_frame *frame)
{
	const uint8_t *ip = frame->data + row->l3;
	bool v6 = row->l4 - row->l3 == 40;
	uint32_t bytes = frame->len - row->l4;
	uint16_t pseudo = packet_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, row->proto + bytes);

	assert_int_equal(frame->offload.gso_type, LWF_GSO_NONE);
	assert_int_equal(frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM, 0);
	if (v6) {
		assert_int_equal(get16(ip + 4), bytes);
	} else {
		assert_int_equal(get16(ip + 2), frame->len - row->l3);
		assert_int_equal(packet_sum(ip, 20, 0), 0xffff);
	}
	if (row->proto == 17)
		assert_int_equal(get16(frame->data + row->l4 + 4), bytes);
	assert_int_equal(packet_sum(frame->data + row->l4, bytes, pseudo), 0xffff);
}

/* Makes one of @count, cuts it, and returns of how many it is. */
static uint32_t make_and_cut(const struct row *row, uint32_t number, uint32_t count)
{
	struct lwf_frame *frame = lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);
	struct lwf_frame *part = lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);
	struct inject_template template;
	struct lwf_error error;
	uint32_t len, bytes = 0, parts;

	assert_int_equal(inject_template_parse(row->text, &template, &error), 0);
	assert_true(stress_segments_can(&template));
	len = inject_template_make(&template, number, 0, frame->data);
	frame->len =
		stress_segments_make(&template, number, count, frame->data, len, &frame->offload);
	assert_true(frame->len <= LWF_FRAME_MAX_BYTES);
	assert_int_equal(frame->offload.flags, LWF_OFFLOAD_NEEDS_CSUM);
	assert_int_equal(frame->offload.csum_start, row->l4);
	parts = lwf_frame_segments(frame);
	if (parts == 1) {
		assert_int_equal(frame->len, len);
		assert_int_equal(frame->offload.gso_type, LWF_GSO_NONE);
		assert_int_equal(lwf_frame_finish_csum(frame), 0);
		judge(row, frame);
	}
	for (uint32_t i = 0; parts > 1 && i < parts; i++) {
		assert_int_equal(frame->offload.gso_type, row->gso_type);
		assert_int_equal(lwf_frame_segment(frame, i, part), 0);
		judge(row, part);
		if (i + 1 < parts)
			assert_int_equal(part->len, len);
		bytes += part->len - row->payload;
	}
	if (parts > 1)
		assert_int_equal(bytes, frame->len - row->payload);
	lwf_pool_give(pool, part);
	lwf_pool_give(pool, frame);
	return parts;
}

static void test_segments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t count = 1; count < 20; count++)
			for (uint32_t number = 0; number < 4; number++)
				assert_int_equal(make_and_cut(&rows[i], number, count), count);
		assert_int_equal(make_and_cut(&rows[i], 0, 1000), rows[i].most);
		assert_int_equal(make_and_cut(&rows[i], 1, 1000), rows[i].most);
	}
}

/* What has no payload, or no checksum of this kind, is refused. */
static void test_refused(void **state)
{
	static const char *const texts[] = {
		"arp 10.0.0.1 > 10.0.0.2",
		"icmp 10.0.0.1 > 10.0.0.2 size 100",
		"tcp 10.0.0.1:1 > 10.0.0.2:2 size 54",
		"tcp 10.0.0.1:1 > 10.0.0.2:2 size 54..1514",
		"eth type 0x88b5 size 100",
	};
	struct inject_template template;
	struct lwf_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(inject_template_parse(texts[i], &template, &error), 0);
		assert_false(stress_segments_can(&template));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
