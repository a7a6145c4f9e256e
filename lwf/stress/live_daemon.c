/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_daemon.c - daemons of the live world: how one is started, and how it ends.
 *
 * Each link has an lwfd of its own; a daemon of the scenario is all of those whose links it has. What
 * happens to it happens to all of them before any of them is waited for. A daemon that is stopped
 * hears nothing: until it goes on it is not asked, and what it said last is what is known of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lwf/profile.h>

#include "live_world.h"

#define END_NS 10000000000ull /* whoever is told to end does so within */

/* lwfd stands beside this program, else it is looked for in PATH. */
void live_daemon_find(struct live_world *world)
{
	ssize_t n = readlink("/proc/self/exe", world->lwfd, sizeof(world->lwfd) - 8);
	char *slash;

	world->lwfd[n > 0 ? n : 0] = '\0';
	slash = strrchr(world->lwfd, '/');
	if (slash)
		snprintf(slash + 1, 6, "lwfd");
	if (!slash || access(world->lwfd, X_OK))
		snprintf(world->lwfd, sizeof(world->lwfd), "lwfd");
}

int live_daemon_start(struct live_link *link)
{
	const struct stress_link *declared = link->declared;
	char lower[64], upper[64];
	const char *argv[28 + 2 * STRESS_LINK_FILTERS_MAX] = {0};
	struct live_shim_words words;
	int n = live_shim_start(link, &words, argv);
	pid_t pid;

	if (n < 0)
		return n;
	argv[n++] = link->world->lwfd;
	snprintf(lower, sizeof(lower), "nic:%s%s", link->nic,
		 declared->qdisc_kernel ? ",qdisc=kernel" : "");
	snprintf(upper, sizeof(upper), "tap:%s", link->tap);
	argv[n++] = "--lower";
	argv[n++] = lower;
	argv[n++] = "--upper";
	argv[n++] = declared->has_upper ? upper : "none";
	argv[n++] = "--stack";
	argv[n++] = declared->name;
	argv[n++] = "--control";
	argv[n++] = link->control;
	/* a daemon may be started while its device is away */
	argv[n++] = "--wait-nic";
	argv[n++] = "--profile";
	argv[n++] = lwf_profile_name(link->world->base.options.scenario->profile);
	for (uint32_t i = 0; i < declared->filters; i++) {
		argv[n++] = "--filter";
		argv[n++] = declared->filter[i];
	}
	pid = live_spawn(argv, link->log);
	if (pid < 0)
		return (int)pid;
	link->pid = pid;
	link->is_starved = false; /* the new one has its descriptors */
	live_sight_settle(link->world, pid, link->index);
	memset(&link->usage, 0, sizeof(link->usage));
	return 0;
}

/* The last line that the daemon wrote. */
static void last_words(const struct live_link *link, char *line, size_t bytes)
{
	FILE *in = fopen(link->log, "re");
	char text[200];

	snprintf(line, bytes, "it said nothing");
	while (in && fgets(text, sizeof(text), in)) {
		text[strcspn(text, "\n")] = '\0';
		if (text[0])
			snprintf(line, bytes, "%.190s", text);
	}
	if (in)
		fclose(in);
}

int live_daemon_connect(struct live_link *link, struct lwf_error *error)
{
	uint64_t until = live_clock_ns() + LIVE_START_NS;
	enum lwf_exit why = LWF_EXIT_UNREACHABLE;
	char words[200];
	int status;

	/* the socket of one that was killed is still there, with nobody behind it */
	while (live_watch_open(link, error)) {
		live_watch_close(link);
		if (waitpid(link->pid, &status, WNOHANG) == link->pid) {
			link->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == LWF_EXIT_PERMISSION)
				why = LWF_EXIT_PERMISSION;
		}
		if (link->pid > 0 && live_clock_ns() < until) {
			live_sleep_ns(LIVE_POLL_NS);
			continue;
		}
		last_words(link, words, sizeof(words));
		return live_refuse(error, why, link->world->lwfd, "it does not start: %s", words);
	}
	return live_shim_wait(link, error) ? -ENOTSUP : 0;
}

int live_daemon_wait(struct live_link *link, struct lwf_error *error)
{
	uint64_t until = live_clock_ns() + LIVE_START_NS;
	int err = live_daemon_connect(link, error);

	if (err)
		return err;
	for (; live_clock_ns() < until; live_sleep_ns(LIVE_POLL_NS)) {
		const char *state = json_string_value(json_object_get(live_seen(link), "state"));

		if (state && live_state_named(state) == LWF_STATE_RUNNING)
			return 0;
		live_forget(link);
	}
	return live_refuse(error, LWF_EXIT_TIMEOUT, link->declared->name,
			   "it does not run within 10 s");
}

