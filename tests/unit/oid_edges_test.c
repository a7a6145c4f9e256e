/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oid_edges_test.c - OIDs at the edges: timeouts without end, modules removed while others are detached.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "rig.h"
#include "script.h"
#include "speaker.h"

static struct rig rig;

/* A request from above, and what became of it. */
struct asked {
	struct lwf_oid_request request;
	uint8_t value[LWF_OID_VALUE_BYTES];
	uint32_t completions;
	lwf_status returned;
};

static void on_completed(struct lwf_oid_request *request)
{
	((struct asked *)request->context)->completions++;
}

static lwf_status ask(struct asked *asked, enum lwf_oid_kind kind, uint32_t oid)
{
	asked->request.kind = kind;
	asked->request.oid = oid;
	asked->request.buffer = asked->value;
	asked->request.buffer_bytes =
		kind == LWF_OID_SET ? lwf_oid_info(oid)->bytes : sizeof(asked->value);
	asked->request.context = asked;
	asked->request.completed = on_completed;
	asked->returned = lwf_stack_oid(rig.stack, &asked->request);
	return asked->returned;
}

static int fresh(void **state)
{
	(void)state;
	speaker_reset();
	script_reset();
	return 0;
}

static struct lwf_sim_edge_config *lower(void)
{
	return lwf_sim_edge_config(rig.lower);
}

/* A timeout that the clock cannot hold is one that never comes, not one that is over. */
static void test_a_timeout_without_end(void **state)
{
	struct asked a = {.request.timeout_ns = UINT64_MAX};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	assert_true(rig.stack->oid_timer.armed);
	assert_true(rig.stack->oid_timer.deadline_ns > lwf_host_now_ns(rig.host));
	rig_run(&rig, 15000);
	assert_int_equal(a.completions, 0);
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	rig_close(&rig);
}

/* A module that is removed from inside the detach of another is told before, and has its OIDs home. */
static void remove_second(struct lwf_module *module)
{
	(void)module;
	assert_int_equal(lwf_stack_remove(rig.stack, second.module), 0);
}

static void test_removal_inside_a_detach(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;second;script");
	second.keep = true;
	speaker.in_detach = remove_second;
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "speaker")), 0);
	rig_run(&rig, 5);
	assert_int_equal(speaker.detaches, 1);
	assert_int_equal(second.pre_detaches, 1);
	assert_int_equal(second.detaches, 1);
	assert_null(lwf_stack_module(rig.stack, "second"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_holds(rig.stack), 0);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_SUCCESS);
	rig_close(&rig);
	/* the same while it has a request */
	speaker_reset();
	rig_open(&rig, speaker_filters, "second;speaker");
	second.keep = true;
	speaker.in_detach = remove_second;
	memset(&a, 0, sizeof(a));
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	assert_non_null(second.kept);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "speaker")), 0);
	rig_run(&rig, 5);
	assert_int_equal(speaker.detaches, 1);
	assert_int_equal(second.detaches, 0);
	speaker_complete(&second, LWF_STATUS_NOT_SUPPORTED);
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	assert_int_equal(second.detaches, 1);
	rig_close(&rig);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_timeout_without_end),
		TEST(removal_inside_a_detach),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("oid-edges", tests, NULL, NULL);
}
