/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_capture.h - one pass over a capture file, record by record, each checked.
 */
#ifndef INJECT_CAPTURE_H
#define INJECT_CAPTURE_H

#include "inject_source.h"

struct inject_capture;

/**
 * Opens @path and reads its header. Frames are changed by @rewrite, which is lent until the end (NULL: they are not).
 * 0, or -errno with @error (exit 2). Reads give up with -EINTR once *@stop (may be NULL)
 * or *@quit is set.
 */
int inject_capture_open(const char *path, const struct inject_rewrite *rewrite,
			const atomic_int *stop, const atomic_int *quit,
			struct inject_capture **capture, struct lwf_error *error);

/** Accepts NULL. */
void inject_capture_close(struct inject_capture *capture);

/**
 * The next record, lent until the next call. 1; 0 at a proper end; -EINTR; -EBADMSG with @error for a file that is cut
 * off or lies.
 */
int inject_capture_next(struct inject_capture *capture, struct inject_record *record,
			struct lwf_error *error);

/** Size of the file; 0 for what is no regular file. */
uint64_t inject_capture_file_bytes(const struct inject_capture *capture);

#endif
