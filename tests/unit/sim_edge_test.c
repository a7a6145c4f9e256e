/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_edge_test.c - the simulated device keeps the contract of edges, in every way it can answer.
 */
#include <errno.h>
#include <string.h>

#include "packet.h"
#include "rig.h"

#define FRAMES 40u

static struct rig rig;
static struct client client;

static void open_both(void)
{
	rig_open(&rig, NULL, "inject");
	client_open(&rig, &client);
}

static void close_both(void)
{
	client_close(&client);
	rig_close(&rig);
}

static bool in_order(void)
{
	for (uint32_t i = 1; i < client.answers; i++)
		if (client.answer[i].id < client.answer[i - 1].id)
			return false;
	return true;
}

static void test_inline(void **state)
{
	(void)state;
	open_both();
	client_send(&client, FRAMES);
	assert_int_equal(client.answers, FRAMES); /* before any time has passed */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), FRAMES);
	assert_true(in_order());
	assert_int_equal(rig.lower_handed, FRAMES);
	assert_int_equal(rig.lower->counters.tx_units, FRAMES);
	assert_int_equal(rig.lower->counters.tx_bytes, FRAMES * 60);
	close_both();
}

static void test_delayed_in_order(void **state)
{
	struct lwf_sim_edge_config *config;

	(void)state;
	open_both();
	config = lwf_sim_edge_config(rig.lower);
	config->delay_ns = 2 * RIG_MS;
	config->jitter_ns = 5 * RIG_MS;
	for (uint32_t i = 0; i < FRAMES; i++)
		client_send(&client, 1);
	assert_int_equal(client.answers, 0);
	assert_int_equal(lwf_sim_edge_held(rig.lower), FRAMES);
	config->delay_ns = 0; /* later ones queue behind all the same */
	config->jitter_ns = 0;
	client_send(&client, 1);
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 1);
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 7);
	assert_int_equal(client.answers, FRAMES + 1);
	assert_true(in_order());
	close_both();
}

static void test_reordered(void **state)
{
	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->jitter_ns = 5 * RIG_MS;
	lwf_sim_edge_config(rig.lower)->reorder = true;
	client_send(&client, FRAMES);
	rig_run(&rig, 6);
	assert_int_equal(client.answers, FRAMES);
	assert_false(in_order());
	close_both();
}

static void test_merge_and_split(void **state)
{
	uint32_t flushes;

	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	client_send(&client, 8);
	client_send(&client, 8);
	flushes = client.flushes;
	rig_run(&rig, 2);
	assert_int_equal(client.flushes - flushes, 2); /* one batch for each transmit */

	lwf_sim_edge_config(rig.lower)->merge = true;
	client_send(&client, 8);
	client_send(&client, 8);
	flushes = client.flushes;
	rig_run(&rig, 2);
	assert_int_equal(client.flushes - flushes, 1);

	lwf_sim_edge_config(rig.lower)->split = true;
	client_send(&client, 8);
	flushes = client.flushes;
	rig_run(&rig, 2);
	assert_int_equal(client.flushes - flushes, 8);
	assert_int_equal(client.answers, FRAMES);
	close_both();
}

static void test_never(void **state)
{
	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 8);
	rig_run(&rig, 5000);
	assert_int_equal(client.answers, 0);
	assert_int_equal(lwf_sim_edge_release(rig.lower, 3), 3);
	assert_int_equal(client.answers, 3);
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 2);
	assert_int_equal(client.answers, 8);
	assert_true(in_order());
	close_both();
}

static void test_failures(void **state)
{
	struct lwf_sim_edge_config *config;
	uint32_t failed;

	(void)state;
	open_both();
	config = lwf_sim_edge_config(rig.lower);
	config->fail_per_1024 = 512;
	config->fail_reason = LWF_REASON_DEVICE;
	for (int i = 0; i < 10; i++)
		client_send(&client, 100);
	failed = client_count(&client, LWF_STATUS_FAILURE);
	assert_in_range(failed, 400, 600);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1000 - failed);
	assert_int_equal(rig.lower->counters.errors, failed);
	assert_int_equal(rig.lower->counters.last_error, EIO);
	config->fail_per_1024 = 1024;
	config->fail_reason = LWF_REASON_QUEUE_TIMEOUT;
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_RESOURCES);
	close_both();
}

static void test_room(void **state)
{
	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->never = true;
	lwf_sim_edge_config(rig.lower)->room_frames = 16;
	client_put(&client, 200, LWF_DIRECTION_SEND);
	client_pump(&client);
	assert_false(rig.lower->room);
	assert_true(lwf_sim_edge_held(rig.lower) >= 16);
	assert_true(lwf_sim_edge_held(rig.lower) <= 16 + LWF_BATCH_MAX_FRAMES);
	assert_true(client.pulled < 200); /* the rest stays in the ring */
	assert_int_equal(rig.upper->intake, LWF_INTAKE_HOLD);
	assert_int_equal(rig_host_send(&rig, 60, 1), -EAGAIN);
	lwf_sim_edge_config(rig.lower)->never = false;
	while (client.answers < 200) {
		rig_run(&rig, 2);
		client_pump(&client);
	}
	assert_true(rig.lower->room);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 200);
	close_both();
}

