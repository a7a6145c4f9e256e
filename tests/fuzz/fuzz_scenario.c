/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scenario.c - any bytes as a scenario. What is not understood is told in words; what is
 * understood keeps its bounds, and each of its parts can be printed.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *context, const char *from, const char *file, char **text, size_t *bytes)
{
	const struct input *input = context;

	(void)from;
	(void)file; /* whatever is included is the same text: depth is bounded */
	*text = malloc(input->size + 1);
	if (!*text)
		return -1;
	memcpy(*text, input->data, input->size);
	(*text)[input->size] = '\0';
	*bytes = input->size;
	return 0;
}

static void show(const struct stress_scenario *scenario, const struct stress_expr *expr)
{
	char text[256];

	if (!expr)
		return;
	stress_expr_show(scenario, expr, text, sizeof(text));
	assert(memchr(text, 0, sizeof(text)) && text[0]);
}

/* All of it is UTF-8, also where it was cut to fit. */
static bool is_text(const char *text)
{
	return stress_text_valid(text, strlen(text)) == strlen(text);
}

static void walk(const struct stress_scenario *scenario, const struct stress_statement *list,
		 unsigned depth)
{
	char text[128];

	assert(depth <= STRESS_DEPTH_MAX);
	for (; list; list = list->next) {
		assert(list->at.line > 0 && list->at.column > 0 && list->at.file);
		assert(memchr(list->text, 0, sizeof(list->text)));
		assert(is_text(list->text));
		stress_object_show(scenario, &list->object, text, sizeof(text));
		show(scenario, list->number);
		show(scenario, list->condition);
		show(scenario, list->while_true);
		show(scenario, list->parameter);
		show(scenario, list->duration);
		assert(list->kind != STRESS_FAULTS || list->fault < STRESS_FAULT_NONE);
		walk(scenario, list->body, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct stress_source source = {read_input, &input};
	struct stress_setting setting = {"n", "3", false};
	struct stress_scenario *scenario = NULL;
	struct stress_problem problem;

	if (size > 65536)
		return 0;
	if (stress_scenario_read(&source, "f.scn", &setting, size && data[0] == 'n' ? 1 : 0,
				 &scenario, &problem) == 0) {
		assert(scenario->links <= STRESS_LINKS_MAX &&
		       scenario->counters <= STRESS_REPEATS_MAX);
		walk(scenario, scenario->body, 0);
	} else {
		assert(!scenario && problem.text[0] &&
		       memchr(problem.text, 0, sizeof(problem.text)));
		assert(is_text(problem.text));
	}
	stress_scenario_free(scenario);
	return 0;
}
