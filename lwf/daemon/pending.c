/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pending.c - commands that are answered later: when a stack has followed, or a state is reached.
 *
 * Nothing is polled. A wait looks at every trace record as it is made, so that it sees states that
 * last no longer than a call. A command that changes a stack looks, at the end of each turn in
 * which a record was made, whether the stack has settled. A stack may still settle without a record
 * (a posted task that finds nothing to do); one timer of LWF_SERVER_RECHECK_NS, armed only while
 * somebody waits, looks again then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

struct lwf_pending {
	struct lwf_pending *next;
	struct lwf_server *server;
	struct lwf_peer *peer;
	enum lwf_wire_type type;
	uint32_t sequence;
	uint64_t since_ns;
	char stack[LWF_NAME_BYTES];
	char module[LWF_NAME_BYTES]; /* WAIT: empty for the stack; FILTER_*: the one that moves */
	enum lwf_state state;	     /* WAIT */
	bool met, late;		     /* WAIT */
	char why[LWF_TRACE_TEXT_BYTES]; /* FILTER_INSERT: it was taken out again, and why */
	bool lifted;			/* RESTART, ATTACH: there was a hold of the user to lift */
	struct lwf_timer timer;		/* WAIT */
};

/* ---- the list ---- */

static struct lwf_pending *pending_add(struct lwf_request *request, const struct lwf_stack *stack,
				       const char *module)
{
	struct lwf_server *server = request->server;
	struct lwf_pending *pending;

	if (request->peer->pending == LWF_PEER_PENDING_MAX) {
		lwf_error_set(&request->error, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
			      "wait for an answer", "%u commands of this connection are under way",
			      LWF_PEER_PENDING_MAX);
		return NULL;
	}
	pending = lwf_host_alloc(server->host, sizeof(*pending));
	if (!pending) {
		lwf_error_set(&request->error, LWF_EXIT_REFUSED, lwf_wire_name(request->type),
			      "try again", "out of memory");
		return NULL;
	}
	pending->server = server;
	pending->peer = request->peer;
	pending->type = request->type;
	pending->sequence = request->sequence;
	pending->since_ns = request->since_ns;
	pending->lifted = request->lifted;
	snprintf(pending->stack, sizeof(pending->stack), "%s", lwf_stack_name(stack));
	snprintf(pending->module, sizeof(pending->module), "%s", module);
	pending->next = server->pending;
	server->pending = pending;
	request->peer->pending++;
	return pending;
}

static void pending_free(struct lwf_pending *pending)
{
	pending->peer->pending--;
	lwf_timer_fini(&pending->timer);
	lwf_host_free(pending->server->host, pending);
}

/* ---- answers ---- */

static void answer_error(const struct lwf_pending *pending, const struct lwf_error *error)
{
	lwf_peer_error(pending->peer, pending->sequence, error);
}

static void answer_state(const struct lwf_pending *pending, const struct lwf_stack *stack)
{
	uint64_t took = lwf_host_now_ns(pending->server->host) - pending->since_ns;
	json_t *object = lwf_command_state(stack);

	if (object && pending->module[0])
		json_object_set_new(object, "module", json_string(pending->module));
	if (object)
		json_object_set_new(object, "took_ns", json_integer((json_int_t)took));
	lwf_peer_send(pending->peer, LWF_WIRE_REPLY, pending->sequence, object, -1);
}

static void answer_gone(const struct lwf_pending *pending)
{
	struct lwf_error error;

	lwf_error_set(&error, LWF_EXIT_REFUSED, pending->stack, "start lwfd again",
		      "the stack was closed meanwhile");
	answer_error(pending, &error);
}

/* What lifts the holds that remain; the first that names a next step decides. */
static const char *next_of(uint32_t holds)
{
	if (holds & 1u << LWF_HOLD_USER_DETACH)
		return "lwfctl attach lifts user-detach";
	if (holds & 1u << LWF_HOLD_USER_PAUSE)
		return "lwfctl restart lifts user";
	if (holds & 1u << LWF_HOLD_LINK)
		return "ip link set the interface up";
	if (holds & 1u << LWF_HOLD_REMOVED)
		return "the stack comes back with the interface";
	if (holds & 1u << LWF_HOLD_FAULT_DETACH)
		return "see the log; lwfctl attach tries again";
	if (holds & 1u << LWF_HOLD_FAULT_PAUSE)
		return "see the log; lwfctl restart tries again";
	return "see lwfctl show";
}

