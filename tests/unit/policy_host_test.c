/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_host_test.c - rules by the name of their file: both hosts, FRESH and KEPT, and as an option.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

#include <lwf/hosts.h>
#include <lwf/policy.h>

static struct lwf_host *host;
static char path[32];

static int open_sim(void **state)
{
	(void)state;
	host = lwf_sim_host_create(1);
	return host ? 0 : -1;
}

static int close_sim(void **state)
{
	(void)state;
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
	return 0;
}

/** Loads; the number of rules, or what was refused. */
static int load(const char *file, enum lwf_policy_age age)
{
	struct lwf_policy *policy = NULL;
	char error[320] = "";
	int ret = lwf_host_load_policy(host, file, age, &policy, error, sizeof(error));

	if (ret) {
		assert_null(policy);
		assert_true(error[0]);
		return ret;
	}
	ret = (int)lwf_policy_rules(policy);
	lwf_host_free(host, policy);
	return ret;
}

/* A line that is wrong changes nothing for who asks for what was kept. */
static void test_kept_and_fresh(void **state)
{
	(void)state;
	assert_int_equal(load("r", LWF_POLICY_FRESH), -ENOENT);
	assert_int_equal(load("r", LWF_POLICY_KEPT), -ENOENT);
	assert_int_equal(lwf_sim_host_set_policy(host, "r", "deny in\ndefault allow"), 0);
	assert_int_equal(load("r", LWF_POLICY_KEPT), 2);
	assert_int_equal(lwf_sim_host_set_policy(host, "r", "default allow"), 0);
	assert_int_equal(load("r", LWF_POLICY_KEPT), 2);
	assert_int_equal(load("r", LWF_POLICY_FRESH), 1);
	assert_int_equal(load("r", LWF_POLICY_KEPT), 1);
	assert_int_equal(lwf_sim_host_set_policy(host, "r", "default alow"), 0);
	assert_int_equal(load("r", LWF_POLICY_FRESH), -EINVAL);
	assert_int_equal(load("r", LWF_POLICY_KEPT), 1);
	assert_int_equal(lwf_sim_host_set_policy(host, "r", NULL), 0);
	assert_int_equal(load("r", LWF_POLICY_FRESH), -ENOENT);
	assert_int_equal(load("r", LWF_POLICY_KEPT), 1);
	lwf_sim_host_fail_nth(host, 1);
	assert_int_equal(load("r", LWF_POLICY_KEPT), -ENOMEM);
}

/* The store is bounded: the file that was asked for least lately is read anew. */
static void test_many_files(void **state)
{
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 17; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_int_equal(lwf_sim_host_set_policy(host, name, "default allow"), 0);
		assert_int_equal(load(name, LWF_POLICY_FRESH), 1);
		assert_int_equal(lwf_sim_host_set_policy(host, name, "deny in\ndefault deny"), 0);
		assert_int_equal(load("r0", LWF_POLICY_KEPT), 1);
	}
	assert_int_equal(load("r2", LWF_POLICY_KEPT), 1);
	assert_int_equal(load("r1", LWF_POLICY_KEPT), 2);
}

static void test_bare_host(void **state)
{
	struct lwf_host_ops ops = *host->ops;
	struct lwf_host bare = {.ops = &ops};
	struct lwf_policy *policy;
	char error[320];

	(void)state;
	ops.load_policy = NULL;
	assert_int_equal(
		lwf_host_load_policy(&bare, "r", LWF_POLICY_FRESH, &policy, error, sizeof(error)),
		-ENOTSUP);
	assert_string_equal(error, "r: nobody here reads rules");
}

/* ---- the file system ---- */

static void put_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int open_event(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/lwf-policy-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || close(fd))
		return -1;
	host = lwf_event_host_create(NULL);
	return host ? 0 : -1;
}

static int close_event(void **state)
{
	(void)state;
	lwf_event_host_destroy(host);
	return unlink(path);
}

