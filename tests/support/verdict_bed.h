/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_bed.h - what the tests of filter verdict share: a stack with it between two devices that say
 * what they were handed, and judges: deciders that keep what they were asked, and answer as told.
 */
#ifndef LWF_TEST_VERDICT_BED_H
#define LWF_TEST_VERDICT_BED_H

#include "rig.h"
#include "talk.h"

#include <lwf/parse.h>
#include <lwf/verdict.h>

#define JUDGE_ASKS  2048u
#define VBED_FRAMES 4096u
#define VBED_BYTES  2048u

/** A decider. Fill decider's first part, mode and what follows, then judge_open(). */
struct judge {
	struct lwf_decider decider; /* first */
	enum {
		JUDGE_KEEPS, /* answers when the test says so */
		JUDGE_TELLS, /* inside the call, with @says */
		JUDGE_LIES,  /* about asks that were never made, then with @says */
	} mode;
	struct lwf_tell says; /* ask is filled in */
	uint32_t takes;	      /* of one call; UINT32_MAX by default */
	uint32_t asked, calls, cancelled, owned, ended;
	struct lwf_ask ask[JUDGE_ASKS]; /* the last ones, by number of arrival */
	uint8_t first_byte[JUDGE_ASKS]; /* of the data, 0 without */
	uint64_t cancel[JUDGE_ASKS];
	enum lwf_verdict_cause cause[JUDGE_ASKS];
	struct lwf_owner owner; /* the last */
	enum lwf_flow_end end;	/* the last */
};

struct vbed_frame {
	uint64_t at_ns;
	uint32_t len;
	uint8_t bytes[VBED_BYTES]; /* the first of them */
	struct lwf_parsed parsed;
};

/** What the two devices were handed; more than VBED_FRAMES are counted alone. */
struct vbed {
	uint32_t down_count, up_count;
	struct vbed_frame down[VBED_FRAMES], up[VBED_FRAMES];
	bool has_client;
};

extern struct rig rig;
extern struct client client;
extern struct vbed vbed;

/** Opens a stack with the modules of @specs; a client when the first is inject. */
void vbed_begin(const char *specs);

/** Closes all: nothing waits, and every ask is settled. */
void vbed_end(void);

/** Counters of the module "verdict"; checks that asks and frames balance. */
struct lwf_verdict_stats vbed_stats(void);

/** lwf_module_set() on it. */
void vbed_set(const char *text, int expected);

/** The host sends, or the network does, the frame of @talk. */
void vbed_send(const struct talk *talk);
void vbed_receive(const struct talk *talk);

/** UDP from host 1 to host 2, port @number to 53, and TCP's first. */
struct talk vbed_udp(uint32_t number);
struct talk vbed_syn(uint32_t number);

/** Its flow in the module's table, which has to be there. */
uint64_t vbed_flow(const struct talk *talk);

/** Opens @judge with @credits; timeout_ns and the rest as they are in its decider. */
void judge_open(struct judge *judge, uint32_t credits);
void judge_close(struct judge *judge);

/** Answers one ask. */
enum lwf_tell_result judge_tell(struct judge *judge, uint64_t ask, enum lwf_verdict_action action,
				enum lwf_verdict_scope scope);

/** Number of the ask that came last, or @back before it. */
uint64_t judge_last(const struct judge *judge, uint32_t back);

#endif
