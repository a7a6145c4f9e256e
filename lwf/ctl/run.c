/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - one request to the daemon for each command.
 *
 * The words of the user are checked first, so that a wrong use is told without a daemon; then the
 * daemon answers, and its answer or its error is printed as it came.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/trace.h>

#include "cleanup.h"
#include "cli.h"
#include "ctl.h"
#include "units.h"

#define WAIT_GRACE_NS 5000000000ull /* for the daemon's answer to a wait that is over */

static int usage(const char *what, const char *next, const char *why)
{
	return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, what, next, "%s", why);
}

/* A request in the making. */
struct request {
	enum lwf_wire_type type;
	json_t *body;
	uint64_t timeout_ns;
};

static void put_text(json_t *body, const char *key, const char *text)
{
	/* what is no UTF-8 cannot be the name of anything; the daemon says so for the empty text */
	if (text && json_object_set_new(body, key, json_string(text)))
		json_object_set_new(body, key, json_string(""));
}

static void put_number(json_t *body, const char *key, uint64_t value)
{
	json_object_set_new(body, key, json_integer((json_int_t)value));
}

/* "STACK/MODULE"; the module may only be missing if @optional. */
static int put_module(const struct ctl_line *line, json_t *body, bool optional)
{
	const char *text = line->operand[0], *slash = strchr(text, '/');
	char stack[CTL_NAME_BYTES];

	if (!slash && optional) {
		put_text(body, "stack", text);
		return -1;
	}
	if (!slash || slash == text || !slash[1])
		return usage(text, "write STACK/MODULE, as in eth1/monitor",
			     "the module is missing");
	if ((size_t)(slash - text) >= sizeof(stack))
		return usage(text, "lwfctl show lists what there is", "the name is too long");
	memcpy(stack, text, (size_t)(slash - text));
	stack[slash - text] = '\0';
	put_text(body, "stack", stack);
	put_text(body, "module", slash + 1);
	return -1;
}

static int read_time(const char *option, const char *text, uint64_t *ns)
{
	switch (lwf_units_duration(text, ns)) {
	case 0:
		return -1;
	case -ERANGE:
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, option, "give less",
				    "'%.32s' is too long a time", text);
	default:
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, option,
				    "give a unit: 500ms, 2s, 10m", "'%.32s' is no time", text);
	}
}

static const char *const state_names[] = {
#define X(sym, name) name,
	LWF_STATE_LIST(X)
#undef X
};

static int prepare_wait(const struct ctl_line *line, struct request *request)
{
	const char *state = line->value[CTL_OPTION_STATE];
	const char *timeout = line->value[CTL_OPTION_TIMEOUT];
	uint64_t ns = 0;
	size_t i = 0;
	int ret;

	if (!state)
		return usage("--state", "say --state running", "wait needs it");
	if (!timeout)
		return usage("--timeout", "say --timeout 5s", "wait needs it");
	ret = read_time("--timeout", timeout, &ns);
	if (ret >= 0)
		return ret;
	while (i < LWF_STATES && strcasecmp(state, state_names[i]) != 0)
		i++;
	if (i == LWF_STATES)
		return lwf_cli_fail(
			CTL_PROGRAM, LWF_EXIT_USAGE, "--state",
			"use Detached, Attaching, Paused, Restarting, Pausing or Running",
			"'%.32s' is no state", state);
	ret = put_module(line, request->body, true);
	if (ret >= 0)
		return ret;
	put_text(request->body, "state", state_names[i]);
	put_number(request->body, "timeout_ns", ns);
	request->timeout_ns =
		ns > UINT64_MAX - WAIT_GRACE_NS ? LWF_WIRE_FOREVER : ns + WAIT_GRACE_NS;
	return -1;
}

static int prepare_watch(const struct ctl_line *line, struct request *request)
{
	const char *since = line->value[CTL_OPTION_SINCE];
	uint64_t seq;

	put_text(request->body, "stack", line->operand[0]);
	if (line->value[CTL_OPTION_FRAMES])
		json_object_set_new(request->body, "frames", json_true());
	if (!since)
		return -1;
	if (lwf_units_count(since, &seq))
		return usage("--since", "give the seq of a record, or 1", "it is no number");
	put_number(request->body, "since", seq);
	return -1;
}

static int prepare_insert(const struct ctl_line *line, struct request *request)
{
	if (line->value[CTL_OPTION_ABOVE] && line->value[CTL_OPTION_BELOW])
		return usage("--above and --below", "give one of the two",
			     "a module has one place");
	put_text(request->body, "stack", line->operand[0]);
	put_text(request->body, "spec", line->operand[1]);
	put_text(request->body, "above", line->value[CTL_OPTION_ABOVE]);
	put_text(request->body, "below", line->value[CTL_OPTION_BELOW]);
	return -1;
}

