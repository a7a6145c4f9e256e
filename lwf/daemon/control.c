/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c - moves messages between the control socket and commands.c, and never waits.
 *
 * A peer is somebody that may be slow, dead or hostile. What he sends is checked by wire.c before a
 * byte of it is used; nonsense earns a strike, and LWF_WIRE_STRIKES_MAX of them end the connection.
 * What he does not take is queued up to a bound, and while something is queued nothing more is read
 * from him, so he can only slow down himself. Descriptors that he sends are closed at once. A
 * connection is never freed inside a call that may still use it: it is marked dead, and the task at
 * the end of the turn takes it away.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "verdict.h"

#define PASSED_FDS_MAX 16u /* the kernel closes those that do not fit */

/* ---- sending ---- */

static void peer_interest(struct lwf_peer *peer)
{
	unsigned events = peer->first || peer->rung_owed ? LWF_WATCH_WRITE : LWF_WATCH_READ;

	/* asks that it does not take are no reason not to hear what it tells */
	if (peer->verdict && peer->verdict->full)
		events |= LWF_WATCH_WRITE;
	lwf_watch_set(&peer->watch, peer->dead ? 0 : events);
}

void lwf_peer_kill(struct lwf_peer *peer)
{
	if (peer->dead)
		return;
	peer->dead = true;
	peer_interest(peer);
	lwf_server_post(peer->server);
}

/* One packet to the socket. 0, -EAGAIN, or another -errno when the peer is gone. */
static int peer_write(struct lwf_peer *peer, const void *data, size_t bytes, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} ancillary;

	if (fd >= 0) {
		memset(&ancillary, 0, sizeof(ancillary));
		message.msg_control = ancillary.bytes;
		message.msg_controllen = sizeof(ancillary.bytes);
		ancillary.header.cmsg_level = SOL_SOCKET;
		ancillary.header.cmsg_type = SCM_RIGHTS;
		ancillary.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&ancillary.header), &fd, sizeof(int));
	}
	if (sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	/* EINTR and lack of memory pass; the socket becoming writable brings us back */
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
		return -EAGAIN;
	return -errno;
}

static void packet_free(struct lwf_server *server, struct lwf_packet *packet)
{
	if (packet->fd >= 0)
		close(packet->fd);
	lwf_host_free(server->host, packet);
}

static void peer_queue(struct lwf_peer *peer, const void *data, size_t bytes, int fd)
{
	struct lwf_packet *packet = NULL;

	if (peer->queued < LWF_PEER_QUEUE_PACKETS)
		packet = lwf_host_alloc(peer->server->host, sizeof(*packet) + bytes);
	if (!packet) {
		lwf_peer_kill(peer); /* an answer that is lost would make it wait for ever */
		return;
	}
	packet->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	packet->bytes = bytes;
	memcpy(packet->data, data, bytes);
	if (peer->last)
		peer->last->next = packet;
	else
		peer->first = packet;
	peer->last = packet;
	peer->queued++;
	peer_interest(peer);
	if (fd >= 0 && packet->fd < 0)
		lwf_peer_kill(peer);
}

static void peer_put(struct lwf_peer *peer, const void *data, size_t bytes, int fd)
{
	int ret = -EAGAIN;

	if (peer->dead)
		return;
	if (!peer->first)
		ret = peer_write(peer, data, bytes, fd);
	if (ret == -EAGAIN)
		peer_queue(peer, data, bytes, fd);
	else if (ret)
		lwf_peer_kill(peer);
}

/* Long bodies go in parts. The buffer for what is received is free by now: its body was parsed. */
static void peer_send_text(struct lwf_peer *peer, enum lwf_wire_type type, uint32_t sequence,
			   const char *text, int fd)
{
	struct lwf_server *server = peer->server;
	size_t left = strlen(text);

	do {
		size_t part = left < LWF_WIRE_MESSAGE_MAX_BYTES ? left : LWF_WIRE_MESSAGE_MAX_BYTES;
		unsigned flags = part < left ? LWF_WIRE_FLAG_MORE : 0;
		size_t bytes = lwf_wire_encode(server->packet, sizeof(server->packet), type, flags,
					       sequence, text, part);

		assert(bytes > 0);
		peer_put(peer, server->packet, bytes, fd);
		fd = -1;
		text += part;
		left -= part;
	} while (left > 0);
}

