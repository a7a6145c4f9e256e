/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_storm_test.c - the gate among real threads, and modules that are really freed.
 *
 *	8 senders      look the module up by its handle, enter, and complete inside (R2) or hand over
 *	2 completers   settle the frame, give it back to its module's pool, leave
 *	1 controller   restart, pause, now and then detach (poison and free) and attach a new one
 *
 * As in the engine a refusal gives no right to the module: the lookup excludes the detach until
 * enter has answered, and after that the frame does. Nothing else stands between a leave and the
 * free(), so whoever touches a gate too late touches poison, which ASan and the asserts see.
 *
 * Checked with counters of the test's own: nobody is inside when a pause is done; nobody is admitted
 * after it (intruders); each pending pause is signalled once, no other ever. A lost signal is found
 * without a clock: the count is 0, nobody is inside leave, and there was none.
 *
 * What a storm did not provoke it did not test. The controller therefore waits for what it wants to
 * meet, instead of hoping for it within a time: see the wishes in one_cycle().
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <lwf/gate.h>

#ifdef STORM_SEAMS /* gate_storm_seams_test.c */
static uint64_t seam(void)
{
	static _Thread_local uint32_t count;

	if (++count % 5 == 0)
		for (uint32_t i = count % 3; i < 3; i++)
			sched_yield();
	return 0;
}

#pragma push_macro("atomic_load_explicit") /* atomic_load() is made of it */
#undef atomic_load_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_or_explicit
#define PLAIN(word)			  ((uint64_t *)(uintptr_t)(word)) /* clang's builtins want no _Atomic */
#define atomic_load_explicit(word, order) (seam() + __atomic_load_n(PLAIN(word), order))
#define atomic_compare_exchange_weak_explicit(word, expected, desired, done, failed) \
	(seam() == 0 &&                                                              \
	 __atomic_compare_exchange_n(PLAIN(word), expected, desired, true, done, failed))
#define atomic_fetch_add_explicit(word, n, order) \
	(seam() + __atomic_fetch_add(PLAIN(word), n, order))
#define atomic_fetch_sub_explicit(word, n, order) \
	(seam() + __atomic_fetch_sub(PLAIN(word), n, order))
#define atomic_fetch_and_explicit(word, mask, order) \
	(seam() + __atomic_fetch_and(PLAIN(word), mask, order))
#define atomic_fetch_or_explicit(word, mask, order) \
	(seam() + __atomic_fetch_or(PLAIN(word), mask, order))
#include "gate.c"
#undef atomic_load_explicit
#pragma pop_macro("atomic_load_explicit")
#endif

#define SENDERS	      8u
#define COMPLETERS    2u
#define FRAMES_EACH   8u /* of one sender in a module's pool */
#define CYCLES_MIN    200u
#define CYCLES_MAX    4000u
#define COMPLETED_MAX 20000u
#define SECONDS_LONG  2 /* after this many the minimum is enough */
#define SECONDS_MAX   50u
#define POISON	      0xa5

struct frame {
	_Atomic bool out; /* false: in its pool */
	uint32_t n;
	uint64_t handle, sum; /* plain: the hand-overs order them */
};

struct module {
	struct lwf_gate gate;
	uint64_t handle;
	struct frame frames[SENDERS][FRAMES_EACH];
};

struct job {
	struct module *module;
	struct frame *frame;
};

static struct {
	pthread_rwlock_t lookup; /* senders read, the controller writes */
	struct module *module;	 /* NULL while detached */
	uint64_t handle;	 /* of the module that there is; never used twice */

	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct job jobs[SENDERS * FRAMES_EACH];
	uint32_t job_count;
	bool over; /* under lock */

	_Atomic bool stop, quiet; /* quiet: senders hold still, so that a close finds nothing */
	_Atomic bool settled;	  /* the pause is done, and the controller knows */
	_Atomic uint32_t inside, leaving, signals, intruders, strangers;
	_Atomic uint64_t admitted, refused, stale, completed_inside, completed_elsewhere, signalled;
} storm;

