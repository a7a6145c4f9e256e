/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig.h - a stack on two simulated edges, and clients of it, for tests.
 *
 * Everything a test opens is closed by rig_close(), which also checks that nothing is left.
 */
#ifndef LWF_TEST_RIG_H
#define LWF_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"

#define RIG_RECORDS_MAX 2048u
#define RIG_CLIENTS_MAX 8u
#define RIG_STAND_INS	256u /* own frames that are out are poisoned, so many at a time */
#define RIG_MS		1000000ull

struct rig {
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_stack *stack;
	struct lwf_edge *upper, *lower;
	struct lwf_observer observer;
	struct lwf_trace_record records[RIG_RECORDS_MAX]; /* all that was told, in order */
	uint32_t record_count;
	bool closed;
	bool may_break_rules; /* else rig_close() insists that none was broken */
	/* what the devices were handed */
	uint32_t lower_handed, upper_handed;
};

/**
 * Opens a stack "s0" with the modules of @specs, a list like "inject;monitor" from the top, of the
 * built-in filters and of @extra (ends with NULL; may be NULL), starts it and lets it settle.
 */
void rig_open(struct rig *rig, const struct lwf_filter_ops *const *extra, const char *specs);

/** The same, but does not start it. */
void rig_prepare(struct rig *rig, const struct lwf_filter_ops *const *extra, const char *specs);

/** Closes everything; every allocation and frame must have come home. */
void rig_close(struct rig *rig);

/** Lets @ms milliseconds of virtual time pass. */
void rig_run(struct rig *rig, uint64_t ms);

struct lwf_module *rig_module(struct rig *rig, const char *name);
enum lwf_state rig_state(struct rig *rig, const char *module);

/** How often rule @id was broken. */
uint64_t rig_broken(struct rig *rig, const char *id);

/** Rule @id was broken at least once, and no other was. */
void rig_expect_broken(struct rig *rig, const char *id);

/** No rule was broken. */
void rig_expect_clean(struct rig *rig);

/** True when the trace has a record of @kind whose event is @event (NULL: any). */
bool rig_told(struct rig *rig, enum lwf_trace_kind kind, const char *event);

/** The device gives the stack a plain frame of @len bytes; returns what lwf_sim_edge_inject() does.
 */
int rig_receive(struct rig *rig, uint32_t len, uint32_t seed);
int rig_host_send(struct rig *rig, uint32_t len, uint32_t seed);

/* ---- links, as lwf/daemon/link.c maps them ---- */

void rig_link_down(struct rig *rig);
void rig_link_up(struct rig *rig);
void rig_carrier(struct rig *rig, bool carrier);
void rig_remove(struct rig *rig);
void rig_return(struct rig *rig);

/* ---- clients ---- */

#define CLIENT_RECORDS_MAX 4096u

struct client_answer {
	uint64_t id;
	lwf_status status;
	uint16_t reason;
	bool refused;
};

/** A client: records it wants sent, answers it got. Records are plain frames. */
struct client {
	struct lwf_session session;
	struct rig *rig;
	uint32_t submitted, pulled; /* ids are 1, 2, ... in this order */
	uint32_t len[CLIENT_RECORDS_MAX];
	uint8_t direction[CLIENT_RECORDS_MAX];
	uint64_t cancel_id[CLIENT_RECORDS_MAX];
	uint32_t answers;				 /* in all */
	struct client_answer answer[CLIENT_RECORDS_MAX]; /* in the order they came */
	uint32_t answered[CLIENT_RECORDS_MAX];		 /* by id - 1: how many answers it got */
	uint32_t flushes, state_changes;
	bool closed;
	void (*on_answer)(struct client *client); /* the test's own, may be NULL */
};

void client_open(struct rig *rig, struct client *client);

/** Puts @n records of 60 bytes into the ring; nobody looks at them before client_pump(). */
void client_put(struct client *client, uint32_t n, enum lwf_direction direction);

/** Pumps until nothing is taken. Returns how many records were. */
uint32_t client_pump(struct client *client);

/** client_put() and client_pump(). */
void client_send(struct client *client, uint32_t n);

/** How many answers with this status there were, refused or not. */
uint32_t client_count(const struct client *client, lwf_status status);

/** Status of the last answer. */
lwf_status client_last(const struct client *client);

/** Closes it and waits for its end; checks that no record was answered twice and the ledger
 * balances. */
void client_close(struct client *client);

#endif
