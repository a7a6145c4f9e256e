/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_test.c - liblwf-client against a daemon that is played here: rings that wrap and fill, answers
 * in any order, a daemon that lies, stops, or dies, and what the caller is told of each frame.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakedaemon.h"

static void frames_are_answered(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event events[8];
	struct lwf_inject_frame frames[3] = {
		{.data = "a", .len = 1, .context = 1},
		{.data = "bb", .len = 2, .context = 2, .cancel_id = 9},
		{.data = "", .len = 0, .context = 3, .flags = LWF_INJECT_RECEIVE}};
	struct lwf_ring_submit record;
	uint64_t ids[3];

	(void)state;
	assert_int_equal(lwf_inject_session(handle), 3);
	assert_int_equal(lwf_inject_submit(handle, frames, 3, ids), 3);
	assert_int_equal(lwf_inject_outstanding(handle), 3);
	assert_int_equal(lwf_inject_poll(handle, events, 8), 0);
	assert_true(pull(&record));
	assert_int_equal(record.len, 1);
	assert_int_equal(fake.map[LWF_RING_DATA_OFFSET + record.offset], 'a');
	assert_true(pull(&record));
	assert_int_equal(record.cancel_id, 9);
	assert_true(pull(&record));
	assert_int_equal(record.flags, LWF_RING_FLAG_RECEIVE);
	assert_false(pull(&record));
	publish_pulled();
	/* in another order than they came */
	answer_id(ids[2], LWF_STATUS_INVALID_LENGTH);
	answer_id(ids[0], LWF_STATUS_SUCCESS);
	assert_int_equal(lwf_inject_poll(handle, events, 8), 2);
	assert_int_equal(events[0].context, 3);
	assert_int_equal(events[0].status, LWF_STATUS_INVALID_LENGTH);
	assert_int_equal(events[1].id, ids[0]);
	assert_int_equal(events[1].bytes, 60);
	assert_int_equal(lwf_inject_outstanding(handle), 1);
	answer_id(ids[1], LWF_STATUS_SUCCESS);
	assert_int_equal(lwf_inject_wait(handle, 1000000000), 0);
	assert_int_equal(lwf_inject_poll(handle, events, 8), 1);
	assert_int_equal(lwf_inject_wait(handle, 1000000), -ETIMEDOUT);
	close_handle(handle);
}

static void check_bytes(const struct lwf_ring_submit *record, uint64_t context)
{
	const uint8_t *bytes = fake.map + LWF_RING_DATA_OFFSET + record->offset;

	assert_true(record->offset <= LWF_RING_DATA_BYTES - record->len);
	for (uint32_t i = 0; i < record->len; i++) {
		if (bytes[i] != (uint8_t)(context + i))
			fail_msg("frame %llu, byte %u", (unsigned long long)context, i);
	}
}

/* Many times round every ring, with frames of odd sizes, in windows of odd sizes. */
static void rings_wrap(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event events[100];
	struct lwf_ring_submit record;
	uint64_t submitted = 0, served = 0, answered = 0;

	(void)state;
	while (answered < 60000) {
		uint32_t len = (uint32_t)(submitted * 7919 % 2100);
		int n;

		if (submitted - served < 700 && submit_bytes(handle, len, submitted) == 1)
			submitted++;
		if (submitted - served < 650 && submitted % 3)
			continue;
		for (int i = 0; i < 33 && pull(&record); i++) {
			check_bytes(&record, served++);
			publish_pulled();
			answer_id(record.id, LWF_STATUS_SUCCESS);
		}
		n = lwf_inject_poll(handle, events, 100);
		for (int i = 0; i < n; i++)
			assert_true(events[i].context == answered++);
	}
	close_handle(handle);
}

