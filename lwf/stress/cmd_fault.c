/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_fault.c - lwf-stress fault: one fault on the stack of a running daemon, from a shell.
 *
 * What takes something away lasts until --for is over or a signal comes, and is undone then; what
 * gives something back is done, and that is all, but for --for. Signals are held back until there
 * is a guardian and the fault is done, so that nothing is left half done; what ends this program
 * without asking it is the guardian's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "fault_client.h"
#include "parser.h"
#include "stress.h"
#include "units.h"

struct order {
	struct stress_line *line;
	struct fault_deed deed;
	char words[2 * STRESS_NAME_BYTES];
	const char *client; /* NULL: none is named */
	bool restart;	    /* daemon restart */
	uint64_t for_ns;    /* 0: without --for */
	uint64_t until_ns;
	sigset_t signals;
	int signal; /* that ended it; 0: none did */
};

static int usage(const char *what, const char *why)
{
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, what, "see lwf-stress fault --help",
			    "%s", why);
}

/* ---- reading ---- */

static enum stress_fault find(struct order *order, const char *one, const char *two)
{
	snprintf(order->words, sizeof(order->words), "%.31s %.31s", one, two);
	order->restart = strcmp(order->words, "daemon restart") == 0;
	return order->restart ? STRESS_FAULT_DAEMON_TERM : stress_fault_find(order->words);
}

static int read_duration(struct order *order, const char *text)
{
	bool sign = stress_fault_row(order->deed.fault)->parameter == STRESS_TAKES_SIGNED_DURATION;
	bool minus = sign && text && *text == '-';
	uint64_t ns;

	if (sign && text && (*text == '-' || *text == '+'))
		text++;
	if (!text || lwf_units_duration(text, &ns) || ns > INT64_MAX)
		return usage(order->words, "it takes a time with a unit (20ms, +1h; -- -24h)");
	order->deed.number = minus ? -(int64_t)ns : (int64_t)ns;
	return LWF_EXIT_OK;
}

/* @text is what stands behind the words; NULL: nothing does. */
static int read_parameter(struct order *order, const char *text)
{
	uint64_t count;

	switch (stress_fault_row(order->deed.fault)->parameter) {
	case STRESS_TAKES_COUNT:
		if (!text || lwf_units_count(text, &count) || count > INT32_MAX)
			return usage(order->words, "it takes a number");
		order->deed.number = (int64_t)count;
		return LWF_EXIT_OK;
	case STRESS_TAKES_WORD:
		if (!text)
			return usage(order->words, "it takes a name, a MAC or an errno");
		order->deed.word = text;
		return LWF_EXIT_OK;
	case STRESS_TAKES_DURATION:
	case STRESS_TAKES_SIGNED_DURATION:
		return read_duration(order, text);
	default:
		break;
	}
	if (!text)
		return LWF_EXIT_OK;
	if (stress_fault_row(order->deed.fault)->objects != STRESS_CLIENT || order->client)
		return usage(text, "that is one word too many");
	order->client = text;
	return LWF_EXIT_OK;
}

static int read_words(struct order *order)
{
	const char *const *word = order->line->file + 1;
	size_t words = order->line->files - 1, taken = 2;
	char hint[80], whole[2 * STRESS_NAME_BYTES];
	const char *next;

	order->deed.word = "";
	order->deed.fault = find(order, word[0], word[1]);
	if (order->deed.fault == STRESS_FAULT_NONE && words > 2 && strcmp(word[0], "client") == 0) {
		order->client = word[1];
		order->deed.fault = find(order, word[0], word[2]);
		taken = 3;
	}
	if (order->deed.fault == STRESS_FAULT_NONE) {
		snprintf(whole, sizeof(whole), "%.31s %.31s", word[0], word[1]);
		next = stress_suggest(whole, stress_nth_fault, NULL, hint, sizeof(hint));
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, whole,
				    next ? next : "see lwf-stress fault --help",
				    "there is no such fault");
	}
	if (words > taken + 1)
		return usage(word[taken + 1], "that is one word too many");
	return read_parameter(order, words > taken ? word[taken] : NULL);
}

bool stress_fault_is_undone(enum stress_fault fault)
{
	switch (fault) {
	case STRESS_FAULT_CLIENT_KILL:
	case STRESS_FAULT_CLIENT_CONTINUE:
	case STRESS_FAULT_CLIENT_CROWD:
	case STRESS_FAULT_DAEMON_CONTINUE:
	case STRESS_FAULT_DESCRIPTORS_OK:
	case STRESS_FAULT_OVERRUN:
	case STRESS_FAULT_SEND_OK:
	case STRESS_FAULT_MEMORY_OK:
		return false;
	default:
		return true;
	}
}

