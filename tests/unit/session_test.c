/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_test.c - one answer for every record, the true one, in every state the stack can be in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "script.h"

static struct rig rig;
static struct client client;

static int fresh(void **state)
{
	(void)state;
	script_reset();
	rig_open(&rig, script_filters, "inject;keeper;monitor");
	client_open(&rig, &client);
	return 0;
}

static void done(void)
{
	if (!client.closed)
		client_close(&client);
	rig_close(&rig);
}

static void expect_last(lwf_status status, enum lwf_reason reason, bool refused)
{
	const struct client_answer *last = &client.answer[client.answers - 1];

	assert_true(client.answers > 0);
	assert_int_equal(last->status, status);
	assert_int_equal(last->reason, reason);
	assert_true(last->refused == refused);
}

static void test_answers_by_state(void **state)
{
	(void)state;
	client_send(&client, 2);
	expect_last(LWF_STATUS_SUCCESS, LWF_REASON_NONE, false);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 2);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_NOT_RUNNING, true);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	client_send(&client, 2);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_DETACHED, true);
	rig_link_down(&rig);
	client_send(&client, 2);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_DISABLED, true);
	rig_remove(&rig);
	client_send(&client, 2);
	expect_last(LWF_STATUS_ADAPTER_REMOVED, LWF_REASON_REMOVED, true);
	rig_return(&rig);
	rig_link_up(&rig);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	client_send(&client, 2);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_NOT_RUNNING, true);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_carrier(&rig, false);
	client_send(&client, 2);
	expect_last(LWF_STATUS_MEDIA_DISCONNECTED, LWF_REASON_NO_CARRIER, false);
	rig_carrier(&rig, true);
	client_send(&client, 2);
	expect_last(LWF_STATUS_SUCCESS, LWF_REASON_NONE, false);
	assert_int_equal(client.session.ledger.submitted, 16);
	assert_int_equal(client.session.ledger.sent, 4);
	assert_int_equal(client.session.ledger.frames, 4);
	assert_int_equal(client.session.ledger.bytes, 4 * 60);
	assert_int_equal(client.session.ledger.refused[LWF_ANSWER_PAUSED], 8);
	assert_int_equal(client.session.ledger.refused[LWF_ANSWER_ADAPTER_REMOVED], 2);
	assert_int_equal(client.session.ledger.completed[LWF_ANSWER_MEDIA_DISCONNECTED], 2);
	done();
}

static void test_lengths(void **state)
{
	static const struct {
		uint32_t len;
		lwf_status status;
	} cases[] = {{0, LWF_STATUS_INVALID_LENGTH},	{13, LWF_STATUS_INVALID_LENGTH},
		     {14, LWF_STATUS_SUCCESS},		{1514, LWF_STATUS_SUCCESS},
		     {1515, LWF_STATUS_INVALID_LENGTH}, {65550, LWF_STATUS_INVALID_LENGTH}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_put(&client, 1, LWF_DIRECTION_SEND);
		client.len[client.submitted - 1] = cases[i].len;
		client_pump(&client);
		assert_int_equal(client_last(&client), cases[i].status);
	}
	assert_int_equal(rig.lower_handed, 2);
	done();
}

static void test_receive_direction(void **state)
{
	(void)state;
	client_put(&client, 5, LWF_DIRECTION_RECEIVE);
	client_put(&client, 5, LWF_DIRECTION_SEND);
	client_put(&client, 5, LWF_DIRECTION_RECEIVE);
	client_pump(&client);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 15);
	assert_int_equal(rig.upper_handed, 10);
	assert_int_equal(rig.lower_handed, 5);
	assert_int_equal(client.session.ledger.sent, 15);
	assert_int_equal(client.session.ledger.indicated, 10);
	assert_int_equal(lwf_stack_client_ledger(rig.stack)->indicated, 10);
	done();
}

static void test_wait_when_paused(void **state)
{
	(void)state;
	client.session.wait_when_paused = true;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 3);
	assert_int_equal(client.answers, 0);
	assert_int_equal(client.pulled, 0);
	assert_true(lwf_session_blocked(&client.session));
	rig_link_down(&rig);
	assert_int_equal(client_pump(&client), 0);
	rig_link_up(&rig);
	client.state_changes = 0;
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_true(client.state_changes > 0); /* the owner hears that it may go on */
	assert_false(lwf_session_blocked(&client.session));
	client_pump(&client);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	done();
}

