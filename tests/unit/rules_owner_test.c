/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_owner_test.c - rules of who owns a frame: those that a filter breaks by using what it has
 * given away, by mixing up the order, or by doing what it has no function for.
 *
 * Each rule is broken once, by a filter that is wrong on purpose, and is reported under its id and no
 * other; and each time the legal neighbour of the deed is not reported.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "lifecycle.h"
#include "packet.h"
#include "rulebed.h"

/* ---- O06: not used or freed while it is out ---- */

static struct lwf_frame *own_frame(enum lwf_direction direction)
{
	struct lwf_frame *frame = lwf_pool_take(script.pool, rule_self(), direction);

	frame->len = 60;
	packet_plain(frame->data, 60, 1);
	return frame;
}

static void send_one(struct lwf_frame *frame)
{
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	lwf_batch_push(&batch, frame);
	lwf_next_send(script.module, &batch);
}

static void test_O06(void **state)
{
	struct lwf_frame *frame;

	(void)state;
	for (int again = 0; again < 2; again++) {
		script_reset();
		rule_begin("script");
		frame = own_frame(LWF_DIRECTION_SEND);
		lwf_pool_give(script.pool, frame); /* before it was sent: legal */
		frame = own_frame(LWF_DIRECTION_SEND);
		send_one(frame); /* comes home inside the call, is freed there: legal */
		assert_int_equal(script.home, 1);
		rig_expect_clean(&rig);
		lwf_sim_edge_config(rig.lower)->never = true;
		frame = own_frame(LWF_DIRECTION_SEND);
		send_one(frame);
		if (again)
			send_one(frame);
		else
			lwf_pool_give(script.pool, frame);
		assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES - 1);
		lwf_sim_edge_release(rig.lower, 2);
		assert_int_equal(script.home, 2); /* it comes home once all the same */
		assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
		rule_end_broken("O06");
	}
}

static uint8_t read_home;

static void read_when_home(struct lwf_module *module, struct lwf_batch *batch)
{
	uint8_t expected[60];

	(void)module;
	packet_plain(expected, sizeof(expected), 1);
	assert_memory_equal(batch->head->data, expected, sizeof(expected));
	assert_true(batch->head->id == 4711 && batch->head->context == &read_home);
	assert_int_equal(batch->head->status, LWF_STATUS_SUCCESS);
	read_home = batch->head->data[0];
	lwf_pool_give_batch(batch);
}

/* A child reads the bytes of a frame that is out: it dies of it. */
static bool dies_of_reading(const struct lwf_frame *frame)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		_exit(*(volatile const uint8_t *)frame->data == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status);
}

/* While it is out it says nothing true, its bytes fault, and a write to it is reported. */
static void test_O06_poison(void **state)
{
	struct lwf_frame *frame;

	(void)state;
	rule_begin("script;monitor");
	script.send_complete = read_when_home;
	lwf_sim_edge_config(rig.lower)->never = true;
	for (int written = 0; written < 2; written++) {
		frame = own_frame(LWF_DIRECTION_SEND);
		frame->id = 4711;
		frame->context = &read_home;
		read_home = 0;
		send_one(frame);
		assert_true(frame->len != 60 && frame->status != LWF_STATUS_SUCCESS);
		assert_true(frame->context != &read_home && frame->id != 4711);
		assert_true(dies_of_reading(frame));
		if (written)
			frame->id = 4712;
		lwf_sim_edge_release(rig.lower, 1);
		assert_int_equal(read_home, 0xff); /* and when it is home all is as it was */
		if (!written)
			rig_expect_clean(&rig);
	}
	script.send_complete = NULL;
	rule_end_broken("O06");
}

/* ---- O07: order ---- */

static void pass_backwards(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch turned;
	struct lwf_frame *frame;

	lwf_batch_init(&turned);
	while ((frame = lwf_batch_pop(batch))) {
		frame->next = turned.head;
		turned.head = frame;
		if (!turned.tail)
			turned.tail = frame;
		turned.count++;
	}
	lwf_next_send(module, &turned);
}

/* Own frames between those of others, and a batch in two halves: order is kept. */
static void pass_between(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch one;

	while (batch->head) {
		lwf_batch_init(&one);
		lwf_batch_push(&one, lwf_batch_pop(batch));
		lwf_next_send(module, &one);
		script_originate_wrongly(1, LWF_DIRECTION_SEND, rule_self());
	}
}

