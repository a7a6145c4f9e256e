/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manyhandles.c - several handles of one process, on several stacks, from several threads.
 *
 *	manyhandles THREADS HANDLES FRAMES STACK=CONTROL...
 *
 * Handle i is on stack i modulo their number, and belongs to thread i modulo THREADS. Each of them hands over
 * FRAMES frames: of the handles of a thread in turn, in batches of 1 to 64, one direction in four up, and
 * every tenth batch by a call that waits. In the end each handle's ledger must be the daemon's, every frame
 * answered once, under its own number and in order. Prints "submitted sent" of each stack; exit 1 when
 * something is wrong.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/inject.h>

#define HANDLES_MAX 64u
#define BATCH	    64u
#define LIMIT_NS    30000000000ull

struct user {
	struct lwf_inject *handle;
	unsigned number, stack;
	uint64_t next;	   /* context of the frame submitted next */
	uint64_t answered; /* frames, by events and calls */
	uint64_t last_up, last_down;
	struct lwf_inject_stats stats;
};

static struct user users[HANDLES_MAX];
static unsigned threads, handles;
static uint64_t frames;

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("manyhandles: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

/* Answers of one direction come in the order of their frames: one stack, one edge. */
static void hear(struct user *user)
{
	struct lwf_inject_event events[BATCH];
	int n;

	while ((n = lwf_inject_poll(user->handle, events, BATCH)) > 0) {
		for (int i = 0; i < n; i++) {
			uint64_t number = events[i].context >> 1;
			uint64_t *last = events[i].context & 1 ? &user->last_up : &user->last_down;

			if (events[i].kind != LWF_INJECT_ANSWER)
				continue;
			if (number <= *last || number >= user->next)
				die("handle %u: frame %llu after %llu", user->number,
				    (unsigned long long)number, (unsigned long long)*last);
			*last = number;
			user->answered++;
		}
	}
	if (n < 0)
		die("handle %u: the daemon is gone", user->number);
}

static void submit(struct user *user, uint32_t n, bool up)
{
	unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	struct lwf_inject_frame batch[BATCH];
	uint32_t done = 0;

	memcpy(bytes + 14, &user->number, sizeof(user->number));
	for (uint32_t i = 0; i < n; i++)
		batch[i] = (struct lwf_inject_frame){
			.data = bytes,
			.len = sizeof(bytes),
			.flags = up ? LWF_INJECT_RECEIVE : 0,
			.context = (user->next + i) << 1 | up,
		};
	user->next += n;
	while (done < n) {
		int taken = lwf_inject_submit(user->handle, batch + done, n - done, NULL);

		if (taken > 0)
			done += (uint32_t)taken;
		hear(user);
		if (taken <= 0)
			lwf_inject_wait(user->handle, 1000000);
	}
}

static void call(struct user *user, uint32_t n)
{
	unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	const struct lwf_inject_frame frame = {.data = bytes, .len = sizeof(bytes)};
	struct lwf_inject_result result;

	if (lwf_inject_send(user->handle, &frame, n, LIMIT_NS, &result) || result.answered != n)
		die("handle %u: a call of %u frames has %u answers", user->number, n,
		    result.answered);
	user->next += n;
	user->answered += n;
}

static void finish(struct user *user)
{
	struct lwf_inject_stats daemon;

	if (lwf_inject_flush(user->handle, LIMIT_NS))
		die("handle %u: it does not drain", user->number);
	hear(user);
	lwf_inject_stats(user->handle, &user->stats);
	if (user->answered != frames || user->stats.submitted != frames || user->stats.in_flight)
		die("handle %u: %llu of %llu answered", user->number,
		    (unsigned long long)user->answered, (unsigned long long)frames);
	if (lwf_inject_ledger(user->handle, LIMIT_NS, &daemon) ||
	    memcmp(&daemon, &user->stats, sizeof(daemon)) != 0)
		die("handle %u: its ledger is not the daemon's", user->number);
	lwf_inject_close(user->handle);
}

static void *run(void *argument)
{
	unsigned first = *(const unsigned *)argument, busy = 1;
	unsigned seed = first + 1;

	for (uint64_t round = 1; busy; round++) {
		busy = 0;
		for (unsigned i = first; i < handles; i += threads) {
			uint64_t left = frames - (users[i].next - 1);
			uint32_t n = (uint32_t)rand_r(&seed) % BATCH + 1;

			n = n < left ? n : (uint32_t)left;
			busy += n > 0;
			if (n && round % 10 == 0)
				call(&users[i], n);
			else if (n)
				submit(&users[i], n, rand_r(&seed) % 4 == 0);
		}
	}
	for (unsigned i = first; i < handles; i += threads)
		finish(&users[i]);
	return NULL;
}

static void open_all(char **stacks, unsigned count)
{
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct lwf_error error;

	for (unsigned i = 0; i < handles; i++) {
		users[i] = (struct user){.number = i, .stack = i % count, .next = 1};
		options.stack = stacks[users[i].stack];
		options.control = strchr(options.stack, 0) + 1;
		if (lwf_inject_open(&options, &users[i].handle, &error))
			die("%s: %s", error.what, error.why);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread[HANDLES_MAX];
	unsigned number[HANDLES_MAX];

	if (argc < 5)
		die("THREADS HANDLES FRAMES STACK=CONTROL...");
	for (int s = 4; s < argc; s++) {
		char *control = strchr(argv[s], '=');

		if (!control)
			die("%s: STACK=CONTROL", argv[s]);
		*control = 0; /* the control socket lies behind the name */
	}
	threads = (unsigned)strtoul(argv[1], NULL, 10);
	handles = (unsigned)strtoul(argv[2], NULL, 10);
	frames = strtoull(argv[3], NULL, 10);
	if (!threads || threads > HANDLES_MAX || !handles || handles > HANDLES_MAX)
		die("1 to %u threads and handles", HANDLES_MAX);
	open_all(argv + 4, (unsigned)argc - 4);
	for (unsigned i = 0; i < threads; i++) {
		number[i] = i;
		if (pthread_create(&thread[i], NULL, run, &number[i]))
			die("no thread");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (int s = 4; s < argc; s++) {
		uint64_t submitted = 0, sent = 0;

		for (unsigned i = 0; i < handles; i++)
			if (users[i].stack == (unsigned)s - 4) {
				submitted += users[i].stats.submitted;
				sent += users[i].stats.sent;
			}
		printf("%s %llu %llu\n", argv[s], (unsigned long long)submitted,
		       (unsigned long long)sent);
	}
	return 0;
}
