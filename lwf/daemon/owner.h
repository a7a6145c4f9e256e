/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h - the daemon's answer to "who owns this flow?" (lwf_host_ask_owner()).
 *
 * The kernel is asked for the socket at once, on the loop thread: microseconds, and at most
 * OWNER_TURN_GETS in one turn of the loop. Which processes hold the socket is for the resolver process to find
 * out; its answer comes later. Nothing here waits for it. Questions are bounded: when OWNER_ASKS_MAX are
 * open, further ones are answered "overload".
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_OWNER_H
#define LWF_DAEMON_OWNER_H

#include <lwf/hosts.h>

#include "nsnet.h"
#include "owner_resolver.h"
#include "owner_trail.h"

#define OWNER_TURN_GETS	   16u
#define OWNER_TURN_LISTENS 128u		 /* as many new flows as two batches can have */
#define OWNER_DEADLINE_NS  5000000000ull /* for the resolver's answer */
#define OWNER_TRIES_MAX	   3u		 /* for a connection that its listener has not accepted */

struct owner_service;

/** What became of the questions: asked = at_once + answered + forgotten + open. */
struct owner_counts {
	uint64_t asked;
	uint64_t at_once;   /* answered inside the call */
	uint64_t answered;  /* later */
	uint64_t forgotten; /* whoever asked has gone */
	uint64_t open;
	uint64_t gets;	   /* questions to the kernel */
	uint64_t senders;  /* that were seen while they sent */
	uint64_t late;	   /* answers of the resolver that nobody waited for any more */
	uint64_t timeouts; /* of the answered */
	bool resolver_gone;
};

/** One socket of a list, and who holds it. */
typedef void (*owner_found_fn)(void *context, const struct owner_tuple *tuple,
			       const struct lwf_owner *owner);
/** The list is whole; @error 0, or why it is not. */
typedef void (*owner_end_fn)(void *context, int error, uint32_t found, uint32_t missed);

/** Takes @resolver, also on failure. Returns 0 or -errno. */
int owner_service_create(struct lwf_host *host, struct owner_resolver *resolver,
			 struct owner_service **service);

/** Answers nobody any more, ends the resolver. Accepts NULL. */
void owner_service_destroy(struct owner_service *service);

/**
 * Will look for sockets in @ns too (takes a reference). Those of the first one come first. @device: by
 * which the flows come and go there, or NULL. Returns 0, -ENOSPC (OWNER_SPACES_MAX), or -errno.
 */
int owner_service_add(struct owner_service *service, struct nsnet *ns, const char *device);

/** Takes @trail: senders that it saw are known without their sockets. At most once. */
void owner_service_follow(struct owner_service *service, struct owner_trail *trail);

/** For lwf_event_host_set_owners(). */
struct lwf_owner_service *owner_service_face(struct owner_service *service);

/**
 * Tells all sockets of namespace number @space with their holders, for flows that are older than the
 * filter. Returns 0; -EBUSY: one list at a time; -EPIPE: the resolver has gone; -EAGAIN: it does not
 * read; -EINVAL.
 */
int owner_service_list(struct owner_service *service, uint32_t space, owner_found_fn found,
		       owner_end_fn end, void *context);

/** Appends " resolver=PID" (or "gone") and " owners=ASKED/OPEN", for `show`. */
void owner_service_describe(const struct owner_service *service, char *text, size_t bytes);

void owner_service_counts(const struct owner_service *service, struct owner_counts *counts);

/** What the resolver's last look through all descriptors took; number 0: there was none. */
const struct owner_pass *owner_service_pass(const struct owner_service *service);

#endif
