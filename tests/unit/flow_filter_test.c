/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_filter_test.c - filter flow in a stack: what two modules of one stack see, detach under traffic,
 * pages; and whose a flow is, as a host tells it at once, later, wrongly late, or not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flowbed.h"

static struct rig rig;

static struct {
	struct lwf_flow_page page; /* first */
	uint32_t told;
	struct lwf_flow_info last;
} seen;

static void show_page(struct lwf_flow_page *page, const struct lwf_flow_info *info)
{
	(void)page;
	seen.told++;
	seen.last = *info;
}

static uint32_t walk(const char *module, uint32_t flows, uint32_t places)
{
	uint32_t pages = 0;

	memset(&seen, 0, sizeof(seen));
	while (seen.page.cursor != LWF_FLOW_WALKED) {
		uint32_t before = seen.told;

		seen.page.flow = show_page;
		seen.page.flows = flows;
		seen.page.places = places;
		assert_int_equal(
			lwf_module_control(rig_module(&rig, module), LWF_CONTROL_FLOWS, &seen.page),
			0);
		assert_true(seen.told - before <= flows);
		pages++;
	}
	return pages;
}

static void hand(bool send, const struct talk *talk)
{
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_build(talk, bytes);

	assert_int_equal(lwf_sim_edge_inject(send ? rig.upper : rig.lower, bytes, len), 0);
	rig_run(&rig, 1);
}

static struct talk udp(uint32_t number)
{
	return (struct talk){.protocol = 17,
			     .from = 1,
			     .to = 2,
			     .from_port = (uint16_t)number,
			     .to_port = 53,
			     .payload_bytes = 20};
}

/* Two modules of one stack see one table, and a frame that passes both is counted once. */
static void test_modules_share_the_table(void **state)
{
	struct talk talk = udp(7), back = talk_back(&talk);

	(void)state;
	rig_open(&rig, NULL, "inject;flow:flows=64;flow;monitor");
	hand(true, &talk);
	hand(true, &talk);
	hand(false, &back);
	walk("flow", 100, 100);
	assert_int_equal(seen.told, 1);
	assert_int_equal(seen.last.frames[LWF_DIRECTION_SEND], 2);
	assert_int_equal(seen.last.frames[LWF_DIRECTION_RECEIVE], 1);
	assert_int_equal(seen.last.bytes[LWF_DIRECTION_SEND], 2 * 62);
	assert_int_equal(seen.last.key.port[seen.last.local], 7);
	walk("flow-2", 100, 100);
	assert_int_equal(seen.told, 1);
	/* one of them goes, the other still has it */
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "flow")), 0);
	rig_run(&rig, 100);
	walk("flow-2", 100, 100);
	assert_int_equal(seen.told, 1);
	rig_close(&rig);
}

static void test_pages(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "flow:flows=128");
	for (uint32_t i = 1; i <= 50; i++) {
		struct talk talk = udp(i);

		hand(true, &talk);
	}
	assert_true(walk("flow", 7, 1000) >= 7);
	assert_int_equal(seen.told, 50);
	assert_true(walk("flow", 100, 16) >= 8); /* no page looks at more places than it may */
	assert_int_equal(seen.told, 50);
	rig_close(&rig);
}

/* Link down detaches: all flows end, and those that come after it are others. */
static void test_link_down(void **state)
{
	struct talk talk = udp(7);
	uint64_t before;

	(void)state;
	rig_open(&rig, NULL, "flow:flows=64");
	hand(true, &talk);
	walk("flow", 10, 1000);
	before = seen.last.frames[LWF_DIRECTION_SEND];
	assert_int_equal(before, 1);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 100);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 100);
	walk("flow", 10, 1000);
	assert_int_equal(seen.told, 1); /* a pause keeps them */
	rig_link_down(&rig);
	rig_link_up(&rig);
	walk("flow", 10, 1000);
	assert_int_equal(seen.told, 0);
	hand(true, &talk);
	walk("flow", 10, 1000);
	assert_int_equal(seen.told, 1);
	rig_close(&rig);
}

static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth < 12; nth++) {
		char error[128];

		rig_open(&rig, NULL, "monitor");
		lwf_sim_host_fail_nth(rig.host, nth);
		lwf_stack_insert(rig.stack, "flow:flows=64", 0, NULL, error, sizeof(error));
		rig_run(&rig, 100);
		lwf_sim_host_fail_nth(rig.host, 0);
		assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
		rig_close(&rig);
	}
}

/* ---- whose it is ---- */

static struct lwf_host_ops ops;
static struct lwf_owner_question asked;
static uint32_t asks, forgets;
static struct lwf_owner reply;
static int reply_now;
static struct flowbed bed;

static int ask(struct lwf_host *host, const struct lwf_owner_question *question,
	       struct lwf_owner *owner)
{
	(void)host;
	asked = *question;
	asks++;
	*owner = reply;
	return reply_now;
}

static void forget(struct lwf_host *host, void *context)
{
	(void)host;
	assert_ptr_equal(context, bed.table);
	forgets++;
}

static void open_bed(uint32_t flows)
{
	const struct lwf_flow_config config = {.flows = flows, .contexts = 16, .owners = true};

	bed.host = lwf_sim_host_create(1);
	ops = *bed.host->ops;
	ops.ask_owner = ask;
	ops.forget_owners = forget;
	bed.host->ops = &ops;
	bed.table = lwf_flow_table_create(bed.host, &config);
	assert_non_null(bed.table);
	asks = forgets = 0;
	reply_now = 0;
	memset(&reply, 0, sizeof(reply));
	reply.uid = LWF_OWNER_NO_UID;
	reply.why = LWF_OWNER_WHY_NO_SOCKET;
}

