/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_options.h - the command line of lwf-inject.
 */
#ifndef INJECT_OPTIONS_H
#define INJECT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/inject.h>

#include "inject_pace.h"
#include "inject_rewrite.h"
#include "inject_template.h"

#define INJECT_PROGRAM "lwf-inject"

struct inject_options {
	const char *stack;  /* NULL with --nic */
	const char *nic;    /* NULL: through a daemon */
	const char *file;   /* "-": standard input; with a template its text */
	const char *verify; /* the interface to listen on; NULL: send */
	bool has_seed;
	uint64_t seed;		  /* of the only stream to verify */
	uint64_t for_ns, idle_ns; /* of verify; 0: without end */
	bool has_template;
	struct inject_template template;
	const char *control;
	bool receive;
	bool wait_when_paused;
	bool send_truncated;
	bool json;
	uint64_t loops;	      /* 0: endless */
	uint64_t limit;	      /* frames in total; UINT64_MAX: all */
	uint64_t duration_ns; /* from the first frame on; 0: to the end */
	struct inject_pace_config pace;
	struct inject_rewrite rewrite; /* of captures only */
};

/**
 * Reads the command line. Returns true when the program is to go on; false when it is to end with
 * *code (help, version, or an error that was told).
 */
bool inject_options_read(int argc, char **argv, struct inject_options *options, int *code);

#endif
