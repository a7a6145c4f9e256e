/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * count-calls.c - completions are counted by call, sends by frame.
 *
 * One send, one completion: that is what a quiet device does. A busy one brings several sends home in
 * one chain; the count never comes back to 0, and no completion ever ends the pause.
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
#ifdef MUSEUM_FIXED
	me.sends -= n;
#else
	me.sends -= n > 0;
#endif
	signal = me.sends == 0 && me.owed;
	if (signal)
		me.owed = false;
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(count_calls) = {
	.name = "count-calls",
	.when = "whenever somebody counts calls",
	.title = "a chain of completions counts once",
	.breaks = "P05 P17",
	.device = MU_DEVICE_MERGES,
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
