/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lexer.c - cuts a scenario's text into tokens, with line and column of each.
 *
 * Characters are compared by hand: ctype.h asks the locale, and a scenario means the same everywhere.
 */
#include "lexer.h"

#include <string.h>

#include "scenario.h"

static const char *const words[] = {
#define X(sym, word) word,
	STRESS_KEYWORD_LIST(X)
#undef X
};

const char *stress_keyword(unsigned index)
{
	return index < STRESS_KEYWORDS ? words[index] : NULL;
}

const char *stress_keyword_name(enum stress_keyword keyword)
{
	return keyword < STRESS_KEYWORDS ? words[keyword] : "?";
}

enum stress_keyword stress_keyword_find(const char *word, size_t length)
{
	for (unsigned i = 0; i < STRESS_KEYWORDS; i++)
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return (enum stress_keyword)i;
	return STRESS_KEYWORDS;
}

void stress_lexer_init(struct stress_lexer *lexer, const char *file, const char *text, size_t bytes)
{
	static const char mark[] = "\xef\xbb\xbf"; /* which some editors put in front */

	if (bytes >= 3 && memcmp(text, mark, 3) == 0) {
		text += 3;
		bytes -= 3;
	}
	memset(lexer, 0, sizeof(*lexer));
	lexer->file = file;
	lexer->text = text;
	lexer->bytes = bytes;
	lexer->line = 1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte @ahead of here; 0 behind the end. */
static char peek(const struct stress_lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->bytes ? lexer->text[lexer->at + ahead] : '\0';
}

static void end_line(struct stress_lexer *lexer)
{
	lexer->at++;
	lexer->line++;
	lexer->line_start = lexer->at;
}

static void skip_blanks(struct stress_lexer *lexer)
{
	while (lexer->at < lexer->bytes) {
		char c = peek(lexer, 0);

		if (c == '#') {
			while (lexer->at < lexer->bytes && peek(lexer, 0) != '\n')
				lexer->at++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			lexer->at++;
		} else if (c == '\n' && lexer->parentheses) {
			end_line(lexer);
		} else if (c == '\\' && peek(lexer, 1) == '\n') {
			lexer->at++;
			end_line(lexer);
		} else {
			return;
		}
	}
}

static void take_string(struct stress_lexer *lexer, struct stress_token *token)
{
	size_t end = lexer->at + 1;

	while (end < lexer->bytes && lexer->text[end] != '"' && lexer->text[end] != '\n')
		end++;
	if (end == lexer->bytes || lexer->text[end] != '"') {
		token->kind = STRESS_TOKEN_BAD; /* it does not end on its line */
		lexer->at++;
		return;
	}
	token->kind = STRESS_TOKEN_STRING;
	token->offset = lexer->at + 1;
	token->length = end - token->offset;
	lexer->at = end + 1;
}

static void take_number(struct stress_lexer *lexer, struct stress_token *token)
{
	token->kind = STRESS_TOKEN_NUMBER;
	while (is_digit(peek(lexer, 0)) || is_letter(peek(lexer, 0)) ||
	       (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))))
		lexer->at++;
	if (peek(lexer, 0) == '%')
		lexer->at++;
}

static void take_word(struct stress_lexer *lexer, struct stress_token *token)
{
	token->kind = STRESS_TOKEN_WORD;
	while (is_digit(peek(lexer, 0)) || is_letter(peek(lexer, 0)) ||
	       (peek(lexer, 0) == '-' && (is_letter(peek(lexer, 1)) || is_digit(peek(lexer, 1)))))
		lexer->at++;
	token->keyword =
		stress_keyword_find(lexer->text + token->offset, lexer->at - token->offset);
}

static void take_sign(struct stress_lexer *lexer, struct stress_token *token)
{
	static const struct {
		char sign[3];
		enum stress_token_kind kind;
	} pairs[] = {
		{"..", STRESS_TOKEN_RANGE},    {"==", STRESS_TOKEN_EQUAL},
		{"!=", STRESS_TOKEN_UNEQUAL},  {"<=", STRESS_TOKEN_AT_MOST},
		{">=", STRESS_TOKEN_AT_LEAST},
	};
	char c = peek(lexer, 0);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (c != pairs[i].sign[0] || peek(lexer, 1) != pairs[i].sign[1])
			continue;
		token->kind = pairs[i].kind;
		lexer->at += 2;
		return;
	}
	do /* a character as a whole: problems show it */
		lexer->at++;
	while (((unsigned char)peek(lexer, 0) & 0xc0) == 0x80);
	token->kind = c && strchr("./(){},=<>+-*:", c) ? STRESS_TOKEN_SIGN : STRESS_TOKEN_BAD;
	if (c == '(')
		lexer->parentheses++;
	else if (c == ')' && lexer->parentheses)
		lexer->parentheses--;
}

void stress_lexer_next(struct stress_lexer *lexer, struct stress_token *token)
{
	char c;

	skip_blanks(lexer);
	c = peek(lexer, 0);
	token->keyword = STRESS_KEYWORDS;
	token->line = lexer->line;
	token->column = (uint32_t)(lexer->at - lexer->line_start) + 1;
	token->offset = lexer->at;
	token->length = 0;
	if (lexer->at == lexer->bytes) {
		token->kind = STRESS_TOKEN_END;
		return;
	}
	if (c == '"') {
		take_string(lexer, token);
		return;
	}
	if (c == '\n') {
		token->kind = STRESS_TOKEN_LINE;
		end_line(lexer);
	} else if (c == ';') {
		token->kind = STRESS_TOKEN_LINE;
		lexer->at++;
	} else if (is_digit(c)) {
		take_number(lexer, token);
	} else if (is_letter(c)) {
		take_word(lexer, token);
	} else {
		take_sign(lexer, token);
	}
	token->length = lexer->at - token->offset;
}

void stress_lexer_raw(struct stress_lexer *lexer, const struct stress_token *token,
		      struct stress_token *word)
{
	*word = *token;
	word->kind = STRESS_TOKEN_WORD;
	word->length = 0;
	if (token->kind == STRESS_TOKEN_LINE || token->kind == STRESS_TOKEN_END)
		return;
	if (token->kind == STRESS_TOKEN_SIGN && lexer->text[token->offset] == '(')
		lexer->parentheses--; /* it was counted, and is none */
	if (token->kind == STRESS_TOKEN_STRING)
		word->offset--; /* with its quotes, whatever that is */
	lexer->at = word->offset;
	while (lexer->at < lexer->bytes && !strchr(" \t\r\n;}#", peek(lexer, 0)))
		lexer->at++;
	word->length = lexer->at - word->offset;
	word->keyword = stress_keyword_find(lexer->text + word->offset, word->length);
}
