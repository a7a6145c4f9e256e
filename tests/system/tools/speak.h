/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * speak.h - the control socket and the rings as bytes, for a client that means harm.
 *
 * Written against include/lwf/control.h and ring.h alone; it uses nothing of lwf/wire or of the
 * client library, which would keep it from being wrong.
 */
#ifndef SPEAK_H
#define SPEAK_H

#include <lwf/control.h>
#include <lwf/ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum speak_got { SPEAK_REPLY, SPEAK_ERROR, SPEAK_CLOSED, SPEAK_SILENCE };

const char *speak_name(enum speak_got got);

/** Connects to LWF_CONTROL, or returns -1 with errno. */
int speak_connect(void);

/** Sends a header and @body as they are; false when the daemon has closed or takes no more. */
bool speak_send(int fd, uint16_t type, uint32_t sequence, const void *body, uint32_t len);

/** Sends @bytes as one packet. */
bool speak_raw(int fd, const void *bytes, size_t len);

/** Waits up to @ms for an answer; others (events, rung) are read and left aside. */
enum speak_got speak_answer(int fd, int ms, int *passed_fd);

/** The same with a request before it. */
enum speak_got speak_ask(int fd, uint16_t type, const char *body);

/** True when the daemon closes @fd within @ms. */
bool speak_is_closed(int fd, int ms);

struct speak_ring {
	int fd, memory;
	uint8_t *base;
	struct lwf_ring_control *control;
	struct lwf_ring_submit *submit;
	struct lwf_ring_answer *answer;
	uint8_t *data;
};

/** Connects and opens a session on @stack. Returns false when the daemon refuses or has no more. */
bool speak_open(struct speak_ring *ring, const char *stack);
void speak_close(struct speak_ring *ring);

/** Writes one record and rings; no check of any kind. */
void speak_submit(struct speak_ring *ring, uint64_t id, uint32_t offset, uint32_t len,
		  uint32_t flags);
void speak_ring_bell(struct speak_ring *ring);

/** Takes the next answer; false when none comes within @ms. */
bool speak_take(struct speak_ring *ring, struct lwf_ring_answer *answer, int ms);

#endif
