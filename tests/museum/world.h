/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - one run of one piece: what the world, the oracle and the trace share.
 */
#ifndef LWF_MUSEUM_WORLD_H
#define LWF_MUSEUM_WORLD_H

#include <stdio.h>

#include <lwf/trace.h>

#include "fibers.h"
#include "museum.h"

#define LIVES_MAX	 24u /* attaches of one run */
#define CLIENTS_MAX	 3u
#define FRAMES_OF_CLIENT 4u
#define EVENTS_MAX	 2048u /* remembered for the trace */
#define EVENT_TEXT_BYTES 80u
#define PAUSE_LIMIT_NS	 10000000000ull /* rule P17 */
#define NS_PER_MS	 1000000ull
#define FINDING_BYTES	 160u

/** The rules by number, and after them what no rule of NDIS has an id for. */
enum {
#define X(id, sentence, source) RULE_##id,
#include "rules.def"
#undef X
	RULE_TOUCH,
	RULES
};
const char *rule_id(unsigned rule);
const char *rule_sentence(unsigned rule);

/** One life of the module: from attach to detach. What the oracle knows of it, by its own count. */
struct life {
	lwf_handle handle;
	void *module; /* what attach returned; NULL after detach */
	enum lwf_state state;
	uint32_t sends_out, receives_out;
	bool in_pause;	      /* inside of FilterPause */
	bool answered;	      /* it has answered for the present pause */
	bool immediate;	      /* the last pause answered SUCCESS */
	bool drained;	      /* the last frame came home during the present pause */
	bool drained_inside;  /* and did so inside of FilterPause */
	uint32_t completions; /* NdisFPauseComplete for the present pause */
	uint64_t paused_at_ns;
	uint32_t pause_event; /* its number in the trace */
};

/** A client's call of send or receive, judged by when it began. */
struct call {
	bool open;
	bool after_answer; /* began after that pause had answered */
	enum lwf_state state;
	uint32_t pauses;  /* so far */
	uint64_t control; /* control events so far */
	uint32_t event;	  /* of the trace, so far */
};

/** A record of the trace, named as in docs of `lwfctl watch --frames --json`. */
struct event {
	uint64_t t_ns;
	lwf_handle handle; /* of the module's present life */
	lwf_handle source;
	lwf_status status;
	uint32_t frame;
	uint32_t birth; /* how many frames were born before, and this one */
	uint32_t place; /* number of the event before which it belongs, when that is not its own */
	uint32_t left;	/* more of the same chain that follow */
	int8_t fiber;
	uint8_t kind; /* enum lwf_trace_kind: STATE, CALLBACK, FRAME or RULE */
	uint8_t before, after;
	bool receive;
	const char *name;
	char text[EVENT_TEXT_BYTES];
};

/** What the edges do in this run, in parts of 16. */
struct temper {
	uint32_t clients;
	uint32_t cycles;
	uint32_t inside;  /* completed within the call */
	uint32_t held;	  /* kept until a pause has begun */
	uint32_t stuck;	  /* comes home by a reset */
	uint32_t merged;  /* together with others */
	uint32_t detach;  /* pauses that are followed by detach and attach */
	uint32_t receive; /* calls that originate a receive */
	uint32_t slow_ms; /* delay of a completion, at most */
};

struct run {
	const struct mu_piece *piece;
	uint64_t seed;
	bool quiet; /* no trace is kept */
	struct temper temper;
	struct life lives[LIVES_MAX];
	uint32_t n_lives;
	uint64_t control; /* control events so far */
	bool closing, ended, reset_wanted;
	struct mu_frame frames[CLIENTS_MAX][FRAMES_OF_CLIENT];
	struct mu_frame *queue[CLIENTS_MAX * FRAMES_OF_CLIENT]; /* at the edges */
	uint32_t queued;
	struct call calls[FIBERS_MAX];
	uint32_t in_send[FIBERS_MAX]; /* depth of mu_send() and mu_indicate() */
	uint32_t accepted, refused, home, pauses, pended;
	uint32_t clients_left;
	uint32_t births; /* frames handed over so far */
	uint64_t digest; /* of all events */
	uint32_t n_events;
	struct event events[EVENTS_MAX];
	/* what was found */
	int rule; /* the first one broken; -1: none */
	bool broken[RULES];
	char finding[EVENT_TEXT_BYTES];
};
extern struct run run;

/** Runs @piece under @seed; the result is in run. @quiet: no trace. Returns the rule broken or -1. */
int world_run(const struct mu_piece *piece, uint64_t seed, bool quiet);

/** The ordinary traffic tests: one thing after the other. The same result. */
int world_ordinary(const struct mu_piece *piece);

/** The life that is, or was last; NULL before the first attach. */
struct life *life_now(void);
struct life *life_of(lwf_handle handle);

/* ---- the parts of a run, for the one that a scenario drives (stress.c) ---- */

/** Forgets the last run; all that follows is decided by @seed. */
void world_begin(const struct mu_piece *piece, uint64_t seed, bool quiet);

/** What the edges do in this run, by the seed. */
void world_draw_temper(void);

/** Processors that bring completions, and the watchdog of pauses; the device, where frames stick. */
void world_add_edges(void);
void world_add_device(void);

/** What the control thread does, on its own processor. Pause returns when the module is Paused. */
void world_attach(void);
void world_restart(void);
void world_pause(void);
void world_detach(void);
void world_reset(void);

/** What the device keeps until a pause has begun, comes home soon. */
void world_release_held(void);

/** A client's call, on its own processor; and waiting until @frame is home. */
lwf_status world_call(struct mu_frame *frame, void *open, bool receive);
void world_wait_home(const struct mu_frame *frame);

/* ---- oracle.c ---- */

/** Notes that @rule is broken, once a run. The run goes on unless nothing sensible can follow. */
void broken(unsigned rule, const char *format, ...) __attribute__((format(printf, 2, 3)));

void oracle_call_begin(void);

/** The call of this processor began after FilterPause had answered for the present pause. */
bool oracle_call_is_late(void);
void oracle_call_end(lwf_status answer);
void oracle_originated(struct life *life, bool receive);
void oracle_home(struct life *life, bool receive);
void oracle_pause_entered(struct life *life);
void oracle_pause_answered(struct life *life, lwf_status answer);
void oracle_pause_completed(struct life *life);
void oracle_recursion(void);
void oracle_touched(uint32_t allocation);

/** The pause of @life has taken PAUSE_LIMIT_NS, or can never end. */
void oracle_pause_hangs(struct life *life);
void oracle_end(enum fibers_end end);

/** Name of a lock's owner for the report of a deadlock. */
bool sync_deadlock(char *text, size_t bytes);
void sync_begin(void);
void flows_begin(void (*flow_delete)(void *context)); /* flows.c */

/* ---- trace.c ---- */

/** @life goes to @state by @event: attach, restart, pause, detach, done. */
void life_state(struct life *life, enum lwf_state state, const char *event);

/** A callback has answered, or NdisFPauseComplete was called. */
void trace_callback(const char *name, lwf_status status);

/** A frame is handed over, or is home; @left more of its chain follow. */
void trace_frame(const char *name, const struct mu_frame *frame, lwf_status status, uint32_t left);

/** A call that began as @call says was answered with @status, and handed nothing over. */
void trace_deny(const struct mu_frame *frame, const struct call *call, lwf_status status);
void trace_rule(unsigned rule, const char *text);
void trace_begin(void);

/** For people, one line an event. */
void trace_print(FILE *stream);

/** As lwfctl watch --frames --json would print it. */
void trace_print_json(void);

#endif
