/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parser.c - what all parts of the parser stand on: problems with their caret, memory, tokens, names.
 */
#include "parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SHOWN_COLUMNS 100u /* of a line that holds a problem */

/* ---- problems ---- */

/* Writes line @number of the text with a caret under @column; tabs become blanks. */
static void show_line(const struct stress_lexer *lexer, uint32_t number, uint32_t column, char *out,
		      size_t bytes)
{
	size_t at = 0, length = 0, skip = 0, n = 0;

	for (uint32_t line = 1; line < number && at < lexer->bytes; at++)
		line += lexer->text[at] == '\n';
	while (at + length < lexer->bytes && lexer->text[at + length] != '\n')
		length++;
	if (column > SHOWN_COLUMNS)
		skip = column - SHOWN_COLUMNS / 2;
	if (length > skip + SHOWN_COLUMNS)
		length = skip + SHOWN_COLUMNS;
	if (bytes < length - skip + SHOWN_COLUMNS + 16)
		return;
	out[n++] = '\n';
	out[n++] = ' ';
	for (size_t i = skip; i < length; i++) {
		unsigned char c = (unsigned char)lexer->text[at + i];

		out[n++] = c >= 0x20 && c < 0x7f ? (char)c : (c >= 0x80 ? '?' : ' ');
	}
	out[n++] = '\n';
	for (size_t i = skip; i < column; i++)
		out[n++] = ' ';
	out[n++] = '^';
	out[n] = '\0';
}

static void note_problem(struct stress_parser *parser, struct stress_at at, const char *next,
			 const char *why)
{
	struct stress_problem *problem = parser->problem;
	size_t used;

	parser->err = -EINVAL;
	parser->token.kind = STRESS_TOKEN_END;
	problem->at = at;
	snprintf(problem->text, sizeof(problem->text) / 2, "%s:%u:%u: %s%s%s", at.file, at.line,
		 at.column, why, next ? "; " : "", next ? next : "");
	used = strlen(stress_text_trim(problem->text));
	if (at.file == parser->lexer.file)
		show_line(&parser->lexer, at.line, at.column, problem->text + used,
			  sizeof(problem->text) - used);
	problem->at.file = NULL; /* that text goes with the scenario */
}

void stress_wrong(struct stress_parser *parser, struct stress_at at, const char *next,
		  const char *why, ...)
{
	char text[STRESS_PROBLEM_BYTES / 3];
	va_list args;

	if (parser->err)
		return;
	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	note_problem(parser, at, next, text);
}

static void describe_token(const struct stress_parser *parser, char *text, size_t bytes)
{
	char word[48];

	switch (parser->token.kind) {
	case STRESS_TOKEN_END:
		snprintf(text, bytes, "the end of the file");
		break;
	case STRESS_TOKEN_LINE:
		snprintf(text, bytes, "the end of the line");
		break;
	case STRESS_TOKEN_BAD:
		if (parser->lexer.text[parser->token.offset] == '"') {
			snprintf(text, bytes, "a text without its second '\"'");
			break;
		}
		/* fall through */
	default:
		snprintf(text, bytes, "'%s'", stress_token_text(parser, word, sizeof(word)));
	}
}

void stress_wanted(struct stress_parser *parser, const char *wanted, const char *next)
{
	char found[64];

	if (parser->err)
		return;
	describe_token(parser, found, sizeof(found));
	stress_wrong(parser, stress_here(parser), next, "%s is wanted, not %s", wanted, found);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How many letters have to be changed, added or left out. */
static size_t distance(const char *a, const char *b)
{
	size_t row[STRESS_NAME_BYTES + 1], n = strlen(b);

	if (n > STRESS_NAME_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t left_up = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j], best = left_up + (lower(a[i - 1]) != lower(b[j - 1]));

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			left_up = up;
		}
	}
	return row[n];
}

const char *stress_suggest(const char *word, const char *(*nth)(const void *context, unsigned i),
			   const void *context, char *text, size_t bytes)
{
	size_t best = strlen(word) / 3 + 1;
	const char *name, *found = NULL;

	for (unsigned i = 0; (name = nth(context, i)); i++) {
		size_t far = distance(word, name);

		if (far > best || (far == best && found))
			continue;
		best = far;
		found = name;
	}
	if (!found)
		return NULL;
	snprintf(text, bytes, "did you mean '%s'?", found);
	return text;
}

const char *stress_nth_fault(const void *context, unsigned i)
{
	(void)context;
	return i < STRESS_FAULT_NONE ? stress_fault_row((enum stress_fault)i)->words : NULL;
}

/* ---- memory and tokens ---- */

void *stress_take(struct stress_parser *parser, size_t bytes)
{
	struct stress_arena *arena = parser->scenario->arena;
	struct stress_arena_block *block = arena->blocks;
	char *memory;

	bytes = (bytes + 15) & ~(size_t)15;
	if (!block || block->bytes - block->used < bytes) {
		size_t room = bytes > 65536 ? bytes : 65536;

		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			stress_wrong(parser, stress_here(parser), NULL, "there is no memory");
			return NULL;
		}
		block->bytes = room;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	memory = (char *)(block + 1) + block->used;
	block->used += bytes;
	return memory;
}

