/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_test.c - the gate: every transition alone, then a storm of real threads.
 *
 * The storm: senders enter, do a little, and leave; one controller opens and closes. Checked from
 * outside the gate, with counters of the test's own: nobody is inside once a close has said "empty"
 * or the signal of a pending one has come; nobody gets in while it is closed; each pending close is
 * signalled exactly once, no other close ever.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <lwf/gate.h>

#define SENDERS	     8u
#define STORM_CYCLES 3000u

static void test_born_closed(void **state)
{
	struct lwf_gate gate;

	(void)state;
	lwf_gate_init(&gate);
	assert_false(lwf_gate_is_open(&gate));
	assert_false(lwf_gate_is_owed(&gate));
	assert_int_equal(lwf_gate_count(&gate), 0);
	assert_false(lwf_gate_enter(&gate, 1));
	assert_int_equal(lwf_gate_count(&gate), 0);
}

/* F01: the pause that is complete at once shuts the gate like any other */
static void test_close_empty(void **state)
{
	struct lwf_gate gate;

	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_is_open(&gate));
	assert_true(lwf_gate_close(&gate));
	assert_false(lwf_gate_is_owed(&gate));
	assert_false(lwf_gate_enter(&gate, 1));
	assert_int_equal(lwf_gate_count(&gate), 0);
}

/* F02: open takes every trace of the pause away */
static void test_open_again(void **state)
{
	struct lwf_gate gate;

	(void)state;
	lwf_gate_init(&gate);
	for (int i = 0; i < 3; i++) {
		lwf_gate_open(&gate);
		assert_true(lwf_gate_enter(&gate, 64));
		assert_int_equal(lwf_gate_count(&gate), 64);
		assert_false(lwf_gate_leave(&gate, 64));
		assert_true(lwf_gate_enter(&gate, 1));
		assert_false(lwf_gate_close(&gate));
		assert_true(lwf_gate_is_owed(&gate));
		assert_false(lwf_gate_enter(&gate, 1));
		assert_int_equal(lwf_gate_count(&gate), 1);
		assert_true(lwf_gate_leave(&gate, 1));
		assert_false(lwf_gate_is_owed(&gate));
		assert_false(lwf_gate_is_open(&gate));
	}
}

/* P05: the last one, and only the last one */
static void test_last_one_signals(void **state)
{
	struct lwf_gate gate;
	unsigned signals = 0;

	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	for (int i = 0; i < 10; i++)
		assert_true(lwf_gate_enter(&gate, 7));
	assert_false(lwf_gate_close(&gate));
	for (int i = 0; i < 70; i++) {
		bool last = lwf_gate_leave(&gate, 1);

		assert_true(last == (i == 69));
		signals += last;
	}
	assert_int_equal(signals, 1);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_close(&gate));
}

static void test_none_is_none(void **state)
{
	struct lwf_gate gate;

	(void)state;
	lwf_gate_init(&gate);
	assert_false(lwf_gate_enter(&gate, 0));
	lwf_gate_open(&gate);
	assert_true(lwf_gate_enter(&gate, 0));
	assert_false(lwf_gate_leave(&gate, 0));
	assert_true(lwf_gate_enter(&gate, 2));
	assert_false(lwf_gate_close(&gate));
	assert_false(lwf_gate_leave(&gate, 0));
	assert_false(lwf_gate_leave(&gate, 1));
	assert_true(lwf_gate_leave(&gate, 1));
}

/* ---- storm ---- */

struct storm {
	struct lwf_gate gate;
	_Atomic uint32_t inside;  /* frames between enter and leave, counted by the senders */
	_Atomic uint32_t signals; /* of this pause */
	_Atomic uint32_t settled; /* the controller has seen the pause end: nobody may be inside */
	_Atomic uint32_t intruders; /* admitted while settled */
	_Atomic uint64_t admitted, refused, signalled;
	_Atomic bool stop;
};

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void *sender(void *context)
{
	struct storm *storm = context;
	uint32_t random = 1 + (uint32_t)(uintptr_t)&random;

	while (!atomic_load(&storm->stop)) {
		uint32_t n = 1 + next_random(&random) % 4;

		if (!lwf_gate_enter(&storm->gate, n)) {
			atomic_fetch_add(&storm->refused, 1);
			sched_yield();
			continue;
		}
		if (atomic_load(&storm->settled))
			atomic_fetch_add(&storm->intruders, 1);
		atomic_fetch_add(&storm->inside, n);
		atomic_fetch_add(&storm->admitted, n);
		if (next_random(&random) % 8 == 0)
			sched_yield(); /* a pause finds this one in flight */
		atomic_fetch_sub(&storm->inside, n);
		if (lwf_gate_leave(&storm->gate, n)) {
			atomic_fetch_add(&storm->signalled, 1);
			atomic_fetch_add(&storm->signals, 1);
		}
	}
	return NULL;
}

static void one_cycle(struct storm *storm, uint32_t cycle, uint64_t *pending)
{
	atomic_store(&storm->settled, 0);
	atomic_store(&storm->signals, 0);
	lwf_gate_open(&storm->gate);
	for (uint32_t i = 0; i < cycle % 4; i++)
		sched_yield();
	if (!lwf_gate_close(&storm->gate)) {
		(*pending)++;
		while (atomic_load(&storm->signals) == 0)
			sched_yield();
	}
	assert_int_equal(atomic_load(&storm->inside), 0);
	assert_int_equal(lwf_gate_count(&storm->gate), 0);
	assert_false(lwf_gate_is_owed(&storm->gate));
	atomic_store(&storm->settled, 1);
	if (cycle % 2)
		sched_yield(); /* room for a second signal, and for one who slips in */
	assert_true(atomic_load(&storm->signals) <= 1);
	assert_int_equal(atomic_load(&storm->intruders), 0);
}

/* On a busy machine all cycles may be over before a sender has run: then it is no storm yet. */
static bool goes_on(struct storm *storm, uint32_t cycle)
{
	if (cycle < STORM_CYCLES)
		return true;
	return cycle < 1000 * STORM_CYCLES &&
	       (atomic_load(&storm->admitted) == 0 || atomic_load(&storm->refused) == 0);
}

static void test_storm(void **state)
{
	static struct storm storm;
	pthread_t threads[SENDERS];
	uint64_t pending = 0;

	(void)state;
	lwf_gate_init(&storm.gate);
	atomic_store(&storm.settled, 1);
	for (uint32_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sender, &storm), 0);
	for (uint32_t cycle = 0; goes_on(&storm, cycle); cycle++)
		one_cycle(&storm, cycle, &pending);
	atomic_store(&storm.stop, true);
	for (uint32_t i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(atomic_load(&storm.signalled) == pending);
	assert_int_equal(atomic_load(&storm.intruders), 0);
	assert_true(atomic_load(&storm.admitted) > 0);
	assert_true(atomic_load(&storm.refused) > 0);
	print_message("storm: %u cycles, %llu pending, %llu admitted, %llu refused\n", STORM_CYCLES,
		      (unsigned long long)pending, (unsigned long long)storm.admitted,
		      (unsigned long long)storm.refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_born_closed),  cmocka_unit_test(test_close_empty),
		cmocka_unit_test(test_open_again),   cmocka_unit_test(test_last_one_signals),
		cmocka_unit_test(test_none_is_none), cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
