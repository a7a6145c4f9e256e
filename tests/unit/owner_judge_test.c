/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_judge_test.c - from the holders of a socket to the owner of a flow; and what /proc says.
 */
#include <netinet/in.h>
#include <string.h>

#include "owner_judge.h"
#include "rig.h"

#define LONG_AGO 100u
#define ASKED	 1000u
#define USER	 1000u
#define SOMEBODY 1001u

static struct owner_ask ask = {.asked = ASKED,
			       .uid = USER,
			       .cookie = 9,
			       .inode = 7,
			       .match = OWNER_MATCH_EXACT,
			       .tuple = {.protocol = IPPROTO_TCP}};
static struct owner_holders holders;
static struct lwf_owner owner;

static struct owner_process process(uint32_t pid, uint32_t ppid, uint64_t start, uint32_t uid)
{
	struct owner_process one = {.pid = pid, .ppid = ppid, .start_time = start, .uid = uid};

	one.comm[0] = (char)('a' + pid % 26);
	return one;
}

static void judge(const struct owner_process *all, uint32_t count, uint32_t sockets)
{
	memset(&holders, 0, sizeof(holders));
	holders.sockets = sockets;
	for (uint32_t n = 0; n < count; n++)
		owner_holders_add(&holders, &all[n]);
	memset(&owner, 0xee, sizeof(owner));
	owner_judge(&ask, &holders, &owner);
	ask.match = OWNER_MATCH_EXACT;
	ask.tuple.protocol = IPPROTO_TCP;
}

static void expect(enum lwf_owner_how how, uint32_t pid, uint32_t also)
{
	assert_string_equal(lwf_owner_how_name(owner.how), lwf_owner_how_name(how));
	assert_int_equal(owner.pid, pid);
	assert_int_equal(owner.also[0], also);
	assert_int_equal(owner.uid, USER);
	assert_int_equal(owner.cookie, 9);
}

static void test_one_holder(void **state)
{
	struct owner_process one[] = {process(10, 1, LONG_AGO, USER)};

	(void)state;
	judge(one, 1, 1);
	expect(LWF_OWNER_EXACT, 10, 0);
	assert_int_equal(owner.start_time, LONG_AGO);
	assert_int_equal(owner.comm[0], 'k');
	ask.match = OWNER_MATCH_LISTENER;
	judge(one, 1, 1);
	expect(LWF_OWNER_LISTENER, 10, 0);
	ask.match = OWNER_MATCH_BOUND;
	ask.tuple.protocol = IPPROTO_UDP;
	judge(one, 1, 1);
	expect(LWF_OWNER_EXACT, 10, 0);
	/* two sockets of one UDP port, of one process: no doubt */
	ask.tuple.protocol = IPPROTO_UDP;
	judge(one, 1, 2);
	expect(LWF_OWNER_EXACT, 10, 0);
}

static void test_nobody(void **state)
{
	(void)state;
	judge(NULL, 0, 1);
	expect(LWF_OWNER_UNKNOWN, 0, 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_HOLDER);
	holders.denied = true;
	owner_judge(&ask, &holders, &owner);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_PERMISSION);
	holders.missed = true;
	owner_judge(&ask, &holders, &owner);
	assert_int_equal(owner.why, LWF_OWNER_WHY_OVERLOAD);
}

/* PID-4 fork-inherit: the creator is named, its children beside it. */
static void test_children_have_inherited(void **state)
{
	struct owner_process family[] = {process(30, 20, LONG_AGO + 5, USER),
					 process(10, 1, LONG_AGO, USER),
					 process(20, 10, LONG_AGO + 2, USER)};

	(void)state;
	judge(family, 3, 1);
	expect(LWF_OWNER_INHERITED, 10, 20);
	assert_int_equal(owner.also[1], 30);
	assert_int_equal(owner.holders, 3);
	/* the creator is of another user than the socket (it gave up rights later): still the creator */
	family[1].uid = SOMEBODY;
	judge(family, 3, 1);
	expect(LWF_OWNER_INHERITED, 10, 20);
	/* a "parent" that is younger than its child has the number of one that has ended */
	family[1].start_time = LONG_AGO + 9;
	judge(family, 3, 1);
	assert_int_equal(owner.how, LWF_OWNER_AMBIGUOUS);
}

/* PID-4 SCM_RIGHTS, SO_REUSEPORT: nobody can say who speaks. */
static void test_strangers_are_ambiguous(void **state)
{
	struct owner_process two[] = {process(40, 1, LONG_AGO, SOMEBODY),
				      process(50, 1, LONG_AGO + 1, USER),
				      process(60, 1, LONG_AGO + 2, USER)};

	(void)state;
	judge(two, 3, 1);
	expect(LWF_OWNER_AMBIGUOUS, 50, 40); /* the oldest of the socket's user */
	assert_int_equal(owner.also[1], 60);
	two[0].uid = two[1].uid = two[2].uid = SOMEBODY;
	judge(two, 3, 1);
	expect(LWF_OWNER_AMBIGUOUS, 40, 50); /* none is: the oldest of all */
	/* parent and child, but with a socket each on one port */
	two[1].ppid = 40;
	judge(two, 2, 2);
	assert_int_equal(owner.how, LWF_OWNER_AMBIGUOUS);
}

