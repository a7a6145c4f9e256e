/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * carriercmd.c - `lwfctl link STACK carrier`: a carrier that is taken away, for a while or until it is given back.
 *
 * The daemon keeps the time, so that the carrier comes back whoever has ended meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "control.h"

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

enum lwf_outcome lwf_carrier_command(struct lwf_request *request)
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

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	stack = lwf_command_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	if (for_given && (carrier || for_ns > LWF_FOR_MAX_NS))
		return lwf_command_fail(request, LWF_EXIT_USAGE, "--for",
					"use carrier off --for 2s",
					"it goes with carrier off, and is at most a year");
	forget_carrier(server, name);
	if (for_given && !remember_carrier(server, name, for_ns))
		return lwf_command_fail(request, LWF_EXIT_REFUSED, name, "try again",
					"out of memory");
	lwf_stack_force_no_carrier(stack, !carrier);
	state = lwf_command_state(stack);
	if (state)
		json_object_set_new(state, "carrier_forced_off", json_boolean(!carrier));
	return lwf_command_reply(request, state);
}
