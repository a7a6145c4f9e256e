/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_test.c - the gate: every transition alone, in one thread.
 *
 * All orders of small cases are in gate_weave_test.c, real threads in gate_storm_test.c, and what the
 * memory orders promise in gate_order_test.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <lwf/gate.h>

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
		assert_false(lwf_gate_is_owed(&gate));
		assert_true(lwf_gate_enter(&gate, 1));
		assert_false(lwf_gate_close(&gate));
		assert_true(lwf_gate_is_owed(&gate));
		assert_false(lwf_gate_leave(&gate, 1));
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

/* ---- what a gate refuses to go on with: these end the program ---- */

static void abuse_and_end(void (*abuse)(struct lwf_gate *gate))
{
	struct lwf_gate gate;

	if (!freopen("/dev/null", "w", stderr))
		_exit(2);
	lwf_gate_init(&gate);
	lwf_gate_open(&gate);
	abuse(&gate);
	_exit(0);
}

static bool is_fatal(void (*abuse)(struct lwf_gate *gate))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		abuse_and_end(abuse);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return true;
}

static void open_again(struct lwf_gate *gate)
{
	lwf_gate_open(gate);
}

static void close_again(struct lwf_gate *gate)
{
	lwf_gate_close(gate);
	lwf_gate_close(gate);
}

static void open_while_owed(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, 1);
	lwf_gate_close(gate);
	lwf_gate_open(gate);
}

static void leave_empty(struct lwf_gate *gate)
{
	lwf_gate_leave(gate, 1);
}

static void leave_with_more(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, 3);
	lwf_gate_leave(gate, 4);
}

static void leave_with_all(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, 3);
	lwf_gate_leave(gate, 3);
}

static void enter_to_the_limit(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, UINT32_MAX);
}

static void enter_to_the_limit_by_two(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, UINT32_MAX - 1);
	lwf_gate_enter(gate, 1);
}

static void enter_past_the_limit(struct lwf_gate *gate)
{
	lwf_gate_enter(gate, UINT32_MAX);
	lwf_gate_enter(gate, 1);
}

/* O08: the count is never negative; a pause is not begun twice; a restart finds nothing left over */
static void test_misuse_is_fatal(void **state)
{
	(void)state;
	assert_true(is_fatal(open_again));
	assert_true(is_fatal(close_again));
	assert_true(is_fatal(open_while_owed));
	assert_true(is_fatal(leave_empty));
	assert_true(is_fatal(leave_with_more));
	assert_false(is_fatal(leave_with_all));
	assert_false(is_fatal(enter_to_the_limit));
	assert_false(is_fatal(enter_to_the_limit_by_two));
	assert_true(is_fatal(enter_past_the_limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_born_closed),  cmocka_unit_test(test_close_empty),
		cmocka_unit_test(test_open_again),   cmocka_unit_test(test_last_one_signals),
		cmocka_unit_test(test_none_is_none), cmocka_unit_test(test_misuse_is_fatal),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
