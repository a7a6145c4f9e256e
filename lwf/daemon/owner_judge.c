/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_judge.c - from the holders of sockets to the owner of a flow; see owner_judge.h.
 *
 * One process: it is the owner. Several that hold one socket, all children of one of them: that one
 * is, and the others have inherited. Several otherwise (a socket that was passed on, sockets with one UDP port):
 * nobody can say which one speaks, so the oldest of the socket's user is named, the others beside it, and
 * the answer calls itself ambiguous.
 */
#include <netinet/in.h>
#include <string.h>

#include "owner_judge.h"

static bool same_process(const struct owner_process *a, const struct owner_process *b)
{
	return a->pid == b->pid && a->start_time == b->start_time;
}

void owner_holders_add(struct owner_holders *holders, const struct owner_process *process)
{
	for (uint32_t n = 0; n < holders->known; n++)
		if (same_process(holders->process[n], process))
			return;
	holders->holders++;
	if (holders->known < OWNER_HOLDERS_MAX)
		holders->process[holders->known++] = process;
}

static bool is_older(const struct owner_process *a, const struct owner_process *b)
{
	return a->start_time != b->start_time ? a->start_time < b->start_time : a->pid < b->pid;
}

/* The oldest of the socket's user; when none is of that user, the oldest of all. */
static const struct owner_process *choose(const struct owner_ask *ask,
					  const struct owner_holders *holders)
{
	const struct owner_process *best = NULL;

	for (uint32_t n = 0; n < holders->known; n++) {
		const struct owner_process *process = holders->process[n];
		bool own = process->uid == ask->uid, best_own = best && best->uid == ask->uid;

		if (!best || (own && !best_own) || (own == best_own && is_older(process, best)))
			best = process;
	}
	return best;
}

static const struct owner_process *find(const struct owner_holders *holders, uint32_t pid)
{
	for (uint32_t n = 0; n < holders->known; n++)
		if (holders->process[n]->pid == pid)
			return holders->process[n];
	return NULL;
}

/* Whether every holder descends from @root by way of holders; the root is as old as its children or older. */
static bool is_family(const struct owner_process *root, const struct owner_holders *holders)
{
	if (holders->holders != holders->known)
		return false;
	for (uint32_t n = 0; n < holders->known; n++) {
		const struct owner_process *process = holders->process[n];

		for (uint32_t steps = 0; process != root; steps++) {
			const struct owner_process *parent = find(holders, process->ppid);

			if (!parent || steps == holders->known ||
			    parent->start_time > process->start_time)
				return false;
			process = parent;
		}
	}
	return true;
}

static const struct owner_process *family_root(const struct owner_holders *holders)
{
	for (uint32_t n = 0; n < holders->known; n++)
		if (is_family(holders->process[n], holders))
			return holders->process[n];
	return NULL;
}

static void name_others(const struct owner_holders *holders, const struct owner_process *chosen,
			struct lwf_owner *owner)
{
	const struct owner_process *last = NULL;

	for (uint32_t at = 0; at < LWF_OWNER_ALSO_MAX; at++) {
		const struct owner_process *next = NULL;

		for (uint32_t n = 0; n < holders->known; n++) {
			const struct owner_process *process = holders->process[n];

			if (process != chosen && (!last || is_older(last, process)) &&
			    (!next || is_older(process, next)))
				next = process;
		}
		if (!next)
			return;
		owner->also[at] = next->pid;
		last = next;
	}
}

static void unknown(struct lwf_owner *owner, enum lwf_owner_why why)
{
	owner->how = LWF_OWNER_UNKNOWN;
	owner->why = (uint8_t)why;
}

void owner_judge(const struct owner_ask *ask, const struct owner_holders *holders,
		 struct lwf_owner *owner)
{
	const struct owner_process *chosen = choose(ask, holders), *root = NULL;

	memset(owner, 0, sizeof(*owner));
	owner->uid = ask->uid;
	owner->cookie = ask->cookie;
	owner->holders = (uint16_t)(holders->holders < UINT16_MAX ? holders->holders : UINT16_MAX);
	if (!chosen) {
		unknown(owner, holders->missed	 ? LWF_OWNER_WHY_OVERLOAD
			       : holders->denied ? LWF_OWNER_WHY_NO_PERMISSION
						 : LWF_OWNER_WHY_NO_HOLDER);
		return;
	}
	if (holders->sockets <= 1 && holders->holders > 1 && !holders->missed)
		root = family_root(holders);
	if (root)
		chosen = root;
	if (holders->holders == 1 && chosen->start_time > ask->asked &&
	    ask->tuple.protocol != IPPROTO_TCP) {
		/* the port of a datagram is soon another's; a connection's ends are not */
		owner->holders = 0;
		unknown(owner, LWF_OWNER_WHY_NO_SOCKET);
		return;
	}
	owner->pid = chosen->pid;
	owner->ppid = chosen->ppid;
	owner->start_time = chosen->start_time;
	memcpy(owner->comm, chosen->comm, sizeof(owner->comm));
	memcpy(owner->exe, chosen->exe, sizeof(owner->exe));
	name_others(holders, chosen, owner);
	if (holders->holders > 1 || holders->missed)
		owner->how = root ? LWF_OWNER_INHERITED : LWF_OWNER_AMBIGUOUS;
	else if (chosen->start_time > ask->asked)
		owner->how = LWF_OWNER_INHERITED;
	else
		owner->how =
			ask->match == OWNER_MATCH_LISTENER ? LWF_OWNER_LISTENER : LWF_OWNER_EXACT;
}
