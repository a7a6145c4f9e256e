/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_order.c - what a run orders of a real stack, and its end: no hold of the user and no module that
 * was not there before.
 *
 * Modules of the run are known by their names, which are marked for the guardian when the daemon has
 * told them. Between the order and that moment the filter's name has to do. What was there before the
 * run is left alone: a module that is gone, or that has other options, could not be made as it was.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <lwf/control.h>
#include <lwf/stack.h>

#include "fault.h"
#include "runner.h"

#define LOOK_MS 10

/* The holds of a user, each with what sets and what lifts it. */
static const struct {
	enum lwf_hold hold;
	enum lwf_wire_type set, lift;
} pairs[] = {
	{LWF_HOLD_USER_PAUSE, LWF_WIRE_PAUSE, LWF_WIRE_RESTART},
	{LWF_HOLD_USER_DETACH, LWF_WIRE_DETACH, LWF_WIRE_ATTACH},
};

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static bool is_held(const json_t *stack, enum lwf_hold hold)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(stack, "holds"), i, name)
	{
		if (strcmp(json_string_value(name), lwf_hold_name(hold)) == 0)
			return true;
	}
	return false;
}

void fault_order_learn(struct fault_target *target, const json_t *stack)
{
	const json_t *module;
	size_t i;

	target->was_held = 0;
	for (unsigned hold = 0; hold < LWF_HOLDS; hold++)
		target->was_held |= is_held(stack, (enum lwf_hold)hold) ? 1u << hold : 0;
	target->modules = 0;
	json_array_foreach(json_object_get(stack, "modules"), i, module)
	{
		if (target->modules < FAULT_MODULES_MAX)
			snprintf(target->module[target->modules++], STRESS_NAME_BYTES, "%s",
				 text(module, "name"));
	}
}

/* ---- whose a module is ---- */

static bool was_there(const struct fault_target *target, const char *module)
{
	for (uint32_t i = 0; i < target->modules; i++)
		if (strcmp(target->module[i], module) == 0)
			return true;
	return false;
}

static struct fault_inserted *named(const struct fault_target *target, const char *module)
{
	for (unsigned i = 0; i < FAULT_MODULES_MAX; i++) {
		struct fault_inserted *entry = &target->marks->inserted[i];

		if (entry->filter[0] && strcmp(entry->module, module) == 0)
			return entry;
	}
	return NULL;
}

/* The entry of a filter whose module has no name yet, and could be this one. */
static struct fault_inserted *unnamed(const struct fault_target *target, const json_t *module)
{
	if (was_there(target, text(module, "name")) || named(target, text(module, "name")))
		return NULL;
	for (unsigned i = 0; i < FAULT_MODULES_MAX; i++) {
		struct fault_inserted *entry = &target->marks->inserted[i];

		if (!entry->module[0] && entry->filter[0] &&
		    strcmp(entry->filter, text(module, "filter")) == 0)
			return entry;
	}
	return NULL;
}

/* ---- what may be ordered ---- */

static int refuse(struct lwf_error *error, const char *what, const char *next, const char *why)
{
	lwf_error_set(error, LWF_EXIT_REFUSED, what, next, "%s", why);
	return LWF_EXIT_REFUSED;
}

int fault_order_check(const struct fault_target *target, enum stress_order order,
		      const char *module, struct lwf_error *error)
{
	bool lifts = order == STRESS_ORDER_RESTART || order == STRESS_ORDER_ATTACH;
	bool fails = target->was_held & (1u << LWF_HOLD_FAULT_PAUSE | 1u << LWF_HOLD_FAULT_DETACH);

	if (lifts && fails)
		return refuse(error, target->stack, "see lwfctl show, and mend that before",
			      "a module of it has failed, and that hold could not be set again");
	if ((order == STRESS_ORDER_REMOVE || order == STRESS_ORDER_SET) &&
	    was_there(target, module))
		return refuse(error, module, "insert one for the run with: filter LINK insert",
			      "it was there before the run, and could not be made as it was");
	return LWF_EXIT_OK;
}

bool fault_order_cuts(enum stress_order order)
{
	return order == STRESS_ORDER_PAUSE || order == STRESS_ORDER_DETACH ||
	       order == STRESS_ORDER_INSERT || order == STRESS_ORDER_SET;
}

/* ---- doing ---- */

