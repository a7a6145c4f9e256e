/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_unpack.h - compressed files, unpacked by the program that made them: gzip, zstd, xz, lz4.
 *
 * The program is a child that reads the file and writes into a pipe. It is found by PATH.
 */
#ifndef INJECT_UNPACK_H
#define INJECT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INJECT_UNPACK_MAGIC_BYTES 6u

struct inject_unpack {
	const char *program; /* NULL: nothing is unpacked */
	pid_t pid;	     /* 0: ended, and waited for */
	int said_fd;	     /* what it wrote to its standard error */
	int status;	     /* of waitpid(), when it has ended */
};

/** The program for a file that begins with these bytes; NULL: it is not compressed. */
const char *inject_unpack_program(const uint8_t *magic, size_t bytes);

/**
 * Starts @program on @fd, from where that stands. Takes @fd. Returns the end of a pipe to read from, or -errno (ENOENT:
 * the program is not installed).
 */
int inject_unpack_start(struct inject_unpack *unpack, const char *program, int fd);

/** The pipe is at its end: waits for the child. */
void inject_unpack_ended(struct inject_unpack *unpack);

/** True when the child has ended and was not content with the file; *why gets what it said. */
bool inject_unpack_failed(const struct inject_unpack *unpack, char *why, size_t bytes);

/** Ends the child, wherever it is. Accepts one that was never started. */
void inject_unpack_stop(struct inject_unpack *unpack);

#endif
