/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * on_fault.c - faults and orders of a scenario on a real stack: which are refused, and how each is done
 * and undone.
 *
 * All of them are looked at before the first is done. Clients are the run's own, as in any live run;
 * devices and the daemon are somebody's, and are done by fault.h, which keeps account of orders, too.
 */
#include <errno.h>
#include <string.h>

#include "fault_page.h"
#include "on_world.h"

static struct fault_deed deed_of(enum stress_fault fault, const struct stress_object *object,
				 int64_t number, const char *word)
{
	return (struct fault_deed){
		.fault = fault,
		.side = object->kind == STRESS_UPPER ? FAULT_UPPER : FAULT_LOWER,
		.number = number,
		.word = word ? word : "",
	};
}

/* ---- before ---- */

static int check_route(const struct on_world *world, bool cuts, struct lwf_error *error)
{
	char name[IFNAMSIZ];

	if (!cuts || world->live.base.options.i_know ||
	    !fault_is_default_route(&world->target, name))
		return 0;
	return live_refuse(error, LWF_EXIT_REFUSED, name,
			   "the default route of this host goes through it; add --i-know if that "
			   "is what you want");
}

/* One end of what a parameter may be, when the file says it; else @otherwise. */
static int64_t end_of(const struct stress_expr *expr, bool upper, int64_t otherwise)
{
	if (expr && expr->kind == STRESS_EXPR_RANGE)
		return end_of(upper ? expr->right : expr->left, upper, otherwise);
	return expr && expr->kind == STRESS_EXPR_NUMBER ? expr->number : otherwise;
}

static int check_fault(struct on_world *world, const struct stress_statement *statement,
		       struct lwf_error *error)
{
	struct fault_deed deed = deed_of(
		statement->fault, &statement->object,
		end_of(statement->parameter, false, world->declared.mtu_bytes), statement->word);
	int code;
	bool gives = statement->fault == STRESS_FAULT_CREATE ||
		     statement->fault == STRESS_FAULT_RETURN ||
		     statement->fault == STRESS_FAULT_DAEMON_START;

	if (check_route(world, fault_cuts(statement->fault), error))
		return -EINVAL;
	if (statement->object.kind == STRESS_CLIENT || gives)
		return 0;
	code = fault_check(&world->target, &deed, error);
	deed.number = end_of(statement->parameter, true, deed.number);
	if (!code)
		code = fault_check(&world->target, &deed, error);
	return on_told(error, code);
}

static int check_order(struct on_world *world, const struct stress_statement *statement,
		       struct lwf_error *error)
{
	int err = check_route(world, fault_order_cuts(statement->order), error);

	return err ? err
		   : on_told(error, fault_order_check(&world->target, statement->order,
						      statement->object.module, error));
}

static int check_list(struct on_world *world, const struct stress_statement *list,
		      struct lwf_error *error)
{
	int err = 0;

	for (; !err && list; list = list->next) {
		if (list->kind == STRESS_ONLY && !(list->worlds & STRESS_IN_LIVE))
			continue;
		if (list->kind == STRESS_FAULTS)
			err = check_fault(world, list, error);
		if (list->kind == STRESS_STACK || list->kind == STRESS_FILTER)
			err = check_order(world, list, error);
		if (!err && list->body)
			err = check_list(world, list->body, error);
	}
	return err;
}

int on_check_faults(struct on_world *world, struct lwf_error *error)
{
	return check_list(world, world->live.base.options.scenario->body, error);
}

/* ---- the daemon ---- */

/* It ends, or has ended: what it said last is what is known of this life. */
static int end_daemon(struct on_world *world, const struct fault_deed *deed,
		      struct lwf_error *error)
{
	struct live_link *link = &world->live.link[0];
	int code;

	live_life_keep(link);
	world->live.down |= 1;
	link->pid = 0;
	code = fault_do(&world->target, deed, error);
	live_life_end(link);
	fault_order_forget(&world->target);
	return on_told(error, code);
}

static int start_daemon(struct on_world *world, struct lwf_error *error)
{
	struct live_link *link = &world->live.link[0];
	int code;

	if (link->pid > 0)
		return 0;
	code = fault_told("daemon start", fault_mend(&world->target, FAULT_LOWER, FAULT_DEAD),
			  error);
	if (code)
		return on_told(error, code);
	live_life_begin(link);
	world->live.rules_before = 0;
	code = fault_hold_again(&world->target, error);
	link->faults = world->target.page;
	if (code)
		return on_told(error, code);
	world->live.down = 0;
	link->pid = world->target.daemon.pid;
	return live_watch_open(link, error);
}

