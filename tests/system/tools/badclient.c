/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * badclient.c - a client that speaks wrongly, in every way that is known to us.
 *
 *	badclient STACK WAY [NUMBER]		LWF_CONTROL names the socket
 *
 * 0: the daemon kept its promises towards it; 1: it did not, and the line says which; 2: it could
 * not even begin. Whether others were served meanwhile is for the test to find out. The ways:
 *
 *	malformed	every kind of wrong message: an error or an end, and an end after three
 *	index		indices that run ahead, or backwards: the session ends
 *	record		records that point outside or are no frame: each gets its one answer
 *	scribble S	S seconds of random words all over the shared memory, while it submits
 *	doorbells S	S seconds of doorbells for nothing
 *	questions S	S seconds of requests whose answers it never reads
 *	deaf S		watches, and reads nothing for S seconds
 *	hoard S		submits and never takes an answer for S seconds
 *	crowd N		N connections that say nothing; each is closed or served
 *	reconnect N	opens a session, submits, and breaks off, N times
 *	seal		tries to shrink the memory under the daemon
 *	descriptors N	sends open files along with N messages
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "speak.h"
#include "witness.h"

static const char *stack_name;

static int broken(const char *what)
{
	printf("broken promise: %s\n", what);
	return 1;
}

static int greeted(void)
{
	int fd = speak_connect();

	if (fd < 0)
		wit_die("connect: %s", strerror(errno));
	if (speak_ask(fd, LWF_WIRE_HELLO, "{\"version\":1}") != SPEAK_REPLY)
		wit_die("no answer to hello");
	return fd;
}

/* ---- malformed messages ---- */

struct wrong {
	const char *name;
	struct lwf_wire_header head;
	const char *body;
	uint32_t bytes; /* of the packet; 0: header and body */
	bool is_strike; /* no message at all: three of them end the connection */
};

#define AUTO 0x7f7f7f7fu /* the length of the body */
#define HEAD(t, l)                                                                                \
	{                                                                                         \
		.magic = LWF_WIRE_MAGIC, .version = LWF_WIRE_VERSION, .type = (t), .length = (l), \
		.sequence = 7                                                                     \
	}

static const struct wrong wrongs[] = {
	{"one byte", HEAD(LWF_WIRE_SHOW, AUTO), "", 1, true},
	{"half a header", HEAD(LWF_WIRE_SHOW, AUTO), "", 8, true},
	{"header less one", HEAD(LWF_WIRE_SHOW, AUTO), "", 15, true},
	{"wrong magic",
	 {.magic = 0x1234, .version = 1, .type = LWF_WIRE_SHOW, .length = 2},
	 "{}",
	 0,
	 true},
	{"wrong version",
	 {.magic = LWF_WIRE_MAGIC, .version = 99, .type = LWF_WIRE_SHOW, .length = 2},
	 "{}",
	 0,
	 true},
	{"length too long", HEAD(LWF_WIRE_SHOW, 3), "{}", 0, true},
	{"length too short", HEAD(LWF_WIRE_SHOW, 1), "{}", 0, true},
	{"length of 4 GiB", HEAD(LWF_WIRE_SHOW, 0xffffffffu), "{}", 0, true},
	{"length wraps", HEAD(LWF_WIRE_SHOW, 0xfffffff2u), "{}", 0, true},
	{"type 0", HEAD(0, AUTO), "{}", 0, true},
	{"type unknown", HEAD(9999, AUTO), "{}", 0, true},
	{"a reply", HEAD(LWF_WIRE_REPLY, AUTO), "{}", 0, true},
	{"an event", HEAD(LWF_WIRE_EVENT, AUTO), "{}", 0, true},
	{"doorbell with a body", HEAD(LWF_WIRE_DOORBELL, AUTO), "{}", 0, true},
	{"no body", HEAD(LWF_WIRE_WAIT, AUTO), "", 0, false},
	{"no json", HEAD(LWF_WIRE_SHOW, AUTO), "hello", 0, true},
	{"half json", HEAD(LWF_WIRE_SHOW, AUTO), "{\"stack\":", 0, true},
	{"json with a zero", HEAD(LWF_WIRE_SHOW, AUTO), "{}\0}", 0, true},
	{"two objects", HEAD(LWF_WIRE_SHOW, AUTO), "{}{}", 0, true},
	{"not utf-8", HEAD(LWF_WIRE_SHOW, AUTO), "{\"stack\":\"\xff\xfe\"}", 0, true},
	{"an array", HEAD(LWF_WIRE_SHOW, AUTO), "[]", 0, true},
	{"a number", HEAD(LWF_WIRE_SHOW, AUTO), "1", 0, true},
	{"NaN", HEAD(LWF_WIRE_WAIT, AUTO),
	 "{\"stack\":\"eth1\",\"state\":\"Running\",\"timeout_ns\":NaN}", 0, true},
	{"stack is a number", HEAD(LWF_WIRE_PAUSE, AUTO), "{\"stack\":1}", 0, false},
	{"stack is null", HEAD(LWF_WIRE_PAUSE, AUTO), "{\"stack\":null}", 0, false},
	{"no such stack", HEAD(LWF_WIRE_PAUSE, AUTO), "{\"stack\":\"none\"}", 0, false},
	{"no such state", HEAD(LWF_WIRE_WAIT, AUTO),
	 "{\"stack\":\"eth1\",\"state\":\"Happy\",\"timeout_ns\":1}", 0, false},
	{"negative time", HEAD(LWF_WIRE_WAIT, AUTO),
	 "{\"stack\":\"eth1\",\"state\":\"Paused\",\"timeout_ns\":-1}", 0, false},
	{"no version", HEAD(LWF_WIRE_HELLO, AUTO), "{}", 0, false},
	{"a later version", HEAD(LWF_WIRE_HELLO, AUTO), "{\"version\":999}", 0, false},
	{"cancel of no session", HEAD(LWF_WIRE_CANCEL, AUTO), "{\"cancel_id\":1}", 0, false},
	{"bad filter", HEAD(LWF_WIRE_FILTER_INSERT, AUTO),
	 "{\"stack\":\"eth1\",\"spec\":\":::,,==\"}", 0, false},
};

