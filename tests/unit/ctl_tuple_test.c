/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_tuple_test.c - the two ends of a conversation out of words.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tuple.h"

static char why[128];

static int read_tuple(const char *text, struct tuple *tuple)
{
	const char *words[] = {text};

	return tuple_read(words, 1, tuple, why, sizeof(why));
}

/* Written in all its ways it is the same key, and the one that began is known. */
static void test_forms(void **state)
{
	static const char *const forms[] = {
		"tcp 10.0.0.5:40000 192.0.2.1:443",  "tcp 10.0.0.5:40000 -> 192.0.2.1:443",
		"tcp 10.0.0.5:40000->192.0.2.1:443", "out,10.0.0.5:40000,192.0.2.1:443,tcp",
		"6 10.0.0.5:40000 > 192.0.2.1:443",  "in tcp 192.0.2.1:443 -> 10.0.0.5:40000",
	};
	const char *const words[] = {"tcp", "10.0.0.5:40000", "192.0.2.1:443"};
	struct tuple first, tuple;

	(void)state;
	assert_int_equal(tuple_read(words, 3, &first, why, sizeof(why)), 0);
	assert_int_equal(first.info.key.protocol, 6);
	assert_int_equal(first.info.local, LWF_ENDPOINT_LOW);
	assert_int_equal(first.info.key.port[LWF_ENDPOINT_LOW], 40000);
	assert_int_equal(first.info.key.address[LWF_ENDPOINT_LOW][12], 10);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (read_tuple(forms[i], &tuple))
			fail_msg("%s: %s", forms[i], why);
		assert_memory_equal(&tuple.info.key, &first.info.key, sizeof(tuple.info.key));
		assert_int_equal(tuple.info.local, first.info.local);
		assert_int_equal(tuple.info.initiator == tuple.info.local, forms[i][0] != 'i');
		assert_string_equal(tuple.local, "10.0.0.5");
	}
}

static void test_ends(void **state)
{
	struct tuple tuple;

	(void)state;
	assert_int_equal(read_tuple("udp [2001:db8::9]:53 [2001:db8::1]:5", &tuple), 0);
	assert_int_equal(tuple.info.local, LWF_ENDPOINT_HIGH);
	assert_int_equal(tuple.info.key.port[LWF_ENDPOINT_HIGH], 53);
	assert_int_equal(tuple.info.key.v6, 1);
	assert_string_equal(tuple.local, "2001:db8::9");
	assert_int_equal(read_tuple("icmpv6 fe80::1 fe80::2", &tuple), 0);
	assert_int_equal(read_tuple("icmp 10.0.0.1 10.0.0.2", &tuple), 0);
	/* equal addresses: ports sort */
	assert_int_equal(read_tuple("tcp 10.0.0.1:9 10.0.0.1:8", &tuple), 0);
	assert_int_equal(tuple.info.local, LWF_ENDPOINT_HIGH);
	assert_int_equal(tuple.info.key.port[LWF_ENDPOINT_LOW], 8);
}

static void wrong(const char *text, const char *want)
{
	struct tuple tuple;

	assert_int_equal(read_tuple(text, &tuple), -EINVAL);
	assert_string_equal(why, want);
}

static void test_wrong(void **state)
{
	char much[600];

	(void)state;
	wrong("", "the protocol is missing");
	wrong("10.0.0.1:1 10.0.0.2:2", "the protocol is missing");
	wrong("tcp 10.0.0.1:1", "it needs two ends");
	wrong("tcp 10.0.0.1:1 example.org:2", "'example.org:2' is no protocol and no ADDRESS:PORT");
	wrong("tcp 10.0.0.1:1 [::1]:2", "one end is IPv4 and one IPv6");
	wrong("tcp 10.0.0.1 10.0.0.2:2", "'10.0.0.1' has no port");
	wrong("icmp 10.0.0.1:1 10.0.0.2", "'10.0.0.1' has a port, and the protocol has none");
	wrong("tcp 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3", "'10.0.0.3:3' is one word too many");
	wrong("tcp [::1]2 [::1]:2", "'[::1]2' is no protocol and no ADDRESS:PORT");
	wrong("tcp [::ffff:1.2.3.4]:2 [::1]:2",
	      "'[::ffff:1.2.3.4]:2' is no protocol and no ADDRESS:PORT");
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = 0;
	wrong(much, "it is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
