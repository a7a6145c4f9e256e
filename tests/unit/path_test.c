/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path_test.c - the way of a frame: order, bytes, the way home, and races R2 to R5 in one thread.
 */
#include <errno.h>
#include <string.h>

#include "packet.h"
#include "rig.h"
#include "script.h"

static struct rig rig;
static struct client client;

/* What a device was handed, in order. */
static uint8_t seen[256][2048];
static uint32_t seen_len[256];
static uint32_t seen_count;

static void on_hand_over(void *context, const struct lwf_frame *frame)
{
	(void)context;
	memcpy(seen[seen_count], frame->data, frame->len);
	seen_len[seen_count++] = frame->len;
}

static int fresh(void **state)
{
	(void)state;
	script_reset();
	seen_count = 0;
	return 0;
}

/* O07: bytes and order, through modules, from the host and from a client, down and up. */
static void test_bytes_and_order(void **state)
{
	uint8_t expected[2048];
	uint32_t lens[] = {14, 60, 61, 999, 1514};

	(void)state;
	rig_open(&rig, script_filters, "inject;script;monitor");
	lwf_sim_edge_on_hand_over(rig.lower, on_hand_over, NULL);
	lwf_sim_edge_on_hand_over(rig.upper, on_hand_over, NULL);
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	for (int down = 0; down < 2; down++) {
		seen_count = 0;
		for (uint32_t i = 0; i < 50; i++) {
			if (down)
				assert_int_equal(rig_host_send(&rig, lens[i % 5], i), 0);
			else
				assert_int_equal(rig_receive(&rig, lens[i % 5], i), 0);
		}
		assert_int_equal(seen_count, 50);
		for (uint32_t i = 0; i < 50; i++) {
			packet_plain(expected, lens[i % 5], i);
			assert_int_equal(seen_len[i], lens[i % 5]);
			assert_memory_equal(seen[i], expected, lens[i % 5]);
		}
	}
	rig_run(&rig, 5);
	assert_int_equal(lwf_stack_host_ledger(rig.stack)->sent, 50);
	assert_int_equal(rig.lower->inputs_out + rig.upper->inputs_out, 0);
	rig_close(&rig);
}

/* R2: the device answers inside the send call, many times, with more sends from inside. */
static uint32_t nested;

static void send_again(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch own;

	lwf_batch_init(&own);
	lwf_batch_split_own(module, batch, &own);
	lwf_send_complete(module, batch);
	lwf_pool_give_batch(&own);
	if (nested++ < 100)
		script_originate_wrongly(3, LWF_DIRECTION_SEND, lwf_module_handle(module));
}

static void test_R2_reentrant_completion(void **state)
{
	struct lwf_module_info info;

	(void)state;
	rig_open(&rig, script_filters, "script;monitor");
	script.send_complete = send_again;
	nested = 0;
	script_originate_wrongly(3, LWF_DIRECTION_SEND, lwf_module_handle(script.module));
	lwf_module_info(script.module, &info);
	assert_int_equal(info.sends, 303);
	assert_int_equal(info.send_answers[LWF_ANSWER_SUCCESS], 303);
	assert_int_equal(info.sends_out, 0);
	assert_int_equal(lwf_pool_free_frames(script.pool), SCRIPT_FRAMES);
	rig_close(&rig);
}

static uint32_t release_in_pause;

static void release_some(struct lwf_module *module)
{
	(void)module;
	lwf_sim_edge_release(rig.lower, release_in_pause);
}

/*
 * R3, R4: of 3 frames out, n come home inside the pause function, after the gate was closed and before
 * PENDING is returned; the rest after. The pause ends once, whatever n is.
 */
static void test_R3_R4_completion_during_pause(void **state)
{
	(void)state;
	for (release_in_pause = 0; release_in_pause <= 3; release_in_pause++) {
		script_reset();
		rig_open(&rig, script_filters, "script");
		lwf_sim_edge_config(rig.lower)->never = true;
		assert_true(script_originate(3, LWF_DIRECTION_SEND));
		script.in_pause = release_some;
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		assert_int_equal(rig_state(&rig, "script"),
				 release_in_pause == 3 ? LWF_STATE_PAUSED : LWF_STATE_PAUSING);
		lwf_sim_edge_release(rig.lower, 3);
		rig_run(&rig, 1);
		assert_int_equal(rig_state(&rig, "script"), LWF_STATE_PAUSED);
		assert_int_equal(script.pauses, 1);
		script.in_pause = NULL;
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		assert_true(script_originate(1, LWF_DIRECTION_SEND));
		lwf_sim_edge_release(rig.lower, 3);
		rig_close(&rig);
	}
}

