/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_match.c - any program on any frame: what passes the check runs, ends, and stays inside.
 *
 * Input: number of instructions, the instructions (8 bytes each), then the frame.
 */
#include <stdlib.h>
#include <string.h>

#include <lwf/frame.h>
#include <lwf/match.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct lwf_match match = {0};
	struct lwf_frame frame = {0};

	if (bytes < 1 || bytes < 1 + data[0] * sizeof(match.insn[0]))
		return 0;
	match.count = data[0];
	memcpy(match.insn, data + 1, match.count * sizeof(match.insn[0]));
	if (lwf_match_check(&match))
		return 0;
	frame.len = (uint32_t)(bytes - 1 - match.count * sizeof(match.insn[0]));
	frame.data = malloc(frame.len ? frame.len
				      : 1); /* of exactly its size: one byte too many is seen */
	if (!frame.data)
		abort();
	memcpy(frame.data, data + bytes - frame.len, frame.len);
	if (match.count == 0 && !lwf_match_frame(&match, &frame))
		abort();
	(void)lwf_match_frame(&match, &frame);
	free(frame.data);
	return 0;
}
