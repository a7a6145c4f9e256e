/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_weave_test.c - small cases of the gate, in every order in which its atomic operations can fall.
 *
 * What a storm of threads meets by luck is met here for certain: the text of gate.c is compiled into
 * this program with its atomic operations led through weave.h. Each case names the race of which it
 * plays all orders; what must hold is written in the actors and in end_*(). A gate that does in two
 * steps what must be one fails here at the first order that comes between them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lwf/gate.h>

#include "weave.h"

#undef atomic_init
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_or_explicit
#define atomic_init(word, value)		     (*(word) = (value)) /* nobody knows it yet */
#define atomic_load_explicit(word, order)	     weave_load(word)
#define atomic_store_explicit(word, value, order)    ((void)weave_exchange(word, value))
#define atomic_exchange_explicit(word, value, order) weave_exchange(word, value)
#define atomic_compare_exchange_weak_explicit(word, expected, desired, done, failed) \
	weave_compare_exchange(word, expected, desired, true)
#define atomic_compare_exchange_strong_explicit(word, expected, desired, done, failed) \
	weave_compare_exchange(word, expected, desired, false)
#define atomic_fetch_add_explicit(word, n, order)    weave_add(word, n)
#define atomic_fetch_sub_explicit(word, n, order)    weave_add(word, ~(uint64_t)(n) + 1)
#define atomic_fetch_and_explicit(word, mask, order) weave_and(word, mask)
#define atomic_fetch_or_explicit(word, mask, order)  weave_or(word, mask)

#include "gate.c"

static struct {
	struct lwf_gate gate;
	bool gone;	/* the module was detached and freed, and the gate with it */
	bool settled;	/* the controller knows that the pause is done */
	bool signalled; /* the pause was completed by a leave */
	bool returned;	/* the controller has the answer of close */
	bool frees_at_signal;
	uint32_t inside; /* frames between an enter and its leave */
	uint32_t pendings, signals, admitted, refused, at_pause[2];
} world;

/* Over all orders of a case: what was met at all. */
static struct {
	uint64_t pending, immediate, admitted, refused, early;
} met;

static bool is_alive(void)
{
	return !world.gone;
}

static void begin(uint32_t in_flight, bool open)
{
	memset(&world, 0, sizeof(world));
	lwf_gate_init(&world.gate);
	world.gate.word = in_flight * LWF_GATE_ONE + (open ? 0 : LWF_GATE_CLOSED);
	world.inside = in_flight;
	world.settled = !open;
}

static void explore(const struct weave *its)
{
	struct weave weave = *its;

	weave.world = &world;
	weave.world_bytes = sizeof(world);
	memset(&met, 0, sizeof(met));
	weave_alive = is_alive;
	print_message("%llu states", (unsigned long long)weave_explore(&weave));
	print_message(": %llu pending, %llu at once, %llu admitted, %llu refused\n",
		      (unsigned long long)met.pending, (unsigned long long)met.immediate,
		      (unsigned long long)met.admitted, (unsigned long long)met.refused);
}

/* ---- actors ---- */

static void admitted(uint32_t n)
{
	if (world.settled)
		weave_fail("admitted while closed");
	world.inside += n;
	world.admitted += n;
}

static void signal_pause(void)
{
	if (++world.signals > world.pendings && world.returned)
		weave_fail("a signal that nobody is owed");
	if (world.inside)
		weave_fail("signalled with frames in flight");
	if (!world.returned)
		met.early++;
	world.signalled = true;
	world.gone = world.frees_at_signal;
}

static void leave_with(uint32_t n)
{
	WEAVE_ONCE(world.inside -= n);
	if (lwf_gate_leave(&world.gate, n))
		WEAVE_ONCE(signal_pause());
}

static void send(uint32_t n, bool takes_a_while)
{
	if (!lwf_gate_enter(&world.gate, n)) {
		WEAVE_ONCE(world.refused += n);
		return;
	}
	WEAVE_ONCE(admitted(n));
	if (takes_a_while)
		weave_pause(); /* the frame is on its way */
	leave_with(n);
}

static void sender(void)
{
	send(1, true);
}

static void sender_of_batch(void)
{
	send(3, false);
}

static void sender_twice(void)
{
	send(1, true);
	send(2, false);
}

static void leaver(void)
{
	leave_with(1);
}

static void leaver_of_two(void)
{
	leave_with(2);
}

static void returned(bool pending)
{
	world.returned = true;
	world.pendings += pending;
	if (pending)
		met.pending++;
	else
		met.immediate++;
}

static void settle(void)
{
	if (world.inside)
		weave_fail("the pause is done with frames in flight");
	if (world.signals != world.pendings)
		weave_fail("a signal too many or too few");
	world.settled = true;
}

static void pause_once(bool takes_a_while)
{
	bool empty;

	WEAVE_ONCE(world.returned = false);
	empty = lwf_gate_close(&world.gate);
	if (takes_a_while)
		weave_pause(); /* the answer is on its way back: the signal may come first */
	WEAVE_ONCE(returned(!empty));
	if (!empty)
		weave_wait(&world.signalled);
	WEAVE_ONCE(settle());
}

static void controller(void)
{
	pause_once(false);
}

static void slow_controller(void)
{
	pause_once(true);
}

static void pause_again(void)
{
	world.settled = false;
	world.signalled = false;
}

