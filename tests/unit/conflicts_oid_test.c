/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conflicts_oid_test.c - the rows of the register that OIDs and indications are about. A test is
 * named after its row and its reading, as in conflicts_test.c.
 */
#include <string.h>

#include "conflicts.h"
#include "internal.h"
#include "rulebed.h"
#include "speaker.h"

static struct lwf_oid_request own, above;
static uint8_t own_value[LWF_OID_VALUE_BYTES], above_value[LWF_OID_VALUE_BYTES];
static lwf_status own_answer;
static uint32_t above_completions;

static int fresh(void **state)
{
	speaker_reset();
	own_answer = LWF_STATUS_UNKNOWN;
	above_completions = 0;
	return rule_fresh(state);
}

static void begin_as(enum lwf_profile profile, const char *specs)
{
	rig_prepare(&rig, speaker_filters, specs);
	assert_int_equal(lwf_engine_set_profile(rig.engine, profile), 0);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
}

/* ---- C4: a status indication while Attaching ---- */

static void indicate(struct lwf_module *module)
{
	lwf_indicate_status(module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
}

static void indicate_with_context(struct lwf_module *module)
{
	lwf_module_set_context(module, &speaker); /* the attributes are set */
	indicate(module);
}

static void test_C4_narrow(void **state)
{
	(void)state;
	for (unsigned profile = 0; profile < LWF_PROFILES; profile++) {
		if (profile == LWF_PROFILE_LENIENT)
			continue;
		speaker_reset();
		second.in_attach = indicate_with_context;
		begin_as((enum lwf_profile)profile, "speaker;second");
		assert_false(rig_told(&rig, LWF_TRACE_STATUS, "media-specific"));
		rule_end_broken("P13");
	}
}

static void test_C4_wide(void **state)
{
	(void)state;
	second.in_attach = indicate_with_context;
	begin_as(LWF_PROFILE_LENIENT, "speaker;second");
	assert_true(rig_told(&rig, LWF_TRACE_STATUS, "media-specific"));
	rule_end_clean();

	fresh(state);
	second.in_attach = indicate; /* before the attributes: no page allows it */
	begin_as(LWF_PROFILE_LENIENT, "speaker;second");
	rule_end_broken("P13");
}

/* ---- C6: what ends a cancelled request ---- */

static void on_completed(struct lwf_oid_request *request)
{
	(void)request;
	above_completions++;
}

static void ask_above(void)
{
	memset(&above, 0, sizeof(above));
	above.oid = LWF_OID_GEN_XMIT_OK;
	above.buffer = above_value;
	above.buffer_bytes = sizeof(above_value);
	above.request_id = 1;
	above.completed = on_completed;
	assert_int_equal(lwf_stack_oid(rig.stack, &above), LWF_STATUS_PENDING);
}

/* As the text of the page about cancelling has it. */
static void ask_once_more(struct lwf_module *module)
{
	struct lwf_oid_request *kept = speaker.kept;

	speaker.kept = NULL;
	lwf_next_oid(module, kept);
}

static void test_C6_narrow(void **state)
{
	(void)state;
	for (unsigned profile = 0; profile < LWF_PROFILES; profile++) {
		fresh(state);
		begin_as((enum lwf_profile)profile, "speaker");
		speaker.keep = true;
		ask_above();
		lwf_stack_cancel_oid(rig.stack, 1);
		assert_int_equal(speaker.cancels, 1);
		assert_int_equal(above_completions, 1);
		assert_int_equal(above.status, LWF_STATUS_REQUEST_ABORTED);
		rule_end_clean();

		fresh(state);
		begin_as((enum lwf_profile)profile, "speaker");
		speaker.keep = true;
		speaker.abort_status = LWF_STATUS_SEND_ABORTED; /* that is for frames */
		ask_above();
		lwf_stack_cancel_oid(rig.stack, 1);
		rule_end_broken("P11");

		fresh(state);
		begin_as((enum lwf_profile)profile, "speaker");
		speaker.keep = true;
		speaker.in_cancel = ask_once_more;
		ask_above();
		lwf_stack_cancel_oid(rig.stack, 1);
		assert_int_equal(above_completions, 0);
		speaker.kept = &above;
		speaker_complete(&speaker, LWF_STATUS_REQUEST_ABORTED);
		rule_end_broken("T07");
	}
}

static void test_C6_wide(void **state)
{
	(void)state;
	rig_prepare(&rig, speaker_filters, "speaker");
	lwf_conflict_read(rig.engine, LWF_CONFLICT_C6, true); /* no profile does */
	lwf_stack_start(rig.stack);
	speaker.keep = true;
	speaker.in_cancel = ask_once_more;
	ask_above();
	lwf_stack_cancel_oid(rig.stack, 1);
	assert_int_equal(above_completions, 1);
	assert_int_equal(above.status, LWF_STATUS_REQUEST_ABORTED);
	rule_end_clean();
}

/* ---- C9: OIDs inside detach ---- */

static void query_mtu(struct lwf_module *module)
{
	memset(&own, 0, sizeof(own));
	own.oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE;
	own.buffer = own_value;
	own.buffer_bytes = sizeof(own_value);
	own_answer = lwf_next_oid(module, &own);
}

/* What Npcap does: it gives the packet filter back. */
static void set_packet_filter(struct lwf_module *module)
{
	uint32_t filter = LWF_PACKET_TYPE_DIRECTED;

	memset(&own, 0, sizeof(own));
	memcpy(own_value, &filter, sizeof(filter));
	own.kind = LWF_OID_SET;
	own.oid = LWF_OID_GEN_CURRENT_PACKET_FILTER;
	own.buffer = own_value;
	own.buffer_bytes = sizeof(filter);
	own_answer = lwf_next_oid(module, &own);
	memset(&own, 0xee, sizeof(own)); /* the module's memory goes */
	memset(own_value, 0xee, sizeof(own_value));
}

/* Strict but for this one row, or lenient but for it. */
static void begin_with(enum lwf_conflict conflict, bool wide, const char *specs)
{
	rig_prepare(&rig, speaker_filters, specs);
	assert_int_equal(
		lwf_engine_set_profile(rig.engine, wide ? LWF_PROFILE_STRICT : LWF_PROFILE_LENIENT),
		0);
	lwf_conflict_read(rig.engine, conflict, wide);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
}

static void detach_and_attach(void)
{
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 10);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	speaker.in_detach = NULL;
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 10);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
}

