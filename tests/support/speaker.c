/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * speaker.c - the filters that speak. Their correct half is what a filter author would write.
 */
#include <string.h>

#include <lwf/edge.h>

#include "script.h"
#include "speaker.h"

struct speaker speaker, second;

void speaker_reset(void)
{
	memset(&speaker, 0, sizeof(speaker));
	memset(&second, 0, sizeof(second));
	speaker.abort_status = second.abort_status = LWF_STATUS_REQUEST_ABORTED;
}

static struct speaker *of(const struct lwf_module *module)
{
	return strncmp(lwf_module_name(module), "second", 6) == 0 ? &second : &speaker;
}

static lwf_status on_attach(struct lwf_module *module, const struct lwf_options *options)
{
	struct speaker *me = of(module);

	(void)options;
	me->module = module;
	if (me->in_attach)
		me->in_attach(module);
	return LWF_STATUS_SUCCESS;
}

static void on_detach(struct lwf_module *module)
{
	struct speaker *me = of(module);

	me->detaches++;
	if (me->in_detach)
		me->in_detach(module);
}

static void free_clone(struct speaker *me, struct lwf_module *module, struct lwf_oid_request *clone)
{
	if (me->keep_clone)
		me->leaked = clone;
	else
		lwf_oid_free_clone(module, clone);
}

static lwf_status hand_on(struct speaker *me, struct lwf_module *module,
			  struct lwf_oid_request *request)
{
	struct lwf_oid_request *clone = lwf_oid_clone(module, request);
	lwf_status status;

	if (!clone)
		return LWF_STATUS_RESOURCES;
	clone->context = request;
	status = lwf_next_oid(module, clone);
	if (status == LWF_STATUS_PENDING)
		return status;
	lwf_oid_take_result(request, clone);
	free_clone(me, module, clone);
	return status;
}

static lwf_status on_oid(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct speaker *me = of(module);

	if (me->asked < SPEAKER_ASKED_MAX)
		me->asked_oid[me->asked] = request->oid;
	me->asked++;
	if (me->in_oid)
		me->in_oid(module, request);
	if (me->answer_now)
		return me->answer;
	if (!me->keep)
		return hand_on(me, module, request);
	me->kept = request;
	return LWF_STATUS_PENDING;
}

static void on_oid_complete(struct lwf_module *module, struct lwf_oid_request *request,
			    lwf_status status)
{
	struct speaker *me = of(module);
	struct lwf_oid_request *original = request->context;

	me->completed++;
	me->last = status;
	if (me->in_complete)
		me->in_complete(module);
	if (request == &me->own)
		return;
	lwf_oid_take_result(original, request);
	free_clone(me, module, request);
	lwf_oid_complete(module, original, status);
}

static void on_cancel_oid(struct lwf_module *module, uint64_t request_id)
{
	struct speaker *me = of(module);

	me->cancels++;
	if (me->in_cancel)
		me->in_cancel(module);
	if (me->kept && me->kept->request_id == request_id)
		speaker_complete(me, me->abort_status);
	else
		lwf_next_cancel_oid(module, request_id);
}

static lwf_status on_net_pnp(struct lwf_module *module, enum lwf_net_pnp event)
{
	struct speaker *me = of(module);

	if (event == LWF_NET_PNP_PRE_DETACH) {
		me->pre_detaches++;
		if (me->in_pre_detach)
			me->in_pre_detach(module);
	}
	return LWF_STATUS_SUCCESS;
}

static void on_status(struct lwf_module *module, enum lwf_indication what,
		      const struct lwf_link *link)
{
	struct speaker *me = of(module);

	me->statuses++;
	me->last_status = what;
	me->last_carrier = link->carrier;
	if (me->in_status)
		me->in_status(module);
}

#define SPEAKER(filter)                                                                   \
	{                                                                                 \
		.name = (filter), .summary = "speaks as it is told", .attach = on_attach, \
		.detach = on_detach, .oid = on_oid, .oid_complete = on_oid_complete,      \
		.cancel_oid = on_cancel_oid, .net_pnp = on_net_pnp, .status = on_status,  \
	}

static const struct lwf_filter_ops speaker_ops = SPEAKER("speaker"), second_ops = SPEAKER("second");

const struct lwf_filter_ops *const speaker_filters[] = {&script_ops, &speaker_ops, &second_ops,
							NULL};

lwf_status speaker_ask(struct speaker *who, uint32_t oid, uint32_t mtu)
{
	memset(&who->own, 0, sizeof(who->own));
	who->own.kind = mtu ? LWF_OID_SET : LWF_OID_QUERY;
	who->own.oid = oid;
	who->own.buffer = who->value;
	who->own.buffer_bytes = mtu ? 4 : sizeof(who->value);
	if (mtu)
		memcpy(who->value, &mtu, sizeof(mtu));
	return lwf_next_oid(who->module, &who->own);
}

void speaker_go_on(struct speaker *who)
{
	struct lwf_oid_request *request = who->kept;
	lwf_status status;

	who->kept = NULL;
	status = hand_on(who, who->module, request);
	if (status != LWF_STATUS_PENDING)
		lwf_oid_complete(who->module, request, status);
}

void speaker_complete(struct speaker *who, lwf_status status)
{
	struct lwf_oid_request *request = who->kept;

	who->kept = NULL;
	lwf_oid_complete(who->module, request, status);
}
