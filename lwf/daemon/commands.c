/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.c - what each request means.
 *
 * One function per request; those of one kind that are many, or long, have a file of their own
 * (filtercmd.c, sessioncmd.c ...). It reads the body by a table of fields (an unknown or mistyped member
 * is a malformed message), looks up what it names (exit 5 when there is none), and answers now or
 * hands the answer to pending.c. Rights are checked before any of it, by the table in control.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "verdict.h"

enum lwf_outcome lwf_command_fail(struct lwf_request *request, enum lwf_exit code, const char *what,
				  const char *next, const char *why)
{
	lwf_error_set(&request->error, code, what, next, "%s", why);
	return LWF_OUTCOME_ERROR;
}

enum lwf_outcome lwf_command_reply(struct lwf_request *request, json_t *object)
{
	request->reply = object;
	return LWF_OUTCOME_REPLY;
}

bool lwf_command_read(struct lwf_request *request, const struct lwf_field *fields, size_t count)
{
	char why[160];

	if (!lwf_wire_read(request->body, fields, count, why, sizeof(why)))
		return true;
	request->malformed = true;
	lwf_error_set(&request->error, LWF_EXIT_USAGE, lwf_wire_name(request->type),
		      "see docs/wire.md", "%s", why);
	return false;
}

struct lwf_stack *lwf_command_stack(struct lwf_request *request, const char *name)
{
	struct lwf_stack *stack = lwf_engine_stack(request->server->engine, name);

	if (!stack)
		lwf_error_set(&request->error, LWF_EXIT_NO_OBJECT, name, LWF_LIST_STACKS,
			      "there is no such stack");
	return stack;
}

struct lwf_module *lwf_command_module(struct lwf_request *request, const struct lwf_stack *stack,
				      const char *name)
{
	struct lwf_module *module = lwf_stack_module(stack, name);
	char what[2 * LWF_NAME_BYTES];

	if (!module) {
		snprintf(what, sizeof(what), "%s/%s", lwf_stack_name(stack), name);
		lwf_error_set(&request->error, LWF_EXIT_NO_OBJECT, what, LWF_LIST_STACKS,
			      "there is no such module");
	}
	return module;
}

json_t *lwf_command_state(const struct lwf_stack *stack)
{
	return json_pack("{s:i,s:s,s:s,s:I,s:o}", "schema", LWF_SCHEMA, "stack",
			 lwf_stack_name(stack), "state", lwf_state_name(lwf_stack_state(stack)),
			 "epoch", (json_int_t)lwf_stack_epoch(stack), "holds",
			 lwf_show_holds(lwf_stack_holds(stack)));
}

/* ---- looking ---- */

static enum lwf_outcome do_hello(struct lwf_request *request)
{
	uint64_t version = 0;
	struct lwf_field fields[] = {{"version", LWF_FIELD_UINT, true, &version, 0, NULL}};
	char why[64];

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (version != LWF_WIRE_VERSION) {
		snprintf(why, sizeof(why), "this lwfd speaks version %u", LWF_WIRE_VERSION);
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "version",
					"install matching programs", why);
	}
	return lwf_command_reply(request,
				 json_pack("{s:i,s:i,s:i}", "version", (int)LWF_WIRE_VERSION, "pid",
					   (int)getpid(), "role", (int)request->peer->roles));
}

static enum lwf_outcome do_show(struct lwf_request *request)
{
	struct lwf_server *server = request->server;
	struct lwf_stack *stack = NULL;
	char name[LWF_NAME_BYTES];
	bool given;
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given}};

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !(stack = lwf_command_stack(request, name)))
		return LWF_OUTCOME_ERROR;
	if (request->type == LWF_WIRE_LEDGER)
		return lwf_command_reply(request, lwf_show_ledgers(server->engine, stack));
	return lwf_command_reply(request, lwf_show(server->engine, stack,
						   server->facts.lower ? &server->facts : NULL));
}

