/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_descriptor.c - no descriptors: the whole system has none left (ENFILE).
 *
 * What makes an open file fails, for the daemon and for the processes that it forked: sockets, files, memory,
 * connections that wait to be accepted. What the C library opens for itself does not come by here. A limit of
 * the daemon's own (EMFILE) is the kernel's to keep, and needs no library.
 */
#undef _FORTIFY_SOURCE /* the headers would put functions of their own in the place of open() */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

static bool denied(void)
{
	if (!atomic_load_explicit(&faults_page->no_descriptors, memory_order_relaxed))
		return false;
	atomic_fetch_add(&faults_page->failed_descriptors, 1);
	errno = ENFILE;
	return true;
}

/* ---- files ---- */

static bool has_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

FAULTS_EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list more;
	FAULTS_NEXT(open);

	va_start(more, flags);
	if (has_mode(flags))
		mode = va_arg(more, mode_t);
	va_end(more);
	return denied() ? -1 : next(path, flags, mode);
}

FAULTS_EXPORT int openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list more;
	FAULTS_NEXT(openat);

	va_start(more, flags);
	if (has_mode(flags))
		mode = va_arg(more, mode_t);
	va_end(more);
	return denied() ? -1 : next(folder, path, flags, mode);
}

/* open() of programs that are built with _FORTIFY_SOURCE, when it makes no file. */
FAULTS_EXPORT int open_no_file(const char *path, int flags) __asm__("__open_2");

int open_no_file(const char *path, int flags)
{
	return open(path, flags);
}

FAULTS_EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
	FAULTS_NEXT(fopen);

	return denied() ? NULL : next(path, mode);
}

FAULTS_EXPORT DIR *opendir(const char *path)
{
	FAULTS_NEXT(opendir);

	return denied() ? NULL : next(path);
}

FAULTS_EXPORT int memfd_create(const char *name, unsigned flags)
{
	FAULTS_NEXT(memfd_create);

	return denied() ? -1 : next(name, flags);
}

FAULTS_EXPORT int eventfd(unsigned value, int flags)
{
	FAULTS_NEXT(eventfd);

	return denied() ? -1 : next(value, flags);
}

/* ---- sockets ---- */

FAULTS_EXPORT int socket(int domain, int type, int protocol)
{
	FAULTS_NEXT(socket);

	return denied() ? -1 : next(domain, type, protocol);
}

FAULTS_EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
	FAULTS_NEXT(socketpair);

	return denied() ? -1 : next(domain, type, protocol, pair);
}

FAULTS_EXPORT int accept4(int fd, struct sockaddr *restrict peer, socklen_t *restrict bytes,
			  int flags)
{
	FAULTS_NEXT(accept4);

	return denied() ? -1 : next(fd, peer, bytes, flags);
}
