/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile.h - which reading of NDIS's documentation an engine enforces where its pages contradict
 * each other.
 *
 * The register has ten rows, C1 to C10 (lwf/core/conflicts.def): a topic, the narrow reading and
 * the wide one, each with the page that says so. A profile chooses one of the two in each row.
 *
 *	strict   what a filter may rely on whatever page its reader believes; the default
 *	lenient  whatever one of the pages allows
 *	npcap    what the Npcap driver does, as far as it can be seen from outside
 *
 * Threads: the loop thread.
 */
#ifndef LWF_PROFILE_H
#define LWF_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_engine;

/** X(symbol, printed name) */
#define LWF_PROFILE_LIST(X)   \
	X(STRICT, "strict")   \
	X(LENIENT, "lenient") \
	X(NPCAP, "npcap")

enum lwf_profile {
#define X(sym, name) LWF_PROFILE_##sym,
	LWF_PROFILE_LIST(X)
#undef X
		LWF_PROFILES
};

/** "strict"; "invalid" for what is no profile. */
const char *lwf_profile_name(enum lwf_profile profile);

/** Finds a profile by name in any case. Returns false when there is none; *profile is unchanged. */
bool lwf_profile_parse(const char *name, enum lwf_profile *profile);

/**
 * Chooses the readings of @profile, all ten. Returns 0; -EINVAL for what is no profile; -EBUSY once
 * a stack has been started: a module must not see the rules change.
 */
int lwf_engine_set_profile(struct lwf_engine *engine, enum lwf_profile profile);

/** LWF_PROFILE_STRICT unless another was set. */
enum lwf_profile lwf_engine_profile(const struct lwf_engine *engine);

/** One row of the register. The texts live as long as the program. */
struct lwf_conflict_info {
	const char *id;	   /* "C5" */
	const char *topic; /* what the pages disagree about */
	const char *narrow, *narrow_source;
	const char *wide, *wide_source;
	bool takes_wide[LWF_PROFILES]; /* the choice of each profile */
	bool wide_now;		       /* the choice of this engine */
};

/** Row @index from 0; false behind the last. */
bool lwf_engine_conflict(const struct lwf_engine *engine, uint32_t index,
			 struct lwf_conflict_info *info);

#ifdef __cplusplus
}
#endif

#endif