static enum lwf_outcome do_watch(struct lwf_request *request)
{
	struct lwf_peer *peer = request->peer;
	char name[LWF_NAME_BYTES] = "";
	uint64_t since = request->server->last_seq + 1;
	bool given, frames = false;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given},
		{"since", LWF_FIELD_UINT, false, &since, 0, NULL},
		{"frames", LWF_FIELD_BOOL, false, &frames, 0, NULL},
	};

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !lwf_command_stack(request, name))
		return LWF_OUTCOME_ERROR;
	if (peer->watching)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "watch",
					"open another connection",
					"this connection is watching already");
	if (frames && lwf_engine_trace_details(request->server->engine, true))
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "watch",
					"watch without --frames",
					"no memory for records of frames");
	peer->watching = true;
	peer->watch_seq = since ? since : 1;
	lwf_engine_trace_seek(request->server->engine, peer->watch_seq, frames, &peer->watch_at);
	peer->watch_sequence = request->sequence;
	snprintf(peer->watch_stack, sizeof(peer->watch_stack), "%s", given ? name : "");
	lwf_server_post(request->server);
	return lwf_command_reply(request, json_pack("{s:i,s:I}", "schema", LWF_SCHEMA, "seq",
						    (json_int_t)peer->watch_seq));
}

static enum lwf_outcome do_wait(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], module[LWF_NAME_BYTES] = "", state_name[LWF_NAME_BYTES];
	uint64_t timeout_ns = 0;
	bool module_given;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, false, module, sizeof(module), &module_given},
		{"state", LWF_FIELD_TEXT, true, state_name, sizeof(state_name), NULL},
		{"timeout_ns", LWF_FIELD_UINT, true, &timeout_ns, 0, NULL},
	};
	struct lwf_stack *stack;
	enum lwf_state state;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (!lwf_state_parse(state_name, &state))
		return lwf_command_fail(
			request, LWF_EXIT_USAGE, state_name,
			"use Detached, Attaching, Paused, Restarting, Running or Pausing",
			"this is no state");
	stack = lwf_command_stack(request, name);
	if (!stack || (module_given && !lwf_command_module(request, stack, module)))
		return LWF_OUTCOME_ERROR;
	if (timeout_ns > LWF_FOR_MAX_NS)
		timeout_ns = LWF_FOR_MAX_NS;
	return lwf_pending_wait(request, stack, module_given ? module : "", state, timeout_ns);
}

/* ---- states ---- */

/* PAUSE and DETACH set the user's hold; RESTART and ATTACH lift it, and try again what failed. */
static enum lwf_outcome do_state(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES];
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL}};
	struct lwf_stack *stack;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = lwf_command_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	request->lifted = lwf_stack_holds(stack) &
			  1u << (request->type == LWF_WIRE_RESTART ? LWF_HOLD_USER_PAUSE
								   : LWF_HOLD_USER_DETACH);
	switch (request->type) {
	case LWF_WIRE_PAUSE:
		lwf_stack_hold(stack, LWF_HOLD_USER_PAUSE);
		break;
	case LWF_WIRE_DETACH:
		lwf_stack_hold(stack, LWF_HOLD_USER_DETACH);
		break;
	case LWF_WIRE_RESTART:
		lwf_stack_release(stack, LWF_HOLD_FAULT_PAUSE);
		lwf_stack_release(stack, LWF_HOLD_USER_PAUSE);
		lwf_stack_retry(stack);
		break;
	default:
		lwf_stack_release(stack, LWF_HOLD_FAULT_DETACH);
		lwf_stack_release(stack, LWF_HOLD_USER_DETACH);
		lwf_stack_retry(stack);
		break;
	}
	return lwf_pending_follow(request, stack, "");
}

/* ---- OIDs ---- */

static enum lwf_outcome do_oid(struct lwf_request *request)
{
	bool set = request->type == LWF_WIRE_OID_SET, oid_given;
	char name[LWF_NAME_BYTES], oid[64], value[64];
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"oid", LWF_FIELD_TEXT, set, oid, sizeof(oid), &oid_given},
		{"value", LWF_FIELD_TEXT, true, value, sizeof(value), NULL},
	};
	struct lwf_stack *stack;

	if (!lwf_command_read(request, fields, set ? 3 : 2))
		return LWF_OUTCOME_ERROR;
	stack = lwf_command_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	return lwf_oid_command(request, stack, oid_given ? oid : NULL, set ? value : NULL);
}

/* ---- flows ---- */

static enum lwf_outcome do_flows(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES];
	uint64_t after = 0;
	bool given;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given},
		{"after", LWF_FIELD_UINT, false, &after, 0, NULL},
	};
	struct lwf_stack *stack = NULL;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !(stack = lwf_command_stack(request, name)))
		return LWF_OUTCOME_ERROR;
	return lwf_flow_command(request, stack, after);
}

