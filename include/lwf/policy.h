/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h - ordered rules about conversations: allow, deny, reject or ask; the first match decides.
 *
 * The WFP counterpart is a sublayer of filters with conditions; here it is one text, read from the top,
 * which ends with an explicit default. lwf-rules(5) has the language.
 * A policy is read once into one block of memory, with names of users made numbers, and never changes
 * after that: who wants other rules reads another one and puts it in its place. Nothing is allocated by
 * deciding, and nothing is asked of anybody.
 *
 * Not to be mixed up with the rules of NDIS that the engine enforces (docs/rules.md).
 *
 * Threads: no state but the policy itself; a policy that is only read may be read by any thread.
 */
#ifndef LWF_POLICY_H
#define LWF_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/filter.h>
#include <lwf/flow.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWF_POLICY_TEXT_MAX	  262144u /* bytes of one file */
#define LWF_POLICY_RULES_MAX	  4096u	  /* with the default */
#define LWF_POLICY_CONDITIONS_MAX 16u	  /* of one rule */
#define LWF_POLICY_VALUES_MAX	  64u	  /* of one condition */
#define LWF_POLICY_WORD_MAX	  255u	  /* bytes of a name, path or number */
#define LWF_POLICY_PRIORITY_MAX	  255u
#define LWF_POLICY_TIMEOUT_MAX_NS 60000000000ull

/** X(symbol, word): what a rule says; also, but for ASK, what follows when nobody answers */
#define LWF_POLICY_ACTION_LIST(X)                                                      \
	X(ALLOW, "allow")                                                              \
	X(DENY, "deny")	    /* its frames vanish */                                    \
	X(REJECT, "reject") /* its frames vanish, and the sender is told: RST, ICMP */ \
	X(ASK, "ask")	    /* a decider is asked (lwf/verdict.h); its frames wait */  \
	X(UNSAID, "unsaid") /* only of fallback: the rule leaves it to the filter */

enum lwf_policy_action {
#define X(sym, name) LWF_POLICY_##sym,
	LWF_POLICY_ACTION_LIST(X)
#undef X
};

/** Who began a conversation, seen from this machine. */
enum lwf_policy_direction { LWF_POLICY_OUT, LWF_POLICY_IN };

struct lwf_policy;

/** What is wrong with a text, and where. Positions count from 1; columns are bytes. */
struct lwf_policy_error {
	uint32_t line, column; /* 0: the text as a whole */
	char why[160];	       /* one line, without the position */
	char shown[120];       /* the line itself, or the part of it around the column */
	uint32_t caret;	       /* where in shown, from 0 */
};

/** Who knows the numbers of users. */
struct lwf_policy_users {
	/** 0 and *uid, or -ENOENT */
	int (*find)(void *context, const char *name, uint32_t *uid);
	void *context;
};

/** Bytes of memory that lwf_policy_parse() needs for @text. Never 0. */
size_t lwf_policy_room(const char *text, size_t bytes);

/**
 * Reads @text into @memory of @room bytes, aligned as malloc() does; the policy is that memory, and
 * ends when its owner frees it. @text is copied. @users (NULL: nobody has a name) is asked now and
 * never again. 0; -EINVAL with @error; -E2BIG with @error when it is longer or has more rules than there
 * may be; -ENOBUFS when @room is less than lwf_policy_room() said.
 */
int lwf_policy_parse(void *memory, size_t room, const char *text, size_t bytes,
		     const struct lwf_policy_users *users, struct lwf_policy **policy,
		     struct lwf_policy_error *error);

/** "FILE:3:12: why", and with @pictured the line and a caret below, each on a line of its own. */
void lwf_policy_error_text(const struct lwf_policy_error *error, const char *file, bool pictured,
			   char *text, size_t bytes);

/** Whom is decided about. */
struct lwf_policy_subject {
	const struct lwf_flow_key *key;
	uint8_t local;	   /* enum lwf_endpoint: the one on this machine's side */
	uint8_t direction; /* enum lwf_policy_direction */
	/** NULL: not asked yet, like a PENDING one. What is known of a PENDING one counts. */
	const struct lwf_owner *owner;
};

