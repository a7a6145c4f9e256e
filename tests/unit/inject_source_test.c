/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_source_test.c - capture files of lwf-inject: good ones whole and in order, from memory and from pipes, damaged
 * ones up to the damage, all others refused with a reason. With LWF_TEST_PCAPS set, every capture there too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <pcap/pcap.h>

#include "inject_source.h"

static char path[] = "/tmp/lwf-source-test-XXXXXX";

/* ---- writing captures by hand, so that they can be wrong ---- */

static struct {
	uint8_t bytes[1 << 20];
	size_t count;
} file;

static void put(const void *bytes, size_t count)
{
	memcpy(file.bytes + file.count, bytes, count);
	file.count += count;
}

static void put32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put_header(uint32_t magic, uint32_t link_type)
{
	file.count = 0;
	put32(magic);
	put32(4u << 16 | 2);
	put32(0);
	put32(0);
	put32(262144);
	put32(link_type);
}

static void put_record(uint32_t seconds, uint32_t fraction, uint32_t captured, uint32_t length)
{
	static const uint8_t bytes[70000] = {1, 2, 3};

	put32(seconds);
	put32(fraction);
	put32(captured);
	put32(length);
	put(bytes, captured);
}

static void write_file(size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file.bytes, count), count);
	close(fd);
}

static struct inject_source *open_good(uint64_t loops)
{
	struct inject_source *source;
	struct lwf_error error = {0};

	if (inject_source_open(path, NULL, loops, NULL, &source, &error))
		fail_msg("%s: %s", error.what, error.why);
	return source;
}

static void expect_refused(const char *why)
{
	struct inject_source *source;
	struct lwf_error error = {0};

	if (inject_source_open(path, NULL, 1, NULL, &source, &error) == 0)
		fail_msg("was not refused: %s", why);
	assert_int_equal(error.exit, LWF_EXIT_USAGE);
	if (!strstr(error.why, why))
		fail_msg("'%s' instead of '%s'", error.why, why);
}

/* ---- tests ---- */

static void records_come_in_order(void **state)
{
	struct inject_record records[8];
	struct inject_source *source;
	uint32_t count;

	(void)state;
	put_header(0xa1b23c4d, 1); /* nanoseconds */
	put_record(10, 5, 60, 60);
	put_record(11, 7, 100, 1500);
	put_record(11, 9, 0, 0);
	write_file(file.count);
	source = open_good(1);
	assert_int_equal(inject_source_total(source), 3);
	assert_true(inject_source_span_ns(source) == 1000000004);
	assert_int_equal(inject_source_peek(source, records, 8, &count), INJECT_SOURCE_MORE);
	assert_int_equal(count, 3);
	assert_true(records[0].stamp_ns == 10000000005ull);
	assert_int_equal(records[1].captured, 100);
	assert_int_equal(records[1].length, 1500);
	assert_int_equal(records[2].captured, 0);
	inject_source_pass(source, 2);
	assert_int_equal(inject_source_peek(source, records, 8, &count), INJECT_SOURCE_MORE);
	assert_int_equal(count, 1);
	inject_source_pass(source, 1);
	assert_int_equal(inject_source_peek(source, records, 8, &count), INJECT_SOURCE_END);
	assert_null(inject_source_fault(source));
	inject_source_close(source);
}

static void loops_go_on_in_time(void **state)
{
	struct inject_record records[8];
	struct inject_source *source;
	uint32_t count;

	(void)state;
	put_header(0xa1b2c3d4, 1);
	put_record(1, 0, 60, 60);
	put_record(1, 100, 60, 60);
	put_record(1, 200, 60, 60);
	write_file(file.count);
	source = open_good(2);
	assert_int_equal(inject_source_total(source), 6);
	inject_source_peek(source, records, 8, &count);
	assert_int_equal(count, 6);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(records[i].stamp_ns == 1000000000ull + i * 100000ull);
	inject_source_close(source);
	source = open_good(0); /* without end */
	assert_int_equal(inject_source_total(source), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(inject_source_peek(source, records, 7, &count),
				 INJECT_SOURCE_MORE);
		assert_int_equal(count, 7);
		assert_true(records[0].stamp_ns == 1000000000ull + i * 700000ull);
		inject_source_pass(source, 7);
	}
	inject_source_close(source);
}

