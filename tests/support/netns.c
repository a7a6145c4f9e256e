/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns.c - a network namespace for a test; see netns.h.
 */
#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

bool netns_enter(void)
{
	const unsigned user = geteuid(), group = getegid();
	char map[32];

	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	if (unshare(CLONE_NEWNET)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return false;
		/* without a map, a program started from here would have no rights */
		snprintf(map, sizeof(map), "0 %u 1", user);
		write_file("/proc/self/uid_map", map);
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", group);
		write_file("/proc/self/gid_map", map);
	}
	return system("ip link add probe0 type veth peer name probe1 2>/dev/null && "
		      "ip link del probe0") == 0;
}