struct lwf_policy_decision {
	/** Attribution is needed: @rule depends on an owner that is PENDING, and no rule before it
	 * holds. action is UNSAID then. Ask again when the owner is known, or UNKNOWN for good. */
	bool waits;
	uint8_t action;	     /* enum lwf_policy_action */
	uint8_t fallback;    /* of ASK: when nobody answers; UNSAID: as the filter is set */
	uint8_t priority;    /* of ASK: deciders of less are not asked; 0: all are */
	uint32_t rule;	     /* from 0, in the order of the file; the default is the last */
	uint64_t timeout_ns; /* of ASK; 0: as the filter is set */
};

/** The first rule that holds decides; the default holds always. Returns @out->action. */
enum lwf_policy_action lwf_policy_decide(const struct lwf_policy *policy,
					 const struct lwf_policy_subject *subject,
					 struct lwf_policy_decision *out);

/** How many there are, with the default. */
uint32_t lwf_policy_rules(const struct lwf_policy *policy);

/** Line of rule @rule in its file, from 1; 0 when there is no such rule. */
uint32_t lwf_policy_line(const struct lwf_policy *policy, uint32_t rule);

/** The rule as it was written, without comment, cut when @bytes are too few; "" when there is none. */
void lwf_policy_text(const struct lwf_policy *policy, uint32_t rule, char *text, size_t bytes);

/** The word of the language; "?" for what is not in the list. */
const char *lwf_policy_action_name(enum lwf_policy_action action);

/* ---- policies by the name of their file ---- */

struct lwf_host;

/** Which text of a file is meant. */
enum lwf_policy_age {
	LWF_POLICY_FRESH, /* the one in the file at this moment */
	LWF_POLICY_KEPT, /* the last FRESH one that was without error, if there is one, else FRESH */
};

/**
 * The rules in @file, read by the host. Never on the data path: it reads a file. The policy is the
 * caller's, who gives it back with lwf_host_free(). A filter takes KEPT ones in attach and
 * set_options (its option of type LWF_OPTION_POLICY was read FRESH just before, when a user gave
 * it), so that a link that flaps does not change rules; and FRESH ones at LWF_CONTROL_RELOAD. Unless
 * it returns 0 nothing has changed: -EINVAL or -E2BIG with "FILE:LINE:COLUMN: why" in @error, -ENOTSUP
 * when the host reads none, -ENOMEM, or what open() says.
 */
int lwf_host_load_policy(struct lwf_host *host, const char *file, enum lwf_policy_age age,
			 struct lwf_policy **policy, char *error, size_t error_bytes);

/** LWF_CONTROL_RELOAD: a module that has a policy reads it again, puts it in the place of the old one,
 * and has every flow decided anew (a new epoch). -errno with @error: the old one holds. */
struct lwf_policy_reload {
	char file[LWF_OPTION_TEXT_BYTES]; /* out: its name; "" when the module has none */
	uint32_t rules;			  /* out: how many it has now */
	uint64_t epoch;			  /* out: of the policy that holds now */
	char error[320];		  /* out */
};

/**
 * LWF_CONTROL_EXPLAIN: what a module would say of a conversation. @subject is in (the adapter in its key
 * need not be right); the rest is out. The module changes nothing and counts nothing.
 */
struct lwf_policy_explain {
	const struct lwf_policy_subject *subject;
	char file[LWF_OPTION_TEXT_BYTES]; /* "": no rules, the module's own default decided */
	struct lwf_policy_decision decision;
	uint32_t line;	/* of the rule; 0 without one */
	char text[256]; /* of the rule */
	uint64_t epoch; /* of the policy that holds */
	uint8_t cached; /* enum lwf_policy_action: what was decided of the flow; UNSAID: nothing yet */
	bool pended;	/* frames of it wait for an answer */
	char by[32];	/* who decided it: "rule", "decider", "timeout" ...; "" when nobody has */
	struct lwf_flow_info info; /* flow is 0: there is no such flow at present */
};

#ifdef __cplusplus
}
#endif

#endif
