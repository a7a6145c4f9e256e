/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * speak.c - packets on the control socket and records in the shared rings, byte by byte.
 */
#include "speak.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "witness.h"

const char *speak_name(enum speak_got got)
{
	static const char *const names[] = {"a reply", "an error", "closed", "silence"};

	return names[got];
}

int speak_connect(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("LWF_CONTROL");
	int fd;

	if (!path || strlen(path) >= sizeof(to.sun_path))
		wit_die("LWF_CONTROL is not set, or too long");
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

bool speak_raw(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

bool speak_send(int fd, uint16_t type, uint32_t sequence, const void *body, uint32_t len)
{
	static _Thread_local uint8_t packet[LWF_WIRE_MESSAGE_MAX_BYTES + 64];
	const struct lwf_wire_header head = {
		.magic = LWF_WIRE_MAGIC,
		.version = LWF_WIRE_VERSION,
		.type = type,
		.length = len,
		.sequence = sequence,
	};

	if (len > sizeof(packet) - sizeof(head))
		wit_die("a body of %u bytes", len);
	memcpy(packet, &head, sizeof(head));
	if (len)
		memcpy(packet + sizeof(head), body, len);
	return speak_raw(fd, packet, sizeof(head) + len);
}

static int passed(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	int fd;

	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	return fd;
}

enum speak_got speak_answer(int fd, int ms, int *passed_fd)
{
	static _Thread_local uint8_t packet[LWF_WIRE_MESSAGE_MAX_BYTES + 64];
	uint64_t deadline = wit_now_ns() + (uint64_t)ms * 1000000u;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(int) * 8)];
		} control;
		struct iovec part = {packet, sizeof(packet)};
		struct msghdr message = {.msg_iov = &part,
					 .msg_iovlen = 1,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control)};
		struct lwf_wire_header head;
		uint64_t now = wit_now_ns();
		ssize_t got;
		int with;

		if (now >= deadline || poll(&wait, 1, (int)((deadline - now) / 1000000u) + 1) == 0)
			return SPEAK_SILENCE;
		got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return SPEAK_CLOSED;
		with = passed(&message);
		if ((size_t)got < sizeof(head))
			wit_die("the daemon sent %zd bytes", got);
		memcpy(&head, packet, sizeof(head));
		if (head.magic != LWF_WIRE_MAGIC || head.length != (size_t)got - sizeof(head))
			wit_die("the daemon sent a malformed message of type %u", head.type);
		if (head.type == LWF_WIRE_REPLY || head.type == LWF_WIRE_ERROR) {
			if (passed_fd)
				*passed_fd = with;
			else if (with >= 0)
				close(with);
			return head.type == LWF_WIRE_REPLY ? SPEAK_REPLY : SPEAK_ERROR;
		}
		if (with >= 0)
			close(with);
	}
}

enum speak_got speak_ask(int fd, uint16_t type, const char *body)
{
	static uint32_t sequence;

	if (!speak_send(fd, type, ++sequence, body, (uint32_t)strlen(body)))
		return SPEAK_CLOSED;
	return speak_answer(fd, 5000, NULL);
}

bool speak_is_closed(int fd, int ms)
{
	uint64_t deadline = wit_now_ns() + (uint64_t)ms * 1000000u;

	while (wit_now_ns() < deadline) {
		if (speak_answer(fd, 50, NULL) == SPEAK_CLOSED)
			return true;
	}
	return false;
}

bool speak_open(struct speak_ring *ring, const char *stack)
{
	char body[128];

	memset(ring, 0, sizeof(*ring));
	ring->memory = -1;
	ring->fd = speak_connect();
	if (ring->fd < 0)
		return false;
	if (speak_ask(ring->fd, LWF_WIRE_HELLO, "{\"version\":1}") != SPEAK_REPLY)
		goto no_session;
	snprintf(body, sizeof(body), "{\"stack\":\"%s\"}", stack);
	if (!speak_send(ring->fd, LWF_WIRE_OPEN, 2, body, (uint32_t)strlen(body)) ||
	    speak_answer(ring->fd, 5000, &ring->memory) != SPEAK_REPLY || ring->memory < 0)
		goto no_session;
	ring->base =
		mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->memory, 0);
	if (ring->base == MAP_FAILED)
		wit_die("the ring cannot be mapped: %s", strerror(errno));
	ring->control = (struct lwf_ring_control *)(void *)ring->base;
	ring->submit = (struct lwf_ring_submit *)(void *)(ring->base + LWF_RING_SUBMIT_OFFSET);
	ring->answer = (struct lwf_ring_answer *)(void *)(ring->base + LWF_RING_COMPLETE_OFFSET);
	ring->data = ring->base + LWF_RING_DATA_OFFSET;
	return true;

no_session:
	close(ring->fd);
	if (ring->memory >= 0)
		close(ring->memory);
	return false;
}

void speak_close(struct speak_ring *ring)
{
	munmap(ring->base, LWF_RING_BYTES);
	close(ring->memory);
	close(ring->fd);
}

void speak_ring_bell(struct speak_ring *ring)
{
	speak_send(ring->fd, LWF_WIRE_DOORBELL, 0, NULL, 0);
}

void speak_submit(struct speak_ring *ring, uint64_t id, uint32_t offset, uint32_t len,
		  uint32_t flags)
{
	uint32_t tail = atomic_load(&ring->control->submit_tail);
	struct lwf_ring_submit *record = &ring->submit[tail % LWF_RING_SUBMIT_SLOTS];

	record->id = id;
	record->cancel_id = 0;
	record->offset = offset;
	record->len = len;
	record->flags = flags;
	record->reserved = 0;
	atomic_store(&ring->control->submit_tail, tail + 1);
	speak_ring_bell(ring);
}

bool speak_take(struct speak_ring *ring, struct lwf_ring_answer *answer, int ms)
{
	uint64_t deadline = wit_now_ns() + (uint64_t)ms * 1000000u;
	uint32_t head = atomic_load(&ring->control->answer_head);

	while (atomic_load(&ring->control->answer_tail) == head) {
		if (wit_now_ns() >= deadline)
			return false;
		usleep(500);
	}
	*answer = ring->answer[head % LWF_RING_COMPLETE_SLOTS];
	atomic_store(&ring->control->answer_head, head + 1);
	return true;
}
