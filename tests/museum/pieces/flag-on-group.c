/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flag-on-group.c - the first patch: the flag on one object, its readers on another.
 *
 * A driver that keeps an open instance for each of its clients has one more, the head of the group,
 * which is what FilterAttach made and what FilterPause is given. Pause shuts the gate of the head and
 * looks at the count of the head, which nobody ever counts on; the clients test their own.
 */
#include <string.h>

#include "museum.h"

struct gate {
	struct mu_lock lock;
	bool closed, owed;
	int64_t sends;
};

struct open {
	struct open *head;
	struct gate gate;
	bool used;
};

#define OPENS 8u

static struct {
	lwf_handle handle;
	struct open head;
	struct open opens[OPENS];
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

/* The gate that a client's frames go through. */
static struct gate *gate_of(struct open *open)
{
#ifdef MUSEUM_FIXED
	return &open->head->gate;
#else
	return &open->gate;
#endif
}

static void *attach(lwf_handle handle)
{
	me.handle = handle;
	me.head.gate.closed = true; /* Paused: restart opens it */
	return &me.head;
}

static lwf_status restart(void *module)
{
	struct gate *gate = &((struct open *)module)->gate;

	mu_lock(&gate->lock);
	gate->closed = false;
	mu_unlock(&gate->lock);
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *module)
{
	struct gate *gate = &((struct open *)module)->gate;
	lwf_status status;

	mu_lock(&gate->lock);
	gate->closed = true;
	gate->owed = gate->sends > 0;
	status = gate->owed ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
	mu_unlock(&gate->lock);
	return status;
}

static void detach(void *module)
{
	(void)module;
}

static void *open(void)
{
	struct open *open = me.opens;

	while (open->used)
		open++;
	memset(open, 0, sizeof(*open));
	open->used = true;
	open->head = &me.head;
	return open;
}

static void close(void *open)
{
	((struct open *)open)->used = false;
}

static lwf_status send(void *open, struct mu_frame *frame)
{
	struct gate *gate = gate_of(open);
	bool closed;

	mu_lock(&gate->lock);
	closed = gate->closed;
	if (!closed)
		gate->sends++;
	mu_unlock(&gate->lock);
	if (closed)
		return LWF_STATUS_PAUSED;
	mu_send(me.handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *module, struct mu_frame *const *frames, unsigned n)
{
	(void)module;
	for (unsigned i = 0; i < n; i++) {
		struct gate *gate = gate_of(frames[i]->open);
		bool signal;

		mu_lock(&gate->lock);
		signal = --gate->sends == 0 && gate->owed;
		if (signal)
			gate->owed = false;
		mu_unlock(&gate->lock);
		if (signal)
			mu_pause_complete(me.handle);
	}
}

const struct mu_piece MUSEUM_PIECE(flag_on_group) = {
	.name = "flag-on-group",
	.when = "2016-02-28, the first patch",
	.title = "the flag is on the group head, the clients test their own handle",
	.breaks = "P01 P03 F01",
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
