/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair.h - the pieces of filter impair: what chance says (impair_draw.c), what follows for one
 * frame and where it waits (impair_lane.c), and the module (impair.c).
 *
 * A lane is one direction: frames that wait, in order of the moment at which each is due, the clock
 * of the rate, and the state of everything that one frame leaves to the next.
 */
#ifndef LWF_FILTERS_IMPAIR_H
#define LWF_FILTERS_IMPAIR_H

#include <lwf/filter.h>
#include <lwf/gate.h>
#include <lwf/match.h>

#define IMPAIR_NS	   1000000000ull
#define IMPAIR_DELAY_MAX   (5 * IMPAIR_NS)
#define IMPAIR_JITTER_MAX  (1 * IMPAIR_NS)
#define IMPAIR_HELD_MAX	   (8 * IMPAIR_NS) /* under 10 s, which a pause may take (rule T06) */
#define IMPAIR_BUCKET_NS   (1 * IMPAIR_NS / 1000) /* depth of the token bucket, in time */
#define IMPAIR_FRAME_BYTES 1514u		  /* and it holds at least this much */

/** X(symbol): what a frame draws a number for */
#define IMPAIR_EFFECT_LIST(X) \
	X(LOSS)               \
	X(DUPLICATE)          \
	X(REORDER) X(CORRUPT) X(CORRUPT_PLACE) X(SEGMENT) X(DELAY_A) X(DELAY_B) X(DELAY_C)

enum impair_effect {
#define X(sym) IMPAIR_##sym,
	IMPAIR_EFFECT_LIST(X)
#undef X
		IMPAIR_EFFECTS
};

/** X(symbol, name): distributions of jitter */
#define IMPAIR_DIST_LIST(X)   \
	X(UNIFORM, "uniform") \
	X(NORMAL, "normal")   \
	X(PARETO, "pareto")   \
	X(PARETO_NORMAL, "paretonormal")

enum impair_dist {
#define X(sym, name) IMPAIR_DIST_##sym,
	IMPAIR_DIST_LIST(X)
#undef X
};

/** X(symbol, name): counters of each direction, in units (a super-frame is one) */
#define IMPAIR_COUNTER_LIST(X)                                                          \
	X(MATCHED, "matched")	    /* that the match means */                          \
	X(LOST, "lost")		    /* of these: answered impaired-loss */              \
	X(QUEUE_FULL, "queue-full") /* answered impaired-queue */                       \
	X(DELAYED, "delayed")	    /* kept for a while */                              \
	X(REORDERED, "reordered")   /* kept longer than those behind them */            \
	X(DUPLICATED, "duplicated") /* copies made of them */                           \
	X(CORRUPTED, "corrupted")   /* with one bit turned over */                      \
	X(NO_COPY, "no-copy")	    /* should have been one of these two; pool empty */ \
	X(LET_GO, "let-go")	    /* sends passed on early: the link went down */     \
	X(CANCELLED, "cancelled")   /* by their sender, while kept */                   \
	X(SETTLED, "settled")	    /* answered by the module's pause, while kept */

enum impair_counter {
#define X(sym, name) IMPAIR_COUNT_##sym,
	IMPAIR_COUNTER_LIST(X)
#undef X
		IMPAIR_COUNTERS
};

struct impair_settings {
	uint64_t delay_ns, jitter_ns, reorder_by_ns;
	uint64_t rate_bps;			    /* 0: no limit */
	uint32_t loss, duplicate, reorder, corrupt; /* of LWF_SHARE_WHOLE */
	uint32_t burst;				    /* mean length of a run of losses; 1: no runs */
	enum impair_dist dist;
	uint64_t seed;
};

#define IMPAIR_DO_DUPLICATE 1u
#define IMPAIR_DO_CORRUPT   2u

/** A frame that is kept, or about to go. */
struct impair_entry {
	uint64_t due_ns;
	uint64_t order;	 /* among those that are due at the same moment */
	uint64_t number; /* of the frame in its lane: what its draws come from */
	struct lwf_frame *frame;
	uint32_t what; /* IMPAIR_DO_* */
};

struct impair_lane {
	enum lwf_direction direction;
	struct impair_entry *heap; /* the soonest first; room for limit */
	uint32_t limit, count;
	uint32_t foreign;	  /* of these: frames of others */
	uint64_t order, number;	  /* so far */
	uint64_t last_due_ns;	  /* of the last that is not to be overtaken */
	uint64_t full_ns;	  /* when the token bucket is full again */
	bool losing;		  /* in a run of losses */
	struct lwf_batch waiting; /* originals of which corrupted copies are out */
	uint64_t counters[IMPAIR_COUNTERS];
};

