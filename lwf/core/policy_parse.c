/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_parse.c - the text of a policy as rules, or what is wrong with it and where.
 *
 * A rule is an action and conditions, and ends with its line. The first problem ends the reading: from
 * then on every token is END, so that all loops end by themselves. Memory is counted before it is
 * taken: a rule needs a line, a condition or a value needs a word of its own.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy_inside.h"

#define ALIGNED(bytes) (((bytes) + 15) & ~(size_t)15)

static const char *const kind_words[] = {
#define X(sym, word, what) word,
	POLICY_KIND_LIST(X)
#undef X
};

static const char *const kind_values[] = {
#define X(sym, word, what) what,
	POLICY_KIND_LIST(X)
#undef X
};

/* ---- what is wrong ---- */

static char printable(char c)
{
	if (c == '\t')
		return ' ';
	return c >= 0x20 && c < 0x7f ? c : '?';
}

struct policy_word lwf_policy_shown(const struct policy_reader *reader,
				    const struct policy_token *token)
{
	struct policy_word word = {""};
	uint32_t keep = sizeof(word.text) - 4;
	uint32_t length = token->length < keep ? token->length : keep;

	for (uint32_t i = 0; i < length; i++)
		word.text[i] = printable(reader->policy->text[token->at + i]);
	if (length < token->length)
		memcpy(word.text + length, "...", 4);
	return word;
}

/** The line of the token, or the part around it. */
static void picture(const struct policy_reader *reader, const struct policy_token *token,
		    struct lwf_policy_error *error)
{
	const struct lwf_policy *policy = reader->policy;
	uint32_t begin = token->line_at, caret = token->column - 1;
	uint32_t room = sizeof(error->shown) - 1, length = 0;

	if (caret > room * 3 / 4) {
		begin += caret - room / 2;
		caret = room / 2;
	}
	while (length < room && begin + length < policy->text_bytes &&
	       policy->text[begin + length] != '\n' && policy->text[begin + length] != '\r') {
		error->shown[length] = printable(policy->text[begin + length]);
		length++;
	}
	error->shown[length] = 0;
	error->caret = caret;
}

void lwf_policy_wrong(struct policy_reader *reader, const struct policy_token *token, int ret,
		      const char *format, ...)
{
	va_list args;

	if (reader->ret)
		return;
	reader->ret = ret;
	va_start(args, format);
	vsnprintf(reader->error->why, sizeof(reader->error->why), format, args);
	va_end(args);
	reader->error->line = token->line;
	reader->error->column = token->column;
	picture(reader, token, reader->error);
}

void lwf_policy_error_text(const struct lwf_policy_error *error, const char *file, bool pictured,
			   char *text, size_t bytes)
{
	int length;

	if (!error->line) {
		snprintf(text, bytes, "%s: %s", file, error->why);
		return;
	}
	length =
		snprintf(text, bytes, "%s:%u:%u: %s", file, error->line, error->column, error->why);
	if (pictured && length > 0 && (size_t)length < bytes)
		snprintf(text + length, bytes - (size_t)length, "\n   %s\n   %*s^", error->shown,
			 (int)error->caret, "");
}

/* ---- tokens ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
	return is_blank(c) || c == '\n' || c == ',' || c == ';' || c == '#' || c == '"';
}

static void skip_blanks(struct policy_reader *reader)
{
	const char *text = reader->policy->text;
	uint32_t end = reader->policy->text_bytes, next;

	for (;;) {
		while (reader->at < end && is_blank(text[reader->at]))
			reader->at++;
		if (reader->at < end && text[reader->at] == '#')
			while (reader->at < end && text[reader->at] != '\n')
				reader->at++;
		if (reader->at == end || text[reader->at] != '\\')
			return;
		next = reader->at + 1;
		next += next + 1 < end && text[next] == '\r' && text[next + 1] == '\n';
		if (next == end || text[next] != '\n')
			return;
		reader->at = next + 1; /* the next line goes on with this one */
		reader->line++;
		reader->line_at = reader->at;
	}
}

/** Whether the byte at @at is one that a file of text has; if not, that is what is wrong. */
static bool is_text(struct policy_reader *reader, struct policy_token *token, uint32_t at)
{
	unsigned char c = (unsigned char)reader->policy->text[at];

	if (c == '\t' || (c >= 0x20 && c != 0x7f))
		return true;
	token->column = at - reader->line_at + 1;
	lwf_policy_wrong(reader, token, -EINVAL, "byte 0x%02x is no text", c);
	return false;
}

