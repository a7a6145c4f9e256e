/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_process.c - faults on the daemon of a target and its clients, and making them as they were.
 *
 * Processes are held by descriptor, so that a signal never reaches another one that has the number
 * by now. A netlink overrun is made as it happens: the daemon does not read for a while (it is
 * stopped), and the kernel has more to tell than its socket holds.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "live_world.h"
#include "runner.h"

#define DESCRIPTORS_MAX	  4096u
#define OVERRUN_TELLS	  200000u /* link messages at most */
#define OVERRUN_LOOK	  500u	  /* between two looks at what the kernel dropped */
#define OVERRUN_MOMENT_MS 1
#define STOP_MS		  1000

int fault_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

bool fault_is_alive(int pidfd)
{
	struct pollfd at = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&at, 1, 0) == 0;
}

int fault_signal(const struct fault_process *process, int signal)
{
	if (process->fd < 0)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, process->fd, signal, NULL, 0) ? -errno : 0;
}

bool fault_wait_gone(const struct fault_process *process, uint64_t until_ns)
{
	while (process->fd >= 0) {
		struct pollfd at = {.fd = process->fd, .events = POLLIN};
		uint64_t now = stress_clock_ns();

		if (poll(&at, 1, now < until_ns ? (int)((until_ns - now) / 1000000) + 1 : 0) > 0)
			return true;
		if (now >= until_ns)
			return false;
	}
	return true;
}

/* ---- what the daemon has open ---- */

struct descriptors {
	uint32_t number[DESCRIPTORS_MAX];
	uint64_t socket[DESCRIPTORS_MAX]; /* inode; 0: no socket */
	size_t count;
};

static int read_descriptors(pid_t pid, struct descriptors *list)
{
	char folder[48], path[80], link[64];
	struct dirent *entry;
	DIR *entries;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	entries = opendir(folder);
	list->count = 0;
	if (!entries)
		return -errno;
	while ((entry = readdir(entries)) && list->count < DESCRIPTORS_MAX) {
		ssize_t n;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/%.20s", folder, entry->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		list->number[list->count] = (uint32_t)strtoul(entry->d_name, NULL, 10);
		list->socket[list->count] = 0;
		if (strncmp(link, "socket:[", 8) == 0)
			list->socket[list->count] = strtoull(link + 8, NULL, 10);
		list->count++;
	}
	closedir(entries);
	return 0;
}

static bool has_number(const struct descriptors *list, uint32_t number)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->number[i] == number)
			return true;
	return false;
}

/*
 * The limit of descriptors; @set NULL leaves it. The kernel takes a number for it, which may be another process's by
 * now: but not while the process behind the descriptor lives. So what was set to another one in between is set back.
 */
static int limit(const struct fault_process *process, const struct rlimit *set, struct rlimit *was)
{
	struct rlimit had;

	if (!fault_is_alive(process->fd))
		return -ESRCH;
	if (prlimit(process->pid, RLIMIT_NOFILE, set, &had))
		return -errno;
	if (!fault_is_alive(process->fd)) {
		if (set)
			(void)prlimit(process->pid, RLIMIT_NOFILE, &had, NULL);
		return -ESRCH;
	}
	if (was)
		*was = had;
	return 0;
}

void fault_read_limits(struct fault_target *target)
{
	if (limit(&target->daemon, NULL, &target->descriptors))
		target->descriptors.rlim_max = 0; /* then nothing can be set, either */
}

/* The kernel refuses numbers from the limit on: it becomes the first that is free. */
static int exhaust(struct fault_target *target)
{
	static struct descriptors list;
	struct rlimit set;
	uint32_t free = 0;
	int err = read_descriptors(target->daemon.pid, &list);

	err = err ? err : limit(&target->daemon, NULL, &set);
	if (err)
		return err;
	while (has_number(&list, free))
		free++;
	set.rlim_cur = free;
	fault_mark(target, FAULT_LOWER, FAULT_LIMITED);
	return limit(&target->daemon, &set, NULL);
}

static int set_limit(const struct fault_target *target, rlim_t soft)
{
	struct rlimit set = target->descriptors;

	set.rlim_cur = soft;
	return limit(&target->daemon, &set, NULL);
}

/* ---- a netlink overrun ---- */

struct drops {
	struct descriptors list;
	uint64_t count;
};

static bool has_socket(const struct descriptors *list, uint64_t inode)
{
	for (size_t i = 0; i < list->count; i++)
		if (inode && list->socket[i] == inode)
			return true;
	return false;
}

