/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the command line of lwfd.
 */
#ifndef LWF_DAEMON_OPTIONS_H
#define LWF_DAEMON_OPTIONS_H

#include <stdio.h>

#include "config.h"

struct lwf_daemon_option {
	const char *name;
	const char *argument; /* NULL: it takes none */
	const char *help;
};

/** The options in the order of --help; ends with a NULL name. */
extern const struct lwf_daemon_option lwf_daemon_options[];

/**
 * Fills @config from the command line. Returns -1 when the daemon is to run, or the exit code that
 * the program ends with (help, version, or an error that was printed).
 */
int lwf_daemon_options_read(int argc, char **argv, struct lwf_config *config);

/** What --help prints. */
void lwf_daemon_help(FILE *out);

#endif
