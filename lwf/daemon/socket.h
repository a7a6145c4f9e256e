/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.h - the path of the control socket: claimed at start, shown when all is ready.
 *
 * Two daemons that start at the same moment cannot both have it: PATH.lock is locked from the claim
 * to the end of the process, and holds its pid. The socket is made under another name and renamed
 * to PATH when it already listens, so that whoever finds it can talk to it, and a dead socket file
 * of a killed daemon is replaced in one step.
 */
#ifndef LWF_DAEMON_SOCKET_H
#define LWF_DAEMON_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "wire.h"

struct lwf_socket {
	char path[LWF_CONTROL_PATH_BYTES];
	char lock_path[LWF_CONTROL_PATH_BYTES + 8];
	char temp_path[LWF_CONTROL_PATH_BYTES];
	char made_dir[LWF_CONTROL_PATH_BYTES]; /* empty: the directory was there before */
	int lock_fd, fd;
	bool temp_made, shown;
};

/**
 * Claims @path, and makes its directory if only the last part of it is missing. Returns 0 or -errno
 * with @error: a live daemon is there (exit 6, with its pid), no right to (4), no such directory
 * (2).
 */
int lwf_socket_claim(struct lwf_socket *sock, const char *path, struct lwf_error *error);

/** Makes the socket with its owner and mode: 0600, or 0660 for @group. Needs all rights. */
int lwf_socket_make(struct lwf_socket *sock, bool has_group, gid_t group, struct lwf_error *error);

/** From now on clients can connect. */
int lwf_socket_show(struct lwf_socket *sock, struct lwf_error *error);

/** From now on nobody finds it; the claim stays until lwf_socket_close(). */
void lwf_socket_hide(struct lwf_socket *sock);

/** Takes the path away again, as far as it is ours. Accepts one that is all zero but for fds -1. */
void lwf_socket_close(struct lwf_socket *sock);

#endif
