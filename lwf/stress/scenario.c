/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario.c - a scenario that was read: printing its parts, giving its memory back, and the disk as
 * the place where texts come from.
 */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lwf/stack.h>

#include "parser.h"

void stress_scenario_free(struct stress_scenario *scenario)
{
	struct stress_arena_block *block;

	if (!scenario)
		return;
	while ((block = scenario->arena->blocks)) {
		scenario->arena->blocks = block->next;
		free(block);
	}
	free(scenario->arena);
	free(scenario);
}

/* ---- printing ---- */

const char *stress_object_show(const struct stress_scenario *scenario,
			       const struct stress_object *object, char *text, size_t bytes)
{
	switch (object->kind) {
	case STRESS_NOTHING:
		snprintf(text, bytes, "%s", "");
		break;
	case STRESS_LINK:
		snprintf(text, bytes, "%s", scenario->link[object->index].name);
		break;
	case STRESS_LOWER:
	case STRESS_UPPER:
		snprintf(text, bytes, "%s.%s", scenario->link[object->index].name,
			 object->kind == STRESS_LOWER ? "lower" : "upper");
		break;
	case STRESS_MODULE:
		snprintf(text, bytes, "%s/%s", scenario->link[object->index].name, object->module);
		break;
	case STRESS_CLIENT:
		snprintf(text, bytes, "%s", scenario->client[object->index].name);
		break;
	case STRESS_DAEMON:
		snprintf(text, bytes, "%s", scenario->daemon[object->index]);
		break;
	}
	return text;
}

/* Appends to a text that may be full already. */
struct writer {
	char *text;
	size_t bytes, used;
};

static void append(struct writer *writer, const char *text)
{
	size_t length = strlen(text), room = writer->bytes - writer->used;

	if (length >= room)
		length = room - 1;
	memcpy(writer->text + writer->used, text, length);
	writer->used += length;
	writer->text[writer->used] = '\0';
}

/* The largest unit that says it exactly. */
static void show_duration(int64_t ns, char *text, size_t bytes)
{
	static const struct {
		int64_t factor;
		const char *unit;
	} units[] = {{60000000000, "m"}, {1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns == 0 || ns % units[i].factor)
			continue;
		snprintf(text, bytes, "%" PRId64 "%s", ns / units[i].factor, units[i].unit);
		return;
	}
	snprintf(text, bytes, "%" PRId64 "ns", ns);
}