enum { IMPAIR_SENDS, IMPAIR_RECEIVES, IMPAIR_BOTH }; /* values of the option direction */

struct impair {
	struct lwf_gate gate;
	struct lwf_pool *copies;
	struct lwf_timer timer;
	struct impair_settings settings;
	uint32_t direction; /* IMPAIR_SENDS ... */
	bool link_down;	    /* what is sent has nothing to wait for */
	struct lwf_match match;
	struct impair_lane lane[2]; /* [enum lwf_direction] */
};

/* ---- impair_draw.c ---- */

/**
 * 64 random bits, a function of nothing but its arguments: what happens to frame @number does not
 * depend on which other effects are on, nor on the other direction.
 */
uint64_t lwf_impair_draw(uint64_t seed, enum lwf_direction direction, enum impair_effect effect,
			 uint64_t number);

/** True with probability @share of LWF_SHARE_WHOLE. */
bool lwf_impair_chance(uint64_t draw, uint32_t share);

/** Nanoseconds that frame @number is early (below 0) or late. */
int64_t lwf_impair_jitter(const struct impair_settings *settings, enum lwf_direction direction,
			  uint64_t number);

/** Whether the next frame is lost: each by itself, or in runs (Gilbert's model of two states). */
bool lwf_impair_loses(const struct impair_settings *settings, bool *losing, uint64_t draw);

/* ---- impair_lane.c ---- */

enum impair_fate {
	IMPAIR_FATE_GO, /* now, with what @entry says */
	IMPAIR_FATE_KEEP,
	IMPAIR_FATE_LOST,
	IMPAIR_FATE_QUEUE_FULL,
};

/** Decides about the next frame of a lane and counts it; fills @entry for GO and KEEP. */
enum impair_fate lwf_impair_decide(struct impair_lane *lane, const struct impair_settings *settings,
				   struct lwf_frame *frame, uint64_t now_ns,
				   struct impair_entry *entry);

/** Keeps @entry; there is room, since lwf_impair_decide() said KEEP. */
void lwf_impair_keep(struct impair_lane *lane, const struct impair_entry *entry, bool foreign);

/** Takes the soonest that is due at @now_ns into @entry; false when there is none. */
bool lwf_impair_take_due(struct impair_lane *lane, uint64_t now_ns, struct impair_entry *entry);

/** Takes all whose frames @cancel_id means, and pushes the frames to @batch. */
void lwf_impair_take_cancelled(struct impair_lane *lane, uint64_t cancel_id,
			       struct lwf_batch *batch);

/** The settings are others now: nothing is kept longer than they would keep it, or than before. */
void lwf_impair_reschedule(struct impair_lane *lane, const struct impair_settings *settings,
			   uint64_t now_ns);

/** Forgets everything that one frame leaves to the next, but not what is kept. */
void lwf_impair_lane_restart(struct impair_lane *lane);

/* ---- impair_copy.c ---- */

/** A frame of our own, not out yet, with the bytes of @frame; NULL: there is none left. */
struct lwf_frame *lwf_impair_copy(struct lwf_module *module, const struct lwf_frame *frame);

/**
 * Puts into @out what leaves for @entry. Its frame itself is among it unless it is lent, or this is
 * true: then corrupted frames leave in its place.
 */
bool lwf_impair_leave(struct lwf_module *module, const struct impair_entry *entry,
		      struct lwf_batch *out);

/** Own frames are home: their originals get the answer, and last they leave the gate. */
void lwf_impair_come_home(struct lwf_module *module, struct lwf_batch *own, bool send);

/* ---- impair_path.c ---- */

/** Arms the timer for the frame that is due first. */
void lwf_impair_arm(struct impair *me, uint64_t now_ns);

/** The timer's function; its context is the module. */
void lwf_impair_on_due(void *context);

void lwf_impair_send(struct lwf_module *module, struct lwf_batch *batch);
void lwf_impair_send_complete(struct lwf_module *module, struct lwf_batch *batch);
void lwf_impair_receive(struct lwf_module *module, struct lwf_batch *batch);
void lwf_impair_receive_return(struct lwf_module *module, struct lwf_batch *batch);
void lwf_impair_cancel(struct lwf_module *module, uint64_t cancel_id);

#endif
