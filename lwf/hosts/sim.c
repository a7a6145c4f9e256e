/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - the simulated host: virtual time, one seed, allocations that are counted and can fail.
 *
 * Time stands still while code runs and jumps from one deadline to the next between. Armed timers
 * are kept in a binary heap by deadline; timers of one deadline run in an order drawn from the
 * seed, so that nothing can come to lean on one order. Posted tasks run first, in the order they
 * came. The same seed and the same calls give the same run, to the last number drawn: the tie-break
 * has a generator of its own, so that timers do not shift what the caller draws.
 *
 * Everything is for one thread, except lwf_host_post().
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "match.h"
#include "policy.h"
#include "sim_owner.h"

#define SIM_LOG_TEXT_BYTES  512u
#define SIM_ALIGNMENT_BYTES 64u
#define SIM_START_NS	    1000000000ull /* time 0 would hide an unset timestamp */

/** splitmix64: one word of state, every seed is good. */
struct sim_random {
	uint64_t state;
};

struct sim_slot {
	uint64_t deadline_ns;
	uint64_t tie;
	struct lwf_timer *timer;
};

struct sim_host {
	struct lwf_host host;
	uint64_t now_ns;
	struct sim_random numbers; /* what lwf_host_random() gives */
	struct sim_random ties;
	struct sim_slot *heap; /* as many slots as timers exist */
	uint32_t armed, slots, timers;
	struct lwf_timer *timer_list;
	_Atomic(struct lwf_task *) posted; /* last come first; any thread pushes */
	uint64_t allocations;		   /* out at present */
	uint64_t fail_in; /* the allocation that fails counts this down to 0; UINT64_MAX: all do */
	lwf_log_sink sink;
	struct sim_owners *owners; /* NULL: nobody knows any */
	uint16_t listeners[LWF_SIM_LISTENERS_MAX];
	uint32_t listener_count;
	struct policy_store policies;
	struct policy_texts *policy_texts;
};

static struct sim_host *sim_of(struct lwf_host *host)
{
	return (struct sim_host *)host;
}

static uint64_t random_next(struct sim_random *random)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t sim_now_ns(struct lwf_host *host)
{
	return sim_of(host)->now_ns;
}

static uint64_t sim_random(struct lwf_host *host)
{
	return random_next(&sim_of(host)->numbers);
}

/* ---- memory ---- */

static bool memory_fails(struct sim_host *sim)
{
	if (sim->fail_in == UINT64_MAX)
		return true;
	return sim->fail_in && --sim->fail_in == 0;
}

static void *sim_alloc(struct lwf_host *host, size_t bytes)
{
	struct sim_host *sim = sim_of(host);
	uintptr_t aligned;
	void *raw;

	if (memory_fails(sim))
		return NULL;
	if (bytes > SIZE_MAX - 2 * SIM_ALIGNMENT_BYTES)
		return NULL;
	/* calloc, since large blocks then cost only the pages that are touched */
	raw = calloc(1, bytes + 2 * SIM_ALIGNMENT_BYTES);
	if (!raw)
		return NULL;
	aligned = ((uintptr_t)raw + 2 * SIM_ALIGNMENT_BYTES - 1) &
		  ~(uintptr_t)(SIM_ALIGNMENT_BYTES - 1);
	((void **)aligned)[-1] = raw;
	sim->allocations++;
	return (void *)aligned;
}

static void sim_free(struct lwf_host *host, void *memory)
{
	struct sim_host *sim = sim_of(host);

	assert(sim->allocations > 0);
	sim->allocations--;
	free(((void **)memory)[-1]);
}

/* ---- timers: timer->impl is the number of its slot from 1, NULL when it has none ---- */

static bool slot_before(const struct sim_slot *a, const struct sim_slot *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->tie < b->tie;
}

static void slot_put(struct sim_host *sim, uint32_t at, struct sim_slot slot)
{
	sim->heap[at] = slot;
	slot.timer->impl = (void *)((uintptr_t)at + 1);
}

static void heap_rise(struct sim_host *sim, uint32_t at, struct sim_slot slot)
{
	while (at > 0 && slot_before(&slot, &sim->heap[(at - 1) / 2])) {
		slot_put(sim, at, sim->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	slot_put(sim, at, slot);
}

static void heap_sink(struct sim_host *sim, uint32_t at, struct sim_slot slot)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= sim->armed)
			break;
		if (child + 1 < sim->armed && slot_before(&sim->heap[child + 1], &sim->heap[child]))
			child++;
		if (!slot_before(&sim->heap[child], &slot))
			break;
		slot_put(sim, at, sim->heap[child]);
		at = child;
	}
	slot_put(sim, at, slot);
}

