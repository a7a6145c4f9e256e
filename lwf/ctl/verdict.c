/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.c - lwfctl verdict show; and how serve and ask become deciders.
 */
#include <string.h>
#include <time.h>

#include "cli.h"
#include "decider.h"
#include "units.h"

/* ---- show ---- */

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* "verdict 12, timeout 3"; "nothing" when there is none. */
static void print_counts(const char *what, const json_t *counts)
{
	json_t *object = (json_t *)(uintptr_t)counts; /* jansson iterates without const */
	const char *key, *comma = "";
	json_t *value;

	printf("  %-9s", what);
	json_object_foreach(object, key, value)
	{
		printf("%s %" JSON_INTEGER_FORMAT " %s", comma, json_integer_value(value), key);
		comma = ",";
	}
	printf("%s\n", *comma ? "" : " nothing");
}

static void print_decider(const json_t *decider)
{
	json_int_t told = number(json_object_get(decider, "settled"), "verdict");
	char mean[32];

	lwf_units_show_duration(told > 0 ? (uint64_t)(number(decider, "latency_ns") / told) : 0,
				mean, sizeof(mean));
	printf("  decider %" JSON_INTEGER_FORMAT " %s (pid %" JSON_INTEGER_FORMAT
	       "): priority %" JSON_INTEGER_FORMAT ", credits %" JSON_INTEGER_FORMAT
	       ", asked %" JSON_INTEGER_FORMAT ", open %" JSON_INTEGER_FORMAT "%s%s\n",
	       number(decider, "decider"), text(decider, "comm"), number(decider, "pid"),
	       number(decider, "priority"), number(decider, "credits"), number(decider, "asked"),
	       number(decider, "open"), told > 0 ? ", answers after " : "", told > 0 ? mean : "");
}

static void print_ask(const json_t *ask)
{
	char left[32];

	lwf_units_show_duration((uint64_t)number(ask, "left_ns"), left, sizeof(left));
	printf("  ask %s: %s %s:%" JSON_INTEGER_FORMAT " %s %s:%" JSON_INTEGER_FORMAT
	       " of %s (pid %" JSON_INTEGER_FORMAT "), %s in %s\n",
	       text(ask, "ask"), text(ask, "protocol"), text(ask, "local"),
	       number(ask, "local_port"), !strcmp(text(ask, "direction"), "out") ? ">" : "<",
	       text(ask, "remote"), number(ask, "remote_port"),
	       number(ask, "pid") ? text(ask, "comm") : "nobody known", number(ask, "pid"),
	       text(ask, "fallback"), left);
}

static void print_module(const json_t *module)
{
	const json_t *asks = json_object_get(module, "open_asks");
	const json_t *deciders = json_object_get(module, "deciders");

	printf("%s/%s: %" JSON_INTEGER_FORMAT " asks, %" JSON_INTEGER_FORMAT
	       " open; %" JSON_INTEGER_FORMAT " frames wait (%" JSON_INTEGER_FORMAT
	       " bytes), epoch %" JSON_INTEGER_FORMAT "\n",
	       text(module, "stack"), text(module, "module"), number(module, "asks"),
	       number(module, "open"), number(module, "waiting"), number(module, "bytes"),
	       number(module, "epoch"));
	print_counts("settled:", json_object_get(module, "settled"));
	print_counts("told:", json_object_get(module, "told"));
	for (size_t i = 0; i < json_array_size(deciders); i++)
		print_decider(json_array_get(deciders, i));
	for (size_t i = 0; i < json_array_size(asks); i++)
		print_ask(json_array_get(asks, i));
}

int ctl_verdict_show(const struct ctl_line *line)
{
	json_t *body = json_object(), *reply = NULL;
	struct lwf_connection *connection;
	const json_t *modules;
	struct lwf_error error;
	int err;

	if (lwf_connection_open(line->value[CTL_OPTION_CONTROL], LWF_WIRE_TIMEOUT_NS, &connection,
				&error)) {
		json_decref(body);
		return lwf_cli_error(CTL_PROGRAM, &error);
	}
	if (line->operands && json_object_set_new(body, "stack", json_string(line->operand[0])))
		json_object_set_new(body, "stack", json_string(""));
	err = lwf_connection_request(connection, LWF_WIRE_VERDICTS, body, LWF_WIRE_TIMEOUT_NS,
				     &reply, NULL, &error);
	lwf_connection_close(connection);
	if (err)
		return lwf_cli_error(CTL_PROGRAM, &error);
	if (line->json) {
		lwf_cli_json(reply);
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	}
	modules = json_object_get(reply, "verdicts");
	for (size_t i = 0; i < json_array_size(modules); i++)
		print_module(json_array_get(modules, i));
	json_decref(reply);
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}