void lwf_peer_send(struct lwf_peer *peer, enum lwf_wire_type type, uint32_t sequence,
		   json_t *object, int fd)
{
	char *text = object ? lwf_wire_text(object) : NULL;

	json_decref(object);
	if (text) {
		peer_send_text(peer, type, sequence, text, fd);
		free(text);
		return;
	}
	lwf_log(peer->server->host, LWF_LOG_ERROR, "control: out of memory for an answer to pid %d",
		(int)peer->who.pid);
	lwf_peer_kill(peer);
}

void lwf_peer_error(struct lwf_peer *peer, uint32_t sequence, const struct lwf_error *error)
{
	lwf_peer_send(peer, LWF_WIRE_ERROR, sequence, lwf_wire_error_body(error), -1);
}

void lwf_peer_ring(struct lwf_peer *peer)
{
	unsigned char packet[LWF_WIRE_HEADER_BYTES];
	int ret;

	if (peer->dead || peer->rung_owed)
		return;
	lwf_wire_header_put(packet, LWF_WIRE_RUNG, 0, 0, 0);
	ret = peer_write(peer, packet, sizeof(packet), -1);
	peer->rung_owed = ret == -EAGAIN;
	if (ret == -EAGAIN)
		peer_interest(peer);
	else if (ret)
		lwf_peer_kill(peer);
}

/* Asks and notices of a decider, behind the answers that it has not taken. */
static void peer_flush_verdict(struct lwf_peer *peer)
{
	if (!peer->verdict || peer->dead || peer->first)
		return;
	if (verdict_flush(peer->verdict))
		lwf_peer_kill(peer);
	peer_interest(peer);
}

static void peer_writable(struct lwf_peer *peer)
{
	while (peer->first && !peer->dead) {
		struct lwf_packet *packet = peer->first;
		int ret = peer_write(peer, packet->data, packet->bytes, packet->fd);

		if (ret == -EAGAIN)
			return;
		if (ret) {
			lwf_peer_kill(peer);
			return;
		}
		peer->first = packet->next;
		if (!peer->first)
			peer->last = NULL;
		peer->queued--;
		packet_free(peer->server, packet);
	}
	if (peer->rung_owed) {
		peer->rung_owed = false;
		lwf_peer_ring(peer);
	}
	if (peer->leaving)
		lwf_peer_kill(peer);
	peer_interest(peer);
	peer_flush_verdict(peer);
	if (peer->watching)
		lwf_server_post(peer->server);
}

/* ---- receiving ---- */

void lwf_peer_leave(struct lwf_peer *peer)
{
	peer->leaving = true;
	if (!peer->first)
		lwf_peer_kill(peer);
}

static void peer_strike(struct lwf_peer *peer, uint32_t sequence, struct lwf_error *error)
{
	lwf_peer_error(peer, sequence, error);
	if (++peer->strikes < LWF_WIRE_STRIKES_MAX)
		return;
	lwf_log(peer->server->host, LWF_LOG_WARNING,
		"control: pid %d (%s) sent %u malformed messages, the last: %s; closed",
		(int)peer->who.pid, peer->who.comm, peer->strikes, error->why);
	lwf_peer_leave(peer);
}

static void peer_malformed(struct lwf_peer *peer, uint32_t sequence, const char *why)
{
	struct lwf_error error;

	lwf_error_set(&error, LWF_EXIT_USAGE, "message", "see docs/wire.md", "%s", why);
	peer_strike(peer, sequence, &error);
}

static void request_run(struct lwf_request *request)
{
	switch (lwf_command(request)) {
	case LWF_OUTCOME_REPLY:
		lwf_peer_send(request->peer, LWF_WIRE_REPLY, request->sequence, request->reply,
			      request->reply_fd);
		if (request->reply_fd >= 0)
			close(request->reply_fd);
		break;
	case LWF_OUTCOME_ERROR:
		if (request->malformed)
			peer_strike(request->peer, request->sequence, &request->error);
		else
			lwf_peer_error(request->peer, request->sequence, &request->error);
		break;
	case LWF_OUTCOME_LATER:
	case LWF_OUTCOME_NONE:
		break;
	}
}