static void sim_timer_disarm(struct lwf_host *host, struct lwf_timer *timer)
{
	struct sim_host *sim = sim_of(host);
	uintptr_t number = (uintptr_t)timer->impl;
	struct sim_slot last;
	uint32_t at;

	timer->armed = false;
	if (!number)
		return;
	at = (uint32_t)(number - 1);
	timer->impl = NULL;
	last = sim->heap[--sim->armed];
	if (last.timer == timer)
		return;
	if (at > 0 && slot_before(&last, &sim->heap[(at - 1) / 2]))
		heap_rise(sim, at, last);
	else
		heap_sink(sim, at, last);
}

static void sim_timer_arm(struct lwf_host *host, struct lwf_timer *timer)
{
	struct sim_host *sim = sim_of(host);
	struct sim_slot slot = {timer->deadline_ns, random_next(&sim->ties), timer};

	sim_timer_disarm(host, timer);
	assert(sim->armed < sim->slots);
	timer->armed = true;
	heap_rise(sim, sim->armed++, slot);
}

static int sim_timer_init(struct lwf_host *host, struct lwf_timer *timer)
{
	struct sim_host *sim = sim_of(host);

	if (memory_fails(sim))
		return -ENOMEM;
	if (sim->timers == sim->slots) {
		uint32_t slots = sim->slots ? 2 * sim->slots : 64;
		struct sim_slot *heap = realloc(sim->heap, slots * sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		sim->heap = heap;
		sim->slots = slots;
	}
	sim->timers++;
	timer->impl = NULL;
	timer->armed = false;
	timer->prev = NULL;
	timer->next = sim->timer_list;
	if (timer->next)
		timer->next->prev = timer;
	sim->timer_list = timer;
	return 0;
}

static void sim_timer_fini(struct lwf_host *host, struct lwf_timer *timer)
{
	struct sim_host *sim = sim_of(host);

	sim_timer_disarm(host, timer);
	if (timer->prev)
		timer->prev->next = timer->next;
	else
		sim->timer_list = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	timer->next = NULL;
	timer->prev = NULL;
	assert(sim->timers > 0);
	sim->timers--;
}

/* ---- what has no counterpart in here ---- */

static int sim_watch_add(struct lwf_host *host, struct lwf_watch *watch)
{
	(void)host;
	(void)watch;
	return -ENOTSUP;
}

static void sim_watch_set(struct lwf_host *host, struct lwf_watch *watch, unsigned events)
{
	(void)host;
	(void)watch;
	(void)events;
}

static void sim_watch_remove(struct lwf_host *host, struct lwf_watch *watch)
{
	(void)host;
	(void)watch;
}

__attribute__((format(printf, 3, 0))) static void sim_log(struct lwf_host *host,
							  enum lwf_log_level level,
							  const char *format, va_list args)
{
	struct sim_host *sim = sim_of(host);
	char text[SIM_LOG_TEXT_BYTES];

	if (!sim->sink)
		return;
	vsnprintf(text, sizeof(text), format, args);
	sim->sink(level, text);
}

/* ---- owners of flows: a script; see sim_owner.h ---- */

static int sim_ask_owner(struct lwf_host *host, const struct lwf_owner_question *question,
			 struct lwf_owner *owner)
{
	struct sim_owners *owners = sim_of(host)->owners;

	return owners ? lwf_sim_owners_ask(owners, question, owner) : 0;
}

static void sim_forget_owners(struct lwf_host *host, void *context)
{
	if (sim_of(host)->owners)
		lwf_sim_owners_forget(sim_of(host)->owners, context);
}

int lwf_sim_host_set_owner(struct lwf_host *host, const struct lwf_flow_key *key,
			   const struct lwf_owner *owner, uint64_t delay_ns)
{
	struct sim_host *sim = sim_of(host);

	if (!sim->owners)
		sim->owners = lwf_sim_owners_create(host);
	return sim->owners ? lwf_sim_owners_set(sim->owners, key, owner, delay_ns) : -ENOMEM;
}

uint32_t lwf_sim_host_owner_questions(const struct lwf_host *host)
{
	const struct sim_owners *owners = ((const struct sim_host *)host)->owners;

	return owners ? lwf_sim_owners_open(owners) : 0;
}

/* ---- posted tasks ---- */

static void sim_post(struct lwf_host *host, struct lwf_task *task)
{
	struct sim_host *sim = sim_of(host);
	struct lwf_task *head = atomic_load_explicit(&sim->posted, memory_order_relaxed);

	do {
		task->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&sim->posted, &head, task, memory_order_release, memory_order_relaxed));
}

