/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakedaemon.h - a daemon for tests of the client library: a thread answers the control messages, the
 * ring is served by the test itself, step by step.
 *
 * There is one at a time, in the variable fake. open_handle() and close_handle() start and end it.
 */
#ifndef LWF_TEST_FAKEDAEMON_H
#define LWF_TEST_FAKEDAEMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lwf/inject.h>
#include <lwf/ring.h>

enum lie {
	HONEST,
	BAD_MAGIC,
	BAD_VERSION,
	UNSEALED,
	TOO_SMALL,
	NO_MEMORY,
	NO_STACK,
	MUTE,
	GARBAGE
};

struct fake {
	_Atomic enum lie lie;
	char folder[64], path[128];
	int listener;
	atomic_int peer;
	bool runs;
	pthread_t thread;
	uint8_t *map;
	struct lwf_ring_control *control;
	uint32_t submit_head, answer_tail;
	atomic_int doorbells, cancels;
	char open_body[256]; /* what it asked for; there once it has the answer */
};

extern struct fake fake;

/** Listens at fake.path, and tells this lie. */
void start_daemon(enum lie lie);

/** The daemon dies: its descriptors close. The rings stay mapped here to look at. */
void kill_daemon(void);

/** The connection ends, and the thread that serves it; kill_daemon() is still to come. */
void shutdown_peer(void);

/** Ends it, dead or alive, and forgets its memory. */
void end_daemon(void);

/** Takes the next record, as the engine does. False: none. */
bool pull(struct lwf_ring_submit *record);

/** Tells the client how far it has pulled. */
void publish_pulled(void);

/** Answers a frame, and rings if the client waits. */
void answer_whole(uint64_t id, lwf_status status, bool refused);

/** The same for a frame that was admitted. */
void answer_id(uint64_t id, lwf_status status);

/** Answers all that waits with SUCCESS. Returns how many. */
uint32_t serve_ring(void);

/** Options for a handle of it. */
struct lwf_inject_options options(void);

/** Starts an honest one and opens a handle. */
struct lwf_inject *open_handle(void);

/** Closes the handle and ends the daemon. */
void close_handle(struct lwf_inject *handle);

/** Submits a frame of @len bytes that count up from @context. */
int submit_bytes(struct lwf_inject *handle, uint32_t len, uint64_t context);

#endif
