/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nsnet.c - network namespaces that the daemon works in; see nsnet.h.
 *
 * A helper thread waits for one job at a time under a mutex. The caller waits for the answer, so
 * jobs must be short: opening a socket, sending a request. Signals stay with the main thread.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsnet.h"

#define NSNET_NAME_BYTES 256u
#define NSNET_DIRECTORY	 "/run/netns/"

struct nsnet {
	struct nsnet *next;
	unsigned references;
	bool own; /* no thread: we are there */
	dev_t device;
	ino_t inode;
	int ioctl_fd;
	char name[NSNET_NAME_BYTES];
	/* the helper thread; below only with lock */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int file; /* of the namespace; read once by the thread */
	int (*fn)(void *argument);
	void *argument;
	int result;
	bool busy, quit;
};

static struct nsnet *namespaces; /* loop thread only */

static int open_ioctl_socket(void *argument)
{
	struct nsnet *ns = argument;

	ns->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ns->ioctl_fd < 0 ? -errno : 0;
}

static void *helper_main(void *context)
{
	struct nsnet *ns = context;
	int entered = setns(ns->file, CLONE_NEWNET) < 0 ? -errno : 0;

	(void)pthread_setname_np(pthread_self(), "lwfd-netns");
	pthread_mutex_lock(&ns->lock);
	ns->result = entered;
	ns->busy = false;
	pthread_cond_broadcast(&ns->wake);
	while (!entered && !ns->quit) {
		if (!ns->busy) {
			pthread_cond_wait(&ns->wake, &ns->lock);
			continue;
		}
		ns->result = ns->fn(ns->argument);
		ns->busy = false;
		pthread_cond_broadcast(&ns->wake);
	}
	pthread_mutex_unlock(&ns->lock);
	return NULL;
}

/** With lock: waits until the thread has answered. */
static int wait_result(struct nsnet *ns)
{
	while (ns->busy)
		pthread_cond_wait(&ns->wake, &ns->lock);
	return ns->result;
}

static int start_helper(struct nsnet *ns)
{
	sigset_t all, before;
	int error;

	if (pthread_mutex_init(&ns->lock, NULL))
		return -ENOMEM;
	if (pthread_cond_init(&ns->wake, NULL)) {
		pthread_mutex_destroy(&ns->lock);
		return -ENOMEM;
	}
	ns->busy = true; /* until it has entered */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = -pthread_create(&ns->thread, NULL, helper_main, ns);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		goto destroy;
	pthread_mutex_lock(&ns->lock);
	error = wait_result(ns);
	pthread_mutex_unlock(&ns->lock);
	if (!error)
		return 0;
	pthread_join(ns->thread, NULL);
destroy:
	pthread_cond_destroy(&ns->wake);
	pthread_mutex_destroy(&ns->lock);
	return error;
}

static void stop_helper(struct nsnet *ns)
{
	pthread_mutex_lock(&ns->lock);
	ns->quit = true;
	pthread_cond_broadcast(&ns->wake);
	pthread_mutex_unlock(&ns->lock);
	pthread_join(ns->thread, NULL);
	pthread_cond_destroy(&ns->wake);
	pthread_mutex_destroy(&ns->lock);
}

/** Opens the namespace file of @name and looks which namespace it is. */
static int open_file(const char *name, struct stat *status)
{
	char path[NSNET_NAME_BYTES + sizeof(NSNET_DIRECTORY)];
	int fd;

	if (strlen(name) >= NSNET_NAME_BYTES)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NSNET_DIRECTORY, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, status) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static struct nsnet *find(const struct stat *status)
{
	for (struct nsnet *ns = namespaces; ns; ns = ns->next)
		if (ns->device == status->st_dev && ns->inode == status->st_ino)
			return ns;
	return NULL;
}

static int make(const char *name, int file, const struct stat *status, bool own,
		struct nsnet **result)
{
	struct nsnet *ns = calloc(1, sizeof(*ns));
	int error;

	if (!ns)
		return -ENOMEM;
	ns->own = own;
	ns->file = file;
	ns->device = status->st_dev;
	ns->inode = status->st_ino;
	ns->references = 1;
	snprintf(ns->name, sizeof(ns->name), "%s", own ? "" : name);
	error = own ? 0 : start_helper(ns);
	if (error)
		goto release;
	error = nsnet_call(ns, open_ioctl_socket, ns);
	if (error)
		goto stop;
	ns->next = namespaces;
	namespaces = ns;
	*result = ns;
	return 0;
stop:
	if (!own)
		stop_helper(ns);
release:
	free(ns);
	return error;
}

int nsnet_get(const char *name, struct nsnet **result)
{
	static const char self[] = "/proc/thread-self/ns/net";
	struct stat own, wanted;
	bool is_own;
	int fd, error;

	fd = open_file(self, &own);
	if (fd < 0)
		return fd;
	wanted = own;
	if (name && *name) {
		close(fd);
		fd = open_file(name, &wanted);
		if (fd < 0)
			return fd;
	}
	is_own = wanted.st_dev == own.st_dev && wanted.st_ino == own.st_ino;
	*result = find(&wanted);
	if (*result) {
		(*result)->references++;
		error = 0;
	} else {
		error = make(name, fd, &wanted, is_own, result);
	}
	close(fd);
	return error;
}

struct nsnet *nsnet_ref(struct nsnet *ns)
{
	ns->references++;
	return ns;
}

void nsnet_put(struct nsnet *ns)
{
	struct nsnet **link = &namespaces;

	if (!ns)
		return;
	assert(ns->references);
	if (--ns->references)
		return;
	while (*link != ns)
		link = &(*link)->next;
	*link = ns->next;
	if (!ns->own)
		stop_helper(ns);
	close(ns->ioctl_fd);
	free(ns);
}

int nsnet_call(struct nsnet *ns, int (*fn)(void *argument), void *argument)
{
	int result;

	if (ns->own)
		return fn(argument);
	pthread_mutex_lock(&ns->lock);
	assert(!ns->busy);
	ns->fn = fn;
	ns->argument = argument;
	ns->busy = true;
	pthread_cond_broadcast(&ns->wake);
	result = wait_result(ns);
	pthread_mutex_unlock(&ns->lock);
	return result;
}

const char *nsnet_name(const struct nsnet *ns)
{
	return ns->name;
}

uint64_t nsnet_inode(const struct nsnet *ns)
{
	return ns->inode;
}

int nsnet_ioctl_fd(const struct nsnet *ns)
{
	return ns->ioctl_fd;
}
