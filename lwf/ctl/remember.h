/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remember.h - an answer for ever: a rule in the file of the stack's rules.
 */
#ifndef LWF_CTL_REMEMBER_H
#define LWF_CTL_REMEMBER_H

#include <stdint.h>

#include <lwf/decide.h>

#include "wire.h"

/**
 * Puts @rule into @text of @bytes before its line @line (0, or behind the end: before the first one), under a
 * comment that says where it comes from. malloc'ed, *made bytes long; NULL without memory.
 */
char *remember_insert(const char *text, size_t bytes, uint32_t line, const char *rule,
		      size_t *made);

/**
 * Writes @rule into the file of rules of the module that @at names, before line @line, and has it read again. When
 * the daemon refuses it the file is as it was. 0, or -errno with @error. @file (of @file_bytes) gets its name.
 */
int remember_rule(const struct lwf_verdict_options *at, uint32_t line, const char *rule, char *file,
		  size_t file_bytes, struct lwf_error *error);

#endif
