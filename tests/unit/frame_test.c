/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame_test.c - pools and batches: birth, home-coming, order, and memory that runs out.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <lwf/frame.h>

#include "hosts.h"

static void test_take_and_give(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_pool *pool = lwf_pool_create(host, 3, 1514);
	struct lwf_frame *frames[3];

	(void)state;
	assert_int_equal(lwf_pool_frames(pool), 3);
	for (int i = 0; i < 3; i++) {
		frames[i] = lwf_pool_take(pool, 42, LWF_DIRECTION_RECEIVE);
		assert_non_null(frames[i]);
		assert_true(frames[i]->origin == 42);
		assert_int_equal(frames[i]->direction, LWF_DIRECTION_RECEIVE);
		assert_int_equal(frames[i]->len, 0);
		assert_int_equal(frames[i]->status, LWF_STATUS_SUCCESS);
		assert_true(frames[i]->data - frames[i]->buffer >= (int)LWF_FRAME_HEADROOM_BYTES);
		assert_true(lwf_frame_room(frames[i]) >= 1514);
		assert_false(lwf_frame_is_super(frames[i]));
	}
	assert_int_equal(lwf_pool_free_frames(pool), 0);
	assert_null(lwf_pool_take(pool, 42, LWF_DIRECTION_SEND));
	frames[1]->offload.gso_type = LWF_GSO_TCP4;
	frames[1]->cancel_id = 7;
	frames[1]->len = 99;
	frames[1]->data += 10;
	lwf_pool_give(pool, frames[1]);
	/* the warm one comes first, and nothing of its last life is left */
	assert_ptr_equal(lwf_pool_take(pool, 43, LWF_DIRECTION_SEND), frames[1]);
	assert_true(frames[1]->origin == 43);
	assert_int_equal(frames[1]->offload.gso_type, 0);
	assert_true(frames[1]->cancel_id == 0);
	assert_int_equal(frames[1]->len, 0);
	assert_true(frames[1]->data - frames[1]->buffer == (int)LWF_FRAME_HEADROOM_BYTES);
	for (int i = 0; i < 3; i++)
		lwf_pool_give(pool, frames[i]);
	assert_int_equal(lwf_pool_free_frames(pool), 3);
	lwf_pool_destroy(pool);
	assert_int_equal(lwf_sim_host_allocations(host), 0);
	lwf_sim_host_destroy(host);
}

static void test_batches(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_pool *a = lwf_pool_create(host, 4, 64), *b = lwf_pool_create(host, 4, 64);
	struct lwf_batch first, second;

	(void)state;
	lwf_batch_init(&first);
	lwf_batch_init(&second);
	assert_null(lwf_batch_pop(&first));
	lwf_batch_append(&first, &second);
	assert_int_equal(first.count, 0);
	for (uint32_t i = 0; i < 8; i++) {
		struct lwf_frame *frame = lwf_pool_take(i & 1 ? a : b, 1, LWF_DIRECTION_SEND);

		frame->id = i;
		lwf_batch_push(i < 3 ? &first : &second, frame);
	}
	lwf_batch_append(&first, &second);
	assert_int_equal(first.count, 8);
	assert_int_equal(second.count, 0);
	assert_null(second.head);
	for (uint32_t i = 0; i < 4; i++) {
		struct lwf_frame *frame = lwf_batch_pop(&first);

		assert_true(frame->id == i);
		assert_null(frame->next);
		lwf_batch_push(&second, frame);
	}
	lwf_pool_give_batch(&first);
	lwf_pool_give_batch(&second);
	assert_int_equal(first.count, 0);
	assert_int_equal(lwf_pool_free_frames(a), 4);
	assert_int_equal(lwf_pool_free_frames(b), 4);
	lwf_pool_destroy(a);
	lwf_pool_destroy(b);
	lwf_sim_host_destroy(host);
}

static void test_cancel_ids(void **state)
{
	struct lwf_frame frame = {.cancel_id = 0};

	(void)state;
	assert_false(lwf_cancel_matches(&frame, 0));
	frame.cancel_id = 3ull << 32 | 5;
	assert_true(lwf_cancel_matches(&frame, 0));
	assert_true(lwf_cancel_matches(&frame, 3ull << 32));
	assert_true(lwf_cancel_matches(&frame, 3ull << 32 | 5));
	assert_false(lwf_cancel_matches(&frame, 3ull << 32 | 4));
	assert_false(lwf_cancel_matches(&frame, 4ull << 32 | 5));
	assert_false(lwf_cancel_matches(&frame, 4ull << 32));
}

/* Each allocation of a pool fails once; nothing is left behind. */
static void test_no_memory(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_pool *pool = NULL;
	unsigned failures = 0;

	(void)state;
	for (uint64_t nth = 1; !pool; nth++) {
		lwf_sim_host_fail_nth(host, nth);
		pool = lwf_pool_create(host, 4, 64);
		if (!pool) {
			failures++;
			assert_int_equal(lwf_sim_host_allocations(host), 0);
		}
	}
	lwf_sim_host_fail_nth(host, 0);
	assert_int_equal(failures, 3);
	lwf_pool_destroy(pool);
	lwf_sim_host_destroy(host);
}

/* True when @fn ends the program. */
static bool dies(void (*fn)(struct lwf_pool *pool), struct lwf_pool *pool)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		close(2);
		fn(pool);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status);
}

static void give_twice(struct lwf_pool *pool)
{
	struct lwf_frame *frame = lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);

	lwf_pool_give(pool, frame);
	lwf_pool_give(pool, frame);
}

static void destroy_while_out(struct lwf_pool *pool)
{
	lwf_pool_take(pool, 1, LWF_DIRECTION_SEND);
	lwf_pool_destroy(pool);
}

static void legal(struct lwf_pool *pool)
{
	lwf_pool_give(pool, lwf_pool_take(pool, 1, LWF_DIRECTION_SEND));
	lwf_pool_destroy(pool);
}

static void test_bugs_end_the_program(void **state)
{
	struct lwf_host *host = lwf_sim_host_create(1);
	struct lwf_pool *pool = lwf_pool_create(host, 2, 64);

	(void)state;
	assert_false(dies(legal, pool));
	assert_true(dies(give_twice, pool));
	assert_true(dies(destroy_while_out, pool));
	lwf_pool_destroy(pool);
	lwf_sim_host_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_give),	     cmocka_unit_test(test_batches),
		cmocka_unit_test(test_cancel_ids),	     cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_bugs_end_the_program),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