static void show_state(int64_t number, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s", lwf_state_name((enum lwf_state)number));
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

void stress_number_show(int64_t number, enum stress_unit unit, char *text, size_t bytes)
{
	switch (unit) {
	case STRESS_COUNT:
		snprintf(text, bytes, "%" PRId64, number);
		break;
	case STRESS_DURATION:
		show_duration(number, text, bytes);
		break;
	case STRESS_SHARE:
		snprintf(text, bytes, "%g%%", (double)number / 10000.0);
		break;
	case STRESS_FRAME_RATE:
		snprintf(text, bytes, "%" PRId64 "pps", number);
		break;
	case STRESS_BIT_RATE:
		snprintf(text, bytes, "%" PRId64 "bps", number);
		break;
	case STRESS_STATE:
		show_state(number, text, bytes);
		break;
	}
}

static const char *word_of(const struct stress_expr *expr)
{
	switch (stress_quantity_row(expr->quantity)->word) {
	case STRESS_STATUS_WORD:
		return lwf_status_name(lwf_answer_status((enum lwf_answer)expr->word));
	case STRESS_REASON_WORD:
		return lwf_reason_name((enum lwf_reason)expr->word);
	case STRESS_HOLD_WORD:
		return lwf_hold_name((enum lwf_hold)expr->word);
	case STRESS_TEXT_WORD:
	case STRESS_NO_WORD:
		break;
	}
	return "";
}

static const char *sign_of(enum stress_expr_kind kind)
{
	static const char *const signs[] = {
		[STRESS_EXPR_RANGE] = "..",	[STRESS_EXPR_ADD] = " + ",
		[STRESS_EXPR_SUBTRACT] = " - ", [STRESS_EXPR_MULTIPLY] = " * ",
		[STRESS_EXPR_EQUAL] = " == ",	[STRESS_EXPR_UNEQUAL] = " != ",
		[STRESS_EXPR_LESS] = " < ",	[STRESS_EXPR_AT_MOST] = " <= ",
		[STRESS_EXPR_MORE] = " > ",	[STRESS_EXPR_AT_LEAST] = " >= ",
		[STRESS_EXPR_AND] = " and ",	[STRESS_EXPR_OR] = " or ",
	};

	return signs[kind];
}

/* How strongly a kind binds its parts: a part that binds less needs parentheses. */
static int strength(const struct stress_expr *expr)
{
	switch (expr->kind) {
	case STRESS_EXPR_OR:
		return 0;
	case STRESS_EXPR_AND:
		return 1;
	case STRESS_EXPR_NOT:
		return 2;
	case STRESS_EXPR_EQUAL:
	case STRESS_EXPR_UNEQUAL:
	case STRESS_EXPR_LESS:
	case STRESS_EXPR_AT_MOST:
	case STRESS_EXPR_MORE:
	case STRESS_EXPR_AT_LEAST:
		return 3;
	case STRESS_EXPR_RANGE:
		return 4;
	case STRESS_EXPR_ADD:
	case STRESS_EXPR_SUBTRACT:
		return 5;
	case STRESS_EXPR_MULTIPLY:
		return 6;
	default:
		return 7;
	}
}

static void show_expr(const struct stress_scenario *scenario, const struct stress_expr *expr,
		      int around, struct writer *out)
{
	bool parentheses = strength(expr) < around;
	char text[STRESS_NAME_BYTES * 2 + 2];

	if (parentheses)
		append(out, "(");
	switch (expr->kind) {
	case STRESS_EXPR_NUMBER:
		stress_number_show(expr->number, expr->unit, text, sizeof(text));
		append(out, text);
		break;
	case STRESS_EXPR_COUNTER:
		append(out, expr->text ? expr->text : "round");
		break;
	case STRESS_EXPR_QUANTITY:
		append(out, stress_quantity_row(expr->quantity)->name);
		append(out, "(");
		append(out, stress_object_show(scenario, &expr->object, text, sizeof(text)));
		if (expr->word >= 0) {
			append(out, ", ");
			append(out, word_of(expr));
		}
		if (expr->text) {
			append(out, ", \"");
			append(out, expr->text);
			append(out, "\"");
		}
		append(out, ")");
		break;
	case STRESS_EXPR_NOT:
		append(out, "not ");
		show_expr(scenario, expr->left, 3, out);
		break;
	default:
		show_expr(scenario, expr->left, strength(expr), out);
		append(out, sign_of(expr->kind));
		show_expr(scenario, expr->right, strength(expr) + 1, out);
	}
	if (parentheses)
		append(out, ")");
}

const char *stress_expr_show(const struct stress_scenario *scenario, const struct stress_expr *expr,
			     char *text, size_t bytes)
{
	struct writer out = {text, bytes, 0};

	text[0] = '\0';
	show_expr(scenario, expr, 0, &out);
	return text;
}

/* ---- the disk ---- */

static int read_all(int fd, size_t size, char **text, size_t *bytes)
{
	char *memory = malloc(size + 1);
	size_t have = 0;

	if (!memory)
		return -ENOMEM;
	while (have < size) {
		ssize_t n = read(fd, memory + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(memory);
			return -errno;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	memory[have] = '\0';
	*text = memory;
	*bytes = have;
	return 0;
}

static int disk_read(void *context, const char *from, const char *file, char **text, size_t *bytes)
{
	const char *slash = from && file[0] != '/' ? strrchr(from, '/') : NULL;
	char path[4096];
	struct stat st;
	int fd, err;

	(void)context;
	if (snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - from) : 0,
		     from ? from : "", file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_size > (off_t)STRESS_FILE_MAX_BYTES)
		err = -EFBIG;
	else
		err = read_all(fd, (size_t)st.st_size, text, bytes);
	close(fd);
	return err;
}

const struct stress_source stress_disk = {disk_read, NULL};
