/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - prints the table of lwf/core/lifecycle.c, for the model and for whoever wants to read it
 * elsewhere: the states and the events by number and name, then the rows.
 *
 *	state 0 Detached
 *	event 0 attach
 *	row Detached attach FilterAttach Attaching
 */
#include <stdio.h>

#include "lifecycle.h"

int main(void)
{
	enum lwf_state state, next;
	enum lwf_event event;
	const char *action;

	for (int s = 0; s < LWF_STATES; s++)
		printf("state %d %s\n", s, lwf_state_name((enum lwf_state)s));
	for (int e = 0; e < LWF_EVENTS; e++)
		printf("event %d %s\n", e, lwf_event_name((enum lwf_event)e));
	for (unsigned i = 0; lwf_lifecycle_row(i, &state, &event, &action, &next); i++)
		printf("row %s %s %s %s\n", lwf_state_name(state), lwf_event_name(event), action,
		       lwf_state_name(next));
	return 0;
}
