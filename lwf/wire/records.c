/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.c - bodies of records: judged, read and made.
 *
 * One table says how long each kind is, who sends it and where it has zeros. Texts (a command, a path)
 * end inside their fields, or the body is none.
 */
#include "records.h"

#include <errno.h>
#include <string.h>

struct kind {
	const char *name;
	uint16_t number;
	bool from_daemon;
	bool longer; /* something stands behind the struct */
	uint16_t bytes;
	uint16_t zero_at, zero_bytes;
};

#define ZEROS(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)

static const struct kind kinds[] = {
	{"ask", LWF_RECORD_ASK, true, true, sizeof(struct lwf_wire_ask), ZEROS(lwf_wire_ask, zero)},
	{"cancel", LWF_RECORD_CANCEL, true, false, sizeof(struct lwf_wire_cancel),
	 ZEROS(lwf_wire_cancel, zero)},
	{"event", LWF_RECORD_EVENT, true, false, sizeof(struct lwf_wire_flow_event),
	 ZEROS(lwf_wire_flow_event, zero)},
	{"owner", LWF_RECORD_OWNER, true, true, sizeof(struct lwf_wire_flow_owner), 0, 0},
	{"stale", LWF_RECORD_STALE, true, false, sizeof(struct lwf_wire_stale),
	 ZEROS(lwf_wire_stale, zero)},
	{"tell", LWF_RECORD_TELL, false, false, sizeof(struct lwf_wire_tell),
	 ZEROS(lwf_wire_tell, zero)},
	{"credit", LWF_RECORD_CREDIT, false, false, sizeof(struct lwf_wire_credit),
	 ZEROS(lwf_wire_credit, zero)},
	{"update", LWF_RECORD_UPDATE, false, false, sizeof(struct lwf_wire_update),
	 ZEROS(lwf_wire_update, zero)},
	{"revoke", LWF_RECORD_REVOKE, false, false, sizeof(struct lwf_wire_revoke), 0, 0},
};

static const struct kind *find(unsigned number)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].number == number)
			return &kinds[i];
	}
	return NULL;
}

const char *lwf_wire_record_name(unsigned kind)
{
	const struct kind *found = find(kind);

	return found ? found->name : NULL;
}

/* ---- judging ---- */

static size_t round_up(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
	while (count > 0 && !*bytes) {
		bytes++;
		count--;
	}
	return count == 0;
}

static const char *judge_path(const unsigned char *path, size_t bytes)
{
	if (bytes % 8 || bytes > LWF_OWNER_EXE_BYTES)
		return "a path has no such length";
	return bytes && path[bytes - 1] != '\0' ? "a path does not end" : NULL;
}

static const char *judge_comm(const struct lwf_wire_process *process)
{
	return memchr(process->comm, '\0', sizeof(process->comm)) ? NULL : "a command does not end";
}

static const char *judge_ask(const unsigned char *record, size_t bytes)
{
	const unsigned char *tail = record + sizeof(struct lwf_wire_ask);
	struct lwf_wire_ask ask;
	const char *why;
	size_t data;

	memcpy(&ask, record, sizeof(ask));
	data = round_up(ask.data_bytes);
	if (ask.data_bytes > LWF_VERDICT_COPY_MAX || bytes != sizeof(ask) + ask.exe_bytes + data)
		return "an ask's length is not what it says";
	why = judge_path(tail, ask.exe_bytes);
	if (!why)
		why = judge_comm(&ask.process);
	if (!why && !is_zero(tail + ask.exe_bytes + ask.data_bytes, data - ask.data_bytes))
		why = "the end of an ask is not 0";
	return why;
}

static const char *judge_owner(const unsigned char *record, size_t bytes)
{
	struct lwf_wire_flow_owner owner;
	const char *why;

	memcpy(&owner, record, sizeof(owner));
	why = judge_path(record + sizeof(owner), bytes - sizeof(owner));
	return why ? why : judge_comm(&owner.process);
}

static const char *judge(const unsigned char *record, size_t left, enum lwf_wire_sender sender,
			 size_t *bytes)
{
	struct lwf_wire_record head;
	const struct kind *kind;

	if (left < sizeof(head))
		return "a record is cut short";
	memcpy(&head, record, sizeof(head));
	kind = find(head.kind);
	if (!kind)
		return "a record of unknown kind";
	if (kind->from_daemon != (sender == LWF_WIRE_FROM_DAEMON))
		return "a record goes the other way";
	if (head.bytes < kind->bytes || head.bytes > left)
		return "a record's length does not fit";
	if (!kind->longer && head.bytes != kind->bytes)
		return "a record's length does not fit its kind";
	if (head.zero || !is_zero(record + kind->zero_at, kind->zero_bytes))
		return "a reserved field of a record is not 0";
	*bytes = head.bytes;
	if (head.kind == LWF_RECORD_ASK)
		return judge_ask(record, head.bytes);
	return kind->longer ? judge_owner(record, head.bytes) : NULL;
}

