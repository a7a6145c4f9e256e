/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.h - what is done to a simulated world, as a list of actions that people can read.
 *
 * A script is one action a line: a verb, the stack it is done to, and parameters by name. Numbers
 * that are 0 are left out; times are microseconds of virtual time; '#' starts a comment.
 *
 *	world profile=strict dice=7                  what devices draw by themselves
 *	open s0 upper=1
 *	insert s0 at=0 spec=inject:frames=4
 *	connect s0 client=1
 *	submit s0 client=1 frames=3 bytes=60 budget=8
 *	run us=1500
 *	hold s0 by=user
 *
 * An action that does not fit at its moment (a client that is not there, a stack that is closed)
 * does nothing: so any part of a script is a script, which is what makes it possible to shrink one.
 */
#ifndef LWF_SIM_SCRIPT_H
#define LWF_SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_TEXT_BYTES	 160u
#define SIM_LINE_BYTES	 512u
#define SIM_ACTIONS_MAX	 65536u
#define SIM_NOBODY_STACK 255u /* an action on the whole world */

/** X(symbol, name, words): parameters; words name the values 0, 1, ..., NULL: a plain number */
#define SIM_KEY_LIST(X)                          \
	X(CLIENT, "client", NULL)                \
	X(FRAMES, "frames", NULL)                \
	X(BYTES, "bytes", NULL)                  \
	X(UP, "up", NULL)                        \
	X(BAD, "bad", NULL)                      \
	X(OID, "oid", sim_words_oid)             \
	X(SET, "set", NULL)                      \
	X(TIMEOUT, "timeout", NULL)              \
	X(LEND, "lend", NULL)                    \
	X(OID_DELAY, "oid-delay", NULL)          \
	X(OID_NEVER, "oid-never", NULL)          \
	X(OID_FAILS, "oid-fails", NULL)          \
	X(BUDGET, "budget", NULL)                \
	X(ID, "id", NULL)                        \
	X(AT, "at", NULL)                        \
	X(UPPER, "upper", NULL)                  \
	X(WAIT, "wait", NULL)                    \
	X(EAGER, "eager", NULL)                  \
	X(BY, "by", sim_words_by)                \
	X(EVENT, "event", sim_words_event)       \
	X(SIDE, "side", sim_words_side)          \
	X(DELAY, "delay", NULL)                  \
	X(JITTER, "jitter", NULL)                \
	X(REORDER, "reorder", NULL)              \
	X(MERGE, "merge", NULL)                  \
	X(SPLIT, "split", NULL)                  \
	X(NEVER, "never", NULL)                  \
	X(FAIL, "fail", NULL)                    \
	X(REASON, "reason", sim_words_reason)    \
	X(ROOM, "room", NULL)                    \
	X(ATTACH_FAILS, "attach-fails", NULL)    \
	X(AFTER, "after", NULL)                  \
	X(DO, "do", sim_words_do)                \
	X(NTH, "nth", NULL)                      \
	X(US, "us", NULL)                        \
	X(PROFILE, "profile", sim_words_profile) \
	X(DETAILS, "details", NULL)              \
	X(DICE, "dice", NULL)                    \
	X(MANNER, "manner", sim_words_manner)    \
	X(FLOW, "flow", NULL)

enum sim_key {
#define X(sym, name, words) SIM_KEY_##sym,
	SIM_KEY_LIST(X)
#undef X
		SIM_KEYS
};

