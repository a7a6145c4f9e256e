/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test-then-count.c - the gate is tested, and then the frame is counted (race R1).
 *
 * Both are atomic, and between them the pause looks at both: it shuts the gate and finds nothing in flight,
 * while a sender stands between the two lines and has been let in.
 */
#include <string.h>

#include "museum.h"

static struct {
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
	me.closed = false;
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *module)
{
	(void)module;
	me.closed = me.owed = true; /* one word, one step */
	mu_seam("zero test");
	if (me.sends > 0 || !me.owed)
		return LWF_STATUS_PENDING;
	me.owed = false;
	return LWF_STATUS_SUCCESS;
}

static void leave(unsigned n)
{
	bool signal;

	mu_seam("count");
	me.sends -= n;
	signal = me.sends == 0 && me.owed; /* the same atomic step */
	if (signal)
		me.owed = false;
	mu_seam("signal");
	if (signal)
		mu_pause_complete(me.handle);
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
	(void)open;
#ifdef MUSEUM_FIXED
	mu_seam("count");
	me.sends++;
	mu_seam("gate test");
	if (me.closed) {
		leave(1);
		return LWF_STATUS_PAUSED;
	}
#else
	mu_seam("gate test");
	if (me.closed)
		return LWF_STATUS_PAUSED;
	mu_seam("count");
	me.sends++;
#endif
	mu_send(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	(void)module;
	(void)frames;
	leave(n);
}

const struct mu_piece MUSEUM_PIECE(test_then_count) = {
	.name = "test-then-count",
	.when = "race R1",
	.title = "the gate is tested before the frame is counted",
	.breaks = "P01",
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
