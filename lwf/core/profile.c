/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile.c - the register of contradictions, and the reading of each that an engine takes.
 *
 * An engine keeps one bit for each row. A profile sets all of them; whoever has to act asks for one
 * with lwf_conflict_lenient().
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "conflicts.h"
#include "internal.h"

#define N false
#define W true

static const struct lwf_conflict_info conflicts[] = {
#define X(id, topic, narrow, narrow_source, wide, wide_source, strict, lenient, npcap) \
	{#id, topic, narrow, narrow_source, wide, wide_source, {strict, lenient, npcap}, false},
#include "conflicts.def"
#undef X
};

#undef N
#undef W

_Static_assert(LWF_CONFLICTS <= 32, "one bit a row");

static const char *const names[] = {
#define X(sym, name) name,
	LWF_PROFILE_LIST(X)
#undef X
};

const char *lwf_profile_name(enum lwf_profile profile)
{
	return (unsigned)profile < LWF_PROFILES ? names[profile] : "invalid";
}

bool lwf_profile_parse(const char *name, enum lwf_profile *profile)
{
	for (unsigned i = 0; i < LWF_PROFILES; i++) {
		if (strcasecmp(name, names[i]) == 0) {
			*profile = (enum lwf_profile)i;
			return true;
		}
	}
	return false;
}

int lwf_engine_set_profile(struct lwf_engine *engine, enum lwf_profile profile)
{
	if ((unsigned)profile >= LWF_PROFILES)
		return -EINVAL;
	for (uint32_t i = 0; i < LWF_STACKS_MAX; i++)
		if (engine->stacks[i] && engine->stacks[i]->started)
			return -EBUSY;
	engine->profile = profile;
	for (unsigned i = 0; i < LWF_CONFLICTS; i++)
		lwf_conflict_read(engine, (enum lwf_conflict)i, conflicts[i].takes_wide[profile]);
	return 0;
}

enum lwf_profile lwf_engine_profile(const struct lwf_engine *engine)
{
	return engine->profile;
}

bool lwf_conflict_lenient(const struct lwf_engine *engine, enum lwf_conflict conflict)
{
	return engine->wide_readings & 1u << conflict;
}

void lwf_conflict_read(struct lwf_engine *engine, enum lwf_conflict conflict, bool wide)
{
	if (wide)
		engine->wide_readings |= 1u << conflict;
	else
		engine->wide_readings &= ~(1u << conflict);
}

bool lwf_engine_conflict(const struct lwf_engine *engine, uint32_t index,
			 struct lwf_conflict_info *info)
{
	if (index >= LWF_CONFLICTS)
		return false;
	*info = conflicts[index];
	info->wide_now = lwf_conflict_lenient(engine, (enum lwf_conflict)index);
	return true;
}
