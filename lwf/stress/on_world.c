/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * on_world.c - the live world on a real stack: its beginning, its end, and what it refuses; see
 * on_world.h.
 *
 * A run that is told to end (SIGTERM, SIGINT) ends in order: what it changed is undone before its
 * process is gone. When it is killed, the guardian does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "on_world.h"
#include "sight.h"

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	told_to_end = number;
}

int on_told(struct lwf_error *error, int code)
{
	size_t used = strlen(error->why);

	if (!code)
		return 0;
	/* the record of a run keeps what and why alone */
	if (error->next[0] && used + strlen(error->next) + 3 < sizeof(error->why))
		snprintf(error->why + used, sizeof(error->why) - used, "; %s", error->next);
	error->exit = (enum lwf_exit)code;
	return -EINVAL;
}

/* ---- what a scenario may declare ---- */

static int refuse(struct lwf_error *error, const char *what, const char *why)
{
	return live_refuse(error, LWF_EXIT_USAGE, what, "--on takes one stack as it is: %s", why);
}

static int check_declared(const struct stress_scenario *scenario, struct lwf_error *error)
{
	const struct stress_link *link = &scenario->link[0];

	if (scenario->links != 1)
		return refuse(error, scenario->links ? scenario->link[1].name : scenario->name,
			      scenario->links ? "the scenario has another link"
					      : "the scenario has no link");
	if (scenario->daemons > 1)
		return refuse(error, scenario->daemon[1], "the scenario has a daemon of its own");
	if (link->filters)
		return refuse(error, link->filter[0],
			      "leave the filter out, and insert it with: filter LINK insert");
	if (stress_sight_is_asked(scenario, STRESS_IN_LIVE, STRESS_LOWER, 0) ||
	    stress_sight_is_asked(scenario, STRESS_IN_LIVE, STRESS_UPPER, 0))
		return live_refuse(error, LWF_EXIT_SKIPPED, scenario->name,
				   "on a stack that is there already, frames of others come out "
				   "too: they are looked at in namespaces of a run's own");
	for (uint32_t i = 0; i < scenario->traffics; i++)
		if (scenario->traffic[i].from.kind != STRESS_CLIENT)
			return refuse(error, scenario->traffic[i].name,
				      "the traffic of host and network is theirs");
	return 0;
}

/* And what the stack has to be for it. */
static int check_stack(const struct on_world *world, struct lwf_error *error)
{
	const struct stress_link *link = &world->live.base.options.scenario->link[0];
	const struct fault_target *target = &world->target;
	const struct fault_device *nic = &target->side[FAULT_LOWER].was;
	char why[160];

	if (target->side[FAULT_LOWER].space.fd < 0)
		return live_refuse(error, LWF_EXIT_NO_OBJECT, target->stack,
				   "it has no interface now that can be reached from here; run it "
				   "as root, where lwfd is");
	if (link->has_upper && target->side[FAULT_UPPER].space.fd < 0)
		return refuse(error, link->name, "the scenario has a TAP, and the stack has none");
	if (link->offload_none)
		return refuse(error, link->name, "what its interface takes is not the run's");
	if (link->qdisc_kernel && !target->qdisc_kernel)
		return refuse(error, link->name, "the stack does not send through the qdisc");
	if (link->mtu_bytes == nic->mtu_bytes)
		return 0;
	snprintf(why, sizeof(why), "the scenario has MTU %u, and %s has %u", link->mtu_bytes,
		 nic->name, nic->mtu_bytes);
	return refuse(error, link->name, why);
}

/* ---- beginning ---- */

static int listen_here(void *context)
{
	(void)context;
	return live_witness_listen();
}

/* Counts begin at 0 when the run does. Sums wrap around, so a debt is as good as a count. */
static void count_from_now(struct live_link *link)
{
	struct live_life *past = &link->past;
	uint64_t *at = (uint64_t *)past;

	live_life_keep(link);
	*past = link->life;
	for (size_t i = 0; i < sizeof(*past) / sizeof(*at); i++)
		at[i] = 0 - at[i];
	past->epoch++; /* but the life in which it begins is the first */
	for (int upper = 0; upper < LIVE_SIDES; upper++) {
		for (int count = 0; count < LIVE_COUNTS; count++)
			link->gone[upper][count] -=
				live_witness(link, upper, (enum live_count)count);
	}
}

