/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_test.c - control messages: every header that must be refused is, every type has its role and
 * body, bodies are read strictly, and docs/wire.md lists exactly the messages that control.h has.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

static int check(const struct lwf_wire_header *header, size_t body_bytes,
		 enum lwf_wire_sender sender, const char **why)
{
	static unsigned char packet[LWF_WIRE_PACKET_MAX_BYTES + 64];
	struct lwf_wire_header out;

	memcpy(packet, header, sizeof(*header));
	return lwf_wire_check(packet, sizeof(*header) + body_bytes, sender, &out, why);
}

static struct lwf_wire_header good(void)
{
	return (struct lwf_wire_header){
		.magic = LWF_WIRE_MAGIC,
		.version = LWF_WIRE_VERSION,
		.type = LWF_WIRE_SHOW,
		.length = 2,
		.sequence = 7,
	};
}

static void good_header_passes(void **state)
{
	struct lwf_wire_header header = good();
	const char *why;

	(void)state;
	assert_int_equal(check(&header, 2, LWF_WIRE_FROM_CLIENT, &why), 0);
	header.length = LWF_WIRE_MESSAGE_MAX_BYTES;
	assert_int_equal(check(&header, LWF_WIRE_MESSAGE_MAX_BYTES, LWF_WIRE_FROM_CLIENT, &why), 0);
	header = good();
	header.type = LWF_WIRE_DOORBELL;
	header.length = 0;
	assert_int_equal(check(&header, 0, LWF_WIRE_FROM_CLIENT, &why), 0);
	header = good();
	header.type = LWF_WIRE_REPLY;
	header.flags = LWF_WIRE_FLAG_MORE;
	assert_int_equal(check(&header, 2, LWF_WIRE_FROM_DAEMON, &why), 0);
}

/* One wrong field at a time. */
static void wrong_headers_are_refused(void **state)
{
	static const struct {
		struct lwf_wire_header header;
		size_t body_bytes;
		enum lwf_wire_sender sender;
		const char *why;
	} cases[] = {
#define HEADER(...) {.magic = LWF_WIRE_MAGIC, .version = LWF_WIRE_VERSION, __VA_ARGS__}
		{{.magic = 0x1234, .version = LWF_WIRE_VERSION, .type = LWF_WIRE_SHOW, .length = 2},
		 2,
		 LWF_WIRE_FROM_CLIENT,
		 "magic"},
		{{.magic = LWF_WIRE_MAGIC, .version = 2, .type = LWF_WIRE_SHOW, .length = 2},
		 2,
		 LWF_WIRE_FROM_CLIENT,
		 "version"},
		{{.magic = LWF_WIRE_MAGIC, .version = 0, .type = LWF_WIRE_SHOW, .length = 2},
		 2,
		 LWF_WIRE_FROM_CLIENT,
		 "version"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 2, .reserved = 1), 2, LWF_WIRE_FROM_CLIENT,
		 "reserved"},
		{HEADER(.type = 0, .length = 2), 2, LWF_WIRE_FROM_CLIENT, "unknown message"},
		{HEADER(.type = 99, .length = 2), 2, LWF_WIRE_FROM_CLIENT, "unknown message"},
		{HEADER(.type = 0xffff, .length = 2), 2, LWF_WIRE_FROM_CLIENT, "unknown message"},
		{HEADER(.type = LWF_WIRE_REPLY, .length = 2), 2, LWF_WIRE_FROM_CLIENT, "other way"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 2), 2, LWF_WIRE_FROM_DAEMON, "other way"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 2, .flags = 0x80), 2, LWF_WIRE_FROM_CLIENT,
		 "unknown flag"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 2, .flags = LWF_WIRE_FLAG_MORE), 2,
		 LWF_WIRE_FROM_CLIENT, "does not fit"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 3), 2, LWF_WIRE_FROM_CLIENT, "length"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 1), 2, LWF_WIRE_FROM_CLIENT, "length"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 0xffffffff), 2, LWF_WIRE_FROM_CLIENT,
		 "too long"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = LWF_WIRE_MESSAGE_MAX_BYTES + 1),
		 LWF_WIRE_MESSAGE_MAX_BYTES + 1, LWF_WIRE_FROM_CLIENT, "too long"},
		{HEADER(.type = LWF_WIRE_DOORBELL, .length = 2), 2, LWF_WIRE_FROM_CLIENT,
		 "where none"},
		{HEADER(.type = LWF_WIRE_RUNG, .length = 2), 2, LWF_WIRE_FROM_DAEMON, "where none"},
		{HEADER(.type = LWF_WIRE_SHOW, .length = 0), 0, LWF_WIRE_FROM_CLIENT, "missing"},
