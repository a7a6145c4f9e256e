/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.h - filters that were built outside of the tree.
 */
#ifndef LWF_DAEMON_LOAD_H
#define LWF_DAEMON_LOAD_H

#include <stddef.h>

#include <lwf/stack.h>

/**
 * Loads the shared object @path and registers its filters with @engine; it stays loaded until the
 * process ends. Returns 0, -ENOENT (it cannot be opened), -EINVAL (it holds no filters, they are of another
 * version of the interface, or their traits contradict their functions), -EEXIST (a filter of that
 * name is there) or -ENOSPC, with reason and next step in @error.
 */
int lwf_load_filters(struct lwf_engine *engine, const char *path, char *error, size_t error_bytes);

#endif
