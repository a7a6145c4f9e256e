/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_test.c - filter impair on two simulated devices: what arrives, when, and who gets which answer.
 * How it settles what it keeps is in impair_settle_test.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "impair_bed.h"
#include "packet.h"

/* ---- delay ---- */

static void test_delay(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=20ms");
	client_send(&client, 3);
	assert_int_equal(bed.down_count, 0);
	assert_int_equal(bed_number("send-held"), 3);
	rig_run(&rig, 19);
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 1);
	assert_int_equal(bed.down_count, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(bed.down[i].at_ns, bed.start_ns + 20 * RIG_MS);
	assert_int_equal(bed_number("send-delayed"), 3);
	assert_int_equal(bed_number("send-held"), 0);
	assert_int_equal(rig_receive(&rig, 60, 1), 0); /* the other way: as it was */
	assert_int_equal(bed.up_count, 1);
	bed_end();
}

/* The answer is the device's own, and its moment the device's. */
static void test_answer_is_the_devices(void **state)
{
	(void)state;
	bed_begin("inject;impair:delay=5ms");
	lwf_sim_edge_config(rig.lower)->fail_per_1024 = 1024;
	lwf_sim_edge_config(rig.lower)->fail_reason = LWF_REASON_QUEUE_TIMEOUT;
	lwf_sim_edge_config(rig.lower)->delay_ns = 3 * RIG_MS;
	client_send(&client, 1);
	rig_run(&rig, 7);
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_RESOURCES), 1);
	bed_end();
}

/* However much jitter: a wire keeps its order. */
static void test_jitter_keeps_order(void **state)
{
	static const char *const dists[] = {"uniform", "normal", "pareto", "paretonormal"};

	(void)state;
	for (size_t d = 0; d < 4; d++) {
		char spec[96];
		uint64_t longest_ns = 0, before_ns = 0;

		snprintf(spec, sizeof(spec), "inject;impair:delay=10ms,jitter=8ms,seed=5,dist=%s",
			 dists[d]);
		bed_begin(spec);
		for (uint32_t i = 0; i < 100; i++) {
			client_send(&client, 1);
			rig_run(&rig, 1);
		}
		rig_run(&rig, 200);
		assert_int_equal(bed.down_count, 100);
		for (uint32_t i = 0; i < 100; i++) {
			uint64_t took_ns = bed.down[i].at_ns - bed.start_ns - i * RIG_MS;

			assert_int_equal(bed.down[i].id, i + 1);
			assert_true(bed.down[i].at_ns >= before_ns);
			before_ns = bed.down[i].at_ns;
			if (took_ns > longest_ns)
				longest_ns = took_ns;
		}
		assert_true(longest_ns > 15 * RIG_MS);
		assert_int_equal(bed_number("send-reordered"), 0);
		bed_end();
	}
}

static void test_reorder(void **state)
{
	uint32_t late = 0;

	(void)state;
	bed_begin("inject;impair:reorder=10%,reorder-by=3ms,seed=9");
	for (uint32_t i = 0; i < 200; i++) {
		client_send(&client, 1);
		rig_run(&rig, 1);
	}
	rig_run(&rig, 10);
	assert_int_equal(bed.down_count, 200);
	for (uint32_t i = 0; i < 200; i++) {
		uint64_t due_ns = bed.start_ns + (bed.down[i].id - 1) * RIG_MS;

		if (bed.down[i].at_ns == due_ns)
			continue;
		assert_int_equal(bed.down[i].at_ns, due_ns + 3 * RIG_MS);
		late++;
	}
	assert_int_equal(late, bed_number("send-reordered"));
	assert_in_range(late, 10, 30);
	bed_end();
}

/* ---- loss ---- */

