/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_expr.c - numbers with units, ranges, names, conditions.
 *
 * Units are checked here, so that a run never meets 20ms == 3. A plain 0 is a number of every unit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/stack.h>

#include "parser.h"
#include "units.h"

static const char *const unit_names[] = {
	"a number",	    "a time with a unit (20ms, 2s)",
	"a share (5%)",	    "a rate (20kpps)",
	"a rate (100Mbps)", "a state (running)",
};

static struct stress_expr *new_expr(struct stress_parser *parser, enum stress_expr_kind kind,
				    enum stress_unit unit, struct stress_at at)
{
	struct stress_expr *expr = stress_take(parser, sizeof(*expr));

	if (expr) {
		expr->kind = kind;
		expr->unit = unit;
		expr->parts = 1;
		expr->at = at;
		expr->word = -1;
	}
	return expr;
}

/* Makes @expr that of its parts. Whoever walks over it goes as deep, and a variable that stands in
 * it twice is walked over twice: so it has bounds. */
static void set_parts(struct stress_parser *parser, struct stress_expr *expr,
		      struct stress_expr *left, struct stress_expr *right)
{
	expr->left = left;
	expr->right = right;
	expr->parts = 1 + left->parts + (right ? right->parts : 0);
	if (expr->parts > STRESS_PARTS_MAX)
		stress_wrong(parser, right ? right->at : expr->at, "take it apart",
			     "an expression of more than %u parts, with those of its variables",
			     STRESS_PARTS_MAX);
}

static bool is_zero(const struct stress_expr *expr)
{
	return expr->kind == STRESS_EXPR_NUMBER && expr->unit == STRESS_COUNT && expr->number == 0;
}

/* ---- names ---- */

static int find_named(const struct stress_parser *parser, const char *name, unsigned kinds,
		      struct stress_object *object)
{
	const struct stress_scenario *scenario = parser->scenario;

	memset(object, 0, sizeof(*object));
	for (uint32_t i = 0; i < scenario->links; i++)
		if (strcmp(scenario->link[i].name, name) == 0) {
			object->kind = STRESS_LINK;
			object->index = i;
			return kinds & (STRESS_LINK | STRESS_SIDES | STRESS_MODULE) ? 0 : -EINVAL;
		}
	for (uint32_t i = 0; i < scenario->clients; i++)
		if (strcmp(scenario->client[i].name, name) == 0) {
			object->kind = STRESS_CLIENT;
			object->index = i;
			return kinds & STRESS_CLIENT ? 0 : -EINVAL;
		}
	for (uint32_t i = 0; i < scenario->daemons; i++)
		if (strcmp(scenario->daemon[i], name) == 0) {
			object->kind = STRESS_DAEMON;
			object->index = i;
			return kinds & STRESS_DAEMON ? 0 : -EINVAL;
		}
	return -ENOENT;
}

bool stress_is_object(const struct stress_parser *parser, unsigned kinds)
{
	struct stress_object object;
	char name[STRESS_NAME_BYTES + 1];

	if (parser->token.kind != STRESS_TOKEN_WORD)
		return false;
	stress_token_text(parser, name, sizeof(name));
	return find_named(parser, name, kinds, &object) == 0;
}

static void kinds_in_words(unsigned kinds, char *text, size_t bytes)
{
	static const struct {
		unsigned kind;
		const char *text;
	} rows[] = {
		{STRESS_LINK, "a link"},
		{STRESS_LOWER, "LINK.lower"},
		{STRESS_UPPER, "LINK.upper"},
		{STRESS_MODULE, "LINK/MODULE"},
		{STRESS_CLIENT, "a client's name"},
		{STRESS_DAEMON, "a daemon's name"},
	};
	const char *comma = "";

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t used = strlen(text);

		if (!(kinds & rows[i].kind))
			continue;
		snprintf(text + used, bytes - used, "%s%s", comma, rows[i].text);
		comma = " or ";
	}
}