/* PID-4 pid reuse and handed-down sockets: who is younger than the question was not there. */
static void test_who_is_younger_than_the_flow(void **state)
{
	struct owner_process one[] = {process(10, 1, ASKED + 1, USER)};

	(void)state;
	judge(one, 1, 1);
	expect(LWF_OWNER_INHERITED, 10, 0); /* a connection's ends are not soon another's */
	ask.tuple.protocol = IPPROTO_UDP;
	judge(one, 1, 1);
	expect(LWF_OWNER_UNKNOWN, 0, 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_SOCKET);
	one[0].start_time = ASKED;
	ask.tuple.protocol = IPPROTO_UDP;
	judge(one, 1, 1);
	expect(LWF_OWNER_EXACT, 10, 0);
}

static void test_more_than_there_is_room_for(void **state)
{
	struct owner_process many[OWNER_HOLDERS_MAX + 4];

	(void)state;
	for (uint32_t n = 0; n < OWNER_HOLDERS_MAX + 4; n++)
		many[n] = process(100 + n, n ? 100 : 1, LONG_AGO + n, USER);
	judge(many, OWNER_HOLDERS_MAX + 4, 1);
	assert_int_equal(owner.holders, OWNER_HOLDERS_MAX + 4);
	expect(LWF_OWNER_AMBIGUOUS, 100, 101); /* not all of the family were looked at */
	/* a second descriptor of one process is no second holder */
	many[1] = many[0];
	judge(many, 2, 1);
	assert_int_equal(owner.holders, 1);
	/* some holder was missed: the one that is known may not be the only one */
	holders.missed = true;
	owner_judge(&ask, &holders, &owner);
	assert_int_equal(owner.how, LWF_OWNER_AMBIGUOUS);
}

static void test_stat_is_read(void **state)
{
	static const char text[] = "17 (a) b) (c) S 5 17 17 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "
				   "424242 9 9\n";
	struct owner_process one = {0};

	(void)state;
	assert_true(owner_proc_parse_stat(text, sizeof(text) - 1, &one));
	assert_int_equal(one.pid, 17);
	assert_int_equal(one.ppid, 5);
	assert_int_equal(one.start_time, 424242);
	assert_string_equal(one.comm, "a) b) (c");
	for (size_t bytes = 0; bytes < 60; bytes++) {
		char cut[64] = "";

		memcpy(cut, text, bytes);
		assert_false(owner_proc_parse_stat(cut, bytes, &one));
	}
	assert_false(owner_proc_parse_stat("x (y) S 1", 9, &one));
	assert_false(owner_proc_parse_stat(") 1 (", 5, &one));
}

static void test_links_are_read(void **state)
{
	(void)state;
	assert_int_equal(owner_proc_parse_link("socket:[123]", 12), 123);
	assert_int_equal(owner_proc_parse_link("socket:[4294967295]", 19), UINT32_MAX);
	assert_int_equal(owner_proc_parse_link("socket:[4294967296]", 19), 0);
	assert_int_equal(owner_proc_parse_link("socket:[]", 9), 0);
	assert_int_equal(owner_proc_parse_link("socket:[12", 10), 0);
	assert_int_equal(owner_proc_parse_link("socket:[1x]", 11), 0);
	assert_int_equal(owner_proc_parse_link("pipe:[123]", 10), 0);
	assert_int_equal(owner_proc_parse_link("/socket:[1]", 11), 0);
}

static void test_texts_are_printable(void **state)
{
	char text[8] = "a\x1b[m\xc3\xa4";
	char full[4] = {'a', 'b', 'c', 'd'};
	char bad[12] = "\xc0\x80\xed\xa0\x80\xff\xc3";

	(void)state;
	owner_text_clean(text, sizeof(text));
	assert_string_equal(text, "a?[m\xc3\xa4");
	owner_text_clean(full, sizeof(full));
	assert_string_equal(full, "abc");
	owner_text_clean(bad, sizeof(bad));
	assert_string_equal(bad, "???????");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_holder),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_children_have_inherited),
		cmocka_unit_test(test_strangers_are_ambiguous),
		cmocka_unit_test(test_who_is_younger_than_the_flow),
		cmocka_unit_test(test_more_than_there_is_room_for),
		cmocka_unit_test(test_stat_is_read),
		cmocka_unit_test(test_links_are_read),
		cmocka_unit_test(test_texts_are_printable),
	};

	return cmocka_run_group_tests_name("owner_judge", tests, NULL, NULL);
}
