/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_send_test.c - calls of liblwf-client that wait for their own frames, against a daemon that is
 * played here by a second thread: answers in any order, between those of other frames, late, and never.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fakedaemon.h"

#define SECOND_NS 1000000000ull

static const struct lwf_inject_frame frame = {.data = "fourteen bytes", .len = 14, .context = 77};
static struct lwf_inject *handle;
static struct lwf_inject_result result;

/* ---- the daemon's side: pulls @expect frames, then answers them as told ---- */

struct plan {
	uint32_t expect;
	bool backwards;
	bool die;	  /* answers the first half, and dies */
	uint32_t failing; /* the answer with this number, from 1 on, is MEDIA_DISCONNECTED */
	uint64_t ids[8192];
	uint32_t pulled;
	struct timespec came[8]; /* when the first frames were pulled */
	pthread_t thread;
};

static struct plan plan;

static void *play(void *unused)
{
	struct lwf_ring_submit record;

	(void)unused;
	while (plan.pulled < plan.expect) {
		if (!pull(&record))
			continue;
		if (plan.pulled < 8)
			clock_gettime(CLOCK_MONOTONIC, &plan.came[plan.pulled]);
		plan.ids[plan.pulled++] = record.id;
		publish_pulled();
	}
	for (uint32_t i = 0; i < plan.expect; i++) {
		if (plan.die && i == plan.expect / 2) {
			shutdown_peer();
			break;
		}
		answer_id(plan.ids[plan.backwards ? plan.expect - 1 - i : i],
			  i + 1 == plan.failing ? LWF_STATUS_MEDIA_DISCONNECTED
						: LWF_STATUS_SUCCESS);
	}
	return NULL;
}

static void start_play(uint32_t expect)
{
	plan.expect = expect;
	plan.pulled = 0;
	assert_int_equal(pthread_create(&plan.thread, NULL, play, NULL), 0);
}

/* Returns the id of the last frame of the play. */
static uint64_t end_play(void)
{
	uint64_t last;

	pthread_join(plan.thread, NULL);
	last = plan.pulled ? plan.ids[plan.pulled - 1] : 0;
	memset(&plan, 0, sizeof(plan));
	return last;
}

static void expect_counts(uint32_t submitted, uint32_t answered, uint32_t succeeded)
{
	assert_int_equal(result.submitted, submitted);
	assert_int_equal(result.answered, answered);
	assert_int_equal(result.succeeded, succeeded);
}

/* ---- sending ---- */

static void one_frame_its_own_status(void **state)
{
	(void)state;
	handle = open_handle();
	start_play(1);
	assert_int_equal(lwf_inject_send(handle, &frame, 1, SECOND_NS, &result), 0);
	end_play();
	assert_int_equal(result.status, LWF_STATUS_SUCCESS);
	expect_counts(1, 1, 1);
	assert_int_equal(result.bytes, 60);
	plan.failing = 1;
	start_play(1);
	assert_int_equal(lwf_inject_send(handle, &frame, 1, SECOND_NS, &result), 0);
	end_play();
	assert_int_equal(result.status, LWF_STATUS_MEDIA_DISCONNECTED);
	expect_counts(1, 1, 0);
	assert_int_equal(lwf_inject_outstanding(handle), 0);
	assert_int_equal(lwf_inject_send(handle, &frame, 0, SECOND_NS, &result), -EINVAL);
	close_handle(handle);
}

/* N frames, N counts, one reply: that of the first that failed. */
static void repeated(void **state)
{
	struct lwf_inject_stats stats;

	(void)state;
	handle = open_handle();
	plan.failing = 500;
	start_play(1000);
	assert_int_equal(lwf_inject_send(handle, &frame, 1000, 10 * SECOND_NS, &result), 0);
	end_play();
	expect_counts(1000, 1000, 999);
	assert_int_equal(result.status, LWF_STATUS_MEDIA_DISCONNECTED);
	assert_int_equal(result.frames, 999);
	assert_int_equal(result.bytes, 999 * 60);
	lwf_inject_stats(handle, &stats);
	assert_int_equal(stats.submitted, 1000);
	assert_int_equal(stats.sent, 999);
	assert_int_equal(stats.completed[LWF_ANSWER_MEDIA_DISCONNECTED], 1);
	close_handle(handle);
}

/* More than the ring holds: it goes on as room comes. */
static void more_than_the_ring(void **state)
{
	(void)state;
	handle = open_handle();
	start_play(8000);
	assert_int_equal(lwf_inject_send(handle, &frame, 8000, 20 * SECOND_NS, &result), 0);
	end_play();
	expect_counts(8000, 8000, 8000);
	close_handle(handle);
}

