/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_offload_test.c - super-frames and unfinished checksums at the simulated device: one that takes
 * them is handed them whole, a plain one is handed the wire frames that the test builds itself.
 */
#include <errno.h>
#include <string.h>

#include "packet.h"
#include "rig.h"

#define SEGMENTS 10u
#define SIZE	 1000u
#define LAST	 300u /* bytes in the last one */

static struct rig rig;
static uint8_t bytes[LWF_FRAME_MAX_BYTES], expected[LWF_FRAME_MAX_BYTES];
static uint32_t handed, handed_bytes, wrong;
static bool is_plain;

static struct packet super_packet(void)
{
	return (struct packet){.seq = 7,
			       .ip_id = 3,
			       .seed = 5,
			       .payload_bytes = (SEGMENTS - 1) * SIZE + LAST,
			       .csum_left = true};
}

static struct lwf_offload offload_of(const struct packet *packet, bool is_super)
{
	return (struct lwf_offload){.flags = LWF_OFFLOAD_NEEDS_CSUM,
				    .gso_type = is_super ? LWF_GSO_TCP4 : LWF_GSO_NONE,
				    .gso_size = is_super ? SIZE : 0,
				    .csum_start = (uint16_t)packet->l4,
				    .csum_offset = 16};
}

/* What the device of the network is handed. */
static void on_handed(void *context, const struct lwf_frame *frame)
{
	struct packet packet = super_packet();
	uint32_t len;

	(void)context;
	if (frame->status != LWF_STATUS_SUCCESS)
		return;
	handed_bytes += frame->len;
	if (is_plain) {
		packet.seq += handed * SIZE;
		packet.ip_id = (uint16_t)(packet.ip_id + handed);
		packet.payload_from = handed * SIZE;
		packet.payload_bytes = handed + 1 == SEGMENTS ? LAST : SIZE;
		packet.csum_left = false;
	}
	len = packet_build(&packet, expected);
	wrong += frame->len != len || memcmp(frame->data, expected, len) != 0;
	wrong += lwf_frame_is_super(frame) == is_plain;
	handed++;
}

static void open_rig(bool plain)
{
	rig_open(&rig, NULL, "inject");
	handed = handed_bytes = wrong = 0;
	is_plain = plain;
	lwf_sim_edge_config(rig.lower)->plain = plain;
	assert_int_equal(lwf_sim_edge_prepare_offload(rig.lower), 0);
	assert_int_equal(lwf_sim_edge_prepare_offload(rig.upper), 0);
	assert_int_equal(lwf_sim_edge_prepare_offload(rig.upper), 0); /* again: nothing */
	lwf_sim_edge_on_transmit(rig.lower, on_handed, NULL);
}

static int give_super(void)
{
	struct packet packet = super_packet();
	uint32_t len = packet_build(&packet, bytes);
	struct lwf_offload offload = offload_of(&packet, true);

	return lwf_sim_edge_inject_offload(rig.upper, bytes, len, &offload);
}

static void test_whole(void **state)
{
	const struct lwf_ledger *ledger;

	(void)state;
	open_rig(false);
	assert_int_equal(give_super(), 0);
	assert_int_equal(handed, 1);
	assert_int_equal(wrong, 0);
	ledger = lwf_stack_host_ledger(rig.stack);
	assert_int_equal(ledger->sent, 1);
	assert_int_equal(ledger->frames, SEGMENTS);
	assert_int_equal(ledger->bytes, handed_bytes + (SEGMENTS - 1) * 54);
	rig_close(&rig);
}

static void test_cut(void **state)
{
	const struct lwf_ledger *ledger;

	(void)state;
	open_rig(true);
	assert_int_equal(give_super(), 0);
	assert_int_equal(handed, SEGMENTS);
	assert_int_equal(wrong, 0);
	ledger = lwf_stack_host_ledger(rig.stack);
	assert_int_equal(ledger->sent, 1);
	assert_int_equal(ledger->frames, SEGMENTS);
	assert_int_equal(ledger->bytes, handed_bytes);
	rig_close(&rig);
}

static void test_checksum(void **state)
{
	struct packet packet = {.seed = 5, .seq = 7, .ip_id = 3, .payload_bytes = SIZE};
	struct lwf_offload offload;
	uint32_t len;

	(void)state;
	packet.csum_left = true;
	open_rig(true);
	len = packet_build(&packet, bytes);
	offload = offload_of(&packet, false);
	assert_int_equal(lwf_sim_edge_inject_offload(rig.upper, bytes, len, &offload), 0);
	assert_int_equal(handed, 1);
	assert_int_equal(wrong, 0); /* as the first of many: the same bytes */
	rig_close(&rig);
}

/* Each frame of it has to fit, and it has to be what it says. */
static void test_refused(void **state)
{
	const struct lwf_ledger *ledger;
	struct packet packet = super_packet();
	struct lwf_offload offload;
	uint32_t len;

	(void)state;
	open_rig(true);
	ledger = lwf_stack_host_ledger(rig.stack);
	rig.lower->link.mtu_bytes = SIZE + 40;
	assert_int_equal(give_super(), 0);
	assert_int_equal(ledger->completed[LWF_ANSWER_SUCCESS], 1);
	rig.lower->link.mtu_bytes = SIZE + 39;
	assert_int_equal(give_super(), 0);
	assert_int_equal(ledger->completed[LWF_ANSWER_INVALID_LENGTH], 1);
	len = packet_build(&packet, bytes);
	offload = offload_of(&packet, true);
	offload.gso_type = LWF_GSO_UDP_L4; /* it is TCP */
	assert_int_equal(lwf_sim_edge_inject_offload(rig.upper, bytes, len, &offload), 0);
	assert_int_equal(
		ledger->completed[lwf_status_answer(lwf_reason_status(LWF_REASON_OFFLOAD))], 1);
	assert_int_equal(handed, SEGMENTS);
	assert_int_equal(
		lwf_sim_edge_inject_offload(rig.upper, bytes, LWF_FRAME_MAX_BYTES + 1, &offload),
		-EMSGSIZE);
	assert_int_equal(lwf_sim_edge_inject_offload(rig.upper, bytes, 13, &offload), -EINVAL);
	rig_close(&rig);
}

static void test_unprepared(void **state)
{
	static const struct lwf_offload none;

	(void)state;
	rig_open(&rig, NULL, "inject");
	packet_plain(bytes, 60, 1);
	assert_int_equal(lwf_sim_edge_inject_offload(rig.upper, bytes, 60, &none), -ENOBUFS);
	lwf_sim_host_fail_nth(rig.host, 1);
	assert_int_equal(lwf_sim_edge_prepare_offload(rig.upper), -ENOMEM);
	lwf_sim_host_fail_nth(rig.host, 0);
	assert_int_equal(lwf_sim_edge_prepare_offload(rig.upper), 0);
	assert_int_equal(lwf_sim_edge_inject_offload(rig.upper, bytes, 60, &none), 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_checksum),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unprepared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
