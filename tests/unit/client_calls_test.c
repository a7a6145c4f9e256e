/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_calls_test.c - what liblwf-client asks for, counts and says, against a daemon that is played here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakedaemon.h"

/* How often the state changed is told, so that nothing between two looks is lost silently. */
static void changes_are_told(void **state)
{
	struct lwf_inject_options given;
	struct lwf_inject *handle;
	struct lwf_inject_event event;

	(void)state;
	start_daemon(HONEST);
	given = options();
	given.state_events = true;
	assert_int_equal(lwf_inject_open(&given, &handle, NULL), 0);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.changes, 0);
	atomic_store(&fake.control->state_changes, 4); /* Paused and Running again */
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 1);
	assert_int_equal(event.kind, LWF_INJECT_STATE);
	assert_int_equal(event.state, LWF_STATE_RUNNING);
	assert_int_equal(event.changes, 2);
	assert_int_equal(lwf_inject_poll(handle, &event, 1), 0);
	atomic_store(&fake.control->state_changes, 5); /* one that never finishes its writing */
	assert_int_equal(lwf_inject_wait(handle, 1000000), -ETIMEDOUT);
	close_handle(handle);
}

static void expect_open(struct lwf_inject_options *given, const char *body)
{
	struct lwf_inject *handle;

	start_daemon(HONEST);
	given->control = fake.path;
	assert_int_equal(lwf_inject_open(given, &handle, NULL), 0);
	assert_string_equal(fake.open_body, body);
	close_handle(handle);
}

static void options_are_passed_on(void **state)
{
	struct lwf_inject_options given = options();
	struct lwf_inject *handle;
	struct lwf_error error;

	(void)state;
	given.wait_ns = 5; /* without WAIT it says nothing */
	expect_open(&given, "{\"stack\":\"eth1\",\"wait_when_paused\":false}");
	given.when_paused = LWF_WHEN_PAUSED_WAIT;
	given.module = "inject-2";
	expect_open(&given, "{\"stack\":\"eth1\",\"wait_when_paused\":true,"
			    "\"module\":\"inject-2\",\"wait_ns\":5}");
	given.stack = NULL;
	given.module = NULL;
	given.nic = "eth7";
	given.wait_ns = 0;
	expect_open(&given, "{\"nic\":\"eth7\",\"wait_when_paused\":true}");
	given.size = offsetof(struct lwf_inject_options, wait_ns); /* an older program */
	given.stack = "eth1";
	expect_open(&given, "{\"stack\":\"eth1\",\"wait_when_paused\":true}");
	given.size = sizeof(given);
	start_daemon(HONEST);
	given.control = fake.path;
	assert_int_equal(lwf_inject_open(&given, &handle, &error), -EINVAL); /* both */
	assert_int_equal(error.exit, LWF_EXIT_USAGE);
	given.nic = NULL;
	given.when_paused = (enum lwf_when_paused)9;
	assert_int_equal(lwf_inject_open(&given, &handle, &error), -EINVAL);
	end_daemon();
}

static void everything_is_counted(void **state)
{
	struct lwf_inject_options given;
	struct lwf_inject_event events[8];
	struct lwf_inject_stats stats;
	struct lwf_inject *handle;
	struct lwf_ring_submit record;
	uint64_t ids[4];

	(void)state;
	start_daemon(HONEST);
	given = options();
	given.when_paused = LWF_WHEN_PAUSED_NPCAP;
	assert_int_equal(lwf_inject_open(&given, &handle, NULL), 0);
	for (uint32_t i = 0; i < 4; i++) {
		submit_bytes(handle, 60, i);
		assert_true(pull(&record));
		ids[i] = record.id;
	}
	publish_pulled();
	answer_id(ids[0], LWF_STATUS_SUCCESS);
	answer_id(ids[1], LWF_STATUS_FAILURE);
	answer_whole(ids[2], LWF_STATUS_PAUSED, true);
	lwf_inject_stats(handle, &stats);
	assert_int_equal(stats.in_flight, 4); /* none is taken yet */
	assert_int_equal(lwf_inject_poll(handle, events, 8), 3);
	assert_int_equal(events[0].win32, 0);
	assert_int_equal(events[1].win32, 31);
	assert_int_equal(events[2].win32, 1617);
	lwf_inject_stats(handle, &stats);
	assert_int_equal(stats.submitted, 4);
	assert_int_equal(stats.completed[LWF_ANSWER_SUCCESS], 1);
	assert_int_equal(stats.completed[LWF_ANSWER_FAILURE], 1);
	assert_int_equal(stats.refused[LWF_ANSWER_PAUSED], 1);
	assert_int_equal(stats.in_flight, 1);
	assert_int_equal(stats.sent, 1);
	assert_int_equal(stats.frames, 1);
	assert_int_equal(stats.bytes, 60);
	assert_int_equal(lwf_inject_ledger(handle, 1000000000, &stats), 0);
	assert_int_equal(stats.submitted, 7);
	assert_int_equal(stats.completed[LWF_ANSWER_SUCCESS], 4);
	assert_int_equal(stats.refused[LWF_ANSWER_PAUSED], 2);
	assert_int_equal(stats.in_flight, 1);
	assert_int_equal(stats.frames, 5);
	assert_int_equal(stats.bytes, 300);
	kill_daemon();
	assert_int_equal(lwf_inject_poll(handle, events, 8), 1);
	lwf_inject_stats(handle, &stats);
	assert_int_equal(stats.completed[LWF_ANSWER_UNKNOWN], 1);
	assert_int_equal(stats.in_flight, 0);
	assert_int_equal(lwf_inject_ledger(handle, 1000000000, &stats), -ENOTCONN);
	close_handle(handle);
}