int lwf_wire_records_check(const void *body, size_t bytes, enum lwf_wire_sender sender,
			   unsigned *count, const char **why)
{
	const unsigned char *at = body, *end = at + bytes;
	size_t length = 0;

	*why = bytes ? NULL : "a body of no records";
	for (*count = 0; at < end && !*why; ++*count) {
		if (*count == LWF_VERDICT_RECORDS_MAX)
			*why = "too many records in one message";
		else
			*why = judge(at, (size_t)(end - at), sender, &length);
		at += length;
	}
	return *why ? -EBADMSG : 0;
}

/* ---- reading and making ---- */

bool lwf_wire_records_next(const void *body, size_t bytes, size_t *at, union lwf_wire_any *record)
{
	struct lwf_wire_record head;

	if (*at + sizeof(head) > bytes)
		return false;
	memcpy(&head, (const char *)body + *at, sizeof(head));
	if (head.bytes > sizeof(*record) || head.bytes > bytes - *at)
		return false;
	memcpy(record, (const char *)body + *at, head.bytes);
	if (head.kind == LWF_RECORD_OWNER && head.bytes == sizeof(record->owner.fixed))
		record->owner.exe[0] = '\0';
	*at += head.bytes;
	return true;
}

bool lwf_wire_records_add(struct lwf_wire_records *records, const void *record, size_t bytes)
{
	if (!lwf_wire_records_has_room(records, bytes))
		return false;
	memcpy(records->body + records->bytes, record, bytes);
	records->bytes += bytes;
	records->count++;
	return true;
}

static size_t path_bytes(const char *exe)
{
	return exe[0] ? round_up(strnlen(exe, LWF_OWNER_EXE_BYTES - 1) + 1) : 0;
}

size_t lwf_wire_ask_bytes(const char *exe, size_t data_bytes)
{
	return sizeof(struct lwf_wire_ask) + path_bytes(exe) + round_up(data_bytes);
}

size_t lwf_wire_owner_bytes(const char *exe)
{
	return sizeof(struct lwf_wire_flow_owner) + path_bytes(exe);
}

static void put_path(unsigned char *to, const char *exe)
{
	memset(to, 0, path_bytes(exe));
	memcpy(to, exe, strnlen(exe, LWF_OWNER_EXE_BYTES - 1));
}

void lwf_wire_ask_put(void *out, const struct lwf_wire_ask *fixed, const char *exe,
		      const void *data, size_t data_bytes)
{
	size_t path = path_bytes(exe);
	unsigned char *tail = (unsigned char *)out + sizeof(*fixed);
	struct lwf_wire_ask ask = *fixed;

	ask.head = (struct lwf_wire_record){LWF_RECORD_ASK,
					    (uint16_t)lwf_wire_ask_bytes(exe, data_bytes), 0};
	ask.exe_bytes = (uint16_t)path;
	ask.data_bytes = (uint16_t)data_bytes;
	memcpy(out, &ask, sizeof(ask));
	put_path(tail, exe);
	memset(tail + path, 0, round_up(data_bytes));
	if (data_bytes)
		memcpy(tail + path, data, data_bytes);
}

void lwf_wire_owner_put(void *out, const struct lwf_wire_flow_owner *fixed, const char *exe)
{
	struct lwf_wire_flow_owner owner = *fixed;

	owner.head =
		(struct lwf_wire_record){LWF_RECORD_OWNER, (uint16_t)lwf_wire_owner_bytes(exe), 0};
	memcpy(out, &owner, sizeof(owner));
	put_path((unsigned char *)out + sizeof(owner), exe);
}

/* ---- processes ---- */

void lwf_wire_process_put(struct lwf_wire_process *process, const struct lwf_owner *owner)
{
	memset(process, 0, sizeof(*process));
	process->start_time = owner->start_time;
	process->cookie = owner->cookie;
	process->pid = owner->pid;
	process->uid = owner->uid;
	process->ppid = owner->ppid;
	process->holders = owner->holders;
	process->how = owner->how;
	process->why = owner->why;
	memcpy(process->comm, owner->comm, sizeof(process->comm));
	process->comm[sizeof(process->comm) - 1] = '\0';
}

void lwf_wire_process_get(const struct lwf_wire_process *process, const char *exe,
			  struct lwf_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	owner->start_time = process->start_time;
	owner->cookie = process->cookie;
	owner->pid = process->pid;
	owner->uid = process->uid;
	owner->ppid = process->ppid;
	owner->holders = process->holders;
	owner->how = process->how;
	owner->why = process->why;
	memcpy(owner->comm, process->comm, sizeof(owner->comm));
	memcpy(owner->exe, exe, strnlen(exe, sizeof(owner->exe) - 1));
}
