/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_proc.c - one process of /proc; see owner_proc.h. Nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "owner_proc.h"
#include "owner_wire.h"

#define STAT_BYTES	 1024u
#define STATUS_BYTES	 2048u
#define STAT_PPID	 2u  /* fields behind the command, from 1 */
#define STAT_START_TIME	 20u /* field 22 of all */
#define LINK_BYTES	 64u
#define SOCKET_PREFIX	 "socket:["
#define PREFIX_BYTES	 (sizeof(SOCKET_PREFIX) - 1)
#define PID_STRING_BYTES 16u

int owner_proc_open(int procfs, uint32_t pid)
{
	char name[PID_STRING_BYTES];
	int fd;

	snprintf(name, sizeof(name), "%u", pid);
	fd = openat(procfs, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int owner_proc_open_links(int process)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

uint32_t owner_proc_parse_link(const char *text, size_t bytes)
{
	uint64_t inode = 0;

	if (bytes < PREFIX_BYTES + 2 || memcmp(text, SOCKET_PREFIX, PREFIX_BYTES) ||
	    text[bytes - 1] != ']')
		return 0;
	for (size_t n = PREFIX_BYTES; n < bytes - 1; n++) {
		if (text[n] < '0' || text[n] > '9')
			return 0;
		inode = inode * 10 + (uint64_t)(text[n] - '0');
		if (inode > UINT32_MAX)
			return 0;
	}
	return (uint32_t)inode;
}

int owner_proc_socket(int links, const char *name, uint32_t *inode)
{
	char text[LINK_BYTES];
	ssize_t bytes = readlinkat(links, name, text, sizeof(text));

	*inode = bytes > 0 ? owner_proc_parse_link(text, (size_t)bytes) : 0;
	return bytes < 0 ? -errno : 0;
}

/** Reads a small file whole, with an end. -errno, or bytes. */
static ssize_t read_file(int process, const char *name, char *text, size_t size)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	while (have < size - 1) {
		got = read(fd, text + have, size - 1 - have);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	if (got < 0)
		got = -errno;
	close(fd);
	text[have] = '\0';
	return got < 0 ? got : (ssize_t)have;
}

/* The command ends at the last ')' of the text: it may contain some itself. */
bool owner_proc_parse_stat(const char *text, size_t bytes, struct owner_process *result)
{
	const char *open = memchr(text, '(', bytes), *close = text + bytes, *at;
	size_t length;

	while (close > text && *--close != ')')
		;
	if (!open || close <= open || open == text || text[0] < '0' || text[0] > '9')
		return false;
	result->pid = (uint32_t)strtoul(text, NULL, 10);
	length = (size_t)(close - open) - 1;
	if (length >= sizeof(result->comm))
		length = sizeof(result->comm) - 1;
	memset(result->comm, 0, sizeof(result->comm));
	memcpy(result->comm, open + 1, length);
	at = close + 1;
	for (unsigned field = 1; field <= STAT_START_TIME; field++) {
		at += strspn(at, " ");
		if (!*at || *at == '\n')
			return false;
		if (field == STAT_PPID)
			result->ppid = (uint32_t)strtoul(at, NULL, 10);
		else if (field == STAT_START_TIME)
			result->start_time = strtoull(at, NULL, 10);
		at += strcspn(at, " \n");
	}
	return result->pid != 0;
}

/* The effective one: what the process may do now. */
static uint32_t parse_uid(const char *status)
{
	const char *line = strstr(status, "\nUid:");
	char *end;

	if (!line)
		return LWF_OWNER_NO_UID;
	(void)strtoul(line + 5, &end, 10);
	return (uint32_t)strtoul(end, NULL, 10);
}

int owner_proc_identify(int process, struct owner_process *result)
{
	char text[STATUS_BYTES] = "";
	ssize_t bytes = read_file(process, "stat", text, STAT_BYTES);

	memset(result, 0, sizeof(*result));
	if (bytes <= 0 || !owner_proc_parse_stat(text, (size_t)bytes, result))
		return -ESRCH;
	bytes = readlinkat(process, "exe", result->exe, sizeof(result->exe) - 1);
	result->exe[bytes > 0 ? bytes : 0] = '\0';
	if (read_file(process, "status", text, sizeof(text)) <= 0)
		return -ESRCH;
	result->uid = parse_uid(text);
	owner_text_clean(result->comm, sizeof(result->comm));
	owner_text_clean(result->exe, sizeof(result->exe));
	return 0;
}
