/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prompts.h - what a person is asked, all at once, and what was said to be remembered.
 *
 * Pure: no descriptor and no clock. ask.c shows prompts and hears answers; here is what they mean.
 */
#ifndef LWF_CTL_PROMPTS_H
#define LWF_CTL_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/decide.h>

#define PROMPTS_MAX	   256u /* at a time; who is not shown is decided by its deadline */
#define PROMPTS_REMEMBERED 256u /* programs; the oldest makes room */
#define PROMPTS_PROGRAM_NS \
	600000000000ull /* that a program is remembered, when nothing else is said */
#define PROMPTS_ONCE_NS	  60000000000ull
#define PROMPT_TEXT_BYTES 512u

struct prompt {
	uint32_t number; /* counts up: what the person calls it */
	struct lwf_ask ask;
};

/** For how much an answer is. */
enum prompt_for {
	PROMPT_ONCE,	/* this conversation, for PROMPTS_ONCE_NS */
	PROMPT_FLOW,	/* this conversation, to its end */
	PROMPT_PROGRAM, /* all of this program, for a time */
	PROMPT_ALWAYS,	/* all of this program, by a rule in the file */
};

struct prompt_memory {
	char program[LWF_OWNER_EXE_BYTES]; /* its path, or its command when it has none */
	uint32_t uid;
	uint8_t action;
	uint64_t until_ns; /* UINT64_MAX: for ever */
};

struct prompts {
	struct prompt list[PROMPTS_MAX]; /* by number */
	uint32_t count, last_number;
	struct prompt_memory memory[PROMPTS_REMEMBERED];
	uint32_t memories;
	uint64_t unshown; /* asks for which there was no room */
};

/** What a person says: "3 a program 10m". */
struct prompt_answer {
	uint32_t number; /* 0: the oldest */
	enum lwf_verdict_action action;
	enum prompt_for what;
	uint64_t time_ns; /* PROGRAM */
};

/** Reads an answer. 0, or -EINVAL with what is wrong in @why. */
int prompts_read(const char *line, struct prompt_answer *answer, char *why, size_t why_bytes);

/** True: what was said of its program answers @ask, too; @tell is that. */
bool prompts_remembered(const struct prompts *prompts, const struct lwf_ask *ask, uint64_t now_ns,
			struct lwf_tell *tell);

/** One more. NULL when there is no room. */
const struct prompt *prompts_add(struct prompts *prompts, const struct lwf_ask *ask);

/** Its owner is known now; NULL when it is not there. */
const struct prompt *prompts_owner(struct prompts *prompts, uint64_t ask,
				   const struct lwf_owner *owner);

/** By its number (0: the oldest), or by that of its ask; NULL: not there. */
const struct prompt *prompts_find(const struct prompts *prompts, uint32_t number);
const struct prompt *prompts_of_ask(const struct prompts *prompts, uint64_t ask);

/** It needs no answer any more. False: it was not there. */
bool prompts_remove(struct prompts *prompts, uint64_t ask);

/** Takes one away whose deadline is over, into @gone. False: there is none. */
bool prompts_expire(struct prompts *prompts, uint64_t now_ns, struct prompt *gone);

/**
 * Answers prompt @answer->number, and all others of its program when it is for the program; remembers it. Fills
 * @tells (PROMPTS_MAX) and takes those prompts away. Returns how many; 0: there is no such prompt.
 */
uint32_t prompts_answer(struct prompts *prompts, const struct prompt_answer *answer,
			uint64_t now_ns, struct lwf_tell *tells);

/** "tcp 10.0.0.1:4000 > 10.0.0.2:80 curl (pid 12, uid 0, /usr/bin/curl)": printable whatever it is. */
void prompts_describe(const struct prompt *prompt, char *text, size_t bytes);

/**
 * The rule that says always what was said of @ask, in the language of lwf-rules(5), without an end of line. It
 * names the program when that is known, else the other end. False: none, as an allow of a program whose path
 * cannot stand in a rule would be one for everybody.
 */
bool prompts_rule(const struct lwf_ask *ask, enum lwf_verdict_action action, char *text,
		  size_t bytes);

#endif
