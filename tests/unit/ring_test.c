/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_test.c - the engine's side of a client's ring, against a client that does anything.
 *
 * The test is the client: it maps the memory that the engine passed and writes what it likes. The
 * stack has simulated edges.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lwf/edge.h>

#include "client.h"
#include "rig.h"

static struct rig rig;
static struct lwf_clients clients;

struct other_side {
	struct lwf_client *client;
	uint8_t *map;
	struct lwf_ring_control *control;
	uint32_t rings;
	const char *lie;
};

static void on_ring(void *context)
{
	((struct other_side *)context)->rings++;
}

static void on_lie(void *context, const char *text)
{
	struct other_side *side = context;

	side->lie = text;
	lwf_client_close(side->client);
	side->client = NULL;
}

static const struct lwf_client_ops ops = {on_ring, on_lie};

static void open_client_for(struct other_side *side, bool wait_when_paused, uint64_t wait_ns)
{
	const struct lwf_client_options options = {
		.wait_when_paused = wait_when_paused,
		.wait_ns = wait_ns,
	};
	struct lwf_client_peer peer = {.pid = 4711, .uid = 7, .comm = "test"};
	int memfd;

	memset(side, 0, sizeof(*side));
	assert_int_equal(lwf_client_open(&clients, rig.stack, &options, &peer, &ops, side,
					 &side->client, &memfd),
			 0);
	assert_int_not_equal(ftruncate(memfd, 1), 0); /* sealed */
	assert_int_not_equal(ftruncate(memfd, (off_t)LWF_RING_BYTES * 2), 0);
	side->map = mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_ptr_not_equal(side->map, MAP_FAILED);
	close(memfd);
	side->control = (struct lwf_ring_control *)(void *)side->map;
	assert_int_equal(side->control->magic, LWF_RING_MAGIC);
	assert_int_equal(side->control->engine_sleeps, 1);
	assert_int_equal(side->control->state, lwf_stack_state(rig.stack));
}

static void open_client(struct other_side *side, bool wait_when_paused)
{
	open_client_for(side, wait_when_paused, 0);
}

static void close_client(struct other_side *side)
{
	if (side->client)
		lwf_client_close(side->client);
	munmap(side->map, LWF_RING_BYTES);
}

static void setup_rig(const char *specs)
{
	rig_open(&rig, NULL, specs);
	lwf_clients_init(&clients, rig.host);
}

static void end_rig(void)
{
	rig_run(&rig, 10);
	assert_int_equal(clients.count, 0);
	rig_close(&rig);
}

static struct lwf_ring_submit *slot(struct other_side *side, uint32_t index)
{
	return (struct lwf_ring_submit *)(void *)(side->map + LWF_RING_SUBMIT_OFFSET) +
	       index % LWF_RING_SUBMIT_SLOTS;
}

static const struct lwf_ring_answer *answer(struct other_side *side, uint32_t index)
{
	return (struct lwf_ring_answer *)(void *)(side->map + LWF_RING_COMPLETE_OFFSET) +
	       index % LWF_RING_COMPLETE_SLOTS;
}

static void submit(struct other_side *side, uint64_t id, uint32_t offset, uint32_t len,
		   uint32_t flags)
{
	uint32_t tail = side->control->submit_tail;

	*slot(side, tail) =
		(struct lwf_ring_submit){.id = id, .offset = offset, .len = len, .flags = flags};
	side->control->submit_tail = tail + 1;
}

static void run(struct other_side *side)
{
	if (side->client)
		lwf_client_doorbell(side->client);
	rig_run(&rig, 1);
}

