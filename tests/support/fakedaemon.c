/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fakedaemon.c - a daemon for tests of the client library; see fakedaemon.h.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedaemon.h"
#include "wire.h"

struct fake fake;

/* ---- the daemon's side ---- */

static void tell(uint32_t sequence, enum lwf_wire_type type, const char *body, int fd)
{
	unsigned char packet[512];
	size_t bytes = lwf_wire_encode(packet, sizeof(packet), type, 0, sequence, body,
				       body ? strlen(body) : 0);
	struct iovec piece = {packet, bytes};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	memset(&control, 0, sizeof(control));
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	}
	sendmsg(fake.peer, &message, MSG_NOSIGNAL);
}

static void make_ring(uint32_t sequence)
{
	size_t bytes = fake.lie == TOO_SMALL ? 4096 : LWF_RING_BYTES;
	int fd = memfd_create("test-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
		abort();
	if (fake.lie != UNSEALED)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	fake.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fake.control = (void *)fake.map;
	fake.control->magic = fake.lie == BAD_MAGIC ? 1 : LWF_RING_MAGIC;
	fake.control->version = fake.lie == BAD_VERSION ? 9 : LWF_RING_VERSION;
	fake.control->submit_slots = LWF_RING_SUBMIT_SLOTS;
	fake.control->complete_slots = LWF_RING_COMPLETE_SLOTS;
	fake.control->data_bytes = LWF_RING_DATA_BYTES;
	atomic_store(&fake.control->state, LWF_STATE_RUNNING);
	tell(sequence, LWF_WIRE_REPLY, "{\"session\":3}", fake.lie == NO_MEMORY ? -1 : fd);
	close(fd);
}

static void serve(const struct lwf_wire_header *header, const char *body)
{
	static const char session[] =
		"{\"session\":3,\"submitted\":7,\"outstanding\":1,\"completed\":{\"SUCCESS\":4},"
		"\"refused\":{\"PAUSED\":2},\"sent\":4,\"frames\":5,\"bytes\":300}";

	switch (header->type) {
	case LWF_WIRE_HELLO:
		if (fake.lie == GARBAGE)
			send(fake.peer, "garbage that is no message", 26, MSG_NOSIGNAL);
		else if (fake.lie != MUTE)
			tell(header->sequence, LWF_WIRE_REPLY,
			     "{\"version\":1,\"pid\":1,\"role\":7}", -1);
		break;
	case LWF_WIRE_OPEN:
		snprintf(fake.open_body, sizeof(fake.open_body), "%.*s", (int)header->length, body);
		if (fake.lie == NO_STACK)
			tell(header->sequence, LWF_WIRE_ERROR,
			     "{\"exit\":5,\"what\":\"eth1\",\"why\":\"no such "
			     "stack\",\"next\":\"\"}",
			     -1);
		else
			make_ring(header->sequence);
		break;
	case LWF_WIRE_DOORBELL:
		atomic_fetch_add(&fake.doorbells, 1);
		break;
	case LWF_WIRE_CANCEL:
		atomic_fetch_add(&fake.cancels, 1);
		tell(header->sequence, LWF_WIRE_REPLY, "{}", -1);
		break;
	case LWF_WIRE_SESSION:
		if (fake.lie != MUTE)
			tell(header->sequence, LWF_WIRE_REPLY, session, -1);
		break;
	default:
		if (fake.lie != MUTE)
			tell(header->sequence, LWF_WIRE_REPLY, "{}", -1);
		break;
	}
}

static void *run_daemon(void *unused)
{
	unsigned char packet[4096];
	struct lwf_wire_header header;
	const char *why;
	ssize_t n;

	(void)unused;
	fake.peer = accept(fake.listener, NULL, NULL);
	while ((n = recv(fake.peer, packet, sizeof(packet), 0)) > 0) {
		if (lwf_wire_check(packet, (size_t)n, LWF_WIRE_FROM_CLIENT, &header, &why))
			abort();
		serve(&header, (const char *)packet + LWF_WIRE_HEADER_BYTES);
	}
	return NULL;
}

void start_daemon(enum lie lie)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(&fake, 0, sizeof(fake));
	fake.lie = lie;
	fake.peer = -1;
	snprintf(fake.folder, sizeof(fake.folder), "/tmp/lwf-client-test-XXXXXX");
	assert_non_null(mkdtemp(fake.folder));
	snprintf(fake.path, sizeof(fake.path), "%s/control", fake.folder);
	memcpy(address.sun_path, fake.path, strlen(fake.path));
	fake.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fake.listener, 1), 0);
	assert_int_equal(pthread_create(&fake.thread, NULL, run_daemon, NULL), 0);
	fake.runs = true;
}

