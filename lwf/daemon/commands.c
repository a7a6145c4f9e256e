/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.c - what each request means.
 *
 * One function per request. It reads the body by a table of fields (an unknown or mistyped member
 * is a malformed message), looks up what it names (exit 5 when there is none), and answers now or
 * hands the answer to pending.c. Rights are checked before any of it, by the table in control.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "verdict.h"

#define LIST_STACKS "lwfctl show lists what there is"
#define FOR_MAX_NS  (365ull * 24 * 3600 * 1000000000) /* of --for and --timeout: a year */
#define FIELDS(f)   (f), sizeof(f) / sizeof((f)[0])

static enum lwf_outcome fail(struct lwf_request *request, enum lwf_exit code, const char *what,
			     const char *next, const char *why)
{
	lwf_error_set(&request->error, code, what, next, "%s", why);
	return LWF_OUTCOME_ERROR;
}

static enum lwf_outcome reply(struct lwf_request *request, json_t *object)
{
	request->reply = object;
	return LWF_OUTCOME_REPLY;
}

/* Reads the body. False: the message is malformed, and request->error says how. */
static bool read_body(struct lwf_request *request, const struct lwf_field *fields, size_t count)
{
	char why[160];

	if (!lwf_wire_read(request->body, fields, count, why, sizeof(why)))
		return true;
	request->malformed = true;
	lwf_error_set(&request->error, LWF_EXIT_USAGE, lwf_wire_name(request->type),
		      "see docs/wire.md", "%s", why);
	return false;
}

static struct lwf_stack *find_stack(struct lwf_request *request, const char *name)
{
	struct lwf_stack *stack = lwf_engine_stack(request->server->engine, name);

	if (!stack)
		lwf_error_set(&request->error, LWF_EXIT_NO_OBJECT, name, LIST_STACKS,
			      "there is no such stack");
	return stack;
}

static struct lwf_module *find_module(struct lwf_request *request, const struct lwf_stack *stack,
				      const char *name)
{
	struct lwf_module *module = lwf_stack_module(stack, name);
	char what[2 * LWF_NAME_BYTES];

	if (!module) {
		snprintf(what, sizeof(what), "%s/%s", lwf_stack_name(stack), name);
		lwf_error_set(&request->error, LWF_EXIT_NO_OBJECT, what, LIST_STACKS,
			      "there is no such module");
	}
	return module;
}

enum lwf_outcome lwf_command_fail(struct lwf_request *request, enum lwf_exit code, const char *what,
				  const char *next, const char *why)
{
	return fail(request, code, what, next, why);
}

bool lwf_command_read(struct lwf_request *request, const struct lwf_field *fields, size_t count)
{
	return read_body(request, fields, count);
}

struct lwf_stack *lwf_command_stack(struct lwf_request *request, const char *name)
{
	return find_stack(request, name);
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (version != LWF_WIRE_VERSION) {
		snprintf(why, sizeof(why), "this lwfd speaks version %u", LWF_WIRE_VERSION);
		return fail(request, LWF_EXIT_REFUSED, "version", "install matching programs", why);
	}
	return reply(request, json_pack("{s:i,s:i,s:i}", "version", (int)LWF_WIRE_VERSION, "pid",
					(int)getpid(), "role", (int)request->peer->roles));
}

