/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * claim.c - one process per NIC.
 *
 * The claim is a listening socket with the abstract name "lwf/nic/IFINDEX" in the network namespace
 * of the NIC. It needs no file that could stay behind: it ends with the process, however that dies.
 * Whoever finds it taken connects, and the kernel tells which process listens.
 */
#include "edges.h"
#include "open.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static pid_t listening_process(const char *netns, const char *name)
{
	struct ucred credentials = {0};
	socklen_t bytes = sizeof(credentials);
	int fd;

	if (lwf_open_connection(netns, name, &fd))
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes))
		credentials.pid = 0;
	close(fd);
	return credentials.pid;
}

int lwf_nic_claim(const char *netns, uint32_t ifindex, int *fd, int *owner)
{
	char name[32];
	int ret;

	*fd = -1;
	*owner = 0;
	snprintf(name, sizeof(name), "lwf/nic/%u", ifindex);
	ret = lwf_open_listener(netns, name, fd);
	if (ret != -EADDRINUSE)
		return ret;
	*owner = listening_process(netns, name);
	return -EBUSY;
}
