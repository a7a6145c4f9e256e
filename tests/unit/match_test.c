/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match_test.c - match expressions: compiled by the host, run by ours, judged by libpcap's own machine.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "packet.h"
#include "rig.h"

#include <lwf/match.h>

static struct lwf_host *host;

static int open_host(void **state)
{
	(void)state;
	host = lwf_sim_host_create(1);
	return host ? 0 : -1;
}

static int close_host(void **state)
{
	(void)state;
	lwf_sim_host_destroy(host);
	return 0;
}

static struct lwf_frame frame_of(uint8_t *bytes, uint32_t len)
{
	return (struct lwf_frame){.data = bytes, .len = len};
}

static void compile(const char *text, struct lwf_match *match)
{
	char error[160] = "";

	if (lwf_host_compile_match(host, text, match, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
}

/* Expressions and packets of every kind: each answer is that of libpcap. */
static void test_as_libpcap(void **state)
{
	static const char *const texts[] = {
		"udp",
		"tcp",
		"ip",
		"ip6",
		"arp",
		"vlan",
		"vlan and udp",
		"udp port 53",
		"tcp and portrange 1-65535",
		"len > 200",
		"less 100",
		"ether broadcast",
		"ether multicast",
		"host 10.1.2.3 or net 10.0.0.0/8",
		"ip[8] > 10 and ip[9] = 17",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		"ip6 and udp",
		"not ip and not ip6",
		"ether proto 0x88b5",
		"ether[14:4] & 0xff = 0x11",
		"(ip[2:2] - ((ip[0]&0xf)<<2)) > 64",
		"len % 3 = 1 and len / 2 > 20",
		"ether[len - 1] != 0",
		"(ip[4:2] * 3 ^ 5 | 1) >= 7",
		"udp[4:2] << 2 > 100",
		"ether[100000] = 1",
		"(ip[4:2] ^ 3) > ip[4:2]",
		"(ether[len] + 1) > 0",
		"vlan 5 or vlan 7",
	};
	uint32_t yes = 0, no = 0;

	(void)state;
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		struct lwf_match match;
		struct bpf_program program;
		pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);

		compile(texts[t], &match);
		assert_int_equal(pcap_compile(pcap, &program, texts[t], 0, PCAP_NETMASK_UNKNOWN),
				 0);
		for (uint32_t i = 0; i < 300; i++) {
			struct packet packet = {.tags = i % 3,
						.v6 = i % 2,
						.udp = i / 2 % 2,
						.ip_options_bytes = i % 5 * 4,
						.ext = i / 4 % 8,
						.tcp_flags = (uint8_t)i,
						.payload_bytes = i,
						.seed = i,
						.ip_id = (uint16_t)i};
			struct pcap_pkthdr header = {{0, 0}, 0, 0};
			struct lwf_frame frame;
			uint8_t bytes[2048];
			bool expected;

			frame = frame_of(bytes, packet_build(&packet, bytes));
			if (i % 7 == 0)
				frame.len = 14 + i % 40; /* cut short */
			header.caplen = header.len = frame.len;
			expected = pcap_offline_filter(&program, &header, bytes) != 0;
			if (lwf_match_frame(&match, &frame) != expected)
				fail_msg("%s: packet %u: expected %d", texts[t], i, expected);
			*(expected ? &yes : &no) += 1;
		}
		pcap_freecode(&program);
		pcap_close(pcap);
	}
	assert_true(yes > 1000 && no > 1000);
}

static void test_errors_speak(void **state)
{
	struct lwf_match match = {.count = 1, .insn = {{6, 0, 0, 7}}};
	char error[160] = "";
	char long_text[4096] = "port 1";

	(void)state;
	assert_int_equal(lwf_host_compile_match(host, "udp prot 53", &match, error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "syntax error"));
	for (unsigned i = 2; i < 250; i++)
		snprintf(long_text + strlen(long_text), 16, " or port %u", i * 2);
	assert_int_equal(lwf_host_compile_match(host, long_text, &match, error, sizeof(error)),
			 -EINVAL);
	assert_non_null(strstr(error, "instructions, more than 512"));
	assert_int_equal(
		lwf_host_compile_match(host, "ip6 protochain 17", &match, error, sizeof(error)),
		-EINVAL);
	assert_non_null(strstr(error, "a loop"));
	assert_int_equal(match.count, 1); /* as it was */
	assert_int_equal(lwf_host_compile_match(host, "", &match, error, sizeof(error)), 0);
	assert_int_equal(match.count, 0);
}

