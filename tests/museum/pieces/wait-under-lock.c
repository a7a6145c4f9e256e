/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait-under-lock.c - pause waits for an event while it holds the lock that the completions need.
 *
 * With nothing in flight pause does not wait, which is how a test bench pauses. With one frame in flight
 * the completion spins for the lock, and pause waits for the completion. On the real system the wait
 * itself is forbidden where it stands (bugcheck 0x7C, 0x14).
 *
 * The mended one lets the lock go before it waits. It still blocks the thread that it is called on:
 * see poll.c for what that costs.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed; /* nothing new is let in */
	struct mu_event drained;
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
	(void)module;
	mu_lock(&me.lock);
	me.closed = true;
	while (me.sends > 0) {
		mu_event_reset(&me.drained);
#ifdef MUSEUM_FIXED
		mu_unlock(&me.lock);
		mu_event_wait(&me.drained);
		mu_lock(&me.lock);
#else
		mu_event_wait(&me.drained);
#endif
	}
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
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
	(void)module;
	(void)frames;
	mu_lock(&me.lock);
	me.sends -= n;
	if (me.sends == 0)
		mu_event_set(&me.drained);
	mu_unlock(&me.lock);
}

const struct mu_piece MUSEUM_PIECE(wait_under_lock) = {
	.name = "wait-under-lock",
	.when = "2017",
	.title = "an event is waited for under the lock",
	.breaks = "P17",
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