static void what_is_no_capture_is_refused(void **state)
{
	(void)state;
	put_header(0xa1b2c3d4, 1);
	write_file(0);
	expect_refused("no capture");
	write_file(10);
	expect_refused("cut off");
	write_file(24 - 1);
	expect_refused("cut off");
	memcpy(file.bytes, "hello, world", 12);
	write_file(24);
	expect_refused("no capture");
	put_header(0xa1b2c3d4, 101); /* raw IP */
	put_record(1, 0, 60, 60);
	write_file(file.count);
	expect_refused("RAW");
	put_header(0xa1b2c3d4, 113);
	write_file(file.count);
	expect_refused("LINUX_SLL");
	/* a first record that is damaged leaves nothing to send */
	put_header(0xa1b2c3d4, 1);
	put_record(1, 0, 60, 60);
	write_file(24 + 10);
	expect_refused("behind record 0");
	write_file(24 + 16 + 59);
	expect_refused("behind record 0");
	put_header(0xa1b2c3d4, 1);
	put_record(1, 0, 60, 59);
	write_file(file.count);
	expect_refused("record 1 lies");
	put_header(0xa1b2c3d4, 1);
	put32(1);
	put32(0);
	put32(0x7fffffff);
	put32(0x7fffffff);
	write_file(file.count);
	expect_refused("behind record 0");
	unlink(path);
	expect_refused("no such file");
	snprintf(path, sizeof(path), "/tmp");
	expect_refused("directory");
	snprintf(path, sizeof(path), "/tmp/lwf-source-test-XXXXXX");
	close(mkstemp(path));
}

static void damage_behind_good_records_is_kept(void **state)
{
	struct inject_record records[8];
	struct inject_source *source;
	uint32_t count;

	(void)state;
	put_header(0xa1b2c3d4, 1);
	put_record(1, 0, 60, 60);
	put_record(2, 0, 60, 60);
	put_record(3, 0, 60, 60);
	write_file(file.count - 1);
	source = open_good(5);
	inject_source_peek(source, records, 8, &count);
	assert_int_equal(count, 2); /* and they are not repeated */
	assert_non_null(inject_source_fault(source));
	assert_int_equal(inject_source_fault(source)->exit, LWF_EXIT_USAGE);
	assert_non_null(strstr(inject_source_fault(source)->why, "record 2"));
	inject_source_close(source);
}

/* ---- pipes ---- */

static struct {
	int fd;
	size_t first, pause_us;
} feed;

static void *feed_pipe(void *unused)
{
	size_t done = 0;

	(void)unused;
	while (done < file.count) {
		size_t end = done < feed.first ? feed.first : file.count;
		ssize_t n = write(feed.fd, file.bytes + done, end - done);

		if (n <= 0)
			break;
		done += (size_t)n;
		if (done == feed.first)
			usleep((useconds_t)feed.pause_us);
	}
	close(feed.fd);
	return NULL;
}

static uint32_t take_all(struct inject_source *source)
{
	struct inject_record records[64];
	enum inject_source_state state;
	uint32_t count, all = 0;

	while ((state = inject_source_peek(source, records, 64, &count)) != INJECT_SOURCE_END) {
		struct pollfd poll_fd = {.fd = inject_source_fd(source), .events = POLLIN};

		if (state == INJECT_SOURCE_WAIT)
			assert_int_equal(poll(&poll_fd, 1, 5000), 1);
		all += count;
		inject_source_pass(source, count);
	}
	return all;
}

