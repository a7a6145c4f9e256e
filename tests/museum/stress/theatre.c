/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * theatre.c - a play: its beginning and end, time, what the scenario does to the link, the verdict.
 *
 * The interpreter is no processor. It acts between two moments of the simulated time, by changing
 * what the control thread has to bring about, as a device or a user does; that thread then walks from
 * state to state, each callback interleaved with all others as the seed has it. After each step
 * the oracle is asked whether a rule was broken.
 */
#include "theatre.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define STEP_NS	 100000ull	     /* that pass between two looks of the interpreter */
#define START_NS (1000 * NS_PER_MS)  /* at the beginning the module is Running within */
#define END_NS	 (30000 * NS_PER_MS) /* and at the end all is home; a pause has 10 s */

const struct mu_piece *theatre_piece;

int theatre_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why)
{
	memset(error, 0, sizeof(*error));
	error->exit = code;
	snprintf(error->what, sizeof(error->what), "%s", what);
	snprintf(error->why, sizeof(error->why), "%s", why);
	return -EINVAL;
}

/* ---- the control thread ---- */

static enum lwf_state wanted(const struct theatre *theatre)
{
	if (run.closing || theatre->down || theatre->gone || theatre->user_detach)
		return LWF_STATE_DETACHED;
	return theatre->user_pause ? LWF_STATE_PAUSED : LWF_STATE_RUNNING;
}

static void control(void *context)
{
	struct theatre *theatre = context;

	while (!run.ended) {
		const struct life *life = life_now();
		enum lwf_state is = life ? life->state : LWF_STATE_DETACHED;
		enum lwf_state should = wanted(theatre);

		if (run.reset_wanted)
			world_reset();
		else if (is == LWF_STATE_RUNNING && should != LWF_STATE_RUNNING)
			world_pause();
		else if (is == LWF_STATE_PAUSED && should == LWF_STATE_DETACHED)
			world_detach();
		else if (is == LWF_STATE_PAUSED && should == LWF_STATE_RUNNING)
			world_restart();
		else if (is == LWF_STATE_DETACHED && should != LWF_STATE_DETACHED)
			world_attach();
		else if (run.closing && !run.clients_left)
			run.ended = true;
		else if (run.closing)
			fibers_sleep_ns(NS_PER_MS);
		else
			fibers_wait(&run.control);
	}
	fibers_wake(&run.queue);
}

/* ---- beginning ---- */

/* What of @scenario has no place here; NULL: nothing. */
static const char *misfit(const struct stress_scenario *scenario)
{
	if (scenario->links != 1 || scenario->daemons != 1)
		return "the museum has one link of one daemon";
	if (scenario->clients > CLIENTS_MAX)
		return "the museum has three clients at most";
	if (scenario->link[0].filters)
		return "an engine of the museum is the only module of its stack";
	for (uint32_t i = 0; i < scenario->traffics; i++)
		if (scenario->traffic[i].from.kind != STRESS_CLIENT)
			return "in the museum all traffic comes from clients";
	return NULL;
}

static void advance(uint64_t until_ns)
{
	enum fibers_end end;

	if (run.ended || fibers_stopped())
		return;
	end = fibers_run_until(until_ns);
	if (end != FIBERS_HALTED)
		oracle_end(end);
}

static int theatre_open(struct stress_world *world, struct lwf_error *error)
{
	struct theatre *theatre = theatre_of(world);
	const char *why = misfit(world->options.scenario);

	if (why)
		return theatre_refuse(error, LWF_EXIT_SKIPPED, world->options.scenario->name, why);
	memory_open(oracle_touched);
	world_begin(theatre_piece, world->options.seed, false);
	world_draw_temper();
	fibers_add("control", control, theatre);
	world_add_edges();
	seats_add(theatre);
	world_add_device();
	theatre->begun = true;
	for (uint64_t at = 0; at < START_NS && run.rule < 0 &&
			      (!life_now() || life_now()->state != LWF_STATE_RUNNING);
	     at += STEP_NS)
		advance(FIBER_BEGIN_NS + at);
	return 0;
}

/* ---- time ---- */

static uint64_t theatre_now_ns(struct stress_world *world)
{
	(void)world;
	return fibers_now_ns() - FIBER_BEGIN_NS;
}

static int theatre_wait(struct stress_world *world, uint64_t until_ns, struct lwf_error *error)
{
	uint64_t now = fibers_now_ns(), until = until_ns + FIBER_BEGIN_NS;
	bool traffic = false;

	(void)error;
	for (uint32_t i = 0; i < world->options.scenario->traffics; i++)
		traffic |= theatre_of(world)->traffic[i].on;
	if (!traffic)
		world_release_held(); /* or a drain would wait for a pause that nobody wants */
	advance(until < now + STEP_NS ? until : now + STEP_NS);
	return 0;
}

static bool theatre_check(struct stress_world *world, struct stress_failure *failure)
{
	if (run.rule < 0)
		return true;
	snprintf(failure->expected, sizeof(failure->expected), "no rule is broken");
	snprintf(failure->found, sizeof(failure->found), "%s: rule %s: %s", run.piece->name,
		 rule_id((unsigned)run.rule), run.finding);
	failure->time_ns = theatre_now_ns(world);
	return false;
}

