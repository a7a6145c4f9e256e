/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oidcmd.c - the requests oid-query and oid-set: one OID after the other, answered when the last is.
 *
 * A set, and whatever a filter takes its time for, is answered later. Until then the command is in the
 * server's list; when its peer goes it stays there without one, since the stack has its memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/oid.h>

#include "control.h"

#define TIMEOUT_NS 30000000000ull /* then the OID is cancelled */
#define TEXT_BYTES 160u

struct lwf_oid_command {
	struct lwf_oid_command *next; /* of the server */
	struct lwf_server *server;
	struct lwf_peer *peer; /* NULL: it has gone */
	uint32_t sequence;
	char stack[LWF_NAME_BYTES];
	const struct lwf_oid_info *info; /* asked now */
	uint32_t index;			 /* of it in the list */
	bool all;
	bool stepping, came; /* an answer came inside the call */
	json_t *list;
	struct lwf_oid_request request;
	_Alignas(8) uint8_t value[LWF_OID_VALUE_BYTES];
};

/* ---- values as JSON ---- */

static json_t *packet_types(uint32_t filter)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} types[] = {
#define X(sym, bit, name) {bit, name},
		LWF_PACKET_TYPE_LIST(X)
#undef X
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (filter & types[i].bit)
			json_array_append_new(list, json_string(types[i].name));
	return list;
}

static json_t *speed(uint64_t bps)
{
	return bps == UINT64_MAX ? json_null() : json_integer((json_int_t)bps);
}

static json_t *structure(const struct lwf_oid_info *info, const uint8_t *value)
{
	struct lwf_oid_statistics s;
	struct lwf_oid_link link;

	if (info->value == LWF_OID_VALUE_LINK_STATE) {
		memcpy(&link, value, sizeof(link));
		return json_pack("{s:b,s:o,s:o}", "connected", link.connect_state == 1, "xmit_bps",
				 speed(link.xmit_bps), "receive_bps", speed(link.receive_bps));
	}
	memcpy(&s, value, sizeof(s));
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "in_frames", (json_int_t)s.in_frames,
			 "in_octets", (json_int_t)s.in_octets, "out_frames",
			 (json_int_t)s.out_frames, "out_octets", (json_int_t)s.out_octets,
			 "out_errors", (json_int_t)s.out_errors, "discards",
			 (json_int_t)s.discards);
}

static json_t *value_of(const struct lwf_oid_command *command)
{
	const struct lwf_oid_info *info = command->info;
	char text[TEXT_BYTES];
	uint32_t u32;
	uint64_t u64;

	switch (info->value) {
	case LWF_OID_VALUE_U32:
		memcpy(&u32, command->value, sizeof(u32));
		return json_integer(u32);
	case LWF_OID_VALUE_U64:
		memcpy(&u64, command->value, sizeof(u64));
		return json_integer((json_int_t)u64);
	case LWF_OID_VALUE_PACKET_FILTER:
		memcpy(&u32, command->value, sizeof(u32));
		return packet_types(u32);
	case LWF_OID_VALUE_LINK_STATE:
	case LWF_OID_VALUE_STATISTICS:
		return structure(info, command->value);
	default:
		lwf_oid_print(info, command->value, text, sizeof(text));
		return json_string(text);
	}
}

static void note(struct lwf_oid_command *command)
{
	const struct lwf_oid_info *info = command->info;
	bool ok = command->request.status == LWF_STATUS_SUCCESS;
	char text[TEXT_BYTES] = "";

	if (ok)
		lwf_oid_print(info, command->value, text, sizeof(text));
	json_array_append_new(command->list,
			      json_pack("{s:s,s:s,s:I,s:b,s:s,s:o,s:s}", "oid", info->name, "name",
					info->word, "number", (json_int_t)info->number, "settable",
					info->settable, "status",
					lwf_status_name(command->request.status), "value",
					ok ? value_of(command) : json_null(), "text", text));
}

/* ---- the answer ---- */

/* What a status other than SUCCESS means for the one who asked for this OID alone. */
static void status_error(const struct lwf_oid_command *command, struct lwf_error *error)
{
	static const struct {
		lwf_status status;
		enum lwf_exit exit;
		const char *why, *next;
	} known[] = {
		{LWF_STATUS_NOT_SUPPORTED, LWF_EXIT_REFUSED,
		 "the adapter, or a filter, does not have it",
		 "lwfctl oid STACK shows what there is"},
		{LWF_STATUS_INVALID_DATA, LWF_EXIT_USAGE, "the adapter cannot take this value",
		 "give another value"},
		{LWF_STATUS_ADAPTER_REMOVED, LWF_EXIT_REFUSED, "the interface is gone",
		 "the stack comes back with the interface"},
		{LWF_STATUS_ADAPTER_NOT_READY, LWF_EXIT_REFUSED, "the stack is not attached",
		 "see lwfctl show"},
		{LWF_STATUS_RESOURCES, LWF_EXIT_REFUSED, "too many OIDs wait", "try again"},
		{LWF_STATUS_REQUEST_ABORTED, LWF_EXIT_TIMEOUT, "it took too long and was cancelled",
		 "see lwfctl watch"},
	};
	lwf_status status = command->request.status;
	enum lwf_exit code = LWF_EXIT_REFUSED;
	const char *why = "see the log of lwfd", *next = "see lwfctl show";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].status == status) {
			code = known[i].exit;
			why = known[i].why;
			next = known[i].next;
		}
	}
	lwf_error_set(error, code, command->info->name, next, "%s answers %s: %s", command->stack,
		      lwf_status_name(status), why);
}

