/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interp.c - statements, one after the other; expectations; the verdict.
 *
 * Time passes in pass() alone: it waits for the world, ends faults whose time is over, and judges
 * after each step what must always hold: the world's own check, and the scenario's `always`. A
 * statement returns false when the run is over.
 */
#include "interp.h"

#include <stdio.h>
#include <string.h>

#include "interp_private.h"

#define AT_REST_NS \
	6000000000ull /* at the end what is out comes home within: `impair` delays by 5 s at most */
#define LATE_NS \
	20000000ull /* of the last look that `within` takes for one in time, in a real world */

static bool run_all(struct stress_interp *interp, const struct stress_statement *list);
static bool run_list(struct stress_interp *interp, const struct stress_statement *list);
static bool run_statement(struct stress_interp *interp, const struct stress_statement *statement);

static uint64_t now_ns(const struct stress_interp *interp)
{
	return interp->world->ops->now_ns(interp->world);
}

static void note(struct stress_interp *interp, struct stress_event event,
		 const struct stress_statement *statement, const char *text)
{
	event.time_ns = now_ns(interp);
	event.line = statement ? statement->at.line : 0;
	event.text = stress_record_intern(interp->record, text);
	stress_record_add(interp->record, &event);
}

/* ---- verdicts ---- */

static void place(struct stress_failure *failure, const struct stress_statement *statement)
{
	if (!statement)
		return;
	snprintf(failure->file, sizeof(failure->file), "%s", statement->at.file);
	failure->line = statement->at.line;
	failure->column = statement->at.column;
}

void stress_give_up(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_failure *failure = &interp->record->failure;

	if (interp->over)
		return;
	interp->over = true;
	interp->record->verdict =
		interp->error->exit == LWF_EXIT_SKIPPED ? STRESS_SKIPPED : STRESS_BROKEN;
	place(failure, statement);
	failure->time_ns = now_ns(interp);
	snprintf(failure->found, sizeof(failure->found), "%.80s: %.160s", interp->error->what,
		 interp->error->why);
}

/*
 * An expectation does not hold: @statement's (NULL: what every scenario expects). Found is @how, and what
 * the quantities of @condition are.
 */
static bool fail(struct stress_interp *interp, const struct stress_statement *statement,
		 const char *expected, const char *how, const struct stress_expr *condition)
{
	struct stress_failure *failure = &interp->record->failure;
	char found[STRESS_TEXT_BYTES] = "";

	if (interp->over)
		return false;
	stress_eval_found(interp, condition, found, sizeof(found));
	interp->over = true;
	interp->record->verdict = STRESS_FAILED;
	place(failure, statement);
	failure->time_ns = now_ns(interp);
	snprintf(failure->expected, sizeof(failure->expected), "%s", expected);
	snprintf(failure->found, sizeof(failure->found), "%.32s%.200s", how,
		 found[0] ? found : "that does not hold");
	note(interp, (struct stress_event){.kind = STRESS_EVENT_EXPECT, .lane = STRESS_NO_LANE},
	     statement, expected);
	return false;
}

/* What must hold by itself, and what the scenario says must hold always. */
static bool judge(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_failure failure = {0};
	int64_t value;

	if (interp->over)
		return false;
	if (!interp->world->ops->check(interp->world, &failure)) {
		interp->over = true;
		interp->record->verdict = STRESS_FAILED;
		interp->record->failure = failure;
		if (!failure.line)
			place(&interp->record->failure, statement);
		return false;
	}
	for (uint32_t i = 0; i < interp->always_count; i++) {
		const struct stress_statement *always = interp->always[i];

		if (always->while_true) {
			if (!stress_eval(interp, always->while_true, &value))
				return false;
			if (!value)
				continue;
		}
		if (!stress_eval(interp, always->condition, &value))
			return false;
		if (!value)
			return fail(interp, always, always->text, "", always->condition);
	}
	return true;
}

/* ---- time ---- */

static bool end_fault(struct stress_interp *interp, uint32_t index)
{
	const struct stress_statement *statement = interp->in_force[index].statement;
	struct stress_event event = {.kind = STRESS_EVENT_FAULT, .lane = STRESS_NO_LANE};

	note(interp, event, statement, interp->in_force[index].call.text);
	return stress_force_end(interp, index) && judge(interp, statement);
}

