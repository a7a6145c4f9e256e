/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cleanup.c - `lwfctl cleanup`; see cleanup.h.
 *
 * Everything is found by looking, nothing is believed: a filter by its handle and program, a living daemon by the
 * claim on the NIC (a bound abstract socket that ends with its process), by the lock on its files, and by
 * whether its socket answers. While a filter is taken away the claim is held here, so that no daemon
 * starts meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "leftovers.h"

#define PATH_BYTES 512u
#define TEMPORARY  ".lwf-" /* and a pid: lwf/daemon/socket.c */

struct cleanup {
	struct cleanup_report *report;
	int netlink;
	uint64_t netns;
	int first_error;
};

enum outcome { UNDONE, IN_USE, FAILED };

__attribute__((format(printf, 3, 4))) static void tell(struct cleanup *cleanup,
						       enum outcome outcome, const char *format,
						       ...)
{
	struct cleanup_report *report = cleanup->report;
	char text[PATH_BYTES + 256];
	va_list arguments;

	report->undone += outcome == UNDONE;
	report->in_use += outcome == IN_USE;
	report->failed += outcome == FAILED;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (report->line)
		report->line(report->context, text);
}

static void fail(struct cleanup *cleanup, const char *what, const char *thing, int error)
{
	if (!cleanup->first_error)
		cleanup->first_error = error;
	tell(cleanup, FAILED, "%s: %s could not be removed (%s)", what, thing, strerror(-error));
}

/* ---- ingress filters ---- */

/** The name by which lwfd claims an interface (lwf/edges/claim.c). The socket, or -errno. */
static int claim(uint32_t ifindex)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length =
		snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "lwf/nic/%u", ifindex);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void clean_interface(struct cleanup *cleanup, uint32_t ifindex, const char *name)
{
	int fd, removed;

	if (!lwf_clsact_is_shut(cleanup->netlink, ifindex))
		return;
	fd = claim(ifindex);
	if (fd == -EADDRINUSE) {
		tell(cleanup, IN_USE, "%s: its ingress filter belongs to a running lwfd", name);
		return;
	}
	removed = fd < 0 ? fd : lwf_clsact_open(cleanup->netlink, ifindex);
	if (fd >= 0)
		close(fd);
	if (removed < 0)
		fail(cleanup, name, "ingress filter", removed);
	else
		tell(cleanup, UNDONE, "%s: ingress filter removed", name);
}

static void clean_interfaces(struct cleanup *cleanup)
{
	struct if_nameindex *list = if_nameindex();

	for (struct if_nameindex *one = list; one && one->if_index; one++)
		clean_interface(cleanup, one->if_index, one->if_name);
	if_freenameindex(list);
}

/* ---- the runtime directory ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), wanted = strlen(suffix);

	return length > wanted && !strcmp(name + length - wanted, suffix);
}

static void clean_journal(struct cleanup *cleanup, const char *path)
{
	struct lwf_journal head = {0};

	switch (lwf_journal_restore(path, cleanup->netlink, cleanup->netns, &head)) {
	case LWF_RESTORE_DONE:
		tell(cleanup, UNDONE, "%s: addresses and routes moved back from %s", head.nic_name,
		     head.tap_name);
		break;
	case LWF_RESTORE_LIVE:
		tell(cleanup, IN_USE, "%s: belongs to a running lwfd", path);
		break;
	case LWF_RESTORE_FOREIGN:
		tell(cleanup, IN_USE, "%s: is about %s in another network namespace; run it there",
		     path, head.nic_name);
		break;
	case LWF_RESTORE_NO_NIC:
		tell(cleanup, FAILED,
		     "%s: %s does not exist now; run it again when it does, or "
		     "remove the file",
		     path, head.nic_name);
		break;
	case LWF_RESTORE_REFUSED:
		cleanup->first_error = cleanup->first_error ? cleanup->first_error : -EPERM;
		tell(cleanup, FAILED, "%s: addresses and routes could not be moved back (%s)",
		     head.nic_name, strerror(EPERM));
		break;
	case LWF_RESTORE_BROKEN:
		fail(cleanup, path, "a journal that cannot be read", -EBADMSG);
		break;
	}
}

/** True when nobody answers at the socket @path. */
static bool is_dead_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool dead;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	dead = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
	       errno == ECONNREFUSED;
	close(fd);
	return dead;
}

