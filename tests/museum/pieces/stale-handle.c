/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stale-handle.c - a sender reads the adapter's handle, and then goes through the gate.
 *
 * The gate is right, and outlives the module. But while the sender stands between the two lines the
 * adapter is paused, detached, attached again and restarted. The gate is open; the handle is that of
 * the module before.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed; /* nothing new is let in */
	bool owed;   /* the last completion ends the pause */
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
	me.owed = me.sends > 0;
	status = me.owed ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
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

static bool enter(void)
{
	bool closed;

	mu_lock(&me.lock);
	closed = me.closed;
	if (!closed)
		me.sends++;
	mu_unlock(&me.lock);
	return !closed;
}

static lwf_status send(void *open, struct mu_frame *frame)
{
	lwf_handle handle;

	(void)open;
#ifdef MUSEUM_FIXED
	if (!enter())
		return LWF_STATUS_PAUSED;
	handle = me.handle;
#else
	handle = me.handle;
	if (!enter())
		return LWF_STATUS_PAUSED;
#endif
	mu_send(handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	bool signal;

	(void)module;
	(void)frames;
	mu_lock(&me.lock);
	me.sends -= n;
	signal = me.sends == 0 && me.owed;
	if (signal)
		me.owed = false;
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(stale_handle) = {
	.name = "stale-handle",
	.when = "2016-02-26, its rarest form",
	.title = "the handle is read before the gate is passed",
	.breaks = "S15",
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