struct stress_at stress_here(const struct stress_parser *parser)
{
	return (struct stress_at){parser->lexer.file, parser->token.line, parser->token.column};
}

void stress_begin_text(struct stress_parser *parser, const char *name, const char *text,
		       size_t bytes)
{
	size_t valid = stress_text_valid(text, bytes), begin = valid;
	struct stress_at at = {name, 1, 1};

	stress_lexer_init(&parser->lexer, name, text, bytes);
	if (valid == bytes) {
		stress_lexer_next(&parser->lexer, &parser->token);
		return;
	}
	while (begin && text[begin - 1] != '\n')
		begin--;
	for (size_t i = 0; i < begin; i++)
		at.line += text[i] == '\n';
	at.column = (uint32_t)(valid - begin) + 1;
	stress_wrong(parser, at, "save it as UTF-8", "byte 0x%02x is no text in UTF-8",
		     (unsigned char)text[valid]);
}

void stress_take_token(struct stress_parser *parser)
{
	parser->taken_end = parser->token.offset + parser->token.length;
	if (parser->err)
		parser->token.kind = STRESS_TOKEN_END;
	else
		stress_lexer_next(&parser->lexer, &parser->token);
}

const char *stress_token_text(const struct stress_parser *parser, char *text, size_t bytes)
{
	snprintf(text, bytes, "%.*s", (int)parser->token.length,
		 parser->lexer.text + parser->token.offset);
	return stress_text_trim(text);
}

bool stress_at_word(const struct stress_parser *parser, enum stress_keyword keyword)
{
	return parser->token.kind == STRESS_TOKEN_WORD && parser->token.keyword == keyword;
}

bool stress_at_sign(const struct stress_parser *parser, char sign)
{
	return parser->token.kind == STRESS_TOKEN_SIGN &&
	       parser->lexer.text[parser->token.offset] == sign;
}

bool stress_accept(struct stress_parser *parser, enum stress_keyword keyword)
{
	if (!stress_at_word(parser, keyword))
		return false;
	stress_take_token(parser);
	return true;
}

bool stress_accept_sign(struct stress_parser *parser, char sign)
{
	if (!stress_at_sign(parser, sign))
		return false;
	stress_take_token(parser);
	return true;
}

void stress_need(struct stress_parser *parser, enum stress_keyword keyword)
{
	char wanted[40];

	if (stress_accept(parser, keyword))
		return;
	snprintf(wanted, sizeof(wanted), "'%s'", stress_keyword_name(keyword));
	stress_wanted(parser, wanted, NULL);
}

void stress_need_sign(struct stress_parser *parser, char sign)
{
	char wanted[8];

	if (stress_accept_sign(parser, sign))
		return;
	snprintf(wanted, sizeof(wanted), "'%c'", sign);
	stress_wanted(parser, wanted, NULL);
}

static bool copy_token(struct stress_parser *parser, const char *what, char *text, size_t bytes)
{
	if (parser->token.length >= bytes) {
		stress_wrong(parser, stress_here(parser), NULL,
			     "%s has %zu bytes; at most %zu are allowed", what,
			     parser->token.length, bytes - 1);
		return false;
	}
	stress_token_text(parser, text, bytes);
	stress_take_token(parser);
	return !parser->err;
}

bool stress_need_name(struct stress_parser *parser, const char *what, char *text, size_t bytes)
{
	if (parser->token.kind != STRESS_TOKEN_WORD) {
		stress_wanted(parser, what, NULL);
		return false;
	}
	if (parser->token.keyword != STRESS_KEYWORDS) {
		stress_wrong(parser, stress_here(parser), "use another name",
			     "'%s' is a word of the language, and no name",
			     stress_keyword_name(parser->token.keyword));
		return false;
	}
	return copy_token(parser, what, text, bytes);
}

bool stress_need_string(struct stress_parser *parser, const char *what, char *text, size_t bytes)
{
	if (parser->token.kind != STRESS_TOKEN_STRING) {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "%s in quotes", what);
		stress_wanted(parser, wanted, NULL);
		return false;
	}
	return copy_token(parser, what, text, bytes);
}

bool stress_need_raw(struct stress_parser *parser, const char *what, char *text, size_t bytes)
{
	struct stress_token word;

	if (parser->err)
		return false;
	stress_lexer_raw(&parser->lexer, &parser->token, &word);
	if (word.length == 0) {
		stress_wanted(parser, what, NULL);
		return false;
	}
	parser->token = word;
	return copy_token(parser, what, text, bytes);
}

bool stress_at_end(const struct stress_parser *parser)
{
	return parser->token.kind == STRESS_TOKEN_LINE || parser->token.kind == STRESS_TOKEN_END ||
	       stress_at_sign(parser, '}');
}
