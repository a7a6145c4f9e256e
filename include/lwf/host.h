/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h - all that the engine, its filters and its edges may ask of the outside.
 *
 * The core and the filters never call clock_gettime, rand, malloc or a system call; they ask the
 * host they were given. lwf/hosts/event.c is the real one (libevent); lwf/hosts/sim.c has virtual
 * time, a seed, and fails the n-th allocation on command. Both drive the very same objects.
 *
 * Threads: everything here is for the loop thread, except lwf_host_post().
 */
#ifndef LWF_HOST_H
#define LWF_HOST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_engine;
struct lwf_host;
struct lwf_timer;
struct lwf_watch;
struct lwf_task;
struct lwf_owner;
struct lwf_owner_question;
struct lwf_match;
struct lwf_policy;

enum lwf_log_level { LWF_LOG_ERROR, LWF_LOG_WARNING, LWF_LOG_INFO, LWF_LOG_DEBUG };

#define LWF_WATCH_READ	1u
#define LWF_WATCH_WRITE 2u

/**
 * A one-shot timer, embedded in the object it serves. The embedder owns the memory and must cancel
 * the timer before that memory goes. @impl is the host's.
 */
struct lwf_timer {
	struct lwf_host *host;
	void (*fn)(void *context);
	void *context;
	uint64_t deadline_ns; /* host clock; meaningful while armed */
	bool armed;
	void *impl;
	struct lwf_timer *next, *prev; /* the host's list of timers that exist */
};

/** Interest in a descriptor, embedded like a timer. Hosts without descriptors refuse it. */
struct lwf_watch {
	struct lwf_host *host;
	void (*fn)(void *context, unsigned events); /* LWF_WATCH_*; also on error and hang-up */
	void *context;
	int fd;
	unsigned events;   /* what is waited for at present */
	unsigned priority; /* 0: link events, before all else in a turn; 1: data */
	void *impl;
};

/** Work handed to the loop thread from any thread; embedded; posted at most once at a time. */
struct lwf_task {
	void (*fn)(void *context);
	void *context;
	struct lwf_task *next;
};

struct lwf_host_ops {
	uint64_t (*now_ns)(struct lwf_host *host);
	uint64_t (*random)(struct lwf_host *host);
	void *(*alloc)(struct lwf_host *host, size_t bytes); /* zeroed, 64-byte aligned, or NULL */
	void (*free)(struct lwf_host *host, void *memory);
	int (*timer_init)(struct lwf_host *host, struct lwf_timer *timer);
	void (*timer_arm)(struct lwf_host *host, struct lwf_timer *timer);
	void (*timer_disarm)(struct lwf_host *host, struct lwf_timer *timer);
	void (*timer_fini)(struct lwf_host *host, struct lwf_timer *timer);
	int (*watch_add)(struct lwf_host *host, struct lwf_watch *watch);
	void (*watch_set)(struct lwf_host *host, struct lwf_watch *watch, unsigned events);
	void (*watch_remove)(struct lwf_host *host, struct lwf_watch *watch);
	void (*post)(struct lwf_host *host, struct lwf_task *task);
	void (*log)(struct lwf_host *host, enum lwf_log_level level, const char *format,
		    va_list args);
	/* may be NULL: the host knows nobody */
	int (*ask_owner)(struct lwf_host *host, const struct lwf_owner_question *question,
			 struct lwf_owner *owner);
	void (*forget_owners)(struct lwf_host *host, void *context);
	int (*listens)(struct lwf_host *host, const struct lwf_owner_question *question);
	/* lwf_host_compile_match() of lwf/match.h; may be NULL: the host compiles none */
	int (*compile_match)(struct lwf_host *host, const char *text, struct lwf_match *match,
			     char *error, size_t error_bytes);
	/* lwf_host_load_policy() of lwf/policy.h; may be NULL: the host reads none */
	int (*load_policy)(struct lwf_host *host, const char *file, bool fresh,
			   struct lwf_policy **policy, char *error, size_t error_bytes);
};

/** A host embeds this as its first member. */
struct lwf_host {
	const struct lwf_host_ops *ops;
	struct lwf_engine *engine; /* the core's: who hears of a frame that is freed wrongly */
};

/** Monotonic nanoseconds; never goes back, does not jump with the wall clock. */
static inline uint64_t lwf_host_now_ns(struct lwf_host *host)
{
	return host->ops->now_ns(host);
}

static inline uint64_t lwf_host_random(struct lwf_host *host)
{
	return host->ops->random(host);
}

/** Zeroed memory, aligned to 64 bytes, or NULL. Never on the data path. */
static inline void *lwf_host_alloc(struct lwf_host *host, size_t bytes)
{
	return host->ops->alloc(host, bytes);
}

/** Accepts NULL. */
static inline void lwf_host_free(struct lwf_host *host, void *memory)
{
	if (memory)
		host->ops->free(host, memory);
}

/** Prepares a timer. Returns 0 or -ENOMEM. */
int lwf_timer_init(struct lwf_timer *timer, struct lwf_host *host, void (*fn)(void *),
		   void *context);

/** Arms, or re-arms, @timer to fire once after @delay_ns. */
void lwf_timer_set(struct lwf_timer *timer, uint64_t delay_ns);

/** Disarms; does nothing when it is not armed. */
void lwf_timer_cancel(struct lwf_timer *timer);

/** Cancels and gives back what the host keeps for it. Accepts a timer that is all zero. */
void lwf_timer_fini(struct lwf_timer *timer);

/** Watches @fd from now on. Returns 0, -ENOMEM, or -ENOTSUP on a host without descriptors. */
int lwf_watch_init(struct lwf_watch *watch, struct lwf_host *host, int fd, unsigned events,
		   unsigned priority, void (*fn)(void *, unsigned), void *context);

/** Changes what is waited for; 0 keeps the watch but hears nothing. Cheap when nothing changes. */
void lwf_watch_set(struct lwf_watch *watch, unsigned events);

/** Stops watching; the descriptor stays the caller's. Accepts a watch that is all zero. */
void lwf_watch_fini(struct lwf_watch *watch);

/** Any thread: @task runs once on the loop thread, soon. */
static inline void lwf_host_post(struct lwf_host *host, struct lwf_task *task)
{
	host->ops->post(host, task);
}

/**
 * Who owns a flow (lwf/flow.h)? Never blocks, never allocates: may be asked on the data path.
 * Returns 0: @owner is the answer, also when that is UNKNOWN with a reason. -EINPROGRESS: @owner is
 * what is known so far, and the rest comes by the question's answer function. Without anybody who
 * could tell: 0 and UNKNOWN (no-resolver).
 */
int lwf_host_ask_owner(struct lwf_host *host, const struct lwf_owner_question *question,
		       struct lwf_owner *owner);

/**
 * Does anybody here listen where the local end of a TCP connection is? Then it was begun by the other side.
 * 1, 0, or -EAGAIN when that cannot be told now. Never blocks. @question's answer function is not called.
 */
int lwf_host_listens(struct lwf_host *host, const struct lwf_owner_question *question);

/** No question of @context is answered any more. The asker does this before it goes. */
void lwf_host_forget_owners(struct lwf_host *host, void *context);

/** Never on the data path. The message starts with "stack/module: " where it has one. */
void lwf_log(struct lwf_host *host, enum lwf_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif
