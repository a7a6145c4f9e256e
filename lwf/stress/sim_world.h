/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_world.h - the simulated world: the engine's own objects on simulated devices, in virtual time.
 *
 * world_sim.c makes and ends it, lets time pass and judges; sim_link.c is daemons, stacks and devices,
 * sim_fault.c what happens to them; sim_client.c clients and traffic; sim_ask.c answers questions. Everything
 * follows from the scenario and the seed: nothing here asks a clock, and nothing depends on an
 * address.
 */
#ifndef LWF_STRESS_SIM_WORLD_H
#define LWF_STRESS_SIM_WORLD_H

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"
#include "pattern.h"
#include "sight.h"
#include "world.h"

#define SIM_LOWER_NAME	 "lower" /* of the device, as long as it has no other */
#define SIM_RING	 1024u /* records that a client may have waiting, out and unread together */
#define SIM_FLOOD_NS	 50000u
#define SIM_FLOOD_FRAMES 64u
#define SIM_WIRE_NS	 1000u /* how long a frame is on the wire between two links */
#define SIM_SHORT_BYTES	 2048u /* what an edge gives without more memory */
#define SIM_WIRE_FRAMES	 256u
#define SIM_QDISC_NS	 50000u /* a device with qdisc completes so much later */

struct sim_world;

/** A frame that a client has submitted and not been told of. */
struct sim_record {
	uint64_t id; /* 0: none */
	uint32_t traffic, number;
};

struct sim_client {
	struct lwf_session session;
	struct sim_world *world;
	const struct stress_client *declared;
	uint32_t index;
	bool open;    /* the session is there */
	bool closing; /* and is being given up */
	bool reopen;  /* as soon as that is done */
	bool alive;   /* not killed */
	bool stopped, deaf, flooding;
	struct lwf_timer flood;
	uint64_t put, pulled; /* records of this session: written, and taken by the engine */
	uint64_t answered;    /* records of this session that were answered */
	uint64_t unread;
	uint32_t flood_traffic; /* the traffic whose frames it floods with */
	struct sim_record record[SIM_RING];
	struct lwf_ledger session_ledger; /* what it was told in this session */
	struct lwf_ledger ledger;	  /* what it was told at all */
	uint64_t lost, doubled;
	uint64_t garbled; /* messages that were none */
	uint64_t rejected,
		hung_up; /* of these, answered with an error; connections closed for it */
};

struct sim_traffic {
	struct sim_world *world;
	const struct stress_traffic *declared;
	struct lwf_timer timer;
	bool on;
	uint64_t made;	  /* frames so far */
	uint64_t next_ns; /* host time of the next burst */
	struct stress_patterns patterns;
};

struct sim_wire_frame {
	uint64_t due_ns;
	uint32_t len;
	struct lwf_offload offload;
	uint8_t bytes[LWF_FRAME_MAX_BYTES];
};

struct sim_link {
	struct sim_world *world;
	const struct stress_link *declared;
	uint32_t index;
	uint32_t ifindex;
	struct lwf_stack *stack; /* NULL: its daemon is not there */
	struct lwf_edge *lower, *upper;
	struct lwf_sim_edge_config device[2]; /* how lower and upper take sends now */
	struct lwf_link link, upper_link;     /* what the devices are now, whoever looks */
	bool unplugged[2];		      /* lower and upper have no cable */
	uint64_t lower_took, lower_gave;      /* frames, by the devices' own count */
	uint64_t upper_took, upper_gave;
	uint64_t took_bytes[2];		  /* lower, upper */
	uint64_t epochs;		  /* of earlier stacks of this name */
	struct lwf_ledger clients_before; /* ledgers of earlier stacks */
	struct lwf_ledger host_before;
	struct {
		uint64_t frames, bytes;
	} wire_before[2];	    /* what their edges, lower and upper, handed to devices */
	uint64_t upper_sent_before; /* what their upper edges handed to the device */
	uint64_t drops_before[2][LWF_REASONS];
	uint64_t pauses, pended;
	struct stress_histogram pause;
	struct stress_sight *sight[2]; /* of what the lower, the upper device took; NULL: unasked */
	bool missed;		       /* something has happened that the engine was not told of */
	uint8_t lane;
	uint64_t out; /* last value that the record has */
	/* the wire to a peer: frames that are on their way to this link */
	struct sim_wire_frame *wire;
	uint32_t wire_first, wire_count;
	struct lwf_timer wire_timer;
};

struct sim_daemon {
	struct sim_world *world;
	uint32_t index;
	struct lwf_engine *engine; /* NULL: it does not run */
	struct lwf_observer observer;
};

/** A daemon that was killed: what is left of it comes home unseen. */
struct sim_grave {
	struct lwf_engine *engine;
	uint32_t stacks; /* not yet closed */
	struct sim_grave *next;
};