/* ---- what happens ---- */

static int no_lives_left(struct lwf_error *error, const char *what)
{
	return theatre_refuse(error, LWF_EXIT_SKIPPED, what,
			      "a module of the museum has 24 lives; give fewer rounds");
}

static int theatre_fault(struct stress_world *world, const struct stress_fault_call *call,
			 struct lwf_error *error)
{
	struct theatre *theatre = theatre_of(world);
	bool undoes = call->fault == STRESS_FAULT_LINK_UP || call->fault == STRESS_FAULT_CREATE ||
		      call->fault == STRESS_FAULT_RETURN;

	if (undoes && run.n_lives + 1 >= LIVES_MAX)
		return no_lives_left(error, call->text);
	switch (call->fault) {
	case STRESS_FAULT_LINK_DOWN:
	case STRESS_FAULT_LINK_UP:
		theatre->down = !undoes;
		break;
	case STRESS_FAULT_DELETE:
	case STRESS_FAULT_MOVE:
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_RETURN:
		theatre->gone = !undoes;
		theatre->down &= theatre->gone;
		break;
	case STRESS_FAULT_CLIENT_KILL:
	case STRESS_FAULT_CLIENT_START:
		theatre->seat[call->object.index].alive = call->fault == STRESS_FAULT_CLIENT_START;
		fibers_wake(&theatre->seat[call->object.index]);
		return 0;
	default:
		return theatre_refuse(error, LWF_EXIT_SKIPPED, call->text,
				      "the museum has no such fault");
	}
	if (call->object.kind == STRESS_UPPER)
		return theatre_refuse(error, LWF_EXIT_SKIPPED, call->text,
				      "the museum has no upper device");
	fibers_wake(&run.control);
	return 0;
}

static int theatre_undo(struct stress_world *world, const struct stress_fault_call *call,
			struct lwf_error *error)
{
	struct stress_fault_call back = *call;

	back.fault = stress_fault_row(call->fault)->undo;
	return theatre_fault(world, &back, error);
}

static int theatre_order(struct stress_world *world, enum stress_order order,
			 const struct stress_object *object, const char *text,
			 struct lwf_error *error)
{
	struct theatre *theatre = theatre_of(world);

	(void)object;
	(void)text;
	switch (order) {
	case STRESS_ORDER_PAUSE:
	case STRESS_ORDER_RESTART:
		theatre->user_pause = order == STRESS_ORDER_PAUSE;
		break;
	case STRESS_ORDER_ATTACH:
	case STRESS_ORDER_DETACH:
		if (order == STRESS_ORDER_ATTACH && run.n_lives + 1 >= LIVES_MAX)
			return no_lives_left(error, "attach");
		theatre->user_detach = order == STRESS_ORDER_DETACH;
		break;
	default:
		return theatre_refuse(error, LWF_EXIT_SKIPPED, stress_order_name(order),
				      "the museum has one module, and no other");
	}
	fibers_wake(&run.control);
	return 0;
}

/* ---- end ---- */

static void theatre_account(struct stress_world *world)
{
	struct theatre *theatre = theatre_of(world);
	uint64_t end_ns = fibers_now_ns() + END_NS;

	if (theatre->over)
		return;
	theatre->over = true;
	run.closing = true;
	fibers_wake(&run.control);
	for (uint32_t i = 0; i < world->options.scenario->clients; i++)
		fibers_wake(&theatre->seat[i]);
	while (!run.ended && run.rule < 0 && fibers_now_ns() < end_ns)
		advance(fibers_now_ns() + NS_PER_MS);
	if (run.rule < 0 && !run.ended)
		broken(RULE_P17, "the run does not come to its end");
	theatre_note(theatre);
	if (world->options.trace)
		trace_print(stderr);
	fibers_finish();
}

static uint64_t theatre_digest(struct stress_world *world)
{
	(void)world;
	return run.digest;
}

static void theatre_close(struct stress_world *world)
{
	struct theatre *theatre = theatre_of(world);

	if (theatre->begun && !theatre->over)
		fibers_finish();
	free(theatre);
}

static const struct stress_world_ops ops = {
	.name = "museum",
	.bit = STRESS_IN_SIM,
	.is_virtual = true,
	.open = theatre_open,
	.close = theatre_close,
	.now_ns = theatre_now_ns,
	.wait = theatre_wait,
	.fault = theatre_fault,
	.undo = theatre_undo,
	.traffic = seats_traffic,
	.order = theatre_order,
	.ask = theatre_ask,
	.check = theatre_check,
	.account = theatre_account,
	.digest = theatre_digest,
};

struct stress_world *theatre_create(const struct stress_world_options *options)
{
	struct theatre *theatre = calloc(1, sizeof(*theatre));

	if (!theatre)
		return NULL;
	theatre->base.ops = &ops;
	theatre->base.options = *options;
	return &theatre->base;
}
