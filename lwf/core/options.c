/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - "key=value,key=value" against a filter's table of options.
 *
 * A value is checked for its type and range before anything is changed; the error names the key,
 * what is wrong with it, and what would be right.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/match.h>
#include <lwf/policy.h>

#include "internal.h"

#define MANDATORY      "mandatory"
#define SHARE_DECIMALS 7u /* of a percent: LWF_SHARE_WHOLE is 100 of them */

/** What is read, for whom, and where errors go. */
struct reading {
	struct lwf_host *host;
	const struct lwf_filter_ops *ops;
	bool live_only;
	struct lwf_options *options;
	char *error;
	size_t error_bytes;
};

static uint32_t spec_count(const struct lwf_filter_ops *ops)
{
	uint32_t n = 0;

	while (ops->options && n < LWF_OPTIONS_MAX && ops->options[n].name)
		n++;
	return n;
}

static int parse_uint(const char *text, uint64_t *number, const char **rest)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	*rest = end;
	return errno ? -ERANGE : 0;
}

/** "12.5" as a whole number of 10^-@decimals. More digits than that are refused, not rounded. */
static int parse_decimal(const char *text, unsigned decimals, uint64_t *number, const char **rest)
{
	int ret = parse_uint(text, number, rest);
	bool point = !ret && **rest == '.';

	if (ret)
		return ret;
	if (point && ((*rest)[1] < '0' || (*rest)[1] > '9'))
		return -EINVAL;
	*rest += point;
	for (; decimals > 0; decimals--) {
		unsigned digit = 0;

		if (point && **rest >= '0' && **rest <= '9')
			digit = (unsigned)(*(*rest)++ - '0');
		if (*number > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		*number = *number * 10 + digit;
	}
	return **rest >= '0' && **rest <= '9' ? -EINVAL : 0;
}

static int parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
	const char *rest;
	uint64_t number;

	if (parse_uint(text, &number, &rest))
		return -EINVAL;
	if (number == 0 && !*rest) {
		*ns = 0;
		return 0;
	}
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].unit) == 0) {
			if (number > UINT64_MAX / units[i].ns)
				return -ERANGE;
			*ns = number * units[i].ns;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_share(const char *text, uint64_t *share)
{
	const char *rest;

	if (strcmp(text, "0") == 0) {
		*share = 0;
		return 0;
	}
	if (parse_decimal(text, SHARE_DECIMALS, share, &rest) || strcmp(rest, "%") != 0)
		return -EINVAL;
	return 0;
}

static int parse_bitrate(const char *text, uint64_t *bits)
{
	static const struct {
		const char *unit;
		unsigned decimals;
	} units[] = {{"bps", 0}, {"kbps", 3}, {"Mbps", 6}, {"Gbps", 9}};
	const char *rest;

	if (strcmp(text, "0") == 0) {
		*bits = 0;
		return 0;
	}
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!parse_decimal(text, units[i].decimals, bits, &rest) &&
		    strcmp(rest, units[i].unit) == 0)
			return 0;
	return -EINVAL;
}

