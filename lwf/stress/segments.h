/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segments.h - frames of which something is left to do later, as a host's protocols hand them over.
 */
#ifndef LWF_STRESS_SEGMENTS_H
#define LWF_STRESS_SEGMENTS_H

#include <lwf/frame.h>

#include "inject_template.h"

/** True for TCP and UDP with a payload. */
bool stress_segments_can(const struct inject_template *template);

/**
 * Makes of the frame of @len bytes at @frame, frame @number of @template, one that stands for @count such
 * frames, or for as many as it can hold; of 1 it is that frame. Its checksum is not there yet. @frame has
 * LWF_FRAME_MAX_BYTES. Returns its length, and what is left to do in @offload.
 */
uint32_t stress_segments_make(const struct inject_template *template, uint32_t number,
			      uint32_t count, uint8_t *frame, uint32_t len,
			      struct lwf_offload *offload);

#endif
