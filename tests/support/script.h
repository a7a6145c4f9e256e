/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.h - a filter that does what a test tells it: correct by default, wrong where told.
 *
 * One set of commands for all modules of it; tests use one module of it at a time.
 */
#ifndef LWF_TEST_SCRIPT_H
#define LWF_TEST_SCRIPT_H

#include <lwf/filter.h>
#include <lwf/gate.h>

#define SCRIPT_FRAMES 64u

struct script {
	/* commands */
	lwf_status attach_status, restart_status;
	bool pause_is_fixed; /* answer pause_status, whatever the gate says */
	lwf_status pause_status;
	bool keep_sends, keep_receives; /* hold frames of others until pause or script_let_go() */
	bool keeps_context;		/* detach leaves the context where it is */
	bool forget_completion;		/* do not complete a pending pause */
	void (*in_attach)(struct lwf_module *module); /* called first in each; may be NULL */
	void (*in_restart)(struct lwf_module *module);
	void (*in_pause)(struct lwf_module *module); /* after the gate was closed */
	void (*in_detach)(struct lwf_module *module);
	void (*in_status)(struct lwf_module *module);
	void (*send)(struct lwf_module *module, struct lwf_batch *batch); /* instead of ours */
	void (*send_complete)(struct lwf_module *module, struct lwf_batch *batch);
	void (*receive)(struct lwf_module *module, struct lwf_batch *batch);
	void (*cancel)(struct lwf_module *module, uint64_t cancel_id);
	void (*receive_return)(struct lwf_module *module, struct lwf_batch *batch);
	/* what happened */
	struct lwf_module *module;
	struct lwf_pool *pool;
	struct lwf_gate gate;
	struct lwf_batch kept_sends, kept_receives;
	uint32_t attaches, restarts, pauses, detaches, statuses;
	uint32_t home; /* own frames that came home */
	uint32_t by_answer[LWF_ANSWERS];
	enum lwf_state seen_in_attach, seen_in_restart, seen_in_pause;
};

extern struct script script;

/** "script": originates. "keeper": the same, and says that it holds frames. */
extern const struct lwf_filter_ops script_ops, keeper_ops;
extern const struct lwf_filter_ops *const script_filters[]; /* for rig_open() */

/** Back to correct behaviour; forgets what happened. */
void script_reset(void);

/** Originates @n frames through the gate. False when it refused. */
bool script_originate(uint32_t n, enum lwf_direction direction);

/** Originates @n frames past the gate, as frames of @origin. */
void script_originate_wrongly(uint32_t n, enum lwf_direction direction, lwf_handle origin);

/** Passes on what is kept. */
void script_let_go(void);

/** Completes a pending restart; opens the gate when it is a SUCCESS. */
void script_restart_complete(lwf_status status);

#endif