static bool send_wrong(int fd, const struct wrong *wrong, uint32_t body_len)
{
	uint8_t packet[256] = {0};
	uint32_t len = wrong->bytes ? wrong->bytes : (uint32_t)sizeof(wrong->head) + body_len;

	struct lwf_wire_header head = wrong->head;

	if (head.length == AUTO)
		head.length = body_len;
	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), wrong->body, body_len);
	return speak_raw(fd, packet, len);
}

static uint32_t body_bytes(const struct wrong *wrong)
{
	/* Bodies with a zero inside are as long as their header says. */
	if (!strcmp(wrong->name, "json with a zero"))
		return 4;
	return (uint32_t)strlen(wrong->body);
}

static int say_wrong(const struct wrong *wrong)
{
	int fd = greeted(), faults = 0;
	enum speak_got got = SPEAK_ERROR;

	for (uint32_t i = 0; i < LWF_WIRE_STRIKES_MAX && got == SPEAK_ERROR; i++) {
		if (!send_wrong(fd, wrong, body_bytes(wrong))) {
			got = SPEAK_CLOSED;
			break;
		}
		got = speak_answer(fd, 3000, NULL);
	}
	if (got == SPEAK_REPLY || got == SPEAK_SILENCE) {
		printf("%s: answered with %s\n", wrong->name, speak_name(got));
		faults++;
	} else if (wrong->is_strike && got != SPEAK_CLOSED && !speak_is_closed(fd, 3000)) {
		printf("%s: three of them, and the connection is still open\n", wrong->name);
		faults++;
	} else if (!wrong->is_strike && got == SPEAK_CLOSED) {
		printf("%s: a well-formed message with a wrong wish ended the connection\n",
		       wrong->name);
		faults++;
	}
	close(fd);
	return faults;
}

static int random_packets(void)
{
	uint8_t packet[2048];

	srandom(20240607);
	for (uint32_t i = 0; i < 500; i++) {
		int fd = speak_connect();
		size_t len = (size_t)random() % sizeof(packet);

		if (fd < 0)
			return broken("the daemon takes no connection any more");
		for (size_t at = 0; at < len; at++)
			packet[at] = (uint8_t)random();
		if (i & 1 && len >= 16) {
			const struct lwf_wire_header head =
				HEAD((uint16_t)(random() % 24), (uint32_t)len - 16);

			memcpy(packet, &head, sizeof(head));
		}
		speak_raw(fd, packet, len);
		speak_raw(fd, packet, 0);
		close(fd);
	}
	return 0;
}