/* An own receive that is out is indicated again. */
static void test_O06_receive(void **state)
{
	struct lwf_batch batch;
	struct lwf_frame *frame;

	(void)state;
	rule_begin("script");
	lwf_sim_edge_config(rig.upper)->never = true;
	for (int again = 0; again < 2; again++) {
		frame = own_frame(LWF_DIRECTION_RECEIVE);
		for (int i = 0; i <= again; i++) {
			lwf_batch_init(&batch);
			lwf_batch_push(&batch, frame);
			lwf_next_receive(script.module, &batch);
		}
		assert_int_equal(lwf_sim_edge_release(rig.upper, UINT32_MAX), 1);
		assert_int_equal(script.home, 1 + again);
		if (!again)
			rig_expect_clean(&rig);
	}
	rule_end_broken("O06");
}

static void test_O07(void **state)
{
	(void)state;
	rule_begin("inject;script;monitor");
	client_open(&rig, &client);
	script.send = pass_between;
	client_send(&client, 5);
	assert_int_equal(rig.lower_handed, 10);
	rig_expect_clean(&rig);
	script.send = pass_backwards;
	client_send(&client, 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 10);
	assert_int_equal(rig_broken(&rig, "O07"), 4); /* and monitor below is not accused of it */
	script.send = NULL;
	client_close(&client);
	rule_end_broken("O07");
}

static void pass_singly(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch one;

	while (batch->head) {
		lwf_batch_init(&one);
		lwf_batch_push(&one, lwf_batch_pop(batch));
		lwf_next_send(module, &one);
	}
}

static void submit_one_more(struct client *sender)
{
	sender->on_answer = NULL;
	client_send(sender, 1);
}

/* What comes while a batch is half passed on overtakes the other half: nobody's fault. */
static void test_O07_nested(void **state)
{
	(void)state;
	rule_begin("inject;script;monitor");
	client_open(&rig, &client);
	script.send = pass_singly;
	client.on_answer = submit_one_more; /* inside the first answer, which is inside the send */
	client_send(&client, 3);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 4);
	client_close(&client);
	rule_end_clean();
}

/* A filter that says so may; those below are judged by what they were handed. */
static void test_O07_reorders(void **state)
{
	(void)state;
	rig_open(&rig, NULL, "inject;hold:frames=3;monitor");
	client_open(&rig, &client);
	client_send(&client, 5);
	assert_int_equal(rig.lower_handed, 2);
	assert_int_equal(lwf_module_set(rig_module(&rig, "hold"), "release=on", (char[64]){0}, 64),
			 0);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 5);
	client_close(&client);
	rig_close(&rig);
}

/* ---- O08: freed once ---- */

static void test_O08(void **state)
{
	struct lwf_frame *frame, *other;

	(void)state;
	for (int used = 0; used < 2; used++) {
		script_reset();
		rule_begin("script");
		frame = own_frame(LWF_DIRECTION_SEND);
		lwf_pool_give(script.pool, frame);
		assert_ptr_equal(own_frame(LWF_DIRECTION_SEND), frame); /* taken again: legal */
		lwf_pool_give(script.pool, frame);
		rig_expect_clean(&rig);
		if (used)
			send_one(frame);
		else
			lwf_pool_give(script.pool, frame);
		assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
		assert_int_equal(rig.lower_handed, 0);
		assert_int_equal(script.home, 0);
		frame = own_frame(LWF_DIRECTION_SEND);
		other = own_frame(LWF_DIRECTION_SEND);
		assert_true(frame != other); /* nobody is given the same one twice */
		lwf_pool_give(script.pool, frame);
		lwf_pool_give(script.pool, other);
		rule_end_broken("O08");
	}
}

/* ---- O09: own receives ---- */

static void return_all(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_receive_return(module, batch);
}

static void test_O09(void **state)
{
	(void)state;
	rule_begin("script");
	script.receive_return = return_all;
	assert_int_equal(rig_receive(&rig, 60, 1), 0); /* one of the device: legal */
	rig_expect_clean(&rig);
	script_originate_wrongly(2, LWF_DIRECTION_RECEIVE, rule_self());
	assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
	rule_end_broken("O09");
}

/* ---- O12: what it has no function for ---- */

static lwf_status half_pause(struct lwf_module *module)
{
	(void)module;
	return LWF_STATUS_SUCCESS;
}

static struct lwf_pool *half_pool;

static void half_home(struct lwf_module *module, struct lwf_batch *batch)
{
	(void)module;
	lwf_pool_give_batch(batch);
}

