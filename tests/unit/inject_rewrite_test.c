/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_rewrite_test.c - frames of captures that are changed on their way: what changes, what must not, and checksums,
 * which are summed here from the beginning while the code corrects them by the difference.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inject_rewrite.h"
#include "inject_template.h"

static struct inject_rewrite rewrite;
static uint8_t frame[INJECT_TEMPLATE_FRAME_MAX_BYTES + INJECT_REWRITE_ROOM_BYTES];
static uint32_t len;

static int begin(void **state)
{
	(void)state;
	memset(&rewrite, 0, sizeof(rewrite));
	return 0;
}

static void map(const char *text)
{
	assert_int_equal(inject_rewrite_map(text, &rewrite), 0);
}

static void make(const char *text, uint64_t number)
{
	static struct inject_template template;
	struct lwf_error error;

	if (inject_template_parse(text, &template, &error))
		fail_msg("%s: %s: %s", text, error.what, error.why);
	len = inject_template_make(&template, number, 0, frame);
}

static void change(void)
{
	len = inject_rewrite_frame(&rewrite, frame, len);
}

static unsigned u16(const uint8_t *at)
{
	return (unsigned)(at[0] << 8 | at[1]);
}

static void set16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum(uint32_t from, const uint8_t *at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		from += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

/* The header of the packet at byte @ip is right, and so is its transport of @bytes. */
static void expect_sums(uint32_t ip, uint8_t protocol, const uint8_t *transport, uint32_t bytes)
{
	bool ipv6 = frame[ip] >> 4 == 6;
	uint32_t pseudo = sum(bytes + protocol, frame + ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8);

	if (!ipv6)
		assert_int_equal(sum(0, frame + ip, 20), 0xffff);
	assert_int_equal(sum(protocol == 1 ? 0 : pseudo, transport, bytes), 0xffff);
}

static void maps_are_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"10.0.0.0/8",
		"10.0.0.0/8=",
		"=10.0.0.0/8",
		"10.0.0.0/33=10.0.0.0/8",
		"10.0.0.0/=10.0.0.0/8",
		"10.0.0.0/8=fd00::/8",
		"fd00::/129=fd00::/8",
		"10.0.0/8=10.0.0.0/8",
		"10.0.0.0/8=10.0.0.0/8=10.0.0.0/8",
		"10.0.0.0/-1=10.0.0.0/8",
		"host=10.0.0.0/8",
	};
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (inject_rewrite_map(wrong[i], &rewrite) != -EINVAL)
			fail_msg("'%s' was not refused", wrong[i]);
	}
	assert_true(inject_rewrite_is_empty(&rewrite));
	for (unsigned i = 0; i < INJECT_REWRITE_MAPS_MAX; i++)
		map(i % 2 ? "10.0.0.1=10.0.0.2" : "fd00::/8=fe80::/10");
	assert_int_equal(inject_rewrite_map("10.0.0.1=10.0.0.2", &rewrite), -ENOSPC);
	assert_false(inject_rewrite_is_empty(&rewrite));
	assert_int_equal(inject_rewrite_mac("02:00:00:00:ab:01", mac), 0);
	assert_memory_equal(mac, "\2\0\0\0\xab\1", 6);
	assert_int_equal(inject_rewrite_mac("02:00:00:00:ab", mac), -EINVAL);
	assert_int_equal(inject_rewrite_mac("02:00:00:00:ab:01:02", mac), -EINVAL);
}

static void prefixes_change_and_hosts_stay(void **state)
{
	(void)state;
	map("10.0.0.0/8=192.168.0.0/16");
	map("172.16.3.0/20=10.64.0.0/10");
	map("192.168.0.0/16=1.1.1.1"); /* no address is mapped twice */
	make("udp 10.1.2.3 > 172.16.15.9", 0);
	change();
	assert_memory_equal(frame + 26, "\xc0\xa8\2\3", 4);
	assert_memory_equal(frame + 30, "\x0a\x50\x0f\x09", 4);
	make("udp 172.16.16.1 > 11.1.2.3", 0); /* just outside of both */
	change();
	assert_memory_equal(frame + 26, "\xac\x10\x10\x01\x0b\1\2\3", 8);
	make("arp 10.0.0.1 > 10.0.0.2", 0);
	change();
	assert_memory_equal(frame + 14 + 14, "\xc0\xa8\0\1", 4);
	assert_memory_equal(frame + 14 + 24, "\xc0\xa8\0\2", 4);
	make("hex ffffffffffff 020000000001 88b5 4500 size 60", 0);
	memcpy(frame + 26, "\x0a\0\0\1", 4); /* the type says that it is none */
	change();
	assert_memory_equal(frame + 26, "\x0a\0\0\1", 4);
}

