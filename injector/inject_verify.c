/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_verify.c - counts stamped frames.
 *
 * A stream remembers the last INJECT_VERIFY_WINDOW numbers up to its highest as bits in a ring; a
 * number below them is `late`: it was certainly overtaken, and nothing else is said of it.
 */
#include "inject_verify.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int inject_verify_init(struct inject_verify *verify, const uint64_t *seed)
{
	*verify = (struct inject_verify){.one_seed = seed != NULL, .seed = seed ? *seed : 0};
	verify->streams = calloc(INJECT_VERIFY_STREAMS_MAX, sizeof(*verify->streams));
	return verify->streams ? 0 : -ENOMEM;
}

void inject_verify_fini(struct inject_verify *verify)
{
	free(verify->streams);
	verify->streams = NULL;
}

/* ---- latencies ---- */

static void see_latency(struct inject_verify_stream *stream, int64_t ns)
{
	if (stream->received == 1 || ns < stream->min_ns)
		stream->min_ns = ns;
	if (stream->received == 1 || ns > stream->max_ns)
		stream->max_ns = ns;
	stream->negative += ns < 0;
	inject_histogram_add(&stream->latencies, ns < 0 ? 0 : (uint64_t)ns);
}

int64_t inject_verify_quantile_ns(const struct inject_verify_stream *stream, unsigned thousandths)
{
	return (int64_t)inject_histogram_quantile_ns(&stream->latencies, thousandths);
}

/* ---- numbers ---- */

static uint64_t *word_of(struct inject_verify_stream *stream, uint64_t number)
{
	return &stream->window[number % INJECT_VERIFY_WINDOW / 64];
}

static uint64_t bit_of(uint64_t number)
{
	return 1ull << number % 64;
}

/* Forgets what was seen a window before the numbers from @from up to @to. */
static void forget(struct inject_verify_stream *stream, uint64_t from, uint64_t to)
{
	if (to - from >= INJECT_VERIFY_WINDOW - 1) {
		memset(stream->window, 0, sizeof(stream->window));
		return;
	}
	while (from <= to) {
		if (from % 64 == 0 && to - from >= 63) {
			*word_of(stream, from) = 0;
			from += 64;
		} else {
			*word_of(stream, from) &= ~bit_of(from);
			from++;
		}
	}
}

static void see_number(struct inject_verify_stream *stream, uint64_t number)
{
	bool first = stream->received == 1;

	if (first || number > stream->highest) {
		if (!first)
			forget(stream, stream->highest + 1, number);
		stream->highest = number;
	} else if (stream->highest - number >= INJECT_VERIFY_WINDOW) {
		stream->late++;
		stream->reordered++;
		return;
	} else if (*word_of(stream, number) & bit_of(number)) {
		stream->duplicated++;
		return;
	} else {
		stream->reordered++;
	}
	*word_of(stream, number) |= bit_of(number);
	stream->distinct++;
}

uint64_t inject_verify_lost(const struct inject_verify_stream *stream)
{
	return stream->received ? stream->highest + 1 - stream->distinct : 0;
}

/* ---- frames ---- */

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Where the mark begins; NULL: nowhere. */
static const uint8_t *find_mark(const uint8_t *data, uint32_t captured)
{
	uint32_t bytes = captured < INJECT_VERIFY_MARK_BYTES ? captured : INJECT_VERIFY_MARK_BYTES;
	uint8_t mark[8];

	for (unsigned i = 0; i < 8; i++)
		mark[i] = (uint8_t)(INJECT_STAMP_MARK >> (56 - 8 * i));
	return memmem(data, bytes, mark, sizeof(mark));
}

/* NULL: not one that is looked at, or one too many. */
static struct inject_verify_stream *stream_of(struct inject_verify *verify, uint64_t seed)
{
	struct inject_verify_stream *stream;

	if (verify->one_seed && seed != verify->seed)
		return NULL;
	for (uint32_t i = 0; i < verify->stream_count; i++) {
		if (verify->streams[i].seed == seed)
			return &verify->streams[i];
	}
	if (verify->stream_count == INJECT_VERIFY_STREAMS_MAX) {
		verify->crowded++;
		return NULL;
	}
	stream = &verify->streams[verify->stream_count++];
	stream->seed = seed;
	return stream;
}

bool inject_verify_see(struct inject_verify *verify, const uint8_t *data, uint32_t captured,
		       uint64_t now_ns)
{
	const uint8_t *mark = find_mark(data, captured);
	struct inject_verify_stream *stream;
	uint64_t number;

	verify->frames++;
	if (!mark)
		return false;
	if (captured - (uint32_t)(mark - data) < sizeof(struct inject_stamp)) {
		verify->damaged++;
		return false;
	}
	number = get64(mark + offsetof(struct inject_stamp, number));
	if (number > INJECT_VERIFY_NUMBER_MAX) {
		verify->damaged++;
		return false;
	}
	stream = stream_of(verify, get64(mark + offsetof(struct inject_stamp, seed)));
	if (!stream)
		return false;
	verify->stamped++;
	stream->received++;
	see_number(stream, number);
	see_latency(stream,
		    (int64_t)(now_ns - get64(mark + offsetof(struct inject_stamp, sent_ns))));
	assert(stream->received == stream->distinct + stream->duplicated + stream->late);
	return true;
}

bool inject_verify_is_good(const struct inject_verify *verify)
{
	for (uint32_t i = 0; i < verify->stream_count; i++) {
		const struct inject_verify_stream *stream = &verify->streams[i];

		if (inject_verify_lost(stream) || stream->duplicated || stream->reordered)
			return false;
	}
	return verify->stamped && !verify->damaged && !verify->crowded;
}
