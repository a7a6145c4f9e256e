/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - texts from outside (files, their names, command lines), which need not be UTF-8.
 *
 * Scenarios that are not are refused. Names of files may hold anything, and what is printed into a
 * buffer may be cut in the middle of a character: both are made valid before they are JSON, which
 * takes nothing else.
 */
#ifndef LWF_STRESS_TEXT_H
#define LWF_STRESS_TEXT_H

#include <jansson.h>
#include <stddef.h>

/** How many of @bytes, from the first on, are whole characters of UTF-8 other than 0. */
size_t stress_text_valid(const char *text, size_t bytes);

/** Takes away a last character that was cut. Returns @text. */
char *stress_text_trim(char *text);

/** In place of each byte that belongs to no character '?'; one that was cut at the end goes. Returns @text. */
char *stress_text_mend(char *text);

/** @text as JSON, mended. NULL without memory. The caller takes it. */
json_t *stress_text_json(const char *text);

#endif
