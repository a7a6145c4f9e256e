/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_client.c - a client that floods, one that never listens, a crowd; see fault_client.h.
 *
 * They are clients as any other, over liblwf-client: when this program ends, however, the daemon
 * sees them go.
 */
#include "fault_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <lwf/inject.h>

#define FRAME_BYTES 60u
#define BATCH	    64u
#define MOMENT_MS   1
#define ETHERTYPE   0x88b5 /* for local experiments */

static void take(const struct lwf_inject_event *events, int count, struct fault_tally *tally)
{
	for (int i = 0; i < count; i++) {
		if (events[i].kind != LWF_INJECT_ANSWER)
			continue;
		tally->answered++;
		tally->succeeded += events[i].status == LWF_STATUS_SUCCESS;
	}
}

static int pour(struct lwf_inject *handle, const uint8_t *bytes, struct fault_tally *tally)
{
	struct lwf_inject_frame frames[BATCH];
	int n;

	for (uint32_t i = 0; i < BATCH; i++)
		frames[i] = (struct lwf_inject_frame){.data = bytes, .len = FRAME_BYTES};
	do {
		n = lwf_inject_submit(handle, frames, BATCH, NULL);
		tally->submitted += n > 0 ? (uint64_t)n : 0;
	} while (n == (int)BATCH);
	return n == -EAGAIN ? 0 : n;
}

static int run(struct lwf_inject *handle, const uint8_t *bytes, bool deaf,
	       bool (*over)(void *context), void *context, struct fault_tally *tally)
{
	struct lwf_inject_event events[BATCH];
	int n = 0;

	while (n >= 0 && !over(context)) {
		n = pour(handle, bytes, tally);
		if (deaf && n >= 0)
			poll(NULL, 0, MOMENT_MS);
		if (deaf || n < 0)
			continue;
		while ((n = lwf_inject_poll(handle, events, BATCH)) > 0)
			take(events, n, tally);
		if (n == 0)
			(void)lwf_inject_wait(handle, MOMENT_MS * 1000000ull);
	}
	return n;
}

int fault_flood(const struct fault_target *target, bool deaf, bool (*over)(void *context),
		void *context, struct fault_tally *tally, struct lwf_error *error)
{
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	const uint8_t *mac = target->side[FAULT_LOWER].was.mac;
	uint8_t bytes[FRAME_BYTES] = {0};
	struct lwf_inject *handle;

	memcpy(bytes, mac, 6);
	memcpy(bytes + 6, mac, 6);
	bytes[12] = ETHERTYPE >> 8;
	bytes[13] = ETHERTYPE & 0xff;
	options.control = target->control;
	options.stack = target->stack;
	memset(tally, 0, sizeof(*tally));
	if (lwf_inject_open(&options, &handle, error))
		return (int)error->exit;
	if (run(handle, bytes, deaf, over, context, tally) < 0)
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, target->stack, NULL,
			      "its daemon went away");
	else
		error->exit = LWF_EXIT_OK;
	lwf_inject_close(handle);
	return (int)error->exit;
}

int fault_crowd(const struct fault_target *target, int64_t count, struct lwf_error *error)
{
	for (int64_t i = 0; i < count; i++) {
		struct lwf_connection *connection;

		if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, error))
			return (int)error->exit;
		lwf_connection_close(connection);
	}
	return LWF_EXIT_OK;
}