struct sim_world {
	struct stress_world base;
	struct lwf_host *host;
	uint64_t began_ns; /* host time */
	uint64_t digest;
	uint64_t changes; /* of what expectations look at */
	uint64_t rules_broken;
	bool stale; /* the engine is told of no link */
	struct stress_known known;
	bool over;		       /* everything was closed */
	struct stress_failure failure; /* expected[0]: something was found wrong */
	struct lwf_timer alarm;
	struct sim_daemon daemon[STRESS_DAEMONS_MAX];
	struct sim_link link[STRESS_LINKS_MAX];
	struct sim_client client[STRESS_CLIENTS_MAX];
	struct sim_traffic traffic[STRESS_TRAFFICS_MAX];
	struct sim_grave *graves;
};

/* ---- world_sim.c ---- */

static inline struct sim_world *sim_of(struct stress_world *world)
{
	return (struct sim_world *)world;
}

void sim_digest(struct sim_world *world, uint64_t number);
void sim_digest_text(struct sim_world *world, const char *text);

/** Notes the first thing that is found wrong. */
void sim_wrong(struct sim_world *world, const char *expected, const char *found, ...)
	__attribute__((format(printf, 3, 4)));

/** Fills @error for something that cannot be done. Returns -EINVAL. */
int sim_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why, ...)
	__attribute__((format(printf, 4, 5)));

/** Time of the run. */
uint64_t sim_now_ns(const struct sim_world *world);

/** Adds an event to the record, at this moment. */
void sim_note(struct sim_world *world, struct stress_event event, const char *text);

/* ---- sim_link.c ---- */

/** Prepares link @index, without a stack. 0 or -ENOMEM. */
int sim_link_init(struct sim_world *world, uint32_t index);

/** Starts daemon @index with its links. 0 or -errno with @error. */
int sim_daemon_start(struct sim_world *world, uint32_t index, struct lwf_error *error);

/** Ends it: in order, or (killed) without another word to anybody. */
void sim_daemon_end(struct sim_world *world, uint32_t index, bool killed);

int sim_order(struct stress_world *base, enum stress_order order,
	      const struct stress_object *object, const char *text, struct lwf_error *error);

/** Frees daemons that were killed and have nothing left to come home. */
void sim_bury(struct sim_world *world);

/** Tells the engine what has become of the device of @link. */
void sim_tell(struct sim_link *link, const char *event);
void sim_tell_upper(struct sim_link *link);

/** How a device takes sends without a fault. */
struct lwf_sim_edge_config sim_device(const struct sim_link *link, bool upper);

/** Gives @device the MAC that devices of @link begin with. */
void sim_first_mac(const struct sim_link *link, struct lwf_link *device);

/** The device of @edge gives a frame: what lwf_sim_edge_inject() returns, of any length. */
int sim_give(struct lwf_edge *edge, const uint8_t *bytes, uint32_t len,
	     const struct lwf_offload *offload);

/* ---- sim_fault.c ---- */

int sim_fault(struct stress_world *base, const struct stress_fault_call *call,
	      struct lwf_error *error);
int sim_undo(struct stress_world *base, const struct stress_fault_call *call,
	     struct lwf_error *error);

/* ---- sim_hear.c ---- */

/** Something happens to @link that the engine is not told of: the device alone answers by it. */
void sim_missed(struct sim_link *link);

/** From now on the engine is told of no link; or it is again, and first of what it missed. */
void sim_stale(struct sim_world *world, bool stale);

/** Sends @number messages that are none. */
void sim_client_garble(struct sim_client *client, int64_t number);

static inline struct sim_link *link_of_client(const struct sim_client *client)
{
	return &client->world->link[client->declared->link];
}

/* ---- sim_sight.c ---- */

/** Has the frames that devices take looked at where the scenario asks for it. 0 or -ENOMEM. */
int sim_sight_open(struct sim_world *world);
void sim_sight_close(struct sim_world *world);

/** The device at a side of @link has taken @frame. */
void sim_sight_see(struct sim_link *link, bool upper, const struct lwf_frame *frame);

/** A question of STRESS_QUANTITY_* that stress_sight_answers(). 0; or -errno with @error. */
int sim_sight_ask(struct sim_world *world, const struct stress_question *question, int64_t *value,
		  struct lwf_error *error);

/* ---- sim_client.c ---- */

void sim_client_open(struct sim_client *client);

/** Gives up the session; what is out is answered @status by the client's library. */
void sim_client_lose(struct sim_client *client, enum lwf_answer out, enum lwf_answer waiting);
void sim_client_close(struct sim_client *client);
int sim_client_fault(struct sim_client *client, enum stress_fault fault, int64_t number,
		     struct lwf_error *error);

int sim_traffic(struct stress_world *base, uint32_t index, bool on, struct lwf_error *error);
void sim_traffic_on_timer(void *context);
void sim_client_on_flood(void *context);

/* ---- sim_ask.c ---- */

int sim_ask(struct stress_world *base, const struct stress_question *question, int64_t *value,
	    struct lwf_error *error);

/** Frames that modules of @link originated and that are not home. */
uint64_t sim_out(const struct sim_link *link);

/** Ledgers of all lives of the link's stack. */
struct lwf_ledger sim_clients_ledger(const struct sim_link *link);
struct lwf_ledger sim_host_ledger(const struct sim_link *link);

#endif
