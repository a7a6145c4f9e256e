/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_order_test.c - what the gate's memory orders promise, as plain data that only they protect.
 *
 * Each case has two threads and a variable that is not atomic. The second thread is held back, by an
 * atomic of the test's own with the weakest order, until the first has done its part; so the order in
 * time is certain, and the only thing that makes the access lawful is the order that the gate gives.
 * Where the gate's order is too weak ThreadSanitizer, which knows C11's orders, reports a race each
 * time; no processor is needed that would really mix the two up. In other builds the values alone are
 * looked at.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lwf/gate.h>

static struct lwf_gate gate;
static uint32_t data[2];	     /* plain */
static _Atomic uint32_t turn;	     /* tells when, and nothing else: relaxed */
static uint32_t first_saw, last_saw; /* results; read after the threads are joined */

static void reach(uint32_t step)
{
	atomic_store_explicit(&turn, step, memory_order_relaxed);
}

static void await(uint32_t step)
{
	while (atomic_load_explicit(&turn, memory_order_relaxed) < step)
		sched_yield();
}

static void play(void *(*first)(void *), void *(*second)(void *))
{
	pthread_t thread[2];

	data[0] = data[1] = first_saw = last_saw = 0;
	reach(0);
	assert_int_equal(pthread_create(&thread[0], NULL, first, NULL), 0);
	assert_int_equal(pthread_create(&thread[1], NULL, second, NULL), 0);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

/* ---- open > enter: what restart has prepared is there for whoever is admitted ---- */

static void *prepare_and_open(void *context)
{
	data[0] = 42;
	lwf_gate_open(&gate);
	reach(1);
	return context;
}

static void *enter_and_look(void *context)
{
	await(1);
	if (lwf_gate_enter(&gate, 1))
		last_saw = data[0];
	return context;
}

static void test_open_to_enter(void **state)
{
	(void)state;
	lwf_gate_init(&gate);
	play(prepare_and_open, enter_and_look);
	assert_int_equal(last_saw, 42);
}

/* ---- leave > the last leave: what was done to a frame is there for the one who signals ---- */

static void *settle_and_leave(void *context)
{
	data[0] = 42;
	first_saw = lwf_gate_leave(&gate, 1);
	reach(1);
	return context;
}

static void *leave_last_and_look(void *context)
{
	await(1);
	if (lwf_gate_leave(&gate, 1))
		last_saw = data[0];
	return context;
}

static void test_leave_to_signaller(void **state)
{
	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_enter(&gate, 2));
	assert_false(lwf_gate_close(&gate));
	play(settle_and_leave, leave_last_and_look);
	assert_int_equal(first_saw, 0);
	assert_int_equal(last_saw, 42);
}

/* ---- leave > close that finds nothing: the same, for the pause that is done at once ---- */

static void *close_and_look(void *context)
{
	await(1);
	if (lwf_gate_close(&gate))
		last_saw = data[0];
	return context;
}

static void test_leave_to_close(void **state)
{
	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_enter(&gate, 1));
	play(settle_and_leave, close_and_look);
	assert_int_equal(last_saw, 42);
}

/* ... and others have come and gone in between: they carry the order on */

static void *settle_leave_and_enter_again(void *context)
{
	data[0] = 42;
	lwf_gate_leave(&gate, 1);
	reach(1);
	await(2);
	return context;
}

static void *come_and_go(void *context)
{
	await(1);
	if (lwf_gate_enter(&gate, 1))
		lwf_gate_leave(&gate, 1);
	if (lwf_gate_close(&gate))
		last_saw = data[0];
	reach(2);
	return context;
}

static void test_leave_past_others_to_close(void **state)
{
	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_enter(&gate, 1));
	play(settle_leave_and_enter_again, come_and_go);
	assert_int_equal(last_saw, 42);
}

/* ---- close > the last leave: what the pause wrote down is there for the one who ends it ---- */

static void *prepare_and_close(void *context)
{
	data[0] = 42;
	first_saw = lwf_gate_close(&gate);
	reach(1);
	return context;
}

static void test_close_to_signaller(void **state)
{
	(void)state;
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	assert_true(lwf_gate_enter(&gate, 1));
	play(prepare_and_close, leave_last_and_look);
	assert_int_equal(first_saw, 0);
	assert_int_equal(last_saw, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_to_enter),
		cmocka_unit_test(test_leave_to_signaller),
		cmocka_unit_test(test_leave_to_close),
		cmocka_unit_test(test_leave_past_others_to_close),
		cmocka_unit_test(test_close_to_signaller),
	};

	return cmocka_run_group_tests_name("gate_order", tests, NULL, NULL);
}
