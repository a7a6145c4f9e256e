/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stale-pointer.c - a sender takes the module's pointer, and then looks whether it may use it (races R8, R9).
 *
 * The flag that would say "no" is in the module. Between the two lines the module is paused, detached and freed.
 */
#include <string.h>

#include "museum.h"

struct module {
	struct mu_lock lock;
	lwf_handle handle;
	bool closed, owed;
	int64_t sends;
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
#ifdef MUSEUM_FIXED
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
#else
	module = me.module;
	mu_seam("gate test");
	if (module) {
		mu_lock(&module->lock);
		closed = module->closed;
		if (!closed)
			module->sends++;
		mu_unlock(&module->lock);
	}
#endif
	if (closed)
		return LWF_STATUS_PAUSED;
	mu_send(module->handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *context, struct mu_frame *const *frames, unsigned n)
{
	struct module *module = context;
	lwf_handle handle = module->handle;
	bool signal;

	(void)frames;
	mu_lock(&module->lock);
	module->sends -= n;
	signal = module->sends == 0 && module->owed;
	if (signal)
		module->owed = false;
	mu_unlock(&module->lock);
	if (signal)
		mu_pause_complete(handle);
}

const struct mu_piece MUSEUM_PIECE(stale_pointer) = {
	.name = "stale-pointer",
	.when = "2019 to 2026",
	.title = "the flag is looked up in a module that may be gone",
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