static void test_loss_has_its_reason(void **state)
{
	uint32_t lost;

	(void)state;
	bed_begin("inject;impair:loss=30%,seed=7");
	client_send(&client, 500);
	lost = client_count(&client, LWF_STATUS_NOT_ACCEPTED);
	assert_in_range(lost, 100, 200);
	assert_int_equal(bed.down_count, 500 - lost);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 500 - lost);
	assert_int_equal(bed_number("send-lost"), lost);
	assert_int_equal(bed_number("send-matched"), 500);
	for (uint32_t i = 0; i < client.answers; i++)
		if (client.answer[i].status == LWF_STATUS_NOT_ACCEPTED)
			assert_int_equal(client.answer[i].reason, LWF_REASON_IMPAIRED_LOSS);
	bed_end();
}

static void lost_ids(const char *spec, bool *lost)
{
	bed_begin(spec);
	client_send(&client, 300);
	rig_run(&rig, 100);
	for (uint32_t i = 0; i < client.answers; i++)
		lost[client.answer[i].id - 1] = client.answer[i].status == LWF_STATUS_NOT_ACCEPTED;
	bed_end();
}

/* A frame's fate is its seed's: no other effect, and no other traffic, changes it. */
static void test_seed_decides(void **state)
{
	bool a[300] = {0}, b[300] = {0}, c[300] = {0};

	(void)state;
	lost_ids("inject;impair:loss=20%,seed=11", a);
	lost_ids("inject;impair:loss=20%,seed=11,delay=5ms,jitter=2ms,dup=30%,corrupt=30%,"
		 "direction=both",
		 b);
	lost_ids("inject;impair:loss=20%,seed=12", c);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
}

/* Seed 0 draws one, and tells which: with it, the run can be had again. */
static void test_drawn_seed_is_told(void **state)
{
	bool a[300] = {0}, b[300] = {0};
	char spec[64];
	uint64_t seed;

	(void)state;
	bed_begin("inject;impair:loss=20%");
	client_send(&client, 300);
	for (uint32_t i = 0; i < client.answers; i++)
		a[client.answer[i].id - 1] = client.answer[i].status == LWF_STATUS_NOT_ACCEPTED;
	seed = bed_number("seed");
	assert_true(seed > 0 && seed <= UINT32_MAX);
	bed_end();
	snprintf(spec, sizeof(spec), "inject;impair:loss=20%%,seed=%u", (unsigned)seed);
	lost_ids(spec, b);
	assert_memory_equal(a, b, sizeof(a));
}

static void test_received_loss(void **state)
{
	(void)state;
	bed_begin("inject;impair:loss=100%,direction=receive");
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(rig_receive(&rig, 60, i), 0);
	assert_int_equal(bed.up_count, 0);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_IMPAIRED_LOSS], 5);
	assert_int_equal(bed_number("receive-lost"), 5);
	client_send(&client, 2); /* not meant */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 2);
	bed_end();
}

/* ---- duplicates and corruption ---- */

static void test_duplicates(void **state)
{
	(void)state;
	bed_begin("inject;impair:dup=100%,direction=both");
	client_send(&client, 3);
	assert_int_equal(bed.down_count, 6);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	for (uint32_t i = 0; i < 6; i += 2) {
		assert_int_equal(bed.down[i].len, bed.down[i + 1].len);
		assert_memory_equal(bed.down[i].bytes, bed.down[i + 1].bytes, bed.down[i].len);
	}
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(bed.up_count, 2);
	assert_int_equal(bed_number("send-duplicated"), 3);
	assert_int_equal(bed_number("receive-duplicated"), 1);
	assert_int_equal(bed_number("copies-free"), 256);
	bed_end();
}

static uint32_t bits_between(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < bytes; i++)
		bits += (uint32_t)__builtin_popcount(a[i] ^ b[i]);
	return bits;
}

