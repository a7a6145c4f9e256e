/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_records.c - any bytes as a body of records, from both sides. What is accepted must be read whole,
 * every text in it must end, and written anew it must be the same body.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes what was read anew; its texts must end. Returns the bytes. */
static size_t write_anew(void *out, const union lwf_wire_any *record)
{
	const struct lwf_wire_ask *ask = &record->ask.fixed;
	const char *exe = (const char *)record->ask.tail;

	if (record->head.kind == LWF_RECORD_ASK) {
		assert(memchr(ask->process.comm, 0, LWF_OWNER_COMM_BYTES));
		exe = ask->exe_bytes ? exe : "";
		assert(strlen(exe) < LWF_OWNER_EXE_BYTES);
		lwf_wire_ask_put(out, ask, exe, record->ask.tail + ask->exe_bytes, ask->data_bytes);
		return lwf_wire_ask_bytes(exe, ask->data_bytes);
	}
	if (record->head.kind == LWF_RECORD_OWNER) {
		assert(memchr(record->owner.fixed.process.comm, 0, LWF_OWNER_COMM_BYTES));
		assert(strlen(record->owner.exe) < LWF_OWNER_EXE_BYTES);
		lwf_wire_owner_put(out, &record->owner.fixed, record->owner.exe);
		return lwf_wire_owner_bytes(record->owner.exe);
	}
	memcpy(out, record, record->head.bytes);
	return record->head.bytes;
}

/* Reads @count records and writes them anew into @made, if that has room for all. */
static void make_anew(const uint8_t *data, size_t size, unsigned count,
		      struct lwf_wire_records *made)
{
	static unsigned char anew[sizeof(union lwf_wire_any)];
	union lwf_wire_any record;
	unsigned n = 0;
	size_t at = 0;

	made->bytes = 0;
	made->count = 0;
	while (lwf_wire_records_next(data, size, &at, &record)) {
		size_t bytes = write_anew(anew, &record);

		assert(lwf_wire_record_name(record.head.kind));
		assert(bytes <= record.head.bytes); /* a path may have had too many zeros */
		if (size <= sizeof(made->body))
			assert(lwf_wire_records_add(made, anew, bytes));
		n++;
	}
	assert(n == count && at == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum lwf_wire_sender senders[] = {LWF_WIRE_FROM_CLIENT, LWF_WIRE_FROM_DAEMON};
	static struct lwf_wire_records made;
	const char *why;
	unsigned count, again;

	for (size_t i = 0; i < 2; i++) {
		if (lwf_wire_records_check(data, size, senders[i], &count, &why)) {
			assert(why[0]);
			continue;
		}
		assert(count >= 1 && count <= LWF_VERDICT_RECORDS_MAX);
		make_anew(data, size, count, &made);
		if (size > sizeof(made.body))
			continue;
		assert(!lwf_wire_records_check(made.body, made.bytes, senders[i], &again, &why));
		assert(again == count);
	}
	return 0;
}
