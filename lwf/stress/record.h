/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - what a run was: an append-only account in memory, which reports are made of.
 *
 * The world notes transitions, pauses, samples of what is outstanding, broken rules; the interpreter
 * notes faults, expectations and the verdict. A report generator reads this and nothing else: the
 * same structure comes back from the NDJSON that stress_record_write() makes.
 *
 * A run may be long, and memory is not: of events that come in masses, at most
 * STRESS_EVENTS_MAX are kept, from the beginning; the rest is counted in `skipped`. Faults are kept
 * as long as there is room for as many again. What failed is always kept, and histograms, counts and ledgers are whole.
 */
#ifndef LWF_STRESS_RECORD_H
#define LWF_STRESS_RECORD_H

#include <stdio.h>

#include <lwf/stack.h>

#include "scenario.h"

#define STRESS_EVENTS_MAX    100000u
#define STRESS_LANES_MAX     128u
#define STRESS_LEDGERS_MAX   (STRESS_CLIENTS_MAX + 2 * STRESS_LINKS_MAX)
#define STRESS_BUCKETS	     64u
#define STRESS_COMMAND_BYTES 4096u
#define STRESS_PATH_BYTES    1024u /* of a scenario, as it was named */
#define STRESS_WITNESSES_MAX (4 * STRESS_LINKS_MAX)
#define STRESS_CASES_MAX     100000u /* runs that are told one by one; of more, those that failed */

/** X(symbol, printed name): what an event tells, and what its fields mean */
#define STRESS_EVENT_LIST(X)                                                                  \
	X(STATE, "state") /* lane went from before to after; value: time in before, ns */     \
	X(PAUSE, "pause") /* lane's pause came to its end; value: latency, ns; flag: it was \
				   answered PENDING */ \
	X(OUTSTANDING, "outstanding") /* lane (a stack): value frames are out */              \
	X(FAULT, "fault")	      /* text; flag: it begins, else it is undone */          \
	X(ORDER, "order")	      /* text: a user did that to lane */                     \
	X(TRAFFIC, "traffic")	      /* text; flag: it starts */                             \
	X(EXPECT, "expect")	      /* text; flag: it held; value: after so many ns */      \
	X(RULE, "rule")		      /* text: a rule was broken */                           \
	X(LINK, "link")		      /* lane: a link event, by name in text */               \
	X(ROUND, "round")	      /* value: the outermost repeat begins this round */     \
	X(NOTE, "note")		      /* text: of the scenario */

enum stress_event_kind {
#define X(sym, name) STRESS_EVENT_##sym,
	STRESS_EVENT_LIST(X)
#undef X
		STRESS_EVENT_KINDS
};

const char *stress_event_kind_name(enum stress_event_kind kind);

struct stress_event {
	uint64_t time_ns; /* since the run began */
	uint64_t value;
	uint32_t text;	       /* stress_record_text() */
	uint32_t line;	       /* of the statement; 0: of none */
	uint8_t kind;	       /* enum stress_event_kind */
	uint8_t lane;	       /* index into lanes; STRESS_NO_LANE */
	uint8_t before, after; /* enum lwf_state */
	bool flag;
};

#define STRESS_NO_LANE 255u

/** A row of the picture: a stack, or one of its modules. */
struct stress_lane {
	char stack[LWF_NAME_BYTES];
	char module[LWF_NAME_BYTES]; /* empty: the stack as a whole */
};

/** Bucket i counts latencies of less than 2^i ns (and not less than 2^(i-1)). */
struct stress_histogram {
	uint64_t count, sum_ns, max_ns, min_ns;
	uint64_t bucket[STRESS_BUCKETS];
};

/** Ledger of a client, or of a stack's host side. */
struct stress_account {
	char name[LWF_NAME_BYTES]; /* "c1", "lan0" */
	char kind[16];		   /* "client", "clients" (all of a stack), "host" */
	struct lwf_ledger ledger;
	uint64_t lost, doubled; /* by the client's own count */
};

/** Two numbers that must agree: the ledger's, and that of a witness outside. */
struct stress_witness {
	char name[STRESS_NAME_BYTES]; /* "lan0.lower sent" */
	int64_t inside, outside;
};

enum stress_verdict {
	STRESS_PASSED,
	STRESS_FAILED, /* an expectation, a rule, the ledger */
	STRESS_SKIPPED, /* this world cannot do what the scenario asks for; failure.found says what */
	STRESS_BROKEN, /* it could not be run, or the engine crashed; failure.found says how */
};

const char *stress_verdict_name(enum stress_verdict verdict);

/** What was expected, what was found, and where. */
struct stress_failure {
	char expected[STRESS_TEXT_BYTES]; /* "within 200ms state(lan0) == detached" */
	char found[STRESS_TEXT_BYTES];	  /* "state(lan0) is pausing" */
	char file[STRESS_PATH_BYTES];
	uint32_t line, column; /* 0: no statement's */
	uint64_t time_ns;
};

/** One run of several. */
struct stress_case {
	const char *scenario, *file, *world;
	uint64_t seed, digest, took_ns;
	enum stress_verdict verdict;
	const struct stress_failure *failure; /* NULL when it passed */
	const char *replay;		      /* likewise */
};

