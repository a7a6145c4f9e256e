/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow-contexts.c - a list of the contexts that were attached to flows, beside the engine that owns them.
 *
 * The pause is right. At unload the driver walks its list while the engine deletes contexts, each of
 * which frees what may still be linked. What "exists" already is in the list, too, and nobody's.
 */
#include <string.h>

#include "museum.h"

struct module {
	lwf_handle handle;
	bool owed;
	int64_t sends, deleted;
};

struct context {
	struct context *next, *prev;
	struct module *module;
	uint32_t flow;
	bool deleting;
};

static struct {
	struct module *module;
	bool closed; /* here, where it outlives the module */
	struct mu_lock lock;
	struct context *head, *doomed;
} me;

#ifdef MUSEUM_FIXED
static void take(struct context *context)
{
	if (!mu_associate(context->flow, context))
		mu_free(context); /* it stayed ours */
}

static void forget(struct context *context)
{
	(void)context;
}

static void unload(void)
{
	for (uint32_t flow = 0; flow < MU_FLOWS; flow++)
		mu_end_flow(flow); /* the engine knows which there are */
	while (mu_flows_busy())
		mu_sleep_ms(1);
}
#else
static void link_in(struct context **head, struct context *context)
{
	context->next = *head;
	context->prev = NULL;
	if (*head)
		(*head)->prev = context;
	*head = context;
}

static void take(struct context *context)
{
	link_in(&me.head, context);
	(void)mu_associate(context->flow, context); /* "exists" looks like a success */
}

static void forget(struct context *context)
{
	mu_lock(&me.lock);
	if (!context->deleting) {
		*(context->prev ? &context->prev->next : &me.head) = context->next;
		if (context->next)
			context->next->prev = context->prev;
	}
	mu_unlock(&me.lock);
}

static void unload(void)
{
	struct context *context;

	while ((context = me.head)) {
		me.head = context->next;
		context->deleting = true;
		link_in(&me.doomed, context);
	}
	while ((context = me.doomed)) {
		me.doomed = context->next;
		mu_end_flow(context->flow); /* deletes the one that is attached: is it this one? */
	}
}
#endif

static void flow_delete(void *its)
{
	struct context *context = its;

	forget(context);
	mu_seam("flow deletion");
	context->module->deleted++;
	mu_free(context);
}

static void authorize(struct module *module, uint32_t flow)
{
	struct context *context;

	if (mu_has_context(flow))
		return;
	context = mu_alloc(sizeof(*context));
	context->module = module;
	context->flow = flow;
	mu_seam("authorization"); /* another frame of the flow may be here as well */
	take(context);
}

static void load(void)
{
	memset(&me, 0, sizeof(me));
}

static void *attach(lwf_handle handle)
{
	me.closed = true; /* Paused: restart opens it */
	me.module = mu_alloc(sizeof(*me.module));
	me.module->handle = handle;
	return me.module;
}

static void detach(void *module)
{
	unload();
	mu_free(module);
}

static lwf_status restart(void *module)
{
	(void)module;
	me.closed = false;
	return LWF_STATUS_SUCCESS;
}

static lwf_status pause(void *context)
{
	struct module *module = context;

	me.closed = true;
	module->owed = module->sends > 0;
	return module->owed ? LWF_STATUS_PENDING : LWF_STATUS_SUCCESS;
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
	if (me.closed) {
		mu_end_flow(frame->id % MU_FLOWS); /* the program gives up */
		return LWF_STATUS_PAUSED;
	}
	me.module->sends++;
	authorize(me.module, frame->id % MU_FLOWS);
	mu_send(me.module->handle, frame);
	return LWF_STATUS_SUCCESS;
}

static void send_complete(void *context, struct mu_frame *const *frames, unsigned n)
{
	struct module *module = context;

	(void)frames;
	module->sends -= n;
	if (module->sends == 0 && module->owed) {
		module->owed = false;
		mu_pause_complete(module->handle);
	}
}

const struct mu_piece MUSEUM_PIECE(flow_contexts) = {
	.name = "flow-contexts",
	.when = "2012 to 2026",
	.title = "a list of flow contexts beside the engine that owns them",
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
	.flow_delete = flow_delete,
};
