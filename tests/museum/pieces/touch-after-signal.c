/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * touch-after-signal.c - the completion handler goes on with the module after it has let go of it (races R5, R6).
 *
 * A line of statistics stands behind the one that gives the count back. Whoever gives back the last
 * count ends the pause, and the end of the pause allows the detach: from there on the module may be gone.
 * The handler of a frame that is not the last one is no better off.
 */
#include <string.h>

#include "museum.h"

struct module {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed, owed;
	int64_t sends;
	uint64_t home; /* statistics */
};

static struct {
	struct mu_lock lock; /* guards the pointer, and taken before the module's lock */
	struct module *module;
} me;

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

static void *attach(lwf_handle handle)
{
	struct module *module = mu_alloc(sizeof(*module));

	module->handle = handle;
	module->closed = true; /* Paused: restart opens it */
	mu_lock(&me.lock);
	me.module = module;
	mu_unlock(&me.lock);
	return module;
}

static void detach(void *module)
{
	mu_lock(&me.lock);
	me.module = NULL;
	mu_unlock(&me.lock);
	mu_free(module);
}

static lwf_status restart(void *context)
{
	struct module *module = context;

	mu_lock(&module->lock);
	module->closed = false;
	mu_unlock(&module->lock);
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *context)
{
	struct module *module = context;
	lwf_status status;

	mu_lock(&module->lock);
	module->closed = true;
	module->owed = module->sends > 0;
	status = module->owed ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
	mu_unlock(&module->lock);
	return status;
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
	struct module *module;
	bool closed = true;

	(void)open;
	mu_lock(&me.lock);
	module = me.module;
	if (module) {
		mu_lock(&module->lock);
		closed = module->closed;
		if (!closed)
			module->sends++;
		mu_unlock(&module->lock);
	}
	mu_unlock(&me.lock);
	if (closed)
		return LWF_STATUS_PAUSED;
	mu_send(module->handle, frame);
	return LWF_STATUS_SUCCESS;
}

/* Takes @n from the count; true when the caller must signal the pause. */
static bool leave(struct module *module, unsigned n)
{
	bool signal;

	module->sends -= n;
	signal = module->sends == 0 && module->owed;
	if (signal)
		module->owed = false;
	return signal;
}

static void send_complete(void *context, struct mu_frame *const *frames, unsigned n)
{
	struct module *module = context;
	lwf_handle handle = module->handle;
	bool signal;

	(void)frames;
	mu_lock(&module->lock);
	signal = leave(module, n);
#ifdef MUSEUM_FIXED
	module->home += n;
	mu_unlock(&module->lock);
	if (signal)
		mu_pause_complete(handle);
#else
	mu_unlock(&module->lock);
	if (signal)
		mu_pause_complete(handle);
	module->home += n;
#endif
}

const struct mu_piece MUSEUM_PIECE(touch_after_signal) = {
	.name = "touch-after-signal",
	.when = "2016 to 2019",
	.title = "the signaller touches the module after its signal",
	.breaks = "touch",
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
