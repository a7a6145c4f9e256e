/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_library.h - the library that lies to an lwfd (shim/faults.c): where it is, and how a program is
 * started with it.
 */
#ifndef LWF_STRESS_FAULT_LIBRARY_H
#define LWF_STRESS_FAULT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#define STRESS_LIBRARY "lwf-faults.so"
#define STRESS_LIBRARY_MEM \
	"lwf-faults" /* name of the page that a program of `start` brings along */

/** Its path: beside this program, or where it was installed. False: it is not there. */
bool stress_library_find(char *path, size_t bytes);

/** The number of an errno that a send is known to give ("ENOBUFS"). 0: it is none. */
int stress_errno_named(const char *name);

/** Becomes the program argv[0], with the library in it. Returns only when it cannot: an exit code. */
int stress_become(char **argv);

#endif
