/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_declare.c - what there is in a scenario: links, clients, daemons, variables.
 */
#include <stdio.h>
#include <string.h>

#include "parser.h"

#define MTU_MIN_BYTES 68
#define MTU_MAX_BYTES 65535

void stress_parse_header(struct stress_parser *parser)
{
	struct stress_scenario *scenario = parser->scenario;
	int64_t seed;

	if (parser->has_header)
		stress_wrong(parser, stress_here(parser), NULL,
			     "the scenario has its name already");
	parser->has_header = true;
	stress_need_string(parser, "the scenario's name", scenario->name, sizeof(scenario->name));
	if (!stress_accept(parser, STRESS_KEYWORD_SEED) ||
	    !stress_need_constant(parser, STRESS_COUNT, "the seed", &seed))
		return;
	scenario->seed = (uint64_t)seed;
	scenario->has_seed = true;
}

/* The value of a variable that the command line gives. */
static struct stress_expr *set_value(struct stress_parser *parser, const char *text)
{
	struct stress_lexer outer = parser->lexer;
	struct stress_token token = parser->token;
	struct stress_expr *value;

	stress_begin_text(parser, "--set", text, strlen(text));
	value = stress_need_value(parser);
	if (!stress_at_end(parser))
		stress_wanted(parser, "the end of the value", NULL);
	if (!parser->err) {
		parser->lexer = outer;
		parser->token = token;
	}
	return value;
}

static const struct stress_expr *overridden(struct stress_parser *parser,
					    struct stress_variable *variable)
{
	for (size_t i = 0; i < parser->setting_count; i++) {
		if (strcmp(parser->settings[i].name, variable->name) != 0)
			continue;
		parser->settings[i].used = true;
		variable->overridden = true;
		snprintf(variable->value, sizeof(variable->value), "%s", parser->settings[i].value);
		return set_value(parser, parser->settings[i].value);
	}
	return NULL;
}

void stress_parse_let(struct stress_parser *parser)
{
	struct stress_symbol *symbol = stress_take(parser, sizeof(*symbol));
	struct stress_variable *variable = stress_take(parser, sizeof(*variable));
	const struct stress_expr *value, *other;
	struct stress_at at;

	if (!symbol || !variable ||
	    !stress_need_new_name(parser, "the variable's name", symbol->name,
				  sizeof(symbol->name)))
		return;
	if (++parser->variables > STRESS_VARIABLES_MAX)
		stress_wrong(parser, stress_here(parser), NULL, "%u variables are the most",
			     STRESS_VARIABLES_MAX);
	stress_need_sign(parser, '=');
	at = stress_here(parser);
	value = stress_need_value(parser);
	if (!value || parser->err)
		return;
	snprintf(variable->name, sizeof(variable->name), "%s", symbol->name);
	stress_expr_show(parser->scenario, value, variable->value, sizeof(variable->value));
	other = overridden(parser, variable);
	if (other && other->unit != value->unit)
		stress_wrong(parser, at, "give it the unit that stands here",
			     "--set %s=%s has another unit", symbol->name, variable->value);
	symbol->value = other ? other : value;
	symbol->next = parser->symbols;
	parser->symbols = symbol;
	variable->next = parser->scenario->variables;
	parser->scenario->variables = variable;
}

void stress_parse_profile(struct stress_parser *parser)
{
	struct stress_at at = stress_here(parser);
	char name[STRESS_NAME_BYTES];

	if (!stress_need_name(parser, "a profile (strict, lenient, npcap)", name, sizeof(name)))
		return;
	if (!lwf_profile_parse(name, &parser->scenario->profile))
		stress_wrong(parser, at, "they are strict, lenient, npcap",
			     "there is no profile '%s'", name);
}

/* A new name, or a problem. */
static bool new_name(struct stress_parser *parser, const char *what, char *name)
{
	struct stress_at at = stress_here(parser);

	if (stress_is_object(parser, ~0u)) {
		char text[STRESS_NAME_BYTES];

		stress_wrong(parser, at, "use another name", "'%s' is there already",
			     stress_token_text(parser, text, sizeof(text)));
		return false;
	}
	return stress_need_name(parser, what, name, STRESS_NAME_BYTES);
}

void stress_parse_daemon(struct stress_parser *parser)
{
	struct stress_scenario *scenario = parser->scenario;

	if (scenario->daemons == STRESS_DAEMONS_MAX) {
		stress_wrong(parser, stress_here(parser), NULL, "%u daemons are the most",
			     STRESS_DAEMONS_MAX);
		return;
	}
	scenario->daemon_at[scenario->daemons] = stress_here(parser);
	if (new_name(parser, "a daemon's name", scenario->daemon[scenario->daemons]))
		scenario->daemons++;
}

/* What a fault does to a daemon; empty for all others. */
static const char *nth_deed(const void *context, unsigned i)
{
	const char *words = stress_nth_fault(context, i);

	return words && strncmp(words, "daemon ", 7) == 0 ? words + 7 : words ? "" : NULL;
}

void stress_check_daemons(struct stress_parser *parser)
{
	const struct stress_scenario *scenario = parser->scenario;

	for (uint32_t d = 1; d < scenario->daemons; d++) {
		const char *name = scenario->daemon[d], *next;
		char hint[2 * STRESS_NAME_BYTES + 32];
		uint32_t links = 0;

		for (uint32_t i = 0; i < scenario->links; i++)
			links += scenario->link[i].daemon == d;
		if (links)
			continue;
		next = stress_suggest(name, nth_deed, NULL, hint, sizeof(hint));
		if (!next)
			snprintf(hint, sizeof(hint), "give it one: link NAME daemon %s", name);
		stress_wrong(parser, scenario->daemon_at[d], hint, "the daemon '%s' has no link",
			     name);
	}
}

