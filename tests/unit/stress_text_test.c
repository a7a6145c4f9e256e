/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_text_test.c - what is UTF-8, and what becomes of what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

/* Byte by byte as Unicode has it in its table 3-7; jansson, which is not ours, has to agree. */
static void test_valid(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
	} rows[] = {
		{"", 0},
		{"plain", 5},
		{"caf\xc3\xa9", 5},
		{"caf\xe9", 3},
		{"\xe2\x82\xac", 3},
		{"\xf0\x9f\x98\x80!", 5},
		{"a\xc3", 1},
		{"a\xf0\x9f\x98", 1},
		{"\xc0\xaf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0},
		{"\xed\x9f\xbf", 3},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0},
		{"\x80", 0},
		{"\xc3\x28", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t bytes = strlen(rows[i].text);
		json_t *value = json_string(rows[i].text);

		if (stress_text_valid(rows[i].text, bytes) != rows[i].valid)
			fail_msg("row %zu: %zu", i, stress_text_valid(rows[i].text, bytes));
		if ((value != NULL) != (rows[i].valid == bytes))
			fail_msg("row %zu: jansson says otherwise", i);
		json_decref(value);
	}
	assert_int_equal(stress_text_valid("a\0b", 3), 1);
}

static void test_mended(void **state)
{
	static const char *const rows[][3] = {
		/* text, without a cut end, all of it valid */
		{"", "", ""},
		{"a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9"},
		{"a\xc3", "a", "a"},
		{"a\xe2\x82", "a", "a"},
		{"a\xf0\x9f\x98", "a", "a"},
		{"\xe9", "", ""},
		{"a\xe9z", "a\xe9z", "a?z"},
		{"\xff\xfe", "\xff\xfe", "??"},
		{"\x82", "\x82", "?"},
		{"\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80", "?????"},
		{"\xc3\xa9\xe9\xc3\xa9\xc3", "\xc3\xa9\xe9\xc3\xa9", "\xc3\xa9?\xc3\xa9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[16];
		json_t *value = stress_text_json(rows[i][0]);

		snprintf(text, sizeof(text), "%s", rows[i][0]);
		assert_string_equal(stress_text_trim(text), rows[i][1]);
		snprintf(text, sizeof(text), "%s", rows[i][0]);
		assert_string_equal(stress_text_mend(text), rows[i][2]);
		assert_string_equal(json_string_value(value), rows[i][2]);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