static int join(struct on_world *world, struct lwf_error *error)
{
	struct fault_target *target = &world->target;
	struct live_link *link = &world->live.link[0];
	const struct fault_side *peer = &target->side[FAULT_PEER];

	world->declared = *link->declared;
	snprintf(world->declared.name, sizeof(world->declared.name), "%s", target->stack);
	link->declared = &world->declared;
	if (strlen(target->control) >= sizeof(link->control))
		return live_refuse(error, LWF_EXIT_USAGE, target->control, "the path is too long");
	snprintf(link->control, sizeof(link->control), "%.95s", target->control);
	snprintf(link->log, sizeof(link->log), LIVE_NO_LOG);
	memcpy(link->nic, target->side[FAULT_LOWER].was.name, sizeof(link->nic));
	memcpy(link->tap, target->side[FAULT_UPPER].was.name, sizeof(link->tap));
	link->pid = target->daemon.pid;
	link->faults = target->page; /* what it is denied is known: it cannot answer then */
	world->live.near_net = target->side[FAULT_LOWER].space.net;
	world->live.near_ends =
		fault_space_call(&target->side[FAULT_LOWER].space, listen_here, NULL);
	if (peer->space.fd >= 0) {
		link->far_net = peer->space.net;
		link->far_ends = fault_space_call(&peer->space, listen_here, NULL);
	}
	world->live.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (live_watch_open(link, error))
		return -ECONNREFUSED;
	if (!live_seen(link) || !live_ledger(link))
		return live_refuse(error, LWF_EXIT_UNREACHABLE, target->stack,
				   "its daemon does not answer");
	world->live.rules_before =
		(uint64_t)json_integer_value(json_object_get(link->seen, "rules_broken"));
	live_life_begin(link);
	count_from_now(link);
	return 0;
}

static int on_open(struct stress_world *base, struct lwf_error *error)
{
	const struct stress_world_options *options = &base->options;
	const struct sigaction action = {.sa_handler = on_signal};
	struct on_world *world = on_of(base);
	enum fault_which side;
	int err = check_declared(options->scenario, error);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	live_daemon_find(&world->live);
	if (live_prepare(&world->live))
		return live_refuse(error, LWF_EXIT_FALSE, "memory", "there is none");
	err = on_told(error, fault_find(&world->target, options->control, options->on_stack,
					FAULT_LOCK_DAEMON, &side, error));
	if (!err)
		err = check_stack(world, error);
	if (!err) {
		world->declared.mtu_bytes = options->scenario->link[0].mtu_bytes;
		err = on_check_faults(world, error);
	}
	if (!err)
		err = on_told(error,
			      fault_told("the process that undoes faults",
					 fault_guard_start(&world->target, &world->guard), error));
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (!err)
		err = join(world, error);
	if (!err)
		err = live_start_clients(&world->live, error);
	world->live.began_ns = live_clock_ns();
	return err;
}

/* ---- meanwhile ---- */

static int on_wait(struct stress_world *base, uint64_t until_ns, struct lwf_error *error)
{
	if (told_to_end)
		return live_refuse(error, LWF_EXIT_FALSE, base->options.on_stack, "interrupted");
	return live_ops.wait(base, until_ns, error);
}

static bool on_check(struct stress_world *base, struct stress_failure *failure)
{
	struct on_world *world = on_of(base);
	struct pollfd at = {.fd = world->target.daemon.fd, .events = POLLIN};

	if (world->live.link[0].pid > 0 && poll(&at, 1, 0) > 0)
		live_wrong(&world->live, "no process ends by itself", "lwfd of %s ended",
			   world->target.stack);
	return live_ops.check(base, failure);
}

/* ---- end ---- */

static void on_close(struct stress_world *base)
{
	struct on_world *world = on_of(base);
	struct live_link *link = &world->live.link[0];
	int err = world->target.marks ? fault_mend_all(&world->target) : 0;

	if (err)
		fprintf(stderr, "lwf-stress: %s: not all could be undone: %s; look with ip link\n",
			world->target.stack, strerror(-err));
	if (world->target.marks)
		fault_guard_end(&world->target, &world->guard);
	/* these are the target's, and the daemon is nobody's to end */
	link->pid = 0;
	link->faults = NULL;
	link->far_net = link->away_net = world->live.near_net = NULL;
	fault_lose(&world->target);
	live_ops.close(base);
}

struct stress_world *stress_on_create(const struct stress_world_options *options)
{
	struct on_world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	live_init(&world->live, options);
	fault_init(&world->target);
	world->ops = live_ops;
	world->ops.open = on_open;
	world->ops.close = on_close;
	world->ops.wait = on_wait;
	world->ops.check = on_check;
	world->ops.fault = on_fault;
	world->ops.undo = on_undo;
	world->ops.order = on_order;
	world->live.base.ops = &world->ops;
	world->live.shared = true;
	world->live.keeper_fd = world->guard.fd = -1;
	return &world->live.base;
}
