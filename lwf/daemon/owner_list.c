/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_list.c - the resolver's questions to the kernel: all sockets of a port, all sockets.
 *
 * For datagrams and listeners the kernel names one socket of several with the same port; whoever holds another
 * of them may be the one that speaks. Only a list tells.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "owner_work.h"

#define LIST_PATIENCE_MS 2000

/** What to do with each socket of a list. */
typedef void (*owner_visit)(struct owner_work *work, struct owner_socket *socket);

static ssize_t read_answer(struct owner_work *work, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	ssize_t got;

	do {
		got = recv(fd, work->answer, sizeof(work->answer), MSG_DONTWAIT);
		if (got >= 0)
			return got;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	} while (poll(&poll_fd, 1, LIST_PATIENCE_MS) > 0);
	return -ETIMEDOUT;
}

/** Asks for one list and visits what is in it. 0 or -errno. */
static int walk(struct owner_work *work, uint32_t space, enum owner_list list, bool v6,
		uint16_t port, owner_visit visit)
{
	static const uint8_t protocols[] = {
		[OWNER_LIST_LISTENERS] = IPPROTO_TCP,
		[OWNER_LIST_ALIVE] = IPPROTO_TCP,
		[OWNER_LIST_UDP] = IPPROTO_UDP,
		[OWNER_LIST_UDPLITE] = IPPROTO_UDPLITE,
	};
	uint8_t request[OWNER_REQUEST_BYTES];
	int fd = work->spaces[space];
	size_t bytes = owner_diag_list(request, list, v6, port, ++work->sequence);

	if (fd < 0)
		return -ENOTCONN;
	if (send(fd, request, bytes, 0) < 0)
		return -errno;
	for (;;) {
		struct owner_socket socket;
		ssize_t got = read_answer(work, fd);
		size_t at = 0;
		int ret;

		if (got < 0)
			return (int)got;
		while ((ret = owner_diag_next(work->answer, (size_t)got, &at, work->sequence,
					      &socket)) == 1) {
			socket.tuple.protocol = protocols[list];
			visit(work, &socket);
		}
		if (ret != -EAGAIN)
			return ret;
	}
}

/* ---- siblings ---- */

static void add_inode(struct owner_case *one, uint32_t inode)
{
	for (uint8_t n = 0; n < one->count; n++)
		if (one->inodes[n] == inode)
			return;
	if (one->count < OWNER_SOCKETS_MAX)
		one->inodes[one->count++] = inode;
	else
		one->more = true;
}

static void visit_sibling(struct owner_work *work, struct owner_socket *socket)
{
	uint16_t number = work->by_port[socket->tuple.local_port];

	while (number) {
		struct owner_case *one = &work->cases[number - 1];

		if (one->ask.tuple.protocol == socket->tuple.protocol && socket->inode &&
		    owner_diag_match(&one->ask.tuple, socket) != OWNER_MATCH_NONE)
			add_inode(one, socket->inode);
		number = one->next;
	}
}

/** Which list has the siblings of @one; false: the kernel's answer was the only one possible. */
static bool sibling_list(const struct owner_case *one, enum owner_list *list)
{
	switch (one->ask.tuple.protocol) {
	case IPPROTO_UDP:
		*list = OWNER_LIST_UDP;
		return true;
	case IPPROTO_UDPLITE:
		*list = OWNER_LIST_UDPLITE;
		return true;
	default:
		*list = OWNER_LIST_LISTENERS;
		return one->ask.match == OWNER_MATCH_LISTENER;
	}
}

/** Puts the cases of one list in one namespace into by_port. Returns how many. */
static uint32_t gather(struct owner_work *work, uint32_t space, enum owner_list list,
		       uint16_t *port)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < work->active; n++) {
		struct owner_case *one = &work->cases[n];
		uint16_t local = one->ask.tuple.local_port;
		enum owner_list its;

		if (one->ask.space != space || !sibling_list(one, &its) || its != list)
			continue;
		one->next = work->by_port[local];
		work->by_port[local] = (uint16_t)(n + 1);
		*port = !count || *port == local ? local : 0; /* 0: of several */
		count++;
	}
	return count;
}

static void forget_ports(struct owner_work *work)
{
	for (uint32_t n = 0; n < work->active; n++)
		work->by_port[work->cases[n].ask.tuple.local_port] = 0;
}

void owner_list_siblings(struct owner_work *work)
{
	static const enum owner_list lists[] = {OWNER_LIST_UDP, OWNER_LIST_UDPLITE,
						OWNER_LIST_LISTENERS};

	for (uint32_t space = 0; space < OWNER_SPACES_MAX; space++) {
		for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
			uint16_t port = 0;

			if (!gather(work, space, lists[n], &port))
				continue;
			for (int v6 = 0; v6 < 2; v6++)
				(void)walk(work, space, lists[n], v6, port, visit_sibling);
			forget_ports(work);
		}
	}
}

/* ---- all ---- */

static void visit_any(struct owner_work *work, struct owner_socket *socket)
{
	struct owner_list_state *list = &work->list;

	if (!socket->inode)
		return;
	if (list->count == OWNER_LIST_MAX)
		list->missed++;
	else
		list->sockets[list->count++] = *socket;
}

void owner_list_all(struct owner_work *work)
{
	static const enum owner_list lists[] = {OWNER_LIST_ALIVE, OWNER_LIST_UDP,
						OWNER_LIST_LISTENERS};
	struct owner_list_state *list = &work->list;

	list->count = list->missed = 0;
	list->error = 0;
	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
		for (int v6 = 0; v6 < 2; v6++) {
			int ret = walk(work, list->space, lists[n], v6, 0, visit_any);

			if (ret && !list->error)
				list->error = ret;
		}
	}
}
