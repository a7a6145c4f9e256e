/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wobble.h - the part of a wobbling module that answers and asks OIDs and indicates statuses.
 */
#ifndef LWF_SIM_WOBBLE_H
#define LWF_SIM_WOBBLE_H

#include <lwf/filter.h>
#include <lwf/oid.h>

/** First member of the module's context. */
struct wobble_oids {
	struct lwf_module *module;
	uint64_t how;	  /* option "oid" */
	uint64_t late_ns; /* option "late" */
	struct lwf_timer late;
	struct lwf_oid_request *kept; /* handed on, or answered, by the timer */
	struct lwf_oid_request own;
	bool own_out;
	uint8_t value[LWF_OID_VALUE_BYTES];
};

/** Returns 0 or -ENOMEM. */
int wobble_oids_init(struct wobble_oids *me, struct lwf_module *module);
void wobble_oids_fini(struct wobble_oids *me);

/** Asks the next below and indicates a status, unless it has a request out. */
void wobble_ask(struct wobble_oids *me);

lwf_status wobble_oid(struct lwf_module *module, struct lwf_oid_request *request);
void wobble_oid_complete(struct lwf_module *module, struct lwf_oid_request *request,
			 lwf_status status);
void wobble_cancel_oid(struct lwf_module *module, uint64_t request_id);
lwf_status wobble_net_pnp(struct lwf_module *module, enum lwf_net_pnp event);
void wobble_status(struct lwf_module *module, enum lwf_indication what,
		   const struct lwf_link *link);

#endif