/* Answers to other frames stay for the poll, in their order, before and behind the call's own. */
static void others_are_not_disturbed(void **state)
{
	struct lwf_inject_event events[16];

	(void)state;
	handle = open_handle();
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(submit_bytes(handle, 60, i), 1);
	plan.backwards = true; /* those of the call come first, then 5 4 3 2 1 */
	plan.failing = 8;
	start_play(10);
	assert_int_equal(lwf_inject_send(handle, &frame, 5, SECOND_NS, &result), 0);
	expect_counts(5, 5, 5);
	end_play();
	assert_int_equal(lwf_inject_outstanding(handle), 5);
	assert_int_equal(lwf_inject_poll(handle, events, 16), 5);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(events[i].context, 5 - i);
	assert_int_equal(events[2].status, LWF_STATUS_MEDIA_DISCONNECTED);
	assert_int_equal(lwf_inject_poll(handle, events, 16), 0);
	/* and the other way round: theirs come first and stay at the head of the ring */
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(submit_bytes(handle, 60, i), 1);
	start_play(10);
	assert_int_equal(lwf_inject_send(handle, &frame, 5, SECOND_NS, &result), 0);
	expect_counts(5, 5, 5);
	end_play();
	assert_int_equal(lwf_inject_outstanding(handle), 5);
	assert_int_equal(lwf_inject_wait(handle, SECOND_NS), 0);
	assert_int_equal(lwf_inject_poll(handle, events, 2), 2);
	assert_int_equal(lwf_inject_poll(handle, events, 16), 3);
	assert_int_equal(events[2].context, 5);
	assert_int_equal(lwf_inject_poll(handle, events, 16), 0);
	assert_int_equal(lwf_inject_wait(handle, 1000000), -ETIMEDOUT);
	assert_int_equal(fake.control->answer_head, 20);
	close_handle(handle);
}

/* A call that gives up: its frames are answered all the same, as events. */
static void given_up(void **state)
{
	struct lwf_inject_event events[4];
	struct lwf_ring_submit record;

	(void)state;
	handle = open_handle();
	assert_int_equal(lwf_inject_send(handle, &frame, 3, 20000000, &result), -ETIMEDOUT);
	expect_counts(3, 0, 0);
	assert_int_equal(lwf_inject_outstanding(handle), 3);
	assert_true(pull(&record));
	assert_int_equal(serve_ring(), 2);
	answer_id(record.id, LWF_STATUS_FAILURE);
	assert_int_equal(lwf_inject_poll(handle, events, 4), 3);
	assert_int_equal(events[0].context, 77);
	assert_int_equal(events[2].status, LWF_STATUS_FAILURE);
	assert_int_equal(lwf_inject_outstanding(handle), 0);
	close_handle(handle);
}

