/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_owner_test.c - the simulated host's script of who owns which flow, in virtual time.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#include <lwf/flow.h>
#include <lwf/hosts.h>

#define MS 1000000ull

static struct lwf_host *host;
static uint64_t told[8], told_ns[8];
static uint32_t told_count;
static bool forget_all;

static void on_answer(void *context, uint64_t flow, const struct lwf_owner *owner)
{
	assert_int_equal(owner->pid, 100 + flow);
	told[told_count] = flow;
	told_ns[told_count++] = lwf_host_now_ns(host);
	if (forget_all)
		lwf_host_forget_owners(host, context);
}

static struct lwf_flow_key key_of(uint16_t number)
{
	struct lwf_flow_key key = {.protocol = 6};

	key.port[LWF_ENDPOINT_LOW] = number;
	return key;
}

static void set(uint16_t number, uint64_t delay_ns)
{
	struct lwf_flow_key key = key_of(number);
	struct lwf_owner owner = {.pid = 100u + number, .how = LWF_OWNER_EXACT};

	assert_int_equal(lwf_sim_host_set_owner(host, &key, &owner, delay_ns), 0);
}

static int ask(uint16_t number, void *context, struct lwf_owner *owner)
{
	struct lwf_owner_question question = {
		.key = key_of(number), .flow = number, .answer = on_answer, .context = context};

	return lwf_host_ask_owner(host, &question, owner);
}

static int setup(void **state)
{
	(void)state;
	host = lwf_sim_host_create(1);
	told_count = 0;
	forget_all = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host); /* with questions open, too */
	return 0;
}

static void test_without_a_script(void **state)
{
	struct lwf_owner owner;

	(void)state;
	assert_int_equal(ask(1, NULL, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_RESOLVER);
	lwf_host_forget_owners(host, NULL);
	assert_int_equal(lwf_sim_host_owner_questions(host), 0);
}

static void test_at_once_and_unknown(void **state)
{
	struct lwf_owner owner;

	(void)state;
	set(1, 0);
	assert_int_equal(ask(1, NULL, &owner), 0);
	assert_int_equal(owner.pid, 101);
	assert_int_equal(ask(2, NULL, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_SOCKET);
	assert_int_equal(owner.pid, 0);
}

static void test_answers_come_when_they_are_due(void **state)
{
	uint64_t begin = lwf_host_now_ns(host);
	struct lwf_owner owner;

	(void)state;
	set(1, 30 * MS);
	set(2, 10 * MS);
	set(3, 10 * MS);
	for (uint16_t n = 1; n <= 3; n++) {
		assert_int_equal(ask(n, NULL, &owner), -EINPROGRESS);
		assert_int_equal(owner.how, LWF_OWNER_PENDING);
	}
	set(3, 0); /* for later questions */
	assert_int_equal(told_count, 0);
	assert_int_equal(lwf_sim_host_owner_questions(host), 3);
	lwf_sim_host_run_until(host, begin + 1000 * MS);
	assert_int_equal(told_count, 3);
	assert_int_equal(told[0], 2);
	assert_int_equal(told[1], 3);
	assert_int_equal(told[2], 1);
	assert_true(told_ns[0] == begin + 10 * MS && told_ns[2] == begin + 30 * MS);
	assert_int_equal(lwf_sim_host_owner_questions(host), 0);
	assert_int_equal(ask(3, NULL, &owner), 0);
}

static void test_forgotten_and_never_answered(void **state)
{
	struct lwf_flow_key key = key_of(4);
	struct lwf_owner owner;
	int a, b;

	(void)state;
	set(1, 10 * MS);
	set(2, 10 * MS);
	assert_int_equal(lwf_sim_host_set_owner(host, &key, NULL, 5), 0);
	ask(1, &a, &owner);
	ask(2, &b, &owner);
	assert_int_equal(ask(4, &b, &owner), -EINPROGRESS);
	lwf_host_forget_owners(host, &a);
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1000 * MS);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0], 2);
	assert_int_equal(lwf_sim_host_owner_questions(host), 1);
}

