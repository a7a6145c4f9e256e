/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_work.h - what the resolver process does once it is alone: owner_work.c its loop and its asks,
 * owner_list.c its questions to the kernel.
 */
#ifndef LWF_DAEMON_OWNER_WORK_H
#define LWF_DAEMON_OWNER_WORK_H

#include "owner_resolver.h"
#include "owner_scan.h"

#define OWNER_SOCKETS_MAX   8u /* with one tuple, that are looked at */
#define OWNER_REST_LEAST_NS 5000000ull
#define OWNER_REST_MOST_NS  500000000ull
#define OWNER_REST_FACTOR   4u /* of the time of the pass before */

/** An ask, and the sockets that have its tuple. */
struct owner_case {
	struct owner_ask ask;
	uint32_t inodes[OWNER_SOCKETS_MAX];
	uint8_t count;
	bool more;     /* there are more sockets than that */
	uint16_t next; /* case of the same port, number from 1 */
};

struct owner_list_state {
	bool wanted;  /* for the next pass */
	bool listing; /* in this one */
	uint32_t space;
	uint32_t count, missed;
	int error;
	struct owner_socket sockets[OWNER_LIST_MAX];
};

struct owner_work {
	int fd; /* to the daemon */
	int spaces[OWNER_SPACES_MAX];
	uint32_t sequence;
	int procfs;
	struct owner_scan *scan;
	bool passing;
	uint64_t pass_number, pass_began_ns, next_pass_ns;
	uint32_t waiting,
		active; /* cases: those of the pass, and behind them those for the next one */
	struct owner_case cases[OWNER_ASKS_MAX];
	uint16_t by_port[65536]; /* numbers of cases from 1, while siblings are looked for */
	struct owner_list_state list;
	struct owner_message in, out;
	_Alignas(8) uint8_t answer[2 * OWNER_ANSWER_BYTES];
};

/** Serves until the daemon's end closes. @procfs: a descriptor of /proc. */
_Noreturn void owner_work_run(int fd, int procfs);

/** Finds for each case of the pass the other sockets that have its tuple. */
void owner_list_siblings(struct owner_work *work);

/** Lists the sockets of a namespace into work->list. */
void owner_list_all(struct owner_work *work);

#endif
