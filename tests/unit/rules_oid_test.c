/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_oid_test.c - rules of OIDs and status indications.
 *
 * Each rule is broken once, by a filter that is wrong on purpose, and is reported under its id and no
 * other; and each time the legal neighbour of the deed is not reported. Where a rule binds the engine
 * it is broken through the engine's private header, as an engine with that bug would.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "rulebed.h"
#include "speaker.h"

static struct lwf_oid_request above; /* from above the stack */
static uint8_t above_value[LWF_OID_VALUE_BYTES];
static uint32_t above_completions;

static int fresh(void **state)
{
	speaker_reset();
	memset(&above, 0, sizeof(above));
	above_completions = 0;
	return rule_fresh(state);
}

static void begin(const char *specs)
{
	rig_open(&rig, speaker_filters, specs);
}

static void on_completed(struct lwf_oid_request *request)
{
	assert_ptr_equal(request, &above);
	above_completions++;
}

static lwf_status ask_above(void)
{
	memset(&above, 0, sizeof(above));
	above.oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE;
	above.buffer = above_value;
	above.buffer_bytes = sizeof(above_value);
	above.request_id = 5;
	above.completed = on_completed;
	return lwf_stack_oid(rig.stack, &above);
}

static void never(bool oids, bool frames)
{
	lwf_sim_edge_config(rig.lower)->oid_never = oids;
	lwf_sim_edge_config(rig.lower)->never = frames;
}

/* ---- P11: in four states ---- */

static uint32_t asked_in[LWF_STATES];

static void asks(void)
{
	asked_in[rig_state(&rig, "script")]++;
	assert_int_equal(speaker_ask(&second, LWF_OID_GEN_XMIT_OK, 0), LWF_STATUS_SUCCESS);
	assert_int_equal(ask_above(), LWF_STATUS_SUCCESS);
}

/* In each of the four, from above and by a module; 'script' pends its pause and restart. */
static void ask_in_all_four(void)
{
	script.restart_status = LWF_STATUS_PENDING;
	begin("speaker;script;second");
	asks();
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	asks();
	never(false, true);
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	rule_pause();
	asks();
	never(false, false);
	rig_run(&rig, 5);
	asks();
}

static void test_P11(void **state)
{
	(void)state;
	memset(asked_in, 0, sizeof(asked_in));
	ask_in_all_four();
	assert_true(asked_in[LWF_STATE_RESTARTING] && asked_in[LWF_STATE_RUNNING] &&
		    asked_in[LWF_STATE_PAUSING] && asked_in[LWF_STATE_PAUSED]);
	/* NOT_SUPPORTED is an answer; "I am paused" is none */
	speaker.answer_now = true;
	speaker.answer = LWF_STATUS_NOT_SUPPORTED;
	assert_int_equal(ask_above(), LWF_STATUS_NOT_SUPPORTED);
	rig_expect_clean(&rig);
	speaker.answer = LWF_STATUS_PAUSED;
	ask_above();
	rig_expect_broken(&rig, "P11");
	speaker.answer_now = false;
	script.restart_status = LWF_STATUS_SUCCESS;
	rule_end_broken("P11");
}

static void complete_inside(struct lwf_module *module, struct lwf_oid_request *request)
{
	lwf_oid_complete(module, request, LWF_STATUS_SUCCESS);
}

/* Answered once: not inside the call and by its return as well, not twice, not as PENDING. */
static void test_P11_once(void **state)
{
	(void)state;
	begin("speaker");
	speaker.in_oid = complete_inside;
	speaker.answer_now = true;
	speaker.answer = LWF_STATUS_PENDING;
	assert_int_equal(ask_above(), LWF_STATUS_PENDING);
	assert_int_equal(above_completions, 1);
	rig_expect_clean(&rig);
	speaker.answer = LWF_STATUS_SUCCESS; /* and answers as well */
	assert_int_equal(ask_above(), LWF_STATUS_PENDING);
	assert_int_equal(above_completions, 2);
	rule_end_broken("P11");

	fresh(state);
	begin("speaker");
	speaker.keep = true;
	ask_above();
	speaker_complete(&speaker, LWF_STATUS_SUCCESS);
	rig_expect_clean(&rig);
	lwf_oid_complete(speaker.module, &above, LWF_STATUS_SUCCESS);
	assert_int_equal(above_completions, 1);
	rule_end_broken("P11");

	fresh(state);
	begin("speaker");
	speaker.keep = true;
	ask_above();
	speaker_complete(&speaker, LWF_STATUS_PENDING);
	assert_int_equal(above.status, LWF_STATUS_FAILURE);
	rule_end_broken("P11");
}

