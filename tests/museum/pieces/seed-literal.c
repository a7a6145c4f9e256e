/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seed-literal.c - the answer that the crash got, as it was posted.
 *
 * One lock, one count, one flag. The flag says "let nothing in" and "signal when the last frame is
 * home" at once; it is set on the pending branch alone, and nothing ever takes it back. With
 * frames in flight at every pause and no restart, it is right.
 */
#include <string.h>

#include "museum.h"

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool pause_pending;
	int64_t sends;
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

#ifdef MUSEUM_FIXED
static void *attach(lwf_handle handle)
{
	me.handle = handle;
	me.pause_pending = true; /* Paused: restart opens it */
	return &me;
}

static lwf_status pause(void *module)
{
	lwf_status status;

	(void)module;
	mu_lock(&me.lock);
	me.pause_pending = true;
	status = me.sends > 0 ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
	mu_unlock(&me.lock);
	return status;
}

static lwf_status restart(void *module)
{
	(void)module;
	mu_lock(&me.lock);
	me.pause_pending = false;
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
}
#else
static void *attach(lwf_handle handle)
{
	me.handle = handle;
	return &me;
}

static lwf_status pause(void *module)
{
	lwf_status status;

	(void)module;
	mu_lock(&me.lock);
	if (me.sends > 0) {
		me.pause_pending = true;
		status = LWF_STATUS_PENDING;
	} else {
		status = LWF_STATUS_SUCCESS;
	}
	mu_unlock(&me.lock);
	return status;
}

static lwf_status restart(void *module)
{
	(void)module;
	return LWF_STATUS_SUCCESS;
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
	lwf_status status = LWF_STATUS_SUCCESS;

	(void)open;
	mu_lock(&me.lock);
	if (me.pause_pending)
		status = LWF_STATUS_PAUSED;
	else
		me.sends++;
	mu_unlock(&me.lock);
	if (status == LWF_STATUS_SUCCESS)
		mu_send(me.handle, frame);
	return status;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	bool complete_pause = false;

	(void)module;
	(void)frames;
	mu_lock(&me.lock);
	me.sends -= n;
	if (me.sends == 0 && me.pause_pending)
		complete_pause = true;
	mu_unlock(&me.lock);
	if (complete_pause)
		mu_pause_complete(me.handle);
}

const struct mu_piece MUSEUM_PIECE(seed_literal) = {
	.name = "seed-literal",
	.when = "2016-02, the posted answer",
	.title = "the flag is set on one branch only, and never cleared",
	.breaks = "F01 F02 P01",
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