/* ---- dispatch ---- */

static enum lwf_outcome run(struct lwf_request *request)
{
	switch (request->type) {
	case LWF_WIRE_HELLO:
		return do_hello(request);
	case LWF_WIRE_SHOW:
	case LWF_WIRE_LEDGER:
		return do_show(request);
	case LWF_WIRE_WATCH:
		return do_watch(request);
	case LWF_WIRE_WAIT:
		return do_wait(request);
	case LWF_WIRE_PAUSE:
	case LWF_WIRE_RESTART:
	case LWF_WIRE_ATTACH:
	case LWF_WIRE_DETACH:
		return do_state(request);
	case LWF_WIRE_FILTER_INSERT:
	case LWF_WIRE_FILTER_REMOVE:
	case LWF_WIRE_FILTER_SET:
		return lwf_filter_command(request);
	case LWF_WIRE_CARRIER:
		return lwf_carrier_command(request);
	case LWF_WIRE_FLOWS:
		return do_flows(request);
	case LWF_WIRE_OID_QUERY:
	case LWF_WIRE_OID_SET:
		return do_oid(request);
	case LWF_WIRE_OPEN:
	case LWF_WIRE_DOORBELL:
	case LWF_WIRE_CANCEL:
	case LWF_WIRE_SESSION:
		return lwf_session_command(request);
	case LWF_WIRE_RELOAD:
		return lwf_reload_command(request);
	case LWF_WIRE_EXPLAIN:
		return lwf_explain_command(request);
	case LWF_WIRE_VERDICTS:
		return verdict_do_verdicts(request);
	case LWF_WIRE_SUBSCRIBE:
		return verdict_do_subscribe(request);
	case LWF_WIRE_TELL:
		return verdict_do_tell(request);
	case LWF_WIRE_REPLY:
	case LWF_WIRE_ERROR:
	case LWF_WIRE_EVENT:
	case LWF_WIRE_RUNG:
	case LWF_WIRE_ASKS:
		break; /* lwf_wire_check() lets none of these through */
	}
	request->malformed = true;
	return lwf_command_fail(request, LWF_EXIT_USAGE, "message", "see docs/wire.md",
				"this is no request");
}

_Static_assert(LWF_PEERS_STAY + LWF_PEERS_ADMIN <= LWF_PEERS_MAX, "an administrator gets in");

static bool makes_stay(enum lwf_wire_type type)
{
	return type == LWF_WIRE_WATCH || type == LWF_WIRE_OPEN || type == LWF_WIRE_SUBSCRIBE;
}

/* Those that stay leave places for those who ask and leave: nobody is locked out by deciders or watchers. */
static bool may_stay(const struct lwf_request *request)
{
	const struct lwf_server *server = request->server;
	uint32_t others = 0;

	for (uint32_t i = 0; i < server->peer_count; i++)
		others += server->peers[i] != request->peer && !server->peers[i]->dead &&
			  lwf_peer_stays(server->peers[i]);
	return others < LWF_PEERS_STAY;
}

enum lwf_outcome lwf_command(struct lwf_request *request)
{
	uint32_t needed = lwf_wire_role(request->type);
	char names[64], have[64];

	if (!needed || request->peer->roles & needed) {
		if (!makes_stay(request->type) || may_stay(request))
			return run(request);
		lwf_error_set(&request->error, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
			      "end one of them, and try again",
			      "%u connections watch, send or decide already; the last places are "
			      "for commands",
			      LWF_PEERS_STAY);
		return LWF_OUTCOME_ERROR;
	}
	if (!lwf_wire_has_body(request->type))
		return LWF_OUTCOME_NONE;
	lwf_error_set(&request->error, LWF_EXIT_PERMISSION, lwf_wire_name(request->type),
		      needed == LWF_ROLE_ADMIN ? "run it as root, or as the user of lwfd"
					       : "ask for lwfd --group, and join the group",
		      "it needs the role %s, you have %s",
		      lwf_wire_role_names(needed, names, sizeof(names)),
		      lwf_wire_role_names(request->peer->roles, have, sizeof(have)));
	return LWF_OUTCOME_ERROR;
}