/* Its owner has waited long enough: answered at the door, and only while the stack does not run. */
static void test_expire(void **state)
{
	(void)state;
	client.session.wait_when_paused = true;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 5);
	assert_int_equal(lwf_session_expire(&client.session, 2), 2);
	assert_int_equal(client.answers, 2);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_NOT_RUNNING, true);
	rig_link_down(&rig);
	assert_int_equal(lwf_session_expire(&client.session, 1), 1);
	expect_last(LWF_STATUS_PAUSED, LWF_REASON_DISABLED, true);
	rig_link_up(&rig);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(lwf_session_expire(&client.session, 2), 0);
	client_pump(&client);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 2);
	done();
}

/* In flight when the pause begins: admitted, so completed with what the device says. */
static void test_pause_in_flight(void **state)
{
	(void)state;
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client_send(&client, 2);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 2);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSING);
	assert_int_equal(client.session.outstanding, 3);
	lwf_sim_edge_release(rig.lower, 3);
	rig_run(&rig, 1);
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 3);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	done();
}

static void test_cancel(void **state)
{
	(void)state;
	script.keep_sends = true;
	client_send(&client, 3); /* kept by a filter */
	script.keep_sends = false;
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 2); /* kept by the device */
	lwf_session_cancel(&client.session, 2);
	assert_int_equal(client.answers, 1);
	assert_true(client.answer[0].id == 2);
	lwf_session_cancel(&client.session, 5);
	assert_int_equal(client.answers, 2);
	assert_true(client.answer[1].id == 5);
	client_put(&client, 2, LWF_DIRECTION_SEND); /* in the ring */
	lwf_session_cancel(&client.session, 0);
	assert_int_equal(client_count(&client, LWF_STATUS_SEND_ABORTED), 7);
	done();
}

/* One client's cancel leaves another's frames alone, whatever numbers they chose. */
static void test_cancel_is_private(void **state)
{
	static struct client other;

	(void)state;
	client_open(&rig, &other);
	lwf_sim_edge_config(rig.lower)->never = true;
	client_send(&client, 3);
	client_send(&other, 3);
	lwf_session_cancel(&client.session, 1);
	lwf_session_cancel(&client.session, 0);
	assert_int_equal(client.answers, 3);
	assert_int_equal(other.answers, 0);
	client_close(&client);
	assert_int_equal(other.answers, 0);
	lwf_sim_edge_config(rig.lower)->never = false;
	rig_run(&rig, 5);
	assert_int_equal(client_count(&other, LWF_STATUS_SUCCESS), 3);
	client_close(&other);
	done();
}

static void on_closed(struct lwf_session *session)
{
	((struct client *)session)->closed = true;
}

/* Closed with frames in flight: cancelled where they can be, awaited where not, never answered. */
static void test_close_in_flight(void **state)
{
	const struct lwf_ledger *ledger = lwf_stack_client_ledger(rig.stack);

	(void)state;
	lwf_sim_edge_config(rig.lower)->delay_ns = 10 * RIG_MS;
	client_put(&client, 4, LWF_DIRECTION_SEND);
	client_pump(&client);
	client_put(&client, 1, LWF_DIRECTION_RECEIVE);
	lwf_sim_edge_config(rig.upper)->delay_ns = 50 * RIG_MS;
	client_pump(&client);
	client_put(&client, 3, LWF_DIRECTION_SEND); /* never looked at */
	lwf_session_close(&client.session, on_closed);
	assert_false(client.closed); /* the receive cannot be cancelled */
	assert_int_equal(client.answers, 0);
	rig_run(&rig, 100);
	assert_true(client.closed);
	assert_int_equal(client.answers, 0);
	assert_int_equal(client.pulled, 5);
	assert_int_equal(ledger->submitted, 5);
	assert_int_equal(lwf_ledger_outstanding(ledger), 0);
	assert_null(lwf_stack_sessions(rig.stack));
	done();
}

