/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guardian.c - the watchdog child; see guardian.h.
 *
 * The daemon's side sends one message per change over a SOCK_SEQPACKET pair, with the netlink
 * socket that the child shall use, opened in the right namespace, since the child may enter none.
 * Requests travel in a memory file, so their size is no matter. The child's side keeps a list and
 * waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lwf/host.h>

#include "guardian.h"
#include "leftovers.h"
#include "nsnet.h"
#include "sandbox.h"

#define GUARDIAN_PATH_BYTES 256u
#define GUARDIAN_MAGIC	    0x6c776764u
#define GUARDIAN_FDS_MAX    2u

enum guardian_what {
	WHAT_NONSENSE,
	WHAT_FORGET,
	WHAT_REQUESTS,
	WHAT_INGRESS,
	WHAT_FILE,
	WHAT_GOODBYE
};

struct guardian_message {
	uint32_t magic;
	enum guardian_what what;
	uint32_t ifindex;
	uint32_t bytes; /* of requests */
	dev_t device;	/* of the file */
	ino_t inode;
	char key[GUARDIAN_PATH_BYTES]; /* the path, for files */
};

struct guardian {
	int fd;
	pid_t pid;	       /* 0: it is gone */
	struct lwf_host *host; /* NULL: nobody follows */
	struct lwf_watch watch;
};

/* ---- the child ---- */

struct entry {
	struct entry *next; /* older */
	struct guardian_message message;
	int netlink; /* -1 for files */
	void *requests;
};

static struct entry *entries;
static uint32_t entry_count;

static void forget(const char *key)
{
	for (struct entry **link = &entries; *link; link = &(*link)->next) {
		struct entry *entry = *link;

		if (strcmp(entry->message.key, key))
			continue;
		*link = entry->next;
		if (entry->netlink >= 0)
			close(entry->netlink);
		free(entry->requests);
		free(entry);
		entry_count--;
		return;
	}
}

static bool read_requests(struct entry *entry, int file)
{
	uint32_t bytes = entry->message.bytes, have = 0;

	if (bytes > GUARDIAN_REQUESTS_MAX_BYTES || file < 0)
		return false;
	entry->requests = malloc(bytes ? bytes : 1);
	while (entry->requests && have < bytes) {
		ssize_t got = pread(file, (uint8_t *)entry->requests + have, bytes - have, have);

		if (got <= 0)
			return false;
		have += (uint32_t)got;
	}
	return entry->requests != NULL;
}

static void remember(const struct guardian_message *message, int netlink, int file)
{
	struct entry *entry = NULL;

	forget(message->key);
	if (entry_count < GUARDIAN_ENTRIES_MAX)
		entry = calloc(1, sizeof(*entry));
	if (!entry)
		goto refuse;
	entry->message = *message;
	entry->netlink = netlink;
	if (message->what == WHAT_REQUESTS && !read_requests(entry, file))
		goto refuse;
	entry->next = entries;
	entries = entry;
	entry_count++;
	return;
refuse:
	if (entry)
		free(entry->requests);
	free(entry);
	if (netlink >= 0)
		close(netlink);
}

static void undo_file(const struct guardian_message *message)
{
	struct stat status;
	int fd = -1;

	if (lstat(message->key, &status) || status.st_dev != message->device ||
	    status.st_ino != message->inode)
		return;
	if (S_ISREG(status.st_mode))
		fd = open(message->key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (S_ISDIR(status.st_mode))
		(void)rmdir(message->key);		  /* only when it is empty */
	else if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB)) /* the next daemon may have locked it */
		(void)unlink(message->key);
	if (fd >= 0)
		close(fd);
}

static void undo_all(void)
{
	for (struct entry *entry = entries; entry; entry = entry->next) {
		if (entry->message.what == WHAT_REQUESTS)
			lwf_netlink_play(entry->netlink, entry->requests, entry->message.bytes,
					 NULL);
		else if (entry->message.what == WHAT_INGRESS)
			(void)lwf_clsact_open(entry->netlink, entry->message.ifindex);
		else
			undo_file(&entry->message);
	}
}

/** Takes the descriptors out of a message; those that are not there are -1. */
static void take_fds(struct msghdr *header, int fds[GUARDIAN_FDS_MAX])
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(header);
	size_t bytes;

	for (uint32_t n = 0; n < GUARDIAN_FDS_MAX; n++)
		fds[n] = -1;
	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
		return;
	bytes = control->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(control), bytes < sizeof(int[2]) ? bytes : sizeof(int[2]));
}

