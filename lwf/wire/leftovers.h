/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leftovers.h - what lwfd changes in the kernel and can leave behind, and how to undo it.
 *
 * Three undo it: the daemon at its end, its watchdog child when the daemon was killed, and `lwfctl
 * cleanup` when both were. So it is here, on plain netlink sockets, and finds everything by looking
 * at the kernel.
 *
 * Ingress filter: a classic BPF program of one instruction (return TC_ACT_SHOT) at a clsact qdisc,
 * with handle LWF_FILTER_HANDLE_MADE when the qdisc was made for it, LWF_FILTER_HANDLE_ADDED when
 * it was there.
 *
 * Takeover journal: a header and then netlink requests, each made so that it may fail without harm,
 * which give the NIC its addresses and routes again. The daemon holds a lock (flock) on it as long
 * as it lives.
 */
#ifndef LWF_WIRE_LEFTOVERS_H
#define LWF_WIRE_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LWF_FILTER_HANDLE_ADDED 0x6c776601u /* "lwf" and 1 */
#define LWF_FILTER_HANDLE_MADE	0x6c776602u

#define LWF_JOURNAL_SUFFIX    ".takeover"
#define LWF_JOURNAL_MAGIC     0x6c776a31u
#define LWF_JOURNAL_MAX_BYTES (4u << 20)

struct lwf_journal {
	uint32_t magic;
	uint32_t bytes;	    /* of requests behind the header */
	uint64_t netns;	    /* inode of the network namespace */
	uint32_t nic_index; /* what the requests are for; another one is put in when the NIC has it
			     */
	uint32_t tap_index;
	char nic_name[16];
	char tap_name[16];
};

_Static_assert(sizeof(struct lwf_journal) == 56, "leftovers.h: layout");

/** A route netlink socket in the namespace of the calling thread. *fd, or -errno. */
int lwf_netlink_open(int *fd);

/**
 * Sends the requests in @bytes at @requests one after the other and waits for each answer, all of
 * them even when one fails. Returns how many succeeded (something that exists already counts as
 * made); *first_error (may be NULL) gets the first -errno, or 0. Requests must be well formed
 * (lengths are checked: it stops at the first that is not).
 */
uint32_t lwf_netlink_play(int fd, const void *requests, size_t bytes, int *first_error);

/**
 * Drops everything that arrives at the own stack of @ifindex. Filters of ours that are there (of a
 * process that is dead, since the caller has the claim) are taken away first. 0 or -errno.
 */
int lwf_clsact_shut(int fd, uint32_t ifindex);

/** Takes our filters away, and the qdisc that was made for them if nobody uses it now. Returns how
 * many, or -errno. */
int lwf_clsact_open(int fd, uint32_t ifindex);

/** True when a filter of ours is there. */
bool lwf_clsact_is_shut(int fd, uint32_t ifindex);

/** Checks a journal of @bytes in memory, aligned to 8: header, lengths, and that it is about addresses and routes only. */
bool lwf_journal_valid(const void *journal, size_t bytes);

/** Puts @nic_index and @tap_index in place of those that the requests were made for. */
void lwf_journal_retarget(void *journal, uint32_t nic_index, uint32_t tap_index);

/** What lwf_journal_restore() found. */
enum lwf_restore {
	LWF_RESTORE_DONE,    /* addresses and routes are back; the file is removed */
	LWF_RESTORE_LIVE,    /* a living daemon has it locked */
	LWF_RESTORE_FOREIGN, /* it is about another network namespace */
	LWF_RESTORE_NO_NIC,  /* the NIC does not exist now; the file stays */
	LWF_RESTORE_BROKEN,  /* it is no journal, another user's, or cannot be read */
	LWF_RESTORE_REFUSED, /* the kernel refused everything (no right); the file stays */
};

/**
 * Plays the journal at @path through netlink socket @fd, whose namespace has inode @netns. *head
 * (may be NULL) gets its header unless it is broken.
 */
enum lwf_restore lwf_journal_restore(const char *path, int fd, uint64_t netns,
				     struct lwf_journal *head);

#endif
