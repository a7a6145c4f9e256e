/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.h - the rights that the daemon keeps after start.
 *
 * CAP_NET_ADMIN and CAP_NET_RAW stay, effective and permitted, in every thread that exists; all
 * others go, from the bounding set too where that is allowed, and no_new_privs is set. Capabilities
 * belong to threads in Linux, so each thread is made to drop its own. Without libcap-ng nothing is
 * dropped.
 *
 * Core dumps: a process that changed its rights is not dumpable, and stays so: its memory holds
 * other people's frames. LWFD_DUMPABLE=1 in the environment makes it dumpable, for debugging.
 */
#ifndef LWF_DAEMON_SANDBOX_H
#define LWF_DAEMON_SANDBOX_H

#include <stddef.h>

/** Drops rights in all threads. Call when all devices and namespaces are open. 0 or -errno. */
int sandbox_enter(void);

/** Drops all but CAP_NET_ADMIN in the calling process, which has one thread (the guardian). 0 or
 * -errno. */
int sandbox_enter_guardian(void);

/** Writes what is kept, for `show`: "net_admin,net_raw no_new_privs". From /proc/self/status. */
void sandbox_describe(char *text, size_t bytes);

#endif