/* One bit of a copy; the sender's own bytes stay, and the answer is that of the copy. */
static void test_corrupt(void **state)
{
	uint8_t expected[60];

	(void)state;
	bed_begin("inject;impair:corrupt=100%,seed=3");
	lwf_sim_edge_config(rig.lower)->delay_ns = 5 * RIG_MS;
	client_send(&client, 40);
	assert_int_equal(bed.down_count, 40);
	assert_int_equal(client.answers, 0); /* not before the copy's */
	assert_int_equal(bed_number("send-held"), 40);
	for (uint32_t i = 0; i < 40; i++) {
		packet_plain(expected, 60, i);
		assert_int_equal(bits_between(bed.down[i].bytes, expected, 60), 1);
	}
	assert_true(memcmp(bed.down[0].bytes, bed.down[1].bytes, 40) != 0);
	rig_run(&rig, 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 40);
	lwf_sim_edge_config(rig.lower)->fail_per_1024 = 1024;
	lwf_sim_edge_config(rig.lower)->fail_reason = LWF_REASON_DEVICE;
	client_send(&client, 1);
	rig_run(&rig, 5);
	assert_int_equal(client_last(&client), LWF_STATUS_FAILURE);
	assert_int_equal(bed_number("send-corrupted"), 41);
	bed_end();
}

static void test_corrupt_received(void **state)
{
	uint8_t expected[60];

	(void)state;
	bed_begin("impair:corrupt=100%,direction=receive");
	lwf_sim_edge_config(rig.upper)->delay_ns = 5 * RIG_MS;
	assert_int_equal(rig_receive(&rig, 60, 5), 0);
	packet_plain(expected, 60, 5);
	assert_int_equal(bits_between(bed.up[0].bytes, expected, 60), 1);
	assert_int_equal(rig.lower->inputs_out, 1);
	rig_run(&rig, 5);
	assert_int_equal(rig.lower->inputs_out, 0);
	bed_end();
}

/* Without a copy left the frame goes as it is, and that is counted. */
static void test_no_copy(void **state)
{
	(void)state;
	bed_begin("inject;impair:dup=100%,copies=2");
	lwf_sim_edge_config(rig.lower)->delay_ns = 5 * RIG_MS;
	client_send(&client, 5);
	assert_int_equal(bed.down_count, 7);
	assert_int_equal(bed_number("send-no-copy"), 3);
	rig_run(&rig, 5);
	bed_set("dup=0,corrupt=100%", 0);
	client_send(&client, 5);
	assert_int_equal(bed.down_count, 12);
	assert_int_equal(bed_number("send-corrupted"), 2);
	assert_int_equal(bed_number("send-no-copy"), 6);
	rig_run(&rig, 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 10);
	bed_end();
}

/* ---- checksums and super-frames ---- */

static struct packet super = {.payload_bytes = 4000, .csum_left = true, .seed = 4};
static enum lwf_pull (*pull_plain)(struct lwf_session *session, struct lwf_frame *frame);
static uint32_t gso_size;

static enum lwf_pull pull_super(struct lwf_session *session, struct lwf_frame *frame)
{
	enum lwf_pull pull = pull_plain(session, frame);

	if (pull != LWF_PULL_FRAME)
		return pull;
	frame->len = packet_build(&super, frame->data);
	frame->offload =
		(struct lwf_offload){.flags = LWF_OFFLOAD_NEEDS_CSUM | LWF_OFFLOAD_DATA_VALID,
				     .gso_type = gso_size ? LWF_GSO_TCP4 : LWF_GSO_NONE,
				     .gso_size = (uint16_t)gso_size,
				     .csum_start = (uint16_t)super.l4,
				     .csum_offset = 16};
	return pull;
}

static void begin_super(const char *specs, uint32_t payload_bytes, uint32_t size)
{
	static struct lwf_session_ops ops;

	bed_begin(specs);
	super.payload_bytes = payload_bytes;
	gso_size = size;
	ops = *client.session.ops;
	pull_plain = ops.pull;
	ops.pull = pull_super;
	client.session.ops = &ops;
}

/* What the frame would be, whole, with its checksum. */
static uint32_t whole(uint32_t index, uint8_t *out)
{
	struct packet part = super;
	uint32_t left;

	part.csum_left = false;
	if (gso_size) {
		left = super.payload_bytes - index * gso_size;
		part.payload_from = index * gso_size;
		part.payload_bytes = left < gso_size ? left : gso_size;
		part.seq += index * gso_size;
		part.ip_id = (uint16_t)(part.ip_id + index);
	}
	return packet_build(&part, out);
}

