/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_fault.c - faults, in the words of the table in vocabulary.h, and what users do to stacks.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "fault_library.h"
#include "parser.h"

void stress_need_worlds(struct stress_parser *parser, struct stress_at at, unsigned worlds,
			const char *what)
{
	if ((parser->worlds & worlds) == parser->worlds)
		return;
	stress_wrong(parser, at,
		     worlds == STRESS_IN_LIVE ? "put it into: only live { ... }"
					      : "put it into: only sim { ... }",
		     "'%s' is there in the %s world alone", what,
		     worlds == STRESS_IN_LIVE ? "live" : "simulated");
}

/* The second word of the fault, with the first in @words. */
static enum stress_fault need_words(struct stress_parser *parser, char *words, size_t bytes)
{
	struct stress_at at = stress_here(parser);
	enum stress_fault fault;
	size_t used = strlen(words);
	char hint[80];

	if (parser->token.kind != STRESS_TOKEN_WORD) {
		stress_wanted(parser, "what happens to it", "docs/scenarios.md has all faults");
		return STRESS_FAULT_NONE;
	}
	snprintf(words + used, bytes - used, "%s%.*s", used ? " " : "", (int)parser->token.length,
		 parser->lexer.text + parser->token.offset);
	fault = stress_fault_find(words);
	if (fault == STRESS_FAULT_NONE)
		stress_wrong(parser, at,
			     stress_suggest(words, stress_nth_fault, NULL, hint, sizeof(hint)),
			     "there is no fault '%s'", words);
	else
		stress_take_token(parser);
	return fault;
}

static void need_parameter(struct stress_parser *parser, struct stress_statement *statement)
{
	bool minus = false;

	switch (stress_fault_row(statement->fault)->parameter) {
	case STRESS_NO_PARAMETER:
		break;
	case STRESS_TAKES_COUNT:
		statement->parameter = stress_need_number(parser, STRESS_COUNT, "how many");
		break;
	case STRESS_TAKES_SIGNED_DURATION:
		minus = stress_at_sign(parser, '-');
		if (minus || stress_at_sign(parser, '+'))
			stress_take_token(parser);
		statement->parameter = stress_need_number(parser, STRESS_DURATION, "how far");
		if (minus && statement->parameter && !parser->err) {
			struct stress_expr *zero = stress_take(parser, 2 * sizeof(*zero));

			if (!zero)
				return;
			zero[0] = (struct stress_expr){.unit = STRESS_DURATION, .word = -1};
			zero[1] = (struct stress_expr){.kind = STRESS_EXPR_SUBTRACT,
						       .unit = STRESS_DURATION,
						       .at = statement->parameter->at,
						       .word = -1,
						       .left = &zero[0],
						       .right = statement->parameter};
			statement->parameter = &zero[1];
		}
		break;
	case STRESS_TAKES_DURATION:
		statement->parameter = stress_need_number(parser, STRESS_DURATION, "how long");
		break;
	case STRESS_TAKES_WORD:
		stress_need_raw(parser, "a name", statement->word, sizeof(statement->word));
		break;
	}
}

static bool is_errno(const char *word)
{
	return stress_errno_named(word) || strcmp(word, "SHORT") == 0;
}

static bool is_interface_name(const char *word)
{
	return strlen(word) < IFNAMSIZ && !strpbrk(word, "/:%") && strcmp(word, ".") != 0 &&
	       strcmp(word, "..") != 0;
}

static bool is_mtu(const struct stress_expr *expr)
{
	if (expr->kind == STRESS_EXPR_RANGE)
		return is_mtu(expr->left) && is_mtu(expr->right);
	return expr->kind != STRESS_EXPR_NUMBER ||
	       (expr->number >= STRESS_MTU_LEAST_BYTES && expr->number <= STRESS_MTU_MOST_BYTES);
}

/* What no world could do is told before one is tried. */
static void check_parameter(struct stress_parser *parser, const struct stress_statement *statement,
			    struct stress_at at)
{
	uint8_t mac[6];

	if (parser->err)
		return;
	switch (statement->fault) {
	case STRESS_FAULT_SEND_ERROR:
		if (!is_errno(statement->word))
			stress_wrong(
				parser, at, "they are ENOBUFS, EAGAIN, ENETDOWN, ENXIO, EIO ...",
				"'%s' is no errno that a send is known to give", statement->word);
		break;
	case STRESS_FAULT_MAC:
		if (!stress_mac_parse(statement->word, mac) || (mac[0] & 1))
			stress_wrong(parser, at, "write it like 02:00:00:00:00:01",
				     "'%s' is no MAC of an interface", statement->word);
		break;
	case STRESS_FAULT_RENAME:
		if (!is_interface_name(statement->word))
			stress_wrong(parser, at, "a name has at most 15 letters, without / : %",
				     "no interface can be called '%s'", statement->word);
		break;
	case STRESS_FAULT_MTU:
		if (!is_mtu(statement->parameter))
			stress_wrong(parser, at, NULL, "an MTU is %d to %d", STRESS_MTU_LEAST_BYTES,
				     STRESS_MTU_MOST_BYTES);
		break;
	default:
		break;
	}
}

/* Object and words are known: the object has to fit. */
static void check_object(struct stress_parser *parser, struct stress_statement *statement,
			 bool given, struct stress_at at)
{
	const struct stress_fault_row *row = stress_fault_row(statement->fault);
	struct stress_object *object = &statement->object;

	if (!given) {
		if (row->objects == STRESS_DAEMON)
			object->kind = STRESS_DAEMON;
		else if (row->objects)
			stress_wrong(parser, at, "name it: fault OBJECT WORDS",
				     "'%s' has to happen to something", row->words);
		return;
	}
	if (object->kind == STRESS_LINK && (row->objects & STRESS_LOWER))
		object->kind = STRESS_LOWER;
	if (!(row->objects & object->kind))
		stress_wrong(parser, at, NULL, "'%s' cannot happen to that", row->words);
}

