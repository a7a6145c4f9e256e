/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.h - what all command line programs of the project do alike.
 *
 * Errors and progress go to stderr, results to stdout. An error is one line, "PROGRAM: thing:
 * reason; next step".
 * `--json` prints one compact object as the last line. Options may stand before or after operands:
 * programs use getopt_long() with a leading ':' in the short options, and lwf_cli_bad_option() for
 * what it refuses.
 */
#ifndef LWF_CLI_H
#define LWF_CLI_H

#include "wire.h"

/**
 * First act of a program: takes the places of standard descriptors that it was started without, so
 * that the next file to be opened, a device maybe, does not get one and with it what is printed.
 * With --json among the words, a program that ends with an error and has printed no object prints
 * {"schema":1,"error":{"exit":N,"what":"...","why":"...","next":"..."}} at its end.
 */
void lwf_cli_begin(int argc, char *const argv[]);

/** Writes the line of @error for @program ("lwfctl") to stderr and returns its exit code. */
int lwf_cli_error(const char *program, const struct lwf_error *error);

/** The same in one call; @why is a format, @next may be NULL. Returns @code. */
int lwf_cli_fail(const char *program, enum lwf_exit code, const char *what, const char *next,
		 const char *why, ...) __attribute__((format(printf, 5, 6)));

/** The same for a line that is already "thing: reason; next step". Returns @code. */
int lwf_cli_line(const char *program, enum lwf_exit code, const char *line);

/** A line of notice to stderr: "PROGRAM: text". */
void lwf_cli_note(const char *program, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * Says what is wrong with the option getopt_long() has just refused: @got is what it returned ('?'
 * or ':'). Set opterr to 0 before. Returns LWF_EXIT_USAGE.
 */
int lwf_cli_bad_option(const char *program, int got, char *const argv[]);

/** Prints "PROGRAM VERSION" (or a JSON object with @json) to stdout. Returns LWF_EXIT_OK. */
int lwf_cli_version(const char *program, bool json);

/**
 * Prints @object to stdout as one compact line, with "schema":1 as its first member, and flushes.
 * Takes @object. Returns 0 or -errno (a full disk, a closed pipe).
 */
int lwf_cli_json(json_t *object);

/** Flushes stdout and says on stderr what failed. Returns @code, or LWF_EXIT_FALSE when the output
 * was lost. */
int lwf_cli_finish(const char *program, int code);

#endif