/*
 * R5: the last completion ends the pause, and the stack detaches and frees the module as soon as it may.
 * It may not before the call that brought the frame has left the module (a sanitizer would see it).
 */
static void test_R5_detach_on_the_last_completion(void **state)
{
	struct client_answer last;

	(void)state;
	rig_open(&rig, script_filters, "inject;script");
	client_open(&rig, &client);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "inject")), 0);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
	lwf_sim_edge_release(rig.lower, 3); /* frees it, but not in here */
	assert_non_null(lwf_stack_module(rig.stack, "inject"));
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "inject"));
	last = client.answer[client.answers - 1];
	assert_int_equal(last.status, LWF_STATUS_SUCCESS);
	client_close(&client);
	rig_close(&rig);
}

/* A filter drops: the sender hears that it was a filter, and its number is counted there. */
static void drop_odd(struct lwf_module *module, struct lwf_batch *batch)
{
	struct lwf_batch pass, drop;
	struct lwf_frame *frame;

	lwf_batch_init(&pass);
	lwf_batch_init(&drop);
	while ((frame = lwf_batch_pop(batch)))
		lwf_batch_push(frame->id & 1 ? &drop : &pass, frame);
	if (drop.head)
		lwf_drop_sends(module, &drop, LWF_REASON_FILTER);
	if (pass.head)
		lwf_next_send(module, &pass);
}

static void test_drop(void **state)
{
	struct lwf_module_info info;

	(void)state;
	rig_open(&rig, script_filters, "inject;script;monitor");
	client_open(&rig, &client);
	script.send = drop_odd;
	client_send(&client, 10);
	assert_int_equal(client_count(&client, LWF_STATUS_NOT_ACCEPTED), 5);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 5);
	assert_int_equal(rig.lower_handed, 5);
	lwf_module_info(script.module, &info);
	assert_int_equal(info.dropped, 5);
	script.send = NULL;
	client_close(&client);
	rig_close(&rig);
}

/* Without a protocol side receives are dropped, and everything else works. */
static void test_no_upper(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_engine *engine = lwf_engine_create(host);
	struct lwf_edge *lower;
	struct lwf_stack *stack;
	uint8_t bytes[60];

	(void)state;
	assert_int_equal(lwf_sim_edge_create(host, "low", &lower), 0);
	assert_int_equal(lwf_stack_create(engine, "s", NULL, lower, &stack), 0);
	assert_int_equal(lwf_stack_insert(stack, "monitor", 0, NULL, (char[64]){0}, 64), 0);
	lwf_stack_start(stack);
	lwf_sim_host_run_until(host, lwf_host_now_ns(host) + RIG_MS);
	assert_int_equal(lwf_stack_state(stack), LWF_STATE_RUNNING);
	packet_plain(bytes, sizeof(bytes), 1);
	assert_int_equal(lwf_sim_edge_inject(lower, bytes, sizeof(bytes)), 0);
	assert_int_equal(lower->counters.drops[LWF_REASON_UPPER_GONE], 1);
	assert_int_equal(lower->inputs_out, 0);
	lwf_stack_close(stack, NULL, NULL);
	while (lwf_sim_host_step(host))
		;
	lwf_engine_destroy(engine);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
}

/* No allocation on the path: the count stands still while frames move. */
static void test_no_allocation(void **state)
{
	uint64_t before;

	(void)state;
	rig_open(&rig, script_filters, "inject;script;monitor");
	client_open(&rig, &client);
	before = lwf_sim_host_allocations(rig.host);
	lwf_sim_host_fail_nth(rig.host, 1); /* whoever asks is refused, and it would show */
	client_send(&client, 1000);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(rig_receive(&rig, 60, i), 0);
		assert_int_equal(rig_host_send(&rig, 60, i), 0);
	}
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 1000);
	assert_true(lwf_sim_host_allocations(rig.host) == before);
	assert_null(lwf_host_alloc(rig.host, 1)); /* nobody had asked before */
	client_close(&client);
	rig_close(&rig);
}

#define T(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(bytes_and_order),
		T(R2_reentrant_completion),
		T(R3_R4_completion_during_pause),
		T(R5_detach_on_the_last_completion),
		T(drop),
		T(no_upper),
		T(no_allocation),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
