/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_resolver.c - the resolver process: its birth, its end, and the daemon's end of its socket; see
 * owner_resolver.h. What it does is in owner_work.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "owner_resolver.h"
#include "owner_work.h"
#include "sandbox.h"

#define RESOLVER_NICE 10 /* the data path goes first where both want a processor */

enum { CHILD_SOCKET = 3, CHILD_PROCFS = 4 };

/* ---- the child ---- */

/** Nothing of the daemon's may be held open here, least of all the watchdog's socket. */
static int child_prepare(int fd, pid_t parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	int null, procfs;

	/* one that is stopped does not read the end of its socket; this ends it all the same */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return -ESRCH;
	for (size_t n = 0; n < sizeof(ignored) / sizeof(ignored[0]); n++)
		(void)signal(ignored[n], SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "lwfd-resolver");
	(void)setpriority(PRIO_PROCESS, 0, RESOLVER_NICE);
	if (chdir("/"))
		return -errno;
	null = open("/dev/null", O_RDWR);
	for (int n = 0; null >= 0 && n < 3; n++)
		(void)dup2(null, n);
	if (fd != CHILD_SOCKET && dup3(fd, CHILD_SOCKET, O_CLOEXEC) < 0)
		return -errno;
	(void)close_range(CHILD_SOCKET + 1, ~0u, 0);
	procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (procfs < 0)
		return -errno;
	if (procfs != CHILD_PROCFS && dup3(procfs, CHILD_PROCFS, O_CLOEXEC) < 0)
		return -errno;
	return sandbox_enter_resolver();
}

static _Noreturn void child_main(int fd, pid_t parent)
{
	if (child_prepare(fd, parent))
		_exit(1);
	owner_work_run(CHILD_SOCKET, CHILD_PROCFS);
}

/* ---- the daemon ---- */

int owner_resolver_start(struct owner_resolver *resolver)
{
	pid_t self = getpid();
	int pair[2];

	*resolver = (struct owner_resolver){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	resolver->pid = fork();
	if (resolver->pid < 0) {
		int error = -errno;

		resolver->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return error;
	}
	if (!resolver->pid) {
		close(pair[0]);
		child_main(pair[1], self);
	}
	close(pair[1]);
	resolver->fd = pair[0];
	return 0;
}

int owner_resolver_send(const struct owner_resolver *resolver, const struct owner_message *message,
			int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)message,
			     owner_message_bytes(message->head.kind, message->head.count)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(fd));
	}
	while (sendmsg(resolver->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	return 0;
}

int owner_resolver_receive(const struct owner_resolver *resolver, struct owner_message *message)
{
	ssize_t got;

	do {
		got = recv(resolver->fd, message, sizeof(*message), MSG_DONTWAIT | MSG_TRUNC);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return -EPIPE;
	if ((size_t)got > sizeof(*message) || !owner_message_from_resolver(message, (size_t)got))
		return -EPROTO;
	return 1;
}

void owner_resolver_finish(struct owner_resolver *resolver)
{
	if (resolver->fd > 0)
		close(resolver->fd);
	if (resolver->pid > 0) {
		(void)kill(resolver->pid, SIGKILL); /* it has nothing to tidy up */
		while (waitpid(resolver->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*resolver = (struct owner_resolver){.fd = -1};
}