static void answer_held(const struct lwf_pending *pending, const struct lwf_stack *stack,
			const char *done)
{
	uint32_t holds = lwf_stack_holds(stack);
	char names[160] = "";
	struct lwf_error error;
	size_t used = 0;

	for (unsigned i = 0; i < LWF_HOLDS && used < sizeof(names); i++) {
		if (holds & 1u << i)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", lwf_hold_name((enum lwf_hold)i));
	}
	lwf_error_set(&error, LWF_EXIT_REFUSED, pending->stack, next_of(holds),
		      "%s, but it stays %s, held by: %s", done,
		      lwf_state_name(lwf_stack_state(stack)), names);
	answer_error(pending, &error);
}

static void answer_lifted_meanwhile(const struct lwf_pending *pending)
{
	struct lwf_error error;

	lwf_error_set(&error, LWF_EXIT_REFUSED, pending->stack, "see lwfctl show",
		      "somebody else lifted the hold before the stack had followed");
	answer_error(pending, &error);
}

static void answer_taken_out(const struct lwf_pending *pending, const struct lwf_stack *stack)
{
	struct lwf_error error;

	lwf_error_set(&error, LWF_EXIT_REFUSED, pending->module, "see the log",
		      "%s; it was taken out again, and the stack is %s as before", pending->why,
		      lwf_state_name(lwf_stack_state(stack)));
	answer_error(pending, &error);
}

/* The stack has settled: did it go where the command wanted it? */
static void answer_settled(const struct lwf_pending *pending, const struct lwf_stack *stack)
{
	uint32_t holds = lwf_stack_holds(stack);
	const uint32_t faults = 1u << LWF_HOLD_FAULT_PAUSE | 1u << LWF_HOLD_FAULT_DETACH;

	switch (pending->type) {
	case LWF_WIRE_PAUSE:
		if (holds & 1u << LWF_HOLD_USER_PAUSE)
			answer_state(pending, stack);
		else
			answer_lifted_meanwhile(pending);
		return;
	case LWF_WIRE_DETACH:
		if (holds & 1u << LWF_HOLD_USER_DETACH)
			answer_state(pending, stack);
		else
			answer_lifted_meanwhile(pending);
		return;
	case LWF_WIRE_RESTART:
		if (holds)
			answer_held(pending, stack,
				    pending->lifted ? "the user's pause is lifted"
						    : "no user has paused it");
		else
			answer_state(pending, stack);
		return;
	case LWF_WIRE_ATTACH:
		if (holds)
			answer_held(pending, stack,
				    pending->lifted ? "the user's detach is lifted"
						    : "no user has detached it");
		else
			answer_state(pending, stack);
		return;
	default:
		if (pending->why[0])
			answer_taken_out(pending, stack);
		else if (holds & faults)
			answer_held(pending, stack, "the change is made");
		else
			answer_state(pending, stack);
	}
}

static void answer_wait(const struct lwf_pending *pending, const struct lwf_stack *stack)
{
	uint64_t took = lwf_host_now_ns(pending->server->host) - pending->since_ns;
	struct lwf_error error;
	const struct lwf_module *module = NULL;
	enum lwf_state now = lwf_stack_state(stack);
	char what[2 * LWF_NAME_BYTES];

	if (pending->met) {
		lwf_peer_send(pending->peer, LWF_WIRE_REPLY, pending->sequence,
			      json_pack("{s:i,s:s,s:s,s:s,s:I}", "schema", LWF_SCHEMA, "stack",
					pending->stack, "module", pending->module, "state",
					lwf_state_name(pending->state), "took_ns",
					(json_int_t)took),
			      -1);
		return;
	}
	snprintf(what, sizeof(what), "%s%s%s", pending->stack, pending->module[0] ? "/" : "",
		 pending->module);
	if (pending->module[0])
		module = lwf_stack_module(stack, pending->module);
	if (pending->module[0] && !module) {
		lwf_error_set(&error, LWF_EXIT_NO_OBJECT, what, "see lwfctl show",
			      "the module was removed meanwhile");
	} else {
		if (module)
			now = lwf_module_state(module);
		lwf_error_set(&error, LWF_EXIT_TIMEOUT, what, "see lwfctl show, or wait longer",
			      "it is %s and was not %s in %" PRIu64 " ms", lwf_state_name(now),
			      lwf_state_name(pending->state), took / 1000000);
	}
	answer_error(pending, &error);
}

