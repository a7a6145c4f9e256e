/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c - judges a run by the rules of rules.def.
 *
 * It counts by itself what is outstanding and believes nothing that a piece says. A run goes on after
 * a broken rule where a machine would, so that what follows from it is found, too.
 *
 * When does a send "start after the pause" (P01, P02)? Between the first instruction of FilterPause
 * and the closing of its gate another processor may still be admitted; no driver can avoid that, and the
 * pause then waits for it. So a call is judged by when it began: one that began after the pause had
 * answered must not come through, and once the pause is complete none may, whenever it began.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const char *const ids[] = {
#define X(id, sentence, source) #id,
#include "rules.def"
#undef X
	"touch",
};
static const char *const sentences[] = {
#define X(id, sentence, source) sentence,
#include "rules.def"
#undef X
	"memory is not touched after its module was detached (races R5 to R8)",
};

const char *rule_id(unsigned rule)
{
	return ids[rule];
}

const char *rule_sentence(unsigned rule)
{
	return sentences[rule];
}

/* Nothing sensible can come after it: on a real machine this is where it crashes or stands still. */
static bool is_last(unsigned rule)
{
	return rule == RULE_TOUCH || rule == RULE_S15 || rule == RULE_P16 || rule == RULE_P17 ||
	       rule == RULE_P05 || rule == RULE_F03;
}

void broken(unsigned rule, const char *format, ...)
{
	va_list args;

	char text[EVENT_TEXT_BYTES];

	if (run.broken[rule])
		return;
	run.broken[rule] = true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	trace_rule(rule, text);
	if (run.rule < 0) {
		run.rule = (int)rule;
		memcpy(run.finding, text, sizeof(text));
	}
	if (is_last(rule))
		fibers_stop();
}

/* ---- calls of clients ---- */

void oracle_call_begin(void)
{
	struct call *call = &run.calls[fibers_self()];
	const struct life *life = life_now();

	call->open = true;
	call->state = life ? life->state : LWF_STATE_DETACHED;
	call->after_answer = life && life->answered;
	call->pauses = run.pauses;
	call->control = run.control;
	call->event = run.n_events;
}

bool oracle_call_is_late(void)
{
	const struct call *call = &run.calls[fibers_self()];

	return call->after_answer && call->pauses == run.pauses &&
	       (call->state == LWF_STATE_PAUSING || call->state == LWF_STATE_PAUSED);
}

void oracle_call_end(lwf_status answer)
{
	struct call *call = &run.calls[fibers_self()];
	const struct life *life = life_now();

	call->open = false;
	if (answer != LWF_STATUS_SUCCESS && call->state == LWF_STATE_RUNNING &&
	    call->control == run.control) {
		if (life->paused_at_ns || run.n_lives > 1)
			broken(RULE_F02,
			       "refused with %s while the module was Running all the time",
			       lwf_status_name(answer));
		else
			broken(RULE_F02, "refused with %s before there was any pause",
			       lwf_status_name(answer));
	}
}

void oracle_originated(struct life *life, bool receive)
{
	const struct call *call = &run.calls[fibers_self()];
	unsigned rule = receive ? RULE_P02 : RULE_P01;
	const char *what = receive ? "receive" : "send";

	switch (life->state) {
	case LWF_STATE_DETACHED:
		broken(RULE_S15, "a %s with handle %" PRIu64 ", whose module is detached", what,
		       life->handle);
		break;
	case LWF_STATE_ATTACHING:
		broken(rule, "a %s while Attaching", what);
		break;
	case LWF_STATE_PAUSED:
		if (!receive && oracle_call_is_late() && life->immediate)
			broken(RULE_F01, "a send goes out after FilterPause has answered SUCCESS");
		else
			broken(rule, "a %s goes out while the module is Paused%s", what,
			       call->state == LWF_STATE_PAUSED ? ""
							       : "; it was let in before that");
		break;
	case LWF_STATE_PAUSING:
		if (oracle_call_is_late())
			broken(rule, "a %s was let in after FilterPause had answered PENDING",
			       what);
		break;
	default:
		break; /* Running; and inside of FilterRestart, whose last act opens the gate (C3) */
	}
	if (receive)
		life->receives_out++;
	else
		life->sends_out++;
}

