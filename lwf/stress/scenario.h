/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario.h - a scenario as it was read: declarations, statements, expressions.
 *
 * docs/scenarios.md is the language. The parser is pure: it reads a text, asks a function for the
 * texts that are included, and makes this tree; names are resolved, units checked, and every node
 * knows where it stands. All memory is the scenario's and goes with it at once.
 */
#ifndef LWF_STRESS_SCENARIO_H
#define LWF_STRESS_SCENARIO_H

#include <stddef.h>

#include <lwf/profile.h>
#include <lwf/trace.h>

#include "vocabulary.h"

#define STRESS_NAME_BYTES	LWF_NAME_BYTES
#define STRESS_TEXT_BYTES	256u /* a filter's options, a template, a title */
#define STRESS_LINKS_MAX	8u
#define STRESS_CLIENTS_MAX	32u
#define STRESS_TRAFFICS_MAX	32u
#define STRESS_DAEMONS_MAX	4u
#define STRESS_VARIABLES_MAX	1000u
#define STRESS_REPEATS_MAX	256u /* and things that are remembered */
#define STRESS_LINK_FILTERS_MAX 6u
#define STRESS_DEPTH_MAX	16u   /* blocks in blocks, files in files, parentheses */
#define STRESS_PARTS_MAX	1000u /* of one expression, those of its variables too */
#define STRESS_FILE_MAX_BYTES	(1u << 20)
#define STRESS_INCLUDES_MAX	1000u	   /* files that are read, but the first */
#define STRESS_TOTAL_MAX_BYTES	(2u << 20) /* of all of them; what is read again counts again */
#define STRESS_PROBLEM_BYTES	768u

/** Where something stands. @file is the scenario's; line and column (in bytes) count from 1. */
struct stress_at {
	const char *file;
	uint32_t line, column;
};

/* ---- expressions ---- */

/** What a name stands for. */
struct stress_object {
	enum stress_object_kind kind; /* one bit */
	uint32_t index;		      /* of the link, client or daemon */
	char module[STRESS_NAME_BYTES];
};

enum stress_expr_kind {
	STRESS_EXPR_NUMBER,  /* number, in unit */
	STRESS_EXPR_RANGE,   /* left..right: drawn from the seed at each evaluation, both ends in */
	STRESS_EXPR_COUNTER, /* what is kept under this number: the round of a repeat, from 1, or
				what was remembered (then text is its name) */
	STRESS_EXPR_QUANTITY, /* quantity(object, word) */
	STRESS_EXPR_ADD,
	STRESS_EXPR_SUBTRACT,
	STRESS_EXPR_MULTIPLY,
	STRESS_EXPR_EQUAL,
	STRESS_EXPR_UNEQUAL,
	STRESS_EXPR_LESS,
	STRESS_EXPR_AT_MOST,
	STRESS_EXPR_MORE,
	STRESS_EXPR_AT_LEAST,
	STRESS_EXPR_AND,
	STRESS_EXPR_OR,
	STRESS_EXPR_NOT, /* left alone */
};

struct stress_expr {
	enum stress_expr_kind kind;
	enum stress_unit unit; /* of its value; comparisons: COUNT */
	uint32_t parts;	       /* how many expressions it is made of, itself too */
	struct stress_at at;
	int64_t number;
	enum stress_quantity quantity;
	struct stress_object object;
	int word;	  /* enum lwf_answer, lwf_reason or lwf_hold; -1: none */
	const char *text; /* of a quantity that takes one, of what was remembered; NULL: none */
	struct stress_expr *left, *right;
};

/* ---- declarations ---- */

/** link NAME [upper tap|none] [lower veth] [mtu N] [filter "SPEC"]... [peer LINK] [daemon NAME]
 *  [qdisc kernel] [offload none] */
struct stress_link {
	char name[STRESS_NAME_BYTES];
	struct stress_at at;
	bool has_upper;
	bool qdisc_kernel;
	bool offload_none;
	uint32_t mtu_bytes;
	uint32_t daemon;
	uint32_t peer; /* the link at the other end of its wire; its own index: a dead end */
	uint32_t filters;
	char filter[STRESS_LINK_FILTERS_MAX][STRESS_TEXT_BYTES]; /* below inject and monitor */
};

/** True when the device of @link is handed frames of the wire alone: nothing is left to it to cut. */
static inline bool stress_link_is_plain(const struct stress_link *link)
{
	return link->offload_none || link->qdisc_kernel;
}

/** client NAME on LINK [when-paused wait|fail] */
struct stress_client {
	char name[STRESS_NAME_BYTES];
	struct stress_at at;
	uint32_t link;
	bool wait_when_paused;
};

/** From @least to @most. */
struct stress_span {
	uint32_t least, most;
};

/**
 * traffic NAME from CLIENT|LINK.upper|LINK.lower TEMPLATE rate R [burst N] [count N]
 * [direction receive] [cut N|N..M] [segments N|N..M]. TEMPLATE is what lwf-inject takes ("udp 10.0.0.1:9 > 10.0.0.2:9 size 60..1514").
 */
struct stress_traffic {
	char name[STRESS_NAME_BYTES];
	struct stress_at at;
	struct stress_object from; /* a client; a side: frames of the host, or of the network */
	char pattern[STRESS_TEXT_BYTES];
	double frames_per_second; /* 0: bits_per_second is given */
	double bits_per_second;
	uint32_t burst; /* frames at once; 1 without the word */
	uint64_t count; /* 0: without end */
	bool receive;
	bool is_cut;
	struct stress_span cut;	     /* then each frame ends after so many bytes */
	struct stress_span segments; /* most 0: whole frames; else what is left to do later */
	unsigned started;	     /* STRESS_IN_*: the worlds in which something starts it */
};