/* ---- its end ---- */

/* lwfd has ended with @status. */
static void has_ended(struct live_link *link, int status)
{
	bool asked = link->ending;

	if (asked)
		link->ended_in_ns = live_clock_ns() - link->told_ns;
	link->pid = 0;
	if (!asked)
		live_wrong(link->world, "no process ends by itself", "lwfd of %s ended with %s %d",
			   link->declared->name, WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != LWF_EXIT_OK)
		live_wrong(link->world, "a daemon that is told to end ends with exit code 0",
			   "lwfd of %s ended with %s %d", link->declared->name,
			   WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	live_life_end(link);
}

void live_daemon_check(struct live_link *link)
{
	int status;

	if (link->pid > 0 && waitpid(link->pid, &status, WNOHANG) == link->pid)
		has_ended(link, status);
	live_usage_sample(link);
}

/* It drains, and is heard meanwhile. One that is stopped ends when it goes on. */
static void wait_for_end(struct live_link *link)
{
	uint64_t until = live_clock_ns() + END_NS;

	while (link->pid > 0 && !link->stopped && live_clock_ns() < until) {
		live_watch_hear(link);
		live_daemon_check(link);
		if (link->pid > 0)
			live_sleep_ns(LIVE_LOOK_NS);
	}
	if (link->pid > 0 && !link->stopped)
		live_wrong(link->world, "a daemon that is told to end does so",
			   "lwfd of %s still runs after 10 s", link->declared->name);
}

/* ---- faults ---- */

static void end_one(struct live_link *link, enum stress_fault fault)
{
	if (link->pid <= 0)
		return;
	live_life_keep(link);
	if (fault == STRESS_FAULT_DAEMON_TERM) {
		link->ending = true;
		link->told_ns = live_clock_ns();
		kill(link->pid, SIGTERM);
		return;
	}
	live_end_child(&link->pid, SIGKILL);
}

/* What it says now is what is known of it until it goes on. */
static void stop_one(struct live_link *link, bool stop)
{
	if (link->pid <= 0 || link->stopped == stop)
		return;
	if (stop)
		live_life_keep(link);
	kill(link->pid, stop ? SIGSTOP : SIGCONT);
	link->stopped = stop;
	if (!stop && link->ending)
		wait_for_end(link);
}

static int start_one(struct live_link *link, struct lwf_error *error)
{
	int err;

	if (link->pid > 0)
		return 0;
	live_life_begin(link);
	err = live_daemon_start(link);
	return err ? live_refuse(error, LWF_EXIT_FALSE, link->world->lwfd,
				 "it cannot be started: %s", strerror(-err))
		   : 0;
}

/* The first half of a fault, of all links of the daemon before the second half of any. */
static int begin_fault(struct live_link *link, const struct stress_fault_call *call,
		       struct lwf_error *error)
{
	switch (call->fault) {
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		link->world->down |= 1u << call->object.index;
		end_one(link, call->fault);
		return 0;
	case STRESS_FAULT_DAEMON_START:
		link->world->down &= ~(1u << call->object.index);
		return start_one(link, error);
	case STRESS_FAULT_DAEMON_STOP:
	case STRESS_FAULT_DAEMON_CONTINUE:
		stop_one(link, call->fault == STRESS_FAULT_DAEMON_STOP);
		return 0;
	default:
		return live_cannot(call, error);
	}
}

static int end_fault(struct live_link *link, enum stress_fault fault, bool ran,
		     struct lwf_error *error)
{
	if (ran && fault == STRESS_FAULT_DAEMON_KILL)
		live_life_end(link);
	if (ran && fault == STRESS_FAULT_DAEMON_TERM)
		wait_for_end(link);
	if (!ran && fault == STRESS_FAULT_DAEMON_START)
		return live_daemon_connect(link, error);
	return 0;
}

int live_daemon_fault(struct live_world *world, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	bool ran[STRESS_LINKS_MAX];
	uint32_t links = world->base.options.scenario->links;
	int err = 0;

	for (uint32_t i = 0; !err && i < links; i++) {
		ran[i] = world->link[i].pid > 0;
		if (world->link[i].declared->daemon == call->object.index)
			err = begin_fault(&world->link[i], call, error);
	}
	for (uint32_t i = 0; !err && i < links; i++)
		if (world->link[i].declared->daemon == call->object.index)
			err = end_fault(&world->link[i], call->fault, ran[i], error);
	return err;
}