/* The daemon dies: its descriptors close. The rings stay mapped here to look at. */
void kill_daemon(void)
{
	shutdown(fake.listener, SHUT_RDWR);
	if (fake.peer >= 0)
		shutdown(fake.peer, SHUT_RDWR);
	pthread_join(fake.thread, NULL);
	if (fake.peer >= 0)
		close(fake.peer);
	fake.runs = false;
}

void shutdown_peer(void)
{
	shutdown(fake.peer, SHUT_RDWR);
}

void end_daemon(void)
{
	if (fake.runs)
		kill_daemon();
	close(fake.listener);
	unlink(fake.path);
	rmdir(fake.folder);
	if (fake.map)
		munmap(fake.map, fake.lie == TOO_SMALL ? 4096 : LWF_RING_BYTES);
}

/* Takes the next record, as the engine does. False: none. */
bool pull(struct lwf_ring_submit *record)
{
	const struct lwf_ring_submit *ring = (void *)(fake.map + LWF_RING_SUBMIT_OFFSET);

	if (atomic_load(&fake.control->submit_tail) == fake.submit_head)
		return false;
	*record = ring[fake.submit_head % LWF_RING_SUBMIT_SLOTS];
	fake.submit_head++;
	return true;
}

void publish_pulled(void)
{
	atomic_store(&fake.control->submit_head, fake.submit_head);
}

void answer_whole(uint64_t id, lwf_status status, bool refused)
{
	struct lwf_ring_answer *ring = (void *)(fake.map + LWF_RING_COMPLETE_OFFSET);

	ring[fake.answer_tail % LWF_RING_COMPLETE_SLOTS] =
		(struct lwf_ring_answer){.id = id,
					 .status = status,
					 .refused = refused,
					 .frames = status == LWF_STATUS_SUCCESS,
					 .bytes = status == LWF_STATUS_SUCCESS ? 60 : 0};
	fake.answer_tail++;
	atomic_store(&fake.control->answer_tail, fake.answer_tail);
	if (atomic_load(&fake.control->client_waits))
		tell(0, LWF_WIRE_RUNG, NULL, -1);
}

void answer_id(uint64_t id, lwf_status status)
{
	answer_whole(id, status, false);
}

/* Serves all that waits. Returns how many. */
uint32_t serve_ring(void)
{
	struct lwf_ring_submit record;
	uint32_t n = 0;

	while (pull(&record)) {
		publish_pulled();
		answer_id(record.id, LWF_STATUS_SUCCESS);
		n++;
	}
	return n;
}

/* ---- the client's side ---- */

struct lwf_inject_options options(void)
{
	struct lwf_inject_options made = LWF_INJECT_OPTIONS_INIT;

	made.control = fake.path;
	made.stack = "eth1";
	made.timeout_ns = 300000000;
	return made;
}

struct lwf_inject *open_handle(void)
{
	struct lwf_inject_options given = options();
	struct lwf_inject *handle = NULL;
	struct lwf_error error = {0};

	start_daemon(HONEST);
	if (lwf_inject_open(&given, &handle, &error))
		fail_msg("%s: %s", error.what, error.why);
	return handle;
}

void close_handle(struct lwf_inject *handle)
{
	lwf_inject_close(handle);
	end_daemon();
}

int submit_bytes(struct lwf_inject *handle, uint32_t len, uint64_t context)
{
	static uint8_t bytes[LWF_FRAME_MAX_BYTES];
	const struct lwf_inject_frame frame = {.data = bytes, .len = len, .context = context};

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(context + i);
	return lwf_inject_submit(handle, &frame, 1, NULL);
}
