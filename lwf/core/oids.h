/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oids.h - OID requests inside the engine: who has which, and what a detach must wait for.
 */
#ifndef LWF_OIDS_H
#define LWF_OIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/oid.h>

/** A place that is given one request at a time: a module, or the lower edge. */
struct lwf_oid_hop {
	struct lwf_module *module;	 /* NULL: the lower edge */
	struct lwf_oid_request *current; /* it has this one, and has not answered */
	struct lwf_oid_request *first;	 /* these wait, in order */
	uint32_t waiting;
	bool giving; /* its oid function runs */
};

/** Timer function of a stack with requests that pend: limits and timeouts. */
void lwf_oid_timer(void *stack);

/**
 * Gives @request to @hop; only when it has none (T07). Returns what it answered; PENDING: the
 * request may be complete already.
 */
lwf_status lwf_oid_give(struct lwf_stack *stack, struct lwf_oid_hop *hop,
			struct lwf_oid_request *request);

/**
 * Tells @module of the detach that comes, once, and closes the way of OIDs to and from it. True when
 * nothing of it, and nothing of others in it, is out any more: it may be detached (race R12). That
 * goes for frames too: those that it sent in a restart that failed are not waited for by any pause.
 */
bool lwf_pre_detach(struct lwf_module *module);

/** True while a module was told of its detach and is not yet detached: the detach goes on. */
bool lwf_pre_detach_begun(const struct lwf_stack *stack);

/** Writes what pends, the oldest first: "OID_GEN_... of inject at eth1, 812 ms". Bytes written. */
size_t lwf_oid_say(const struct lwf_stack *stack, char *text, size_t bytes);

#endif
