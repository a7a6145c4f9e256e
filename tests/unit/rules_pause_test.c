/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_pause_test.c - rules of the pause.
 *
 * Each rule is broken once, by a filter that is wrong on purpose, and is reported under its id and no
 * other; and each time the legal neighbour of the deed is not reported.
 *
 * P16 binds the edge: it is broken by one that answers twice.
 */
#include <stdlib.h>

#include "internal.h"
#include "lifecycle.h"
#include "rulebed.h"

/* ---- P: pause ---- */

static void originate_send(struct lwf_module *module)
{
	assert_false(script_originate(1, LWF_DIRECTION_SEND)); /* the gate knows better */
	script_originate_wrongly(1, LWF_DIRECTION_SEND, lwf_module_handle(module));
}

static void originate_receive(struct lwf_module *module)
{
	script_originate_wrongly(1, LWF_DIRECTION_RECEIVE, lwf_module_handle(module));
}

static void test_P01(void **state)
{
	(void)state;
	rule_begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self()); /* Running: legal */
	rig_expect_clean(&rig);
	script.in_pause = originate_send;
	rule_pause();
	script.in_pause = NULL;
	rule_end_broken("P01");
}

static void test_P02(void **state)
{
	(void)state;
	rule_begin("script");
	script_originate_wrongly(1, LWF_DIRECTION_RECEIVE, rule_self());
	rig_expect_clean(&rig);
	script.in_pause = originate_receive;
	rule_pause();
	script.in_pause = NULL;
	rule_end_broken("P02");
}

/* Pause answers SUCCESS while @direction is out. The engine keeps it Pausing until all is home. */
static void pause_too_early(const char *id, enum lwf_direction direction)
{
	struct lwf_edge *edge;

	rule_begin("script");
	edge = direction == LWF_DIRECTION_SEND ? rig.lower : rig.upper;
	lwf_sim_edge_config(edge)->never = true;
	assert_true(script_originate(2, direction));
	rule_pause();
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_sim_edge_config(edge)->never = false;
	rig_run(&rig, 2);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig); /* the legal way */
	rule_restart();

	lwf_sim_edge_config(edge)->never = true;
	script_originate_wrongly(2, direction, rule_self());
	rule_pause(); /* the gate counts none of them and says SUCCESS */
	rig_expect_broken(&rig, id);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	lwf_sim_edge_config(edge)->never = false;
	rig_run(&rig, 2);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rule_end_broken(id);
}

static void test_P03(void **state)
{
	(void)state;
	pause_too_early("P03", LWF_DIRECTION_SEND);
}

static void test_P04(void **state)
{
	(void)state;
	pause_too_early("P04", LWF_DIRECTION_RECEIVE);
}

static void test_P05(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.lower)->delay_ns = 10 * RIG_MS;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	rule_pause();
	rig_run(&rig, 20);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
	rig_expect_clean(&rig);
	rule_restart();
	script.forget_completion = true;
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	rule_pause();
	rig_run(&rig, 1500);
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	rig_expect_broken(&rig, "P05");
	lwf_pause_complete(script.module);
	rule_end_broken("P05");
}

/*
 * Frames of others are kept when the module is paused: the legal way settles them, the other says
 * SUCCESS. The stack would wait for the host's sends first, so the module is paused by itself.
 */
static void keep_at_pause(const char *id, bool sends)
{
	rule_begin("keeper");
	script.keep_sends = sends;
	script.keep_receives = !sends;
	for (int wrong = 0; wrong < 2; wrong++) {
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(
				sends ? rig_host_send(&rig, 60, i) : rig_receive(&rig, 60, i), 0);
		script.pause_is_fixed = wrong;
		script.pause_status = LWF_STATUS_SUCCESS;
		assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
		assert_int_equal(rig_state(&rig, "keeper"),
				 wrong ? LWF_STATE_PAUSING : LWF_STATE_PAUSED);
		if (wrong)
			break;
		rig_expect_clean(&rig);
		assert_true(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	}
	rig_expect_broken(&rig, id);
	if (sends)
		lwf_drop_sends(script.module, &script.kept_sends, LWF_REASON_NOT_RUNNING);
	else
		lwf_drop_receives(script.module, &script.kept_receives, LWF_REASON_NOT_RUNNING);
	lwf_batch_init(&script.kept_sends);
	lwf_batch_init(&script.kept_receives);
	rig_run(&rig, 1);
	assert_true(rig_state(&rig, "keeper") >= LWF_STATE_PAUSED);
	rule_end_broken(id);
}

static void test_P06(void **state)
{
	(void)state;
	keep_at_pause("P06", true);
}

static void test_P07(void **state)
{
	(void)state;
	keep_at_pause("P07", false);
}

static void forward_kept(struct lwf_module *module)
{
	(void)module;
	script_let_go();
}

static void test_P08(void **state)
{
	struct lwf_batch batch;
	uint8_t bytes[60] = {0};

	(void)state;
	rule_begin("keeper");
	/* a send from above while it is not Running: answered PAUSED, the filter never sees it */
	rule_pause();
	script.keep_sends = true;
	rig.stack->upper_running = true; /* an upper edge that does not know of the pause */
	rig.upper->intake = LWF_INTAKE_READ;
	assert_int_equal(lwf_sim_edge_inject(rig.upper, bytes, sizeof(bytes)), 0);
	rig.stack->upper_running = false;
	assert_int_equal(script.kept_sends.count, 0);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->completed[LWF_ANSWER_PAUSED], 1);
	rig_expect_clean(&rig);
	rule_restart();
	assert_int_equal(rig_host_send(&rig, 60, 1), 0);
	assert_int_equal(script.kept_sends.count, 1);
	script.in_pause = forward_kept; /* wrong: forwards what it should complete */
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	script.in_pause = NULL;
	lwf_batch_init(&batch);
	rig_expect_broken(&rig, "P08");
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	rule_end_broken("P08");
}