static int stop_daemon(struct on_world *world, const struct fault_deed *deed,
		       struct lwf_error *error)
{
	struct live_link *link = &world->live.link[0];

	if (link->pid <= 0)
		return 0;
	if (deed->fault == STRESS_FAULT_DAEMON_STOP) {
		live_life_keep(link);
		link->stopped = true;
	}
	if (deed->fault == STRESS_FAULT_DAEMON_CONTINUE)
		link->stopped = false;
	return on_told(error, fault_do(&world->target, deed, error));
}

/* ---- devices ---- */

/* What the run asks the kernel about is what the device is called, and where it is, by now. */
static void follow(struct on_world *world)
{
	const struct fault_target *target = &world->target;
	struct live_link *link = &world->live.link[0];
	uint32_t ifindex = target->marks->ifindex[FAULT_LOWER];
	struct fault_device now;

	link->away = target->away.net &&
		     fault_net_look(target->away.net, NULL, ifindex, &now) == 0 &&
		     strcmp(now.kind, target->side[FAULT_LOWER].was.kind) == 0;
	link->away_net = target->away.net;
	if (link->away ||
	    fault_net_look(target->side[FAULT_LOWER].space.net, NULL, ifindex, &now) == 0)
		memcpy(link->nic, now.name, sizeof(link->nic));
	else
		memcpy(link->nic, target->side[FAULT_LOWER].was.name, sizeof(link->nic));
}

static int do_device(struct on_world *world, const struct fault_deed *deed, struct lwf_error *error)
{
	int code;

	live_witness_hear(&world->live); /* of what has ended, by the name that it had */
	code = fault_do(&world->target, deed, error);
	if (!code && deed->fault != STRESS_FAULT_DELETE)
		follow(world);
	return on_told(error, code);
}

/* ---- all ---- */

int on_fault(struct stress_world *base, const struct stress_fault_call *call,
	     struct lwf_error *error)
{
	struct on_world *world = on_of(base);
	struct fault_deed deed = deed_of(call->fault, &call->object, call->number, call->word);

	if (call->object.kind == STRESS_CLIENT)
		return live_fault(base, call, error);
	deed.spared = call->share < FAULT_PAGE_ALL ? FAULT_PAGE_ALL - call->share : 0;
	live_forget(&world->live.link[0]);
	switch (call->fault) {
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		return world->live.link[0].pid > 0 ? end_daemon(world, &deed, error) : 0;
	case STRESS_FAULT_DAEMON_START:
		return start_daemon(world, error);
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_DAEMON_CONTINUE:
		return stop_daemon(world, &deed, error);
	case STRESS_FAULT_CREATE:
	case STRESS_FAULT_RETURN:
		if (!(world->target.marks->changed[deed.side] & FAULT_PRESENT))
			return 0;
		break;
	default:
		break;
	}
	return do_device(world, &deed, error);
}

int on_undo(struct stress_world *base, const struct stress_fault_call *call,
	    struct lwf_error *error)
{
	struct on_world *world = on_of(base);
	struct fault_deed deed = deed_of(call->fault, &call->object, call->number, call->word);
	enum fault_which side;
	uint32_t aspects = fault_aspects(&world->target, &deed, &side);
	int code;

	if (call->object.kind == STRESS_CLIENT)
		return live_undo(base, call, error);
	live_forget(&world->live.link[0]);
	if (aspects & FAULT_DEAD)
		return start_daemon(world, error);
	live_witness_hear(&world->live);
	code = fault_told(call->text, fault_mend(&world->target, side, aspects), error);
	if (aspects & FAULT_STOPPED)
		world->live.link[0].stopped = false;
	follow(world);
	return on_told(error, code);
}

int on_order(struct stress_world *base, enum stress_order order, const struct stress_object *object,
	     const char *text, struct lwf_error *error)
{
	struct on_world *world = on_of(base);
	int err = on_told(error,
			  fault_order_begin(&world->target, order, object->module, text, error));

	if (!err)
		err = live_order(base, order, object, text, error);
	if (err)
		return err;
	/* asked behind the order: it has reached the daemon before anything else is done */
	live_forget(&world->live.link[0]);
	fault_order_end(&world->target, order, object->module, live_seen(&world->live.link[0]));
	return 0;
}