/* One step of the world, at most until @until_ns. */
static bool pass(struct stress_interp *interp, const struct stress_statement *statement,
		 uint64_t until_ns)
{
	uint32_t first = stress_force_first(interp);

	if (first < interp->in_force_count) {
		if (interp->in_force[first].until_ns <= now_ns(interp))
			return end_fault(interp, first);
		if (interp->in_force[first].until_ns < until_ns)
			until_ns = interp->in_force[first].until_ns;
	}
	if (interp->world->ops->wait(interp->world, until_ns, interp->error)) {
		stress_give_up(interp, statement);
		return false;
	}
	if (interp->progress)
		interp->progress->time_ns = now_ns(interp);
	return judge(interp, statement);
}

static bool pass_until(struct stress_interp *interp, const struct stress_statement *statement,
		       uint64_t until_ns)
{
	while (now_ns(interp) < until_ns)
		if (!pass(interp, statement, until_ns))
			return false;
	return true;
}

/* A time that a statement names. */
static bool duration(struct stress_interp *interp, const struct stress_expr *expr, uint64_t *ns)
{
	int64_t value;

	if (!stress_eval(interp, expr, &value))
		return false;
	*ns = value > 0 ? (uint64_t)value : 0;
	return true;
}

/* ---- statements ---- */

static bool run_after(struct stress_interp *interp, const struct stress_statement *statement)
{
	uint64_t wait_ns;

	if (!duration(interp, statement->number, &wait_ns) ||
	    !pass_until(interp, statement, now_ns(interp) + wait_ns))
		return false;
	return !statement->body || run_statement(interp, statement->body);
}

/* What a real world said for an earlier statement may be old by now. */
static bool look_again(struct stress_interp *interp, const struct stress_statement *statement)
{
	if (interp->world->ops->is_virtual ||
	    !interp->world->ops->wait(interp->world, now_ns(interp), interp->error))
		return true;
	stress_give_up(interp, statement);
	return false;
}

/* What is seen to be true long after its time was perhaps not true in time. */
static bool is_late(const struct stress_interp *interp, uint64_t until_ns,
		    const struct stress_statement *statement)
{
	return statement->number && !interp->world->ops->is_virtual &&
	       now_ns(interp) > until_ns + LATE_NS;
}

static bool run_expect(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_event event = {
		.kind = STRESS_EVENT_EXPECT, .lane = STRESS_NO_LANE, .flag = true};
	uint64_t began = now_ns(interp), limit_ns = 0;
	int64_t value;

	if ((statement->number && !duration(interp, statement->number, &limit_ns)) ||
	    !look_again(interp, statement))
		return false;
	interp->record->expectations++;
	for (;;) {
		if (!stress_eval(interp, statement->condition, &value))
			return false;
		if (value && !is_late(interp, began + limit_ns, statement))
			break;
		if (value)
			return fail(interp, statement, statement->text,
				    "too late: ", statement->condition);
		if (now_ns(interp) - began >= limit_ns)
			return fail(interp, statement, statement->text, "", statement->condition);
		if (!pass(interp, statement, began + limit_ns))
			return false;
	}
	event.value = now_ns(interp) - began;
	note(interp, event, statement, statement->text);
	return true;
}

static bool run_always(struct stress_interp *interp, const struct stress_statement *statement)
{
	if (interp->always_count == STRESS_ALWAYS_MAX) {
		interp->error->exit = LWF_EXIT_USAGE;
		snprintf(interp->error->what, sizeof(interp->error->what), "%.120s",
			 statement->text);
		snprintf(interp->error->why, sizeof(interp->error->why),
			 "%u times 'always' at once are the most", STRESS_ALWAYS_MAX);
		stress_give_up(interp, statement);
		return false;
	}
	interp->always[interp->always_count++] = statement;
	return judge(interp, statement);
}

static void note_round(struct stress_interp *interp, const struct stress_statement *statement,
		       int64_t round)
{
	struct stress_event event = {
		.kind = STRESS_EVENT_ROUND, .lane = STRESS_NO_LANE, .value = (uint64_t)round};

	if (interp->depth > 1)
		return;
	interp->record->rounds++;
	note(interp, event, statement, "");
	if (interp->progress)
		interp->progress->rounds++;
}

