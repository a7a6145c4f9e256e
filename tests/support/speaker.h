/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * speaker.h - filters that ask and answer OIDs and indicate statuses as a test tells them.
 *
 * Correct by default: a request is handed on as a clone, its answer is copied, the clone is freed.
 * Two filters, "speaker" and "second", so that a stack may have two with commands of their own.
 */
#ifndef LWF_TEST_SPEAKER_H
#define LWF_TEST_SPEAKER_H

#include <lwf/filter.h>
#include <lwf/oid.h>

#define SPEAKER_ASKED_MAX 64u

struct speaker {
	/* commands */
	bool keep;	 /* answer PENDING and do nothing */
	bool answer_now; /* answer @answer itself */
	lwf_status answer;
	bool keep_clone;	 /* forget to free it */
	lwf_status abort_status; /* how it completes what is cancelled while it keeps it */
	void (*in_attach)(struct lwf_module *module);
	void (*in_detach)(struct lwf_module *module);
	void (*in_pre_detach)(struct lwf_module *module);
	void (*in_cancel)(struct lwf_module *module);
	void (*in_status)(struct lwf_module *module);
	void (*in_oid)(struct lwf_module *module, struct lwf_oid_request *request);
	void (*in_complete)(struct lwf_module *module);
	/* what happened */
	struct lwf_module *module;
	struct lwf_oid_request *kept;	       /* the one it has */
	struct lwf_oid_request *leaked;	       /* the clone that it did not free */
	uint32_t asked;			       /* requests it was given */
	uint32_t asked_oid[SPEAKER_ASKED_MAX]; /* by number, in order */
	uint32_t completed;		       /* answers to what it asked */
	lwf_status last;
	uint32_t cancels, statuses, pre_detaches, detaches;
	enum lwf_indication last_status;
	bool last_carrier;
	struct lwf_oid_request own; /* what it asks of its own */
	uint8_t value[LWF_OID_VALUE_BYTES];
};

extern struct speaker speaker, second;
extern const struct lwf_filter_ops *const speaker_filters[]; /* for rig_open(): script too */

/** Correct again; forgets. */
void speaker_reset(void);

/** It asks the next below, by its own request: a query, or the MTU set to @mtu when not 0. */
lwf_status speaker_ask(struct speaker *who, uint32_t oid, uint32_t mtu);

/** Hands on what it keeps, as it would have. */
void speaker_go_on(struct speaker *who);

/** Completes what it keeps. */
void speaker_complete(struct speaker *who, lwf_status status);

#endif
