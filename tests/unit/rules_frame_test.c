/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_frame_test.c - rules of who owns a frame, and those from the field.
 *
 * Each rule is broken once, by a filter that is wrong on purpose, and is reported under its id and no
 * other; and each time the legal neighbour of the deed is not reported.
 *
 * Those from the field (F) are scenarios; where a wrong filter or session can break them, it does.
 */
#include <stdlib.h>

#include "internal.h"
#include "lifecycle.h"
#include "rulebed.h"

/* ---- F: from the field, as scenarios ---- */

static void test_F01(void **state)
{
	(void)state;
	rule_begin("inject;script");
	client_open(&rig, &client);
	client_send(&client, 4);
	rule_pause(); /* with nothing outstanding */
	client_send(&client, 4);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 4);
	assert_int_equal(rig.lower_handed, 4);
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self());
	assert_int_equal(rig.lower_handed, 4);
	client_close(&client);
	rule_end_broken("F01");
}

/* A refusal that is a lie: Running, and still "not running" (the flag nobody took back). */
static void test_F02(void **state)
{
	struct lwf_frame frame = {0};

	(void)state;
	rule_begin("inject");
	client_open(&rig, &client);
	rule_pause();
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	rule_restart();
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	rig_expect_clean(&rig);
	client_put(&client, 1, LWF_DIRECTION_SEND);
	frame.data = frame.buffer = (uint8_t[2048]){0};
	frame.buffer_bytes = 2048;
	assert_int_equal(lwf_session_pull(&client.session, &frame), LWF_PULL_FRAME);
	lwf_frame_answer(&frame, LWF_REASON_NOT_RUNNING);
	lwf_session_refuse(&client.session, &frame);
	client_close(&client);
	rule_end_broken("F02");
}

/* The last frame comes home between the zero test and the return of PENDING. */
static void release_inside(struct lwf_module *module)
{
	(void)module;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
}

static void test_F03(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		script_reset();
		rule_begin("script");
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_true(script_originate(2, LWF_DIRECTION_SEND));
		script.in_pause = release_inside;
		script.forget_completion = wrong; /* as with "owed" set too late */
		rule_pause();
		script.in_pause = NULL;
		if (!wrong) {
			assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
			rule_end_clean();
			continue;
		}
		assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
		rig_run(&rig, 1500);
		rig_expect_broken(&rig, "F03");
		lwf_pause_complete(script.module);
		rule_end_broken("F03");
	}
}

static void test_F04(void **state)
{
	struct lwf_frame frame = {0};

	(void)state;
	rule_begin("inject");
	client_open(&rig, &client);
	rule_pause();
	client_send(&client, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 3);
	rule_restart();
	client_send(&client, 3); /* the same handle */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	rule_pause();
	rig_expect_clean(&rig);
	/* another error than the documented one, as in npcap#627 */
	client_put(&client, 1, LWF_DIRECTION_SEND);
	frame.data = frame.buffer = (uint8_t[2048]){0};
	frame.buffer_bytes = 2048;
	assert_int_equal(lwf_session_pull(&client.session, &frame), LWF_PULL_FRAME);
	lwf_frame_answer(&frame, LWF_REASON_REMOVED);
	lwf_session_refuse(&client.session, &frame);
	client_close(&client);
	rule_end_broken("F04");
}

/* A handle that is bound to a life which ended, as in npcap#506. */
static void refuse_as(enum lwf_reason reason)
{
	struct lwf_frame frame = {0};

	client_put(&client, 1, LWF_DIRECTION_SEND);
	frame.data = frame.buffer = (uint8_t[2048]){0};
	frame.buffer_bytes = 2048;
	assert_int_equal(lwf_session_pull(&client.session, &frame), LWF_PULL_FRAME);
	lwf_frame_answer(&frame, reason);
	lwf_session_refuse(&client.session, &frame);
}

