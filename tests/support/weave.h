/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weave.h - runs a few actors in every order in which their atomic operations can fall.
 *
 * An actor is an ordinary function. Its operations on shared words are the points at which another
 * actor may come first; between two of them it runs alone, as on a machine where each operation is
 * one indivisible step. weave_explore() runs the same actors again and again, until no order is left.
 *
 * There is one thread. An actor that is not on turn leaves by longjmp(), and when its turn comes it
 * runs again from its beginning, on the recorded results of the operations it has done, up to the
 * next one. So everything it does besides operations must be done once only: inside WEAVE_ONCE().
 *
 * Orders that lead to the same state, which is the world and what each actor has seen, have the same
 * future: of these only the first is followed.
 *
 * A weak compare-exchange may fail for no reason; weave_explore() tries that too, as often in one run
 * as it is allowed to.
 */
#ifndef LWF_TEST_WEAVE_H
#define LWF_TEST_WEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEAVE_ACTORS_MAX 4u

struct weave {
	unsigned actors;
	void (*actor[WEAVE_ACTORS_MAX])(void);
	void (*begin)(void); /* sets the world up, before each run */
	void (*end)(void);   /* looks at it, after each run */
	unsigned spurious;   /* failures without a reason in one run */
	const void *world;   /* all that actors share and change */
	size_t world_bytes;
};

/** Tries every order. Returns how many states were met; ends the program when an order is stuck. */
uint64_t weave_explore(const struct weave *weave);

/** The order of the run that is under way, for a message: "0 0 1 2! ..." (!: failed for no reason). */
const char *weave_order(void);

/** Prints @what with the order that led to it, and ends the program with 1. */
void weave_fail(const char *what) __attribute__((noreturn));

/** True while the actor does something for the first time. */
bool weave_is_first(void);

#define WEAVE_ONCE(statement)           \
	do {                            \
		if (weave_is_first()) { \
			statement;      \
		}                       \
	} while (0)

/** The actor goes on only when *@condition is true. It is an operation, too. */
void weave_wait(const bool *condition);

/** An operation that does nothing: the others may come first here. */
void weave_pause(void);

/* The atomic operations; @alive is asked before each of them touches the word. */
extern bool (*weave_alive)(void);

uint64_t weave_load(const void *word);
bool weave_compare_exchange(void *word, uint64_t *expected, uint64_t desired, bool weak);
uint64_t weave_exchange(void *word, uint64_t desired);
uint64_t weave_add(void *word, uint64_t n);
uint64_t weave_and(void *word, uint64_t mask);
uint64_t weave_or(void *word, uint64_t mask);

#endif
