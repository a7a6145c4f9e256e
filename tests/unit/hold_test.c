/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_test.c - the debugging aid that makes a pause pend: keeps, releases, cancels, settles.
 */
#include <errno.h>

#include "rig.h"

static struct rig rig;
static struct client client;

static int fresh(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject;hold:frames=3;monitor");
	client_open(&rig, &client);
	return 0;
}

static void done(void)
{
	client_close(&client);
	rig_close(&rig);
}

static void set(const char *text, int expected)
{
	char error[128];

	assert_int_equal(lwf_module_set(rig_module(&rig, "hold"), text, error, sizeof(error)),
			 expected);
}

/* The pause of inject truly pends on a device that answers at once. */
static void test_pause_pends(void **state)
{
	struct lwf_kept kept;
	char text[128];

	(void)state;
	assert_false(lwf_stack_kept(rig.stack, 0, &kept));
	client_send(&client, 3);
	assert_int_equal(client.answers, 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 20);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_string_equal(text, "3 frames of inject at hold, oldest 20 ms");
	assert_true(lwf_stack_kept(rig.stack, 0, &kept));
	assert_string_equal(kept.origin, "inject");
	assert_string_equal(kept.holder, "hold");
	assert_int_equal(kept.frames, 3);
	assert_int_equal(kept.age_ns, 20 * RIG_MS);
	assert_false(lwf_stack_kept(rig.stack, 1, &kept));
	set("release=on", 0);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	done();
}

/* Frames that nobody waits for: a row for each who made some at each who keeps some. */
static void test_kept_while_running(void **state)
{
	struct lwf_kept kept;

	(void)state;
	client_send(&client, 2);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 4); /* past hold, which has its three; the device keeps these */
	rig_run(&rig, 7);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_true(lwf_stack_kept(rig.stack, 0, &kept));
	assert_string_equal(kept.origin, "up0");
	assert_string_equal(kept.holder, "hold");
	assert_int_equal(kept.frames, 1);
	assert_int_equal(kept.age_ns, 7 * RIG_MS);
	assert_true(lwf_stack_kept(rig.stack, 1, &kept));
	assert_string_equal(kept.origin, "inject");
	assert_string_equal(kept.holder, "hold");
	assert_int_equal(kept.frames, 2);
	assert_true(lwf_stack_kept(rig.stack, 2, &kept));
	assert_string_equal(kept.origin, "inject");
	assert_string_equal(kept.holder, "low0");
	assert_int_equal(kept.frames, 4);
	assert_false(lwf_stack_kept(rig.stack, 3, &kept));
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 4);
	set("release=on", 0);
	rig_run(&rig, 1);
	assert_false(lwf_stack_kept(rig.stack, 0, &kept));
	done();
}

static lwf_status sick_attach(struct lwf_module *module, const struct lwf_options *values)
{
	(void)module;
	(void)values;
	return LWF_STATUS_RESOURCES;
}

/* A module that does not live has no frames: those of others are not told as its own. */
static void test_kept_beside_one_left_out(void **state)
{
	static const struct lwf_filter_ops sick = {.name = "sick", .attach = sick_attach};
	static const struct lwf_filter_ops *const extra[] = {&sick, NULL};
	struct lwf_kept kept;

	(void)state;
	client_close(&client);
	rig_close(&rig);
	rig_open(&rig, extra, "sick;inject;hold:frames=3");
	client_open(&rig, &client);
	client_send(&client, 3);
	assert_true(lwf_stack_kept(rig.stack, 0, &kept));
	assert_string_equal(kept.origin, "inject");
	assert_false(lwf_stack_kept(rig.stack, 1, &kept));
	set("release=on", 0);
	done();
}

static void test_keeps_so_many(void **state)
{
	(void)state;
	client_send(&client, 5); /* order: those behind a kept one may not overtake, or pass */
	assert_true(client.answers == 0 || client.answers == 2);
	set("release=on", 0);
	assert_int_equal(client.answers, 5);
	set("frames=2", 0);
	client_send(&client, 2);
	assert_int_equal(client.answers, 5);
	lwf_session_cancel(&client.session, 0);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 2);
	set("frames=5000", -EINVAL);
	set("nonsense=1", -EINVAL);
	done();
}

/* Its own pause settles what it keeps, of whomever. */
static void test_settles_at_pause(void **state)
{
	(void)state;
	lwf_session_close(&client.session, NULL);
	client_open(&rig, &client);
	client_send(&client, 2);
	lwf_session_cancel(&client.session, 1);
	assert_int_equal(client.answers, 1);
	set("release=on", 0);
	set("frames=1", 0);
	client_send(&client, 1);
	client_close(&client); /* cancels what is kept */
	assert_int_equal(lwf_ledger_outstanding(lwf_stack_client_ledger(rig.stack)), 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pause_pends, fresh),
		cmocka_unit_test_setup(test_kept_while_running, fresh),
		cmocka_unit_test_setup(test_kept_beside_one_left_out, fresh),
		cmocka_unit_test_setup(test_keeps_so_many, fresh),
		cmocka_unit_test_setup(test_settles_at_pause, fresh),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
