/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cancel_test.c - cancel ids: the way of an id through a stack, and the rules O13 and O14, each broken
 * by a filter that is wrong on purpose, beside its legal neighbour.
 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"
#include "lifecycle.h"
#include "packet.h"
#include "rulebed.h"

/* ---- the way of an id ---- */

static struct {
	char names[8][LWF_NAME_BYTES];
	uint64_t ids[8];
	uint32_t count;
} visits;

static void visit(struct lwf_module *module, uint64_t cancel_id)
{
	snprintf(visits.names[visits.count], LWF_NAME_BYTES, "%s", lwf_module_name(module));
	visits.ids[visits.count++] = cancel_id;
	lwf_next_cancel(module, cancel_id);
}

static const struct lwf_filter_ops visited_ops = {.name = "visited", .cancel = visit};
static const struct lwf_filter_ops *const visited[] = {&script_ops, &keeper_ops, &visited_ops,
						       NULL};

static void test_from_the_top_down(void **state)
{
	(void)state;
	visits.count = 0;
	rig_open(&rig, visited, "visited;monitor;visited;keeper;visited");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_open(&rig, &client);
	lwf_stack_cancel(rig.stack, 7ull << 32 | 3);
	assert_int_equal(visits.count, 3);
	assert_string_equal(visits.names[0], "visited");
	assert_string_equal(visits.names[1], "visited-2");
	assert_string_equal(visits.names[2], "visited-3");
	for (uint32_t i = 0; i < 3; i++)
		assert_true(visits.ids[i] == (7ull << 32 | 3));
	/* a module that is not Running keeps nothing: the id goes past it */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	lwf_stack_cancel(rig.stack, 1);
	assert_int_equal(visits.count, 3);
	client_close(&client);
	rig_close(&rig);
}

/* From a client down to the device: what is meant comes back SEND_ABORTED, the rest as usual. */
static void test_end_to_end(void **state)
{
	(void)state;
	rule_begin("keeper;inject;monitor");
	lwf_sim_edge_config(rig.lower)->never = true;
	client_open(&rig, &client);
	client_send(&client, 4); /* cancel ids 1 to 4 */
	assert_int_equal(lwf_sim_edge_held(rig.lower), 4);
	lwf_session_cancel(&client.session, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 1);
	assert_int_equal(client.answered[2], 1);
	lwf_sim_edge_release(rig.lower, 3);
	lwf_session_cancel(&client.session, 1); /* a hint: it has been sent */
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	client_close(&client);
	rule_end_clean();
}

/* A module cancels sends of its own, and nobody else's. */
static void test_own_sends(void **state)
{
	uint64_t mine, other;

	(void)state;
	rule_begin("inject;script");
	client_open(&rig, &client);
	mine = lwf_generate_partial_cancel_id(script.module);
	other = lwf_generate_partial_cancel_id(rig_module(&rig, "inject"));
	assert_true(mine != other && (uint32_t)mine == 0 && (uint32_t)other == 0);
	assert_true(mine >> 32 != client.session.id && other >> 32 != client.session.id);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 2);
	for (uint32_t i = 1; i <= 3; i++) {
		struct lwf_frame *frame =
			lwf_pool_take(script.pool, rule_self(), LWF_DIRECTION_SEND);
		struct lwf_batch batch;

		frame->len = 60;
		frame->cancel_id = mine | i;
		lwf_batch_init(&batch);
		lwf_batch_push(&batch, frame);
		lwf_next_send(script.module, &batch);
	}
	lwf_next_cancel(script.module, mine | 2);
	assert_int_equal(script.home, 1);
	lwf_next_cancel(script.module, mine);
	assert_int_equal(script.by_answer[LWF_ANSWER_SEND_ABORTED], 3);
	assert_int_equal(client.answers, 0);
	lwf_sim_edge_release(rig.lower, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 2);
	client_close(&client);
	rule_end_clean();
}

/* ---- O13 ---- */

