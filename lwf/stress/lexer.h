/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lexer.h - a scenario's text as tokens, and the words that mean something in it.
 *
 * A statement ends with its line (or ';'), so the end of a line is a token; inside parentheses, and
 * behind a backslash, it is a blank. A character that begins no token makes a BAD one, which is an
 * error only for who wants a token there: some parts (frame templates, MACs) are read as raw words.
 */
#ifndef LWF_STRESS_LEXER_H
#define LWF_STRESS_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** X(symbol, word): every word with a meaning; docs/scenarios.md explains each. */
#define STRESS_KEYWORD_LIST(X)        \
	X(SCENARIO, "scenario")       \
	X(SEED, "seed")               \
	X(INCLUDE, "include")         \
	X(LET, "let")                 \
	X(PROFILE, "profile")         \
	X(LINK, "link")               \
	X(UPPER, "upper")             \
	X(LOWER, "lower")             \
	X(TAP, "tap")                 \
	X(NONE, "none")               \
	X(VETH, "veth")               \
	X(MTU, "mtu")                 \
	X(FILTER, "filter")           \
	X(PEER, "peer")               \
	X(QDISC, "qdisc")             \
	X(KERNEL, "kernel")           \
	X(CLIENT, "client")           \
	X(ON, "on")                   \
	X(WHEN_PAUSED, "when-paused") \
	X(WAIT, "wait")               \
	X(FAIL, "fail")               \
	X(TRAFFIC, "traffic")         \
	X(FROM, "from")               \
	X(RATE, "rate")               \
	X(BURST, "burst")             \
	X(COUNT, "count")             \
	X(DIRECTION, "direction")     \
	X(CUT, "cut")                 \
	X(SEGMENTS, "segments")       \
	X(OFFLOAD, "offload")         \
	X(SEND, "send")               \
	X(RECEIVE, "receive")         \
	X(START, "start")             \
	X(STOP, "stop")               \
	X(ALL, "all")                 \
	X(DRAIN, "drain")             \
	X(WITHIN, "within")           \
	X(AFTER, "after")             \
	X(EXPECT, "expect")           \
	X(ALWAYS, "always")           \
	X(WHILE, "while")             \
	X(REPEAT, "repeat")           \
	X(FOR, "for")                 \
	X(AS, "as")                   \
	X(ONLY, "only")               \
	X(SIM, "sim")                 \
	X(LIVE, "live")               \
	X(FAULT, "fault")             \
	X(DEVICE, "device")           \
	X(DAEMON, "daemon")           \
	X(STACK, "stack")             \
	X(INSERT, "insert")           \
	X(REMOVE, "remove")           \
	X(SET, "set")                 \
	X(NOTE, "note")               \
	X(REMEMBER, "remember")       \
	X(AND, "and")                 \
	X(OR, "or")                   \
	X(NOT, "not")

enum stress_keyword {
#define X(sym, word) STRESS_KEYWORD_##sym,
	STRESS_KEYWORD_LIST(X)
#undef X
		STRESS_KEYWORDS /* none of them */
};

enum stress_token_kind {
	STRESS_TOKEN_END,      /* of the file */
	STRESS_TOKEN_LINE,     /* end of a line, or ';' */
	STRESS_TOKEN_WORD,     /* letters, digits, '_', '-' */
	STRESS_TOKEN_NUMBER,   /* a number with its unit, unread: "20ms", "5%" */
	STRESS_TOKEN_STRING,   /* "..." without escapes, on one line */
	STRESS_TOKEN_RANGE,    /* .. */
	STRESS_TOKEN_EQUAL,    /* == */
	STRESS_TOKEN_UNEQUAL,  /* != */
	STRESS_TOKEN_AT_MOST,  /* <= */
	STRESS_TOKEN_AT_LEAST, /* >= */
	STRESS_TOKEN_SIGN,     /* one of . / ( ) { } , = < > + - * : its first byte */
	STRESS_TOKEN_BAD,
};

struct stress_token {
	enum stress_token_kind kind;
	enum stress_keyword keyword; /* of a WORD */
	uint32_t line, column;
	size_t offset, length; /* in the text; a STRING without its quotes */
};

struct stress_lexer {
	const char *file;
	const char *text; /* lent */
	size_t bytes, at;
	size_t line_start;
	uint32_t line;
	uint32_t parentheses;
};

void stress_lexer_init(struct stress_lexer *lexer, const char *file, const char *text,
		       size_t bytes);

/** The next token. Behind the end it is END again and again. */
void stress_lexer_next(struct stress_lexer *lexer, struct stress_token *token);

/**
 * Goes back to @token, which was the last one taken, and reads a raw word there: up to a blank, the end of the line, ';',
 * '}' or '#'. Length 0 when there is none.
 */
void stress_lexer_raw(struct stress_lexer *lexer, const struct stress_token *token,
		      struct stress_token *word);

/** Keyword of a word, or STRESS_KEYWORDS. */
enum stress_keyword stress_keyword_find(const char *word, size_t length);

const char *stress_keyword_name(enum stress_keyword keyword);

#endif
