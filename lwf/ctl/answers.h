/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answers.h - the language of `lwfctl verdict serve`: lines of JSON to a program, and its answers.
 *
 * Pure: text and structs, no descriptor. lwfctl(1), VERDICTS, has the language for users; what stands behind it is lwf-verdict(3).
 */
#ifndef LWF_CTL_ANSWERS_H
#define LWF_CTL_ANSWERS_H

#include <stddef.h>

#include <jansson.h>

#include <lwf/decide.h>

/** What a program is told of an event: one object, the caller's; NULL without memory. */
json_t *answers_event(const struct lwf_verdict_event *event, uint64_t now_ns);

enum answer_kind {
	ANSWER_TELL,   /* tell */
	ANSWER_UPDATE, /* tell: ask is the flow, ttl_ns and action count */
	ANSWER_REVOKE, /* revoke */
};

struct answer {
	enum answer_kind kind;
	struct lwf_tell tell;
	struct lwf_revoke revoke;
};

/** Reads one line of @bytes, without its end. 0, or -EINVAL with what is wrong with it in @why. */
int answers_read(const char *line, size_t bytes, struct answer *answer, char *why,
		 size_t why_bytes);

/** "allow" and its like; -1: no such word. */
int answers_action(const char *word);

/** The number of an ask as it is written: hexadecimal. Returns @text. */
const char *answers_number(uint64_t ask, char *text, size_t bytes);

#endif