static int parse_bool(const char *text, uint64_t *number)
{
	static const char *const yes[] = {"1", "on", "yes", "true"};
	static const char *const no[] = {"0", "off", "no", "false"};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*number = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

/** The place of @text among "first|second|third". */
static int parse_choice(const char *choices, const char *text, uint64_t *number)
{
	size_t length = strlen(text);

	for (*number = 0;; (*number)++) {
		size_t word = strcspn(choices, "|");

		if (word == length && memcmp(choices, text, length) == 0)
			return 0;
		if (!choices[word])
			return -EINVAL;
		choices += word + 1;
	}
}

static int copy_text(const char *text, struct lwf_option_value *value)
{
	size_t bytes = strlen(text);

	if (bytes >= sizeof(value->text))
		return -EINVAL;
	memcpy(value->text, text, bytes + 1);
	return 0;
}

/** The expression is compiled to see whether it can be; the filter does it again. */
static int parse_match(const struct reading *r, const struct lwf_option_spec *spec,
		       const char *text, struct lwf_option_value *value)
{
	struct lwf_match match;
	char why[160] = "";
	int ret = lwf_host_compile_match(r->host, text, &match, why, sizeof(why));

	if (ret)
		snprintf(r->error, r->error_bytes, "option %s: '%s': %s; see man pcap-filter",
			 spec->name, text, why);
	else
		copy_text(text, value);
	return ret;
}

/** The file is read to see whether its rules are without error; the filter takes the same ones then. */
static int parse_policy(const struct reading *r, const struct lwf_option_spec *spec,
			const char *text, struct lwf_option_value *value)
{
	struct lwf_policy *policy = NULL;
	char why[320] = "";
	int ret = 0;

	if (*text)
		ret = lwf_host_load_policy(r->host, text, LWF_POLICY_FRESH, &policy, why,
					   sizeof(why));
	if (ret)
		snprintf(r->error, r->error_bytes, "option %s: %s", spec->name, why);
	else
		copy_text(text, value);
	lwf_host_free(r->host, policy);
	return ret && ret != -ENOMEM ? -EINVAL : ret;
}

static const char *wanted_by(const struct lwf_option_spec *spec)
{
	switch (spec->type) {
	case LWF_OPTION_UINT:
		return "a number";
	case LWF_OPTION_DURATION:
		return "a time with its unit, as 20ms";
	case LWF_OPTION_SHARE:
		return "a share, as 0.5%,";
	case LWF_OPTION_BITRATE:
		return "a rate with its unit, as 10Mbps,";
	default:
		return "a text";
	}
}

/** A limit as its user would write it. */
static void show_limit(const struct lwf_option_spec *spec, uint64_t limit, char *text, size_t bytes)
{
	if (spec->type == LWF_OPTION_SHARE)
		snprintf(text, bytes, "%" PRIu64 "%%", limit / (LWF_SHARE_WHOLE / 100));
	else if (spec->type == LWF_OPTION_BITRATE)
		snprintf(text, bytes, "%" PRIu64 "bps", limit);
	else
		snprintf(text, bytes, "%" PRIu64, limit);
}

static int refuse(const struct reading *r, const struct lwf_option_spec *spec, const char *text)
{
	char min[24], max[24];

	if (spec->type == LWF_OPTION_BOOL) {
		snprintf(r->error, r->error_bytes, "option %s: '%s' is not on or off", spec->name,
			 text);
	} else if (spec->type == LWF_OPTION_CHOICE) {
		snprintf(r->error, r->error_bytes, "option %s: '%s' is not one of %s", spec->name,
			 text, spec->default_value);
	} else {
		show_limit(spec, spec->min, min, sizeof(min));
		show_limit(spec, spec->max, max, sizeof(max));
		snprintf(r->error, r->error_bytes, "option %s: '%s' is not %s from %s to %s",
			 spec->name, text, wanted_by(spec), min, max);
	}
	return -EINVAL;
}

static int parse_value(const struct reading *r, const struct lwf_option_spec *spec,
		       const char *text, struct lwf_option_value *value)
{
	const char *rest = "";
	uint64_t measure = strlen(text);
	int ret = 0;

	switch (spec->type) {
	case LWF_OPTION_UINT:
		ret = parse_uint(text, &value->number, &rest);
		if (*rest)
			ret = -EINVAL;
		measure = value->number;
		break;
	case LWF_OPTION_DURATION:
		ret = parse_duration(text, &value->number);
		measure = value->number;
		break;
	case LWF_OPTION_SHARE:
		ret = parse_share(text, &value->number);
		measure = value->number;
		break;
	case LWF_OPTION_BITRATE:
		ret = parse_bitrate(text, &value->number);
		measure = value->number;
		break;
	case LWF_OPTION_BOOL:
		return parse_bool(text, &value->number) ? refuse(r, spec, text) : 0;
	case LWF_OPTION_CHOICE:
		ret = parse_choice(spec->default_value, text, &value->number);
		return ret || copy_text(text, value) ? refuse(r, spec, text) : 0;
	case LWF_OPTION_MATCH:
		if (measure >= spec->min && measure <= spec->max && measure < sizeof(value->text))
			return parse_match(r, spec, text, value);
		break;
	case LWF_OPTION_POLICY:
		if (measure >= spec->min && measure <= spec->max && measure < sizeof(value->text))
			return parse_policy(r, spec, text, value);
		break;
	case LWF_OPTION_TEXT:
		ret = copy_text(text, value);
		break;
	}
	return ret || measure < spec->min || measure > spec->max ? refuse(r, spec, text) : 0;
}

int lwf_options_default(struct lwf_host *host, const struct lwf_filter_ops *ops,
			struct lwf_options *options, char *error, size_t error_bytes)
{
	const struct reading r = {host, ops, false, options, error, error_bytes};

	memset(options, 0, sizeof(*options));
	options->count = spec_count(ops);
	for (uint32_t i = 0; i < options->count; i++) {
		const struct lwf_option_spec *spec = &ops->options[i];
		char word[LWF_OPTION_TEXT_BYTES];
		int ret;

		snprintf(word, sizeof(word), "%s", spec->default_value);
		if (spec->type == LWF_OPTION_CHOICE)
			word[strcspn(word, "|")] = 0;
		ret = parse_value(&r, spec, word, &options->value[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int not_live(const struct reading *r, const char *name)
{
	snprintf(r->error, r->error_bytes,
		 "option %s cannot be changed live; remove the module and insert it again", name);
	return -EPERM;
}

/** What every filter understands: whether the stack may run without this module. */
static int parse_mandatory(const struct reading *r, const char *text)
{
	uint64_t on;

	if (r->live_only)
		return not_live(r, MANDATORY);
	if (parse_bool(text, &on)) {
		snprintf(r->error, r->error_bytes, "option %s: '%s' is not on or off", MANDATORY,
			 text);
		return -EINVAL;
	}
	r->options->mandatory = on;
	return 0;
}

static int parse_pair(const struct reading *r, char *pair)
{
	char *equals = strchr(pair, '=');

	if (!equals || equals == pair) {
		snprintf(r->error, r->error_bytes, "'%s' is not key=value", pair);
		return -EINVAL;
	}
	*equals = 0;
	if (strcmp(pair, MANDATORY) == 0)
		return parse_mandatory(r, equals + 1);
	for (uint32_t i = 0; i < r->options->count; i++) {
		const struct lwf_option_spec *spec = &r->ops->options[i];

		if (strcmp(spec->name, pair) != 0)
			continue;
		if (r->live_only && !spec->live)
			return not_live(r, pair);
		r->options->value[i].given = true;
		return parse_value(r, spec, equals + 1, &r->options->value[i]);
	}
	snprintf(r->error, r->error_bytes, "filter %s has no option '%s'", r->ops->name, pair);
	return -EINVAL;
}

int lwf_options_parse(struct lwf_host *host, const struct lwf_filter_ops *ops, const char *text,
		      bool live_only, struct lwf_options *options, char *error, size_t error_bytes)
{
	const struct reading r = {host, ops, live_only, options, error, error_bytes};
	char copy[512];
	char *save = NULL;
	int ret = 0;

	if (strlen(text) >= sizeof(copy)) {
		snprintf(error, error_bytes, "the options are longer than %zu bytes",
			 sizeof(copy) - 1);
		return -EINVAL;
	}
	memcpy(copy, text, strlen(text) + 1);
	for (char *pair = strtok_r(copy, ",", &save); pair && !ret;
	     pair = strtok_r(NULL, ",", &save))
		ret = parse_pair(&r, pair);
	return ret;
}
