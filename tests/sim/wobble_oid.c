/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wobble_oid.c - how a wobbling module deals with OIDs: hands on a clone, answers by itself, hands
 * on later, or completes before it answers PENDING; and asks requests of its own, the last one when
 * it is told that its detach is next.
 */
#include <string.h>

#include "wobble.h"
#include "world.h"

#define OWN_ID	       99u /* those from above are smaller */
#define OWN_TIMEOUT_NS (5 * SIM_MS)

enum { HANDS_ON, ANSWERS, HANDS_ON_LATE, COMPLETES_FIRST };

/* The answer of the next below, or PENDING and wobble_oid_complete(). */
static lwf_status hand_on(struct wobble_oids *me, struct lwf_oid_request *request)
{
	struct lwf_oid_request *clone = lwf_oid_clone(me->module, request);
	lwf_status status;

	if (!clone)
		return LWF_STATUS_RESOURCES;
	clone->context = request;
	status = lwf_next_oid(me->module, clone);
	if (status == LWF_STATUS_PENDING)
		return status;
	lwf_oid_take_result(request, clone);
	lwf_oid_free_clone(me->module, clone);
	return status;
}

static void on_late(void *context)
{
	struct wobble_oids *me = context;
	struct lwf_oid_request *request = me->kept;
	lwf_status status;

	me->kept = NULL;
	status = hand_on(me, request);
	if (status != LWF_STATUS_PENDING)
		lwf_oid_complete(me->module, request, status);
}

lwf_status wobble_oid(struct lwf_module *module, struct lwf_oid_request *request)
{
	struct wobble_oids *me = lwf_module_context(module);
	lwf_status status;

	if (me->kept)
		sim_fail("%s is given a second OID", lwf_module_name(module));
	switch (sim_world->calm ? HANDS_ON : me->how) {
	case ANSWERS:
		return LWF_STATUS_NOT_SUPPORTED;
	case HANDS_ON_LATE:
		me->kept = request;
		lwf_timer_set(&me->late, me->late_ns);
		return LWF_STATUS_PENDING;
	case COMPLETES_FIRST:
		status = hand_on(me, request);
		if (status != LWF_STATUS_PENDING)
			lwf_oid_complete(module, request, status);
		return LWF_STATUS_PENDING;
	default:
		return hand_on(me, request);
	}
}

void wobble_oid_complete(struct lwf_module *module, struct lwf_oid_request *request,
			 lwf_status status)
{
	struct wobble_oids *me = lwf_module_context(module);
	struct lwf_oid_request *original = request->context;

	if (request == &me->own) {
		if (!me->own_out)
			sim_fail("%s is told twice of its OID", lwf_module_name(module));
		me->own_out = false;
		return;
	}
	lwf_oid_take_result(original, request);
	lwf_oid_free_clone(module, request);
	lwf_oid_complete(module, original, status);
}

void wobble_cancel_oid(struct lwf_module *module, uint64_t request_id)
{
	struct wobble_oids *me = lwf_module_context(module);
	struct lwf_oid_request *request = me->kept;

	if (!request || request->request_id != request_id) {
		lwf_next_cancel_oid(module, request_id);
		return;
	}
	me->kept = NULL;
	lwf_timer_cancel(&me->late);
	lwf_oid_complete(module, request, LWF_STATUS_REQUEST_ABORTED);
}

void wobble_ask(struct wobble_oids *me)
{
	lwf_status status;

	if (me->own_out)
		return;
	memset(&me->own, 0, sizeof(me->own));
	me->own.kind = LWF_OID_QUERY;
	me->own.oid = LWF_OID_GEN_LINK_SPEED;
	me->own.buffer = me->value;
	me->own.buffer_bytes = sizeof(me->value);
	me->own.request_id = OWN_ID;
	me->own.timeout_ns = OWN_TIMEOUT_NS;
	me->own_out = true;
	status = lwf_next_oid(me->module, &me->own);
	if (status != LWF_STATUS_PENDING)
		me->own_out = false;
	lwf_indicate_status(me->module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
}

lwf_status wobble_net_pnp(struct lwf_module *module, enum lwf_net_pnp event)
{
	if (event == LWF_NET_PNP_PRE_DETACH)
		wobble_ask(lwf_module_context(module));
	return LWF_STATUS_SUCCESS;
}

void wobble_status(struct lwf_module *module, enum lwf_indication what, const struct lwf_link *link)
{
	(void)what;
	if (!link || lwf_module_state(module) < LWF_STATE_PAUSED)
		sim_fail("%s hears a status while it is %s", lwf_module_name(module),
			 lwf_state_name(lwf_module_state(module)));
}

int wobble_oids_init(struct wobble_oids *me, struct lwf_module *module)
{
	me->module = module;
	return lwf_timer_init(&me->late, lwf_module_host(module), on_late, me);
}

void wobble_oids_fini(struct wobble_oids *me)
{
	if (me->kept || me->own_out)
		sim_fail("%s is detached while it has an OID", lwf_module_name(me->module));
	lwf_timer_fini(&me->late);
}
