/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * in_force.c - faults that last: which of several is to be seen, and what comes back after them.
 *
 * Faults that change the same of the same object (its MTU, whether it is up, what becomes of its sends) lie
 * upon each other in the order in which they came: the newest is to be seen. When that ends, the one below it
 * is done again; when the last ends, the object is as it was before the first. One that came later and lasts
 * as long takes the place of those below it, so that a list never grows without need. What takes a fault back
 * by name (`link up`, `send ok`) ends all of its kind.
 */
#include <stdio.h>
#include <string.h>

#include "interp_private.h"

#define FOR_EVER UINT64_MAX

/* What only ends faults, and is the state without any. */
static bool is_normal(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_LINK_UP:
	case STRESS_FAULT_CARRIER_ON:
	case STRESS_FAULT_FORCE_ON:
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_RETURN:
	case STRESS_FAULT_SEND_OK:
	case STRESS_FAULT_FRESH:
	case STRESS_FAULT_CLIENT_START:
	case STRESS_FAULT_CLIENT_CONTINUE:
	case STRESS_FAULT_CLIENT_CALM:
	case STRESS_FAULT_CLIENT_HEARS:
	case STRESS_FAULT_DAEMON_START:
	case STRESS_FAULT_DAEMON_CONTINUE:
	case STRESS_FAULT_MEMORY_OK:
	case STRESS_FAULT_DESCRIPTORS_OK:
		return true;
	default:
		return false;
	}
}

/* While one of these lasts, frames that are out need not come home. */
static bool keeps_frames(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
	case STRESS_FAULT_CLIENT_STOP:
	case STRESS_FAULT_CLIENT_DEAF:
	case STRESS_FAULT_CLIENT_FLOOD:
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_MEMORY:
	case STRESS_FAULT_MEMORY_OUT:
	case STRESS_FAULT_STALE:
		return true;
	default:
		return false;
	}
}

static bool is_alike(const struct stress_fault_call *one, const struct stress_fault_call *other)
{
	enum stress_fault undo = stress_fault_row(one->fault)->undo;
	enum stress_fault other_undo = stress_fault_row(other->fault)->undo;

	return one->object.kind == other->object.kind && one->object.index == other->object.index &&
	       (one->fault == other->fault || undo == other->fault || other_undo == one->fault ||
		(undo == other_undo && undo != STRESS_FAULT_NONE));
}

/* A device that is made is up and has a carrier, whatever the last one had. */
static bool ends_with_device(const struct stress_fault_call *created,
			     const struct stress_fault_call *other)
{
	return created->fault == STRESS_FAULT_CREATE &&
	       created->object.kind == other->object.kind &&
	       created->object.index == other->object.index &&
	       (other->fault == STRESS_FAULT_LINK_DOWN || other->fault == STRESS_FAULT_CARRIER_OFF);
}

static void take_out(struct stress_interp *interp, uint32_t index)
{
	struct stress_in_force *entry = &interp->in_force[index];

	interp->in_force_count--;
	memmove(entry, entry + 1, (interp->in_force_count - index) * sizeof(*entry));
}

/* Those that @call makes an end of, or hides for as long as they last. */
static void forget_hidden(struct stress_interp *interp, const struct stress_fault_call *call,
			  uint64_t until_ns)
{
	for (uint32_t i = interp->in_force_count; i-- > 0;) {
		const struct stress_in_force *entry = &interp->in_force[i];

		if ((is_alike(&entry->call, call) && entry->until_ns <= until_ns) ||
		    ends_with_device(call, &entry->call))
			take_out(interp, i);
	}
}

static bool too_many(struct stress_interp *interp, const struct stress_statement *statement)
{
	interp->error->exit = LWF_EXIT_USAGE;
	snprintf(interp->error->what, sizeof(interp->error->what), "%.120s", statement->text);
	snprintf(interp->error->why, sizeof(interp->error->why),
		 "%u faults that last are the most at once", STRESS_IN_FORCE_MAX);
	stress_give_up(interp, statement);
	return false;
}

bool stress_force_begin(struct stress_interp *interp, const struct stress_statement *statement,
			const struct stress_fault_call *call, const uint64_t *for_ns)
{
	uint64_t until_ns = FOR_EVER;

	if (interp->world->ops->fault(interp->world, call, interp->error)) {
		stress_give_up(interp, statement);
		return false;
	}
	if (for_ns)
		until_ns = interp->world->ops->now_ns(interp->world) + *for_ns;
	forget_hidden(interp, call, until_ns);
	if (stress_fault_row(call->fault)->undo == STRESS_FAULT_NONE ||
	    (!for_ns && is_normal(call->fault)))
		return true;
	if (interp->in_force_count == STRESS_IN_FORCE_MAX)
		return too_many(interp, statement);
	interp->in_force[interp->in_force_count++] =
		(struct stress_in_force){*call, statement, until_ns};
	return true;
}

uint32_t stress_force_first(const struct stress_interp *interp)
{
	uint32_t first = interp->in_force_count;
	uint64_t until_ns = FOR_EVER;

	for (uint32_t i = 0; i < interp->in_force_count; i++) {
		if (interp->in_force[i].until_ns >= until_ns)
			continue;
		first = i;
		until_ns = interp->in_force[i].until_ns;
	}
	return first;
}

bool stress_force_end(struct stress_interp *interp, uint32_t index)
{
	struct stress_in_force ended = interp->in_force[index];
	const struct stress_in_force *below = NULL;
	int err;

	take_out(interp, index);
	for (uint32_t i = 0; i < interp->in_force_count; i++) {
		if (!is_alike(&interp->in_force[i].call, &ended.call))
			continue;
		if (i >= index)
			return true; /* it was not to be seen */
		below = &interp->in_force[i];
	}
	err = below ? interp->world->ops->fault(interp->world, &below->call, interp->error)
		    : interp->world->ops->undo(interp->world, &ended.call, interp->error);
	if (err)
		stress_give_up(interp, ended.statement);
	return !err;
}

uint32_t stress_force_last(const struct stress_interp *interp)
{
	for (uint32_t i = interp->in_force_count; i-- > 0;)
		if (interp->in_force[i].until_ns != FOR_EVER ||
		    keeps_frames(interp->in_force[i].call.fault))
			return i;
	return interp->in_force_count;
}