/* ---- P12 ---- */

static uint32_t heard_in[LWF_STATES];

static void hears(struct lwf_module *module)
{
	heard_in[lwf_module_state(module)]++;
}

static void indicate(void)
{
	lwf_indicate_status(second.module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
	heard_in[rig_state(&rig, "script")]++;
	rig_carrier(&rig, !rig.lower->link.carrier);
}

/* An engine that does not see that the module above is there. */
static void hide_above(struct lwf_module *module)
{
	(void)module;
	speaker.module->state = LWF_STATE_DETACHED;
}

static void show_above(struct lwf_module *module)
{
	(void)module;
	speaker.module->state = LWF_STATE_PAUSED;
}

static void test_P12(void **state)
{
	(void)state;
	memset(heard_in, 0, sizeof(heard_in));
	speaker.in_status = hears;
	script.restart_status = LWF_STATUS_PENDING;
	begin("speaker;script;second");
	indicate();
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 1);
	rig_carrier(&rig, true);
	indicate();
	rig_carrier(&rig, true);
	never(false, true);
	assert_true(script_originate(1, LWF_DIRECTION_SEND));
	rule_pause();
	indicate();
	never(false, false);
	rig_carrier(&rig, true);
	rig_run(&rig, 5);
	indicate();
	assert_int_equal(script.statuses, speaker.statuses);
	assert_int_equal(script.statuses, 11);
	assert_true(heard_in[LWF_STATE_RESTARTING] && heard_in[LWF_STATE_RUNNING] &&
		    heard_in[LWF_STATE_PAUSING] && heard_in[LWF_STATE_PAUSED]);
	script.restart_status = LWF_STATUS_SUCCESS;
	rule_restart();
	rule_end_clean();

	fresh(state);
	begin("script;speaker;second");
	rule_pause();
	rig_expect_clean(&rig);
	second.in_status = hide_above; /* on its way up the engine loses sight of one */
	script.in_status = show_above;
	rig_carrier(&rig, false);
	assert_int_equal(speaker.statuses, 0);
	assert_int_equal(script.statuses, 1);
	script.in_status = NULL;
	rule_end_broken("P12");
}

/* ---- P13 ---- */

static struct lwf_oid_request early;

static void asks_early(struct lwf_module *module)
{
	memset(&early, 0, sizeof(early));
	early.oid = LWF_OID_GEN_XMIT_OK;
	early.buffer = above_value;
	early.buffer_bytes = sizeof(above_value);
	assert_int_equal(lwf_next_oid(module, &early), LWF_STATUS_INVALID_STATE);
}

