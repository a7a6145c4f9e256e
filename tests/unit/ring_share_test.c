/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_share_test.c - who gets a device that is too slow for all: clients that flood share it equally, and
 * one that wants little gets it.
 *
 * The tests are the clients, whose rings they keep full; the device is simulated and takes so many frames
 * at a time. Time is virtual, nothing is measured.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lwf/edge.h>

#include "client.h"
#include "rig.h"

#define FLOODERS     4
#define STEPS	     400
#define FRAME_BYTES  60u
#define ALWAYS_THERE 1024u /* records in the ring of one that floods */

static struct rig rig;
static struct lwf_clients clients;

struct side {
	struct lwf_client *client;
	uint8_t *map;
	struct lwf_ring_control *control;
};

static void on_ring(void *context)
{
	(void)context;
}

static void on_lie(void *context, const char *text)
{
	(void)context;
	fail_msg("a ring lies: %s", text);
}

static void open_side(struct side *side)
{
	static const struct lwf_client_ops ops = {on_ring, on_lie};
	const struct lwf_client_options options = {.wait_when_paused = false};
	const struct lwf_client_peer peer = {.pid = 4711, .uid = 7, .comm = "test"};
	int memfd;

	assert_int_equal(lwf_client_open(&clients, rig.stack, &options, &peer, &ops, side,
					 &side->client, &memfd),
			 0);
	side->map = mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	assert_ptr_not_equal(side->map, MAP_FAILED);
	close(memfd);
	side->control = (struct lwf_ring_control *)(void *)side->map;
}

static void close_side(struct side *side)
{
	lwf_client_close(side->client);
	munmap(side->map, LWF_RING_BYTES);
}

/* Takes all answers, and puts records into the ring until there are @n. */
static void fill(struct side *side, uint32_t n)
{
	struct lwf_ring_submit *ring = (void *)(side->map + LWF_RING_SUBMIT_OFFSET);
	uint32_t tail = side->control->submit_tail;

	side->control->answer_head = side->control->answer_tail;
	for (; tail - side->control->submit_head < n; tail++)
		ring[tail % LWF_RING_SUBMIT_SLOTS] =
			(struct lwf_ring_submit){.id = tail + 1, .len = FRAME_BYTES};
	side->control->submit_tail = tail;
	lwf_client_doorbell(side->client);
}

static void open_all(const char *specs, struct side *flooders)
{
	rig_open(&rig, NULL, specs);
	lwf_clients_init(&clients, rig.host);
	for (int i = 0; i < FLOODERS; i++)
		open_side(&flooders[i]);
	lwf_sim_edge_config(rig.lower)->never = true;
}

static void close_all(struct side *flooders)
{
	for (int i = 0; i < FLOODERS; i++)
		close_side(&flooders[i]);
	lwf_sim_edge_config(rig.lower)->never = false;
	lwf_sim_edge_release(rig.lower, UINT32_MAX);
	rig_run(&rig, 10);
	assert_int_equal(clients.count, 0);
	rig_close(&rig);
}

/* The device takes @each frames a step, and the rings never run empty. */
static void step(struct side *flooders, uint32_t each)
{
	for (int i = 0; i < FLOODERS; i++)
		fill(&flooders[i], ALWAYS_THERE);
	rig_run(&rig, 1);
	lwf_sim_edge_release(rig.lower, each);
	rig_run(&rig, 1);
}

static void expect_equal_shares(const struct side *flooders)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (int i = 0; i < FLOODERS; i++) {
		uint32_t answers = flooders[i].control->answer_tail;

		if (answers < least)
			least = answers;
		if (answers > most)
			most = answers;
	}
	assert_true(most > 0);
	/* never more than a turn apart, however long it goes on */
	assert_in_range(most - least, 0, 2 * LWF_BATCH_MAX_FRAMES);
}

/* Frames are short: the pool has as many as the device takes in a step. */
static void test_frames_are_shared(void **state)
{
	static const uint32_t frames[] = {1, 10, 63, 64, 65, 100, 128, 200, 500};
	struct side flooders[FLOODERS];
	char specs[64];

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		snprintf(specs, sizeof(specs), "inject:frames=%u", frames[i]);
		open_all(specs, flooders);
		for (int n = 0; n < STEPS; n++)
			step(flooders, frames[i]);
		expect_equal_shares(flooders);
		close_all(flooders);
	}
}

/* Frames are plenty, but the device says that its queue is full. */
static void test_room_is_shared(void **state)
{
	static const uint32_t room[] = {1, 50, 64, 100, 130, 200};
	struct side flooders[FLOODERS];

	(void)state;
	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		open_all("inject:frames=1000", flooders);
		lwf_sim_edge_config(rig.lower)->room_frames = room[i];
		for (int n = 0; n < STEPS; n++)
			step(flooders, UINT32_MAX);
		expect_equal_shares(flooders);
		close_all(flooders);
	}
}

/* One that wants three frames a step has them at the next one, although a flood waits before it. */
static void test_modest_is_served(void **state)
{
	struct side flooders[FLOODERS], modest;
	uint32_t wanted = 0;

	(void)state;
	open_all("inject:frames=100", flooders);
	open_side(&modest);
	for (int n = 0; n < STEPS; n++) {
		step(flooders, 100);
		assert_int_equal(modest.control->submit_head, wanted);
		fill(&modest, 3);
		wanted += 3;
	}
	expect_equal_shares(flooders);
	close_side(&modest);
	close_all(flooders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_are_shared),
		cmocka_unit_test(test_room_is_shared),
		cmocka_unit_test(test_modest_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
