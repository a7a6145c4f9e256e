/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owed-late.c - pause counts, and says only then that a completion is owed (races R3 and R4).
 *
 * Between the two the last frame may come home. It finds nothing owed and signals nothing, and pause
 * answers PENDING for a completion that has been and gone.
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
	bool pending;

	(void)module;
	mu_lock(&me.lock);
	me.closed = true;
	pending = me.sends > 0;
#ifdef MUSEUM_FIXED
	me.owed = pending;
	mu_unlock(&me.lock);
#else
	mu_unlock(&me.lock);
	if (pending) {
		mu_lock(&me.lock);
		me.owed = true;
		mu_unlock(&me.lock);
	}
#endif
	return pending ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
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
	signal = me.sends == 0 && me.owed;
	if (signal)
		me.owed = false;
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(owed_late) = {
	.name = "owed-late",
	.when = "races R3, R4",
	.title = "the completion is owed after the count was looked at",
	.breaks = "F03",
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