static void test_host_without(void **state)
{
	struct lwf_host_ops ops = *host->ops;
	struct lwf_host bare = {.ops = &ops};
	struct lwf_match match;
	char error[160] = "";

	(void)state;
	ops.compile_match = NULL;
	assert_int_equal(lwf_host_compile_match(&bare, "udp", &match, error, sizeof(error)),
			 -ENOTSUP);
	assert_string_equal(error, "nobody here can compile an expression");
}

static int check(struct lwf_match_insn first, struct lwf_match_insn last)
{
	struct lwf_match match = {.count = 2};

	match.insn[0] = first;
	match.insn[1] = last;
	return lwf_match_check(&match);
}

/* A program that is not the compiler's: nothing of it may leave its memory or not end. */
static void test_check_refuses(void **state)
{
	const struct lwf_match_insn ret = {0x06, 0, 0, 1};

	(void)state;
	assert_int_equal(check((struct lwf_match_insn){0x00, 0, 0, 5}, ret), 0);
	assert_int_equal(check((struct lwf_match_insn){0x60, 0, 0, 15}, ret), 0);
	assert_int_equal(check((struct lwf_match_insn){0x60, 0, 0, 16}, ret), -EINVAL); /* M[16] */
	assert_int_equal(check((struct lwf_match_insn){0x02, 0, 0, 16}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x03, 0, 0, 99}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x05, 0, 0, 0}, ret), 0);
	assert_int_equal(check((struct lwf_match_insn){0x05, 0, 0, 1}, ret), -EINVAL); /* out */
	assert_int_equal(check((struct lwf_match_insn){0x05, 0, 0, UINT32_MAX}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x15, 1, 0, 0}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x15, 0, 1, 0}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x34, 0, 0, 0}, ret), -EINVAL); /* / 0 */
	assert_int_equal(check((struct lwf_match_insn){0x94, 0, 0, 0}, ret), -EINVAL); /* % 0 */
	assert_int_equal(check((struct lwf_match_insn){0x64, 0, 0, 32}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0xb4, 0, 0, 0}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x55, 0, 0, 0}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0x18, 0, 0, 0}, ret), -EINVAL);
	assert_int_equal(check((struct lwf_match_insn){0xffff, 0, 0, 0}, ret), -EINVAL);
	assert_int_equal(check(ret, (struct lwf_match_insn){0x00, 0, 0, 5}), -EINVAL); /* no end */
}

/* Division by X, which no check can see. */
static void test_division_by_x(void **state)
{
	struct lwf_match match = {.count = 4,
				  .insn = {{0x00, 0, 0, 8}, /* A = 8 */
					   {0x01, 0, 0, 0}, /* X = 0 */
					   {0x3c, 0, 0, 0}, /* A /= X */
					   {0x06, 0, 0, 1}}};
	uint8_t bytes[60] = {0};
	struct lwf_frame frame = frame_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(lwf_match_check(&match), 0);
	assert_false(lwf_match_frame(&match, &frame));
	match.insn[1].k = 2;
	assert_true(lwf_match_frame(&match, &frame));
}

/* An index that wraps, as libpcap's machine has it. */
static void test_index_wraps(void **state)
{
	struct lwf_match match = {.count = 3,
				  .insn = {{0x01, 0, 0, UINT32_MAX}, /* X = -1 */
					   {0x50, 0, 0, 6},	     /* A = byte [X + 6] */
					   {0x16, 0, 0, 0}}};
	uint8_t bytes[60] = {0};
	struct lwf_frame frame = frame_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(lwf_match_check(&match), 0);
	assert_false(lwf_match_frame(&match, &frame));
	bytes[5] = 1;
	assert_true(lwf_match_frame(&match, &frame));
}

