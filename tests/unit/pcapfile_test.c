/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapfile_test.c - a stack whose lower device is a pair of files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet.h"
#include "rig.h"

#define FRAMES	    200u
#define FRAME_BYTES 90u
#define ERROR_BYTES 256u

static char folder[] = "/tmp/lwf-pcapfile-XXXXXX";
static char in_path[64], out_path[64];

static struct lwf_host *host;
static struct lwf_engine *engine;
static struct lwf_stack *stack;
static struct lwf_edge *upper, *lower;
static uint32_t handed, handed_wrong;
static bool closed;

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(in_path, sizeof(in_path), "%s/in.pcap", folder);
	snprintf(out_path, sizeof(out_path), "%s/out.pcap", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(in_path);
	unlink(out_path);
	return rmdir(folder);
}

/* ---- files, written and read byte by byte: not by the library under test ---- */

static void put32(FILE *file, uint32_t value)
{
	assert_int_equal(fwrite(&value, sizeof(value), 1, file), 1);
}

static FILE *begin_file(uint32_t link_type)
{
	FILE *file = fopen(in_path, "wb");

	assert_non_null(file);
	put32(file, 0xa1b2c3d4); /* microseconds */
	put32(file, 2 | 4 << 16);
	put32(file, 0);
	put32(file, 0);
	put32(file, 262144);
	put32(file, link_type);
	return file;
}

static void add_record(FILE *file, const uint8_t *bytes, uint32_t captured, uint32_t len)
{
	put32(file, 1);
	put32(file, 2);
	put32(file, captured);
	put32(file, len);
	assert_int_equal(fwrite(bytes, 1, captured, file), captured);
}

static void write_plain_frames(uint32_t frames)
{
	FILE *file = begin_file(1);
	uint8_t bytes[FRAME_BYTES];

	for (uint32_t i = 0; i < frames; i++) {
		packet_plain(bytes, sizeof(bytes), i);
		add_record(file, bytes, sizeof(bytes), sizeof(bytes));
	}
	fclose(file);
}

/* Reads record @index of the output into @bytes; returns its length, 0 behind the last. */
static uint32_t read_record(uint32_t index, uint8_t *bytes, uint32_t room)
{
	FILE *file = fopen(out_path, "rb");
	uint32_t header[6], record[4] = {0};

	assert_non_null(file);
	assert_int_equal(fread(header, sizeof(header), 1, file), 1);
	assert_int_equal(header[0], 0xa1b23c4d); /* nanoseconds */
	assert_int_equal(header[5], 1);
	for (uint32_t i = 0; i <= index; i++) {
		if (fread(record, sizeof(record), 1, file) != 1) {
			fclose(file);
			return 0;
		}
		assert_int_equal(record[2], record[3]);
		assert_true(record[2] <= room);
		assert_int_equal(fread(bytes, 1, record[2], file), record[2]);
	}
	fclose(file);
	return record[2];
}

/* ---- the stack ---- */

static void on_upper(void *context, const struct lwf_frame *frame)
{
	uint8_t bytes[FRAME_BYTES];

	(void)context;
	packet_plain(bytes, sizeof(bytes), handed);
	if (frame->len != sizeof(bytes) || memcmp(frame->data, bytes, sizeof(bytes)))
		handed_wrong++;
	handed++;
}

static void on_closed(void *context)
{
	(void)context;
	closed = true;
}

static void open_stack(const char *out)
{
	char error[ERROR_BYTES] = "";

	handed = 0;
	handed_wrong = 0;
	closed = false;
	host = lwf_sim_host_create(1);
	engine = lwf_engine_create(host);
	assert_int_equal(lwf_sim_edge_create(host, "up0", &upper), 0);
	lwf_sim_edge_on_hand_over(upper, on_upper, NULL);
	if (lwf_pcapfile_create(host, in_path, out, &lower, error, sizeof(error)))
		fail_msg("%s", error);
	assert_int_equal(lwf_stack_create(engine, "s0", upper, lower, &stack), 0);
	lwf_stack_start(stack);
}

static void run_ms(uint64_t ms)
{
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + ms * RIG_MS);
}

static void close_stack(void)
{
	lwf_stack_close(stack, on_closed, NULL);
	run_ms(10);
	assert_true(closed);
	assert_int_equal(lwf_engine_rules_broken(engine), 0);
	lwf_engine_destroy(engine);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
}

static void test_input_arrives(void **state)
{
	(void)state;
	write_plain_frames(FRAMES);
	open_stack(NULL);
	run_ms(50);
	assert_int_equal(handed, FRAMES);
	assert_int_equal(handed_wrong, 0);
	assert_int_equal(lower->counters.rx_units, FRAMES);
	close_stack();
}

/* Nothing is read while the stack is paused, and nothing is lost by it. */
static void test_input_waits_for_the_stack(void **state)
{
	(void)state;
	write_plain_frames(FRAMES);
	open_stack(NULL);
	lwf_stack_hold(stack, LWF_HOLD_USER_PAUSE);
	run_ms(50);
	assert_true(handed < FRAMES);
	lwf_stack_release(stack, LWF_HOLD_USER_PAUSE);
	run_ms(50);
	assert_int_equal(handed, FRAMES);
	assert_int_equal(handed_wrong, 0);
	close_stack();
}

