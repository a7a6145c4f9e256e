/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.h - the rights that the daemon keeps after start.
 *
 * CAP_NET_ADMIN and CAP_NET_RAW stay, effective and permitted; all others go, from the bounding set
 * too where that is allowed, and no_new_privs is set. Capabilities belong to threads in Linux:
 * those that are started later inherit, those of lwf/edges that were started earlier have dropped
 * theirs themselves. Without libcap-ng nothing is dropped.
 *
 * Core dumps stay possible. They would show frames of others, but only root can get at them (or, in
 * a user namespace, the user whose frames they are), and a dump is what explains a crash. An
 * administrator forbids them with LimitCORE=0 or `ulimit -c 0`.
 */
#ifndef LWF_DAEMON_SANDBOX_H
#define LWF_DAEMON_SANDBOX_H

#include <stddef.h>

/**
 * Gives up the chance to gain rights by starting programs (no_new_privs), here and in all threads
 * and children to come: before any of these is made.
 */
void sandbox_begin(void);

/** Drops rights. Call on the main thread when all devices and namespaces are open. 0 or -errno. */
int sandbox_enter(void);

/** Drops all but CAP_NET_ADMIN in a process of one thread, the guardian. 0 or -errno. */
int sandbox_enter_guardian(void);

/**
 * Drops all but CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH in a process of one thread, the resolver, and all
 * system calls but those that read files, wait, and speak on sockets that are there. 0 or -errno; where
 * there is no libseccomp, or a sanitizer needs more calls, the calls stay.
 */
int sandbox_enter_resolver(void);

/**
 * Writes what any thread still has, for `show`: "net_admin,net_raw no_new_privs" (capabilities
 * without a name here as a hexadecimal mask). From /proc/self/task.
 */
void sandbox_describe(char *text, size_t bytes);

#endif
