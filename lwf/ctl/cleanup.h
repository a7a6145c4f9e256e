/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cleanup.h - `lwfctl cleanup`: undoes what a killed daemon, whose watchdog child was killed as
 * well, left.
 *
 * In the present network namespace: ingress filters of ours on interfaces that no living daemon has
 * claimed; addresses and routes of takeover journals that no living daemon has locked. In the
 * runtime directory: sockets that nobody answers, lock files that nobody holds, the directory when
 * it is then empty. Repeating it changes nothing.
 */
#ifndef LWF_CTL_CLEANUP_H
#define LWF_CTL_CLEANUP_H

#include <stddef.h>
#include <stdint.h>

struct cleanup_report {
	/** One thing was undone, or could not be: "eth1: ingress filter removed". May be NULL. */
	void (*line)(void *context, const char *text);
	void *context;
	uint32_t undone; /* out */
	uint32_t in_use; /* out: belong to a living daemon, left alone */
	uint32_t failed; /* out */
};

/**
 * Undoes everything. @control_path is the control socket, which lies in the runtime directory.
 * Returns 0, or the first -errno (-EPERM: rights are missing) after it has tried everything.
 */
int cleanup_run(const char *control_path, struct cleanup_report *report);

#endif