#undef HEADER
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = NULL;
		if (check(&cases[i].header, cases[i].body_bytes, cases[i].sender, &why) !=
			    -EBADMSG ||
		    !strstr(why, cases[i].why))
			fail_msg("case %zu: '%s' instead of '%s'", i, why, cases[i].why);
	}
}

static void short_packets_are_refused(void **state)
{
	struct lwf_wire_header header = good(), out;
	const char *why;

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(header); bytes++)
		assert_int_equal(lwf_wire_check(&header, bytes, LWF_WIRE_FROM_CLIENT, &out, &why),
				 -EBADMSG);
}

static void types_have_their_roles(void **state)
{
	(void)state;
	assert_int_equal(lwf_wire_role(LWF_WIRE_HELLO), 0);
	assert_int_equal(lwf_wire_role(LWF_WIRE_SHOW), LWF_ROLE_OBSERVE);
	assert_int_equal(lwf_wire_role(LWF_WIRE_OPEN), LWF_ROLE_INJECT);
	assert_int_equal(lwf_wire_role(LWF_WIRE_PAUSE), LWF_ROLE_ADMIN);
	assert_int_equal(lwf_wire_role(4711), 0);
	assert_string_equal(lwf_wire_name(LWF_WIRE_FILTER_INSERT), "filter-insert");
	assert_null(lwf_wire_name(4711));
	assert_true(lwf_wire_is_request(LWF_WIRE_DOORBELL));
	assert_false(lwf_wire_is_request(LWF_WIRE_RUNG));
	assert_false(lwf_wire_is_request(4711));
	assert_false(lwf_wire_has_body(LWF_WIRE_DOORBELL));
	assert_true(lwf_wire_has_body(LWF_WIRE_HELLO));
}

static void roles_are_named(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(lwf_wire_role_names(0, text, sizeof(text)), "none");
	assert_string_equal(lwf_wire_role_names(1, text, sizeof(text)), "observe");
	assert_string_equal(lwf_wire_role_names(5, text, sizeof(text)), "observe,admin");
	assert_string_equal(lwf_wire_role_names(6, text, sizeof(text)), "inject,admin");
	assert_string_equal(lwf_wire_role_names(7, text, sizeof(text)), "observe,inject,admin");
}

static void encoding_is_decoded(void **state)
{
	unsigned char packet[64];
	struct lwf_wire_header header;
	const char *why;
	size_t bytes;

	(void)state;
	bytes = lwf_wire_encode(packet, sizeof(packet), LWF_WIRE_PAUSE, 0, 42, "{}", 2);
	assert_int_equal(bytes, LWF_WIRE_HEADER_BYTES + 2);
	assert_int_equal(lwf_wire_check(packet, bytes, LWF_WIRE_FROM_CLIENT, &header, &why), 0);
	assert_int_equal(header.sequence, 42);
	assert_int_equal(header.type, LWF_WIRE_PAUSE);
	assert_int_equal(lwf_wire_encode(packet, 17, LWF_WIRE_PAUSE, 0, 1, "{}", 2), 0);
	assert_int_equal(lwf_wire_encode(packet, 64, LWF_WIRE_PAUSE, 0, 1, NULL, 0), 0);
	assert_int_equal(lwf_wire_encode(packet, 64, LWF_WIRE_DOORBELL, 0, 1, "{}", 2), 0);
	assert_int_equal(lwf_wire_encode(packet, 64, LWF_WIRE_DOORBELL, 0, 1, NULL, 0), 16);
}

static void bodies_are_one_object(void **state)
{
	static const char *const bad[] = {"",	   "{",	       "[]",	       "1",
					  "null",  "{}{}",     "{} x",	       "{\"a\":1,\"a\":2}",
					  "\"x\"", "{\"a\":}", "{\"a\":\xff}", "{a:1}"};
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (lwf_wire_parse(bad[i], strlen(bad[i]), why, sizeof(why)))
			fail_msg("'%s' was taken", bad[i]);
	}
	json_decref(lwf_wire_parse("{\"a\":1}", 7, why, sizeof(why)));
}

struct members {
	char stack[8];
	uint64_t number;
	bool flag, number_given;
};

static int read_members(const char *text, struct members *members, char *why, size_t why_bytes)
{
	const struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, members->stack, sizeof(members->stack), NULL},
		{"number", LWF_FIELD_UINT, false, &members->number, 0, &members->number_given},
		{"flag", LWF_FIELD_BOOL, false, &members->flag, 0, NULL},
	};
	json_t *body = lwf_wire_parse(text, strlen(text), why, why_bytes);
	int err = body ? lwf_wire_read(body, fields, 3, why, why_bytes) : -1;

	json_decref(body);
	return err;
}

