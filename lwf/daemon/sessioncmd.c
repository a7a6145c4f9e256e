/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sessioncmd.c - a connection opens its ring, rings, cancels, and asks for its account.
 *
 * A session belongs to the connection that opened it and ends with it. A client whose ring says what
 * cannot be loses both.
 */
#include <errno.h>
#include <string.h>

#include "control.h"

static void client_ring(void *context)
{
	lwf_peer_ring(context);
}

static void client_lied(void *context, const char *text)
{
	struct lwf_peer *peer = context;
	struct lwf_error error;

	lwf_log(peer->server->host, LWF_LOG_WARNING, "session of pid %d (%s): %s; closed",
		(int)peer->who.pid, peer->who.comm, text);
	lwf_error_set(&error, LWF_EXIT_USAGE, "ring", "see include/lwf/ring.h", "%s", text);
	lwf_client_close(peer->client);
	peer->client = NULL;
	lwf_peer_error(peer, 0, &error);
	lwf_peer_leave(peer);
}

static const struct lwf_client_ops client_ops = {client_ring, client_lied};

/*
 * The stack over the network interface @name, or why there is none; interfaces of two namespaces may have
 * one name.
 */
static struct lwf_stack *find_by_nic(struct lwf_request *request, const char *name,
				     const char *why_not)
{
	struct lwf_stack *found = NULL, *stack;

	for (uint32_t i = 0; (stack = lwf_engine_stack_at(request->server->engine, i)); i++) {
		const struct lwf_edge *lower = lwf_stack_lower(stack);

		if (strcmp(lower->ops->kind, "nic") != 0 || strcmp(lower->name, name) != 0)
			continue;
		if (found) {
			lwf_command_fail(
				request, LWF_EXIT_REFUSED, name, "name the stack: see lwfctl show",
				"two stacks have an interface of this name, in two namespaces");
			return NULL;
		}
		found = stack;
	}
	if (!found)
		lwf_command_fail(request, LWF_EXIT_NO_OBJECT, name, LWF_LIST_STACKS, why_not);
	return found;
}

/* Of a stack and an interface one is given; what is no stack's name may be its interface's. */
static struct lwf_stack *find_to_open(struct lwf_request *request, const char *name,
				      const char *nic)
{
	struct lwf_stack *stack;

	if (name && nic) {
		lwf_command_fail(request, LWF_EXIT_USAGE, nic, "give one of the two",
				 "a stack is named, too");
		return NULL;
	}
	if (!name && !nic) {
		lwf_command_fail(request, LWF_EXIT_USAGE, "open", LWF_LIST_STACKS,
				 "neither a stack nor an interface is named");
		return NULL;
	}
	if (nic)
		return find_by_nic(request, nic, "no stack has such an interface");
	stack = lwf_engine_stack(request->server->engine, name);
	return stack ? stack
		     : find_by_nic(request, name,
				   "there is no such stack, and none over such an interface");
}

static enum lwf_outcome do_open(struct lwf_request *request)
{
	struct lwf_peer *peer = request->peer;
	char name[LWF_NAME_BYTES], nic[LWF_NAME_BYTES], module[LWF_NAME_BYTES];
	bool name_given, nic_given, module_given;
	struct lwf_client_options options = {0};
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &name_given},
		{"nic", LWF_FIELD_TEXT, false, nic, sizeof(nic), &nic_given},
		{"module", LWF_FIELD_TEXT, false, module, sizeof(module), &module_given},
		{"wait_when_paused", LWF_FIELD_BOOL, false, &options.wait_when_paused, 0, NULL},
		{"wait_ns", LWF_FIELD_UINT, false, &options.wait_ns, 0, NULL},
	};
	struct lwf_stack *stack;
	int ret;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (peer->client)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "session",
					"open another connection",
					"this connection has one already");
	stack = find_to_open(request, name_given ? name : NULL, nic_given ? nic : NULL);
	if (!stack || (module_given && !lwf_command_module(request, stack, module)))
		return LWF_OUTCOME_ERROR;
	options.module = module_given ? module : NULL;
	if (options.wait_ns > LWF_FOR_MAX_NS)
		options.wait_ns = LWF_FOR_MAX_NS;
	ret = lwf_client_open(&request->server->clients, stack, &options, &peer->who, &client_ops,
			      peer, &peer->client, &request->reply_fd);
	if (ret)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, lwf_stack_name(stack),
					"close other sessions, and try again",
					ret == -ENOSPC	? "the stack has as many sessions as it can"
					: ret == -EBUSY ? "the stack is being closed"
							: strerror(-ret));
	return lwf_command_reply(request, json_pack("{s:i,s:I,s:s,s:s}", "schema", LWF_SCHEMA,
						    "session", (json_int_t)peer->client->session.id,
						    "stack", lwf_stack_name(stack), "module",
						    peer->client->session.target_name));
}

static enum lwf_outcome no_session(struct lwf_request *request)
{
	return lwf_command_fail(request, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
				"send open first", "this connection has no session");
}

static enum lwf_outcome do_doorbell(struct lwf_request *request)
{
	if (request->peer->client)
		lwf_client_doorbell(request->peer->client);
	return LWF_OUTCOME_NONE;
}

static enum lwf_outcome do_cancel(struct lwf_request *request)
{
	uint64_t id = 0;
	struct lwf_field fields[] = {{"cancel_id", LWF_FIELD_UINT, true, &id, 0, NULL}};

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (!request->peer->client)
		return no_session(request);
	if (id > UINT32_MAX)
		return lwf_command_fail(request, LWF_EXIT_USAGE, "cancel_id", NULL,
					"it has 32 bits");
	lwf_client_cancel(request->peer->client, (uint32_t)id);
	return lwf_command_reply(request, json_pack("{s:i}", "schema", LWF_SCHEMA));
}

static enum lwf_outcome do_session(struct lwf_request *request)
{
	const struct lwf_client *client = request->peer->client;
	json_t *object;

	if (!lwf_command_read(request, NULL, 0))
		return LWF_OUTCOME_ERROR;
	if (!client)
		return no_session(request);
	object = lwf_show_ledger(&client->session.ledger);
	if (object &&
	    json_object_set_new(object, "session", json_integer((json_int_t)client->session.id))) {
		json_decref(object);
		object = NULL;
	}
	return lwf_command_reply(request, object);
}

enum lwf_outcome lwf_session_command(struct lwf_request *request)
{
	switch (request->type) {
	case LWF_WIRE_OPEN:
		return do_open(request);
	case LWF_WIRE_DOORBELL:
		return do_doorbell(request);
	case LWF_WIRE_CANCEL:
		return do_cancel(request);
	default:
		return do_session(request);
	}
}
