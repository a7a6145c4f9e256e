/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_daemon.c - daemons of the live world: how one is started, and waited for.
 *
 * Each link has an lwfd of its own; a daemon of the scenario is all of those whose links it has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lwf/profile.h>

#include "live_world.h"

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

int live_daemon_wait(struct live_link *link, struct lwf_error *error)
{
	uint64_t until = live_clock_ns() + LIVE_START_NS;
	char words[200];

	while (access(link->control, F_OK)) {
		if (waitpid(link->pid, NULL, WNOHANG) == 0 && live_clock_ns() < until) {
			live_sleep_ns(LIVE_POLL_NS);
			continue;
		}
		last_words(link, words, sizeof(words));
		return live_refuse(error, LWF_EXIT_UNREACHABLE, link->world->lwfd,
				   "it does not start: %s", words);
	}
	if (live_shim_wait(link, error))
		return -ENOTSUP;
	if (live_watch_open(link, error))
		return -ECONNREFUSED;
	for (; live_clock_ns() < until; live_sleep_ns(LIVE_POLL_NS)) {
		const char *state = json_string_value(json_object_get(live_seen(link), "state"));

		if (state && live_state_named(state) == LWF_STATE_RUNNING)
			return 0;
		live_forget(link);
	}
	return live_refuse(error, LWF_EXIT_TIMEOUT, link->declared->name,
			   "it does not run within 10 s");
}
