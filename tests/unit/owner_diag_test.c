/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_diag_test.c - the kernel's answers about sockets: read, matched, and lying.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "owner_diag.h"
#include "rig.h"

#define SEQUENCE 7u

struct one {
	struct nlmsghdr header;
	struct inet_diag_msg body;
};

static struct owner_tuple tuple4(uint8_t protocol, uint16_t local, uint16_t remote)
{
	struct owner_tuple tuple = {
		.local_port = local, .remote_port = remote, .protocol = protocol};

	memset(tuple.local + 10, 0xff, 2);
	memset(tuple.remote + 10, 0xff, 2);
	memcpy(tuple.local + 12, "\x0a\x09\x00\x01", 4);
	memcpy(tuple.remote + 12, "\x0a\x09\x00\x02", 4);
	return tuple;
}

static struct one answer(uint8_t family, uint16_t sport, uint16_t dport)
{
	struct one one = {0};

	one.header.nlmsg_len = sizeof(one);
	one.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	one.header.nlmsg_seq = SEQUENCE;
	one.body.idiag_family = family;
	one.body.idiag_state = OWNER_STATE_ESTABLISHED;
	one.body.id.idiag_sport = htons(sport);
	one.body.id.idiag_dport = htons(dport);
	one.body.id.idiag_src[0] = htonl(0x0a090001);
	one.body.id.idiag_dst[0] = htonl(0x0a090002);
	one.body.id.idiag_cookie[0] = 5;
	one.body.id.idiag_cookie[1] = 1;
	one.body.idiag_inode = 77;
	one.body.idiag_uid = 1000;
	return one;
}

static int read_one(const void *bytes, size_t size, struct owner_socket *socket)
{
	size_t at = 0;

	return owner_diag_next(bytes, size, &at, SEQUENCE, socket);
}

static void test_what_is_asked_for(void **state)
{
	struct owner_tuple tuple = tuple4(IPPROTO_TCP, 100, 200);
	uint8_t bytes[OWNER_REQUEST_BYTES];
	struct inet_diag_req_v2 body;

	(void)state;
	owner_diag_get(bytes, &tuple, 3, SEQUENCE);
	memcpy(&body, bytes + NLMSG_HDRLEN, sizeof(body));
	assert_int_equal(ntohs(body.id.idiag_sport), 100);
	assert_int_equal(ntohl(body.id.idiag_src[0]), 0x0a090001);
	assert_int_equal(body.id.idiag_if, 3);
	assert_int_equal(body.sdiag_family, AF_INET);

	/* for datagrams the kernel looks up what arrives: the ends are swapped */
	tuple.protocol = IPPROTO_UDP;
	owner_diag_get(bytes, &tuple, 0, SEQUENCE);
	memcpy(&body, bytes + NLMSG_HDRLEN, sizeof(body));
	assert_int_equal(ntohs(body.id.idiag_sport), 200);
	assert_int_equal(ntohl(body.id.idiag_src[0]), 0x0a090002);

	owner_diag_list(bytes, OWNER_LIST_LISTENERS, true, 80, SEQUENCE);
	memcpy(&body, bytes + NLMSG_HDRLEN, sizeof(body));
	assert_int_equal(body.sdiag_family, AF_INET6);
	assert_int_equal(body.idiag_states, 1u << OWNER_STATE_LISTEN);
	assert_int_equal(ntohs(body.id.idiag_sport), 80);
}

static void test_a_socket_is_read(void **state)
{
	struct owner_tuple tuple = tuple4(IPPROTO_TCP, 100, 200);
	struct one one = answer(AF_INET, 100, 200);
	struct owner_socket socket;

	(void)state;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(socket.inode, 77);
	assert_int_equal(socket.uid, 1000);
	assert_true(socket.cookie == (1ull << 32 | 5));
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_EXACT);
}

/* PID-4 dual stack: an IPv4 question finds an IPv6 socket, whose addresses are mapped ones. */
static void test_an_ipv6_socket_that_takes_ipv4(void **state)
{
	struct owner_tuple tuple = tuple4(IPPROTO_TCP, 100, 200);
	struct one one = answer(AF_INET6, 100, 200);
	struct owner_socket socket;

	(void)state;
	memcpy(one.body.id.idiag_src, tuple.local, 16);
	memcpy(one.body.id.idiag_dst, tuple.remote, 16);
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_EXACT);

	/* a listener for all addresses; one that takes IPv6 alone is none for this flow */
	memset(one.body.id.idiag_src, 0, 16);
	memset(one.body.id.idiag_dst, 0, 16);
	one.body.id.idiag_dport = 0;
	one.body.idiag_state = OWNER_STATE_LISTEN;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_LISTENER);
	socket.v6_only = 1;
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_NONE);
}