/* ---- options that people write ---- */

static const struct lwf_option_spec specs[] = {
	{"share", LWF_OPTION_SHARE, 0, LWF_SHARE_WHOLE, "0", true, ""},
	{"rate", LWF_OPTION_BITRATE, 1000, 1000000000000, "1kbps", true, ""},
	{"word", LWF_OPTION_CHOICE, 0, 0, "one|two|three", true, ""},
	{"match", LWF_OPTION_MATCH, 0, 255, "", true, ""},
	{0},
};

static struct lwf_options seen;

static lwf_status take_options(struct lwf_module *module, const struct lwf_options *options)
{
	(void)module;
	seen = *options;
	return LWF_STATUS_SUCCESS;
}

static void no_detach(struct lwf_module *module)
{
	(void)module;
}

static int set_options(struct lwf_module *module, const struct lwf_options *options)
{
	(void)module;
	seen = *options;
	return 0;
}

static const struct lwf_filter_ops reader = {
	.name = "reader",
	.options = specs,
	.attach = take_options,
	.detach = no_detach,
	.set_options = set_options,
};

static struct rig rig;

static void refused(const char *text, const char *why)
{
	char error[256] = "";

	assert_int_equal(lwf_module_set(rig_module(&rig, "reader"), text, error, sizeof(error)),
			 -EINVAL);
	assert_string_equal(error, why);
}

static void taken(const char *text, unsigned index, uint64_t number)
{
	char error[256] = "";

	if (lwf_module_set(rig_module(&rig, "reader"), text, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
	assert_true(seen.value[index].given);
	assert_int_equal(seen.value[index].number, number);
}

static void test_options(void **state)
{
	static const struct lwf_filter_ops *const extra[] = {&reader, NULL};

	(void)state;
	rig_open(&rig, extra, "reader:share=0.5%,match=udp port 53");
	assert_int_equal(seen.value[0].number, 5000000);
	assert_int_equal(seen.value[1].number, 1000);
	assert_int_equal(seen.value[2].number, 0);
	assert_string_equal(seen.value[2].text, "one");
	assert_string_equal(seen.value[3].text, "udp port 53");
	taken("share=100%", 0, LWF_SHARE_WHOLE);
	taken("share=0.0000001%", 0, 1);
	taken("share=0", 0, 0);
	taken("rate=10Mbps", 1, 10000000);
	taken("rate=1.5Mbps", 1, 1500000);
	taken("rate=64kbps", 1, 64000);
	taken("rate=1Gbps", 1, 1000000000);
	taken("word=three", 2, 2);
	refused("share=101%", "option share: '101%' is not a share, as 0.5%, from 0% to 100%");
	refused("share=5", "option share: '5' is not a share, as 0.5%, from 0% to 100%");
	refused("share=0.00000001%",
		"option share: '0.00000001%' is not a share, as 0.5%, from 0% to 100%");
	refused("share=.5%", "option share: '.5%' is not a share, as 0.5%, from 0% to 100%");
	refused("rate=10", "option rate: '10' is not a rate with its unit, as 10Mbps, from 1000bps "
			   "to 1000000000000bps");
	refused("rate=10mbps",
		"option rate: '10mbps' is not a rate with its unit, as 10Mbps, from 1000bps "
		"to 1000000000000bps");
	refused("word=tw", "option word: 'tw' is not one of one|two|three");
	refused("match=udp prot 53",
		"option match: 'udp prot 53': can't parse filter expression: syntax error; see man "
		"pcap-filter");
	assert_int_equal(seen.value[2].number, 2);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_libpcap, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_errors_speak, open_host, close_host),
		cmocka_unit_test_setup_teardown(test_host_without, open_host, close_host),
		cmocka_unit_test(test_check_refuses),
		cmocka_unit_test(test_division_by_x),
		cmocka_unit_test(test_index_wraps),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
