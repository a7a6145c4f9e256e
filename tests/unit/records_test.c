/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records_test.c - bodies of records: what is accepted is read as it was written, and all else is refused
 * whole, with its reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "records.h"

static struct lwf_wire_records body;

static void begin(void)
{
	body.bytes = 0;
	body.count = 0;
}

static void add_tell(uint64_t ask)
{
	const struct lwf_wire_tell tell = {
		.head = LWF_RECORD_HEAD(TELL, lwf_wire_tell), .ask = ask, .action = 2, .scope = 1};

	assert_true(lwf_wire_records_add(&body, &tell, sizeof(tell)));
}

static void add_ask(const char *exe, const char *data)
{
	struct lwf_wire_ask ask = {.ask = 7, .flow = 9, .key = {.port = {80, 4000}}};
	unsigned char record[sizeof(union lwf_wire_any)];

	memcpy(ask.process.comm, "curl", 5);
	lwf_wire_ask_put(record, &ask, exe, data, strlen(data));
	assert_true(lwf_wire_records_add(&body, record, lwf_wire_ask_bytes(exe, strlen(data))));
}

static void add_owner(const char *exe)
{
	const struct lwf_wire_flow_owner owner = {.ask = 7, .process = {.pid = 12, .comm = "nc"}};
	unsigned char record[sizeof(union lwf_wire_any)];

	lwf_wire_owner_put(record, &owner, exe);
	assert_true(lwf_wire_records_add(&body, record, lwf_wire_owner_bytes(exe)));
}

static void refused(enum lwf_wire_sender sender, const char *reason)
{
	const char *why = NULL;
	unsigned count;

	assert_int_equal(lwf_wire_records_check(body.body, body.bytes, sender, &count, &why),
			 -EBADMSG);
	assert_string_equal(why, reason);
}

static unsigned accepted(enum lwf_wire_sender sender)
{
	const char *why = NULL;
	unsigned count = 0;

	if (lwf_wire_records_check(body.body, body.bytes, sender, &count, &why))
		fail_msg("%s", why);
	return count;
}

static void records_are_read_as_they_were_written(void **state)
{
	const struct lwf_wire_cancel cancel = {
		.head = LWF_RECORD_HEAD(CANCEL, lwf_wire_cancel), .ask = 7, .cause = 3};
	union lwf_wire_any record;
	struct lwf_owner owner;
	char exe[LWF_OWNER_EXE_BYTES + 40];
	size_t at = 0;

	(void)state;
	begin();
	memset(exe, 'x', sizeof(exe));
	exe[sizeof(exe) - 1] = '\0';
	add_ask("/usr/bin/curl", "frame");
	add_ask("", "");
	add_ask(exe, "12345678"); /* longer than there is room: cut at its end */
	assert_true(lwf_wire_records_add(&body, &cancel, sizeof(cancel)));
	add_owner("/bin/nc");
	add_owner("");
	assert_int_equal(accepted(LWF_WIRE_FROM_DAEMON), 6);
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_int_equal(record.head.bytes, sizeof(struct lwf_wire_ask) + 16 + 8);
	assert_int_equal(record.ask.fixed.ask, 7);
	assert_int_equal(record.ask.fixed.key.port[1], 4000);
	assert_string_equal((char *)record.ask.tail, "/usr/bin/curl");
	assert_memory_equal(record.ask.tail + record.ask.fixed.exe_bytes, "frame\0\0\0", 8);
	lwf_wire_process_get(&record.ask.fixed.process, (char *)record.ask.tail, &owner);
	assert_string_equal(owner.comm, "curl");
	assert_string_equal(owner.exe, "/usr/bin/curl");
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_int_equal(record.ask.fixed.exe_bytes + record.ask.fixed.data_bytes, 0);
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_int_equal(strlen((char *)record.ask.tail), LWF_OWNER_EXE_BYTES - 1);
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_int_equal(record.cancel.cause, 3);
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_string_equal(record.owner.exe, "/bin/nc");
	assert_int_equal(record.owner.fixed.process.pid, 12);
	assert_true(lwf_wire_records_next(body.body, body.bytes, &at, &record));
	assert_string_equal(record.owner.exe, "");
	assert_false(lwf_wire_records_next(body.body, body.bytes, &at, &record));
}