static bool run_repeat(struct stress_interp *interp, const struct stress_statement *statement)
{
	int64_t number, round = 0;
	uint64_t began = now_ns(interp);
	bool well = true;

	if (!stress_eval(interp, statement->number, &number))
		return false;
	interp->depth++;
	while (well && (statement->for_time ? (int64_t)(now_ns(interp) - began) : round) < number) {
		uint64_t before = now_ns(interp);

		interp->counter[statement->counter % STRESS_REPEATS_MAX] = ++round;
		note_round(interp, statement, round);
		well = run_list(interp, statement->body);
		/* a body without time would stand still for ever */
		if (well && statement->for_time && now_ns(interp) == before)
			well = pass(interp, statement, before + 1000000);
		/* nor would one that never waits hear that it is to end */
		well = well && look_again(interp, statement);
	}
	interp->depth--;
	return well;
}

static bool is_flap(enum stress_fault fault)
{
	return fault == STRESS_FAULT_LINK_DOWN || fault == STRESS_FAULT_CARRIER_OFF ||
	       fault == STRESS_FAULT_FORCE_OFF || fault == STRESS_FAULT_DELETE ||
	       fault == STRESS_FAULT_MOVE;
}

static bool fault_call(struct stress_interp *interp, const struct stress_statement *statement,
		       struct stress_fault_call *call)
{
	int64_t share = 1000000;

	*call = (struct stress_fault_call){
		.fault = statement->fault,
		.object = statement->object,
		.word = statement->word,
		.text = statement->text,
	};
	if (statement->parameter && !stress_eval(interp, statement->parameter, &call->number))
		return false;
	if (statement->share && !stress_eval(interp, statement->share, &share))
		return false;
	call->share = (uint32_t)share;
	return true;
}

static bool run_fault(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_event event = {
		.kind = STRESS_EVENT_FAULT, .lane = STRESS_NO_LANE, .flag = true};
	struct stress_fault_call call;
	uint64_t for_ns = 0;

	if (!fault_call(interp, statement, &call) ||
	    (statement->duration && !duration(interp, statement->duration, &for_ns)))
		return false;
	interp->record->faults++;
	interp->record->flaps += is_flap(call.fault);
	if (interp->progress)
		interp->progress->flaps += is_flap(call.fault);
	note(interp, event, statement, statement->text);
	return stress_force_begin(interp, statement, &call, statement->duration ? &for_ns : NULL) &&
	       judge(interp, statement);
}

static bool switch_traffic(struct stress_interp *interp, const struct stress_statement *statement,
			   bool on)
{
	struct stress_event event = {
		.kind = STRESS_EVENT_TRAFFIC, .lane = STRESS_NO_LANE, .flag = on};

	for (uint32_t i = 0; i < interp->scenario->traffics; i++) {
		if (statement && statement->traffic != STRESS_TRAFFICS_MAX &&
		    statement->traffic != i)
			continue;
		if (interp->world->ops->traffic(interp->world, i, on, interp->error)) {
			stress_give_up(interp, statement);
			return false;
		}
		note(interp, event, statement, interp->scenario->traffic[i].name);
	}
	return judge(interp, statement);
}

/*
 * Whether nothing is out: frames of clients, and of modules of stacks that are the run's own. False: the run
 * is over. @out is the question that had another answer.
 */
static bool at_rest(struct stress_interp *interp, struct stress_expr *out, bool *rest)
{
	const struct stress_scenario *scenario = interp->scenario;
	uint32_t links = interp->world->options.on_stack ? 0 : scenario->links;
	int64_t count = 0;

	*out = (struct stress_expr){
		.kind = STRESS_EXPR_QUANTITY, .quantity = STRESS_QUANTITY_OUTSTANDING, .word = -1};
	*rest = true;
	for (uint32_t i = 0; *rest && i < scenario->clients + links; i++) {
		bool client = i < scenario->clients;

		out->object.kind = client ? STRESS_CLIENT : STRESS_LINK;
		out->object.index = client ? i : i - scenario->clients;
		if (!stress_eval(interp, out, &count))
			return false;
		*rest = count == 0;
	}
	return true;
}