static void test_an_asker_that_goes_in_its_answer(void **state)
{
	struct lwf_owner owner;

	(void)state;
	forget_all = true;
	set(1, 10 * MS);
	set(2, 10 * MS);
	ask(1, &owner, &owner);
	ask(2, &owner, &owner);
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + 1000 * MS);
	assert_int_equal(told_count, 1);
	assert_int_equal(lwf_sim_host_owner_questions(host), 0);
}

static void test_questions_are_bounded(void **state)
{
	struct lwf_owner owner;
	uint32_t open = 0;

	(void)state;
	set(1, 10 * MS);
	while (open < 100000 && ask(1, &owner, &owner) == -EINPROGRESS)
		open++;
	assert_int_equal(owner.why, LWF_OWNER_WHY_OVERLOAD);
	assert_int_equal(lwf_sim_host_owner_questions(host), open);
}

/* ---- who began a connection that is older than the table ---- */

/** The first segment that is seen, from the local end or to it; true: it is said to be from here. */
static bool began_here(struct lwf_flow_table *table, uint16_t local_port, bool sent,
		       bool has_socket)
{
	static uint16_t remote_port = 5000;
	struct lwf_parsed parsed = {.kind = LWF_PARSED_FLOW,
				    .flags = LWF_PARSED_TCP,
				    .tcp_flags = LWF_TCP_ACK,
				    .tcp_scale = LWF_TCP_NO_SCALE};
	struct lwf_owner owner = {.pid = 9, .how = LWF_OWNER_EXACT, .cookie = has_socket};
	struct lwf_flow_info info;
	uint64_t flow;

	parsed.key.protocol = 6;
	parsed.key.address[LWF_ENDPOINT_HIGH][15] = 1; /* the remote end */
	parsed.key.port[LWF_ENDPOINT_LOW] = local_port;
	parsed.key.port[LWF_ENDPOINT_HIGH] = ++remote_port;
	parsed.source = sent ? LWF_ENDPOINT_LOW : LWF_ENDPOINT_HIGH;
	assert_int_equal(lwf_sim_host_set_owner(host, &parsed.key, &owner, 0), 0);
	assert_int_equal(lwf_flow_track(table, &parsed,
					sent ? LWF_DIRECTION_SEND : LWF_DIRECTION_RECEIVE,
					lwf_host_now_ns(host), 1, 60, &flow),
			 LWF_FLOW_SEEN_MIDSTREAM);
	assert_int_equal(lwf_flow_info(table, flow, &info), LWF_FLOW_OK);
	assert_int_equal(info.local, LWF_ENDPOINT_LOW);
	return info.initiator == info.local;
}

static void test_who_began(void **state)
{
	const struct lwf_flow_config config = {.flows = 16, .owners = true};
	struct lwf_flow_table *table = lwf_flow_table_create(host, &config);

	(void)state;
	assert_non_null(table);
	/* nobody can tell who listens: who spoke first */
	assert_true(began_here(table, 22, true, true));
	assert_false(began_here(table, 22, false, true));
	assert_int_equal(lwf_sim_host_listen(host, 22), 0);
	assert_false(began_here(table, 22, true, true));
	assert_false(began_here(table, 22, false, true));
	assert_true(began_here(table, 40000, true, true));
	assert_true(began_here(table, 40000, false, true));
	/* no socket here: a guess stays a guess */
	assert_false(began_here(table, 40000, false, false));
	assert_true(began_here(table, 40000, true, false));
	lwf_flow_table_destroy(table);
	for (uint16_t n = 1; n < LWF_SIM_LISTENERS_MAX; n++)
		assert_int_equal(lwf_sim_host_listen(host, n), 0);
	assert_int_equal(lwf_sim_host_listen(host, 99), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_a_script),
		TEST(test_at_once_and_unknown),
		TEST(test_answers_come_when_they_are_due),
		TEST(test_forgotten_and_never_answered),
		TEST(test_an_asker_that_goes_in_its_answer),
		TEST(test_questions_are_bounded),
		TEST(test_who_began),
	};

	return cmocka_run_group_tests_name("sim_owner", tests, NULL, NULL);
}
