/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oid.c - the way of an OID request: from its asker to the next below, and its answer back.
 *
 * Each module with an oid function, and the lower edge, is a hop. A hop is given one request at a
 * time (T07); those that come meanwhile wait in its queue, in order. A request that is answered
 * inside the call that asked for it has its answer returned; every other one is delivered to the
 * asker by a call, exactly once. Requests that pend are in one list of the stack, by which they are
 * cancelled, timed, and told by the watchdog.
 *
 * Nothing of a request is touched after its answer was delivered: it is its asker's again. Calls
 * to modules are made inside the path (lwf_stack_enter()), so that no detach runs under them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conflicts.h"
#include "internal.h"

#define OWN_ID (1ull << 63)

/** A clone, with room for a value should it outlive the request whose buffer it shares. */
struct clone {
	struct lwf_oid_request request;
	uint8_t value[LWF_OID_VALUE_BYTES];
};

static void pump(struct lwf_stack *stack, struct lwf_oid_hop *hop);

static const char *hop_name(const struct lwf_stack *stack, const struct lwf_oid_hop *hop)
{
	return hop->module ? hop->module->name : stack->lower->name;
}

/** @who does it: the asker; the one who is given it. */
static void tell(struct lwf_stack *stack, const struct lwf_oid_request *request,
		 const struct lwf_oid_hop *hop, const struct lwf_module *who, const char *event)
{
	struct lwf_trace_record *record = lwf_trace_begin(stack, who, LWF_TRACE_OID, event);

	record->status = request->status;
	record->latency_ns = record->time_ns - request->since_ns;
	record->request = request->number;
	snprintf(record->text, sizeof(record->text), "%s %s at %s", lwf_oid_name(request->oid),
		 request->kind == LWF_OID_SET ? "set" : "query", hop_name(stack, hop));
	lwf_trace_end(stack->engine, record);
}

/* ---- what is out ---- */

/** When this request has to be looked at again; UINT64_MAX: never. */
static uint64_t deadline(const struct lwf_oid_request *request)
{
	uint64_t at = request->reported ? UINT64_MAX : request->since_ns + LWF_OID_LIMIT_NS;

	if (request->timeout_ns && !request->cancelled &&
	    request->timeout_ns < at - request->since_ns) /* it may be more than the clock holds */
		at = request->since_ns + request->timeout_ns;
	return at;
}

static void set_timer(struct lwf_stack *stack)
{
	uint64_t now = lwf_host_now_ns(stack->engine->host), at = UINT64_MAX;

	for (const struct lwf_oid_request *r = stack->oids; r; r = r->later)
		if (deadline(r) < at)
			at = deadline(r);
	if (at == UINT64_MAX)
		lwf_timer_cancel(&stack->oid_timer);
	else
		lwf_timer_set(&stack->oid_timer, at > now ? at - now : 0);
}

static void take_out(struct lwf_stack *stack, struct lwf_module *from,
		     struct lwf_oid_request *request)
{
	struct lwf_oid_request **at = &stack->oids;

	request->status = LWF_STATUS_PENDING;
	request->bytes_done = request->bytes_needed = 0;
	request->from = from;
	request->next = request->later = request->clones = NULL;
	request->since_ns = lwf_host_now_ns(stack->engine->host);
	if (!request->request_id) /* by which its holders can be told that its time is over */
		request->request_id = OWN_ID | ++stack->last_oid_id;
	request->given = request->cancelled = request->reported = false;
	while (*at)
		at = &(*at)->later;
	*at = request;
	if (from)
		from->oids_out++;
}

/** A clone that outlives the buffer of its parent gets one of its own; so do its clones. */
static void give_buffer(struct lwf_oid_request *request)
{
	struct clone *clone = (struct clone *)(void *)request;

	if (request->buffer_bytes > sizeof(clone->value))
		request->buffer_bytes = sizeof(clone->value);
	if (request->buffer_bytes)
		memcpy(clone->value, request->buffer, request->buffer_bytes);
	request->buffer = clone->value;
	for (struct lwf_oid_request *next = request->clones; next; next = next->next_clone)
		give_buffer(next);
}

