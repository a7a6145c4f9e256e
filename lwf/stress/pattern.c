/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern.c - makes the frames of a traffic from its template.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inject_template.h"
#include "number.h"
#include "segments.h"

_Static_assert(LWF_FRAME_MAX_BYTES >= INJECT_TEMPLATE_FRAME_MAX_BYTES, "pattern.c: room");

/* Pattern @i of those that are spread over @span. */
static uint32_t spread(const struct stress_span *span, uint32_t i)
{
	return span->least + (uint32_t)(i * STRESS_STRIDE % (span->most - span->least + 1));
}

static int make(struct stress_patterns *patterns, const struct stress_traffic *declared,
		const struct inject_template *template, uint8_t *frame)
{
	for (uint32_t i = 0; i < STRESS_PATTERNS; i++) {
		uint32_t len = inject_template_make(template, i * STRESS_STRIDE, 0, frame);

		if (declared->segments.most)
			len = stress_segments_make(template, i, spread(&declared->segments, i),
						   frame, len, &patterns->offload[i]);
		if (declared->is_cut && spread(&declared->cut, i) < len)
			len = spread(&declared->cut, i);
		patterns->bytes[i] = malloc(len + 1); /* there may be none */
		if (!patterns->bytes[i])
			return -ENOMEM;
		memcpy(patterns->bytes[i], frame, len);
		patterns->len[i] = len;
	}
	return 0;
}

static uint64_t gap_ns(const struct stress_patterns *patterns,
		       const struct stress_traffic *declared)
{
	double bytes = 0.0, each_ns;
	uint64_t gap_ns;

	for (uint32_t i = 0; i < STRESS_PATTERNS; i++)
		bytes += patterns->len[i];
	each_ns = declared->frames_per_second > 0.0
			  ? 1e9 / declared->frames_per_second
			  : 8e9 * (bytes / STRESS_PATTERNS) / declared->bits_per_second;
	gap_ns = (uint64_t)(each_ns * declared->burst);
	return gap_ns ? gap_ns : 1;
}

int stress_patterns_make(struct stress_patterns *patterns, const struct stress_traffic *declared)
{
	uint8_t *frame = malloc(LWF_FRAME_MAX_BYTES);
	struct inject_template *template = calloc(1, sizeof(*template));
	struct lwf_error error;
	int err = -ENOMEM;

	if (frame && template)
		err = inject_template_parse(declared->pattern, template, &error);
	if (!err)
		err = make(patterns, declared, template, frame);
	if (!err) {
		patterns->gap_ns = gap_ns(patterns, declared);
		stress_number_prepare(patterns, inject_template_header_bytes(template));
	}
	free(frame);
	free(template);
	return err;
}

void stress_patterns_free(struct stress_patterns *patterns)
{
	for (uint32_t i = 0; i < STRESS_PATTERNS; i++) {
		free(patterns->bytes[i]);
		patterns->bytes[i] = NULL;
	}
}
