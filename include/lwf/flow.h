/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.h - conversations, and the process at this end of each.
 *
 * The owner of a flow is asked of the host (lwf_host_ask_owner() in lwf/host.h): the engine itself
 * makes no system call, and never waits for the answer. How an owner is known is said beside it;
 * one that is not known has a reason.
 *
 * Threads: everything here is for the loop thread.
 */
#ifndef LWF_FLOW_H
#define LWF_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <lwf/parse.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the process at this end ---- */

#define LWF_OWNER_COMM_BYTES 16u  /* as the kernel has it, with its end */
#define LWF_OWNER_EXE_BYTES  256u /* a longer path is cut at its end */
#define LWF_OWNER_NO_UID     UINT32_MAX

/** X(symbol, name, sentence): how sure an owner is */
#define LWF_OWNER_HOW_LIST(X)                                                             \
	X(UNKNOWN, "unknown", "nobody could be named; why says the reason")               \
	X(PENDING, "pending", "the socket is known, its process is being looked for")     \
	X(EXACT, "exact", "the only holder of the socket with these two ends")            \
	X(LISTENER, "listener", "who listens on that port; the connection has no holder") \
	X(INHERITED, "inherited", "the creator of a socket that its children hold too")   \
	X(AMBIGUOUS, "ambiguous", "several hold the socket; the oldest of its user")

enum lwf_owner_how {
#define X(sym, name, text) LWF_OWNER_##sym,
	LWF_OWNER_HOW_LIST(X)
#undef X
};

/** X(symbol, name, sentence): why an owner is not known */
#define LWF_OWNER_WHY_LIST(X)                                                          \
	X(NONE, "none", "it is known")                                                 \
	X(NOT_ASKED, "not-asked", "nobody has asked yet")                              \
	X(NO_RESOLVER, "no-resolver", "the host has nobody who could tell")            \
	X(NO_SOCKET, "no-socket", "there is no such socket, or it is closed already")  \
	X(NO_INODE, "no-inode", "the socket is in nobody's hands: not yet or no more") \
	X(NO_HOLDER, "no-holder", "no process was found that holds the socket")        \
	X(NO_PERMISSION, "no-permission", "its holders cannot be looked at")           \
	X(OTHER_NETNS, "other-netns", "the socket is in another network namespace")    \
	X(KERNEL, "kernel", "the socket is the kernel's own")                          \
	X(RAW, "raw", "frames of raw sockets have no owner that could be found")       \
	X(NOT_LOCAL, "not-local", "no end of the flow is on this machine")             \
	X(OVERLOAD, "overload", "too many questions at once")

enum lwf_owner_why {
#define X(sym, name, text) LWF_OWNER_WHY_##sym,
	LWF_OWNER_WHY_LIST(X)
#undef X
};

/** A process by what stays its own: a pid alone may be another's a moment later. */
struct lwf_owner {
	uint32_t pid;	     /* 0: unknown */
	uint32_t uid;	     /* of the socket; LWF_OWNER_NO_UID: unknown */
	uint64_t start_time; /* ticks since boot, as field 22 of /proc/PID/stat; 0: unknown */
	uint64_t cookie;     /* the kernel's number of the socket, or 0 */
	uint16_t holders;    /* processes that hold the socket; 0: unknown */
	uint8_t how;	     /* enum lwf_owner_how */
	uint8_t why;	     /* enum lwf_owner_why: with UNKNOWN, else NONE */
	uint32_t ppid;	     /* its parent when it was looked at; 0: unknown */
	char comm[LWF_OWNER_COMM_BYTES];
	char exe[LWF_OWNER_EXE_BYTES]; /* "" when unknown */
};

/**
 * Who holds the socket of this flow? The host copies it. @answer comes on the loop thread, never
 * inside the asking, at most once unless the first was PENDING: then a second follows.
 */
struct lwf_owner_question {
	struct lwf_flow_key key;
	enum lwf_endpoint local; /* the endpoint on this machine's side */
	uint64_t flow;		 /* the asker's own number for it: comes back with the answer */
	void (*answer)(void *context, uint64_t flow, const struct lwf_owner *owner);
	void *context; /* the asker: see lwf_host_forget_owners() */
};

/** Printed name and sentence; "?" for what is not in the list. */
const char *lwf_owner_how_name(enum lwf_owner_how how);
const char *lwf_owner_why_name(enum lwf_owner_why why);
const char *lwf_owner_why_text(enum lwf_owner_why why);

#ifdef __cplusplus
}
#endif

#endif
