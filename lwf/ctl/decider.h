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

/** Reads --stack, --priority, --timeout and --copy into @options. -1, or the exit code. */
int decider_options(const struct ctl_line *line, struct lwf_verdict_options *options);

/**
 * Finds the stack, where none is named: the only one there is. Its name is kept in @name (CTL_NAME_BYTES).
 * -1, or the exit code.
 */
int decider_stack(struct lwf_verdict_options *options, char *name);

/** Opens it, and says on stderr that it decides. -1, or the exit code. */
int decider_open(const struct lwf_verdict_options *options, struct lwf_verdict **handle);

#endif
