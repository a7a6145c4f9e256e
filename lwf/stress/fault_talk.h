/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_talk.h - one request to the kernel and its answers: what all share that speak rtnetlink here.
 */
#ifndef LWF_STRESS_FAULT_TALK_H
#define LWF_STRESS_FAULT_TALK_H

#include <linux/netlink.h>
#include <stddef.h>

struct nl_msg;
struct nl_sock;

/** Told of each message of an answer; lent. */
typedef void fault_talk_heard(const struct nlmsghdr *header, void *context);

/** A request with a fixed part of @bytes. NULL without memory. */
struct nl_msg *fault_talk_message(int type, int flags, const void *head, size_t bytes);

/**
 * Sends @message (taken; NULL: there was no memory for it) and waits for its end: an acknowledgement,
 * one message, or the end of a dump. 0 or -errno, the kernel's.
 */
int fault_talk(struct nl_sock *net, struct nl_msg *message, fault_talk_heard *heard, void *context);

#endif