static void test_v6_only_is_read(void **state)
{
	struct {
		struct one one;
		struct nlattr other, v6_only;
		uint8_t value[4];
	} two = {.one = answer(AF_INET6, 100, 0),
		 .other = {sizeof(struct nlattr), INET_DIAG_SHUTDOWN},
		 .v6_only = {sizeof(struct nlattr) + 1, INET_DIAG_SKV6ONLY},
		 .value = {1}};
	struct owner_socket socket;

	(void)state;
	two.one.header.nlmsg_len = sizeof(two);
	assert_int_equal(read_one(&two, sizeof(two), &socket), 1);
	assert_int_equal(socket.v6_only, 1);
	two.value[0] = 0;
	assert_int_equal(read_one(&two, sizeof(two), &socket), 1);
	assert_int_equal(socket.v6_only, 0);
	/* attributes that claim more than there is */
	two.v6_only.nla_len = 400;
	two.value[0] = 1;
	assert_int_equal(read_one(&two, sizeof(two), &socket), 1);
	assert_int_equal(socket.v6_only, 0);
	two.other.nla_len = 0;
	assert_int_equal(read_one(&two, sizeof(two), &socket), 1);
}

/* For a peer that is not connected the kernel names the listener: it must not pass for the owner. */
static void test_another_socket_is_not_believed(void **state)
{
	struct owner_tuple tuple = tuple4(IPPROTO_TCP, 100, 200);
	struct one one = answer(AF_INET, 100, 201);
	struct owner_socket socket;

	(void)state;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_NONE); /* other peer */
	one = answer(AF_INET, 101, 200);
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_NONE); /* other port */
	one = answer(AF_INET, 100, 200);
	one.body.id.idiag_src[0] = htonl(0x0a090003);
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_NONE); /* other address */
	one = answer(AF_INET, 100, 0);
	one.body.id.idiag_dst[0] = 0;
	one.body.idiag_state = OWNER_STATE_LISTEN;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_LISTENER);
}

static void test_datagrams(void **state)
{
	struct owner_tuple tuple = tuple4(IPPROTO_UDP, 100, 200);
	struct one one = answer(AF_INET, 100, 200);
	struct owner_socket socket;

	(void)state;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_EXACT);
	one.body.id.idiag_dport = 0;
	one.body.id.idiag_dst[0] = 0;
	one.body.id.idiag_src[0] = 0;
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_BOUND);
	one = answer(AF_INET, 100, 300); /* the same port, but another peer's */
	assert_int_equal(read_one(&one, sizeof(one), &socket), 1);
	assert_int_equal(owner_diag_match(&tuple, &socket), OWNER_MATCH_NONE);
}

static void test_lies(void **state)
{
	struct one one = answer(AF_INET, 100, 200), pair[2];
	struct owner_socket socket;
	int32_t *error = (int32_t *)(void *)&one.body;
	size_t at = 0;

	(void)state;
	/* cut at every length */
	for (size_t bytes = 1; bytes < sizeof(one); bytes++)
		assert_int_equal(read_one(&one, bytes, &socket), -EPROTO);
	assert_int_equal(read_one(&one, 0, &socket), -EAGAIN);
	/* a length of its own that is too short for a socket, or for a header */
	one.header.nlmsg_len = sizeof(one) - 1;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	one.header.nlmsg_len = 4;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	one.header.nlmsg_len = UINT32_MAX;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	/* no family that there is */
	one = answer(AF_UNIX, 100, 200);
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	/* errors: the kernel's own, and nonsense */
	one.header.nlmsg_type = NLMSG_ERROR;
	*error = -ENOENT;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -ENOENT);
	*error = 0;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	*error = 12;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	*error = INT32_MIN;
	assert_int_equal(read_one(&one, sizeof(one), &socket), -EPROTO);
	/* the late answer to another question is left out */
	pair[0] = answer(AF_INET, 100, 200);
	pair[0].header.nlmsg_seq = SEQUENCE - 1;
	pair[1] = answer(AF_INET, 300, 400);
	assert_int_equal(
		owner_diag_next((const uint8_t *)pair, sizeof(pair), &at, SEQUENCE, &socket), 1);
	assert_int_equal(socket.tuple.local_port, 300);
	assert_int_equal(
		owner_diag_next((const uint8_t *)pair, sizeof(pair), &at, SEQUENCE, &socket),
		-EAGAIN);
	pair[1].header.nlmsg_type = NLMSG_DONE;
	at = 0;
	assert_int_equal(
		owner_diag_next((const uint8_t *)pair, sizeof(pair), &at, SEQUENCE, &socket), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_a_socket_is_read),
		cmocka_unit_test(test_an_ipv6_socket_that_takes_ipv4),
		cmocka_unit_test(test_v6_only_is_read),
		cmocka_unit_test(test_another_socket_is_not_believed),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests_name("owner_diag", tests, NULL, NULL);
}
