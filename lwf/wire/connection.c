/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connection.c - the client's end of the control socket.
 *
 * The socket never blocks; every wait is a poll() with what is left of the caller's time. What
 * comes is checked by wire.c before a byte of it is used: a client distrusts its daemon as well,
 * since
 * --control may name anybody's socket.
 */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOINED_MAX_BYTES  (64u << 20) /* of one answer in parts */
#define DRAIN_MAX_PACKETS 1024u	      /* at a time: a flood from the other side must not hold us */
#define PASSED_FDS_MAX	  4u	      /* room for them, so that all can be closed */

struct lwf_connection {
	int fd;
	int peer_pid;
	uint32_t roles;
	uint32_t sequence; /* of the last request */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned char packet[LWF_WIRE_PACKET_MAX_BYTES];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t now = now_ns();

	return timeout_ns > UINT64_MAX - now ? LWF_WIRE_FOREVER : now + timeout_ns;
}

/* Waits until the socket has @events. 0, or -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = now_ns();
		uint64_t left_ns = now < deadline_ns ? deadline_ns - now : 0;
		struct timespec left = {
			.tv_sec = (time_t)(left_ns / 1000000000u),
			.tv_nsec = (long)(left_ns % 1000000000u),
		};
		int n = ppoll(&poll_fd, 1, deadline_ns == LWF_WIRE_FOREVER ? NULL : &left, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

const char *lwf_wire_default_path(char *path, size_t bytes)
{
	const char *named = getenv("LWF_CONTROL");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length;

	if (named && named[0])
		length = snprintf(path, bytes, "%s", named);
	else if (geteuid() == 0)
		length = snprintf(path, bytes, "/run/lwf/control");
	else if (runtime && runtime[0])
		length = snprintf(path, bytes, "%s/lwf/control", runtime);
	else
		length = snprintf(path, bytes, "/run/user/%u/lwf/control", (unsigned)geteuid());
	if (bytes && (length < 0 || (size_t)length >= bytes))
		path[0] = '\0';
	return path;
}

/* ---- connecting ---- */

static int connect_error(int err, const char *path, struct lwf_error *error)
{
	static const char start[] = "start lwfd, or name its socket with --control PATH";

	switch (err) {
	case ENOENT:
	case ENOTDIR:
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, path, start,
			      "no lwfd is running there (no such socket)");
		break;
	case ECONNREFUSED:
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, path, start,
			      "no lwfd is running there (nobody listens)");
		break;
	case EACCES:
	case EPERM:
		lwf_error_set(error, LWF_EXIT_PERMISSION, path,
			      "run as root, or join the group that lwfd --group names",
			      "you may not use this socket");
		break;
	case EPROTOTYPE:
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, path, start,
			      "this socket is not an lwfd's");
		break;
	case EAGAIN:
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, path,
			      "see whether lwfd is stopped, or try again",
			      "lwfd does not accept connections: its queue is full");
		break;
	default:
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, path, start, "%s", strerror(err));
		break;
	}
	return -err;
}

/* A full backlog answers EAGAIN and cannot be polled for: try every 10 ms. */
static int connect_socket(struct lwf_connection *connection, uint64_t deadline_ns)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timespec pause = {.tv_nsec = 10000000};

	memcpy(address.sun_path, connection->path, sizeof(address.sun_path));
	while (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || now_ns() >= deadline_ns)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int say_hello(struct lwf_connection *connection, uint64_t timeout_ns,
		     struct lwf_error *error)
{
	json_t *reply = NULL, *version, *pid, *role;
	int err;

	err = lwf_connection_request(connection, LWF_WIRE_HELLO,
				     json_pack("{s:i}", "version", (int)LWF_WIRE_VERSION),
				     timeout_ns, &reply, NULL, error);
	if (err == -ETIMEDOUT)
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
			      "see whether lwfd is stopped or stuck", "lwfd does not answer");
	if (err)
		return err;
	version = json_object_get(reply, "version");
	pid = json_object_get(reply, "pid");
	role = json_object_get(reply, "role");
	if (!json_is_integer(version) || json_integer_value(version) != LWF_WIRE_VERSION ||
	    !json_is_integer(pid)) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
			      "install client and lwfd of one version",
			      "the daemon speaks another version of the protocol");
		err = -EPROTO;
	} else {
		connection->peer_pid = (int)json_integer_value(pid);
		connection->roles = (uint32_t)json_integer_value(role);
	}
	json_decref(reply);
	return err;
}

