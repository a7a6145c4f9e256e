/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conflicts.h - which reading holds, for the code that has to act on it. The register is
 * conflicts.def; <lwf/profile.h> shows it to the outside.
 */
#ifndef LWF_CONFLICTS_H
#define LWF_CONFLICTS_H

#include <stdbool.h>

struct lwf_engine;

enum lwf_conflict {
#define X(id, topic, narrow, narrow_source, wide, wide_source, strict, lenient, npcap) \
	LWF_CONFLICT_##id,
#include "conflicts.def"
#undef X
	LWF_CONFLICTS
};

/** True when @engine takes the wide reading of @conflict. */
bool lwf_conflict_lenient(const struct lwf_engine *engine, enum lwf_conflict conflict);

/** Takes one reading by itself, over that of the profile: for readings that no profile takes. */
void lwf_conflict_read(struct lwf_engine *engine, enum lwf_conflict conflict, bool wide);

#endif
