/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ndjson.h - trace records as the lines that `lwfctl watch --frames --json` prints.
 */
#ifndef LWF_TEST_NDJSON_H
#define LWF_TEST_NDJSON_H

#include <stdbool.h>
#include <stdio.h>

#include <lwf/trace.h>

/** Writes one record, by the daemon's own encoder. False without memory, or when @out is full. */
bool ndjson_put(FILE *out, const struct lwf_trace_record *record);

#endif