static void full_rings_say_so(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event event;
	uint32_t submitted = 0;

	(void)state;
	/* nobody pulls: the submission ring fills */
	while (submit_bytes(handle, 60, submitted) == 1)
		submitted++;
	assert_int_equal(submitted, LWF_RING_SUBMIT_SLOTS);
	assert_int_equal(submit_bytes(handle, 60, 0), -EAGAIN);
	/* pulled and answered, but the answers are not taken: the places of answers run out */
	serve_ring();
	while (submit_bytes(handle, 60, submitted) == 1)
		submitted++;
	assert_int_equal(submitted, LWF_RING_COMPLETE_SLOTS);
	serve_ring();
	assert_int_equal(submit_bytes(handle, 60, 0), -EAGAIN);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(submit_bytes(handle, 60, 0), 1);
	assert_int_equal(submit_bytes(handle, 60, 0), -EAGAIN);
	close_handle(handle);
}

static void full_data_area_says_so(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_ring_submit record;
	uint32_t submitted = 0;

	(void)state;
	while (submit_bytes(handle, LWF_FRAME_MAX_BYTES, submitted) == 1)
		submitted++;
	assert_int_equal(submitted, LWF_RING_DATA_BYTES / LWF_FRAME_MAX_BYTES);
	assert_int_equal(submit_bytes(handle, LWF_FRAME_MAX_BYTES, 0), -EAGAIN);
	/* room at the front comes back record by record, and the next lies there in one piece */
	assert_true(pull(&record));
	publish_pulled();
	assert_int_equal(submit_bytes(handle, LWF_FRAME_MAX_BYTES, 77), 1);
	while (pull(&record))
		publish_pulled();
	check_bytes(&record, 77);
	close_handle(handle);
}

static void long_frames_are_refused_by_the_engine(void **state)
{
	struct lwf_inject *handle = open_handle();
	const struct lwf_inject_frame frame = {.data = NULL, .len = LWF_FRAME_MAX_BYTES + 1};
	const struct lwf_inject_frame odd = {.data = "a", .len = 1, .flags = 0x80};
	struct lwf_ring_submit record;

	(void)state;
	assert_int_equal(lwf_inject_submit(handle, &frame, 1, NULL), 1);
	assert_true(pull(&record));
	assert_true(record.len > LWF_RING_DATA_BYTES);
	assert_int_equal(lwf_inject_submit(handle, &odd, 1, NULL), -EINVAL);
	assert_int_equal(lwf_inject_submit(handle, &odd, 0, NULL), 0);
	close_handle(handle);
}

static void library_answers_resources(void **state)
{
	struct lwf_inject_options given;
	struct lwf_inject *handle;
	struct lwf_inject_event event;
	uint32_t resources = 0;

	(void)state;
	start_daemon(HONEST);
	given = options();
	given.answer_resources = true;
	assert_int_equal(lwf_inject_open(&given, &handle, NULL), 0);
	for (uint32_t i = 0; i < LWF_RING_SUBMIT_SLOTS + 10; i++)
		assert_int_equal(submit_bytes(handle, 60, i), 1);
	while (lwf_inject_poll(handle, &event, 1) == 1) {
		assert_int_equal(event.status, LWF_STATUS_RESOURCES);
		assert_true(event.refused);
		assert_int_equal(event.context, LWF_RING_SUBMIT_SLOTS + resources++);
	}
	assert_int_equal(resources, 10);
	close_handle(handle);
}

/* What the daemon answered before it died is true; the rest is UNKNOWN, each once. */
static void death_answers_unknown(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event events[64];
	bool seen[300] = {false};
	uint32_t success = 0, unknown = 0;
	struct lwf_ring_submit record;
	const char *why;
	int n;

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(submit_bytes(handle, 60, i), 1);
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(pull(&record));
		publish_pulled();
		if (i % 2 == 0)
			answer_id(record.id, LWF_STATUS_SUCCESS);
	}
	kill_daemon();
	assert_int_equal(lwf_inject_flush(handle, 1000000000), 0);
	while ((n = lwf_inject_poll(handle, events, 64)) > 0) {
		for (int i = 0; i < n; i++) {
			assert_false(seen[events[i].context]);
			seen[events[i].context] = true;
			success += events[i].status == LWF_STATUS_SUCCESS;
			unknown += events[i].status == LWF_STATUS_UNKNOWN &&
				   events[i].reason == LWF_REASON_UNANSWERED;
		}
	}
	assert_int_equal(n, -ENOTCONN);
	assert_int_equal(success, 50);
	assert_int_equal(unknown, 250);
	assert_int_equal(lwf_inject_outstanding(handle), 0);
	assert_true(lwf_inject_is_gone(handle, &why));
	assert_int_equal(submit_bytes(handle, 60, 0), -ENOTCONN);
	assert_int_equal(lwf_inject_wait(handle, 1000), -ENOTCONN);
	assert_int_equal(lwf_inject_cancel(handle, 0), -ENOTCONN);
	close_handle(handle);
}

