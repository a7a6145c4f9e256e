/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reasons.h - every way to refuse or lose a frame, by name.
 *
 * A reason is the counter in `lwfctl show`, the word in the trace and the row of the documentation.
 * The status beside it is what the owner of the frame is told.
 */
#ifndef LWF_REASONS_H
#define LWF_REASONS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** X(enum suffix, printed name, status suffix, sentence) */
#define LWF_REASON_LIST(X)                                                                         \
	X(NONE, "none", SUCCESS, "nothing happened to it")                                         \
	X(NOT_RUNNING, "not-running", PAUSED, "a module or the stack was not Running")             \
	X(DETACHED, "detached", PAUSED, "the stack is detached: disabled, or by a user")           \
	X(DISABLED, "adapter-disabled", PAUSED, "the device answered that it is down")             \
	X(REMOVED, "adapter-removed", ADAPTER_REMOVED, "the interface is gone from its namespace") \
	X(NO_CARRIER, "no-carrier", MEDIA_DISCONNECTED, "the link has no carrier")                 \
	X(TOO_SHORT, "too-short", INVALID_LENGTH, "shorter than an Ethernet header (14 bytes)")    \
	X(TOO_LONG, "too-long", INVALID_LENGTH, "longer than the MTU allows")                      \
	X(TRUNCATED, "truncated", INVALID_LENGTH, "the record holds less than the frame had")      \
	X(QUEUE_FULL, "queue-full", RESOURCES, "the edge's queue is full")                         \
	X(QUEUE_TIMEOUT, "queue-timeout", RESOURCES, "the device had no room for 100 ms")          \
	X(NO_FRAME, "no-frame", RESOURCES, "the frame pool is empty")                              \
	X(CANCELLED, "cancelled", SEND_ABORTED, "its sender cancelled it")                         \
	X(CLIENT_GONE, "client-gone", SEND_ABORTED, "its sender disconnected first")               \
	X(FILTER, "filter", NOT_ACCEPTED, "a filter dropped it")                                   \
	X(UPPER_DOWN, "upper-down", FAILURE, "the upper device is down; nobody would read it")     \
	X(UPPER_GONE, "upper-gone", FAILURE, "the upper device is gone")                           \
	X(OFFLOAD, "offload", NOT_SUPPORTED, "a super-frame that nobody here can cut")             \
	X(DEVICE, "device-error", FAILURE, "another error of the device; its errno is counted")    \
	X(RUNT, "runt", INVALID_LENGTH, "received with less than an Ethernet header")              \
	X(UNANSWERED, "unanswered", UNKNOWN, "the daemon died before it was answered")             \
	X(UNSUPPORTED, "unsupported", NOT_SUPPORTED,                                               \
	  "asked for what this module, or lwfd, cannot do")                                        \
	X(PACKET_FILTER, "packet-filter", NOT_ACCEPTED,                                            \
	  "the adapter's packet filter does not want it")                                          \
	X(IMPAIRED_LOSS, "impaired-loss", NOT_ACCEPTED,                                            \
	  "filter impair lost it, as it was told to")                                              \
	X(IMPAIRED_QUEUE, "impaired-queue", NOT_ACCEPTED, "the queue of filter impair was full")   \
	X(VERDICT_DENIED, "verdict-denied", NOT_ACCEPTED, "a rule or a decider denied it")         \
	X(VERDICT_DEFAULT, "verdict-default", NOT_ACCEPTED, "nobody decided about it in time")     \
	X(VERDICT_OVERFLOW, "verdict-overflow", NOT_ACCEPTED,                                      \
	  "no room to wait for its verdict, or nobody to be asked")                                \
	X(VERDICT_MERGED, "verdict-merged", NOT_ACCEPTED,                                          \
	  "the same SYN waits for its verdict already")                                            \
	X(VERDICT_FLOW, "verdict-flow-ended", NOT_ACCEPTED,                                        \
	  "its flow ended while it waited for a verdict")

enum lwf_reason {
#define X(sym, name, status, text) LWF_REASON_##sym,
	LWF_REASON_LIST(X)
#undef X
		LWF_REASONS
};

/** Printed name of @reason ("no-carrier"); "none" for a number out of range. */
const char *lwf_reason_name(enum lwf_reason reason);

/** The sentence of @reason. */
const char *lwf_reason_text(enum lwf_reason reason);

/** The status that goes with @reason. */
uint32_t lwf_reason_status(enum lwf_reason reason);

#ifdef __cplusplus
}
#endif

#endif