static void test_answers_in_order(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject;monitor");
	open_client(&side, false);
	for (uint32_t i = 0; i < 200; i++)
		submit(&side, 1000 + i, i * 64, 60, 0);
	side.control->client_waits = 1;
	run(&side);
	assert_int_equal(side.control->answer_tail, 200);
	assert_int_equal(side.control->submit_head, 200);
	assert_int_equal(side.control->engine_sleeps, 1);
	assert_true(side.rings > 0);
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(answer(&side, i)->id, 1000 + i);
		assert_int_equal(answer(&side, i)->status, LWF_STATUS_SUCCESS);
		assert_int_equal(answer(&side, i)->refused, 0);
		assert_int_equal(answer(&side, i)->frames, 1);
		assert_int_equal(answer(&side, i)->bytes, 60);
	}
	assert_int_equal(side.client->session.ledger.sent, 200);
	close_client(&side);
	end_rig();
}

/* One bell for what is new, however often the engine comes by; none for what is not. */
static void test_rings_once(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject;monitor");
	open_client(&side, false);
	side.control->client_waits = 1;
	for (uint32_t i = 0; i < 10; i++)
		submit(&side, i + 1, 0, 60, 0);
	run(&side);
	assert_int_equal(side.control->answer_tail, 10);
	assert_int_equal(side.rings, 1);
	run(&side);
	assert_int_equal(side.rings, 1);
	submit(&side, 11, 0, 60, 0);
	run(&side);
	assert_int_equal(side.rings, 2);
	side.control->client_waits = 0;
	submit(&side, 12, 0, 60, 0);
	run(&side);
	assert_int_equal(side.rings, 2);
	side.control->client_waits = 1;
	rig_link_down(&rig);
	rig_run(&rig, 1);
	assert_true(side.rings > 2); /* the state */
	close_client(&side);
	end_rig();
}

static void test_records_that_cannot_be(void **state)
{
	static const struct {
		uint32_t offset, len, flags;
		lwf_status status;
	} bad[] = {
		{0, 0, 0, LWF_STATUS_INVALID_LENGTH},
		{0, 13, 0, LWF_STATUS_INVALID_LENGTH},
		{0, 1515, 0, LWF_STATUS_INVALID_LENGTH},
		{0, LWF_FRAME_MAX_BYTES + 1, 0, LWF_STATUS_INVALID_LENGTH},
		{0, UINT32_MAX, 0, LWF_STATUS_INVALID_LENGTH},
		{LWF_RING_DATA_BYTES, 60, 0, LWF_STATUS_INVALID_LENGTH},
		{LWF_RING_DATA_BYTES - 59, 60, 0, LWF_STATUS_INVALID_LENGTH},
		{UINT32_MAX, 60, 0, LWF_STATUS_INVALID_LENGTH},
		{UINT32_MAX - 59, 60, 0, LWF_STATUS_INVALID_LENGTH},
		{0, 60, 0x80, LWF_STATUS_NOT_SUPPORTED},
		{0, 60, LWF_RING_FLAG_SHORT, LWF_STATUS_INVALID_LENGTH},
	};
	const uint32_t n = sizeof(bad) / sizeof(bad[0]);
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, false);
	for (uint32_t i = 0; i < n; i++)
		submit(&side, i, bad[i].offset, bad[i].len, bad[i].flags);
	submit(&side, n, LWF_RING_DATA_BYTES - 60, 60, 0);
	run(&side);
	assert_int_equal(side.control->answer_tail, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(answer(&side, i)->id, i);
		assert_int_equal(answer(&side, i)->status, bad[i].status);
		assert_int_equal(answer(&side, i)->refused, 1);
	}
	assert_int_equal(answer(&side, n)->status, LWF_STATUS_SUCCESS);
	assert_null(side.lie);
	close_client(&side);
	end_rig();
}

