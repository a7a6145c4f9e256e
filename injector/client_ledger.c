/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_ledger.c - what a handle counts, and what the daemon has counted for it.
 *
 * The handle counts answers as they are taken, the daemon as it gives them; the columns are the same, so
 * that a program can hold one against the other.
 */
#include <errno.h>
#include <string.h>

#include "client_private.h"

_Static_assert(LWF_ANSWERS <= LWF_INJECT_ANSWERS, "inject.h: more columns");

void lwf_inject_account(struct lwf_inject *handle, struct lwf_inject_event *answer)
{
	enum lwf_answer column = lwf_status_answer(answer->status);

	if (handle->when_paused == LWF_WHEN_PAUSED_NPCAP)
		answer->win32 = lwf_inject_win32(answer->status, answer->refused);
	if (answer->refused) {
		handle->stats.refused[column]++;
		return;
	}
	handle->stats.completed[column]++;
	if (column == LWF_ANSWER_SUCCESS) {
		handle->stats.sent++;
		handle->stats.frames += answer->frames;
		handle->stats.bytes += answer->bytes;
	}
}

void lwf_inject_stats(const struct lwf_inject *handle, struct lwf_inject_stats *stats)
{
	*stats = handle->stats;
	stats->in_flight = lwf_inject_outstanding(handle);
}

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static void columns(const json_t *object, uint64_t *counts)
{
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		counts[i] = number(object, lwf_status_name(lwf_answer_status((enum lwf_answer)i)));
}

int lwf_inject_ledger(struct lwf_inject *handle, uint64_t timeout_ns,
		      struct lwf_inject_stats *stats)
{
	json_t *reply = NULL;
	int err;

	memset(stats, 0, sizeof(*stats));
	err = lwf_inject_ask(handle, LWF_WIRE_SESSION, NULL, timeout_ns, &reply, NULL);
	if (err)
		return err;
	if (!json_is_integer(json_object_get(reply, "submitted"))) {
		json_decref(reply);
		return -EBADMSG;
	}
	stats->submitted = number(reply, "submitted");
	stats->in_flight = number(reply, "outstanding");
	stats->sent = number(reply, "sent");
	stats->frames = number(reply, "frames");
	stats->bytes = number(reply, "bytes");
	columns(json_object_get(reply, "completed"), stats->completed);
	columns(json_object_get(reply, "refused"), stats->refused);
	json_decref(reply);
	return 0;
}