int fault_order_begin(struct fault_target *target, enum stress_order order, const char *module,
		      const char *spec, struct lwf_error *error)
{
	int code = fault_order_check(target, order, module, error);

	if (code)
		return code;
	if (order <= STRESS_ORDER_DETACH)
		fault_mark(target, FAULT_LOWER, FAULT_HELD);
	if ((order == STRESS_ORDER_REMOVE || order == STRESS_ORDER_SET) && !named(target, module))
		return refuse(error, module, "insert one for the run with: filter LINK insert",
			      "it is no module that this run has inserted");
	if (order != STRESS_ORDER_INSERT)
		return LWF_EXIT_OK;
	for (unsigned i = 0; i < FAULT_MODULES_MAX; i++) {
		struct fault_inserted *entry = &target->marks->inserted[i];

		if (entry->filter[0])
			continue;
		entry->module[0] = '\0';
		snprintf(entry->filter, sizeof(entry->filter), "%.*s",
			 (int)(strcspn(spec, ":") % sizeof(entry->filter)), spec);
		fault_mark(target, FAULT_LOWER, FAULT_MODULES);
		return LWF_EXIT_OK;
	}
	return refuse(error, spec, "take one out before",
		      "the run has as many modules in as it may");
}

void fault_order_end(struct fault_target *target, enum stress_order order, const char *module,
		     const json_t *stack)
{
	struct fault_inserted *entry;
	const json_t *is;
	size_t i;

	if (order == STRESS_ORDER_INSERT) {
		json_array_foreach(json_object_get(stack, "modules"), i, is)
		{
			entry = unnamed(target, is);
			if (entry)
				snprintf(entry->module, sizeof(entry->module), "%s",
					 text(is, "name"));
		}
	}
	if (order == STRESS_ORDER_REMOVE && (entry = named(target, module)))
		entry->filter[0] = '\0';
}

void fault_order_forget(struct fault_target *target)
{
	memset(target->marks->inserted, 0, sizeof(target->marks->inserted));
	atomic_fetch_and(&target->marks->changed[FAULT_LOWER],
			 ~(uint32_t)(FAULT_HELD | FAULT_MODULES));
}

/* ---- as it was ---- */

static void post(const struct fault_target *target, struct lwf_connection *connection,
		 enum lwf_wire_type type, const char *module)
{
	json_t *body = json_pack("{s:s}", "stack", target->stack);

	if (body && module)
		json_object_set_new(body, "module", json_string(module));
	(void)lwf_connection_post(connection, type, body);
}

/* Orders what is missing. Whether nothing is. */
static bool step(const struct fault_target *target, struct lwf_connection *connection,
		 const json_t *stack, uint32_t aspects)
{
	bool done = true;
	const json_t *module;
	size_t i;

	for (i = 0; aspects & FAULT_HELD && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool was = target->was_held & 1u << pairs[i].hold;

		if (is_held(stack, pairs[i].hold) == was)
			continue;
		post(target, connection, was ? pairs[i].set : pairs[i].lift, NULL);
		done = false;
	}
	if (!(aspects & FAULT_MODULES))
		return done;
	json_array_foreach(json_object_get(stack, "modules"), i, module)
	{
		if (!named(target, text(module, "name")) && !unnamed(target, module))
			continue;
		post(target, connection, LWF_WIRE_FILTER_REMOVE, text(module, "name"));
		done = false;
	}
	/* one that was inserted a moment ago is not in the list before the stack has stood still */
	return done && !is_held(stack, LWF_HOLD_MODIFY);
}

int fault_mend_orders(struct fault_target *target, uint32_t aspects)
{
	uint64_t until = stress_clock_ns() + FAULT_WAIT_NS;
	struct lwf_connection *connection;
	struct lwf_error error;
	bool done = false;
	json_t *shown;
	int err = lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, &error);

	for (; !err && !done; poll(NULL, 0, done ? 0 : LOOK_MS)) {
		err = lwf_connection_request(connection, LWF_WIRE_SHOW,
					     json_pack("{s:s}", "stack", target->stack),
					     LWF_WIRE_TIMEOUT_NS, &shown, NULL, &error);
		if (err)
			break;
		done = step(target, connection, json_array_get(json_object_get(shown, "stacks"), 0),
			    aspects);
		json_decref(shown);
		if (!done && stress_clock_ns() >= until)
			err = -ETIMEDOUT;
	}
	lwf_connection_close(connection);
	if (!err && aspects & FAULT_MODULES)
		memset(target->marks->inserted, 0, sizeof(target->marks->inserted));
	return err;
}