/* What the kernel could not tell the daemon so far, in this namespace. */
static int count_drops(void *context)
{
	struct drops *drops = context;
	FILE *in = fopen("/proc/thread-self/net/netlink", "re");
	char line[256];

	drops->count = 0;
	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in)) {
		/* sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
		char *rest = line, *word[10] = {NULL};

		for (int i = 0; i < 10; i++)
			word[i] = strtok_r(NULL, " \n", &rest);
		if (word[9] && has_socket(&drops->list, strtoull(word[9], NULL, 10)))
			drops->count += strtoull(word[8], NULL, 10);
	}
	fclose(in);
	return 0;
}

static bool is_stopped(pid_t pid)
{
	char path[48], line[512];
	const char *state;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	in = fopen(path, "re");
	if (!in || !fgets(line, sizeof(line), in))
		line[0] = '\0';
	if (in)
		fclose(in);
	state = strrchr(line, ')');
	return state && (state[2] == 'T' || state[2] == 't');
}

static int stop(struct fault_target *target)
{
	int err;

	fault_mark(target, FAULT_LOWER, FAULT_STOPPED);
	err = fault_signal(&target->daemon, SIGSTOP);
	for (int ms = 0; !err && !is_stopped(target->daemon.pid); ms++) {
		if (ms == STOP_MS)
			return -ETIMEDOUT;
		poll(NULL, 0, OVERRUN_MOMENT_MS);
	}
	return err;
}

/* Tells of lo, again and again, until the daemon's socket holds no more. */
static int tell_much(struct fault_target *target, struct drops *drops)
{
	const struct fault_space *space = &target->side[FAULT_LOWER].space;
	uint64_t before = drops->count;
	int err = 0;

	for (uint32_t i = 0; !err && i < OVERRUN_TELLS; i++) {
		/* it is told of also when lo is down */
		err = live_net_set_queue(space->net, "lo", target->lo_queue_frames + 1 + i % 2);
		if (!err && i % OVERRUN_LOOK == 0) {
			err = fault_space_call(space, count_drops, drops);
			if (!err && drops->count > before)
				return 0;
		}
	}
	return err ? err : -ENOBUFS;
}

static int overrun(struct fault_target *target)
{
	const struct fault_space *space = &target->side[FAULT_LOWER].space;
	static struct drops drops;
	int err = read_descriptors(target->daemon.pid, &drops.list), other;

	if (!err)
		err = fault_space_call(space, count_drops, &drops);
	if (err)
		return err;
	fault_mark(target, FAULT_LOWER, FAULT_QUEUE);
	err = stop(target);
	if (!err)
		err = tell_much(target, &drops);
	other = fault_mend_daemon(target, FAULT_STOPPED | FAULT_QUEUE);
	return err ? err : other;
}

static int restore_queue(const struct fault_target *target)
{
	return live_net_set_queue(target->side[FAULT_LOWER].space.net, "lo",
				  target->lo_queue_frames);
}

/* ---- a forced carrier ---- */

static int force(const struct fault_target *target, bool off, struct lwf_error *error)
{
	struct lwf_connection *connection;

	if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, error))
		return (int)error->exit;
	if (lwf_connection_request(
		    connection, LWF_WIRE_CARRIER,
		    json_pack("{s:s,s:b}", "stack", target->stack, "carrier", (int)!off),
		    LWF_WIRE_TIMEOUT_NS, NULL, NULL, error) == 0)
		error->exit = LWF_EXIT_OK;
	lwf_connection_close(connection);
	return (int)error->exit;
}

/* ---- doing ---- */

static int end_daemon(struct fault_target *target, int signal)
{
	int err;

	fault_mark(target, FAULT_LOWER, FAULT_DEAD);
	err = fault_signal(&target->daemon, signal);
	if (!err && !fault_wait_gone(&target->daemon, stress_clock_ns() + FAULT_WAIT_NS))
		err = -ETIMEDOUT;
	return err;
}