/* Runs what was posted until now and what that posts. False when there was nothing. */
static bool run_posted(struct sim_host *sim)
{
	bool ran = false;

	for (;;) {
		struct lwf_task *last =
			atomic_exchange_explicit(&sim->posted, NULL, memory_order_acquire);
		struct lwf_task *first = NULL;

		if (!last)
			return ran;
		while (last) {
			struct lwf_task *before = last->next;

			last->next = first;
			first = last;
			last = before;
		}
		while (first) {
			struct lwf_task *task = first;

			first = task->next;
			task->next = NULL; /* it may be posted again, or freed, from inside */
			task->fn(task->context);
		}
		ran = true;
	}
}

static void run_next_timer(struct sim_host *sim)
{
	struct lwf_timer *timer = sim->heap[0].timer;

	/* a deadline in the past runs now; time never goes back */
	if (sim->heap[0].deadline_ns > sim->now_ns)
		sim->now_ns = sim->heap[0].deadline_ns;
	sim_timer_disarm(&sim->host, timer);
	timer->fn(timer->context);
}

static int sim_listens(struct lwf_host *host, const struct lwf_owner_question *question)
{
	const struct sim_host *sim = sim_of(host);

	for (uint32_t i = 0; i < sim->listener_count; i++)
		if (sim->listeners[i] == question->key.port[question->local])
			return 1;
	return sim->listener_count ? 0 : -EAGAIN;
}

static int sim_load_policy(struct lwf_host *host, const char *file, bool fresh,
			   struct lwf_policy **policy, char *error, size_t error_bytes)
{
	return lwf_policy_store_load(&sim_of(host)->policies, host, file, fresh, policy, error,
				     error_bytes);
}

/* ---- for those who drive the simulation ---- */

static const struct lwf_host_ops sim_ops = {
	.now_ns = sim_now_ns,
	.random = sim_random,
	.alloc = sim_alloc,
	.free = sim_free,
	.timer_init = sim_timer_init,
	.timer_arm = sim_timer_arm,
	.timer_disarm = sim_timer_disarm,
	.timer_fini = sim_timer_fini,
	.watch_add = sim_watch_add,
	.watch_set = sim_watch_set,
	.watch_remove = sim_watch_remove,
	.post = sim_post,
	.log = sim_log,
	.ask_owner = sim_ask_owner,
	.forget_owners = sim_forget_owners,
	.listens = sim_listens,
	.compile_match = lwf_compile_match,
	.load_policy = sim_load_policy,
};

struct lwf_host *lwf_sim_host_create(uint64_t seed)
{
	struct sim_host *sim = calloc(1, sizeof(*sim));

	if (!sim)
		return NULL;
	sim->host.ops = &sim_ops;
	sim->now_ns = SIM_START_NS;
	sim->numbers.state = seed;
	sim->ties.state = ~seed;
	sim->policies.read = lwf_policy_texts_read;
	sim->policies.context = &sim->policy_texts;
	return &sim->host;
}

void lwf_sim_host_destroy(struct lwf_host *host)
{
	struct sim_host *sim = sim_of(host);

	if (!sim)
		return;
	lwf_sim_owners_destroy(sim->owners);
	lwf_policy_store_fini(&sim->policies);
	lwf_policy_texts_destroy(sim->policy_texts);
	assert(sim->timers == 0);
	free(sim->heap);
	free(sim);
}

void lwf_sim_host_run_until(struct lwf_host *host, uint64_t until_ns)
{
	struct sim_host *sim = sim_of(host);

	run_posted(sim);
	while (sim->armed && sim->heap[0].deadline_ns <= until_ns) {
		run_next_timer(sim);
		run_posted(sim);
	}
	if (sim->now_ns < until_ns)
		sim->now_ns = until_ns;
}

bool lwf_sim_host_step(struct lwf_host *host)
{
	struct sim_host *sim = sim_of(host);

	if (run_posted(sim))
		return true;
	if (!sim->armed)
		return false;
	run_next_timer(sim);
	return true;
}

int lwf_sim_host_listen(struct lwf_host *host, uint16_t port)
{
	struct sim_host *sim = sim_of(host);

	if (sim->listener_count == LWF_SIM_LISTENERS_MAX)
		return -ENOSPC;
	sim->listeners[sim->listener_count++] = port;
	return 0;
}

int lwf_sim_host_set_policy(struct lwf_host *host, const char *file, const char *text)
{
	return lwf_policy_texts_set(&sim_of(host)->policy_texts, file, text);
}

uint64_t lwf_sim_host_fail_nth(struct lwf_host *host, uint64_t nth)
{
	uint64_t left = sim_of(host)->fail_in;

	sim_of(host)->fail_in = nth;
	return left;
}

uint64_t lwf_sim_host_allocations(const struct lwf_host *host)
{
	return ((const struct sim_host *)host)->allocations;
}

void lwf_sim_host_log_to(struct lwf_host *host, lwf_log_sink sink)
{
	sim_of(host)->sink = sink;
}