/** Serves one message. False when the daemon has gone, well or not: *well tells. */
static bool serve(int fd, bool *well)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int[GUARDIAN_FDS_MAX]))];
	} control;
	struct guardian_message message;
	struct iovec part = {&message, sizeof(message)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	int fds[GUARDIAN_FDS_MAX];
	ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	take_fds(&header, fds);
	if (got != (ssize_t)sizeof(message) || message.magic != GUARDIAN_MAGIC)
		message.what = WHAT_NONSENSE;
	message.key[sizeof(message.key) - 1] = '\0';
	switch (message.what) {
	case WHAT_GOODBYE:
		*well = true;
		return false;
	case WHAT_NONSENSE: /* whatever it is, it is not the daemon's end */
		if (fds[0] >= 0)
			close(fds[0]);
		break;
	case WHAT_FORGET:
		forget(message.key);
		return true;
	case WHAT_REQUESTS:
	case WHAT_INGRESS:
	case WHAT_FILE:
		remember(&message, fds[0], fds[1]);
		break;
	}
	if (fds[1] >= 0)
		close(fds[1]);
	return true;
}

/** Nothing of the daemon's may be held open here, least of all what was its standard output. */
static int child_prepare(int fd)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	int null;

	for (size_t n = 0; n < sizeof(ignored) / sizeof(ignored[0]); n++)
		(void)signal(ignored[n], SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "lwfd-guardian");
	if (chdir("/"))
		return -errno;
	null = open("/dev/null", O_RDWR);
	for (int n = 0; null >= 0 && n < 3; n++)
		(void)dup2(null, n);
	if (fd != 3 && dup3(fd, 3, O_CLOEXEC) < 0)
		return -errno;
	(void)close_range(4, ~0u, 0);
	return sandbox_enter_guardian();
}

static _Noreturn void child_main(int fd)
{
	bool well = false;

	if (child_prepare(fd))
		_exit(1);
	while (serve(3, &well))
		;
	if (!well)
		undo_all();
	_exit(0);
}

/* ---- the daemon ---- */

int guardian_start(struct guardian **result)
{
	static const struct timeval patience = {.tv_usec = GUARDIAN_PATIENCE_MS * 1000};
	struct guardian *guardian = calloc(1, sizeof(*guardian));
	int pair[2], error;

	if (!guardian)
		return -ENOMEM;
	sandbox_begin(); /* here, since this is before any thread and any child */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		error = -errno;
		goto release;
	}
	guardian->pid = fork();
	if (guardian->pid < 0) {
		error = -errno;
		close(pair[0]);
		close(pair[1]);
		goto release;
	}
	if (!guardian->pid) {
		close(pair[0]);
		child_main(pair[1]);
	}
	close(pair[1]);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	guardian->fd = pair[0];
	*result = guardian;
	return 0;
release:
	free(guardian);
	return error;
}