static void peer_message(struct lwf_peer *peer, size_t bytes)
{
	struct lwf_server *server = peer->server;
	struct lwf_wire_header header = {0};
	struct lwf_request request = {.server = server, .peer = peer, .reply_fd = -1};
	const char *why = NULL;
	char reason[160];

	if (lwf_wire_check(server->packet, bytes, LWF_WIRE_FROM_CLIENT, &header, &why)) {
		peer_malformed(peer, header.sequence, why);
		return;
	}
	if (header.flags) {
		peer_malformed(peer, header.sequence, "a request comes in one piece");
		return;
	}
	request.type = (enum lwf_wire_type)header.type;
	request.sequence = header.sequence;
	request.since_ns = lwf_host_now_ns(server->host);
	if (lwf_wire_has_records(header.type)) {
		request.records = server->packet + LWF_WIRE_HEADER_BYTES;
		request.records_bytes = header.length;
	} else if (lwf_wire_has_body(header.type)) {
		request.body = lwf_wire_parse(server->packet + LWF_WIRE_HEADER_BYTES, header.length,
					      reason, sizeof(reason));
		if (!request.body) {
			peer_malformed(peer, header.sequence, reason);
			return;
		}
	}
	peer->heard = true;
	peer->since_ns = request.since_ns;
	request_run(&request);
	json_decref(request.body);
}

/* Closes every descriptor that came along: a client has none to give us. */
static void close_passed(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
	}
}

/* Reads one message. False when there is none, or the peer is gone. */
static bool peer_read(struct lwf_peer *peer)
{
	struct lwf_server *server = peer->server;
	struct iovec iov = {.iov_base = server->packet, .iov_len = sizeof(server->packet)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
	} passed;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = passed.bytes,
		.msg_controllen = sizeof(passed.bytes),
	};
	ssize_t n = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == ECONNRESET)
		return true; /* it went with something of ours unread; what it said is behind that */
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOMEM && errno != ENOBUFS)
			lwf_peer_kill(peer);
		return false;
	}
	close_passed(&message);
	if (n == 0) {
		lwf_peer_kill(peer);
		return false;
	}
	if (message.msg_flags & MSG_TRUNC)
		peer_malformed(peer, 0, "the message is longer than any may be");
	else
		peer_message(peer, (size_t)n);
	return true;
}

static void peer_event(void *context, unsigned events)
{
	struct lwf_peer *peer = context;

	if (events & LWF_WATCH_WRITE)
		peer_writable(peer);
	if (events == LWF_WATCH_WRITE)
		return;
	for (unsigned i = 0; i < LWF_PEER_TURN_MESSAGES; i++) {
		if (peer->dead || peer->leaving || peer->first || !peer_read(peer))
			return;
	}
}

/* ---- connections ---- */

static bool in_group(int fd, gid_t first, gid_t group)
{
	gid_t groups[256];
	socklen_t bytes = sizeof(groups);

	if (first == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes))
		return false;
	for (size_t i = 0; i < bytes / sizeof(gid_t); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

static bool is_admin(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Who it is, and what he may do: root and our own user everything, the group observe and inject. */
static int peer_identify(struct lwf_peer *peer)
{
	const struct lwf_config *config = peer->server->config;
	struct ucred cred;
	socklen_t bytes = sizeof(cred);
	char path[40];
	int fd;
	ssize_t n = -1;

	if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &cred, &bytes))
		return -errno;
	peer->who.pid = cred.pid;
	peer->who.uid = cred.uid;
	if (is_admin(cred.uid))
		peer->roles = LWF_ROLE_OBSERVE | LWF_ROLE_INJECT | LWF_ROLE_ADMIN;
	else if (config->has_group && in_group(peer->fd, cred.gid, config->group))
		peer->roles = LWF_ROLE_OBSERVE | LWF_ROLE_INJECT;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)cred.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, peer->who.comm, sizeof(peer->who.comm) - 1);
		close(fd);
	}
	if (n > 0 && peer->who.comm[n - 1] == '\n')
		peer->who.comm[n - 1] = '\0';
	return 0;
}

static int peer_create(struct lwf_server *server, int fd)
{
	struct lwf_peer *peer = lwf_host_alloc(server->host, sizeof(*peer));
	int ret;

	if (!peer)
		return -ENOMEM;
	peer->server = server;
	peer->fd = fd;
	peer->since_ns = lwf_host_now_ns(server->host);
	ret = peer_identify(peer);
	if (!ret)
		ret = lwf_watch_init(&peer->watch, server->host, fd, LWF_WATCH_READ, 1, peer_event,
				     peer);
	if (ret) {
		lwf_host_free(server->host, peer);
		return ret;
	}
	server->peers[server->peer_count++] = peer;
	return 0;
}

/*
 * A socket that is closed with something unread makes the other side's next read an error, before it
 * sees our last words. What came last is thrown away, descriptors included.
 */
static void peer_hang_up(struct lwf_peer *peer)
{
	char byte;

	for (unsigned i = 0; i < LWF_PEER_TURN_MESSAGES; i++) {
		if (recv(peer->fd, &byte, 1, MSG_DONTWAIT) <= 0)
			break;
	}
	close(peer->fd);
}