/** T07: the clones of a request are freed before it is complete. */
static void judge_clones(struct lwf_stack *stack, struct lwf_oid_request *request)
{
	if (!request->clones)
		return;
	lwf_rule_broken(stack, request->hop->module, LWF_RULE_T07,
			"completed before its clone was freed");
	while (request->clones) {
		struct lwf_oid_request *clone = request->clones;

		request->clones = clone->next_clone;
		clone->parent = NULL;
		give_buffer(clone);
	}
}

/** The request is nobody's but its asker's from now on. */
static void bring_home(struct lwf_stack *stack, struct lwf_oid_request *request, lwf_status status)
{
	struct lwf_oid_hop *hop = request->hop;

	request->status = status;
	if (request->bytes_done > request->buffer_bytes) /* whoever answered may say anything */
		request->bytes_done = request->buffer_bytes;
	judge_clones(stack, request);
	tell(stack, request, hop, request->from, "answered");
	for (struct lwf_oid_request **at = &stack->oids; *at; at = &(*at)->later) {
		if (*at == request) {
			*at = request->later;
			break;
		}
	}
	if (hop->current == request)
		hop->current = NULL;
	request->hop = NULL;
	if (request->from)
		request->from->oids_out--;
	set_timer(stack);
}

/** The answer to a request that was PENDING. */
static void deliver(struct lwf_stack *stack, struct lwf_oid_request *request, lwf_status status)
{
	struct lwf_module *from = request->from;

	bring_home(stack, request, status);
	if (from)
		from->ops->oid_complete(from, request, status);
	else if (request->completed)
		request->completed(request);
}

static void complete(struct lwf_stack *stack, struct lwf_oid_request *request, lwf_status status)
{
	struct lwf_oid_hop *hop = request->hop;

	lwf_stack_enter(stack);
	deliver(stack, request, status);
	pump(stack, hop);
	lwf_stack_exit(stack);
	lwf_stack_came_home(stack);
}

/* ---- giving ---- */

/** P11: a module may not refuse a request because of its state. */
static void judge_answer(struct lwf_module *module, lwf_status status)
{
	if (module->oid_closed || module->state < LWF_STATE_PAUSED)
		return;
	if (status == LWF_STATUS_PAUSED || status == LWF_STATUS_INVALID_STATE ||
	    status == LWF_STATUS_CLOSING)
		lwf_rule_broken(module->stack, module, LWF_RULE_P11, lwf_status_name(status));
	if (status == LWF_STATUS_SEND_ABORTED)
		lwf_rule_broken(
			module->stack, module, LWF_RULE_P11,
			"SEND_ABORTED is a frame's; a cancelled OID is REQUEST_ABORTED (C6)");
}

lwf_status lwf_oid_give(struct lwf_stack *stack, struct lwf_oid_hop *hop,
			struct lwf_oid_request *request)
{
	struct lwf_edge *lower = stack->lower;
	struct lwf_module *module = hop->module;
	lwf_status status = LWF_STATUS_NOT_SUPPORTED;

	if (hop->current)
		lwf_rule_broken(stack, module, LWF_RULE_T07, "was given a second request");
	hop->current = request;
	hop->giving = true;
	request->given = true;
	tell(stack, request, hop, module, "given");
	lwf_stack_enter(stack);
	if (module)
		status = module->ops->oid(module, request);
	else if (lower->ops->oid)
		status = lower->ops->oid(lower, request);
	lwf_stack_exit(stack);
	hop->giving = false;
	if (status == LWF_STATUS_PENDING)
		return status;
	if (hop->current != request) {
		lwf_rule_broken(stack, module, LWF_RULE_P11, "completed and answered as well");
		return LWF_STATUS_PENDING;
	}
	if (module)
		judge_answer(module, status);
	return status;
}

/** Gives what waits, as long as the hop answers at once. */
static void pump(struct lwf_stack *stack, struct lwf_oid_hop *hop)
{
	while (hop->first && !hop->current && !hop->giving) {
		struct lwf_oid_request *request = hop->first;
		lwf_status status;

		hop->first = request->next;
		hop->waiting--;
		status = lwf_oid_give(stack, hop, request);
		if (status != LWF_STATUS_PENDING)
			deliver(stack, request, status);
	}
}

