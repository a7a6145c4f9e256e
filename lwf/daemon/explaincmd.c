/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explaincmd.c - the request explain: which rule decides about a conversation, as the modules that have
 * rules would say it, and what they have said of it already.
 *
 * Whose a conversation is, is asked of the table of flows, then of the host, whose answer may take a pass
 * through all descriptors; the answer to an explain waits for it. Nothing that passes is changed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/policy.h>

#include "control.h"
#include "flowjson.h"

/* ---- what is asked ---- */

struct lwf_explain {
	struct lwf_explain *next;
	struct lwf_server *server;
	struct lwf_peer *peer;
	uint32_t sequence;
	char stack[LWF_NAME_BYTES];
	struct lwf_flow_info info; /* flow is 0: there is none; key, ends and owner are as asked */
	bool assumed;		   /* the owner is what the user said */
};

/** A textual address into a key, as it is there. False: it is none. */
static bool read_address(const char *text, uint8_t *address, uint8_t *v6)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(address, mapped, sizeof(mapped));
	*v6 = inet_pton(AF_INET, text, address + sizeof(mapped)) != 1;
	return !*v6 || inet_pton(AF_INET6, text, address) == 1;
}

/** Sorts the two ends as a table of flows does. */
static void make_key(struct lwf_flow_info *info, const uint8_t *local, uint16_t local_port,
		     const uint8_t *remote, uint16_t remote_port)
{
	int order = memcmp(local, remote, LWF_FLOW_ADDRESS_BYTES);

	if (order == 0)
		order = (int)local_port - (int)remote_port;
	info->local = order <= 0 ? LWF_ENDPOINT_LOW : LWF_ENDPOINT_HIGH;
	memcpy(info->key.address[info->local], local, LWF_FLOW_ADDRESS_BYTES);
	memcpy(info->key.address[1 - info->local], remote, LWF_FLOW_ADDRESS_BYTES);
	info->key.port[info->local] = local_port;
	info->key.port[1 - info->local] = remote_port;
}

/** The numbers of a body, checked. False: the body says what cannot be. */
struct numbers {
	uint64_t protocol, local_port, remote_port, vlan, pid, uid;
	bool in;
};

static bool read_tuple(struct lwf_request *request, struct lwf_flow_info *info,
		       struct numbers *numbers, const char *local, const char *remote)
{
	uint8_t here[LWF_FLOW_ADDRESS_BYTES], there[LWF_FLOW_ADDRESS_BYTES], here_v6, there_v6;

	if (!read_address(local, here, &here_v6) || !read_address(remote, there, &there_v6)) {
		lwf_command_fail(request, LWF_EXIT_USAGE, "address", "write both as numbers",
				 "one of the two is no address");
		return false;
	}
	if (here_v6 != there_v6) {
		lwf_command_fail(request, LWF_EXIT_USAGE, "address", "write two of the same kind",
				 "one is IPv4 and one IPv6");
		return false;
	}
	if (numbers->protocol > UINT8_MAX || numbers->local_port > UINT16_MAX ||
	    numbers->remote_port > UINT16_MAX || numbers->vlan > 4094 ||
	    numbers->pid > UINT32_MAX || numbers->uid >= LWF_OWNER_NO_UID) {
		lwf_command_fail(request, LWF_EXIT_USAGE, "explain", "see docs/wire.md",
				 "a number is too big");
		return false;
	}
	info->key.protocol = (uint8_t)numbers->protocol;
	info->key.v6 = here_v6;
	info->key.vlan[0] = (uint16_t)numbers->vlan;
	make_key(info, here, (uint16_t)numbers->local_port, there, (uint16_t)numbers->remote_port);
	info->initiator = numbers->in ? (uint8_t)(1 - info->local) : info->local;
	return true;
}

/* ---- what is answered ---- */

static void prepare(const struct lwf_explain *explain, struct lwf_policy_subject *subject)
{
	const struct lwf_flow_info *info = &explain->info;

	*subject = (struct lwf_policy_subject){
		.key = &info->key,
		.local = info->local,
		.direction = info->initiator == info->local ? LWF_POLICY_OUT : LWF_POLICY_IN,
		.owner = &info->owner,
	};
}

static const char *action_of(const struct lwf_policy_decision *decision)
{
	return decision->waits ? "wait"
			       : lwf_policy_action_name((enum lwf_policy_action)decision->action);
}

/** A name of a file is any bytes. */
static json_t *text_json(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("?");
}

/** What one module says, as JSON. */
static json_t *one(const struct lwf_module *module, const struct lwf_policy_explain *said)
{
	const struct lwf_policy_decision *d = &said->decision;

	return json_pack("{s:s,s:s,s:o,s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:s,s:s,s:b}", "module",
			 lwf_module_name(module), "action", action_of(d), "file",
			 text_json(said->file), "rule",
			 said->line ? (json_int_t)d->rule + 1 : (json_int_t)0, "line",
			 (json_int_t)said->line, "text", said->text, "default",
			 lwf_policy_action_name((enum lwf_policy_action)d->fallback), "timeout_ns",
			 (json_int_t)d->timeout_ns, "priority", (json_int_t)d->priority, "epoch",
			 (json_int_t)said->epoch, "cached",
			 said->info.flow && said->cached != LWF_POLICY_UNSAID
				 ? lwf_policy_action_name((enum lwf_policy_action)said->cached)
				 : "",
			 "by", said->by, "pended", said->pended);
}