static void checksums_are_those_of_a_new_frame(void **state)
{
	static const struct {
		const char *text;
		uint32_t ip, header;
		uint8_t protocol;
	} cases[] = {
		{"udp 10.0.0.0/8:1-65535 > 10.9.9.9:1-65535 random payload random size 60..300", 14,
		 20, 17},
		{"tcp 10.0.0.0/8 > 172.16.0.1 random payload random size 60..300", 14, 20, 6},
		{"udp 10.0.0.0/8 > 10.0.0.2 qinq 5 vlan 6 random payload random size 101", 22, 20,
		 17},
		{"icmp 10.0.0.0/8 > 10.0.0.2 random payload random size 77", 14, 20, 1},
		{"udp fd00::/66 > fd00::9 random payload random size 80..200", 14, 40, 17},
		{"tcp fd00::/66 > 2001:db8::1 vlan 7 random payload random size 80..200", 18, 40,
		 6},
		{"icmp fd00::/66 > fd00::9 random payload random size 83", 14, 40, 58},
	};

	(void)state;
	map("10.0.0.0/8=192.168.0.0/16");
	map("fd00::/48=2001:db8:1::/47");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t ip = cases[i].ip, at = ip + cases[i].header;

		for (uint64_t n = 0; n < 3000; n++) {
			make(cases[i].text, n);
			change();
			assert_memory_not_equal(frame + ip + (cases[i].header == 20 ? 12 : 8),
						cases[i].header == 20 ? "\x0a" : "\xfd", 1);
			expect_sums(ip, cases[i].protocol, frame + at, len - at);
		}
	}
}

static void other_transports_are_left_alone(void **state)
{
	uint8_t before[80];

	(void)state;
	map("10.0.0.0/8=192.168.0.0/16");
	for (uint64_t n = 0; n < 256; n++) {
		if (n == 6 || n == 17 || n == 33 || n == 136)
			continue;
		make("ip 10.0.0.1 > 10.0.0.2 proto 0-255 payload random size 80", n);
		memcpy(before, frame, 80);
		change();
		assert_memory_equal(frame + 34, before + 34, 46);
		assert_int_equal(sum(0, frame + 14, 20), 0xffff);
	}
}

/* All sums that there are: where UDP's becomes 0 it is written as 0xffff. */
static void udp_never_becomes_none(void **state)
{
	unsigned ones = 0;

	(void)state;
	map("10.0.0.1=10.1.0.0");
	for (unsigned i = 0; i < 65536; i++) {
		rewrite.maps[0].to[2] = (uint8_t)(i >> 8);
		rewrite.maps[0].to[3] = (uint8_t)i;
		make("udp 10.0.0.1 > 10.0.0.2 payload ascii size 60", 0);
		change();
		assert_int_not_equal(u16(frame + 40), 0);
		ones += u16(frame + 40) == 0xffff;
		expect_sums(14, 17, frame + 34, 26);
	}
	assert_in_range(ones, 1, 2);
	make("udp 10.0.0.1 > 10.0.0.2 size 60", 0);
	set16(frame + 40, 0); /* none, and it stays none */
	change();
	assert_int_equal(u16(frame + 40), 0);
	assert_int_equal(sum(0, frame + 14, 20), 0xffff);
}

/* A packet of UDP in two fragments; put together again its checksum is right. */
static void fragments_fit_together(void **state)
{
	uint8_t first[256], whole[256];
	uint32_t bytes;

	(void)state;
	map("10.0.0.0/8=192.168.0.0/16");
	make("udp 10.0.0.1 > 10.0.0.2 payload random size 200", 0);
	bytes = len - 34;
	memcpy(whole, frame + 34, bytes);
	set16(frame + 16, 20 + 80);
	set16(frame + 20, 0x2000); /* more fragments */
	set16(frame + 24, 0);
	set16(frame + 24, (uint16_t)~sum(0, frame + 14, 20));
	len = 34 + 80;
	change();
	assert_int_equal(sum(0, frame + 14, 20), 0xffff);
	memcpy(first, frame + 34, 80);

	set16(frame + 20, 80 / 8); /* the last one */
	memcpy(frame + 26, "\x0a\0\0\1\x0a\0\0\2", 8);
	memcpy(frame + 34, whole + 80, bytes - 80);
	set16(frame + 24, 0);
	set16(frame + 24, (uint16_t)~sum(0, frame + 14, 20));
	len = 34 + bytes - 80;
	change();
	assert_int_equal(sum(0, frame + 14, 20), 0xffff);
	assert_memory_equal(frame + 34, whole + 80, bytes - 80); /* nothing in there is touched */
	memcpy(whole, first, 80);
	expect_sums(14, 17, whole, bytes);
}

/* Puts @bytes of extension headers before the transport of the IPv6 packet in @frame. */
static void extend(uint8_t next, const uint8_t *extension, uint32_t bytes)
{
	memmove(frame + 54 + bytes, frame + 54, len - 54);
	memcpy(frame + 54, extension, bytes);
	frame[54] = frame[20];
	frame[20] = next;
	len += bytes;
}