static void queue(struct lwf_oid_hop *hop, struct lwf_oid_request *request)
{
	struct lwf_oid_request **at = &hop->first;

	while (*at)
		at = &(*at)->next;
	*at = request;
	hop->waiting++;
}

/** The next below @from (NULL: the top) that answers OIDs. */
static struct lwf_oid_hop *hop_below(struct lwf_stack *stack, const struct lwf_module *from)
{
	bool below = !from;

	for (uint32_t i = 0; i < stack->module_count; i++) {
		struct lwf_module *module = stack->modules[i];

		if (below && module->ops->oid && module->state >= LWF_STATE_PAUSED &&
		    !module->oid_closed) {
			module->oid_hop.module = module;
			return &module->oid_hop;
		}
		below = below || module == from;
	}
	return &stack->lower_oids;
}

static lwf_status ask(struct lwf_stack *stack, struct lwf_oid_hop *hop, struct lwf_module *from,
		      struct lwf_oid_request *request)
{
	bool busy = hop->current || hop->first || hop->giving;
	lwf_status status = LWF_STATUS_PENDING;

	if (busy && hop->waiting == LWF_OID_QUEUE_MAX)
		return request->status = LWF_STATUS_RESOURCES;
	lwf_stack_enter(stack);
	take_out(stack, from, request);
	request->hop = hop;
	request->number = ++stack->engine->trace.oids;
	tell(stack, request, hop, from, "asked");
	if (busy)
		queue(hop, request);
	else
		status = lwf_oid_give(stack, hop, request);
	if (status == LWF_STATUS_PENDING)
		set_timer(stack);
	else
		bring_home(stack, request, status);
	pump(stack, hop);
	lwf_stack_exit(stack);
	lwf_stack_came_home(stack);
	return status;
}

/* ---- modules ---- */

/**
 * C9 in its wide reading: a request inside detach. The module's memory goes when its function
 * returns, so the stack asks with a copy. What pends is carried out, but its answer is nobody's.
 */
static lwf_status ask_from_detach(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct lwf_stack *stack = module->stack;
	struct lwf_oid_request *copy = &stack->late_oid;
	lwf_status status;

	if (copy->hop || request->buffer_bytes > sizeof(stack->late_value))
		return LWF_STATUS_RESOURCES;
	memset(copy, 0, sizeof(*copy));
	copy->kind = request->kind;
	copy->oid = request->oid;
	copy->buffer = stack->late_value;
	copy->buffer_bytes = request->buffer_bytes;
	memcpy(stack->late_value, request->buffer, request->buffer_bytes);
	status = ask(stack, hop_below(stack, module), NULL, copy);
	if (status == LWF_STATUS_SUCCESS && request->kind == LWF_OID_QUERY)
		memcpy(request->buffer, stack->late_value, copy->bytes_done);
	lwf_oid_take_result(request, copy);
	return status;
}

/** T07, C6: a request that the engine knows already is asked once more. */
static lwf_status asked_again(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct lwf_engine *engine = module->stack->engine;
	bool cancelled = request->cancelled && module->oid_hop.current == request;

	if (cancelled && lwf_conflict_lenient(engine, LWF_CONFLICT_C6)) {
		lwf_oid_complete(module, request, LWF_STATUS_REQUEST_ABORTED);
		return LWF_STATUS_PENDING;
	}
	lwf_rule_broken(module->stack, module, LWF_RULE_T07,
			cancelled ? "a cancelled request is completed, not handed on (C6)"
				  : "a request was handed on without a clone, or twice");
	return LWF_STATUS_INVALID_PARAMETER;
}

/**
 * A clone of what the module was given: it does not speak for itself. So it may also hand on what
 * waited before it when it was told of its detach; that waits for the answer.
 */
static bool is_handed_on(const struct lwf_module *module, const struct lwf_oid_request *request)
{
	return request->parent && request->parent == module->oid_hop.current &&
	       module->state >= LWF_STATE_PAUSED;
}

