/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_judge.h - from the holders of sockets to the owner of a flow. Pure.
 */
#ifndef LWF_DAEMON_OWNER_JUDGE_H
#define LWF_DAEMON_OWNER_JUDGE_H

#include "owner_proc.h"
#include "owner_wire.h"

#define OWNER_HOLDERS_MAX 16u /* that are looked at; more are counted */

struct owner_holders {
	const struct owner_process *process[OWNER_HOLDERS_MAX]; /* each once */
	uint32_t known;						/* of them */
	uint32_t holders; /* in all, counted for each socket */
	uint32_t sockets; /* that have the tuple */
	bool denied;	  /* some process could not be looked at */
	bool missed;	  /* there was no room for some holder */
};

/** Adds a holder, once. */
void owner_holders_add(struct owner_holders *holders, const struct owner_process *process);

/** Who is the owner of the socket of @ask? All of *owner is written. */
void owner_judge(const struct owner_ask *ask, const struct owner_holders *holders,
		 struct lwf_owner *owner);

#endif
