/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leftovers_test.c - journals that lie, indices that changed, and the ingress filter on a real veth.
 */
#include <fcntl.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "leftovers.h"
#include "netns.h"

#define NIC 7u
#define TAP 8u

/* ---- a journal with an address, a route, and a route with two next hops ---- */

struct sample {
	struct lwf_journal head;
	struct nlmsghdr address_header;
	struct ifaddrmsg address;
	struct nlmsghdr route_header;
	struct rtmsg route;
	struct rtattr out;
	uint32_t out_index;
	struct nlmsghdr hops_header;
	struct rtmsg hops_route;
	struct rtattr multipath;
	struct rtnexthop hops[3];
};

/* not sizeof: the struct ends with padding */
#define SAMPLE_BYTES (offsetof(struct sample, hops) + sizeof(((struct sample *)0)->hops))

static struct sample sample(void)
{
	struct sample s = {
		.head = {.magic = LWF_JOURNAL_MAGIC,
			 .bytes = SAMPLE_BYTES - sizeof(s.head),
			 .nic_index = NIC,
			 .tap_index = TAP,
			 .nic_name = "eth1",
			 .tap_name = "lwf0"},
		.address_header = {.nlmsg_len = NLMSG_LENGTH(sizeof(s.address)),
				   .nlmsg_type = RTM_NEWADDR},
		.address = {.ifa_index = NIC},
		.route_header = {.nlmsg_len = NLMSG_LENGTH(sizeof(s.route) + 8),
				 .nlmsg_type = RTM_NEWROUTE},
		.out = {.rta_len = 8, .rta_type = RTA_OIF},
		.out_index = TAP,
		.hops_header = {.nlmsg_len = NLMSG_LENGTH(sizeof(s.hops_route) + 4 + 24),
				.nlmsg_type = RTM_DELROUTE},
		.multipath = {.rta_len = 4 + 24, .rta_type = RTA_MULTIPATH},
	};

	for (int n = 0; n < 3; n++) {
		s.hops[n].rtnh_len = sizeof(s.hops[n]);
		s.hops[n].rtnh_ifindex =
			(int)NIC - 1 + n; /* somebody else's, the NIC's, the TAP's */
	}
	return s;
}

static void indices_follow(void **state)
{
	struct sample s = sample();

	(void)state;
	assert_true(lwf_journal_valid(&s, SAMPLE_BYTES));
	lwf_journal_retarget(&s, 20, 30);
	assert_int_equal(s.address.ifa_index, 20);
	assert_int_equal(s.out_index, 30);
	assert_int_equal(s.hops[0].rtnh_ifindex, NIC - 1);
	assert_int_equal(s.hops[1].rtnh_ifindex, 20);
	assert_int_equal(s.hops[2].rtnh_ifindex, 30);
	assert_int_equal(s.head.nic_index, 20);
	/* both may change places */
	lwf_journal_retarget(&s, 30, 20);
	assert_int_equal(s.address.ifa_index, 30);
	assert_int_equal(s.out_index, 20);
}

static void lies_are_refused(void **state)
{
	struct sample s = sample();

	(void)state;
	for (size_t bytes = 0; bytes < SAMPLE_BYTES; bytes++)
		assert_false(lwf_journal_valid(&s, bytes));
	s.head.magic++;
	assert_false(lwf_journal_valid(&s, SAMPLE_BYTES));
	s = sample();
	s.head.bytes -= 4;
	assert_false(lwf_journal_valid(&s, SAMPLE_BYTES));
	s = sample();
	memset(s.head.nic_name, 'x', sizeof(s.head.nic_name));
	assert_false(lwf_journal_valid(&s, SAMPLE_BYTES));
	s = sample();
	s.address_header.nlmsg_type = RTM_NEWLINK; /* not for a journal to do */
	assert_false(lwf_journal_valid(&s, SAMPLE_BYTES));
	for (uint32_t length = 0; length < 200; length++) {
		s = sample();
		s.hops_header.nlmsg_len = length;
		if (NLMSG_ALIGN(length) != sample().hops_header.nlmsg_len)
			assert_false(lwf_journal_valid(&s, SAMPLE_BYTES));
	}
	/* lengths inside a request that lie lead nowhere (a sanitizer would tell) */
	for (uint16_t length = 0; length < 64; length++) {
		s = sample();
		s.multipath.rta_len = length;
		s.hops[1].rtnh_len = (uint16_t)(length * 3);
		lwf_journal_retarget(&s, 20, 30);
	}
}