static const struct lwf_filter_ops can_send = {
	.name = "can-send",
	.traits = LWF_FILTER_ORIGINATES,
	.pause = half_pause,
	.send_complete = half_home,
};
static const struct lwf_filter_ops can_receive = {
	.name = "can-receive",
	.traits = LWF_FILTER_ORIGINATES,
	.pause = half_pause,
	.receive_return = half_home,
};
static const struct lwf_filter_ops *const halves[] = {&can_send, &can_receive, NULL};

static void originate_from(struct lwf_module *module, enum lwf_direction direction)
{
	struct lwf_frame *frame = lwf_pool_take(half_pool, lwf_module_handle(module), direction);
	struct lwf_batch batch;

	frame->len = 60;
	lwf_batch_init(&batch);
	lwf_batch_push(&batch, frame);
	if (direction == LWF_DIRECTION_SEND)
		lwf_next_send(module, &batch);
	else
		lwf_next_receive(module, &batch);
}

static void test_O12(void **state)
{
	(void)state;
	for (int direction = 0; direction < 2; direction++) {
		struct lwf_module *can, *cannot;

		rig_open(&rig, halves, "can-send;can-receive");
		half_pool = lwf_pool_create(rig.host, 4, 64);
		can = rig_module(&rig, direction ? "can-receive" : "can-send");
		cannot = rig_module(&rig, direction ? "can-send" : "can-receive");
		originate_from(can, (enum lwf_direction)direction);
		assert_int_equal(rig.lower_handed + rig.upper_handed, 1);
		rig_expect_clean(&rig);
		originate_from(cannot, (enum lwf_direction)direction);
		assert_int_equal(rig.lower_handed + rig.upper_handed, 1); /* refused */
		assert_int_equal(lwf_pool_free_frames(half_pool), 4);
		lwf_pool_destroy(half_pool);
		rule_end_broken("O12");
	}
}

/* ---- P09, P13 ---- */

static void let_go(struct lwf_module *module)
{
	(void)module;
	script_let_go();
}

static void test_P09(void **state)
{
	(void)state;
	rule_begin("keeper");
	/* the engine's half: a receive to a module that is not Running is returned at once */
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	script.keep_receives = true;
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_int_equal(script.kept_receives.count, 0);
	assert_int_equal(rig.upper_handed, 0);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_NOT_RUNNING], 1);
	assert_int_equal(rig.lower->inputs_out, 0);
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	/* the filter's: what it keeps is returned by its pause, not forwarded */
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_NOT_RUNNING], 2);
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_RESTART, "test"));
	rig_expect_clean(&rig);
	assert_int_equal(rig_receive(&rig, 60, 1), 0);
	script.in_pause = let_go;
	assert_true(lwf_lifecycle(script.module, LWF_EVENT_PAUSE, "test"));
	script.in_pause = NULL;
	lwf_stack_post(rig.stack);
	rig_run(&rig, 1);
	rule_end_broken("P09");
}

static enum lwf_direction in_attach_direction;
static uint32_t in_attach_free;

static void originate_early(struct lwf_module *module)
{
	half_pool = lwf_pool_create(lwf_module_host(module), 4, 64);
	originate_from(module, in_attach_direction);
	in_attach_free = lwf_pool_free_frames(half_pool);
	lwf_pool_destroy(half_pool);
}

static void test_P13_frames(void **state)
{
	(void)state;
	for (int direction = 0; direction < 2; direction++) {
		script_reset();
		rule_begin("script");
		assert_true(script_originate(1, (enum lwf_direction)direction));
		rule_end_clean();

		script_reset();
		in_attach_direction = (enum lwf_direction)direction;
		script.in_attach = originate_early;
		rule_begin("script");
		assert_int_equal(in_attach_free, 4); /* refused: it is back */
		assert_int_equal(rig.lower_handed + rig.upper_handed, 0);
		rule_end_broken("P13");
	}
}

#define RULE_TEST(id) cmocka_unit_test_setup(test_##id, rule_fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RULE_TEST(O06), RULE_TEST(O06_poison),	 RULE_TEST(O06_receive),
		RULE_TEST(O07), RULE_TEST(O07_reorders), RULE_TEST(O07_nested),
		RULE_TEST(O08), RULE_TEST(O09),		 RULE_TEST(O12),
		RULE_TEST(P09), RULE_TEST(P13_frames),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rules_owner", tests, NULL, NULL);
}