lwf_status lwf_next_oid(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct lwf_stack *stack = module->stack;

	if (request->hop)
		return asked_again(module, request);
	if (!is_handed_on(module, request) && !lwf_may_speak(module, LWF_SPEECH_OID))
		return request->status = LWF_STATUS_INVALID_STATE;
	if (module->state == LWF_STATE_DETACHED || module->detaching)
		return request->status = ask_from_detach(module, request);
	return ask(stack, hop_below(stack, module), module, request);
}

void lwf_oid_complete(struct lwf_module *module, struct lwf_oid_request *request, lwf_status status)
{
	struct lwf_stack *stack = module->stack;

	if (module->oid_hop.current != request) {
		lwf_rule_broken(stack, module, LWF_RULE_P11, "completed an OID that it has not");
		return;
	}
	if (status == LWF_STATUS_PENDING) {
		lwf_rule_broken(stack, module, LWF_RULE_P11, "completed an OID as PENDING");
		status = LWF_STATUS_FAILURE;
	}
	judge_answer(module, status);
	complete(stack, request, status);
}

struct lwf_oid_request *lwf_oid_clone(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct clone *made = lwf_host_alloc(lwf_module_host(module), sizeof(*made));
	struct lwf_oid_request *clone;

	if (!made)
		return NULL;
	clone = &made->request;
	clone->kind = request->kind;
	clone->oid = request->oid;
	clone->buffer = request->buffer;
	clone->buffer_bytes = request->buffer_bytes;
	clone->request_id = request->request_id;
	clone->parent = request;
	clone->next_clone = request->clones;
	request->clones = clone;
	return clone;
}

void lwf_oid_free_clone(struct lwf_module *module, struct lwf_oid_request *clone)
{
	if (clone->hop) {
		lwf_rule_broken(module->stack, module, LWF_RULE_T07,
				"a clone was freed before it was complete");
		return;
	}
	for (struct lwf_oid_request **at = clone->parent ? &clone->parent->clones : NULL; at && *at;
	     at = &(*at)->next_clone) {
		if (*at == clone) {
			*at = clone->next_clone;
			break;
		}
	}
	lwf_host_free(lwf_module_host(module), clone);
}

void lwf_oid_take_result(struct lwf_oid_request *request, const struct lwf_oid_request *clone)
{
	request->bytes_done = clone->bytes_done;
	request->bytes_needed = clone->bytes_needed;
}

/* ---- the two ends ---- */

lwf_status lwf_stack_oid(struct lwf_stack *stack, struct lwf_oid_request *request)
{
	if (request->hop) /* it is out: its answer, and its place in a queue, stay as they are */
		return LWF_STATUS_INVALID_STATE;
	if (stack->holds & 1u << LWF_HOLD_REMOVED)
		return request->status = LWF_STATUS_ADAPTER_REMOVED;
	if (!stack->attached || lwf_stack_goal(stack) == LWF_STATE_DETACHED)
		return request->status = LWF_STATUS_ADAPTER_NOT_READY;
	for (uint32_t i = 0; i < stack->module_count; i++) {
		const struct lwf_module *module = stack->modules[i];

		if (!module->left_out && (module->state < LWF_STATE_PAUSED || module->pre_detached))
			return request->status = LWF_STATUS_ADAPTER_NOT_READY;
	}
	return ask(stack, hop_below(stack, NULL), NULL, request);
}

void lwf_edge_oid_completed(struct lwf_edge *edge, struct lwf_oid_request *request,
			    lwf_status status)
{
	complete(edge->stack, request, status);
}

/* ---- cancelling ---- */

static void cancel(struct lwf_stack *stack, struct lwf_oid_request *request);

static void cancel_clones(struct lwf_stack *stack, const struct lwf_oid_request *parent)
{
	struct lwf_oid_request *request = stack->oids;

	while (request) {
		if (request->parent == parent && !request->cancelled) {
			cancel(stack, request);
			return; /* with its answer the rest is the module's business */
		}
		request = request->later;
	}
}

static void cancel_by_id(struct lwf_stack *stack, const struct lwf_module *from, uint64_t id)
{
	struct lwf_oid_request *request = stack->oids;

	while (request && (request->from != from || request->request_id != id))
		request = request->later;
	if (id && request)
		cancel(stack, request);
}