static void write_journal(const char *path, const struct sample *s, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, s, SAMPLE_BYTES), SAMPLE_BYTES);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void journals_in_files(void **state)
{
	char path[] = "/tmp/lwf-leftovers-XXXXXX";
	struct sample s = sample();
	struct lwf_journal head;
	int fd = mkstemp(path), netlink;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(lwf_netlink_open(&netlink), 0);
	s.head.netns = 5;
	write_journal(path, &s, 0600);
	assert_int_equal(lwf_journal_restore(path, netlink, 6, &head), LWF_RESTORE_FOREIGN);
	assert_string_equal(head.nic_name, "eth1");
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(lwf_journal_restore(path, netlink, 5, NULL), LWF_RESTORE_LIVE);
	flock(fd, LOCK_UN);
	snprintf(s.head.nic_name, sizeof(s.head.nic_name), "no such nic");
	write_journal(path, &s, 0600);
	assert_int_equal(lwf_journal_restore(path, netlink, 5, NULL), LWF_RESTORE_NO_NIC);
	write_journal(path, &s, 0666);
	assert_int_equal(lwf_journal_restore(path, netlink, 5, NULL), LWF_RESTORE_BROKEN);
	close(fd);
	close(netlink);
	assert_int_equal(unlink(path), 0);
}

/* ---- the filter, on a veth ---- */

static bool have_namespace;

static int run(const char *command)
{
	return system(command);
}

static void filter_comes_and_goes(void **state)
{
	uint32_t index;
	int fd;

	(void)state;
	if (!have_namespace)
		skip();
	index = if_nametoindex("phy");
	assert_int_equal(lwf_netlink_open(&fd), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 0);
	assert_int_equal(lwf_clsact_shut(fd, index), 0);
	assert_true(lwf_clsact_is_shut(fd, index));
	/* one of a dead process is replaced, not doubled; the qdisc is still known as ours */
	assert_int_equal(lwf_clsact_shut(fd, index), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 1);
	assert_false(lwf_clsact_is_shut(fd, index));
	assert_int_not_equal(run("tc qdisc show dev phy | grep -q clsact"), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 0);
	assert_int_equal(lwf_clsact_shut(fd, 9999), -19);
	close(fd);
}

static void what_others_have_stays(void **state)
{
	uint32_t index;
	int fd;

	(void)state;
	if (!have_namespace)
		skip();
	index = if_nametoindex("phy");
	assert_int_equal(lwf_netlink_open(&fd), 0);
	/* a qdisc that was there */
	assert_int_equal(run("tc qdisc add dev phy clsact"), 0);
	assert_int_equal(lwf_clsact_shut(fd, index), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 1);
	assert_int_equal(run("tc qdisc show dev phy | grep -q clsact"), 0);
	/* and a filter of the same form: it has not our handle */
	assert_int_equal(run("tc filter add dev phy ingress prio 1 handle 5 bpf da bytecode "
			     "'1,6 0 0 2'"),
			 0);
	assert_int_equal(lwf_clsact_shut(fd, index), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 1);
	assert_int_equal(run("tc filter show dev phy ingress | grep -q 'handle 0x5'"), 0);
	assert_int_equal(run("tc qdisc del dev phy clsact"), 0);
	/* a filter that came later keeps our qdisc there */
	assert_int_equal(lwf_clsact_shut(fd, index), 0);
	assert_int_equal(run("tc filter add dev phy egress bpf da bytecode '1,6 0 0 0'"), 0);
	assert_int_equal(lwf_clsact_open(fd, index), 1);
	assert_int_equal(run("tc filter show dev phy egress | grep -q bytecode"), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indices_follow),	  cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(journals_in_files),	  cmocka_unit_test(filter_comes_and_goes),
		cmocka_unit_test(what_others_have_stays),
	};

	have_namespace =
		netns_enter() &&
		!run("ip link add phy type veth peer name far && command -v tc >/dev/null");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