static void test_close_when_idle(void **state)
{
	(void)state;
	client_send(&client, 1);
	lwf_session_close(&client.session, on_closed);
	assert_true(client.closed);
	done();
}

/* The target module comes and goes; the session stays. */
static void test_module_removed(void **state)
{
	char error[128];

	(void)state;
	client_send(&client, 1);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "inject")), 0);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	client_send(&client, 1);
	assert_true(client_last(&client) != LWF_STATUS_SUCCESS);
	assert_true(client.answer[1].refused);
	assert_int_equal(lwf_stack_insert(rig.stack, "inject", 0, NULL, error, sizeof(error)), 0);
	rig_run(&rig, 1);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_SUCCESS);
	done();
}

/* More records than frames: the ring keeps them until a frame is home; none is lost. */
static void test_pool_empty(void **state)
{
	char error[128];

	(void)state;
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "inject")), 0);
	rig_run(&rig, 1);
	assert_int_equal(
		lwf_stack_insert(rig.stack, "inject:frames=4", 0, NULL, error, sizeof(error)), 0);
	rig_run(&rig, 1);
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	client_send(&client, 50);
	assert_int_equal(client.session.outstanding, 4);
	while (client.answers < 50) {
		uint32_t before = client.answers;

		rig_run(&rig, 2);
		assert_true(client.answers > before);
		client_pump(&client);
	}
	assert_int_equal(client_count(&client, LWF_STATUS_SUCCESS), 50);
	done();
}

/* An answer asks for more, from inside the completion. */
static void pump_inside(struct client *its)
{
	if (its->submitted < 200) {
		client_put(its, 1, LWF_DIRECTION_SEND);
		lwf_session_pump(&its->session, 1);
	}
}

static void test_pump_inside_answer(void **state)
{
	(void)state;
	client.on_answer = pump_inside;
	client_send(&client, 1);
	client_pump(&client);
	assert_int_equal(client.answers, 200);
	lwf_sim_edge_config(rig.lower)->delay_ns = RIG_MS;
	client.on_answer = NULL;
	done();
}

static void close_inside(struct client *its)
{
	its->on_answer = NULL;
	lwf_session_close(&its->session, on_closed);
}

static void test_close_inside_answer(void **state)
{
	(void)state;
	client.on_answer = close_inside;
	client_send(&client, 10);
	rig_run(&rig, 10);
	assert_true(client.closed);
	assert_int_equal(client.answers, 1);
	assert_int_equal(lwf_ledger_outstanding(lwf_stack_client_ledger(rig.stack)), 0);
	done();
}

/* The owner frees the session's memory as soon as it is told that it may. */
static uint32_t freed;

static void free_client(struct lwf_session *session)
{
	freed++;
	free(session);
}

static void close_and_free_inside(struct client *its)
{
	its->on_answer = NULL;
	lwf_session_close(&its->session, free_client);
}

static void test_close_and_free_inside_answer(void **state)
{
	(void)state;
	freed = 0;
	for (uint32_t refused = 0; refused < 2; refused++) {
		for (uint32_t n = 1; n <= 3; n++) {
			struct client *mine = calloc(1, sizeof(*mine));

			assert_non_null(mine);
			client_open(&rig, mine);
			mine->on_answer = close_and_free_inside;
			client_put(mine, n, LWF_DIRECTION_SEND);
			lwf_session_pump(&mine->session, LWF_BATCH_MAX_FRAMES);
			rig_run(&rig, 1);
			assert_int_equal(freed, refused * 3 + n);
			assert_ptr_equal(lwf_stack_sessions(rig.stack), &client.session);
		}
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	}
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(lwf_ledger_outstanding(lwf_stack_client_ledger(rig.stack)), 0);
	done();
}

/* A refusal comes from inside the module's control function: the module stays for so long. */
static void remove_inject_inside(struct client *its)
{
	its->on_answer = NULL;
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "inject")), 0);
}