/* A checksum that is left to the device is finished first: else it would make the bit right. */
static void test_corrupt_with_checksum_left(void **state)
{
	uint8_t expected[2048];

	(void)state;
	begin_super("inject;impair:corrupt=100%", 900, 0);
	for (uint32_t i = 0; i < 30; i++) {
		client_send(&client, 1);
		assert_int_equal(bed.down[i].flags, 0);
		assert_int_equal(bed.down[i].len, whole(0, expected));
		assert_int_equal(bits_between(bed.down[i].bytes, expected, bed.down[i].len), 1);
	}
	bed_end();
}

static void test_corrupt_super_frame(void **state)
{
	uint8_t expected[2048];
	uint32_t bits = 0;

	(void)state;
	begin_super("inject;impair:corrupt=100%,copies=3", 4000, 1448);
	lwf_sim_edge_config(rig.lower)->delay_ns = 5 * RIG_MS;
	lwf_sim_edge_config(rig.lower)->split = true;
	client_send(&client, 1);
	assert_int_equal(bed.down_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(bed.down[i].gso_type, LWF_GSO_NONE);
		assert_int_equal(bed.down[i].len, whole(i, expected));
		bits += bits_between(bed.down[i].bytes, expected, bed.down[i].len);
	}
	assert_int_equal(bits, 1);
	assert_int_equal(lwf_sim_edge_release(rig.lower, 2), 2);
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1);
	super.payload_bytes = 5000; /* one copy more than there is */
	client_send(&client, 1);
	assert_int_equal(bed.down_count, 4);
	assert_int_equal(bed.down[3].gso_type, LWF_GSO_TCP4);
	assert_int_equal(bed_number("send-no-copy"), 1);
	rig_run(&rig, 5);
	bed_end();
}

/* A super-frame is one unit: it is lost whole, and pays for all its bytes. */
static void test_super_frame_is_a_unit(void **state)
{
	(void)state;
	/* three segments of 54 bytes of headers each: 4162 bytes, 33.3 ms; the bucket holds 1514 */
	begin_super("inject;impair:rate=1Mbps", 4000, 1448);
	client_send(&client, 1);
	rig_run(&rig, 21);
	assert_int_equal(bed.down_count, 0);
	rig_run(&rig, 1);
	assert_int_equal(bed.down_count, 1);
	assert_int_equal(bed.down[0].gso_type, LWF_GSO_TCP4);
	bed_set("loss=100%", 0);
	client_send(&client, 1);
	assert_int_equal(bed_number("send-lost"), 1);
	bed_end();
}

/* ---- rate ---- */

static void test_rate(void **state)
{
	(void)state;
	/* 60 bytes at 48 kbps: 10 ms each; the bucket holds 1514 bytes, 25 frames */
	bed_begin("inject;impair:rate=48kbps");
	client_send(&client, 100);
	assert_int_equal(bed.down_count, 25);
	for (uint32_t i = 0; i < 75; i++) {
		rig_run(&rig, 10);
		assert_in_range(bed.down_count, 26 + i - 1, 26 + i);
	}
	rig_run(&rig, 10);
	assert_int_equal(bed.down_count, 100);
	rig_run(&rig, 1000); /* it fills again, and not above */
	client_send(&client, 100);
	assert_int_equal(bed.down_count, 125);
	rig_run(&rig, 1000);
	bed_end();
}

static void test_queue_is_bounded(void **state)
{
	(void)state;
	bed_begin("inject;impair:rate=48kbps,limit=10");
	client_send(&client, 50);
	assert_int_equal(bed.down_count, 25);
	assert_int_equal(client_count(&client, LWF_STATUS_NOT_ACCEPTED), 15);
	for (uint32_t i = 0; i < client.answers; i++)
		if (client.answer[i].status == LWF_STATUS_NOT_ACCEPTED)
			assert_int_equal(client.answer[i].reason, LWF_REASON_IMPAIRED_QUEUE);
	assert_int_equal(bed_number("send-queue-full"), 15);
	rig_run(&rig, 120); /* what was refused took no tokens */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 35);
	bed_end();
}