static void test_C9_narrow(void **state)
{
	(void)state;
	begin_as(LWF_PROFILE_STRICT, "speaker");
	speaker.in_pre_detach = query_mtu; /* the legal neighbour */
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_SUCCESS);
	rig_expect_clean(&rig);
	speaker.in_detach = query_mtu;
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_INVALID_STATE);
	rule_end_broken("P11");

	fresh(state);
	begin_with(LWF_CONFLICT_C9, false, "speaker");
	speaker.in_detach = query_mtu;
	detach_and_attach();
	rule_end_broken("P11");
}

static void oid_in_detach_as(enum lwf_profile profile)
{
	struct asked_filter {
		uint32_t bits;
	} now;

	speaker_reset();
	begin_as(profile, "speaker");
	speaker.in_detach = query_mtu;
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_SUCCESS);
	assert_int_equal(own_value[0] | own_value[1] << 8, 1500);
	/* a set that the device takes its time for outlives the module */
	lwf_sim_edge_config(rig.lower)->oid_delay_ns = 3 * RIG_MS;
	speaker.in_detach = set_packet_filter;
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_PENDING);
	assert_int_equal(speaker.completed, 0);
	lwf_sim_edge_config(rig.lower)->oid_delay_ns = 0;
	memset(&above, 0, sizeof(above));
	above.oid = LWF_OID_GEN_CURRENT_PACKET_FILTER;
	above.buffer = &now;
	above.buffer_bytes = sizeof(now);
	assert_int_equal(lwf_stack_oid(rig.stack, &above), LWF_STATUS_SUCCESS);
	assert_int_equal(now.bits, LWF_PACKET_TYPE_DIRECTED);
	rule_end_clean();
}

