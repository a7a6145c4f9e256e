/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_rights.c - a daemon that is started again may do what it might before, and no more.
 *
 * Group, groups, umask and limits are read from the daemon and taken over by the process that becomes it. User and
 * capabilities are not: what it was given when it began is not to be seen, since lwfd gives up by itself what it does
 * not need. So a daemon of another user, or one that was given less than this program has, is refused.
 * The taking over is tried, in a process that ends at once, before anything is done.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "fault.h"

#define GROUPS_BYTES 16384u /* of text */

/* lwfd's own (lwf/daemon/sandbox.c) */
static const uint64_t kept = UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW;

struct status {
	uint64_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint64_t umask, seccomp, permitted;
	gid_t group[FAULT_GROUPS_MAX];
	int groups; /* -1: more than that */
};

static void read_groups(const char *text, struct status *status)
{
	char *end;

	status->groups = 0;
	for (unsigned long group = strtoul(text, &end, 10); end != text;
	     text = end, group = strtoul(text, &end, 10)) {
		if (status->groups == (int)FAULT_GROUPS_MAX) {
			status->groups = -1;
			return;
		}
		status->group[status->groups++] = (gid_t)group;
	}
}

/* Whether the line is that of @name, and has so many numbers. */
static bool read_numbers(const char *line, const char *name, int base, uint64_t *number,
			 unsigned count)
{
	char *end;

	if (strncmp(line, name, strlen(name)) != 0)
		return false;
	line += strlen(name);
	for (unsigned i = 0; i < count; i++, line = end) {
		number[i] = strtoull(line, &end, base);
		if (end == line)
			return false;
	}
	return true;
}

/* Reads /proc/PID/status. Whether all was there. */
static bool read_status(pid_t pid, struct status *status)
{
	static char line[GROUPS_BYTES];
	char path[48];
	int got = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	in = fopen(path, "re");
	status->groups = -1;
	status->seccomp = 0;
	while (in && fgets(line, sizeof(line), in)) {
		uint64_t seccomp;

		got += read_numbers(line, "Umask:", 8, &status->umask, 1);
		got += read_numbers(line, "Uid:", 10, status->uid, 4);
		got += read_numbers(line, "Gid:", 10, status->gid, 4);
		got += read_numbers(line, "CapPrm:", 16, &status->permitted, 1);
		if (read_numbers(line, "Seccomp:", 10, &seccomp, 1))
			status->seccomp = seccomp;
		if (strncmp(line, "Groups:", 7) == 0)
			read_groups(line + 7, status);
	}
	if (in)
		fclose(in);
	return got == 4 && status->groups >= 0;
}

static rlim_t limit_of(const char *word)
{
	return strcmp(word, "unlimited") == 0 ? RLIM_INFINITY : (rlim_t)strtoull(word, NULL, 10);
}

/* Reads /proc/PID/limits, which says more to others than prlimit() does. Whether all were there. */
static bool read_limits(pid_t pid, struct rlimit *limit)
{
	char path[48], line[128], soft[24], hard[24];
	unsigned got = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	in = fopen(path, "re");
	/* a heading, then a row for each, in the order of their numbers, behind a name of 25 letters */
	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, "Max ", 4) != 0 || got == RLIM_NLIMITS || strlen(line) < 27 ||
		    sscanf(line + 26, "%23s %23s", soft, hard) != 2)
			continue;
		limit[got++] = (struct rlimit){limit_of(soft), limit_of(hard)};
	}
	if (in)
		fclose(in);
	return got == RLIM_NLIMITS;
}

static bool same_users(pid_t pid)
{
	struct stat ours, theirs;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* What makes that the one that is started again would not be as that one; NULL: nothing. */
static const char *difference(pid_t pid, const struct status *ours, const struct status *theirs)
{
	if (!same_users(pid))
		return "its users are not those of this program (it is in another user namespace)";
	if (memcmp(ours->uid, theirs->uid, sizeof(ours->uid)) != 0)
		return "it runs as another user";
	if (theirs->permitted != ours->permitted && theirs->permitted != (ours->permitted & kept))
		return "it has other capabilities than this program could give it";
	if (theirs->seccomp != ours->seccomp)
		return "it runs under a seccomp filter of its own";
	return NULL;
}

static bool try(const struct fault_rights *rights)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fault_rights_take(rights) ? 1 : 0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int fault_rights_learn(const struct fault_target *target, struct fault_rights *rights,
		       struct lwf_error *error)
{
	static struct status ours, theirs;
	pid_t pid = target->daemon.pid;
	const char *why = "what it may do cannot be read from here";

	if (read_status(getpid(), &ours) && read_status(pid, &theirs))
		why = difference(pid, &ours, &theirs);
	if (!why && !read_limits(pid, rights->limit))
		why = "its limits cannot be read from here";
	if (!why) {
		if (target->descriptors.rlim_max) /* a fault may have changed it since */
			rights->limit[RLIMIT_NOFILE] = target->descriptors;
		rights->umask = (mode_t)theirs.umask;
		for (unsigned i = 0; i < 3; i++)
			rights->gid[i] = (gid_t)theirs.gid[i];
		memcpy(rights->group, theirs.group, sizeof(rights->group));
		rights->groups = (size_t)theirs.groups;
		if (!try(rights))
			why = "its groups, or its limits, cannot be given from here";
	}
	if (!why)
		return LWF_EXIT_OK;
	lwf_error_set(error, LWF_EXIT_REFUSED, target->stack,
		      "end and start it by what started it, or use daemon stop",
		      "its daemon could not be started again as it was: %s", why);
	return LWF_EXIT_REFUSED;
}

/* ---- in the process that becomes the daemon ---- */

static int take_groups(const struct fault_rights *rights)
{
	gid_t now[FAULT_GROUPS_MAX];
	int count = getgroups((int)FAULT_GROUPS_MAX, now);

	/* who may not do it may still have them already */
	if (count == (int)rights->groups &&
	    memcmp(now, rights->group, rights->groups * sizeof(now[0])) == 0)
		return 0;
	return setgroups(rights->groups, rights->group) ? -errno : 0;
}

int fault_rights_take(const struct fault_rights *rights)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit now;

		if (getrlimit((__rlimit_resource_t)i, &now))
			return -errno;
		if (now.rlim_cur == rights->limit[i].rlim_cur &&
		    now.rlim_max == rights->limit[i].rlim_max)
			continue;
		if (setrlimit((__rlimit_resource_t)i, &rights->limit[i]))
			return -errno;
	}
	(void)umask(rights->umask);
	if (take_groups(rights) || setresgid(rights->gid[0], rights->gid[1], rights->gid[2]))
		return -errno;
	return 0;
}
