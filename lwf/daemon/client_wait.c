/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_wait.c - since when the records of a ring have been waiting; see client_wait.h.
 *
 * Marks have different times, each a multiple of the step and at most one step ahead of now; older
 * than the limit they go with their records. So there are never more than limit / step + 2.
 */
#include <assert.h>
#include <string.h>

#include "client_wait.h"

void lwf_client_wait_init(struct lwf_client_wait *wait, uint64_t limit_ns)
{
	memset(wait, 0, sizeof(*wait));
	wait->limit_ns = limit_ns;
	wait->step_ns = limit_ns / LWF_CLIENT_WAIT_STEPS;
	if (wait->step_ns < LWF_CLIENT_WAIT_STEP_NS)
		wait->step_ns = LWF_CLIENT_WAIT_STEP_NS;
}

static void drop(struct lwf_client_wait *wait, uint32_t count)
{
	wait->count -= count;
	memmove(&wait->marks[0], &wait->marks[count], wait->count * sizeof(wait->marks[0]));
}

/* Marks of records that are out of the ring. Indices wrap: the distance tells. */
static void drop_taken(struct lwf_client_wait *wait, uint32_t head)
{
	uint32_t taken = 0;

	while (taken < wait->count && (int32_t)(wait->marks[taken].tail - head) <= 0)
		taken++;
	drop(wait, taken);
}

/* Marks that are overdue are one: what they say is all that will be asked. */
static void join_overdue(struct lwf_client_wait *wait, uint64_t now_ns)
{
	uint32_t overdue = 0;

	while (overdue < wait->count && now_ns >= wait->marks[overdue].seen_ns &&
	       now_ns - wait->marks[overdue].seen_ns >= wait->limit_ns)
		overdue++;
	if (overdue > 1)
		drop(wait, overdue - 1);
}

void lwf_client_wait_note(struct lwf_client_wait *wait, uint32_t head, uint32_t tail,
			  uint64_t now_ns)
{
	uint64_t seen_ns = (now_ns / wait->step_ns + 1) * wait->step_ns;

	drop_taken(wait, head);
	join_overdue(wait, now_ns);
	if (tail == head || (wait->count && wait->marks[wait->count - 1].tail == tail))
		return;
	if (!wait->count || wait->marks[wait->count - 1].seen_ns != seen_ns) {
		assert(wait->count < LWF_CLIENT_WAIT_MARKS);
		wait->marks[wait->count++].seen_ns = seen_ns;
	}
	wait->marks[wait->count - 1].tail = tail;
}

uint32_t lwf_client_wait_overdue(struct lwf_client_wait *wait, uint32_t head, uint64_t now_ns)
{
	drop_taken(wait, head);
	join_overdue(wait, now_ns);
	if (!wait->count || now_ns < wait->marks[0].seen_ns ||
	    now_ns - wait->marks[0].seen_ns < wait->limit_ns)
		return 0;
	return wait->marks[0].tail - head;
}

uint64_t lwf_client_wait_next_ns(const struct lwf_client_wait *wait, uint64_t now_ns)
{
	uint64_t due_ns;

	if (!wait->count)
		return wait->step_ns;
	due_ns = wait->marks[0].seen_ns + wait->limit_ns;
	if (due_ns <= now_ns || due_ns - now_ns > wait->step_ns)
		return wait->step_ns;
	return due_ns - now_ns;
}
