/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.h - quantities as users write and read them: times, rates, speeds, counts.
 *
 * Parsers take the whole text or nothing: they return 0, or -EINVAL for a wrong form (no unit,
 * unknown unit, trailing text, a sign), or -ERANGE for a value out of range. Case of units matters
 * where it does in SI (m is not M).
 */
#ifndef LWF_UNITS_H
#define LWF_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** "20ms", "2s", "1.5s", "10m", "1h", "300us", "5ns"; a unit is required, except for "0". */
int lwf_units_duration(const char *text, uint64_t *ns);

enum lwf_rate_kind { LWF_RATE_FRAMES, LWF_RATE_BITS };

struct lwf_rate {
	enum lwf_rate_kind kind;
	double per_second;
};

/** "500pps", "20kpps", "1Mpps"; "64kbps", "100Mbps", "1Gbps" (bits). More than 0. */
int lwf_units_rate(const char *text, struct lwf_rate *rate);

/** "2x" or "2.5": a factor more than 0. */
int lwf_units_speed(const char *text, double *factor);

/** "0", "1000", "10k", "1M": a count of things (k = 1000). */
int lwf_units_count(const char *text, uint64_t *count);

/** "812 ms", "2.0 s", "3 us": three figures at most. Returns @text. */
const char *lwf_units_show_duration(uint64_t ns, char *text, size_t bytes);

/** "1.48 M" and the like, to be followed by a unit ("pps", "bps"). Returns @text. */
const char *lwf_units_show_scaled(double value, char *text, size_t bytes);

#endif
