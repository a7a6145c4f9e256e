/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_owner.h - the simulated host's script of who owns which flow.
 *
 * Memory is the C library's, not what lwf_sim_host_fail_nth() counts: a script is not part of what is
 * tested. One thread.
 */
#ifndef LWF_HOSTS_SIM_OWNER_H
#define LWF_HOSTS_SIM_OWNER_H

#include <lwf/flow.h>
#include <lwf/host.h>

#define SIM_QUESTIONS_MAX 4096u /* open at a time; more are answered "overload" */

struct sim_owners;

struct sim_owners *lwf_sim_owners_create(struct lwf_host *host); /* NULL without memory */
void lwf_sim_owners_destroy(struct sim_owners *owners);		 /* accepts NULL */
int lwf_sim_owners_set(struct sim_owners *owners, const struct lwf_flow_key *key,
		       const struct lwf_owner *owner, uint64_t delay_ns);
int lwf_sim_owners_ask(struct sim_owners *owners, const struct lwf_owner_question *question,
		       struct lwf_owner *owner);
void lwf_sim_owners_forget(struct sim_owners *owners, void *context);
uint32_t lwf_sim_owners_open(const struct sim_owners *owners);

#endif