static void read_text(struct policy_reader *reader, struct policy_token *token)
{
	const char *text = reader->policy->text;
	uint32_t end = ++reader->at;

	while (end < reader->policy->text_bytes && text[end] != '"' && text[end] != '\n' &&
	       text[end] != '\r')
		if (!is_text(reader, token, end++))
			return;
	if (end == reader->policy->text_bytes || text[end] != '"') {
		lwf_policy_wrong(reader, token, -EINVAL, "this text does not end on its line");
		return;
	}
	token->kind = POLICY_TOKEN_TEXT;
	token->at = reader->at;
	token->length = end - token->at;
	reader->at = end + 1;
}

static void read_word(struct policy_reader *reader, struct policy_token *token)
{
	const char *text = reader->policy->text;

	while (reader->at < reader->policy->text_bytes && !ends_word(text[reader->at])) {
		if (!is_text(reader, token, reader->at++))
			return;
	}
	token->kind = POLICY_TOKEN_WORD;
	token->length = reader->at - token->at;
}

/** Takes the token, and looks at the next one. */
static struct policy_token take(struct policy_reader *reader)
{
	struct policy_token taken = reader->token, *token = &reader->token;
	const struct lwf_policy *policy = reader->policy;
	char c;

	reader->taken_end = taken.at + taken.length + (taken.kind == POLICY_TOKEN_TEXT);
	skip_blanks(reader);
	*token = (struct policy_token){.kind = POLICY_TOKEN_END,
				       .line = reader->line,
				       .column = reader->at - reader->line_at + 1,
				       .at = reader->at,
				       .line_at = reader->line_at};
	if (reader->ret || reader->at == policy->text_bytes)
		return taken;
	c = policy->text[reader->at];
	if (c == '\n' || c == ';' || c == ',') {
		token->kind = c == ',' ? POLICY_TOKEN_COMMA : POLICY_TOKEN_LINE;
		token->length = 1;
		reader->at++;
		if (c == '\n') {
			reader->line++;
			reader->line_at = reader->at;
		}
	} else if (c == '"') {
		read_text(reader, token);
	} else {
		read_word(reader, token);
	}
	if (!reader->ret && token->length > LWF_POLICY_WORD_MAX)
		lwf_policy_wrong(reader, token, -EINVAL,
				 "this has %u bytes; more than %u are nothing", token->length,
				 LWF_POLICY_WORD_MAX);
	if (reader->ret)
		token->kind = POLICY_TOKEN_END;
	return taken;
}

bool lwf_policy_says(const struct policy_reader *reader, const struct policy_token *token,
		     const char *word)
{
	return strlen(word) == token->length &&
	       memcmp(reader->policy->text + token->at, word, token->length) == 0;
}

bool lwf_policy_is(const struct policy_reader *reader, const struct policy_token *token,
		   const char *word)
{
	return token->kind == POLICY_TOKEN_WORD && lwf_policy_says(reader, token, word);
}

static bool ends(const struct policy_reader *reader)
{
	return reader->ret || reader->token.kind == POLICY_TOKEN_LINE ||
	       reader->token.kind == POLICY_TOKEN_END;
}

/** Notes that @token is no word of the language where it stands: it is not @what. */
static void refuse_word(struct policy_reader *reader, const struct policy_token *token,
			const char *what)
{
	const struct policy_word shown = lwf_policy_shown(reader, token);

	if (token->kind == POLICY_TOKEN_TEXT)
		lwf_policy_wrong(reader, token, -EINVAL,
				 "'%s' stands in quotes, which only values do", shown.text);
	else if (lwf_policy_is(reader, token, "\\"))
		lwf_policy_wrong(reader, token, -EINVAL,
				 "a backslash joins two lines at the end of the first alone");
	else
		lwf_policy_wrong(reader, token, -EINVAL, "'%s' is %s", shown.text, what);
}

/* ---- conditions ---- */

