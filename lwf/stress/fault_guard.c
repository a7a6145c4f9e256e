/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_guard.c - the guardian: a child that undoes faults when its parent is gone.
 *
 * It is forked when all that undoing needs is open and read, and then waits for the end of its
 * parent, by a descriptor of that process, or for its goodbye. What is still marked in the shared page is then made as it
 * was. A signal to all of a terminal's processes does not end it, and it keeps no output open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

static _Noreturn void watch(struct fault_target *target, int parent, int goodbye, int ready)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
	int null = open("/dev/null", O_RDWR);
	struct pollfd at[] = {{.fd = parent, .events = POLLIN}, {.fd = goodbye, .events = POLLIN}};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)setsid();
	prctl(PR_SET_NAME, "lwf-stress-undo");
	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	for (unsigned i = 0; i < FAULT_SIDES; i++)
		if (fault_space_renew(&target->side[i].space))
			_exit(1);
	if (fault_space_renew(&target->away))
		_exit(1);
	(void)!write(ready, "", 1);
	close(ready);
	while (poll(at, 2, -1) < 0 && errno == EINTR)
		;
	if (!target->marks->well) {
		fault_hold_marked(target);
		(void)fault_mend_all(target);
	}
	_exit(0);
}

int fault_guard_start(struct fault_target *target, struct fault_guard *guard)
{
	int ends[2], ready[2], parent = (int)syscall(SYS_pidfd_open, getpid(), 0), err;
	char byte;

	guard->fd = -1;
	guard->pid = 0;
	if (parent < 0)
		return -errno;
	if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
		close(parent);
		return err;
	}
	if (pipe2(ready, O_CLOEXEC)) {
		err = -errno;
		close(parent);
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	guard->pid = fork();
	if (guard->pid == 0) {
		close(ends[1]);
		close(ready[0]);
		watch(target, parent, ends[0], ready[1]);
	}
	err = guard->pid < 0 ? -errno : 0;
	close(parent);
	close(ends[0]);
	close(ready[1]);
	/* nothing is done before there is somebody to undo it */
	if (!err && read(ready[0], &byte, 1) != 1)
		err = -ECHILD;
	close(ready[0]);
	guard->fd = ends[1];
	if (err)
		fault_guard_end(target, guard);
	return err;
}

void fault_guard_end(struct fault_target *target, struct fault_guard *guard)
{
	if (guard->fd < 0)
		return;
	/* what could not be undone is tried once more */
	target->marks->well = !target->marks->changed[FAULT_LOWER] &&
			      !target->marks->changed[FAULT_UPPER] &&
			      !target->marks->changed[FAULT_PEER];
	(void)!write(guard->fd, "",
		     1); /* others may have its other end open, so closing tells nothing */
	close(guard->fd);
	while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guard->fd = -1;
}
