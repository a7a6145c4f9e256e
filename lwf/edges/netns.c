/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns.c - work in other network namespaces.
 *
 * A socket belongs to the namespace of the thread that made it. So each namespace that is used gets
 * a thread that enters it once, keeps only the network capabilities, and stays: it can open devices
 * there long after the process gave up the right to enter. A namespace is known by the identity
 * (device and inode) behind its path: when another one stands there, it is entered anew, and the
 * old thread ends.
 */
#include "edges.h"
#include "helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 256u

struct space {
	struct space *next;
	char path[PATH_BYTES];
	dev_t dev;
	ino_t ino;
	int fd;			  /* of the namespace, until the thread is in it */
	sem_t call;		  /* fn is to be run, or the thread is to end */
	sem_t answer;		  /* result is there */
	int (*fn)(void *context); /* NULL: end */
	void *context;
	int result;
};

/* One call at a time in the whole process: they are rare, and come from the loop thread. */
static pthread_mutex_t calls = PTHREAD_MUTEX_INITIALIZER;
static struct space *spaces;

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static void free_space(struct space *space)
{
	if (space->fd >= 0)
		close(space->fd);
	sem_destroy(&space->call);
	sem_destroy(&space->answer);
	free(space);
}

static void *space_main(void *context)
{
	struct space *space = context;
	bool inside;

	inside = setns(space->fd, CLONE_NEWNET) == 0;
	space->result = inside ? 0 : -errno;
	close(space->fd);
	space->fd = -1;
	lwf_thread_drop_rights();
	sem_post(&space->answer);
	if (!inside)
		return NULL; /* the one who waits frees it */
	for (;;) {
		wait_for(&space->call);
		if (!space->fn)
			break;
		space->result = space->fn(space->context);
		sem_post(&space->answer);
	}
	free_space(space);
	return NULL;
}

/* A thread in the namespace at @path. Returns 0 or -errno. */
static int enter(const char *path, struct space **result)
{
	struct space *space = calloc(1, sizeof(*space));
	struct stat st;
	int ret;

	if (!space)
		return -ENOMEM;
	snprintf(space->path, sizeof(space->path), "%s", path);
	sem_init(&space->call, 0, 0);
	sem_init(&space->answer, 0, 0);
	space->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (space->fd < 0 || fstat(space->fd, &st)) {
		ret = -errno;
		goto err_free;
	}
	space->dev = st.st_dev;
	space->ino = st.st_ino;
	ret = lwf_thread_start(space_main, space);
	if (ret)
		goto err_free;
	wait_for(&space->answer);
	ret = space->result;
	if (ret)
		goto err_free;
	*result = space;
	return 0;

err_free:
	free_space(space);
	return ret;
}

/* The thread for @path, in the namespace that is there now. Returns 0 or -errno. */
static int find_space(const char *path, struct space **result)
{
	struct space **link = &spaces;
	struct space *entered = NULL;
	struct stat st;
	bool seen;
	int ret;

	while (*link && strcmp((*link)->path, path))
		link = &(*link)->next;
	seen = stat(path, &st) == 0;
	if (!seen && (errno == ENOENT || errno == ENOTDIR || !*link))
		return -errno;
	if (*link) {
		struct space *old = *link;

		/* A path that may no longer be looked at (rights are dropped) is believed. */
		if (!seen || (st.st_dev == old->dev && st.st_ino == old->ino)) {
			*result = old;
			return 0;
		}
		*link = old->next;
		old->fn = NULL;
		sem_post(&old->call);
	}
	ret = enter(path, &entered);
	if (ret)
		return ret;
	assert(entered);
	entered->next = spaces;
	spaces = entered;
	*result = entered;
	return 0;
}

int lwf_netns_call(const char *netns, int (*fn)(void *context), void *context)
{
	struct space *space = NULL;
	char path[PATH_BYTES];
	int ret;

	if (!netns || !*netns)
		return fn(context);
	ret = snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	if (ret < 0 || (size_t)ret >= sizeof(path))
		return -ENAMETOOLONG;
	pthread_mutex_lock(&calls);
	ret = find_space(path, &space);
	if (!ret) {
		assert(space);
		space->fn = fn;
		space->context = context;
		sem_post(&space->call);
		wait_for(&space->answer);
		ret = space->result;
	}
	pthread_mutex_unlock(&calls);
	return ret;
}