/** let NAME = VALUE; resolved by the parser. Kept for the report. */
struct stress_variable {
	char name[STRESS_NAME_BYTES];
	char value[STRESS_NAME_BYTES];
	bool overridden; /* by the command line */
	struct stress_variable *next;
};

/* ---- statements ---- */

enum stress_statement_kind {
	STRESS_AFTER,  /* after D [STATEMENT]: number waits, body is the statement or NULL */
	STRESS_EXPECT, /* [within D] expect COND */
	STRESS_ALWAYS, /* always expect COND [while COND]: until the end of its block */
	STRESS_REPEAT, /* repeat N|for D [as NAME] { body } */
	STRESS_ONLY,   /* only sim|live { body } */
	STRESS_FAULTS, /* a fault */
	STRESS_START,  /* start TRAFFIC|all */
	STRESS_STOP,   /* stop TRAFFIC|all */
	STRESS_DRAIN,  /* drain within D: traffic is off and nothing is outstanding */
	STRESS_STACK,  /* stack LINK pause|restart|attach|detach */
	STRESS_FILTER, /* filter LINK insert "SPEC" | LINK/MODULE remove | LINK/MODULE set "K=V" */
	STRESS_NOTE,   /* note "TEXT": a mark in the report */
	STRESS_REMEMBER, /* remember NAME = VALUE: what it is now */
};

struct stress_statement {
	enum stress_statement_kind kind;
	struct stress_at at;
	char text[STRESS_TEXT_BYTES];	/* as it was written, in one line (without its body); NOTE:
					   its text; FILTER: the spec or the options */
	struct stress_expr *number;	/* AFTER, within, REPEAT, DRAIN, REMEMBER */
	struct stress_expr *condition;	/* EXPECT, ALWAYS */
	struct stress_expr *while_true; /* ALWAYS; NULL: without */
	struct stress_statement *body;
	struct stress_statement *next;
	bool for_time;	  /* REPEAT: number is a duration */
	uint32_t counter; /* REPEAT, REMEMBER: its number */
	unsigned worlds;  /* ONLY: STRESS_IN_* */
	uint32_t traffic; /* START, STOP; STRESS_TRAFFICS_MAX: all */
	enum stress_order order;
	enum stress_fault fault;
	struct stress_object object;
	struct stress_expr *parameter; /* of a fault: a count or a duration; or NULL */
	char word[STRESS_NAME_BYTES];  /* of a fault: a name, MAC, errno */
	struct stress_expr *share;     /* of a fault: rate, or NULL */
	struct stress_expr *duration;  /* of a fault: for, or NULL */
};

struct stress_scenario {
	char name[STRESS_TEXT_BYTES];
	const char *file;
	uint64_t seed; /* what stands in the file; 1 without */
	bool has_seed;
	enum lwf_profile profile;
	uint32_t links, clients, traffics, daemons, counters;
	struct stress_link link[STRESS_LINKS_MAX];
	struct stress_client client[STRESS_CLIENTS_MAX];
	struct stress_traffic traffic[STRESS_TRAFFICS_MAX];
	char daemon[STRESS_DAEMONS_MAX][STRESS_NAME_BYTES]; /* the first: "main" */
	struct stress_at daemon_at[STRESS_DAEMONS_MAX];
	struct stress_variable *variables;
	struct stress_statement *body;
	struct stress_arena *arena; /* all memory of the tree */
};

/* ---- parsing ---- */

/** What is wrong, ready to be printed: "FILE:LINE:COLUMN: reason; next step", the line, a caret. */
struct stress_problem {
	char text[STRESS_PROBLEM_BYTES];
	struct stress_at at; /* file is NULL when the scenario is gone */
};

/** Where texts come from. */
struct stress_source {
	/**
	 * Reads @file, which @from includes (NULL: the scenario itself), into memory that free() gives
	 * back. 0 or -errno; -EFBIG over STRESS_FILE_MAX_BYTES.
	 */
	int (*read)(void *context, const char *from, const char *file, char **text, size_t *bytes);
	void *context;
};

/** Files of the disk; names are relative to the file that includes them. */
extern const struct stress_source stress_disk;

/** A value of the command line for a variable: "flaps=100". */
struct stress_setting {
	const char *name, *value;
	bool used; /* out */
};

/**
 * Reads scenario @file from @source. Returns 0 and the tree, which stress_scenario_free() takes; or
 * -EINVAL (-ENOENT, -EISDIR ... when @file cannot be read) with @problem.
 */
int stress_scenario_read(const struct stress_source *source, const char *file,
			 struct stress_setting *settings, size_t setting_count,
			 struct stress_scenario **scenario, struct stress_problem *problem);

/** Accepts NULL. */
void stress_scenario_free(struct stress_scenario *scenario);

/** Name of what @object stands for, as it is written: "lan0.lower". Returns @text. */
const char *stress_object_show(const struct stress_scenario *scenario,
			       const struct stress_object *object, char *text, size_t bytes);

/** Writes @expr as it would be written in a file. Returns @text. */
const char *stress_expr_show(const struct stress_scenario *scenario, const struct stress_expr *expr,
			     char *text, size_t bytes);

/** Writes @number with its unit: "20ms", "running", "5%". */
void stress_number_show(int64_t number, enum stress_unit unit, char *text, size_t bytes);

/** Keyword by number, for the documentation's test; NULL behind the last. */
const char *stress_keyword(unsigned index);

#endif
