/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.c - reads a scenario: files, statements and blocks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "text.h"

/* ---- statements ---- */

static struct stress_statement *parse_statement(struct stress_parser *parser);
static struct stress_statement **parse_list(struct stress_parser *parser,
					    struct stress_statement **tail);

static void parse_block(struct stress_parser *parser, struct stress_statement **body)
{
	struct stress_at at = stress_here(parser);
	struct stress_symbol *outer = parser->symbols;

	stress_need_sign(parser, '{');
	if (++parser->depth > STRESS_DEPTH_MAX)
		stress_wrong(parser, at, NULL, "%u blocks and files in each other are allowed",
			     STRESS_DEPTH_MAX);
	parser->blocks++;
	parse_list(parser, body);
	if (parser->token.kind == STRESS_TOKEN_END)
		stress_wrong(parser, at, NULL, "the block that begins here has no '}'");
	stress_need_sign(parser, '}');
	parser->depth--;
	parser->blocks--;
	parser->symbols = outer;
}

static void parse_after(struct stress_parser *parser, struct stress_statement *statement)
{
	statement->kind = STRESS_AFTER;
	statement->number = stress_need_number(parser, STRESS_DURATION, "how long to wait");
	if (!stress_at_end(parser))
		statement->body = parse_statement(parser);
}

static void parse_expect(struct stress_parser *parser, struct stress_statement *statement)
{
	statement->kind = STRESS_EXPECT;
	statement->condition = stress_need_condition(parser);
}

static void parse_within(struct stress_parser *parser, struct stress_statement *statement)
{
	statement->number = stress_need_number(parser, STRESS_DURATION, "a time limit");
	stress_need(parser, STRESS_KEYWORD_EXPECT);
	parse_expect(parser, statement);
}

static void parse_always(struct stress_parser *parser, struct stress_statement *statement)
{
	stress_need(parser, STRESS_KEYWORD_EXPECT);
	statement->kind = STRESS_ALWAYS;
	statement->condition = stress_need_condition(parser);
	if (stress_accept(parser, STRESS_KEYWORD_WHILE))
		statement->while_true = stress_need_condition(parser);
}

static uint32_t take_counter(struct stress_parser *parser, struct stress_at at)
{
	if (parser->scenario->counters >= STRESS_REPEATS_MAX)
		stress_wrong(parser, at, NULL, "%u times 'repeat' and 'remember' are the most",
			     STRESS_REPEATS_MAX);
	return parser->scenario->counters++;
}

static void parse_repeat(struct stress_parser *parser, struct stress_statement *statement)
{
	struct stress_symbol *outer = parser->symbols, *symbol;

	statement->kind = STRESS_REPEAT;
	statement->for_time = stress_accept(parser, STRESS_KEYWORD_FOR);
	statement->number =
		stress_need_number(parser, statement->for_time ? STRESS_DURATION : STRESS_COUNT,
				   statement->for_time ? "how long" : "how many times");
	statement->counter = take_counter(parser, statement->at);
	if (stress_accept(parser, STRESS_KEYWORD_AS)) {
		symbol = stress_take(parser, sizeof(*symbol));
		if (!symbol || !stress_need_name(parser, "the name of the round's number",
						 symbol->name, sizeof(symbol->name)))
			return;
		symbol->counter = statement->counter;
		symbol->next = outer;
		parser->symbols = symbol;
	}
	parse_block(parser, &statement->body);
	parser->symbols = outer;
}

/* Known from here to the end of its block; the same name again is the same thing. */
static void parse_remember(struct stress_parser *parser, struct stress_statement *statement)
{
	struct stress_symbol *symbol = stress_take(parser, sizeof(*symbol));
	const struct stress_symbol *old;
	struct stress_at at;

	statement->kind = STRESS_REMEMBER;
	if (!symbol || !stress_need_new_name(parser, "a name to remember it by", symbol->name,
					     sizeof(symbol->name)))
		return;
	stress_need_sign(parser, '=');
	at = stress_here(parser);
	statement->number = stress_need_value(parser);
	if (!statement->number || parser->err)
		return;
	symbol->remembered = true;
	symbol->unit = statement->number->unit;
	old = stress_remembered(parser, symbol->name);
	if (old && old->unit != symbol->unit)
		stress_wrong(parser, at, "use another name", "'%s' had another unit before",
			     symbol->name);
	symbol->counter = old ? old->counter : take_counter(parser, statement->at);
	statement->counter = symbol->counter;
	if (old)
		return;
	symbol->next = parser->symbols;
	parser->symbols = symbol;
}

