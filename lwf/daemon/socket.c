/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.c - claims, makes, shows and removes the control socket's path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "socket.h"

#define BACKLOG	   64
#define OTHER_PATH "give another path with --control"

static int fail(struct lwf_error *error, enum lwf_exit code, int err, const char *what,
		const char *next, const char *why)
{
	if (why)
		lwf_error_set(error, code, what, next, "%s: %s", why, strerror(err));
	else
		lwf_error_set(error, code, what, next, "%s", strerror(err));
	return -err;
}

static enum lwf_exit exit_of(int err)
{
	return err == EACCES || err == EPERM || err == EROFS ? LWF_EXIT_PERMISSION : LWF_EXIT_USAGE;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int make_directory(struct lwf_socket *sock, struct lwf_error *error)
{
	char dir[LWF_CONTROL_PATH_BYTES];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", sock->path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	if (!mkdir(dir, geteuid() == 0 ? 0755 : 0700)) {
		memcpy(sock->made_dir, dir, sizeof(dir));
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return fail(error, exit_of(errno), errno, dir, OTHER_PATH,
		    "the directory of the control socket cannot be made");
}

/* The pid that the holder of the lock wrote; 0 while it is about to. */
static long lock_owner(int fd)
{
	char text[24] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

static int refuse_second(const char *path, long pid, struct lwf_error *error)
{
	lwf_error_set(error, LWF_EXIT_REFUSED, path, "end it first, or " OTHER_PATH,
		      "another lwfd (pid %ld) uses it", pid);
	return -EBUSY;
}

/* True when the lock file at the path is still the one that is open. */
static bool is_same_file(const char *path, int fd)
{
	struct stat open_one, path_one;

	return !fstat(fd, &open_one) && !stat(path, &path_one) &&
	       open_one.st_dev == path_one.st_dev && open_one.st_ino == path_one.st_ino;
}

static int take_lock(struct lwf_socket *sock, struct lwf_error *error)
{
	char text[24];
	int fd, len;

	for (;;) {
		fd = open(sock->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return fail(error, exit_of(errno), errno, sock->lock_path, OTHER_PATH,
				    "cannot be opened");
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			int err = errno;
			long pid = 0;

			for (int i = 0; i < 50 && !pid; i++) {
				pid = lock_owner(fd);
				if (!pid)
					usleep(2000);
			}
			close(fd);
			if (err != EWOULDBLOCK)
				return fail(error, LWF_EXIT_USAGE, err, sock->lock_path, OTHER_PATH,
					    "cannot be locked");
			return refuse_second(sock->path, pid, error);
		}
		if (is_same_file(sock->lock_path, fd))
			break;
		close(fd); /* its owner removed it between our open and our lock */
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len) {
		int err = errno;

		close(fd);
		return fail(error, LWF_EXIT_USAGE, err, sock->lock_path, OTHER_PATH,
			    "cannot be written");
	}
	sock->lock_fd = fd;
	return 0;
}

/* Refuses a path that somebody listens at, or that is something else than a socket. */
static int check_path(const char *path, struct lwf_error *error)
{
	struct sockaddr_un address = address_of(path);
	struct ucred peer = {0};
	socklen_t peer_bytes = sizeof(peer);
	struct stat st;
	int fd, err = 0;

	if (lstat(path, &st))
		return errno == ENOENT ? 0
				       : fail(error, exit_of(errno), errno, path, OTHER_PATH, NULL);
	if (!S_ISSOCK(st.st_mode)) {
		lwf_error_set(error, LWF_EXIT_REFUSED, path, OTHER_PATH,
			      "it exists and is no socket");
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, LWF_EXIT_USAGE, errno, path, NULL, "socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err = errno;
	else
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes);
	close(fd);
	switch (err) {
	case 0:
		return refuse_second(path, peer.pid, error);
	case ECONNREFUSED:
	case ENOENT:
		return 0; /* a dead one: it is replaced */
	case EACCES:
	case EPERM:
		return fail(error, LWF_EXIT_PERMISSION, err, path, OTHER_PATH, NULL);
	default:
		return fail(error, LWF_EXIT_REFUSED, err, path, OTHER_PATH,
			    "somebody else uses it");
	}
}

int lwf_socket_claim(struct lwf_socket *sock, const char *path, struct lwf_error *error)
{
	int ret;

	snprintf(sock->path, sizeof(sock->path), "%s", path);
	snprintf(sock->lock_path, sizeof(sock->lock_path), "%s.lock", path);
	sock->made_dir[0] = '\0';
	ret = make_directory(sock, error);
	if (!ret)
		ret = take_lock(sock, error);
	if (ret)
		return ret;
	ret = check_path(path, error);
	if (ret)
		lwf_socket_close(sock);
	return ret;
}

int lwf_socket_make(struct lwf_socket *sock, bool has_group, gid_t group, struct lwf_error *error)
{
	struct sockaddr_un address;
	int len;

	len = snprintf(
		sock->temp_path, sizeof(sock->temp_path), "%.*s.lwf-%ld",
		(int)(strrchr(sock->path, '/') ? strrchr(sock->path, '/') - sock->path + 1 : 0),
		sock->path, (long)getpid());
	if (len >= (int)sizeof(sock->temp_path))
		return fail(error, LWF_EXIT_USAGE, ENAMETOOLONG, sock->path, OTHER_PATH, NULL);
	address = address_of(sock->temp_path);
	sock->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->fd < 0)
		return fail(error, LWF_EXIT_USAGE, errno, sock->path, NULL, "socket");
	unlink(sock->temp_path); /* of a daemon with our pid that was killed at this very point */
	if (bind(sock->fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(error, exit_of(errno), errno, sock->path, OTHER_PATH, "bind");
	sock->temp_made = true;
	if (has_group && chown(sock->temp_path, (uid_t)-1, group))
		return fail(error, exit_of(errno), errno, "--group",
			    "run lwfd as root or as a member of the group",
			    "the socket cannot be given to the group");
	if (chmod(sock->temp_path, has_group ? 0660 : 0600))
		return fail(error, exit_of(errno), errno, sock->path, OTHER_PATH, "chmod");
	return 0;
}

int lwf_socket_show(struct lwf_socket *sock, struct lwf_error *error)
{
	if (listen(sock->fd, BACKLOG))
		return fail(error, LWF_EXIT_USAGE, errno, sock->path, NULL, "listen");
	if (rename(sock->temp_path, sock->path))
		return fail(error, exit_of(errno), errno, sock->path, OTHER_PATH, "rename");
	sock->temp_made = false;
	sock->shown = true;
	return 0;
}

void lwf_socket_hide(struct lwf_socket *sock)
{
	if (sock->temp_made)
		unlink(sock->temp_path);
	if (sock->shown)
		unlink(sock->path);
	if (sock->fd >= 0)
		close(sock->fd);
	sock->temp_made = false;
	sock->shown = false;
	sock->fd = -1;
}

void lwf_socket_close(struct lwf_socket *sock)
{
	lwf_socket_hide(sock);
	if (sock->lock_fd >= 0) {
		unlink(sock->lock_path); /* while it is locked: nobody else can be in between */
		close(sock->lock_fd);
		sock->lock_fd = -1;
	}
	if (sock->made_dir[0])
		rmdir(sock->made_dir); /* only when nobody else uses it by now */
	sock->made_dir[0] = '\0';
}