static void test_input_records_that_are_no_frames(void **state)
{
	uint8_t bytes[FRAME_BYTES];
	FILE *file = begin_file(1);

	(void)state;
	packet_plain(bytes, sizeof(bytes), 0);
	add_record(file, bytes, sizeof(bytes), sizeof(bytes));
	add_record(file, bytes, 60, sizeof(bytes)); /* cut short */
	add_record(file, bytes, 13, 13);
	packet_plain(bytes, sizeof(bytes), 1);
	add_record(file, bytes, sizeof(bytes), sizeof(bytes));
	fclose(file);
	open_stack(NULL);
	run_ms(50);
	assert_int_equal(handed, 2);
	assert_int_equal(handed_wrong, 0);
	assert_int_equal(lower->counters.drops[LWF_REASON_TRUNCATED], 1);
	assert_int_equal(lower->counters.drops[LWF_REASON_RUNT], 1);
	close_stack();
}

static void test_output(void **state)
{
	uint8_t expected[FRAME_BYTES], bytes[FRAME_BYTES];

	(void)state;
	write_plain_frames(0);
	open_stack(out_path);
	run_ms(5);
	for (uint32_t i = 0; i < FRAMES; i++) {
		packet_plain(expected, sizeof(expected), i);
		assert_int_equal(lwf_sim_edge_inject(upper, expected, sizeof(expected)), 0);
	}
	assert_int_equal(lower->counters.tx_units, FRAMES);
	/* It is in the file when it is answered, not only when all is closed. */
	for (uint32_t i = 0; i < FRAMES; i++) {
		packet_plain(expected, sizeof(expected), i);
		assert_int_equal(read_record(i, bytes, sizeof(bytes)), sizeof(expected));
		assert_memory_equal(bytes, expected, sizeof(expected));
	}
	assert_int_equal(read_record(FRAMES, bytes, sizeof(bytes)), 0);
	close_stack();
}

static void test_full_disk(void **state)
{
	uint8_t bytes[FRAME_BYTES];

	(void)state;
	if (access("/dev/full", W_OK))
		skip();
	write_plain_frames(0);
	open_stack("/dev/full");
	run_ms(5);
	packet_plain(bytes, sizeof(bytes), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(lwf_sim_edge_inject(upper, bytes, sizeof(bytes)), 0);
	assert_int_equal(lower->counters.tx_units, 0);
	assert_int_equal(lower->counters.errors, 3);
	assert_int_equal(lower->counters.last_error, ENOSPC);
	close_stack();
}

static int create_alone(const char *in, const char *out, char *error)
{
	struct lwf_edge *edge;
	int ret;

	host = lwf_sim_host_create(1);
	ret = lwf_pcapfile_create(host, in, out, &edge, error, ERROR_BYTES);
	assert_true(ret < 0);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
	return ret;
}

static void test_unusable_files(void **state)
{
	char error[ERROR_BYTES] = "";
	FILE *file;

	(void)state;
	unlink(in_path);
	assert_int_equal(create_alone(in_path, NULL, error), -ENOENT);
	assert_non_null(strstr(error, in_path));
	fclose(begin_file(229)); /* IPv6 without Ethernet */
	assert_int_equal(create_alone(in_path, NULL, error), -EINVAL);
	assert_non_null(strstr(error, "IPV6"));
	file = fopen(in_path, "wb");
	fputs("not a capture at all, whatever its name says", file);
	fclose(file);
	assert_int_equal(create_alone(in_path, NULL, error), -EINVAL);
	write_plain_frames(1);
	assert_int_equal(create_alone(in_path, "/nowhere/out.pcap", error), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/out.pcap"));
	assert_int_equal(create_alone(in_path, in_path, error), -EINVAL);
	assert_non_null(strstr(error, "input"));
	assert_int_equal(create_alone(in_path, "/dev/full/out.pcap", error), -ENOTDIR);
}

static void test_no_memory(void **state)
{
	char error[ERROR_BYTES] = "";
	struct lwf_edge *edge;

	(void)state;
	write_plain_frames(1);
	for (uint64_t nth = 1;; nth++) {
		int ret;

		host = lwf_sim_host_create(1);
		lwf_sim_host_fail_nth(host, nth);
		ret = lwf_pcapfile_create(host, in_path, out_path, &edge, error, sizeof(error));
		if (ret == 0)
			edge->ops->close(edge);
		else
			assert_int_equal(ret, -ENOMEM);
		assert_int_equal(lwf_sim_host_allocations(host), 0);
		lwf_sim_host_destroy(host);
		if (ret == 0)
			break;
		assert_true(nth < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_arrives),
		cmocka_unit_test(test_input_waits_for_the_stack),
		cmocka_unit_test(test_input_records_that_are_no_frames),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_unusable_files),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
