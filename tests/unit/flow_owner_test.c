/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_owner_test.c - the question who owns a flow: a host that has nobody, and one that has.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

#include <lwf/flow.h>

static struct lwf_host asked_host;
static const struct lwf_owner_question *asked;
static void *forgotten;

static int ask(struct lwf_host *host, const struct lwf_owner_question *question,
	       struct lwf_owner *owner)
{
	(void)host;
	asked = question;
	assert_int_equal(owner->why, LWF_OWNER_WHY_NO_RESOLVER);
	owner->pid = 42;
	owner->how = LWF_OWNER_PENDING;
	owner->why = LWF_OWNER_WHY_NONE;
	return -EINPROGRESS;
}

static void forget(struct lwf_host *host, void *context)
{
	(void)host;
	forgotten = context;
}

static void test_a_host_without_anybody(void **state)
{
	static const struct lwf_host_ops none;
	struct lwf_owner_question question = {.flow = 1};
	struct lwf_owner owner = {.pid = 7};

	(void)state;
	asked_host.ops = &none;
	assert_int_equal(lwf_host_ask_owner(&asked_host, &question, &owner), 0);
	assert_int_equal(owner.pid, 0);
	assert_int_equal(owner.uid, LWF_OWNER_NO_UID);
	assert_string_equal(lwf_owner_how_name(owner.how), "unknown");
	assert_string_equal(lwf_owner_why_name(owner.why), "no-resolver");
	assert_non_null(strstr(lwf_owner_why_text(owner.why), "nobody"));
	lwf_host_forget_owners(&asked_host, &owner);
}

static void test_a_host_that_knows(void **state)
{
	static const struct lwf_host_ops some = {.ask_owner = ask, .forget_owners = forget};
	struct lwf_owner_question question = {.flow = 1};
	struct lwf_owner owner;

	(void)state;
	asked_host.ops = &some;
	assert_int_equal(lwf_host_ask_owner(&asked_host, &question, &owner), -EINPROGRESS);
	assert_ptr_equal(asked, &question);
	assert_int_equal(owner.pid, 42);
	assert_string_equal(lwf_owner_how_name(owner.how), "pending");
	lwf_host_forget_owners(&asked_host, &owner);
	assert_ptr_equal(forgotten, &owner);
	assert_string_equal(lwf_owner_how_name((enum lwf_owner_how)99), "?");
	assert_string_equal(lwf_owner_why_name((enum lwf_owner_why)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_host_without_anybody),
		cmocka_unit_test(test_a_host_that_knows),
	};

	return cmocka_run_group_tests_name("flow_owner", tests, NULL, NULL);
}
