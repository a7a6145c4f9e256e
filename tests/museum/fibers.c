/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibers.c - simulated processors on contexts of their own, and simulated time.
 *
 * At every seam the next fiber is drawn; when it is another one, its context is entered by way of
 * the scheduler's. Time goes
 * on by a microsecond a step, and jumps when all sleep. There are three ways to draw, and the seed chooses
 * one for the whole run: any at random, mostly the same one again, or by priorities
 * that change at a few steps (which finds races of small depth soonest). In every second run
 * a processor may also be away for milliseconds, wherever it stands.
 *
 * A run that is stopped lets each fiber return through its first frame, so that nothing is left on
 * its stack, of the address sanitizer's either.
 */
#include <assert.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fibers.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES    (256u * 1024u)
#define PRIORITY_TURNS 4u     /* steps at which priorities change */
#define STALL_EVERY    50u    /* seams */
#define STALL_MOST_US  20000u /* that a processor serves something else */
#define PRIORITY_SPAN  2000u  /* among the first so many */

enum wait { READY, ASLEEP, WAITING, ENDED };

enum policy { POLICY_ANY, POLICY_STICKY, POLICY_PRIORITY, POLICIES };

struct fiber {
	const char *name;
	void (*body)(void *context);
	void *context;
	enum wait wait;
	uint64_t until_ns;
	const void *waits_for;
	uint32_t priority;
	ucontext_t registers;
	jmp_buf base;
	void *asan;
	char *stack;
};

static struct {
	struct fiber fibers[FIBERS_MAX];
	int n, self, next;
	enum fibers_end end;
	bool stop, running, stalls;
	uint64_t random, now_ns, steps;
	uint64_t halt_ns; /* nobody goes on from here */
	enum policy policy;
	uint64_t turns[PRIORITY_TURNS];
	ucontext_t scheduler;
	void *asan;
	const void *asan_stack;
	size_t asan_bytes;
} machine;

uint64_t fibers_random(void)
{
	uint64_t z = (machine.random += 0x9e3779b97f4a7c15ull); /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint32_t fibers_below(uint32_t limit)
{
	return (uint32_t)((fibers_random() >> 32) * limit >> 32);
}

bool fibers_chance(uint32_t parts, uint32_t whole)
{
	return fibers_below(whole) < parts;
}

/* ---- who goes on ---- */

static void wake_sleepers(void)
{
	for (int i = 0; i < machine.n; i++)
		if (machine.fibers[i].wait == ASLEEP &&
		    machine.fibers[i].until_ns <= machine.now_ns)
			machine.fibers[i].wait = READY;
}

/* Nobody is ready: time jumps to whoever wakes first. False when nobody ever does. */
static bool jump(void)
{
	uint64_t until_ns = UINT64_MAX;

	for (int i = 0; i < machine.n; i++)
		if (machine.fibers[i].wait == ASLEEP && machine.fibers[i].until_ns < until_ns)
			until_ns = machine.fibers[i].until_ns;
	if (until_ns > machine.halt_ns)
		until_ns = machine.halt_ns;
	if (until_ns == UINT64_MAX)
		return false;
	machine.now_ns = until_ns;
	wake_sleepers();
	return true;
}

static int draw(void)
{
	int ready[FIBERS_MAX], n = 0, best = 0;

	for (int i = 0; i < machine.n; i++)
		if (machine.fibers[i].wait == READY)
			ready[n++] = i;
	if (n <= 1)
		return n ? ready[0] : FIBER_NO_NUMBER;
	if (machine.policy == POLICY_STICKY && machine.self >= 0 &&
	    machine.fibers[machine.self].wait == READY && fibers_chance(7, 8))
		return machine.self;
	if (machine.policy != POLICY_PRIORITY || fibers_chance(1, 64)) /* so that spinning ends */
		return ready[fibers_below((uint32_t)n)];
	for (int i = 1; i < n; i++)
		if (machine.fibers[ready[i]].priority > machine.fibers[ready[best]].priority)
			best = i;
	return ready[best];
}

static void change_priorities(void)
{
	for (unsigned i = 0; i < PRIORITY_TURNS; i++)
		if (machine.turns[i] == machine.steps)
			for (int f = 0; f < machine.n; f++)
				machine.fibers[f].priority = fibers_below(1u << 16);
}

static bool all_ended(void)
{
	for (int i = 0; i < machine.n; i++)
		if (machine.fibers[i].wait != ENDED)
			return false;
	return true;
}

/* One step: who goes on, or FIBER_NO_NUMBER and how the run has ended, or stands. */
static int pick(void)
{
	int next = FIBER_NO_NUMBER;

	machine.end = FIBERS_HALTED;
	if (machine.now_ns >= machine.halt_ns && !machine.stop)
		return FIBER_NO_NUMBER;
	machine.steps++;
	machine.now_ns += FIBER_STEP_NS;
	change_priorities();
	wake_sleepers();
	if (machine.stop)
		machine.end = FIBERS_STOPPED;
	else if (all_ended())
		machine.end = FIBERS_DONE;
	else if (machine.steps > FIBER_STEPS_MAX && machine.halt_ns == UINT64_MAX)
		machine.end = FIBERS_ENDLESS;
	else if ((next = draw()) < 0 && jump())
		next = machine.now_ns < machine.halt_ns ? draw() : FIBER_NO_NUMBER;
	else if (next < 0)
		machine.end = FIBERS_HANG;
	return next;
}

/* ---- from one stack to another ---- */

static void enter(struct fiber *fiber)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(&machine.asan, fiber->stack, STACK_BYTES);
#endif
	swapcontext(&machine.scheduler, &fiber->registers);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(machine.asan, NULL, NULL);
#endif
}