/**
 * Asks the modules of the stack from the top; the first that does not allow decides, else the last one.
 * *list is what each says, *decides the one that decides (both owned by the caller). The flow is copied to
 * @found when there is one. Returns 0, or -errno of the last module that could not say.
 */
static int ask_modules(struct lwf_stack *stack, const struct lwf_explain *explain, json_t **list,
		       json_t **decides, struct lwf_flow_info *found)
{
	struct lwf_policy_subject subject;
	struct lwf_policy_explain said;
	struct lwf_module *module;
	bool settled = false;
	int ret = -ENOTSUP;

	*list = json_array();
	*decides = NULL;
	prepare(explain, &subject);
	for (uint32_t i = 0; (module = lwf_stack_module_at(stack, i)); i++) {
		json_t *object;
		int err;

		if (!lwf_policy_file_of(module))
			continue;
		memset(&said, 0, sizeof(said));
		said.subject = &subject;
		said.cached = LWF_POLICY_UNSAID;
		err = lwf_module_control(module, LWF_CONTROL_EXPLAIN, &said);
		if (err) {
			ret = err;
			continue;
		}
		if (said.info.flow)
			*found = said.info;
		object = one(module, &said);
		json_array_append(*list, object);
		if (!settled) {
			json_decref(*decides);
			*decides = json_incref(object);
		}
		settled |= said.decision.waits || said.decision.action != LWF_POLICY_ALLOW;
		json_decref(object);
	}
	return *decides ? 0 : ret;
}

static json_t *flow_json(const struct lwf_flow_info *found)
{
	if (!found->flow)
		return json_null();
	return json_pack("{s:I,s:s,s:s,s:b}", "id", (json_int_t)found->flow, "state",
			 lwf_flow_state_name((enum lwf_flow_state)found->state), "verdict",
			 lwf_flow_action_name((enum lwf_flow_action)found->verdict), "midstream",
			 (found->flags & LWF_FLOW_MIDSTREAM) != 0);
}

/** The whole answer: what decides, the ends, the owner, the flow, and what each module says. */
static json_t *answer(const struct lwf_explain *explain, struct lwf_stack *stack)
{
	struct lwf_flow_info found = {0};
	json_t *list, *decides, *object, *owner = lwf_flow_owner_json(&explain->info.owner);
	json_t *ends = lwf_flow_ends_json(&explain->info);

	if (ask_modules(stack, explain, &list, &decides, &found))
		decides = json_object();
	object = json_pack("{s:i,s:s,s:o,s:o,s:b,s:o,s:o}", "schema", LWF_SCHEMA, "stack",
			   explain->stack, "tuple", ends, "owner", owner, "owner_assumed",
			   explain->assumed, "flow", flow_json(&found), "modules", list);
	if (object)
		json_object_update(object, decides);
	json_decref(decides);
	return object;
}

/* ---- when the owner is known ---- */

static void forget(struct lwf_explain *explain)
{
	struct lwf_explain **at = &explain->server->explains;

	while (*at != explain)
		at = &(*at)->next;
	*at = explain->next;
	explain->peer->pending--;
	lwf_host_forget_owners(explain->server->host, explain);
	lwf_host_free(explain->server->host, explain);
}

static void finish(struct lwf_explain *explain)
{
	struct lwf_stack *stack = lwf_engine_stack(explain->server->engine, explain->stack);
	struct lwf_error error;

	if (stack) {
		lwf_peer_send(explain->peer, LWF_WIRE_REPLY, explain->sequence,
			      answer(explain, stack), -1);
	} else {
		lwf_error_set(&error, LWF_EXIT_NO_OBJECT, explain->stack, NULL,
			      "the stack has gone");
		lwf_peer_error(explain->peer, explain->sequence, &error);
	}
	forget(explain);
}

static void on_owner(void *context, uint64_t flow, const struct lwf_owner *owner)
{
	struct lwf_explain *explain = context;

	(void)flow;
	explain->info.owner = *owner;
	if (owner->how != LWF_OWNER_PENDING)
		finish(explain);
}

/** Finds out whose it is: of the flow, or of the host. True: known, or as known as it will be. */
static bool find_owner(struct lwf_explain *explain, struct lwf_stack *stack)
{
	struct lwf_flow_info found = {0};
	struct lwf_owner_question question = {.answer = on_owner, .context = explain};
	json_t *list, *decides;

	(void)ask_modules(stack, explain, &list, &decides, &found);
	json_decref(list);
	json_decref(decides);
	if (found.flow) {
		explain->info.initiator = found.initiator;
		explain->info.local = found.local;
		if (!explain->assumed)
			explain->info.owner = found.owner;
	}
	if (explain->assumed || (found.flow && found.owner.how != LWF_OWNER_PENDING))
		return true;
	question.key = explain->info.key;
	question.local = (enum lwf_endpoint)explain->info.local;
	return lwf_host_ask_owner(explain->server->host, &question, &explain->info.owner) !=
	       -EINPROGRESS;
}

