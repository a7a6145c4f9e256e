/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.h - bodies of records: what TELL and ASKS carry (lwf/verdict_wire.h).
 *
 * Pure, like wire.h: both sides judge with it what the other one says. A body is judged whole first;
 * after that its records are read one by one, each copied out, since a body need not be aligned.
 */
#ifndef LWF_RECORDS_H
#define LWF_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <lwf/verdict_wire.h>

#include "wire.h"

/** Any record, as it was copied out of a body; the paths always end. */
union lwf_wire_any {
	struct lwf_wire_record head;
	struct {
		struct lwf_wire_ask fixed;
		unsigned char tail[LWF_OWNER_EXE_BYTES + LWF_VERDICT_COPY_MAX];
	} ask;
	struct {
		struct lwf_wire_flow_owner fixed;
		char exe[LWF_OWNER_EXE_BYTES];
	} owner;
	struct lwf_wire_cancel cancel;
	struct lwf_wire_flow_event event;
	struct lwf_wire_stale stale;
	struct lwf_wire_tell tell;
	struct lwf_wire_credit credit;
	struct lwf_wire_update update;
	struct lwf_wire_revoke revoke;
};

/** Name of a kind ("ask"), or NULL for a number that is none. */
const char *lwf_wire_record_name(unsigned kind);

/**
 * Judges a body: 1 to LWF_VERDICT_RECORDS_MAX records that this @sender may send, of the right lengths,
 * which fill it; zero where there must be zero. 0 and how many in *count, or -EBADMSG with one line of
 * reason in *why (static text).
 */
int lwf_wire_records_check(const void *body, size_t bytes, enum lwf_wire_sender sender,
			   unsigned *count, const char **why);

/** Copies the record at *at of a judged body, and moves *at behind it. False at the end. */
bool lwf_wire_records_next(const void *body, size_t bytes, size_t *at, union lwf_wire_any *record);

/** A body in the making; its bytes go behind a header. */
struct lwf_wire_records {
	size_t bytes;
	unsigned count;
	_Alignas(8) unsigned char body[LWF_WIRE_MESSAGE_MAX_BYTES];
};

/** Room for one more record of @bytes. */
static inline bool lwf_wire_records_has_room(const struct lwf_wire_records *records, size_t bytes)
{
	return records->count < LWF_VERDICT_RECORDS_MAX &&
	       records->bytes + bytes <= sizeof(records->body);
}

/** Adds a record of @bytes, whose head says so. False when there is no room; then nothing is added. */
bool lwf_wire_records_add(struct lwf_wire_records *records, const void *record, size_t bytes);

/** How long an ask with this path and so much data is; an owner with this path. */
size_t lwf_wire_ask_bytes(const char *exe, size_t data_bytes);
size_t lwf_wire_owner_bytes(const char *exe);

/** Writes a whole ask, or owner, into @out, which has room for it: @fixed, and what is behind it. */
void lwf_wire_ask_put(void *out, const struct lwf_wire_ask *fixed, const char *exe,
		      const void *data, size_t data_bytes);
void lwf_wire_owner_put(void *out, const struct lwf_wire_flow_owner *fixed, const char *exe);

/** The head of a record of one size: .head = LWF_RECORD_HEAD(TELL, lwf_wire_tell). */
#define LWF_RECORD_HEAD(kind, type)                       \
	{                                                 \
		LWF_RECORD_##kind, sizeof(struct type), 0 \
	}

/** An owner as a record has it, and back; the path goes beside it. */
void lwf_wire_process_put(struct lwf_wire_process *process, const struct lwf_owner *owner);
void lwf_wire_process_get(const struct lwf_wire_process *process, const char *exe,
			  struct lwf_owner *owner);

#endif