bool stress_fault_gives(enum stress_fault fault)
{
	return fault == STRESS_FAULT_LINK_UP || fault == STRESS_FAULT_CARRIER_ON ||
	       fault == STRESS_FAULT_FORCE_ON || !stress_fault_is_undone(fault);
}

static int read_order(struct order *order)
{
	const char *value = order->line->value[STRESS_OPTION_FOR];
	int code = read_words(order);

	if (code || !value)
		return code;
	if (lwf_units_duration(value, &order->for_ns) || order->for_ns == 0)
		return usage("--for", "it is a time with a unit (500ms, 2s, 10m)");
	if (order->restart || !stress_fault_is_undone(order->deed.fault))
		return usage("--for", "nothing undoes this fault, so it lasts no time");
	return LWF_EXIT_OK;
}

/* Whether the object that was named fits. */
static int check_object(const struct order *order, const struct fault_target *target)
{
	const struct stress_fault_row *row = stress_fault_row(order->deed.fault);

	if (order->deed.side == FAULT_UPPER && !(row->objects & STRESS_UPPER))
		return usage(order->line->file[0], "this cannot happen to that side");
	if (!(row->worlds & STRESS_IN_LIVE))
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_REFUSED, order->words,
				    "see lwf-stress fault --help",
				    "the simulation alone has such a fault");
	if (row->objects == STRESS_CLIENT && fault_is_of_runs(order->deed.fault))
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_REFUSED, order->words,
				    "lwf-stress run does it to clients that it starts",
				    "the clients of %s are programs of their own", target->stack);
	if (order->client && (order->deed.fault == STRESS_FAULT_CLIENT_FLOOD ||
			      order->deed.fault == STRESS_FAULT_CLIENT_DEAF))
		return usage(order->client, "this fault brings a client of its own");
	return LWF_EXIT_OK;
}

/* ---- time ---- */

static bool over(void *context)
{
	static const struct timespec none;
	struct order *order = context;

	if (order->signal)
		return true;
	order->signal = sigtimedwait(&order->signals, NULL, &none);
	if (order->signal < 0)
		order->signal = 0;
	return order->signal || stress_clock_ns() >= order->until_ns;
}

static void wait_for_end(struct order *order)
{
	while (!over(order)) {
		uint64_t left = order->until_ns - stress_clock_ns();
		struct timespec moment = {.tv_sec = left > 1000000000ull,
					  .tv_nsec = left > 1000000000ull ? 0 : (long)left};
		int got = sigtimedwait(&order->signals, NULL, &moment);

		order->signal = got > 0 ? got : order->signal;
	}
}

/* ---- doing ---- */

static void tell(const struct order *order, const struct fault_target *target)
{
	char time[40];

	if (stress_fault_gives(order->deed.fault) && !order->for_ns)
		return;
	if (order->for_ns)
		lwf_cli_note(STRESS_PROGRAM, "%s: %s for %s", target->stack, order->words,
			     lwf_units_show_duration(order->for_ns, time, sizeof(time)));
	else if (!order->restart)
		lwf_cli_note(STRESS_PROGRAM, "%s: %s; ^C undoes it", target->stack, order->words);
}

static int do_client(struct order *order, struct fault_target *target, struct fault_tally *tally,
		     struct lwf_error *error)
{
	switch (order->deed.fault) {
	case STRESS_FAULT_CLIENT_FLOOD:
	case STRESS_FAULT_CLIENT_DEAF:
		tell(order, target);
		return fault_flood(target, order->deed.fault == STRESS_FAULT_CLIENT_DEAF, over,
				   order, tally, error);
	default: /* CROWD */
		return fault_crowd(target, order->deed.number, error);
	}
}

static int do_and_undo(struct order *order, struct fault_target *target, struct lwf_error *error)
{
	struct fault_guard guard = {.fd = -1};
	int code, err = fault_guard_start(target, &guard);

	if (err)
		return fault_told("the process that undoes it", err, error);
	code = fault_do(target, &order->deed, error);
	if (!code &&
	    (order->for_ns || (!order->restart && !stress_fault_gives(order->deed.fault)))) {
		tell(order, target);
		wait_for_end(order);
	}
	if (!code && stress_fault_gives(order->deed.fault) && !order->for_ns)
		for (unsigned i = 0; i < FAULT_SIDES; i++)
			target->marks->changed[i] = 0;
	err = fault_mend_all(target);
	if (err && !code) {
		lwf_error_set(error, LWF_EXIT_FALSE, target->stack,
			      "look with ip link and lwfctl show", "%s could not be undone: %s",
			      order->words, strerror(-err));
		code = LWF_EXIT_FALSE;
	}
	fault_guard_end(target, &guard);
	return code;
}

