/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_pace.h - when the next frame is due.
 *
 * The schedule is absolute: a frame that leaves late does not make the next ones late, so the
 * average is exact. What a delay (a pause, a busy machine) has put behind is caught up only as far
 * as INJECT_CATCH_UP_NS; more than that moves the schedule, and is reported as slip.
 *
 * It begins with the first frame that really left: the second one waits until the first has its answer, and all are
 * due from there on. Otherwise a first frame that was held up on its way (a daemon that did not get a processor) would
 * have the others on its heels. Pure: the caller tells the time.
 */
#ifndef INJECT_PACE_H
#define INJECT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "units.h"

#define INJECT_CATCH_UP_NS     500000000ull
#define INJECT_FIRST_ANSWER_NS 500000000ull /* so long the second frame waits for it */
#define INJECT_SPIN_NS_MAX     100000ull    /* of looking at the clock, for one frame */
#define INJECT_SPIN_NS_START   40000ull

enum inject_pace_kind {
	INJECT_PACE_GAPS, /* the capture's own gaps, divided by speed */
	INJECT_PACE_RATE,
	INJECT_PACE_TOPSPEED,
	INJECT_PACE_NPCAP, /* PacketSendPackets with Sync: see inject_pace_look() */
	INJECT_PACE_NPCAP_NOSYNC,
};

struct inject_pace_config {
	enum inject_pace_kind kind;
	double speed;	      /* GAPS */
	uint64_t max_gap_ns;  /* GAPS: longer ones are shortened to this; 0: none */
	struct lwf_rate rate; /* RATE */
};

struct inject_pace {
	struct inject_pace_config config;
	bool started;		 /* a first frame went */
	bool begun;		 /* and has left: start_ns stands */
	uint64_t start_ns;	 /* when the first frame left, moved by slips */
	double ahead_ns;	 /* the next frame is due so long after start_ns */
	uint64_t first_stamp_ns; /* NPCAP: of the record that began the buffer */
	uint64_t last_stamp_ns;	 /* GAPS, NPCAP: of the record that went last */
	uint64_t not_before_ns;	 /* NPCAP: the first one of a buffer */
	uint64_t splits;	 /* NPCAP: buffers that a long gap ended */
	uint64_t units;		 /* RATE: frames, or bits, that went so far */
	uint64_t slipped_ns;
	bool may_spin;	   /* there is a processor for the others */
	uint64_t early_ns; /* so long before a frame is due a sleep is to end */
};

void inject_pace_init(struct inject_pace *pace, const struct inject_pace_config *config);

/**
 * When a record with this time stamp is due; the first one is due at once. UINT64_MAX: never. After the first one, until
 * it has left, later than the others: ask again behind inject_pace_left().
 */
uint64_t inject_pace_due_ns(struct inject_pace *pace, uint64_t stamp_ns, uint64_t now_ns);

/** That record of @bytes is handed over now. Returns how long it had been due, in ns; 0 for the first, and without gaps. */
uint64_t inject_pace_went(struct inject_pace *pace, uint64_t stamp_ns, uint32_t bytes,
			  uint64_t now_ns);

/** True when frames have times at which they are due. */
static inline bool inject_pace_is_paced(const struct inject_pace *pace)
{
	return pace->config.kind != INJECT_PACE_TOPSPEED &&
	       pace->config.kind != INJECT_PACE_NPCAP_NOSYNC;
}

/** True when the schedule waits to be told that the first frame has left. */
static inline bool inject_pace_waits(const struct inject_pace *pace)
{
	return pace->started && !pace->begun && inject_pace_is_paced(pace);
}

/** The first frame has left (or will never), as we know now. Of later ones it need not be told. */
void inject_pace_left(struct inject_pace *pace, uint64_t now_ns);

enum inject_pace_look {
	INJECT_PACE_GOES,
	INJECT_PACE_BUFFER_ENDS, /* before this record: wait for all answers, then inject_pace_next_buffer() */
	INJECT_PACE_TIME_INVALID, /* the stamp runs back by too much (ERROR_INVALID_TIME) */
};

/**
 * Npcap's send queues, whose limits are those of lwf_inject_send_queue(): each pass of the source is a buffer, and a buffer ends with its
 * frames answered. Stamps count from the buffer's first, without catching up or slipping. A gap of more than 1 s
 * ends the buffer, and what follows is another one, which begins at its time.
 */
enum inject_pace_look inject_pace_look(const struct inject_pace *pace, uint64_t stamp_ns,
				       bool begins_pass);

/** A buffer begins with this record. */
void inject_pace_next_buffer(struct inject_pace *pace, uint64_t stamp_ns, bool begins_pass);

/**
 * How to wait for @due_ns: sleep until the time that is returned, say so with inject_pace_woke(), and look at the clock
 * for the rest. A sleeper is woken late (by 5 us, or 50 on a virtual machine); how late is learnt, so that no more
 * than that is spent on looking. Not later than @now_ns: do not sleep. NPCAP: 50 us or more are slept away, less is not.
 */
uint64_t inject_pace_sleep_until(struct inject_pace *pace, uint64_t due_ns, uint64_t now_ns);
void inject_pace_woke(struct inject_pace *pace, uint64_t asked_ns, uint64_t now_ns);

#endif