static void test_file(void **state)
{
	char error[320], want[320], fifo[64];
	struct lwf_policy *policy = NULL;

	(void)state;
	put_file("deny in user root\ndefault allow\n");
	assert_int_equal(load(path, LWF_POLICY_FRESH), 2);
	put_file("deny in user root\ndefault allow\n\n  deny out\n");
	assert_int_equal(
		lwf_host_load_policy(host, path, LWF_POLICY_FRESH, &policy, error, sizeof(error)),
		-EINVAL);
	snprintf(want, sizeof(want), "%s:4:3: nothing comes behind the default", path);
	assert_string_equal(error, want);
	assert_int_equal(load(path, LWF_POLICY_KEPT), 2);

	assert_int_equal(load("/tmp", LWF_POLICY_FRESH), -EINVAL);
	assert_int_equal(load("", LWF_POLICY_FRESH), -EINVAL);
	assert_int_equal(load("/nowhere/at/all", LWF_POLICY_FRESH), -ENOENT);
	snprintf(fifo, sizeof(fifo), "%s.fifo", path); /* would wait for a writer for ever */
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(load(fifo, LWF_POLICY_FRESH), -EINVAL);
	assert_int_equal(unlink(fifo), 0);
}

static void test_without_a_host(void **state)
{
	struct lwf_policy *policy = NULL;
	struct lwf_policy_error error;

	(void)state;
	put_file("deny in user root\nask out\ndefault deny\n");
	assert_int_equal(lwf_policy_read_file(path, &policy, &error), 0);
	assert_int_equal(lwf_policy_rules(policy), 3);
	free(policy);
	put_file("deny in user nobody-has-this-name\ndefault deny\n");
	assert_int_equal(lwf_policy_read_file(path, &policy, &error), -EINVAL);
	assert_int_equal(error.column, 14);
}

/* ---- as an option of a filter ---- */

static const struct lwf_option_spec specs[] = {
	{"rules", LWF_OPTION_POLICY, 0, 255, "", true, ""},
	{0},
};

static char taken[LWF_OPTION_TEXT_BYTES];

static lwf_status take_options(struct lwf_module *module, const struct lwf_options *options)
{
	(void)module;
	snprintf(taken, sizeof(taken), "%s", options->value[0].text);
	return LWF_STATUS_SUCCESS;
}

static void no_detach(struct lwf_module *module)
{
	(void)module;
}

static int set_options(struct lwf_module *module, const struct lwf_options *options)
{
	(void)module;
	snprintf(taken, sizeof(taken), "%s", options->value[0].text);
	return 0;
}

static const struct lwf_filter_ops reader = {
	.name = "reader",
	.options = specs,
	.attach = take_options,
	.detach = no_detach,
	.set_options = set_options,
};

static void test_option(void **state)
{
	static const struct lwf_filter_ops *const extra[] = {&reader, NULL};
	struct rig rig;
	char error[320] = "";

	(void)state;
	rig_open(&rig, extra, "reader");
	assert_int_equal(lwf_sim_host_set_policy(rig.host, "good", "default deny"), 0);
	assert_int_equal(lwf_sim_host_set_policy(rig.host, "bad", "default dany"), 0);
	assert_int_equal(
		lwf_module_set(rig_module(&rig, "reader"), "rules=good", error, sizeof(error)), 0);
	assert_string_equal(taken, "good");
	assert_int_equal(
		lwf_module_set(rig_module(&rig, "reader"), "rules=bad", error, sizeof(error)),
		-EINVAL);
	assert_string_equal(error,
			    "option rules: bad:1:9: 'dany' is not allow, deny, reject or ask");
	assert_int_equal(
		lwf_module_set(rig_module(&rig, "reader"), "rules=none", error, sizeof(error)),
		-EINVAL);
	assert_string_equal(error, "option rules: none: No such file or directory");
	assert_string_equal(taken, "good");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_and_fresh, open_sim, close_sim),
		cmocka_unit_test_setup_teardown(test_many_files, open_sim, close_sim),
		cmocka_unit_test_setup_teardown(test_bare_host, open_sim, close_sim),
		cmocka_unit_test_setup_teardown(test_file, open_event, close_event),
		cmocka_unit_test_setup_teardown(test_without_a_host, open_event, close_event),
		cmocka_unit_test(test_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