/* Without an adapter there is nothing to list. */
static bool is_error(const struct lwf_oid_command *command)
{
	lwf_status status = command->request.status;

	if (!command->all)
		return status != LWF_STATUS_SUCCESS;
	return status == LWF_STATUS_ADAPTER_REMOVED || status == LWF_STATUS_ADAPTER_NOT_READY;
}

static void finish(struct lwf_oid_command *command)
{
	struct lwf_server *server = command->server;
	struct lwf_error error;

	for (struct lwf_oid_command **at = &server->oid_commands; *at; at = &(*at)->next) {
		if (*at == command) {
			*at = command->next;
			break;
		}
	}
	if (command->peer && is_error(command)) {
		status_error(command, &error);
		lwf_peer_error(command->peer, command->sequence, &error);
	} else if (command->peer) {
		lwf_peer_send(command->peer, LWF_WIRE_REPLY, command->sequence,
			      json_pack("{s:i,s:s,s:O}", "schema", LWF_SCHEMA, "stack",
					command->stack, "oids", command->list),
			      -1);
	}
	if (command->peer)
		command->peer->pending--;
	json_decref(command->list);
	lwf_host_free(server->host, command);
}

/* ---- asking ---- */

static void step(struct lwf_oid_command *command);

static void on_completed(struct lwf_oid_request *request)
{
	struct lwf_oid_command *command = request->context;

	command->came = true;
	if (!command->stepping)
		step(command);
}

static lwf_status ask(struct lwf_oid_command *command)
{
	struct lwf_stack *stack = lwf_engine_stack(command->server->engine, command->stack);
	enum lwf_oid_kind kind = command->request.kind;
	uint32_t bytes = kind == LWF_OID_SET ? command->info->bytes : sizeof(command->value);

	command->request = (struct lwf_oid_request){
		.kind = kind,
		.oid = command->info->number,
		.buffer = command->value,
		.buffer_bytes = bytes,
		.timeout_ns = TIMEOUT_NS,
		.context = command,
		.completed = on_completed,
		.status = LWF_STATUS_ADAPTER_REMOVED,
	};
	return stack ? lwf_stack_oid(stack, &command->request) : command->request.status;
}

/* Asks on until something takes its time; after the last one the command is over, and freed. */
static void step(struct lwf_oid_command *command)
{
	command->stepping = true;
	for (;;) {
		if (!command->came && ask(command) == LWF_STATUS_PENDING && !command->came) {
			command->stepping = false;
			return;
		}
		command->came = false;
		if (is_error(command))
			break;
		note(command);
		command->info = command->all ? lwf_oid_at(++command->index) : NULL;
		if (!command->info)
			break;
	}
	finish(command);
}

static enum lwf_outcome wrong(struct lwf_request *request, enum lwf_exit code, const char *what,
			      const char *why, const char *next)
{
	lwf_error_set(&request->error, code, what, next, "%s", why);
	return LWF_OUTCOME_ERROR;
}

/* Reads name and value. False: request->error says what is wrong with them. */
static bool understand(struct lwf_request *request, struct lwf_oid_command *command,
		       const char *name, const char *value)
{
	int ret;

	command->all = !name;
	command->info = name ? lwf_oid_find(name) : lwf_oid_at(0);
	command->request.kind = value ? LWF_OID_SET : LWF_OID_QUERY;
	if (!command->info) {
		wrong(request, LWF_EXIT_NO_OBJECT, name, "there is no such OID",
		      "lwfctl oid STACK lists them");
		return false;
	}
	ret = value ? lwf_oid_parse(command->info, value, command->value) : 0;
	if (ret == -EPERM)
		wrong(request, LWF_EXIT_REFUSED, command->info->name, "it cannot be set",
		      "lwfctl oid STACK marks those that can");
	else if (ret)
		lwf_error_set(&request->error, LWF_EXIT_USAGE, command->info->name,
			      "write it as lwfctl oid prints it", "'%s' is no value of it", value);
	return ret == 0;
}

enum lwf_outcome lwf_oid_command(struct lwf_request *request, const struct lwf_stack *stack,
				 const char *name, const char *value)
{
	struct lwf_server *server = request->server;
	struct lwf_oid_command *command;

	if (request->peer->pending == LWF_PEER_PENDING_MAX)
		return wrong(request, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
			     "too many commands of this connection are under way",
			     "wait for an answer");
	command = lwf_host_alloc(server->host, sizeof(*command));
	if (!command)
		return wrong(request, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
			     "out of memory", "try again");
	if (!understand(request, command, name, value)) {
		lwf_host_free(server->host, command);
		return LWF_OUTCOME_ERROR;
	}
	command->server = server;
	command->peer = request->peer;
	command->sequence = request->sequence;
	snprintf(command->stack, sizeof(command->stack), "%s", lwf_stack_name(stack));
	command->list = json_array();
	command->next = server->oid_commands;
	server->oid_commands = command;
	request->peer->pending++;
	step(command);
	return LWF_OUTCOME_LATER;
}

void lwf_oid_commands_drop(struct lwf_server *server, const struct lwf_peer *peer)
{
	for (struct lwf_oid_command *command = server->oid_commands; command;
	     command = command->next)
		if (command->peer == peer)
			command->peer = NULL;
}
