/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c - pause looks at the count every millisecond, for as long as it takes.
 *
 * No lost wake-up, no second completion: nothing is signalled. But the thread that pauses the adapter
 * is the one that removes it, too. A frame that only a reset brings home keeps pause waiting, and
 * pause keeps the reset from being served.
 *
 * The mended one answers PENDING, so that the thread is free, and the last completion signals.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed; /* nothing new is let in */
	bool owed;   /* the last completion ends the pause; not used while that polls */
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

#ifdef MUSEUM_FIXED
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

static bool drained(void)
{
	bool signal = me.sends == 0 && me.owed;

	if (signal)
		me.owed = false;
	return signal;
}
#else
static lwf_status pause(void *module)
{
	(void)module;
	mu_lock(&me.lock);
	me.closed = true;
	while (me.sends > 0) {
		mu_unlock(&me.lock);
		mu_sleep_ms(1);
		mu_lock(&me.lock);
	}
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
}

static bool drained(void)
{
	return false; /* pause finds out by itself */
}
#endif

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
	signal = drained();
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(poll) = {
	.name = "poll",
	.when = "2018 to 2020 and later",
	.title = "pause polls the count, without bound, on the control thread",
	.breaks = "P17",
	.device = MU_DEVICE_STICKS,
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
