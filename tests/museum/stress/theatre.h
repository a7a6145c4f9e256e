/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * theatre.h - the world in which scenarios play with an engine of the museum.
 *
 * To the interpreter of lwf-stress it is a simulation like any other: one link, up to three clients,
 * virtual time, one seed. The link's stack is the piece; what goes on inside is the museum's own world:
 * processors, seams, completions in any order, the oracle. theatre.c is the world, seats.c its
 * clients, ask.c what expectations ask for.
 */
#ifndef LWF_MUSEUM_THEATRE_H
#define LWF_MUSEUM_THEATRE_H

#include "../world.h"

#include <lwf/stack.h>

#include "interp.h"

/** A client: one processor that sends what its traffics say, with four frames of its own. */
struct seat {
	const struct stress_client *declared;
	uint32_t index;
	bool alive;
	void *open;		  /* of the piece; NULL: it has none */
	struct lwf_ledger ledger; /* completed: by outstanding() */
};

struct traffic {
	const struct stress_traffic *declared;
	bool on;
	uint64_t made, gap_ns, next_ns;
};

struct theatre {
	struct stress_world base;
	bool begun, over;
	/* what the control thread has to bring about */
	bool down, gone; /* the device: administratively, altogether */
	bool user_pause, user_detach;
	struct seat seat[CLIENTS_MAX];
	struct traffic traffic[STRESS_TRAFFICS_MAX];
	bool told; /* the failure was */
};

static inline struct theatre *theatre_of(struct stress_world *world)
{
	return (struct theatre *)world;
}

/** Which engine plays, and whether it is the fixed twin. */
extern const struct mu_piece *theatre_piece;

struct stress_world *theatre_create(const struct stress_world_options *options);

/** For errors of calls. Returns -EINVAL. */
int theatre_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why);

/* ---- seats.c ---- */

/** Adds the processors of all clients. */
void seats_add(struct theatre *theatre);

/** Starts or stops a traffic; wakes who has to know. */
int seats_traffic(struct stress_world *world, uint32_t index, bool on, struct lwf_error *error);

/** What @seat has submitted, by status, those home counted as completed. */
struct lwf_ledger seats_ledger(const struct seat *seat);

/* ---- ask.c ---- */

int theatre_ask(struct stress_world *world, const struct stress_question *question, int64_t *value,
		struct lwf_error *error);

/** Lanes, transitions, pauses, ledgers: what a report shows. */
void theatre_note(struct theatre *theatre);

#endif