static void parse_only(struct stress_parser *parser, struct stress_statement *statement)
{
	unsigned outer = parser->worlds;

	statement->kind = STRESS_ONLY;
	if (stress_accept(parser, STRESS_KEYWORD_SIM))
		statement->worlds = STRESS_IN_SIM;
	else if (stress_accept(parser, STRESS_KEYWORD_LIVE))
		statement->worlds = STRESS_IN_LIVE;
	else
		stress_wanted(parser, "'sim' or 'live'", NULL);
	parser->worlds &= statement->worlds;
	parse_block(parser, &statement->body);
	parser->worlds = outer;
}

/* What a world cannot send matters only where it is asked to. */
static void note_start(struct stress_parser *parser, const struct stress_statement *statement)
{
	struct stress_scenario *scenario = parser->scenario;

	for (uint32_t i = 0; statement->kind == STRESS_START && i < scenario->traffics; i++)
		if (statement->traffic == i || statement->traffic == STRESS_TRAFFICS_MAX)
			scenario->traffic[i].started |= parser->worlds;
}

static void parse_switch(struct stress_parser *parser, struct stress_statement *statement,
			 enum stress_statement_kind kind)
{
	const struct stress_scenario *scenario = parser->scenario;
	struct stress_at at = stress_here(parser);
	char name[STRESS_NAME_BYTES];

	statement->kind = kind;
	statement->traffic = STRESS_TRAFFICS_MAX;
	if (stress_accept(parser, STRESS_KEYWORD_ALL)) {
		note_start(parser, statement);
		return;
	}
	if (!stress_need_name(parser, "a traffic's name or 'all'", name, sizeof(name)))
		return;
	for (uint32_t i = 0; i < scenario->traffics; i++)
		if (strcmp(scenario->traffic[i].name, name) == 0)
			statement->traffic = i;
	if (statement->traffic == STRESS_TRAFFICS_MAX)
		stress_wrong(parser, at, "declare it before: traffic NAME from CLIENT ...",
			     "there is no traffic '%s'", name);
	note_start(parser, statement);
}

static void parse_drain(struct stress_parser *parser, struct stress_statement *statement)
{
	statement->kind = STRESS_DRAIN;
	stress_need(parser, STRESS_KEYWORD_WITHIN);
	statement->number = stress_need_number(parser, STRESS_DURATION, "a time limit");
}

/* The statement as it was written, in one line, up to a block. */
static void keep_text(const struct stress_parser *parser, struct stress_statement *statement,
		      size_t begin)
{
	size_t n = 0, end = parser->taken_end;
	bool blank = false;

	if (parser->err || statement->kind == STRESS_NOTE || statement->kind == STRESS_FILTER)
		return;
	for (size_t i = begin; i < end && n + 2 < sizeof(statement->text); i++) {
		char c = parser->lexer.text[i];

		if (c == '{' || c == '#')
			break;
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\\') {
			blank = n > 0;
			continue;
		}
		if (blank)
			statement->text[n++] = ' ';
		blank = false;
		statement->text[n++] = c;
	}
	statement->text[n] = '\0';
	stress_text_trim(statement->text);
}

static const char *nth_keyword(const void *context, unsigned i)
{
	(void)context;
	return stress_keyword(i);
}

/* "memory fail 3": some fault begins so, and nothing else does. */
static bool begins_fault(const char *word)
{
	const char *words;
	size_t length = strlen(word);

	for (unsigned i = 0; (words = stress_nth_fault(NULL, i)); i++)
		if (strncmp(words, word, length) == 0 && words[length] == ' ')
			return true;
	return false;
}

static void unknown_statement(struct stress_parser *parser)
{
	char word[48], hint[96];
	const char *next = hint;

	stress_token_text(parser, word, sizeof(word));
	if (parser->token.kind != STRESS_TOKEN_WORD) {
		stress_wanted(parser, "a statement", "docs/scenarios.md has all of them");
		return;
	}
	if (stress_is_object(parser, STRESS_LINK))
		snprintf(hint, sizeof(hint), "say what happens to it: link %s down", word);
	else if (stress_is_object(parser, ~0u))
		snprintf(hint, sizeof(hint), "say what happens to it: client %s kill", word);
	else if (begins_fault(word))
		snprintf(hint, sizeof(hint), "write: fault [OBJECT] %s ...", word);
	else
		next = stress_suggest(word, nth_keyword, NULL, hint, sizeof(hint));
	stress_wrong(parser, stress_here(parser), next, "'%s' begins no statement", word);
}

/* Statements that begin with a word of a fault ("link lan0.lower down"). */
static bool parse_fault_word(struct stress_parser *parser, struct stress_statement *statement)
{
	static const struct {
		enum stress_keyword keyword;
		const char *word;
	} words[] = {
		{STRESS_KEYWORD_LINK, "link"},
		{STRESS_KEYWORD_DEVICE, "device"},
		{STRESS_KEYWORD_CLIENT, "client"},
		{STRESS_KEYWORD_DAEMON, "daemon"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!stress_accept(parser, words[i].keyword))
			continue;
		stress_parse_fault(parser, statement, words[i].word);
		return true;
	}
	return false;
}

