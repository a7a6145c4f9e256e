/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_capture.h - all frames that come in at the devices of a network namespace, with all that the
 * kernel says of them.
 *
 * A ring of the kernel's, which is as large as is asked for, where the buffer of a plain socket is not for
 * everybody. What found it full was not seen, and is counted. One thread.
 */
#ifndef LWF_STRESS_LIVE_CAPTURE_H
#define LWF_STRESS_LIVE_CAPTURE_H

#include "sight.h"

struct live_capture {
	int fd; /* readable when there is a frame */
	uint8_t *ring;
	size_t bytes; /* of the ring */
	uint32_t slot_bytes, block_bytes, slots, next;
	uint64_t missed; /* frames that are not whole, or were not seen at all */
};

struct live_captured {
	struct stress_frame
		frame; /* as it was on the wire, tags and all; until live_capture_done() */
	int ifindex;
};

/** In the namespace of this thread, for frames of at most @longest bytes. 0 or -errno. */
int live_capture_open(struct live_capture *capture, uint32_t longest);
void live_capture_close(struct live_capture *capture);

/** The next frame; false: there is none now. live_capture_done() is called before the next one. */
bool live_capture_next(struct live_capture *capture, struct live_captured *captured);
void live_capture_done(struct live_capture *capture);

/** Adds what the kernel dropped to capture->missed. */
void live_capture_account(struct live_capture *capture);

/** Name of a device of the capture's namespace into @name (IFNAMSIZ). False: there is none of that index. */
bool live_capture_name(const struct live_capture *capture, int ifindex, char *name);

#endif
