/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns.h - a network namespace for a test that makes its own interfaces.
 */
#ifndef LWF_TESTS_NETNS_H
#define LWF_TESTS_NETNS_H

#include <stdbool.h>

/**
 * Puts the calling process, which has one thread, into a network namespace of its own; an ordinary
 * user becomes root of a user namespace. PATH then finds ip and tc. False where that, or a veth, is
 * not to be had: skip.
 */
bool netns_enter(void);

#endif
