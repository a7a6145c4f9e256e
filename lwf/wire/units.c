/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.c - quantities as users write and read them.
 *
 * A quantity is a decimal number and a unit without a space between. Numbers are read by hand: the
 * C library's functions take signs, white space, hexadecimal, "inf" and the locale's comma, and
 * none of these is meant.
 */
#include "units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Reads digits with at most one point; *rest is what follows. At most 15 figures: exact in a
 * double. */
static int read_number(const char *text, double *number, const char **rest)
{
	double value = 0.0, scale = 1.0;
	unsigned figures = 0;
	bool point = false;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (++figures > 15)
			return -ERANGE;
		value = value * 10.0 + (double)(*text - '0');
		if (point)
			scale *= 10.0;
	}
	if (figures == 0 || text[-1] == '.')
		return -EINVAL;
	*number = value / scale;
	*rest = text;
	return 0;
}

struct unit {
	const char *name;
	double factor;
};

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

int lwf_units_duration(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
	};
	const struct unit *unit;
	const char *rest;
	double number;
	int err;

	err = read_number(text, &number, &rest);
	if (err)
		return err;
	if (*rest == '\0' && number <= 0.0) {
		*ns = 0;
		return 0;
	}
	unit = find_unit(units, sizeof(units) / sizeof(units[0]), rest);
	if (!unit)
		return -EINVAL;
	if (number * unit->factor > 1e18) /* 31 years: sums of two still fit */
		return -ERANGE;
	*ns = (uint64_t)(number * unit->factor + 0.5);
	return 0;
}

int lwf_units_rate(const char *text, struct lwf_rate *rate)
{
	static const struct unit units[] = {
		{"pps", 1.0},  {"kpps", 1e3},  {"Mpps", 1e6},  {"Gpps", 1e9},
		{"bps", -1.0}, {"kbps", -1e3}, {"Mbps", -1e6}, {"Gbps", -1e9},
	}; /* bits are negative */
	const struct unit *unit;
	const char *rest;
	double number;
	int err;

	err = read_number(text, &number, &rest);
	if (err)
		return err;
	unit = find_unit(units, sizeof(units) / sizeof(units[0]), rest);
	if (!unit)
		return -EINVAL;
	number *= unit->factor;
	rate->kind = number < 0.0 ? LWF_RATE_BITS : LWF_RATE_FRAMES;
	rate->per_second = fabs(number);
	/* one frame an hour is the slowest that the clock arithmetic is meant for */
	if (rate->per_second < 1.0 / 3600.0 || rate->per_second > 1e13)
		return -ERANGE;
	return 0;
}

int lwf_units_speed(const char *text, double *factor)
{
	const char *rest;
	double number;
	int err;

	err = read_number(text, &number, &rest);
	if (err)
		return err;
	if (*rest != '\0' && strcmp(rest, "x") != 0)
		return -EINVAL;
	if (number < 1e-6 || number > 1e9)
		return -ERANGE;
	*factor = number;
	return 0;
}

int lwf_units_count(const char *text, uint64_t *count)
{
	uint64_t value = 0, factor = 1;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > UINT64_C(1000000000000000000) / 10)
			return -ERANGE;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p == text)
		return -EINVAL;
	if (strcmp(p, "k") == 0)
		factor = 1000;
	else if (strcmp(p, "M") == 0)
		factor = 1000000;
	else if (strcmp(p, "G") == 0)
		factor = 1000000000;
	else if (*p != '\0')
		return -EINVAL;
	if (value > UINT64_C(1000000000000000000) / factor)
		return -ERANGE;
	*count = value * factor;
	return 0;
}

const char *lwf_units_show_duration(uint64_t ns, char *text, size_t bytes)
{
	static const struct {
		uint64_t from_ns;
		double unit_ns;
		const char *name;
	} scales[] = {
		{UINT64_C(7200000000000), 3600e9, "h"},
		{UINT64_C(120000000000), 60e9, "min"},
		{1000000000, 1e9, "s"},
		{1000000, 1e6, "ms"},
		{1000, 1e3, "us"},
		{0, 1.0, "ns"},
	};
	size_t i = 0;
	double value;

	while (ns < scales[i].from_ns)
		i++;
	value = (double)ns / scales[i].unit_ns;
	snprintf(text, bytes, "%.*f %s", value < 9.95 && scales[i].unit_ns > 1.0 ? 1 : 0, value,
		 scales[i].name);
	return text;
}

const char *lwf_units_show_scaled(double value, char *text, size_t bytes)
{
	static const char prefixes[] = {' ', 'k', 'M', 'G', 'T'};
	size_t i = 0;

	while (value >= 999.5 && i + 1 < sizeof(prefixes)) {
		value /= 1000.0;
		i++;
	}
	if (i == 0)
		snprintf(text, bytes, value < 9.95 ? "%.1f " : "%.0f ", value);
	else
		snprintf(text, bytes, "%.*f %c",
			 value < 9.995	 ? 2
			 : value < 99.95 ? 1
					 : 0,
			 value, prefixes[i]);
	return text;
}
