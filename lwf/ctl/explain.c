/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.c - lwfctl explain, verdict check and verdict reload: which rule decides, whether a file has
 * mistakes, and that it holds from now on.
 *
 * With --rules the file decides here, without a daemon; else the daemon answers, which also knows whose
 * the conversation is and what was decided of it. Both are printed alike.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/hosts.h>
#include <lwf/policy.h>

#include "cli.h"
#include "ctl.h"
#include "flowjson.h"
#include "tuple.h"
#include "units.h"

#define ASK_NS	  8000000000ull /* the daemon may look through all descriptors first */
#define TEXT_MAX  256u
#define AS_BYTES  512u
#define SEE_TUPLE "write it as lwfctl explain \"tcp 10.0.0.5:40000 -> 192.0.2.1:443\""

static int usage(const char *what, const char *next, const char *why)
{
	return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, what, next, "%s", why);
}

/* ---- files ---- */

/** Reads @file. -1, or the exit code when it has a mistake, which is shown. */
static int read_rules(const struct ctl_line *line, const char *file, struct lwf_policy **policy)
{
	struct lwf_policy_error error;
	char place[2 * TEXT_MAX];

	if (!lwf_policy_read_file(file, policy, &error))
		return -1;
	snprintf(place, sizeof(place), "%s", file);
	if (error.line)
		snprintf(place, sizeof(place), "%s:%u:%u", file, error.line, error.column);
	lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, place,
		     error.line ? "see man lwf-rules" : "name a file of rules", "%s", error.why);
	if (error.line && !line->json)
		fprintf(stderr, "   %s\n   %*s^\n", error.shown, (int)error.caret, "");
	return LWF_EXIT_USAGE;
}

int ctl_verdict_check(const struct ctl_line *line)
{
	struct lwf_policy *policy = NULL;
	char text[TEXT_MAX];
	json_t *list;
	int code = read_rules(line, line->operand[0], &policy);

	if (code >= 0)
		return code;
	list = json_array();
	for (uint32_t i = 0; i < lwf_policy_rules(policy); i++) {
		lwf_policy_text(policy, i, text, sizeof(text));
		json_array_append_new(list,
				      json_pack("{s:i,s:i,s:s}", "rule", (int)i + 1, "line",
						(int)lwf_policy_line(policy, i), "text", text));
	}
	if (line->json)
		lwf_cli_json(json_pack("{s:i,s:s,s:o}", "schema", 1, "file", line->operand[0],
				       "rules", json_incref(list)));
	else
		printf("%s: %u rules, no mistake\n", line->operand[0], lwf_policy_rules(policy));
	json_decref(list);
	free(policy);
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}

/* ---- whose it is assumed to be: --as ---- */

#define AS_NEXT "use pid, user, command, program, as in user=alice"

static const char *const as_keys[] = {"pid", "user", "command", "program"};

/** A number without unit, but the greatest, which is nobody. */
static bool read_id(const char *value, uint32_t *id)
{
	uint64_t number;

	if (value[strspn(value, "0123456789")] || lwf_units_count(value, &number) ||
	    number >= UINT32_MAX)
		return false;
	*id = (uint32_t)number;
	return true;
}

/** The value of as_keys[@key]. -1, or the exit code. */
static int read_as_value(unsigned key, const char *value, struct lwf_owner *owner, json_t *body)
{
	bool is_comm = key == 2;
	char *text = is_comm ? owner->comm : owner->exe;
	size_t room = is_comm ? sizeof(owner->comm) : sizeof(owner->exe);
	const struct passwd *user;

	switch (key) {
	case 0:
		if (!read_id(value, &owner->pid) || !owner->pid)
			return usage("--as", AS_NEXT, "pid is the number of a process");
		json_object_set_new(body, "pid", json_integer(owner->pid));
		return -1;
	case 1:
		user = read_id(value, &owner->uid) ? NULL : getpwnam(value);
		if (user)
			owner->uid = user->pw_uid;
		else if (owner->uid == LWF_OWNER_NO_UID)
			return usage("--as", "write a number", "there is no such user");
		json_object_set_new(body, "uid", json_integer(owner->uid));
		return -1;
	default:
		if (strlen(value) >= room)
			return usage("--as", AS_NEXT, "a name is too long");
		snprintf(text, room, "%s", value);
		json_object_set_new(body, as_keys[key], json_string(value));
		return -1;
	}
}