static void swap_context(struct lwf_module *module)
{
	static int other;

	module->context = &other; /* which lwf_module_set_context() would refuse (S20) */
}

static void test_P14(void **state)
{
	(void)state;
	rule_begin("script");
	rule_pause();
	rig_expect_clean(&rig);
	rule_restart();
	script.in_pause = swap_context;
	rule_pause();
	script.in_pause = NULL;
	rule_end_broken("P14");
}

static struct lwf_timer timer;

static void on_timer(void *context)
{
	(void)context;
}

static void make_timer(struct lwf_module *module)
{
	assert_int_equal(lwf_module_timer_init(module, &timer, on_timer, NULL), 0);
}

static void drop_timer(struct lwf_module *module)
{
	lwf_module_timer_fini(module, &timer);
}

static void stop_timer(struct lwf_module *module)
{
	(void)module;
	lwf_timer_cancel(&timer);
}

static void test_P15(void **state)
{
	(void)state;
	script.in_attach = make_timer;
	script.in_detach = drop_timer;
	rule_begin("script");
	lwf_timer_set(&timer, 3600 * 1000 * RIG_MS);
	script.in_pause = stop_timer;
	rule_pause();
	rig_expect_clean(&rig);
	rule_restart();
	lwf_timer_set(&timer, 3600 * 1000 * RIG_MS);
	script.in_pause = NULL;
	rule_pause();
	lwf_timer_cancel(&timer);
	rule_end_broken("P15");
}

/* An edge that answers inside the send call, and then answers a frame that it has answered already. */
static void answer_again(struct lwf_pool *pool, lwf_handle born)
{
	struct lwf_frame *copy = lwf_pool_take(pool, born, LWF_DIRECTION_SEND);
	struct lwf_batch batch;

	copy->holder = born;
	copy->len = 60;
	lwf_batch_init(&batch);
	lwf_batch_push(&batch, copy);
	lwf_edge_completed(rig.lower, &batch);
}

static void test_P16(void **state)
{
	struct lwf_pool *pool;
	struct lwf_module_info info;

	(void)state;
	rule_begin("script");
	assert_true(script_originate(SCRIPT_FRAMES, LWF_DIRECTION_SEND)); /* inline device */
	assert_int_equal(script.home, SCRIPT_FRAMES);
	assert_int_equal(lwf_gate_count(&script.gate), 0);
	rig_expect_clean(&rig);
	pool = lwf_pool_create(rig.host, 1, 64);
	answer_again(pool, rule_self());
	lwf_module_info(script.module, &info);
	assert_int_equal(info.sends, SCRIPT_FRAMES); /* and nothing was counted twice */
	assert_int_equal(info.send_answers[LWF_ANSWER_SUCCESS], SCRIPT_FRAMES);
	assert_int_equal(info.sends_out, 0);
	assert_int_equal(script.home, SCRIPT_FRAMES);
	assert_int_equal(lwf_gate_count(&script.gate), 0);
	lwf_pool_destroy(pool);
	rule_end_broken("P16");
}

static void test_P17(void **state)
{
	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.lower)->never = true;
	assert_true(script_originate(3, LWF_DIRECTION_SEND));
	rule_pause();
	rig_run(&rig, 9000);
	rig_expect_clean(&rig); /* long, but within NDIS's limit: the watchdog alone speaks */
	assert_true(rig_told(&rig, LWF_TRACE_WATCHDOG, "waiting"));
	rig_run(&rig, 2000);
	assert_int_equal(rig_broken(&rig, "P17"), 1);
	rig_run(&rig, 20000);
	assert_int_equal(rig_broken(&rig, "P17"), 1); /* once for one pause */
	assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSING);
	rule_end_broken("P17");
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(P01), RULE_TEST(P02), RULE_TEST(P03), RULE_TEST(P04),
		RULE_TEST(P05), RULE_TEST(P06), RULE_TEST(P07), RULE_TEST(P08),
		RULE_TEST(P14), RULE_TEST(P15), RULE_TEST(P16), RULE_TEST(P17),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_pause", tests, NULL, NULL);
}