/* A daemon that says goodbye leaves no doubt about what it never took. */
static void goodbye_answers_paused(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event events[64];
	uint32_t paused = 0, unknown = 0;
	struct lwf_ring_submit record;
	int n;

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(submit_bytes(handle, 60, i), 1);
	for (uint32_t i = 0; i < 100; i++)
		assert_true(pull(&record));
	publish_pulled();
	answer_id(record.id, LWF_STATUS_SUCCESS);
	atomic_store(&fake.control->goodbye, 1);
	kill_daemon();
	while ((n = lwf_inject_poll(handle, events, 64)) > 0) {
		for (int i = 0; i < n; i++) {
			const bool taken = events[i].context < 100;

			unknown += taken && events[i].status == LWF_STATUS_UNKNOWN;
			paused += !taken && events[i].status == LWF_STATUS_PAUSED &&
				  events[i].refused;
		}
	}
	assert_int_equal(n, -ENOTCONN);
	assert_int_equal(unknown, 99);
	assert_int_equal(paused, 200);
	close_handle(handle);
}

/* Waits for the death that the socket tells, with nothing polled before. */
static void death_wakes_a_waiter(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event event;

	(void)state;
	assert_int_equal(submit_bytes(handle, 60, 5), 1);
	kill_daemon();
	assert_int_equal(lwf_inject_wait(handle, 2000000000), 0);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.status, LWF_STATUS_UNKNOWN);
	close_handle(handle);
}

static void expect_gone_by(struct lwf_inject *handle, const char *text, uint32_t unknown)
{
	struct lwf_inject_event events[16];
	const char *why = "";
	uint32_t n = 0;
	int got;

	while ((got = lwf_inject_poll(handle, events, 16)) > 0) {
		for (int i = 0; i < got; i++)
			n += events[i].status == LWF_STATUS_UNKNOWN;
	}
	assert_int_equal(got, -ENOTCONN);
	assert_int_equal(n, unknown);
	assert_true(lwf_inject_is_gone(handle, &why));
	if (!strstr(why, text))
		fail_msg("'%s' instead of '%s'", why, text);
	close_handle(handle);
}

static void lying_answers_end_it(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_ring_submit record;

	(void)state;
	/* an answer to nothing */
	atomic_store(&fake.control->answer_tail, 1);
	expect_gone_by(handle, "more answers", 0);
	/* an answer with an id that was never given */
	handle = open_handle();
	submit_bytes(handle, 60, 0);
	submit_bytes(handle, 60, 1);
	answer_id(4711, LWF_STATUS_SUCCESS);
	expect_gone_by(handle, "not submitted", 2);
	/* the same answer twice */
	handle = open_handle();
	submit_bytes(handle, 60, 0);
	submit_bytes(handle, 60, 1);
	assert_true(pull(&record));
	answer_id(record.id, LWF_STATUS_SUCCESS);
	answer_id(record.id, LWF_STATUS_SUCCESS);
	expect_gone_by(handle, "not submitted", 1);
	/* more taken than there was */
	handle = open_handle();
	submit_bytes(handle, 60, 0);
	atomic_store(&fake.control->submit_head, 2);
	assert_int_equal(submit_bytes(handle, 60, 0), -ENOTCONN);
	expect_gone_by(handle, "took more", 1);
}