static uint32_t through_pipe(uint64_t loops, size_t first)
{
	struct inject_source *source;
	struct lwf_error error = {0};
	int fds[2], saved = dup(STDIN_FILENO);
	pthread_t thread;
	uint32_t all;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	feed.fd = fds[1];
	feed.first = first;
	feed.pause_us = 30000;
	pthread_create(&thread, NULL, feed_pipe, NULL);
	if (inject_source_open("-", NULL, loops, NULL, &source, &error))
		fail_msg("%s: %s", error.what, error.why);
	all = take_all(source);
	assert_null(inject_source_fault(source));
	inject_source_close(source);
	pthread_join(thread, NULL);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
	close(saved);
	return all;
}

static void pipes_are_read_as_they_come(void **state)
{
	(void)state;
	put_header(0xa1b2c3d4, 1);
	for (uint32_t i = 0; i < 9000; i++)
		put_record(i, 0, 60, 60);
	assert_int_equal(through_pipe(1, 24), 9000);
	assert_int_equal(through_pipe(1, 24 + 76 * 5 + 3), 9000);
	assert_int_equal(through_pipe(3, 24), 27000);
}

static void silent_pipes_can_be_given_up(void **state)
{
	struct inject_source *source;
	struct lwf_error error;
	atomic_int stop = 1;
	int fds[2], saved = dup(STDIN_FILENO);
	struct inject_record record;
	uint32_t count;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	assert_int_equal(inject_source_open("-", NULL, 1, &stop, &source, &error), -EINTR);
	atomic_store(&stop, 0);
	put_header(0xa1b2c3d4, 1);
	assert_int_equal(write(fds[1], file.bytes, file.count), file.count);
	assert_int_equal(inject_source_open("-", NULL, 1, &stop, &source, &error), 0);
	assert_int_equal(inject_source_peek(source, &record, 1, &count), INJECT_SOURCE_WAIT);
	inject_source_close(source); /* with its thread in the middle of a wait */
	close(fds[1]);
	if (saved >= 0)
		dup2(saved, STDIN_FILENO);
	close(saved);
}

/* ---- captures of others ---- */

static void compare_with_libpcap(const char *name)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(name, text);
	struct inject_source *source;
	struct lwf_error error;
	struct inject_record record;
	struct pcap_pkthdr *header;
	const u_char *data;
	uint32_t count;

	if (!pcap)
		return;
	if (inject_source_open(name, NULL, 1, NULL, &source, &error)) {
		if (pcap_datalink(pcap) == DLT_EN10MB)
			fail_msg("%s: %s", name, error.why);
		assert_non_null(strstr(error.why, "link type"));
		pcap_close(pcap);
		return;
	}
	assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
	while (pcap_next_ex(pcap, &header, &data) == 1) {
		assert_int_equal(inject_source_peek(source, &record, 1, &count),
				 INJECT_SOURCE_MORE);
		assert_int_equal(record.captured, header->caplen);
		assert_int_equal(record.length, header->len);
		assert_memory_equal(record.data, data, header->caplen);
		inject_source_pass(source, 1);
	}
	assert_int_equal(inject_source_peek(source, &record, 1, &count), INJECT_SOURCE_END);
	inject_source_close(source);
	pcap_close(pcap);
}

static void captures_of_others(void **state)
{
	const char *folder = getenv("LWF_TEST_PCAPS");
	DIR *dir = folder ? opendir(folder) : NULL;
	char name[4096];
	struct dirent *entry;

	(void)state;
	if (!dir)
		skip();
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		compare_with_libpcap(name);
	}
	closedir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order),
		cmocka_unit_test(loops_go_on_in_time),
		cmocka_unit_test(what_is_no_capture_is_refused),
		cmocka_unit_test(damage_behind_good_records_is_kept),
		cmocka_unit_test(pipes_are_read_as_they_come),
		cmocka_unit_test(silent_pipes_can_be_given_up),
		cmocka_unit_test(captures_of_others),
	};
	int failed;

	close(mkstemp(path));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