/** Whether a module of @stack has rules and can say what they mean; else what is wrong. */
static bool can_explain(struct lwf_request *request, struct lwf_stack *stack,
			const struct lwf_explain *explain)
{
	struct lwf_flow_info found;
	json_t *list, *decides;
	int ret = ask_modules(stack, explain, &list, &decides, &found);

	json_decref(list);
	json_decref(decides);
	if (ret == -ENODEV)
		lwf_command_fail(request, LWF_EXIT_REFUSED, lwf_stack_name(stack),
				 "see its holds in lwfctl show, or use --rules FILE",
				 "it is Detached and decides nothing");
	else if (ret)
		lwf_command_fail(request, LWF_EXIT_NO_OBJECT, lwf_stack_name(stack), LWF_NO_RULES,
				 "no module has rules here");
	return ret == 0;
}

/** The stack that is meant: by its name, or the only one. */
static struct lwf_stack *stack_of(struct lwf_request *request, bool given, const char *name)
{
	struct lwf_engine *engine = request->server->engine;

	if (given)
		return lwf_command_stack(request, name);
	if (lwf_engine_stack_at(engine, 0) && !lwf_engine_stack_at(engine, 1))
		return lwf_engine_stack_at(engine, 0);
	lwf_command_fail(request, LWF_EXIT_USAGE, "stack",
			 "say --stack NAME; lwfctl show lists them",
			 "there is more than one, or none");
	return NULL;
}

/** Reads the body into @explain; the stack, or NULL with request->error. */
static struct lwf_stack *understand(struct lwf_request *request, struct lwf_explain *explain)
{
	char name[LWF_NAME_BYTES], local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	struct lwf_owner *owner = &explain->info.owner;
	struct numbers numbers = {0};
	bool given, pid, uid, comm, exe;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given},
		{"protocol", LWF_FIELD_UINT, true, &numbers.protocol, 0, NULL},
		{"local", LWF_FIELD_TEXT, true, local, sizeof(local), NULL},
		{"local_port", LWF_FIELD_UINT, false, &numbers.local_port, 0, NULL},
		{"remote", LWF_FIELD_TEXT, true, remote, sizeof(remote), NULL},
		{"remote_port", LWF_FIELD_UINT, false, &numbers.remote_port, 0, NULL},
		{"in", LWF_FIELD_BOOL, false, &numbers.in, 0, NULL},
		{"vlan", LWF_FIELD_UINT, false, &numbers.vlan, 0, NULL},
		{"pid", LWF_FIELD_UINT, false, &numbers.pid, 0, &pid},
		{"uid", LWF_FIELD_UINT, false, &numbers.uid, 0, &uid},
		{"command", LWF_FIELD_TEXT, false, owner->comm, sizeof(owner->comm), &comm},
		{"program", LWF_FIELD_TEXT, false, owner->exe, sizeof(owner->exe), &exe},
	};
	struct lwf_stack *stack;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return NULL;
	stack = stack_of(request, given, name);
	if (!stack || !read_tuple(request, &explain->info, &numbers, local, remote))
		return NULL;
	explain->info.key.adapter = lwf_stack_link(stack).ifindex;
	explain->assumed = pid || uid || comm || exe;
	owner->pid = (uint32_t)numbers.pid;
	owner->uid = uid ? (uint32_t)numbers.uid : LWF_OWNER_NO_UID;
	owner->how = explain->assumed ? LWF_OWNER_EXACT : LWF_OWNER_PENDING;
	return can_explain(request, stack, explain) ? stack : NULL;
}

enum lwf_outcome lwf_explain_command(struct lwf_request *request)
{
	struct lwf_server *server = request->server;
	struct lwf_explain *explain;
	struct lwf_stack *stack;

	if (request->peer->pending == LWF_PEER_PENDING_MAX)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "explain", "wait for an answer",
					"too many commands of this connection are under way");
	explain = lwf_host_alloc(server->host, sizeof(*explain));
	if (!explain)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "explain", "try again",
					"out of memory");
	explain->server = server;
	explain->peer = request->peer;
	explain->sequence = request->sequence;
	stack = understand(request, explain);
	if (!stack) {
		lwf_host_free(server->host, explain);
		return LWF_OUTCOME_ERROR;
	}
	snprintf(explain->stack, sizeof(explain->stack), "%s", lwf_stack_name(stack));
	explain->next = server->explains;
	server->explains = explain;
	explain->peer->pending++;
	if (find_owner(explain, stack))
		finish(explain);
	return LWF_OUTCOME_LATER;
}

void lwf_explain_drop(struct lwf_server *server, const struct lwf_peer *peer)
{
	struct lwf_explain *it = server->explains;

	while (it) {
		struct lwf_explain *next = it->next;

		if (it->peer == peer)
			forget(it);
		it = next;
	}
}
