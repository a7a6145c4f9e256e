/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one-flag.c - one flag for two meanings, with a gate that counts first and asks then.
 *
 * Counting first is right: nobody can slip in between (see test-then-count.c). But a caller who
 * finds the gate shut must take its count back, and so brings the count to 0 once more. If "shut" also means
 * "a completion is owed", this refused caller completes a pause that is long over.
 */
#include <string.h>

#include "museum.h"

static struct {
	lwf_handle handle;
	bool closed; /* nothing new is let in */
	bool owed;   /* the last completion ends the pause; only the mended one knows it */
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

#ifdef MUSEUM_FIXED
static lwf_status pause(void *module)
{
	lwf_status status = LWF_STATUS_PENDING;

	(void)module;
	me.closed = me.owed = true; /* one word, one step */
	mu_seam("zero test");
	if (me.sends == 0 && me.owed) {
		me.owed = false; /* taken back */
		status = LWF_STATUS_SUCCESS;
	}
	return status;
}

static bool must_signal(void)
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
	me.closed = true;
	mu_seam("zero test");
	return me.sends > 0 ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
}

static bool must_signal(void)
{
	return me.sends == 0 && me.closed;
}
#endif

static void leave(unsigned n)
{
	bool signal;

	mu_seam("count");
	me.sends -= n;
	signal = must_signal(); /* the same atomic step */
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
	mu_seam("count");
	me.sends++;
	mu_seam("gate test");
	if (me.closed) {
		leave(1);
		return LWF_STATUS_PAUSED;
	}
	mu_send(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	(void)module;
	(void)frames;
	leave(n);
}

const struct mu_piece MUSEUM_PIECE(one_flag) = {
	.name = "one-flag",
	.when = "2016, an optimised answer",
	.title = "the flags for shut and for owed are one",
	.breaks = "S09 S10",
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
