/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_wire.h - what the daemon and its resolver process say to each other.
 *
 * Messages of fixed records over a SOCK_SEQPACKET pair: one head, then as many records of one kind as
 * it says. The daemon believes the resolver no more than a client: a message is judged whole before
 * a record of it is read. Both ends are the same program, so there are no versions.
 */
#ifndef LWF_DAEMON_OWNER_WIRE_H
#define LWF_DAEMON_OWNER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/flow.h>

#include "owner_diag.h"

#define OWNER_MAGIC	  0x6c77666fu
#define OWNER_SPACES_MAX  8u  /* network namespaces that are asked */
#define OWNER_RECORDS_MAX 32u /* in one message */

enum owner_kind {
	OWNER_KIND_SPACE =
		1, /* to the resolver: namespace number `space` has the netlink socket that comes along */
	OWNER_KIND_ASK,	   /* to the resolver: who holds these? struct owner_ask */
	OWNER_KIND_LIST,   /* to the resolver: all sockets of `space` */
	OWNER_KIND_ANSWER, /* from it: struct owner_answer */
	OWNER_KIND_FOUND,  /* from it: some of the sockets of a list: struct owner_found */
	OWNER_KIND_END,	   /* from it: the list is whole: one struct owner_end */
	OWNER_KIND_PASS, /* from it: what looking through all descriptors took: one struct owner_pass */
};

struct owner_head {
	uint32_t magic;
	uint16_t kind;	/* enum owner_kind */
	uint16_t count; /* of records */
	uint32_t space;
	uint32_t zero;
};

/** A socket, and what the answer shall judge. */
struct owner_ask {
	uint64_t id; /* the daemon's */
	uint64_t cookie;
	uint64_t asked; /* when, in ticks since boot: a younger process has inherited, at best;
			   SENDER: when it sent */
	struct owner_tuple tuple;
	uint32_t inode, uid; /* of the socket that the kernel named */
	uint8_t match;	     /* enum owner_match: how it was found */
	uint8_t space;
	uint8_t zero[2];
	uint32_t pid;			 /* SENDER: it, and inode is 0; else 0 */
	char comm[LWF_OWNER_COMM_BYTES]; /* SENDER: its name then */
};

struct owner_answer {
	uint64_t id;
	struct lwf_owner owner;
};

struct owner_found {
	struct owner_tuple tuple; /* remote port 0: listens, or is not connected */
	struct lwf_owner owner;
};

struct owner_end {
	uint32_t found;	 /* sockets that were told */
	uint32_t missed; /* for which there was no room */
	int32_t error;	 /* 0 or -errno */
	uint32_t zero;
};

/** One look through all descriptors. */
struct owner_pass {
	uint64_t number;      /* from 1 */
	uint64_t nanoseconds; /* from its begin to its end */
	uint32_t links;	      /* descriptors that were read */
	uint32_t processes;
	uint32_t denied; /* processes that could not be looked at */
	uint32_t slices;
	uint32_t slice_links; /* the most in one slice */
	uint32_t asks;	      /* that it answered */
};

union owner_record {
	struct owner_ask ask;
	struct owner_answer answer;
	struct owner_found found;
	struct owner_end end;
	struct owner_pass pass;
};

struct owner_message {
	struct owner_head head;
	union {
		struct owner_ask ask[OWNER_RECORDS_MAX];
		struct owner_answer answer[OWNER_RECORDS_MAX];
		struct owner_found found[OWNER_RECORDS_MAX];
		struct owner_end end;
		struct owner_pass pass;
	};
};

/** Bytes of a message of @kind with @count records; 0 when there is no such message. */
size_t owner_message_bytes(enum owner_kind kind, uint32_t count);

/**
 * Judges what came from the resolver: kind, length, every number that is a name, every text's end.
 * Texts are made printable in place. False: do not read it.
 */
bool owner_message_from_resolver(struct owner_message *message, size_t bytes);

/** The same for what came from the daemon. */
bool owner_message_from_daemon(const struct owner_message *message, size_t bytes);

/** Ends @text within @bytes and puts '?' for control characters and what is no UTF-8. */
void owner_text_clean(char *text, size_t bytes);

#endif