static enum lwf_outcome do_show(struct lwf_request *request)
{
	struct lwf_server *server = request->server;
	struct lwf_stack *stack = NULL;
	char name[LWF_NAME_BYTES];
	bool given;
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given}};

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !(stack = find_stack(request, name)))
		return LWF_OUTCOME_ERROR;
	if (request->type == LWF_WIRE_LEDGER)
		return reply(request, lwf_show_ledgers(server->engine, stack));
	return reply(request,
		     lwf_show(server->engine, stack, server->facts.lower ? &server->facts : NULL));
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !find_stack(request, name))
		return LWF_OUTCOME_ERROR;
	if (peer->watching)
		return fail(request, LWF_EXIT_REFUSED, "watch", "open another connection",
			    "this connection is watching already");
	if (frames && lwf_engine_trace_details(request->server->engine, true))
		return fail(request, LWF_EXIT_REFUSED, "watch", "watch without --frames",
			    "no memory for records of frames");
	peer->watching = true;
	peer->watch_seq = since ? since : 1;
	lwf_engine_trace_seek(request->server->engine, peer->watch_seq, frames, &peer->watch_at);
	peer->watch_sequence = request->sequence;
	snprintf(peer->watch_stack, sizeof(peer->watch_stack), "%s", given ? name : "");
	lwf_server_post(request->server);
	return reply(request, json_pack("{s:i,s:I}", "schema", LWF_SCHEMA, "seq",
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (!lwf_state_parse(state_name, &state))
		return fail(request, LWF_EXIT_USAGE, state_name,
			    "use Detached, Attaching, Paused, Restarting, Running or Pausing",
			    "this is no state");
	stack = find_stack(request, name);
	if (!stack || (module_given && !find_module(request, stack, module)))
		return LWF_OUTCOME_ERROR;
	if (timeout_ns > FOR_MAX_NS)
		timeout_ns = FOR_MAX_NS;
	return lwf_pending_wait(request, stack, module_given ? module : "", state, timeout_ns);
}

/* ---- states ---- */

/* PAUSE and DETACH set the user's hold; RESTART and ATTACH lift it, and try again what failed. */
static enum lwf_outcome do_state(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES];
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL}};
	struct lwf_stack *stack;

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = find_stack(request, name);
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

/* ---- modules ---- */

static uint32_t count_modules(const struct lwf_stack *stack)
{
	uint32_t n = 0;

	while (lwf_stack_module_at(stack, n))
		n++;
	return n;
}

static uint32_t index_of(const struct lwf_stack *stack, const struct lwf_module *module)
{
	uint32_t n = 0;

	while (lwf_stack_module_at(stack, n) != module)
		n++;
	return n;
}

static enum lwf_outcome do_filter_insert(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], spec[LWF_FILTER_SPEC_BYTES], above[LWF_NAME_BYTES],
		below[LWF_NAME_BYTES], why[256] = "";
	bool above_given, below_given;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"spec", LWF_FIELD_TEXT, true, spec, sizeof(spec), NULL},
		{"above", LWF_FIELD_TEXT, false, above, sizeof(above), &above_given},
		{"below", LWF_FIELD_TEXT, false, below, sizeof(below), &below_given},
	};
	struct lwf_module *module, *place = NULL;
	struct lwf_stack *stack;
	uint32_t index;
	int ret;

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (above_given && below_given)
		return fail(request, LWF_EXIT_USAGE, "--above and --below", "give one of the two",
			    "a module has one place");
	stack = find_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	if ((above_given || below_given) &&
	    !(place = find_module(request, stack, above_given ? above : below)))
		return LWF_OUTCOME_ERROR;
	index = place ? index_of(stack, place) + (below_given ? 1u : 0u) : count_modules(stack);
	ret = lwf_stack_insert(stack, spec, index, &module, why, sizeof(why));
	if (ret)
		return fail(
			request,
			ret == -ENOENT || ret == -EINVAL ? LWF_EXIT_USAGE : LWF_EXIT_REFUSED, spec,
			ret == -ENOENT || ret == -EINVAL ? "see man lwfd, FILTERS" : LIST_STACKS,
			why[0] ? why : strerror(-ret));
	return lwf_pending_follow(request, stack, lwf_module_name(module));
}

static enum lwf_outcome do_filter_remove(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], module_name[LWF_NAME_BYTES];
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, true, module_name, sizeof(module_name), NULL},
	};
	struct lwf_module *module;
	struct lwf_stack *stack;

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = find_stack(request, name);
	module = stack ? find_module(request, stack, module_name) : NULL;
	if (!module)
		return LWF_OUTCOME_ERROR;
	if (lwf_stack_remove(stack, module))
		return fail(request, LWF_EXIT_REFUSED, module_name, "try again in a moment",
			    "it is being removed already, or the stack is being changed");
	return lwf_pending_follow(request, stack, module_name);
}

