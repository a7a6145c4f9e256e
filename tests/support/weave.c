/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weave.c - the orders: depth first over the choice of who is next, each run from the beginning.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weave.h"

#define OPERATIONS_MAX 64u  /* of one actor in one run; more is a loop without an end */
#define STEPS_MAX      160u /* of all of them */

#define STATES_MAX (1u << 18) /* a power of two */

enum need { NEED_NOTHING, NEED_CONDITION, NEED_WEAK };

struct result {
	uint64_t value;
	bool done;
};

struct actor {
	struct result results[OPERATIONS_MAX];
	unsigned known, at; /* operations done; those answered again in this turn */
	enum need need;	    /* of the operation it stands before */
	const bool *condition;
	bool finished;
};

struct choice {
	uint8_t taken, options, actor;
	bool spurious;
};

bool (*weave_alive)(void);

static struct actor actors[WEAVE_ACTORS_MAX];
static struct choice choices[STEPS_MAX];
static unsigned step_count, spurious_left, self;
static uint64_t states[STATES_MAX]; /* hashes of those that were met; 0: free */
static uint32_t state_count;
static bool inside, may_step, is_first, fail_spuriously;
static jmp_buf leave;

const char *weave_order(void)
{
	static char text[STEPS_MAX * 3 + 1];

	text[0] = 0;
	for (unsigned i = 0; i < step_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u%s ",
			 choices[i].actor, choices[i].spurious ? "!" : "");
	return text;
}

void weave_fail(const char *what)
{
	fprintf(stderr, "weave: %s; order of the actors: %s\n", what, weave_order());
	exit(1);
}

bool weave_is_first(void)
{
	return is_first;
}

/*
 * Each operation begins with this. True: the actor is on turn and the caller does it, into @result.
 * False: it was done before, @result says how it came out.
 */
static bool operate(enum need need, const bool *condition, struct result **result)
{
	struct actor *actor = &actors[self];

	if (!inside)
		weave_fail("an operation outside of the actors");
	if (actor->at < actor->known) {
		*result = &actor->results[actor->at++];
		return false;
	}
	if (!may_step) {
		actor->need = need;
		actor->condition = condition;
		longjmp(leave, 1);
	}
	if (actor->known == OPERATIONS_MAX)
		weave_fail("an actor goes round and round");
	may_step = false;
	is_first = true;
	*result = &actor->results[actor->known++];
	actor->at = actor->known;
	if (need != NEED_CONDITION && weave_alive && !weave_alive())
		weave_fail("touched after its end");
	return true;
}

void weave_wait(const bool *condition)
{
	struct result *result;

	operate(NEED_CONDITION, condition, &result);
}

void weave_pause(void)
{
	static const bool always = true;

	weave_wait(&always);
}

uint64_t weave_load(const void *word)
{
	struct result *result;

	if (operate(NEED_NOTHING, NULL, &result))
		memcpy(&result->value, word, sizeof(result->value));
	return result->value;
}

bool weave_compare_exchange(void *word, uint64_t *expected, uint64_t desired, bool weak)
{
	struct result *result;

	if (operate(weak ? NEED_WEAK : NEED_NOTHING, NULL, &result)) {
		memcpy(&result->value, word, sizeof(result->value));
		result->done = result->value == *expected && !fail_spuriously;
		if (result->done)
			memcpy(word, &desired, sizeof(desired));
	}
	if (!result->done)
		*expected = result->value;
	return result->done;
}

static uint64_t modify(void *word, uint64_t and_mask, uint64_t or_mask, uint64_t sum)
{
	struct result *result;

	if (operate(NEED_NOTHING, NULL, &result)) {
		uint64_t value;

		memcpy(&value, word, sizeof(value));
		result->value = value;
		value = ((value & and_mask) | or_mask) + sum;
		memcpy(word, &value, sizeof(value));
	}
	return result->value;
}

uint64_t weave_exchange(void *word, uint64_t desired)
{
	return modify(word, 0, desired, 0);
}

