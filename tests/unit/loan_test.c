/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loan_test.c - receives that are lent for the length of a call, and the rules P10 and O15, each broken
 * by a filter that is wrong on purpose, beside its legal neighbour.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lifecycle.h"
#include "packet.h"
#include "rulebed.h"

static uint8_t seen[256][256];
static uint32_t seen_count;

static void on_upper(void *context, const struct lwf_frame *frame)
{
	(void)context;
	assert_false(lwf_frame_is_lent(frame));
	memcpy(seen[seen_count++], frame->data, frame->len);
}

static uint32_t borrowed, returns;

static void borrow(struct lwf_module *module, struct lwf_batch *batch)
{
	for (const struct lwf_frame *frame = batch->head; frame; frame = frame->next)
		borrowed += lwf_frame_is_lent(frame);
	lwf_next_receive(module, batch);
}

static void count_returns(struct lwf_module *module, struct lwf_batch *batch)
{
	returns += batch->count;
	lwf_receive_return(module, batch);
}

static int fresh(void **state)
{
	seen_count = borrowed = returns = 0;
	return rule_fresh(state);
}

static void begin(const char *specs)
{
	rule_begin(specs);
	lwf_sim_edge_on_hand_over(rig.upper, on_upper, NULL);
	script.receive = borrow;
	script.receive_return = count_returns;
}

static void lend_from_below(uint32_t n)
{
	uint8_t bytes[60];

	packet_plain(bytes, sizeof(bytes), n);
	lwf_sim_edge_config(rig.lower)->lend = true;
	assert_int_equal(lwf_sim_edge_inject_many(rig.lower, bytes, sizeof(bytes), n), 0);
	assert_int_equal(rig.lower->inputs_out, 0); /* it has them back */
}

/* The device lends: they pass, nobody returns them, nothing is outstanding or held. */
static void test_from_the_device(void **state)
{
	uint8_t expected[60];

	(void)state;
	begin("monitor;script;monitor");
	lwf_sim_edge_config(rig.upper)->delay_ns = 5 * RIG_MS; /* slow: it has copies */
	lend_from_below(3);
	assert_int_equal(borrowed, 3);
	assert_int_equal(seen_count, 3);
	packet_plain(expected, sizeof(expected), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_memory_equal(seen[i], expected, sizeof(expected));
	assert_int_equal(script.module->held_receives, 0);
	rule_pause(); /* which waits for no copy */
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(lwf_sim_edge_held(rig.upper), 3);
	rig_run(&rig, 10);
	assert_int_equal(rig.upper->counters.tx_units, 3);
	assert_int_equal(returns, 0);
	rule_restart();
	rule_end_clean();
}

/* A stack that is closed waits until its upper edge has done with the copies. */
static void test_closed_with_copies_out(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.upper)->delay_ns = 50 * RIG_MS;
	lend_from_below(2);
	rule_end_clean();
}

static void test_more_than_copies(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.upper)->never = true;
	lend_from_below(LWF_BATCH_MAX_FRAMES);
	lend_from_below(2);
	assert_int_equal(seen_count, LWF_BATCH_MAX_FRAMES);
	assert_int_equal(rig.upper->counters.drops[LWF_REASON_NO_FRAME], 2);
	lwf_sim_edge_release(rig.upper, UINT32_MAX);
	lend_from_below(1);
	assert_int_equal(seen_count, LWF_BATCH_MAX_FRAMES + 1);
	lwf_sim_edge_release(rig.upper, UINT32_MAX);
	rule_end_clean();
}

static void take_batch(struct lwf_batch *batch, uint32_t n)
{
	lwf_batch_init(batch);
	while (n-- > 0) {
		struct lwf_frame *frame =
			lwf_pool_take(script.pool, rule_self(), LWF_DIRECTION_RECEIVE);

		frame->len = 60;
		packet_plain(frame->data, 60, n);
		lwf_batch_push(batch, frame);
	}
}

static void look(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	borrowed += batch->count;
	assert_int_equal(script.module->receives_out, 0);
}

static const struct lwf_filter_ops above_ops = {.name = "above", .receive = look};
static const struct lwf_filter_ops *const with_above[] = {&script_ops, &keeper_ops, &above_ops,
							  NULL};

