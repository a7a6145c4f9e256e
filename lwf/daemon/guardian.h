/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guardian.h - the watchdog child that tidies up when the daemon is killed.
 *
 * It is forked before there are threads or devices, holds one end of a socket pair and nothing
 * else, and keeps CAP_NET_ADMIN alone. The daemon tells it what would have to be undone: prepared
 * netlink requests for a netlink socket of the right namespace, ingress filters, and files. When
 * the socket closes without a goodbye it does all that, newest first, and exits; after a goodbye it
 * just exits. It never decides anything.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_GUARDIAN_H
#define LWF_DAEMON_GUARDIAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct guardian;
struct lwf_host;
struct nsnet;

#define GUARDIAN_KEY_BYTES	    64u
#define GUARDIAN_ENTRIES_MAX	    256u
#define GUARDIAN_REQUESTS_MAX_BYTES (4u << 20) /* of netlink requests in one entry */
#define GUARDIAN_PATIENCE_MS	    500	       /* with a child that does not take a message */

/**
 * Forks the child. First thing in main(), before any thread, socket or device. Returns 0 or -errno.
 * The child never returns from here.
 */
int guardian_start(struct guardian **guardian);

/**
 * Sets what entry @key undoes: @bytes of netlink requests, one after the other, each sent in order
 * inside @ns (errors are ignored). Replaces an entry of the same key; 0 bytes forgets it. Copied. A
 * NULL guardian is accepted and does nothing. Returns 0, -ENOSPC, -EMSGSIZE, or -EPIPE when the
 * child is dead.
 */
int guardian_requests(struct guardian *guardian, const char *key, struct nsnet *ns,
		      const void *requests, size_t bytes);

/**
 * Entry @key opens the ingress of @ifindex in @ns again (lwf_clsact_open()). Replaces likewise; 0
 * forgets it.
 */
int guardian_ingress(struct guardian *guardian, const char *key, struct nsnet *ns,
		     uint32_t ifindex);

/**
 * Will remove the file (or the empty directory) at absolute @path, if it is then still the one that
 * is there now (same device and inode). Returns 0 or -errno likewise.
 */
int guardian_file(struct guardian *guardian, const char *path);

/** Forgets a file. */
void guardian_forget_file(struct guardian *guardian, const char *path);

/**
 * From now on the child's end is noticed, and the log says it with what to do. Returns 0 or -errno.
 * One that takes no message for GUARDIAN_PATIENCE_MS (somebody stopped it) is ended, and that is
 * said too: its list would be out of date, and the loop must not wait for it.
 */
int guardian_follow(struct guardian *guardian, struct lwf_host *host);

/** Before the host goes. Accepts NULL, and one that is not followed. */
void guardian_unfollow(struct guardian *guardian);

/** Says goodbye, waits for the child's end, frees. Undo everything yourself before. Accepts NULL.
 */
void guardian_finish(struct guardian *guardian);

#endif