static void controller_twice(void)
{
	pause_once(true);
	WEAVE_ONCE(pause_again());
	lwf_gate_open(&world.gate);
	pause_once(false);
}

static void waiter_who_frees(void)
{
	pause_once(false);
	WEAVE_ONCE(world.gone = true);
}

static void opener(void)
{
	WEAVE_ONCE(world.settled = false);
	lwf_gate_open(&world.gate);
}

/* ---- cases ---- */

static void end_closed(void)
{
	if (world.signals != world.pendings)
		weave_fail("a signal too many or too few");
	if (world.gate.word != LWF_GATE_CLOSED)
		weave_fail("the gate is not closed and empty");
	met.admitted += world.admitted;
	met.refused += world.refused;
}

static void end_freed(void)
{
	if (world.signals != world.pendings)
		weave_fail("a signal too many or too few");
	if (world.signals && !world.gone)
		weave_fail("not freed");
}

static void begin_open(void)
{
	begin(0, true);
}

static void begin_three_out(void)
{
	begin(3, true);
}

static void begin_three_out_signaller_frees(void)
{
	begin(3, true);
	world.frees_at_signal = true;
}

static void begin_closed(void)
{
	begin(0, false);
}

/* R1: the pause comes between a sender's look at the gate and its being counted. */
static void test_R1_pause_between_test_and_count(void **state)
{
	static const struct weave weave = {.actors = 3,
					   .actor = {sender, sender_of_batch, controller},
					   .begin = begin_open,
					   .end = end_closed};

	(void)state;
	explore(&weave);
	assert_true(met.pending && met.immediate && met.admitted && met.refused);
}

/* R3: the last completion comes between the pause's look at the count and its being owed. */
static void test_R3_last_leave_against_close(void **state)
{
	static const struct weave weave = {.actors = 3,
					   .actor = {leaver, leaver_of_two, controller},
					   .begin = begin_three_out,
					   .end = end_closed};

	(void)state;
	explore(&weave);
	assert_true(met.pending && met.immediate);
}

/* R4: the signal comes before the pause has its answer PENDING. */
static void test_R4_signal_before_pending_returns(void **state)
{
	static const struct weave weave = {.actors = 3,
					   .actor = {leaver, leaver_of_two, slow_controller},
					   .begin = begin_three_out,
					   .end = end_closed};

	(void)state;
	explore(&weave);
	assert_true(met.early > 0);
	assert_true(met.early < met.pending);
}

/* R5: the signaller detaches and frees at once; nobody else may still want the gate. */
static void test_R5_signaller_frees(void **state)
{
	static const struct weave weave = {.actors = 3,
					   .actor = {leaver, leaver_of_two, controller},
					   .begin = begin_three_out_signaller_frees,
					   .end = end_freed};

	(void)state;
	explore(&weave);
	assert_true(met.pending > 0);
}

/* R6: the one who waited frees, as soon as the pause is done. */
static void test_R6_waiter_frees(void **state)
{
	static const struct weave weave = {.actors = 4,
					   .actor = {leaver, leaver, leaver, waiter_who_frees},
					   .begin = begin_three_out,
					   .end = end_freed};

	(void)state;
	explore(&weave);
	assert_true(met.pending && met.immediate);
}

/* A second life of the count: nothing of the first pause is left in it. */
static void test_pause_restart_pause(void **state)
{
	static const struct weave weave = {.actors = 2,
					   .actor = {sender_twice, controller_twice},
					   .begin = begin_open,
					   .end = end_closed};

	(void)state;
	explore(&weave);
	assert_true(met.pending && met.immediate && met.admitted && met.refused);
}

/* A weak compare-exchange may fail for no reason, as it does on ARM; a strong one may not. */
static void test_failures_without_reason(void **state)
{
	static const struct weave leaving = {.actors = 3,
					     .actor = {leaver, leaver_of_two, controller},
					     .begin = begin_three_out,
					     .end = end_closed,
					     .spurious = 1};
	static const struct weave sending = {.actors = 2,
					     .actor = {sender_twice, controller_twice},
					     .begin = begin_open,
					     .end = end_closed,
					     .spurious = 1};

	(void)state;
	explore(&leaving);
	explore(&sending);
}

static void end_open(void)
{
	if (world.gate.word != 0)
		weave_fail("the gate is not open and empty");
	met.admitted += world.admitted;
	met.refused += world.refused;
}

/* Who comes while the gate opens is admitted or refused, wholly. */
static void test_open_against_senders(void **state)
{
	static const struct weave weave = {.actors = 3,
					   .actor = {sender, sender_of_batch, opener},
					   .begin = begin_closed,
					   .end = end_open,
					   .spurious = 1};

	(void)state;
	explore(&weave);
	assert_true(met.admitted && met.refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R1_pause_between_test_and_count),
		cmocka_unit_test(test_R3_last_leave_against_close),
		cmocka_unit_test(test_R4_signal_before_pending_returns),
		cmocka_unit_test(test_R5_signaller_frees),
		cmocka_unit_test(test_R6_waiter_frees),
		cmocka_unit_test(test_pause_restart_pause),
		cmocka_unit_test(test_failures_without_reason),
		cmocka_unit_test(test_open_against_senders),
	};

	return cmocka_run_group_tests_name("gate_weave", tests, NULL, NULL);
}
