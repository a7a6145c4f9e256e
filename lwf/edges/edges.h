/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edges.h - what this folder offers to the rest of the tree: the constructors, which are public, and
 * its limits, namespaces and helper threads, which are not.
 */
#ifndef LWF_EDGES_EDGES_H
#define LWF_EDGES_EDGES_H

#include <lwf/edges.h>

#define LWF_EDGE_POOL_FRAMES 128u /* super-frame buffers that one device edge owns */
#define LWF_EDGE_QUEUE_BYTES (8u << 20)
#define LWF_EDGE_RETRY_NS    1000000ull	  /* between tries of a send that found no room */
#define LWF_EDGE_HOLD_NS     100000000ull /* then RESOURCES */

/**
 * Runs fn(context) in network namespace @netns (as lwf_nic_lookup() takes it; NULL: calls it right here) and returns
 * what it returned. A thread enters each namespace once and stays, so that sockets can still be
 * opened there after the rights to enter are gone. -ENOENT when there is no such namespace, -EPERM.
 */
int lwf_netns_call(const char *netns, int (*fn)(void *context), void *context);

/** Closes @fd soon on a helper thread: that takes up to 47 ms for a device. Ignores -1. */
void lwf_close_later(int fd);

#endif