int fault_do_daemon(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error)
{
	bool forced = deed->fault == STRESS_FAULT_FORCE_OFF;
	int err = 0;

	switch (deed->fault) {
	case STRESS_FAULT_FORCE_OFF:
	case STRESS_FAULT_FORCE_ON:
		fault_mark(target, FAULT_LOWER, FAULT_FORCED);
		return force(target, forced, error);
	case STRESS_FAULT_OVERRUN:
		err = overrun(target);
		break;
	case STRESS_FAULT_DAEMON_KILL:
	case STRESS_FAULT_DAEMON_TERM:
		err = end_daemon(target,
				 deed->fault == STRESS_FAULT_DAEMON_KILL ? SIGKILL : SIGTERM);
		break;
	case STRESS_FAULT_DAEMON_STOP:
		err = stop(target);
		break;
	case STRESS_FAULT_DAEMON_CONTINUE:
		err = fault_signal(&target->daemon, SIGCONT);
		break;
	case STRESS_FAULT_DESCRIPTORS:
		err = exhaust(target);
		break;
	case STRESS_FAULT_DESCRIPTORS_OK:
		fault_give_descriptors(target);
		err = set_limit(target, target->descriptors.rlim_max);
		break;
	case STRESS_FAULT_CLIENT_KILL:
		err = fault_signal(&target->client, SIGKILL);
		break;
	case STRESS_FAULT_CLIENT_STOP:
		fault_mark(target, FAULT_LOWER, FAULT_CLIENT);
		err = fault_signal(&target->client, SIGSTOP);
		break;
	case STRESS_FAULT_CLIENT_CONTINUE:
		err = fault_signal(&target->client, SIGCONT);
		break;
	default:
		if (!fault_is_lie(deed->fault)) {
			err = -EOPNOTSUPP;
			break;
		}
		fault_mark(target, FAULT_LOWER, fault_lie_aspect(deed));
		fault_do_lie(target, deed);
		break;
	}
	return fault_told(stress_fault_row(deed->fault)->words, err, error);
}

int fault_do(struct fault_target *target, const struct fault_deed *deed, struct lwf_error *error)
{
	int code = fault_check(target, deed, error);
	enum fault_which side;

	if (code)
		return code;
	if (fault_aspects(target, deed, &side) & FAULT_DEVICE_ASPECTS)
		return fault_do_device(target, deed, error);
	return fault_do_daemon(target, deed, error);
}

/* ---- as it was ---- */

static int mend_one(struct fault_target *target, uint32_t aspect)
{
	struct lwf_error error;
	int err;

	switch (aspect) {
	case FAULT_STOPPED:
		err = fault_signal(&target->daemon, SIGCONT);
		return err == -ESRCH ? 0 : err;
	case FAULT_CLIENT:
		err = fault_signal(&target->client, SIGCONT);
		return err == -ESRCH ? 0 : err;
	case FAULT_DEAD:
		return fault_start_again(target);
	case FAULT_LIMITED:
		err = set_limit(target, target->descriptors.rlim_cur);
		return err == -ESRCH ? 0 : err;
	case FAULT_QUEUE:
		return restore_queue(target);
	case FAULT_HELD:
	case FAULT_MODULES:
		return fault_mend_orders(target, aspect);
	default: /* FORCED */
		return force(target, target->was_forced, &error) ? -EIO : 0;
	}
}

int fault_mend_daemon(struct fault_target *target, uint32_t aspects)
{
	/* a daemon that is stopped or dead can be asked for nothing: these come first */
	static const uint32_t order[] = {FAULT_LIES,	FAULT_STOPPED, FAULT_DEAD,
					 FAULT_LIMITED, FAULT_QUEUE,   FAULT_CLIENT,
					 FAULT_MODULES, FAULT_HELD,    FAULT_FORCED};
	int first = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		uint32_t these = target->marks->changed[FAULT_LOWER] & aspects & order[i];
		int err = 0;

		if (!these)
			continue;
		if (these & FAULT_LIES)
			fault_mend_lie(target, these);
		else
			err = mend_one(target, these);
		if (!err)
			atomic_fetch_and(&target->marks->changed[FAULT_LOWER], ~these);
		first = first ? first : err;
	}
	return first;
}

int fault_mend(struct fault_target *target, enum fault_which side, uint32_t aspects)
{
	int err = 0, other;

	if (side == FAULT_LOWER)
		err = fault_mend_daemon(target, aspects & (FAULT_STOPPED | FAULT_DEAD));
	other = fault_mend_device(target, side, aspects);
	err = err ? err : other;
	other = side == FAULT_LOWER ? fault_mend_daemon(target, aspects) : 0;
	return err ? err : other;
}

int fault_mend_all(struct fault_target *target)
{
	int first = 0;

	/* the far end last: it may have come back with the near one */
	for (unsigned i = 0; i < FAULT_SIDES; i++) {
		int err = fault_mend(target, (enum fault_which)i, UINT32_MAX);

		first = first ? first : err;
	}
	return first;
}