/* To whoever is next; back when this one is. */
static void leave(struct fiber *fiber)
{
	machine.next = pick();
	if (machine.next == machine.self)
		return;
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(fiber->wait == ENDED ? NULL : &fiber->asan,
				       machine.asan_stack, machine.asan_bytes);
#endif
	swapcontext(&fiber->registers, &machine.scheduler);
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(fiber->asan, &machine.asan_stack, &machine.asan_bytes);
#endif
	if (machine.stop)
		longjmp(fiber->base, 1);
}

static void first(void)
{
	struct fiber *fiber = &machine.fibers[machine.self];

#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(NULL, &machine.asan_stack, &machine.asan_bytes);
#endif
	if (!machine.stop && !setjmp(fiber->base))
		fiber->body(fiber->context);
	fiber->wait = ENDED;
	leave(fiber);
	assert(false); /* nobody enters it again */
}

static void schedule(void)
{
	machine.next = pick();
	while (machine.next >= 0) {
		machine.self = machine.next;
		enter(&machine.fibers[machine.self]);
	}
}

enum fibers_end fibers_run_until(uint64_t now_ns)
{
	machine.running = true;
	machine.self = FIBER_NO_NUMBER;
	machine.halt_ns = now_ns;
	schedule();
	machine.halt_ns = UINT64_MAX;
	machine.running = false;
	machine.self = FIBER_NO_NUMBER;
	return machine.end;
}

void fibers_finish(void)
{
	machine.running = true;
	machine.stop = true;
	for (machine.self = 0; machine.self < machine.n; machine.self++)
		if (machine.fibers[machine.self].wait != ENDED)
			enter(&machine.fibers[machine.self]);
	machine.running = false;
	machine.self = FIBER_NO_NUMBER;
}

enum fibers_end fibers_run(void)
{
	enum fibers_end how = fibers_run_until(UINT64_MAX);

	fibers_finish();
	return how;
}

/* ---- what the fibers call ---- */

void fibers_begin(uint64_t seed)
{
	machine.n = 0;
	machine.stop = false;
	machine.self = FIBER_NO_NUMBER;
	machine.random = seed * 0x2545f4914f6cdd1dull;
	machine.now_ns = FIBER_BEGIN_NS;
	machine.halt_ns = UINT64_MAX;
	machine.steps = 0;
	machine.policy = (enum policy)fibers_below(POLICIES);
	machine.stalls = fibers_chance(1, 2);
	machine.turns[0] = 1;
	for (unsigned i = 1; i < PRIORITY_TURNS; i++)
		machine.turns[i] = fibers_below(PRIORITY_SPAN);
}

void fibers_add(const char *name, void (*body)(void *context), void *context)
{
	struct fiber *fiber = &machine.fibers[machine.n];

	assert(machine.n < FIBERS_MAX);
	if (!fiber->stack) {
		fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert(fiber->stack != MAP_FAILED);
	}
	fiber->name = name;
	fiber->body = body;
	fiber->context = context;
	fiber->wait = READY;
	fiber->waits_for = NULL;
	fiber->asan = NULL;
	getcontext(&fiber->registers);
	fiber->registers.uc_stack.ss_sp = fiber->stack;
	fiber->registers.uc_stack.ss_size = STACK_BYTES;
	fiber->registers.uc_link = NULL;
	makecontext(&fiber->registers, first, 0);
	machine.n++;
}

void fibers_stop(void)
{
	machine.stop = true;
}

bool fibers_stopped(void)
{
	return machine.stop;
}

void fibers_yield(void)
{
	if (!machine.running)
		return;
	if (machine.stalls && fibers_chance(1, STALL_EVERY))
		fibers_sleep_ns(fibers_below(STALL_MOST_US) * 1000ull);
	else
		leave(&machine.fibers[machine.self]);
}

void fibers_sleep_ns(uint64_t ns)
{
	struct fiber *fiber = &machine.fibers[machine.self];

	fiber->until_ns = machine.now_ns + ns;
	fiber->wait = ASLEEP;
	leave(fiber);
}

void fibers_wait(const void *what)
{
	struct fiber *fiber = &machine.fibers[machine.self];

	fiber->waits_for = what;
	fiber->wait = WAITING;
	leave(fiber);
}

void fibers_wake(const void *what)
{
	for (int i = 0; i < machine.n; i++) {
		if (machine.fibers[i].wait == WAITING && machine.fibers[i].waits_for == what) {
			machine.fibers[i].wait = READY;
			machine.fibers[i].waits_for = NULL;
		}
	}
}

int fibers_self(void)
{
	return machine.self;
}

const char *fibers_name(int fiber)
{
	return fiber < 0 ? "-" : machine.fibers[fiber].name;
}

const void *fibers_waits_for(int fiber)
{
	return fiber < machine.n ? machine.fibers[fiber].waits_for : NULL;
}

uint64_t fibers_now_ns(void)
{
	return machine.now_ns;
}