static const char *nth_object(const void *context, unsigned i)
{
	const struct stress_scenario *scenario = context;

	if (i < scenario->links)
		return scenario->link[i].name;
	i -= scenario->links;
	if (i < scenario->clients)
		return scenario->client[i].name;
	i -= scenario->clients;
	return i < scenario->daemons ? scenario->daemon[i] : NULL;
}

/* What stands behind a link's name. */
static void need_part(struct stress_parser *parser, struct stress_object *object)
{
	if (stress_accept_sign(parser, '.')) {
		if (stress_accept(parser, STRESS_KEYWORD_LOWER))
			object->kind = STRESS_LOWER;
		else if (stress_accept(parser, STRESS_KEYWORD_UPPER))
			object->kind = STRESS_UPPER;
		else
			stress_wanted(parser, "'lower' or 'upper'", NULL);
	} else if (stress_accept_sign(parser, '/')) {
		object->kind = STRESS_MODULE;
		if (parser->token.kind != STRESS_TOKEN_WORD) {
			stress_wanted(parser, "a module's name", NULL);
			return;
		}
		if (parser->token.length >= sizeof(object->module))
			stress_wrong(parser, stress_here(parser), NULL, "no module is called so");
		stress_token_text(parser, object->module, sizeof(object->module));
		stress_take_token(parser);
	}
}

bool stress_need_object(struct stress_parser *parser, unsigned kinds, struct stress_object *object)
{
	struct stress_at at = stress_here(parser);
	char name[STRESS_NAME_BYTES + 1], wanted[96], hint[80];
	int err;

	kinds_in_words(kinds, wanted, sizeof(wanted));
	memset(object, 0, sizeof(*object));
	if (parser->token.kind != STRESS_TOKEN_WORD) {
		stress_wanted(parser, wanted, NULL);
		return false;
	}
	stress_token_text(parser, name, sizeof(name));
	err = find_named(parser, name, kinds, object);
	if (err == -ENOENT) {
		stress_wrong(parser, at,
			     stress_suggest(name, nth_object, parser->scenario, hint, sizeof(hint)),
			     "nothing is called '%s'; %s is wanted", name, wanted);
		return false;
	}
	stress_take_token(parser);
	if (object->kind == STRESS_LINK)
		need_part(parser, object);
	if (object->kind == STRESS_LINK && !(kinds & STRESS_LINK) && (kinds & STRESS_LOWER))
		object->kind = STRESS_LOWER; /* the side that links are spoken of */
	if (!parser->err && !(kinds & object->kind))
		stress_wrong(parser, at, NULL, "%s is wanted here", wanted);
	if (object->kind == STRESS_UPPER && !parser->scenario->link[object->index].has_upper)
		stress_wrong(parser, at, "give it 'upper tap'", "%s has no upper side", name);
	return !parser->err;
}

/* ---- numbers ---- */

static bool read_seconds(const char *text, int64_t *value)
{
	uint64_t ns;

	if (lwf_units_duration(text, &ns) || ns > INT64_MAX / 4)
		return false;
	*value = (int64_t)ns;
	return true;
}

static bool read_share(const char *text, int64_t *value)
{
	char *end;
	double share = strtod(text, &end);

	if (strcmp(end, "%") != 0 || !(share >= 0.0) || share > 100.0)
		return false;
	*value = (int64_t)(share * 10000.0 + 0.5);
	return true;
}

static struct stress_expr *need_literal(struct stress_parser *parser)
{
	struct stress_expr *expr =
		new_expr(parser, STRESS_EXPR_NUMBER, STRESS_COUNT, stress_here(parser));
	struct lwf_rate rate;
	uint64_t count;
	char text[40];

