/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_ladder.c - what a frame pays for the send gate, beside the other ways to build one.
 *
 * usage: gate_ladder [--rounds N] [--json FILE]
 *
 * Each way does the same work: "refuse n frames if closed, else count them in; later count them out, and
 * see whether a pause is to be completed". A cell is the median over the rounds of nanoseconds per
 * frame (one enter and one leave of n frames, divided by n), where 1 or 2 threads do nothing else on
 * one gate. All ways and cells of a round are measured one after the other, so that ratios inside
 * a round mean something; absolute numbers are this machine's.
 *
 * Only the gate of the product (lwf_gate) is used outside of this file. The others are as short as
 * they can be: what they leave out (who completes the pause, where the counters live) costs extra.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/gate.h>

#define CELL_NS	   40000000ull /* of measuring, per cell and round */
#define CHUNK	   256u	       /* pairs between looks at the clock */
#define ROUNDS_MAX 99u
#define THREADS	   2u
#define CACHE_LINE 64

struct own { /* of one thread */
	_Alignas(CACHE_LINE) _Atomic uint64_t in;
	_Atomic uint64_t out;
};

static struct {
	_Alignas(CACHE_LINE) pthread_mutex_t mutex;
	_Alignas(CACHE_LINE) pthread_spinlock_t spin;
	_Alignas(CACHE_LINE) pthread_rwlock_t rwlock;
	_Alignas(CACHE_LINE) _Atomic uint64_t word;
	_Alignas(CACHE_LINE) _Atomic bool closed;
	_Alignas(CACHE_LINE) _Atomic uint64_t count;
	_Alignas(CACHE_LINE) uint64_t plain;
	bool plain_closed;
	_Alignas(CACHE_LINE) struct lwf_gate gate;
	struct own own[THREADS];
} shared;

/* ---- the ways: enter(own, n) and leave(own, n), inlined into the loop that times them ---- */

#define ENTER static inline __attribute__((always_inline)) bool
#define LEAVE static inline __attribute__((always_inline)) bool

ENTER loop_enter(struct own *own, uint32_t n) /* one thread owns it all: no atomics */
{
	(void)own;
	if (shared.plain_closed)
		return false;
	shared.plain += n;
	__asm__ volatile("" ::: "memory");
	return true;
}

LEAVE loop_leave(struct own *own, uint32_t n)
{
	(void)own;
	shared.plain -= n;
	__asm__ volatile("" ::: "memory");
	return shared.plain == 0 && shared.plain_closed;
}

ENTER mutex_enter(struct own *own, uint32_t n)
{
	bool open;

	(void)own;
	pthread_mutex_lock(&shared.mutex);
	open = !shared.plain_closed;
	if (open)
		shared.plain += n;
	pthread_mutex_unlock(&shared.mutex);
	return open;
}

LEAVE mutex_leave(struct own *own, uint32_t n)
{
	bool last;

	(void)own;
	pthread_mutex_lock(&shared.mutex);
	shared.plain -= n;
	last = shared.plain == 0 && shared.plain_closed;
	pthread_mutex_unlock(&shared.mutex);
	return last;
}

ENTER spin_enter(struct own *own, uint32_t n)
{
	bool open;

	(void)own;
	pthread_spin_lock(&shared.spin);
	open = !shared.plain_closed;
	if (open)
		shared.plain += n;
	pthread_spin_unlock(&shared.spin);
	return open;
}

LEAVE spin_leave(struct own *own, uint32_t n)
{
	bool last;

	(void)own;
	pthread_spin_lock(&shared.spin);
	shared.plain -= n;
	last = shared.plain == 0 && shared.plain_closed;
	pthread_spin_unlock(&shared.spin);
	return last;
}

ENTER rwlock_enter(struct own *own, uint32_t n) /* readers send, the pauser writes */
{
	bool open;

	(void)own;
	pthread_rwlock_rdlock(&shared.rwlock);
	open = !shared.plain_closed;
	if (open)
		atomic_fetch_add_explicit(&shared.count, n, memory_order_relaxed);
	pthread_rwlock_unlock(&shared.rwlock);
	return open;
}

LEAVE rwlock_leave(struct own *own, uint32_t n)
{
	(void)own;
	return atomic_fetch_sub_explicit(&shared.count, n, memory_order_acq_rel) == n &&
	       atomic_load_explicit(&shared.closed, memory_order_acquire);
}