static void expect_lie(void (*lie)(struct other_side *side))
{
	struct other_side side;

	setup_rig("inject");
	open_client(&side, false);
	for (uint32_t i = 0; i < 10; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	assert_null(side.lie);
	lie(&side);
	run(&side);
	assert_non_null(side.lie);
	assert_null(side.client);
	close_client(&side);
	end_rig();
}

static void tail_ahead(struct other_side *side)
{
	side->control->submit_tail += LWF_RING_SUBMIT_SLOTS + 1;
}

static void tail_back(struct other_side *side)
{
	side->control->submit_tail -= 1;
}

static void tail_far(struct other_side *side)
{
	side->control->submit_tail = 0x80000000u;
}

static void head_ahead(struct other_side *side)
{
	side->control->answer_head = side->control->answer_tail + 1;
}

static void head_back(struct other_side *side)
{
	side->control->answer_head = 5;
	run(side);
	assert_null(side->lie);
	side->control->answer_head = 4;
}

static void test_lies(void **state)
{
	(void)state;
	expect_lie(tail_ahead);
	expect_lie(tail_back);
	expect_lie(tail_far);
	expect_lie(head_ahead);
	expect_lie(head_back);
}

/* What the engine wrote is not read back: scribbling over it changes nothing. */
static void test_scribbles(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, false);
	for (uint32_t i = 0; i < 10; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	side.control->submit_head = 7777;
	side.control->answer_tail = 99;
	side.control->engine_sleeps = 55;
	side.control->magic = 0;
	memset(side.map + LWF_RING_COMPLETE_OFFSET, 0xff, 4096);
	for (uint32_t i = 0; i < 10; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	assert_int_equal(side.control->submit_head, 20);
	assert_int_equal(side.control->answer_tail, 20);
	assert_int_equal(side.client->session.ledger.sent, 20);
	assert_null(side.lie);
	close_client(&side);
	end_rig();
}

/* A client that takes no answers gets as many as there are places, and no record is lost. */
static void test_no_place_for_answers(void **state)
{
	struct other_side side;
	uint32_t submitted = 0;

	(void)state;
	setup_rig("inject");
	open_client(&side, false);
	for (int round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < LWF_RING_SUBMIT_SLOTS; i++, submitted++) {
			if (side.control->submit_tail - side.control->submit_head ==
			    LWF_RING_SUBMIT_SLOTS)
				break;
			submit(&side, submitted, 0, 60, 0);
		}
		run(&side);
	}
	assert_int_equal(submitted, LWF_RING_COMPLETE_SLOTS + LWF_RING_SUBMIT_SLOTS);
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS);
	assert_null(side.lie);
	side.control->answer_head = side.control->answer_tail;
	run(&side);
	assert_int_equal(side.control->answer_tail, submitted);
	close_client(&side);
	end_rig();
}

static void test_paused(void **state)
{
	struct other_side fails, waits;

	(void)state;
	setup_rig("inject");
	open_client(&fails, false);
	open_client(&waits, true);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	submit(&fails, 1, 0, 60, 0);
	submit(&waits, 2, 0, 60, 0);
	run(&fails);
	run(&waits);
	assert_int_equal(fails.control->answer_tail, 1);
	assert_int_equal(answer(&fails, 0)->status, LWF_STATUS_PAUSED);
	assert_int_equal(answer(&fails, 0)->refused, 1);
	assert_int_equal(waits.control->answer_tail, 0);
	assert_int_equal(waits.control->state, LWF_STATE_PAUSED);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(waits.control->answer_tail, 1);
	assert_int_equal(answer(&waits, 0)->status, LWF_STATUS_SUCCESS);
	close_client(&fails);
	close_client(&waits);
	end_rig();
}

/* Each record has its own deadline; nothing moves before it, and one that is met by a restart leaves. */
static void test_wait_with_deadline(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client_for(&side, true, 320 * RIG_MS);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	submit(&side, 1, 0, 60, 0);
	run(&side);
	rig_run(&rig, 150);
	submit(&side, 2, 0, 60, 0); /* it does not ring: engine_sleeps is 0 */
	assert_int_equal(side.control->engine_sleeps, 0);
	rig_run(&rig, 168); /* 319 ms after the first */
	assert_int_equal(side.control->submit_head, 0);
	assert_int_equal(side.control->answer_tail, 0);
	rig_run(&rig, 22);
	assert_int_equal(side.control->answer_tail, 1);
	assert_int_equal(answer(&side, 0)->id, 1);
	assert_int_equal(answer(&side, 0)->status, LWF_STATUS_PAUSED);
	assert_int_equal(answer(&side, 0)->reason, LWF_REASON_NOT_RUNNING);
	assert_int_equal(answer(&side, 0)->refused, 1);
	rig_run(&rig, 128); /* 318 ms after the second */
	assert_int_equal(side.control->answer_tail, 1);
	rig_run(&rig, 24);
	assert_int_equal(side.control->answer_tail, 2);
	submit(&side, 3, 0, 60, 0);
	run(&side);
	rig_run(&rig, 300);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 100);
	assert_int_equal(side.control->answer_tail, 3);
	assert_int_equal(answer(&side, 2)->status, LWF_STATUS_SUCCESS);
	assert_int_equal(side.client->session.ledger.refused[LWF_ANSWER_PAUSED], 2);
	assert_int_equal(rig.lower_handed, 1);
	close_client(&side);
	end_rig();
}

