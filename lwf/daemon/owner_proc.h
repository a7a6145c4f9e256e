/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_proc.h - one process of /proc, so that its pid cannot become another's while it is read.
 *
 * A process is opened once and read through that descriptor. When it ends, everything that is read
 * through it fails, also after its number was given to another process.
 */
#ifndef LWF_DAEMON_OWNER_PROC_H
#define LWF_DAEMON_OWNER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/flow.h>

struct owner_process {
	uint32_t pid, ppid, uid;
	uint32_t zero;
	uint64_t start_time; /* ticks since boot */
	char comm[LWF_OWNER_COMM_BYTES];
	char exe[LWF_OWNER_EXE_BYTES]; /* "" when it may not be read, and for kernel threads */
};

/** Opens @pid below @procfs, a descriptor of /proc. The caller closes it. -errno. */
int owner_proc_open(int procfs, uint32_t pid);

/** Opens its folder of descriptors, for reading. The caller closes it. -EACCES and -EPERM: not permitted. */
int owner_proc_open_links(int process);

/**
 * The inode of the socket that link @name in folder @links leads to; *inode 0: it is no socket. Returns 0, -ENOENT
 * (it is gone) or -EACCES (the folder could be read, its links cannot).
 */
int owner_proc_socket(int links, const char *name, uint32_t *inode);

/** Who it is. 0, or -ESRCH: it has ended. */
int owner_proc_identify(int process, struct owner_process *result);

/** Reads the text of /proc/PID/stat (a command may contain anything). False: it is none. */
bool owner_proc_parse_stat(const char *text, size_t bytes, struct owner_process *result);

/** Reads "socket:[N]" of @bytes. 0: it is no such text. */
uint32_t owner_proc_parse_link(const char *text, size_t bytes);

#endif
