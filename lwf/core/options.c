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

#include "internal.h"

#define MANDATORY "mandatory"

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

static int parse_value(const struct lwf_option_spec *spec, const char *text,
		       struct lwf_option_value *value, char *error, size_t error_bytes)
{
	const char *rest = "";
	const char *wanted = "";
	uint64_t measure = 0;
	int ret = 0;

	switch (spec->type) {
	case LWF_OPTION_UINT:
		wanted = "a number";
		ret = parse_uint(text, &value->number, &rest);
		if (*rest)
			ret = -EINVAL;
		measure = value->number;
		break;
	case LWF_OPTION_DURATION:
		wanted = "a time with its unit, as 20ms";
		ret = parse_duration(text, &value->number);
		measure = value->number;
		break;
	case LWF_OPTION_BOOL:
		ret = parse_bool(text, &value->number);
		if (ret)
			snprintf(error, error_bytes, "option %s: '%s' is not on or off", spec->name,
				 text);
		return ret;
	case LWF_OPTION_TEXT:
		wanted = "a text";
		measure = strlen(text);
		if (measure >= sizeof(value->text))
			ret = -EINVAL;
		else
			memcpy(value->text, text, measure + 1);
		break;
	}
	if (ret || measure < spec->min || measure > spec->max) {
		snprintf(error, error_bytes,
			 "option %s: '%s' is not %s from %" PRIu64 " to %" PRIu64, spec->name, text,
			 wanted, spec->min, spec->max);
		return -EINVAL;
	}
	return 0;
}

int lwf_options_default(const struct lwf_filter_ops *ops, struct lwf_options *options, char *error,
			size_t error_bytes)
{
	memset(options, 0, sizeof(*options));
	options->count = spec_count(ops);
	for (uint32_t i = 0; i < options->count; i++) {
		int ret = parse_value(&ops->options[i], ops->options[i].default_value,
				      &options->value[i], error, error_bytes);

		if (ret)
			return ret;
	}
	return 0;
}

static int not_live(const char *name, char *error, size_t error_bytes)
{
	snprintf(error, error_bytes,
		 "option %s cannot be changed live; remove the module and insert it again", name);
	return -EPERM;
}

/** What every filter understands: whether the stack may run without this module. */
static int parse_mandatory(const char *text, bool live_only, struct lwf_options *options,
			   char *error, size_t error_bytes)
{
	uint64_t on;

	if (live_only)
		return not_live(MANDATORY, error, error_bytes);
	if (parse_bool(text, &on)) {
		snprintf(error, error_bytes, "option %s: '%s' is not on or off", MANDATORY, text);
		return -EINVAL;
	}
	options->mandatory = on;
	return 0;
}

static int parse_pair(const struct lwf_filter_ops *ops, char *pair, bool live_only,
		      struct lwf_options *options, char *error, size_t error_bytes)
{
	char *equals = strchr(pair, '=');

	if (!equals || equals == pair) {
		snprintf(error, error_bytes, "'%s' is not key=value", pair);
		return -EINVAL;
	}
	*equals = 0;
	if (strcmp(pair, MANDATORY) == 0)
		return parse_mandatory(equals + 1, live_only, options, error, error_bytes);
	for (uint32_t i = 0; i < options->count; i++) {
		const struct lwf_option_spec *spec = &ops->options[i];

		if (strcmp(spec->name, pair) != 0)
			continue;
		if (live_only && !spec->live)
			return not_live(pair, error, error_bytes);
		options->value[i].given = true;
		return parse_value(spec, equals + 1, &options->value[i], error, error_bytes);
	}
	snprintf(error, error_bytes, "filter %s has no option '%s'", ops->name, pair);
	return -EINVAL;
}

int lwf_options_parse(const struct lwf_filter_ops *ops, const char *text, bool live_only,
		      struct lwf_options *options, char *error, size_t error_bytes)
{
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
		ret = parse_pair(ops, pair, live_only, options, error, error_bytes);
	return ret;
}