/* Whoever waits for room while the stack runs is not paused: no deadline there. */
static void test_deadline_is_for_pauses(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client_for(&side, true, 320 * RIG_MS);
	lwf_edge_set_room(rig.lower, false);
	submit(&side, 1, 0, 60, 0);
	run(&side);
	rig_run(&rig, 1000);
	assert_int_equal(side.control->answer_tail, 0);
	lwf_edge_set_room(rig.lower, true);
	rig_run(&rig, 10);
	assert_int_equal(side.control->answer_tail, 1);
	assert_int_equal(answer(&side, 0)->status, LWF_STATUS_SUCCESS);
	close_client(&side);
	end_rig();
}

/* A deadline finds a ring that lies; and a client that goes leaves no timer behind. */
static void test_deadline_and_lies(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client_for(&side, true, 320 * RIG_MS);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	submit(&side, 1, 0, 60, 0);
	run(&side);
	side.control->submit_tail += LWF_RING_SUBMIT_SLOTS;
	rig_run(&rig, 20);
	assert_non_null(side.lie);
	assert_int_equal(side.control->answer_tail, 0);
	munmap(side.map, LWF_RING_BYTES);
	open_client_for(&side, true, 320 * RIG_MS);
	submit(&side, 1, 0, 60, 0);
	run(&side);
	close_client(&side);
	end_rig();
}

/* A pause and a restart that come between two looks have left two marks. */
static void test_changes_are_counted(void **state)
{
	struct other_side side;
	uint32_t before;

	(void)state;
	setup_rig("inject");
	open_client(&side, false);
	before = side.control->state_changes;
	assert_int_equal(before, 2); /* the state at the opening */
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(side.control->state, LWF_STATE_RUNNING);
	assert_int_equal(side.control->epoch, (uint32_t)lwf_stack_epoch(rig.stack));
	assert_true(side.control->state_changes >= before + 4);
	assert_int_equal(side.control->state_changes % 2, 0);
	close_client(&side);
	end_rig();
}

/* One client holds all frames of the module; the other goes on when they are home. */
static void test_starved_by_another(void **state)
{
	struct other_side greedy, modest;

	(void)state;
	setup_rig("inject:frames=8");
	open_client(&greedy, false);
	open_client(&modest, false);
	lwf_sim_edge_config(rig.lower)->never = true;
	for (uint32_t i = 0; i < 8; i++)
		submit(&greedy, i, 0, 60, 0);
	run(&greedy);
	submit(&modest, 1, 0, 60, 0);
	run(&modest);
	assert_int_equal(modest.control->answer_tail, 0);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 8);
	rig_run(&rig, 10);
	assert_int_equal(greedy.control->answer_tail, 8);
	assert_int_equal(modest.control->answer_tail, 1);
	close_client(&greedy);
	close_client(&modest);
	end_rig();
}

/* A client that goes while its frames are out: its memory lives until the last is home. */
static void test_gone_with_frames_out(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, false);
	lwf_sim_edge_config(rig.lower)->never = true;
	for (uint32_t i = 0; i < 5; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	close_client(&side);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, 5);
	end_rig();
}