static int malformed(void)
{
	static uint8_t large[LWF_WIRE_MESSAGE_MAX_BYTES + 32];
	int faults = 0, fd;

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		faults += say_wrong(&wrongs[i]);

	/* A packet longer than any message; it must not be read as its first part. */
	fd = greeted();
	memcpy(large, &(struct lwf_wire_header)HEAD(LWF_WIRE_SHOW, sizeof(large) - 16), 16);
	memset(large + 16, ' ', sizeof(large) - 16);
	large[16] = '{';
	large[17] = '}';
	if (speak_raw(fd, large, sizeof(large)) && speak_answer(fd, 3000, NULL) == SPEAK_REPLY)
		faults += broken("a message over the limit was served");
	close(fd);

	/* Brackets that open and open: a parser that recurses dies of it. */
	fd = greeted();
	memset(large, '[', LWF_WIRE_MESSAGE_MAX_BYTES - 64);
	speak_send(fd, LWF_WIRE_SHOW, 9, large, LWF_WIRE_MESSAGE_MAX_BYTES - 64);
	if (speak_answer(fd, 3000, NULL) == SPEAK_REPLY)
		faults += broken("60,000 open brackets were served");
	close(fd);
	faults += random_packets();
	return faults ? 1 : 0;
}

/* ---- the ring ---- */

static void must_open(struct speak_ring *ring)
{
	if (!speak_open(ring, stack_name))
		wit_die("%s: no session: %s", stack_name, strerror(errno));
}

static int ends_session(struct speak_ring *ring, const char *what)
{
	bool closed;

	speak_ring_bell(ring);
	closed = speak_is_closed(ring->fd, 3000);
	speak_close(ring);
	if (closed)
		return 0;
	printf("%s: the session goes on\n", what);
	return 1;
}

static int indices(void)
{
	struct speak_ring ring;
	int faults = 0;

	must_open(&ring);
	atomic_store(&ring.control->submit_tail, LWF_RING_SUBMIT_SLOTS + 1);
	faults += ends_session(&ring, "submit_tail one ring and one ahead");
	must_open(&ring);
	atomic_store(&ring.control->submit_tail, 0xffffffffu);
	faults += ends_session(&ring, "submit_tail backwards");
	must_open(&ring);
	atomic_store(&ring.control->submit_tail, 0x80000000u);
	faults += ends_session(&ring, "submit_tail half the world ahead");
	must_open(&ring);
	wit_numbered_fill(ring.data, 64, 9, 0);
	atomic_store(&ring.control->answer_head, 1u << 20);
	speak_submit(&ring, 1, 0, 64, 0);
	faults += ends_session(&ring, "answer_head ahead of the answers");

	/* What the daemon writes is the daemon's: a lie about it changes nothing. */
	must_open(&ring);
	wit_numbered_fill(ring.data, 64, 9, 0);
	atomic_store(&ring.control->submit_head, 4000);
	atomic_store(&ring.control->answer_tail, 0);
	ring.control->submit_slots = 1;
	ring.control->complete_slots = 0;
	ring.control->data_bytes = 0xffffffffu;
	speak_submit(&ring, 77, 0, 64, 0);
	struct lwf_ring_answer answer;
	if (!speak_take(&ring, &answer, 3000) || answer.id != 77)
		faults += broken("a lie about the daemon's own indices cost an answer");
	speak_close(&ring);
	return faults ? 1 : 0;
}

static int records(void)
{
	static const struct {
		uint32_t offset, len;
		bool fits;
	} cases[] = {
		{0, 64, true},
		{LWF_RING_DATA_BYTES, 64, false},
		{LWF_RING_DATA_BYTES - 63, 64, false},
		{LWF_RING_DATA_BYTES - 64, 64, true},
		{0xffffffffu, 64, false},
		{0xffffffc0u, 128, false}, /* offset + len wraps to something small */
		{0, 0, false},
		{0, 1, false},
		{0, 13, false},
		{0, 0xffffffffu, false},
		{0, LWF_RING_DATA_BYTES, false},
		{0, LWF_RING_DATA_BYTES + 1, false},
		{0, 1u << 31, false},
		{64, 0xffffffc0u, false},
		{0, 64, true},
	};
	const uint32_t n = sizeof(cases) / sizeof(cases[0]);
	struct speak_ring ring;
	int faults = 0;

	must_open(&ring);
	for (uint32_t i = 0; i < n; i++) {
		struct lwf_ring_answer answer;

		if (cases[i].offset <= LWF_RING_DATA_BYTES - 64)
			wit_numbered_fill(ring.data + cases[i].offset, 64, 9, i);
		speak_submit(&ring, 1000 + i, cases[i].offset, cases[i].len, 0);
		if (!speak_take(&ring, &answer, 3000)) {
			printf("record %u: no answer\n", i);
			faults++;
		} else if (answer.id != 1000 + i || (answer.status == 0) != cases[i].fits) {
			printf("record %u: answer to %llu with status %#x\n", i,
			       (unsigned long long)answer.id, answer.status);
			faults++;
		}
	}
	if (atomic_load(&ring.control->answer_tail) != n)
		faults += broken("more answers than records");
	speak_close(&ring);
	return faults ? 1 : 0;
}

