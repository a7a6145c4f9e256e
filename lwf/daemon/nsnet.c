/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nsnet.c - network namespaces that the daemon works in; see nsnet.h.
 *
 * The threads are those of lwf_netns_call(), which the edges use too. Here is what makes a
 * namespace one object, however many names it has: the identity of its file.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edges.h"
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
};

static struct nsnet *namespaces; /* loop thread only */

static int open_ioctl_socket(void *argument)
{
	struct nsnet *ns = argument;

	ns->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ns->ioctl_fd < 0 ? -errno : 0;
}

/** Looks which namespace @name is. */
static int identify(const char *name, struct stat *status)
{
	char path[NSNET_NAME_BYTES + sizeof(NSNET_DIRECTORY)];

	if (strlen(name) >= NSNET_NAME_BYTES)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NSNET_DIRECTORY, name);
	return stat(path, status) < 0 ? -errno : 0;
}

static struct nsnet *find(const struct stat *status)
{
	for (struct nsnet *ns = namespaces; ns; ns = ns->next)
		if (ns->device == status->st_dev && ns->inode == status->st_ino)
			return ns;
	return NULL;
}

static int make(const char *name, const struct stat *status, bool own, struct nsnet **result)
{
	struct nsnet *ns = calloc(1, sizeof(*ns));
	int error;

	if (!ns)
		return -ENOMEM;
	ns->own = own;
	ns->device = status->st_dev;
	ns->inode = status->st_ino;
	ns->references = 1;
	snprintf(ns->name, sizeof(ns->name), "%s", own ? "" : name);
	error = nsnet_call(ns, open_ioctl_socket, ns);
	if (error) {
		free(ns);
		return error;
	}
	ns->next = namespaces;
	namespaces = ns;
	*result = ns;
	return 0;
}

int nsnet_get(const char *name, struct nsnet **result)
{
	struct stat own, wanted;
	int error = identify("/proc/self/ns/net", &own);

	if (error)
		return error;
	wanted = own;
	if (name && *name)
		error = identify(name, &wanted);
	if (error)
		return error;
	*result = find(&wanted);
	if (!*result)
		return make(name, &wanted,
			    wanted.st_dev == own.st_dev && wanted.st_ino == own.st_ino, result);
	(*result)->references++;
	return 0;
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
	close(ns->ioctl_fd);
	free(ns);
}

int nsnet_call(struct nsnet *ns, int (*fn)(void *argument), void *argument)
{
	return lwf_netns_call(ns->own ? NULL : ns->name, fn, argument);
}

uint64_t nsnet_inode(const struct nsnet *ns)
{
	return ns->inode;
}

int nsnet_ioctl_fd(const struct nsnet *ns)
{
	return ns->ioctl_fd;
}