/** X(symbol, name, whole world, text parameter or NULL): verbs; their keys are in script.c */
#define SIM_VERB_LIST(X)                                 \
	X(WORLD, "world", true, NULL)                    \
	X(OPEN, "open", false, NULL)                     \
	X(INSERT, "insert", false, "spec")               \
	X(START, "start", false, NULL)                   \
	X(CLOSE, "close", false, NULL)                   \
	X(REMOVE, "remove", false, NULL)                 \
	X(RESTART_FILTER, "restart-filter", false, NULL) \
	X(UNLOAD, "unload", true, NULL)                  \
	X(SET, "set", false, "options")                  \
	X(CONNECT, "connect", false, NULL)               \
	X(DISCONNECT, "disconnect", false, NULL)         \
	X(SUBMIT, "submit", false, NULL)                 \
	X(PUMP, "pump", false, NULL)                     \
	X(CANCEL, "cancel", false, NULL)                 \
	X(ON_ANSWER, "on-answer", false, NULL)           \
	X(ON_STATE, "on-state", false, NULL)             \
	X(ASK, "ask", false, NULL)                       \
	X(CANCEL_ASK, "cancel-ask", false, NULL)         \
	X(TRAFFIC, "traffic", false, NULL)               \
	X(JUDGE, "judge", false, NULL)                   \
	X(TELL, "tell", false, NULL)                     \
	X(HOLD, "hold", false, NULL)                     \
	X(RELEASE, "release", false, NULL)               \
	X(REPAIR, "repair", false, NULL)                 \
	X(LINK, "link", false, NULL)                     \
	X(DEVICE, "device", false, NULL)                 \
	X(ANSWER, "answer", false, NULL)                 \
	X(FAIL_ALLOC, "fail-alloc", true, NULL)          \
	X(RUN, "run", true, NULL)                        \
	X(CALM, "calm", true, NULL)

enum sim_verb {
#define X(sym, name, whole, text) SIM_VERB_##sym,
	SIM_VERB_LIST(X)
#undef X
		SIM_VERBS
};

/** Values of "event". */
enum sim_event {
	SIM_EVENT_DOWN,
	SIM_EVENT_UP,
	SIM_EVENT_REMOVE,
	SIM_EVENT_RETURN,
	SIM_EVENT_CARRIER_OFF,
	SIM_EVENT_CARRIER_ON,
	SIM_EVENT_FORCE_OFF,
	SIM_EVENT_FORCE_ON,
	SIM_EVENT_RESTORE,
	SIM_EVENTS
};

/** Values of "manner": how a decider answers. */
enum sim_manner {
	SIM_JUDGE_GONE,
	SIM_JUDGE_KEEPS, /* slow, stopped, or out of order: until it is told to answer */
	SIM_JUDGE_TELLS,
	SIM_JUDGE_DENIES,
	SIM_JUDGE_PASSES,
	SIM_JUDGE_LIES,
	SIM_JUDGE_REPEATS,
	SIM_JUDGE_FLOODS,
	SIM_MANNERS
};

/** Values of "do": what a client does from inside an answer, or when it is told of a state. */
enum sim_do {
	SIM_DO_NOTHING,
	SIM_DO_DISCONNECT,
	SIM_DO_PAUSE,
	SIM_DO_RESUME,
	SIM_DO_REMOVE,
	SIM_DO_ANSWER,
	SIM_DO_PUMP,
	SIM_DO_CANCEL,
	SIM_DO_DISCONNECT_NEXT, /* the client after it */
	SIM_DOS
};

struct sim_action {
	uint8_t verb;  /* enum sim_verb */
	uint8_t stack; /* SIM_NOBODY_STACK for the whole world */
	uint32_t value[SIM_KEYS];
	char text[SIM_TEXT_BYTES];
};

/** Whether verb @verb knows parameter @key. */
bool sim_verb_has(enum sim_verb verb, enum sim_key key);
bool sim_verb_has_text(enum sim_verb verb);

/** True when the values of @key are words rather than numbers. */
bool sim_key_is_word(enum sim_key key);

/** Writes @action as a line without newline. */
void sim_action_print(const struct sim_action *action, char *line, size_t bytes);

/**
 * Reads a line. 1: an action; 0: an empty line or a comment; -1: neither, and why in @error. @line
 * is written to.
 */
int sim_action_parse(char *line, struct sim_action *action, char *error, size_t error_bytes);

/**
 * A list of actions. The memory is shared with child processes, so that
 * a child that ends badly leaves behind what it did.
 */
struct sim_script {
	struct sim_action world; /* the first line */
	uint32_t count;
	struct sim_action action[SIM_ACTIONS_MAX];
};

/** An empty script; NULL without memory. */
struct sim_script *sim_script_create(void);
void sim_script_destroy(struct sim_script *script);

/** The same actions. */
void sim_script_copy(struct sim_script *to, const struct sim_script *from);

/** Reads @path; false with the reason on stderr. */
bool sim_script_load(struct sim_script *script, const char *path);

/** Writes all actions, after @comment (lines of it are marked as such). */
void sim_script_write(const struct sim_script *script, FILE *out, const char *comment);

#endif