static void show(const struct order *order, const struct fault_target *target, uint64_t began_ns,
		 const struct fault_tally *tally)
{
	double seconds = (double)(stress_clock_ns() - began_ns) / 1e9;
	bool undone = !stress_fault_gives(order->deed.fault) || order->for_ns;
	json_t *object;

	if (!order->line->value[STRESS_OPTION_JSON]) {
		printf("%s: %s, %.3f s%s\n", target->stack, order->words, seconds,
		       undone ? ", undone" : "");
		return;
	}
	object = json_pack("{s:s,s:s,s:f,s:b}", "stack", target->stack, "fault", order->words,
			   "seconds", seconds, "undone", (int)undone);
	if (tally->submitted)
		json_object_update_new(object, json_pack("{s:I,s:I,s:I}", "submitted",
							 (json_int_t)tally->submitted, "answered",
							 (json_int_t)tally->answered, "succeeded",
							 (json_int_t)tally->succeeded));
	lwf_cli_json(object);
}

static int check_route(const struct order *order, const struct fault_target *target,
		       struct lwf_error *error)
{
	char name[IFNAMSIZ];

	if (order->line->value[STRESS_OPTION_I_KNOW] || !fault_cuts(order->deed.fault) ||
	    !fault_is_default_route(target, name))
		return LWF_EXIT_OK;
	lwf_error_set(error, LWF_EXIT_REFUSED, name, "add --i-know if that is what you want",
		      "the default route of this host goes through it");
	return LWF_EXIT_REFUSED;
}

/* What is not put back, and what happens to clients alone, is nobody else's business. */
static enum fault_lock lock_for(const struct order *order)
{
	static const struct fault_target nothing;
	enum stress_fault fault = order->deed.fault;
	enum fault_which side;

	if (stress_fault_row(fault)->objects == STRESS_CLIENT ||
	    (stress_fault_gives(fault) && !order->for_ns && fault != STRESS_FAULT_OVERRUN))
		return FAULT_LOCK_NONE;
	return fault_aspects(&nothing, &order->deed, &side) & FAULT_DAEMON_ASPECTS &
			       ~(uint32_t)FAULT_FORCED
		       ? FAULT_LOCK_DAEMON
		       : FAULT_LOCK_STACK;
}

static int run(struct order *order, struct fault_target *target)
{
	bool client = stress_fault_row(order->deed.fault)->objects == STRESS_CLIENT;
	bool ours = order->deed.fault == STRESS_FAULT_CLIENT_FLOOD ||
		    order->deed.fault == STRESS_FAULT_CLIENT_DEAF ||
		    order->deed.fault == STRESS_FAULT_CLIENT_CROWD;
	struct fault_tally tally = {0};
	struct lwf_error error;
	uint64_t began;
	int code = fault_find(target, order->line->value[STRESS_OPTION_CONTROL],
			      order->line->file[0], lock_for(order), &order->deed.side, &error);

	if (code)
		return lwf_cli_error(STRESS_PROGRAM, &error);
	code = check_object(order, target);
	if (code)
		return code;
	if (client && !ours)
		code = fault_find_client(target, order->client, &error);
	if (!code)
		code = check_route(order, target, &error);
	if (!code)
		code = fault_check(target, &order->deed, &error);
	began = stress_clock_ns();
	order->until_ns = order->for_ns ? began + order->for_ns : UINT64_MAX;
	if (!code)
		code = ours ? do_client(order, target, &tally, &error)
			    : do_and_undo(order, target, &error);
	if (code)
		return lwf_cli_error(STRESS_PROGRAM, &error);
	show(order, target, began, &tally);
	return order->signal && order->for_ns ? LWF_EXIT_FALSE : LWF_EXIT_OK;
}

int stress_cmd_fault(struct stress_line *line)
{
	static struct fault_target target;
	struct order order = {.line = line};
	int code = read_order(&order);

	if (code)
		return code;
	sigemptyset(&order.signals);
	sigaddset(&order.signals, SIGINT);
	sigaddset(&order.signals, SIGTERM);
	sigaddset(&order.signals, SIGHUP);
	sigaddset(&order.signals, SIGQUIT);
	(void)signal(SIGINT, SIG_DFL); /* a shell ignores it for what runs in the background */
	sigprocmask(SIG_BLOCK, &order.signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	code = run(&order, &target);
	fault_lose(&target);
	return lwf_cli_finish(STRESS_PROGRAM, code);
}