/* ---- deciders ---- */

uint64_t decider_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int read_number(const char *option, const char *given, uint64_t most, uint32_t *value)
{
	uint64_t count;

	if (!given)
		return -1;
	if (lwf_units_count(given, &count) || count > most)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, option, NULL,
				    "give a number from 0 to %llu", (unsigned long long)most);
	*value = (uint32_t)count;
	return -1;
}

int decider_options(const struct ctl_line *line, struct lwf_verdict_options *options)
{
	const struct lwf_verdict_options defaults = LWF_VERDICT_OPTIONS_INIT;
	const char *timeout = line->value[CTL_OPTION_TIMEOUT];
	int code;

	*options = defaults;
	options->control = line->value[CTL_OPTION_CONTROL];
	code = read_number("--priority", line->value[CTL_OPTION_PRIORITY], UINT32_MAX,
			   &options->priority);
	if (code < 0)
		code = read_number("--copy", line->value[CTL_OPTION_COPY], LWF_VERDICT_COPY_MAX,
				   &options->copy_bytes);
	if (code >= 0 || !timeout)
		return code;
	if (!lwf_units_duration(timeout, &options->ask_ns) && options->ask_ns &&
	    options->ask_ns <= LWF_ASK_TIMEOUT_MAX_NS)
		return -1;
	return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--timeout", "as in 500ms, 2s, 1m",
			    "'%.32s' is no time from 1ns to 60s", timeout);
}

/* "eth1", or "eth1/verdict-2". -1, or the exit code. */
static int read_place(const char *given, struct decider_place *place)
{
	size_t bytes = given ? strcspn(given, "/") : 0;
	const char *module = given && given[bytes] ? given + bytes + 1 : "verdict";

	if (given && (!bytes || bytes >= sizeof(place->stack) || !*module || strchr(module, '/') ||
		      strlen(module) >= sizeof(place->module)))
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--stack",
				    "as in eth1, or eth1/verdict",
				    "'%.64s' is no name of a stack or module", given);
	snprintf(place->stack, sizeof(place->stack), "%.*s", (int)bytes, given ? given : "");
	snprintf(place->module, sizeof(place->module), "%s", module);
	return -1;
}

/* Finds @place in what lwfctl show says. -1, or the exit code. */
static int look_for(struct decider_place *place, const json_t *reply)
{
	const json_t *stacks = json_object_get(reply, "stacks"), *stack, *modules;

	if (json_array_size(stacks) != 1)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--stack",
				    "name one of those that lwfctl show lists",
				    "there are several stacks");
	stack = json_array_get(stacks, 0);
	snprintf(place->stack, sizeof(place->stack), "%s", text(stack, "name"));
	modules = json_object_get(stack, "modules");
	for (size_t i = 0; i < json_array_size(modules); i++)
		place->is_there |= !strcmp(text(json_array_get(modules, i), "name"), place->module);
	return -1;
}

int decider_find(const struct ctl_line *line, struct decider_place *place,
		 struct lwf_verdict_options *options)
{
	struct lwf_connection *connection;
	json_t *body = NULL, *reply = NULL;
	struct lwf_error error;
	int code, err;

	memset(place, 0, sizeof(*place));
	code = read_place(line->value[CTL_OPTION_STACK], place);
	if (code >= 0)
		return code;
	err = lwf_connection_open(options->control, LWF_WIRE_TIMEOUT_NS, &connection, &error);
	if (err)
		return lwf_cli_error(CTL_PROGRAM, &error);
	if (place->stack[0])
		body = json_pack("{s:s}", "stack", place->stack);
	err = lwf_connection_request(connection, LWF_WIRE_SHOW, body, LWF_WIRE_TIMEOUT_NS, &reply,
				     NULL, &error);
	lwf_connection_close(connection);
	if (err)
		return lwf_cli_error(CTL_PROGRAM, &error);
	code = look_for(place, reply);
	json_decref(reply);
	options->stack = place->stack;
	options->module = place->module;
	return code;
}

int decider_open(const struct lwf_verdict_options *options, const struct decider_place *place,
		 struct lwf_verdict **handle)
{
	struct lwf_error error;

	if (lwf_verdict_open(options, handle, &error))
		return lwf_cli_error(CTL_PROGRAM, &error);
	lwf_cli_note(CTL_PROGRAM, "decider %u of %s, priority %u", lwf_verdict_decider(*handle),
		     options->stack, options->priority);
	if (!place->is_there)
		lwf_cli_note(CTL_PROGRAM,
			     "%s/%s: there is no such module, so nothing is asked until there is; "
			     "lwfctl filter insert %s verdict",
			     place->stack, place->module, place->stack);
	return -1;
}
