/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_verify.h - the far end of stamped frames: what arrived, what was lost, doubled, out of order, and how late.
 *
 * One stream for each seed; the numbers of a stream count from 0. The bookkeeping asks nobody: it is told
 * of frames and their times. inject_listen.c brings them from an interface, inject_verify_report.c
 * tells the result.
 *
 * Threads: all functions are for one thread, the caller's.
 */
#ifndef INJECT_VERIFY_H
#define INJECT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "inject_histogram.h"
#include "inject_options.h"

#define INJECT_VERIFY_STREAMS_MAX   64u
#define INJECT_VERIFY_WINDOW	    (1u << 20) /* numbers below the highest that are told apart */
#define INJECT_VERIFY_MARK_BYTES    192u       /* the mark lies within these first bytes */
#define INJECT_VERIFY_NUMBER_MAX    (1ull << 62)
#define INJECT_VERIFY_CAPTURE_BYTES 256u /* what has to be captured of a frame */

/** received == distinct + duplicated + late */
struct inject_verify_stream {
	uint64_t seed;
	uint64_t received;
	uint64_t distinct;
	uint64_t duplicated; /* this number had been seen */
	uint64_t reordered;  /* RFC 4737: not a duplicate, and below the highest number before it */
	uint64_t
		late; /* reordered by more than the window: whether it was seen before is not known */
	uint64_t highest;

	int64_t min_ns, max_ns;		   /* of the latency; below 0 when the clocks differ */
	uint64_t negative;		   /* latencies below 0 */
	struct inject_histogram latencies; /* those below 0 as 0 */
	uint64_t window[INJECT_VERIFY_WINDOW / 64]; /* one bit a number, number % window */
};

struct inject_verify {
	bool one_seed; /* streams of other seeds are not looked at */
	uint64_t seed;
	uint64_t frames;  /* of all kinds */
	uint64_t stamped; /* of these, those of the streams below */
	uint64_t damaged; /* with a mark, but cut off behind it, or with a number that cannot be */
	uint64_t crowded; /* of more streams than INJECT_VERIFY_STREAMS_MAX */
	uint32_t stream_count;
	struct inject_verify_stream *streams; /* in the order in which they appeared */
};

/** Takes all memory there will be. @seed: of the only stream to look at; NULL: all. 0 or -ENOMEM. */
int inject_verify_init(struct inject_verify *verify, const uint64_t *seed);
void inject_verify_fini(struct inject_verify *verify);

/** A frame came at @now_ns (CLOCK_REALTIME), of which @captured bytes are at @data. True: it was counted in a stream. */
bool inject_verify_see(struct inject_verify *verify, const uint8_t *data, uint32_t captured,
		       uint64_t now_ns);

/** Numbers up to the highest that never came. Frames lost behind the highest cannot be known of. */
uint64_t inject_verify_lost(const struct inject_verify_stream *stream);

/**
 * The latency that @thousandths of the frames did not exceed, too long by less than 1/64 of it; those below 0 count as 0.
 * 0 without frames.
 */
int64_t inject_verify_quantile_ns(const struct inject_verify_stream *stream, unsigned thousandths);

/** True when something came, and nothing was lost, duplicated, reordered or damaged. */
bool inject_verify_is_good(const struct inject_verify *verify);

/* ---- the program ---- */

enum inject_verify_end {
	INJECT_VERIFY_LIMIT,
	INJECT_VERIFY_TIME,
	INJECT_VERIFY_IDLE,
	INJECT_VERIFY_SIGNAL,
	INJECT_VERIFY_GONE, /* the interface */
};

struct inject_verify_result {
	struct inject_verify verify;
	enum inject_verify_end end;
	uint64_t listened_ns;
	uint64_t missed; /* frames that this program was too slow for, by the kernel's count */
};

/** Prints @result in the form asked for and returns the exit code. */
int inject_verify_report(const struct inject_options *options,
			 const struct inject_verify_result *result);

/** All of `lwf-inject --verify`. Returns the exit code. */
int inject_listen(const struct inject_options *options);

#endif