static void test_cancel(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, true);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	for (uint32_t i = 0; i < 100; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	lwf_client_cancel(side.client, 0);
	assert_int_equal(side.control->answer_tail, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(answer(&side, i)->status, LWF_STATUS_SEND_ABORTED);
	close_client(&side);
	end_rig();
}

static void submit_cancellable(struct other_side *side, uint64_t id, uint64_t cancel_id)
{
	submit(side, id, 0, 60, 0);
	slot(side, side->control->submit_tail - 1)->cancel_id = cancel_id;
}

/* One number of several: its records are answered where they wait, the others leave in their order. */
static void test_cancel_by_number(void **state)
{
	struct other_side side;
	uint32_t answered = 0;

	(void)state;
	setup_rig("inject");
	open_client(&side, true);
	for (uint32_t round = 0; round < 50; round++) { /* more than once round the ring */
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		for (uint32_t i = 0; i < 300; i++)
			submit_cancellable(&side, 1000 + i, i % 3);
		run(&side);
		lwf_client_cancel(side.client, 1);
		assert_int_equal(side.control->answer_tail, answered + 100);
		for (uint32_t i = 0; i < 100; i++) {
			assert_int_equal(answer(&side, answered + i)->id, 1000 + 3 * i + 1);
			assert_int_equal(answer(&side, answered + i)->status,
					 LWF_STATUS_SEND_ABORTED);
			assert_int_equal(answer(&side, answered + i)->refused, 1);
		}
		lwf_client_cancel(side.client, 1); /* there are none left */
		assert_int_equal(side.control->answer_tail, answered + 100);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 5);
		assert_int_equal(side.control->answer_tail, answered + 300);
		for (uint32_t i = 0; i < 200; i++) {
			assert_int_equal(answer(&side, answered + 100 + i)->id,
					 1000 + i / 2 * 3 + i % 2 * 2);
			assert_int_equal(answer(&side, answered + 100 + i)->status,
					 LWF_STATUS_SUCCESS);
		}
		answered += 300;
		side.control->answer_head = answered;
		assert_int_equal(side.control->submit_head, answered);
	}
	assert_int_equal(side.client->session.ledger.submitted, 15000);
	assert_int_equal(side.client->session.ledger.refused[LWF_ANSWER_SEND_ABORTED], 5000);
	assert_int_equal(side.client->session.ledger.sent, 10000);
	assert_int_equal(side.client->withdrawn_count, 0);
	close_client(&side);
	end_rig();
}

/* Withdrawn at the head of the ring, its place is free at once; it does not count for deadlines. */
static void test_cancel_and_deadline(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client_for(&side, true, 320 * RIG_MS);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	submit_cancellable(&side, 1, 7);
	submit_cancellable(&side, 2, 0);
	submit_cancellable(&side, 3, 7);
	run(&side);
	rig_run(&rig, 200);
	submit_cancellable(&side, 4, 0);
	lwf_client_cancel(side.client, 7);
	assert_int_equal(side.control->answer_tail, 2);
	assert_int_equal(side.control->submit_head, 1);
	rig_run(&rig, 145); /* 2 is overdue, 4 is not */
	assert_int_equal(side.control->answer_tail, 3);
	assert_int_equal(answer(&side, 2)->id, 2);
	assert_int_equal(side.control->submit_head, 3);
	rig_run(&rig, 200);
	assert_int_equal(side.control->answer_tail, 4);
	assert_int_equal(answer(&side, 3)->id, 4);
	assert_int_equal(side.control->submit_head, 4);
	close_client(&side);
	end_rig();
}

/* Answers of withdrawn records need a place as all others do: without one they stay. */
static void test_cancel_without_places(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, true);
	for (uint32_t i = 0; i < LWF_RING_COMPLETE_SLOTS - 10; i++) {
		submit(&side, i, 0, 60, 0);
		if (i % 64 == 0)
			run(&side);
	}
	run(&side);
	rig_run(&rig, 50);
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS - 10);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	for (uint32_t i = 0; i < 30; i++)
		submit_cancellable(&side, i, 5);
	run(&side);
	lwf_client_cancel(side.client, 5);
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS);
	side.control->answer_head = 100;
	lwf_client_cancel(side.client, 5);
	assert_int_equal(side.control->answer_tail, LWF_RING_COMPLETE_SLOTS + 20);
	assert_null(side.lie);
	close_client(&side);
	end_rig();
}

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % sides;
}