/* Nothing is kept for 10 s, however low the rate. */
static void test_queue_is_bounded_in_time(void **state)
{
	(void)state;
	bed_begin("inject;impair:rate=480bps");
	client_send(&client, 100); /* 1 s each */
	assert_int_equal(bed.down_count, 25);
	assert_int_equal(client_count(&client, LWF_STATUS_NOT_ACCEPTED), 100 - 25 - 8);
	rig_run(&rig, 8000);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 33);
	bed_end();
}

/* ---- which frames ---- */

static void test_match(void **state)
{
	(void)state;
	bed_begin("inject;impair:loss=100%,direction=both,match=len > 100");
	client_put(&client, 4, LWF_DIRECTION_SEND);
	client.len[1] = client.len[3] = 200;
	client_pump(&client);
	assert_int_equal(bed.down_count, 2);
	assert_int_equal(bed_number("send-matched"), 2);
	assert_int_equal(rig_receive(&rig, 200, 1), 0);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(bed.up_count, 1);
	bed_set("match=len < 100", 0);
	client_send(&client, 1);
	assert_int_equal(bed.down_count, 2);
	bed_set("match=", 0);
	bed_set("loss=0", 0);
	client_send(&client, 1);
	assert_int_equal(bed.down_count, 3);
	bed_set("match=no expression", -EINVAL);
	client_send(&client, 1); /* as before */
	assert_int_equal(bed.down_count, 4);
	bed_end();
}

/* Received frames that wait do not make the device deaf: 128 is all it has. */
static void test_device_gets_frames_back(void **state)
{
	(void)state;
	bed_begin("impair:delay=50ms,direction=receive");
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(rig_receive(&rig, 60, i), 0);
	assert_int_equal(rig.lower->inputs_out, 64);
	assert_int_equal(bed.up_count, 0);
	rig_run(&rig, 50);
	assert_int_equal(bed.up_count, 300);
	for (uint32_t i = 0; i < 300; i++) {
		uint8_t expected[60];

		packet_plain(expected, 60, i);
		assert_memory_equal(bed.up[i].bytes, expected, 60);
	}
	bed_end();
}

static void lend(uint32_t n)
{
	uint8_t bytes[60];

	packet_plain(bytes, sizeof(bytes), n);
	lwf_sim_edge_config(rig.lower)->lend = true;
	assert_int_equal(lwf_sim_edge_inject_many(rig.lower, bytes, sizeof(bytes), n), 0);
	assert_int_equal(rig.lower->inputs_out, 0);
}

static void test_lent_receives(void **state)
{
	(void)state;
	bed_begin("monitor;impair:direction=both,copies=4");
	lend(3);
	assert_int_equal(bed.up_count, 3);
	bed_set("loss=100%", 0);
	lend(3);
	assert_int_equal(bed.up_count, 3);
	bed_set("loss=0,dup=100%", 0);
	lend(2);
	assert_int_equal(bed.up_count, 7);
	bed_set("dup=0,corrupt=100%", 0);
	lend(2);
	assert_int_equal(bed.up_count, 9);
	assert_true(bits_between(bed.up[7].bytes, bed.up[0].bytes, 60) > 0);
	bed_set("corrupt=0,delay=10ms", 0);
	lend(3);
	assert_int_equal(bed.up_count, 9);
	lend(3); /* for two of them there is no frame: nobody may keep a lent one */
	rig_run(&rig, 10);
	assert_int_equal(bed.up_count, 13);
	bed_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_answer_is_the_devices),
		cmocka_unit_test(test_jitter_keeps_order),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_loss_has_its_reason),
		cmocka_unit_test(test_seed_decides),
		cmocka_unit_test(test_drawn_seed_is_told),
		cmocka_unit_test(test_received_loss),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_corrupt_received),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_corrupt_with_checksum_left),
		cmocka_unit_test(test_corrupt_super_frame),
		cmocka_unit_test(test_super_frame_is_a_unit),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_queue_is_bounded),
		cmocka_unit_test(test_queue_is_bounded_in_time),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_device_gets_frames_back),
		cmocka_unit_test(test_lent_receives),
	};

	return cmocka_run_group_tests_name("impair", tests, NULL, NULL);
}