	if (!expr)
		return NULL;
	stress_token_text(parser, text, sizeof(text));
	if (parser->token.length >= sizeof(text)) {
		stress_wrong(parser, expr->at, NULL, "a number of %zu characters",
			     parser->token.length);
	} else if (lwf_units_count(text, &count) == 0 && count <= INT64_MAX / 4) {
		expr->number = (int64_t)count;
	} else if (read_seconds(text, &expr->number)) {
		expr->unit = STRESS_DURATION;
	} else if (read_share(text, &expr->number)) {
		expr->unit = STRESS_SHARE;
	} else if (lwf_units_rate(text, &rate) == 0 && rate.per_second < 9e15) {
		expr->unit = rate.kind == LWF_RATE_BITS ? STRESS_BIT_RATE : STRESS_FRAME_RATE;
		expr->number = (int64_t)(rate.per_second + 0.5);
	} else {
		stress_wrong(parser, expr->at,
			     "numbers are 1000, 10k, 20ms, 2s, 10m, 1h, 5%, 20kpps, 100Mbps",
			     "'%s' is no number", text);
	}
	stress_take_token(parser);
	return expr;
}

const struct stress_symbol *stress_remembered(const struct stress_parser *parser, const char *name)
{
	for (const struct stress_symbol *symbol = parser->symbols; symbol; symbol = symbol->next)
		if (symbol->remembered && strcmp(symbol->name, name) == 0)
			return symbol;
	return NULL;
}

bool stress_need_new_name(struct stress_parser *parser, const char *what, char *text, size_t bytes)
{
	struct stress_at at = stress_here(parser);
	enum lwf_state state;

	if (!stress_need_name(parser, what, text, bytes))
		return false;
	if (lwf_state_parse(text, &state) || stress_quantity_find(text) != STRESS_QUANTITIES)
		stress_wrong(parser, at, "use another name", "'%s' has a meaning already", text);
	for (const struct stress_symbol *old = parser->symbols; old; old = old->next)
		if (!old->remembered && strcmp(old->name, text) == 0)
			stress_wrong(parser, at, "use another name", "'%s' is there already", text);
	return !parser->err;
}

/* A variable's value, a counter, what was remembered, a state; NULL when the word is none of them. */
static struct stress_expr *find_value(struct stress_parser *parser, const char *name,
				      struct stress_at at)
{
	struct stress_expr *expr;
	enum lwf_state state;

	for (const struct stress_symbol *symbol = parser->symbols; symbol; symbol = symbol->next) {
		if (strcmp(symbol->name, name) != 0)
			continue;
		expr = new_expr(parser, STRESS_EXPR_COUNTER, symbol->unit, at);
		if (expr && symbol->remembered)
			expr->text = symbol->name;
		if (expr && symbol->value) {
			*expr = *symbol->value;
			expr->at = at;
		} else if (expr) {
			expr->number = symbol->counter;
		}
		return expr;
	}
	if (!lwf_state_parse(name, &state))
		return NULL;
	expr = new_expr(parser, STRESS_EXPR_NUMBER, STRESS_STATE, at);
	if (expr)
		expr->number = state;
	return expr;
}

/* ---- what can be asked ---- */

static const char *nth_status(const void *context, unsigned i)
{
	(void)context;
	return i < LWF_ANSWERS ? lwf_status_name(lwf_answer_status((enum lwf_answer)i)) : NULL;
}

static const char *nth_reason(const void *context, unsigned i)
{
	(void)context;
	return i < LWF_REASONS ? lwf_reason_name((enum lwf_reason)i) : NULL;
}

static const char *nth_hold(const void *context, unsigned i)
{
	(void)context;
	return i < LWF_HOLDS ? lwf_hold_name((enum lwf_hold)i) : NULL;
}