/* Every answer has an errno and a Windows error; those that programs look for are the promised ones. */
static void answers_in_words(void **state)
{
	const enum lwf_when_paused fail = LWF_WHEN_PAUSED_FAIL, npcap = LWF_WHEN_PAUSED_NPCAP;

	(void)state;
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		lwf_status status = lwf_answer_status((enum lwf_answer)i);
		bool success = i == LWF_ANSWER_SUCCESS;

		assert_int_equal(lwf_inject_errno(status, LWF_REASON_NONE, 0, fail) == 0, success);
		for (int refused = 0; refused < 2; refused++) {
			uint32_t error = lwf_inject_win32(status, refused);

			assert_int_equal(error == 0, success);
			assert_int_equal(strncmp(lwf_inject_win32_text(error), "ERROR_", 6), 0);
		}
	}
#define ERRNO(status, reason, profile) \
	lwf_inject_errno(LWF_STATUS_##status, LWF_REASON_##reason, 0, profile)
	assert_int_equal(ERRNO(PAUSED, NOT_RUNNING, fail), EAGAIN);
	assert_int_equal(ERRNO(PAUSED, NOT_RUNNING, npcap), ENETDOWN);
	assert_int_equal(ERRNO(PAUSED, DETACHED, fail), ENODEV);
	assert_int_equal(ERRNO(PAUSED, DISABLED, fail), ENETDOWN);
	assert_int_equal(ERRNO(ADAPTER_REMOVED, REMOVED, fail), ENODEV);
	assert_int_equal(ERRNO(MEDIA_DISCONNECTED, NO_CARRIER, fail), ENOLINK);
	assert_int_equal(ERRNO(INVALID_LENGTH, TOO_LONG, fail), EMSGSIZE);
	assert_int_equal(ERRNO(RESOURCES, QUEUE_TIMEOUT, fail), ENOBUFS);
	assert_int_equal(ERRNO(SEND_ABORTED, CANCELLED, fail), ECANCELED);
	assert_int_equal(ERRNO(NOT_ACCEPTED, FILTER, fail), EPERM);
	assert_int_equal(ERRNO(FAILURE, DEVICE, fail), EIO);
	assert_int_equal(lwf_inject_errno(LWF_STATUS_FAILURE, LWF_REASON_DEVICE, ENOTUNIQ, fail),
			 ENOTUNIQ);
	assert_int_equal(lwf_inject_win32(LWF_STATUS_PAUSED, true), 1617);
	assert_int_equal(lwf_inject_win32(LWF_STATUS_PAUSED, false), 0x8034002Au);
	assert_int_equal(lwf_inject_win32(LWF_STATUS_SEND_ABORTED, false), 995);
	assert_non_null(strstr(lwf_inject_win32_text(1617), "ERROR_DEVICE_REMOVED"));
	assert_int_not_equal(strncmp(lwf_inject_win32_text(4), "ERROR_", 6), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_told),
		cmocka_unit_test(options_are_passed_on),
		cmocka_unit_test(everything_is_counted),
		cmocka_unit_test(answers_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