static volatile bool scribbling;

static void *scribble_all_over(void *argument)
{
	struct speak_ring *ring = argument;
	uint32_t noise = 88172645u;

	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED)) {
		for (uint32_t i = 0; i < 4096; i++) {
			noise ^= noise << 13;
			noise ^= noise >> 17;
			noise ^= noise << 5;
			/* Mostly records and frames: a lie in an index ends the session at once. */
			uint32_t from = i & 4095 ? LWF_RING_SUBMIT_OFFSET : 0;
			uint32_t at = from + noise % (LWF_RING_DATA_OFFSET + 65536 - from);

			*(volatile uint8_t *)(ring->base + at) = (uint8_t)(noise >> 24);
		}
	}
	return NULL;
}

static int scribble(uint64_t seconds)
{
	uint64_t deadline = wit_now_ns() + seconds * 1000000000u, sessions = 0;

	while (wit_now_ns() < deadline) {
		struct speak_ring ring;
		pthread_t thread;
		uint64_t id = 0, until = wit_now_ns() + 200000000u;

		must_open(&ring);
		sessions++;
		scribbling = true;
		if (pthread_create(&thread, NULL, scribble_all_over, &ring))
			wit_die("no thread");
		while (wit_now_ns() < until && !speak_is_closed(ring.fd, 1)) {
			for (uint32_t i = 0; i < 64; i++)
				speak_submit(&ring, id, (uint32_t)(id * 2048) % (1u << 20), 64, 0);
			atomic_store(&ring.control->answer_head,
				     atomic_load(&ring.control->answer_tail));
		}
		__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		speak_close(&ring);
	}
	printf("%llu sessions\n", (unsigned long long)sessions);
	return 0;
}

static int doorbells(uint64_t seconds)
{
	uint64_t deadline = wit_now_ns() + seconds * 1000000000u, rung = 0;
	struct speak_ring ring;

	must_open(&ring);
	while (wit_now_ns() < deadline) {
		for (uint32_t i = 0; i < 1000; i++)
			rung += speak_send(ring.fd, LWF_WIRE_DOORBELL, 0, NULL, 0);
	}
	printf("%llu doorbells\n", (unsigned long long)rung);
	speak_close(&ring);
	return 0;
}

static int questions(uint64_t seconds)
{
	uint64_t deadline = wit_now_ns() + seconds * 1000000000u, asked = 0;
	int fd = greeted();

	while (wit_now_ns() < deadline) {
		if (speak_send(fd, asked & 1 ? LWF_WIRE_SHOW : LWF_WIRE_LEDGER, (uint32_t)asked,
			       "{}", 2)) {
			asked++;
			continue;
		}
		if (errno == EAGAIN) {
			usleep(1000);
			continue;
		}
		close(fd); /* thrown out: come again */
		fd = greeted();
	}
	printf("%llu questions\n", (unsigned long long)asked);
	close(fd);
	return 0;
}

static int deaf(uint64_t seconds)
{
	int watching[8];

	for (size_t i = 0; i < 8; i++) {
		watching[i] = greeted();
		speak_send(watching[i], LWF_WIRE_WATCH, 1, "{}", 2);
	}
	sleep((unsigned int)seconds);
	for (size_t i = 0; i < 8; i++)
		close(watching[i]);
	return 0;
}

static int hoard(uint64_t seconds)
{
	uint64_t deadline = wit_now_ns() + seconds * 1000000000u, id = 0;
	struct speak_ring ring;
	uint32_t answers;

	must_open(&ring);
	wit_numbered_fill(ring.data, 64, 9, 0);
	while (wit_now_ns() < deadline) {
		uint32_t waiting = atomic_load(&ring.control->submit_tail) -
				   atomic_load(&ring.control->submit_head);

		if (waiting < LWF_RING_SUBMIT_SLOTS)
			speak_submit(&ring, id++, 0, 64, 0);
		else
			usleep(1000);
	}
	answers = atomic_load(&ring.control->answer_tail);
	printf("%llu submitted, %u answers hoarded\n", (unsigned long long)id, answers);
	if (answers > LWF_RING_COMPLETE_SLOTS)
		return broken("answers were written over answers not yet taken");
	if (answers < LWF_RING_COMPLETE_SLOTS / 2)
		return broken("the daemon stopped answering too early");
	if (speak_is_closed(ring.fd, 10))
		return broken("a slow client was thrown out");
	speak_close(&ring);
	return 0;
}

