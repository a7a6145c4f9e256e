/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nsnet.h - network namespaces that the daemon works in.
 *
 * A namespace other than our own has one helper thread (lwf_netns_call()), which entered it once
 * and stays there; whatever has to be opened inside later (a netlink socket, an ingress link for an
 * interface that came back) is opened by that thread, so that nobody needs CAP_SYS_ADMIN after
 * start. Links are keyed by (namespace, ifindex); a namespace is told by device and inode of its
 * file.
 *
 * Threads: loop thread only.
 */
#ifndef LWF_DAEMON_NSNET_H
#define LWF_DAEMON_NSNET_H

#include <stdbool.h>
#include <stdint.h>

struct nsnet;

/**
 * The namespace @name (NULL or "": our own; a name in /run/netns, or a path with a slash), with one
 * reference for the caller. The same namespace by two names is one object. Returns 0, -ENOENT (no
 * such namespace), -EPERM (may not enter), -EINVAL (no namespace), -ENOMEM.
 */
int nsnet_get(const char *name, struct nsnet **ns);

/** One more reference. */
struct nsnet *nsnet_ref(struct nsnet *ns);

/** Gives a reference back; the last one frees it. Accepts NULL. */
void nsnet_put(struct nsnet *ns);

/** Runs @fn inside the namespace and waits for it; returns what it returned. Never from inside @fn.
 */
int nsnet_call(struct nsnet *ns, int (*fn)(void *argument), void *argument);

/** Inode of the namespace file: the part of the key that `lsns` prints. */
uint64_t nsnet_inode(const struct nsnet *ns);

/** A datagram socket inside, for interface ioctls; lent. */
int nsnet_ioctl_fd(const struct nsnet *ns);

#endif
