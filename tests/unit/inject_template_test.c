/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_template_test.c - templates: what is read, where errors are, and that frame n is always the same.
 *
 * Whether the frames are right is judged from outside: tests/system/51-templates.sh shows them to tshark.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "inject_source.h"
#include "inject_template.h"

static struct inject_template template;
static struct lwf_error error;
static uint8_t frame[INJECT_TEMPLATE_FRAME_MAX_BYTES];

static void read_ok(const char *text)
{
	if (inject_template_parse(text, &template, &error))
		fail_msg("%s: %s: %s", text, error.what, error.why);
}

static void refused(const char *text, unsigned column, const char *why)
{
	char what[64];

	assert_int_equal(inject_template_parse(text, &template, &error), -EINVAL);
	snprintf(what, sizeof(what), "template, column %u", column);
	assert_string_equal(error.what, what);
	if (!strstr(error.why, why))
		fail_msg("%s: '%s' is not in '%s'", text, why, error.why);
	assert_int_equal(error.exit, LWF_EXIT_USAGE);
}

static uint32_t make(uint64_t number)
{
	memset(frame, 0xee, sizeof(frame));
	return inject_template_make(&template, number, 0, frame);
}

static unsigned u16(uint32_t at)
{
	return (unsigned)(frame[at] << 8 | frame[at + 1]);
}

static void ranges_step_together(void **state)
{
	(void)state;
	read_ok("udp 10.0.0.1:1000-1002 > 10.0.0.254-10.0.1.1:53 size 60..62 count 1M");
	assert_int_equal(template.count, 1000000);
	for (unsigned n = 0; n < 12; n++) {
		assert_int_equal(make(n), 60 + n % 3);
		assert_int_equal(u16(34), 1000 + n % 3);
		assert_int_equal(u16(36), 53);
		assert_int_equal(u16(32), (n % 4 < 2 ? 0x00fe : 0x0100) + n % 2); /* carries */
		assert_int_equal(u16(38), 60 + n % 3 - 34);			  /* UDP's length */
		assert_int_equal(frame[60 + n % 3], 0xee); /* nothing behind the end */
	}
}

static void networks_begin_at_their_first_address(void **state)
{
	(void)state;
	read_ok("icmp 10.1.2.3/30 > 192.0.2.1");
	for (unsigned n = 0; n < 5; n++) {
		make(n);
		assert_int_equal(frame[29], n % 4);
	}
	read_ok("udp fd00::5/127 > [fd00::ffff:ffff:ffff:ffff]:7");
	make(1);
	assert_int_equal(frame[14 + 8 + 15], 5);
	assert_int_equal(template.from.count, 2);
}

static void random_is_the_same_each_time(void **state)
{
	uint8_t first[64];
	unsigned different = 0, other_seed = 0;

	(void)state;
	read_ok("udp 10.0.0.1:1-65535 > 10.0.0.2:1-65535 random payload random seed 7 size 64");
	make(12);
	memcpy(first, frame, 64);
	make(13);
	different += memcmp(first, frame, 64) != 0;
	make(12);
	assert_memory_equal(first, frame, 64);
	read_ok("udp 10.0.0.1:1-65535 > 10.0.0.2:1-65535 random payload random seed 8 size 64");
	make(12);
	other_seed += memcmp(first, frame, 64) != 0;
	assert_int_equal(different + other_seed, 2);
}

static void tags_hex_and_stamps(void **state)
{
	struct inject_stamp stamp;

	(void)state;
	read_ok("udp 10.0.0.1 > 10.0.0.2 qinq 5 vlan 100 size 60");
	assert_int_equal(make(0), 60);
	assert_int_equal(u16(12), 0x88a8);
	assert_int_equal(u16(14), 5);
	assert_int_equal(u16(16), 0x8100);
	assert_int_equal(u16(18), 100);
	assert_int_equal(u16(20), 0x0800);

	read_ok("hex ff:ff:ff:ff:ff:ff 020000000001 88b5 68656C6c6f size 20 payload ascii");
	assert_int_equal(make(0), 20);
	assert_memory_equal(frame + 14, "helloa", 6);

	read_ok("eth type 0x1234 stamp seed 9");
	assert_int_equal(inject_template_make(&template, 3, 77, frame), 60);
	memcpy(&stamp, frame + 14, sizeof(stamp));
	assert_int_equal(stamp.mark, htonl(0x6c77662d) | (uint64_t)htonl(0x73746d70) << 32);
	assert_int_equal(ntohl((uint32_t)(stamp.seed >> 32)), 9);
	assert_int_equal(ntohl((uint32_t)(stamp.number >> 32)), 3);
	assert_int_equal(ntohl((uint32_t)(stamp.sent_ns >> 32)), 77);
}