/* It is not there any more, or no use: a killed daemon would leave its traces. Says so once. */
static void lose(struct guardian *guardian, const char *why)
{
	if (!guardian->pid)
		return;
	(void)kill(guardian->pid, SIGKILL);
	while (waitpid(guardian->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guardian->pid = 0;
	if (!guardian->host)
		return;
	lwf_watch_set(&guardian->watch, 0);
	lwf_log(guardian->host, LWF_LOG_ERROR,
		"lwfd-guardian: %s; should lwfd be killed, lwfctl cleanup undoes what is left",
		why);
}

static void on_guardian(void *context, unsigned events)
{
	struct guardian *guardian = context;
	char byte;
	ssize_t got = recv(guardian->fd, &byte, sizeof(byte), MSG_DONTWAIT);

	(void)events;
	if (got == 0 || (got < 0 && errno == ECONNRESET))
		lose(guardian, "it has ended");
}

int guardian_follow(struct guardian *guardian, struct lwf_host *host)
{
	int error;

	if (!guardian)
		return 0;
	error = lwf_watch_init(&guardian->watch, host, guardian->fd, LWF_WATCH_READ, 1, on_guardian,
			       guardian);
	if (!error)
		guardian->host = host;
	return error;
}

void guardian_unfollow(struct guardian *guardian)
{
	if (!guardian || !guardian->host)
		return;
	lwf_watch_fini(&guardian->watch);
	guardian->host = NULL;
}

static int tell(struct guardian *guardian, struct guardian_message *message, const int *fds,
		size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int[GUARDIAN_FDS_MAX]))];
	} control = {0};
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	message->magic = GUARDIAN_MAGIC;
	if (count) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	for (;;) {
		if (!guardian->pid)
			return -EPIPE;
		if (sendmsg(guardian->fd, &header, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			lose(guardian, "it does not listen, and was ended");
		else if (errno != EINTR)
			return -errno;
	}
}

static int set_key(struct guardian_message *message, enum guardian_what what, const char *key)
{
	if (strlen(key) >= sizeof(message->key))
		return -ENAMETOOLONG;
	memset(message, 0, sizeof(*message));
	message->what = what;
	memcpy(message->key, key, strlen(key));
	return 0;
}

static int tell_forget(struct guardian *guardian, const char *key)
{
	struct guardian_message message;
	int error = set_key(&message, WHAT_FORGET, key);

	return error ? error : tell(guardian, &message, NULL, 0);
}

static int open_netlink(void *argument)
{
	return lwf_netlink_open(argument);
}

/** A memory file with @bytes of @requests. Its descriptor or -errno. */
static int make_file(const void *requests, size_t bytes)
{
	int file = memfd_create("lwfd-undo", MFD_CLOEXEC);
	size_t done = 0;

	if (file < 0)
		return -errno;
	while (done < bytes) {
		ssize_t put = write(file, (const uint8_t *)requests + done, bytes - done);

		if (put <= 0) {
			int error = put < 0 ? -errno : -EIO;

			close(file);
			return error;
		}
		done += (size_t)put;
	}
	return file;
}

int guardian_requests(struct guardian *guardian, const char *key, struct nsnet *ns,
		      const void *requests, size_t bytes)
{
	struct guardian_message message;
	int fds[GUARDIAN_FDS_MAX], error;

	if (!guardian)
		return 0;
	if (bytes > GUARDIAN_REQUESTS_MAX_BYTES)
		return -EMSGSIZE;
	if (!bytes)
		return tell_forget(guardian, key);
	error = set_key(&message, WHAT_REQUESTS, key);
	if (error)
		return error;
	message.bytes = (uint32_t)bytes;
	error = nsnet_call(ns, open_netlink, &fds[0]);
	if (error)
		return error;
	fds[1] = make_file(requests, bytes);
	error = fds[1] < 0 ? fds[1] : tell(guardian, &message, fds, 2);
	if (fds[1] >= 0)
		close(fds[1]);
	close(fds[0]);
	return error;
}

int guardian_ingress(struct guardian *guardian, const char *key, struct nsnet *ns, uint32_t ifindex)
{
	struct guardian_message message;
	int fd, error;

	if (!guardian)
		return 0;
	if (!ifindex)
		return tell_forget(guardian, key);
	error = set_key(&message, WHAT_INGRESS, key);
	if (!error)
		error = nsnet_call(ns, open_netlink, &fd);
	if (error)
		return error;
	message.ifindex = ifindex;
	error = tell(guardian, &message, &fd, 1);
	close(fd);
	return error;
}

int guardian_file(struct guardian *guardian, const char *path)
{
	struct guardian_message message;
	struct stat status;
	int error;

	if (!guardian)
		return 0;
	error = set_key(&message, WHAT_FILE, path);
	if (error)
		return error;
	if (lstat(path, &status) < 0)
		return -errno;
	message.device = status.st_dev;
	message.inode = status.st_ino;
	return tell(guardian, &message, NULL, 0);
}

void guardian_forget_file(struct guardian *guardian, const char *path)
{
	if (guardian)
		(void)tell_forget(guardian, path);
}

void guardian_finish(struct guardian *guardian)
{
	struct guardian_message message = {.what = WHAT_GOODBYE};

	if (!guardian)
		return;
	(void)tell(guardian, &message, NULL, 0);
	close(guardian->fd);
	for (int ms = 0; guardian->pid && ms < GUARDIAN_PATIENCE_MS; ms++) {
		static const struct timespec moment = {.tv_nsec = 1000000};

		if (waitpid(guardian->pid, NULL, WNOHANG) == guardian->pid)
			guardian->pid = 0;
		else
			(void)nanosleep(&moment, NULL);
	}
	lose(guardian, "it does not end"); /* somebody stopped it; nothing is left to undo */
	free(guardian);
}