static void extension_headers_are_passed(void **state)
{
	static const uint8_t options[16] = {0, 1, 1, 12}, atomic[8] = {0}, later[8] = {0, 0, 0, 8};
	static const uint8_t used_up[24] = {0, 2, 0, 0}, routing[24] = {0, 2, 0, 1};
	uint8_t before[2];

	(void)state;
	map("fd00::/48=2001:db8:1::/48");
	make("udp fd00::1 > fd00::2 size 100", 0);
	extend(0, options, sizeof(options));
	change();
	expect_sums(14, 17, frame + 70, 46);
	make("tcp fd00::1 > fd00::2 size 100", 0);
	extend(44, atomic, sizeof(atomic));
	extend(60, options, sizeof(options));
	extend(43, used_up, sizeof(used_up));
	change();
	expect_sums(14, 6, frame + 54 + 48, 46);
	make("tcp fd00::1 > fd00::2 size 100", 0);
	extend(44, later, sizeof(later));
	memcpy(before, frame + 62 + 16, 2);
	change();
	assert_memory_equal(frame + 62 + 16, before, 2); /* no header of TCP there */
	make("udp fd00::1 > fd00::2 size 100", 0);
	extend(43, routing, sizeof(routing));
	change();
	/* summed is the last stop, which the map does not touch */
	memcpy(frame + 14 + 24, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	expect_sums(14, 17, frame + 78, 46);
}

static void tags_and_macs(void **state)
{
	uint8_t before[128];

	(void)state;
	make("udp 10.0.0.1 > 10.0.0.2 vlan 5 size 64", 0);
	memcpy(before, frame, 64);
	rewrite.pops = true;
	change();
	assert_int_equal(len, 60);
	assert_memory_equal(frame, before, 12);
	assert_memory_equal(frame + 12, before + 16, 48);
	change(); /* without a tag nothing is taken */
	assert_int_equal(len, 60);
	assert_memory_equal(frame + 12, before + 16, 48);

	rewrite.pops = false;
	rewrite.pushes = true;
	rewrite.vlan = 5;
	change();
	assert_int_equal(len, 64);
	assert_memory_equal(frame, before, 64);

	rewrite.pops = true; /* one for the other, and the map still finds its packet */
	rewrite.vlan = 0xabc;
	rewrite.sets_src = rewrite.sets_dst = true;
	memcpy(rewrite.src_mac, "\2\0\0\0\0\7", 6);
	memcpy(rewrite.dst_mac, "\2\0\0\0\0\x8", 6);
	map("10.0.0.2=10.0.0.3");
	change();
	assert_int_equal(len, 64);
	assert_memory_equal(frame, "\2\0\0\0\0\x8\2\0\0\0\0\7\x81\0\x0a\xbc\x08\0", 18);
	assert_int_equal(frame[18 + 19], 3);
}

/* At any length, in memory that ends where the frame may end. */
static void cut_frames_are_safe(void **state)
{
	static const char *const texts[] = {
		"udp 10.0.0.1 > 10.0.0.2 vlan 5 size 70",
		"tcp 10.0.0.1 > 10.0.0.2 size 70",
		"arp 10.0.0.1 > 10.0.0.2",
		"tcp fd00::1 > fd00::2 size 90",
		"icmp fd00::1 > fd00::2 qinq 1 vlan 5",
	};

	(void)state;
	map("10.0.0.0/8=192.168.0.0/16");
	map("::/0=2001:db8:1::/48");
	for (unsigned i = 0; i < 10 * sizeof(texts) / sizeof(texts[0]); i++) {
		make(texts[i / 10], 0);
		rewrite.pops = i & 1;
		rewrite.pushes = i & 2;
		if (i % 10 == 9 && frame[14] >> 4 == 6) /* extension headers without end */
			memset(frame + 20, 0, len - 20);
		if (i % 10 == 8 && frame[14] >> 4 == 4)
			frame[14] = 0x4f; /* options behind the end */
		for (uint32_t cut = 0; cut <= len; cut++) {
			uint32_t room = rewrite.pushes ? INJECT_REWRITE_ROOM_BYTES : 0;
			uint8_t *copy = malloc(cut + room + !cut);
			uint32_t now;

			assert_non_null(copy);
			memcpy(copy, frame, cut);
			now = inject_rewrite_frame(&rewrite, copy, cut);
			assert_in_range(now, cut > 4 ? cut - 4 : 0,
					cut + INJECT_REWRITE_ROOM_BYTES);
			free(copy);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maps_are_read),
		TEST(prefixes_change_and_hosts_stay),
		TEST(checksums_are_those_of_a_new_frame),
		TEST(other_transports_are_left_alone),
		TEST(udp_never_becomes_none),
		TEST(fragments_fit_together),
		TEST(extension_headers_are_passed),
		TEST(tags_and_macs),
		TEST(cut_frames_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