static void errors_name_column_and_word(void **state)
{
	(void)state;
	refused("", 1, "a kind should stand");
	refused("upd 10.0.0.1 > 10.0.0.2", 1, "'upd' is no kind");
	refused("udp 10.0.0.1 10.0.0.2", 14, "'10.0.0.2' stands where '>' should");
	refused("udp 10.0.0.1 >", 15, "an address should stand");
	refused("udp 10.0.0.300 > 10.0.0.2", 5, "is no IPv4 or IPv6 address");
	refused("udp 10.0.0.1 > fd00::1", 16, "another version of IP");
	refused("udp 10.0.0.1:70000 > 10.0.0.2", 5, "too large");
	refused("udp 10.0.0.1:9-8 > 10.0.0.2", 5, "ends before it begins");
	refused("udp 10.0.0.9-10.0.0.1 > 10.0.0.2", 5, "ends before it begins");
	refused("udp 10.0.0.0/33 > 10.0.0.2", 5, "prefix length");
	refused("icmp 10.0.0.1:5 > 10.0.0.2", 6, "only udp and tcp have ports");
	refused("arp fd00::1 > fd00::2", 15, "arp is about IPv4");
	refused("udp 10.0.0.1 > 10.0.0.2 colour red", 25, "'colour' is no word");
	refused("udp 10.0.0.1 > 10.0.0.2 size", 29, "the frame's bytes should stand");
	refused("udp 10.0.0.1 > 10.0.0.2 size 41", 1, "headers of this frame take 42 bytes");
	refused("udp 10.0.0.1 > 10.0.0.2 size 70000", 30, "too large");
	refused("udp 10.0.0.1 > 10.0.0.2 count -1", 31, "is no count");
	refused("udp 10.0.0.1 > 10.0.0.2 flags S", 25, "goes with tcp only");
	refused("tcp 10.0.0.1 > 10.0.0.2 flags SX", 31, "no flag of TCP");
	refused("udp 10.0.0.1 > 10.0.0.2 vlan 1 vlan 2 vlan 3", 39, "two are the most");
	refused("udp 10.0.0.1 > 10.0.0.2 vlan 4096", 30, "too large");
	refused("udp 10.0.0.1 > 10.0.0.2 mac 1:2:3 > x", 29, "no MAC address");
	refused("hex 0", 5, "half a byte");
	refused("hex 00112233445566778899aabbcc", 31, "14 bytes at least");
	refused("eth size 13", 1, "take 14 bytes");
}

static void a_source_of_templates_ends(void **state)
{
	struct inject_record records[100];
	struct inject_source *source;
	uint32_t count;
	unsigned got = 0;

	(void)state;
	read_ok("udp 10.0.0.1:1000-1099 > 10.0.0.2 count 150");
	assert_int_equal(inject_source_open_template(&template, 2, &source, &error), 0);
	assert_int_equal(inject_source_total(source), 300);
	while (inject_source_peek(source, records, 100, &count) == INJECT_SOURCE_MORE) {
		uint32_t take = count > 37 ? 37 : count;

		for (uint32_t i = 0; i < count; i++) /* what was peeked at stays as it is */
			assert_int_equal(records[i].data[34] << 8 | records[i].data[35],
					 1000 + (got + i) % 100);
		inject_source_pass(source, take);
		got += take;
	}
	assert_int_equal(got, 300);
	inject_source_close(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_step_together),
		cmocka_unit_test(networks_begin_at_their_first_address),
		cmocka_unit_test(random_is_the_same_each_time),
		cmocka_unit_test(tags_hex_and_stamps),
		cmocka_unit_test(errors_name_column_and_word),
		cmocka_unit_test(a_source_of_templates_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