static struct lwf_owner owner_of(uint64_t flow)
{
	struct lwf_flow_info info;

	assert_int_equal(lwf_flow_info(bed.table, flow, &info), LWF_FLOW_OK);
	return info.owner;
}

static void name_reply(uint32_t pid, uint64_t start, const char *comm)
{
	memset(&reply, 0, sizeof(reply));
	reply.pid = pid;
	reply.start_time = start;
	reply.how = LWF_OWNER_EXACT;
	snprintf(reply.comm, sizeof(reply.comm), "%s", comm);
	snprintf(reply.exe, sizeof(reply.exe), "/bin/%s", comm);
}

static void test_owner_at_once(void **state)
{
	const struct talk ping = {.protocol = 1, .type = 8, .from = 1, .to = 2};
	struct talk talk = udp(9);
	uint64_t flow;

	(void)state;
	open_bed(64);
	name_reply(42, 7, "dig");
	flowbed_send(&bed, &talk, &flow);
	assert_int_equal(asks, 1);
	assert_true(asked.flow == flow);
	assert_int_equal(asked.key.port[asked.local], 9); /* what is sent comes from here */
	assert_int_equal(owner_of(flow).pid, 42);
	assert_string_equal(owner_of(flow).exe, "/bin/dig");
	flowbed_send(&bed, &talk, &flow);
	flowbed_wait(&bed, 20 * FLOWBED_S);
	flowbed_send(&bed, &talk, &flow);
	assert_int_equal(asks, 1); /* who is known is not asked for again */
	talk.from_port = 10;
	flowbed_receive(&bed, &talk, &flow);
	assert_int_equal(asked.key.port[asked.local], 53); /* what is received goes here */
	flowbed_send(&bed, &ping, &flow);
	assert_int_equal(asks, 2);
	assert_int_equal(owner_of(flow).why, LWF_OWNER_WHY_RAW);
	flowbed_close(&bed);
	assert_int_equal(forgets, 1);
}

/* A socket may be in nobody's hands for a moment: asked again with its frames, a few times. */
static void test_owner_is_asked_again(void **state)
{
	struct talk talk = udp(9);
	uint64_t flow;

	(void)state;
	open_bed(64);
	for (uint32_t i = 0; i < 200; i++) {
		flowbed_send(&bed, &talk, &flow);
		flowbed_wait(&bed, FLOWBED_S / 10);
	}
	assert_int_equal(asks, 4);
	assert_int_equal(owner_of(flow).why, LWF_OWNER_WHY_NO_SOCKET);
	flowbed_close(&bed);
	open_bed(64);
	reply.why = LWF_OWNER_WHY_NOT_LOCAL; /* and that does not change */
	for (uint32_t i = 0; i < 200; i++) {
		flowbed_send(&bed, &talk, &flow);
		flowbed_wait(&bed, FLOWBED_S / 10);
	}
	assert_int_equal(asks, 1);
	flowbed_close(&bed);
}

static void test_owner_comes_later(void **state)
{
	struct talk talk = udp(9);
	struct lwf_owner_question first;
	uint64_t flow, other;

	(void)state;
	open_bed(64);
	reply_now = -EINPROGRESS;
	reply.how = LWF_OWNER_PENDING;
	reply.why = LWF_OWNER_WHY_NONE;
	flowbed_send(&bed, &talk, &flow);
	assert_int_equal(owner_of(flow).how, LWF_OWNER_PENDING);
	first = asked;
	name_reply(43, 8, "nc");
	first.answer(first.context, first.flow, &reply);
	assert_int_equal(owner_of(flow).pid, 43);
	assert_string_equal(owner_of(flow).comm, "nc");
	/* the answer for a flow that has ended means nobody, also when its place is used again */
	assert_int_equal(lwf_flow_abort(bed.table, flow), LWF_FLOW_OK);
	memset(&reply, 0, sizeof(reply));
	reply.how = LWF_OWNER_PENDING;
	flowbed_send(&bed, &talk, &other);
	name_reply(44, 9, "late");
	first.answer(first.context, first.flow, &reply);
	assert_int_equal(owner_of(other).pid, 0);
	flowbed_close(&bed);
}

/* Two that have one pid, one after the other, are two; more programs than there is room for lose
 * their names, not their pids. */
static void test_programs(void **state)
{
	uint64_t flow, first;

	(void)state;
	open_bed(LWF_FLOW_PROGRAMS * 2);
	name_reply(42, 7, "old");
	first = flowbed_udp(&bed, 1);
	name_reply(42, 8, "young");
	flow = flowbed_udp(&bed, 2);
	assert_string_equal(owner_of(first).comm, "old");
	assert_string_equal(owner_of(flow).comm, "young");
	for (uint32_t i = 0; i < LWF_FLOW_PROGRAMS + 200; i++) {
		name_reply(1000 + i, i, "many");
		flow = flowbed_udp(&bed, 10 + i);
		assert_int_equal(owner_of(flow).pid, 1000 + i);
		assert_true(!strcmp(owner_of(flow).comm, "many") || !owner_of(flow).comm[0]);
	}
	assert_string_equal(owner_of(first).comm, "old");
	flowbed_wait(&bed, 40 * FLOWBED_S); /* all are over: there is room again */
	name_reply(5, 5, "again");
	assert_string_equal(owner_of(flowbed_udp(&bed, 3)).comm, "again");
	flowbed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules_share_the_table),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_link_down),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_owner_at_once),
		cmocka_unit_test(test_owner_is_asked_again),
		cmocka_unit_test(test_owner_comes_later),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("flow_filter", tests, NULL, NULL);
}