static int need_word(struct stress_parser *parser, enum stress_word kind)
{
	const char *(*nth)(const void *, unsigned) = kind == STRESS_STATUS_WORD	  ? nth_status
						     : kind == STRESS_REASON_WORD ? nth_reason
										  : nth_hold;
	struct stress_at at = stress_here(parser);
	char text[STRESS_NAME_BYTES], hint[64];
	const char *name;

	if (parser->token.kind != STRESS_TOKEN_WORD || parser->token.length >= sizeof(text)) {
		stress_wanted(parser,
			      kind == STRESS_STATUS_WORD   ? "a status (SUCCESS, PAUSED ...)"
			      : kind == STRESS_REASON_WORD ? "a reason (not-running ...)"
							   : "a hold (user, link ...)",
			      NULL);
		return -1;
	}
	stress_token_text(parser, text, sizeof(text));
	for (unsigned i = 0; (name = nth(NULL, i)); i++) {
		if (strcmp(name, text) != 0)
			continue;
		stress_take_token(parser);
		return (int)i;
	}
	stress_wrong(parser, at, stress_suggest(text, nth, NULL, hint, sizeof(hint)),
		     "'%s' is no %s", text,
		     kind == STRESS_STATUS_WORD	  ? "status"
		     : kind == STRESS_REASON_WORD ? "reason"
						  : "hold");
	return -1;
}

static const char *need_quoted(struct stress_parser *parser)
{
	char *text = stress_take(parser, STRESS_TEXT_BYTES);

	if (text)
		stress_need_string(parser, "a text", text, STRESS_TEXT_BYTES);
	return text;
}

static struct stress_expr *need_question(struct stress_parser *parser,
					 enum stress_quantity quantity, struct stress_at at)
{
	const struct stress_quantity_row *row = stress_quantity_row(quantity);
	struct stress_expr *expr = new_expr(parser, STRESS_EXPR_QUANTITY, row->unit, at);

	if (!expr)
		return NULL;
	expr->quantity = quantity;
	stress_need_worlds(parser, at, row->worlds, row->name);
	stress_need_sign(parser, '(');
	if ((row->objects & STRESS_DAEMON) && stress_at_sign(parser, ')'))
		expr->object.kind = STRESS_DAEMON;
	else if (row->objects)
		stress_need_object(parser, row->objects, &expr->object);
	if (row->word == STRESS_HOLD_WORD)
		stress_need_sign(parser, ',');
	if (row->word == STRESS_TEXT_WORD && stress_accept_sign(parser, ','))
		expr->text = need_quoted(parser);
	else if (row->word == STRESS_HOLD_WORD ||
		 (row->word != STRESS_NO_WORD && stress_accept_sign(parser, ',')))
		expr->word = need_word(parser, row->word);
	stress_need_sign(parser, ')');
	return expr;
}

static const char *nth_name(const void *context, unsigned i)
{
	const struct stress_parser *parser = context;

	if (i < STRESS_QUANTITIES)
		return stress_quantity_row((enum stress_quantity)i)->name;
	i -= STRESS_QUANTITIES;
	if (i < LWF_STATES)
		return lwf_state_name((enum lwf_state)i);
	i -= LWF_STATES;
	for (const struct stress_symbol *symbol = parser->symbols; symbol;
	     symbol = symbol->next, i--)
		if (i == 0)
			return symbol->name;
	return NULL;
}

/* ---- precedence, lowest last ---- */

static struct stress_expr *need_or(struct stress_parser *parser);

static struct stress_expr *need_primary(struct stress_parser *parser)
{
	struct stress_at at = stress_here(parser);
	struct stress_expr *expr;
	enum stress_quantity quantity;
	char name[STRESS_NAME_BYTES + 1], hint[80];