uint64_t weave_add(void *word, uint64_t n)
{
	return modify(word, UINT64_MAX, 0, n);
}

uint64_t weave_and(void *word, uint64_t mask)
{
	return modify(word, mask, 0, 0);
}

uint64_t weave_or(void *word, uint64_t mask)
{
	return modify(word, UINT64_MAX, mask, 0);
}

/* Runs one actor up to its next operation, or, with @step, through it and up to the one after. */
static void run_actor(const struct weave *weave, unsigned who, bool step)
{
	self = who;
	may_step = step;
	is_first = !step;
	actors[who].at = 0;
	if (setjmp(leave) == 0) {
		inside = true;
		weave->actor[who]();
		actors[who].finished = true;
	}
	inside = false;
}

static bool is_ready(const struct actor *actor)
{
	return !actor->finished && (actor->need != NEED_CONDITION || *actor->condition);
}

/* Takes option @wanted of those that there are now, or only counts them. */
static unsigned options(const struct weave *weave, unsigned wanted, struct choice *choice)
{
	unsigned count = 0;

	for (unsigned i = 0; i < weave->actors; i++) {
		if (!is_ready(&actors[i]))
			continue;
		for (unsigned spurious = 0; spurious < 2; spurious++) {
			if (spurious && (actors[i].need != NEED_WEAK || !spurious_left))
				continue;
			if (count++ == wanted) {
				choice->actor = (uint8_t)i;
				choice->spurious = spurious;
			}
		}
	}
	return count;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * 0x100000001b3u;
	return hash;
}

/* True when this state was met before: the world, and all that the actors know of it. */
static bool is_known(const struct weave *weave)
{
	uint64_t hash = mix(0xcbf29ce484222325u, weave->world, weave->world_bytes);
	uint32_t at;

	hash = mix(hash, &spurious_left, sizeof(spurious_left));
	for (unsigned i = 0; i < weave->actors; i++) {
		hash = mix(hash, &actors[i].known, sizeof(actors[i].known));
		for (unsigned k = 0; k < actors[i].known; k++) {
			hash = mix(hash, &actors[i].results[k].value, sizeof(uint64_t));
			hash = mix(hash, &actors[i].results[k].done, sizeof(bool));
		}
	}
	hash |= 1;
	for (at = (uint32_t)(hash >> 32) % STATES_MAX; states[at]; at = (at + 1) % STATES_MAX)
		if (states[at] == hash)
			return true;
	if (++state_count == STATES_MAX / 2)
		weave_fail("too many states to remember");
	states[at] = hash;
	return false;
}

/* One run, until its end or a state that is known. The first @given choices are those of the run before. */
static void run(const struct weave *weave, unsigned given)
{
	memset(actors, 0, sizeof(actors));
	spurious_left = weave->spurious;
	step_count = 0;
	weave->begin();
	for (unsigned i = 0; i < weave->actors; i++)
		run_actor(weave, i, false);
	for (;;) {
		struct choice *choice = &choices[step_count];
		unsigned wanted = step_count < given ? choice->taken : 0;
		unsigned count = options(weave, wanted, choice);

		if (!count)
			break;
		choice->taken = (uint8_t)wanted;
		choice->options = (uint8_t)count;
		if (++step_count == STEPS_MAX)
			weave_fail("a run without an end");
		fail_spuriously = choice->spurious;
		spurious_left -= choice->spurious;
		run_actor(weave, choice->actor, true);
		if (step_count >= given && is_known(weave))
			return;
	}
	for (unsigned i = 0; i < weave->actors; i++)
		if (!actors[i].finished)
			weave_fail("an actor waits for ever");
	weave->end();
}

uint64_t weave_explore(const struct weave *weave)
{
	unsigned given = 0;

	memset(states, 0, sizeof(states));
	state_count = 0;
	for (;;) {
		run(weave, given);
		for (given = step_count; given > 0; given--)
			if (choices[given - 1].taken + 1u < choices[given - 1].options)
				break;
		if (!given)
			return state_count;
		choices[given - 1].taken++;
	}
}
