/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_proc_test.c - a process of /proc that ends, and whose number another one gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "owner_scan.h"
#include "rig.h"

static int procfs;

/** A child that waits for a signal; with a pid of our choice, if that is not 0. -1: not permitted. */
static pid_t start_child(pid_t wanted)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid;

	if (wanted) {
		arguments.set_tid = (uint64_t)(uintptr_t)&wanted;
		arguments.set_tid_size = 1;
	}
	pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* PID-4 pid reuse: what was opened stays the old process, which has ended. */
static void test_a_number_that_is_given_again(void **state)
{
	struct owner_process first, second;
	pid_t pid = start_child(0), again;
	int old, links, new;

	(void)state;
	assert_true(pid > 0);
	old = owner_proc_open(procfs, (uint32_t)pid);
	assert_true(old >= 0);
	links = owner_proc_open_links(old);
	assert_true(links >= 0);
	assert_int_equal(owner_proc_identify(old, &first), 0);
	assert_int_equal(first.pid, pid);
	assert_int_equal(first.ppid, getpid());
	assert_int_equal(first.uid, geteuid());
	assert_true(first.start_time > 0);
	end_child(pid);
	assert_int_equal(owner_proc_identify(old, &second), -ESRCH);
	again = start_child(pid);
	if (again != pid) {
		print_message("a pid cannot be chosen here: the second half is left out\n");
	} else {
		uint32_t inode;

		assert_int_equal(owner_proc_identify(old, &second), -ESRCH);
		assert_true(owner_proc_open_links(old) < 0);
		assert_int_equal(owner_proc_socket(links, "0", &inode), -ENOENT);
		new = owner_proc_open(procfs, (uint32_t)pid);
		assert_int_equal(owner_proc_identify(new, &second), 0);
		assert_int_equal(second.pid, pid);
		close(new);
		end_child(again);
	}
	close(links);
	close(old);
}

static uint32_t inode_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return (uint32_t)status.st_ino;
}

static void test_holders_are_found(void **state)
{
	struct owner_scan *scan = owner_scan_create(procfs);
	struct owner_holders holders = {.sockets = 1};
	int mine = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
	int twice = dup(mine);
	pid_t child = start_child(0);
	uint32_t slices = 0;

	(void)state;
	assert_non_null(scan);
	assert_true(owner_scan_want(scan, inode_of(mine)));
	assert_true(owner_scan_want(scan, inode_of(mine)));
	while (!owner_scan_slice(scan))
		slices++;
	assert_int_equal(owner_scan_pass(scan)->slices, slices + 1);
	assert_true(owner_scan_pass(scan)->slice_links <= OWNER_SLICE_LINKS);
	owner_scan_holders(scan, inode_of(mine), &holders);
	assert_int_equal(holders.holders, 2); /* this process, once, and its child */
	assert_false(holders.missed);
	assert_true(holders.process[0]->pid == (uint32_t)getpid() ||
		    holders.process[1]->pid == (uint32_t)getpid());
	/* what was not wanted was not looked for, and says so */
	memset(&holders, 0, sizeof(holders));
	owner_scan_holders(scan, inode_of(other), &holders);
	assert_int_equal(holders.holders, 0);
	assert_true(holders.missed);
	/* a new pass remembers nothing */
	end_child(child);
	close(twice);
	owner_scan_clear(scan);
	assert_true(owner_scan_want(scan, inode_of(mine)));
	while (!owner_scan_slice(scan))
		;
	memset(&holders, 0, sizeof(holders));
	owner_scan_holders(scan, inode_of(mine), &holders);
	assert_int_equal(holders.holders, 1);
	owner_scan_destroy(scan);
	close(mine);
	close(other);
}

static void test_wishes_are_bounded(void **state)
{
	struct owner_scan *scan = owner_scan_create(procfs);

	(void)state;
	for (uint32_t n = 1; n <= OWNER_WANTED_MAX; n++)
		assert_true(owner_scan_want(scan, n));
	assert_false(owner_scan_want(scan, OWNER_WANTED_MAX + 1));
	assert_true(owner_scan_want(scan, 1));
	owner_scan_clear(scan);
	assert_true(owner_scan_want(scan, OWNER_WANTED_MAX + 1));
	owner_scan_destroy(scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_number_that_is_given_again),
		cmocka_unit_test(test_holders_are_found),
		cmocka_unit_test(test_wishes_are_bounded),
	};

	procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (procfs < 0)
		return 77;
	return cmocka_run_group_tests_name("owner_proc", tests, NULL, NULL);
}