static void test_F05(void **state)
{
	(void)state;
	rule_begin("inject");
	client_open(&rig, &client);
	client_send(&client, 1);
	for (int i = 0; i < 3; i++) {
		uint64_t epoch = lwf_stack_epoch(rig.stack);

		rig_remove(&rig);
		rig_run(&rig, 1);
		client_send(&client, 1);
		assert_int_equal(client_last(&client), LWF_STATUS_ADAPTER_REMOVED);
		refuse_as(LWF_REASON_REMOVED); /* the truth, as long as it is gone */
		rig_return(&rig);
		rig_run(&rig, 1);
		assert_true(lwf_stack_epoch(rig.stack) == epoch + 1);
		client_send(&client, 1);
		assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	}
	rig_expect_clean(&rig);
	refuse_as(LWF_REASON_REMOVED);
	client_close(&client);
	rule_end_broken("F05");
}

/* ---- O: ownership ---- */

static void test_O01(void **state)
{
	(void)state;
	rule_begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self());
	rig_expect_clean(&rig);
	script_originate_wrongly(1, LWF_DIRECTION_SEND, 0);
	assert_int_equal(script.home, 2); /* it came home all the same */
	rule_end_broken("O01");
}

static void steal(struct lwf_module *module, struct lwf_batch *batch)
{
	batch->head->origin = lwf_module_handle(module);
	lwf_next_send(module, batch);
}

static void test_O02(void **state)
{
	(void)state;
	rule_begin("inject;script");
	client_open(&rig, &client);
	client_send(&client, 2);
	rig_expect_clean(&rig);
	script.send = steal;
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS),
			 4); /* back to its true origin */
	client_close(&client);
	rule_end_broken("O02");
}

static void complete_all(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_send_complete(module, batch);
}

static void test_O03(void **state)
{
	(void)state;
	rule_begin("script");
	script.send_complete = complete_all;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0); /* foreign frames: legal */
	rig_expect_clean(&rig);
	script_originate_wrongly(2, LWF_DIRECTION_SEND, rule_self());
	rule_end_broken("O03");
}

static struct lwf_batch lost;

static void lose(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	lwf_batch_append(&lost, batch);
}

static void find_and_pass(struct lwf_module *module)
{
	struct lwf_batch batch = lost;

	lwf_batch_init(&lost);
	lwf_next_send(module, &batch);
}

static struct lwf_pool *forged_pool;

/* Passes the frame on, and a copy that claims the same birth: two for one. */
static void pass_twice(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_frame *frame = batch->head;
	struct lwf_frame *copy = lwf_pool_take(forged_pool, frame->origin, LWF_DIRECTION_SEND);
	struct lwf_batch second;

	copy->born = frame->born;
	copy->holder = frame->holder;
	copy->len = 60;
	lwf_next_send(module, batch);
	lwf_batch_init(&second);
	lwf_batch_push(&second, copy);
	script.send_complete = complete_all;
	lwf_drop_sends(module, &second, LWF_REASON_FILTER);
}

static void test_O04(void **state)
{
	(void)state;
	rule_begin("script");
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rig_expect_clean(&rig);
	script.send = lose;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	script.send = NULL;
	rig_expect_broken(&rig, "O04");
	find_and_pass(script.module);
	rule_end_broken("O04");

	script_reset();
	rule_begin("script");
	forged_pool = lwf_pool_create(rig.host, 1, 64);
	script.send = pass_twice;
	rig.upper->inputs_out++; /* the copy will be counted home as well */
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	script.send = NULL;
	rig_expect_broken(&rig, "O04");
	lwf_pool_destroy(forged_pool);
	rule_end_broken("O04");
}

static void test_O05(void **state)
{
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct lwf_sim_edge_config *config;

		script_reset();
		rule_begin("script");
		config = lwf_sim_edge_config(rig.lower);
		config->delay_ns = RIG_MS;
		config->merge = true;
		config->reorder = true;
		if (wrong)
			script.send_complete = complete_all; /* does not look whose they are */
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(rig_host_send(&rig, 60, i), 0);
			if (wrong)
				script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self());
			else
				assert_true(script_originate(1, LWF_DIRECTION_SEND));
		}
		rig_run(&rig, 5);
		assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 4);
		if (wrong) {
			rule_end_broken("O05");
			continue;
		}
		assert_int_equal(script.home, 4);
		rule_end_clean();
	}
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(F01), RULE_TEST(F02), RULE_TEST(F03), RULE_TEST(F04), RULE_TEST(F05),
		RULE_TEST(O01), RULE_TEST(O02), RULE_TEST(O03), RULE_TEST(O04), RULE_TEST(O05),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_frame", tests, NULL, NULL);
}