ENTER undo_enter(struct own *own, uint32_t n) /* one word: add, and take back if it was closed */
{
	uint64_t before = atomic_fetch_add_explicit(&shared.word, 2ull * n, memory_order_acquire);

	(void)own;
	if (!(before & 1))
		return true;
	atomic_fetch_sub_explicit(&shared.word, 2ull * n, memory_order_release);
	return false;
}

LEAVE undo_leave(struct own *own, uint32_t n)
{
	(void)own;
	return atomic_fetch_sub_explicit(&shared.word, 2ull * n, memory_order_acq_rel) ==
	       2ull * n + 1;
}

ENTER rundown_enter(struct own *own, uint32_t n) /* one word: compare and exchange while open */
{
	uint64_t word = atomic_load_explicit(&shared.word, memory_order_relaxed);

	(void)own;
	do {
		if (word & 1)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&shared.word, &word, word + 2ull * n, memory_order_acquire, memory_order_relaxed));
	return true;
}

ENTER bias_enter(struct own *own, uint32_t n) /* the count starts at one; a pause drops that */
{
	(void)own;
	atomic_fetch_add_explicit(&shared.count, n, memory_order_seq_cst);
	if (!atomic_load_explicit(&shared.closed, memory_order_seq_cst))
		return true;
	atomic_fetch_sub_explicit(&shared.count, n, memory_order_acq_rel);
	return false;
}

LEAVE bias_leave(struct own *own, uint32_t n)
{
	(void)own;
	return atomic_fetch_sub_explicit(&shared.count, n, memory_order_acq_rel) == n;
}

ENTER fence_enter(struct own *own, uint32_t n) /* a counter for each thread, and a full fence */
{
	uint64_t in = atomic_load_explicit(&own->in, memory_order_relaxed);

	atomic_store_explicit(&own->in, in + n, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&shared.closed, memory_order_relaxed))
		return true;
	atomic_store_explicit(&own->out, in + n, memory_order_release);
	return false;
}

ENTER membarrier_enter(struct own *own, uint32_t n) /* the same; the pauser pays for the fence */
{
	uint64_t in = atomic_load_explicit(&own->in, memory_order_relaxed);

	atomic_store_explicit(&own->in, in + n, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&shared.closed, memory_order_relaxed))
		return true;
	atomic_store_explicit(&own->out, in + n, memory_order_release);
	return false;
}

LEAVE own_leave(struct own *own, uint32_t n)
{
	uint64_t out = atomic_load_explicit(&own->out, memory_order_relaxed);

	atomic_store_explicit(&own->out, out + n, memory_order_release);
	return false; /* the pauser sums up */
}

ENTER gate_enter(struct own *own, uint32_t n)
{
	(void)own;
	return lwf_gate_enter(&shared.gate, n);
}

LEAVE gate_leave(struct own *own, uint32_t n)
{
	(void)own;
	return lwf_gate_leave(&shared.gate, n);
}

/* ---- the loops ---- */

#define LOOP(name, enter, leave)                                              \
	static bool name(struct own *own, uint32_t n)                         \
	{                                                                     \
		bool odd = false;                                             \
                                                                              \
		for (uint32_t i = 0; i < CHUNK; i++) {                        \
			odd |= !enter(own, n);                                \
			odd |= leave(own, n);                                 \
		}                                                             \
		return odd; /* nobody closes: always false, but kept alive */ \
	}

LOOP(run_gate, gate_enter, gate_leave)
LOOP(run_loop, loop_enter, loop_leave)
LOOP(run_mutex, mutex_enter, mutex_leave)
LOOP(run_spin, spin_enter, spin_leave)
LOOP(run_rwlock, rwlock_enter, rwlock_leave)
LOOP(run_undo, undo_enter, undo_leave)
LOOP(run_rundown, rundown_enter, undo_leave)
LOOP(run_bias, bias_enter, bias_leave)
LOOP(run_fence, fence_enter, own_leave)
LOOP(run_membarrier, membarrier_enter, own_leave)

