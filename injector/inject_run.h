/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_run.h - one run of lwf-inject: what is to be sent, what became of it, and how it is told.
 *
 * Shared by the two ways to a device: inject_session.c (through lwfd) and inject_nic.c (a stack of
 * its own). Both ask which records are due, hand them over, and count the one answer to each; the ledger is made of
 * these answers alone.
 */
#ifndef INJECT_RUN_H
#define INJECT_RUN_H

#include <signal.h>
#include <stdatomic.h>

#include <lwf/stack.h>

#include "inject_histogram.h"
#include "inject_options.h"
#include "inject_pace.h"
#include "inject_source.h"

#define INJECT_BATCH	  256u
#define INJECT_DRAIN_NS	  5000000000ull /* after a signal: how long answers are waited for */
#define INJECT_LINGER_NS  500000000ull /* of these: how long frames may still leave by themselves */
#define INJECT_SILENCE_NS 5000000000ull /* without any answer: ask whether the daemon lives */
#define INJECT_FOREVER_NS UINT64_MAX

/** How often TERM, INT or HUP came. */
extern atomic_int inject_signals;

struct inject_run {
	const struct inject_options *options;
	struct inject_source *source;
	struct inject_pace pace;
	struct inject_histogram
		lateness; /* paced: how long each had been due when it was handed over */
	uint64_t handed;  /* records handed over so far */
	struct lwf_ledger ledger;
	uint64_t reasons[LWF_REASONS]; /* answers by reason */
	uint32_t last_error;	       /* errno of the last FAILURE */
	uint64_t start_ns, end_ns;     /* first record handed over, last answer */
	uint64_t progress_ns;	       /* when progress was last shown */
	bool progress;		       /* stderr is a terminal */
	bool awaits_all;	       /* all answers, before anything more is due */
	struct lwf_error fault;	       /* why the rest of the source is not sent; exit 0: none */
	const char *gone;	       /* why the daemon is gone; NULL */
};

enum inject_due {
	INJECT_DUE_NOW,	    /* records are there to be handed over */
	INJECT_DUE_LATER,   /* at *due_ns */
	INJECT_DUE_ANSWERS, /* when inject_run_answered() says so, or at *due_ns */
	INJECT_DUE_INPUT,   /* when the source has something */
	INJECT_DUE_NEVER,   /* all is handed over */
};

/** Catches TERM, INT and HUP, and ignores PIPE. */
void inject_run_signals(void);

void inject_run_init(struct inject_run *run, const struct inject_options *options,
		     struct inject_source *source);

/** Asks for the calling thread to be woken in time, as far as @run has use for that; a kernel that cannot is no error. */
void inject_run_be_prompt(const struct inject_run *run);

/** Monotonic nanoseconds. */
uint64_t inject_now_ns(void);

/** Fills up to @max records that are due now; what is to be waited for when *count is 0. */
enum inject_due inject_run_due(struct inject_run *run, uint64_t now_ns,
			       struct inject_record *records, uint32_t max, uint32_t *count,
			       uint64_t *due_ns);

/** The first @count of these were handed over. */
void inject_run_handed(struct inject_run *run, const struct inject_record *records, uint32_t count);

/**
 * Looks at the clock until @due_ns, which is near, or a signal. With @yields others may have the processor in between:
 * the daemon may be waiting for this very one. Returns the time then.
 */
uint64_t inject_run_spin(uint64_t due_ns, bool yields);

/** True for a record that must be refused as cut short. */
bool inject_run_is_short(const struct inject_run *run, const struct inject_record *record);

struct inject_answer {
	lwf_status status;
	enum lwf_reason reason;
	bool refused;
	uint32_t error, frames, bytes;
};

/** Counts the one answer to a record. True: what was due upon INJECT_DUE_ANSWERS may be due now. */
bool inject_run_answered(struct inject_run *run, const struct inject_answer *answer);

/** Shows how far it is, twice a second, on a terminal. */
void inject_run_progress(struct inject_run *run, uint64_t now_ns);

/** Prints the ledger in the form asked for, tells what went wrong, and returns the exit code. */
int inject_run_report(struct inject_run *run);

/** The two ways. Return 0 when the run took place (report it), else the exit code of what they told. */
int inject_session(struct inject_run *run);
int inject_nic(struct inject_run *run);

/** All of lwf-inject. Returns the exit code. */
int inject_command(int argc, char **argv);

#endif
