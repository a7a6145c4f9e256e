/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_space.c - namespaces and processes of the live world.
 *
 * The run's own process enters new namespaces: of users when it has no right to make the others, of
 * the network, of mounts and of PIDs. A far end has a network namespace of its own, which lives as
 * long as a descriptor of it. Process 1 of the PID namespace does nothing but die with the run: it
 * ends at the end of a pipe, which no other process holds for writing, and the kernel then kills all
 * others of the namespace. So nothing is left, however the run ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/socket.h>

#include "live_world.h"

#define SPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int become_root(uid_t uid, gid_t gid)
{
	char map[64];
	int err;

	(void)write_file("/proc/self/setgroups", "deny"); /* older kernels have none */
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	err = write_file("/proc/self/uid_map", map);
	if (err)
		return err;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return write_file("/proc/self/gid_map", map);
}

static int make_spaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(SPACES) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	return unshare(SPACES | CLONE_NEWUSER) ? -errno : become_root(uid, gid);
}

/* The kernel's own frames would spoil the comparison of counters. */
static void be_quiet(void)
{
	(void)write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	(void)write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

static int open_this(int *ns)
{
	*ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ns < 0 ? -errno : 0;
}

static int make_far(struct live_link *link)
{
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	be_quiet();
	err = open_this(&link->far_ns);
	if (err)
		return err;
	link->far_ends = live_witness_listen();
	return link->far_ends < 0 ? link->far_ends : live_net_open(&link->far_net);
}

static int make_networks(struct live_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err;

	be_quiet();
	err = open_this(&world->near_ns);
	if (!err)
		err = live_net_open(&world->near_net);
	if (!err)
		err = world->near_ends = live_witness_listen();
	if (err > 0)
		err = 0;
	for (uint32_t i = 0; !err && i < scenario->links; i++)
		if (scenario->link[i].peer == i)
			err = make_far(&world->link[i]);
	if (!err && setns(world->near_ns, CLONE_NEWNET))
		err = -errno;
	return err;
}

int live_space_make_net(struct live_world *world, int *ns, struct nl_sock **net)
{
	int err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	be_quiet();
	err = live_net_open(net);
	/* by its socket: /proc is that of the run's processes by now, and this one is none of them */
	*ns = err ? -1 : ioctl(nl_socket_get_fd(*net), SIOCGSKNS);
	if (!err && *ns < 0) {
		err = -errno;
		live_net_close(*net);
		*net = NULL;
	}
	if (setns(world->near_ns, CLONE_NEWNET))
		abort(); /* nothing that is asked for here would be true */
	return err;
}

static int make_folder(void)
{
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") ||
	    mkdir(LIVE_DIR, 0700))
		return -errno;
	return 0;
}

static void keep(int fd)
{
	struct pollfd at = {.fd = fd}; /* the end of the pipe is told without being asked for */

	prctl(PR_SET_NAME, "lwf-stress-init");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN); /* those without a parent are nobody's */
	signal(SIGINT, SIG_IGN);
	/* may be refused where /proc is covered: then a daemon does not know the names of its clients */
	(void)!mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	while (!(at.revents & POLLHUP))
		poll(&at, 1, -1);
	_exit(0);
}

static int start_keeper(struct live_world *world)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	world->keeper = fork();
	if (world->keeper == 0) {
		close(ends[1]);
		keep(ends[0]);
	}
	close(ends[0]);
	world->keeper_fd = ends[1];
	return world->keeper < 0 ? -errno : 0;
}

int live_space_enter(struct live_world *world, struct lwf_error *error)
{
	pid_t parent = getppid();
	int err;

	world->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = make_spaces();

	if (err)
		return live_refuse(error, LWF_EXIT_PERMISSION, "namespaces",
				   "they cannot be made: %s; be root, or allow user namespaces",
				   strerror(-err));
	/* new rights make the kernel forget what this process dies with */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(LWF_EXIT_FALSE);
	err = make_networks(world);
	if (!err)
		err = make_folder();
	if (!err)
		err = start_keeper(world);
	if (err)
		return live_refuse(error, LWF_EXIT_PERMISSION, "namespaces",
				   "they cannot be furnished: %s", strerror(-err));
	return 0;
}

void live_space_leave(struct live_world *world)
{
	if (world->keeper > 0) {
		close(world->keeper_fd);
		/* process 1 is gone when all others of its namespace are */
		while (waitpid(world->keeper, NULL, 0) < 0 && errno == EINTR)
			;
		world->keeper = 0;
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

pid_t live_spawn(const char *const *argv, const char *log)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(126);
	fd = open("/dev/null", O_RDONLY);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "%s cannot be run: %s; it stands beside lwf-stress, or in PATH\n",
		argv[0], strerror(errno));
	_exit(127);
}

void live_end_child(pid_t *pid, int signal)
{
	if (*pid <= 0)
		return;
	kill(*pid, signal);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}
