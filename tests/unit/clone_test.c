/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone_test.c - frames that share the bytes of another, and rule O11, broken by a filter that is wrong
 * on purpose, beside its legal neighbour.
 */
#include <stdlib.h>

#include "internal.h"
#include "lifecycle.h"
#include "packet.h"
#include "rulebed.h"

static struct lwf_pool *pool;

static int fresh(void **state)
{
	return rule_fresh(state);
}

static void begin(const char *specs)
{
	rule_begin(specs);
	pool = lwf_pool_create(rig.host, 4, 0); /* clones need no bytes */
	assert_non_null(pool);
}

static void send_one(struct lwf_frame *frame)
{
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	lwf_batch_push(&batch, frame);
	lwf_next_send(script.module, &batch);
}

static struct lwf_frame *clone_of(struct lwf_frame *parent)
{
	struct lwf_frame *clone = lwf_frame_clone(script.module, pool, parent);

	assert_non_null(clone);
	assert_ptr_equal(clone->data, parent->data);
	assert_int_equal(clone->len, parent->len);
	assert_int_equal(lwf_frame_room(clone), parent->len);
	assert_true(clone->origin == rule_self());
	return clone;
}

/* Two clones of what the host sends go to the device; the parent goes home when they are freed. */
static void test_in_place_of_the_parent(void **state)
{
	struct lwf_frame *parent;

	(void)state;
	begin("keeper;monitor");
	script.keep_sends = true;
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	parent = script.kept_sends.head;
	send_one(clone_of(parent));
	send_one(clone_of(parent));
	assert_int_equal(parent->clones, 2);
	assert_int_equal(lwf_sim_edge_held(rig.lower), 2);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 0);
	lwf_sim_edge_release(rig.lower, 1); /* the filter frees each that comes home */
	assert_int_equal(parent->clones, 1);
	lwf_sim_edge_release(rig.lower, 1);
	assert_int_equal(parent->clones, 0);
	assert_int_equal(script.home, 2);
	assert_int_equal(lwf_pool_free_frames(pool), 4);
	lwf_drop_sends(script.module, &script.kept_sends, LWF_REASON_NONE);
	lwf_batch_init(&script.kept_sends);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 1);
	lwf_pool_destroy(pool);
	rule_end_clean();
}

static void test_bounds(void **state)
{
	struct lwf_frame *parent, *clones[4];

	(void)state;
	begin("script");
	parent = lwf_pool_take(script.pool, rule_self(), LWF_DIRECTION_RECEIVE);
	lwf_sim_host_fail_nth(rig.host, 1); /* whoever asks for memory is refused */
	for (int i = 0; i < 4; i++) {
		clones[i] = clone_of(i < 3 ? parent : clones[0]); /* also of a clone */
		assert_int_equal(clones[i]->direction, LWF_DIRECTION_RECEIVE);
	}
	assert_null(lwf_frame_clone(script.module, pool, parent));
	assert_null(lwf_host_alloc(rig.host, 1)); /* nobody had */
	assert_int_equal(parent->clones, 3);
	assert_int_equal(clones[0]->clones, 1);
	lwf_frame_free_clone(clones[2]);
	lwf_frame_free_clone(clones[3]);
	lwf_frame_free_clone(clones[0]);
	lwf_frame_free_clone(clones[1]);
	assert_int_equal(parent->clones, 0);
	lwf_pool_give(script.pool, parent);
	lwf_pool_destroy(pool);
	rule_end_clean();
}

/* The parent may go down; when it comes back early its keeper waits for the clone. */
static struct lwf_frame *out;

static void clone_and_pass(struct lwf_module *module, struct lwf_batch *batch)
{
	out = clone_of(batch->head);
	lwf_next_send(module, batch);
}

static struct lwf_batch back;

static void wait_for_clone(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	lwf_batch_append(&back, batch);
}

static void do_not_wait(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_send_complete(module, batch);
}