static void take_matches(uint64_t cancel_id, struct lwf_batch *matches)
{
	struct lwf_batch kept = script.kept_sends;
	struct lwf_frame *frame;

	lwf_batch_init(&script.kept_sends);
	lwf_batch_init(matches);
	while ((frame = lwf_batch_pop(&kept)))
		lwf_batch_push(lwf_cancel_matches(frame, cancel_id) ? matches : &script.kept_sends,
			       frame);
}

static void do_not_forward(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_batch matches;

	take_matches(cancel_id, &matches);
	if (matches.head)
		lwf_drop_sends(module, &matches, LWF_REASON_CANCELLED);
}

static void forward_twice(struct lwf_module *module, uint64_t cancel_id)
{
	do_not_forward(module, cancel_id);
	lwf_next_cancel(module, cancel_id);
	lwf_next_cancel(module, cancel_id);
}

static void answer_all(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_batch all = script.kept_sends;

	lwf_batch_init(&script.kept_sends);
	if (all.head)
		lwf_drop_sends(module, &all, LWF_REASON_CANCELLED);
	lwf_next_cancel(module, cancel_id);
}

static void answer_otherwise(struct lwf_module *module, uint64_t cancel_id)
{
	struct lwf_batch matches;

	take_matches(cancel_id, &matches);
	if (matches.head)
		lwf_drop_sends(module, &matches, LWF_REASON_FILTER);
	lwf_next_cancel(module, cancel_id);
}

static void do_nothing(struct lwf_module *module, uint64_t cancel_id)
{
	lwf_next_cancel(module, cancel_id);
}

static void (*const wrong_cancels[])(struct lwf_module *, uint64_t) = {
	do_not_forward, forward_twice, answer_all, answer_otherwise, do_nothing,
};

static void test_O13(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong_cancels) / sizeof(wrong_cancels[0]); i++) {
		script_reset();
		visits.count = 0;
		rig_open(&rig, visited, "inject;keeper;visited");
		client_open(&rig, &client);
		script.keep_sends = true;
		client_send(&client, 3);
		lwf_session_cancel(&client.session, 2); /* as it should be */
		assert_int_equal(client_last(&client), LWF_STATUS_SEND_ABORTED);
		assert_int_equal(client.answered[1], 1);
		assert_int_equal(visits.count, 1);
		script_let_go();
		assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 2);
		rig_expect_clean(&rig);
		client_send(&client, 3);
		script.cancel = wrong_cancels[i];
		lwf_session_cancel(&client.session, 5);
		script.cancel = NULL;
		assert_int_equal(visits.count, 2); /* it reaches those below all the same, once */
		script_let_go();
		assert_int_equal(client.answers, 6);
		client_close(&client);
		rule_end_broken("O13");
	}
}

/* ---- O14 ---- */

static void test_O14(void **state)
{
	struct lwf_filter_ops keeps = keeper_ops, passes = script_ops, queue = keeper_ops;

	(void)state;
	rule_begin("inject");
	keeps.name = "keeps";
	assert_int_equal(lwf_engine_register(rig.engine, &keeps), 0);
	passes.name = "passes";
	passes.cancel = NULL; /* keeps nothing: needs none */
	assert_int_equal(lwf_engine_register(rig.engine, &passes), 0);
	rig_expect_clean(&rig);
	queue.name = "queue";
	queue.cancel = NULL;
	assert_int_equal(lwf_engine_register(rig.engine, &queue), -EINVAL);
	assert_null(lwf_engine_filter(rig.engine, "queue"));
	assert_int_equal(rig_broken(&rig, "O14"), 1);
	assert_int_equal(lwf_engine_rules_broken(rig.engine), 1);
	rig.may_break_rules = true;
	rig_close(&rig);
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(from_the_top_down),
		RULE_TEST(end_to_end),
		RULE_TEST(own_sends),
		RULE_TEST(O13),
		RULE_TEST(O14),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
