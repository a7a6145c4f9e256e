/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * two-counts.c - sends and receives are counted apart, and each completion asks its own count alone.
 *
 * Pause looks at both counts, as the posted answer does. Its completion handler looks at one: the
 * last send ends the pause while a receive is out, and the last receive ends it again.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool pause_pending;
	int64_t sends, receives;
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

static void *attach(lwf_handle handle)
{
	me.handle = handle;
	me.pause_pending = true; /* Paused: restart opens it */
	return &me;
}

static lwf_status restart(void *module)
{
	(void)module;
	mu_lock(&me.lock);
	me.pause_pending = false;
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *module)
{
	lwf_status status;

	(void)module;
	mu_lock(&me.lock);
	me.pause_pending = true;
	status = me.sends > 0 || me.receives > 0 ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
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

static bool enter(int64_t *mine)
{
	bool closed;

	mu_lock(&me.lock);
	closed = me.pause_pending;
	if (!closed)
		++*mine;
	mu_unlock(&me.lock);
	return !closed;
}

static void leave(int64_t *mine, unsigned n)
{
	bool signal;

	mu_lock(&me.lock);
	*mine -= n;
#ifdef MUSEUM_FIXED
	signal = me.sends + me.receives == 0 && me.pause_pending;
#else
	signal = *mine == 0 && me.pause_pending;
#endif
	mu_unlock(&me.lock);
	if (signal)
		mu_pause_complete(me.handle);
}

static lwf_status send(void *open, struct mu_frame *frame)
{
	(void)open;
	if (!enter(&me.sends))
		return LWF_STATUS_PAUSED;
	mu_send(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static lwf_status receive(void *open, struct mu_frame *frame)
{
	(void)open;
	if (!enter(&me.receives))
		return LWF_STATUS_PAUSED;
	mu_indicate(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	(void)module;
	(void)frames;
	leave(&me.sends, n);
}

static void receive_return(void *module, struct mu_frame *frame)
{
	(void)module;
	(void)frame;
	leave(&me.receives, 1);
}

const struct mu_piece MUSEUM_PIECE(two_counts) = {
	.name = "two-counts",
	.when = "2016-02, the posted answer",
	.title = "a send that comes home does not ask for receives",
	.breaks = "P03 P04 S10",
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
	.receive = receive,
	.receive_return = receive_return,
};
