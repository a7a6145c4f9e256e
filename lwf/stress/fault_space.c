/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_space.c - entering network namespaces, and finding one; see fault_space.h.
 *
 * A socket stays in the namespace in which it was opened, so the program enters one for a moment
 * and comes back. Namespaces that it may not enter are passed over: what is not found is told then.
 */
#include "fault_space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live_world.h"

#define HERE "/proc/thread-self/ns/net"

static int inode_of(int fd, ino_t *inode)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	*inode = status.st_ino;
	return 0;
}

void fault_space_close(struct fault_space *space)
{
	live_net_close(space->net);
	if (space->fd >= 0)
		close(space->fd);
	*space = (struct fault_space)FAULT_SPACE_NONE;
}

int fault_space_call(const struct fault_space *space, int (*fn)(void *context), void *context)
{
	int here = open(HERE, O_RDONLY | O_CLOEXEC), ret;
	ino_t inode = 0;

	if (here < 0)
		return -errno;
	ret = inode_of(here, &inode);
	if (!ret && inode != space->inode && setns(space->fd, CLONE_NEWNET))
		ret = -errno;
	if (!ret)
		ret = fn(context);
	if (inode != space->inode && setns(here, CLONE_NEWNET))
		abort(); /* it would do things to the wrong devices */
	close(here);
	return ret;
}

static int open_socket(void *context)
{
	return live_net_open(&((struct fault_space *)context)->net);
}

/* Takes @fd. */
static int adopt(int fd, struct fault_space *space)
{
	int err;

	*space = (struct fault_space)FAULT_SPACE_NONE;
	if (fd < 0)
		return -errno;
	space->fd = fd;
	err = inode_of(fd, &space->inode);
	if (!err)
		err = fault_space_call(space, open_socket, space);
	if (err)
		fault_space_close(space);
	return err;
}

int fault_space_here(struct fault_space *space)
{
	return adopt(open(HERE, O_RDONLY | O_CLOEXEC), space);
}

int fault_space_of(pid_t pid, struct fault_space *space)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return adopt(open(path, O_RDONLY | O_CLOEXEC), space);
}

int fault_space_renew(struct fault_space *space)
{
	live_net_close(space->net);
	space->net = NULL;
	return space->fd < 0 ? 0 : fault_space_call(space, open_socket, space);
}

int fault_space_make(struct fault_space *space)
{
	int here = open(HERE, O_RDONLY | O_CLOEXEC), made, err;

	*space = (struct fault_space)FAULT_SPACE_NONE;
	if (here < 0)
		return -errno;
	if (unshare(CLONE_NEWNET)) {
		err = -errno;
		close(here);
		return err;
	}
	made = open(HERE, O_RDONLY | O_CLOEXEC);
	if (setns(here, CLONE_NEWNET))
		abort();
	close(here);
	return adopt(made, space);
}

/* ---- finding ---- */

struct search {
	bool (*fn)(const struct fault_space *space, void *context);
	void *context;
	struct fault_space *found;
	ino_t seen[FAULT_SPACES_MAX];
	size_t count;
	bool done;
};

static bool is_new(struct search *search, ino_t inode)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->seen[i] == inode)
			return false;
	if (search->count == FAULT_SPACES_MAX)
		return false;
	search->seen[search->count++] = inode;
	return true;
}

static void try_file(struct search *search, const char *path)
{
	struct stat status;
	struct fault_space space;

	if (search->done || stat(path, &status) || !is_new(search, status.st_ino) ||
	    adopt(open(path, O_RDONLY | O_CLOEXEC), &space))
		return;
	search->done = search->fn(&space, search->context);
	if (search->done)
		*search->found = space;
	else
		fault_space_close(&space);
}

/* Each FOLDER/ENTRY/TAIL, of entries that begin with a digit when @numbers. */
static void try_folder(struct search *search, const char *folder, const char *tail, bool numbers)
{
	DIR *entries = search->done ? NULL : opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];

	while (entries && !search->done && (entry = readdir(entries))) {
		const char *name = entry->d_name;

		if (name[0] == '.' || (numbers && (name[0] < '0' || name[0] > '9')))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, name, tail);
		try_file(search, path);
	}
	if (entries)
		closedir(entries);
}

int fault_space_find(pid_t daemon, bool (*fn)(const struct fault_space *space, void *context),
		     void *context, struct fault_space *found)
{
	struct search search = {.fn = fn, .context = context, .found = found};
	char folder[64];

	snprintf(folder, sizeof(folder), "/proc/%d/task", (int)daemon);
	try_file(&search, HERE);
	try_folder(&search, folder, "/ns/net", true);
	try_folder(&search, "/run/netns", "", false);
	try_folder(&search, "/proc", "/ns/net", true);
	return search.done ? 0 : -ENOENT;
}