/** What a condition that begins with @token is about; *bare: the word is its first value already. */
static enum policy_kind find_kind(const struct policy_reader *reader,
				  const struct policy_token *token, bool *bare)
{
	*bare = true;
	if (lwf_policy_is(reader, token, "in") || lwf_policy_is(reader, token, "out"))
		return POLICY_DIRECTION;
	if (token->kind == POLICY_TOKEN_WORD &&
	    lwf_policy_protocol(reader->policy->text + token->at, token->length) >= 0 &&
	    reader->policy->text[token->at] > '9')
		return POLICY_PROTOCOL;
	*bare = false;
	for (unsigned kind = POLICY_PROTOCOL; kind < POLICY_KINDS; kind++)
		if (lwf_policy_is(reader, token, kind_words[kind]))
			return (enum policy_kind)kind;
	return POLICY_KINDS;
}

static void add_value(struct policy_reader *reader, struct policy_condition *condition,
		      const struct policy_token *token)
{
	struct lwf_policy *policy = reader->policy;

	if (condition->count == LWF_POLICY_VALUES_MAX) {
		lwf_policy_wrong(reader, token, -EINVAL, "there are more than %u values here",
				 LWF_POLICY_VALUES_MAX);
		return;
	}
	if (policy->values == reader->pieces_max) {
		lwf_policy_wrong(reader, token, -ENOBUFS, "there is no room for this value");
		return;
	}
	condition->count++;
	lwf_policy_read_value(reader, (enum policy_kind)condition->kind, token,
			      &policy->value[policy->values++]);
}

/** The values behind the word of a condition, or in its place: one, or several with commas. */
static void read_values(struct policy_reader *reader, struct policy_condition *condition,
			struct policy_token token, bool bare)
{
	for (;;) {
		if (!bare) {
			if (reader->token.kind != POLICY_TOKEN_WORD &&
			    reader->token.kind != POLICY_TOKEN_TEXT) {
				lwf_policy_wrong(reader, &reader->token, -EINVAL, "'%s' needs %s",
						 kind_words[condition->kind],
						 kind_values[condition->kind]);
				return;
			}
			token = take(reader);
			if (token.length == 0) {
				lwf_policy_wrong(reader, &token, -EINVAL, "this text is empty");
				return;
			}
		}
		bare = false;
		add_value(reader, condition, &token);
		if (reader->ret || reader->token.kind != POLICY_TOKEN_COMMA)
			return;
		if (condition->kind == POLICY_DIRECTION) {
			lwf_policy_wrong(reader, &reader->token, -EINVAL,
					 "a direction is in or out; without one both are meant");
			return;
		}
		take(reader);
	}
}

/** Two of a kind never hold together, or say less than the writer thinks. */
static void refuse_twice(struct policy_reader *reader, const struct policy_rule *rule,
			 const struct policy_condition *condition, const struct policy_token *token)
{
	const struct policy_condition *before = &reader->policy->condition[rule->first];

	for (unsigned i = 0; i < rule->conditions && !condition->negated; i++)
		if (before[i].kind == condition->kind && !before[i].negated)
			lwf_policy_wrong(reader, token, -EINVAL,
					 "'%s' stands here twice; several values are a list: A,B",
					 kind_words[condition->kind]);
}

static void read_condition(struct policy_reader *reader, struct policy_rule *rule)
{
	struct lwf_policy *policy = reader->policy;
	struct policy_condition condition = {.first = policy->values};
	struct policy_token token = take(reader);
	bool bare;

	if (lwf_policy_is(reader, &token, "not")) {
		condition.negated = true;
		if (ends(reader) || lwf_policy_is(reader, &reader->token, "not"))
			lwf_policy_wrong(reader, &reader->token, -EINVAL,
					 "'not' needs a condition");
		token = take(reader);
	}
	condition.kind = (uint8_t)find_kind(reader, &token, &bare);
	if (condition.kind == POLICY_KINDS) {
		refuse_word(reader, &token, "no condition of a rule");
		return;
	}
	refuse_twice(reader, rule, &condition, &token);
	if (rule->conditions == LWF_POLICY_CONDITIONS_MAX) {
		lwf_policy_wrong(reader, &token, -EINVAL, "a rule has at most %u conditions",
				 LWF_POLICY_CONDITIONS_MAX);
		return;
	}
	if (policy->conditions == reader->pieces_max) {
		lwf_policy_wrong(reader, &token, -ENOBUFS, "there is no room for this condition");
		return;
	}
	read_values(reader, &condition, token, bare);
	policy->condition[policy->conditions++] = condition;
	rule->conditions++;
}

/* ---- rules ---- */

