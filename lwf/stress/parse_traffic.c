/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_traffic.c - what is sent in a scenario: a template of frames, and how often.
 */
#include <stdio.h>
#include <string.h>

#include "inject_template.h"
#include "parser.h"
#include "segments.h"

#define BURST_MAX 1024

/* Raw words up to one of ours, for the template's own parser; "->" is its ">". */
static void traffic_pattern(struct stress_parser *parser, struct stress_traffic *traffic)
{
	struct stress_at at = stress_here(parser);
	struct inject_template *template;
	struct lwf_error error;
	char word[STRESS_TEXT_BYTES];
	size_t n = 0;

	while (!stress_at_end(parser) && !stress_at_word(parser, STRESS_KEYWORD_RATE) &&
	       !stress_at_word(parser, STRESS_KEYWORD_BURST) &&
	       !stress_at_word(parser, STRESS_KEYWORD_COUNT) &&
	       !stress_at_word(parser, STRESS_KEYWORD_CUT) &&
	       !stress_at_word(parser, STRESS_KEYWORD_SEGMENTS) &&
	       !stress_at_word(parser, STRESS_KEYWORD_DIRECTION)) {
		if (!stress_need_raw(parser, "a frame template", word, sizeof(word)))
			return;
		n += (size_t)snprintf(traffic->pattern + n, sizeof(traffic->pattern) - n, "%s%s",
				      n ? " " : "", strcmp(word, "->") == 0 ? ">" : word);
		if (n >= sizeof(traffic->pattern)) {
			stress_wrong(parser, at, NULL, "a template has at most %zu bytes",
				     sizeof(traffic->pattern) - 1);
			return;
		}
	}
	template = stress_take(parser, sizeof(*template));
	if (template && inject_template_parse(traffic->pattern, template, &error))
		stress_wrong(parser, at, error.next[0] ? error.next : NULL, "%s", error.why);
}

static void traffic_rate(struct stress_parser *parser, struct stress_traffic *traffic)
{
	struct stress_at at = stress_here(parser);
	struct stress_expr *rate = stress_need_value(parser);

	if (!rate)
		return;
	if (rate->kind != STRESS_EXPR_NUMBER || rate->number == 0 ||
	    (rate->unit != STRESS_FRAME_RATE && rate->unit != STRESS_BIT_RATE))
		stress_wrong(parser, at, "write 20kpps or 100Mbps", "that is no rate");
	else if (rate->unit == STRESS_FRAME_RATE)
		traffic->frames_per_second = (double)rate->number;
	else
		traffic->bits_per_second = (double)rate->number;
}

/* One number, or a constant range. */
static bool need_span(struct stress_parser *parser, const char *what, struct stress_span *span)
{
	struct stress_at at = stress_here(parser);
	const struct stress_expr *value = stress_need_number(parser, STRESS_COUNT, what);
	const struct stress_expr *least = value, *most = value;

	if (value && value->kind == STRESS_EXPR_RANGE) {
		least = value->left;
		most = value->right;
	}
	if (!value || parser->err)
		return false;
	if (least->kind != STRESS_EXPR_NUMBER || most->kind != STRESS_EXPR_NUMBER ||
	    most->number > UINT16_MAX)
		stress_wrong(parser, at, "write 13 or 0..13", "%s is a number up to %u, or a range",
			     what, UINT16_MAX);
	*span = (struct stress_span){(uint32_t)least->number, (uint32_t)most->number};
	return !parser->err;
}

static void traffic_segments(struct stress_parser *parser, struct stress_traffic *traffic)
{
	struct inject_template *template = stress_take(parser, sizeof(*template));
	struct stress_at at = stress_here(parser);
	struct lwf_error error;

	if (!need_span(parser, "of how many frames one consists", &traffic->segments) ||
	    inject_template_parse(traffic->pattern, template, &error))
		return;
	if (traffic->segments.least == 0)
		stress_wrong(parser, at, NULL, "it is at least one");
	if (!(traffic->from.kind & STRESS_SIDES))
		stress_wrong(parser, at, "let LINK.upper or LINK.lower send it",
			     "a client leaves nothing to be done later");
	if (!stress_segments_can(template))
		stress_wrong(parser, at, "write tcp or udp, and a size above its headers",
			     "such frames are put together of tcp or udp with a payload");
}

static void traffic_option(struct stress_parser *parser, struct stress_traffic *traffic)
{
	struct stress_at at = stress_here(parser);
	int64_t value = 0;

	if (stress_accept(parser, STRESS_KEYWORD_RATE)) {
		traffic_rate(parser, traffic);
	} else if (stress_accept(parser, STRESS_KEYWORD_BURST)) {
		if (stress_need_constant(parser, STRESS_COUNT, "a burst", &value) &&
		    (value < 1 || value > BURST_MAX))
			stress_wrong(parser, at, NULL, "a burst is 1 to %d frames", BURST_MAX);
		traffic->burst = (uint32_t)value;
	} else if (stress_accept(parser, STRESS_KEYWORD_COUNT)) {
		stress_need_constant(parser, STRESS_COUNT, "a count", &value);
		traffic->count = (uint64_t)value;
	} else if (stress_accept(parser, STRESS_KEYWORD_DIRECTION)) {
		traffic->receive = stress_accept(parser, STRESS_KEYWORD_RECEIVE);
		if (!traffic->receive)
			stress_need(parser, STRESS_KEYWORD_SEND);
		else if (traffic->from.kind != STRESS_CLIENT)
			stress_wrong(parser, at, "leave 'direction' out",
				     "frames of a side have one direction only");
	} else if (stress_accept(parser, STRESS_KEYWORD_CUT)) {
		traffic->is_cut = need_span(parser, "where a frame ends", &traffic->cut);
	} else if (stress_accept(parser, STRESS_KEYWORD_SEGMENTS)) {
		traffic_segments(parser, traffic);
	} else {
		stress_wanted(parser, "an option of traffic",
			      "they are rate, burst, count, direction, cut, segments");
	}
}

void stress_parse_traffic(struct stress_parser *parser)
{
	struct stress_scenario *scenario = parser->scenario;
	struct stress_traffic *traffic;

	if (scenario->traffics == STRESS_TRAFFICS_MAX) {
		stress_wrong(parser, stress_here(parser), NULL, "%u traffics are the most",
			     STRESS_TRAFFICS_MAX);
		return;
	}
	traffic = &scenario->traffic[scenario->traffics];
	traffic->at = stress_here(parser);
	traffic->burst = 1;
	if (!stress_need_name(parser, "a traffic's name", traffic->name, sizeof(traffic->name)))
		return;
	for (uint32_t i = 0; i < scenario->traffics; i++)
		if (strcmp(scenario->traffic[i].name, traffic->name) == 0)
			stress_wrong(parser, traffic->at, "use another name",
				     "'%s' is there already", traffic->name);
	stress_need(parser, STRESS_KEYWORD_FROM);
	if (!stress_need_object(parser, STRESS_CLIENT | STRESS_SIDES, &traffic->from))
		return;
	traffic_pattern(parser, traffic);
	while (!stress_at_end(parser))
		traffic_option(parser, traffic);
	if (traffic->frames_per_second <= 0.0 && traffic->bits_per_second <= 0.0)
		stress_wrong(parser, traffic->at, "add: rate 20kpps", "%s has no rate",
			     traffic->name);
	scenario->traffics++;
}