static enum lwf_outcome do_filter_set(struct lwf_request *request)
{
	char name[LWF_NAME_BYTES], module_name[LWF_NAME_BYTES], options[LWF_FILTER_SPEC_BYTES],
		why[384] = "";
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, true, module_name, sizeof(module_name), NULL},
		{"options", LWF_FIELD_TEXT, true, options, sizeof(options), NULL},
	};
	struct lwf_module *module;
	struct lwf_stack *stack;
	int ret;

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = find_stack(request, name);
	module = stack ? find_module(request, stack, module_name) : NULL;
	if (!module)
		return LWF_OUTCOME_ERROR;
	ret = lwf_module_set(module, options, why, sizeof(why));
	if (ret)
		return fail(request, ret == -EINVAL ? LWF_EXIT_USAGE : LWF_EXIT_REFUSED, options,
			    ret == -EPERM ? "remove the module and insert it with the new value"
					  : "see man lwfd, FILTERS",
			    why[0] ? why : strerror(-ret));
	return reply(request, lwf_command_state(stack));
}

/* ---- carrier ---- */

static struct lwf_carrier_off **find_carrier(struct lwf_server *server, const char *stack)
{
	struct lwf_carrier_off **at = &server->carriers;

	while (*at && strcmp((*at)->stack, stack) != 0)
		at = &(*at)->next;
	return at;
}

static void forget_carrier(struct lwf_server *server, const char *stack)
{
	struct lwf_carrier_off **at = find_carrier(server, stack), *off = *at;

	if (!off)
		return;
	*at = off->next;
	lwf_timer_fini(&off->timer);
	lwf_host_free(server->host, off);
}

static void carrier_time_is_over(void *context)
{
	struct lwf_carrier_off *off = context;
	struct lwf_stack *stack = lwf_engine_stack(off->server->engine, off->stack);

	if (stack)
		lwf_stack_force_no_carrier(stack, false);
	forget_carrier(off->server, off->stack);
}

/* From now on the carrier of @name comes back after @for_ns. False without memory. */
static bool remember_carrier(struct lwf_server *server, const char *name, uint64_t for_ns)
{
	struct lwf_carrier_off *off = lwf_host_alloc(server->host, sizeof(*off));

	if (!off)
		return false;
	off->server = server;
	snprintf(off->stack, sizeof(off->stack), "%s", name);
	if (lwf_timer_init(&off->timer, server->host, carrier_time_is_over, off)) {
		lwf_host_free(server->host, off);
		return false;
	}
	lwf_timer_set(&off->timer, for_ns);
	off->next = server->carriers;
	server->carriers = off;
	return true;
}

static enum lwf_outcome do_carrier(struct lwf_request *request)
{
	struct lwf_server *server = request->server;
	char name[LWF_NAME_BYTES];
	uint64_t for_ns = 0;
	bool carrier, for_given;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"carrier", LWF_FIELD_BOOL, true, &carrier, 0, NULL},
		{"for_ns", LWF_FIELD_UINT, false, &for_ns, 0, &for_given},
	};
	struct lwf_stack *stack;
	json_t *state;

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = find_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	if (for_given && (carrier || for_ns > FOR_MAX_NS))
		return fail(request, LWF_EXIT_USAGE, "--for", "use carrier off --for 2s",
			    "it goes with carrier off, and is at most a year");
	forget_carrier(server, name);
	if (for_given && !remember_carrier(server, name, for_ns))
		return fail(request, LWF_EXIT_REFUSED, name, "try again", "out of memory");
	lwf_stack_force_no_carrier(stack, !carrier);
	state = lwf_command_state(stack);
	if (state)
		json_object_set_new(state, "carrier_forced_off", json_boolean(!carrier));
	return reply(request, state);
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

	if (!read_body(request, fields, set ? 3 : 2))
		return LWF_OUTCOME_ERROR;
	stack = find_stack(request, name);
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !(stack = find_stack(request, name)))
		return LWF_OUTCOME_ERROR;
	return lwf_flow_command(request, stack, after);
}

