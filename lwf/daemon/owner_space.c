/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_space.c - one network namespace whose sockets can be asked for; see owner_space.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

#include "owner_space.h"

static int open_diag(int *fd)
{
	*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return *fd < 0 ? -errno : 0;
}

/* Runs inside the namespace. */
static int open_sockets(void *context)
{
	struct owner_space *space = context;
	socklen_t bytes = sizeof(space->cookie);
	int ret = open_diag(&space->fd);

	if (!ret)
		ret = open_diag(&space->list_fd);
	if (!ret && getsockopt(space->fd, SOL_SOCKET, SO_NETNS_COOKIE, &space->cookie, &bytes) < 0)
		space->cookie = 0;
	return ret;
}

int owner_space_open(struct owner_space *space, struct nsnet *ns, const char *device)
{
	int ret;

	space->fd = space->list_fd = -1;
	space->ns = nsnet_ref(ns);
	space->sequence = 0;
	snprintf(space->device, sizeof(space->device), "%s", device ? device : "");
	ret = nsnet_call(ns, open_sockets, space);
	if (ret)
		owner_space_close(space);
	return ret;
}

void owner_space_close(struct owner_space *space)
{
	if (!space->ns)
		return;
	if (space->fd >= 0)
		close(space->fd);
	if (space->list_fd >= 0)
		close(space->list_fd);
	nsnet_put(space->ns);
	space->ns = NULL;
}

/* Looked up each time: the device may have been made anew. Without one: the kernel takes it for unknown. */
static uint32_t device_index(const struct owner_space *space)
{
	struct ifreq request = {0};

	if (!space->device[0])
		return 0;
	memcpy(request.ifr_name, space->device, sizeof(request.ifr_name));
	if (ioctl(nsnet_ioctl_fd(space->ns), SIOCGIFINDEX, &request) < 0)
		return 0;
	return (uint32_t)request.ifr_ifindex;
}

int owner_space_get(struct owner_space *space, const struct owner_tuple *tuple,
		    struct owner_socket *socket)
{
	uint8_t request[OWNER_REQUEST_BYTES];
	size_t bytes = owner_diag_get(request, tuple, device_index(space), ++space->sequence);

	if (send(space->fd, request, bytes, MSG_DONTWAIT) < 0)
		return -errno;
	/* the answer is there when send() returns; before it may stand one that was not read */
	for (;;) {
		ssize_t got = recv(space->fd, space->answer, sizeof(space->answer), MSG_DONTWAIT);
		size_t at = 0;
		int ret;

		if (got < 0)
			return errno == EAGAIN ? -EPROTO : -errno;
		ret = owner_diag_next(space->answer, (size_t)got, &at, space->sequence, socket);
		if (ret == -EAGAIN)
			continue;
		if (ret == 1)
			socket->tuple.protocol = tuple->protocol;
		return ret == -ENOENT ? 0 : ret;
	}
}