/** True when @name is that of a socket which process PID makes before it shows it, and PID lives. */
static bool is_being_made(const char *name)
{
	long pid;

	if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) != 0)
		return false;
	pid = strtol(name + strlen(TEMPORARY), NULL, 10);
	return pid > 0 && (!kill((pid_t)pid, 0) || errno == EPERM);
}

static void clean_socket(struct cleanup *cleanup, const char *path)
{
	if (!is_dead_socket(path)) {
		tell(cleanup, IN_USE, "%s: a running lwfd answers there", path);
		return;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		fail(cleanup, path, "dead socket", -errno);
	else
		tell(cleanup, UNDONE, "%s: dead socket removed", path);
}

static void clean_lock(struct cleanup *cleanup, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat opened, there;

	if (fd < 0) {
		if (errno != ENOENT)
			fail(cleanup, path, "lock file", -errno);
		return;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		tell(cleanup, IN_USE, "%s: a running lwfd holds it", path);
	else if (fstat(fd, &opened) || lstat(path, &there) || opened.st_ino != there.st_ino)
		; /* somebody else's by now */
	else if (unlink(path) < 0)
		fail(cleanup, path, "lock file", -errno);
	else
		tell(cleanup, UNDONE, "%s: lock file removed", path);
	close(fd);
}

/** One file of the directory. Files that are not ours by name and kind stay. */
static void clean_file(struct cleanup *cleanup, const char *directory, const char *name,
		       const char *control_name)
{
	char path[PATH_BYTES], lock[300];
	struct stat status;
	int bytes = snprintf(path, sizeof(path), "%s/%s", directory, name);

	if (bytes < 0 || (size_t)bytes >= sizeof(path) || lstat(path, &status))
		return;
	snprintf(lock, sizeof(lock), "%s.lock", control_name);
	if (S_ISREG(status.st_mode) && ends_with(name, LWF_JOURNAL_SUFFIX))
		clean_journal(cleanup, path);
	else if (S_ISREG(status.st_mode) && !strcmp(name, lock))
		clean_lock(cleanup, path);
	else if (S_ISSOCK(status.st_mode) &&
		 (!strcmp(name, control_name) || !strncmp(name, TEMPORARY, strlen(TEMPORARY))) &&
		 !is_being_made(name))
		clean_socket(cleanup, path);
}

static void clean_directory(struct cleanup *cleanup, const char *control_path)
{
	char directory[PATH_BYTES];
	const char *control_name;
	uint32_t before = cleanup->report->undone;
	struct dirent *file;
	char *slash;
	DIR *files;

	if ((size_t)snprintf(directory, sizeof(directory), "%s", control_path) >= sizeof(directory))
		return;
	slash = strrchr(directory, '/');
	control_name = slash ? control_path + (slash - directory) + 1 : control_path;
	if (slash)
		slash[slash == directory] = '\0';
	else
		snprintf(directory, sizeof(directory), ".");
	files = opendir(directory);
	if (!files) {
		if (errno != ENOENT)
			fail(cleanup, directory, "its content", -errno);
		return;
	}
	while ((file = readdir(files)))
		clean_file(cleanup, directory, file->d_name, control_name);
	closedir(files);
	/* a directory that was empty before us is not ours to judge */
	if (cleanup->report->undone != before && !rmdir(directory))
		tell(cleanup, UNDONE, "%s: empty runtime directory removed", directory);
}

int cleanup_run(const char *control_path, struct cleanup_report *report)
{
	struct cleanup cleanup = {.report = report};
	struct stat own;
	int error;

	report->undone = report->in_use = report->failed = 0;
	if (stat("/proc/self/ns/net", &own) < 0)
		return -errno;
	cleanup.netns = own.st_ino;
	error = lwf_netlink_open(&cleanup.netlink);
	if (error)
		return error;
	clean_interfaces(&cleanup);
	clean_directory(&cleanup, control_path);
	close(cleanup.netlink);
	return cleanup.first_error;
}
