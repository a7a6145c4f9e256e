/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - the simulation: stacks on simulated edges, clients, and an account of its own.
 *
 * dice.c chooses the next action from the seed, actions.c does it, check.c judges after each;
 * world.c makes and ends things and keeps the digest; client.c and wobble.c are those who live in
 * it. script.c writes actions down and reads them; trial.c runs a world in a process of its own and
 * shrink.c makes a failing script short; sim.c is the command.
 *
 * Only dice.c draws from the seed. All else follows from the actions, and from what the simulated
 * devices draw from the number that the script's first line gives: a recorded script is the run.
 */
#ifndef LWF_SIM_WORLD_H
#define LWF_SIM_WORLD_H

#include <stdio.h>

#include <lwf/oid.h>
#include <lwf/profile.h>
#include <lwf/stack.h>
#include <lwf/verdict.h>

#include "edges.h"
#include "hosts.h"
#include "script.h"

#define SIM_STACKS	3u
#define SIM_CLIENTS	3u
#define SIM_MODULES	4u
#define SIM_ASKS	4u /* OIDs that are out at once */
#define SIM_JUDGES	2u
#define SIM_JUDGED	16u /* asks that may be open of one module */
#define SIM_KEPT	8u
#define SIM_FLOWS	8u  /* conversations; the last two are TCP */
#define SIM_HEADERS	42u /* of a frame of one: Ethernet, IPv4, UDP */
#define SIM_RECORDS	512u
#define SIM_MS		1000000ull
#define SIM_PAUSE_SLOTS 4096u
#define SIM_PLAN_MAX	16u
#define SIM_WHAT_BYTES	192u
#define SIM_STORY_BYTES 512u

/** What the client knows of one record. */
struct sim_record {
	uint32_t len;
	uint8_t direction;
	bool bad;     /* its owner refuses it */
	bool too_odd; /* its length is refused, or its owner refuses it */
	bool answered;
	uint8_t handed;	    /* to a device, so many times */
	uint64_t pulled_at; /* world->seq */
};

struct sim_slot;

/** What a client does from inside a call to it. */
struct sim_reaction {
	uint32_t after; /* calls from now; 0: not at all */
	enum sim_do what;
};

struct sim_client {
	struct lwf_session session;
	struct sim_slot *slot;
	uint32_t index, life;
	struct sim_record records[SIM_RECORDS];
	uint32_t put, pulled, answered;
	uint64_t by_answer[2][LWF_ANSWERS]; /* [refused] */
	uint64_t cancelled_at;
	struct sim_reaction on_answer, on_state;
	bool eager; /* pumps whenever a state changes */
	bool open, closing;
};

/** Conditions that explain an answer, each with the last moment at which it held. */
enum sim_condition {
	SIM_NOT_RUNNING,
	SIM_REMOVED,
	SIM_NO_CARRIER,
	SIM_QUEUE_FULL,
	SIM_NO_UPPER,
	SIM_DROPPER,
	SIM_COPIER,
	SIM_CONDITIONS
};

/** An OID request from above. */
struct sim_ask {
	struct lwf_oid_request request;
	struct sim_slot *slot;
	uint8_t value[LWF_OID_VALUE_BYTES];
	uint64_t asked_at; /* world->seq */
	bool out;
	bool may_abort; /* it has a time limit, or was cancelled */
};

/** A decider; judge.c. */
struct sim_judge {
	struct lwf_decider decider; /* first */
	struct sim_slot *slot;
	enum sim_manner mode;
	bool open;
	uint64_t kept[SIM_KEPT];
	uint32_t kept_count;
	uint64_t last[SIM_JUDGED]; /* by place: the latest ask */
	bool cancelled[SIM_JUDGED];
};

struct sim_slot {
	struct sim_world *world;
	struct lwf_stack *stack;	/* NULL: none at present */
	struct lwf_edge *lower, *upper; /* upper may be NULL */
	uint32_t index, life;
	uint32_t holds; /* those that we set */
	bool started;
	bool forced;
	bool closing;
	uint64_t last[SIM_CONDITIONS];
	uint64_t lied[LWF_ANSWERS]; /* when a device was last told to answer so */
	struct sim_client clients[SIM_CLIENTS];
	struct sim_ask asks[SIM_ASKS];
	struct sim_judge judges[SIM_JUDGES];
};

struct sim_world {
	uint64_t random; /* dice.c's state */
	uint64_t seq;	 /* of everything that is noted */
	uint64_t digest;
	uint64_t done; /* actions */
	bool trace;
	bool details;	       /* the world wants them, for what they may do to a run */
	const char *json_path; /* the trace goes there, with all details; NULL: nowhere */
	FILE *json;
	bool unloading;		   /* the wobbling filter is being unregistered */
	bool calm;		   /* wobbling filters behave, so that everything comes home */
	struct sim_script *record; /* where the actions of a seed are written, or NULL */
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_observer observer;
	struct sim_slot slots[SIM_STACKS];
	struct sim_action plan[SIM_PLAN_MAX]; /* what dice.c has decided to do next */
	uint32_t planned, plan_at;
	uint64_t pausing_at[SIM_PAUSE_SLOTS]; /* by handle: when its last pause began */
	uint64_t cycles;		      /* module pauses that came to an end */
	uint64_t records, frames, asks;
	uint64_t asked, decided;       /* of deciders */
	uint64_t answers[LWF_ANSWERS]; /* of all clients */
	uint64_t pended;	       /* pauses that were answered PENDING */
	struct sim_action action;      /* the one that is being done */
	const char *phase;	       /* instead of it: "end" */
};