static void peer_free(struct lwf_peer *peer)
{
	struct lwf_server *server = peer->server;

	lwf_pending_drop(server, peer);
	lwf_oid_commands_drop(server, peer);
	lwf_explain_drop(server, peer);
	verdict_close(peer->verdict);
	if (peer->watch_at.details)
		lwf_engine_trace_details(server->engine, false);
	if (peer->client)
		lwf_client_close(peer->client);
	lwf_watch_fini(&peer->watch);
	while (peer->first) {
		struct lwf_packet *packet = peer->first;

		peer->first = packet->next;
		packet_free(server, packet);
	}
	peer_hang_up(peer);
	lwf_host_free(server->host, peer);
}

static void reap(struct lwf_server *server)
{
	for (uint32_t i = 0; i < server->peer_count;) {
		struct lwf_peer *peer = server->peers[i];

		if (!peer->dead) {
			i++;
			continue;
		}
		server->peers[i] = server->peers[--server->peer_count];
		peer_free(peer);
	}
}

/* ---- accepting ---- */

/* Whether @peer has hung up and everything it said was read; its event is still to come then. */
static bool is_gone(const struct lwf_peer *peer, short events)
{
	char byte;

	return peer->dead || (events & (POLLHUP | POLLRDHUP | POLLERR) &&
			      recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
}

bool lwf_peer_stays(const struct lwf_peer *peer)
{
	return peer->watching || peer->client || peer->verdict;
}

/* Whether @peer neither stays nor waits for anything, and is silent for so long that others need its place more. */
static bool is_idle(const struct lwf_peer *peer, uint64_t now_ns)
{
	uint64_t most_ns = peer->heard ? peer->server->idle_ns : LWF_PEER_SILENT_NS;

	return !lwf_peer_stays(peer) && !peer->pending && !peer->first &&
	       now_ns - peer->since_ns >= most_ns;
}

/* The table is full: those that have gone make room, and else one that is idle. */
static bool make_room(struct lwf_server *server, uint32_t limit)
{
	uint64_t now = lwf_host_now_ns(server->host);
	struct pollfd fds[LWF_PEERS_MAX];
	struct lwf_peer *idle = NULL;

	for (uint32_t i = 0; i < server->peer_count; i++)
		fds[i] = (struct pollfd){.fd = server->peers[i]->fd, .events = POLLRDHUP};
	if (poll(fds, server->peer_count, 0) < 0)
		return false;
	for (uint32_t i = 0; i < server->peer_count; i++) {
		struct lwf_peer *peer = server->peers[i];

		if (is_gone(peer, fds[i].revents))
			peer->dead = true;
		else if (is_idle(peer, now))
			idle = peer;
	}
	reap(server);
	if (server->peer_count >= limit && idle) {
		idle->dead = true;
		reap(server);
	}
	return server->peer_count < limit;
}

/* How many may be connected when @fd is one of them: the last places are for those who may change. */
static uint32_t peers_max(int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t bytes = sizeof(cred);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &bytes) && is_admin(cred.uid))
		return LWF_PEERS_MAX;
	return LWF_PEERS_MAX - LWF_PEERS_ADMIN;
}

