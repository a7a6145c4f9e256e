/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_sight_test.c - what a witness makes of frames: whose they are, their order, their checksums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sight.h"

#define MOST 9100u

static struct stress_scenario scenario;
static struct stress_patterns patterns[STRESS_TRAFFICS_MAX];
static struct stress_known known;
static struct stress_sight sight;
static const struct stress_object lower = {STRESS_LOWER, 0, ""}, upper = {STRESS_UPPER, 0, ""},
				  beyond = {STRESS_UPPER, 1, ""};
static uint8_t frame[MOST];
static uint32_t frame_len;

/* Two links at one wire, client 0 on the first; templates of client 0 as they are given. */
static void begin(const char *const *templates)
{
	for (uint32_t i = 0; i < STRESS_TRAFFICS_MAX; i++)
		stress_patterns_free(&patterns[i]);
	memset(&scenario, 0, sizeof(scenario));
	memset(&sight, 0, sizeof(sight));
	scenario.links = 2;
	scenario.link[0].peer = 1;
	scenario.clients = 1;
	for (; templates[scenario.traffics]; scenario.traffics++) {
		struct stress_traffic *traffic = &scenario.traffic[scenario.traffics];

		snprintf(traffic->name, sizeof(traffic->name), "t%u", scenario.traffics);
		snprintf(traffic->pattern, sizeof(traffic->pattern), "%s",
			 templates[scenario.traffics]);
		traffic->from.kind = STRESS_CLIENT;
		traffic->frames_per_second = 1000;
		traffic->burst = 1;
		assert_int_equal(stress_patterns_make(&patterns[scenario.traffics], traffic), 0);
		known.patterns[scenario.traffics] = &patterns[scenario.traffics];
	}
	known.scenario = &scenario;
}

/* Frame @number of @traffic into `frame`. */
static void make(uint32_t traffic, uint64_t number)
{
	const struct stress_patterns *of = &patterns[traffic];

	frame_len = of->len[number % STRESS_PATTERNS];
	assert_true(frame_len <= MOST);
	memcpy(frame, of->bytes[number % STRESS_PATTERNS], frame_len);
	stress_number_put(of, traffic, number, frame);
}

static void see(const struct stress_object *at)
{
	const struct stress_frame seen = {.data = frame, .len = frame_len};

	stress_sight_see(&sight, &known, at, &seen);
}

static void look(uint32_t traffic, uint64_t number)
{
	make(traffic, number);
	see(&lower);
}

static bool right(void)
{
	const struct stress_frame seen = {.data = frame, .len = frame_len};

	return stress_sums_are_right(&seen);
}

/* ---- tests ---- */

/* Every kind of frame, in its shortest form too, has a number, and no checksum suffers. */
static void test_numbers(void **state)
{
	static const char *const templates[] = {
		"udp 10.9.0.1:9 > 10.9.0.2:9 size 60..1514",
		"udp 10.9.0.1:9 > 10.9.0.2:9 size 60",
		"tcp 10.9.0.1:9 > 10.9.0.2:9 size 60..61",
		"udp 10.9.0.1:9 > 10.9.0.2:9 qinq 5 vlan 7 size 60..73 payload random",
		"tcp [fd00::1]:9 > [fd00::2]:9 size 80..9014 payload ascii",
		"udp [fd00::1]:9 > [fd00::2]:9 size 68..73 payload random",
		"icmp 10.9.0.1 > 10.9.0.2 size 60",
		"arp 10.9.0.1 > 10.9.0.2",
		"eth type 0x88b5 size 60..64 payload random",
		NULL,
	};
	static const uint64_t numbers[] = {0,	  1,	    63,	      64,	 65535,
					   65536, 0xfffffe, 0xffffff, 0x1000000, 0x1000001};

	(void)state;
	begin(templates);
	for (uint32_t t = 0; t < scenario.traffics; t++) {
		assert_true(patterns[t].numbered);
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			uint32_t traffic, number;

			make(t, numbers[i]);
			assert_true(right());
			assert_true(stress_number_read(frame, frame_len, &traffic, &number));
			assert_int_equal(traffic, t);
			assert_int_equal(number, numbers[i] & STRESS_NUMBER_MASK);
			see(&lower);
		}
	}
	assert_int_equal(sight.seen, scenario.traffics * sizeof(numbers) / sizeof(numbers[0]));
	assert_int_equal(sight.altered + sight.echoed + sight.bad_sums, 0);
}

