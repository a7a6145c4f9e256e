/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_wire.c - any bytes as a control message: judged from both sides, parsed, read by a table, and
 * quantities from the same bytes. Nothing may crash, and what is accepted must hold its promises.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_body(const uint8_t *data, const struct lwf_wire_header *header)
{
	char stack[32], why[160];
	uint64_t number = 0;
	bool flag = false, given;
	const struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, stack, sizeof(stack), NULL},
		{"timeout_ns", LWF_FIELD_UINT, false, &number, 0, &given},
		{"carrier", LWF_FIELD_BOOL, false, &flag, 0, NULL},
	};
	struct lwf_error error;
	json_t *body =
		lwf_wire_parse(data + LWF_WIRE_HEADER_BYTES, header->length, why, sizeof(why));
	char *text;

	if (!body)
		return;
	if (lwf_wire_read(body, fields, 3, why, sizeof(why)) == 0)
		assert(memchr(stack, 0, sizeof(stack)) && number <= INT64_MAX);
	if (lwf_wire_error_read(body, &error))
		assert(error.exit >= 1 && (int)error.exit <= 255);
	text = lwf_wire_text(body);
	free(text);
	json_decref(body);
}

static void read_quantities(const uint8_t *data, size_t size)
{
	char text[64];
	struct lwf_rate rate;
	uint64_t number;
	double factor;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (lwf_units_duration(text, &number) == 0)
		assert(number <= UINT64_C(1000000000000000000));
	if (lwf_units_count(text, &number) == 0)
		assert(number <= UINT64_C(1000000000000000000));
	if (lwf_units_rate(text, &rate) == 0)
		assert(rate.per_second > 0.0);
	if (lwf_units_speed(text, &factor) == 0)
		assert(factor > 0.0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum lwf_wire_sender senders[] = {LWF_WIRE_FROM_CLIENT, LWF_WIRE_FROM_DAEMON};
	struct lwf_wire_header header;
	const char *why;

	for (size_t i = 0; i < 2; i++) {
		if (lwf_wire_check(data, size, senders[i], &header, &why) != 0) {
			assert(why[0]);
			continue;
		}
		assert(header.length + LWF_WIRE_HEADER_BYTES == size);
		assert(lwf_wire_name(header.type));
		assert(lwf_wire_is_request(header.type) == (senders[i] == LWF_WIRE_FROM_CLIENT));
		if (lwf_wire_has_body(header.type))
			read_body(data, &header);
	}
	read_quantities(data, size);
	return 0;
}