static void sixty_four_records_are_a_body_and_no_more(void **state)
{
	const struct lwf_wire_tell tell = {.ask = 1};

	(void)state;
	begin();
	for (unsigned i = 0; i < LWF_VERDICT_RECORDS_MAX; i++)
		add_tell(i);
	assert_int_equal(accepted(LWF_WIRE_FROM_CLIENT), 64);
	assert_false(lwf_wire_records_add(&body, &tell, sizeof(tell)));
	memcpy(body.body + body.bytes, body.body, sizeof(tell));
	body.bytes += sizeof(tell);
	refused(LWF_WIRE_FROM_CLIENT, "too many records in one message");
}

/* What is wrong with a tell of which one byte is another. */
static void refused_with(size_t at, unsigned char value, const char *reason)
{
	begin();
	add_tell(1);
	body.body[at] = value;
	refused(LWF_WIRE_FROM_CLIENT, reason);
}

static void a_body_is_refused_whole(void **state)
{
	(void)state;
	begin();
	refused(LWF_WIRE_FROM_CLIENT, "a body of no records");
	add_tell(1);
	refused(LWF_WIRE_FROM_DAEMON, "a record goes the other way");
	add_tell(2);
	body.bytes -= 8;
	refused(LWF_WIRE_FROM_CLIENT, "a record's length does not fit");
	body.bytes -= 20;
	refused(LWF_WIRE_FROM_CLIENT, "a record is cut short");
	refused_with(offsetof(struct lwf_wire_tell, zero), 1,
		     "a reserved field of a record is not 0");
	refused_with(offsetof(struct lwf_wire_record, zero), 1,
		     "a reserved field of a record is not 0");
	refused_with(0, 99, "a record of unknown kind");
	/* a credit is shorter than a tell */
	refused_with(0, LWF_RECORD_CREDIT, "a record's length does not fit its kind");
}

static void asks_are_as_long_as_they_say(void **state)
{
	(void)state;
	begin();
	add_ask("/bin/true", "data");
	body.body[offsetof(struct lwf_wire_ask, data_bytes)] = 9;
	refused(LWF_WIRE_FROM_DAEMON, "an ask's length is not what it says");
	begin();
	add_ask("/bin/true", "data");
	body.body[offsetof(struct lwf_wire_ask, exe_bytes)] += 8;
	refused(LWF_WIRE_FROM_DAEMON, "an ask's length is not what it says");
	begin();
	add_ask("/bin/true", ""); /* 12 bytes of path: no multiple of 8 */
	body.body[offsetof(struct lwf_wire_ask, exe_bytes)] -= 4;
	body.body[offsetof(struct lwf_wire_record, bytes)] -= 4;
	body.bytes -= 4;
	refused(LWF_WIRE_FROM_DAEMON, "a path has no such length");
	begin();
	add_ask("/bin/true", "data");
	body.body[body.bytes - 1] = 1;
	refused(LWF_WIRE_FROM_DAEMON, "the end of an ask is not 0");
}

static void texts_end_where_they_must(void **state)
{
	const size_t comm = offsetof(struct lwf_wire_ask, process.comm);

	(void)state;
	begin();
	add_ask("/bin/true", "");
	memset(body.body + comm, 'c', LWF_OWNER_COMM_BYTES);
	refused(LWF_WIRE_FROM_DAEMON, "a command does not end");
	begin();
	add_ask("/bin/true", "");
	memset(body.body + body.bytes - 8, 'p', 8);
	refused(LWF_WIRE_FROM_DAEMON, "a path does not end");
	begin();
	add_owner("/bin/true");
	memset(body.body + body.bytes - 8, 'p', 8);
	refused(LWF_WIRE_FROM_DAEMON, "a path does not end");
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
#define X(sym, number, daemon, name) assert_string_equal(lwf_wire_record_name(number), name);
	LWF_VERDICT_RECORD_LIST(X)
#undef X
	assert_null(lwf_wire_record_name(0));
	assert_null(lwf_wire_record_name(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_they_were_written),
		cmocka_unit_test(sixty_four_records_are_a_body_and_no_more),
		cmocka_unit_test(a_body_is_refused_whole),
		cmocka_unit_test(asks_are_as_long_as_they_say),
		cmocka_unit_test(texts_end_where_they_must),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
