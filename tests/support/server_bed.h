/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_bed.h - what the tests of the control server share: the libevent host with a stack "s0" between two
 * simulated devices, and the server, on a thread of their own; the test is the client.
 */
#ifndef LWF_TEST_SERVER_BED_H
#define LWF_TEST_SERVER_BED_H

#include "control.h"
#include "socket.h"

/* While a script is played. The loop's thread has them: the test reads what stands still. */
extern struct lwf_host *host;
extern struct lwf_engine *engine;
extern struct lwf_stack *stack;
extern struct lwf_server server;
extern struct lwf_socket sock;
extern struct lwf_edge *upper, *lower;

struct server_bed {
	const struct lwf_filter_ops *filters[4]; /* those that are registered; then NULL */
	const char *modules[4];			 /* of s0, the topmost first; then NULL */
	void (*closing)(void); /* on the loop's thread, when all peers are gone; may be NULL */
};

/** Makes the folder of the socket, and takes it away: set-up and tear-down of a group of tests. */
int server_bed_begin(void **state);
int server_bed_end(void **state);

/** Opens all, runs @script here while the loop runs there, and closes all: nothing is left, no rule was broken. */
void server_bed_play(const struct server_bed *bed, void (*script)(void));

/** Runs @fn on the loop, and returns when it has run. */
void server_bed_on_loop(void (*fn)(void));

#endif