static void members_are_read(void **state)
{
	struct members members = {.number = 5};
	char why[160];

	(void)state;
	assert_int_equal(read_members("{\"stack\":\"eth1\"}", &members, why, sizeof(why)), 0);
	assert_string_equal(members.stack, "eth1");
	assert_int_equal(members.number, 5);
	assert_false(members.number_given);
	assert_int_equal(read_members("{\"flag\":true,\"number\":9007199254740993,\"stack\":\"\"}",
				      &members, why, sizeof(why)),
			 0);
	assert_true(members.flag && members.number_given);
	assert_true(members.number == 9007199254740993u);
}

static void wrong_members_are_named(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
		{"{}", "'stack' is missing"},
		{"{\"stack\":1}", "'stack' is not a text"},
		{"{\"stack\":null}", "'stack' is not a text"},
		{"{\"stack\":\"eight888\"}", "'stack' is too long"},
		{"{\"stack\":\"a\",\"number\":-1}", "'number' is less than 0"},
		{"{\"stack\":\"a\",\"number\":1.0}", "'number' is not an integer"},
		{"{\"stack\":\"a\",\"number\":\"1\"}", "'number' is not an integer"},
		{"{\"stack\":\"a\",\"number\":1e400}", "not JSON"},
		{"{\"stack\":\"a\",\"number\":18446744073709551616}", "not JSON"},
		{"{\"stack\":\"a\",\"flag\":0}", "'flag' is neither"},
		{"{\"stack\":\"a\",\"stak\":\"b\"}", "'stak' is not known"},
		{"{\"stack\":\"a\\u0000b\"}", "not JSON"},
	};
	struct members members = {.number = 0};
	char why[160];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (read_members(cases[i].body, &members, why, sizeof(why)) == 0 ||
		    !strstr(why, cases[i].why))
			fail_msg("%s: '%s'", cases[i].body, why);
	}
}

static void errors_travel(void **state)
{
	struct lwf_error error, got;
	json_t *body;

	(void)state;
	lwf_error_set(&error, LWF_EXIT_NO_OBJECT, "eth9", "see lwfctl show", "no such %s", "stack");
	body = lwf_wire_error_body(&error);
	assert_true(lwf_wire_error_read(body, &got));
	assert_int_equal(got.exit, LWF_EXIT_NO_OBJECT);
	assert_string_equal(got.what, "eth9");
	assert_string_equal(got.why, "no such stack");
	assert_string_equal(got.next, "see lwfctl show");
	json_decref(body);
	/* bytes that are no UTF-8 cannot travel; an error still does */
	lwf_error_set(&error, LWF_EXIT_USAGE, "\xff\xfe", NULL, "bad name");
	body = lwf_wire_error_body(&error);
	assert_true(lwf_wire_error_read(body, &got));
	assert_int_equal(got.exit, LWF_EXIT_USAGE);
	json_decref(body);
	body = json_pack("{s:s}", "exit", "5");
	assert_false(lwf_wire_error_read(body, &got));
	assert_int_equal(got.exit, LWF_EXIT_UNREACHABLE);
	json_decref(body);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

/* Rows of the table: "| number | name | role | body |". */
static void document_lists_the_messages(void **state)
{
	static const struct {
		unsigned number;
		const char *name, *role, *body;
	} messages[] = {
#define ROLE_NAME_0			 "-"
#define ROLE_NAME_OBSERVE		 "observe"
#define ROLE_NAME_INJECT		 "inject"
#define ROLE_NAME_ADMIN			 "admin"
#define X(sym, number, role, name, body) {number, name, ROLE_NAME_##role, body},
		LWF_WIRE_LIST(X)
#undef X
	};
	char *text = read_file(LWF_SOURCE_DIR "/docs/wire.md"), row[512];
	size_t rows = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		snprintf(row, sizeof(row), "\n| %u | %s | %s | %s |\n", messages[i].number,
			 messages[i].name, messages[i].role, messages[i].body);
		if (!strstr(text, row))
			fail_msg("docs/wire.md lacks the row:%s", row);
	}
	for (const char *p = strstr(text, "\n| number "); p && (p = strstr(p, "\n| ")); p++)
		rows += p[3] >= '0' && p[3] <= '9';
	assert_int_equal(rows, sizeof(messages) / sizeof(messages[0]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_header_passes),
		cmocka_unit_test(wrong_headers_are_refused),
		cmocka_unit_test(short_packets_are_refused),
		cmocka_unit_test(types_have_their_roles),
		cmocka_unit_test(roles_are_named),
		cmocka_unit_test(encoding_is_decoded),
		cmocka_unit_test(bodies_are_one_object),
		cmocka_unit_test(members_are_read),
		cmocka_unit_test(wrong_members_are_named),
		cmocka_unit_test(errors_travel),
		cmocka_unit_test(document_lists_the_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
