/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_starve.c - daemons of the live world that lack something.
 *
 * Memory and the right time are withheld by the faults library (live_shim.c). Descriptors and link messages
 * are the kernel's doing: a limit of the process, and a receive buffer that overflows while the daemon is
 * stopped. That it did is known from a second socket, which hears the same messages and is read as little.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live_world.h"

#define STOP_NS		1000000000ull
#define STOP_LOOK_NS	200000ull
#define FLOOD_NS	5000000000ull
#define FLOOD_TURN	64u
#define DESCRIPTORS_MAX 4096
#define QUEUE_FRAMES	1000u /* of lo, which has none */
#define BUFFER_BYTES	(4 << 20)

/* ---- descriptors ---- */

/* The lowest number that is free; -errno. With that as its limit a process has what it has, and no more. */
static int lowest_free(const struct live_link *link)
{
	struct stat status;
	char path[40];

	for (int number = 0; number < DESCRIPTORS_MAX; number++) {
		snprintf(path, sizeof(path), "%d/fd/%d", (int)link->pid, number);
		if (fstatat(link->world->proc_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		return errno == ENOENT ? number : -errno;
	}
	return -ERANGE;
}

static int set_descriptors(struct live_link *link, bool on)
{
	struct rlimit none = {0}, before;
	int lowest;

	if (link->pid <= 0 || on == link->is_starved)
		return 0;
	if (!on) {
		link->is_starved = false;
		return prlimit(link->pid, RLIMIT_NOFILE, &link->descriptors, NULL) ? -errno : 0;
	}
	if (prlimit(link->pid, RLIMIT_NOFILE, NULL, &before))
		return -errno;
	lowest = lowest_free(link);
	if (lowest < 0)
		return lowest;
	none.rlim_cur = (rlim_t)lowest;
	none.rlim_max = before.rlim_max;
	if (prlimit(link->pid, RLIMIT_NOFILE, &none, NULL))
		return -errno;
	link->descriptors = before;
	link->is_starved = true;
	return 0;
}

/* ---- link messages ---- */

/* Hears what daemons hear, and is never read. */
static int open_twin(void)
{
	struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = 1u << (RTNLGRP_LINK - 1)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int bytes = BUFFER_BYTES;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static uint32_t lost_by(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t bytes = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &bytes) ? 0 : info[SK_MEMINFO_DROPS];
}

/* Messages until as many were lost as found room: then a buffer of twice the size has overflowed, too. */
static int flood(struct live_world *world)
{
	uint64_t until = live_clock_ns() + FLOOD_NS;
	uint32_t told = 0;
	int twin = open_twin(), err = 0;

	if (twin < 0)
		return twin;
	while (!err && lost_by(twin) <= told / 2) {
		for (uint32_t i = 0; !err && i < FLOOD_TURN; i++) {
			err = live_net_set_queue(world->near_net, "lo", QUEUE_FRAMES + ++told % 2);
		}
		if (live_clock_ns() > until)
			err = -ETIMEDOUT;
	}
	close(twin);
	return err;
}

static void stop_daemon(const struct live_link *link)
{
	uint64_t until = live_clock_ns() + STOP_NS;
	siginfo_t info = {0};

	if (link->pid <= 0 || kill(link->pid, SIGSTOP))
		return;
	/* what became of it stays for others to be seen */
	while (waitid(P_PID, (id_t)link->pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0 && live_clock_ns() < until)
		live_sleep_ns(STOP_LOOK_NS);
}

static int lose_messages(struct live_world *world)
{
	uint32_t links = world->base.options.scenario->links;
	int err;

	for (uint32_t i = 0; i < links; i++)
		stop_daemon(&world->link[i]);
	err = flood(world);
	for (uint32_t i = 0; i < links; i++)
		if (world->link[i].pid > 0 && !world->link[i].stopped)
			kill(world->link[i].pid, SIGCONT);
	return err;
}

uint64_t live_starve_resyncs(struct live_link *link)
{
	const json_t *info = json_object_get(json_object_get(live_seen(link), "lower"), "info");
	const char *count = json_string_value(json_object_get(info, "overrun"));

	return count ? strtoull(count, NULL, 10) : 0;
}

/* ---- all of them ---- */

static int of_link(struct live_link *link, const struct stress_fault_call *call,
		   struct lwf_error *error)
{
	bool on = call->fault == STRESS_FAULT_DESCRIPTORS;
	int err;

	if (!on) {
		err = live_shim_fault(link, call, error);
		if (err || call->fault != STRESS_FAULT_DESCRIPTORS_OK)
			return err;
	}
	err = set_descriptors(link, on);
	return err ? live_refuse(error, LWF_EXIT_FALSE, call->text, "the kernel refuses it: %s",
				 strerror(-err))
		   : 0;
}

int live_starve(struct live_world *world, const struct stress_fault_call *call,
		struct lwf_error *error)
{
	int err = 0;

	if (call->fault == STRESS_FAULT_OVERRUN) {
		err = lose_messages(world);
		return err ? live_refuse(error, LWF_EXIT_FALSE, call->text,
					 "no buffer overflows: %s", strerror(-err))
			   : 0;
	}
	for (uint32_t i = 0; !err && i < world->base.options.scenario->links; i++)
		if (world->link[i].declared->daemon == call->object.index)
			err = of_link(&world->link[i], call, error);
	return err;
}
