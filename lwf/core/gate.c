/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate.c - the send gate: admit, count, refuse, and complete the pause exactly once.
 *
 * The whole protocol is in one atomic word (gate.h draws it), so that "is it closed?" and "count
 * me" cannot come apart (race R1), nor "is anything in flight?" and "then the last one owes the
 * completion" (R3, R4). A refused caller never changes the word.
 *
 *	open           enter: +n        leave: -n
 *	close          sets closed; with a count also owed, in the same step
 *	leave to 0     with owed set: takes owed back in the same step; that caller signals
 *
 * Memory order. What a caller did before leave() is visible to the one that signals (release by
 * every leave, acquire by the one that reaches 0), and what was done before open() is visible to
 * whoever is admitted after it. close() is acquire and release: it ends one life of the count and
 * begins another.
 *
 * Rules: P01 and P02 (nothing starts after the pause began), P03 to P05, F01 to F03 of the list in
 * rules.def. Source of the protocol: the NDIS pages on pausing a filter module, and the answer that
 * Npcap's crash got; docs/lifecycle.md tells where that answer had holes.
 */
#include <assert.h>

#include <lwf/gate.h>

void lwf_gate_init(struct lwf_gate *gate)
{
	atomic_init(&gate->word, LWF_GATE_CLOSED);
}

bool lwf_gate_enter(struct lwf_gate *gate, uint32_t n)
{
	uint64_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);

	do {
#ifndef LWF_BREAK_GATE /* a build that never refuses: the tests must notice it */
		if (word & LWF_GATE_CLOSED)
			return false;
#endif
		assert(word / LWF_GATE_ONE + n < LWF_GATE_COUNT_MAX);
	} while (!atomic_compare_exchange_weak_explicit(&gate->word, &word, word + n * LWF_GATE_ONE,
							memory_order_acquire,
							memory_order_relaxed));
	return true;
}

bool lwf_gate_leave(struct lwf_gate *gate, uint32_t n)
{
	uint64_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);
	uint64_t next;
	bool signal;

	do {
		assert(word / LWF_GATE_ONE >= n); /* never negative (O08) */
		next = word - n * LWF_GATE_ONE;
		signal = (next & LWF_GATE_OWED) && next < LWF_GATE_ONE;
		if (signal)
			next &= ~LWF_GATE_OWED;
	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, next, memory_order_acq_rel, memory_order_relaxed));
	return signal;
}

bool lwf_gate_close(struct lwf_gate *gate)
{
	uint64_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);
	uint64_t next;

	do {
#ifndef LWF_BREAK_GATE
		assert(!(word & LWF_GATE_CLOSED));
#endif
		next = word | LWF_GATE_CLOSED;
		if (word >= LWF_GATE_ONE)
			next |= LWF_GATE_OWED;
	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, next, memory_order_acq_rel, memory_order_relaxed));
	return !(next & LWF_GATE_OWED);
}

void lwf_gate_open(struct lwf_gate *gate)
{
	uint64_t word = LWF_GATE_CLOSED;
	bool was_closed_and_empty = atomic_compare_exchange_strong_explicit(
		&gate->word, &word, 0, memory_order_release, memory_order_relaxed);

#ifndef LWF_BREAK_GATE
	assert(was_closed_and_empty);
#else
	(void)was_closed_and_empty;
#endif
}

uint64_t lwf_gate_count(const struct lwf_gate *gate)
{
	return atomic_load_explicit(&gate->word, memory_order_relaxed) / LWF_GATE_ONE;
}

bool lwf_gate_is_open(const struct lwf_gate *gate)
{
	return !(atomic_load_explicit(&gate->word, memory_order_relaxed) & LWF_GATE_CLOSED);
}

bool lwf_gate_is_owed(const struct lwf_gate *gate)
{
	return atomic_load_explicit(&gate->word, memory_order_relaxed) & LWF_GATE_OWED;
}
