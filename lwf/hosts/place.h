/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - the loop leaves a processor that it shares while another one is idle.
 *
 * The loop does not sleep between the bursts of a stream, so the scheduler's choice at a wake-up never
 * comes, and its balancing leaves alone what is idle for less than half a millisecond at a time. A
 * loop that began beside a stream's sender would stay there: it has half a processor, the sender the
 * other half, and the receiver's processor idles for lack of frames. This looks at what the kernel
 * tells (time spent waiting for a processor, idle time of each), goes where it is idle if that is
 * clear, and holds on there until lwf_place_release(), since balancing would take it back, and so
 * would the wake-ups by the sender. It stays within the set of processors that the thread was given,
 * which is its set again afterwards.
 */
#ifndef LWF_HOSTS_PLACE_H
#define LWF_HOSTS_PLACE_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_CPUS_MAX 1024u /* more are not looked at: such a machine has an idle one near */

struct place_idle {
	uint32_t ticks[PLACE_CPUS_MAX]; /* idle since boot, modulo 2^32 */
	bool online[PLACE_CPUS_MAX];
};

struct place {
	int waited_fd; /* schedstat of the loop's thread; -1: nothing is known, nothing is done */
	int stat_fd;
	char *text; /* room for /proc/stat, taken at the start */
	uint32_t ticks_per_s;
	uint64_t since_ns, next_ns; /* this look's window began; the next one is due */
	uint64_t waited_ns;	    /* for a processor, ever, at since_ns */
	uint64_t keep_until_ns;	    /* it does not yield before */
	bool contended;		    /* the last window was, and @before is of its end */
	struct place_idle before, after;
	bool held; /* on @cpu; @allowed is the set to give back */
	int cpu;
	cpu_set_t allowed;
};

/** Looks at the calling thread from now on. Without the kernel's accounts it never does anything. */
void lwf_place_open(struct place *place);
void lwf_place_close(struct place *place);

/**
 * Call it often while busy, on that thread: it acts every 50 ms at most. True: it moved, and holds on
 * to the new processor.
 */
bool lwf_place_look(struct place *place, uint64_t now_ns);

/** True: the last look was less than 200 ms ago, so the loop is still at it. */
bool lwf_place_is_busy(const struct place *place, uint64_t now_ns);

/** Gives the set of processors back, unless somebody else has set another one meanwhile. */
void lwf_place_release(struct place *place);

/**
 * Whether the loop may yield at @now_ns: not for as long as others kept the processor when it did so
 * last, if that was a whole slice. Who yields every turn to one who never does gets next to nothing.
 */
bool lwf_place_may_yield(const struct place *place, uint64_t now_ns);

/** It yielded at @before_ns and was there again at @now_ns. */
void lwf_place_yielded(struct place *place, uint64_t before_ns, uint64_t now_ns);

/* ---- pure parts, for tests ---- */

/** Reads the text of /proc/stat, which may be cut off anywhere: a cut line does not count. */
void lwf_place_read_idle(const char *text, size_t bytes, struct place_idle *idle);

/**
 * The processor that was idle longest between two looks, if for more than a quarter of
 * @window_ticks; else, or if it is @here, -1. @allowed answers for a processor.
 */
int lwf_place_choose(const struct place_idle *before, const struct place_idle *after, int here,
		     uint32_t window_ticks, bool (*allowed)(const void *context, unsigned cpu),
		     const void *context);

#endif