static void test_O11(void **state)
{
	(void)state;
	begin("monitor;keeper;monitor");
	script.send = clone_and_pass;
	script.send_complete = wait_for_clone;
	lwf_batch_init(&back);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(back.count, 1);
	lwf_frame_free_clone(out);
	lwf_send_complete(script.module, &back);
	lwf_batch_init(&back);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 1);
	rig_expect_clean(&rig);

	script.send_complete = do_not_wait;
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rig_expect_broken(&rig, "O11");
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 1); /* kept back: the bytes stay */
	assert_int_equal(rig.upper->inputs_out, 1);
	lwf_frame_free_clone(out);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 2);
	assert_int_equal(rig_broken(&rig, "O11"), 1);
	script.send = NULL;
	script.send_complete = NULL;
	lwf_pool_destroy(pool);
	rule_end_broken("O11");
}

/*
 * Two modules have clones of one frame, and the lower one answers it too early: it goes on home when
 * that module's clone is freed, whatever the other still has.
 */
static struct lwf_frame *lower_clone;

static void clone_and_answer(struct lwf_module *module, struct lwf_batch *batch)
{
	lower_clone = lwf_frame_clone(module, pool, batch->head);
	assert_non_null(lower_clone);
	lwf_send_complete(module, batch);
}

static lwf_status nothing_to_wait_for(struct lwf_module *module)
{
	(void)module;
	return LWF_STATUS_SUCCESS;
}

static const struct lwf_filter_ops hasty_ops = {
	.name = "hasty",
	.summary = "answers what it has a clone of",
	.traits = LWF_FILTER_HOLDS,
	.pause = nothing_to_wait_for,
	.cancel = lwf_next_cancel,
	.send = clone_and_answer,
	.send_complete = do_not_wait,
};

static void test_O11_clones_of_two(void **state)
{
	char error[128];

	(void)state;
	begin("keeper");
	assert_int_equal(lwf_engine_register(rig.engine, &hasty_ops), 0);
	assert_int_equal(lwf_stack_insert(rig.stack, "hasty", 1, NULL, error, sizeof(error)), 0);
	rig_run(&rig, 1);
	script.send = clone_and_pass;
	script.send_complete = wait_for_clone;
	lwf_batch_init(&back);
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	rig_expect_broken(&rig, "O11");
	assert_int_equal(back.count, 0);
	lwf_frame_free_clone(lower_clone);
	assert_int_equal(back.count, 1); /* it waits for its own clone, as it should */
	lwf_frame_free_clone(out);
	lwf_send_complete(script.module, &back);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 1);
	assert_int_equal(rig_broken(&rig, "O11"), 1);
	script.send = NULL;
	script.send_complete = NULL;
	lwf_pool_destroy(pool);
	rule_end_broken("O11");
}

static void test_O11_own_parent(void **state)
{
	struct lwf_frame *parent;

	(void)state;
	begin("script");
	parent = lwf_pool_take(script.pool, rule_self(), LWF_DIRECTION_SEND);
	lwf_frame_free_clone(clone_of(parent));
	lwf_pool_give(script.pool, parent); /* in this order: legal */
	rig_expect_clean(&rig);
	parent = lwf_pool_take(script.pool, rule_self(), LWF_DIRECTION_SEND);
	out = clone_of(parent);
	lwf_pool_give(script.pool, parent);
	assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES - 1);
	lwf_frame_free_clone(out);
	assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
	lwf_pool_destroy(pool);
	rule_end_broken("O11");
}

/* A clone of a frame that is lent must not outlive the loan. */
static void clone_lent(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	out = clone_of(batch->head);
}

static void clone_lent_shortly(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	lwf_frame_free_clone(clone_of(batch->head));
}

static void test_O15_clone(void **state)
{
	(void)state;
	begin("script");
	lwf_sim_edge_config(rig.lower)->lend = true;
	script.receive = clone_lent_shortly;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	rig_expect_clean(&rig);
	script.receive = clone_lent;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(rig_broken(&rig, "O15"), 1);
	lwf_frame_free_clone(out);
	lwf_pool_destroy(pool);
	rig.may_break_rules = true; /* and O11: the device frees what it lent */
	rig_close(&rig);
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(in_place_of_the_parent), RULE_TEST(bounds),	      RULE_TEST(O11),
		RULE_TEST(O11_clones_of_two),	   RULE_TEST(O11_own_parent), RULE_TEST(O15_clone),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("clone", tests, NULL, NULL);
}
