/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ndjson.c - trace records as lines of JSON, by the encoder that the daemon has.
 */
#include <stdlib.h>

#include <jansson.h>

#include "ndjson.h"
#include "show.h"

bool ndjson_put(FILE *out, const struct lwf_trace_record *record)
{
	json_t *object = lwf_show_record(record);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	bool done = text && fprintf(out, "%s\n", text) > 0;

	free(text);
	json_decref(object);
	return done;
}