/* A module that claims to have written more than there is room for. */
static void boast(struct lwf_module *module, struct lwf_oid_request *request)
{
	(void)module;
	request->bytes_done = 100000;
}

static void test_C9_too_many_bytes(void **state)
{
	(void)state;
	begin_as(LWF_PROFILE_LENIENT, "speaker;second");
	speaker.in_detach = query_mtu;
	second.in_oid = boast;
	second.answer_now = true;
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_SUCCESS);
	assert_int_equal(own.bytes_done, sizeof(own_value));
	rule_end_clean();
}

static void test_C9_wide(void **state)
{
	(void)state;
	oid_in_detach_as(LWF_PROFILE_LENIENT);
	oid_in_detach_as(LWF_PROFILE_NPCAP);

	fresh(state);
	begin_with(LWF_CONFLICT_C9, true, "speaker");
	speaker.in_detach = query_mtu;
	detach_and_attach();
	assert_int_equal(own_answer, LWF_STATUS_SUCCESS);
	rig_expect_clean(&rig);
	assert_int_equal(speaker_ask(&speaker, LWF_OID_GEN_XMIT_OK, 0), LWF_STATUS_SUCCESS);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	query_mtu(speaker.module); /* after detach has returned no page allows it */
	assert_int_equal(own_answer, LWF_STATUS_INVALID_STATE);
	rule_end_broken("P11");
}

/* ---- C10: when a module is Detached ---- */

static enum lwf_state seen;

static void indicate_in_detach(struct lwf_module *module)
{
	seen = lwf_module_state(module);
	indicate(module);
}

static void test_C10_narrow(void **state)
{
	(void)state;
	begin_as(LWF_PROFILE_STRICT, "second;speaker");
	speaker.in_pre_detach = indicate; /* the legal neighbour */
	detach_and_attach();
	assert_true(rig_told(&rig, LWF_TRACE_STATUS, "media-specific"));
	rig_expect_clean(&rig);
	speaker.in_detach = indicate_in_detach;
	detach_and_attach();
	assert_int_equal(seen, LWF_STATE_DETACHED);
	rule_end_broken("P12");

	fresh(state);
	begin_with(LWF_CONFLICT_C10, false, "second;speaker");
	speaker.in_detach = indicate_in_detach;
	detach_and_attach();
	rule_end_broken("P12");
}

static void test_C10_wide(void **state)
{
	(void)state;
	for (unsigned profile = LWF_PROFILE_LENIENT; profile <= LWF_PROFILE_NPCAP; profile++) {
		fresh(state);
		begin_as((enum lwf_profile)profile, "second;speaker");
		speaker.in_detach = indicate_in_detach;
		detach_and_attach();
		assert_true(rig_told(&rig, LWF_TRACE_STATUS, "media-specific"));
		rig_expect_clean(&rig);
		indicate(speaker.module); /* Running again */
		rule_end_clean();
	}
	fresh(state);
	begin_with(LWF_CONFLICT_C10, true, "second;speaker");
	speaker.in_detach = indicate_in_detach;
	detach_and_attach();
	rig_expect_clean(&rig);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	indicate(speaker.module); /* after detach has returned no page allows it */
	rule_end_broken("P12");
}

#define T(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(C4_narrow), T(C4_wide),    T(C6_narrow), T(C6_wide),		 T(C9_narrow),
		T(C9_wide),   T(C10_narrow), T(C10_wide),  T(C9_too_many_bytes),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("conflicts_oid", tests, NULL, NULL);
}
