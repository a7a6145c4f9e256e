/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_source.h - where lwf-inject takes its frames from: pcap and pcapng files, pipes, templates.
 *
 * A file of up to INJECT_MEMORY_BYTES is read whole, once, before anything is sent, and looped in
 * memory. Longer files and pipes are read by a thread of the source while they are sent, so that
 * a pipe that is silent holds nothing up. Standard input is looped only if it fits in memory.
 *
 * Threads: all functions are for one thread, the caller's.
 */
#ifndef INJECT_SOURCE_H
#define INJECT_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lwf/control.h>

#include "inject_rewrite.h"
#include "inject_template.h"

#define INJECT_MEMORY_BYTES (256u << 20)

struct inject_record {
	const uint8_t *data; /* captured bytes; valid until the record is passed */
	uint32_t captured;   /* bytes at data */
	uint32_t length;     /* bytes that the frame had; more than captured: cut short */
	uint64_t stamp_ns;   /* when it was captured, grows from loop to loop */
	bool begins_pass;    /* the first one of a loop */
};

enum inject_source_state {
	INJECT_SOURCE_MORE, /* records are there */
	INJECT_SOURCE_WAIT, /* none now, maybe later: wait for inject_source_fd() */
	INJECT_SOURCE_END,  /* none any more; inject_source_fault() tells whether that is right */
};

struct inject_source;

/**
 * Opens @path ("-": standard input) to be read @loops times (0: without end). Checks that it is a capture of Ethernet
 * frames; of a file that fits in memory all records are checked. Returns 0, or -errno with @error filled (exit 2) when
 * there is nothing good in it to be sent. Frames are changed by @rewrite, which is lent (NULL: they are not). Reading ends early, with -EINTR, when *@stop is set. The caller closes it.
 */
int inject_source_open(const char *path, const struct inject_rewrite *rewrite, uint64_t loops,
		       const atomic_int *stop, struct inject_source **source,
		       struct lwf_error *error);

/**
 * Opens a source of frames that are made of @template, @loops times its count (either 0: without end); without gaps.
 * Lends @template. Returns 0 or -ENOMEM with @error filled. The caller closes it.
 */
int inject_source_open_template(const struct inject_template *template, uint64_t loops,
				struct inject_source **source, struct lwf_error *error);

/** Accepts NULL. */
void inject_source_close(struct inject_source *source);

/** Fills up to @max records to come, without passing them, and says what there is behind *count = 0. */
enum inject_source_state inject_source_peek(struct inject_source *source,
					    struct inject_record *records, uint32_t max,
					    uint32_t *count);

/** Passes the next @count of the records peeked at. */
void inject_source_pass(struct inject_source *source, uint32_t count);

/** Readable when a WAIT may be over; -1 for a source that never waits. */
int inject_source_fd(const struct inject_source *source);

/** Records in all, loops included; 0: not known, or without end. */
uint64_t inject_source_total(const struct inject_source *source);

/** From the first record's time stamp to the last one's, of one loop; 0: not known. */
uint64_t inject_source_span_ns(const struct inject_source *source);

/** What is wrong with the input behind the last good record (exit 2); NULL: nothing. */
const struct lwf_error *inject_source_fault(const struct inject_source *source);

#endif