static struct stress_statement *parse_statement(struct stress_parser *parser)
{
	struct stress_statement *statement = stress_take(parser, sizeof(*statement));
	size_t begin = parser->token.offset;

	if (!statement)
		return NULL;
	statement->at = stress_here(parser);
	if (++parser->depth > STRESS_DEPTH_MAX)
		stress_wrong(parser, statement->at, NULL, "too many statements in each other");
	if (stress_accept(parser, STRESS_KEYWORD_AFTER))
		parse_after(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_WITHIN))
		parse_within(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_EXPECT))
		parse_expect(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_ALWAYS))
		parse_always(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_REPEAT))
		parse_repeat(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_ONLY))
		parse_only(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_START))
		parse_switch(parser, statement, STRESS_START);
	else if (stress_accept(parser, STRESS_KEYWORD_STOP))
		parse_switch(parser, statement, STRESS_STOP);
	else if (stress_accept(parser, STRESS_KEYWORD_DRAIN))
		parse_drain(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_STACK))
		stress_parse_stack(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_FILTER))
		stress_parse_filter(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_FAULT))
		stress_parse_fault(parser, statement, NULL);
	else if (stress_accept(parser, STRESS_KEYWORD_REMEMBER))
		parse_remember(parser, statement);
	else if (stress_accept(parser, STRESS_KEYWORD_NOTE)) {
		statement->kind = STRESS_NOTE;
		stress_need_string(parser, "a note", statement->text, sizeof(statement->text));
	} else if (!parse_fault_word(parser, statement))
		unknown_statement(parser);
	parser->depth--;
	keep_text(parser, statement, begin);
	return parser->err ? NULL : statement;
}

/* "link lan0 ..." declares lan0, unless it is there already. */
static bool parse_declaration(struct stress_parser *parser)
{
	static const struct {
		enum stress_keyword keyword;
		unsigned kinds; /* after the word, one of these makes a fault of it */
		void (*parse)(struct stress_parser *parser);
	} rows[] = {
		{STRESS_KEYWORD_SCENARIO, 0, stress_parse_header},
		{STRESS_KEYWORD_LET, 0, stress_parse_let},
		{STRESS_KEYWORD_PROFILE, 0, stress_parse_profile},
		{STRESS_KEYWORD_LINK, STRESS_LINK, stress_parse_link},
		{STRESS_KEYWORD_CLIENT, STRESS_CLIENT, stress_parse_client},
		{STRESS_KEYWORD_DAEMON, STRESS_DAEMON, stress_parse_daemon},
		{STRESS_KEYWORD_TRAFFIC, 0, stress_parse_traffic},
	};
	struct stress_parser ahead;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!stress_at_word(parser, rows[i].keyword))
			continue;
		ahead = *parser;
		stress_lexer_next(&ahead.lexer, &ahead.token);
		if (rows[i].kinds && stress_is_object(&ahead, rows[i].kinds))
			return false;
		if (rows[i].keyword == STRESS_KEYWORD_DAEMON &&
		    ahead.token.kind == STRESS_TOKEN_WORD) {
			char words[STRESS_NAME_BYTES] = "daemon ";

			stress_token_text(&ahead, words + 7, sizeof(words) - 7);
			if (stress_fault_find(words) != STRESS_FAULT_NONE)
				return false;
		}
		if (parser->blocks)
			stress_wrong(parser, stress_here(parser), "put it before the first block",
				     "nothing is declared inside a block");
		stress_take_token(parser);
		rows[i].parse(parser);
		return true;
	}
	return false;
}

/* ---- files ---- */

static struct stress_statement **parse_text(struct stress_parser *parser, const char *name,
					    const char *text, size_t bytes,
					    struct stress_statement **tail)
{
	stress_begin_text(parser, name, text, bytes);
	parser->read_bytes += bytes;
	if (parser->read_bytes > STRESS_TOTAL_MAX_BYTES)
		stress_wrong(parser, stress_here(parser),
			     "do files include each other again and again?",
			     "%u bytes are the most, in all files", STRESS_TOTAL_MAX_BYTES);
	tail = parse_list(parser, tail);
	if (stress_at_sign(parser, '}'))
		stress_wrong(parser, stress_here(parser), NULL, "there is no block to end here");
	return tail;
}

static struct stress_statement **parse_include(struct stress_parser *parser,
					       struct stress_statement **tail)
{
	struct stress_at at = stress_here(parser);
	char file[STRESS_TEXT_BYTES];
	struct stress_lexer outer;
	struct stress_token token;
	char *name, *text;
	size_t bytes = 0, room;
	int err;