	if (parser->token.kind == STRESS_TOKEN_NUMBER)
		return need_literal(parser);
	if (stress_accept_sign(parser, '(')) {
		if (++parser->expr_depth > STRESS_DEPTH_MAX)
			stress_wrong(parser, at, NULL, "too many parentheses");
		expr = need_or(parser);
		stress_need_sign(parser, ')');
		parser->expr_depth--;
		return expr;
	}
	if (parser->token.kind != STRESS_TOKEN_WORD) {
		stress_wanted(parser, "a number or a quantity", NULL);
		return NULL;
	}
	stress_token_text(parser, name, sizeof(name));
	quantity = stress_quantity_find(name);
	if (quantity != STRESS_QUANTITIES) {
		stress_take_token(parser);
		return need_question(parser, quantity, at);
	}
	expr = find_value(parser, name, at);
	if (expr) {
		stress_take_token(parser);
		return expr;
	}
	stress_wrong(parser, at, stress_suggest(name, nth_name, parser, hint, sizeof(hint)),
		     "'%s' is no quantity, state or variable", name);
	return NULL;
}

static struct stress_expr *join(struct stress_parser *parser, enum stress_expr_kind kind,
				enum stress_unit unit, struct stress_expr *left,
				struct stress_expr *right)
{
	struct stress_expr *expr;

	if (!left || !right || parser->err)
		return NULL;
	expr = new_expr(parser, kind, unit, left->at);
	if (expr)
		set_parts(parser, expr, left, right);
	return expr;
}

/* The unit of both; a plain 0 takes the other's. */
static enum stress_unit common_unit(struct stress_parser *parser, struct stress_expr *left,
				    struct stress_expr *right)
{
	if (!left || !right)
		return STRESS_COUNT;
	if (is_zero(left) && right->unit != STRESS_STATE)
		left->unit = right->unit;
	if (is_zero(right) && left->unit != STRESS_STATE)
		right->unit = left->unit;
	if (left->unit != right->unit)
		stress_wrong(parser, right->at, NULL, "%s stands beside %s",
			     unit_names[right->unit], unit_names[left->unit]);
	return left->unit;
}

static struct stress_expr *need_factor(struct stress_parser *parser)
{
	struct stress_expr *left = need_primary(parser);

	while (stress_accept_sign(parser, '*')) {
		struct stress_expr *right = need_primary(parser);
		enum stress_unit unit;

		if (!left || !right)
			return NULL;
		if (left->unit != STRESS_COUNT && right->unit != STRESS_COUNT)
			stress_wrong(parser, right->at, NULL, "one factor has to be a number");
		unit = left->unit == STRESS_COUNT ? right->unit : left->unit;
		left = join(parser, STRESS_EXPR_MULTIPLY, unit, left, right);
	}
	return left;
}

static struct stress_expr *need_sum(struct stress_parser *parser)
{
	struct stress_expr *left = need_factor(parser);

	while (stress_at_sign(parser, '+') || stress_at_sign(parser, '-')) {
		enum stress_expr_kind kind =
			stress_at_sign(parser, '+') ? STRESS_EXPR_ADD : STRESS_EXPR_SUBTRACT;
		struct stress_expr *right;
		enum stress_unit unit;

		stress_take_token(parser);
		right = need_factor(parser);
		unit = common_unit(parser, left, right);
		left = join(parser, kind, unit, left, right);
	}
	return left;
}

static bool comparison(const struct stress_parser *parser, enum stress_expr_kind *kind)
{
	switch (parser->token.kind) {
	case STRESS_TOKEN_EQUAL:
		*kind = STRESS_EXPR_EQUAL;
		return true;
	case STRESS_TOKEN_UNEQUAL:
		*kind = STRESS_EXPR_UNEQUAL;
		return true;
	case STRESS_TOKEN_AT_MOST:
		*kind = STRESS_EXPR_AT_MOST;
		return true;
	case STRESS_TOKEN_AT_LEAST:
		*kind = STRESS_EXPR_AT_LEAST;
		return true;
	default:
		*kind = stress_at_sign(parser, '<') ? STRESS_EXPR_LESS : STRESS_EXPR_MORE;
		return stress_at_sign(parser, '<') || stress_at_sign(parser, '>');
	}
}

static struct stress_expr *need_comparison(struct stress_parser *parser)
{
	struct stress_expr *left, *right;
	enum stress_expr_kind kind;