extern struct sim_world *sim_world; /* the one that runs */
extern const struct lwf_filter_ops sim_wobble_ops;

/* dice.c */

/** Begins a world's choices with those of its first line. Returns the state of the dice. */
uint64_t sim_dice_open(uint64_t seed, struct sim_action *first);

/** The next action. */
void sim_dice_next(struct sim_world *world, struct sim_action *action);

/* world.c */

/** Begins a world as the first line of a script says. */
void sim_world_open(struct sim_world *world, const struct sim_action *first);

/** Does @action and judges all. */
void sim_world_do(struct sim_world *world, const struct sim_action *action);

/** Calms down, closes all, judges. */
void sim_world_close(struct sim_world *world);
void sim_run(struct sim_world *world, uint64_t ns);
void sim_open_slot(struct sim_slot *slot, bool with_upper);
void sim_close_slot(struct sim_slot *slot);
void sim_digest(struct sim_world *world, uint64_t number);
void sim_digest_text(struct sim_world *world, const char *text);

/** Notes which conditions hold at this moment. */
void sim_note(struct sim_slot *slot);

/* actions.c */
void sim_act(struct sim_world *world, const struct sim_action *action);

/** Sets or lifts a hold of the outside, with our account of it. */
void sim_set_hold(struct sim_slot *slot, enum lwf_hold hold, bool on);

/** A client is called: does what it was told to do from inside, when its time has come. */
void sim_react(struct sim_client *client, struct sim_reaction *reaction);

/** Takes every obstacle away, waits, and looks whether all is well. */
void sim_calm_down(struct sim_world *world);

/* client.c */
void sim_client_open(struct sim_slot *slot, uint32_t index, bool wait, bool eager);
void sim_client_close(struct sim_client *client);
void sim_client_put(struct sim_client *client, uint32_t frames, uint32_t bytes, bool up, bool bad);
void sim_client_pump(struct sim_client *client, uint32_t budget);
void sim_client_cancel(struct sim_client *client, uint64_t id);
void sim_witness(struct sim_slot *slot, struct lwf_edge *edge, const struct lwf_frame *frame);

/* asks.c */
void sim_ask(struct sim_slot *slot, const struct sim_action *action);
void sim_cancel_ask(struct sim_slot *slot, const struct sim_action *action);
uint32_t sim_asks_out(const struct sim_slot *slot);

/* judge.c */
void sim_judge(struct sim_slot *slot, const struct sim_action *action);
void sim_tell(struct sim_slot *slot, const struct sim_action *action);
void sim_judges_end(struct sim_slot *slot);
void sim_check_judge(const struct sim_judge *judge);
void sim_check_verdict(const struct sim_slot *slot, struct lwf_module *module);

/** Writes the headers of a frame of conversation @flow into @bytes, which are zero; less than
 * SIM_HEADERS stay so. @up: from the network. */
void sim_flow_bytes(uint8_t *bytes, uint32_t len, uint32_t flow, bool up);
void sim_set_owners(struct sim_slot *slot);

/* check.c */
void sim_check(struct sim_world *world);

/** Rule @id was reported of @slot's stack, and is not broken: somebody does keep frames too long. */
bool sim_is_excused(struct sim_slot *slot, const char *id);

/** What the gate of an inject module counts. */
uint64_t sim_gate_count(struct lwf_module *module);

/** @module has failed: its stack must not try again by itself. */
void sim_check_fault(struct sim_world *world, const struct lwf_module *module);

/** When nothing is in the way any more: all frames are home and the stacks are where they should be. */
void sim_check_calm(struct sim_world *world);

/* trial.c */

/** How a world ended. */
struct sim_outcome {
	bool failed;
	uint64_t done; /* actions, the one that failed included */
	uint64_t digest;
	char where[SIM_LINE_BYTES]; /* the action that failed */
	char what
		[SIM_WHAT_BYTES]; /* the kind of failure: two runs fail alike when this is the same */
	char story[SIM_STORY_BYTES]; /* the failure in words, with its numbers */
};

/** Ends the world, and the process: something that must hold does not. The format is its kind. */
void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** The same for a broken rule: its id is the kind. */
void sim_fail_rule(const char *id, const char *story) __attribute__((noreturn));

/** Where sim_fail() and crashes write the outcome; NULL: stderr alone. */
void sim_trial_report_to(struct sim_outcome *outcome);

/** Sees to assertions, crashes and actions that do not end. */
void sim_trial_guard(struct sim_world *world);

/** The world begins its next action: what is known of a child that says nothing more. */
void sim_trial_progress(const struct sim_world *world);

/** Runs fn(context) in a child, silently, and tells how it ended. */
void sim_trial(struct sim_outcome *outcome, void (*fn)(void *context), void *context);

/** Runs @script from begin to end in this process. */
void sim_trial_script(struct sim_world *world, const struct sim_script *script);

/* shrink.c */

/**
 * Makes @script, which fails with @outcome, as short as it can within @seconds, failing alike;
 * @outcome is then the short one's. Returns the number of trials.
 */
uint32_t sim_shrink(struct sim_world *world, struct sim_script *script, struct sim_outcome *outcome,
		    double seconds);

double sim_seconds(void);

#endif