int lwf_connection_open(const char *path, uint64_t timeout_ns, struct lwf_connection **connection,
			struct lwf_error *error)
{
	struct lwf_connection *made;
	char default_path[4096];
	uint64_t deadline_ns = deadline_after(timeout_ns);
	int err;

	if (!path)
		path = lwf_wire_default_path(default_path, sizeof(default_path));
	if (path[0] == '\0' || strlen(path) >= sizeof(made->path)) {
		lwf_error_set(error, LWF_EXIT_USAGE, path[0] ? path : "--control",
			      "name a socket with --control PATH",
			      "a socket's path has 1 to %zu bytes", sizeof(made->path) - 1);
		return -ENAMETOOLONG;
	}
	made = calloc(1, sizeof(*made));
	if (!made) {
		lwf_error_set(error, LWF_EXIT_FALSE, path, NULL, "out of memory");
		return -ENOMEM;
	}
	memcpy(made->path, path, strlen(path));
	made->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made->fd < 0)
		err = connect_error(errno, path, error);
	else if ((err = connect_socket(made, deadline_ns)) != 0)
		connect_error(-err, path, error);
	else
		err = say_hello(made, timeout_ns, error);
	if (err) {
		lwf_connection_close(made);
		return err;
	}
	*connection = made;
	return 0;
}

void lwf_connection_close(struct lwf_connection *connection)
{
	if (!connection)
		return;
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection);
}

int lwf_connection_fd(const struct lwf_connection *connection)
{
	return connection->fd;
}

int lwf_connection_peer_pid(const struct lwf_connection *connection)
{
	return connection->peer_pid;
}

uint32_t lwf_connection_roles(const struct lwf_connection *connection)
{
	return connection->roles;
}

/* ---- sending ---- */

static int lost(const struct lwf_connection *connection, struct lwf_error *error)
{
	lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
		      "see lwfd's log, and start it again", "lwfd closed the connection");
	return -ECONNRESET;
}

static int timed_out(const struct lwf_connection *connection, struct lwf_error *error)
{
	lwf_error_set(error, LWF_EXIT_TIMEOUT, connection->path,
		      "see whether lwfd is stopped or stuck", "no answer in time");
	return -ETIMEDOUT;
}

/* 0, -EAGAIN, or -ECONNRESET. */
static int send_now(const struct lwf_connection *connection, const void *packet, size_t bytes)
{
	ssize_t n;

	do {
		n = send(connection->fd, packet, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN : -ECONNRESET;
}

/* Encodes a request with the next sequence number into a new buffer. Takes @body. */
static int encode(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
		  void **packet, size_t *bytes, struct lwf_error *error)
{
	char *text = NULL;
	size_t length;
	int err = -ENOMEM;

	*packet = NULL;
	if (!body)
		body = json_object();
	text = body ? lwf_wire_text(body) : NULL;
	if (!text)
		goto out;
	length = strlen(text);
	*packet = malloc(LWF_WIRE_HEADER_BYTES + length);
	if (!*packet)
		goto out;
	*bytes = lwf_wire_encode(*packet, LWF_WIRE_HEADER_BYTES + length, type, 0,
				 ++connection->sequence, text, length);
	err = *bytes ? 0 : -EMSGSIZE;
out:
	if (err) {
		lwf_error_set(error, LWF_EXIT_USAGE, lwf_wire_name(type), NULL, "%s",
			      err == -EMSGSIZE ? "the request is too long"
					       : "the request cannot be written as JSON");
		free(*packet);
		*packet = NULL;
	}
	free(text);
	json_decref(body);
	return err;
}

int lwf_connection_ring(struct lwf_connection *connection, enum lwf_wire_type type)
{
	unsigned char packet[LWF_WIRE_HEADER_BYTES];

	lwf_wire_header_put(packet, type, 0, 0, 0);
	return send_now(connection, packet, sizeof(packet));
}

int lwf_connection_post(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body)
{
	void *packet;
	size_t bytes;
	int err;

	err = encode(connection, type, body, &packet, &bytes, NULL);
	if (err)
		return err;
	err = send_now(connection, packet, bytes);
	free(packet);
	return err;
}

/* ---- receiving ---- */

/* Keeps the first descriptor in *fd (when wanted and still -1) and closes all others. */
static void take_descriptors(struct msghdr *message, int *fd)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		size_t count;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int passed;

			memcpy(&passed, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (fd && *fd < 0)
				*fd = passed;
			else
				close(passed);
		}
	}
}

