/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * monitor_test.c - the filter that counts: each kind of frame in its place, nothing changed.
 */
#include <string.h>

#include "packet.h"
#include "rig.h"

static struct rig rig;

struct numbers {
	struct lwf_report report;
	const char *wanted;
	uint64_t value;
	bool found;
};

static void on_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct numbers *numbers = (struct numbers *)report;

	if (strcmp(name, numbers->wanted) == 0) {
		numbers->value = value;
		numbers->found = true;
	}
}

/* What monitor says of @name; 0 when it says nothing. */
static uint64_t number(const char *name)
{
	struct numbers numbers = {.report.number = on_number, .wanted = name};

	assert_int_equal(lwf_module_control(rig_module(&rig, "monitor"), LWF_CONTROL_REPORT,
					    &numbers.report),
			 0);
	return numbers.found ? numbers.value : 0;
}

static void send_packet(struct packet packet)
{
	uint8_t bytes[2048];
	uint32_t len = packet_build(&packet, bytes);

	assert_int_equal(lwf_sim_edge_inject(rig.upper, bytes, len), 0);
	assert_int_equal(lwf_sim_edge_inject(rig.lower, bytes, len), 0);
}

static void test_kinds(void **state)
{
	uint8_t arp[60] = {0};

	(void)state;
	rig_open(&rig, NULL, "monitor");
	send_packet((struct packet){.payload_bytes = 10});
	send_packet((struct packet){.payload_bytes = 10, .tags = 2});
	send_packet((struct packet){.payload_bytes = 10, .udp = true});
	send_packet((struct packet){.payload_bytes = 10, .v6 = true});
	send_packet((struct packet){.payload_bytes = 10, .v6 = true, .udp = true, .tags = 1});
	packet_plain(arp, sizeof(arp), 1);
	arp[12] = 0x08;
	arp[13] = 0x06;
	assert_int_equal(lwf_sim_edge_inject(rig.upper, arp, sizeof(arp)), 0);
	assert_int_equal(rig_host_send(&rig, 14, 1), 0);
	assert_int_equal(number("send-ipv4-tcp-units"), 2);
	assert_int_equal(number("send-ipv4-tcp-bytes"), 2 * 64 + 8);
	assert_int_equal(number("receive-ipv4-tcp-frames"), 2);
	assert_int_equal(number("send-ipv4-udp-units"), 1);
	assert_int_equal(number("send-ipv6-tcp-units"), 1);
	assert_int_equal(number("receive-ipv6-udp-units"), 1);
	assert_int_equal(number("send-arp-units"), 1);
	assert_int_equal(number("receive-arp-units"), 0);
	assert_int_equal(number("send-other-bytes"), 14);
	assert_int_equal(number("send-tagged"), 2);
	assert_int_equal(number("receive-tagged"), 2);
	rig_close(&rig);
}

/* Any bytes at all, cut anywhere: counted somewhere, and nothing read outside. */
static void test_odd_frames(void **state)
{
	uint8_t bytes[256];
	struct packet packet = {.v6 = true, .tags = 4, .payload_bytes = 20};
	uint32_t len = packet_build(&packet, bytes), given = 0;
	uint64_t counted = 0;
	static const char *const names[] = {
		"send-arp-units",	"send-ipv4-tcp-units",	 "send-ipv4-udp-units",
		"send-ipv4-icmp-units", "send-ipv4-other-units", "send-ipv6-tcp-units",
		"send-ipv6-udp-units",	"send-ipv6-icmp-units",	 "send-ipv6-other-units",
		"send-llc-units",	"send-other-units"};

	(void)state;
	rig_open(&rig, NULL, "monitor");
	for (uint32_t cut = 14; cut <= len; cut++, given++)
		assert_int_equal(lwf_sim_edge_inject(rig.upper, bytes, cut), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		counted += number(names[i]);
	assert_int_equal(counted, given);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_odd_frames),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