/* ---- sessions ---- */

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
			fail(request, LWF_EXIT_REFUSED, name, "name the stack: see lwfctl show",
			     "two stacks have an interface of this name, in two namespaces");
			return NULL;
		}
		found = stack;
	}
	if (!found)
		fail(request, LWF_EXIT_NO_OBJECT, name, LIST_STACKS, why_not);
	return found;
}

/* Of a stack and an interface one is given; what is no stack's name may be its interface's. */
static struct lwf_stack *find_to_open(struct lwf_request *request, const char *name,
				      const char *nic)
{
	struct lwf_stack *stack;

	if (name && nic) {
		fail(request, LWF_EXIT_USAGE, nic, "give one of the two", "a stack is named, too");
		return NULL;
	}
	if (!name && !nic) {
		fail(request, LWF_EXIT_USAGE, "open", LIST_STACKS,
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (peer->client)
		return fail(request, LWF_EXIT_REFUSED, "session", "open another connection",
			    "this connection has one already");
	stack = find_to_open(request, name_given ? name : NULL, nic_given ? nic : NULL);
	if (!stack || (module_given && !find_module(request, stack, module)))
		return LWF_OUTCOME_ERROR;
	options.module = module_given ? module : NULL;
	if (options.wait_ns > FOR_MAX_NS)
		options.wait_ns = FOR_MAX_NS;
	ret = lwf_client_open(&request->server->clients, stack, &options, &peer->who, &client_ops,
			      peer, &peer->client, &request->reply_fd);
	if (ret)
		return fail(request, LWF_EXIT_REFUSED, lwf_stack_name(stack),
			    "close other sessions, and try again",
			    ret == -ENOSPC  ? "the stack has as many sessions as it can"
			    : ret == -EBUSY ? "the stack is being closed"
					    : strerror(-ret));
	return reply(request,
		     json_pack("{s:i,s:I,s:s,s:s}", "schema", LWF_SCHEMA, "session",
			       (json_int_t)peer->client->session.id, "stack", lwf_stack_name(stack),
			       "module", peer->client->session.target_name));
}

static enum lwf_outcome no_session(struct lwf_request *request)
{
	return fail(request, LWF_EXIT_REFUSED, lwf_wire_name(request->type), "send open first",
		    "this connection has no session");
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

	if (!read_body(request, FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (!request->peer->client)
		return no_session(request);
	if (id > UINT32_MAX)
		return fail(request, LWF_EXIT_USAGE, "cancel_id", NULL, "it has 32 bits");
	lwf_client_cancel(request->peer->client, (uint32_t)id);
	return reply(request, json_pack("{s:i}", "schema", LWF_SCHEMA));
}

static enum lwf_outcome do_session(struct lwf_request *request)
{
	const struct lwf_client *client = request->peer->client;
	json_t *object;

	if (!read_body(request, NULL, 0))
		return LWF_OUTCOME_ERROR;
	if (!client)
		return no_session(request);
	object = lwf_show_ledger(&client->session.ledger);
	if (object &&
	    json_object_set_new(object, "session", json_integer((json_int_t)client->session.id))) {
		json_decref(object);
		object = NULL;
	}
	return reply(request, object);
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
		return do_filter_insert(request);
	case LWF_WIRE_FILTER_REMOVE:
		return do_filter_remove(request);
	case LWF_WIRE_FILTER_SET:
		return do_filter_set(request);
	case LWF_WIRE_CARRIER:
		return do_carrier(request);
	case LWF_WIRE_FLOWS:
		return do_flows(request);
	case LWF_WIRE_OID_QUERY:
	case LWF_WIRE_OID_SET:
		return do_oid(request);
	case LWF_WIRE_OPEN:
		return do_open(request);
	case LWF_WIRE_DOORBELL:
		return do_doorbell(request);
	case LWF_WIRE_CANCEL:
		return do_cancel(request);
	case LWF_WIRE_SESSION:
		return do_session(request);
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
	return fail(request, LWF_EXIT_USAGE, "message", "see docs/wire.md", "this is no request");
}

enum lwf_outcome lwf_command(struct lwf_request *request)
{
	uint32_t needed = lwf_wire_role(request->type);
	char names[64], have[64];

	if (!needed || request->peer->roles & needed)
		return run(request);
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