	if (!stress_need_string(parser, "a file", file, sizeof(file)))
		return tail;
	if (parser->depth >= STRESS_DEPTH_MAX) {
		stress_wrong(parser, at, "does a file include itself?",
			     "%u blocks and files in each other are allowed", STRESS_DEPTH_MAX);
		return tail;
	}
	if (++parser->includes > STRESS_INCLUDES_MAX) {
		stress_wrong(parser, at, "do files include each other again and again?",
			     "%u files are the most that are included", STRESS_INCLUDES_MAX);
		return tail;
	}
	text = NULL;
	err = parser->source->read(parser->source->context, parser->lexer.file, file, &text,
				   &bytes);
	if (err) {
		stress_wrong(parser, at, "names are relative to the file that includes",
			     "'%s' cannot be read: %s", file, strerror(-err));
		return tail;
	}
	room = strlen(parser->lexer.file) + strlen(file) + 1;
	name = stress_take(parser, room);
	if (name) {
		const char *slash = file[0] == '/' ? NULL : strrchr(parser->lexer.file, '/');

		snprintf(name, room, "%.*s%s", slash ? (int)(slash + 1 - parser->lexer.file) : 0,
			 parser->lexer.file, file);
		outer = parser->lexer;
		token = parser->token;
		parser->depth++;
		tail = parse_text(parser, name, text, bytes, tail);
		parser->depth--;
		if (!parser->err) {
			parser->lexer = outer;
			parser->token = token;
		}
	}
	free(text);
	return tail;
}

static struct stress_statement **parse_list(struct stress_parser *parser,
					    struct stress_statement **tail)
{
	while (parser->token.kind != STRESS_TOKEN_END && !stress_at_sign(parser, '}')) {
		struct stress_statement *statement;

		if (parser->token.kind == STRESS_TOKEN_LINE) {
			stress_take_token(parser);
			continue;
		}
		if (stress_accept(parser, STRESS_KEYWORD_INCLUDE)) {
			tail = parse_include(parser, tail);
		} else if (!parse_declaration(parser)) {
			parser->has_statements = true;
			statement = parse_statement(parser);
			if (!statement)
				break;
			*tail = statement;
			tail = &statement->next;
		}
		if (!stress_at_end(parser))
			stress_wanted(parser, "the end of the statement", NULL);
	}
	return tail;
}

static void check_settings(struct stress_parser *parser)
{
	struct stress_problem *problem = parser->problem;

	for (size_t i = 0; i < parser->setting_count && !parser->err; i++) {
		if (parser->settings[i].used)
			continue;
		parser->err = -EINVAL;
		memset(problem, 0, sizeof(*problem));
		snprintf(problem->text, sizeof(problem->text),
			 "--set %s: the scenario has no variable of that name; it needs 'let %s = "
			 "...'",
			 parser->settings[i].name, parser->settings[i].name);
	}
}

int stress_scenario_read(const struct stress_source *source, const char *file,
			 struct stress_setting *settings, size_t setting_count,
			 struct stress_scenario **scenario, struct stress_problem *problem)
{
	struct stress_parser parser = {
		.source = source,
		.problem = problem,
		.settings = settings,
		.setting_count = setting_count,
		.worlds = STRESS_IN_BOTH,
	};
	char *text = NULL, *name;
	size_t bytes = 0;
	int err = source->read(source->context, NULL, file, &text, &bytes);
	struct stress_scenario *tree;

	memset(problem, 0, sizeof(*problem));
	*scenario = NULL;
	if (err) {
		snprintf(problem->text, sizeof(problem->text), "%s: cannot be read: %s", file,
			 strerror(-err));
		return err;
	}
	tree = calloc(1, sizeof(*tree));
	if (tree)
		tree->arena = calloc(1, sizeof(*tree->arena));
	if (!tree || !tree->arena) {
		free(tree);
		free(text);
		snprintf(problem->text, sizeof(problem->text), "%s: there is no memory", file);
		return -ENOMEM;
	}
	parser.scenario = tree;
	parser.scenario->seed = 1;
	parser.scenario->daemons = 1;
	snprintf(parser.scenario->daemon[0], STRESS_NAME_BYTES, "main");
	name = stress_take(&parser, strlen(file) + 1);
	if (name) {
		memcpy(name, file, strlen(file) + 1);
		parser.scenario->file = name;
		parse_text(&parser, name, text, bytes, &parser.scenario->body);
		if (!tree->links && !tree->body && !tree->variables)
			stress_wrong(&parser, (struct stress_at){name, 1, 1},
				     "docs/scenarios.md says what there may be",
				     "there is nothing in it");
		if (!parser.err)
			stress_check_daemons(&parser);
	}
	free(text);
	check_settings(&parser);
	if (parser.err) {
		stress_scenario_free(parser.scenario);
		return parser.err;
	}
	*scenario = parser.scenario;
	return 0;
}