/** As far down as it can go: out of a queue, by its holder, or by who has a clone of it. */
static void cancel(struct lwf_stack *stack, struct lwf_oid_request *request)
{
	struct lwf_oid_hop *hop = request->hop;
	struct lwf_module *module = hop->module;
	struct lwf_edge *lower = stack->lower;

	request->cancelled = true;
	lwf_stack_enter(stack);
	if (!request->given) {
		struct lwf_oid_request **at = &hop->first;

		while (*at != request)
			at = &(*at)->next;
		*at = request->next;
		hop->waiting--;
		complete(stack, request, LWF_STATUS_REQUEST_ABORTED);
	} else if (module && module->ops->cancel_oid) {
		module->ops->cancel_oid(module, request->request_id);
	} else if (module) {
		cancel_clones(stack, request);
	} else if (lower->ops->cancel_oid) {
		lower->ops->cancel_oid(lower, request);
	}
	lwf_stack_exit(stack);
}

void lwf_next_cancel_oid(struct lwf_module *module, uint64_t request_id)
{
	cancel_by_id(module->stack, module, request_id);
}

void lwf_stack_cancel_oid(struct lwf_stack *stack, uint64_t request_id)
{
	cancel_by_id(stack, NULL, request_id);
}

/* ---- watching ---- */

static size_t say_one(const struct lwf_stack *stack, const struct lwf_oid_request *request,
		      char *text, size_t bytes)
{
	uint64_t age = lwf_host_now_ns(stack->engine->host) - request->since_ns;
	int n = snprintf(text, bytes, "%s of %s %s %s, %" PRIu64 " ms", lwf_oid_name(request->oid),
			 request->from ? request->from->name : stack->name,
			 request->given ? "at" : "waits before", hop_name(stack, request->hop),
			 age / 1000000);

	return (size_t)n < bytes ? (size_t)n : bytes - 1;
}

size_t lwf_oid_say(const struct lwf_stack *stack, char *text, size_t bytes)
{
	return stack->oids ? say_one(stack, stack->oids, text, bytes) : 0;
}

static void report(struct lwf_stack *stack, struct lwf_oid_request *request)
{
	char text[LWF_TRACE_TEXT_BYTES];

	request->reported = true;
	say_one(stack, request, text, sizeof(text));
	lwf_trace_text(stack, request->hop->module, LWF_TRACE_WATCHDOG, "oid", "%s", text);
	lwf_log(stack->engine->host, LWF_LOG_WARNING, "%s: an OID takes long: %s", stack->name,
		text);
}

void lwf_oid_timer(void *context)
{
	struct lwf_stack *stack = context;
	uint64_t now = lwf_host_now_ns(stack->engine->host);
	struct lwf_oid_request *request = stack->oids;

	while (request) {
		if (!request->reported && now - request->since_ns >= LWF_OID_LIMIT_NS)
			report(stack, request);
		if (!request->timeout_ns || request->cancelled ||
		    now - request->since_ns < request->timeout_ns) {
			request = request->later;
			continue;
		}
		cancel(stack, request);
		request = stack->oids; /* it, and others, may be gone */
	}
	set_timer(stack);
}

/* ---- before a detach ---- */

bool lwf_pre_detach(struct lwf_module *module)
{
	struct lwf_stack *stack = module->stack;

	if (!module->pre_detached) {
		module->pre_detached = true;
		lwf_trace_text(stack, module, LWF_TRACE_MODULE, "pre-detach", "%s", "");
		lwf_stack_enter(stack);
		if (module->ops->net_pnp)
			module->ops->net_pnp(module, LWF_NET_PNP_PRE_DETACH);
		lwf_stack_exit(stack);
		module->oid_closed = true;
	}
	return !module->oids_out && !module->oid_hop.current && !module->oid_hop.first &&
	       lwf_module_quiet(module);
}

bool lwf_pre_detach_begun(const struct lwf_stack *stack)
{
	for (uint32_t i = 0; i < stack->module_count; i++)
		if (stack->modules[i]->pre_detached)
			return true;
	return false;
}