void oracle_home(struct life *life, bool receive)
{
	if (receive)
		life->receives_out--;
	else
		life->sends_out--;
	if (life->state == LWF_STATE_PAUSING && life->sends_out + life->receives_out == 0) {
		life->drained = true;
		life->drained_inside = life->in_pause;
	}
}

/* ---- the pause ---- */

/* The pause of @life is complete now, one way or the other. */
static void pause_ends(struct life *life, const char *how)
{
	if (life->sends_out)
		broken(RULE_P03, "the pause is complete (%s) with %" PRIu32 " sends outstanding",
		       how, life->sends_out);
	else if (life->receives_out)
		broken(RULE_P04, "the pause is complete (%s) with %" PRIu32 " receives outstanding",
		       how, life->receives_out);
	life_state(life, LWF_STATE_PAUSED, "done");
}

void oracle_pause_entered(struct life *life)
{
	life->in_pause = true;
	life->answered = false;
	life->immediate = false;
	life->drained = life->drained_inside = false;
	life->completions = 0;
	life->paused_at_ns = fibers_now_ns();
	run.pauses++;
}

void oracle_pause_answered(struct life *life, lwf_status answer)
{
	life->in_pause = false;
	life->answered = true;
	life->immediate = answer == LWF_STATUS_SUCCESS;
	if (answer != LWF_STATUS_SUCCESS && answer != LWF_STATUS_PENDING)
		broken(RULE_S06, "pause answered %s", lwf_status_name(answer));
	else if (answer == LWF_STATUS_SUCCESS && life->completions)
		broken(RULE_S09, "NdisFPauseComplete was called, and then SUCCESS answered");
	else if (answer == LWF_STATUS_SUCCESS)
		pause_ends(life, "answered SUCCESS");
	else if (life->completions)
		pause_ends(life, "completed before it had answered");
	else
		run.pended++;
}

void oracle_pause_completed(struct life *life)
{
	bool pause = life->paused_at_ns &&
		     (life->state == LWF_STATE_PAUSING || life->state == LWF_STATE_PAUSED);

	life->completions++;
	if (life->completions > 1 && !life->immediate && pause)
		broken(RULE_S10, "NdisFPauseComplete for the second time");
	else if (life->state != LWF_STATE_PAUSING)
		broken(RULE_S09, "NdisFPauseComplete while %s, %s", lwf_state_name(life->state),
		       !life->answered	 ? "with no pause"
		       : life->immediate ? "after FilterPause had answered SUCCESS"
					 : "after a pause that was complete");
	else if (life->answered)
		pause_ends(life, "completed");
}

void oracle_pause_hangs(struct life *life)
{
	char why[96];

	if (sync_deadlock(why, sizeof(why)))
		broken(RULE_P17, "deadlock: %s", why);
	else if (life->sends_out + life->receives_out)
		broken(RULE_P17,
		       "Pausing for 10 s%s; %" PRIu32 " sends and %" PRIu32
		       " receives are outstanding",
		       life->in_pause ? ", inside of FilterPause" : "", life->sends_out,
		       life->receives_out);
	else if (life->in_pause)
		broken(RULE_P17, "inside of FilterPause for 10 s, with nothing outstanding");
	else if (!life->drained)
		broken(RULE_P17, "Pausing for 10 s, and there was nothing to wait for");
	else if (life->drained_inside)
		broken(RULE_F03,
		       "the last frame came home inside of FilterPause, and nobody completes");
	else
		broken(RULE_P05, "the last frame is home, and nobody completes the pause");
}

/* ---- the rest ---- */

void oracle_recursion(void)
{
	if (run.in_send[fibers_self()])
		broken(RULE_P16,
		       "a completion inside of the send call waits for the sender's lock");
	else
		broken(RULE_P17, "deadlock: %s takes a lock that it holds",
		       fibers_name(fibers_self()));
}

void oracle_touched(uint32_t allocation)
{
	broken(RULE_TOUCH, "%s touches allocation %" PRIu32 ", which was freed",
	       fibers_name(fibers_self()), allocation);
}

void oracle_end(enum fibers_end end)
{
	struct life *life = life_now();

	if (run.rule >= 0 || end == FIBERS_DONE)
		return;
	if (life && life->state == LWF_STATE_PAUSING)
		oracle_pause_hangs(life);
	else
		broken(RULE_P17, "the run does not end (%s)",
		       end == FIBERS_HANG ? "nobody can go on" : "too many steps");
}
