/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_unpack.c - runs the programs that unpack compressed files.
 *
 * The child has a process group of its own, so that a ^C at the terminal does not look like a damaged
 * file; it dies of SIGPIPE when nobody reads any more. What it says goes to a file in memory, from
 * which the reason of a failure is taken.
 */
#include "inject_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct packer {
	const char *program;
	uint8_t magic[INJECT_UNPACK_MAGIC_BYTES];
	uint8_t bytes;
	uint8_t warning; /* exit code that is none of a failure */
} packers[] = {
	{"gzip", {0x1f, 0x8b}, 2, 2},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, 0},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, 0},
	{"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, 0},
};

const char *inject_unpack_program(const uint8_t *magic, size_t bytes)
{
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		if (bytes >= packers[i].bytes && !memcmp(magic, packers[i].magic, packers[i].bytes))
			return packers[i].program;
	}
	return NULL;
}

static int spawn(struct inject_unpack *unpack, int in, int out)
{
	char dash[] = "-dc", name[16];
	char *argv[] = {name, dash, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int err;

	snprintf(name, sizeof(name), "%s", unpack->program);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	err = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, unpack->said_fd, STDERR_FILENO);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (!err)
		err = posix_spawnp(&unpack->pid, unpack->program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		unpack->pid = 0;
	return -err;
}

int inject_unpack_start(struct inject_unpack *unpack, const char *program, int fd)
{
	int ends[2], err;

	*unpack = (struct inject_unpack){.program = program, .said_fd = -1};
	if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
		close(fd);
		return err;
	}
	unpack->said_fd = memfd_create("said", MFD_CLOEXEC);
	err = unpack->said_fd < 0 ? -errno : spawn(unpack, fd, ends[1]);
	close(fd);
	close(ends[1]);
	if (!err)
		return ends[0];
	close(ends[0]);
	inject_unpack_stop(unpack);
	return err;
}

void inject_unpack_ended(struct inject_unpack *unpack)
{
	if (unpack->pid <= 0)
		return;
	while (waitpid(unpack->pid, &unpack->status, 0) < 0 && errno == EINTR)
		;
	unpack->pid = 0;
}

bool inject_unpack_failed(const struct inject_unpack *unpack, char *why, size_t bytes)
{
	char said[200] = "";
	ssize_t n;

	if (!unpack->program || unpack->pid || unpack->status == 0)
		return false;
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		if (packers[i].warning && !strcmp(packers[i].program, unpack->program) &&
		    WIFEXITED(unpack->status) && WEXITSTATUS(unpack->status) == packers[i].warning)
			return false;
	}
	n = pread(unpack->said_fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	/* its one sentence; gzip and zstd begin with an empty line */
	said[strspn(said, "\r\n") + strcspn(said + strspn(said, "\r\n"), "\r\n")] = '\0';
	if (WIFSIGNALED(unpack->status))
		snprintf(why, bytes, "%s was ended by signal %d", unpack->program,
			 WTERMSIG(unpack->status));
	else
		snprintf(why, bytes, "%s cannot unpack it (exit code %d) %s", unpack->program,
			 WEXITSTATUS(unpack->status), said + strspn(said, "\r\n"));
	return true;
}

void inject_unpack_stop(struct inject_unpack *unpack)
{
	if (unpack->pid > 0) {
		kill(unpack->pid, SIGKILL);
		inject_unpack_ended(unpack);
	}
	if (unpack->program && unpack->said_fd >= 0)
		close(unpack->said_fd);
	unpack->program = NULL;
	unpack->said_fd = -1;
}
