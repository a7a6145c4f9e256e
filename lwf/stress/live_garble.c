/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_garble.c - a connection to a real daemon that talks nonsense, and what comes back.
 *
 * Each message that is none has to be answered with an error, and the third one ends the connection;
 * the next then has one of its own. Anything else is told as wrong with the engine.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "garble.h"
#include "live_world.h"
#include "wire.h"

#define ANSWER_MS 2000

static int dial(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

/* What the daemon says next: the type of a message, 0 at the end of the connection, or -ETIMEDOUT. */
static int hear(int fd)
{
	struct pollfd at = {.fd = fd, .events = POLLIN};
	struct lwf_wire_header header;
	ssize_t n;

	if (poll(&at, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	n = recv(fd, &header, sizeof(header), MSG_TRUNC);
	return n >= (ssize_t)sizeof(header) ? header.type : 0;
}

/* Sends a message that is none, the @strike-th of this connection. False: it is not met as it has to be. */
static bool garble(struct live_client *client, int fd, unsigned strike)
{
	uint8_t packet[STRESS_GARBLE_BYTES];
	const char *how;
	size_t bytes = stress_garble(packet, client->garbled++, &how);
	int said;

	if (send(fd, packet, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) {
		live_wrong(client->world, "a message that is none is answered with an error",
			   "the connection of %s is gone before its third", client->declared->name);
		return false;
	}
	said = hear(fd);
	if (said != LWF_WIRE_ERROR) {
		live_wrong(client->world, "a message that is none is answered with an error",
			   "one of %s gets %s, and %s", client->declared->name,
			   said < 0 ? "no answer"
			   : said   ? lwf_wire_name((unsigned)said)
				    : "none",
			   how);
		return false;
	}
	client->rejected++;
	if (strike < LWF_WIRE_STRIKES_MAX)
		return true;
	if (hear(fd) != 0) {
		live_wrong(client->world, "three messages that are none end a connection",
			   "that of %s goes on", client->declared->name);
		return false;
	}
	client->hung_up++;
	return true;
}

int live_garble(struct live_client *client, const struct stress_fault_call *call,
		struct lwf_error *error)
{
	const char *control = client->world->link[client->declared->link].control;
	unsigned strike = 0;
	bool well = true;
	int fd = -1;

	for (int64_t i = 0; well && i < call->number; i++) {
		if (strike == 0)
			fd = dial(control);
		if (fd < 0)
			return live_refuse(error, LWF_EXIT_UNREACHABLE, call->text,
					   "no daemon listens at %s", control);
		well = garble(client, fd, ++strike);
		if (strike == LWF_WIRE_STRIKES_MAX || !well || i + 1 == call->number)
			close(fd);
		strike %= LWF_WIRE_STRIKES_MAX;
	}
	return 0;
}