/* Each record has had one answer, or has one to come, whatever was written over it meanwhile. */
static void check_accounts(struct other_side *side)
{
	const struct lwf_session *session = &side->client->session;
	uint32_t taken = side->control->submit_head + side->client->withdrawn_count;

	assert_null(side->lie);
	assert_int_equal(session->ledger.submitted, taken);
	assert_int_equal(side->control->answer_tail, taken - session->outstanding);
	assert_int_equal(lwf_ledger_outstanding(&session->ledger), session->outstanding);
}

/* A client that submits, cancels, scribbles and waits as the dice fall, under a stack that comes and goes. */
static void play_at_random(uint32_t seed)
{
	struct other_side side;
	uint32_t from, room;

	setup_rig("inject:frames=64");
	open_client_for(&side, true, 100 * RIG_MS);
	for (uint32_t step = 0; step < 3000; step++) {
		switch (dice(&seed, 8)) {
		case 0:
		case 1:
			room = LWF_RING_SUBMIT_SLOTS -
			       (side.control->submit_tail - side.control->submit_head);
			for (uint32_t n = dice(&seed, room < 200 ? room + 1 : 200); n; n--)
				submit_cancellable(&side, step, dice(&seed, 4));
			break;
		case 2:
			lwf_client_cancel(side.client, dice(&seed, 8) ? 1 + dice(&seed, 3) : 0);
			break;
		case 3: /* records that are in the ring become others */
			from = side.control->submit_head + dice(&seed, LWF_RING_SUBMIT_SLOTS);
			memset(slot(&side, from), (int)dice(&seed, 256), sizeof(*slot(&side, 0)));
			break;
		case 4:
			lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
			break;
		case 5:
			lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
			break;
		case 6:
			side.control->answer_head = side.control->answer_tail;
			break;
		default:
			run(&side);
			rig_run(&rig, dice(&seed, 40));
			break;
		}
		check_accounts(&side);
	}
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	for (uint32_t i = 0; i < 200; i++) {
		side.control->answer_head = side.control->answer_tail;
		run(&side);
	}
	check_accounts(&side);
	assert_int_equal(side.control->answer_tail, side.control->submit_tail);
	assert_int_equal(side.client->withdrawn_count, 0);
	close_client(&side);
	end_rig();
}

static void test_at_random(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 20; seed++)
		play_at_random(seed);
}

/* At the end nobody waits for a restart any more. */
static void test_stop_waiting(void **state)
{
	struct other_side side;

	(void)state;
	setup_rig("inject");
	open_client(&side, true);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	for (uint32_t i = 0; i < 100; i++)
		submit(&side, i, 0, 60, 0);
	run(&side);
	assert_int_equal(side.control->answer_tail, 0);
	lwf_clients_stop_waiting(rig.stack);
	lwf_clients_drain(&clients);
	assert_int_equal(side.control->answer_tail, 100);
	assert_int_equal(answer(&side, 99)->status, LWF_STATUS_PAUSED);
	close_client(&side);
	end_rig();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_order),
		cmocka_unit_test(test_rings_once),
		cmocka_unit_test(test_records_that_cannot_be),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_scribbles),
		cmocka_unit_test(test_no_place_for_answers),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_wait_with_deadline),
		cmocka_unit_test(test_deadline_is_for_pauses),
		cmocka_unit_test(test_deadline_and_lies),
		cmocka_unit_test(test_changes_are_counted),
		cmocka_unit_test(test_starved_by_another),
		cmocka_unit_test(test_gone_with_frames_out),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_by_number),
		cmocka_unit_test(test_cancel_and_deadline),
		cmocka_unit_test(test_cancel_without_places),
		cmocka_unit_test(test_at_random),
		cmocka_unit_test(test_stop_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