/* Lets time pass until nothing is out, or until @until_ns. False: the run is over. */
static bool rest_until(struct stress_interp *interp, const struct stress_statement *statement,
		       uint64_t until_ns, struct stress_expr *out, bool *rest)
{
	for (;;) {
		if (!at_rest(interp, out, rest))
			return false;
		if (*rest || now_ns(interp) >= until_ns)
			return true;
		if (!pass(interp, statement, until_ns))
			return false;
	}
}

static bool run_drain(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_event event = {
		.kind = STRESS_EVENT_EXPECT, .lane = STRESS_NO_LANE, .flag = true};
	uint64_t began = now_ns(interp), limit_ns;
	struct stress_expr out;
	bool rest;

	if (!duration(interp, statement->number, &limit_ns))
		return false;
	interp->record->expectations++;
	if (!rest_until(interp, statement, began + limit_ns, &out, &rest))
		return false;
	if (!rest)
		return fail(interp, statement, statement->text, "frames are still out: ", &out);
	event.value = now_ns(interp) - began;
	note(interp, event, statement, statement->text);
	return true;
}

static bool run_order(struct stress_interp *interp, const struct stress_statement *statement)
{
	struct stress_event event = {.kind = STRESS_EVENT_ORDER, .lane = STRESS_NO_LANE};
	char object[2 * STRESS_NAME_BYTES + 2], text[STRESS_TEXT_BYTES + 128];

	stress_object_show(interp->scenario, &statement->object, object, sizeof(object));
	snprintf(text, sizeof(text), "%s %s%s%s", object, stress_order_name(statement->order),
		 statement->kind == STRESS_FILTER && statement->text[0] ? " " : "",
		 statement->kind == STRESS_FILTER ? statement->text : "");
	event.lane = stress_record_lane(interp->record,
					interp->scenario->link[statement->object.index].name, NULL);
	note(interp, event, statement, text);
	if (interp->world->ops->order(interp->world, statement->order, &statement->object,
				      statement->kind == STRESS_FILTER ? statement->text : "",
				      interp->error)) {
		stress_give_up(interp, statement);
		return false;
	}
	return judge(interp, statement);
}

static bool run_statement(struct stress_interp *interp, const struct stress_statement *statement)
{
	switch (statement->kind) {
	case STRESS_AFTER:
		return run_after(interp, statement);
	case STRESS_EXPECT:
		return run_expect(interp, statement);
	case STRESS_ALWAYS:
		return run_always(interp, statement);
	case STRESS_REPEAT:
		return run_repeat(interp, statement);
	case STRESS_ONLY: /* no block of its own to an `always` */
		return !(statement->worlds & interp->world->ops->bit) ||
		       run_all(interp, statement->body);
	case STRESS_FAULTS:
		return run_fault(interp, statement);
	case STRESS_START:
	case STRESS_STOP:
		return switch_traffic(interp, statement, statement->kind == STRESS_START);
	case STRESS_DRAIN:
		return run_drain(interp, statement);
	case STRESS_STACK:
	case STRESS_FILTER:
		return run_order(interp, statement);
	case STRESS_REMEMBER:
		return stress_eval(interp, statement->number,
				   &interp->counter[statement->counter % STRESS_REPEATS_MAX]);
	case STRESS_NOTE:
		note(interp,
		     (struct stress_event){.kind = STRESS_EVENT_NOTE, .lane = STRESS_NO_LANE},
		     statement, statement->text);
		return true;
	}
	return true;
}

static bool run_all(struct stress_interp *interp, const struct stress_statement *list)
{
	bool well = !interp->over;

	for (; well && list; list = list->next)
		well = run_statement(interp, list);
	return well;
}

/* A block: what it says must always hold, ends with it. */
static bool run_list(struct stress_interp *interp, const struct stress_statement *list)
{
	uint32_t outer = interp->always_count;
	bool well = run_all(interp, list);

	interp->always_count = outer;
	return well;
}

/* ---- the whole ---- */