static enum lwf_policy_action find_action(const struct policy_reader *reader,
					  const struct policy_token *token)
{
	for (unsigned action = 0; action < LWF_POLICY_UNSAID; action++)
		if (lwf_policy_is(reader, token, lwf_policy_action_name(action)))
			return (enum lwf_policy_action)action;
	return LWF_POLICY_UNSAID;
}

/** The value of the option @which, as below. */
static void read_ask_value(struct policy_reader *reader, struct policy_rule *rule, unsigned which)
{
	struct policy_token token = take(reader);
	const struct policy_word shown = lwf_policy_shown(reader, &token);
	const char *word = reader->policy->text + token.at;
	uint32_t number = 0;

	if (which == 0) {
		rule->timeout_ns = lwf_policy_time_ns(word, token.length);
		if (rule->timeout_ns < 1000000 || rule->timeout_ns > LWF_POLICY_TIMEOUT_MAX_NS)
			lwf_policy_wrong(reader, &token, -EINVAL,
					 "'%s' is no time with its unit from 1ms to 1m",
					 shown.text);
	} else if (which == 1) {
		rule->fallback = (uint8_t)find_action(reader, &token);
		if (rule->fallback >= LWF_POLICY_ASK)
			refuse_word(reader, &token, "not allow, deny or reject");
	} else {
		if (!lwf_policy_number(word, token.length, LWF_POLICY_PRIORITY_MAX, &number))
			lwf_policy_wrong(reader, &token, -EINVAL,
					 "'%s' is no priority from 0 to %u", shown.text,
					 LWF_POLICY_PRIORITY_MAX);
		rule->priority = (uint8_t)number;
	}
}

/** "timeout D", "default ACTION" and "priority N" of an ask, each once. False: it is none of these. */
static bool read_ask_option(struct policy_reader *reader, struct policy_rule *rule, unsigned *given)
{
	static const char *const words[] = {"timeout", "default", "priority"};
	struct policy_token token = reader->token;
	unsigned which = 0;

	while (which < 3 && !lwf_policy_is(reader, &token, words[which]))
		which++;
	if (which == 3)
		return false;
	take(reader);
	if (rule->action != LWF_POLICY_ASK) {
		lwf_policy_wrong(reader, &token, -EINVAL, "'%s' belongs to a rule that asks",
				 words[which]);
		return true;
	}
	if (*given & 1u << which)
		lwf_policy_wrong(reader, &token, -EINVAL, "'%s' stands here twice", words[which]);
	*given |= 1u << which;
	if (ends(reader))
		lwf_policy_wrong(reader, &reader->token, -EINVAL, "'%s' needs a value",
				 words[which]);
	else
		read_ask_value(reader, rule, which);
	return true;
}

/** Action, conditions, and how to ask; returns whether it was the default. */
static bool read_rule(struct policy_reader *reader, struct policy_rule *rule)
{
	struct policy_token begin = take(reader), token = begin;
	bool is_default = lwf_policy_is(reader, &begin, "default");
	unsigned given = 0;

	if (is_default) {
		if (ends(reader))
			lwf_policy_wrong(reader, &reader->token, -EINVAL,
					 "'default' needs an action: allow, deny, reject or ask");
		token = take(reader);
	}
	rule->action = (uint8_t)find_action(reader, &token);
	rule->fallback = LWF_POLICY_UNSAID;
	rule->line = begin.line;
	rule->at = begin.at;
	rule->first = reader->policy->conditions;
	if (rule->action == LWF_POLICY_UNSAID)
		refuse_word(reader, &token,
			    is_default ? "not allow, deny, reject or ask"
				       : "not allow, deny, reject or ask, and not default");
	while (!ends(reader)) {
		if (read_ask_option(reader, rule, &given))
			continue;
		if (is_default) {
			lwf_policy_wrong(reader, &reader->token, -EINVAL,
					 "the default has no condition: it holds always");
			break;
		}
		read_condition(reader, rule);
	}
	rule->length = reader->taken_end - rule->at;
	if (!is_default && !rule->conditions)
		lwf_policy_wrong(reader, &begin, -EINVAL,
				 "a rule without a condition is the default; write 'default %s'",
				 lwf_policy_action_name((enum lwf_policy_action)rule->action));
	return is_default;
}