static struct {
	uint32_t cycles, pending, immediate, detaches;
} done;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* The frame is settled, home in its pool, and only then out of the gate (R7). */
static void complete(struct job job)
{
	uint32_t n = job.frame->n;

	if (job.frame->handle != job.module->handle || job.frame->sum != job.frame->handle + n)
		atomic_fetch_add(&storm.strangers, 1);
	job.frame->sum = 0;
	atomic_store(&job.frame->out, false);
	atomic_fetch_sub(&storm.inside, n);
	atomic_fetch_add(&storm.leaving, 1);
	if (lwf_gate_leave(&job.module->gate, n)) { /* from here on there may be no module */
		atomic_fetch_add(&storm.signalled, 1);
		atomic_fetch_add(&storm.signals, 1);
	}
	atomic_fetch_sub(&storm.leaving, 1);
}

static void *completer(void *context)
{
	struct job job;

	for (;;) {
		pthread_mutex_lock(&storm.lock);
		while (!storm.job_count && !storm.over)
			pthread_cond_wait(&storm.filled, &storm.lock);
		if (!storm.job_count) {
			pthread_mutex_unlock(&storm.lock);
			return context;
		}
		job = storm.jobs[--storm.job_count];
		pthread_mutex_unlock(&storm.lock);
		complete(job);
		atomic_fetch_add(&storm.completed_elsewhere, 1);
	}
}

static void hand_over(struct job job)
{
	pthread_mutex_lock(&storm.lock);
	storm.jobs[storm.job_count++] = job;
	pthread_cond_signal(&storm.filled);
	pthread_mutex_unlock(&storm.lock);
}

static struct frame *take(struct frame *frames)
{
	for (uint32_t i = 0; i < FRAMES_EACH; i++)
		if (!atomic_load(&frames[i].out))
			return &frames[i];
	return NULL;
}

/* One try to originate. False: nothing came of it. */
static bool originate(uint32_t who, uint64_t *handle, uint32_t n, struct job *job)
{
	bool admitted = false;

	pthread_rwlock_rdlock(&storm.lookup);
	job->module = *handle == storm.handle ? storm.module : NULL;
	if (!job->module) {
		atomic_fetch_add(&storm.stale, 1);
		*handle = storm.handle; /* opens it again, if there is one */
	} else if ((job->frame = take(job->module->frames[who]))) {
		admitted = lwf_gate_enter(&job->module->gate, n);
		if (!admitted)
			atomic_fetch_add(&storm.refused, 1);
	}
	pthread_rwlock_unlock(&storm.lookup);
	return admitted;
}

static void *sender(void *context)
{
	uint32_t who = (uint32_t)(uintptr_t)context, random = 12345 + who;
	uint64_t handle = 0;
	struct job job;

	while (!atomic_load(&storm.stop)) {
		uint32_t n = 1 + next_random(&random) % 64;

		if (atomic_load(&storm.quiet) || !originate(who, &handle, n, &job)) {
			sched_yield();
			continue;
		}
		if (atomic_load(&storm.settled))
			atomic_fetch_add(&storm.intruders, 1);
		atomic_fetch_add(&storm.inside, n);
		atomic_fetch_add(&storm.admitted, n);
		atomic_store(&job.frame->out, true);
		job.frame->n = n;
		job.frame->handle = handle;
		job.frame->sum = handle + n;
		if (next_random(&random) % 4 == 0)
			sched_yield();
		if (next_random(&random) % 2) {
			hand_over(job);
			continue;
		}
		complete(job);
		atomic_fetch_add(&storm.completed_inside, 1);
	}
	return NULL;
}

/* ---- the controller ---- */

static void attach(void)
{
	struct module *module = calloc(1, sizeof(*module));

	assert_non_null(module);
	lwf_gate_init(&module->gate);
	module->handle = storm.handle + 1;
	pthread_rwlock_wrlock(&storm.lookup);
	storm.handle++;
	storm.module = module;
	pthread_rwlock_unlock(&storm.lookup);
}

static void detach(void)
{
	struct module *module = storm.module;
	uint64_t stale = atomic_load(&storm.stale);

	pthread_rwlock_wrlock(&storm.lookup);
	storm.module = NULL;
	pthread_rwlock_unlock(&storm.lookup);
	memset(module, POISON, sizeof(*module));
	free(module);
	done.detaches++;
	while (done.detaches % 4 == 0 && atomic_load(&storm.stale) == stale)
		sched_yield(); /* wish: somebody comes with the handle of a module that is gone */
}

static void await_signal(struct lwf_gate *gate)
{
	while (!atomic_load(&storm.signals)) {
		if (lwf_gate_count(gate) == 0 && atomic_load(&storm.leaving) == 0 &&
		    !atomic_load(&storm.signals))
			fail_msg("a signal is lost: cycle %u", done.cycles);
		sched_yield();
	}
}

