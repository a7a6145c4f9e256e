/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_diag.h - questions to the kernel's socket diagnosis (NETLINK_SOCK_DIAG), and its answers.
 *
 * Requests are made, and answers are read, in memory: nothing here has a descriptor. An answer is
 * believed only as far as its lengths go and only when it is about what was asked: for a peer that
 * nobody is connected to, the kernel names the listener, and says so only by what it returns.
 */
#ifndef LWF_DAEMON_OWNER_DIAG_H
#define LWF_DAEMON_OWNER_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWNER_REQUEST_BYTES 96u	   /* no request is longer */
#define OWNER_ANSWER_BYTES  16384u /* the kernel fills buffers of a dump up to this */

/** A socket's two ends, seen from its own machine. IPv4 addresses stand as ::ffff:a.b.c.d. */
struct owner_tuple {
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port; /* numbers of the machine; remote 0: not connected */
	uint8_t protocol;		  /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE */
	uint8_t v6;
	uint8_t zero[2];
};

/** What the kernel tells of one socket. */
struct owner_socket {
	struct owner_tuple tuple;
	uint64_t cookie; /* its own for as long as it lives */
	uint32_t inode;	 /* of its file; 0: no file yet, or no more */
	uint32_t uid;
	uint8_t state;	 /* OWNER_STATE_... */
	uint8_t v6_only; /* IPv6, and takes no IPv4 */
	uint8_t zero[6];
};

/* States of a socket, TCP's and UDP's alike: include/net/tcp_states.h, which no user header has. */
#define OWNER_STATE_ESTABLISHED 1u
#define OWNER_STATE_SYN_SENT	2u
#define OWNER_STATE_SYN_RECV	3u
#define OWNER_STATE_CLOSE_WAIT	8u
#define OWNER_STATE_LISTEN	10u
#define OWNER_STATE_NEW_SYN	12u /* a connection that is not one yet */

/** How well a socket fits a tuple; better ones are greater. */
enum owner_match {
	OWNER_MATCH_NONE,
	OWNER_MATCH_LISTENER, /* TCP: listens on the local port */
	OWNER_MATCH_BOUND,    /* UDP: has the local port, and no peer */
	OWNER_MATCH_EXACT,    /* both ends */
	OWNER_MATCH_SENDER,   /* no socket: a process was seen to send, owner_trail.h */
};

/** Which sockets a dump lists. */
enum owner_list {
	OWNER_LIST_LISTENERS, /* TCP, listening */
	OWNER_LIST_ALIVE,     /* TCP, connected or about to be, and not closed by its holder */
	OWNER_LIST_UDP,
	OWNER_LIST_UDPLITE,
};

/**
 * Writes the request for the one socket that has @tuple. @ifindex is where its frames pass (0:
 * unknown), since a socket may be bound to a device. Returns bytes.
 */
size_t owner_diag_get(uint8_t request[OWNER_REQUEST_BYTES], const struct owner_tuple *tuple,
		      uint32_t ifindex, uint32_t sequence);

/** Writes the request for all sockets of @list with IPv6 (@v6) or without; @port 0: of all ports. */
size_t owner_diag_list(uint8_t request[OWNER_REQUEST_BYTES], enum owner_list list, bool v6,
		       uint16_t port, uint32_t sequence);

/**
 * The next socket in an answer of @bytes; *at starts at 0 and moves on. Messages with another
 * sequence number are left out: late ones of an earlier question. Returns 1 and *socket; 0: the end of the
 * list; -EAGAIN: read on; -EPROTO: the answer is no answer; or what the kernel refused it with (-ENOENT:
 * no such socket).
 */
int owner_diag_next(const uint8_t *answer, size_t bytes, size_t *at, uint32_t sequence,
		    struct owner_socket *socket);

/**
 * How well @socket fits @tuple. For UDP every socket with the same local end fits, since any of them may
 * have sent a datagram.
 */
enum owner_match owner_diag_match(const struct owner_tuple *tuple,
				  const struct owner_socket *socket);

#endif