/* What is held is answered with its reason as soon as the link says why it cannot leave. */
static void check_link(void (*cut)(struct rig *), lwf_status status, enum lwf_reason reason)
{
	open_both();
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 5);
	cut(&rig);
	rig_run(&rig, 100);
	assert_int_equal(client.answers, 5);
	assert_int_equal(client_count(&client, status), 5);
	assert_int_equal(client.answer[0].reason, reason);
	assert_false(client.answer[0].refused);
	close_both();
}

static void cut_carrier(struct rig *r)
{
	rig_carrier(r, false);
}

static void test_link(void **state)
{
	(void)state;
	check_link(rig_link_down, LWF_STATUS_PAUSED, LWF_REASON_DISABLED);
	check_link(rig_remove, LWF_STATUS_ADAPTER_REMOVED, LWF_REASON_REMOVED);
	check_link(cut_carrier, LWF_STATUS_MEDIA_DISCONNECTED, LWF_REASON_NO_CARRIER);
}

static void test_cancel(void **state)
{
	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 5);
	lwf_session_cancel(&client.session, 3);
	assert_int_equal(client.answers, 1);
	assert_true(client.answer[0].id == 3);
	assert_int_equal(client_last(&client), LWF_STATUS_SEND_ABORTED);
	lwf_session_cancel(&client.session, 3);
	assert_int_equal(client.answers, 1);
	lwf_session_cancel(&client.session, 0);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 5);
	close_both();
}

static void test_holds(void **state)
{
	uint64_t oldest_ns = 0, at_ns;
	lwf_handle inject;

	(void)state;
	open_both();
	lwf_sim_edge_config(rig.lower)->never = true;
	inject = lwf_module_handle(rig_module(&rig, "inject"));
	client_send(&client, 2);
	at_ns = lwf_host_now_ns(rig.host);
	rig_run(&rig, 10);
	client_send(&client, 2);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(rig.lower->ops->holds(rig.lower, inject, &oldest_ns), 4);
	assert_true(oldest_ns == at_ns);
	assert_int_equal(rig.lower->ops->holds(rig.lower, 0, &oldest_ns), 5);
	assert_int_equal(rig.lower->ops->holds(rig.lower, 12345, &oldest_ns), 0);
	close_both();
}

/* As the upper edge: what is received goes to it, what it gives is the host's. */
static void test_upper(void **state)
{
	(void)state;
	open_both();
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(rig.upper_handed, 1);
	assert_int_equal(rig.upper->counters.tx_units, 1);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(rig.lower_handed, 1);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 1);
	rig.upper->link.admin_up = false;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_UPPER_DOWN], 1);
	rig.upper->link.admin_up = true;
	rig_carrier(&rig, false);
	assert_false(rig.upper->link.carrier); /* mirrored */
	assert_int_equal(rig_receive(&rig, 60, 1), -ENETDOWN);
	rig_carrier(&rig, true);
	assert_true(rig.upper->link.carrier);
	close_both();
}

static void test_intake(void **state)
{
	(void)state;
	open_both();
	assert_int_equal(rig_receive(&rig, 13, 1), -EINVAL);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_RUNT], 1);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(rig.lower->intake, LWF_INTAKE_DISCARD);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_NOT_RUNNING], 1);
	assert_int_equal(rig.upper_handed, 0);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	close_both();
}

static void test_attach_fails(void **state)
{
	(void)state;
	open_both();
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	lwf_sim_edge_config(rig.lower)->attach_error = ENODEV;
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig.stack), 1u << LWF_HOLD_FAULT_DETACH);
	lwf_sim_edge_config(rig.lower)->attach_error = 0;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	close_both();
}

/* Each allocation of the constructor fails once. */
static void test_no_memory(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_edge *edge = NULL;
	int error = -1;

	(void)state;
	for (uint64_t nth = 1; error; nth++) {
		lwf_sim_host_fail_nth(host, nth);
		error = lwf_sim_edge_create(host, "x", &edge);
		assert_true(error == 0 || error == -ENOMEM);
		if (error)
			assert_int_equal(lwf_sim_host_allocations(host), 0);
		assert_true(nth < 100);
	}
	edge->ops->close(edge);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),	     cmocka_unit_test(test_delayed_in_order),
		cmocka_unit_test(test_reordered),    cmocka_unit_test(test_merge_and_split),
		cmocka_unit_test(test_never),	     cmocka_unit_test(test_failures),
		cmocka_unit_test(test_room),	     cmocka_unit_test(test_link),
		cmocka_unit_test(test_cancel),	     cmocka_unit_test(test_holds),
		cmocka_unit_test(test_upper),	     cmocka_unit_test(test_intake),
		cmocka_unit_test(test_attach_fails), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("sim_edge", tests, NULL, NULL);
}
