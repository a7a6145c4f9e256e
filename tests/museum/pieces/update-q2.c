/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * update-q2.c - the second question of the update: is the flag to be set to TRUE in FilterRestart?
 *
 * The flag is one of each open handle, as the question has it. Restart goes over the handles and
 * sets it, which shuts every handle that was there before; one that is opened afterwards works, and
 * so do all tests that open a handle, send, and close it.
 */
#include <string.h>

#include "museum.h"

#define OPENS 8u

struct open {
	bool used;
	bool pause_pending;
};

static struct {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed; /* what a new handle begins with */
	bool owed;   /* the last completion ends the pause */
	int64_t sends;
	struct open opens[OPENS];
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

static void set_all(bool pause_pending)
{
	me.closed = pause_pending;
	for (unsigned i = 0; i < OPENS; i++)
		me.opens[i].pause_pending = pause_pending;
}

static void *attach(lwf_handle handle)
{
	me.handle = handle;
	set_all(true); /* Paused: restart opens it */
	return &me;
}

static lwf_status restart(void *module)
{
	(void)module;
	mu_lock(&me.lock);
#ifdef MUSEUM_FIXED
	set_all(false);
#else
	set_all(true);
	me.closed = false;
#endif
	mu_unlock(&me.lock);
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *module)
{
	lwf_status status;

	(void)module;
	mu_lock(&me.lock);
	set_all(true);
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
	struct open *open = me.opens;

	mu_lock(&me.lock);
	while (open->used)
		open++;
	open->used = true;
	open->pause_pending = me.closed;
	mu_unlock(&me.lock);
	return open;
}

static void close(void *open)
{
	((struct open *)open)->used = false;
}

static lwf_status send(void *open, struct mu_frame *frame)
{
	bool closed;

	mu_lock(&me.lock);
	closed = ((struct open *)open)->pause_pending;
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

const struct mu_piece MUSEUM_PIECE(update_q2) = {
	.name = "update-q2",
	.when = "2016-02, update 2, question 2",
	.title = "restart sets the flag of every open handle",
	.breaks = "F02",
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
