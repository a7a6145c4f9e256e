/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_library.h - the library that lies to an lwfd (shim/faults.c): where it is, how a program is started
 * with it, and what is written in its page for a fault.
 */
#ifndef LWF_STRESS_FAULT_LIBRARY_H
#define LWF_STRESS_FAULT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocabulary.h"

struct fault_page;

#define STRESS_LIBRARY "lwf-faults.so"
#define STRESS_LIBRARY_MEM \
	"lwf-faults" /* name of the page that a program of `start` brings along */

/** Its path: beside this program, or where it was installed. False: it is not there. */
bool stress_library_find(char *path, size_t bytes);

/** The number of an errno that a send is known to give ("ENOBUFS"). 0: it is none. */
int stress_errno_named(const char *name);

/** From now on sends of the upper or lower side end with @error (0: they do not), a @share of them; a lap takes @lap_ns (0: no time). */
void stress_library_send(struct fault_page *page, bool upper, int error, uint32_t share,
			 uint64_t lap_ns);

/** A fault of memory, descriptors or the clock, or its end; @number is its parameter. */
void stress_library_do(struct fault_page *page, enum stress_fault fault, int64_t number);

/** Becomes the program argv[0], with the library in it. Returns only when it cannot: an exit code. */
int stress_become(char **argv);

#endif
