/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * update-q1.c - the first question of the update: why not set the flag when SUCCESS is answered?
 *
 * Attach leaves the gate shut and restart opens it, so this is the posted answer with its other holes
 * mended. But a pause that finds nothing in flight leaves the gate open.
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
	lwf_status status = LWF_STATUS_SUCCESS;

	(void)module;
	mu_lock(&me.lock);
	if (me.sends > 0)
		status = LWF_STATUS_PENDING;
#ifdef MUSEUM_FIXED
	me.closed = true;
	me.owed = me.sends > 0;
#else
	if (me.sends > 0)
		me.closed = me.owed = true;
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
	signal = me.sends == 0 && me.owed;
	if (signal)
		me.owed = false;
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(update_q1) = {
	.name = "update-q1",
	.when = "2016-02, update 2, question 1",
	.title = "after an immediate SUCCESS the gate stays open",
	.breaks = "F01",
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
