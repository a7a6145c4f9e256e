/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_daemon.c - a daemon that ended is started again, as it was started before.
 *
 * Program, arguments, environment, folder, network namespace, rights and where it wrote are those of the
 * process that ended, read while it still ran. Who supervises it may be faster: then a daemon
 * answers already, and that is as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "runner.h"

#define TEXT_BYTES (256u << 10)
#define WORDS_MAX  4096u
#define LOOK_MS	   10

static int of_daemon(const struct fault_target *target, const char *file, char *path, size_t bytes)
{
	return snprintf(path, bytes, "/proc/%d/%s", (int)target->daemon.pid, file);
}

/* All of a file of the daemon in /proc. NULL when it cannot be read whole. */
static char *read_all(const struct fault_target *target, const char *file, size_t *bytes)
{
	char path[64], *text = malloc(TEXT_BYTES);
	FILE *in;

	of_daemon(target, file, path, sizeof(path));
	in = fopen(path, "re");
	*bytes = in && text ? fread(text, 1, TEXT_BYTES, in) : 0;
	if (in)
		fclose(in);
	if (*bytes > 0 && *bytes < TEXT_BYTES && text[*bytes - 1] == '\0')
		return text;
	free(text);
	return NULL;
}

static bool read_link(const struct fault_target *target, const char *file, char *to)
{
	char path[64];
	ssize_t n;

	of_daemon(target, file, path, sizeof(path));
	n = readlink(path, to, FAULT_PATH_BYTES - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0 && n < (ssize_t)FAULT_PATH_BYTES - 1;
}

static int open_output(const struct fault_target *target, const char *file)
{
	char path[64];

	of_daemon(target, file, path, sizeof(path));
	return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static bool is_in(const struct fault_space *space, void *context)
{
	return space->inode == *(const ino_t *)context;
}

static bool same_root(const struct fault_target *target)
{
	struct stat ours, theirs;
	char path[64];

	of_daemon(target, "root", path, sizeof(path));
	return stat("/", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int fault_start_learn(struct fault_target *target, struct lwf_error *error)
{
	struct fault_start *start = &target->start;
	struct stat status;
	char path[64];
	int code;

	if (start->known)
		return LWF_EXIT_OK;
	fault_start_free(start);
	code = fault_rights_learn(target, &start->rights, error);
	if (code)
		return code;
	start->arguments = read_all(target, "cmdline", &start->argument_bytes);
	start->environment = read_all(target, "environ", &start->environment_bytes);
	of_daemon(target, "ns/net", path, sizeof(path));
	start->known =
		start->arguments && start->environment && read_link(target, "exe", start->exe) &&
		read_link(target, "cwd", start->cwd) && access(start->exe, X_OK) == 0 &&
		same_root(target) && stat(path, &status) == 0 &&
		fault_space_find(target->daemon.pid, is_in, &status.st_ino, &start->space) == 0;
	start->out = open_output(target, "fd/1");
	start->err = open_output(target, "fd/2");
	start->page = fault_page_open(target->daemon.pid, &start->page_number);
	if (start->known)
		return LWF_EXIT_OK;
	lwf_error_set(error, LWF_EXIT_REFUSED, "daemon kill",
		      "run it as root, on the machine on which lwfd was started",
		      "it could not be started again: how it was started cannot be read from here");
	return LWF_EXIT_REFUSED;
}

void fault_start_free(struct fault_start *start)
{
	free(start->arguments);
	free(start->environment);
	fault_space_close(&start->space);
	if (start->out >= 0)
		close(start->out);
	if (start->err >= 0)
		close(start->err);
	if (start->page >= 0)
		close(start->page);
	*start = (struct fault_start){.out = -1, .err = -1, .page = -1, .space = FAULT_SPACE_NONE};
}

static char **words_of(char *text, size_t bytes)
{
	char **words = calloc(WORDS_MAX + 1, sizeof(*words));
	size_t count = 0;

	for (size_t at = 0; words && at < bytes && count < WORDS_MAX; at += strlen(text + at) + 1)
		words[count++] = text + at;
	return words;
}

/* All but the page of the faults library, which stays where the environment says that it is. */
static void close_others(const struct fault_start *start)
{
	unsigned number = (unsigned)start->page_number;

	if (start->page < 0) {
		(void)close_range(3, ~0u, 0);
		return;
	}
	if (start->page == start->page_number)
		(void)fcntl(start->page, F_SETFD, 0);
	else
		(void)dup2(start->page, start->page_number);
	if (number > 3)
		(void)close_range(3, number - 1, 0);
	(void)close_range(number < 3 ? 3 : number + 1, ~0u, 0);
}

/* In the new process. */
static _Noreturn void become(struct fault_start *start)
{
	char **arguments = words_of(start->arguments, start->argument_bytes);
	char **environment = words_of(start->environment, start->environment_bytes);
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)setsid();
	if (!arguments || !environment || null < 0 || chdir(start->cwd) ||
	    setns(start->space.fd, CLONE_NEWNET) || fault_rights_take(&start->rights))
		_exit(126);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(start->out >= 0 ? start->out : null, STDOUT_FILENO);
	(void)dup2(start->err >= 0 ? start->err : null, STDERR_FILENO);
	close_others(start);
	execve(start->exe, arguments, environment);
	_exit(127);
}

static bool answers(const struct fault_target *target)
{
	struct lwf_connection *connection;
	struct lwf_error error;

	if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, &error))
		return false;
	lwf_connection_close(connection);
	return true;
}

int fault_start_again(struct fault_target *target)
{
	uint64_t until = stress_clock_ns() + FAULT_WAIT_NS;
	pid_t pid;

	/* one that drains still answers, for a last time */
	if (!fault_wait_gone(&target->daemon, until))
		return -ETIMEDOUT;
	if (answers(target))
		return 0;
	fault_page_feed(target);
	pid = fork();
	if (pid == 0)
		become(&target->start);
	if (pid < 0)
		return -errno;
	for (; stress_clock_ns() < until; poll(NULL, 0, LOOK_MS))
		if (answers(target))
			return 0;
	return -ETIMEDOUT;
}