/* ---- coming and going ---- */

/* Another one comes while the crowd stands there; it may have to ask more than once. */
static bool served_in_time(void)
{
	uint64_t deadline = wit_now_ns() + 10000000000u;

	while (wit_now_ns() < deadline) {
		int fd = speak_connect();
		enum speak_got got = SPEAK_CLOSED;

		if (fd >= 0) {
			got = speak_ask(fd, LWF_WIRE_HELLO, "{\"version\":1}");
			close(fd);
		}
		if (got == SPEAK_REPLY)
			return true;
		usleep(20000);
	}
	return false;
}

static int crowd(uint64_t number)
{
	int *fds = calloc(number, sizeof(*fds)), faults = 0;
	uint64_t connected = 0;

	if (!fds)
		wit_die("no memory");
	for (uint64_t i = 0; i < number; i++) {
		fds[i] = speak_connect();
		connected += fds[i] >= 0;
	}
	printf("%llu connections\n", (unsigned long long)connected);
	for (uint64_t i = 0; i < number / 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (!served_in_time())
		faults = broken("half the crowd has gone, and nobody is served");
	for (uint64_t i = number / 2; i < number; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(fds);
	return faults;
}

static int reconnect(uint64_t times)
{
	for (uint64_t i = 0; i < times; i++) {
		struct speak_ring ring;

		must_open(&ring);
		for (uint32_t n = 0; n < 256; n++) {
			wit_numbered_fill(ring.data + n * 2048, 64, 9, n);
			speak_submit(&ring, n, n * 2048, 64, 0);
		}
		speak_close(&ring);
	}
	return 0;
}

static int seal(void)
{
	struct speak_ring ring;
	int faults = 0;

	must_open(&ring);
	if (!ftruncate(ring.memory, 0))
		faults += broken("the shared memory could be cut to nothing");
	if (!ftruncate(ring.memory, (off_t)LWF_RING_BYTES * 2))
		faults += broken("the shared memory could be made larger");
	if (!fallocate(ring.memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, LWF_RING_BYTES))
		puts("a hole could be punched (it reads as zeros)");
	speak_submit(&ring, 1, 0, 64, 0);
	speak_close(&ring);
	return faults ? 1 : 0;
}

static int descriptors(uint64_t number)
{
	for (uint64_t i = 0; i < number; i++) {
		struct lwf_wire_header head = HEAD(LWF_WIRE_HELLO, 13);
		struct iovec parts[2] = {{&head, sizeof(head)},
					 {(void *)(uintptr_t) "{\"version\":1}", 13}};
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(int) * 4)];
		} control = {0};
		struct msghdr message = {.msg_iov = parts,
					 .msg_iovlen = 2,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control)};
		struct cmsghdr *part = CMSG_FIRSTHDR(&message);
		int fd = speak_connect(), passing[4] = {0, 1, 2, fd};

		if (fd < 0)
			wit_die("connect: %s", strerror(errno));
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(passing));
		memcpy(CMSG_DATA(part), passing, sizeof(passing));
		if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
			wit_die("sendmsg: %s", strerror(errno));
		if (speak_answer(fd, 3000, NULL) == SPEAK_SILENCE)
			return broken("no answer to a message with descriptors");
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct {
		const char *name;
		int (*plain)(void);
		int (*counted)(uint64_t);
	} ways[] = {
		{"malformed", malformed, NULL}, {"index", indices, NULL},
		{"record", records, NULL},	{"seal", seal, NULL},
		{"scribble", NULL, scribble},	{"doorbells", NULL, doorbells},
		{"questions", NULL, questions}, {"deaf", NULL, deaf},
		{"hoard", NULL, hoard},		{"crowd", NULL, crowd},
		{"reconnect", NULL, reconnect}, {"descriptors", NULL, descriptors},
	};

	if (argc < 3)
		wit_die("usage: badclient STACK WAY [NUMBER]");
	stack_name = argv[1];
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, argv[2]))
			continue;
		if (ways[i].plain)
			return ways[i].plain();
		if (argc < 4)
			wit_die("badclient %s needs a number", argv[2]);
		return ways[i].counted(wit_number(argv[3], 1000000, argv[2]));
	}
	wit_die("badclient: no way %s", argv[2]);
}