/* One bit of any byte, one byte more or less: it is no frame that somebody made. */
static void test_altered(void **state)
{
	static const char *const templates[] = {
		"udp 10.9.0.1:9 > 10.9.0.2:9 size 60..64 payload random",
		"hex ffffffffffff 020000000001 88b5 68656c6c6f count 10", NULL};

	(void)state;
	begin(templates);
	for (uint64_t n = 0; n < 5; n++) {
		make(0, n);
		for (uint32_t bit = 0; bit < 8 * frame_len; bit++) {
			uint64_t before = sight.altered;

			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			see(&lower);
			assert_int_equal(sight.altered, before + 1);
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		frame_len--;
		see(&lower);
		frame_len += 2;
		see(&lower);
		assert_int_equal(sight.altered, sight.seen);
	}
	/* what is damaged has no place in the order */
	assert_int_equal(sight.disordered, 0);
	assert_false(patterns[1].numbered);
	sight.altered = 0;
	look(1, 3);
	look(0, 3);
	assert_int_equal(sight.altered, 0);
	make(1, 3);
	frame[15] ^= 1;
	see(&lower);
	frame_len = 5;
	see(&lower);
	frame_len = 0;
	see(&lower);
	assert_int_equal(sight.altered, 3);
}

static void test_order(void **state)
{
	static const char *const templates[] = {"udp 10.9.0.1:9 > 10.9.0.2:9 size 60..1514",
						"udp 10.9.0.1:9 > 10.9.0.2:9 size 60..1514", NULL};

	(void)state;
	begin(templates);
	look(0, 5);
	look(0, 6);
	look(0, 9); /* lost ones are nobody's disorder */
	look(1, 2); /* and another traffic has numbers of its own, even if its frames are equal */
	look(0, 9); /* nor is the same frame again */
	assert_int_equal(sight.disordered, 0);
	look(0, 7);
	assert_int_equal(sight.disordered, 1);
	look(0, 8);
	assert_int_equal(sight.disordered, 2);
	look(0, 10);
	look(1, 3);
	assert_int_equal(sight.disordered, 2);
	look(1, 0xfffffe + 5ull * 0x1000000); /* half around is behind */
	assert_int_equal(sight.disordered, 3);
	look(0, 0x7ffff0);
	look(0, 0xa00000);
	look(0, 0xfffffe);
	look(0, 0x1000001);
	assert_int_equal(sight.disordered, 3);
	look(0, 0xffffff);
	assert_int_equal(sight.disordered, 4);
	assert_int_equal(sight.altered, 0);
	assert_null(stress_sight_unordered(&known, &lower));
}

/* A client's frames come out below, and at the host behind the other end of the wire. */
static void test_places(void **state)
{
	static const char *const templates[] = {
		"udp 10.9.0.1:9 > 10.9.0.2:9 size 60",
		"hex ffffffffffff 020000000001 88b5 68656c6c6f count 10", NULL};

	(void)state;
	begin(templates);
	make(0, 0);
	see(&lower);
	see(&beyond);
	assert_int_equal(sight.echoed, 0);
	see(&upper);
	assert_int_equal(sight.echoed, 1);
	scenario.traffic[0].receive = true;
	see(&upper);
	assert_int_equal(sight.echoed, 1);
	see(&lower);
	see(&beyond);
	assert_int_equal(sight.echoed, 3);
	scenario.traffic[0].from.kind = STRESS_UPPER;
	see(&lower);
	assert_int_equal(sight.echoed, 3);
	scenario.traffic[0].from.kind = STRESS_LOWER;
	see(&lower);
	assert_int_equal(sight.echoed, 4);
	see(&upper);
	assert_int_equal(sight.echoed, 4);
	/* of the hex frames nobody can tell the order */
	assert_null(stress_sight_unordered(&known, &upper));
	assert_ptr_equal(stress_sight_unordered(&known, &lower), &scenario.traffic[1]);
}

/* ---- checksums ---- */

/* As a device would be asked to do it. */
static bool right_unfinished(uint32_t start, uint32_t offset, bool is_super)
{
	const struct stress_frame seen = {.data = frame,
					  .len = frame_len,
					  .is_super = is_super,
					  .needs_csum = true,
					  .csum_start = start,
					  .csum_offset = offset};

	return stress_sums_are_right(&seen);
}

/* All bits of IP packets but those that no checksum covers. */
static void test_sums(void **state)
{
	static const char *const templates[] = {
		"udp 10.9.0.1:9 > 10.9.0.2:9 size 61 payload random",
		"tcp 10.9.0.1:9 > 10.9.0.2:9 vlan 7 size 80",
		"udp [fd00::1]:9 > [fd00::2]:9 size 90",
		"tcp [fd00::1]:9 > [fd00::2]:9 size 91 payload ascii", NULL};

	(void)state;
	begin(templates);
	for (uint32_t t = 0; t < scenario.traffics; t++) {
		uint32_t ip = t == 1 ? 18 : 14;

		make(t, 77);
		assert_true(right());
		for (uint32_t bit = 8 * ip; bit < 8 * frame_len; bit++) {
			/* class, flow label and hops of IPv6; what is behind its header is another protocol */
			bool covered = t < 2 || !(bit / 8 - ip < 4 || bit / 8 - ip == 6 ||
						  bit / 8 - ip == 7);

			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (covered && right())
				fail_msg("traffic %u: bit %u of byte %u", t, bit % 8, bit / 8);
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		frame_len--;
		assert_false(right()); /* the packet says that it is longer */
		frame_len += 20;       /* padding */
		assert_true(right());
	}
}

static void test_sums_that_are_none(void **state)
{
	static const char *const templates[] = {"udp 10.9.0.1:9 > 10.9.0.2:9 size 61",
						"udp [fd00::1]:9 > [fd00::2]:9 size 90",
						"eth type 0x88b5 size 60", NULL};
	uint32_t sum;

	(void)state;
	begin(templates);
	make(0, 1);
	frame[40] = frame[41] = 0; /* UDP over IPv4 may have none */
	assert_true(right());
	make(1, 1);
	frame[60] = frame[61] = 0;
	assert_false(right());
	make(2, 1);
	assert_true(right());
	frame_len = 13;
	assert_false(right());
	frame_len = 0;
	assert_false(right());
	make(0, 1);
	frame[20] = 0x20; /* the first of several fragments: its header alone has a sum */
	sum = ((uint32_t)frame[24] << 8 | frame[25]) + 0x2000;
	sum = (sum & 0xffff) + (sum >> 16);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	frame[50] ^= 1;
	assert_true(right());
	frame[25] ^= 1;
	assert_false(right());
}

/* A sum that is not there yet: that of the pseudo header, and where the real one belongs. */
static void test_unfinished_sums(void **state)
{
	static const char *const templates[] = {"tcp 10.9.0.1:9 > 10.9.0.2:9 size 80", NULL};
	uint32_t sum = 0;

	(void)state;
	begin(templates);
	make(0, 1);
	assert_false(right_unfinished(34, 16, false));
	for (uint32_t i = 26; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum += 6 + frame_len - 34;
	sum = (sum & 0xffff) + (sum >> 16);
	frame[50] = (uint8_t)(sum >> 8);
	frame[51] = (uint8_t)sum;
	assert_true(right_unfinished(34, 16, false));
	assert_true(right_unfinished(34, 16, true));
	assert_false(right());
	assert_false(right_unfinished(34, 6, false));
	assert_false(right_unfinished(14, 16, false));
	frame[51] ^= 1;
	assert_false(right_unfinished(34, 16, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_sums_that_are_none),
		cmocka_unit_test(test_unfinished_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