static void test_remove_inside_refusal(void **state)
{
	(void)state;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	client.on_answer = remove_inject_inside;
	client_put(&client, 5, LWF_DIRECTION_SEND);
	client_pump(&client);
	assert_int_equal(client_count(&client, LWF_STATUS_PAUSED), 5);
	rig_run(&rig, 1);
	assert_null(lwf_stack_module(rig.stack, "inject"));
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	done();
}

static void pause_inside(struct client *its)
{
	its->on_answer = NULL;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
}

static void test_detach_inside_answer(void **state)
{
	(void)state;
	client.on_answer = pause_inside;
	client_send(&client, 10);
	rig_run(&rig, 10);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_int_equal(client.answers, 10);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	done();
}

static void test_stack_closes_first(void **state)
{
	(void)state;
	lwf_sim_edge_config(rig.lower)->delay_ns = 5 * RIG_MS;
	client_send(&client, 3);
	lwf_stack_close(rig.stack, NULL, NULL);
	rig_run(&rig, 20);
	assert_int_equal(client.answers, 3);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_PAUSED);
	lwf_session_close(&client.session, on_closed);
	assert_true(client.closed);
	rig_run(&rig, 20);
	rig_expect_clean(&rig);
	assert_null(lwf_engine_stack(rig.engine, "s0"));
	lwf_engine_destroy(rig.engine);
	assert_int_equal(lwf_sim_host_allocations(rig.host), 0);
	lwf_sim_host_destroy(rig.host);
}

static void test_too_many(void **state)
{
	static struct client many[LWF_STACK_SESSIONS_MAX];
	static struct client one;

	(void)state;
	for (uint32_t i = 1; i < LWF_STACK_SESSIONS_MAX; i++)
		client_open(&rig, &many[i]);
	one.session.ops = client.session.ops;
	assert_int_equal(lwf_session_open(&one.session, rig.stack, NULL), -ENOSPC);
	for (uint32_t i = 1; i < LWF_STACK_SESSIONS_MAX; i++)
		client_close(&many[i]);
	done();
}

/* ---- a session that is told of a new state, and closes its neighbour at that ---- */

struct neighbour {
	struct lwf_session session;
	struct neighbour *other; /* NULL: it closes nobody */
};

static uint32_t neighbours;

static void neighbour_closed(struct lwf_session *session)
{
	memset(session, 0xee, sizeof(struct neighbour));
	free(session);
	neighbours--;
}

static void neighbour_told(struct lwf_session *session)
{
	struct neighbour *me = (struct neighbour *)(void *)session, *other = me->other;

	if (!other)
		return;
	other->other = NULL;
	me->other = NULL;
	lwf_session_close(&other->session, neighbour_closed);
}

static enum lwf_pull pull_none(struct lwf_session *session, struct lwf_frame *frame)
{
	(void)session;
	(void)frame;
	return LWF_PULL_NONE;
}

static void test_close_inside_state_change(void **state)
{
	static const struct lwf_session_ops ops = {.pull = pull_none,
						   .state_changed = neighbour_told};
	struct neighbour *pair[2] = {NULL, NULL};

	(void)state;
	for (int n = 0; n < 2; n++) {
		pair[n] = calloc(1, sizeof(*pair[0]));
		assert_non_null(pair[n]);
		pair[n]->session.ops = &ops;
		assert_int_equal(lwf_session_open(&pair[n]->session, rig.stack, NULL), 0);
	}
	neighbours = 2;
	pair[0]->other = pair[1];
	pair[1]->other = pair[0];
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(neighbours, 1);
	/* the one that was opened last is told first */
	lwf_session_close(&pair[1]->session, neighbour_closed);
	assert_int_equal(neighbours, 0);
	done();
}

#define T(name) cmocka_unit_test_setup(test_##name, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(answers_by_state),
		T(lengths),
		T(receive_direction),
		T(wait_when_paused),
		T(expire),
		T(pause_in_flight),
		T(cancel),
		T(cancel_is_private),
		T(close_in_flight),
		T(close_when_idle),
		T(module_removed),
		T(pool_empty),
		T(pump_inside_answer),
		T(close_inside_answer),
		T(close_and_free_inside_answer),
		T(close_inside_state_change),
		T(remove_inside_refusal),
		T(detach_inside_answer),
		T(stack_closes_first),
		T(too_many),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