static void read_rules(struct policy_reader *reader)
{
	struct lwf_policy *policy = reader->policy;
	bool has_default = false;

	for (;;) {
		while (reader->token.kind == POLICY_TOKEN_LINE)
			take(reader);
		if (reader->ret || reader->token.kind == POLICY_TOKEN_END)
			break;
		if (has_default)
			lwf_policy_wrong(reader, &reader->token, -EINVAL,
					 "nothing comes behind the default");
		else if (policy->rules == LWF_POLICY_RULES_MAX)
			lwf_policy_wrong(reader, &reader->token, -E2BIG,
					 "there are more than %u rules", LWF_POLICY_RULES_MAX);
		else if (policy->rules == reader->rules_max)
			lwf_policy_wrong(reader, &reader->token, -ENOBUFS,
					 "there is no room for this rule");
		else
			has_default = read_rule(reader, &policy->rule[policy->rules++]);
	}
	if (!has_default)
		lwf_policy_wrong(reader, &reader->token, -EINVAL,
				 "the last rule must say what else happens, as: default deny");
}

/* ---- memory ---- */

/** Upper bounds: lines and ';' for rules; beginnings of words, commas and quotes for the rest. */
static void measure(const char *text, size_t bytes, uint32_t *rules, uint32_t *pieces)
{
	bool inside = false;

	*rules = *pieces = 1;
	for (size_t i = 0; i < bytes; i++) {
		bool end = ends_word(text[i]);

		*rules += text[i] == '\n' || text[i] == ';';
		*pieces += (!inside && !end) || text[i] == ',' || text[i] == '"';
		inside = !end;
	}
	if (*rules > LWF_POLICY_RULES_MAX)
		*rules = LWF_POLICY_RULES_MAX;
}

static size_t bytes_of(uint32_t rules, uint32_t pieces, size_t text_bytes)
{
	return ALIGNED(sizeof(struct lwf_policy)) +
	       ALIGNED((size_t)rules * sizeof(struct policy_rule)) +
	       ALIGNED((size_t)pieces * sizeof(struct policy_condition)) +
	       ALIGNED((size_t)pieces * sizeof(struct policy_value)) + ALIGNED(text_bytes + 1);
}

size_t lwf_policy_room(const char *text, size_t bytes)
{
	uint32_t rules, pieces;

	if (bytes > LWF_POLICY_TEXT_MAX)
		bytes = 0; /* it is refused before any is needed */
	measure(text, bytes, &rules, &pieces);
	return bytes_of(rules, pieces, bytes);
}

/** Cuts @memory into the parts of a policy. */
static struct lwf_policy *lay_out(void *memory, uint32_t rules, uint32_t pieces, const char *text,
				  uint32_t bytes)
{
	struct lwf_policy *policy = memory;
	char *at = (char *)memory + ALIGNED(sizeof(*policy));

	memset(memory, 0, bytes_of(rules, pieces, bytes));
	policy->bytes = bytes_of(rules, pieces, bytes);
	policy->rule = (struct policy_rule *)(void *)at;
	at += ALIGNED((size_t)rules * sizeof(struct policy_rule));
	policy->condition = (struct policy_condition *)(void *)at;
	at += ALIGNED((size_t)pieces * sizeof(struct policy_condition));
	policy->value = (struct policy_value *)(void *)at;
	at += ALIGNED((size_t)pieces * sizeof(struct policy_value));
	policy->text = at;
	policy->text_bytes = bytes;
	memcpy(policy->text, text, bytes);
	return policy;
}

int lwf_policy_parse(void *memory, size_t room, const char *text, size_t bytes,
		     const struct lwf_policy_users *users, struct lwf_policy **policy,
		     struct lwf_policy_error *error)
{
	struct policy_reader reader = {.users = users, .error = error, .line = 1};

	memset(error, 0, sizeof(*error));
	if (bytes > LWF_POLICY_TEXT_MAX) {
		snprintf(error->why, sizeof(error->why), "it has %zu bytes; rules have at most %u",
			 bytes, LWF_POLICY_TEXT_MAX);
		return -E2BIG;
	}
	measure(text, bytes, &reader.rules_max, &reader.pieces_max);
	if (room < bytes_of(reader.rules_max, reader.pieces_max, bytes)) {
		snprintf(error->why, sizeof(error->why), "there is no room for it");
		return -ENOBUFS;
	}
	reader.policy = lay_out(memory, reader.rules_max, reader.pieces_max, text, (uint32_t)bytes);
	if (bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		reader.at = 3; /* a mark that some editors write; columns count it */
	take(&reader);	       /* the first token */
	read_rules(&reader);
	if (!reader.ret)
		*policy = reader.policy;
	return reader.ret;
}