static void link_filter(struct stress_parser *parser, struct stress_link *link)
{
	if (link->filters == STRESS_LINK_FILTERS_MAX) {
		stress_wrong(parser, stress_here(parser), NULL, "%u filters are the most",
			     STRESS_LINK_FILTERS_MAX);
		return;
	}
	if (stress_need_string(parser, "a filter and its options", link->filter[link->filters],
			       STRESS_TEXT_BYTES))
		link->filters++;
}

static void link_peer(struct stress_parser *parser, uint32_t self)
{
	struct stress_scenario *scenario = parser->scenario;
	struct stress_at at = stress_here(parser);
	struct stress_object object;

	if (!stress_need_object(parser, STRESS_LINK, &object))
		return;
	if (object.index == self || scenario->link[object.index].peer != object.index) {
		stress_wrong(parser, at, NULL, "a wire has two ends, and that one is taken");
		return;
	}
	scenario->link[self].peer = object.index;
	scenario->link[object.index].peer = self;
}

static void link_option(struct stress_parser *parser, struct stress_link *link, uint32_t self)
{
	struct stress_object object;
	int64_t mtu = 0;

	if (stress_accept(parser, STRESS_KEYWORD_UPPER)) {
		link->has_upper = stress_accept(parser, STRESS_KEYWORD_TAP);
		if (!link->has_upper && !stress_accept(parser, STRESS_KEYWORD_NONE))
			stress_wanted(parser, "'tap' or 'none'", NULL);
	} else if (stress_accept(parser, STRESS_KEYWORD_LOWER)) {
		stress_need(parser, STRESS_KEYWORD_VETH);
	} else if (stress_accept(parser, STRESS_KEYWORD_MTU)) {
		struct stress_at at = stress_here(parser);

		if (stress_need_constant(parser, STRESS_COUNT, "an MTU", &mtu) &&
		    (mtu < MTU_MIN_BYTES || mtu > MTU_MAX_BYTES))
			stress_wrong(parser, at, NULL, "an MTU is %d to %d", MTU_MIN_BYTES,
				     MTU_MAX_BYTES);
		link->mtu_bytes = (uint32_t)mtu;
	} else if (stress_accept(parser, STRESS_KEYWORD_FILTER)) {
		link_filter(parser, link);
	} else if (stress_accept(parser, STRESS_KEYWORD_PEER)) {
		link_peer(parser, self);
	} else if (stress_accept(parser, STRESS_KEYWORD_QDISC)) {
		stress_need(parser, STRESS_KEYWORD_KERNEL);
		link->qdisc_kernel = true;
	} else if (stress_accept(parser, STRESS_KEYWORD_OFFLOAD)) {
		stress_need(parser, STRESS_KEYWORD_NONE);
		link->offload_none = true;
	} else if (stress_accept(parser, STRESS_KEYWORD_DAEMON)) {
		if (stress_need_object(parser, STRESS_DAEMON, &object))
			link->daemon = object.index;
	} else {
		stress_wanted(parser, "an option of a link",
			      "they are upper, lower, mtu, filter, peer, daemon, qdisc, "
			      "offload");
	}
}

void stress_parse_link(struct stress_parser *parser)
{
	struct stress_scenario *scenario = parser->scenario;
	struct stress_link *link;

	if (scenario->links == STRESS_LINKS_MAX) {
		stress_wrong(parser, stress_here(parser), NULL, "%u links are the most",
			     STRESS_LINKS_MAX);
		return;
	}
	link = &scenario->link[scenario->links];
	link->at = stress_here(parser);
	link->has_upper = true;
	link->mtu_bytes = 1500;
	link->peer = scenario->links;
	if (!new_name(parser, "a link's name", link->name))
		return;
	if (stress_at_sign(parser, '.') || stress_at_sign(parser, '/')) {
		stress_wrong(parser, link->at, "declare it before: link NAME ...",
			     "there is no link '%s'", link->name);
		return;
	}
	scenario->links++;
	while (!stress_at_end(parser))
		link_option(parser, link, scenario->links - 1);
}

void stress_parse_client(struct stress_parser *parser)
{
	struct stress_scenario *scenario = parser->scenario;
	struct stress_client *client;
	struct stress_object object;

	if (scenario->clients == STRESS_CLIENTS_MAX) {
		stress_wrong(parser, stress_here(parser), NULL, "%u clients are the most",
			     STRESS_CLIENTS_MAX);
		return;
	}
	client = &scenario->client[scenario->clients];
	client->at = stress_here(parser);
	if (!new_name(parser, "a client's name", client->name))
		return;
	if (!stress_at_word(parser, STRESS_KEYWORD_ON))
		stress_wrong(parser, client->at, "declare it before: client NAME on LINK",
			     "there is no client '%s'", client->name);
	stress_need(parser, STRESS_KEYWORD_ON);
	if (!stress_need_object(parser, STRESS_LINK, &object))
		return;
	client->link = object.index;
	scenario->clients++;
	if (!stress_accept(parser, STRESS_KEYWORD_WHEN_PAUSED))
		return;
	client->wait_when_paused = stress_accept(parser, STRESS_KEYWORD_WAIT);
	if (!client->wait_when_paused)
		stress_need(parser, STRESS_KEYWORD_FAIL);
}