/** "user=alice,program=/usr/bin/curl". -1, or the exit code. */
static int read_as(const char *words, struct lwf_owner *owner, json_t *body)
{
	char copy[AS_BYTES], *rest = copy, *word;
	unsigned given = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", words) >= sizeof(copy))
		return usage("--as", AS_NEXT, "it is too long");
	owner->how = LWF_OWNER_EXACT;
	while ((word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');
		unsigned key = 0;
		int code;

		if (!value || !value[1])
			return usage("--as", AS_NEXT, "this is not key=value");
		*value++ = 0;
		while (key < 4 && strcmp(word, as_keys[key]) != 0)
			key++;
		if (key == 4)
			return usage("--as", AS_NEXT, "this is not understood");
		if (given & 1u << key)
			return usage("--as", AS_NEXT, "a key stands there twice");
		given |= 1u << key;
		code = read_as_value(key, value, owner, body);
		if (code >= 0)
			return code;
	}
	return -1;
}

/* ---- printing ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void print_end(const json_t *tuple, const char *side, const char *port_key)
{
	const char *address = text_of(tuple, side);
	uint64_t port = number_of(tuple, port_key);

	if (!port)
		printf("%s", address);
	else
		printf(strchr(address, ':') ? "[%s]:%" PRIu64 : "%s:%" PRIu64, address, port);
}

static void print_tuple(const json_t *tuple)
{
	bool in = !strcmp(text_of(tuple, "direction"), "in");

	if (*text_of(tuple, "protocol"))
		printf("%s ", text_of(tuple, "protocol"));
	else
		printf("protocol %" PRIu64 " ", number_of(tuple, "protocol_number"));
	print_end(tuple, in ? "remote" : "local", in ? "remote_port" : "local_port");
	printf(" -> ");
	print_end(tuple, in ? "local" : "remote", in ? "local_port" : "remote_port");
	printf(", %s\n", in ? "in" : "out");
}

static void print_owner(const json_t *reply)
{
	const json_t *owner = json_object_get(reply, "owner");
	json_int_t uid = json_integer_value(json_object_get(owner, "uid"));
	const struct passwd *user = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
	const char *how = text_of(owner, "how");

	printf("owner     ");
	if (number_of(owner, "pid"))
		printf("pid %" PRIu64 " ", number_of(owner, "pid"));
	if (*text_of(owner, "comm"))
		printf("%s ", text_of(owner, "comm"));
	if (*text_of(owner, "exe"))
		printf("%s ", text_of(owner, "exe"));
	if (user)
		printf("of %s ", user->pw_name);
	else if (uid >= 0)
		printf("of user %" JSON_INTEGER_FORMAT " ", uid);
	if (json_is_true(json_object_get(reply, "owner_assumed")))
		printf("(assumed)\n");
	else if (!strcmp(how, "unknown"))
		printf("unknown: %s\n", text_of(owner, "why"));
	else
		printf("%s\n", strcmp(how, "pending") != 0 ? how : "not known yet");
}

static void print_explained(const json_t *reply)
{
	const json_t *flow = json_object_get(reply, "flow");
	const char *action = text_of(reply, "action");

	print_tuple(json_object_get(reply, "tuple"));
	print_owner(reply);
	if (json_is_object(flow))
		printf("flow      %s\n", text_of(flow, "state"));
	printf("verdict   %s", action);
	if (number_of(reply, "rule"))
		printf("%s rule %" PRIu64 ", %s:%" PRIu64,
		       strcmp(action, "wait") != 0 ? " by" : " for the owner, for",
		       number_of(reply, "rule"), text_of(reply, "file"), number_of(reply, "line"));
	else
		printf(" by default: there are no rules");
	printf("\n");
	if (*text_of(reply, "text"))
		printf("          %s\n", text_of(reply, "text"));
	if (*text_of(reply, "cached"))
		printf("decided   %s, by %s\n", text_of(reply, "cached"), text_of(reply, "by"));
	if (json_is_true(json_object_get(reply, "pended")))
		printf("waiting   frames of it wait for an answer\n");
}

/* ---- explain ---- */

/** What the rules of @policy say, in the form that a daemon answers in. */
static json_t *decide(const struct lwf_policy *policy, const char *file,
		      const struct lwf_flow_info *info, bool assumed)
{
	const struct lwf_policy_subject subject = {
		.key = &info->key,
		.local = info->local,
		.direction = info->initiator == info->local ? LWF_POLICY_OUT : LWF_POLICY_IN,
		.owner = &info->owner,
	};
	struct lwf_policy_decision d;
	enum lwf_policy_action action = lwf_policy_decide(policy, &subject, &d);
	char text[TEXT_MAX];
	json_t *said, *reply;

	lwf_policy_text(policy, d.rule, text, sizeof(text));
	said = json_pack("{s:s,s:s,s:I,s:I,s:s,s:s,s:I,s:I}", "action",
			 d.waits ? "wait" : lwf_policy_action_name(action), "file", file, "rule",
			 (json_int_t)d.rule + 1, "line",
			 (json_int_t)lwf_policy_line(policy, d.rule), "text", text, "default",
			 lwf_policy_action_name((enum lwf_policy_action)d.fallback), "timeout_ns",
			 (json_int_t)d.timeout_ns, "priority", (json_int_t)d.priority);
	reply = json_pack("{s:i,s:o,s:o,s:b,s:n,s:[o]}", "schema", 1, "tuple",
			  lwf_flow_ends_json(info), "owner", lwf_flow_owner_json(&info->owner),
			  "owner_assumed", assumed, "flow", "modules", json_incref(said));
	if (reply)
		json_object_update(reply, said);
	json_decref(said);
	return reply;
}

/** Asks the daemon. NULL: *code is the exit code, and the error was told. */
static json_t *ask(const struct ctl_line *line, enum lwf_wire_type type, json_t *body, int *code)
{
	struct lwf_connection *connection;
	struct lwf_error error;
	json_t *reply = NULL;

	if (lwf_connection_open(line->value[CTL_OPTION_CONTROL], LWF_WIRE_TIMEOUT_NS, &connection,
				&error)) {
		json_decref(body);
		*code = lwf_cli_error(CTL_PROGRAM, &error);
		return NULL;
	}
	if (lwf_connection_request(connection, type, body, ASK_NS, &reply, NULL, &error)) {
		*code = lwf_cli_error(CTL_PROGRAM, &error);
		reply = NULL;
	}
	lwf_connection_close(connection);
	return reply;
}

static void fill_body(const struct ctl_line *line, const struct tuple *tuple, json_t *body)
{
	const struct lwf_flow_info *info = &tuple->info;
	const char *stack = line->value[CTL_OPTION_STACK];

	if (stack && json_object_set_new(body, "stack", json_string(stack)))
		json_object_set_new(body, "stack", json_string(""));
	json_object_set_new(body, "protocol", json_integer(info->key.protocol));
	json_object_set_new(body, "local", json_string(tuple->local));
	json_object_set_new(body, "local_port", json_integer(info->key.port[info->local]));
	json_object_set_new(body, "remote", json_string(tuple->remote));
	json_object_set_new(body, "remote_port", json_integer(info->key.port[1 - info->local]));
	json_object_set_new(body, "in", json_boolean(info->initiator != info->local));
}

/** Reads what is asked into @tuple and @body. -1, or the exit code. */
static int understand(const struct ctl_line *line, struct tuple *tuple, json_t *body)
{
	const char *as = line->value[CTL_OPTION_AS];
	struct lwf_owner *owner = &tuple->info.owner;
	char why[128];

	if (tuple_read(line->operand, line->operands, tuple, why, sizeof(why)))
		return usage("tuple", SEE_TUPLE, why);
	if (line->value[CTL_OPTION_RULES] && line->value[CTL_OPTION_STACK])
		return usage("--rules and --stack", "give one of the two",
			     "a file is read without a daemon");
	fill_body(line, tuple, body);
	owner->uid = LWF_OWNER_NO_UID;
	owner->how = LWF_OWNER_PENDING;
	return as ? read_as(as, owner, body) : -1;
}

int ctl_explain(const struct ctl_line *line)
{
	const char *file = line->value[CTL_OPTION_RULES];
	struct lwf_policy *policy = NULL;
	json_t *body = json_object(), *reply;
	struct tuple tuple;
	int code = understand(line, &tuple, body);

	if (code < 0 && file)
		code = read_rules(line, file, &policy);
	if (code >= 0) {
		json_decref(body);
		return code;
	}
	if (file) {
		json_decref(body);
		reply = decide(policy, file, &tuple.info, line->value[CTL_OPTION_AS] != NULL);
		free(policy);
	} else {
		reply = ask(line, LWF_WIRE_EXPLAIN, body, &code);
	}
	if (!reply)
		return code >= 0 ? code
				 : lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_REFUSED, "memory", NULL,
						"there is none");
	if (line->json) {
		lwf_cli_json(reply);
	} else {
		print_explained(reply);
		json_decref(reply);
	}
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}

/* ---- reload ---- */

int ctl_verdict_reload(const struct ctl_line *line)
{
	const char *stack = line->operands ? line->operand[0] : NULL;
	json_t *body = json_object(), *reply, *it;
	int code = LWF_EXIT_OK;
	size_t i;

	if (stack && json_object_set_new(body, "stack", json_string(stack)))
		json_object_set_new(body, "stack", json_string(""));
	reply = ask(line, LWF_WIRE_RELOAD, body, &code);
	if (!reply)
		return code;
	if (line->json) {
		lwf_cli_json(reply);
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	}
	json_array_foreach(json_object_get(reply, "reloaded"), i, it)
		printf("%s/%s: %" PRIu64 " rules of %s\n", text_of(it, "stack"),
		       text_of(it, "module"), number_of(it, "rules"), text_of(it, "file"));
	json_decref(reply);
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}
