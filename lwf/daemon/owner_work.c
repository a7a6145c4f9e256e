/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_work.c - the resolver process: its loop, its asks and their answers.
 *
 * Asks that come during a pass wait for the next one, since a process that was passed already may hold their
 * socket. A pass answers all of its asks at its end, and is followed by a rest of OWNER_REST_FACTOR
 * times its length, within bounds: on a machine with few descriptors an answer takes milliseconds, on one with
 * many the resolver does not take a processor to itself. Between two slices the daemon is listened to.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "owner_work.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- to the daemon: it may take its time, nobody waits for us ---- */

static void tell(struct owner_work *work, enum owner_kind kind, uint32_t count)
{
	size_t bytes = owner_message_bytes(kind, count);

	work->out.head = (struct owner_head){.magic = OWNER_MAGIC,
					     .kind = (uint16_t)kind,
					     .count = (uint16_t)count,
					     .space = work->list.space};
	while (send(work->fd, &work->out, bytes, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			_exit(0); /* the daemon has gone */
	}
}

static void tell_answer(struct owner_work *work, uint32_t *count, uint64_t id,
			const struct lwf_owner *owner)
{
	work->out.answer[*count].id = id;
	work->out.answer[*count].owner = *owner;
	if (++*count < OWNER_RECORDS_MAX)
		return;
	tell(work, OWNER_KIND_ANSWER, *count);
	*count = 0;
}

/* ---- a pass ---- */

static bool want(struct owner_work *work, const struct owner_case *one)
{
	bool room = true;

	for (uint8_t n = 0; n < one->count; n++)
		room &= owner_scan_want(work->scan, one->inodes[n]);
	return room;
}

static void begin_pass(struct owner_work *work)
{
	work->active = work->waiting;
	work->passing = true;
	work->pass_began_ns = now_ns();
	owner_scan_clear(work->scan);
	owner_list_siblings(work);
	for (uint32_t n = 0; n < work->active; n++)
		(void)want(work, &work->cases[n]); /* without room: its holders are "missed" */
	work->list.listing = work->list.wanted;
	work->list.wanted = false;
	if (!work->list.listing)
		return;
	owner_list_all(work);
	for (uint32_t n = 0; n < work->list.count; n++)
		(void)owner_scan_want(work->scan, work->list.sockets[n].inode);
}

static void answer_cases(struct owner_work *work)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < work->active; n++) {
		const struct owner_case *one = &work->cases[n];
		struct owner_holders holders = {.sockets = one->count, .missed = one->more};
		struct lwf_owner owner;

		for (uint8_t i = 0; i < one->count; i++)
			owner_scan_holders(work->scan, one->inodes[i], &holders);
		owner_judge(&one->ask, &holders, &owner);
		tell_answer(work, &count, one->ask.id, &owner);
	}
	if (count)
		tell(work, OWNER_KIND_ANSWER, count);
}

/** The ask that would have been made for a socket of a list. */
static void ask_for(const struct owner_socket *socket, struct owner_ask *ask)
{
	*ask = (struct owner_ask){.cookie = socket->cookie,
				  .asked = UINT64_MAX,
				  .tuple = socket->tuple,
				  .inode = socket->inode,
				  .uid = socket->uid,
				  .match = socket->state == OWNER_STATE_LISTEN
						   ? OWNER_MATCH_LISTENER
						   : OWNER_MATCH_EXACT};
}

static void answer_list(struct owner_work *work)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < work->list.count; n++) {
		const struct owner_socket *socket = &work->list.sockets[n];
		struct owner_holders holders = {.sockets = 1};
		struct owner_ask ask;

		ask_for(socket, &ask);
		owner_scan_holders(work->scan, socket->inode, &holders);
		work->out.found[count].tuple = socket->tuple;
		owner_judge(&ask, &holders, &work->out.found[count].owner);
		if (++count < OWNER_RECORDS_MAX)
			continue;
		tell(work, OWNER_KIND_FOUND, count);
		count = 0;
	}
	if (count)
		tell(work, OWNER_KIND_FOUND, count);
	work->out.end = (struct owner_end){
		.found = work->list.count, .missed = work->list.missed, .error = work->list.error};
	tell(work, OWNER_KIND_END, 1);
	work->list.listing = false;
}

static void end_pass(struct owner_work *work)
{
	uint64_t now = now_ns(), took = now - work->pass_began_ns, rest = took * OWNER_REST_FACTOR;

	work->out.pass = *owner_scan_pass(work->scan);
	work->out.pass.number = ++work->pass_number;
	work->out.pass.nanoseconds = took;
	work->out.pass.asks = work->active;
	tell(work, OWNER_KIND_PASS, 1);
	answer_cases(work);
	if (work->list.listing)
		answer_list(work);
	work->waiting -= work->active;
	memmove(work->cases, work->cases + work->active, work->waiting * sizeof(work->cases[0]));
	work->active = 0;
	work->passing = false;
	if (rest < OWNER_REST_LEAST_NS)
		rest = OWNER_REST_LEAST_NS;
	work->next_pass_ns = now + (rest < OWNER_REST_MOST_NS ? rest : OWNER_REST_MOST_NS);
}

