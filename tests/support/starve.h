/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * starve.h - allocations of a test program that fail: all of them, or the n-th from now.
 *
 * Included by one file of a program, it takes the place of the C library's malloc, calloc and realloc, also
 * for the libraries that the program uses. A sanitizer has an allocator of its own: then nothing fails, and
 * STARVE_WORKS is 0.
 */
#ifndef LWF_TESTS_STARVE_H
#define LWF_TESTS_STARVE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STARVE_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STARVE_WORKS 0
#endif
#endif
#ifndef STARVE_WORKS
#define STARVE_WORKS 1
#endif

/** All fail; the n-th from now fails (0: none); how many were asked for, and how many failed. */
static struct {
	bool all;
	uint64_t nth, asked, failed;
} starve;

#if STARVE_WORKS
void *starve_malloc(size_t bytes) __asm__("__libc_malloc");
void *starve_calloc(size_t count, size_t bytes) __asm__("__libc_calloc");
void *starve_realloc(void *memory, size_t bytes) __asm__("__libc_realloc");

static bool starve_fails(void)
{
	starve.asked++;
	if (!starve.all && (starve.nth == 0 || --starve.nth > 0))
		return false;
	starve.failed++;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t bytes)
{
	return starve_fails() ? NULL : starve_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return starve_fails() ? NULL : starve_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	return starve_fails() ? NULL : starve_realloc(memory, bytes);
}
#endif

#endif
