/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * latency.c - how long a client of lwfd waits for the answer to a frame, from submit to poll.
 *
 * usage: latency STACK poll|wait OUTSTANDING GAP_US SECONDS
 *
 * Keeps OUTSTANDING frames of 64 bytes under way: for each answer that it takes it submits one more, GAP_US
 * microseconds later (0: at once). With poll it looks for answers again and again; with wait it sleeps on the
 * handle's descriptor until lwfd rings. The time of a frame is from before its submit to after the poll that had
 * its answer. Prints {"frames":N,"failed":N,"seconds":X,"p50_us":X,"p99_us":X,"max_us":X}. LWF_CONTROL names the daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwf/inject.h>

#define FRAME_BYTES	64u
#define OUTSTANDING_MAX 1024u
#define SAMPLES_MAX	4000000u
#define WARM_NS		200000000ull /* not counted */
#define WAIT_NS		1000000000ull
#define ETHERTYPE_TEST	0x88b5 /* IEEE 802: local experiments */

struct run {
	struct lwf_inject *handle;
	uint32_t outstanding;
	uint64_t gap_ns, start_ns, end_ns;
	bool waits;
	uint64_t *samples;
	uint64_t frames, failed;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "latency: %s: %s\n", what, why);
	exit(1);
}

static void submit(struct run *run, uint32_t count)
{
	static const uint8_t bytes[FRAME_BYTES] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ETHERTYPE_TEST >> 8, ETHERTYPE_TEST & 0xff};
	struct lwf_inject_frame frames[OUTSTANDING_MAX];
	const uint64_t stamp_ns = now_ns();

	for (uint32_t i = 0; i < count; i++)
		frames[i] = (struct lwf_inject_frame){
			.data = bytes, .len = FRAME_BYTES, .context = stamp_ns};
	if (lwf_inject_submit(run->handle, frames, count, NULL) != (int)count)
		die("submit", "the ring has no room");
}

/* Takes answers, waiting for the first of them. */
static uint32_t take(struct run *run)
{
	struct lwf_inject_event events[OUTSTANDING_MAX];
	uint64_t then_ns;
	int n;

	while ((n = lwf_inject_poll(run->handle, events, OUTSTANDING_MAX)) == 0) {
		if (run->waits && lwf_inject_wait(run->handle, WAIT_NS))
			die("wait", "no answer within a second");
	}
	if (n < 0)
		die("poll", "lwfd is gone");
	then_ns = now_ns();
	for (int i = 0; i < n; i++) {
		if (events[i].status != LWF_STATUS_SUCCESS)
			run->failed++;
		else if (events[i].context > run->start_ns && run->frames < SAMPLES_MAX)
			run->samples[run->frames++] = then_ns - events[i].context;
	}
	return (uint32_t)n;
}

static void nap(uint64_t ns)
{
	const struct timespec time = {.tv_nsec = (long)ns};

	if (ns)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void measure(struct run *run)
{
	uint32_t under_way = run->outstanding;

	submit(run, under_way);
	while (now_ns() < run->end_ns) {
		uint32_t n = take(run);

		nap(run->gap_ns);
		submit(run, n);
	}
	while (under_way)
		under_way -= take(run);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static double at(const struct run *run, uint64_t percent)
{
	uint64_t index = run->frames * percent / 100;

	return (double)run->samples[index < run->frames ? index : run->frames - 1] / 1e3;
}

int main(int argc, char **argv)
{
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct run run = {.outstanding = argc == 6 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0};
	double seconds = argc == 6 ? strtod(argv[5], NULL) : 0;
	struct lwf_error error;

	if (run.outstanding < 1 || run.outstanding > OUTSTANDING_MAX ||
	    !(seconds > 0 && seconds <= 60)) {
		fprintf(stderr, "usage: latency STACK poll|wait OUTSTANDING GAP_US SECONDS\n");
		return 2;
	}
	options.stack = argv[1];
	run.waits = strcmp(argv[2], "wait") == 0;
	run.gap_ns = strtoull(argv[4], NULL, 10) * 1000u;
	run.samples = malloc(SAMPLES_MAX * sizeof(*run.samples));
	if (!run.samples)
		die("samples", "out of memory");
	if (lwf_inject_open(&options, &run.handle, &error))
		die(error.what, error.why);
	run.start_ns = now_ns() + WARM_NS;
	run.end_ns = run.start_ns + (uint64_t)(seconds * 1e9);
	measure(&run);
	if (!run.frames)
		die("samples", "no frame was answered");
	qsort(run.samples, run.frames, sizeof(*run.samples), compare);
	printf("{\"frames\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.3f,\"p50_us\":%.2f,"
	       "\"p99_us\":%.2f,\"max_us\":%.2f}\n",
	       run.frames, run.failed, seconds, at(&run, 50), at(&run, 99), at(&run, 100));
	lwf_inject_close(run.handle);
	free(run.samples);
	return run.failed != 0;
}