/* ---- from the daemon ---- */

/* Who it is besides: at once, since it may end at any time. A younger process has its number by now. */
static void answer_sender(struct owner_work *work, const struct owner_ask *ask)
{
	struct lwf_owner owner = {
		.pid = ask->pid, .uid = ask->uid, .how = LWF_OWNER_EXACT, .holders = 1};
	int process = owner_proc_open(work->procfs, ask->pid);
	struct owner_process who;
	uint32_t none = 0;

	memcpy(owner.comm, ask->comm, sizeof(owner.comm));
	if (process >= 0 && owner_proc_identify(process, &who) == 0 &&
	    who.start_time <= ask->asked) {
		owner.ppid = who.ppid;
		owner.start_time = who.start_time;
		memcpy(owner.comm, who.comm, sizeof(owner.comm));
		memcpy(owner.exe, who.exe, sizeof(owner.exe));
	}
	if (process >= 0)
		close(process);
	tell_answer(work, &none, ask->id, &owner);
	tell(work, OWNER_KIND_ANSWER, 1);
}

static void take_ask(struct owner_work *work, const struct owner_ask *ask)
{
	struct owner_case *one = &work->cases[work->waiting];
	uint32_t none = 0;

	if (ask->match == OWNER_MATCH_SENDER) {
		answer_sender(work, ask);
		return;
	}
	if (work->waiting == OWNER_ASKS_MAX) {
		struct lwf_owner owner = {.uid = ask->uid,
					  .cookie = ask->cookie,
					  .how = LWF_OWNER_UNKNOWN,
					  .why = LWF_OWNER_WHY_OVERLOAD};

		tell_answer(work, &none, ask->id, &owner);
		tell(work, OWNER_KIND_ANSWER, 1);
		return;
	}
	*one = (struct owner_case){.ask = *ask, .inodes = {ask->inode}, .count = 1};
	work->waiting++;
}

static void take_space(struct owner_work *work, uint32_t space, int fd)
{
	if (work->spaces[space] >= 0)
		close(work->spaces[space]);
	work->spaces[space] = fd;
}

/** The descriptor that came along, or -1. One at most has room, so none is left over. */
static int take_fd(struct msghdr *header)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(header);
	int fd = -1;

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
	    control->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/** Serves one message; false: there is none. Ends the process with the daemon. */
static bool serve(struct owner_work *work)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {&work->in, sizeof(work->in)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(work->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0)
		_exit(0);
	fd = take_fd(&header);
	if (!owner_message_from_daemon(&work->in, (size_t)got) ||
	    (work->in.head.kind == OWNER_KIND_SPACE) != (fd >= 0))
		_exit(1);
	if (work->in.head.kind == OWNER_KIND_SPACE)
		take_space(work, work->in.head.space, fd);
	for (uint32_t n = 0; work->in.head.kind == OWNER_KIND_ASK && n < work->in.head.count; n++)
		take_ask(work, &work->in.ask[n]);
	if (work->in.head.kind == OWNER_KIND_LIST && !work->list.listing) {
		work->list.wanted = true;
		work->list.space = work->in.head.space;
	}
	return true;
}

/** How long to sleep, in milliseconds; -1: until the daemon speaks. */
static int patience_ms(const struct owner_work *work)
{
	uint64_t now;

	if (work->passing)
		return 0;
	if (!work->waiting && !work->list.wanted)
		return -1;
	now = now_ns();
	return now >= work->next_pass_ns ? 0 : (int)((work->next_pass_ns - now) / 1000000 + 1);
}

_Noreturn void owner_work_run(int fd, int procfs)
{
	struct owner_work *work = calloc(1, sizeof(*work));
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (!work)
		_exit(1);
	work->fd = fd;
	work->procfs = procfs;
	for (uint32_t n = 0; n < OWNER_SPACES_MAX; n++)
		work->spaces[n] = -1;
	work->scan = owner_scan_create(procfs);
	if (!work->scan)
		_exit(1);
	for (;;) {
		int wait_ms = patience_ms(work);

		if (poll(&poll_fd, 1, wait_ms) > 0)
			while (serve(work))
				;
		if (work->passing) {
			if (owner_scan_slice(work->scan))
				end_pass(work);
		} else if ((work->waiting || work->list.wanted) && now_ns() >= work->next_pass_ns) {
			begin_pass(work);
		}
	}
}