/* What one call has given up is no other call's. */
static void given_up_and_called_again(void **state)
{
	struct lwf_inject_frame other = frame;
	struct lwf_inject_event events[4];

	(void)state;
	other.context = 88;
	handle = open_handle();
	assert_int_equal(lwf_inject_send(handle, &frame, 3, 20000000, &result), -ETIMEDOUT);
	start_play(4);
	assert_int_equal(lwf_inject_send(handle, &other, 1, SECOND_NS, &result), 0);
	end_play();
	expect_counts(1, 1, 1);
	assert_int_equal(lwf_inject_poll(handle, events, 4), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(events[i].context, 77);
	assert_int_equal(lwf_inject_outstanding(handle), 0);
	close_handle(handle);
}

/* The daemon dies inside the call: what it answered is true, the rest is UNKNOWN; each is told once. */
static void death_inside(void **state)
{
	struct lwf_inject_event events[8];

	(void)state;
	handle = open_handle();
	assert_int_equal(submit_bytes(handle, 60, 1), 1);
	plan.die = true;
	plan.backwards = true;
	start_play(11);
	assert_int_equal(lwf_inject_send(handle, &frame, 10, SECOND_NS, &result), 0);
	end_play();
	expect_counts(10, 10, 5);
	assert_int_equal(result.status, LWF_STATUS_UNKNOWN);
	assert_int_equal(lwf_inject_outstanding(handle), 1);
	assert_int_equal(lwf_inject_poll(handle, events, 8), 1);
	assert_int_equal(events[0].context, 1);
	assert_int_equal(events[0].status, LWF_STATUS_UNKNOWN);
	assert_int_equal(lwf_inject_poll(handle, events, 8), -ENOTCONN);
	assert_int_equal(lwf_inject_send(handle, &frame, 1, SECOND_NS, &result), -ENOTCONN);
	expect_counts(0, 0, 0);
	close_handle(handle);
}

/* What a call has heard is never told again, whatever the daemon writes over it. */
static void never_told_twice(bool again)
{
	struct lwf_ring_answer *ring;
	struct lwf_inject_event events[8];
	uint64_t id;

	handle = open_handle();
	assert_int_equal(submit_bytes(handle, 60, 1), 1);
	assert_int_equal(submit_bytes(handle, 60, 2), 1);
	start_play(3);
	assert_int_equal(lwf_inject_send(handle, &frame, 1, SECOND_NS, &result), 0);
	id = end_play();
	ring = (void *)(fake.map + LWF_RING_COMPLETE_OFFSET);
	ring[1].id = again ? id : 4711;
	assert_int_equal(lwf_inject_poll(handle, events, 8), 2);
	assert_int_equal(events[0].context, 1);
	assert_int_equal(events[1].context, 2);
	assert_int_equal(events[1].status, LWF_STATUS_UNKNOWN);
	assert_true(lwf_inject_is_gone(handle, NULL));
	assert_int_equal(lwf_inject_poll(handle, events, 8), -ENOTCONN);
	assert_int_equal(lwf_inject_outstanding(handle), 0);
	close_handle(handle);
}

static void heard_twice(void **state)
{
	(void)state;
	never_told_twice(true);
	never_told_twice(false);
}

/* ---- queues ---- */

static struct lwf_inject_queued queue[8];

static void stamps(uint32_t count, const uint64_t *us)
{
	for (uint32_t i = 0; i < count; i++)
		queue[i] = (struct lwf_inject_queued){frame, us[i] * 1000u};
}

/* No frame leaves before its time, whatever the machine is doing; how late it may is for no test. */
static void queue_in_time(void **state)
{
	const uint64_t us[] = {5000000, 5000030, 5020000, 5019500, 5040000};
	struct timespec start;

	(void)state;
	handle = open_handle();
	stamps(5, us);
	start_play(5);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 5, true, 5 * SECOND_NS, &result), 0);
	pthread_join(plan.thread, NULL);
	expect_counts(5, 5, 5);
	assert_int_equal(result.gap_ns, 0);
	for (uint32_t i = 0; i < 5; i++) {
		int64_t came_ns = (plan.came[i].tv_sec - start.tv_sec) * (int64_t)SECOND_NS +
				  plan.came[i].tv_nsec - start.tv_nsec;

		assert_true(came_ns >= (int64_t)(us[i] - us[0]) * 1000);
	}
	memset(&plan, 0, sizeof(plan));
	close_handle(handle);
}

static void queue_as_fast_as_it_goes(void **state)
{
	const uint64_t us[] = {9000000000, 0, 5000000};

	(void)state;
	handle = open_handle();
	stamps(3, us);
	start_play(3);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 3, false, SECOND_NS, &result), 0);
	end_play();
	expect_counts(3, 3, 3);
	close_handle(handle);
}

/* More than 1 s is the caller's; 1 s is not. More than 1 ms back is refused; 1 ms is not. */
static void queue_gaps(void **state)
{
	const uint64_t far[] = {0, 10, 1000011, 1000012}, back[] = {2000, 1000, 999, 0, 0};
	const uint64_t too_far_back[] = {5000, 3999, 4000};

	(void)state;
	handle = open_handle();
	stamps(4, far);
	start_play(2);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 4, true, 5 * SECOND_NS, &result), 0);
	end_play();
	expect_counts(2, 2, 2);
	assert_int_equal(result.gap_ns, 1000001000);
	start_play(2); /* the caller has slept, and goes on */
	assert_int_equal(lwf_inject_send_queue(handle, queue + 2, 2, true, 5 * SECOND_NS, &result),
			 0);
	end_play();
	expect_counts(2, 2, 2);
	stamps(5, back);
	start_play(5);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 5, true, 5 * SECOND_NS, &result), 0);
	end_play();
	expect_counts(5, 5, 5);
	stamps(3, too_far_back);
	start_play(1);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 3, true, 5 * SECOND_NS, &result),
			 -ERANGE);
	end_play();
	expect_counts(1, 1, 1);
	close_handle(handle);
}

static void queue_times_out(void **state)
{
	const uint64_t us[] = {0, 900000};

	(void)state;
	handle = open_handle();
	stamps(2, us);
	start_play(1);
	assert_int_equal(lwf_inject_send_queue(handle, queue, 2, true, 50000000, &result),
			 -ETIMEDOUT);
	end_play();
	expect_counts(1, 1, 1);
	close_handle(handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_frame_its_own_status),
		cmocka_unit_test(repeated),
		cmocka_unit_test(more_than_the_ring),
		cmocka_unit_test(others_are_not_disturbed),
		cmocka_unit_test(given_up),
		cmocka_unit_test(given_up_and_called_again),
		cmocka_unit_test(death_inside),
		cmocka_unit_test(heard_twice),
		cmocka_unit_test(queue_in_time),
		cmocka_unit_test(queue_as_fast_as_it_goes),
		cmocka_unit_test(queue_gaps),
		cmocka_unit_test(queue_times_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