/*
 * Reads one packet if there is one. Returns its size, -EAGAIN, -ECONNRESET at the end, or -EBADMSG
 * when it was cut short. A reset is told once and hides what is still queued behind it, so it is
 * only believed twice.
 */
static ssize_t read_packet(struct lwf_connection *connection, int *fd)
{
	union {
		char room[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec piece = {connection->packet, sizeof(connection->packet)};
	struct msghdr message;
	unsigned resets = 0;
	ssize_t n;

	do {
		memset(&message, 0, sizeof(message));
		message.msg_iov = &piece;
		message.msg_iovlen = 1;
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		n = recvmsg(connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	take_descriptors(&message, fd);
	if (n == 0)
		return -ECONNRESET;
	if (message.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	return n;
}

/* Waits for one well-formed message from the daemon. */
static int receive(struct lwf_connection *connection, uint64_t deadline_ns,
		   struct lwf_wire_header *header, int *fd, struct lwf_error *error)
{
	const char *why = "cut short";
	ssize_t n;
	int err;

	for (;;) {
		n = read_packet(connection, fd);
		if (n != -EAGAIN)
			break;
		err = wait_for(connection->fd, POLLIN, deadline_ns);
		if (err == -ETIMEDOUT)
			return timed_out(connection, error);
		if (err)
			return lost(connection, error);
	}
	if (n == -ECONNRESET)
		return lost(connection, error);
	if (n < 0 ||
	    lwf_wire_check(connection->packet, (size_t)n, LWF_WIRE_FROM_DAEMON, header, &why)) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
			      "see that client and lwfd are of one version",
			      "a malformed message came: %s", why);
		return -EBADMSG;
	}
	return 0;
}

static json_t *parse_body(struct lwf_connection *connection, const void *body, size_t bytes,
			  struct lwf_error *error)
{
	char why[160];
	json_t *object = lwf_wire_parse(body, bytes, why, sizeof(why));

	if (!object)
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
			      "see that client and lwfd are of one version",
			      "a malformed answer came: %s", why);
	return object;
}

struct joined {
	char *text;
	size_t bytes;
};

static int join(struct joined *joined, const void *part, size_t bytes)
{
	char *grown;

	if (joined->bytes + bytes > JOINED_MAX_BYTES)
		return -EMSGSIZE;
	grown = realloc(joined->text, joined->bytes + bytes + 1);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + joined->bytes, part, bytes);
	joined->text = grown;
	joined->bytes += bytes;
	return 0;
}

static int told_error(struct lwf_connection *connection, size_t bytes, struct lwf_error *error)
{
	struct lwf_error ignored;
	json_t *body =
		parse_body(connection, connection->packet + LWF_WIRE_HEADER_BYTES, bytes, error);

	if (!body)
		return -EBADMSG;
	lwf_wire_error_read(body, error ? error : &ignored);
	json_decref(body);
	return -EREMOTEIO;
}

/* Waits for the answer to the last request; what belongs to older ones is thrown away. */
static int receive_answer(struct lwf_connection *connection, uint64_t deadline_ns, json_t **reply,
			  int *fd, struct lwf_error *error)
{
	struct joined joined = {NULL, 0};
	struct lwf_wire_header header;
	int err;

	for (;;) {
		err = receive(connection, deadline_ns, &header, fd, error);
		if (err)
			break;
		if (header.type == LWF_WIRE_ERROR &&
		    (header.sequence == connection->sequence || header.sequence == 0)) {
			err = told_error(connection, header.length, error);
			break;
		}
		if (header.type != LWF_WIRE_REPLY || header.sequence != connection->sequence)
			continue;
		err = join(&joined, connection->packet + LWF_WIRE_HEADER_BYTES, header.length);
		if (err) {
			lwf_error_set(error, LWF_EXIT_FALSE, connection->path, NULL,
				      "the answer is too long for this program");
			break;
		}
		if (header.flags & LWF_WIRE_FLAG_MORE)
			continue;
		*reply = parse_body(connection, joined.text, joined.bytes, error);
		err = *reply ? 0 : -EBADMSG;
		break;
	}
	free(joined.text);
	return err;
}

static int send_request(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
			uint64_t deadline_ns, struct lwf_error *error)
{
	void *packet;
	size_t bytes;
	int err;

	err = encode(connection, type, body, &packet, &bytes, error);
	if (err)
		return err;
	while ((err = send_now(connection, packet, bytes)) == -EAGAIN) {
		err = wait_for(connection->fd, POLLOUT, deadline_ns);
		if (err)
			break;
	}
	free(packet);
	if (err == -ETIMEDOUT)
		return timed_out(connection, error);
	/* a daemon that closes may have said why: that is still to be read */
	return err == -ECONNRESET ? 0 : err;
}

int lwf_connection_request(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
			   uint64_t timeout_ns, json_t **reply, int *fd, struct lwf_error *error)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);
	json_t *answer = NULL;
	int passed = -1, err;

	if (fd)
		*fd = -1;
	err = send_request(connection, type, body, deadline_ns, error);
	if (!err)
		err = receive_answer(connection, deadline_ns, &answer, fd ? &passed : NULL, error);
	if (err) {
		if (passed >= 0)
			close(passed);
		return err;
	}
	if (fd)
		*fd = passed;
	if (reply)
		*reply = answer;
	else
		json_decref(answer);
	return 0;
}