/* ---- judging ---- */

static bool wait_is_over(const struct lwf_pending *pending, const struct lwf_stack *stack)
{
	return pending->met || pending->late ||
	       (pending->module[0] && !lwf_stack_module(stack, pending->module));
}

/* Answers @pending if it can be; false when it has to wait on. */
static bool pending_judge(struct lwf_pending *pending)
{
	struct lwf_stack *stack = lwf_engine_stack(pending->server->engine, pending->stack);

	if (pending->peer->dead)
		return true;
	if (!stack) {
		answer_gone(pending);
		return true;
	}
	if (pending->type == LWF_WIRE_WAIT) {
		if (!wait_is_over(pending, stack))
			return false;
		answer_wait(pending, stack);
		return true;
	}
	if (!lwf_stack_settled(stack))
		return false;
	answer_settled(pending, stack);
	return true;
}

void lwf_pending_turn(struct lwf_server *server)
{
	struct lwf_pending **at = &server->pending;
	bool unsettled = false;

	while (*at) {
		struct lwf_pending *pending = *at;

		if (pending_judge(pending)) {
			*at = pending->next;
			pending_free(pending);
			continue;
		}
		unsettled = unsettled || pending->type != LWF_WIRE_WAIT;
		at = &pending->next;
	}
	if (unsettled && !server->recheck.armed)
		lwf_timer_set(&server->recheck, LWF_SERVER_RECHECK_NS);
}

static void note_taken_out(struct lwf_server *server, const struct lwf_trace_record *record)
{
	for (struct lwf_pending *p = server->pending; p; p = p->next)
		if (p->type == LWF_WIRE_FILTER_INSERT && !strcmp(p->stack, record->stack_name) &&
		    !strcmp(p->module, record->module_name))
			snprintf(p->why, sizeof(p->why), "%s", record->text);
}

void lwf_pending_record(struct lwf_server *server, const struct lwf_trace_record *record)
{
	if (record->kind == LWF_TRACE_MODULE && !strcmp(record->event, "taken-out"))
		note_taken_out(server, record);
	if (record->kind != LWF_TRACE_STATE && record->kind != LWF_TRACE_STACK)
		return;
	for (struct lwf_pending *p = server->pending; p; p = p->next) {
		if (p->type == LWF_WIRE_WAIT && !p->late && record->after == p->state &&
		    !strcmp(p->stack, record->stack_name) &&
		    !strcmp(p->module, record->module_name))
			p->met = true;
	}
}

void lwf_pending_drop(struct lwf_server *server, const struct lwf_peer *peer)
{
	struct lwf_pending **at = &server->pending;

	while (*at) {
		struct lwf_pending *pending = *at;

		if (peer && pending->peer != peer) {
			at = &pending->next;
			continue;
		}
		*at = pending->next;
		if (!peer && !pending->peer->dead)
			answer_gone(pending);
		pending_free(pending);
	}
}

/* ---- the two ways in ---- */

enum lwf_outcome lwf_pending_follow(struct lwf_request *request, const struct lwf_stack *stack,
				    const char *module)
{
	if (!pending_add(request, stack, module))
		return LWF_OUTCOME_ERROR;
	lwf_server_post(request->server);
	return LWF_OUTCOME_LATER;
}

static void wait_is_late(void *context)
{
	struct lwf_pending *pending = context;

	pending->late = true;
	lwf_server_post(pending->server);
}

enum lwf_outcome lwf_pending_wait(struct lwf_request *request, const struct lwf_stack *stack,
				  const char *module, enum lwf_state state, uint64_t timeout_ns)
{
	struct lwf_pending *pending = pending_add(request, stack, module);
	enum lwf_state now;

	if (!pending)
		return LWF_OUTCOME_ERROR;
	now = module[0] ? lwf_module_state(lwf_stack_module(stack, module))
			: lwf_stack_state(stack);
	pending->state = state;
	pending->met = now == state;
	/* without memory for a timer it is late at once, which is true of a machine in that state
	 */
	if (lwf_timer_init(&pending->timer, request->server->host, wait_is_late, pending))
		pending->late = true;
	else
		lwf_timer_set(&pending->timer, timeout_ns);
	if (pending->met || pending->late)
		lwf_server_post(request->server);
	return LWF_OUTCOME_LATER;
}
