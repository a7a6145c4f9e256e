/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight.c - judges frames as they come out, and finds out who asks for that.
 */
#include "sight.h"

#include <string.h>

/* ---- which frames there are ---- */

/* Whether frames of @traffic come out at @at. */
static bool goes_there(const struct stress_scenario *scenario, const struct stress_traffic *traffic,
		       const struct stress_object *at)
{
	uint32_t link = traffic->from.kind == STRESS_CLIENT
				? scenario->client[traffic->from.index].link
				: traffic->from.index;
	bool to_host = traffic->from.kind == STRESS_CLIENT ? traffic->receive
							   : traffic->from.kind == STRESS_LOWER;
	uint32_t peer = scenario->link[link].peer;

	if (to_host)
		return at->kind == STRESS_UPPER && at->index == link;
	return at->kind == STRESS_LOWER ? at->index == link : peer != link && at->index == peer;
}

const struct stress_traffic *stress_sight_unordered(const struct stress_known *known,
						    const struct stress_object *at)
{
	const struct stress_scenario *scenario = known->scenario;
	const struct stress_traffic *found = NULL;

	for (uint32_t i = 0; i < scenario->traffics; i++) {
		if (!goes_there(scenario, &scenario->traffic[i], at))
			continue;
		if (known->patterns[i]->numbered)
			return NULL;
		found = &scenario->traffic[i];
	}
	return found;
}

static bool is_pattern(const struct stress_patterns *patterns, const struct stress_frame *frame)
{
	for (uint32_t i = 0; i < STRESS_PATTERNS; i++)
		if (patterns->len[i] == frame->len &&
		    memcmp(patterns->bytes[i], frame->data, frame->len) == 0)
			return true;
	return false;
}

/* The traffic that made @frame, and its number; false: none did. */
static bool find(const struct stress_known *known, const struct stress_frame *frame,
		 uint32_t *traffic, uint32_t *number)
{
	uint32_t traffics = known->scenario->traffics;

	if (stress_number_read(frame->data, frame->len, traffic, number) && *traffic < traffics &&
	    stress_number_is(known->patterns[*traffic], *traffic, *number, frame->data, frame->len))
		return true;
	for (*traffic = 0; *traffic < traffics; ++*traffic)
		if (!known->patterns[*traffic]->numbered &&
		    is_pattern(known->patterns[*traffic], frame))
			return true;
	return false;
}

/* ---- judgement ---- */

static void see_number(struct stress_sight *sight, uint32_t traffic, uint32_t number)
{
	uint32_t *last = &sight->last[traffic];
	uint32_t ahead = (number + 1 - *last) & STRESS_NUMBER_MASK;

	if (*last && ahead > STRESS_NUMBER_MASK / 2)
		sight->disordered++;
	else
		*last = number + 1;
}

void stress_sight_see(struct stress_sight *sight, const struct stress_known *known,
		      const struct stress_object *at, const struct stress_frame *frame)
{
	uint32_t traffic, number;

	sight->seen++;
	sight->bad_sums += !stress_sums_are_right(frame);
	if (!find(known, frame, &traffic, &number)) {
		sight->altered++;
		return;
	}
	sight->echoed += !goes_there(known->scenario, &known->scenario->traffic[traffic], at);
	if (known->patterns[traffic]->numbered)
		see_number(sight, traffic, number);
}

bool stress_sight_answer(const struct stress_sight *sight, enum stress_quantity quantity,
			 int64_t *value)
{
	switch (quantity) {
	case STRESS_QUANTITY_SEEN:
		*value = (int64_t)sight->seen;
		return true;
	case STRESS_QUANTITY_ALTERED:
		*value = (int64_t)sight->altered;
		return true;
	case STRESS_QUANTITY_DISORDERED:
		*value = (int64_t)sight->disordered;
		return true;
	case STRESS_QUANTITY_ECHOED:
		*value = (int64_t)sight->echoed;
		return true;
	case STRESS_QUANTITY_BAD_SUMS:
		*value = (int64_t)sight->bad_sums;
		return true;
	default:
		return false;
	}
}

bool stress_sight_answers(enum stress_quantity quantity)
{
	static const struct stress_sight nothing;
	int64_t value;

	return stress_sight_answer(&nothing, quantity, &value);
}

/* ---- who asks; depths are bounded by the parser ---- */

struct asked {
	enum stress_object_kind side;
	uint32_t link;
};

static bool asks(const struct stress_expr *expr, const struct asked *asked)
{
	if (!expr)
		return false;
	if (expr->kind == STRESS_EXPR_QUANTITY)
		return expr->object.kind == asked->side && expr->object.index == asked->link &&
		       stress_sight_answers(expr->quantity);
	return asks(expr->left, asked) || asks(expr->right, asked);
}

static bool is_asked(const struct stress_statement *statement, unsigned world,
		     const struct asked *asked)
{
	for (; statement; statement = statement->next) {
		const struct stress_expr *const parts[] = {
			statement->number,    statement->condition, statement->while_true,
			statement->parameter, statement->share,	    statement->duration,
		};

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (asks(parts[i], asked))
				return true;
		if ((statement->kind != STRESS_ONLY || (statement->worlds & world)) &&
		    is_asked(statement->body, world, asked))
			return true;
	}
	return false;
}

bool stress_sight_is_asked(const struct stress_scenario *scenario, unsigned world,
			   enum stress_object_kind side, uint32_t link)
{
	const struct asked asked = {side, link};

	return is_asked(scenario->body, world, &asked);
}
