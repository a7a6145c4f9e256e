/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * announce.c - what lwfd says of itself: once when it runs, and whenever it gets SIGUSR1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "connection.h"
#include "daemon.h"

/* " --control PATH" where a user has to say it. */
static const char *control_option(const struct lwf_daemon *daemon, char *text, size_t bytes)
{
	char usual[LWF_CONTROL_PATH_BYTES];

	lwf_wire_default_path(usual, sizeof(usual));
	text[0] = '\0';
	if (strcmp(usual, daemon->config->control) != 0)
		snprintf(text, bytes, " --control %s", daemon->config->control);
	return text;
}

/* The next two commands to try, for the state that the stack is in. */
static void next_commands(const struct lwf_daemon *daemon, char commands[2][256])
{
	const char *name = daemon->config->stack;
	char option[160];

	control_option(daemon, option, sizeof(option));
	snprintf(commands[0], 256, "lwfctl show %s%s", name, option);
	if (lwf_stack_state(daemon->stack) == LWF_STATE_RUNNING)
		snprintf(commands[1], 256, "lwf-inject %s FILE.pcap%s", name, option);
	else
		snprintf(commands[1], 256, "lwfctl wait %s --state running --timeout 10s%s", name,
			 option);
}

/* "inject, monitor" */
static void module_names(const struct lwf_stack *stack, char *text, size_t bytes)
{
	struct lwf_module *module;
	size_t used = 0;

	snprintf(text, bytes, "none");
	for (uint32_t i = 0; (module = lwf_stack_module_at(stack, i)) && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? ", " : "",
					 lwf_module_name(module));
}

static void announce_text(const struct lwf_daemon *daemon)
{
	const struct lwf_config *config = daemon->config;
	char upper[2 * LWF_FILE_BYTES], lower[2 * LWF_FILE_BYTES], modules[512], next[2][256];
	char holds[128] = "";
	uint32_t held = lwf_stack_holds(daemon->stack);

	lwf_edge_config_print(&config->upper, upper, sizeof(upper));
	lwf_edge_config_print(&config->lower, lower, sizeof(lower));
	module_names(daemon->stack, modules, sizeof(modules));
	next_commands(daemon, next);
	for (unsigned i = 0; i < LWF_HOLDS; i++) {
		size_t used = strlen(holds);

		if (held & 1u << i)
			snprintf(holds + used, sizeof(holds) - used, "%s%s",
				 used ? ", " : ", held by ", lwf_hold_name((enum lwf_hold)i));
	}
	printf("stack %s is %s%s (pid %ld, control socket %s)\n", config->stack,
	       lwf_state_name(lwf_stack_state(daemon->stack)), holds, (long)getpid(),
	       config->control);
	printf("  %s > %s > %s\n", upper, modules, lower);
	if (daemon->did[0])
		printf("  %s\n", daemon->did);
	printf("try: %s\n     %s\n", next[0], next[1]);
	fflush(stdout);
}

/* "a; b; c" as an array. */
static json_t *parts_of(const char *text)
{
	json_t *array = json_array();
	char copy[512];
	char *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", text);
	while (array && (part = strsep(&rest, ";"))) {
		part += strspn(part, " ");
		if (part[0] && json_array_append_new(array, json_string(part))) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static void announce_json(const struct lwf_daemon *daemon)
{
	const struct lwf_config *config = daemon->config;
	char upper[2 * LWF_FILE_BYTES], lower[2 * LWF_FILE_BYTES], next[2][256];
	json_t *modules = json_array();
	struct lwf_module *module;

	lwf_edge_config_print(&config->upper, upper, sizeof(upper));
	lwf_edge_config_print(&config->lower, lower, sizeof(lower));
	next_commands(daemon, next);
	for (uint32_t i = 0; (module = lwf_stack_module_at(daemon->stack, i)); i++)
		json_array_append_new(modules, json_string(lwf_module_name(module)));
	lwf_cli_json(json_pack(
		"{s:i,s:I,s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:[s,s]}", "schema", LWF_SCHEMA, "pid",
		(json_int_t)getpid(), "control", config->control, "stack", config->stack, "state",
		lwf_state_name(lwf_stack_state(daemon->stack)), "holds",
		lwf_show_holds(lwf_stack_holds(daemon->stack)), "upper", upper, "lower", lower,
		"modules", modules, "did", parts_of(daemon->did), "next", next[0], next[1]));
}

void lwf_daemon_announce(const struct lwf_daemon *daemon)
{
	if (daemon->config->json)
		announce_json(daemon);
	else
		announce_text(daemon);
}

void lwf_daemon_dump(const struct lwf_daemon *daemon)
{
	json_t *state = lwf_show(daemon->engine, NULL, &daemon->server.facts);
	char *text = state ? json_dumps(state, JSON_COMPACT) : NULL;

	if (text)
		fprintf(stderr, "lwfd: state %s\n", text);
	free(text);
	json_decref(state);
}