static void open_distrusts(void **state)
{
	static const struct {
		enum lie lie;
		int exit;
	} cases[] = {{BAD_MAGIC, 3}, {BAD_VERSION, 3}, {UNSEALED, 3}, {TOO_SMALL, 3},
		     {NO_MEMORY, 3}, {NO_STACK, 5},    {MUTE, 3},     {GARBAGE, 3}};
	struct lwf_inject_options given;
	struct lwf_inject *handle;
	struct lwf_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_daemon(cases[i].lie);
		given = options();
		if (lwf_inject_open(&given, &handle, &error) == 0)
			fail_msg("lie %zu was believed", i);
		if ((int)error.exit != cases[i].exit)
			fail_msg("lie %zu: exit %d, %s", i, (int)error.exit, error.why);
		end_daemon();
	}
	given.control = "/nonexistent/control";
	assert_int_equal(lwf_inject_open(&given, &handle, &error), -ENOENT);
	assert_int_equal(error.exit, LWF_EXIT_UNREACHABLE);
	given.size = 3;
	assert_int_equal(lwf_inject_open(&given, &handle, &error), -EINVAL);
}

static void doorbells_when_it_sleeps(void **state)
{
	struct lwf_inject *handle = open_handle();

	(void)state;
	submit_bytes(handle, 60, 0);
	atomic_store(&fake.control->engine_sleeps, 1);
	submit_bytes(handle, 60, 0);
	assert_int_equal(lwf_inject_ping(handle, 1000000000), 0); /* all before it is heard */
	assert_int_equal(atomic_load(&fake.doorbells), 1);
	assert_int_equal(lwf_inject_cancel(handle, 0), 0);
	assert_int_equal(atomic_load(&fake.cancels), 1);
	close_handle(handle);
}

static void descriptor_tells(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct pollfd poll_fd = {.fd = lwf_inject_fd(handle), .events = POLLIN};
	struct lwf_inject_event event;

	(void)state;
	submit_bytes(handle, 60, 0);
	submit_bytes(handle, 60, 1);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	serve_ring();
	assert_int_equal(poll(&poll_fd, 1, 1000), 1);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	close_handle(handle);
}

static void states_are_told(void **state)
{
	struct lwf_inject_options given;
	struct lwf_inject *handle;
	struct lwf_inject_event event;
	enum lwf_state now;

	(void)state;
	start_daemon(HONEST);
	given = options();
	given.state_events = true;
	assert_int_equal(lwf_inject_open(&given, &handle, NULL), 0);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.kind, LWF_INJECT_STATE);
	assert_int_equal(event.state, LWF_STATE_RUNNING);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 0);
	atomic_store(&fake.control->state, LWF_STATE_PAUSED);
	assert_int_equal(lwf_inject_wait(handle, 1000000), 0);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.state, LWF_STATE_PAUSED);
	atomic_store(&fake.control->epoch, 2); /* down and up between two looks */
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.epoch, 2);
	kill_daemon();
	assert_int_equal(lwf_inject_wait(handle, 1000000000), 0);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.state, LWF_STATE_DETACHED);
	lwf_inject_state(handle, &now, NULL);
	assert_int_equal(now, LWF_STATE_DETACHED);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), -ENOTCONN);
	close_handle(handle);
}

static void silence_is_noticed(void **state)
{
	struct lwf_inject *handle = open_handle();
	struct lwf_inject_event event;

	(void)state;
	submit_bytes(handle, 60, 0);
	fake.lie = MUTE; /* as if it were stopped */
	assert_int_equal(lwf_inject_flush(handle, 20000000), -ETIMEDOUT);
	assert_int_equal(lwf_inject_ping(handle, 20000000), -ETIMEDOUT);
	lwf_inject_abandon(handle);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.status, LWF_STATUS_UNKNOWN);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), -ENOTCONN);
	close_handle(handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_answered),
		cmocka_unit_test(rings_wrap),
		cmocka_unit_test(full_rings_say_so),
		cmocka_unit_test(full_data_area_says_so),
		cmocka_unit_test(long_frames_are_refused_by_the_engine),
		cmocka_unit_test(library_answers_resources),
		cmocka_unit_test(death_answers_unknown),
		cmocka_unit_test(goodbye_answers_paused),
		cmocka_unit_test(death_wakes_a_waiter),
		cmocka_unit_test(lying_answers_end_it),
		cmocka_unit_test(open_distrusts),
		cmocka_unit_test(doorbells_when_it_sleeps),
		cmocka_unit_test(descriptor_tells),
		cmocka_unit_test(states_are_told),
		cmocka_unit_test(silence_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