static const struct way {
	const char *name;
	bool (*run)(struct own *own, uint32_t n);
	bool one_thread_only;
} ways[] = {
	{"lwf_gate", run_gate, false},
	{"one thread, no atomics", run_loop, true},
	{"mutex", run_mutex, false},
	{"spin lock", run_spin, false},
	{"read-write lock", run_rwlock, false},
	{"word, add and undo", run_undo, false},
	{"rundown word", run_rundown, false},
	{"bias of one", run_bias, false},
	{"per thread, fence", run_fence, false},
	{"per thread, membarrier", run_membarrier, false},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const struct cell {
	uint32_t threads, batch;
} cells[] = {{1, 1}, {1, 16}, {1, 64}, {2, 1}, {2, 16}, {2, 64}};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

struct worker {
	pthread_t thread;
	const struct way *way;
	struct own *own;
	pthread_barrier_t *start;
	uint32_t batch;
	double ns_per_frame;
	bool odd;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void *work(void *context)
{
	struct worker *me = context;
	uint64_t begin, end, chunks = 0;

	pthread_barrier_wait(me->start);
	begin = now_ns();
	do {
		me->odd |= me->way->run(me->own, me->batch);
		chunks++;
		end = now_ns();
	} while (end - begin < CELL_NS);
	me->ns_per_frame = (double)(end - begin) / (double)(chunks * CHUNK) / me->batch;
	return NULL;
}

/** Mean over the threads of nanoseconds per frame; 0 where the way does not apply. */
static double measure(const struct way *way, const struct cell *cell)
{
	struct worker workers[THREADS];
	pthread_barrier_t start;
	double sum = 0;

	if (way->one_thread_only && cell->threads > 1)
		return 0;
	pthread_barrier_init(&start, NULL, cell->threads);
	for (uint32_t i = 0; i < cell->threads; i++) {
		workers[i] = (struct worker){
			.way = way, .own = &shared.own[i], .start = &start, .batch = cell->batch};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			fputs("gate_ladder: no thread\n", stderr);
			exit(1);
		}
	}
	for (uint32_t i = 0; i < cell->threads; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].odd)
			abort(); /* somebody was refused, or told to complete a pause */
		sum += workers[i].ns_per_frame;
	}
	pthread_barrier_destroy(&start);
	return sum / cell->threads;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void show(double medians[WAYS][CELLS], unsigned rounds)
{
	printf("| ns per frame, %u rounds | 1 thread, batch 1 | 16 | 64 | 2 threads, batch 1 | 16 "
	       "| 64 |\n"
	       "|---|---|---|---|---|---|---|\n",
	       rounds);
	for (size_t w = 0; w < WAYS; w++) {
		printf("| %s |", ways[w].name);
		for (size_t c = 0; c < CELLS; c++) {
			if (medians[w][c] > 0)
				printf(" %.2f |", medians[w][c]);
			else
				printf(" - |");
		}
		puts("");
	}
}

static int save(const char *path, double medians[WAYS][CELLS], unsigned rounds)
{
	FILE *file = fopen(path, "w");

	if (!file) {
		perror(path);
		return 1;
	}
	fprintf(file, "{\"schema\":1,\"rounds\":%u,\"unit\":\"ns/frame\",\"ways\":[", rounds);
	for (size_t w = 0; w < WAYS; w++) {
		fprintf(file, "%s{\"name\":\"%s\",\"cells\":[", w ? "," : "", ways[w].name);
		for (size_t c = 0; c < CELLS; c++)
			fprintf(file, "%s{\"threads\":%u,\"batch\":%u,\"ns\":%.3f}", c ? "," : "",
				cells[c].threads, cells[c].batch, medians[w][c]);
		fputs("]}", file);
	}
	fputs("]}\n", file);
	return fclose(file) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
						{"json", required_argument, NULL, 'j'},
						{0}};
	static double samples[WAYS][CELLS][ROUNDS_MAX];
	static double medians[WAYS][CELLS];
	unsigned rounds = 7;
	const char *json = NULL;

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 'j')
			json = optarg;
		else if (o == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || optind < argc) {
		fputs("usage: gate_ladder [--rounds 1..99] [--json FILE]\n", stderr);
		return 2;
	}
	pthread_mutex_init(&shared.mutex, NULL);
	pthread_spin_init(&shared.spin, PTHREAD_PROCESS_PRIVATE);
	pthread_rwlock_init(&shared.rwlock, NULL);
	atomic_store(&shared.count, 1);
	lwf_gate_init(&shared.gate);
	lwf_gate_open(&shared.gate);
	for (unsigned r = 0; r < rounds; r++)
		for (size_t c = 0; c < CELLS; c++)
			for (size_t w = 0; w < WAYS; w++)
				samples[w][c][r] = measure(&ways[w], &cells[c]);
	for (size_t w = 0; w < WAYS; w++)
		for (size_t c = 0; c < CELLS; c++) {
			qsort(samples[w][c], rounds, sizeof(double), compare);
			medians[w][c] = samples[w][c][rounds / 2];
		}
	show(medians, rounds);
	return json ? save(json, medians, rounds) : 0;
}