static void refuse_connection(const struct lwf_server *server, int fd)
{
	unsigned char packet[1024];
	struct lwf_error error;
	json_t *body;
	char *text;
	size_t bytes;

	lwf_error_set(&error, LWF_EXIT_REFUSED, "control socket", "close some, and try again",
		      "%u connections are open already", server->peer_count);
	body = lwf_wire_error_body(&error);
	text = body ? lwf_wire_text(body) : NULL;
	json_decref(body);
	bytes = text ? lwf_wire_encode(packet, sizeof(packet), LWF_WIRE_ERROR, 0, 0, text,
				       strlen(text))
		     : 0;
	free(text);
	if (bytes && send(fd, packet, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* it is about to be closed anyway */
}

/*
 * No descriptor is left: the spare one is given up for a moment, so that the peer is told by a close
 * and not left hanging. Without a spare one accepting stops for a while, so that the loop can sleep.
 * False when nobody is waiting any more.
 */
static bool accept_without_descriptors(struct lwf_server *server)
{
	uint64_t now = lwf_host_now_ns(server->host);
	int fd = -1;

	if (server->spare_fd >= 0) {
		close(server->spare_fd);
		fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			close(fd);
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && now - server->told_ns > LWF_SERVER_TELL_NS) {
		server->told_ns = now;
		lwf_log(server->host, LWF_LOG_WARNING,
			"control: no descriptors are left; connections are turned away");
	}
	if (server->spare_fd < 0) {
		lwf_watch_set(&server->listen_watch, 0);
		lwf_timer_set(&server->accept_timer, LWF_SERVER_ACCEPT_NS);
	}
	return fd >= 0;
}

static void accept_again(void *context)
{
	struct lwf_server *server = context;

	if (server->listen_fd >= 0)
		lwf_watch_set(&server->listen_watch, LWF_WATCH_READ);
}

static void accept_event(void *context, unsigned events)
{
	struct lwf_server *server = context;
	uint32_t limit;
	int fd;

	(void)events;
	for (unsigned i = 0; i < LWF_PEER_TURN_MESSAGES; i++) {
		fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if ((errno != EMFILE && errno != ENFILE) ||
			    !accept_without_descriptors(server))
				return;
			continue;
		}
		limit = peers_max(fd);
		if (server->peer_count >= limit && !make_room(server, limit)) {
			refuse_connection(server, fd);
			close(fd);
		} else if (peer_create(server, fd)) {
			close(fd);
		}
	}
}

/* ---- the end of a turn ---- */

void lwf_server_post(struct lwf_server *server)
{
	if (server->posted)
		return;
	server->posted = true;
	lwf_host_post(server->host, &server->task);
}

static void control_turn(void *context)
{
	struct lwf_server *server = context;

	server->posted = false;
	lwf_pending_turn(server);
	for (uint32_t i = 0; i < server->peer_count; i++) {
		struct lwf_peer *peer = server->peers[i];

		if (peer->watching && !peer->dead && !peer->first)
			lwf_peer_stream(peer);
		if (peer->verdict && !peer->verdict->full)
			peer_flush_verdict(peer);
	}
	reap(server);
}

static void on_recheck(void *context)
{
	lwf_server_post(context);
}

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	struct lwf_server *server =
		(struct lwf_server *)(void *)((char *)observer -
					      offsetof(struct lwf_server, observer));

	server->last_seq = record->seq;
	lwf_pending_record(server, record);
	lwf_server_post(server);
}

/* ---- birth and end ---- */

int lwf_server_init(struct lwf_server *server, struct lwf_engine *engine,
		    const struct lwf_config *config, const struct lwf_show_facts *facts)
{
	int ret;

	memset(server, 0, sizeof(*server));
	server->host = lwf_engine_host(engine);
	server->engine = engine;
	server->config = config;
	if (facts)
		server->facts = *facts;
	server->listen_fd = -1;
	server->idle_ns = LWF_PEER_IDLE_NS;
	server->task.fn = control_turn;
	server->task.context = server;
	server->observer.record = on_record;
	lwf_clients_init(&server->clients, server->host);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server->spare_fd < 0)
		return -errno;
	ret = lwf_timer_init(&server->accept_timer, server->host, accept_again, server);
	if (!ret)
		ret = lwf_timer_init(&server->recheck, server->host, on_recheck, server);
	if (ret) {
		lwf_timer_fini(&server->accept_timer);
		close(server->spare_fd);
		return ret;
	}
	lwf_engine_observe(engine, &server->observer);
	return 0;
}

int lwf_server_listen(struct lwf_server *server, int listen_fd)
{
	int ret = lwf_watch_init(&server->listen_watch, server->host, listen_fd, LWF_WATCH_READ, 1,
				 accept_event, server);

	if (!ret)
		server->listen_fd = listen_fd;
	return ret;
}

void lwf_server_stop_accepting(struct lwf_server *server)
{
	server->listen_fd = -1;
	lwf_timer_cancel(&server->accept_timer);
	lwf_watch_fini(&server->listen_watch);
}

void lwf_server_close_peers(struct lwf_server *server)
{
	lwf_pending_drop(server, NULL);
	for (uint32_t i = 0; i < server->peer_count; i++)
		server->peers[i]->dead = true;
	reap(server);
}

void lwf_server_fini(struct lwf_server *server)
{
	lwf_server_stop_accepting(server);
	lwf_server_close_peers(server);
	while (server->carriers) {
		struct lwf_carrier_off *off = server->carriers;

		server->carriers = off->next;
		lwf_timer_fini(&off->timer);
		lwf_host_free(server->host, off);
	}
	lwf_engine_unobserve(server->engine, &server->observer);
	lwf_timer_fini(&server->accept_timer);
	lwf_timer_fini(&server->recheck);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
}