static void pause_module(struct lwf_gate *gate)
{
	bool pending = !lwf_gate_close(gate);

	if (pending)
		await_signal(gate);
	done.pending += pending;
	done.immediate += !pending;
	assert_int_equal(atomic_load(&storm.inside), 0);
	assert_int_equal(lwf_gate_count(gate), 0);
	assert_false(lwf_gate_is_owed(gate));
	atomic_store(&storm.settled, true);
	assert_int_equal(atomic_load(&storm.signals), pending);
}

static void one_cycle(void)
{
	struct lwf_gate *gate = &storm.module->gate;
	uint64_t refused = atomic_load(&storm.refused);
	uint32_t wish = done.cycles % 8;

	atomic_store(&storm.settled, false);
	assert_int_equal(atomic_load(&storm.signals), 0); /* none comes late */
	lwf_gate_open(gate);
	if (wish == 0) {
		while (lwf_gate_count(gate) == 0)
			sched_yield(); /* wish: a pause with frames in flight */
	} else if (wish == 1) {
		atomic_store(&storm.quiet, true);
		while (lwf_gate_count(gate) != 0)
			sched_yield(); /* wish: a pause with none */
	} else {
		for (uint32_t i = 0; i < wish - 2; i++)
			sched_yield();
	}
	pause_module(gate);
	atomic_store(&storm.quiet, false);
	while (wish == 2 && atomic_load(&storm.refused) == refused)
		sched_yield(); /* wish: somebody is turned away */
	assert_int_equal(atomic_load(&storm.intruders), 0);
	done.cycles++;
	if (done.cycles % 3 == 0) {
		detach();
		attach();
	}
	atomic_store(&storm.signals, 0);
}

static bool goes_on(time_t began)
{
	if (done.cycles < CYCLES_MIN || !done.pending || !done.immediate ||
	    !atomic_load(&storm.completed_inside) || !atomic_load(&storm.completed_elsewhere))
		return true;
	return (done.cycles < CYCLES_MAX || storm.completed_inside < COMPLETED_MAX) &&
	       time(NULL) - began < SECONDS_LONG;
}

static void start(pthread_t *threads)
{
	pthread_rwlockattr_t fair;

	pthread_rwlockattr_init(&fair); /* else the senders may keep a detach waiting for ever */
	pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&storm.lookup, &fair);
	pthread_mutex_init(&storm.lock, NULL);
	pthread_cond_init(&storm.filled, NULL);
	atomic_store(&storm.settled, true);
	attach();
	for (uint32_t i = 0; i < SENDERS + COMPLETERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < SENDERS ? sender : completer,
						(void *)(uintptr_t)i),
				 0);
}

static void stop(pthread_t *threads)
{
	atomic_store(&storm.stop, true);
	for (uint32_t i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_lock(&storm.lock);
	storm.over = true;
	pthread_cond_broadcast(&storm.filled);
	pthread_mutex_unlock(&storm.lock);
	for (uint32_t i = SENDERS; i < SENDERS + COMPLETERS; i++)
		pthread_join(threads[i], NULL);
	free(storm.module);
}

static void test_storm(void **state)
{
	pthread_t threads[SENDERS + COMPLETERS];
	time_t began = time(NULL);

	(void)state;
	alarm(SECONDS_MAX); /* a gate that never drains must not hang the test */
	start(threads);
	while (goes_on(began))
		one_cycle();
	stop(threads);
	assert_int_equal(atomic_load(&storm.inside), 0);
	assert_int_equal(atomic_load(&storm.intruders), 0);
	assert_int_equal(atomic_load(&storm.strangers), 0);
	assert_int_equal(atomic_load(&storm.signalled), done.pending);
	assert_true(done.pending > 0 && done.immediate > 0 && done.detaches > 0);
	assert_true(storm.admitted > 0 && storm.refused > 0 && storm.stale > 0);
	print_message(
		"%u cycles: %u pending, %u at once, %u detached; %llu admitted, %llu refused, "
		"%llu stale; %llu completed inside, %llu elsewhere\n",
		done.cycles, done.pending, done.immediate, done.detaches,
		(unsigned long long)storm.admitted, (unsigned long long)storm.refused,
		(unsigned long long)storm.stale, (unsigned long long)storm.completed_inside,
		(unsigned long long)storm.completed_elsewhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_storm)};

	return cmocka_run_group_tests_name("gate_storm", tests, NULL, NULL);
}
