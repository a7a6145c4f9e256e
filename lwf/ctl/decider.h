/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decider.h - what lwfctl verdict serve and ask have in common.
 */
#ifndef LWF_CTL_DECIDER_H
#define LWF_CTL_DECIDER_H

#include <lwf/decide.h>

#include "ctl.h"

/** CLOCK_MONOTONIC. */
uint64_t decider_now_ns(void);

/** Where it decides: what names in its options are. */
struct decider_place {
	char stack[CTL_NAME_BYTES], module[CTL_NAME_BYTES];
	bool is_there; /* the module, at present */
};

/** Reads --priority, --timeout and --copy into @options. -1, or the exit code. */
int decider_options(const struct ctl_line *line, struct lwf_verdict_options *options);

/**
 * Finds the stack and the module that --stack means: without it the only stack there is, and module verdict, which
 * need not be there yet. They are in @place, to which @options points then. -1, or the exit code.
 */
int decider_find(const struct ctl_line *line, struct decider_place *place,
		 struct lwf_verdict_options *options);

/** Opens it, and says on stderr that it decides, or that nothing asks as yet. -1, or the exit code. */
int decider_open(const struct lwf_verdict_options *options, const struct decider_place *place,
		 struct lwf_verdict **handle);

#endif
