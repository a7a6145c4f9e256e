/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h - what pieces allocate, and who touches it when it is freed.
 */
#ifndef LWF_MUSEUM_MEMORY_H
#define LWF_MUSEUM_MEMORY_H

#include <stdint.h>

/** Takes the signal SIGSEGV for good. @touched is called, once a page, at the first touch after its free. */
void memory_open(void (*touched)(uint32_t allocation));

/** Forgets what the last run allocated. */
void memory_begin(void);

#endif
