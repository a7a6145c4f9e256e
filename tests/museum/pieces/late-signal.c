/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late-signal.c - pause answers SUCCESS whatever is in flight, and the last completion completes it again.
 *
 * The gate is shut at once, and no send comes through any more. What was let in before is forgotten,
 * until its last completion finds the flag and calls NdisFPauseComplete for a pause that is over.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed; /* nothing new is let in */
	int64_t sends;
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

static void *attach(lwf_handle handle)
{
	me.handle = handle;
	me.closed = true; /* Paused: restart opens it */
	return &me;
}

static lwf_status restart(void *module)
{
	(void)module;
	mu_lock(&me.lock);
	me.closed = false;
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *module)
{
	lwf_status status;

	(void)module;
	mu_lock(&me.lock);
	me.closed = true;
#ifdef MUSEUM_FIXED
	status = me.sends > 0 ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
#else
	status = LWF_STATUS_SUCCESS;
#endif
	mu_unlock(&me.lock);
	return status;
}

static void detach(void *module)
{
	(void)module;
}

static void *open(void)
{
	return &me;
}

static void close(void *open)
{
	(void)open;
}

static lwf_status send(void *open, struct mu_frame *frame)
{
	bool closed;

	(void)open;
	mu_lock(&me.lock);
	closed = me.closed;
	if (!closed)
		me.sends++;
	mu_unlock(&me.lock);
	if (closed)
		return LWF_STATUS_PAUSED;
	mu_send(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	bool signal;

	(void)module;
	(void)frames;
	mu_lock(&me.lock);
	me.sends -= n;
	signal = me.sends == 0 && me.closed;
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(late_signal) = {
	.name = "late-signal",
	.when = "2016-10",
	.title = "always SUCCESS, and yet a completion",
	.breaks = "P03 S09",
	.device = MU_DEVICE_ANSWERS,
	.load = load,
	.attach = attach,
	.restart = restart,
	.pause = pause,
	.detach = detach,
	.open = open,
	.close = close,
	.send = send,
	.send_complete = send_complete,
};
