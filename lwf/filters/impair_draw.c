/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_draw.c - what chance says in filter impair: pure functions of seed and frame number.
 *
 * Integers alone: the same seed gives the same run with every compiler and on every machine. The
 * generator has no state: each (seed, direction, effect, frame) is hashed by the finaliser of
 * splitmix64. So switching one effect on or off leaves all others as they were.
 */
#include "impair.h"

#define GOLDEN 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio: odd, and well spread */

/* The shape of a Pareto distribution with exponent 3, which has mean 3/2 and variance 3/4. */
#define PARETO_ONE   1024	 /* 1 in the numbers below */
#define PARETO_MEAN  1536	 /* 3/2 */
#define PARETO_SCALE 1182	 /* 1 / sqrt(3/4) */
#define NORMAL_ONE   65536	 /* likewise: the standard deviation of a sum of twelve */
#define NORMAL_MEAN  (6 * 65535) /* its mean */

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint64_t lwf_impair_draw(uint64_t seed, enum lwf_direction direction, enum impair_effect effect,
			 uint64_t number)
{
	uint64_t stream = 1 + (uint64_t)direction * IMPAIR_EFFECTS + (uint64_t)effect;

	return mix(mix(mix(seed + GOLDEN) + stream * GOLDEN) + (number + 1) * GOLDEN);
}

bool lwf_impair_chance(uint64_t draw, uint32_t share)
{
	return ((draw >> 32) * LWF_SHARE_WHOLE >> 32) < share;
}

/* ---- jitter ---- */

static int64_t uniform(uint64_t draw, uint64_t jitter_ns)
{
	return (int64_t)((draw >> 32) * (2 * jitter_ns + 1) >> 32) - (int64_t)jitter_ns;
}

/** Standard deviation 1 is NORMAL_ONE: twelve uniform numbers, which end at 6 deviations. */
static int64_t normal(const uint64_t *draws)
{
	int64_t sum = -NORMAL_MEAN;

	for (unsigned i = 0; i < 12; i++)
		sum += (int64_t)(draws[i / 4] >> (i % 4 * 16) & 0xffff);
	return sum;
}

static uint64_t cube_root(uint64_t value)
{
	uint64_t root = 0, step;

	for (int shift = 63; shift >= 0; shift -= 3) {
		root *= 2;
		step = 3 * root * (root + 1) + 1;
		if (value >> shift >= step) {
			value -= step << shift;
			root++;
		}
	}
	return root;
}

/** Standard deviation 1 is PARETO_ONE. Its inverse distribution function is u^(-1/3). */
static int64_t pareto(uint64_t draw)
{
	uint64_t u = (draw >> 32) + 1; /* of 2^32 */
	int64_t x = (int64_t)cube_root((1ull << 62) / u);

	return (x - PARETO_MEAN) * PARETO_SCALE / PARETO_ONE;
}

int64_t lwf_impair_jitter(const struct impair_settings *settings, enum lwf_direction direction,
			  uint64_t number)
{
	int64_t jitter_ns = (int64_t)settings->jitter_ns;
	uint64_t draws[3];

	if (!jitter_ns)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		draws[i] = lwf_impair_draw(settings->seed, direction,
					   (enum impair_effect)(IMPAIR_DELAY_A + i), number);
	switch (settings->dist) {
	case IMPAIR_DIST_NORMAL:
		return jitter_ns * normal(draws) / NORMAL_ONE;
	case IMPAIR_DIST_PARETO:
		return jitter_ns * pareto(draws[0]) / PARETO_ONE;
	case IMPAIR_DIST_PARETO_NORMAL: /* a quarter and three quarters, as netem mixes them */
		return jitter_ns * normal(draws) / NORMAL_ONE / 4 +
		       jitter_ns * pareto(mix(draws[0])) / PARETO_ONE * 3 / 4;
	default:
		return uniform(draws[0], settings->jitter_ns);
	}
}

/* ---- loss ---- */

/*
 * Gilbert's model: all is lost in the bad state, nothing in the good one. Bad ends with probability
 * 1/burst, so a run has a mean length of burst; bad begins with the probability that makes the share
 * of all frames that are lost the one that was asked for. Where that would be more than 1 the runs
 * are made longer instead: the share is what people count on.
 */
bool lwf_impair_loses(const struct impair_settings *settings, bool *losing, uint64_t draw)
{
	uint64_t loss = settings->loss, begin, end;

	if (settings->burst <= 1 || loss == 0 || loss >= LWF_SHARE_WHOLE) {
		*losing = lwf_impair_chance(draw, settings->loss);
		return *losing;
	}
	end = LWF_SHARE_WHOLE / settings->burst;
	begin = loss * end / (LWF_SHARE_WHOLE - loss);
	if (begin > LWF_SHARE_WHOLE) {
		begin = LWF_SHARE_WHOLE;
		end = (LWF_SHARE_WHOLE - loss) * LWF_SHARE_WHOLE / loss;
	}
	*losing = *losing ? !lwf_impair_chance(draw, (uint32_t)end)
			  : lwf_impair_chance(draw, (uint32_t)begin);
	return *losing;
}
