/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_deaf.h - notices a client that does not read its answers, and says so once.
 *
 * Answers lie in the client's ring until it has read them, and when that is full nothing more is taken
 * from it: nobody else is harmed. But its owner wants to know. All functions are for the loop thread.
 */
#ifndef LWF_DAEMON_CLIENT_DEAF_H
#define LWF_DAEMON_CLIENT_DEAF_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/host.h>

#define LWF_CLIENT_DEAF_NS	5000000000ull /* unread answers, and none read, for so long */
#define LWF_CLIENT_DEAF_LOOK_NS 500000000ull  /* it is told so much later at most */

struct lwf_client;

struct lwf_client_deaf {
	struct lwf_timer timer; /* runs only while it may be deaf, and nobody was told of it yet */
	bool watching;
	bool told;	   /* of this episode, which ends when it reads */
	uint32_t head;	   /* the client's answer_head, as it was ... */
	uint64_t since_ns; /* ... from then on at the latest */
};

/** Prepares client->deaf. Returns 0 or -ENOMEM. */
int lwf_client_deaf_init(struct lwf_client *client);

/** Accepts one that lwf_client_deaf_init() has not seen. */
void lwf_client_deaf_fini(struct lwf_client *client);

/** Answers were written into its ring; called for each batch of them. */
void lwf_client_deaf_answered(struct lwf_client *client);

/** The client goes: nobody cares any more. */
void lwf_client_deaf_cancel(struct lwf_client *client);

/** Answers in its ring that it has not read; at most all that there is room for, whatever it writes there. */
uint32_t lwf_client_unread(const struct lwf_client *client);

/** True from the warning on, until it has read an answer. */
bool lwf_client_is_deaf(const struct lwf_client *client);

#endif
