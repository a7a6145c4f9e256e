/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_stream.h - records read by a thread while others are sent.
 */
#ifndef INJECT_STREAM_H
#define INJECT_STREAM_H

#include "inject_capture.h"

struct inject_stream;

/**
 * Starts a thread that reads @capture to its end, and then @path again as often as @loops says. Takes @capture, also on
 * failure. @quit is what inject_capture_open() was given; stopping sets it.
 */
int inject_stream_start(struct inject_capture *capture, const char *path,
			const struct inject_rewrite *rewrite, uint64_t loops,
			const atomic_int *stop, atomic_int *quit, struct inject_stream **stream);

/** Ends the thread and frees all. Accepts NULL. */
void inject_stream_stop(struct inject_stream *stream);

/** As inject_source_peek() and inject_source_pass(). @error gets the fault once END is told. */
enum inject_source_state inject_stream_peek(struct inject_stream *stream,
					    struct inject_record *records, uint32_t max,
					    uint32_t *count, struct lwf_error *error);
void inject_stream_pass(struct inject_stream *stream, uint32_t count);

/** Readable when a WAIT may be over. */
int inject_stream_fd(const struct inject_stream *stream);

#endif