struct stress_cases; /* record_case.c */

struct stress_record {
	char scenario[STRESS_TEXT_BYTES];
	char file[STRESS_PATH_BYTES];
	char world[16]; /* "sim", "live" */
	char version[64];
	char command[STRESS_COMMAND_BYTES]; /* as it was typed */
	char replay[STRESS_COMMAND_BYTES];  /* to see the same again */
	uint64_t seed;
	uint64_t digest;   /* of all that could be seen from outside; live runs have none */
	uint64_t began_ns; /* wall-clock time since 1970; sim: also that of the machine */
	uint64_t ran_ns;   /* in the run's own clock */
	uint64_t took_ns;  /* on the machine */
	uint32_t runs;	   /* 1; more after a merge */
	uint32_t failed_runs;
	enum stress_verdict verdict;
	struct stress_failure failure; /* of the first run that failed */
	/* counts, all of them whole */
	uint64_t faults, flaps, expectations, rounds, transitions, pauses, pended, frames,
		rules_broken;
	struct stress_histogram pause; /* latency of pauses of modules */
	struct stress_lane lane[STRESS_LANES_MAX];
	uint32_t lanes;
	struct stress_account account[STRESS_LEDGERS_MAX];
	uint32_t accounts;
	struct stress_witness witness[STRESS_WITNESSES_MAX];
	uint32_t witnesses;
	struct stress_event *event;
	uint32_t events, event_room;
	uint64_t skipped; /* events that are not kept */
	char *strings;
	uint32_t string_bytes, string_room;
	struct stress_cases *cases; /* of a merge; NULL: the record is one run */
};

/** An empty record. */
void stress_record_init(struct stress_record *record);
void stress_record_fini(struct stress_record *record);

/** Lane of a stack (@module NULL or "") or a module; made when it is new. STRESS_NO_LANE: full. */
uint8_t stress_record_lane(struct stress_record *record, const char *stack, const char *module);

/** Keeps @text once. The number 0 is the empty text, also without memory. */
uint32_t stress_record_intern(struct stress_record *record, const char *text);

/** Text by number; lent until the next one is interned. */
const char *stress_record_text(const struct stress_record *record, uint32_t number);

/** Keeps a copy of @event, or counts it as skipped. Counts (faults, pauses ...) are the caller's. */
void stress_record_add(struct stress_record *record, const struct stress_event *event);

/**
 * Adds the run (or runs) of @from: counts, latencies and ledgers are summed, and the events are those of
 * the first that failed, else of the first. Each run is a case of @to. @to has the digest of all: the order does not matter.
 */
void stress_record_merge(struct stress_record *to, const struct stress_record *from);

/** Whether there is a digest: only what is simulated comes again bit by bit. */
bool stress_record_has_digest(const struct stress_record *record);

/** The daemon of @ledger is gone: what is out has the answer UNKNOWN, and gets no other. */
void stress_ledger_end(struct lwf_ledger *ledger);

/** Units that the lower device took, by the ledgers of a stack: the clients' but those towards the host, and the host's. */
uint64_t stress_ledger_sent(const struct lwf_ledger *clients, const struct lwf_ledger *host);

/**
 * What @link sent, by the ledgers of its stack, and what its device took, by a witness. A device that is handed
 * frames of the wire alone took more than there were units.
 */
void stress_witness_sent(struct stress_witness *witness, const struct stress_link *link,
			 const struct lwf_ledger *clients, const struct lwf_ledger *host,
			 uint64_t outside);

/** How many runs can be told one by one; 1 for a record of one run. */
uint32_t stress_record_cases(const struct stress_record *record);

/** Run @index of these, in the order of their arrival; its texts are lent by the record. */
struct stress_case stress_record_case(const struct stress_record *record, uint32_t index);

/** The least seed of its runs: with which `run` began. */
uint64_t stress_record_first_seed(const struct stress_record *record);

/** Copies @one to the end, or does not: without memory, or when STRESS_CASES_MAX are there and it passed. */
void stress_record_add_case(struct stress_record *record, const struct stress_case *one);

/** Orders them by seed; runs that go on side by side arrive as they please. */
void stress_record_sort_cases(struct stress_record *record);
void stress_record_free_cases(struct stress_record *record);

void stress_histogram_add(struct stress_histogram *histogram, uint64_t ns);
void stress_histogram_merge(struct stress_histogram *to, const struct stress_histogram *from);

/** @per_mille of the latencies are at most so long (the upper end of their bucket, or the maximum).
 */
uint64_t stress_histogram_at(const struct stress_histogram *histogram, uint32_t per_mille);

/**
 * Writes @record as NDJSON: a line {"schema":1,"kind":"run",...}, one line for each lane, event, account, witness, run of a merge,
 * and {"kind":"end",...} with verdict and counts as the last. 0 or -errno.
 */
int stress_record_write(const struct stress_record *record, FILE *out);

/** Reads what stress_record_write() wrote into @record (initialised). 0; -EINVAL with @problem. */
int stress_record_read(struct stress_record *record, FILE *in, struct stress_problem *problem);

#endif