/* O09: an own loan is back when the call returns, without a return, and was never outstanding. */
static void test_own_loan(void **state)
{
	struct lwf_module_info info;
	struct lwf_batch batch;
	struct lwf_frame *first;

	(void)state;
	rig_open(&rig, with_above, "above;script");
	script.receive_return = count_returns;
	take_batch(&batch, 3);
	first = batch.head;
	lwf_lend_receive(script.module, &batch);
	assert_ptr_equal(batch.head, first);
	assert_int_equal(batch.count, 3);
	lwf_lend_receive(script.module, &batch); /* and again: they are its own */
	lwf_module_info(script.module, &info);
	assert_int_equal(borrowed, 6);
	assert_int_equal(info.receives, 6);
	assert_int_equal(info.receives_out, 0);
	assert_int_equal(info.receive_answers[LWF_ANSWER_SUCCESS], 6);
	assert_int_equal(returns, 0);
	lwf_pool_give_batch(&batch);
	assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
	rig_close(&rig);
}

/* What a module keeps of others it may lend, and must still return. */
static void test_lend_what_is_kept(void **state)
{
	(void)state;
	rule_begin("keeper");
	script.keep_receives = true;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	lwf_lend_receive(script.module, &script.kept_receives);
	assert_int_equal(rig.upper_handed, 1);
	assert_int_equal(rig.lower->inputs_out, 1);
	lwf_receive_return(script.module, &script.kept_receives);
	lwf_batch_init(&script.kept_receives);
	assert_int_equal(rig.lower->inputs_out, 0);
	rule_end_clean();
}

/* P02 holds for what is lent, too. */
static void test_not_while_paused(void **state)
{
	struct lwf_batch batch;

	(void)state;
	begin("script");
	rule_pause();
	take_batch(&batch, 1);
	lwf_lend_receive(script.module, &batch);
	lwf_pool_give_batch(&batch);
	rule_end_broken("P02");
}

/* ---- P10 ---- */

static void give_back(struct lwf_module *module, struct lwf_batch *batch)
{
	if (lwf_frame_is_lent(batch->head))
		lwf_receive_return(module, batch);
	else
		lwf_drop_receives(module, batch, LWF_REASON_FILTER);
}

static void drop(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_drop_receives(module, batch, LWF_REASON_FILTER);
}

static void test_P10(void **state)
{
	(void)state;
	begin("monitor;script");
	script.receive = drop; /* dropped without a return: legal */
	lend_from_below(2);
	assert_int_equal(seen_count, 0);
	/* in any state: the engine does not return what is lent either */
	rule_pause();
	script.receive = borrow;
	rig.lower->intake = LWF_INTAKE_READ;
	lend_from_below(2);
	assert_int_equal(borrowed + returns, 0);
	rule_restart();
	script.receive = give_back;
	lwf_sim_edge_config(rig.lower)->lend = false;
	assert_int_equal(rig_receive(&rig, 60, 1), 0); /* not lent: legal */
	rig_expect_clean(&rig);
	lend_from_below(2);
	assert_int_equal(returns, 0);
	script.receive = NULL;
	rule_end_broken("P10");
}

/* ---- O15 ---- */

static struct lwf_batch stolen;

static void keep_one(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_batch_init(&stolen);
	lwf_batch_push(&stolen, lwf_batch_pop(batch));
	lwf_next_receive(module, batch);
}

static void turn_round(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_frame *first = lwf_batch_pop(batch);

	lwf_next_receive(module, batch);
	lwf_batch_push(batch, first);
}

static void pass_second(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch one, rest;
	struct lwf_frame *first = lwf_batch_pop(batch);

	lwf_batch_init(&one);
	lwf_batch_init(&rest);
	lwf_batch_push(&one, lwf_batch_pop(batch));
	lwf_batch_append(&rest, batch);
	lwf_next_receive(module, &one);
	lwf_batch_push(batch, first);
	lwf_batch_append(batch, &one);
	lwf_batch_append(batch, &rest);
}

static void test_O15(void **state)
{
	void (*const wrong[])(struct lwf_module *, struct lwf_batch *) = {keep_one, turn_round};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fresh(state);
		begin("monitor;script;monitor");
		script.receive = pass_second; /* apart and together again: legal */
		lend_from_below(3);
		assert_int_equal(seen_count, 1);
		rig_expect_clean(&rig);
		script.receive = wrong[i];
		lend_from_below(3);
		script.receive = borrow;
		lend_from_below(LWF_BATCH_MAX_FRAMES); /* the device lacks none of its frames */
		assert_int_equal(borrowed, LWF_BATCH_MAX_FRAMES);
		assert_int_equal(rig_broken(&rig, "O15"), 1);
		rule_end_broken("O15");
	}
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(from_the_device),
		RULE_TEST(closed_with_copies_out),
		RULE_TEST(more_than_copies),
		RULE_TEST(own_loan),
		RULE_TEST(lend_what_is_kept),
		RULE_TEST(not_while_paused),
		RULE_TEST(P10),
		RULE_TEST(O15),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("loan", tests, NULL, NULL);
}
