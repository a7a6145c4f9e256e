/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_news.c - a netlink socket in the group of links, read for its being readable alone.
 *
 * Nothing of the messages is looked at, so that one that was lost (the socket overran) does no harm: it is
 * readable then, too.
 */
#include "inject_news.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_MAX 256u /* in a row: others keep coming while interfaces are made by the thousand */

int inject_news_open(void)
{
	struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void inject_news_drain(int fd)
{
	char byte; /* the rest of a message is cut off */

	for (unsigned i = 0; i < READS_MAX; i++) {
		if (recv(fd, &byte, sizeof(byte), 0) < 0 && errno != EINTR && errno != ENOBUFS)
			return;
	}
}