	if (stress_at_word(parser, STRESS_KEYWORD_NOT)) {
		struct stress_expr *expr =
			new_expr(parser, STRESS_EXPR_NOT, STRESS_COUNT, stress_here(parser));
		struct stress_expr *what;

		stress_take_token(parser);
		if (++parser->expr_depth > STRESS_DEPTH_MAX)
			stress_wrong(parser, stress_here(parser), NULL, "too many times 'not'");
		what = need_comparison(parser);
		if (expr && what)
			set_parts(parser, expr, what, NULL);
		parser->expr_depth--;
		return expr;
	}
	left = need_sum(parser);
	if (stress_at_sign(parser, '='))
		stress_wrong(parser, stress_here(parser), "write ==", "'=' compares nothing");
	if (!comparison(parser, &kind))
		return left;
	stress_take_token(parser);
	right = need_sum(parser);
	if (left && right && common_unit(parser, left, right) == STRESS_STATE &&
	    kind != STRESS_EXPR_EQUAL && kind != STRESS_EXPR_UNEQUAL)
		stress_wrong(parser, right->at, "use == or !=", "states are not more or less");
	return join(parser, kind, STRESS_COUNT, left, right);
}

static struct stress_expr *need_and(struct stress_parser *parser)
{
	struct stress_expr *left = need_comparison(parser);

	while (stress_accept(parser, STRESS_KEYWORD_AND))
		left = join(parser, STRESS_EXPR_AND, STRESS_COUNT, left, need_comparison(parser));
	return left;
}

static struct stress_expr *need_or(struct stress_parser *parser)
{
	struct stress_expr *left = need_and(parser);

	while (stress_accept(parser, STRESS_KEYWORD_OR))
		left = join(parser, STRESS_EXPR_OR, STRESS_COUNT, left, need_and(parser));
	return left;
}

struct stress_expr *stress_need_condition(struct stress_parser *parser)
{
	struct stress_expr *expr = need_or(parser);

	if (expr && expr->unit != STRESS_COUNT)
		stress_wrong(parser, expr->at, "compare it: == != < <= > >=", "%s is no condition",
			     unit_names[expr->unit]);
	return expr;
}

struct stress_expr *stress_need_value(struct stress_parser *parser)
{
	struct stress_expr *left = need_sum(parser), *right;
	enum stress_unit unit;

	if (parser->token.kind != STRESS_TOKEN_RANGE)
		return left;
	stress_take_token(parser);
	right = need_sum(parser);
	unit = common_unit(parser, left, right);
	if (left && right && left->kind == STRESS_EXPR_NUMBER &&
	    right->kind == STRESS_EXPR_NUMBER && left->number > right->number)
		stress_wrong(parser, left->at, NULL, "a range goes from the smaller to the larger");
	return join(parser, STRESS_EXPR_RANGE, unit, left, right);
}

struct stress_expr *stress_need_number(struct stress_parser *parser, enum stress_unit unit,
				       const char *what)
{
	struct stress_at at = stress_here(parser);
	struct stress_expr *expr;

	if (stress_at_end(parser)) {
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "%s (%s)", what, unit_names[unit]);
		stress_wanted(parser, wanted, NULL);
		return NULL;
	}
	expr = stress_need_value(parser);
	if (expr && is_zero(expr))
		expr->unit = unit;
	if (expr && expr->unit != unit)
		stress_wrong(parser, at, NULL, "%s is %s, not %s", what, unit_names[unit],
			     unit_names[expr->unit]);
	return expr;
}

bool stress_need_constant(struct stress_parser *parser, enum stress_unit unit, const char *what,
			  int64_t *value)
{
	struct stress_expr *expr = stress_need_number(parser, unit, what);

	if (expr && expr->kind != STRESS_EXPR_NUMBER)
		stress_wrong(parser, expr->at, NULL, "%s is one number", what);
	if (!expr || parser->err)
		return false;
	*value = expr->number;
	return true;
}