static void indicates_early(struct lwf_module *module)
{
	lwf_indicate_status(module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
}

static void asked_early(struct lwf_module *module)
{
	(void)module;
	assert_int_equal(ask_above(), LWF_STATUS_ADAPTER_NOT_READY);
}

static void test_P13(void **state)
{
	(void)state;
	second.in_attach = asks_early;
	begin("speaker;second");
	assert_int_equal(rig_state(&rig, "second"), LWF_STATE_RUNNING);
	rule_end_broken("P13");

	fresh(state);
	second.in_attach = indicates_early;
	begin("speaker;second");
	assert_int_equal(speaker.statuses, 0);
	assert_false(rig_told(&rig, LWF_TRACE_STATUS, NULL));
	rule_end_broken("P13");

	/* legal: as soon as it is Paused; and those above are told that nobody is ready */
	fresh(state);
	second.in_attach = asked_early;
	rig_prepare(&rig, speaker_filters, "speaker;second");
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_start(rig.stack);
	assert_int_equal(rig_state(&rig, "second"), LWF_STATE_PAUSED);
	assert_int_equal(second.asked, 0);
	assert_int_equal(speaker_ask(&second, LWF_OID_GEN_XMIT_OK, 0), LWF_STATUS_SUCCESS);
	indicates_early(second.module);
	assert_int_equal(speaker.statuses, 1);
	rule_end_clean();
}

/* ---- T07 ---- */

static void pass_original(struct lwf_module *module, struct lwf_oid_request *request)
{
	assert_int_equal(lwf_next_oid(module, request), LWF_STATUS_INVALID_PARAMETER);
}

static void test_T07(void **state)
{
	struct lwf_oid_request other = {0};

	(void)state;
	/* the clone outlives the request */
	begin("speaker");
	assert_int_equal(ask_above(), LWF_STATUS_SUCCESS);
	never(true, false);
	assert_int_equal(ask_above(), LWF_STATUS_PENDING);
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(above_completions, 1);
	rig_expect_clean(&rig);
	speaker.keep_clone = true;
	assert_int_equal(ask_above(), LWF_STATUS_PENDING);
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(above_completions, 2);
	rig_expect_broken(&rig, "T07");
	lwf_oid_free_clone(speaker.module, speaker.leaked);
	rule_end_broken("T07");

	/* the request itself is handed on */
	fresh(state);
	begin("speaker");
	speaker.in_oid = pass_original;
	assert_int_equal(ask_above(), LWF_STATUS_SUCCESS); /* the clone went all the same */
	rule_end_broken("T07");

	/* a clone is freed while it is out */
	fresh(state);
	begin("speaker");
	never(true, false);
	ask_above();
	lwf_oid_free_clone(speaker.module, rig.stack->oids->later);
	rig_expect_broken(&rig, "T07");
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(above_completions, 1);
	rule_end_broken("T07");

	/* an engine that gives a module a second one */
	fresh(state);
	begin("speaker");
	speaker.keep = true;
	ask_above();
	rig_expect_clean(&rig);
	other.oid = LWF_OID_GEN_XMIT_OK;
	lwf_oid_give(rig.stack, &speaker.module->oid_hop, &other);
	rig_expect_broken(&rig, "T07");
	speaker.module->oid_hop.current = &above;
	speaker.kept = &above;
	speaker_complete(&speaker, LWF_STATUS_SUCCESS);
	rule_end_broken("T07");
}

/* The asker's memory goes with the answer; the clone that is still out must not write to it. */
static struct lwf_oid_request *hasty_clone;

static lwf_status answer_before_the_clone(struct lwf_module *module,
					  struct lwf_oid_request *request)
{
	hasty_clone = lwf_oid_clone(module, request);
	assert_int_equal(lwf_next_oid(module, hasty_clone), LWF_STATUS_PENDING);
	lwf_oid_complete(module, request, LWF_STATUS_FAILURE);
	return LWF_STATUS_PENDING;
}

static void free_hasty_clone(struct lwf_module *module, struct lwf_oid_request *request,
			     lwf_status status)
{
	assert_ptr_equal(request, hasty_clone);
	assert_int_equal(status, LWF_STATUS_SUCCESS);
	lwf_oid_free_clone(module, request);
}

static const struct lwf_filter_ops hasty_ops = {
	.name = "hasty",
	.summary = "answers before its clone is home",
	.oid = answer_before_the_clone,
	.oid_complete = free_hasty_clone,
};

static void test_T07_early_answer(void **state)
{
	static const uint8_t untouched[sizeof(above_value)] = {0};
	char error[128];

	(void)state;
	for (int set = 0; set < 2; set++) {
		begin("speaker");
		assert_int_equal(lwf_engine_register(rig.engine, &hasty_ops), 0);
		assert_int_equal(
			lwf_stack_insert(rig.stack, "hasty", 0, NULL, error, sizeof(error)), 0);
		rig_run(&rig, 1);
		never(true, false);
		memset(&above, 0, sizeof(above));
		above.kind = set ? LWF_OID_SET : LWF_OID_QUERY;
		above.oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE;
		above.buffer = above_value;
		above.buffer_bytes = set ? 4 : sizeof(above_value);
		above.completed = on_completed;
		memcpy(above_value, &(uint32_t){1400}, 4);
		assert_int_equal(lwf_stack_oid(rig.stack, &above), LWF_STATUS_PENDING);
		assert_int_equal(above_completions, set + 1);
		rig_expect_broken(&rig, "T07");
		memset(above_value, 0, sizeof(above_value)); /* something else is there now */
		assert_true(lwf_sim_edge_release_oid(rig.lower));
		assert_memory_equal(above_value, untouched, sizeof(above_value));
		assert_int_equal(rig.lower->link.mtu_bytes, set ? 1400 : 1500);
		rule_end_broken("T07");
	}
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(P11), RULE_TEST(P11_once), RULE_TEST(P12),
		RULE_TEST(P13), RULE_TEST(T07),	     RULE_TEST(T07_early_answer),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_oid", tests, NULL, NULL);
}
