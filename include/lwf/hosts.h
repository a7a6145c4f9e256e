/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts.h - the two hosts that come with the engine: libevent for real devices, virtual time for
 * the simulation. The contract they fulfil is lwf/host.h.
 *
 * Threads: the thread that makes a host is its loop thread, and all else here is for it alone, but
 * where a line says otherwise.
 */
#ifndef LWF_HOSTS_H
#define LWF_HOSTS_H

#include <lwf/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_flow_key;
struct lwf_policy;
struct lwf_policy_error;

/* ---- for programs with or without a loop ---- */

/**
 * The rules in a file (lwf/policy.h), read now, with the users of /etc/passwd, into memory of malloc(),
 * which the caller frees. 0; or -errno and what is wrong in @error. Any thread, one at a time.
 */
int lwf_policy_read_file(const char *file, struct lwf_policy **policy,
			 struct lwf_policy_error *error);

/* ---- libevent ---- */

/** Where log lines of this host go; called on any thread. @text is one line without newline. */
typedef void (*lwf_log_sink)(enum lwf_log_level level, const char *text);

/** Makes the real host on the calling thread, which becomes the loop thread. NULL without memory.
 */
struct lwf_host *lwf_event_host_create(lwf_log_sink sink);

/** Runs the loop until lwf_event_host_stop(). Returns 0 or -errno. */
int lwf_event_host_run(struct lwf_host *host);

/** Ends the loop after this turn. Loop thread, or a signal watched with lwf_event_host_signal(). */
void lwf_event_host_stop(struct lwf_host *host);

/** Calls @fn on the loop thread whenever signal @number came. Returns 0 or -errno. */
int lwf_event_host_signal(struct lwf_host *host, int number, void (*fn)(void *context),
			  void *context);

/**
 * Who knows the owners of flows: lwfd's own is in lwf/daemon. Embedded in what implements it. The
 * calls are those of lwf_host_ask_owner() and lwf_host_forget_owners(); @owner says "unknown" before.
 */
struct lwf_owner_service {
	int (*ask)(struct lwf_owner_service *service, const struct lwf_owner_question *question,
		   struct lwf_owner *owner);
	void (*forget)(struct lwf_owner_service *service, void *context);
	/** lwf_host_listens(); may be NULL */
	int (*listens)(struct lwf_owner_service *service,
		       const struct lwf_owner_question *question);
};

/** From now on @service (lent; NULL: nobody) answers who owns a flow. */
void lwf_event_host_set_owners(struct lwf_host *host, struct lwf_owner_service *service);

/** All timers and watches must be finished. Accepts NULL. */
void lwf_event_host_destroy(struct lwf_host *host);

/* ---- virtual time, one seed, failing the n-th allocation ---- */

/** Makes a host whose time moves only as told below; the same @seed draws the same numbers. NULL
 * without memory. */
struct lwf_host *lwf_sim_host_create(uint64_t seed);

/** All timers must be finished. Accepts NULL. */
void lwf_sim_host_destroy(struct lwf_host *host);

/** Runs everything posted and every timer due until nothing is due before @until_ns of host time;
 * time is then @until_ns. */
void lwf_sim_host_run_until(struct lwf_host *host, uint64_t until_ns);

/** Moves to the next timer and runs it. False when no timer is armed and nothing is posted. */
bool lwf_sim_host_step(struct lwf_host *host);

/**
 * The @nth allocation from now on (1: the next) returns NULL, once; UINT64_MAX: all do; 0: none does. Returns what was
 * left of the number that was set before: 0 when that one has failed.
 */
uint64_t lwf_sim_host_fail_nth(struct lwf_host *host, uint64_t nth);

/** Allocations that are out: 0 after everything was destroyed. */
uint64_t lwf_sim_host_allocations(const struct lwf_host *host);

/**
 * From now on the owner of the flow of @key is @owner (copied; NULL: the question is never answered),
 * told @delay_ns after the asking; 0: at once. Replaces what was set for the same key. Once one is
 * set, the host knows of all other flows that they have no socket. Returns 0 or -ENOMEM.
 */
int lwf_sim_host_set_owner(struct lwf_host *host, const struct lwf_flow_key *key,
			   const struct lwf_owner *owner, uint64_t delay_ns);

/** From now on somebody listens on the local end of TCP conversations with this port, wherever it is. At most
 * LWF_SIM_LISTENERS_MAX; -ENOSPC then. Without any the host cannot tell who listens. */
int lwf_sim_host_listen(struct lwf_host *host, uint16_t port);
#define LWF_SIM_LISTENERS_MAX 16u

/** Questions about owners that wait for their answer. */
uint32_t lwf_sim_host_owner_questions(const struct lwf_host *host);

/**
 * From now on there is a file of rules of this name (lwf/policy.h), with @text (copied; NULL: there is
 * none). It knows no users by name. Returns 0 or -ENOMEM.
 */
int lwf_sim_host_set_policy(struct lwf_host *host, const char *file, const char *text);

/** Where log lines go; NULL drops them (the default). */
void lwf_sim_host_log_to(struct lwf_host *host, lwf_log_sink sink);

#ifdef __cplusplus
}
#endif

#endif
