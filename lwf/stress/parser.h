/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parser.h - what the parts of the parser share: parser.c (problems, tokens), parse.c (files,
 * statements), parse_declare.c (links, clients, variables), parse_traffic.c (traffic), parse_fault.c
 * (faults, what is done to stacks), parse_expr.c (numbers, conditions).
 *
 * Recursive descent with one token of look-ahead. The first problem ends the reading: from then on
 * every token is END, so that all loops end by themselves and no caller has to ask.
 */
#ifndef LWF_STRESS_PARSER_H
#define LWF_STRESS_PARSER_H

#include "lexer.h"
#include "scenario.h"

struct stress_arena_block {
	struct stress_arena_block *next;
	size_t used, bytes;
};

struct stress_arena {
	struct stress_arena_block *blocks;
};

/** Something that a name in an expression stands for. */
struct stress_symbol {
	char name[STRESS_NAME_BYTES];
	const struct stress_expr *value; /* of a variable; NULL: it is kept under a number: */
	uint32_t counter;
	bool remembered; /* not a repeat's */
	enum stress_unit unit;
	struct stress_symbol *next; /* older */
};

struct stress_parser {
	const struct stress_source *source;
	struct stress_scenario *scenario;
	struct stress_problem *problem;
	struct stress_setting *settings;
	size_t setting_count;
	struct stress_lexer lexer;
	struct stress_token token; /* the next one, not yet taken */
	size_t taken_end;	   /* behind the last token that was taken */
	struct stress_symbol *symbols;
	uint32_t depth;	 /* blocks and files that are open */
	uint32_t blocks; /* blocks alone */
	uint32_t expr_depth;
	uint32_t variables;
	uint32_t includes; /* files that were read, but the first */
	size_t read_bytes; /* in all files */
	unsigned worlds;   /* STRESS_IN_* in which this statement is done */
	bool has_header, has_statements;
	int err; /* not 0: it has failed */
};

/* ---- parser.c ---- */

/** Zeroed memory of the scenario's. NULL, with the problem noted, when there is none. */
void *stress_take(struct stress_parser *parser, size_t bytes);

struct stress_at stress_here(const struct stress_parser *parser);

/** Notes what is wrong at @at, unless something was before. @next may be NULL. */
void stress_wrong(struct stress_parser *parser, struct stress_at at, const char *next,
		  const char *why, ...) __attribute__((format(printf, 4, 5)));

/** Likewise at the next token, which it names: "WANTED is wanted, not 'x'". */
void stress_wanted(struct stress_parser *parser, const char *wanted, const char *next);

/** From here on tokens are those of @text (lent), called @name; what is no UTF-8 is wrong. */
void stress_begin_text(struct stress_parser *parser, const char *name, const char *text,
		       size_t bytes);

/** Takes the next token. */
void stress_take_token(struct stress_parser *parser);

bool stress_at_word(const struct stress_parser *parser, enum stress_keyword keyword);
bool stress_at_sign(const struct stress_parser *parser, char sign);

/** Takes the keyword (sign) when it is the next token. */
bool stress_accept(struct stress_parser *parser, enum stress_keyword keyword);
bool stress_accept_sign(struct stress_parser *parser, char sign);

/** Takes it, or notes that it is wanted. */
void stress_need(struct stress_parser *parser, enum stress_keyword keyword);
void stress_need_sign(struct stress_parser *parser, char sign);

/** Copies the next token, a word (a string), to @text; @what says what it is for. */
bool stress_need_name(struct stress_parser *parser, const char *what, char *text, size_t bytes);
bool stress_need_string(struct stress_parser *parser, const char *what, char *text, size_t bytes);

/** Reads a raw word at the next token. */
bool stress_need_raw(struct stress_parser *parser, const char *what, char *text, size_t bytes);

/** Text of the next token as C string (cut when it is too long). */
const char *stress_token_text(const struct stress_parser *parser, char *text, size_t bytes);

/** True at the end of a statement: of its line, file or block. */
bool stress_at_end(const struct stress_parser *parser);

/** The words of the faults, for stress_suggest(). */
const char *stress_nth_fault(const void *context, unsigned i);

/** "did you mean 'x'?" for the closest of the words that next(context, i) gives, else NULL. */
const char *stress_suggest(const char *word, const char *(*nth)(const void *context, unsigned i),
			   const void *context, char *text, size_t bytes);

/* ---- parse_expr.c ---- */

/** A number of @unit, maybe a range; @what names it in problems. */
struct stress_expr *stress_need_number(struct stress_parser *parser, enum stress_unit unit,
				       const char *what);

/** A name for something that has none yet: not a state's, a quantity's, or one that is there. */
bool stress_need_new_name(struct stress_parser *parser, const char *what, char *text, size_t bytes);

/** What was remembered under @name; NULL: nothing. */
const struct stress_symbol *stress_remembered(const struct stress_parser *parser, const char *name);

/** A number or range as it is written, of any unit ("let"). */
struct stress_expr *stress_need_value(struct stress_parser *parser);

/** A condition. */
struct stress_expr *stress_need_condition(struct stress_parser *parser);

/** lan0, lan0.lower, lan0/inject, c1, a daemon: one of @kinds (bits). */
bool stress_need_object(struct stress_parser *parser, unsigned kinds, struct stress_object *object);

/** Whether the next token names something that was declared, of one of @kinds. */
bool stress_is_object(const struct stress_parser *parser, unsigned kinds);

/** A constant that is read now: no counter, no range, not less than 0. */
bool stress_need_constant(struct stress_parser *parser, enum stress_unit unit, const char *what,
			  int64_t *value);

/* ---- parse_declare.c: each begins behind its first word ---- */

void stress_parse_header(struct stress_parser *parser);
void stress_parse_let(struct stress_parser *parser);
void stress_parse_profile(struct stress_parser *parser);
void stress_parse_link(struct stress_parser *parser);
void stress_parse_client(struct stress_parser *parser);
void stress_parse_daemon(struct stress_parser *parser);

/* ---- parse_traffic.c ---- */

/** Likewise. */
void stress_parse_traffic(struct stress_parser *parser);

/** At the end: a daemon that no link has is most likely a fault of one, mistyped. */
void stress_check_daemons(struct stress_parser *parser);

/* ---- parse_fault.c ---- */

/** Behind "fault"; or behind @first, which is the first of its words ("link", "client" ...). */
void stress_parse_fault(struct stress_parser *parser, struct stress_statement *statement,
			const char *first);
void stress_parse_stack(struct stress_parser *parser, struct stress_statement *statement);
void stress_parse_filter(struct stress_parser *parser, struct stress_statement *statement);

/** What a fault or quantity of @worlds may be: noted as wrong when this place is for more. */
void stress_need_worlds(struct stress_parser *parser, struct stress_at at, unsigned worlds,
			const char *what);

#endif