/* What waits in a client's ring for a stack that does not run, waits for ever: it is answered. */
static bool cancel_waiting(struct stress_interp *interp)
{
	struct stress_fault_call call = {
		.fault = STRESS_FAULT_CLIENT_CANCEL, .share = 1000000, .word = "", .text = ""};

	call.object.kind = STRESS_CLIENT;
	for (uint32_t i = 0; i < interp->scenario->clients; i++) {
		call.object.index = i;
		if (!interp->scenario->client[i].wait_when_paused)
			continue;
		if (interp->world->ops->fault(interp->world, &call, interp->error)) {
			stress_give_up(interp, NULL);
			return false;
		}
	}
	return true;
}

/* Traffic stops, faults end that keep frames back, what is out comes home: then the accounts are whole. */
static void come_to_rest(struct stress_interp *interp)
{
	struct stress_expr out;
	uint32_t last;
	bool rest;

	if (!switch_traffic(interp, NULL, false))
		return;
	while ((last = stress_force_last(interp)) < interp->in_force_count)
		if (!end_fault(interp, last))
			return;
	if (!rest_until(interp, NULL, now_ns(interp) + AT_REST_NS, &out, &rest) || rest)
		return;
	if (cancel_waiting(interp) &&
	    rest_until(interp, NULL, now_ns(interp) + AT_REST_NS, &out, &rest) && !rest)
		fail(interp, NULL, "at the end what is out comes home", "", &out);
}

/*
 * A failure in a real world finds frames on their way. What comes home by itself is not lost, and only
 * the rest may be called so.
 */
static void settle(struct stress_interp *interp)
{
	const struct stress_world_ops *ops = interp->world->ops;
	uint64_t until = now_ns(interp) + AT_REST_NS;
	struct stress_expr out;
	struct lwf_error error;
	bool rest = false;

	if (ops->is_virtual || interp->record->verdict != STRESS_FAILED)
		return;
	for (uint32_t i = 0; i < interp->scenario->traffics; i++)
		ops->traffic(interp->world, i, false, &error);
	while (now_ns(interp) < until && at_rest(interp, &out, &rest) && !rest)
		if (ops->wait(interp->world, until, &error))
			return;
}

static int exit_code(const struct stress_interp *interp)
{
	switch (interp->record->verdict) {
	case STRESS_PASSED:
		return LWF_EXIT_OK;
	case STRESS_FAILED:
		return LWF_EXIT_FALSE;
	case STRESS_SKIPPED:
		return LWF_EXIT_SKIPPED;
	case STRESS_BROKEN:
		break;
	}
	return interp->error->exit ? (int)interp->error->exit : LWF_EXIT_FALSE;
}

int stress_interpret(struct stress_world *world, struct stress_progress *progress,
		     struct lwf_error *error)
{
	struct stress_interp interp = {
		.world = world,
		.scenario = world->options.scenario,
		.record = world->options.record,
		.progress = progress,
		.error = error,
		.random = world->options.seed ^ 0x6c77662d73637269ull, /* not the host's numbers */
	};
	struct stress_failure failure = {0};

	memset(error, 0, sizeof(*error));
	if (progress)
		progress->seed = world->options.seed;
	snprintf(interp.record->world, sizeof(interp.record->world), "%s", world->ops->name);
	if (world->ops->open(world, error)) {
		interp.over = true;
		interp.record->verdict =
			error->exit == LWF_EXIT_SKIPPED ? STRESS_SKIPPED : STRESS_BROKEN;
		snprintf(interp.record->failure.found, sizeof(interp.record->failure.found),
			 "%.80s: %.160s", error->what, error->why);
		world->ops->close(world);
		return exit_code(&interp);
	}
	if (judge(&interp, NULL) && run_list(&interp, interp.scenario->body))
		come_to_rest(&interp);
	interp.record->ran_ns = now_ns(&interp);
	settle(&interp);
	world->ops->account(world);
	if (interp.record->verdict == STRESS_PASSED && !world->ops->check(world, &failure)) {
		interp.record->verdict = STRESS_FAILED;
		interp.record->failure = failure;
	}
	if (world->ops->digest)
		interp.record->digest = world->ops->digest(world);
	world->ops->close(world);
	return exit_code(&interp);
}