int lwf_connection_event(struct lwf_connection *connection, uint64_t timeout_ns, json_t **event,
			 struct lwf_error *error)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);
	struct lwf_wire_header header;
	int err;

	for (;;) {
		err = receive(connection, deadline_ns, &header, NULL, error);
		if (err)
			return err;
		if (header.type == LWF_WIRE_ERROR)
			return told_error(connection, header.length, error);
		if (header.type != LWF_WIRE_EVENT)
			continue;
		*event = parse_body(connection, connection->packet + LWF_WIRE_HEADER_BYTES,
				    header.length, error);
		return *event ? 0 : -EBADMSG;
	}
}

int lwf_connection_send_records(struct lwf_connection *connection, enum lwf_wire_type type,
				const void *body, size_t bytes)
{
	unsigned char head[LWF_WIRE_HEADER_BYTES];
	struct iovec pieces[] = {{head, sizeof(head)}, {(void *)(uintptr_t)body, bytes}};
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
	ssize_t n;

	lwf_wire_header_put(head, type, 0, 0, (uint32_t)bytes);
	do {
		n = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN : -ECONNRESET;
}

int lwf_connection_records(struct lwf_connection *connection, uint64_t timeout_ns,
			   const void **body, size_t *bytes, struct lwf_error *error)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);
	struct lwf_wire_header header;
	const char *why;
	unsigned count;
	int err;

	for (;;) {
		err = receive(connection, deadline_ns, &header, NULL, error);
		if (err)
			return err;
		if (header.type == LWF_WIRE_ERROR)
			return told_error(connection, header.length, error);
		if (lwf_wire_has_records(header.type))
			break;
	}
	*body = connection->packet + LWF_WIRE_HEADER_BYTES;
	*bytes = header.length;
	if (!lwf_wire_records_check(*body, *bytes, LWF_WIRE_FROM_DAEMON, &count, &why))
		return 0;
	lwf_error_set(error, LWF_EXIT_UNREACHABLE, connection->path,
		      "see that client and lwfd are of one version", "a malformed message came: %s",
		      why);
	return -EBADMSG;
}

int lwf_connection_drain(struct lwf_connection *connection)
{
	ssize_t n = 0;

	for (unsigned i = 0; i < DRAIN_MAX_PACKETS && (n >= 0 || n == -EBADMSG); i++)
		n = read_packet(connection, NULL);
	return n == -ECONNRESET ? -ECONNRESET : 0;
}