/* "link lan0 upper tap", where lan0 is: what follows belongs to a declaration. */
static bool declares(const struct stress_parser *parser, const char *first)
{
	static const enum stress_keyword options[] = {STRESS_KEYWORD_UPPER,  STRESS_KEYWORD_LOWER,
						      STRESS_KEYWORD_FILTER, STRESS_KEYWORD_PEER,
						      STRESS_KEYWORD_DAEMON, STRESS_KEYWORD_QDISC};

	if (strcmp(first, "client") == 0)
		return stress_at_word(parser, STRESS_KEYWORD_ON);
	if (strcmp(first, "device") == 0)
		return false;
	for (size_t i = 0; strcmp(first, "link") == 0 && i < sizeof(options) / sizeof(options[0]);
	     i++)
		if (stress_at_word(parser, options[i]))
			return true;
	return parser->blocks == 0 && stress_at_end(parser);
}

void stress_parse_fault(struct stress_parser *parser, struct stress_statement *statement,
			const char *first)
{
	const unsigned any = STRESS_LINK | STRESS_SIDES | STRESS_CLIENT | STRESS_DAEMON;
	struct stress_at at = stress_here(parser);
	char words[2 * STRESS_NAME_BYTES] = "", name[2 * STRESS_NAME_BYTES];
	bool given = stress_is_object(parser, any);

	statement->kind = STRESS_FAULTS;
	if (!given && first && strcmp(first, "daemon") != 0) {
		stress_need_object(parser,
				   strcmp(first, "client") == 0 ? STRESS_CLIENT : STRESS_SIDES,
				   &statement->object);
		return; /* nothing is called so */
	}
	if (given && !stress_need_object(parser, any, &statement->object))
		return;
	if (given && first && declares(parser, first))
		stress_wrong(parser, at, "use another name, or say what happens to it",
			     "'%s' is there already",
			     stress_object_show(parser->scenario, &statement->object, name,
						sizeof(name)));
	if (first) {
		snprintf(words, sizeof(words), "%s", first);
	} else if (parser->token.kind == STRESS_TOKEN_WORD &&
		   parser->token.length < STRESS_NAME_BYTES) {
		stress_token_text(parser, words, STRESS_NAME_BYTES);
		stress_take_token(parser);
	}
	statement->fault = need_words(parser, words, sizeof(words));
	if (parser->err || statement->fault == STRESS_FAULT_NONE)
		return;
	check_object(parser, statement, given, at);
	stress_need_worlds(parser, statement->at, stress_fault_row(statement->fault)->worlds,
			   words);
	at = stress_here(parser);
	need_parameter(parser, statement);
	check_parameter(parser, statement, at);
	if (statement->fault == STRESS_FAULT_SEND_ERROR &&
	    stress_accept(parser, STRESS_KEYWORD_RATE))
		statement->share = stress_need_number(parser, STRESS_SHARE, "the rate");
	at = stress_here(parser);
	if (!stress_accept(parser, STRESS_KEYWORD_FOR))
		return;
	if (stress_fault_row(statement->fault)->undo == STRESS_FAULT_NONE)
		stress_wrong(parser, at, "leave 'for' out", "nothing undoes '%s'", words);
	statement->duration = stress_need_number(parser, STRESS_DURATION, "how long");
}

void stress_parse_stack(struct stress_parser *parser, struct stress_statement *statement)
{
	struct stress_at at;
	char word[STRESS_NAME_BYTES];

	statement->kind = STRESS_STACK;
	if (!stress_need_object(parser, STRESS_LINK, &statement->object))
		return;
	at = stress_here(parser);
	if (!stress_need_name(parser, "pause, restart, attach or detach", word, sizeof(word)))
		return;
	for (unsigned i = STRESS_ORDER_PAUSE; i <= STRESS_ORDER_DETACH; i++) {
		if (strcmp(word, stress_order_name((enum stress_order)i)) != 0)
			continue;
		statement->order = (enum stress_order)i;
		return;
	}
	stress_wrong(parser, at, "they are pause, restart, attach, detach",
		     "'%s' can be done to no stack", word);
}

void stress_parse_filter(struct stress_parser *parser, struct stress_statement *statement)
{
	struct stress_object *object = &statement->object;
	struct stress_at at = stress_here(parser);

	statement->kind = STRESS_FILTER;
	if (!stress_need_object(parser, STRESS_LINK | STRESS_MODULE, object))
		return;
	if (stress_accept(parser, STRESS_KEYWORD_INSERT)) {
		statement->order = STRESS_ORDER_INSERT;
		if (object->kind != STRESS_LINK)
			stress_wrong(parser, at, "write: filter LINK insert \"NAME:options\"",
				     "a filter is inserted into a link");
		stress_need_string(parser, "a filter and its options", statement->text,
				   sizeof(statement->text));
		return;
	}
	if (stress_accept(parser, STRESS_KEYWORD_REMOVE)) {
		statement->order = STRESS_ORDER_REMOVE;
	} else if (stress_accept(parser, STRESS_KEYWORD_SET)) {
		statement->order = STRESS_ORDER_SET;
		stress_need_string(parser, "options", statement->text, sizeof(statement->text));
	} else {
		stress_wanted(parser, "insert, remove or set", NULL);
	}
	if (object->kind != STRESS_MODULE)
		stress_wrong(parser, at, "write LINK/MODULE", "a module is wanted");
}