static int prepare_link(const struct ctl_line *line, struct request *request)
{
	const char *time = line->value[CTL_OPTION_FOR];
	bool on = !strcasecmp(line->operand[2], "on");
	uint64_t ns;
	int ret;

	if (strcmp(line->operand[1], "carrier") != 0)
		return usage(line->operand[1], "write carrier",
			     "nothing else of a link can be set");
	if (!on && strcasecmp(line->operand[2], "off") != 0)
		return usage(line->operand[2], "write off or on", "a carrier is off or on");
	if (time && on)
		return usage("--for", "use it with carrier off", "it does not go with carrier on");
	put_text(request->body, "stack", line->operand[0]);
	json_object_set_new(request->body, "carrier", json_boolean(on));
	if (!time)
		return -1;
	ret = read_time("--for", time, &ns);
	if (ret >= 0)
		return ret;
	put_number(request->body, "for_ns", ns);
	return -1;
}

static int prepare_oid(const struct ctl_line *line, struct request *request)
{
	const char *operand = line->operands > 1 ? line->operand[1] : NULL;
	const char *equals = operand ? strchr(operand, '=') : NULL;
	char name[CTL_NAME_BYTES];

	put_text(request->body, "stack", line->operand[0]);
	if (!equals) {
		put_text(request->body, "oid", operand);
		return -1;
	}
	if (equals == operand || (size_t)(equals - operand) >= sizeof(name))
		return usage(operand, "write NAME=VALUE, as in mtu=1400", "the name is no name");
	memcpy(name, operand, (size_t)(equals - operand));
	name[equals - operand] = '\0';
	request->type = LWF_WIRE_OID_SET;
	put_text(request->body, "oid", name);
	put_text(request->body, "value", equals + 1);
	return -1;
}

/* Checks the words and fills the request. -1, or the exit code. */
static int prepare(const struct ctl_line *line, struct request *request)
{
	static const enum lwf_wire_type types[CTL_COMMANDS] = {
		[CTL_COMMAND_SHOW] = LWF_WIRE_SHOW,
		[CTL_COMMAND_PAUSE] = LWF_WIRE_PAUSE,
		[CTL_COMMAND_RESTART] = LWF_WIRE_RESTART,
		[CTL_COMMAND_DETACH] = LWF_WIRE_DETACH,
		[CTL_COMMAND_ATTACH] = LWF_WIRE_ATTACH,
		[CTL_COMMAND_WAIT] = LWF_WIRE_WAIT,
		[CTL_COMMAND_WATCH] = LWF_WIRE_WATCH,
		[CTL_COMMAND_LEDGER] = LWF_WIRE_LEDGER,
		[CTL_COMMAND_INSERT] = LWF_WIRE_FILTER_INSERT,
		[CTL_COMMAND_REMOVE] = LWF_WIRE_FILTER_REMOVE,
		[CTL_COMMAND_SET] = LWF_WIRE_FILTER_SET,
		[CTL_COMMAND_LINK] = LWF_WIRE_CARRIER,
		[CTL_COMMAND_OID] = LWF_WIRE_OID_QUERY,
	};

	request->type = types[line->command];
	request->timeout_ns = LWF_WIRE_FOREVER; /* a stack may take its time to follow */
	switch (line->command) {
	case CTL_COMMAND_WAIT:
		return prepare_wait(line, request);
	case CTL_COMMAND_WATCH:
		return prepare_watch(line, request);
	case CTL_COMMAND_INSERT:
		return prepare_insert(line, request);
	case CTL_COMMAND_REMOVE:
		return put_module(line, request->body, false);
	case CTL_COMMAND_SET:
		put_text(request->body, "options", line->operand[1]);
		return put_module(line, request->body, false);
	case CTL_COMMAND_LINK:
		return prepare_link(line, request);
	case CTL_COMMAND_OID:
		return prepare_oid(line, request);
	case CTL_COMMAND_SHOW:
	case CTL_COMMAND_LEDGER:
		request->timeout_ns = LWF_WIRE_TIMEOUT_NS;
		put_text(request->body, "stack", line->operand[0]);
		return -1;
	default:
		put_text(request->body, "stack", line->operand[0]);
		return -1;
	}
}

