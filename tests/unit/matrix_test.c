/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matrix_test.c - the table "operation x state" of docs/lifecycle.md: each cell is tried, under each
 * profile, and compared. When they differ it prints the table as it should be.
 */
#include <stdio.h>
#include <string.h>

#include "matrix.h"
#include "rig.h"

#define ROW_BYTES 1024u

/* The states in the order of the table's columns. */
static const enum lwf_state columns[] = {LWF_STATE_DETACHED, LWF_STATE_ATTACHING,
					 LWF_STATE_PAUSED,   LWF_STATE_RESTARTING,
					 LWF_STATE_RUNNING,  LWF_STATE_PAUSING};

static const unsigned column_count = sizeof(columns) / sizeof(columns[0]);

/* One cell: the word of the profile strict, and those of the others where they differ from it. */
static size_t print_cell(const struct matrix_op *op, enum lwf_state state, char *text, size_t bytes)
{
	char strict[MATRIX_WORD_BYTES], word[MATRIX_WORD_BYTES];
	size_t used;

	matrix_try(op, state, LWF_PROFILE_STRICT, strict);
	used = (size_t)snprintf(text, bytes, " %s", strict);
	for (unsigned p = LWF_PROFILE_STRICT + 1; p < LWF_PROFILES; p++) {
		matrix_try(op, state, (enum lwf_profile)p, word);
		if (strcmp(word, strict) != 0)
			used += (size_t)snprintf(text + used, bytes - used, "; %s: %s",
						 lwf_profile_name((enum lwf_profile)p), word);
	}
	return used + (size_t)snprintf(text + used, bytes - used, " |");
}

static void print_row(unsigned number, char *text)
{
	const struct matrix_op *op = &matrix_ops[number];
	size_t used = (size_t)snprintf(text, ROW_BYTES, "| %s |", op->name);

	for (unsigned i = 0; i < column_count; i++)
		used += print_cell(op, columns[i], text + used, ROW_BYTES - used);
	assert_true(used < ROW_BYTES);
}

/* The next row of operations in the document; false at the end of the table. */
static bool next_row(FILE *file, char *line)
{
	while (strncmp(line, "<!-- end", 8) != 0 && fgets(line, ROW_BYTES, file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "| operation", 11) != 0 && line[0] == '|' && line[1] == ' ')
			return true;
	}
	return false;
}

static void test_matrix(void **state)
{
	FILE *file = fopen(LWF_SOURCE_DIR "/docs/lifecycle.md", "r");
	char is[ROW_BYTES], line[ROW_BYTES] = "";
	unsigned different = 0;

	(void)state;
	assert_non_null(file);
	while (strncmp(line, "<!-- operation-matrix", 21) != 0)
		assert_non_null(fgets(line, sizeof(line), file));
	for (unsigned i = 0; matrix_ops[i].name; i++) {
		print_row(i, is);
		if (!next_row(file, line) || strcmp(line, is) != 0) {
			print_message("it says:%s\nit is:  %s\n", line, is);
			different++;
		}
	}
	assert_false(next_row(file, line));
	fclose(file);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_matrix)};

	return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