/* Prints an answer; takes it. */
static int print(const struct ctl_line *line, json_t *reply)
{
	if (line->json) {
		lwf_cli_json(reply);
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	}
	switch (line->command) {
	case CTL_COMMAND_SHOW:
		ctl_print_show(reply);
		break;
	case CTL_COMMAND_LEDGER:
		ctl_print_ledger(reply);
		break;
	case CTL_COMMAND_OID:
		ctl_print_oids(reply);
		break;
	default:
		ctl_print_state(reply);
		break;
	}
	json_decref(reply);
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}

/* Until the daemon goes, or nobody reads any more. */
static int stream(const struct ctl_line *line, struct lwf_connection *connection)
{
	struct lwf_error error;
	json_t *event;
	int code;

	for (;;) {
		if (lwf_connection_event(connection, LWF_WIRE_FOREVER, &event, &error))
			return lwf_cli_error(CTL_PROGRAM, &error);
		if (line->json) {
			lwf_cli_json(event);
		} else {
			ctl_print_event(event);
			json_decref(event);
		}
		code = lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
		if (code != LWF_EXIT_OK)
			return code;
	}
}

static int ask(const struct ctl_line *line, struct request *request)
{
	struct lwf_connection *connection;
	struct lwf_error error;
	json_t *reply = NULL;
	int code;

	if (lwf_connection_open(line->value[CTL_OPTION_CONTROL], LWF_WIRE_TIMEOUT_NS, &connection,
				&error)) {
		json_decref(request->body);
		return lwf_cli_error(CTL_PROGRAM, &error);
	}
	if (lwf_connection_request(connection, request->type, request->body, request->timeout_ns,
				   &reply, NULL, &error)) {
		code = lwf_cli_error(CTL_PROGRAM, &error);
	} else if (line->command == CTL_COMMAND_WATCH) {
		json_decref(reply);
		code = stream(line, connection);
	} else {
		code = print(line, reply);
	}
	lwf_connection_close(connection);
	return code;
}

/* ---- cleanup: the one command without a daemon ---- */

static void cleanup_line(void *context, const char *text)
{
	json_t *lines = context;

	if (lines)
		json_array_append_new(lines, json_string(text));
	else
		printf("%s\n", text);
}

static int cleanup(const struct ctl_line *line)
{
	json_t *lines = line->json ? json_array() : NULL;
	struct cleanup_report report = {.line = cleanup_line, .context = lines};
	const char *path = line->value[CTL_OPTION_CONTROL];
	char usual[256];
	int ret;

	if (!path)
		path = lwf_wire_default_path(usual, sizeof(usual));
	ret = cleanup_run(path, &report);
	if (line->json)
		lwf_cli_json(json_pack("{s:i,s:o,s:i,s:i,s:i}", "schema", 1, "lines", lines,
				       "undone", (int)report.undone, "in_use", (int)report.in_use,
				       "failed", (int)report.failed));
	else if (!report.undone && !report.failed)
		printf("nothing to undo%s\n",
		       report.in_use ? "; what a living daemon uses was left alone" : "");
	if (!ret)
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	return lwf_cli_fail(
		CTL_PROGRAM,
		ret == -EPERM || ret == -EACCES ? LWF_EXIT_PERMISSION : LWF_EXIT_REFUSED, "cleanup",
		ret == -EPERM || ret == -EACCES ? "run it as root" : "see above",
		"something could not be undone: %s", strerror(-ret));
}

int ctl_run(const struct ctl_line *line)
{
	struct request request = {.body = NULL};
	int code;

	if (line->command == CTL_COMMAND_CLEANUP)
		return cleanup(line);
	if (line->command == CTL_COMMAND_FLOWS)
		return ctl_flows(line);
	if (line->command == CTL_COMMAND_EXPLAIN)
		return ctl_explain(line);
	if (line->command == CTL_COMMAND_VERDICT_CHECK)
		return ctl_verdict_check(line);
	if (line->command == CTL_COMMAND_VERDICT_RELOAD)
		return ctl_verdict_reload(line);
	if (line->command == CTL_COMMAND_VERDICT_SHOW)
		return ctl_verdict_show(line);
	if (line->command == CTL_COMMAND_VERDICT_SERVE)
		return ctl_verdict_serve(line);
	if (line->command == CTL_COMMAND_VERDICT_ASK)
		return ctl_verdict_ask(line);
	request.body = json_object();
	if (!request.body)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_REFUSED, "memory", NULL, "there is none");
	code = prepare(line, &request);
	if (code >= 0) {
		json_decref(request.body);
		return code;
	}
	return ask(line, &request);
}
